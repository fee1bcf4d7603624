//! The spans of a trace: a request, and what follows from it on the other side of the bus. They are recorded where the
//! subscriber has the [`layer`].

use axum::extract::Request;
use axum::http::Method;
use muster_commands::Trace;
use muster_domain::RecordedEvent;
use opentelemetry::global::get_text_map_propagator;
use opentelemetry::trace::{Status, TraceContextExt as _, TracerProvider as _};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::field::display;
use tracing::{Metadata, Span, Subscriber, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// Records the spans of Muster's own crates as OpenTelemetry's, and gives them to this provider. Which log lines are
/// written has no say in it.
pub fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let own = |metadata: &Metadata<'_>| metadata.is_span() && metadata.target().starts_with("muster");
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("muster"));
    // Names of source files and threads help nobody who looks at a request.
    layer.with_location(false).with_threads(false).with_tracked_inactivity(false).with_filter(filter_fn(own))
}

/// Makes the span of a request follow from what its sender names, in the form that this program has set for it
/// (`opentelemetry::global::set_text_map_propagator`). If the trace is recorded, the span says so.
pub(crate) fn follow_sender(request: &Request, span: &Span, method: &Method, route: &str) {
    let sender = get_text_map_propagator(|form| form.extract(&HeaderExtractor(request.headers())));
    // Without a layer that records spans there is no parent to be set, and none is missed.
    let _ = span.set_parent(sender);
    if let Some(trace) = Trace::of(span) {
        span.record("trace_id", display(trace.place().trace_id()));
        span.context().span().update_name(format!("{method} {route}"));
        span.set_attribute("http.request.method", method.to_string());
        span.set_attribute("http.route", route.to_owned());
    }
}

/// Says in the span of a request what became of it.
pub(crate) fn answered(span: &Span, status: u16) {
    span.set_attribute("http.response.status_code", i64::from(status));
    if status >= 500 {
        span.set_status(Status::error(""));
    }
}

/// What it takes to do this with an event, like `project task-list`, after what led to it.
pub fn follow_up(work: &str, event: &RecordedEvent, trace: &Trace) -> Span {
    let RecordedEvent { stream, version, correlation_id, .. } = event;
    let span = info_span!("follow-up", otel.kind = "consumer", otel.name = work, %stream, version, correlation_id);
    trace.lead_to(&span);
    span
}

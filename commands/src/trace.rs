//! The trace of OpenTelemetry that a commit belongs to. It goes with the commit into the store, and from there with each
//! event over the bus, so that one trace shows a request and every row that came of it. Nothing depends on it.

use std::collections::HashMap;
use std::fmt;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The field of W3C Trace Context, level 1, that names a trace and a span of it.
const TRACEPARENT: &str = "traceparent";

/// A place in a trace that is recorded: what follows from it names it as its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace(SpanContext);

impl Trace {
    /// The place of the span that this is called in; `None` when no trace is recorded.
    pub fn current() -> Option<Self> {
        Self::of(&Span::current())
    }

    /// The place of this span; `None` when no trace is recorded.
    pub fn of(span: &Span) -> Option<Self> {
        Self::recorded(span.context().span().span_context())
    }

    /// The place that a header of W3C's form names, like `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`;
    /// `None` when it is not of that form, or its trace is not recorded.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let fields = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &fields);
        Self::recorded(context.span().span_context())
    }

    /// This place, if its trace is recorded.
    pub fn recorded(place: &SpanContext) -> Option<Self> {
        (place.is_valid() && place.is_sampled()).then(|| Self(place.clone()))
    }

    /// Makes a span follow from this place.
    pub fn lead_to(&self, span: &Span) {
        // Without a layer that records spans there is no parent to be set, and none is missed.
        let _ = span.set_parent(Context::new().with_remote_span_context(self.0.clone()));
    }

    /// The place, as OpenTelemetry has it.
    pub const fn place(&self) -> &SpanContext {
        &self.0
    }
}

/// In W3C's form.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.0.trace_id(), self.0.span_id(), self.0.trace_flags())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const RECORDED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// Runs what records its spans as this sampler says.
    fn with_sampler<T>(sampler: Sampler, work: impl FnOnce() -> T) -> T {
        let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        with_default(tracing_subscriber::registry().with(layer), work)
    }

    #[test]
    fn a_place_is_written_as_it_is_read() {
        assert_eq!(Trace::parse(RECORDED).unwrap().to_string(), RECORDED);
    }

    #[test]
    fn what_names_no_recorded_place_is_none() {
        let not_recorded = RECORDED.replace("-01", "-00");
        let nowhere = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        for header in ["", "hello", nowhere, &not_recorded, "00-4bf92f3577b34da6a3ce929d0e0e4736-01"] {
            assert_eq!(Trace::parse(header), None, "{header:?}");
        }
    }

    #[test]
    fn a_span_that_follows_from_a_place_is_of_its_trace() {
        let place = Trace::parse(RECORDED).unwrap();
        let next = with_sampler(Sampler::AlwaysOn, || {
            let span = tracing::info_span!("next");
            place.lead_to(&span);
            Trace::of(&span).unwrap()
        });
        assert_eq!(next.place().trace_id(), place.place().trace_id());
        assert_ne!(next.place().span_id(), place.place().span_id());
    }

    #[test]
    fn a_span_of_which_nothing_is_recorded_is_no_place() {
        assert_eq!(Trace::of(&tracing::info_span!("nobody listens")), None);
        assert_eq!(with_sampler(Sampler::AlwaysOff, || Trace::of(&tracing::info_span!("left out"))), None);
    }
}

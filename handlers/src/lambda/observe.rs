//! What a Lambda tells about itself: logs as JSON lines, metrics in CloudWatch's embedded metric format between them, and
//! the spans of its traces, which X-Ray's daemon takes.

use std::io;
use std::net::SocketAddr;

use lambda_runtime::Error;
use metrics_cloudwatch_embedded::{Builder, Collector};
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use opentelemetry_aws::trace::XrayPropagator;
use opentelemetry_aws::xray_exporter::daemon_client::XrayDaemonClient;
use opentelemetry_aws::xray_exporter::{SegmentTranslator, XrayExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, registry};

use crate::trace;

/// CloudWatch's name for all of Muster's metrics.
const NAMESPACE: &str = "Muster";

/// Where X-Ray's daemon listens: Lambda sets it.
const XRAY_DAEMON: &str = "AWS_XRAY_DAEMON_ADDRESS";

/// Holds the metrics of one invocation until they are written.
pub type Metrics = &'static Collector;

/// Begins to log, at the level in `MUSTER_LOG` (`info` if it is not set), and to record the traces that Lambda says are
/// recorded.
pub fn log_and_trace() -> Result<(), Error> {
    let filter = EnvFilter::try_from_env("MUSTER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().json().with_current_span(true).without_time().with_filter(filter);
    let provider = spans_to_daemon()?;
    registry().with(lines).with(provider.as_ref().map(trace::layer)).init();
    Ok(())
}

/// Sends each span to X-Ray's daemon as soon as it ends, in one datagram: Lambda may freeze the process after its answer. No
/// provider where there is no daemon, as Lambda has one only for functions that are traced.
fn spans_to_daemon() -> Result<Option<SdkTracerProvider>, Error> {
    let Ok(daemon) = std::env::var(XRAY_DAEMON) else { return Ok(None) };
    opentelemetry::global::set_text_map_propagator(XrayPropagator::default());
    let name = std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|_| "muster".to_owned());
    let daemon = XrayDaemonClient::new(daemon.parse::<SocketAddr>()?)?;
    // So that X-Ray finds a trace by its task or its request.
    let exporter = XrayExporter::new(daemon).with_translator(SegmentTranslator::new().index_all_attrs());
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(Segments(exporter))
        .with_resource(Resource::builder_empty().with_service_name(name).build())
        // What is recorded was decided where the trace began.
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
        .build();
    Ok(Some(provider))
}

/// X-Ray draws a node for a segment, and makes one of a server's span only. What a Lambda does is work of its own, whatever
/// called it: each of its spans becomes a segment, with the function's name and the span's beside it.
#[derive(Debug)]
struct Segments(XrayExporter<XrayDaemonClient>);

impl SpanExporter for Segments {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        for span in &mut batch {
            span.span_kind = SpanKind::Server;
            span.attributes.push(KeyValue::new("work", span.name.clone()));
        }
        self.0.export(batch).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Begins to log and trace, and to count for the stage in `MUSTER_STAGE`.
pub fn observe() -> Result<Metrics, Error> {
    log_and_trace()?;
    let stage = std::env::var("MUSTER_STAGE").unwrap_or_else(|_| "local".to_owned());
    let metrics = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension("stage", stage).init()?;
    crate::metrics::describe();
    Ok(metrics)
}

/// Does the work of one invocation, then writes what was counted meanwhile.
pub async fn observed<T>(metrics: Metrics, work: impl Future<Output = T>) -> T {
    let done = work.await;
    if let Err(error) = metrics.flush(io::stdout().lock()) {
        tracing::warn!(%error, "the metrics could not be written");
    }
    done
}

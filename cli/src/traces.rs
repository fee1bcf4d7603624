//! The traces of this program, for a collector of OpenTelemetry if the environment names one.

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;

use crate::report::{Failure, failed};

/// Where the collector is: OpenTelemetry's own variables. They say more: which share of the traces is recorded, how long
/// an export may take, which headers it has.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
/// The program's name among others; `OTEL_SERVICE_NAME` gives it another.
const NAME: &str = "muster";

/// What records and exports them, if anything does.
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// As the environment says. A collector that does not answer holds nothing up: its spans are lost, without a word.
    pub fn from_environment() -> Result<Self, Failure> {
        if ENDPOINTS.iter().all(|name| std::env::var_os(name).is_none_or(|endpoint| endpoint.is_empty())) {
            return Ok(Self(None));
        }
        let exporter =
            SpanExporter::builder().with_http().build().map_err(failed("reaching the collector of traces"))?;
        let name = std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| NAME.to_owned());
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(Resource::builder().with_service_name(name).build())
            .build();
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        Ok(Self(Some(provider)))
    }

    /// What records them.
    pub const fn provider(&self) -> Option<&SdkTracerProvider> {
        self.0.as_ref()
    }

    /// Exports what is left.
    pub fn end(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown()) {
            tracing::warn!(%error, "some spans of traces were not exported");
        }
    }
}

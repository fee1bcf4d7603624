//! The AWS SDK's HTTP client, without HTTP: a request goes to the engine's thread and its answer comes back.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use bytes::Bytes;

use crate::dispatch::Answer;
use crate::engine::Inner;

/// The content type of DynamoDB's requests and answers.
pub(crate) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// The header that names the operation.
pub(crate) const TARGET: &str = "x-amz-target";

/// An SDK client over `connector`. Requests are unsigned: whoever holds the engine or may open its socket may use
/// it, and so there is no credential to look up, to cache or to leak.
pub(crate) fn client_over(connector: impl HttpConnector + 'static) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .endpoint_url("http://embedded.invalid")
        .allow_no_auth()
        .retry_config(RetryConfig::standard())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(SharedHttpClient::new(OneConnector(SharedHttpConnector::new(connector))))
        .build();
    Client::from_conf(config)
}

/// The SDK asks for a connector for each set of timeouts; there is one for all. Timeouts of whole operations and
/// attempts are kept by the SDK itself.
#[derive(Debug)]
struct OneConnector(SharedHttpConnector);

impl HttpClient for OneConnector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.0.clone()
    }
}

/// Hands requests to the engine in this process.
#[derive(Debug)]
pub(crate) struct InProcess {
    pub(crate) engine: Arc<Inner>,
    /// Whether its writes are answered without a sync.
    pub(crate) derived: bool,
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get(TARGET).unwrap_or_default().to_owned();
        let Some(body) = request.body().bytes().map(Bytes::copy_from_slice) else {
            return HttpConnectorFuture::ready(Err(ConnectorError::user("a DynamoDB request has no stream".into())));
        };
        let answer = self.engine.execute(target, body, self.derived);
        HttpConnectorFuture::new(async move { response(answer.await) })
    }
}

/// The answer as the SDK's response type. `x-amz-crc32` is left out: the SDK checks it only when it is there, and
/// here nothing can garble a body on the way.
pub(crate) fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(answer.status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("content-type", CONTENT_TYPE);
    Ok(response)
}

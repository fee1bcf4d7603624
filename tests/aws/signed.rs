//! Signed requests to AWS's services, as an operator's command line makes them.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use serde_json::Value;

use crate::deployment::Deployment;

/// Where the stage is.
const REGION: &str = "us-east-1";

impl Deployment {
    /// Calls a service that speaks JSON.
    pub(crate) async fn json(&self, service: &str, target: &str, body: &Value) -> Value {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        let text = self.call(service, "POST", "/", &headers, &body.to_string()).await;
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Calls IAM, with one action and its parameters.
    pub(crate) async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let parameters = parameters.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value)));
        let action = [format!("Action={action}"), "Version=2010-05-08".to_owned()];
        let form = action.into_iter().chain(parameters).collect::<Vec<_>>().join("&");
        self.call("iam", "POST", "/", &[("content-type", "application/x-www-form-urlencoded")], &form).await
    }

    /// One signed request.
    pub(crate) async fn call(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> String {
        let url = format!("{}{path}", self.endpoint);
        let identity = Credentials::from_keys("test", "test", None).into();
        let mut params = SigningParams::builder().identity(&identity).region(REGION).name(service);
        params = params.time(std::time::SystemTime::now()).settings(SigningSettings::default());
        let params = params.build().unwrap().into();
        let host = self.endpoint.trim_start_matches("http://").to_owned();
        let signed = headers.iter().copied().chain([("host", host.as_str())]);
        let request = SignableRequest::new(method, &url, signed, SignableBody::Bytes(body.as_bytes())).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = reqwest::Client::new().request(method, &url).body(body.to_owned());
        for (name, value) in headers.iter().copied().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{service} {path}: {status}: {text}");
        text
    }
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

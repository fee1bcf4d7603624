//! The channels on AWS: e-mail by SES, and a topic of SNS for whoever subscribes to it.

use async_trait::async_trait;
use aws_sdk_sesv2::error::SdkError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};

use crate::notifier::{Channel, Letter, NotSent};

/// E-mail by SES.
pub(super) struct Ses {
    client: aws_sdk_sesv2::Client,
    from: String,
}

impl Ses {
    /// From this address.
    pub(super) const fn new(client: aws_sdk_sesv2::Client, from: String) -> Self {
        Self { client, from }
    }
}

#[async_trait]
impl Channel for Ses {
    fn name(&self) -> &'static str {
        "e-mail"
    }

    async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
        let text = |data: &str| Content::builder().data(data).charset("UTF-8").build();
        let not_sent = |error| NotSent(Box::new(error));
        let body = Body::builder().text(text(&letter.text).map_err(not_sent)?).build();
        let message = Message::builder().subject(text(&letter.subject).map_err(not_sent)?).body(body).build();
        let to = Destination::builder().to_addresses(&letter.address).build();
        let content = EmailContent::builder().simple(message).build();
        let send = self.client.send_email().from_email_address(&self.from).destination(to).content(content);
        certainly(send.send().await)
    }
}

/// A topic of SNS. It carries what the letter says and whom it concerns, and no address.
pub(super) struct Sns {
    client: aws_sdk_sns::Client,
    topic: String,
}

impl Sns {
    /// The topic with this ARN.
    pub(super) const fn new(client: aws_sdk_sns::Client, topic: String) -> Self {
        Self { client, topic }
    }
}

#[async_trait]
impl Channel for Sns {
    fn name(&self) -> &'static str {
        "topic"
    }

    async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
        let message = serde_json::to_string(letter).map_err(|error| NotSent(Box::new(error)))?;
        certainly(self.client.publish().topic_arn(&self.topic).message(message).send().await)
    }
}

/// Only a refusal is certain: after a timeout it may have been sent all the same.
fn certainly<T, E, R>(answer: Result<T, SdkError<E, R>>) -> Result<(), NotSent>
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(()),
        Err(error @ (SdkError::ServiceError(_) | SdkError::ConstructionFailure(_))) => Err(NotSent(Box::new(error))),
        Err(error) => {
            tracing::error!(%error, "it is not known whether a letter was sent");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use aws_sdk_sesv2::config::retry::RetryConfig;
    use aws_sdk_sesv2::config::{BehaviorVersion, Region};
    use aws_sdk_sesv2::error::DisplayErrorContext;
    use axum::http::StatusCode;
    use axum::routing::post;
    use axum::{Json, Router};
    use muster_domain::{TaskId, UserId};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    async fn listen() -> (tokio::net::TcpListener, SocketAddr) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// What becomes of a letter that is sent through a service at this address; why it was not sent, in words.
    async fn send(address: SocketAddr) -> Result<(), String> {
        let config = aws_sdk_sesv2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .allow_no_auth()
            .retry_config(RetryConfig::disabled())
            .endpoint_url(format!("http://{address}"))
            .build();
        let mail = Ses::new(aws_sdk_sesv2::Client::from_conf(config), "muster@example.com".to_owned());
        let letter = Letter {
            recipient: UserId(Uuid::from_u128(1)),
            name: "Ada".to_owned(),
            address: "ada@example.com".to_owned(),
            subject: "Yours now".to_owned(),
            text: "Hello".to_owned(),
            task: TaskId(Uuid::from_u128(2)),
        };
        mail.send(&letter).await.map_err(|NotSent(reason)| DisplayErrorContext(&*reason).to_string())
    }

    async fn answering(status: StatusCode, answer: serde_json::Value) -> SocketAddr {
        let (listener, address) = listen().await;
        let router = Router::new().fallback(post(async move || (status, Json(answer))));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    #[tokio::test]
    async fn what_is_refused_was_certainly_not_sent() {
        let refusal = json!({ "__type": "TooManyRequestsException", "message": "slow down" });

        let refused = send(answering(StatusCode::TOO_MANY_REQUESTS, refusal).await).await;

        let reason = refused.expect_err("a refusal");
        assert!(reason.contains("TooManyRequestsException"), "{reason}");
    }

    #[tokio::test]
    async fn what_is_taken_was_sent() {
        let taken = send(answering(StatusCode::OK, json!({ "MessageId": "1" })).await).await;

        assert_eq!(taken, Ok(()));
    }

    #[tokio::test]
    async fn what_has_no_answer_counts_as_sent_so_that_nobody_gets_it_twice() {
        let (listener, address) = listen().await;
        let hung_up = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });

        let unknown = send(address).await;

        hung_up.await.unwrap();
        assert_eq!(unknown, Ok(()));
    }
}

//! The channels on AWS: e-mail by SES, and a topic of SNS for whoever subscribes to it.

use async_trait::async_trait;
use aws_sdk_sesv2::error::ProvideErrorMetadata as _;
use aws_sdk_sesv2::error::SdkError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader};

use crate::mail::{Letter, Mailer, NotSent};
use crate::notifier::{self, Channel};

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

/// SES gives a letter its date and its name. When it is not known whether it took one, it counts as sent.
#[async_trait]
impl Mailer for Ses {
    async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
        let text = |data: &str| Content::builder().data(data).charset("UTF-8").build();
        let not_sent = |_| NotSent::ever("the letter could not be put together");
        let body = Body::builder().text(text(&letter.text).map_err(not_sent)?).build();
        let by_a_program = MessageHeader::builder().name("Auto-Submitted").value("auto-generated").build();
        let message = Message::builder().subject(text(&letter.subject).map_err(not_sent)?).body(body);
        let message = message.headers(by_a_program.map_err(not_sent)?).build();
        let to = Destination::builder().to_addresses(letter.to.as_str()).build();
        let content = EmailContent::builder().simple(message).build();
        let send = self.client.send_email().from_email_address(&self.from).destination(to).content(content);
        // What SES says of it may name the person; its code does not.
        certainly(send.send().await).map_err(|error| match error.code() {
            Some(code) => NotSent::yet(format!("SES refused it ({code})")),
            None => NotSent::yet("SES refused it"),
        })
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

    async fn send(&self, letter: &notifier::Letter) -> Result<(), notifier::NotSent> {
        let message = serde_json::to_string(letter).map_err(|error| notifier::NotSent(Box::new(error)))?;
        let sent = self.client.publish().topic_arn(&self.topic).message(message).send().await;
        certainly(sent).map_err(|error| notifier::NotSent(Box::new(error)))
    }
}

/// Only a refusal is certain: after a timeout it may have been sent all the same.
fn certainly<T, E, R>(answer: Result<T, SdkError<E, R>>) -> Result<(), SdkError<E, R>>
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(()),
        Err(error @ (SdkError::ServiceError(_) | SdkError::ConstructionFailure(_))) => Err(error),
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
    use axum::http::StatusCode;
    use axum::routing::post;
    use axum::{Json, Router};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    async fn listen() -> (tokio::net::TcpListener, SocketAddr) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// What becomes of a letter that is sent through a service at this address; why it was not sent, in words.
    async fn send(address: SocketAddr) -> Result<(), NotSent> {
        let config = aws_sdk_sesv2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .allow_no_auth()
            .retry_config(RetryConfig::disabled())
            .endpoint_url(format!("http://{address}"))
            .build();
        let mail = Ses::new(aws_sdk_sesv2::Client::from_conf(config), "muster@example.com".to_owned());
        let letter = Letter {
            id: Uuid::from_u128(1),
            kind: "test",
            to: "ada@example.com".parse().unwrap(),
            subject: "Yours now".to_owned(),
            text: "Hello".to_owned(),
        };
        mail.send(&letter).await
    }

    async fn answering(status: StatusCode, answer: serde_json::Value) -> SocketAddr {
        let (listener, address) = listen().await;
        let router = Router::new().fallback(post(async move || (status, Json(answer))));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    #[tokio::test]
    async fn what_is_refused_was_certainly_not_sent() {
        let refusal = json!({ "__type": "TooManyRequestsException", "message": "slow down, ada@example.com" });

        let refused = send(answering(StatusCode::TOO_MANY_REQUESTS, refusal).await).await;

        assert_eq!(refused, Err(NotSent::yet("SES refused it (TooManyRequestsException)")));
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

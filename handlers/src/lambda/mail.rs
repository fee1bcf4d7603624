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

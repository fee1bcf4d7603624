//! A letter, and what carries it.

use async_trait::async_trait;
use muster_domain::UserId;
use muster_domain::values::Email;
use muster_projections::TaskDocument;
use serde::Serialize;
use uuid::Uuid;

use crate::mail::{self, Mailer};

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// Who is told.
    pub recipient: UserId,
    /// What they are called.
    #[serde(skip)]
    pub name: String,
    /// Their e-mail address.
    #[serde(skip)]
    pub address: String,
    /// What it is about, in a line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The task that it is about.
    pub task: muster_domain::TaskId,
}

impl Letter {
    /// A task is theirs now.
    pub fn of_assignment(recipient: UserId, name: String, address: String, task: &TaskDocument) -> Self {
        let subject = format!("Yours now: {}", task.title);
        let due =
            task.deadline.map_or_else(String::new, |deadline| format!(" It is due {}.", deadline.format("%F %R UTC")));
        let text =
            format!("Hello {name},\n\nthe task \"{}\" was assigned to you.{due}\n\nTask {}\n", task.title, task.id);
        Self { recipient, name, address, subject, text, task: task.id }
    }
}

impl Letter {
    /// One letter of all of these, which are to one person; none of none.
    pub(super) fn together(mut letters: Vec<Self>) -> Option<Self> {
        let count = letters.len();
        let first = if count < 2 { return letters.pop() } else { letters.first()?.clone() };
        let points = letters.iter().map(|letter| format!("- {} (task {})\n", letter.subject, letter.task));
        let text = format!("Hello {},\n\nthis concerns you:\n\n{}", first.name, points.collect::<String>());
        Some(Self { subject: format!("{count} things that concern you"), text, ..first })
    }
}

/// It was certainly not sent. (When that is not certain, it counts as sent: nobody gets it twice.)
#[derive(Debug)]
pub struct NotSent(pub Box<dyn std::error::Error + Send + Sync>);

/// Carries letters.
#[async_trait]
pub trait Channel: Send + Sync {
    /// What it is called in the delivery log.
    fn name(&self) -> &'static str;

    /// Whether it carries mails, which some people want to have together.
    fn is_mail(&self) -> bool {
        false
    }

    /// Sends one.
    async fn send(&self, letter: &Letter) -> Result<(), NotSent>;
}

/// E-mail.
pub struct ByMail<M>(pub M);

#[async_trait]
impl<M: Mailer> Channel for ByMail<M> {
    fn name(&self) -> &'static str {
        "e-mail"
    }

    fn is_mail(&self) -> bool {
        true
    }

    async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
        let to: Email = letter.address.parse().map_err(|error| NotSent(Box::new(error)))?;
        let Letter { subject, text, .. } = letter.clone();
        let letter = mail::Letter { id: Uuid::new_v4(), kind: "assignment", to, subject, text };
        self.0.send(&letter).await.map_err(|error| NotSent(Box::new(error)))
    }
}

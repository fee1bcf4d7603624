//! What is noted of a session while it lives: what its owner has shown of themselves since it began.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::ids::UserId;

use super::{SessionId, Sessions, millis, there_or_gone};
use crate::store::{StoreError, s};

const NOTING: &str = "noting something of a session";

impl Sessions {
    /// Notes that its owner has proved again who they are, and whether with a second factor, too.
    pub async fn prove(&self, family: SessionId, with_factor: bool) -> Result<(), StoreError> {
        let set = if with_factor { "SET proved_at = :now, has_factor = :yes" } else { "SET proved_at = :now" };
        let update = self.change(family, set).expression_attribute_values(":now", millis(self.clock.now()));
        let yes = with_factor.then_some(AttributeValue::Bool(true));
        there_or_gone(
            yes.into_iter().fold(update, |update, yes| update.expression_attribute_values(":yes", yes)).send().await,
            NOTING,
        )
    }

    /// Notes that its owner has a second factor from now on, and has just shown it.
    pub async fn note_factor(&self, family: SessionId) -> Result<(), StoreError> {
        let update = self.change(family, "SET has_factor = :yes");
        there_or_gone(update.expression_attribute_values(":yes", AttributeValue::Bool(true)).send().await, NOTING)
    }

    /// Notes in all families of a user that there is no second factor any more.
    pub async fn forget_factor(&self, user: UserId) -> Result<(), StoreError> {
        for session in self.of_user(user).await?.iter().filter(|session| session.has_factor) {
            there_or_gone(self.change(session.id, "REMOVE has_factor").send().await, NOTING)?;
        }
        Ok(())
    }

    /// Notes that its owner has chosen a password.
    pub(crate) async fn note_chosen_password(&self, family: SessionId) -> Result<(), StoreError> {
        there_or_gone(self.change(family, "REMOVE new_password_due").send().await, NOTING)
    }

    fn change(&self, family: SessionId, expression: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&family));
        update.update_expression(expression).condition_expression("attribute_exists(pk)")
    }
}

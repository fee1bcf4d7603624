//! How often somebody may be wrong: six digits are few, and whoever knows the password could try them all.

use chrono::TimeDelta;
use muster_domain::ids::UserId;

use super::{SecondFactorError, SecondFactors, done};
use crate::store::{StoreError, n};

/// Within this time …
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// … so many tries. Each has three chances in a million, so that a year of trying finds a code with less than one in two.
const MOST: u32 = 5;

/// Where somebody tries. Each place has a count of its own: whoever has found an owner signed in, and tries there, does not keep them from
/// signing in elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tries {
    /// At the sign-in, after the password.
    AtSignIn,
    /// In a session, with the password.
    InSession,
}

impl Tries {
    /// Where their number stands, and that of the time that they are counted in.
    pub(super) const fn attributes(self) -> (&'static str, &'static str) {
        match self {
            Self::AtSignIn => ("factor_tries", "factor_window"),
            Self::InSession => ("session_tries", "session_window"),
        }
    }
}

impl SecondFactors {
    /// Counts a try, before it is known whether it is right: many at once are no way around the bound. The right one
    /// begins the count anew.
    pub(crate) async fn take_try(&self, user: UserId, tries: Tries) -> Result<(), SecondFactorError> {
        const COUNTING: &str = "counting the tries of a second factor";
        let now = self.clock.now().timestamp();
        let (count, counted_in) = tries.attributes();
        let window = now.div_euclid(WINDOW.num_seconds());
        // The second look is for whoever meets another's first try of the window.
        for _ in 0..2 {
            let more = self.update(user).update_expression(format!("ADD {count} :one"));
            let more = more.condition_expression(format!("{counted_in} = :window AND {count} < :most"));
            let more = more.expression_attribute_values(":window", n(&window));
            let more = more.expression_attribute_values(":one", n(&1)).expression_attribute_values(":most", n(&MOST));
            if done(more, COUNTING).await? {
                return Ok(());
            }
            let first = self.update(user).update_expression(format!("SET {counted_in} = :window, {count} = :one"));
            let first = first.condition_expression(format!(
                "attribute_exists(pk) AND (attribute_not_exists({counted_in}) OR {counted_in} < :window)",
            ));
            let first =
                first.expression_attribute_values(":window", n(&window)).expression_attribute_values(":one", n(&1));
            if done(first, COUNTING).await? {
                return Ok(());
            }
        }
        let end = (window + 1) * WINDOW.num_seconds();
        Err(SecondFactorError::TooManyTries { again_in: TimeDelta::seconds(end - now) })
    }

    /// Gives a try back that was none: the password was right, and no code was looked at. One of a time that is over is gone with it.
    pub(crate) async fn give_back(&self, user: UserId, tries: Tries) -> Result<(), StoreError> {
        let (count, counted_in) = tries.attributes();
        let window = self.clock.now().timestamp().div_euclid(WINDOW.num_seconds());
        let less = self.update(user).update_expression(format!("ADD {count} :less"));
        let less = less.condition_expression(format!("{counted_in} = :window AND {count} > :none"));
        let less = less.expression_attribute_values(":window", n(&window));
        let less = less.expression_attribute_values(":less", n(&-1)).expression_attribute_values(":none", n(&0));
        done(less, "giving back a try of a second factor").await.map(|_| ())
    }
}

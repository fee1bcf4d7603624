//! How often somebody may be wrong: six digits are few, and whoever knows the password could try them all.

use chrono::TimeDelta;
use muster_domain::ids::UserId;

use super::{SecondFactorError, SecondFactors, done};
use crate::store::n;

/// Within this time …
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// … so many tries. Each has three chances in a million, so that a year of trying finds a code with less than one in two.
const MOST: u32 = 5;

impl SecondFactors {
    /// Counts a try, before it is known whether it is right: many at once are no way around the bound. The right one
    /// begins the count anew.
    pub(crate) async fn take_try(&self, user: UserId) -> Result<(), SecondFactorError> {
        const COUNTING: &str = "counting the tries of a second factor";
        let now = self.clock.now().timestamp();
        let window = now.div_euclid(WINDOW.num_seconds());
        // The second look is for whoever meets another's first try of the window.
        for _ in 0..2 {
            let more = self.update(user).update_expression("ADD factor_tries :one");
            let more = more.condition_expression("factor_window = :window AND factor_tries < :most");
            let more = more.expression_attribute_values(":window", n(&window));
            let more = more.expression_attribute_values(":one", n(&1)).expression_attribute_values(":most", n(&MOST));
            if done(more, COUNTING).await? {
                return Ok(());
            }
            let first = self.update(user).update_expression("SET factor_window = :window, factor_tries = :one");
            let first = first.condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(factor_window) OR factor_window < :window)",
            );
            let first =
                first.expression_attribute_values(":window", n(&window)).expression_attribute_values(":one", n(&1));
            if done(first, COUNTING).await? {
                return Ok(());
            }
        }
        let end = (window + 1) * WINDOW.num_seconds();
        Err(SecondFactorError::TooManyTries { again_in: TimeDelta::seconds(end - now) })
    }
}

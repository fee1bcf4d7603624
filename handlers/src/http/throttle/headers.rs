//! What answers say of limits (draft-ietf-httpapi-ratelimit-headers): `RateLimit-Policy: "caller";q=600;w=60` and
//! `RateLimit: "caller";r=599;t=1`.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::buckets::{Exhausted, WINDOW};

/// Which limits there are.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What is left of them.
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// A limit that was reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exceeded {
    policy: &'static str,
    quota: u32,
    exhausted: Exhausted,
}

impl Exceeded {
    pub(super) const fn new(policy: &'static str, quota: u32, exhausted: Exhausted) -> Self {
        Self { policy, quota, exhausted }
    }

    /// Whole seconds after which a request would be let through.
    pub(crate) fn retry_after(&self) -> u64 {
        seconds(self.exhausted.again_in).max(1)
    }

    /// Says so in an answer.
    pub(crate) fn say(&self, headers: &mut HeaderMap) {
        headers.insert(header::RETRY_AFTER, self.retry_after().into());
        say(headers, self.policy, self.quota, 0, self.exhausted.whole_in);
    }
}

/// Says what is left of a limit, after what is said of others: in one line, as programs that look at one alone are to see which has
/// refused, and that comes first. Nothing is said of what has no limit.
pub(super) fn say(headers: &mut HeaderMap, policy: &str, quota: u32, remaining: u64, whole_in: Duration) {
    if quota == 0 {
        return;
    }
    let window = WINDOW.as_secs();
    let whole_in = seconds(whole_in);
    let lines = [
        (POLICY, format!("\"{policy}\";q={quota};w={window}")),
        (STATE, format!("\"{policy}\";r={remaining};t={whole_in}")),
    ];
    for (name, line) in lines {
        let said = headers.get(&name).and_then(|before| before.to_str().ok());
        let line = said.map_or_else(|| line.clone(), |said| format!("{said}, {line}"));
        if let Ok(value) = HeaderValue::from_str(&line) {
            headers.insert(name, value);
        }
    }
}

/// Whole seconds, rounded up.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_was_reached_says_when_to_come_again() {
        let exhausted = Exhausted { again_in: Duration::from_millis(11_001), whole_in: Duration::from_secs(59) };
        let mut headers = HeaderMap::new();
        Exceeded::new("attempts", 5, exhausted).say(&mut headers);

        assert_eq!(headers[header::RETRY_AFTER], "12");
        assert_eq!(headers[POLICY], "\"attempts\";q=5;w=60");
        assert_eq!(headers[STATE], "\"attempts\";r=0;t=59");
    }

    #[test]
    fn each_limit_has_its_member_and_what_has_none_says_nothing() {
        let mut headers = HeaderMap::new();
        say(&mut headers, "attempts", 5, 4, Duration::from_secs(12));
        say(&mut headers, "address", 300, 299, Duration::from_millis(200));
        say(&mut headers, "caller", 0, u64::MAX, Duration::ZERO);

        let all = |name| headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all(STATE), ["\"attempts\";r=4;t=12, \"address\";r=299;t=1"]);
        assert_eq!(all(POLICY), ["\"attempts\";q=5;w=60, \"address\";q=300;w=60"]);
    }
}

//! Every answer that is not a success: a problem as RFC 9457 describes it, with a `code` that stays.

mod answer;
mod code;
mod failure;

use muster_identity::{Access, Challenge};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::access::Refused;
use super::throttle::Exceeded;
pub use code::Code;
pub use failure::Causes;

/// A problem (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:muster:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What went wrong, the same for every problem of this code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong, as a word that programs may rely on.
    code: Code,
    /// What went wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Each field or parameter that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<InvalidField>,
    /// With `impossible_move`: the statuses to which the task may go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed: Vec<String>,
    /// With `stale_version`: the present version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// With `too_many_requests`: the limit, which the headers tell of.
    #[serde(skip)]
    exceeded: Option<Exceeded>,
    /// What the access log keeps of it, if not what follows from the code.
    #[serde(skip)]
    access: Option<Box<Access>>,
    /// With `second_factor_required`: what goes along with the code, good for five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    challenge: Option<Shown>,
    /// Seconds until it is worth another try.
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// A challenge in a body, and nowhere else.
#[derive(Clone, Debug)]
struct Shown(Challenge);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// A field or parameter that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvalidField {
    /// A JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}

impl Problem {
    /// A problem of this code.
    pub fn new(code: Code) -> Self {
        Self {
            kind: format!("urn:muster:problem:{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            code,
            detail: None,
            errors: vec![],
            allowed: vec![],
            version: None,
            exceeded: None,
            access: None,
            challenge: None,
            retry_after: None,
        }
    }

    /// Says what went wrong this time.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers give what they have: a text, an error, format_args")]
    pub fn detail(mut self, detail: impl ToString) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Names the fields or parameters that are wrong.
    #[must_use]
    pub fn errors(mut self, errors: Vec<InvalidField>) -> Self {
        self.errors = errors;
        self
    }

    /// Says of a field that it is another one: what one route calls so may have another name on the next.
    #[must_use]
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        for error in self.errors.iter_mut().filter(|error| error.pointer.as_deref() == Some(from)) {
            error.pointer = Some(to.to_owned());
        }
        self
    }

    /// Says of its fields that they lie under this place of the body.
    #[must_use]
    pub fn under(mut self, place: &str) -> Self {
        for pointer in self.errors.iter_mut().filter_map(|error| error.pointer.as_mut()) {
            pointer.insert_str(0, place);
        }
        self
    }

    /// Each field or parameter that is wrong.
    pub(crate) fn into_errors(self) -> Vec<InvalidField> {
        self.errors
    }

    /// Says where the task may go instead.
    #[must_use]
    pub fn allowed(mut self, allowed: impl IntoIterator<Item = impl ToString>) -> Self {
        self.allowed = allowed.into_iter().map(|word| word.to_string()).collect();
        self
    }

    /// Says which version is the present one.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// Says which limit was reached.
    #[must_use]
    pub(crate) fn exceeded(mut self, exceeded: Exceeded) -> Self {
        self.exceeded = Some(exceeded);
        self
    }

    /// Says what the access log is to keep of it.
    #[must_use]
    pub fn refused(mut self, access: Access) -> Self {
        self.access = Some(Box::new(access));
        self
    }

    /// Says what the second factor is to answer.
    #[must_use]
    pub fn challenge(mut self, challenge: Challenge) -> Self {
        self.challenge = Some(Shown(challenge));
        self
    }

    /// Says in how many seconds it is worth another try.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What went wrong, in words.
    pub(crate) fn told(&self) -> &str {
        self.detail.as_deref().unwrap_or(self.title)
    }

    /// What the access log is to keep of it, if anything: of one of many, whose answer says that all is well.
    pub(crate) fn refusal(&self) -> Option<Access> {
        let access = self.access.as_deref().cloned();
        Refused { code: self.code, detail: self.detail.clone(), access }.access(true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_says_only_what_there_is_to_say() {
        assert_eq!(
            serde_json::to_value(Problem::new(Code::NotFound)).unwrap(),
            json!({
                "type": "urn:muster:problem:not_found",
                "title": "There is no such thing",
                "status": 404,
                "code": "not_found",
            })
        );
        let pointer = InvalidField { pointer: Some("/a".to_owned()), parameter: None, detail: "is wrong".to_owned() };
        let full = Problem::new(Code::ImpossibleMove).detail("No.").errors(vec![pointer]).allowed(["todo"]).version(3);
        assert_eq!(
            serde_json::to_value(full).unwrap(),
            json!({
                "type": "urn:muster:problem:impossible_move",
                "title": "The task cannot make this move",
                "status": 409,
                "code": "impossible_move",
                "detail": "No.",
                "errors": [{ "pointer": "/a", "detail": "is wrong" }],
                "allowed": ["todo"],
                "version": 3,
            })
        );
    }
}

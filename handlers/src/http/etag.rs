//! Versions in headers: `ETag`, `If-Match`, `Muster-Min-Version`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use muster_commands::ExpectedVersion;

use super::problem::{Code, Problem};

/// The version from which on an answer is fresh enough for the caller.
const MIN_VERSION: HeaderName = HeaderName::from_static("muster-min-version");

/// The entity tag of a version: the number in quotes.
pub(crate) fn etag(version: u64) -> HeaderValue {
    // Digits between quotes are always a header value.
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

/// The version that the caller expects to change: `If-Match`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IfMatch(pub(crate) ExpectedVersion);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let invalid = || {
            Problem::new(Code::InvalidHeader)
                .detail("If-Match must be the ETag of an earlier answer, such as \"3\", or *.")
        };
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Ok(Self(ExpectedVersion::Any));
        };
        let text = value.to_str().map_err(|_| invalid())?.trim();
        if text == "*" {
            return Ok(Self(ExpectedVersion::Any));
        }
        let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or_else(invalid)?;
        digits.parse().map(|version| Self(ExpectedVersion::Exactly(version))).map_err(|_| invalid())
    }
}

/// The version that the answer must reflect at least; 0 when the caller asks for none.
pub(crate) fn min_version(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = headers.get(&MIN_VERSION) else { return Ok(0) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| Problem::new(Code::InvalidHeader).detail("Muster-Min-Version must be a version: a number."))
}

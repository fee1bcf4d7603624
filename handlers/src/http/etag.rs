//! Versions in headers: `ETag`, `If-Match`, `Muster-Min-Version`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use muster_commands::ExpectedVersion;

use super::problem::{Code, Problem};
use super::request::only;

/// The version from which on an answer is fresh enough for the caller.
pub(crate) const MIN_VERSION: HeaderName = HeaderName::from_static("muster-min-version");
/// The greatest version that may be asked for: 2⁵³ - 1, the greatest number that every reader of JSON can hold.
pub(crate) const MAX_VERSION: u64 = (1 << 53) - 1;

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
        let Some(value) = only(&parts.headers, &header::IF_MATCH)? else {
            return Ok(Self(ExpectedVersion::Any));
        };
        let text = value.to_str().map_err(|_| invalid())?.trim();
        if text == "*" {
            return Ok(Self(ExpectedVersion::Any));
        }
        let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).ok_or_else(invalid)?;
        // `parse` alone would take a sign, too.
        let digits =
            Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(invalid)?;
        digits.parse().map(|version| Self(ExpectedVersion::Exactly(version))).map_err(|_| invalid())
    }
}

/// The version that the answer must reflect at least; 0 when the caller asks for none.
pub(crate) fn min_version(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(value) = only(headers, &MIN_VERSION)? else { return Ok(0) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok()).filter(|number| *number <= MAX_VERSION);
    number.ok_or_else(|| Problem::new(Code::InvalidHeader).detail("Muster-Min-Version must be a version: a number."))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn if_match(value: &str) -> Result<ExpectedVersion, Code> {
        let request = Request::builder().header(header::IF_MATCH, value).body(()).unwrap();
        let IfMatch(expected) =
            IfMatch::from_request_parts(&mut request.into_parts().0, &()).await.map_err(|problem| problem.code())?;
        Ok(expected)
    }

    #[tokio::test]
    async fn the_etag_of_an_answer_is_the_version_that_the_next_change_expects() {
        let tag = etag(u64::MAX);

        assert_eq!(tag, "\"18446744073709551615\"");
        assert_eq!(if_match(tag.to_str().unwrap()).await, Ok(ExpectedVersion::Exactly(u64::MAX)));
        assert_eq!(if_match(" \"3\" ").await, Ok(ExpectedVersion::Exactly(3)));
    }

    #[tokio::test]
    async fn without_if_match_or_with_a_star_any_version_will_do() {
        let (mut parts, ()) = Request::new(()).into_parts();
        let IfMatch(expected) = IfMatch::from_request_parts(&mut parts, &()).await.unwrap();

        assert_eq!(expected, ExpectedVersion::Any);
        assert_eq!(if_match("*").await, Ok(ExpectedVersion::Any));
    }

    #[tokio::test]
    async fn an_if_match_that_is_no_etag_of_ours_is_refused() {
        for value in
            ["", "3", "\"\"", "\"x\"", "\"-3\"", "\"+3\"", "\"3", "W/\"3\"", "\"3\", \"4\"", "\"18446744073709551616\""]
        {
            assert_eq!(if_match(value).await, Err(Code::InvalidHeader), "{value}");
        }
    }

    #[tokio::test]
    async fn of_two_versions_none_is_expected() {
        let request = Request::builder().header(header::IF_MATCH, "\"3\"").header(header::IF_MATCH, "\"4\"");
        let mut parts = request.body(()).unwrap().into_parts().0;
        let refused = IfMatch::from_request_parts(&mut parts, &()).await.err();
        assert_eq!(refused.map(|problem| problem.code()), Some(Code::InvalidHeader));
    }

    #[test]
    fn the_least_version_is_a_number_or_nothing() {
        let least = |value: Option<&str>| {
            let header = value.map(|value| (MIN_VERSION, HeaderValue::from_str(value).unwrap()));
            min_version(&header.into_iter().collect()).map_err(|problem| problem.code())
        };
        assert_eq!(least(None), Ok(0));
        assert_eq!(least(Some(" 7 ")), Ok(7));
        assert_eq!(least(Some("9007199254740991")), Ok(MAX_VERSION));
        for value in ["", "\"7\"", "-7", "seven", "9007199254740992"] {
            assert_eq!(least(Some(value)), Err(Code::InvalidHeader), "{value}");
        }
    }
}

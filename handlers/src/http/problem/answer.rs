//! A problem as the answer that tells of it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Code, Problem};
use crate::http::access::Refused;
use crate::http::etag::etag;

/// The media type of problems.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, MEDIA_TYPE);
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.code == Code::InsufficientScope {
            // RFC 6750 §3.1
            let challenge = HeaderValue::from_static(r#"Bearer error="insufficient_scope""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(self.code, Code::Unavailable | Code::NotFreshYet | Code::Contended) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(exceeded) = self.exceeded {
            exceeded.say(headers);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.challenge.is_some() {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if let Some(version) = self.version {
            headers.insert(header::ETAG, etag(version));
        }
        let (code, detail, access) = (self.code, self.detail, self.access.map(|access| *access));
        response.extensions_mut().insert(Refused { code, detail, access });
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_an_answer_of_its_own_media_type() {
        let response = Problem::new(Code::StaleVersion).version(3).into_response();

        assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::ETAG], "\"3\"");
        assert!(!response.headers().contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn an_answer_tells_how_to_sign_in_and_when_to_come_again() {
        let headers = |code| Problem::new(code).into_response().headers().clone();

        assert_eq!(headers(Code::Unauthenticated)[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(headers(Code::Unavailable)[header::RETRY_AFTER], "1");
        assert_eq!(headers(Code::Contended)[header::RETRY_AFTER], "1");
        assert_eq!(headers(Code::NotFreshYet)[header::RETRY_AFTER], "1");
        assert_eq!(headers(Code::WrongCredentials)[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(headers(Code::InsufficientScope)[header::WWW_AUTHENTICATE], r#"Bearer error="insufficient_scope""#);
        assert!(!headers(Code::Forbidden).contains_key(header::WWW_AUTHENTICATE));
    }
}

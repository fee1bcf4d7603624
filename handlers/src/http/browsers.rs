//! What browsers are told of every answer: to keep nothing that is private, to run nothing that was not meant to run, and to show
//! no page of ours within another's.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::BASE;

/// Of an answer that is data: nothing in it is to be run, shown or framed.
const DATA_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
/// Of a page: all that it needs comes from here. Libraries of components write styles into the page, hence `unsafe-inline` for
/// those alone (as on AWS, `infra/cdk/lib/web-stack.ts`).
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'",
);
/// What is said of every answer, unless its route says otherwise.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];
/// For a year, once a browser has come over TLS, it comes no other way.
const TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Whether people reach Muster over TLS: then browsers are told to come no other way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tls,
    Plain,
}

impl Transport {
    /// By where people see Muster.
    pub(crate) fn of(public_url: &str) -> Self {
        if public_url.starts_with("https://") { Self::Tls } else { Self::Plain }
    }
}

/// Adds what browsers are told to the answer for this path.
pub(crate) fn told(path: &str, transport: Transport, headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(if is_page { PAGE_POLICY } else { DATA_POLICY });
    // What the API says is somebody's: no cache keeps it, not even their own. The rest is public, and asked for anew.
    let cache = if path.starts_with(BASE) { "no-store" } else { "no-cache" };
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static(cache));
    if transport == Transport::Tls {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(TLS_ALONE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(path: &str, transport: Transport, own: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.extend(own.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))));
        told(path, transport, &mut headers);
        headers
    }

    #[test]
    fn what_the_api_says_is_kept_by_no_cache_and_what_is_public_is_asked_for_anew() {
        assert_eq!(told_of("/api/v1/profile", Transport::Plain, &[])[header::CACHE_CONTROL], "no-store");
        assert_eq!(told_of("/openapi.json", Transport::Plain, &[])[header::CACHE_CONTROL], "no-cache");
        let own = told_of("/app.js", Transport::Plain, &[(header::CACHE_CONTROL, "max-age=60")]);
        assert_eq!(own[header::CACHE_CONTROL], "max-age=60", "a route may say otherwise");
    }

    #[test]
    fn data_may_do_nothing_and_a_page_what_comes_from_here() {
        let data = told_of("/api/v1/tasks", Transport::Plain, &[(header::CONTENT_TYPE, "application/json")]);
        assert_eq!(data[header::CONTENT_SECURITY_POLICY], DATA_POLICY);
        let page = told_of("/api/docs/", Transport::Plain, &[(header::CONTENT_TYPE, "text/html; charset=utf-8")]);
        assert_eq!(page[header::CONTENT_SECURITY_POLICY], PAGE_POLICY);
    }

    #[test]
    fn over_tls_alone_browsers_are_told_to_come_no_other_way() {
        assert_eq!(Transport::of("https://tasks.example.com/"), Transport::Tls);
        assert_eq!(Transport::of("http://127.0.0.1:8080"), Transport::Plain);
        let sent = |transport| told_of("/", transport, &[]).get(header::STRICT_TRANSPORT_SECURITY).cloned();
        assert_eq!(sent(Transport::Tls), Some(TLS_ALONE));
        assert_eq!(sent(Transport::Plain), None);
    }
}

//! The cookie in which a browser keeps its refresh token, out of reach of the scripts of the page; and the one that ties a
//! sign-in with an outside issuer to the browser that began it.
//!
//! Browsers send it by themselves, so a request that relies on it must come from a page of ours: `SameSite=Strict` keeps
//! it from other sites, and its `Origin` is looked at as well.

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::{DateTime, TimeDelta, Utc};
use muster_identity::Binding;

use super::cors::is_allowed;
use super::problem::{Code, Problem};

/// The prefix makes browsers refuse it unless it is secure, of this host alone and for all of it.
const NAME: &str = "__Host-muster-refresh";
/// Likewise.
const BINDING: &str = "__Host-muster-outside";
/// What every such cookie says of itself.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// Lets a browser keep the token as long as the session lasts.
pub(crate) fn keep(headers: &mut HeaderMap, refresh_token: &str, until: DateTime<Utc>, now: DateTime<Utc>) {
    set(headers, NAME, refresh_token, until - now);
}

/// Lets a browser forget it.
pub(crate) fn forget(headers: &mut HeaderMap) {
    set(headers, NAME, "", TimeDelta::zero());
}

/// Ties a sign-in with an outside issuer to this browser.
pub(crate) fn bind(headers: &mut HeaderMap, binding: &Binding, lifetime: TimeDelta) {
    set(headers, BINDING, &binding.expose(), lifetime);
}

/// What ties it, if this browser began one.
pub(crate) fn bound(headers: &HeaderMap) -> Option<Binding> {
    find(headers, BINDING).as_deref().and_then(Binding::parse)
}

/// Lets a browser forget it: the sign-in is finished.
pub(crate) fn unbind(headers: &mut HeaderMap) {
    set(headers, BINDING, "", TimeDelta::zero());
}

fn set(headers: &mut HeaderMap, name: &str, value: &str, lifetime: TimeDelta) {
    let seconds = lifetime.num_seconds().max(0);
    if let Ok(mut cookie) = HeaderValue::from_str(&format!("{name}={value}; Max-Age={seconds}; {ATTRIBUTES}")) {
        cookie.set_sensitive(true);
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// The token that a browser has kept, if it has.
pub(crate) fn kept(headers: &HeaderMap) -> Option<String> {
    find(headers, NAME)
}

fn find(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let (_, value) = cookies.find(|(name, value)| *name == wanted && !value.is_empty())?;
    Some(value.to_owned())
}

/// Refuses a request that a page of another site may have made: one without an `Origin`, of an origin that is neither
/// ours nor allowed, or one that the browser itself calls foreign.
pub(crate) fn same_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let refused = |detail: &str| Err(Problem::new(Code::ForeignOrigin).detail(detail));
    let Some(origin) = text(header::ORIGIN) else {
        return refused("With the cookie, a request must have an Origin header, as browsers send it.");
    };
    let is_allowed = is_allowed(origin, allowed);
    if !is_allowed && !is_own(origin, text(header::HOST)) {
        return refused("The cookie may not be used from this origin.");
    }
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        None | Some("same-origin") => Ok(()),
        Some("same-site") if is_allowed => Ok(()),
        Some(_) => refused("The cookie may not be used from another site."),
    }
}

/// Whether the origin is the one that was called. Pages of plain HTTP are believed on this computer only: elsewhere, anybody on the
/// way can write them.
fn is_own(origin: &str, host: Option<&str>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let name = authority.rsplit_once(':').map_or(authority, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { authority }
    });
    let is_safe = scheme == "https" || (scheme == "http" && matches!(name, "localhost" | "127.0.0.1" | "[::1]"));
    is_safe && host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_is_kept_for_this_host_alone_and_out_of_reach_of_scripts() {
        let (now, mut answer) = ("2026-03-02T08:00:00Z".parse().unwrap(), HeaderMap::new());
        keep(&mut answer, "token", "2026-03-02T09:00:00Z".parse().unwrap(), now);
        assert_eq!(
            answer[header::SET_COOKIE],
            "__Host-muster-refresh=token; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Strict"
        );
        assert!(!format!("{answer:?}").contains("token;"), "it is shown in no log");
    }

    #[test]
    fn a_browser_is_told_to_forget() {
        let mut answer = HeaderMap::new();
        forget(&mut answer);
        assert_eq!(
            answer[header::SET_COOKIE],
            "__Host-muster-refresh=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict"
        );
    }

    #[test]
    fn a_browser_that_began_a_sign_in_elsewhere_is_known_again_until_it_is_finished() {
        let binding = Binding::generate().unwrap();
        let mut answer = HeaderMap::new();
        bind(&mut answer, &binding, TimeDelta::minutes(10));
        let line = answer[header::SET_COOKIE].to_str().unwrap().to_owned();
        let value = line.strip_suffix("; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Strict").unwrap();
        assert_eq!(value, format!("__Host-muster-outside={}", binding.expose()));
        assert_eq!(bound(&headers(&[("cookie", value)])).unwrap().expose(), binding.expose());
        assert!(bound(&headers(&[("cookie", "__Host-muster-outside=short")])).is_none());
        unbind(&mut answer);
        let last = answer.get_all(header::SET_COOKIE).iter().next_back().unwrap().to_str().unwrap();
        assert!(last.starts_with("__Host-muster-outside=; Max-Age=0; "), "{last}");
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        assert_eq!(kept(&headers(&[("cookie", "a=b; __Host-muster-refresh=token; c=d")])).as_deref(), Some("token"));
        assert_eq!(kept(&headers(&[("cookie", "a=b"), ("cookie", "__Host-muster-refresh=t")])).as_deref(), Some("t"));
        for none in
            ["", "muster-refresh=t", "x__Host-muster-refresh=t", "__Host-muster-refresh=", "__host-muster-refresh=t"]
        {
            assert_eq!(kept(&headers(&[("cookie", none)])), None, "{none}");
        }
    }

    #[test]
    fn only_our_own_pages_and_those_that_are_allowed_may_use_the_cookie() {
        fn may(host: &str, more: &[(&'static str, &str)]) -> bool {
            let allowed = ["https://app.example.com".to_owned()];
            same_origin(&headers(&[&[("host", host)][..], more].concat()), &allowed).is_ok()
        }
        for (host, origin) in [
            ("tasks.example.com", "https://tasks.example.com"),
            ("tasks.example.com:8443", "https://tasks.example.com:8443"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("api.example.com", "https://app.example.com"),
        ] {
            assert!(may(host, &[("origin", origin)]), "{origin} at {host}");
        }
        for (host, origin) in [
            ("tasks.example.com", "http://tasks.example.com"),
            ("tasks.example.com", "https://tasks.example.com:8443"),
            ("tasks.example.com", "https://tasks.example.com.evil.example"),
            ("tasks.example.com", "https://evil.example"),
            ("tasks.example.com", "null"),
            ("tasks.example.com", ""),
            ("api.example.com", "https://app.example.com.evil.example"),
        ] {
            assert!(!may(host, &[("origin", origin)]), "{origin} at {host}");
        }
        assert!(!may("tasks.example.com", &[]), "no origin");
    }

    #[test]
    fn what_the_browser_itself_calls_foreign_is_refused() {
        fn may(site: &str, allowed: &[String]) -> bool {
            let own = [("host", "a.example"), ("origin", "https://a.example"), ("sec-fetch-site", site)];
            same_origin(&headers(&own), allowed).is_ok()
        }
        assert!(may("same-origin", &[]));
        for foreign in ["same-site", "cross-site", "none"] {
            assert!(!may(foreign, &[]), "{foreign}");
        }
        assert!(may("same-site", &["https://a.example/".to_owned()]));
        assert!(!may("cross-site", &["https://a.example".to_owned()]));
    }
}

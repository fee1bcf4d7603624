//! Where a request comes from: the address of whoever sent it, seen through the reverse proxies that the operator trusts.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// What each proxy adds the address of its peer to, at the end.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The other end of the connection that a request came on. Whatever takes connections puts it into each request's
/// extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// In a request's extensions: it came past the proxies, and what it says of the way to here was written by whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direct;

/// Who sent a request, as far as it can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// Finds the sender's address once for each request. `trusted_proxies` is how many reverse proxies stand before the program.
pub(crate) async fn found(State(trusted_proxies): State<usize>, mut request: Request, next: Next) -> Response {
    if let Some(Peer(peer)) = request.extensions().get().copied() {
        let forwarded = request.headers().get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let named: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
        let trusted_proxies = if request.extensions().get::<Direct>().is_some() { 0 } else { trusted_proxies };
        let address = ClientAddress(sender(peer, beyond(peer, &named), trusted_proxies));
        request.extensions_mut().insert(address);
    }
    next.run(request).await
}

/// What is named beyond the peer itself: API Gateway adds the peer that it saw to the header, too.
fn beyond<'a>(peer: IpAddr, named: &'a [&'a str]) -> &'a [&'a str] {
    match named.split_last() {
        Some((last, rest)) if last.parse() == Ok(peer) => rest,
        Some(_) | None => named,
    }
}

/// The address that the outermost trusted proxy saw. What stands before it in the header anybody may have written. An entry
/// that is no address ends the search: nobody trustworthy wrote it.
fn sender(peer: IpAddr, named: &[&str], trusted_proxies: usize) -> IpAddr {
    let seen = named.iter().rev().take(trusted_proxies).map_while(|entry| entry.parse::<IpAddr>().ok());
    seen.last().unwrap_or(peer).to_canonical()
}

/// The router behind one proxy. Its answers say where the request came from.
#[cfg(test)]
pub(crate) fn found_behind_one_proxy(router: axum::Router) -> axum::Router {
    use axum::middleware::{from_fn, from_fn_with_state};

    let told = async |request: Request, next: Next| {
        let address = request.extensions().get().map(|ClientAddress(address)| address.to_string());
        let mut response = next.run(request).await;
        if let Some(address) = address.and_then(|text| text.parse().ok()) {
            response.headers_mut().insert("address", address);
        }
        response
    };
    router.layer(from_fn(told)).layer(from_fn_with_state(1, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_trusted_proxy_the_header_counts_for_nothing() {
        assert_eq!(sender(ip("192.0.2.1"), &["198.51.100.7"], 0), ip("192.0.2.1"));
    }

    #[test]
    fn each_trusted_proxy_is_seen_through_and_what_its_caller_made_up_is_not_believed() {
        let named = ["203.0.113.66", "198.51.100.7", "10.0.0.2"];
        assert_eq!(sender(ip("10.0.0.1"), &named, 1), ip("10.0.0.2"));
        assert_eq!(sender(ip("10.0.0.1"), &named, 2), ip("198.51.100.7"));
    }

    #[test]
    fn a_header_that_is_shorter_or_broken_gives_the_last_address_that_can_be_trusted() {
        assert_eq!(sender(ip("10.0.0.1"), &[], 2), ip("10.0.0.1"));
        assert_eq!(sender(ip("10.0.0.1"), &["198.51.100.7"], 3), ip("198.51.100.7"));
        assert_eq!(sender(ip("10.0.0.1"), &["198.51.100.7", "unknown", "10.0.0.2"], 3), ip("10.0.0.2"));
    }

    #[test]
    fn a_gateway_that_names_its_own_peer_is_no_further_proxy() {
        let named = ["203.0.113.66", "198.51.100.7", "10.0.0.1"];
        assert_eq!(sender(ip("10.0.0.1"), beyond(ip("10.0.0.1"), &named), 1), ip("198.51.100.7"));
        assert_eq!(beyond(ip("10.0.0.9"), &named), &named[..]);
        assert!(beyond(ip("10.0.0.1"), &[]).is_empty());
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_the_same_address() {
        assert_eq!(sender(ip("::ffff:192.0.2.1"), &[], 0), ip("192.0.2.1"));
    }
}

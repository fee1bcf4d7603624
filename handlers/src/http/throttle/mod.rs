//! How often somebody may ask: counted in memory, before the store or a password hash is touched.
//!
//! Why it is so, and what an attacker can do with it: `docs/adr/0017-throttling.md`.

mod buckets;
mod headers;

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use lru::LruCache;
use muster_domain::UserId;
use muster_domain::values::Email;
use muster_identity::{Access, AccessKind, Presented};
use tokio::time::Instant;

use super::BASE;
use super::address::ClientAddress;
use super::app::App;
use super::problem::{Code, Problem};
use buckets::{Buckets, Exhausted};
pub(crate) use headers::Exceeded;

/// How many pairs of account and address are remembered as good.
const KNOWN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(65_535);

/// How many requests a minute; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Of one account, whatever it asks.
    pub caller: u32,
    /// Of one address, without an access token of ours.
    pub address: u32,
    /// Failed attempts at one account from one address.
    pub attempts: u32,
    /// Failed attempts from one address, at whatever account.
    pub attempts_from_address: u32,
    /// Failed attempts at one account, from all addresses that it was never signed in from.
    pub attempts_at_account: u32,
}

impl Rates {
    /// No limits at all.
    pub const NONE: Self =
        Self { caller: 0, address: 0, attempts: 0, attempts_from_address: 0, attempts_at_account: 0 };
}

impl Default for Rates {
    fn default() -> Self {
        Self { caller: 600, address: 300, attempts: 5, attempts_from_address: 30, attempts_at_account: 30 }
    }
}

/// Counts requests. Clones share what they count.
#[derive(Clone, Debug)]
pub struct Throttle {
    caller: Buckets,
    address: Buckets,
    attempts: Buckets,
    attempts_from_address: Buckets,
    attempts_at_account: Buckets,
    known: Arc<Mutex<LruCache<u64, ()>>>,
    hasher: RandomState,
}

impl Throttle {
    /// With these rates, and nothing counted yet.
    pub fn new(rates: &Rates) -> Self {
        Self {
            caller: Buckets::new(rates.caller),
            address: Buckets::new(rates.address),
            attempts: Buckets::new(rates.attempts),
            attempts_from_address: Buckets::new(rates.attempts_from_address),
            attempts_at_account: Buckets::new(rates.attempts_at_account),
            known: Arc::new(Mutex::new(LruCache::new(KNOWN))),
            hasher: RandomState::new(),
        }
    }

    /// Counts an attempt to prove who one is: at this account as it was typed, if one was, from this address. Ask before
    /// anything is looked up or hashed. What it takes is given back by [`Attempt::succeeded`].
    pub(crate) fn attempt(&self, account: Option<&str>, address: Option<IpAddr>) -> Result<Attempt<'_>, Problem> {
        let account = account.map(folded);
        let (network, now) = (address.map(network), Instant::now());
        let pair = (&account, &network);
        let is_new = account.is_some() && !self.is_known(&pair);
        // The narrowest first: whoever is refused there takes nothing of what others share.
        if account.is_some() {
            let taken = self.attempts.take(&pair, now);
            taken.map_err(|exhausted| exceeded("attempts", &self.attempts, exhausted))?;
        }
        if let Some(network) = &network
            && let Err(exhausted) = self.attempts_from_address.take(network, now)
        {
            self.attempts.give_back(&pair);
            return Err(exceeded("attempts-from-address", &self.attempts_from_address, exhausted));
        }
        if let Some(account) = &account
            && is_new
            && let Err(exhausted) = self.attempts_at_account.take(account, now)
        {
            self.attempts.give_back(&pair);
            if let Some(network) = &network {
                self.attempts_from_address.give_back(network);
            }
            return Err(exceeded("attempts-at-account", &self.attempts_at_account, exhausted));
        }
        Ok(Attempt { throttle: self, account, network, is_new })
    }

    /// Gives one attempt back to this address: what was begun with it was finished well.
    pub(crate) fn forgive(&self, address: Option<IpAddr>) {
        if let Some(address) = address {
            self.attempts_from_address.give_back(&network(address));
        }
    }

    /// Counts one attempt of this address that nothing was asked of before, because it might have been none: it has failed.
    pub(crate) fn failed(&self, address: Option<IpAddr>) {
        if let Some(address) = address {
            // Where nothing is left, nothing can be taken.
            let _ = self.attempts_from_address.take(&network(address), Instant::now());
        }
    }

    fn is_known(&self, pair: &(&Option<String>, &Option<IpAddr>)) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&self.hasher.hash_one(pair)).is_some()
    }

    fn remember(&self, pair: &(&Option<String>, &Option<IpAddr>)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.put(self.hasher.hash_one(pair), ());
    }
}

/// An attempt that was counted.
#[must_use = "an attempt that succeeds gives back what it took"]
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    account: Option<String>,
    network: Option<IpAddr>,
    /// Whether the account was not known at this address, so that it counts for the account as well.
    is_new: bool,
}

impl fmt::Debug for Attempt<'_> {
    /// Without the address of whoever tries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}

impl Attempt<'_> {
    /// They are who they say, so that it counts for nothing; and this account is known at this address from now on.
    pub(crate) fn succeeded(self) {
        if self.is_new {
            self.throttle.remember(&(&self.account, &self.network));
        }
        self.forgiven();
    }

    /// Nobody can say whether they are: something of ours failed, and it counts for nothing.
    pub(crate) fn forgiven(self) {
        let Self { throttle, account, network, is_new } = &self;
        if let Some(account) = account {
            throttle.attempts.give_back(&(&self.account, network));
            if *is_new {
                throttle.attempts_at_account.give_back(account);
            }
        }
        if let Some(network) = network {
            throttle.attempts_from_address.give_back(network);
        }
    }
}

/// One account, however it is typed.
fn folded(account: &str) -> String {
    let email = account.parse::<Email>();
    email.map_or_else(|_| account.trim().to_lowercase(), |email| email.reservation_key())
}

/// Who counts as one: an IPv4 address; of IPv6 a network of 64 bits, which is what one customer has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn exceeded(policy: &'static str, buckets: &Buckets, exhausted: Exhausted) -> Problem {
    let exceeded = Exceeded::new(policy, buckets.quota(), exhausted);
    let seconds = exceeded.retry_after();
    let unit = if seconds == 1 { "second" } else { "seconds" };
    Problem::new(Code::TooManyRequests).detail(format_args!("Try again in {seconds} {unit}.")).exceeded(exceeded)
}

/// Whom a request of the API counts for.
#[derive(Hash)]
enum Key {
    Caller(UserId),
    /// A token that only the store can tell from none: it is not asked yet.
    Unproven(Option<IpAddr>),
    Address(IpAddr),
}

/// Lets a request of the API through if its caller has not asked too often, and says in the answer what is left.
pub(crate) async fn limited(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(BASE) {
        return next.run(request).await;
    }
    let throttle = &app.throttle;
    let token = proven(&app, &request);
    let (policy, buckets, key) = match key(&request, token.as_ref()) {
        Some(key @ Key::Address(_)) => ("address", &throttle.address, key),
        Some(key @ (Key::Caller(_) | Key::Unproven(_))) => ("caller", &throttle.caller, key),
        None => return next.run(request).await,
    };
    match buckets.take(&key, Instant::now()) {
        Ok(left) => {
            let mut response = next.run(request).await;
            headers::say(response.headers_mut(), policy, buckets.quota(), left.remaining, left.whole_in);
            response
        }
        Err(exhausted) => {
            let problem = exceeded(policy, buckets, exhausted);
            let access = token.map(|token| Access::refused(AccessKind::Throttled).by_token(&token));
            access.into_iter().fold(problem, Problem::refused).into_response()
        }
    }
}

/// The request's token, if it is certain whose it is without asking the store.
fn proven(app: &App, request: &Request) -> Option<Presented> {
    let value = request.headers().get(header::AUTHORIZATION)?;
    let (_, token) = value.to_str().ok()?.split_once(' ')?;
    app.identity.verify(token.trim()).ok().filter(|presented| app.identity.is_proven(presented))
}

/// By the token, if it proves itself, or else by the address.
fn key(request: &Request, token: Option<&Presented>) -> Option<Key> {
    let address = request.extensions().get::<ClientAddress>().map(|&ClientAddress(address)| network(address));
    match token {
        Some(token) => Some(Key::Caller(token.user_id())),
        None if request.headers().contains_key(header::AUTHORIZATION) => Some(Key::Unproven(address)),
        None => address.map(Key::Address),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATES: Rates = Rates { caller: 0, address: 0, attempts: 2, attempts_from_address: 4, attempts_at_account: 6 };

    fn at(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    fn fails(throttle: &Throttle, account: &str, address: &str) -> bool {
        throttle.attempt(Some(account), Some(at(address))).is_ok()
    }

    #[test]
    fn an_account_is_one_however_its_address_is_typed() {
        assert_eq!(folded(" A@xn--bcher-kva.example"), folded("a@BÜCHER.example"));
        assert_ne!(folded("a@bucher.example"), folded("a@bücher.example"));
        assert_eq!(folded(" Not An Address "), "not an address");
    }

    #[test]
    fn an_account_is_tried_from_one_address_so_often_and_others_still_get_in() {
        let throttle = Throttle::new(&RATES);
        assert!(fails(&throttle, "ada@example.com", "203.0.113.1"));
        assert!(fails(&throttle, " ADA@example.com", "203.0.113.1"), "however it is typed");
        let problem = throttle.attempt(Some("ada@example.com"), Some(at("203.0.113.1"))).unwrap_err();
        assert_eq!(problem.code(), Code::TooManyRequests);
        assert!(fails(&throttle, "ada@example.com", "203.0.113.2"), "their owner is elsewhere");
        assert!(fails(&throttle, "ben@example.com", "203.0.113.1"));
    }

    #[test]
    fn an_address_tries_so_many_accounts() {
        let throttle = Throttle::new(&RATES);
        let tried = (0..9).filter(|n| fails(&throttle, &format!("{n}@example.com"), "203.0.113.1")).count();
        assert_eq!(tried, 4);
        assert!(throttle.attempt(None, Some(at("203.0.113.1"))).is_err(), "nor anything else");
        assert!(throttle.attempt(None, Some(at("203.0.113.2"))).is_ok());
    }

    #[test]
    fn an_account_is_tried_from_many_addresses_so_often_but_where_it_is_known_it_gets_in() {
        let throttle = Throttle::new(&RATES);
        throttle.attempt(Some("ada@example.com"), Some(at("198.51.100.9"))).unwrap().succeeded();

        let tried = (0..20).filter(|n| fails(&throttle, "ada@example.com", &format!("203.0.113.{n}"))).count();

        assert_eq!(tried, 6);
        assert!(!fails(&throttle, "ada@example.com", "198.51.100.10"), "an address as unknown as the others");
        throttle.attempt(Some("ada@example.com"), Some(at("198.51.100.9"))).unwrap().succeeded();
    }

    #[test]
    fn what_succeeds_counts_for_nothing() {
        let throttle = Throttle::new(&RATES);
        for _ in 0..50 {
            throttle.attempt(Some("ada@example.com"), Some(at("203.0.113.1"))).unwrap().succeeded();
            throttle.attempt(None, Some(at("203.0.113.1"))).unwrap().succeeded();
        }
    }

    #[test]
    fn who_is_refused_for_their_address_takes_nothing_from_the_account() {
        let throttle = Throttle::new(&RATES);
        while throttle.attempt(None, Some(at("203.0.113.1"))).is_ok() {}
        for _ in 0..20 {
            assert!(!fails(&throttle, "ada@example.com", "203.0.113.1"));
        }
        let tried = (2..20).filter(|n| fails(&throttle, "ada@example.com", &format!("203.0.113.{n}"))).count();
        assert_eq!(tried, 6);
    }

    #[test]
    fn it_is_said_in_how_many_seconds_to_come_again() {
        let said = |seconds| {
            let exhausted = Exhausted { again_in: Duration::from_secs(seconds), whole_in: Duration::from_mins(1) };
            let problem = exceeded("attempts", &Buckets::new(2), exhausted);
            serde_json::to_value(problem).unwrap()["detail"].clone()
        };
        assert_eq!(said(0), "Try again in 1 second.");
        assert_eq!(said(1), "Try again in 1 second.");
        assert_eq!(said(30), "Try again in 30 seconds.");
    }

    #[test]
    fn what_is_seen_to_have_failed_afterwards_counts_too() {
        let throttle = Throttle::new(&RATES);
        for _ in 0..9 {
            throttle.failed(Some(at("203.0.113.1")));
        }
        let refused = |address| throttle.attempt(None, Some(at(address))).err().map(|problem| problem.code());
        assert_eq!(refused("203.0.113.1"), Some(Code::TooManyRequests));
        assert_eq!(refused("203.0.113.2"), None);
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let throttle = Throttle::new(&RATES);
        let tried =
            (1..9).filter(|n| fails(&throttle, &format!("{n}@example.com"), &format!("2001:db8:1:2::{n}"))).count();
        assert_eq!(tried, 4);
        assert!(fails(&throttle, "9@example.com", "2001:db8:1:3::1"));
        assert_eq!(network("::ffff:203.0.113.7".parse().unwrap()), network("203.0.113.7".parse().unwrap()));
    }
}

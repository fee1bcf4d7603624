//! How the HTTP API of `muster serve` behaves.

use std::error::Error;
use std::fs;

use clap::Args;
use muster_domain::user::Role;
use muster_handlers::http::{Causes, Rates, SessionIdle, Settings, SignUpPolicy};
use muster_handlers::webhooks::{Network, Reach};
use muster_identity::OidcSettings;
use url::Url;

use crate::args::parse_role;

/// What differs between installations.
#[derive(Clone, Debug, Args)]
pub struct ApiArgs {
    /// How many reverse proxies stand before the server: so many entries of X-Forwarded-For, counted from the end, say
    /// where a request comes from. With 0, the connection alone says it.
    #[arg(long, env = "MUSTER_TRUSTED_PROXIES", value_name = "COUNT", default_value_t = 0)]
    pub trusted_proxies: usize,
    /// Where people see Muster, such as `https://tasks.example.com`: letters lead there [default: where it listens].
    #[arg(long, env = "MUSTER_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub public_url: Option<String>,
    /// Who may sign up: whoever likes to (`open`), whoever was invited (`invitation`), or nobody (`closed`).
    #[arg(long, env = "MUSTER_SIGNUP", value_name = "POLICY", default_value = "open")]
    pub signup: SignUpPolicy,
    /// Origins of web apps whose pages may call the API and use the cookie beside its own, such as `https://tasks.example.com`.
    #[arg(long, env = "MUSTER_ALLOWED_ORIGINS", value_name = "ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<String>,
    /// The outside issuers of OpenID Connect that people may sign in with: a file of JSON, of which the README has an
    /// example. Nobody signs in with one if left out.
    #[arg(long, env = "MUSTER_OIDC_CONFIG", value_name = "FILE", value_parser = outside_issuers)]
    pub oidc_config: Option<OidcSettings>,
    /// Roles whose people do nothing before they have a second factor, such as `admin,manager`; nobody has to have one if left out.
    #[arg(long, env = "MUSTER_REQUIRE_SECOND_FACTOR", value_name = "ROLES", value_delimiter = ',', value_parser = parse_role)]
    pub require_second_factor: Vec<Role>,
    /// Hours after which a session ends that nobody refreshes. Whoever uses it does so every quarter of an hour.
    #[arg(long, env = "MUSTER_SESSION_IDLE_HOURS", value_name = "HOURS", default_value_t = SessionIdle::default())]
    pub session_idle_hours: SessionIdle,
    /// Networks that webhooks may lead to although they are not public, such as `10.1.0.0/16`: receivers in the same house.
    #[arg(long, env = "MUSTER_WEBHOOK_NETWORKS", value_name = "NETWORKS", value_delimiter = ',')]
    pub webhook_networks: Vec<Network>,
    /// Let webhooks lead to `http` URLs, too. For local development alone: what is sent could be read on its way.
    #[arg(long, env = "MUSTER_WEBHOOK_HTTP")]
    pub webhook_http: bool,
    /// Requests a minute of one account; 0 for no limit.
    #[arg(long, env = "MUSTER_RATE_LIMIT_CALLER", value_name = "COUNT", default_value_t = Rates::default().caller)]
    pub rate_limit_caller: u32,
    /// Requests a minute of one address without an access token; 0 for no limit.
    #[arg(long, env = "MUSTER_RATE_LIMIT_ADDRESS", value_name = "COUNT", default_value_t = Rates::default().address)]
    pub rate_limit_address: u32,
    /// Failed sign-ins a minute at one account from one address; 0 for no limit.
    #[arg(long, env = "MUSTER_RATE_LIMIT_ATTEMPTS", value_name = "COUNT", default_value_t = Rates::default().attempts)]
    pub rate_limit_attempts: u32,
    /// Failed sign-ins a minute from one address; 0 for no limit.
    #[arg(long, env = "MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", value_name = "COUNT",
        default_value_t = Rates::default().attempts_from_address)]
    pub rate_limit_attempts_from_address: u32,
    /// Failed sign-ins a minute at one account from addresses that are new to it; 0 for no limit.
    #[arg(long, env = "MUSTER_RATE_LIMIT_ATTEMPTS_AT_ACCOUNT", value_name = "COUNT",
        default_value_t = Rates::default().attempts_at_account)]
    pub rate_limit_attempts_at_account: u32,
}

impl ApiArgs {
    /// As the API takes it, on a server that is at this address, such as `http://127.0.0.1:8080`.
    pub fn settings(&self, here: &str) -> Settings {
        Settings {
            trusted_proxies: self.trusted_proxies,
            sign_up: self.signup,
            public_url: self.public_url.clone().unwrap_or_else(|| here.to_owned()),
            allowed_origins: self.allowed_origins.iter().filter(|origin| !origin.is_empty()).cloned().collect(),
            webhooks: Reach { networks: self.webhook_networks.clone(), http: self.webhook_http },
            oidc: self.oidc_config.clone().unwrap_or_default(),
            second_factor_for: self.require_second_factor.clone(),
            session_idle: self.session_idle_hours,
            rates: Rates {
                caller: self.rate_limit_caller,
                address: self.rate_limit_address,
                attempts: self.rate_limit_attempts,
                attempts_from_address: self.rate_limit_attempts_from_address,
                attempts_at_account: self.rate_limit_attempts_at_account,
            },
        }
    }
}

/// The issuers that a file names, or what is wrong with it, in words for the terminal.
fn outside_issuers(path: &str) -> Result<OidcSettings, String> {
    let words = |error: &(dyn Error + 'static)| Causes(error).to_string();
    let text = fs::read_to_string(path).map_err(|error| words(&error))?;
    text.parse().map_err(|error: muster_identity::OidcSettingsError| words(&error))
}

/// The address of a web site: nothing can be in it that would break a link that begins with it.
fn public_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_site = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
    if is_site && url.username().is_empty() && url.password().is_none() {
        Ok(url.to_string())
    } else {
        Err("it must begin with http:// or https:// and have no ? and no #".to_owned())
    }
}

/// The origin of a web app, as a browser says it in `Origin`: any other form would be equal to none. Nothing between two commas
/// stays nothing.
fn origin(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_bare = matches!(url.scheme(), "http" | "https") && url.path() == "/" && !text.contains(['?', '#', '@']);
    if is_bare {
        Ok(url.origin().ascii_serialization())
    } else {
        Err("it must be http:// or https:// and a host, and no more, such as https://tasks.example.com".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_a_browser_says_it() {
        for (given, kept) in [
            ("https://tasks.example.com", "https://tasks.example.com"),
            ("https://Tasks.Example.com:443/", "https://tasks.example.com"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("", ""),
        ] {
            assert_eq!(origin(given), Ok(kept.to_owned()), "{given}");
        }
    }

    #[test]
    fn what_no_browser_says_is_no_origin() {
        for wrong in
            ["tasks.example.com", "tasks.example.com:443", "https://a/app", "https://a?", "https://ada@a", "null", "*"]
        {
            origin(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn a_public_address_is_one_that_links_can_begin_with() {
        assert_eq!(public_url("https://tasks.example.com"), Ok("https://tasks.example.com/".to_owned()));
        assert_eq!(public_url("http://127.0.0.1:8080/muster"), Ok("http://127.0.0.1:8080/muster".to_owned()));
        for wrong in ["tasks.example.com", "ftp://example.com", "https://a?b", "https://a#b", "https://ada:secret@a"] {
            assert!(public_url(wrong).is_err(), "{wrong}");
        }
    }
}

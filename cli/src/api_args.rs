//! How the HTTP API of `muster serve` behaves.

use std::error::Error;
use std::fs;

use clap::Args;
use muster_handlers::http::{Causes, Rates, Settings, SignUpPolicy};
use muster_identity::OidcSettings;

/// What differs between installations.
#[derive(Clone, Debug, Args)]
pub struct ApiArgs {
    /// How many reverse proxies stand before the server: so many entries of X-Forwarded-For, counted from the end, say
    /// where a request comes from. With 0, the connection alone says it.
    #[arg(long, env = "MUSTER_TRUSTED_PROXIES", value_name = "COUNT", default_value_t = 0)]
    pub trusted_proxies: usize,
    /// Who may sign up: whoever likes to (`open`), or nobody (`closed`).
    #[arg(long, env = "MUSTER_SIGNUP", value_name = "POLICY", default_value = "open")]
    pub signup: SignUpPolicy,
    /// Origins of web apps that may use the cookie beside the API's own, such as `https://tasks.example.com`.
    #[arg(long, env = "MUSTER_ALLOWED_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub allowed_origins: Vec<String>,
    /// The outside issuers of OpenID Connect that people may sign in with: a file of JSON, of which the README has an
    /// example. Nobody signs in with one if left out.
    #[arg(long, env = "MUSTER_OIDC_CONFIG", value_name = "FILE", value_parser = outside_issuers)]
    pub oidc_config: Option<OidcSettings>,
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
    /// As the API takes it.
    pub fn settings(&self) -> Settings {
        Settings {
            trusted_proxies: self.trusted_proxies,
            sign_up: self.signup,
            allowed_origins: self.allowed_origins.iter().filter(|origin| !origin.is_empty()).cloned().collect(),
            oidc: self.oidc_config.clone().unwrap_or_default(),
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

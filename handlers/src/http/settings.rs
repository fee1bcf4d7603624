//! What an operator decides about the API.

use super::throttle::Rates;

/// How the API behaves where operators differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How many reverse proxies stand before the program: so many entries of `X-Forwarded-For`, counted from the end, are
    /// believed. 0 believes none.
    pub trusted_proxies: usize,
    /// How often somebody may ask.
    pub rates: Rates,
    /// Origins of web apps, such as `https://tasks.example.com`, that may use the cookie beside the API's own.
    pub allowed_origins: Vec<String>,
}

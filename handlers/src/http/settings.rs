//! What an operator decides about the API.

/// How the API behaves where operators differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How many reverse proxies stand before the program: so many entries of `X-Forwarded-For`, counted from the end, are
    /// believed. 0 believes none.
    pub trusted_proxies: usize,
}

//! The program that somebody uses to sign in.

use std::net::IpAddr;

/// What is known of the program that logs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// As it names itself.
    pub user_agent: Option<String>,
    /// From where it calls.
    pub address: Option<IpAddr>,
}

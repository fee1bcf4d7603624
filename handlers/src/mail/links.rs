//! Where a letter leads to.

/// Links to the pages of the web app. What is secret in one stands after the `#`: a browser sends it to no server, and no log has
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    base: String,
}

impl Links {
    /// Under the address at which people see Muster, such as `https://tasks.example.com`.
    pub fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned() }
    }

    /// The address itself.
    pub fn home(&self) -> &str {
        &self.base
    }

    /// To set a new password, for whoever has this token.
    pub fn password_reset(&self, token: &str) -> String {
        format!("{}/password-reset#token={token}", self.base)
    }

    /// To sign up, for whoever has this invitation.
    pub fn invitation(&self, token: &str) -> String {
        format!("{}/sign-up#invitation={token}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stands_where_a_browser_sends_it_to_nobody() {
        let links = Links::new("https://tasks.example.com/");

        assert_eq!(links.home(), "https://tasks.example.com");
        assert_eq!(links.password_reset("abc"), "https://tasks.example.com/password-reset#token=abc");
        assert_eq!(links.invitation("abc"), "https://tasks.example.com/sign-up#invitation=abc");
    }
}

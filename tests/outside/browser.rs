//! What a browser does on the way: cookies, redirects, forms.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response, Url};

/// More steps than any sign-in has.
const MOST: usize = 20;

/// A browser with its cookies.
pub(crate) struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { client, cookies: BTreeMap::new() }
    }

    /// Goes to this address, signs in as this person and agrees to whatever is asked, until it is sent back; with what.
    pub(crate) async fn sign_in(&mut self, url: &str, back: &str, name: &str) -> BTreeMap<String, String> {
        let mut response = self.send(self.client.get(url)).await;
        let mut at: Url = url.parse().unwrap();
        for _ in 0..MOST {
            if let Some(to) = response.headers().get(LOCATION) {
                at = at.join(to.to_str().unwrap()).unwrap();
                if at.as_str().starts_with(back) {
                    return at.query_pairs().into_owned().collect();
                }
                response = self.send(self.client.get(at.clone())).await;
            } else {
                let (status, page) = (response.status(), response.text().await.unwrap());
                let asked = ["login", "consent"]
                    .into_iter()
                    .find(|one| page.contains(&format!(r#"name="prompt" value="{one}""#)));
                let asked = asked.unwrap_or_else(|| panic!("{at}: {status}: {page}"));
                let form = [("prompt", asked), ("login", name), ("password", "anything")];
                response = self.send(self.client.post(at.clone()).form(&form)).await;
            }
        }
        panic!("sent around in circles");
    }

    async fn send(&mut self, request: RequestBuilder) -> Response {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }
}

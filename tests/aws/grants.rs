//! What a function may do, for as long as something is tried with other rights.

use crate::deployment::Deployment;
use crate::faults::giving_back;

impl Deployment {
    /// Does the work while a function may not do this.
    pub(crate) async fn without_grant<T>(&self, function: &str, action: &str, work: impl Future<Output = T>) -> T {
        self.with_grant(function, action, "dynamodb:DescribeLimits", work).await
    }

    /// Does the work while a function's grants say something else in place of this.
    pub(crate) async fn with_grant<T>(&self, function: &str, from: &str, to: &str, work: impl Future<Output = T>) -> T {
        self.replace_grant(function, from, to).await;
        giving_back(work, async || self.replace_grant(function, to, from).await).await
    }

    /// Lets a function's grants say something else in place of this.
    pub(crate) async fn replace_grant(&self, function: &str, from: &str, to: &str) {
        let (role, name, document) = policy(self, function).await;
        let changed = document.replace(from, to);
        assert_ne!(changed, document, "the grant was there");
        let put = [("RoleName", role.as_str()), ("PolicyName", &name), ("PolicyDocument", &changed)];
        self.iam("PutRolePolicy", &put).await;
    }
}

/// The one inline policy of a function's role: the role, the policy's name, and its text.
async fn policy(aws: &Deployment, function: &str) -> (String, String, String) {
    let configuration = aws.function(function).await;
    let role = configuration["Role"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let listed = aws.iam("ListRolePolicies", &[("RoleName", &role)]).await;
    let name = between(&listed, "<member>", "</member>").to_owned();
    let found = aws.iam("GetRolePolicy", &[("RoleName", &role), ("PolicyName", &name)]).await;
    let document = percent_decoded(between(&found, "<PolicyDocument>", "</PolicyDocument>"));
    (role, name, document)
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("no {begin} in {text}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} in {text}")).0
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            decoded.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).unwrap()
}

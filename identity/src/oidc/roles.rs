//! What people are here by what the issuer says they are there.

use std::collections::BTreeMap;

use muster_domain::user::Role;
use serde::Deserialize;
use serde_json::Value;

/// From groups of the issuer to roles. Nobody is anything by it that the operator did not write down.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleMap {
    /// The claim with the groups: a text, or a list of texts. One that begins with `/` is a JSON pointer (RFC 6901).
    #[serde(default = "usual_claim")]
    claim: String,
    /// The role of each group that counts. Whoever is in several has the role that may do most.
    map: BTreeMap<String, Role>,
    /// The role of whoever is in none of them. Left out, they are not let in.
    #[serde(default)]
    otherwise: Option<Role>,
}

/// What the issuer's word means for a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutsideRole {
    /// Nothing: roles are given here.
    Unsaid,
    /// This one, from now on.
    Is(Role),
    /// They have none, and are not let in.
    None,
}

impl RoleMap {
    /// The role of whoever is in no group that counts.
    pub const fn otherwise(&self) -> Option<Role> {
        self.otherwise
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.claim.is_empty() { Err("the claim with the roles is empty") } else { Ok(()) }
    }

    pub(super) fn role(&self, claims: &Value) -> OutsideRole {
        let value = if self.claim.starts_with('/') { claims.pointer(&self.claim) } else { claims.get(&self.claim) };
        let groups: Vec<&str> = match value {
            Some(Value::String(group)) => vec![group],
            Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).collect(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => vec![],
        };
        let roles = groups.iter().filter_map(|group| self.map.get(*group).copied());
        roles.max_by_key(|role| rank(*role)).or(self.otherwise).map_or(OutsideRole::None, OutsideRole::Is)
    }
}

fn usual_claim() -> String {
    "groups".to_owned()
}

/// Who may do more.
const fn rank(role: Role) -> u8 {
    match role {
        Role::Admin => 3,
        Role::Manager => 2,
        Role::Auditor => 1,
        Role::Member => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(map: &Value, claims: &Value) -> OutsideRole {
        let map: RoleMap = serde_json::from_value(map.clone()).unwrap();
        map.role(claims)
    }

    #[test]
    fn the_group_that_may_do_most_counts() {
        let map = json!({ "map": { "leads": "manager", "all": "member", "audit": "auditor", "root": "admin" } });
        for (groups, expected) in [
            (json!(["all"]), Role::Member),
            (json!(["all", "leads"]), Role::Manager),
            (json!(["root", "all", "leads"]), Role::Admin),
            (json!(["audit", "all"]), Role::Auditor),
            (json!("leads"), Role::Manager),
        ] {
            assert_eq!(role(&map, &json!({ "groups": groups })), OutsideRole::Is(expected), "{groups}");
        }
    }

    #[test]
    fn without_a_group_that_counts_there_is_the_other_role_or_none() {
        let map = json!({ "map": { "root": "admin" } });
        let with_other = json!({ "map": { "root": "admin" }, "otherwise": "member" });
        for claims in [
            json!({}),
            json!({ "groups": [] }),
            json!({ "groups": ["ROOT", "roots", "admin", 7, null] }),
            json!({ "groups": { "root": true } }),
            json!({ "groups": true }),
            json!({ "groups": "root,all" }),
        ] {
            assert_eq!(role(&map, &claims), OutsideRole::None, "{claims}");
            assert_eq!(role(&with_other, &claims), OutsideRole::Is(Role::Member), "{claims}");
        }
    }

    #[test]
    fn the_claim_has_the_name_that_the_issuer_gives_it() {
        let cognito = json!({ "claim": "cognito:groups", "map": { "root": "admin" } });
        assert_eq!(role(&cognito, &json!({ "cognito:groups": ["root"] })), OutsideRole::Is(Role::Admin));
        assert_eq!(role(&cognito, &json!({ "groups": ["root"] })), OutsideRole::None);
        let nested = json!({ "claim": "/realm_access/roles", "map": { "root": "admin" } });
        assert_eq!(role(&nested, &json!({ "realm_access": { "roles": ["root"] } })), OutsideRole::Is(Role::Admin));
        assert_eq!(role(&nested, &json!({ "realm_access": "root" })), OutsideRole::None);
        let address = json!({ "claim": "https://example.com/roles", "map": { "root": "admin" } });
        assert_eq!(role(&address, &json!({ "https://example.com/roles": "root" })), OutsideRole::Is(Role::Admin));
    }
}

//! Who is spoken to in a text: `@[<user id>]`. A name would be personal data in a task's history, and is another tomorrow.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::ids::UserId;

/// The most people that one text may speak to.
pub const MAX_MENTIONS: usize = 20;

const OPENS: &str = "@[";
/// The characters of an id with hyphens.
const ID: usize = 36;

/// Whom the text speaks to, each once, in the order of their ids.
pub fn mentions(text: &str) -> Vec<UserId> {
    let named = text.match_indices(OPENS).filter_map(|(at, _)| {
        let rest = &text[at + OPENS.len()..];
        let id = rest.get(..ID).filter(|_| rest.as_bytes().get(ID) == Some(&b']'))?;
        Uuid::try_parse(id).ok().map(UserId)
    });
    named.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_an_id_in_brackets_after_an_at_sign() {
        let (ada, ben) = (UserId(Uuid::from_u128(0xada)), UserId(Uuid::from_u128(0xbe)));
        assert_eq!(mentions(&format!("@[{ben}]: ask @[{ada}], and @[{ada}] again")), [ben, ada]);
        assert_eq!(mentions(&format!("(@[{}])", ada.to_string().to_uppercase())), [ada]);
        let id = ada.to_string();
        for none in [
            "",
            "@",
            "@[",
            "@[]",
            "@[ada]",
            &format!("@{id}"),
            &format!("[{id}]"),
            &format!("@[{id}"),
            &format!("@[{id} ]"),
        ] {
            assert_eq!(mentions(none), [], "{none}");
        }
        assert_eq!(mentions(&format!("@[{}]", ada.0.simple())), [], "written in one way only");
        assert_eq!(mentions("@[ééééééééééééééééééééééééééééééééééééé]"), [], "letters of several bytes are no id");
        assert_eq!(mentions(&format!("@[@[{ada}]")), [ada]);
    }
}

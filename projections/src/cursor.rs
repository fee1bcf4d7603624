//! Cursors: where a listing goes on, and for which query.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use uuid::{Uuid, uuid};

use crate::error::CursorError;

const NAMESPACE: Uuid = uuid!("6d757374-6572-5000-8000-637572736f72");

/// The digest of a query by which its cursors are known. Not a secret and not a right: a cursor gives a place in a list
/// and nothing that its holder could not ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueryCheck(String);

impl QueryCheck {
    /// Of the query with this name and meaning.
    pub(crate) fn of(name: &str, meaning: &impl Serialize) -> Self {
        let meaning = serde_json::to_string(meaning).unwrap_or_default();
        let digest = Uuid::new_v5(&NAMESPACE, format!("{name}\n{meaning}").as_bytes()).simple().to_string();
        Self(digest[..16].to_owned())
    }

    /// The cursor for going on after this sort key.
    pub(crate) fn cursor(&self, after: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}{after}", self.0))
    }

    /// The sort key to go on after.
    pub(crate) fn after(&self, cursor: &str) -> Result<String, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| CursorError::Malformed)?;
        let text = String::from_utf8(bytes).map_err(|_| CursorError::Malformed)?;
        let (check, after) = text.split_at_checked(16).ok_or(CursorError::Malformed)?;
        if !check.bytes().all(|byte| byte.is_ascii_hexdigit()) || after.is_empty() || after.len() > 1024 {
            return Err(CursorError::Malformed);
        }
        if check != self.0 {
            return Err(CursorError::OtherQuery);
        }
        Ok(after.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_by_the_query_that_gave_it() {
        let check = QueryCheck::of("tasks", &("mine", true));
        assert_eq!(check.after(&check.cursor("2026-01-01#7")), Ok("2026-01-01#7".to_owned()));
    }

    #[test]
    fn a_cursor_of_another_query_is_refused() {
        let (mine, theirs) = (QueryCheck::of("tasks", &"mine"), QueryCheck::of("tasks", &"theirs"));
        assert_eq!(theirs.after(&mine.cursor("x")), Err(CursorError::OtherQuery));
    }

    #[test]
    fn what_is_not_a_cursor_is_refused() {
        let check = QueryCheck::of("tasks", &"mine");
        for text in ["", "%", "AAAA", "8J-YgPCfmIDwn5iA8J-YgPCfmIDwn5iA", &check.cursor("")] {
            assert_eq!(check.after(text), Err(CursorError::Malformed), "{text:?}");
        }
    }
}

//! The keys of a table, for another table.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::UserId;
use muster_domain::personal::{Opener, SubjectKey};
use muster_domain::ports::KeyError;

use crate::master::{Master, MasterError};
use crate::table::{ERASED, WRAPPED};

/// What a table says of one person.
#[derive(Clone, Debug)]
pub enum KeyCopy {
    /// Their key.
    Key(SubjectKey),
    /// It was erased.
    Erased,
}

/// The keys of all people of a table, by user id.
#[derive(Clone, Debug, Default)]
pub struct Copies(pub BTreeMap<UserId, KeyCopy>);

impl Copies {
    /// All keys of this table, which `master` wraps.
    pub async fn of(client: &Client, table: &str, master: &dyn Master) -> Result<Self, KeyError> {
        let mut copies = BTreeMap::new();
        let mut from = None;
        loop {
            let scan = client.scan().table_name(table).consistent_read(true).set_exclusive_start_key(from);
            let page = scan.send().await.map_err(|error| KeyError::Unavailable(Box::new(error)))?;
            for item in page.items() {
                if let Some((subject, copy)) = copy(item, master).await? {
                    copies.insert(subject, copy);
                }
            }
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(Self(copies));
            }
        }
    }

    /// Puts them all into a table, wrapped by this master. One that is there already is put anew: it is from a run that was cut off.
    pub async fn put(&self, client: &Client, table: &str, master: &dyn Master) -> Result<(), KeyError> {
        for (subject, copy) in &self.0 {
            let put = client.put_item().table_name(table).item("pk", AttributeValue::S(subject.to_string()));
            let put = match copy {
                KeyCopy::Key(key) => {
                    let wrapped = master.wrap(*subject, key).await.map_err(|error| of_master(*subject, error))?;
                    put.item(WRAPPED, AttributeValue::B(Blob::new(wrapped)))
                }
                KeyCopy::Erased => put.item(ERASED, AttributeValue::Bool(true)),
            };
            put.send().await.map_err(|error| KeyError::Unavailable(Box::new(error)))?;
        }
        Ok(())
    }

    /// What opens the history of this person.
    pub fn opener(&self, subject: UserId) -> Opener {
        match self.0.get(&subject) {
            Some(KeyCopy::Key(key)) => Opener::Key(key.clone()),
            Some(KeyCopy::Erased) => Opener::Erased,
            None => Opener::NoKey,
        }
    }
}

async fn copy(
    item: &HashMap<String, AttributeValue>,
    master: &dyn Master,
) -> Result<Option<(UserId, KeyCopy)>, KeyError> {
    let subject = item.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.parse().ok());
    let Some(subject) = subject.map(UserId) else { return Ok(None) };
    if item.contains_key(ERASED) {
        return Ok(Some((subject, KeyCopy::Erased)));
    }
    let wrapped = item.get(WRAPPED).and_then(|wrapped| wrapped.as_b().ok());
    let missing = || KeyError::Damaged { subject, reason: "it is missing or of another type".to_owned() };
    let key = master.unwrap(subject, wrapped.ok_or_else(missing)?.as_ref()).await;
    Ok(Some((subject, KeyCopy::Key(key.map_err(|error| of_master(subject, error))?))))
}

fn of_master(subject: UserId, error: MasterError) -> KeyError {
    match error {
        MasterError::Unavailable(source) => KeyError::Unavailable(source),
        error @ MasterError::NotOurs => KeyError::Damaged { subject, reason: error.to_string() },
    }
}

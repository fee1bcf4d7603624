//! Whether a master is the one under which the keys of a table are wrapped. It is asked before a program goes on with a master that may
//! be another: with that one nothing personal could be read, and what it wrapped the old one could not.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::scan::ScanError;
use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::UserId;
use muster_domain::ports::KeyError;

use crate::master::{Master, MasterError};
use crate::table::WRAPPED;

/// How many items are looked at in one request.
const PAGE: i32 = 100;

/// Some of the keys of a table, as they are kept.
#[derive(Clone, Debug, Default)]
pub struct WrappedKeys(Vec<(UserId, Vec<u8>)>);

impl WrappedKeys {
    /// Those that this table is found to have first: at least one if it has any, and none if it is not there. One that was erased is none.
    pub async fn some_of(client: &Client, table: &str) -> Result<Self, KeyError> {
        let mut from = None;
        loop {
            let scan = client.scan().table_name(table).consistent_read(true).limit(PAGE).set_exclusive_start_key(from);
            let page = match scan.send().await {
                Ok(page) => page,
                Err(error) if error.as_service_error().is_some_and(ScanError::is_resource_not_found_exception) => {
                    return Ok(Self::default());
                }
                Err(error) => return Err(KeyError::Unavailable(Box::new(error))),
            };
            let keys: Vec<_> = page.items().iter().filter_map(wrapped).collect();
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if !keys.is_empty() || from.is_none() {
                return Ok(Self(keys));
            }
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this master opens at least one of them. A single one may be damaged; when none is opened, the master is another.
    pub async fn are_of(&self, master: &dyn Master) -> Result<bool, MasterError> {
        for (subject, wrapped) in &self.0 {
            match master.unwrap(*subject, wrapped).await {
                Ok(_) => return Ok(true),
                Err(MasterError::NotOurs) => {}
                Err(error @ MasterError::Unavailable(_)) => return Err(error),
            }
        }
        Ok(false)
    }
}

fn wrapped(item: &HashMap<String, AttributeValue>) -> Option<(UserId, Vec<u8>)> {
    let subject = item.get("pk")?.as_s().ok()?.parse().ok()?;
    Some((subject, item.get(WRAPPED)?.as_b().ok()?.as_ref().to_vec()))
}

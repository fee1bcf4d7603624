//! Whose address is this? Read from the reservations that the command side writes with the event that claims them.

use aws_sdk_dynamodb::Client;
use muster_domain::ids::UserId;
use muster_domain::values::Email;

use crate::store::{StoreError, s, text};

/// The table of reserved addresses.
#[derive(Clone, Debug)]
pub struct Emails {
    client: Client,
    table: String,
}

impl Emails {
    /// Over an existing table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The active account with this address, whatever its case; `None` also for what is no address. Read consistently,
    /// so that whoever has just signed up can log in.
    pub async fn owner(&self, email: &str) -> Result<Option<UserId>, StoreError> {
        const READING: &str = "reading who owns an address";
        let Ok(email) = email.trim().parse::<Email>() else { return Ok(None) };
        let key = email.reservation_key();
        let get = self.client.get_item().table_name(&self.table).key("pk", s(&key)).consistent_read(true);
        let Some(item) = get.send().await.map_err(StoreError::of(READING))?.item else { return Ok(None) };
        let owner = text(&item, "owner").and_then(|owner| owner.parse().ok());
        owner.map(Some).ok_or(StoreError::damaged(READING, "owner"))
    }
}

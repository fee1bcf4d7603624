//! Reading users and teams.

use muster_domain::user::Role;
use muster_domain::{StreamId, TeamId, UserId};
use serde::Serialize;
use uuid::Uuid;

use super::{Account, Directory, DirectoryRow, Party, TeamDocument, UserDocument};
use crate::attribute::{Reader, text};
use crate::cursor::QueryCheck;
use crate::error::{QueryError, StoreError};
use crate::listing::{FILTERED_READ, Filter, Listed, Listing, Page, Partition};
use crate::projection::Projection as _;
use crate::read_models::{ReadModels, row_of};

/// One page of users.
pub type UserPage = Listed<UserDocument>;
/// One page of teams.
pub type TeamPage = Listed<TeamDocument>;

/// Which users are asked for: those that fulfil everything that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserFilter {
    /// A team that they are in.
    pub team: Option<TeamId>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub active: Option<bool>,
}

/// The queries of `directory`.
#[derive(Clone, Debug)]
pub struct DirectoryQueries {
    models: ReadModels,
}

impl DirectoryQueries {
    /// Over these tables.
    pub const fn new(models: ReadModels) -> Self {
        Self { models }
    }

    /// The person, active or not; `None` when the read model does not know them (yet).
    pub async fn account(&self, id: UserId) -> Result<Option<Account>, QueryError> {
        let row = self.models.row(Directory::NAME, &StreamId::from(id)).await?;
        Ok(row.and_then(|(row, version)| Account::of(id.0, row, version)))
    }

    /// Removes a person's row from the tables that are written no more: what is erased is to be in none of them.
    pub async fn forget(&self, id: UserId) -> Result<(), StoreError> {
        self.models.generations().forget(Directory::NAME, &id.into()).await
    }

    /// The team; `None` when the read model does not know it (yet).
    pub async fn team(&self, id: TeamId) -> Result<Option<TeamDocument>, QueryError> {
        let row = self.models.row(Directory::NAME, &StreamId::from(id)).await?;
        Ok(row.and_then(|(row, version)| team_of(id.0, &row, version)))
    }

    /// The users that fulfil the filter, by name.
    pub async fn users(&self, wanted: &UserFilter, page: &Page) -> Result<UserPage, QueryError> {
        let check = QueryCheck::of("users", &(wanted, page.descending));
        let mut filter = Filter::default();
        if let Some(team) = wanted.team {
            let (path, value) = (filter.path("row.party.user.teams"), filter.value(text(&team)));
            filter.and(format!("contains({path}, {value})"));
        }
        if let Some(role) = wanted.role {
            let (path, value) = (filter.path("row.party.user.role"), filter.value(text(&role)));
            filter.and(format!("{path} = {value}"));
        }
        if let Some(active) = wanted.active {
            let value = aws_sdk_dynamodb::types::AttributeValue::Bool(active);
            let (path, value) = (filter.path("row.party.user.active"), filter.value(value));
            filter.and(format!("{path} = {value}"));
        }
        self.list(&check, "users", "gsi_users", filter, page, user_of).await
    }

    /// The teams, by name.
    pub async fn teams(&self, page: &Page) -> Result<TeamPage, QueryError> {
        let check = QueryCheck::of("teams", &page.descending);
        self.list(&check, "teams", "gsi_teams", Filter::default(), page, team_of).await
    }

    /// Everybody in the team, active or not, by name.
    pub async fn members(&self, team: TeamId) -> Result<Vec<UserDocument>, QueryError> {
        let wanted = UserFilter { team: Some(team), ..UserFilter::default() };
        let mut page = Page::first(Page::MAX);
        let mut members = Vec::new();
        loop {
            let UserPage { items, next } = self.users(&wanted, &page).await?;
            members.extend(items);
            if next.is_none() {
                return Ok(members);
            }
            page.cursor = next;
        }
    }

    async fn list<T>(
        &self,
        check: &QueryCheck,
        index: &'static str,
        attribute: &'static str,
        filter: Filter,
        page: &Page,
        make: fn(Uuid, &DirectoryRow, u64) -> Option<T>,
    ) -> Result<Listed<T>, QueryError> {
        let table = self.models.table(Directory::NAME).await?;
        let listing = Listing {
            client: self.models.client(),
            table: &table,
            partitions: vec![Partition { index: Some(index), attribute, value: "all".to_owned(), low: None }],
            sort: "name",
            low: "\u{1}".to_owned(),
            high: "\u{10ffff}".to_owned(),
            filter,
            filtered_read: FILTERED_READ,
            consistent: false,
        };
        listing
            .page(check, page, |table, item| {
                let Some((row, version)) = row_of(table, item)? else { return Ok(None) };
                let stream = Reader { table, item }.stream()?;
                Ok(make(stream.id, &row, version))
            })
            .await
    }
}

fn user_of(id: Uuid, row: &DirectoryRow, version: u64) -> Option<UserDocument> {
    match &row.party {
        Party::User(user) => Some(UserDocument::new(UserId(id), user, version, row.updated_at)),
        Party::Team(_) => None,
    }
}

fn team_of(id: Uuid, row: &DirectoryRow, version: u64) -> Option<TeamDocument> {
    match &row.party {
        Party::Team(team) => Some(TeamDocument::new(TeamId(id), team, version, row.updated_at)),
        Party::User(_) => None,
    }
}

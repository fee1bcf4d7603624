//! Rosters: who is something of which one must always remain, such as the administrators.
//!
//! A roster is one item of the table of reservations. Whoever comes onto it or leaves it puts the whole of it anew, on the
//! condition that it is what was read, in one transaction with the event.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::mutant::{Mutant, planted};
use uuid::Uuid;

use crate::log::AppendError;

/// The attribute with the ids, in their order.
pub(crate) const MEMBERS: &str = "members";

/// The roster with this member.
pub(crate) fn with(members: &BTreeSet<Uuid>, member: Uuid) -> BTreeSet<Uuid> {
    members.iter().copied().chain([member]).collect()
}

/// The roster with this member alone; refused when anybody else is on it. It may be on it: an earlier sending of the command has put it there.
pub(crate) fn alone(key: &str, members: &BTreeSet<Uuid>, member: Uuid) -> Result<BTreeSet<Uuid>, AppendError> {
    if members.iter().any(|other| *other != member) {
        return Err(AppendError::NotFirst { key: key.to_owned() });
    }
    Ok(BTreeSet::from([member]))
}

/// The roster without this member; refused when nobody would be left. Who is not on it may be taken off it: an earlier
/// sending of the command has done so.
pub(crate) fn without(key: &str, members: &BTreeSet<Uuid>, member: Uuid) -> Result<BTreeSet<Uuid>, AppendError> {
    let last = members.len() == 1 && members.contains(&member);
    if last && !planted(Mutant::LastMayLeave) {
        return Err(AppendError::LastOnRoster { key: key.to_owned() });
    }
    Ok(members.iter().copied().filter(|other| *other != member).collect())
}

/// As it is stored.
pub(crate) fn encode(members: &BTreeSet<Uuid>) -> AttributeValue {
    AttributeValue::L(members.iter().map(|member| AttributeValue::S(member.to_string())).collect())
}

/// As it was stored; `None` where it is not begun, or is no roster.
pub(crate) fn decode(item: Option<&HashMap<String, AttributeValue>>) -> Option<BTreeSet<Uuid>> {
    let members = item?.get(MEMBERS)?.as_l().ok()?;
    members.iter().map(|member| member.as_s().ok()?.parse().ok()).collect()
}

//! What an auditor takes away: the signed digests, the key that they are verified with, and the proof of one event.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use muster_domain::TaskId;
use muster_domain::proof::{DigestKey, InclusionProof, SignedDigest};
use muster_identity::policy::{Action, Resource};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::app::{App, not_found, unreadable};
use super::body::Query;
use super::caller::Caller;
use super::etag::MAX_VERSION;
use super::fields::Fields;
use super::page::{Order, Page, PageQuery};
use super::problem::{Code, Problem};
use super::spec::{OpenReadProblems, ReadProblems};
use super::tasks::history::visible;
use crate::digests::{DigestError, ProofError, prove};

/// Which digests.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DigestsQuery {
    /// `-sequence` (newest first, the default) or `sequence`.
    #[param(pattern = "^-?sequence$")]
    sort: Option<String>,
    /// The most digests of a page; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the page begins: `next` of the page before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// The signed digests over the heads of all histories, one for every hour.
///
/// Whoever keeps one of them can tell later whether a history that was there by then was removed or written anew.
#[utoipa::path(get, path = "/audit/digests", operation_id = "list_digests", tag = "audit", params(DigestsQuery),
    responses((status = 200, description = "A page of digests.", body = Page<SignedDigest>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<DigestsQuery>,
) -> Result<Json<Page<SignedDigest>>, Problem> {
    caller.may(Action::ReadAudit, &Resource::Any)?;
    let DigestsQuery { sort, limit, cursor } = query;
    let page = PageQuery { limit, cursor }.checked()?;
    let mut fields = Fields::default();
    let descending = Order::Down("sequence").descending(sort.as_deref(), &mut fields);
    let beyond = page.cursor.as_deref().map(str::parse::<u64>).transpose();
    let beyond = beyond.ok().filter(|beyond| beyond.is_none_or(|sequence| (1..=MAX_VERSION).contains(&sequence)));
    if beyond.is_none() {
        fields.wrong_parameter("cursor", "is not one that a page gave");
    }
    let beyond = fields.finish(beyond)?;
    // One more, to know whether there is a next page.
    let mut digests = app.digests.page(beyond, page.limit + 1, descending).await.map_err(|error| problem(&error))?;
    let more = digests.len() > page.limit;
    digests.truncate(page.limit);
    let next = digests.last().filter(|_| more).map(|last| last.sequence.to_string());
    Ok(Json(Page::of(digests, next)))
}

/// A public key that digests were signed with.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyDocument {
    /// Its name in digests: the RFC 7638 thumbprint.
    key: String,
    /// The key itself: a `SubjectPublicKeyInfo` (P-256) in PEM.
    pem: String,
}

impl From<DigestKey> for KeyDocument {
    fn from(key: DigestKey) -> Self {
        Self { key: key.name(), pem: key.to_pem() }
    }
}

/// The public keys that digests were signed with, the first one first; empty before the first digest.
///
/// Keep it where nobody who works on this installation can change it: it is all that verifies an export or a proof.
#[utoipa::path(get, path = "/audit/digests/key", operation_id = "read_digest_keys", tag = "audit", security(()),
    responses((status = 200, description = "The keys.", body = Page<KeyDocument>), OpenReadProblems))]
pub(crate) async fn keys(State(app): State<Arc<App>>) -> Result<Json<Page<KeyDocument>>, Problem> {
    let keys = app.digests.keys().await.map_err(|error| problem(&error))?;
    Ok(Json(Page::whole(keys.into_iter().map(KeyDocument::from).collect())))
}

/// The proof that an event of a task was there when the first digest after it was taken.
///
/// It is verified with nothing but the public key: `muster verify --proof`, or `docs/verify_export.py`. Where no digest was taken
/// since the event, there is no proof yet (404).
#[utoipa::path(get, path = "/tasks/{task_id}/history/{version}/proof", operation_id = "prove_event", tag = "logs",
    params(("task_id" = TaskId, Path), ("version" = u64, Path, minimum = 1, maximum = 9_007_199_254_740_991_u64)),
    responses((status = 200, description = "The proof.", body = InclusionProof), ReadProblems))]
pub(crate) async fn proof(
    State(app): State<Arc<App>>,
    caller: Caller,
    path: Result<Path<(Uuid, u64)>, axum::extract::rejection::PathRejection>,
) -> Result<Json<InclusionProof>, Problem> {
    let Path((id, version)) =
        path.map_err(|_| Problem::new(Code::NotFound).detail("Ids are UUIDs, and versions whole numbers."))?;
    visible(&app, &caller, TaskId(id)).await?;
    if version > MAX_VERSION {
        return Err(not_found("event"));
    }
    match prove(&*app.reader, &app.digests, &TaskId(id).into(), version).await {
        Ok(proof) => Ok(Json(proof)),
        Err(ProofError::NoSuchEvent { .. }) => Err(not_found("event")),
        Err(ProofError::NotYet) => Err(not_found("proof yet: the next digest will hold the event")),
        Err(error @ ProofError::Contradicted { .. }) => Err(Problem::internal(&error)),
        Err(ProofError::Digests(error)) => Err(problem(&error)),
    }
}

fn problem(error: &DigestError) -> Problem {
    match error {
        DigestError::Store { .. } => Problem::unavailable(error),
        DigestError::Read(error) => unreadable(error),
        DigestError::Damaged { .. }
        | DigestError::Gone { .. }
        | DigestError::Sign(_)
        | DigestError::Key(_)
        | DigestError::Canonical(_) => Problem::internal(error),
    }
}

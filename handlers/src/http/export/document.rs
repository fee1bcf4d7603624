//! What is held of a person, as they get it.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use muster_domain::task::Status;
use muster_domain::user::{NotificationPreferences, Role};
use muster_domain::{CommentId, RecordedEvent, StreamId, TaskId, TeamId, UserId};
use muster_identity::{AccessEntry, AccessKind, CommandOrigin, Invitation, NewInvitation, Outcome, Session};
use muster_projections::TaskDocument;
use muster_projections::audit_log::AuditEntry;
use muster_projections::directory::{TeamDocument, UserDocument};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::api_tokens::ApiTokenDocument;
use crate::http::logged::LogEntry;
use crate::http::oidc::identities::OutsideIdentityDocument;
use crate::http::saved_filters::SavedFilterDocument;
use crate::http::second_factor::enrolment::FactorDocument;

/// All that is held of a person, or a part of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonExport {
    /// When it was taken.
    pub(super) taken_at: DateTime<Utc>,
    /// Account and profile.
    pub(super) account: UserDocument,
    /// How they want to be told of what concerns them.
    pub(super) notification_preferences: NotificationPreferences,
    /// The filters that they have saved.
    pub(super) saved_filters: Vec<SavedFilterDocument>,
    /// The teams they are in.
    pub(super) teams: Vec<ExportedTeam>,
    /// Whether they have a second factor.
    pub(super) second_factor: FactorDocument,
    /// The API tokens that are good; of the tokens themselves nothing.
    pub(super) api_tokens: Vec<ApiTokenDocument>,
    /// The invitations to their address that are kept, and the one that made the account.
    pub(super) invitations: Vec<ExportedInvitation>,
    /// With which outside issuers they sign in; by what name these know them is kept as a hash alone.
    pub(super) outside_identities: Vec<OutsideIdentityDocument>,
    #[serde(flatten)]
    pub(super) held: Held,
    /// Where the next part begins, for `cursor`; null at the end. Every part has the same shape, and its lists go on where those of
    /// the part before ended.
    #[schema(required)]
    pub(super) next: Option<String>,
}

/// The lists of it.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct Held {
    /// Where they are or were signed in, as far as it is kept.
    pub(super) sessions: Vec<ExportedSession>,
    /// What happened to the account, with everything in the open.
    pub(super) history: Vec<RecordedEvent>,
    /// The tasks that they reported or are to do. Deleted ones are in `deeds` alone.
    pub(super) tasks: Vec<ExportedTask>,
    /// What they wrote on tasks.
    pub(super) comments: Vec<ExportedComment>,
    /// What else they did.
    pub(super) deeds: Vec<ExportedDeed>,
    /// The entries of the access log by them and about them.
    pub(super) access_log: Vec<ExportedAccess>,
}

/// A team that they are in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedTeam {
    /// Its id.
    id: TeamId,
    /// What it is called.
    name: String,
}

/// An invitation to them.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedInvitation {
    /// Its id.
    id: Uuid,
    /// The address that was invited.
    email: String,
    /// What they are called there, if whoever invited them has said it.
    #[schema(required)]
    name: Option<String>,
    /// What they were to be.
    role: Role,
    /// The teams that they were to be in.
    teams: Vec<TeamId>,
    /// Who invited them.
    invited_by: UserId,
    /// When.
    created_at: DateTime<Utc>,
    /// When it ends, or ended.
    expires_at: DateTime<Utc>,
    /// When its letter was sent.
    #[schema(required)]
    sent_at: Option<DateTime<Utc>>,
    /// When it was taken.
    #[schema(required)]
    taken_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    #[schema(required)]
    withdrawn_at: Option<DateTime<Utc>>,
}

/// A place where they are or were signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedSession {
    /// Its id.
    id: Uuid,
    /// When it began.
    created_at: DateTime<Utc>,
    /// When it was last refreshed, or begun.
    refreshed_at: DateTime<Utc>,
    /// When it ends at the latest.
    expires_at: DateTime<Utc>,
    /// When it was ended before that.
    #[schema(required)]
    ended_at: Option<DateTime<Utc>>,
    /// The program that signed in, as it named itself.
    #[schema(required)]
    user_agent: Option<String>,
    /// The address from which it signed in.
    #[schema(required, value_type = Option<String>)]
    address: Option<IpAddr>,
}

/// A task that they reported or are to do.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedTask {
    /// Its id.
    id: TaskId,
    /// What is to be done, in a line.
    title: String,
    /// How far it has come.
    status: Status,
    /// When it was created.
    created_at: DateTime<Utc>,
    /// Whether they reported it.
    reported: bool,
    /// Whether they are to do it.
    assigned: bool,
}

/// A comment that they wrote.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedComment {
    /// Its id.
    #[schema(required)]
    id: Option<CommentId>,
    /// The task.
    task_id: TaskId,
    /// When.
    at: DateTime<Utc>,
    /// What they wrote.
    #[schema(required)]
    text: Option<String>,
    /// From where they wrote it, as long as that is kept.
    #[schema(required)]
    from: Option<CommandOrigin>,
}

/// Something that they did. What it was about may be another person's data, and is not in here.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedDeed {
    /// When.
    at: DateTime<Utc>,
    /// What happened.
    #[serde(rename = "type")]
    event_type: String,
    /// To what: its kind and its id.
    stream: StreamId,
    /// The place in its history.
    version: u64,
    /// From where they did it, as long as that is kept.
    #[schema(required)]
    from: Option<CommandOrigin>,
}

/// An entry of the access log by them or about them. Of what somebody else did, from where and with what they did it is theirs, and
/// is not in here.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedAccess {
    /// Its id.
    id: Uuid,
    /// When.
    at: DateTime<Utc>,
    /// What was done or tried.
    kind: AccessKind,
    /// Whether it was let be.
    outcome: Outcome,
    /// Why it was refused; of a sign-in, with what: the password, a second factor as well, or which outside issuer.
    #[schema(required)]
    reason: Option<String>,
    /// Who did it, if that is known; of a refused token, whom it named.
    #[schema(required)]
    actor: Option<UserId>,
    /// The session that they came with; null where it is somebody else's.
    #[schema(required)]
    session_id: Option<Uuid>,
    /// The API token that they came with; null where it is somebody else's.
    #[schema(required)]
    api_token_id: Option<Uuid>,
    /// Whom or what it was about: a kind and an id, such as `user#…`.
    #[schema(required)]
    subject: Option<String>,
    /// The client's address; null where it is somebody else's.
    #[schema(required, value_type = Option<String>)]
    address: Option<IpAddr>,
    /// The client's program, as it named itself; null where it is somebody else's.
    #[schema(required)]
    user_agent: Option<String>,
    /// The request: `X-Request-Id` of its answer; null where it is somebody else's.
    #[schema(required)]
    request_id: Option<String>,
    /// Method and path of the route.
    route: String,
    /// How many more of the kind came from there shortly before or after, which have no entry of their own.
    left_out: u64,
}

impl ExportedAccess {
    /// The entry, as far as it is this person's. Of an attempt at their account by nobody knows whom they see from where it came: so
    /// they can tell whether it was their own.
    pub(super) fn new(entry: AccessEntry, of: UserId) -> Self {
        let is_theirs = entry.actor.is_none_or(|actor| actor == of);
        Self {
            id: entry.id,
            at: entry.at,
            kind: entry.kind,
            outcome: entry.outcome,
            reason: entry.reason,
            actor: entry.actor,
            session_id: entry.session_id.filter(|_| is_theirs).map(|id| id.0),
            api_token_id: entry.api_token_id.filter(|_| is_theirs).map(|id| id.0),
            subject: entry.subject,
            address: entry.address.filter(|_| is_theirs),
            user_agent: entry.user_agent.filter(|_| is_theirs),
            request_id: Some(entry.request_id).filter(|_| is_theirs),
            route: entry.route,
            left_out: entry.left_out,
        }
    }
}

impl From<TeamDocument> for ExportedTeam {
    fn from(team: TeamDocument) -> Self {
        Self { id: team.id, name: team.name }
    }
}

impl From<Invitation> for ExportedInvitation {
    fn from(invitation: Invitation) -> Self {
        let Invitation { new, created_at, expires_at, sent_at, taken_at, withdrawn_at } = invitation;
        let NewInvitation { id, email, name, role, teams, invited_by } = new;
        let (email, name) = (email.into(), name.map(|name| name.as_str().to_owned()));
        Self { id, email, name, role, teams, invited_by, created_at, expires_at, sent_at, taken_at, withdrawn_at }
    }
}

impl From<Session> for ExportedSession {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.0,
            created_at: session.created_at,
            refreshed_at: session.rotated_at,
            expires_at: session.expires_at,
            ended_at: session.ended_at,
            user_agent: session.user_agent,
            address: session.address,
        }
    }
}

impl ExportedTask {
    /// The task, as far as it is this person's.
    pub(super) fn new(task: TaskDocument, of: UserId) -> Self {
        Self {
            id: task.id,
            title: task.title,
            status: task.status,
            created_at: task.created_at,
            reported: task.reporter_id == Some(of),
            assigned: task.assignee_id == Some(of),
        }
    }
}

impl Held {
    /// Adds what they did: a comment with what they wrote, anything else as a deed.
    pub(super) fn add_all(&mut self, entries: Vec<LogEntry>) {
        for LogEntry { entry, from } in entries {
            let AuditEntry { at, event_type, stream, version, note, comment_id, changes, .. } = entry;
            // A comment that they brought in with a task is what somebody else wrote.
            let brought_in = changes.iter().any(|change| change.field == "imported");
            if event_type == "TaskCommented" && !brought_in {
                self.comments.push(ExportedComment {
                    id: comment_id,
                    task_id: TaskId(stream.id),
                    at,
                    text: note,
                    from,
                });
            } else {
                self.deeds.push(ExportedDeed { at, event_type, stream, version, from });
            }
        }
    }

    /// How many entries it has.
    pub(super) const fn entries(&self) -> usize {
        self.sessions.len()
            + self.history.len()
            + self.tasks.len()
            + self.comments.len()
            + self.deeds.len()
            + self.access_log.len()
    }

    /// The bytes of what people wrote, which is all that can be long.
    pub(super) fn bytes(&self) -> usize {
        self.comments.iter().filter_map(|comment| comment.text.as_ref()).map(String::len).sum()
    }
}

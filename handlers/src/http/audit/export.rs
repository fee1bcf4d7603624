//! Taking the logs out as files: JSON Lines or CSV, page by page, so that a year costs no more memory than a day.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{NaiveDate, SecondsFormat};
use futures::stream;
use muster_domain::{Actor, TaskId, TeamId, UserId};
use muster_identity::policy::{Action, Resource};
use muster_identity::{AccessEntry, AccessFilter, AccessKind, Outcome};
use muster_projections::Page;
use muster_projections::audit_log::AuditFilter;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::access_log_problem;
use super::search::Wanted;
use crate::http::access::{Asked, done};
use crate::http::app::App;
use crate::http::body::Query;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::logged::{LogEntry, with_origins};
use crate::http::page::query_problem;
use crate::http::problem::Problem;
use crate::http::spec::ReadProblems;

/// The entries that are read at once.
const AT_ONCE: usize = 200;
/// The entries that are read at once for a bounded answer: what does not fit any more is read again for the next one.
const AT_ONCE_BOUNDED: usize = 25;
/// How long a bounded answer is gathered, at most: well within the time that a request may take there.
const GATHERED: Duration = Duration::from_secs(5);

/// The most bytes of an answer, where the program cannot send one bit by bit: it goes on in another then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MostBytes(pub(crate) usize);

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExportFormat {
    /// One JSON document a line.
    #[default]
    Jsonl,
    /// RFC 4180, with a header line. Where a value begins like a formula, there is an apostrophe before it.
    Csv,
}

/// Which entries of the log, and in which form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditExportQuery {
    /// `jsonl` if left out.
    #[param(inline)]
    format: Option<ExportFormat>,
    /// Only what this account did, or this part of Muster: an id, or `system:` and a name.
    #[param(max_length = 107, pattern = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|system:.{1,100})$")]
    actor: Option<String>,
    /// Only of this type, such as `TaskStatusChanged`.
    #[serde(rename = "type")]
    #[param(min_length = 1, max_length = 64)]
    event_type: Option<String>,
    /// Only about this task.
    task_id: Option<TaskId>,
    /// Only about this account. At most one of `task_id`, `user_id` and `team_id`.
    user_id: Option<UserId>,
    /// Only about this team.
    team_id: Option<TeamId>,
    /// Only of this day (UTC). Not together with `from` or `to`.
    day: Option<NaiveDate>,
    /// Not before this day (UTC).
    from: Option<NaiveDate>,
    /// Not after this day (UTC). As in a search: without a narrower filter the last 31 days, or 400 at most.
    to: Option<NaiveDate>,
    /// Where to go on: in the `Link` of the part before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// Gives the log of all that was done as a file, oldest first.
///
/// It is sent as it is read, whatever its length. On AWS an answer has 4 MiB at most: if there is more, its header `Link` names
/// the next part (`rel="next"`), which has no header line again. That it was taken is in the access log.
#[utoipa::path(get, path = "/audit/export", operation_id = "export_audit_log", tag = "audit", params(AuditExportQuery),
    responses((status = 200, description = "The entries, to be saved as a file.",
        content((LogEntry = "application/x-ndjson"), (String = "text/csv")),
        headers(("Content-Disposition" = String), ("Link" = String))), ReadProblems))]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    most: Option<Extension<MostBytes>>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<AuditExportQuery>,
) -> Result<Response, Problem> {
    caller.may(Action::ReadAudit, &Resource::Any)?;
    let AuditExportQuery { format, actor, event_type, task_id, user_id, team_id, day, from, to, cursor } = query;
    let today = app.now().date_naive();
    let wanted = Wanted { actor, event_type, task_id, user_id, team_id, day, from, to };
    let filter = wanted.checked(today, Fields::default())?;
    // Nobody takes it without that being written down.
    app.record(&asked, done(AccessKind::AuditExported, &caller.0)).await?;
    let source = Log { app, caller, filter, today };
    file(source, format.unwrap_or_default(), cursor, most, &uri, "audit", today).await
}

/// Which entries of the access log, and in which form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessExportQuery {
    /// `jsonl` if left out.
    #[param(inline)]
    format: Option<ExportFormat>,
    /// Only of this day (UTC). If neither a day nor an account nor a kind is given, of today.
    day: Option<NaiveDate>,
    /// Only by this account.
    actor: Option<UserId>,
    /// Only about this account: what others did to it, or tried.
    about: Option<UserId>,
    /// Only of this kind.
    kind: Option<AccessKind>,
    /// Only what was allowed, or only what was refused.
    outcome: Option<Outcome>,
    /// Where to go on: in the `Link` of the part before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// Gives the access log as a file, newest first, in the way of `GET /audit/export`.
#[utoipa::path(get, path = "/audit/access/export", operation_id = "export_access_log", tag = "audit",
    params(AccessExportQuery),
    responses((status = 200, description = "The entries, to be saved as a file.",
        content((AccessEntry = "application/x-ndjson"), (String = "text/csv")),
        headers(("Content-Disposition" = String), ("Link" = String))), ReadProblems))]
pub(crate) async fn export_access(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    most: Option<Extension<MostBytes>>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<AccessExportQuery>,
) -> Result<Response, Problem> {
    caller.may(Action::ReadAudit, &Resource::Any)?;
    let AccessExportQuery { format, day, actor, about, kind, outcome, cursor } = query;
    let today = app.now().date_naive();
    // What is read meanwhile is about the day that it was when it began.
    let day = if actor.is_none() && about.is_none() && kind.is_none() { Some(day.unwrap_or(today)) } else { day };
    let filter = AccessFilter { day, actor, about, kind, outcome };
    app.record(&asked, done(AccessKind::AuditExported, &caller.0)).await?;
    file(Access { app, filter }, format.unwrap_or_default(), cursor, most, &uri, "access", today).await
}

/// What is taken out, page by page.
#[async_trait]
trait Source: Send + Sync + 'static {
    type Line: Serialize + Send;
    const COLUMNS: &'static [&'static str];

    /// At most so many lines from this place on, and where to go on after them. The place does not depend on how many there are to be.
    async fn page(&self, cursor: Option<String>, limit: usize) -> Result<(Vec<Self::Line>, Option<String>), Problem>;

    fn row(line: &Self::Line) -> Vec<String>;
}

struct Log {
    app: Arc<App>,
    caller: Caller,
    filter: AuditFilter,
    today: NaiveDate,
}

#[async_trait]
impl Source for Log {
    type Line = LogEntry;
    const COLUMNS: &'static [&'static str] = &[
        "at",
        "event_id",
        "aggregate",
        "id",
        "version",
        "type",
        "actor",
        "command_id",
        "correlation_id",
        "address",
        "user_agent",
        "changes",
        "note",
        "comment_id",
    ];

    async fn page(&self, cursor: Option<String>, limit: usize) -> Result<(Vec<LogEntry>, Option<String>), Problem> {
        let page = Page { limit, cursor, descending: false };
        let listed = self.app.audit.search(&self.filter, self.today, &page).await;
        let listed = listed.map_err(|error| query_problem(&error))?;
        Ok((with_origins(&self.app, &self.caller, listed.items).await?, listed.next))
    }

    fn row(LogEntry { entry, from }: &LogEntry) -> Vec<String> {
        let origin = from.as_ref();
        vec![
            entry.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            entry.event_id.to_string(),
            entry.stream.aggregate.to_string(),
            entry.stream.id.to_string(),
            entry.version.to_string(),
            entry.event_type.clone(),
            actor(&entry.actor),
            entry.command_id.to_string(),
            entry.correlation_id.clone(),
            or_empty(origin.and_then(|origin| origin.address)),
            or_empty(origin.and_then(|origin| origin.user_agent.as_ref())),
            serde_json::to_string(&entry.changes).unwrap_or_default(),
            or_empty(entry.note.as_ref()),
            or_empty(entry.comment_id),
        ]
    }
}

fn actor(actor: &Actor) -> String {
    match actor {
        Actor::User { id } => id.to_string(),
        Actor::System { name } => format!("system:{name}"),
    }
}

struct Access {
    app: Arc<App>,
    filter: AccessFilter,
}

#[async_trait]
impl Source for Access {
    type Line = AccessEntry;
    const COLUMNS: &'static [&'static str] = &[
        "at",
        "id",
        "kind",
        "outcome",
        "reason",
        "actor",
        "session_id",
        "api_token_id",
        "subject",
        "address",
        "user_agent",
        "request_id",
        "route",
        "left_out",
    ];

    async fn page(&self, cursor: Option<String>, limit: usize) -> Result<(Vec<AccessEntry>, Option<String>), Problem> {
        let read = self.app.identity.access_log().page(&self.filter, limit, cursor.as_deref(), true).await;
        let read = read.map_err(|error| access_log_problem(&error))?;
        Ok((read.items, read.next))
    }

    fn row(entry: &AccessEntry) -> Vec<String> {
        vec![
            entry.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            entry.id.to_string(),
            entry.kind.as_str().to_owned(),
            entry.outcome.as_str().to_owned(),
            or_empty(entry.reason.as_ref()),
            or_empty(entry.actor),
            or_empty(entry.session_id),
            or_empty(entry.api_token_id),
            or_empty(entry.subject.as_ref()),
            or_empty(entry.address),
            or_empty(entry.user_agent.as_ref()),
            entry.request_id.clone(),
            entry.route.clone(),
            entry.left_out.to_string(),
        ]
    }
}

fn or_empty(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// The answer: sent as it is read, or as much of it as may be in one.
async fn file<S: Source>(
    source: S,
    format: ExportFormat,
    cursor: Option<String>,
    most: Option<Extension<MostBytes>>,
    uri: &axum::http::Uri,
    name: &str,
    today: NaiveDate,
) -> Result<Response, Problem> {
    let head = if cursor.is_none() { header_line::<S>(format) } else { Vec::new() };
    let (kind, extension) = match format {
        ExportFormat::Jsonl => ("application/x-ndjson", "jsonl"),
        ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
    };
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"muster-{name}-{today}.{extension}\""));
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition.unwrap_or(HeaderValue::from_static("attachment"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let Some(Extension(MostBytes(most))) = most else {
        // The first page is read before the answer begins: what is wrong with the question is said in the usual way.
        let (lines, next) = source.page(cursor, AT_ONCE).await?;
        let first = [head, written::<S>(format, &lines)].concat();
        return Ok((headers, Body::from_stream(rest(source, format, first, next))).into_response());
    };
    let (bytes, next) = bounded(&source, format, head, cursor, most).await?;
    let mut response = (headers, bytes).into_response();
    if let Some(link) = next.and_then(|cursor| HeaderValue::from_str(&link(uri, &cursor)).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// As much as may be in one answer, and where the next one begins. An entry that is larger than that is in one all the same, or nobody would
/// come past it.
async fn bounded<S: Source>(
    source: &S,
    format: ExportFormat,
    mut bytes: Vec<u8>,
    mut cursor: Option<String>,
    most: usize,
) -> Result<(Vec<u8>, Option<String>), Problem> {
    let begun = Instant::now();
    let (mut limit, mut is_empty) = (AT_ONCE_BOUNDED, true);
    loop {
        let (lines, next) = source.page(cursor.clone(), limit).await?;
        let more = written::<S>(format, &lines);
        if bytes.len() + more.len() > most {
            if !is_empty {
                return Ok((bytes, cursor));
            }
            if lines.len() > 1 {
                limit = lines.len() / 2;
                continue;
            }
        }
        bytes.extend(more);
        if next.is_none() || begun.elapsed() >= GATHERED {
            return Ok((bytes, next));
        }
        is_empty &= lines.is_empty();
        (cursor, limit) = (next, AT_ONCE_BOUNDED);
    }
}

/// The same question from this place on (RFC 8288). A cursor is made of letters that stand for themselves.
fn link(uri: &axum::http::Uri, cursor: &str) -> String {
    let others =
        uri.query().unwrap_or_default().split('&').filter(|part| !part.is_empty() && !part.starts_with("cursor="));
    let cursor = format!("cursor={cursor}");
    let query = others.chain([cursor.as_str()]).collect::<Vec<_>>().join("&");
    format!("<{}?{query}>; rel=\"next\"", uri.path())
}

/// What was read, then what is read as it is taken. If that fails, the connection is cut off: nobody takes a part for the whole.
fn rest<S: Source>(
    source: S,
    format: ExportFormat,
    first: Vec<u8>,
    next: Option<String>,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> + Send {
    stream::try_unfold((source, Some(first), next), move |(source, ready, next)| async move {
        if let Some(bytes) = ready {
            return Ok(Some((Bytes::from(bytes), (source, None, next))));
        }
        let Some(cursor) = next else { return Ok(None) };
        match source.page(Some(cursor), AT_ONCE).await {
            Ok((lines, next)) => Ok(Some((Bytes::from(written::<S>(format, &lines)), (source, None, next)))),
            Err(problem) => {
                let code = problem.code().as_str();
                tracing::error!(code, "an export is cut off");
                Err(std::io::Error::other(code))
            }
        }
    })
}

fn header_line<S: Source>(format: ExportFormat) -> Vec<u8> {
    match format {
        ExportFormat::Jsonl => Vec::new(),
        ExportFormat::Csv => csv_line(S::COLUMNS.iter().copied()),
    }
}

fn written<S: Source>(format: ExportFormat, lines: &[S::Line]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        match format {
            ExportFormat::Jsonl => {
                // An entry is made of texts, numbers and lists: it always has a JSON form.
                bytes.extend(serde_json::to_vec(line).unwrap_or_default());
                bytes.push(b'\n');
            }
            ExportFormat::Csv => bytes.extend(csv_line(S::row(line).iter().map(String::as_str))),
        }
    }
    bytes
}

fn csv_line<'a>(values: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // A line into memory: nothing can fail.
    let _ = writer.write_record(values.map(|value| harmless(value).into_owned()));
    writer.into_inner().unwrap_or_default()
}

/// A value that no spreadsheet takes for a formula.
fn harmless(value: &str) -> Cow<'_, str> {
    if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{value}").into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Code;

    /// Three lines a page, or fewer, each with the number of its place's third.
    struct Numbers {
        pages: u32,
        missing: Option<u32>,
    }

    #[async_trait]
    impl Source for Numbers {
        type Line = u32;
        const COLUMNS: &'static [&'static str] = &["number"];

        async fn page(&self, cursor: Option<String>, limit: usize) -> Result<(Vec<u32>, Option<String>), Problem> {
            let from: u32 = cursor.map_or(0, |cursor| cursor.parse().unwrap());
            if self.missing == Some(from / 3) {
                return Err(Problem::new(Code::Unavailable));
            }
            let end = (from + u32::try_from(limit.min(3)).unwrap()).min(self.pages * 3);
            let lines = (from..end).map(|place| place / 3).collect();
            Ok((lines, (end < self.pages * 3).then(|| end.to_string())))
        }

        fn row(line: &u32) -> Vec<String> {
            vec![line.to_string()]
        }
    }

    async fn taken(source: Numbers, format: ExportFormat, cursor: Option<&str>, most: Option<usize>) -> Response {
        let uri = axum::http::Uri::from_static("/export?format=csv");
        let most = most.map(|bytes| Extension(MostBytes(bytes)));
        let today = "2026-03-02".parse().unwrap();
        file(source, format, cursor.map(str::to_owned), most, &uri, "numbers", today).await.unwrap()
    }

    async fn text(answer: Response) -> Result<String, axum::Error> {
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn all_of_it_is_sent_page_by_page() {
        let answer = taken(Numbers { pages: 4, missing: None }, ExportFormat::Jsonl, None, None).await;
        assert!(!answer.headers().contains_key(header::LINK));
        assert_eq!(text(answer).await.unwrap(), "0\n0\n0\n1\n1\n1\n2\n2\n2\n3\n3\n3\n");
    }

    #[tokio::test]
    async fn what_cannot_be_read_to_its_end_is_cut_off() {
        let answer = taken(Numbers { pages: 4, missing: Some(2) }, ExportFormat::Jsonl, None, None).await;
        assert!(text(answer).await.is_err(), "nobody takes a part for the whole");
    }

    #[tokio::test]
    async fn a_bounded_answer_says_where_it_goes_on_and_its_next_part_has_no_header_line() {
        let parts = Numbers { pages: 3, missing: None };
        let first = taken(parts, ExportFormat::Csv, None, Some(26)).await;
        assert_eq!(first.headers()[header::LINK], "</export?format=csv&cursor=6>; rel=\"next\"");
        assert_eq!(text(first).await.unwrap(), "number\r\n0\r\n0\r\n0\r\n1\r\n1\r\n1\r\n");
        let last = taken(Numbers { pages: 3, missing: None }, ExportFormat::Csv, Some("6"), Some(26)).await;
        assert!(!last.headers().contains_key(header::LINK));
        assert_eq!(text(last).await.unwrap(), "2\r\n2\r\n2\r\n");
    }

    /// All parts of a bounded export, one after the other.
    async fn parts(pages: u32, most: usize) -> Vec<String> {
        let (mut parts, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let source = Numbers { pages, missing: None };
            let answer = taken(source, ExportFormat::Jsonl, cursor.as_deref(), Some(most)).await;
            let link = answer.headers().get(header::LINK).map(|link| link.to_str().unwrap().to_owned());
            parts.push(text(answer).await.unwrap());
            let Some(link) = link else { return parts };
            cursor = link.split_once("cursor=").and_then(|(_, rest)| rest.split_once('>')).map(|(at, _)| at.to_owned());
        }
    }

    #[tokio::test]
    async fn no_part_has_more_bytes_than_an_answer_may_have_and_nothing_is_left_out_between_two() {
        let whole = "0\n0\n0\n1\n1\n1\n2\n2\n2\n";
        for most in 2..=20 {
            let parts = parts(3, most).await;
            assert!(parts.iter().all(|part| part.len() <= most && !part.is_empty()), "{most}: {parts:?}");
            assert_eq!(parts.concat(), whole, "{most}");
        }
        assert_eq!(parts(3, 11).await, ["0\n0\n0\n", "1\n1\n1\n", "2\n2\n2\n"], "half a page more would not fit");
        assert_eq!(parts(1, 5).await, ["0\n", "0\n0\n"], "a page that does not fit is read by halves");
    }

    #[tokio::test]
    async fn an_entry_that_is_larger_than_an_answer_may_be_is_a_part_of_its_own() {
        assert_eq!(parts(1, 1).await, ["0\n"; 3]);
    }

    #[test]
    fn a_line_of_csv_is_quoted_where_it_must_be_and_holds_no_formula() {
        let line = |values: &[&str]| String::from_utf8(csv_line(values.iter().copied())).unwrap();
        assert_eq!(line(&["a", "", "b c"]), "a,,b c\r\n");
        assert_eq!(line(&["a,b", "say \"no\"", "two\nlines"]), "\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\r\n");
        assert_eq!(line(&["=1+1", "+1", "-1", "@a", "\ta"]), "'=1+1,'+1,'-1,'@a,'\ta\r\n");
        assert_eq!(line(&["1-1", "a=b"]), "1-1,a=b\r\n");
    }

    #[test]
    fn the_next_part_is_the_same_question_from_another_place() {
        let linked = |uri: &'static str| link(&axum::http::Uri::from_static(uri), "abc");
        assert_eq!(linked("/api/v1/audit/export"), "</api/v1/audit/export?cursor=abc>; rel=\"next\"");
        let second = linked("/api/v1/audit/export?format=csv&cursor=xyz&type=TaskCreated");
        assert_eq!(second, "</api/v1/audit/export?format=csv&type=TaskCreated&cursor=abc>; rel=\"next\"");
    }
}

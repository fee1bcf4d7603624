//! A file of as many pages as there are: sent as it is read, or as much of it as may be in one answer.

use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::time::Instant;

use super::Source;
use super::format::{ExportFormat, header_line, written};
use crate::http::problem::Problem;

/// The entries that are read at once.
const AT_ONCE: usize = 200;
/// The entries that are read at once for a bounded answer: what does not fit any more is read again for the next one.
const AT_ONCE_BOUNDED: usize = 25;
/// How long a bounded answer is gathered, at most: well within the time that a request may take there.
const GATHERED: Duration = Duration::from_secs(5);

/// The most bytes of an answer, where the program cannot send one bit by bit: it goes on in another then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MostBytes(pub(crate) usize);

/// The answer: sent as it is read, or as much of it as may be in one.
pub(super) async fn file<S: Source>(
    source: S,
    format: ExportFormat,
    cursor: Option<String>,
    most: Option<Extension<MostBytes>>,
    uri: &axum::http::Uri,
    name: &str,
) -> Result<Response, Problem> {
    let head = if cursor.is_none() { header_line::<S>(format) } else { Vec::new() };
    let (kind, extension) = match format {
        ExportFormat::Jsonl => ("application/x-ndjson", "jsonl"),
        ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
    };
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"muster-{name}.{extension}\""));
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

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

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
        file(source, format, cursor.map(str::to_owned), most, &uri, "numbers").await.unwrap()
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
    fn the_next_part_is_the_same_question_from_another_place() {
        let linked = |uri: &'static str| link(&axum::http::Uri::from_static(uri), "abc");
        assert_eq!(linked("/api/v1/audit/export"), "</api/v1/audit/export?cursor=abc>; rel=\"next\"");
        let second = linked("/api/v1/audit/export?format=csv&cursor=xyz&type=TaskCreated");
        assert_eq!(second, "</api/v1/audit/export?format=csv&type=TaskCreated&cursor=abc>; rel=\"next\"");
    }
}

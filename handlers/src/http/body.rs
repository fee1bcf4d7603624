//! Bodies and queries as typed values, with problems that name the wrong field.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::complaint::{Complaint, Given, parameters, wrong_fields};
use super::fields::Object;
use super::problem::{Code, Problem};

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType).detail("Send it with Content-Type: application/json."));
        }
        if is_encoded(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType)
                .detail("Send it as it is: a body with a Content-Encoding, such as gzip, is not read."));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection))?;
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let Object(value) = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| not_as_expected::<T>(&error, &bytes))?;
        deserializer.end().map_err(|error| Problem::new(Code::MalformedJson).detail(error))?;
        Ok(Self(value))
    }
}

/// The same of a request that may also come without one: nothing, or null, is none.
pub(crate) async fn if_sent<T: DeserializeOwned>(request: Request) -> Result<Option<T>, Problem> {
    let (parts, body) = request.into_parts();
    let read = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let bytes = read.map_err(|rejection| unreadable(&rejection))?;
    if matches!(bytes.trim_ascii(), b"" | b"null") {
        return Ok(None);
    }
    let Body(value) = Body::<T>::from_request(Request::from_parts(parts, bytes.into()), &()).await?;
    Ok(Some(value))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    encodings.iter().any(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Code::TooLarge).detail(format_args!(
            "A body may have at most {} bytes, and one that brings a file {}.",
            super::MAX_BODY_BYTES,
            super::imports::MAX_IMPORT_BYTES
        ))
    } else {
        Problem::new(Code::MalformedJson).detail("The body could not be read.")
    }
}

/// A part of a body that is judged by itself. Pointers begin at the part.
pub(crate) fn part<T: DeserializeOwned>(part: Value) -> Result<T, Problem> {
    let read = serde_path_to_error::deserialize(&part);
    read.map(|Object(value)| value).map_err(|error| {
        let given = if let Value::Object(object) = part { Some(Given::from(object)) } else { None };
        wrong_fields::<T>(Complaint::of(&error), given)
    })
}

/// What serde found wrong, at the place where it found it, and what else there is.
fn not_as_expected<T: DeserializeOwned>(error: &serde_path_to_error::Error<serde_json::Error>, body: &[u8]) -> Problem {
    let inner = error.inner();
    // serde_json reports a number where a word is expected as wrong syntax, too.
    let is_json = || std::str::from_utf8(body).is_ok_and(|body| serde_json::from_str::<IgnoredAny>(body).is_ok());
    if (inner.is_syntax() || inner.is_eof()) && !is_json() {
        return Problem::new(Code::MalformedJson).detail(inner);
    }
    wrong_fields::<T>(Complaint::of(error), serde_json::from_slice(body).ok())
}

/// The parameters of a query.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parameters(&parts.uri).map(Self)
    }
}

/// An id in the path. What is not a UUID names nothing.
pub(crate) struct Id<T>(pub(crate) T);

impl<S: Send + Sync, T: From<uuid::Uuid>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<uuid::Uuid>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(id)) => Ok(Self(id.into())),
            Err(_) => Err(Problem::new(Code::NotFound).detail("Ids are UUIDs.")),
        }
    }
}

/// Two ids in the path, likewise.
pub(crate) struct Ids<A, B>(pub(crate) A, pub(crate) B);

impl<S: Send + Sync, A: From<uuid::Uuid>, B: From<uuid::Uuid>> FromRequestParts<S> for Ids<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<(uuid::Uuid, uuid::Uuid)>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path((a, b))) => Ok(Self(a.into(), b.into())),
            Err(_) => Err(Problem::new(Code::NotFound).detail("Ids are UUIDs.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as HttpBody;
    use axum::http::Uri;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parcel {
        name: String,
        #[serde(default)]
        labels: Vec<String>,
        #[serde(default)]
        place: Option<Place>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Place {
        street: String,
    }

    async fn body(content_type: Option<&str>, text: &str) -> Result<Parcel, Value> {
        let mut request = Request::builder();
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(HttpBody::from(text.to_owned())).unwrap();
        let read = Body::<Parcel>::from_request(request, &()).await;
        read.map(|Body(parcel)| parcel).map_err(|problem| serde_json::to_value(problem).unwrap())
    }

    async fn json_body(text: &str) -> Result<Parcel, Value> {
        body(Some("application/json"), text).await
    }

    #[tokio::test]
    async fn a_body_of_the_right_shape_is_read() {
        let parcel = json_body(r#" {"name": "a", "labels": ["b"], "place": {"street": "c"}} "#).await.unwrap();

        assert_eq!(
            (parcel.name, parcel.labels, parcel.place.unwrap().street),
            ("a".into(), vec!["b".into()], "c".into())
        );
    }

    #[tokio::test]
    async fn only_what_is_declared_as_json_is_read() {
        for json in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON ;charset=utf-8"] {
            assert!(body(Some(json), r#"{"name": "a"}"#).await.is_ok(), "{json}");
        }
        for other in
            [None, Some(""), Some("text/plain"), Some("application/jsonp"), Some("application/x-www-form-urlencoded")]
        {
            let problem = body(other, r#"{"name": "a"}"#).await.unwrap_err();
            assert_eq!(problem["code"], "unsupported_media_type", "{other:?}");
        }
    }

    #[tokio::test]
    async fn where_a_body_may_be_left_out_one_that_is_there_must_be_right() {
        let sent = async |text: &str| {
            let request = Request::builder().header(header::CONTENT_TYPE, "application/json");
            let request = request.body(HttpBody::from(text.to_owned())).unwrap();
            let read = if_sent::<Parcel>(request).await;
            read.map(|parcel| parcel.map(|parcel| parcel.name)).map_err(|problem| problem.code())
        };
        assert_eq!(sent("").await, Ok(None));
        assert_eq!(sent(" null ").await, Ok(None));
        assert_eq!(sent(r#"{"name": "a"}"#).await, Ok(Some("a".to_owned())));
        assert_eq!(sent("{").await, Err(Code::MalformedJson));
        assert_eq!(sent("{}").await, Err(Code::InvalidRequest));
        assert_eq!(if_sent::<Parcel>(Request::new(HttpBody::empty())).await.unwrap().map(|parcel| parcel.name), None);
    }

    #[tokio::test]
    async fn what_is_not_json_is_refused_as_that() {
        for text in
            ["", "{", "hello", r#"{"name": "a"} {}"#, r#"{"name": "a",}"#, r#"{"labels": ["#, "{\"name\": \"\u{1}\"}"]
        {
            assert_eq!(json_body(text).await.unwrap_err()["code"], "malformed_json", "{text}");
        }
    }

    #[tokio::test]
    async fn a_wrong_field_is_named_by_a_pointer_to_it() {
        for (text, pointer, detail) in [
            ("{}", "/name", "missing field `name`"),
            (r#"{"name": 7}"#, "/name", "invalid type: integer `7`, expected a string"),
            (r#"{"name": null}"#, "/name", "invalid type: null, expected a string"),
            (r#"{"name": "a", "labels": ["b", 3]}"#, "/labels/1", "invalid type: integer `3`, expected a string"),
            (r#"{"name": "a", "place": {}}"#, "/place/street", "missing field `street`"),
            (r#"{"name": "a", "name": "b"}"#, "/name", "duplicate field `name`"),
            (r#"{"name": "a", "size": 1}"#, "/size", "unknown field `size`, expected one of `name`, `labels`, `place`"),
            (
                r#"{"name": "a", "place": {"street": "b", "a/b~": 1}}"#,
                "/place/a~1b~0",
                "unknown field `a/b~`, expected `street`",
            ),
            (r#"["a"]"#, "", "invalid type: sequence, expected an object"),
            (r#""a""#, "", "invalid type: string \"a\", expected an object"),
        ] {
            let problem = json_body(text).await.unwrap_err();

            assert_eq!(problem["code"], "invalid_request", "{text}");
            assert_eq!(problem["errors"], json!([{ "pointer": pointer, "detail": detail }]), "{text}");
        }
    }

    #[tokio::test]
    async fn every_wrong_field_is_named_in_the_order_of_the_body_and_each_once() {
        for (text, pointers) in [
            (r#"{"size": 1, "labels": "b", "name": 7}"#, vec!["/size", "/labels", "/name"]),
            (r#"{"size": 1, "labels": []}"#, vec!["/size", "/name"]),
            (r#"{"name": 7, "labels": ["b", 3, 4], "colour": 1}"#, vec!["/name", "/labels/1", "/colour"]),
            (r#"{"name": 7, "place": {"street": 1, "town": 2}}"#, vec!["/name", "/place/street", "/place/town"]),
            (r#"{"place": {"town": 2}, "size": 1}"#, vec!["/place/town", "/place/street", "/size", "/name"]),
            (r#"{"name": 7, "place": {"street": "a", "street": "b"}}"#, vec!["/name"]),
            (r#"{"place": {"street": "a", "street": "b"}, "name": 7}"#, vec!["/place/street", "/name"]),
            (r#"{"name": "a", "name": "b", "size": 1}"#, vec!["/name", "/size"]),
        ] {
            let problem = json_body(text).await.unwrap_err();

            let errors = problem["errors"].as_array().unwrap().iter();
            assert_eq!(errors.map(|error| error["pointer"].as_str().unwrap()).collect::<Vec<_>>(), pointers, "{text}");
        }
    }

    #[tokio::test]
    async fn no_more_than_twenty_wrong_fields_are_named() {
        let many = (0..30).map(|number| (format!("colour{number}"), json!("red"))).collect::<serde_json::Map<_, _>>();

        let problem = json_body(&Value::from(many).to_string()).await.unwrap_err();

        assert_eq!(problem["errors"].as_array().unwrap().len(), 20);
    }

    #[test]
    fn of_a_part_every_wrong_field_is_named_too() {
        let problem = part::<Parcel>(json!({ "name": 7, "size": 1 })).unwrap_err();
        let named = problem.into_errors().into_iter().filter_map(|error| error.pointer).collect::<Vec<_>>();
        assert_eq!(named, ["/name", "/size"]);

        let problem = part::<Parcel>(json!(["a"])).unwrap_err();
        let named = problem.into_errors().into_iter().filter_map(|error| error.pointer).collect::<Vec<_>>();
        assert_eq!(named, [""]);
    }

    #[tokio::test]
    async fn a_body_is_read_as_it_is_and_not_unpacked() {
        let sent = async |encoding: &'static str| {
            let request = Request::builder().header(header::CONTENT_TYPE, "application/json");
            let request = request.header(header::CONTENT_ENCODING, encoding);
            let read =
                Body::<Parcel>::from_request(request.body(HttpBody::from(r#"{"name": "a"}"#)).unwrap(), &()).await;
            read.map(|Body(parcel)| parcel.name).map_err(|problem| problem.code())
        };
        assert_eq!(sent("identity").await, Ok("a".to_owned()));
        for encoding in ["gzip", "br", "identity, gzip"] {
            assert_eq!(sent(encoding).await, Err(Code::UnsupportedMediaType), "{encoding}");
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Search {
        #[serde(default)]
        limit: Option<u32>,
        #[serde(default)]
        mood: Option<Mood>,
        #[serde(default)]
        open: Option<bool>,
        #[serde(default)]
        of: Option<uuid::Uuid>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Mood {
        Good,
        Bad,
    }

    async fn query(text: &str) -> Result<Search, Value> {
        let uri: Uri = format!("/tasks?{text}").parse().unwrap();
        let (mut parts, ()) = axum::http::Request::builder().uri(uri).body(()).unwrap().into_parts();
        let read = Query::<Search>::from_request_parts(&mut parts, &()).await;
        read.map(|Query(search)| search).map_err(|problem| serde_json::to_value(problem).unwrap())
    }

    #[tokio::test]
    async fn a_wrong_parameter_is_named() {
        let search = query("limit=3&mood=good").await.unwrap();
        assert_eq!((search.limit, search.mood), (Some(3), Some(Mood::Good)));
        assert_eq!(query("mood=bad").await.unwrap().mood, Some(Mood::Bad));
        assert_eq!(query("open=true").await.unwrap().open, Some(true));
        assert_eq!(query("of=00000000-0000-0000-0000-000000000000").await.unwrap().of, Some(uuid::Uuid::nil()));
        for (text, parameter, detail) in [
            ("limit=many", "limit", "must be a whole number"),
            ("limit=", "limit", "must be a whole number"),
            ("limit=4294967296", "limit", "is too large"),
            ("open=yes", "open", "must be true or false"),
            ("of=me", "of", "must be a UUID"),
            ("mood=odd", "mood", "unknown variant `odd`, expected `good` or `bad`"),
            ("colour=red", "colour", "unknown parameter `colour`, expected one of `limit`, `mood`, `open`, `of`"),
            ("limit=1&limit=2", "limit", "duplicate parameter `limit`"),
        ] {
            let problem = query(text).await.unwrap_err();

            assert_eq!(problem["code"], "invalid_request", "{text}");
            assert_eq!(problem["errors"], json!([{ "parameter": parameter, "detail": detail }]), "{text}");
        }
    }

    #[tokio::test]
    async fn every_wrong_parameter_is_named_once() {
        for (text, parameters) in [
            ("limit=many&colour=red&open=yes", vec!["limit", "colour", "open"]),
            ("colour=red&si%7ae=1&limit=3&mood=odd", vec!["colour", "size", "mood"]),
            ("limit=1&limit=2&of=me", vec!["limit", "of"]),
        ] {
            let problem = query(text).await.unwrap_err();

            let errors = problem["errors"].as_array().unwrap().iter();
            let named = errors.map(|error| error["parameter"].as_str().unwrap()).collect::<Vec<_>>();
            assert_eq!(named, parameters, "{text}");
        }
    }
}

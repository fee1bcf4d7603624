//! Bodies and queries as typed values, with problems that name the wrong field.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::fields::Fields;
use super::problem::{Code, Problem};

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType).detail("Send it with Content-Type: application/json."));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| unreadable(&rejection))?;
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| wrong_field(&error))?;
        deserializer.end().map_err(|error| Problem::new(Code::MalformedJson).detail(error))?;
        Ok(Self(value))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn unreadable(rejection: &BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Code::TooLarge).detail(format_args!("A body may have at most {} bytes.", super::MAX_BODY_BYTES))
    } else {
        Problem::new(Code::MalformedJson).detail("The body could not be read.")
    }
}

/// What serde found wrong, at the place where it found it.
fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    if inner.is_syntax() || inner.is_eof() {
        return Problem::new(Code::MalformedJson).detail(inner);
    }
    let message = inner.to_string();
    // serde_json adds the place in the text; the pointer says it better.
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    let mut pointer = pointer(error.path());
    // A missing or unknown field is reported at the object that should or should not have it.
    if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        pointer = format!("{pointer}/{field}");
    }
    let mut fields = Fields::default();
    fields.wrong(&pointer, message);
    fields.problem()
}

/// The path as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            Segment::Unknown => None,
        })
        .collect()
}

/// The parameters of a query.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let message = std::error::Error::source(&rejection).map_or_else(|| rejection.to_string(), ToString::to_string);
                let parameter = message.split('`').nth(1).or_else(|| message.split(':').next()).unwrap_or_default();
                let mut fields = Fields::default();
                fields.wrong_parameter(parameter, &message);
                Err(fields.problem())
            }
        }
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

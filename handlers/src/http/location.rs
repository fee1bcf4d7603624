//! Where something is that was just made.

use std::fmt::Display;

use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::BASE;

/// The answer, with this path of the API as its `Location`.
pub(crate) fn located(mut response: Response, path: impl Display) -> Response {
    if let Ok(location) = HeaderValue::from_str(&format!("{BASE}{path}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

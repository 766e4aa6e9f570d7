//! What is sent back: documents, and refusals in a plain sentence.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use serde_json::json;

use super::auth::Refusal;
use crate::ledger::LedgerError;

/// Why there is no document.
#[derive(Debug)]
pub(super) enum Fault {
    /// A value of the query.
    Query(String),
    /// Nothing is called so.
    Unknown(String),
    /// A path that leads out of the folders of logs.
    Confined,
    Ledger(LedgerError),
    Io(std::io::Error),
    /// It was not finished.
    Broken(String),
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Unknown(_) | LedgerError::Ambiguous { .. } => Self::Unknown(error.to_string()),
            other => Self::Ledger(other),
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Fault {
    pub(super) fn response(&self) -> Response<Body> {
        let (status, text) = match self {
            Self::Query(text) => (StatusCode::BAD_REQUEST, text.clone()),
            Self::Unknown(text) => (StatusCode::NOT_FOUND, text.clone()),
            Self::Confined => (StatusCode::FORBIDDEN, "that log lies outside the folders of logs".into()),
            Self::Ledger(e) => (StatusCode::SERVICE_UNAVAILABLE, format!("the ledger cannot be read: {e}")),
            Self::Io(e) => (StatusCode::NOT_FOUND, format!("the log cannot be read: {e}")),
            Self::Broken(text) => (StatusCode::INTERNAL_SERVER_ERROR, text.clone()),
        };
        error(status, &text)
    }
}

impl Refusal {
    pub(super) fn response(self) -> Response<Body> {
        let (status, text) = match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "this server only shows: GET and HEAD"),
            Self::Host => (
                StatusCode::FORBIDDEN,
                "this address does not lead here: use the one that `orchestrator serve` printed",
            ),
            Self::Origin => (
                StatusCode::FORBIDDEN,
                "another site asks: open the address that `orchestrator serve` printed in a tab of its own",
            ),
            Self::Token => (
                StatusCode::UNAUTHORIZED,
                "the token is missing or wrong: use the address that `orchestrator serve` printed",
            ),
        };
        let mut response = plain(status, text);
        if self == Self::Method {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

/// A sentence for whoever sits before a browser.
pub(super) fn plain(status: StatusCode, text: &str) -> Response<Body> {
    whole(status, "text/plain; charset=utf-8", Bytes::from(format!("{text}\n")))
}

pub(super) fn error(status: StatusCode, text: &str) -> Response<Body> {
    let value = json!({"version": 1, "error": text});
    whole(status, "application/json", Bytes::from(format!("{value}\n")))
}

pub(super) fn whole(status: StatusCode, kind: &'static str, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A document, serialised.
pub(super) fn text(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    Ok(serde_json::to_vec(value)?)
}

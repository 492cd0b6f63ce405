// SPDX-License-Identifier: MPL-2.0
//! Error answers: JSON `{statusCode, error, message}`, and `fields` if the body is wrong, as core's other
//! services give them. The client gets a sentence, the log gets the cause.

use poem::error::{ParsePathError, ResponseError};
use poem::http::StatusCode;
use poem::{Body, Response};
use poem_openapi::Object;
use poem_openapi::types::ToJSON;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use tracing::{error, warn};

/// An error answer.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    message: String,
    fields: Vec<(String, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    hook: Option<Ids>,
}

/// The body of an error.
#[derive(Debug, Object)]
#[oai(rename = "Problem", rename_all = "camelCase")]
pub(crate) struct ProblemBody {
    /// The status of the response.
    status_code: u16,
    /// Its name.
    error: String,
    /// The reason, in a sentence.
    message: String,
    /// Where the request's body is wrong: the mistake in each field, by the field's path.
    #[oai(skip_serializing_if_is_none)]
    fields: Option<BTreeMap<String, String>>,
}

impl ProblemBody {
    /// Without fields.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status_code: status.as_u16(),
            error: status.canonical_reason().unwrap_or("Error").to_owned(),
            message: message.into(),
            fields: None,
        }
    }
}

/// The event and the action of a hook, if known.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    /// The record.
    pub event: Option<String>,
    /// The pending action.
    pub action: Option<String>,
}

impl Problem {
    /// A status with a sentence for the caller.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            fields: vec![],
            source: None,
            hook: None,
        }
    }

    /// Marks the answer to a hook, which is logged with its ids; ids that are already known are kept.
    #[must_use]
    pub fn to_hook(mut self, ids: Ids) -> Self {
        self.hook.get_or_insert(ids);
        self
    }

    /// Adds the mistake in each field of the body, by its path.
    pub fn with_fields(mut self, fields: Vec<(String, String)>) -> Self {
        self.fields = fields;
        self
    }

    /// The cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// 422: readable, but no decision is possible. Never 400: core takes that for a legal rejection.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Problem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> Response {
        let status = self.status.as_u16();
        // A refused hook blocks its record: the line says which, and why.
        if let Some(Ids { event, action }) = &self.hook {
            warn!(
                event.id = event,
                action.id = action,
                status,
                error = self as &dyn StdError,
                "Answered a hook {status}: {}",
                self.message
            );
        } else if self.status.is_server_error() {
            error!(
                error = self as &dyn StdError,
                "Answered {status}: {}", self.message
            );
        }
        answer_about(self.status, &self.message, &self.fields)
    }
}

/// Turns errors of the framework into the same shape: unknown routes, methods and unreadable paths are 404.
pub async fn shape(error: poem::Error) -> Response {
    if error.is::<Problem>() {
        return error.into_response();
    }
    // A part of the path that is not UTF-8. Never 400: core takes that for a legal rejection.
    if error.is::<ParsePathError>() {
        return answer(StatusCode::NOT_FOUND, "Not Found");
    }
    match error.status() {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            answer(StatusCode::NOT_FOUND, "Not Found")
        }
        status if status.is_server_error() => {
            error!(error = %error, "Answered {}", status.as_u16());
            answer(status, "An internal server error occurred")
        }
        status => answer(status, &error.to_string()),
    }
}

/// The answer when a handler panics: a fault of this server, which must not end it.
#[expect(clippy::needless_pass_by_value, reason = "the framework hands it over")]
pub fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let what = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    error!(
        "A handler panicked: {}",
        what.as_deref().unwrap_or("without a message")
    );
    answer(
        StatusCode::INTERNAL_SERVER_ERROR,
        "An internal server error occurred",
    )
}

fn answer(status: StatusCode, message: &str) -> Response {
    answer_about(status, message, &[])
}

fn answer_about(status: StatusCode, message: &str, fields: &[(String, String)]) -> Response {
    let body = ProblemBody {
        fields: (!fields.is_empty()).then(|| fields.iter().cloned().collect()),
        ..ProblemBody::new(status, message)
    };
    let response = Response::builder()
        .status(status)
        .content_type("application/json; charset=utf-8");
    let response = if status == StatusCode::UNAUTHORIZED {
        response.header("www-authenticate", "Bearer")
    } else {
        response
    };
    response.body(Body::from_string(body.to_json_string()))
}

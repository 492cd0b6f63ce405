// SPDX-License-Identifier: MPL-2.0
//! The systems that deliveries go to, over HTTP.

use crate::core::{Core, CoreError, Fate};
use crate::ledger::{Claimed, Destination};
use crate::verification::{Identity, Verifier};
use async_trait::async_trait;
use jiff::Timestamp;
use opencrvs_toolkit::event_document::Action;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tracing::warn;

/// A reply up to this size is read, so that its connection can be used again; its content is not kept.
const REPLY_LIMIT: u64 = 64 * 1024;

/// The middleware says `verified` or `failed` about an identity; more than so many bytes say neither.
const VERDICT_LIMIT: usize = 8;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Any 2xx, whatever its body.
    Delivered(StatusCode),
    /// The receiver will never take this: 400 or 422 of the middleware, or core has settled the
    /// action otherwise.
    Refused(StatusCode),
    /// Nothing was sent: core rejected the action that this follows from.
    Unwanted,
    /// Nothing was sent: it is of no use to anybody any more.
    Outdated,
    /// Nothing was sent: core does not show the action as accepted yet.
    Undecided,
    /// Nothing was sent: its token has ended, and there is no system client to get another.
    Expired,
    /// Nothing was sent: core did not give the token or show the record that sending needs first.
    Unprepared,
    /// Any other answer; the same may succeed later.
    Failed(StatusCode, Option<Duration>),
    /// No answer in time: it may have arrived or not.
    Timeout,
    /// No connection, or one that broke.
    Unreachable,
}

impl Outcome {
    /// The word that stands in the ledger and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered(_) => "delivered",
            Self::Refused(_) => "refused",
            Self::Unwanted => "unwanted",
            Self::Outdated => "outdated",
            Self::Undecided => "undecided",
            Self::Expired => "expired",
            Self::Unprepared => "unprepared",
            Self::Failed(..) => "failed",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether the destination as a whole is in trouble, not only this delivery: it cannot be reached,
    /// does not answer in time, has a fault of its own (5xx) or too much to do (429). `None` where
    /// nothing was sent, so that nothing is known.
    pub fn is_failure_of_destination(self) -> Option<bool> {
        match self {
            Self::Timeout | Self::Unreachable => Some(true),
            Self::Failed(status, _) => {
                Some(status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS)
            }
            Self::Delivered(_) | Self::Refused(_) => Some(false),
            Self::Unwanted
            | Self::Outdated
            | Self::Undecided
            | Self::Expired
            | Self::Unprepared => None,
        }
    }

    /// HTTP status or SMTP reply, where there was one.
    pub fn status(self) -> Option<u16> {
        match self {
            Self::Delivered(status) | Self::Refused(status) | Self::Failed(status, _) => {
                Some(status.as_u16())
            }
            Self::Unwanted
            | Self::Outdated
            | Self::Undecided
            | Self::Expired
            | Self::Unprepared
            | Self::Timeout
            | Self::Unreachable => None,
        }
    }
}

/// Sends a delivery, once.
#[async_trait]
pub trait Outside: Send + Sync {
    /// One attempt.
    async fn send(&self, delivery: &Claimed) -> Outcome;

    /// The longest time of an attempt, where it is not that of the others.
    fn longest(&self) -> Option<Duration> {
        None
    }

    /// From when on it could not be sent any more, where that is known.
    fn sendable_until(&self, _delivery: &Claimed) -> Option<Timestamp> {
        None
    }
}

/// The middleware and core.
pub struct Http {
    client: Client,
    middleware: String,
    core: Arc<Core>,
}

impl Http {
    /// `middleware` is `MOSIP_INTEROP_URL`.
    pub fn new(client: Client, middleware: &str, core: Arc<Core>) -> Self {
        let middleware = middleware.trim_end_matches('/').to_owned();
        Self {
            client,
            middleware,
            core,
        }
    }

    /// The token to send with, once nothing is in the way of sending.
    async fn prepare(&self, delivery: &Claimed) -> Result<String, Outcome> {
        accepted(&self.core, delivery).await?;
        let token = self.core.token(delivery).await;
        token.map_err(|error| unprepared(delivery, &error))
    }

    /// Core refuses to accept or reject what it has settled already, with 400, 404, 409 or 500,
    /// which may also mean something else; the record tells.
    async fn settled(
        &self,
        delivery: &Claimed,
        token: &str,
        status: StatusCode,
    ) -> Option<Outcome> {
        let (event, action) = (&delivery.event_id, &delivery.action_id);
        let fate = self.core.fate(event, action, Some(token)).await.ok()?;
        let wanted = delivery.operation.ends_with(".accept");
        match fate {
            Fate::Open => None,
            Fate::Accepted(_) if wanted => Some(Outcome::Delivered(status)),
            Fate::Rejected if !wanted => Some(Outcome::Delivered(status)),
            Fate::Accepted(_) | Fate::Rejected => Some(Outcome::Refused(status)),
        }
    }
}

/// Whether core has accepted the action that a delivery follows from, where the delivery waits for that
/// and there is a system client to ask with: then with the action that accepted it.
///
/// # Errors
/// How the attempt ends if not.
pub async fn accepted(core: &Core, delivery: &Claimed) -> Result<Option<Box<Action>>, Outcome> {
    if !delivery.waits_for_acceptance() {
        return Ok(None);
    }
    if !core.may_ask() {
        // The middleware is told all the same; others are told what has happened, and that only.
        let to_middleware = delivery.destination == Destination::MIDDLEWARE;
        return to_middleware.then_some(None).ok_or(Outcome::Expired);
    }
    let (event, action) = (&delivery.event_id, &delivery.action_id);
    let fate = core.fate(event, action, None).await;
    match fate.map_err(|error| unprepared(delivery, &error))? {
        Fate::Accepted(by) => Ok(Some(by)),
        Fate::Rejected => Err(Outcome::Unwanted),
        Fate::Open => Err(Outcome::Undecided),
    }
}

fn unprepared(delivery: &Claimed, error: &CoreError) -> Outcome {
    if matches!(error, CoreError::Expired) {
        return Outcome::Expired;
    }
    let (event, id) = (&delivery.event_id, delivery.id);
    warn!(error = error as &dyn std::error::Error, event.id = %event, delivery.id = id, "Core does not give what a delivery of `{event}` needs first");
    Outcome::Unprepared
}

/// A client that follows no redirect (they would carry tokens elsewhere) and gives up in time.
///
/// # Errors
/// When the TLS back end cannot start.
pub fn client(timeout: Duration) -> reqwest::Result<Client> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        .timeout(timeout)
        .user_agent(concat!("countryconfig/", env!("CARGO_PKG_VERSION")))
        .build()
}

#[async_trait]
impl Outside for Http {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        let token = match self.prepare(delivery).await {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let base = if delivery.destination == Destination::CORE {
            self.core.gateway()
        } else {
            &self.middleware
        };
        let request = self
            .client
            .post(format!("{base}{}", delivery.path))
            .bearer_auth(&token)
            .header(CONTENT_TYPE, "application/json")
            .body(delivery.payload.clone());
        let (status, retry_after) = match status(request).await {
            Ok(answered) => answered,
            Err(outcome) => return outcome,
        };
        match status {
            _ if status.is_success() => Outcome::Delivered(status),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY
                if delivery.destination == Destination::MIDDLEWARE =>
            {
                Outcome::Refused(status)
            }
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::CONFLICT
            | StatusCode::INTERNAL_SERVER_ERROR
                if delivery.destination == Destination::CORE =>
            {
                let settled = self.settled(delivery, &token, status).await;
                settled.unwrap_or(Outcome::Failed(status, retry_after))
            }
            _ => Outcome::Failed(status, retry_after),
        }
    }

    fn sendable_until(&self, delivery: &Claimed) -> Option<Timestamp> {
        self.core.sendable_until(delivery)
    }
}

#[async_trait]
impl Verifier for Http {
    async fn verify(&self, question: &Value, token: &str) -> Result<Identity, Outcome> {
        let url = format!("{}/verify", self.middleware);
        let request = self.client.post(url).bearer_auth(token).json(question);
        let mut response = request.send().await.map_err(|e| unanswered(&e))?;
        let status = response.status();
        let mut text = Vec::new();
        while text.len() <= VERDICT_LIMIT
            && let Some(chunk) = response.chunk().await.map_err(|e| unanswered(&e))?
        {
            text.extend_from_slice(&chunk);
        }
        [Identity::Verified, Identity::Failed]
            .into_iter()
            .find(|identity| status == StatusCode::OK && text == identity.as_str().as_bytes())
            .ok_or(Outcome::Failed(status, None))
    }
}

/// Sends a request whose answer is its status, with the wait that the other side asks for.
///
/// # Errors
/// How the attempt ends without an answer.
pub async fn status(request: RequestBuilder) -> Result<(StatusCode, Option<Duration>), Outcome> {
    let response = request.send().await.map_err(|error| unanswered(&error))?;
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    if response
        .content_length()
        .is_some_and(|length| length <= REPLY_LIMIT)
    {
        // The status has decided; a body that breaks off changes nothing.
        drop(response.bytes().await);
    }
    Ok((status, retry_after))
}

pub(crate) fn unanswered(error: &reqwest::Error) -> Outcome {
    if error.is_timeout() {
        Outcome::Timeout
    } else {
        Outcome::Unreachable
    }
}

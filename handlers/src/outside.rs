// SPDX-License-Identifier: MPL-2.0
//! The systems that deliveries go to, over HTTP.

use crate::acceptance::not_asked;
use crate::core::{Core, CoreApi, Fate};
use crate::fault::{self, Fault};
use crate::ledger::{Claimed, Next};
use crate::schedule::Schedule;
use crate::verification::{Identity, Verifier};
use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

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
    /// Nothing was sent: core does not show the action as accepted yet. It may be asked again then.
    Undecided(Timestamp),
    /// Nothing was sent: its token has ended, and there is no system client to get another.
    Expired,
    /// Nothing was sent: core did not give the token or show the record that sending needs first.
    Unprepared,
    /// Nothing was sent: core shows that what the packet asks for has happened.
    Settled,
    /// Nothing was sent: the outcome of an earlier attempt is unknown. Core is asked again then.
    StillUnknown(Timestamp),
    /// Nothing was sent: this may not be sent again without an operator.
    GivenUp,
    /// The middleware was not reached: no connection, or an answer of something before its handlers.
    NotReached(Option<StatusCode>, Option<Duration>),
    /// 503: the middleware was most probably not reached.
    Unavailable(Option<Duration>),
    /// The middleware's own 500: it did not start MOSIP.
    NotStarted,
    /// The middleware may have taken the packet or not: no answer, or one that is not its own.
    Unknown(Option<StatusCode>),
    /// Any other answer; the same may succeed later.
    Failed(StatusCode, Option<Duration>),
    /// No answer in time: it may have arrived or not.
    Timeout,
    /// No connection, or one that broke.
    Unreachable,
}

/// The words of all outcomes.
pub const OUTCOMES: [&str; 17] = [
    "delivered",
    "refused",
    "unwanted",
    "outdated",
    "undecided",
    "expired",
    "unprepared",
    "settled",
    "still-unknown",
    "given-up",
    "not-reached",
    "unavailable",
    "not-started",
    "unknown",
    "failed",
    "timeout",
    "unreachable",
];

impl Outcome {
    /// The word that stands in the ledger and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered(_) => "delivered",
            Self::Refused(_) => "refused",
            Self::Unwanted => "unwanted",
            Self::Outdated => "outdated",
            Self::Undecided(_) => "undecided",
            Self::Expired => "expired",
            Self::Unprepared => "unprepared",
            Self::Settled => "settled",
            Self::StillUnknown(_) => "still-unknown",
            Self::GivenUp => "given-up",
            Self::NotReached(..) => "not-reached",
            Self::Unavailable(_) => "unavailable",
            Self::NotStarted => "not-started",
            Self::Unknown(_) => "unknown",
            Self::Failed(..) => "failed",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether an operator wants to know why.
    pub fn is_failure(self) -> bool {
        let is_success = matches!(self, Self::Delivered(_));
        self.was_sent() && !is_success || matches!(self, Self::Unprepared | Self::Expired)
    }

    /// Whether a request left, or was about to.
    pub fn was_sent(self) -> bool {
        match self {
            Self::Delivered(_)
            | Self::Refused(_)
            | Self::NotReached(..)
            | Self::Unavailable(_)
            | Self::NotStarted
            | Self::Unknown(_)
            | Self::Failed(..)
            | Self::Timeout
            | Self::Unreachable => true,
            Self::Unwanted
            | Self::Outdated
            | Self::Undecided(_)
            | Self::Expired
            | Self::Unprepared
            | Self::Settled
            | Self::StillUnknown(_)
            | Self::GivenUp => false,
        }
    }

    /// How long the other side asks to be left alone.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Failed(_, after) | Self::NotReached(_, after) | Self::Unavailable(after) => after,
            _ => None,
        }
    }

    /// What an attempt says about its destination.
    pub fn of_destination(self) -> Health {
        match self {
            Self::Timeout
            | Self::Unreachable
            | Self::Unavailable(_)
            | Self::Unknown(_)
            | Self::NotReached(None | Some(StatusCode::TOO_MANY_REQUESTS), _) => Health::Failing,
            Self::Failed(status, _)
                if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS =>
            {
                Health::Failing
            }
            // The middleware says this of a packet that it cannot read as well.
            Self::NotStarted => Health::Suspect,
            _ if self.was_sent() => Health::Well,
            _ => Health::NotTried,
        }
    }

    /// HTTP status or SMTP reply, where there was one.
    pub fn status(self) -> Option<u16> {
        let status = match self {
            Self::Delivered(status) | Self::Refused(status) | Self::Failed(status, _) => status,
            Self::NotReached(status, _) | Self::Unknown(status) => status?,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotStarted => StatusCode::INTERNAL_SERVER_ERROR,
            _ => return None,
        };
        Some(status.as_u16())
    }
}

/// What an attempt says about its destination as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers, whatever it thinks of one delivery.
    Well,
    /// It cannot be reached, does not answer in time, has a fault of its own (5xx) or too much to do (429).
    Failing,
    /// It failed with this delivery, which may be at fault itself.
    Suspect,
    /// Nothing was sent, so that nothing is known.
    NotTried,
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

    /// What follows an outcome, where that is not what usually follows.
    fn next(
        &self,
        _delivery: &Claimed,
        _outcome: Outcome,
        _schedule: &Schedule,
        _now: Timestamp,
    ) -> Option<Next> {
        None
    }
}

/// Core, and the middleware as the one that knows identities.
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

/// A client that follows no redirect (they would carry tokens elsewhere) and gives up in time.
///
/// # Errors
/// When the TLS back end cannot start.
pub fn client(timeout: Duration) -> reqwest::Result<Client> {
    builder(timeout).build()
}

pub(crate) fn builder(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        .timeout(timeout)
        .user_agent(concat!("countryconfig/", env!("CARGO_PKG_VERSION")))
}

#[async_trait]
impl Outside for Http {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        let token = match self.core.token(delivery).await {
            Ok(token) => token,
            Err(error) => return not_asked(delivery, &error),
        };
        let request = self
            .client
            .post(format!("{}{}", self.core.gateway(), delivery.path))
            .bearer_auth(&token)
            .header(CONTENT_TYPE, "application/json")
            .body(delivery.payload.clone());
        let (status, retry_after) = match status(request).await {
            Ok(answered) => answered,
            Err(outcome) => return outcome,
        };
        match status {
            _ if status.is_success() => Outcome::Delivered(status),
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::CONFLICT
            | StatusCode::INTERNAL_SERVER_ERROR => {
                let settled = self.settled(delivery, &token, status).await;
                settled.unwrap_or(Outcome::Failed(status, retry_after))
            }
            _ => Outcome::Failed(status, retry_after),
        }
    }

    fn sendable_until(&self, delivery: &Claimed) -> Option<Timestamp> {
        self.core.token_ends(delivery)
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
            .ok_or_else(|| {
                fault::note(fault::of_status(response.url(), status));
                Outcome::Failed(status, None)
            })
    }
}

/// Sends a request whose answer is its status, with the wait that the other side asks for.
///
/// # Errors
/// How the attempt ends without an answer.
pub async fn status(request: RequestBuilder) -> Result<(StatusCode, Option<Duration>), Outcome> {
    let response = request.send().await.map_err(|error| unanswered(&error))?;
    let status = response.status();
    if !status.is_success() {
        fault::note(fault::of_status(response.url(), status));
    }
    let retry_after = retry_after(&response);
    if response
        .content_length()
        .is_some_and(|length| length <= REPLY_LIMIT)
    {
        // The status has decided; a body that breaks off changes nothing.
        drop(response.bytes().await);
    }
    Ok((status, retry_after))
}

/// How long the other side asks to be left alone.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}

pub(crate) fn unanswered(error: &reqwest::Error) -> Outcome {
    fault::note(Fault::from(error));
    if error.is_timeout() {
        Outcome::Timeout
    } else {
        Outcome::Unreachable
    }
}

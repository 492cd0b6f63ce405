// SPDX-License-Identifier: MPL-2.0
//! Transports of deliveries, and the common parts of all HTTP requests.

use crate::delivery::ledger::{Claimed, Next};
use crate::delivery::outcome::Outcome;
use crate::delivery::schedule::Schedule;
use crate::fault::{self, Fault};
use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use std::time::Duration;

/// A reply up to this size is read, so that its connection can be used again; its content is not kept.
const REPLY_LIMIT: u64 = 64 * 1024;

/// Sends a delivery, once.
#[async_trait]
pub trait Transport: Send + Sync {
    /// One attempt.
    async fn send(&self, delivery: &Claimed) -> Outcome;

    /// The longest time of an attempt, if it is not that of the others.
    fn longest(&self) -> Option<Duration> {
        None
    }

    /// The time from which it could not be sent any more, if known.
    fn sendable_until(&self, _delivery: &Claimed) -> Option<Timestamp> {
        None
    }

    /// The step after an outcome, if it is not the usual one.
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

/// A client with a timeout that follows no redirects, since they would carry tokens elsewhere.
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

/// Sends a request; returns its status and the wait that the other side asks for.
///
/// # Errors
/// The outcome of the attempt without an answer.
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

/// Reads a reply until its end, or until it is larger than a limit in bytes. A result that is longer than the
/// limit is the beginning of a reply that is too large.
///
/// # Errors
/// When the connection breaks.
pub async fn reply(response: &mut Response, limit: usize) -> reqwest::Result<Vec<u8>> {
    let mut reply = Vec::new();
    while reply.len() <= limit
        && let Some(chunk) = response.chunk().await?
    {
        reply.extend_from_slice(&chunk);
    }
    Ok(reply)
}

/// The wait that the other side asks for, in the header `Retry-After`.
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

// SPDX-License-Identifier: MPL-2.0
//! The systems that deliveries go to, over HTTP.

use crate::ledger::{Claimed, Destination};
use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use std::time::Duration;

/// A reply up to this size is read, so that its connection can be used again; its content is not kept.
const REPLY_LIMIT: u64 = 64 * 1024;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Any 2xx, whatever its body.
    Delivered(StatusCode),
    /// 400 or 422 of the middleware: it will never take this.
    Refused(StatusCode),
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
            Self::Failed(..) => "failed",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether the destination as a whole is in trouble, not only this delivery: it cannot be reached,
    /// does not answer in time, has a fault of its own (5xx) or too much to do (429).
    pub fn is_failure_of_destination(self) -> bool {
        match self {
            Self::Timeout | Self::Unreachable => true,
            Self::Failed(status, _) => {
                status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Delivered(_) | Self::Refused(_) => false,
        }
    }

    /// HTTP status, where there was one.
    pub fn status(self) -> Option<u16> {
        match self {
            Self::Delivered(status) | Self::Refused(status) | Self::Failed(status, _) => {
                Some(status.as_u16())
            }
            Self::Timeout | Self::Unreachable => None,
        }
    }
}

/// Sends a delivery, once.
#[async_trait]
pub trait Outside: Send + Sync {
    /// One attempt.
    async fn send(&self, delivery: &Claimed) -> Outcome;
}

/// The real systems.
pub struct Http {
    client: Client,
    middleware: String,
    gateway: String,
}

impl Http {
    /// `middleware` is MOSIP_INTEROP_URL, `gateway` is GATEWAY_URL.
    pub fn new(client: Client, middleware: &str, gateway: &str) -> Self {
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Self {
            client,
            middleware: base(middleware),
            gateway: base(gateway),
        }
    }
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
        let base = match delivery.destination {
            Destination::Middleware => &self.middleware,
            Destination::Core => &self.gateway,
        };
        let request = self
            .client
            .post(format!("{base}{}", delivery.path))
            .bearer_auth(&delivery.token)
            .header(CONTENT_TYPE, "application/json")
            .body(delivery.payload.clone());
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Outcome::Timeout,
            Err(_) => return Outcome::Unreachable,
        };
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
        match status {
            _ if status.is_success() => Outcome::Delivered(status),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY
                if delivery.destination == Destination::Middleware =>
            {
                Outcome::Refused(status)
            }
            _ => Outcome::Failed(status, retry_after),
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Accepts and rejects waiting actions in core.

use crate::core_client::{Core, Fate};
use crate::delivery::acceptance::not_asked;
use crate::delivery::core_api::CoreApi as _;
use crate::delivery::ledger::Claimed;
use crate::delivery::outcome::Outcome;
use crate::delivery::transport::{Transport, status};
use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use std::sync::Arc;

/// Sends confirmations to core.
pub struct CoreTransport {
    client: Client,
    core: Arc<Core>,
}

impl CoreTransport {
    /// Sends nothing yet.
    pub fn new(client: Client, core: Arc<Core>) -> Self {
        Self { client, core }
    }

    /// The outcome by the record, after core refused a call with 400, 404, 409 or 500: the action may
    /// be settled already, or the status may mean something else.
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

#[async_trait]
impl Transport for CoreTransport {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        let token = match self.core.token(delivery.hooked_action(), true).await {
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

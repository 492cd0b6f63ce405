// SPDX-License-Identifier: MPL-2.0
//! Webhooks to other systems for every accepted action: each gets the event with the action as core
//! accepted it, signed after the Standard Webhooks convention.

use crate::clock::Clock;
use crate::core_client::Core;
use crate::delivery::acceptance::Acceptance;
use crate::delivery::ledger::{Claimed, Destination, NewDelivery};
use crate::delivery::outcome::Outcome;
use crate::delivery::transport::{Transport, status};
use crate::delivery::worker::DeliveryTarget;
use crate::hooks::{ActionListener, DecidedAction};
use async_trait::async_trait;
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opencrvs_toolkit::event_document::merge::deep_merge;
use opencrvs_toolkit::event_document::{Action, ActionId, ActionStatus, EventDocument};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use std::str::FromStr;
use std::sync::Arc;
use tracing::error;

/// A signing key that sender and receiver share, written `whsec_` and 24 to 64 bytes in base64.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// A text that is not such a key; it is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("it is not `whsec_` followed by 24 to 64 bytes in base64")]
pub struct SecretError;

impl FromStr for Secret {
    type Err = SecretError;
    fn from_str(text: &str) -> Result<Self, SecretError> {
        let key = text.strip_prefix("whsec_").ok_or(SecretError)?;
        let key = STANDARD.decode(key).map_err(|_| SecretError)?;
        if !(24..=64).contains(&key.len()) {
            return Err(SecretError);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }
}

impl Secret {
    /// The value of `webhook-signature` for a message.
    fn signature(&self, id: &ActionId, seconds: i64, body: &str) -> String {
        let signed = format!("{id}.{seconds}.{body}");
        format!(
            "v1,{}",
            STANDARD.encode(hmac::sign(&self.0, signed.as_bytes()))
        )
    }
}

/// Forwards actions to the systems that `FORWARD_ACTIONS_TO` names.
pub struct Forwarding {
    /// Shows which actions core accepted.
    pub core: Arc<Core>,
    /// The destinations.
    pub to: Vec<Destination>,
}

/// One URL of `FORWARD_ACTIONS_TO`.
pub struct Webhook {
    /// Sends requests.
    pub client: Client,
    /// Shows the state of an action that waited.
    pub acceptance: Arc<Acceptance>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The URL of the receiver.
    pub url: Url,
    /// The signing key; without it nothing is signed.
    pub secret: Option<Secret>,
}

/// The name of a URL in the ledger and the log: its host, as the rest may be secret, and a number that
/// tells it from others there.
pub fn destination(url: &Url) -> Destination {
    let hash = digest::digest(&digest::SHA256, url.as_str().as_bytes());
    let number = hash
        .as_ref()
        .first_chunk()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let host = url.host_str().unwrap_or_default();
    Destination::named(format!("forward:{host}:{number:08x}"))
}

impl From<Webhook> for DeliveryTarget {
    fn from(webhook: Webhook) -> Self {
        Self {
            destination: destination(&webhook.url),
            transport: Arc::new(webhook),
        }
    }
}

impl ActionListener for Forwarding {
    fn deliveries(&self, told: &DecidedAction<'_>) -> Vec<NewDelivery> {
        let event = told.facts.event;
        let document = match told.acceptance() {
            Some(by) => serde_json::to_value(as_accepted(event.clone(), &by)),
            None if told.answer.status == 202 && self.core.may_ask() => serde_json::to_value(event),
            None => return vec![],
        };
        let payload = match document {
            Ok(payload) => payload,
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, event.id = %event.id, "`{}` cannot be forwarded", event.id);
                return vec![];
            }
        };
        let delivery = |destination: &Destination| NewDelivery {
            destination: destination.clone(),
            operation: "forward".to_owned(),
            path: String::new(),
            payload: payload.clone(),
            token: String::new(),
            due_at: told.due_at,
            fallback: None,
        };
        self.to.iter().map(delivery).collect()
    }
}

/// The document with the action that was accepted by another: with what that one brings.
fn as_accepted(mut event: EventDocument, by: &Action) -> EventDocument {
    let mut actions = event.actions.iter_mut();
    if let Some(action) = actions.find(|a| Some(&a.id) == by.original_action_id.as_ref()) {
        action.status = ActionStatus::Accepted;
        deep_merge(&mut action.declaration, &by.declaration);
        if let Some(annotation) = &by.annotation {
            deep_merge(action.annotation.get_or_insert_default(), annotation);
        }
        if by.registration_number.is_some() {
            action
                .registration_number
                .clone_from(&by.registration_number);
        }
    }
    event
}

/// The body of a delivery; core's acceptance is added to one that waited for it.
fn body(delivery: &Claimed, by: Option<&Action>) -> Option<String> {
    let Some(by) = by else {
        return Some(delivery.payload.clone());
    };
    let event = EventDocument::parse(delivery.payload.as_bytes()).ok()?;
    serde_json::to_string(&as_accepted(event, by)).ok()
}

#[async_trait]
impl Transport for Webhook {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        let by = match self.acceptance.accepted(delivery).await {
            Ok(by) => by,
            Err(outcome) => return outcome,
        };
        let Some(body) = body(delivery, by.as_deref()) else {
            return Outcome::Unprepared;
        };
        let seconds = self.clock.now().as_second();
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", delivery.action_id.as_str())
            .header("webhook-timestamp", seconds);
        if let Some(secret) = &self.secret {
            let signature = secret.signature(&delivery.action_id, seconds, &body);
            request = request.header("webhook-signature", signature);
        }
        match status(request.body(body)).await {
            Ok((status, _)) if status.is_success() => Outcome::Delivered(status),
            Ok((status, retry_after)) => Outcome::Failed(status, retry_after),
            Err(outcome) => outcome,
        }
    }
}

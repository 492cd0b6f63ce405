// SPDX-License-Identifier: MPL-2.0
//! Messages that core sends to its users through this server.

use super::sender::{ALERT, Sender, entry, id_of};
use super::{Channel, StoredMessage, destination};
use crate::clock::later;
use crate::delivery::ledger::{Claimed, Destination, Entry, Knowledge, Recorded};
use crate::delivery::outcome::Outcome;
use crate::delivery::transport::Transport;
use crate::delivery::worker::Deliveries;
use country::notification::DeliveryMethod;
use country::notification::messages::Message;
use country::notification::templates::Variables;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, info};
use uuid::Uuid;

/// The time that core waits for the result of an urgent message, such as a code.
const WAIT: Duration = Duration::from_secs(5);
/// The time for which nobody else sends a message that is sent at once.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(5);
/// The maximum number of recipients of one e-mail, unseen by each other: servers take at least 100.
const BATCH: usize = 50;

/// The recipient of a message.
#[derive(Default)]
pub struct Recipient {
    /// Given name.
    pub firstname: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub mobile: Option<String>,
    /// Further recipients of an announcement, unseen by each other.
    pub bcc: Vec<String>,
    /// Language, if the caller knows it.
    pub language: Option<String>,
}

impl Recipient {
    /// The recipient's address or number for a delivery method, if there is one.
    pub fn contact(&self, method: DeliveryMethod) -> Option<&String> {
        let contact = match method {
            DeliveryMethod::Email => self.email.as_ref(),
            DeliveryMethod::Sms => self.mobile.as_ref(),
        };
        contact.filter(|contact| !contact.trim().is_empty())
    }
}

/// An e-mail with its own text, for the operators of the installation.
pub struct Alert {
    /// The sender's address.
    pub from: String,
    /// The recipient's address.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Body.
    pub html: String,
}

/// The reason why a message was not delivered, or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// The recipient has no address for the method by which users get messages.
    #[error("the recipient has no {}", contact(*.0))]
    NoContact(DeliveryMethod),
    /// No server or gateway is set to send it with.
    #[error("{} is not set", setting(*.0))]
    NoWay(DeliveryMethod),
    /// An announcement is too long for an SMS.
    #[error("this message exists only as e-mail, and users get SMS (application.toml)")]
    EmailOnly,
    /// The server or gateway refuses it permanently.
    #[error("it was refused permanently")]
    Refused,
    /// It did not arrive in time; it is tried again while it is of use.
    #[error("it was not accepted; it is retried while it is valid")]
    NotYet,
    /// It did not arrive, and the ledger does not keep it for another attempt.
    #[error("it was not accepted, and could not be stored for a retry")]
    Lost,
}

fn contact(method: DeliveryMethod) -> &'static str {
    match method {
        DeliveryMethod::Email => "e-mail address",
        DeliveryMethod::Sms => "mobile number",
    }
}

fn setting(method: DeliveryMethod) -> &'static str {
    match method {
        DeliveryMethod::Email => "SMTP_HOST",
        DeliveryMethod::Sms => "the SMS gateway",
    }
}

/// Sends messages to users.
pub struct Users {
    /// Renders and sends.
    pub sender: Arc<Sender>,
    /// Deliver messages.
    pub deliveries: Arc<Deliveries>,
    /// `LOGIN_URL`.
    pub login_url: String,
}

impl Users {
    /// The method by which users get messages.
    pub fn method(&self) -> DeliveryMethod {
        self.sender.config.load().files.users
    }

    /// Sends a message to a user: urgent ones at once, any other from the ledger. `payload` is what core
    /// gives besides the recipient.
    ///
    /// # Errors
    /// The reason why it was not delivered, or not yet.
    pub async fn tell(
        &self,
        message: &'static Message,
        recipient: Recipient,
        payload: Variables,
    ) -> Result<(), NotTold> {
        let now = self.sender.clock.now();
        let config = self.sender.config.load();
        let method = config.files.users;
        if config.is_closed(method, &self.sender.mail) {
            return Err(NotTold::NoWay(method));
        }
        if method == DeliveryMethod::Sms && message.sms.is_none() {
            return Err(NotTold::EmailOnly);
        }
        let to = recipient.contact(method).cloned();
        let until = message.lasts.map(|lasts| later(now, lasts));
        let mut variables = self.variables(message, payload);
        variables.extend(
            recipient
                .firstname
                .map(|name| ("firstname".into(), name.into())),
        );
        let announced = message.sms.is_none();
        let everybody: Vec<_> = to
            .iter()
            .chain(recipient.bcc.iter().filter(|_| announced))
            .cloned()
            .collect();
        if everybody.is_empty() {
            return Err(NotTold::NoContact(method));
        }
        let to = to.unwrap_or_default();
        let destination = destination(method);
        let note = |hidden: &[String]| StoredMessage {
            to: to.clone(),
            hidden: hidden.to_vec(),
            language: recipient.language.clone(),
            variables: variables.clone(),
            office: None,
            until,
        };
        if !announced {
            let due_at = if message.urgent {
                later(now, AT_ONCE)
            } else {
                now
            };
            let id = Uuid::now_v7().to_string();
            let entry = entry(&id, message.word, &destination, &note(&[]), due_at);
            return self.store(entry, message.urgent, now).await;
        }
        for batch in everybody.chunks(BATCH) {
            // Core sends a batch again whose answer it did not hear: it is the same then.
            let words = Value::Object(variables.clone()).to_string();
            let id = id_of(&[
                &words,
                &batch.join(","),
                &TimeZone::UTC.to_datetime(now).date().to_string(),
            ]);
            let entry = entry(&id, message.word, &destination, &note(batch), now);
            self.store(entry, false, now).await?;
        }
        Ok(())
    }

    /// Sends an alert from the ledger or, if the alert is about the ledger, without it.
    ///
    /// # Errors
    /// The reason why it was not delivered.
    pub async fn alert(&self, alert: Alert) -> Result<(), NotTold> {
        if matches!(*self.sender.mail, Channel::Closed) {
            return Err(NotTold::NoWay(DeliveryMethod::Email));
        }
        let words = [
            ("from", alert.from),
            ("subject", alert.subject),
            ("html", alert.html),
        ];
        let words = words
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()));
        let note = StoredMessage {
            to: alert.to,
            hidden: vec![],
            language: None,
            variables: words.collect(),
            office: None,
            until: None,
        };
        let now = self.sender.clock.now();
        let id = Uuid::now_v7().to_string();
        self.store(
            entry(&id, ALERT, &Destination::EMAIL, &note, now),
            false,
            now,
        )
        .await
    }

    /// The variables of a message: those of core, and those derived from them.
    fn variables(&self, message: &Message, mut payload: Variables) -> Variables {
        if let Some(lasts) = message.lasts {
            payload.insert("minutes".into(), lasts.as_mins().into());
        }
        if let Some(body) = payload.get("body").and_then(Value::as_str) {
            let lines: Vec<Value> = body
                .lines()
                .filter(|l| !l.trim().is_empty())
                .map(Value::from)
                .collect();
            payload.insert("lines".into(), lines.into());
        }
        if let Some(token) = payload.remove("token") {
            let base = format!("{}/recover", self.login_url.trim_end_matches('/'));
            let link =
                Url::parse_with_params(&base, [("token", token.as_str().unwrap_or_default())]);
            payload.extend(
                link.ok()
                    .map(|link| ("recoverURL".to_owned(), link.to_string().into())),
            );
        }
        payload.insert("loginURL".into(), self.login_url.clone().into());
        payload
    }

    async fn store(
        &self,
        entry: Option<Entry>,
        urgent: bool,
        now: Timestamp,
    ) -> Result<(), NotTold> {
        let entry = entry.ok_or(NotTold::Lost)?;
        let (event, word) = (&entry.event_id, &entry.action_type);
        let kept = match self.sender.ledger.record(&entry, now).await {
            Ok(recorded) => recorded,
            Err(fault) => {
                error!(error = &fault as &dyn std::error::Error, event.id = %event, "Could not store the message `{word}`; it is sent without a retry");
                return self.without_ledger(&entry).await;
            }
        };
        info!(event.id = %event, operation = word, "Sending the message `{word}` to a user as `{event}`");
        if !urgent {
            if kept == Recorded::New {
                self.deliveries.wake.notify_one();
            }
            return Ok(());
        }
        let (deliveries, event) = (self.deliveries.clone(), event.clone());
        let destination = entry
            .deliveries
            .first()
            .map(|d| d.destination.clone())
            .ok_or(NotTold::Lost)?;
        // It goes on when nobody waits any more: a message broken off half-way might arrive twice.
        let trying = tokio::spawn(async move { deliveries.at_once(&event, &destination).await });
        match tokio::time::timeout(WAIT, trying).await {
            Ok(Ok(Ok(Some(outcome)))) => told(outcome),
            _ => Err(NotTold::NotYet),
        }
    }

    /// Makes one attempt of which nothing is stored.
    async fn without_ledger(&self, entry: &Entry) -> Result<(), NotTold> {
        let Some(delivery) = entry.deliveries.first() else {
            return Err(NotTold::Lost);
        };
        let claimed = Claimed {
            id: 0,
            event_id: entry.event_id.clone(),
            action_id: entry.action_id.clone(),
            action_type: entry.action_type.clone(),
            answer_status: entry.answer.status,
            destination: delivery.destination.clone(),
            operation: delivery.operation.clone(),
            path: String::new(),
            payload: delivery.payload.to_string(),
            token: String::new(),
            attempt: 1,
            created_at: delivery.due_at,
            knowledge: Knowledge::Untried,
            unknown_since: None,
            registration_number: None,
            fallback: None,
        };
        let sender = self.sender.clone();
        let trying = tokio::spawn(async move { sender.send(&claimed).await });
        match tokio::time::timeout(WAIT, trying).await {
            Ok(Ok(outcome)) => told(outcome).map_err(|why| match why {
                NotTold::NotYet => NotTold::Lost,
                other => other,
            }),
            _ => Err(NotTold::Lost),
        }
    }
}

fn told(outcome: Outcome) -> Result<(), NotTold> {
    match outcome {
        Outcome::Delivered(_) => Ok(()),
        Outcome::Refused(_) => Err(NotTold::Refused),
        _ => Err(NotTold::NotYet),
    }
}

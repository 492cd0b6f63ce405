// SPDX-License-Identifier: MPL-2.0
//! Packets to mosip-api, the middleware of the national ID system.
//!
//! An identity is made once. The middleware keeps a row with the number and the token of a packet
//! before it calls MOSIP, and answers 500 to any other packet with one of them. So a packet is sent
//! again only if it is known that MOSIP was not started, and then with a number and a token that
//! the middleware has not seen. If the outcome of an attempt is unknown, core is asked until it
//! shows that the action is accepted or rejected.

use crate::clock::{Clock, later};
use crate::core_client::{CoreError, Fate};
use crate::delivery::acceptance::{Acceptance, not_asked};
use crate::delivery::core_api::CoreApi;
use crate::delivery::ledger::{
    Begun, Claimed, Delivery, Knowledge, Ledger, LedgerError, NewDelivery, Next, Renumbered,
};
use crate::delivery::outcome::Outcome;
use crate::delivery::schedule::Schedule;
use crate::delivery::transport::{Transport, reply};
use crate::fault::{self, Fault};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use rules::eligibility::Operation;
use rules::registration_number::NumberFormat;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, warn};

/// The path for whose packets the middleware keeps a row each.
const REGISTRATION: &str = "/events/registration";

/// The error in the body of the middleware's own 500. Any other 500 comes from an intermediary.
const OWN_FAULT: &str = "An unexpected error occurred";

/// A reply of the middleware up to this size is read.
const REPLY_LIMIT: usize = 64 * 1024;

/// The time to ask core for a token and for the record before a packet is sent.
const PREPARATION: Duration = Duration::from_secs(25);

/// The maximum number of numbers tried if one is taken. Millions are free each time.
const NUMBERS: u32 = 20;

/// Sends requests to the middleware.
#[async_trait]
pub trait Wire: Send + Sync {
    /// One request. The outcome is one of delivered, refused, not reached, unavailable, not started
    /// and unknown; not started here means the middleware's own 500.
    async fn post(&self, path: &str, token: &str, body: &str) -> Outcome;
}

/// Packets to the middleware: one attempt each, and what may follow.
pub struct Middleware {
    /// The connection to the middleware.
    pub wire: Arc<dyn Wire>,
    /// Core, which shows the state of an action.
    pub core: Arc<dyn CoreApi>,
    /// The states of actions that core has shown, shared by all deliveries.
    pub acceptance: Arc<Acceptance>,
    /// The ledger that stores the start of an attempt.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Registration numbers.
    pub numbers: NumberFormat,
    /// `MOSIP_TIMEOUT`.
    pub timeout: Duration,
    /// `MOSIP_RETRY_AFTER_500`: a fault on the middleware's last call to MOSIP can hide a start, which
    /// core shows within minutes.
    pub retry_after_500: SignedDuration,
    /// `MOSIP_UNKNOWN_FOR`: how long core is asked about an unknown outcome before an operator decides.
    pub unknown_for: SignedDuration,
}

/// The way in which a packet may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resend {
    /// With the same number and token, or to a path for which the middleware keeps no row.
    AsItIs,
    /// With a fresh registration number and another token: nobody was told the earlier one.
    FreshNumber,
    /// With the number that was told and a suffix, which MOSIP does not see, and another token.
    Suffix,
    /// Not at all: its number was told to somebody and MOSIP would see a suffix.
    Never,
}

/// True if a packet can be sent with a number that the middleware has not seen: if nobody was told
/// the number, or MOSIP does not see it.
pub fn can_renumber(delivery: &Delivery) -> bool {
    let untold = delivery.answer_status == 202 && delivery.action_type == "REGISTER";
    untold || delivery.operation == Operation::FlagDeceased.name()
}

impl Resend {
    /// True if another token is needed too, since the middleware's row also holds the token.
    fn needs_fresh_token(self) -> bool {
        matches!(self, Self::FreshNumber | Self::Suffix)
    }
}

/// The number that the middleware keeps in its row: the name of its field.
fn number_field(payload: &Value) -> Option<&'static str> {
    let fields = payload.get("requestFields")?;
    ["birthCertificateNumber", "deathCertificateNumber"]
        .into_iter()
        .find(|name| fields.get(name).is_some_and(Value::is_string))
}

fn makes_identity(delivery: &Claimed) -> bool {
    delivery.operation == Operation::CreateUin.name()
}

/// True if core waits for the middleware's own answer about the action.
fn core_waits(delivery: &Claimed) -> bool {
    delivery.answer_status == 202
}

/// The way in which a packet may be sent, by the knowledge from earlier attempts.
fn resend(delivery: &Claimed, known: Knowledge, number_field: Option<&str>) -> Resend {
    let row_may_exist = matches!(known, Knowledge::NotStarted | Knowledge::Unknown);
    if !row_may_exist || delivery.path != REGISTRATION {
        return Resend::AsItIs;
    }
    match number_field {
        _ if core_waits(delivery) && delivery.action_type == "REGISTER" => Resend::FreshNumber,
        Some("deathCertificateNumber") => Resend::Suffix,
        _ => Resend::Never,
    }
}

/// Replaces a text wherever it stands as a whole value.
fn replace_text(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace_text(item, from, to)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| replace_text(field, from, to)),
        _ => {}
    }
}

impl Middleware {
    async fn send_if_allowed(&self, delivery: &Claimed) -> Result<Outcome, Outcome> {
        self.ask_core(delivery).await?;
        let payload: Value =
            serde_json::from_str(&delivery.payload).map_err(|_| Outcome::GivenUp)?;
        let resend = resend(delivery, delivery.knowledge, number_field(&payload));
        let fresh = resend.needs_fresh_token();
        if resend == Resend::Never || fresh && !self.core.has_system_client() {
            return Err(Outcome::GivenUp);
        }
        let token = self.core.token_for(delivery, fresh).await;
        let token = token.map_err(|error| not_asked(delivery, &error))?;
        let body = self.begin(delivery, &payload, resend, &token).await?;
        Ok(self.wire.post(&delivery.path, &token, &body).await)
    }

    /// Checks that core shows what it must before the packet is sent.
    ///
    /// # Errors
    /// The outcome of the attempt if the packet is not sent now.
    async fn ask_core(&self, delivery: &Claimed) -> Result<(), Outcome> {
        let known = delivery.knowledge;
        let first = known == Knowledge::Untried;
        if first && !self.core.has_system_client() {
            // Nothing was sent yet, and the hook has shown its token.
            return Ok(());
        }
        if known == Knowledge::Unknown && makes_identity(delivery) {
            return Err(self.ask_about_unknown(delivery).await);
        }
        let error = match self.core.fate_of(delivery).await {
            Ok(fate) => {
                self.acceptance.learn(delivery, &fate).await;
                return match fate {
                    Fate::Rejected => Err(Outcome::Unwanted),
                    Fate::Accepted(_) if core_waits(delivery) => Err(Outcome::Settled),
                    Fate::Open if !core_waits(delivery) => {
                        Err(Outcome::Undecided(self.acceptance.next(delivery)))
                    }
                    Fate::Accepted(_) | Fate::Open => Ok(()),
                };
            }
            Err(error) => error,
        };
        match (known, &error) {
            // Core has shown the record before the first attempt, and nothing has arrived since.
            (Knowledge::NotReached | Knowledge::Unavailable, _) => Ok(()),
            (_, CoreError::Expired) => Err(Outcome::Expired),
            (
                Knowledge::Untried,
                CoreError::NoAction | CoreError::Status(StatusCode::NOT_FOUND),
            ) => {
                let (event, id) = (&delivery.event_id, delivery.id);
                warn!(error = &error as &dyn std::error::Error, event.id = %event, delivery.id = id, "The action of a packet of `{event}` is not in core; the packet is not sent");
                Err(Outcome::Undecided(self.acceptance.next(delivery)))
            }
            _ => Err(not_asked(delivery, &error)),
        }
    }

    /// The outcome by what core shows now, if that of an earlier attempt is unknown. Nothing is sent.
    async fn ask_about_unknown(&self, delivery: &Claimed) -> Outcome {
        if !core_waits(delivery) {
            // Core has accepted already; it learns nothing more.
            return Outcome::GivenUp;
        }
        let now = self.clock.now();
        let end = later(delivery.unknown_since.unwrap_or(now), self.unknown_for);
        // Without a system client nobody can ask once the hook's token has ended.
        let end = self
            .core
            .token_ends(delivery)
            .map_or(end, |dies| end.min(dies));
        let again = match self.acceptance.fate(delivery).await {
            Ok(Fate::Accepted(_)) => return Outcome::Settled,
            Ok(Fate::Rejected) => return Outcome::Unwanted,
            Ok(Fate::Open) | Err(Outcome::Expired | Outcome::Unprepared) => {
                self.acceptance.next(delivery)
            }
            Err(Outcome::Undecided(at)) => at,
            Err(other) => return other,
        };
        if now >= end {
            Outcome::GivenUp
        } else {
            Outcome::StillUnknown(again.min(end).max(later(now, SignedDuration::from_secs(1))))
        }
    }

    /// Stores the start of the attempt; returns the body to send.
    ///
    /// # Errors
    /// The outcome of the attempt if nothing may be sent.
    async fn begin(
        &self,
        delivery: &Claimed,
        payload: &Value,
        resend: Resend,
        token: &str,
    ) -> Result<String, Outcome> {
        let field = number_field(payload);
        for n in 0..NUMBERS {
            let renumbered = match resend {
                Resend::FreshNumber => {
                    let number = self.fresh_number(delivery, payload, field).await?;
                    renumber(delivery, payload, field, number, token)
                }
                Resend::Suffix => add_suffix(delivery, payload, field, n, token),
                _ => None,
            };
            let now = self.clock.now();
            match self.ledger.begin(delivery, renumbered.as_ref(), now).await {
                Ok(Begun::Begun) => {
                    let renumbered = renumbered.map(|changed| changed.payload.to_string());
                    return Ok(renumbered.unwrap_or_else(|| delivery.payload.clone()));
                }
                Ok(Begun::NumberTaken) => {}
                Ok(Begun::LeaseLost) => return Err(Outcome::Unprepared),
                Err(error) => return Err(not_begun(delivery, &error)),
            }
        }
        error!(event.id = %delivery.event_id, delivery.id, "No free number was found for a packet in {NUMBERS} attempts; check the registration number format");
        Err(Outcome::Unprepared)
    }

    /// Another number for a packet, and whether it is reserved: made as the first one was.
    async fn fresh_number(
        &self,
        delivery: &Claimed,
        payload: &Value,
        field: Option<&str>,
    ) -> Result<(String, bool), Outcome> {
        let current = field.and_then(|field| payload.get("requestFields")?.get(field)?.as_str());
        let (event, action) = (&delivery.event_id, &delivery.action_id);
        let current = current.unwrap_or_default();
        let next = self
            .ledger
            .next_number(event, action, current, self.clock.now());
        let next = next.await.map_err(|error| not_begun(delivery, &error))?;
        Ok(match next {
            Some(number) => (number, true),
            None => (self.numbers.number(), false),
        })
    }

    /// The step after an outcome, if it is not simply the retry of the schedule.
    fn next_step(
        &self,
        delivery: &Claimed,
        outcome: Outcome,
        schedule: &Schedule,
        now: Timestamp,
    ) -> Option<Next> {
        match outcome {
            Outcome::Settled if delivery.knowledge == Knowledge::Unknown => Some(Next::Delivered),
            Outcome::Settled => Some(Next::Refused(None)),
            Outcome::StillUnknown(at) => Some(Next::Later(at)),
            Outcome::GivenUp => Some(Next::Parked(given_up(delivery, now))),
            Outcome::NotStarted if delivery.knowledge.after(outcome) == Knowledge::NotStarted => {
                let payload = serde_json::from_str(&delivery.payload).unwrap_or_default();
                let resend = resend(delivery, Knowledge::NotStarted, number_field(&payload));
                if resend.needs_fresh_token() && !self.core.has_system_client() {
                    return Some(Next::Parked(None));
                }
                Some(match schedule.wait(delivery.attempt, delivery.id, None) {
                    Some(wait) => Next::Retry(later(now, wait.max(self.retry_after_500))),
                    None => Next::Parked(given_up(delivery, now)),
                })
            }
            Outcome::NotReached(Some(StatusCode::UNAUTHORIZED), retry_after)
                if self.core.has_system_client() =>
            {
                let wait = schedule.wait(delivery.attempt, delivery.id, retry_after);
                Some(wait.map_or(Next::Parked(None), |wait| Next::Renew(later(now, wait))))
            }
            Outcome::NotStarted | Outcome::Unknown(_) | Outcome::Timeout | Outcome::Unreachable
                if makes_identity(delivery) =>
            {
                Some(if core_waits(delivery) {
                    let wait = self.acceptance.first(delivery).min(self.unknown_for);
                    Next::Retry(later(now, wait))
                } else {
                    Next::Parked(None)
                })
            }
            _ => None,
        }
    }
}

/// The call to core about an action whose packet is given up and did not start MOSIP: a correction
/// is valid whether or not MOSIP takes it. A birth waits for an operator.
fn given_up(delivery: &Claimed, now: Timestamp) -> Option<NewDelivery> {
    let is_correction = delivery.action_type.ends_with("_CORRECTION");
    let not_started = delivery.knowledge.after(Outcome::NotStarted) == Knowledge::NotStarted;
    if !(core_waits(delivery) && is_correction && not_started) {
        return None;
    }
    let fallback = delivery.fallback.clone()?;
    Some(NewDelivery::confirming(fallback, &delivery.token, now))
}

/// The packet with another registration number in place of the earlier one, wherever that occurs.
fn renumber(
    delivery: &Claimed,
    payload: &Value,
    field: Option<&str>,
    (number, is_reserved): (String, bool),
    token: &str,
) -> Option<Renumbered> {
    let earlier = payload.get("requestFields")?.get(field?)?.as_str()?;
    let mut renumbered = payload.clone();
    replace_text(&mut renumbered, earlier, &number);
    let fallback = delivery.fallback.clone().map(|mut fallback| {
        replace_text(&mut fallback.payload, earlier, &number);
        fallback
    });
    Some(Renumbered {
        number,
        is_reserved,
        payload: renumbered,
        fallback,
        token: token.to_owned(),
    })
}

/// The packet with the number that was told and a suffix, in the field of the middleware's row only.
fn add_suffix(
    delivery: &Claimed,
    payload: &Value,
    field: Option<&str>,
    n: u32,
    token: &str,
) -> Option<Renumbered> {
    let field = field?;
    let told = delivery.registration_number.as_deref();
    let mut payload = payload.clone();
    let value = payload.get_mut("requestFields")?.get_mut(field)?;
    let told = told.or_else(|| value.as_str())?;
    let number = format!("{told}-{}", delivery.attempt.saturating_add(n));
    *value = Value::from(number.as_str());
    Some(Renumbered {
        number,
        is_reserved: false,
        payload,
        fallback: delivery.fallback.clone(),
        token: token.to_owned(),
    })
}

fn not_begun(delivery: &Claimed, error: &LedgerError) -> Outcome {
    error!(error = error as &dyn std::error::Error, event.id = %delivery.event_id, delivery.id, "Could not store the start of an attempt; nothing was sent");
    Outcome::Unprepared
}

#[async_trait]
impl Transport for Middleware {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        self.send_if_allowed(delivery)
            .await
            .unwrap_or_else(|nothing_sent| nothing_sent)
    }

    fn longest(&self) -> Option<Duration> {
        Some(self.timeout + PREPARATION)
    }

    fn sendable_until(&self, delivery: &Claimed) -> Option<Timestamp> {
        self.core.token_ends(delivery)
    }

    fn next(
        &self,
        delivery: &Claimed,
        outcome: Outcome,
        schedule: &Schedule,
        now: Timestamp,
    ) -> Option<Next> {
        self.next_step(delivery, outcome, schedule, now)
    }
}

/// The middleware over HTTP.
#[derive(Clone)]
pub struct HttpWire {
    client: Client,
    url: String,
}

impl HttpWire {
    /// `url` is `MOSIP_INTEROP_URL`, `timeout` the longest time of one request.
    ///
    /// # Errors
    /// When the TLS back end cannot start.
    pub fn new(url: &str, timeout: Duration) -> reqwest::Result<Self> {
        let client = crate::delivery::transport::builder(timeout)
            // On a connection that was used before, a close by the other side looks like an unknown outcome.
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never())
            .build()?;
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { client, url })
    }
}

impl HttpWire {
    /// The events of the packets that the middleware keeps until their credential comes.
    ///
    /// # Errors
    /// When it does not answer: not reached, or without the scope `record.search`.
    pub async fn transactions(&self, token: &str) -> Result<Vec<String>, CoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Row {
            event_id: Option<String>,
        }
        let url = format!("{}/debug/transactions", self.url);
        let answer = self.client.get(url).bearer_auth(token).send().await?;
        if answer.status() != StatusCode::OK {
            return Err(CoreError::Status(answer.status()));
        }
        let rows: Vec<Row> = answer.json().await?;
        Ok(rows.into_iter().filter_map(|row| row.event_id).collect())
    }
}

#[async_trait]
impl Wire for HttpWire {
    async fn post(&self, path: &str, token: &str, body: &str) -> Outcome {
        let request = self
            .client
            .post(format!("{}{path}", self.url))
            .bearer_auth(token)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_owned());
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                fault::note(Fault::from(&error));
                return if error.is_connect() || error.is_builder() {
                    Outcome::NotReached(None, None)
                } else {
                    Outcome::Unknown(None)
                };
            }
        };
        let status = response.status();
        if !status.is_success() {
            fault::note(fault::of_status(response.url(), status));
        }
        let retry_after = crate::delivery::transport::retry_after(&response);
        match status {
            _ if status.is_success() => Outcome::Delivered(status),
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Outcome::Refused(status),
            // Not let in, or nobody at this address: no handler has seen the packet.
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED => Outcome::NotReached(Some(status), retry_after),
            _ if status.is_redirection() => Outcome::NotReached(Some(status), retry_after),
            StatusCode::SERVICE_UNAVAILABLE => Outcome::Unavailable(retry_after),
            StatusCode::INTERNAL_SERVER_ERROR => {
                // Where the reply breaks off, the outcome stays unknown.
                let body = reply(&mut response, REPLY_LIMIT).await.unwrap_or_default();
                let said: Value = serde_json::from_slice(&body).unwrap_or_default();
                if said.get("error").and_then(Value::as_str) == Some(OWN_FAULT) {
                    Outcome::NotStarted
                } else {
                    Outcome::Unknown(Some(status))
                }
            }
            _ => Outcome::Unknown(Some(status)),
        }
    }
}

#[cfg(test)]
mod tests;

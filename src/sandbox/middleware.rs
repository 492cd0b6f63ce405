// SPDX-License-Identifier: MPL-2.0
//! A stand-in for mosip-api, the middleware, as the real one was seen to behave: it keeps a row before
//! it calls MOSIP, answers every fault with the same 500, and deletes the row before it tells core.

use super::core_stand_in::{Reply, Version, tokens::Client};
use super::journal::{Again, CORE, Entry, MIDDLEWARE, MOSIP, SERVER};
use super::mosip::Done;
use super::{BadDay, StandIns, say};
use crate::sandbox::core_stand_in::tokens::Claims;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// MOSIP makes the credential of a packet so much later.
const CREDENTIAL: Duration = Duration::from_secs(1);
/// The same where tokens end early.
const LATE_CREDENTIAL: Duration = Duration::from_secs(3);
/// How long a slow MOSIP takes for a packet.
pub(super) const SLOW: Duration = Duration::from_secs(7);

/// The row of a packet.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) token: String,
    pub(super) number: String,
    pub(super) event: String,
    pub(super) action: Option<String>,
    pub(super) at: String,
    /// The identity that MOSIP has made of the packet.
    pub(super) identity: Option<String>,
}

/// The middleware's rows, and its own client of core.
pub(super) struct Middleware {
    rows: Mutex<Rows>,
    /// On core 2.1 it accepts with this; the scopes are those of an integration.
    client: Client,
}

#[derive(Default)]
struct Rows {
    by_number: HashMap<String, Row>,
    /// On core 2.0 a token is in one row only.
    tokens: HashSet<String>,
}

impl Middleware {
    pub(super) fn new(client: Client) -> Self {
        Self {
            rows: Mutex::default(),
            client,
        }
    }

    /// Stores a row; `false` where one has this number, or on core 2.0 this token.
    fn insert(&self, row: Row, tokens_are_unique: bool) -> bool {
        let mut rows = self.lock();
        if rows.by_number.contains_key(&row.number)
            || tokens_are_unique && rows.tokens.contains(&row.token)
        {
            return false;
        }
        rows.tokens.insert(row.token.clone());
        rows.by_number.insert(row.number.clone(), row);
        true
    }

    /// Deletes a row.
    fn take(&self, number: &str) -> Option<Row> {
        let mut rows = self.lock();
        let row = rows.by_number.remove(number)?;
        rows.tokens.remove(&row.token);
        Some(row)
    }

    /// All rows.
    pub(super) fn rows(&self) -> Vec<Row> {
        self.lock().by_number.values().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer of the middleware.
pub(super) type Answer = (u16, Value);

/// Whatever is wrong, the middleware says no more than this.
fn fault() -> Answer {
    (500, json!({"error": "An unexpected error occurred"}))
}

fn unauthorized() -> Answer {
    (401, json!({"error": "Unauthorized"}))
}

impl StandIns {
    /// The claims of a caller of the middleware. It checks the signature and the end, and no more.
    fn caller(&self, token: Option<&str>) -> Option<(String, Claims)> {
        let token = token?;
        Some((token.to_owned(), self.signer_claims(token)?))
    }

    /// `POST /events/registration`: a packet that MOSIP answers with a credential.
    pub(super) async fn registration(
        self: &Arc<Self>,
        token: Option<&str>,
        body: &Value,
    ) -> Answer {
        let Some((token, claims)) = self.caller(token) else {
            let event = body.get("eventId").and_then(Value::as_str);
            let entry = Entry::new(SERVER, MIDDLEWARE, "Packet for MOSIP").about(event);
            return self.answered(
                entry.noting("The token has ended, or is not core's."),
                unauthorized(),
            );
        };
        let event = match self.core.version {
            Version::V2_0 => claims.event_id.as_deref(),
            Version::V2_1 => body.get("eventId").and_then(Value::as_str),
        };
        let number = ["birthCertificateNumber", "deathCertificateNumber"]
            .iter()
            .find_map(|name| body.pointer(&format!("/requestFields/{name}"))?.as_str());
        let entry = Entry::new(SERVER, MIDDLEWARE, "Packet for MOSIP").about(event);
        let entry = Entry {
            again: Some(Again::Post {
                url: format!("{}/events/registration", self.url()),
                token: token.clone(),
            }),
            ..entry.saying(body)
        };
        show_packet(body);
        let (Some(event), Some(number), true) = (event, number, is_packet(body)) else {
            let note = "The packet is not what the middleware's schema says.";
            return self.answered(entry.noting(note), fault());
        };
        if self.bad_days.meets(Some(event), BadDay::FaultBeforeRow) {
            let note = "A bad day: the middleware fails before it stores its row.";
            return self.answered(entry.noting(note), fault());
        }
        let row = Row {
            id: super::core_stand_in::fresh_id(),
            token,
            number: number.to_owned(),
            event: event.to_owned(),
            action: claims.action_id.clone(),
            at: super::core_stand_in::moment(super::now()),
            identity: None,
        };
        if !self
            .middleware
            .insert(row.clone(), self.core.version == Version::V2_0)
        {
            say("The middleware has a row of this number or token already: 500.\n");
            let note = "The middleware has a row of this number or token already.";
            return self.answered(entry.noting(note), fault());
        }
        if self.bad_days.meets(Some(event), BadDay::FaultAfterRow) {
            let note = "A bad day: MOSIP fails. The row with the number and the token stays.";
            return self.answered(entry.noting(note), fault());
        }
        let entry = self.journal.write(entry);
        self.hand_over(row, body).await;
        let completed = |entry: Entry| entry.answered(202, &json!({}));
        self.journal.complete(entry, completed);
        (202, json!({}))
    }

    /// Gives a packet to MOSIP, whose credential follows.
    async fn hand_over(self: &Arc<Self>, row: Row, packet: &Value) {
        let event = row.event.clone();
        if self.bad_days.meets(Some(&event), BadDay::Slow) {
            tokio::time::sleep(SLOW).await;
        }
        let done = self.mosip.take(packet, &event);
        let entry = Entry::new(MIDDLEWARE, MOSIP, "Packet").about(Some(&event));
        let row = match done {
            Done::Nothing(why) => {
                let note = format!("MOSIP does nothing: {why}. No credential will come.");
                self.journal.write(entry.noting(note));
                return;
            }
            Done::Made(nid) => {
                let note = format!("MOSIP has made the identity {nid}.");
                self.journal.write(entry.noting(note));
                Row {
                    identity: Some(nid),
                    ..row
                }
            }
            Done::Flagged | Done::Changed => {
                let note = "MOSIP has noted that the person has died.";
                self.journal.write(entry.noting(note));
                row
            }
        };
        if self.bad_days.meets(Some(&event), BadDay::CredentialEarly) {
            self.credential(&row);
            return;
        }
        let here = self.clone();
        tokio::spawn(async move {
            let tokens_end = here.bad_days.meets(Some(&row.event), BadDay::TokensEnd);
            tokio::time::sleep(if tokens_end {
                LATE_CREDENTIAL
            } else {
                CREDENTIAL
            })
            .await;
            here.credential(&row);
            if here
                .bad_days
                .meets(Some(&row.event), BadDay::CredentialTwice)
            {
                here.credential(&row);
            }
        });
    }

    /// MOSIP's credential arrives at the middleware, which tells core.
    pub(super) fn credential(&self, row: &Row) {
        let event = Some(row.event.as_str());
        let identity = row.identity.as_ref();
        let credential = json!({"credentialSubject": {"UIN": identity, "id": row.id}});
        let entry = Entry::new(MOSIP, MIDDLEWARE, "Credential").about(event);
        let entry = Entry {
            again: Some(Again::Credential(Box::new(row.clone()))),
            ..entry.saying(&credential)
        };
        if self.middleware.take(&row.number).is_none() {
            let note = "The middleware has no row of it, and does nothing.";
            self.journal
                .write(entry.answered(200, &Value::Null).noting(note));
            return;
        }
        if self.bad_days.meets(event, BadDay::CredentialLost) {
            let note = "A bad day: the middleware has deleted its row and does not reach core. Nobody will tell core.";
            self.journal
                .write(entry.answered(200, &Value::Null).noting(note));
            return;
        }
        let with = identity.map_or_else(String::new, |nid| format!(" and the national ID {nid}"));
        say(&format!(
            "\nMOSIP has made the credential: the middleware tells core to accept the action that waits, with the number {}{with}.\n",
            row.number
        ));
        let note = "The middleware has deleted its row, and tells core.";
        self.journal
            .write(entry.answered(200, &Value::Null).noting(note));
        self.tell_core(row);
    }

    /// The middleware asks core what waits, and accepts it.
    fn tell_core(&self, row: &Row) {
        let token = match self.core.version {
            Version::V2_0 => row.token.clone(),
            Version::V2_1 => match self.client_token(&self.middleware.client, false) {
                Ok(token) => token,
                Err(_) => return,
            },
        };
        let event = row.event.as_str();
        let shown = self.asked_by(
            MIDDLEWARE,
            "event.get",
            &json!({"eventId": event}),
            Some(&token),
        );
        if shown.status != 200 {
            self.lost(event, shown.status);
            return;
        }
        let Ok(document) = opencrvs_toolkit::event_document::EventDocument::try_from(shown.body)
        else {
            return;
        };
        let Some(pending) = super::core_stand_in::pending(&document) else {
            return;
        };
        let mut input = json!({
            "transactionId": format!("mosip-interop-{}", super::core_stand_in::fresh_id()),
            "eventId": event,
            "actionId": pending.id,
            "declaration": {},
        });
        let birth = document.event_type == "birth";
        if let (Some(nid), Some(declaration), true) =
            (&row.identity, input.pointer_mut("/declaration"), birth)
        {
            *declaration = json!({"child.nid": nid});
        }
        let procedure = match pending.action_type.as_str() {
            "REGISTER" => {
                put(&mut input, "registrationNumber", json!(row.number));
                "event.actions.register.accept"
            }
            "APPROVE_CORRECTION" => {
                put(&mut input, "requestId", json!(pending.request_id));
                "event.actions.correction.approve.accept"
            }
            _ => return,
        };
        let reply = self.asked_by(MIDDLEWARE, procedure, &input, Some(&token));
        if reply.status != 200 {
            self.lost(event, reply.status);
        }
    }

    fn lost(&self, event: &str, status: u16) {
        let note = format!(
            "Core answered {status}. The row is gone, so that nobody tells core again: the record waits for an operator."
        );
        let entry = Entry::new(MIDDLEWARE, CORE, "The registration is lost");
        self.journal.write(entry.about(Some(event)).noting(note));
    }

    /// A call of core's gateway, written down.
    pub(super) fn asked_by(
        &self,
        who: &str,
        procedure: &str,
        input: &Value,
        token: Option<&str>,
    ) -> Reply {
        let call = super::core_stand_in::Call {
            procedure,
            input,
            token,
        };
        let event = call.event().map(str::to_owned);
        let reply = self.gateway(&call);
        // Questions are shown without the whole record that answers them.
        let settles = procedure.starts_with("event.actions.");
        let answer = if reply.status == 200 {
            &Value::Null
        } else {
            &reply.body
        };
        if event.is_some() {
            let entry = Entry::new(who, CORE, procedure).about(event.as_deref());
            let entry = entry.saying(input).answered(reply.status, answer);
            let again = token.filter(|_| settles).map(|token| Again::Post {
                url: format!("{}/events/{procedure}", self.url()),
                token: token.to_owned(),
            });
            self.journal.write(Entry { again, ..entry });
        }
        reply
    }

    /// `POST /events/update-biographics`: nothing follows.
    pub(super) fn update(&self, token: Option<&str>, body: &Value) -> Answer {
        let Some((token, claims)) = self.caller(token) else {
            return unauthorized();
        };
        let event = body.get("eventId").and_then(Value::as_str);
        let event = claims.event_id.as_deref().or(event);
        let entry = Entry::new(SERVER, MIDDLEWARE, "Changed data for MOSIP").about(event);
        let entry = Entry {
            again: Some(Again::Post {
                url: format!("{}/events/update-biographics", self.url()),
                token,
            }),
            ..entry.saying(body)
        };
        show_packet(body);
        let has_id = body
            .pointer("/requestFields/VID")
            .is_some_and(Value::is_string);
        let faults = [BadDay::FaultBeforeRow, BadDay::FaultAfterRow];
        if !has_id || !is_packet(body) || faults.iter().any(|bad| self.bad_days.meets(event, *bad))
        {
            return self.answered(entry, fault());
        }
        let note = match self.mosip.update(body) {
            Done::Nothing(why) => format!("Nothing comes of it: {why}."),
            _ => "MOSIP has changed the person's data.".to_owned(),
        };
        self.answered(entry.noting(note), (202, json!({})))
    }

    /// `POST /verify`: whether number, name and date of birth belong together.
    pub(super) fn verify(
        &self,
        token: Option<&str>,
        body: &Value,
    ) -> (u16, Result<&'static str, Value>) {
        let Some((_, claims)) = self.caller(token) else {
            return (401, Err(unauthorized().1));
        };
        let event = claims.event_id.clone().or_else(|| {
            // `mother-` and the record's id.
            let about = body.get("transactionId")?.as_str()?;
            Some(about.split_once('-')?.1.to_owned())
        });
        let event = event.as_deref();
        let text = |pointer: &str| body.pointer(pointer).is_some_and(Value::is_string);
        let readable = ["/nid", "/dob", "/name/firstname", "/name/surname"]
            .into_iter()
            .all(text);
        let entry = Entry::new(SERVER, MIDDLEWARE, "Is this person known?");
        let entry = entry.about(event).saying(body);
        if !readable || self.bad_days.meets(event, BadDay::VerifyDown) {
            let (status, answer) = fault();
            self.journal.write(entry.answered(status, &answer));
            return (status, Err(answer));
        }
        let verdict = if self.mosip.verifies(body) {
            "verified"
        } else {
            "failed"
        };
        self.journal.write(entry.answered(200, &verdict.into()));
        (200, Ok(verdict))
    }

    /// `GET /debug/transactions`.
    pub(super) fn transactions(&self, token: Option<&str>) -> Answer {
        let Some((_, claims)) = self.caller(token) else {
            return unauthorized();
        };
        if !claims.may("record.search", None) {
            return (403, json!({"error": "Forbidden"}));
        }
        let row = |row: &Row| {
            json!({
                "eventId": row.event, "actionId": row.action, "id": row.id,
                "registration_number": row.number, "created_at": row.at,
            })
        };
        (200, self.middleware.rows().iter().map(row).collect())
    }

    /// `DELETE /debug/transactions/:id`.
    pub(super) fn delete_transaction(&self, token: Option<&str>, id: &str) -> Answer {
        let Some((_, claims)) = self.caller(token) else {
            return unauthorized();
        };
        if !claims.may("record.reject-registration", None) {
            return (403, json!({"error": "Forbidden"}));
        }
        let rows = self.middleware.rows();
        let row = rows.iter().find(|row| row.id == id);
        match row.and_then(|row| self.middleware.take(&row.number)) {
            Some(row) => (
                200,
                json!({"token": row.token, "registrationNumber": row.number}),
            ),
            None => (404, json!({"error": "Not found"})),
        }
    }

    fn answered(&self, entry: Entry, (status, answer): Answer) -> Answer {
        self.journal.write(entry.answered(status, &answer));
        (status, answer)
    }
}

fn put(input: &mut Value, name: &str, value: Value) {
    if let Some(input) = input.as_object_mut() {
        input.insert(name.to_owned(), value);
    }
}

/// Sample data, shown to whoever tries the sandbox.
fn show_packet(body: &Value) {
    say(&format!("\nThe middleware got a packet:\n{body:#}\n"));
}

/// Whether the middleware's schema takes a packet.
fn is_packet(body: &Value) -> bool {
    let text = |name: &str| body.get(name).is_some_and(Value::is_string);
    let object = |name: &str| body.get(name).is_some_and(Value::is_object);
    let fields = body.get("requestFields").and_then(Value::as_object);
    let has = |name: &str| fields.is_some_and(|fields| fields.contains_key(name));
    let recipient = ["recipientFullName", "recipientEmail", "recipientPhone"];
    let notification = |name: &&str| {
        let value = body.pointer(&format!("/notification/{name}"));
        value.is_some_and(Value::is_string)
    };
    text("trackingId")
        && recipient.iter().all(notification)
        && fields.is_some_and(|fields| fields.values().all(Value::is_string))
        && !(has("birthCertificateNumber") && has("deathCertificateNumber"))
        && object("metaInfo")
        && object("audit")
        && body.get("schemaJson").is_none_or(Value::is_string)
}

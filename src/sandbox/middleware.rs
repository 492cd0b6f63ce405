// SPDX-License-Identifier: MPL-2.0
//! The middleware, mosip-api: it stores a row before it calls MOSIP, answers every fault with the same 500,
//! and deletes the row before it calls core.

use super::core_stand_in::{self, Call, Claims, Reply};
use super::journal::{Again, CORE, Entry, MIDDLEWARE, MOSIP, SERVER};
use super::mosip::Done;
use super::row::Row;
use super::{BadDay, StandIns, say};
use country::integrations::WantedIntegration;
use handlers::integrations::system_clients::Presets;
use opencrvs_toolkit::event_document::EventDocument;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time that MOSIP takes to make the credential of a packet.
const CREDENTIAL: Duration = Duration::from_secs(1);
/// The same where tokens end early.
const LATE_CREDENTIAL: Duration = Duration::from_secs(3);
/// Time that a slow MOSIP takes for a packet.
pub(super) const SLOW: Duration = Duration::from_secs(7);

/// The middleware's rows, and its credentials at core 2.1.
pub(super) struct Middleware {
    rows: Mutex<Rows>,
    client_id: String,
    client_secret: String,
}

#[derive(Default)]
struct Rows {
    by_number: HashMap<String, Row>,
    /// On core 2.0 a token is unique.
    tokens: HashSet<String>,
}

impl Middleware {
    pub(super) fn new() -> Self {
        Self {
            rows: Mutex::default(),
            client_id: core_stand_in::fresh_id(),
            client_secret: core_stand_in::fresh_id(),
        }
    }

    /// The middleware's credentials as `INTEGRATION_CREDENTIALS` names them: for the first client of
    /// `integrations.toml` that is another program and may accept actions.
    pub(super) fn preset(&self, wanted: &[WantedIntegration]) -> Option<Presets> {
        let accepts = |scope: &String| scope.starts_with("type=record.action.accept");
        let own = wanted
            .iter()
            .find(|client| !client.for_this_server && client.scopes.iter().any(accepts))?;
        let (name, id, secret) = (&own.name, &self.client_id, &self.client_secret);
        format!("{name}={id}:{secret}").parse().ok()
    }

    /// Stores a row. Returns false if another has this number, or on core 2.0 this token.
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

/// The middleware's only error answer, whatever is wrong.
fn fault() -> Answer {
    (500, json!({"error": "An unexpected error occurred"}))
}

fn unauthorized() -> Answer {
    (401, json!({"error": "Unauthorized"}))
}

impl StandIns {
    /// The token of a caller with its claims. The middleware checks signature and expiry only.
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
                entry.noting("The token has expired, or is not core's."),
                unauthorized(),
            );
        };
        let event = if self.core.has_action_tokens() {
            claims.event_id.as_deref()
        } else {
            let id = body.get("eventId").and_then(Value::as_str);
            id.filter(|id| uuid::Uuid::parse_str(id).is_ok())
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
            let note = "The packet does not fit the middleware's schema.";
            return self.answered(entry.noting(note), fault());
        };
        if self.bad_days.meets(Some(event), BadDay::FaultBeforeRow) {
            let note = "A bad day: the middleware fails before it stores its row.";
            return self.answered(entry.noting(note), fault());
        }
        let row = Row {
            id: core_stand_in::fresh_id(),
            token,
            number: number.to_owned(),
            event: event.to_owned(),
            action: claims.action_id.clone(),
            created_at: core_stand_in::moment(super::now()),
            identity: None,
        };
        let tokens_are_unique = self.core.has_action_tokens();
        if !self.middleware.insert(row.clone(), tokens_are_unique) {
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

    /// Sends a packet to MOSIP, whose credential follows.
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

    /// MOSIP's credential arrives at the middleware, which calls core.
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
            let note = "The middleware has no row for it, and does nothing.";
            self.journal
                .write(entry.answered(200, &Value::Null).noting(note));
            return;
        }
        if self.bad_days.meets(event, BadDay::CredentialLost) {
            let note = "A bad day: the middleware has deleted its row and does not reach core. It will not call core again.";
            self.journal
                .write(entry.answered(200, &Value::Null).noting(note));
            return;
        }
        let with = identity.map_or_else(String::new, |nid| format!(" and the national ID {nid}"));
        say(&format!(
            "\nMOSIP has issued the credential: the middleware accepts the pending action in core, with the number {}{with}.\n",
            row.number
        ));
        let note = "The middleware has deleted its row, and calls core.";
        self.journal
            .write(entry.answered(200, &Value::Null).noting(note));
        self.call_core(row);
    }

    /// The token with which the middleware calls core: that of the packet, or from 2.1 on its own.
    fn token_for_core(&self, row: &Row) -> Option<String> {
        if self.core.has_action_tokens() {
            return Some(row.token.clone());
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.middleware.client_id.as_str()),
            ("client_secret", self.middleware.client_secret.as_str()),
        ];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (_, answer) = self.grant(&form.into(), false);
        let token = answer.get("access_token").and_then(Value::as_str);
        token.map(str::to_owned)
    }

    /// The middleware reads the record in core, and accepts its pending action.
    fn call_core(&self, row: &Row) {
        let event = row.event.as_str();
        let Some(token) = self.token_for_core(row) else {
            let note = "Core does not know the middleware as a client: integrations.toml has no client for another program with the scope record.action.accept. The row is gone: the record waits for an operator.";
            let entry = Entry::new(MIDDLEWARE, CORE, "The registration is lost");
            self.journal.write(entry.about(Some(event)).noting(note));
            return;
        };
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
        let Ok(document) = EventDocument::try_from(shown.body) else {
            return;
        };
        let Some(pending) = core_stand_in::pending(&document) else {
            return;
        };
        let mut input = json!({
            "transactionId": format!("mosip-interop-{}", core_stand_in::fresh_id()),
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
            "Core answered {status}. The row is gone, so the middleware does not call again: the record waits for an operator."
        );
        let entry = Entry::new(MIDDLEWARE, CORE, "The registration is lost");
        self.journal.write(entry.about(Some(event)).noting(note));
    }

    /// A call of core's gateway, with its entry in the journal.
    pub(super) fn asked_by(
        &self,
        who: &str,
        procedure: &str,
        input: &Value,
        token: Option<&str>,
    ) -> Reply {
        let call = Call {
            procedure,
            input,
            token,
        };
        let event = call.event().map(str::to_owned);
        let reply = self.gateway(&call);
        // The answer to a query, a whole record for example, is not shown.
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

    /// `POST /verify`: checks that number, name and date of birth belong together.
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
        let entry = Entry::new(SERVER, MIDDLEWARE, "Verification of an identity");
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
                "registration_number": row.number, "created_at": row.created_at,
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

/// Prints the sample data of a packet.
fn show_packet(body: &Value) {
    say(&format!("\nThe middleware got a packet:\n{body:#}\n"));
}

/// Checks a packet against the middleware's schema.
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

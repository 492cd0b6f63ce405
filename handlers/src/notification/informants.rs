// SPDX-License-Identifier: MPL-2.0
//! Messages to informants after an action on the birth or death that they declared.

use super::{Sender, StoredMessage, destination};
use crate::clock::later;
use crate::delivery::ledger::NewDelivery;
use crate::hooks::{ActionListener, DecidedAction};
use country::notification::DeliveryMethod;
use country::notification::messages::Message;
use country::notification::templates::Variables;
use jiff::SignedDuration;
use opencrvs_toolkit::event_document::{ActionType, Fields};
use serde_json::Value;
use std::sync::Arc;

/// Listens to actions on births and deaths. Texts are rendered later: the hook only stores the
/// recipient and the message.
pub struct Informants {
    /// Sends it.
    pub sender: Arc<Sender>,
    /// The delay of a message about a declaration: one about its registration that comes meanwhile
    /// replaces it.
    pub hold: SignedDuration,
}

impl ActionListener for Informants {
    fn deliveries(&self, told: &DecidedAction<'_>) -> Vec<NewDelivery> {
        self.delivery(told).into_iter().collect()
    }
}

impl Informants {
    fn delivery(&self, told: &DecidedAction<'_>) -> Option<NewDelivery> {
        let (event, action) = (told.facts.event, told.facts.action);
        let message = Message::to_informants(&event.event_type, action.action_type.as_str())?;
        // Of what waits nothing is claimed where core cannot be asked how it ended.
        let may_be_told =
            told.answer.status == 200 || told.answer.status == 202 && self.sender.core.may_ask();
        let config = self.sender.config.load();
        let method = config.files.informants;
        if config.is_closed(method, &self.sender.mail) || !may_be_told {
            return None;
        }
        let state = told.facts.state;
        let contact = match method {
            DeliveryMethod::Email => "informant.email",
            DeliveryMethod::Sms => "informant.phoneNo",
        };
        let to = text(state, contact)?.to_owned();
        let mut variables = Variables::new();
        let mut say = |variable: &str, value: Option<String>| {
            variables.extend(value.map(|value| (variable.to_owned(), value.into())));
        };
        let subject = if event.event_type == "birth" {
            "child"
        } else {
            "deceased"
        };
        say("name", name(state, subject));
        say("informantName", name(state, informant(state)));
        say("trackingId", event.tracking_id.clone());
        say(
            "registrationNumber",
            told.facts.registration_number.map(str::to_owned),
        );
        let office = action
            .extra
            .get("createdAtLocation")
            .and_then(Value::as_str);
        let note = StoredMessage {
            to,
            hidden: vec![],
            language: text(state, "informant.language").map(str::to_owned),
            variables,
            office: office.map(str::to_owned),
            until: None,
        };
        let is_registration = action.action_type == ActionType::REGISTER;
        let hold = if is_registration {
            SignedDuration::ZERO
        } else {
            self.hold
        };
        let due_at = later(told.due_at, hold);
        Some(NewDelivery {
            destination: destination(method),
            operation: message.word.to_owned(),
            path: String::new(),
            payload: serde_json::to_value(note).ok()?,
            token: String::new(),
            due_at,
            fallback: None,
        })
    }
}

/// The page that holds the informant's name.
fn informant(state: &Fields) -> &'static str {
    match text(state, "informant.relation") {
        Some("MOTHER") => "mother",
        Some("FATHER") => "father",
        Some("SPOUSE") => "spouse",
        _ => "informant",
    }
}

/// A name in full.
fn name(state: &Fields, page: &str) -> Option<String> {
    let name = state.get(&format!("{page}.name"))?;
    let parts = ["firstname", "middlename", "surname"]
        .iter()
        .filter_map(|part| name.get(part)?.as_str());
    let words: Vec<_> = parts.flat_map(str::split_whitespace).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn text<'a>(state: &'a Fields, field: &str) -> Option<&'a str> {
    let text = state.get(field)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

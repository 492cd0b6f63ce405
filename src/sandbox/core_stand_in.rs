// SPDX-License-Identifier: MPL-2.0
//! Core: it stores records, calls each hook once, issues tokens, and lets systems read, search, accept and
//! reject with core's own checks.

use super::journal::{Again, CORE, Entry, SERVER};
use super::places::Places;
use super::{BadDay, StandIns};
use handlers::clock::{Clock, SystemClock};
use jiff::Timestamp;
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::event_document::{
    Action, ActionId, ActionStatus, ActionType, EventDocument, EventId, Fields,
};
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

mod gateway;
pub(super) mod index;
pub(super) mod integrations;
mod tokens;

pub(super) use gateway::{Call, Reply};
pub(super) use tokens::Claims;

/// Number of stored records.
const KEPT: usize = 1000;
/// The longest wait for an answer of the server. Core itself waits forever.
const PATIENCE: Duration = Duration::from_mins(2);

/// Core's records and system clients.
pub(super) struct Core {
    pub(super) version: CoreVersion,
    records: Mutex<VecDeque<Kept>>,
    clients: Mutex<Vec<integrations::Client>>,
    /// The places and the registrar, once core was seeded.
    pub(super) places: OnceLock<Places>,
}

/// A record with its entry in the search index.
#[derive(Clone)]
struct Kept {
    document: EventDocument,
    indexed: Option<Value>,
}

/// An action of the registrar.
#[derive(Debug, Clone, Default)]
pub(super) struct NewAction {
    pub(super) action_type: String,
    pub(super) declaration: Fields,
    pub(super) annotation: Fields,
    pub(super) content: Map<String, Value>,
    pub(super) request_id: Option<ActionId>,
}

impl NewAction {
    pub(super) fn of(action_type: &str) -> Self {
        Self {
            action_type: action_type.to_owned(),
            ..Self::default()
        }
    }
}

/// The reason why an action did not happen.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    #[error("there is no such record")]
    NoRecord,
    #[error("an earlier action of the record is pending")]
    Waits,
    #[error("the record has no pending action")]
    NothingWaits,
    #[error("`{0}` is not an action of a record in this state")]
    Impossible(String),
    #[error("the server does not answer: {0}")]
    Unreachable(String),
    #[error("a token cannot be signed: {0}")]
    Token(String),
}

impl Core {
    pub(super) fn new(version: CoreVersion) -> Self {
        Self {
            version,
            records: Mutex::default(),
            clients: Mutex::default(),
            places: OnceLock::new(),
        }
    }

    /// Returns true for core 2.0, which issues a token for each action and exchanges other tokens for such
    /// a token. Later versions let system clients accept and reject, by scopes of their own.
    pub(super) fn has_action_tokens(&self) -> bool {
        self.version < CoreVersion::V2_1
    }

    /// Stores a record as it is.
    pub(super) fn keep(&self, document: EventDocument) {
        let mut records = self.lock();
        records.retain(|kept| kept.document.id != document.id);
        records.push_back(Kept {
            indexed: index::entry(&document),
            document,
        });
        if records.len() > KEPT {
            records.pop_front();
        }
    }

    /// A record.
    pub(super) fn record(&self, id: &str) -> Option<EventDocument> {
        let records = self.lock();
        let mut records = records.iter();
        let kept = records.find(|kept| kept.document.id.as_str() == id)?;
        Some(kept.document.clone())
    }

    /// All records, the newest first.
    pub(super) fn records(&self) -> Vec<EventDocument> {
        let records = self.lock();
        let documents = records.iter().rev().map(|kept| kept.document.clone());
        documents.collect()
    }

    /// Changes a record. `indexes` tells whether the search index is updated.
    fn change<T>(
        &self,
        id: &str,
        indexes: bool,
        change: impl FnOnce(&mut EventDocument) -> T,
    ) -> Option<T> {
        let mut records = self.lock();
        let mut records = records.iter_mut();
        let kept = records.find(|kept| kept.document.id.as_str() == id)?;
        let changed = change(&mut kept.document);
        if indexes {
            kept.indexed = index::entry(&kept.document);
        }
        Some(changed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Kept>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a record, as the client does before it declares.
    pub(super) fn create(&self, event_type: &str) -> EventId {
        let now = moment(SystemClock.now());
        let id = EventId::new(fresh_id());
        let action = self.stamp(NewAction::of("CREATE"), ActionStatus::Accepted);
        self.keep(EventDocument {
            id: id.clone(),
            event_type: event_type.to_owned(),
            tracking_id: Some(tracking_id()),
            created_at: Some(now.clone()),
            updated_at: Some(now),
            actions: vec![action],
            extra: Map::new(),
        });
        id
    }

    /// An action of the registrar.
    fn stamp(&self, new: NewAction, status: ActionStatus) -> Action {
        let mut extra = Map::new();
        let places = self.places.get();
        let role = places.map_or("LOCAL_REGISTRAR", |places| &places.registrar.role);
        extra.insert("createdByUserType".to_owned(), "user".into());
        extra.insert("createdByRole".to_owned(), role.into());
        if let Some(office) = places.and_then(|places| places.registrar.office.clone()) {
            extra.insert("createdAtLocation".to_owned(), office.into());
        }
        let created_by = places.map_or(tokens::REGISTRAR, |places| &places.registrar.id);
        Action {
            id: ActionId::new(fresh_id()),
            action_type: ActionType::new(new.action_type),
            status,
            declaration: new.declaration,
            annotation: (!new.annotation.is_empty()).then_some(new.annotation),
            content: (!new.content.is_empty()).then_some(new.content),
            original_action_id: None,
            request_id: new.request_id,
            registration_number: None,
            custom_action_type: None,
            transaction_id: Some(fresh_id()),
            created_at: Some(moment(SystemClock.now())),
            created_by: Some(created_by.to_owned()),
            extra,
        }
    }

    /// Stores an action as requested.
    fn request(&self, event: &str, new: NewAction) -> Result<Action, NotTaken> {
        let action = self.stamp(new, ActionStatus::Requested);
        let requested = action.clone();
        // Core updates the search index only after the answer.
        let taken = self.change(event, false, move |document| {
            if pending(document).is_some() {
                return Err(NotTaken::Waits);
            }
            let word = action.action_type.as_str();
            if !index::allows(document, word) {
                return Err(NotTaken::Impossible(word.to_owned()));
            }
            document.actions.push(action);
            Ok(())
        });
        taken.ok_or(NotTaken::NoRecord)??;
        Ok(requested)
    }

    /// Applies the answer to a hook. Returns false for an answer that leaves the record blocked.
    fn apply(&self, event: &str, asked: &Action, status: u16, body: &[u8]) -> bool {
        // A body that is not JSON counts as an empty object; JSON of another kind is an error.
        let said: Value = serde_json::from_slice(body).unwrap_or_else(|_| json!({}));
        if !said.is_object() && matches!(status, 200 | 400) {
            return false;
        }
        match status {
            200 => {
                let fields = |name: &str| match said.get(name) {
                    None => Some(None),
                    Some(Value::Object(fields)) => Some(Some(fields.clone())),
                    Some(_) => None,
                };
                let number = said.get("registrationNumber").and_then(Value::as_str);
                let registers = asked.action_type == ActionType::REGISTER;
                let (Some(declaration), Some(annotation)) =
                    (fields("declaration"), fields("annotation"))
                else {
                    return false;
                };
                if registers && number.is_none() {
                    return false;
                }
                let accepted = Action {
                    declaration: declaration.unwrap_or_default(),
                    annotation,
                    registration_number: number.filter(|_| registers).map(str::to_owned),
                    ..settled(asked, ActionStatus::Accepted)
                };
                self.change(event, true, |document| document.actions.push(accepted));
            }
            400 => {
                let rejected = rejected(asked);
                self.change(event, true, |document| document.actions.push(rejected));
            }
            202 => {
                self.change(event, true, |_| ());
            }
            _ => return false,
        }
        true
    }

    /// The records for the file of `--keep`.
    pub(super) fn saved(&self) -> Value {
        self.lock()
            .iter()
            .map(|kept| json!(kept.document))
            .collect()
    }
}

impl StandIns {
    /// Does an action for the registrar: stores it as requested, calls the hook once, and applies the answer.
    pub(super) async fn act(&self, event: &str, new: NewAction) -> Result<u16, NotTaken> {
        let action = self.core.request(event, new)?;
        self.ask(event, &action).await
    }

    /// Calls the hook of the pending action again. Core itself never does.
    pub(super) async fn ask_again(&self, event: &str) -> Result<u16, NotTaken> {
        let document = self.core.record(event).ok_or(NotTaken::NoRecord)?;
        let action = pending(&document).ok_or(NotTaken::NothingWaits)?;
        self.ask(event, action).await
    }

    async fn ask(&self, event: &str, action: &Action) -> Result<u16, NotTaken> {
        let document = self.core.record(event).ok_or(NotTaken::NoRecord)?;
        let (event_type, word) = (&document.event_type, action.action_type.as_str());
        let ends = self.bad_days.meets(Some(event), BadDay::TokensEnd);
        let token = self
            .hook_token(event, action.id.as_str(), ends)
            .map_err(|error| NotTaken::Token(error.to_string()))?;
        let server = self.server.get().map_or("", String::as_str);
        let url = format!("{server}/trigger/events/{event_type}/actions/{word}");
        let body = json!(document);
        let entry = Entry {
            reasons: self.reasons(&document, action),
            again: Some(Again::Post {
                url: url.clone(),
                token: token.clone(),
            }),
            ..Entry::new(CORE, SERVER, format!("Hook: {word}"))
        };
        let entry = entry.about(Some(event)).saying(&body);
        let entry = self.journal.write(entry);
        let answer = self.post(&url, &token, &body, PATIENCE).await;
        let (status, answer) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let note = "Core got no answer: the record is blocked until the action is accepted or rejected.";
                self.journal.complete(entry, |entry| entry.noting(note));
                return Err(NotTaken::Unreachable(error));
            }
        };
        let note = match (self.core.apply(event, action, status, &answer), status) {
            (false, _) => {
                "Core cannot use this answer: the record is blocked until the action is accepted or rejected."
            }
            (true, 202) => "Core waits until the action is accepted or rejected.",
            (true, 400) => "Core has stored the action as rejected.",
            (true, _) => "Core has stored the action as accepted.",
        };
        let answer = readable(&answer);
        let completed = |entry: Entry| entry.answered(status, &answer).noting(note);
        self.journal.complete(entry, completed);
        Ok(status)
    }

    /// Sends a POST with a token. Returns the status and the body of the answer.
    pub(super) async fn post(
        &self,
        url: &str,
        token: &str,
        body: &Value,
        patience: Duration,
    ) -> Result<(u16, Vec<u8>), String> {
        let request = self
            .client
            .post(url)
            .timeout(patience)
            .bearer_auth(token)
            .json(body);
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_vec()))
    }
}

/// A body for the page.
pub(super) fn readable(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body)
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
}

/// The pending action of a record.
pub(super) fn pending(document: &EventDocument) -> Option<&Action> {
    document.history().pending_actions().into_iter().next_back()
}

/// The acceptance or rejection of an action, without answers of the form.
fn settled(asked: &Action, status: ActionStatus) -> Action {
    Action {
        id: ActionId::new(fresh_id()),
        status,
        declaration: Fields::new(),
        annotation: None,
        original_action_id: Some(asked.id.clone()),
        created_at: Some(moment(SystemClock.now())),
        ..asked.clone()
    }
}

/// A rejection. In core 2.0 it has neither content nor request id.
fn rejected(asked: &Action) -> Action {
    Action {
        content: None,
        request_id: None,
        ..settled(asked, ActionStatus::Rejected)
    }
}

/// A time as core writes it.
pub(super) fn moment(at: Timestamp) -> String {
    format!("{at:.3}")
}

pub(super) fn fresh_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Six characters without vowels, as on a receipt.
fn tracking_id() -> String {
    const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXYZ0123456789";
    let bytes = uuid::Uuid::new_v4().into_bytes();
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len());
    let letters = bytes.iter().take(6).filter_map(letter);
    letters.map(|letter| char::from(*letter)).collect()
}

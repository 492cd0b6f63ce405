// SPDX-License-Identifier: MPL-2.0
//! The calls between the systems, in the order of time.

use super::row::Row;
use handlers::clock::{Clock, SystemClock};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Number of stored entries.
const KEPT: usize = 5000;

/// A system, by its name on the page.
pub(super) const CORE: &str = "core";
/// This server.
pub(super) const SERVER: &str = "countryconfig";
/// mosip-api.
pub(super) const MIDDLEWARE: &str = "middleware";
/// MOSIP behind it.
pub(super) const MOSIP: &str = "MOSIP";
/// The login of MOSIP.
pub(super) const ESIGNET: &str = "eSignet";
/// An informant, with a mailbox and a telephone.
pub(super) const INFORMANT: &str = "informant";

/// A call of one system to another, with the answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    /// From 1, in the order of time.
    pub(super) id: u64,
    /// The time.
    pub(super) at: Timestamp,
    /// The record that it is about.
    pub(super) event: Option<String>,
    /// The caller.
    pub(super) from: String,
    /// The system that was called.
    pub(super) to: String,
    /// The call in a few words.
    pub(super) what: String,
    /// The body; null where there was none.
    pub(super) body: Value,
    /// HTTP status of the answer.
    pub(super) status: Option<u16>,
    /// The body of the answer; null where there was none.
    pub(super) answer: Value,
    /// An explanation.
    pub(super) note: Option<String>,
    /// The reasons of the rules, as `rules explain` prints them.
    pub(super) reasons: Option<String>,
    /// The repetition, if the call can be repeated.
    #[serde(skip)]
    pub(super) again: Option<Again>,
}

/// A call that can be repeated.
#[derive(Debug, Clone)]
pub(super) enum Again {
    /// A POST with the same body and token to this URL.
    Post { url: String, token: String },
    /// MOSIP's credential for a packet.
    Credential(Box<Row>),
}

impl Entry {
    pub(super) fn new(from: &str, to: &str, what: impl Into<String>) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            what: what.into(),
            ..Self::default()
        }
    }

    pub(super) fn about(self, event: Option<&str>) -> Self {
        Self {
            event: event.map(str::to_owned),
            ..self
        }
    }

    pub(super) fn saying(self, body: &Value) -> Self {
        Self {
            body: body.clone(),
            ..self
        }
    }

    pub(super) fn answered(self, status: u16, answer: &Value) -> Self {
        Self {
            status: Some(status),
            answer: answer.clone(),
            ..self
        }
    }

    pub(super) fn noting(self, note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..self
        }
    }

    /// As the page's JSON shows it.
    pub(super) fn json(&self) -> Value {
        let mut json = json!(self);
        if let Some(json) = json.as_object_mut() {
            json.insert("again".to_owned(), self.again.is_some().into());
        }
        json
    }
}

/// The newest entries.
pub(super) struct Journal {
    entries: Mutex<VecDeque<Entry>>,
    /// The number of the newest entry.
    changed: watch::Sender<u64>,
}

impl Journal {
    pub(super) fn new() -> Self {
        Self {
            entries: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }

    /// Adds an entry; returns its number.
    pub(super) fn write(&self, entry: Entry) -> u64 {
        let mut entries = self.lock();
        let id = entries.back().map_or(0, |last| last.id) + 1;
        let at = if entry.at == Timestamp::UNIX_EPOCH {
            SystemClock.now()
        } else {
            entry.at
        };
        entries.push_back(Entry { id, at, ..entry });
        if entries.len() > KEPT {
            entries.pop_front();
        }
        drop(entries);
        self.changed.send_replace(id);
        id
    }

    /// Completes an entry with its answer.
    pub(super) fn complete(&self, id: u64, complete: impl FnOnce(Entry) -> Entry) {
        let mut entries = self.lock();
        let entry = entries.iter_mut().rev().find(|entry| entry.id == id);
        if let Some(entry) = entry {
            *entry = complete(std::mem::take(entry));
        }
        drop(entries);
        self.touch();
    }

    /// Tells of a change that is not an entry.
    pub(super) fn touch(&self) {
        self.changed.send_modify(|_| {});
    }

    /// The changes.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The entries about a record.
    pub(super) fn about(&self, event: &str) -> Vec<Entry> {
        let entries = self.lock();
        let about = entries
            .iter()
            .filter(|entry| entry.event.as_deref() == Some(event));
        about.cloned().collect()
    }

    /// One entry.
    pub(super) fn entry(&self, id: u64) -> Option<Entry> {
        self.lock().iter().find(|entry| entry.id == id).cloned()
    }

    /// All entries.
    pub(super) fn all(&self) -> Vec<Entry> {
        self.lock().iter().cloned().collect()
    }

    /// Replaces all entries by those of an earlier run.
    pub(super) fn restore(&self, entries: Vec<Entry>) {
        *self.lock() = entries.into();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

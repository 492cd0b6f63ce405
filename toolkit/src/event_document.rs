// SPDX-License-Identifier: MPL-2.0
//! The event document: a record and everything that was ever done to it.
//!
//! Core stores no state, only actions; the present state of a record is derived from them. This module
//! derives it as core does, and also a state that core does not have yet: that of the record after the
//! action that is being decided is accepted.
//!
//! - [`EventDocument::parse`] reads core's document, and tolerates faults in parts that are not essential
//! - [`EventDocument::pending_action`] finds the action that core asks about
//! - [`History::state_as_if_accepted`] is the state that rules decide on
//! - [`History`] answers several questions about one document without reading it again each time
//! - [`merge`] holds the merge that all of this is made of

mod action;
mod bounded;
mod history;
pub mod merge;
mod parse;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use action::{Action, ActionStatus, ActionType};
pub use history::History;
pub use parse::EventDocumentError;

/// The answers of a form: field id (`child.name`) to value.
pub type Fields = Map<String, Value>;

/// A record with its actions, as core sends it with every action hook.
///
/// Unknown keys are kept in `extra`, and so are known keys with a value of an unexpected kind, so that
/// writing the document gives back all that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Value")]
pub struct EventDocument {
    /// Names the record in every call between core and this server.
    pub id: EventId,
    /// The event configuration that the record follows, `birth` for example.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The short code on the informant's receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    /// The time at which the record was created, as core wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// The time of the last write of the row, which is not the time of the last action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// All actions, usually but not always in the order of time.
    pub actions: Vec<Action>,
    /// Everything else that was in the document.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl EventDocument {
    /// Reads the body of a hook, in memory of at most 18 times its length and a megabyte.
    ///
    /// # Errors
    /// See [`EventDocumentError`].
    pub fn parse(json: &[u8]) -> Result<Self, EventDocumentError> {
        parse::text(json)
    }

    /// An index over the actions; build it once where several questions follow.
    pub fn history(&self) -> History<'_> {
        History::of(self)
    }

    /// The action of this type that waits for an answer, see [`History::pending_action`].
    pub fn pending_action(&self, action_type: &str) -> Option<&Action> {
        self.history().pending_action(action_type)
    }

    /// The registration number of the record, if it is registered.
    pub fn registration_number(&self) -> Option<&str> {
        self.history().registration_number()
    }
}

/// Ids are any text: refusing an id that is not a UUID would strand its record.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// Names a record.
    EventId
}
id! {
    /// Names an action of a record.
    ActionId
}

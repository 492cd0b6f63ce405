// SPDX-License-Identifier: MPL-2.0
//! One action of a record, done or requested.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{ActionId, Fields};

/// One entry of [`super::EventDocument::actions`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// Names the action; an answer names it again as `original_action_id`.
    pub id: ActionId,
    /// The type of the action.
    #[serde(rename = "type")]
    pub action_type: ActionType,
    /// The status: requested, or answered.
    pub status: ActionStatus,
    /// The answers that this action changes; a null clears one.
    pub declaration: Fields,
    /// Answers about the action itself, its review comment for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation: Option<Fields>,
    /// Reason, template and the like, by type of action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Map<String, Value>>,
    /// On an answer: the action that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_action_id: Option<ActionId>,
    /// On the answer to a correction: the accepted request that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<ActionId>,
    /// The registration number, on an accepted registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_number: Option<String>,
    /// The custom action, where the type is `CUSTOM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_action_type: Option<String>,
    /// The id that the user's browser gave this attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// The time of the action, as core wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// The user or system client that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Everything else that was in the action.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Action {
    /// True for an action that core has stored as accepted.
    pub fn is_accepted(&self) -> bool {
        self.status == ActionStatus::Accepted
    }

    /// True for an action that waits, or once waited, for an answer.
    pub fn is_requested(&self) -> bool {
        self.status == ActionStatus::Requested
    }
}

/// The type of an action. Types that core adds later are kept as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ActionType(Cow<'static, str>);

impl ActionType {
    /// The record becomes a registered one.
    pub const REGISTER: Self = Self(Cow::Borrowed("REGISTER"));
    /// A change of a registered record is asked for.
    pub const REQUEST_CORRECTION: Self = Self(Cow::Borrowed("REQUEST_CORRECTION"));
    /// A requested change takes effect.
    pub const APPROVE_CORRECTION: Self = Self(Cow::Borrowed("APPROVE_CORRECTION"));
    /// A requested change is turned down.
    pub const REJECT_CORRECTION: Self = Self(Cow::Borrowed("REJECT_CORRECTION"));
    /// A certificate is printed.
    pub const PRINT_CERTIFICATE: Self = Self(Cow::Borrowed("PRINT_CERTIFICATE"));

    /// Takes the type as core writes it.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The type as core writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ActionType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The status of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionStatus {
    /// Stored, and this server is asked whether it may happen.
    Requested,
    /// It happened.
    Accepted,
    /// It was turned down.
    Rejected,
    /// A status of a later core; such an action contributes nothing.
    Other(String),
}

impl ActionStatus {
    /// The status as core writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Requested => "Requested",
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for ActionStatus {
    fn from(name: String) -> Self {
        match name.as_str() {
            "Requested" => Self::Requested,
            "Accepted" => Self::Accepted,
            "Rejected" => Self::Rejected,
            _ => Self::Other(name),
        }
    }
}

impl Serialize for ActionStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

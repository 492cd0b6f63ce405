// SPDX-License-Identifier: MPL-2.0
//! The facts that an expression can read.

use std::borrow::Cow;

use jiff::civil::Date;
use opencrvs_toolkit::event_document::{Action, EventDocument, Fields};
use serde_json::Value;

/// Everything that a decision depends on. The same facts always give the same decision.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The record.
    pub event: &'a EventDocument,
    /// The action that waits for an answer.
    pub action: &'a Action,
    /// The answers that count, as if that action were accepted; without nulls.
    pub state: &'a Fields,
    /// The day on which the decision is made.
    pub today: Date,
    /// The number that the record has, or will have once the action is accepted.
    pub registration_number: Option<&'a str>,
}

/// The source from which a name of an expression gets its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// An answer, or a part of one.
    Field { id: String, parts: Vec<String> },
    /// True if an accepted action ever gave the field an answer.
    Ever(String),
    /// Something about the record, the action or the day.
    Variable(Variable),
    /// Something that only core knows, when it evaluates a form.
    Core(CoreFact),
}

/// The facts besides the answers that conditions of forms can ask of core.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum CoreFact {
    /// The status of the record, a text.
    Status,
    /// The role of the user, a text.
    Role,
    /// True if the user's device is connected.
    Online,
    /// True if the record has a flag.
    Flag(String),
    /// True if the user has exactly this scope.
    Scope(String),
    /// True if there was an action of a type.
    HasAction(String),
}

/// The names of those that take no argument.
pub(super) const CORE_VARIABLES: [(&str, CoreFact); 3] = [
    ("status", CoreFact::Status),
    ("user.role", CoreFact::Role),
    ("online", CoreFact::Online),
];

/// The variables that exist besides the answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Variable {
    Today,
    EventId,
    EventType,
    EventTrackingId,
    EventCreatedAt,
    ActionId,
    ActionType,
    ActionCreatedAt,
    ActionCreatedBy,
    ActionCustomType,
    RegistrationNumber,
}

/// The variables by name.
pub(super) const VARIABLES: [(&str, Variable); 11] = [
    ("today", Variable::Today),
    ("event.id", Variable::EventId),
    ("event.type", Variable::EventType),
    ("event.trackingId", Variable::EventTrackingId),
    ("event.createdAt", Variable::EventCreatedAt),
    ("action.id", Variable::ActionId),
    ("action.type", Variable::ActionType),
    ("action.createdAt", Variable::ActionCreatedAt),
    ("action.createdBy", Variable::ActionCreatedBy),
    ("action.customActionType", Variable::ActionCustomType),
    ("registration.number", Variable::RegistrationNumber),
];

impl Source {
    /// The value, or nothing where the answer is missing.
    pub(super) fn look_up<'a>(&self, facts: &Facts<'a>) -> Option<Seen<'a>> {
        match self {
            Self::Field { id, parts } => {
                let answer = facts.state.get(id)?;
                parts
                    .iter()
                    .try_fold(answer, |value, part| value.get(part))
                    .map(Seen::Json)
            }
            Self::Ever(id) => Some(Seen::Truth(ever(id, facts.event))),
            Self::Variable(variable) => variable.look_up(facts).map(Seen::Text),
            Self::Core(_) => None,
        }
    }
}

fn ever(field: &str, event: &EventDocument) -> bool {
    let history = event.history();
    let mut given = history.changes_of(field);
    given.any(|(_, value)| !value.is_null() && value.as_str() != Some(""))
}

impl Variable {
    fn look_up<'a>(self, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
        let text = match self {
            Self::Today => return Some(Cow::Owned(facts.today.to_string())),
            Self::EventId => Some(facts.event.id.as_str()),
            Self::EventType => Some(facts.event.event_type.as_str()),
            Self::EventTrackingId => facts.event.tracking_id.as_deref(),
            Self::EventCreatedAt => facts.event.created_at.as_deref(),
            Self::ActionId => Some(facts.action.id.as_str()),
            Self::ActionType => Some(facts.action.action_type.as_str()),
            Self::ActionCreatedAt => facts.action.created_at.as_deref(),
            Self::ActionCreatedBy => facts.action.created_by.as_deref(),
            Self::ActionCustomType => facts.action.custom_action_type.as_deref(),
            Self::RegistrationNumber => facts.registration_number,
        };
        text.map(Cow::Borrowed)
    }
}

/// A value as it was found.
pub(super) enum Seen<'a> {
    Json(&'a Value),
    Text(Cow<'a, str>),
    Truth(bool),
}

impl Seen<'_> {
    pub(super) fn into_json(self) -> Value {
        match self {
            Self::Json(value) => value.clone(),
            Self::Text(text) => Value::String(text.into_owned()),
            Self::Truth(truth) => Value::Bool(truth),
        }
    }
}

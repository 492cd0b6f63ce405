// SPDX-License-Identifier: MPL-2.0
//! What points at what inside an event.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Event;
use crate::conditional::mentions;
use crate::message::{Message, message};

/// A place in an event that points at a form field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Where it stands, for example `declaration / mother / mother.reason`.
    pub from: String,
    /// Id of the field it points at.
    pub field: String,
    /// How it points.
    pub via: Via,
    /// Name of the action whose form the reference may also point into; none outside actions.
    pub action: Option<String>,
}

/// How a place points at a form field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// A conditional or a validator asks about the field.
    Conditional,
    /// The value of the field is used: `parent`, `value`, `asOfDate`, `trigger`, the date of the event …
    Value,
    /// The field is named: summary, search, DATA entries, duplicates.
    Name,
}

impl Event {
    /// Every place that points at a form field: conditionals, validators, parents, values, defaults, dates that ages
    /// are counted to, HTTP parameters, search, summary, and the date and the place of the event.
    pub fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        let mut walk = |part: Value, at: &str, action: Option<&str>| {
            Walk {
                action,
                found: &mut found,
            }
            .value(&part, at);
        };
        walk(json!(self.date), "dateOfEvent", None);
        walk(json!(self.place), "placeOfEvent", None);
        walk(json!(self.summary), "summary", None);
        walk(json!(self.declaration), "declaration", None);
        for section in self
            .advanced_search
            .iter()
            .flat_map(super::SearchSection::fields)
        {
            if !section.is_event() {
                walk(json!(section), "advancedSearch", None);
            }
        }
        for action in &self.actions {
            walk(json!(action), action.name(), Some(action.name()));
        }
        let unique: BTreeSet<_> = found.into_iter().collect();
        unique.into_iter().collect()
    }

    /// Every message of the event, in the order in which it is written; the same id may come more than once.
    pub fn messages(&self) -> Vec<Message> {
        let mut found = Vec::new();
        collect_messages(&json!(self), &mut found);
        found
    }
}

struct Walk<'a> {
    action: Option<&'a str>,
    found: &'a mut Vec<Reference>,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, at: &str) {
        match value {
            Value::Object(object) => {
                if let Some(id) = object.get("$$field").and_then(Value::as_str) {
                    self.found(at, id, Via::Value);
                    return;
                }
                let named =
                    ["fieldId", "matchAgainst"].map(|key| object.get(key).and_then(Value::as_str));
                named
                    .into_iter()
                    .flatten()
                    .for_each(|id| self.found(at, id, Via::Name));
                if let Some(fields) = object.get("searchFields").and_then(Value::as_array) {
                    fields
                        .iter()
                        .filter_map(Value::as_str)
                        .for_each(|id| self.found(at, id, Via::Name));
                }
                let at = object
                    .get("id")
                    .and_then(Value::as_str)
                    .map_or(at.to_owned(), |id| format!("{at} / {id}"));
                for (key, value) in object {
                    match key.as_str() {
                        "conditional" | "validator" => {
                            for field in mentions(value).fields {
                                self.found(&at, &field, Via::Conditional);
                            }
                        }
                        // These ask about parts of the address, not about fields of the form.
                        "streetAddressForm" => {}
                        _ => self.value(value, &at),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.value(item, at)),
            _ => {}
        }
    }

    fn found(&mut self, from: &str, field: &str, via: Via) {
        let action = self.action.map(str::to_owned);
        self.found.push(Reference {
            from: from.to_owned(),
            field: field.to_owned(),
            via,
            action,
        });
    }
}

fn collect_messages(value: &Value, found: &mut Vec<Message>) {
    match value {
        Value::Object(object) => {
            let text = |key| object.get(key).and_then(Value::as_str);
            if let (Some(id), Some(wording)) = (text("id"), text("defaultMessage")) {
                found.push(message(id, wording).describe(text("description").unwrap_or_default()));
            } else {
                object
                    .values()
                    .for_each(|value| collect_messages(value, found));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_messages(item, found)),
        _ => {}
    }
}

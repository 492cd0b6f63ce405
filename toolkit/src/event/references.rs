// SPDX-License-Identifier: MPL-2.0
//! References inside an event.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Event;
use crate::conditional::mentions;
use crate::json_pointer::escaped;
use crate::message::{Message, message};

/// A place in an event that points at a form field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Its place, for example `declaration / mother / mother.reason`.
    pub from: String,
    /// Id of the field it points at.
    pub field: String,
    /// The kind of the reference.
    pub via: Via,
    /// Name of the action whose form the reference may also point into; none outside actions.
    pub action: Option<String>,
    /// JSON pointer to it in the event.
    pub pointer: String,
}

/// The kind of a reference to a form field.
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
        let document = json!(self);
        let mut found = Vec::new();
        let mut walk = |part: &Value, at: &str, pointer: String, action: Option<&str>| {
            let mut walk = Walk {
                action,
                pointer,
                found: &mut found,
            };
            walk.value(part, at);
        };
        for key in ["dateOfEvent", "placeOfEvent", "summary", "declaration"] {
            if let Some(part) = document.get(key) {
                walk(part, key, format!("/{key}"), None);
            }
        }
        for (nth, section) in items(&document, "advancedSearch") {
            for (field, asked) in items(section, "fields") {
                if asked.get("fieldType").is_none_or(|kind| kind != "event") {
                    let pointer = format!("/advancedSearch/{nth}/fields/{field}");
                    walk(asked, "advancedSearch", pointer, None);
                }
            }
        }
        for ((nth, written), action) in items(&document, "actions").zip(&self.actions) {
            let pointer = format!("/actions/{nth}");
            walk(written, action.name(), pointer, Some(action.name()));
        }
        let mut unique = BTreeMap::new();
        for found in found {
            let same = (
                found.from.clone(),
                found.field.clone(),
                found.via,
                found.action.clone(),
            );
            unique.entry(same).or_insert(found);
        }
        unique.into_values().collect()
    }

    /// Every message of the event, in the order in which it is written; the same id may come more than once.
    pub fn messages(&self) -> Vec<Message> {
        let messages = self.messages_with_pointers().into_iter();
        messages.map(|(_, message)| message).collect()
    }

    /// The messages, each with the JSON pointer to it in the event.
    pub fn messages_with_pointers(&self) -> Vec<(String, Message)> {
        let mut found = Vec::new();
        collect_messages(&json!(self), &mut String::new(), &mut found);
        found
    }
}

/// Every message of a part of an event, such as a field as JSON.
pub fn messages_of(part: &Value) -> Vec<Message> {
    let mut found = Vec::new();
    collect_messages(part, &mut String::new(), &mut found);
    found.into_iter().map(|(_, message)| message).collect()
}

/// The items of a list, if there is one, with their positions.
fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    let items = value.get(key).and_then(Value::as_array);
    items.into_iter().flatten().enumerate()
}

/// Visits the value at a key, with the pointer to it.
fn below(pointer: &mut String, key: &str, work: impl FnOnce(&mut String)) {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&escaped(key));
    work(pointer);
    pointer.truncate(length);
}

struct Walk<'a> {
    action: Option<&'a str>,
    pointer: String,
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
                    let length = self.pointer.len();
                    self.pointer.push('/');
                    self.pointer.push_str(&escaped(key));
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
                    self.pointer.truncate(length);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let length = self.pointer.len();
                    self.pointer.push_str(&format!("/{index}"));
                    self.value(item, at);
                    self.pointer.truncate(length);
                }
            }
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
            pointer: self.pointer.clone(),
        });
    }
}

fn collect_messages(value: &Value, pointer: &mut String, found: &mut Vec<(String, Message)>) {
    match value {
        Value::Object(object) => {
            let text = |key| object.get(key).and_then(Value::as_str);
            if let (Some(id), Some(wording)) = (text("id"), text("defaultMessage")) {
                let message =
                    message(id, wording).describe(text("description").unwrap_or_default());
                found.push((pointer.clone(), message));
                return;
            }
            for (key, value) in object {
                below(pointer, key, |pointer| {
                    collect_messages(value, pointer, found);
                });
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                below(pointer, &index.to_string(), |pointer| {
                    collect_messages(item, pointer, found);
                });
            }
        }
        _ => {}
    }
}

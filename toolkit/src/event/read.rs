// SPDX-License-Identifier: MPL-2.0
//! Events as documents: a country's own, changed or imported ones.
//!
//! A document is served as it is written, so that keys unknown to this program reach core. The program
//! reads it as the same [`Event`] as a built-in one.

use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Action, DateOfEvent, Event, FlagConfig, Icons, Problem, Summary, structure};
use crate::conditional::{Conditional, FieldReference};
use crate::message::Message;
use crate::page::Form;
use crate::search::SearchSection;

/// An event as the document has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    id: String,
    label: Message,
    title: Message,
    fallback_title: Option<Message>,
    date_of_event: Option<DateOfEvent>,
    place_of_event: Option<FieldReference>,
    summary: Summary,
    declaration: Form,
    actions: Vec<Action>,
    action_order: Option<Vec<String>>,
    #[serde(default)]
    advanced_search: Vec<SearchSection>,
    #[serde(default)]
    flags: Vec<FlagConfig>,
    analytics: Option<bool>,
    #[serde(default)]
    icon: Icons,
}

impl Event {
    /// Reads an event as core takes it. The `$id`s of conditionals are made again from their content.
    ///
    /// # Errors
    /// All parts of its structure that core would refuse.
    pub fn from_json(mut document: Value) -> Result<Self, Vec<Problem>> {
        let problems = structure::problems(&document);
        if !problems.is_empty() {
            return Err(problems);
        }
        identify(&mut document);
        if let Some(icons) = document.get_mut("icon") {
            // The structure is checked above.
            if let Ok(read) = Icons::deserialize(&*icons) {
                *icons = serde_json::to_value(read).unwrap_or_default();
            }
        }
        let read = Written::deserialize(&document).map_err(|error| {
            let id = document.get("id").and_then(Value::as_str);
            vec![Problem {
                event: id.unwrap_or_default().to_owned(),
                pointer: String::new(),
                what: error.to_string(),
                hint: None,
                is_refused: true,
            }]
        })?;
        Ok(Self {
            id: read.id,
            label: read.label,
            title: read.title,
            fallback_title: read.fallback_title,
            date: read.date_of_event,
            place: read.place_of_event,
            summary: read.summary,
            declaration: read.declaration,
            actions: read.actions,
            action_order: read.action_order,
            advanced_search: read.advanced_search,
            flags: read.flags,
            analytics: read.analytics.unwrap_or(true),
            icons: read.icon,
            document: Some(Arc::new(document)),
        })
    }
}

/// Gives every conditional the `$id` of its content, and none to the parts of one.
fn identify(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                if is_conditional(key, value) {
                    let bare = std::mem::take(value);
                    let conditional = Conditional::from_schema(bare);
                    *value = serde_json::to_value(conditional).unwrap_or_default();
                } else {
                    identify(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(identify),
        _ => {}
    }
}

/// Checks whether core finds the compiled schema of this value again by its `$id`.
fn is_conditional(key: &str, value: &Value) -> bool {
    matches!(key, "conditional" | "validator") && value.is_object()
}

impl<'de> Deserialize<'de> for Conditional {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from_schema)
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(document) = &self.document {
            return document.serialize(serializer);
        }
        let optional = [
            self.fallback_title.is_some(),
            self.date.is_some(),
            self.place.is_some(),
            self.action_order.is_some(),
            !self.icons.is_empty(),
        ];
        let length = 9 + optional.into_iter().filter(|there| *there).count();
        let mut event = serializer.serialize_struct("Event", length)?;
        event.serialize_field("id", &self.id)?;
        event.serialize_field("label", &self.label)?;
        event.serialize_field("title", &self.title)?;
        if let Some(title) = &self.fallback_title {
            event.serialize_field("fallbackTitle", title)?;
        }
        if let Some(date) = &self.date {
            event.serialize_field("dateOfEvent", date)?;
        }
        if let Some(place) = &self.place {
            event.serialize_field("placeOfEvent", place)?;
        }
        event.serialize_field("summary", &self.summary)?;
        event.serialize_field("declaration", &self.declaration)?;
        event.serialize_field("actions", &self.actions)?;
        if let Some(order) = &self.action_order {
            event.serialize_field("actionOrder", order)?;
        }
        event.serialize_field("advancedSearch", &self.advanced_search)?;
        event.serialize_field("flags", &self.flags)?;
        event.serialize_field("analytics", &self.analytics)?;
        if !self.icons.is_empty() {
            event.serialize_field("icon", &self.icons)?;
        }
        event.end()
    }
}

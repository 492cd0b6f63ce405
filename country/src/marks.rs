// SPDX-License-Identifier: MPL-2.0
//! The answers that are counted: those of the fields that the forms mark for analytics, and no other.
//!
//! A reduced record also keeps the answers on which it depends whether the form shows a marked field. They
//! decide which answers count, and are in no row.

use opencrvs_toolkit::event::Event;
use opencrvs_toolkit::event_document::{Action, EventDocument, Fields};
use opencrvs_toolkit::field::AnyField;
use opencrvs_toolkit::visibility::Visibility;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// The values of an action that a row has besides the answers.
const TOLD: [&str; 5] = [
    "assignedTo",
    "createdAtLocation",
    "createdByRole",
    "createdBySignature",
    "createdByUserType",
];

/// The marked fields of the events that are counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(HashMap<String, EventMarks>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct EventMarks {
    declaration: HashSet<String>,
    /// Fields on which it depends whether a marked field is shown.
    deciding: HashSet<String>,
    /// By type of action, or by the name of an action of the country's own.
    annotations: HashMap<String, HashSet<String>>,
}

impl Marks {
    /// The marks in these events.
    pub fn of(events: &[Event], visibility: &Visibility) -> Self {
        let counted = events.iter().filter(|event| event.is_for_analytics());
        let of = |event: &Event| (event.id().to_owned(), EventMarks::of(event, visibility));
        Self(counted.map(of).collect())
    }

    /// Leaves only answers that are counted.
    pub fn retain(&self, event_type: &str, answers: &mut Fields) {
        let marks = self.0.get(event_type);
        answers.retain(|id, _| marks.is_some_and(|marks| marks.declaration.contains(id)));
    }

    /// The record with nothing in it but what may be counted; nothing where its event is not counted.
    ///
    /// A field is kept or left out as a whole in each action alike, so that what is kept adds up as it
    /// does in the whole record.
    pub fn reduced(&self, event: &EventDocument) -> Option<EventDocument> {
        let marks = self.0.get(&event.event_type)?;
        Some(EventDocument {
            id: event.id.clone(),
            event_type: event.event_type.clone(),
            tracking_id: None,
            created_at: None,
            updated_at: None,
            actions: event.actions.iter().map(|a| marks.reduced(a)).collect(),
            extra: Map::new(),
        })
    }
}

impl EventMarks {
    fn of(event: &Event, visibility: &Visibility) -> Self {
        let actions = event.all_actions().iter();
        let declaration = marked(event.fields().map(|(_, field)| field));
        let deciding = visibility.deciding(event.id(), declaration.iter().map(String::as_str));
        Self {
            deciding: deciding.into_iter().collect(),
            declaration,
            annotations: actions
                .map(|action| (action.name().to_owned(), marked(action.fields())))
                .collect(),
        }
    }

    fn reduced(&self, action: &Action) -> Action {
        let custom = action.custom_action_type.as_deref();
        let name = custom.unwrap_or(action.action_type.as_str());
        let annotation = self.annotations.get(name).and_then(|marked| {
            let annotation = action.annotation.as_ref()?;
            Some(only(annotation, |id| marked.contains(id)))
        });
        Action {
            id: action.id.clone(),
            action_type: action.action_type.clone(),
            status: action.status.clone(),
            declaration: only(&action.declaration, |id| {
                self.declaration.contains(id) || self.deciding.contains(id)
            }),
            annotation: annotation.filter(|annotation| !annotation.is_empty()),
            content: action.content.clone(),
            original_action_id: action.original_action_id.clone(),
            request_id: action.request_id.clone(),
            registration_number: action.registration_number.clone(),
            custom_action_type: action.custom_action_type.clone(),
            transaction_id: action.transaction_id.clone(),
            created_at: action.created_at.clone(),
            created_by: action.created_by.clone(),
            extra: only(&action.extra, |key| TOLD.contains(&key)),
        }
    }
}

fn marked<'a>(fields: impl IntoIterator<Item = &'a AnyField>) -> HashSet<String> {
    let marked = fields.into_iter().filter(|field| field.is_for_analytics());
    marked.map(|field| field.id().to_owned()).collect()
}

fn only(members: &Map<String, Value>, keep: impl Fn(&str) -> bool) -> Map<String, Value> {
    let kept = members.iter().filter(|(key, _)| keep(key));
    kept.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

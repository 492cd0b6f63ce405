// SPDX-License-Identifier: MPL-2.0
//! The event types, fields, actions and flags of the forms that the country's files may name.

use opencrvs_toolkit::event::{Event, core_flags};
use rules::Vocabulary;
use std::collections::{BTreeMap, BTreeSet};

/// Event types, their fields, the country's own actions and flags.
#[derive(Debug, Clone)]
pub struct FormIndex {
    /// The fields that rules, mappings and certificates may name.
    pub vocabulary: Vocabulary,
    /// The fields that hold the place of an event.
    pub place_fields: Vec<String>,
    custom_actions: BTreeMap<String, BTreeSet<String>>,
    flags: BTreeSet<String>,
}

impl FormIndex {
    /// Of these events.
    pub fn of(events: &[Event]) -> Self {
        let custom = |event: &Event| {
            let actions = event.all_actions().iter();
            let custom = actions.filter(|action| action.action_type() == "CUSTOM");
            custom.map(|action| action.name().to_owned()).collect()
        };
        let flags = events.iter().flat_map(Event::all_flags);
        Self {
            vocabulary: Vocabulary::new(
                events
                    .iter()
                    .map(|event| (event.id(), event.field_ids().map(|(id, _)| id))),
            ),
            place_fields: events
                .iter()
                .filter_map(|event| event.place().map(|field| field.id().to_owned()))
                .collect(),
            custom_actions: events
                .iter()
                .map(|event| (event.id().to_owned(), custom(event)))
                .collect(),
            flags: flags
                .map(|flag| flag.id().to_owned())
                .chain(core_flags())
                .collect(),
        }
    }

    /// `birth`, `death` …
    pub fn event_types(&self) -> impl Iterator<Item = &str> {
        self.custom_actions.keys().map(String::as_str)
    }

    /// Returns true if there is an event of this type.
    pub fn knows(&self, event: &str) -> bool {
        self.custom_actions.contains_key(event)
    }

    /// The country's own actions on an event.
    pub fn custom_actions(&self, event: &str) -> impl Iterator<Item = &str> {
        self.custom_actions
            .get(event)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// The flags that a record may have.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(String::as_str)
    }
}

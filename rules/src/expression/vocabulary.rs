// SPDX-License-Identifier: MPL-2.0
//! The names that an expression may use.

use std::collections::{BTreeMap, BTreeSet};

/// The event types of a country and the field ids of their forms.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    events: BTreeMap<String, BTreeSet<String>>,
}

impl Vocabulary {
    /// Collects pairs of an event type and the ids of its fields.
    pub fn new<E, F>(events: impl IntoIterator<Item = (E, F)>) -> Self
    where
        E: Into<String>,
        F: IntoIterator,
        F::Item: Into<String>,
    {
        let events = events
            .into_iter()
            .map(|(event, fields)| (event.into(), fields.into_iter().map(Into::into).collect()))
            .collect();
        Self { events }
    }

    /// The fields of an event type, or none if there is no such type.
    pub fn fields(&self, event_type: &str) -> Option<&BTreeSet<String>> {
        self.events.get(event_type)
    }

    /// The event types that there are.
    pub fn event_types(&self) -> impl Iterator<Item = &str> {
        self.events.keys().map(String::as_str)
    }
}

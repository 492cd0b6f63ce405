// SPDX-License-Identifier: MPL-2.0
//! A kind of event that is registered, such as birth.

mod place;
mod problems;
mod read;
mod references;
mod structure;

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub use place::place_of;
pub use problems::{Problem, core_flags, problems};
pub use references::{Reference, Via, messages_of};

use crate::action::Action;
use crate::conditional::{Conditional, EventFieldReference, FieldReference};
use crate::field::{AnyField, FieldType};
use crate::message::Message;
use crate::page::{Form, Page};
use crate::search::SearchSection;
use crate::summary::SummaryField;

/// A kind of event: its declaration, its actions, its search and its lists of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    id: String,
    label: Message,
    title: Message,
    fallback_title: Option<Message>,
    date: Option<DateOfEvent>,
    place: Option<FieldReference>,
    summary: Summary,
    declaration: Form,
    actions: Vec<Action>,
    action_order: Option<Vec<String>>,
    advanced_search: Vec<SearchSection>,
    flags: Vec<FlagConfig>,
    analytics: bool,
    icons: Icons,
    /// The document that it was read from, if it was not built in: it is served unchanged.
    document: Option<Arc<Value>>,
}

/// Names of icons with the conditions on which a record shows them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Icons(Vec<(String, Conditional)>);

impl Icons {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Icons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(icon, conditional)| (icon, conditional)))
    }
}

impl<'de> Deserialize<'de> for Icons {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let icons = serde_json::Map::deserialize(deserializer)?.into_iter();
        let icons = icons.map(|(icon, schema)| (icon, Conditional::from_schema(schema)));
        Ok(Self(icons.collect()))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Summary {
    fields: Vec<SummaryField>,
}

/// The day of the event: a DATE field of the declaration, or a date that core keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DateOfEvent {
    /// A field of the declaration.
    Field(FieldReference),
    /// A date that core keeps, such as `legalStatuses.DECLARED.acceptedAt`.
    Event(EventFieldReference),
}

/// A mark that actions set and clear on records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlagConfig {
    id: String,
    requires_action: bool,
    label: Message,
}

impl FlagConfig {
    /// A mark that calls for an action.
    pub fn action_required(id: &str, label: impl Into<Message>) -> Self {
        Self::new(id, true, label.into())
    }

    /// A mark that only informs.
    pub fn informative(id: &str, label: impl Into<Message>) -> Self {
        Self::new(id, false, label.into())
    }

    fn new(id: &str, requires_action: bool, label: Message) -> Self {
        let label = label.described_as(|| format!("Name of the flag {id}"));
        Self {
            id: id.to_owned(),
            requires_action,
            label,
        }
    }

    /// Id of the mark.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Event {
    /// A kind of event with its id, its name, the title of a record and its declaration.
    ///
    /// The title may hold fields of the declaration as ICU arguments.
    pub fn new(
        id: &str,
        label: impl Into<Message>,
        title: impl Into<Message>,
        declaration: Form,
    ) -> Self {
        Self {
            id: id.to_owned(),
            label: label
                .into()
                .described_as(|| format!("Name of the event {id}")),
            title: title
                .into()
                .described_as(|| format!("Title of a record of the event {id}")),
            fallback_title: None,
            date: None,
            place: None,
            summary: Summary::default(),
            declaration,
            actions: Vec::new(),
            action_order: None,
            advanced_search: Vec::new(),
            flags: Vec::new(),
            analytics: true,
            document: None,
            icons: Icons::default(),
        }
    }

    /// The fallback for an empty title of a record.
    pub fn fallback_title(self, title: impl Into<Message>) -> Self {
        let title = title
            .into()
            .described_as(|| "Title of a record without a name".into());
        Self {
            fallback_title: Some(title),
            ..self
        }
    }

    /// The day of the event; without it, the day on which the record was created.
    pub fn date_of_event(self, date: impl Into<DateOfEvent>) -> Self {
        Self {
            date: Some(date.into()),
            ..self
        }
    }

    /// The field with the place of the event; without it, the office where the record was created.
    pub fn place_of_event(self, place: FieldReference) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }

    /// The fields shown about a record before it is opened.
    pub fn summary(self, fields: impl IntoIterator<Item = SummaryField>) -> Self {
        Self {
            summary: Summary {
                fields: fields.into_iter().collect(),
            },
            ..self
        }
    }

    /// The actions that users can do with a record.
    pub fn actions(self, actions: impl IntoIterator<Item = Action>) -> Self {
        Self {
            actions: actions.into_iter().collect(),
            ..self
        }
    }

    /// Order of the actions in the menu: core's types, and the names of the country's own.
    pub fn action_order<'a>(self, order: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            action_order: Some(order.into_iter().map(str::to_owned).collect()),
            ..self
        }
    }

    /// The search form.
    pub fn advanced_search(self, sections: impl IntoIterator<Item = SearchSection>) -> Self {
        Self {
            advanced_search: sections.into_iter().collect(),
            ..self
        }
    }

    /// The marks that actions set and clear.
    pub fn flags(self, flags: impl IntoIterator<Item = FlagConfig>) -> Self {
        Self {
            flags: flags.into_iter().collect(),
            ..self
        }
    }

    /// The record shows an icon, one of core's names, while this holds; of several, the first that holds.
    /// From core 2.1 on.
    pub fn icon_if(mut self, icon: &str, conditional: impl Into<Conditional>) -> Self {
        self.icons.0.push((icon.to_owned(), conditional.into()));
        self
    }

    /// Sets whether records are sent to the statistics database.
    pub fn analytics(self, analytics: bool) -> Self {
        Self { analytics, ..self }
    }

    /// Checks whether the event was read from a document, and not built in.
    pub fn is_document(&self) -> bool {
        self.document.is_some()
    }

    /// Id of the event, a part of addresses and index names.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The field that says where the event happened.
    pub fn place(&self) -> Option<&FieldReference> {
        self.place.as_ref()
    }

    /// Checks whether records are sent to the statistics database.
    pub fn is_for_analytics(&self) -> bool {
        self.analytics
    }

    /// The declaration.
    pub fn declaration(&self) -> &Form {
        &self.declaration
    }

    /// The actions that users can do with a record.
    pub fn all_actions(&self) -> &[Action] {
        &self.actions
    }

    /// The marks that actions set and clear.
    pub fn all_flags(&self) -> &[FlagConfig] {
        &self.flags
    }

    /// Every field of the declaration with its page.
    pub fn fields(&self) -> impl Iterator<Item = (&Page, &AnyField)> {
        self.declaration.fields()
    }

    /// Id and type of every field of the declaration.
    pub fn field_ids(&self) -> impl Iterator<Item = (&str, FieldType)> {
        self.fields()
            .map(|(_, field)| (field.id(), field.field_type()))
    }
}

impl From<FieldReference> for DateOfEvent {
    fn from(field: FieldReference) -> Self {
        Self::Field(field)
    }
}

impl From<EventFieldReference> for DateOfEvent {
    fn from(date: EventFieldReference) -> Self {
        Self::Event(date)
    }
}

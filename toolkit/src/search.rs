// SPDX-License-Identifier: MPL-2.0
//! The advanced search form.

use serde::{Deserialize, Serialize};

use crate::conditional::{Conditional, EventFieldReference, FieldReference, JurisdictionReference};
use crate::field::{FieldConditional, FieldType, SelectOption, Validation};
use crate::message::Message;

/// A section of the search form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchSection {
    title: Message,
    fields: Vec<SearchField>,
}

impl SearchSection {
    /// A section with its title and fields.
    pub fn new(title: impl Into<Message>, fields: impl IntoIterator<Item = SearchField>) -> Self {
        let title = title
            .into()
            .described_as(|| "Title of a section of the search form".into());
        Self {
            title,
            fields: fields.into_iter().collect(),
        }
    }

    /// Fields in their order.
    pub fn fields(&self) -> &[SearchField] {
        &self.fields
    }
}

/// The comparison with a searched value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// Similar text.
    Fuzzy,
    /// The exact value.
    Exact,
    /// A range of days.
    Range,
    /// Inside an area.
    Within,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Field,
    Event,
}

/// A field of the search form: a field of the declaration, or a value that core keeps about every record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchField {
    field_id: String,
    field_type: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_criteria_label_prefix: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Vec<SelectOption>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditionals: Option<Vec<FieldConditional>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validations: Option<Vec<Validation>>,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    allowed_locations: Option<JurisdictionReference>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    shown_as: Option<FieldType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Message>,
    config: Config,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(rename = "type")]
    how: Match,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    search_fields: Vec<String>,
}

impl SearchField {
    fn event(name: &str, how: Match) -> Self {
        Self::new(format!("event.{name}"), Source::Event, how)
    }

    fn new(field_id: String, field_type: Source, how: Match) -> Self {
        Self {
            field_id,
            field_type,
            search_criteria_label_prefix: None,
            options: None,
            conditionals: None,
            validations: None,
            allowed_locations: None,
            shown_as: None,
            label: None,
            config: Config {
                how,
                search_fields: Vec::new(),
            },
        }
    }

    /// Prefix of the label where labels alone would be ambiguous.
    pub fn label_prefix(self, prefix: impl Into<Message>) -> Self {
        let prefix = prefix
            .into()
            .described_as(|| "Stands before the label of a search field".into());
        Self {
            search_criteria_label_prefix: Some(prefix),
            ..self
        }
    }

    /// Offers these choices instead of the field's own.
    pub fn options(self, options: impl IntoIterator<Item = SelectOption>) -> Self {
        Self {
            options: Some(options.into_iter().collect()),
            ..self
        }
    }

    /// Shows the field whatever its own conditions say: a search has no form that they could ask about.
    pub fn always_shown(self) -> Self {
        Self {
            conditionals: Some(Vec::new()),
            ..self
        }
    }

    /// Shows the field when this holds, whatever its own conditions say.
    pub fn show_if(self, conditional: impl Into<Conditional>) -> Self {
        Self {
            conditionals: Some(vec![FieldConditional::show(conditional)]),
            ..self
        }
    }

    /// Takes values that the field itself would refuse, such as a part of a name.
    pub fn unvalidated(self) -> Self {
        Self {
            validations: Some(Vec::new()),
            ..self
        }
    }

    /// Offers only places within a jurisdiction.
    pub fn allowed_locations(self, jurisdiction: JurisdictionReference) -> Self {
        Self {
            allowed_locations: Some(jurisdiction),
            ..self
        }
    }

    /// One input that searches several fields, with the type and the label that it has.
    pub fn across<'a>(
        self,
        fields: impl IntoIterator<Item = &'a str>,
        shown_as: FieldType,
        label: impl Into<Message>,
    ) -> Self {
        let search_fields = fields.into_iter().map(str::to_owned).collect();
        let label = label
            .into()
            .described_as(|| format!("Label of the search field {}", self.field_id));
        Self {
            shown_as: Some(shown_as),
            label: Some(label),
            config: Config {
                search_fields,
                ..self.config
            },
            ..self
        }
    }

    /// Id of the field, or `event.` with the name of a value that core keeps.
    pub fn field_id(&self) -> &str {
        &self.field_id
    }

    pub(crate) fn is_event(&self) -> bool {
        self.field_type == Source::Event
    }

    pub(crate) fn search_fields(&self) -> &[String] {
        &self.config.search_fields
    }
}

impl EventFieldReference {
    /// Searches for the exact value.
    pub fn exact(self) -> SearchField {
        SearchField::event(self.name(), Match::Exact)
    }

    /// Searches for a range of dates.
    pub fn range(self) -> SearchField {
        SearchField::event(self.name(), Match::Range)
    }

    /// Searches for similar text.
    pub fn fuzzy(self) -> SearchField {
        SearchField::event(self.name(), Match::Fuzzy)
    }

    /// Searches inside an area.
    pub fn within(self) -> SearchField {
        SearchField::event(self.name(), Match::Within)
    }
}

impl FieldReference {
    /// Searches for the exact value.
    pub fn exact(self) -> SearchField {
        self.searched(Match::Exact)
    }

    /// Searches for a range of days.
    pub fn range(self) -> SearchField {
        self.searched(Match::Range)
    }

    /// Searches for similar text.
    pub fn fuzzy(self) -> SearchField {
        self.searched(Match::Fuzzy)
    }

    /// Searches inside an area.
    pub fn within(self) -> SearchField {
        self.searched(Match::Within)
    }

    fn searched(self, how: Match) -> SearchField {
        SearchField::new(self.id().to_owned(), Source::Field, how)
    }
}

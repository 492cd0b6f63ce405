// SPDX-License-Identifier: MPL-2.0
//! Core's search for records of the same event.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::conditional::FieldReference;
use crate::message::Message;

/// A search for duplicates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deduplication {
    id: String,
    label: Message,
    query: Clause,
}

impl Deduplication {
    /// A search with its id, its name and the features that duplicates have in common.
    pub fn new(id: &str, label: impl Into<Message>, query: Clause) -> Self {
        let label = label
            .into()
            .described_as(|| format!("Name of the duplicate search {id}"));
        Self {
            id: id.to_owned(),
            label,
            query,
        }
    }
}

/// The features that duplicates have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Clause {
    /// All clauses.
    And {
        /// The clauses.
        clauses: Vec<Clause>,
    },
    /// At least one clause.
    Or {
        /// The clauses.
        clauses: Vec<Clause>,
    },
    /// Anything but the clause.
    Not {
        /// The clause.
        clause: Box<Clause>,
    },
    /// Similar text.
    Fuzzy(FieldMatch),
    /// The same value.
    Strict(FieldMatch),
    /// Days that lie near each other.
    DateRange(FieldMatch),
}

/// A field on which duplicates agree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldMatch {
    field_id: String,
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    options: Map<String, Value>,
}

impl Clause {
    /// All clauses.
    pub fn and(clauses: impl IntoIterator<Item = Self>) -> Self {
        Self::And {
            clauses: clauses.into_iter().collect(),
        }
    }

    /// At least one clause.
    pub fn or(clauses: impl IntoIterator<Item = Self>) -> Self {
        Self::Or {
            clauses: clauses.into_iter().collect(),
        }
    }

    /// Anything but the clause.
    #[expect(
        clippy::should_implement_trait,
        reason = "the name of the clause; `!` would not read as one"
    )]
    pub fn not(clause: Self) -> Self {
        Self::Not {
            clause: Box::new(clause),
        }
    }

    /// The weight of a match, 1 by default.
    pub fn boost(self, boost: impl Into<serde_json::Number>) -> Self {
        self.option("boost", json!(boost.into()))
    }

    /// The number of letters that may differ, for example `AUTO:4,7`; for similar text.
    pub fn fuzziness(self, fuzziness: &str) -> Self {
        self.option("fuzziness", json!(fuzziness))
    }

    /// The value that the field must have; for the same value.
    pub fn value(self, value: &str) -> Self {
        self.option("value", json!(value))
    }

    /// The field of the other record, when it is not the same one.
    pub fn match_against(self, field_id: &str) -> Self {
        self.option("matchAgainst", json!(field_id))
    }

    fn option(mut self, key: &str, value: Value) -> Self {
        if let Self::Fuzzy(field) | Self::Strict(field) | Self::DateRange(field) = &mut self {
            field.options.insert(key.to_owned(), value);
        }
        self
    }
}

impl FieldReference {
    /// Duplicates have a similar text here.
    pub fn fuzzy_matches(self) -> Clause {
        Clause::Fuzzy(self.matched())
    }

    /// Duplicates have the same value here.
    pub fn strict_matches(self) -> Clause {
        Clause::Strict(self.matched())
    }

    /// Duplicates have days here that lie at most this many days apart.
    pub fn date_range_matches(self, days: u32) -> Clause {
        Clause::DateRange(self.matched()).option("days", json!(days))
    }

    fn matched(self) -> FieldMatch {
        FieldMatch {
            field_id: self.id().to_owned(),
            options: Map::new(),
        }
    }
}

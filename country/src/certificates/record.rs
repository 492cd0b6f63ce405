// SPDX-License-Identifier: MPL-2.0
//! A record to fill a template in with, as core's client has it: codes, days and ids, not words.

use super::readable::{FormField, Readable};
use opencrvs_toolkit::field::FieldType;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A record, and what the client knows of the places, people and files that it names.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Record {
    /// `$declaration`, by field id.
    pub declaration: Map<String, Value>,
    /// `$metadata`.
    pub metadata: Map<String, Value>,
    /// The actions that `$action` and `$actions` find, the oldest first; each has a `type`.
    pub actions: Vec<Value>,
    /// `$review`: the certificate is looked at, not printed.
    pub review: bool,
    /// Offices and health facilities by id.
    pub locations: BTreeMap<String, Place>,
    /// Administrative areas by id.
    pub administrative_areas: BTreeMap<String, Place>,
    /// Users; each has an `id` and a `name` with `firstname` and `surname`.
    pub users: Vec<Value>,
    /// Pictures by the path under which core keeps them, as `data:` URLs.
    pub files: BTreeMap<String, String>,
}

/// A place.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Id of the area around it; none for the widest.
    #[serde(alias = "administrativeAreaId")]
    pub parent_id: Option<String>,
}

impl Record {
    /// Values that no form of the event leaves in a record: the id of the field, and what is wrong.
    pub(super) fn problems(&self, readable: &Readable) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (id, value) in &self.declaration {
            let problem = match readable.fields.get(id) {
                None => Some(format!("there is no such field in a `{}`", readable.event)),
                Some(field) => self.expected(field, value).map(|expected| {
                    let of_type = field.of_type.name();
                    format!("core holds {expected} in a field of the type {of_type}")
                }),
            };
            found.extend(problem.map(|problem| (id.clone(), problem)));
        }
        found
    }

    /// The kind of value that is expected, where the value is something else.
    fn expected(&self, field: &FormField, value: &Value) -> Option<String> {
        let text = value.as_str();
        let (right, expected) = match field.of_type {
            FieldType::Select | FieldType::RadioGroup => (
                text.is_some_and(|code| field.codes().any(|known| known == code)),
                format!(
                    "one of the codes {}",
                    field.codes().collect::<Vec<_>>().join(", ")
                ),
            ),
            FieldType::Country => (text.is_some_and(is_country), "a code like `FAR`".to_owned()),
            FieldType::Date => (
                text.is_some_and(is_day),
                "a day like `2026-03-14`".to_owned(),
            ),
            FieldType::Age => (
                value.get("age").is_some_and(Value::is_number),
                "an object with the number `age`".to_owned(),
            ),
            FieldType::Number => (value.is_number(), "a number".to_owned()),
            FieldType::Checkbox => (value.is_boolean(), "true or false".to_owned()),
            FieldType::Name => (
                value.get("surname").is_some(),
                "an object with `firstname` and `surname`".to_owned(),
            ),
            FieldType::Address => (
                value.get("addressType").is_some(),
                "an object with `country`, `addressType` and `administrativeArea`".to_owned(),
            ),
            FieldType::Location | FieldType::Facility | FieldType::Office => (
                text.is_some_and(|id| self.locations.contains_key(id)),
                "the id of one of the record's `locations`".to_owned(),
            ),
            _ => return None,
        };
        (!right).then_some(expected)
    }
}

/// Returns true if a text has the form of a country's code.
pub(super) fn is_country(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Returns true if a text is a day as core holds it.
pub(super) fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

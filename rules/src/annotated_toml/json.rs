// SPDX-License-Identifier: MPL-2.0
//! Values of a file as JSON.

use serde_json::{Value, json};
use toml_edit::{Item, Value as Toml};

/// `max-length` as JSON documents of core write it: `maxLength`.
pub fn camel(key: &str) -> String {
    let mut words = key.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let first: String = letters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .collect();
        name + &first + letters.as_str()
    })
}

/// A value as JSON, with keys as core writes them.
pub fn json_of(item: &Item) -> Value {
    converted(item, camel)
}

/// A value as JSON, with its keys as they are.
pub fn json_with_plain_keys(item: &Item) -> Value {
    converted(item, str::to_owned)
}

fn converted(item: &Item, name: fn(&str) -> String) -> Value {
    match item {
        Item::Value(value) => converted_value(value, name),
        Item::Table(table) => {
            let members = table.iter();
            let members = members.map(|(key, item)| (name(key), converted(item, name)));
            Value::Object(members.collect())
        }
        Item::ArrayOfTables(tables) => tables
            .iter()
            .map(|table| converted(&Item::Table(table.clone()), name))
            .collect(),
        Item::None => Value::Null,
    }
}

fn converted_value(value: &Toml, name: fn(&str) -> String) -> Value {
    match value {
        Toml::String(text) => json!(text.value()),
        Toml::Integer(number) => json!(number.value()),
        Toml::Float(number) => json!(number.value()),
        Toml::Boolean(truth) => json!(truth.value()),
        Toml::Datetime(moment) => json!(moment.value().to_string()),
        Toml::Array(items) => items
            .iter()
            .map(|item| converted_value(item, name))
            .collect(),
        Toml::InlineTable(table) => {
            let members = table.iter();
            let members = members.map(|(key, value)| (name(key), converted_value(value, name)));
            Value::Object(members.collect())
        }
    }
}

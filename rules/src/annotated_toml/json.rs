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
    match item {
        Item::Value(value) => json_of_value(value),
        Item::Table(table) => {
            let members = table.iter().map(|(key, item)| (camel(key), json_of(item)));
            Value::Object(members.collect())
        }
        Item::ArrayOfTables(tables) => tables
            .iter()
            .map(|table| json_of(&Item::Table(table.clone())))
            .collect(),
        Item::None => Value::Null,
    }
}

fn json_of_value(value: &Toml) -> Value {
    match value {
        Toml::String(text) => json!(text.value()),
        Toml::Integer(number) => json!(number.value()),
        Toml::Float(number) => json!(number.value()),
        Toml::Boolean(truth) => json!(truth.value()),
        Toml::Datetime(moment) => json!(moment.value().to_string()),
        Toml::Array(items) => items.iter().map(json_of_value).collect(),
        Toml::InlineTable(table) => {
            let members = table
                .iter()
                .map(|(key, value)| (camel(key), json_of_value(value)));
            Value::Object(members.collect())
        }
    }
}

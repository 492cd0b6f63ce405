// SPDX-License-Identifier: MPL-2.0
//! The JSON Schema of a conditional, with little memory: the forms have a thousand of them.
//!
//! Unlike a [`Value`], it borrows the words that the program knows, and shares parts instead of copying them.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use super::Nested;

/// A word, borrowed when the program knows it.
pub(super) type Word = Cow<'static, str>;

#[derive(Clone, Debug)]
pub(super) enum Schema {
    Null,
    Bool(bool),
    Number(Number),
    Text(Word),
    List(Vec<Schema>),
    /// Keys differ; they keep their order.
    Object(Vec<(Word, Schema)>),
    /// A conditional inside another one.
    Part(Nested),
}

/// Writes a [`Schema`] as JSON. Anything but a single word, a list or an object is in parentheses.
macro_rules! schema {
    ({ $($key:tt: $value:tt),* $(,)? }) => { $crate::conditional::schema::Schema::Object(vec![$(($key.into(), schema!($value))),*]) };
    ([ $($item:tt),* $(,)? ]) => { $crate::conditional::schema::Schema::List(vec![$(schema!($item)),*]) };
    ($value:expr) => { $crate::conditional::schema::Schema::from($value) };
}
pub(super) use schema;

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                serializer.collect_map(members.iter().map(|(key, value)| (key, value)))
            }
            Self::Part(Nested(body)) => body.schema.serialize(serializer),
        }
    }
}

macro_rules! from {
    ($($kind:ty: $value:ident => $schema:expr,)+) => {
        $(impl From<$kind> for Schema {
            fn from($value: $kind) -> Self {
                $schema
            }
        })+
    };
}

from! {
    bool: value => Self::Bool(value),
    u32: value => Self::Number(value.into()),
    i64: value => Self::Number(value.into()),
    Number: value => Self::Number(value),
    &'static str: value => Self::Text(value.into()),
    String: value => Self::Text(value.into()),
    Nested: value => Self::Part(value),
    Value: value => match value {
        Value::Null => Self::Null,
        Value::Bool(bool) => Self::Bool(bool),
        Value::Number(number) => Self::Number(number),
        Value::String(text) => Self::Text(text.into()),
        Value::Array(items) => items.into(),
        Value::Object(members) => Self::Object(
            members.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        ),
    },
}

impl<T: Into<Self>> From<Vec<T>> for Schema {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

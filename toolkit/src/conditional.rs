// SPDX-License-Identifier: MPL-2.0
//! The conditional language: questions about a record, a user or a moment, written as Rust and sent as JSON Schema.
//!
//! Core evaluates a conditional against one object that holds the form values (`$form`), today (`$now`), the user
//! (`$user`), the record (`$event`, `$status`, `$flags`) and the connection (`$online`). It finds the compiled schema
//! again by its `$id`, so an `$id` must stand for one content only; here it is a hash of the content.

mod date;
mod field;
mod record;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use date::{DateBound, DateComparison, Days};
pub use field::{
    Evaluation, FieldId, FieldReference, NumberOperand, Operand, field, form_conditional,
};
pub use record::{
    Computed, EventColumn, EventFieldReference, EventReference, HasAction, Jurisdiction,
    JurisdictionReference, LocationLevel, Now, ScopeOption, UserField, UserFieldReference,
    UserReference, Window, evaluate, event, flag, now, status, user, window,
};

/// A question that core can answer with yes or no, complete in itself.
///
/// Serialised, it carries the `$id` under which core keeps it; inside another conditional it carries none.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditional {
    body: Arc<Body>,
    chain: Option<Chain>,
}

/// Shared by the clones of a conditional: one question often guards a whole page of fields.
#[derive(Clone, Debug)]
struct Body {
    schema: Value,
    id: OnceLock<String>,
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
    }
}

/// A part of a conditional: any [`Conditional`], or [`always_true`], which may not stand alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Nested(Value);

/// The keyword that a `.and()` or `.or()` chain grows, so that a chain of three stays one flat list.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Chain {
    And,
    Or,
}

/// Holds when all parts hold.
pub fn and<P: Into<Nested>>(parts: impl IntoIterator<Item = P>) -> Conditional {
    list("allOf", parts)
}

/// Holds when at least one part holds.
pub fn or<P: Into<Nested>>(parts: impl IntoIterator<Item = P>) -> Conditional {
    list("anyOf", parts)
}

/// Holds when the part does not.
pub fn not(part: impl Into<Nested>) -> Conditional {
    Conditional::new(json!({ "type": "object", "not": part.into().0, "required": [] }))
}

/// Holds at no time; hides what it guards.
pub fn never() -> Conditional {
    not(always_true())
}

/// Holds at all times.
pub fn always() -> Conditional {
    Conditional::new(json!({}))
}

/// Holds at all times, inside another conditional only: core crashes on a conditional without `$id`.
pub fn always_true() -> Nested {
    Nested(json!({}))
}

fn list<P: Into<Nested>>(keyword: &str, parts: impl IntoIterator<Item = P>) -> Conditional {
    let parts: Vec<Value> = parts.into_iter().map(|part| part.into().0).collect();
    Conditional::new(json!({ "type": "object", keyword: parts, "required": [] }))
}

impl Conditional {
    pub(crate) fn new(body: Value) -> Self {
        Self {
            body: Arc::new(Body {
                schema: body,
                id: OnceLock::new(),
            }),
            chain: None,
        }
    }

    /// Holds when this and the other hold; `a.and(b).and(c)` is one list of three.
    pub fn and(self, other: impl Into<Nested>) -> Self {
        self.join(Chain::And, other.into())
    }

    /// Holds when this or the other holds; `a.or(b).or(c)` is one list of three.
    pub fn or(self, other: impl Into<Nested>) -> Self {
        self.join(Chain::Or, other.into())
    }

    fn join(self, chain: Chain, other: Nested) -> Self {
        let keyword = match chain {
            Chain::And => "allOf",
            Chain::Or => "anyOf",
        };
        let grows = self.chain == Some(chain);
        let mut schema = Nested::from(self).0;
        let parts = schema.get_mut(keyword).and_then(Value::as_array_mut);
        match parts.filter(|_| grows) {
            Some(parts) => {
                parts.push(other.0);
                Self {
                    chain: Some(chain),
                    ..Self::new(schema)
                }
            }
            None => Self {
                chain: Some(chain),
                ..list(keyword, [Nested(schema), other])
            },
        }
    }

    /// The schema without its `$id`, as it stands inside another conditional.
    pub fn schema(&self) -> &Value {
        &self.body.schema
    }

    /// The `$id` under which core keeps the compiled schema: equal for equal content, different otherwise.
    pub fn schema_id(&self) -> &str {
        self.body.id.get_or_init(|| {
            let mut hash = Sha256::new();
            canonical(&self.body.schema, &mut hash);
            let mut id = "https://opencrvs.org/conditionals/".to_owned();
            for byte in hash.finalize().iter().take(20) {
                for half in [byte >> 4, byte & 0xf] {
                    id.extend(char::from_digit(half.into(), 16));
                }
            }
            id
        })
    }

    /// The form fields that the conditional asks about.
    pub fn fields(&self) -> BTreeSet<String> {
        mentions(&self.body.schema).fields
    }

    /// The record flags that the conditional asks about.
    pub fn flags(&self) -> BTreeSet<String> {
        mentions(&self.body.schema).flags
    }
}

impl Nested {
    /// The schema as it stands inside another conditional.
    pub fn schema(&self) -> &Value {
        &self.0
    }
}

impl From<&Conditional> for Conditional {
    fn from(conditional: &Conditional) -> Self {
        conditional.clone()
    }
}

impl From<Conditional> for Nested {
    fn from(conditional: Conditional) -> Self {
        Self(
            Arc::try_unwrap(conditional.body)
                .unwrap_or_else(|shared| (*shared).clone())
                .schema,
        )
    }
}

impl From<&Conditional> for Nested {
    fn from(conditional: &Conditional) -> Self {
        Self(conditional.body.schema.clone())
    }
}

impl Serialize for Conditional {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut top = serializer.serialize_map(None)?;
        top.serialize_entry("$id", self.schema_id())?;
        for (key, value) in self.body.schema.as_object().into_iter().flatten() {
            top.serialize_entry(key, value)?;
        }
        top.end()
    }
}

/// What a schema, wherever it stands in a document, asks about.
#[derive(Default)]
pub(crate) struct Mentions {
    pub(crate) fields: BTreeSet<String>,
    pub(crate) flags: BTreeSet<String>,
}

/// Collects the fields and flags that a schema asks about, nested schemas included.
pub(crate) fn mentions(schema: &Value) -> Mentions {
    let mut found = Mentions::default();
    collect(schema, &mut found);
    found
}

fn collect(schema: &Value, found: &mut Mentions) {
    match schema {
        Value::Object(object) => {
            let properties = object.get("properties");
            let form = properties
                .and_then(|p| p.pointer("/$form/properties"))
                .and_then(Value::as_object);
            if let Some(form) = form {
                found.fields.extend(form.keys().cloned());
            }
            let flag = properties
                .and_then(|p| p.pointer("/$flags/contains/const"))
                .and_then(Value::as_str);
            found.flags.extend(flag.map(str::to_owned));
            object.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// The content with sorted keys, into a hash: schemas that differ in key order only are one schema.
fn canonical(value: &Value, hash: &mut Sha256) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            hash.update("{");
            for (key, value) in entries {
                text(key, hash);
                canonical(value, hash);
            }
            hash.update("}");
        }
        Value::Array(items) => {
            hash.update("[");
            for item in items {
                canonical(item, hash);
            }
            hash.update("]");
        }
        Value::String(string) => text(string, hash),
        other => {
            hash.update(other.to_string());
            hash.update(",");
        }
    }
}

/// Its length goes first, so that no two documents run into the same bytes.
fn text(text: &str, hash: &mut Sha256) {
    hash.update(text.len().to_be_bytes());
    hash.update(text);
}

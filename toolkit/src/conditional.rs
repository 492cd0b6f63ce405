// SPDX-License-Identifier: MPL-2.0
//! The conditional language: questions about a record, a user or a moment, written as Rust and sent as JSON Schema.
//!
//! Core evaluates a conditional against one object that holds the form values (`$form`), today (`$now`), the user
//! (`$user`), the record (`$event`, `$status`, `$flags`) and the connection (`$online`). It finds the compiled schema
//! again by its `$id`, so an `$id` must stand for one content only; here it is a hash of the content.

mod date;
mod field;
mod record;
mod schema;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use schema::{Schema, schema};

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
#[derive(Clone, Debug)]
pub struct Conditional {
    body: Arc<Body>,
    /// The keyword and the parts of an `.and()` or `.or()` chain, so that a chain of three is one flat list.
    chain: Option<(&'static str, Vec<Nested>)>,
}

/// Shared by the clones of a conditional and by those that contain it: one often guards a whole page.
#[derive(Debug)]
struct Body {
    schema: Schema,
    id: OnceLock<String>,
}

/// A part of a conditional: any [`Conditional`], or [`always_true`], which may not stand alone.
#[derive(Clone, Debug)]
pub struct Nested(Arc<Body>);

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
    Conditional::new(schema!({ "type": "object", "not": (part.into()), "required": [] }))
}

/// Holds at no time; hides what it guards.
pub fn never() -> Conditional {
    not(always_true())
}

/// Holds at all times.
pub fn always() -> Conditional {
    Conditional::new(schema!({}))
}

/// Holds at all times, inside another conditional only: core crashes on a conditional without `$id`.
pub fn always_true() -> Nested {
    always().into()
}

fn list<P: Into<Nested>>(keyword: &'static str, parts: impl IntoIterator<Item = P>) -> Conditional {
    let parts: Vec<Nested> = parts.into_iter().map(Into::into).collect();
    Conditional::new(schema!({ "type": "object", keyword: parts, "required": [] }))
}

impl Conditional {
    fn new(schema: Schema) -> Self {
        Self {
            body: Arc::new(Body {
                schema,
                id: OnceLock::new(),
            }),
            chain: None,
        }
    }

    /// Holds when this and the other hold; `a.and(b).and(c)` is one list of three.
    pub fn and(self, other: impl Into<Nested>) -> Self {
        self.join("allOf", other.into())
    }

    /// Holds when this or the other holds; `a.or(b).or(c)` is one list of three.
    pub fn or(self, other: impl Into<Nested>) -> Self {
        self.join("anyOf", other.into())
    }

    /// A conditional as it is served; `$id`s are left out, and its own is made again.
    pub fn from_schema(schema: Value) -> Self {
        Self::new(without_schema_ids(schema).into())
    }

    fn join(self, keyword: &'static str, other: Nested) -> Self {
        let mut parts = match self.chain {
            Some((grown, parts)) if grown == keyword => parts,
            _ => vec![Nested(self.body)],
        };
        parts.push(other);
        Self {
            chain: Some((keyword, parts.clone())),
            ..list(keyword, parts)
        }
    }

    /// The schema without its `$id`, as it stands inside another conditional.
    pub fn schema(&self) -> Value {
        json!(self.body.schema)
    }

    /// The `$id` under which core keeps the compiled schema: equal for equal content, different otherwise.
    pub fn schema_id(&self) -> &str {
        self.body.id.get_or_init(|| {
            let mut content = Vec::new();
            canonical(&self.body.schema, &mut content);
            let mut id = "https://opencrvs.org/conditionals/".to_owned();
            for byte in Sha256::digest(content).iter().take(20) {
                for half in [byte >> 4, byte & 0xf] {
                    id.extend(char::from_digit(half.into(), 16));
                }
            }
            id
        })
    }

    /// The form fields that the conditional asks about.
    pub fn fields(&self) -> BTreeSet<String> {
        mentions(&self.schema()).fields
    }

    /// The record flags that the conditional asks about.
    pub fn flags(&self) -> BTreeSet<String> {
        mentions(&self.schema()).flags
    }
}

impl Nested {
    /// The schema as it stands inside another conditional.
    pub fn schema(&self) -> Value {
        json!(self.0.schema)
    }
}

impl From<&Conditional> for Conditional {
    fn from(conditional: &Conditional) -> Self {
        conditional.clone()
    }
}

impl From<Conditional> for Nested {
    fn from(conditional: Conditional) -> Self {
        Self(conditional.body)
    }
}

impl From<&Conditional> for Nested {
    fn from(conditional: &Conditional) -> Self {
        Self(conditional.body.clone())
    }
}

/// Conditionals are equal if their content is equal, however they were built.
impl PartialEq for Conditional {
    fn eq(&self, other: &Self) -> bool {
        self.schema_id() == other.schema_id()
    }
}

impl Serialize for Conditional {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut top = serializer.serialize_map(None)?;
        top.serialize_entry("$id", self.schema_id())?;
        if let Schema::Object(members) = &self.body.schema {
            for (key, value) in members {
                top.serialize_entry(key, value)?;
            }
        }
        top.end()
    }
}

/// The fields and flags that a schema, at any place in a document, asks about.
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

/// The content with sorted keys, to be hashed: schemas that differ in key order only are one schema.
fn canonical(schema: &Schema, content: &mut Vec<u8>) {
    match schema {
        Schema::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| key);
            content.push(b'{');
            for (key, value) in members {
                text(key, content);
                canonical(value, content);
            }
            content.push(b'}');
        }
        Schema::List(items) => {
            content.push(b'[');
            for item in items {
                canonical(item, content);
            }
            content.push(b']');
        }
        Schema::Text(string) => text(string, content),
        Schema::Part(Nested(body)) => canonical(&body.schema, content),
        Schema::Null => content.extend_from_slice(b"null,"),
        Schema::Bool(bool) => content.extend_from_slice(format!("{bool},").as_bytes()),
        Schema::Number(number) => content.extend_from_slice(format!("{number},").as_bytes()),
    }
}

/// Adds a text after its length, so that different documents never give the same bytes.
fn text(text: &str, content: &mut Vec<u8>) {
    content.extend_from_slice(&text.len().to_be_bytes());
    content.extend_from_slice(text.as_bytes());
}

/// Removes the `$id`s of schemas from a document. They are made again from the content.
pub fn without_schema_ids(mut document: Value) -> Value {
    remove_schema_ids(&mut document);
    document
}

fn remove_schema_ids(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|key, value| key != "$id" || !value.is_string());
            members.values_mut().for_each(remove_schema_ids);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_schema_ids),
        _ => {}
    }
}

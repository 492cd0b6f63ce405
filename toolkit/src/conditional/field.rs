// SPDX-License-Identifier: MPL-2.0
//! Questions about form fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::schema::{Schema, Word, schema};
use super::{Conditional, Nested};
use crate::json_pointer::escaped;

/// Letters of the Latin script, digits, apostrophes, dots and hyphens; one part of each word may be in
/// parentheses; single spaces.
const ENGLISH_NAME: &str = concat!(
    r"^[\p{Script=Latin}0-9'.-]*(\([\p{Script=Latin}0-9'.-]+\))?[\p{Script=Latin}0-9'.-]*",
    r"( [\p{Script=Latin}0-9'.-]*(\([\p{Script=Latin}0-9'.-]+\))?[\p{Script=Latin}0-9'.-]*)*$"
);

/// A form field, or a part of its value, as other fields and conditionals point at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldReference {
    #[serde(rename = "$$field")]
    id: String,
    #[serde(rename = "$$subfield", default)]
    path: Vec<String>,
}

/// A field named by id alone, as DATA entries and summaries take it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldId {
    /// Id of the field.
    #[serde(rename = "fieldId")]
    pub field_id: String,
}

/// A value that the browser computes from another field, with JavaScript source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    #[serde(rename = "$$code")]
    code: String,
    #[serde(flatten)]
    field: FieldReference,
}

/// The right side of a field's comparison: a literal, or another field.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A string, a number or a boolean.
    Literal(Value),
    /// The value of another field.
    Field(FieldReference),
}

/// The right side of a number's comparison: a literal, or another field.
#[derive(Clone, Debug, PartialEq)]
pub enum NumberOperand {
    /// A number.
    Literal(serde_json::Number),
    /// The value of another field.
    Field(FieldReference),
}

/// The form field with this id.
pub fn field(id: impl Into<String>) -> FieldReference {
    FieldReference {
        id: id.into(),
        path: Vec::new(),
    }
}

/// A conditional whose `$form` must satisfy the given schema, for cases without a builder.
pub fn form_conditional(form: impl Into<Value>) -> Conditional {
    about_form(form.into().into())
}

fn about_form(form: Schema) -> Conditional {
    Conditional::new(
        schema!({ "type": "object", "properties": { "$form": form }, "required": ["$form"] }),
    )
}

impl FieldReference {
    /// Id of the field, without the path into its value.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Keys that lead into the field's value, outermost first; empty for the value itself.
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// A part of the field's value; dots separate the keys.
    pub fn get(mut self, path: &str) -> Self {
        self.path.extend(path.split('.').map(str::to_owned));
        self
    }

    /// A part of the field's value by keys that may hold dots.
    pub fn get_by_path<S: Into<String>>(mut self, keys: impl IntoIterator<Item = S>) -> Self {
        self.path.extend(keys.into_iter().map(Into::into));
        self
    }

    /// The field by its id alone.
    pub fn get_id(self) -> FieldId {
        FieldId { field_id: self.id }
    }

    /// The years of an AGE field.
    pub fn as_age(self) -> Self {
        self.get("age")
    }

    /// The date of birth that core derives from an AGE field.
    pub fn as_dob(self) -> Self {
        self.get("dob")
    }

    /// Holds when the value equals a literal, or the value of another field when both are there.
    pub fn equals(&self, operand: impl Into<Operand>) -> Conditional {
        let kinds = || schema!(["string", "boolean", "number"]);
        match operand.into() {
            Operand::Literal(literal) => {
                self.must_be(schema!({ "type": (kinds()), "const": literal }))
            }
            Operand::Field(other) => {
                let here = schema!({ "type": (kinds()), "const": { "$data": (other.absolute_pointer()) } });
                form(
                    [
                        (&self.id, self.wrap(here)),
                        (&other.id, other.wrap(schema!({ "type": (kinds()) }))),
                    ],
                    Some(&[&self.id, &other.id]),
                )
            }
        }
    }

    /// Holds when the number is greater.
    pub fn is_greater_than(&self, operand: impl Into<NumberOperand>) -> Conditional {
        self.limited("exclusiveMinimum", operand.into())
    }

    /// Holds when the number is smaller.
    pub fn is_less_than(&self, operand: impl Into<NumberOperand>) -> Conditional {
        self.limited("exclusiveMaximum", operand.into())
    }

    /// Holds when the number lies between the two, limits included.
    pub fn is_between(&self, minimum: impl Into<Value>, maximum: impl Into<Value>) -> Conditional {
        self.must_be(
            schema!({ "type": "number", "minimum": (minimum.into()), "maximum": (maximum.into()) }),
        )
    }

    /// Holds when the value is one of the strings.
    pub fn in_array<S: Into<String>>(&self, values: impl IntoIterator<Item = S>) -> Conditional {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        self.must_be(schema!({ "type": "string", "enum": values }))
    }

    /// Holds when there is no value, or it is null, false or the empty string; zero is a value.
    pub fn is_falsy(&self) -> Conditional {
        let falsy = schema!({
            "anyOf": [{ "const": "undefined" }, { "const": false }, { "const": (Schema::Null) }, { "const": "" }]
        });
        let schema = if self.path.is_empty() {
            falsy
        } else {
            schema!({ "anyOf": [{ "const": (Schema::Null) }, (self.wrap_optional(falsy))] })
        };
        let id = || self.id.clone();
        about_form(schema!({
            "type": "object",
            "properties": { (id()): schema },
            "anyOf": [{ "required": [(id())] }, { "not": { "required": [(id())] } }]
        }))
    }

    /// Holds when the form has no such key; null is a value.
    pub fn is_undefined(&self) -> Conditional {
        let undefined = self.wrap(schema!({ "type": "string", "enum": ["undefined"] }));
        about_form(schema!({
            "type": "object",
            "properties": { (self.id.clone()): undefined },
            "not": { "required": [(self.id.clone())] }
        }))
    }

    /// Holds when every named part of the value satisfies its conditional, each of which asks about the part's name.
    pub fn object<N: Into<Nested>>(&self, parts: impl IntoIterator<Item = N>) -> Conditional {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for part in parts {
            let part = part.into().schema();
            let form = part.pointer("/properties/$form");
            if let Some(Value::Object(own)) = form.and_then(|form| form.get("properties")) {
                properties.extend(own.clone());
            }
            if let Some(Value::Array(own)) = form.and_then(|form| form.get("required")) {
                required.extend(own.clone());
            }
        }
        self.satisfies(json!({ "type": "object", "properties": properties, "required": required }))
    }

    /// Holds when the string matches the pattern, an ECMAScript regular expression with the `u` flag, not anchored.
    pub fn matches(&self, pattern: &str) -> Conditional {
        self.must_be(schema!({ "type": "string", "pattern": (pattern.to_owned()) }))
    }

    /// Holds when the string matches the pattern, or there is none.
    pub fn matches_if_present(&self, pattern: &str) -> Conditional {
        self.may_be(schema!({ "type": "string", "pattern": (pattern.to_owned()) }))
    }

    /// Holds when a name is written in Latin letters, digits and `'.-()`, or is absent.
    pub fn is_valid_english_name(&self) -> Conditional {
        self.may_be(schema!({
            "type": "string",
            "pattern": ENGLISH_NAME,
            "description": "A name holds Latin letters, digits, apostrophes, dots, hyphens and single spaces."
        }))
    }

    /// Holds when an ADDRESS names an area of the lowest level, or is abroad and names none.
    pub fn is_valid_administrative_leaf_level(&self) -> Conditional {
        let area =
            schema!({ "administrativeArea": { "type": "string", "isLeafLevelLocation": true } });
        let said = "A domestic address names an administrative area of the lowest level.";
        self.may_be(schema!({
            "if": { "type": "object", "properties": { "addressType": { "const": "DOMESTIC" } } },
            "then": {
                "type": "object",
                "properties": (area.clone()),
                "description": said,
                "required": ["administrativeArea"]
            },
            "else": { "type": "object", "properties": area, "description": said }
        }))
    }

    /// Holds when the value is there and satisfies the given schema, for cases without a builder.
    pub fn satisfies(&self, schema: impl Into<Value>) -> Conditional {
        self.must_be(schema.into().into())
    }

    /// Holds when the self-contained JavaScript function `(value, context) => boolean` returns true.
    pub fn custom_client_validator(&self, code: &str) -> Conditional {
        self.must_be(schema!({ "customClientValidator": { "code": (code.to_owned()) } }))
    }

    /// A value computed in the browser by the self-contained JavaScript function `(value, context) => …`.
    pub fn custom_client_evaluation(self, code: impl Into<String>) -> Evaluation {
        Evaluation {
            code: code.into(),
            field: self,
        }
    }

    fn limited(&self, keyword: &'static str, operand: NumberOperand) -> Conditional {
        match operand {
            NumberOperand::Literal(number) => {
                self.must_be(schema!({ "type": "number", keyword: number }))
            }
            NumberOperand::Field(other) => {
                let pointer = self.relative_pointer(&other);
                let here = schema!({ "type": ["number"], keyword: { "$data": pointer } });
                form(
                    [
                        (&self.id, self.wrap(here)),
                        (&other.id, other.wrap(schema!({ "type": "number" }))),
                    ],
                    Some(&[&self.id]),
                )
            }
        }
    }

    /// The value must be there and satisfy the schema.
    pub(super) fn must_be(&self, schema: Schema) -> Conditional {
        form([(&self.id, self.wrap(schema))], Some(&[&self.id]))
    }

    /// As [`Self::satisfies`], of a schema that points at the value of another field, which may be absent. The schema
    /// is made with the pointer. The fields are different ones.
    pub fn satisfies_beside(
        &self,
        other: &Self,
        schema: impl FnOnce(String) -> Value,
        other_schema: impl Into<Value>,
    ) -> Conditional {
        let schema = schema(self.relative_pointer(other));
        self.must_be_relative_to(schema.into(), other, other_schema.into().into())
    }

    /// As [`Self::must_be`], with a second field that the schema points at and that may be absent.
    pub(super) fn must_be_relative_to(
        &self,
        schema: Schema,
        other: &Self,
        other_schema: Schema,
    ) -> Conditional {
        form(
            [
                (&self.id, self.wrap(schema)),
                (&other.id, other.wrap(other_schema)),
            ],
            Some(&[&self.id]),
        )
    }

    fn may_be(&self, schema: Schema) -> Conditional {
        form([(&self.id, self.wrap_optional(schema))], None)
    }

    /// Leads a schema down the path, every key required.
    fn wrap(&self, schema: Schema) -> Schema {
        let required = |key: &String| schema!([(key.clone())]);
        self.path.iter().rev().fold(
            schema,
            |inner, key| schema!({ "type": "object", "properties": { (key.clone()): inner }, "required": (required(key)) }),
        )
    }

    /// Leads a schema down the path, no key required.
    fn wrap_optional(&self, schema: Schema) -> Schema {
        self.path.iter().rev().fold(
            schema,
            |inner, key| schema!({ "type": "object", "properties": { (key.clone()): inner } }),
        )
    }

    fn absolute_pointer(&self) -> String {
        format!("/$form/{}", self.pointer())
    }

    /// A pointer from this value to another: as many levels up as the path is deep, and one more for the field itself.
    pub(super) fn relative_pointer(&self, other: &Self) -> String {
        format!("{}/{}", self.path.len() + 1, other.pointer())
    }

    fn pointer(&self) -> String {
        let keys: Vec<_> = std::iter::once(&self.id)
            .chain(&self.path)
            .map(|key| escaped(key))
            .collect();
        keys.join("/")
    }
}

fn form<const N: usize>(
    properties: [(&String, Schema); N],
    required: Option<&[&String]>,
) -> Conditional {
    let mut members: Vec<(Word, Schema)> = Vec::with_capacity(N);
    for (id, schema) in properties {
        // A field that is compared with a part of itself stands here once.
        members.retain(|(other, _)| other != id);
        members.push((id.clone().into(), schema));
    }
    let mut form = vec![
        ("type".into(), "object".into()),
        ("properties".into(), Schema::Object(members)),
    ];
    if let Some(required) = required {
        let required: Vec<String> = required.iter().copied().cloned().collect();
        form.push(("required".into(), required.into()));
    }
    about_form(Schema::Object(form))
}

impl From<&FieldReference> for FieldReference {
    fn from(reference: &FieldReference) -> Self {
        reference.clone()
    }
}

impl From<FieldReference> for Operand {
    fn from(reference: FieldReference) -> Self {
        Self::Field(reference)
    }
}

impl From<FieldReference> for NumberOperand {
    fn from(reference: FieldReference) -> Self {
        Self::Field(reference)
    }
}

macro_rules! literals {
    ($operand:ty: $($literal:ty),+) => {
        $(impl From<$literal> for $operand {
            fn from(literal: $literal) -> Self {
                Self::Literal(literal.into())
            }
        })+
    };
}

literals!(Operand: &str, String, bool, i32, i64, u32, f64);
literals!(NumberOperand: i32, i64, u32, u64);

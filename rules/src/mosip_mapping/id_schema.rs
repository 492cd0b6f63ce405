// SPDX-License-Identifier: MPL-2.0
//! The identity schema of MOSIP: the fields that MOSIP keeps, and their form. Read only as far as is needed
//! to check packets against it.

use crate::annotated_toml::position;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::expression::Kind;
use opencrvs_toolkit::evaluate::Pattern;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The longest schema, in bytes. It goes with every packet.
const LONGEST: usize = 256 * 1024;
/// The most references that are followed one after the other.
const REFERENCES: usize = 8;
/// The JSON pointer to the fields.
const FIELDS: &str = "/properties/identity/properties";
/// The middleware takes this name away before MOSIP sees the packet.
const KEPT_BY_THE_MIDDLEWARE: &str = "deathCertificateNumber";

/// A schema whose fields are known.
#[derive(Debug)]
pub(super) struct IdSchema {
    /// The schema's name in messages.
    file: String,
    /// As it is sent.
    pub(super) text: String,
    fields: BTreeMap<String, Shape>,
}

/// The form in which a field is written.
#[derive(Debug)]
enum Shape {
    /// A text, with the pattern that it matches or the texts that there are.
    Text(Option<Pattern>, Vec<String>),
    /// A list of texts with their languages.
    InLanguage,
    /// A type that no text has.
    Other(String),
}

impl IdSchema {
    /// Reads a schema.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let error = |(line, column): (usize, usize), message: String| {
            let file = file.to_owned();
            Diagnostic {
                line,
                column,
                ..Diagnostic::of_file(file, message)
            }
        };
        if text.len() > LONGEST {
            let message = format!("the schema is larger than {} KiB", LONGEST / 1024);
            return Err(vec![error((1, 1), message)]);
        }
        let schema: Value = serde_json::from_str(text).map_err(|fault| {
            let message = format!("the schema is not JSON: {fault}");
            vec![error((fault.line(), fault.column()), message)]
        })?;
        let Some(given) = schema.pointer(FIELDS).and_then(Value::as_object) else {
            let message = "the schema has no `properties.identity.properties`: there MOSIP looks for its fields";
            return Err(vec![error((1, 1), message.to_owned())]);
        };
        let mut fields = BTreeMap::new();
        let mut found = Vec::new();
        for (name, field) in given {
            match shape(&schema, field) {
                Ok(shape) => {
                    fields.insert(name.clone(), shape);
                }
                Err(what) => {
                    let at = text.find(&format!("\"{name}\"")).unwrap_or_default();
                    found.push(error(position(text, at), format!("`{name}` {what}")));
                }
            }
        }
        if !found.is_empty() {
            return Err(found);
        }
        Ok(Self {
            file: file.to_owned(),
            text: schema.to_string(),
            fields,
        })
    }

    /// The objection of the schema to a field of a packet and a kind of value in it, and the remedy.
    pub(super) fn objection(&self, name: &str, kinds: &[Kind]) -> Option<(String, Option<String>)> {
        if name == KEPT_BY_THE_MIDDLEWARE {
            return None;
        }
        let Some(shape) = self.fields.get(name) else {
            let message = format!("MOSIP drops `{name}`: {} does not name it", self.file);
            let hint = did_you_mean(name, self.fields.keys().map(String::as_str));
            return Some((message, hint));
        };
        if let Shape::Other(what) = shape {
            let message = format!(
                "`{name}` is of the type `{what}`, not a text, in {}",
                self.file
            );
            return Some((message, None));
        }
        kinds.iter().find_map(|kind| {
            let (what, hint) = shape.objection(kind)?;
            let message = format!("`{name}` {what} in {}", self.file);
            Some((message, hint.map(str::to_owned)))
        })
    }
}

impl Shape {
    fn objection(&self, kind: &Kind) -> Option<(String, Option<&'static str>)> {
        match (self, kind) {
            (Self::InLanguage, Kind::Text(_)) => Some((
                "is a text with its language".to_owned(),
                Some("write in_language(\"eng\", …)"),
            )),
            (Self::Text(..), Kind::InLanguage) => Some((
                "is a text without a language".to_owned(),
                Some("leave `in_language` out"),
            )),
            (Self::Text(pattern, choices), Kind::Text(Some(text))) => {
                let matches = pattern.as_ref().is_none_or(|pattern| pattern.matches(text));
                let is_one = choices.is_empty() || choices.contains(text);
                (!matches || !is_one).then(|| (format!("is never written like `{text}`"), None))
            }
            _ => None,
        }
    }
}

/// The form in which a field is written, or the fault in what the schema says about it.
fn shape(schema: &Value, field: &Value) -> Result<Shape, String> {
    let mut field = object(field)?;
    for _ in 0..REFERENCES {
        let Some(reference) = field.get("$ref") else {
            return described(field);
        };
        let path = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let target = path.and_then(|path| schema.pointer(path));
        field = object(target.ok_or(format!("refers to {reference}, which is not there"))?)?;
    }
    Err("refers in a circle".to_owned())
}

fn object(field: &Value) -> Result<&Map<String, Value>, String> {
    field.as_object().ok_or("is not an object".to_owned())
}

fn described(field: &Map<String, Value>) -> Result<Shape, String> {
    let types: Vec<&str> = match field.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let has = |wanted: &str| types.contains(&wanted);
    if has("string") {
        // A pattern that cannot be run here is MOSIP's to judge.
        let pattern = field.get("pattern").and_then(Value::as_str);
        let pattern = pattern.and_then(|pattern| Pattern::new(pattern).ok());
        let choices = field.get("enum").and_then(Value::as_array);
        let choices = choices.into_iter().flatten().filter_map(Value::as_str);
        return Ok(Shape::Text(pattern, choices.map(str::to_owned).collect()));
    }
    match types.first() {
        Some(&"array") => Ok(Shape::InLanguage),
        Some(other) => Ok(Shape::Other((*other).to_owned())),
        None => Err("has neither `type` nor `$ref`".to_owned()),
    }
}

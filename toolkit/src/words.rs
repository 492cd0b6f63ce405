// SPDX-License-Identifier: MPL-2.0
//! Conditionals in the short form in which a country's rules and forms write conditions.
//!
//! ```
//! use opencrvs_toolkit::{prelude::*, words::words};
//!
//! let shown = field("child.placeOfBirth").equals("OTHER").and(not(flag("revoked")));
//! assert_eq!(words(&shown.schema()).as_deref(), Some("child.placeOfBirth == 'OTHER' && !flag('revoked')"));
//! ```

use serde_json::{Map, Value};

/// The short form that is translated to this conditional again; none if there is none.
pub fn words(schema: &Value) -> Option<String> {
    whole(schema).map(|words| words.text)
}

/// A condition, and the operator between its parts.
struct Words {
    text: String,
    operator: Operator,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    /// A comparison: only `!` needs brackets around it.
    Comparison,
    /// A call or `!`.
    Unit,
}

impl Words {
    fn unit(text: String) -> Self {
        Self {
            text,
            operator: Operator::Unit,
        }
    }

    fn comparison(text: String) -> Self {
        Self {
            text,
            operator: Operator::Comparison,
        }
    }
}

fn whole(schema: &Value) -> Option<Words> {
    let object = schema.as_object()?;
    if object.is_empty() {
        return Some(Words::unit("true".into()));
    }
    for (keyword, operator, sign) in [
        ("allOf", Operator::And, " && "),
        ("anyOf", Operator::Or, " || "),
    ] {
        if let Some(parts) = object.get(keyword).and_then(Value::as_array) {
            if !is_frame(object, keyword) || parts.len() < 2 || is_nested(object, keyword) {
                return None;
            }
            let parts: Option<Vec<_>> = parts.iter().map(whole).collect();
            let parts = parts?.into_iter().map(|part| match part.operator {
                Operator::And | Operator::Or => format!("({})", part.text),
                Operator::Comparison | Operator::Unit => part.text,
            });
            let text = parts.collect::<Vec<_>>().join(sign);
            return Some(Words { text, operator });
        }
    }
    if let Some(inner) = object.get("not") {
        if !is_frame(object, "not") {
            return None;
        }
        if inner.as_object().is_some_and(Map::is_empty) {
            return Some(Words::unit("false".into()));
        }
        let inner = whole(inner)?;
        return match inner.operator {
            Operator::Unit if inner.text.starts_with('!') => None,
            Operator::Unit if inner.text == "true" || inner.text == "false" => None,
            Operator::Unit => Some(Words::unit(format!("!{}", inner.text))),
            _ => Some(Words::unit(format!("!({})", inner.text))),
        };
    }
    question(object)
}

/// `{ "type": "object", keyword: …, "required": [] }`.
fn is_frame(object: &Map<String, Value>, keyword: &str) -> bool {
    let is_object = object.get("type").is_some_and(|kind| kind == "object");
    let required = object.get("required").and_then(Value::as_array);
    object.len() == 3
        && object.contains_key(keyword)
        && is_object
        && required.is_some_and(Vec::is_empty)
}

/// Checks whether a part is a list of the same kind, which words would merge into one list.
fn is_nested(object: &Map<String, Value>, keyword: &str) -> bool {
    let parts = object.get(keyword).and_then(Value::as_array);
    parts
        .into_iter()
        .flatten()
        .any(|part| part.get(keyword).is_some_and(Value::is_array))
}

/// A question about one thing.
fn question(object: &Map<String, Value>) -> Option<Words> {
    let properties = object.get("properties")?.as_object()?;
    let (subject, asked) = properties.iter().next().filter(|_| properties.len() == 1)?;
    let text = |path: &str| asked.pointer(path)?.as_str();
    let found = match subject.as_str() {
        "$form" => return answer(asked),
        "$flags" => Words::unit(format!("flag({})", quoted(text("/contains/const")?)?)),
        "$status" => Words::comparison(format!("status == {}", quoted(text("/const")?)?)),
        "$online" => Words::unit("online".into()),
        "$user" => {
            if let Some(role) = text("/properties/role/const") {
                Words::comparison(format!("user.role == {}", quoted(role)?))
            } else {
                let scope = text("/properties/scope/contains/const")?;
                Words::unit(format!("user.scope({})", quoted(scope)?))
            }
        }
        "$event" => {
            let action = asked.pointer("/properties/actions")?;
            let asked = action.pointer("/contains/properties")?.as_object()?;
            if asked.len() != 1 || action.as_object()?.len() != 2 {
                return None;
            }
            let of_type = asked.get("type")?.get("const")?.as_str()?;
            Words::unit(format!("event.has_action({})", quoted(of_type)?))
        }
        _ => return None,
    };
    Some(found)
}

/// A question about an answer of the form.
fn answer(form: &Value) -> Option<Words> {
    let properties = form.get("properties")?.as_object()?;
    let (id, mut asked) = properties.iter().next().filter(|_| properties.len() == 1)?;
    if asked.get("anyOf").is_some() && form.get("anyOf").is_some() {
        let values: Vec<_> = asked
            .get("anyOf")?
            .as_array()?
            .iter()
            .map(|c| c.get("const"))
            .collect();
        return (values.len() == 4 && values.iter().all(Option::is_some))
            .then(|| Some(Words::unit(format!("empty({})", name(id, &[])?))))?;
    }
    let mut path: Vec<&str> = Vec::new();
    while let Some(inner) = asked.get("properties") {
        let inner = inner.as_object()?;
        let (key, part) = inner.iter().next().filter(|_| inner.len() == 1)?;
        path.push(key);
        asked = part;
    }
    let name = name(id, &path)?;
    let keywords = asked.as_object()?;
    let of_type = keywords.get("type");
    let is_type = |wanted: &str| of_type.is_some_and(|kind| kind == wanted);
    if let Some(value) = keywords.get("const").filter(|_| keywords.len() == 2) {
        return Some(Words::comparison(format!("{name} == {}", literal(value)?)));
    }
    if let Some(values) = keywords.get("enum").filter(|_| is_type("string")) {
        let values: Option<Vec<_>> = values.as_array()?.iter().map(literal).collect();
        return Some(Words::comparison(format!(
            "{name} in [{}]",
            values?.join(", ")
        )));
    }
    if let Some(pattern) = keywords.get("pattern").filter(|_| keywords.len() == 2) {
        let pattern = pattern.as_str()?;
        if pattern.contains('\'') || pattern.contains('\n') {
            return None;
        }
        let raw = if pattern.contains('\\') { "r" } else { "" };
        return Some(Words::unit(format!("matches({name}, {raw}'{pattern}')")));
    }
    if is_type("number") && keywords.len() == 2 {
        let (keyword, sign) = [
            ("exclusiveMinimum", ">"),
            ("exclusiveMaximum", "<"),
            ("minimum", ">="),
            ("maximum", "<="),
        ]
        .into_iter()
        .find(|(keyword, _)| keywords.contains_key(*keyword))?;
        let number = literal(keywords.get(keyword).filter(|value| value.is_number())?)?;
        return Some(Words::comparison(format!("{name} {sign} {number}")));
    }
    if is_type("string") && keywords.len() == 3 {
        for (keyword, sign) in [("formatMaximum", "<="), ("formatMinimum", ">=")] {
            if let Some(bound) = keywords.get(keyword) {
                return Some(Words::comparison(format!("{name} {sign} {}", day(bound)?)));
            }
        }
        let counted = keywords.get("daysFromDate")?;
        let days = counted.get("days")?.as_i64()?.checked_neg()?;
        let sign = if counted.get("clause")? == "after" {
            "<"
        } else {
            ">"
        };
        let from = counted
            .get("referenceDate")
            .map_or(Some("today".to_owned()), day)?;
        return Some(Words::comparison(format!(
            "days({name}, {from}) {sign} {days}"
        )));
    }
    None
}

/// A field and a part of it. A key that is not a name has no short form.
fn name(id: &str, path: &[&str]) -> Option<String> {
    let is_word = |part: &str| {
        let mut letters = part.chars();
        letters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let is_plain = id.split('.').all(is_word);
    if !path.iter().all(|part| is_word(part)) || id.contains('\'') {
        return None;
    }
    let id = if is_plain {
        id.to_owned()
    } else {
        format!("field('{id}')")
    };
    Some(path.iter().fold(id, |id, part| format!("{id}.{part}")))
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => quoted(text),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn quoted(text: &str) -> Option<String> {
    let plain = !text.contains(['\'', '\\']) && !text.contains(char::is_control);
    plain.then(|| format!("'{text}'"))
}

fn day(bound: &Value) -> Option<String> {
    match bound {
        Value::String(day) => quoted(day),
        bound => (bound.get("$data")? == "/$now").then(|| "today".to_owned()),
    }
}

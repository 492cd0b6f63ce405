// SPDX-License-Identifier: MPL-2.0
//! Conditionals in words, for people who read a form without a browser.
//!
//! ```
//! use opencrvs_toolkit::{describe::describe, prelude::*};
//!
//! let shown = field("child.placeOfBirth").equals("OTHER").and(not(user().has_role("HOSPITAL_CLERK")));
//! assert_eq!(describe(&shown.schema()), "child.placeOfBirth = OTHER and not role = HOSPITAL_CLERK");
//! ```

use serde_json::{Map, Value};

/// Describes a conditional or validator in words. Parts without words are shown as JSON.
pub fn describe(schema: &Value) -> String {
    let Value::Object(schema) = schema else {
        return schema.to_string();
    };
    let parts = |key: &str| schema.get(key).and_then(Value::as_array);
    if let Some(all) = parts("allOf") {
        return join(all, " and ");
    }
    if let Some(any) = parts("anyOf").filter(|any| {
        any.iter()
            .all(|part| part.get("type").is_some() || part == &Value::Object(Map::new()))
    }) {
        return join(any, " or ");
    }
    if let Some(not) = schema
        .get("not")
        .filter(|_| schema.get("properties").is_none())
    {
        return match describe(not).as_str() {
            "always" => "never".to_owned(),
            inner if inner.contains(" or ") || inner.contains(" and ") => format!("not ({inner})"),
            inner => format!("not {inner}"),
        };
    }
    let about = schema.get("properties").and_then(Value::as_object);
    let Some((subject, asked)) = about.and_then(|properties| properties.iter().next()) else {
        let plain = schema
            .keys()
            .all(|key| matches!(key.as_str(), "$id" | "type" | "required"));
        return if plain {
            "always".to_owned()
        } else {
            Value::Object(schema.clone()).to_string()
        };
    };
    let constant = |path: &str| asked.pointer(path).map(text);
    match subject.as_str() {
        "$form" => form(asked),
        "$flags" => format!("flag {}", constant("/contains/const").unwrap_or_default()),
        "$status" => format!("status = {}", constant("/const").unwrap_or_default()),
        "$online" => "online".to_owned(),
        "$user" => match constant("/properties/role/const") {
            Some(role) => format!("role = {role}"),
            None => format!(
                "scope {}",
                constant("/properties/scope/contains/const").unwrap_or_default()
            ),
        },
        "$event" => history(asked),
        _ => value(subject, asked),
    }
}

/// Joins several parts; parts made of several themselves are put in brackets.
fn join(parts: &[Value], word: &str) -> String {
    let bracketed = |part: &Value| {
        let inner = describe(part);
        let mixed = [" and ", " or "]
            .iter()
            .any(|other| *other != word && inner.contains(other));
        if mixed && !inner.starts_with("not (") {
            format!("({inner})")
        } else {
            inner
        }
    };
    parts.iter().map(bracketed).collect::<Vec<_>>().join(word)
}

fn form(asked: &Value) -> String {
    let absent = |id: &str| {
        asked
            .pointer("/not/required/0")
            .is_some_and(|field| field == id)
    };
    let required = asked.get("required").and_then(Value::as_array);
    let fields = asked.get("properties").and_then(Value::as_object);
    // A field that is only compared with stands here too, without a question about it.
    let questions = fields
        .into_iter()
        .flatten()
        .filter(|(_, about)| !is_mention(about));
    let described = questions.map(|(id, about)| {
        if absent(id) {
            format!("{id} is absent")
        } else {
            value(id, about)
        }
    });
    let described: Vec<_> = described.collect();
    match (described.as_slice(), required) {
        ([], Some(required)) => required
            .iter()
            .map(|id| format!("{} is given", text(id)))
            .collect::<Vec<_>>()
            .join(" and "),
        _ => described.join(" and "),
    }
}

/// Checks for a field with only a type: another field is compared with it.
fn is_mention(about: &Value) -> bool {
    let Value::Object(about) = about else {
        return false;
    };
    match about.get("properties").and_then(Value::as_object) {
        Some(inner) => inner.values().all(is_mention),
        None => about
            .keys()
            .all(|key| key == "type" || (key == "format" && about.len() == 2)),
    }
}

fn history(asked: &Value) -> String {
    let actions = asked.pointer("/properties/actions");
    let part = |path: &str| actions.and_then(|actions| actions.pointer(path)).map(text);
    let mut words = format!(
        "has action {}",
        part("/contains/properties/type/const").unwrap_or_default()
    );
    if let Some(template) = part("/contains/properties/content/const/templateId") {
        words += &format!(" of template {template}");
    }
    if let Some(least) = part("/minContains") {
        words += &format!(" at least {least} times");
    }
    if let Some(most) = part("/maxContains") {
        words += &format!(" at most {most} times");
    }
    words
}

/// Describes the conditions on one value.
fn value(name: &str, asked: &Value) -> String {
    let Value::Object(keywords) = asked else {
        return format!("{name} {asked}");
    };
    let get = |key: &str| keywords.get(key);
    if let (Some(when), Some(then)) = (get("if"), get("then")) {
        return format!("if {} then {}", value(name, when), value(name, then));
    }
    if let Some(any) = get("anyOf").and_then(Value::as_array) {
        let nested = any
            .iter()
            .find_map(|option| option.get("properties")?.as_object()?.iter().next());
        return match nested {
            Some((sub, inner)) => value(&format!("{name}.{sub}"), inner),
            None => format!("{name} is empty"),
        };
    }
    if let Some(inner) = get("properties").and_then(Value::as_object) {
        let inner: Vec<_> = inner
            .iter()
            .map(|(sub, about)| value(&format!("{name}.{sub}"), about))
            .collect();
        return inner.join(" and ");
    }
    let mut said = Vec::new();
    for (key, given) in keywords {
        let given_text = text(given);
        said.push(match key.as_str() {
            "const" => format!("= {given_text}"),
            "enum" => format!("is one of {given_text}"),
            "exclusiveMinimum" => format!("> {given_text}"),
            "exclusiveMaximum" => format!("< {given_text}"),
            "minimum" => format!("≥ {given_text}"),
            "maximum" => format!("≤ {given_text}"),
            "minLength" => format!("has at least {given_text} characters"),
            "pattern" if keywords.contains_key("description") => {
                "is written in letters of names".to_owned()
            }
            "pattern" => format!("matches /{given_text}/"),
            "formatMaximum" => format!("is not after {given_text}"),
            "formatMinimum" => format!("is not before {given_text}"),
            "daysFromDate" => days(given),
            "isLeafLevelLocation" => "is of the lowest administrative level".to_owned(),
            "customClientValidator" => "passes a function in the browser".to_owned(),
            _ => continue,
        });
    }
    if said.is_empty() {
        format!("{name} is given")
    } else {
        format!("{name} {}", said.join(" and "))
    }
}

fn days(given: &Value) -> String {
    let days = given
        .get("days")
        .and_then(Value::as_i64)
        .unwrap_or_default();
    let from = given
        .get("referenceDate")
        .map_or_else(|| "today".to_owned(), text);
    let side = given.get("clause").map(text).unwrap_or_default();
    format!(
        "is {side} {from} {} {} days",
        if days < 0 { "−" } else { "+" },
        days.abs()
    )
}

/// A constant, or the value that a reference points to.
fn text(given: &Value) -> String {
    match given {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(reference) => match reference.get("$data").and_then(Value::as_str) {
            Some("/$now") => "today".to_owned(),
            Some(path) => path
                .trim_start_matches("/$form/")
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .trim_start_matches('/')
                .replace('/', "."),
            None => given.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(field("a").equals("x"), "a = x")]
    #[case(field("a").equals(field("b").get("c")), "a = b.c")]
    #[case(field("a").is_falsy(), "a is empty")]
    #[case(field("a").get("x.y").is_falsy(), "a.x.y is empty")]
    #[case(field("a").is_undefined(), "a is absent")]
    #[case(field("a").in_array(["p", "q"]), "a is one of p, q")]
    #[case(field("a").is_before().now(), "a is not after today")]
    #[case(field("a").is_after().date(field("b")), "a is not before b")]
    #[case(field("a").is_after().days(365).in_past(), "a is after today − 365 days")]
    #[case(field("a").is_before().days(30).from_date(field("b")), "a is before b − 30 days")]
    #[case(field("a").matches("^[0-9]{9}$"), "a matches /^[0-9]{9}$/")]
    #[case(field("a").get("firstname").is_valid_english_name(), "a.firstname is written in letters of names")]
    #[case(not(or([field("a").equals(true), flag("late")])), "not (a = true or flag late)")]
    #[case(and([or([field("a").equals(1), status("REGISTERED")]), user().is_online()]), "(a = 1 or status = REGISTERED) and online")]
    #[case(field("a").is_valid_administrative_leaf_level(), "if a.addressType = DOMESTIC then a.administrativeArea is of the lowest administrative level")]
    #[case(never(), "never")]
    #[case(always(), "always")]
    #[case(event().has_action("PRINT_CERTIFICATE").min_count(1), "has action PRINT_CERTIFICATE at least 1 times")]
    fn conditionals_have_words(#[case] conditional: impl Into<Conditional>, #[case] words: &str) {
        assert_eq!(describe(&conditional.into().schema()), words);
    }
}

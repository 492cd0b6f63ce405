// SPDX-License-Identifier: MPL-2.0
//! Answers: from the inputs of a page into the values that core stores, and back into words.

use crate::studio::desk;
use crate::studio::model::{Field, Form, Model, Place, items, text};
use crate::studio::view::View;
use opencrvs_toolkit::event_document::Fields;
use rules::countries;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Changes that fields cause in each other come to rest after so many steps, or go round in a circle.
const STEPS: usize = 8;

/// Takes the inputs of a page into the answers of its form. A field whose parent has changed begins
/// anew, with the value of its source where it has one, as in core's client.
pub(in crate::studio) fn take(
    view: &View,
    form: &Form,
    sent: &[(String, String)],
    answers: &mut Fields,
) {
    let mut changed = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for field in form.fields().filter(|field| seen.insert(field.id.as_str())) {
        let Some(value) = read(&view.model, field, sent, answers.get(&field.id)) else {
            continue;
        };
        if put(answers, &field.id, value) {
            changed.insert(field.id.clone());
        }
    }
    for _ in 0..STEPS {
        let mut next = BTreeSet::new();
        for field in form.fields() {
            let depends = field
                .parents
                .iter()
                .chain(field.sources.iter().map(|(source, _)| source));
            if !depends.clone().any(|on| changed.contains(on)) || changed.contains(&field.id) {
                continue;
            }
            let fresh = source(field, answers);
            let fresh = fresh.or_else(|| {
                desk::default(
                    &view.model,
                    &view.desk.role,
                    field.json.get("defaultValue")?,
                )
            });
            if put(answers, &field.id, fresh) {
                next.insert(field.id.clone());
            }
        }
        if next.is_empty() {
            break;
        }
        changed = next;
    }
}

/// Puts a value in its place; whether that changes anything.
fn put(answers: &mut Fields, id: &str, value: Option<Value>) -> bool {
    if answers.get(id) == value.as_ref() {
        return false;
    }
    match value {
        Some(value) => drop(answers.insert(id.to_owned(), value)),
        None => drop(answers.remove(id)),
    }
    true
}

/// The first value there is among the sources of a field.
fn source(field: &Field, answers: &Fields) -> Option<Value> {
    field.sources.iter().find_map(|(source, path)| {
        let value = path
            .iter()
            .try_fold(answers.get(source)?, |value, part| value.get(part))?;
        let empty =
            value.is_null() || *value == json!("") || *value == json!(false) || *value == json!(0);
        (!empty).then(|| value.clone())
    })
}

/// The value that the inputs of a field make: nothing where the page has none of its inputs, and
/// `Some(None)` where they are empty.
#[expect(
    clippy::option_option,
    reason = "not asked, and asked and left empty, are different"
)]
fn read(
    model: &Model,
    field: &Field,
    sent: &[(String, String)],
    before: Option<&Value>,
) -> Option<Option<Value>> {
    let name = format!("f:{}", field.id);
    let part = |part: &str| {
        let wanted = format!("{name}/{part}");
        let mut values = sent.iter().filter(|(name, _)| *name == wanted);
        values.next_back().map(|(_, value)| value.trim())
    };
    let mut whole = sent.iter().filter(|(known, _)| *known == name);
    let whole = whole.next_back().map(|(_, value)| value.as_str());
    let texts = |text: &str| (!text.trim().is_empty()).then(|| json!(text));
    if let Some(json) = part("json") {
        let read = serde_json::from_str(json).ok();
        // What is not JSON yet is still being typed.
        return if json.is_empty() {
            Some(None)
        } else {
            read.map(Some)
        };
    }
    match field.kind.as_str() {
        "NAME" => {
            let parts = ["firstname", "middlename", "surname"];
            parts.iter().any(|known| part(known).is_some()).then(|| {
                let known = parts.iter().filter_map(|known| {
                    Some((*known, part(known).filter(|text| !text.is_empty())?))
                });
                object(
                    known
                        .map(|(key, value)| (key.to_owned(), json!(value)))
                        .collect(),
                )
            })
        }
        "CHECKBOX" => whole.map(|value| Some(json!(value == "true"))),
        "NUMBER" => whole.map(number),
        "BUTTON" => sent
            .iter()
            .any(|(key, value)| key == "press" && *value == field.id)
            .then(|| {
                Some(json!(
                    before
                        .and_then(Value::as_i64)
                        .unwrap_or(0)
                        .saturating_add(1)
                ))
            }),
        "AGE" => whole.map(|value| {
            let of = field.setting("asOfDate").map(|date| text(date, "$$field"));
            number(value).map(|age| json!({"age": age, "asOfDateRef": of}))
        }),
        "NUMBER_WITH_UNIT" => part("number").map(|typed| {
            let known = [
                ("numericValue", number(typed)),
                ("unit", part("unit").and_then(texts)),
            ];
            object(
                known
                    .into_iter()
                    .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                    .collect(),
            )
        }),
        "LOCATION" | "FACILITY" | "OFFICE" | "ADMINISTRATIVE_AREA" => whole.map(|typed| {
            let found = model.places.labelled(&place_kinds(field), typed);
            // Half a name is kept while it is typed.
            found.map(|place| json!(place.id)).or_else(|| texts(typed))
        }),
        "AUTOCOMPLETE" => whole.map(|typed| {
            let defaults = field.setting("defaultOptions").and_then(Value::as_array);
            let mut defaults = defaults.into_iter().flatten();
            if let Some(option) = defaults.find(|option| text(option, "label") == typed.trim()) {
                return Some(option.clone());
            }
            let found = model.snapshot.causes_of_death.search(typed);
            let found = found.into_iter().find(|cause| cause.label == typed.trim());
            let chosen = found.map(|cause| json!({"label": cause.label, "value": cause.id}));
            // Half a label is kept while it is typed.
            chosen.or_else(|| texts(typed).map(|typed| json!({"label": typed, "value": typed})))
        }),
        "ADDRESS" => part("country").map(|country| address(model, country, sent, &name)),
        "FILE" | "SIGNATURE" => {
            whole.map(|value| (value == "true").then(|| sample_file(&field.id)))
        }
        "FILE_WITH_OPTIONS" => part("asked").map(|_| {
            let chosen = sent
                .iter()
                .filter(|(key, value)| *key == name && !value.is_empty());
            let files: Vec<Value> = chosen
                .map(|(_, option)| {
                    let mut file = sample_file(&field.id);
                    if let Some(file) = file.as_object_mut() {
                        file.insert("option".to_owned(), json!(option));
                    }
                    file
                })
                .collect();
            (!files.is_empty()).then(|| json!(files))
        }),
        _ => whole.map(texts),
    }
}

fn number(typed: &str) -> Option<Value> {
    let typed = typed.trim();
    let whole = typed.parse::<i64>().map(Value::from);
    whole
        .or_else(|_| typed.parse::<f64>().map(Value::from))
        .ok()
        .filter(|value| !value.is_null())
}

fn object(members: Map<String, Value>) -> Option<Value> {
    (!members.is_empty()).then(|| Value::Object(members))
}

/// A file that was never uploaded.
fn sample_file(field: &str) -> Value {
    json!({"path": format!("/sample/{field}.png"), "originalFilename": "sample.png", "type": "image/png"})
}

/// An address: in the country its smallest area that was chosen, elsewhere only its lines.
fn address(model: &Model, country: &str, sent: &[(String, String)], name: &str) -> Option<Value> {
    let part = |wanted: &str| {
        let wanted = format!("{name}/{wanted}");
        let mut values = sent.iter().filter(|(name, _)| *name == wanted);
        values
            .next_back()
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    let country = Some(country).filter(|country| !country.is_empty())?;
    let domestic = country == model.snapshot.application.country_code;
    let mut address = Map::new();
    address.insert("country".to_owned(), json!(country));
    address.insert(
        "addressType".to_owned(),
        json!(if domestic {
            "DOMESTIC"
        } else {
            "INTERNATIONAL"
        }),
    );
    if domestic {
        let mut area = "";
        for level in 0..model.places.levels.len() {
            let chosen = part(&format!("area.{level}")).and_then(|id| model.places.get(id));
            // A district of another province was chosen before the province.
            match chosen.filter(|chosen| chosen.parent.as_deref().unwrap_or_default() == area) {
                Some(chosen) => area = &chosen.id,
                None => break,
            }
        }
        if !area.is_empty() {
            address.insert("administrativeArea".to_owned(), json!(area));
        }
    }
    let lines = format!("{name}/line.");
    let lines = sent.iter().filter_map(|(key, value)| {
        let line = key.strip_prefix(&lines)?;
        (!value.trim().is_empty()).then(|| (line.to_owned(), json!(value.trim())))
    });
    if let Some(lines) = object(lines.collect()) {
        address.insert("streetLevelDetails".to_owned(), lines);
    }
    Some(Value::Object(address))
}

/// The kinds of places that a field offers; none for areas.
pub(super) fn place_kinds(field: &Field) -> Vec<&str> {
    match field.kind.as_str() {
        "FACILITY" => vec!["HEALTH_FACILITY"],
        "OFFICE" => vec!["CRVS_OFFICE"],
        _ => {
            let types = field.setting("locationTypes").and_then(Value::as_array);
            types
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect()
        }
    }
}

/// Whether core would say that a required answer is missing.
pub(super) fn is_missing(field: &Field, value: Option<&Value>) -> bool {
    match (field.kind.as_str(), value) {
        (_, None | Some(Value::Null)) => true,
        ("NAME", Some(name)) => {
            let parts = field.setting("name").and_then(Value::as_object);
            let required = parts
                .into_iter()
                .flatten()
                .filter(|(_, part)| part.get("required") == Some(&json!(true)));
            required
                .into_iter()
                .any(|(part, _)| text(name, part).is_empty())
        }
        ("ADDRESS", Some(address)) => {
            text(address, "addressType") == "DOMESTIC"
                && text(address, "administrativeArea").is_empty()
        }
        (_, Some(Value::String(text))) => text.trim().is_empty(),
        (_, Some(_)) => false,
    }
}

/// An answer as the review shows it.
pub(in crate::studio) fn in_words(view: &View, field: &Field, value: &Value) -> String {
    let model = &view.model;
    let choice = |code: &str| {
        let options = items(&field.json, "options").iter();
        let label = options
            .filter(|option| text(option, "value") == code)
            .find_map(|option| option.get("label"));
        label.map_or_else(|| code.to_owned(), |label| view.say(label))
    };
    let joined = |keys: &[&str]| {
        let parts = keys
            .iter()
            .map(|key| text(value, key))
            .filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(" ")
    };
    match field.kind.as_str() {
        "NAME" => joined(&["firstname", "middlename", "surname"]),
        "SELECT" | "RADIO_GROUP" => value.as_str().map_or_else(|| value.to_string(), choice),
        "CHECKBOX" => if *value == json!(true) { "Yes" } else { "No" }.to_owned(),
        "COUNTRY" => country(model, value.as_str().unwrap_or_default()),
        "LOCATION" | "FACILITY" | "OFFICE" | "ADMINISTRATIVE_AREA" => {
            model.places.label(value.as_str().unwrap_or_default())
        }
        "ADDRESS" => {
            let lines = value.get("streetLevelDetails").and_then(Value::as_object);
            let lines = lines
                .into_iter()
                .flatten()
                .filter_map(|(_, line)| line.as_str())
                .map(str::to_owned);
            let mut path = model.places.path(text(value, "administrativeArea"));
            path.reverse();
            let areas = path.into_iter().map(|place| place.name.clone());
            lines
                .chain(areas)
                .chain([country(model, text(value, "country"))])
                .collect::<Vec<_>>()
                .join(", ")
        }
        "AGE" => value
            .get("age")
            .map(ToString::to_string)
            .unwrap_or_default(),
        "NUMBER_WITH_UNIT" => {
            let number = value
                .get("numericValue")
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("{number} {}", choice(text(value, "unit")))
        }
        "AUTOCOMPLETE" => text(value, "label").to_owned(),
        "FILE" | "SIGNATURE" => "attached".to_owned(),
        "FILE_WITH_OPTIONS" => {
            let files = value.as_array().into_iter().flatten();
            files
                .map(|file| choice(text(file, "option")))
                .collect::<Vec<_>>()
                .join(", ")
        }
        _ => match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        },
    }
}

/// The name of a country; its code where there is none.
pub(super) fn country(model: &Model, code: &str) -> String {
    let own = model.snapshot.name.as_deref();
    let own = own.filter(|_| code == model.snapshot.application.country_code);
    own.or(countries::name(code)).unwrap_or(code).to_owned()
}

/// Puts places of this country in place of those that it does not have.
pub(super) fn in_this_country(model: &Model, form: &Form, answers: &mut Fields) {
    let known = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .is_some_and(|id| model.places.get(id).is_some())
    };
    let own = &model.snapshot.application.country_code;
    let leaf = model.places.first_leaf().map(|place| json!(place.id));
    for field in form.fields() {
        let Some(value) = answers.get_mut(&field.id) else {
            continue;
        };
        match field.kind.as_str() {
            "LOCATION" | "FACILITY" | "OFFICE" if !known(Some(value)) => {
                let kinds = place_kinds(field);
                let first: Option<&Place> = model.places.search(&kinds, "").next();
                *value = first.map_or(Value::Null, |place| json!(place.id));
            }
            "ADDRESS"
                if text(value, "addressType") == "DOMESTIC"
                    && !known(value.get("administrativeArea")) =>
            {
                if let (Some(address), Some(leaf)) = (value.as_object_mut(), &leaf) {
                    address.insert("administrativeArea".to_owned(), leaf.clone());
                    address.insert("country".to_owned(), json!(own));
                }
            }
            _ => {}
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The places in the country's files where fields are defined or changed.

use super::document::{Origins, list, name_of_action};
use super::{FOLDER, json_of};
use crate::files::Files;
use opencrvs_toolkit::event::place_of;
use rules::annotated_toml::position;
use serde_json::Value;

/// A place where a field, or a part of it, is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The type of the event.
    pub event: String,
    /// `declaration`, or the name of the action whose form has the field.
    pub form: String,
    /// The id of the field.
    pub field: String,
    /// The part of the field as core names it, such as `label`; none for the field as a whole.
    pub part: Option<String>,
    /// The file.
    pub file: String,
    /// The line in the file, from 1.
    pub line: usize,
}

/// The places where a country's files define or change the fields of its events.
#[derive(Debug, Default)]
pub struct Definitions(Vec<Definition>);

impl Definitions {
    pub(super) fn add(&mut self, definitions: Vec<Definition>) {
        self.0.extend(definitions);
    }

    /// The places of a field of a form: `declaration`, or the name of an action. None for a built-in field
    /// without changes.
    pub fn of(&self, files: &Files, event: &str, form: &str, field: &str) -> Vec<Definition> {
        let mut found = in_json(files, event, form, field);
        let overlaid = self.0.iter();
        let overlaid = overlaid.filter(|known| known.event == event && known.form == form);
        found.extend(overlaid.filter(|known| known.field == field).cloned());
        found
    }
}

/// The places of the fields of an event with changes.
pub(super) fn in_overlays(event: &Value, origins: &Origins) -> Vec<Definition> {
    let mut found = Vec::new();
    for (form, pointer, field) in fields(event) {
        let whole = origins.of_whole(&pointer).map(|place| (None, place));
        let parts = origins.of_members(&pointer).map(|(member, place)| {
            let part = member.split('/').next().unwrap_or_default();
            (Some(part.to_owned()), place)
        });
        for (part, place) in whole.into_iter().chain(parts) {
            found.push(Definition {
                event: text(event, "id"),
                form: form.to_owned(),
                field: text(field, "id"),
                part,
                file: place.file.clone(),
                line: place.line,
            });
        }
    }
    // Items of a list may stand on one line.
    found.dedup();
    found
}

/// The places of a field of an event that is written as core's JSON.
fn in_json(files: &Files, event: &str, form: &str, field: &str) -> Vec<Definition> {
    let file = format!("{FOLDER}/{event}.json");
    let Ok(Some(_)) = files.find(&file) else {
        return Vec::new();
    };
    let name = files.name_of(&file);
    let text_of_file = files.text(&file).unwrap_or_default();
    let Ok(document) = json_of(&name, &text_of_file) else {
        return Vec::new();
    };
    let named = fields(&document).into_iter();
    let named = named.filter(|(known, _, json)| *known == form && text(json, "id") == field);
    let definition = |(_, pointer, _): (&str, String, &Value)| Definition {
        event: event.to_owned(),
        form: form.to_owned(),
        field: field.to_owned(),
        part: None,
        file: name.clone(),
        line: position(&text_of_file, place_of(&text_of_file, &pointer)).0,
    };
    named.map(definition).collect()
}

/// The fields of an event: the form that each belongs to, and its pointer.
fn fields(event: &Value) -> Vec<(&str, String, &Value)> {
    let paged = |pages: &str| -> Vec<String> {
        let number = list(event, pages).len();
        let fields = (0..number).map(|nth| format!("{pages}/{nth}/fields"));
        fields.collect()
    };
    let mut forms = vec![("declaration", paged("/declaration/pages"))];
    for (nth, action) in list(event, "/actions").iter().enumerate() {
        let at = format!("/actions/{nth}");
        let mut lists = paged(&format!("{at}/printForm/pages"));
        lists.extend(paged(&format!("{at}/correctionForm/pages")));
        lists.extend([format!("{at}/review/fields"), format!("{at}/form")]);
        forms.push((name_of_action(action), lists));
    }
    let mut found = Vec::new();
    for (form, lists) in forms {
        for pointer in lists {
            let fields = list(event, &pointer).iter().enumerate();
            found.extend(fields.map(|(nth, field)| (form, format!("{pointer}/{nth}"), field)));
        }
    }
    found
}

fn text(object: &Value, key: &str) -> String {
    let text = object.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

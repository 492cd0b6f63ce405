// SPDX-License-Identifier: MPL-2.0
//! An event as JSON: where its parts stand, and which line of which file put them there.

use opencrvs_toolkit::event::Event;
use opencrvs_toolkit::field::{AnyField, SelectOption};
use opencrvs_toolkit::json_pointer::escaped;
use rules::diagnostic::{Diagnostic, Severity, known_name_or_all};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The key under which an object keeps the places from which it came, until the event is read.
const MARK: &str = "\0";

/// A place in a file of the country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlaceInFile {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl PlaceInFile {
    pub(super) fn start(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            line: 1,
            column: 1,
        }
    }

    pub(super) fn warning(&self, message: String, hint: Option<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..self.error(message, hint)
        }
    }

    pub(super) fn error(&self, message: String, hint: Option<String>) -> Diagnostic {
        Diagnostic {
            line: self.line,
            column: self.column,
            hint,
            ..Diagnostic::of_file(&self.file, message)
        }
    }
}

/// The places in files from which the parts of an event came.
#[derive(Debug, Default)]
pub(super) struct Origins {
    places: Vec<PlaceInFile>,
    by_pointer: BTreeMap<String, usize>,
}

impl Origins {
    /// Keeps a place, and gives its number.
    pub(super) fn keep(&mut self, place: PlaceInFile) -> usize {
        self.places.push(place);
        self.places.len() - 1
    }

    pub(super) fn place(&self, number: usize) -> Option<&PlaceInFile> {
        self.places.get(number)
    }

    /// Takes the marks out of the event.
    pub(super) fn collect(&mut self, document: &mut Value) {
        unmark(document, &mut String::new(), &mut self.by_pointer);
    }

    /// The place from which a part came, or else that of the part around it.
    pub(super) fn of(&self, pointer: &str) -> Option<&PlaceInFile> {
        let mut at = pointer;
        loop {
            if let Some(number) = self.by_pointer.get(at) {
                return self.places.get(*number);
            }
            at = at.rsplit_once('/')?.0;
        }
    }
}

/// Remembers from which place a member came; of the object as a whole with the key `""`.
pub(super) fn mark(object: &mut Map<String, Value>, key: &str, place: usize) {
    let marks = object.entry(MARK).or_insert_with(|| json!({}));
    if let Some(marks) = marks.as_object_mut() {
        marks.insert(key.to_owned(), place.into());
    }
}

fn unmark(value: &mut Value, pointer: &mut String, found: &mut BTreeMap<String, usize>) {
    let length = pointer.len();
    match value {
        Value::Object(members) => {
            if let Some(Value::Object(marks)) = members.shift_remove(MARK) {
                for (key, place) in marks {
                    let at = if key.is_empty() {
                        String::new()
                    } else {
                        format!("/{key}")
                    };
                    let place = place.as_u64().and_then(|place| usize::try_from(place).ok());
                    found.extend(place.map(|place| (format!("{pointer}{at}"), place)));
                }
            }
            for (key, value) in members {
                pointer.push('/');
                pointer.push_str(&escaped(key));
                unmark(value, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                pointer.push_str(&format!("/{index}"));
                unmark(item, pointer, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

/// The place of an item: the pointer to its list, and its index there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) list: String,
    pub(super) index: usize,
}

/// The list at a pointer.
pub(super) fn list_mut<'d>(document: &'d mut Value, pointer: &str) -> Option<&'d mut Vec<Value>> {
    document.pointer_mut(pointer)?.as_array_mut()
}

/// The item at a spot.
pub(super) fn at<'d>(document: &'d mut Value, spot: &Spot) -> Option<&'d mut Map<String, Value>> {
    list_mut(document, &spot.list)?
        .get_mut(spot.index)?
        .as_object_mut()
}

/// A copy of the list at a key, or an empty one.
pub(super) fn list_of(members: &Map<String, Value>, key: &str) -> Vec<Value> {
    let list = members.get(key).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn list<'d>(document: &'d Value, pointer: &str) -> &'d [Value] {
    let list = document.pointer(pointer).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// An action by its type, or by its name where it is the country's own.
pub(super) fn name_of_action(action: &Value) -> &str {
    let name = |key: &str| action.get(key).and_then(Value::as_str);
    name("customActionType")
        .or_else(|| name("type"))
        .unwrap_or_default()
}

/// The pointers to the lists of pages of a form, or none where it has no pages.
pub(super) fn pages(document: &Value, form: &str) -> Vec<String> {
    let (wanted, key) = match form {
        "declaration" => return vec!["/declaration/pages".to_owned()],
        "correction" => ("REQUEST_CORRECTION", "correctionForm"),
        "print" => ("PRINT_CERTIFICATE", "printForm"),
        _ => return Vec::new(),
    };
    let actions = list(document, "/actions").iter().enumerate();
    let actions = actions.filter(|(_, action)| name_of_action(action) == wanted);
    actions
        .map(|(nth, _)| format!("/actions/{nth}/{key}/pages"))
        .collect()
}

/// The pointers to the lists of fields of a form: of each page, of the review pages, or of an own action.
pub(super) fn field_lists(document: &Value, form: &str) -> Vec<String> {
    let paged = pages(document, form);
    if !paged.is_empty() {
        let lists = paged.iter().flat_map(|pages| {
            let number = list(document, pages).len();
            (0..number).map(move |nth| format!("{pages}/{nth}/fields"))
        });
        return lists.collect();
    }
    let actions = list(document, "/actions").iter().enumerate();
    let lists = actions.filter_map(|(nth, action)| {
        if form == "review" && action.get("review").is_some() {
            Some(format!("/actions/{nth}/review/fields"))
        } else if action
            .get("customActionType")
            .is_some_and(|name| name == form)
        {
            Some(format!("/actions/{nth}/form"))
        } else {
            None
        }
    });
    lists.collect()
}

/// The items of some lists that have this id.
pub(super) fn spots(document: &Value, lists: &[String], id: &str) -> Vec<Spot> {
    let mut found = Vec::new();
    for pointer in lists {
        for (index, item) in list(document, pointer).iter().enumerate() {
            if item.get("id").is_some_and(|known| known == id) {
                found.push(Spot {
                    list: pointer.clone(),
                    index,
                });
            }
        }
    }
    found
}

/// The ids of the items of some lists.
pub(super) fn ids<'d>(document: &'d Value, lists: &[String]) -> Vec<&'d str> {
    let items = lists.iter().flat_map(|pointer| list(document, pointer));
    items.filter_map(|item| item.get("id")?.as_str()).collect()
}

/// The forms of an event that a change can name.
pub(super) fn forms(document: &Value) -> Vec<String> {
    let own = list(document, "/actions").iter();
    let own = own.filter_map(|action| action.get("customActionType")?.as_str());
    ["declaration", "correction", "print", "review"]
        .into_iter()
        .chain(own)
        .map(str::to_owned)
        .collect()
}

/// The spot of an action.
pub(super) fn action(document: &Value, name: &str) -> Option<Spot> {
    let index = list(document, "/actions")
        .iter()
        .position(|action| name_of_action(action) == name)?;
    Some(Spot {
        list: "/actions".to_owned(),
        index,
    })
}

/// The names of all actions.
pub(super) fn actions(document: &Value) -> Vec<&str> {
    list(document, "/actions")
        .iter()
        .map(name_of_action)
        .collect()
}

/// Ids of all fields, those of action forms too.
pub(super) fn all_fields(document: &Value) -> Vec<String> {
    let forms = forms(document);
    let lists: Vec<_> = forms
        .iter()
        .flat_map(|form| field_lists(document, form))
        .collect();
    ids(document, &lists)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// A condition that compares a choice with something that nobody can choose.
pub(super) struct Impossible {
    /// JSON pointer to the condition, or into it.
    pub(super) pointer: String,
    pub(super) field: String,
    pub(super) value: String,
    pub(super) message: String,
    pub(super) hint: String,
}

/// Conditions that cannot hold, because nobody can choose what they ask for.
pub(super) fn impossible(event: &Event) -> Vec<Impossible> {
    let fields = event.fields().map(|(_, field)| field);
    let own = event
        .all_actions()
        .iter()
        .flat_map(opencrvs_toolkit::action::Action::fields);
    let mut choices: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for field in fields.chain(own) {
        let values = values(field);
        if !values.is_empty() {
            let known = choices.entry(field.id()).or_default();
            known.extend(values);
            known.sort_unstable();
            known.dedup();
        }
    }
    let mut found = Vec::new();
    compare(&json!(event), &mut String::new(), &choices, &mut found);
    found
}

fn values(field: &AnyField) -> Vec<&str> {
    let kind = field.field_type().name();
    let is_choice = ["SELECT", "RADIO_GROUP"].contains(&kind);
    let choices = field.choices().iter().filter(|_| is_choice);
    choices.map(SelectOption::value).collect()
}

fn compare(
    value: &Value,
    pointer: &mut String,
    choices: &BTreeMap<&str, Vec<&str>>,
    found: &mut Vec<Impossible>,
) {
    let length = pointer.len();
    match value {
        Value::Object(members) => {
            let form = value.pointer("/properties/$form/properties");
            for (id, asked) in form.and_then(Value::as_object).into_iter().flatten() {
                let Some(known) = choices.get(id.as_str()) else {
                    continue;
                };
                let one = asked.get("const").into_iter();
                let several = asked.get("enum").and_then(Value::as_array);
                let texts = one
                    .chain(several.into_iter().flatten())
                    .filter_map(Value::as_str);
                // The built-in conditions ask for `undefined` where an answer is missing.
                let texts = texts.filter(|text| !["", "undefined"].contains(text));
                for text in texts.filter(|text| !known.contains(text)) {
                    found.push(Impossible {
                        pointer: pointer.clone(),
                        field: id.clone(),
                        value: text.to_owned(),
                        message: format!(
                            "nobody can choose `{text}` in `{id}`, so the condition cannot hold"
                        ),
                        hint: known_name_or_all(text, known),
                    });
                }
            }
            for (key, value) in members {
                pointer.push('/');
                pointer.push_str(&escaped(key));
                compare(value, pointer, choices, found);
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                compare(item, pointer, choices, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

// SPDX-License-Identifier: MPL-2.0
//! What somebody works on: the record of each event, and how it is looked at. In memory only.

use super::model::{Form, Model, text};
use jiff::civil::Date;
use opencrvs_toolkit::event_document::Fields;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The records and the choices that all pages share.
#[derive(Clone, Default)]
pub(super) struct Desk {
    pub(super) language: String,
    pub(super) role: String,
    /// The event whose record is looked at.
    pub(super) event: String,
    /// By event and form: the declaration and the annotations of actions.
    answers: BTreeMap<(String, String), Fields>,
    pub(super) standing: Standing,
    /// The action that rules decide on.
    pub(super) action: String,
    /// A changed `eligibility.toml` that is tried out; nothing while it is as in the file.
    pub(super) trial: Option<Draft>,
    /// The day that counts as today; today where none is chosen.
    pub(super) today: Option<Date>,
}

/// A changed text of a file.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) text: String,
    /// The text of the file when the change was begun.
    pub(super) base: String,
}

/// What is known of a record besides its answers.
#[derive(Clone)]
pub(super) struct Standing {
    pub(super) status: String,
    pub(super) flags: BTreeSet<String>,
    /// The role of the user who declared it.
    pub(super) declared_by: String,
    /// Fields that had an answer once.
    pub(super) ever: Vec<String>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            status: "DECLARED".to_owned(),
            flags: BTreeSet::new(),
            declared_by: String::new(),
            ever: Vec::new(),
        }
    }
}

/// The statuses of a record, in the order of its life.
pub(super) const STATUSES: [&str; 5] =
    ["CREATED", "NOTIFIED", "DECLARED", "REGISTERED", "ARCHIVED"];

impl Desk {
    /// Chooses what the country has, where nothing or something else is chosen.
    pub(super) fn settle(&mut self, model: &Model) {
        if !model
            .wording
            .languages()
            .any(|known| known == self.language)
        {
            let first = model.wording.languages().next().unwrap_or("en");
            first.clone_into(&mut self.language);
        }
        if model.role(&self.role).is_none() {
            let registrar = model.role("LOCAL_REGISTRAR").or(model.roles.first());
            self.role = registrar.map(|role| role.id.clone()).unwrap_or_default();
        }
        if model.role(&self.standing.declared_by).is_none() {
            self.standing.declared_by.clone_from(&self.role);
        }
        if model.event(&self.event).is_none() {
            let first = model.events.first();
            self.event = first.map(|event| event.id.clone()).unwrap_or_default();
        }
        if self.action.is_empty() {
            "REGISTER".clone_into(&mut self.action);
        }
        for event in &model.events {
            if !self
                .answers
                .contains_key(&(event.id.clone(), event.declaration.key.clone()))
            {
                self.replace(
                    &event.id,
                    &event.declaration.key,
                    defaults(model, &self.role, &event.declaration),
                );
            }
        }
    }

    /// The answers in a form of an event.
    pub(super) fn answers(&self, event: &str, form: &str) -> Fields {
        let key = (event.to_owned(), form.to_owned());
        self.answers.get(&key).cloned().unwrap_or_default()
    }

    /// All answers as text.
    pub(super) fn content(&self) -> String {
        let mut content = String::new();
        for ((event, form), answers) in &self.answers {
            content += &format!("{event} {form} {}", Value::Object(answers.clone()));
        }
        content
    }

    /// Puts other answers in place of those in a form.
    pub(super) fn replace(&mut self, event: &str, form: &str, answers: Fields) {
        self.answers
            .insert((event.to_owned(), form.to_owned()), answers);
    }

    /// Begins a record.
    pub(super) fn clear(&mut self, model: &Model, event: &str) {
        self.answers.retain(|(of, _), _| of != event);
        self.standing = Standing::default();
        self.settle(model);
    }
}

/// The answers that a form begins with.
pub(super) fn defaults(model: &Model, role: &str, form: &Form) -> Fields {
    let fields = form.fields();
    fields
        .filter_map(|field| {
            let value = default(model, role, field.json.get("defaultValue")?)?;
            Some((field.id.clone(), value))
        })
        .collect()
}

/// A default value, with what it takes from the user.
pub(super) fn default(model: &Model, role: &str, value: &Value) -> Option<Value> {
    let property = text(value, "$userField");
    if !property.is_empty() {
        return of_user(model, role, property);
    }
    // `$now` and code are the client's.
    if value.get("$$now").is_some() || value.get("$$code").is_some() {
        return None;
    }
    match value {
        Value::Object(members) => {
            let members = members.iter();
            let known = members
                .filter_map(|(key, value)| Some((key.clone(), default(model, role, value)?)));
            Some(Value::Object(known.collect()))
        }
        other => Some(other.clone()),
    }
}

fn of_user(model: &Model, role: &str, property: &str) -> Option<Value> {
    let known = model.role(role)?;
    let value = match property {
        "administrativeAreaId" => {
            let area = model
                .area_of(role)
                .filter(|area| model.places.is_leaf(area));
            area.or(model.places.first_leaf().map(|place| place.id.as_str()))?
        }
        "primaryOfficeId" => known.office.as_deref()?,
        "role" => role,
        _ => return None,
    };
    Some(json!(value))
}

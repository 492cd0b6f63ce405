// SPDX-License-Identifier: MPL-2.0
//! A country as the pages show it: the documents that are served to core, and what is wrong with its
//! files.

use super::problems::Problem;
use country::certificates::{Certificates, Clients};
use country::overlays::Definitions;
use country::{CountrySettings, Files, FormIndex, Snapshot, Untranslated};
use opencrvs_toolkit::message::Message;
use opencrvs_toolkit::scope::Scope;
use rules::Vocabulary;
use rules::diagnostic::Diagnostic;
use serde_json::Value;

mod event;
mod place;
mod wording;

pub(super) use event::{
    Condition, DECLARATION, EventForms, Field, Form, FormPage, all_hold, conditions,
};
pub(super) use place::{Place, Places};
pub(super) use wording::{Wording, filled_in};

/// A country that can be served.
pub(super) struct Model {
    pub(super) snapshot: Snapshot,
    pub(super) files: Files,
    /// What works but was probably meant otherwise.
    pub(super) warnings: Vec<Problem>,
    pub(super) events: Vec<EventForms>,
    pub(super) wording: Wording,
    pub(super) roles: Vec<Role>,
    pub(super) workqueues: Vec<Value>,
    pub(super) places: Places,
    pub(super) certificates: Certificates,
    pub(super) clients: Clients,
    pub(super) vocabulary: Vocabulary,
    pub(super) definitions: Definitions,
    /// By language.
    pub(super) untranslated: Vec<(String, Vec<Message>)>,
}

/// A role, and the office of its first user.
pub(super) struct Role {
    pub(super) id: String,
    pub(super) label: Value,
    pub(super) scopes: Vec<Scope>,
    pub(super) office: Option<String>,
}

impl Model {
    /// Of a country that was read.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of(
        settings: &CountrySettings,
        mut snapshot: Snapshot,
    ) -> Result<Self, Vec<Diagnostic>> {
        let files = Files::of(settings.country_dir.as_deref());
        let (certificates, clients) = country::certificates(settings)?;
        let document = |path: &str| document(&snapshot, path);
        let events = list(&document("/config/events")?);
        let events: Vec<_> = events.iter().map(EventForms::of).collect();
        let users = list(&document("/config/users")?);
        let roles = list(&document("/config/roles")?);
        let application = document("/config/application")?;
        let built = country::events(settings);
        let languages = snapshot.application.languages.iter();
        let untranslated = languages.map(|language| {
            let missing = country::untranslated(settings, language);
            missing.map(|missing| (language.clone(), texts(missing)))
        });
        Ok(Self {
            vocabulary: FormIndex::of(&built.list).vocabulary,
            untranslated: untranslated.collect::<Result<_, Vec<_>>>()?,
            definitions: built.definitions,
            places: Places::of(&document("/config/locations")?, &application),
            wording: Wording::of(&document("/content/client")?),
            roles: roles.iter().map(|role| Role::of(role, &users)).collect(),
            workqueues: list(&document("/config/workqueues")?),
            warnings: Problem::all(std::mem::take(&mut snapshot.warnings), &files),
            events,
            certificates,
            clients,
            files,
            snapshot,
        })
    }

    pub(super) fn event(&self, id: &str) -> Option<&EventForms> {
        self.events.iter().find(|event| event.id == id)
    }

    pub(super) fn role(&self, id: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }

    /// The area of the office where users of a role work.
    pub(super) fn area_of(&self, role: &str) -> Option<&str> {
        let office = self.role(role)?.office.as_deref()?;
        self.places.get(office)?.parent.as_deref()
    }
}

impl Role {
    fn of(role: &Value, users: &[Value]) -> Self {
        let id = text(role, "id").to_owned();
        let user = users.iter().find(|user| text(user, "role") == id);
        let office = user.map(|user| text(user, "primaryOfficeId"));
        // Core knows offices by their id, its seeder by kind and id.
        let office = office.map(|office| office.trim_start_matches("CRVS_OFFICE_").to_owned());
        let scopes = list(role.get("scopes").unwrap_or(&Value::Null));
        let scopes = scopes
            .iter()
            .filter_map(|scope| scope.as_str()?.parse().ok());
        Self {
            label: role.get("label").cloned().unwrap_or_default(),
            scopes: scopes.collect(),
            office,
            id,
        }
    }
}

fn texts(untranslated: Untranslated) -> Vec<Message> {
    let rows = untranslated.rows.into_iter();
    rows.map(|(message, _)| message).collect()
}

/// A document that is served.
fn document(snapshot: &Snapshot, path: &str) -> Result<Value, Vec<Diagnostic>> {
    let mut served = snapshot.served.iter();
    let content = served.find(|(known, _)| *known == path);
    let bytes = content.map_or(&[] as &[u8], |(_, content)| &content.bytes);
    serde_json::from_slice(bytes)
        .map_err(|error| vec![Diagnostic::of_file(path, error.to_string())])
}

/// A text of an object; empty where there is none.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a list; none where it is not one.
pub(super) fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// The items of a list in an object.
pub(super) fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

// SPDX-License-Identifier: MPL-2.0
//! `roles.toml`: who may do what.

use super::certificates::Certificates;
use super::form_index::FormIndex;
use super::texts::{self, TextUse};
use opencrvs_toolkit::message::Message;
use opencrvs_toolkit::scope::Scope;
use rules::annotated_toml::{Reader, Section, Text};
use rules::diagnostic::{Diagnostic, did_you_mean};
use serde::Serialize;
use std::collections::BTreeSet;

/// Where something must lie for a scope to reach it.
const PLACES: [&str; 4] = [
    "place_of_event",
    "declared_in",
    "registered_in",
    "access_level",
];
/// The places that there are.
const REACH: [&str; 3] = ["administrativeArea", "location", "all"];
/// Whose something must be.
const OWN: [&str; 2] = ["declared_by", "registered_by"];

/// The options of scopes that make records …
const NEW: &[&str] = &["event", "place_of_event"];
/// … that change what is declared …
const DECLARED: &[&str] = &["event", "place_of_event", "declared_in", "declared_by"];
/// … and that reach what is registered, in the order in which core writes them.
const RECORD: &[&str] = &[
    "event",
    "place_of_event",
    "declared_in",
    "declared_by",
    "registered_in",
    "registered_by",
];
const CUSTOM: &[&str] = &[
    "event",
    "place_of_event",
    "declared_in",
    "declared_by",
    "registered_in",
    "registered_by",
    "custom_action_types",
];
const PRINT: &[&str] = &[
    "event",
    "place_of_event",
    "declared_in",
    "declared_by",
    "registered_in",
    "registered_by",
    "templates",
];

/// The scopes of core 2.0 and what may limit each.
const SCOPES: [(&str, &[&str]); 35] = [
    ("record.create", NEW),
    ("record.declare", NEW),
    ("record.notify", NEW),
    ("record.edit", DECLARED),
    ("record.reject", DECLARED),
    ("record.archive", DECLARED),
    ("record.review-duplicates", DECLARED),
    ("record.register", DECLARED),
    ("record.search", RECORD),
    ("record.read", RECORD),
    ("record.request-correction", RECORD),
    ("record.correct", RECORD),
    ("record.unassign-others", RECORD),
    ("record.custom-action", CUSTOM),
    ("record.print-certified-copies", PRINT),
    ("user.create", &["access_level", "role"]),
    ("user.edit", &["access_level", "role"]),
    ("user.read", &["access_level"]),
    ("user.search", &["access_level"]),
    ("organisation.read-locations", &["access_level"]),
    ("workqueue", &["ids"]),
    ("dashboard.view", &["ids"]),
    ("bypassratelimit", &[]),
    ("record.reindex", &[]),
    ("user.data-seeding", &[]),
    ("integration.create", &[]),
    ("record.import", &[]),
    ("config.update-all", &[]),
    ("attachment.upload", &[]),
    ("profile.electronic-signature", &[]),
    ("user.read-only-my-audit", &[]),
    ("performance.read", &[]),
    ("performance.read-dashboards", &[]),
    ("performance.vital-statistics-export", &[]),
    ("record.confirm-registration", &[]),
];

/// A role as core reads it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Role {
    /// Its name for core.
    pub(super) id: String,
    /// What people read.
    pub(super) label: Message,
    /// What it may do.
    pub(super) scopes: Vec<Scope>,
}

impl Role {
    /// Whether it has a scope of this kind.
    pub(super) fn may(&self, kind: &str) -> bool {
        self.scopes.iter().any(|scope| scope.kind() == kind)
    }

    /// Whether it may open a workqueue.
    pub(super) fn sees(&self, workqueue: &str) -> bool {
        self.scopes.iter().any(|scope| {
            let ids = scope.values("ids");
            let named = ids.is_none_or(|ids| ids.iter().any(|id| id == workqueue));
            scope.kind() == "workqueue" && named
        })
    }
}

/// The roles, and their ids: of what could not be read, too, as users and workqueues may name them.
#[derive(Default)]
pub(super) struct Roles {
    /// The ids.
    pub(super) ids: BTreeSet<String>,
    /// In the order of the file.
    pub(super) list: Vec<Role>,
}

/// What scopes may name.
pub(super) struct Known<'a> {
    /// Event types with the country's own actions.
    pub(super) forms: &'a FormIndex,
    /// Slugs of the workqueues.
    pub(super) workqueues: BTreeSet<&'a str>,
    /// The certificates.
    pub(super) certificates: &'a Certificates,
    /// Ids of the dashboards.
    pub(super) dashboards: BTreeSet<&'a str>,
}

/// Reads the file.
pub(super) fn parse(
    file: &str,
    text: &str,
    known: &Known<'_>,
    said: &mut Vec<TextUse>,
    found: &mut Vec<Diagnostic>,
) -> Vec<Role> {
    let mut reader = Reader::new(file, text);
    let mut roles: Vec<Role> = Vec::new();
    if let Some(document) = reader.document() {
        let root = Section::root(&document);
        root.only(&mut reader, &["role"]);
        let sections = root.sections(&mut reader, "role");
        let ids: BTreeSet<_> = sections
            .iter()
            .filter_map(|section| section.item("id")?.as_str())
            .collect();
        for section in &sections {
            if let Some(role) = role(&mut reader, section, known, &ids, said) {
                if roles.iter().any(|other| other.id == role.id) {
                    let message = format!("there is another role `{}` above", role.id);
                    reader.error(section.span.clone(), message, None);
                }
                roles.push(role);
            }
        }
        if !roles.iter().any(|role| role.may("config.update-all")) {
            let message = "no role has the scope `config.update-all`, so nobody can set core up";
            let hint = "give it to the role of the national system administrator";
            reader.error(0..0, message.to_owned(), Some(hint.to_owned()));
        }
        for (role, section) in roles.iter().zip(&sections) {
            if role.may("record.register") && !role.may("profile.electronic-signature") {
                let message = format!(
                    "{} registers, but has no signature for certificates",
                    section.what
                );
                let hint = "add { type = \"profile.electronic-signature\" }";
                reader.warning(section.span.clone(), message, Some(hint.to_owned()));
            }
        }
    }
    found.extend(reader.into_found());
    roles
}

/// The ids of the roles, as far as the file can be read; its faults are for [`parse`].
pub(super) fn ids(text: &str) -> BTreeSet<String> {
    let mut reader = Reader::new("", text);
    let document = reader.document();
    let roles = document.as_ref().map(|document| {
        let roles = Section::root(document).sections(&mut reader, "role");
        let ids = roles.iter().filter_map(|role| role.item("id")?.as_str());
        ids.map(str::to_owned).collect()
    });
    roles.unwrap_or_default()
}

fn role(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
    roles: &BTreeSet<&str>,
    said: &mut Vec<TextUse>,
) -> Option<Role> {
    section.only(reader, &["id", "label", "scope"]);
    let mut scopes = Vec::new();
    for entry in section.sections(reader, "scope") {
        let Some(scope) = scope(reader, section, &entry, known, roles) else {
            continue;
        };
        if scopes.contains(&scope) {
            let message = format!("{}: the same scope is listed above", section.what);
            reader.warning(entry.span, message, Some("keep one of them".to_owned()));
        }
        scopes.push(scope);
    }
    if section.sections(reader, "scope").is_empty() {
        let message = format!("{} may do nothing: it has no scope", section.what);
        let hint = "scope = [ { type = \"record.search\" } ]".to_owned();
        reader.warning(section.span.clone(), message, Some(hint));
    }
    let id = section.required_text(reader, "id");
    if let Some(id) = id.as_ref().filter(|id| !is_id(id.value)) {
        let message = format!("core takes no role `{}`", id.value);
        let hint = "use capital letters, digits and `_`".to_owned();
        reader.error(id.span.clone(), message, Some(hint));
    }
    let note = || {
        let id = id.as_ref().map_or("", |id| id.value);
        format!("Name of the role {id}")
    };
    let label = texts::text(reader, section, "label", note, said);
    Some(Role {
        id: id?.value.to_owned(),
        label: label?,
        scopes,
    })
}

fn is_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    id.starts_with(|c: char| c.is_ascii_uppercase()) && id.chars().all(plain)
}

fn scope(
    reader: &mut Reader<'_>,
    role: &Section<'_>,
    entry: &Section<'_>,
    known: &Known<'_>,
    roles: &BTreeSet<&str>,
) -> Option<Scope> {
    let entry = &entry
        .clone()
        .called(format!("{}: {}", role.what, entry.what));
    let kind = entry.required_text(reader, "type")?;
    let Some((_, options)) = SCOPES.iter().find(|(name, _)| *name == kind.value) else {
        let hint = did_you_mean(kind.value, SCOPES.map(|(name, _)| name));
        let message = format!("{}: core knows no scope `{}`", role.what, kind.value);
        reader.error(kind.span, message, hint);
        return None;
    };
    let keys: Vec<_> = std::iter::once("type")
        .chain(options.iter().copied())
        .collect();
    entry.only(reader, &keys);
    let mut scope = Scope::new(kind.value);
    let given = entry.texts(reader, "event");
    let events: Vec<&str> = given.iter().map(|event| event.value).collect();
    for option in options.iter().filter(|option| entry.item(option).is_some()) {
        let wire = camel_case(option);
        if PLACES.contains(option) || OWN.contains(option) {
            let allowed: &[&str] = if OWN.contains(option) {
                &["user"]
            } else {
                &REACH
            };
            let value = entry.text(reader, option)?;
            one_of(reader, entry, option, &value, allowed.iter().copied());
            scope = scope.option(&wire, [value.value]);
            continue;
        }
        let values = entry.texts(reader, option);
        if values.is_empty() {
            let message = format!("{}: `{option}` names nothing", entry.what);
            let hint = format!("leave `{option}` out to allow all of them");
            reader.error(entry.span.clone(), message, Some(hint));
        }
        for value in &values {
            let (what, known): (&str, Vec<&str>) = match *option {
                "custom_action_types" => {
                    custom_action(reader, entry, value, &events, known.forms);
                    continue;
                }
                "event" => ("event", known.forms.event_types().collect()),
                "templates" => ("certificate", known.certificates.ids_for(&events).collect()),
                "role" => ("role", roles.iter().copied().collect()),
                _ if kind.value == "workqueue" => {
                    ("workqueue", known.workqueues.iter().copied().collect())
                }
                _ => ("dashboard", known.dashboards.iter().copied().collect()),
            };
            one_of(reader, entry, what, value, known);
        }
        scope = scope.option(&wire, values.iter().map(|value| value.value));
    }
    Some(scope)
}

/// A custom action has to be one of every event that the scope names, or of any if it names none.
fn custom_action(
    reader: &mut Reader<'_>,
    entry: &Section<'_>,
    action: &Text<'_>,
    events: &[&str],
    forms: &FormIndex,
) {
    if events.is_empty() {
        let all = forms
            .event_types()
            .flat_map(|event| forms.custom_actions(event));
        return one_of(reader, entry, "custom action", action, all);
    }
    for event in events.iter().filter(|event| forms.knows(event)) {
        let what = format!("custom action of `{event}`");
        one_of(reader, entry, &what, action, forms.custom_actions(event));
    }
}

fn one_of<'k>(
    reader: &mut Reader<'_>,
    entry: &Section<'_>,
    what: &str,
    value: &Text<'_>,
    known: impl IntoIterator<Item = &'k str>,
) {
    let known: Vec<_> = known.into_iter().collect();
    // Where no certificate or workqueue is known, the fault is in their file.
    let unread = known.is_empty() && ["certificate", "workqueue"].contains(&what);
    if !unread && !known.contains(&value.value) {
        let message = format!("{}: there is no {what} `{}`", entry.what, value.value);
        let hint = did_you_mean(value.value, known.iter().copied()).unwrap_or_else(|| match known
            .as_slice()
        {
            [] => "there is none at all".to_owned(),
            known => format!("there are {}", known.join(", ")),
        });
        reader.error(value.span.clone(), message, Some(hint));
    }
}

/// `place_of_event` is `placeOfEvent` for core.
fn camel_case(option: &str) -> String {
    let mut words = option.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &String::from_iter(initial) + letters.as_str()
    })
}

// SPDX-License-Identifier: MPL-2.0
//! `roles.toml`: the roles of users, and their scopes.

use super::certificates::Certificates;
use super::form_index::FormIndex;
use super::scopes::{Limit, OF_ADMINISTRATORS, SCOPES, ScopeType, UNARCHIVE, wire};
use super::texts::{self, TextUse};
use super::workqueues::STATUSES;
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::message::Message;
use opencrvs_toolkit::scope::Scope;
use opencrvs_toolkit::writer::registration_action;
use rules::annotated_toml::{Reader, Section, Text};
use rules::diagnostic::{Diagnostic, did_you_mean, known_name_or_all};
use serde::Serialize;
use std::collections::BTreeSet;

/// The options of a scope that limit it by place.
const PLACES: [&str; 6] = [
    "place_of_event",
    "declared_in",
    "registered_in",
    "created_in",
    "notified_in",
    "access_level",
];
/// The places that there are.
const REACH: [&str; 3] = ["administrativeArea", "location", "all"];
/// The options of a scope that limit it to the user's own work.
const OWN: [&str; 4] = ["declared_by", "registered_by", "created_by", "notified_by"];

/// A role as core reads it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Role {
    /// Its name for core.
    pub(super) id: String,
    /// The name that people read.
    pub(super) label: Message,
    /// Its scopes.
    pub(super) scopes: Vec<Scope>,
}

impl Role {
    /// Returns true if it has a scope of this kind.
    pub(super) fn may(&self, kind: &str) -> bool {
        self.scopes.iter().any(|scope| scope.kind() == kind)
    }

    /// Returns true if it may use an action of the country's own.
    pub(super) fn may_use(&self, event: &str, action: &str) -> bool {
        let names = |values: Option<&[String]>, wanted: &str| {
            values.is_none_or(|values| values.iter().any(|value| value == wanted))
        };
        self.scopes.iter().any(|scope| {
            scope.kind() == "record.custom-action"
                && names(scope.values("event"), event)
                && names(scope.values("customActionTypes"), action)
        })
    }

    /// Returns true if it may open a workqueue.
    pub(super) fn sees(&self, workqueue: &str) -> bool {
        self.scopes.iter().any(|scope| {
            let ids = scope.values("ids");
            let named = ids.is_none_or(|ids| ids.iter().any(|id| id == workqueue));
            scope.kind() == "workqueue" && named
        })
    }
}

/// The roles, and their ids: also of roles that could not be read, as users and workqueues may name them.
#[derive(Default)]
pub(super) struct Roles {
    /// The ids.
    pub(super) ids: BTreeSet<String>,
    /// In the order of the file.
    pub(super) list: Vec<Role>,
}

/// The holder of a scope.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// Users with a role.
    Role,
    /// A system client.
    Client,
}

/// The names that scopes may use.
pub(super) struct Known<'a> {
    /// The version that reads them.
    pub(super) core: CoreVersion,
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
        // Core 2.1 and its check of scopes expect some role to have these.
        let expected = std::iter::once(UNARCHIVE).chain(OF_ADMINISTRATORS);
        for expected in expected.filter(|_| known.core >= CoreVersion::V2_1) {
            if !roles.iter().any(|role| role.may(expected)) {
                let message = format!(
                    "no role has the scope `{expected}`, which core {} expects",
                    known.core
                );
                let hint = "`countryconfig upgrade --to 2.1` adds it".to_owned();
                reader.warning(0..0, message, Some(hint));
            }
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
        for scope in self::scopes(reader, section, &entry, known, roles, Holder::Role) {
            if scopes.contains(&scope) {
                let message = format!("{}: the same scope is listed above", section.what);
                reader.warning(
                    entry.span.clone(),
                    message,
                    Some("keep one of them".to_owned()),
                );
            }
            scopes.push(scope);
        }
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

/// The scopes of an entry in the form of the version that reads them: none where it does not know the type yet,
/// and several where it has split it.
pub(super) fn scopes(
    reader: &mut Reader<'_>,
    owner: &Section<'_>,
    entry: &Section<'_>,
    known: &Known<'_>,
    roles: &BTreeSet<&str>,
    holder: Holder,
) -> Vec<Scope> {
    let core = known.core;
    let entry = &entry
        .clone()
        .called(format!("{}: {}", owner.what, entry.what));
    let Some(kind) = entry.required_text(reader, "type") else {
        return Vec::new();
    };
    let Some(of_type) = SCOPES.iter().find(|known| known.name == kind.value) else {
        let hint = did_you_mean(kind.value, SCOPES.iter().map(|known| known.name));
        let message = format!("{}: core knows no scope `{}`", owner.what, kind.value);
        reader.error(kind.span, message, hint);
        return Vec::new();
    };
    if let Some((gone, instead)) = of_type.gone
        && core >= gone
    {
        let message = format!("{}: core {core} has no scope `{}`", owner.what, kind.value);
        let hint = format!(
            "take it out; system clients have `{instead}` in its place (integrations.toml)"
        );
        reader.error(kind.span, message, Some(hint));
        return Vec::new();
    }
    if of_type.for_clients && holder == Holder::Role {
        let message = format!(
            "{}: `{}` is for system clients only",
            owner.what, kind.value
        );
        let hint = "give it to a client in integrations.toml".to_owned();
        reader.error(kind.span, message, Some(hint));
        return Vec::new();
    }
    let keys: Vec<_> = std::iter::once("type")
        .chain(of_type.limits.iter().map(|(option, _)| *option))
        .collect();
    entry.only(reader, &keys);
    let scope = limited(reader, entry, of_type, known, roles);
    if core < of_type.since {
        return Vec::new();
    }
    registration_actions(reader, entry, scope, known)
}

/// The scope with its options.
fn limited(
    reader: &mut Reader<'_>,
    entry: &Section<'_>,
    of_type: &ScopeType,
    known: &Known<'_>,
    roles: &BTreeSet<&str>,
) -> Scope {
    let mut scope = Scope::new(of_type.name);
    let given = entry.texts(reader, "event");
    let events: Vec<&str> = given.iter().map(|event| event.value).collect();
    let is_given = |(option, _): &&Limit| entry.item(option).is_some();
    for (option, since) in of_type.limits.iter().filter(is_given) {
        let core = known.core;
        if core < *since && core >= of_type.since {
            let message = format!(
                "{}: core {core} does not know `{option}` and would not limit the scope by it",
                entry.what
            );
            let hint = format!("take the scope out, or use it with core {since} or later");
            reader.error(entry.span_at(option), message, Some(hint));
        }
        if PLACES.contains(option) || OWN.contains(option) {
            let allowed: &[&str] = if OWN.contains(option) {
                &["user"]
            } else {
                &REACH
            };
            if let Some(value) = entry.text(reader, option) {
                one_of(reader, entry, option, &value, allowed.iter().copied());
                scope = scope.option(&wire(option), [value.value]);
            }
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
                "status" => ("status", STATUSES.to_vec()),
                "flags_any_of" | "flags_none_of" | "flags_all_of" => {
                    ("flag", known.forms.flags().collect())
                }
                "templates" => ("certificate", known.certificates.ids_for(&events).collect()),
                "role" => ("role", roles.iter().copied().collect()),
                _ if of_type.name == "workqueue" => {
                    ("workqueue", known.workqueues.iter().copied().collect())
                }
                _ => ("dashboard", known.dashboards.iter().copied().collect()),
            };
            one_of(reader, entry, what, value, known);
        }
        scope = scope.option(&wire(option), values.iter().map(|value| value.value));
    }
    scope
}

/// Core 2.2 has scopes of their own for actions that were the country's own before.
fn registration_actions(
    reader: &mut Reader<'_>,
    entry: &Section<'_>,
    scope: Scope,
    known: &Known<'_>,
) -> Vec<Scope> {
    let of_forms = || {
        let forms = known.forms;
        let events = forms.event_types().filter(|event| {
            let named = scope.values("event");
            named.is_none_or(|named| named.iter().any(|name| name == event))
        });
        events
            .flat_map(|event| forms.custom_actions(event))
            .collect::<BTreeSet<_>>()
    };
    if scope.kind() != "record.custom-action" {
        return vec![scope];
    }
    let named = scope.values("customActionTypes");
    let actions = match named {
        Some(named) => named.iter().map(String::as_str).collect(),
        None => of_forms(),
    };
    let (cores, own): (Vec<&str>, Vec<&str>) = actions
        .into_iter()
        .partition(|action| registration_action(action, known.core).is_some());
    if cores.is_empty() {
        return vec![scope];
    }
    let mut scopes = Vec::new();
    for action in cores
        .iter()
        .filter_map(|action| registration_action(action, known.core))
    {
        let kind = format!("record.{}", action.to_lowercase().replace('_', "-"));
        let mut split = Scope::new(kind);
        for (option, values) in scope
            .options()
            .filter(|(option, _)| *option != "customActionTypes")
        {
            if ["registeredIn", "registeredBy"].contains(&option) || option.starts_with("flags.") {
                let message = format!(
                    "{}: core {} does not limit `{action}` by `{option}`",
                    entry.what, known.core
                );
                let hint = "name the action in a scope with other limits".to_owned();
                reader.error(entry.span.clone(), message, Some(hint));
            }
            split = split.option(option, values.iter().cloned());
        }
        scopes.push(split);
    }
    if named.is_none() {
        scopes.push(scope);
    } else if !own.is_empty() {
        scopes.push(scope.clone().with_values("customActionTypes", own));
    }
    scopes
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
        let hint = match known.as_slice() {
            [] => "there is none at all".to_owned(),
            known => known_name_or_all(value.value, known),
        };
        reader.error(value.span.clone(), message, Some(hint));
    }
}

// SPDX-License-Identifier: MPL-2.0
//! `workqueues.toml`: the lists of records that wait for an action.

use super::form_index::FormIndex;
use super::texts::{self, TextUse};
use opencrvs_toolkit::conditional::event;
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::message::{Message, message};
use opencrvs_toolkit::workqueue::{
    ExactProperty, ICONS, PlaceProperty, Records, RoleProperty, TimeProperty, Workqueue,
    WorkqueueQuery, records,
};
use rules::annotated_toml::{Reader, Section, one_of};
use rules::diagnostic::{Diagnostic, known_name_or_all};
use serde_json::json;
use std::collections::BTreeSet;

/// The actions that the button on a record may have.
const ACTIONS: [&str; 10] = [
    "READ",
    "DELETE",
    "DECLARE",
    "REGISTER",
    "EDIT",
    "REJECT",
    "MARK_AS_DUPLICATE",
    "ARCHIVE",
    "PRINT_CERTIFICATE",
    "REQUEST_CORRECTION",
];
/// The states of a record.
pub(super) const STATUSES: [&str; 5] =
    ["CREATED", "NOTIFIED", "DECLARED", "REGISTERED", "ARCHIVED"];
const PERIODS: [&str; 4] = ["last7Days", "last30Days", "last90Days", "last365Days"];
/// The area around the office of the user who opens the list, and that office.
const PLACES: [&str; 2] = ["user.administrativeAreaId", "user.primaryOfficeId"];

/// The property of records that a key tests.
enum Says {
    Event,
    Status,
    AnyFlag,
    AllFlags,
    NoFlag,
    Within(PlaceProperty),
    ByRole(RoleProperty),
    ByUser(ExactProperty),
    In(TimeProperty),
}

const SAYINGS: [(&str, Says); 17] = [
    ("event", Says::Event),
    ("status", Says::Status),
    ("with-any-flag", Says::AnyFlag),
    ("all-flags", Says::AllFlags),
    ("without-flags", Says::NoFlag),
    ("created-within", Says::Within(PlaceProperty::CreatedAt)),
    ("declared-within", Says::Within(PlaceProperty::DeclaredAt)),
    (
        "registered-within",
        Says::Within(PlaceProperty::RegisteredAt),
    ),
    ("updated-within", Says::Within(PlaceProperty::UpdatedAt)),
    ("declared-by-role", Says::ByRole(RoleProperty::DeclaredBy)),
    (
        "registered-by-role",
        Says::ByRole(RoleProperty::RegisteredBy),
    ),
    ("assigned-to", Says::ByUser(ExactProperty::AssignedTo)),
    ("created-by", Says::ByUser(ExactProperty::CreatedBy)),
    ("updated-by", Says::ByUser(ExactProperty::UpdatedBy)),
    ("created-in", Says::In(TimeProperty::Created)),
    ("updated-in", Says::In(TimeProperty::Updated)),
    ("registered-in", Says::In(TimeProperty::Registered)),
];

/// Reads the file. Roles are known by their ids.
pub(super) fn parse(
    file: &str,
    text: &str,
    forms: &FormIndex,
    roles: &BTreeSet<String>,
    core: CoreVersion,
    said: &mut Vec<TextUse>,
    found: &mut Vec<Diagnostic>,
) -> Vec<Workqueue> {
    let mut reader = Reader::new(file, text);
    let mut queues: Vec<Workqueue> = Vec::new();
    if let Some(document) = reader.document() {
        let root = Section::root(&document);
        root.only(&mut reader, &["workqueue"]);
        for section in root.required_sections(&mut reader, "workqueue") {
            let Some(queue) = workqueue(&mut reader, &section, forms, roles, said) else {
                continue;
            };
            if queues.iter().any(|other| other.slug() == queue.slug()) {
                let message = format!("there is another workqueue `{}` above", queue.slug());
                reader.error(section.span.clone(), message, None);
            }
            match queue.for_core(core) {
                Ok(queue) => queues.push(queue),
                Err(why) => {
                    let message = format!("{}: {why}", section.what);
                    reader.error(section.span.clone(), message, None);
                }
            }
        }
    }
    found.extend(reader.into_found());
    queues
}

fn workqueue(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    forms: &FormIndex,
    roles: &BTreeSet<String>,
    said: &mut Vec<TextUse>,
) -> Option<Workqueue> {
    section.only(
        reader,
        &["slug", "name", "icon", "action", "empty-message", "records"],
    );
    let slug = section.required_text(reader, "slug");
    let name = slug.as_ref().map_or("", |slug| slug.value);
    if let Some(slug) = &slug
        && !(slug.value.starts_with(|c: char| c.is_ascii_lowercase())
            && slug
                .value
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
    {
        let message = format!(
            "{}: the slug is part of URLs: use lower-case letters, digits and `-`",
            section.what
        );
        let hint = "use small letters, digits and hyphens";
        reader.error(slug.span.clone(), message, Some(hint.to_owned()));
    }
    let icon = one_of(reader, section, "icon", ICONS.map(|icon| (icon, icon)));
    let action = one_of(
        reader,
        section,
        "action",
        ACTIONS.map(|action| (action, action)),
    );
    let note = || format!("Name of the workqueue {name}");
    let title = texts::text(reader, section, "name", note, said);
    let empty = section.item("empty-message").and_then(|_| {
        let note = || format!("Shown when the workqueue {name} is empty");
        texts::text(reader, section, "empty-message", note, said)
    });
    let mut clauses = Vec::new();
    for entry in section.sections(reader, "records") {
        let entry = entry.called(section.what.clone());
        clauses.push(clause(reader, &entry, forms, roles));
    }
    if clauses.is_empty() {
        let message = format!("{} does not say which records it shows", section.what);
        let hint = "add [[workqueue.records]]".to_owned();
        reader.error(section.span.clone(), message, Some(hint));
    }
    let query = match clauses.len() {
        1 => WorkqueueQuery::all(clauses),
        _ => WorkqueueQuery::any(clauses),
    };
    let queue = Workqueue::new(slug?.value, title?, icon?, query)
        .action(action?)
        .columns(columns());
    Some(match empty {
        Some(text) => queue.empty_message(text),
        None => queue,
    })
}

/// The titles of the columns, which are the same in all lists.
pub(super) fn titles() -> impl Iterator<Item = Message> {
    columns().into_iter().map(|(title, _)| title)
}

/// The columns that core shows for each record.
fn columns() -> [(Message, opencrvs_toolkit::conditional::EventColumn); 2] {
    [
        (
            message("workqueues.dateOfEvent", "Date of Event"),
            event().field("dateOfEvent"),
        ),
        (
            message("workqueue.default.column.modifiedAt", "Last updated"),
            event().field("updatedAt"),
        ),
    ]
}

fn clause(
    reader: &mut Reader<'_>,
    entry: &Section<'_>,
    forms: &FormIndex,
    roles: &BTreeSet<String>,
) -> Records {
    entry.only(reader, &SAYINGS.each_ref().map(|(key, _)| *key));
    if entry.keys().is_empty() {
        let message = format!("{}: this shows every record", entry.what);
        let hint = "say which records belong here".to_owned();
        reader.error(entry.span.clone(), message, Some(hint));
    }
    let flags = |reader: &mut Reader<'_>, key| entry.one_or_more(reader, key);
    let mut wanted = flags(reader, "with-any-flag");
    wanted.extend(flags(reader, "all-flags"));
    let unwanted = flags(reader, "without-flags");
    for flag in &unwanted {
        if wanted.iter().any(|wanted| wanted.value == flag.value) {
            let message = format!("{}: `{}` is wanted and unwanted", entry.what, flag.value);
            let hint = "take it out of `without-flags` or of the other list".to_owned();
            reader.warning(flag.span.clone(), message, Some(hint));
        }
    }
    let mut clause = records();
    for (key, says) in SAYINGS.iter().filter(|(key, _)| entry.item(key).is_some()) {
        let values = entry.one_or_more(reader, key);
        let texts = values.iter().map(|value| value.value);
        let known: Vec<&str> = match says {
            Says::Event => forms.event_types().collect(),
            Says::Status => STATUSES.to_vec(),
            Says::AnyFlag | Says::AllFlags | Says::NoFlag => forms.flags().collect(),
            Says::Within(_) => PLACES.to_vec(),
            Says::ByRole(_) => roles.iter().map(String::as_str).collect(),
            Says::ByUser(_) => vec!["user.id"],
            Says::In(_) => PERIODS.to_vec(),
        };
        for value in &values {
            // Where no role is known, the fault is in their file.
            if !known.is_empty() && !known.contains(&value.value) {
                let message = format!("{}: unknown {key} `{}`", entry.what, value.value);
                let hint = known_name_or_all(value.value, &known);
                reader.error(value.span.clone(), message, Some(hint));
            }
        }
        let Some(first) = values.first().map(|value| value.value) else {
            continue;
        };
        let of_the_user = || json!({ "$userField": first.trim_start_matches("user.") });
        clause = match says {
            Says::Event => clause.event_type(first),
            Says::Status => clause.status(texts),
            Says::AnyFlag => clause.with_any_flag(texts),
            Says::AllFlags => clause.with_all_flags(texts),
            Says::NoFlag => clause.without_flags(texts),
            Says::Within(property) => clause.within(*property, of_the_user()),
            Says::ByRole(property) => clause.by_role(*property, texts),
            Says::ByUser(property) => clause.exactly(*property, of_the_user()),
            Says::In(property) => clause.in_period(*property, first),
        };
    }
    clause
}

// SPDX-License-Identifier: MPL-2.0
//! The registration of a birth.

mod actions;
mod child;
mod correct;
mod credential;
mod documents;
mod father;
mod informant;
mod introduction;
mod mother;
mod print;
mod requesters;
mod summary;

use opencrvs_toolkit::prelude::*;

use crate::person::Person;
use crate::{Environment, review};

/// Order of the actions in the menu of a record.
const ACTION_ORDER: [&str; 20] = [
    "ASSIGN",
    "REGISTER",
    "DECLARE",
    "EDIT",
    "VALIDATE_DECLARATION",
    "APPROVE_DECLARATION",
    "MARK_AS_DUPLICATE",
    "ESCALATE",
    "PROVINCIAL_REGISTER_FEEDBACK",
    "REGISTRAR_GENERAL_FEEDBACK",
    "REJECT",
    "ARCHIVE",
    "DELETE",
    "PRINT_CERTIFICATE",
    "ISSUE_CERTIFIED_COPY",
    "REQUEST_CORRECTION",
    "REVOKE_REGISTRATION",
    "REINSTATE_REVOKE_REGISTRATION",
    "ISSUE_VERIFIABLE_CREDENTIAL",
    "UNASSIGN",
];

/// The event with its declaration, its actions and the ways in which its records are found.
pub(crate) fn event(env: &Environment) -> Event {
    Event::new(
        "birth",
        ("event.birth.label", "Birth"),
        (
            "event.birth.title",
            "{child.name.firstname} {child.name.surname}",
        ),
        declaration(env),
    )
    .fallback_title(review::fallback_title())
    .date_of_event(field("child.dob"))
    .place_of_event(field("child.birthLocationId"))
    .summary(summary::summary())
    .actions(actions::actions(env))
    .action_order(ACTION_ORDER)
    .advanced_search(summary::advanced_search())
    .flags(actions::flags())
    .analytics(env.analytics)
}

fn declaration(env: &Environment) -> Form {
    form(
        (
            "event.birth.action.declare.form.label",
            "Birth declaration form",
        ),
        [
            introduction::page(),
            child::page(env),
            informant::page(env),
            mother::page(env),
            father::page(env),
            documents::page(),
        ],
    )
}

/// Id of a message about a field of the declaration.
pub(crate) fn section(key: &str) -> String {
    format!("event.birth.action.declare.form.section.{key}")
}

/// A person in the declaration; labels that do not name the person are shared.
fn person(key: &'static str) -> Person {
    Person::new(
        key,
        section(&format!("{key}.field")),
        section("person.field"),
    )
}

/// Message when two people have the same identity number.
const SAME_NATIONAL_ID: (&str, &str) = (
    "event.birth.action.declare.form.nid.unique",
    "National id must be unique",
);

// SPDX-License-Identifier: MPL-2.0
//! The registration of a death.

mod actions;
mod cause_of_death;
mod correct;
mod deceased;
mod documents;
mod event_details;
mod informant;
mod introduction;
mod print;
mod requesters;
mod spouse;
mod summary;

use opencrvs_toolkit::prelude::*;

use crate::person::Person;
use crate::{Environment, review};

/// Order of the actions in the menu of a record.
const ACTION_ORDER: [&str; 12] = [
    "ASSIGN",
    "REGISTER",
    "DECLARE",
    "EDIT",
    "VALIDATE_DECLARATION",
    "MARK_AS_DUPLICATE",
    "REJECT",
    "ARCHIVE",
    "DELETE",
    "PRINT_CERTIFICATE",
    "REQUEST_CORRECTION",
    "UNASSIGN",
];

/// The event with its declaration, its actions and the ways in which its records are found.
pub(crate) fn event(env: &Environment) -> Event {
    Event::new(
        "death",
        ("event.death.label", "Death"),
        (
            "event.death.title",
            "{deceased.name.firstname} {deceased.name.surname}",
        ),
        declaration(env),
    )
    .fallback_title(review::fallback_title())
    .date_of_event(field("eventDetails.date"))
    .place_of_event(field("eventDetails.deathLocationId"))
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
            "event.death.action.declare.form.label",
            "Death declaration form",
        ),
        [
            introduction::page(),
            deceased::page(env),
            event_details::page(env),
            cause_of_death::page(env),
            informant::page(env),
            spouse::page(env),
            documents::page(),
        ],
    )
}

/// Id of a message about a field of the declaration.
pub(crate) fn section(key: &str) -> String {
    format!("event.death.action.declare.form.section.{key}")
}

/// A person in the declaration, with labels of its own.
fn person(key: &'static str) -> Person {
    let labels = section(&format!("{key}.field"));
    Person::new(key, labels.clone(), labels)
}

/// Message when two people have the same identity number.
const SAME_NATIONAL_ID: (&str, &str) = (
    "event.death.action.declare.form.nid.unique",
    "National id must be unique",
);

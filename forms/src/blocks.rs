// SPDX-License-Identifier: MPL-2.0
//! Parts of the built-in forms that a country's own events can use.

use opencrvs_toolkit::prelude::*;

use crate::person::Person;
use crate::{Environment, review, validators};

/// Parts of the questions about a person.
pub const PERSON_PARTS: [&str; 8] = [
    "name",
    "dob",
    "nationality",
    "id",
    "address",
    "marital-status",
    "education",
    "occupation",
];

/// The last parts of the ids of the fields of each part.
pub const PERSON_FIELDS: [&str; 14] = [
    "name",
    "dob",
    "dobUnknown",
    "age",
    "nationality",
    "idType",
    "nid",
    "passport",
    "brn",
    "addressHelper",
    "address",
    "maritalStatus",
    "educationalAttainment",
    "occupation",
];

/// A person whom an event of the country's own asks about.
#[derive(Clone, Copy, Debug)]
pub struct PersonBlock<'a> {
    /// Id of the event, a part of the ids of texts.
    pub event: &'a str,
    /// First part of the ids of fields.
    pub key: &'a str,
    /// The person in words: `Bride`.
    pub label: &'a str,
    /// Field with the day to which the age is counted.
    pub day: &'a str,
    /// Some of [`PERSON_PARTS`], in the order in which they are asked.
    pub parts: &'a [&'a str],
}

/// The questions about a person, without reading an identity. They are asked only when the condition, as
/// core's JSON, holds.
pub fn person_fields(
    env: &Environment,
    block: &PersonBlock<'_>,
    asked: Option<serde_json::Value>,
) -> Vec<AnyField> {
    let labels = format!("event.{}.field.{}", block.event, block.key);
    let person = Person::new(block.key.to_owned(), labels.clone(), labels).without_identity();
    let person = match asked {
        Some(asked) => person.asked_if(Conditional::from_schema(asked)),
        None => person,
    };
    let parts = block.parts.iter();
    parts
        .flat_map(|part| fields_of(env, &person, block, part))
        .collect()
}

fn fields_of(
    env: &Environment,
    person: &Person,
    block: &PersonBlock<'_>,
    part: &str,
) -> Vec<AnyField> {
    match part {
        "name" => vec![person.name(&format!("{}: name", block.label)).into()],
        "dob" => vec![
            person.date_of_birth().into(),
            person.date_of_birth_unknown().into(),
            person
                .age(&format!("{}: age", block.label), block.day, 12)
                .into(),
        ],
        "nationality" => vec![person.nationality(env).into()],
        "id" => {
            let number = id_number(person.id("nid"))
                .label(
                    format!("event.{}.field.{}.nid.label", block.event, block.key),
                    "ID Number",
                )
                .required();
            let is_national = person.field("idType").equals("NATIONAL_ID");
            let is_asked = match person.asked() {
                Some(asked) => and([&is_national, asked]),
                None => is_national,
            };
            vec![
                person.id_type().into(),
                validators::national_id(env, number)
                    .show_if(is_asked)
                    .into(),
                person.passport().into(),
                person.birth_registration_number().into(),
            ]
        }
        "address" => vec![person.address_heading().into(), person.address(env).into()],
        "marital-status" => vec![person.marital_status().into()],
        "education" => vec![person.education().into()],
        "occupation" => vec![person.occupation().into()],
        _ => Vec::new(),
    }
}

/// The confirmation before a declaration is sent, for the first time or after it was edited.
pub fn dialog(event: &str, is_edited: bool) -> DialogCopy {
    if is_edited {
        review::edit_dialog(event)
    } else {
        review::declare_dialog(event)
    }
}

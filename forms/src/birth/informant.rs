// SPDX-License-Identifier: MPL-2.0
//! The informant who declares the birth. If it is a parent, the questions are on that parent's page.

use opencrvs_toolkit::prelude::*;

use super::{SAME_NATIONAL_ID, person, section};
use crate::options::shared;
use crate::person::{informant_contact, informant_is_someone_else};
use crate::{Environment, mosip};

pub(super) fn page(env: &Environment) -> Page {
    let informant = person("informant")
        .asked_if(informant_is_someone_else(["MOTHER", "FATHER"]))
        .forgotten_when_changes("informant.relation");
    form_page(
        "informant",
        ("form.section.informant.title", "Informant's details"),
    )
    .with(
        select("informant.relation", relations())
            .label(
                section("informant.field.relation.label"),
                "Relationship to child",
            )
            .required()
            .analytics(),
    )
    .with(
        text("informant.other.relation")
            .label(
                section("informant.field.other.relation.label"),
                "Relationship to child",
            )
            .required()
            .show_if(field("informant.relation").equals("OTHER"))
            .parent(field("informant.relation")),
    )
    .with_all(mosip::identity_fields(env, &informant))
    .with(informant.name("Informant's name"))
    .with(informant.date_of_birth().validate(
        field("informant.dob").is_before().date(field("child.dob")),
        (
            section("person.dob.afterChild"),
            "Birth date must be before child's birth date",
        ),
    ))
    .with(informant.date_of_birth_unknown())
    .with(
        informant
            .age("Age of informant (at the time of event)", "child.dob", 12)
            .analytics(),
    )
    .with(informant.nationality(env))
    .with(informant.id_type())
    .with(informant.national_id(env, ["mother.nid", "father.nid"], SAME_NATIONAL_ID))
    .with(informant.passport())
    .with(informant.birth_registration_number())
    .with(informant.divider("addressDivider1"))
    .with(informant.address_heading())
    .with(informant.address(env))
    .with(informant.divider("address.divider.end"))
    .with_all(informant_contact(env, section))
}

fn relations() -> Vec<SelectOption> {
    let relation = |value: &str, key: &str, text: &str| {
        shared(value, &format!("informantRelation.{key}"), text)
    };
    vec![
        relation("MOTHER", "mother", "Mother"),
        relation("FATHER", "father", "Father"),
        relation("OTHER", "others", "Someone else"),
        relation("GRANDFATHER", "grandfather", "Grandfather"),
        relation("GRANDMOTHER", "grandmother", "Grandmother"),
        relation("BROTHER", "brother", "Brother"),
        relation("SISTER", "sister", "Sister"),
        relation("LEGAL_GUARDIAN", "legalGuardian", "Legal guardian"),
    ]
}

// SPDX-License-Identifier: MPL-2.0
//! The informant who declares the death. If it is the spouse, the questions are on the spouse's page.

use opencrvs_toolkit::prelude::*;

use super::{SAME_NATIONAL_ID, person, section};
use crate::options::shared;
use crate::person::{informant_contact, informant_is_someone_else};
use crate::{Environment, mosip};

pub(super) fn page(env: &Environment) -> Page {
    let asked = informant_is_someone_else(["SPOUSE"]);
    let informant = person("informant")
        .asked_if(asked.clone())
        .forgotten_when_changes("informant.relation");
    let lives_elsewhere = informant.clone().asked_if(and([
        asked.clone(),
        field("informant.addressSameAs").equals("NO"),
    ]));
    form_page(
        "informant",
        ("form.section.informant.title", "Informant's details"),
    )
    .with(
        select("informant.relation", relations())
            .label(section("informant.field.relation.label"), "Informant type")
            .required(),
    )
    .with(
        text("informant.other.relation")
            .label(
                section("informant.field.other.relation.label"),
                "Relationship to deceased",
            )
            .required()
            .show_if(field("informant.relation").equals("OTHER"))
            .parent(field("informant.relation")),
    )
    .with_all(mosip::identity_fields(env, &informant))
    .with(informant.name("Informant's name"))
    .with(informant.date_of_birth())
    .with(informant.date_of_birth_unknown())
    .with(informant.age(
        "Age of informant (at the time of event)",
        "eventDetails.date",
        12,
    ))
    .with(informant.nationality(env))
    .with(informant.id_type())
    .with(informant.national_id(env, ["spouse.nid", "deceased.nid"], SAME_NATIONAL_ID))
    .with(informant.passport())
    .with(informant.birth_registration_number())
    .with(
        informant
            .same_address(
                "Same as deceased's usual place of residence?",
                "YES",
                &asked,
            )
            .parent(field("informant.relation")),
    )
    .with(lives_elsewhere.divider("addressDivider1"))
    .with(lives_elsewhere.address_heading())
    .with(lives_elsewhere.address(env))
    .with(informant.divider("addressDivider2"))
    .with_all(informant_contact(env, section))
}

fn relations() -> Vec<SelectOption> {
    let relation = |value: &str, key: &str, text: &str| {
        shared(value, &format!("informantRelation.{key}"), text)
    };
    vec![
        relation("SPOUSE", "spouse", "Spouse"),
        relation("SON", "son", "Son"),
        relation("DAUGHTER", "daughter", "Daughter"),
        relation("SON_IN_LAW", "sonInLaw", "Son in law"),
        relation("DAUGHTER_IN_LAW", "daughterInLaw", "Daughter in law"),
        relation("MOTHER", "mother", "Mother"),
        relation("FATHER", "father", "Father"),
        relation("GRANDSON", "grandson", "Grandson"),
        relation("GRANDDAUGHTER", "granddaughter", "Granddaughter"),
        relation("OTHER", "others", "Someone else"),
    ]
}

// SPDX-License-Identifier: MPL-2.0
//! The person who died.

use opencrvs_toolkit::prelude::*;

use super::{SAME_NATIONAL_ID, person, section};
use crate::{Environment, mosip, options};

pub(super) fn page(env: &Environment) -> Page {
    let deceased = person("deceased").without_esignet();
    // Some labels stand under a second prefix, and some of those are meant for any person.
    let second = deceased.labelled_under(&format!("v2.{}", section("deceased.field")));
    let any_person = deceased.labelled_under(&format!("v2.{}", section("person.field")));
    let gender = select("deceased.gender", options::sex())
        .label(section("deceased.field.gender.label"), "Sex")
        .required();
    form_page(
        "deceased",
        ("form.death.deceased.title", "Deceased's details"),
    )
    .with_all(mosip::identity_fields(env, &deceased))
    .with(deceased.name("Deceased's name"))
    .with(deceased.filled_from_identity(gender, "gender"))
    .with(
        deceased.date_of_birth().validate(
            field("deceased.dob")
                .is_before()
                .date(field("eventDetails.date")),
            (
                section("deceased.field.dob.error.laterThanDeath"),
                "Date of birth must be before the date of death",
            ),
        ),
    )
    .with(second.date_of_birth_unknown())
    .with(second.age(
        "Age of deceased (at the time of event)",
        "eventDetails.date",
        0,
    ))
    .with(any_person.nationality(env))
    .with(any_person.id_type())
    .with(any_person.national_id(env, ["informant.nid"], SAME_NATIONAL_ID))
    .with(any_person.passport())
    .with(any_person.birth_registration_number())
    .with(second.marital_status())
    .with(
        number("deceased.numberOfDependants")
            .label(
                section("deceased.field.numberOfDependants.label"),
                "No. of dependants",
            )
            .min(0),
    )
    .with(deceased.divider("addressDivider"))
    .with(second.address_heading())
    .with(deceased.address(env).secured())
}

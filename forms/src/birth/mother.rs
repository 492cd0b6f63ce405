// SPDX-License-Identifier: MPL-2.0
//! The mother, unless her details are missing.

use opencrvs_toolkit::prelude::*;

use super::{SAME_NATIONAL_ID, person, section};
use crate::person::{details_available, details_may_be_missing};
use crate::{Environment, mosip};

/// Minimum difference in age between a mother and her child: eighteen years of 365 days.
const MOTHER_OLDER_BY_DAYS: u32 = 18 * 365;

pub(super) fn page(env: &Environment) -> Page {
    let asked = details_available("mother", "MOTHER");
    let mother = person("mother").asked_if(asked.clone()).birth_date_error((
        section("mother.field.dob.error"),
        "Must be a valid birth date",
    ));
    form_page("mother", ("form.section.mother.title", "Mother's details"))
        .with_all(details_may_be_missing(
            &mother,
            "Mother's details are not available",
            "MOTHER",
        ))
        .with_all(mosip::identity_fields(env, &mother))
        .with(mother.clone().asked_if(and([asked])).name("Mother's name"))
        .with(
            mother.date_of_birth().secured().analytics().validate(
                field("mother.dob")
                    .is_before()
                    .days(MOTHER_OLDER_BY_DAYS)
                    .from_date(field("child.dob")),
                (
                    section("mother.dob.tooYoung"),
                    "The mother must have been at least 18 years old when the child was born",
                ),
            ),
        )
        .with(mother.date_of_birth_unknown())
        .with(
            mother
                .age("Age of mother (at the time of event)", "child.dob", 12)
                .analytics(),
        )
        .with(mother.nationality(env))
        .with(mother.id_type())
        .with(mother.national_id(env, ["father.nid", "informant.nid"], SAME_NATIONAL_ID))
        .with(mother.passport())
        .with(mother.birth_registration_number())
        .with(mother.divider("addressDivider1"))
        .with(mother.address_heading())
        .with(mother.address(env).secured())
        .with(mother.divider("addressDivider2"))
        .with(mother.marital_status().analytics())
        .with(mother.education().analytics())
        .with(mother.occupation().analytics())
        .with(
            mother.shown(
                number("mother.previousBirths")
                    .label(
                        section("mother.field.previousBirths.label"),
                        "No. of previous births",
                    )
                    .analytics()
                    .min(0)
                    .integer(),
            ),
        )
}

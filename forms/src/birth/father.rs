// SPDX-License-Identifier: MPL-2.0
//! The father, unless his details are missing.

use opencrvs_toolkit::prelude::*;

use super::{SAME_NATIONAL_ID, person, section};
use crate::person::{details_available, details_may_be_missing};
use crate::{Environment, mosip};

pub(super) fn page(env: &Environment) -> Page {
    let asked = details_available("father", "FATHER");
    let father = person("father").asked_if(asked.clone());
    let lives_elsewhere = and([asked, not(field("father.addressSameAs").equals("YES"))]);
    let [missing, divider, reason] =
        details_may_be_missing(&father, "Father's details are not available", "FATHER");
    form_page("father", ("form.section.father.title", "Father's details"))
        .with(missing.analytics())
        .with(divider)
        .with(reason)
        .with_all(mosip::identity_fields(env, &father))
        .with(father.name("Father's name"))
        .with(father.date_of_birth().secured().analytics().validate(
            field("father.dob").is_before().date(field("child.dob")),
            (
                section("person.dob.afterChild"),
                "Birth date must be before child's birth date",
            ),
        ))
        .with(father.date_of_birth_unknown())
        .with(
            father
                .age("Age of father (at the time of event)", "child.dob", 12)
                .analytics(),
        )
        .with(father.nationality(env))
        .with(father.id_type())
        .with(father.national_id(env, ["mother.nid", "informant.nid"], SAME_NATIONAL_ID))
        .with(father.passport())
        .with(father.birth_registration_number())
        .with(father.divider("addressDivider"))
        .with(father.address_heading())
        .with(same_address_as_mother(&father))
        .with(
            father
                .clone()
                .asked_if(lives_elsewhere)
                .address(env)
                .secured(),
        )
        .with(father.divider("addressDivider2"))
        .with(father.marital_status().analytics())
        .with(father.education().analytics())
        .with(father.occupation().analytics())
}

/// Asked when both parents are known.
fn same_address_as_mother(father: &crate::person::Person) -> Field<types::RadioGroup> {
    let known = ["mother.detailsNotAvailable", "father.detailsNotAvailable"]
        .map(|missing| field(missing).is_falsy());
    father
        .same_address(
            "Same as mother's usual place of residence?",
            "NO",
            &and(known),
        )
        .parent(field("mother.detailsNotAvailable"))
}

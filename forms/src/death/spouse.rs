// SPDX-License-Identifier: MPL-2.0
//! The spouse of the deceased, unless the details are missing.

use opencrvs_toolkit::prelude::*;

use super::{SAME_NATIONAL_ID, person};
use crate::person::{details_available, details_may_be_missing};
use crate::{Environment, mosip};

pub(super) fn page(env: &Environment) -> Page {
    let asked = details_available("spouse", "SPOUSE");
    let spouse = person("spouse").asked_if(asked.clone());
    let lives_elsewhere = spouse.clone().asked_if(and([
        asked.clone(),
        field("spouse.addressSameAs").equals("NO"),
    ]));
    let with_registration_number = spouse.clone().asked_if(and([
        field("spouse.idType").equals("BIRTH_REGISTRATION_NUMBER"),
        asked.clone(),
    ]));
    form_page("spouse", ("form.section.spouse.title", "Spouse details"))
        .with_all(details_may_be_missing(
            &spouse,
            "Spouse's details are not available",
            "SPOUSE",
        ))
        .with_all(mosip::identity_fields(env, &spouse))
        .with(spouse.name("Spouse's name"))
        .with(spouse.date_of_birth())
        .with(spouse.date_of_birth_unknown())
        .with(spouse.age(
            "Age of spouse (at the time of event)",
            "eventDetails.date",
            12,
        ))
        .with(spouse.nationality(env))
        .with(spouse.id_type())
        .with(spouse.national_id(env, ["informant.nid", "deceased.nid"], SAME_NATIONAL_ID))
        .with(spouse.passport())
        .with(spouse.birth_registration_number())
        .with(with_registration_number.divider("addressDivider1"))
        .with(with_registration_number.address_heading())
        .with(spouse.same_address(
            "Same as deceased's usual place of residence?",
            "YES",
            &asked,
        ))
        .with(lives_elsewhere.address(env))
        .with(spouse.divider("addressDivider2"))
}

// SPDX-License-Identifier: MPL-2.0
//! The form that is filled in before a death certificate is printed.

use opencrvs_toolkit::prelude::*;

use super::event_details::LATE_AFTER_DAYS;
use super::requesters::{OTHER, RELATIVES, SPOUSE};
use crate::certificate::{
    SomeoneElse, collector_choice, collector_page, collects, identity_data, identity_page,
    informant_collects, payment, payment_page, someone_else_collects, someone_else_fields,
};
use crate::requester::{Relation, entries, identity, requester_is, requester_is_other_informant};
use crate::{Environment, validators};

pub(super) fn form_before_printing(env: &Environment) -> Form {
    form(
        (
            "event.death.action.certificate.form.label",
            "Death certificate collector",
        ),
        [collector(env), identity_of_collector(), payment_of_fee(env)],
    )
}

fn collector(env: &Environment) -> Page {
    let differences = SomeoneElse {
        relationship_to: "Deceased",
        driving_licence_field: "DRIVING-LICENSE.details",
    };
    let spouse_unknown = field("spouse.name").is_falsy();
    let page = collector_page("death").with(choice(&SPOUSE, not(&spouse_unknown), false));
    RELATIVES
        .iter()
        .chain([&OTHER])
        .fold(page, |page, relation| {
            page.with(choice(relation, spouse_unknown.clone(), false))
                .with(choice(relation, not(&spouse_unknown), true))
        })
        .with_all(someone_else_fields(env, "death", &differences))
}

/// Possible collectors for a relation of the informant; the spouse too, if known and not the informant.
fn choice(relation: &Relation, spouse: Conditional, spouse_collects: bool) -> Field<types::Select> {
    let mut choices = vec![informant_collects("death", relation)];
    if spouse_collects {
        choices.push(collects(
            "death",
            "SPOUSE",
            "spouse",
            "Print and issue to Spouse",
        ));
    }
    choices.push(someone_else_collects("death"));
    collector_choice("death", and([relation.is_informants(), spouse]), choices)
}

fn identity_of_collector() -> Page {
    let requester = field("collector.requesterId");
    let data = |key: &str, entries| identity_data("death", "", key, entries);
    let mut informant = entries("informant", &["relation"]);
    informant.extend(identity("informant"));
    identity_page("death")
        .show_if(and([
            not(requester.equals("SOMEONE_ELSE")),
            not(requester.equals("PRINT_IN_ADVANCE")),
        ]))
        .with(data("spouse", identity("spouse")).show_if(requester_is(&requester, "SPOUSE")))
        .with(
            data("other", informant).show_if(requester_is_other_informant(&requester, ["SPOUSE"])),
        )
}

fn payment_of_fee(env: &Environment) -> Page {
    let death = "eventDetails.date";
    payment_page()
        .with(payment(
            "death",
            "afterRegistrationTarget",
            "Certificate of a death that was registered more than 45 days afterwards",
            &env.death_fees.late,
            and(validators::longer_ago_than(death, LATE_AFTER_DAYS)),
        ))
        .with(payment(
            "death",
            "beforeRegistrationTarget",
            "Certificate of a death that was registered within 45 days",
            &env.death_fees.on_time,
            and(validators::within_past(death, LATE_AFTER_DAYS)),
        ))
}

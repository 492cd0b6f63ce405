// SPDX-License-Identifier: MPL-2.0
//! Actions on the record of a death.

use opencrvs_toolkit::prelude::*;

use super::{correct, print};
use crate::{Environment, review};

pub(super) fn actions(env: &Environment) -> Vec<Action> {
    vec![
        Action::read(
            (action("Read.label"), "Read"),
            review::review("death", review_title()),
        ),
        declare(env),
        Action::edit(("actions.edit", "Edit"), review::edit_dialog("death"))
            .remove_flag("validated"),
        review::validate_declaration("death"),
        review::reject("death"),
        review::register("death")
            .enable_if(flag("validated"))
            .deduplication(duplicates(env)),
        Action::print_certificate(
            (action("collect-certificate.label"), "Print"),
            print::form_before_printing(env),
        )
        .remove_flag("pending-first-certificate-issuance"),
        Action::request_correction(
            (action("request-correction.label"), "Correct record"),
            correct::form_of_request(env),
        ),
        review::archive("death"),
        review::unarchive("death"),
    ]
}

/// Flags of the record; the texts are shared with births.
pub(super) fn flags() -> Vec<FlagConfig> {
    let flag = |id: &str, text: &str| {
        FlagConfig::action_required(id, (format!("event.birth.flag.{id}"), text))
    };
    vec![
        flag("validated", "Validated"),
        flag(
            "pending-first-certificate-issuance",
            "Pending first certificate issuance",
        ),
    ]
}

/// Id of a message about an action.
fn action(key: &str) -> String {
    format!("event.death.action.{key}")
}

fn review_title() -> Message {
    review::title_with_name(
        &action("declare.form.review.title"),
        "Death declaration",
        "deceased",
    )
}

/// Registration staff declare records that they have validated themselves.
fn declare(env: &Environment) -> Action {
    let validated_by = ["REGISTRATION_AGENT", "LOCAL_REGISTRAR"];
    Action::declare(
        (action("declare.label"), "Declare"),
        review::review("death", review_title()),
    )
    .dialog_copy(review::declare_dialog("death"))
    .add_flag_if(
        "validated",
        or(validated_by.map(|role| user().has_role(role))),
    )
    .deduplication(duplicates(env))
}

/// The search for duplicates: name and dates are similar, or the identity number is the same.
fn duplicates(env: &Environment) -> Option<Deduplication> {
    let same_number = field("deceased.nid").strict_matches();
    let same_person = Clause::and([
        field("deceased.name").fuzzy_matches(),
        field("eventDetails.date").date_range_matches(5),
        Clause::or([
            field("deceased.dob").date_range_matches(365),
            field("deceased.age").strict_matches(),
        ]),
    ]);
    env.duplicate_search.then(|| {
        Deduplication::new(
            "death-deduplication",
            (
                "event.death.deduplication.label",
                "Deaths of the same person",
            ),
            Clause::or([same_number, same_person]),
        )
    })
}

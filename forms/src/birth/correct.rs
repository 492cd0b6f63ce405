// SPDX-License-Identifier: MPL-2.0
//! The form with which the correction of a birth record is requested.

use opencrvs_toolkit::prelude::*;

use super::requesters::{FATHER, MOTHER, Situation, situations};
use crate::Environment;
use crate::correction::{
    correction_form, identity_data, informant_requests, official_requesters, person_requests,
    requester_choice, requester_type,
};
use crate::requester::{
    entries, identity, identity_of_informant, requester_is, requester_is_other_informant,
};

pub(super) fn form_of_request(env: &Environment) -> Form {
    correction_form(
        env,
        "birth",
        situations().into_iter().map(requester_in).collect(),
        identities(),
    )
}

/// Possible requesters of the correction in a situation of the record.
fn requester_in(situation: Situation) -> AnyField {
    let mut choices = vec![informant_requests(
        "birth",
        situation.relation,
        "Informant ({informant.other.relation})",
    )];
    choices.extend(
        situation
            .parents
            .iter()
            .map(|parent| person_requests("birth", parent.value, parent.key, parent.name)),
    );
    choices.push(requester_type("CHILD", "child", "Child"));
    choices.push(requester_type(
        "LEGAL_GUARDIAN",
        "legalGuardian",
        "Legal Guardian",
    ));
    choices.extend(official_requesters());
    requester_choice("birth", situation.holds, choices)
}

fn identities() -> Vec<AnyField> {
    let requester = field("requester.type");
    let data = |shown, entries| identity_data("birth", shown, entries);
    let mut identities = vec![data(
        requester.equals("CHILD"),
        entries("child", &["name", "dob"]),
    )];
    identities.extend(
        [MOTHER, FATHER]
            .map(|parent| data(requester_is(&requester, parent.value), identity(parent.key))),
    );
    identities.push(data(
        requester_is_other_informant(&requester, ["FATHER", "MOTHER"]),
        identity_of_informant(),
    ));
    identities
}

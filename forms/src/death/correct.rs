// SPDX-License-Identifier: MPL-2.0
//! The form with which the correction of a death record is requested.

use opencrvs_toolkit::prelude::*;

use super::requesters::{OTHER, RELATIVES, SPOUSE};
use crate::Environment;
use crate::correction::{
    correction_form, identity_data, informant_requests, official_requesters, requester_choice,
};
use crate::requester::{identity, requester_is, requester_is_other_informant};

pub(super) fn form_of_request(env: &Environment) -> Form {
    let requesters = [&SPOUSE, &OTHER]
        .into_iter()
        .chain(&RELATIVES)
        .map(|relation| {
            let informant = informant_requests("death", relation, "Informant");
            let choices = std::iter::once(informant)
                .chain(official_requesters())
                .collect();
            requester_choice("death", relation.is_informants(), choices)
        });
    correction_form(env, "death", requesters.collect(), identities())
}

fn identities() -> Vec<AnyField> {
    let requester = field("requester.type");
    vec![
        identity_data(
            "death",
            requester_is(&requester, "SPOUSE"),
            identity("spouse"),
        ),
        identity_data(
            "death",
            requester_is_other_informant(&requester, ["SPOUSE"]),
            identity("informant"),
        ),
    ]
}

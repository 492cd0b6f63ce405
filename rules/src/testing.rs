// SPDX-License-Identifier: MPL-2.0
//! Helpers that several tests of this crate need.

use crate::expression::Vocabulary;

/// The fields of the birth and death forms that the shipped rules and mappings speak about.
pub(crate) fn vocabulary() -> Vocabulary {
    let person = [
        "name",
        "dob",
        "nid",
        "verified",
        "verify-nid-http-fetch",
        "address",
    ];
    let fields = |people: &[&str], more: &[&str]| -> Vec<String> {
        let of_people = people
            .iter()
            .flat_map(|page| person.iter().map(move |field| format!("{page}.{field}")));
        of_people
            .chain(more.iter().map(|id| (*id).to_owned()))
            .collect()
    };
    let contact = [
        "informant.relation",
        "informant.email",
        "informant.phoneNo",
        "informant.address.divider.end",
    ];
    let child = [
        "child.name",
        "child.gender",
        "child.dob",
        "child.nid",
        "child.birthLocation",
        "child.birthLocation.privateHome",
    ];
    let deceased = [
        "deceased.name",
        "deceased.gender",
        "deceased.dob",
        "deceased.nid",
        "eventDetails.date",
        "eventDetails.mannerOfDeath",
    ];
    Vocabulary::new([
        (
            "birth",
            fields(
                &["mother", "father", "informant"],
                &[&contact[..], &child].concat(),
            ),
        ),
        (
            "death",
            fields(
                &["spouse", "informant"],
                &[&contact[..], &deceased].concat(),
            ),
        ),
    ])
}

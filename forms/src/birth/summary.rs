// SPDX-License-Identifier: MPL-2.0
//! The summary of a birth, shown before its record is opened, and the search for records.

use opencrvs_toolkit::prelude::*;

use crate::options::shared;
use crate::search;

/// The child, the place and the informant's contact.
pub(super) fn summary() -> Vec<SummaryField> {
    let text = |key: &str, text: &str| message(format!("event.birth.summary.{key}"), text);
    let nid = field("child.nid");
    let place = field("child.placeOfBirth");
    let place_of_birth = |id: &str, shown: Conditional| {
        SummaryField::of(id)
            .label(text("child.placeOfBirth.label", "Place of birth"))
            .empty(text("child.placeOfBirth.empty", "No place of birth"))
            .show_if(shown)
    };
    vec![
        SummaryField::of("child.nid").show_if(not(nid.is_falsy())),
        SummaryField::of("child.dob").empty(text("child.dob.empty", "No date of birth")),
        place_of_birth("child.placeOfBirth", place.is_falsy()),
        place_of_birth("child.birthLocation", place.equals("HEALTH_FACILITY")),
        place_of_birth(
            "child.birthLocation.privateHome",
            place.equals("PRIVATE_HOME"),
        ),
        place_of_birth("child.birthLocation.other", place.equals("OTHER")),
        search::informant_contact("birth"),
    ]
}

pub(super) fn advanced_search() -> Vec<SearchSection> {
    let of = |whose: &str, text: &str| {
        message(format!("birth.search.criteria.label.prefix.{whose}"), text)
    };
    let person = |key: &str, whose: &str| {
        [
            field(format!("{key}.dob"))
                .range()
                .label_prefix(of(key, whose)),
            search::name(&format!("{key}.name")),
        ]
    };
    let [child_dob, child_name] = person("child", "Child's");
    let [informant_dob, informant_name] = person("informant", "Informant's");
    vec![
        search::registration_details(),
        search::section(
            "childDetails",
            "Child details",
            [
                child_dob,
                child_name,
                field("child.nid")
                    .exact()
                    .label_prefix(of("child", "Child's"))
                    .always_shown(),
                field("child.gender")
                    .exact()
                    .label_prefix(of("child", "Child's")),
            ],
        ),
        search::section(
            "eventDetails",
            "Event details",
            [
                field("child.placeOfBirth").exact().options([
                    shared("HEALTH_FACILITY", "healthInstitution", "Health Institution"),
                    shared("PRIVATE_HOME", "privateHome", "Residential address"),
                    shared("OTHER", "otherInstitution", "Other"),
                ]),
                field("child.birthLocation")
                    .exact()
                    .label_prefix(of("child", "Child's"))
                    .allowed_locations(search::searchable_places()),
                field("child.birthLocation.privateHome").exact(),
                field("child.birthLocation.other").exact(),
            ],
        ),
        search::section(
            "motherDetails",
            "Mother details",
            person("mother", "Mother's"),
        ),
        search::section(
            "fatherDetails",
            "Father details",
            person("father", "Father's"),
        ),
        search::section(
            "informantDetails",
            "Informant details",
            [informant_dob.always_shown(), informant_name],
        ),
    ]
}

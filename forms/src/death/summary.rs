// SPDX-License-Identifier: MPL-2.0
//! The summary of a death, shown before its record is opened, and the search for records.

use opencrvs_toolkit::prelude::*;

use crate::options::shared;
use crate::search;

/// The day, the place and the informant's contact.
pub(super) fn summary() -> Vec<SummaryField> {
    let text = |key: &str, text: &str| message(format!("event.death.summary.{key}"), text);
    let place = field("eventDetails.placeOfDeath");
    let place_of_death = |id: &str, key: &str, shown: Conditional| {
        SummaryField::of(id)
            .label(text(&format!("eventDetails.{key}.label"), "Place of death"))
            .empty(text(
                &format!("eventDetails.{key}.empty"),
                "No place of death",
            ))
            .show_if(shown)
    };
    vec![
        SummaryField::of("eventDetails.date")
            .empty(text("eventDetails.date.empty", "No date of death")),
        place_of_death(
            "eventDetails.placeOfDeath",
            "placeOfDeath",
            place.is_falsy(),
        ),
        place_of_death(
            "eventDetails.deathLocation",
            "deathLocation",
            place.equals("HEALTH_FACILITY"),
        ),
        place_of_death(
            "deceased.address",
            "placeOfDeath",
            place.equals("DECEASED_USUAL_RESIDENCE"),
        ),
        place_of_death(
            "eventDetails.deathLocationOther",
            "placeOfDeath",
            place.equals("OTHER"),
        ),
        search::informant_contact("death"),
    ]
}

pub(super) fn advanced_search() -> Vec<SearchSection> {
    let of = |whose: &str, text: &str| {
        message(format!("death.search.criteria.label.prefix.{whose}"), text)
    };
    let deceased = || of("deceased", "Deceased's");
    let at_home = field("eventDetails.placeOfDeath").equals("DECEASED_USUAL_RESIDENCE");
    vec![
        search::registration_details(),
        search::section(
            "deceasedDetails",
            "Deceased details",
            [
                field("deceased.dob").range().label_prefix(deceased()),
                search::name("deceased.name"),
                field("deceased.gender").exact().label_prefix(deceased()),
            ],
        ),
        search::section(
            "eventDetails",
            "Event details",
            [
                field("eventDetails.placeOfDeath").exact().options([
                    shared("HEALTH_FACILITY", "healthInstitution", "Health Institution"),
                    shared(
                        "DECEASED_USUAL_RESIDENCE",
                        "privateHome",
                        "Residential address",
                    ),
                    shared("OTHER", "otherInstitution", "Other"),
                ]),
                field("eventDetails.deathLocation")
                    .exact()
                    .label_prefix(deceased())
                    .allowed_locations(search::searchable_places()),
                field("deceased.address").exact().show_if(at_home),
                field("eventDetails.deathLocationOther").exact(),
            ],
        ),
        search::section(
            "informantDetails",
            "Informant details",
            [
                field("informant.dob")
                    .range()
                    .label_prefix(of("informant", "Informant's"))
                    .always_shown(),
                search::name("informant.name"),
            ],
        ),
    ]
}

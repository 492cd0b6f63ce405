// SPDX-License-Identifier: MPL-2.0
//! Parts of the advanced search that all events share.

use opencrvs_toolkit::conditional::JurisdictionReference;
use opencrvs_toolkit::prelude::*;

/// A section under a title of the shared ones, `advancedSearch.form.…`.
pub(crate) fn section(
    key: &str,
    title: &str,
    fields: impl IntoIterator<Item = SearchField>,
) -> SearchSection {
    SearchSection::new((format!("advancedSearch.form.{key}"), title), fields)
}

/// Search by place and time of registration, status and last change of the record.
pub(crate) fn registration_details() -> SearchSection {
    section(
        "registrationDetails",
        "Registration details",
        [
            event()
                .attribute("legalStatuses.REGISTERED.createdAtLocation")
                .within(),
            event()
                .attribute("legalStatuses.REGISTERED.acceptedAt")
                .range(),
            event().attribute("status").exact(),
            event().attribute("updatedAt").range(),
        ],
    )
}

/// A search field for a name; parts of it are enough.
pub(crate) fn name(id: &str) -> SearchField {
    field(id).fuzzy().always_shown().unvalidated()
}

/// Places whose records the user may search.
pub(crate) fn searchable_places() -> JurisdictionReference {
    user().jurisdiction(user().scope("record.search").attribute("placeOfEvent"))
}

/// The line of the summary with the informant's contact.
pub(crate) fn informant_contact(event: &str) -> SummaryField {
    let text = |key: &str, text: &str| {
        message(
            format!("event.{event}.summary.informant.contact.{key}"),
            text,
        )
    };
    SummaryField::composed(
        "informant.contact",
        text("label", "Contact"),
        text("value", "{informant.phoneNo} {informant.email}"),
    )
    .empty(text("empty", "No contact details provided"))
}

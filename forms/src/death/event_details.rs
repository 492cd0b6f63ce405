// SPDX-License-Identifier: MPL-2.0
//! The time, the place and the manner of death.

use opencrvs_toolkit::prelude::*;

use super::section;
use crate::address::{address_field, places_of_record_creation};
use crate::options::shared;
use crate::{Environment, validators};

/// Days after which the registration of a death is late and needs a reason.
pub(super) const LATE_AFTER_DAYS: u32 = 45;

pub(super) fn page(env: &Environment) -> Page {
    let place = field("eventDetails.placeOfDeath");
    let cause_established = field("eventDetails.causeOfDeathEstablished").equals(true);
    form_page(
        "eventDetails",
        ("form.death.eventDetails.title", "Event details"),
    )
    .with(date_of_death())
    .with(
        text("eventDetails.reasonForLateRegistration")
            .label(label("reason"), "Reason for late registration")
            .required()
            .show_if(and(validators::longer_ago_than(
                "eventDetails.date",
                LATE_AFTER_DAYS,
            ))),
    )
    .with(divider("eventDetails.divider1"))
    .with(
        heading("eventDetails.addressHelper")
            .label(label("addressHelper"), "Place of death")
            .font(FontVariant::H3)
            .review_if(never()),
    )
    .with(divider("eventDetails.divider2"))
    .with(
        select("eventDetails.placeOfDeath", places_of_death())
            .label(place_label("placeOfDeath"), "Place of death")
            .required()
            .secured(),
    )
    .with(
        location("eventDetails.deathLocation")
            .label(place_label("deathLocation"), "Health Institution")
            .required()
            .secured()
            .show_if(place.equals("HEALTH_FACILITY"))
            .parent(&place)
            .location_types(["HEALTH_FACILITY"])
            .allowed_locations(&places_of_record_creation()),
    )
    .with(
        address_field(
            env,
            "eventDetails.deathLocationOther",
            message(place_label("deathLocationOther"), "Death location address"),
        )
        .secured()
        .show_if(place.equals("OTHER"))
        .parent(place)
        .allowed_locations(&places_of_record_creation()),
    )
    .with(place_of_event())
    .with(
        select("eventDetails.mannerOfDeath", manners_of_death())
            .label(label("manner"), "Manner of death"),
    )
    .with(
        checkbox("eventDetails.causeOfDeathEstablished")
            .label(label("causeOfDeath"), "Cause of death has been established"),
    )
    .with(
        select("eventDetails.sourceCauseDeath", sources_of_cause())
            .label(label("sourceCauseDeath"), "Source of cause of death")
            .required()
            .show_if(&cause_established),
    )
    .with(
        textarea("eventDetails.description")
            .label(label("description"), "Description")
            .required()
            .show_if(and([
                cause_is_told_by(["LAY_REPORTED", "VERBAL_AUTOPSY"]),
                cause_established,
            ])),
    )
}

/// The cause of death is known from one of these sources.
pub(super) fn cause_is_told_by(sources: [&str; 2]) -> Conditional {
    or(sources.map(|source| field("eventDetails.sourceCauseDeath").equals(source)))
}

/// Id of the label of a field on this page.
fn label(name: &str) -> String {
    section(&format!("event.field.{name}.label"))
}

/// Id of the label of a field that says where the death happened.
fn place_label(name: &str) -> String {
    section(&format!("deceased.field.{name}.label"))
}

fn date_of_death() -> Field<types::Date> {
    let died = field("eventDetails.date");
    date("eventDetails.date")
        .label(label("date"), "Date of death")
        .required()
        .secured()
        .validate(
            died.is_before().now(),
            (section("event.field.date.error"), "Must be a valid date"),
        )
        .validate(
            or([
                died.is_after().date(field("deceased.dob")),
                field("deceased.dobUnknown").equals(true),
            ]),
            (
                section("event.field.date.error.beforeBirth"),
                "The date of death cannot be earlier than the date of birth",
            ),
        )
}

/// The place of death, from whichever of the three fields has it: core keeps one place per record.
fn place_of_event() -> Field<types::AlphaHidden> {
    let [institution, other, home] = [
        "eventDetails.deathLocation",
        "eventDetails.deathLocationOther",
        "deceased.address",
    ]
    .map(field);
    hidden("eventDetails.deathLocationId")
        .label(
            "event.birth.action.declare.form.section.child.field.birthLocation.label",
            "Health Institution",
        )
        .parents([
            &field("eventDetails.placeOfDeath"),
            &institution,
            &other,
            &home,
        ])
        .value_from_first([
            institution,
            other.get("administrativeArea"),
            home.get("administrativeArea"),
        ])
}

fn places_of_death() -> [SelectOption; 3] {
    [
        shared("HEALTH_FACILITY", "healthInstitution", "Health Institution"),
        shared(
            "DECEASED_USUAL_RESIDENCE",
            "placeOfDeathSameAsPrimary",
            "Deceased's usual place of residence",
        ),
        shared("OTHER", "otherInstitution", "Other"),
    ]
}

fn manners_of_death() -> [SelectOption; 5] {
    [
        shared("MANNER_NATURAL", "mannerOfDeathNatural", "Natural causes"),
        shared("MANNER_ACCIDENT", "mannerOfDeathAccident", "Accident"),
        shared("MANNER_SUICIDE", "mannerOfDeathSuicide", "Suicide"),
        shared("MANNER_HOMICIDE", "mannerOfDeathHomicide", "Homicide"),
        shared(
            "MANNER_UNDETERMINED",
            "mannerOfDeathUndetermined",
            "Manner undetermined",
        ),
    ]
}

fn sources_of_cause() -> [SelectOption; 4] {
    [
        shared("PHYSICIAN", "physician", "Physician"),
        shared("LAY_REPORTED", "layReported", "Lay reported"),
        shared("VERBAL_AUTOPSY", "verbalAutopsy", "Verbal autopsy"),
        shared(
            "MEDICALLY_CERTIFIED",
            "medicallyCertified",
            "Medically Certified Cause of Death",
        ),
    ]
}

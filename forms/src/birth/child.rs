// SPDX-License-Identifier: MPL-2.0
//! The child, and the circumstances of the birth.

use opencrvs_toolkit::prelude::*;

use super::section;
use crate::address::{address_field, places_of_record_creation};
use crate::options::{self, shared};
use crate::person::full_name;
use crate::{Environment, validators};

/// Days after which the registration of a birth is late and needs a reason.
pub(super) const LATE_AFTER_DAYS: u32 = 365;

pub(super) fn page(env: &Environment) -> Page {
    let place = field("child.placeOfBirth");
    form_page("child", ("form.birth.child.title", "Child's details"))
        .with(
            text("child.nid")
                .label(label("nid"), "National ID")
                .show_if(never()),
        )
        .with(full_name(
            "child.name",
            message(label("name"), "Child's name"),
        ))
        .with(
            select("child.gender", options::sex())
                .label(label("gender"), "Sex")
                .required()
                .analytics(),
        )
        .with(
            date("child.dob")
                .label(label("dob"), "Date of birth")
                .required()
                .secured()
                .analytics()
                .validate(
                    field("child.dob").is_before().now(),
                    (
                        section("child.field.dob.error"),
                        "Must be a valid Birthdate",
                    ),
                ),
        )
        .with(
            text("child.reason")
                .label(label("reason"), "Reason for delayed registration")
                .required()
                .show_if(registration_is_late()),
        )
        .with(divider("child.divider1"))
        .with(
            select("child.placeOfBirth", places_of_birth())
                .label(label("placeOfBirth"), "Place of delivery")
                .required()
                .secured()
                .analytics(),
        )
        .with(
            location("child.birthLocation")
                .label(label("birthLocation"), "Health Institution")
                .required()
                .secured()
                .analytics()
                .show_if(place.equals("HEALTH_FACILITY"))
                .location_types(["HEALTH_FACILITY"])
                .allowed_locations(&places_of_record_creation()),
        )
        .with(
            address_of_birth(env, "child.birthLocation.privateHome")
                .show_if(place.equals("PRIVATE_HOME")),
        )
        .with(address_of_birth(env, "child.birthLocation.other").show_if(place.equals("OTHER")))
        .with(place_of_event())
        .with(divider("child.divider2"))
        .with(
            select("child.attendantAtBirth", attendants())
                .label(label("attendantAtBirth"), "Attendant at birth")
                .analytics(),
        )
        .with(
            select("child.birthType", birth_types())
                .label(label("birthType"), "Type of birth")
                .analytics(),
        )
        .with(weight_at_birth())
}

/// The child is more than a year old.
pub(super) fn registration_is_late() -> Conditional {
    and(validators::longer_ago_than("child.dob", LATE_AFTER_DAYS))
}

/// Id of the label of a field on this page.
fn label(name: &str) -> String {
    section(&format!("child.field.{name}.label"))
}

fn address_of_birth(env: &Environment, id: &str) -> Field<types::Address> {
    address_field(env, id, message(label("birthAddress"), "Child`s address"))
        .secured()
        .analytics()
        .parent(field("child.placeOfBirth"))
        .allowed_locations(&places_of_record_creation())
}

/// The place of birth, from whichever of the three fields has it: core keeps one place per record.
fn place_of_event() -> Field<types::AlphaHidden> {
    let [institution, home, other] = [
        "child.birthLocation",
        "child.birthLocation.privateHome",
        "child.birthLocation.other",
    ]
    .map(field);
    hidden("child.birthLocationId")
        .label(label("birthLocation"), "Health Institution")
        .parents([&field("child.placeOfBirth"), &institution, &home, &other])
        .value_from_first([
            institution,
            home.get("administrativeArea"),
            other.get("administrativeArea"),
        ])
}

fn weight_at_birth() -> Field<types::Number> {
    let weight = field("child.weightAtBirth");
    number("child.weightAtBirth")
        .label(label("weightAtBirth"), "Weight at birth")
        .analytics()
        .min(0)
        .postfix((
            section("child.field.weightAtBirth.postfix"),
            "Kilograms (kg)",
        ))
        .validate(
            or([weight.is_between(0, 6), weight.is_undefined()]),
            (
                "error.child.weightAtBirth.invalidNumberRange",
                "Must be within 0 and 6",
            ),
        )
}

/// Places of birth; each role sees only those that it registers.
fn places_of_birth() -> Vec<SelectOption> {
    let is = |role| user().has_role(role);
    vec![
        shared("HEALTH_FACILITY", "healthInstitution", "Health Institution").show_if(and([
            not(is("EMBASSY_OFFICIAL")),
            not(is("COMMUNITY_LEADER")),
        ])),
        shared("PRIVATE_HOME", "privateHome", "Residential address")
            .show_if(not(is("HOSPITAL_CLERK"))),
        shared("OTHER", "otherInstitution", "Other").show_if(not(is("HOSPITAL_CLERK"))),
    ]
}

fn attendants() -> Vec<SelectOption> {
    vec![
        shared("PHYSICIAN", "attendantAtBirthPhysician", "Physician"),
        shared("NURSE", "attendantAtBirthNurse", "Nurse"),
        shared("MIDWIFE", "attendantAtBirthMidwife", "Midwife"),
        shared(
            "OTHER_PARAMEDICAL_PERSONNEL",
            "attendantAtBirthOtherParamedicalPersonnel",
            "Other paramedical personnel",
        ),
        shared("LAYPERSON", "attendantAtBirthLayperson", "Layperson"),
        shared(
            "TRADITIONAL_BIRTH_ATTENDANT",
            "attendantAtBirthTraditionalBirthAttendant",
            "Traditional birth attendant",
        ),
        shared("NONE", "attendantAtBirthNone", "None"),
    ]
}

fn birth_types() -> Vec<SelectOption> {
    vec![
        shared("SINGLE", "birthTypeSingle", "Single"),
        shared("TWIN", "birthTypeTwin", "Twin"),
        shared("TRIPLET", "birthTypeTriplet", "Triplet"),
        shared("QUADRUPLET", "birthTypeQuadruplet", "Quadruplet"),
        shared(
            "HIGHER_MULTIPLE_DELIVERY",
            "birthTypeHigherMultipleDelivery",
            "Higher multiple delivery",
        ),
    ]
}

// SPDX-License-Identifier: MPL-2.0
//! Choices that several fields offer.

use opencrvs_toolkit::prelude::*;

/// A choice with one of the shared labels, `form.field.label.…`.
pub(crate) fn shared(value: &str, key: &str, text: &str) -> SelectOption {
    option(value, (format!("form.field.label.{key}"), text))
}

fn shared_list<const N: usize>(choices: [(&str, &str, &str); N]) -> Vec<SelectOption> {
    choices
        .into_iter()
        .map(|(value, key, text)| shared(value, key, text))
        .collect()
}

pub(crate) fn sex() -> Vec<SelectOption> {
    shared_list([
        ("male", "sexMale", "Male"),
        ("female", "sexFemale", "Female"),
        ("unknown", "sexUnknown", "Unknown"),
    ])
}

pub(crate) fn yes_no() -> Vec<SelectOption> {
    shared_list([("YES", "Yes", "Yes"), ("NO", "No", "No")])
}

/// Types of a person's identification.
pub(crate) fn id_types() -> Vec<SelectOption> {
    shared_list([
        ("NATIONAL_ID", "iDTypeNationalID", "National ID"),
        ("PASSPORT", "iDTypePassport", "Passport"),
        (
            "BIRTH_REGISTRATION_NUMBER",
            "iDTypeBRN",
            "Birth Registration Number",
        ),
        ("NONE", "iDTypeNone", "None"),
    ])
}

/// Documents that prove an identity.
pub(crate) fn id_documents() -> Vec<SelectOption> {
    shared_list([
        ("NATIONAL_ID", "iDTypeNationalID", "National ID"),
        ("PASSPORT", "iDTypePassport", "Passport"),
        (
            "BIRTH_CERTIFICATE",
            "iDTypeBirthCertificate",
            "Birth Certificate",
        ),
        ("OTHER", "iDTypeOther", "Other"),
    ])
}

pub(crate) fn marital_status() -> Vec<SelectOption> {
    shared_list([
        ("SINGLE", "maritalStatusSingle", "Single"),
        ("MARRIED", "maritalStatusMarried", "Married"),
        ("WIDOWED", "maritalStatusWidowed", "Widowed"),
        ("DIVORCED", "maritalStatusDivorced", "Divorced"),
        ("SEPARATED", "maritalStatusSeparated", "Separated"),
        ("NOT_STATED", "maritalStatusNotStated", "Not stated"),
    ])
}

/// Level of education, in the classes of ISCED.
pub(crate) fn education() -> Vec<SelectOption> {
    shared_list([
        ("NO_SCHOOLING", "educationAttainmentNone", "No schooling"),
        ("PRIMARY_ISCED_1", "educationAttainmentISCED1", "Primary"),
        (
            "POST_SECONDARY_ISCED_4",
            "educationAttainmentISCED4",
            "Secondary",
        ),
        (
            "FIRST_STAGE_TERTIARY_ISCED_5",
            "educationAttainmentISCED5",
            "Tertiary",
        ),
    ])
}

// SPDX-License-Identifier: MPL-2.0
//! Rules that several fields share, each with what the user is told.

use opencrvs_toolkit::prelude::*;

/// Ten digits, as on the national identity card.
const NATIONAL_ID: &str = "^[0-9]{10}$";

/// Ten digits that start with 07 or 09, as the country's networks give them out.
const PHONE_NUMBER: &str = "^0(7|9)[0-9]{8}$";

/// Every part of a name is written in Latin letters.
pub(crate) fn latin_name(field: Field<types::Name>) -> Field<types::Name> {
    let name = opencrvs_toolkit::conditional::field(field.id());
    let parts = ["firstname", "middlename", "surname"]
        .map(|part| name.clone().get(part).is_valid_english_name());
    field.validate(
        and(parts),
        (
            "error.invalidName",
            "Write the name in Latin letters; apostrophes, dots, hyphens and single spaces may stand between them",
        ),
    )
}

/// A national identity number has ten digits.
pub(crate) fn national_id<K>(field: Field<K>) -> Field<K> {
    let rule = opencrvs_toolkit::conditional::field(field.id()).matches_if_present(NATIONAL_ID);
    field.validate(
        rule,
        (
            "error.invalidNationalId",
            "A National ID number consists of exactly 10 digits, without spaces",
        ),
    )
}

/// No two people of a record have the same number.
pub(crate) fn unlike<const N: usize>(id: &str, others: [&str; N]) -> Conditional {
    and(others.map(|other| not(field(id).equals(field(other)))))
}

/// A telephone number of the country, or none.
pub(crate) fn phone_number(id: &str) -> Conditional {
    or([field(id).matches(PHONE_NUMBER), field(id).is_falsy()])
}

/// The day has come, but no more than this many days ago.
pub(crate) fn within_past(id: &str, days: u32) -> [Conditional; 2] {
    [
        field(id).is_after().days(days).in_past(),
        field(id).is_before().now(),
    ]
}

/// The day came at least this many days ago.
pub(crate) fn longer_ago_than(id: &str, days: u32) -> [Conditional; 2] {
    [
        not(field(id).is_after().days(days).in_past()),
        field(id).is_before().now(),
    ]
}

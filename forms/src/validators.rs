// SPDX-License-Identifier: MPL-2.0
//! Rules that several fields share, each with its message.

use opencrvs_toolkit::evaluate::Pattern;
use opencrvs_toolkit::prelude::*;

use crate::Environment;

/// Id of the message about a number of the national ID that is written wrongly.
pub(crate) const NATIONAL_ID_ERROR: &str = "error.invalidNationalId";

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

/// A number of the national ID is written as the country writes it.
pub(crate) fn national_id<K>(env: &Environment, field: Field<K>) -> Field<K> {
    let pattern = &env.national_id_pattern;
    let rule = opencrvs_toolkit::conditional::field(field.id()).matches_if_present(pattern);
    let example = example(pattern);
    let error = format!("Enter a National ID number like {example}");
    field.validate(rule, (NATIONAL_ID_ERROR, error))
}

/// An example that a pattern of the country matches, escaped for an ICU text; the pattern itself if there
/// is no short example.
pub(crate) fn example(pattern: &str) -> String {
    let example = Pattern::new(pattern).ok().and_then(|it| it.example());
    let example = example.unwrap_or_else(|| pattern.to_owned());
    let doubled = example.replace('\'', "''");
    if doubled.contains(['{', '}', '<', '>', '#', '|']) {
        format!("'{doubled}'")
    } else {
        doubled
    }
}

/// No two people of a record have the same number.
pub(crate) fn unlike<const N: usize>(id: &str, others: [&str; N]) -> Conditional {
    and(others.map(|other| not(field(id).equals(field(other)))))
}

/// A telephone number of the country, or none.
pub(crate) fn phone_number(env: &Environment, id: &str) -> Conditional {
    let pattern = &env.phone_number_pattern;
    or([field(id).matches(pattern), field(id).is_falsy()])
}

/// The day is today or earlier, but no more than this many days ago.
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

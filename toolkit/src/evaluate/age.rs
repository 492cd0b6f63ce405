// SPDX-License-Identifier: MPL-2.0
//! AGE values, which core rewrites before it evaluates anything.

use jiff::{Span, civil};
use serde_json::{Map, Value, json};

use super::date;

/// The day of birth of someone with an age in years on a day, as core derives it.
///
/// The day and month are those of the given day; a 29 February becomes the 28th in a common year. Parts of
/// years do not count. `None` when the age leads out of the calendar, where core throws.
pub fn age_to_date(age: f64, as_of: civil::Date) -> Option<civil::Date> {
    // Far beyond any calendar, and exact as a number of years.
    if !(-20_000.0..=20_000.0).contains(&age) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    let years = age.trunc() as i64;
    let born = as_of.checked_sub(Span::new().try_years(years).ok()?).ok()?;
    (born.year() >= 1).then_some(born)
}

/// The form with every AGE value, `{age, asOfDateRef}`, rewritten to `{age, dob}`.
///
/// The age is as of the day in the field named, or of today when that field holds no date.
pub(super) fn rewrite(form: Map<String, Value>, today: civil::Date) -> Map<String, Value> {
    let births: Vec<_> = form
        .iter()
        .filter_map(|(key, value)| {
            let age = value.get("age").filter(|age| age.is_number())?;
            let reference = value.get("asOfDateRef")?.as_str()?;
            let as_of = form
                .get(reference)
                .and_then(Value::as_str)
                .and_then(date::day)
                .unwrap_or(today);
            let born = age.as_f64().and_then(|years| age_to_date(years, as_of));
            let value = match born {
                Some(born) => json!({ "age": age, "dob": born.to_string() }),
                None => json!({ "age": age }),
            };
            Some((key.clone(), value))
        })
        .collect();
    let mut form = form;
    form.extend(births);
    form
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain(30.0, "2024-03-01", Some("1994-03-01"))]
    #[case::leap_day_to_common_year(1.0, "2024-02-29", Some("2023-02-28"))]
    #[case::leap_day_to_leap_year(4.0, "2024-02-29", Some("2020-02-29"))]
    #[case::part_of_a_year(1.9, "2024-03-01", Some("2023-03-01"))]
    #[case::not_born_yet(-1.5, "2024-03-01", Some("2025-03-01"))]
    #[case::zero(0.0, "2024-03-01", Some("2024-03-01"))]
    #[case::out_of_the_calendar(3000.0, "2024-03-01", None)]
    #[case::beyond_years(-9000.0, "2024-03-01", None)]
    #[case::absurd(1e300, "2024-03-01", None)]
    fn days_of_birth(#[case] age: f64, #[case] as_of: civil::Date, #[case] born: Option<&str>) {
        let found = age_to_date(age, as_of).map(|day| day.to_string());
        assert_eq!(found.as_deref(), born);
    }

    #[test]
    fn only_whole_age_values_are_rewritten() {
        let form = json!({
            "a": { "age": 2, "asOfDateRef": "d", "more": true },
            "b": { "age": 2, "asOfDateRef": "gone" },
            "c": { "age": "2", "asOfDateRef": "d" },
            "e": { "age": 2 },
            "d": "2023-05-06",
            "f": { "age": 2, "asOfDateRef": "g" },
            "g": "2023-05-36"
        });
        let form = form.as_object().cloned().unwrap();
        let expected = json!({
            "a": { "age": 2, "dob": "2021-05-06" },
            "b": { "age": 2, "dob": "2022-03-01" },
            "c": { "age": "2", "asOfDateRef": "d" },
            "e": { "age": 2 },
            "d": "2023-05-06",
            "f": { "age": 2, "dob": "2022-03-01" },
            "g": "2023-05-36"
        });
        assert_eq!(json!(rewrite(form, date(2024, 3, 1))), expected);
    }
}

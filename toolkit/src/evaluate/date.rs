// SPDX-License-Identifier: MPL-2.0
//! Dates as ajv-formats and JavaScript's `Date` read them.

use jiff::civil;
use serde_json::Value;

const MS_PER_DAY: f64 = 86_400_000.0;

/// The latest and, negated, the earliest moment in JavaScript, in milliseconds from 1970.
const FARTHEST: f64 = 8.64e15;

/// A moment as `new Date(value)` makes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Moment {
    /// Milliseconds since 1970.
    At(f64),
    /// `Invalid Date`, which is neither before nor after anything.
    Invalid,
    /// A text that engines read differently, or in the time zone of the machine.
    Unclear,
}

/// The day that a string names, if it is one that the `date` format accepts: `YYYY-MM-DD` and on the calendar.
pub(super) fn day(text: &str) -> Option<civil::Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
        return None;
    };
    let year = number(&[y1, y2, y3, y4])?;
    let month = i8::try_from(number(&[m1, m2])?).ok()?;
    let day = i8::try_from(number(&[d1, d2])?).ok()?;
    civil::Date::new(year, month, day).ok()
}

fn number(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0_i16, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(number * 10 + i16::from(digit))
    })
}

impl Moment {
    /// The moment that a JSON value stands for.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => day(text).map_or(Self::Unclear, |day| {
                let days = (day - civil::date(1970, 1, 1)).get_days();
                Self::At(f64::from(days) * MS_PER_DAY)
            }),
            Value::Number(number) => number
                .as_f64()
                .map_or(Self::Invalid, |ms| Self::in_range(ms.trunc())),
            Value::Bool(flag) => Self::At(f64::from(u8::from(*flag))),
            Value::Null => Self::At(0.0),
            Value::Object(_) => Self::Invalid,
            // A list is read as the text of its items with commas between them.
            Value::Array(_) => Self::Unclear,
        }
    }

    /// The moment a number of days later.
    pub(super) fn plus_days(self, days: f64) -> Self {
        match self {
            Self::At(ms) => Self::in_range(ms + days * MS_PER_DAY),
            other => other,
        }
    }

    fn in_range(ms: f64) -> Self {
        if ms.abs() <= FARTHEST {
            Self::At(ms)
        } else {
            Self::Invalid
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::leap_day("2024-02-29", true)]
    #[case::no_leap_day("2023-02-29", false)]
    #[case::century("1900-02-29", false)]
    #[case::fourth_century("2000-02-29", true)]
    #[case::year_zero("0000-02-29", true)]
    #[case::month_13("2024-13-01", false)]
    #[case::day_0("2024-01-00", false)]
    #[case::unpadded("2024-1-5", false)]
    #[case::with_time("2024-01-01T00:00:00Z", false)]
    #[case::other_digits("２０２４-01-01", false)]
    #[case::line_end("2024-01-01\n", false)]
    #[case::signed("+024-01-01", false)]
    #[case::empty("", false)]
    fn the_date_format(#[case] text: &str, #[case] accepted: bool) {
        assert_eq!(day(text).is_some(), accepted);
    }

    #[test]
    fn moments_are_those_of_javascript() {
        assert_eq!(
            Moment::of(&json!("2024-03-01")),
            Moment::At(1_709_251_200_000.0)
        );
        assert_eq!(
            Moment::of(&json!("0001-01-01")),
            Moment::At(-62_135_596_800_000.0)
        );
        assert_eq!(Moment::of(&json!("1 March 2024")), Moment::Unclear);
        assert_eq!(Moment::of(&json!(1e300)), Moment::Invalid);
        assert_eq!(Moment::of(&json!(1.9)), Moment::At(1.0));
        assert_eq!(Moment::At(0.0).plus_days(1e9), Moment::Invalid);
    }
}

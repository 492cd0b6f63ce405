// SPDX-License-Identifier: MPL-2.0
//! Comparisons of dates.
//!
//! `.now()` and `.date()` include the day itself; `.days()` is strict, as core counts it.

use super::Conditional;
use super::field::FieldReference;
use super::schema::{Schema, schema};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clause {
    Before,
    After,
}

/// A date field whose right side of the comparison is still to come.
#[derive(Clone, Debug)]
pub struct DateComparison {
    field: FieldReference,
    clause: Clause,
}

/// A date field whose reference day, for a number of days, is still to come.
#[derive(Clone, Debug)]
pub struct Days {
    comparison: DateComparison,
    days: i64,
}

/// The right side of a date's comparison: a day written `YYYY-MM-DD`, or another DATE field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DateBound {
    /// A fixed day.
    Day(String),
    /// The value of another field; absent, it does not limit.
    Field(FieldReference),
}

impl FieldReference {
    /// Holds when the date is not later than what follows.
    pub fn is_before(&self) -> DateComparison {
        DateComparison::new(self.clone(), Clause::Before)
    }

    /// Holds when the date is not earlier than what follows.
    pub fn is_after(&self) -> DateComparison {
        DateComparison::new(self.clone(), Clause::After)
    }
}

impl DateComparison {
    fn new(field: FieldReference, clause: Clause) -> Self {
        Self { field, clause }
    }

    /// Compares with today, today included.
    pub fn now(self) -> Conditional {
        let today = schema!({ "$data": "/$now" });
        self.field.must_be(self.limit(today))
    }

    /// Compares with a day or the day in another field, that day included.
    pub fn date(self, bound: impl Into<DateBound>) -> Conditional {
        match bound.into() {
            DateBound::Day(day) => self.field.must_be(self.limit(day.into())),
            DateBound::Field(other) => {
                let pointer = schema!({ "$data": (self.field.relative_pointer(&other)) });
                self.field
                    .must_be_relative_to(self.limit(pointer), &other, date_schema())
            }
        }
    }

    /// Compares with a day that lies a number of days away from what follows, that day excluded.
    pub fn days(self, days: u32) -> Days {
        Days {
            comparison: self,
            days: days.into(),
        }
    }

    fn limit(&self, bound: Schema) -> Schema {
        let keyword = match self.clause {
            Clause::Before => "formatMaximum",
            Clause::After => "formatMinimum",
        };
        schema!({ "type": "string", "format": "date", keyword: bound })
    }
}

impl Days {
    /// Counts back from today.
    pub fn in_past(self) -> Conditional {
        self.counted(|days| -days)
    }

    /// Counts forward from today.
    pub fn in_future(self) -> Conditional {
        self.counted(|days| days)
    }

    /// Counts from today, away from it in the direction of the comparison.
    pub fn from_now(self) -> Conditional {
        let days = self.directed();
        self.counted(|_| days)
    }

    /// Counts from a day or the day in another field, away from it in the direction of the comparison. An absent
    /// field counts as today.
    pub fn from_date(self, bound: impl Into<DateBound>) -> Conditional {
        let days = self.directed();
        let field = &self.comparison.field;
        match bound.into() {
            DateBound::Day(day) => field.must_be(days_schema(
                schema!({ "days": days, "clause": (self.word()), "referenceDate": day }),
            )),
            DateBound::Field(other) => {
                let pointer = schema!({ "$data": (field.relative_pointer(&other)) });
                let counted =
                    schema!({ "referenceDate": pointer, "clause": (self.word()), "days": days });
                field.must_be_relative_to(days_schema(counted), &other, date_schema())
            }
        }
    }

    fn counted(&self, signed: impl Fn(i64) -> i64) -> Conditional {
        let counted = schema!({ "days": (signed(self.days)), "clause": (self.word()) });
        self.comparison.field.must_be(days_schema(counted))
    }

    fn directed(&self) -> i64 {
        match self.comparison.clause {
            Clause::Before => -self.days,
            Clause::After => self.days,
        }
    }

    fn word(&self) -> &'static str {
        match self.comparison.clause {
            Clause::Before => "before",
            Clause::After => "after",
        }
    }
}

fn days_schema(days_from_date: Schema) -> Schema {
    schema!({ "type": "string", "format": "date", "daysFromDate": days_from_date })
}

fn date_schema() -> Schema {
    schema!({ "type": "string", "format": "date" })
}

impl From<&str> for DateBound {
    fn from(day: &str) -> Self {
        Self::Day(day.to_owned())
    }
}

impl From<FieldReference> for DateBound {
    fn from(field: FieldReference) -> Self {
        Self::Field(field)
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Made-up answers, the same every time: enough that each way of deciding comes up.

use super::model::{EventForms, Field, Model, items, text};
use jiff::ToSpan as _;
use jiff::civil::Date;
use opencrvs_toolkit::event_document::Fields;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// So many records are compared.
pub(super) const RECORDS: usize = 100_000;

/// Numbers in an order that looks like none (`SplitMix64`).
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below another one, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

/// Makes answers to these fields of an event.
pub(super) struct Generator<'a> {
    fields: Vec<&'a Field>,
    model: &'a Model,
    today: Date,
}

impl<'a> Generator<'a> {
    pub(super) fn of(
        model: &'a Model,
        event: &'a EventForms,
        wanted: &BTreeSet<String>,
        today: Date,
    ) -> Self {
        let mut seen = BTreeSet::new();
        let fields = event.declaration.fields();
        let fields =
            fields.filter(|field| wanted.contains(&field.id) && seen.insert(field.id.as_str()));
        Self {
            fields: fields.collect(),
            model,
            today,
        }
    }

    /// One record.
    pub(super) fn record(&self, numbers: &mut Numbers) -> Fields {
        let answer = |field: &&Field| Some((field.id.clone(), self.answer(field, numbers)?));
        self.fields.iter().filter_map(answer).collect()
    }

    fn answer(&self, field: &Field, numbers: &mut Numbers) -> Option<Value> {
        let missing = if field.kind == "ID" { 50 } else { 10 };
        if numbers.percent(missing) {
            return None;
        }
        Some(match field.kind.as_str() {
            "SELECT" | "RADIO_GROUP" => {
                let options: Vec<&str> = items(&field.json, "options")
                    .iter()
                    .map(|option| text(option, "value"))
                    .collect();
                json!(numbers.one(&options)?)
            }
            "VERIFICATION_STATUS" => {
                json!(numbers.one(&["verified", "authenticated", "failed", "pending"])?)
            }
            "CHECKBOX" => json!(numbers.percent(50)),
            "DATE" => json!(self.date(numbers)?.to_string()),
            "NUMBER" => json!(numbers.below(100)),
            "AGE" => {
                json!({"age": numbers.below(90), "asOfDateRef": field.setting("asOfDate").map(|date| text(date, "$$field"))})
            }
            "NAME" => json!({
                "firstname": numbers.one(&["Amara", "Tomasi", "Ilenka", "Benedita"])?,
                "surname": numbers.one(&["Veradu", "Wolvens", "Mbarushi"])?,
            }),
            "COUNTRY" => {
                json!(numbers.one(&[self.model.snapshot.application.country_code.as_str(), "NZL"])?)
            }
            "ADDRESS" => json!({
                "country": self.model.snapshot.application.country_code, "addressType": "DOMESTIC",
                "administrativeArea": self.model.places.first_leaf().map(|place| place.id.as_str()),
            }),
            "ID" => json!(format!(
                "{:010}",
                1_000_000_000 + numbers.below(1_000_000_000)
            )),
            "TEXT" | "TEXTAREA" => json!(numbers.one(&["one", "another"])?),
            _ => return None,
        })
    }

    /// A day of the past: of the last weeks as often as of a lifetime, and often on a birthday.
    fn date(&self, numbers: &mut Numbers) -> Option<Date> {
        const DAYS: [usize; 5] = [31, 366, 10 * 366, 20 * 366, 90 * 366];
        if numbers.percent(5) {
            let years = i32::try_from(numbers.below(20)).ok()?;
            let days = i32::try_from(numbers.below(3)).ok()?;
            return self
                .today
                .checked_sub(years.years())
                .ok()?
                .checked_add((days - 1).days())
                .ok();
        }
        let range = numbers.one(&DAYS).copied()?;
        let days = i32::try_from(numbers.below(range)).ok()?;
        self.today.checked_sub(days.days()).ok()
    }
}

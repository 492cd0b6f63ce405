// SPDX-License-Identifier: MPL-2.0
//! The answers that count: those whose field the form shows.
//!
//! Core's client hides a field as soon as no SHOW conditional of it holds, and drops its answer. Records of
//! earlier versions, of API clients and of notifications keep such answers. [`Visibility::on`] gives readers
//! of a record the form's own view of it, as core computes it before it validates: hidden answers are left
//! out, which may hide or show further fields, until nothing changes.
//!
//! - Only SHOW counts, of a field and of its page. ENABLE and `DISPLAY_ON_REVIEW` hide nothing.
//! - One SHOW conditional of a field is enough, as in core 2.0. So is one of several fields with the same id.
//! - Only the form and the day are known. A conditional that depends on anything else (the user's role, the
//!   connection, the record's history) hides nothing, as it may have been different when the answer was given.
//! - A field that can never be shown is never asked: it holds values of systems, and always counts.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::conditional::Conditional;
use crate::evaluate::{Context, Predicate, Verdict};
use crate::event::Event;
use crate::field::AnyField;
use crate::page::Page;

/// The conditions on which answers of records count, by event type; compiled once. The default hides nothing.
#[derive(Clone, Debug, Default)]
pub struct Visibility {
    forms: HashMap<String, FormVisibility>,
}

/// The answers that count on a day: `$now` of conditionals.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a> {
    visibility: &'a Visibility,
    today: Date,
}

/// The visibility of the fields of one declaration.
#[derive(Clone, Debug, Default)]
struct FormVisibility {
    /// Each different conditional once: one often guards a whole page.
    conditions: Vec<Condition>,
    /// Fields that may be hidden. If several fields have one id, one that is shown is enough.
    fields: HashMap<String, Vec<Guard>>,
}

#[derive(Clone, Debug)]
struct Condition {
    predicate: Predicate,
    fields: BTreeSet<String>,
}

/// The visibility of one field: its page is shown, and one of its own conditions holds. Positions in
/// [`FormVisibility::conditions`].
#[derive(Clone, Debug, Default)]
struct Guard {
    page: Option<usize>,
    /// Empty: the field has no condition of its own.
    any_of: Vec<usize>,
}

impl Visibility {
    /// Compiles the SHOW conditionals of the declarations of these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let form = |event: &Event| (event.id().to_owned(), FormVisibility::of(event));
        Self {
            forms: events.into_iter().map(form).collect(),
        }
    }

    /// The answers that count on a day.
    pub fn on(&self, today: Date) -> Visible<'_> {
        Visible {
            visibility: self,
            today,
        }
    }

    /// The fields on which the visibility of these depends, directly or through others.
    pub fn deciding<'a>(
        &self,
        event_type: &str,
        fields: impl IntoIterator<Item = &'a str>,
    ) -> BTreeSet<String> {
        let Some(form) = self.forms.get(event_type) else {
            return BTreeSet::new();
        };
        let mut deciding = BTreeSet::new();
        let mut open: Vec<String> = fields.into_iter().map(str::to_owned).collect();
        while let Some(field) = open.pop() {
            let guards = form.fields.get(&field).into_iter().flatten();
            let conditions = guards.flat_map(|guard| guard.page.iter().chain(&guard.any_of));
            for condition in conditions.filter_map(|at| form.conditions.get(*at)) {
                let new = condition
                    .fields
                    .iter()
                    .filter(|id| deciding.insert((*id).clone()));
                open.extend(new.cloned());
            }
        }
        deciding
    }
}

impl Visible<'_> {
    /// The day that conditions of the forms take as today.
    pub fn today(self) -> Date {
        self.today
    }

    /// Leaves out the answers that the form of this event type hides.
    pub fn retain(self, event_type: &str, answers: &mut Map<String, Value>) {
        if let Some(form) = self.visibility.forms.get(event_type) {
            form.retain(answers, self.today);
        }
    }
}

impl FormVisibility {
    fn of(event: &Event) -> Self {
        let mut compiling = Compiling::default();
        for (page, field) in event.fields() {
            let guard = compiling.guard(page, field);
            compiling.guards.entry(field.id()).or_default().push(guard);
        }
        let mut fields = HashMap::new();
        for (id, guards) in compiling.guards {
            // A field that cannot be shown says nothing; where all of an id cannot, systems write the answer.
            let possible: Vec<Guard> = guards.into_iter().flatten().collect();
            let always = possible
                .iter()
                .any(|guard| guard.page.is_none() && guard.any_of.is_empty());
            if !always && !possible.is_empty() {
                fields.insert(id.to_owned(), possible);
            }
        }
        Self {
            conditions: compiling.conditions,
            fields,
        }
    }

    fn retain(&self, answers: &mut Map<String, Value>, today: Date) {
        let guards: Vec<_> = answers
            .keys()
            .filter_map(|id| self.fields.get_key_value(id))
            .collect();
        if guards.is_empty() {
            return;
        }
        let mut hidden = BTreeSet::new();
        let mut before = BTreeSet::new();
        // What depends on each other in a line is stable after as many steps.
        for _ in 0..=guards.len() {
            let shown = answers
                .iter()
                .filter(|(id, _)| !hidden.contains(id.as_str()));
            let shown = shown.map(|(id, answer)| (id.clone(), answer.clone()));
            let context = Context::new(shown.collect(), today);
            let mut verdicts = vec![None; self.conditions.len()];
            let now_hidden: BTreeSet<&str> = guards
                .iter()
                .filter(|(_, guards)| {
                    let mut guards = guards.iter();
                    !guards.any(|guard| self.shows(guard, &context, &mut verdicts))
                })
                .map(|(id, _)| id.as_str())
                .collect();
            before = std::mem::replace(&mut hidden, now_hidden);
            if hidden == before {
                break;
            }
        }
        // Fields that hide each other in a circle are never stable; core does not end there. Those that are shown at
        // every second step count.
        let hidden: BTreeSet<String> = hidden
            .intersection(&before)
            .map(|id| (*id).to_owned())
            .collect();
        answers.retain(|id, _| !hidden.contains(id));
    }

    fn shows(&self, guard: &Guard, context: &Context, verdicts: &mut [Option<bool>]) -> bool {
        let mut may_hold = |at: &usize| {
            let (Some(condition), Some(verdict)) =
                (self.conditions.get(*at), verdicts.get_mut(*at))
            else {
                return true;
            };
            *verdict.get_or_insert_with(|| condition.predicate.verdict(context) != Verdict::Fails)
        };
        guard.page.iter().all(&mut may_hold)
            && (guard.any_of.is_empty() || guard.any_of.iter().any(may_hold))
    }
}

/// Collects the conditions of a declaration, each once.
#[derive(Default)]
struct Compiling<'a> {
    conditions: Vec<Condition>,
    known: HashMap<&'a str, Compiled>,
    guards: HashMap<&'a str, Vec<Option<Guard>>>,
}

#[derive(Clone, Copy)]
enum Compiled {
    At(usize),
    /// The condition cannot be evaluated here.
    Unknown,
    NeverHolds,
}

impl<'a> Compiling<'a> {
    /// The visibility of a field; none if it is never shown.
    fn guard(&mut self, page: &'a Page, field: &'a AnyField) -> Option<Guard> {
        let page = match page.shown_if().map(|shown| self.condition(shown)) {
            Some(Compiled::NeverHolds) => return None,
            Some(Compiled::At(page)) => Some(page),
            Some(Compiled::Unknown) | None => None,
        };
        let (mut any_of, mut never, mut unknown) = (Vec::new(), false, false);
        for shown in field.shown_if() {
            match self.condition(shown) {
                Compiled::At(condition) => any_of.push(condition),
                Compiled::Unknown => unknown = true,
                Compiled::NeverHolds => never = true,
            }
        }
        if unknown {
            any_of.clear();
        } else if any_of.is_empty() && never {
            return None;
        }
        Some(Guard { page, any_of })
    }

    fn condition(&mut self, conditional: &'a Conditional) -> Compiled {
        let id = conditional.schema_id();
        if let Some(known) = self.known.get(id) {
            return *known;
        }
        let compiled = match Predicate::try_from(conditional).map(Predicate::about_the_form) {
            Err(_) => Compiled::Unknown,
            Ok(predicate) if predicate.never_holds() => Compiled::NeverHolds,
            Ok(predicate) => {
                self.conditions.push(Condition {
                    predicate,
                    fields: conditional.fields(),
                });
                Compiled::At(self.conditions.len() - 1)
            }
        };
        self.known.insert(id, compiled);
        compiled
    }
}

#[cfg(test)]
mod tests;

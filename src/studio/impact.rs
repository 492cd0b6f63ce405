// SPDX-License-Identifier: MPL-2.0
//! Two sets of rules over many records: how many are decided otherwise.

use super::generated::{Generator, Numbers};
use super::model::Model;
use super::view::NUMBER;
use jiff::civil::Date;
use opencrvs_toolkit::event_document::{EventDocument, Fields};
use rules::Facts;
use rules::policy::Policy;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// What two sets of rules make of the same records.
#[derive(Default)]
pub(super) struct Impact {
    pub(super) records: usize,
    pub(super) changed: usize,
    /// Records that are not event documents of this country.
    pub(super) unreadable: usize,
    /// The most frequent change first.
    pub(super) kinds: Vec<Kind>,
    pub(super) elapsed: Duration,
}

/// Records for which one decision becomes another.
pub(super) struct Kind {
    /// Event and action.
    pub(super) about: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) count: usize,
    /// The answers of one of them that the rules read.
    pub(super) example: Fields,
}

/// Records to compare.
pub(super) enum Source {
    /// So many made-up ones.
    Generated(usize),
    /// Event documents with a pending action.
    Given(Vec<Value>),
}

/// A change, and records with it.
type Tally = BTreeMap<[String; 3], (usize, Fields)>;

/// Decides all records by both.
pub(super) fn compare(
    model: &Model,
    before: &Policy,
    after: &Policy,
    source: Source,
    today: Date,
) -> Impact {
    let started = Instant::now();
    let comparing = Comparing {
        model,
        before,
        after,
        today,
    };
    let mut impact = match source {
        Source::Generated(records) => comparing.generated(records),
        Source::Given(records) => comparing.given(records),
    };
    impact
        .kinds
        .sort_by_key(|kind| std::cmp::Reverse(kind.count));
    impact.changed = impact.kinds.iter().map(|kind| kind.count).sum();
    impact.elapsed = started.elapsed();
    impact
}

struct Comparing<'a> {
    model: &'a Model,
    before: &'a Policy,
    after: &'a Policy,
    today: Date,
}

impl Comparing<'_> {
    /// Made-up records in equal parts for each event and action that a rule of either is about.
    fn generated(&self, records: usize) -> Impact {
        let mut pairs = self.before.rules.decided_on();
        for pair in self.after.rules.decided_on() {
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        if pairs.is_empty() {
            return Impact::default();
        }
        let number = pairs.len() * threads;
        let share = |at: usize| records / number + usize::from(at < records % number);
        let shares: Vec<(usize, usize)> = (0..number)
            .map(|at| (at % pairs.len(), share(at)))
            .collect();
        let tallies: Vec<(usize, Tally)> = std::thread::scope(|scope| {
            let pairs = &pairs;
            let chunks = shares.chunks(shares.len().div_ceil(threads));
            let working: Vec<_> = (1..)
                .zip(chunks)
                .map(|(thread, shares)| {
                    scope.spawn(move || {
                        let mut numbers = Numbers::of(thread);
                        let parts = shares.iter().filter_map(|(pair, count)| {
                            Some((
                                *count,
                                self.share(*pairs.get(*pair)?, *count, &mut numbers)?,
                            ))
                        });
                        parts.collect::<Vec<_>>()
                    })
                })
                .collect();
            working
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_default())
                .collect()
        });
        let mut impact = Impact::default();
        let mut all = Tally::new();
        for (count, tally) in tallies {
            impact.records += count;
            for (key, (count, example)) in tally {
                all.entry(key).or_insert((0, example)).0 += count;
            }
        }
        impact.kinds = kinds(all);
        impact
    }

    /// Records of one event for one action.
    fn share(
        &self,
        (event, action): (&str, &str),
        records: usize,
        numbers: &mut Numbers,
    ) -> Option<Tally> {
        let forms = self.model.event(event)?;
        let read = self.read(event);
        let visibility = &self.before.visibility;
        let wanted = visibility.deciding(event, read.iter().copied());
        let wanted = wanted
            .into_iter()
            .chain(read.iter().map(|id| (*id).to_owned()))
            .collect();
        let generator = Generator::of(self.model, forms, &wanted, self.today);
        let mut document = EventDocument::try_from(json!({
            "id": "generated", "type": event, "trackingId": "GENER8",
            "actions": [
                {"id": "1", "type": "CREATE", "status": "Accepted", "createdAt": "1", "declaration": {}},
                {"id": "2", "type": action, "status": "Requested", "createdAt": "2", "declaration": {}},
            ],
        }))
        .ok()?;
        let ever: Vec<&str> = read
            .iter()
            .copied()
            .filter(|id| id.rsplit_once('.').is_some_and(|(_, name)| name == "nid"))
            .collect();
        let mut tally = Tally::new();
        for _ in 0..records {
            let mut state = generator.record(numbers);
            visibility.on(self.today).retain(event, &mut state);
            let earlier = ever
                .iter()
                .filter(|_| numbers.percent(10))
                .map(|id| ((*id).to_owned(), json!("1")));
            let earlier: Fields = earlier.collect();
            if let Some(first) = document.actions.first_mut() {
                first.declaration = earlier;
            }
            let registered = numbers.percent(50) || action == "REGISTER";
            let pending = document.actions.last()?;
            let facts = Facts {
                event: &document,
                action: pending,
                state: &state,
                today: self.today,
                registration_number: registered.then_some(NUMBER),
            };
            self.count(&facts, &read, &mut tally);
        }
        Some(tally)
    }

    fn given(&self, records: Vec<Value>) -> Impact {
        let mut impact = Impact {
            records: records.len(),
            ..Impact::default()
        };
        let mut tally = Tally::new();
        for record in records {
            let Ok(document) = EventDocument::try_from(record) else {
                impact.unreadable += 1;
                continue;
            };
            let history = document.history();
            let Some(pending) = history.pending_actions().into_iter().next_back() else {
                impact.unreadable += 1;
                continue;
            };
            let visible = self.before.visibility.on(self.today);
            let state = history.state_as_if_accepted(pending, &Fields::new(), visible);
            let registering = pending.action_type.as_str() == "REGISTER";
            let facts = Facts {
                event: &document,
                action: pending,
                state: &state,
                today: self.today,
                registration_number: history
                    .registration_number()
                    .or(registering.then_some(NUMBER)),
            };
            self.count(&facts, &self.read(&document.event_type), &mut tally);
        }
        impact.kinds = kinds(tally);
        impact
    }

    /// The fields that either reads.
    fn read(&self, event: &str) -> BTreeSet<&str> {
        let before = self.before.rules.fields(event);
        before
            .into_iter()
            .chain(self.after.rules.fields(event))
            .collect()
    }

    fn count(&self, facts: &Facts<'_>, read: &BTreeSet<&str>, tally: &mut Tally) {
        let (before, after) = (self.before.decide(facts), self.after.decide(facts));
        if before.outcome() == after.outcome() {
            return;
        }
        let outcome = |decision: &rules::eligibility::Decision| {
            decision.outcome().map_or_else(
                || "MOSIP is not involved".to_owned(),
                |outcome| {
                    format!(
                        "{}: {}, {}",
                        outcome.rule, outcome.operation, outcome.answer
                    )
                },
            )
        };
        let about = format!(
            "{} {}",
            facts.event.event_type,
            facts.action.action_type.as_str()
        );
        let example = || {
            facts
                .state
                .iter()
                .filter(|(id, _)| read.contains(id.as_str()))
                .map(|(id, value)| (id.clone(), value.clone()))
        };
        let entry = tally.entry([about, outcome(&before), outcome(&after)]);
        entry.or_insert_with(|| (0, example().collect())).0 += 1;
    }
}

fn kinds(tally: Tally) -> Vec<Kind> {
    let tally = tally.into_iter();
    tally
        .map(|([about, before, after], (count, example))| Kind {
            about,
            before,
            after,
            count,
            example,
        })
        .collect()
}

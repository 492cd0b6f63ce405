// SPDX-License-Identifier: MPL-2.0
//! What a hook costs without network and disk, and what the forms cost at start.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark")]

use country::causes_of_death::{Cause, Causes};
use countryconfig::sandbox::sample_birth;
use countryconfig::settings::Settings;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use opencrvs_toolkit::event_document::{EventDocument, Fields};
use opencrvs_toolkit::visibility::Visibility;
use rules::Facts;
use rules::mosip_mapping::build_packet;
use serde_json::{Value, json};
use std::hint::black_box;

/// A record with so many accepted edits before the registration.
fn record(edits: usize) -> Value {
    let mut record = sample_birth("event", "action", "verified");
    let actions = record["actions"].as_array_mut().unwrap();
    let pending = actions.pop().unwrap();
    for n in 0..edits {
        actions.push(json!({
            "id": format!("edit-{n}"), "transactionId": "t", "type": "EDIT", "status": "Accepted",
            "createdAt": "2026-06-01T10:00:00.000Z", "declaration": {"mother.occupation": format!("farmer {n}")},
        }));
    }
    actions.push(pending);
    record
}

fn hooks(c: &mut Criterion) {
    let settings = Settings::load(None, std::iter::empty()).unwrap();
    let policy = country::load(&settings.country()).ok().unwrap().policy;
    let today = jiff::civil::date(2026, 6, 1);
    let visible = policy.visibility.on(today);
    let mut group = c.benchmark_group("hook");
    for actions in [10, 100, 1000, 5000] {
        let json = record(actions).to_string().into_bytes();
        group.bench_with_input(BenchmarkId::new("parse", actions), &json, |b, json| {
            b.iter(|| EventDocument::parse(black_box(json)).unwrap());
        });
        let event = EventDocument::parse(&json).unwrap();
        group.bench_with_input(
            BenchmarkId::new("state as if accepted", actions),
            &event,
            |b, event| {
                b.iter(|| {
                    let history = event.history();
                    let pending = black_box(history.pending_action("REGISTER").unwrap());
                    history.state_as_if_accepted(pending, &Fields::new(), visible)
                });
            },
        );
    }
    let event = EventDocument::parse(record(0).to_string().as_bytes()).unwrap();
    let action = event.pending_action("REGISTER").unwrap();
    let history = event.history();
    let state = history.state_as_if_accepted(action, &Fields::new(), visible);
    let all = history.state_as_if_accepted(action, &Fields::new(), Visibility::default().on(today));
    group.bench_function("answers that count", |b| {
        b.iter_batched_ref(
            || all.clone(),
            |answers| visible.retain("birth", answers),
            BatchSize::SmallInput,
        );
    });
    let facts = Facts {
        event: &event,
        action,
        state: &state,
        today,
        registration_number: Some("ABCDEFGHIJKL"),
    };
    group.bench_function("rules", |b| {
        b.iter(|| policy.decide(black_box(&facts)));
    });
    let decision = policy.rules.decide(&facts);
    let operation = decision.outcome().unwrap().operation;
    group.bench_function("packet", |b| {
        b.iter(|| build_packet(&policy.mapping, operation, black_box(&facts)).unwrap());
    });
    group.finish();
}

fn start(c: &mut Criterion) {
    let settings = Settings::load(None, std::iter::empty()).unwrap();
    let environment = forms::Environment::sample();
    let mut group = c.benchmark_group("start");
    group.bench_function("both events", |b| {
        b.iter(|| forms::events(black_box(&environment)));
    });
    // The ids of conditionals are made when they are first written.
    group.bench_function("events to JSON", |b| {
        b.iter_batched_ref(
            || forms::events(&environment),
            |events| serde_json::to_vec(events).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("whole country", |b| {
        b.iter(|| country::load(black_box(&settings.country())).ok().unwrap());
    });
    group.finish();
}

/// What a physician types, in a list of 20,000.
fn causes_of_death(c: &mut Criterion) {
    let settings = Settings::load(None, std::iter::empty()).unwrap();
    let shipped = country::load(&settings.country())
        .ok()
        .unwrap()
        .causes_of_death;
    let also = [
        "",
        ", left side",
        ", right side",
        ", newborn",
        ", sequelae",
        ", second",
        ", third",
        ", severe",
        ", mild",
    ];
    let cause = |(n, suffix): (usize, &str), cause: &Cause| Cause {
        id: format!("{}{n}", cause.id),
        label: format!("{}{suffix}", cause.label),
        code: format!("{}{n}", cause.code),
    };
    let many = also.into_iter().enumerate();
    let many = many.flat_map(|also| shipped.iter().map(move |known| cause(also, known)));
    let causes = Causes::new(many.take(20_000).collect());
    let mut group = c.benchmark_group("causes of death");
    for terms in [
        "i21",
        "s",
        "unspecified",
        "acute myocardial infarction",
        "tubreculosis of lnug",
        "a b c d e f g h i j k l m n o p",
        "pneumonai myocadrial infraction chrnoic obstuctive pulmonray disase",
    ] {
        group.bench_with_input(BenchmarkId::new("search", terms), terms, |b, terms| {
            b.iter(|| causes.search(black_box(terms)).len());
        });
    }
    group.finish();
}

criterion_group!(benches, hooks, start, causes_of_death);
criterion_main!(benches);

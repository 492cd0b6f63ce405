// SPDX-License-Identifier: MPL-2.0
//! Conditionals of forms, in the JSON that core evaluates. An input is a list: a conditional, and the
//! answers of a form. The opposite of a conditional has the opposite verdict, and patterns match their own
//! examples.
#![no_main]

use countryconfig_fuzz::{BIRTH, EVENTS, in_time, seed};
use libfuzzer_sys::fuzz_target;
use opencrvs_toolkit::evaluate::{Context, Pattern, Predicate};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The different conditionals of the sample country, each with the answers of a birth.
fn seeds() -> BTreeSet<String> {
    let mut conditionals = BTreeSet::new();
    let events = serde_json::to_value(&*EVENTS).expect("events are written");
    collect(&events, &mut conditionals);
    let answers = Value::Object(BIRTH.actions[1].declaration.clone());
    let mut seeds: BTreeSet<_> = conditionals
        .iter()
        .map(|c| format!("[{c},{answers}]"))
        .collect();
    let pattern = json!([{"type": "object", "properties": {"$form": {"properties": {"a": {"pattern": "^[^a-c\\d]{2,3}(x|\\u{1F600}+?)\\b.$"}}}}}, {"a": "zzx!"}]);
    seeds.insert(pattern.to_string());
    seeds
}

fn collect(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                if matches!(key.as_str(), "conditional" | "validator") {
                    into.insert(value.to_string());
                }
                collect(value, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

fn patterns(value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(pattern)) = members.get("pattern")
                && let Ok(pattern) = Pattern::new(pattern)
                && let Some(example) = in_time(|| pattern.example())
            {
                assert!(
                    pattern.matches(&example),
                    "{pattern:?} has the example {example:?}"
                );
            }
            members.values().for_each(patterns);
        }
        Value::Array(items) => items.iter().for_each(patterns),
        _ => {}
    }
}

fuzz_target!(init: seed("conditional", seeds()), |data: &[u8]| {
    let Ok((conditional, answers)) = serde_json::from_slice::<(Value, Value)>(data) else {
        return;
    };
    patterns(&conditional);
    let Ok(predicate) = in_time(|| Predicate::new(&conditional)) else {
        return;
    };
    let form = answers.as_object().cloned().unwrap_or_default();
    let context = Context::new(form, jiff::civil::date(2024, 2, 29));
    let verdict = in_time(|| predicate.verdict(&context));
    assert_eq!(predicate.verdict(&context), verdict);
    let mut inner = conditional;
    if let Some(members) = inner.as_object_mut() {
        members.shift_remove("$id");
    }
    let opposite = Predicate::new(&json!({ "not": inner })).expect("the opposite is one, too");
    assert_eq!(opposite.verdict(&context), !verdict);
    in_time(|| predicate.verdict_on(&answers));
});

// SPDX-License-Identifier: MPL-2.0
//! The expressions of rules and mappings. Faults have a place in the text; what is taken comes to an end,
//! and to the same each time.
#![no_main]

use countryconfig_fuzz::{BIRTH, FORMS, files, in_time, seed, text};
use rules::Facts;
use rules::expression::Expression;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

/// All that stands in quotes in the files with expressions.
fn seeds() -> BTreeSet<String> {
    let credentials = files("credentials");
    let credentials = credentials
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("it is text"));
    let texts = ["eligibility.toml", "mosip.toml"]
        .map(text)
        .into_iter()
        .chain(credentials);
    let mut seeds = BTreeSet::new();
    for text in texts {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            let quoted = line
                .split('"')
                .skip(1)
                .step_by(2)
                .chain(line.split('\'').skip(1).step_by(2));
            seeds.extend(quoted.map(str::to_owned));
        }
    }
    let more = [
        "[1, 2, 3].exists(n, [4, 5].all(m, m > n)) ? {'a': [1.5, null]} : 'x'",
        "field(\"mother.name\").firstname + ' ' + child.name.surname",
        "years(child.dob, today) < 18 || ever(child.nid) && has(child.name.middlename)",
        "'a'.matches('(a*)*b') || today.startsWith('2026') || size(child.name) > 2",
        "child.name.map(k, k + k).filter(k, k != '').size() % 3 == -9223372036854775807 - 1",
    ];
    seeds.extend(more.map(str::to_owned));
    seeds
}

fuzz_target!(init: seed("expression", seeds()), |text: &str| {
    let fields = FORMS.vocabulary.fields("birth").expect("there are births");
    let expression = match in_time(|| Expression::compile(text, fields)) {
        Ok(expression) => expression,
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(fault.offset <= text.len() && text.is_char_boundary(fault.offset), "{fault:?}");
            }
            return;
        }
    };
    assert_eq!(expression.text(), text);
    let facts = Facts {
        event: &BIRTH,
        action: BIRTH.pending_action("REGISTER").expect("it waits"),
        state: &BIRTH.actions[1].declaration,
        today: jiff::civil::date(2026, 6, 1),
        registration_number: None,
    };
    let holds = in_time(|| expression.holds(&facts));
    assert_eq!(expression.holds(&facts), holds);
    let value = in_time(|| expression.evaluate(&facts));
    assert_eq!(expression.evaluate(&facts), value);
    if let (Ok(holds), Ok(value)) = (&holds, &value) {
        assert_eq!(value.as_bool(), Some(*holds));
    }
    expression.values(&facts);
});

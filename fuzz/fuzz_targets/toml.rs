// SPDX-License-Identifier: MPL-2.0
//! The country's TOML files: each text is read as every kind of file. Faults have a place, and reading it
//! again gives the same.
#![no_main]

use country::{Application, Files};
use countryconfig_fuzz::{BIRTH, FORMS, assert_places, files, in_time, seed, text};
use rules::Facts;
use handlers::integrations::credentials::Template;
use rules::diagnostic::Diagnostic;
use rules::mosip_mapping::{Mapping, build_packet};
use handlers::notification::sms::SmsFile;
use rules::eligibility::{Cases, RuleSet};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SAMPLE: LazyLock<Files> = LazyLock::new(|| Files::of(None));
static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    RuleSet::parse(
        "eligibility.toml",
        &text("eligibility.toml"),
        &FORMS.vocabulary,
    )
    .expect("it is good")
});
static ID_SCHEMA: LazyLock<String> = LazyLock::new(|| text("mosip-id-schema.json"));

fn seeds() -> Vec<String> {
    let mut seeds = Vec::new();
    let all = files("").into_iter().chain(files("credentials"));
    for file in all.filter(|file| file.extension().is_some_and(|kind| kind == "toml")) {
        let text = std::fs::read_to_string(file).expect("it is text");
        // Comments are most of some files, and say nothing to a parser.
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        seeds.push(lines.flat_map(|line| [line, "\n"]).collect());
    }
    // The cases as one file are large: also each for itself.
    let cases = text("eligibility.tests.toml");
    seeds.extend(
        cases
            .split("[[case]]")
            .skip(1)
            .take(20)
            .map(|case| format!("[[case]]{case}")),
    );
    seeds
}

fn faults<T>(text: &str, read: impl Fn() -> Result<T, Vec<Diagnostic>>) -> Option<T> {
    let (once, again) = (in_time(&read), read());
    match (once, again) {
        (Ok(read), Ok(_)) => Some(read),
        (Err(found), Err(again)) => {
            assert_eq!(found, again);
            assert!(!found.is_empty(), "refused without a reason");
            assert_places(text, &found);
            None
        }
        _ => panic!("good once and wrong once"),
    }
}

fuzz_target!(init: seed("toml", seeds()), |text: &str| {
    let names = &FORMS.vocabulary;
    let facts = Facts {
        event: &BIRTH,
        action: BIRTH.pending_action("REGISTER").expect("it waits"),
        state: &BIRTH.actions[1].declaration,
        today: jiff::civil::date(2026, 6, 1),
        registration_number: Some("ABCDEFGHIJKL"),
    };
    if let Some(rules) = faults(text, || RuleSet::parse("f", text, names)) {
        assert_places(text, rules.warnings());
        let decided = in_time(|| rules.decide(&facts));
        assert_eq!(decided.summary(), rules.decide(&facts).summary());
        decided.render();
    }
    if let Some(cases) = faults(text, || Cases::parse("f", text, names)) {
        let report = in_time(|| RULES.run_cases(&cases));
        assert_places(text, &report.errors());
        assert_eq!(report.passed(), report.errors().is_empty());
        report.render();
    }
    let read = |file: &str| (file == "mosip-id-schema.json").then(|| ID_SCHEMA.clone());
    if let Some(mapping) = faults(text, || Mapping::parse("f", text, names, &read)) {
        mapping.lacks(&RULES);
        for (_, operation) in RULES.operations() {
            drop(in_time(|| build_packet(&mapping, operation, &facts)));
        }
    }
    faults(text, || Template::parse("f", text, names));
    faults(text, || SmsFile::parse("f", text));
    let mut found = Vec::new();
    let application = in_time(|| Application::parse(&SAMPLE, "f", text, &mut Vec::new(), &mut found));
    let own: Vec<_> = found.into_iter().filter(|fault| fault.file == "f").collect();
    assert_places(text, &own);
    if let Some(application) = application {
        application.document();
    }
});

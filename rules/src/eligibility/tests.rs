// SPDX-License-Identifier: MPL-2.0

use std::time::Instant;

use opencrvs_toolkit::event_document::EventDocument;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::expression::Vocabulary;
use crate::testing::vocabulary;

const RULES: &str = include_str!("../../../country/data/eligibility.toml");
const CASES: &str = include_str!("../../../country/data/eligibility.tests.toml");

fn shipped() -> RuleSet {
    RuleSet::parse("eligibility.toml", RULES, &vocabulary()).unwrap()
}

fn faults(text: &str) -> Vec<String> {
    let found = match RuleSet::parse("eligibility.toml", text, &vocabulary()) {
        Ok(rules) => rules.warnings().to_vec(),
        Err(found) => found,
    };
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn the_shipped_cases_hold_and_cover_all() {
    let rules = shipped();
    assert_eq!(rules.warnings(), []);
    let report =
        rules.run_cases(&Cases::parse("eligibility.tests.toml", CASES, &vocabulary()).unwrap());
    assert!(
        report.passed() && report.covers_all(),
        "{}",
        report.render()
    );
    assert_eq!(
        report.render(),
        format!("{0} of {0} cases hold", report.results.len())
    );
}

#[test]
fn every_fault_of_a_file_is_reported_where_it_stands() {
    let text = r#"
colour = "red"
[conditions]
young = "years(child.dbo, today) < 10 && knwn(child.nid)"
unused = "known(child.dob)"
[[rule]]
name = "late-birth"
event = "brith"
action = "REGISTER"
when = ["young", "yuong"]
operation = "create-id"
answer = "wait"
answr = "wait"
[[rule]]
name = "late-birth"
event = "birth"
action = "REGISTER"
when = ["young"]
operation = "create-uin"
answer = "wait"
"#;
    insta::assert_snapshot!(faults(text).join("\n"));
}

#[rstest]
#[case::not_toml(
    "[[rule]\n",
    "eligibility.toml:1:7: error: invalid table header: expected `.`, `]]`"
)]
#[case::no_list(
    "rule = 1",
    "eligibility.toml:1:8: error: `rule` must be a list of tables\n  hint: begin each with [[rule]]"
)]
#[case::duplicate_condition(
    "[conditions]\na = 'true'\na = 'true'",
    "eligibility.toml:3:1: error: duplicate key `a` in table `conditions`"
)]
#[case::cut_off(
    "[conditions]",
    "eligibility.toml:1:1: error: there is no [[rule]] in the file\n  hint: if there is to be none, write `rule = []` in the first line"
)]
#[case::nothing_said("[[rule]]\n", "eligibility.toml:1:1: error: a rule: `name` is missing")]
#[case::number(
    "[[rule]]\nname = 5\nevent = 'birth'\naction = 'REGISTER'\nwhen = []\nfor-everybody = true\noperation = 'create-uin'\nanswer = 'wait'",
    "eligibility.toml:2:8: error: a rule: `name` must be a text in quotes"
)]
#[case::in_long_text(
    "[conditions]\na = '''\n  known(child.dob) &&\n  known(chld.dob)'''\n[[rule]]\nname = 'r'\nevent = 'birth'\naction = 'REGISTER'\nwhen = ['a']\noperation = 'create-uin'\nanswer = 'wait'",
    "eligibility.toml:4:9: error: rule `r`, condition `a`: unknown field `chld.dob`\n  hint: did you mean `child.dob`?"
)]
#[case::unused(
    "rule = []\n[conditions]\na = 'true'",
    "eligibility.toml:3:1: warning: condition `a` is used by no rule\n  hint: name it in the `when` of a rule, or take it out"
)]
#[case::refusal_of_what_has_happened(
    "[[rule]]\nname = 'r'\nevent = 'birth'\naction = 'REGISTER'\nwhen = []\nfor-everybody = true\noperation = 'create-uin'\nanswer = 'continue'\non-refusal = 'accept'",
    "eligibility.toml:9:14: error: rule `r`: `on-refusal` without `answer = \"wait\"`"
)]
#[case::a_correction_cannot_be_rejected(
    "[[rule]]\nname = 'r'\nevent = 'birth'\naction = 'APPROVE_CORRECTION'\nwhen = []\nfor-everybody = true\noperation = 'create-uin'\nanswer = 'wait'\non-refusal = 'reject'",
    "eligibility.toml:9:14: error: rule `r`: core cannot reject an action that waits as APPROVE_CORRECTION\n  hint: write on-refusal = \"accept\""
)]
#[case::for_everybody_by_mistake(
    "[[rule]]\nname = 'r'\nevent = 'birth'\naction = 'REGISTER'\nwhen = []\noperation = 'create-uin'\nanswer = 'wait'",
    "eligibility.toml:1:1: error: rule `r`: holds for every record\n  hint: list the conditions"
)]
#[case::for_everybody_by_a_condition_that_looks_at_nothing(
    "[conditions]\na = '1 < 2'\n[[rule]]\nname = 'r'\nevent = 'birth'\naction = 'REGISTER'\nwhen = ['a']\noperation = 'create-uin'\nanswer = 'wait'",
    "eligibility.toml:3:1: error: rule `r`: holds for every record"
)]
#[case::for_everybody_with_conditions(
    "[conditions]\na = 'known(child.dob)'\n[[rule]]\nname = 'r'\nevent = 'birth'\naction = 'REGISTER'\nwhen = ['a']\nfor-everybody = true\noperation = 'create-uin'\nanswer = 'wait'",
    "eligibility.toml:3:1: error: rule `r`: `for-everybody` with conditions"
)]
fn faults_have_places(#[case] text: &str, #[case] first: &str) {
    let found = faults(text);
    assert!(found[0].starts_with(first), "{}", found[0]);
}

#[test]
fn a_rule_that_never_decides_is_pointed_out() {
    let rule = |name: &str, when: &str| {
        format!(
            "[[rule]]\nname = '{name}'\nevent = 'birth'\naction = 'REGISTER'\nwhen = {when}\noperation = 'create-uin'\nanswer = 'wait'\n"
        )
    };
    let text = format!(
        "[conditions]\na = 'known(child.dob)'\n{}{}",
        rule("all", "[]\nfor-everybody = true"),
        rule("some", "['a']")
    );
    assert!(faults(&text)[0].contains("rule `some`: never decides, because `all` comes first"));
}

#[test]
fn a_name_must_be_a_field_of_the_event_that_uses_it() {
    let rule = |name: &str, event: &str| {
        format!(
            "[[rule]]\nname = '{name}'\nevent = '{event}'\naction = 'REGISTER'\nwhen = ['a']\noperation = 'create-uin'\nanswer = 'wait'\n"
        )
    };
    let text = format!(
        "[conditions]\na = 'known(child.dob)'\n{}{}",
        rule("one", "birth"),
        rule("two", "death")
    );
    assert_eq!(
        faults(&text),
        [
            "eligibility.toml:2:12: error: rule `two`, condition `a`: unknown field `child.dob`\n  hint: `countryconfig export fields --event …` lists the fields of an event"
        ]
    );
}

/// A birth whose state is as given, decided with the shipped rules on 1 June 2026.
fn decide(action: &str, state: &Value) -> Decision {
    let event = json!({"id": "e", "type": "birth", "actions": [{"id": "a", "type": action, "status": "Requested"}]});
    let event = EventDocument::try_from(event).unwrap();
    let facts = Facts {
        event: &event,
        action: &event.actions[0],
        state: state.as_object().unwrap(),
        today: jiff::civil::date(2026, 6, 1),
        registration_number: Some("AB12CD34EF56"),
    };
    shipped().decide(&facts)
}

#[test]
fn a_decision_shows_its_reasons() {
    let state =
        json!({"child.dob": "soon", "child.nid": "6500123456", "mother.verified": "failed"});
    insta::assert_snapshot!(decide("APPROVE_CORRECTION", &state).render());
}

#[test]
fn a_decision_can_be_read_by_programs() {
    let decision = decide(
        "REGISTER",
        &json!({"child.dob": "2026-05-20", "mother.verified": "verified"}),
    );
    insta::assert_json_snapshot!(decision);
}

#[test]
fn logs_see_no_values() {
    let state = json!({"child.dob": "2016-05-20", "mother.verified": "verified"});
    let decision = decide("REGISTER", &state);
    assert_eq!(
        decision.summary(),
        "no rule; birth-create-uin lacks child-under-ten"
    );
    assert_eq!(
        format!("{decision:?}"),
        "Decision(no rule; birth-create-uin lacks child-under-ten)"
    );
    let decision = decide(
        "REGISTER",
        &json!({"child.dob": "2026-05-20", "mother.verified": "verified"}),
    );
    assert_eq!(decision.summary(), "birth-create-uin: create-uin, wait");
    assert_eq!(decide("ARCHIVE", &state).summary(), "no rule");
}

#[test]
fn failing_cases_show_what_differs() {
    let text = r#"
[[case]]
name = "a child of nine"
event = "birth"
action = "REGISTER"
today = "2026-06-01"
[case.state]
child.dob = "2016-06-01"
"mother.verified" = "verified"
child.birthLocation.privateHome = { country = "FAR" }
mother.verify-nid-http-fetch.data.sub = "x"
informant.address.country = "FAR"
[case.expect]
operation = "create-uin"
answer = "wait"
"#;
    let report = shipped().run_cases(&Cases::parse("cases.toml", text, &vocabulary()).unwrap());
    assert!(!report.passed());
    insta::assert_snapshot!(report.render());
}

#[test]
fn faults_of_cases_have_places() {
    let text = r#"
[[case]]
name = "wrong in many ways"
event = "birth"
action = "REGSTER"
today = "tomorrow"
state = { child.dbo = "2016-06-01", mother.verified = "verified" }
ever = ["child.nidd"]
expect = "nothing"
[[case]]
"#;
    let found = Cases::parse("cases.toml", text, &vocabulary()).unwrap_err();
    insta::assert_snapshot!(
        found
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    );
}

/// Not a benchmark, but it would notice a decision that became a thousand times slower.
#[test]
fn deciding_is_quick() {
    let event = json!({"id": "e", "type": "birth", "actions": [{"id": "a", "type": "REGISTER", "status": "Requested"}]});
    let event = EventDocument::try_from(event).unwrap();
    let state = json!({"child.dob": "2026-05-20", "mother.verified": "verified", "father.verified": "failed"});
    let facts = Facts {
        event: &event,
        action: &event.actions[0],
        state: state.as_object().unwrap(),
        today: jiff::civil::date(2026, 6, 1),
        registration_number: None,
    };
    let (rules, rounds) = (shipped(), 10_000);
    let start = Instant::now();
    for _ in 0..rounds {
        assert!(rules.decide(&facts).outcome().is_some());
    }
    let each = start.elapsed() / rounds;
    println!("a rule of three conditions takes {each:?}");
    assert!(each.as_millis() < 5);
}

#[test]
fn rules_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<RuleSet>();
    shared::<Vocabulary>();
}

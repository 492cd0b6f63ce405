// SPDX-License-Identifier: MPL-2.0
use super::*;
use opencrvs_toolkit::event_document::EventDocument;
use rules::expression::Vocabulary;
use serde_json::json;

fn vocabulary() -> Vocabulary {
    Vocabulary::new([(
        "birth",
        ["child.name", "child.dob", "child.place", "mother.name"],
    )])
}

fn faults(text: &str) -> String {
    let faults = CredentialTemplate::parse("t.toml", text, &vocabulary()).unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| format!("{fault}\n")).collect();
    lines.concat()
}

#[test]
fn every_fault_of_a_template_has_its_place() {
    let text = r#"kind = "papers"
event = "birth"
required = ["child.nam"]
[places]
Where = "child.plaice"
where = "child.place"
[request]
issuer = "did:web:issuer"
place = "where.ful"
given = "child.nam.firstname"
list = ["child.dob", { deep = "child.dop" }]
when = 2026-01-01
[[request.parents]]
given = "full_nam(mother.name)"
[requests]
"#;
    insta::assert_snapshot!(faults(text), @r#"
    t.toml:1:8: error: the file: unknown kind `papers`
      hint: did you mean `paper`?
    t.toml:3:13: error: unknown field `child.nam`
      hint: did you mean `child.name`?
    t.toml:5:1: error: `Where` is not a name of lower-case letters and `_`
    t.toml:5:9: error: unknown field `child.plaice`
      hint: did you mean `child.place`?
    t.toml:8:14: error: request.issuer: the expression cannot be read: `:` is not expected here
      hint: a constant text needs two pairs of quotes: '"did:web:issuer"'
    t.toml:9:10: error: request.place: unknown field `where.ful`
      hint: did you mean `where.full`?
    t.toml:10:10: error: request.given: unknown field `child.nam.firstname`
      hint: did you mean `child.name`?
    t.toml:11:32: error: request.list.deep: unknown field `child.dop`
      hint: did you mean `child.dob`?
    t.toml:12:8: error: request.when: a date is none of the things that are sent
      hint: write it as a text with quotes of its own
    t.toml:14:10: error: request.parents.given: unknown function `full_nam`
      hint: did you mean `full_name`?
    t.toml:15:2: error: the file: unknown key `requests`
      hint: did you mean `request`?
    "#);
    let nothing = faults("kind = \"paper\"\nevent = \"birth\"\n");
    assert_eq!(
        nothing,
        "t.toml:1:1: error: the table `request` is missing\n"
    );
}

#[test]
fn what_the_record_does_not_say_is_left_out() {
    let text = r#"kind = "paper"
event = "birth"
[places]
place = "child.place"
[request]
always = true
number = 1.5
first = "child.name.firstname"
middle = "child.name.middlename"
where = { name = "place.name", full = "place.full" }
nothing = { at = ["child.dob"], all = { here = "mother.name.firstname" } }
[[request.parents]]
given = "mother.name.firstname"
[[request.parents]]
given = '"known"'
"#;
    let template = CredentialTemplate::parse("t.toml", text, &vocabulary()).unwrap();
    let record = json!({"id": "e", "type": "birth", "actions": [{"id": "r", "type": "REGISTER", "status": "Accepted"}]});
    let record = EventDocument::parse(record.to_string().as_bytes()).unwrap();
    let state = json!({"child.name": {"firstname": "Nia"}, "place.name": "Clinic", "place.full": "Clinic, Village"});
    let request = template.request(&Facts {
        event: &record,
        action: &record.actions[0],
        state: state.as_object().unwrap(),
        today: jiff::civil::date(2026, 6, 1),
        registration_number: None,
    });
    let expected = json!({
        "always": true, "number": 1.5, "first": "Nia", "where": {"name": "Clinic", "full": "Clinic, Village"},
        "parents": [{"given": "known"}],
    });
    assert_eq!(request, expected);
}

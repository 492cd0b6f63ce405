// SPDX-License-Identifier: MPL-2.0

use std::collections::BTreeSet;

use opencrvs_toolkit::event_document::EventDocument;
use rstest::rstest;
use serde_json::{Value, json};

use super::functions::{date, years_between};
use super::*;

fn fields() -> BTreeSet<String> {
    let ids = [
        "child.dob",
        "child.name",
        "child.nid",
        "child.weightAtBirth",
        "child.birthLocation",
        "child.birthLocation.privateHome",
        "mother.verified",
        "mother.verify-nid-http-fetch",
        "mother.previousBirths",
    ];
    ids.map(String::from).into()
}

/// Evaluates against a record in which `child.nid` is missing.
fn evaluate(text: &str) -> Result<Value, NotEvaluable> {
    let event = json!({
        "id": "e1", "type": "birth", "trackingId": "TRACK1",
        "actions": [
            {"id": "a1", "type": "REGISTER", "status": "Requested", "createdBy": "u1", "declaration": {"child.weightAtBirth": 3}},
            {"id": "b1", "type": "DECLARE", "status": "Requested", "createdAt": "1", "declaration": {"child.nid": "1"}},
            {"id": "b2", "type": "DECLARE", "status": "Accepted", "createdAt": "2", "originalActionId": "b1"},
            {"id": "b3", "type": "EDIT", "status": "Accepted", "createdAt": "3", "declaration": {"child.nid": null, "child.dob": ""}},
            {"id": "b4", "type": "REQUEST_CORRECTION", "status": "Accepted", "createdAt": "4", "declaration": {"mother.verified": "failed"}},
        ],
    });
    let event = EventDocument::try_from(event).unwrap();
    let state = json!({
        "child.dob": "2020-5-1",
        "child.name": {"firstname": "Ada", "middlename": "", "surname": " de  \"Souza\" "},
        "child.weightAtBirth": 3.2,
        "child.birthLocation.privateHome": {"country": "FAR"},
        "mother.verified": "verified",
        "mother.verify-nid-http-fetch": {"data": {"sub": "psut-1"}},
        "mother.previousBirths": 2,
    });
    let facts = Facts {
        event: &event,
        action: &event.actions[0],
        state: state.as_object().unwrap(),
        today: jiff::civil::date(2026, 6, 1),
        registration_number: None,
    };
    Expression::compile(text, &fields())
        .unwrap()
        .evaluate(&facts)
}

#[rstest]
#[case::field("mother.verified", json!("verified"))]
#[case::part_of_answer("child.name.firstname", json!("Ada"))]
#[case::hyphens(r#"field("mother.verify-nid-http-fetch").data.sub"#, json!("psut-1"))]
#[case::field_below_field("child.birthLocation.privateHome.country", json!("FAR"))]
#[case::missing("child.nid", json!(null))]
#[case::part_of_missing("child.nid.number.first", json!(null))]
#[case::missing_equals("child.nid == 'x'", json!(false))]
#[case::has("has(child.dob) && !has(child.nid) && has(child.name.surname)", json!(true))]
#[case::whole_numbers("mother.previousBirths + 1 == 3", json!(true))]
#[case::decimal_numbers("child.weightAtBirth > 3", json!(true))]
#[case::one_of("mother.verified in ['verified', 'authenticated']", json!(true))]
#[case::missing_one_of("child.nid in ['verified']", json!(false))]
#[case::some_of("[child.nid, mother.verified].exists(v, v == 'verified')", json!(true))]
#[case::choice("known(child.nid) ? 'a' : 'b'", json!("b"))]
#[case::known_is_not_empty("known('') || known(null)", json!(false))]
#[case::false_hides_an_error("known(child.nid) && years(child.nid, today) > 1", json!(false))]
#[case::true_hides_an_error("years(child.nid, today) > 1 || true", json!(true))]
#[case::years("years(child.dob, today)", json!(6))]
#[case::days("days(child.dob, '2020-05-03')", json!(2))]
#[case::record("event.type + event.id + event.trackingId + action.type + action.id + action.createdBy", json!("birthe1TRACK1REGISTERa1u1"))]
#[case::today("today", json!("2026-06-01"))]
#[case::no_number("registration.number", json!(null))]
#[case::name("full_name(child.name)", json!("Ada de \"Souza\""))]
#[case::no_name("full_name(child.nid)", json!(null))]
#[case::empty_name("full_name({'firstname': ' '})", json!(null))]
#[case::language("in_language('eng', full_name(child.name))", json!(r#"[{"language":"eng","value":"Ada de \"Souza\""}]"#))]
#[case::language_of_nothing("in_language('eng', child.nid)", json!(null))]
#[case::slashed("slashed_date(child.dob)", json!("2020/5/1"))]
#[case::slashed_nonsense("slashed_date('soon')", json!(null))]
#[case::capitalised("capitalised('NATURAL_causes')", json!("Natural_causes"))]
#[case::small("lower_case('Ada@Mail.Test')", json!("ada@mail.test"))]
#[case::first_known("first_known([child.nid, '', child.dob, 'x'])", json!("2020-5-1"))]
#[case::once("ever(child.nid) && !known(child.nid)", json!(true))]
#[case::never("ever(child.name)", json!(false))]
#[case::never_more_than_empty("ever(child.dob)", json!(false))]
#[case::not_by_what_waits("ever(child.weightAtBirth)", json!(false))]
#[case::not_by_a_request("ever(mother.verified)", json!(false))]
#[case::once_with_hyphens(r#"ever(field("mother.verify-nid-http-fetch"))"#, json!(false))]
#[case::nothing_known("first_known([child.nid])", json!(null))]
#[case::object("{'b': 1, 'a': [2.5, true]}", json!({"a": [2.5, true], "b": 1}))]
#[case::nested_names("['a'].all(x, ['b'].exists(y, x != y && known(child.dob)))", json!(true))]
fn values(#[case] text: &str, #[case] expected: Value) {
    assert_eq!(evaluate(text), Ok(expected));
}

#[rstest]
#[case("years(child.nid, today) < 10", "`years`: the first date is missing")]
#[case(
    "!(years('2020-02-30', today) < 10)",
    "`years`: the first date is not a date"
)]
#[case(
    "child.nid > 3",
    "`>` does not apply to a missing answer and a whole number"
)]
#[case(
    "child.weightAtBirth + 1 > 3.0",
    "`+` does not apply to a decimal number and a whole number"
)]
#[case("!child.nid", "`!` does not apply to a missing answer")]
#[case(
    "child.nid.startsWith('9')",
    "`startsWith` does not apply to a missing answer and a text"
)]
#[case("child.nid ? 1 : 2", "true or false is needed, not a missing answer")]
#[case(
    "full_name(child.dob)",
    "`full_name`: takes a name, with `firstname` and `surname`"
)]
#[case("int(child.dob)", "`int` failed")]
#[case("1 / 0", "division by zero")]
fn reasons_hold_no_values(#[case] text: &str, #[case] reason: &str) {
    assert_eq!(evaluate(text).unwrap_err().to_string(), reason);
}

#[rstest]
#[case(
    "known(child.dbo)",
    6,
    "unknown field `child.dbo`",
    "did you mean `child.dob`?"
)]
#[case(
    "known(chlid.name.firstname)",
    6,
    "unknown field `chlid.name.firstname`",
    "did you mean `child.name`?"
)]
#[case(
    "'ü' == chld.dob",
    8,
    "unknown field `chld.dob`",
    "did you mean `child.dob`?"
)]
#[case(
    "child.birthLocation.privateHom",
    0,
    "unknown field `child.birthLocation.privateHom`",
    "did you mean `child.birthLocation.privateHome`?"
)]
#[case(
    "mother.verify-nid-http-fetch.data.sub",
    0,
    "unknown field `mother.verify`",
    "a field id with a hyphen is written field(\"mother.verify-nid-http-fetch\")"
)]
#[case(
    "field('mother.verify-nid-htp-fetch')",
    5,
    "unknown field `mother.verify-nid-htp-fetch`",
    "did you mean `mother.verify-nid-http-fetch`?"
)]
#[case(
    "child",
    0,
    "`child` is a page, not a field",
    "name one of its fields, `child.birthLocation` for example"
)]
#[case("todya", 0, "unknown variable `todya`", "did you mean `today`?")]
#[case(
    "event.typ",
    0,
    "unknown field `event.typ`",
    "did you mean `event.type`?"
)]
#[case("[1].exists(v, v == w)", 19, "unknown variable `w`", "")]
#[case("  knwn(1)", 2, "unknown function `knwn`", "did you mean `known`?")]
#[case("!evr(child.nid)", 1, "unknown function `evr`", "did you mean `ever`?")]
#[case(
    "!ever(child.nidd)",
    6,
    "unknown field `child.nidd`",
    "did you mean `child.nid`?"
)]
#[case(
    "ever(child.name.firstname)",
    5,
    "`ever` takes one field",
    "write ever(child.name)"
)]
#[case(
    "ever(today)",
    5,
    "`ever` takes one field",
    "write the id of a field, ever(child.nid)"
)]
#[case(
    "!ever('child.nid')",
    1,
    "`ever` takes one field",
    "write the id of a field, ever(child.nid)"
)]
#[case(
    "ever(child.nid, child.dob)",
    0,
    "`ever` takes one field",
    "write the id of a field, ever(child.nid)"
)]
#[case(
    "child.dob.known()",
    10,
    "unknown function `known`",
    "write it as known(..)"
)]
#[case(
    "startsWith(child.dob)",
    0,
    "unknown function `startsWith`",
    "write it as x.startsWith(..)"
)]
#[case("years(today)", 0, "`years` takes 2 values, not 1", "")]
#[case(
    "field(child.dob)",
    0,
    "`field` takes one field id",
    "write the field id as a text, field(\"child.name\")"
)]
#[case("Name{a: 1}", 0, "unknown type `Name`", "")]
#[case(
    "known(child.dob",
    15,
    "the expression cannot be read: `)` is missing at the end",
    ""
)]
#[case("1 +", 3, "the expression cannot be read: it ends too early", "")]
#[case(
    "child.dob = today",
    10,
    "the expression cannot be read: `=` means nothing here",
    "equality is written `==`"
)]
#[case(
    "known(child.dob) and true",
    17,
    "the expression cannot be read: `and` is not expected here",
    "in place of `and`, write `&&`"
)]
#[case(
    "not known(child.dob)",
    4,
    "the expression cannot be read: `known` is not expected here",
    "in place of `not`, write `!`"
)]
#[case(
    "child.name == male",
    14,
    "unknown variable `male`",
    "a text is written in quotes: 'male'"
)]
fn faults_say_where_and_what_was_meant(
    #[case] text: &str,
    #[case] offset: usize,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let faults = Expression::compile(text, &fields()).unwrap_err();
    assert_eq!(faults[0].message, message);
    assert_eq!(faults[0].hint.as_deref().unwrap_or_default(), hint);
    assert_eq!(faults[0].offset, offset);
}

#[test]
fn all_faults_are_reported() {
    let faults = Expression::compile(
        "known(child.dbo) && knwn(child.dob) || mother.verifed == 1",
        &fields(),
    )
    .unwrap_err();
    assert_eq!(faults.len(), 3);
}

#[test]
fn a_fault_that_follows_from_another_is_not_reported() {
    let faults = Expression::compile("child.dob = 'x'", &fields()).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
}

#[test]
fn long_and_deep_expressions_are_refused() {
    let long = "true && ".repeat(200) + "true";
    assert!(
        Expression::compile(&long, &fields()).unwrap_err()[0]
            .message
            .contains("longer than")
    );
    let deep = "(".repeat(400) + "true" + &")".repeat(400);
    assert!(Expression::compile(&deep, &fields()).is_err());
}

/// Also in a build without optimisation, on the small stack of a server's thread.
#[test]
fn what_is_not_refused_for_its_depth_can_be_evaluated() {
    let nested = "(".repeat(60) + "known(child.dob)" + &")".repeat(60);
    assert_eq!(evaluate(&nested), Ok(json!(true)));
    let negated = "!(".repeat(40) + "known(child.dob)" + &")".repeat(40);
    assert_eq!(evaluate(&negated), Ok(json!(true)));
    let sum = "1".to_owned() + &"+1".repeat(95);
    assert_eq!(evaluate(&sum), Ok(json!(96)));
}

#[rstest]
#[case::depth("1".to_owned() + &"+1".repeat(200), "too deep")]
#[case::parts(format!("[1].all(x, x{})", ".a".repeat(200)), "too deep")]
#[case::loops_in_loops("[1].all(x, [1].all(y, [1].all(z, true)))".to_owned(), "loops")]
#[case::loops_behind_loops("[1].map(x, x+x).map(x, x+x).map(x, x+x).size() > 0".to_owned(), "loops")]
fn what_would_take_too_much_stack_or_time_is_refused(#[case] text: String, #[case] words: &str) {
    let faults = Expression::compile(&text, &fields()).unwrap_err();
    assert!(faults[0].message.contains(words), "{faults:?}");
}

#[test]
fn loops_go_through_the_members_of_an_answer_in_one_order() {
    for _ in 0..20 {
        let names = evaluate("child.name.map(part, part)").unwrap();
        assert_eq!(names, json!(["firstname", "middlename", "surname"]));
        let other = evaluate("[3, 1].map(n, {'b': n, 'a': n}.filter(k, k != ''))").unwrap();
        assert_eq!(other, json!([["a", "b"], ["a", "b"]]));
    }
}

#[rstest]
#[case("2026-05-20", true)]
#[case("2026-5-2", true)]
#[case("2024-02-29", true)]
#[case("2026-02-29", false)]
#[case("26-05-20", false)]
#[case("2026-05", false)]
#[case("2026-05-20T00:00", false)]
#[case("2026-005-20", false)]
#[case("2026--5-2", false)]
#[case("+2026-5-2", false)]
#[case("not-a-date", false)]
#[case("", false)]
fn dates(#[case] text: &str, #[case] is_date: bool) {
    assert_eq!(date(text).is_some(), is_date);
}

#[rstest]
#[case::day_before_birthday("2016-06-02", "2026-06-01", 9)]
#[case::birthday("2016-06-01", "2026-06-01", 10)]
#[case::leap_day_has_no_birthday_yet("2016-02-29", "2026-02-28", 9)]
#[case::leap_day_is_kept_on_the_first_of_march("2016-02-29", "2026-03-01", 10)]
#[case::not_born_yet("2031-01-01", "2026-06-01", -5)]
fn birthdays(#[case] from: &str, #[case] on: &str, #[case] years: i64) {
    assert_eq!(years_between(date(from).unwrap(), date(on).unwrap()), years);
}

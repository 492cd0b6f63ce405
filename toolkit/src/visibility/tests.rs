// SPDX-License-Identifier: MPL-2.0

use jiff::civil::date;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::event_document::Fields;
use crate::prelude::*;

fn asked(id: &str) -> Field<types::Text> {
    text(id).labelled((format!("{id}.label"), "Words"))
}

fn event_of(pages: impl IntoIterator<Item = Page>) -> Event {
    Event::new("e", ("e", "E"), ("t", "T"), form(("f", "F"), pages))
}

fn visible(event: &Event, answers: &Value) -> Value {
    let mut answers = answers.as_object().unwrap().clone();
    let visibility = Visibility::of([event]);
    visibility.on(date(2026, 6, 1)).retain("e", &mut answers);
    Value::Object(answers)
}

/// A form in which fields depend on each other, on the user, the record and the day.
fn family() -> Event {
    let first = form_page("a", ("a", "A"))
        .with(asked("nid").show_if(never()))
        .with(asked("name"))
        .with(asked("idType"))
        .with(asked("passport").show_if(field("idType").equals("PASSPORT")))
        .with(asked("visa").show_if(not(field("passport").is_falsy())))
        .with(asked("locked").enable_if(never()).review_if(never()))
        .with(
            asked("either")
                .show_if(field("name").equals("x"))
                .show_if(field("idType").equals("y")),
        )
        .with(asked("both").show_if(and([never(), field("name").equals("x")])))
        .with(asked("role").show_if(user().has_role("CLERK")))
        .with(asked("others").show_if(not(user().has_role("CLERK"))))
        .with(asked("clerk").show_if(and([user().has_role("CLERK"), field("name").equals("x")])))
        .with(asked("printed").show_if(event().has_action("PRINT_CERTIFICATE")))
        .with(asked("script").show_if(field("name").custom_client_validator("v => v")))
        .with(asked("late").show_if(field("born").is_before().days(30).in_past()))
        .with(date_field("born"))
        .with(asked("twice").show_if(field("name").equals("x")))
        .with(asked("twice").show_if(field("name").equals("y")));
    let second = form_page("b", ("b", "B"))
        .show_if(field("name").equals("x"))
        .with(asked("paged"));
    let third = form_page("c", ("c", "C"))
        .show_if(never())
        .with(asked("written"));
    event_of([first, second, third])
}

fn date_field(id: &str) -> Field<types::Date> {
    crate::prelude::date(id).labelled((format!("{id}.label"), "Words"))
}

#[rstest]
#[case::shown(json!({"idType": "PASSPORT", "passport": "p"}), &[])]
#[case::hidden(json!({"idType": "NID", "passport": "p"}), &["passport"])]
#[case::hidden_by_what_is_hidden(json!({"idType": "NID", "passport": "p", "visa": "v"}), &["passport", "visa"])]
#[case::asked_of_nobody(json!({"nid": "1", "both": "1", "written": "1"}), &[])]
#[case::neither_enable_nor_review(json!({"locked": "1"}), &[])]
#[case::one_of_several(json!({"either": "1", "idType": "y"}), &[])]
#[case::none_of_several(json!({"either": "1", "name": "z"}), &["either"])]
#[case::role_unknown(json!({"role": "1", "others": "1"}), &[])]
#[case::role_unknown_and_more(json!({"clerk": "1", "name": "z"}), &["clerk"])]
#[case::role_unknown_and_the_rest_holds(json!({"clerk": "1", "name": "x"}), &[])]
#[case::history_unknown(json!({"printed": "1"}), &[])]
#[case::script(json!({"script": "1", "name": "x"}), &[])]
#[case::day(json!({"late": "1", "born": "2026-01-01"}), &[])]
#[case::other_day(json!({"late": "1", "born": "2026-05-30"}), &["late"])]
#[case::no_day(json!({"late": "1", "born": "1 January 2026"}), &["late"])]
#[case::one_of_two_fields(json!({"twice": "1", "name": "y"}), &[])]
#[case::none_of_two_fields(json!({"twice": "1", "name": "z"}), &["twice"])]
#[case::page(json!({"paged": "1", "name": "x"}), &[])]
#[case::other_page(json!({"paged": "1", "name": "z"}), &["paged"])]
#[case::no_field(json!({"unheard.of": "1"}), &[])]
#[case::nothing(json!({}), &[])]
fn answers_that_count(#[case] answers: Value, #[case] hidden: &[&str]) {
    let mut expected = answers.clone();
    expected
        .as_object_mut()
        .unwrap()
        .retain(|id, _| !hidden.contains(&id.as_str()));
    assert_eq!(visible(&family(), &answers), expected);
}

#[test]
fn other_events_and_the_default_hide_nothing() {
    let answers = json!({"idType": "NID", "passport": "p"});
    for (visibility, event_type) in [
        (Visibility::default(), "e"),
        (Visibility::of([&family()]), "another"),
    ] {
        let mut left = answers.as_object().unwrap().clone();
        visibility
            .on(date(2026, 6, 1))
            .retain(event_type, &mut left);
        assert_eq!(Value::Object(left), answers);
    }
}

/// An age is one of the day that another answer names; hidden, that answer is no such day.
#[test]
fn ages_count_from_answers_that_count() {
    let page = form_page("a", ("a", "A"))
        .with(date_field("died").show_if(field("known").equals("yes")))
        .with(asked("known"))
        .with(age("age", field("died")).labelled(("age", "Age")))
        .with(asked("old").show_if(field("age").as_dob().is_before().date("1930-01-01")));
    let event = event_of([page]);
    let answers = |known: &str| json!({"died": "2000-01-01", "known": known, "age": {"age": 80, "asOfDateRef": "died"}, "old": "1"});
    assert!(visible(&event, &answers("yes")).get("old").is_some());
    assert!(visible(&event, &answers("no")).get("old").is_none());
}

/// Core does not end where two fields hide each other; here, both count.
#[test]
fn fields_that_hide_each_other_count() {
    let page = form_page("a", ("a", "A"))
        .with(asked("a").show_if(field("b").is_falsy()))
        .with(asked("b").show_if(field("a").is_falsy()));
    let both = json!({"a": "1", "b": "1"});
    assert_eq!(visible(&event_of([page]), &both), both);
}

#[test]
fn deciding_fields_are_found_through_others() {
    let visibility = Visibility::of([&family()]);
    let deciding = |field| Vec::from_iter(visibility.deciding("e", [field]));
    assert_eq!(deciding("visa"), ["idType", "passport"]);
    assert_eq!(deciding("paged"), ["name"]);
    assert_eq!(deciding("name"), [""; 0]);
    assert_eq!(deciding("nid"), [""; 0]);
}

/// Fields of which each is shown for some values of others; the last may be shown by itself.
fn some_form() -> impl Strategy<Value = Event> {
    let condition = (0..6_usize, any::<bool>());
    let field_of = prop::collection::vec(condition, 0..3);
    prop::collection::vec(field_of, 6).prop_map(|fields| {
        let one = |(at, conditions): (usize, Vec<(usize, bool)>)| {
            let show = |asked_field: Field<types::Text>, (on, holds): (usize, bool)| {
                let same = field(format!("f{on}")).equals("1");
                asked_field.show_if(if holds { same } else { not(same) })
            };
            conditions.into_iter().fold(asked(&format!("f{at}")), show)
        };
        let fields: Vec<_> = fields.into_iter().enumerate().map(one).collect();
        event_of([form_page("a", ("a", "A")).with_all(fields)])
    })
}

proptest! {
    /// Against core's own words: filter all answers by what was left before, until nothing changes.
    #[test]
    fn stable_views_are_those_of_core(event in some_form(), answers in prop::collection::btree_map("f[0-5]", "[12]", 0..7)) {
        let answers = json!(answers).as_object().unwrap().clone();
        let rules: Vec<_> = event.fields().map(|(_, field)| crate::evaluate::FieldRules::new(&json!(field)).unwrap()).collect();
        let mut left = answers.clone();
        let stable = (0..50).any(|_| {
            let context = Context::new(left.clone(), date(2026, 6, 1));
            let shown = |id: &String| rules.iter().any(|rule| rule.id() == id && rule.shown(&context).holds());
            let next: Fields = answers.iter().filter(|(id, _)| shown(id)).map(|(id, value)| (id.clone(), value.clone())).collect();
            let same = next == left;
            left = next;
            same
        });
        prop_assume!(stable);
        prop_assert_eq!(visible(&event, &Value::Object(answers)), Value::Object(left));
    }
}

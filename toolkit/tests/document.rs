// SPDX-License-Identifier: MPL-2.0
//! Events as documents: read, checked, and served as they are written.

use opencrvs_toolkit::event::{Event, Problem, place_of};
use opencrvs_toolkit::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

fn club() -> Event {
    let who = form_page("who", ("club.who", "Who applies"))
        .with(text("who.nickname").label("club.nickname", "Nickname"))
        .with(
            select("who.kind", [option("NEW", ("club.new", "New"))])
                .label("club.kind", "Kind")
                .show_if(field("who.nickname").is_undefined().and(user().is_online()))
                .validate(field("who.kind").equals("NEW"), ("club.error", "No")),
        );
    let review = || Review::new(("club.review", "Membership"), []);
    Event::new(
        "club",
        ("club.label", "Membership"),
        ("club.title", "{who.nickname}"),
        form(("club.form", "Form"), [who]),
    )
    .actions([
        Action::read(("club.read", "Read"), review()),
        Action::declare(("club.declare", "Apply"), review()),
        Action::register(("club.register", "Accept")).show_if(status("DECLARED")),
    ])
    .icon_if("Users", status("REGISTERED"))
}

#[test]
fn a_built_event_and_its_document_are_one_event() {
    let built = json!(club());
    let read = Event::from_json(built.clone()).unwrap();
    assert_eq!(json!(read), built);
    assert_eq!(json!(read.declaration()), json!(club().declaration()));
    assert_eq!(json!(read.all_actions()), json!(club().all_actions()));
    assert_eq!(read.references(), club().references());
    assert_eq!(read.messages(), club().messages());
    assert_eq!(read.problems(), []);
}

#[test]
fn unknown_keys_pass_and_ids_of_conditionals_are_made_again() {
    let mut document = json!(club());
    document["later"] = json!({ "than": ["core 2.0"] });
    document["declaration"]["pages"][0]["fields"][1]["glow"] = json!(true);
    let shown = "/declaration/pages/0/fields/1/conditionals/0/conditional";
    let id = document.pointer(shown).unwrap()["$id"].clone();
    *document.pointer_mut(&format!("{shown}/$id")).unwrap() = json!("https://elsewhere/1");
    document.pointer_mut(&format!("{shown}/allOf/0")).unwrap()["$id"] = json!("nested");
    let served = json!(Event::from_json(document.clone()).unwrap());
    assert_eq!(served["later"], document["later"]);
    assert_eq!(served["declaration"]["pages"][0]["fields"][1]["glow"], true);
    assert_eq!(served.pointer(shown).unwrap()["$id"], id);
    assert_eq!(served.pointer(&format!("{shown}/allOf/0/$id")), None);
}

#[rstest]
#[case("/label", json!("Membership"), "/label", "`label` must be a text with `id`, `defaultMessage` and `description`")]
#[case("/declaration/pages", json!({}), "/declaration/pages", "`pages` must be a list")]
#[case("/declaration/pages/0/fields/0/type", json!("TXET"), "/declaration/pages/0/fields/0/type", "core does not know the field type `TXET`")]
#[case(
    "/declaration/pages/0/fields/1/options",
    Value::Null,
    "/declaration/pages/0/fields/1/options",
    "`options` must be a list"
)]
#[case("/declaration/pages/0/fields/1/required", json!("yes"), "/declaration/pages/0/fields/1/required", "`required` must be true or false")]
#[case("/declaration/pages/0/fields/1/conditionals/0/type", json!("SHOWN"), "/declaration/pages/0/fields/1/conditionals/0/type", "unknown type `SHOWN`")]
#[case("/icon/Users", json!("always"), "/icon/Users", "`Users` must be a JSON Schema")]
#[case("/actions/2/type", json!("VALIDATE"), "/actions/2/type", "unknown type `VALIDATE`")]
#[case("/actions/0/type", json!("EDIT"), "/actions/0", "`dialogCopy` is missing")]
#[case("", json!([]), "", "an event is an object")]
fn what_core_would_refuse_is_found_where_it_stands(
    #[case] at: &str,
    #[case] wrong: Value,
    #[case] pointer: &str,
    #[case] what: &str,
) {
    let mut document = json!(club());
    *document.pointer_mut(at).unwrap() = wrong;
    let problems = Event::from_json(document).unwrap_err();
    let found: Vec<_> = problems.iter().map(|p| (&*p.pointer, &*p.what)).collect();
    assert_eq!(found, [(pointer, what)]);
}

#[test]
fn references_and_double_texts_have_a_place() {
    let mut document = json!(club());
    let text = "/declaration/pages/0/fields/0/label/defaultMessage";
    *document
        .pointer_mut("/declaration/pages/0/fields/1/label/id")
        .unwrap() = json!("club.nickname");
    *document.pointer_mut(text).unwrap() = json!("Alias");
    document["dateOfEvent"] = json!({ "$$field": "who.since", "$$subfield": [] });
    let places = |problems: Vec<Problem>| -> Vec<String> {
        problems
            .into_iter()
            .map(|problem| problem.pointer)
            .collect()
    };
    let event = Event::from_json(document).unwrap();
    assert_eq!(
        places(event.problems()),
        ["/dateOfEvent", "/declaration/pages/0/fields/1/label"]
    );
}

#[rstest]
#[case("", "{\"a\"")]
#[case("/a", "[1, {")]
#[case("/a/1/b~1c", "\"x\\\"")]
#[case("/d", "null")]
#[case("/a/1/nowhere", "{\"b/c\"")]
#[case("/a/7", "[1, {")]
fn a_pointer_has_a_place_in_the_text(#[case] pointer: &str, #[case] expected: &str) {
    let text = " {\"a\" : [1, {\"b/c\": \"x\\\"]\"} ], \"d\": null}";
    assert!(text[place_of(text, pointer)..].starts_with(expected));
}

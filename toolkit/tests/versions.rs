// SPDX-License-Identifier: MPL-2.0
//! One model, and what each version of core is given of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use opencrvs_toolkit::core_version::CoreVersion::{self, V2_0, V2_0_1, V2_1, V2_2};
use opencrvs_toolkit::prelude::*;
use opencrvs_toolkit::workqueue::{Workqueue, WorkqueueQuery, records};
use opencrvs_toolkit::writer;
use rstest::rstest;
use serde_json::{Value, json};

fn comment() -> AnyField {
    textarea("comment").label("club.comment", "Comment").into()
}

/// An event with everything that is newer than core 2.0 and can be left out.
fn club() -> Event {
    let page = form_page("who", ("club.who", "Who applies"))
        .show_clear_button()
        .with(
            location("who.office")
                .label("club.office", "Office")
                .active_only(),
        )
        .with(
            administrative_area("who.area", AreaType::AdminStructure)
                .label("club.area", "Area")
                .anchor_to_date_of_event(),
        )
        .with(
            field_group("who.group", [text("a").label("club.a", "A").into()])
                .label("club.group", "Group")
                .separator(", ")
                .hide_empty_fields(),
        );
    Event::new(
        "club",
        ("club.label", "Club"),
        ("club.title", "Club"),
        form(("club.form", "Form"), [page]),
    )
    .icon_if("FileLock", flag("sealed"))
    .flags([FlagConfig::informative("sealed", ("club.sealed", "Sealed"))])
    .actions([
        Action::read(("club.read", "Read"), review()),
        Action::declare(("club.declare", "Apply"), review())
            .add_flag("sealed")
            .show_if(status("CREATED"))
            .dialog_form([comment()]),
        Action::register(("club.register", "Accept")).dialog_form([comment()]),
        Action::archive(("club.archive", "Archive")).remove_flag("incomplete"),
        Action::unarchive(("club.unarchive", "Unarchive")),
        Action::assign(("club.assign", "Assign")),
        Action::request_correction(
            ("club.correct", "Correct"),
            form(("club.corrections", "Correction"), []),
        )
        .show_if(not(flag("sealed"))),
        Action::custom(
            "REVOKE_REGISTRATION",
            ("club.revoke", "Revoke"),
            [comment()],
            ("club.revoked", "Revoked"),
        ),
    ])
    .action_order(["DECLARE", "REVOKE_REGISTRATION"])
}

fn review() -> Review {
    Review::new(("club.review", "Review"), [])
}

fn written(event: Event, core: CoreVersion) -> (Value, Vec<String>) {
    let mut written = writer::events(&[event], core).unwrap();
    let problems = written.problems.iter().map(ToString::to_string).collect();
    (written.events.remove(0), problems)
}

fn action<'a>(event: &'a Value, name: &str) -> Option<&'a Value> {
    let mut actions = event["actions"].as_array().unwrap().iter();
    actions.find(|action| action["type"] == name)
}

#[rstest]
#[case::of_2_0(V2_0)]
#[case::of_2_0_1(V2_0_1)]
fn core_2_0_is_given_nothing_newer(#[case] core: CoreVersion) {
    let (event, problems) = written(club(), core);
    assert_eq!(problems, Vec::<String>::new());
    let types: Vec<_> = event["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["type"])
        .collect();
    assert_eq!(
        types,
        [
            "READ",
            "DECLARE",
            "REGISTER",
            "ARCHIVE",
            "REQUEST_CORRECTION",
            "CUSTOM"
        ]
    );
    for newer in [
        "icon",
        "showClearButton",
        "activeOnly",
        "anchorToDateOfEvent",
        "separator",
        "hideEmptyFields",
    ] {
        assert!(
            !event.to_string().contains(&format!("\"{newer}\"")),
            "{newer}"
        );
    }
    assert!(action(&event, "DECLARE").unwrap().get("form").is_none());
    assert!(action(&event, "CUSTOM").unwrap().get("form").is_some());
    assert_eq!(action(&event, "READ").unwrap()["flags"], json!([]));
    // What 2.0 knows is as it was: the model itself writes it.
    assert_eq!(
        event["declaration"]["label"],
        json!(club())["declaration"]["label"]
    );
}

#[test]
fn core_2_1_is_given_what_keeps_actions_as_they_were() {
    let (event, problems) = written(club(), V2_1);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(event["declaration"]["pages"][0]["showClearButton"], true);
    assert_eq!(
        event["declaration"]["pages"][0]["fields"][0]["configuration"]["activeOnly"],
        true
    );
    assert!(event["icon"]["FileLock"].is_object());
    assert!(action(&event, "READ").unwrap().get("flags").is_none());
    assert!(action(&event, "ASSIGN").unwrap().get("flags").is_none());
    let (declare, notify) = (
        action(&event, "DECLARE").unwrap(),
        action(&event, "NOTIFY").unwrap(),
    );
    assert_eq!(declare["form"][0]["id"], "comment");
    assert_eq!(
        notify["flags"],
        json!([]),
        "core 2.1 would apply those of DECLARE"
    );
    assert_eq!(notify["conditionals"], declare["conditionals"]);
    assert!(notify.get("form").is_none() && notify.get("review").is_none());
    let request = action(&event, "REQUEST_CORRECTION").unwrap();
    for name in ["APPROVE_CORRECTION", "REJECT_CORRECTION"] {
        let correction = action(&event, name).unwrap();
        assert_eq!(
            correction["conditionals"], request["conditionals"],
            "{name}"
        );
        assert_eq!(
            (&correction["flags"], &correction["label"]),
            (&json!([]), &request["label"])
        );
        assert!(correction.get("correctionForm").is_none());
    }
    assert_eq!(
        action(&event, "CUSTOM").unwrap()["customActionType"],
        "REVOKE_REGISTRATION"
    );
}

#[test]
fn core_2_2_has_the_declaration_inside_declare_and_actions_of_its_own() {
    let (event, problems) = written(club(), V2_2);
    assert_eq!(problems, Vec::<String>::new());
    assert!(event.get("declaration").is_none());
    assert_eq!(
        action(&event, "DECLARE").unwrap()["declaration"]["pages"][0]["id"],
        "who"
    );
    assert_eq!(action(&event, "ARCHIVE").unwrap()["flags"], json!([]));
    let revoke = action(&event, "REVOKE_REGISTRATION").unwrap();
    assert!(revoke["form"].is_array() && revoke.get("customActionType").is_none());
    assert!(action(&event, "CUSTOM").is_none());
    assert_eq!(
        event["actionOrder"],
        json!(["DECLARE", "REVOKE_REGISTRATION"])
    );
}

#[rstest]
#[case::secured_on_a_condition(
    V2_0,
    |event: Event| event.actions([Action::custom("X", ("x", "X"), [text("x").label("x.x", "X").secured_if(flag("sealed")).into()], ("x.h", "X"))]),
    "`x` is secured on a condition"
)]
#[case::required_in_a_dialog(
    V2_0_1,
    |event: Event| event.actions([Action::reject(("x", "X")).dialog_form([text("x").label("x.x", "X").required().into()])]),
    "the dialog of the action REJECT"
)]
#[case::conditions_of_their_own(
    V2_0,
    |event: Event| event.actions([Action::delete(("x", "X")).show_if(flag("sealed"))]),
    "the action DELETE has conditions"
)]
#[case::flags_that_are_not_applied(
    V2_0,
    |event: Event| event.actions([Action::notify(("x", "X")).add_flag("sealed")]),
    "the action NOTIFY sets or clears flags"
)]
#[case::flags_that_core_refuses(
    V2_1,
    |event: Event| event.actions([Action::assign(("x", "X")).add_flag("sealed")]),
    "the action ASSIGN sets or clears flags, which core refuses"
)]
#[case::no_such_icon(V2_1, |event: Event| event.icon_if("Seal", always()), "no icon `Seal`")]
#[case::a_flag_that_is_gone(
    V2_2,
    |event: Event| event.actions([Action::edit(("x", "X"), DialogCopy::new(("a", "a"), ("b", "b"), ("c", "c"))).show_if(flag("incomplete"))]),
    "flag `incomplete`, which core 2.2 does not have"
)]
fn what_would_be_lost_is_named(
    #[case] core: CoreVersion,
    #[case] change: fn(Event) -> Event,
    #[case] expected: &str,
) {
    let (_, problems) = written(change(club()), core);
    let [problem] = &problems[..] else {
        panic!("{problems:?}");
    };
    assert!(problem.contains(expected), "{problem}");
    // Another version has nothing against it.
    let other = if core >= V2_1 { V2_0 } else { V2_1 };
    if !expected.contains("ASSIGN") {
        assert_eq!(written(change(club()), other).1, Vec::<String>::new());
    }
}

fn queue(clauses: Vec<opencrvs_toolkit::workqueue::Records>) -> Workqueue {
    let query = match clauses.len() {
        1 => WorkqueueQuery::all(clauses),
        _ => WorkqueueQuery::any(clauses),
    };
    Workqueue::new("w", ("w", "W"), "Stamp", query)
}

#[test]
fn a_list_for_all_of_several_flags_never_gets_wider() {
    let one = queue(vec![records().with_all_flags(["a"])]);
    let of_2_0 = json!(one.clone().for_core(V2_0).unwrap());
    assert_eq!(
        of_2_0["query"]["clauses"],
        json!([{"flags": {"anyOf": ["a"]}}])
    );
    assert_eq!(
        json!(one.for_core(V2_1).unwrap())["query"]["clauses"],
        json!([{"flags": {"allOf": ["a"]}}])
    );
    let two = queue(vec![
        records()
            .status(["DECLARED"])
            .with_any_flag(["x", "y"])
            .with_all_flags(["a", "b"]),
    ]);
    assert_eq!(
        json!(two.for_core(V2_0_1).unwrap())["query"],
        json!({"type": "and", "clauses": [
            {"status": {"type": "exact", "term": "DECLARED"}, "flags": {"anyOf": ["x", "y"]}},
            {"flags": {"anyOf": ["a"]}},
            {"flags": {"anyOf": ["b"]}},
        ]})
    );
    let several = queue(vec![
        records().with_all_flags(["a", "b"]),
        records().with_any_flag(["c"]),
    ]);
    assert!(
        several
            .clone()
            .for_core(V2_0)
            .unwrap_err()
            .contains("several flags at once")
    );
    several.for_core(V2_1).unwrap();
}

#[test]
fn what_is_incomplete_is_notified_from_2_2_on() {
    let incomplete = queue(vec![
        records()
            .with_any_flag(["incomplete"])
            .without_flags(["rejected"]),
    ]);
    let of =
        |core| json!(incomplete.clone().for_core(core).unwrap())["query"]["clauses"][0].clone();
    assert_eq!(of(V2_1)["flags"]["anyOf"], json!(["incomplete"]));
    assert_eq!(
        of(V2_2),
        json!({"flags": {"noneOf": ["rejected"]}, "status": {"type": "exact", "term": "NOTIFIED"}})
    );
    for unclear in [
        records().without_flags(["incomplete"]),
        records().with_any_flag(["incomplete", "rejected"]),
        records().status(["DECLARED"]).with_any_flag(["incomplete"]),
    ] {
        assert!(
            queue(vec![unclear])
                .for_core(V2_2)
                .unwrap_err()
                .contains("no flag `incomplete`")
        );
    }
}

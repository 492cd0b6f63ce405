// SPDX-License-Identifier: MPL-2.0
//! A small event built through the public builders alone, and what is found when it goes wrong.

use opencrvs_toolkit::prelude::*;
use serde_json::json;

fn pages() -> Form {
    form(
        ("club.form", "Membership form"),
        [form_page("who", ("club.who", "Who applies"))
            .with(
                text("who.nickname")
                    .label("club.nickname", "Nickname")
                    .required(),
            )
            .with(
                date("who.since")
                    .label("club.since", "Member since")
                    .default_now(now()),
            )
            .with(
                checkbox("who.junior")
                    .label("club.junior", "Junior")
                    .show_if(
                        field("who.nickname")
                            .is_undefined()
                            .and(not(user().is_online())),
                    ),
            )],
    )
}

fn review() -> Review {
    Review::new(("club.review", "Membership"), [])
}

fn club() -> Event {
    Event::new(
        "club-membership",
        ("club.label", "Membership"),
        ("club.title", "{who.nickname}"),
        pages(),
    )
    .date_of_event(field("who.since"))
    .summary([SummaryField::of("who.nickname").empty(("club.nobody", "Nobody"))])
    .actions([
        Action::read(("club.read", "Read"), review()),
        Action::declare(("club.declare", "Apply"), review()).add_flag("new"),
        Action::register(("club.register", "Accept"))
            .remove_flag("new")
            .show_if(flag("new")),
    ])
    .action_order(["DECLARE", "REGISTER", "ASSIGN"])
    .advanced_search([SearchSection::new(
        ("club.search", "Membership"),
        [field("who.nickname").fuzzy()],
    )])
    .flags([FlagConfig::informative("new", ("club.new", "New"))])
}

/// What is wrong with an event, one text per problem.
fn problems(event: &Event) -> Vec<String> {
    event.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn a_small_event_needs_the_public_builders_only() {
    let club = club();
    assert_eq!(problems(&club), Vec::<String>::new());
    let json = json!(club);
    assert_eq!(json["id"], "club-membership");
    assert_eq!(
        json["dateOfEvent"],
        json!({ "$$field": "who.since", "$$subfield": [] })
    );
    assert_eq!(json["declaration"]["pages"][0]["type"], "FORM");
    assert_eq!(
        json["declaration"]["pages"][0]["requireCompletionToContinue"],
        false
    );
    assert_eq!(
        json["declaration"]["pages"][0]["fields"][0],
        json!({
            "id": "who.nickname",
            "type": "TEXT",
            "label": {
                "id": "club.nickname",
                "defaultMessage": "Nickname",
                "description": "Label of the field who.nickname"
            },
            "required": true,
            "conditionals": [],
            "secured": false,
            "validation": [],
            "hideLabel": false,
            "uncorrectable": false,
            "analytics": false,
            "configuration": { "type": "text" }
        })
    );
    assert_eq!(
        json["actions"][1]["flags"],
        json!([{ "id": "new", "operation": "add" }])
    );
    let fields: Vec<_> = club
        .field_ids()
        .map(|(id, kind)| format!("{id}: {}", kind.name()))
        .collect();
    assert_eq!(
        fields,
        [
            "who.nickname: TEXT",
            "who.since: DATE",
            "who.junior: CHECKBOX"
        ]
    );
}

#[test]
fn a_field_that_does_not_exist_is_found_wherever_something_points_at_it() {
    let wrong = [
        club().date_of_event(field("who.sinc")),
        club().place_of_event(field("who.sinc")),
        club().summary([SummaryField::of("who.sinc")]),
        club().advanced_search([SearchSection::new(
            ("club.search", "Membership"),
            [field("who.sinc").exact()],
        )]),
        club().actions([
            Action::read(("club.read", "Read"), review()),
            Action::declare(("club.declare", "Apply"), review())
                .add_flag_if("new", field("who.sinc").is_falsy()),
            Action::register(("club.register", "Accept")),
        ]),
    ];
    for event in wrong {
        let problems = problems(&event);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].contains("points at the field `who.sinc`, which does not exist"),
            "{problems:?}"
        );
        assert!(
            problems[0].ends_with("hint: did you mean `who.since`?"),
            "{problems:?}"
        );
    }
}

#[test]
fn what_core_refuses_is_found() {
    let page =
        |fields: Vec<AnyField>| form(("f", "F"), [form_page("p", ("p", "P")).with_all(fields)]);
    let event = |declaration| {
        Event::new("e", ("e", "E"), ("t", "T"), declaration).actions([
            Action::read(("r", "R"), review()),
            Action::declare(("d", "D"), review()),
            Action::register(("g", "G")),
        ])
    };
    let a = || text("a").label("a", "A").into();
    let cases = [
        (
            event(page(vec![a(), a()])),
            "field `a` on page `p` is defined twice",
        ),
        (
            event(page(vec![text("a_b").label("a", "A").into()])),
            "field id `a_b` holds an underscore, which core refuses\nhint: call it `a-b`",
        ),
        (
            event(page(vec![a()])).date_of_event(field("a")),
            "the date of the event is the field `a`, which is of type TEXT",
        ),
        (
            event(page(vec![a()])).action_order(["REGISTRE"]),
            "the order of actions names REGISTRE, which is not an action\nhint: did you mean `REGISTER`?",
        ),
        (
            event(page(vec![a(), text("b").label("a", "Another text").into()])),
            "the message `a` has more than one text: “A”, “Another text”",
        ),
        (
            event(page(vec![a()])).flags([FlagConfig::informative("rejected", ("x", "X"))]),
            "the flag `rejected` is core's own",
        ),
        (
            event(page(vec![a()])).advanced_search([SearchSection::new(
                ("s", "S"),
                [opencrvs_toolkit::conditional::event()
                    .attribute("stats")
                    .exact()],
            )]),
            "core cannot search for `event.stats`\nhint: did you mean `event.status`?",
        ),
        (
            event(page(vec![a()])).actions([
                Action::read(("r", "R"), review()).show_if(always()),
                Action::declare(("d", "D"), review()),
                Action::register(("g", "G")),
            ]),
            "the action READ has conditions, which core refuses",
        ),
        (
            event(page(vec![a()])).actions([
                Action::read(("r", "R"), review()),
                Action::declare(("d", "D"), review()).remove_flag("validate"),
                Action::register(("g", "G")),
            ]),
            "the action DECLARE uses the flag `validate`, which is not declared",
        ),
        (
            event(page(vec![a()])).actions([
                Action::read(("r", "R"), review()),
                Action::declare(("d", "D"), review()),
            ]),
            "there is no action REGISTER\nhint: every event has READ, DECLARE and REGISTER",
        ),
    ];
    for (event, expected) in cases {
        let problems = problems(&event);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(expected), "{problems:?}");
    }
}

#[test]
fn events_share_the_ids_of_messages() {
    let other = Event::new(
        "other",
        ("club.label", "Something else"),
        ("t", "T"),
        pages(),
    )
    .actions([
        Action::read(("club.read", "Read"), review()),
        Action::declare(("club.declare", "Apply"), review()),
        Action::register(("club.register", "Accept")),
    ]);
    assert_eq!(problems(&other), Vec::<String>::new());
    let together: Vec<_> = opencrvs_toolkit::event::problems(&[club(), other.clone(), other])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(together.len(), 2, "{together:?}");
    assert!(
        together[0].contains("event `other`: another event has the same id"),
        "{together:?}"
    );
    assert!(
        together[1].contains("event `club-membership`, `other`: the message `club.label` has"),
        "{together:?}"
    );
}

// SPDX-License-Identifier: MPL-2.0

use std::time::Instant;

use serde_json::json;

use super::*;

fn day() -> Date {
    jiff::civil::date(2026, 6, 1)
}

fn current(event: &EventDocument) -> Fields {
    event
        .history()
        .current_state(Visibility::default().on(day()))
}

fn if_accepted(event: &EventDocument, pending: &Action) -> Fields {
    let visibility = Visibility::default();
    let history = event.history();
    history.state_as_if_accepted(pending, &Fields::new(), visibility.on(day()))
}

fn proposed(event: &EventDocument, pending: &Action) -> Fields {
    let visibility = Visibility::default();
    event
        .history()
        .proposed_state(pending, visibility.on(day()))
}

/// A document of actions given as `(id, type, status, more)`, one second apart.
fn event(actions: &[(&str, &str, &str, Value)]) -> EventDocument {
    let actions: Vec<Value> = actions
        .iter()
        .enumerate()
        .map(|(n, (id, action_type, status, more))| {
            let mut action = json!({
                "id": id, "type": action_type, "status": status,
                "createdAt": format!("2026-06-01T10:{:02}:{:02}.000Z", n / 60, n % 60),
            });
            deep_merge(action.as_object_mut().unwrap(), more.as_object().unwrap());
            action
        })
        .collect();
    EventDocument::try_from(json!({"id": "e", "type": "birth", "actions": actions})).unwrap()
}

fn declared() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    vec![
        ("1", "CREATE", "Accepted", json!({"declaration": {}})),
        (
            "2",
            "DECLARE",
            "Requested",
            json!({"declaration": {"child.name": {"firstname": "Ada", "middlename": "B"}, "child.nid": "1"}}),
        ),
        (
            "3",
            "DECLARE",
            "Accepted",
            json!({"originalActionId": "2", "declaration": {"mother.verified": "verified", "child.nid": null}}),
        ),
    ]
}

fn corrected(last: (&'static str, &'static str, &'static str, Value)) -> EventDocument {
    let mut actions = declared();
    actions.extend([
        ("4", "REGISTER", "Requested", json!({})),
        (
            "5",
            "REGISTER",
            "Accepted",
            json!({"originalActionId": "4", "registrationNumber": "R1"}),
        ),
        (
            "6",
            "REQUEST_CORRECTION",
            "Requested",
            json!({"declaration": {"child.name": {"firstname": "Eve"}}}),
        ),
        (
            "7",
            "REQUEST_CORRECTION",
            "Accepted",
            json!({"originalActionId": "6", "declaration": {"child.checked": true}}),
        ),
        last,
    ]);
    event(&actions)
}

#[test]
fn requests_count_only_through_their_acceptance_and_the_answer_wins() {
    let mut actions = declared();
    actions.push((
        "4",
        "EDIT",
        "Requested",
        json!({"declaration": {"child.name": {"firstname": "No"}}}),
    ));
    actions.push((
        "5",
        "EDIT",
        "Rejected",
        json!({"originalActionId": "4", "declaration": {"x": 1}}),
    ));
    let event = event(&actions);
    assert_eq!(
        Value::from(event.history().aggregate_declaration()),
        json!({"child.name": {"firstname": "Ada", "middlename": "B"}, "child.nid": null, "mother.verified": "verified"})
    );
    assert!(!current(&event).contains_key("child.nid"));
}

#[test]
fn an_original_that_is_not_a_request_adds_nothing() {
    let event = event(&[
        (
            "1",
            "DECLARE",
            "Accepted",
            json!({"declaration": {"a": 1}, "annotation": {"x": 1}, "content": {"k": 1, "l": 1}}),
        ),
        (
            "2",
            "EDIT",
            "Accepted",
            json!({"originalActionId": "1", "declaration": {"b": 2}, "content": {"l": 2}}),
        ),
    ]);
    let (history, edit) = (event.history(), &event.actions[1]);
    assert_eq!(
        Value::from(history.complete_declaration(edit)),
        json!({"b": 2})
    );
    assert_eq!(Value::from(history.complete_annotation(edit)), json!({}));
    assert_eq!(
        Value::from(history.complete_content(edit)),
        json!({"k": 1, "l": 2})
    );
}

#[test]
fn annotations_of_all_actions_add_up() {
    let event = event(&[
        (
            "1",
            "DECLARE",
            "Requested",
            json!({"annotation": {"review": {"comment": "a", "by": "b"}}}),
        ),
        (
            "2",
            "DECLARE",
            "Rejected",
            json!({"annotation": {"review": {"comment": "c"}}}),
        ),
    ]);
    assert_eq!(
        Value::from(event.history().aggregate_annotation()),
        json!({"review": {"comment": "c", "by": "b"}})
    );
}

#[test]
fn time_orders_actions_not_their_place() {
    let mut event = event(&declared());
    event.actions.push(event.actions[2].clone());
    event.actions[3].created_at = Some("2026-06-01T09:00:00.000Z".into());
    event.actions[3].declaration = json!({"mother.verified": "failed"})
        .as_object()
        .unwrap()
        .clone();
    assert_eq!(current(&event)["mother.verified"], "verified");
}

#[test]
fn the_pending_action_is_the_newest_that_nobody_answered() {
    let mut actions = declared();
    actions.push((
        "4",
        "REGISTER",
        "Requested",
        json!({"createdAt": "2026-06-01T12:00:00.000Z"}),
    ));
    actions.push((
        "5",
        "REGISTER",
        "Requested",
        json!({"createdAt": "2026-06-01T11:00:00.000Z"}),
    ));
    let event = event(&actions);
    assert_eq!(event.pending_action("REGISTER").unwrap().id.as_str(), "4");
    assert_eq!(event.pending_action("DECLARE"), None);
    assert_eq!(event.pending_action("ARCHIVE"), None);
}

#[test]
fn a_registration_is_seen_with_the_changes_it_carries() {
    let mut actions = declared();
    actions.push((
        "4",
        "REGISTER",
        "Requested",
        json!({"declaration": {"child.name": {"firstname": "Eve"}, "mother.verified": null}}),
    ));
    let event = event(&actions);
    let state = if_accepted(&event, event.pending_action("REGISTER").unwrap());
    assert_eq!(
        Value::from(state),
        json!({"child.name": {"firstname": "Eve", "middlename": "B"}})
    );
    assert_eq!(event.registration_number(), None);
}

#[test]
fn an_approval_brings_in_the_request_it_names() {
    let event = corrected((
        "8",
        "APPROVE_CORRECTION",
        "Requested",
        json!({"requestId": "7", "declaration": {"child.dob": "2026-01-01"}}),
    ));
    let state = if_accepted(&event, event.pending_action("APPROVE_CORRECTION").unwrap());
    assert_eq!(
        state["child.name"],
        json!({"firstname": "Eve", "middlename": "B"})
    );
    assert_eq!(
        (&state["child.checked"], &state["child.dob"]),
        (&json!(true), &json!("2026-01-01"))
    );
    assert_eq!(current(&event)["child.name"]["firstname"], "Ada");
    assert_eq!(event.registration_number(), Some("R1"));
}

#[test]
fn an_approval_of_nothing_accepted_changes_nothing() {
    for named in ["6", "none"] {
        let event = corrected((
            "8",
            "APPROVE_CORRECTION",
            "Requested",
            json!({"requestId": named, "declaration": {"a": 1}}),
        ));
        assert_eq!(if_accepted(&event, &event.actions[7]), current(&event));
    }
}

#[test]
fn an_accepted_approval_is_part_of_the_state() {
    let event = corrected((
        "8",
        "APPROVE_CORRECTION",
        "Accepted",
        json!({"requestId": "7"}),
    ));
    assert_eq!(current(&event)["child.name"]["firstname"], "Eve");
}

#[test]
fn a_request_for_correction_only_proposes() {
    let event = corrected((
        "8",
        "REQUEST_CORRECTION",
        "Requested",
        json!({"declaration": {"mother.verified": "failed"}}),
    ));
    let pending = event.pending_action("REQUEST_CORRECTION").unwrap();
    assert_eq!(if_accepted(&event, pending), current(&event));
    assert_eq!(proposed(&event, pending)["mother.verified"], "failed");
}

/// Additions of the hook's answer take effect with the action, and not where the action has no effect.
#[test]
fn an_answer_takes_effect_with_its_action() {
    let visibility = Visibility::default();
    let answer = json!({"mother.verified": "failed", "child.checked": null});
    let state = |last| {
        let event = corrected(last);
        let (history, pending) = (event.history(), event.actions.last().unwrap());
        let answer = answer.as_object().unwrap();
        history.state_as_if_accepted(pending, answer, visibility.on(day()))
    };
    let request = ("8", "REQUEST_CORRECTION", "Requested", json!({}));
    assert_eq!(state(request)["mother.verified"], "verified");
    let approval = (
        "8",
        "APPROVE_CORRECTION",
        "Requested",
        json!({"requestId": "7"}),
    );
    let approved = state(approval);
    assert_eq!(approved["mother.verified"], "failed");
    assert!(!approved.contains_key("child.checked"));
}

#[test]
fn changes_of_an_answer_are_those_of_accepted_actions() {
    let last = (
        "8",
        "APPROVE_CORRECTION",
        "Requested",
        json!({"requestId": "7"}),
    );
    let event = corrected(last);
    let changes = |field: &str| -> Vec<(String, Value)> {
        let history = event.history();
        let changes = history.changes_of(field);
        changes
            .map(|(action, value)| (action.id.to_string(), value.clone()))
            .collect()
    };
    assert_eq!(changes("child.nid"), [("3".to_owned(), json!(null))]);
    assert_eq!(
        changes("mother.verified"),
        [("3".to_owned(), json!("verified"))]
    );
    assert_eq!(changes("child.checked"), [], "only requested");
}

#[test]
fn refusals_and_prints_change_nothing() {
    for action_type in ["REJECT_CORRECTION", "PRINT_CERTIFICATE"] {
        let event = corrected((
            "8",
            action_type,
            "Requested",
            json!({"requestId": "7", "declaration": {"a": 1}}),
        ));
        assert_eq!(if_accepted(&event, &event.actions[7]), current(&event));
        assert_eq!(proposed(&event, &event.actions[7]), current(&event));
    }
}

/// Twenty times the actions may cost some forty times, not four hundred.
#[test]
fn cost_grows_with_the_number_of_actions() {
    let time = |pairs: usize| {
        let ids: Vec<String> = (0..=2 * pairs).map(|n| n.to_string()).collect();
        let mut actions = Vec::new();
        for n in 0..pairs {
            actions.push((
                ids[2 * n].as_str(),
                "EDIT",
                "Requested",
                json!({"declaration": {"child.name": {"firstname": ids[n]}}}),
            ));
            actions.push((
                ids[2 * n + 1].as_str(),
                "EDIT",
                "Accepted",
                json!({"originalActionId": ids[2 * n]}),
            ));
        }
        actions.push((ids[2 * pairs].as_str(), "REGISTER", "Requested", json!({})));
        let event = event(&actions);
        let best = (0..5).map(|_| {
            let start = Instant::now();
            let pending = event.pending_action("REGISTER").unwrap();
            assert!(if_accepted(&event, pending).contains_key("child.name"));
            start.elapsed()
        });
        best.min().unwrap()
    };
    let (short, long) = (time(250), time(5_000));
    assert!(
        long < short * 100,
        "500 actions took {short:?}, 10,000 took {long:?}"
    );
}

/// A record's state by its actions: `(type, status, more)`, ids from 1.
#[test]
fn a_record_is_registered_and_settled_or_not() {
    let said = |actions: &[(&str, &str, Value)]| {
        let ids: Vec<String> = (1..=actions.len()).map(|n| n.to_string()).collect();
        let actions: Vec<_> = actions
            .iter()
            .zip(&ids)
            .map(|((kind, status, more), id)| (id.as_str(), *kind, *status, more.clone()))
            .collect();
        let event = event(&actions);
        let history = event.history();
        (
            history.registration().map(|a| a.id.as_str().to_owned()),
            history.is_unsettled(),
        )
    };
    let accepted = |kind| (kind, "Accepted", json!({}));
    let answering = |kind, status, id: &str| (kind, status, json!({"originalActionId": id}));
    let about = |kind, status, id: &str| (kind, status, json!({"requestId": id}));
    let registered = || {
        vec![
            ("REGISTER", "Requested", json!({})),
            answering("REGISTER", "Accepted", "1"),
        ]
    };
    let with = |more: &[(&'static str, &'static str, Value)]| said(&[&registered(), more].concat());
    let yes = || Some("2".to_owned());

    assert_eq!(said(&[("REGISTER", "Requested", json!({}))]), (None, true));
    assert_eq!(
        said(&[
            ("REGISTER", "Requested", json!({})),
            answering("REGISTER", "Rejected", "1")
        ]),
        (None, false)
    );
    assert_eq!(with(&[]), (yes(), false));
    assert_eq!(with(&[accepted("ARCHIVE")]), (None, false));
    assert_eq!(
        with(&[accepted("ARCHIVE"), accepted("UNARCHIVE")]),
        (yes(), false)
    );
    assert_eq!(
        with(&[("PRINT_CERTIFICATE", "Requested", json!({}))]),
        (yes(), true)
    );
    assert_eq!(with(&[accepted("REQUEST_CORRECTION")]), (yes(), true));
    assert_eq!(
        with(&[
            accepted("REQUEST_CORRECTION"),
            about("APPROVE_CORRECTION", "Requested", "3")
        ]),
        (yes(), true)
    );
    assert_eq!(
        with(&[
            accepted("REQUEST_CORRECTION"),
            about("APPROVE_CORRECTION", "Accepted", "3")
        ]),
        (yes(), false)
    );
    assert_eq!(
        with(&[
            accepted("REQUEST_CORRECTION"),
            about("REJECT_CORRECTION", "Accepted", "3")
        ]),
        (yes(), false)
    );
}

// SPDX-License-Identifier: MPL-2.0

use super::*;
use country::analytics_config::Figures;
use country::marks::Marks;
use jiff::tz::TimeZone;
use opencrvs_toolkit::action::Action;
use opencrvs_toolkit::prelude::{Event, checkbox, field, form, form_page, text};
use opencrvs_toolkit::visibility::Visibility;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;
use std::sync::Arc;

/// A birth of which sex, dates and places are counted, a fee of its certificate, and the reason of one
/// of its two actions of the country's own.
fn analytics_config() -> AnalyticsConfig {
    let words = |id: &str| (format!("{id}.label"), "Words");
    let asked = |id: &str| text(id).labelled(words(id));
    let page = form_page("child", ("page", "Child"))
        .with(asked("child.name"))
        .with(asked("child.gender").analytics())
        .with(asked("child.dob").secured().analytics())
        .with(asked("child.birthLocation").analytics())
        .with(asked("child.birthLocation.privateHome").analytics())
        .with(checkbox("mother.detailsNotAvailable").labelled(words("none")))
        .with(
            asked("mother.dob")
                .analytics()
                .show_if(field("mother.detailsNotAvailable").is_falsy()),
        )
        .with(asked("mother.age").analytics());
    let fee = form_page("fee", ("page.fee", "Fee"))
        .with_all([asked("fee.paid").analytics(), asked("fee.payer")]);
    let event = Event::new(
        "birth",
        ("birth", "Birth"),
        ("title", "Birth"),
        form(("form", "Birth"), [page]),
    )
    .actions([
        Action::print_certificate(("print", "Print"), form(("form.print", "Print"), [fee])),
        Action::custom(
            "ESCALATE",
            ("escalate", "Escalate"),
            [asked("why").into()],
            ("history", "Escalated"),
        ),
        Action::custom(
            "REVOKE",
            ("revoke", "Revoke"),
            [asked("why").analytics().into()],
            ("history.2", "Revoked"),
        ),
    ]);
    let visibility = Visibility::of([&event]);
    let private = event.clone().analytics(false);
    assert_eq!(Marks::of(&[private], &visibility), Marks::default());
    AnalyticsConfig {
        marks: Marks::of(&[event], &visibility),
        visibility: Arc::new(visibility),
        country: Country {
            code: "FAR".into(),
            name: "Farajaland".into(),
            zone: TimeZone::get("Africa/Nairobi").unwrap(),
        },
        figures: Figures::default(),
    }
}

fn id(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// A record of actions given as `(type, status, more)`, an hour apart, the first with id 1.
fn record(actions: &[(&str, &str, Value)]) -> EventDocument {
    let action = |(n, (action_type, status, more)): (usize, &(&str, &str, Value))| {
        let mut action = json!({
            "id": id(n + 1), "transactionId": "t", "type": action_type, "status": status,
            "createdAt": format!("2026-06-01T{n:02}:00:00.000Z"), "createdBy": format!("user {n}"),
            "createdByUserType": "user", "createdByRole": "LOCAL_REGISTRAR", "createdAtLocation": "office",
            "declaration": {}, "somethingNew": {"firstname": "Ada"},
        });
        deep_merge(action.as_object_mut().unwrap(), more.as_object().unwrap());
        action
    };
    let actions: Vec<_> = actions.iter().enumerate().map(action).collect();
    EventDocument::try_from(
        json!({"id": id(0), "type": "birth", "trackingId": "ABC123", "actions": actions}),
    )
    .unwrap()
}

fn counted(event: &EventDocument) -> Vec<Row> {
    rows(
        &analytics_config().marks.reduced(event).unwrap(),
        &analytics_config(),
    )
    .unwrap()
    .rows
}

fn answers_of(rows: &[Row]) -> Vec<Value> {
    rows.iter()
        .map(|row| Value::from(row.declaration.clone()))
        .collect()
}

/// Answers that only decide whether another answer counts are kept for that, and are not in a row.
#[test]
fn hidden_answers_are_not_counted() {
    let declared = |more: Value| ("EDIT", "Accepted", json!({"declaration": more}));
    let event = record(&[
        declared(json!({"mother.dob": "1990-01-01", "child.dob": "2026-05-30"})),
        declared(json!({"mother.detailsNotAvailable": true})),
        declared(json!({"mother.detailsNotAvailable": false})),
    ]);
    let rows = counted(&event);
    let known: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.declaration.contains_key("mother_dob"),
                row.declaration.contains_key("mother_age_years"),
            )
        })
        .collect();
    assert_eq!(known, [(true, true), (false, false), (true, true)]);
    for row in &rows {
        assert!(!row.declaration.contains_key("mother_detailsNotAvailable"));
    }
}

#[test]
fn each_accepted_action_is_a_row_with_the_answers_after_it_and_no_others() {
    let event = record(&[
        ("CREATE", "Accepted", json!({})),
        (
            "NOTIFY",
            "Requested",
            json!({"declaration": {"child.name": {"firstname": "Ada"}, "child.gender": "female"}}),
        ),
        ("NOTIFY", "Accepted", json!({"originalActionId": id(2)})),
        (
            "DECLARE",
            "Requested",
            json!({"declaration": {"child.dob": "2026-05-30"}, "annotation": {"review.comment": "Ada"}}),
        ),
        (
            "DECLARE",
            "Accepted",
            json!({"originalActionId": id(4), "declaration": {"child.gender": "male"}}),
        ),
        ("REGISTER", "Requested", json!({})),
    ]);
    let rows = counted(&event);
    let expected = [
        json!({}),
        json!({"child_gender": "female"}),
        json!({"child_gender": "male", "child_dob": "2026-05-30", "child_age_days": 2}),
    ];
    assert_eq!(answers_of(&rows), expected);
    let told = |row: &Row| {
        (
            row.position,
            row.id.to_string(),
            row.created_by.clone().unwrap(),
        )
    };
    assert_eq!(told(&rows[0]), (1, id(1), "user 0".into()));
    assert_eq!(
        told(&rows[2]),
        (3, id(4), "user 3".into()),
        "told as it was asked for"
    );
    assert!(!serde_json::to_string(&rows).unwrap().contains("Ada"));
}

#[test]
fn the_moments_of_a_record_are_those_of_its_accepted_actions() {
    let event = record(&[
        ("DECLARE", "Accepted", json!({})),
        ("REGISTER", "Requested", json!({})),
        ("REGISTER", "Rejected", json!({"originalActionId": id(2)})),
        ("REGISTER", "Requested", json!({})),
        (
            "REGISTER",
            "Accepted",
            json!({"originalActionId": id(4), "registrationNumber": "B1"}),
        ),
        (
            "REGISTER",
            "Accepted",
            json!({"originalActionId": id(4), "registrationNumber": "B2"}),
        ),
        ("READ", "Accepted", json!({})),
    ]);
    let found = rows(
        &analytics_config().marks.reduced(&event).unwrap(),
        &analytics_config(),
    )
    .unwrap();
    let actions: Vec<_> = found
        .rows
        .iter()
        .map(|row| (row.action_type.as_str(), row.registration_number.as_deref()))
        .collect();
    assert_eq!(
        actions,
        [("DECLARE", None), ("REGISTER", Some("B1")), ("READ", None)]
    );
    for row in &found.rows {
        assert_eq!(row.declared_at.unwrap().to_string(), "2026-06-01T00:00:00Z");
        assert_eq!(
            row.registered_at.unwrap().to_string(),
            "2026-06-01T03:00:00Z"
        );
    }
    assert_eq!(found.rejected, [id(2).parse::<Uuid>().unwrap()]);
}

#[test]
fn a_correction_takes_effect_with_its_approval() {
    let event = record(&[
        (
            "REGISTER",
            "Accepted",
            json!({"declaration": {"child.gender": "male", "mother.dob": "2000-02-29"}}),
        ),
        (
            "REQUEST_CORRECTION",
            "Requested",
            json!({"declaration": {"child.gender": "female", "mother.dob": null, "child.name": null}}),
        ),
        (
            "REQUEST_CORRECTION",
            "Accepted",
            json!({"originalActionId": id(2)}),
        ),
        (
            "APPROVE_CORRECTION",
            "Requested",
            json!({"requestId": id(3)}),
        ),
        (
            "APPROVE_CORRECTION",
            "Accepted",
            json!({"originalActionId": id(4), "requestId": id(3)}),
        ),
    ]);
    let rows = counted(&event);
    let before = json!({"child_gender": "male", "mother_dob": "2000-02-29"});
    assert_eq!(
        answers_of(&rows),
        [before.clone(), before, json!({"child_gender": "female"})]
    );
    assert_eq!(
        rows[2].request_id.as_deref(),
        Some(&*id(2)),
        "names the row of the request"
    );
    assert_eq!(
        json!(rows[1].cleared),
        json!({"asked": {"mother.dob": null}, "answered": {}})
    );
}

#[test]
fn what_is_said_about_an_action_is_counted_by_its_own_form() {
    let event = record(&[
        (
            "PRINT_CERTIFICATE",
            "Requested",
            json!({"annotation": {"fee.paid": 5, "fee.payer": "Ada"}, "content": {"templateId": "birth"}}),
        ),
        (
            "PRINT_CERTIFICATE",
            "Accepted",
            json!({"originalActionId": id(1)}),
        ),
        (
            "CUSTOM",
            "Accepted",
            json!({"customActionType": "ESCALATE", "annotation": {"why": "Ada"}}),
        ),
        (
            "CUSTOM",
            "Accepted",
            json!({"customActionType": "REVOKE", "annotation": {"why": "twice"}}),
        ),
    ]);
    let rows = counted(&event);
    let said: Vec<_> = rows
        .iter()
        .map(|row| json!([row.custom_action_type, row.annotation, row.content]))
        .collect();
    let expected = [
        json!([null, {"fee_paid": 5}, {"templateId": "birth"}]),
        json!(["ESCALATE", null, null]),
        json!(["REVOKE", {"why": "twice"}, null]),
    ];
    assert_eq!(said, expected);
}

#[rstest]
#[case::by_the_countrys_calendar(json!({"child.dob": "2026-05-31"}), "2026-06-01T21:30:00.000Z", json!({"child_age_days": 2}))]
#[case::no_date(json!({"child.dob": "soon"}), "2026-06-01T21:30:00.000Z", json!({}))]
#[case::tomorrow(json!({"child.dob": "2026-06-02"}), "2026-06-01T00:00:00.000+00:00", json!({"child_age_days": -1}))]
#[case::mothers_age_at_birth(json!({"child.dob": "2026-02-28", "mother.dob": "2000-02-29"}), "2026-02-28T01:00:00.000Z", json!({"child_age_days": 0, "mother_age_years": 25}))]
#[case::mothers_stated_age(json!({"mother.age": {"age": 31, "asOfDateRef": "child.dob"}}), "2026-06-01T00:00:00.000Z", json!({"mother_age_years": 31}))]
#[case::institution(json!({"child.birthLocation": "uuid"}), "2026-06-01T00:00:00.000Z", json!({"child_countryPlaceOfBirth": "Farajaland"}))]
#[case::home(json!({"child.birthLocation.privateHome": {"country": "FAR"}}), "2026-06-01T00:00:00.000Z", json!({"child_countryPlaceOfBirth": "Farajaland"}))]
#[case::abroad(json!({"child.birthLocation.privateHome": {"country": "CIV"}}), "2026-06-01T00:00:00.000Z", json!({"child_countryPlaceOfBirth": "Côte d'Ivoire"}))]
#[case::unknown_country(json!({"child.birthLocation.privateHome": {"country": "XYZ"}}), "2026-06-01T00:00:00.000Z", json!({"child_countryPlaceOfBirth": "XYZ"}))]
fn what_is_worked_out(#[case] declared: Value, #[case] at: &str, #[case] worked_out: Value) {
    let event = record(&[(
        "DECLARE",
        "Accepted",
        json!({"createdAt": at, "declaration": declared}),
    )]);
    let mut found = counted(&event).remove(0).declaration;
    found.retain(|key, _| {
        !declared
            .as_object()
            .unwrap()
            .contains_key(&key.replacen('_', ".", 2))
    });
    assert_eq!(Value::from(found), worked_out);
}

#[rstest]
#[case(json!({"id": "7"}), "`7` is not a UUID")]
#[case(json!({"createdAt": null}), "action `00000000-0000-4000-8000-000000000001` has no time")]
#[case(json!({"createdAt": "yesterday"}), "action `00000000-0000-4000-8000-000000000001` has no time")]
fn what_makes_no_row_is_named(#[case] wrong: Value, #[case] message: &str) {
    let event = record(&[("DECLARE", "Accepted", wrong)]);
    let reduced = analytics_config().marks.reduced(&event).unwrap();
    assert_eq!(
        rows(&reduced, &analytics_config()).unwrap_err().to_string(),
        message
    );
}

/// As core's database writes a document for a reindex: without what is null.
fn exported(event: &EventDocument) -> EventDocument {
    let mut json = serde_json::to_value(event).unwrap();
    deep_drop_nulls(json.as_object_mut().unwrap());
    let mut event = EventDocument::try_from(json).unwrap();
    for action in &mut event.actions {
        action.created_at = action
            .created_at
            .as_ref()
            .map(|at| at.replace('Z', "+00:00"));
    }
    event
}

/// Declarations in which answers come, change and are cleared, whole and in part.
fn declaration() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), (0..3).prop_map(Value::from)];
    let members = prop::collection::btree_map("country|administrativeArea", leaf.clone(), 0..3);
    let address = members.prop_map(|members| json!(members));
    let value = prop_oneof![leaf, address];
    let fields = "child\\.gender|child\\.birthLocation|child\\.birthLocation\\.privateHome|child\\.name|mother\\.dob|mother\\.detailsNotAvailable";
    prop::collection::btree_map(fields, value, 0..4).prop_map(|fields| json!(fields))
}

/// An action asked for and accepted, both with declarations, or a correction that is approved.
fn step() -> impl Strategy<Value = (bool, Value, Value)> {
    (any::<bool>(), declaration(), declaration())
}

proptest! {
    #[test]
    fn a_reindex_after_hooks_gives_the_same_rows(steps in prop::collection::vec(step(), 1..6)) {
        let mut actions = vec![];
        for (corrects, asked, answered) in steps {
            let n = actions.len() + 1;
            let (request, acceptance) = (id(n), id(n + 1));
            let action_type = if corrects { "REQUEST_CORRECTION" } else { "EDIT" };
            actions.push((action_type, "Requested", json!({"declaration": asked})));
            actions.push((action_type, "Accepted", json!({"originalActionId": request, "declaration": answered})));
            if corrects {
                actions.push(("APPROVE_CORRECTION", "Accepted", json!({"requestId": acceptance})));
            }
        }
        let event = analytics_config().marks.reduced(&record(&actions)).unwrap();
        let shown = rows(&event, &analytics_config()).unwrap();
        let cleared = shown.rows.iter().filter_map(|row| Some((row.id, row.cleared.clone()?))).collect();
        let mut exported = exported(&event);
        restore(&mut exported, &cleared);
        prop_assert_eq!(rows(&exported, &analytics_config()).unwrap(), shown);
    }
}

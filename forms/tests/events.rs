// SPDX-License-Identifier: MPL-2.0
//! What must hold for every event of the country.

use std::collections::{BTreeMap, BTreeSet};

use forms::{Environment, events};
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::event::{Event, Via};
use opencrvs_toolkit::field::{AnyField, FieldType};
use opencrvs_toolkit::writer;
use serde_json::{Value, json};

/// Action types that core 2.0 takes; any other makes it refuse all events.
const ACTION_TYPES: [&str; 9] = [
    "READ",
    "DECLARE",
    "REGISTER",
    "EDIT",
    "REJECT",
    "ARCHIVE",
    "PRINT_CERTIFICATE",
    "REQUEST_CORRECTION",
    "CUSTOM",
];

fn both_variants() -> Vec<Event> {
    let with_duplicate_search = Environment {
        duplicate_search: true,
        ..Environment::sample()
    };
    [
        events(&Environment::sample()),
        events(&with_duplicate_search),
    ]
    .concat()
}

#[test]
fn nothing_is_there_that_core_would_refuse() {
    for duplicate_search in [false, true] {
        let events = events(&Environment {
            duplicate_search,
            ..Environment::sample()
        });
        let problems: Vec<_> = opencrvs_toolkit::event::problems(&events)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}

#[test]
fn references_point_at_fields_that_exist() {
    for event in both_variants() {
        let declared: BTreeSet<_> = event.field_ids().map(|(id, _)| id).collect();
        let of_action: BTreeMap<_, BTreeSet<_>> = event
            .all_actions()
            .iter()
            .map(|action| {
                (
                    action.name(),
                    action.fields().into_iter().map(AnyField::id).collect(),
                )
            })
            .collect();
        let references = event.references();
        for via in [Via::Conditional, Via::Value, Via::Name] {
            assert!(
                references.iter().any(|reference| reference.via == via),
                "{}: no {via:?}",
                event.id()
            );
        }
        for reference in references {
            let own = reference
                .action
                .as_deref()
                .and_then(|action| of_action.get(action));
            let known = declared.contains(reference.field.as_str())
                || own.is_some_and(|own| own.contains(reference.field.as_str()));
            assert!(known, "{} points at {}", reference.from, reference.field);
        }
    }
}

#[test]
fn ids_are_unique_and_action_types_known() {
    for event in both_variants() {
        let ids: Vec<_> = event.field_ids().map(|(id, _)| id.to_owned()).collect();
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "field ids of {}", event.id());
        let names: Vec<_> = event
            .all_actions()
            .iter()
            .map(|action| action.name().to_owned())
            .collect();
        let unique: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), unique.len(), "actions of {}", event.id());
    }
    for core in CoreVersion::ALL {
        let written = writer::events(&both_variants(), core).unwrap();
        assert_eq!(written.problems, [], "core {core}");
        for action in written
            .events
            .iter()
            .flat_map(|event| event["actions"].as_array().unwrap())
        {
            let name = action["type"].as_str().unwrap();
            assert!(
                ACTION_TYPES.contains(&name) || core >= CoreVersion::V2_1,
                "{name}"
            );
        }
    }
}

#[test]
fn every_message_has_one_text_and_a_note_for_translators() {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for message in both_variants().iter().flat_map(Event::messages) {
        assert!(
            !message.id().trim().is_empty(),
            "a message without id: {}",
            message.text()
        );
        assert!(
            !message.description().trim().is_empty(),
            "{} has no description",
            message.id()
        );
        let text = texts
            .entry(message.id().to_owned())
            .or_insert_with(|| message.text().to_owned());
        assert_eq!(text, message.text(), "two texts for {}", message.id());
    }
    assert!(
        texts.len() > 400,
        "only {} messages were found",
        texts.len()
    );
}

#[test]
fn equal_conditional_ids_mean_equal_content() {
    fn walk(value: &Value, seen: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(object) => {
                if let Some(id) = object.get("$id").and_then(Value::as_str) {
                    let first = seen.entry(id.to_owned()).or_insert_with(|| value.clone());
                    assert_eq!(first, value, "{id} stands for two schemas");
                    assert_eq!(
                        value.to_string().matches("\"$id\"").count(),
                        1,
                        "nested ids below {id}"
                    );
                } else {
                    object.values().for_each(|value| walk(value, seen));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, seen)),
            _ => {}
        }
    }
    let mut seen = BTreeMap::new();
    walk(&json!(both_variants()), &mut seen);
    assert!(
        seen.len() > 200,
        "only {} conditionals were found",
        seen.len()
    );
}

#[test]
fn dates_and_places_of_events_are_declared() {
    let events = events(&Environment::sample());
    let ids: Vec<_> = events.iter().map(Event::id).collect();
    assert_eq!(ids, ["birth", "death"]);
    for (event, date) in events.iter().zip(["child.dob", "eventDetails.date"]) {
        let kind = event
            .field_ids()
            .find(|(id, _)| *id == date)
            .map(|(_, kind)| kind);
        assert_eq!(kind, Some(FieldType::Date), "{date}");
    }
}

#[test]
fn the_environment_reaches_the_forms() {
    let env = Environment {
        esignet_redirect_url: "https://esignet.example/authorize".into(),
        openid_provider_client_id: "client-7".into(),
        mosip_api_userinfo_url: "https://mosip.example/userinfo".into(),
        country_config_url: "https://config.example".into(),
        client_app_url: "https://register.example".into(),
        country_code: "UTO".into(),
        analytics: false,
        ..Environment::sample()
    };
    let json = json!(events(&env)).to_string();
    for expected in [
        "https://esignet.example/authorize?client_id=client-7&response_type=code",
        "\"url\":\"https://mosip.example/userinfo\"",
        "https://config.example/causes-of-death?terms=",
        "https://register.example/api/countryconfig//verifiable-credentials/credential-offer",
        "\"country\":\"UTO\"",
        "\"analytics\":false",
    ] {
        assert!(json.contains(expected), "{expected}");
    }
    assert!(
        !json.contains("localhost") && !json.contains("FAR\""),
        "development values are left"
    );
}

/// A field that goes missing breaks no other rule here, so pages and forms of actions are counted.
#[test]
fn no_field_went_missing() {
    let pages = |event: &Event| -> Vec<_> {
        event
            .declaration()
            .pages()
            .iter()
            .map(|page| (page.id().to_owned(), page.fields().len()))
            .collect()
    };
    let forms = |event: &Event| -> Vec<_> {
        let counts = event
            .all_actions()
            .iter()
            .map(|action| (action.name().to_owned(), action.fields().len()));
        counts.filter(|(_, count)| *count > 2).collect()
    };
    let expected = |counts: &[(&str, usize)]| -> Vec<_> {
        counts
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    };
    let events = events(&Environment::sample());
    let [birth, death] = events.as_slice() else {
        panic!("two events are expected")
    };
    assert_eq!(
        pages(birth),
        expected(&[
            ("introduction", 1),
            ("child", 15),
            ("informant", 22),
            ("mother", 25),
            ("father", 25),
            ("documents", 5),
        ])
    );
    assert_eq!(
        forms(birth),
        expected(&[
            ("PRINT_CERTIFICATE", 48),
            ("REQUEST_CORRECTION", 43),
            ("ISSUE_VERIFIABLE_CREDENTIAL", 38)
        ])
    );
    assert_eq!(
        pages(death),
        expected(&[
            ("introduction", 1),
            ("deceased", 17),
            ("eventDetails", 13),
            ("causeOfDeathDetails", 119),
            ("informant", 23),
            ("spouse", 22),
            ("documents", 5),
        ])
    );
    assert_eq!(
        forms(death),
        expected(&[("PRINT_CERTIFICATE", 35), ("REQUEST_CORRECTION", 23)])
    );
}

// SPDX-License-Identifier: MPL-2.0

use opencrvs_toolkit::event_document::{EventDocument, Fields};
use opencrvs_toolkit::visibility::Visibility;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::testing::vocabulary;

const MAPPING: &str = include_str!("../../../country/data/mosip.toml");
const SCHEMA: &str = include_str!("../../../country/data/mosip-id-schema.json");
const RULES: &str = include_str!("../../../country/data/eligibility.toml");

fn no_file(_: &str) -> Option<String> {
    None
}

fn shipped_schema(name: &str) -> Option<String> {
    (name == "mosip-id-schema.json").then(|| SCHEMA.to_owned())
}

fn shipped() -> Mapping {
    Mapping::parse("mosip.toml", MAPPING, &vocabulary(), &shipped_schema).unwrap()
}

/// A record with one declaration, and the action that waits.
fn event(event_type: &str, declaration: &Value, more: &[Value]) -> EventDocument {
    let mut actions = vec![
        json!({"id": "a1", "type": "CREATE", "status": "Accepted", "createdAt": "2026-06-01T10:00:00.000Z"}),
        json!({"id": "a2", "type": "DECLARE", "status": "Requested", "createdAt": "2026-06-01T10:01:00.000Z", "declaration": declaration}),
        json!({"id": "a3", "type": "DECLARE", "status": "Accepted", "createdAt": "2026-06-01T10:02:00.000Z", "originalActionId": "a2"}),
    ];
    actions.extend_from_slice(more);
    EventDocument::try_from(
        json!({"id": "e1", "type": event_type, "trackingId": "TRACK1", "actions": actions}),
    )
    .unwrap()
}

fn register() -> Value {
    json!({"id": "a4", "type": "REGISTER", "status": "Requested", "createdAt": "2026-06-01T10:03:00.000Z", "createdBy": "user-1"})
}

/// Decides and maps as the server does.
fn packet(
    event: &EventDocument,
    action: &str,
    new_number: Option<&str>,
) -> Result<Packet, PacketError> {
    let history = event.history();
    let action = history.pending_action(action).unwrap();
    let visibility = Visibility::default();
    let visible = visibility.on(jiff::civil::date(2026, 6, 1));
    let state = history.state_as_if_accepted(action, &Fields::new(), visible);
    let registration_number = history.registration_number().or(new_number);
    let facts = Facts {
        event,
        action,
        state: &state,
        today: jiff::civil::date(2026, 6, 1),
        registration_number,
    };
    let rules = RuleSet::parse("eligibility.toml", RULES, &vocabulary()).unwrap();
    let mut packet = build_packet(
        &shipped(),
        rules.decide(&facts).outcome().unwrap().operation,
        &facts,
    )?;
    // It goes with every packet, and would hide the rest.
    let schema = packet.body.as_object_mut().unwrap().remove("schemaJson");
    let schema: Value = serde_json::from_str(schema.unwrap().as_str().unwrap()).unwrap();
    assert_eq!(schema, serde_json::from_str::<Value>(SCHEMA).unwrap());
    Ok(packet)
}

fn child() -> Value {
    json!({
        "child.name": {"firstname": "Tau", "middlename": "  ", "surname": "O\"Neil"}, "child.gender": "female", "child.dob": "2026-5-2",
        "informant.relation": "MOTHER", "informant.email": "tau@mail.test", "mother.name": {"firstname": "Lesedi", "surname": "Mokoena"},
        "mother.verified": "authenticated", "mother.verify-nid-http-fetch": {"loading": false, "error": null, "data": {"sub": "psut-1"}},
    })
}

#[test]
fn a_newborn() {
    let packet = packet(
        &event("birth", &child(), &[register()]),
        "REGISTER",
        Some("AB12CD34EF56"),
    )
    .unwrap();
    insta::assert_json_snapshot!(json!([packet.path, packet.body]));
    assert_eq!(packet.left_out, Vec::<String>::new());
}

#[test]
fn a_death_reported_by_the_spouse() {
    let declaration = json!({
        "deceased.name": {"firstname": "Kabelo", "surname": "Dube"}, "deceased.gender": "male", "deceased.dob": "1950-03-04",
        "deceased.nid": "9010203050", "eventDetails.date": "2026-05-30", "informant.relation": "SPOUSE", "informant.phoneNo": "0911222444",
        "eventDetails.mannerOfDeath": "MANNER_NATURAL", "spouse.name": {"firstname": "Naledi", "surname": "Dube"},
        "spouse.verified": "authenticated", "spouse.verify-nid-http-fetch": {"data": {"sub": "psut-2"}},
    });
    let packet = packet(
        &event("death", &declaration, &[register()]),
        "REGISTER",
        Some("AB12CD34EF56"),
    )
    .unwrap();
    insta::assert_json_snapshot!(json!([packet.path, packet.body]));
}

#[test]
fn a_correction_sends_the_corrected_data() {
    let more = [
        register(),
        json!({"id": "a5", "type": "REGISTER", "status": "Accepted", "createdAt": "2026-06-01T10:04:00.000Z", "originalActionId": "a4",
            "registrationNumber": "R00000000001", "declaration": {"child.nid": "6500123456"}}),
        json!({"id": "a6", "type": "REQUEST_CORRECTION", "status": "Requested", "createdAt": "2026-06-01T10:05:00.000Z",
            "declaration": {"child.name": {"firstname": "Thato"}}}),
        json!({"id": "a7", "type": "REQUEST_CORRECTION", "status": "Accepted", "createdAt": "2026-06-01T10:06:00.000Z", "originalActionId": "a6"}),
        json!({"id": "a8", "type": "APPROVE_CORRECTION", "status": "Requested", "createdAt": "2026-06-01T10:07:00.000Z", "requestId": "a7"}),
    ];
    let updated = packet(&event("birth", &child(), &more), "APPROVE_CORRECTION", None).unwrap();
    assert_eq!(updated.path, "/events/update-biographics");
    insta::assert_json_snapshot!(updated.body["requestFields"]);

    let mut without_nid = more;
    without_nid[1]["declaration"] = json!({});
    let created = packet(
        &event("birth", &child(), &without_nid),
        "APPROVE_CORRECTION",
        None,
    )
    .unwrap();
    assert_eq!(created.path, "/events/registration");
    assert_eq!(
        created.body["requestFields"]["birthCertificateNumber"],
        "R00000000001"
    );
    assert_eq!(
        created.body["requestFields"]["fullName"],
        r#"[{"language":"eng","value":"Thato O\"Neil"}]"#
    );
}

#[test]
fn what_is_not_known_is_left_out_or_empty() {
    let declaration = json!({"child.dob": "2026-05-20", "father.verified": "verified"});
    let packet = packet(
        &event("birth", &declaration, &[register()]),
        "REGISTER",
        Some("AB12CD34EF56"),
    )
    .unwrap();
    assert_eq!(
        packet.body["requestFields"],
        json!({"birthCertificateNumber": "AB12CD34EF56", "dateOfBirth": "2026/05/20"})
    );
    assert_eq!(
        packet.body["notification"],
        json!({"recipientFullName": "", "recipientEmail": "", "recipientPhone": ""})
    );
    assert_eq!(packet.body["metaInfo"], json!({}));
}

#[test]
fn a_record_without_tracking_id_or_number_makes_no_packet() {
    let mut record = event("birth", &child(), &[register()]);
    assert_eq!(
        packet(&record, "REGISTER", None).unwrap_err().to_string(),
        "the packet for `create-uin` needs `birthCertificateNumber`, which is not known"
    );
    record.tracking_id = None;
    assert_eq!(
        packet(&record, "REGISTER", Some("X"))
            .unwrap_err()
            .to_string(),
        "the event document has no `trackingId`"
    );
}

#[test]
fn nonsense_is_left_out_and_said_without_values() {
    let mut declaration = child();
    declaration["child.name"] = json!("Tau");
    declaration["mother.name"] = json!(7);
    let packet = packet(
        &event("birth", &declaration, &[register()]),
        "REGISTER",
        Some("X"),
    )
    .unwrap();
    let reason = "`full_name`: takes a name, with `firstname` and `surname`";
    assert_eq!(
        packet.left_out,
        [
            format!("fullName: {reason}"),
            format!("recipientFullName: {reason}")
        ]
    );
    assert_eq!(packet.body["notification"]["recipientFullName"], "");
    assert!(!format!("{packet:?}").contains("psut-1"));
}

/// The middleware answers 500 to a number, and to a packet sent again whatever it holds.
#[test]
fn only_texts_are_sent() {
    let text = format!(
        "{MAPPING}\n[[packet]]\noperation = 'update-biographics'\nevent = 'death'\npath = '/x'\n\
         notification = {{ recipientFullName = '\"\"', recipientEmail = '\"\"', recipientPhone = '\"\"' }}\n\
         fields = {{ UIN = 'deceased.nid', VID = 'deceased.name' }}"
    );
    let mapping = Mapping::parse("mosip.toml", &text, &vocabulary(), &shipped_schema).unwrap();
    let answers = json!({"deceased.nid": 9_010_203_050_u64, "deceased.name": {"firstname": "Tau"}});
    let event = event("death", &answers, &[register()]);
    let state = event
        .history()
        .current_state(Visibility::default().on(jiff::civil::date(2026, 6, 1)));
    let facts = Facts {
        event: &event,
        action: &event.actions[3],
        state: &state,
        today: jiff::civil::date(2026, 6, 1),
        registration_number: None,
    };
    let packet = build_packet(&mapping, Operation::UpdateBiographics, &facts).unwrap();
    assert_eq!(packet.body["requestFields"], json!({"UIN": "9010203050"}));
    assert_eq!(packet.left_out, ["VID: it is not a text"]);
    let error = build_packet(&mapping, Operation::FlagDeceased, &facts).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the packet for `flag-deceased` needs `deathCertificateNumber`, which is not known"
    );
}

#[test]
fn the_shipped_mapping_knows_all_that_the_shipped_rules_ask_for() {
    let rules = RuleSet::parse("eligibility.toml", RULES, &vocabulary()).unwrap();
    assert_eq!(shipped().lacks(&rules), []);
    let empty = Mapping::parse("mosip.toml", "", &vocabulary(), &no_file).unwrap();
    assert_eq!(empty.lacks(&rules).len(), 3);
}

#[rstest]
#[case(
    "id-schema = 'none.json'",
    "mosip.toml:1:13: error: the file `none.json` cannot be read"
)]
#[case(
    "[[packet]]\noperation = 'create-uin'\nevent = 'birth'\npath = 'events'",
    "mosip.toml:4:8: error: packet `create-uin` of a `birth`: `path` must begin with a slash"
)]
#[case(
    "[[packet]]\nfeilds = {}",
    "mosip.toml:2:1: error: a packet: unknown key `feilds`\n  hint: did you mean `fields`?"
)]
#[case(
    "[[packet]]\noperation = 'create-uin'\nevent = 'birth'\npath = '/x'\nrequired = ['a', 'b']\nfields.a = 'chld.dob'",
    "mosip.toml:6:13: error: packet `create-uin` of a `birth`, fields, `a`: unknown field `chld.dob`\n  hint: did you mean `child.dob`?"
)]
#[case(
    "[[packet]]\noperation = 'create-uin'\nevent = 'birth'\npath = '/x'\nrequired = ['b']\nfields.a = 'child.dob'",
    "mosip.toml:5:13: error: packet `create-uin` of a `birth`: `b` is required but not among the fields"
)]
#[case(
    "[[packet]]\noperation = 'create-uin'\nevent = 'birth'\npath = '/x'\nnotification.recipientEmail = '\"\"'",
    "mosip.toml:1:1: error: packet `create-uin` of a `birth`: `recipientPhone` is missing from `notification`"
)]
fn faults_have_places(#[case] text: &str, #[case] expected: &str) {
    let found: Vec<String> = Mapping::parse("mosip.toml", text, &vocabulary(), &no_file)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        found.iter().any(|fault| fault.starts_with(expected)),
        "{found:#?}"
    );
}

/// The fault reported for a packet of one field, with a schema that names a few.
#[rstest]
#[case::known("/x", "UIN", "child.nid", None)]
#[case::removed_by_the_middleware("/x", "deathCertificateNumber", "registration.number", None)]
#[case::in_language("/x", "fullName", "in_language('eng', full_name(child.name))", None)]
#[case::one_of("/x", "declaredAsDeceased", "known(child.nid) ? 'Y' : 'N'", None)]
#[case::date("/x", "dateOfBirth", "slashed_date(child.dob)", None)]
#[case::unknown(
    "/x",
    "dateOfBrith",
    "child.dob",
    Some(
        "MOSIP drops `dateOfBrith`: mosip-id-schema.json does not name it\n  hint: did you mean `dateOfBirth`?"
    )
)]
#[case::not_text(
    "/x",
    "UIN",
    "7",
    Some("`UIN` is a number; the middleware takes texts only")
)]
#[case::sometimes_not_text(
    "/x",
    "UIN",
    "known(child.nid) ? child.nid : false",
    Some("`UIN` is true or false; the middleware takes texts only")
)]
#[case::no_language(
    "/x",
    "fullName",
    "full_name(child.name)",
    Some(
        "`fullName` is a text with its language in mosip-id-schema.json\n  hint: write in_language"
    )
)]
#[case::language(
    "/x",
    "UIN",
    "in_language('eng', child.nid)",
    Some("`UIN` is a text without a language in")
)]
#[case::none_of(
    "/x",
    "declaredAsDeceased",
    "known(child.nid) ? 'Y' : 'no'",
    Some("`declaredAsDeceased` is never written like `no` in mosip-id-schema.json")
)]
#[case::no_match(
    "/x",
    "dateOfDeath",
    "'20 May'",
    Some("`dateOfDeath` is never written like `20 May` in")
)]
#[case::no_text_there(
    "/x",
    "IDSchemaVersion",
    "child.nid",
    Some("`IDSchemaVersion` is of the type `number`, not a text, in mosip-id-schema.json")
)]
#[case::not_updated(
    "/events/update-biographics",
    "UIN",
    "child.nid",
    Some(
        "`/events/update-biographics` of the middleware drops `UIN`\n  hint: it takes VID, fullName"
    )
)]
fn fields_are_held_against_the_identity_schema(
    #[case] path: &str,
    #[case] name: &str,
    #[case] expression: &str,
    #[case] objection: Option<&str>,
) {
    let text = format!(
        "id-schema = 'mosip-id-schema.json'\n[[packet]]\noperation = 'create-uin'\nevent = 'birth'\npath = '{path}'\n\
         notification = {{ recipientFullName = '\"\"', recipientEmail = '\"\"', recipientPhone = '\"\"' }}\n\
         [packet.fields]\n{name} = \"{expression}\""
    );
    let parsed = Mapping::parse("mosip.toml", &text, &vocabulary(), &shipped_schema);
    let found = parsed.err().unwrap_or_default();
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    match objection {
        None => assert_eq!(told, [""; 0]),
        Some(expected) => {
            let expected =
                format!("mosip.toml:8:1: error: packet `create-uin` of a `birth`: {expected}");
            assert!(
                told.iter().any(|told| told.starts_with(&expected)),
                "{told:#?}"
            );
        }
    }
}

#[rstest]
#[case("{\n  \"a\": 1,\n}", "schema.json:3:1: error: the schema is not JSON")]
#[case(
    "{}",
    "schema.json:1:1: error: the schema has no `properties.identity.properties`"
)]
#[case::circle(
    "{\"definitions\": {\"a\": {\"$ref\": \"#/definitions/a\"}}, \"properties\": {\"identity\": {\"properties\": {\n  \"UIN\": {\"$ref\": \"#/definitions/a\"}}}}}",
    "schema.json:2:3: error: `UIN` refers in a circle"
)]
#[case::nowhere(
    "{\"properties\": {\"identity\": {\"properties\": {\n\n\"UIN\": {\"$ref\": \"#/definitions/a\"}}}}}",
    "schema.json:3:1: error: `UIN` refers to \"#/definitions/a\", which is not there"
)]
#[case::no_type(
    "{\"properties\": {\"identity\": {\"properties\": {\"UIN\": {}}}}}",
    "schema.json:1:45: error: `UIN` has neither `type` nor `$ref`"
)]
#[case::large(&" ".repeat(300_000), "schema.json:1:1: error: the schema is larger than 256 KiB")]
fn faults_of_the_schema_have_places(#[case] schema: &str, #[case] expected: &str) {
    let read = |_: &str| Some(schema.to_owned());
    let text = "id-schema = 'schema.json'";
    let found = Mapping::parse("country/mosip.toml", text, &vocabulary(), &read).unwrap_err();
    let told = found.first().unwrap().to_string();
    assert!(told.starts_with(&format!("country/{expected}")), "{told}");
}

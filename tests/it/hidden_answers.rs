// SPDX-License-Identifier: MPL-2.0
//! Answers that the form hides do not count, and packets are about the right person.

use super::verification::{asking, says};
use super::{TestApp, fresh_id, json as body, surroundings};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

/// A record of accepted actions, the last of which is asked about.
pub(super) fn record(event: &str, actions: &[(&str, Value)]) -> Value {
    let last = actions.len();
    let action = |(n, (kind, declaration)): (usize, &(&str, Value))| {
        let status = if n + 1 == last {
            "Requested"
        } else {
            "Accepted"
        };
        json!({
            "id": fresh_id(), "transactionId": "t", "type": kind, "status": status, "createdBy": "u",
            "createdAt": format!("2026-06-01T10:{n:02}:00.000Z"), "declaration": declaration,
        })
    };
    let actions: Vec<Value> = actions.iter().enumerate().map(action).collect();
    json!({"id": fresh_id(), "type": event, "trackingId": "ABC123", "actions": actions})
}

fn with(mut answers: Value, changes: &Value) -> Value {
    let more = changes.as_object().unwrap().clone();
    answers.as_object_mut().unwrap().extend(more);
    answers
}

pub(super) fn birth() -> Value {
    json!({
        "child.name": {"firstname": "Lindiwe", "surname": "Zulu"}, "child.gender": "female", "child.dob": "2026-05-20",
        "informant.relation": "MOTHER", "mother.name": {"firstname": "Nomsa", "surname": "Zulu"},
        "mother.dob": "1996-04-05", "mother.idType": "NATIONAL_ID", "mother.nid": "4455667788",
        "mother.verified": "verified", "father.detailsNotAvailable": true,
    })
}

pub(super) fn death() -> Value {
    json!({
        "deceased.name": {"firstname": "Baba", "surname": "Zulu"}, "deceased.gender": "male",
        "deceased.dob": "1948-02-03", "deceased.idType": "NATIONAL_ID", "deceased.nid": "1122334455",
        "deceased.verified": "verified", "eventDetails.date": "2026-05-21",
        "informant.relation": "SPOUSE", "spouse.name": {"firstname": "Mama", "surname": "Zulu"},
        "spouse.verified": "verified",
    })
}

fn registered(event: &str, declared: Value) -> Value {
    record(event, &[("DECLARE", declared), ("REGISTER", json!({}))])
}

/// An approval of a correction of a registered birth.
pub(super) fn corrected(declared: Value, correction: Value) -> Value {
    let actions = [
        ("DECLARE", declared),
        ("REGISTER", json!({})),
        ("REQUEST_CORRECTION", correction),
        ("APPROVE_CORRECTION", json!({})),
    ];
    let mut record = record("birth", &actions);
    record["actions"][1]["registrationNumber"] = json!("AB12CD34EF56");
    record["actions"][3]["requestId"] = record["actions"][2]["id"].clone();
    record
}

async fn with_updates() -> TestApp {
    let outside = surroundings().await;
    Mock::given(method("POST"))
        .and(path("/events/update-biographics"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&outside)
        .await;
    let app = TestApp::between(outside, tempfile::tempdir().unwrap()).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    app
}

/// Bodies that reached the middleware, by path.
async fn sent(app: &TestApp) -> Vec<(String, Value)> {
    let requests = app.outside.received_requests().await.unwrap();
    let to_middleware = |path: &str| {
        let paths = [
            "/verify",
            "/events/registration",
            "/events/update-biographics",
        ];
        paths.contains(&path)
    };
    let sent = requests.iter().filter(|r| to_middleware(r.url.path()));
    sent.map(|r| {
        (
            r.url.path().to_owned(),
            serde_json::from_slice(&r.body).unwrap(),
        )
    })
    .collect()
}

/// The only packet that reaches the middleware after a hook is answered so.
async fn only_packet(app: &TestApp, record: &Value, status: u16) -> (String, Value) {
    assert_eq!(app.hook(record).await.status(), status);
    for _ in 0..2000 {
        if let [packet] = sent(app).await.as_slice() {
            return packet.clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not exactly one packet: {:?}", sent(app).await);
}

async fn nothing_is_sent(app: &TestApp) {
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(sent(app).await, []);
}

/// The number belongs to somebody else, or to a card that was not shown: a living person must not be flagged.
#[tokio::test]
async fn a_hidden_national_id_flags_nobody() {
    let app = TestApp::start().await;
    let stale = json!({"deceased.idType": "PASSPORT", "deceased.passport": "P77", "deceased.verified": null});
    let answer = app.hook(&registered("death", with(death(), &stale))).await;
    assert_eq!(answer.status(), 200);
    assert!(body(answer).await["registrationNumber"].is_string());
    nothing_is_sent(&app).await;
}

#[tokio::test]
async fn a_hidden_date_of_birth_is_in_no_packet() {
    let app = TestApp::start().await;
    let age = json!({"age": 78, "asOfDateRef": "eventDetails.date"});
    let unknown = json!({"deceased.dobUnknown": true, "deceased.age": age});
    let record = registered("death", with(death(), &unknown));
    let (_, packet) = only_packet(&app, &record, 200).await;
    let fields = packet["requestFields"].as_object().unwrap();
    assert_eq!(fields["UIN"], "1122334455");
    assert!(!fields.contains_key("dateOfBirth"), "{fields:?}");
}

#[tokio::test]
async fn nobody_is_verified_whom_the_form_does_not_ask_about() {
    let app = asking(&[]).await;
    for nid in ["4455667788", "9988776655"] {
        app.knows(nid, says("verified")).await;
    }
    let stale = json!({
        "mother.verified": null, "informant.name": {"firstname": "Somebody", "surname": "Else"},
        "informant.dob": "1990-01-01", "informant.idType": "NATIONAL_ID", "informant.nid": "9988776655",
    });
    let record = record("birth", &[("DECLARE", with(birth(), &stale))]);
    let expected = json!({"declaration": {"mother.verified": "verified"}});
    assert_eq!(body(app.hook(&record).await).await, expected);
    assert_eq!(app.questions().await.len(), 1);
}

/// Both parents authenticated, the father informs.
#[tokio::test]
async fn tokens_are_those_of_the_informant() {
    let token = |sub: &str| json!({"loading": false, "error": null, "data": {"sub": sub}});
    let parents = json!({
        "informant.relation": "FATHER", "mother.verified": "authenticated", "father.verified": "authenticated",
        "father.detailsNotAvailable": null, "father.name": {"firstname": "Sipho", "surname": "Zulu"},
        "mother.verify-nid-http-fetch": token("hers"), "father.verify-nid-http-fetch": token("his"),
    });
    let declared = with(birth(), &parents);
    let app = with_updates().await;
    let (_, packet) = only_packet(&app, &registered("birth", declared.clone()), 202).await;
    assert_eq!(packet["metaInfo"]["informantPsut"], "his");

    let app = with_updates().await;
    let known = with(declared, &json!({"child.nid": "5566778899"}));
    let correction = corrected(known, json!({"child.gender": "male"}));
    let (_, packet) = only_packet(&app, &correction, 200).await;
    assert_eq!(packet["requestFields"]["introducerInfoToken"], "his");
}

/// The form never shows `child.nid`, which MOSIP filled in: it counts. What the packet does not hold is no news.
#[tokio::test]
async fn a_correction_is_sent_if_it_changes_what_is_sent() {
    let app = with_updates().await;
    let known = with(birth(), &json!({"child.nid": "5566778899"}));
    let unsaid = json!({"child.weightAtBirth": 3.1, "child.name": {"firstname": "Lindiwe"}});
    let answer = app.hook(&corrected(known.clone(), unsaid)).await;
    assert_eq!(
        (answer.status().as_u16(), body(answer).await),
        (200, json!({}))
    );
    nothing_is_sent(&app).await;

    let said = json!({"child.name": {"firstname": "Lindani"}});
    let (path, packet) = only_packet(&app, &corrected(known.clone(), said), 200).await;
    assert_eq!(path, "/events/update-biographics");
    assert_eq!(packet["requestFields"]["VID"], "5566778899");
    assert!(
        packet["requestFields"]["fullName"]
            .to_string()
            .contains("Lindani")
    );

    // Without any change, it is the way to send the data again.
    let app = with_updates().await;
    only_packet(&app, &corrected(known, json!({})), 200).await;
}

/// A registration that was revoked and reinstated is corrected: MOSIP is not asked for a second identity,
/// also where an earlier version reinstated it without the number.
#[tokio::test]
async fn a_reinstated_child_keeps_its_identity() {
    let app = with_updates().await;
    let custom = |kind: &str, declaration: Value| {
        let mut action = record("birth", &[("CUSTOM", declaration)])["actions"][0].clone();
        action["customActionType"] = json!(kind);
        action
    };
    let mut record = registered("birth", birth());
    let add = |record: &mut Value, mut action: Value| {
        let actions = record["actions"].as_array_mut().unwrap();
        action["createdAt"] = json!(format!("2026-06-01T11:{:02}:00.000Z", actions.len()));
        actions.push(action);
    };
    let accept = |record: &mut Value, declaration: Value| {
        let actions = record["actions"].as_array_mut().unwrap();
        let mut accepted = actions.last().unwrap().clone();
        accepted["originalActionId"] = accepted["id"].clone();
        accepted["id"] = json!(fresh_id());
        accepted["status"] = json!("Accepted");
        accepted["declaration"] = declaration;
        actions.push(accepted);
    };
    record["actions"][1]["registrationNumber"] = json!("AB12CD34EF56");
    accept(&mut record, json!({"child.nid": "5566778899"}));
    add(&mut record, custom("REVOKE_REGISTRATION", json!({})));
    let cleared = json!({"child.nid": null});
    assert_eq!(body(app.hook(&record).await).await["declaration"], cleared);
    accept(&mut record, cleared);
    let mut forgotten = record.clone();

    add(
        &mut record,
        custom("REINSTATE_REVOKE_REGISTRATION", json!({})),
    );
    let restored = json!({"child.nid": "5566778899"});
    assert_eq!(body(app.hook(&record).await).await["declaration"], restored);
    accept(&mut record, restored);
    add(
        &mut record,
        custom("REINSTATE_REVOKE_REGISTRATION", json!({})),
    );
    assert_eq!(
        body(app.hook(&record).await).await,
        json!({}),
        "it has the number"
    );

    let request = custom("", json!({"child.gender": "male"}));
    add(&mut forgotten, request);
    let request = forgotten["actions"]
        .as_array_mut()
        .unwrap()
        .last_mut()
        .unwrap();
    request["type"] = json!("REQUEST_CORRECTION");
    request["status"] = json!("Accepted");
    let id = request["id"].clone();
    let mut approval = custom("", json!({}));
    approval["type"] = json!("APPROVE_CORRECTION");
    approval["requestId"] = id;
    add(&mut forgotten, approval);
    assert_eq!(app.hook(&forgotten).await.status(), 200);
    nothing_is_sent(&app).await;
}

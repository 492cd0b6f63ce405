// SPDX-License-Identifier: MPL-2.0
//! Identities in a declaration, verified before core is answered.

use super::{TestApp, fresh_id, json as body, plain_birth, surroundings};
use handlers::clock::{Clock, SystemClock};
use handlers::hooks::verification::DEADLINE;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wiremock::matchers::{body_partial_json, header_regex, path};
use wiremock::{Mock, ResponseTemplate};

/// A server that asks the middleware, which has not learnt to answer yet.
pub(super) async fn asking(own: &[(&str, &str)]) -> TestApp {
    let settings = [
        &[
            ("IDENTITY_VERIFICATION", "id-auth"),
            ("MOSIP_TIMEOUT", "15s"),
        ],
        own,
    ]
    .concat();
    let app = TestApp::with(
        surroundings().await,
        tempfile::tempdir().unwrap(),
        &settings,
    )
    .await;
    app.wait_for(|status| status == 200, "/readyz").await;
    app
}

impl TestApp {
    pub(super) async fn knows(&self, nid: &str, answer: ResponseTemplate) {
        Mock::given(path("/verify"))
            .and(header_regex("authorization", "^Bearer ey"))
            .and(body_partial_json(json!({"nid": nid})))
            .respond_with(answer)
            .mount(&self.outside)
            .await;
    }

    /// What the middleware was asked, by whom it is about.
    pub(super) async fn questions(&self) -> Vec<Value> {
        let requests = self.outside.received_requests().await.unwrap();
        let verify = requests.iter().filter(|r| r.url.path() == "/verify");
        let mut asked: Vec<Value> = verify
            .map(|r| serde_json::from_slice(&r.body).unwrap())
            .collect();
        asked.sort_by_key(|question| question["transactionId"].to_string());
        asked
    }
}

pub(super) fn says(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(text)
}

/// What the form asks about a person. There is an informant's page where nobody else informs.
fn person(page: &str, nid: &str) -> Value {
    let mut person = json!({
        format!("{page}.name"): {"firstname": "Ruth", "surname": "Mwale"},
        format!("{page}.dob"): "1955-05-06",
        format!("{page}.idType"): "NATIONAL_ID",
        format!("{page}.nid"): nid,
    });
    if page == "informant" {
        person["informant.relation"] = json!("OTHER");
    }
    person
}

fn merged(parts: &[Value]) -> Value {
    let members = parts
        .iter()
        .flat_map(|part| part.as_object().unwrap().clone());
    Value::Object(members.collect())
}

/// A record whose only pending action is this one.
fn pending(event: &str, action: &str, declaration: &Value) -> Value {
    json!({"id": fresh_id(), "type": event, "trackingId": "ABC123", "actions": [
        {"id": fresh_id(), "type": "CREATE", "status": "Accepted", "createdAt": "2026-06-01T10:01:00.000Z", "declaration": {}},
        {"id": fresh_id(), "type": action, "status": "Requested", "createdAt": "2026-06-01T10:02:00.000Z", "declaration": declaration},
    ]})
}

#[tokio::test]
async fn everybody_who_can_be_asked_about_is_asked_about_at_once() {
    let app = asking(&[]).await;
    // One answer after the other would miss the deadline.
    let slow = |text| says(text).set_delay(Duration::from_millis(1500));
    app.knows("1", slow("verified")).await;
    app.knows("2", slow("failed")).await;
    app.knows("3", slow("verified")).await;
    let deceased = json!({"deceased.gender": "male", "deceased.name": {"firstname": "Joseph", "middlename": "T", "surname": "Mwale"}});
    let people = [
        person("deceased", "1"),
        deceased,
        person("informant", "2"),
        person("spouse", "3"),
    ];
    let record = pending("death", "DECLARE", &merged(&people));
    let started = Instant::now();
    let answer = app.hook(&record).await;
    assert_eq!(answer.status(), 200);
    let expected = json!({"declaration": {"deceased.verified": "verified", "informant.verified": "failed", "spouse.verified": "verified"}});
    assert_eq!(body(answer).await, expected);
    assert!(started.elapsed() < DEADLINE);
    let id = record["id"].as_str().unwrap();
    let name = json!({"firstname": "Ruth", "surname": "Mwale"});
    let asked = json!([
        {"nid": "1", "dob": "1955-05-06", "gender": "male", "transactionId": format!("deceased-{id}"),
         "name": {"firstname": "Joseph", "middlename": "T", "surname": "Mwale"}},
        {"nid": "2", "dob": "1955-05-06", "name": name, "transactionId": format!("informant-{id}")},
        {"nid": "3", "dob": "1955-05-06", "name": name, "transactionId": format!("spouse-{id}")},
    ]);
    assert_eq!(Value::Array(app.questions().await), asked);

    // Asked again, core is answered the same, even if the middleware has changed its mind.
    app.outside.reset().await;
    app.knows("1", says("failed")).await;
    assert_eq!(body(app.hook(&record).await).await, expected);
    assert!(app.questions().await.is_empty());
}

/// Whoever cannot be told about in time keeps the status of the record; the others do not suffer.
#[tokio::test]
async fn core_is_answered_in_time_whatever_the_middleware_does() {
    let app = asking(&[]).await;
    app.knows("1", says("verified").set_delay(Duration::from_secs(30)))
        .await;
    app.knows("2", ResponseTemplate::new(500)).await;
    app.knows("3", says("failed")).await;
    let people = [
        person("mother", "1"),
        person("father", "2"),
        person("informant", "3"),
    ];
    let record = pending("birth", "DECLARE", &merged(&people));
    let started = Instant::now();
    let answer = app.hook(&record).await;
    let took = started.elapsed();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        body(answer).await,
        json!({"declaration": {"informant.verified": "failed"}})
    );
    assert!(took < DEADLINE + Duration::from_secs(1), "{took:?}");
    let genders: Vec<_> = app
        .questions()
        .await
        .iter()
        .map(|q| q["gender"].clone())
        .collect();
    assert_eq!(genders, [json!("male"), json!(null), json!("female")]); // father, informant, mother
}

/// What nobody answered is not remembered: core asks again about a declaration that the user repeats.
#[tokio::test]
async fn no_answer_changes_nothing_and_the_next_hook_asks_again() {
    let app = asking(&[]).await;
    let silences = [
        ("an error", ResponseTemplate::new(500)),
        ("a page", says("<html>maintenance</html>")),
        ("nearly", says("\"verified\"")),
        (
            "another status",
            ResponseTemplate::new(202).set_body_string("verified"),
        ),
    ];
    for (nid, silence) in silences {
        let silent = Mock::given(path("/verify")).respond_with(silence);
        silent.up_to_n_times(1).mount(&app.outside).await;
        app.knows(nid, says("verified")).await;
        let record = pending("birth", "EDIT", &person("mother", nid));
        assert_eq!(body(app.hook(&record).await).await, json!({}), "{nid}");
        let verified = json!({"declaration": {"mother.verified": "verified"}});
        assert_eq!(body(app.hook(&record).await).await, verified, "{nid}");
    }
}

#[tokio::test]
async fn nobody_is_asked_about_without_need_or_without_data() {
    let app = asking(&[]).await;
    let changes = [
        json!({"mother.verified": "authenticated"}),
        json!({"mother.nid": null}),
        json!({"mother.nid": ""}),
        json!({"mother.dob": null}),
        json!({"mother.name": {"firstname": "Ruth", "surname": null}}),
        json!({"mother.name": null}),
    ];
    for change in changes {
        let declared = merged(&[person("mother", "1"), change.clone()]);
        let record = pending("birth", "NOTIFY", &declared);
        assert_eq!(body(app.hook(&record).await).await, json!({}), "{change}");
    }
    assert!(app.questions().await.is_empty());
}

#[tokio::test]
async fn a_requested_correction_is_asked_about_with_what_it_proposes() {
    let app = asking(&[]).await;
    app.knows("7", says("verified")).await;
    let mut record = pending("birth", "REQUEST_CORRECTION", &json!({"mother.nid": "7"}));
    let declared = json!({"id": fresh_id(), "type": "DECLARE", "status": "Accepted",
        "createdAt": "2026-06-01T10:01:30.000Z", "declaration": person("mother", "1")});
    record["actions"]
        .as_array_mut()
        .unwrap()
        .insert(1, declared);
    let answer = body(app.hook(&record).await).await;
    assert_eq!(
        answer,
        json!({"declaration": {"mother.verified": "verified"}})
    );
    assert_eq!(app.questions().await[0]["dob"], "1955-05-06");
}

/// A registration may be verified as well; its number and the identities reach core together.
#[tokio::test]
async fn a_registration_number_and_identities_come_in_one_answer() {
    let app = asking(&[("VERIFY_ON", "REGISTER")]).await;
    app.knows("2345678901", says("failed")).await;
    let record = plain_birth();
    let first = body(app.hook(&record).await).await;
    assert_eq!(first["declaration"], json!({"mother.verified": "failed"}));
    assert!(first["registrationNumber"].is_string());
    assert_eq!(body(app.hook(&record).await).await, first);
    assert_eq!(app.questions().await.len(), 1);
    let declared = pending("birth", "DECLARE", &person("mother", "1"));
    assert_eq!(body(app.hook(&declared).await).await, json!({}));
}

/// The ID system was down when the birth was declared: it is asked once more, and the rules see its answer.
#[tokio::test]
async fn a_registration_asks_about_those_who_were_never_answered() {
    let app = asking(&[]).await;
    app.knows("1", says("verified")).await;
    app.knows("2", says("failed")).await;
    app.knows("3", ResponseTemplate::new(500)).await;
    let registration = |nid: &str, status: Value| {
        let born = TimeZone::UTC.to_datetime(SystemClock.now()).date();
        let child = json!({"child.dob": born.to_string(), "informant.relation": "MOTHER"});
        let mother = json!({"mother.verified": status, "father.detailsNotAvailable": true});
        let mut record = pending("birth", "REGISTER", &json!({}));
        record["actions"][0]["declaration"] = merged(&[child, person("mother", nid), mother]);
        record
    };
    let verified = registration("1", json!(null));
    for _ in 0..2 {
        assert_eq!(app.hook(&verified).await.status(), 202);
    }
    assert_eq!(app.packets(1).await[0]["eventId"], verified["id"]);
    assert_eq!(app.questions().await.len(), 1);

    let failed = body(app.hook(&registration("2", json!("pending"))).await).await;
    assert_eq!(failed["declaration"], json!({"mother.verified": "failed"}));
    let unanswered = body(app.hook(&registration("3", json!(null))).await).await;
    assert!(unanswered["registrationNumber"].is_string());
    assert_eq!(unanswered.as_object().unwrap().len(), 1);
    assert_eq!(app.questions().await.len(), 3);

    for answered in ["verified", "failed", "authenticated"] {
        app.hook(&registration("1", json!(answered))).await;
    }
    assert_eq!(app.questions().await.len(), 3);
}

/// A declaration promises nothing, so that a ledger in trouble is no reason to strand it.
#[tokio::test]
async fn a_ledger_that_does_not_write_strands_no_declaration() {
    let app = asking(&[]).await;
    app.knows("1", says("verified")).await;
    let file = format!("sqlite://{}", app.folder.path().join("ledger.db").display());
    let database = sqlx::SqlitePool::connect(&file).await.unwrap();
    sqlx::query("DROP TABLE deliveries")
        .execute(&database)
        .await
        .unwrap();
    sqlx::query("DROP TABLE actions")
        .execute(&database)
        .await
        .unwrap();
    let record = pending("birth", "DECLARE", &person("mother", "1"));
    let answer = app.hook(&record).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        body(answer).await["declaration"],
        json!({"mother.verified": "verified"})
    );
    assert_eq!(
        app.hook(&plain_birth()).await.status(),
        503,
        "a number is a promise"
    );
}

#[tokio::test]
async fn a_revoked_registration_takes_the_childs_national_id_with_it() {
    let app = TestApp::start().await;
    let cleared = json!({"declaration": {"child.nid": null}});
    let custom = |name: &str| json!({"type": "CUSTOM", "customActionType": name});
    for (event, action, expected) in [
        ("birth", custom("REVOKE_REGISTRATION"), cleared.clone()),
        // Core 2.2 has a type for it.
        ("birth", json!({"type": "REVOKE_REGISTRATION"}), cleared),
        ("birth", custom("ESCALATE"), json!({})),
        ("death", custom("REVOKE_REGISTRATION"), json!({})),
    ] {
        let mut record = pending(event, "CUSTOM", &json!({}));
        for (key, value) in action.as_object().unwrap() {
            record["actions"][1][key] = value.clone();
        }
        assert_eq!(
            body(app.hook(&record).await).await,
            expected,
            "{event} {action}"
        );
    }
}

// SPDX-License-Identifier: MPL-2.0
use super::{SIGNER, TestApp, eligible_birth, fresh_id, json as body, plain_birth};
use rstest::rstest;
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn is_number(text: &Value) -> bool {
    text.as_str().is_some_and(|text| {
        text.len() == 12
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
    })
}

#[tokio::test]
async fn a_birth_that_is_not_for_the_middleware_is_registered_once_and_for_ever() {
    let app = TestApp::start().await;
    let record = plain_birth();
    let first = app.hook(&record).await;
    assert_eq!(first.status(), 200);
    let first = body(first).await;
    assert!(is_number(&first["registrationNumber"]), "{first}");
    assert_eq!(body(app.hook(&record).await).await, first);
    assert_ne!(body(app.hook(&plain_birth()).await).await, first);
    assert!(super::packets(&app.outside).await.is_empty());
}

#[tokio::test]
async fn an_eligible_birth_waits_and_its_packet_is_delivered_once_with_the_hooks_token() {
    let app = TestApp::start().await;
    let record = eligible_birth();
    for _ in 0..3 {
        let response = app.hook(&record).await;
        assert_eq!(
            (
                response.status().as_u16(),
                response.text().await.unwrap().as_str()
            ),
            (202, "")
        );
    }
    let packet = app.packets(1).await.remove(0);
    assert_eq!(packet["eventId"], record["id"]);
    assert_eq!(packet["trackingId"], record["trackingId"]);
    assert!(
        is_number(&packet["requestFields"]["birthCertificateNumber"]),
        "{packet}"
    );
    let text = serde_json::to_string(&packet["requestFields"]).unwrap();
    assert!(text.contains("Nia Sade Okello"), "{text}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let sent = app.outside.received_requests().await.unwrap();
    let sent: Vec<_> = sent
        .iter()
        .filter(|r| r.url.path() == "/events/registration")
        .collect();
    assert_eq!(sent.len(), 1);
    let token = sent[0].headers["authorization"].to_str().unwrap();
    assert!(
        token.starts_with("Bearer ey"),
        "the hook's token goes along"
    );
}

#[tokio::test]
async fn hooks_that_race_get_one_answer() {
    let app = std::sync::Arc::new(TestApp::start().await);
    let record = plain_birth();
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (app, record) = (app.clone(), record.clone());
            tokio::spawn(async move { body(app.hook(&record).await).await })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.unwrap());
    }
    assert!(is_number(&answers[0]["registrationNumber"]));
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
}

#[tokio::test]
async fn what_the_middleware_refuses_is_rejected_in_core() {
    let outside = MockServer::start().await;
    Mock::given(path("/events/registration"))
        .respond_with(ResponseTemplate::new(400))
        .with_priority(1)
        .mount(&outside)
        .await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string(SIGNER.public_pem()))
        .mount(&outside)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200))
        .with_priority(9)
        .mount(&outside)
        .await;
    let app = TestApp::between(outside, tempfile::tempdir().unwrap()).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let record = eligible_birth();
    assert_eq!(app.hook(&record).await.status(), 202);
    let rejection = || async {
        let requests = app.outside.received_requests().await.unwrap();
        requests
            .iter()
            .find(|r| r.url.path() == "/events/event.actions.register.reject")
            .map(|r| serde_json::from_slice::<Value>(&r.body).unwrap())
    };
    while rejection().await.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rejection = rejection().await.unwrap();
    assert_eq!(rejection["json"]["eventId"], record["id"]);
    assert_eq!(rejection["json"]["actionId"], record["actions"][2]["id"]);
}

#[rstest]
#[case::register("marriage", "REGISTER", true)]
#[case::declare("birth", "DECLARE", false)]
#[case::custom("birth", "CUSTOM", false)]
#[case::of_a_later_core("death", "UNARCHIVE", false)]
#[tokio::test]
async fn other_events_and_actions_may_happen(
    #[case] event: &str,
    #[case] action: &str,
    #[case] numbered: bool,
) {
    let app = TestApp::start().await;
    let mut record = plain_birth();
    record["type"] = json!(event);
    record["actions"][2]["type"] = json!(action);
    let response = app.hook(&record).await;
    assert_eq!(response.status(), 200);
    let answer = body(response).await;
    assert_eq!(is_number(&answer["registrationNumber"]), numbered);
    assert_eq!(answer.as_object().unwrap().len(), usize::from(numbered));
}

/// Core takes a 400 for a legal rejection, so nothing that is wrong with a hook may answer it.
#[expect(clippy::too_many_lines, reason = "a table")]
#[tokio::test]
async fn a_bad_hook_is_refused_by_a_status_that_rejects_nothing() {
    let app = TestApp::start().await;
    let record = plain_birth();
    let (event, action) = (
        record["id"].as_str().unwrap(),
        record["actions"][2]["id"].as_str().unwrap(),
    );
    let token = SIGNER.action_token(event, action).unwrap();
    let claims = |change: fn(&mut Value)| {
        let mut claims = json!({
            "iss": "opencrvs:auth-service", "aud": ["opencrvs:countryconfig-user"], "userType": "user",
            "exp": 4_000_000_000_u64, "eventId": event, "actionId": action,
        });
        change(&mut claims);
        SIGNER.token(&claims).unwrap()
    };
    let changed = |change: fn(&mut Value)| {
        let mut record = record.clone();
        change(&mut record);
        record.to_string()
    };
    let whole = record.to_string();
    let register = "/trigger/events/birth/actions/REGISTER";
    let cases: Vec<(&str, &str, String, String, u16, &str)> = vec![
        ("good", register, claims(|_| ()), whole.clone(), 200, ""),
        (
            "no token",
            register,
            String::new(),
            whole.clone(),
            401,
            "Missing authentication",
        ),
        (
            "no token of core's",
            register,
            "x.y.z".into(),
            whole.clone(),
            401,
            "Invalid token",
        ),
        (
            "unsigned",
            register,
            format!("{}.", token.rsplit_once('.').unwrap().0),
            whole.clone(),
            401,
            "Invalid token",
        ),
        (
            "signed by another",
            register,
            countryconfig::sandbox::Signer::new()
                .unwrap()
                .action_token(event, action)
                .unwrap(),
            whole.clone(),
            401,
            "Invalid token",
        ),
        (
            "other issuer",
            register,
            claims(|c| c["iss"] = json!("x")),
            whole.clone(),
            401,
            "Invalid token",
        ),
        (
            "other audience",
            register,
            claims(|c| c["aud"] = json!(["opencrvs:events-user"])),
            whole.clone(),
            401,
            "Invalid token",
        ),
        (
            "no expiry",
            register,
            claims(|c| drop(c.as_object_mut().unwrap().remove("exp"))),
            whole.clone(),
            401,
            "Invalid token",
        ),
        (
            "expired",
            register,
            claims(|c| c["exp"] = json!(1_700_000_000)),
            whole.clone(),
            401,
            "Expired token",
        ),
        (
            "too long",
            register,
            "x".repeat(20_000),
            whole.clone(),
            401,
            "Invalid token",
        ),
        (
            "no token and a bad body",
            register,
            String::new(),
            "{".into(),
            401,
            "Missing authentication",
        ),
        (
            "a user's own token",
            register,
            claims(|c| {
                c.as_object_mut()
                    .unwrap()
                    .retain(|name, _| !name.ends_with("Id"));
            }),
            "{".into(),
            403,
            "not for an action of a record",
        ),
        (
            "token of another record",
            register,
            SIGNER.action_token(&fresh_id(), action).unwrap(),
            whole.clone(),
            403,
            "is not for action",
        ),
        (
            "broken JSON",
            register,
            token.clone(),
            "{\"id\":".into(),
            422,
            "",
        ),
        ("no object", register, token.clone(), "[]".into(), 422, ""),
        (
            "no actions",
            register,
            token.clone(),
            changed(|r| drop(r.as_object_mut().unwrap().remove("actions"))),
            422,
            "actions",
        ),
        (
            "no id",
            register,
            token.clone(),
            changed(|r| drop(r.as_object_mut().unwrap().remove("id"))),
            422,
            "id",
        ),
        (
            "other event type",
            "/trigger/events/death/actions/REGISTER",
            token.clone(),
            whole.clone(),
            422,
            "about `death`",
        ),
        (
            "other action type",
            "/trigger/events/birth/actions/DECLARE",
            token.clone(),
            whole.clone(),
            422,
            "no pending action of type `DECLARE`",
        ),
        (
            "nothing pending",
            register,
            token.clone(),
            changed(|r| r["actions"][2]["status"] = json!("Accepted")),
            422,
            "no pending action",
        ),
        (
            "unknown route",
            "/trigger/events/birth/REGISTER",
            token.clone(),
            whole.clone(),
            404,
            "Not Found",
        ),
    ];
    for (name, path, token, text, status, message) in cases {
        let response = app.post(path, &token, text).await;
        assert_eq!(response.status().as_u16(), status, "{name}");
        if status != 200 {
            let problem = body(response).await;
            assert_eq!(problem["statusCode"], json!(status), "{name}");
            assert!(problem["error"].is_string(), "{name}");
            let said = problem["message"].as_str().unwrap();
            assert!(said.contains(message), "{name}: {said}");
            assert!(
                !said.contains("Okello") && !said.contains("2345678901"),
                "{name}: {said}"
            );
        }
    }
}

#[tokio::test]
async fn a_body_beyond_50_mib_is_refused_and_one_below_is_read() {
    let app = TestApp::start().await;
    let mut record = plain_birth();
    record["actions"][1]["declaration"]["padding"] = json!("x".repeat(8 * 1024 * 1024));
    assert_eq!(app.hook(&record).await.status(), 200);
    let token = SIGNER.action_token("e", "a").unwrap();
    let response = app
        .post(
            "/trigger/events/birth/actions/REGISTER",
            &token,
            // Without a length: one that says too much is refused by its head.
            reqwest::Body::wrap_stream(futures_util::stream::iter(
                (0..=50)
                    .map(|n| if n < 50 { 1024 * 1024 } else { 1 })
                    .map(|length| Ok::<_, std::io::Error>(vec![b' '; length])),
            )),
        )
        .await;
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn core_may_write_bearer_never_once_or_twice() {
    let app = TestApp::start().await;
    let record = plain_birth();
    let token = SIGNER
        .action_token(
            record["id"].as_str().unwrap(),
            record["actions"][2]["id"].as_str().unwrap(),
        )
        .unwrap();
    for header in [
        token.clone(),
        format!("bearer {token}"),
        format!("Bearer Bearer {token}"),
    ] {
        let request = app
            .http
            .post(format!("{}/trigger/events/birth/actions/REGISTER", app.url))
            .header("authorization", header);
        assert_eq!(
            request
                .body(record.to_string())
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    }
    let in_query = app
        .http
        .post(format!(
            "{}/trigger/events/birth/actions/REGISTER?token={token}",
            app.url
        ))
        .header("cookie", format!("token={token}"));
    assert_eq!(
        in_query
            .body(record.to_string())
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
}

/// Core asks once: a hook just after the very first start waits for the key instead of failing.
#[tokio::test]
async fn a_hook_that_comes_before_the_key_waits_for_it() {
    let outside = MockServer::start().await;
    let key = ResponseTemplate::new(200).set_body_string(SIGNER.public_pem());
    let late = key.set_delay(Duration::from_millis(300));
    Mock::given(path("/.well-known"))
        .respond_with(late)
        .mount(&outside)
        .await;
    let app = TestApp::between(outside, tempfile::tempdir().unwrap()).await;
    assert_eq!(app.hook(&plain_birth()).await.status(), 200);
}

#[tokio::test]
async fn the_key_survives_auths_absence_and_a_new_key_is_fetched_when_a_signature_fails() {
    // Auth is down at the first start: configuration is served, hooks are not answered.
    let outside = MockServer::start().await;
    let app = TestApp::between(outside, tempfile::tempdir().unwrap()).await;
    assert_eq!(app.get("/ping").await.status(), 200);
    assert_eq!(app.get("/config/events").await.status(), 200);
    assert_eq!(app.hook(&plain_birth()).await.status(), 503);
    let reasons = body(app.get("/readyz").await).await;
    assert!(
        reasons["authKey"]
            .as_str()
            .or(reasons["auth_key"].as_str())
            .unwrap()
            .contains("AUTH_URL"),
        "{reasons}"
    );

    // What is no key does not become one.
    Mock::given(path("/.well-known"))
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>Bad gateway</html>"))
        .up_to_n_times(1)
        .mount(&app.outside)
        .await;
    Mock::given(path("/.well-known"))
        .respond_with(ResponseTemplate::new(200).set_body_string(SIGNER.public_pem()))
        .mount(&app.outside)
        .await;
    app.wait_for(|status| status == 200, "/readyz").await;
    assert_eq!(app.hook(&plain_birth()).await.status(), 200);

    // Auth is gone again, and the server starts anew: the key was kept.
    let TestApp { folder, .. } = app;
    let app = TestApp::between(MockServer::start().await, folder).await;
    assert_eq!(app.hook(&plain_birth()).await.status(), 200);

    // Core rotates its key: the first hook that it signs with the new one is answered.
    let other = countryconfig::sandbox::Signer::new().unwrap();
    app.outside.reset().await;
    Mock::given(path("/.well-known"))
        .respond_with(ResponseTemplate::new(200).set_body_string(other.public_pem()))
        .mount(&app.outside)
        .await;
    let record = plain_birth();
    let token = other
        .action_token(
            record["id"].as_str().unwrap(),
            record["actions"][2]["id"].as_str().unwrap(),
        )
        .unwrap();
    let path = "/trigger/events/birth/actions/REGISTER";
    assert_eq!(
        app.post(path, &token, record.to_string()).await.status(),
        200
    );
}

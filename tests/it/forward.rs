// SPDX-License-Identifier: MPL-2.0
//! Other systems learn of accepted actions.

use super::operators::Operator;
use super::{TestApp, eligible_birth, environment, json as body, plain_birth, surroundings};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const SECRET: &str = "T5nRk0m3vYw8a1Zs6uQx2dLh9pGc7fBj4eKo0iXtVyM=";

/// A system that takes what it is told after failing once.
async fn receiver() -> MockServer {
    let receiver = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(500))
        .up_to_n_times(1)
        .mount(&receiver)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&receiver)
        .await;
    receiver
}

/// What came, once there is so much.
async fn came(receiver: &MockServer, wanted: usize) -> Vec<Request> {
    for _ in 0..2000 {
        let came = receiver.received_requests().await.unwrap();
        if came.len() >= wanted {
            return came;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{wanted} messages did not arrive");
}

async fn forwarding(to: &str, own: &[(&str, &str)]) -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    let own = [&[("FORWARD_ACTIONS_TO", to)], own].concat();
    let app = TestApp::with(surroundings().await, folder, &own).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    app
}

fn signature(request: &Request) -> String {
    let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    let key = STANDARD.decode(SECRET).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    for part in [header("webhook-id"), header("webhook-timestamp")] {
        mac.update(part.as_bytes());
        mac.update(b".");
    }
    mac.update(&request.body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_dead_destination_holds_up_nobody_and_what_arrives_is_signed() {
    let alive = receiver().await;
    let dead = format!("http://127.0.0.1:{}/hook", testing::ports::closed_port());
    let to = format!("{dead}, {}/hook?key=of-the-receiver", alive.uri());
    let secret = format!("whsec_{SECRET}");
    let app = forwarding(&to, &[("FORWARD_SECRET", &secret)]).await;
    let record = plain_birth();
    let answer = body(app.hook(&record).await).await;

    let came_first = came(&alive, 2).await;
    let (first, again) = (&came_first[0], &came_first[1]);
    assert_eq!(again.url.query(), Some("key=of-the-receiver"));
    let id = record["actions"][2]["id"].as_str().unwrap();
    assert_eq!(again.headers["webhook-id"], id);
    assert_eq!(first.headers["webhook-id"], id, "a repetition has its id");
    assert_eq!(first.body, again.body);
    for message in [first, again] {
        assert_eq!(
            message.headers["webhook-signature"].to_str().unwrap(),
            signature(message)
        );
        assert!(!message.headers.contains_key("authorization"));
    }

    let mut expected = record.clone();
    expected["actions"][2]["status"] = json!("Accepted");
    expected["actions"][2]["registrationNumber"] = answer["registrationNumber"].clone();
    assert_eq!(
        serde_json::from_slice::<Value>(&again.body).unwrap(),
        expected
    );

    for _ in 0..3 {
        app.hook(&plain_birth()).await;
    }
    came(&alive, 5).await;
    let metrics = app.get("/metrics").await.text().await.unwrap();
    let waiting = metrics.lines().find(|line| {
        line.starts_with("countryconfig_deliveries_waiting{destination=\"forward:127.0.0.1:")
            && line.ends_with(" 4")
    });
    assert!(waiting.is_some(), "{metrics}");
    assert!(!metrics.contains("of-the-receiver"));
}

/// Core waits for the middleware: only when it has accepted the registration is there something to tell.
#[tokio::test]
async fn an_action_that_waited_is_forwarded_as_core_accepted_it() {
    let alive = receiver().await;
    let client = [("SYSTEM_CLIENT_ID", "c"), ("SYSTEM_CLIENT_SECRET", "s")];
    let app = forwarding(&alive.uri(), &client).await;
    let system = super::SIGNER.action_token("none", "none").unwrap();
    let token = ResponseTemplate::new(200).set_body_json(json!({"access_token": system}));
    Mock::given(path("/token"))
        .and(body_string_contains("client_credentials"))
        .respond_with(token)
        .mount(&app.outside)
        .await;
    let record = eligible_birth();
    let mut shown = record.clone();
    let reply = |record: &Value| {
        ResponseTemplate::new(200).set_body_json(json!({"result": {"data": {"json": record}}}))
    };
    let asked = || {
        Mock::given(path("/events/event.get"))
            .and(header("authorization", format!("Bearer {system}")))
    };
    asked()
        .respond_with(reply(&shown))
        .up_to_n_times(1)
        .mount(&app.outside)
        .await;
    let accepted = json!({
        "id": "accepted", "type": "REGISTER", "status": "Accepted", "originalActionId": record["actions"][2]["id"],
        "registrationNumber": "NUMBER", "declaration": {"child.nid": "2345678901"}, "createdAt": "2026-06-01T10:09:00.000Z",
    });
    shown["actions"].as_array_mut().unwrap().push(accepted);
    asked()
        .respond_with(reply(&shown))
        .mount(&app.outside)
        .await;

    assert_eq!(app.hook(&record).await.status(), 202);
    let message = came(&alive, 2).await.remove(1);
    assert!(!message.headers.contains_key("webhook-signature"));
    let mut expected = record;
    expected["actions"][2]["status"] = json!("Accepted");
    expected["actions"][2]["registrationNumber"] = json!("NUMBER");
    expected["actions"][2]["declaration"]["child.nid"] = json!("2345678901");
    assert_eq!(
        serde_json::from_slice::<Value>(&message.body).unwrap(),
        expected
    );
}

#[tokio::test]
async fn what_waits_is_not_forwarded_where_core_cannot_be_asked() {
    let alive = receiver().await;
    let app = forwarding(&alive.uri(), &[]).await;
    app.hook(&eligible_birth()).await;
    app.packets(1).await;
    let record = plain_birth();
    app.hook(&record).await;
    let came = came(&alive, 2).await;
    let about = came
        .iter()
        .map(|r| serde_json::from_slice::<Value>(&r.body).unwrap()["id"].clone());
    assert!(about.into_iter().all(|id| id == record["id"]));
}

#[tokio::test]
async fn what_waits_for_a_destination_that_was_taken_out_of_the_settings_is_listed_and_counted() {
    let (outside, folder) = (surroundings().await, tempfile::tempdir().unwrap());
    let operator = Operator(environment(&outside, folder.path()));
    // Nothing listens there.
    let own = [("FORWARD_ACTIONS_TO", "http://127.0.0.1:9/secret-path")];
    let before = TestApp::with(outside, folder, &own).await;
    before.wait_for(|status| status == 200, "/readyz").await;
    assert_eq!(before.hook(&plain_birth()).await.status(), 200);

    let after = TestApp::between(surroundings().await, before.folder).await;
    after.wait_for(|status| status == 200, "/readyz").await;
    let metrics = after.get("/metrics").await.text().await.unwrap();
    let counted = "countryconfig_deliveries_unconfigured 1";
    assert!(metrics.contains(counted), "{metrics}");
    let list = "deliveries list --destination forward";
    let listed = operator.json(list).await;
    assert_eq!(listed[0]["isConfigured"], false, "{listed}");
    let (_, said) = operator.says(list).await;
    let sentence = "Not sent, as `forward:127.0.0.1:";
    assert!(
        said.contains(sentence) && said.contains("not configured\n"),
        "{said}"
    );
    let (_, said) = operator.says("doctor").await;
    assert!(
        said.contains("1 pending deliveries are for `forward:127.0.0.1:")
            && !said.contains("secret-path"),
        "{said}"
    );
}

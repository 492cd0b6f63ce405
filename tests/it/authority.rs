// SPDX-License-Identifier: MPL-2.0
//! Who may ask for an answer, and which key proves it. Core asks once, and so does each test.

use super::{SIGNER, TestApp, fresh_id, plain_birth};
use countryconfig::sandbox::Signer;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

const REGISTER: &str = "/trigger/events/birth/actions/REGISTER";

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_token_is_for_the_pending_action_and_for_no_other_of_its_record() {
    let app = TestApp::start().await;
    let record = plain_birth();
    let (event, actions) = (id(&record), record["actions"].as_array().unwrap());
    let status = async |token: &str| {
        let answer = app.post(REGISTER, token, record.to_string()).await;
        answer.status().as_u16()
    };
    for done in &actions[..2] {
        let token = SIGNER.action_token(event, id(done)).unwrap();
        assert_eq!(status(&token).await, 403);
    }
    let other_record = SIGNER.action_token(&fresh_id(), id(&actions[2])).unwrap();
    assert_eq!(status(&other_record).await, 403);
    let service = json!({
        "iss": "opencrvs:auth-service", "aud": ["opencrvs:countryconfig-user"],
        "exp": 4_000_000_000_u64, "userType": "system", "scope": [],
    });
    assert_eq!(status(&SIGNER.token(&service).unwrap()).await, 200);
    let token = SIGNER.action_token(event, id(&actions[2])).unwrap();
    assert_eq!(status(&token).await, 200);
}

/// What is answered to the head of a request alone.
async fn answer_to_head(app: &TestApp, token: &str, length: usize) -> String {
    let mut stream = TcpStream::connect(app.url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let head = format!(
        "POST {REGISTER} HTTP/1.1\r\nHost: countryconfig\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let reading = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut answer));
    let length = reading.await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..length]).to_lowercase()
}

#[tokio::test]
async fn what_a_token_does_not_allow_is_refused_before_its_body_comes() {
    let app = TestApp::start().await;
    let users_own = super::user_token(&["record.register"]);
    let half = json!({
        "iss": "opencrvs:auth-service", "aud": ["opencrvs:countryconfig-user"],
        "exp": 4_000_000_000_u64, "userType": "system", "eventId": "e",
    });
    let half = SIGNER.token(&half).unwrap();
    let good = SIGNER.action_token("e", "a").unwrap();
    let mib = 1024 * 1024;
    for (token, length, status) in [
        (users_own.as_str(), 50 * mib, "403"),
        (&half, 50 * mib, "403"),
        ("x.y.z", 50 * mib, "401"),
        (&good, 50 * mib + 1, "413"),
    ] {
        let answer = answer_to_head(&app, token, length).await;
        let line = format!("http/1.1 {status} ");
        assert!(answer.starts_with(&line), "{answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_refused_client_may_send_its_body_to_the_end() {
    let app = TestApp::start().await;
    let users_own = super::user_token(&["record.register"]);
    let answer = app.post(REGISTER, &users_own, vec![b' '; 20 * 1024 * 1024]);
    let answer = answer.await;
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()["connection"], "close");
    // A body that is read leaves its connection open.
    let token = SIGNER.action_token("e", "a").unwrap();
    let answer = app.post(REGISTER, &token, "{").await;
    assert_eq!(answer.status(), 422);
    assert!(!answer.headers().contains_key("connection"));
}

/// Core's auth service, as it is from now on.
async fn auth_says(app: &TestApp, answer: ResponseTemplate) {
    app.outside.reset().await;
    let key = Mock::given(path("/.well-known")).respond_with(answer);
    key.mount(&app.outside).await;
}

fn key_of(signer: &Signer) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(signer.public_pem())
}

async fn looks(app: &TestApp) -> usize {
    app.outside.received_requests().await.unwrap().len()
}

/// Sends a hook once, signed by somebody.
async fn hook_by(app: &TestApp, signer: &Signer) -> u16 {
    let record = plain_birth();
    let token = signer.action_token(id(&record), id(&record["actions"][2]));
    let token = token.unwrap();
    let answer = app.post(REGISTER, &token, record.to_string()).await;
    answer.status().as_u16()
}

#[tokio::test]
async fn a_strangers_token_before_a_rotation_and_after_it_costs_no_hook() {
    let app = TestApp::start().await;
    let [stranger, new] = [(); 2].map(|()| Signer::new().unwrap());
    assert_eq!(hook_by(&app, &stranger).await, 401);
    auth_says(&app, key_of(&new)).await;
    let hooks = (0..58).map(|n| hook_by(&app, if n % 7 == 0 { &stranger } else { &new }));
    let statuses = futures_util::future::join_all(hooks).await;
    for (n, status) in statuses.into_iter().enumerate() {
        assert_eq!(status, if n % 7 == 0 { 401 } else { 200 }, "hook {n}");
    }
    assert!(looks(&app).await <= 3, "one look for all that wait");
    assert_eq!(
        hook_by(&app, &SIGNER).await,
        200,
        "core gave out a token just before the rotation"
    );
}

#[tokio::test]
async fn a_hook_waits_while_the_new_key_cannot_be_fetched() {
    let app = TestApp::start().await;
    let new = Signer::new().unwrap();
    auth_says(&app, ResponseTemplate::new(503)).await;
    let comes_back = async {
        while looks(&app).await < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        auth_says(&app, key_of(&new)).await;
    };
    let (status, ()) = tokio::join!(hook_by(&app, &new), comes_back);
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_flood_of_bad_tokens_is_none_for_cores_auth_service() {
    let app = TestApp::start().await;
    auth_says(&app, key_of(&SIGNER)).await;
    let stranger = Signer::new().unwrap();
    // What could not be core's is refused at once, and no reason to look.
    let claims = |change: fn(&mut Value)| {
        let mut claims = json!({
            "iss": "opencrvs:auth-service", "aud": ["opencrvs:countryconfig-user"],
            "exp": 4_000_000_000_u64, "eventId": "e", "actionId": "a",
        });
        change(&mut claims);
        stranger.token(&claims).unwrap()
    };
    for token in [
        claims(|c| c["iss"] = json!("x")),
        claims(|c| c["aud"] = json!("opencrvs:auth-user")),
        claims(|c| c["exp"] = json!(1_700_000_000)),
        "x.y.z".to_owned(),
    ] {
        assert_eq!(app.post(REGISTER, &token, "{}").await.status(), 401);
    }
    assert_eq!(looks(&app).await, 0);
    let started = Instant::now();
    for _ in 0..2 {
        let flood = (0..100).map(|_| hook_by(&app, &stranger));
        let statuses = futures_util::future::join_all(flood).await;
        assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    }
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap();
    assert!((1..=seconds / 2 + 2).contains(&looks(&app).await));
}

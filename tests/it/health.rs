// SPDX-License-Identifier: MPL-2.0
use super::{TestApp, json as body};
use serde_json::json;

#[tokio::test]
async fn health_is_told_with_reasons() {
    let app = TestApp::start().await;
    assert_eq!(body(app.get("/ping").await).await, json!({"success": true}));
    assert_eq!(app.get("/livez").await.status(), 200);
    let ready = body(app.get("/readyz").await).await;
    assert_eq!(
        ready,
        json!({"ready": true, "server": "ok", "ledger": "ok", "authKey": "ok", "country": "ok", "core": "ok"})
    );
}

#[tokio::test]
async fn a_request_keeps_its_id() {
    let app = TestApp::start().await;
    let ask = |id: &'static str| {
        app.http
            .get(format!("{}/ping", app.url))
            .header("x-request-id", id)
            .send()
    };
    assert_eq!(
        ask("abc-123").await.unwrap().headers()["x-request-id"],
        "abc-123"
    );
    let made = ask("no{good}").await.unwrap().headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(made.len(), 36);
}

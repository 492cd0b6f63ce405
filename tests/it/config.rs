// SPDX-License-Identifier: MPL-2.0
use super::TestApp;
use serde_json::Value;

#[tokio::test]
async fn the_events_are_served_to_anyone_compressed_and_once() {
    let app = TestApp::start().await;
    let plain = app.get("/config/events").await;
    assert_eq!(
        plain.headers()["content-type"],
        "application/json; charset=utf-8"
    );
    let content = plain.bytes().await.unwrap();
    let events: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(events[0]["id"], "birth");

    let url = format!("{}/config/events", app.url);
    for encoding in ["gzip", "br"] {
        let ask = || {
            let request = app.http.get(&url).header("accept-encoding", encoding);
            request.header("authorization", "Bearer Bearer nonsense")
        };
        let mut response = ask().send().await.unwrap();
        while !response.headers().contains_key("content-encoding") {
            response = ask().send().await.unwrap();
        }
        assert_eq!(response.headers()["content-encoding"], encoding);
        assert_eq!(response.headers()["vary"], "accept-encoding, origin");
        assert!(response.bytes().await.unwrap().len() * 5 < content.len());
        // The better encoding replaces the fast one some time, with an ETag of its own.
        loop {
            let etag = ask().send().await.unwrap().headers()["etag"].clone();
            let again = ask().header("if-none-match", etag).send().await.unwrap();
            if again.status() == 304 {
                assert!(again.bytes().await.unwrap().is_empty());
                break;
            }
        }
    }
    let head = app.http.head(&url).send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), head.bytes().await.unwrap().len()),
        (200, 0)
    );
}

#[tokio::test]
async fn unknown_routes_and_methods_are_not_found() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/PING",
        "/ping/",
        "/config",
        "/config/events/x",
        "/etc/passwd",
        "/../Cargo.toml",
    ] {
        let response = app.get(path).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(
            super::json(response).await["message"],
            "Not Found",
            "{path}"
        );
    }
    assert_eq!(
        app.http
            .post(format!("{}/ping", app.url))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}

// SPDX-License-Identifier: MPL-2.0
//! Portals and health systems ask core through this server.

use super::{TestApp, fresh_id, json as body, surroundings, user_token};
use reqwest::{Body, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{body_string_contains, method, path};
use wiremock::{Mock, Request, ResponseTemplate};

/// The credential of the portal `health`.
pub(super) const TOKEN: &str = "of-the-health-portal";
const MIB: usize = 1024 * 1024;

/// A server whose portal is open, between core's stand-ins.
async fn open(own: &[(&str, &str)]) -> TestApp {
    let hash = Sha256::digest(TOKEN)
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let tokens = format!("other:{},health:{hash}", "ab".repeat(32));
    let settings = [
        ("PORTAL_TOKENS", tokens.as_str()),
        ("SYSTEM_CLIENT_ID", "client"),
        ("SYSTEM_CLIENT_SECRET", "s&cret"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with(surroundings().await, folder, &[&settings, own].concat()).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    app
}

impl TestApp {
    /// Core gives the system client its token, so many times.
    async fn knows_the_client(&self, times: u64) -> String {
        let system = user_token(&["type=record.notify"]);
        Mock::given(path("/token"))
            .and(body_string_contains("client_credentials"))
            .and(body_string_contains("client_secret=s%26cret"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": system})))
            .expect(times)
            .mount(&self.outside)
            .await;
        system
    }

    async fn gateway(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(path(at))
            .respond_with(answer)
            .mount(&self.outside)
            .await;
    }

    fn call(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.header("authorization", format!("Bearer {token}"))
    }

    /// What reached the gateway below a path.
    async fn reached(&self, below: &str) -> Vec<Request> {
        let mut requests = self.outside.received_requests().await.unwrap();
        requests.retain(|request| request.url.path().starts_with(below));
        requests
    }
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

async fn message(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (
        status,
        body(response).await["message"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn without_credentials_of_portals_there_is_no_door() {
    let app = TestApp::start().await;
    let token = user_token(&["type=record.notify"]);
    for path in [
        "/api/upload",
        "/api/events/notifications",
        "/api/events/events",
    ] {
        assert_eq!(status(app.call(Method::POST, path, &token)).await, 404);
    }
}

/// A gateway that answers a call as soon as it has read this word.
async fn gateway_that_reads(word: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut read = String::new();
                let mut bytes = [0; 1024];
                while !read.contains(word) {
                    let length = stream.read(&mut bytes).await.unwrap_or(0);
                    if length == 0 {
                        return;
                    }
                    read += &String::from_utf8_lossy(&bytes[..length]);
                }
                let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            });
        }
    });
    url
}

#[tokio::test]
async fn uploads_that_send_nothing_give_their_places_back() {
    let gateway = gateway_that_reads("whole").await;
    let app = open(&[("GATEWAY_URL", &gateway)]).await;
    app.knows_the_client(1).await;
    let upload = |body: Body| app.call(Method::POST, "/api/upload", TOKEN).body(body);
    assert_eq!(status(upload("whole".into())).await, 200);
    // With a length: a body without one is read completely before its call takes a place.
    let start = format!(
        "POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\nstart"
    );
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stalled = Vec::new();
    for _ in 0..32 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        stalled.push(stream);
    }
    let all_taken = async {
        while status(upload("whole".into())).await != 429 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(8), all_taken).await;
    waited.expect("32 stalled uploads take all places");
    for mut stream in stalled {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("nothing arrived"), "{answer}");
    }
    assert_eq!(status(upload("whole".into())).await, 200);
}

#[tokio::test]
async fn a_portal_acts_through_the_system_client_whose_token_is_fetched_once_for_all() {
    let app = open(&[]).await;
    let system = app.knows_the_client(1).await;
    let answer = ResponseTemplate::new(200)
        .set_body_json(json!([{"id": "l"}]))
        .insert_header("etag", "\"e\"")
        .insert_header("set-cookie", "session=of-core")
        .insert_header("x-internal", "x");
    app.gateway("/events/locations", answer).await;
    let ask = || {
        app.call(
            Method::GET,
            "/api/events/locations?locationType=CRVS_OFFICE&name=%C3%A9%2F+x",
            TOKEN,
        )
        .header("cookie", "session=of-the-caller")
        .header("x-forwarded-for", "10.0.0.1")
        .header("x-correlation-id", "call-7")
        .send()
    };
    let answers = futures_util::future::join_all((0..20).map(|_| ask())).await;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["etag"], "\"e\"");
        for hidden in ["set-cookie", "x-internal"] {
            assert!(!answer.headers().contains_key(hidden), "{hidden}");
        }
        assert_eq!(body(answer).await, json!([{"id": "l"}]));
    }
    let reached = app.reached("/events/locations").await;
    assert_eq!(reached.len(), 20);
    for request in reached {
        assert_eq!(
            request.url.query(),
            Some("locationType=CRVS_OFFICE&name=%C3%A9%2F+x")
        );
        assert_eq!(request.headers["authorization"], format!("Bearer {system}"));
        assert_eq!(request.headers["x-correlation-id"], "call-7");
        for hidden in ["cookie", "x-forwarded-for"] {
            assert!(!request.headers.contains_key(hidden), "{hidden}");
        }
    }
    for request in app.reached("/token").await {
        assert_eq!(request.url.query(), None, "secrets stay out of URLs");
    }
}

/// Core would take the next request on the connection, of whomever, for the body that it was promised.
#[tokio::test]
async fn a_body_that_does_not_go_along_is_not_announced() {
    let app = open(&[]).await;
    app.knows_the_client(1).await;
    app.gateway("/events/config", ResponseTemplate::new(200))
        .await;
    let ask = app.call(Method::GET, "/api/events/config", TOKEN);
    assert_eq!(status(ask.body("POST /events/smuggled")).await, 200);
    let reached = app.reached("/events/config").await.remove(0);
    assert!(!reached.headers.contains_key("content-length"));
}

#[tokio::test]
async fn a_stranger_reaches_nothing() {
    let app = open(&[]).await;
    let url = format!("{}/api/events/locations", app.url);
    assert_eq!(status(app.http.get(&url)).await, 401);
    assert_eq!(
        status(app.http.get(format!("{url}?token={TOKEN}"))).await,
        401
    );
    for wrong in ["", "of-the-health-porta", "ab", &"ab".repeat(32)] {
        assert_eq!(
            status(app.call(Method::GET, "/api/events/locations", wrong)).await,
            401
        );
    }
    assert!(app.reached("/events/").await.is_empty());
    assert!(app.reached("/token").await.is_empty());
}

#[tokio::test]
async fn only_open_operations_reach_core() {
    let app = open(&[]).await;
    let record = "/api/events/events/6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    for (method, path, expected) in [
        (Method::POST, "/api/events/events/search", 403),
        (Method::GET, record, 403),
        (Method::POST, "/api/events/events/reindex", 404),
        (Method::GET, "/api/events/users", 404),
        (Method::DELETE, record, 404),
        (Method::POST, "/api/events/events/x/notify", 404),
        (
            Method::POST,
            "/api/events/events/..%2F..%2Fauth/notify",
            404,
        ),
        (Method::POST, "/api/events/events/%2e%2e/notify", 404),
    ] {
        assert_eq!(
            status(app.call(method, path, TOKEN)).await,
            expected,
            "{path}"
        );
    }
    assert!(app.reached("/events/").await.is_empty());
}

#[tokio::test]
async fn what_is_opened_reaches_core() {
    let app = open(&[("PORTAL_OPERATIONS", "search,read,correct")]).await;
    app.knows_the_client(1).await;
    app.gateway("/events/events/search", ResponseTemplate::new(200))
        .await;
    assert_eq!(
        status(
            app.call(Method::POST, "/api/events/events/search", TOKEN)
                .body("{}")
        )
        .await,
        200
    );
    let id = fresh_id();
    for (method, path) in [
        (Method::GET, ""),
        (Method::POST, "/correction/request"),
        (Method::POST, "/correction/approve"),
        (Method::POST, "/correction/reject"),
    ] {
        let path = format!("/events/events/{id}{path}");
        app.gateway(&path, ResponseTemplate::new(201)).await;
        assert_eq!(
            status(app.call(method, &format!("/api{path}"), TOKEN)).await,
            201
        );
    }
    assert_eq!(
        status(app.call(Method::GET, "/api/events/config", TOKEN)).await,
        403
    );
}

/// Nobody gains by this server what core does not allow them.
#[tokio::test]
async fn the_bearer_of_a_token_of_core_acts_as_themselves() {
    let app = open(&[]).await;
    let id = fresh_id();
    let path = format!("/events/events/{id}/notify");
    app.gateway(
        &path,
        ResponseTemplate::new(403).set_body_json(json!({"message": "not yours"})),
    )
    .await;
    let notify = |token: String| {
        app.call(Method::POST, &format!("/api{path}"), &token)
            .body("{}")
            .send()
    };
    let (status, why) = message(notify(user_token(&["type=record.read"])).await.unwrap()).await;
    assert_eq!(
        (status, why.as_str()),
        (403, "the token has no scope `record.notify`")
    );
    assert!(app.reached("/events/").await.is_empty());

    let own = user_token(&["type=record.notify&placeOfEvent=location"]);
    let (status, why) = message(notify(own.clone()).await.unwrap()).await;
    assert_eq!((status, why.as_str()), (403, "not yours"));
    assert_eq!(
        app.reached("/events/").await[0].headers["authorization"],
        format!("Bearer {own}")
    );
    assert!(app.reached("/token").await.is_empty());
}

#[tokio::test]
async fn files_pass_by_up_to_a_size() {
    let app = open(&[]).await;
    app.knows_the_client(1).await;
    app.gateway(
        "/upload",
        ResponseTemplate::new(200).set_body_string("/ocrvs/picture.png"),
    )
    .await;
    let picture: Vec<u8> = (0..3 * MIB)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let upload = |body: Body| {
        let request = app.call(Method::POST, "/api/upload", TOKEN);
        request
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body)
            .send()
    };
    let answer = upload(picture.clone().into()).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "/ocrvs/picture.png");
    let reached = app.reached("/upload").await.remove(0);
    assert!(reached.body == picture);
    assert_eq!(
        reached.headers["content-type"],
        "multipart/form-data; boundary=b"
    );
    assert_eq!(reached.headers["content-length"], picture.len().to_string());

    // Where the caller says no length, core learns it all the same.
    let chunks = picture.chunks(MIB).map(bytes::Bytes::copy_from_slice);
    let chunks: Vec<_> = chunks.map(Ok::<_, std::io::Error>).collect();
    let streamed = Body::wrap_stream(futures_util::stream::iter(chunks));
    assert_eq!(upload(streamed).await.unwrap().status(), 200);
    let reached = app.reached("/upload").await.remove(1);
    assert!(reached.body == picture);
    assert_eq!(reached.headers["content-length"], picture.len().to_string());

    // Said or not, what is too large is refused.
    let request = app
        .call(Method::POST, "/api/upload", TOKEN)
        .header("content-length", 51 * MIB);
    let chunks = || {
        let chunk = bytes::Bytes::from(vec![0_u8; MIB]);
        Body::wrap_stream(futures_util::stream::iter(
            (0..51).map(move |_| Ok::<_, std::io::Error>(chunk.clone())),
        ))
    };
    let said = request.body(chunks()).send().await;
    assert!(said.is_err() || said.unwrap().status() == 413);
    let unsaid = upload(chunks()).await;
    assert!(unsaid.is_err() || unsaid.unwrap().status() == 413);
    assert_eq!(app.reached("/upload").await.len(), 2);
}

fn notification(event: &str, place: &str) -> Value {
    json!({
        "eventId": event, "transactionId": "t", "createdAtLocation": "named",
        "declaration": {"child.birthLocationId": place, "child.name": {"firstname": "Nia"}},
    })
}

#[tokio::test]
async fn a_notification_comes_from_the_office_that_is_responsible() {
    let app = open(&[]).await;
    let system = app.knows_the_client(1).await;
    let list = |rows: Value| {
        ResponseTemplate::new(200).set_body_json(json!({"result": {"data": {"json": rows}}}))
    };
    let areas = json!([
        {"id": "d", "name": "District", "parentId": null},
        {"id": "v", "name": "Village", "parentId": "d"},
    ]);
    let locations = json!([
        {"id": "clinic", "name": "Clinic", "locationType": "HEALTH_FACILITY", "administrativeAreaId": "v"},
        {"id": "office", "name": "Office", "locationType": "CRVS_OFFICE", "administrativeAreaId": "d"},
    ]);
    app.gateway("/events/administrativeAreas.list", list(areas))
        .await;
    app.gateway("/events/locations.list", list(locations)).await;
    for (place, office) in [
        ("clinic", "office"),
        ("v", "office"),
        ("somewhere", "named"),
    ] {
        let id = fresh_id();
        let path = format!("/events/events/{id}/notify");
        let answer = ResponseTemplate::new(409).set_body_json(json!({"message": "as core says"}));
        app.gateway(&path, answer).await;
        let told = notification(&id, place);
        let request = app
            .call(Method::POST, "/api/events/notifications", TOKEN)
            .json(&told);
        assert_eq!(
            message(request.send().await.unwrap()).await,
            (409, "as core says".to_owned())
        );
        let reached = app.reached(&path).await.remove(0);
        assert_eq!(reached.headers["authorization"], format!("Bearer {system}"));
        let length = reached.body.len().to_string();
        assert_eq!(reached.headers["content-length"], length);
        let mut expected = told;
        expected["createdAtLocation"] = json!(office);
        assert_eq!(
            serde_json::from_slice::<Value>(&reached.body).unwrap(),
            expected
        );
    }
    assert_eq!(app.reached("/events/locations.list").await.len(), 1);
}

#[tokio::test]
async fn what_is_no_notification_is_refused() {
    let app = open(&[]).await;
    let good = notification(&fresh_id(), "clinic");
    for (key, value, why) in [
        ("status", json!("x"), "unknown field `status`"),
        ("createdAtLocation", json!(null), "expected a string"),
        ("eventId", json!("../reindex"), "UUID"),
    ] {
        let mut told = good.clone();
        told[key] = value;
        let request = app
            .call(Method::POST, "/api/events/notifications", TOKEN)
            .json(&told);
        let (status, message) = message(request.send().await.unwrap()).await;
        assert_eq!(status, 400);
        assert!(
            message.starts_with("Invalid request payload: ") && message.contains(why),
            "{message}"
        );
    }
    assert!(app.reached("/events/").await.is_empty());
}

/// Core has a new key, or the client a new secret.
#[tokio::test]
async fn a_token_that_core_does_not_take_is_not_used_again() {
    let app = open(&[]).await;
    app.knows_the_client(2).await;
    Mock::given(method("GET"))
        .and(path("/events/config"))
        .respond_with(ResponseTemplate::new(401))
        .up_to_n_times(1)
        .mount(&app.outside)
        .await;
    app.gateway("/events/config", ResponseTemplate::new(200))
        .await;
    let ask = || app.call(Method::GET, "/api/events/config", TOKEN);
    let refused = message(ask().send().await.unwrap()).await;
    assert_eq!(
        refused,
        (
            502,
            "Failed to authenticate with upstream service".to_owned()
        )
    );
    assert_eq!(status(ask()).await, 200);
}

#[tokio::test]
async fn a_client_without_a_token_and_a_gateway_that_is_down_are_told_apart() {
    let app = open(&[]).await;
    let ask = || app.call(Method::GET, "/api/events/config", TOKEN);
    app.gateway("/token", ResponseTemplate::new(401)).await;
    let refused = message(ask().send().await.unwrap()).await;
    assert_eq!(
        refused,
        (
            502,
            "Failed to authenticate with upstream service".to_owned()
        )
    );

    let gone = open(&[("GATEWAY_URL", "http://127.0.0.1:9")]).await;
    gone.knows_the_client(1).await;
    let ask = gone.call(Method::GET, "/api/events/config", TOKEN);
    assert_eq!(
        message(ask.send().await.unwrap()).await,
        (502, "core is not reachable".to_owned())
    );
}

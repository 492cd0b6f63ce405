// SPDX-License-Identifier: MPL-2.0
//! The server over HTTP, against stand-ins for core's auth service, core's gateway and the middleware.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod analytics;
mod authority;
mod bad_files;
#[cfg(target_os = "linux")]
mod bad_night;
mod browser;
mod causes_of_death;
mod certificates;
mod config;
mod core_2_1;
mod core_stand_in;
mod core_versions;
mod country_settings;
mod crash;
mod credentials;
mod doctor;
mod doors;
mod everyday;
mod examples;
mod forward;
mod generated;
mod health;
mod hidden_answers;
mod house;
mod integrations;
mod ledger_fails;
#[cfg(target_os = "linux")]
mod memory;
mod mutants;
mod notification;
mod openapi;
mod operators;
mod overlays;
mod portal;
mod process;
mod program;
mod registration_numbers;
mod replicas;
mod rescue;
mod sandbox;
mod studio;
mod texts;
mod trigger;
mod verification;

use countryconfig::sandbox::{Signer, sample_birth};
use countryconfig::server::{self, Listening};
use countryconfig::settings::Settings;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::Duration;
use wiremock::matchers::{header, method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Making a key takes long; all tests sign with one.
static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new().unwrap());

/// A running server and what surrounds it.
struct TestApp {
    url: String,
    http: Client,
    outside: MockServer,
    folder: tempfile::TempDir,
}

/// Everything that surrounds the server. The middleware takes every packet.
async fn surroundings() -> MockServer {
    let outside = MockServer::start().await;
    // As core's gateway: a body without a length is a bad request.
    Mock::given(header("transfer-encoding", "chunked"))
        .respond_with(ResponseTemplate::new(400).set_body_string("a body without a length"))
        .with_priority(1)
        .mount(&outside)
        .await;
    Mock::given(method("GET"))
        .and(path("/.well-known"))
        .respond_with(ResponseTemplate::new(200).set_body_string(SIGNER.public_pem()))
        .mount(&outside)
        .await;
    Mock::given(method("POST"))
        .and(path("/events/registration"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&outside)
        .await;
    Mock::given(method("POST"))
        .and(path_regex("^/events/event.actions"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&outside)
        .await;
    outside
}

/// Settings of a server between these surroundings, as environment variables.
fn environment(outside: &MockServer, folder: &std::path::Path) -> Vec<(String, String)> {
    let ledger = format!("sqlite://{}", folder.join("ledger.db").display());
    let given = [
        ("AUTH_URL", outside.uri()),
        ("GATEWAY_URL", outside.uri()),
        ("MOSIP_INTEROP_URL", outside.uri()),
        ("MOSIP_TIMEOUT", "1s".into()),
        ("DELIVERY_DELAY", "0s".into()),
        ("DELIVERY_RETRY_SCHEDULE", "50ms,50ms,50ms,1s,1s,1s".into()),
        ("LEDGER_URL", ledger),
        ("COUNTRY_CONFIG_HOST", "127.0.0.1".into()),
    ];
    given
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

impl TestApp {
    async fn start() -> Self {
        let app = Self::between(surroundings().await, tempfile::tempdir().unwrap()).await;
        app.wait_for(|status| status == 200, "/readyz").await;
        app
    }

    async fn between(outside: MockServer, folder: tempfile::TempDir) -> Self {
        Self::with(outside, folder, &[]).await
    }

    /// With some settings of its own.
    async fn with(outside: MockServer, folder: tempfile::TempDir, own: &[(&str, &str)]) -> Self {
        let mut environment = environment(&outside, folder.path());
        let own = own.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        environment.extend(own);
        let settings = Settings::load(None, environment.into_iter()).unwrap();
        let country = country::load(&settings.country()).ok().unwrap();
        let listener = Listening::on("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let url = format!("http://{}", listener.address());
        let running = server::assemble(&settings, country).await.unwrap();
        tokio::spawn(server::run(running, listener));
        Self {
            url,
            http: Client::builder().build().unwrap(),
            outside,
            folder,
        }
    }

    async fn get(&self, path: &str) -> Response {
        self.http
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap()
    }

    /// Asks for a path until its status is as wanted.
    async fn wait_for(&self, wanted: impl Fn(u16) -> bool, path: &str) {
        let asking = async {
            while !wanted(self.get(path).await.status().as_u16()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), asking)
            .await
            .unwrap();
    }

    /// Sends a hook about the pending action of a record, as core does.
    async fn hook(&self, record: &Value) -> Response {
        let pending = record["actions"].as_array().unwrap().last().unwrap();
        let path = format!(
            "/trigger/events/{}/actions/{}",
            record["type"].as_str().unwrap(),
            pending["type"].as_str().unwrap()
        );
        let token = SIGNER
            .action_token(
                record["id"].as_str().unwrap(),
                pending["id"].as_str().unwrap(),
            )
            .unwrap();
        self.post(&path, &token, record.to_string()).await
    }

    async fn post(&self, path: &str, token: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/json");
        request
            .header("authorization", format!("Bearer {token}"))
            .body(body)
            .send()
            .await
            .unwrap()
    }

    /// The packets that reached the middleware, once there are so many.
    async fn packets(&self, wanted: usize) -> Vec<Value> {
        for _ in 0..2000 {
            let packets = packets(&self.outside).await;
            if packets.len() >= wanted {
                return packets;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{wanted} packets did not reach the middleware");
    }
}

async fn packets(outside: &MockServer) -> Vec<Value> {
    let requests = outside.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|r| r.url.path() == "/events/registration")
        .map(|r| serde_json::from_slice(&r.body).unwrap())
        .collect()
}

fn fresh_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A user's token, with what they may do.
fn user_token(scopes: &[&str]) -> String {
    let exp = jsonwebtoken::get_current_timestamp() + 600;
    let claims = json!({
        "iss": "opencrvs:auth-service", "aud": ["opencrvs:gateway-user", "opencrvs:countryconfig-user"],
        "exp": exp, "sub": "11111111-2222-4333-8444-555555555555", "userType": "user", "scope": scopes,
    });
    SIGNER.token(&claims).unwrap()
}

/// A birth whose mother's identity is verified: it goes to the middleware.
fn eligible_birth() -> Value {
    sample_birth(&fresh_id(), &fresh_id(), "verified")
}

/// A birth that is registered at once.
fn plain_birth() -> Value {
    sample_birth(&fresh_id(), &fresh_id(), "failed")
}

async fn json(response: Response) -> Value {
    response.json().await.unwrap_or(json!(null))
}

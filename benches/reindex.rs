// SPDX-License-Identifier: MPL-2.0
//! How long a reindex of a country takes, and how much memory: the release server, a fresh `PostgreSQL`
//! and the sender share this machine. `cargo bench --bench reindex`, with a number of actions behind
//! `--` for another than a million.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/generated.rs"]
mod generated;

use countryconfig::sandbox::Signer;
use generated::{Country, Life};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testing::postgres::Cluster;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

const ACTIONS: u64 = 1_000_000;
/// As core sends them.
const BATCH: usize = 300;

/// A server that ends with the benchmark.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Server {
    /// The memory that it occupies, and the most that it ever did.
    fn memory(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let mib = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            kib / 1024
        };
        format!("{} MiB, at most {}", mib("VmRSS"), mib("VmHWM"))
    }

    /// Seconds of processor time.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let (_, after) = stat.rsplit_once(')').unwrap();
        let ticks = after.split_whitespace().skip(11).take(2);
        ticks
            .map(|ticks| ticks.parse::<f64>().unwrap() / 100.0)
            .sum()
    }
}

async fn core(signer: &Signer, country: &Country) -> MockServer {
    let core = MockServer::builder()
        .disable_request_recording()
        .start()
        .await;
    let reply = |json: &Value| {
        ResponseTemplate::new(200).set_body_json(json!({"result": {"data": {"json": json}}}))
    };
    let replies = [
        (
            "/.well-known",
            ResponseTemplate::new(200).set_body_string(signer.public_pem()),
        ),
        ("/events/administrativeAreas.list", reply(&country.areas)),
        ("/events/locations.list", reply(&country.locations)),
    ];
    for (asked, with) in replies {
        Mock::given(path(asked))
            .respond_with(with)
            .mount(&core)
            .await;
    }
    core
}

#[tokio::main]
async fn main() {
    let wanted = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(ACTIONS);
    let country = Country::sample();
    let signer = Signer::new().unwrap();
    let core = core(&signer, &country).await;
    let cluster = Cluster::start();
    let folder = tempfile::tempdir().unwrap();
    let server = Command::new(env!("CARGO_BIN_EXE_countryconfig"))
        .env("ANALYTICS_DATABASE_URL", cluster.database().await)
        .env(
            "LEDGER_URL",
            format!("sqlite://{}", folder.path().join("ledger.db").display()),
        )
        .env("AUTH_URL", core.uri())
        .env("GATEWAY_URL", core.uri())
        .env("COUNTRY_CONFIG_HOST", "127.0.0.1")
        .env("COUNTRY_CONFIG_PORT", "3941")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server(server);
    let claims = json!({
        "iss": "opencrvs:auth-service", "aud": ["opencrvs:events-user"], "userType": "system",
        "scope": ["type=record.reindex"], "exp": jsonwebtoken::get_current_timestamp() + 7200,
    });
    let token = signer.token(&claims).unwrap();
    let http = reqwest::Client::builder().build().unwrap();
    let send = async |documents: &[Value]| {
        let request = http
            .post("http://127.0.0.1:3941/reindex")
            .bearer_auth(&token);
        let response = request
            .body(json!(documents).to_string())
            .send()
            .await
            .ok()?;
        let report: Value = response.error_for_status().ok()?.json().await.ok()?;
        assert_eq!(
            (&report["imported"], &report["failed"]),
            (&json!(documents.len()), &json!([]))
        );
        report["actions"].as_u64()
    };
    while send(&[]).await.is_none() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut out = std::io::stdout();
    let (started, mut sending, cpu) = (Instant::now(), Duration::ZERO, server.cpu());
    let (mut records, mut actions, mut told) = (0, 0, 0);
    writeln!(out, "at first: {}", server.memory()).unwrap();
    while actions < wanted {
        let lives = records..records + BATCH as u64;
        let documents: Vec<_> = lives.map(|n| Life::new(n, &country).exported()).collect();
        let before = Instant::now();
        actions += send(&documents).await.expect("a batch is written");
        sending += before.elapsed();
        records += BATCH as u64;
        if actions * 10 / wanted > told {
            told = actions * 10 / wanted;
            writeln!(
                out,
                "{actions:>9} actions {:>7.1} s   {}",
                started.elapsed().as_secs_f64(),
                server.memory()
            )
            .unwrap();
        }
    }
    let cpu = server.cpu() - cpu;
    let took = sending.as_secs_f64();
    let rate = actions as f64 / took;
    writeln!(
        out,
        "{records} records with {actions} accepted actions: {took:.1} s in requests, {rate:.0} actions/s; server: {cpu:.1} s of CPU, {}",
        server.memory()
    )
    .unwrap();
}

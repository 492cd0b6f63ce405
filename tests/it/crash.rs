// SPDX-License-Identifier: MPL-2.0
//! The process is killed again and again while hooks come in. What it acknowledged must be there.

use super::{SIGNER, eligible_birth, environment, packets, plain_birth, surroundings};
use handlers::ledger::{self, Counts};
use handlers::seal::Seal;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KILLS: u64 = 100;
const CLIENTS: usize = 4;

fn start(environment: &[(String, String)], port: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_countryconfig"))
        .arg("serve")
        .envs(environment.iter().cloned())
        .env("COUNTRY_CONFIG_PORT", port.to_string())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn hook(http: &reqwest::Client, port: u16, record: &Value) -> Option<(u16, String)> {
    let (event, action) = (
        record["id"].as_str().unwrap(),
        record["actions"][2]["id"].as_str().unwrap(),
    );
    let token = SIGNER.action_token(event, action).unwrap();
    let request = http
        .post(format!(
            "http://127.0.0.1:{port}/trigger/events/birth/actions/REGISTER"
        ))
        .bearer_auth(token);
    let response = request.body(record.to_string()).send().await.ok()?;
    let status = response.status().as_u16();
    // Until core's key is there, a hook is not answered.
    Some((status, response.text().await.ok()?)).filter(|(status, _)| *status != 503)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_hook_is_lost_however_often_the_process_is_killed() {
    let outside = surroundings().await;
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(&outside, folder.path());
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let acknowledged: Arc<Mutex<BTreeMap<(String, String), (u16, String)>>> = Arc::default();
    let mut server = start(&environment, port);

    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let acknowledged = acknowledged.clone();
            tokio::spawn(async move {
                let http = reqwest::Client::builder()
                    .timeout(Duration::from_secs(5))
                    .build()
                    .unwrap();
                loop {
                    let record = if n % 2 == 0 {
                        eligible_birth()
                    } else {
                        plain_birth()
                    };
                    // Like a person who tries again: until there is an answer.
                    let answer = loop {
                        if let Some(answer) = hook(&http, port, &record).await {
                            break answer;
                        }
                        tokio::time::sleep(Duration::from_millis(3)).await;
                    };
                    let key = (
                        record["id"].as_str().unwrap().to_owned(),
                        record["actions"][2]["id"].as_str().unwrap().to_owned(),
                    );
                    acknowledged.lock().unwrap().insert(key, answer);
                }
            })
        })
        .collect();

    for kill in 0..KILLS {
        let before = acknowledged.lock().unwrap().len();
        // Killed at another moment each time, but not before something was acknowledged.
        while acknowledged.lock().unwrap().len() < before + 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(kill * 7 % 23)).await;
        server.kill().unwrap();
        server.wait().unwrap();
        server = start(&environment, port);
    }
    clients.iter().for_each(tokio::task::JoinHandle::abort);

    let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
    let ledger = ledger::open(&url, Seal::default()).await.unwrap();
    let delivered = async {
        while { ledger.counts().await.unwrap() }.waiting > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), delivered)
        .await
        .unwrap();
    server.kill().unwrap();
    server.wait().unwrap();

    let acknowledged = acknowledged.lock().unwrap().clone();
    let packets = packets(&outside).await;
    let mut numbers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for packet in &packets {
        let number = packet["requestFields"]["birthCertificateNumber"]
            .as_str()
            .unwrap();
        numbers
            .entry(packet["eventId"].as_str().unwrap())
            .or_default()
            .insert(number);
    }
    let mut all_numbers = BTreeSet::new();
    for ((event, action), (status, text)) in &acknowledged {
        let stored = ledger
            .answer(&EventId::new(event), &ActionId::new(action))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.status, *status);
        let number = if *status == 202 {
            let numbers = &numbers[event.as_str()];
            assert_eq!(numbers.len(), 1, "one number for {event}");
            (*numbers.first().unwrap()).to_owned()
        } else {
            assert_eq!(stored.body.unwrap().to_string(), *text);
            serde_json::from_str::<Value>(text).unwrap()["registrationNumber"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert!(
            all_numbers.insert(number),
            "a number of its own for {event}"
        );
    }
    let Counts {
        waiting,
        refused,
        parked,
        ..
    } = ledger.counts().await.unwrap();
    assert_eq!((waiting, refused, parked), (0, 0, 0));
    assert!(acknowledged.len() as u64 >= 3 * KILLS);
}

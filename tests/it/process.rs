// SPDX-License-Identifier: MPL-2.0
//! The program as a process that can be killed, clients that do not give up, and what must be true
//! in the end.

use super::{SIGNER, eligible_birth, packets, plain_birth};
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger::{self, Delivery, Destination, Filter, Knowledge, Ledger, State};
use opencrvs_toolkit::event_document::{ActionId, EventId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testing::within;
use tokio::task::JoinHandle;
use wiremock::MockServer;

/// What stands before the program: nothing, or a shell with limits.
const BARE: &str = r#"exec "$0" serve"#;

/// A server process. It does not outlive its test.
pub(super) struct Process {
    child: Child,
    environment: Vec<(String, String)>,
    pub(super) port: u16,
}

impl Process {
    pub(super) fn start(environment: &[(String, String)]) -> Self {
        Self::start_in(environment, BARE)
    }

    /// Starts it by a line of shell in which `$0` is the program.
    pub(super) fn start_in(environment: &[(String, String)], line: &str) -> Self {
        let port = testing::ports::closed_port();
        Self {
            child: spawn(environment, line, port),
            environment: environment.to_vec(),
            port,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would, and starts it again.
    pub(super) fn kill_and_restart(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "it ended by itself");
        self.kill();
        self.child = spawn(&self.environment, BARE, self.port);
    }

    /// Tells it to end as Kubernetes does.
    pub(super) fn terminate(&self) {
        let told = Command::new("kill")
            .args(["-TERM", &self.id().to_string()])
            .status();
        assert!(told.unwrap().success());
    }

    /// Whether it ends with success.
    pub(super) async fn ends_well(&mut self) -> bool {
        for _ in 0..3000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) async fn status(&self, path: &str) -> Option<u16> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let response = client().get(url).send().await.ok()?;
        Some(response.status().as_u16())
    }

    pub(super) async fn is_ready(&self) {
        within("ready", async || self.status("/readyz").await == Some(200)).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(environment: &[(String, String)], line: &str, port: u16) -> Child {
    Command::new("sh")
        .args(["-c", line, env!("CARGO_BIN_EXE_countryconfig")])
        .envs(environment.iter().cloned())
        .env("COUNTRY_CONFIG_PORT", port.to_string())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

pub(super) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30));
    client.build().unwrap()
}

/// Status and body.
pub(super) type Answered = (u16, String);

/// Sends a hook as core does; nothing where the connection broke.
pub(super) async fn hook(http: &reqwest::Client, port: u16, record: &Value) -> Option<Answered> {
    let (event, action) = ids(record);
    let token = SIGNER.action_token(&event, &action).unwrap();
    let url = format!("http://127.0.0.1:{port}/trigger/events/birth/actions/REGISTER");
    let request = http.post(url).bearer_auth(token);
    let response = request.body(record.to_string()).send().await.ok()?;
    Some((response.status().as_u16(), response.text().await.ok()?))
}

/// Event and pending action.
pub(super) fn ids(record: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&record["id"]), text(&record["actions"][2]["id"]))
}

/// What was said about each action.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) acknowledged: BTreeMap<(String, String), Answered>,
    /// So often there was an honest "not now".
    pub(super) unavailable: u64,
    /// Anything else strands a record.
    dishonest: Vec<Answered>,
}

/// Clients that send new records one after the other. Like a person who tries again, each asks until
/// there is an answer.
pub(super) struct Load {
    heard: Arc<Mutex<Heard>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub(super) fn start(clients: usize, port: u16) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let client = |n: usize| {
            let heard = heard.clone();
            tokio::spawn(async move {
                let http = client();
                loop {
                    let record = if n.is_multiple_of(2) {
                        eligible_birth()
                    } else {
                        plain_birth()
                    };
                    while !ask(&http, port, &record, &heard).await {
                        tokio::time::sleep(Duration::from_millis(3)).await;
                    }
                }
            })
        };
        Self {
            clients: (0..clients).map(client).collect(),
            heard,
        }
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.heard.lock().unwrap().acknowledged.len()
    }

    pub(super) fn unavailable(&self) -> u64 {
        self.heard.lock().unwrap().unavailable
    }

    /// So many more are acknowledged.
    pub(super) async fn goes_on(&self, more: usize) {
        let wanted = self.acknowledged() + more;
        within("answers", async || self.acknowledged() >= wanted).await;
    }

    pub(super) fn stop(self) -> Heard {
        self.clients.iter().for_each(JoinHandle::abort);
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

/// True when there was an answer that decides.
async fn ask(http: &reqwest::Client, port: u16, record: &Value, heard: &Mutex<Heard>) -> bool {
    let Some(answer) = hook(http, port, record).await else {
        return false;
    };
    let mut heard = heard.lock().unwrap();
    match answer.0 {
        200 | 202 => {
            heard.acknowledged.insert(ids(record), answer);
            return true;
        }
        503 => heard.unavailable += 1,
        _ => heard.dishonest.push(answer),
    }
    false
}

/// Waits until everything is delivered whose outcome is known, then checks that everything acknowledged
/// is in the ledger with that answer, that each action has one number, and that nobody else has it. A
/// packet that was under way when its process was killed, or for longer than `MOSIP_TIMEOUT`, has an
/// unknown outcome and is never sent again; one that was answered 503 is, and so many
/// were. What the middleware got is given back: event and number of
/// each packet.
pub(super) async fn all_is_kept(
    heard: &Heard,
    url: &str,
    outside: &MockServer,
    unavailable: usize,
) -> Vec<(String, String)> {
    assert!(heard.dishonest.is_empty(), "{:?}", heard.dishonest);
    let ledger: Arc<dyn Ledger> = ledger::open(url, Encryption::default()).await.unwrap();
    // Not the e-mails: what a killed process was sending is leased for minutes.
    let waiting = Filter {
        state: Some(State::Waiting),
        limit: u32::MAX,
        ..Filter::default()
    };
    let packets_that_wait = async || {
        let mut waiting = ledger.deliveries(&waiting).await.unwrap();
        waiting.retain(|delivery| delivery.destination == Destination::MIDDLEWARE);
        waiting
    };
    let is_unknown = |delivery: &Delivery| delivery.knowledge == Knowledge::Unknown;
    // A destination that failed is left alone for up to a minute.
    let until = Instant::now() + Duration::from_mins(2);
    loop {
        let mut waiting = packets_that_wait().await;
        waiting.retain(|delivery| !is_unknown(delivery));
        if waiting.is_empty() {
            break;
        }
        assert!(Instant::now() < until, "not delivered: {waiting:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let unknown = packets_that_wait().await;
    let unknown: BTreeSet<_> = unknown.iter().map(|d| d.event_id.as_str()).collect();
    let counts = ledger.counts().await.unwrap();
    assert_eq!((counts.refused, counts.parked, counts.purged), (0, 0, 0));

    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packets: Vec<_> = packets(outside)
        .await
        .iter()
        .map(|packet| {
            let number = &packet["requestFields"]["birthCertificateNumber"];
            (text(&packet["eventId"]), text(number))
        })
        .collect();
    let mut numbers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (event, number) in &packets {
        numbers.entry(event).or_default().insert(number);
    }
    let sent_once: BTreeSet<_> = packets.iter().map(|(event, _)| event).collect();
    let taken = packets.len() - unavailable;
    assert_eq!(sent_once.len(), taken, "a packet was sent twice");
    let mut all_numbers = BTreeSet::new();
    for ((event, action), (status, body)) in &heard.acknowledged {
        let (event_id, action_id) = (EventId::new(event), ActionId::new(action));
        let stored = ledger.answer(&event_id, &action_id).await;
        let stored = stored.unwrap().unwrap();
        assert_eq!(stored.status, *status);
        let number = if *status == 202 {
            let Some(numbers) = numbers.get(event.as_str()) else {
                assert!(unknown.contains(event.as_str()), "{event} was never sent");
                continue;
            };
            assert_eq!(numbers.len(), 1, "one number for {event}");
            (*numbers.first().unwrap()).to_owned()
        } else {
            assert_eq!(stored.body.unwrap().to_string(), *body);
            text(&serde_json::from_str::<Value>(body).unwrap()["registrationNumber"])
        };
        assert!(
            all_numbers.insert(number),
            "a number of its own for {event}"
        );
    }
    packets
}

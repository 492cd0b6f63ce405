// SPDX-License-Identifier: MPL-2.0
//! The offices of core in the ledger, with time in the hands of the test.

use super::at;
use super::memory::Memory;
use super::outage::until;
use handlers::clock::{Clock, SystemClock};
use handlers::core_client::{Core, Credentials};
use handlers::delivery::ledger::Ledger;
use handlers::delivery::transport::client;
use handlers::hooks::office_codes::OfficeCodes;
use jiff::Timestamp;
use rules::registration_numbers::Office;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::time::advance;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Counts how often it is asked: once for each list of offices that goes into the ledger.
#[derive(Default)]
struct CountingClock(AtomicUsize);

impl Clock for CountingClock {
    fn now(&self) -> Timestamp {
        self.0.fetch_add(1, SeqCst);
        at(0)
    }
}

/// Counts the warnings about offices.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().ends_with("office_codes")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Setting {
    core: Arc<Core>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<CountingClock>,
    office_codes: Arc<OfficeCodes>,
    /// How often the offices were to be brought up to date.
    turns: Arc<AtomicUsize>,
}

impl Setting {
    /// Keeps the offices up to date with core at this address, which knows no system client yet.
    fn with(url: &str) -> Self {
        let client = client(Duration::from_secs(5)).unwrap();
        let core = Arc::new(Core::new(client, url, url, None, Arc::new(SystemClock)));
        let ledger: Arc<dyn Ledger> = Arc::new(Memory::default());
        let clock = Arc::new(CountingClock::default());
        let office_codes = OfficeCodes::new(core.clone(), ledger.clone(), clock.clone());
        Self {
            core,
            ledger,
            clock,
            office_codes: Arc::new(office_codes),
            turns: Arc::default(),
        }
    }

    /// Begins, and waits for the first turn.
    async fn begin(&self) {
        let (office_codes, turns) = (self.office_codes.clone(), self.turns.clone());
        tokio::spawn(async move {
            let needed = || {
                turns.fetch_add(1, SeqCst);
                true
            };
            office_codes.keep_up(needed).await;
        });
        until(&self.turns, 1).await;
    }

    /// Lets time pass until the next turn, and returns how many seconds that are.
    async fn seconds_to_next_turn(&self) -> u64 {
        let before = self.turns.load(SeqCst);
        let mut seconds = 0;
        while self.turns.load(SeqCst) == before {
            assert!(seconds < 3600, "there is no further turn");
            advance(Duration::from_secs(1)).await;
            seconds += 1;
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        seconds
    }
}

/// A core with one office.
async fn core() -> MockServer {
    let core = MockServer::start().await;
    let list = |list: Value| json!({"result": {"data": {"json": list}}});
    let office = json!({"id": "uuid-1", "name": "Office", "externalId": "CRO1"});
    for (route, answer) in [
        ("/token", json!({"access_token": "system"})),
        ("/events/administrativeAreas.list", list(json!([]))),
        ("/events/locations.list", list(json!([office]))),
    ] {
        let answer = ResponseTemplate::new(200).set_body_json(answer);
        Mock::given(path(route))
            .respond_with(answer)
            .mount(&core)
            .await;
    }
    core
}

/// The bearer tokens with which a core was asked for lists.
async fn bearers(core: &MockServer) -> Vec<String> {
    let requests = core.received_requests().await.unwrap();
    let lists = requests
        .iter()
        .filter(|request| request.url.path().starts_with("/events/"));
    lists
        .map(|request| {
            request.headers["authorization"]
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn core_is_asked_once_there_is_a_system_client_and_seldom_from_then_on() {
    let server = core().await;
    let setting = Setting::with(&server.uri());
    setting.begin().await;
    for _ in 0..3 {
        assert_eq!(setting.seconds_to_next_turn().await, 30);
    }
    assert_eq!(bearers(&server).await, [""; 0]);
    setting.core.become_client(Credentials {
        id: "client".to_owned(),
        secret: "secret".into(),
    });
    assert_eq!(setting.seconds_to_next_turn().await, 30);
    until(&setting.clock.0, 1).await;
    let office = Office {
        id: "uuid-1".to_owned(),
        external_id: "CRO1".to_owned(),
        areas: vec![],
    };
    assert_eq!(setting.ledger.offices().await.unwrap(), [office]);
    assert_eq!(setting.seconds_to_next_turn().await, 30 + 600);
    until(&setting.clock.0, 2).await;

    // A hook of an office that is not in the ledger. The system client is asked as, not its user.
    setting.office_codes.look_again("hook");
    assert_eq!(setting.seconds_to_next_turn().await, 30);
    until(&setting.clock.0, 3).await;
    assert_eq!(bearers(&server).await, ["Bearer system"; 6]);
}

#[tokio::test(start_paused = true)]
async fn without_a_system_client_the_token_of_a_hook_is_used_once() {
    let server = core().await;
    let setting = Setting::with(&server.uri());
    setting.begin().await;
    setting.office_codes.look_again("hook");
    until(&setting.turns, 2).await;
    until(&setting.clock.0, 1).await;
    assert_eq!(setting.seconds_to_next_turn().await, 30 + 600);
    assert_eq!(setting.seconds_to_next_turn().await, 30);
    assert_eq!(bearers(&server).await, ["Bearer hook"; 2]);
}

/// After a failure a turn without the token would be over at once, and the next would follow after 30 s.
#[tokio::test(start_paused = true)]
async fn a_failure_is_reported_once_and_keeps_the_token_of_the_hook() {
    let warnings = Warnings::default();
    let _kept = tracing::subscriber::set_default(warnings.clone());
    // Not an address, so that a request fails without time passing.
    let setting = Setting::with("nowhere");
    setting.begin().await;
    assert_eq!(warnings.0.load(SeqCst), 0);
    setting.office_codes.look_again("hook");
    until(&setting.turns, 2).await;
    for _ in 0..3 {
        assert_eq!(setting.seconds_to_next_turn().await, 30 + 60);
    }
    assert_eq!(warnings.0.load(SeqCst), 1);
}

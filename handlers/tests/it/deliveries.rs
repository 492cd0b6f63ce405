// SPDX-License-Identifier: MPL-2.0
//! The worker against real HTTP.

use super::entry;
use handlers::clock::SystemClock;
use handlers::core_client::{Core, Credentials};
use handlers::delivery::acceptance::Acceptance;
use handlers::delivery::core_transport::CoreTransport;
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger::{self, Answer, Counts, Destination, Entry, Ledger};
use handlers::delivery::middleware::{HttpWire, Middleware};
use handlers::delivery::transport::{Transport, client};
use handlers::delivery::worker::{Deliveries, DeliveryTarget};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(super) struct Setting {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) outside: MockServer,
    wake: Arc<Notify>,
    stop: watch::Sender<bool>,
    worker: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

async fn setting(schedule: &str) -> Setting {
    Setting::with(schedule, None).await
}

impl Setting {
    /// One server stands for the middleware, core's gateway and core's auth service.
    pub(super) async fn with(schedule: &str, credentials: Option<Credentials>) -> Self {
        Self::asking_for(60_000, schedule, credentials).await
    }

    /// An unknown outcome is parked after so many milliseconds.
    pub(super) async fn asking_for(
        unknown_for: i64,
        schedule: &str,
        credentials: Option<Credentials>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger::open(
            &format!("sqlite://{}", folder.path().join("ledger.db").display()),
            Encryption::default(),
        )
        .await
        .unwrap();
        let outside = MockServer::start().await;
        let timeout = Duration::from_millis(300);
        let core = Core::new(
            client(timeout).unwrap(),
            &format!("{}/", outside.uri()),
            &outside.uri(),
            credentials,
            Arc::new(SystemClock),
        );
        let (core, clock) = (Arc::new(core), Arc::new(SystemClock));
        let acceptance = Arc::new(Acceptance {
            core: core.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
            schedule: schedule.parse().unwrap(),
        });
        let middleware = Middleware {
            wire: Arc::new(HttpWire::new(&outside.uri(), timeout).unwrap()),
            core: core.clone(),
            acceptance,
            ledger: ledger.clone(),
            clock: clock.clone(),
            numbers: "############".parse().unwrap(),
            timeout,
            retry_after_500: SignedDuration::from_millis(1),
            unknown_for: SignedDuration::from_millis(unknown_for),
        };
        let http = CoreTransport::new(client(timeout).unwrap(), core);
        let targets: [(_, Arc<dyn Transport>); 2] = [
            (Destination::MIDDLEWARE, Arc::new(middleware)),
            (Destination::CORE, Arc::new(http)),
        ];
        let wake = Arc::new(Notify::new());
        let (stop, stopped) = watch::channel(false);
        let deliveries = Deliveries {
            ledger: ledger.clone(),
            targets: targets
                .map(|(destination, transport)| DeliveryTarget {
                    destination,
                    transport,
                })
                .into(),
            clock,
            schedule: schedule.parse().unwrap(),
            timeout,
            wake: wake.clone(),
        };
        let worker = tokio::spawn(Arc::new(deliveries).run(stopped));
        Self {
            ledger,
            outside,
            wake,
            stop,
            worker,
            _folder: folder,
        }
    }

    pub(super) async fn until(&self, wanted: Counts) {
        let reached = async {
            while self.ledger.counts().await.unwrap() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = tokio::time::timeout(Duration::from_secs(10), reached).await;
        assert!(
            reached.is_ok(),
            "wanted {wanted:?}, got {:?}",
            self.ledger.counts().await.unwrap()
        );
    }

    async fn record(&self, event: &str, action: &str, answer: Answer) {
        let mut entry = entry(event, action, action);
        entry.answer = answer;
        self.record_at(&entry, jiff::Timestamp::UNIX_EPOCH).await;
    }

    pub(super) async fn record_at(&self, entry: &Entry, now: jiff::Timestamp) {
        self.ledger.record(entry, now).await.unwrap();
        self.wake.notify_one();
    }

    /// Path and body of every request that came, in order.
    pub(super) async fn requests(&self) -> Vec<(String, Value)> {
        let requests = self.outside.received_requests().await.unwrap();
        requests
            .iter()
            .map(|r| {
                (
                    r.url.path().to_owned(),
                    serde_json::from_slice(&r.body).unwrap_or_default(),
                )
            })
            .collect()
    }

    /// The bodies of what was posted to a path, in order.
    pub(super) async fn posts(&self, path: &str) -> Vec<Value> {
        let requests = self.outside.received_requests().await.unwrap();
        let posts = requests
            .iter()
            .filter(|r| r.method == "POST" && r.url.path() == path);
        posts
            .map(|r| serde_json::from_slice(&r.body).unwrap_or_default())
            .collect()
    }

    pub(super) async fn end(self) {
        self.stop.send_replace(true);
        self.worker.await.unwrap();
    }
}

fn registration() -> wiremock::MockBuilder {
    Mock::given(method("POST"))
        .and(path("/events/registration"))
        .and(header("authorization", "Bearer token"))
}

#[tokio::test]
async fn what_did_not_reach_the_middleware_is_sent_again_as_it_is_whatever_the_body() {
    let setting = setting("10ms,10ms,10ms").await;
    for status in [429, 503, 403] {
        registration()
            .respond_with(ResponseTemplate::new(status))
            .up_to_n_times(1)
            .mount(&setting.outside)
            .await;
    }
    registration()
        .respond_with(ResponseTemplate::new(200).set_body_raw("<html>ok</html>", "text/html"))
        .mount(&setting.outside)
        .await;
    setting.record("e", "a", Answer::wait()).await;
    setting
        .until(Counts {
            delivered: 1,
            ..Counts::default()
        })
        .await;
    let expected = json!({"eventId": "e", "action": "a"});
    assert_eq!(
        setting.posts("/events/registration").await,
        vec![expected; 4]
    );
    setting.end().await;
}

/// An identity is made once: nobody knows whether MOSIP has started.
#[tokio::test]
async fn a_packet_whose_outcome_is_unknown_is_never_sent_again() {
    let answers = [
        ResponseTemplate::new(202).set_delay(Duration::from_secs(5)),
        ResponseTemplate::new(502),
        ResponseTemplate::new(504),
        ResponseTemplate::new(500).set_body_string("<html>a proxy</html>"),
        ResponseTemplate::new(408),
    ];
    for answer in answers {
        let setting = Setting::asking_for(300, "1ms,20ms,20ms", None).await;
        registration()
            .respond_with(answer)
            .mount(&setting.outside)
            .await;
        setting.record("e", "a", Answer::wait()).await;
        setting
            .until(Counts {
                parked: 1,
                ..Counts::default()
            })
            .await;
        assert_eq!(setting.posts("/events/registration").await.len(), 1);
        setting.end().await;
    }
}

#[tokio::test]
async fn what_the_middleware_refuses_for_good_is_rejected_in_core_if_core_waits() {
    for status in [400, 422] {
        let setting = setting("10ms").await;
        registration()
            .respond_with(ResponseTemplate::new(status))
            .mount(&setting.outside)
            .await;
        let reject = "/events/event.actions.register.reject";
        Mock::given(path(reject))
            .and(header("authorization", "Bearer token"))
            .respond_with(ResponseTemplate::new(200))
            .mount(&setting.outside)
            .await;
        setting.record("e", "a", Answer::wait()).await;
        setting
            .until(Counts {
                delivered: 1,
                refused: 1,
                ..Counts::default()
            })
            .await;
        assert_eq!(
            setting.posts(reject).await,
            [
                json!({"json": {"eventId": "e", "actionId": "a", "transactionId": "countryconfig-reject-a"}})
            ]
        );

        setting.record("f", "b", Answer::accept(json!({}))).await;
        setting
            .until(Counts {
                delivered: 1,
                refused: 2,
                ..Counts::default()
            })
            .await;
        assert_eq!(
            setting.posts(reject).await.len(),
            1,
            "core was answered 200: there is nothing to reject"
        );
        setting.end().await;
    }
}

#[tokio::test]
async fn a_delivery_is_parked_when_the_schedule_ends_and_never_dropped() {
    let setting = setting("10ms,10ms").await;
    registration()
        .respond_with(ResponseTemplate::new(503))
        .mount(&setting.outside)
        .await;
    setting.record("e", "a", Answer::wait()).await;
    setting
        .until(Counts {
            parked: 1,
            ..Counts::default()
        })
        .await;
    assert_eq!(setting.posts("/events/registration").await.len(), 3);
    setting.end().await;
}

#[tokio::test]
async fn deliveries_of_one_event_arrive_in_order_even_when_the_first_fails() {
    let setting = setting("20ms,20ms").await;
    registration()
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&setting.outside)
        .await;
    registration()
        .respond_with(ResponseTemplate::new(202))
        .mount(&setting.outside)
        .await;
    for action in ["a1", "a2", "a3"] {
        setting.record("e", action, Answer::wait()).await;
    }
    setting
        .until(Counts {
            delivered: 3,
            ..Counts::default()
        })
        .await;
    let order: Vec<_> = setting
        .posts("/events/registration")
        .await
        .into_iter()
        .map(|body| body["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(order, ["a1", "a1", "a2", "a3"]);
    setting.end().await;
}

#[tokio::test]
async fn stopping_waits_for_the_attempt_under_way() {
    let setting = setting("10ms").await;
    let slow = ResponseTemplate::new(202).set_delay(Duration::from_millis(150));
    registration()
        .respond_with(slow)
        .mount(&setting.outside)
        .await;
    setting.record("e", "a", Answer::wait()).await;
    while setting.requests().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let ledger = setting.ledger.clone();
    let _outside = &setting.outside;
    setting.stop.send_replace(true);
    setting.worker.await.unwrap();
    assert_eq!(
        ledger.counts().await.unwrap(),
        Counts {
            delivered: 1,
            ..Counts::default()
        }
    );
}

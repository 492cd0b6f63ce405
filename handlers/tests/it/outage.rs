// SPDX-License-Identifier: MPL-2.0
//! A destination that is down, with time in the hands of the test.

use super::{at, entry};
use async_trait::async_trait;
use handlers::clock::Clock;
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger::{self, Claimed, Destination, Ledger};
use handlers::delivery::outcome::Outcome;
use handlers::delivery::transport::Transport;
use handlers::delivery::worker::{Deliveries, DeliveryTarget};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, advance, sleep};

const ANSWER_TIME: Duration = Duration::from_millis(10);

/// The clock follows the paused time of the test.
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        at(0) + SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

#[derive(Default)]
struct World {
    middleware_is_up: AtomicBool,
    middleware_hangs: AtomicBool,
    /// Attempts that reached for the middleware.
    attempts: AtomicUsize,
    under_way: AtomicUsize,
    rejected_in_core: AtomicUsize,
}

#[async_trait]
impl Transport for World {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        if delivery.destination == Destination::CORE {
            self.rejected_in_core.fetch_add(1, SeqCst);
            return Outcome::Delivered(reqwest::StatusCode::OK);
        }
        self.attempts.fetch_add(1, SeqCst);
        if self.middleware_hangs.load(SeqCst) {
            return std::future::pending().await;
        }
        if !self.middleware_is_up.load(SeqCst) {
            return Outcome::Unreachable;
        }
        self.under_way.fetch_add(1, SeqCst);
        sleep(ANSWER_TIME).await;
        self.under_way.fetch_sub(1, SeqCst);
        Outcome::Delivered(reqwest::StatusCode::ACCEPTED)
    }
}

struct Setting {
    world: Arc<World>,
    ledger: Arc<dyn Ledger>,
    wake: Arc<Notify>,
    _stop: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

/// A worker with so many deliveries to the middleware, all due when it starts.
async fn setting(deliveries: usize) -> Setting {
    // Somebody always has something to do: time passes only where the test says so.
    tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
    let ledger = ledger::open(&url, Encryption::default()).await.unwrap();
    for n in 0..deliveries {
        let name = format!("e{n}");
        let entry = entry(&name, "a", &name);
        ledger.record(&entry, at(0)).await.unwrap();
    }
    let (world, wake) = (Arc::new(World::default()), Arc::new(Notify::new()));
    let deliveries = Deliveries {
        ledger: ledger.clone(),
        targets: [Destination::MIDDLEWARE, Destination::CORE]
            .map(|destination| DeliveryTarget {
                destination,
                transport: world.clone(),
            })
            .into(),
        clock: Arc::new(Paused(Instant::now())),
        schedule: "10s,1m,1h".parse().unwrap(),
        timeout: Duration::from_secs(15),
        wake: wake.clone(),
    };
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(Arc::new(deliveries).run(stopped));
    Setting {
        world,
        ledger,
        wake,
        _stop: stop,
        _folder: folder,
    }
}

/// Lets everything happen that can happen without time passing, until a number is reached.
pub(super) async fn until(number: &AtomicUsize, wanted: usize) {
    let begun = std::time::Instant::now();
    while number.load(SeqCst) != wanted {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{} instead of {wanted}",
            number.load(SeqCst)
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_middleware_that_is_down_is_left_alone_then_probed_then_asked_more_and_more() {
    let setting = setting(40).await;
    let before = setting.settled().await;
    assert!(
        (16..=20).contains(&before),
        "{before} attempts until it is left alone"
    );
    // One probe after each pause; the attempts that are not made are not used up.
    for (probes, pause) in [1, 2, 4, 8, 16].into_iter().enumerate() {
        advance(Duration::from_millis(pause * 1000 - 1)).await;
        setting.wake.notify_one();
        assert_eq!(setting.settled().await, before + probes);
        advance(Duration::from_millis(2)).await;
        until(&setting.world.attempts, before + probes + 1).await;
        setting.settled().await;
    }
    setting.world.middleware_is_up.store(true, SeqCst);
    advance(Duration::from_secs(32)).await;
    for at_once in [1, 2, 4, 8, 16] {
        until(&setting.world.under_way, at_once).await;
        advance(ANSWER_TIME).await;
    }
    until(&setting.world.under_way, 9).await;
    advance(ANSWER_TIME).await;
    until(&setting.world.under_way, 0).await;
    while setting.ledger.counts().await.unwrap().delivered != 40 {}
}

impl Setting {
    /// The attempts so far, once all of them are written down and nobody begins another.
    async fn settled(&self) -> usize {
        let (mut quiet, mut before) = (0, 0);
        while quiet < 20 || before == 0 {
            let attempts = self.world.attempts.load(SeqCst);
            let mut written = 0;
            for id in 1..=40 {
                written += self.ledger.attempts(id).await.unwrap().len();
            }
            quiet = if (attempts, attempts) == (written, before) {
                quiet + 1
            } else {
                0
            };
            before = attempts;
        }
        before
    }
}

#[tokio::test(start_paused = true)]
async fn a_middleware_that_hangs_does_not_hold_up_rejections_in_core() {
    let setting = setting(20).await;
    setting.world.middleware_hangs.store(true, SeqCst);
    until(&setting.world.attempts, 16).await;
    let mut entry = entry("f", "b", "f");
    for delivery in &mut entry.deliveries {
        delivery.destination = Destination::CORE;
    }
    setting.ledger.record(&entry, at(0)).await.unwrap();
    setting.wake.notify_one();
    until(&setting.world.rejected_in_core, 1).await;
    assert_eq!(setting.world.attempts.load(SeqCst), 16);
}

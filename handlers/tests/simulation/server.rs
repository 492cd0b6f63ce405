// SPDX-License-Identifier: MPL-2.0
//! Server processes that run the real code, fail at any await and are started again.

use crate::memory::Memory;
use crate::outsiders::Status;
use crate::world::{SetClock, World};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use handlers::clock::Clock;
use handlers::delivery::{Deliveries, Door};
use handlers::hook::{HookError, Hooks};
use handlers::ledger::{
    Answer, Attempt, Claimed, Counts, Delivery, Destination, Entry, Filter, Ledger, LedgerError,
    Next, PastAttempt, Queue, Recorded,
};
use handlers::outside::{Outcome, Outside};
use handlers::verification::Verification;
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{ActionId, EventDocument, EventId};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

/// How the last attempt of a delivery stands.
pub(crate) enum Sent {
    /// Under way, or its end was not written down: whoever sends again must have a reason.
    Open(Arc<Life>),
    /// An error said that its end may not be written down.
    Unknown,
    /// It ended so, and the ledger has it.
    Ended(&'static str),
}

/// One life of a process.
#[derive(Default)]
pub(crate) struct Life {
    dead: AtomicBool,
    ended: Notify,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Life {
    fn is_over(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.ended.notify_one();
    }
}

/// A process, again and again.
pub(crate) struct Server {
    name: usize,
    world: Arc<World>,
    running: Mutex<Option<(Arc<Life>, Arc<Hooks>)>>,
}

impl Server {
    pub(crate) fn start(name: usize, world: &Arc<World>) -> Arc<Self> {
        let server = Arc::new(Self {
            name,
            world: world.clone(),
            running: Mutex::default(),
        });
        let supervised = server.clone();
        tokio::spawn(async move { supervised.live().await });
        server
    }

    async fn live(&self) {
        loop {
            let life = Arc::new(Life::default());
            let ledger: Arc<dyn Ledger> = Arc::new(Faulty {
                life: life.clone(),
                world: self.world.clone(),
            });
            let wake = Arc::new(Notify::new());
            let clock = Arc::new(SetClock(self.world.clone()));
            let hooks = Hooks {
                policy: ArcSwap::new(self.world.policy.clone()),
                verification: Verification::default(),
                ledger: ledger.clone(),
                clock: clock.clone(),
                numbers: "############".parse().unwrap(),
                followers: vec![],
                delay: SignedDuration::try_from(self.world.times.delay).unwrap(),
                wake: wake.clone(),
            };
            let network = Arc::new(Network {
                life: life.clone(),
                world: self.world.clone(),
            });
            let deliveries = Arc::new(Deliveries {
                ledger,
                doors: [Destination::MIDDLEWARE, Destination::CORE]
                    .map(|destination| Door {
                        destination,
                        outside: network.clone(),
                    })
                    .into(),
                clock,
                schedule: self.world.times.schedule.parse().unwrap(),
                timeout: self.world.times.timeout,
                wake,
            });
            *self.running.lock().unwrap() = Some((life.clone(), Arc::new(hooks)));
            let (stop, stopped) = watch::channel(false);
            let mut worker = tokio::spawn(deliveries.run(stopped));
            let (shutdown, pause) = {
                let rng = &mut self.world.state().rng;
                // Now and then a new version is installed.
                let shutdown = self.world.times.token / 10 + rng.within(self.world.times.token);
                (shutdown, rng.within(Duration::from_secs(10)))
            };
            let told_to_stop = async {
                tokio::time::sleep(shutdown).await;
                self.world
                    .tell(|| format!("server {}: told to stop", self.name));
                *self.running.lock().unwrap() = None;
                stop.send_replace(true);
                drop((&mut worker).await);
            };
            tokio::select! {
                biased;
                () = life.ended.notified() => {
                    self.world.tell(|| format!("server {}: killed", self.name));
                    *self.running.lock().unwrap() = None;
                    worker.abort();
                }
                () = told_to_stop => {
                    self.check_stopped(&life);
                    life.end();
                }
            }
            for task in life.tasks.lock().unwrap().drain(..) {
                task.abort();
            }
            tokio::time::sleep(pause).await;
            self.world
                .tell(|| format!("server {}: started again", self.name));
        }
    }

    /// What was under way has come to its end.
    fn check_stopped(&self, this: &Arc<Life>) {
        let attempts = std::mem::take(&mut self.world.state().attempts);
        for (id, sent) in &attempts {
            if matches!(sent, Sent::Open(life) if Arc::ptr_eq(life, this)) {
                let cut_off = format!("an attempt of delivery {id} is cut off by a planned stop");
                self.world.broken(cut_off);
            }
        }
        self.world.state().attempts = attempts;
    }

    /// A hook over the network; nothing where no answer comes back.
    pub(crate) async fn ask(
        &self,
        event: Arc<EventDocument>,
        kind: &'static str,
        token: String,
    ) -> Option<Result<Answer, HookError>> {
        let (life, hooks) = self.running.lock().unwrap().clone()?;
        let asked = tokio::spawn(async move {
            let pending = event.pending_action(kind).unwrap();
            hooks.answer(&event, pending, &token).await
        });
        life.tasks.lock().unwrap().push(asked.abort_handle());
        asked.await.ok()
    }
}

/// Lets time pass at an await, which may be the last one of this life.
async fn await_point(world: &World, life: &Life, when: &str, what: &str) {
    world.a_moment().await;
    let crash = !life.is_over() && {
        let mut state = world.state();
        state.rng.happens(world.weather.crashes)
    };
    if crash {
        world.saw("crash");
        world.tell(|| format!("crash {when} `{what}`"));
        life.end();
    }
    if life.is_over() {
        std::future::pending::<()>().await;
    }
}

/// The ledger as a process sees it.
struct Faulty {
    life: Arc<Life>,
    world: Arc<World>,
}

impl Faulty {
    fn memory(&self) -> &Memory {
        &self.world.memory
    }

    /// Something in the way of a call, before it or after it: the caller cannot tell which.
    async fn fault(&self, when: &str, what: &str) -> Result<(), LedgerError> {
        await_point(&self.world, &self.life, when, what).await;
        let world = &self.world;
        let fails = {
            let mut state = world.state();
            state.rng.happens(world.weather.ledger_faults)
        };
        if fails || world.is_in(&world.weather.ledger_down) {
            world.saw("ledger failed");
            world.tell(|| format!("the ledger fails {when} `{what}`"));
            return Err(LedgerError::Database(sqlx::Error::PoolTimedOut));
        }
        Ok(())
    }
}

#[async_trait]
impl Ledger for Faulty {
    async fn record(&self, entry: &Entry, now: Timestamp) -> Result<Recorded, LedgerError> {
        self.fault("before", "record").await?;
        let known = self.memory().answer(&entry.event_id, &entry.action_id);
        if entry.registration_number.is_some() && known.await?.is_none() {
            let taken = self.world.state().rng.happens(20);
            if taken {
                let number = entry.registration_number.clone();
                self.world.state().taken.extend(number);
                self.world.saw("number taken");
                self.world.tell(|| "the number was another's".into());
                return Ok(Recorded::NumberTaken);
            }
        }
        let recorded = self.memory().record(entry, now).await?;
        if let (Recorded::New, Some(number)) = (&recorded, &entry.registration_number)
            && self.world.state().taken.contains(number)
        {
            let taken = format!("{} keeps a number that is another's", entry.action_id);
            self.world.broken(taken);
        }
        self.world.tell(|| {
            let how = match &recorded {
                Recorded::New => "is written down",
                Recorded::Before(_) => "was there before",
                Recorded::NumberTaken => "has the number of another",
            };
            format!("ledger: {} {how}", entry.action_id)
        });
        if recorded != Recorded::New {
            self.world.saw("asked again");
        }
        self.fault("after", "record").await?;
        Ok(recorded)
    }

    async fn answer(
        &self,
        event: &EventId,
        action: &ActionId,
    ) -> Result<Option<Answer>, LedgerError> {
        self.fault("before", "answer").await?;
        self.memory().answer(event, action).await
    }

    async fn claim(
        &self,
        destination: &Destination,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>, LedgerError> {
        self.fault("before", "claim").await?;
        let claimed = self.memory().claim(destination, now, until, limit).await;
        self.fault("after", "claim").await?;
        claimed
    }

    async fn claim_of(
        &self,
        event: &EventId,
        destination: &Destination,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Claimed>, LedgerError> {
        self.fault("before", "claim").await?;
        let memory = self.memory();
        memory.claim_of(event, destination, now, until).await
    }

    async fn conclude(
        &self,
        claimed: &Claimed,
        attempt: &Attempt,
        next: &Next,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        // Whether it fails before or after: the sender has noticed, and said so in its log.
        let before = self.fault("before", "conclude").await;
        let end = |sent| self.world.state().attempts.insert(claimed.id, sent);
        end(Sent::Unknown);
        before?;
        self.memory().conclude(claimed, attempt, next, now).await?;
        end(Sent::Ended(attempt.outcome));
        self.world.saw(attempt.outcome);
        if matches!(next, Next::Parked) {
            self.world.saw("parked");
        }
        self.world.tell(|| {
            let next = match next {
                Next::Delivered => "delivered".to_owned(),
                Next::Refused(_) => "refused".into(),
                Next::Retry(at) | Next::Later(at) => format!("again at {at}"),
                Next::Parked => "parked".into(),
            };
            let (id, action, n) = (claimed.id, &claimed.action_id, claimed.attempt);
            format!("ledger: delivery {id} of {action}, attempt {n}: {next}")
        });
        self.fault("after", "conclude").await
    }

    async fn next_due(
        &self,
        destination: &Destination,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerError> {
        self.fault("before", "next_due").await?;
        self.memory().next_due(destination, now).await
    }

    async fn pending(&self, limit: u32) -> Result<Vec<Delivery>, LedgerError> {
        self.memory().pending(limit).await
    }

    async fn settle(
        &self,
        event: &EventId,
        action: &ActionId,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.memory().settle(event, action, now).await
    }

    async fn queues(&self) -> Result<Vec<Queue>, LedgerError> {
        self.memory().queues().await
    }

    async fn deliveries(&self, filter: &Filter) -> Result<Vec<Delivery>, LedgerError> {
        self.memory().deliveries(filter).await
    }

    async fn attempts(&self, delivery: i64) -> Result<Vec<PastAttempt>, LedgerError> {
        self.memory().attempts(delivery).await
    }

    async fn retry(&self, delivery: i64, force: bool, now: Timestamp) -> Result<bool, LedgerError> {
        self.memory().retry(delivery, force, now).await
    }

    async fn park(&self, delivery: i64) -> Result<bool, LedgerError> {
        self.memory().park(delivery).await
    }

    async fn purge(&self, delivery: i64, now: Timestamp) -> Result<bool, LedgerError> {
        self.memory().purge(delivery, now).await
    }

    async fn erase(&self, ended_before: Timestamp) -> Result<u64, LedgerError> {
        self.memory().erase(ended_before).await
    }

    async fn counts(&self) -> Result<Counts, LedgerError> {
        self.memory().counts().await
    }

    async fn keep(&self, name: &str, value: &str, now: Timestamp) -> Result<(), LedgerError> {
        self.memory().keep(name, value, now).await
    }

    async fn kept(&self, name: &str) -> Result<Option<String>, LedgerError> {
        self.memory().kept(name).await
    }

    async fn writable(&self) -> Result<(), LedgerError> {
        self.memory().writable().await
    }
}

/// The way to the middleware and to core.
struct Network {
    life: Arc<Life>,
    world: Arc<World>,
}

#[async_trait]
impl Outside for Network {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        let world = &self.world;
        await_point(world, &self.life, "before", "send").await;
        world.check_order(delivery);
        let outcome = if let Some(outcome) = self.prepare(delivery) {
            outcome
        } else {
            self.check_reason(delivery);
            if delivery.destination == Destination::CORE {
                world.gateway(delivery).await
            } else {
                world.middleware(delivery).await
            }
        };
        world.tell(|| {
            let (id, operation, to) = (
                delivery.id,
                &delivery.operation,
                delivery.destination.as_str(),
            );
            format!("call: delivery {id} `{operation}` to {to}: {outcome:?}")
        });
        await_point(world, &self.life, "after", "send").await;
        outcome
    }

    fn sendable_until(&self, delivery: &Claimed) -> Option<Timestamp> {
        (!self.world.weather.system_client).then(|| self.world.end_of(delivery))
    }
}

impl Network {
    /// What is asked of core before anything is sent, as the real client does.
    fn prepare(&self, delivery: &Claimed) -> Option<Outcome> {
        let world = &self.world;
        if !world.weather.system_client {
            let alive = SetClock(world.clone()).now() < world.end_of(delivery);
            return (!alive).then_some(Outcome::Expired);
        }
        if delivery.waits_for_acceptance() {
            if world.is_in(&world.weather.core_down) {
                return Some(Outcome::Unprepared);
            }
            match world.status(&delivery.action_id) {
                Status::Accepted => {}
                Status::Rejected => return Some(Outcome::Unwanted),
                Status::Requested => return Some(Outcome::Undecided),
            }
        }
        None
    }

    /// Nothing is sent again without a failure whose end nobody could see.
    fn check_reason(&self, delivery: &Claimed) {
        let this = Sent::Open(self.life.clone());
        let last = self.world.state().attempts.insert(delivery.id, this);
        let wrong = match last {
            _ if self.world.clock_was_set() => return,
            Some(Sent::Open(life)) if !life.is_over() => "while another attempt is under way",
            Some(Sent::Ended("delivered")) => "although it has arrived",
            Some(Sent::Ended("refused" | "unwanted")) => "although nobody will take it",
            _ => return,
        };
        let id = delivery.id;
        self.world.broken(format!("delivery {id} is sent {wrong}"));
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Server processes that run the real code, fail at any await and are started again.

use crate::memory::Memory;
use crate::outsiders::action_of;
use crate::world::{SetClock, World};
use async_trait::async_trait;
use handlers::clock::Clock;
use handlers::core_client::{CoreError, Fate};
use handlers::current::Current;
use handlers::delivery::acceptance::Acceptance;
use handlers::delivery::core_api::CoreApi;
use handlers::delivery::ledger::{
    Answer, Attempt, Begun, Claimed, Counts, Delivery, Destination, Entry, Filter, Integration,
    Knowledge, Ledger, LedgerError, LostNumber, NewDelivery, Next, NumberLedger, PastAttempt,
    Queue, Recorded, Registered, Renumbered, SequenceState, Standing, State, WaitingActions,
    WriteEntry,
};
use handlers::delivery::middleware::{Middleware, Wire};
use handlers::delivery::outcome::Outcome;
use handlers::delivery::schedule::Schedule;
use handlers::delivery::transport::Transport;
use handlers::delivery::worker::{Deliveries, DeliveryTarget};
use handlers::hooks::verification::Verification;
use handlers::hooks::{HookError, Hooks};
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{ActionId, EventDocument, EventId};
use rules::registration_numbers::{Office, Request};
use secrecy::SecretString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

/// A request with a packet, as its sender knows it.
#[derive(Clone)]
pub(crate) enum Post {
    /// No answer yet, or the process is dead.
    Open(Arc<Life>),
    /// Answered so.
    Ended(Outcome),
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
            let middleware = self.middleware(&life, &ledger);
            let hooks = Hooks {
                policy: Current::fixed(self.world.policy.clone()),
                verification: Verification::default(),
                ledger: ledger.clone(),
                clock: clock.clone(),
                numbers: "############".parse().unwrap(),
                office_codes: None,
                followers: vec![],
                delay: SignedDuration::try_from(self.world.times.delay).unwrap(),
                wake: wake.clone(),
                wakes_at: Arc::default(),
            };
            let gateway = Gateway {
                life: life.clone(),
                world: self.world.clone(),
            };
            let targets: [(_, Arc<dyn Transport>); 2] = [
                (
                    Destination::MIDDLEWARE,
                    Arc::new(InOrder(self.world.clone(), middleware)),
                ),
                (Destination::CORE, Arc::new(gateway)),
            ];
            let deliveries = Arc::new(Deliveries {
                ledger,
                targets: targets
                    .map(|(destination, transport)| DeliveryTarget {
                        destination,
                        transport,
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

    /// The real one, between models of core and of the line.
    fn middleware(&self, life: &Arc<Life>, ledger: &Arc<dyn Ledger>) -> Middleware {
        let (world, times) = (&self.world, &self.world.times);
        let clock = Arc::new(SetClock(world.clone()));
        let core = Arc::new(Asking {
            life: life.clone(),
            world: world.clone(),
        });
        let acceptance = Acceptance {
            core: core.clone(),
            ledger: ledger.clone(),
            clock: clock.clone(),
            schedule: times.schedule.parse().unwrap(),
        };
        let signed = |time| SignedDuration::try_from(time).unwrap();
        Middleware {
            wire: Arc::new(Line {
                life: life.clone(),
                world: world.clone(),
            }),
            core,
            acceptance: Arc::new(acceptance),
            ledger: ledger.clone(),
            clock,
            numbers: "############".parse().unwrap(),
            timeout: times.timeout,
            retry_after_500: signed(times.retry_after_500),
            unknown_for: signed(times.unknown_for),
        }
    }

    /// What was under way has come to its end.
    fn check_stopped(&self, this: &Arc<Life>) {
        let posts = self.world.state().posts.clone();
        for (action, posts) in &posts {
            let cut_off = |post: &Post| matches!(post, Post::Open(life) if Arc::ptr_eq(life, this));
            if posts.iter().any(cut_off) {
                let cut_off = format!("the packet of {action} is cut off by a planned stop");
                self.world.broken(cut_off);
            }
        }
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
impl NumberLedger for Faulty {
    async fn register(
        &self,
        request: &Request<'_>,
        write: &WriteEntry<'_>,
        now: Timestamp,
    ) -> Result<Registered, LedgerError> {
        self.fault("before", "register").await?;
        let registered = self.memory().register(request, write, now).await;
        self.fault("after", "register").await?;
        registered
    }

    async fn next_number(
        &self,
        event: &EventId,
        action: &ActionId,
        current: &str,
        now: Timestamp,
    ) -> Result<Option<String>, LedgerError> {
        self.fault("before", "next_number").await?;
        let next = self.memory().next_number(event, action, current, now).await;
        self.fault("after", "next_number").await?;
        next
    }

    async fn keep_offices(&self, offices: &[Office], now: Timestamp) -> Result<u64, LedgerError> {
        self.memory().keep_offices(offices, now).await
    }

    async fn offices(&self) -> Result<Vec<Office>, LedgerError> {
        self.memory().offices().await
    }

    async fn sequences(&self) -> Result<Vec<SequenceState>, LedgerError> {
        self.memory().sequences().await
    }

    async fn raise_sequence(
        &self,
        name: &str,
        last: u64,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.memory().raise_sequence(name, last, now).await
    }

    async fn lost_numbers(&self) -> Result<Vec<LostNumber>, LedgerError> {
        self.memory().lost_numbers().await
    }
}

#[async_trait]
impl Ledger for Faulty {
    async fn mend(&self, _: Timestamp) -> Result<u64, LedgerError> {
        Ok(0)
    }

    async fn prepare(&self) -> Result<(), LedgerError> {
        Ok(())
    }

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
        probe: bool,
    ) -> Result<Vec<Claimed>, LedgerError> {
        self.fault("before", "claim").await?;
        let memory = self.memory();
        let claimed = memory.claim(destination, now, until, limit, probe).await;
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

    async fn begin(
        &self,
        claimed: &Claimed,
        renumbered: Option<&Renumbered>,
        now: Timestamp,
    ) -> Result<Begun, LedgerError> {
        self.fault("before", "begin").await?;
        let begun = self.memory().begin(claimed, renumbered, now).await;
        self.fault("after", "begin").await?;
        begun
    }

    async fn conclude(
        &self,
        claimed: &Claimed,
        attempt: &Attempt,
        next: &Next,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.fault("before", "conclude").await?;
        self.memory().conclude(claimed, attempt, next, now).await?;
        self.world.saw(attempt.outcome.as_str());
        if matches!(next, Next::Parked(_)) {
            self.world.saw("parked");
        }
        self.world.tell(|| {
            let next = match next {
                Next::Delivered => "delivered".to_owned(),
                Next::Refused(_) => "refused".into(),
                Next::Retry(at) | Next::Renew(at) | Next::Later(at) => format!("again at {at}"),
                Next::Parked(_) => "parked".into(),
            };
            let (id, action, n) = (claimed.id, &claimed.action_id, claimed.attempt);
            let outcome = attempt.outcome.as_str();
            format!("ledger: delivery {id} of {action}, attempt {n}: {outcome}, {next}")
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

    async fn standing(
        &self,
        event: &EventId,
        action: &ActionId,
        now: Timestamp,
        again_at: Timestamp,
    ) -> Result<Standing, LedgerError> {
        self.fault("before", "standing").await?;
        self.memory().standing(event, action, now, again_at).await
    }

    async fn learn(
        &self,
        event: &EventId,
        action: &ActionId,
        fate: &Fate,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.fault("before", "learn").await?;
        self.memory().learn(event, action, fate, now).await
    }

    async fn waiting_actions(&self) -> Result<Vec<WaitingActions>, LedgerError> {
        self.memory().waiting_actions().await
    }

    async fn queues(&self) -> Result<Vec<Queue>, LedgerError> {
        self.memory().queues().await
    }

    async fn deliveries(&self, filter: &Filter) -> Result<Vec<Delivery>, LedgerError> {
        self.memory().deliveries(filter).await
    }

    async fn count(&self, filter: &Filter) -> Result<Vec<(State, u64)>, LedgerError> {
        self.memory().count(filter).await
    }

    async fn attempts(&self, delivery: i64) -> Result<Vec<PastAttempt>, LedgerError> {
        self.memory().attempts(delivery).await
    }

    async fn retry(
        &self,
        delivery: i64,
        force: bool,
        assumed: Option<Knowledge>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.memory().retry(delivery, force, assumed, now).await
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

    async fn kept_under(&self, prefix: &str) -> Result<Vec<(String, String)>, LedgerError> {
        self.memory().kept_under(prefix).await
    }

    async fn keep_integration(
        &self,
        name: &str,
        client_id: &str,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Integration, LedgerError> {
        self.memory()
            .keep_integration(name, client_id, secret, now)
            .await
    }

    async fn integrations(&self) -> Result<Vec<Integration>, LedgerError> {
        self.memory().integrations().await
    }

    async fn lease_integration(
        &self,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.memory().lease_integration(name, now, until).await
    }

    async fn release_integration(&self, name: &str) -> Result<(), LedgerError> {
        self.memory().release_integration(name).await
    }

    async fn register_integration(
        &self,
        integration: &Integration,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.memory().register_integration(integration, now).await
    }

    async fn show_integration(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Integration>, LedgerError> {
        self.memory().show_integration(name, now).await
    }

    async fn forget(&self, name: &str) -> Result<(), LedgerError> {
        self.memory().forget(name).await
    }

    async fn add(
        &self,
        event: &EventId,
        action: &ActionId,
        delivery: &NewDelivery,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.memory().add(event, action, delivery, now).await
    }

    async fn close(&self) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn writable(&self) -> Result<(), LedgerError> {
        self.memory().writable().await
    }
}

/// What concerns one record is sent in order.
struct InOrder(Arc<World>, Middleware);

#[async_trait]
impl Transport for InOrder {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        self.0.check_order(delivery);
        self.1.send(delivery).await
    }

    fn longest(&self) -> Option<Duration> {
        self.1.longest()
    }

    fn sendable_until(&self, delivery: &Claimed) -> Option<Timestamp> {
        self.1.sendable_until(delivery)
    }

    fn next(
        &self,
        delivery: &Claimed,
        outcome: Outcome,
        schedule: &Schedule,
        now: Timestamp,
    ) -> Option<Next> {
        self.1.next(delivery, outcome, schedule, now)
    }
}

/// The line to the middleware.
struct Line {
    life: Arc<Life>,
    world: Arc<World>,
}

#[async_trait]
impl Wire for Line {
    async fn post(&self, path: &str, token: &str, body: &str) -> Outcome {
        let (world, action) = (&self.world, action_of(token));
        await_point(world, &self.life, "before", "post").await;
        let n = self.check_reason(&action);
        let outcome = world.middleware(path, token, &action, body).await;
        world.tell(|| format!("call: the packet of {action} to the middleware: {outcome:?}"));
        await_point(world, &self.life, "after", "post").await;
        if let Some(posts) = world.state().posts.get_mut(&action) {
            posts[n] = Post::Ended(outcome);
        }
        outcome
    }
}

impl Line {
    /// A packet that makes an identity is sent again only where it is known that MOSIP was not started.
    fn check_reason(&self, action: &str) -> usize {
        let world = &self.world;
        let mut state = world.state();
        let makes_identity = state.core.actions[action].makes_identity();
        let posts = state.posts.entry(action.to_owned()).or_default();
        let unknown = posts.iter().any(|post| match post {
            Post::Open(_) => true,
            Post::Ended(outcome) => matches!(outcome, Outcome::Unknown(_) | Outcome::Delivered(_)),
        });
        posts.push(Post::Open(self.life.clone()));
        let n = posts.len() - 1;
        drop(state);
        if n > 0 {
            world.saw("sent again");
        }
        if makes_identity && unknown {
            let what = "although nobody knows what became of it";
            world.broken(format!("the packet of {action} is sent again {what}"));
        }
        n
    }
}

/// Core, as it is asked about records and for tokens.
struct Asking {
    life: Arc<Life>,
    world: Arc<World>,
}

#[async_trait]
impl CoreApi for Asking {
    fn has_system_client(&self) -> bool {
        self.world.weather.system_client
    }

    async fn fate_of(&self, delivery: &Claimed) -> Result<Fate, CoreError> {
        await_point(&self.world, &self.life, "before", "event.get").await;
        let alive = SetClock(self.world.clone()).now() < self.world.end_of(delivery);
        if !self.has_system_client() && !alive {
            return Err(CoreError::Expired);
        }
        self.world.fate(&delivery.action_id, Duration::ZERO)
    }

    async fn fate_without_trace(&self, delivery: &Claimed) -> Result<Fate, CoreError> {
        if !self.has_system_client() {
            return self.fate_of(delivery).await;
        }
        await_point(&self.world, &self.life, "before", "event.search").await;
        // The index is a little behind.
        self.world.fate(&delivery.action_id, Duration::from_secs(1))
    }

    async fn token_for(&self, delivery: &Claimed, fresh: bool) -> Result<String, CoreError> {
        await_point(&self.world, &self.life, "before", "token").await;
        let alive = SetClock(self.world.clone()).now() < self.world.end_of(delivery);
        if alive && !fresh && !delivery.token.is_empty() {
            return Ok(delivery.token.clone());
        }
        if !self.has_system_client() {
            return Err(CoreError::Expired);
        }
        self.world.fresh_token(delivery)
    }

    fn token_ends(&self, delivery: &Claimed) -> Option<Timestamp> {
        (!self.has_system_client()).then(|| self.world.end_of(delivery))
    }
}

/// The way to core's gateway.
struct Gateway {
    life: Arc<Life>,
    world: Arc<World>,
}

#[async_trait]
impl Transport for Gateway {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        let world = &self.world;
        await_point(world, &self.life, "before", "send").await;
        world.check_order(delivery);
        let alive = SetClock(world.clone()).now() < world.end_of(delivery);
        let outcome = if world.weather.system_client || alive {
            world.gateway(delivery).await
        } else {
            Outcome::Expired
        };
        world.tell(|| {
            let (id, operation) = (delivery.id, &delivery.operation);
            format!("call: delivery {id} `{operation}` to core: {outcome:?}")
        });
        await_point(world, &self.life, "after", "send").await;
        outcome
    }

    fn sendable_until(&self, delivery: &Claimed) -> Option<Timestamp> {
        (!self.world.weather.system_client).then(|| self.world.end_of(delivery))
    }
}

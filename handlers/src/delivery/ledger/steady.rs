// SPDX-License-Identifier: MPL-2.0
//! A ledger with timeouts for all operations and retries for answers: core asks once, and a hook whose
//! answer cannot be stored, because the database failed, blocks its record.

use super::numbers::{LostNumber, NumberLedger, Registered, SequenceState, WriteEntry};
use super::{
    Answer, Attempt, Begun, Claimed, Counts, Delivery, Destination, Entry, Filter, Integration,
    Knowledge, Ledger, LedgerError, NewDelivery, Next, PastAttempt, Queue, Recorded, Renumbered,
    Standing, State, WaitingActions,
};
use crate::core_client::Fate;
use async_trait::async_trait;
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use rules::registration_numbers::{Office, Request};
use secrecy::SecretString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

/// Storing an answer is retried for this long. Core waits for it for 30 s.
const PATIENCE: Duration = Duration::from_secs(25);
/// The pause between two attempts to store an answer.
const PAUSE: Duration = Duration::from_millis(300);
/// The longest time of an operation that a caller waits for.
const SHORT: Duration = Duration::from_secs(6);
/// The longest time of one that goes through all rows.
const LONG: Duration = Duration::from_mins(5);

/// A database that can replace its connections.
pub(super) trait Renewable: Ledger {
    /// The connections that were made until now are not used again.
    fn renew(&self);
}

/// The connections that may still be used: after a failure, only those that are made later.
#[derive(Clone, Default)]
pub(super) struct Trust(Arc<Mutex<Option<Instant>>>);

impl Trust {
    pub(super) fn renew(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn allows(&self, age: Duration) -> bool {
        let renewed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.is_none_or(|renewed| renewed.elapsed() >= age)
    }
}

/// More than any answer takes with its deliveries, in bytes.
const ROOM: usize = 128 * 1024;

/// See the module.
pub(super) struct Steady<L> {
    ledger: L,
    /// The last answer was not taken.
    failed: AtomicBool,
}

impl<L: Renewable> Steady<L> {
    pub(super) fn new(ledger: L) -> Self {
        Self {
            ledger,
            failed: AtomicBool::new(false),
        }
    }

    /// Checks that there is room for an answer: a disk that is nearly full still takes a smaller row.
    async fn room(&self) -> Result<(), LedgerError> {
        const NAME: &str = "room";
        let room = "0".repeat(ROOM);
        self.ledger.keep(NAME, &room, Timestamp::UNIX_EPOCH).await?;
        self.ledger.forget(NAME).await
    }

    /// The result of an operation, within its time. After a failure its connection, which may be broken or
    /// lead to a server that is no longer the right one, is not used again.
    async fn within<T>(
        &self,
        limit: Duration,
        operation: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        let result = timeout(limit, operation).await;
        let result = result.unwrap_or(Err(LedgerError::Timeout(limit.as_secs())));
        if result.as_ref().is_err_and(LedgerError::may_pass) {
            self.ledger.renew();
        }
        result
    }
}

impl<L: Renewable> Steady<L> {
    /// The result of storing an answer, which is tried again after a failure: core asks once.
    async fn patiently<T, F>(
        &self,
        event: &EventId,
        action: &ActionId,
        store: impl Fn() -> F,
    ) -> Result<T, LedgerError>
    where
        F: Future<Output = Result<T, LedgerError>>,
    {
        let started = Instant::now();
        let mut failures = 0_u32;
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let error = match self.within(SHORT.min(left), store()).await {
                Ok(stored) => {
                    self.failed.store(false, Ordering::Relaxed);
                    if failures > 0 {
                        info!(event.id = %event, action.id = %action, failures, "Stored the answer in the ledger after {failures} failed attempts");
                    }
                    return Ok(stored);
                }
                Err(error) => error,
            };
            self.failed.store(true, Ordering::Relaxed);
            if !error.may_pass() || left <= PAUSE {
                return Err(error);
            }
            if failures == 0 {
                warn!(error = &error as &dyn std::error::Error, event.id = %event, action.id = %action, "Could not store an answer in the ledger; retrying for {} s", PATIENCE.as_secs());
            }
            failures += 1;
            sleep(PAUSE).await;
        }
    }
}

#[async_trait]
impl<L: Renewable> NumberLedger for Steady<L> {
    async fn register(
        &self,
        request: &Request<'_>,
        write: &WriteEntry<'_>,
        now: Timestamp,
    ) -> Result<Registered, LedgerError> {
        let (event, action) = (request.event_id, request.action_id);
        let register = || self.ledger.register(request, write, now);
        self.patiently(event, action, register).await
    }

    async fn next_number(
        &self,
        event: &EventId,
        action: &ActionId,
        current: &str,
        now: Timestamp,
    ) -> Result<Option<String>, LedgerError> {
        let next = self.ledger.next_number(event, action, current, now);
        self.within(SHORT, next).await
    }

    async fn keep_offices(&self, offices: &[Office], now: Timestamp) -> Result<u64, LedgerError> {
        self.within(LONG, self.ledger.keep_offices(offices, now))
            .await
    }

    async fn offices(&self) -> Result<Vec<Office>, LedgerError> {
        self.within(LONG, self.ledger.offices()).await
    }

    async fn sequences(&self) -> Result<Vec<SequenceState>, LedgerError> {
        self.within(LONG, self.ledger.sequences()).await
    }

    async fn raise_sequence(
        &self,
        name: &str,
        last: u64,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let raise = self.ledger.raise_sequence(name, last, now);
        self.within(SHORT, raise).await
    }

    async fn lost_numbers(&self) -> Result<Vec<LostNumber>, LedgerError> {
        self.within(LONG, self.ledger.lost_numbers()).await
    }
}

macro_rules! within {
    ($($limit:ident: $name:ident($($argument:ident: $Type:ty),*) -> $Result:ty;)*) => {
        #[async_trait]
        impl<L: Renewable> Ledger for Steady<L> {
            async fn record(&self, entry: &Entry, now: Timestamp) -> Result<Recorded, LedgerError> {
                let (event, action) = (&entry.event_id, &entry.action_id);
                self.patiently(event, action, || self.ledger.record(entry, now)).await
            }

            async fn writable(&self) -> Result<(), LedgerError> {
                if self.failed.load(Ordering::Relaxed) {
                    self.within(SHORT, self.room()).await?;
                    self.failed.store(false, Ordering::Relaxed);
                }
                self.within(SHORT, self.ledger.writable()).await
            }

            $(
                async fn $name(&self $(, $argument: $Type)*) -> Result<$Result, LedgerError> {
                    self.within($limit, self.ledger.$name($($argument),*)).await
                }
            )*
        }
    };
}

within! {
    LONG: prepare() -> ();
    SHORT: answer(event: &EventId, action: &ActionId) -> Option<Answer>;
    SHORT: claim(destination: &Destination, now: Timestamp, until: Timestamp, limit: u32, probe: bool) -> Vec<Claimed>;
    SHORT: claim_of(event: &EventId, destination: &Destination, now: Timestamp, until: Timestamp) -> Option<Claimed>;
    SHORT: begin(claimed: &Claimed, renumbered: Option<&Renumbered>, now: Timestamp) -> Begun;
    SHORT: conclude(claimed: &Claimed, attempt: &Attempt, next: &Next, now: Timestamp) -> ();
    SHORT: next_due(destination: &Destination, now: Timestamp) -> Option<Timestamp>;
    LONG: pending(limit: u32) -> Vec<Delivery>;
    SHORT: standing(event: &EventId, action: &ActionId, now: Timestamp, again_at: Timestamp) -> Standing;
    SHORT: learn(event: &EventId, action: &ActionId, fate: &Fate, now: Timestamp) -> ();
    LONG: waiting_actions() -> Vec<WaitingActions>;
    LONG: queues() -> Vec<Queue>;
    LONG: deliveries(filter: &Filter) -> Vec<Delivery>;
    LONG: count(filter: &Filter) -> Vec<(State, u64)>;
    SHORT: attempts(delivery: i64) -> Vec<PastAttempt>;
    SHORT: retry(delivery: i64, force: bool, assumed: Option<Knowledge>, now: Timestamp) -> bool;
    SHORT: park(delivery: i64) -> bool;
    SHORT: purge(delivery: i64, now: Timestamp) -> bool;
    LONG: erase(ended_before: Timestamp) -> u64;
    LONG: mend(now: Timestamp) -> u64;
    LONG: counts() -> Counts;
    SHORT: keep(name: &str, value: &str, now: Timestamp) -> ();
    SHORT: kept(name: &str) -> Option<String>;
    LONG: kept_under(prefix: &str) -> Vec<(String, String)>;
    SHORT: forget(name: &str) -> ();
    SHORT: keep_integration(name: &str, client_id: &str, secret: &SecretString, now: Timestamp) -> Integration;
    SHORT: integrations() -> Vec<Integration>;
    SHORT: lease_integration(name: &str, now: Timestamp, until: Timestamp) -> bool;
    SHORT: release_integration(name: &str) -> ();
    SHORT: register_integration(integration: &Integration, now: Timestamp) -> ();
    SHORT: show_integration(name: &str, now: Timestamp) -> Option<Integration>;
    SHORT: add(event: &EventId, action: &ActionId, delivery: &NewDelivery, now: Timestamp) -> ();
    SHORT: close() -> ();
}

// SPDX-License-Identifier: MPL-2.0
//! The worker that brings deliveries from the ledger to their destinations: at least once, in order
//! per event, until it succeeds, is refused permanently, or the schedule ends and an operator takes over.

use crate::clock::{Clock, later};
use crate::core_client;
use crate::delivery::breaker::Breaker;
use crate::delivery::ledger::{
    Attempt, Claimed, Destination, Knowledge, Ledger, LedgerError, NewDelivery, Next,
};
use crate::delivery::outcome::{Health, Outcome};
use crate::delivery::schedule::Schedule;
use crate::delivery::transport::Transport;
use crate::fault;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use metrics::{counter, gauge, histogram};
use opencrvs_toolkit::event_document::EventId;
use opencrvs_toolkit::hook_action::HookAction;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{error, info, warn};

/// The ledger is asked again after this time even without a notification: another replica may have
/// died with a lease.
const IDLE: Duration = Duration::from_secs(30);

/// The time by which a lease lasts longer than its attempt.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// The pause after a failure of the ledger.
const FAILED: Duration = Duration::from_secs(1);

/// Core is asked this long about an action that it was told to accept (200): that happens at once or not
/// at all …
const ASK_ABOUT_ACCEPTED: SignedDuration = SignedDuration::from_hours(24);

/// … and this long about one that waits for the middleware (202).
const ASK_ABOUT_WAITING: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Core is not asked about the same action more often than this.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// A destination and its transport.
pub struct DeliveryTarget {
    /// The destination.
    pub destination: Destination,
    /// The transport to it.
    pub transport: Arc<dyn Transport>,
}

/// Everything the worker needs.
pub struct Deliveries {
    /// The ledger that stores them.
    pub ledger: Arc<dyn Ledger>,
    /// The destinations: one queue each.
    pub targets: Vec<DeliveryTarget>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The retry schedule.
    pub schedule: Schedule,
    /// Longest time of one attempt, if its destination has none of its own.
    pub timeout: Duration,
    /// Notified when the ledger has something new.
    pub wake: Arc<Notify>,
}

impl Deliveries {
    /// Works until `stop` becomes true, then finishes the attempts under way. Each destination has a
    /// loop of its own: one that hangs does not delay deliveries to another.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let bells: Vec<_> = self.targets.iter().map(|_| Notify::new()).collect();
        let ring_all = async {
            loop {
                self.wake.notified().await;
                bells.iter().for_each(Notify::notify_one);
            }
        };
        let targets = self.targets.iter().zip(&bells);
        let loops =
            join_all(targets.map(|(target, bell)| self.deliver(target, bell, stop.clone())));
        tokio::select! {
            biased;
            _ = loops => {}
            () = ring_all => {}
        }
    }

    async fn deliver(
        self: &Arc<Self>,
        target: &DeliveryTarget,
        bell: &Notify,
        mut stop: watch::Receiver<bool>,
    ) {
        let destination = &target.destination;
        let state =
            gauge!("countryconfig_breaker", "destination" => destination.as_str().to_owned());
        let mut breaker = Breaker::default();
        let mut attempts = JoinSet::new();
        while !*stop.borrow() {
            while let Some(outcome) = attempts.try_join_next() {
                learn(&mut breaker, outcome);
            }
            let now = Instant::now();
            state.set(breaker.level(now));
            let free = breaker.allowed(now).saturating_sub(attempts.len());
            let pause = match self.claim(target, free, breaker.is_probing()).await {
                Ok(claimed) if !claimed.is_empty() => {
                    for delivery in claimed {
                        let (worker, transport) = (Arc::clone(self), target.transport.clone());
                        attempts.spawn(async move {
                            let outcome = worker.attempt(&*transport, &delivery).await;
                            (delivery.event_id, outcome.of_destination())
                        });
                    }
                    continue;
                }
                Ok(_) if free == 0 => breaker.pause(now).unwrap_or(IDLE),
                Ok(_) => self.pause(destination).await,
                Err(error) => {
                    error!(
                        error = &error as &dyn std::error::Error,
                        "Could not claim deliveries"
                    );
                    FAILED
                }
            };
            // In this order, so that a simulation sees the same again.
            tokio::select! {
                biased;
                changed = stop.changed() => if changed.is_err() { break },
                Some(outcome) = attempts.join_next() => learn(&mut breaker, outcome),
                () = bell.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        while attempts.join_next().await.is_some() {}
    }

    async fn claim(
        &self,
        target: &DeliveryTarget,
        free: usize,
        probe: bool,
    ) -> Result<Vec<Claimed>, LedgerError> {
        if free == 0 {
            return Ok(vec![]);
        }
        let (now, until) = self.lease(&*target.transport);
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        self.ledger
            .claim(&target.destination, now, until, free, probe)
            .await
    }

    /// From now on, a little longer than the longest attempt: a lease must never end while its attempt
    /// still runs. Nobody looks at what a killed process has leased before that.
    fn lease(&self, transport: &dyn Transport) -> (Timestamp, Timestamp) {
        let now = self.clock.now();
        let longest = SignedDuration::try_from(self.longest(transport));
        let longest = longest.unwrap_or(SignedDuration::from_mins(1));
        (now, later(now, longest + LEASE_MARGIN))
    }

    fn longest(&self, transport: &dyn Transport) -> Duration {
        transport.longest().unwrap_or(self.timeout)
    }

    /// Tries at once what an event has for a destination, whatever else waits there and however the
    /// destination has fared. Nothing where another is trying it already.
    ///
    /// # Errors
    /// When the ledger does not give it.
    pub async fn at_once(
        &self,
        event: &EventId,
        destination: &Destination,
    ) -> Result<Option<Outcome>, LedgerError> {
        let Some(target) = self.targets.iter().find(|d| d.destination == *destination) else {
            return Ok(None);
        };
        let (now, until) = self.lease(&*target.transport);
        let claimed = self.ledger.claim_of(event, destination, now, until).await?;
        let Some(delivery) = claimed else {
            return Ok(None);
        };
        let outcome = self.attempt(&*target.transport, &delivery).await;
        // What is to be tried again has a time now.
        self.wake.notify_one();
        Ok(Some(outcome))
    }

    /// The wait until the next delivery is due.
    async fn pause(&self, destination: &Destination) -> Duration {
        let now = self.clock.now();
        match self.ledger.next_due(destination, now).await {
            Ok(Some(due)) => Duration::try_from(due.duration_since(now))
                .unwrap_or_default()
                .clamp(Duration::from_millis(1), IDLE),
            Ok(None) => IDLE,
            Err(_) => FAILED,
        }
    }

    async fn attempt(&self, transport: &dyn Transport, delivery: &Claimed) -> Outcome {
        let started_at = self.clock.now();
        let longest = self.longest(transport) + Duration::from_secs(1);
        let sent = tokio::time::timeout(longest, transport.send(delivery));
        let (ended, reason) = fault::noting(sent).await;
        let outcome = ended.unwrap_or(Outcome::Timeout);
        let now = self.clock.now();
        let attempt = Attempt {
            started_at,
            duration: now.duration_since(started_at),
            outcome,
            reason: reason.filter(|_| outcome.is_failure()),
        };
        let next = transport
            .next(delivery, outcome, &self.schedule, now)
            .unwrap_or_else(|| self.next(transport, delivery, outcome, now));
        tell(delivery, &attempt, &next);
        self.conclude(transport, delivery, &attempt, &next).await;
        if matches!(next, Next::Refused(Some(_)) | Next::Parked(Some(_))) {
            self.wake.notify_one();
        }
        outcome
    }

    /// Writes the end of an attempt down, again and again while its lease lasts: a packet whose end
    /// nobody knows would have an unknown outcome.
    async fn conclude(
        &self,
        transport: &dyn Transport,
        delivery: &Claimed,
        attempt: &Attempt,
        next: &Next,
    ) {
        let longest = SignedDuration::try_from(self.longest(transport));
        let patience = longest.unwrap_or(SignedDuration::from_mins(1));
        let mut is_told = false;
        loop {
            let now = self.clock.now();
            let Err(error) = self.ledger.conclude(delivery, attempt, next, now).await else {
                return;
            };
            if !std::mem::replace(&mut is_told, true) {
                error!(
                    error = &error as &dyn std::error::Error,
                    delivery.id, "Could not store the end of an attempt yet"
                );
            }
            if now.duration_since(attempt.started_at) >= patience {
                // The lease runs out and the delivery is looked at again: never lost.
                error!(event.id = %delivery.event_id, delivery.id, "Could not store the end of an attempt");
                return;
            }
            tokio::time::sleep(FAILED).await;
        }
    }

    fn next(
        &self,
        transport: &dyn Transport,
        delivery: &Claimed,
        outcome: Outcome,
        now: Timestamp,
    ) -> Next {
        match outcome {
            Outcome::Delivered(_) | Outcome::Settled => Next::Delivered,
            Outcome::Refused(_) => Next::Refused(settlement(delivery, now)),
            Outcome::Unwanted | Outcome::Outdated => Next::Refused(None),
            Outcome::Undecided(at) | Outcome::StillUnknown(at) => ask_again(delivery, at, now),
            Outcome::Expired | Outcome::GivenUp => Next::Parked(None),
            Outcome::Failed(..)
            | Outcome::Timeout
            | Outcome::Unreachable
            | Outcome::NotReached(..)
            | Outcome::Unavailable(_)
            | Outcome::NotStarted
            | Outcome::Unknown(_)
            | Outcome::Unprepared => {
                let wait = self
                    .schedule
                    .wait(delivery.attempt, delivery.id, outcome.retry_after());
                let end = transport.sendable_until(delivery);
                // What waited long behind another delivery has less time than its schedule takes: an
                // operator learns of it while there is still something to be done.
                match wait.map(|wait| later(now, wait)) {
                    Some(at) if end.is_none_or(|end| at < end) => Next::Retry(at),
                    _ => Next::Parked(None),
                }
            }
        }
    }
}

fn learn(breaker: &mut Breaker, ended: Result<(EventId, Health), JoinError>) {
    // An attempt that panicked says nothing about the destination.
    if let Ok((event, health)) = ended {
        breaker.learn(&event, health, Instant::now());
    }
}

/// The next step of a delivery that waits for core: parked if core has not decided for a long time.
fn ask_again(delivery: &Claimed, at: Timestamp, now: Timestamp) -> Next {
    let until = match delivery.answer_status {
        202 => ASK_ABOUT_WAITING,
        _ => ASK_ABOUT_ACCEPTED,
    };
    if now.duration_since(delivery.created_at) >= until {
        return Next::Parked(None);
    }
    Next::Later(at.max(later(now, ASK_AGAIN)))
}

/// The call to core if the middleware permanently refuses a packet that core waits for (202), as the
/// rule says: otherwise the record would wait for ever. After a 200 the action stays accepted.
fn settlement(refused: &Claimed, now: Timestamp) -> Option<NewDelivery> {
    if refused.destination != Destination::MIDDLEWARE || refused.answer_status != 202 {
        return None;
    }
    // A ledger of an earlier version holds no fallback; core can reject most actions.
    let (event, action, kind) = (&refused.event_id, &refused.action_id, &refused.action_type);
    let rejection = || core_client::reject(event, action, kind);
    let fallback = refused.fallback.clone().or_else(|| {
        let is_possible = HookAction::of(kind).is_none_or(HookAction::is_rejectable);
        is_possible.then(rejection).flatten()
    })?;
    Some(NewDelivery::confirming(fallback, &refused.token, now))
}

/// Logs one line per attempt, with ids and no content, and counts it in the metrics.
fn tell(delivery: &Claimed, attempt: &Attempt, next: &Next) {
    let (destination, outcome) = (delivery.destination.as_str(), attempt.outcome.as_str());
    counter!("countryconfig_deliveries_total", "destination" => destination.to_owned(), "operation" => delivery.operation.clone(), "outcome" => outcome).increment(1);
    histogram!("countryconfig_delivery_seconds", "destination" => destination.to_owned())
        .record(attempt.duration.as_secs_f64());
    let (event, action) = (&delivery.event_id, &delivery.action_id);
    let operation = &delivery.operation;
    let (number, duration_ms) = (delivery.attempt, attempt.duration.as_millis());
    let status = attempt.outcome.status();
    let reason = attempt.reason.as_deref();
    let why = reason.unwrap_or(outcome);
    match (next, attempt.outcome) {
        (_, Outcome::Settled) => {
            info!(event.id = %event, action.id = %action, operation, destination, duration_ms, outcome, "`{operation}` is done: core shows its action as accepted");
        }
        (_, Outcome::Unwanted) => {
            info!(event.id = %event, action.id = %action, operation, destination, duration_ms, outcome, "`{operation}` is not sent: core rejected its action");
        }
        (_, Outcome::Outdated) => {
            info!(event.id = %event, action.id = %action, operation, destination, duration_ms, outcome, "`{operation}` is not sent: it is of no use any more");
        }
        (Next::Delivered, _) => {
            info!(event.id = %event, action.id = %action, operation, destination, attempt = number, status, duration_ms, "Delivered `{operation}` to {destination}");
        }
        (Next::Later(at), Outcome::StillUnknown(_)) => {
            info!(event.id = %event, action.id = %action, operation, destination, duration_ms, outcome, "The outcome of `{operation}` is unknown and core still waits; core is asked again at {at}");
        }
        (Next::Later(at), _) => {
            info!(event.id = %event, action.id = %action, operation, destination, duration_ms, outcome, "`{operation}` waits for core to accept its action; core is asked again at {at}");
        }
        (Next::Retry(at), Outcome::Unknown(_) | Outcome::NotStarted)
            if delivery.knowledge.after(attempt.outcome) == Knowledge::Unknown =>
        {
            warn!(event.id = %event, action.id = %action, operation, destination, attempt = number, status, duration_ms, outcome, reason, "The outcome of `{operation}` to {destination} is unknown ({why}); core is asked at {at}");
        }
        (Next::Retry(at) | Next::Renew(at), _) => {
            warn!(event.id = %event, action.id = %action, operation, destination, attempt = number, status, duration_ms, outcome, reason, "`{operation}` did not reach {destination} ({why}); again at {at}");
        }
        (Next::Refused(_), _) => {
            warn!(event.id = %event, action.id = %action, operation, destination, attempt = number, status, duration_ms, reason, "{destination} refused `{operation}` permanently");
        }
        (Next::Parked(_), _) => {
            error!(event.id = %event, action.id = %action, operation, destination, attempt = number, status, duration_ms, outcome, reason, "`{operation}` did not reach {destination} ({why}); parked for an operator");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencrvs_toolkit::event_document::{ActionId, EventId};
    use rstest::rstest;

    #[rstest]
    #[case::accepted_at_once(200, 23, true)]
    #[case::not_accepted_for_a_day(200, 24, false)]
    #[case::waits_for_the_middleware(202, 24, true)]
    #[case::for_a_month(202, 30 * 24, false)]
    fn core_is_asked_for_some_time(
        #[case] answer_status: u16,
        #[case] hours: i64,
        #[case] again: bool,
    ) {
        let created_at = Timestamp::UNIX_EPOCH;
        let delivery = Claimed {
            id: 1,
            event_id: EventId::new("e"),
            action_id: ActionId::new("a"),
            action_type: "REGISTER".into(),
            answer_status,
            destination: Destination::ANALYTICS,
            operation: "record".into(),
            path: String::new(),
            payload: "{}".into(),
            token: String::new(),
            attempt: 1,
            created_at,
            knowledge: Knowledge::Untried,
            unknown_since: None,
            registration_number: None,
            fallback: None,
        };
        let now = later(created_at, SignedDuration::from_hours(hours));
        let next = ask_again(&delivery, now, now);
        match next {
            Next::Later(at) => assert!(again && at == later(now, ASK_AGAIN)),
            _ => assert!(!again),
        }
    }
}

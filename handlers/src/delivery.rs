// SPDX-License-Identifier: MPL-2.0
//! The worker that brings deliveries from the ledger to their destinations: at least once, in order
//! per event, until it succeeds, is refused for good, or the schedule ends and an operator takes over.

use crate::breaker::Breaker;
use crate::clock::Clock;
use crate::core;
use crate::ledger::{Attempt, Claimed, Destination, Ledger, LedgerError, NewDelivery, Next};
use crate::outside::{Outcome, Outside};
use crate::schedule::Schedule;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use metrics::{counter, gauge, histogram};
use opencrvs_toolkit::event_document::EventId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, info, warn};

/// The ledger is asked again after this time even when nothing was heard: another replica may have
/// died with a lease.
const IDLE: Duration = Duration::from_secs(30);

/// After a failure of the ledger.
const FAILED: Duration = Duration::from_secs(1);

/// What waits for core to accept an action asks at least once in so many hours, and for so many in all:
/// what core was told to accept (200) it accepts at once or not at all …
const ASK_ABOUT_ACCEPTED: (i64, i64) = (1, 24);

/// … and what waits for the middleware (202) may wait for weeks.
const ASK_ABOUT_WAITING: (i64, i64) = (12, 30 * 24);

/// A destination, and who brings deliveries there.
pub struct Door {
    /// Where to.
    pub destination: Destination,
    /// By what means.
    pub outside: Arc<dyn Outside>,
}

/// Everything the worker needs.
pub struct Deliveries {
    /// Where they are written down.
    pub ledger: Arc<dyn Ledger>,
    /// Where they go: one queue each.
    pub doors: Vec<Door>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// When to try again.
    pub schedule: Schedule,
    /// Longest time of one attempt, where its destination has none of its own.
    pub timeout: Duration,
    /// Rung when the ledger has something new.
    pub wake: Arc<Notify>,
}

impl Deliveries {
    /// Works until `stop` becomes true, then finishes the attempts under way. Each destination has a
    /// loop of its own: one that hangs does not hold up what goes to another.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let bells: Vec<_> = self.doors.iter().map(|_| Notify::new()).collect();
        let ring_all = async {
            loop {
                self.wake.notified().await;
                bells.iter().for_each(Notify::notify_one);
            }
        };
        let doors = self.doors.iter().zip(&bells);
        let loops = join_all(doors.map(|(door, bell)| self.deliver(door, bell, stop.clone())));
        tokio::select! {
            biased;
            _ = loops => {}
            () = ring_all => {}
        }
    }

    async fn deliver(
        self: &Arc<Self>,
        door: &Door,
        bell: &Notify,
        mut stop: watch::Receiver<bool>,
    ) {
        let destination = &door.destination;
        let state =
            gauge!("countryconfig_breaker", "destination" => destination.as_str().to_owned());
        let mut breaker = Breaker::default();
        let mut attempts = JoinSet::new();
        while !*stop.borrow() {
            while let Some(outcome) = attempts.try_join_next() {
                breaker.learn(&outcome);
            }
            let now = Instant::now();
            state.set(breaker.level(now));
            let free = breaker.allowed(now).saturating_sub(attempts.len());
            let pause = match self.claim(door, free).await {
                Ok(claimed) if !claimed.is_empty() => {
                    for delivery in claimed {
                        let (worker, outside) = (Arc::clone(self), door.outside.clone());
                        attempts.spawn(async move { worker.attempt(&*outside, &delivery).await });
                    }
                    continue;
                }
                Ok(_) if free == 0 => breaker.pause(now).unwrap_or(IDLE),
                Ok(_) => self.pause(destination).await,
                Err(error) => {
                    error!(
                        error = &error as &dyn std::error::Error,
                        "The ledger does not give its deliveries"
                    );
                    FAILED
                }
            };
            // In this order, so that a simulation sees the same again.
            tokio::select! {
                biased;
                changed = stop.changed() => if changed.is_err() { break },
                Some(outcome) = attempts.join_next() => breaker.learn(&outcome),
                () = bell.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        while attempts.join_next().await.is_some() {}
    }

    async fn claim(&self, door: &Door, free: usize) -> Result<Vec<Claimed>, LedgerError> {
        if free == 0 {
            return Ok(vec![]);
        }
        let (now, until) = self.lease(&*door.outside);
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        self.ledger.claim(&door.destination, now, until, free).await
    }

    /// From now on twice the longest attempt: a lease must never end while its attempt still runs.
    fn lease(&self, outside: &dyn Outside) -> (Timestamp, Timestamp) {
        let now = self.clock.now();
        let lease = SignedDuration::try_from(self.longest(outside) * 2)
            .unwrap_or(SignedDuration::from_mins(1))
            + SignedDuration::from_secs(5);
        (now, later(now, lease))
    }

    fn longest(&self, outside: &dyn Outside) -> Duration {
        outside.longest().unwrap_or(self.timeout)
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
        let Some(door) = self.doors.iter().find(|d| d.destination == *destination) else {
            return Ok(None);
        };
        let (now, until) = self.lease(&*door.outside);
        let claimed = self.ledger.claim_of(event, destination, now, until).await?;
        let Some(delivery) = claimed else {
            return Ok(None);
        };
        let outcome = self.attempt(&*door.outside, &delivery).await;
        // What is to be tried again has a time now.
        self.wake.notify_one();
        Ok(Some(outcome))
    }

    /// How long nothing will be due.
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

    async fn attempt(&self, outside: &dyn Outside, delivery: &Claimed) -> Outcome {
        let started_at = self.clock.now();
        let outcome = tokio::time::timeout(
            self.longest(outside) + Duration::from_secs(1),
            outside.send(delivery),
        )
        .await
        .unwrap_or(Outcome::Timeout);
        let now = self.clock.now();
        let attempt = Attempt {
            started_at,
            duration: now.duration_since(started_at),
            outcome: outcome.as_str(),
            status: outcome.status(),
        };
        let next = self.next(outside, delivery, outcome, now);
        tell(delivery, &attempt, &next);
        if let Err(error) = self.ledger.conclude(delivery, &attempt, &next, now).await {
            // The lease runs out and the delivery is tried again: at least once, never lost.
            error!(
                error = &error as &dyn std::error::Error,
                delivery.id, "The end of an attempt could not be written down"
            );
        }
        if matches!(next, Next::Refused(Some(_))) {
            self.wake.notify_one();
        }
        outcome
    }

    fn next(
        &self,
        outside: &dyn Outside,
        delivery: &Claimed,
        outcome: Outcome,
        now: Timestamp,
    ) -> Next {
        match outcome {
            Outcome::Delivered(_) => Next::Delivered,
            Outcome::Refused(_) => Next::Refused(rejection(delivery, now)),
            Outcome::Unwanted | Outcome::Outdated => Next::Refused(None),
            Outcome::Undecided => ask_again(&self.schedule, delivery, now),
            Outcome::Expired => Next::Parked,
            Outcome::Failed(..) | Outcome::Timeout | Outcome::Unreachable | Outcome::Unprepared => {
                let retry_after = if let Outcome::Failed(_, retry_after) = outcome {
                    retry_after
                } else {
                    None
                };
                let wait = self
                    .schedule
                    .wait(delivery.attempt, delivery.id, retry_after);
                let end = outside.sendable_until(delivery);
                // What waited long behind another delivery has less time than its schedule takes: an
                // operator learns of it while there is still something to be done.
                match wait.map(|wait| later(now, wait)) {
                    Some(at) if end.is_none_or(|end| at < end) => Next::Retry(at),
                    _ => Next::Parked,
                }
            }
        }
    }
}

/// Waits as long again as it has waited already: every question leaves a trace in core's record.
fn ask_again(schedule: &Schedule, delivery: &Claimed, now: Timestamp) -> Next {
    let (at_least, until) = match delivery.answer_status {
        202 => ASK_ABOUT_WAITING,
        _ => ASK_ABOUT_ACCEPTED,
    };
    let waited = now.duration_since(delivery.created_at);
    if waited >= SignedDuration::from_hours(until) {
        return Next::Parked;
    }
    let first = schedule.wait(1, delivery.id, None).unwrap_or_default();
    let wait = waited.max(first).min(SignedDuration::from_hours(at_least));
    Next::Later(later(now, wait))
}

/// A moment so much later; the end of time where there is none.
pub(crate) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// When the middleware refuses for good what core waits for (202), core is told to reject the waiting
/// action: otherwise the record would wait for ever. What core accepted already (200) stays accepted.
fn rejection(refused: &Claimed, now: Timestamp) -> Option<NewDelivery> {
    if refused.destination != Destination::MIDDLEWARE || refused.answer_status != 202 {
        return None;
    }
    core::reject(
        &refused.event_id,
        &refused.action_id,
        &refused.action_type,
        &refused.token,
        now,
    )
}

/// One line per attempt, with ids and no content, and its place in the metrics.
fn tell(delivery: &Claimed, attempt: &Attempt, next: &Next) {
    let destination = delivery.destination.as_str();
    counter!("countryconfig_deliveries_total", "destination" => destination.to_owned(), "operation" => delivery.operation.clone(), "outcome" => attempt.outcome).increment(1);
    histogram!("countryconfig_delivery_seconds", "destination" => destination.to_owned())
        .record(attempt.duration.as_secs_f64());
    let (event, action) = (&delivery.event_id, &delivery.action_id);
    let (operation, destination) = (&delivery.operation, delivery.destination.as_str());
    let (outcome, number, duration_ms) = (
        attempt.outcome,
        delivery.attempt,
        attempt.duration.as_millis(),
    );
    let status = attempt.status;
    match next {
        Next::Delivered => {
            info!(event.id = %event, action.id = %action, operation, destination, attempt = number, status, duration_ms, "Delivered `{operation}` to {destination}");
        }
        Next::Retry(at) => {
            warn!(event.id = %event, action.id = %action, operation, destination, attempt = number, status, duration_ms, outcome, "`{operation}` did not reach {destination} ({outcome}); again at {at}");
        }
        Next::Later(at) => {
            info!(event.id = %event, action.id = %action, operation, destination, status, duration_ms, outcome, "`{operation}` waits for core to accept its action; core is asked again at {at}");
        }
        Next::Refused(_) if attempt.outcome == Outcome::Unwanted.as_str() => {
            info!(event.id = %event, action.id = %action, operation, destination, status, duration_ms, outcome, "`{operation}` is not sent: core rejected its action");
        }
        Next::Refused(_) if attempt.outcome == Outcome::Outdated.as_str() => {
            info!(event.id = %event, action.id = %action, operation, destination, status, duration_ms, outcome, "`{operation}` is not sent: it is of no use any more");
        }
        Next::Refused(_) => {
            warn!(event.id = %event, action.id = %action, operation, destination, attempt = number, status, duration_ms, "{destination} refused `{operation}` for good");
        }
        Next::Parked => {
            error!(event.id = %event, action.id = %action, operation, destination, attempt = number, status, duration_ms, outcome, "`{operation}` did not reach {destination} ({outcome}); parked for an operator");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencrvs_toolkit::event_document::{ActionId, EventId};
    use rstest::rstest;

    #[rstest]
    #[case::just_accepted(200, 0, Some(600))]
    #[case::as_long_again(200, 1800, Some(1800))]
    #[case::every_hour(200, 80_000, Some(3600))]
    #[case::not_accepted_for_a_day(200, 86_400, None)]
    #[case::waits_for_the_middleware(202, 86_400, Some(43_200))]
    #[case::for_a_month(202, 30 * 86_400, None)]
    fn core_is_asked_again(
        #[case] answer_status: u16,
        #[case] waited: i64,
        #[case] wait: Option<i64>,
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
        };
        let now = later(created_at, SignedDuration::from_secs(waited));
        let again = match ask_again(&"10m".parse().unwrap(), &delivery, now) {
            Next::Later(at) => Some(at.duration_since(now).as_secs()),
            _ => None,
        };
        let near = |again: i64, wait: i64| (again - wait).abs() <= wait / 5;
        assert_eq!(again.is_some(), wait.is_some());
        assert!(
            again
                .zip(wait)
                .is_none_or(|(again, wait)| near(again, wait)),
            "{again:?}"
        );
    }
}

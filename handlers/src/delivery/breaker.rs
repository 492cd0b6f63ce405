// SPDX-License-Identifier: MPL-2.0
//! The circuit breaker of a destination: all attempts while it answers, none for a while after five
//! consecutive failures, then one attempt, and one more in parallel with each that succeeds.
//!
//! Attempts that are not made do not count: an outage costs a delivery little of its schedule.

use crate::delivery::outcome::Health;
use opencrvs_toolkit::event_document::EventId;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// The maximum number of parallel attempts while the destination answers.
const FULL: usize = 16;
/// The number of consecutive failures that opens the circuit breaker.
const TRIP: u32 = 5;
/// The maximum number of events remembered; the pause has reached its limit by then.
const MOST_SUSPECTS: usize = 1000;
/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: recovery is noticed within a minute.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The circuit breaker of one destination. It uses the monotonic clock: setting the system clock must
/// not make a pause longer.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// The maximum number of parallel attempts when there is no pause.
    allowed: usize,
    /// Failures since the last answer.
    failures: u32,
    /// Events with which the destination failed since then, where they may be at fault themselves.
    suspects: HashSet<EventId>,
    /// The pause after the next trip.
    next_pause: Duration,
    paused_until: Option<Instant>,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            allowed: FULL,
            failures: 0,
            suspects: HashSet::new(),
            next_pause: FIRST_PAUSE,
            paused_until: None,
        }
    }
}

impl Breaker {
    /// The maximum number of parallel attempts now.
    pub(crate) fn allowed(&self, now: Instant) -> usize {
        if self.pause(now).is_some() {
            0
        } else {
            self.allowed
        }
    }

    /// The rest of the pause, in which nothing may be tried.
    pub(crate) fn pause(&self, now: Instant) -> Option<Duration> {
        let pause = self.paused_until?.saturating_duration_since(now);
        (!pause.is_zero()).then_some(pause)
    }

    /// True if the next attempt is a probe that shows whether the destination has recovered.
    pub(crate) fn is_probing(&self) -> bool {
        self.allowed == 1
    }

    /// Records the health that an attempt shows. Repeated failures of one event say nothing about the
    /// destination; failures of several events without a success do.
    pub(crate) fn learn(&mut self, event: &EventId, health: Health, now: Instant) {
        match health {
            Health::Well => self.answered(),
            Health::Failing => self.failed(now),
            Health::Suspect => {
                if self.suspects.len() < MOST_SUSPECTS && self.suspects.insert(event.clone()) {
                    self.failed(now);
                }
            }
            Health::NotTried => {}
        }
    }

    /// The destination answered, even if it refused the delivery: one more parallel attempt.
    fn answered(&mut self) {
        *self = Self {
            allowed: (self.allowed + 1).min(FULL),
            ..Self::default()
        };
    }

    /// The destination itself failed.
    fn failed(&mut self, now: Instant) {
        // Attempts that began before the pause say nothing new.
        if self.pause(now).is_some() {
            return;
        }
        self.failures += 1;
        let probed = self.paused_until.is_some();
        if probed || self.failures >= TRIP {
            self.allowed = 1;
            self.paused_until = Some(now + self.next_pause);
            self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The value of a gauge: 0 healthy, 1 recovering with fewer parallel attempts, 2 paused.
    pub(crate) fn level(&self, now: Instant) -> f64 {
        match self.allowed(now) {
            0 => 2.0,
            FULL => 0.0,
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_that_fails_is_left_alone_longer_and_longer_and_comes_back_slowly() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 1..TRIP {
            breaker.failed(now);
        }
        assert_eq!(breaker.allowed(now), FULL, "it may have been an accident");
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            breaker.failed(now);
            breaker.failed(now);
            assert_eq!(breaker.pause(now), Some(Duration::from_secs(pause)));
            assert_eq!((breaker.allowed(now), breaker.level(now)), (0, 2.0));
            now += Duration::from_secs(pause);
            assert_eq!(breaker.allowed(now), 1, "one probe");
        }
        for allowed in (2..=FULL).chain([FULL]) {
            breaker.answered();
            assert_eq!(breaker.allowed(now), allowed);
        }
        assert!(breaker.level(now) < 1.0);
        for _ in 0..TRIP {
            breaker.failed(now);
        }
        assert_eq!(breaker.pause(now), Some(FIRST_PAUSE), "forgotten");
    }
}

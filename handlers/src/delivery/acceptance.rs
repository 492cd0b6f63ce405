// SPDX-License-Identifier: MPL-2.0
//! The state of actions in core. Several deliveries may wait until one action is accepted or rejected;
//! core is asked once for all of them, and its answer is stored in the ledger.

use crate::clock::{Clock, later};
use crate::core_client::{CoreError, Fate};
use crate::delivery::core_api::CoreApi;
use crate::delivery::ledger::{Claimed, Ledger, Standing};
use crate::delivery::outcome::Outcome;
use crate::delivery::schedule::Schedule;
use crate::fault;
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::Action;
use std::sync::Arc;
use tracing::{error, warn};

/// The longest first wait for the end of an action.
const FIRST: SignedDuration = SignedDuration::from_mins(1);

/// Core is asked at least this often about an action answered with 202, and then for the record itself …
const LONGEST_WAITING: SignedDuration = SignedDuration::from_hours(12);

/// … and about one that core was told to accept (200): that happens at once or not at all.
const LONGEST_ACCEPTED: SignedDuration = SignedDuration::from_hours(1);

/// See the module.
pub struct Acceptance {
    /// Shows the state of actions.
    pub core: Arc<dyn CoreApi>,
    /// Stores the states that core has shown.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The retry schedule: its second wait comes before the first question, if it is less than a minute.
    pub schedule: Schedule,
}

impl Acceptance {
    /// The action with which core has accepted the one that a delivery follows from; `None` if the
    /// delivery does not wait for it.
    ///
    /// # Errors
    /// The outcome of the attempt if core has not accepted the action.
    pub async fn accepted(&self, delivery: &Claimed) -> Result<Option<Box<Action>>, Outcome> {
        if !delivery.waits_for_acceptance() {
            return Ok(None);
        }
        if !self.core.has_system_client() {
            return Err(Outcome::Expired);
        }
        match self.fate(delivery).await? {
            Fate::Accepted(by) => Ok(Some(by)),
            Fate::Rejected => Err(Outcome::Unwanted),
            Fate::Open => Err(Outcome::Undecided(self.next(delivery))),
        }
    }

    /// The state of an action, as core showed it last.
    ///
    /// # Errors
    /// The outcome of the attempt if the state is not known: [`Outcome::Undecided`] if it is too early to
    /// ask again.
    pub async fn fate(&self, delivery: &Claimed) -> Result<Fate, Outcome> {
        let (event, action) = (&delivery.event_id, &delivery.action_id);
        let (now, next) = (self.clock.now(), self.next(delivery));
        let standing = self.ledger.standing(event, action, now, next).await;
        match standing {
            Ok(Standing::Settled(fate)) => return Ok(fate),
            Ok(Standing::Asked(at)) => return Err(Outcome::Undecided(at)),
            Ok(Standing::Ask) => {}
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, event.id = %event, action.id = %action, "Could not read what core has shown about an action");
                return Err(Outcome::Unprepared);
            }
        }
        // The search may be behind for ever where core has indexed an older state.
        let waited = now.duration_since(delivery.created_at);
        let fate = if waited < LONGEST_WAITING {
            self.core.fate_without_trace(delivery).await
        } else {
            self.core.fate_of(delivery).await
        };
        let fate = fate.map_err(|error| not_asked(delivery, &error))?;
        self.learn(delivery, &fate).await;
        Ok(fate)
    }

    /// Stores the state that core has shown.
    pub async fn learn(&self, delivery: &Claimed, fate: &Fate) {
        let (event, action) = (&delivery.event_id, &delivery.action_id);
        let learned = self.ledger.learn(event, action, fate, self.clock.now());
        if let Err(error) = learned.await {
            error!(error = &error as &dyn std::error::Error, event.id = %event, action.id = %action, "Could not store what core has shown about an action; core is asked again");
        }
    }

    /// The wait before the first question.
    pub fn first(&self, delivery: &Claimed) -> SignedDuration {
        let wait = |n| self.schedule.wait(n, delivery.id, None);
        wait(2).or_else(|| wait(1)).unwrap_or(FIRST).min(FIRST)
    }

    /// When core is asked again: after the time that the action, or an unknown outcome, has waited so far.
    pub fn next(&self, delivery: &Claimed) -> Timestamp {
        let now = self.clock.now();
        let longest = if delivery.answer_status == 202 {
            LONGEST_WAITING
        } else {
            LONGEST_ACCEPTED
        };
        let since = delivery.unknown_since.unwrap_or(delivery.created_at);
        let waited = now.duration_since(since);
        later(now, waited.max(self.first(delivery)).min(longest))
    }
}

/// The outcome of an attempt if core does not give the token or the record that it needs.
pub(crate) fn not_asked(delivery: &Claimed, error: &CoreError) -> Outcome {
    fault::note(fault::with_causes(error));
    if matches!(error, CoreError::Expired) {
        return Outcome::Expired;
    }
    let (event, id) = (&delivery.event_id, delivery.id);
    warn!(error = error as &dyn std::error::Error, event.id = %event, delivery.id = id, "Could not get a token or the record from core for a delivery of `{event}`");
    Outcome::Unprepared
}

// SPDX-License-Identifier: MPL-2.0
//! May this action happen? Decided from the event document, the country's rules and the ledger; no
//! network call has a say.

use crate::clock::Clock;
use crate::delivery::later;
use crate::expression::Facts;
use crate::ledger::{Answer, Destination, Entry, Ledger, LedgerError, NewDelivery, Recorded};
use crate::mosip_mapping::{Mapping, PacketError, build_packet};
use crate::number::NumberFormat;
use crate::rules::{self, Outcome, RuleSet};
use arc_swap::ArcSwap;
use jiff::SignedDuration;
use metrics::counter;
use opencrvs_toolkit::event_document::{Action, ActionType, EventDocument};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Notify;
use tracing::info;

/// The country's say about actions.
pub struct Policy {
    /// Which actions go to the national ID system.
    pub rules: RuleSet,
    /// What is sent there.
    pub mapping: Mapping,
}

/// Decides about actions, and writes down what it promises.
pub struct Hooks {
    /// The country's rules; another set when its files change.
    pub policy: ArcSwap<Policy>,
    /// The memory.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How registration numbers look.
    pub numbers: NumberFormat,
    /// Deliveries start so much later, so that core has stored the answer before anybody acts on it.
    pub delay: SignedDuration,
    /// Rung when there is something to deliver.
    pub wake: Arc<Notify>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The document lacks what the middleware needs.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// Nothing may be promised that is not written down.
    #[error("the ledger does not take the answer")]
    Ledger(#[from] LedgerError),
}

impl Hooks {
    /// The answer about a pending action: the same whenever it is asked again.
    ///
    /// # Errors
    /// When the document cannot be sent on, or the ledger does not write.
    pub async fn answer(
        &self,
        event: &EventDocument,
        pending: &Action,
        token: &str,
    ) -> Result<Answer, HookError> {
        let history = event.history();
        let state = history.state_as_if_accepted(pending);
        let registers = pending.action_type == ActionType::REGISTER;
        loop {
            let fresh = registers.then(|| self.numbers.number());
            let facts = Facts {
                event,
                action: pending,
                state: &state,
                today: self.clock.today(),
                registration_number: fresh.as_deref().or_else(|| history.registration_number()),
            };
            let entry = self.entry(&facts, fresh.as_deref(), token)?;
            if entry.registration_number.is_none() && entry.deliveries.is_empty() {
                // Nothing is promised, so nothing has to be remembered: asked again, it is decided again.
                return Ok(entry.answer);
            }
            let (answer, repeated) = match self.ledger.record(&entry, self.clock.now()).await? {
                Recorded::New => (entry.answer, false),
                Recorded::Before(answer) => (answer, true),
                Recorded::NumberTaken => continue,
            };
            let (event, action) = (&entry.event_id, &entry.action_id);
            let (status, decision) = (answer.status, &entry.decision);
            info!(event.id = %event, action.id = %action, status, repeated, decision, "Answered {} of {} `{event}` with {status}", entry.action_type, entry.event_type);
            if !entry.deliveries.is_empty() && !repeated {
                self.wake.notify_one();
            }
            return Ok(answer);
        }
    }

    fn entry(
        &self,
        facts: &Facts<'_>,
        fresh: Option<&str>,
        token: &str,
    ) -> Result<Entry, HookError> {
        let policy = self.policy.load();
        let decision = policy.rules.decide(facts);
        let outcome = decision.outcome();
        let rule = outcome.map_or("none", |outcome| outcome.rule.as_str());
        counter!("countryconfig_decisions_total", "rule" => rule.to_owned()).increment(1);
        let deliveries = match outcome {
            None => vec![],
            Some(Outcome { operation, .. }) => {
                let packet = build_packet(&policy.mapping, *operation, facts)?;
                let delivery = NewDelivery {
                    destination: Destination::Middleware,
                    operation: operation.name().to_owned(),
                    path: packet.path,
                    payload: packet.body,
                    token: token.to_owned(),
                    due_at: later(self.clock.now(), self.delay),
                };
                vec![delivery]
            }
        };
        let answer = match (outcome, fresh) {
            (
                Some(Outcome {
                    answer: rules::Answer::Wait,
                    ..
                }),
                _,
            ) => Answer::wait(),
            (_, Some(number)) => Answer::accept(json!({"registrationNumber": number})),
            (_, None) => Answer::accept(json!({})),
        };
        Ok(Entry {
            event_id: facts.event.id.clone(),
            action_id: facts.action.id.clone(),
            event_type: facts.event.event_type.clone(),
            action_type: facts.action.action_type.to_string(),
            decision: decision.summary(),
            registration_number: fresh.map(str::to_owned),
            answer,
            deliveries,
        })
    }
}

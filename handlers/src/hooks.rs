// SPDX-License-Identifier: MPL-2.0
//! May this action happen? Decided from the event document, the country's rules and the ledger. No
//! network call has a say in that; only what is added about identities comes from one.

pub mod office_codes;
pub mod rescue;
mod revocation;
pub mod verification;

use crate::clock::{Clock, later};
use crate::core_client::{self, Confirmation};
use crate::current::Current;
use crate::delivery::ledger::{
    Answer, Destination, Entry, Ledger, LedgerError, NewDelivery, Recorded, Registered,
};
use crate::hooks::office_codes::OfficeCodes;
use crate::hooks::verification::Verification;
use jiff::{SignedDuration, Timestamp};
use metrics::counter;
use opencrvs_toolkit::event_document::{
    Action, ActionId, ActionStatus, ActionType, EventDocument, Fields,
};
use rules::eligibility::{self, OnRefusal, Operation, Outcome};
use rules::expression::Facts;
use rules::mosip_mapping::{PacketError, build_packet};
use rules::policy::Policy;
use rules::registration_number::NumberFormat;
use rules::registration_numbers::{Fallback, Request};
use serde_json::{Map, Value};
use std::cell::OnceCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{error, info, warn};

/// Decides about actions, and writes down what it promises.
pub struct Hooks {
    /// The country's rules.
    pub policy: Current<Policy>,
    /// Which identities are verified, and how.
    pub verification: Verification,
    /// The memory.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Registration numbers of events that the country's file does not name.
    pub numbers: NumberFormat,
    /// Looks for offices that numbers tell of and the ledger does not know.
    pub office_codes: Option<Arc<OfficeCodes>>,
    /// Deliveries start so much later, so that core has stored the answer before anybody acts on it.
    pub delay: SignedDuration,
    /// Who else must learn of actions.
    pub followers: Vec<Arc<dyn ActionListener>>,
    /// Rung when there is something to deliver.
    pub wake: Arc<Notify>,
    /// The next time at which it is rung, if deliveries are due later.
    pub wakes_at: Arc<Mutex<Option<Timestamp>>>,
}

/// Somebody who must learn of actions: an informant, statistics, another system.
pub trait ActionListener: Send + Sync {
    /// What must reach them because of an action that is answered so. Of an action that waits (202)
    /// nothing is known but to core: what follows from it is only of use where core can be asked.
    fn deliveries(&self, told: &DecidedAction<'_>) -> Vec<NewDelivery>;
}

/// An action and its answer.
pub struct DecidedAction<'a> {
    /// The record with the action, and what follows from it.
    pub facts: &'a Facts<'a>,
    /// What core is told.
    pub answer: &'a Answer,
    /// The token that came with the question.
    pub token: &'a str,
    /// Nothing leaves before this time.
    pub due_at: Timestamp,
}

impl DecidedAction<'_> {
    /// The action with which core accepts, as far as it follows from the answer; none where core is not
    /// told to accept.
    pub(crate) fn acceptance(&self) -> Option<Action> {
        if self.answer.status != 200 {
            return None;
        }
        let body = self.answer.body.as_ref();
        let said = |name| body.and_then(|body| body.get(name));
        let fields = |name| said(name).and_then(Value::as_object).cloned();
        let number = said("registrationNumber").and_then(Value::as_str);
        let asked = self.facts.action;
        Some(Action {
            id: ActionId::new(format!("{}-accepted", asked.id)),
            status: ActionStatus::Accepted,
            declaration: fields("declaration").unwrap_or_default(),
            annotation: fields("annotation"),
            original_action_id: Some(asked.id.clone()),
            registration_number: number.map(str::to_owned),
            ..asked.clone()
        })
    }
}

/// How an action is answered that nobody asks about any more.
#[derive(Debug, Clone, Copy)]
pub struct Rescued {
    /// What is done where the decision would make an identity.
    pub identity: WithIdentity,
    /// Nothing is written down.
    pub dry: bool,
}

/// What is done where a decision would make an identity that may have been made already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithIdentity {
    /// There is no answer.
    Refuse,
    /// The packet is sent.
    Forward,
    /// No packet is sent; the action takes effect without an identity.
    Continue,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The document lacks what the middleware needs.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// Nobody knows whether the identity was asked for before.
    #[error("the decision would create an identity that may exist already")]
    MakesIdentity,
    /// Nothing may be promised that is not written down.
    #[error("could not store the answer in the ledger")]
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
        self.decide(event, pending, token, None).await
    }

    /// The same about an action whose hook or answer was lost: what is accepted goes to core by a call.
    ///
    /// # Errors
    /// Also where the decision would make an identity, unless it is said what to do then.
    pub async fn rescue(
        &self,
        event: &EventDocument,
        pending: &Action,
        token: &str,
        rescued: Rescued,
    ) -> Result<Answer, HookError> {
        self.decide(event, pending, token, Some(rescued)).await
    }

    async fn decide(
        &self,
        event: &EventDocument,
        pending: &Action,
        token: &str,
        rescued: Option<Rescued>,
    ) -> Result<Answer, HookError> {
        let history = event.history();
        let policy = self.policy.load();
        let today = policy.today(self.clock.now());
        let visible = policy.visibility.on(today);
        let mut patch = revocation::patch(&event.event_type, &history, pending);
        let mut patch_was_asked_for = false;
        let proposed = OnceCell::new();
        let questions = self.verification.questions(event, pending, || {
            proposed.get_or_init(|| history.proposed_state(pending, visible))
        });
        if let Some(questions) = questions {
            if self.verification.asks()
                && let Some(answer) = self.first_answer(event, pending).await
            {
                return Ok(answer);
            }
            let identities = self.verification.patch(&questions, &event.id, token).await;
            patch_was_asked_for = self.verification.asks() && !identities.is_empty();
            patch.extend(identities);
        }
        // What is proposed is the state as if accepted, unless a correction is only asked for.
        let is_request = pending.action_type == ActionType::REQUEST_CORRECTION;
        let proposed = proposed.into_inner();
        let state = proposed
            .filter(|_| patch.is_empty() && !is_request)
            .unwrap_or_else(|| history.state_as_if_accepted(pending, &patch, visible));
        let registers = pending.action_type == ActionType::REGISTER;
        let entry = |number: Option<&str>| {
            let facts = Facts {
                event,
                action: pending,
                state: &state,
                today,
                registration_number: number.or_else(|| history.registration_number()),
            };
            self.entry(&policy, &facts, number, &patch, token, rescued)
        };
        let dry = rescued.is_some_and(|rescued| rescued.dry);
        let format = policy.numbers.of(event.event_type.as_str());
        let request = format.filter(|_| registers).map(|format| Request {
            event_id: &event.id,
            action_id: &pending.id,
            event_type: &event.event_type,
            office: office(pending),
            today,
            format,
            formats: &policy.numbers,
            random: &self.numbers,
        });
        if let Some(request) = request.as_ref().filter(|_| !dry) {
            let write = |number: &str| entry(Some(number)).ok();
            let registered = self
                .ledger
                .register(request, &write, self.clock.now())
                .await?;
            match registered {
                Registered::New(entry, fallback) => {
                    self.count_number(request, fallback, token);
                    self.say(event, pending, &entry.answer, Some(&entry));
                    return Ok(entry.answer);
                }
                Registered::Before(answer) => {
                    self.say(event, pending, &answer, None);
                    return Ok(answer);
                }
                // Below there is no entry either, and the reason.
                Registered::Unwritten => {}
                // Below with a number that needs no sequence.
                Registered::Busy => self.count_number(request, Some(Fallback::Busy), token),
            }
        }
        loop {
            let fresh = registers.then(|| match &request {
                Some(request) => request.fallback(Fallback::Busy).number(0),
                None => self.numbers.number(),
            });
            let entry = entry(fresh.as_deref())?;
            if dry {
                return Ok(entry.answer);
            }
            let promises = entry.registration_number.is_some() || tells_the_middleware(&entry);
            if !promises && !patch_was_asked_for && entry.deliveries.is_empty() {
                // Nothing is promised, so nothing has to be remembered: asked again, it is decided again.
                count(&entry);
                return Ok(entry.answer);
            }
            match self.ledger.record(&entry, self.clock.now()).await {
                Ok(Recorded::New) => {}
                Ok(Recorded::Before(answer)) => {
                    self.say(event, pending, &answer, None);
                    return Ok(answer);
                }
                Ok(Recorded::NumberTaken) => continue,
                // An error would strand the record for something that core does not depend on. Asked
                // again, the identities are verified again.
                Err(error) if !promises && rescued.is_none() => {
                    error!(error = &error as &dyn std::error::Error, event.id = %event.id, action.id = %pending.id, "Could not store identities and messages of `{}` for its {}", event.id, pending.action_type);
                }
                Err(error) => return Err(error.into()),
            }
            self.say(event, pending, &entry.answer, Some(&entry));
            return Ok(entry.answer);
        }
    }

    /// Logs an answer; one that is new is counted, and its deliveries begin.
    fn say(&self, event: &EventDocument, pending: &Action, answer: &Answer, new: Option<&Entry>) {
        let (repeated, status) = (new.is_none(), answer.status);
        let decision = new.map(|entry| entry.decision.as_str());
        info!(event.id = %event.id, action.id = %pending.id, status, repeated, decision, "Answered {} of {} `{}` with {status}", pending.action_type, event.event_type, event.id);
        if let Some(entry) = new {
            count(entry);
            self.wake_for(&entry.deliveries);
        }
    }

    /// Wakes the worker when the first of these is due. A worker that is woken earlier for others finds
    /// them too. Each time, all destinations ask the ledger: that happens once for hooks that come together.
    fn wake_for(&self, deliveries: &[NewDelivery]) {
        let Some(due_at) = deliveries.iter().map(|delivery| delivery.due_at).min() else {
            return;
        };
        let wait = due_at.duration_since(self.clock.now());
        let Some(wait) = Duration::try_from(wait).ok().filter(|wait| !wait.is_zero()) else {
            self.wake.notify_one();
            return;
        };
        let mut wakes_at = locked(&self.wakes_at);
        if wakes_at.is_some_and(|planned| planned <= due_at) {
            return;
        }
        *wakes_at = Some(due_at);
        let (wake, planned) = (self.wake.clone(), self.wakes_at.clone());
        tokio::spawn(async move {
            sleep(wait).await;
            locked(&planned).take_if(|planned| *planned == due_at);
            wake.notify_one();
        });
    }

    /// Counts how a number was made, and reports an office that it could not tell of.
    fn count_number(&self, request: &Request<'_>, fallback: Option<Fallback>, token: &str) {
        let kind = fallback.map_or("format", Fallback::as_str);
        let event_type = request.event_type.to_owned();
        counter!("countryconfig_registration_numbers_total", "event" => event_type, "kind" => kind)
            .increment(1);
        let office = request.office.unwrap_or("none");
        match fallback {
            None | Some(Fallback::Listed) => {}
            Some(Fallback::UnknownOffice) => {
                warn!(event.id = %request.event_id, office.id = office, "Office `{office}` is not known to the ledger: `{}` got a fallback number", request.event_id);
                if let Some(offices) = &self.office_codes {
                    offices.look_again(token);
                }
            }
            Some(Fallback::NoCode) => {
                warn!(event.id = %request.event_id, office.id = office, "Office `{office}` has no code that a registration number can tell: `{}` got a fallback number", request.event_id);
            }
            Some(Fallback::Busy) => {
                warn!(event.id = %request.event_id, office.id = office, "The sequence of office `{office}` gave no free number in time: `{}` gets a fallback number", request.event_id);
            }
        }
    }

    /// What the action was answered before, as far as the ledger can tell.
    async fn first_answer(&self, event: &EventDocument, pending: &Action) -> Option<Answer> {
        match self.ledger.answer(&event.id, &pending.id).await {
            Ok(answer) => answer,
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, event.id = %event.id, action.id = %pending.id, "Could not read earlier answers about `{}` from the ledger", event.id);
                None
            }
        }
    }

    fn entry(
        &self,
        policy: &Policy,
        facts: &Facts<'_>,
        fresh: Option<&str>,
        patch: &Fields,
        token: &str,
        rescued: Option<Rescued>,
    ) -> Result<Entry, HookError> {
        let decision = policy.decide(facts);
        let makes_identity = |outcome: &&Outcome| outcome.operation == Operation::CreateUin;
        let mut outcome = decision.outcome();
        match rescued.map(|rescued| rescued.identity) {
            Some(WithIdentity::Refuse) if outcome.as_ref().is_some_and(makes_identity) => {
                return Err(HookError::MakesIdentity);
            }
            Some(WithIdentity::Continue) => outcome = outcome.filter(|o| !makes_identity(o)),
            _ => {}
        }
        let due_at = later(self.clock.now(), self.delay);
        let mut deliveries = match outcome {
            None => vec![],
            Some(outcome) => {
                let operation = outcome.operation;
                let packet = build_packet(&policy.mapping, operation, facts)?;
                let delivery = NewDelivery {
                    destination: Destination::MIDDLEWARE,
                    operation: operation.name().to_owned(),
                    path: packet.path,
                    payload: packet.body,
                    token: token.to_owned(),
                    due_at,
                    fallback: fallback(outcome, facts, patch),
                };
                vec![delivery]
            }
        };
        let answer = if outcome.is_some_and(|o| o.answer == eligibility::Answer::Wait) {
            Answer::wait()
        } else {
            let mut body = Map::new();
            body.extend(fresh.map(|number| ("registrationNumber".into(), number.into())));
            if !patch.is_empty() {
                body.insert("declaration".into(), Value::Object(patch.clone()));
            }
            Answer::accept(body.into())
        };
        let told = DecidedAction {
            facts,
            answer: &answer,
            token,
            due_at,
        };
        for follower in &self.followers {
            deliveries.extend(follower.deliveries(&told));
        }
        // Core does not hear this answer: it is told by a call.
        if rescued.is_some() && answer.status == 200 {
            let accept = core_client::accept(&facts.event.id, facts.action, patch, fresh);
            deliveries.extend(
                accept.map(|accept| NewDelivery::confirming(accept, token, self.clock.now())),
            );
        }
        Ok(Entry {
            event_id: facts.event.id.clone(),
            action_id: facts.action.id.clone(),
            event_type: facts.event.event_type.clone(),
            action_type: facts.action.action_type.to_string(),
            rule: outcome.map(|outcome| outcome.rule.clone()),
            decision: decision.summary(),
            registration_number: fresh.map(str::to_owned),
            answer,
            deliveries,
        })
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a decision by its rule.
fn count(entry: &Entry) {
    let rule = entry.rule.as_deref().unwrap_or("none").to_owned();
    counter!("countryconfig_decisions_total", "rule" => rule).increment(1);
}

/// What core is told where the middleware refuses what core waits for.
fn fallback(outcome: &Outcome, facts: &Facts<'_>, patch: &Fields) -> Option<Confirmation> {
    if outcome.answer != eligibility::Answer::Wait {
        return None;
    }
    let (event, action) = (&facts.event.id, facts.action);
    match outcome.on_refusal {
        OnRefusal::Accept => core_client::accept(event, action, patch, facts.registration_number),
        OnRefusal::Reject => core_client::reject(event, &action.id, action.action_type.as_str()),
    }
}

/// Core's id of the office where an action was asked for.
fn office(action: &Action) -> Option<&str> {
    action
        .extra
        .get("createdAtLocation")
        .and_then(Value::as_str)
}

/// Whether the national ID system is told about an action: that is part of what core is promised.
fn tells_the_middleware(entry: &Entry) -> bool {
    let mut destinations = entry.deliveries.iter().map(|d| &d.destination);
    destinations.any(|destination| *destination == Destination::MIDDLEWARE)
}

// SPDX-License-Identifier: MPL-2.0
//! Rescue of records whose hook was lost. Core asks once: if the question or its answer is lost, a record
//! waits for ever. Such records are found here, decided as if asked now, and settled in core.
//!
//! **Invariant:** answers in this ledger are final and never decided again. **Invariant:** an identity
//! is not created automatically for an action that this server does not know: a former server, another
//! one, or this one before a backup was restored may have sent it already. An action whose hook came
//! here and was not decided is known.

use crate::clock::{Clock, later};
use crate::core_client::{self, Core, CoreError};
use crate::delivery::ledger::{
    Answer, Destination, Filter, Ledger, LedgerError, NewDelivery, State,
};
use crate::delivery::middleware::HttpWire;
use crate::delivery::outcome::Outcome;
use crate::delivery::worker::Deliveries;
use crate::hooks::{HookError, Hooks, Rescued, WithIdentity};
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{Action, ActionId, EventDocument, EventId};
use opencrvs_toolkit::hook_action::HookAction;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::{info, warn};

mod database;
mod unanswered;

pub use database::{DatabaseError, DatabaseUrl};
pub use unanswered::{Asked, Unanswered};

/// The prefix of the names under which the ledger keeps hooks without an answer.
const KEPT: &str = "unanswered:";
/// A hook without an answer goes into the ledger after this time.
const INTO_LEDGER: SignedDuration = SignedDuration::from_mins(1);
/// A record that could not be settled is read again, which leaves a trace in it, after this time.
const AGAIN: SignedDuration = SignedDuration::from_hours(12);
/// The maximum number of records examined in one round.
const MOST: usize = 1000;
/// The maximum number of results of core's search, which gives no more.
const MOST_SEARCHED: usize = 10_000;
/// The number of results per page of the search.
const PAGE: usize = 100;

/// The mode of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Does nothing.
    Off,
    /// Reports what it finds.
    Report,
    /// Settles what it finds.
    On,
}

impl FromStr for Mode {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "off" => Ok(Self::Off),
            "report" => Ok(Self::Report),
            "on" => Ok(Self::On),
            _ => Err("expected `report`, `on` or `off`".to_owned()),
        }
    }
}

/// The source that shows a waiting action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A hook that came here and has no answer.
    Hook,
    /// Core's search.
    Search,
    /// A reindex.
    Reindex,
    /// Core's tables.
    Database,
    /// An operator has named the record.
    Operator,
}

/// An action that waits in core, or seems to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The record.
    pub event_id: EventId,
    /// The action; core's search does not show it.
    pub action_id: Option<ActionId>,
    /// `REGISTER` …
    pub action_type: String,
    /// `birth`, `death` …
    pub event_type: Option<String>,
    /// The time since which it waits, or is known to wait.
    pub since: Timestamp,
    /// The source that showed it.
    pub source: Source,
}

/// The reason why core waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was answered, but the answer has not arrived.
    AnswerLost,
    /// As far as the ledger knows it was never asked about.
    NeverAsked,
    /// The same, and its decision would create an identity.
    MakesIdentity,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::AnswerLost, Self::NeverAsked, Self::MakesIdentity];

    /// The word for operators.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnswerLost => "answer-lost",
            Self::NeverAsked => "never-asked",
            Self::MakesIdentity => "makes-identity",
        }
    }
}

/// The result for one action.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The record.
    pub event_id: EventId,
    /// The action.
    pub action_id: Option<ActionId>,
    /// `REGISTER` …
    pub action_type: String,
    /// The time since which it waits.
    pub since: Timestamp,
    /// The result.
    pub end: End,
}

/// The result of examining one action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Core has accepted it, with the answer of the ledger or one that was decided now.
    Accepted,
    /// Core gets the answer as soon as it is reachable.
    Queued,
    /// It waits for the middleware now, as it would have after its hook.
    Sent,
    /// It waits for the middleware since its hook; see `pending`.
    Waits,
    /// Nothing was done; this is why it waits.
    Found(Reason),
    /// It was asked about too recently: its hook may still be under way.
    TooEarly,
    /// Core cannot accept it by a call of this server, or the document lacks what a decision needs.
    Impossible(String),
}

impl End {
    /// The word in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Waits => "waits",
            Self::Found(reason) => reason.as_str(),
            Self::TooEarly => "too-early",
            Self::Impossible(_) => "impossible",
        }
    }

    /// True if the action still needs attention.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Found(_) | Self::TooEarly | Self::Impossible(_))
    }

    /// True if core has got an answer or will get one.
    pub fn is_rescued(&self) -> bool {
        matches!(self, Self::Accepted | Self::Queued | Self::Sent)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "core has accepted it",
            Self::Queued => "its acceptance is on its way to core",
            Self::Sent => "its packet goes to the middleware, and core waits for that",
            Self::Waits => "it waits for the middleware since its hook; see `countryconfig pending`",
            Self::Found(Reason::AnswerLost) => "it was answered, but core does not have the answer",
            Self::Found(Reason::NeverAsked) => "its hook was never answered here",
            Self::Found(Reason::MakesIdentity) => {
                "its hook was never answered here, and it would make an identity: see `countryconfig rescue --help`"
            }
            Self::TooEarly => "it was asked about a moment ago, and may still be answered",
            Self::Impossible(why) => why,
        })
    }
}

/// The result of a round over all sources.
#[derive(Debug)]
pub struct Round {
    /// The result for each action.
    pub steps: Vec<Step>,
    /// The errors of sources that could not be read.
    pub unseen: Vec<RescueError>,
}

/// The reason why a record, or all of them, cannot be examined.
#[derive(Debug, thiserror::Error)]
pub enum RescueError {
    /// Core shows records to a system client only.
    #[error("core cannot be asked: SYSTEM_CLIENT_ID is not set")]
    NoClient,
    /// Core did not show the record.
    #[error("core does not show the record")]
    Core(#[from] CoreError),
    /// Core did not search.
    #[error("core's search failed")]
    Search(#[source] CoreError),
    /// The answers in the ledger cannot be read.
    #[error("the ledger cannot be read")]
    Ledger(#[from] LedgerError),
    /// Core's tables.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// See the module.
pub struct Rescue {
    /// Shows records and gets the answers.
    pub core: Arc<Core>,
    /// Decides.
    pub hooks: Arc<Hooks>,
    /// Stores the answers.
    pub ledger: Arc<dyn Ledger>,
    /// Sends answers to core.
    pub deliveries: Arc<Deliveries>,
    /// The middleware, asked for the packets that it keeps.
    pub middleware: HttpWire,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Hooks that this process has not answered.
    pub unanswered: Arc<Unanswered>,
    /// Core's own database, read only.
    pub database: Option<DatabaseUrl>,
    /// The minimum wait: an action that waits for less time may still be answered.
    pub after: SignedDuration,
    /// The same if an operator names the record.
    pub at_least: SignedDuration,
    /// The state kept from round to round.
    pub seen: Mutex<Seen>,
}

/// The state that a process keeps from round to round.
#[derive(Default)]
pub struct Seen {
    /// When core's search showed a record as waiting first.
    first: BTreeMap<EventId, Timestamp>,
    /// Records that were read and could not be settled.
    looked: BTreeMap<EventId, (Timestamp, Vec<Step>)>,
}

impl Rescue {
    /// Finds waiting actions in all sources, and settles them if the mode says so. Returns the result for
    /// each, and the errors of sources. A record that core's search shows must be shown in two rounds at
    /// least [`Rescue::after`] apart, unless an operator has started the round.
    ///
    /// # Errors
    /// Without a system client, and when the ledger fails.
    pub async fn round(&self, mode: Mode, by_hand: bool) -> Result<Round, RescueError> {
        if !self.core.may_ask() {
            return Err(RescueError::NoClient);
        }
        let (found, unseen) = self.found(by_hand).await?;
        let mut steps = Vec::new();
        for found in found {
            let Some(reason) = self.reason(&found).await? else {
                continue;
            };
            if steps.len() >= MOST {
                break;
            }
            let (event, since) = (found.event_id.clone(), found.since);
            let as_found = |reason| Step {
                event_id: event.clone(),
                action_id: found.action_id.clone(),
                action_type: found.action_type.clone(),
                since,
                end: End::Found(reason),
            };
            if let Some(before) = self.looked(&event) {
                steps.extend(before);
            } else if mode == Mode::On {
                match self.event(&event, WithIdentity::Refuse, false).await {
                    Ok(ended) => {
                        self.remember(&event, &ended);
                        steps.extend(ended);
                    }
                    Err(error) => {
                        warn!(error = &error as &dyn std::error::Error, event.id = %event, "Could not decide a pending action");
                        let step = as_found(reason);
                        self.remember(&event, std::slice::from_ref(&step));
                        steps.push(step);
                    }
                }
            } else {
                steps.push(as_found(reason));
            }
        }
        Ok(Round { steps, unseen })
    }

    /// The actions that have waited long enough, from all sources, one for each record.
    async fn found(&self, by_hand: bool) -> Result<(Vec<Found>, Vec<RescueError>), RescueError> {
        let mut unseen = Vec::new();
        self.put_into_ledger().await;
        let before = later(self.clock.now(), -self.after);
        let mut all: BTreeMap<EventId, Found> = BTreeMap::new();
        let mut add = |found: Vec<Found>| {
            for found in found {
                all.entry(found.event_id.clone()).or_insert(found);
            }
        };
        let kept = self.ledger.kept_under(KEPT).await?.into_iter();
        add(kept
            .filter_map(|(_, asked)| serde_json::from_str::<Asked>(&asked).ok())
            .filter(|asked| asked.at < before)
            .map(|asked| Found {
                event_id: asked.event_id,
                action_id: Some(asked.action_id),
                action_type: asked.action_type,
                event_type: Some(asked.event_type),
                since: asked.at,
                source: if asked.is_shown {
                    Source::Reindex
                } else {
                    Source::Hook
                },
            })
            .collect());
        if let Some(url) = &self.database {
            match database::waiting(url, before).await {
                Ok(found) => add(found),
                Err(error) => unseen.push(error.into()),
            }
        }
        // One look alone does not tell since when it waits; where it is acted on, the record does.
        let seen_before = if by_hand { Timestamp::MAX } else { before };
        match self.search(seen_before).await {
            Ok(found) => add(found),
            Err(error) => unseen.push(RescueError::Search(error)),
        }
        // What was found first by its hook comes first; what is left waits for the next round.
        let mut all: Vec<_> = all.into_values().collect();
        all.sort_by_key(|found| (found.source != Source::Hook, found.since));
        Ok((all, unseen))
    }

    /// The records that core's search shows with a requested action, in this round and since an earlier one.
    async fn search(&self, before: Timestamp) -> Result<Vec<Found>, CoreError> {
        let mut waiting = Vec::new();
        while waiting.len() < MOST_SEARCHED {
            let page = self.core.search_waiting(waiting.len(), PAGE).await?;
            let is_last = page.len() < PAGE;
            waiting.extend(page);
            if is_last {
                break;
            }
        }
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = std::mem::take(&mut seen.first);
        let found = waiting
            .into_iter()
            .map(|(event_id, event_type, action_type)| Found {
                since: known.get(&event_id).copied().unwrap_or(now),
                event_id,
                action_id: None,
                action_type,
                event_type,
                source: Source::Search,
            });
        let found: Vec<_> = found.collect();
        seen.first = found
            .iter()
            .map(|f| (f.event_id.clone(), f.since))
            .collect();
        Ok(found
            .into_iter()
            .filter(|found| found.since < before)
            .collect())
    }

    /// Moves hooks that this process did not answer into the ledger, where every server finds them.
    pub async fn put_into_ledger(&self) {
        let now = self.clock.now();
        for asked in self.unanswered.before(later(now, -INTO_LEDGER)) {
            let name = format!("{KEPT}{}:{}", asked.event_id, asked.action_id);
            let Ok(value) = serde_json::to_string(&asked) else {
                continue;
            };
            // A reindex knows less than a hook.
            if asked.is_shown {
                match self.ledger.kept(&name).await {
                    Ok(None) => {}
                    Ok(Some(_)) => {
                        self.unanswered.answered(&asked.event_id, &asked.action_id);
                        continue;
                    }
                    Err(_) => return,
                }
            }
            if self.ledger.keep(&name, &value, now).await.is_err() {
                // It stays in the file.
                return;
            }
            self.unanswered.answered(&asked.event_id, &asked.action_id);
        }
    }

    /// The reason why core waits for an action, as far as the ledger shows; `None` if the ledger shows that
    /// core was told to wait.
    async fn reason(&self, found: &Found) -> Result<Option<Reason>, LedgerError> {
        let event = &found.event_id;
        let answered = if let Some(action) = &found.action_id {
            let answer = self.ledger.answer(event, action).await?;
            answer.map(|answer| answer.status)
        } else {
            let filter = Filter {
                event_id: Some(event.clone()),
                limit: 100,
                ..Filter::default()
            };
            let of_event = self.ledger.deliveries(&filter).await?;
            let mut of_event = of_event.iter();
            let last = of_event.find(|last| last.action_type == found.action_type);
            // One that core has settled is not the one that waits.
            let last = last.filter(|last| !last.is_settled);
            last.map(|last| last.answer_status)
        };
        if answered == Some(202)
            && let Some(action) = &found.action_id
        {
            self.forget(event, action).await?;
        }
        Ok(match answered {
            Some(202) => None,
            Some(_) => Some(Reason::AnswerLost),
            None => Some(Reason::NeverAsked),
        })
    }

    async fn forget(&self, event: &EventId, action: &ActionId) -> Result<(), LedgerError> {
        self.ledger.forget(&format!("{KEPT}{event}:{action}")).await
    }

    fn looked(&self, event: &EventId) -> Option<Vec<Step>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, steps) = seen.looked.get(event)?;
        (self.clock.now() < later(*at, AGAIN)).then(|| steps.clone())
    }

    /// Remembers a record that could not be settled, so that it is not read again soon.
    fn remember(&self, event: &EventId, ended: &[Step]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.looked.remove(event);
        let is_young = |step: &Step| step.end == End::TooEarly;
        let has_end = |step: &Step| !step.end.is_open() && step.end != End::Queued;
        if !ended.iter().all(has_end) && !ended.iter().any(is_young) {
            let looked = (self.clock.now(), ended.to_vec());
            seen.looked.insert(event.clone(), looked);
        }
    }

    /// Forgets the hooks of a record that need no answer any more.
    async fn forget_settled(&self, event: &EventId, ended: &[Step]) -> Result<(), LedgerError> {
        for (name, _) in self.ledger.kept_under(&format!("{KEPT}{event}:")).await? {
            let is_open = |step: &Step| {
                let action = step.action_id.as_ref();
                step.end.is_open() && action.is_some_and(|id| name.ends_with(id.as_str()))
            };
            if !ended.iter().any(is_open) {
                self.ledger.forget(&name).await?;
            }
        }
        Ok(())
    }

    /// Examines one record and settles its waiting actions. With `dry`, only reports what would be done.
    /// Reading the record leaves a READ action in it.
    ///
    /// # Errors
    /// When core does not show the record, or the ledger cannot be read.
    pub async fn event(
        &self,
        event: &EventId,
        identity: WithIdentity,
        dry: bool,
    ) -> Result<Vec<Step>, RescueError> {
        if !self.core.may_ask() {
            return Err(RescueError::NoClient);
        }
        let token = self.core.system_token().await?;
        let record = self.core.record(event, &token).await?;
        let mut steps = Vec::new();
        for pending in record.history().pending_actions() {
            let kind = pending.action_type.as_str();
            if HookAction::of(kind).is_none() {
                continue;
            }
            let created_at = pending.created_at.as_deref().and_then(|at| at.parse().ok());
            let since = created_at.unwrap_or(Timestamp::UNIX_EPOCH);
            let end = if self.clock.now() < later(since, self.at_least) {
                End::TooEarly
            } else {
                self.action(&record, pending, identity, dry).await?
            };
            if !dry && end.is_rescued() {
                info!(event.id = %event, action.id = %pending.id, end = end.as_str(), "Rescued {kind} of `{event}`: {end}");
            }
            steps.push(Step {
                event_id: event.clone(),
                action_id: Some(pending.id.clone()),
                action_type: kind.to_owned(),
                since,
                end,
            });
        }
        if !dry {
            self.forget_settled(event, &steps).await?;
        }
        Ok(steps)
    }

    /// True if an action was certainly not decided: its hook came to this server, and so to no other, without
    /// being decided, and the middleware keeps no packet of the record. False if the middleware is silent.
    async fn is_undecided(&self, event: &EventId, action: &ActionId) -> Result<bool, LedgerError> {
        let kept = self.ledger.kept(&format!("{KEPT}{event}:{action}")).await?;
        let asked = kept.and_then(|kept| serde_json::from_str::<Asked>(&kept).ok());
        let came_here = asked.is_some_and(|asked| !asked.is_shown && !asked.is_decided);
        Ok(came_here && self.is_unsent(event).await.unwrap_or(false))
    }

    async fn action(
        &self,
        record: &EventDocument,
        pending: &Action,
        identity: WithIdentity,
        dry: bool,
    ) -> Result<End, RescueError> {
        match self.ledger.answer(&record.id, &pending.id).await? {
            Some(answer) if answer.status == 200 => {
                if dry {
                    return Ok(End::Found(Reason::AnswerLost));
                }
                self.accept(record, pending, &answer).await
            }
            Some(_) => Ok(End::Waits),
            None => self.decide(record, pending, identity, dry).await,
        }
    }

    /// Sends core the stored answer.
    async fn accept(
        &self,
        record: &EventDocument,
        pending: &Action,
        answer: &Answer,
    ) -> Result<End, RescueError> {
        let said = |name| answer.body.as_ref().and_then(|body| body.get(name));
        let patch = said("declaration").and_then(Value::as_object).cloned();
        let number = said("registrationNumber").and_then(Value::as_str);
        let (event, action, now) = (&record.id, &pending.id, self.clock.now());
        let acceptance = core_client::accept(event, pending, &patch.unwrap_or_default(), number);
        let Some(acceptance) = acceptance else {
            return Ok(End::Impossible(
                "core does not ask about such actions".into(),
            ));
        };
        let filter = Filter {
            event_id: Some(event.clone()),
            limit: 100,
            ..Filter::default()
        };
        let of_event = self.ledger.deliveries(&filter).await?;
        let mut to_core = of_event.iter().filter(|delivery| {
            delivery.action_id == *action && delivery.destination == Destination::CORE
        });
        match to_core.next() {
            Some(last) if last.state == State::Parked => Ok(End::Impossible(format!(
                "core does not take its acceptance: see `countryconfig deliveries show {}`",
                last.id
            ))),
            // What failed before has a schedule.
            Some(last) if last.state == State::Waiting && last.attempts > 0 => Ok(End::Queued),
            Some(last) if last.state == State::Waiting => self.tell_core(event).await,
            _ => {
                let token = self.core.action_token(event, action).await?;
                let delivery = NewDelivery::confirming(acceptance, &token, now);
                self.ledger.add(event, action, &delivery, now).await?;
                self.tell_core(event).await
            }
        }
    }

    async fn tell_core(&self, event: &EventId) -> Result<End, RescueError> {
        let told = self.deliveries.at_once(event, &Destination::CORE).await?;
        Ok(match told {
            Some(Outcome::Delivered(_) | Outcome::Settled) => End::Accepted,
            Some(Outcome::Refused(_)) => {
                End::Impossible("core has settled the action otherwise".into())
            }
            _ => End::Queued,
        })
    }

    /// Decides as if asked now.
    async fn decide(
        &self,
        record: &EventDocument,
        pending: &Action,
        identity: WithIdentity,
        dry: bool,
    ) -> Result<End, RescueError> {
        let (event, action) = (&record.id, &pending.id);
        let token = self.core.action_token(event, action).await?;
        let rescued = Rescued { identity, dry };
        let mut answered = self.hooks.rescue(record, pending, &token, rescued).await;
        if matches!(answered, Err(HookError::MakesIdentity))
            && self.is_undecided(event, action).await?
        {
            let identity = WithIdentity::Forward;
            let rescued = Rescued { identity, dry };
            answered = self.hooks.rescue(record, pending, &token, rescued).await;
        }
        match answered {
            Ok(_) if dry => Ok(End::Found(Reason::NeverAsked)),
            Ok(answer) if answer.status == 200 => self.accept(record, pending, &answer).await,
            Ok(_) => Ok(End::Sent),
            Err(HookError::MakesIdentity) => Ok(End::Found(Reason::MakesIdentity)),
            Err(HookError::Ledger(error)) => Err(error.into()),
            Err(error @ HookError::Packet(_)) => Ok(End::Impossible(error.to_string())),
        }
    }

    /// True if there is no sign of an earlier packet about a record: the middleware keeps none, and core
    /// does not know its result. A packet whose credential was lost afterwards leaves no sign there.
    ///
    /// # Errors
    /// The reason why the middleware does not answer.
    pub async fn is_unsent(&self, event: &EventId) -> Result<bool, RescueError> {
        let token = self.core.system_token().await?;
        let kept = self.middleware.transactions(&token).await?;
        Ok(!kept.iter().any(|row| row == event.as_str()))
    }
}

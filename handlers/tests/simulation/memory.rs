// SPDX-License-Identifier: MPL-2.0
//! A ledger in memory that means the same as the real ones (it passes their suite) and does the same
//! every time.

use async_trait::async_trait;
use handlers::core_client::Fate;
use handlers::delivery::ledger::{
    Answer, Attempt, Begun, Claimed, Counts, Delivery, Destination, Entry, Filter, Integration,
    Knowledge, Ledger, LedgerError, LostBecause, LostNumber, NewDelivery, Next, NumberLedger,
    PastAttempt, Queue, Recorded, Registered, Renumbered, STARTED, SequenceState, Standing, State,
    USER, WaitingActions, WriteEntry,
};
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use rules::registration_numbers::{Draw, Office, Request};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

/// See the module.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Tables>);

impl Memory {
    /// Nothing will be claimed any more: what waits is held back by what is parked.
    pub(crate) fn is_quiet(&self) -> bool {
        let tables = self.tables();
        tables.ready.is_empty() && tables.leases.is_empty()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap()
    }
}

#[derive(Default)]
struct Tables {
    actions: BTreeMap<(EventId, ActionId), (Entry, Timestamp)>,
    numbers: BTreeSet<String>,
    /// By name: the last position.
    sequences: BTreeMap<String, (u64, Timestamp)>,
    /// The numbers of an action that were made by a format, and how.
    drawn: BTreeMap<(EventId, ActionId), Drawn>,
    offices: BTreeMap<String, Office>,
    deliveries: BTreeMap<i64, Row>,
    of_event: BTreeMap<EventId, Vec<i64>>,
    kept: BTreeMap<String, String>,
    /// System clients, and until when each is leased.
    integrations: BTreeMap<String, (Integration, Option<Timestamp>)>,
    /// What core has shown, and when it may be asked again.
    fates: BTreeMap<(EventId, ActionId), (Fate, Timestamp)>,
    /// Waiting or parked, by what keeps them in order.
    open: BTreeMap<(EventId, String), BTreeSet<i64>>,
    /// Waiting, first of their order, not leased.
    ready: BTreeSet<(String, Timestamp, i64)>,
    /// Leased, by the end of the lease.
    leases: BTreeSet<(Timestamp, i64)>,
}

/// The numbers of an action with their positions, and how they were made.
#[derive(Clone)]
struct Drawn {
    numbers: Vec<(u64, String)>,
    draw: Draw,
}

struct Row {
    event: EventId,
    action: ActionId,
    content: NewDelivery,
    state: State,
    attempts: u32,
    leased_until: Option<Timestamp>,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
    erased: bool,
    knowledge: Knowledge,
    unknown_since: Option<Timestamp>,
    past: Vec<PastAttempt>,
}

impl Row {
    fn turn(&self, id: i64) -> (String, Timestamp, i64) {
        (
            self.content.destination.as_str().to_owned(),
            self.content.due_at,
            id,
        )
    }
}

impl Tables {
    fn insert(&mut self, event: &EventId, action: &ActionId, content: NewDelivery, now: Timestamp) {
        let id = self.deliveries.last_key_value().map_or(1, |(id, _)| id + 1);
        let row = Row {
            event: event.clone(),
            action: action.clone(),
            content,
            state: State::Waiting,
            attempts: 0,
            leased_until: None,
            created_at: now,
            ended_at: None,
            erased: false,
            knowledge: Knowledge::Untried,
            unknown_since: None,
            past: Vec::new(),
        };
        self.deliveries.insert(id, row);
        self.of_event.entry(event.clone()).or_default().push(id);
        self.index(id);
    }

    /// Puts a delivery, whatever has happened to it, where it belongs.
    fn index(&mut self, id: i64) {
        let row = &self.deliveries[&id];
        let order = (
            row.event.clone(),
            row.content.destination.as_str().to_owned(),
        );
        let open = self.open.entry(order).or_default();
        if matches!(row.state, State::Waiting | State::Parked) {
            open.insert(id);
        } else {
            open.remove(&id);
        }
        // Whoever is behind the first is held back: also one that was first until now.
        for id in open.iter().copied().take(2).chain([id]) {
            let row = &self.deliveries[&id];
            let first = open.first() == Some(&id);
            let waits = first && row.state == State::Waiting;
            self.ready.remove(&row.turn(id));
            match row.leased_until {
                Some(until) if row.state == State::Waiting => drop(self.leases.insert((until, id))),
                _ if waits => drop(self.ready.insert(row.turn(id))),
                _ => {}
            }
        }
    }

    fn change(&mut self, id: i64, change: impl FnOnce(&mut Row)) {
        let row = self.deliveries.get_mut(&id).unwrap();
        self.ready.remove(&row.turn(id));
        if let Some(until) = row.leased_until {
            self.leases.remove(&(until, id));
        }
        change(row);
        self.index(id);
    }

    fn end_leases(&mut self, now: Timestamp) {
        while let Some((until, id)) = self.leases.first().copied()
            && until <= now
        {
            self.change(id, |row| row.leased_until = None);
        }
    }

    fn waiting_for(
        &self,
        destination: &Destination,
    ) -> impl Iterator<Item = &(String, Timestamp, i64)> {
        let first = (destination.as_str().to_owned(), Timestamp::MIN, 0);
        let all = self.ready.range(first..);
        all.take_while(move |(to, _, _)| *to == destination.as_str())
    }

    /// The deliveries that a filter selects, the oldest first.
    fn selected(&self, filter: &Filter) -> Vec<i64> {
        let ids: Vec<i64> = match &filter.event_id {
            Some(event) => self.of_event.get(event).cloned().unwrap_or_default(),
            None => self.deliveries.keys().copied().collect(),
        };
        let goes_to = |row: &Row, wanted: &Destination| {
            let (to, wanted) = (row.content.destination.as_str(), wanted.as_str());
            let rest = to.strip_prefix(wanted);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        };
        let is_selected = |id: &i64| {
            let row = &self.deliveries[id];
            let last = row.past.last().map(|past| past.outcome.as_str());
            filter.id.is_none_or(|wanted| wanted == *id)
                && filter.state.is_none_or(|state| state == row.state)
                && filter
                    .destination
                    .as_ref()
                    .is_none_or(|to| goes_to(row, to))
                && filter
                    .outcome
                    .as_deref()
                    .is_none_or(|word| last == Some(word))
                && filter.created_before.is_none_or(|end| row.created_at < end)
                && filter
                    .created_from
                    .is_none_or(|from| row.created_at >= from)
        };
        ids.into_iter().filter(is_selected).collect()
    }

    fn delivery(&self, id: i64) -> Delivery {
        let row = &self.deliveries[&id];
        let (entry, answered_at) = &self.actions[&(row.event.clone(), row.action.clone())];
        Delivery {
            id,
            event_id: row.event.clone(),
            action_id: row.action.clone(),
            event_type: entry.event_type.clone(),
            action_type: entry.action_type.clone(),
            answer_status: entry.answer.status,
            answered_at: *answered_at,
            destination: row.content.destination.clone(),
            operation: row.content.operation.clone(),
            state: row.state,
            attempts: row.attempts,
            due_at: row.content.due_at,
            leased_until: row.leased_until,
            has_payload: !row.erased,
            has_token: !row.content.token.is_empty(),
            created_at: row.created_at,
            ended_at: row.ended_at,
            knowledge: row.knowledge,
            is_settled: self.is_settled(&row.event, &row.action),
        }
    }

    fn is_settled(&self, event: &EventId, action: &ActionId) -> bool {
        let fate = self.fates.get(&(event.clone(), action.clone()));
        fate.is_some_and(|(fate, _)| *fate != Fate::Open)
    }

    fn claimed(&self, id: i64) -> Claimed {
        let row = &self.deliveries[&id];
        let (entry, _) = &self.actions[&(row.event.clone(), row.action.clone())];
        Claimed {
            id,
            event_id: row.event.clone(),
            action_id: row.action.clone(),
            action_type: entry.action_type.clone(),
            answer_status: entry.answer.status,
            destination: row.content.destination.clone(),
            operation: row.content.operation.clone(),
            path: row.content.path.clone(),
            payload: row.content.payload.to_string(),
            token: row.content.token.clone(),
            attempt: row.attempts,
            created_at: row.created_at,
            knowledge: row.knowledge,
            unknown_since: row.unknown_since,
            registration_number: entry.registration_number.clone(),
            fallback: row.content.fallback.clone(),
        }
    }
}

fn is_same(one: &PastAttempt, other: &PastAttempt) -> bool {
    (one.started_at, one.duration, &one.outcome)
        == (other.started_at, other.duration, &other.outcome)
}

#[async_trait]
impl Ledger for Memory {
    async fn mend(&self, _: Timestamp) -> Result<u64, LedgerError> {
        Ok(0)
    }

    async fn prepare(&self) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn record(&self, entry: &Entry, now: Timestamp) -> Result<Recorded, LedgerError> {
        let mut tables = self.tables();
        let key = (entry.event_id.clone(), entry.action_id.clone());
        if let Some((before, _)) = tables.actions.get(&key) {
            return Ok(Recorded::Before(before.answer.clone()));
        }
        if let Some(number) = &entry.registration_number
            && !tables.numbers.insert(number.clone())
        {
            return Ok(Recorded::NumberTaken);
        }
        tables.actions.insert(key, (entry.clone(), now));
        for delivery in &entry.deliveries {
            let to = &delivery.destination;
            let earlier = tables.of_event.get(&entry.event_id).cloned();
            for id in earlier.unwrap_or_default() {
                let row = &tables.deliveries[&id];
                let unsent = row.state == State::Waiting && row.attempts == 0;
                let same = row.content.destination == *to && to.is_forgotten();
                if entry.replaces_messages() && unsent && same {
                    tables.change(id, |row| {
                        (row.state, row.ended_at, row.erased) = (State::Refused, Some(now), true);
                    });
                }
            }
            tables.insert(&entry.event_id, &entry.action_id, delivery.clone(), now);
        }
        Ok(Recorded::New)
    }

    async fn answer(
        &self,
        event: &EventId,
        action: &ActionId,
    ) -> Result<Option<Answer>, LedgerError> {
        let tables = self.tables();
        let entry = tables.actions.get(&(event.clone(), action.clone()));
        Ok(entry.map(|(entry, _)| entry.answer.clone()))
    }

    async fn claim(
        &self,
        destination: &Destination,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
        probe: bool,
    ) -> Result<Vec<Claimed>, LedgerError> {
        let mut tables = self.tables();
        tables.end_leases(now);
        let due = tables.waiting_for(destination);
        let due = due.take_while(|(_, due, _)| *due <= now);
        let mut ids: Vec<_> = due.map(|(_, _, id)| *id).collect();
        if probe {
            ids.sort_by_key(|id| tables.deliveries[id].attempts > 0);
        }
        ids.truncate(limit as usize);
        ids.sort_unstable();
        for id in &ids {
            tables.change(*id, |row| {
                row.leased_until = Some(until);
                row.attempts += 1;
            });
        }
        Ok(ids.into_iter().map(|id| tables.claimed(id)).collect())
    }

    async fn claim_of(
        &self,
        event: &EventId,
        destination: &Destination,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Claimed>, LedgerError> {
        let mut tables = self.tables();
        tables.end_leases(now);
        let first = tables
            .open
            .get(&(event.clone(), destination.as_str().to_owned()));
        let first = first.and_then(|open| open.first().copied()).filter(|id| {
            let row = &tables.deliveries[id];
            row.state == State::Waiting && row.leased_until.is_none()
        });
        let Some(id) = first else { return Ok(None) };
        tables.change(id, |row| {
            row.leased_until = Some(until);
            row.attempts += 1;
        });
        Ok(Some(tables.claimed(id)))
    }

    async fn begin(
        &self,
        claimed: &Claimed,
        renumbered: Option<&Renumbered>,
        now: Timestamp,
    ) -> Result<Begun, LedgerError> {
        let mut tables = self.tables();
        let row = &tables.deliveries[&claimed.id];
        let leased = row.leased_until.is_some_and(|until| until > now);
        if row.state != State::Waiting || row.attempts != claimed.attempt || !leased {
            return Ok(Begun::LeaseLost);
        }
        if let Some(changed) = renumbered
            && !tables.numbers.insert(changed.number.clone())
            && !changed.is_reserved
        {
            return Ok(Begun::NumberTaken);
        }
        let row = tables.deliveries.get_mut(&claimed.id).unwrap();
        if let Some(changed) = renumbered {
            row.content.payload = changed.payload.clone();
            row.content.fallback.clone_from(&changed.fallback);
            row.content.token.clone_from(&changed.token);
        }
        row.knowledge = Knowledge::Unknown;
        row.unknown_since.get_or_insert(now);
        for past in row.past.iter_mut().filter(|past| past.outcome == STARTED) {
            past.outcome = "unknown".into();
        }
        row.past.push(PastAttempt {
            started_at: now,
            duration: jiff::SignedDuration::ZERO,
            outcome: STARTED.into(),
            status: None,
            reason: None,
        });
        Ok(Begun::Begun)
    }

    async fn conclude(
        &self,
        claimed: &Claimed,
        attempt: &Attempt,
        next: &Next,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut tables = self.tables();
        let row = tables.deliveries.get_mut(&claimed.id).unwrap();
        let (sent, current) = (attempt.outcome.was_sent(), row.attempts == claimed.attempt);
        let ended = PastAttempt {
            started_at: attempt.started_at,
            duration: attempt.duration,
            outcome: attempt.outcome.as_str().to_owned(),
            status: attempt.outcome.status(),
            reason: attempt.reason.clone(),
        };
        // What is reported again is the same attempt.
        let is_known = row.past.iter().any(|past| is_same(past, &ended));
        let begun = row.past.iter_mut().find(|past| past.outcome == STARTED);
        match begun {
            Some(past) if sent && current => *past = ended,
            _ if is_known => {}
            _ => row.past.push(ended),
        }
        let known = claimed.knowledge.after(attempt.outcome);
        let open = matches!(row.state, State::Waiting | State::Parked);
        if row.content.destination == Destination::MIDDLEWARE
            && (current && open || known == Knowledge::Taken)
        {
            row.knowledge = known;
            if known == Knowledge::Unknown {
                row.unknown_since.get_or_insert(attempt.started_at);
            } else {
                row.unknown_since = None;
            }
        }
        let current = row.state == State::Waiting && row.attempts == claimed.attempt;
        let open = matches!(row.state, State::Waiting | State::Parked);
        if !(current || open && matches!(next, Next::Delivered)) {
            return Ok(());
        }
        tables.change(claimed.id, |row| {
            row.leased_until = None;
            match next {
                Next::Delivered => row.state = State::Delivered,
                Next::Refused(_) => row.state = State::Refused,
                Next::Retry(at) => row.content.due_at = *at,
                Next::Renew(at) => {
                    row.content.due_at = *at;
                    row.content.token.clear();
                }
                Next::Later(at) => {
                    row.content.due_at = *at;
                    row.attempts -= 1;
                }
                Next::Parked(_) => row.state = State::Parked,
            }
            if matches!(next, Next::Delivered | Next::Refused(_)) {
                row.content.token.clear();
                row.ended_at = Some(now);
                row.erased |= row.content.destination.is_forgotten();
            }
        });
        if let Next::Refused(Some(delivery)) | Next::Parked(Some(delivery)) = next {
            tables.insert(&claimed.event_id, &claimed.action_id, delivery.clone(), now);
        }
        Ok(())
    }

    async fn next_due(
        &self,
        destination: &Destination,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerError> {
        let mut tables = self.tables();
        tables.end_leases(now);
        let first = tables.waiting_for(destination).next();
        Ok(first.map(|(_, due, _)| *due))
    }

    async fn pending(&self, limit: u32) -> Result<Vec<Delivery>, LedgerError> {
        let tables = self.tables();
        let mut pending = Vec::new();
        for ((event, action), (entry, at)) in &tables.actions {
            let of_event = tables.of_event.get(event).into_iter().flatten();
            let mut mine = of_event.filter(|id| tables.deliveries[id].action == *action);
            let Some(last) = mine.next_back().map(|id| tables.delivery(*id)) else {
                continue;
            };
            let told = matches!(last.state, State::Delivered | State::Refused);
            let settled = last.destination == Destination::CORE && told;
            let mut later = tables.actions.iter();
            let asked_on = later.any(|((e, _), (_, recorded))| e == event && recorded > at);
            let settled = settled || last.is_settled;
            if entry.answer.status == 202 && !settled && !asked_on {
                pending.push(last);
            }
        }
        pending.sort_by_key(|delivery| {
            let urgency = match delivery.state {
                State::Waiting => 1,
                State::Delivered => 2,
                _ => 0,
            };
            (urgency, delivery.answered_at, delivery.id)
        });
        pending.truncate(limit as usize);
        Ok(pending)
    }

    async fn standing(
        &self,
        event: &EventId,
        action: &ActionId,
        now: Timestamp,
        again_at: Timestamp,
    ) -> Result<Standing, LedgerError> {
        let mut tables = self.tables();
        let (fate, next_at) = tables
            .fates
            .entry((event.clone(), action.clone()))
            .or_insert((Fate::Open, Timestamp::MIN));
        Ok(match fate {
            Fate::Open if *next_at <= now => {
                *next_at = again_at;
                Standing::Ask
            }
            Fate::Open => Standing::Asked(*next_at),
            settled => Standing::Settled(settled.clone()),
        })
    }

    async fn learn(
        &self,
        event: &EventId,
        action: &ActionId,
        fate: &Fate,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut tables = self.tables();
        let key = (event.clone(), action.clone());
        let (known, _) = tables.fates.entry(key).or_insert((Fate::Open, now));
        if *known != Fate::Open {
            return Ok(());
        }
        *known = fate.clone();
        if *fate == Fate::Open {
            return Ok(());
        }
        for id in tables.of_event.get(event).cloned().unwrap_or_default() {
            let row = &tables.deliveries[&id];
            let untried = row.attempts == 0 || row.knowledge == Knowledge::Unknown;
            let waits = row.state == State::Waiting && row.leased_until.is_none();
            if row.action == *action && waits && untried && row.content.due_at > now {
                tables.change(id, |row| row.content.due_at = now);
            }
        }
        Ok(())
    }

    async fn waiting_actions(&self) -> Result<Vec<WaitingActions>, LedgerError> {
        unreachable!("metrics are not simulated")
    }

    async fn queues(&self) -> Result<Vec<Queue>, LedgerError> {
        unreachable!("metrics are not simulated")
    }

    async fn deliveries(&self, filter: &Filter) -> Result<Vec<Delivery>, LedgerError> {
        let tables = self.tables();
        let mut ids = tables.selected(filter);
        if !filter.oldest_first {
            ids.reverse();
        }
        ids.truncate(filter.limit as usize);
        Ok(ids.into_iter().map(|id| tables.delivery(id)).collect())
    }

    async fn count(&self, filter: &Filter) -> Result<Vec<(State, u64)>, LedgerError> {
        let tables = self.tables();
        let mut counts: Vec<(State, u64)> = Vec::new();
        for id in tables.selected(filter) {
            let state = tables.deliveries[&id].state;
            match counts.iter_mut().find(|(known, _)| *known == state) {
                Some((_, n)) => *n += 1,
                None => counts.push((state, 1)),
            }
        }
        Ok(counts)
    }

    async fn attempts(&self, delivery: i64) -> Result<Vec<PastAttempt>, LedgerError> {
        let tables = self.tables();
        let row = tables.deliveries.get(&delivery);
        Ok(row.map(|row| row.past.clone()).unwrap_or_default())
    }

    async fn retry(
        &self,
        delivery: i64,
        force: bool,
        assumed: Option<Knowledge>,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let mut tables = self.tables();
        let may = tables.deliveries.get(&delivery).is_some_and(|row| {
            let open = matches!(row.state, State::Waiting | State::Parked);
            let leased = row.leased_until.is_some_and(|until| until > now);
            !row.erased && (force || open && !leased)
        });
        if may {
            tables.change(delivery, |row| {
                (row.state, row.attempts, row.leased_until, row.ended_at) =
                    (State::Waiting, 0, None, None);
                row.content.due_at = now;
                if let Some(assumed) = assumed {
                    (row.knowledge, row.unknown_since) = (assumed, None);
                }
            });
        }
        Ok(may)
    }

    async fn park(&self, delivery: i64) -> Result<bool, LedgerError> {
        let mut tables = self.tables();
        let row = tables.deliveries.get(&delivery);
        if row.is_none_or(|row| row.state != State::Waiting) {
            return Ok(false);
        }
        tables.change(delivery, |row| {
            (row.state, row.leased_until) = (State::Parked, None);
        });
        Ok(true)
    }

    async fn purge(&self, delivery: i64, now: Timestamp) -> Result<bool, LedgerError> {
        let mut tables = self.tables();
        let row = tables.deliveries.get(&delivery);
        if row.is_none_or(|row| matches!(row.state, State::Delivered | State::Purged)) {
            return Ok(false);
        }
        tables.change(delivery, |row| {
            (row.state, row.leased_until, row.ended_at) = (State::Purged, None, Some(now));
            row.content.token.clear();
            row.content.fallback = None;
            row.erased = true;
        });
        Ok(true)
    }

    async fn erase(&self, ended_before: Timestamp) -> Result<u64, LedgerError> {
        let mut tables = self.tables();
        let mut erased = 0;
        for row in tables.deliveries.values_mut() {
            let ended = row.ended_at.is_some_and(|at| at < ended_before);
            let over = matches!(row.state, State::Delivered | State::Refused);
            if !row.erased && over && ended {
                row.erased = true;
                erased += 1;
            }
        }
        let tables = &mut *tables;
        let old = |(entry, at): &(Entry, Timestamp)| entry.event_type == USER && *at < ended_before;
        let actions = &tables.actions;
        let forgotten = |row: &Row| {
            let ended = !matches!(row.state, State::Waiting | State::Parked);
            ended && old(&actions[&(row.event.clone(), row.action.clone())])
        };
        let before = tables.deliveries.len();
        tables.deliveries.retain(|_, row| !forgotten(row));
        erased += (before - tables.deliveries.len()) as u64;
        let rows = &tables.deliveries;
        for ids in tables.of_event.values_mut() {
            ids.retain(|id| rows.contains_key(id));
        }
        let of_event = &tables.of_event;
        let empty = |event: &EventId| of_event.get(event).is_none_or(Vec::is_empty);
        tables
            .actions
            .retain(|(event, _), action| !(old(action) && empty(event)));
        Ok(erased)
    }

    async fn counts(&self) -> Result<Counts, LedgerError> {
        let mut counts = Counts::default();
        for row in self.tables().deliveries.values() {
            let count = match row.state {
                State::Waiting => {
                    let oldest = counts.oldest_waiting.get_or_insert(row.created_at);
                    *oldest = row.created_at.min(*oldest);
                    &mut counts.waiting
                }
                State::Delivered => &mut counts.delivered,
                State::Refused => &mut counts.refused,
                State::Parked => &mut counts.parked,
                State::Purged => &mut counts.purged,
            };
            *count += 1;
        }
        Ok(counts)
    }

    async fn keep(&self, name: &str, value: &str, _: Timestamp) -> Result<(), LedgerError> {
        self.tables().kept.insert(name.into(), value.into());
        Ok(())
    }

    async fn kept(&self, name: &str) -> Result<Option<String>, LedgerError> {
        Ok(self.tables().kept.get(name).cloned())
    }

    async fn kept_under(&self, prefix: &str) -> Result<Vec<(String, String)>, LedgerError> {
        let tables = self.tables();
        let kept = tables
            .kept
            .iter()
            .filter(|(name, _)| name.starts_with(prefix));
        Ok(kept
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect())
    }

    async fn keep_integration(
        &self,
        name: &str,
        client_id: &str,
        secret: &SecretString,
        _: Timestamp,
    ) -> Result<Integration, LedgerError> {
        let new = Integration {
            name: name.into(),
            client_id: client_id.into(),
            secret: secret.clone(),
            registered_at: None,
            shown_at: None,
        };
        let mut tables = self.tables();
        let kept = tables
            .integrations
            .entry(name.into())
            .or_insert_with(|| (new.clone(), None));
        let is_empty = |i: &Integration| secrecy::ExposeSecret::expose_secret(&i.secret).is_empty();
        if is_empty(&kept.0) && !is_empty(&new) {
            kept.0 = new;
        }
        Ok(kept.0.clone())
    }

    async fn integrations(&self) -> Result<Vec<Integration>, LedgerError> {
        let tables = self.tables();
        Ok(tables
            .integrations
            .values()
            .map(|(i, _)| i.clone())
            .collect())
    }

    async fn lease_integration(
        &self,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, LedgerError> {
        let mut tables = self.tables();
        let kept = tables.integrations.get_mut(name);
        let free = kept.filter(|(_, leased)| leased.is_none_or(|leased| leased <= now));
        Ok(free.is_some_and(|(_, leased)| {
            *leased = Some(until);
            true
        }))
    }

    async fn release_integration(&self, name: &str) -> Result<(), LedgerError> {
        if let Some((_, leased)) = self.tables().integrations.get_mut(name) {
            *leased = None;
        }
        Ok(())
    }

    async fn register_integration(
        &self,
        integration: &Integration,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        if let Some(kept) = self.tables().integrations.get_mut(&integration.name) {
            let registered_at = Some(now);
            let integration = integration.clone();
            *kept = (
                Integration {
                    registered_at,
                    ..integration
                },
                None,
            );
        }
        Ok(())
    }

    async fn show_integration(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Integration>, LedgerError> {
        let mut tables = self.tables();
        let Some((kept, _)) = tables.integrations.get_mut(name) else {
            return Ok(None);
        };
        if kept.registered_at.is_none() {
            return Ok(None);
        }
        let shown = kept.clone();
        kept.secret = SecretString::default();
        let has_secret = !secrecy::ExposeSecret::expose_secret(&shown.secret).is_empty();
        if has_secret {
            kept.shown_at = Some(now);
        }
        Ok(has_secret.then_some(shown))
    }

    async fn forget(&self, name: &str) -> Result<(), LedgerError> {
        self.tables().kept.remove(name);
        Ok(())
    }

    async fn add(
        &self,
        event: &EventId,
        action: &ActionId,
        delivery: &NewDelivery,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.tables().insert(event, action, delivery.clone(), now);
        Ok(())
    }

    async fn close(&self) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn writable(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

impl Tables {
    /// The next number of a draw that nobody has. Nothing is given out yet.
    fn free_number(&self, draw: &Draw) -> (u64, String) {
        let mut position = draw.sequence.as_ref().map_or(0, |sequence| {
            let last = self.sequences.get(&sequence.name);
            last.map_or(0, |(last, _)| last + 1).max(sequence.start)
        });
        loop {
            let number = draw.number(position);
            if !self.numbers.contains(&number) {
                return (position, number);
            }
            position += 1;
        }
    }

    fn give_out(
        &mut self,
        key: (EventId, ActionId),
        draw: Draw,
        drawn: (u64, String),
        now: Timestamp,
    ) {
        if let Some(sequence) = &draw.sequence {
            self.sequences.insert(sequence.name.clone(), (drawn.0, now));
        }
        let first = Drawn {
            numbers: vec![],
            draw,
        };
        let of_action = self.drawn.entry(key).or_insert(first);
        of_action.numbers.push(drawn);
    }
}

#[async_trait]
impl NumberLedger for Memory {
    async fn register(
        &self,
        request: &Request<'_>,
        write: &WriteEntry<'_>,
        now: Timestamp,
    ) -> Result<Registered, LedgerError> {
        if let Some(answer) = self.answer(request.event_id, request.action_id).await? {
            return Ok(Registered::Before(answer));
        }
        let (draw, drawn) = {
            let tables = self.tables();
            let draw = request.draw(request.office.and_then(|id| tables.offices.get(id)));
            let drawn = tables.free_number(&draw);
            (draw, drawn)
        };
        let Some(entry) = write(&drawn.1) else {
            return Ok(Registered::Unwritten);
        };
        Ok(match self.record(&entry, now).await? {
            Recorded::New => {
                let (key, fallback) = (
                    (entry.event_id.clone(), entry.action_id.clone()),
                    draw.fallback,
                );
                self.tables().give_out(key, draw, drawn, now);
                Registered::New(Box::new(entry), fallback)
            }
            Recorded::Before(answer) => Registered::Before(answer),
            Recorded::NumberTaken => Registered::Busy,
        })
    }

    async fn next_number(
        &self,
        event: &EventId,
        action: &ActionId,
        current: &str,
        now: Timestamp,
    ) -> Result<Option<String>, LedgerError> {
        let mut tables = self.tables();
        let key = (event.clone(), action.clone());
        let Some(Drawn { numbers, draw }) = tables.drawn.get(&key).cloned() else {
            return Ok(None);
        };
        if let Some((_, unused)) = numbers.last().filter(|(_, last)| last != current) {
            return Ok(Some(unused.clone()));
        }
        let drawn = tables.free_number(&draw);
        let number = drawn.1.clone();
        tables.numbers.insert(number.clone());
        tables.give_out(key, draw, drawn, now);
        Ok(Some(number))
    }

    async fn keep_offices(&self, offices: &[Office], _: Timestamp) -> Result<u64, LedgerError> {
        let mut tables = self.tables();
        let mut changed = 0;
        for office in offices {
            let before = tables.offices.insert(office.id.clone(), office.clone());
            changed += u64::from(before.as_ref() != Some(office));
        }
        Ok(changed)
    }

    async fn offices(&self) -> Result<Vec<Office>, LedgerError> {
        Ok(self.tables().offices.values().cloned().collect())
    }

    async fn sequences(&self) -> Result<Vec<SequenceState>, LedgerError> {
        let tables = self.tables();
        let state = |(name, (last, at)): (&String, &(u64, Timestamp))| SequenceState {
            name: name.clone(),
            last: *last,
            changed_at: *at,
        };
        Ok(tables.sequences.iter().map(state).collect())
    }

    async fn raise_sequence(
        &self,
        name: &str,
        last: u64,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let mut tables = self.tables();
        let raised = tables
            .sequences
            .get(name)
            .is_none_or(|(before, _)| *before < last);
        if raised {
            tables.sequences.insert(name.to_owned(), (last, now));
        }
        Ok(raised)
    }

    async fn lost_numbers(&self) -> Result<Vec<LostNumber>, LedgerError> {
        let tables = self.tables();
        let mut lost = Vec::new();
        let mut given: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for (key, Drawn { numbers, draw }) in &tables.drawn {
            let Some(sequence) = &draw.sequence else {
                continue;
            };
            let rejected = matches!(tables.fates.get(key), Some((Fate::Rejected, _)));
            for (n, (position, number)) in numbers.iter().enumerate() {
                given
                    .entry(sequence.name.clone())
                    .or_default()
                    .insert(*position);
                let because = match n + 1 < numbers.len() {
                    true => LostBecause::Packet,
                    false if rejected => LostBecause::Refused,
                    false => continue,
                };
                lost.push(LostNumber {
                    sequence: sequence.name.clone(),
                    from: *position,
                    to: *position,
                    number: Some(number.clone()),
                    event_id: Some(key.0.clone()),
                    because,
                });
            }
        }
        for (sequence, positions) in given {
            for (before, next) in positions.iter().zip(positions.iter().skip(1)) {
                if next - before > 1 {
                    lost.push(LostNumber {
                        sequence: sequence.clone(),
                        from: before + 1,
                        to: next - 1,
                        number: None,
                        event_id: None,
                        because: LostBecause::PassedOver,
                    });
                }
            }
        }
        lost.sort_by(|a, b| (&a.sequence, a.from).cmp(&(&b.sequence, b.from)));
        Ok(lost)
    }
}

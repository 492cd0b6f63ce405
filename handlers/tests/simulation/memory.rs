// SPDX-License-Identifier: MPL-2.0
//! A ledger in memory that means the same as the real ones (it passes their suite) and does the same
//! every time.

use async_trait::async_trait;
use handlers::ledger::{
    Answer, Attempt, Claimed, Counts, Delivery, Entry, Filter, Ledger, LedgerError, NewDelivery,
    Next, PastAttempt, Recorded, State,
};
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventId};
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
    actions: BTreeMap<(EventId, ActionId), Entry>,
    numbers: BTreeSet<String>,
    deliveries: BTreeMap<i64, Row>,
    of_event: BTreeMap<EventId, Vec<i64>>,
    kept: BTreeMap<String, String>,
    /// Waiting or parked, by what keeps them in order.
    open: BTreeMap<(EventId, &'static str), BTreeSet<i64>>,
    /// Waiting, first of their order, not leased.
    ready: BTreeSet<(Timestamp, i64)>,
    /// Leased, by the end of the lease.
    leases: BTreeSet<(Timestamp, i64)>,
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
    past: Vec<PastAttempt>,
}

impl Tables {
    fn insert(&mut self, event: &EventId, action: &ActionId, content: NewDelivery, now: Timestamp) {
        let id = i64::try_from(self.deliveries.len()).unwrap() + 1;
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
            past: Vec::new(),
        };
        self.deliveries.insert(id, row);
        self.of_event.entry(event.clone()).or_default().push(id);
        self.index(id);
    }

    /// Puts a delivery, whatever has happened to it, where it belongs.
    fn index(&mut self, id: i64) {
        let row = &self.deliveries[&id];
        let order = (row.event.clone(), row.content.destination.as_str());
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
            self.ready.remove(&(row.content.due_at, id));
            match row.leased_until {
                Some(until) if row.state == State::Waiting => drop(self.leases.insert((until, id))),
                _ if waits => drop(self.ready.insert((row.content.due_at, id))),
                _ => {}
            }
        }
    }

    fn change(&mut self, id: i64, change: impl FnOnce(&mut Row)) {
        let row = self.deliveries.get_mut(&id).unwrap();
        self.ready.remove(&(row.content.due_at, id));
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

    fn claimed(&self, id: i64) -> Claimed {
        let row = &self.deliveries[&id];
        let entry = &self.actions[&(row.event.clone(), row.action.clone())];
        Claimed {
            id,
            event_id: row.event.clone(),
            action_id: row.action.clone(),
            action_type: entry.action_type.clone(),
            answer_status: entry.answer.status,
            destination: row.content.destination,
            operation: row.content.operation.clone(),
            path: row.content.path.clone(),
            payload: row.content.payload.to_string(),
            token: row.content.token.clone(),
            attempt: row.attempts,
            created_at: row.created_at,
        }
    }
}

#[async_trait]
impl Ledger for Memory {
    async fn record(&self, entry: &Entry, now: Timestamp) -> Result<Recorded, LedgerError> {
        let mut tables = self.tables();
        let key = (entry.event_id.clone(), entry.action_id.clone());
        if let Some(before) = tables.actions.get(&key) {
            return Ok(Recorded::Before(before.answer.clone()));
        }
        if let Some(number) = &entry.registration_number
            && !tables.numbers.insert(number.clone())
        {
            return Ok(Recorded::NumberTaken);
        }
        tables.actions.insert(key, entry.clone());
        for delivery in &entry.deliveries {
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
        Ok(entry.map(|entry| entry.answer.clone()))
    }

    async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>, LedgerError> {
        let mut tables = self.tables();
        tables.end_leases(now);
        let due = tables.ready.iter().take_while(|(due, _)| *due <= now);
        let mut ids: Vec<_> = due.map(|(_, id)| *id).take(limit as usize).collect();
        ids.sort_unstable();
        for id in &ids {
            tables.change(*id, |row| {
                row.leased_until = Some(until);
                row.attempts += 1;
            });
        }
        Ok(ids.into_iter().map(|id| tables.claimed(id)).collect())
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
        row.past.push(PastAttempt {
            started_at: attempt.started_at,
            duration: attempt.duration,
            outcome: attempt.outcome.to_owned(),
            status: attempt.status,
        });
        let current = row.attempts == claimed.attempt;
        if row.state != State::Waiting || !(current || matches!(next, Next::Delivered)) {
            return Ok(());
        }
        tables.change(claimed.id, |row| {
            row.leased_until = None;
            match next {
                Next::Delivered => row.state = State::Delivered,
                Next::Refused(_) => row.state = State::Refused,
                Next::Retry(at) => row.content.due_at = *at,
                Next::Later(at) => {
                    row.content.due_at = *at;
                    row.attempts -= 1;
                }
                Next::Parked => row.state = State::Parked,
            }
            if matches!(next, Next::Delivered | Next::Refused(_)) {
                row.content.token.clear();
                row.ended_at = Some(now);
            }
        });
        if let Next::Refused(Some(delivery)) = next {
            tables.insert(&claimed.event_id, &claimed.action_id, delivery.clone(), now);
        }
        Ok(())
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
        let mut tables = self.tables();
        tables.end_leases(now);
        Ok(tables.ready.first().map(|(due, _)| *due))
    }

    async fn deliveries(&self, filter: &Filter) -> Result<Vec<Delivery>, LedgerError> {
        let tables = self.tables();
        let ids: Vec<i64> = match &filter.event_id {
            Some(event) => tables.of_event.get(event).cloned().unwrap_or_default(),
            None => tables.deliveries.keys().copied().collect(),
        };
        let rows = ids.iter().rev().map(|id| (id, &tables.deliveries[id]));
        let rows = rows.filter(|(id, row)| {
            filter.id.is_none_or(|wanted| wanted == **id)
                && filter.state.is_none_or(|state| state == row.state)
        });
        let delivery = |(id, row): (&i64, &Row)| {
            let entry = &tables.actions[&(row.event.clone(), row.action.clone())];
            Delivery {
                id: *id,
                event_id: row.event.clone(),
                action_id: row.action.clone(),
                event_type: entry.event_type.clone(),
                action_type: entry.action_type.clone(),
                answer_status: entry.answer.status,
                destination: row.content.destination,
                operation: row.content.operation.clone(),
                state: row.state,
                attempts: row.attempts,
                due_at: row.content.due_at,
                created_at: row.created_at,
                ended_at: row.ended_at,
            }
        };
        Ok(rows.take(filter.limit as usize).map(delivery).collect())
    }

    async fn attempts(&self, delivery: i64) -> Result<Vec<PastAttempt>, LedgerError> {
        let tables = self.tables();
        let row = tables.deliveries.get(&delivery);
        Ok(row.map(|row| row.past.clone()).unwrap_or_default())
    }

    async fn retry(&self, delivery: i64, now: Timestamp) -> Result<bool, LedgerError> {
        let mut tables = self.tables();
        if tables
            .deliveries
            .get(&delivery)
            .is_none_or(|row| row.erased)
        {
            return Ok(false);
        }
        tables.change(delivery, |row| {
            (row.state, row.attempts, row.leased_until, row.ended_at) =
                (State::Waiting, 0, None, None);
            row.content.due_at = now;
        });
        Ok(true)
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
            row.erased = true;
        });
        Ok(true)
    }

    async fn erase(&self, ended_before: Timestamp) -> Result<u64, LedgerError> {
        let mut tables = self.tables();
        let mut erased = 0;
        for row in tables.deliveries.values_mut() {
            let ended = row.ended_at.is_some_and(|at| at < ended_before);
            if !row.erased && row.state == State::Delivered && ended {
                row.erased = true;
                erased += 1;
            }
        }
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

    async fn writable(&self) -> Result<(), LedgerError> {
        Ok(())
    }
}

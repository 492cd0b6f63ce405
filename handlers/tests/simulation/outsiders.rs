// SPDX-License-Identifier: MPL-2.0
//! Models of core and of the middleware, as `core-calls.md` and the middleware's code describe them,
//! and what must be true of both.

use crate::records::{self, Life};
use crate::server::Server;
use crate::world::{World, true_time};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use handlers::ledger::{Answer, Claimed, Delivery, Destination, Filter, Ledger, State};
use handlers::outside::Outcome;
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventDocument, EventId};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How an action stands in core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Requested,
    Accepted,
    Rejected,
}

/// An action that core asked about.
pub(crate) struct Asked {
    pub(crate) event: String,
    pub(crate) status: Status,
    pub(crate) answer: Option<Answer>,
    /// Asked for the first time, and no answer yet.
    first_call: bool,
    pub(crate) dies: Duration,
    registers: bool,
    /// Somebody rejected it in core, because no answer came.
    given_up: bool,
    /// The numbers that anybody was told for it. There must be one.
    numbers: BTreeSet<String>,
}

#[derive(Default)]
pub(crate) struct Core {
    pub(crate) actions: BTreeMap<String, Asked>,
}

/// What the middleware remembers.
#[derive(Default)]
pub(crate) struct Middleware {
    /// Tokens are unique: the same one again is an error.
    tokens: BTreeSet<String>,
    /// Deliveries whose content it has.
    taken: BTreeSet<i64>,
    /// The last delivery that it took for each event.
    last: BTreeMap<EventId, i64>,
    /// What it will never take.
    refused: BTreeMap<String, bool>,
}

/// A token of core: signed by nobody, otherwise as it looks.
fn token(event: &str, action: &str, dies: Duration) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"exp": true_time(dies).as_second(), "eventId": event, "actionId": action});
    format!(
        "{}.{}.signature",
        part(json!({"alg": "RS256"})),
        part(claims)
    )
}

impl World {
    /// All of a record's life, as core lives through it.
    pub(crate) async fn record(
        self: Arc<Self>,
        servers: Vec<Arc<Server>>,
        event: String,
        life: Life,
        pause: Duration,
    ) {
        let mut actions = life.before(&event);
        for (n, kind) in life.asks().into_iter().enumerate() {
            let action = format!("{event}/{n}");
            let at = 10 + 10 * n;
            let request = (kind == "APPROVE_CORRECTION").then(|| {
                let correction =
                    json!({"child.name": {"firstname": format!("Nia{n}"), "surname": "Okello"}});
                records::accepted(&event, "REQUEST_CORRECTION", at, correction)
            });
            let request_id = request
                .as_ref()
                .map(|r| r["id"].as_str().unwrap().to_owned());
            actions.extend(request);
            let pending = records::requested(&action, kind, at + 1, request_id.as_deref());
            actions.push(pending.clone());
            let answer = self
                .ask(&servers, &event, life, &actions, &action, kind)
                .await;
            let Some(answer) = answer else { return };
            let mut status = Status::Accepted;
            if answer.status == 202 {
                status = self.wait_for(&action).await;
            }
            let (word, body) = match status {
                Status::Accepted => ("Accepted", answer.body.unwrap_or_default()),
                Status::Rejected => ("Rejected", json!({})),
                // Nothing else can be done with the record.
                Status::Requested => return,
            };
            actions.push(records::answer_to(&pending, word, at + 2, &body));
            let pause = self.state().rng.within(pause);
            tokio::time::sleep(pause).await;
        }
    }

    /// Core stores the action as requested and asks. Where nobody answers, a user or an operator
    /// asks again.
    async fn ask(
        self: &Arc<Self>,
        servers: &[Arc<Server>],
        event: &str,
        life: Life,
        actions: &[Value],
        action: &str,
        kind: &'static str,
    ) -> Option<Answer> {
        let document = records::document(event, life, actions).to_string();
        let document = Arc::new(EventDocument::parse(document.as_bytes()).unwrap());
        let dies = self.elapsed() + self.times.token;
        let token = token(event, action, dies);
        let asked = Asked {
            event: event.into(),
            status: Status::Requested,
            answer: None,
            first_call: true,
            dies,
            registers: kind == "REGISTER",
            given_up: false,
            numbers: BTreeSet::new(),
        };
        self.state().core.actions.insert(action.into(), asked);
        loop {
            let (server, other, doubled, given_up, pause) = {
                let rng = &mut self.state().rng;
                let doubled = rng.happens(self.weather.doubled);
                let given_up = rng.happens(self.weather.given_up);
                let pause = rng.within(Duration::from_secs(30));
                let mut one = || usize::try_from(rng.below(servers.len() as u64)).unwrap();
                (&servers[one()], &servers[one()], doubled, given_up, pause)
            };
            self.tell(|| format!("core: asks about {action} ({kind})"));
            let hook = |server: &Arc<Server>| {
                let (server, document, token) = (server.clone(), document.clone(), token.clone());
                async move { server.ask(document, kind, token).await }
            };
            let answers = if doubled {
                let (one, two) = tokio::join!(biased; hook(server), hook(other));
                [one, two]
            } else {
                [hook(server).await, None]
            };
            for answer in answers.into_iter().flatten() {
                match answer {
                    Ok(answer) => self.answered(action, answer),
                    Err(error) => self.tell(|| format!("core: {action} gets 503: {error}")),
                }
            }
            let answered = {
                let asked = &mut self.state().core;
                let asked = asked.actions.get_mut(action).unwrap();
                asked.first_call = false;
                if asked.answer.is_none() && asked.status == Status::Requested && given_up {
                    (asked.status, asked.given_up) = (Status::Rejected, true);
                }
                asked.answer.clone().ok_or(asked.given_up)
            };
            match answered {
                Ok(answer) => return Some(answer),
                Err(true) => {
                    self.saw("given up");
                    self.tell(|| format!("core: somebody rejects {action} by hand"));
                    return None;
                }
                Err(false) if self.elapsed() > dies => return None,
                Err(false) => {}
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Core has an answer.
    fn answered(&self, action: &str, answer: Answer) {
        self.tell(|| format!("core: {action} is answered {}", answer.status));
        let mut state = self.state();
        let asked = state.core.actions.get_mut(action).unwrap();
        let mut broken = Vec::new();
        if asked.answer.as_ref().is_some_and(|first| *first != answer) {
            broken.push(format!("{action} got two answers"));
        }
        match answer.status {
            200 => {
                let number = answer.body.as_ref().unwrap()["registrationNumber"].as_str();
                asked.numbers.extend(number.map(str::to_owned));
                if asked.registers != number.is_some() {
                    broken.push(format!("{action}: number {number:?}"));
                }
                asked.status = Status::Accepted;
            }
            202 => {}
            other => broken.push(format!("{action} was answered {other}")),
        }
        asked.answer = Some(answer);
        drop(state);
        for what in broken {
            self.broken(what);
        }
    }

    /// Waits until somebody accepts or rejects, or nobody can any more.
    async fn wait_for(&self, action: &str) -> Status {
        loop {
            let (status, dies) = {
                let asked = &self.state().core.actions[action];
                (asked.status, asked.dies)
            };
            if status != Status::Requested || self.elapsed() > dies {
                return status;
            }
            tokio::time::sleep(self.times.token / 200).await;
        }
    }

    /// A delivery reaches core's gateway: only rejections do.
    pub(crate) async fn gateway(&self, delivery: &Claimed) -> Outcome {
        if self.is_in(&self.weather.core_down) {
            return self.unreachable().await;
        }
        let action = delivery.action_id.as_str();
        let payload: Value = serde_json::from_str(&delivery.payload).unwrap();
        if payload["json"]["actionId"] != action || !delivery.operation.ends_with(".reject") {
            self.broken(format!("core is asked nonsense: {}", delivery.operation));
        }
        if !self
            .state()
            .middleware
            .refused
            .get(action)
            .is_some_and(|r| *r)
        {
            self.broken(format!("{action} is rejected without a reason"));
        }
        let now = self.elapsed();
        let mut state = self.state();
        let asked = state.core.actions.get_mut(action).unwrap();
        if now > asked.dies && !self.weather.system_client {
            return Outcome::Failed(StatusCode::UNAUTHORIZED, None);
        }
        if asked.status == Status::Accepted {
            return Outcome::Refused(StatusCode::INTERNAL_SERVER_ERROR);
        }
        asked.status = Status::Rejected;
        drop(state);
        self.saw("rejected in core");
        Outcome::Delivered(StatusCode::OK)
    }

    /// Nobody is there, or says so.
    async fn unreachable(&self) -> Outcome {
        let how = self.state().rng.below(4);
        let retry_after = Some(Duration::from_secs(20));
        match how {
            0 => Outcome::Unreachable,
            1 => Outcome::Failed(StatusCode::SERVICE_UNAVAILABLE, retry_after),
            2 => Outcome::Failed(StatusCode::BAD_GATEWAY, None),
            _ => {
                tokio::time::sleep(self.times.timeout).await;
                Outcome::Timeout
            }
        }
    }

    /// A delivery reaches the middleware.
    pub(crate) async fn middleware(self: &Arc<Self>, delivery: &Claimed) -> Outcome {
        if self.is_in(&self.weather.middleware_down) {
            return self.unreachable().await;
        }
        let action = delivery.action_id.as_str().to_owned();
        let payload: Value = serde_json::from_str(&delivery.payload).unwrap();
        let registers = delivery.path == "/events/registration";
        let (outcome, confirms, wrong) = {
            let now = self.elapsed();
            let mut state = self.state();
            let state = &mut *state;
            let odds = self.weather.refusals;
            let refused = state.middleware.refused.entry(action.clone());
            if *refused.or_insert_with(|| state.rng.happens(odds)) {
                let status = state
                    .rng
                    .one(&[StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY]);
                return Outcome::Refused(status);
            }
            let asked = state.core.actions.get_mut(&action).unwrap();
            if now > asked.dies && !self.weather.system_client {
                return Outcome::Failed(StatusCode::UNAUTHORIZED, None);
            }
            // What core was told to accept at once cannot be taken back from the middleware.
            let untimely = self.weather.system_client
                && delivery.answer_status == 200
                && asked.status != Status::Accepted;
            let fields = &payload["requestFields"];
            for key in ["birthCertificateNumber", "deathCertificateNumber"] {
                asked
                    .numbers
                    .extend(fields[key].as_str().map(str::to_owned));
            }
            let bad = state.rng.happens(self.weather.middleware_faults);
            let bad = if bad { state.rng.below(5) } else { 9 };
            if bad == 0 || (registers && state.middleware.tokens.contains(&delivery.token)) {
                // It failed before, or it has the token already and says no more than this.
                return Outcome::Failed(StatusCode::INTERNAL_SERVER_ERROR, None);
            }
            if registers {
                state.middleware.tokens.insert(delivery.token.clone());
            }
            if !state.middleware.taken.insert(delivery.id) {
                *state.seen.entry("arrived twice").or_default() += 1;
            }
            let last = state
                .middleware
                .last
                .insert(delivery.event_id.clone(), delivery.id);
            let order = last.is_none_or(|last| last <= delivery.id);
            let outcome = match bad {
                // MOSIP failed behind it: what it stored stays, and nobody will confirm.
                1 => Outcome::Failed(StatusCode::INTERNAL_SERVER_ERROR, None),
                2 | 3 => Outcome::Timeout,
                _ => Outcome::Delivered(StatusCode::ACCEPTED),
            };
            // It forgets (4), or it fails (1); otherwise it confirms, sometimes after days.
            let late = match state.rng.below(10) {
                0 => self.times.token / 2,
                1 => Duration::from_millis(1),
                _ => Duration::from_mins(1),
            };
            let confirms = (registers && ![1, 4].contains(&bad)).then(|| state.rng.within(late));
            let wrong = [
                (!order).then_some("comes after a later one"),
                untimely.then_some("comes before core has accepted its action"),
            ];
            (outcome, confirms, wrong)
        };
        for wrong in wrong.into_iter().flatten() {
            self.broken(format!("delivery {} {wrong}", delivery.id));
        }
        if let Some(after) = confirms {
            let world = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                world.confirm(&action);
            });
        }
        if outcome == Outcome::Timeout {
            tokio::time::sleep(self.times.timeout).await;
        }
        outcome
    }

    /// The middleware tells core that an action may happen.
    fn confirm(&self, action: &str) {
        let mut state = self.state();
        let now = self.elapsed();
        let asked = state.core.actions.get_mut(action).unwrap();
        let early = asked.first_call && asked.answer.is_none();
        if asked.status == Status::Requested && now <= asked.dies {
            asked.status = Status::Accepted;
        }
        drop(state);
        self.saw("confirmed");
        self.tell(|| format!("middleware: confirms {action}"));
        if early {
            self.broken(format!("{action} is confirmed before core has its answer"));
        }
    }

    /// How core shows an action.
    pub(crate) fn status(&self, action: &ActionId) -> Status {
        self.state().core.actions[action.as_str()].status
    }

    /// When the token of a delivery ends.
    pub(crate) fn end_of(&self, delivery: &Claimed) -> Timestamp {
        true_time(self.state().core.actions[delivery.action_id.as_str()].dies)
    }

    /// What concerns one record is sent in order.
    pub(crate) fn check_order(&self, delivery: &Claimed) {
        let earlier = self.rows(&delivery.event_id).into_iter().find(|row| {
            row.id < delivery.id
                && row.destination == delivery.destination
                && matches!(row.state, State::Waiting | State::Parked)
        });
        if let Some(earlier) = earlier {
            self.broken(format!(
                "delivery {} is sent before {}",
                delivery.id, earlier.id
            ));
        }
    }

    fn rows(&self, event: &EventId) -> Vec<Delivery> {
        let filter = Filter {
            event_id: Some(event.clone()),
            limit: u32::MAX,
            ..Filter::default()
        };
        now(self.memory.deliveries(&filter)).unwrap()
    }

    /// What must be true of every action when its token dies: from then on nobody can act for it.
    pub(crate) fn check_end(&self) {
        let mut broken = Vec::new();
        let listed = now(self.memory.pending(u32::MAX)).unwrap();
        let listed: BTreeSet<_> = listed.iter().map(|row| row.action_id.as_str()).collect();
        let state = self.state();
        let mut numbers = BTreeMap::new();
        for (action, asked) in &state.core.actions {
            let event = EventId::new(&asked.event);
            let rows = self.rows(&event);
            if asked.registers {
                if asked.numbers.len() > 1 {
                    broken.push(format!("{action} has numbers {:?}", asked.numbers));
                }
                for number in &asked.numbers {
                    if let Some(other) = numbers.insert(number.clone(), action) {
                        broken.push(format!("{action} has the number of {other}"));
                    }
                }
            }
            let of = |row: &&Delivery| row.action_id.as_str() == action;
            let mine: Vec<_> = rows.iter().filter(of).collect();
            let refused = state.middleware.refused.get(action) == Some(&true);
            let rejected = asked.status == Status::Rejected;
            for row in &mine {
                let held_back = rows.iter().any(|earlier| {
                    earlier.id < row.id
                        && earlier.destination == row.destination
                        && earlier.state == State::Parked
                });
                let to_core = row.destination == Destination::CORE;
                let arrived = if to_core {
                    rejected
                } else {
                    state.middleware.taken.contains(&row.id)
                };
                let wrong = match row.state {
                    State::Waiting if !held_back => "still waits",
                    State::Delivered if !arrived => "never arrived",
                    State::Refused if !to_core && !refused && !rejected => {
                        "is given up without a reason"
                    }
                    _ => continue,
                };
                broken.push(format!("delivery {} of {action} {wrong}", row.id));
            }
            // What the middleware refused and core waits for is rejected in core, once.
            let of = |destination| {
                mine.iter()
                    .filter(move |row| row.destination == destination)
            };
            let refusals = of(Destination::MIDDLEWARE)
                .filter(|row| row.state == State::Refused && row.answer_status == 202)
                .count();
            let rejections = of(Destination::CORE).count();
            if rejections != refusals {
                broken.push(format!(
                    "{action} is refused {refusals} times and rejected in core {rejections} times"
                ));
            }
            let Some(answer) = &asked.answer else {
                if !asked.given_up {
                    broken.push(format!("{action} was never answered"));
                }
                continue;
            };
            // An operator sees it in `countryconfig pending`.
            let listed = listed.contains(action.as_str());
            if answer.status == 202 && asked.status == Status::Requested && !listed {
                broken.push(format!("{action} waits, and nobody knows"));
            }
            if answer.status == 200 && asked.status != Status::Accepted {
                broken.push(format!("{action} was accepted and is {:?}", asked.status));
            }
            let promised = now(self.memory.answer(&event, &ActionId::new(action)));
            let promised = promised.unwrap();
            if promised.is_none() && (asked.registers || !mine.is_empty()) {
                broken.push(format!("{action} was answered and not written down"));
            }
        }
        drop(state);
        for what in broken {
            self.broken(what);
        }
    }
}

/// The ledger in memory never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("it has no awaits"),
    }
}

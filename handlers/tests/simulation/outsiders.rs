// SPDX-License-Identifier: MPL-2.0
//! Models of core and of the middleware, as `core-calls.md` and the middleware's code describe them,
//! and what must be true of both.

use crate::records::{self, Life};
use crate::server::Server;
use crate::world::{World, true_time};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use handlers::core_client::{CoreError, Fate};
use handlers::delivery::ledger::{Answer, Claimed, Delivery, Destination, Filter, Ledger, State};
use handlers::delivery::outcome::Outcome;
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
    /// Of the record.
    life: Life,
    /// When it was settled.
    settled_at: Duration,
    /// Asked for the first time, and no answer yet.
    first_call: bool,
    pub(crate) dies: Duration,
    registers: bool,
    /// Somebody rejected it in core, because no answer came.
    given_up: bool,
    /// The numbers that anybody was told for it. There must be one.
    numbers: BTreeSet<String>,
}

impl Asked {
    /// Whether its packet makes an identity: not that of a death, or an update.
    pub(crate) fn makes_identity(&self) -> bool {
        matches!(
            self.life,
            Life::Eligible | Life::LateIdentity | Life::Forged
        )
    }

    /// Why nothing may be sent yet because of it.
    fn untimely(&self) -> Option<&'static str> {
        let at_once = self
            .answer
            .as_ref()
            .is_some_and(|answer| answer.status == 200);
        if self.is_forged() {
            return Some("although core does not have it");
        }
        (at_once && self.status != Status::Accepted).then_some("before core has accepted it")
    }

    /// Core does not have it.
    fn is_forged(&self) -> bool {
        self.life == Life::Forged
    }
}

#[derive(Default)]
pub(crate) struct Core {
    pub(crate) actions: BTreeMap<String, Asked>,
}

/// What the middleware and MOSIP behind it remember.
#[derive(Default)]
pub(crate) struct Middleware {
    /// Numbers and tokens of its rows, each unique.
    rows: BTreeMap<String, String>,
    /// Identities that MOSIP made, by record.
    identities: BTreeMap<String, u32>,
    /// Actions whose packet MOSIP has taken.
    taken: BTreeSet<String>,
    /// Actions whose packet was answered 500.
    faulted: BTreeSet<String>,
    /// What it will never take.
    refused: BTreeMap<String, bool>,
}

impl Middleware {
    /// What is wrong where the record has one already.
    fn make_identity(&mut self, event: &str) -> Option<String> {
        let made = self.identities.entry(event.to_owned()).or_default();
        *made += 1;
        (*made > 1).then(|| format!("{event} has {made} identities"))
    }
}

/// The action that a token is for.
pub(crate) fn action_of(token: &str) -> String {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap());
    let claims: Value = serde_json::from_slice(&claims.unwrap()).unwrap();
    claims["actionId"].as_str().unwrap().to_owned()
}

/// A token of core: signed by nobody, otherwise as it looks.
fn token(event: &str, action: &str, dies: Duration, nonce: u64) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let end = true_time(dies).as_second();
    let claims = json!({"exp": end, "eventId": event, "actionId": action, "jti": nonce});
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
        let token = token(event, action, dies, 0);
        let asked = Asked {
            event: event.into(),
            status: Status::Requested,
            answer: None,
            life,
            settled_at: Duration::ZERO,
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

    /// A delivery reaches core's gateway: it rejects what the middleware refused, or accepts a
    /// correction that gets no identity.
    pub(crate) async fn gateway(&self, delivery: &Claimed) -> Outcome {
        if self.is_in(&self.weather.core_down) {
            tokio::time::sleep(self.times.timeout).await;
            return Outcome::Failed(StatusCode::BAD_GATEWAY, None);
        }
        let action = delivery.action_id.as_str();
        let payload: Value = serde_json::from_str(&delivery.payload).unwrap();
        let input = &payload["json"];
        let verb = match delivery.operation.as_str() {
            "register.reject" => Status::Rejected,
            "correction.approve.accept" if input["requestId"].is_string() => Status::Accepted,
            // Core 2.0 answers 500 to the rejection of a correction, for ever.
            other => {
                self.broken(format!("core is asked nonsense: {other}"));
                return Outcome::Failed(StatusCode::INTERNAL_SERVER_ERROR, None);
            }
        };
        let reason = {
            let middleware = &self.state().middleware;
            let refused = middleware.refused.get(action) == Some(&true);
            let not_started = middleware.faulted.contains(action);
            refused || verb == Status::Accepted && not_started
        };
        if input["actionId"] != action || !reason {
            self.broken(format!("{action} is settled in core without a reason"));
        }
        let now = self.elapsed();
        let mut state = self.state();
        let asked = state.core.actions.get_mut(action).unwrap();
        if now > asked.dies && !self.weather.system_client {
            return Outcome::Failed(StatusCode::UNAUTHORIZED, None);
        }
        if asked.status != Status::Requested && asked.status != verb {
            return Outcome::Refused(StatusCode::INTERNAL_SERVER_ERROR);
        }
        (asked.status, asked.settled_at) = (verb, now);
        drop(state);
        self.saw(if verb == Status::Rejected {
            "rejected in core"
        } else {
            "accepted without identity"
        });
        Outcome::Delivered(StatusCode::OK)
    }

    /// The middleware is not there, or something in front of it says so.
    async fn down(&self) -> Outcome {
        let (unclear, how) = {
            let rng = &mut self.state().rng;
            (rng.happens(self.weather.unclear), rng.below(3))
        };
        match (unclear, how) {
            (false, 0) => Outcome::Unavailable(Some(Duration::from_secs(20))),
            (false, 1) => Outcome::NotReached(Some(StatusCode::TOO_MANY_REQUESTS), None),
            (false, _) => Outcome::NotReached(None, None),
            (true, 0) => Outcome::Unknown(Some(StatusCode::BAD_GATEWAY)),
            (true, _) => {
                tokio::time::sleep(self.times.timeout).await;
                Outcome::Unknown(None)
            }
        }
    }

    /// A packet reaches the middleware.
    pub(crate) async fn middleware(
        self: &Arc<Self>,
        path: &str,
        token: &str,
        action: &str,
        body: &str,
    ) -> Outcome {
        if self.is_in(&self.weather.middleware_down) {
            return self.down().await;
        }
        let body: Value = serde_json::from_str(body).unwrap();
        let fields = &body["requestFields"];
        let number = ["birthCertificateNumber", "deathCertificateNumber"]
            .iter()
            .find_map(|name| fields[name].as_str());
        let (outcome, credential_after) = {
            let now = self.elapsed();
            let mut state = self.state();
            let state = &mut *state;
            let odds = self.weather.refusals;
            let refused = state.middleware.refused.entry(action.to_owned());
            if *refused.or_insert_with(|| state.rng.happens(odds)) {
                let status = state
                    .rng
                    .one(&[StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY]);
                return Outcome::Refused(status);
            }
            let asked = &state.core.actions[action];
            if self.weather.system_client {
                if let Some(what) = asked.untimely() {
                    let sent = format!("the packet of {action} is sent {what}");
                    state.broken.push(sent);
                }
            } else if now > asked.dies {
                return Outcome::NotReached(Some(StatusCode::UNAUTHORIZED), None);
            }
            let registers = path == "/events/registration";
            if registers {
                let number = number.unwrap().to_owned();
                let rows = &mut state.middleware.rows;
                if rows.contains_key(&number) || rows.values().any(|known| known == token) {
                    state.middleware.faulted.insert(action.to_owned());
                    return Outcome::NotStarted;
                }
                rows.insert(number, token.to_owned());
            }
            let bad = state.rng.happens(self.weather.middleware_faults);
            // A wrong clock may end the wait for a credential before it comes.
            let kinds = if self.clock_was_set() { 4 } else { 6 };
            let bad = if bad { state.rng.below(kinds) } else { 9 };
            // MOSIP failed (0, 1): the row stays, and nothing comes of it.
            if bad <= 1 {
                state.middleware.faulted.insert(action.to_owned());
                return Outcome::NotStarted;
            }
            state.middleware.taken.insert(action.to_owned());
            if fields["birthCertificateNumber"].is_string() {
                let event = body["eventId"].as_str().unwrap();
                state.broken.extend(state.middleware.make_identity(event));
            }
            let outcome = match bad {
                // MOSIP takes longer than anybody waits (2), or the connection breaks (3).
                2 | 3 => Outcome::Unknown(None),
                // The answer to the middleware's last call is lost (4): it says that MOSIP failed.
                4 => {
                    state.middleware.faulted.insert(action.to_owned());
                    Outcome::NotStarted
                }
                // Something on the way loses patience (5).
                5 => Outcome::Unavailable(None),
                _ => Outcome::Delivered(StatusCode::ACCEPTED),
            };
            let soon = self.times.retry_after_500 / 2;
            let late = match state.rng.below(10) {
                _ if bad == 4 => soon,
                // Between core's answer and the packet there is a moment in which it must not come.
                _ if bad == 5 => self.times.token / 4,
                0 => self.times.token / 2,
                1 => Duration::from_millis(1),
                _ => Duration::from_mins(1),
            };
            let after = state.rng.within(late.max(Duration::from_millis(1)));
            let after = if bad == 5 { late + after } else { after };
            (outcome, registers.then_some((after, bad)))
        };
        if let (Some((after, bad)), Some(number)) = (credential_after, number) {
            let (world, action, number) = (self.clone(), action.to_owned(), number.to_owned());
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                world.credential(&action, &number, bad);
            });
        }
        if matches!(outcome, Outcome::Unknown(_)) {
            tokio::time::sleep(self.times.timeout).await;
        }
        outcome
    }

    /// The credential comes: the row goes first, then core is told, once.
    fn credential(&self, action: &str, number: &str, bad: u64) {
        let core_down = self.is_in(&self.weather.core_down);
        let now = self.elapsed();
        let mut state = self.state();
        let lost = state.rng.happens(self.weather.lost_credentials) || core_down;
        state.middleware.rows.remove(number);
        if lost && bad > 5 {
            drop(state);
            self.saw("credential lost");
            self.tell(|| format!("middleware: the credential of {action} is lost"));
            return;
        }
        let asked = state.core.actions.get_mut(action).unwrap();
        let early = asked.first_call && asked.answer.is_none();
        if asked.status == Status::Requested && !asked.is_forged() {
            (asked.status, asked.settled_at) = (Status::Accepted, now);
            if asked.registers {
                asked.numbers.insert(number.to_owned());
            }
        }
        drop(state);
        self.saw("confirmed");
        self.tell(|| format!("middleware: confirms {action}"));
        if early {
            self.broken(format!("{action} is confirmed before core has its answer"));
        }
    }

    /// How core shows an action to somebody who sees it so much later.
    pub(crate) fn fate(&self, action: &ActionId, behind: Duration) -> Result<Fate, CoreError> {
        if self.is_in(&self.weather.core_down) {
            return Err(CoreError::Status(StatusCode::BAD_GATEWAY));
        }
        let state = self.state();
        let asked = &state.core.actions[action.as_str()];
        if asked.is_forged() {
            return Err(CoreError::NoAction);
        }
        let seen = self.elapsed() >= asked.settled_at + behind;
        Ok(match asked.status {
            Status::Accepted if seen => {
                let by = json!({"id": "by", "type": "REGISTER", "status": "Accepted", "originalActionId": action});
                let document = json!({"id": "e", "type": "birth", "actions": [by]});
                let document = EventDocument::try_from(document).unwrap();
                Fate::Accepted(Box::new(document.actions[0].clone()))
            }
            Status::Rejected if seen => Fate::Rejected,
            _ => Fate::Open,
        })
    }

    /// A token for the same action that nobody has seen.
    pub(crate) fn fresh_token(&self, delivery: &Claimed) -> Result<String, CoreError> {
        if self.is_in(&self.weather.core_down) {
            return Err(CoreError::Status(StatusCode::BAD_GATEWAY));
        }
        let nonce = self.state().rng.next();
        let dies = self.elapsed() + self.times.token;
        let (event, action) = (delivery.event_id.as_str(), delivery.action_id.as_str());
        Ok(token(event, action, dies, nonce))
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
            for row in &mine {
                let held_back = rows.iter().any(|earlier| {
                    earlier.id < row.id
                        && earlier.destination == row.destination
                        && earlier.state == State::Parked
                });
                let to_core = row.destination == Destination::CORE;
                let arrived = if to_core {
                    asked.status != Status::Requested
                } else {
                    state.middleware.taken.contains(action)
                };
                let wrong = match row.state {
                    // Core is asked for weeks about a record that it does not show.
                    State::Waiting if !held_back && !asked.is_forged() => "still waits",
                    State::Delivered if !arrived => "never arrived",
                    State::Refused if !to_core && !refused && asked.status == Status::Requested => {
                        "is given up without a reason"
                    }
                    _ => continue,
                };
                broken.push(format!("delivery {} of {action} {wrong}", row.id));
            }
            // What the middleware refused and core waits for is settled in core, once.
            let settlements = mine
                .iter()
                .filter(|row| row.destination == Destination::CORE);
            let settlements = settlements.count();
            let refusals = mine.iter().filter(|row| {
                let waits = row.answer_status == 202 && asked.status == Status::Requested;
                row.destination == Destination::MIDDLEWARE && row.state == State::Refused && waits
            });
            if settlements > 1 || refusals.count() > settlements {
                broken.push(format!("{action} is settled in core {settlements} times"));
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
            if answer.status == 200 && asked.status != Status::Accepted && !asked.is_forged() {
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

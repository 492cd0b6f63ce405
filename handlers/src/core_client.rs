// SPDX-License-Identifier: MPL-2.0
//! Core as this server calls it: the state of an action, accepting and rejecting one that waits, and
//! the tokens for that.

use crate::clock::Clock;
use crate::fault::Fault;
use arc_swap::ArcSwapOption;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{
    Action, ActionId, ActionStatus, EventDocument, EventId, Fields,
};
use opencrvs_toolkit::hook_action::HookAction;
use opencrvs_toolkit::scope::Scope;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

pub mod location_lists;
pub mod locations;

/// The longest wait for an answer of core: a token, a record.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A system token is renewed this long before it ends, so that it does not end on its way.
const BEFORE_EXPIRY: SignedDuration = SignedDuration::from_secs(60);

/// A call that accepts or rejects an action that waits (202).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Core's procedure: `register.reject` …
    pub operation: String,
    /// Path below the gateway.
    pub path: String,
    /// JSON body.
    pub payload: Value,
}

/// Rejects an action that waits; `None` for an action that core never asks about.
pub fn reject(event: &EventId, action: &ActionId, action_type: &str) -> Option<Confirmation> {
    let input = json!({"eventId": event, "actionId": action});
    confirmation("reject", input, action, action_type)
}

/// Accepts an action that waits, with what core shall add to it. A registration needs its number.
/// `None` for an action that core never asks about.
pub fn accept(
    event: &EventId,
    action: &Action,
    patch: &Fields,
    registration_number: Option<&str>,
) -> Option<Confirmation> {
    let mut input = json!({"eventId": event, "actionId": action.id, "declaration": patch});
    // Core's schemas want these again, by type of action.
    let repeated = [
        ("registrationNumber", registration_number.map(Value::from)),
        ("content", action.content.clone().map(Value::from)),
        (
            "requestId",
            action.request_id.as_ref().map(|id| id.as_str().into()),
        ),
        (
            "customActionType",
            action.custom_action_type.clone().map(Value::from),
        ),
    ];
    for (name, value) in repeated {
        if let (Some(value), Some(input)) = (value, input.as_object_mut()) {
            input.insert(name.into(), value);
        }
    }
    confirmation("accept", input, &action.id, action.action_type.as_str())
}

/// The transaction id follows from the action, so that core knows a repetition for what it is.
fn confirmation(
    verb: &str,
    mut input: Value,
    action: &ActionId,
    action_type: &str,
) -> Option<Confirmation> {
    let procedure = HookAction::of(action_type)?.procedure();
    let transaction = format!("countryconfig-{verb}-{action}");
    input
        .as_object_mut()?
        .insert("transactionId".into(), transaction.into());
    Some(Confirmation {
        operation: format!("{procedure}.{verb}"),
        path: format!("/events/event.actions.{procedure}.{verb}"),
        payload: json!({"json": input}),
    })
}

/// The state of an action that core asked about, as core shows it.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It happened: the action with which core accepted it.
    Accepted(Box<Action>),
    /// It will not happen.
    Rejected,
    /// It waits, or core has not stored the answer yet.
    Open,
}

impl Fate {
    /// The word that operators see.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Rejected => "rejected",
            Self::Open => "open",
        }
    }
}

/// The reason why a request to core failed.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The hook's token has expired, and there is no system client.
    #[error("the token has expired")]
    Expired,
    /// No answer, or one that is not JSON of the expected kind.
    #[error("core did not answer")]
    Http(#[source] Fault),
    /// Core does not know this server as a client, or not by this secret.
    #[error(
        "core refuses the system client ({0}); check SYSTEM_CLIENT_ID and SYSTEM_CLIENT_SECRET; where they are not set, the secret was replaced in core: delete the client there and restart core's events service"
    )]
    SystemClient(StatusCode),
    /// An answer other than 200.
    #[error("core answered {0}")]
    Status(StatusCode),
    /// No event document.
    #[error("core's answer contains no record")]
    Content,
    /// The record that core shows does not hold the action.
    #[error("core's record does not contain the action")]
    NoAction,
}

impl From<reqwest::Error> for CoreError {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error.into())
    }
}

/// This server as a client of core: `SYSTEM_CLIENT_ID` and `SYSTEM_CLIENT_SECRET`, or the client that
/// core has created for it.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
}

/// Core's gateway and auth service.
pub struct Core {
    client: Client,
    gateway: String,
    auth: String,
    clock: Arc<dyn Clock>,
    credentials: ArcSwapOption<Credentials>,
    /// The system token, its end and its client. The lock is held while it is renewed: once for all who wait.
    system_token: Mutex<Option<(String, Timestamp, String)>>,
}

/// An action of a record with the token of its hook.
#[derive(Clone, Copy)]
pub struct HookedAction<'a> {
    /// The record.
    pub event_id: &'a EventId,
    /// The action.
    pub action_id: &'a ActionId,
    /// `REGISTER`, for example.
    pub action_type: &'a str,
    /// The token that came with the hook; empty once it has ended.
    pub token: &'a str,
}

/// The claims of a token. It was verified when it came, or comes from core itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    exp: Option<i64>,
    event_id: Option<String>,
    #[serde(default)]
    scope: Value,
}

impl Claims {
    fn of(token: &str) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        serde_json::from_slice(&payload).ok()
    }

    fn end(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.exp?).ok()
    }

    fn has_scope(&self, wanted: &str) -> bool {
        let mut scopes = self.scope.as_array().into_iter().flatten();
        scopes.any(|scope| {
            let scope = scope.as_str().and_then(|scope| scope.parse::<Scope>().ok());
            scope.is_some_and(|scope| scope.kind() == wanted)
        })
    }
}

/// When a token expires; `None` for a text that is not a token.
pub(crate) fn token_end(token: &str) -> Option<Timestamp> {
    Claims::of(token)?.end()
}

impl Core {
    /// `gateway` is `GATEWAY_URL`, `auth` is `AUTH_URL`: the gateway lets few requests for tokens
    /// through in a minute.
    pub fn new(
        client: Client,
        gateway: &str,
        auth: &str,
        credentials: Option<Credentials>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Self {
            client,
            gateway: base(gateway),
            auth: base(auth),
            clock,
            credentials: ArcSwapOption::from(credentials.map(Arc::new)),
            system_token: Mutex::default(),
        }
    }

    /// URL of the gateway, without a slash at its end.
    pub(crate) fn gateway(&self) -> &str {
        &self.gateway
    }

    /// True if there is a system client to ask core with.
    pub fn may_ask(&self) -> bool {
        self.credentials.load().is_some()
    }

    /// From now on this server is this client. Returns true if it was another one, or none.
    pub fn become_client(&self, credentials: Credentials) -> bool {
        let before = self.credentials.load();
        let is_new = before.as_ref().is_none_or(|b| b.id != credentials.id);
        self.credentials.store(Some(Arc::new(credentials)));
        is_new
    }

    fn is_alive(&self, claims: &Claims) -> bool {
        claims.end().is_none_or(|end| self.clock.now() < end)
    }

    /// A token to send something with now because of an action: that of the hook until it expires, else
    /// one of the system client for the same action.
    pub(crate) async fn token(
        &self,
        hooked: HookedAction<'_>,
        to_core: bool,
    ) -> Result<String, CoreError> {
        let claims = Claims::of(hooked.token);
        let alive = claims.as_ref().map_or_else(
            // A token that ended deliveries lose; an operator may have asked for one more attempt.
            || !hooked.token.is_empty(),
            |claims| self.is_alive(claims),
        );
        // The token of core 2.1 names no event and opens nothing in core.
        let opens_core = !self.may_ask() || claims.is_none_or(|claims| claims.event_id.is_some());
        if alive && (opens_core || !to_core) {
            return Ok(hooked.token.to_owned());
        }
        self.fresh_token(hooked).await
    }

    /// A token of the system client that may decide about the action. Core 2.1 gives none for one
    /// action: there the client's own does.
    pub(crate) async fn fresh_token(&self, hooked: HookedAction<'_>) -> Result<String, CoreError> {
        let claims = Claims::of(hooked.token);
        if claims.is_some_and(|claims| claims.event_id.is_none()) {
            return self.system_token().await;
        }
        self.action_token(hooked.event_id, hooked.action_id).await
    }

    /// True if core's search shows the record with this action waiting. A search leaves no trace in the
    /// record, but it may be slightly behind and does not know every record.
    async fn is_found_waiting(&self, hooked: HookedAction<'_>) -> Result<bool, CoreError> {
        #[derive(Deserialize)]
        struct Found {
            results: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            id: String,
            #[serde(default)]
            flags: Vec<String>,
        }
        let token = self.system_token().await?;
        if !Claims::of(&token).is_some_and(|claims| claims.has_scope("record.search")) {
            return Ok(false);
        }
        let flag = format!("{}:requested", hooked.action_type.to_lowercase());
        let clause = json!({"id": hooked.event_id, "flags": {"anyOf": [&flag]}});
        let query =
            json!({"query": {"type": "and", "clauses": [clause]}, "limit": 10, "offset": 0});
        let found = self.query("event.search", Some(&query), &token).await?;
        let found: Found = serde_json::from_value(found).map_err(|_| CoreError::Content)?;
        let waits =
            |entry: &Entry| entry.id == hooked.event_id.as_str() && entry.flags.contains(&flag);
        Ok(found.results.iter().any(waits))
    }

    /// The state of an action, see [`Core::fate`]. Without a system client core is asked with the hook's
    /// token until that expires.
    pub(crate) async fn fate_of(&self, hooked: HookedAction<'_>) -> Result<Fate, CoreError> {
        let token = if self.may_ask() {
            None
        } else {
            let claims = Claims::of(hooked.token).ok_or(CoreError::Expired)?;
            if !self.is_alive(&claims) {
                return Err(CoreError::Expired);
            }
            Some(hooked.token)
        };
        self.fate(hooked.event_id, hooked.action_id, token).await
    }

    /// The same, if possible without a trace in the record; the answer may be slightly out of date.
    pub(crate) async fn fate_without_trace(
        &self,
        hooked: HookedAction<'_>,
    ) -> Result<Fate, CoreError> {
        if self.may_ask() && self.is_found_waiting(hooked).await.unwrap_or(false) {
            return Ok(Fate::Open);
        }
        self.fate_of(hooked).await
    }

    /// The state of an action, asked with a token of that record or as the system client. Each such
    /// question leaves a READ action in the record.
    ///
    /// # Errors
    /// When core is not reachable, gives no token, or does not show the record.
    pub async fn fate(
        &self,
        event: &EventId,
        action: &ActionId,
        token: Option<&str>,
    ) -> Result<Fate, CoreError> {
        let token = match token {
            Some(token) => token.to_owned(),
            None => self.system_token().await?,
        };
        let mut actions = self.record(event, &token).await?.actions;
        if !actions.iter().any(|asked| asked.id == *action) {
            return Err(CoreError::NoAction);
        }
        actions.retain(|answer| answer.original_action_id.as_ref() == Some(action));
        let has = |status: &ActionStatus| actions.iter().any(|a| a.status == *status);
        let rejected = has(&ActionStatus::Rejected);
        let accepted = actions.into_iter().find(Action::is_accepted);
        Ok(match accepted {
            Some(accepted) => Fate::Accepted(Box::new(accepted)),
            None if rejected => Fate::Rejected,
            None => Fate::Open,
        })
    }

    /// A record as core shows it to the bearer of a token. Core notes in the record that it was read.
    ///
    /// # Errors
    /// Also if the bearer may not see it, or it does not exist.
    pub async fn record(&self, event: &EventId, token: &str) -> Result<EventDocument, CoreError> {
        let input = json!({"eventId": event});
        let record: Value = self.query("event.get", Some(&input), token).await?;
        EventDocument::try_from(record).map_err(|_| CoreError::Content)
    }

    /// A list that core keeps, `locations.list` for example, as it is shown to the bearer of a token, or
    /// to the system client.
    async fn list(&self, procedure: &str, token: Option<&str>) -> Result<Value, CoreError> {
        let token = match token {
            Some(token) => token.to_owned(),
            None => self.system_token().await?,
        };
        self.query(procedure, None, &token).await
    }

    /// The names of all locations by id, as the system client sees them.
    pub(crate) async fn locations(&self) -> Result<HashMap<String, String>, CoreError> {
        #[derive(Deserialize)]
        struct Location {
            id: String,
            name: String,
        }
        let token = self.system_token().await?;
        let locations = self.query("locations.list", None, &token).await?;
        let locations: Vec<Location> =
            serde_json::from_value(locations).map_err(|_| CoreError::Content)?;
        Ok(locations.into_iter().map(|l| (l.id, l.name)).collect())
    }

    /// Asks core's tRPC interface.
    async fn query(
        &self,
        procedure: &str,
        input: Option<&Value>,
        token: &str,
    ) -> Result<Value, CoreError> {
        let url = format!("{}/events/{procedure}", self.gateway);
        let input = input.map(|input| ("input", json!({"json": input}).to_string()));
        let url = Url::parse_with_params(&url, input).map_err(|_| CoreError::Content)?;
        let reply = read(self.client.get(url).timeout(TIMEOUT).bearer_auth(token)).await;
        let mut reply: Value = self.forget_if_refused(reply, token).await?;
        let found = reply.pointer_mut("/result/data/json").map(Value::take);
        found.ok_or(CoreError::Content)
    }

    /// One page of the records that core's search shows with a requested action: event id, event type and
    /// action type. Empty without the scope `record.search`. The search does not know every record, and
    /// leaves no READ action.
    ///
    /// # Errors
    /// When core is not reachable.
    pub(crate) async fn search_waiting(
        &self,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<(EventId, Option<String>, String)>, CoreError> {
        #[derive(Deserialize)]
        struct Page {
            results: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            id: EventId,
            #[serde(rename = "type")]
            event_type: Option<String>,
            #[serde(default)]
            flags: Vec<String>,
        }
        let token = self.system_token().await?;
        if !Claims::of(&token).is_some_and(|claims| claims.has_scope("record.search")) {
            return Ok(vec![]);
        }
        let flag = |action: &str| format!("{}:requested", action.to_lowercase());
        let flags: Vec<_> = HookAction::ALL
            .iter()
            .map(|action| flag(action.name()))
            .collect();
        let query = json!({
            "query": {"type": "or", "clauses": [{"flags": {"anyOf": flags}}]},
            "limit": limit, "offset": offset,
            "sort": [{"field": "updatedAt", "direction": "asc"}],
        });
        let page = self.query("event.search", Some(&query), &token).await?;
        let page: Page = serde_json::from_value(page).map_err(|_| CoreError::Content)?;
        let waiting = page.results.into_iter().filter_map(|entry| {
            let mut actions = HookAction::ALL.iter().map(|action| action.name());
            let action = actions.find(|action| entry.flags.contains(&flag(action)))?;
            Some((entry.id, entry.event_type, action.to_owned()))
        });
        Ok(waiting.collect())
    }

    /// A token of the system client for one action; on core 2.1, where there is none, its own.
    ///
    /// # Errors
    /// When core gives none.
    pub(crate) async fn action_token(
        &self,
        event: &EventId,
        action: &ActionId,
    ) -> Result<String, CoreError> {
        match self.record_token(event, action).await {
            Err(CoreError::Status(StatusCode::BAD_REQUEST)) => self.system_token().await,
            token => token,
        }
    }

    /// A token that may confirm one action, as that of its hook could.
    async fn record_token(&self, event: &EventId, action: &ActionId) -> Result<String, CoreError> {
        let system = self.system_token().await?;
        let exchange = [
            ("grant_type", "urn:opencrvs:oauth:grant-type:token-exchange"),
            ("subject_token", &system),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            (
                "requested_token_type",
                "urn:opencrvs:oauth:token-type:single_record_token",
            ),
            ("event_id", event.as_str()),
            ("action_id", action.as_str()),
        ];
        let exchanged = self.grant(&exchange).await;
        self.forget_if_refused(exchanged, &system).await
    }

    /// The system client's token.
    ///
    /// # Errors
    /// When core is not reachable, or does not know the client.
    pub async fn system_token(&self) -> Result<String, CoreError> {
        let credentials = self.credentials.load_full().ok_or(CoreError::Expired)?;
        let mut cached = self.system_token.lock().await;
        let now = self.clock.now();
        let mut usable = cached
            .iter()
            .filter(|(_, end, client)| now < *end && *client == credentials.id);
        if let Some((token, ..)) = usable.next() {
            return Ok(token.clone());
        }
        let token = self
            .grant(&[
                ("grant_type", "client_credentials"),
                ("client_id", &credentials.id),
                ("client_secret", credentials.secret.expose_secret()),
            ])
            .await
            .map_err(|error| match error {
                CoreError::Status(
                    status @ (StatusCode::BAD_REQUEST
                    | StatusCode::UNAUTHORIZED
                    | StatusCode::FORBIDDEN),
                ) => CoreError::SystemClient(status),
                other => other,
            })?;
        let end = Claims::of(&token).and_then(|claims| claims.end());
        *cached = end
            .and_then(|end| end.checked_sub(BEFORE_EXPIRY).ok())
            .map(|end| (token.clone(), end, credentials.id.clone()));
        Ok(token)
    }

    /// A system token that core no longer takes is not used again: its key may have changed.
    async fn forget_if_refused<T>(
        &self,
        result: Result<T, CoreError>,
        used: &str,
    ) -> Result<T, CoreError> {
        if matches!(result, Err(CoreError::Status(StatusCode::UNAUTHORIZED))) {
            self.forget(used).await;
        }
        result
    }

    /// Discards the system client's token if it is this one; the next caller gets a new one.
    pub(crate) async fn forget(&self, token: &str) {
        let mut kept = self.system_token.lock().await;
        kept.take_if(|(known, ..)| known == token);
    }

    async fn grant(&self, form: &[(&str, &str)]) -> Result<String, CoreError> {
        #[derive(Deserialize)]
        struct Granted {
            access_token: String,
        }
        let request = self
            .client
            .post(format!("{}/token", self.auth))
            .timeout(TIMEOUT)
            .form(form);
        Ok(read::<Granted>(request).await?.access_token)
    }
}

async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CoreError> {
    let response = request.send().await?;
    if response.status() != StatusCode::OK {
        return Err(CoreError::Status(response.status()));
    }
    Ok(response.json().await?)
}

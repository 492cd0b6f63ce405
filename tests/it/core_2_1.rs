// SPDX-License-Identifier: MPL-2.0
//! Core 2.1 as this server meets it: its events service keeps system clients, its auth service gives them tokens, and
//! actions are accepted and rejected by clients only, while nobody is assigned to the record.

use super::{SIGNER, fresh_id};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wiremock::matchers::path_regex;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The client of this server in the sample country.
pub(super) const OWN: &str = "Country configuration";

#[derive(Clone, Default)]
pub(super) struct Core(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    clients: Vec<Value>,
    makes_secrets_itself: bool,
    /// How long an answer about clients takes, after what it says has happened.
    takes: Duration,
    /// What is answered in place of the list.
    answers: Option<u16>,
    records: BTreeMap<String, Value>,
    /// Requests to accept or reject for which a user is still assigned.
    assigned: u32,
    conflicts: u32,
    reads: u32,
    tokens: u32,
    forbidden: Vec<String>,
}

/// Core's service token: that of its hooks.
pub(super) fn service_token() -> String {
    let claims = json!({
        "iss": "opencrvs:auth-service", "aud": ["opencrvs:countryconfig-user"], "userType": "system", "scope": [],
        "exp": jsonwebtoken::get_current_timestamp() + 600, "sub": "5f3e6a52-0000-4000-8000-000000000002",
    });
    SIGNER.token(&claims).unwrap()
}

impl Core {
    pub(super) async fn at(outside: &MockServer) -> Self {
        let core = Self::default();
        let answers = core.clone();
        let mounted = Mock::given(path_regex("^/token$|^/integrations$|^/events/event\\."))
            .respond_with(move |request: &Request| answers.answer(request))
            .with_priority(2);
        mounted.mount(outside).await;
        core
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The names of the clients in the order in which they were created.
    pub(super) fn names(&self) -> Vec<String> {
        let state = self.state();
        let names = state
            .clients
            .iter()
            .map(|client| client["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    }

    pub(super) fn client(&self, name: &str) -> Value {
        let state = self.state();
        state
            .clients
            .iter()
            .find(|client| client["name"] == name)
            .unwrap()
            .clone()
    }

    /// Somebody has created a client by hand. Gives its id.
    pub(super) fn has(&self, name: &str, status: &str) -> String {
        let id = fresh_id();
        let client =
            json!({"id": id, "name": name, "scopes": [], "status": status, "secret": fresh_id()});
        self.state().clients.push(client);
        id
    }

    pub(super) fn delete(&self, name: &str) {
        self.state().clients.retain(|client| client["name"] != name);
    }

    pub(super) fn disable(&self, name: &str) {
        let mut state = self.state();
        let client = state
            .clients
            .iter_mut()
            .find(|client| client["name"] == name);
        client.unwrap()["status"] = json!("disabled");
    }

    pub(super) fn makes_secrets_itself(&self) {
        self.state().makes_secrets_itself = true;
    }

    pub(super) fn takes(&self, time: Duration) {
        self.state().takes = time;
    }

    pub(super) fn answers(&self, status: u16) {
        self.state().answers = Some(status);
    }

    /// A user is assigned to every record for so many requests.
    pub(super) fn assign_for(&self, requests: u32) {
        self.state().assigned = requests;
    }

    pub(super) fn conflicts(&self) -> u32 {
        self.state().conflicts
    }

    pub(super) fn reads(&self) -> u32 {
        self.state().reads
    }

    /// How often a client was given a token.
    pub(super) fn tokens(&self) -> u32 {
        self.state().tokens
    }

    /// Requests that core has answered 403 or 404.
    pub(super) fn forbidden(&self) -> Vec<String> {
        self.state().forbidden.clone()
    }

    pub(super) fn keep(&self, record: &Value) {
        let id = record["id"].as_str().unwrap().to_owned();
        self.state().records.insert(id, record.clone());
    }

    /// How the last action that core has asked about ended; `Requested` while it has not.
    pub(super) fn fate(&self, record: &Value) -> String {
        let state = self.state();
        let actions = state.records[record["id"].as_str().unwrap()]["actions"]
            .as_array()
            .unwrap();
        let asked = actions
            .iter()
            .rfind(|action| action["status"] == "Requested")
            .unwrap();
        let ended = actions
            .iter()
            .find(|action| action["originalActionId"] == asked["id"]);
        ended.unwrap_or(asked)["status"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state();
        let takes = state.takes;
        match request.url.path() {
            "/token" => state.token(&String::from_utf8_lossy(&request.body)),
            "/integrations" => state.integrations(request).set_delay(takes),
            path => {
                let answer = state.record(path, request);
                if let Err(status @ (403 | 404)) = answer {
                    state.forbidden.push(format!("{path} {status}"));
                }
                match answer {
                    Ok(json) => ResponseTemplate::new(200)
                        .set_body_json(json!({"result": {"data": {"json": json}}})),
                    Err(status) => {
                        ResponseTemplate::new(status).set_body_json(json!({"error": {}}))
                    }
                }
            }
        }
    }
}

impl State {
    fn integrations(&mut self, request: &Request) -> ResponseTemplate {
        let status = ResponseTemplate::new;
        let claims = claims(request);
        if !may(&claims, "integration.create") {
            return status(403);
        }
        if let Some(answer) = self.answers {
            return status(answer);
        }
        if request.method.as_str() == "GET" {
            let clients = self.clients.iter().map(|client| {
                let mut listed = client.clone();
                listed.as_object_mut().unwrap().remove("secret");
                listed
            });
            return status(200).set_body_json(clients.collect::<Vec<_>>());
        }
        let wanted: Value = serde_json::from_slice(&request.body).unwrap();
        let given = &wanted["credentials"];
        let (id, secret) = (given["clientId"].as_str(), given["clientSecret"].as_str());
        let is_refused = wanted["name"].as_str().is_none_or(str::is_empty)
            || wanted["scopes"].as_array().is_none_or(Vec::is_empty)
            || id.is_some() != secret.is_some_and(|secret| !secret.is_empty())
            || id.is_some_and(|id| uuid::Uuid::parse_str(id).is_err());
        if is_refused {
            return status(400);
        }
        let (id, secret) = match id.zip(secret).filter(|_| !self.makes_secrets_itself) {
            Some((id, secret)) => (id.to_owned(), secret.to_owned()),
            None => (fresh_id(), fresh_id()),
        };
        if self.clients.iter().any(|client| client["id"] == json!(id)) {
            return status(409);
        }
        self.clients.push(json!({
            "id": id, "name": wanted["name"], "scopes": wanted["scopes"], "status": "active", "secret": secret,
            "createdAt": "2026-10-01T00:00:00.000Z", "createdBy": null,
        }));
        status(200)
            .set_body_json(json!({"clientId": id, "shaSecret": fresh_id(), "clientSecret": secret}))
    }

    /// A client's token. The exchange for one of a single action is gone.
    fn token(&mut self, form: &str) -> ResponseTemplate {
        let form: Map<String, Value> = reqwest::Url::parse(&format!("http://x/?{form}"))
            .unwrap()
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), json!(value)))
            .collect();
        if form["grant_type"] != "client_credentials" {
            return ResponseTemplate::new(400);
        }
        let mut clients = self.clients.iter();
        let client = clients.find(|client| {
            client["id"] == form["client_id"] && client["secret"] == form["client_secret"]
        });
        let Some(client) = client else {
            return ResponseTemplate::new(401);
        };
        let claims = json!({
            "iss": "opencrvs:auth-service", "aud": ["opencrvs:gateway-user"], "userType": "system",
            "exp": jsonwebtoken::get_current_timestamp() + 600, "scope": client["scopes"], "sub": client["id"],
        });
        self.tokens += 1;
        let token = SIGNER.token(&claims).unwrap();
        ResponseTemplate::new(200).set_body_json(json!({"access_token": token}))
    }

    fn record(&mut self, path: &str, request: &Request) -> Result<Value, u16> {
        let claims = claims(request);
        let of_query = request.url.query_pairs().find(|(name, _)| name == "input");
        let input: Value = match &of_query {
            Some((_, input)) => serde_json::from_str(input).unwrap(),
            None => serde_json::from_slice(&request.body).unwrap(),
        };
        let input = &input["json"];
        if path == "/events/event.search" {
            if !may(&claims, "record.search") {
                return Err(403);
            }
            let results: Vec<_> = self.records.values().filter_map(waiting).collect();
            let page = if input["offset"] == 0 {
                &results[..]
            } else {
                &[]
            };
            return Ok(json!({"results": page, "total": results.len()}));
        }
        let record = self
            .records
            .get_mut(input["eventId"].as_str().unwrap_or_default());
        let record = record.ok_or(404_u16)?;
        if path == "/events/event.get" {
            if !may(&claims, "record.read") {
                return Err(403);
            }
            self.reads += 1;
            return Ok(record.clone());
        }
        let (verb, status) = if path.ends_with(".accept") {
            ("accept", "Accepted")
        } else {
            ("reject", "Rejected")
        };
        if claims["userType"] != "system" || !may(&claims, &format!("record.action.{verb}")) {
            return Err(403);
        }
        if self.assigned > 0 {
            self.assigned -= 1;
            self.conflicts += 1;
            return Err(409);
        }
        let actions = record["actions"].as_array_mut().unwrap();
        let asked = actions
            .iter()
            .find(|action| action["id"] == input["actionId"] && action["status"] == "Requested");
        let mut ended = asked.cloned().ok_or(400_u16)?;
        if actions
            .iter()
            .any(|action| action["originalActionId"] == input["actionId"])
        {
            return Err(400);
        }
        ended["originalActionId"] = ended["id"].clone();
        ended["id"] = json!(fresh_id());
        ended["status"] = json!(status);
        actions.push(ended);
        Ok(json!({}))
    }
}

/// A record as core's search shows it, if its last action waits.
fn waiting(record: &Value) -> Option<Value> {
    let actions = record["actions"].as_array()?;
    let asked = actions
        .iter()
        .rfind(|action| action["status"] == "Requested")?;
    let has_ended = |action: &Value| action["originalActionId"] == asked["id"];
    if actions.iter().any(has_ended) {
        return None;
    }
    let flag = format!("{}:requested", asked["type"].as_str()?.to_lowercase());
    Some(json!({"id": record["id"], "type": record["type"], "flags": [flag]}))
}

fn may(claims: &Value, wanted: &str) -> bool {
    let scopes = claims["scope"].as_array().unwrap();
    scopes.iter().any(|scope| {
        scope
            .as_str()
            .unwrap()
            .split('&')
            .any(|part| part == format!("type={wanted}"))
    })
}

fn claims(request: &Request) -> Value {
    use base64::Engine;
    let bearer = request.headers["authorization"].to_str().unwrap();
    let payload = bearer.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

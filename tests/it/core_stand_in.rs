// SPDX-License-Identifier: MPL-2.0
//! Core 2.0 as this server meets it: it keeps records, shows them (and leaves a READ action there), finds
//! those that wait, and accepts with its checks of claims and scopes.

use super::{SIGNER, fresh_id};
use handlers::clock::{Clock, SystemClock};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use wiremock::matchers::path_regex;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const CONFIRM: &str = "type=record.confirm-registration";
const REJECT: &str = "type=record.reject-registration";

/// Core's records by id.
#[derive(Clone, Default)]
pub(super) struct Core(Arc<Mutex<BTreeMap<String, Value>>>);

impl Core {
    /// Begins to answer for core at these surroundings.
    pub(super) async fn at(outside: &MockServer) -> Self {
        let core = Self::default();
        let answers = core.clone();
        let mounted = Mock::given(path_regex("^/token$|^/events/event\\."))
            .respond_with(move |request: &Request| answers.answer(request))
            .with_priority(2);
        mounted.mount(outside).await;
        core
    }

    /// A record whose last action core has asked about, or is about to, an hour ago.
    pub(super) fn keep(&self, record: &Value) -> String {
        let mut record = record.clone();
        let hour_ago = SystemClock.now() - jiff::SignedDuration::from_hours(1);
        record["actions"]
            .as_array_mut()
            .unwrap()
            .last_mut()
            .unwrap()["createdAt"] = json!(hour_ago.to_string());
        let id = record["id"].as_str().unwrap().to_owned();
        self.0.lock().unwrap().insert(id.clone(), record);
        id
    }

    /// What core does when its hook was answered so.
    pub(super) fn hears(&self, event: &str, status: u16, answer: &Value) {
        if status == 200 {
            let action = self.asked(event);
            self.accept(event, action["id"].as_str().unwrap(), answer);
        }
    }

    fn asked(&self, event: &str) -> Value {
        let records = self.0.lock().unwrap();
        let actions = records[event]["actions"].as_array().unwrap();
        let mut asked = actions.iter().rev();
        asked.find(|a| a["status"] == "Requested").unwrap().clone()
    }

    /// What became of the action that core asked about last.
    pub(super) fn fate(&self, event: &str) -> Value {
        let asked = self.asked(event);
        let records = self.0.lock().unwrap();
        let mut actions = records[event]["actions"].as_array().unwrap().iter();
        let ended = actions.find(|a| a["originalActionId"] == asked["id"]);
        ended.cloned().unwrap_or(asked)
    }

    pub(super) fn reads(&self, event: &str) -> usize {
        let records = self.0.lock().unwrap();
        let actions = records[event]["actions"].as_array().unwrap();
        actions.iter().filter(|a| a["type"] == "READ").count()
    }

    /// The records that wait.
    pub(super) fn waiting(&self) -> Vec<String> {
        let ids: Vec<_> = self.0.lock().unwrap().keys().cloned().collect();
        let waits = |id: &String| self.fate(id)["status"] == "Requested";
        ids.into_iter().filter(waits).collect()
    }

    fn accept(&self, event: &str, action: &str, with: &Value) -> u16 {
        let mut records = self.0.lock().unwrap();
        let Some(record) = records.get_mut(event) else {
            return 404;
        };
        let actions = record["actions"].as_array_mut().unwrap();
        let asked = actions
            .iter()
            .find(|a| a["id"] == action && a["status"] == "Requested");
        let Some(mut accepted) = asked.cloned() else {
            return 404;
        };
        if let Some(ended) = actions.iter().find(|a| a["originalActionId"] == action) {
            return if ended["status"] == "Accepted" {
                200
            } else {
                400
            };
        }
        accepted["originalActionId"] = accepted["id"].clone();
        accepted["id"] = json!(fresh_id());
        accepted["status"] = json!("Accepted");
        for name in ["registrationNumber", "declaration"] {
            if let Some(value) = with.get(name) {
                accepted[name] = value.clone();
            }
        }
        actions.push(accepted);
        200
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let status = |status| ResponseTemplate::new(status).set_body_json(json!({"error": {}}));
        let reply = |json: Value| {
            ResponseTemplate::new(200).set_body_json(json!({"result": {"data": {"json": json}}}))
        };
        if request.url.path() == "/token" {
            return token(&String::from_utf8_lossy(&request.body));
        }
        let claims = claims(request);
        let may = |scope: &str| claims["scope"].as_array().unwrap().contains(&json!(scope));
        let of_query = request.url.query_pairs().find(|(name, _)| name == "input");
        let input: Value = match &of_query {
            Some((_, input)) => serde_json::from_str(input).unwrap(),
            None => serde_json::from_slice(&request.body).unwrap(),
        };
        let input = &input["json"];
        let event = input["eventId"].as_str().unwrap_or_default();
        match request.url.path() {
            "/events/event.get" if may("type=record.read") => {
                let mut records = self.0.lock().unwrap();
                let Some(record) = records.get_mut(event) else {
                    return status(404);
                };
                let read = json!({"id": fresh_id(), "type": "READ", "status": "Accepted", "declaration": {}, "createdAt": "2026-06-01T10:00:00.000Z"});
                record["actions"].as_array_mut().unwrap().push(read);
                reply(record.clone())
            }
            "/events/event.search" if may("type=record.search") => {
                let flags = &input["query"]["clauses"][0]["flags"]["anyOf"];
                let found = |id: &String| {
                    let flag = format!(
                        "{}:requested",
                        self.asked(id)["type"].as_str().unwrap().to_lowercase()
                    );
                    let is_wanted = flags.as_array().unwrap().contains(&json!(flag));
                    is_wanted.then(|| json!({"id": id, "type": "birth", "flags": [flag]}))
                };
                let results: Vec<_> = self.waiting().iter().filter_map(found).collect();
                let page = |name: &str| usize::try_from(input[name].as_u64().unwrap()).unwrap();
                let some = results.iter().skip(page("offset")).take(page("limit"));
                reply(json!({"results": some.collect::<Vec<_>>(), "total": results.len()}))
            }
            path if path.ends_with(".accept") => {
                let is_theirs = ["eventId", "actionId"]
                    .iter()
                    .all(|name| claims[name] == input[name]);
                if !may(CONFIRM) || !may(REJECT) || !is_theirs {
                    return status(403);
                }
                if path.contains(".register.") && !input["registrationNumber"].is_string() {
                    return status(400);
                }
                match self.accept(event, input["actionId"].as_str().unwrap(), input) {
                    200 => reply(json!({})),
                    refused => status(refused),
                }
            }
            _ => status(403),
        }
    }
}

fn claims(request: &Request) -> Value {
    use base64::Engine;
    let bearer = request.headers["authorization"].to_str().unwrap();
    let payload = bearer.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&bytes.unwrap()).unwrap()
}

/// A system client's token, or one of it for a single action.
fn token(form: &str) -> ResponseTemplate {
    let form: Map<String, Value> = reqwest::Url::parse(&format!("http://x/?{form}"))
        .unwrap()
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), json!(value)))
        .collect();
    let mut claims = json!({
        "iss": "opencrvs:auth-service", "aud": ["opencrvs:gateway-user"], "userType": "system",
        "exp": jsonwebtoken::get_current_timestamp() + 600,
        "scope": ["type=record.read", "type=record.search"],
    });
    if form["grant_type"] != "client_credentials" {
        claims["scope"] = json!(["type=record.read", CONFIRM, REJECT]);
        claims["eventId"] = form["event_id"].clone();
        claims["actionId"] = form["action_id"].clone();
    }
    let token = SIGNER.token(&claims).unwrap();
    ResponseTemplate::new(200).set_body_json(json!({"access_token": token}))
}

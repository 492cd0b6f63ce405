// SPDX-License-Identifier: MPL-2.0
//! Core's system clients. From version 2.0.1 on, core asks the country configuration at each start to create
//! those that the country needs.

use super::{Core, fresh_id};
use crate::sandbox::StandIns;
use opencrvs_toolkit::core_version::CoreVersion;
use serde_json::{Value, json};
use std::sync::PoisonError;
use std::time::Duration;
use tracing::warn;

/// The attempts of core, and the longest wait for each answer.
const ATTEMPTS: u32 = 10;
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
const PAUSE: Duration = Duration::from_secs(30);

/// A system client.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Client {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) secret: String,
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) scopes: Vec<String>,
}

impl Core {
    /// All system clients.
    pub(in crate::sandbox) fn clients(&self) -> Vec<Client> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.clone()
    }

    /// Creates a system client with an id and a secret of core.
    pub(in crate::sandbox) fn add_client(&self, name: &str, scopes: &[&str]) -> Client {
        let client = Client {
            id: fresh_id(),
            secret: fresh_id(),
            name: name.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.push(client.clone());
        client
    }

    /// `POST /integrations`. Core does not check scopes, and several clients may have one name. Before 2.1 it
    /// ignores the credentials that are sent.
    pub(in crate::sandbox) fn integrate(&self, body: &Value) -> (u16, Value) {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let scopes = body.get("scopes").and_then(Value::as_array);
        let scopes = scopes.into_iter().flatten().map(Value::as_str);
        let scopes: Option<Vec<&str>> = scopes.collect();
        let name = text("/name").filter(|name| !name.is_empty());
        let (Some(name), Some(scopes)) = (name, scopes.filter(|scopes| !scopes.is_empty())) else {
            return refused(400);
        };
        let takes_credentials = self.version >= CoreVersion::V2_1;
        let Some(given) = body.get("credentials").filter(|_| takes_credentials) else {
            return created(&self.add_client(name, &scopes));
        };
        let field = |name: &str| given.get(name).and_then(Value::as_str);
        let id = field("clientId").filter(|id| uuid::Uuid::parse_str(id).is_ok());
        let secret = field("clientSecret").filter(|secret| !secret.is_empty());
        let (Some(id), Some(secret)) = (id, secret) else {
            return refused(400);
        };
        let client = Client {
            id: id.to_owned(),
            secret: secret.to_owned(),
            name: name.to_owned(),
            scopes: scopes.into_iter().map(str::to_owned).collect(),
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.iter().any(|known| known.id == client.id) {
            return refused(409);
        }
        clients.push(client.clone());
        created(&client)
    }
}

fn created(client: &Client) -> (u16, Value) {
    let answer = json!({
        "clientId": client.id, "clientSecret": client.secret, "shaSecret": fresh_id(),
    });
    (200, answer)
}

fn refused(status: u16) -> (u16, Value) {
    let data = json!({"code": status, "httpStatus": status});
    (status, json!({"message": "refused", "data": data}))
}

impl StandIns {
    /// Has the server create the system clients, as core does at its start.
    pub(in crate::sandbox) async fn announce(&self) {
        let path = match self.core.version {
            CoreVersion::V2_0 => return,
            CoreVersion::V2_0_1 => "/triggers/system/ready",
            CoreVersion::V2_1 | CoreVersion::V2_2 => "/trigger/system/ready",
        };
        let server = self.server.get().map_or("", String::as_str);
        let url = format!("{server}{path}");
        let mut pause = Duration::from_secs(1);
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            said = match self.announced(&url).await {
                // 404 and 501: this country configuration creates no clients.
                Ok(status) if status.is_success() || matches!(status.as_u16(), 404 | 501) => return,
                Ok(status) => format!("it answered {status}"),
                Err(error) => format!("{error:#}"),
            };
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE);
        }
        warn!("The server did not create all system clients in core: {said}");
    }

    async fn announced(&self, url: &str) -> anyhow::Result<reqwest::StatusCode> {
        let request = self.client.get(url).timeout(TIMEOUT);
        let request = request.bearer_auth(self.creator_token()?);
        Ok(request.send().await?.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_created_with_the_credentials_that_are_sent_from_2_1_on() {
        let id = "9a8d3c51-6f0e-4b7e-a7a3-2f1d5c8e4b61";
        let scopes = json!(["type=record.read"]);
        let body = |credentials: Value| json!({"name": "MOSIP", "scopes": scopes, "credentials": credentials});
        let given = body(json!({"clientId": id, "clientSecret": "s"}));
        let core = Core::new(CoreVersion::V2_1);
        for (body, status) in [
            (json!({}), 400),
            (json!({"name": "", "scopes": scopes}), 400),
            (json!({"name": "MOSIP", "scopes": []}), 400),
            (body(json!({"clientId": id})), 400),
            (body(json!({"clientId": "x", "clientSecret": "s"})), 400),
            (given.clone(), 200),
            (given.clone(), 409),
            (json!({"name": "MOSIP", "scopes": scopes}), 200),
        ] {
            assert_eq!(core.integrate(&body).0, status, "{body}");
        }
        let clients = core.clients();
        assert_eq!(
            (clients.len(), clients[0].id.as_str(), &*clients[0].secret),
            (2, id, "s")
        );
        let (status, created) = Core::new(CoreVersion::V2_0_1).integrate(&given);
        assert_eq!(status, 200);
        assert_ne!(created["clientId"], id);
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Core's auth service: tokens of system clients, of one action, and their claims.

use super::{Core, Version, fresh_id};
use crate::auth::AUDIENCE;
use crate::sandbox::StandIns;
use opencrvs_toolkit::scope::Scope;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::PoisonError;

/// The registrar before core was seeded.
pub(super) const REGISTRAR: &str = "11111111-2222-4333-8444-555555555555";
/// The service whose token core 2.1 sends with each action.
const SERVICE: &str = "33333333-4444-4555-8666-777777777777";

const CONFIRM: &str = "type=record.confirm-registration";
const REJECT: &str = "type=record.reject-registration";
/// The registrar's scopes that a token of one action has, too.
const OF_REGISTRAR: [&str; 2] = ["record.read", "record.reject"];

/// A week, in seconds.
const WEEK: u64 = 7 * 24 * 3600;
/// The end of tokens on a bad day.
const ENDS: u64 = 2;
/// Ten minutes.
const SYSTEM: u64 = 600;

/// A system client.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Client {
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) secret: String,
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) scopes: Vec<String>,
}

/// What a token of core says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Claims {
    #[serde(default)]
    pub(in crate::sandbox) sub: String,
    #[serde(default)]
    pub(in crate::sandbox) user_type: String,
    #[serde(default)]
    pub(in crate::sandbox) event_id: Option<String>,
    #[serde(default)]
    pub(in crate::sandbox) action_id: Option<String>,
    #[serde(default)]
    scope: Vec<String>,
    #[serde(default)]
    aud: Vec<String>,
}

impl Claims {
    /// Whether a scope is there, for records of this event where one is named.
    pub(in crate::sandbox) fn may(&self, kind: &str, event: Option<&str>) -> bool {
        let scopes = self.scope.iter().filter_map(|scope| scope.parse().ok());
        let mut scopes = scopes.filter(|scope: &Scope| scope.kind() == kind);
        scopes.any(|scope| {
            let events = scope.values("event");
            let fits = |event: &str| events.is_none_or(|known| known.iter().any(|k| k == event));
            event.is_none_or(fits)
        })
    }

    pub(super) fn is_for(&self, audience: &str) -> bool {
        self.aud.iter().any(|known| known == audience)
    }
}

impl Core {
    /// A new system client.
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

    /// All system clients.
    pub(in crate::sandbox) fn clients(&self) -> Vec<Client> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.clone()
    }
}

impl StandIns {
    /// The claims of a token that this core has signed and that has not ended.
    pub(in crate::sandbox) fn signer_claims(&self, token: &str) -> Option<Claims> {
        serde_json::from_value(self.signer.claims_of(token)?).ok()
    }

    fn issue(&self, seconds: u64, claims: &Value) -> anyhow::Result<String> {
        let audiences = ["auth", "user-mgnt", "gateway", "events", "documents"];
        let mut audiences: Vec<_> = audiences.map(|name| format!("opencrvs:{name}-user")).into();
        audiences.push(AUDIENCE.to_owned());
        self.issue_for(seconds, &json!(audiences), claims)
    }

    fn issue_for(&self, seconds: u64, audiences: &Value, claims: &Value) -> anyhow::Result<String> {
        let now = jsonwebtoken::get_current_timestamp();
        let mut all = json!({
            "iss": crate::auth::ISSUER, "aud": audiences, "iat": now, "exp": now + seconds,
        });
        if let (Some(all), Some(claims)) = (all.as_object_mut(), claims.as_object()) {
            all.extend(claims.clone());
        }
        self.signer.token(&all)
    }

    /// The token that core sends with its question about an action.
    pub(in crate::sandbox) fn hook_token(
        &self,
        event: &str,
        action: &str,
        ends: bool,
    ) -> anyhow::Result<String> {
        let places = self.core.places.get();
        let registrar = places.map_or(REGISTRAR, |places| &places.registrar.id);
        match self.core.version {
            Version::V2_0 => {
                let scope = [CONFIRM, REJECT, "type=record.read", "type=record.reject"];
                let claims = json!({
                    "sub": registrar, "userType": "user", "scope": scope,
                    "eventId": event, "actionId": action,
                });
                self.issue(if ends { ENDS } else { WEEK }, &claims)
            }
            Version::V2_1 => {
                let claims = json!({"sub": SERVICE, "userType": "system", "scope": []});
                self.issue_for(
                    if ends { ENDS } else { SYSTEM },
                    &json!([AUDIENCE]),
                    &claims,
                )
            }
        }
    }

    /// The registrar's own token, which core's client sends.
    pub(in crate::sandbox) fn user_token(&self) -> anyhow::Result<String> {
        let places = self.core.places.get();
        let registrar = places.map_or(REGISTRAR, |places| &places.registrar.id);
        let scope = [
            "type=record.read",
            "type=record.declare",
            "type=record.register",
            "type=record.search",
        ];
        let claims = json!({"sub": registrar, "userType": "user", "scope": scope, "role": "LOCAL_REGISTRAR"});
        self.issue(WEEK, &claims)
    }

    /// The token of core's seeder, which reads the country's users.
    pub(in crate::sandbox) fn seeder_token(&self) -> anyhow::Result<String> {
        let audiences = json!(["opencrvs:events-user", AUDIENCE, "opencrvs:gateway-user"]);
        let claims = json!({"sub": "opencrvs:data-seeder-service"});
        self.issue_for(SYSTEM, &audiences, &claims)
    }

    /// A token of a system client.
    pub(in crate::sandbox) fn client_token(
        &self,
        client: &Client,
        ends: bool,
    ) -> anyhow::Result<String> {
        let claims = json!({"sub": client.id, "userType": "system", "scope": client.scopes});
        self.issue(if ends { ENDS } else { SYSTEM }, &claims)
    }

    /// The answer of the token endpoint.
    pub(in crate::sandbox) fn grant(
        &self,
        form: &HashMap<String, String>,
        ends: bool,
    ) -> (u16, Value) {
        let text = |name: &str| {
            form.get(name)
                .map(String::as_str)
                .filter(|text| !text.is_empty())
        };
        let token = match text("grant_type") {
            Some("client_credentials") => {
                let clients = self.core.clients();
                let mut clients = clients.iter();
                let known = clients.find(|client| {
                    Some(client.id.as_str()) == text("client_id")
                        && Some(client.secret.as_str()) == text("client_secret")
                });
                match known {
                    Some(client) => self.client_token(client, ends),
                    None => return (401, json!({"error": "invalid_client"})),
                }
            }
            Some("urn:opencrvs:oauth:grant-type:token-exchange")
                if self.core.version == Version::V2_0 =>
            {
                let right = text("subject_token_type")
                    == Some("urn:ietf:params:oauth:token-type:access_token")
                    && text("requested_token_type")
                        == Some("urn:opencrvs:oauth:token-type:single_record_token");
                let subject = text("subject_token").and_then(|token| self.signer_claims(token));
                let (Some(subject), Some(event), Some(action), true) =
                    (subject, text("event_id"), text("action_id"), right)
                else {
                    return (400, json!({"error": "invalid_request"}));
                };
                let mut scope = vec![CONFIRM, REJECT];
                let own = subject.scope.iter().map(String::as_str);
                scope.extend(own.filter(|scope| {
                    let scope = scope.parse::<Scope>();
                    scope.is_ok_and(|scope| OF_REGISTRAR.contains(&scope.kind()))
                }));
                let claims = json!({
                    "sub": subject.sub, "userType": subject.user_type, "scope": scope,
                    "eventId": event, "actionId": action,
                });
                self.issue(if ends { ENDS } else { WEEK }, &claims)
            }
            _ => return (400, json!({"error": "unsupported_grant_type"})),
        };
        match token {
            Ok(token) => (200, json!({"access_token": token, "token_type": "Bearer"})),
            Err(error) => (500, json!({"error": error.to_string()})),
        }
    }
}

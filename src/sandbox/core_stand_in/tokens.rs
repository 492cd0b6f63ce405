// SPDX-License-Identifier: MPL-2.0
//! Core's auth service: tokens of hooks, users and system clients, and their claims.

use crate::auth::{AUDIENCE, ISSUER};
use crate::sandbox::StandIns;
use opencrvs_toolkit::scope::Scope;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The registrar before the seeding.
pub(super) const REGISTRAR: &str = "11111111-2222-4333-8444-555555555555";
/// The service whose token core 2.1 sends with each hook.
const SERVICE: &str = "33333333-4444-4555-8666-777777777777";

/// The service that has system clients created.
const CREATOR_USER: &str = "33333333-4444-4555-8666-888888888888";

const CONFIRM: &str = "type=record.confirm-registration";
const REJECT: &str = "type=record.reject-registration";
/// The caller's scopes that the token of an action repeats.
const OF_REGISTRAR: [&str; 2] = ["record.read", "record.reject"];

/// Lifetime of tokens of users and actions, in seconds: a week.
const WEEK: u64 = 7 * 24 * 3600;
/// Lifetime of tokens of systems, in seconds.
const SYSTEM: u64 = 600;
/// Lifetime of the token for creating system clients, in seconds.
const CREATOR: u64 = 60;
/// Lifetime of all tokens on a bad day, in seconds.
const ENDS: u64 = 2;

/// The claims of a token.
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
    /// Checks for a scope, for records of this event if one is named.
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

impl StandIns {
    /// The claims of a token that this core has signed and that has not expired.
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
            "iss": ISSUER, "aud": audiences, "iat": now, "exp": now + seconds,
        });
        if let (Some(all), Some(claims)) = (all.as_object_mut(), claims.as_object()) {
            all.extend(claims.clone());
        }
        self.signer.token(&all)
    }

    /// The token that core sends with the hook of an action.
    pub(in crate::sandbox) fn hook_token(
        &self,
        event: &str,
        action: &str,
        ends: bool,
    ) -> anyhow::Result<String> {
        let places = self.core.places.get();
        let registrar = places.map_or(REGISTRAR, |places| &places.registrar.id);
        if self.core.has_action_tokens() {
            let scope = [CONFIRM, REJECT, "type=record.read", "type=record.reject"];
            let claims = json!({
                "sub": registrar, "userType": "user", "scope": scope,
                "eventId": event, "actionId": action,
            });
            return self.issue(if ends { ENDS } else { WEEK }, &claims);
        }
        let claims = json!({"sub": SERVICE, "userType": "system", "scope": []});
        let seconds = if ends { ENDS } else { SYSTEM };
        self.issue_for(seconds, &json!([AUDIENCE]), &claims)
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

    /// The token for creating system clients.
    pub(in crate::sandbox) fn creator_token(&self) -> anyhow::Result<String> {
        let audiences = json!([AUDIENCE, "opencrvs:events-user"]);
        let claims = json!({
            "sub": CREATOR_USER, "userType": "system", "scope": ["type=integration.create"],
        });
        self.issue_for(CREATOR, &audiences, &claims)
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
                let Some(client) = known else {
                    return (401, json!({"error": "invalid_client"}));
                };
                let claims =
                    json!({"sub": client.id, "userType": "system", "scope": client.scopes});
                self.issue(if ends { ENDS } else { SYSTEM }, &claims)
            }
            Some("urn:opencrvs:oauth:grant-type:token-exchange")
                if self.core.has_action_tokens() =>
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

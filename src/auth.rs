// SPDX-License-Identifier: MPL-2.0
//! Core's tokens, and the key that proves them.

use arc_swap::ArcSwapOption;
use handlers::clock::Clock;
use handlers::ledger::Ledger;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use opencrvs_toolkit::event_document::EventDocument;
use opencrvs_toolkit::scope::Scope;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;
use tracing::{info, warn};

/// Who signs.
pub const ISSUER: &str = "opencrvs:auth-service";
/// Whom a token must be meant for.
pub const AUDIENCE: &str = "opencrvs:countryconfig-user";
/// Whom a token for a reindex may be meant for: core's own job says nothing of this server.
pub const REINDEX_AUDIENCES: [&str; 3] =
    [AUDIENCE, "opencrvs:events-user", "opencrvs:gateway-user"];

/// Clocks of two machines may differ by so many seconds.
const LEEWAY_S: u64 = 30;
/// A token is a few hundred bytes to a few kilobytes, growing with its scopes.
const TOKEN_LIMIT: usize = 16 * 1024;
/// A PEM key has under a kilobyte.
const KEY_LIMIT: usize = 64 * 1024;
/// The longest wait for the key.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a hook waits for the first key.
const FIRST_KEY: Duration = Duration::from_secs(3);
/// A bad signature asks for a new key at most this often.
const REFRESH_AFTER_FAILURE: Duration = Duration::from_mins(1);
/// The key is looked after this often when nothing happens.
const REFRESH: Duration = Duration::from_mins(10);
/// Name under which the ledger keeps the last good key.
const KEPT: &str = "auth-public-key";

/// What a verified token says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// On an action token: the event that it may decide about.
    pub event_id: Option<String>,
    /// On an action token: the action that it may decide about.
    pub action_id: Option<String>,
    /// `user` or `system`.
    pub user_type: Option<String>,
    /// What its bearer may do.
    #[serde(default)]
    scope: serde_json::Value,
}

/// A token of core that was checked.
#[derive(Debug, Clone)]
pub struct Token {
    /// As it came, to be passed on.
    pub text: String,
    /// What it says.
    pub claims: Claims,
}

impl Token {
    /// Whether core gave this token to decide about this record. Core 2.0 names the event and an
    /// action of it; the service token of core 2.1 names neither, but belongs to no user. A user's
    /// own token may not decide.
    pub fn is_for(&self, event: &EventDocument) -> bool {
        match (&self.claims.event_id, &self.claims.action_id) {
            (None, None) => self.claims.user_type.as_deref() == Some("system"),
            (Some(id), Some(action)) => {
                *id == event.id.as_str() && event.actions.iter().any(|a| *action == a.id.as_str())
            }
            _ => false,
        }
    }

    /// Whether its bearer has a permission, such as `record.reindex`.
    pub fn may(&self, permission: &str) -> bool {
        self.may_with(permission, &[])
    }

    /// Whether its bearer has a permission that is not limited to other values of these options: to
    /// other events, for example.
    pub fn may_with(&self, permission: &str, options: &[(&str, &str)]) -> bool {
        let scopes = self.claims.scope.as_array().into_iter().flatten();
        let mut scopes = scopes.filter_map(serde_json::Value::as_str);
        let allows = |scope: &Scope| {
            let allowed = |(name, value): &(&str, &str)| {
                let values = scope.values(name);
                values.is_none_or(|values| values.iter().any(|known| known == value))
            };
            scope.kind() == permission && options.iter().all(allowed)
        };
        scopes.any(|scope| {
            let encoded = scope.parse();
            scope == permission || encoded.is_ok_and(|scope| allows(&scope))
        })
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is no Authorization header.
    #[error("Missing authentication")]
    Missing,
    /// The token is not one of core's, or not for this server.
    #[error("Invalid token")]
    Invalid,
    /// It was good once.
    #[error("Expired token")]
    Expired,
    /// Nobody can be let in before core's key was seen for the first time.
    #[error("Core's public key is not known yet")]
    NoKey,
}

/// Core's public key, kept fresh.
pub struct Keys {
    current: ArcSwapOption<Key>,
    url: String,
    client: reqwest::Client,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    asked_after_failure: Mutex<Option<Instant>>,
    /// Rung when there is a new key.
    found: Notify,
}

struct Key {
    pem: String,
    decoding: DecodingKey,
}

/// Why a fetched text does not become the key.
#[derive(Debug, thiserror::Error)]
enum KeyError {
    #[error("core's auth service cannot be reached")]
    Unreachable(#[from] reqwest::Error),
    #[error("core's auth service answered {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer is no RSA public key in PEM")]
    NoKey,
}

impl Key {
    fn parse(pem: &str) -> Result<Self, KeyError> {
        let public = pem.contains("PUBLIC KEY") && pem.len() <= KEY_LIMIT;
        let decoding = DecodingKey::from_rsa_pem(pem.as_bytes())
            .ok()
            .filter(|_| public)
            .ok_or(KeyError::NoKey)?;
        Ok(Self {
            pem: pem.to_owned(),
            decoding,
        })
    }
}

impl Keys {
    /// The key of the auth service at `auth_url`; the last good one is taken from the ledger.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn new(
        auth_url: &str,
        client: reqwest::Client,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, handlers::ledger::LedgerError> {
        let kept = ledger
            .kept(KEPT)
            .await?
            .and_then(|pem| Key::parse(&pem).ok());
        let url = format!("{}/.well-known", auth_url.trim_end_matches('/'));
        Ok(Self {
            current: ArcSwapOption::new(kept.map(Arc::new)),
            url,
            client,
            ledger,
            clock,
            asked_after_failure: Mutex::new(None),
            found: Notify::new(),
        })
    }

    /// Whether any key is known.
    pub fn is_known(&self) -> bool {
        self.current.load().is_some()
    }

    /// Fetches the key until it is there, then again from time to time. Never ends.
    pub async fn keep_fresh(&self) {
        let mut pause = Duration::from_secs(1);
        loop {
            match self.refresh().await {
                Ok(()) => {
                    pause = Duration::from_secs(1);
                    tokio::time::sleep(REFRESH).await;
                }
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        known = self.is_known(),
                        "Core's public key could not be refreshed"
                    );
                    tokio::time::sleep(pause).await;
                    // Without any key no hook is answered, so nobody waits long for it.
                    let longest = if self.is_known() { 60 } else { 5 };
                    pause = (pause * 2).min(Duration::from_secs(longest));
                }
            }
        }
    }

    async fn refresh(&self) -> Result<(), KeyError> {
        let mut response = self.client.get(&self.url).timeout(TIMEOUT).send().await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(KeyError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > KEY_LIMIT {
                return Err(KeyError::NoKey);
            }
            body.extend_from_slice(&chunk);
        }
        let key = Key::parse(&String::from_utf8(body).map_err(|_| KeyError::NoKey)?)?;
        if self
            .current
            .load()
            .as_ref()
            .is_some_and(|current| current.pem == key.pem)
        {
            return Ok(());
        }
        if let Err(error) = self.ledger.keep(KEPT, &key.pem, self.clock.now()).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "Core's public key could not be kept for the next start"
            );
        }
        self.current.store(Some(Arc::new(key)));
        self.found.notify_waiters();
        info!("Core's public key is known");
        Ok(())
    }

    /// Checks the value of an Authorization header: a token that is meant for one of these. Core sends `Bearer x`, `x` and `Bearer Bearer x`.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn verify(
        &self,
        audiences: &[&str],
        header: Option<&str>,
    ) -> Result<Token, AuthError> {
        let text = header
            .map(bare)
            .filter(|text| !text.is_empty())
            .ok_or(AuthError::Missing)?;
        if text.len() > TOKEN_LIMIT {
            return Err(AuthError::Invalid);
        }
        let key = self.first_key().await.ok_or(AuthError::NoKey)?;
        let claims = match claims(text, &key, audiences) {
            Err(error) if *error.kind() == ErrorKind::InvalidSignature => {
                match self.other_key(&key).await {
                    Some(other) => claims(text, &other, audiences),
                    None => Err(error),
                }
            }
            checked => checked,
        };
        match claims {
            Ok(claims) => Ok(Token {
                text: text.to_owned(),
                claims,
            }),
            Err(error) if *error.kind() == ErrorKind::ExpiredSignature => Err(AuthError::Expired),
            Err(_) => Err(AuthError::Invalid),
        }
    }

    /// The key; just after the very first start a caller waits for it a moment, as core asks only once.
    async fn first_key(&self) -> Option<Arc<Key>> {
        let found = self.found.notified();
        if let Some(key) = self.current.load_full() {
            return Some(key);
        }
        tokio::time::timeout(FIRST_KEY, found).await.ok()?;
        self.current.load_full()
    }

    /// After a bad signature: core may have a new key. At most one request a minute asks; the others
    /// that come meanwhile wait for what it finds.
    async fn other_key(&self, failed: &Arc<Key>) -> Option<Arc<Key>> {
        let mut asked = self.asked_after_failure.lock().await;
        let changed = || {
            self.current
                .load_full()
                .filter(|current| current.pem != failed.pem)
        };
        if changed().is_none() && asked.is_none_or(|at| at.elapsed() >= REFRESH_AFTER_FAILURE) {
            *asked = Some(Instant::now());
            if let Err(error) = self.refresh().await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "A token has a bad signature, and the key could not be refreshed"
                );
            }
        }
        changed()
    }
}

fn claims(
    token: &str,
    key: &Key,
    audiences: &[&str],
) -> Result<Claims, jsonwebtoken::errors::Error> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(audiences);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_S;
    decode::<Claims>(token, &key.decoding, &validation).map(|data| data.claims)
}

/// The token without any number of `Bearer` before it.
pub(crate) fn bare(header: &str) -> &str {
    let mut rest = header.trim();
    while let Some((word, after)) = rest
        .split_at_checked(6)
        .filter(|(word, _)| word.eq_ignore_ascii_case("bearer"))
    {
        let _ = word;
        rest = after.trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bearers_are_stripped() {
        for header in [
            "x.y.z",
            "Bearer x.y.z",
            "bearer x.y.z",
            "Bearer Bearer x.y.z",
            " Bearer  x.y.z ",
        ] {
            assert_eq!(bare(header), "x.y.z");
        }
        assert_eq!(bare("Bearer "), "");
    }

    #[test]
    fn permissions_are_read_in_both_notations() {
        let token = |scope| Token {
            text: String::new(),
            claims: serde_json::from_value(json!({"scope": scope})).unwrap(),
        };
        let may = |scope| token(scope).may("record.reindex");
        assert!(may(json!(["type=record.read", "type=record.reindex"])));
        assert!(may(json!(["record.reindex"])));
        assert!(may(json!(["type=record.reindex&event=birth"])));
        assert!(!may(json!(["type=record.read&event=record.reindex"])));
        assert!(!may(json!("record.reindex.not")));
        assert!(!may(json!(null)));
    }

    #[test]
    fn permissions_hold_for_what_they_name() {
        let may = |scope: &str, event: &str| {
            let token = Token {
                text: String::new(),
                claims: serde_json::from_value(json!({"scope": [scope]})).unwrap(),
            };
            let options = [("event", event), ("customActionTypes", "ISSUE")];
            token.may_with("record.custom-action", &options)
        };
        let limited = "type=record.custom-action&event=birth,death&customActionTypes=REVOKE,ISSUE";
        assert!(may(limited, "birth"));
        assert!(!may(limited, "marriage"));
        assert!(may("type=record.custom-action", "birth"));
        assert!(!may(
            "type=record.custom-action&customActionTypes=REVOKE",
            "birth"
        ));
    }

    #[test]
    fn a_token_decides_only_about_its_own_record() {
        let record = json!({"id": "e", "type": "birth", "actions": [
            {"id": "a", "type": "REGISTER", "status": "Requested"},
        ]});
        let record = EventDocument::parse(record.to_string().as_bytes()).unwrap();
        let is_for = |event: Option<&str>, action: Option<&str>, user_type: &str| {
            let text = |id: &str| id.to_owned();
            let claims = Claims {
                event_id: event.map(text),
                action_id: action.map(text),
                user_type: Some(user_type.to_owned()),
                scope: serde_json::Value::Null,
            };
            Token {
                text: String::new(),
                claims,
            }
            .is_for(&record)
        };
        assert!(is_for(Some("e"), Some("a"), "user"));
        assert!(!is_for(Some("f"), Some("a"), "user"));
        assert!(!is_for(Some("e"), Some("b"), "user"));
        assert!(!is_for(Some("e"), None, "system"));
        assert!(!is_for(None, None, "user"));
        assert!(is_for(None, None, "system"));
    }
}

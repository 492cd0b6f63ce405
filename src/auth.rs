// SPDX-License-Identifier: MPL-2.0
//! Core's tokens, and the key that verifies them.

use arc_swap::ArcSwapOption;
use handlers::clock::Clock;
use handlers::delivery::ledger::Ledger;
use handlers::delivery::transport::reply;
use handlers::fault::Fault;
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use opencrvs_toolkit::event_document::{Action, EventDocument};
use opencrvs_toolkit::scope::Scope;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::{info, warn};

/// The issuer of core's tokens.
pub const ISSUER: &str = "opencrvs:auth-service";
/// The audience of a token for this server.
pub const AUDIENCE: &str = "opencrvs:countryconfig-user";
/// The audiences of a token for a reindex: core's own job does not name this server.
pub const REINDEX_AUDIENCES: [&str; 3] =
    [AUDIENCE, "opencrvs:events-user", "opencrvs:gateway-user"];

/// Tolerated difference between the clocks of two machines, in seconds.
const LEEWAY_S: u64 = 30;
/// Size limit of a token. A token has some hundred bytes to a few kilobytes, depending on its scopes.
const TOKEN_LIMIT: usize = 16 * 1024;
/// Size limit of an answer with a key. A PEM key has less than a kilobyte.
const KEY_LIMIT: usize = 64 * 1024;
/// The longest wait for the key.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait of a request for a key that fits its token. Core asks once: refusing a hook blocks
/// its record.
const PATIENCE: Duration = Duration::from_secs(20);
/// The shortest time between two requests to core's auth service, however many tokens no key fits.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// Time for which the previous key is accepted after a new key was found. Core's tokens for systems
/// live for 10 minutes and hook tokens are used at once; replicas of the auth service change their key
/// one after the other. A key that was replaced because it was stolen must not last longer.
const PREVIOUS_KEY: Duration = Duration::from_mins(15);
/// Interval at which the key is fetched again.
const REFRESH: Duration = Duration::from_mins(10);
/// Name under which the ledger keeps the last good key.
const KEPT: &str = "auth-public-key";

/// The claims of a verified token.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// On an action token: the event that it may decide about.
    pub event_id: Option<String>,
    /// On an action token: the action that it may decide about.
    pub action_id: Option<String>,
    /// `user` or `system`.
    pub user_type: Option<String>,
    /// The permissions of its bearer.
    #[serde(default)]
    scope: Value,
}

/// A verified token of core.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token as received, to be passed on.
    pub text: String,
    /// Its claims.
    pub claims: Claims,
}

impl Token {
    /// Checks whether this is a token for a hook, whatever its record: core 2.0 names an event and an
    /// action in it; the service token of core 2.1 names neither, but belongs to no user. A user's own
    /// token may not decide.
    pub fn is_for_a_hook(&self) -> bool {
        match (&self.claims.event_id, &self.claims.action_id) {
            (None, None) => self.claims.user_type.as_deref() == Some("system"),
            (event, action) => event.is_some() && action.is_some(),
        }
    }

    /// Checks whether core gave this token to decide about this pending action of this record.
    pub fn is_for(&self, event: &EventDocument, pending: &Action) -> bool {
        let names = |claim: &Option<String>, id| claim.as_deref().is_none_or(|named| named == id);
        self.is_for_a_hook()
            && names(&self.claims.event_id, event.id.as_str())
            && names(&self.claims.action_id, pending.id.as_str())
    }

    /// Checks whether its bearer has a permission, such as `record.reindex`.
    pub fn may(&self, permission: &str) -> bool {
        self.may_with(permission, &[])
    }

    /// Checks whether its bearer has a permission that is not limited to other values of these options:
    /// to other events, for example.
    pub fn may_with(&self, permission: &str, options: &[(&str, &str)]) -> bool {
        let scopes = self.claims.scope.as_array().into_iter().flatten();
        let mut scopes = scopes.filter_map(Value::as_str);
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

/// The reason why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is no Authorization header.
    #[error("Missing authentication")]
    Missing,
    /// The token is not one of core's, or not for this server.
    #[error("Invalid token")]
    Invalid,
    /// The token has expired.
    #[error("Expired token")]
    Expired,
    /// The key could not be fetched in time.
    #[error("Core's public key cannot be fetched")]
    NoKey,
}

/// Core's public key, renewed regularly.
pub struct Keys {
    known: ArcSwapOption<Known>,
    url: String,
    client: reqwest::Client,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    /// The last completed request to the auth service.
    looks: watch::Sender<Option<Look>>,
    /// Notified by requests that need another fetch of the key.
    wanted: Notify,
}

struct Key {
    pem: String,
    decoding: DecodingKey,
}

/// The keys that verify a token.
struct Known {
    current: Arc<Key>,
    /// The previous key, and the end of its use.
    previous: Option<(Arc<Key>, Instant)>,
}

/// A request to core's auth service for its key.
#[derive(Clone, Copy)]
struct Look {
    started: Instant,
    succeeded: bool,
}

/// The reason why a fetched text is not accepted as the key.
#[derive(Debug, thiserror::Error)]
enum KeyError {
    #[error("core's auth service is not reachable")]
    Unreachable(#[source] Fault),
    #[error("core's auth service answered {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer is not an RSA public key in PEM")]
    NoKey,
}

impl From<reqwest::Error> for KeyError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.into())
    }
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

/// Checks whether a text is a key as core's auth service gives it.
pub(crate) fn is_key(text: &str) -> bool {
    Key::parse(text).is_ok()
}

/// Checks whether a token is signed with a key, whatever its claims.
pub(crate) fn is_signed_by(token: &str, key: &str) -> bool {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims::<&str>(&[]);
    Key::parse(key).is_ok_and(|key| decode::<Value>(token, &key.decoding, &validation).is_ok())
}

/// The claims of a token, without a check of its signature.
pub(crate) fn unproven_claims(token: &str) -> Option<Value> {
    Some(insecure_decode::<Value>(token).ok()?.claims)
}

impl Keys {
    /// A store for the key of the auth service at `auth_url`. No key is known yet.
    pub fn new(
        auth_url: &str,
        client: reqwest::Client,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let url = format!("{}/.well-known", auth_url.trim_end_matches('/'));
        Self {
            known: ArcSwapOption::empty(),
            url,
            client,
            ledger,
            clock,
            looks: watch::Sender::new(None),
            wanted: Notify::new(),
        }
    }

    /// Takes the last good key from the ledger, unless core has given one first.
    pub async fn recall(&self) {
        let Ok(Some(pem)) = self.ledger.kept(KEPT).await else {
            return;
        };
        if let Ok(key) = Key::parse(&pem) {
            let known = Some(Arc::new(Known {
                current: Arc::new(key),
                previous: None,
            }));
            self.known.compare_and_swap(&None::<Arc<Known>>, known);
        }
    }

    /// Checks whether any key is known.
    pub fn is_known(&self) -> bool {
        self.known.load().is_some()
    }

    /// Fetches the key until it is there, then again from time to time, and sooner when a token needs it.
    /// Only this function fetches: waiting requests share the fetch, and a caller that disconnects does not
    /// interrupt it. Without core, as on a developer's machine, one line says so. Never ends.
    pub async fn keep_fresh(&self, production: bool) {
        let mut pause = BETWEEN_LOOKS;
        let mut is_said = false;
        let mut unkept = None;
        loop {
            let started = Instant::now();
            let looked = self.refresh().await;
            self.looks.send_replace(Some(Look {
                started,
                succeeded: looked.is_ok(),
            }));
            let next = match looked {
                Ok(found) => {
                    unkept = found.or(unkept);
                    if let Some(key) = &unkept
                        && self.keep(key).await
                    {
                        unkept = None;
                    }
                    pause = BETWEEN_LOOKS;
                    started + REFRESH
                }
                Err(error) => {
                    let known = self.is_known();
                    if known || production {
                        warn!(
                            error = &error as &dyn std::error::Error,
                            known, "Core's public key could not be refreshed"
                        );
                    } else if !std::mem::replace(&mut is_said, true) {
                        info!(
                            error = &error as &dyn std::error::Error,
                            "Core's public key is not available at AUTH_URL yet: hooks are not answered, everything else is served. To try the server without core: `countryconfig sandbox`"
                        );
                    }
                    let next = started + pause;
                    // Without any key no hook is answered, so nobody waits long for it.
                    let longest = if known { 60 } else { 5 };
                    pause = (pause * 2).min(Duration::from_secs(longest));
                    next
                }
            };
            tokio::time::sleep_until(started + BETWEEN_LOOKS).await;
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.wanted.notified() => {}
            }
        }
    }

    /// Fetches the key from core's auth service; a new one is used from now on, and returned.
    async fn refresh(&self) -> Result<Option<Arc<Key>>, KeyError> {
        let mut response = self.client.get(&self.url).timeout(TIMEOUT).send().await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(KeyError::Status(response.status()));
        }
        // `Key::parse` refuses what is larger.
        let body = reply(&mut response, KEY_LIMIT).await?;
        let key = Key::parse(&String::from_utf8(body).map_err(|_| KeyError::NoKey)?)?;
        let before = self.known.load_full();
        if before.as_ref().is_some_and(|b| b.current.pem == key.pem) {
            return Ok(None);
        }
        let current = Arc::new(key);
        let until = Instant::now() + PREVIOUS_KEY;
        self.known.store(Some(Arc::new(Known {
            current: current.clone(),
            previous: before.map(|before| (before.current.clone(), until)),
        })));
        info!("Core's public key is known");
        Ok(Some(current))
    }

    /// Keeps a key for the next start.
    async fn keep(&self, key: &Key) -> bool {
        let kept = self.ledger.keep(KEPT, &key.pem, self.clock.now()).await;
        if let Err(error) = &kept {
            warn!(
                error = error as &dyn std::error::Error,
                "Could not store core's public key for the next start"
            );
        }
        kept.is_ok()
    }

    /// Checks the value of an Authorization header: a token for one of these audiences. Core sends
    /// `Bearer x`, `x` and `Bearer Bearer x`.
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
        let claims = match self.claims(text, audiences) {
            Err(Unproven::NoKeyFits) if looks_like_cores(text, audiences) => {
                let claims = self.claims_after_a_look(text, audiences);
                let claims = tokio::time::timeout(PATIENCE, claims).await;
                claims.map_err(|_| AuthError::NoKey)?
            }
            claims => claims,
        };
        let claims = claims.map_err(|unproven| match unproven {
            Unproven::Expired => AuthError::Expired,
            Unproven::NoKeyFits | Unproven::Bad => AuthError::Invalid,
        })?;
        Ok(Token {
            text: text.to_owned(),
            claims,
        })
    }

    /// Waits until a key fits, or until a fetch that began after the token came has found no key that fits.
    async fn claims_after_a_look(
        &self,
        text: &str,
        audiences: &[&str],
    ) -> Result<Claims, Unproven> {
        let came = Instant::now();
        let mut looks = self.looks.subscribe();
        loop {
            self.wanted.notify_one();
            // Fails only when these keys are gone, and with them this future.
            drop(looks.changed().await);
            let look = *looks.borrow_and_update();
            let answers = look.is_some_and(|look| look.succeeded && look.started >= came);
            match self.claims(text, audiences) {
                Err(Unproven::NoKeyFits) if !answers => {}
                claims => return claims,
            }
        }
    }

    /// The claims of a token, verified with a known key.
    fn claims(&self, text: &str, audiences: &[&str]) -> Result<Claims, Unproven> {
        let known = self.known.load_full().ok_or(Unproven::NoKeyFits)?;
        known.claims(text, audiences, Instant::now())
    }
}

impl Known {
    /// The claims of a token, verified with the current key or the previous one.
    fn claims(&self, text: &str, audiences: &[&str], now: Instant) -> Result<Claims, Unproven> {
        let previous = self.previous.as_ref().filter(|(_, until)| now < *until);
        match (claims(text, &self.current, audiences), previous) {
            (Err(Unproven::NoKeyFits), Some((key, _))) => claims(text, key, audiences),
            (claims, _) => claims,
        }
    }
}

/// The reason why a token is not verified.
#[derive(Debug, PartialEq, Eq)]
enum Unproven {
    NoKeyFits,
    Expired,
    Bad,
}

fn claims(token: &str, key: &Key, audiences: &[&str]) -> Result<Claims, Unproven> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(audiences);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_S;
    let decoded = decode::<Claims>(token, &key.decoding, &validation);
    decoded
        .map(|data| data.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => Unproven::NoKeyFits,
            ErrorKind::ExpiredSignature => Unproven::Expired,
            _ => Unproven::Bad,
        })
}

/// Checks whether a token could be one of core's, by its unverified claims. Only such a token is a reason
/// to ask core's auth service for a new key.
fn looks_like_cores(token: &str, audiences: &[&str]) -> bool {
    let Ok(data) = insecure_decode::<Value>(token) else {
        return false;
    };
    let claim = |name| data.claims.get(name);
    let is_audience = |aud: &Value| aud.as_str().is_some_and(|aud| audiences.contains(&aud));
    let for_this_server = claim("aud").is_some_and(|aud| {
        let mut many = aud.as_array().into_iter().flatten();
        is_audience(aud) || many.any(is_audience)
    });
    let ends = claim("exp").and_then(Value::as_u64).unwrap_or_default();
    data.header.alg == Algorithm::RS256
        && claim("iss").and_then(Value::as_str) == Some(ISSUER)
        && for_this_server
        && ends.saturating_add(LEEWAY_S) > jsonwebtoken::get_current_timestamp()
}

/// Strips any number of `Bearer` before the token.
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
    fn a_token_decides_only_about_the_action_that_it_names() {
        let record = json!({"id": "e", "type": "birth", "actions": [
            {"id": "old", "type": "DECLARE", "status": "Requested"},
            {"id": "a", "type": "REGISTER", "status": "Requested"},
        ]});
        let record = EventDocument::parse(record.to_string().as_bytes()).unwrap();
        let pending = record.pending_action("REGISTER").unwrap();
        let cases = [
            (Some("e"), Some("a"), "user", true, true),
            (Some("e"), Some("a"), "system", true, true),
            (None, None, "system", true, true),
            (Some("f"), Some("a"), "user", true, false),
            (Some("e"), Some("old"), "user", true, false),
            (Some("e"), Some("b"), "user", true, false),
            (Some("e"), None, "user", false, false),
            (Some("e"), None, "system", false, false),
            (None, Some("a"), "system", false, false),
            (None, None, "user", false, false),
        ];
        for (event, action, user_type, for_a_hook, for_this) in cases {
            let text = |id: &str| id.to_owned();
            let claims = Claims {
                event_id: event.map(text),
                action_id: action.map(text),
                user_type: Some(user_type.to_owned()),
                scope: Value::Null,
            };
            let token = Token {
                text: String::new(),
                claims,
            };
            let decides = (token.is_for_a_hook(), token.is_for(&record, pending));
            assert_eq!(
                decides,
                (for_a_hook, for_this),
                "{event:?} {action:?} {user_type}"
            );
        }
    }

    #[test]
    fn the_previous_key_is_good_for_a_while() {
        let signers = [(); 3].map(|()| crate::sandbox::Signer::new().unwrap());
        let key = |n: usize| Arc::new(Key::parse(signers[n].public_pem()).unwrap());
        let until = Instant::now() + PREVIOUS_KEY;
        let known = Known {
            current: key(1),
            previous: Some((key(0), until)),
        };
        let token = |n: usize, exp: u64| {
            let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": exp});
            signers[n].token(&claims).unwrap()
        };
        let said = |n, exp, now| known.claims(&token(n, exp), &[AUDIENCE], now).err();
        let later = jsonwebtoken::get_current_timestamp() + 60;
        let before = until - Duration::from_millis(1);
        assert_eq!(said(0, later, before), None);
        assert_eq!(said(0, later, until), Some(Unproven::NoKeyFits));
        assert_eq!(said(0, 1, before), Some(Unproven::Expired));
        assert_eq!(said(1, later, until), None);
        assert_eq!(said(2, later, before), Some(Unproven::NoKeyFits));
    }

    #[test]
    fn only_what_could_be_cores_is_worth_a_look() {
        let now = jsonwebtoken::get_current_timestamp();
        let signer = crate::sandbox::Signer::new().unwrap();
        let could_be = |change: fn(&mut Value, u64)| {
            let mut claims = json!({"iss": ISSUER, "aud": ["x", AUDIENCE], "exp": now + 60});
            change(&mut claims, now);
            looks_like_cores(&signer.token(&claims).unwrap(), &[AUDIENCE])
        };
        assert!(could_be(|_, _| ()));
        assert!(could_be(|c, _| c["aud"] = json!(AUDIENCE)));
        assert!(!could_be(|c, _| c["aud"] = json!(["opencrvs:auth-user"])));
        assert!(!could_be(|c, _| c["iss"] = json!("x")));
        assert!(!could_be(|c, now| c["exp"] = json!(now - LEEWAY_S)));
        assert!(!could_be(|c, _| c["exp"] = Value::Null));
        for text in ["", "x.y.z", "e30.e30.e30"] {
            assert!(!looks_like_cores(text, &[AUDIENCE]), "{text}");
        }
        // Whoever knows the public key can sign with it where an algorithm of that kind is let in.
        let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "exp": now + 60});
        let key = jsonwebtoken::EncodingKey::from_secret(signer.public_pem().as_bytes());
        let header = jsonwebtoken::Header::new(Algorithm::HS256);
        let symmetric = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        assert!(!looks_like_cores(&symmetric, &[AUDIENCE]));
    }
}

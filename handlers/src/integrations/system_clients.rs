// SPDX-License-Identifier: MPL-2.0
//! System clients of core. From version 2.0.1 on core asks at its start for the clients that the country
//! needs, with a token that may create them and lasts a minute.
//!
//! **Invariant:** id and secret are in the ledger before they are sent to core, and a repetition sends the
//! same. So a crash loses no secret, and servers that share a ledger create each client once. Clients that
//! core has already are not changed.

use crate::clock::Clock;
use crate::core_client::{Core, Credentials};
use crate::delivery::ledger::{Integration, Ledger, LedgerError};
use crate::fault::Fault;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use country::integrations::WantedIntegration;
use jiff::SignedDuration;
use opencrvs_toolkit::scope::Scope;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tracing::{info, warn};

/// The longest run: core gives up after 5 s, and asks again while the first run goes on.
const LONGEST: Duration = Duration::from_millis(4300);
/// The longest wait for one answer of core.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The lease for creating a client: a server that began it has ended after this time, or was killed.
const LEASE: SignedDuration = SignedDuration::from_secs(6);
/// Bytes of a secret.
const SECRET: usize = 32;

/// Ids and secrets that other programs know already, by the name of their client: `MOSIP=<id>:<secret>`,
/// one a line or separated by commas.
#[derive(Debug, Clone, Default)]
pub struct Presets(Vec<(String, Credentials)>);

impl FromStr for Presets {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split([',', '\n']).map(str::trim);
        let preset = |entry: &str| {
            let (name, credentials) = entry.split_once('=')?;
            let (id, secret) = credentials.split_once(':')?;
            let id = uuid::Uuid::parse_str(id.trim()).ok()?.to_string();
            let (name, secret) = (name.trim().to_owned(), SecretString::from(secret.trim()));
            let is_whole = !name.is_empty() && !secret.expose_secret().is_empty();
            is_whole.then_some((name, Credentials { id, secret }))
        };
        entries
            .filter(|entry| !entry.is_empty())
            .map(preset)
            .collect::<Option<_>>()
            .map(Self)
            .ok_or("holds an entry that is not `NAME=ID:SECRET` with a UUID as id")
    }
}

/// Creates system clients in core, and sets the one of this server.
pub struct SystemClients {
    client: Client,
    events: String,
    core: Arc<Core>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    presets: Presets,
    /// The client of `SYSTEM_CLIENT_ID`.
    own: Option<Credentials>,
    /// Held by the run under way.
    turn: Mutex<()>,
}

/// The reason why a client is missing.
#[derive(Debug)]
pub struct Missing {
    /// Its name; `None` if core did not list its clients.
    pub name: Option<String>,
    /// The cause, with its remedy.
    pub why: Cause,
}

/// See [`Missing`].
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The events service was not reached or did not answer in time.
    #[error("core's events service did not answer; check EVENTS_URL")]
    Unanswered(#[source] Fault),
    /// It answered otherwise than expected.
    #[error("core's events service answered {0}")]
    Status(StatusCode),
    /// An unusable answer.
    #[error("core's events service did not answer with {0}; check EVENTS_URL")]
    Content(&'static str),
    /// 400 of core.
    #[error(
        "core refuses its name, its scopes or its credentials; check integrations.toml and INTEGRATION_CREDENTIALS"
    )]
    Refused,
    /// The token has expired, or is not for this.
    #[error("core does not take its own token any more; it asks again with another")]
    Token,
    /// Core has another client of this name.
    #[error(
        "core has a client of this name whose secret is not known here; delete it in core (Configurations, Integrations), or set its id and secret in {0}"
    )]
    Foreign(&'static str),
    /// Core did not take the credentials that were sent, and made others.
    #[error(
        "core did not take the credentials of INTEGRATION_CREDENTIALS and made others; take the client out of that setting and read them with `countryconfig integrations show`"
    )]
    PresetIgnored,
    /// The client was disabled.
    #[error("it is disabled in core; enable it there (Configurations, Integrations)")]
    Disabled,
    /// Another server is creating it.
    #[error("another server is creating it; core asks again")]
    UnderWay,
    /// Another run was under way, or core was slow.
    #[error("creating the clients took longer than core waits; it asks again")]
    Slow,
    /// The credentials could not be stored or read.
    #[error("the ledger does not keep its credentials")]
    Ledger(#[from] LedgerError),
    /// No secret could be made.
    #[error("no secret could be made")]
    Random,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "integration `{name}`: {}", self.why),
            None => write!(f, "{}", self.why),
        }
    }
}

impl std::error::Error for Missing {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.why)
    }
}

impl From<reqwest::Error> for Cause {
    fn from(error: reqwest::Error) -> Self {
        Self::Unanswered(error.into())
    }
}

/// A client as core lists it.
#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    scopes: Vec<String>,
}

/// A client that core has just created.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    client_id: String,
    client_secret: String,
}

impl SystemClients {
    /// `events` is `EVENTS_URL`; `own` is the client of `SYSTEM_CLIENT_ID`.
    pub fn new(
        client: Client,
        events: &str,
        core: Arc<Core>,
        ledger: Arc<dyn Ledger>,
        clock: Arc<dyn Clock>,
        presets: Presets,
        own: Option<Credentials>,
    ) -> Self {
        Self {
            client,
            events: events.trim_end_matches('/').to_owned(),
            core,
            ledger,
            clock,
            presets,
            own,
            turn: Mutex::default(),
        }
    }

    /// Creates the clients that core does not have, with core's token, in less time than core waits.
    ///
    /// # Errors
    /// Each that is not there in the end, and why.
    pub async fn create(
        &self,
        wanted: &[WantedIntegration],
        token: &str,
    ) -> Result<(), Vec<Missing>> {
        if wanted.is_empty() {
            return Ok(());
        }
        let run = async {
            let _turn = self.turn.lock().await;
            let listed = self.listed(token).await;
            let listed = listed.map_err(|why| vec![Missing { name: None, why }])?;
            let mut missing = Vec::new();
            for client in wanted {
                if let Err(why) = self.settle(client, &listed, token).await {
                    let name = Some(client.name.clone());
                    missing.push(Missing { name, why });
                }
            }
            if missing.is_empty() {
                Ok(())
            } else {
                Err(missing)
            }
        };
        let slow = Missing {
            name: None,
            why: Cause::Slow,
        };
        tokio::time::timeout(LONGEST, run)
            .await
            .unwrap_or(Err(vec![slow]))
    }

    /// Sets this server's own client, once core has it. `false` while it is not known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn adopt_own(&self, wanted: &[WantedIntegration]) -> Result<bool, LedgerError> {
        if self.core.may_ask() {
            return Ok(true);
        }
        let kept = self.ledger.integrations().await?;
        for client in wanted.iter().filter(|client| client.for_this_server) {
            let mut kept = kept.iter();
            if let Some(own) = kept.find(|kept| kept.name == client.name && kept.is_usable()) {
                self.adopt(own);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn adopt(&self, own: &Integration) {
        // The client of SYSTEM_CLIENT_ID has priority.
        if self.own.is_some() {
            return;
        }
        let is_new = self.core.become_client(Credentials {
            id: own.client_id.clone(),
            secret: own.secret.clone(),
        });
        if is_new {
            info!("Core has a system client for this server: `{}`", own.name);
        }
    }

    async fn settle(
        &self,
        client: &WantedIntegration,
        listed: &[Listed],
        token: &str,
    ) -> Result<(), Cause> {
        if self.is_there(client, listed).await? {
            return Ok(());
        }
        let name = client.name.as_str();
        let (id, secret) = match self.preset(client) {
            Some(preset) => (preset.id.clone(), SecretString::default()),
            None => (uuid::Uuid::new_v4().to_string(), secret()?),
        };
        let now = self.clock.now();
        let kept = self.ledger.keep_integration(name, &id, &secret, now);
        let kept = kept.await?;
        if !self
            .ledger
            .lease_integration(name, now, now + LEASE)
            .await?
        {
            return Err(Cause::UnderWay);
        }
        let created = self.create_leased(client, kept, token).await;
        self.ledger.release_integration(name).await?;
        created
    }

    /// True if core has the client, with the credentials that are known here.
    async fn is_there(&self, client: &WantedIntegration, listed: &[Listed]) -> Result<bool, Cause> {
        let name = client.name.as_str();
        let preset = self.preset(client);
        let kept = self.ledger.integrations().await?;
        let kept = kept.into_iter().find(|kept| kept.name == name);
        let id = preset.map(|preset| preset.id.as_str());
        let id = id.or(kept.as_ref().map(|kept| kept.client_id.as_str()));
        if let Some(there) = listed.iter().find(|there| Some(there.id.as_str()) == id) {
            if there.status == "disabled" {
                return Err(Cause::Disabled);
            }
            let lacking = lacking(&client.scopes, &there.scopes);
            if !lacking.is_empty() {
                warn!(
                    "The system client `{name}` of core lacks scopes of integrations.toml: {}. Nobody can change the scopes of a client: delete it in core (Configurations, Integrations) and restart core's events service",
                    lacking.join(", ")
                );
            }
            if let Some(kept) = kept.filter(|_| preset.is_none()) {
                self.there(client, kept).await?;
            }
            return Ok(true);
        }
        if !listed.iter().any(|there| there.name == name) {
            return Ok(false);
        }
        Err(match (client.for_this_server, preset) {
            (true, _) => Cause::Foreign("SYSTEM_CLIENT_ID and SYSTEM_CLIENT_SECRET"),
            (false, Some(_)) if kept.is_some_and(|kept| kept.registered_at.is_some()) => {
                Cause::PresetIgnored
            }
            (false, _) => Cause::Foreign("INTEGRATION_CREDENTIALS"),
        })
    }

    async fn create_leased(
        &self,
        client: &WantedIntegration,
        kept: Integration,
        token: &str,
    ) -> Result<(), Cause> {
        // Another server may have created it since core was asked.
        let listed = self.listed(token).await?;
        if self.is_there(client, &listed).await? {
            return Ok(());
        }
        let preset = self.preset(client);
        let sent = preset.cloned().unwrap_or_else(|| Credentials {
            id: kept.client_id.clone(),
            secret: kept.secret.clone(),
        });
        let Some(created) = self.post(client, &sent, token).await? else {
            return match preset {
                Some(_) => Ok(()),
                None => self.there(client, kept).await,
            };
        };
        let kept = Integration {
            client_id: created.client_id,
            secret: created.client_secret.into(),
            registered_at: None,
            ..kept
        };
        self.there(client, kept).await?;
        preset.map_or(Ok(()), |_| Err(Cause::PresetIgnored))
    }

    /// Core has the client.
    async fn there(&self, client: &WantedIntegration, kept: Integration) -> Result<(), Cause> {
        if kept.registered_at.is_none() {
            let now = self.clock.now();
            self.ledger.register_integration(&kept, now).await?;
            info!("Core has the system client `{}`", client.name);
        }
        if client.for_this_server {
            if kept.secret.expose_secret().is_empty() {
                return Err(Cause::Foreign("SYSTEM_CLIENT_ID and SYSTEM_CLIENT_SECRET"));
            }
            self.adopt(&kept);
        }
        Ok(())
    }

    fn preset(&self, client: &WantedIntegration) -> Option<&Credentials> {
        if client.for_this_server && self.own.is_some() {
            return self.own.as_ref();
        }
        let mut presets = self.presets.0.iter();
        let preset = presets.find(|(name, _)| *name == client.name);
        preset.map(|(_, credentials)| credentials)
    }

    async fn listed(&self, token: &str) -> Result<Vec<Listed>, Cause> {
        let request = self.client.get(format!("{}/integrations", self.events));
        let answer = request.bearer_auth(token).timeout(TIMEOUT).send().await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Cause::Token),
            status => return Err(Cause::Status(status)),
        }
        let listed = answer.json().await;
        listed.map_err(|_| Cause::Content("a list of system clients"))
    }

    /// Creates a client. Returns the credentials that core has made in place of those that were sent.
    async fn post(
        &self,
        client: &WantedIntegration,
        sent: &Credentials,
        token: &str,
    ) -> Result<Option<Created>, Cause> {
        let body = json!({
            "name": client.name,
            "scopes": client.scopes,
            "credentials": {"clientId": sent.id, "clientSecret": sent.secret.expose_secret()},
        });
        let request = self.client.post(format!("{}/integrations", self.events));
        let request = request.bearer_auth(token).timeout(TIMEOUT).json(&body);
        let answer = request.send().await?;
        match answer.status() {
            status if status.is_success() => {}
            // An earlier attempt has created it, whose answer was lost.
            StatusCode::CONFLICT => return Ok(None),
            StatusCode::BAD_REQUEST => return Err(Cause::Refused),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Cause::Token),
            status => return Err(Cause::Status(status)),
        }
        let created: Created = answer
            .json()
            .await
            .map_err(|_| Cause::Content("the client that it has created"))?;
        if created.client_id.eq_ignore_ascii_case(&sent.id) {
            return Ok(None);
        }
        warn!(
            "Core has created the system client `{}` with credentials of its own: this version does not take those that are sent",
            client.name
        );
        Ok(Some(created))
    }
}

/// The scopes that a client should have and does not have in core.
fn lacking<'a>(wanted: &'a [String], there: &[String]) -> Vec<&'a str> {
    let read = |text: &str| text.parse::<Scope>().ok();
    let there: Vec<_> = there.iter().filter_map(|text| read(text)).collect();
    let is_lacking = |text: &&str| read(text).is_none_or(|scope| !there.contains(&scope));
    let wanted = wanted.iter().map(String::as_str);
    wanted.filter(is_lacking).collect()
}

fn secret() -> Result<SecretString, Cause> {
    let mut bytes = [0; SECRET];
    rand::fill(&mut bytes).map_err(|_| Cause::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_compared_in_any_notation() {
        let list = |scopes: &[&str]| scopes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let wanted = list(&[
            "type=record.read&event=birth",
            "type=record.search",
            "type=record.action.accept",
        ]);
        let there = list(&[
            "type=record.read&event[]=birth",
            "type=record.search&event=death",
        ]);
        assert_eq!(
            lacking(&wanted, &there),
            ["type=record.search", "type=record.action.accept"]
        );
        assert!(lacking(&wanted, &wanted).is_empty());
    }

    #[test]
    fn presets_are_read_with_commas_or_lines_between_them() {
        let id = "9a8d3c51-6f0e-4b7e-a7a3-2f1d5c8e4b61";
        let read: Presets = format!("MOSIP={id}:a:b=c\n\nHealth data = {id} : s,")
            .parse()
            .unwrap();
        let read: Vec<_> = read
            .0
            .iter()
            .map(|(name, c)| (name.as_str(), c.secret.expose_secret()))
            .collect();
        assert_eq!(read, [("MOSIP", "a:b=c"), ("Health data", "s")]);
        for wrong in [
            "MOSIP",
            "MOSIP=x:y",
            &format!("={id}:y"),
            &format!("MOSIP={id}:"),
        ] {
            assert!(wrong.parse::<Presets>().is_err(), "{wrong}");
        }
    }
}

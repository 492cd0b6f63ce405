// SPDX-License-Identifier: MPL-2.0
//! Verifiable credentials: a registered record, put into the words of a template of the country and
//! signed by an issuer. Core decides who may see the record; the issuer learns what the template names.

mod qr;

use crate::core_client::locations::{LocationCache, LocationIndex};
use crate::core_client::{Core, CoreError};
use crate::delivery::transport::reply;
use crate::fault::Fault;
use country::credential_template::{CredentialKind, CredentialTemplate};
use opencrvs_toolkit::event_document::{Action, EventDocument, EventId, Fields, History};
use opencrvs_toolkit::visibility::Visible;
use opencrvs_toolkit::writer::custom_action;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use rules::expression::Facts;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tracing::info;

pub use qr::QrError;

/// The form gives up after ten seconds; core is asked before.
const TIMEOUT: Duration = Duration::from_secs(6);
/// No credential or offer is as large.
const REPLY_LIMIT: usize = 64 * 1024;

/// An issuer, which signs credentials of a kind.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// The URL for requests.
    pub url: Url,
    /// This server's own credential there.
    pub token: Option<SecretString>,
}

/// The reason why no credential is issued.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// No issuer of this kind is set.
    #[error("no issuer is configured for credentials of the kind `{}`", .0.name())]
    Off(CredentialKind),
    /// Core does not show the record.
    #[error("core does not show the record `{0}`")]
    Record(EventId, #[source] CoreError),
    /// The country has no template for this.
    #[error("there is no credential of the kind `{}` for a `{event}`", kind.name())]
    NoTemplate {
        /// Of this kind.
        kind: CredentialKind,
        /// For this event type.
        event: String,
    },
    /// The caller may not do this with records of this type.
    #[error("the token does not allow credentials of a `{0}`")]
    NotAllowed(String),
    /// It is not registered, or in the archive.
    #[error("the record is not registered")]
    NotRegistered,
    /// Its registration was revoked.
    #[error("the registration of the record is revoked")]
    Revoked,
    /// An action or a correction waits.
    #[error("the record has a pending action or correction")]
    Unsettled,
    /// The record does not say what a credential needs.
    #[error("the record has no `{0}`")]
    Lacks(String),
    /// Core does not give its places.
    #[error("could not get locations from core")]
    Places(#[source] CoreError),
    /// The issuer cannot be reached, or does not answer in time.
    #[error("the issuer does not answer")]
    Issuer(#[source] Fault),
    /// The issuer refuses.
    #[error("the issuer answered {0}")]
    Refused(StatusCode),
    /// The issuer's answer is neither the URI of an offer nor a signed text.
    #[error("the issuer's answer is not a credential")]
    Answer,
}

/// Asks issuers for credentials.
pub struct Credentials {
    /// Sends requests.
    pub client: Client,
    /// Shows records.
    pub core: Arc<Core>,
    /// Gives the names of places.
    pub atlas: Arc<LocationCache>,
    /// The issuer of offered credentials.
    pub offer: Option<Issuer>,
    /// The issuer of printed credentials.
    pub paper: Option<Issuer>,
}

impl Credentials {
    /// The issuer that signs credentials of a kind.
    ///
    /// # Errors
    /// When none is configured.
    pub fn issuer(&self, kind: CredentialKind) -> Result<&Issuer, CredentialError> {
        let issuer = match kind {
            CredentialKind::Offer => &self.offer,
            CredentialKind::Paper => &self.paper,
        };
        issuer.as_ref().ok_or(CredentialError::Off(kind))
    }

    /// The issuer's answer about a record that the bearer of a token may see: a credential, or the URI of
    /// its offer. `visible` tells which answers count today; `may` says whether the bearer may have one of
    /// an event type.
    ///
    /// # Errors
    /// When there is none.
    pub async fn issue(
        &self,
        kind: CredentialKind,
        event: &EventId,
        templates: &[CredentialTemplate],
        visible: Visible<'_>,
        token: &str,
        may: impl Fn(&str) -> bool,
    ) -> Result<String, CredentialError> {
        let issuer = self.issuer(kind)?;
        let record = self.core.record(event, token).await;
        let record = record.map_err(|error| CredentialError::Record(event.clone(), error))?;
        let event_type = &record.event_type;
        if !may(event_type) {
            return Err(CredentialError::NotAllowed(event_type.clone()));
        }
        let template = templates
            .iter()
            .find(|t| t.kind == kind && t.event == *event_type);
        let template = template.ok_or_else(|| CredentialError::NoTemplate {
            kind,
            event: event_type.clone(),
        })?;
        let request = self.request(template, &record, visible, token).await?;
        let answer = self.ask(issuer, &request).await?;
        let answer = answer.trim().trim_matches('"');
        if !is_answer(kind, answer) {
            return Err(CredentialError::Answer);
        }
        let what = kind.name();
        info!(event.id = %event, kind = what, "A credential of `{event}` was issued ({what})");
        Ok(answer.to_owned())
    }

    async fn request(
        &self,
        template: &CredentialTemplate,
        record: &EventDocument,
        visible: Visible<'_>,
        token: &str,
    ) -> Result<Value, CredentialError> {
        let history = record.history();
        let registration = history
            .registration()
            .ok_or(CredentialError::NotRegistered)?;
        if is_revoked(&history) {
            return Err(CredentialError::Revoked);
        }
        if history.is_unsettled() {
            return Err(CredentialError::Unsettled);
        }
        let mut state = history.current_state(visible);
        if let Some(field) = template
            .required
            .iter()
            .find(|field| !state.contains_key(*field))
        {
            return Err(CredentialError::Lacks(field.clone()));
        }
        let place = |field: &str| Some(state.get(field)?.as_str()?.to_owned());
        let named = template.places.iter();
        let named: Vec<_> = named
            .filter_map(|(name, field)| Some((name.clone(), place(field)?)))
            .collect();
        if !named.is_empty() {
            let map = self
                .atlas
                .map(Some(token))
                .await
                .map_err(CredentialError::Places)?;
            name_places(&mut state, named, &map);
        }
        Ok(template.request(&Facts {
            event: record,
            action: registration,
            state: &state,
            today: visible.today(),
            registration_number: history.registration_number(),
        }))
    }

    async fn ask(&self, issuer: &Issuer, request: &Value) -> Result<String, CredentialError> {
        let mut asked = self
            .client
            .post(issuer.url.clone())
            .timeout(TIMEOUT)
            .header(CONTENT_TYPE, "application/json")
            .body(request.to_string());
        if let Some(token) = &issuer.token {
            asked = asked.bearer_auth(token.expose_secret());
        }
        // The issuer's URL may hold a secret.
        let unanswered = |error: reqwest::Error| CredentialError::Issuer(error.into());
        let mut response = asked.send().await.map_err(unanswered)?;
        if !response.status().is_success() {
            return Err(CredentialError::Refused(response.status()));
        }
        let answer = reply(&mut response, REPLY_LIMIT)
            .await
            .map_err(unanswered)?;
        if answer.len() > REPLY_LIMIT {
            return Err(CredentialError::Answer);
        }
        String::from_utf8(answer).map_err(|_| CredentialError::Answer)
    }
}

/// True if the issuer's answer has the expected form: the URI of an offer, or three parts of a signed
/// text.
fn is_answer(kind: CredentialKind, answer: &str) -> bool {
    let plain = answer.bytes().all(|byte| byte.is_ascii_graphic());
    let base64 = |part: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !part.is_empty() && part.bytes().all(letter)
    };
    match kind {
        CredentialKind::Offer => {
            plain
                && answer
                    .split_once("://")
                    .is_some_and(|(scheme, _)| !scheme.is_empty())
        }
        CredentialKind::Paper => answer.split('.').count() == 3 && answer.split('.').all(base64),
    }
}

/// The QR code of an answer, as a `data:` URL: large and dense if it is printed.
///
/// # Errors
/// An answer that is too long.
pub fn picture(kind: CredentialKind, answer: &str) -> Result<String, QrError> {
    match kind {
        CredentialKind::Offer => qr::data_url(answer, 300, qr::Spare::Some),
        CredentialKind::Paper => qr::data_url(answer, 600, qr::Spare::Little),
    }
}

/// True if a registration was revoked, and not reinstated since.
fn is_revoked(history: &History<'_>) -> bool {
    let accepted = history.accepted_actions();
    let last = |custom: &str| {
        let is = |action: &&Action| custom_action(action) == Some(custom);
        accepted.iter().rposition(is)
    };
    last("REVOKE_REGISTRATION") > last("REINSTATE_REVOKE_REGISTRATION")
}

/// Adds the names of places to the answers of a record.
fn name_places(state: &mut Fields, fields: Vec<(String, String)>, map: &LocationIndex) {
    for (name, id) in fields {
        let names = map.names(&id);
        if let Some(first) = names.first() {
            state.insert(format!("{name}.name"), json!(first));
            state.insert(format!("{name}.full"), json!(names.join(", ")));
        }
    }
}

#[cfg(test)]
mod tests;

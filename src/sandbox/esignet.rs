// SPDX-License-Identifier: MPL-2.0
//! eSignet: its login page, codes and tokens, and the person's data, which the middleware fetches for a form.

use super::journal::{ESIGNET, Entry, MIDDLEWARE};
use super::mosip::{Person, first_and_last};
use super::{BadDay, StandIns};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Number of logins in progress.
const UNDER_WAY: usize = 100;

/// A login with its code.
struct Login {
    nid: String,
    client_id: String,
    redirect_uri: String,
}

/// Codes and tokens that were issued and not used yet.
#[derive(Default)]
pub(super) struct Esignet {
    codes: Mutex<HashMap<String, Login>>,
    tokens: Mutex<HashMap<String, Login>>,
}

/// The parameters of the login page.
#[derive(Debug, Clone, serde::Deserialize)]
pub(super) struct Authorize {
    pub(super) client_id: String,
    pub(super) response_type: String,
    pub(super) scope: String,
    pub(super) acr_values: String,
    pub(super) claims: String,
    pub(super) redirect_uri: String,
    pub(super) state: String,
}

impl Authorize {
    /// The reason why eSignet shows no login page.
    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.response_type != "code" {
            return Some("response_type is not `code`");
        }
        if !self.scope.split_whitespace().any(|scope| scope == "openid") {
            return Some("scope has no `openid`");
        }
        if serde_json::from_str::<Value>(&self.claims).is_err() {
            return Some("claims is not JSON");
        }
        if reqwest::Url::parse(&self.redirect_uri).is_err() {
            return Some("redirect_uri is not a URL");
        }
        self.acr_values.is_empty().then_some("acr_values is empty")
    }

    /// The URL to which the browser returns.
    pub(super) fn back(&self, answer: &[(&str, &str)]) -> Option<String> {
        let mut url = reqwest::Url::parse(&self.redirect_uri).ok()?;
        url.query_pairs_mut()
            .extend_pairs(answer)
            .append_pair("state", &self.state);
        Some(url.into())
    }
}

impl Esignet {
    /// A code for a person who has logged in.
    pub(super) fn code(&self, nid: &str, asked: &Authorize) -> String {
        let login = Login {
            nid: nid.to_owned(),
            client_id: asked.client_id.clone(),
            redirect_uri: without_query(&asked.redirect_uri),
        };
        keep(&self.codes, login)
    }

    /// A token for a code, which can be used once.
    pub(super) fn token(&self, code: &str, client_id: &str, redirect_uri: &str) -> Option<String> {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        let login = codes.remove(code)?;
        drop(codes);
        let fits =
            login.client_id == client_id && login.redirect_uri == without_query(redirect_uri);
        fits.then(|| keep(&self.tokens, login))
    }

    /// The number of the person of a token, which can be used once.
    fn nid(&self, token: &str) -> Option<String> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        Some(tokens.remove(token)?.nid)
    }
}

fn keep(logins: &Mutex<HashMap<String, Login>>, login: Login) -> String {
    let mut logins = logins.lock().unwrap_or_else(PoisonError::into_inner);
    if logins.len() >= UNDER_WAY {
        logins.clear();
    }
    let key = super::core_stand_in::fresh_id();
    logins.insert(key.clone(), login);
    key
}

fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// The data of a person.
fn user_info(person: &Person) -> Value {
    json!({
        // The person's token at this partner: it is not the national ID, and always 36 characters.
        "sub": format!("27053860119348205716439025{}", person.nid),
        "name": person.name(),
        "gender": person.gender,
        "birthdate": person.birth_date.replace('-', "/"),
        "individual_id": person.nid,
    })
}

impl StandIns {
    /// The data of the person of a token.
    pub(super) fn user_info(&self, token: &str) -> Option<Value> {
        let nid = self.esignet.nid(token)?;
        let person = self.mosip.person(&nid).filter(|person| !person.deceased)?;
        Some(user_info(&person))
    }

    /// `POST /esignet/get-oidp-user-info`: the middleware exchanges a code for the data of the form.
    pub(super) fn oidp_user_info(
        &self,
        token: Option<&str>,
        query: &HashMap<String, String>,
        body: &Value,
    ) -> (u16, Value) {
        let fault = || (500, json!({"error": "An unexpected error occurred"}));
        if token.and_then(|token| self.signer_claims(token)).is_none() {
            return (401, json!({"error": "Unauthorized"}));
        }
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let (Some(code), Some(_), Some(client), Some(redirect)) = (
            query.get("code"),
            query.get("state"),
            text("clientId"),
            text("redirectUri"),
        ) else {
            return fault();
        };
        let entry = Entry::new(MIDDLEWARE, ESIGNET, "Data of the person who logged in");
        if self.bad_days.meets(None, BadDay::VerifyDown) {
            self.journal.write(entry.answered(500, &Value::Null));
            return fault();
        }
        let token = self.esignet.token(code, client, redirect);
        let Some(info) = token.and_then(|token| self.user_info(&token)) else {
            self.journal.write(entry.answered(500, &Value::Null));
            return fault();
        };
        self.journal.write(entry.answered(200, &info));
        let said = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or_default();
        let (firstname, surname) = first_and_last(said("name"));
        let born = said("birthdate").replace('/', "-");
        let nid = info.get("individual_id").cloned().unwrap_or_default();
        let id_type = if nid.is_null() {
            Value::Null
        } else {
            "NATIONAL_ID".into()
        };
        let answer = json!({
            "sub": said("sub"),
            "name": {"firstname": firstname, "surname": surname},
            "gender": said("gender").to_lowercase(),
            "birthDate": born,
            "dobUnknown": born.is_empty().then_some(true),
            "verificationStatus": "authenticated",
            "idType": id_type,
            "nid": nid,
        });
        (200, answer)
    }
}

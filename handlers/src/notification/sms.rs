// SPDX-License-Identifier: MPL-2.0
//! SMS through a gateway: that of Infobip, or another that `sms.toml` describes.

use crate::delivery::outcome::Outcome;
use crate::delivery::transport::{reply, unanswered};
use crate::fault::{self, Fault};
use async_trait::async_trait;
use country::notification::sms::description::Description;
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// The timeout of a gateway.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum size of a reply that is read; a longer one says nothing about success.
const REPLY_LIMIT: usize = 64 * 1024;

/// Sends text messages to telephones.
#[async_trait]
pub trait Sms: Send + Sync {
    /// One attempt; the number is international, `+260…`.
    async fn send(&self, number: &str, text: &str) -> Outcome;

    /// Connects, and sends nothing; returns the host.
    ///
    /// # Errors
    /// The reason why the gateway cannot be reached.
    async fn reach(&self) -> Result<String, Fault>;
}

/// The settings of SMS gateways.
#[derive(Clone)]
pub struct SmsSettings {
    /// Sends requests.
    pub client: Client,
    /// The gateway of Infobip, used if the country describes no other.
    pub infobip: Option<Arc<Description>>,
    /// True in the sandbox: the gateway that the country describes is not used.
    pub ignores_own_gateway: bool,
    /// The secret of Infobip.
    pub infobip_key: SecretString,
    /// The secret of the gateway that the country describes.
    pub gateway_key: SecretString,
    /// The sender of texts.
    pub sender: String,
    /// Without a gateway no text is sent; in development a log line replaces each text.
    pub production: bool,
}

/// A gateway over HTTP.
pub struct HttpGateway {
    client: Client,
    description: Arc<Description>,
    key: SecretString,
    sender: String,
}

impl HttpGateway {
    /// `key` and `sender` are what the description calls so.
    pub fn new(
        client: Client,
        description: Arc<Description>,
        key: SecretString,
        sender: String,
    ) -> Self {
        Self {
            client,
            description,
            key,
            sender,
        }
    }

    fn request(&self, number: &str, text: &str) -> Option<RequestBuilder> {
        let values = [
            ("number", number),
            ("digits", number.trim_start_matches('+')),
            ("text", text),
            ("key", self.key.expose_secret()),
            ("sender", &self.sender),
        ];
        let asked = self.description.request(values)?;
        let request = self.client.request(asked.method, asked.url);
        let request = request.headers(asked.headers);
        Some(match asked.body {
            Some(body) => request.body(body),
            None => request,
        })
    }
}

#[async_trait]
impl Sms for HttpGateway {
    async fn reach(&self) -> Result<String, Fault> {
        let request = self
            .request("+260700000000", "")
            .and_then(|r| r.build().ok());
        let mut url = request
            .ok_or_else(|| Fault::at("sms.toml", "the URL cannot be made"))?
            .url()
            .clone();
        // Nothing of the request but its host.
        url.set_path("/");
        url.set_query(None);
        self.client
            .head(url.clone())
            .timeout(TIMEOUT)
            .send()
            .await?;
        Ok(fault::host(&url).unwrap_or_default())
    }

    async fn send(&self, number: &str, text: &str) -> Outcome {
        let Some(request) = self.request(number, text) else {
            return Outcome::Unprepared;
        };
        let mut response = match request.timeout(TIMEOUT).send().await {
            Ok(response) => response,
            Err(error) => return unanswered(&error),
        };
        let status = response.status();
        let reply = match reply(&mut response, REPLY_LIMIT).await {
            Ok(reply) => reply,
            Err(error) => return unanswered(&error),
        };
        if self
            .description
            .took(status.as_u16(), &String::from_utf8_lossy(&reply))
        {
            return Outcome::Delivered(status);
        }
        fault::note(fault::of_status(response.url(), status));
        match status {
            // The number or the text is at fault; a key that is wrong an operator can put right.
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Outcome::Refused(status),
            _ => Outcome::Failed(status, None),
        }
    }
}

#[cfg(test)]
mod tests;

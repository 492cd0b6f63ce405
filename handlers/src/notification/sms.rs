// SPDX-License-Identifier: MPL-2.0
//! SMS through a gateway: that of Infobip, or another that `sms.toml` describes.

use crate::annotated_toml::{Reader, Section};
use crate::diagnostic::Diagnostic;
use crate::fault::{self, Fault};
use crate::outside::{Outcome, unanswered};
use async_trait::async_trait;
use description::Description;
use phonenumber::{Mode, country};
use reqwest::{Client, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

pub mod description;

/// The longest that a gateway may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// So much of a reply is read; what is longer says nothing about success.
const REPLY_LIMIT: usize = 64 * 1024;

/// Brings a text to a telephone.
#[async_trait]
pub trait Sms: Send + Sync {
    /// One attempt; the number is international, `+260…`.
    async fn send(&self, number: &str, text: &str) -> Outcome;

    /// Connects, and sends nothing; gives the host.
    ///
    /// # Errors
    /// Why the gateway cannot be reached.
    async fn reach(&self) -> Result<String, Fault>;
}

/// `sms.toml`: whose numbers are meant, and by which gateway texts go.
pub struct SmsFile {
    /// Numbers without a country code are of this country.
    pub region: Region,
    /// Line and column of the region in the file, from 1.
    pub region_at: (usize, usize),
    /// Another gateway than that of Infobip.
    pub gateway: Option<Description>,
}

/// The country whose national numbers are meant.
#[derive(Debug, Clone, Copy)]
pub struct Region(country::Id);

impl Region {
    /// Its code of two letters.
    pub fn code(&self) -> &str {
        self.0.as_ref()
    }

    /// The number as it is dialled from anywhere; nothing for what is no number.
    pub fn international(self, number: &str) -> Option<String> {
        let parsed = phonenumber::parse(Some(self.0), number).ok()?;
        Some(parsed.format().mode(Mode::E164).to_string())
    }
}

impl SmsFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader::new(file, text);
        let document = reader.document();
        let parsed = document.as_ref().and_then(|document| {
            let root = Section::root(document);
            root.only(&mut reader, &["region", "gateway"]);
            let region = region(&root, &mut reader);
            let gateway = root.section(&mut reader, "gateway", "the gateway".into());
            let gateway = gateway.map(|gateway| Description::read(&gateway, &mut reader));
            let region = region?;
            Some(Self {
                region: Region(region.0),
                region_at: reader.position(region.1.start),
                gateway: gateway.flatten(),
            })
        });
        let failed = reader.failed();
        parsed
            .filter(|_| !failed)
            .ok_or_else(|| reader.into_found())
    }
}

fn region(root: &Section<'_>, reader: &mut Reader<'_>) -> Option<(country::Id, Range<usize>)> {
    let code = root.required_text(reader, "region")?;
    let id = country::Id::from_str(code.value).ok();
    if id.is_none() {
        let hint = "two letters of ISO 3166, like `ZM`".to_owned();
        let message = format!("`{}` is no country whose numbers are known", code.value);
        reader.error(code.span.clone(), message, Some(hint));
    }
    Some((id?, code.span))
}

/// A gateway over HTTP.
pub struct HttpGateway {
    client: Client,
    description: Description,
    key: SecretString,
    sender: String,
}

impl HttpGateway {
    /// `key` and `sender` are what the description calls so.
    pub fn new(
        client: Client,
        description: Description,
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
        self.description.request(&self.client, values)
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
        let mut reply = Vec::new();
        while reply.len() <= REPLY_LIMIT {
            match response.chunk().await {
                Ok(Some(chunk)) => reply.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return unanswered(&error),
            }
        }
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

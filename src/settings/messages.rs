// SPDX-License-Identifier: MPL-2.0
//! Settings about messages: mail server, SMS gateway, and messages per minute.

use super::{Reader, WebUrl};
use country::notification::sms::description::Description;
use handlers::notification::{Mailbox, SmtpSettings};
use secrecy::SecretString;
use std::num::NonZeroU32;
use std::sync::Arc;

/// The settings about messages.
#[derive(Debug, Clone)]
pub struct Messages {
    /// `SMTP_HOST` and the settings that belong to it; none without a mail server.
    pub smtp: Option<SmtpSettings>,
    /// `SENDER_EMAIL_ADDRESS`, as alerts name it.
    pub sender: Option<Mailbox>,
    /// `ALERT_EMAIL`: the address of the installation's operators.
    pub alert_email: String,
    /// `EMAIL_ROUTE_TOKEN`: admits callers from outside the cluster to `POST /email`.
    pub email_route_token: Option<SecretString>,
    /// The gateway at `INFOBIP_GATEWAY_ENDPOINT`.
    pub infobip: Option<Arc<Description>>,
    /// `INFOBIP_API_KEY`.
    pub infobip_key: Option<SecretString>,
    /// `INFOBIP_SENDER_ID`.
    pub infobip_sender: String,
    /// The gateway of `sms.toml` is not used. Not a setting: the sandbox sends nothing to anybody.
    pub ignores_own_gateway: bool,
    /// `SMS_GATEWAY_KEY`: the secret of the gateway that `sms.toml` describes.
    pub sms_gateway_key: Option<SecretString>,
    /// `MESSAGES_PER_RECIPIENT`: messages per minute and recipient, where no token is required.
    pub per_recipient: NonZeroU32,
    /// `MESSAGES_PER_MINUTE`: messages per minute to all recipients together.
    pub per_minute: NonZeroU32,
}

impl Messages {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let sender = reader.given("SENDER_EMAIL_ADDRESS");
        let sender = sender.map(|_| reader.parsed("SENDER_EMAIL_ADDRESS"));
        let secret = |reader: &Reader, name| reader.given(name).map(SecretString::from);
        Self {
            smtp: smtp(reader, sender.clone()),
            sender,
            alert_email: reader.parsed("ALERT_EMAIL"),
            email_route_token: secret(reader, "EMAIL_ROUTE_TOKEN"),
            infobip: reader
                .given("INFOBIP_GATEWAY_ENDPOINT")
                .map(|_| reader.read("INFOBIP_GATEWAY_ENDPOINT", infobip)),
            infobip_key: secret(reader, "INFOBIP_API_KEY"),
            infobip_sender: reader.given("INFOBIP_SENDER_ID").unwrap_or_default(),
            ignores_own_gateway: false,
            sms_gateway_key: secret(reader, "SMS_GATEWAY_KEY"),
            per_recipient: reader.parsed("MESSAGES_PER_RECIPIENT"),
            per_minute: reader.parsed("MESSAGES_PER_MINUTE"),
        }
    }
}

fn infobip(endpoint: &str) -> Result<Arc<Description>, String> {
    let endpoint: WebUrl = endpoint.parse()?;
    Description::infobip(endpoint.as_str()).map(Arc::new)
}

fn smtp(reader: &mut Reader, sender: Option<Mailbox>) -> Option<SmtpSettings> {
    let port = reader.parsed("SMTP_PORT");
    let implicit_tls = reader.parsed("SMTP_SECURE");
    let require_tls = reader.parsed("SMTP_REQUIRE_TLS");
    let [name, password] = ["SMTP_USERNAME", "SMTP_PASSWORD"].map(|name| reader.given(name));
    let host = reader.given("SMTP_HOST")?;
    let credentials = match (name, password) {
        (Some(name), Some(password)) => Some((name, SecretString::from(password))),
        (None, None) => None,
        (name, _) => {
            let missing = name.map_or("SMTP_USERNAME", |_| "SMTP_PASSWORD");
            // Charts set to the empty text what is not in use: a mail server without a login.
            if !reader.empty.contains(missing) {
                reader.problem(missing, "is not set, but the other half of the login is");
            }
            None
        }
    };
    if sender.is_none() {
        reader.problem("SENDER_EMAIL_ADDRESS", "is not set, but SMTP_HOST is");
    }
    Some(SmtpSettings {
        host,
        port,
        credentials,
        implicit_tls,
        require_tls,
        sender: sender?,
    })
}

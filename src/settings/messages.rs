// SPDX-License-Identifier: MPL-2.0
//! How people are told: mail server, SMS gateway, and what may be told in a minute.

use super::{Reader, WebUrl};
use handlers::notification::{Mailbox, SmtpSettings};
use secrecy::SecretString;
use std::num::NonZeroU32;

/// The settings about messages.
#[derive(Debug, Clone)]
pub struct Messages {
    /// `SMTP_HOST` and what belongs to it; nothing where there is no mail server.
    pub smtp: Option<SmtpSettings>,
    /// `SENDER_EMAIL_ADDRESS`, as alerts name it.
    pub sender: Option<Mailbox>,
    /// `ALERT_EMAIL`: who looks after the installation.
    pub alert_email: String,
    /// `EMAIL_ROUTE_TOKEN`: lets strangers in to `POST /email`.
    pub email_route_token: Option<SecretString>,
    /// `INFOBIP_GATEWAY_ENDPOINT`.
    pub infobip_endpoint: Option<WebUrl>,
    /// `INFOBIP_API_KEY`.
    pub infobip_key: Option<SecretString>,
    /// `INFOBIP_SENDER_ID`.
    pub infobip_sender: String,
    /// Texts go to Infobip's address even where `sms.toml` describes another gateway: no setting, but
    /// the sandbox, which sends nothing to anybody.
    pub ignores_own_gateway: bool,
    /// `SMS_GATEWAY_KEY`: the secret of the gateway that `sms.toml` describes.
    pub sms_gateway_key: Option<SecretString>,
    /// `MESSAGES_PER_RECIPIENT`: so many in a minute to one of them, where no token is asked for.
    pub per_recipient: NonZeroU32,
    /// `MESSAGES_PER_MINUTE`: so many in all.
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
            infobip_endpoint: reader
                .given("INFOBIP_GATEWAY_ENDPOINT")
                .map(|_| reader.parsed("INFOBIP_GATEWAY_ENDPOINT")),
            infobip_key: secret(reader, "INFOBIP_API_KEY"),
            infobip_sender: reader.given("INFOBIP_SENDER_ID").unwrap_or_default(),
            ignores_own_gateway: false,
            sms_gateway_key: secret(reader, "SMS_GATEWAY_KEY"),
            per_recipient: reader.parsed("MESSAGES_PER_RECIPIENT"),
            per_minute: reader.parsed("MESSAGES_PER_MINUTE"),
        }
    }
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

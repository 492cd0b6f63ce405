// SPDX-License-Identifier: MPL-2.0
//! People are told: users of core when core asks for it, informants after what they declared.
//!
//! - [`Users`] takes what core wants its users to be told
//! - [`Informants`] follows actions on births and deaths
//! - [`Sender`] brings a message to its [`smtp`] server or [`sms`] gateway, out of the ledger
//!
//! **Invariant:** whom something is told, and what, is in no log; the ledger forgets it once it is told.

mod informants;
mod offices;
mod sender;
pub mod sms;
pub mod smtp;
mod users;

use crate::delivery::ledger::Destination;
use country::notification::templates::Variables;
use country::notification::{DeliveryMethod, NotificationFiles};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub use informants::Informants;
pub use lettre::message::{Mailbox, Mailboxes};
pub use offices::Offices;
pub use sender::Sender;
use sms::{HttpGateway, Sms, SmsSettings};
pub use smtp::{Smtp, SmtpSettings};
pub use users::{Alert, NotTold, Recipient, Users};

/// Where messages go that reach people so.
pub(crate) fn destination(method: DeliveryMethod) -> Destination {
    match method {
        DeliveryMethod::Email => Destination::EMAIL,
        DeliveryMethod::Sms => Destination::SMS,
    }
}

/// A way out of the building.
pub enum Channel<T> {
    /// It is there.
    Open(T),
    /// None is set, and this is development: a log line stands for each message.
    Logged,
    /// None is set: nobody can be told.
    Closed,
}

impl<T> Channel<T> {
    /// The way, or what its absence means.
    pub fn of(way: Option<T>, production: bool) -> Self {
        match way {
            Some(way) => Self::Open(way),
            None if production => Self::Closed,
            None => Self::Logged,
        }
    }
}

/// How people are told: the country's files together with the settings. Replaced as a whole when the
/// files change.
pub struct NotificationConfig {
    /// What the country's files say.
    pub files: Arc<NotificationFiles>,
    /// Texts go there.
    pub sms: Channel<Arc<dyn Sms>>,
}

impl NotificationConfig {
    /// The gateway of the country, or that of Infobip where the settings name it.
    pub fn new(files: Arc<NotificationFiles>, settings: &SmsSettings) -> Self {
        let (own, infobip) = (&files.gateway, &settings.infobip);
        let own = own.as_ref().filter(|_| !settings.ignores_own_gateway);
        let own = own.map(|own| (own, &settings.gateway_key));
        let gateway = own.or(infobip.as_ref().map(|it| (it, &settings.infobip_key)));
        let gateway = gateway.map(|(description, key)| -> Arc<dyn Sms> {
            Arc::new(HttpGateway::new(
                settings.client.clone(),
                description.clone(),
                key.clone(),
                settings.sender.clone(),
            ))
        });
        Self {
            files,
            sms: Channel::of(gateway, settings.production),
        }
    }

    /// Whether nobody can be told that way.
    fn is_closed(&self, method: DeliveryMethod, mail: &Channel<Smtp>) -> bool {
        match method {
            DeliveryMethod::Email => matches!(mail, Channel::Closed),
            DeliveryMethod::Sms => matches!(self.sms, Channel::Closed),
        }
    }
}

/// A message in the ledger, not yet in words. It is private, so it has no `Debug`.
#[derive(Serialize, Deserialize)]
struct StoredMessage {
    /// Address or number.
    to: String,
    /// Who gets it instead, unseen by each other (Bcc).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hidden: Vec<String>,
    /// The recipient's language, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// What the templates may say.
    variables: Variables,
    /// Core's id of the office that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    office: Option<String>,
    /// From then on it is of no use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

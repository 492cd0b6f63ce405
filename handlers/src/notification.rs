// SPDX-License-Identifier: MPL-2.0
//! People are told: users of core when core asks for it, informants after what they declared.
//!
//! - [`messages`] is the table of what there is to tell; [`templates`] has the country's wording
//! - [`Users`] takes what core wants its users to be told
//! - [`Informants`] follows actions on births and deaths
//! - [`Post`] brings a message to its [`smtp`] server or [`sms`] gateway, out of the ledger
//!
//! **Invariant:** whom something is told, and what, is in no log; the ledger forgets it once it is told.

mod informants;
pub mod messages;
mod offices;
mod post;
pub mod sms;
pub mod smtp;
pub mod templates;
mod users;

use crate::ledger::Destination;
use jiff::Timestamp;
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::sync::Arc;

pub use informants::Informants;
pub use offices::Offices;
pub use post::Post;
use sms::{Region, Sms};
pub use smtp::{Smtp, SmtpSettings};
use templates::{Templates, Variables};
pub use users::{Alert, NotTold, Recipient, Users};

/// How people of one kind are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By e-mail.
    Email,
    /// By SMS.
    Sms,
}

impl FromStr for Method {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "email" => Ok(Self::Email),
            "sms" => Ok(Self::Sms),
            _ => Err(format!("`{word}` is neither `email` nor `sms`")),
        }
    }
}

impl Method {
    /// Where messages of this kind go.
    pub fn destination(self) -> Destination {
        match self {
            Self::Email => Destination::EMAIL,
            Self::Sms => Destination::SMS,
        }
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

/// The country's side of it: replaced as a whole when its files change.
pub struct Voice {
    /// What the country calls its system.
    pub application_name: String,
    /// Its logo as a PNG.
    pub logo: Vec<u8>,
    /// The wording.
    pub templates: Templates,
    /// How users of core are told.
    pub users: Method,
    /// How informants are told.
    pub informants: Method,
    /// Whose national numbers are meant.
    pub region: Region,
    /// Texts go there.
    pub sms: Channel<Arc<dyn Sms>>,
}

/// What stands in e-mails, from the settings.
pub struct Mail {
    /// `SMTP_HOST` and the like.
    pub smtp: Channel<Smtp>,
    /// `SENDER_EMAIL_ADDRESS`.
    pub sender: Mailbox,
}

/// A message in the ledger, not yet in words. It is private, so it has no `Debug`.
#[derive(Serialize, Deserialize)]
struct Note {
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

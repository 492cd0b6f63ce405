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
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub use informants::Informants;
pub use lettre::message::{Mailbox, Mailboxes};
pub use offices::Offices;
pub use post::Post;
use sms::{Region, Sms};
pub use smtp::{Smtp, SmtpSettings};
use templates::{Templates, Variables};
pub use users::{Alert, NotTold, Recipient, Users};

/// How messages reach people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryMethod {
    /// To their e-mail address.
    Email,
    /// To their phone.
    Sms,
}

impl DeliveryMethod {
    /// Both, by core's words.
    pub const ALL: [(&str, Self); 2] = [("email", Self::Email), ("sms", Self::Sms)];

    /// Core's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

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
    /// Its logo: content type and bytes.
    pub logo: (&'static str, Vec<u8>),
    /// The wording.
    pub templates: Templates,
    /// How users of core are told.
    pub users: DeliveryMethod,
    /// How informants are told.
    pub informants: DeliveryMethod,
    /// Whose national numbers are meant.
    pub region: Region,
    /// Texts go there.
    pub sms: Channel<Arc<dyn Sms>>,
}

impl Voice {
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

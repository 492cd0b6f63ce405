// SPDX-License-Identifier: MPL-2.0
//! Brings messages out of the ledger to people.

use super::sms::SmsSettings;
use super::{Channel, NotificationConfig, Offices, Smtp, StoredMessage};
use crate::clock::{Clock, later as later_than};
use crate::core_client::Core;
use crate::current::Current;
use crate::delivery::acceptance::Acceptance;
use crate::delivery::ledger::{Answer, Claimed, Destination, Entry, Ledger, NewDelivery, USER};
use crate::delivery::outcome::Outcome;
use crate::delivery::transport::Transport;
use async_trait::async_trait;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use country::notification::messages::Message;
use jiff::{SignedDuration, Timestamp};
use lettre::message::header::{ContentType, HeaderName, HeaderValue, To};
use lettre::message::{Attachment, Mailbox, Mailboxes, MultiPart, SinglePart};
use lettre::{Address, Message as Letter};
use opencrvs_toolkit::event_document::{ActionId, EventId};
use reqwest::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, info};

/// Whom a server does not take yet is tried again after this time.
const GREYLISTED: SignedDuration = SignedDuration::from_mins(5);

/// What the logo is called inside an e-mail.
const LOGO: &str = "logo";

/// The operation of an alert, which comes with its own words.
pub(super) const ALERT: &str = "alert";

/// Renders and sends.
pub struct Sender {
    /// The country's messages.
    pub config: Current<NotificationConfig>,
    /// How SMS gateways are reached.
    pub sms: SmsSettings,
    /// The way e-mails go.
    pub mail: Arc<Channel<Smtp>>,
    /// Tells whether there is a system client.
    pub core: Arc<Core>,
    /// Shows what became of an action that waits.
    pub acceptance: Arc<Acceptance>,
    /// Names of offices.
    pub offices: Offices,
    /// Addresses that a server takes later are written down as messages of their own.
    pub ledger: Arc<dyn Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Transport for Sender {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        self.attempt(delivery).await.unwrap_or_else(|end| end)
    }

    fn longest(&self) -> Option<Duration> {
        // Core may be asked before, about the action and about the office.
        Some(super::smtp::LONGEST + Duration::from_secs(15))
    }
}

impl Sender {
    async fn attempt(&self, delivery: &Claimed) -> Result<Outcome, Outcome> {
        let answer = self.acceptance.accepted(delivery).await?;
        let mut note: StoredMessage =
            serde_json::from_str(&delivery.payload).map_err(|_| Outcome::Unprepared)?;
        if note.until.is_some_and(|end| end <= self.clock.now()) {
            return Err(Outcome::Outdated);
        }
        if let Some(number) = answer.and_then(|answer| answer.registration_number) {
            let said = &mut note.variables;
            said.insert("registrationNumber".into(), number.into());
        }
        if let Some(id) = &note.office
            && let Some(name) = self.offices.name(id).await
        {
            note.variables.insert("crvsOffice".into(), name.into());
        }
        if delivery.destination == Destination::SMS {
            self.sms(delivery, note).await
        } else {
            self.email(delivery, note).await
        }
    }

    async fn sms(&self, delivery: &Claimed, mut note: StoredMessage) -> Result<Outcome, Outcome> {
        let config = self.config.load();
        let country = &config.files;
        let message = Message::named(&delivery.operation).ok_or(Outcome::Unprepared)?;
        let number = country.region.international(&note.to);
        let number = number.ok_or(Outcome::Refused(StatusCode::BAD_REQUEST))?;
        note.variables.insert(
            "applicationName".into(),
            country.application_name.clone().into(),
        );
        let text = country
            .templates
            .sms(message, note.language.as_deref(), note.variables);
        let text = text.ok().flatten().ok_or(Outcome::Unprepared)?;
        match &config.sms {
            Channel::Open(gateway) => Ok(gateway.send(&number, text.trim()).await),
            Channel::Logged => Ok(would_have_gone(delivery)),
            Channel::Closed => Err(Outcome::Unprepared),
        }
    }

    async fn email(&self, delivery: &Claimed, note: StoredMessage) -> Result<Outcome, Outcome> {
        // An address list, as monitoring may have one; what is no address is refused for good.
        let given: Vec<Mailbox> = match note.hidden.as_slice() {
            [] => note.to.parse::<Mailboxes>().into_iter().flatten().collect(),
            hidden => hidden
                .iter()
                .filter_map(|address| address.parse().ok())
                .collect(),
        };
        if given.is_empty() {
            return Err(Outcome::Refused(StatusCode::BAD_REQUEST));
        }
        let given = given.into_iter().map(|mailbox| ascii(mailbox).email);
        let recipients: Vec<_> = given.filter(|address| !is_example(address)).collect();
        if recipients.is_empty() {
            let operation = &delivery.operation;
            info!(event.id = %delivery.event_id, operation, "`{operation}` is for addresses at example.com and not sent");
            return Ok(Outcome::Delivered(StatusCode::OK));
        }
        let smtp = match &*self.mail {
            Channel::Open(smtp) => smtp,
            Channel::Logged => return Ok(would_have_gone(delivery)),
            Channel::Closed => return Err(Outcome::Unprepared),
        };
        let (sender, letter) = self
            .letter(delivery, &note, smtp.sender())
            .ok_or(Outcome::Unprepared)?;
        let sent = smtp.send(&sender, &recipients, &letter).await;
        if sent.refused > 0 && matches!(sent.outcome, Outcome::Delivered(_)) {
            let (refused, all) = (sent.refused, recipients.len());
            info!(event.id = %delivery.event_id, refused, "The mail server refused {refused} of {all} addresses permanently");
        }
        self.again(delivery, &note, sent.later).await;
        Ok(sent.outcome)
    }

    /// The e-mail as it goes over the wire, and who sends it.
    fn letter(
        &self,
        delivery: &Claimed,
        note: &StoredMessage,
        sender: &Mailbox,
    ) -> Option<(Address, Vec<u8>)> {
        let said = |variable: &str| note.variables.get(variable)?.as_str();
        let config = self.config.load();
        let country = &config.files;
        let alert = delivery.operation == ALERT;
        let mut sender = sender.clone();
        if alert && let Some(from) = said("from") {
            sender = from.parse().ok()?;
        } else if sender.name.is_none() {
            sender.name = Some(country.application_name.clone());
        }
        sender = ascii(sender);
        let domain = sender.email.domain().to_owned();
        // The same however often it is tried: who gets it twice can tell.
        let id = format!("<{}.{}@{domain}>", delivery.event_id, delivery.action_id);
        let to = note.to.parse::<Mailboxes>();
        let to = to.unwrap_or_else(|_| Mailboxes::from(sender.clone()));
        let to: Mailboxes = to.into_iter().map(ascii).collect();
        let builder = Letter::builder()
            .from(sender.clone())
            .mailbox(To::from(to))
            .message_id(Some(id));
        let letter = if alert {
            let html = said("html")?.to_owned();
            builder
                .subject(said("subject")?)
                .singlepart(SinglePart::html(html))
        } else {
            let message = Message::named(&delivery.operation)?;
            let mut variables = note.variables.clone();
            variables.insert(
                "applicationName".into(),
                country.application_name.clone().into(),
            );
            variables.insert("countryLogo".into(), format!("cid:{LOGO}").into());
            let words = country
                .templates
                .email(message, note.language.as_deref(), variables);
            let words = words.map_err(|fault| error!(error = %fault.reason(), "The template of `{}` cannot be filled in", message.word)).ok()?;
            let (kind, bytes) = &country.logo;
            let kind = ContentType::parse(kind).ok()?;
            let logo = Attachment::new_inline(LOGO.to_owned()).body(bytes.clone(), kind);
            let html = MultiPart::related()
                .singlepart(SinglePart::html(words.html))
                .singlepart(logo);
            let parts = MultiPart::alternative()
                .singlepart(SinglePart::plain(words.text))
                .multipart(html);
            builder.subject(words.subject).multipart(parts)
        };
        let mut letter = letter.ok()?;
        // Nobody is answered that they are on leave.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        letter
            .headers_mut()
            .insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
        Some((sender.email, letter.formatted()))
    }

    /// Whom the server takes later than the others gets a message of their own. It follows from the
    /// delivery, so that it is written down once.
    async fn again(&self, delivery: &Claimed, note: &StoredMessage, later: Vec<Address>) {
        let now = self.clock.now();
        for address in later {
            let alone = StoredMessage {
                to: note.to.clone(),
                hidden: vec![address.to_string()],
                language: note.language.clone(),
                variables: note.variables.clone(),
                office: None,
                until: note.until,
            };
            let id = id_of(&[delivery.event_id.as_str(), address.as_ref()]);
            let due_at = later_than(now, GREYLISTED);
            let entry = entry(
                &id,
                &delivery.operation,
                &delivery.destination,
                &alone,
                due_at,
            );
            let Some(entry) = entry else { continue };
            if let Err(fault) = self.ledger.record(&entry, now).await {
                error!(error = &fault as &dyn std::error::Error, event.id = %delivery.event_id, "Could not store the message `{}` for one of its recipients", delivery.operation);
            }
        }
    }
}

/// An entry of the ledger that belongs to no record.
pub(super) fn entry(
    id: &str,
    operation: &str,
    destination: &Destination,
    note: &StoredMessage,
    due_at: Timestamp,
) -> Option<Entry> {
    let delivery = NewDelivery {
        destination: destination.clone(),
        operation: operation.to_owned(),
        path: String::new(),
        payload: serde_json::to_value(note).ok()?,
        token: String::new(),
        due_at,
        fallback: None,
    };
    Some(Entry {
        event_id: EventId::new(id),
        action_id: ActionId::new(id),
        event_type: USER.to_owned(),
        action_type: operation.to_owned(),
        rule: None,
        decision: operation.to_owned(),
        registration_number: None,
        answer: Answer {
            status: 200,
            body: None,
        },
        deliveries: vec![delivery],
    })
}

/// An id that follows from texts, and does not tell them.
pub(super) fn id_of(texts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in texts {
        context.update(text.as_bytes());
        context.update(&[0]);
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

/// An internationalised domain as any mail server takes it (punycode).
fn ascii(mailbox: Mailbox) -> Mailbox {
    let address = &mailbox.email;
    let domain = idna::domain_to_ascii(address.domain()).ok();
    let ascii = domain.and_then(|domain| Address::new(address.user(), domain).ok());
    Mailbox {
        email: ascii.unwrap_or_else(|| address.clone()),
        name: mailbox.name,
    }
}

/// Addresses at example.com are nobody's: samples and tests use them.
fn is_example(address: &Address) -> bool {
    address.domain().eq_ignore_ascii_case("example.com")
}

fn would_have_gone(delivery: &Claimed) -> Outcome {
    let (operation, destination) = (&delivery.operation, delivery.destination.as_str());
    info!(event.id = %delivery.event_id, operation, "`{operation}` would have gone by {destination}: none is set in development");
    Outcome::Delivered(StatusCode::OK)
}

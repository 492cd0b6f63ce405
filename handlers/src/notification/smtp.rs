// SPDX-License-Identifier: MPL-2.0
//! E-mail through an SMTP server.
//!
//! The dialogue is implemented here, command by command: the transport of `lettre` fails a message for
//! all recipients when one address is refused, waits for an answer without a timeout, and may take the
//! late answer to one message for that to the next. Used from `lettre` are the client of a connection,
//! the commands and the writing of messages.

use crate::delivery::outcome::Outcome;
use crate::fault::{self, Fault};
use lettre::Address;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tracing::warn;

/// The timeout of one message, with all its recipients.
pub const LONGEST: Duration = Duration::from_mins(1);
/// The timeout until a server is ready for a message.
const CONNECT: Duration = Duration::from_secs(15);
/// The time after which an idle connection is not used any more: servers close them.
const IDLE: Duration = Duration::from_secs(30);
/// The maximum number of connections kept for the next messages.
const KEPT: usize = 4;
/// A kept connection answers within this time or is given up.
const ALIVE: Duration = Duration::from_secs(2);

/// The server and how it is reached.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// `SMTP_HOST`.
    pub host: String,
    /// `SMTP_PORT`.
    pub port: u16,
    /// `SMTP_USERNAME` and `SMTP_PASSWORD`.
    pub credentials: Option<(String, SecretString)>,
    /// `SMTP_SECURE`: the connection begins with TLS.
    pub implicit_tls: bool,
    /// `SENDER_EMAIL_ADDRESS`.
    pub sender: Mailbox,
    /// `SMTP_REQUIRE_TLS`: nothing is sent unencrypted, unless the server is this machine.
    pub require_tls: bool,
}

/// A server, with connections that wait for the next message.
pub struct Smtp {
    settings: SmtpSettings,
    tls: TlsParameters,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// The result of sending a message.
pub struct Sent {
    /// The outcome: delivered if any of its recipients was accepted.
    pub outcome: Outcome,
    /// The recipients to try again.
    pub later: Vec<Address>,
    /// The number of recipients that the server refuses permanently.
    pub refused: usize,
}

impl From<Outcome> for Sent {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            later: vec![],
            refused: 0,
        }
    }
}

impl Smtp {
    /// Does not connect yet.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub fn new(settings: SmtpSettings) -> Result<Self, Error> {
        let tls = TlsParameters::new(settings.host.clone())?;
        Ok(Self {
            settings,
            tls,
            idle: Mutex::default(),
        })
    }

    /// The sender.
    pub fn sender(&self) -> &Mailbox {
        &self.settings.sender
    }

    /// One attempt to bring a message to its recipients.
    pub async fn send(&self, sender: &Address, recipients: &[Address], message: &[u8]) -> Sent {
        let hello = ClientId::Domain(sender.domain().to_owned());
        let sending = async {
            let mut connection = match timeout(CONNECT, self.connection(&hello)).await {
                Ok(Ok(connection)) => connection,
                Ok(Err(error)) => {
                    fault::note(Fault::of_connection(&self.host(), &error));
                    return unconnected(&error).into();
                }
                Err(_) => return Outcome::Timeout.into(),
            };
            let sent = transaction(&mut connection, sender, recipients, message).await;
            match sent {
                Ok(sent) => {
                    self.keep(connection);
                    sent
                }
                // After that nobody knows where the dialogue stands.
                Err(error) => {
                    fault::note(Fault::of_connection(&self.host(), &error));
                    failure(&error).into()
                }
            }
        };
        // A connection that is given up here is closed and never used again.
        let sent: Sent = timeout(LONGEST, sending)
            .await
            .unwrap_or_else(|_| Outcome::Timeout.into());
        match sent.outcome {
            Outcome::Delivered(_) => {}
            Outcome::Timeout => fault::note(self.fault("timeout")),
            // What a server says in words may name whom it was told about.
            outcome => {
                if let Some(code) = outcome.status() {
                    fault::note(self.fault(&format!("answered {code}")));
                }
            }
        }
        sent
    }

    /// Connects and logs in as for a message, and sends none. `false` if the server offers no login.
    ///
    /// # Errors
    /// The reason why no message could be sent.
    pub async fn reach(&self) -> Result<bool, Fault> {
        let hello = ClientId::Domain(self.settings.sender.email.domain().to_owned());
        let mut connection = match timeout(CONNECT, self.connection(&hello)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                return Err(match error.status().map(u16::from) {
                    Some(code @ (530 | 534 | 535)) => {
                        self.fault(&format!("the login is refused ({code})"))
                    }
                    Some(code) => self.fault(&format!("answered {code}")),
                    None if error.is_client() => self.fault(&fault::with_causes(&error)),
                    None if error.is_response() => {
                        self.fault("the answer is not that of a mail server")
                    }
                    None => Fault::of_connection(&self.host(), &error),
                });
            }
            Err(_) => return Err(self.fault("timeout while waiting for the answer")),
        };
        let login = connection
            .server_info()
            .get_auth_mechanism(DEFAULT_MECHANISMS);
        let offers_login = login.is_some();
        // Whether it says goodbye does not matter.
        drop(timeout(ALIVE, connection.quit()).await);
        Ok(offers_login)
    }

    fn fault(&self, what: &str) -> Fault {
        Fault::at(&self.host(), what)
    }

    /// Host and port.
    pub fn host(&self) -> String {
        format!("{}:{}", self.settings.host, self.settings.port)
    }

    async fn connection(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, Error> {
        while let Some(mut connection) = self.take() {
            if timeout(ALIVE, connection.test_connected()).await == Ok(true) {
                return Ok(connection);
            }
        }
        let settings = &self.settings;
        let (host, port) = (settings.host.as_str(), settings.port);
        let implicit = settings.implicit_tls.then(|| self.tls.clone());
        let mut connection =
            AsyncSmtpConnection::connect_tokio1((host, port), Some(CONNECT), hello, implicit, None)
                .await?;
        // Where TLS is required, a server that does not offer it is an error.
        let required = settings.require_tls && !is_this_machine(host);
        if !settings.implicit_tls && (required || connection.can_starttls()) {
            connection.starttls(self.tls.clone(), hello).await?;
        }
        if let Some((name, password)) = &settings.credentials
            && connection
                .server_info()
                .get_auth_mechanism(DEFAULT_MECHANISMS)
                .is_some()
        {
            let credentials = Credentials::new(name.clone(), password.expose_secret().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    /// A connection that was used recently.
    fn take(&self) -> Option<AsyncSmtpConnection> {
        let mut kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, since)| since.elapsed() < IDLE);
        kept.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT && !connection.has_broken() {
            kept.push((connection, Instant::now()));
        }
    }
}

/// True if the server is this machine, so that nobody can eavesdrop.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Hands a message over. The connection is unusable after anything but success.
async fn transaction(
    connection: &mut AsyncSmtpConnection,
    sender: &Address,
    recipients: &[Address],
    message: &[u8],
) -> Result<Sent, Error> {
    let mut options = vec![];
    let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
    let utf8 = connection
        .server_info()
        .supports_feature(Extension::SmtpUtfEight);
    if utf8 && !recipients.iter().chain([sender]).all(is_ascii) {
        options.push(MailParameter::SmtpUtfEight);
    }
    // A server that does not take the sender takes no message at all: a fault of the settings.
    connection
        .command(Mail::new(Some(sender.clone()), options))
        .await?;
    let mut sent = Sent::from(Outcome::Unreachable);
    let (mut taken, mut last) = (0, None);
    for recipient in recipients {
        // Domains are ASCII by now. A name before the `@` that is not cannot be said to this server.
        if !utf8 && !is_ascii(recipient) {
            sent.refused += 1;
            continue;
        }
        match connection
            .command(Rcpt::new(recipient.clone(), vec![]))
            .await
        {
            Ok(_) => taken += 1,
            Err(error) if error.is_permanent() => {
                sent.refused += 1;
                last = last.or(Some(error));
            }
            Err(error) if error.is_transient() => {
                sent.later.push(recipient.clone());
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    if taken == 0 {
        connection.abort().await;
        // Where some may be taken later, all of them are tried again as they came.
        let means = if sent.later.is_empty() {
            ended
        } else {
            failure
        };
        let unspeakable = Outcome::Refused(StatusCode::BAD_REQUEST);
        return Ok(last.as_ref().map_or(unspeakable, means).into());
    }
    let handed_over = async {
        connection.command(Data).await?;
        connection.message(message).await
    };
    match handed_over.await {
        Ok(_) => sent.outcome = Outcome::Delivered(StatusCode::OK),
        Err(error) => {
            connection.abort().await;
            sent = ended(&error).into();
        }
    }
    Ok(sent)
}

/// The outcome of an error for the recipients or the message: 5xx is permanent.
fn ended(error: &Error) -> Outcome {
    match failure(error) {
        Outcome::Failed(status, _) if error.is_permanent() => Outcome::Refused(status),
        other => other,
    }
}

/// The outcome of an error that may be over the next time.
fn failure(error: &Error) -> Outcome {
    match error.status().map(u16::from) {
        // The server is about to leave.
        Some(421) => Outcome::Unreachable,
        Some(code) => StatusCode::from_u16(code)
            .map_or(Outcome::Unreachable, |status| Outcome::Failed(status, None)),
        None if error.is_timeout() => Outcome::Timeout,
        None => Outcome::Unreachable,
    }
}

/// The outcome without a connection. An answer may name recipients, so only its number is logged.
fn unconnected(error: &Error) -> Outcome {
    let status = error.status().map(u16::from);
    if status.is_some() || error.is_response() {
        warn!(status, "The mail server refused the login");
    } else {
        warn!(
            error = error as &dyn std::error::Error,
            "The mail server cannot be used"
        );
    }
    failure(error)
}

// SPDX-License-Identifier: MPL-2.0
//! A mail server and an SMS gateway whose messages are shown on one page.

use super::StandIns;
use super::journal::{Entry, INFORMANT, SERVER};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use handlers::clock::{Clock, SystemClock};
use jiff::Timestamp;
use mail_parser::{MessageParser, MimeHeaders};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Number of stored messages.
const KEPT: usize = 200;
/// Size limit of a message, in bytes.
const LONGEST: usize = 5 * 1024 * 1024;
/// Size limit of a line, in bytes.
const LINE: u64 = 64 * 1024;
/// A connection without input is closed after this time.
const SILENCE: Duration = Duration::from_mins(2);

/// A message.
#[derive(Debug, Clone, Default)]
pub(super) struct Received {
    pub(super) id: u64,
    pub(super) at: Timestamp,
    /// The record that it is about, if the message names it.
    pub(super) event: Option<String>,
    /// Addresses or a telephone number.
    pub(super) to: String,
    pub(super) subject: Option<String>,
    pub(super) text: String,
    /// HTML with its pictures embedded.
    pub(super) html: Option<String>,
}

/// All messages, the newest last.
#[derive(Default)]
pub(super) struct Inbox(Mutex<VecDeque<Received>>);

impl Inbox {
    fn take(&self, received: Received) -> u64 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = all.back().map_or(0, |last| last.id) + 1;
        all.push_back(Received {
            id,
            at: SystemClock.now(),
            ..received
        });
        if all.len() > KEPT {
            all.pop_front();
        }
        id
    }

    /// The newest first.
    pub(super) fn all(&self) -> Vec<Received> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().rev().cloned().collect()
    }

    /// One message.
    pub(super) fn one(&self, id: u64) -> Option<Received> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|received| received.id == id).cloned()
    }
}

impl StandIns {
    /// Accepts mail from any client. Never ends.
    pub(super) async fn take_mail(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let here = self.clone();
            // A client that goes away has lost its own message only.
            tokio::spawn(async move { drop(here.mail_from(stream).await) });
        }
    }

    /// The dialogue with one client.
    async fn mail_from(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut client = BufReader::new(stream);
        let (mut sender, mut to) = (false, Vec::new());
        client.write_all(b"220 sandbox\r\n").await?;
        while let Some(line) = line(&mut client).await? {
            let line = String::from_utf8_lossy(&line).into_owned();
            let upper = line.to_ascii_uppercase();
            let verb = upper.split([' ', ':']).next().unwrap_or_default();
            let reply: &[u8] = match verb {
                "EHLO" => b"250-sandbox\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
                "HELO" | "NOOP" => b"250 OK\r\n",
                "MAIL" => {
                    (sender, to) = (true, Vec::new());
                    b"250 OK\r\n"
                }
                "RCPT" if sender => match address(&line) {
                    Some(address) => {
                        to.push(address);
                        b"250 OK\r\n"
                    }
                    None => b"501 no address\r\n",
                },
                "DATA" if !to.is_empty() => {
                    client.write_all(b"354 go on\r\n").await?;
                    let Some(message) = message(&mut client).await? else {
                        client.write_all(b"552 too long\r\n").await?;
                        return Ok(());
                    };
                    self.take_letter(&to, &message);
                    (sender, to) = (false, Vec::new());
                    b"250 delivered\r\n"
                }
                "RCPT" | "DATA" => b"503 bad sequence\r\n",
                "RSET" => {
                    (sender, to) = (false, Vec::new());
                    b"250 OK\r\n"
                }
                "QUIT" => {
                    client.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => b"502 not implemented\r\n",
            };
            client.write_all(reply).await?;
        }
        Ok(())
    }

    fn take_letter(&self, to: &[String], message: &[u8]) {
        let Some(letter) = MessageParser::default().parse(message) else {
            return;
        };
        // This server's letters about a record name it: `<event.action@domain>`.
        let event = letter.message_id().and_then(|id| id.split('.').next());
        let event = event.filter(|id| self.core.record(id).is_some());
        let html = letter.body_html(0).map(|html| {
            letter.parts.iter().fold(html.into_owned(), |html, part| {
                let (Some(id), Some(kind)) = (part.content_id(), part.content_type()) else {
                    return html;
                };
                let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("png"));
                let picture = format!("data:{kind};base64,{}", STANDARD.encode(part.contents()));
                html.replace(&format!("cid:{id}"), &picture)
            })
        });
        let received = Received {
            event: event.map(str::to_owned),
            to: to.join(", "),
            subject: letter.subject().map(str::to_owned),
            text: letter.body_text(0).unwrap_or_default().into_owned(),
            html,
            ..Received::default()
        };
        let what = received.subject.clone().unwrap_or_default();
        let entry = Entry::new(SERVER, INFORMANT, format!("E-mail: {what}")).about(event);
        let body = json!({"to": received.to, "subject": received.subject, "text": received.text});
        let id = self.inbox.take(received);
        let note = format!("Message {id} of the inbox.");
        self.journal.write(entry.saying(&body).noting(note));
    }

    /// The answer of an SMS gateway like Infobip's.
    pub(super) fn take_sms(&self, authorization: Option<&str>, body: &Value) -> (u16, Value) {
        let refused = |id: &str, text: &str| json!({"requestError": {"serviceException": {"messageId": id, "text": text}}});
        if !authorization.is_some_and(|key| key.starts_with("App ") && key.len() > 4) {
            return (401, refused("UNAUTHORIZED", "Invalid login details"));
        }
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let (Some(to), Some(message)) = (
            text("/messages/0/destinations/0/recipient")
                .or_else(|| text("/messages/0/destinations/0/to")),
            text("/messages/0/text"),
        ) else {
            return (400, refused("BAD_REQUEST", "Bad Request"));
        };
        let id = self.inbox.take(Received {
            to: to.to_owned(),
            text: message.to_owned(),
            ..Received::default()
        });
        self.journal.write(
            Entry::new(SERVER, INFORMANT, "SMS").saying(&json!({"to": to, "text": message})),
        );
        let status = json!({"groupId": 1, "groupName": "PENDING"});
        let reply =
            json!({"messages": [{"messageId": id.to_string(), "to": to, "status": status}]});
        (200, reply)
    }
}

/// A line without its end; nothing at the end of the connection.
async fn line(client: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let reading = async { (&mut *client).take(LINE).read_until(b'\n', &mut line).await };
    tokio::time::timeout(SILENCE, reading).await??;
    if line.pop_if(|last| *last == b'\n').is_none() {
        return Ok(None);
    }
    line.pop_if(|last| *last == b'\r');
    Ok(Some(line))
}

/// A message up to its end; nothing if it is too long or breaks off.
async fn message(client: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    while let Some(line) = line(client).await? {
        if line == b"." {
            return Ok(Some(message));
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        message.extend_from_slice(b"\r\n");
        if message.len() > LONGEST {
            break;
        }
    }
    Ok(None)
}

/// The address of `RCPT TO:<address>`.
fn address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once('<')?;
    let (address, _) = rest.split_once('>')?;
    address.contains('@').then(|| address.to_owned())
}

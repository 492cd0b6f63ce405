// SPDX-License-Identifier: MPL-2.0
//! A real mail server as a process of its own, and the messages that it received.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{Message, MessageParser, MimeHeaders};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};

/// The Python with the server: Debian's (`apt-get install python3-aiosmtpd`), or another one that has it.
static PYTHON: LazyLock<&str> = LazyLock::new(|| {
    let has_it = |python: &&str| {
        let asked = Command::new(python)
            .args(["-c", "import aiosmtpd"])
            .output();
        asked.is_ok_and(|asked| asked.status.success())
    };
    let known = ["/usr/bin/python3", "python3"].into_iter().find(has_it);
    known.unwrap_or_else(|| {
        panic!("the tests need Python's aiosmtpd: apt-get install python3-aiosmtpd")
    })
});

/// A mail server for one test; it ends with the test.
pub struct MailServer {
    child: Child,
    /// The port on which it listens.
    pub port: u16,
    received: Arc<Mutex<Vec<Mail>>>,
}

/// A message that the server took.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// True if the connection was encrypted.
    pub tls: bool,
    /// True if the client had logged in.
    pub login: bool,
    /// The message as it came.
    pub data: Vec<u8>,
}

impl MailServer {
    /// Starts it with options of `smtp.py`.
    pub fn start(options: &[&str]) -> Self {
        let mut child = Command::new(*PYTHON)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/smtp.py"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next =
            move || -> Option<Value> { Some(serde_json::from_str(&said.next()?.ok()?).unwrap()) };
        let port = next().unwrap()["port"].as_u64().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = received.clone();
        std::thread::spawn(move || {
            while let Some(said) = next() {
                kept.lock().unwrap().push(Mail::of(&said));
            }
        });
        Self {
            child,
            port: port.try_into().unwrap(),
            received,
        }
    }

    /// The messages received so far.
    pub fn received(&self) -> Vec<Mail> {
        self.received.lock().unwrap().clone()
    }

    /// Waits for this number of messages, and returns all that were received.
    pub async fn wait_for(&self, wanted: usize) -> Vec<Mail> {
        crate::within("mail", async || self.received().len() >= wanted).await;
        self.received()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Mail {
    fn of(said: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            from: text(&said["from"]),
            to: said["to"].as_array().unwrap().iter().map(text).collect(),
            tls: said["tls"].as_bool().unwrap(),
            login: said["login"].as_bool().unwrap(),
            data: STANDARD.decode(text(&said["data"])).unwrap(),
        }
    }

    /// The message with its parts.
    pub fn parsed(&self) -> Message<'_> {
        MessageParser::default().parse(&self.data).unwrap()
    }

    /// Its subject.
    pub fn subject(&self) -> String {
        self.parsed().subject().unwrap().to_owned()
    }

    /// Its plain text.
    pub fn text(&self) -> String {
        self.parsed().body_text(0).unwrap().replace("\r\n", "\n")
    }

    /// Its HTML.
    pub fn html(&self) -> String {
        self.parsed().body_html(0).unwrap().replace("\r\n", "\n")
    }

    /// The first part of a kind of picture: its content id and its bytes.
    pub fn picture(&self) -> (String, Vec<u8>) {
        let message = self.parsed();
        let mut parts = message.parts.iter();
        let is_picture = |part: &&mail_parser::MessagePart<'_>| {
            part.content_type()
                .is_some_and(|kind| kind.ctype() == "image")
        };
        let picture = parts.find(is_picture).unwrap();
        let id = picture.content_id().unwrap().to_owned();
        (id, picture.contents().to_vec())
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Failures of requests to other systems, in words for operators: with the host, and never with a path,
//! a query or a body, which may hold secrets and names.

use reqwest::{StatusCode, Url};
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

/// A failed request. Its text says all that is known: there is no further source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    host: Option<String>,
    what: String,
}

impl Fault {
    /// A fault of a host.
    pub fn at(host: &str, what: impl Into<String>) -> Self {
        Self {
            host: Some(host.to_owned()),
            what: what.into(),
        }
    }

    /// The fault of an error of a connection to a host.
    pub fn of_connection(host: &str, error: &(dyn Error + 'static)) -> Self {
        let what = in_words(error).unwrap_or_else(|| "the connection broke".to_owned());
        Self::at(host, what)
    }

    /// The fault of an error of a database driver. The message of a database may hold values, so only its
    /// code is used.
    pub fn of_database(host: &str, error: &sqlx::Error) -> Self {
        let what = match error {
            sqlx::Error::PoolTimedOut => "timeout while connecting: refused, or silent".to_owned(),
            sqlx::Error::Database(refused) => {
                let code = refused.code().unwrap_or_default();
                match meaning(&code) {
                    Some(meaning) => format!("{meaning} (SQLSTATE {code})"),
                    None => format!("the database answered with SQLSTATE {code}"),
                }
            }
            sqlx::Error::Tls(_) => {
                in_words(error).unwrap_or_else(|| "TLS: no agreement with the database".to_owned())
            }
            other => in_words(other).unwrap_or_else(|| "the connection broke".to_owned()),
        };
        Self::at(host, what)
    }

    /// The words without the host.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{host}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl Error for Fault {}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&reqwest::Error> for Fault {
    fn from(error: &reqwest::Error) -> Self {
        let what = if error.is_timeout() && error.is_connect() {
            "timeout while connecting".to_owned()
        } else if error.is_timeout() {
            "timeout while waiting for the answer".to_owned()
        } else if error.is_decode() {
            "the answer is not what was asked for".to_owned()
        } else if let Some(words) = in_words(error) {
            words
        } else if error.is_connect() {
            "no connection".to_owned()
        } else {
            "the connection broke before the answer".to_owned()
        };
        Self {
            host: error.url().and_then(host),
            what,
        }
    }
}

/// Host and port of a URL.
pub fn host(url: &Url) -> Option<String> {
    let (host, port) = (url.host_str()?, url.port_or_known_default());
    Some(port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// The fault of a status, with the host that answered.
pub fn of_status(url: &Url, status: StatusCode) -> Fault {
    Fault {
        host: host(url),
        what: format!("answered {status}"),
    }
}

/// The meaning of a PostgreSQL code for the operator who has set the URL.
fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "28P01" | "28000" => "user or password is wrong",
        "3D000" => "there is no such database",
        "42501" => "the user may not do this",
        "42P01" | "3F000" => "the tables are missing",
        "53300" => "too many connections",
        "57P03" => "the database is starting or stopping",
        "25006" => "the database is read-only",
        "53100" => "the disk is full",
        _ => return None,
    })
}

/// The meaning of an error, from the cause that says most.
fn in_words(error: &(dyn Error + 'static)) -> Option<String> {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    let mut told = None;
    for error in chain {
        let text = error.to_string();
        if text.starts_with("dns error") || text.contains("failed to lookup address") {
            return Some("the name is not resolved (DNS)".to_owned());
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // Errors of TLS come inside one of the operating system's kind.
            let inner = io.get_ref().map(ToString::to_string);
            told = of_io(io.kind(), inner.as_deref()).or(told);
        } else if is_of_tls(&text) {
            told = Some(of_tls(&text));
        } else if text.contains("invalid HTTP") {
            told = Some("the answer is not HTTP; does the port want https?".to_owned());
        } else if text.contains("connection closed before message completed") {
            told = told.or_else(|| Some("the connection was closed before the answer".to_owned()));
        } else if text.starts_with("tunnel error") || text.contains("unsuccessful tunnel") {
            told = Some("the proxy of HTTP_PROXY or HTTPS_PROXY does not connect".to_owned());
        }
    }
    told
}

fn of_io(kind: ErrorKind, inner: Option<&str>) -> Option<String> {
    if let Some(inner) = inner
        && (kind == ErrorKind::InvalidData || is_of_tls(inner))
    {
        return Some(of_tls(inner));
    }
    let words = match kind {
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            "no route to the host"
        }
        ErrorKind::TimedOut => "timeout while connecting",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "the connection was reset"
        }
        ErrorKind::UnexpectedEof => "the connection was closed before the answer",
        ErrorKind::PermissionDenied => "the system does not allow the connection",
        ErrorKind::NotFound => "there is no such socket",
        _ => return None,
    };
    Some(words.to_owned())
}

fn is_of_tls(text: &str) -> bool {
    let words = [
        "certificate",
        "TLS",
        "InvalidContentType",
        "peer is incompatible",
        "tls handshake",
    ];
    words.iter().any(|word| text.contains(word))
}

fn of_tls(text: &str) -> String {
    if text.contains("InvalidContentType") {
        return "TLS: the port does not speak TLS".to_owned();
    }
    format!("TLS: {text}")
}

/// An error with all its causes, in one line.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |&error| error.source());
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    // Some errors repeat the cause in their own text.
    texts.dedup_by(|cause, error| error.contains(cause.as_str()));
    texts.join(": ")
}

tokio::task_local! {
    /// The reason for the end of the attempt under way. It is kept here and not returned, as the code that
    /// meets a fault does not decide the outcome, and the code that decides needs no words.
    static REASON: RefCell<Option<String>>;
}

/// Runs an attempt; also returns the last reason that was noted meanwhile.
pub async fn noting<T>(attempt: impl Future<Output = T>) -> (T, Option<String>) {
    let noted = async {
        let ended = attempt.await;
        (ended, REASON.with(RefCell::take))
    };
    REASON.scope(RefCell::default(), noted).await
}

/// Notes the reason for the end of the attempt under way. Outside an attempt it is ignored.
pub fn note(reason: impl fmt::Display) {
    // Fails outside an attempt only.
    drop(REASON.try_with(|noted| noted.replace(Some(reason.to_string()))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_reason_of_an_attempt_is_kept_and_none_of_another() {
        note("nobody asks");
        let attempts = futures_util::future::join(
            noting(async {
                note("first");
                tokio::task::yield_now().await;
                note("last");
                1
            }),
            noting(async { 2 }),
        );
        assert_eq!(attempts.await, ((1, Some("last".to_owned())), (2, None)));
    }
}

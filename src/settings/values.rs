// SPDX-License-Identifier: MPL-2.0
//! The types of settings, and their parsing.

use country::WebUrl;
use country::notification::sms::description::Description;
use handlers::delivery::schedule::{Schedule, duration};
use handlers::hooks::rescue;
use handlers::hooks::verification::Actions;
use handlers::integrations::portal;
use handlers::notification::Mailbox;
use opencrvs_toolkit::core_version::CoreVersion;
use rules::registration_number::NumberFormat;
use secrecy::SecretString;
use std::fmt::{self, Debug, Display};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// A type of settings.
pub(super) trait Setting: Sized {
    /// Parses a value.
    ///
    /// # Errors
    /// The fault, in words. A secret value is not repeated.
    fn parse(text: &str) -> Result<Self, String>;

    /// The value of a setting that is not set and has no default.
    ///
    /// # Errors
    /// That it is mandatory.
    fn absent() -> Result<Self, String> {
        Err("is not set, and has no default in production".to_owned())
    }
}

/// Types that parse themselves.
macro_rules! parse_themselves {
    ($($type:ty),+ $(,)?) => {$(
        impl Setting for $type {
            fn parse(text: &str) -> Result<Self, String> {
                let parsed: Result<Self, _> = text.parse();
                parsed.map_err(|error| format!("`{text}`: {}", in_words(&error.to_string())))
            }
        }
    )+};
}

/// The words of the standard library's parsers, in those of people who set a server up.
fn in_words(error: &str) -> &str {
    match error {
        "invalid digit found in string" => "it is not a whole number",
        "number too large to fit in target type" => "the number is too large",
        "provided string was not `true` or `false`" => "it is neither `true` nor `false`",
        "invalid IP address syntax" => "it is not an IP address",
        other => other,
    }
}

parse_themselves! {
    bool, NonZeroU32, String, PathBuf, IpAddr, WebUrl, Mailbox, CoreVersion, IdentityVerification, LogFormat,
    Actions, NumberFormat, Schedule, rescue::Mode, portal::Operations,
}

impl<T: Setting> Setting for Option<T> {
    fn parse(text: &str) -> Result<Self, String> {
        T::parse(text).map(Some)
    }

    fn absent() -> Result<Self, String> {
        Ok(None)
    }
}

/// A port.
impl Setting for u16 {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
            .map_err(|_| format!("`{text}` is not a port: a number from 1 to 65535"))
    }
}

impl Setting for Duration {
    fn parse(text: &str) -> Result<Self, String> {
        let parsed = duration(text).and_then(|parsed| Self::try_from(parsed).ok());
        parsed
            .ok_or_else(|| format!("`{text}` is not a duration like `500ms`, `15s`, `2m` or `30d`"))
    }
}

/// URLs, separated by commas. An empty list may be left out.
impl Setting for Vec<WebUrl> {
    fn parse(text: &str) -> Result<Self, String> {
        let (mut urls, mut faults) = (Self::new(), Vec::new());
        for url in text.split(',').map(str::trim).filter(|url| !url.is_empty()) {
            match url.parse() {
                Ok(known) if urls.contains(&known) => {
                    faults.push(format!("`{url}` is named twice"));
                }
                Ok(new) => urls.push(new),
                Err(error) => faults.push(format!("`{url}`: {error}")),
            }
        }
        if faults.is_empty() {
            Ok(urls)
        } else {
            Err(faults.join("; "))
        }
    }

    fn absent() -> Result<Self, String> {
        Ok(Self::new())
    }
}

impl Setting for SecretString {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }
}

/// A parsed value that is secret: neither errors nor debug output repeat it.
#[derive(Clone)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// The value.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

impl<T: FromStr<Err: Display>> Setting for Redacted<T> {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| error.to_string())
    }
}

/// The mode of the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeEnv {
    /// Real records.
    Production,
    /// A developer's machine.
    Development,
    /// A test, treated like development.
    Test,
}

impl Setting for NodeEnv {
    /// Refuses unknown words: they would start a development server.
    fn parse(word: &str) -> Result<Self, String> {
        let known = [
            ("production", Self::Production),
            ("development", Self::Development),
            ("test", Self::Test),
        ];
        one_of(word, &known).map_err(|none| format!("`{word}` is {none}"))
    }
}

/// The verification of the identities in a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityVerification {
    /// Ask the middleware.
    IdAuth,
    /// Leave the status as it is.
    Off,
    /// Treat every identity as verified: demonstrations only.
    AssumeVerified,
}

impl FromStr for IdentityVerification {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        one_of(
            word,
            &[
                ("id-auth", Self::IdAuth),
                ("off", Self::Off),
                ("assume-verified", Self::AssumeVerified),
            ],
        )
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For reading in a terminal.
    Text,
}

impl FromStr for LogFormat {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        one_of(word, &[("json", Self::Json), ("text", Self::Text)])
    }
}

fn one_of<T: Copy>(word: &str, known: &[(&str, T)]) -> Result<T, String> {
    known
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!("none of {}", names.join(", "))
        })
}

/// Infobip's SMS gateway, set by the URL of its endpoint.
#[derive(Debug, Clone)]
pub struct Infobip(pub Arc<Description>);

impl Setting for Infobip {
    fn parse(endpoint: &str) -> Result<Self, String> {
        let endpoint: WebUrl = endpoint.parse()?;
        let description = Description::infobip(endpoint.as_str())?;
        Ok(Self(Arc::new(description)))
    }
}

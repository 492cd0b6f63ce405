// SPDX-License-Identifier: MPL-2.0
//! The country's messages to people, and how they are sent: `templates/`, `translations/notification.csv`,
//! `sms.toml`.

use super::translations::{self, Syntax};
use super::{Application, Files, Reading, is_refused};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use messages::Message;
use rules::diagnostic::{Diagnostic, Severity};
use serde_json::Value;
use sms::description::Description;
use sms::{Region, SmsFile};
use std::collections::BTreeMap;
use std::sync::Arc;
use templates::{File, Row, Templates, Variables};

pub mod messages;
pub mod sms;
pub mod templates;

const SMS_TEXTS: &str = "translations/notification.csv";

/// The channel by which messages reach people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryMethod {
    /// E-mail.
    Email,
    /// SMS to their phone.
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

    /// Core's name for that contact of a user.
    pub fn field(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "mobile",
        }
    }
}

/// The country's files about messages: replaced as a whole when they change.
pub struct NotificationFiles {
    /// The country's name for its system.
    pub application_name: String,
    /// Its logo: content type and bytes.
    pub logo: (&'static str, Vec<u8>),
    /// The wording.
    pub templates: Templates,
    /// The channel for messages to users of core.
    pub users: DeliveryMethod,
    /// The channel for messages to informants.
    pub informants: DeliveryMethod,
    /// The region that phone numbers without a country code belong to.
    pub region: Region,
    /// Another gateway for SMS than that of Infobip.
    pub gateway: Option<Arc<Description>>,
}

/// Reads the country's files about messages; nothing while there is a fault in them.
pub(super) fn read_files(
    reading: &mut Reading<'_>,
    application: &Application,
) -> Option<NotificationFiles> {
    let templates = templates(reading, &application.languages);
    let sms = reading.parsed("sms.toml", SmsFile::parse)?;
    reading
        .found
        .extend(foreign(reading.files, &sms, application));
    let logo = &application.logo;
    Some(NotificationFiles {
        application_name: application.name.clone(),
        logo: (logo.content_type, logo.bytes.clone()),
        templates: templates?,
        users: application.user_notification,
        informants: application.informant_notification,
        region: sms.region,
        gateway: sms.gateway.map(Arc::new),
    })
}

/// A warning where numbers of another country are meant than that of the forms.
fn foreign(files: &Files, sms: &SmsFile, application: &Application) -> Option<Diagnostic> {
    let country = &application.country_code;
    let own = rules::countries::two_letters(country)?;
    let region = sms.region.code();
    let (line, column) = sms.region_at;
    (own != region).then(|| Diagnostic {
        severity: Severity::Warning,
        line,
        column,
        hint: Some(format!("write `{own}`, or correct `country-code` in application.toml")),
        ..Diagnostic::of_file(
            files.name_of("sms.toml"),
            format!("`{region}` is another country than `{country}` of application.toml: numbers without a country code are dialled there"),
        )
    })
}

fn templates(reading: &mut Reading<'_>, languages: &[String]) -> Option<Templates> {
    let texts = reading.texts(SMS_TEXTS, languages, Syntax::Handlebars);
    if texts.languages.is_empty() {
        return None;
    }
    let mut files = Vec::new();
    for path in reading.files.list("templates") {
        if let Some((name, text)) = reading.text(&path) {
            let path = path.trim_start_matches("templates/").to_owned();
            files.push(File { name, path, text });
        }
    }
    let table = reading.files.name_of(SMS_TEXTS);
    let row = |row: translations::Row| Row {
        file: table.clone(),
        line: row.line,
        id: row.id,
        texts: languages
            .iter()
            .cloned()
            .zip(row.texts)
            .collect::<BTreeMap<_, _>>(),
    };
    let rows: Vec<_> = texts.rows.into_iter().map(row).collect();
    let compiled = Templates::compile(languages, &files, &rows);
    match compiled {
        Ok((templates, warnings)) => {
            reading.found.extend(warnings);
            Some(templates)
        }
        Err(faults) => {
            reading.found.extend(faults);
            None
        }
    }
}

/// The templates of the country alone, to look at.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read(country_dir: Option<&str>) -> Result<NotificationFiles, Vec<Diagnostic>> {
    let files = Files::of(country_dir);
    let mut reading = Reading::of(&files);
    let application = reading.application().unwrap_or_default();
    let notification = read_files(&mut reading, &application);
    let found = reading.found;
    notification.filter(|_| !is_refused(&found)).ok_or(found)
}

/// Made-up values for all variables of a message, with the logo as a picture inside the page.
pub fn sample(files: &NotificationFiles, message: &Message) -> Variables {
    let (kind, logo) = &files.logo;
    let logo = format!("data:{kind};base64,{}", STANDARD.encode(logo));
    let body = "On Saturday, 5 December, the system is not available from 18:00 to 20:00.\n\nPlease finish what you have begun before.";
    let texts = [
        ("applicationName", files.application_name.as_str()),
        ("countryLogo", &logo),
        ("firstname", "Halina"),
        ("username", "h.adeyemi"),
        ("oldUsername", "h.okoro"),
        ("newUsername", "h.adeyemi"),
        ("temporaryPassword", "fern-27-Delta"),
        ("loginURL", "https://login.crvs.example/"),
        (
            "recoverURL",
            "https://login.crvs.example/recover?token=9k%2BVb3w%2FTq5sZg%3D%3D",
        ),
        ("code", "402917"),
        ("subject", "Two hours without the system on Saturday"),
        ("body", body),
        ("informantName", "Halina Adeyemi"),
        ("name", "Tomasi Kwame Adeyemi"),
        ("trackingId", "K7P2XD"),
        ("crvsOffice", "Lumareva Provincial Registry"),
        ("registrationNumber", "7QK2M94XB0TD"),
    ];
    let texts = texts
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text.into()));
    let mut sample: Variables = texts.collect();
    let lines: Vec<Value> = body
        .lines()
        .filter(|line| !line.is_empty())
        .map(Value::from)
        .collect();
    sample.insert("lines".into(), lines.into());
    let minutes = message.lasts.map(|lasts| lasts.as_mins().into());
    sample.extend(minutes.map(|minutes| ("minutes".into(), minutes)));
    sample
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::messages::MESSAGES;
    use rstest::rstest;

    /// All messages of the sample country, as people read them.
    #[rstest]
    #[case("en")]
    #[case("fr")]
    fn the_wording(#[case] language: &str) {
        let files = read(None).unwrap();
        let sample = |message| {
            let mut sample = sample(&files, message);
            sample.insert("countryLogo".into(), "cid:logo".into());
            sample
        };
        let mut page = String::new();
        for message in &MESSAGES {
            let letter = files
                .templates
                .email(message, Some(language), sample(message))
                .unwrap();
            let sms = files
                .templates
                .sms(message, Some(language), sample(message))
                .unwrap();
            page += &format!("======== {}\n", message.word);
            page += &format!("Subject: {}\n\n{}\n", letter.subject, letter.text);
            page += &format!("-------- SMS\n{}\n\n", sms.as_deref().unwrap_or("none"));
            page += &format!("-------- HTML\n{}\n", letter.html);
        }
        insta::assert_snapshot!(format!("the_wording_{language}"), page);
    }
}

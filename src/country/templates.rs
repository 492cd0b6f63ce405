// SPDX-License-Identifier: MPL-2.0
//! What the country says to people, and how: `templates/`, `translations/notification.csv`, `sms.toml`.

use super::translations::{self, Syntax};
use super::{Application, Files, Reading, is_refused};
use crate::settings::Settings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use handlers::diagnostic::{Diagnostic, Severity};
use handlers::notification::messages::Message;
use handlers::notification::sms::description::Description;
use handlers::notification::sms::{HttpGateway, Sms, SmsFile};
use handlers::notification::templates::{File, Row, Templates, Variables};
use handlers::notification::{Channel, Voice};
use handlers::outside;
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const SMS_TEXTS: &str = "translations/notification.csv";

/// The longest that a gateway may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The country's side of messages, once nothing is wrong with it.
pub(super) fn voice(
    reading: &mut Reading<'_>,
    settings: &Settings,
    application: &Application,
) -> Option<Voice> {
    let templates = templates(reading, &application.languages);
    let sms = reading.parsed("sms.toml", SmsFile::parse)?;
    reading
        .found
        .extend(foreign(reading.files, &sms, application));
    let gateway = match gateway(settings, sms.gateway) {
        Ok(gateway) => gateway,
        Err(why) => {
            reading.found.push(Diagnostic::of_file("the settings", why));
            None
        }
    };
    let logo = &application.logo;
    Some(Voice {
        application_name: application.name.clone(),
        logo: (logo.content_type, logo.bytes.clone()),
        templates: templates?,
        users: application.user_notification,
        informants: application.informant_notification,
        region: sms.region,
        sms: Channel::of(gateway, settings.production),
    })
}

/// A warning where numbers of another country are meant than that of the forms.
fn foreign(files: &Files, sms: &SmsFile, application: &Application) -> Option<Diagnostic> {
    let country = &application.country_code;
    let own = handlers::countries::two_letters(country)?;
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

/// The gateway of the country, or that of Infobip where the settings name it.
fn gateway(settings: &Settings, own: Option<Description>) -> Result<Option<Arc<dyn Sms>>, String> {
    let of = |setting: &Option<SecretString>| setting.clone().unwrap_or_default();
    let messages = &settings.messages;
    let own = own.filter(|_| !messages.ignores_own_gateway);
    let (description, key) = match (own, &messages.infobip_endpoint) {
        (Some(own), _) => (own, of(&messages.sms_gateway_key)),
        (None, Some(endpoint)) => {
            let description = Description::infobip(endpoint.as_str());
            let description =
                description.map_err(|why| format!("INFOBIP_GATEWAY_ENDPOINT: {why}"))?;
            (description, of(&messages.infobip_key))
        }
        (None, None) => return Ok(None),
    };
    let client = outside::client(TIMEOUT).map_err(|error| error.to_string())?;
    let sender = messages.infobip_sender.clone();
    Ok(Some(Arc::new(HttpGateway::new(
        client,
        description,
        key,
        sender,
    ))))
}

/// The templates of the country alone, to look at.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read(settings: &Settings) -> Result<Voice, Vec<Diagnostic>> {
    let files = Files::of(settings.country_dir.as_deref());
    let mut reading = Reading::of(&files);
    let application = reading.application().unwrap_or_default();
    let voice = voice(&mut reading, settings, &application);
    let found = reading.found;
    voice.filter(|_| !is_refused(&found)).ok_or(found)
}

/// Made-up values for everything that a message may say, with the logo as a picture inside the page.
pub fn sample(voice: &Voice, message: &Message) -> Variables {
    let (kind, logo) = &voice.logo;
    let logo = format!("data:{kind};base64,{}", STANDARD.encode(logo));
    let body = "On Saturday, 5 December, the system is not available from 18:00 to 20:00.\n\nPlease finish what you have begun before.";
    let texts = [
        ("applicationName", voice.application_name.as_str()),
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
    use handlers::notification::messages::MESSAGES;
    use rstest::rstest;

    /// Everything that the sample country says, as people read it.
    #[rstest]
    #[case("en")]
    #[case("fr")]
    fn the_wording(#[case] language: &str) {
        let settings = Settings::load(None, std::iter::empty()).unwrap();
        let voice = read(&settings).unwrap();
        let sample = |message| {
            let mut sample = sample(&voice, message);
            sample.insert("countryLogo".into(), "cid:logo".into());
            sample
        };
        let mut page = String::new();
        for message in &MESSAGES {
            let letter = voice
                .templates
                .letter(message, Some(language), sample(message))
                .unwrap();
            let sms = voice
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

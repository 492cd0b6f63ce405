// SPDX-License-Identifier: MPL-2.0
//! `application.toml`: the country's data for core, its pages and the forms.

use super::Files;
use super::currency::Currency;
use super::texts::{self, TextUse};
use super::translations::is_language;
use crate::SAMPLE_COUNTRY;
use crate::notification::DeliveryMethod;
use crate::settings::CountrySettings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::evaluate::Pattern;
use opencrvs_toolkit::message::{Message, message};
use rules::annotated_toml::{Reader, Section, Text, one_of};
use rules::diagnostic::{Diagnostic, did_you_mean};
use serde_json::{Value, json};

const KEYS: [&str; 16] = [
    "country-code",
    "application-name",
    "logo",
    "time-zone",
    "languages",
    "phone-number-pattern",
    "national-id-pattern",
    "user-notification-delivery-method",
    "informant-notification-delivery-method",
    "search-default",
    "background-colour",
    "duplicate-search",
    "analytics",
    "currency",
    "level",
    "dashboard",
];
const PHONE_NUMBER: &str = "phone-number-pattern";
const NATIONAL_ID: &str = "national-id-pattern";
const SEARCHES: [&str; 6] = [
    "TRACKING_ID",
    "REGISTRATION_NUMBER",
    "NATIONAL_ID",
    "NAME",
    "PHONE_NUMBER",
    "EMAIL",
];

/// The file.
#[derive(Debug, Clone)]
pub struct Application {
    /// Three-letter code of the country.
    pub country_code: String,
    /// The name of the system.
    pub name: String,
    /// The picture beside the file, with its content type and bytes.
    pub logo: Logo,
    /// The time zone that defines the country's calendar days.
    pub time_zone: TimeZone,
    /// Languages of the pages.
    pub languages: Vec<String>,
    /// The pattern of a phone number as it is typed in.
    pub phone_number_pattern: String,
    /// The pattern of a number of the national ID.
    pub national_id_pattern: String,
    /// The channel for messages to users of the system.
    pub user_notification: DeliveryMethod,
    /// The channel for messages to informants.
    pub informant_notification: DeliveryMethod,
    /// The default criterion of the quick search.
    pub search_default: &'static str,
    /// The background colour of login and registration desk, as RRGGBB.
    pub background_colour: String,
    /// True if core looks for duplicates.
    pub duplicate_search: bool,
    /// True if the events count in core's statistics.
    pub analytics: bool,
    /// The currency in which fees are paid.
    pub currency: Currency,
    /// The locales in which amounts of it are written.
    pub currency_languages: Vec<String>,
    /// The levels of areas, from the largest to the smallest.
    pub levels: Vec<(String, Message)>,
    /// Statistics inside the pages: id, title, address.
    pub dashboards: Vec<(String, Message, String)>,
}

/// The country's picture.
#[derive(Debug, Clone, Default)]
pub struct Logo {
    /// Its file.
    pub file: String,
    /// `image/png` …
    pub content_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Default for Application {
    /// The default that replaces a file with a fault, so that the other files are checked all the same.
    fn default() -> Self {
        Self {
            country_code: SAMPLE_COUNTRY.to_owned(),
            name: String::new(),
            logo: Logo::default(),
            time_zone: TimeZone::UTC,
            languages: vec!["en".to_owned()],
            phone_number_pattern: String::new(),
            national_id_pattern: "^[0-9]{10}$".to_owned(),
            user_notification: DeliveryMethod::Email,
            informant_notification: DeliveryMethod::Email,
            search_default: "TRACKING_ID",
            background_colour: String::new(),
            duplicate_search: false,
            analytics: true,
            currency: Currency::default(),
            currency_languages: vec![],
            levels: vec![],
            dashboards: vec![],
        }
    }
}

impl Application {
    /// Reads the file; nothing where it is not even TOML. The default replaces a value with a fault, so that
    /// the other files are checked all the same.
    pub fn parse(
        files: &Files,
        file: &str,
        text: &str,
        said: &mut Vec<TextUse>,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let mut reader = Reader::new(file, text);
        let document = reader.document();
        let application = document
            .as_ref()
            .map(|document| read(&mut reader, &Section::root(document), files, said));
        found.extend(reader.into_found());
        application
    }

    /// The pattern of phone numbers, if the one in the file is valid.
    pub fn phone_number(&self) -> Option<Pattern> {
        Pattern::new(&self.phone_number_pattern).ok()
    }

    /// The document that core calls the application configuration.
    pub fn document(&self) -> Value {
        let levels: Vec<_> = self
            .levels
            .iter()
            .map(|(id, label)| json!({ "id": id, "label": label }))
            .collect();
        let Logo {
            file,
            content_type,
            bytes,
        } = &self.logo;
        json!({
            "APPLICATION_NAME": self.name,
            "COUNTRY_LOGO": {
                "fileName": file,
                "file": format!("data:{content_type};base64,{}", STANDARD.encode(bytes)),
            },
            "SYSTEM_IANA_TIMEZONE": self.time_zone.iana_name(),
            "CURRENCY": {
                "languagesAndCountry": self.currency_languages,
                "isoCode": self.currency.code(),
            },
            "ADMIN_STRUCTURE": levels,
            "PHONE_NUMBER_PATTERN": self.phone_number_pattern,
            "USER_NOTIFICATION_DELIVERY_METHOD": self.user_notification.as_str(),
            "INFORMANT_NOTIFICATION_DELIVERY_METHOD": self.informant_notification.as_str(),
            "SEARCH_DEFAULT_CRITERIA": self.search_default,
            "ADDITIONAL_USER_FIELDS": [],
        })
    }

    /// The script that core's client loads first.
    pub fn client_config(&self, settings: &CountrySettings) -> String {
        let base = settings.metabase_url.base();
        let dashboards: Vec<_> = self
            .dashboards
            .iter()
            .map(|(id, title, url)| {
                let url = if url.starts_with('/') {
                    format!("{base}{url}")
                } else {
                    url.clone()
                };
                json!({ "id": id, "title": title, "url": url })
            })
            .collect();
        script(
            settings,
            json!({
                "COUNTRY": self.country_code,
                "LANGUAGES": self.languages,
                "SENTRY": settings.sentry_dsn.as_deref().unwrap_or_default(),
                "LOGIN_URL": settings.login_url.base(),
                "REGISTER_BACKGROUND": { "backgroundColor": self.background_colour },
                "DASHBOARDS": dashboards,
                "FEATURES": { "V2_EVENTS": true },
            }),
        )
    }

    /// The script that core's login page loads first.
    pub fn login_config(&self, settings: &CountrySettings) -> String {
        script(
            settings,
            json!({
                "COUNTRY": self.country_code,
                "LANGUAGES": self.languages,
                "USER_NOTIFICATION_DELIVERY_METHOD": self.user_notification.as_str(),
                "INFORMANT_NOTIFICATION_DELIVERY_METHOD": self.informant_notification.as_str(),
                "PHONE_NUMBER_PATTERN": self.phone_number_pattern,
                "LOGIN_BACKGROUND": { "backgroundColor": self.background_colour },
                "SENTRY": settings.sentry_dsn.as_deref().unwrap_or_default(),
            }),
        )
    }
}

/// Returns true if a file begins as files of its type do.
fn begins_as(content_type: &str, bytes: &[u8]) -> bool {
    match content_type {
        "image/png" => bytes.starts_with(b"\x89PNG"),
        "image/jpeg" => bytes.starts_with(b"\xff\xd8"),
        "image/webp" => bytes.starts_with(b"RIFF"),
        "image/svg+xml" => String::from_utf8_lossy(bytes).contains("<svg"),
        _ => !bytes.is_empty(),
    }
}

/// Sets `window.config`. Core 2.1 and later report no errors to Sentry. What JSON allows and a script or page could
/// misread is escaped.
fn script(settings: &CountrySettings, mut config: Value) -> String {
    if let Some(config) = config.as_object_mut()
        && settings.core_version >= CoreVersion::V2_1
    {
        config.shift_remove("SENTRY");
    }
    let json = config
        .to_string()
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029");
    format!("window.config = {json}")
}

fn read(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    files: &Files,
    said: &mut Vec<TextUse>,
) -> Application {
    root.only(reader, &KEYS);
    let code = checked(
        reader,
        root,
        "country-code",
        "three capital letters like `FAR`",
        |code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()),
    );
    let name = checked(reader, root, "application-name", "a name", |name| {
        !name.trim().is_empty()
    });
    let time_zone = time_zone(reader, root);
    let phone_number = root.required_text(reader, PHONE_NUMBER);
    let phone_number = pattern(reader, PHONE_NUMBER, phone_number);
    let national_id = root.text(reader, NATIONAL_ID);
    let national_id = pattern(reader, NATIONAL_ID, national_id);
    let colour = checked(
        reader,
        root,
        "background-colour",
        "a colour like `12395B`",
        |colour| colour.len() == 6 && colour.bytes().all(|byte| byte.is_ascii_hexdigit()),
    );
    let languages = languages(reader, root);
    let user = one_of(
        reader,
        root,
        "user-notification-delivery-method",
        DeliveryMethod::ALL,
    );
    let informant = one_of(
        reader,
        root,
        "informant-notification-delivery-method",
        DeliveryMethod::ALL,
    );
    let search = one_of(
        reader,
        root,
        "search-default",
        SEARCHES.map(|name| (name, name)),
    );
    let duplicates = required(reader, root, "duplicate-search");
    let analytics = required(reader, root, "analytics");
    let logo = logo(reader, root, files);
    let currency = currency(reader, root);
    let mut levels = Vec::new();
    for section in root.sections(reader, "level") {
        section.only(reader, &["id", "label"]);
        let id = section.required_text(reader, "id");
        let note = || {
            format!(
                "Name of the administrative level {}",
                id.as_ref().map_or("", |id| id.value)
            )
        };
        let label = texts::text(reader, &section, "label", note, said);
        if let Some(id) = id {
            unique(
                reader,
                levels.iter().map(|(id, _): &(String, _)| id),
                &id,
                "level",
            );
            let label = label.unwrap_or_else(|| message(id.value, id.value));
            levels.push((id.value.to_owned(), label));
        }
    }
    if levels.is_empty() {
        let hint = "add a [[level]] for each kind of administrative area";
        reader.error(0..0, "`level` is missing".to_owned(), Some(hint.to_owned()));
    }
    let dashboards = dashboards(reader, root, said);
    let (currency, currency_languages) = currency.unwrap_or_default();
    let default = Application::default();
    Application {
        country_code: code.unwrap_or(default.country_code),
        name: name.unwrap_or(default.name),
        logo: logo.unwrap_or(default.logo),
        time_zone: time_zone.unwrap_or(default.time_zone),
        languages: languages.unwrap_or(default.languages),
        phone_number_pattern: phone_number.unwrap_or(default.phone_number_pattern),
        national_id_pattern: national_id.unwrap_or(default.national_id_pattern),
        user_notification: user.unwrap_or(default.user_notification),
        informant_notification: informant.unwrap_or(default.informant_notification),
        search_default: search.unwrap_or(default.search_default),
        background_colour: colour.unwrap_or(default.background_colour),
        duplicate_search: duplicates.unwrap_or(default.duplicate_search),
        analytics: analytics.unwrap_or(default.analytics),
        currency,
        currency_languages,
        levels,
        dashboards,
    }
}

/// A text that has to be there and to be something.
fn checked(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    wanted: &str,
    is_it: impl Fn(&str) -> bool,
) -> Option<String> {
    let text = section.required_text(reader, key)?;
    if is_it(text.value) {
        return Some(text.value.to_owned());
    }
    let message = format!("`{key}` is `{}`, not {wanted}", text.value);
    reader.error(text.span, message, None);
    None
}

/// A zone of the IANA database with a name, as core wants it.
fn time_zone(reader: &mut Reader<'_>, root: &Section<'_>) -> Option<TimeZone> {
    let is_named = |zone: &TimeZone| zone.iana_name().is_some() && !zone.is_unknown();
    let known = |name: &str| TimeZone::get(name).ok().filter(is_named);
    let wanted = "a zone like `Africa/Lusaka`";
    let name = checked(reader, root, "time-zone", wanted, |name| {
        known(name).is_some()
    })?;
    known(&name)
}

/// A regular expression for a number that people type in, and that the forms say in words.
fn pattern(reader: &mut Reader<'_>, key: &str, given: Option<Text<'_>>) -> Option<String> {
    let pattern = given?;
    if let Err(error) = Pattern::new(pattern.value) {
        let why = error.lines().last().unwrap_or_default();
        let why = why.trim().trim_start_matches("error: ");
        let message = format!("`{key}` is not a regular expression: {why}");
        let hint = "each `(` wants a `)`, each `[` a `]`".to_owned();
        reader.error(pattern.span, message, Some(hint));
        return None;
    }
    if !pattern.value.starts_with('^') || !pattern.value.ends_with('$') {
        let message =
            format!("`{key}` also matches longer texts: begin it with `^` and end it with `$`");
        let hint = "begin it with `^` and end it with `$`".to_owned();
        reader.warning(pattern.span, message, Some(hint));
    }
    Some(pattern.value.to_owned())
}

fn required(reader: &mut Reader<'_>, root: &Section<'_>, key: &str) -> Option<bool> {
    if root.item(key).is_none() {
        let hint = format!("add {key} = true or {key} = false");
        reader.error(0..0, format!("`{key}` is missing"), Some(hint));
    }
    root.switch(reader, key)
}

fn languages(reader: &mut Reader<'_>, root: &Section<'_>) -> Option<Vec<String>> {
    let given = root.texts(reader, "languages");
    let mut languages: Vec<String> = Vec::new();
    for language in &given {
        let code = language.value;
        if !is_language(code) {
            let message = format!("`{code}` is not a language code");
            let hint = "use codes like `en`, `fr` or `pt-BR`".to_owned();
            reader.error(language.span.clone(), message, Some(hint));
        }
        if unique(reader, languages.iter(), language, "language") {
            languages.push(code.to_owned());
        }
    }
    if languages.is_empty() {
        let hint = "languages = [\"en\"]".to_owned();
        reader.error(0..0, "`languages` names no language".to_owned(), Some(hint));
        return None;
    }
    Some(languages)
}

fn currency(reader: &mut Reader<'_>, root: &Section<'_>) -> Option<(Currency, Vec<String>)> {
    let Some(section) = root.section(reader, "currency", "currency".to_owned()) else {
        let hint = "add [currency] with iso-code and languages-and-country";
        reader.error(
            0..0,
            "`currency` is missing".to_owned(),
            Some(hint.to_owned()),
        );
        return None;
    };
    section.only(reader, &["iso-code", "languages-and-country"]);
    let code = checked(
        reader,
        &section,
        "iso-code",
        "three capital letters like `USD`",
        |code| Currency::new(code).is_some(),
    );
    let languages = section.texts(reader, "languages-and-country");
    if languages.is_empty() {
        let hint = "languages-and-country = [\"en-US\"]".to_owned();
        let message = "currency: `languages-and-country` names nothing".to_owned();
        reader.error(section.span.clone(), message, Some(hint));
    }
    for language in &languages {
        if !is_language(language.value) {
            let message = format!("`{}` is not a language with a country", language.value);
            let hint = "languages-and-country = [\"en-US\"]".to_owned();
            reader.error(language.span.clone(), message, Some(hint));
        }
    }
    let languages = languages.iter().map(|text| text.value.to_owned()).collect();
    Some((Currency::new(&code?)?, languages))
}

fn dashboards(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    said: &mut Vec<TextUse>,
) -> Vec<(String, Message, String)> {
    let mut dashboards: Vec<(String, Message, String)> = Vec::new();
    for section in root.sections(reader, "dashboard") {
        section.only(reader, &["id", "title", "url"]);
        let id = section.required_text(reader, "id");
        let note = || {
            format!(
                "Title of the dashboard {}",
                id.as_ref().map_or("", |id| id.value)
            )
        };
        let title = texts::text(reader, &section, "title", note, said);
        let url = checked(reader, &section, "url", "a path or a web address", |url| {
            let absolute = url.parse::<crate::settings::WebUrl>().is_ok();
            absolute || (url.starts_with('/') && !url.contains(char::is_whitespace))
        });
        if let Some(id) = id {
            unique(
                reader,
                dashboards.iter().map(|(id, ..)| id),
                &id,
                "dashboard",
            );
            let title = title.unwrap_or_else(|| message(id.value, id.value));
            dashboards.push((id.value.to_owned(), title, url.unwrap_or_default()));
        }
    }
    dashboards
}

fn unique<'a>(
    reader: &mut Reader<'_>,
    mut before: impl Iterator<Item = &'a String>,
    given: &Text<'_>,
    what: &str,
) -> bool {
    let unique = !before.any(|known| known == given.value);
    if !unique {
        let message = format!("there is another {what} `{}` before", given.value);
        reader.error(given.span.clone(), message, None);
    }
    unique
}

fn logo(reader: &mut Reader<'_>, root: &Section<'_>, files: &Files) -> Option<Logo> {
    let name = root.required_text(reader, "logo")?;
    let mut fault = |message: String, hint| reader.error(name.span.clone(), message, hint);
    let content_type = super::served::content_type(name.value).filter(|t| t.starts_with("image/"));
    let Some(content_type) = content_type else {
        let hint = "use a file that ends in .png, .svg, .jpg or .webp".to_owned();
        fault(format!("`{}` is not a picture", name.value), Some(hint));
        return None;
    };
    match files.find(name.value) {
        Ok(Some(bytes)) if !begins_as(content_type, &bytes) => {
            let hint = "export it again from the program that drew it".to_owned();
            fault(
                format!("the content of `{}` is not what its name says", name.value),
                Some(hint),
            );
            None
        }
        Ok(Some(bytes)) => Some(Logo {
            file: name.value.to_owned(),
            content_type,
            bytes: bytes.into_owned(),
        }),
        Ok(None) => {
            let known = files.list("");
            let hint = did_you_mean(name.value, known.iter().map(String::as_str));
            fault(format!("there is no picture `{}`", name.value), hint);
            None
        }
        Err(problem) => {
            fault(problem.message, None);
            None
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Puts a record into words as core's client does, before a template reads it with `$lookup`: names of
//! places, labels of choices, days in words. As in the client of core 2.0, including its faults: days have
//! English months in every language, a number 0 is blank, and answers that the form hides are there.

use super::Messages;
use super::readable::{Fields, FormField, Readable, country_text};
use super::record::{Place, Record, is_day};
use crate::{SAMPLE_COUNTRY, SAMPLE_COUNTRY_NAME};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use opencrvs_toolkit::field::{FieldType, Label};
use rules::countries;
use serde_json::{Map, Value, json};

/// The reason why the client stops.
pub(super) type Stops = &'static str;

/// The client’s settings: the country, and the language and place of its user.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// The texts in the user's language.
    pub messages: Messages,
    /// The time zone of the user.
    pub time_zone: TimeZone,
    /// The code of the country.
    pub country: String,
}

/// The client’s settings by language, the first language of the country first.
pub type Clients = Vec<(String, ClientSettings)>;

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            messages: Messages::new(),
            time_zone: TimeZone::UTC,
            country: SAMPLE_COUNTRY.to_owned(),
        }
    }
}

/// The client with a record before it.
pub(super) struct Client<'r> {
    pub(super) settings: &'r ClientSettings,
    pub(super) readable: &'r Readable,
    pub(super) record: &'r Record,
}

impl Client<'_> {
    /// The fields of a form in words.
    pub(super) fn form(
        &self,
        fields: &Fields,
        values: &Map<String, Value>,
    ) -> Result<Value, Stops> {
        let in_words = |(id, value): (&String, &Value)| {
            let field = fields
                .get(id)
                .ok_or("the declaration has a field that is not in the form")?;
            Ok((id.clone(), self.value(field, value)?))
        };
        let words: Result<Map<_, _>, Stops> = values.iter().map(in_words).collect();
        words.map(Value::Object)
    }

    fn value(&self, field: &FormField, value: &Value) -> Result<Value, Stops> {
        Ok(match field.of_type {
            FieldType::Name => name(value),
            FieldType::Address => self.address(value)?,
            FieldType::AdministrativeArea
            | FieldType::Location
            | FieldType::Facility
            | FieldType::Office => self.place(value),
            FieldType::Select | FieldType::RadioGroup => self.choice(field, value),
            FieldType::Country => self.country(value).into(),
            FieldType::Date => self.date(value).into(),
            FieldType::Time => self.time(value).into(),
            FieldType::Age => {
                let age = value.get("age").ok_or("an AGE without `age`")?;
                script_text(age).into()
            }
            FieldType::File => path(value).unwrap_or_default().into(),
            FieldType::Signature => path(value).map(rooted).unwrap_or_default().into(),
            FieldType::FileWithOptions => files(value),
            FieldType::Http => value.clone(),
            FieldType::Search => "[Search response or error redacted]".into(),
            _ if !truthy(value) => "".into(),
            _ => script_text(value).into(),
        })
    }

    /// The label of a choice; a value that is not a choice is unchanged.
    fn choice(&self, field: &FormField, value: &Value) -> Value {
        let mut options = field.options.iter();
        match options.find(|option| Some(option.value()) == value.as_str()) {
            Some(option) => match option.label() {
                Label::Plain(label) => label.as_str().into(),
                Label::Message(message) => self.wording(message.id(), message.text()).into(),
            },
            None => value.clone(),
        }
    }

    /// The name of a country; nothing where the client does not know its code.
    fn country(&self, value: &Value) -> String {
        let code = value.as_str().unwrap_or_default();
        let own = (code == SAMPLE_COUNTRY && self.settings.country == SAMPLE_COUNTRY)
            .then_some(SAMPLE_COUNTRY_NAME);
        let name = own.or_else(|| countries::name(code));
        name.map_or_else(String::new, |name| self.wording(&country_text(code), name))
    }

    /// An office, a health facility or an area, with the names of the areas around it.
    pub(super) fn place(&self, value: &Value) -> Value {
        let mut words = Map::new();
        if !truthy(value) {
            words.insert("name".to_owned(), "".into());
            let levels = self.readable.levels.iter();
            words.extend(levels.map(|level| (level.clone(), "".into())));
            words.insert("country".to_owned(), "".into());
            return words.into();
        }
        let id = value.as_str().filter(|id| is_uuid(id)).unwrap_or_default();
        let record = self.record;
        let place = record.locations.get(id);
        let place = place.or_else(|| record.administrative_areas.get(id));
        let name = place.map_or("", |place| &place.name);
        words.insert("name".to_owned(), name.into());
        words.extend(self.areas(place.and_then(|place| place.parent_id.as_deref())));
        let country = country_text(&self.settings.country);
        let country = self.wording(&country, "Farajaland");
        words.insert("country".to_owned(), country.into());
        words.into()
    }

    /// The names of an area and of those around it, by level: the widest is of the first level.
    fn areas(&self, id: Option<&str>) -> Map<String, Value> {
        let mut areas: Vec<&Place> = Vec::new();
        let mut next = id;
        while let Some(area) = next.and_then(|id| self.record.administrative_areas.get(id))
            && areas.len() <= self.record.administrative_areas.len()
        {
            areas.push(area);
            next = area.parent_id.as_deref();
        }
        let names = areas.iter().rev().map(|area| area.name.as_str().into());
        self.readable.levels.iter().cloned().zip(names).collect()
    }

    fn address(&self, value: &Value) -> Result<Value, Stops> {
        let address = value
            .as_object()
            .ok_or("an ADDRESS that is not an object")?;
        let mut words = Map::new();
        for (key, value) in address {
            let word = match key.as_str() {
                "country" => self.country(value).into(),
                "streetLevelDetails" => value.clone(),
                "addressType" | "administrativeArea" => or_blank(value).into(),
                _ => return Err("an ADDRESS with something that is not in its form"),
            };
            words.insert(key.clone(), word);
        }
        let kind = address.get("addressType").and_then(Value::as_str);
        let area = address.get("administrativeArea").and_then(Value::as_str);
        let mut hierarchy = Vec::new();
        if kind != Some("INTERNATIONAL") {
            let areas = self.areas(area.filter(|_| kind == Some("DOMESTIC")));
            let levels = self.readable.levels.iter().rev();
            hierarchy.extend(levels.filter_map(|level| areas.get(level).cloned()));
            words.extend(areas);
        }
        hierarchy.extend(words.get("country").cloned());
        let hierarchy = join(", ", &hierarchy).into();
        words.insert("administrativeHierarchy".to_owned(), hierarchy);
        Ok(words.into())
    }

    /// A day, or the day of a moment where the user is; anything else as it is.
    fn date(&self, value: &Value) -> String {
        let text = value.as_str().unwrap_or_default();
        let format = self.wording("configuration.dateFormat", "d MMMM y");
        let zoned = |moment: Timestamp| self.settings.time_zone.to_datetime(moment);
        let day = text.parse::<Date>().ok().filter(|_| is_day(text));
        let moment = text.ends_with('Z').then(|| text.parse().ok()).flatten();
        match day.map(DateTime::from).or_else(|| moment.map(zoned)) {
            Some(day) => formatted(day, &format),
            None => or_blank(value),
        }
    }

    fn time(&self, value: &Value) -> String {
        let text = value.as_str().unwrap_or_default();
        let time: Option<Time> = format!("{text}:00")
            .parse()
            .ok()
            .filter(|_| text.len() == 5);
        let format = self.wording("configuration.timeField.outputFormat", "HH:mm");
        match time {
            Some(time) => formatted(Date::ZERO.to_datetime(time), &format),
            None => or_blank(value),
        }
    }

    /// A text in the user's language.
    pub(super) fn wording(&self, id: &str, otherwise: &str) -> String {
        let known = self
            .settings
            .messages
            .get(id)
            .filter(|text| !text.is_empty());
        known.map_or(otherwise, String::as_str).replace("''", "'")
    }

    /// Name and title of a user.
    fn user(&self, id: Option<&Value>) -> Value {
        let Some(user) = self.find_user(id) else {
            return json!({ "name": "", "fullHonorificName": "" });
        };
        let name = match user.get("name") {
            Some(Value::String(name)) => name.clone(),
            name => {
                let part = |part| {
                    name.and_then(|name| name.get(part))
                        .cloned()
                        .unwrap_or_default()
                };
                join(" ", &[part("firstname"), part("surname")])
            }
        };
        let title = user.get("fullHonorificName").and_then(Value::as_str);
        json!({ "name": name, "fullHonorificName": title.unwrap_or_default() })
    }

    fn find_user(&self, id: Option<&Value>) -> Option<&Value> {
        let mut users = self.record.users.iter();
        users.find(|user| user.get("id").is_some_and(|known| Some(known) == id))
    }

    /// `$metadata` in words.
    pub(super) fn metadata(&self) -> Value {
        let metadata = &self.record.metadata;
        let get = |key: &str| metadata.get(key).unwrap_or(&Value::Null);
        let registered = |status: &str| get("legalStatuses").get(status).map(|s| self.status(s));
        let date_of_event = match metadata.get("dateOfEvent") {
            Some(date) => date,
            None => get("createdAt"),
        };
        let updated_by = metadata.get("updatedBy");
        json!({
            "modifiedAt": self.date(get("modifiedAt")),
            "assignedTo": self.user(metadata.get("assignedTo")),
            "dateOfEvent": self.date(date_of_event),
            "createdAt": self.date(get("createdAt")),
            "createdBy": self.user(metadata.get("createdBy")),
            "createdAtLocation": self.place(get("createdAtLocation")),
            "updatedAt": self.date(get("updatedAt")),
            "updatedBy": updated_by.map_or_else(|| "".into(), |id| self.user(Some(id))),
            "id": get("id"),
            "type": get("type"),
            "trackingId": get("trackingId"),
            "status": "REGISTERED",
            "updatedByUserRole": get("updatedByUserRole"),
            "updatedAtLocation": self.place(get("updatedAtLocation")),
            "flags": [],
            "legalStatuses": {
                "DECLARED": registered("DECLARED"),
                "REGISTERED": registered("REGISTERED"),
            },
            "copiesPrintedForTemplate": get("copiesPrintedForTemplate"),
        })
    }

    fn status(&self, status: &Value) -> Value {
        let get = |key: &str| status.get(key).unwrap_or(&Value::Null);
        json!({
            "createdAt": self.date(get("createdAt")),
            "createdBy": self.user(status.get("createdBy")),
            "createdAtLocation": self.place(get("createdAtLocation")),
            "acceptedAt": self.date(get("acceptedAt")),
            "createdByRole": get("createdByRole"),
            "registrationNumber": get("registrationNumber"),
        })
    }

    /// An action in words.
    pub(super) fn action(&self, action: &Value) -> Result<Value, Stops> {
        let get = |key: &str| action.get(key).unwrap_or(&Value::Null);
        let none = Fields::new();
        let of_type = get("type").as_str().unwrap_or_default();
        let fields = self.readable.annotations.get(of_type).unwrap_or(&none);
        let mut annotation = get("annotation").as_object().cloned().unwrap_or_default();
        annotation.retain(|id, _| fields.contains_key(id));
        let signature = get("createdBySignature").as_str().map(rooted);
        Ok(json!({
            "id": get("id"),
            "type": of_type,
            "createdAt": self.date(get("createdAt")),
            "createdBy": self.find_user(action.get("createdBy")),
            "createdByUserType": get("createdByUserType"),
            "createdBySignature": signature,
            "createdAtLocation": self.place(get("createdAtLocation")),
            "createdByRole": get("createdByRole"),
            "annotation": self.form(fields, &annotation)?,
        }))
    }
}

fn name(value: &Value) -> Value {
    let part = |part: &str| value.get(part).filter(|part| !part.is_null());
    let parts = ["firstname", "middlename", "surname"];
    let values: Vec<Value> = parts
        .iter()
        .filter_map(|name| part(name).cloned())
        .collect();
    let fullname = join(" ", &values).trim().to_owned();
    let mut words = Map::from_iter([("fullname".to_owned(), fullname.into())]);
    words.extend(
        parts
            .iter()
            .filter_map(|&name| Some((name.to_owned(), part(name)?.clone()))),
    );
    words.into()
}

fn path(file: &Value) -> Option<&str> {
    file.get("path")?.as_str()
}

/// The address of a file that core keeps.
fn rooted(path: &str) -> String {
    format!("/{}", path.strip_prefix('/').unwrap_or(path))
}

/// Paths by the kind of document.
fn files(value: &Value) -> Value {
    let files = value.as_array().into_iter().flatten();
    let path = |file: &Value| {
        Some((
            file.get("option")?.as_str()?.to_owned(),
            Value::from(path(file)?),
        ))
    };
    files.filter_map(path).collect()
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36 && uuid::Uuid::try_parse(id).is_ok()
}

/// A day and time in a format of date-fns, with English names: the client names no language to it.
fn formatted(moment: DateTime, format: &str) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let quoted = rest.get(1..).unwrap_or_default();
            let (inside, after) = quoted.split_once('\'').unwrap_or((quoted, ""));
            text.push_str(if inside.is_empty() { "'" } else { inside });
            rest = after;
            continue;
        }
        let length = rest.len() - rest.trim_start_matches(first).len();
        let length = if first.is_ascii_alphabetic() {
            length
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        let (year, month, day) = (moment.year(), moment.month(), moment.day());
        let twelve = (moment.hour() + 11) % 12 + 1;
        text += &match token {
            "d" => day.to_string(),
            "dd" => format!("{day:02}"),
            "M" => month.to_string(),
            "MM" => format!("{month:02}"),
            "MMM" => moment.strftime("%b").to_string(),
            "MMMM" => moment.strftime("%B").to_string(),
            "y" => year.to_string(),
            "yy" => format!("{:02}", year % 100),
            "yyyy" => format!("{year:04}"),
            "EEEE" => moment.strftime("%A").to_string(),
            "H" => moment.hour().to_string(),
            "HH" => format!("{:02}", moment.hour()),
            "h" => twelve.to_string(),
            "hh" => format!("{twelve:02}"),
            "mm" => format!("{:02}", moment.minute()),
            "a" => moment.strftime("%p").to_string(),
            other => other.to_owned(),
        };
        rest = after;
    }
    text
}

/// Joins the values that are not empty, with a separator between them.
pub(super) fn join(separator: &str, values: &[Value]) -> String {
    let values = values.iter().filter(|value| truthy(value)).map(script_text);
    values.collect::<Vec<_>>().join(separator)
}

/// As JavaScript's `if` sees it.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// `String(value ?? '')` of JavaScript.
fn or_blank(value: &Value) -> String {
    if value.is_null() {
        String::new()
    } else {
        script_text(value)
    }
}

/// Converts a value to a text as JavaScript does.
pub(super) fn script_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(list) => list.iter().map(script_text).collect::<Vec<_>>().join(","),
        // What `$lookup` answered with says itself what it is as a text.
        Value::Object(object) => match object.get(TO_STRING) {
            Some(Value::String(text)) => text.clone(),
            _ => "[object Object]".to_owned(),
        },
        other => other.to_string(),
    }
}

/// The key under which an object holds its text form.
pub(super) const TO_STRING: &str = "toString";

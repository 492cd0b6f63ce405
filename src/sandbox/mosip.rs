// SPDX-License-Identifier: MPL-2.0
//! MOSIP: its identities, those that it makes from packets, and reported deaths.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The people of the sandbox, all made up.
pub(super) const IDENTITIES: &str = include_str!("mosip-identities.csv");
/// Number of stored identities. Beyond it the oldest that was made from a packet is dropped.
const MADE: usize = 10_000;

/// The fields that MOSIP reads if a packet contains no schema.
const DEFAULT_SCHEMA: [&str; 14] = [
    "fullName",
    "dateOfBirth",
    "gender",
    "UIN",
    "vid",
    "nationalIdNumber",
    "email",
    "phone",
    "passportNumber",
    "birthCertificateNumber",
    "introducerInfoToken",
    "deceasedStatus",
    "deathDeclared",
    "dateOfDeath",
];

/// An identity. The file has the columns `firstName,middleName,familyName,birthDate,gender,nid`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Person {
    pub(super) first_name: String,
    #[serde(default)]
    pub(super) middle_name: String,
    pub(super) family_name: String,
    /// `1994-08-17`.
    pub(super) birth_date: String,
    /// `female` or `male`.
    pub(super) gender: String,
    /// Ten digits.
    pub(super) nid: String,
    /// The death was reported.
    #[serde(default)]
    pub(super) deceased: bool,
    /// The record whose packet made it.
    #[serde(default)]
    pub(super) made_for: Option<String>,
}

impl Person {
    /// The name as eSignet gives it.
    pub(super) fn name(&self) -> String {
        let parts = [&self.first_name, &self.middle_name, &self.family_name];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// The effect of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// A new identity: its number.
    Made(String),
    /// A stored death.
    Flagged,
    /// Changed data of a person.
    Changed,
    /// No effect, and the reason.
    Nothing(&'static str),
}

/// The identities.
pub(super) struct Mosip(Mutex<Vec<Person>>);

impl Mosip {
    /// Reads the identities of a file, or those of the sandbox.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn new(file: Option<&Path>) -> anyhow::Result<Self> {
        let text = match file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| anyhow::anyhow!("cannot read `{}`: {error}", file.display()))?,
            None => IDENTITIES.to_owned(),
        };
        let mut people = csv::Reader::from_reader(text.as_bytes());
        let people: Result<Vec<Person>, _> = people.deserialize().collect();
        let people = people.map_err(|error| {
            let name = file.map_or("the sandbox's list".into(), Path::to_string_lossy);
            anyhow::anyhow!("cannot read the identities of `{name}`: {error}")
        })?;
        Ok(Self(Mutex::new(people)))
    }

    /// All identities.
    pub(super) fn people(&self) -> Vec<Person> {
        self.lock().clone()
    }

    /// Replaces all identities by those of an earlier run.
    pub(super) fn restore(&self, people: Vec<Person>) {
        *self.lock() = people;
    }

    /// The identity with this number.
    pub(super) fn person(&self, nid: &str) -> Option<Person> {
        self.lock().iter().find(|person| person.nid == nid).cloned()
    }

    /// Checks that number, name, date of birth and gender belong together. Middle names do not count.
    pub(super) fn verifies(&self, question: &Value) -> bool {
        let text = |pointer: &str| question.pointer(pointer).and_then(Value::as_str);
        let Some(person) = text("/nid").and_then(|nid| self.person(nid)) else {
            return false;
        };
        let same = |asked: Option<&str>, known: &str| {
            asked.is_some_and(|asked| asked.trim().to_lowercase() == known.to_lowercase())
        };
        !person.deceased
            && same(text("/name/firstname"), &person.first_name)
            && same(text("/name/surname"), &person.family_name)
            && text("/dob").is_some_and(|dob| dob.replace('/', "-") == person.birth_date)
            && text("/gender").is_none_or(|gender| same(Some(gender), &person.gender))
    }

    /// Processes a packet of the middleware.
    pub(super) fn take(&self, packet: &Value, event: &str) -> Done {
        let schema = packet.get("schemaJson").and_then(Value::as_str);
        let schema: Option<Value> = schema.and_then(|text| serde_json::from_str(text).ok());
        let named = schema.as_ref().and_then(|schema| {
            schema
                .pointer("/properties/identity/properties")?
                .as_object()
        });
        let named: BTreeSet<&str> = named.map_or_else(
            || DEFAULT_SCHEMA.into_iter().collect(),
            |fields| fields.keys().map(String::as_str).collect(),
        );
        let field = |name: &str| {
            let value = packet.get("requestFields")?.get(name)?.as_str()?;
            named.contains(name).then_some(value)
        };
        let is_there = |name: &str| {
            let fields = packet.get("requestFields");
            fields.is_some_and(|fields| fields.get(name).is_some())
        };
        if is_there("deathCertificateNumber") {
            return self.flag(field("nationalIdNumber").or(field("UIN")), field);
        }
        let (Some(name), Some(born)) = (field("fullName"), field("dateOfBirth")) else {
            return Done::Nothing("the identity schema has no `fullName` or `dateOfBirth`");
        };
        let (name, born) = (in_any_language(name), born.replace('/', "-"));
        let gender = field("gender").map(in_any_language).unwrap_or_default();
        let (first_name, family_name) = first_and_last(&name);
        let person = Person {
            first_name,
            family_name,
            birth_date: born,
            gender: gender.to_lowercase(),
            made_for: Some(event.to_owned()),
            ..Person::default()
        };
        Done::Made(self.make(person))
    }

    /// Processes an update of a person's data.
    pub(super) fn update(&self, packet: &Value) -> Done {
        let field = |name: &str| packet.get("requestFields")?.get(name)?.as_str();
        let mut people = self.lock();
        let wanted = field("VID").unwrap_or_default();
        let Some(person) = people.iter_mut().find(|person| person.nid == wanted) else {
            return Done::Nothing("MOSIP has no identity with this VID");
        };
        if let Some(name) = field("fullName").map(in_any_language) {
            (person.first_name, person.family_name) = first_and_last(&name);
            person.middle_name.clear();
        }
        if let Some(born) = field("dateOfBirth") {
            person.birth_date = born.replace('/', "-");
        }
        if let Some(gender) = field("gender").map(in_any_language) {
            person.gender = gender.to_lowercase();
        }
        Done::Changed
    }

    fn flag<'a>(&self, nid: Option<&str>, field: impl Fn(&str) -> Option<&'a str>) -> Done {
        let says_so = field("deathDeclared") == Some("yes")
            || field("declaredAsDeceased") == Some("Y")
            || field("deceasedStatus") == Some("true");
        if !says_so {
            return Done::Nothing("the identity schema has no field that declares the death");
        }
        let mut people = self.lock();
        let person = people
            .iter_mut()
            .find(|person| Some(person.nid.as_str()) == nid);
        let Some(person) = person else {
            return Done::Nothing("MOSIP has no identity with this number");
        };
        person.deceased = true;
        Done::Flagged
    }

    /// Stores a new identity; returns its number.
    fn make(&self, person: Person) -> String {
        let mut people = self.lock();
        let is_made = |person: &&Person| person.made_for.is_some();
        let last = people.iter().rev().find(is_made);
        let last = last.and_then(|person| person.nid.parse::<u64>().ok());
        let nid = (last.unwrap_or(2_000_000_000) + 1).to_string();
        people.push(Person {
            nid: nid.clone(),
            ..person
        });
        if people.len() > MADE
            && let Some(oldest) = people.iter().position(|person| is_made(&person))
        {
            people.remove(oldest);
        }
        nid
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Person>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of `[{"language":"eng","value":"…"}]`, or a plain text as it is.
fn in_any_language(text: &str) -> String {
    let parsed: Value = serde_json::from_str(text).unwrap_or_default();
    let value = parsed.pointer("/0/value").or(parsed.get("value"));
    value.and_then(Value::as_str).unwrap_or(text).to_owned()
}

/// First and last word of a name, as the middleware splits it.
pub(super) fn first_and_last(name: &str) -> (String, String) {
    let words: Vec<&str> = name.split_whitespace().collect();
    let word = |word: Option<&&str>| word.map_or_else(String::new, |word| (*word).to_owned());
    (word(words.first()), word(words.last()))
}

// SPDX-License-Identifier: MPL-2.0
//! Sample births and deaths.

use super::mosip::Person;
use super::places::Places;
use handlers::clock::{Clock, SystemClock};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use opencrvs_toolkit::event_document::Fields;
use serde_json::{Map, Value, json};

/// A sample record.
pub(super) struct Sample {
    /// Its word in forms.
    pub(super) word: &'static str,
    pub(super) event: &'static str,
    pub(super) title: &'static str,
    /// Its course.
    pub(super) what: &'static str,
}

/// All samples.
pub(super) const SAMPLES: [Sample; 6] = [
    Sample {
        word: "mother-known",
        event: "birth",
        title: "Nia Okello, whose mother MOSIP knows",
        what: "The child is eligible: core waits, MOSIP makes a national ID, and the birth is registered with it.",
    },
    Sample {
        word: "father-known",
        event: "birth",
        title: "Yara Mensah, whose father MOSIP knows",
        what: "One verified parent is enough.",
    },
    Sample {
        word: "nobody-known",
        event: "birth",
        title: "Elio Okello, with a typing error in the mother’s ID number",
        what: "Nobody is verified: the birth is registered at once, without a national ID.",
    },
    Sample {
        word: "over-ten",
        event: "birth",
        title: "Tomasi Lindqvist, eleven years old",
        what: "Too old for a national ID through registration: registered at once.",
    },
    Sample {
        word: "husband",
        event: "death",
        title: "Tendai Moyo, whose widow MOSIP knows",
        what: "Registered at once. When core shows the registration, MOSIP is told that the person has died.",
    },
    Sample {
        word: "no-number",
        event: "death",
        title: "Olaf Lindqvist, whose ID number is not known",
        what: "Registered at once. MOSIP is told nothing, as it could find nobody.",
    },
];

/// Today in UTC.
fn today() -> Date {
    TimeZone::UTC.to_datetime(SystemClock.now()).date()
}

/// A name in the format of the forms.
pub(super) fn name(first: &str, middle: &str, last: &str) -> Value {
    let mut name = Map::from_iter([("firstname".to_owned(), first.into())]);
    if !middle.is_empty() {
        name.insert("middlename".to_owned(), middle.into());
    }
    name.insert("surname".to_owned(), last.into());
    name.into()
}

/// Answers about a person: name, date of birth, number, address.
pub(super) fn person(page: &str, person: &Person, places: Option<&Places>) -> Fields {
    let mut fields = Fields::new();
    let mut say = |field: &str, value: Value| {
        fields.insert(format!("{page}.{field}"), value);
    };
    say(
        "name",
        name(&person.first_name, &person.middle_name, &person.family_name),
    );
    if !person.birth_date.is_empty() {
        say("dob", person.birth_date.as_str().into());
    }
    say("nationality", "FAR".into());
    if person.nid.is_empty() {
        say("idType", "NONE".into());
    } else {
        say("idType", "NATIONAL_ID".into());
        say("nid", person.nid.as_str().into());
    }
    if let Some(address) = address(places) {
        say("address", address);
    }
    fields
}

fn address(places: Option<&Places>) -> Option<Value> {
    let village = places?.village()?;
    Some(json!({
        "country": "FAR", "addressType": "DOMESTIC", "administrativeArea": village.id,
        "streetLevelDetails": {"number": "12", "street": "Harbour Lane", "town": village.name},
    }))
}

/// Answers about a child.
pub(super) fn child(name: Value, gender: &str, born: &str, places: Option<&Places>) -> Fields {
    let mut fields = Fields::from_iter([
        ("child.name".to_owned(), name),
        ("child.gender".to_owned(), gender.into()),
        ("child.dob".to_owned(), born.into()),
        ("child.attendantAtBirth".to_owned(), "MIDWIFE".into()),
        ("child.birthType".to_owned(), "SINGLE".into()),
        ("child.weightAtBirth".to_owned(), json!(3.2)),
    ]);
    if let Some(facility) = places.and_then(Places::facility) {
        fields.insert("child.placeOfBirth".to_owned(), "HEALTH_FACILITY".into());
        fields.insert(
            "child.birthLocation".to_owned(),
            facility.id.as_str().into(),
        );
        fields.insert(
            "child.birthLocationId".to_owned(),
            facility.id.as_str().into(),
        );
    }
    fields
}

/// Answers about a deceased and the death.
pub(super) fn deceased(known: &Person, died: &str, places: Option<&Places>) -> Fields {
    let mut fields = person("deceased", known, places);
    let more = [
        ("deceased.gender", known.gender.as_str()),
        ("deceased.maritalStatus", "MARRIED"),
        ("eventDetails.date", died),
        ("eventDetails.mannerOfDeath", "MANNER_NATURAL"),
        ("eventDetails.placeOfDeath", "DECEASED_USUAL_RESIDENCE"),
    ];
    let more = more.map(|(field, value)| (field.to_owned(), value.into()));
    fields.extend(more);
    fields
}

/// Answers about the informant: relation, e-mail address and telephone number.
pub(super) fn informant(relation: &str, mailbox: &str) -> Fields {
    [
        ("informant.relation", relation),
        ("informant.email", mailbox),
        ("informant.phoneNo", "0700111222"),
    ]
    .map(|(field, value)| (field.to_owned(), value.into()))
    .into_iter()
    .collect()
}

/// Answers about a parent without details.
pub(super) fn absent(page: &str) -> Fields {
    Fields::from_iter([
        (format!("{page}.detailsNotAvailable"), true.into()),
        (
            format!("{page}.reason"),
            "Not known to the informant".into(),
        ),
    ])
}

impl Sample {
    /// A sample by its word.
    pub(super) fn named(word: &str) -> Option<&'static Self> {
        SAMPLES.iter().find(|sample| sample.word == word)
    }

    /// The answers of its form.
    pub(super) fn declaration(&self, people: &[Person], places: Option<&Places>) -> Fields {
        let known = |nid: &str| {
            let known = people.iter().find(|person| person.nid == nid);
            known.cloned().unwrap_or_default()
        };
        let days_ago = |days: i32| today().saturating_sub(Span::new().days(days)).to_string();
        let parts = match self.word {
            "mother-known" => vec![
                child(
                    name("Nia", "Sade", "Okello"),
                    "female",
                    &days_ago(21),
                    places,
                ),
                informant("MOTHER", "grace.okello@mail.example"),
                person("mother", &known("2345678901"), places),
                absent("father"),
            ],
            "father-known" => vec![
                child(name("Yara", "", "Mensah"), "female", &days_ago(9), places),
                informant("FATHER", "kofi.mensah@mail.example"),
                absent("mother"),
                person("father", &known("2345678904"), places),
            ],
            "nobody-known" => {
                let mistyped = Person {
                    nid: "2345678910".to_owned(),
                    ..known("2345678901")
                };
                vec![
                    child(name("Elio", "", "Okello"), "male", &days_ago(14), places),
                    informant("MOTHER", "grace.okello@mail.example"),
                    person("mother", &mistyped, places),
                    absent("father"),
                ]
            }
            "over-ten" => {
                let mut child = child(
                    name("Tomasi", "", "Lindqvist"),
                    "male",
                    &days_ago(11 * 366),
                    places,
                );
                child.insert("child.reason".to_owned(), "The family lived abroad".into());
                vec![
                    child,
                    informant("MOTHER", "ilse.lindqvist@mail.example"),
                    person("mother", &known("2345678907"), places),
                    absent("father"),
                ]
            }
            "husband" => vec![
                deceased(&known("2345678906"), &days_ago(4), places),
                informant("SPOUSE", "esther.moyo@mail.example"),
                person("spouse", &known("2345678905"), places),
            ],
            _ => {
                let unknown = Person {
                    nid: String::new(),
                    ..known("2345678908")
                };
                vec![
                    deceased(&unknown, &days_ago(2), places),
                    informant("SPOUSE", "ilse.lindqvist@mail.example"),
                    person("spouse", &known("2345678907"), places),
                ]
            }
        };
        parts.into_iter().flatten().collect()
    }
}

/// The moment as a day in UTC.
pub(super) fn day(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

// SPDX-License-Identifier: MPL-2.0
//! A generated country: births and deaths in its offices, the same in every run.

use country::Places;
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

/// An office where records are made.
pub(crate) struct Office {
    pub(crate) id: String,
    /// Codes of the largest area around it, of the next …
    pub(crate) areas: Vec<String>,
    /// Name of the first.
    pub(crate) province: String,
}

/// Where records are made: the country's own places, with ids as core gives them.
pub(crate) struct Country {
    pub(crate) offices: Vec<Office>,
    hospitals: Vec<String>,
    villages: Vec<String>,
    /// What core answers about its areas and locations.
    pub(crate) areas: Value,
    pub(crate) locations: Value,
}

/// Core's id of a place, by the code of the country.
pub(crate) fn place_id(code: &str) -> String {
    let hash = code
        .bytes()
        .fold(14_695_981_039_346_656_037, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
        });
    uuid(hash, 0)
}

fn uuid(a: u64, b: u64) -> String {
    let (a, b) = (mixed(a, 71), mixed(a ^ b.rotate_left(32), 72));
    uuid::Builder::from_random_bytes((u128::from(a) << 64 | u128::from(b)).to_be_bytes())
        .into_uuid()
        .to_string()
}

/// A number that looks random and follows from two others.
fn mixed(n: u64, what: u64) -> u64 {
    let mut z = n.wrapping_add(what.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Country {
    pub(crate) fn sample() -> Self {
        let mut places = Places::default();
        let (areas, locations) = (
            include_str!("../../country/data/administrative-areas.csv"),
            include_str!("../../country/data/locations.csv"),
        );
        places.read_areas("areas", areas, 3, &mut vec![]);
        places.read_locations("locations", locations, &mut vec![]);
        let parent = |code: &str| {
            let area = places.areas.iter().find(|area| area.id == code);
            area.and_then(|area| area.parent.clone())
        };
        let way_down = |code: &str| {
            let mut way: Vec<_> =
                std::iter::successors(Some(code.to_owned()), |code| parent(code)).collect();
            way.reverse();
            way
        };
        let office = |code: &str, area: &str| {
            let areas = way_down(area);
            let province = places.areas.iter().find(|area| area.id == areas[0]);
            Office {
                id: place_id(code),
                province: province.unwrap().name.clone(),
                areas,
            }
        };
        let of_kind = |kind: &'static str| {
            let located = places
                .locations
                .iter()
                .filter(move |location| location.kind == kind);
            located.filter_map(|location| Some((location.id.as_str(), location.parent.as_deref()?)))
        };
        let is_parent = |code: &str| {
            places
                .areas
                .iter()
                .any(|area| area.parent.as_deref() == Some(code))
        };
        let leaves = places.areas.iter().filter(|area| !is_parent(&area.id));
        let areas = places.areas.iter().map(|area| {
            json!({"id": place_id(&area.id), "name": area.name, "externalId": area.id,
                "parentId": area.parent.as_deref().map(place_id), "validUntil": null})
        });
        let locations = places.locations.iter().map(|location| {
            json!({"id": place_id(&location.id), "name": location.name, "externalId": location.id,
                "administrativeAreaId": location.parent.as_deref().map(place_id),
                "locationType": location.kind, "validUntil": null})
        });
        Self {
            // Of a village: these have all levels above them.
            offices: of_kind("CRVS_OFFICE")
                .map(|(code, area)| office(code, area))
                .filter(|office| office.areas.len() == 3)
                .collect(),
            hospitals: of_kind("HEALTH_FACILITY")
                .map(|(code, _)| place_id(code))
                .collect(),
            villages: leaves.map(|area| place_id(&area.id)).collect(),
            areas: areas.collect(),
            locations: locations.collect(),
        }
    }
}

/// Causes of death, from the most frequent.
const CAUSES: [&str; 5] = [
    "Stroke",
    "Pneumonia",
    "Malaria",
    "Diabetes mellitus",
    "Drowning",
];

/// A birth or a death, and what becomes of it in the registry.
pub(crate) struct Life<'a> {
    n: u64,
    country: &'a Country,
}

impl<'a> Life<'a> {
    pub(crate) fn new(n: u64, country: &'a Country) -> Self {
        Self { n, country }
    }

    fn random(&self, what: u64, below: u64) -> u64 {
        mixed(self.n, what) % below
    }

    fn any<T>(&self, what: u64, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.random(what, of.len() as u64)).unwrap()]
    }

    pub(crate) fn id(&self) -> String {
        uuid(self.n, 1)
    }

    pub(crate) fn action_id(&self, step: u64) -> String {
        uuid(self.n, 100 + step)
    }

    pub(crate) fn event_type(&self) -> &'static str {
        if self.random(1, 5) == 0 {
            "death"
        } else {
            "birth"
        }
    }

    pub(crate) fn is_birth(&self) -> bool {
        self.event_type() == "birth"
    }

    pub(crate) fn office(&self) -> &'a Office {
        self.any(2, &self.country.offices)
    }

    pub(crate) fn declared_sex(&self) -> &'static str {
        if self.random(3, 100) < 51 {
            "male"
        } else {
            "female"
        }
    }

    /// The first clerk was wrong in some of the cases.
    pub(crate) fn sex(&self) -> &'static str {
        match (self.is_corrected(), self.declared_sex()) {
            (true, "male") => "female",
            (true, _) => "male",
            (false, declared) => declared,
        }
    }

    /// Of birth or death.
    pub(crate) fn day(&self) -> Date {
        date(2025, 1, 1) + i64::try_from(self.random(4, 365)).unwrap().days()
    }

    /// From the event to its declaration: most within a month, a tenth after more than a year.
    pub(crate) fn delay(&self) -> i64 {
        let days = match self.random(5, 10) {
            0..7 => self.random(6, 30),
            7..9 => 31 + self.random(6, 330),
            _ => 366 + self.random(6, 200),
        };
        i64::try_from(days).unwrap()
    }

    pub(crate) fn declared_at(&self) -> Timestamp {
        let minute = i64::try_from(self.random(7, 600)).unwrap();
        let time = (self.day() + self.delay().days()).to_string() + "T06:00:00.000Z";
        time.parse::<Timestamp>().unwrap() + minute.minutes()
    }

    /// Nothing for those that are still looked at.
    pub(crate) fn registered_at(&self) -> Option<Timestamp> {
        let hours = i64::try_from(self.random(8, 15 * 24)).unwrap();
        (self.random(9, 20) > 0).then(|| self.declared_at() + hours.hours() + 1.minute())
    }

    pub(crate) fn is_corrected(&self) -> bool {
        self.is_birth() && self.random(10, 8) == 0 && self.registered_at().is_some()
    }

    /// Certificates.
    pub(crate) fn prints(&self) -> u64 {
        self.registered_at().map_or(0, |_| self.random(11, 3))
    }

    pub(crate) fn place(&self) -> &'static str {
        match self.random(12, 4) {
            0 => "OTHER",
            1 => "PRIVATE_HOME",
            _ => "HEALTH_FACILITY",
        }
    }

    pub(crate) fn is_abroad(&self) -> bool {
        self.is_birth() && self.place() == "OTHER" && self.random(13, 4) == 0
    }

    pub(crate) fn mothers_age(&self) -> u64 {
        15 + self.random(14, 30)
    }

    pub(crate) fn cause(&self) -> &'static str {
        let rank = self.random(15, 15);
        CAUSES[usize::try_from(match rank {
            0..5 => 0,
            5..9 => 1,
            9..12 => 2,
            12..14 => 3,
            _ => 4,
        })
        .unwrap()]
    }

    fn is_verified(&self) -> bool {
        self.random(16, 4) == 0
    }

    fn address(&self, country: &str) -> Value {
        let street = json!({"street": format!("Street {}", self.n), "number": "7"});
        if country == "FAR" {
            json!({"country": country, "addressType": "DOMESTIC", "administrativeArea": self.any(17, &self.country.villages), "streetLevelDetails": street})
        } else {
            json!({"country": country, "addressType": "INTERNATIONAL", "streetLevelDetails": street})
        }
    }

    pub(crate) fn declaration(&self) -> Value {
        let name =
            |first: &str| json!({"firstname": first, "surname": format!("Secret{}", self.n)});
        let verified = if self.is_verified() {
            "verified"
        } else {
            "failed"
        };
        if !self.is_birth() {
            return json!({
                "deceased.name": name("Nils"), "deceased.nid": format!("2{:09}", self.n),
                "deceased.idType": "NATIONAL_ID", "eventDetails.causeOfDeathEstablished": true,
                "eventDetails.sourceCauseDeath": "PHYSICIAN",
                "eventDetails.date": self.day().to_string(), "informant.relation": "SPOUSE",
                "spouse.name": name("Ada"), "spouse.verified": verified,
                "causeOfDeathDetails.causeOfDeathA.symptom.one": {"label": self.cause(), "value": place_id(self.cause())},
                "causeOfDeathDetails.causeOfDeathA.interval": {"numericValue": self.random(18, 20), "unit": "Days"},
            });
        }
        let mut declared = json!({
            "child.name": name("Nia"), "child.gender": self.declared_sex(), "child.dob": self.day().to_string(),
            "child.placeOfBirth": self.place(), "child.attendantAtBirth": "MIDWIFE", "child.birthType": "SINGLE",
            "child.weightAtBirth": 2.5, "informant.relation": "MOTHER", "informant.phoneNo": "0700111222",
            "mother.name": name("Grace"), "mother.idType": "NATIONAL_ID", "mother.nid": format!("1{:09}", self.n), "mother.verified": verified,
            "mother.maritalStatus": "MARRIED", "mother.educationalAttainment": "NO_SCHOOLING", "mother.previousBirths": self.random(19, 5),
            "father.detailsNotAvailable": true, "father.reason": "Not known",
        });
        if self.random(20, 3) == 0 {
            declared["mother.dobUnknown"] = json!(true);
            declared["mother.age"] = json!({"age": self.mothers_age(), "asOfDateRef": "child.dob"});
        } else {
            let years = i64::try_from(self.mothers_age()).unwrap();
            declared["mother.dob"] = json!((self.day() - years.years() - 40.days()).to_string());
        }
        match self.place() {
            "HEALTH_FACILITY" => {
                declared["child.birthLocation"] = json!(self.any(21, &self.country.hospitals));
            }
            "PRIVATE_HOME" => declared["child.birthLocation.privateHome"] = self.address("FAR"),
            _ => {
                declared["child.birthLocation.other"] =
                    self.address(if self.is_abroad() { "PRT" } else { "FAR" });
            }
        }
        declared
    }

    /// The sex is another one, the mother's occupation is known, and her schooling is not. Of a death,
    /// how long the cause lasted is not known.
    pub(crate) fn correction(&self) -> Value {
        if !self.is_birth() {
            return json!({"causeOfDeathDetails.causeOfDeathA.interval": null});
        }
        json!({
            "child.gender": self.sex(), "mother.occupation": "Farmer", "mother.educationalAttainment": null,
            "mother.name": {"firstname": "Graça", "middlename": null}, "child.weightAtBirth": 3,
        })
    }

    pub(crate) fn payment(&self) -> Value {
        json!({
            "collector.collect.payment.data.inBetweenRegistrationTargets": {"data": {"fee": "$7.00"}},
            "collector.OTHER.name": {"firstname": "Collector", "surname": format!("Secret{}", self.n)},
        })
    }

    /// An action as core stores it.
    pub(crate) fn action(&self, step: u64, action_type: &str, at: Timestamp, more: Value) -> Value {
        let mut action = json!({
            "id": self.action_id(step), "transactionId": format!("t-{}-{step}", self.n), "type": action_type,
            "status": "Accepted", "createdAt": format!("{at:.3}"), "createdBy": place_id("clerk"),
            "createdByUserType": "user", "createdByRole": "LOCAL_REGISTRAR",
            "createdAtLocation": self.office().id, "declaration": {},
        });
        let Value::Object(more) = more else {
            panic!("{more}")
        };
        action.as_object_mut().unwrap().extend(more);
        action
    }

    /// The record as core exports it for a reindex: without what is null, with all that has happened.
    pub(crate) fn exported(&self) -> Value {
        let mut actions = vec![];
        let mut asked = |action_type: &str, at: Timestamp, request: Value, answer: Value| {
            let step = actions.len() as u64;
            let mut request = request;
            request["status"] = json!("Requested");
            let mut answer = answer;
            answer["originalActionId"] = json!(self.action_id(step));
            if let Some(id) = request.get("requestId") {
                answer["requestId"] = id.clone();
            }
            actions.push(self.action(step, action_type, at, request));
            actions.push(self.action(step + 1, action_type, at + 1.second(), answer));
            self.action_id(step + 1)
        };
        let declared_at = self.declared_at();
        asked(
            "DECLARE",
            declared_at,
            json!({"declaration": self.declaration()}),
            json!({}),
        );
        if let Some(at) = self.registered_at() {
            let number = json!({"registrationNumber": format!("{:012}", self.n)});
            asked("REGISTER", at, json!({}), number);
            if self.is_corrected() {
                let request = json!({"declaration": self.correction()});
                let id = asked("REQUEST_CORRECTION", at + 1.hour(), request, json!({}));
                asked(
                    "APPROVE_CORRECTION",
                    at + 2.hour(),
                    json!({"requestId": id}),
                    json!({}),
                );
            }
            for print in 0..self.prints() {
                let at = at + 3.hour() + i64::try_from(print).unwrap().minutes();
                asked(
                    "PRINT_CERTIFICATE",
                    at,
                    json!({"annotation": self.payment()}),
                    json!({}),
                );
            }
        }
        let before = [("CREATE", 900), ("ASSIGN", 901), ("READ", 902)];
        let before = before.map(|(action_type, step)| {
            let at = declared_at - 10.minutes() + i64::try_from(step - 900).unwrap().minutes();
            self.action(step, action_type, at, json!({}))
        });
        let mut all = before.to_vec();
        all.extend(actions);
        exported(
            json!({"id": self.id(), "type": self.event_type(), "trackingId": "GENERA", "actions": all}),
        )
    }
}

/// A document as core's database writes it: with its own columns, without nulls, times with an offset.
pub(crate) fn exported(mut document: Value) -> Value {
    document["eventType"] = document["type"].clone();
    let id = document["id"].clone();
    for action in document["actions"].as_array_mut().unwrap() {
        action["eventId"] = id.clone();
        action["createdAt"] = json!(action["createdAt"].as_str().unwrap().replace('Z', "+00:00"));
        strip(action);
    }
    document
}

fn strip(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, value| !value.is_null());
        members.values_mut().for_each(strip);
    }
}

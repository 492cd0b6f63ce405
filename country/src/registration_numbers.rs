// SPDX-License-Identifier: MPL-2.0
//! `registration-numbers.toml`: the formats of registration numbers.

use super::places::Places;
use rules::annotated_toml::{Reader, Section, Text, one_of};
use rules::diagnostic::{Diagnostic, did_you_mean, known_name_or_all};
use rules::registration_numbers::{
    self, CheckDigits, EventFormat, Format, Formats, LAST_POSITION, Part, Scope, is_code,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

/// The file.
pub(super) const FILE: &str = "registration-numbers.toml";
/// Core's word for an office that registers.
const OFFICE: &str = "CRVS_OFFICE";
/// The most offices that a message names; others are counted.
const NAMED: usize = 5;

/// Reads the formats. `events` are the types that there are.
pub(super) fn parse(
    file: &str,
    text: &str,
    events: &[&str],
    places: &Places,
    found: &mut Vec<Diagnostic>,
) -> Formats {
    let mut reader = Reader::new(file, text);
    let offices = offices(places);
    let codes = codes(places);
    let mut formats = Formats {
        events: BTreeMap::new(),
        codes: codes.into_iter().filter(|(id, code)| id != code).collect(),
        offices: offices.iter().map(Office::known).collect(),
    };
    // What each event's numbers look like: two must not look alike.
    let mut looks: BTreeMap<String, String> = BTreeMap::new();
    if let Some(document) = reader.document() {
        let root = Section::root(&document);
        root.only(&mut reader, &["event"]);
        for section in root.sections(&mut reader, "event") {
            let read = event(&mut reader, &section, events, &offices, &formats);
            let Some((id, format, span)) = read else {
                continue;
            };
            let look = look(&format.format, &id);
            if formats.events.contains_key(&id) {
                let message = format!("{} is there twice", section.what);
                reader.error(section.span.clone(), message, None);
            } else if let Some(other) = looks.get(&look) {
                let message = format!("{}: a `{other}` could have the same number", section.what);
                let hint = "begin the numbers of each event with other letters, or use {event}";
                reader.error(span, message, Some(hint.to_owned()));
            }
            looks.insert(look, id.clone());
            formats.events.insert(id, format);
        }
    }
    found.extend(reader.into_found());
    formats
}

/// An office of the country's files.
struct Office<'p> {
    id: &'p str,
    code: String,
    areas: Vec<&'p str>,
}

impl Office<'_> {
    fn known(&self) -> registration_numbers::Office {
        registration_numbers::Office {
            id: String::new(),
            external_id: self.id.to_owned(),
            areas: self.areas.iter().map(|&area| area.to_owned()).collect(),
        }
    }
}

fn codes(places: &Places) -> HashMap<String, String> {
    let offices = places.locations.iter();
    offices
        .map(|office| {
            let code = office.code.as_ref().unwrap_or(&office.id);
            (office.id.clone(), code.clone())
        })
        .collect()
}

fn offices(places: &Places) -> Vec<Office<'_>> {
    let parents: HashMap<&str, Option<&str>> = places
        .areas
        .iter()
        .map(|area| (area.id.as_str(), area.parent.as_deref()))
        .collect();
    let around = |first: Option<&'_ str>| {
        let mut areas = Vec::new();
        let mut next = first.and_then(|id| parents.get_key_value(id));
        while let Some((id, parent)) = next
            && !areas.contains(id)
        {
            areas.push(*id);
            next = parent.and_then(|id| parents.get_key_value(id));
        }
        areas.reverse();
        areas
    };
    let offices = places.locations.iter().filter(|place| place.kind == OFFICE);
    offices
        .map(|office| Office {
            id: &office.id,
            code: office.code.clone().unwrap_or_else(|| office.id.clone()),
            areas: around(office.parent.as_deref()),
        })
        .collect()
}

fn event(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    events: &[&str],
    offices: &[Office<'_>],
    formats: &Formats,
) -> Option<(String, EventFormat, Range<usize>)> {
    section.only(
        reader,
        &[
            "id",
            "format",
            "fallback",
            "per",
            "start",
            "starts",
            "check",
            "alphabet",
            "fallback-offices",
        ],
    );
    let id = section.required_text(reader, "id")?;
    if !events.is_empty() && !events.contains(&id.value) {
        let message = format!("there is no event `{}`", id.value);
        let hint = known_name_or_all(id.value, events);
        reader.error(id.span.clone(), message, Some(hint));
    }
    let check = section
        .item("check")
        .and_then(|_| one_of(reader, section, "check", CheckDigits::ALL));
    let alphabet = section.text(reader, "alphabet");
    let alphabet = alphabet.map(|text| text.value);
    let text = section.required_text(reader, "format")?;
    let format = read(reader, section, &text, alphabet, check);
    let has_check = |format: &Format| format.has(|part| *part == Part::Check);
    if check.is_some() && format.as_ref().is_some_and(|format| !has_check(format)) {
        let message = format!("{}: `check` has no effect", section.what);
        let hint = "write {check} where the format has the check digits".to_owned();
        let at = section.item("check").map(|item| section.item_span(item));
        reader.warning(at.unwrap_or_default(), message, Some(hint));
    }
    let fallback = section.text(reader, "fallback");
    let fallback = fallback.and_then(|text| {
        let format = read(reader, section, &text, alphabet, check)?;
        let of_place = |part: &Part| {
            matches!(
                part,
                Part::OfficeCode | Part::AreaCode(_) | Part::Sequence(_)
            )
        };
        if format.has(of_place) {
            let message = format!(
                "{}: the fallback is for offices that are not known",
                section.what
            );
            let hint = "make it of {random:10}, {year}, {month}, {event} and letters".to_owned();
            reader.error(text.span, message, Some(hint));
        }
        Some(format)
    });
    let (format, text) = (format?, text.span);
    let per = scopes(reader, section, &format);
    let start = position(reader, section, "start").unwrap_or(1);
    let event = EventFormat {
        starts: starts(reader, section, offices),
        fallback_offices: listed(reader, section, offices),
        format,
        fallback,
        per,
        start,
    };
    check_codes(reader, section, &event, offices, formats, &text);
    Some((id.value.to_owned(), event, text))
}

fn read(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    text: &Text<'_>,
    alphabet: Option<&str>,
    check: Option<CheckDigits>,
) -> Option<Format> {
    match Format::parse(text.value, alphabet, check) {
        Ok(format) => Some(format),
        Err(error) => {
            let message = format!("{}: `{}`: {error}", section.what, text.value);
            reader.error(text.span.clone(), message, error.hint);
            None
        }
    }
}

/// Reads the scopes that have sequences of their own. The number must contain each, or two would be the same.
fn scopes(reader: &mut Reader<'_>, section: &Section<'_>, format: &Format) -> Vec<Scope> {
    let mut scopes = Vec::new();
    let given = section.texts(reader, "per");
    let has = |name: &str| given.iter().any(|text| text.value == name);
    for text in &given {
        let area = text
            .value
            .strip_prefix("area.")
            .and_then(|level| level.parse().ok());
        let (scope, told, part) = match (text.value, area) {
            ("office", _) => (
                Scope::Office,
                format.has(|p| *p == Part::OfficeCode),
                "office.code".to_owned(),
            ),
            ("year", _) => (
                Scope::Year,
                format.has(|p| matches!(p, Part::Year(_))),
                "year".to_owned(),
            ),
            ("month", _) => (
                Scope::Month,
                format.has(|p| *p == Part::Month) && has("year"),
                "month".to_owned(),
            ),
            (_, Some(level)) => (
                Scope::Area(level),
                format.has(|p| *p == Part::AreaCode(level)),
                format!("area.{level}.code"),
            ),
            _ => {
                let message = format!(
                    "{}: nothing can have a sequence per `{}`",
                    section.what, text.value
                );
                let known = ["office", "area.1", "year", "month"];
                let hint = known_name_or_all(text.value, &known);
                reader.error(text.span.clone(), message, Some(hint));
                continue;
            }
        };
        if !told {
            let message = format!(
                "{}: with a sequence per `{}`, two numbers would be the same",
                section.what, text.value
            );
            let year = if scope == Scope::Month {
                ", and `year` to `per`"
            } else {
                ""
            };
            let hint = format!("add {{{part}}} to the format{year}");
            reader.error(text.span.clone(), message, Some(hint));
        }
        scopes.push(scope);
    }
    if let (false, Some(first)) = (format.has_sequence(), given.first()) {
        let message = format!(
            "{}: `per` says nothing, as the format has no {{sequence}}",
            section.what
        );
        reader.error(first.span.clone(), message, None);
    }
    scopes
}

fn position(reader: &mut Reader<'_>, section: &Section<'_>, key: &str) -> Option<u64> {
    let item = section.item(key)?;
    let value = item.as_integer().and_then(|n| u64::try_from(n).ok());
    let value = value.filter(|value| *value <= LAST_POSITION);
    if value.is_none() {
        let message = format!(
            "{}: `{key}` is not a whole number from 0 to {LAST_POSITION}",
            section.what
        );
        reader.error(section.item_span(item), message, None);
    }
    value
}

fn starts(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    offices: &[Office<'_>],
) -> HashMap<String, u64> {
    let what = format!("{}: `starts`", section.what);
    let Some(starts) = section.section(reader, "starts", what) else {
        return HashMap::new();
    };
    let mut read = HashMap::new();
    for office in starts.keys() {
        known(reader, &starts, &office, offices);
        if let Some(start) = position(reader, &starts, office.value) {
            read.insert(office.value.to_owned(), start);
        }
    }
    read
}

fn listed(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    offices: &[Office<'_>],
) -> BTreeSet<String> {
    let listed = section.texts(reader, "fallback-offices");
    for office in &listed {
        known(reader, section, office, offices);
    }
    listed
        .iter()
        .map(|office| office.value.to_owned())
        .collect()
}

fn known(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    office: &Text<'_>,
    offices: &[Office<'_>],
) {
    let ids = || offices.iter().map(|office| office.id);
    // Without any office, the fault is in their file.
    if !offices.is_empty() && !ids().any(|id| id == office.value) {
        let message = format!("{}: there is no office `{}`", section.what, office.value);
        let hint = did_you_mean(office.value, ids())
            .unwrap_or_else(|| "name it by its id in locations.csv".to_owned());
        reader.error(office.span.clone(), message, Some(hint));
    }
}

/// Checks that every office can make a number of its own.
fn check_codes(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    event: &EventFormat,
    offices: &[Office<'_>],
    formats: &Formats,
    at: &Range<usize>,
) {
    let levels = event.format.parts.iter().filter_map(|part| match part {
        Part::AreaCode(level) => Some(*level),
        _ => None,
    });
    let levels: Vec<usize> = levels.collect();
    let tells_office = event.format.has(|part| *part == Part::OfficeCode);
    let has_code = |office: &Office<'_>| !tells_office || formats.code(office.id).is_some();
    let has_area = |office: &Office<'_>| {
        let code = |level: &usize| level.checked_sub(1).and_then(|n| office.areas.get(n));
        levels
            .iter()
            .all(|level| code(level).is_some_and(|code| is_code(code)))
    };
    let own = |office: &&Office<'_>| !event.fallback_offices.contains(office.id);
    let mut tell = |lacking: Vec<&str>, what: &str, hint: &str| {
        let Some(n) = lacking.len().checked_sub(1) else {
            return;
        };
        let named = lacking.iter().take(NAMED).map(|id| format!("`{id}`"));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = if n < NAMED {
            String::new()
        } else {
            format!(" and {} others", n + 1 - NAMED)
        };
        let message = format!("{}: {what}: {named}{more}", section.what);
        let hint = format!("{hint}, or list them in `fallback-offices`");
        reader.error(at.clone(), message, Some(hint));
    };
    let without = |has: &dyn Fn(&Office<'_>) -> bool| {
        let lacking = offices.iter().filter(own).filter(|office| !has(office));
        lacking.map(|office| office.id).collect::<Vec<_>>()
    };
    tell(
        without(&has_code),
        "these offices have no code that a number can hold",
        "fill in the column `code` of locations.csv with letters, digits, `-` and `/`",
    );
    tell(
        without(&has_area),
        "these offices do not lie in an area of each level that the number tells",
        "change `partOf` in locations.csv",
    );
    if tells_office {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        let again = offices.iter().filter(own).filter(|office| {
            !office.code.is_empty() && seen.insert(&office.code, office.id).is_some()
        });
        let again = again.map(|office| office.id).collect();
        tell(
            again,
            "these offices have the code of another",
            "give each a code of its own in locations.csv",
        );
    }
}

/// A format with the same text for parts that can be the same.
fn look(format: &Format, event: &str) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Event => event.to_uppercase(),
        other => format!("{{{other:?}}}"),
    };
    format.parts.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::super::places::Location;
    use super::*;
    use rstest::rstest;

    fn places() -> Places {
        let area = |id: &str, parent: Option<&str>| super::super::places::Area {
            id: id.to_owned(),
            name: id.to_owned(),
            parent: parent.map(str::to_owned),
        };
        let office = |id: &str, code: &str, parent: Option<&str>| Location {
            id: id.to_owned(),
            name: id.to_owned(),
            parent: parent.map(str::to_owned),
            kind: OFFICE.into(),
            code: Some(code.to_owned()),
        };
        Places {
            areas: vec![area("P1", None), area("D1", Some("P1"))],
            locations: vec![
                office("CRO1", "LMR", Some("D1")),
                office("CRO2", "AVE", Some("D1")),
                office("CRO3", "", None),
            ],
            country: None,
        }
    }

    fn read_text(text: &str) -> (Formats, Vec<String>) {
        let mut found = Vec::new();
        let formats = parse(FILE, text, &["birth", "death"], &places(), &mut found);
        let told = found.iter().map(|f| format!("{}: {}", f.line, f.message));
        (formats, told.collect())
    }

    #[test]
    fn formats_are_read_with_scopes_starts_and_codes() {
        let (formats, told) = read_text(
            "[[event]]\nid = \"birth\"\nformat = \"B{office.code}{area.2.code}-{year}-{sequence:5}{check}\"\n\
             fallback = \"BX{year}-{random:8}\"\nper = [\"office\", \"year\"]\nstart = 10\nstarts = { CRO2 = 700 }\n\
             check = \"luhn\"\nfallback-offices = [\"CRO3\"]\n",
        );
        assert_eq!(told, [""; 0]);
        let birth = &formats.events["birth"];
        assert_eq!(birth.per, [Scope::Office, Scope::Year]);
        assert_eq!((birth.start, birth.starts["CRO2"]), (10, 700));
        assert_eq!(birth.format.check, Some(CheckDigits::Luhn));
        assert_eq!(formats.code("CRO1"), Some("LMR"));
        assert!(formats.need_offices());
    }

    #[rstest]
    #[case(
        "id = \"brith\"\nformat = \"{sequence:5}\"",
        &["2: there is no event `brith`"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{sequnce:5}\"",
        &["3: event `birth`: `{sequnce:5}`: there is no `{sequnce:5}`"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{office.code}{sequence:5}\"",
        &["3: event `birth`: these offices have no code that a number can hold: `CRO3`"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{area.2.code}{sequence:5}\"",
        &["3: event `birth`: these offices do not lie in an area of each level that the number tells: `CRO3`"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{sequence:5}\"\nper = [\"year\"]",
        &["4: event `birth`: with a sequence per `year`, two numbers would be the same"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{year}{month}{sequence:5}\"\nper = [\"month\"]",
        &["4: event `birth`: with a sequence per `month`, two numbers would be the same"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{random:9}\"\nper = [\"year\"]",
        &[
            "4: event `birth`: with a sequence per `year`, two numbers would be the same",
            "4: event `birth`: `per` says nothing, as the format has no {sequence}",
        ]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{sequence:5}\"\nper = [\"ofice\"]",
        &["4: event `birth`: nothing can have a sequence per `ofice`"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{sequence:5}\"\nfallback = \"{office.code}{random:9}\"",
        &["4: event `birth`: the fallback is for offices that are not known"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{sequence:5}\"\nstarts = { CRO9 = 1 }",
        &["4: event `birth`: `starts`: there is no office `CRO9`"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{sequence:5}\"\nstart = -1",
        &["4: event `birth`: `start` is not a whole number from 0 to 999999999999"]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{sequence:5}{check}\"\ncheck = \"lunh\"",
        &[
            "3: event `birth`: `{sequence:5}{check}`: nothing says how `{check}` is computed",
            "4: event `birth`: unknown check `lunh`",
        ]
    )]
    #[case(
        "id = \"birth\"\nformat = \"{year}-{sequence:5}\"\n[[event]]\nid = \"death\"\nformat = \"{year}-{sequence:5}\"",
        &["6: event `death`: a `birth` could have the same number"]
    )]
    fn mistakes_are_told_where_they_are(#[case] text: &str, #[case] expected: &[&str]) {
        let (_, told) = read_text(&format!("[[event]]\n{text}\n"));
        assert_eq!(told, expected);
    }
}

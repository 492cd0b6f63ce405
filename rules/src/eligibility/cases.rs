// SPDX-License-Identifier: MPL-2.0
//! Reads `country/data/eligibility.tests.toml`: examples that the rules must decide as written.

use std::collections::BTreeSet;

use jiff::civil::Date;
use opencrvs_toolkit::event_document::EventDocument;
use opencrvs_toolkit::event_document::Fields;
use serde_json::{Value, json};
use toml_edit::Item;

use super::parse;
use super::{Answer, Decision, Operation, RuleSet};
use crate::annotated_toml::{Reader, Section, json_with_plain_keys};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::expression::functions::date;
use crate::expression::{Facts, Vocabulary};

/// The examples of a country.
#[derive(Debug)]
pub struct Cases {
    pub(super) file: String,
    pub(super) cases: Vec<Case>,
}

/// One example.
#[derive(Debug)]
pub struct Case {
    /// The description of the example, in words.
    pub name: String,
    /// Its line in the file.
    pub line: usize,
    pub(super) event: String,
    pub(super) action: String,
    today: Date,
    registration_number: Option<String>,
    state: Fields,
    /// Fields that had an answer in an earlier action.
    ever: Vec<String>,
    pub(super) expected: Expected,
}

/// The decision that an example expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// No rule decides.
    None,
    /// A rule decides; values that are not given may be anything.
    Rule {
        /// Its name.
        rule: Option<String>,
        /// The operation that MOSIP is asked to perform.
        operation: Option<Operation>,
        /// The answer to core.
        answer: Option<Answer>,
    },
}

impl Cases {
    /// Reads and checks the examples; reports every fault of the file at once.
    pub fn parse(file: &str, text: &str, vocabulary: &Vocabulary) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader::new(file, text);
        let cases = read(&mut reader, vocabulary);
        match cases {
            Some(cases) if !reader.failed() => Ok(Self {
                file: file.to_owned(),
                cases,
            }),
            _ => Err(reader.into_found()),
        }
    }
}

impl Case {
    /// Lets the rules decide this example.
    pub(super) fn decide(&self, rules: &RuleSet) -> Option<Decision> {
        let earlier = self.ever.iter().map(|field| (field.clone(), json!(true)));
        let earlier: Fields = earlier.collect();
        let actions = json!([
            {"id": "earlier", "type": "CREATE", "status": "Accepted", "declaration": earlier},
            {"id": "case", "type": self.action, "status": "Requested"},
        ]);
        let event =
            json!({"id": "case", "type": self.event, "trackingId": "CASE01", "actions": actions});
        let event = EventDocument::try_from(event).ok()?;
        let registration_number = self.registration_number.as_deref();
        let facts = Facts {
            event: &event,
            action: event.actions.last()?,
            state: &self.state,
            today: self.today,
            registration_number,
        };
        Some(rules.decide(&facts))
    }
}

impl Case {
    /// An answer that looks like a date and is not one: the field, the answer, and the date that is meant.
    pub(super) fn malformed_date(&self) -> Option<(&str, &str, String)> {
        self.state.iter().find_map(|(field, answer)| {
            let text = answer.as_str()?;
            let parts: Vec<&str> = text.split(['.', '/', '-']).collect();
            let [year, month, day] = match parts.as_slice() {
                [day, month, year] if year.len() == 4 => [year, month, day],
                [year, month, day] if year.len() == 4 => [year, month, day],
                _ => return None,
            };
            let meant = date(&format!("{year}-{month}-{day}"))?;
            date(text)
                .is_none()
                .then(|| (field.as_str(), text, meant.to_string()))
        })
    }
}

impl Expected {
    /// Returns true if the decision is the expected one.
    pub fn is_met_by(&self, decision: &Decision) -> bool {
        match (self, decision.outcome()) {
            (Self::None, None) => true,
            (
                Self::Rule {
                    rule,
                    operation,
                    answer,
                },
                Some(outcome),
            ) => {
                rule.as_deref().is_none_or(|name| name == outcome.rule)
                    && operation.is_none_or(|operation| operation == outcome.operation)
                    && answer.is_none_or(|answer| answer == outcome.answer)
            }
            _ => false,
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Rule {
            rule,
            operation,
            answer,
        } = self
        else {
            return f.write_str("no rule");
        };
        let parts = [
            rule.clone(),
            operation.map(|operation| operation.to_string()),
            answer.map(|answer| answer.to_string()),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

fn read(reader: &mut Reader<'_>, vocabulary: &Vocabulary) -> Option<Vec<Case>> {
    let document = reader.document()?;
    let root = Section::root(&document);
    root.only(reader, &["case"]);
    let sections = root.sections(reader, "case");
    Some(
        sections
            .iter()
            .filter_map(|section| case(reader, section, vocabulary))
            .collect(),
    )
}

fn case(reader: &mut Reader<'_>, section: &Section<'_>, vocabulary: &Vocabulary) -> Option<Case> {
    section.only(
        reader,
        &[
            "name",
            "event",
            "action",
            "today",
            "registration-number",
            "state",
            "ever",
            "expect",
        ],
    );
    let name = section.required_text(reader, "name");
    let (event, action) = parse::event_and_action(reader, section, vocabulary);
    let today = today(reader, section);
    let expected = expected(reader, section);
    let registration_number = section
        .text(reader, "registration-number")
        .map(|text| text.value.to_owned());
    let ever = ever(
        reader,
        section,
        event.and_then(|event| vocabulary.fields(event)),
    );
    let mut state = Fields::new();
    if let Some(answers) = section.section(reader, "state", format!("{}, state", section.what)) {
        let fields = event.and_then(|event| vocabulary.fields(event));
        collect(reader, &answers, fields?, "", &mut state);
    }
    Some(Case {
        name: name?.value.to_owned(),
        line: reader.line(&section.span),
        event: event?.to_owned(),
        action: action?.to_owned(),
        today: today?,
        registration_number,
        state,
        ever,
        expected: expected?,
    })
}

/// Fields that had an answer once.
fn ever(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    known: Option<&BTreeSet<String>>,
) -> Vec<String> {
    let mut ever = Vec::new();
    for field in section.texts(reader, "ever") {
        if let Some(known) = known.filter(|known| !known.contains(field.value)) {
            let message = format!("{}: unknown field `{}`", section.what, field.value);
            let hint = did_you_mean(field.value, known.iter().map(String::as_str));
            reader.error(field.span, message, hint);
        }
        ever.push(field.value.to_owned());
    }
    ever
}

/// The day of the example, as a TOML date or as text.
fn today(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Date> {
    let text = match section.item("today") {
        Some(item) if item.is_datetime() => item.as_datetime().map(ToString::to_string),
        _ => section
            .required_text(reader, "today")
            .map(|text| text.value.to_owned()),
    };
    let today = text.as_deref().and_then(date);
    if text.is_some() && today.is_none() {
        reader.error(
            section.span_at("today"),
            format!("{}: `today` is not a date", section.what),
            Some("write it as today = 2026-06-01".into()),
        );
    }
    today
}

fn expected(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Expected> {
    if section.item("expect").and_then(Item::as_str) == Some("none") {
        return Some(Expected::None);
    }
    if section
        .item("expect")
        .is_none_or(|item| !item.is_table_like())
    {
        let hint = Some("write expect = \"none\", or expect = { rule = \"..\", operation = \"..\", answer = \"..\" }".into());
        reader.error(
            section.span_at("expect"),
            format!("{}: `expect` is missing or of the wrong kind", section.what),
            hint,
        );
        return None;
    }
    let expect = section.section(reader, "expect", format!("{}, expect", section.what))?;
    expect.only(reader, &["rule", "operation", "answer"]);
    let rule = expect
        .text(reader, "rule")
        .map(|rule| rule.value.to_owned());
    let operation = expect.item("operation");
    let operation = operation.and_then(|_| parse::operation(reader, &expect));
    let answer = expect.item("answer");
    let answer = answer.and_then(|_| parse::answer(reader, &expect));
    Some(Expected::Rule {
        rule,
        operation,
        answer,
    })
}

/// Gathers the answers. A field id may be written in quotes or as a dotted key, which TOML reads
/// as tables within tables; the longest known id is the field, and what is below it its answer.
fn collect(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    fields: &BTreeSet<String>,
    above: &str,
    state: &mut Fields,
) {
    for key in section.keys() {
        let id = format!("{above}{}", key.value);
        let item = section.item(key.value);
        let leads_to_field = |(key, _): (&str, &Item)| {
            let below = format!("{id}.{key}");
            fields
                .range(below.clone()..)
                .next()
                .is_some_and(|field| *field == below || field.starts_with(&format!("{below}.")))
        };
        let table = item.and_then(Item::as_table_like);
        let is_page = !fields.contains(&id)
            && fields
                .iter()
                .any(|field| field.starts_with(&format!("{id}.")));
        if table.is_some_and(|table| is_page || table.iter().any(leads_to_field)) {
            if let Some(inner) = section.section(reader, key.value, section.what.clone()) {
                collect(reader, &inner, fields, &format!("{id}."), state);
            }
        } else if fields.contains(&id) {
            state.insert(id, item.map_or(Value::Null, json_with_plain_keys));
        } else {
            let hint = did_you_mean(&id, fields.iter().map(String::as_str));
            reader.error(
                key.span,
                format!("{}: unknown field `{id}`", section.what),
                hint,
            );
        }
    }
}

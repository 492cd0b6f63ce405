// SPDX-License-Identifier: MPL-2.0
//! `translations/*.csv`: the texts that people read, in every language of the country.

use super::icu::{self, Arguments, Kind};
use rules::csv_table::Table;
use rules::diagnostic::{Diagnostic, did_you_mean};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The texts of one file.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    /// The languages, in the order of the file.
    pub languages: Vec<String>,
    /// Each row, in the order of the file.
    pub rows: Vec<Row>,
}

/// A text in all languages.
#[derive(Debug, Clone)]
pub struct Row {
    /// The id under which it is looked up.
    pub id: String,
    /// The text in each language, in the order of [`Texts::languages`]; empty where it is missing.
    pub texts: Vec<String>,
    /// The file.
    pub file: Arc<str>,
    /// Line in the file, from 1.
    pub line: usize,
}

/// Returns true if this is a code like `en`, `fr` or `pt-BR`.
pub(crate) fn is_language(code: &str) -> bool {
    let first = code.split('-').next().unwrap_or_default();
    (2..=3).contains(&first.len()) && code.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
}

/// The syntax of a file's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// ICU, for core's client.
    Icu,
    /// Handlebars, for messages that this server sends; checked where they are compiled.
    Handlebars,
}

impl Texts {
    /// Reads a file with a column for each of the country's languages.
    pub fn parse(
        file: &str,
        text: &str,
        languages: &[String],
        syntax: Syntax,
        found: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut columns = vec!["id", "description"];
        columns.extend(languages.iter().map(String::as_str));
        // Further languages may wait to be used.
        let mut table = Table::read(file, text, &columns, is_language);
        let faults = table.take_found();
        let whole = faults.is_empty();
        found.extend(faults);
        let Some(id) = table.column("id") else {
            return Self::default();
        };
        let columns: Vec<_> = languages
            .iter()
            .filter_map(|language| table.column(language))
            .collect();
        let name_of_file: Arc<str> = file.into();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut rows = Vec::new();
        for row in table.rows() {
            let name = row.cell(id);
            if name.is_empty() {
                found.push(table.error(&row, id, "a text has no id".to_owned(), None));
            }
            if !seen.insert(name) {
                let message = format!("there is another text `{name}` above");
                found.push(table.error(&row, id, message, Some("keep one of them".to_owned())));
            }
            let mut first: Option<(&str, Arguments)> = None;
            for (column, language) in columns.iter().zip(languages) {
                let text = row.raw(*column);
                if syntax == Syntax::Handlebars {
                    continue;
                }
                if text.trim().is_empty() {
                    let message = format!("`{name}` has no text in `{language}`");
                    let hint = "people will read core's default instead".to_owned();
                    found.push(table.warning(&row, *column, message, Some(hint)));
                    continue;
                }
                match icu::arguments(text) {
                    Err(fault) => {
                        let message =
                            format!("`{name}` in `{language}` cannot be formatted: {fault}");
                        found.push(table.error(&row, *column, message, None));
                    }
                    Ok(arguments) => match &first {
                        None => first = Some((language, arguments)),
                        Some((other, expected)) => {
                            if let Some((what, hint)) = difference(expected, &arguments, other) {
                                let message = format!("`{name}` in `{language}`: {what}");
                                found.push(table.error(&row, *column, message, Some(hint)));
                            }
                        }
                    },
                }
            }
            rows.push(Row {
                id: name.to_owned(),
                texts: columns
                    .iter()
                    .map(|column| row.raw(*column).to_owned())
                    .collect(),
                file: name_of_file.clone(),
                line: row.line,
            });
        }
        if whole && rows.is_empty() {
            found.push(Diagnostic::of_file(file, "there is no text"));
        }
        if !whole && columns.len() != languages.len() {
            return Self::default();
        }
        Self {
            languages: languages.to_vec(),
            rows,
        }
    }

    /// Takes in the rows of another file, in place of those with the same ids.
    pub(super) fn extend(&mut self, other: Self) {
        let ids: HashSet<&str> = other.rows.iter().map(|row| row.id.as_str()).collect();
        self.rows.retain(|row| !ids.contains(row.id.as_str()));
        self.rows.extend(other.rows);
    }

    /// Fills values of the country's settings into texts: message id, argument, and the value for it.
    pub(super) fn fill_in(&mut self, values: &[(String, &str, String)]) {
        for (id, argument, value) in values {
            for row in self.rows.iter_mut().filter(|row| row.id == *id) {
                for text in &mut row.texts {
                    *text = text.replace(&format!("{{{argument}}}"), value);
                }
            }
        }
    }

    /// These texts in other languages; empty where there is none.
    pub(super) fn in_languages(&self, languages: &[String]) -> Self {
        let columns: Vec<Option<usize>> = languages
            .iter()
            .map(|language| self.languages.iter().position(|known| known == language))
            .collect();
        let mut rows = self.rows.clone();
        for row in &mut rows {
            let texts = columns
                .iter()
                .map(|column| row.texts.get((*column)?).cloned());
            row.texts = texts.map(Option::unwrap_or_default).collect();
        }
        Self {
            languages: languages.to_vec(),
            rows,
        }
    }

    /// These texts, and those of others where these have none.
    #[must_use]
    pub(super) fn over(mut self, below: &Self) -> Self {
        let own: HashMap<String, usize> = self
            .rows
            .iter()
            .enumerate()
            .map(|(n, row)| (row.id.clone(), n))
            .collect();
        for row in &below.rows {
            match own.get(&row.id).and_then(|n| self.rows.get_mut(*n)) {
                Some(own) => {
                    for (text, other) in own.texts.iter_mut().zip(&row.texts) {
                        if text.trim().is_empty() {
                            text.clone_from(other);
                        }
                    }
                }
                None => self.rows.push(row.clone()),
            }
        }
        self
    }

    /// The document for core's pages. A text that is missing is left out: core shows its own then.
    pub fn document(&self) -> serde_json::Result<Vec<u8>> {
        let of = |index: usize| -> Map<String, Value> {
            let told = |row: &Row| {
                let text = row
                    .texts
                    .get(index)
                    .filter(|text| !text.trim().is_empty())?;
                Some((row.id.clone(), text.clone().into()))
            };
            self.rows.iter().filter_map(told).collect()
        };
        let languages: Vec<_> = self
            .languages
            .iter()
            .enumerate()
            .map(|(index, language)| json!({ "lang": language, "messages": of(index) }))
            .collect();
        serde_json::to_vec(&json!({ "languages": languages }))
    }
}

/// The difference between the arguments of a text and those of another, and the remedy.
pub(super) fn difference(
    expected: &Arguments,
    given: &Arguments,
    other: &str,
) -> Option<(String, String)> {
    for (name, kind) in given {
        let Some(known) = expected.get(name) else {
            let hint = did_you_mean(name, expected.keys().map(String::as_str))
                .unwrap_or_else(|| format!("`{other}` has {}", names(expected)));
            return Some((format!("there is no argument `{name}` in `{other}`"), hint));
        };
        match (known, kind) {
            (
                Kind::Choice { by, cases },
                Kind::Choice {
                    by: also,
                    cases: given,
                },
            ) if by == also => {
                // How many plurals a language has is its own affair.
                if by == "select"
                    && let Some(case) = given.symmetric_difference(cases).next()
                {
                    let what = format!("the case `{case}` of `{name}` is in one language only");
                    return Some((what, format!("`{other}` has {}", list(cases))));
                }
            }
            (Kind::Choice { by, .. }, _) => {
                let what = format!("`{name}` does not choose between texts");
                return Some((what, format!("in `{other}` it is a {by}")));
            }
            _ => {}
        }
    }
    let missing = expected.keys().find(|name| !given.contains_key(*name))?;
    Some((
        format!("the argument `{missing}` is missing"),
        format!("`{other}` has {}", names(expected)),
    ))
}

fn names(arguments: &Arguments) -> String {
    if arguments.is_empty() {
        "none".to_owned()
    } else {
        list(arguments.keys())
    }
}

fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

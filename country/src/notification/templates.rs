// SPDX-License-Identifier: MPL-2.0
//! The country's wording, compiled once and checked before any of it is used.
//!
//! A message has two files per language: `en/reset-password.html`, and `en/reset-password.txt`, whose
//! first line is the subject. Files that begin with `_` are parts which others include. The text of an
//! SMS is a row of a table. All of them are Handlebars; the variables that they may name are in
//! [`MESSAGES`]. Values are escaped and never compiled.

use super::messages::{MESSAGES, Message};
use crate::translations::is_language;
use check::{Part, check};
use handlebars::{Handlebars, RenderError, RenderErrorReason, no_escape};
use rules::diagnostic::{Diagnostic, Severity, did_you_mean};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

mod check;

/// A file of `templates/`.
pub struct File {
    /// Its name in messages about faults.
    pub name: String,
    /// Its path below `templates/`.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// A row of the table of SMS texts.
pub struct Row {
    /// The table's name in messages about faults.
    pub file: String,
    /// Its line there, from 1.
    pub line: usize,
    /// The id of the SMS.
    pub id: String,
    /// Text by language.
    pub texts: BTreeMap<String, String>,
}

/// An e-mail.
pub struct RenderedEmail {
    /// The subject, one line.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The plain text part.
    pub text: String,
}

/// The variables that a template may use: name to value.
pub type Variables = Map<String, Value>;

/// All templates, by language; that of the country is first.
pub struct Templates(Vec<Language>);

struct Language {
    code: String,
    html: Handlebars<'static>,
    /// Texts by message, their subjects by [`subject`], SMS by row.
    plain: Handlebars<'static>,
}

/// The name of a message's subject among the plain texts.
fn subject(word: &str) -> String {
    format!("subject of {word}")
}

impl Templates {
    /// Compiles the templates of a country with these languages, the most used first. Missing parts without
    /// which they still work are given as warnings.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn compile(
        languages: &[String],
        files: &[File],
        rows: &[Row],
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut faults: Vec<_> = files
            .iter()
            .filter_map(|f| unknown_file(languages, f))
            .collect();
        faults.extend(rows.iter().filter_map(unused));
        let mut compiled = Vec::new();
        for (n, code) in languages.iter().enumerate() {
            // Who reads another language gets what is missing there in that of the country.
            let missing = if n == 0 {
                Severity::Error
            } else {
                Severity::Warning
            };
            compiled.push(Language::compile(code, files, rows, missing, &mut faults));
        }
        if faults.iter().any(|fault| fault.severity == Severity::Error) {
            return Err(faults);
        }
        Ok((Self(compiled), faults))
    }

    /// The languages, that of the country first.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|language| language.code.as_str())
    }

    /// An e-mail in a language, or in that of the country where there is none.
    ///
    /// # Errors
    /// None for templates that [`Self::compile`] has accepted.
    pub fn email(
        &self,
        message: &Message,
        language: Option<&str>,
        variables: Variables,
    ) -> Result<RenderedEmail, RenderError> {
        let word = message.word;
        let knows = |l: &&Language| l.html.has_template(word) && l.plain.has_template(word);
        let (language, variables) = self.choose(language, variables, knows)?;
        let subject = language.plain.render(&subject(word), &variables)?;
        Ok(RenderedEmail {
            // A line that ended early would end the header.
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            html: language.html.render(word, &variables)?,
            text: language.plain.render(word, &variables)?,
        })
    }

    /// An SMS likewise; nothing where the message is none.
    ///
    /// # Errors
    /// None for templates that [`Self::compile`] has accepted.
    pub fn sms(
        &self,
        message: &Message,
        language: Option<&str>,
        variables: Variables,
    ) -> Result<Option<String>, RenderError> {
        let Some(row) = message.sms else {
            return Ok(None);
        };
        let knows = |language: &&Language| language.plain.has_template(row);
        let (language, variables) = self.choose(language, variables, knows)?;
        language.plain.render(row, &variables).map(Some)
    }

    fn choose(
        &self,
        wanted: Option<&str>,
        mut variables: Variables,
        knows: impl Fn(&&Language) -> bool,
    ) -> Result<(&Language, Variables), RenderError> {
        let wanted = self.0.iter().filter(|l| Some(l.code.as_str()) == wanted);
        let missing = || RenderErrorReason::TemplateNotFound("of the message".to_owned());
        let language = wanted.chain(&self.0).find(knows).ok_or_else(missing)?;
        variables.insert("language".into(), language.code.as_str().into());
        Ok((language, variables))
    }
}

/// The diagnostic for a file that is not used: nobody would notice it otherwise.
fn unknown_file(languages: &[String], file: &File) -> Option<Diagnostic> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let word = name.strip_suffix(".html").or(name.strip_suffix(".txt"));
    let known = folder.is_empty() || languages.iter().any(|code| code == folder);
    // Further languages may wait to be used.
    if !known && is_language(folder) {
        return None;
    }
    let (message, hint) = if known {
        match word {
            Some(part) if part.starts_with('_') => return None,
            Some(word) if Message::named(word).is_some() && !folder.is_empty() => return None,
            _ => {}
        }
        let words = MESSAGES.iter().map(|message| message.word);
        let near = did_you_mean(word.unwrap_or(name), words);
        let remedy = "messages are `en/reset-password.html` and `.txt`; parts begin with `_`";
        let message = format!("no message is called `{}`", file.path);
        (message, near.unwrap_or_else(|| remedy.to_owned()))
    } else {
        let message = format!("`{folder}` is not a language of the country");
        (message, format!("there are {}", languages.join(", ")))
    };
    Some(Diagnostic {
        hint: Some(hint),
        ..Diagnostic::of_file(&file.name, message)
    })
}

/// A text that no message uses.
fn unused(row: &Row) -> Option<Diagnostic> {
    let ids = || MESSAGES.iter().filter_map(|message| message.sms);
    let unknown = ids().all(|id| id != row.id);
    unknown.then(|| Diagnostic {
        severity: Severity::Warning,
        line: row.line,
        hint: did_you_mean(&row.id, ids()),
        ..Diagnostic::of_file(&row.file, format!("no message uses `{}`", row.id))
    })
}

impl Language {
    fn compile(
        code: &str,
        files: &[File],
        rows: &[Row],
        missing: Severity,
        faults: &mut Vec<Diagnostic>,
    ) -> Self {
        let html = Kind::Html.registry(code, files, &[], missing, faults);
        let mut plain = Kind::Plain.registry(code, files, rows, missing, faults);
        plain.register_escape_fn(no_escape);
        Self {
            code: code.to_owned(),
            html,
            plain,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Html,
    Plain,
}

impl Kind {
    /// All templates of a kind, checked.
    fn registry(
        self,
        code: &str,
        files: &[File],
        rows: &[Row],
        missing: Severity,
        faults: &mut Vec<Diagnostic>,
    ) -> Handlebars<'static> {
        let extension = if self == Self::Html { "html" } else { "txt" };
        let named = |folder: &str, name: &str| {
            let path = format!("{folder}{name}.{extension}");
            files.iter().find(|file| file.path == path)
        };
        let mut lacks = Vec::new();
        let mut lack = |file: &str, line: usize, message: String| {
            lacks.push(Diagnostic {
                severity: missing,
                line,
                ..Diagnostic::of_file(file, message)
            });
        };
        let mut parts = BTreeMap::new();
        for file in files {
            let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            let name = name
                .strip_prefix('_')
                .and_then(|n| n.strip_suffix(extension)?.strip_suffix('.'));
            if let Some(name) = name.filter(|_| folder.is_empty() || folder == code)
                && let Some(part) = Part::compile(&file.name, (1, 1), &file.text, faults)
            {
                parts.insert(name.to_owned(), part);
            }
        }
        let mut bodies: Vec<(String, &Message, Part)> = Vec::new();
        for message in &MESSAGES {
            let word = message.word;
            match named(&format!("{code}/"), word) {
                None => lack(
                    &format!("templates/{code}/{word}.{extension}"),
                    1,
                    format!(
                        "there is no such file: the message `{word}` cannot be sent in `{code}`"
                    ),
                ),
                Some(file) if self == Self::Html => {
                    let part = Part::compile(&file.name, (1, 1), &file.text, faults);
                    bodies.extend(part.map(|part| (word.to_owned(), message, part)));
                }
                Some(file) => {
                    let Some((head, body)) = headed(&file.text) else {
                        let message = "the first line is not `Subject: …`, or the second not empty";
                        faults.push(Diagnostic::of_file(&file.name, message));
                        continue;
                    };
                    let head = Part::compile(&file.name, (1, 10), head, faults);
                    bodies.extend(head.map(|part| (subject(word), message, part)));
                    let body = Part::compile(&file.name, (3, 1), body, faults);
                    bodies.extend(body.map(|part| (word.to_owned(), message, part)));
                }
            }
            if let Some(id) = message.sms.filter(|_| self == Self::Plain)
                && bodies.iter().all(|(name, ..)| name != id)
            {
                let row = rows.iter().find(|row| row.id == id);
                let text = row
                    .and_then(|row| row.texts.get(code))
                    .filter(|t| !t.is_empty());
                if let (Some(row), Some(text)) = (row, text) {
                    let mut own = Vec::new();
                    let part = Part::compile(&row.file, (row.line, 1), text, &mut own);
                    for fault in own {
                        let fault = Diagnostic {
                            line: row.line,
                            column: 1,
                            message: format!("`{id}` in `{code}`: {}", fault.message),
                            ..fault
                        };
                        // Several messages may use the row.
                        if !faults.contains(&fault) {
                            faults.push(fault);
                        }
                    }
                    bodies.extend(part.map(|part| (id.to_owned(), message, part)));
                } else {
                    let file = rows.first().map_or("the table of SMS", |row| &row.file);
                    let line = row.map_or(1, |row| row.line);
                    lack(file, line, format!("`{id}` has no text in `{code}`"));
                }
            }
        }
        faults.extend(lacks);
        for (name, message, body) in &bodies {
            let has_all = *name != subject(message.word);
            check(message, has_all, body, &parts, faults);
        }
        let mut registry = Handlebars::new();
        for (name, part) in parts {
            registry.register_template(&name, part.template);
        }
        for (name, _, body) in bodies {
            registry.register_template(&name, body.template);
        }
        registry
    }
}

/// The subject and the text of a message.
fn headed(text: &str) -> Option<(&str, &str)> {
    let (head, body) = text.split_once('\n')?;
    let body = body.strip_prefix('\n').or(body.strip_prefix("\r\n"))?;
    Some((head.strip_prefix("Subject: ")?.trim_end(), body))
}

#[cfg(test)]
mod tests;

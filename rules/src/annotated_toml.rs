// SPDX-License-Identifier: MPL-2.0
//! Reads TOML so that every fault has its place, and so that all are found at once. All files of the country
//! are read with this.

mod json;

pub use json::{camel, json_of, json_with_plain_keys};

use std::collections::BTreeSet;
use std::ops::Range;

use toml_edit::{ImDocument, Item, TableLike, Value};

use crate::diagnostic::{Diagnostic, Severity, did_you_mean, is_enough};
use crate::expression::{Expression, ExpressionFault};

/// The largest file, in bytes; the parsed form takes many times as much memory.
const LARGEST: usize = 2 * 1024 * 1024;

/// A file and the faults found in it so far.
pub struct Reader<'t> {
    file: &'t str,
    text: &'t str,
    found: Vec<Diagnostic>,
}

/// A table of the file, and its name in messages: ``rule `late` ``.
#[derive(Clone)]
pub struct Section<'t> {
    /// Its name in messages.
    pub what: String,
    /// Its bytes in the file.
    pub span: Range<usize>,
    table: &'t dyn TableLike,
}

/// A text of the file.
#[derive(Clone)]
pub struct Text<'t> {
    /// Its content.
    pub value: &'t str,
    /// Its bytes in the file, quotes included.
    pub span: Range<usize>,
}

impl<'t> Reader<'t> {
    /// `file` is the file's name in messages.
    pub fn new(file: &'t str, text: &'t str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
        }
    }

    /// The file's name in messages.
    pub fn file(&self) -> &'t str {
        self.file
    }

    /// Parses the file; a file that is not even TOML is one fault.
    pub fn document(&mut self) -> Option<ImDocument<&'t str>> {
        if self.text.len() > LARGEST {
            let message = format!("the file is larger than {} MiB", LARGEST / 1024 / 1024);
            self.error(0..0, message, None);
            return None;
        }
        match ImDocument::parse(self.text) {
            Ok(document) => Some(document),
            Err(error) => {
                let mut message = error.message().lines().collect::<Vec<_>>().join(": ");
                // The parser has no words for a key without a value.
                if message.is_empty() {
                    "a value is missing".clone_into(&mut message);
                }
                let at = error.span().unwrap_or(0..0);
                let hint = syntax_hint(self.text, at.start);
                self.error(at, message, Some(hint));
                None
            }
        }
    }

    /// Reports a fault that makes the file unusable.
    pub fn error(&mut self, at: Range<usize>, message: String, hint: Option<String>) {
        self.push(Severity::Error, at.start, message, hint);
    }

    /// Reports something that was probably meant otherwise.
    pub fn warning(&mut self, at: Range<usize>, message: String, hint: Option<String>) {
        self.push(Severity::Warning, at.start, message, hint);
    }

    /// Returns true if an error was reported.
    pub fn failed(&self) -> bool {
        self.found
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// All faults, in the order of the file.
    pub fn into_found(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        self.found
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: &Range<usize>) -> usize {
        self.position(at.start).0
    }

    /// Compiles an expression and reports its faults at their places in the file.
    pub fn expression(
        &mut self,
        what: &str,
        text: &Text<'_>,
        fields: &BTreeSet<String>,
    ) -> Option<Expression> {
        match Expression::compile(text.value, fields) {
            Ok(expression) => Some(expression),
            Err(faults) => {
                self.faults(what, text, faults);
                None
            }
        }
    }

    /// Reports the faults of an expression at their places in the file.
    pub fn faults(&mut self, what: &str, text: &Text<'_>, faults: Vec<ExpressionFault>) {
        for fault in faults {
            let at = self.offset_within(text, fault.offset);
            let hint = fault.hint.or_else(|| quotes(text.value, &fault.message));
            self.error(at..at, format!("{what}: {}", fault.message), hint);
        }
    }

    /// The offset in the file of a place within a text. After an escape it is not known: then it is that of
    /// the start of the text.
    fn offset_within(&self, text: &Text<'_>, offset: usize) -> usize {
        let raw = self.text.get(text.span.clone()).unwrap_or_default();
        let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") {
            3
        } else {
            1
        };
        let inside = raw.get(quotes..).unwrap_or_default();
        let newline = if quotes == 3 {
            inside.len() - inside.trim_start_matches(['\r', '\n']).len()
        } else {
            0
        };
        let start = quotes + newline.min(if inside.starts_with("\r\n") { 2 } else { 1 });
        let as_written = raw
            .get(start..)
            .is_some_and(|raw| text.value.get(..offset).is_some_and(|v| raw.starts_with(v)));
        text.span.start + if as_written { start + offset } else { 0 }
    }

    fn push(&mut self, severity: Severity, at: usize, message: String, hint: Option<String>) {
        if is_enough(&self.found, severity) {
            return;
        }
        let (line, column) = self.position(at);
        let diagnostic = Diagnostic {
            severity,
            file: self.file.to_owned(),
            line,
            column,
            message,
            hint,
        };
        if !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    /// Line and column of a byte, from 1.
    pub fn position(&self, at: usize) -> (usize, usize) {
        position(self.text, at)
    }
}

impl<'t> Section<'t> {
    /// The file as a whole.
    pub fn root(document: &'t ImDocument<&'t str>) -> Self {
        Self {
            what: "the file".into(),
            span: 0..0,
            table: document.as_table(),
        }
    }

    /// The same under another name.
    pub fn called(self, what: String) -> Self {
        Self { what, ..self }
    }

    /// The keys in the order of the file.
    pub fn keys(&self) -> Vec<Text<'t>> {
        self.table
            .iter()
            .map(|(key, item)| Text {
                value: key,
                span: self.key_span(key, item),
            })
            .collect()
    }

    /// Reports every key that is not among the known ones.
    pub fn only(&self, reader: &mut Reader<'_>, known: &[&str]) {
        for key in self.keys() {
            if !known.contains(&key.value) {
                let hint = did_you_mean(key.value, known.iter().copied())
                    .unwrap_or_else(|| format!("there may be {}", known.join(", ")));
                reader.error(
                    key.span,
                    format!("{}: unknown key `{}`", self.what, key.value),
                    Some(hint),
                );
            }
        }
    }

    /// The item at a key.
    pub fn item(&self, key: &str) -> Option<&'t Item> {
        self.table.get(key)
    }

    /// Returns true if there is a text at the key.
    pub fn has_text(&self, key: &str) -> bool {
        self.item(key).is_some_and(Item::is_str)
    }

    /// Returns true if there is a list of nothing but texts at the key.
    pub fn has_texts(&self, key: &str) -> bool {
        let list = self.item(key).and_then(Item::as_array);
        list.is_some_and(|list| list.iter().all(Value::is_str))
    }

    /// Returns true if there are tables `[[key]]` at the key.
    pub fn has_tables(&self, key: &str) -> bool {
        self.item(key).is_some_and(Item::is_array_of_tables)
    }

    /// A text, if the key is there.
    pub fn text(&self, reader: &mut Reader<'_>, key: &str) -> Option<Text<'t>> {
        let item = self.item(key)?;
        let Some(value) = item.as_str() else {
            reader.error(
                self.item_span(item),
                format!("{}: `{key}` must be a text in quotes", self.what),
                None,
            );
            return None;
        };
        Some(Text {
            value,
            span: self.item_span(item),
        })
    }

    /// A text that has to be there.
    pub fn required_text(&self, reader: &mut Reader<'_>, key: &str) -> Option<Text<'t>> {
        if self.item(key).is_none() {
            reader.error(
                self.span.clone(),
                format!("{}: `{key}` is missing", self.what),
                None,
            );
        }
        self.text(reader, key)
    }

    /// A list of texts; empty if the key is not there.
    pub fn texts(&self, reader: &mut Reader<'_>, key: &str) -> Vec<Text<'t>> {
        let Some(item) = self.item(key) else {
            return Vec::new();
        };
        let Some(list) = item.as_array() else {
            reader.error(
                self.item_span(item),
                format!("{}: `{key}` must be a list of texts", self.what),
                None,
            );
            return Vec::new();
        };
        let mut texts = Vec::new();
        for value in list {
            let span = value.span().unwrap_or_else(|| self.span.clone());
            match value {
                Value::String(text) => texts.push(Text {
                    value: text.value(),
                    span,
                }),
                _ => reader.error(
                    span,
                    format!("{}: `{key}` contains a value that is not a text", self.what),
                    None,
                ),
            }
        }
        texts
    }

    /// A text, or a list of texts; empty if the key is not there.
    pub fn one_or_more(&self, reader: &mut Reader<'_>, key: &str) -> Vec<Text<'t>> {
        if self.has_text(key) {
            self.text(reader, key).into_iter().collect()
        } else {
            self.texts(reader, key)
        }
    }

    /// `true` or `false`, if the key is there.
    pub fn switch(&self, reader: &mut Reader<'_>, key: &str) -> Option<bool> {
        let item = self.item(key)?;
        let value = item.as_bool();
        if value.is_none() {
            let message = format!("{}: `{key}` must be true or false", self.what);
            let hint = item.as_str().and_then(meant_switch);
            let hint = hint.map(|meant| format!("write `{key} = {meant}`, without quotes"));
            reader.error(self.item_span(item), message, hint);
        }
        value
    }

    /// A number, if the key is there.
    pub fn number(&self, reader: &mut Reader<'_>, key: &str) -> Option<f64> {
        let item = self.item(key)?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "no such file holds so large a number"
        )]
        let value = item
            .as_float()
            .or_else(|| item.as_integer().map(|n| n as f64));
        if value.is_none() {
            let message = format!("{}: `{key}` must be a number", self.what);
            reader.error(self.item_span(item), message, None);
        }
        value
    }

    /// A table below this one.
    pub fn section(&self, reader: &mut Reader<'_>, key: &str, what: String) -> Option<Section<'t>> {
        let item = self.item(key)?;
        let Some(table) = item.as_table_like() else {
            reader.error(
                self.item_span(item),
                format!("{}: `{key}` must be a table", self.what),
                None,
            );
            return None;
        };
        Some(Section {
            what,
            span: self.item_span(item),
            table,
        })
    }

    /// The tables `[[key]]` below this one, or `key = [{ … }]`. They are called by their `name`, `id`,
    /// `slug` or `type`.
    pub fn sections(&self, reader: &mut Reader<'_>, key: &str) -> Vec<Section<'t>> {
        let Some(item) = self.item(key) else {
            return Vec::new();
        };
        let named = |table: &'t dyn TableLike, span: Option<Range<usize>>| {
            let name = ["name", "id", "slug", "type"]
                .iter()
                .find_map(|name| table.get(name)?.as_str());
            Section {
                what: name.map_or_else(|| format!("a {key}"), |name| format!("{key} `{name}`")),
                span: span.unwrap_or_else(|| self.span.clone()),
                table,
            }
        };
        if let Some(tables) = item.as_array_of_tables() {
            return tables.iter().map(|t| named(t, t.span())).collect();
        }
        let inline = item.as_array().and_then(|list| {
            list.iter()
                .map(|value| Some(named(value.as_inline_table()?, value.span())))
                .collect()
        });
        inline.unwrap_or_else(|| {
            let hint = Some(format!("begin each with [[{key}]]"));
            reader.error(
                self.item_span(item),
                format!("`{key}` must be a list of tables"),
                hint,
            );
            Vec::new()
        })
    }

    /// The same of tables at least one of which is meant to be there: a file without any was cut off, or
    /// says with an empty list that it has none.
    pub fn required_sections(&self, reader: &mut Reader<'_>, key: &str) -> Vec<Section<'t>> {
        if self.item(key).is_none() {
            let message = format!("there is no [[{key}]] in {}", self.what);
            let hint = format!("if there is to be none, write `{key} = []` in the first line");
            reader.error(self.span.clone(), message, Some(hint));
        }
        self.sections(reader, key)
    }

    /// The bytes of the item at a key.
    pub fn item_span(&self, item: &Item) -> Range<usize> {
        item.span().unwrap_or_else(|| self.span.clone())
    }

    /// The bytes of the value of a key, or those of the section if it lacks the key.
    pub fn span_at(&self, key: &str) -> Range<usize> {
        let item = self.item(key);
        item.map_or_else(|| self.span.clone(), |item| self.item_span(item))
    }

    fn key_span(&self, key: &str, item: &Item) -> Range<usize> {
        let key = self
            .table
            .get_key_value(key)
            .and_then(|(key, _)| key.span());
        key.unwrap_or_else(|| self.item_span(item))
    }
}

/// The value that a text like `True`, `No` or `off` stands for.
pub fn meant_switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The remedy for a value that is not TOML, by the line in which the parser stopped.
fn syntax_hint(text: &str, at: usize) -> String {
    let (line_number, column) = position(text, at);
    let line = text.lines().nth(line_number - 1).unwrap_or_default();
    let (key, value) = line.split_once('=').unwrap_or(("key", line));
    let (key, value) = (key.trim(), value.split('#').next().unwrap_or(value).trim());
    if let Some(meant) = meant_switch(value) {
        return format!("write `{key} = {meant}`: small letters, without quotes");
    }
    let is_whole = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if let Some((whole, part)) = value.split_once(',')
        && is_whole(whole.trim_start_matches('-'))
        && is_whole(part)
    {
        return format!("a number has a decimal point: `{key} = {whole}.{part}`");
    }
    let before: String = line.chars().take(column - 1).collect();
    if value.starts_with('"') && before.ends_with('"') {
        return "the quote before this ends the text; a text within \"…\" has single quotes: \"child.gender == 'male'\"".to_owned();
    }
    "a text needs quotes: key = \"text\"; lists need [ ], tables need { }".to_owned()
}

/// The remedy for a word that is not an expression, and was hardly meant as one.
fn quotes(text: &str, fault: &str) -> Option<String> {
    let word = |c: char| c.is_alphanumeric() || ":/._-<>".contains(c);
    let meant = !fault.starts_with("unknown field") && text.chars().all(word);
    meant.then(|| format!("a constant text needs two pairs of quotes: '\"{text}\"'"))
}

/// Line and column of a byte of a text, from 1.
pub fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (
        line,
        before.get(line_start..).unwrap_or_default().chars().count() + 1,
    )
}

/// A text that has to be one of a few.
pub fn one_of<'k, T: Copy>(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    known: impl IntoIterator<Item = (&'k str, T)>,
) -> Option<T> {
    let known: Vec<(&str, T)> = known.into_iter().collect();
    let text = section.required_text(reader, key)?;
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == text.value) {
        return Some(*value);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let hint = did_you_mean(text.value, names.iter().copied())
        .unwrap_or_else(|| format!("it is one of {}", names.join(", ")));
    reader.error(
        text.span,
        format!("{}: unknown {key} `{}`", section.what, text.value),
        Some(hint),
    );
    None
}

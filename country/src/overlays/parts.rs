// SPDX-License-Identifier: MPL-2.0
//! Fields, pages, actions, texts and conditions: from the words of a file to core's JSON.

use super::super::icu;
use super::super::texts::TextUse;
use super::document::{Origins, PlaceInFile, list_of, mark};
use super::keys::{
    ACTION_EFFECTS, ACTION_TEXTS, DIALOGS, FIELD, FIELD_EFFECTS, FIELD_REFERENCES, FIELD_TEXTS,
    MadeText, PAGE_TEXTS, SWITCHES, TextKey, current_moment,
};
use opencrvs_toolkit::conditional::{Conditional, and, or};
use opencrvs_toolkit::evaluate::Predicate;
use opencrvs_toolkit::event::messages_of;
use opencrvs_toolkit::message::{Message, message};
use rules::annotated_toml::{Reader, Section, Text, camel, json_of, meant_switch};
use rules::expression::translate;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::ops::Range;

/// Settings of a `configuration` that people read.
const READ_BY_PEOPLE: [&str; 9] = [
    "prefix",
    "postfix",
    "notice",
    "text",
    "subtitle",
    "button-label",
    "number-field-placeholder",
    "status",
    "description",
];

/// Settings of a `configuration` that name a field.
const FIELDS_NAMED: [&str; 3] = ["as-of-date", "part-of", "trigger"];

/// The id of core's empty text.
const EMPTY_TEXT: &str = "messages.emptyString";

/// The condition under which something holds, as a file gives it.
pub(super) enum Condition {
    /// The empty text.
    Always,
    /// A conditional as core's JSON.
    When(Value),
}

impl Condition {
    pub(super) fn when(self) -> Option<Value> {
        match self {
            Self::Always => None,
            Self::When(conditional) => Some(conditional),
        }
    }
}

/// The context in which a file is applied.
pub(super) struct Work<'w, 'r, 't> {
    pub(super) reader: &'r mut Reader<'t>,
    pub(super) origins: &'w mut Origins,
    pub(super) said: &'w mut Vec<TextUse>,
    /// Id of the event.
    pub(super) event: String,
    /// The fields that conditions may name.
    pub(super) fields: BTreeSet<String>,
    pub(super) environment: &'w forms::Environment,
}

impl Work<'_, '_, '_> {
    /// Keeps the place of a part of the file, and gives its number.
    pub(super) fn place(&mut self, span: &Range<usize>) -> usize {
        let (line, column) = self.reader.position(span.start);
        self.origins.keep(PlaceInFile {
            file: self.reader.file().to_owned(),
            line,
            column,
        })
    }

    /// The place of a key's value.
    pub(super) fn place_of(&mut self, section: &Section<'_>, key: &str) -> usize {
        self.place(&section.span_at(key))
    }

    pub(super) fn error_at_key(
        &mut self,
        section: &Section<'_>,
        key: &str,
        message: String,
        hint: &str,
    ) {
        self.reader
            .error(section.span_at(key), message, Some(hint.to_owned()));
    }

    /// Sets a member and remembers where it came from.
    pub(super) fn set(
        &mut self,
        target: &mut Map<String, Value>,
        core_key: &str,
        value: Value,
        section: &Section<'_>,
        key: &str,
    ) {
        let place = self.place_of(section, key);
        target.insert(core_key.to_owned(), value);
        mark(target, core_key, place);
    }

    /// A text: `"…"`, with an id that is made, or `{ id = "…", text = "…" }`.
    pub(super) fn message(
        &mut self,
        section: &Section<'_>,
        key: &str,
        made: MadeText,
    ) -> Option<Value> {
        let item = section.item(key)?;
        let span = section.item_span(item);
        let (id, text, description) = if let Some(text) = item.as_str() {
            let text = Text { value: text, span };
            (made.id, text, None)
        } else {
            let what = format!("{}: `{key}`", section.what);
            let inner = section.section(self.reader, key, what)?;
            inner.only(self.reader, &["id", "text", "description"]);
            let id = inner.text(self.reader, "id");
            let text = inner.required_text(self.reader, "text")?;
            let description = inner.text(self.reader, "description");
            let id = id.map_or(made.id, |id| id.value.to_owned());
            (id, text, description.map(|text| text.value.to_owned()))
        };
        // A text with an id of its own may be empty on purpose.
        if text.value.trim().is_empty() && item.as_str().is_some() {
            let message = format!("{}: `{key}` has an empty text", section.what);
            self.reader.error(text.span.clone(), message, None);
        }
        if let Err(fault) = icu::arguments(text.value) {
            let message = format!("{}: `{key}` cannot be formatted: {fault}", section.what);
            self.reader.error(text.span.clone(), message, None);
        }
        let message = message(&id, text.value).describe(description.unwrap_or(made.note));
        let value = json!(message);
        self.keep_text(message, &text.span);
        Some(value)
    }

    /// Keeps a text with its place, to look for its translation.
    fn keep_text(&mut self, message: Message, at: &Range<usize>) {
        let (line, column) = self.reader.position(at.start);
        self.said.push(TextUse {
            message,
            file: self.reader.file().to_owned(),
            line,
            column,
        });
    }

    /// Keeps the texts of a part that the program wrote, with the section that asked for it.
    pub(super) fn keep_texts_of_program(&mut self, part: &Value, section: &Section<'_>) {
        for message in messages_of(part) {
            self.keep_text(message, &section.span);
        }
    }

    /// Reports a text that a part must have.
    pub(super) fn text_is_missing(&mut self, section: &Section<'_>, key: &str) {
        let message = format!("{}: `{key}` is missing", section.what);
        let hint = format!("{key} = \"…\"");
        self.reader.error(section.span.clone(), message, Some(hint));
    }

    /// Sets the texts of a part that the section has.
    pub(super) fn set_texts(
        &mut self,
        target: &mut Map<String, Value>,
        section: &Section<'_>,
        texts: &[TextKey],
        base: &str,
        name: &str,
    ) {
        for text in texts {
            if let Some(message) = self.message(section, text.key, text.made(base, name)) {
                self.set(target, text.core_key, message, section, text.key);
            }
        }
    }

    /// A condition in words, or `{ json = '…' }`; nothing where it is the empty text: always.
    pub(super) fn condition(&mut self, section: &Section<'_>, key: &str) -> Option<Condition> {
        let item = section.item(key)?;
        if let Some(words) = item.as_str() {
            let text = Text {
                value: words,
                span: section.item_span(item),
            };
            if words.trim().is_empty() {
                return Some(Condition::Always);
            }
            return match translate(words, &self.fields) {
                Ok(conditional) => Some(Condition::When(json!(conditional))),
                Err(faults) => {
                    self.reader.faults(&section.what, &text, faults);
                    None
                }
            };
        }
        let what = format!("{}: `{key}`", section.what);
        let inner = section.section(self.reader, key, what)?;
        inner.only(self.reader, &["json"]);
        let text = inner.required_text(self.reader, "json")?;
        let schema = self.json(&inner.what, &text)?;
        if let Err(error) = Predicate::new(&schema) {
            let hint = "core would not understand it, or this program cannot tell";
            let message = format!("{}: {error}", inner.what);
            self.reader.error(text.span, message, Some(hint.to_owned()));
            return None;
        }
        Some(Condition::When(schema))
    }

    fn json(&mut self, what: &str, text: &Text<'_>) -> Option<Value> {
        match serde_json::from_str::<Value>(text.value) {
            Ok(value) if value.is_object() => Some(value),
            Ok(_) => {
                self.reader.error(
                    text.span.clone(),
                    format!("{what}: the JSON must be an object"),
                    None,
                );
                None
            }
            Err(error) => {
                let message = format!("{what}: this is not JSON: {error}");
                self.reader.error(text.span.clone(), message, None);
                None
            }
        }
    }

    /// A field, or a part of its answer.
    pub(super) fn reference(&self, name: &str) -> Value {
        let known = (0..=name.len()).rev().find(|end| {
            let is_end = *end == name.len() || name.as_bytes().get(*end) == Some(&b'.');
            is_end && name.get(..*end).is_some_and(|id| self.fields.contains(id))
        });
        let (id, rest) = name.split_at(known.unwrap_or(name.len()));
        let parts: Vec<&str> = rest.split('.').filter(|part| !part.is_empty()).collect();
        json!({ "$$field": id, "$$subfield": parts })
    }

    /// Sets the conditions under which something is shown, can be used or is reviewed. `keys` are those that
    /// replace conditions, with their effects; with `and-` in front, a key adds to them.
    fn conditionals(
        &mut self,
        target: &mut Map<String, Value>,
        section: &Section<'_>,
        keys: &[(&str, &str)],
    ) {
        for &(key, effect) in keys {
            let added = format!("and-{key}");
            for (key, is_added) in [(key, false), (added.as_str(), true)] {
                let Some(condition) = self.condition(section, key) else {
                    continue;
                };
                let condition = condition.when();
                let list = target.entry("conditionals").or_insert_with(|| json!([]));
                let Some(list) = list.as_array_mut() else {
                    continue;
                };
                let is_meant = |item: &Value| item.get("type").is_some_and(|kind| kind == effect);
                let before: Vec<Value> = list
                    .iter()
                    .filter(|item| is_meant(item))
                    .filter_map(|item| item.get("conditional").cloned())
                    .collect();
                let at = list.iter().position(is_meant).unwrap_or(list.len());
                list.retain(|item| !is_meant(item));
                let condition = if is_added {
                    joined(before, condition)
                } else {
                    condition
                };
                if let Some(condition) = condition {
                    let place = self.place_of(section, key);
                    let mut item = Map::new();
                    item.insert("type".into(), json!(effect));
                    item.insert("conditional".into(), condition);
                    mark(&mut item, "", place);
                    if let Some(list) = target.get_mut("conditionals").and_then(Value::as_array_mut)
                    {
                        list.insert(at.min(list.len()), Value::Object(item));
                    }
                }
            }
        }
    }

    /// Sets a field as the section describes it.
    pub(super) fn set_field(
        &mut self,
        target: &mut Map<String, Value>,
        section: &Section<'_>,
        id: &str,
    ) {
        let base = format!("event.{}.field.{id}", self.event);
        if let Some(of_type) = section.text(self.reader, "type") {
            self.set(target, "type", json!(of_type.value), section, "type");
        }
        self.set_texts(target, section, &FIELD_TEXTS, &base, id);
        let required = section.item("required");
        let switch = required.and_then(|item| meant_switch(item.as_str()?));
        if let Some(switch) = switch {
            let message = format!("{}: `required` is a word in quotes", section.what);
            let hint = format!("write `required = {switch}`, without quotes");
            self.error_at_key(section, "required", message, &hint);
        } else if required.is_some_and(|item| !item.is_bool()) {
            let note = format!("Error below the empty field {id}");
            let made = MadeText::new(format!("{base}.required"), note);
            if let Some(text) = self.message(section, "required", made) {
                self.set(
                    target,
                    "required",
                    json!({ "message": text }),
                    section,
                    "required",
                );
            }
        } else if let Some(required) = section.switch(self.reader, "required") {
            self.set(target, "required", json!(required), section, "required");
        }
        for key in SWITCHES {
            if let Some(switch) = section.switch(self.reader, key) {
                self.set(target, &camel(key), json!(switch), section, key);
            }
        }
        self.conditionals(target, section, &FIELD_EFFECTS);
        self.validation(target, section, &base, id);
        self.options(target, section, &base);
        self.configuration(target, section, &base, id);
        self.references(target, section);
        self.default(target, section);
        if let Some(src) = section.text(self.reader, "src") {
            self.set(target, "src", json!(src.value), section, "src");
        }
        self.core_json(target, section);
    }

    /// `parent` and `value`: fields on which this one depends.
    fn references(&mut self, target: &mut Map<String, Value>, section: &Section<'_>) {
        for key in FIELD_REFERENCES {
            let names = section.one_or_more(self.reader, key);
            if section.item(key).is_none() {
                continue;
            }
            let mut references: Vec<Value> = names
                .iter()
                .filter(|name| !name.value.is_empty())
                .map(|name| self.reference(name.value))
                .collect();
            if references.is_empty() {
                target.shift_remove(key);
                continue;
            }
            let is_one = section.has_text(key);
            let value = if is_one {
                references.remove(0)
            } else {
                json!(references)
            };
            self.set(target, key, value, section, key);
        }
    }

    /// The answer with which a field begins.
    fn default(&mut self, target: &mut Map<String, Value>, section: &Section<'_>) {
        if let Some(item) = section.item("default") {
            let of_type = target
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let moment = current_moment(of_type).filter(|_| item.as_str() == Some("now"));
            let value = moment.unwrap_or_else(|| json_of(item));
            self.set(target, "defaultValue", value, section, "default");
        }
    }

    /// Core's own JSON, for settings that have no words.
    pub(super) fn core_json(&mut self, target: &mut Map<String, Value>, section: &Section<'_>) {
        let Some(text) = section.text(self.reader, "json") else {
            return;
        };
        if let Some(Value::Object(members)) = self.json(&section.what.clone(), &text) {
            for (key, value) in members {
                self.set(target, &key, value, section, "json");
            }
        }
    }

    /// A new field.
    pub(super) fn field(&mut self, section: &Section<'_>) -> Option<Value> {
        let id = section.required_text(self.reader, "id")?;
        let named = section.clone().called(format!("field `{}`", id.value));
        if section.item("type").is_none() && section.item("json").is_none() {
            let message = format!("{}: `type` is missing", named.what);
            let hint = "type = \"TEXT\", or another of core's types";
            self.reader
                .error(section.span.clone(), message, Some(hint.to_owned()));
            return None;
        }
        if id.value.contains('_') {
            let hint = format!("call it `{}`", id.value.replace('_', "-"));
            let message = format!(
                "field id `{}` holds an underscore, which core refuses",
                id.value
            );
            self.reader.error(id.span.clone(), message, Some(hint));
        }
        let mut field = Map::new();
        let place = self.place(&section.span.clone());
        mark(&mut field, "", place);
        let place = self.place(&id.span.clone());
        mark(&mut field, "id", place);
        for (key, value) in [
            ("id", json!(id.value)),
            ("required", json!(false)),
            ("conditionals", json!([])),
            ("secured", json!(false)),
            ("validation", json!([])),
            ("hideLabel", json!(false)),
            ("uncorrectable", json!(false)),
            ("analytics", json!(false)),
        ] {
            field.insert(key.to_owned(), value);
        }
        self.set_field(&mut field, &named, id.value);
        let of_type = field
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !field.contains_key("label")
            && ["DIVIDER", "HTTP", "ALPHA_HIDDEN", "QUERY_PARAM_READER"].contains(&of_type)
        {
            let empty = message(EMPTY_TEXT, "").describe("A text without a word");
            field.insert("label".into(), json!(empty));
        }
        if !field.contains_key("label") {
            self.text_is_missing(&named, "label");
        }
        Some(Value::Object(field))
    }

    /// `valid = [{ if = "…", else = "…" }]`, or `valid.add` and `valid.remove`.
    fn validation(
        &mut self,
        target: &mut Map<String, Value>,
        section: &Section<'_>,
        base: &str,
        id: &str,
    ) {
        let Some(item) = section.item("valid") else {
            return;
        };
        let mut list = list_of(target, "validation");
        let (added, key) = if item.is_table_like() {
            let what = format!("{}: `valid`", section.what);
            let Some(changes) = section.section(self.reader, "valid", what) else {
                return;
            };
            changes.only(self.reader, &["add", "remove"]);
            let missing = format!("`{id}` has no rule with the message");
            self.remove_named(&mut list, &changes, "/message/id", &missing);
            (changes, "add")
        } else {
            list.clear();
            (section.clone(), "valid")
        };
        for rule in added.sections(self.reader, key) {
            let rule = rule.called(format!("{}: `valid`", section.what));
            rule.only(self.reader, &["if", "else"]);
            for needed in ["if", "else"] {
                if rule.item(needed).is_none() {
                    let message = format!("{}: `{needed}` is missing", rule.what);
                    let hint = "{ if = \"what must hold\", else = \"what is said otherwise\" }";
                    self.reader
                        .error(rule.span.clone(), message, Some(hint.to_owned()));
                }
            }
            let used = ids_of(&list, "/message/id");
            let mut position = 1;
            let mut made = MadeText::rule_error(base, position, id);
            while used.contains(&made.id) {
                position += 1;
                made = MadeText::rule_error(base, position, id);
            }
            let condition = self.condition(&rule, "if").and_then(Condition::when);
            let text = self.message(&rule, "else", made);
            if let (Some(condition), Some(text)) = (condition, text) {
                let place = self.place(&rule.span.clone());
                let mut item = Map::new();
                item.insert("validator".into(), condition);
                item.insert("message".into(), text);
                mark(&mut item, "", place);
                list.push(Value::Object(item));
            }
        }
        target.insert("validation".into(), Value::Array(list));
    }

    /// `options = [{ value = "A", label = "First" }]`, or `options.add` and `options.remove`.
    fn options(&mut self, target: &mut Map<String, Value>, section: &Section<'_>, base: &str) {
        let Some(item) = section.item("options") else {
            return;
        };
        if !item.is_table_like() {
            let mut list = Vec::new();
            for option in section.sections(self.reader, "options") {
                self.option(&mut list, &option, base);
            }
            self.set(target, "options", Value::Array(list), section, "options");
            return;
        }
        let what = format!("{}: `options`", section.what);
        let Some(changes) = section.section(self.reader, "options", what) else {
            return;
        };
        changes.only(self.reader, &["add", "remove", "change"]);
        let Some(Value::Array(mut list)) = target.get("options").cloned() else {
            let message = format!("{}: the field has no options", section.what);
            self.error_at_key(
                section,
                "options",
                message,
                "options = [{ value = \"…\", label = \"…\" }]",
            );
            return;
        };
        for gone in changes.texts(self.reader, "remove") {
            if self.option_index(&list, &gone, &section.what).is_some() {
                list.retain(|option| option.get("value").is_none_or(|value| value != gone.value));
            }
        }
        for change in changes.sections(self.reader, "change") {
            change.only(self.reader, &["value", "label", "show-if", "enable-if"]);
            let Some(value) = change.required_text(self.reader, "value") else {
                continue;
            };
            let index = self.option_index(&list, &value, &section.what);
            if let Some(Value::Object(option)) = index.and_then(|index| list.get_mut(index)) {
                self.set_option(option, &change, value.value, base);
            }
        }
        for option in changes.sections(self.reader, "add") {
            self.option(&mut list, &option, base);
        }
        target.insert("options".into(), Value::Array(list));
    }

    fn option_index(&mut self, list: &[Value], value: &Text<'_>, what: &str) -> Option<usize> {
        let known = ids_of(list, "/value");
        let index = known.iter().position(|known| known == value.value);
        if index.is_none() {
            let message = format!("{what}: there is no option `{}`", value.value);
            self.missing(
                value.span.clone(),
                message,
                value.value,
                known.iter().map(String::as_str),
            );
        }
        index
    }

    fn option(&mut self, list: &mut Vec<Value>, section: &Section<'_>, base: &str) {
        section.only(
            self.reader,
            &["value", "label", "show-if", "enable-if", "after", "before"],
        );
        let Some(value) = section.required_text(self.reader, "value") else {
            return;
        };
        let section = section.clone().called(format!("option `{}`", value.value));
        if list
            .iter()
            .any(|known| known.get("value").is_some_and(|known| known == value.value))
        {
            let message = format!("there is an option `{}` already", value.value);
            self.reader.error(
                value.span.clone(),
                message,
                Some("give one of them another value".to_owned()),
            );
            return;
        }
        if section.item("label").is_none() {
            self.text_is_missing(&section, "label");
        }
        let mut index = list.len();
        for (key, offset) in [("after", 1), ("before", 0)] {
            if let Some(anchor) = section.text(self.reader, key)
                && let Some(found) = self.option_index(list, &anchor, &section.what)
            {
                index = found + offset;
            }
        }
        let mut option = Map::new();
        option.insert("value".into(), json!(value.value));
        option.insert("label".into(), json!(""));
        option.insert("conditionals".into(), json!([]));
        let place = self.place(&section.span.clone());
        mark(&mut option, "", place);
        self.set_option(&mut option, &section, value.value, base);
        list.insert(index.min(list.len()), Value::Object(option));
    }

    fn set_option(
        &mut self,
        option: &mut Map<String, Value>,
        section: &Section<'_>,
        value: &str,
        base: &str,
    ) {
        let plain = section
            .item("label")
            .and_then(|label| label.get("plain")?.as_str());
        if let Some(plain) = plain {
            self.set(option, "label", json!(plain), section, "label");
        } else {
            let made = MadeText::option_label(base, value);
            if let Some(text) = self.message(section, "label", made) {
                self.set(option, "label", text, section, "label");
            }
        }
        self.conditionals(option, section, &ACTION_EFFECTS);
    }

    fn configuration(
        &mut self,
        target: &mut Map<String, Value>,
        section: &Section<'_>,
        base: &str,
        id: &str,
    ) {
        let what = format!("{}: `configuration`", section.what);
        let Some(given) = section.section(self.reader, "configuration", what) else {
            return;
        };
        let mut configuration = match target.get("configuration") {
            Some(Value::Object(known)) => known.clone(),
            _ => Map::new(),
        };
        for key in given.keys() {
            let (key, core_key) = (key.value, camel(key.value));
            let Some(item) = given.item(key) else {
                continue;
            };
            let value = if READ_BY_PEOPLE.contains(&key) {
                let note = format!("Text `{key}` of the field {id}");
                let made = MadeText::new(format!("{base}.{key}"), note);
                let Some(text) = self.message(&given, key, made) else {
                    continue;
                };
                text
            } else if FIELDS_NAMED.contains(&key)
                && let Some(name) = item.as_str()
            {
                self.reference(name)
            } else {
                json_of(item)
            };
            self.set(&mut configuration, &core_key, value, &given, key);
        }
        target.insert("configuration".into(), Value::Object(configuration));
        let place = self.place_of(section, "configuration");
        mark(target, "configuration", place);
    }

    /// Sets a page as the section describes it.
    pub(super) fn set_page(
        &mut self,
        page: &mut Map<String, Value>,
        section: &Section<'_>,
        id: &str,
    ) {
        let base = format!("event.{}.page.{id}", self.event);
        self.set_texts(page, section, &PAGE_TEXTS, &base, id);
        let key = "require-completion";
        if let Some(required) = section.switch(self.reader, key) {
            self.set(
                page,
                "requireCompletionToContinue",
                json!(required),
                section,
                key,
            );
        }
        match self.condition(section, "show-if") {
            Some(Condition::When(condition)) => {
                self.set(page, "conditional", condition, section, "show-if");
            }
            Some(Condition::Always) => drop(page.shift_remove("conditional")),
            None => {}
        }
        if let Some(added) = self.condition(section, "and-show-if") {
            let before = page.get("conditional").cloned().into_iter().collect();
            if let Some(condition) = joined(before, added.when()) {
                self.set(page, "conditional", condition, section, "and-show-if");
            }
        }
        self.core_json(page, section);
    }

    /// A new page with its fields.
    pub(super) fn page(&mut self, section: &Section<'_>, day: Option<&str>) -> Option<Value> {
        let id = section.required_text(self.reader, "id")?;
        let named = section.clone().called(format!("page `{}`", id.value));
        if section.item("title").is_none() {
            self.text_is_missing(&named, "title");
        }
        let mut page = Map::new();
        page.insert("id".into(), json!(id.value));
        page.insert("type".into(), json!("FORM"));
        page.insert("requireCompletionToContinue".into(), json!(false));
        let place = self.place(&section.span.clone());
        mark(&mut page, "", place);
        self.set_page(&mut page, &named, id.value);
        let fields = self.fields_of(&named, day);
        page.insert("fields".into(), Value::Array(fields));
        Some(Value::Object(page))
    }

    /// The fields and people of a page, in the order of the file.
    pub(super) fn fields_of(&mut self, section: &Section<'_>, day: Option<&str>) -> Vec<Value> {
        let fields = section.sections(self.reader, "field");
        let people = section.sections(self.reader, "person");
        let mut parts: Vec<(Section<'_>, bool)> =
            fields.into_iter().map(|field| (field, false)).collect();
        parts.extend(people.into_iter().map(|person| (person, true)));
        parts.sort_by_key(|(part, _)| part.span.start);
        let mut list = Vec::new();
        for (part, is_person) in parts {
            if is_person {
                list.extend(self.person(&part, day));
                continue;
            }
            let known: Vec<&str> = ["id"].into_iter().chain(FIELD).collect();
            part.only(self.reader, &known);
            list.extend(self.field(&part));
        }
        list
    }

    /// The built-in questions about a person.
    fn person(&mut self, section: &Section<'_>, day: Option<&str>) -> Vec<Value> {
        section.only(self.reader, &["key", "label", "parts", "show-if"]);
        let key = section.required_text(self.reader, "key");
        let label = section.required_text(self.reader, "label");
        let (Some(key), Some(label)) = (key, label) else {
            return Vec::new();
        };
        let parts = section.texts(self.reader, "parts");
        let mut names = Vec::new();
        for part in &parts {
            if forms::PERSON_PARTS.contains(&part.value) {
                names.push(part.value);
            } else {
                let message = format!("person `{}`: unknown part `{}`", key.value, part.value);
                self.missing(part.span.clone(), message, part.value, forms::PERSON_PARTS);
            }
        }
        if names.contains(&"dob") && day.is_none() {
            let message = format!(
                "person `{}`: the age is counted to a day that is not known",
                key.value
            );
            let hint = "date-of-event = \"…\" names the field with the day of the event";
            self.reader
                .error(section.span.clone(), message, Some(hint.to_owned()));
            return Vec::new();
        }
        let shown = self.condition(section, "show-if").and_then(Condition::when);
        let block = forms::PersonBlock {
            event: &self.event,
            key: key.value,
            label: label.value,
            day: day.unwrap_or_default(),
            parts: &names,
        };
        let fields = forms::person_fields(self.environment, &block, shown);
        let place = self.place(&section.span.clone());
        let mut list = Vec::new();
        for field in fields {
            let field = json!(field);
            self.keep_texts_of_program(&field, section);
            if let Value::Object(mut field) = field {
                mark(&mut field, "", place);
                list.push(Value::Object(field));
            }
        }
        list
    }

    /// Sets an action as the section describes it.
    pub(super) fn set_action(
        &mut self,
        action: &mut Map<String, Value>,
        section: &Section<'_>,
        name: &str,
    ) {
        let base = format!("event.{}.action.{name}", self.event);
        self.set_texts(action, section, &ACTION_TEXTS, &base, name);
        if let Some(icon) = section.text(self.reader, "icon") {
            self.set(action, "icon", json!(icon.value), section, "icon");
        }
        self.conditionals(action, section, &ACTION_EFFECTS);
        self.flag_changes(action, section);
        if let Some(item) = section.item("duplicates") {
            if item.as_str() == Some("off") {
                action.shift_remove("deduplication");
            } else {
                self.error_at_key(
                    section,
                    "duplicates",
                    format!("{}: `duplicates` must be \"off\"", section.what),
                    "another search is core's own JSON: json = '{\"deduplication\": …}'",
                );
            }
        }
        let what = format!("{}: `dialog`", section.what);
        if let Some(dialog) = section.section(self.reader, "dialog", what) {
            dialog.only(self.reader, &DIALOGS);
            let mut copy = match action.get("dialogCopy") {
                Some(Value::Object(known)) => known.clone(),
                _ => Map::new(),
            };
            for key in DIALOGS {
                let text = self.message(&dialog, key, MadeText::dialog(&base, key));
                copy.extend(text.map(|text| (key.to_owned(), text)));
            }
            self.set(action, "dialogCopy", Value::Object(copy), section, "dialog");
        }
        self.core_json(action, section);
    }

    /// `flags.add = [{ id = "…", operation = "add" }]`, `flags.remove = ["…"]`.
    fn flag_changes(&mut self, action: &mut Map<String, Value>, section: &Section<'_>) {
        let what = format!("{}: `flags`", section.what);
        let Some(changes) = section.section(self.reader, "flags", what) else {
            return;
        };
        changes.only(self.reader, &["add", "remove"]);
        let mut list = list_of(action, "flags");
        let missing = format!("{} does not change the flag", section.what);
        self.remove_named(&mut list, &changes, "/id", &missing);
        for flag in changes.sections(self.reader, "add") {
            flag.only(self.reader, &["id", "operation", "if"]);
            let Some(id) = flag.required_text(self.reader, "id") else {
                continue;
            };
            let known = [("add", "add"), ("remove", "remove")];
            let operation = rules::annotated_toml::one_of(self.reader, &flag, "operation", known);
            let mut item = Map::new();
            item.insert("id".into(), json!(id.value));
            item.insert("operation".into(), json!(operation.unwrap_or("add")));
            if let Some(Condition::When(condition)) = self.condition(&flag, "if") {
                item.insert("conditional".into(), condition);
            }
            let place = self.place(&id.span.clone());
            mark(&mut item, "", place);
            list.push(Value::Object(item));
            mark(action, "", place);
        }
        action.insert("flags".into(), Value::Array(list));
    }

    /// Removes the items that `remove` names from a list. `id` is the pointer to the name of an item; `missing`
    /// is the message about a name that none has, before that name.
    pub(super) fn remove_named(
        &mut self,
        list: &mut Vec<Value>,
        changes: &Section<'_>,
        id: &str,
        missing: &str,
    ) {
        for gone in changes.texts(self.reader, "remove") {
            let known = ids_of(list, id);
            if !known.iter().any(|known| known == gone.value) {
                let message = format!("{missing} `{}`", gone.value);
                let known = known.iter().map(String::as_str);
                self.missing(gone.span.clone(), message, gone.value, known);
            }
            list.retain(|item| item.pointer(id).is_none_or(|known| known != gone.value));
        }
    }

    /// Reports a name that does not exist, with the name that was probably meant.
    pub(super) fn missing<'k>(
        &mut self,
        at: Range<usize>,
        message: String,
        name: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let hint = rules::diagnostic::did_you_mean(name, known.iter().copied());
        let hint = hint.or_else(|| {
            (!known.is_empty() && known.len() <= 20)
                .then(|| format!("there are {}", known.join(", ")))
        });
        self.reader.error(at, message, hint);
    }
}

/// One condition of several of which one must hold, and another that must hold too.
fn joined(before: Vec<Value>, added: Option<Value>) -> Option<Value> {
    let mut before: Vec<Conditional> = before.into_iter().map(Conditional::from_schema).collect();
    let earlier = match before.len() {
        0 | 1 => before.pop(),
        _ => Some(or(before)),
    };
    let joined = match (earlier, added.map(Conditional::from_schema)) {
        (Some(earlier), Some(added)) => Some(and([earlier, added])),
        (earlier, added) => earlier.or(added),
    };
    joined.map(|condition| condition.schema())
}

/// The ids of the items of a list; `id` is the pointer to that of an item.
fn ids_of(list: &[Value], id: &str) -> Vec<String> {
    let ids = list.iter().filter_map(|item| item.pointer(id)?.as_str());
    ids.map(str::to_owned).collect()
}

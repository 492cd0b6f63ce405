// SPDX-License-Identifier: MPL-2.0
//! An event in the words of `forms/*.toml`, to read and to copy from: `countryconfig export forms`.

use opencrvs_toolkit::conditional::{Conditional, without_schema_ids};
use opencrvs_toolkit::event::Event;
use opencrvs_toolkit::words::words;
use rules::annotated_toml::camel;
use rules::expression::translate;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::document::all_fields;
use super::keys::{
    ACTION_TEXTS, DIALOGS, EVENT_REFERENCES, EVENT_TEXTS, FIELD_EFFECTS, FIELD_REFERENCES,
    FIELD_TEXTS, MadeText, PAGE_TEXTS, SWITCHES, TextKey, current_moment,
};

/// The event as a file of its own. Read again, it is the same event.
pub fn export(event: &Event) -> String {
    let document = json!(event);
    let writer = Writer {
        event: event.id().to_owned(),
        fields: all_fields(&document).into_iter().collect(),
    };
    let mut text = String::new();
    let Value::Object(mut members) = document else {
        return text;
    };
    let base = format!("event.{}", event.id());
    let _ = writeln!(text, "id = {}", quoted(event.id()));
    named_texts(&mut text, &mut members, &EVENT_TEXTS, &base, event.id());
    let mut declaration = taken(&mut members, "declaration");
    let made = MadeText::form_label(&format!("{base}.action.declare"));
    message(&mut text, &mut declaration, "form-label", "label", &made);
    for key in EVENT_REFERENCES {
        let core_key = camel(key);
        if let Some(name) = members.get(&core_key).and_then(name_of_reference) {
            let _ = writeln!(text, "{key} = {}", quoted(&name));
            members.shift_remove(&core_key);
        }
    }
    for page in list(&mut declaration, "pages") {
        writer.page(&mut text, page, "page");
    }
    for action in list(&mut members, "actions") {
        writer.action(&mut text, action);
    }
    text += "\n[event]\n";
    let key = "fallback-title";
    let made = MadeText::event_setting(&base, key);
    message(&mut text, &mut members, key, &camel(key), &made);
    if let Some(order) = members.shift_remove("actionOrder") {
        let _ = writeln!(text, "action-order = {order}");
    }
    if let Some(Value::Bool(analytics)) = members.shift_remove("analytics") {
        let _ = writeln!(text, "analytics = {analytics}");
    }
    members.shift_remove("id");
    rest(&mut text, members);
    text
}

struct Writer {
    event: String,
    /// The fields that conditions may name.
    fields: BTreeSet<String>,
}

impl Writer {
    /// A condition in words, or as JSON.
    fn condition(&self, schema: &Value) -> String {
        let schema = Conditional::from_schema(schema.clone()).schema();
        if let Some(words) = words(&schema)
            && translate(&words, &self.fields).is_ok_and(|again| again.schema() == schema)
        {
            return quoted(&words);
        }
        format!("{{ json = {} }}", literal(&schema.to_string()))
    }

    /// Conditions of at most one of each effect, in the order in which they are read again.
    fn conditionals(&self, text: &mut String, members: &mut Map<String, Value>) {
        let Some(given) = members.get("conditionals").and_then(Value::as_array) else {
            return;
        };
        let order = |item: &Value| {
            FIELD_EFFECTS
                .iter()
                .position(|(_, effect)| item.get("type").is_some_and(|kind| kind == effect))
        };
        let orders: Option<Vec<usize>> = given.iter().map(order).collect();
        if orders.is_none_or(|orders| !orders.is_sorted_by(|a, b| a < b)) {
            return;
        }
        for item in given {
            let key = order(item)
                .and_then(|at| FIELD_EFFECTS.get(at))
                .map(|(key, _)| *key);
            if let (Some(key), Some(conditional)) = (key, item.get("conditional")) {
                let _ = writeln!(text, "{key} = {}", self.condition(conditional));
            }
        }
        members.shift_remove("conditionals");
    }

    fn page(&self, text: &mut String, page: Value, table: &str) {
        let Value::Object(mut page) = page else {
            return;
        };
        let id = text_of(&mut page, "id");
        let _ = write!(text, "\n[[{table}]]\nid = {}\n", quoted(&id));
        let base = format!("event.{}.page.{id}", self.event);
        named_texts(text, &mut page, &PAGE_TEXTS, &base, &id);
        if let Some(conditional) = page.shift_remove("conditional") {
            let _ = writeln!(text, "show-if = {}", self.condition(&conditional));
        }
        if page.shift_remove("requireCompletionToContinue") == Some(json!(true)) {
            text.push_str("require-completion = true\n");
        }
        if page.get("type").is_some_and(|kind| kind == "FORM") {
            page.shift_remove("type");
        }
        let fields = list(&mut page, "fields");
        rest(text, page);
        for field in fields {
            self.field(text, field, &format!("{table}.field"));
        }
    }

    fn action(&self, text: &mut String, action: Value) {
        let Value::Object(mut action) = action else {
            return;
        };
        let kind = text_of(&mut action, "type");
        let name = match action.shift_remove("customActionType") {
            Some(Value::String(name)) => name,
            _ => kind.clone(),
        };
        let key = if kind == "CUSTOM" { "id" } else { "type" };
        let _ = write!(text, "\n[[action]]\n{key} = {}\n", quoted(&name));
        let base = format!("event.{}.action.{name}", self.event);
        named_texts(text, &mut action, &ACTION_TEXTS, &base, &name);
        if let Some(Value::String(icon)) = action.shift_remove("icon") {
            let _ = writeln!(text, "icon = {}", quoted(&icon));
        }
        self.conditionals(text, &mut action);
        let flags = list(&mut action, "flags");
        if !flags.is_empty() {
            let flags: Vec<String> = flags.iter().map(|flag| self.flag(flag)).collect();
            let _ = writeln!(text, "flags.add = [\n  {},\n]", flags.join(",\n  "));
        }
        dialog(text, &mut action, &base);
        let mut review = taken(&mut action, "review");
        let mut form = taken(&mut action, "printForm");
        form.extend(taken(&mut action, "correctionForm"));
        let made = MadeText::review_title(&self.event);
        message(text, &mut review, "review-title", "title", &made);
        let made = MadeText::form_label(&base);
        message(text, &mut form, "form-label", "label", &made);
        let fields = [list(&mut review, "fields"), list(&mut action, "form")].concat();
        rest(text, action);
        for field in fields {
            self.field(text, field, "action.field");
        }
        for page in list(&mut form, "pages") {
            self.page(text, page, "action.page");
        }
    }

    fn flag(&self, flag: &Value) -> String {
        let word = |key: &str| quoted(flag.get(key).and_then(Value::as_str).unwrap_or_default());
        let condition = flag
            .get("conditional")
            .map(|conditional| format!(", if = {}", self.condition(conditional)));
        format!(
            "{{ id = {}, operation = {}{} }}",
            word("id"),
            word("operation"),
            condition.unwrap_or_default()
        )
    }

    fn field(&self, text: &mut String, field: Value, table: &str) {
        let Value::Object(mut field) = field else {
            return;
        };
        let id = text_of(&mut field, "id");
        let base = format!("event.{}.field.{id}", self.event);
        let of_type = text_of(&mut field, "type");
        let _ = write!(
            text,
            "\n[[{table}]]\nid = {}\ntype = {}\n",
            quoted(&id),
            quoted(&of_type)
        );
        named_texts(text, &mut field, &FIELD_TEXTS, &base, &id);
        for key in ["required"].into_iter().chain(SWITCHES) {
            let core_key = camel(key);
            if let Some(Value::Bool(switch)) = field.get(&core_key) {
                if *switch {
                    let _ = writeln!(text, "{key} = true");
                }
                field.shift_remove(&core_key);
            }
        }
        self.conditionals(text, &mut field);
        self.validation(text, &mut field, &base, &id);
        self.options(text, &mut field, &base);
        for key in FIELD_REFERENCES {
            let words = match field.get(key) {
                Some(Value::Array(several)) => {
                    let names: Option<Vec<_>> = several.iter().map(name_of_reference).collect();
                    names.map(|names| json!(names).to_string())
                }
                Some(one) => name_of_reference(one).map(|name| quoted(&name)),
                None => None,
            };
            if let Some(words) = words {
                let _ = writeln!(text, "{key} = {words}");
                field.shift_remove(key);
            }
        }
        let moment = current_moment(&of_type);
        let default = match field.get("defaultValue") {
            Some(Value::String(text)) => Some(quoted(text)),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => Some(value.to_string()),
            Some(value) if moment.as_ref() == Some(value) => Some(quoted("now")),
            _ => None,
        };
        if let Some(default) = default {
            let _ = writeln!(text, "default = {default}");
            field.shift_remove("defaultValue");
        }
        configuration(text, &mut field);
        rest(text, field);
    }

    fn validation(&self, text: &mut String, field: &mut Map<String, Value>, base: &str, id: &str) {
        let rules = list(field, "validation");
        let rules = rules.iter().enumerate().filter_map(|(nth, rule)| {
            let made = MadeText::rule_error(base, nth + 1, id);
            let wording = inline_message(rule.get("message")?, &made)?;
            let condition = self.condition(rule.get("validator")?);
            Some(format!("  {{ if = {condition}, else = {wording} }},\n"))
        });
        let rules: String = rules.collect();
        if !rules.is_empty() {
            let _ = writeln!(text, "valid = [\n{rules}]");
        }
    }

    fn options(&self, text: &mut String, field: &mut Map<String, Value>, base: &str) {
        let Some(options) = field.get("options").and_then(Value::as_array) else {
            return;
        };
        let lines: Option<Vec<String>> = options
            .iter()
            .map(|option| {
                let value = option.get("value")?.as_str()?;
                let label = match option.get("label")? {
                    Value::String(plain) => format!("{{ plain = {} }}", quoted(plain)),
                    wording => inline_message(wording, &MadeText::option_label(base, value))?,
                };
                let mut conditions = String::new();
                let Value::Object(mut members) = option.clone() else {
                    return None;
                };
                self.conditionals(&mut conditions, &mut members);
                let conditions = conditions
                    .lines()
                    .fold(String::new(), |all, line| all + ", " + line);
                (members.len() == 2).then(|| {
                    format!(
                        "  {{ value = {}, label = {label}{conditions} }},\n",
                        quoted(value)
                    )
                })
            })
            .collect();
        if let Some(lines) = lines {
            let _ = writeln!(text, "options = [\n{}]", lines.concat());
            field.shift_remove("options");
        }
    }
}

/// A text under its key, where it has no more than words can say.
fn message(
    text: &mut String,
    members: &mut Map<String, Value>,
    key: &str,
    core_key: &str,
    made: &MadeText,
) {
    let words = members.get(core_key).and_then(|m| inline_message(m, made));
    if let Some(words) = words {
        let _ = writeln!(text, "{key} = {words}");
        members.shift_remove(core_key);
    }
}

/// The texts of a part with a name.
fn named_texts(
    text: &mut String,
    members: &mut Map<String, Value>,
    texts: &[TextKey],
    base: &str,
    name: &str,
) {
    for one in texts {
        message(text, members, one.key, one.core_key, &one.made(base, name));
    }
}

fn dialog(text: &mut String, action: &mut Map<String, Value>, base: &str) {
    let Some(Value::Object(dialog)) = action.get("dialogCopy") else {
        return;
    };
    let texts: Option<Vec<String>> = DIALOGS
        .into_iter()
        .map(|key| {
            let words = inline_message(dialog.get(key)?, &MadeText::dialog(base, key))?;
            Some(format!("dialog.{key} = {words}\n"))
        })
        .collect();
    if let Some(texts) = texts {
        text.push_str(&texts.concat());
        action.shift_remove("dialogCopy");
    }
}

/// Plain settings in words; where there are others, all stay JSON.
fn configuration(text: &mut String, field: &mut Map<String, Value>) {
    let Some(Value::Object(settings)) = field.get("configuration") else {
        return;
    };
    let words: Option<Vec<String>> = settings
        .iter()
        .map(|(key, value)| {
            let words = match value {
                Value::String(text) => quoted(text),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                _ => return None,
            };
            let hyphenated = hyphenated(key);
            (camel(&hyphenated) == *key).then(|| format!("{hyphenated} = {words}"))
        })
        .collect();
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        let _ = writeln!(text, "configuration = {{ {} }}", words.join(", "));
        field.shift_remove("configuration");
    }
}

/// `maxLength` as files write it: `max-length`.
fn hyphenated(key: &str) -> String {
    let mut name = String::new();
    for letter in key.chars() {
        if letter.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Writes the members for which files have no words, as core's JSON.
fn rest(text: &mut String, members: Map<String, Value>) {
    let kept: Map<String, Value> = members
        .into_iter()
        .filter(|(_, value)| value.as_array().is_none_or(|list| !list.is_empty()))
        .map(|(key, value)| (key, without_schema_ids(value)))
        .collect();
    if !kept.is_empty() {
        let _ = writeln!(text, "json = {}", literal(&Value::Object(kept).to_string()));
    }
}

fn inline_message(message: &Value, made: &MadeText) -> Option<String> {
    let word = |key: &str| message.get(key).and_then(Value::as_str);
    let (id, text) = (word("id")?, word("defaultMessage")?);
    if message.as_object()?.len() != 3 {
        return None;
    }
    let note = word("description")?;
    if id == made.id && note == made.note {
        return Some(quoted(text));
    }
    let note = if note == made.note {
        String::new()
    } else {
        format!(", description = {}", quoted(note))
    };
    Some(format!(
        "{{ id = {}, text = {}{note} }}",
        quoted(id),
        quoted(text)
    ))
}

/// A reference as a name with dots.
fn name_of_reference(reference: &Value) -> Option<String> {
    let members = reference.as_object()?;
    if let Some(kept) = members.get("$$event").filter(|_| members.len() == 1) {
        return Some(format!("event.{}", kept.as_str()?));
    }
    let id = members.get("$$field")?.as_str()?;
    let parts = members.get("$$subfield")?.as_array()?;
    if members.len() != 2
        || parts
            .iter()
            .any(|part| part.as_str().is_none_or(|part| part.contains('.')))
    {
        return None;
    }
    let parts = parts.iter().filter_map(Value::as_str);
    Some(parts.fold(id.to_owned(), |name, part| format!("{name}.{part}")))
}

fn taken(members: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match members.shift_remove(key) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn list(members: &mut Map<String, Value>, key: &str) -> Vec<Value> {
    match members.shift_remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn text_of(members: &mut Map<String, Value>, key: &str) -> String {
    match members.shift_remove(key) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

/// A text with quotes and escapes, as TOML has them.
pub(super) fn quoted(text: &str) -> String {
    // TOML's escapes are those of JSON, but for the slash, which JSON does not have to escape.
    let json = Value::from(text).to_string();
    json.replace('\u{7f}', "\\u007f")
}

/// A text as it stands, where it can.
fn literal(text: &str) -> String {
    if text.contains('\'') || text.contains(char::is_control) {
        quoted(text)
    } else {
        format!("'{text}'")
    }
}

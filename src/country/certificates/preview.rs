// SPDX-License-Identifier: MPL-2.0
//! A certificate filled in without core, with the helpers that core's client has.

use super::template::Template;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, Renderable, ScopedJson,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;
use std::collections::HashMap;

/// A record as the client hands it to a template: dates and places in words, names with their `fullname`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Record {
    /// `$declaration`, by field id.
    pub declaration: Map<String, Value>,
    /// `$metadata`.
    pub metadata: Map<String, Value>,
    /// What `$action` and `$actions` find, the oldest first; each has a `type`.
    pub actions: Vec<Value>,
    /// `$review`: the certificate is looked at, not printed.
    pub review: bool,
}

/// Wording by message id, for `$intl`.
pub type Messages = HashMap<String, String>;

/// Fills in a template.
///
/// # Errors
/// When the template does what stops core's client, too.
pub fn render(
    template: &Template,
    record: &Record,
    messages: &Messages,
) -> Result<String, RenderError> {
    let mut client = client(record, messages);
    for (name, compiled) in template.compiled() {
        // What is no Handlebars was reported when it was read.
        if let Ok(compiled) = compiled {
            client.register_template(name, compiled.clone());
        }
    }
    // They are JavaScript, for the client only.
    for name in template.helpers() {
        let stand_in = format!("‹{name}›");
        client.register_helper(name, answering(move |_| Ok(stand_in.clone().into())));
    }
    let context = json!({
        "$declaration": record.declaration,
        "$metadata": record.metadata,
        "$review": record.review,
        "$references": {},
    });
    client.render(template.name(), &context)
}

/// Helpers and escapes of core's client.
fn client<'r>(record: &'r Record, messages: &'r Messages) -> Handlebars<'r> {
    let mut client = Handlebars::new();
    client.register_escape_fn(escape);
    client.register_helper("$lookup", answering(lookup));
    client.register_helper(
        "$action",
        answering(|arguments| Ok(actions(record, arguments).next_back().unwrap_or_default())),
    );
    client.register_helper(
        "$actions",
        answering(|arguments| Ok(actions(record, arguments).collect())),
    );
    client.register_helper("$join", answering(|arguments| Ok(join(arguments))));
    client.register_helper(
        "$or",
        answering(|arguments| match arguments {
            [first, second, ..] => Ok(if truthy(first) { first } else { second }.clone()),
            _ => Err("`$or` takes two values"),
        }),
    );
    client.register_helper(
        "$json",
        answering(|arguments| Ok(arguments.first().map(Value::to_string).into())),
    );
    client.register_helper(
        "$intl",
        answering(|arguments| Ok(intl(messages, arguments))),
    );
    client.register_helper(
        "$intlWithParams",
        answering(|arguments| Ok(intl_with_params(messages, arguments))),
    );
    client.register_helper("ifCond", Box::new(IfCond));
    // In JavaScript a text has a property `length`.
    client.register_helper(
        "lookup",
        answering(|arguments| match arguments {
            [Value::String(text), Value::String(key)] if key == "length" => {
                Ok(text.encode_utf16().count().into())
            }
            [Value::Array(list), index] => Ok(index
                .as_u64()
                .and_then(|index| list.get(usize::try_from(index).ok()?))
                .cloned()
                .into()),
            [Value::Object(object), Value::String(key)] => Ok(object.get(key).cloned().into()),
            _ => Ok(Value::Null),
        }),
    );
    client
}

/// A helper that answers with a value.
struct Answering<F>(F);

fn answering<'r, F>(answer: F) -> Box<dyn HelperDef + Send + Sync + 'r>
where
    F: Fn(&[Value]) -> Result<Value, &'static str> + Send + Sync + 'r,
{
    Box::new(Answering(answer))
}

impl<F: Fn(&[Value]) -> Result<Value, &'static str> + Send + Sync> HelperDef for Answering<F> {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let arguments: Vec<Value> = helper
            .params()
            .iter()
            .map(|argument| argument.value().clone())
            .collect();
        (self.0)(&arguments)
            .map(ScopedJson::Derived)
            .map_err(|why| RenderErrorReason::Other(why.to_owned()).into())
    }
}

/// `{{#ifCond a "===" b}} … {{else}} … {{/ifCond}}`.
struct IfCond;

impl HelperDef for IfCond {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let argument = |index| helper.param(index).map_or(&Value::Null, |a| a.value());
        let (left, operator, right) = (argument(0), argument(1), argument(2));
        let order = |wanted: &[Ordering]| compare(left, right).is_some_and(|o| wanted.contains(&o));
        let holds = match operator.as_str() {
            Some("===") => strictly_equal(left, right),
            Some("!==") => !strictly_equal(left, right),
            Some("<") => order(&[Ordering::Less]),
            Some("<=") => order(&[Ordering::Less, Ordering::Equal]),
            Some(">") => order(&[Ordering::Greater]),
            Some(">=") => order(&[Ordering::Greater, Ordering::Equal]),
            Some("&&") => truthy(left) && truthy(right),
            Some("||") => truthy(left) || truthy(right),
            _ => false,
        };
        let branch = if holds {
            helper.template()
        } else {
            helper.inverse()
        };
        branch.map_or(Ok(()), |branch| {
            branch.render(registry, context, render, out)
        })
    }
}

/// `$lookup of "path"`: keys may hold dots themselves; the longest key that is there is followed.
fn lookup(arguments: &[Value]) -> Result<Value, &'static str> {
    match arguments {
        [Value::Null, ..] => Err(
            "`$lookup` in something that is not there; ask first, as in {{#if ($action \"REGISTER\")}}",
        ),
        [of, Value::String(path), ..] => {
            let segments: Vec<&str> = path.split('.').collect();
            Ok(follow(of, &segments).cloned().into())
        }
        _ => Err("`$lookup` takes what to look in, and a path as text"),
    }
}

fn follow<'v>(value: &'v Value, segments: &[&str]) -> Option<&'v Value> {
    if segments.is_empty() {
        return Some(value);
    }
    let (found, rest) = (1..=segments.len()).rev().find_map(|length| {
        let (key, rest) = segments.split_at_checked(length)?;
        Some((value.get(key.join("."))?, rest))
    })?;
    follow(found, rest)
}

/// The actions of the type that is asked for.
fn actions<'r>(
    record: &'r Record,
    arguments: &[Value],
) -> impl DoubleEndedIterator<Item = Value> + 'r {
    let wanted = arguments.first().cloned();
    record
        .actions
        .iter()
        .filter(move |action| action.get("type") == wanted.as_ref())
        .cloned()
}

fn join(arguments: &[Value]) -> Value {
    let Some((separator, values)) = arguments.split_first() else {
        return Value::Null;
    };
    let values: Vec<String> = values.iter().filter(|v| truthy(v)).map(text_of).collect();
    values.join(&text_of(separator)).into()
}

fn intl(messages: &Messages, parts: &[Value]) -> Value {
    if parts.iter().any(Value::is_null) {
        return "".into();
    }
    let id = parts.iter().map(text_of).collect::<Vec<_>>().join(".");
    wording(messages, &id).into()
}

fn intl_with_params(messages: &Messages, arguments: &[Value]) -> Value {
    let Some((id, values)) = arguments.split_first() else {
        return Value::Null;
    };
    let mut text = wording(messages, &text_of(id));
    for pair in values.chunks(2) {
        let [name, value] = pair else {
            return "".into();
        };
        if name.is_null() || value.is_null() {
            return "".into();
        }
        text = text.replace(&format!("{{{}}}", text_of(name)), &text_of(value));
    }
    text.into()
}

fn wording(messages: &Messages, id: &str) -> String {
    let known = messages.get(id).cloned();
    known.unwrap_or_else(|| format!("Missing translation for {id}"))
}

/// As JavaScript's `if` sees it.
fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

fn strictly_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        // Two objects are never the same one.
        (Value::Object(_) | Value::Array(_), _) => false,
        _ => left == right,
    }
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Value::String(left), Value::String(right)) = (left, right) {
        return Some(left.encode_utf16().cmp(right.encode_utf16()));
    }
    number(left)?.partial_cmp(&number(right)?)
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.trim().is_empty() => Some(0.0),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The escapes of Handlebars.js.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            '`' => escaped.push_str("&#x60;"),
            '=' => escaped.push_str("&#x3D;"),
            other => escaped.push(other),
        }
    }
    escaped
}

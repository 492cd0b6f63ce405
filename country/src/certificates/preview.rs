// SPDX-License-Identifier: MPL-2.0
//! A certificate filled in without core, with the helpers that core's client has.

use super::client::{Client, Stops, TO_STRING, join, script_text, truthy};
use super::template::Template;
use super::{ClientSettings, Readable, Record};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, Renderable, ScopedJson,
};
use rules::template_bounds::LONGEST;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::Write;

/// Wording by message id in one language.
pub type Messages = HashMap<String, String>;

/// Fills in a template.
///
/// # Errors
/// When the template does what stops core's client, too.
pub(super) fn render(
    template: &Template,
    readable: &Readable,
    record: &Record,
    settings: &ClientSettings,
) -> Result<String, RenderError> {
    let client = Client {
        settings,
        readable,
        record,
    };
    let stop = |why: Stops| RenderError::from(RenderErrorReason::Other(why.to_owned()));
    let words = RecordInWords {
        declaration: (
            record.declaration.clone().into(),
            client
                .form(&readable.fields, &record.declaration)
                .map_err(stop)?,
        ),
        metadata: (record.metadata.clone().into(), client.metadata()),
        client: &client,
    };
    let mut handlebars = helpers(&words);
    for (name, compiled) in template.compiled() {
        // What is not Handlebars was reported when it was read.
        if let Ok(compiled) = compiled {
            handlebars.register_template(name, compiled.clone());
        }
    }
    // They are JavaScript, for the client only.
    for name in template.helpers() {
        let stand_in = format!("‹{name}›");
        handlebars.register_helper(name, answering(move |_| Ok(stand_in.clone().into())));
    }
    let context = json!({
        "$declaration": words.declaration.0,
        "$metadata": words.metadata.0,
        "$review": record.review,
        "$references": { "locations": {}, "users": record.users },
    });
    let mut svg = Limited(Vec::new());
    handlebars.render_to_write(template.name(), &context, &mut svg)?;
    let svg = String::from_utf8_lossy(&svg.0).into_owned();
    // The client puts pictures into the drawing before it prints.
    let embedded = |svg: String, (path, picture): (&String, &String)| svg.replace(path, picture);
    Ok(record.files.iter().fold(svg, embedded))
}

/// A drawing, which has an end: loops over a record may write very much.
struct Limited(Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            let most = LONGEST / 1024 / 1024;
            return Err(std::io::Error::other(format!(
                "the drawing is larger than {most} MiB"
            )));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The record that a template reads: the values as core holds them, and each in words.
struct RecordInWords<'r> {
    declaration: (Value, Value),
    metadata: (Value, Value),
    client: &'r Client<'r>,
}

impl RecordInWords<'_> {
    /// `$lookup of "path"`.
    fn lookup(&self, arguments: &[Value]) -> Result<Value, Stops> {
        let (of, path) = match arguments {
            [Value::Null, ..] => {
                return Err(
                    "`$lookup` in something that is not there; ask first, as in {{#if ($action \"REGISTER\")}}",
                );
            }
            [of, Value::String(path), ..] => (of, path),
            _ => return Err("`$lookup` takes what to look in, and a path as text"),
        };
        let segments: Vec<&str> = path.split('.').collect();
        let found = if *of == self.metadata.0 {
            follow(&self.metadata.1, &segments).cloned()
        } else if *of == self.declaration.0 {
            follow(&self.declaration.1, &segments).cloned()
        } else if self.client.record.actions.contains(of) {
            follow(&self.client.action(of)?, &segments).cloned()
        } else {
            Some(property(of, path).unwrap_or_else(|| "".into()))
        };
        Ok(match found.unwrap_or_default() {
            Value::Object(mut words) => {
                let text = Value::Object(words.clone()).to_string();
                words.insert(TO_STRING.to_owned(), text.into());
                words.into()
            }
            other => other,
        })
    }

    /// The actions of the type that is asked for.
    fn actions(&self, arguments: &[Value]) -> impl DoubleEndedIterator<Item = Value> {
        let actions = self.client.record.actions.iter();
        let of_type = move |action: &&Value| action.get("type") == arguments.first();
        actions.filter(of_type).cloned()
    }

    /// `$intl part …`: the text whose id the parts make.
    fn intl(&self, parts: &[Value]) -> Value {
        if parts.iter().any(Value::is_null) {
            return "".into();
        }
        let id = parts.iter().map(script_text).collect::<Vec<_>>().join(".");
        self.text(&id).into()
    }

    /// `$intlWithParams id name value …`.
    fn intl_with_params(&self, arguments: &[Value]) -> Value {
        let Some((id, values)) = arguments.split_first() else {
            return Value::Null;
        };
        let mut text = self.text(&script_text(id));
        for pair in values.chunks(2) {
            let [name, value] = pair else {
                return "".into();
            };
            if name.is_null() || value.is_null() {
                return "".into();
            }
            text = text.replace(&format!("{{{}}}", script_text(name)), &script_text(value));
        }
        text.into()
    }

    fn text(&self, id: &str) -> String {
        let missing = format!("Missing translation for {id}");
        self.client.wording(id, &missing)
    }
}

/// Helpers and escapes of core's client.
fn helpers<'r>(words: &'r RecordInWords<'r>) -> Handlebars<'r> {
    let mut client = Handlebars::new();
    client.register_escape_fn(escape);
    client.register_helper("$lookup", answering(|arguments| words.lookup(arguments)));
    client.register_helper(
        "$action",
        answering(|arguments| Ok(words.actions(arguments).next_back().unwrap_or_default())),
    );
    client.register_helper(
        "$actions",
        answering(|arguments| Ok(words.actions(arguments).collect())),
    );
    client.register_helper(
        "$join",
        answering(|arguments| {
            let joined =
                |(separator, values): (&Value, &[Value])| join(&script_text(separator), values);
            Ok(arguments.split_first().map(joined).into())
        }),
    );
    client.register_helper(
        "$or",
        answering(|arguments| match arguments {
            [first, second, ..] => Ok(if truthy(first) { first } else { second }.clone()),
            _ => Err("`$or` takes two values"),
        }),
    );
    client.register_helper("$json", answering(|arguments| Ok(as_json(arguments))));
    client.register_helper("$intl", answering(|parts| Ok(words.intl(parts))));
    client.register_helper(
        "$intlWithParams",
        answering(|arguments| Ok(words.intl_with_params(arguments))),
    );
    client.register_helper("ifCond", Box::new(IfCond));
    client.register_helper(
        "lookup",
        answering(|arguments| match arguments {
            [of, key] => Ok(property(of, &script_text(key)).unwrap_or_default()),
            _ => Err("`lookup` takes what to look in, and a key"),
        }),
    );
    client
}

fn as_json(arguments: &[Value]) -> Value {
    let text = |value: &Value| match value {
        Value::Object(object) => {
            let mut object = object.clone();
            object.shift_remove(TO_STRING);
            Value::Object(object).to_string()
        }
        other => other.to_string(),
    };
    arguments
        .first()
        .filter(|value| !value.is_null())
        .map(text)
        .into()
}

/// A property in JavaScript's sense: texts and lists have a `length`, and parts by their index.
fn property(of: &Value, key: &str) -> Option<Value> {
    let index = || key.parse::<usize>().ok();
    match of {
        Value::Object(object) => object.get(key).cloned(),
        Value::String(text) if key == "length" => Some(text.encode_utf16().count().into()),
        Value::String(text) => {
            let unit = text.encode_utf16().nth(index()?)?;
            Some(String::from_utf16_lossy(&[unit]).into())
        }
        Value::Array(list) if key == "length" => Some(list.len().into()),
        Value::Array(list) => list.get(index()?).cloned(),
        _ => None,
    }
}

/// Keys may hold dots themselves; the longest key that is there is followed.
fn follow<'v>(value: &'v Value, segments: &[&str]) -> Option<&'v Value> {
    if segments.is_empty() || value.is_null() {
        return Some(value);
    }
    let (found, rest) = (1..=segments.len()).rev().find_map(|length| {
        let (key, rest) = segments.split_at_checked(length)?;
        Some((value.get(key.join("."))?, rest))
    })?;
    follow(found, rest)
}

/// A helper that answers with a value.
struct Answering<F>(F);

fn answering<'r, F>(answer: F) -> Box<dyn HelperDef + Send + Sync + 'r>
where
    F: Fn(&[Value]) -> Result<Value, Stops> + Send + Sync + 'r,
{
    Box::new(Answering(answer))
}

impl<F: Fn(&[Value]) -> Result<Value, Stops> + Send + Sync> HelperDef for Answering<F> {
    /// Prints the answer as JavaScript would.
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let answer = self.call_inner(helper, registry, context, render)?;
        let text = script_text(answer.as_json());
        let plain = render.is_disable_escape();
        out.write(&if plain { text } else { escape(&text) })?;
        Ok(())
    }

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

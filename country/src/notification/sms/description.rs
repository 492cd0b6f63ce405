// SPDX-License-Identifier: MPL-2.0
//! The request to an SMS gateway, and the reply that means success. Values are escaped as the kind of the
//! body wants it.

use handlebars::{Handlebars, html_escape, no_escape};
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use regex::Regex;
use rules::annotated_toml::{Reader, Section};
use rules::template_bounds;
use serde_json::{Map, Value};
use std::str::FromStr;
use url::Url;

/// The variables that templates may name, with values to try them with.
const SAMPLE: Values<'static> = [
    ("number", "+260700111222"),
    ("digits", "260700111222"),
    ("text", "He said: \"1 < 2 & 3\"\\,\nça va?"),
    ("key", "key"),
    ("sender", "CRVS"),
];

/// Names and values.
pub type Values<'a> = [(&'static str, &'a str); 5];

/// Writes a value so that it stays one.
type Escape = fn(&str) -> String;

/// The kinds of bodies, and how a value is written into each.
const KINDS: [(&str, Escape); 4] = [
    ("application/json", json),
    ("application/x-www-form-urlencoded", percent),
    ("application/xml", html_escape),
    ("text/xml", html_escape),
];

/// The request to a gateway, and the reply that means success.
#[derive(Debug)]
pub struct Description {
    method: Method,
    url: Template,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Template>,
    /// Statuses that mean success; any 2xx where none is named.
    statuses: Vec<u16>,
    /// The pattern that the reply must match as well.
    reply: Option<Regex>,
}

/// A request to a gateway. It is private, so it has no `Debug`.
pub struct GatewayRequest {
    /// GET, POST …
    pub method: Method,
    /// The URL, with the values filled in.
    pub url: Url,
    /// The headers that the description names.
    pub headers: HeaderMap,
    /// The body, if there is one.
    pub body: Option<String>,
}

/// The part of a description that is at fault, and why.
type Fault = (&'static str, String);

impl Description {
    /// The format of Infobip.
    ///
    /// # Errors
    /// An endpoint that is not a URL.
    pub fn infobip(endpoint: &str) -> Result<Self, String> {
        let body = r#"{"messages":[{"destinations":[{"recipient":"{{number}}"}],"from":"{{sender}}","text":"{{text}}"}]}"#;
        let headers = [
            ("Authorization".into(), "App {{key}}".into()),
            ("Content-Type".into(), "application/json".into()),
        ];
        let made = Self::new(Method::POST, endpoint, &headers, Some(body));
        made.map_err(|(_, why)| why)
    }

    /// Reads a section of the file, and tries what it describes.
    pub(super) fn read(section: &Section<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        section.only(reader, &["url", "method", "headers", "body", "success"]);
        let url = section.required_text(reader, "url");
        let method = section.text(reader, "method");
        let body = section.text(reader, "body");
        let mut headers = Vec::new();
        if let Some(given) = section.section(reader, "headers", "headers".into()) {
            for key in given.keys() {
                let value = given.text(reader, key.value);
                headers.extend(value.map(|v| (key.value.to_owned(), v.value.to_owned())));
            }
        }
        let success = section.section(reader, "success", "success".into());
        let (statuses, reply) = success.map_or((vec![], None), |s| success_rule(&s, reader));
        let method = Method::from_bytes(method.map_or("POST", |m| m.value).as_bytes());
        let made = method
            .map_err(|_| ("method", "it is not an HTTP method".to_owned()))
            .and_then(|method| {
                Self::new(
                    method,
                    url.as_ref().map_or("", |u| u.value),
                    &headers,
                    body.map(|b| b.value),
                )
            });
        match made {
            Ok(made) => Some(Self {
                statuses,
                reply,
                ..made
            }),
            // That it is missing was said.
            Err(("url", _)) if url.is_none() => None,
            Err((part, why)) => {
                let message = format!("the gateway: `{part}`: {why}");
                reader.error(section.span_at(part), message, None);
                None
            }
        }
    }

    fn new(
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: Option<&str>,
    ) -> Result<Self, Fault> {
        let kind = headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(CONTENT_TYPE.as_str()));
        let kind = kind
            .and_then(|(_, kind)| kind.split(';').next())
            .unwrap_or_default()
            .trim();
        let body = body.map(|body| {
            let Some((_, escape)) = KINDS.iter().find(|(known, _)| *known == kind) else {
                let known = KINDS.map(|(kind, _)| kind).join(", ");
                let why = format!("a body needs a Content-Type; known are {known}");
                return Err(("headers", why));
            };
            let (template, tried) = Template::tried(body, *escape).map_err(|why| ("body", why))?;
            if kind == "application/json" {
                let parsed = serde_json::from_str::<Value>(&tried);
                parsed.map_err(|error| ("body", format!("it is not JSON: {error}")))?;
            }
            Ok(template)
        });
        let (url, tried) = Template::tried(url, percent).map_err(|why| ("url", why))?;
        let parsed = Url::parse(&tried).map_err(|why| ("url", format!("no URL, {why}")))?;
        if !["http", "https"].contains(&parsed.scheme()) {
            return Err((
                "url",
                "it begins neither with `https:` nor `http:`".to_owned(),
            ));
        }
        let header = |(name, value): &(String, String)| {
            let known =
                HeaderName::from_str(name).map_err(|_| format!("`{name}` is not a header name"))?;
            let (template, tried) = Template::tried(value, no_escape)?;
            HeaderValue::from_str(&tried).map_err(|_| format!("`{name}` cannot hold that"))?;
            Ok((known, template))
        };
        let headers = headers.iter().map(header).collect::<Result<_, String>>();
        Ok(Self {
            method,
            url,
            headers: headers.map_err(|why| ("headers", why))?,
            body: body.transpose()?,
            statuses: vec![],
            reply: None,
        })
    }

    /// The request to the gateway; nothing where a value cannot be written.
    pub fn request(&self, values: Values<'_>) -> Option<GatewayRequest> {
        let values = context(values);
        let url = Url::parse(&self.url.with(&values)?).ok()?;
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let mut value = HeaderValue::from_str(&template.with(&values)?).ok()?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        let body = match &self.body {
            Some(body) => Some(body.with(&values)?),
            None => None,
        };
        Some(GatewayRequest {
            method: self.method.clone(),
            url,
            headers,
            body,
        })
    }

    /// Returns true if the gateway accepted the text.
    pub fn took(&self, status: u16, reply: &str) -> bool {
        let status = if self.statuses.is_empty() {
            (200..300).contains(&status)
        } else {
            self.statuses.contains(&status)
        };
        status
            && self
                .reply
                .as_ref()
                .is_none_or(|pattern| pattern.is_match(reply))
    }
}

fn success_rule(section: &Section<'_>, reader: &mut Reader<'_>) -> (Vec<u16>, Option<Regex>) {
    section.only(reader, &["status", "reply"]);
    let mut statuses = Vec::new();
    if let Some(item) = section.item("status") {
        let listed = item.as_array().into_iter().flatten();
        let read = |value: &toml_edit::Value| u16::try_from(value.as_integer()?).ok();
        let read: Option<Vec<_>> = listed.map(read).collect();
        if let Some(read) = read.filter(|read| !read.is_empty()) {
            statuses = read;
        } else {
            let message = "success: `status` must be a list of statuses like `[200, 201]`";
            reader.error(section.item_span(item), message.into(), None);
        }
    }
    let reply = section.text(reader, "reply").and_then(|text| {
        let pattern = Regex::new(text.value);
        if let Err(error) = &pattern {
            let message = format!("success: `reply` is not a regular expression: {error}");
            reader.error(text.span, message, None);
        }
        pattern.ok()
    });
    (statuses, reply)
}

/// A text with places for values.
#[derive(Debug)]
struct Template(Handlebars<'static>);

impl Template {
    /// Compiles a text and writes the sample into it.
    fn tried(text: &str, escape: Escape) -> Result<(Self, String), String> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(escape);
        let compiled = template_bounds::compile(text).map_err(|fault| fault.message)?;
        registry.register_template("", compiled);
        let template = Self(registry);
        let tried = template.with(&context(SAMPLE)).ok_or_else(|| {
            let known = SAMPLE.map(|(name, _)| name).join(", ");
            format!("it names something unknown; there are {known}")
        })?;
        Ok((template, tried))
    }

    fn with(&self, values: &Map<String, Value>) -> Option<String> {
        self.0.render("", values).ok()
    }
}

fn context(values: Values<'_>) -> Map<String, Value> {
    let values = values.into_iter();
    values
        .map(|(n, v)| (n.to_owned(), Value::from(v)))
        .collect()
}

/// Inside the quotes of a JSON text.
fn json(value: &str) -> String {
    let quoted = Value::from(value).to_string();
    quoted
        .get(1..quoted.len() - 1)
        .unwrap_or_default()
        .to_owned()
}

/// Anywhere in a URL or a form: all but letters, digits and `-._~` in hexadecimal.
fn percent(value: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let write = |byte: u8| {
        if plain(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    value.bytes().map(write).collect()
}

// SPDX-License-Identifier: MPL-2.0
//! Reads `country/data/credentials/*.toml`, and makes requests from them.

use rules::annotated_toml::{Reader, Section, Text, one_of};
use rules::diagnostic::{Diagnostic, did_you_mean};
use rules::expression::{Expression, Facts, Vocabulary};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use toml_edit::{Item, TableLike, Value as Toml};

/// The use of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A wallet takes up an offer of it.
    Offer,
    /// It is printed on the certificate.
    Paper,
}

impl CredentialKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Offer, Self::Paper];

    /// Its word in templates and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Paper => "paper",
        }
    }
}

/// The template of a request for a credential.
#[derive(Debug)]
pub struct CredentialTemplate {
    /// The kind of credential.
    pub kind: CredentialKind,
    /// The type of event.
    pub event: String,
    /// Answers that the record must have.
    pub required: Vec<String>,
    /// Names of places, and the fields that hold them.
    pub places: Vec<(String, String)>,
    request: Tree,
}

/// A document with expressions in it.
#[derive(Debug)]
enum Tree {
    Constant(Value),
    Expression(Expression),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl CredentialTemplate {
    /// Reads and checks a file; reports every fault of it at once.
    ///
    /// # Errors
    /// All faults of the file, with their places.
    pub fn parse(file: &str, text: &str, vocabulary: &Vocabulary) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader::new(file, text);
        match template(&mut reader, vocabulary) {
            Some(template) if !reader.failed() => Ok(template),
            _ => Err(reader.into_found()),
        }
    }

    /// The request about a record. What it does not say is left out.
    pub fn request(&self, facts: &Facts<'_>) -> Value {
        self.request.fill(facts).unwrap_or_default()
    }
}

impl Tree {
    /// Nothing where nothing is known.
    fn fill(&self, facts: &Facts<'_>) -> Option<Value> {
        match self {
            Self::Constant(value) => Some(value.clone()),
            Self::Expression(expression) => {
                let value = expression.evaluate(facts).ok()?;
                Some(value).filter(|value| !value.is_null())
            }
            Self::List(items) => {
                let items: Vec<_> = items.iter().filter_map(|item| item.fill(facts)).collect();
                (!items.is_empty()).then_some(items.into())
            }
            Self::Object(members) => {
                let member =
                    |(name, tree): &(String, Self)| Some((name.clone(), tree.fill(facts)?));
                let members: Map<_, _> = members.iter().filter_map(member).collect();
                (!members.is_empty()).then_some(members.into())
            }
        }
    }
}

fn template(reader: &mut Reader<'_>, vocabulary: &Vocabulary) -> Option<CredentialTemplate> {
    let document = reader.document()?;
    let root = Section::root(&document);
    root.only(reader, &["kind", "event", "required", "places", "request"]);
    let kinds = CredentialKind::ALL.map(|kind| (kind.name(), kind));
    let kind = one_of(reader, &root, "kind", kinds);
    let events = vocabulary.event_types().map(|event| (event, event));
    let event = one_of(reader, &root, "event", events);
    let fields = event.and_then(|event| vocabulary.fields(event))?;
    let known = |reader: &mut Reader<'_>, field: &Text<'_>| {
        if !fields.contains(field.value) {
            let hint = did_you_mean(field.value, fields.iter().map(String::as_str));
            reader.error(
                field.span.clone(),
                format!("unknown field `{}`", field.value),
                hint,
            );
        }
        field.value.to_owned()
    };
    let required = root.texts(reader, "required");
    let required = required.iter().map(|field| known(reader, field)).collect();
    let mut places = Vec::new();
    if let Some(section) = root.section(reader, "places", "places".into()) {
        for name in section.keys() {
            if name
                .value
                .contains(|c: char| !c.is_ascii_lowercase() && c != '_')
            {
                let message = format!(
                    "`{}` is not a name of lower-case letters and `_`",
                    name.value
                );
                reader.error(name.span.clone(), message, None);
            }
            if let Some(field) = section.text(reader, name.value) {
                places.push((name.value.to_owned(), known(reader, &field)));
            }
        }
    }
    let mut names = fields.clone();
    let parts =
        |(name, _): &(String, String)| ["name", "full"].map(|part| format!("{name}.{part}"));
    names.extend(places.iter().flat_map(parts));
    let Some(request) = root.item("request").and_then(Item::as_table_like) else {
        reader.error(0..0, "the table `request` is missing".into(), None);
        return None;
    };
    let request = object(reader, "request", request, &names);
    Some(CredentialTemplate {
        kind: kind?,
        event: event?.to_owned(),
        required,
        places,
        request,
    })
}

fn object(
    reader: &mut Reader<'_>,
    what: &str,
    table: &dyn TableLike,
    fields: &BTreeSet<String>,
) -> Tree {
    let mut members = Vec::new();
    for (name, item) in table.iter() {
        let what = format!("{what}.{name}");
        let member = match item {
            Item::None => None,
            Item::Value(value) => of_value(reader, &what, value, fields),
            Item::Table(table) => Some(object(reader, &what, table, fields)),
            Item::ArrayOfTables(tables) => {
                let tables = tables.iter();
                let tables = tables.map(|table| object(reader, &what, table, fields));
                Some(Tree::List(tables.collect()))
            }
        };
        members.extend(member.map(|member| (name.to_owned(), member)));
    }
    Tree::Object(members)
}

fn of_value(
    reader: &mut Reader<'_>,
    what: &str,
    value: &Toml,
    fields: &BTreeSet<String>,
) -> Option<Tree> {
    Some(match value {
        Toml::String(text) => {
            let text = Text {
                value: text.value(),
                span: value.span().unwrap_or(0..0),
            };
            Tree::Expression(reader.expression(what, &text, fields)?)
        }
        Toml::Integer(number) => Tree::Constant((*number.value()).into()),
        Toml::Float(number) => Tree::Constant((*number.value()).into()),
        Toml::Boolean(yes) => Tree::Constant((*yes.value()).into()),
        Toml::Array(items) => {
            let items = items.iter();
            let items = items.filter_map(|item| of_value(reader, what, item, fields));
            Tree::List(items.collect())
        }
        Toml::InlineTable(table) => object(reader, what, table, fields),
        Toml::Datetime(_) => {
            let hint = Some("write it as a text with quotes of its own".to_owned());
            let at = value.span().unwrap_or(0..0);
            reader.error(
                at,
                format!("{what}: a date is none of the things that are sent"),
                hint,
            );
            return None;
        }
    })
}

#[cfg(test)]
mod tests;

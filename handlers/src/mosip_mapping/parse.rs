// SPDX-License-Identifier: MPL-2.0
//! Reading `country/mosip.toml`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Mapping, PacketMapping, Section as Expressions};
use crate::annotated_toml::{Reader, Section, one_of};
use crate::diagnostic::Diagnostic;
use crate::expression::Vocabulary;
use crate::rules::Operation;

/// What the middleware wants to know about whom to notify.
const NOTIFICATION: [&str; 3] = ["recipientFullName", "recipientEmail", "recipientPhone"];

impl Mapping {
    /// Reads and checks the mapping; reports every fault of the file at once.
    ///
    /// `read` gives the text of a file beside this one, for the identity schema.
    pub fn parse(
        file: &str,
        text: &str,
        vocabulary: &Vocabulary,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader::new(file, text);
        let mapping = mapping(&mut reader, file, vocabulary, read);
        match mapping {
            Some(mapping) if !reader.failed() => Ok(mapping),
            _ => Err(reader.into_found()),
        }
    }
}

fn mapping(
    reader: &mut Reader<'_>,
    file: &str,
    vocabulary: &Vocabulary,
    read: &dyn Fn(&str) -> Option<String>,
) -> Option<Mapping> {
    let document = reader.document()?;
    let root = Section::root(&document);
    root.only(reader, &["id-schema", "audit", "packet"]);
    let id_schema = id_schema(reader, &root, read);
    let mut packets: Vec<PacketMapping> = Vec::new();
    for section in root.sections(reader, "packet") {
        let Some(packet) = packet(reader, &root, section.clone(), vocabulary) else {
            continue;
        };
        if packets
            .iter()
            .any(|other| other.operation == packet.operation && other.event == packet.event)
        {
            let message = format!(
                "`{}` of a `{}` is mapped twice",
                packet.operation, packet.event
            );
            reader.error(section.span, message, None);
        }
        packets.push(packet);
    }
    Some(Mapping {
        file: file.to_owned(),
        packets,
        id_schema,
    })
}

fn id_schema(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    read: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let name = root.text(reader, "id-schema")?;
    let Some(text) = read(name.value) else {
        reader.error(
            name.span,
            format!("the file `{}` cannot be read", name.value),
            Some("it stands beside this file".into()),
        );
        return None;
    };
    if let Err(error) = serde_json::from_str::<Value>(&text) {
        reader.error(
            name.span,
            format!("the file `{}` is not JSON: {error}", name.value),
            None,
        );
    }
    Some(text)
}

fn packet(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    mut section: Section<'_>,
    vocabulary: &Vocabulary,
) -> Option<PacketMapping> {
    section.only(
        reader,
        &[
            "operation",
            "event",
            "path",
            "required",
            "fields",
            "notification",
            "metaInfo",
            "audit",
        ],
    );
    let operation = one_of(
        reader,
        &section,
        "operation",
        Operation::ALL.map(|operation| (operation.name(), operation)),
    );
    let event = one_of(
        reader,
        &section,
        "event",
        vocabulary.event_types().map(|event| (event, event)),
    );
    if let (Some(operation), Some(event)) = (operation, event) {
        section.what = format!("packet `{operation}` of a `{event}`");
    }
    let path = section.required_text(reader, "path");
    if let Some(path) = path.as_ref().filter(|path| !path.value.starts_with('/')) {
        reader.error(
            path.span.clone(),
            format!("{}: `path` must begin with a slash", section.what),
            None,
        );
    }
    let known = event.and_then(|event| vocabulary.fields(event))?;
    let fields = expressions(reader, &section, "fields", known);
    let mut required = Vec::new();
    for name in section.texts(reader, "required") {
        if !fields.iter().any(|(field, _)| field == name.value) {
            reader.error(
                name.span,
                format!(
                    "{}: `{}` is required but not among the fields",
                    section.what, name.value
                ),
                None,
            );
        }
        required.push(name.value.to_owned());
    }
    let notification = notification(reader, &section, known);
    let meta_info = expressions(reader, &section, "metaInfo", known);
    let audit = expressions(
        reader,
        if section.item("audit").is_some() {
            &section
        } else {
            root
        },
        "audit",
        known,
    );
    let (event, path) = (event?.to_owned(), path?.value.to_owned());
    Some(PacketMapping {
        operation: operation?,
        event,
        path,
        required,
        fields,
        notification,
        meta_info,
        audit,
    })
}

fn notification(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    known: &BTreeSet<String>,
) -> Expressions {
    let notification = expressions(reader, section, "notification", known);
    for name in NOTIFICATION {
        if section
            .section(reader, "notification", section.what.clone())
            .is_none_or(|texts| texts.item(name).is_none())
        {
            reader.error(
                section.span.clone(),
                format!("{}: `{name}` is missing from `notification`", section.what),
                None,
            );
        }
    }
    notification
}

/// A table of names and expressions; empty if it is not there.
fn expressions(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    known: &BTreeSet<String>,
) -> Expressions {
    let Some(table) = section.section(reader, key, format!("{}, {key}", section.what)) else {
        return Vec::new();
    };
    let mut expressions = Vec::new();
    for name in table.keys() {
        let Some(text) = table.text(reader, name.value) else {
            continue;
        };
        let what = format!("{}, `{}`", table.what, name.value);
        let expression = reader.expression(&what, &text, known);
        expressions.extend(expression.map(|expression| (name.value.to_owned(), expression)));
    }
    expressions
}

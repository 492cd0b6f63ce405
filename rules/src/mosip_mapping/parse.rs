// SPDX-License-Identifier: MPL-2.0
//! Reads `country/data/mosip.toml`.

use std::collections::BTreeSet;

use super::id_schema::IdSchema;
use super::{Mapping, PacketMapping, Section as Expressions};
use crate::annotated_toml::{Reader, Section, one_of};
use crate::diagnostic::Diagnostic;
use crate::eligibility::Operation;
use crate::expression::{Kind, Vocabulary};

/// The middleware's path for corrected data.
const UPDATE: &str = "/events/update-biographics";
/// All fields of corrected data that the middleware accepts there.
const UPDATED: [&str; 5] = [
    "VID",
    "fullName",
    "dateOfBirth",
    "gender",
    "introducerInfoToken",
];
/// The fields in which the middleware expects the person to notify.
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
        let mut faults = Vec::new();
        let mapping = mapping(&mut reader, file, vocabulary, read, &mut faults);
        match mapping {
            Some(mapping) if !reader.failed() && faults.is_empty() => Ok(mapping),
            _ => {
                faults.extend(reader.into_found());
                Err(faults)
            }
        }
    }
}

fn mapping(
    reader: &mut Reader<'_>,
    file: &str,
    vocabulary: &Vocabulary,
    read: &dyn Fn(&str) -> Option<String>,
    faults: &mut Vec<Diagnostic>,
) -> Option<Mapping> {
    let document = reader.document()?;
    let root = Section::root(&document);
    root.only(reader, &["id-schema", "audit", "packet"]);
    let id_schema = id_schema(reader, &root, read, faults);
    let mut packets: Vec<PacketMapping> = Vec::new();
    for section in root.sections(reader, "packet") {
        let Some(packet) = packet(
            reader,
            &root,
            section.clone(),
            vocabulary,
            id_schema.as_ref(),
        ) else {
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
    faults: &mut Vec<Diagnostic>,
) -> Option<IdSchema> {
    let name = root.text(reader, "id-schema")?;
    let Some(text) = read(name.value) else {
        reader.error(
            name.span,
            format!("the file `{}` cannot be read", name.value),
            Some("put it beside this file".into()),
        );
        return None;
    };
    let folder = reader.file().rsplit_once('/');
    let file = folder.map_or_else(
        || name.value.to_owned(),
        |(folder, _)| format!("{folder}/{}", name.value),
    );
    let schema = IdSchema::parse(&file, &text);
    schema.map_err(|found| faults.extend(found)).ok()
}

fn packet(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    mut section: Section<'_>,
    vocabulary: &Vocabulary,
    id_schema: Option<&IdSchema>,
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
    if let Some(path) = &path {
        objections(reader, &section, path.value, &fields, id_schema);
    }
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

/// Reports fields that the middleware or MOSIP would drop or refuse.
fn objections(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    path: &str,
    fields: &Expressions,
    id_schema: Option<&IdSchema>,
) {
    let Some(table) = section.section(reader, "fields", section.what.clone()) else {
        return;
    };
    for name in table.keys() {
        let Some((_, expression)) = fields.iter().find(|(field, _)| field == name.value) else {
            continue;
        };
        let kinds = expression.kinds();
        let objection = if path == UPDATE && !UPDATED.contains(&name.value) {
            let message = format!("`{path}` of the middleware drops `{}`", name.value);
            Some((message, Some(format!("it takes {}", UPDATED.join(", ")))))
        } else if let Some(what) = kinds.iter().find_map(not_text) {
            let message = format!(
                "`{}` is {what}; the middleware takes texts only",
                name.value
            );
            Some((message, Some("write it in quotes, or string(…)".to_owned())))
        } else {
            id_schema.and_then(|schema| schema.objection(name.value, &kinds))
        };
        if let Some((message, hint)) = objection {
            let message = format!("{}: {message}", section.what);
            reader.error(name.span, message, hint);
        }
    }
}

fn not_text(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Other(what) => Some(what),
        Kind::Text(_) | Kind::InLanguage => None,
    }
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

// SPDX-License-Identifier: MPL-2.0
//! Reading `certificates.toml`.

use super::template::{Parts, Source, Template};
use super::{Certificate, FACES, Family, Fee, ShowWhen};
use crate::country::Files;
use handlers::annotated_toml::{Reader, Section, Text};
use handlers::diagnostic::{Diagnostic, did_you_mean};
use opencrvs_toolkit::event::Event;
use opencrvs_toolkit::prelude::{Message, message};
use serde_json::Number;
use std::collections::BTreeMap;

const FILE: &str = "certificates.toml";
const FOLDER: &str = "certificates";

/// Reads the file, and the templates that it names.
pub(super) fn certificates(
    files: &Files,
    events: &[Event],
) -> Result<Vec<Certificate>, Vec<Diagnostic>> {
    let text = files.text(FILE).map_err(|problem| vec![problem])?;
    let parts = parts(files).map_err(|problem| vec![problem])?;
    let name = files.name_of(FILE);
    let mut reader = Reader::new(&name, &text);
    let mut context = Context {
        files,
        events: events.iter().map(Event::id).collect(),
        parts,
        families: BTreeMap::new(),
    };
    let list = context.file(&mut reader);
    match list {
        Some(list) if !reader.failed() => Ok(list),
        _ => Err(reader.into_found()),
    }
}

/// The files of `certificates/parts/`.
fn parts(files: &Files) -> Result<Parts, Diagnostic> {
    let folder = format!("{FOLDER}/parts");
    let part = |file: String| {
        let name = file.strip_prefix(&folder)?.strip_prefix('/')?;
        let name = name.strip_suffix(".svg")?.to_owned();
        Some(source(files, &file).map(|source| (name, source)))
    };
    files.list(&folder).into_iter().filter_map(part).collect()
}

fn source(files: &Files, file: &str) -> Result<Source, Diagnostic> {
    Ok(Source {
        file: files.name_of(file),
        text: files.text(file)?,
    })
}

/// What certificates are checked against.
struct Context<'a> {
    files: &'a Files,
    events: Vec<&'a str>,
    parts: Parts,
    families: BTreeMap<String, Family>,
}

impl Context<'_> {
    fn file(&mut self, reader: &mut Reader<'_>) -> Option<Vec<Certificate>> {
        let document = reader.document()?;
        let root = Section::root(&document);
        root.only(reader, &["certificate", "font"]);
        for section in root.sections(reader, "font") {
            if let Some(family) = self.family(reader, &section)
                && let Some(twice) = self.families.insert(family.name.clone(), family)
            {
                let message = format!("the font `{}` is there twice", twice.name);
                reader.error(section.span, message, None);
            }
        }
        let sections = root.sections(reader, "certificate");
        let list: Vec<Option<Certificate>> = sections
            .iter()
            .map(|section| self.certificate(reader, section))
            .collect();
        for (index, (section, certificate)) in sections.iter().zip(&list).enumerate() {
            if let Some(certificate) = certificate {
                let before = list.iter().take(index).flatten();
                compare(reader, section, certificate, before);
                printed_before(reader, section, certificate, list.iter().flatten());
            }
        }
        list.into_iter().collect()
    }

    fn family(&self, reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Family> {
        section.only(reader, &[&["name"], FACES.as_slice()].concat());
        let name = section.required_text(reader, "name");
        // All four are looked at, so that all that is wrong is told at once.
        let faces = FACES.map(|face| {
            let file = section.required_text(reader, face)?;
            self.there_is(reader, section, "fonts", &file)?;
            Some((face, file.value.to_owned()))
        });
        let [Some(normal), Some(bold), Some(italics), Some(bolditalics)] = faces else {
            return None;
        };
        Some(Family {
            name: name?.value.to_owned(),
            faces: [normal, bold, italics, bolditalics],
        })
    }

    fn certificate(&self, reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Certificate> {
        section.only(
            reader,
            &[
                "id",
                "event",
                "label",
                "default",
                "fee",
                "svg",
                "fonts",
                "show-when",
            ],
        );
        let id = section.required_text(reader, "id");
        let event = self.event(reader, section);
        let label = label(reader, section);
        let default = flag(reader, section, "default");
        let fee = fee(reader, section);
        let svg = section.required_text(reader, "svg");
        let template = svg
            .clone()
            .and_then(|svg| self.template(reader, section, &svg));
        let families = section.texts(reader, "fonts");
        let families = families
            .iter()
            .filter_map(|name| self.known_family(reader, section, name))
            .collect();
        let show_when = show_when(reader, section);
        Some(Certificate {
            id: id?.value.to_owned(),
            event: event?,
            families,
            template: template?,
            svg: svg?.value.to_owned(),
            label: label?,
            default: default?,
            fee: fee?,
            show_when: show_when?,
        })
    }

    fn event(&self, reader: &mut Reader<'_>, section: &Section<'_>) -> Option<String> {
        let event = section.required_text(reader, "event")?;
        if !self.events.contains(&event.value) {
            let message = format!("{}: there is no event `{}`", section.what, event.value);
            let hint = did_you_mean(event.value, self.events.iter().copied())
                .unwrap_or_else(|| format!("there are {}", self.events.join(", ")));
            reader.error(event.span, message, Some(hint));
        }
        Some(event.value.to_owned())
    }

    fn template(
        &self,
        reader: &mut Reader<'_>,
        section: &Section<'_>,
        svg: &Text<'_>,
    ) -> Option<Template> {
        self.there_is(reader, section, FOLDER, svg)?;
        match source(self.files, &format!("{FOLDER}/{}", svg.value)) {
            Ok(source) => Some(Template::new(source, &self.parts)),
            Err(problem) => {
                reader.error(svg.span.clone(), problem.message, None);
                None
            }
        }
    }

    fn known_family(
        &self,
        reader: &mut Reader<'_>,
        section: &Section<'_>,
        name: &Text<'_>,
    ) -> Option<Family> {
        let family = self.families.get(name.value);
        if family.is_none() {
            let message = format!("{}: there is no [[font]] `{}`", section.what, name.value);
            let known = self.families.keys().map(String::as_str);
            reader.error(name.span.clone(), message, did_you_mean(name.value, known));
        }
        family.cloned()
    }

    /// Reports a file that does not stand directly in its folder, and a name that would not survive in a URL.
    fn there_is(
        &self,
        reader: &mut Reader<'_>,
        section: &Section<'_>,
        folder: &str,
        file: &Text<'_>,
    ) -> Option<()> {
        let found = self.files.list(folder);
        let mut names = found
            .iter()
            .filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/'))
            .filter(|name| !name.contains('/'));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !file.value.chars().all(plain) {
            let message = format!(
                "{}: `{}` cannot be a file name in a URL",
                section.what, file.value
            );
            let hint = "use letters, digits, `-`, `_` and `.`, without a folder";
            reader.error(file.span.clone(), message, Some(hint.to_owned()));
            None
        } else if names.clone().any(|name| name == file.value) {
            Some(())
        } else {
            let message = format!("{}: there is no file {folder}/{}", section.what, file.value);
            let hint = did_you_mean(file.value, &mut names);
            reader.error(file.span.clone(), message, hint);
            None
        }
    }
}

/// Two certificates must not be mistaken for each other.
fn compare<'c>(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    certificate: &Certificate,
    mut before: impl Iterator<Item = &'c Certificate> + Clone,
) {
    let span = |key| {
        section
            .item(key)
            .map_or_else(|| section.span.clone(), |i| section.item_span(i))
    };
    if before.clone().any(|other| other.id == certificate.id) {
        let message = format!("the id `{}` is there twice", certificate.id);
        reader.error(span("id"), message, None);
    }
    let default = before.find(|other| other.default && other.event == certificate.event);
    if let Some(other) = default
        && certificate.default
    {
        let message = format!(
            "{}: of `{}`, `{}` is the default already",
            section.what, other.event, other.id
        );
        reader.error(span("default"), message, None);
    }
}

/// What `{ printed = "id" }` names must be a certificate of the same event.
fn printed_before<'c>(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    certificate: &Certificate,
    all: impl Iterator<Item = &'c Certificate>,
) {
    let ShowWhen::PrintedAs(id) = &certificate.show_when else {
        return;
    };
    let same_event = all.filter(|other| other.event == certificate.event);
    let known: Vec<&str> = same_event.map(|other| other.id.as_str()).collect();
    if !known.contains(&id.as_str())
        && let Some(item) = section.item("show-when")
    {
        let message = format!(
            "{}: there is no certificate `{id}` of `{}`",
            section.what, certificate.event
        );
        let hint = did_you_mean(id, known.iter().copied());
        reader.error(section.item_span(item), message, hint);
    }
}

fn label(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Message> {
    let label = required_section(reader, section, "label")?;
    label.only(reader, &["id", "text", "description"]);
    let id = label.required_text(reader, "id");
    let text = label.required_text(reader, "text");
    let description = label.text(reader, "description");
    let label = message(id?.value, text?.value);
    Some(match description {
        Some(description) => label.describe(description.value),
        None => label,
    })
}

fn fee(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Fee> {
    let fee = required_section(reader, section, "fee")?;
    fee.only(reader, &["on-time", "late", "delayed"]);
    let [on_time, late, delayed] =
        ["on-time", "late", "delayed"].map(|key| amount(reader, &fee, key));
    Some(Fee {
        on_time: on_time?,
        late: late?,
        delayed: delayed?,
    })
}

fn required_section<'t>(
    reader: &mut Reader<'_>,
    section: &Section<'t>,
    key: &str,
) -> Option<Section<'t>> {
    if section.item(key).is_none() {
        let message = format!("{}: `{key}` is missing", section.what);
        reader.error(section.span.clone(), message, None);
    }
    section.section(reader, key, format!("{}, {key}", section.what))
}

fn amount(reader: &mut Reader<'_>, fee: &Section<'_>, key: &str) -> Option<Number> {
    let Some(item) = fee.item(key) else {
        let message = format!("{}: `{key}` is missing", fee.what);
        reader.error(fee.span.clone(), message, None);
        return None;
    };
    let whole = item.as_integer().map(Number::from);
    let amount = whole.or_else(|| item.as_float().and_then(Number::from_f64));
    if amount
        .as_ref()
        .and_then(Number::as_f64)
        .is_some_and(|a| a >= 0.0)
    {
        return amount;
    }
    let message = format!("{}: `{key}` must be a number, 0 or more", fee.what);
    reader.error(fee.item_span(item), message, None);
    None
}

fn flag(reader: &mut Reader<'_>, section: &Section<'_>, key: &str) -> Option<bool> {
    let Some(item) = section.item(key) else {
        return Some(false);
    };
    let value = item.as_bool();
    if value.is_none() {
        let message = format!("{}: `{key}` must be true or false", section.what);
        reader.error(section.item_span(item), message, None);
    }
    value
}

fn show_when(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<ShowWhen> {
    let Some(item) = section.item("show-when") else {
        return Some(ShowWhen::Always);
    };
    let table = item.as_table_like();
    let printed = table
        .filter(|table| table.len() == 1)
        .and_then(|table| table.get("printed"));
    match (item.as_str(), printed.and_then(|printed| printed.as_str())) {
        (Some("always"), _) => Some(ShowWhen::Always),
        (Some("not-printed"), _) => Some(ShowWhen::NotPrinted),
        (_, Some("any")) => Some(ShowWhen::Printed),
        (_, Some(id)) => Some(ShowWhen::PrintedAs(id.to_owned())),
        _ => {
            let message = format!("{}: this is no `show-when`", section.what);
            let hint = "it is \"always\", \"not-printed\", { printed = \"any\" } or { printed = \"id of a certificate\" }";
            reader.error(section.item_span(item), message, Some(hint.to_owned()));
            None
        }
    }
}

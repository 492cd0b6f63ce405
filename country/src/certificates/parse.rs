// SPDX-License-Identifier: MPL-2.0
//! Reads `certificates.toml`.

use super::template::{Parts, Source, Template};
use super::{Certificate, Certificates, FACES, Family, Fee, Readable, ShowWhen};
use crate::Files;
use crate::texts::{self, TextUse};
use rules::annotated_toml::{Reader, Section, Text};
use rules::diagnostic::{Diagnostic, Severity, did_you_mean, known_name_or_all};
use serde_json::Number;
use std::collections::BTreeMap;
use std::sync::Arc;

const FILE: &str = "certificates.toml";
const FOLDER: &str = "certificates";
/// The first bytes of TrueType and OpenType files.
const TRUE_TYPE: [&[u8]; 3] = [b"\0\x01\0\0", b"true", b"OTTO"];

/// Reads the file, and the templates that it names.
pub(super) fn certificates(
    files: &Files,
    events: &[Arc<Readable>],
    said: &mut Vec<TextUse>,
    found: &mut Vec<Diagnostic>,
) -> Certificates {
    let (text, parts, helpers) = match (files.text(FILE), parts(files), helpers(files)) {
        (Ok(text), Ok(parts), Ok(helpers)) => (text, parts, helpers),
        (text, parts, helpers) => {
            found.extend(
                [text.err(), parts.err(), helpers.err()]
                    .into_iter()
                    .flatten(),
            );
            return Certificates::default();
        }
    };
    let name = files.name_of(FILE);
    let mut reader = Reader::new(&name, &text);
    let mut context = Context {
        files,
        events,
        parts,
        helpers,
        families: BTreeMap::new(),
        fees: BTreeMap::new(),
        said,
    };
    let read = context.file(&mut reader).unwrap_or_default();
    found.extend(reader.into_found());
    found.extend(unused(files, &read));
    read
}

/// Drawings that no certificate names.
fn unused(files: &Files, read: &Certificates) -> Vec<Diagnostic> {
    let named = |file: &str| read.list.iter().any(|certificate| certificate.svg == file);
    // One with a fault of its own may name it.
    let all = read.list.len() == read.ids.len();
    let drawing = |path: String| {
        let file = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
        let unused =
            all && file.strip_suffix(".svg").is_some() && !file.contains('/') && !named(file);
        unused.then(|| Diagnostic {
            severity: Severity::Warning,
            hint: Some(format!(
                "name it in the `svg` of a [[certificate]] of {FILE}"
            )),
            ..Diagnostic::of_file(files.name_of(&path), "no certificate uses this drawing")
        })
    };
    files.list(FOLDER).into_iter().filter_map(drawing).collect()
}

/// The files of `certificates/parts/`.
fn parts(files: &Files) -> Result<Parts, Diagnostic> {
    let folder = format!("{FOLDER}/parts");
    let part = |file: String| {
        let name = file.strip_prefix(&folder)?.strip_prefix('/')?;
        let name = name.strip_suffix(".svg")?.to_owned();
        Some(source(files, &file).map(|source| (name, Arc::new(source))))
    };
    files.list(&folder).into_iter().filter_map(part).collect()
}

fn source(files: &Files, file: &str) -> Result<Source, Diagnostic> {
    Ok(Source::new(files.name_of(file), files.text(file)?))
}

/// The helpers that the country adds to those of core's client: what `handlebars.js` exports.
fn helpers(files: &Files) -> Result<Vec<String>, Diagnostic> {
    let module = files.find("handlebars.js")?.unwrap_or_default();
    let module = String::from_utf8_lossy(&module);
    let exports = module
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("export "));
    let named = exports.flat_map(|export| match export.trim_start().strip_prefix('{') {
        Some(list) => list.trim_end_matches([';', '}', ' ']).split(',').collect(),
        None => vec![export.split(['(', '=', ';']).next().unwrap_or_default()],
    });
    // The last word of `async function name`, `const name` and `inner as name`.
    let name = |export: &str| Some(export.split_whitespace().next_back()?.to_owned());
    Ok(named.filter_map(name).collect())
}

/// The context in which certificates are checked.
struct Context<'a> {
    files: &'a Files,
    events: &'a [Arc<Readable>],
    parts: Parts,
    helpers: Vec<String>,
    /// Nothing where the font has a fault, which is told where it stands.
    families: BTreeMap<String, Option<Family>>,
    /// By event: the fee of its first certificate, which the forms before printing ask for.
    fees: BTreeMap<Option<String>, Fee>,
    said: &'a mut Vec<TextUse>,
}

impl Context<'_> {
    fn file(&mut self, reader: &mut Reader<'_>) -> Option<Certificates> {
        let document = reader.document()?;
        let root = Section::root(&document);
        root.only(reader, &["certificate", "font"]);
        for section in root.sections(reader, "font") {
            let family = self.family(reader, &section);
            let Some(name) = section.item("name").and_then(|name| name.as_str()) else {
                continue;
            };
            if self.families.insert(name.to_owned(), family).is_some() {
                let message = format!("the font `{name}` is there twice");
                reader.error(section.span, message, None);
            }
        }
        let mut read = Certificates::default();
        let mut sections = Vec::new();
        for section in root.required_sections(reader, "certificate") {
            let id = section.item("id").and_then(|id| id.as_str());
            read.ids.extend(id.map(str::to_owned));
            if let Some(certificate) = self.certificate(reader, &section) {
                compare(reader, &section, &certificate, &read.list);
                read.list.push(certificate);
                sections.push(section);
            }
        }
        for (section, certificate) in sections.iter().zip(&read.list) {
            printed_before(reader, section, certificate, &read);
        }
        Some(read)
    }

    fn family(&self, reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Family> {
        section.only(reader, &[&["name"], FACES.as_slice()].concat());
        let name = section.required_text(reader, "name");
        // All four are looked at, so that all that is wrong is told at once.
        let faces = FACES.map(|face| {
            let file = section.required_text(reader, face)?;
            self.there_is(reader, section, "fonts", &file)?;
            let content = self.files.find(&format!("fonts/{}", file.value)).ok()??;
            if !TRUE_TYPE.iter().any(|begin| content.starts_with(begin)) {
                let message = format!("{}: `{}` is not a TrueType font", section.what, file.value);
                let hint = "core prints with .ttf files; a .woff2 has to be converted".to_owned();
                reader.error(file.span, message, Some(hint));
                return None;
            }
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

    fn certificate(
        &mut self,
        reader: &mut Reader<'_>,
        section: &Section<'_>,
    ) -> Option<Certificate> {
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
        let readable = self.event(reader, section);
        let note = || "Name of a certificate in the list of those that can be printed".to_owned();
        let label = texts::text(reader, section, "label", note, self.said);
        let default = section.switch(reader, "default");
        let event = readable.as_ref().map(|readable| readable.event.as_str());
        let fee = self.fee(reader, section, event);
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
        let readable = readable?;
        Some(Certificate {
            id: id?.value.to_owned(),
            event: readable.event.clone(),
            readable,
            families,
            template: template?,
            svg: svg?.value.to_owned(),
            label: label?,
            default: default.unwrap_or(false),
            fee: fee?,
            show_when: show_when?,
        })
    }

    /// The fee of a certificate; where it has none of its own, that of the first certificate of the event.
    fn fee(
        &mut self,
        reader: &mut Reader<'_>,
        section: &Section<'_>,
        event: Option<&str>,
    ) -> Option<Fee> {
        let key = event.map(str::to_owned);
        // A certificate whose event has a fault may be the first of any.
        let first = self.fees.get(&key).or_else(|| self.fees.get(&None));
        if section.item("fee").is_none() && first.is_some() {
            return first.cloned();
        }
        let fee = fee(reader, section)?;
        if first.is_none() {
            self.fees.insert(key, fee.clone());
        } else if first.is_some_and(|first| *first != fee) {
            let message = format!(
                "{}: the forms ask for the fee of the first certificate of a `{}`, which is another one",
                section.what,
                event.unwrap_or_default()
            );
            let hint = "leave `fee` out here, or make both the same".to_owned();
            reader.warning(section.span_at("fee"), message, Some(hint));
        }
        Some(fee)
    }

    fn event(&self, reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Arc<Readable>> {
        let event = section.required_text(reader, "event")?;
        let mut events = self.events.iter();
        let known = events.find(|known| known.event == event.value);
        if known.is_none() {
            let message = format!("{}: there is no event `{}`", section.what, event.value);
            let ids: Vec<&str> = self.events.iter().map(|known| &*known.event).collect();
            let hint = known_name_or_all(event.value, &ids);
            reader.error(event.span, message, Some(hint));
        }
        known.cloned()
    }

    fn template(
        &self,
        reader: &mut Reader<'_>,
        section: &Section<'_>,
        svg: &Text<'_>,
    ) -> Option<Template> {
        self.there_is(reader, section, FOLDER, svg)?;
        match source(self.files, &format!("{FOLDER}/{}", svg.value)) {
            Ok(source) => Some(Template::new(source, &self.parts, &self.helpers)),
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
        family.cloned().flatten()
    }

    /// Reports a file that is not directly in its folder, and a name that would not survive in a URL.
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

/// Reports certificates that could be mistaken for each other.
fn compare(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    certificate: &Certificate,
    before: &[Certificate],
) {
    if before.iter().any(|other| other.id == certificate.id) {
        let message = format!("the id `{}` is there twice", certificate.id);
        reader.error(section.span_at("id"), message, None);
    }
    let default = before
        .iter()
        .find(|other| other.default && other.event == certificate.event);
    if let Some(other) = default
        && certificate.default
    {
        let message = format!(
            "{}: of `{}`, `{}` is the default already",
            section.what, other.event, other.id
        );
        reader.error(section.span_at("default"), message, None);
    }
}

/// Checks that `{ printed = "id" }` names a certificate of the same event.
fn printed_before(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    certificate: &Certificate,
    read: &Certificates,
) {
    let ShowWhen::PrintedAs(id) = &certificate.show_when else {
        return;
    };
    let is_it = |other: &&Certificate| other.id == *id;
    let right = match read.list.iter().find(is_it) {
        Some(other) => other.event == certificate.event,
        // It may be one with a fault of its own.
        None => read.ids.contains(id),
    };
    if !right {
        let same_event = read
            .list
            .iter()
            .filter(|other| other.event == certificate.event);
        let known = same_event.map(|other| other.id.as_str());
        let message = format!(
            "{}: there is no certificate `{id}` of `{}`",
            section.what, certificate.event
        );
        let hint = did_you_mean(id, known);
        reader.error(section.span_at("show-when"), message, hint);
    }
}

/// The fee that the forms before printing ask for, by event, as far as the file can be read. Its faults are
/// for [`certificates`].
pub(crate) fn fees(files: &Files) -> BTreeMap<String, Fee> {
    let text = files.text(FILE).unwrap_or_default();
    let mut reader = Reader::new("", &text);
    let mut fees = BTreeMap::new();
    let Some(document) = reader.document() else {
        return fees;
    };
    for section in Section::root(&document).sections(&mut reader, "certificate") {
        let event = section.item("event").and_then(|event| event.as_str());
        if let (Some(event), Some(fee)) = (event, fee(&mut reader, &section)) {
            fees.entry(event.to_owned()).or_insert(fee);
        }
    }
    fees
}

fn fee(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Fee> {
    if section.item("fee").is_none() {
        let message = format!("{}: `fee` is missing", section.what);
        let hint = "fee = { on-time = 0, late = 0, delayed = 0 }".to_owned();
        reader.error(section.span.clone(), message, Some(hint));
    }
    let fee = section.section(reader, "fee", format!("{}: `fee`", section.what))?;
    fee.only(reader, &["on-time", "late", "delayed"]);
    let [on_time, late, delayed] =
        ["on-time", "late", "delayed"].map(|key| amount(reader, &fee, key));
    Some(Fee {
        on_time: on_time?,
        late: late?,
        delayed: delayed?,
    })
}

/// A number that is written as it stands in the file: `7`, not `7.0`.
fn amount(reader: &mut Reader<'_>, fee: &Section<'_>, key: &str) -> Option<Number> {
    if fee.item(key).is_none() {
        let message = format!("{}: `{key}` is missing", fee.what);
        reader.error(fee.span.clone(), message, None);
    }
    let value = fee.number(reader, key)?;
    let whole = fee.item(key)?.as_integer();
    let number = whole.map_or_else(|| Number::from_f64(value), |whole| Some(whole.into()));
    if value < 0.0 || number.is_none() {
        let message = format!("{}: `{key}` must be 0 or more", fee.what);
        reader.error(fee.span_at(key), message, None);
        return None;
    }
    number
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
            let message = format!("{}: this is not a `show-when`", section.what);
            let hint = "it is \"always\", \"not-printed\", { printed = \"any\" } or { printed = \"id of a certificate\" }";
            reader.error(section.item_span(item), message, Some(hint.to_owned()));
            None
        }
    }
}

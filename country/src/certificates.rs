// SPDX-License-Identifier: MPL-2.0
//! `certificates.toml` and the templates beside it: the certificates that can be printed.

mod check;
mod client;
mod comparison;
mod drawing;
mod parse;
mod preview;
mod readable;
mod record;
mod template;
#[cfg(test)]
mod tests;

use super::Files;
use super::texts::TextUse;
use handlebars::RenderError;
use opencrvs_toolkit::prelude::{Conditional, Message, event, not};
use rules::annotated_toml::position;
use rules::diagnostic::{Diagnostic, Severity};
use serde::Serialize;
use serde_json::{Number, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use template::Template;

pub use client::{ClientSettings, Clients};
pub(super) use parse::fees;
pub use preview::Messages;
pub(super) use readable::{Readable, country_text};
pub use record::{Place, Record};

/// The path at which browsers find this server.
const SERVED_AT: &str = "/api/countryconfig";

/// The certificates of a country.
#[derive(Default)]
pub struct Certificates {
    ids: Vec<String>,
    list: Vec<Certificate>,
}

/// A certificate that can be printed.
pub struct Certificate {
    /// Its id; never changes.
    pub id: String,
    /// Type of the event.
    pub event: String,
    /// Families of type that it brings along.
    pub families: Vec<Family>,
    template: Template,
    readable: Arc<Readable>,
    svg: String,
    label: Message,
    default: bool,
    fee: Fee,
    show_when: ShowWhen,
}

/// The fee, in the currency of the country.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fee {
    on_time: Number,
    late: Number,
    delayed: Number,
}

impl Fee {
    /// The amounts for registration in time, late, and later still.
    pub(super) fn amounts(&self) -> [f64; 3] {
        [&self.on_time, &self.late, &self.delayed].map(|fee| fee.as_f64().unwrap_or_default())
    }
}

/// A family of type: each face is a file of `fonts/`.
#[derive(Debug, Clone)]
pub struct Family {
    /// The name that drawings use for it.
    pub name: String,
    /// Name of the face, as core calls it, and its file.
    pub faces: [(&'static str, String); 4],
}

const FACES: [&str; 4] = ["normal", "bold", "italics", "bolditalics"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum ShowWhen {
    Always,
    /// No certificate was printed.
    NotPrinted,
    /// Any certificate was printed.
    Printed,
    /// The certificate with this id was printed.
    PrintedAs(String),
}

impl ShowWhen {
    fn conditional(&self) -> Option<Conditional> {
        let printed = event().has_action("PRINT_CERTIFICATE");
        match self {
            Self::Always => None,
            Self::NotPrinted => Some(not(printed)),
            Self::Printed => Some(printed.min_count(1)),
            Self::PrintedAs(id) => Some(printed.with_template(id).min_count(1)),
        }
    }
}

impl Certificates {
    /// Reads `certificates.toml` and the templates that it names. A fault in one leaves out that one only, so
    /// that all faults are found at once.
    pub(super) fn read(
        files: &Files,
        events: &[Arc<Readable>],
        said: &mut Vec<TextUse>,
        found: &mut Vec<Diagnostic>,
    ) -> Self {
        let read = parse::certificates(files, events, said, found);
        for certificate in &read.list {
            let families = certificate.families.iter();
            let families: Vec<&str> = families.map(|family| family.name.as_str()).collect();
            let template = &certificate.template;
            let mut problems = check::problems(template, &certificate.readable, &families);
            let whole = problems
                .iter()
                .all(|problem| problem.severity == Severity::Warning);
            if whole {
                problems.extend(certificate.trial(files));
            }
            // What two certificates share is told once.
            problems.retain(|problem| !found.contains(problem));
            found.extend(problems);
        }
        read
    }

    /// The ids, also of certificates that could not be read: roles may name them.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(String::as_str)
    }

    /// The ids that a scope for these events may name; without events, all.
    pub(super) fn ids_for(&self, events: &[&str]) -> impl Iterator<Item = &str> {
        let of_another = |id: &str| {
            let mut same = self.list.iter().filter(|certificate| certificate.id == id);
            same.any(|certificate| !events.contains(&certificate.event.as_str()))
        };
        self.ids()
            .filter(move |id| events.is_empty() || !of_another(id))
    }

    /// The answer of `/certificates`.
    pub fn json(&self) -> Value {
        self.list.iter().map(Certificate::json).collect()
    }

    /// The files served below `/certificates/`: file names, and each template as one text.
    pub fn svgs(&self) -> BTreeMap<&str, String> {
        let whole = |certificate: &Certificate| certificate.template.whole();
        self.list
            .iter()
            .map(|c| (c.svg.as_str(), whole(c)))
            .collect()
    }

    /// The drawings and samples that the certificates use, by path from the country's root.
    pub(super) fn files(&self) -> BTreeSet<String> {
        let drawings = self.list.iter().map(|c| format!("certificates/{}", c.svg));
        drawings
            .chain(self.list.iter().map(Certificate::sample_file))
            .collect()
    }

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Certificate> {
        self.list.iter()
    }
}

impl Certificate {
    /// Fills the template in with a record, as core's client does for this user.
    ///
    /// # Errors
    /// When the template or the record has what stops core's client, too.
    pub fn render(
        &self,
        record: &Record,
        settings: &ClientSettings,
    ) -> Result<String, RenderError> {
        preview::render(&self.template, &self.readable, record, settings)
    }

    /// Returns true if the template names a field of the declaration.
    pub fn names(&self, field: &str) -> bool {
        let (whole, text) = (self.template.whole(), |end| format!("\"{field}{end}"));
        whole.contains(&text('"')) || whole.contains(&text('.'))
    }

    /// The sample record of its event, used unless another is named: `samples/<event>.json`.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn sample(&self, files: &Files) -> Result<Record, Diagnostic> {
        let file = self.sample_file();
        let (name, text) = (files.name_of(&file), files.text(&file)?);
        let mut sample: Record = serde_json::from_str(&text).map_err(|error| Diagnostic {
            line: error.line(),
            column: error.column(),
            ..Diagnostic::of_file(&name, error.to_string())
        })?;
        if files.is_built_in_below(&name) {
            // The country may have removed fields for which the program's own sample has answers.
            let known = |id: &str| self.readable.fields.contains_key(id);
            sample.declaration.retain(|id, _| known(id));
        }
        Ok(sample)
    }

    fn sample_file(&self) -> String {
        format!("certificates/samples/{}.json", self.event)
    }

    /// Fills the template in, with the sample and with nothing at all, and checks the result.
    fn trial(&self, files: &Files) -> Vec<Diagnostic> {
        let sample = match self.sample(files) {
            Ok(sample) => sample,
            Err(problem) => return vec![problem],
        };
        let problems = self.sample_problems(&sample, files);
        if !problems.is_empty() {
            return problems;
        }
        let trials = [
            ("the sample", sample),
            ("an empty record", Record::default()),
        ];
        let fault = |(what, record): &(&str, Record)| self.fault(what, record);
        trials.iter().filter_map(fault).collect()
    }

    /// Values of the sample that no record of core has.
    fn sample_problems(&self, sample: &Record, files: &Files) -> Vec<Diagnostic> {
        let file = self.sample_file();
        let text = files.text(&file).unwrap_or_default();
        let problem = |(id, problem): (String, String)| {
            let (line, column) = position(&text, text.find(&format!("\"{id}\"")).unwrap_or(0));
            let name = files.name_of(&file);
            Diagnostic {
                line,
                column,
                ..Diagnostic::of_file(name, format!("`{id}`: {problem}"))
            }
        };
        let problems = sample.problems(&self.readable).into_iter();
        problems.map(problem).collect()
    }

    /// The fault in the drawing that a record makes.
    fn fault(&self, what: &str, record: &Record) -> Option<Diagnostic> {
        let svg = match self.render(record, &ClientSettings::default()) {
            Ok(svg) => svg,
            Err(error) => {
                let name = error.template_name.as_deref().unwrap_or_default();
                return Some(Diagnostic {
                    line: error.line_no.unwrap_or(1),
                    column: error.column_no.unwrap_or(1),
                    ..Diagnostic::of_file(
                        self.template.file_of(name),
                        format!("cannot be filled in with {what}: {}", error.reason()),
                    )
                });
            }
        };
        let svg = svg.trim();
        let error = drawing::parse(svg).err()?;
        let row = (error.pos().row as usize).saturating_sub(1);
        let line = svg.lines().nth(row).unwrap_or_default().trim();
        let message = format!(
            "filled in with {what}, this is not well-formed XML: {error}, which is in `{line}`"
        );
        Some(Diagnostic::of_file(self.template.name(), message))
    }

    fn json(&self) -> Value {
        let family = |family: &Family| {
            let faces = family.faces.iter().map(|(face, file)| {
                (
                    (*face).to_owned(),
                    json!(format!("{SERVED_AT}/fonts/{file}")),
                )
            });
            (family.name.clone(), faces.collect())
        };
        let mut json = json!({
            "id": self.id,
            "event": self.event,
            "isV2Template": true,
            "label": self.label,
            "isDefault": self.default,
            "fee": self.fee,
            "svgUrl": format!("{SERVED_AT}/certificates/{}", self.svg),
            "fonts": self.families.iter().map(family).collect::<serde_json::Map<_, Value>>(),
        });
        if let Some(conditional) = self.show_when.conditional()
            && let Some(json) = json.as_object_mut()
        {
            let shown = json!([{ "type": "SHOW", "conditional": conditional }]);
            json.insert("conditionals".to_owned(), shown);
        }
        json
    }
}

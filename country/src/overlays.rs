// SPDX-License-Identifier: MPL-2.0
//! The events of the country: those that are built in, with the changes that `forms/*.toml` lay over them, and the
//! country's own.
//!
//! A change works on the event as core's JSON. The result is read and checked like any event, and what is wrong with
//! it is reported on the line of the change that caused it.

mod definitions;
mod document;
pub mod export;
mod keys;
mod operations;
mod parts;

use super::files::Files;
use super::texts::TextUse;
pub use definitions::{Definition, Definitions};
use document::{Origins, PlaceInFile};
use opencrvs_toolkit::event::{Event, Problem, place_of};
use rules::annotated_toml::{Reader, Section, position};
use rules::diagnostic::{Diagnostic, Severity, did_you_mean};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// The folder with the changes and the country's own events.
pub(super) const FOLDER: &str = "forms";
/// The largest file, in bytes. The forms of an event with hundreds of fields take two MiB.
const LARGEST: usize = 16 * 1024 * 1024;

/// The events of a country, and the faults found while they were read.
pub struct Events {
    /// The events. One whose file has an error is missing, or is as it is built in.
    pub list: Vec<Event>,
    /// The texts of the files, with their places.
    pub(super) said: Vec<TextUse>,
    /// The fields that files remove, each with the place: `FILE:LINE`.
    pub(super) removed: Vec<(String, String)>,
    /// The places where files define or change fields.
    pub definitions: Definitions,
    /// The errors and warnings about files in `forms/`.
    pub found: Vec<Diagnostic>,
}

/// The name of the address of core's client in the JSON of events.
pub const CLIENT_APP_URL: &str = "{{client-app-url}}";
/// The name of the address of the country configuration in the JSON of events.
pub const COUNTRY_CONFIG_URL: &str = "{{country-config-url}}";

/// Addresses of the installation, by the name that the JSON of events has for them.
pub type Addresses = [(&'static str, String); 4];

/// The addresses that an event's JSON may name. Those that may begin with another come before it.
pub(super) fn addresses(environment: &forms::Environment) -> Addresses {
    let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
    [
        (
            "{{mosip-userinfo-url}}",
            environment.mosip_api_userinfo_url.clone(),
        ),
        ("{{esignet-url}}", environment.esignet_redirect_url.clone()),
        (CLIENT_APP_URL, trimmed(&environment.client_app_url)),
        (COUNTRY_CONFIG_URL, trimmed(&environment.country_config_url)),
    ]
}

/// Reads the events.
pub(super) fn events(files: &Files, environment: &forms::Environment) -> Events {
    let addresses = addresses(environment);
    let mut events = Events {
        list: forms::events(environment),
        said: Vec::new(),
        removed: Vec::new(),
        definitions: Definitions::default(),
        found: Vec::new(),
    };
    let stem = |file: &String, ending: &str| {
        let path = Path::new(file);
        let is_meant = path.extension().is_some_and(|kind| kind == ending)
            && path.parent() == Some(Path::new(FOLDER));
        let name = path.file_stem().and_then(|name| name.to_str());
        name.filter(|_| is_meant).map(str::to_owned)
    };
    let listed = files.list(FOLDER);
    let named = |ending| -> BTreeSet<String> {
        listed
            .iter()
            .filter_map(|file| stem(file, ending))
            .collect()
    };
    let (whole, changed) = (named("json"), named("toml"));
    for file in &listed {
        let is_read = ["json", "toml", "csv"]
            .iter()
            .any(|kind| stem(file, kind).is_some());
        if !is_read {
            events.found.push(Diagnostic {
                severity: Severity::Warning,
                hint: Some("changes stand in EVENT.toml, their texts in EVENT.csv, whole events in EVENT.json".to_owned()),
                ..Diagnostic::of_file(files.name_of(file), "nothing reads this file")
            });
        }
    }
    for id in whole.union(&changed) {
        let is_whole = whole.contains(id);
        let base = if is_whole {
            events.whole(files, id, &addresses)
        } else {
            let built_in = events.list.iter().find(|event| event.id() == id);
            built_in.cloned()
        };
        let event = if changed.contains(id) && (base.is_some() || !is_whole) {
            events.overlaid(files, id, base, is_whole, environment)
        } else {
            base
        };
        if let Some(event) = event {
            match events
                .list
                .iter_mut()
                .find(|known| known.id() == event.id())
            {
                Some(known) => *known = event,
                None => events.list.push(event),
            }
        }
    }
    if events
        .found
        .iter()
        .all(|problem| problem.severity != Severity::Error)
    {
        events.shared_texts(files);
    }
    events
}

impl Events {
    /// An event as core's JSON.
    ///
    /// A fault that core accepts is a warning: a country that is served elsewhere is served here, too.
    fn whole(&mut self, files: &Files, id: &str, addresses: &Addresses) -> Option<Event> {
        let file = format!("{FOLDER}/{id}.json");
        let name = files.name_of(&file);
        let text = match files.text(&file) {
            Ok(text) => text,
            Err(problem) => {
                self.found.push(problem);
                return None;
            }
        };
        let mut document: Value = match json_of(&name, &text) {
            Ok(document) => document,
            Err(problem) => {
                self.found.push(problem);
                return None;
            }
        };
        fill_in(&mut document, addresses);
        let (event, problems) = match Event::from_json(document) {
            Ok(event) if event.id() == id => {
                let problems = event.problems();
                (Some(event), problems)
            }
            Ok(event) => {
                let problem = Problem {
                    event: id.to_owned(),
                    pointer: "/id".to_owned(),
                    what: format!("the event is called `{}`, and its file `{id}`", event.id()),
                    hint: Some(format!("call the file {}.json", event.id())),
                    is_refused: true,
                };
                (None, vec![problem])
            }
            Err(problems) => (None, problems),
        };
        for problem in problems {
            let (line, column) = position(&text, place_of(&text, &problem.pointer));
            let severity = if problem.is_refused {
                Severity::Error
            } else {
                Severity::Warning
            };
            self.found.push(Diagnostic {
                severity,
                line,
                column,
                hint: problem.hint,
                ..Diagnostic::of_file(&name, problem.what)
            });
        }
        event
    }

    /// An event with the changes of each layer, or the country's own.
    fn overlaid(
        &mut self,
        files: &Files,
        id: &str,
        base: Option<Event>,
        is_json: bool,
        environment: &forms::Environment,
    ) -> Option<Event> {
        let file = format!("{FOLDER}/{id}.toml");
        // What is wrong with the event itself was reported where it stands.
        let known = base.as_ref().filter(|_| is_json).map(Event::problems);
        let mut document = base.map(|event| json!(event));
        let mut origins = Origins::default();
        let mut removed = operations::Removed::default();
        let before = self.errors();
        for (name, text) in files.in_layers(&file) {
            let text = match text {
                Ok(text) => text,
                Err(problem) => {
                    self.found.push(problem);
                    continue;
                }
            };
            let mut reader = Reader::new(&name, &text);
            if let Some(toml) = reader.document() {
                let root = Section::root(&toml);
                if text.trim().is_empty() {
                    // It may have been cut off, and changes would be undone without a word.
                    let hint = "delete it if the country changes nothing of this event";
                    reader.error(0..0, "the file is empty".to_owned(), Some(hint.to_owned()));
                } else if root.keys().is_empty() {
                    let message = "the file has only comments: it changes nothing".to_owned();
                    reader.warning(0..0, message, None);
                }
                let mut work = parts::Work {
                    reader: &mut reader,
                    origins: &mut origins,
                    said: &mut self.said,
                    event: id.to_owned(),
                    fields: BTreeSet::new(),
                    environment,
                };
                let is_own = root.item("id").is_some();
                match (document.is_some(), is_own) {
                    (true, true) if is_json => {
                        let message = format!("there is an event `{id}` already");
                        let hint = "without `id`, `label` and `title` the file changes it";
                        work.error_at_key(&root, "id", message, hint);
                    }
                    // It takes the place of a built-in one.
                    (_, true) => document = work.own_event(&root),
                    (false, false) => {
                        let known = self.list.iter().map(Event::id);
                        let hint = did_you_mean(id, known).unwrap_or_else(|| {
                            "an event of your own begins with `id`, `label` and `title`".to_owned()
                        });
                        let message = format!("there is no event `{id}` to change");
                        work.reader.error(0..0, message, Some(hint));
                    }
                    (true, false) => {}
                }
                if let Some(document) = &mut document {
                    work.base(&root, id, is_json);
                    work.apply(&root, document, is_own, &mut removed);
                }
            }
            self.found.extend(reader.into_found());
        }
        if self.errors() > before {
            return None;
        }
        let known = known.unwrap_or_default();
        self.checked(document?, origins, &removed, &known, &files.name_of(&file))
    }

    /// Reads the changed event, and reports its faults at the places of the changes.
    fn checked(
        &mut self,
        mut document: Value,
        mut origins: Origins,
        removed: &operations::Removed,
        known: &[Problem],
        file: &str,
    ) -> Option<Event> {
        origins.collect(&mut document);
        let definitions = definitions::in_overlays(&document, &origins);
        let place = |pointer: &str| {
            let place = origins.of(pointer).cloned();
            place.unwrap_or_else(|| PlaceInFile::start(file))
        };
        let tell = |found: &mut Vec<Diagnostic>, problem: Problem| {
            let place = place(&problem.pointer);
            let told = place.error(problem.what, problem.hint);
            if !found.contains(&told) {
                found.push(told);
            }
        };
        let event = match Event::from_json(document) {
            Ok(event) => event,
            Err(problems) => {
                for problem in problems {
                    tell(&mut self.found, problem);
                }
                return None;
            }
        };
        self.definitions.add(definitions);
        for (field, place) in &removed.fields {
            let is_there = event.field_ids().any(|(id, _)| id == field);
            if is_there {
                continue;
            }
            if let Some(place) = origins.place(*place) {
                let place = format!("{}:{}", place.file, place.line);
                self.removed.push((field.clone(), place));
            }
            let references = event.references();
            let needed = references
                .iter()
                .filter(|needs| needs.field == *field && origins.of(&needs.pointer).is_none());
            for needs in needed {
                let message = format!("`{field}` is removed, but {} needs it", needs.from);
                let hint = "change that place too, or hide the field with show-if = \"false\"";
                if let Some(place) = origins.place(*place) {
                    self.found.push(place.error(message, Some(hint.to_owned())));
                }
            }
        }
        for problem in event.problems() {
            let is_told = removed
                .fields
                .iter()
                .any(|(field, _)| problem.what.contains(&format!("the field `{field}`")))
                && origins.of(&problem.pointer).is_none();
            let is_known = known.iter().any(|known| known.what == problem.what);
            if !is_told && !is_known {
                tell(&mut self.found, problem);
            }
        }
        for impossible in document::impossible(&event) {
            let gone = removed.options.iter();
            let gone = gone.filter(|(field, value, _)| {
                *field == impossible.field && *value == impossible.value
            });
            let gone = gone.clone().find_map(|(.., place)| origins.place(*place));
            if let Some(place) = origins.of(&impossible.pointer).or(gone) {
                self.found
                    .push(place.warning(impossible.message, Some(impossible.hint)));
            }
        }
        Some(event)
    }

    fn errors(&self) -> usize {
        let errors = |problem: &&Diagnostic| problem.severity == Severity::Error;
        self.found.iter().filter(errors).count()
    }

    /// One id of a text in two events must have one wording.
    fn shared_texts(&mut self, files: &Files) {
        for problem in opencrvs_toolkit::event::problems(&self.list) {
            let Some((_, event)) = problem.event.rsplit_once("`, `") else {
                continue;
            };
            let what = problem.what.split(':').next().unwrap_or_default();
            if self.found.iter().any(|told| told.message.starts_with(what)) {
                continue;
            }
            let mut said = self.said.iter();
            let said = said.find(|said| problem.what.contains(said.message.id()));
            let whole = format!("{FOLDER}/{event}.json");
            let told = match (said, files.text(&whole)) {
                (Some(said), _) => PlaceInFile {
                    file: said.file.clone(),
                    line: said.line,
                    column: said.column,
                }
                .error(problem.what, problem.hint),
                // Core takes it, and shows what the translations say.
                (None, Ok(text)) => {
                    let (line, column) = position(&text, place_of(&text, &problem.pointer));
                    let file = files.name_of(&whole);
                    PlaceInFile { file, line, column }.warning(problem.what, problem.hint)
                }
                (None, Err(_)) => {
                    let file = files.name_of(&format!("{FOLDER}/{event}.toml"));
                    PlaceInFile::start(&file).error(problem.what, problem.hint)
                }
            };
            self.found.push(told);
        }
    }
}

/// Reads a JSON text.
fn json_of(name: &str, text: &str) -> Result<Value, Diagnostic> {
    if text.len() > LARGEST {
        let message = format!("the file is larger than {} MiB", LARGEST / 1024 / 1024);
        return Err(Diagnostic::of_file(name, message));
    }
    serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason
            .split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned();
        Diagnostic {
            line: error.line().max(1),
            column: error.column().max(1),
            ..Diagnostic::of_file(name, format!("this is not JSON: {reason}"))
        }
    })
}

/// Puts the addresses of this installation in place of their names.
fn fill_in(value: &mut Value, addresses: &Addresses) {
    match value {
        Value::String(text) if text.contains("{{") => {
            for (name, address) in addresses {
                *text = text.replace(name, address);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, addresses)),
        Value::Object(members) => {
            members
                .values_mut()
                .for_each(|value| fill_in(value, addresses));
        }
        _ => {}
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Beginnings for the country's files, and what its texts lack.

use super::write_file;
use crate::report;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use country::{CountrySettings, Files};
use opencrvs_toolkit::event::Event;
use rules::diagnostic::did_you_mean;
use serde_json::{Value, json};
use std::fmt::Write as _;

#[derive(Subcommand)]
pub(super) enum New {
    /// A field of the declaration
    Field {
        /// Id of the field: its page, a dot, its name
        id: String,
        /// Which event
        #[arg(long, value_name = "EVENT", default_value = "birth")]
        event: String,
    },
    /// An event of your own
    Event {
        /// Id of the event: small letters
        id: String,
    },
    /// A rule that says what MOSIP is told
    Rule {
        /// Name of the rule
        name: String,
        /// Which event
        #[arg(long, value_name = "EVENT", default_value = "birth")]
        event: String,
    },
}

#[derive(Args)]
pub(super) struct Texts {
    /// Language, such as `pt`
    #[arg(long, value_name = "LANGUAGE")]
    missing: String,
}

/// Writes the initial file, and returns its place.
pub(super) fn begin(new: &New, settings: &CountrySettings) -> anyhow::Result<String> {
    let folders = country::folders(settings.country_dir.as_deref());
    let folder = folders.last().context(
        "there is no folder to write to: set COUNTRY_DIR to `built-in:my-country`, with a folder of your own",
    )?;
    let files = Files::of(settings.country_dir.as_deref());
    let events = country::events(settings).list;
    let (file, text) = match new {
        New::Field { id, event } => {
            let (page, name) = id.split_once('.').context("a field is called PAGE.NAME")?;
            word(page)?;
            word(name)?;
            check_field(known_event(&events, event)?, id, page)?;
            (format!("forms/{event}.toml"), field(id, page, name))
        }
        New::Event { id } => {
            let is_meant = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if !id.starts_with(|c: char| c.is_ascii_lowercase()) || !id.chars().all(is_meant) {
                bail!("`{id}` is not the id of an event: use small letters, digits and hyphens");
            }
            if events.iter().any(|event| event.id() == id) {
                bail!("there is an event `{id}` already; a file forms/{id}.toml changes it");
            }
            let file = format!("forms/{id}.toml");
            if folder.join(&file).exists() {
                bail!("there is a file `{}` already", folder.join(&file).display());
            }
            (file, event(id))
        }
        New::Rule { name, event } => {
            word(name)?;
            known_event(&events, event)?;
            ("eligibility.toml".to_owned(), rule(name, event))
        }
    };
    let path = folder.join(&file);
    let own = path.exists();
    // A file that is taken whole begins as it is now; forms are laid over each other.
    let before = if own || !file.starts_with("forms/") {
        files
            .text(&file)
            .map_err(|problem| anyhow::anyhow!("{problem}"))?
    } else {
        String::new()
    };
    let before = match before.trim_end_matches('\n') {
        "" => String::new(),
        before => format!("{before}\n\n"),
    };
    write_file(&path, &format!("{before}{text}"))?;
    Ok(format!(
        "Wrote to {}. Change it, then:\n  countryconfig check\n",
        path.display()
    ))
}

/// Checks that a name can stand in ids and in names of files.
fn word(name: &str) -> anyhow::Result<()> {
    let is_meant = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if name.is_empty() || !name.chars().all(is_meant) {
        bail!("`{name}` is not a name: use letters, digits, hyphens and dots");
    }
    Ok(())
}

fn known_event<'e>(events: &'e [Event], id: &str) -> anyhow::Result<&'e Event> {
    let known = || events.iter().map(Event::id);
    events
        .iter()
        .find(|event| event.id() == id)
        .with_context(|| {
            let hint = did_you_mean(id, known())
                .unwrap_or_else(|| format!("there are {}", known().collect::<Vec<_>>().join(", ")));
            format!("there is no event `{id}`; {hint}")
        })
}

/// Checks that a new field has a page, and is not there already.
fn check_field(event: &Event, id: &str, page: &str) -> anyhow::Result<()> {
    if event.field_ids().any(|(known, _)| known == id) {
        bail!(
            "there is a field `{id}` already; [[change]] in forms/{}.toml changes it",
            event.id()
        );
    }
    let document = json!(event);
    let pages = document
        .pointer("/declaration/pages")
        .and_then(Value::as_array);
    let pages: Vec<&str> = pages
        .into_iter()
        .flatten()
        .filter_map(|page| page.get("id")?.as_str())
        .collect();
    if !pages.contains(&page) {
        let hint = did_you_mean(page, pages.iter().copied())
            .unwrap_or_else(|| format!("there are {}", pages.join(", ")));
        bail!("there is no page `{page}` in `{}`; {hint}", event.id());
    }
    Ok(())
}

fn field(id: &str, page: &str, name: &str) -> String {
    format!(
        r#"[[add]]
id = "{id}"
type = "TEXT"                 # or NUMBER, DATE, SELECT, CHECKBOX … (docs/forms.md has the list)
label = "{name}"
page = "{page}"               # at its end; or after = "FIELD", before = "FIELD"
# required = true
# secured = true              # core does not index it
# show-if = "known({page}.name)"
# valid = [{{ if = "matches({id}, '^[0-9]{{10}}$')", else = "Ten digits are needed" }}]
# options = [{{ value = "A", label = "First" }}]          # for SELECT and RADIO_GROUP
"#
    )
}

fn event(id: &str) -> String {
    format!(
        r#"# An event of your own. Its texts in other languages stand in {id}.csv beside it; `countryconfig texts
# --missing LANGUAGE` lists those that have none.

id = "{id}"
label = "{id}"
title = "{{subject.name.firstname}} {{subject.name.surname}}"
date-of-event = "{id}.date"

[[page]]
id = "{id}"
title = "Details"

[[page.field]]
id = "{id}.date"
type = "DATE"
label = "Date"
required = true
valid = [{{ if = "{id}.date <= today", else = "The date lies in the future" }}]

[[page]]
id = "subject"
title = "Person"

[[page.person]]
key = "subject"
label = "Person"
parts = ["name", "dob", "nationality", "id", "address"]

[[action]]
type = "READ"
label = "Read"

[[action]]
type = "DECLARE"
label = "Declare"

[[action]]
type = "EDIT"
label = "Edit"

[[action]]
type = "REJECT"
label = "Reject"
show-if = "status == 'DECLARED'"

[[action]]
type = "REGISTER"
label = "Register"
show-if = "status == 'DECLARED'"

[event]
summary = ["{id}.date"]
search.add = [{{ section = "{id}", field = "{id}.date", match = "range", title = "Details" }}]
"#
    )
}

fn rule(name: &str, event: &str) -> String {
    format!(
        r#"# When it holds, and what MOSIP is told. Cases for it stand in eligibility.tests.toml.
# [[rule]]
# name = "{name}"
# event = "{event}"
# action = "REGISTER"
# when = []                     # names of conditions above
# for-everybody = true          # only where `when` is empty on purpose
# operation = "create-uin"      # or update-biographics, flag-deceased
# answer = "wait"               # or continue
"#
    )
}

/// The texts without a translation, as a CSV file for `forms/`: rows there replace those of the same ids.
pub(super) fn missing(texts: &Texts, settings: &CountrySettings) -> anyhow::Result<String> {
    let missing = country::untranslated(settings, &texts.missing)
        .map_err(|problems| anyhow::anyhow!(report::problems(&problems)))?;
    let mut rows = String::new();
    let _ = writeln!(rows, "id,description,{}", missing.languages.join(","));
    for (message, texts) in missing.rows {
        let cells = [message.id().to_owned(), message.description()];
        let cells: Vec<_> = cells
            .iter()
            .chain(&texts)
            .map(|text| csv_cell(text))
            .collect();
        let _ = writeln!(rows, "{}", cells.join(","));
    }
    Ok(rows)
}

/// A cell of a CSV file, in quotes where it needs them.
pub(super) fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

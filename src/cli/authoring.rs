// SPDX-License-Identifier: MPL-2.0
//! Beginnings for the country's files, and what its texts lack.

use crate::report;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use country::{CountrySettings, Files};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

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
    let (file, text) = match new {
        New::Field { id, event } => {
            let (page, name) = id.split_once('.').context("a field is called PAGE.NAME")?;
            word(page)?;
            word(name)?;
            word(event)?;
            (format!("forms/{event}.toml"), field(id, page, name))
        }
        New::Event { id } => {
            word(id)?;
            let file = format!("forms/{id}.toml");
            if folder.join(&file).exists() {
                bail!("there is a file `{}` already", folder.join(&file).display());
            }
            (file, event(id))
        }
        New::Rule { name, event } => {
            word(name)?;
            word(event)?;
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
        "# SPDX-License-Identifier: MPL-2.0\n".to_owned()
    };
    write(
        &path,
        &format!(
            "{}\n{text}",
            before.trim_end_matches('\n').to_owned() + "\n"
        ),
    )?;
    Ok(format!(
        "Wrote to {}. Change it, then:\n  countryconfig check\n",
        path.display()
    ))
}

fn write(path: &PathBuf, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write to `{}`", path.display()))
}

/// Checks that a name can stand in ids and in names of files.
fn word(name: &str) -> anyhow::Result<()> {
    let is_meant = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    if name.is_empty() || !name.chars().all(is_meant) {
        bail!("`{name}` is not a name: use letters, digits, hyphens and dots");
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

/// The texts without a translation, as rows for a CSV file.
pub(super) fn missing(texts: &Texts, settings: &CountrySettings) -> anyhow::Result<String> {
    let missing = country::untranslated(settings, &texts.missing)
        .map_err(|problems| anyhow::anyhow!(report::problems(&problems)))?;
    let mut rows = String::new();
    let _ = writeln!(rows, "id,description,default,{}", texts.missing);
    for message in missing {
        let cells = [message.id(), &message.description(), message.text()].map(cell);
        let _ = writeln!(rows, "{},", cells.join(","));
    }
    Ok(rows)
}

pub(super) fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

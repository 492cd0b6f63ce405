// SPDX-License-Identifier: MPL-2.0
//! Certificates on the command line.

use crate::certificate_fonts::with_fonts;
use crate::report;
use crate::settings::Settings;
use anyhow::Context;
use clap::{Args, Subcommand};
use country::Files;
use country::certificates::{Certificate, Certificates as Known, ClientSettings, Record};
use rules::diagnostic::known_name_or_all;
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub(super) enum Certificates {
    /// Print a certificate as SVG, filled in and with its fonts, for a browser
    Preview(Preview),
}

#[derive(Args)]
pub(super) struct Preview {
    /// Id of the certificate
    id: String,
    /// Record to fill in, in the format of certificates/samples/birth.json; default: the sample of the event
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Language of the user who prints it; default: the country's first language
    #[arg(long)]
    language: Option<String>,
    /// Show the review before printing
    #[arg(long)]
    review: bool,
}

pub(super) fn run(command: &Certificates, settings: &Settings) -> anyhow::Result<String> {
    let Certificates::Preview(preview) = command;
    let files = Files::of(settings.country_files.dirs.as_deref());
    let (known, clients) = country::certificates(&settings.country())
        .map_err(|problems| anyhow::anyhow!(report::problems(&problems)))?;
    let certificate = find(&known, &preview.id)?;
    let mut record = match &preview.record {
        Some(file) => record(file)?,
        None => certificate
            .sample(&files)
            .map_err(|problem| anyhow::anyhow!("{problem}"))?,
    };
    record.review |= preview.review;
    let svg = certificate.render(&record, client(&clients, preview.language.as_deref())?)?;
    with_fonts(&svg, certificate, &files)
}

fn client<'r>(
    known: &'r [(String, ClientSettings)],
    language: Option<&str>,
) -> anyhow::Result<&'r ClientSettings> {
    let mut clients = known.iter();
    let wanted =
        |(known, _): &&(String, ClientSettings)| language.is_none_or(|wanted| wanted == known);
    let (_, client) = clients.find(wanted).with_context(|| {
        let languages: Vec<&str> = known.iter().map(|(language, _)| &**language).collect();
        let language = language.unwrap_or_default();
        format!(
            "`{language}` is not a language of the country; there are {}",
            languages.join(", ")
        )
    })?;
    Ok(client)
}

fn record(file: &Path) -> anyhow::Result<Record> {
    let json = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    serde_json::from_slice(&json)
        .with_context(|| format!("`{}` is not what a template reads", file.display()))
}

fn find<'k>(known: &'k Known, id: &str) -> anyhow::Result<&'k Certificate> {
    let found = known.iter().find(|certificate| certificate.id == id);
    found.with_context(|| {
        let ids: Vec<&str> = known.ids().collect();
        let hint = known_name_or_all(id, &ids);
        format!("there is no certificate `{id}`; {hint}")
    })
}

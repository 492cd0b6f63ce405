// SPDX-License-Identifier: MPL-2.0
//! Log lines: ids, never names, numbers, contacts, tokens or bodies.

use crate::report;
use crate::settings::{LogFormat, Settings};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::prelude::*;

mod json;

/// Crates whose log lines contain ids only, at every level.
const OWN: [&str; 4] = ["countryconfig", "handlers", "forms", "opencrvs_toolkit"];

/// Starts logging to standard error.
pub fn start(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match settings.log.format {
        LogFormat::Json => lines
            .fmt_fields(JsonFields::new())
            .event_format(json::Json)
            .boxed(),
        LogFormat::Text => lines
            .with_target(false)
            .with_ansi(report::in_colour(&std::io::stderr()))
            .boxed(),
    };
    let log = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(is_discreet))
        .with(lines);
    // A second start, as tests make one, keeps the first.
    drop(log.try_init());
}

/// Third-party libraries never log below `info`, since that would expose personal data: the template
/// engine logs names there, HTTP and SMTP log tokens and bodies.
fn is_discreet(line: &Metadata<'_>) -> bool {
    let of = line.target().split("::").next().unwrap_or_default();
    *line.level() <= Level::INFO || OWN.contains(&of)
}

// SPDX-License-Identifier: MPL-2.0
//! A check of everything that the settings name: connects to each service, as the server would, and
//! reports that it works, or the fault and its remedy. Nothing is sent to anybody, and no record is read.

use crate::notices;
use crate::report::count;
use crate::settings::Settings;
use handlers::delivery::transport;
use rules::diagnostic::Severity;
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

mod core;
mod network;
mod people;
mod storage;

/// The longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(6);

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check: `auth`, `ledger` …
    pub check: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// The finding, in words.
    pub what: String,
    /// The remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It can be used.
    Fine,
    /// It is not set, which is allowed.
    Off,
    /// It can be used, but probably not as it is meant.
    Warning,
    /// It cannot be used.
    Error,
}

impl Finding {
    fn fine(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Verdict::Fine, what.into(), None)
    }

    fn off(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Verdict::Off, what.into(), None)
    }

    fn warning(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, what.into(), Some(remedy.into()))
    }

    fn error(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Verdict::Error, what.into(), Some(remedy.into()))
    }

    fn new(check: &'static str, verdict: Verdict, what: String, remedy: Option<String>) -> Self {
        Self {
            check,
            verdict,
            what,
            remedy,
        }
    }
}

/// The finding about settings that cannot be read at all.
pub fn unreadable_settings(error: &impl std::fmt::Display) -> Vec<Finding> {
    let remedy = "`countryconfig --help` lists the settings";
    vec![Finding::error("settings", error.to_string(), remedy)]
}

/// Runs all checks.
///
/// # Errors
/// When the system's certificates cannot be read.
pub async fn examine(settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    let client = transport::client(TIMEOUT)?;
    let (settings_and_country, core, storage, people, network) = tokio::join!(
        async { [of_settings(settings), of_country(settings)].concat() },
        core::examine(settings, &client),
        storage::examine(settings),
        people::examine(settings),
        network::examine(settings, &client),
    );
    Ok([settings_and_country, core, storage, network, people].concat())
}

fn of_settings(settings: &Settings) -> Vec<Finding> {
    let mut found = Vec::new();
    for unknown in &settings.unknown_variables {
        let remedy = unknown.hint.as_deref().unwrap_or("take it out");
        found.push(Finding::error("settings", unknown.message.clone(), remedy));
    }
    if found.is_empty() {
        let mode = if settings.server.is_production() {
            "production"
        } else {
            "development"
        };
        let what = format!("can be used: {mode}, for core {}", settings.core.version);
        found.push(Finding::fine("settings", what));
    }
    found
}

fn of_country(settings: &Settings) -> Vec<Finding> {
    let problems = country::check(&settings.country());
    let errors = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    let mut found: Vec<_> = errors
        .map(|problem| {
            let what = format!("{}:{}: {}", problem.file, problem.line, problem.message);
            let hint = problem.hint.as_deref();
            Finding::error(
                "country",
                what,
                hint.unwrap_or("`countryconfig check` shows the line"),
            )
        })
        .collect();
    let warnings = problems.len() - found.len();
    if found.is_empty() && warnings > 0 {
        let what = format!("can be served, with {}", count(warnings, "warning"));
        found.push(Finding::warning(
            "country",
            what,
            "`countryconfig check` shows them",
        ));
    } else if found.is_empty() {
        found.push(Finding::fine("country", "in order, and its cases hold"));
    }
    if settings.server.is_production() && notices::serves_sample(settings) {
        let what = "this is the sample country, with invented places, offices and rules";
        found.push(Finding::warning(
            "country",
            what,
            "set COUNTRY_DIR to the folder of your own",
        ));
    }
    found
}

/// The findings for a person, errors last.
pub fn in_words(findings: &[Finding]) -> String {
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort_by_key(|finding| match finding.verdict {
        Verdict::Fine => 0,
        Verdict::Off => 1,
        Verdict::Warning => 2,
        Verdict::Error => 3,
    });
    let mut text = String::new();
    for finding in sorted {
        let verdict = match finding.verdict {
            Verdict::Fine => "fine",
            Verdict::Off => "off",
            Verdict::Warning => "warning",
            Verdict::Error => "ERROR",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{verdict:<8} {:<15} {}",
            finding.check,
            finding.what.trim_end()
        );
        if let Some(remedy) = &finding.remedy {
            let _ = writeln!(text, "{:24} do: {remedy}", "");
        }
    }
    let of = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let errors = count(of(Verdict::Error), "error");
    let warnings = count(of(Verdict::Warning), "warning");
    let _ = writeln!(text, "\n{errors}, {warnings}");
    text
}

/// Checks whether any finding is an error.
pub fn has_errors(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Error)
}

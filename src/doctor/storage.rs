// SPDX-License-Identifier: MPL-2.0
//! The ledger and the other databases.

use super::network::unreachable;
use super::{Finding, TIMEOUT};
use crate::notices;
use crate::server;
use crate::settings::Settings;
use handlers::analytics::{AnalyticsError, Database};
use handlers::clock::{Clock as _, SystemClock};
use handlers::delivery::ledger::{self, Examination, LedgerError};
use handlers::fault::{Fault, with_causes};
use std::path::Path;
use tokio::time::timeout;

const LEDGER: &str = "ledger";

/// Checks the databases.
pub(super) async fn examine(settings: &Settings) -> Vec<Finding> {
    let mut found = of_ledger(settings).await;
    found.push(analytics(settings).await);
    found.push(reference_data(settings).await);
    found
}

async fn of_ledger(settings: &Settings) -> Vec<Finding> {
    let url = &settings.ledger.url;
    if let Some(file) = ledger::file(url)
        && !file.exists()
    {
        return vec![not_made(&file)];
    }
    let seal = settings.ledger.encryption();
    let looked = timeout(TIMEOUT, ledger::examine(url, &seal, SystemClock.now())).await;
    let mut found = match looked {
        Ok(Ok(examined)) => examined_well(settings, &examined),
        Ok(Err(error)) => vec![failed(url, &error)],
        Err(_) => {
            let host = ledger::host(url).unwrap_or_default();
            let fault = Fault::at(&host, "timeout while waiting for the answer");
            vec![unreachable(LEDGER, "LEDGER_URL", &fault)]
        }
    };
    if settings.server.is_production()
        && let Some(why) = notices::ledger_is_lost_with_container(settings)
    {
        let what = format!("its file is {why}: it is lost with the container");
        let remedy = "mount a volume there, or use PostgreSQL";
        found.push(Finding::warning(LEDGER, what, remedy));
    }
    found
}

/// Checks a file that `serve` will make.
fn not_made(file: &Path) -> Finding {
    let folder = std::path::absolute(file).ok();
    let above = folder
        .as_deref()
        .and_then(|file| file.ancestors().skip(1).find(|it| it.exists()));
    let tried = above.map(|folder| {
        let trial = folder.join(format!(".countryconfig-doctor-{}", std::process::id()));
        let made = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&trial);
        drop(std::fs::remove_file(trial));
        made
    });
    match tried {
        Some(Ok(_)) => {
            let what = format!("`{}` is not there yet; `serve` makes it", file.display());
            Finding::fine(LEDGER, what)
        }
        Some(Err(error)) => {
            let what = format!("`{}` cannot be made: {error}", file.display());
            Finding::error(
                LEDGER,
                what,
                "let the user of this server write to its folder",
            )
        }
        None => {
            let what = format!("`{}` cannot be made", file.display());
            Finding::error(
                LEDGER,
                what,
                "create the folder that LEDGER_URL names, or correct the path",
            )
        }
    }
}

fn failed(url: &str, error: &LedgerError) -> Finding {
    if let (Some(host), LedgerError::Database(error)) = (ledger::host(url), error) {
        let fault = Fault::of_database(&host, error);
        let mut finding = unreachable(LEDGER, "LEDGER_URL", &fault);
        let by_words = [
            ("password", "look at user and password in LEDGER_URL"),
            (
                "no such database",
                "make the database, or name another in LEDGER_URL",
            ),
            ("read-only", "LEDGER_URL names a standby: name the primary"),
            (
                "may not do this",
                "let its user make the schema `countryconfig`, or make it for them",
            ),
        ];
        for (word, remedy) in by_words {
            if fault.what().contains(word) {
                finding.remedy = Some(remedy.to_owned());
            }
        }
        return finding;
    }
    let what = with_causes(error);
    let by_words = [
        (
            "not a database",
            "the file is damaged, or another program's: restore a backup, or name another file in LEDGER_URL",
        ),
        ("malformed", "the file is damaged: restore a backup"),
        (
            "readonly",
            "let the user of this server write to the file and its folder",
        ),
        (
            "unable to open",
            "let the user of this server read and write the file of LEDGER_URL",
        ),
        (
            "locked",
            "another process holds the file: end it, or use PostgreSQL for several replicas",
        ),
        ("full", "make room on the disk"),
    ];
    let remedy = by_words.into_iter().find(|(word, _)| what.contains(word));
    Finding::error(
        LEDGER,
        what,
        remedy.map_or("look at LEDGER_URL", |(_, remedy)| remedy),
    )
}

fn examined_well(settings: &Settings, found: &Examination) -> Vec<Finding> {
    let mut findings = Vec::new();
    match found.version {
        Some(version) if version > found.current => {
            let what = format!(
                "its tables are of version {version}, and this program knows {} only",
                found.current
            );
            let remedy = "run the version of the program that made them, or a later one";
            findings.push(Finding::error(LEDGER, what, remedy));
        }
        Some(version) if version < found.current => {
            let what = format!(
                "writable; its tables are of version {version}, and `serve` brings them to {}",
                found.current
            );
            findings.push(Finding::fine(LEDGER, what));
        }
        Some(version) => {
            let what = format!(
                "writable, tables of version {version}, {} pending",
                found.pending
            );
            findings.push(Finding::fine(LEDGER, what));
        }
        None => findings.push(Finding::fine(
            LEDGER,
            "can be reached; `serve` makes its tables",
        )),
    }
    if found.unreadable > 0 {
        let (n, all) = (found.unreadable, found.pending);
        let what = format!("{n} of {all} pending deliveries cannot be read with LEDGER_KEY");
        let remedy = "set LEDGER_KEY to the key they were written with, or name it after the new one with a comma";
        findings.push(Finding::error(LEDGER, what, remedy));
    }
    let known = server::destinations(settings);
    let mut to_nowhere: Vec<_> = found
        .pending_to
        .iter()
        .filter(|(destination, _)| !known.contains(destination))
        .map(|(destination, n)| (destination.as_str(), n))
        .collect();
    to_nowhere.sort_unstable();
    for (destination, n) in to_nowhere {
        let what =
            format!("{n} pending deliveries are for `{destination}`, which is not configured");
        let remedy = "name it in the settings again, or give them up: `countryconfig deliveries list`, `deliveries purge`";
        findings.push(Finding::warning(LEDGER, what, remedy));
    }
    if settings.ledger.key.is_none() {
        let what = "LEDGER_KEY is not set: tokens and packets are stored unencrypted";
        let remedy = "set it to what `openssl rand -base64 32` gives";
        findings.push(Finding::warning(LEDGER, what, remedy));
    }
    if found.expired > 0 && settings.core.system_client_id.is_none() {
        let what = format!(
            "the tokens of {} pending deliveries have expired",
            found.expired
        );
        let remedy = "set SYSTEM_CLIENT_ID: the system client gets new tokens";
        findings.push(Finding::error("tokens", what, remedy));
    }
    findings
}

async fn analytics(settings: &Settings) -> Finding {
    const CHECK: &str = "analytics";
    const SETTING: &str = "ANALYTICS_DATABASE_URL";
    let Some(url) = &settings.analytics.database_url else {
        return Finding::off(CHECK, "ANALYTICS_DATABASE_URL is not set");
    };
    let database = Database::at(url.expose().clone());
    let looked = async {
        database.reach().await?;
        if !database.is_current().await? {
            return Err(AnalyticsError::Tables);
        }
        database.may_write().await
    };
    match timeout(TIMEOUT, looked).await {
        Ok(Ok(true)) => Finding::fine(CHECK, "its tables are up to date, and may be written"),
        Ok(Ok(false)) => {
            let remedy = "`countryconfig analytics migrate --writer NAME` lets a role write";
            Finding::error(CHECK, "this role may not write its tables", remedy)
        }
        Ok(Err(error @ AnalyticsError::Tables)) => {
            let remedy = "`serve` tries to make them; where its role may not, run `countryconfig analytics migrate` as one that may";
            Finding::warning(CHECK, error.to_string(), remedy)
        }
        Ok(Err(error)) => of_database(CHECK, SETTING, &database.fault(&error)),
        Err(_) => {
            let fault = Fault::at(CHECK, "timeout while waiting for the answer");
            unreachable(CHECK, SETTING, &fault)
        }
    }
}

async fn reference_data(settings: &Settings) -> Finding {
    const CHECK: &str = "reference data";
    const SETTING: &str = "REFERENCE_DATA_DATABASE_URL";
    let Some(url) = &settings.analytics.reference_data_url else {
        return Finding::off(CHECK, "REFERENCE_DATA_DATABASE_URL is not set");
    };
    match timeout(TIMEOUT, url.expose().reach()).await {
        Ok(Ok(host)) => Finding::fine(CHECK, format!("{host}: can be reached")),
        Ok(Err(fault)) => of_database(CHECK, SETTING, &fault),
        Err(_) => {
            let fault = Fault::at(CHECK, "timeout while waiting for the answer");
            unreachable(CHECK, SETTING, &fault)
        }
    }
}

fn of_database(check: &'static str, setting: &str, fault: &Fault) -> Finding {
    if fault.what().contains("SQLSTATE") {
        let remedy = format!("look at user, password and database in {setting}");
        return Finding::error(check, fault.to_string(), remedy);
    }
    unreachable(check, setting, fault)
}

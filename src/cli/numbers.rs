// SPDX-License-Identifier: MPL-2.0
//! Registration numbers that tell office, year and sequence.

use super::NO_LEDGER;
use crate::report;
use crate::settings::Settings;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use handlers::clock::{Clock as _, SystemClock};
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger::{self, Ledger, LedgerError, LostNumber};
use opencrvs_toolkit::event_document::{ActionId, EventId};
use rules::registration_numbers::{Fallback, Formats, Office, Request};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// Without a command: the sequences, and the numbers that are the number of no record, with the reason.
#[derive(Args)]
pub(super) struct Numbers {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Show the number that the next registration would get; nothing is given out
    Next {
        /// Type of the event
        #[arg(long, value_name = "EVENT", default_value = "birth")]
        event: String,
        /// The registering office: its id or code in locations.csv, or core's id
        #[arg(long, value_name = "OFFICE")]
        office: Option<String>,
    },
    /// Let sequences go on from the last numbers of a former system
    ///
    /// FILE is a CSV file with the columns event and last, and those of office, year and month that the
    /// sequences have. `office` is the id or code in locations.csv; `last` is the position, without
    /// prefix and check digits. A sequence that is further already stays.
    Import {
        /// The file
        file: PathBuf,
        /// Only show what would be done
        #[arg(long)]
        dry_run: bool,
    },
}

pub(super) async fn run(options: &Numbers, settings: &Settings) -> anyhow::Result<String> {
    let (url, seal) = (&settings.ledger.url, settings.ledger.encryption());
    let ledger = match &options.command {
        // The last numbers are taken over before the first start; a dry run does not create the ledger.
        Some(Command::Import { dry_run: false, .. }) => ledger::open(url, seal).await,
        Some(Command::Import { dry_run: true, .. }) => {
            match ledger::open_existing(url, seal).await {
                Err(LedgerError::Missing(_)) => {
                    ledger::open("sqlite::memory:", Encryption::default()).await
                }
                opened => opened,
            }
        }
        _ => ledger::open_existing(url, seal).await,
    };
    let ledger = ledger.context(NO_LEDGER)?;
    let text = match &options.command {
        None => overview(&ledger).await?,
        Some(Command::Next { event, office }) => {
            next(&ledger, settings, event, office.as_deref()).await?
        }
        Some(Command::Import { file, dry_run }) => {
            import(&ledger, settings, file, *dry_run).await?
        }
    };
    Ok(if options.json {
        format!("{:#}\n", text.json)
    } else {
        text.words
    })
}

/// The same for people and programs.
struct Shown {
    words: String,
    json: Value,
}

async fn overview(ledger: &Arc<dyn Ledger>) -> anyhow::Result<Shown> {
    let (sequences, lost) = (ledger.sequences().await?, ledger.lost_numbers().await?);
    let mut words = if sequences.is_empty() {
        "No registration number was given out from a sequence.\n".to_owned()
    } else {
        let row = |s: &ledger::SequenceState| {
            [s.name.clone(), s.last.to_string(), s.changed_at.to_string()]
        };
        let rows: Vec<_> = sequences.iter().map(row).collect();
        report::table(["SEQUENCE", "LAST", "SINCE"], &rows)
    };
    if lost.is_empty() {
        words += "\nEvery number that this server has given out is the number of a record.\n";
    } else {
        let rows: Vec<_> = lost.iter().map(lost_row).collect();
        words += "\nNumbers that are the number of no record:\n";
        words += &report::table(["SEQUENCE", "POSITION", "NUMBER", "RECORD", "WHY"], &rows);
    }
    let state = |s: &ledger::SequenceState| json!({"sequence": s.name, "last": s.last, "since": s.changed_at.to_string()});
    let number = |n: &LostNumber| json!({"sequence": n.sequence, "from": n.from, "to": n.to, "number": n.number, "record": n.event_id, "why": n.because.as_str()});
    let sequences: Vec<_> = sequences.iter().map(state).collect();
    let lost: Vec<_> = lost.iter().map(number).collect();
    Ok(Shown {
        words,
        json: json!({"sequences": sequences, "lost": lost}),
    })
}

fn lost_row(lost: &LostNumber) -> [String; 5] {
    let positions = if lost.from == lost.to {
        lost.from.to_string()
    } else {
        format!("{}-{}", lost.from, lost.to)
    };
    let record = lost.event_id.as_ref().map(ToString::to_string);
    [
        lost.sequence.clone(),
        positions,
        lost.number.clone().unwrap_or_else(|| "-".into()),
        record.unwrap_or_else(|| "-".into()),
        lost.because.as_str().to_owned(),
    ]
}

async fn next(
    ledger: &Arc<dyn Ledger>,
    settings: &Settings,
    event: &str,
    office: Option<&str>,
) -> anyhow::Result<Shown> {
    let policy = super::loaded(settings)?.policy;
    let formats = &policy.numbers;
    let Some(format) = formats.of(event) else {
        bail!(
            "numbers of `{event}` are random (REGISTRATION_NUMBER_FORMAT): registration-numbers.toml does not name this event"
        );
    };
    let office = match office {
        Some(name) => Some(find_office(ledger, name, formats).await?),
        None if format.needs_office() => {
            bail!("--office is missing: the number tells where it was registered")
        }
        None => None,
    };
    let (event_id, action_id) = (EventId::new("next"), ActionId::new("next"));
    let draw = Request {
        event_id: &event_id,
        action_id: &action_id,
        event_type: event,
        office: None,
        today: policy.today(SystemClock.now()),
        format,
        formats,
        random: &settings.hooks.registration_number_format,
    }
    .draw(office.as_ref());
    let mut position = 0;
    if let Some(sequence) = &draw.sequence {
        let all = ledger.sequences().await?;
        let last = all.iter().find(|state| state.name == sequence.name);
        position = last
            .map_or(0, |state| state.last.saturating_add(1))
            .max(sequence.start);
    }
    let number = draw.preview(position);
    let mut words = format!("{number}\n");
    if let Some(why) = draw.fallback {
        let _ = writeln!(words, "This is the fallback: {}", why.as_str());
    }
    let sequence = draw.sequence.map(|sequence| sequence.name);
    let why = draw.fallback.map(Fallback::as_str);
    Ok(Shown {
        words,
        json: json!({"number": number, "sequence": sequence, "position": position, "fallback": why}),
    })
}

/// Finds an office by core's id in the ledger, else in the country's files.
async fn find_office(
    ledger: &Arc<dyn Ledger>,
    name: &str,
    formats: &Formats,
) -> anyhow::Result<Office> {
    let known = ledger
        .offices()
        .await?
        .into_iter()
        .find(|office| office.id == name);
    let known = known.or_else(|| country::office(name, formats).cloned());
    known.with_context(|| {
        format!(
            "`{name}` is neither an office in locations.csv nor an id that core has told this server"
        )
    })
}

async fn import(
    ledger: &Arc<dyn Ledger>,
    settings: &Settings,
    file: &std::path::Path,
    dry_run: bool,
) -> anyhow::Result<Shown> {
    let policy = super::loaded(settings)?.policy;
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{name}`"))?;
    let random = &settings.hooks.registration_number_format;
    let numbers = country::last_numbers(&name, &text, &policy.numbers, random)
        .map_err(|problems| anyhow::anyhow!(report::problems_in(&problems, &name)))?;
    let before = ledger.sequences().await?;
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    for number in &numbers {
        let state = before.iter().find(|state| state.name == number.sequence);
        let raised = if dry_run {
            state.is_none_or(|state| state.last < number.last)
        } else {
            let now = SystemClock.now();
            ledger
                .raise_sequence(&number.sequence, number.last, now)
                .await?
        };
        let what = match (raised, dry_run) {
            (true, false) => "taken over",
            (true, true) => "would be taken over",
            (false, _) => "stays, it is as far already",
        };
        rows.push([
            number.sequence.clone(),
            number.last.to_string(),
            number.number.clone(),
            what.to_owned(),
        ]);
        all.push(json!({"sequence": number.sequence, "last": number.last, "number": number.number, "taken": raised}));
    }
    Ok(Shown {
        words: report::table(["SEQUENCE", "LAST", "LAST NUMBER", ""], &rows),
        json: all.into(),
    })
}

// SPDX-License-Identifier: MPL-2.0
//! The command line.

use crate::country::Files;
use crate::explain::{self, Explained};
use crate::settings::{Settings, SettingsError, VARIABLES, markdown};
use crate::{build_info, country, doctor, log, report, sandbox, server};
use anyhow::Context;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use handlers::clock::{Clock as _, SystemClock};
use opencrvs_toolkit::event::Event;
use opencrvs_toolkit::event_document::EventDocument;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod analytics;
pub(crate) mod certificates;
mod deliveries;
mod fields;
mod notify;
mod rescue;

/// Name of the program.
const NAME: &str = "countryconfig";

/// Country configuration server for OpenCRVS core 2.0 and 2.1.
///
/// Serves a country's forms and rules to core, and answers core's question for every action on a
/// record: may this happen? Without a command it serves.
#[derive(Parser)]
#[command(version, long_version = build_info::in_words(), after_long_help = settings_help())]
pub struct Cli {
    /// TOML file with settings, below the environment variables of the same names
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Answer core (this is also what happens without a command)
    Serve,
    /// Read settings, forms and the country's files as `serve` would, and report all that is wrong
    Check(Check),
    /// Write the country that is built in to a folder, as a start for your own
    Init {
        /// A folder that is empty or not there yet; afterwards `COUNTRY_DIR`
        folder: PathBuf,
    },
    /// Connect to everything that the settings name, and say what is wrong and what to do
    Doctor {
        /// Print JSON: a list of check, verdict, what, remedy
        #[arg(long)]
        json: bool,
    },
    /// Ask a running server on this machine whether it is up; for container health checks
    Health,
    /// Try the server without core: core, MOSIP, eSignet and mail as stand-ins, with pages to watch them
    Sandbox(sandbox::Options),
    /// See and test what the eligibility rules decide
    #[command(subcommand)]
    Rules(Rules),
    /// See and handle what must reach the middleware or core
    #[command(subcommand)]
    Deliveries(deliveries::Deliveries),
    /// List the actions that core waits for, as far as the ledger knows: what needs you first
    Pending(deliveries::Pending),
    /// Find records that wait in core because their hook or its answer was lost, and end them
    ///
    /// Without EVENT all that can be found and is older than `RESCUE_AFTER`. What this server's ledger has
    /// answered is told to core again; what it does not know is decided as if core asked now.
    ///
    /// A birth whose decision makes an identity may have been sent to MOSIP before: by the server that
    /// stood here earlier, by another one, or by this one before a backup was restored. It is never sent by
    /// itself. Before you name such a record, look it up in MOSIP by the name and date of birth of the
    /// child. No identity there: `rescue EVENT` sends the packet if the middleware keeps none of this
    /// record, and `--forward` sends it without asking the middleware. An identity there:
    /// `--continue` registers without sending.
    Rescue(rescue::Options),
    /// Make the analytics database ready
    #[command(subcommand)]
    Analytics(analytics::Analytics),
    /// See certificates as they would be printed
    #[command(subcommand)]
    Certificates(certificates::Certificates),
    /// See messages as people get them
    #[command(subcommand)]
    Notify(notify::Notify),
    /// Print what is served
    #[command(subcommand)]
    Export(Export),
    /// Print the completions of this command line for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the man page of this program, or write those of all commands
    Man {
        /// A folder for a page of each command
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Check {
    /// Print JSON: a list of severity, file, line, column, message, hint
    #[arg(long)]
    json: bool,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
}

#[derive(Subcommand)]
enum Rules {
    /// Show how a hook would be decided: each rule, each condition, what it saw, what would be sent
    Explain(Explain),
    /// Decide the cases of eligibility.tests.toml and compare with what they expect
    Test,
}

#[derive(Args)]
struct Explain {
    /// A hook's body: an event document as JSON
    file: PathBuf,
    /// Type of the pending action to decide about; needed only where several are pending
    #[arg(long, value_name = "TYPE")]
    action: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Export {
    /// The events as /config/events serves them
    Events {
        /// Indent
        #[arg(long)]
        pretty: bool,
    },
    /// The declaration form of an event as a table: field, type, required, when shown, what must hold
    Fields {
        /// Which event
        #[arg(long, value_name = "EVENT", default_value = "birth")]
        event: String,
    },
    /// The OpenAPI document of all routes
    Openapi,
    /// The settings as the Markdown table of the README
    Settings,
}

/// Runs a command; what it prints goes to standard output, what went wrong to standard error.
pub async fn run(cli: Cli) -> ExitCode {
    match Box::pin(execute(cli)).await {
        Ok(code) => code,
        Err(error) => {
            // The first line says what failed, the others why.
            drop(writeln!(std::io::stderr(), "error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    let settings = || Settings::load(cli.config.as_deref(), std::env::vars());
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            let settings = settings()?;
            log::start(&settings);
            server::serve(&settings).await?;
        }
        Command::Check(check) => return checked(&settings()?, &check),
        Command::Doctor { json } => return diagnosed(settings(), json).await,
        Command::Init { folder } => {
            let written = country::init(&folder)
                .with_context(|| format!("cannot make a country in `{}`", folder.display()))?;
            let folder = folder.display();
            print(&format!(
                "Wrote {written} files to {folder}. Change them, then:\n  COUNTRY_DIR={folder} countryconfig check\n"
            ))?;
        }
        Command::Health => {
            let url = format!("http://127.0.0.1:{}/ping", settings()?.listen.port());
            let answer = handlers::outside::client(std::time::Duration::from_secs(2))?
                .get(&url)
                .send()
                .await;
            answer
                .and_then(reqwest::Response::error_for_status)
                .with_context(|| format!("nothing answers at {url}"))?;
        }
        Command::Sandbox(options) => sandbox::run(settings()?, &options).await?,
        Command::Rules(Rules::Explain(explain)) => print(&explained(&settings()?, &explain)?)?,
        Command::Rules(Rules::Test) => {
            let country = loaded(&settings()?)?;
            let report = country.policy.rules.run_cases(&country.cases);
            print(&format!("{}\n", report.render()))?;
            if !report.passed() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Deliveries(command) => print(&deliveries::run(&command, &settings()?).await?)?,
        Command::Pending(options) => print(&deliveries::pending(&options, &settings()?).await?)?,
        Command::Rescue(options) => return rescue::run(&options, &settings()?).await,
        Command::Analytics(command) => print(&analytics::run(&command, &settings()?).await?)?,
        Command::Certificates(command) => print(&certificates::run(&command, &settings()?)?)?,
        Command::Notify(command) => print(&notify::run(&command, &settings()?)?)?,
        Command::Export(Export::Events { pretty }) => {
            let events = country::events(&settings()?);
            let text = if pretty {
                serde_json::to_string_pretty(&events)
            } else {
                serde_json::to_string(&events)
            };
            print(&format!("{}\n", text?))?;
        }
        Command::Export(Export::Fields { event }) => {
            let events = country::events(&settings()?);
            let known: Vec<_> = events.iter().map(Event::id).collect();
            let wanted = events.iter().find(|known| known.id() == event);
            let wanted = wanted.with_context(|| {
                format!(
                    "there is no event `{event}`; there are {}",
                    known.join(", ")
                )
            })?;
            print(&fields::table(wanted)?)?;
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
            print(&String::from_utf8(script)?)?;
        }
        Command::Man { folder } => man(folder.as_deref())?,
        Command::Export(Export::Settings) => print(&markdown())?,
        Command::Export(Export::Openapi) => {
            let settings = settings()?;
            print(&openapi(&settings).await?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What an operator's command prints: `deliveries` or `pending`, for those who look at a page.
///
/// # Errors
/// When there is no such command, or it fails.
pub(crate) async fn operator(arguments: &[&str], settings: &Settings) -> anyhow::Result<String> {
    let arguments = std::iter::once(NAME).chain(arguments.iter().copied());
    match Cli::try_parse_from(arguments)?.command {
        Some(Command::Deliveries(command)) => deliveries::run(&command, settings).await,
        Some(Command::Pending(options)) => deliveries::pending(&options, settings).await,
        _ => anyhow::bail!("this command is not for a page"),
    }
}

/// Prints what the doctor finds; also of settings that cannot be read.
async fn diagnosed(
    settings: Result<Settings, SettingsError>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let findings = match settings {
        Ok(settings) => Box::pin(doctor::examine(&settings)).await?,
        Err(error) => doctor::unreadable_settings(&error),
    };
    let text = if json {
        format!("{}\n", serde_json::to_string_pretty(&findings)?)
    } else {
        doctor::in_words(&findings)
    };
    print(&text)?;
    Ok(if doctor::has_errors(&findings) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Prints the man page, or writes that of each command.
fn man(folder: Option<&Path>) -> anyhow::Result<()> {
    if let Some(folder) = folder {
        return clap_mangen::generate_to(Cli::command(), folder)
            .with_context(|| format!("cannot write to `{}`", folder.display()));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    print(&String::from_utf8(page)?)?;
    Ok(())
}

fn checked(settings: &Settings, check: &Check) -> anyhow::Result<ExitCode> {
    let mut problems = settings.unknown_variables.clone();
    problems.extend(country::check(settings));
    let errors = report::errors(&problems);
    if check.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&problems)?))?;
    } else {
        let files = Files::of(settings.country_dir.as_deref());
        let colour = report::in_colour(&std::io::stdout());
        let shown = report::with_sources(&problems, &|file| files.text_by_name(file), colour);
        let summary = report::summary(&problems);
        print(&format!("{shown}{summary}\n"))?;
    }
    let failed = errors > 0 || (check.strict && !problems.is_empty());
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn loaded(settings: &Settings) -> anyhow::Result<country::Snapshot> {
    country::load(settings).map_err(|problems| anyhow::anyhow!(report::problems(&problems)))
}

/// The OpenAPI document, made by the routes themselves.
///
/// # Errors
/// When the country cannot be loaded.
pub async fn openapi(settings: &Settings) -> anyhow::Result<String> {
    let settings = Settings {
        ledger_url: "sqlite::memory:".to_owned(),
        ..settings.clone()
    };
    let running = server::assemble(&settings, loaded(&settings)?).await?;
    Ok(crate::routes::openapi(&running.app))
}

fn explained(settings: &Settings, options: &Explain) -> anyhow::Result<String> {
    let country = loaded(settings)?;
    let event = document(&options.file)?;
    let pending = match &options.action {
        Some(action) => event.pending_action(action).with_context(|| {
            format!(
                "event `{}` has no pending action of type `{action}`",
                event.id
            )
        })?,
        None => event
            .actions
            .iter()
            .rev()
            .find_map(|action| event.pending_action(action.action_type.as_str()))
            .with_context(|| format!("event `{}` has no pending action", event.id))?,
    };
    let numbers = &settings.registration_number_format;
    let explained = explain::explain(&country.policy, numbers, &event, pending, SystemClock.now());
    let Explained { decision, packet } = explained?;
    if options.json {
        let packet =
            packet.map(|packet| serde_json::json!({"path": packet.path, "body": packet.body}));
        return Ok(format!(
            "{:#}\n",
            serde_json::json!({"decision": decision, "packet": packet})
        ));
    }
    let mut text = decision.render();
    if let Some(packet) = packet {
        write!(
            text,
            "\nWould be sent to {} (with a fresh registration number where none is there yet):\n{:#}\n",
            packet.path, packet.body
        )?;
    }
    Ok(text)
}

fn document(file: &Path) -> anyhow::Result<EventDocument> {
    let json = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    EventDocument::parse(&json)
        .with_context(|| format!("`{}` is no event document", file.display()))
}

fn print(text: &str) -> std::io::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        // `countryconfig export events | head` has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The settings, for `--help`.
fn settings_help() -> String {
    let mut text = String::from(
        "Settings (environment variables; NAME_FILE names a file that holds the value):\n",
    );
    for variable in VARIABLES {
        let (name, meaning) = (variable.name, variable.meaning);
        let _ = writeln!(
            text,
            "  {name}\n      {meaning}\n      default: {}",
            variable.default_in_words()
        );
    }
    text
}

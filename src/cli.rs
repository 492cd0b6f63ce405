// SPDX-License-Identifier: MPL-2.0
//! The command line.

use crate::explain::{self, Explained};
use crate::settings::{Settings, SettingsError, VARIABLES, markdown};
use crate::{build_info, doctor, log, report, sandbox, server, studio};
use anyhow::Context;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use country::Files;
use handlers::clock::{Clock as _, SystemClock};
use handlers::delivery::ledger::{self, Ledger};
use handlers::fault::Fault;
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::event::Event;
use opencrvs_toolkit::event_document::EventDocument;
use opencrvs_toolkit::writer;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

mod analytics;
mod authoring;
mod certificates;
mod deliveries;
mod fields;
mod import;
mod integrations;
mod notify;
mod numbers;
mod rescue;

/// The reason why a command that needs the ledger ends.
const NO_LEDGER: &str = "the ledger cannot be opened (LEDGER_URL)";

/// Name of the program.
const NAME: &str = "countryconfig";

/// Country configuration server for OpenCRVS core 2.0 and 2.1.
///
/// Serves a country's forms and rules to core, and decides for every action on a record whether it
/// may happen. Without a command it runs `serve`.
#[derive(Parser)]
#[command(version, long_version = build_info::in_words(), after_long_help = settings_help())]
pub struct Cli {
    /// TOML file with settings; environment variables of the same names override it
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server (the default command)
    Serve,
    /// Check settings, forms and country files as `serve` does, and report every error
    Check(Check),
    /// Copy the built-in country into a folder, as a start for your own
    Init {
        /// A new or empty folder, the value of `COUNTRY_DIR` afterwards
        folder: PathBuf,
        /// Write only what a country must have of its own; the rest stays in the program
        #[arg(long)]
        minimal: bool,
    },
    /// Add a commented template of a field, an event or a rule to the right file of `COUNTRY_DIR`
    #[command(subcommand)]
    New(authoring::New),
    /// List texts without a translation
    Texts(authoring::Texts),
    /// Import the forms of another country configuration into a folder
    Import(import::Import),
    /// Rewrite the files of `COUNTRY_DIR` for a later version of core, as far as that can be done automatically
    ///
    /// Comments and order are kept. `check --core-version VERSION` reports what is left to do.
    Upgrade {
        /// The version: 2.0.1, 2.1 or 2.2
        #[arg(long, value_name = "VERSION")]
        to: CoreVersion,
        /// Print the changes without writing them
        #[arg(long)]
        dry_run: bool,
    },
    /// Connect to every system that the settings name, and report faults with their remedies
    Doctor {
        /// Print JSON: a list of check, verdict, what, remedy
        #[arg(long)]
        json: bool,
    },
    /// Check whether the server on this machine answers, for container health checks
    Health,
    /// Run the server with stand-ins for core, MOSIP, eSignet and mail, and pages to watch them
    Sandbox(sandbox::Options),
    /// Show a country while it is being written: checks, forms, rules, certificates, roles and places
    ///
    /// Web pages on this machine only. A saved file is shown within a second. An error is shown at its line,
    /// and the last state without errors stays. Typed answers are kept in memory.
    Studio(studio::Options),
    /// Explain and test decisions of the eligibility rules
    #[command(subcommand)]
    Rules(Rules),
    /// List, retry, pause and erase deliveries to other systems
    #[command(subcommand)]
    Deliveries(deliveries::Deliveries),
    /// List the actions that core waits for, those that need an operator first
    Pending(deliveries::Pending),
    /// Find and decide records that are blocked in core because their hook or its answer was lost
    ///
    /// Without EVENT, all such records that are older than `RESCUE_AFTER`. An answer that the ledger has is
    /// sent to core again; any other action is decided as if core asked now.
    ///
    /// A birth whose decision creates an identity may have been sent to MOSIP before: by the previous
    /// server, by another one, or by this one before a backup was restored. It is never sent automatically.
    /// Before you name such a record, search MOSIP for the name and date of birth of the child. If there
    /// is no identity, `rescue EVENT` sends the packet unless the middleware has one of this record, and
    /// `--forward` sends it without asking the middleware. If there is an identity, `--continue` registers
    /// without sending.
    Rescue(rescue::Options),
    /// Create or update the analytics database
    #[command(subcommand)]
    Analytics(analytics::Analytics),
    /// Preview certificates
    #[command(subcommand)]
    Certificates(certificates::Certificates),
    /// Preview messages to people
    #[command(subcommand)]
    Notify(notify::Notify),
    /// List the system clients that this server creates in core, and print their credentials
    #[command(subcommand)]
    Integrations(integrations::Integrations),
    /// Show, raise and import sequences of registration numbers, and list numbers without a record
    Numbers(numbers::Numbers),
    /// Print the events, a form as a table, the OpenAPI document or the settings
    #[command(subcommand)]
    Export(Export),
    /// Print completions for a shell
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
    /// Check for this version of core in place of `CORE_VERSION`: 2.0, 2.0.1, 2.1 or 2.2
    #[arg(long, value_name = "VERSION")]
    core_version: Option<CoreVersion>,
}

#[derive(Subcommand)]
enum Rules {
    /// Show the decision about a hook: each rule, each condition with its values, the packet
    Explain(Explain),
    /// Run the test cases of eligibility.tests.toml
    Test,
}

#[derive(Args)]
struct Explain {
    /// A hook's body: an event document as JSON
    file: PathBuf,
    /// Type of the pending action; needed only if several are pending
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
        /// Indent the JSON
        #[arg(long)]
        pretty: bool,
    },
    /// The declaration form of an event as a table: field, type, required, condition for showing, validation
    Fields {
        /// Event type
        #[arg(long, value_name = "EVENT", default_value = "birth")]
        event: String,
    },
    /// An event in the words of `forms/*.toml`, to read and to copy from
    Forms {
        /// Which event
        #[arg(value_name = "EVENT", default_value = "birth")]
        event: String,
    },
    /// The OpenAPI document of all routes
    Openapi,
    /// The settings as the Markdown table of the README
    Settings,
}

/// Reports a command line that cannot be read. An argument that is a setting is answered with its variable.
pub fn refuse(error: &clap::Error) -> ExitCode {
    drop(error.print());
    if let Some(remedy) = setting_meant(error) {
        drop(writeln!(std::io::stderr(), "\n{remedy}"));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The variable that an unknown argument stands for: `--port`, or a country's folder.
fn setting_meant(error: &clap::Error) -> Option<String> {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) if error.kind() == ErrorKind::UnknownArgument => {
            argument
        }
        _ => return None,
    };
    if let Some(option) = argument.strip_prefix("--") {
        let name = option.to_uppercase().replace('-', "_");
        let end = format!("_{name}");
        let mut variables = VARIABLES.iter();
        let variable = variables.find(|v| v.name == name || v.name.ends_with(&end))?;
        let (name, example) = (variable.name, variable.example);
        return Some(format!(
            "Settings are environment variables: {name}={example} {NAME} …"
        ));
    }
    let is_folder = Path::new(argument).is_dir();
    is_folder
        .then(|| format!("COUNTRY_DIR names the country's folder: COUNTRY_DIR={argument} {NAME} …"))
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
        Command::Upgrade { to, dry_run } => print(&upgraded(&settings()?, to, dry_run)?)?,
        Command::Doctor { json } => return diagnosed(settings(), json).await,
        Command::Init { folder, minimal } => {
            let (written, layer) = if minimal {
                (country::init_minimal(&folder), "built-in:")
            } else {
                (country::init(&folder), "")
            };
            let written = written
                .with_context(|| format!("cannot make a country in `{}`", folder.display()))?;
            let folder = folder.display();
            print(&format!(
                "Wrote {written} files to {folder}. Change them, then:\n  COUNTRY_DIR={layer}{folder} countryconfig check\n"
            ))?;
        }
        Command::New(new) => print(&authoring::begin(&new, &settings()?.country())?)?,
        Command::Import(import) => {
            print(&Box::pin(import::run(&import, &settings()?.country())).await?)?;
        }
        Command::Texts(texts) => print(&authoring::missing(&texts, &settings()?.country())?)?,
        Command::Health => {
            let url = format!("http://127.0.0.1:{}/ping", settings()?.server.port);
            let answer = handlers::delivery::transport::client(std::time::Duration::from_secs(2))?
                .get(&url)
                .send()
                .await;
            answer
                .and_then(reqwest::Response::error_for_status)
                .map_err(Fault::from)
                .with_context(|| format!("nothing answers at {url}"))?;
        }
        Command::Sandbox(options) => {
            Box::pin(sandbox::run(settings()?, &options, operator)).await?;
        }
        Command::Studio(options) => studio::run(settings()?, &options).await?,
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
        Command::Integrations(command) => print(&integrations::run(&command, &settings()?).await?)?,
        Command::Numbers(options) => print(&numbers::run(&options, &settings()?).await?)?,
        Command::Export(Export::Events { pretty }) => {
            let settings = settings()?;
            let events = events_of(&settings)?;
            let events = writer::events(&events, settings.core.version)?.events;
            let text = if pretty {
                serde_json::to_string_pretty(&events)
            } else {
                serde_json::to_string(&events)
            };
            print(&format!("{}\n", text?))?;
        }
        Command::Export(Export::Fields { event }) => {
            let events = events_of(&settings()?)?;
            print(&fields::table(named(&events, &event)?)?)?;
        }
        Command::Export(Export::Forms { event }) => {
            let events = events_of(&settings()?)?;
            print(&country::overlays::export::export(named(&events, &event)?))?;
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

/// Returns what a command of operators prints: `deliveries` or `pending`, for a page that shows it.
pub fn operator(arguments: Vec<String>, settings: Settings) -> sandbox::Printed {
    Box::pin(async move {
        let arguments = std::iter::once(NAME.to_owned()).chain(arguments);
        let command = Cli::try_parse_from(arguments)?.command;
        // A command's future need not be `Send`: it runs on a thread of its own.
        let runtime = tokio::runtime::Handle::current();
        let ran = tokio::task::spawn_blocking(move || match command {
            Some(Command::Deliveries(command)) => {
                runtime.block_on(deliveries::run(&command, &settings))
            }
            Some(Command::Pending(options)) => {
                runtime.block_on(deliveries::pending(&options, &settings))
            }
            _ => anyhow::bail!("this command is not for a page"),
        });
        ran.await?
    })
}

fn named<'e>(events: &'e [Event], event: &str) -> anyhow::Result<&'e Event> {
    let wanted = events.iter().find(|known| known.id() == event);
    wanted.with_context(|| {
        let known: Vec<_> = events.iter().map(Event::id).collect();
        format!(
            "there is no event `{event}`; there are {}",
            known.join(", ")
        )
    })
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
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        return clap_mangen::generate_to(Cli::command(), folder)
            .with_context(|| format!("cannot write to `{}`", folder.display()));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    print(&String::from_utf8(page)?)?;
    Ok(())
}

fn checked(settings: &Settings, check: &Check) -> anyhow::Result<ExitCode> {
    let mut settings = settings.clone();
    if let Some(core) = check.core_version {
        settings.core.version = core;
    }
    let mut problems = settings.unknown_variables.clone();
    problems.extend(country::check(&settings.country()));
    let errors = report::errors(&problems);
    if check.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&problems)?))?;
    } else {
        let files = Files::of(settings.country_files.dirs.as_deref());
        let colour = report::in_colour(&std::io::stdout());
        let shown = report::with_sources(&problems, &|file| files.text_by_name(file), colour);
        let is_served = errors == 0 || country::load(&settings.country()).is_ok();
        let summary = report::summary(&problems, is_served, check.strict);
        print(&format!("{shown}{summary}\n"))?;
    }
    let failed = errors > 0 || (check.strict && !problems.is_empty());
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Rewrites the country's files, and says what is different.
fn upgraded(settings: &Settings, to: CoreVersion, dry_run: bool) -> anyhow::Result<String> {
    let folders = country::folders(settings.country_files.dirs.as_deref());
    anyhow::ensure!(
        !folders.is_empty(),
        "COUNTRY_DIR names no folder: the sample country inside the program is written for every version"
    );
    let mut text = String::new();
    for folder in folders {
        for file in country::upgrade::upgrade(&folder, to)? {
            for change in &file.changes {
                writeln!(text, "{}: {change}", file.path.display())?;
            }
            if !dry_run {
                file.write()?;
            }
        }
    }
    if text.is_empty() {
        text.push_str("Nothing has to be rewritten: the files are ready for core ");
        writeln!(text, "{to}.")?;
    } else if dry_run {
        text.push_str("Nothing was written.\n");
    }
    writeln!(text, "Next: countryconfig check --core-version {to}")?;
    Ok(text)
}

fn loaded(settings: &Settings) -> anyhow::Result<country::Snapshot> {
    country::load(&settings.country())
        .map_err(|problems| anyhow::anyhow!(report::problems(&problems)))
}

/// The events of the country. Those of files with errors are not served, so they are not shown either.
fn events_of(settings: &Settings) -> anyhow::Result<Vec<Event>> {
    let events = country::events(&settings.country());
    if report::errors(&events.found) > 0 {
        anyhow::bail!(report::problems(&events.found));
    }
    Ok(events.list)
}

/// The OpenAPI document, made by the routes themselves.
///
/// # Errors
/// When the country cannot be loaded.
pub async fn openapi(settings: &Settings) -> anyhow::Result<String> {
    let mut settings = settings.clone();
    "sqlite::memory:".clone_into(&mut settings.ledger.url);
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
    let numbers = &settings.hooks.registration_number_format;
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
    EventDocument::parse(&json).with_context(|| format!("cannot read `{}`", file.display()))
}

/// Shows what a command is about to do, and asks for confirmation at the terminal.
///
/// # Errors
/// When the answer is not yes, or there is no terminal.
fn confirm(plan: &str) -> anyhow::Result<()> {
    let (input, output) = (std::io::stdin(), std::io::stderr());
    anyhow::ensure!(
        input.is_terminal() && output.is_terminal(),
        "{plan}Nothing was done: there is no terminal for the confirmation. Use --yes"
    );
    write!(&output, "{plan}Go on? [y/N] ")?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    let is_yes = answer.trim_start().to_lowercase().starts_with('y');
    anyhow::ensure!(is_yes, "nothing was done");
    Ok(())
}

/// Opens the ledger. An operator who mistypes its name must not find a new and empty one.
async fn existing_ledger(settings: &Settings) -> anyhow::Result<Arc<dyn Ledger>> {
    let ledger = ledger::open_existing(&settings.ledger.url, settings.ledger.encryption()).await;
    ledger.context(NO_LEDGER)
}

/// Writes a file, and makes its folder.
fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write to `{}`", path.display()))
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

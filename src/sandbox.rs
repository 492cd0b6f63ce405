// SPDX-License-Identifier: MPL-2.0
//! The systems around the server, in one process and on this machine only: core, the middleware and
//! MOSIP, eSignet, a mail server and an SMS gateway. Each behaves as the real one was seen to, on bad
//! days too; pages show what they say to each other.

use crate::pages::{self, Changes, Hosts};
use crate::routes::App;
use crate::server::{self, Listening};
use crate::settings::{IdentityVerification, Infobip, NodeEnv, Redacted, Settings, WebUrl};
use crate::{explain, log, report};
use anyhow::Context;
use country::notification::sms::description::Description;
use futures_util::future::BoxFuture;
use handlers::clock::{Clock, SystemClock};
use handlers::delivery::transport;
use jiff::tz::TimeZone;
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::event_document::{Action, EventDocument};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::warn;

mod bad_days;
mod core_stand_in;
mod esignet;
mod inbox;
mod journal;
mod kept;
mod middleware;
mod mosip;
mod places;
mod routes;
mod row;
mod samples;
mod show;
mod signer;

use bad_days::{BAD_DAYS, BadDay};
pub use signer::Signer;

/// The default port of the pages.
const PAGES: u16 = 3050;
/// The lock in the folder. It tells a sandbox's folder from others.
const LOCK: &str = "sandbox.lock";
const LEDGER: &str = "ledger.db";
/// Failed attempts to read the country's places, ten in a second.
const SEEDINGS: u32 = 100;

/// The output of a command.
pub type Printed = BoxFuture<'static, anyhow::Result<String>>;

/// Runs a command of operators, `deliveries list` for example, with these settings. Pages show its output.
pub type RunCommand = fn(Vec<String>, Settings) -> Printed;

/// Options of `countryconfig sandbox`.
#[derive(clap::Args)]
pub struct Options {
    /// Folder for the sample records and the ledger of the sandbox
    #[arg(long, value_name = "DIR", default_value = "data/sandbox")]
    pub folder: PathBuf,
    /// Port of the stand-ins, for another server that uses them too; 0 is any free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub stand_ins_port: u16,
    /// Port of the pages, or the first free one after it; 0 is any free port
    #[arg(long, value_name = "PORT", default_value_t = PAGES)]
    pub port: u16,
    /// No pages: the stand-ins, the server, and curl lines for a terminal
    #[arg(long)]
    pub headless: bool,
    /// Version of core to play, in place of `CORE_VERSION`: 2.0, 2.0.1, 2.1 or 2.2
    #[arg(long, value_name = "VERSION")]
    pub core: Option<CoreVersion>,
    /// Other identities for MOSIP: a CSV file with the columns firstName, middleName, familyName,
    /// birthDate, gender, nid
    #[arg(long, value_name = "FILE")]
    pub identities: Option<PathBuf>,
    /// Keep records and identities in the folder, for the next start
    #[arg(long)]
    pub keep: bool,
}

/// All stand-ins with their state.
struct StandIns {
    signer: Signer,
    core: core_stand_in::Core,
    middleware: middleware::Middleware,
    mosip: mosip::Mosip,
    esignet: esignet::Esignet,
    inbox: inbox::Inbox,
    journal: journal::Journal,
    bad_days: bad_days::BadDays,
    changes: Changes,
    drafts: show::Drafts,
    /// The record of the last command of an operator, and the output.
    printed: Mutex<Option<(String, String)>>,
    run_command: RunCommand,
    client: reqwest::Client,
    /// The address of the stand-ins.
    address: SocketAddr,
    /// The URL of the server.
    server: OnceLock<String>,
    /// The server, for the reasons of its rules.
    app: OnceLock<Arc<App>>,
    /// The settings of the server, for the commands of operators.
    settings: OnceLock<Settings>,
}

impl StandIns {
    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The reasons of the rules for their decision about an action; nothing if no rule is about it.
    fn reasons(&self, document: &EventDocument, action: &Action) -> Option<String> {
        let app = self.app.get()?;
        let policy = app.hooks.policy.load();
        let explained =
            explain::explain(&policy, &app.hooks.numbers, document, action, now()).ok()?;
        let decision = explained.decision;
        (!decision.rules.is_empty()).then(|| decision.render())
    }
}

/// A sandbox that listens, before it runs.
pub struct Sandbox {
    stand_ins: Arc<StandIns>,
    running: server::Running,
    listener: Listening,
    beside: JoinSet<()>,
    kept: Option<PathBuf>,
    /// The folder is this sandbox's own as long as this file is open.
    _lock: File,
    /// The address of the pages; nothing without pages.
    pub pages: Option<SocketAddr>,
    /// The introduction for the terminal.
    pub text: String,
}

/// Starts the stand-ins and the server against them, and prints `curl` commands.
///
/// # Errors
/// When something cannot start.
pub async fn run(
    settings: Settings,
    options: &Options,
    run_command: RunCommand,
) -> anyhow::Result<()> {
    log::start(&settings);
    let sandbox = Box::pin(start(settings, options, run_command)).await?;
    writeln!(std::io::stdout(), "{}", sandbox.text)?;
    sandbox.serve().await
}

/// Makes a sandbox. The stand-ins and the pages answer at once, the server from [`Sandbox::serve`] on.
///
/// # Errors
/// When something cannot start.
pub async fn start(
    settings: Settings,
    options: &Options,
    run_command: RunCommand,
) -> anyhow::Result<Sandbox> {
    let folder = &options.folder;
    let lock = take_folder(folder, options.keep)?;
    let (around, _) = if options.stand_ins_port == 0 {
        pages::listen(0).await?
    } else {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.stand_ins_port));
        (
            Listening::on(address)
                .await
                .with_context(|| format!("cannot listen on {address} for the stand-ins"))?,
            None,
        )
    };
    let mut notes = Vec::new();
    let (listener, note) = pages::listen(settings.server.port).await?;
    notes.extend(note.map(|note| format!("Server: {note}.")));
    let mail = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let version = options.core.unwrap_or(settings.core.version);
    let identities = options.identities.as_deref();
    let stand_ins = stand_ins(version, identities, around.address(), run_command)?;
    let mut settings = with_stand_ins(
        settings,
        &stand_ins,
        folder,
        listener.address(),
        mail.local_addr()?,
    )?;
    let kept = options.keep.then(|| folder.join(kept::FILE));
    if let Some(file) = &kept {
        kept::restore(&stand_ins, file)?;
    }
    let country = country::load(&settings.country())
        .map_err(|problems| anyhow::anyhow!(report::problems(&problems)))?;
    if version >= CoreVersion::V2_1 {
        let preset = stand_ins.middleware.preset(&country.integrations);
        settings.core.integration_credentials = preset.map(Redacted::from);
    }
    let running = server::assemble(&settings, country).await?;
    drop(
        stand_ins
            .server
            .set(format!("http://{}", listener.address())),
    );
    drop(stand_ins.app.set(running.app.clone()));
    drop(stand_ins.settings.set(settings));

    let mut beside = JoinSet::new();
    let never = std::future::pending;
    let around_routes = routes::stand_ins(&stand_ins);
    beside.spawn(around.serve(around_routes, never(), Duration::ZERO));
    beside.spawn(stand_ins.clone().take_mail(mail));
    beside.spawn(tell_pages(stand_ins.clone()));
    let here = stand_ins.clone();
    beside.spawn(async move { here.announce().await });
    beside.spawn(seed(stand_ins.clone()));
    let mut at = None;
    if !options.headless {
        let (listener, note) = pages::listen(options.port).await?;
        notes.extend(note.map(|note| format!("Pages: {note}.")));
        let address = listener.address();
        let hosts = Hosts::loopback(address);
        let shown = pages::endpoint(show::pages(&stand_ins), stand_ins.changes.clone(), hosts);
        beside.spawn(listener.serve(shown, never(), Duration::ZERO));
        at = Some(address);
    }
    if let Some(file) = kept.clone() {
        beside.spawn(kept::keep_up(stand_ins.clone(), file));
    }
    let text = introduction(folder, &stand_ins, listener.address(), at, &notes)?;
    Ok(Sandbox {
        stand_ins,
        running,
        listener,
        beside,
        kept,
        _lock: lock,
        pages: at,
        text,
    })
}

impl Sandbox {
    /// The address of the server.
    pub fn server(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The address of the stand-ins.
    pub fn stand_ins(&self) -> SocketAddr {
        self.stand_ins.address
    }

    /// Serves until the process is told to stop.
    ///
    /// # Errors
    /// When a record cannot be kept, or the server breaks off.
    pub async fn serve(mut self) -> anyhow::Result<()> {
        let served = server::run(self.running, self.listener).await;
        self.beside.shutdown().await;
        if let Some(file) = &self.kept {
            kept::save(&self.stand_ins, file)?;
        }
        served
    }
}

/// Locks the folder. Without `--keep`, the records of the last run are gone: a ledger with their deliveries
/// would ask core about them forever, so it is deleted.
fn take_folder(folder: &FilePath, keep: bool) -> anyhow::Result<File> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create `{}`", folder.display()))?;
    let file = folder.join(LOCK);
    let is_known = file.exists();
    let lock = File::create(&file).with_context(|| format!("cannot write `{}`", file.display()))?;
    if lock.try_lock().is_err() {
        anyhow::bail!(
            "another sandbox uses the folder `{}`; name another one with --folder",
            folder.display()
        );
    }
    if is_known && !keep {
        for name in [
            LEDGER,
            "ledger.db-wal",
            "ledger.db-shm",
            "unanswered-hooks.jsonl",
            kept::FILE,
        ] {
            // A missing file is as good as a deleted one.
            drop(std::fs::remove_file(folder.join(name)));
        }
    }
    Ok(lock)
}

fn stand_ins(
    version: CoreVersion,
    identities: Option<&FilePath>,
    address: SocketAddr,
    run_command: RunCommand,
) -> anyhow::Result<Arc<StandIns>> {
    Ok(Arc::new(StandIns {
        signer: Signer::new()?,
        core: core_stand_in::Core::new(version),
        middleware: middleware::Middleware::new(),
        mosip: mosip::Mosip::new(identities)?,
        esignet: esignet::Esignet::default(),
        inbox: inbox::Inbox::default(),
        journal: journal::Journal::new(),
        bad_days: bad_days::BadDays::default(),
        changes: Changes::default(),
        drafts: show::Drafts::default(),
        printed: Mutex::default(),
        run_command,
        client: transport::client(Duration::from_mins(5))?,
        address,
        server: OnceLock::new(),
        app: OnceLock::new(),
        settings: OnceLock::new(),
    }))
}

/// The settings of a server that calls the stand-ins in place of all other systems: nothing leaves this
/// machine, whatever else is set. Waits are short, so that they can be watched.
fn with_stand_ins(
    mut settings: Settings,
    stand_ins: &StandIns,
    folder: &FilePath,
    listen: SocketAddr,
    mail: SocketAddr,
) -> anyhow::Result<Settings> {
    let url = |text: String| text.parse::<WebUrl>().map_err(anyhow::Error::msg);
    let around = url(stand_ins.url())?;
    let version = stand_ins.core.version;
    // Later versions have the clients of `integrations.toml` created when they start.
    let client = (version < CoreVersion::V2_0_1).then(|| {
        let scopes = ["type=record.read", "type=record.search"];
        stand_ins.core.add_client("Country configuration", &scopes)
    });
    let sms = format!("{}/sms/2/text/advanced", stand_ins.url());
    let sms = Description::infobip(&sms).map_err(anyhow::Error::msg)?;

    settings.server.node_env = NodeEnv::Development;
    settings.server.host = listen.ip();
    settings.server.port = listen.port();
    settings.server.url = url(format!("http://{listen}"))?;
    settings.server.shutdown_delay = Duration::ZERO;
    settings.core_version_is_set = true;
    settings.core.version = version;
    settings.core.auth_url = around.clone();
    settings.core.gateway_url = around.clone();
    settings.core.events_url = around.clone();
    settings.core.integration_credentials = None;
    settings.core.system_client_id = client.as_ref().map(|client| client.id.clone());
    settings.core.system_client_secret = client.map(|client| client.secret.into());
    settings.mosip.interop_url = around;
    settings.mosip.timeout = Duration::from_secs(4);
    settings.mosip.retry_after_500 = Duration::from_secs(4);
    settings.mosip.unknown_for = Duration::from_mins(1);
    settings.esignet.redirect_url = url(format!("{}/authorize", stand_ins.url()))?;
    settings.esignet.userinfo_url = url(format!("{}/esignet/get-oidp-user-info", stand_ins.url()))?;
    settings.hooks.identity_verification = IdentityVerification::IdAuth;
    settings.mail.host = Some(mail.ip().to_string());
    settings.mail.port = mail.port();
    settings.mail.username = None;
    settings.mail.password = None;
    settings.mail.implicit_tls = false;
    settings.mail.require_tls = false;
    settings.mail.sender = Some("Civil Registration <no-reply@crvs.example>".parse()?);
    settings.ignores_own_sms_gateway = true;
    settings.sms.infobip = Some(Infobip(Arc::new(sms)));
    settings.sms.infobip_key = Some(SecretString::from("sandbox"));
    settings.ledger.url = format!("sqlite://{}", folder.join(LEDGER).display());
    settings.rescue.database_url = None;
    settings.rescue.unanswered_file = Some(folder.join("unanswered-hooks.jsonl"));
    settings.delivery.delay = Duration::from_millis(500);
    settings.delivery.retry_schedule = "1s,2s,4s,8s,15s,30s,1m,1m,1m,1m".parse()?;
    settings.analytics.reference_data_url = None;
    settings.analytics.database_url = None;
    settings.forwarding.urls = Vec::new();
    settings.credentials.offer_url = None;
    settings.credentials.sign_url = None;
    settings.telemetry.url = None;
    Ok(settings)
}

/// Tells open pages about changes, at most five times a second. Never ends.
async fn tell_pages(stand_ins: Arc<StandIns>) {
    let mut changes = stand_ins.journal.changes();
    while changes.changed().await.is_ok() {
        stand_ins.changes.tell();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Fetches what the server serves to core's seeder.
async fn served(stand_ins: &StandIns, path: &str) -> anyhow::Result<Vec<u8>> {
    let server = stand_ins.server.get().map_or("", String::as_str);
    let request = stand_ins.client.get(format!("{server}{path}"));
    let request = request.bearer_auth(stand_ins.seeder_token()?);
    let response = request.send().await?.error_for_status()?;
    Ok(response.bytes().await?.to_vec())
}

async fn places_of(stand_ins: &StandIns) -> anyhow::Result<places::Places> {
    let locations = served(stand_ins, "/config/locations").await?;
    let users = served(stand_ins, "/config/users").await?;
    Ok(places::Places::seed(&locations, &users)?)
}

/// Reads the country's places and users from the server, as core's seeder does.
async fn seed(stand_ins: Arc<StandIns>) {
    let mut tries = 0;
    let places = loop {
        match places_of(&stand_ins).await {
            Ok(places) => break places,
            // The server has just begun to listen, and fetches core's key.
            Err(_) if tries < SEEDINGS => tries += 1,
            Err(error) => {
                warn!("The places of the country could not be read; records have none: {error:#}");
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    drop(stand_ins.core.places.set(places));
    stand_ins.journal.touch();
}

/// This moment.
fn now() -> jiff::Timestamp {
    SystemClock.now()
}

/// Prints to the terminal, which may be closed.
fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Writes two sample records with new ids, and returns instructions for them.
fn introduction(
    folder: &FilePath,
    stand_ins: &StandIns,
    server: SocketAddr,
    pages: Option<SocketAddr>,
    notes: &[String],
) -> anyhow::Result<String> {
    let mut text = String::from(
        "\nThe sandbox runs. Core's key, the middleware and core's gateway are stand-ins inside this process.\n",
    );
    for note in notes {
        text += &format!("{note}\n");
    }
    if let Some(pages) = pages {
        text += &format!("\nOpen http://{pages} to declare births and deaths and watch them go.\n");
    }
    text += &format!(
        "\n# the birth form\ncurl -s --compressed http://{server}/config/events | head -c 400\n"
    );
    // A token without an action, as core 2.1 sends it, for load tests.
    let token = stand_ins
        .signer
        .token(&signer::claims(json!({"userType": "system"})))?;
    std::fs::write(folder.join("service-token.txt"), token)?;
    let samples = [
        (
            "birth-eligible.json",
            "verified",
            "whose mother's identity is verified goes to the middleware: 202, and the packet and MOSIP's credential appear below",
        ),
        (
            "birth-not-eligible.json",
            "failed",
            "whose parents are not verified is registered at once: 200 with a registration number",
        ),
    ];
    for (name, verified, what) in samples {
        let (event, action) = (core_stand_in::fresh_id(), core_stand_in::fresh_id());
        // The commands also work in another folder.
        let file = std::path::absolute(folder.join(name))?;
        let kept = kept_record(&file, &event, &action)?;
        let note = if kept.is_some() {
            "\n# the record is the one in the file; delete the file for a new sample"
        } else {
            ""
        };
        let record = kept.unwrap_or_else(|| sample_birth(&event, &action, verified));
        std::fs::write(&file, format!("{record:#}\n"))
            .with_context(|| format!("cannot write `{}`", file.display()))?;
        stand_ins.core.keep(EventDocument::try_from(record)?);
        let token = stand_ins.hook_token(&event, &action, false)?;
        text += &format!(
            "\n# a birth {what}; asked again, the answer is the same{note}\ncurl -i http://{server}/trigger/events/birth/actions/REGISTER \\\n  \
             -H 'content-type: application/json' -H 'authorization: Bearer {token}' \\\n  -d '@{}'\n",
            file.display()
        );
    }
    Ok(text)
}

/// The record of an earlier start, perhaps edited, with new ids: a ledger gives known ids their first answer.
fn kept_record(file: &FilePath, event: &str, action: &str) -> anyhow::Result<Option<Value>> {
    let remedy = || {
        let file = file.display();
        format!(
            "`{file}` is not a record with a pending REGISTER action; delete it for a new sample"
        )
    };
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.with_context(remedy)?,
    };
    let mut record: Value = serde_json::from_str(&text).with_context(remedy)?;
    let is_pending = |action: &&mut Value| {
        action.get("type").is_some_and(|kind| kind == "REGISTER")
            && action
                .get("status")
                .is_some_and(|status| status == "Requested")
    };
    let actions = record.get_mut("actions").and_then(Value::as_array_mut);
    let pending = actions.into_iter().flatten().find(is_pending);
    let pending = pending
        .and_then(Value::as_object_mut)
        .with_context(remedy)?;
    pending.insert("id".to_owned(), action.into());
    let members = record.as_object_mut().with_context(remedy)?;
    members.insert("id".to_owned(), event.into());
    Ok(Some(record))
}

/// A record as core sends it with a REGISTER hook: a child born three weeks ago.
pub fn sample_birth(event: &str, action: &str, mother_verified: &str) -> Value {
    let today = TimeZone::UTC.to_datetime(SystemClock.now()).date();
    let born = today - jiff::Span::new().days(21);
    let at = |minute: u8| format!("{today}T09:{minute:02}:00.000Z");
    let step = |id: &str, kind: &str, status: &str, minute: u8, declaration: Value| {
        json!({
            "id": id, "transactionId": format!("sandbox-{minute}"), "type": kind, "status": status,
            "createdAt": at(minute), "createdBy": "11111111-2222-4333-8444-555555555555",
            "createdByUserType": "user", "createdByRole": "LOCAL_REGISTRAR", "declaration": declaration,
        })
    };
    let declared = json!({
        "child.name": {"firstname": "Nia", "middlename": "Sade", "surname": "Okello"},
        "child.gender": "female", "child.dob": born.to_string(),
        "informant.relation": "MOTHER", "informant.email": "grace.okello@example.com", "informant.phoneNo": "0700111222",
        "mother.name": {"firstname": "Grace", "surname": "Okello"}, "mother.dob": "1994-08-17",
        "mother.idType": "NATIONAL_ID", "mother.nid": "2345678901", "mother.verified": mother_verified,
        "father.detailsNotAvailable": true, "father.reason": "Not known to the informant",
    });
    json!({
        "id": event, "type": "birth", "trackingId": "SANDBX", "createdAt": at(0), "updatedAt": at(2),
        "actions": [
            step(&uuid::Uuid::new_v4().to_string(), "CREATE", "Accepted", 0, json!({})),
            step(&uuid::Uuid::new_v4().to_string(), "DECLARE", "Accepted", 1, declared),
            step(action, "REGISTER", "Requested", 2, json!({})),
        ],
    })
}

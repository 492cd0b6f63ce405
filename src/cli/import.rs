// SPDX-License-Identifier: MPL-2.0
//! The forms of a country configuration that runs elsewhere, as files of a country here.

use super::{authoring, write_file};
use crate::report;
use anyhow::{Context, bail};
use clap::Args;
use country::CountrySettings;
use country::overlays::{CLIENT_APP_URL, COUNTRY_CONFIG_URL};
use handlers::delivery::transport::reply;
use opencrvs_toolkit::conditional::without_schema_ids;
use opencrvs_toolkit::event::messages_of;
use opencrvs_toolkit::writer;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Timeout of a request, longer than the largest forms take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Size limit of a document, in bytes.
const LARGEST: usize = 32 * 1024 * 1024;

/// Paths that a country configuration serves besides its forms, and the files that replace them.
const OTHERS: [(&str, &str); 9] = [
    ("/config/application", "application.toml"),
    ("/config/roles", "roles.toml"),
    ("/config/workqueues", "workqueues.toml"),
    (
        "/config/locations",
        "administrative-areas.csv and locations.csv",
    ),
    ("/config/users", "users.csv"),
    ("/certificates", "certificates.toml and certificates/"),
    ("/content/login", "translations/login.csv"),
    ("/handlebars.js", "handlebars.js"),
    ("/content/map.geojson", "map.geojson"),
];

/// Paths of this server that forms may call.
const ROUTES: [&str; 3] = ["/verifiable-credentials/", "/causes-of-death", "/icd10"];

#[derive(Args)]
pub(super) struct Import {
    /// Address of a running country configuration, or a folder with its answers (`config/events.json`,
    /// `content/client.json`)
    source: String,
    /// A folder that is empty or not there yet; afterwards `COUNTRY_DIR=built-in:FOLDER`
    #[arg(long, value_name = "FOLDER")]
    into: PathBuf,
    /// A file with a bearer token for a configuration that asks for one
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Write every event, also those that are as they are built in
    #[arg(long)]
    whole: bool,
}

/// Imports the forms, checks them, and reports what was imported.
pub(super) async fn run(import: &Import, settings: &CountrySettings) -> anyhow::Result<String> {
    let into = &import.into;
    if fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("there is something in `{}` already", into.display());
    }
    let source = Source::of(import)?;
    let events = source.get("/config/events").await?;
    let events = events.context("there is no document /config/events")?;
    let Value::Array(events) = events else {
        bail!("/config/events is not a list of events");
    };
    let ids: Vec<String> = events.iter().map(id).collect::<Result<_, _>>()?;
    let texts = source.get("/content/client").await?;
    // As they are served: for a version of core that does not know all that they have.
    let built_in = writer::events(&country::events(settings).list, settings.core_version)?;
    // The events come from this installation, or from one with the same addresses but for the source.
    let mut addresses = Vec::from(country::addresses(settings));
    if let Some(address) = source.address() {
        addresses.push((COUNTRY_CONFIG_URL, address.to_owned()));
    }
    let mut told = String::from("# What was imported\n\n## Events\n\n");
    let mut written = Vec::new();
    for (id, event) in ids.iter().zip(events) {
        let event = without_schema_ids(event);
        let mut known = built_in.events.iter();
        let same = known.any(|known| without_schema_ids(known.clone()) == event);
        if same && !import.whole {
            let _ = writeln!(
                told,
                "- `{id}` is as it is built in, so there is no file for it."
            );
            continue;
        }
        let named = named(event.clone(), &addresses);
        write_file(
            &into.join(format!("forms/{id}.json")),
            &format!("{named:#}\n"),
        )?;
        let _ = writeln!(told, "- `{id}` is in forms/{id}.json.");
        remarks(&named, &mut told);
        written.push(event);
    }
    let rows = rows(&written, texts.as_ref());
    if let Some((text, number)) = rows {
        write_file(&into.join("forms/imported.csv"), &text)?;
        let _ = writeln!(
            told,
            "\n## Texts\n\n{number} texts of these events are in forms/imported.csv."
        );
    }
    told.push_str("\n## What did not come over\n\n");
    for (route, file) in OTHERS {
        let there = source.has(route).await;
        let _ = writeln!(
            told,
            "- `{route}`{}: {file} of the sample country stays in force until the country has its own.",
            if there {
                ""
            } else {
                " (not found there either)"
            }
        );
    }
    told.push_str("- Hooks with logic of their own: rules stand in eligibility.toml, packets in mosip.toml.\n");
    if !into.exists() {
        fs::create_dir_all(into)?;
    }
    let found = country::check(&CountrySettings {
        country_dir: Some(format!("built-in:{}", into.display())),
        ..settings.clone()
    });
    let _ = write!(told, "\n## What `check` says\n\n");
    told.push_str(&if found.is_empty() {
        "Nothing.\n".to_owned()
    } else {
        format!("```text\n{}```\n", report::list(&found))
    });
    write_file(&into.join("IMPORT.md"), &told)?;
    Ok(format!(
        "{told}\nServe it: COUNTRY_DIR=built-in:{} countryconfig serve\n",
        into.display()
    ))
}

/// The id of an event, which names its file.
fn id(event: &Value) -> anyhow::Result<String> {
    let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if id.is_empty() || !id.chars().all(is_name) {
        bail!(
            "/config/events has an event with the id `{id}`, which cannot name a file: it may have letters, digits and `-`"
        );
    }
    Ok(id.to_owned())
}

/// The source of the documents.
enum Source {
    Folder(PathBuf),
    Server {
        client: reqwest::Client,
        address: String,
        token: Option<String>,
    },
}

impl Source {
    fn of(import: &Import) -> anyhow::Result<Self> {
        let source = import.source.trim_end_matches('/');
        if !source.starts_with("http://") && !source.starts_with("https://") {
            if !Path::new(source).is_dir() {
                bail!("`{source}` is neither an address that begins with http:// nor a folder");
            }
            return Ok(Self::Folder(PathBuf::from(source)));
        }
        let token = match &import.token_file {
            None => None,
            Some(file) => Some(
                fs::read_to_string(file)
                    .with_context(|| format!("cannot read `{}`", file.display()))?
                    .trim()
                    .to_owned(),
            ),
        };
        Ok(Self::Server {
            client: handlers::delivery::transport::client(PATIENCE)?,
            address: source.to_owned(),
            token,
        })
    }

    /// The address of the server, if the source is one.
    fn address(&self) -> Option<&str> {
        match self {
            Self::Folder(_) => None,
            Self::Server { address, .. } => Some(address),
        }
    }

    /// A JSON document; none if there is none.
    async fn get(&self, route: &str) -> anyhow::Result<Option<Value>> {
        let text = match self {
            Self::Folder(folder) => {
                let file = folder.join(format!("{}.json", route.trim_start_matches('/')));
                if !file.exists() {
                    return Ok(None);
                }
                fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?
            }
            Self::Server { address, .. } => {
                let answer = self.ask(route).await;
                let answer = answer.with_context(|| format!("cannot reach {address}{route}"))?;
                if answer.status() == reqwest::StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                let mut answer = answer
                    .error_for_status()
                    .with_context(|| format!("{address}{route} is refused"))?;
                let bytes = reply(&mut answer, LARGEST).await?;
                if bytes.len() > LARGEST {
                    bail!("{route} is larger than {} MiB", LARGEST / 1024 / 1024);
                }
                bytes
            }
        };
        let document =
            serde_json::from_slice(&text).with_context(|| format!("{route} is not JSON"))?;
        Ok(Some(document))
    }

    async fn has(&self, route: &str) -> bool {
        match self {
            Self::Folder(folder) => {
                let path = route.trim_start_matches('/');
                folder.join(path).exists() || folder.join(format!("{path}.json")).exists()
            }
            Self::Server { .. } => {
                let answer = self.ask(route).await;
                answer.is_ok_and(|answer| answer.status().is_success())
            }
        }
    }

    async fn ask(&self, route: &str) -> anyhow::Result<reqwest::Response> {
        let Self::Server {
            client,
            address,
            token,
        } = self
        else {
            bail!("a folder is not asked");
        };
        let mut request = client.get(format!("{address}{route}"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Ok(request.send().await.map_err(handlers::fault::Fault::from)?)
    }
}

/// The event with names in place of the addresses of one installation.
fn named(value: Value, addresses: &[(&'static str, String)]) -> Value {
    match value {
        Value::String(text) => {
            let replaced = addresses.iter().fold(text, |text, (name, address)| {
                replace_address(&text, address, name)
            });
            Value::String(replaced)
        }
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| named(item, addresses))
                .collect(),
        ),
        Value::Object(members) => {
            let members = members.into_iter();
            Value::Object(
                members
                    .map(|(key, value)| (key, named(value, addresses)))
                    .collect(),
            )
        }
        other => other,
    }
}

/// Replaces an address, but not the beginning of a longer host, port or name.
fn replace_address(text: &str, address: &str, name: &str) -> String {
    let mut parts = text.split(address);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let goes_on = |c: char| c.is_alphanumeric() || "-_.:@".contains(c);
        replaced.push_str(if part.starts_with(goes_on) {
            address
        } else {
            name
        });
        replaced.push_str(part);
    }
    replaced
}

/// Writes remarks about the parts of an event that an implementer must check.
fn remarks(event: &Value, told: &mut String) {
    let mut code = BTreeSet::new();
    let mut calls = BTreeSet::new();
    look(event, "", &mut code, &mut calls);
    for place in code {
        let _ = writeln!(
            told,
            "  - JavaScript at `{place}` is kept as it is: no check here can run it."
        );
    }
    for call in calls {
        let _ = writeln!(
            told,
            "  - The form calls `{call}`, which this server does not have."
        );
    }
}

fn look(value: &Value, at: &str, code: &mut BTreeSet<String>, calls: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let at = members.get("id").and_then(Value::as_str).unwrap_or(at);
            for (key, value) in members {
                if key == "$$code" || key == "customClientValidator" {
                    code.insert(at.to_owned());
                }
                look(value, at, code, calls);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| look(item, at, code, calls)),
        Value::String(text) => {
            let by_client = text.strip_prefix(CLIENT_APP_URL);
            let paths = [
                text.strip_prefix(COUNTRY_CONFIG_URL),
                by_client.and_then(|path| path.strip_prefix("/api/countryconfig/")),
            ];
            for path in paths.into_iter().flatten() {
                let path = path.trim_start_matches('/');
                if !path.is_empty() {
                    let path = format!("/{path}");
                    if !ROUTES.iter().any(|route| path.starts_with(route)) {
                        calls.insert(path);
                    }
                }
            }
        }
        _ => {}
    }
}

/// The texts of the events in all languages, as a CSV file, and how many there are.
fn rows(events: &[Value], texts: Option<&Value>) -> Option<(String, usize)> {
    let languages = texts?.get("languages")?.as_array()?;
    let names: Vec<&str> = languages
        .iter()
        .filter_map(|language| language.get("lang")?.as_str())
        .collect();
    let messages: BTreeMap<String, String> = events
        .iter()
        .flat_map(messages_of)
        .map(|message| (message.id().to_owned(), message.description()))
        .collect();
    let mut text = format!("id,description,{}\n", names.join(","));
    let mut number = 0;
    for (id, description) in messages {
        let wordings: Vec<&str> = languages
            .iter()
            .map(|language| {
                let wording = language
                    .get("messages")
                    .and_then(|messages| messages.get(&id)?.as_str());
                wording.unwrap_or_default()
            })
            .collect();
        if wordings.iter().all(|wording| wording.trim().is_empty()) {
            continue;
        }
        number += 1;
        let cells = [id.as_str(), description.as_str()]
            .into_iter()
            .chain(wordings);
        let cells: Vec<String> = cells.map(authoring::csv_cell).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    (number > 0).then_some((text, number))
}

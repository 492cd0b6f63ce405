// SPDX-License-Identifier: MPL-2.0
//! The country as data: the files of `country/`, built into the program or taken from `COUNTRY_DIR`,
//! together with the forms. Everything is read and checked before any of it is served.

use crate::blob::Blob;
use crate::settings::Settings;
use handlers::Vocabulary;
use handlers::diagnostic::{Diagnostic, Severity};
use handlers::hook::Policy;
use handlers::mosip_mapping::Mapping;
use handlers::rules::{Cases, RuleSet};
use opencrvs_toolkit::event::Event;
use rust_embed::RustEmbed;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod application;

pub use application::Application;

#[derive(RustEmbed)]
#[folder = "country/"]
struct Embedded;

/// Where the files come from.
pub enum Files {
    /// The sample country inside the program.
    Embedded,
    /// A folder.
    Folder(PathBuf),
}

impl Files {
    /// The folder if one is set, else the sample country.
    pub fn of(folder: Option<&Path>) -> Self {
        folder.map_or(Self::Embedded, |folder| Self::Folder(folder.to_owned()))
    }

    /// How a file is called in messages.
    pub fn name_of(&self, file: &str) -> String {
        match self {
            Self::Embedded => format!("country/{file}"),
            Self::Folder(folder) => folder.join(file).display().to_string(),
        }
    }

    /// A number that is another one when the content of a file is. Hidden files are not the country's:
    /// editors and Kubernetes keep their own there.
    pub fn fingerprint(&self) -> u64 {
        let Self::Folder(folder) = self else { return 0 };
        let mut contents: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
            .map(|entry| (entry.file_name(), std::fs::read(entry.path()).ok()))
            .collect();
        contents.sort_unstable();
        let mut hasher = DefaultHasher::new();
        contents.hash(&mut hasher);
        hasher.finish()
    }

    fn text(&self, file: &str) -> Result<String, Diagnostic> {
        let bytes = match self {
            Self::Embedded => Embedded::get(file)
                .map(|found| found.data.into_owned())
                .ok_or_else(|| "it is not built in".to_owned()),
            Self::Folder(folder) => {
                std::fs::read(folder.join(file)).map_err(|error| error.to_string())
            }
        };
        let text = bytes.and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
        });
        text.map_err(|why| Diagnostic {
            hint: Some("take the file of the sample country as a start".to_owned()),
            ..Diagnostic::of_file(
                self.name_of(file),
                format!("the file cannot be read: {why}"),
            )
        })
    }
}

/// A country that was checked, ready to be served.
pub struct Snapshot {
    /// `/config/events`.
    pub events: Arc<Blob>,
    /// `birth`, `death` …
    pub event_types: Vec<String>,
    /// Rules and mapping.
    pub policy: Arc<Policy>,
    /// The cases that the rules must decide as expected.
    pub cases: Cases,
    /// What works but was probably meant otherwise.
    pub warnings: Vec<Diagnostic>,
    /// Stands for the content of the files.
    pub fingerprint: u64,
}

/// What is wrong with the forms. They are compiled in and tested, so `serve` does not look again.
pub fn form_problems(settings: &Settings) -> Vec<Diagnostic> {
    let events = match events(settings) {
        Ok(events) => events,
        Err(problem) => return vec![problem],
    };
    let problems = opencrvs_toolkit::event::problems(&events);
    problems
        .iter()
        .map(|problem| Diagnostic::of_file("forms", problem.to_string()))
        .collect()
}

/// Reads and checks the files of the country.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load(settings: &Settings) -> Result<Snapshot, Vec<Diagnostic>> {
    let files = Files::of(settings.country_dir.as_deref());
    // Taken first: what changes while the files are read is noticed afterwards.
    let fingerprint = files.fingerprint();
    let application = application(&files);
    let built = build(
        settings,
        application.as_ref().unwrap_or(&Application::default()),
    )?;
    let vocabulary = &built.vocabulary;
    let read = |file: &str| {
        let text = files.text(file).map_err(|problem| vec![problem])?;
        Ok::<_, Vec<Diagnostic>>((files.name_of(file), text))
    };
    let rules =
        read("eligibility.toml").and_then(|(name, text)| RuleSet::parse(&name, &text, vocabulary));
    let mapping = read("mosip.toml").and_then(|(name, text)| {
        Mapping::parse(&name, &text, vocabulary, &|file| files.text(file).ok())
    });
    let cases = read("eligibility.tests.toml")
        .and_then(|(name, text)| Cases::parse(&name, &text, vocabulary));
    let (rules, mapping, cases) = match (application, rules, mapping, cases) {
        (Ok(_), Ok(rules), Ok(mapping), Ok(cases)) => (rules, mapping, cases),
        (application, rules, mapping, cases) => {
            let application = application.err().map(|problem| vec![problem]);
            let faults = [application, rules.err(), mapping.err(), cases.err()];
            return Err(faults.into_iter().flatten().flatten().collect());
        }
    };
    let mut problems = mapping.lacks(&rules);
    problems.extend(rules.warnings().iter().cloned());
    if problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
    {
        return Err(problems);
    }
    Ok(Snapshot {
        events: Arc::new(Blob::new("application/json; charset=utf-8", built.json)),
        event_types: vocabulary.event_types().map(str::to_owned).collect(),
        fingerprint,
        policy: Arc::new(Policy { rules, mapping }),
        cases,
        warnings: problems,
    })
}

fn application(files: &Files) -> Result<Application, Diagnostic> {
    const FILE: &str = "application.toml";
    Application::parse(&files.name_of(FILE), &files.text(FILE)?)
}

/// What is kept of the events once they are built.
struct Built {
    json: Vec<u8>,
    vocabulary: Vocabulary,
}

/// Builds the events on a thread of its own. Its many small pieces of memory lie together there, and
/// are given back as a whole when it ends.
fn build(settings: &Settings, application: &Application) -> Result<Built, Vec<Diagnostic>> {
    let built = std::thread::scope(|scope| {
        let building = scope.spawn(|| {
            let events = forms::events(&environment(settings, application));
            let vocabulary = vocabulary(&events);
            serde_json::to_vec(&events).map(|json| Built { json, vocabulary })
        });
        building.join()
    });
    let failed = |why: String| vec![Diagnostic::of_file("forms", why)];
    match built {
        // What is kept is copied, so that nothing of it holds that memory back.
        Ok(Ok(Built { json, vocabulary })) => Ok(Built {
            json: json.as_slice().to_vec(),
            vocabulary: vocabulary.clone(),
        }),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("building the forms panicked".to_owned())),
    }
}

/// The events of this country, with the settings that reach its forms.
///
/// # Errors
/// When `application.toml` cannot be used.
pub fn events(settings: &Settings) -> Result<Vec<Event>, Diagnostic> {
    let files = Files::of(settings.country_dir.as_deref());
    Ok(forms::events(&environment(settings, &application(&files)?)))
}

fn environment(settings: &Settings, application: &Application) -> forms::Environment {
    let client_app_url = settings.client_app_url.as_str().trim_end_matches('/');
    forms::Environment {
        esignet_redirect_url: settings.esignet_redirect_url.as_str().to_owned(),
        openid_provider_client_id: settings.openid_provider_client_id.clone(),
        mosip_api_userinfo_url: settings.mosip_api_userinfo_url.as_str().to_owned(),
        country_config_url: settings.country_config_url.as_str().to_owned(),
        client_app_url: client_app_url.to_owned(),
        country_code: application.country_code.clone(),
        analytics: application.analytics,
        duplicate_search: application.duplicate_search,
    }
}

/// The field ids that rules and mapping may name.
fn vocabulary(events: &[Event]) -> Vocabulary {
    Vocabulary::new(
        events
            .iter()
            .map(|event| (event.id(), event.field_ids().map(|(id, _)| id))),
    )
}

// SPDX-License-Identifier: MPL-2.0
//! The country as data: the files of `country/`, built into the program or taken from `COUNTRY_DIR`,
//! together with the forms. Everything is read and checked before any of it is served.

use crate::blob::Blob;
use crate::settings::Settings;
use handlers::Vocabulary;
use handlers::analytics::{Counting, Country, Figures, Marks};
use handlers::diagnostic::{Diagnostic, Severity};
use handlers::hook::Policy;
use handlers::mosip_mapping::Mapping;
use handlers::rules::{Cases, RuleSet};
use opencrvs_toolkit::event::Event;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
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
        let mut hasher = DefaultHasher::new();
        for file in self.list("") {
            (&file, std::fs::read(folder.join(&file)).ok()).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The files below a folder (`""` for all), by path from the country's root, sorted.
    pub fn list(&self, below: &str) -> Vec<String> {
        let mut found = match self {
            Self::Embedded => Embedded::iter()
                .filter(|file| Path::new(file.as_ref()).starts_with(below))
                .map(Cow::into_owned)
                .collect(),
            Self::Folder(folder) => {
                let mut found = Vec::new();
                visit(&folder.join(below), below, &mut found);
                found
            }
        };
        found.sort_unstable();
        found
    }

    /// The content of a file, by path from the country's root; nothing where there is none.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn find(&self, file: &str) -> Result<Option<Cow<'static, [u8]>>, Diagnostic> {
        match self {
            Self::Embedded => Ok(Embedded::get(file).map(|found| found.data)),
            Self::Folder(folder) => match std::fs::read(folder.join(file)) {
                Ok(bytes) => Ok(Some(bytes.into())),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(self.unreadable(file, &error.to_string())),
            },
        }
    }

    /// The content of a file that must be there.
    ///
    /// # Errors
    /// When it is not, or cannot be read.
    pub fn bytes(&self, file: &str) -> Result<Cow<'static, [u8]>, Diagnostic> {
        let found = self.find(file)?;
        found.ok_or_else(|| self.unreadable(file, "there is no such file"))
    }

    /// The text of a file that must be there.
    ///
    /// # Errors
    /// When it is not, cannot be read, or is not UTF-8.
    pub fn text(&self, file: &str) -> Result<String, Diagnostic> {
        String::from_utf8(self.bytes(file)?.into_owned())
            .map_err(|_| self.unreadable(file, "it is not UTF-8 text"))
    }

    fn unreadable(&self, file: &str, why: &str) -> Diagnostic {
        Diagnostic {
            hint: Some("take the file of the sample country as a start".to_owned()),
            ..Diagnostic::of_file(
                self.name_of(file),
                format!("the file cannot be read: {why}"),
            )
        }
    }
}

fn visit(folder: &Path, below: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let path = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        // Kubernetes mounts files as links: what they point at counts.
        if entry.path().is_dir() {
            visit(&entry.path(), &path, found);
        } else {
            found.push(path);
        }
    }
}

/// A country that was checked, ready to be served.
pub struct Snapshot {
    /// `/config/events`.
    pub events: Arc<Blob>,
    /// `birth`, `death` …
    pub event_types: Vec<String>,
    /// What is counted, and where.
    pub counting: Arc<Counting>,
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
        counting: Arc::new(Counting {
            marks: built.marks,
            country: Country {
                code: String::new(),
                name: String::new(),
                zone: jiff::tz::TimeZone::system(),
            },
            figures: Figures::default(),
        }),
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
    marks: Marks,
}

/// Builds the events on a thread of its own. Its many small pieces of memory lie together there, and
/// are given back as a whole when it ends.
fn build(settings: &Settings, application: &Application) -> Result<Built, Vec<Diagnostic>> {
    let built = std::thread::scope(|scope| {
        let building = scope.spawn(|| {
            let events = forms::events(&environment(settings, application));
            let vocabulary = vocabulary(&events);
            let marks = Marks::of(&events);
            serde_json::to_vec(&events).map(|json| Built {
                json,
                vocabulary,
                marks,
            })
        });
        building.join()
    });
    let failed = |why: String| vec![Diagnostic::of_file("forms", why)];
    match built {
        // What is kept is copied, so that nothing of it holds that memory back.
        Ok(Ok(Built {
            json,
            vocabulary,
            marks,
        })) => Ok(Built {
            json: json.as_slice().to_vec(),
            vocabulary: vocabulary.clone(),
            marks: marks.clone(),
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

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
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    pub events: Blob,
    /// Rules and mapping.
    pub policy: Arc<Policy>,
    /// The cases that the rules must decide as expected.
    pub cases: Cases,
    /// What works but was probably meant otherwise.
    pub warnings: Vec<Diagnostic>,
}

/// What is wrong with the forms. They are compiled in and tested, so `serve` does not look again.
pub fn form_problems(settings: &Settings) -> Vec<Diagnostic> {
    let problems = opencrvs_toolkit::event::problems(&events(settings));
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
    let events = events(settings);
    let vocabulary = vocabulary(&events);
    let read = |file: &str| {
        let text = files.text(file).map_err(|problem| vec![problem])?;
        Ok::<_, Vec<Diagnostic>>((files.name_of(file), text))
    };
    let rules =
        read("eligibility.toml").and_then(|(name, text)| RuleSet::parse(&name, &text, &vocabulary));
    let mapping = read("mosip.toml").and_then(|(name, text)| {
        Mapping::parse(&name, &text, &vocabulary, &|file| files.text(file).ok())
    });
    let cases = read("eligibility.tests.toml")
        .and_then(|(name, text)| Cases::parse(&name, &text, &vocabulary));
    let (rules, mapping, cases) = match (rules, mapping, cases) {
        (Ok(rules), Ok(mapping), Ok(cases)) => (rules, mapping, cases),
        (rules, mapping, cases) => {
            let faults = [rules.err(), mapping.err(), cases.err()];
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
    let json = serde_json::to_vec(&events)
        .map_err(|error| vec![Diagnostic::of_file("forms", error.to_string())])?;
    Ok(Snapshot {
        events: Blob::new("application/json; charset=utf-8", json),
        policy: Arc::new(Policy { rules, mapping }),
        cases,
        warnings: problems,
    })
}

/// The events of this country, with the settings that reach its forms.
pub fn events(settings: &Settings) -> Vec<Event> {
    forms::events(&forms::Environment {
        esignet_redirect_url: settings.esignet_redirect_url.as_str().to_owned(),
        openid_provider_client_id: settings.openid_provider_client_id.clone(),
        mosip_api_userinfo_url: settings.mosip_api_userinfo_url.as_str().to_owned(),
        country_config_url: settings.country_config_url.as_str().to_owned(),
        client_app_url: settings
            .client_app_url
            .as_str()
            .trim_end_matches('/')
            .to_owned(),
        ..forms::Environment::default()
    })
}

/// The field ids that rules and mapping may name.
fn vocabulary(events: &[Event]) -> Vocabulary {
    Vocabulary::new(
        events
            .iter()
            .map(|event| (event.id(), event.field_ids().map(|(id, _)| id))),
    )
}

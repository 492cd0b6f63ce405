// SPDX-License-Identifier: MPL-2.0
//! The sources of values: the environment over an optional TOML file over the defaults.

use super::problems::Problem;
use super::variables::Variable;
use super::{VARIABLES, environment};
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use handlers::delivery::ledger;
use rules::Diagnostic;
use std::collections::BTreeSet;
use std::path::Path;

/// The name of the source of default values.
pub(super) const DEFAULTS: &str = "defaults";

/// Values of one source, by the name of the variable.
#[derive(Default, Clone)]
pub(super) struct Given {
    source: String,
    values: Dict,
    /// Set to the empty text, which counts as not set.
    empty: BTreeSet<String>,
}

/// The values of all sources. Later sources override earlier ones.
pub(super) fn merged(mut file: Given, mut environment: Given) -> Figment {
    drop_unused_login([&mut file, &mut environment]);
    let mode = environment.get("NODE_ENV").or(file.get("NODE_ENV"));
    let defaults = Given::defaults(mode.is_some_and(|mode| mode == "production"));
    with_dependent_defaults(Figment::from(defaults).merge(file).merge(environment))
}

/// Charts set to the empty text what is not in use: with an empty user name or password, the mail server has no
/// login.
fn drop_unused_login(sources: [&mut Given; 2]) {
    const LOGIN: [&str; 2] = ["SMTP_USERNAME", "SMTP_PASSWORD"];
    let is_unused = LOGIN.iter().any(|half| {
        let is_empty = sources.iter().any(|source| source.empty.contains(*half));
        is_empty
            && !sources
                .iter()
                .any(|source| source.values.contains_key(*half))
    });
    for source in sources {
        source
            .values
            .retain(|name, _| !(is_unused && LOGIN.contains(&name.as_str())));
    }
}

/// Adds the defaults that depend on other settings.
fn with_dependent_defaults(figment: Figment) -> Figment {
    let value = |name| figment.extract_inner::<String>(name).unwrap_or_default();
    // The default is the address at which core's charts put the dashboards.
    let metabase_url = ["DOMAIN", "SUBDOMAIN_SEPARATOR"]
        .into_iter()
        .fold(value("METABASE_URL"), |url, name| {
            url.replace(&format!("{{{name}}}"), &value(name))
        });
    // In the reference, `NO_MOSIP` is the only switch.
    let verification = if value("NO_MOSIP") == "true" {
        "off"
    } else {
        "id-auth"
    };
    let unanswered = unanswered_hooks_file(&value("LEDGER_URL"));
    // A value alone would go into the profile that overrides all others.
    let figment = figment
        .merge(Serialized::default("METABASE_URL", metabase_url))
        .join(Serialized::default("IDENTITY_VERIFICATION", verification));
    match unanswered {
        Some(file) => figment.join(Serialized::default("UNANSWERED_HOOKS_FILE", file)),
        None => figment,
    }
}

/// The file beside that of the ledger, or in `data`; none for a ledger in memory.
fn unanswered_hooks_file(ledger_url: &str) -> Option<String> {
    const NAME: &str = "unanswered-hooks.jsonl";
    let file = match ledger::file(ledger_url) {
        Some(ledger) => ledger.with_file_name(NAME),
        None if ledger_url.starts_with("postgres") => Path::new("data").join(NAME),
        None => return None,
    };
    file.to_str().map(str::to_owned)
}

impl Given {
    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    fn defaults(is_production: bool) -> Self {
        let default = |variable: &Variable| {
            let default = if is_production {
                variable.production
            } else {
                variable.development
            };
            Some((variable.name.to_owned(), Value::from(default?)))
        };
        Self {
            source: DEFAULTS.into(),
            values: VARIABLES.iter().filter_map(default).collect(),
            empty: BTreeSet::new(),
        }
    }

    /// An empty variable counts as not set. `NAME_FILE` names a file that holds the value of `NAME`.
    /// Variables that look like settings and are not are returned as warnings.
    pub(super) fn environment(
        variables: impl Iterator<Item = (String, String)>,
        problems: &mut Vec<Problem>,
    ) -> (Self, Vec<Diagnostic>) {
        let (mut values, mut empty, mut unknown) = (Dict::new(), BTreeSet::new(), Vec::new());
        for (name, value) in variables {
            if environment::is_of_kubernetes(&name, &value) {
            } else if value.is_empty() {
                empty.insert(name);
            } else if VARIABLES.iter().any(|v| v.name == name) {
                values.insert(name, Value::from(value));
            } else if let Some(known) = name
                .strip_suffix("_FILE")
                .filter(|known| VARIABLES.iter().any(|v| v.name == *known))
            {
                match std::fs::read_to_string(&value) {
                    Ok(text) => drop(
                        values
                            .entry(known.to_owned())
                            .or_insert_with(|| Value::from(text.trim_end().to_owned())),
                    ),
                    Err(error) => problems.push(Problem {
                        name: name.clone(),
                        what: format!("cannot read `{value}`: {error}"),
                        example: None,
                    }),
                }
            } else {
                unknown.extend(environment::doubt(&name));
            }
        }
        let given = Self {
            source: "environment".into(),
            values,
            empty,
        };
        (given, unknown)
    }

    /// The names in a file may be written in small letters; numbers and `true` need no quotes.
    pub(super) fn file(path: &Path, problems: &mut Vec<Problem>) -> Self {
        let source = path.display().to_string();
        if !path.exists() {
            problems.push(Problem {
                name: source,
                what: "there is no such file".to_owned(),
                example: None,
            });
            return Self::default();
        }
        let read = Figment::from(Toml::file_exact(path)).extract::<Dict>();
        let entries = read.unwrap_or_else(|error| {
            problems.push(Problem {
                name: source.clone(),
                what: error.to_string(),
                example: None,
            });
            Dict::new()
        });
        let (mut values, mut empty) = (Dict::new(), BTreeSet::new());
        for (key, value) in entries {
            let name = key.to_uppercase();
            let text = match &value {
                Value::String(_, text) => Some(text.clone()),
                Value::Num(_, number) => number.to_i128().map(|n| n.to_string()),
                Value::Bool(_, yes) => Some(yes.to_string()),
                _ => None,
            };
            match text {
                _ if !VARIABLES.iter().any(|v| v.name == name) => {
                    let near = rules::closest(&name, VARIABLES.iter().map(|v| v.name));
                    let hint = near
                        .map(|near| format!("; did you mean `{}`?", near.to_lowercase()))
                        .unwrap_or_default();
                    problems.push(Problem {
                        name: source.clone(),
                        what: format!("`{key}` is not a setting{hint}"),
                        example: None,
                    });
                }
                Some(text) if text.is_empty() => drop(empty.insert(name)),
                Some(text) => drop(values.insert(name, Value::from(text))),
                None => problems.push(Problem {
                    name: source.clone(),
                    what: format!("`{key}` is neither a text, a number nor true or false"),
                    example: None,
                }),
            }
        }
        Self {
            source,
            values,
            empty,
        }
    }
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

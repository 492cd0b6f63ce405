// SPDX-License-Identifier: MPL-2.0
//! The reading of values into settings.

use super::problems::{Problem, SettingsError};
use super::sources::DEFAULTS;
use super::values::Setting;
use super::variables::example;
use super::{Settings, VARIABLES};
use figment::Figment;
use validator::Validate;

/// Secrets that earlier versions of this program printed as examples.
pub(super) const PUBLISHED: [&str; 3] = [
    "uV3s1Nq5xqf0o1rXyq7v0b2mZc8J4wP6kT9eLhGaDQE=",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
];

/// Reads values and collects problems.
pub(super) struct Reader {
    figment: Figment,
    problems: Vec<Problem>,
}

impl Reader {
    /// A reader of these values; the problems are those of their sources.
    pub(super) fn new(figment: Figment, problems: Vec<Problem>) -> Self {
        Self { figment, problems }
    }

    /// Checks whether a value is set, and not the default.
    pub(super) fn is_set(&self, variable: &str) -> bool {
        let source = self.figment.find_metadata(variable);
        source.is_some_and(|source| source.name != DEFAULTS)
    }

    /// The value of a variable. If there is none, or it cannot be read, the problem is recorded and the
    /// example is used instead, or nothing, so that reading goes on and finds all problems.
    pub(super) fn read<T: Setting>(&mut self, variable: &'static str) -> T {
        let given: Option<String> = self.figment.extract_inner(variable).ok();
        if given
            .as_deref()
            .is_some_and(|given| is_published(variable, given))
        {
            let what = "is an example that everybody can read; generate a secret of your own";
            self.add(variable, what.to_owned());
        }
        match given.as_deref().map_or_else(T::absent, T::parse) {
            Ok(value) => value,
            Err(what) => {
                self.add(variable, what);
                let instead = T::parse(example(variable)).or_else(|_| T::absent());
                #[expect(clippy::expect_used, reason = "a test reads every example")]
                instead.expect("the example of a variable is valid, or it may be left out")
            }
        }
    }

    /// Makes the checks of a group of settings. `fields` has the variables of its fields; the checks of
    /// several settings name the variable themselves.
    pub(super) fn check(&mut self, group: &impl Validate, fields: &[(&str, &str)]) {
        let Err(errors) = group.validate() else {
            return;
        };
        for (field, errors) in errors.field_errors() {
            let variable = fields.iter().find(|(name, _)| *name == field);
            for error in errors {
                let variable = variable.map_or(&*error.code, |(_, variable)| *variable);
                self.add(variable, error.message.clone().unwrap_or_default().into());
            }
        }
    }

    fn add(&mut self, variable: &str, what: String) {
        self.problems.push(Problem {
            name: variable.to_owned(),
            what,
            example: Some(example(variable)),
        });
    }

    /// The settings, if there was no problem.
    ///
    /// # Errors
    /// All problems, in the order of the variables; those of the sources first.
    pub(super) fn finish(mut self, settings: Settings) -> Result<Settings, SettingsError> {
        if self.problems.is_empty() {
            return Ok(settings);
        }
        let place = |problem: &Problem| VARIABLES.iter().position(|v| v.name == problem.name);
        self.problems.sort_by_key(place);
        Err(SettingsError::new(self.problems))
    }
}

/// Checks whether a secret was printed as an example. With a published key of the ledger behind a new one, old
/// deliveries can still be decrypted.
fn is_published(variable: &str, secret: &str) -> bool {
    let used = match variable {
        "LEDGER_KEY" => secret.split(',').next().unwrap_or_default(),
        _ => secret,
    };
    PUBLISHED.iter().any(|published| used.contains(published))
}

// SPDX-License-Identifier: MPL-2.0
//! The reading of values into settings.

use super::problems::{Problem, SettingsError};
use super::sources::DEFAULTS;
use super::values::Setting;
use super::variables::example;
use super::{Settings, VARIABLES};
use figment::Figment;
use validator::Validate;

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
    /// example is used instead, so that reading goes on and finds all problems.
    pub(super) fn read<T: Setting>(&mut self, variable: &'static str) -> T {
        let given: Option<String> = self.figment.extract_inner(variable).ok();
        match given.as_deref().map_or_else(T::absent, T::parse) {
            Ok(value) => value,
            Err(what) => {
                self.add(variable, what);
                #[expect(clippy::expect_used, reason = "a test parses every example")]
                T::parse(example(variable)).expect("the example of a variable is valid")
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

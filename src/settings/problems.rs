// SPDX-License-Identifier: MPL-2.0
//! The problems with settings, and their text.

use std::fmt::{self, Display};

/// All problems of the settings.
#[derive(Debug)]
pub struct SettingsError(Vec<Problem>);

/// A problem of one setting, or of a source of settings.
#[derive(Debug)]
pub(super) struct Problem {
    /// The variable, or the source.
    pub(super) name: String,
    /// The fault, in words.
    pub(super) what: String,
    /// A value that works.
    pub(super) example: Option<&'static str>,
}

impl SettingsError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }
}

impl std::error::Error for SettingsError {}

impl Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        writeln!(
            f,
            "{n} setting{} cannot be used",
            if n == 1 { "" } else { "s" }
        )?;
        for problem in &self.0 {
            write!(f, "  {}: {}", problem.name, problem.what)?;
            match problem.example {
                Some(example) => writeln!(f, "\n      for example {}={example}", problem.name)?,
                None => writeln!(f)?,
            }
        }
        write!(
            f,
            "Set them in the environment, or in a TOML file named with --config."
        )
    }
}

// SPDX-License-Identifier: MPL-2.0
//! `application.toml`: what the country decides about its forms.

use handlers::diagnostic::Diagnostic;
use serde::Deserialize;

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Application {
    /// Three-letter code of the country.
    pub country_code: String,
    /// Whether core looks for duplicates.
    pub duplicate_search: bool,
    /// Whether the events count in core's statistics.
    pub analytics: bool,
}

impl Default for Application {
    /// Stands in for a file with a fault, so that the other files are checked all the same.
    fn default() -> Self {
        Self {
            country_code: "FAR".to_owned(),
            duplicate_search: false,
            analytics: true,
        }
    }
}

impl Application {
    /// Reads the file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, Diagnostic> {
        let application: Self = toml::from_str(text).map_err(|error| {
            let (line, column) = place(text, error.span().map_or(0, |span| span.start));
            Diagnostic {
                line,
                column,
                ..Diagnostic::of_file(file, error.message())
            }
        })?;
        let code = &application.country_code;
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let message =
                format!("`country-code` is `{code}`, not three capital letters like `FAR`");
            let (line, column) = place(text, text.find("country-code").unwrap_or(0));
            return Err(Diagnostic {
                line,
                column,
                ..Diagnostic::of_file(file, message)
            });
        }
        Ok(application)
    }
}

/// Line and column of a byte, from 1.
fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let column = before.chars().rev().take_while(|c| *c != '\n').count();
    (before.matches('\n').count() + 1, column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const SHIPPED: &str = include_str!("../../country/application.toml");

    #[test]
    fn the_shipped_file_is_read() {
        let application = Application::parse("application.toml", SHIPPED).unwrap();
        assert_eq!(
            (
                application.country_code.as_str(),
                application.duplicate_search
            ),
            ("FAR", false)
        );
    }

    #[rstest]
    #[case("duplicate-search = false", "duplicate-search = maybe", 10, 20)]
    #[case("duplicate-search", "duplicate-serch", 10, 1)]
    #[case("\"FAR\"", "\"Farajaland\"", 6, 1)]
    fn a_mistake_has_its_place(
        #[case] right: &str,
        #[case] wrong: &str,
        #[case] line: usize,
        #[case] column: usize,
    ) {
        let problem =
            Application::parse("application.toml", &SHIPPED.replace(right, wrong)).unwrap_err();
        assert_eq!((problem.line, problem.column), (line, column), "{problem}");
    }
}

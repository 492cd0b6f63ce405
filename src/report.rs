// SPDX-License-Identifier: MPL-2.0
//! How problems of the country's files are shown to a person.

use handlers::diagnostic::{Diagnostic, Severity};
use std::fmt::Write;

/// The problems with their places, one after the other.
pub fn list(problems: &[Diagnostic]) -> String {
    let mut text = String::new();
    for problem in problems {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{problem}");
    }
    text
}

/// How many of the problems are errors.
pub fn errors(problems: &[Diagnostic]) -> usize {
    problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count()
}

/// All problems of a country that is refused, and how many errors there are.
pub fn problems(problems: &[Diagnostic]) -> String {
    let errors = errors(problems);
    let s = if errors == 1 { "" } else { "s" };
    format!("{}{errors} error{s} in the country's files", list(problems))
}

// SPDX-License-Identifier: MPL-2.0
//! How problems of the country's files are shown to a person.

use handlers::diagnostic::{Diagnostic, Severity};
use std::fmt::Write;

/// All problems with their places, and how many there are.
pub fn problems(problems: &[Diagnostic]) -> String {
    let mut text = String::new();
    for problem in problems {
        // Writing to a String cannot fail.
        drop(writeln!(text, "{problem}"));
    }
    let errors = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count();
    drop(write!(
        text,
        "{errors} error{} in the country's files",
        if errors == 1 { "" } else { "s" }
    ));
    text
}

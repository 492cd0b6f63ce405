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

/// Rows below their heads, each column as wide as its widest text.
pub fn table<const COLUMNS: usize>(heads: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let heads = heads.map(str::to_owned);
    let rows = || std::iter::once(&heads).chain(rows);
    let mut widths = [0; COLUMNS];
    for row in rows() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows() {
        let mut line = String::new();
        for (width, cell) in widths.into_iter().zip(row) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

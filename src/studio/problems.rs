// SPDX-License-Identifier: MPL-2.0
//! Diagnostics of the country's files with their source lines.

use country::Files;
use maud::{Markup, html};
use rules::diagnostic::{Diagnostic, Severity};
use std::collections::HashMap;

/// A diagnostic with the source line that it is about.
pub(super) struct Problem {
    pub(super) diagnostic: Diagnostic,
    line: Option<String>,
}

impl Problem {
    /// Diagnostics with their lines, those of one file together, errors first.
    pub(super) fn all(mut problems: Vec<Diagnostic>, files: &Files) -> Vec<Self> {
        problems.sort_by_key(|problem| {
            let warning = problem.severity == Severity::Warning;
            (problem.file.clone(), warning, problem.line, problem.column)
        });
        let mut texts: HashMap<String, Option<String>> = HashMap::new();
        let with_line = |diagnostic: Diagnostic| {
            let text = texts
                .entry(diagnostic.file.clone())
                .or_insert_with(|| files.text_by_name(&diagnostic.file));
            Self::in_text(diagnostic, text.as_deref().unwrap_or_default())
        };
        problems.into_iter().map(with_line).collect()
    }

    /// A diagnostic of this text.
    pub(super) fn in_text(diagnostic: Diagnostic, text: &str) -> Self {
        let line = text.lines().nth(diagnostic.line.saturating_sub(1));
        Self {
            line: line.map(str::to_owned),
            diagnostic,
        }
    }

    pub(super) fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }

    /// The problem with its line.
    pub(super) fn shown(&self) -> Markup {
        let diagnostic = &self.diagnostic;
        let class = if self.is_error() { "bad" } else { "warn" };
        html! {
            div.problem {
                p { span.tag.(class) { (diagnostic.severity) } " " (diagnostic.message) }
                @if let Some(line) = &self.line {
                    (source(line, diagnostic.line, diagnostic.column, class))
                }
                @if let Some(hint) = &diagnostic.hint { p.hint { (hint) } }
            }
        }
    }
}

/// Problems below the names of their files.
pub(super) fn listed(problems: &[Problem]) -> Markup {
    let same_file = |one: &Problem, other: &Problem| one.diagnostic.file == other.diagnostic.file;
    html! {
        @for group in problems.chunk_by(same_file) {
            @if let Some(first) = group.first() {
                section.card {
                    h3.mono { (first.diagnostic.file) }
                    @for problem in group { (problem.shown()) }
                }
            }
        }
    }
}

/// A line with its number, in which what begins at a column is marked.
fn source(line: &str, number: usize, column: usize, class: &str) -> Markup {
    const LONGEST: usize = 300;
    let line: String = line.chars().take(LONGEST).collect();
    let marked = crate::report::word(&line, column);
    let (before, rest) = line.split_at(marked.start.min(line.len()));
    let (word, after) = rest.split_at_checked(marked.len()).unwrap_or((rest, ""));
    html! {
        pre.(class) { span.at { (number) " │ " } (before) mark { (word) } (after) }
    }
}

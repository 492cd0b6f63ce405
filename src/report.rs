// SPDX-License-Identifier: MPL-2.0
//! Display of problems in the country's files to a person.

use annotate_snippets::{Annotation, AnnotationKind, Level, Origin, Renderer, Snippet};
use rules::diagnostic::{Diagnostic, Severity};
use std::collections::HashMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::ops::Range;

/// Checks whether to write in colour: to a terminal, unless `NO_COLOR` is set.
pub fn in_colour(output: &impl IsTerminal) -> bool {
    output.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The problems with their places, one after the other.
pub fn list(problems: &[Diagnostic]) -> String {
    let mut text = String::new();
    for problem in problems {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{problem}");
    }
    text
}

/// The number of errors among the problems.
pub fn errors(problems: &[Diagnostic]) -> usize {
    problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .count()
}

/// The problems with the lines that they are about, for a person at a terminal.
pub fn with_sources(
    problems: &[Diagnostic],
    source: &dyn Fn(&str) -> Option<String>,
    colour: bool,
) -> String {
    let mut sources: HashMap<&str, Option<String>> = HashMap::new();
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for problem in problems {
        let file = problem.file.as_str();
        let whole = sources.entry(file).or_insert_with(|| source(file));
        let line = whole
            .as_ref()
            .and_then(|text| text.lines().nth(problem.line - 1));
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level
            .primary_title(&problem.message)
            .elements(None::<Snippet<'_, Annotation<'_>>>);
        group = match line {
            Some(line) => {
                let snippet = Snippet::source(line)
                    .path(file)
                    .line_start(problem.line)
                    .annotation(AnnotationKind::Primary.span(word(line, problem.column)));
                group.element(snippet)
            }
            None => group.element(Origin::path(file)),
        };
        if let Some(hint) = &problem.hint {
            group = group.element(Level::HELP.message(hint));
        }
        text += &renderer.render(&[group]);
        text += "\n\n";
    }
    text
}

/// The byte range that begins at a column: up to the end of a text in quotes, a name or a cell.
fn word(line: &str, column: usize) -> Range<usize> {
    let start = line
        .char_indices()
        .nth(column - 1)
        .map_or(line.len(), |(at, _)| at);
    let rest = line.get(start..).unwrap_or_default();
    let quote = rest.chars().next().filter(|c| "\"'".contains(*c));
    let length = match quote {
        Some(quote) => rest
            .get(1..)
            .and_then(|rest| rest.find(quote))
            .map(|end| end + 2),
        None => rest.find(|c: char| c.is_whitespace() || ",;=()[]{}\"'".contains(c)),
    };
    let length = length.unwrap_or(rest.len());
    let first = rest.chars().next().map_or(0, char::len_utf8);
    start..start + length.max(first)
}

/// The numbers of errors and warnings, in a sentence. Not all errors keep `serve` from starting; to a strict
/// check, warnings are failures too.
pub fn summary(problems: &[Diagnostic], is_served: bool, is_strict: bool) -> String {
    let errors = errors(problems);
    let warnings = count(problems.len() - errors, "warning");
    match (errors, problems.len()) {
        (_, 0) => "The settings, the forms and the country's files are in order.".to_owned(),
        (0, _) if is_strict => format!(
            "The strict check has failed: {warnings}. Without --strict the country can be served."
        ),
        (0, _) => format!("The country can be served, with {warnings}."),
        _ if is_served => format!(
            "The check has failed: {}, {warnings}. `serve` starts all the same, and warns.",
            count(errors, "error")
        ),
        _ => format!(
            "The country cannot be served: {}, {warnings}.",
            count(errors, "error")
        ),
    }
}

/// All problems of a country that is refused, and how many errors there are.
pub fn problems(problems: &[Diagnostic]) -> String {
    problems_in(problems, "the country's files")
}

/// All problems of a file that is refused, and how many errors there are.
pub fn problems_in(problems: &[Diagnostic], place: &str) -> String {
    let errors = count(errors(problems), "error");
    format!("{}{errors} in {place}", list(problems))
}

/// A number of things: `1 error`, `2 errors`.
pub fn count(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
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

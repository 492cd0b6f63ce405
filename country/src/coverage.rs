// SPDX-License-Identifier: MPL-2.0
//! Checks that every text that people read is translated, and that every translation is used.

use super::files::Files;
use super::icu;
use super::overlays::FOLDER;
use super::texts::{IN_PROGRAM, TextUse};
use super::translations::{Texts, difference};
use rules::diagnostic::{Diagnostic, Severity, did_you_mean};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The texts of core's client.
const CLIENT: &str = "translations/client.csv";

/// Finds texts that are missing or without effect in `translations/client.csv`. Texts of the forms are in the
/// program and have no place in a file: faults in them have to be mended in the program. Unused rows of the
/// program's own file are not reported below a country's folder, as the country cannot remove them.
pub(super) fn problems(
    files: &Files,
    texts: &Texts,
    core: &HashSet<&str>,
    said: &[TextUse],
    found: &mut Vec<Diagnostic>,
) {
    let file = files.name_of(CLIENT);
    let rows: HashMap<&str, usize> = texts
        .rows
        .iter()
        .enumerate()
        .map(|(index, row)| (row.id.as_str(), index))
        .collect();
    let known: HashSet<&str> = said.iter().map(|said| said.message.id()).collect();
    // Texts of core's own pages may be in the same file, also of versions of core whose ids are not listed:
    // those of the country are told by the beginning of their ids.
    let beginnings: HashSet<_> = known.iter().map(|id| beginning(id)).collect();
    let unread: Vec<_> = texts
        .rows
        .iter()
        .filter(|row| !known.contains(row.id.as_str()) && !core.contains(row.id.as_str()))
        .filter(|row| !files.is_built_in_below(&row.file))
        .collect();
    let mut told = HashSet::new();
    for said in said {
        let (id, text) = (said.message.id(), said.message.text());
        if text.trim().is_empty() || !told.insert(id) {
            continue;
        }
        let Some(row) = rows.get(id).and_then(|index| texts.rows.get(*index)) else {
            found.push(Diagnostic {
                severity: Severity::Warning,
                file: said.file.clone(),
                line: said.line,
                column: said.column,
                message: format!("the text `{id}` has no translation"),
                hint: did_you_mean(id, unread.iter().map(|row| row.id.as_str())).or_else(|| {
                    let place = place_of_row(said, files);
                    Some(format!(
                        "add a row to {place}; without it, “{text}” is shown in every language"
                    ))
                }),
            });
            continue;
        };
        // Of a text in a file of the country, one of the two would be changed without effect.
        let first = row.texts.first().filter(|first| !first.trim().is_empty());
        if let Some(other) = first.filter(|first| *first != text && said.file != IN_PROGRAM) {
            found.push(Diagnostic {
                severity: Severity::Warning,
                file: said.file.clone(),
                line: said.line,
                column: said.column,
                message: format!("`{id}` is “{other}” in {file}, which has priority"),
                hint: Some("write the same text in both".to_owned()),
            });
        }
        let Ok(expected) = icu::arguments(text) else {
            continue;
        };
        for (language, text) in texts.languages.iter().zip(&row.texts) {
            let given = icu::arguments(text)
                .ok()
                .filter(|_| !text.trim().is_empty());
            let differs = given.and_then(|given| difference(&expected, &given, "the form"));
            if let Some((what, hint)) = differs {
                found.push(Diagnostic {
                    line: row.line,
                    hint: Some(hint),
                    ..Diagnostic::of_file(&*row.file, format!("`{id}` in `{language}`: {what}"))
                });
                break;
            }
        }
    }
    // What could not be read may use them.
    if found
        .iter()
        .any(|problem| problem.severity == Severity::Error)
    {
        return;
    }
    for row in unread
        .into_iter()
        .filter(|row| beginnings.contains(beginning(&row.id)))
    {
        found.push(Diagnostic {
            severity: Severity::Warning,
            line: row.line,
            hint: did_you_mean(&row.id, known.iter().copied()),
            ..Diagnostic::of_file(&*row.file, format!("nothing uses the text `{}`", row.id))
        });
    }
}

/// The file of the country to which the row of a text can be added.
fn place_of_row(said: &TextUse, files: &Files) -> String {
    let file = Path::new(&said.file);
    if file.parent().is_some_and(|folder| folder.ends_with(FOLDER)) {
        return file.with_extension("csv").display().to_string();
    }
    let client = files.name_of(CLIENT);
    if files.is_built_in_below(&client) {
        // A file of that name would replace the program's; those in this folder add to it.
        return files.name_of(&format!("{FOLDER}/texts.csv"));
    }
    client
}

fn beginning(id: &str) -> &str {
    id.split('.').next().unwrap_or_default()
}

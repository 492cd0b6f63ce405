// SPDX-License-Identifier: MPL-2.0
//! `static/manifest.json`: the name and icons of core's client as an installed application.

use super::Files;
use rules::annotated_toml::position;
use rules::diagnostic::{Diagnostic, did_you_mean};
use serde::Deserialize;

/// The folder of the icons.
const FOLDER: &str = "static";
/// The file.
pub(super) const FILE: &str = "static/manifest.json";

#[derive(Deserialize)]
struct Manifest {
    name: String,
    #[serde(default)]
    icons: Vec<Icon>,
}

#[derive(Deserialize)]
struct Icon {
    src: String,
}

/// The faults in the manifest. A missing one is not a fault: only the client cannot be installed then.
pub(super) fn problems(files: &Files) -> Vec<Diagnostic> {
    let Ok(text) = files.text(FILE) else {
        return Vec::new();
    };
    let file = files.name_of(FILE);
    let manifest: Manifest = match serde_json::from_str(&text) {
        Ok(manifest) => manifest,
        Err(error) => {
            let problem = Diagnostic {
                line: error.line().max(1),
                column: error.column().max(1),
                ..Diagnostic::of_file(file, format!("this is not a manifest: {error}"))
            };
            return vec![problem];
        }
    };
    let at = |part: &str| position(&text, text.find(&format!("\"{part}\"")).unwrap_or(0));
    let known = files.list(FOLDER);
    let mut found = Vec::new();
    let mut tell = |(line, column), message: String, hint| {
        found.push(Diagnostic {
            line,
            column,
            hint,
            ..Diagnostic::of_file(file.clone(), message)
        });
    };
    if manifest.name.trim().is_empty() {
        tell(at("name"), "the application has no name".to_owned(), None);
    }
    for icon in &manifest.icons {
        let path = icon.src.trim_start_matches("./").trim_start_matches('/');
        let path = format!("{FOLDER}/{}", path.trim_start_matches("static/"));
        if !known.contains(&path) {
            let message = format!("there is no icon `{}`", icon.src);
            tell(
                at(&icon.src),
                message,
                did_you_mean(&path, known.iter().map(String::as_str)),
            );
        }
    }
    found
}

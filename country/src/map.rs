// SPDX-License-Identifier: MPL-2.0
//! `map.geojson`: the country's outlines for statistics.

use super::places::Places;
use rules::annotated_toml::position;
use rules::diagnostic::{Diagnostic, Severity, did_you_mean, is_enough};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Collection {
    #[serde(rename = "type")]
    kind: String,
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    properties: Option<Map<String, Value>>,
    #[expect(dead_code, reason = "it only has to be there")]
    geometry: Map<String, Value>,
}

/// The faults in the map.
pub(super) fn problems(file: &str, content: &[u8], places: &Places) -> Vec<Diagnostic> {
    let collection: Collection = match serde_json::from_slice(content) {
        Ok(collection) => collection,
        Err(error) => {
            let mut problem =
                Diagnostic::of_file(file, format!("this is not a GeoJSON map: {error}"));
            (problem.line, problem.column) = (error.line().max(1), error.column().max(1));
            return vec![problem];
        }
    };
    let mut found = Vec::new();
    if collection.kind != "FeatureCollection" {
        let message = format!(
            "a map is a `FeatureCollection`, not a `{}`",
            collection.kind
        );
        found.push(Diagnostic::of_file(file, message));
    }
    if collection.features.is_empty() {
        found.push(Diagnostic::of_file(
            file,
            "the map has no area: `features` is empty",
        ));
    }
    let text = String::from_utf8_lossy(content);
    let starts: Vec<usize> = text
        .match_indices("\"Feature\",")
        .map(|(at, _)| at)
        .collect();
    let areas = || places.areas.iter().map(|area| area.name.as_str());
    for (n, feature) in collection.features.iter().enumerate() {
        let named = feature
            .properties
            .as_ref()
            .and_then(|p| p.get("State")?.as_str());
        let named = named.map(str::trim).filter(|name| !name.is_empty());
        let known =
            named.is_some_and(|name| areas().next().is_none() || areas().any(|a| a == name));
        if !known {
            let (severity, message) = match named {
                None => (
                    Severity::Error,
                    format!(
                        "feature {} has no `State`, by which statistics find it",
                        n + 1
                    ),
                ),
                Some(name) => (
                    Severity::Warning,
                    format!(
                        "there is no area `{name}`, so statistics show nothing for feature {}",
                        n + 1
                    ),
                ),
            };
            if is_enough(&found, severity) {
                continue;
            }
            let mut problem = Diagnostic {
                severity,
                hint: named.and_then(|name| did_you_mean(name, areas())),
                ..Diagnostic::of_file(file, message)
            };
            (problem.line, problem.column) =
                position(&text, starts.get(n).copied().unwrap_or_default());
            found.push(problem);
        }
    }
    found
}

// SPDX-License-Identifier: MPL-2.0
//! `map.geojson`: the country's outlines for statistics.

use handlers::annotated_toml::position;
use handlers::diagnostic::Diagnostic;
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

/// What is wrong with the map.
pub(super) fn problems(file: &str, content: &[u8]) -> Vec<Diagnostic> {
    let collection: Collection = match serde_json::from_slice(content) {
        Ok(collection) => collection,
        Err(error) => {
            let mut problem = Diagnostic::of_file(file, format!("this is no map: {error}"));
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
    for (n, feature) in collection.features.iter().enumerate() {
        let named = feature
            .properties
            .as_ref()
            .and_then(|p| p.get("State")?.as_str());
        if named.is_none_or(|name| name.trim().is_empty()) {
            let message = format!(
                "feature {} has no `State`, by which statistics find it",
                n + 1
            );
            let at = content
                .windows(10)
                .enumerate()
                .filter(|(_, w)| w == b"\"Feature\",")
                .nth(n);
            let text = String::from_utf8_lossy(content);
            let mut problem = Diagnostic::of_file(file, message);
            (problem.line, problem.column) = position(&text, at.map_or(0, |(at, _)| at));
            found.push(problem);
        }
    }
    found
}

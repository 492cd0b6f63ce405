// SPDX-License-Identifier: MPL-2.0
//! Names of countries, as statistics show them.

use super::rows::Country;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Codes of three letters (ISO 3166-1) and English names.
static NAMES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("countries.txt").lines();
    lines.filter_map(|line| line.split_once(' ')).collect()
});

/// The English name of the country with that code; the code itself where it has none.
pub(super) fn name(code: &str, own: &Country) -> String {
    if code == own.code {
        return own.name.clone();
    }
    english_name(code).unwrap_or(code).to_owned()
}

/// The English name of a country by its code of three letters (ISO 3166-1).
pub fn english_name(code: &str) -> Option<&'static str> {
    NAMES.get(code).copied()
}

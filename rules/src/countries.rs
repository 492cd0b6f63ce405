// SPDX-License-Identifier: MPL-2.0
//! The countries of ISO 3166-1.

use std::collections::HashMap;
use std::sync::LazyLock;

/// By code of three letters: code of two letters and English name.
static COUNTRIES: LazyLock<HashMap<&str, (&str, &str)>> = LazyLock::new(|| {
    let lines = include_str!("countries.txt").lines();
    let country = |line: &'static str| {
        let (code, rest) = line.split_once(' ')?;
        Some((code, rest.split_once(' ')?))
    };
    lines.filter_map(country).collect()
});

/// The English name of the country with a code of three letters; nothing for a code that is not in ISO 3166.
pub fn name(code: &str) -> Option<&'static str> {
    COUNTRIES.get(code).map(|(_, name)| *name)
}

/// The code of two letters of the country with a code of three; nothing for a code that is not in ISO 3166.
pub fn two_letters(code: &str) -> Option<&'static str> {
    COUNTRIES.get(code).map(|(short, _)| *short)
}

// SPDX-License-Identifier: MPL-2.0
//! The country's CSV files: areas, and offices in them. Faults have a place, and what was read is written.
#![no_main]

use country::Places;
use countryconfig_fuzz::{assert_places, in_time, seed, text};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;

const LEVELS: usize = 2;

static AREAS: LazyLock<String> = LazyLock::new(|| text("administrative-areas.csv"));

fn seeds() -> Vec<String> {
    let files = [
        "administrative-areas.csv",
        "locations.csv",
        "users.csv",
        "statistics.csv",
    ];
    let mut seeds: Vec<_> = files.map(|file| head(&text(file), 30)).into();
    seeds.extend([
        "\u{feff}id,name,partOf,locationType\r\n\r\nA,\"a, \"\"b\"\"\r\nc\",Location/0,CRVS_OFFICE\r\n".to_owned(),
        "admin1Pcode,admin1Name_en,admin2Pcode,admin2Name_en\nA,a,A,b\nB,,C,c\n".to_owned(),
    ]);
    seeds
}

/// The first lines.
fn head(text: &str, lines: usize) -> String {
    text.split_inclusive('\n').take(lines).collect()
}

fuzz_target!(init: seed("csv", seeds()), |text: &str| {
    let mut places = Places::default();
    let mut found = Vec::new();
    in_time(|| places.read_areas("f", text, LEVELS, &mut found));
    assert_places(text, &found);
    let mut found = Vec::new();
    places.read_areas("areas", &AREAS, LEVELS, &mut found);
    found.clear();
    in_time(|| places.read_locations("f", text, &mut found));
    assert_places(text, &found);
    let written = places.document().expect("places are written");
    let read: Value = serde_json::from_slice(&written).expect("it is JSON");
    assert!(read.is_array() || read.is_object());
});

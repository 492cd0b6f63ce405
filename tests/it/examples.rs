// SPDX-License-Identifier: MPL-2.0
//! The examples of other countries are whole and in order.

use super::program::{countryconfig, text};
use serde_json::json;
use std::path::Path;

#[test]
fn a_country_of_plain_values_is_only_data() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/plain-packets");
    let folder = format!("built-in:{}", folder.display());
    let country = [("COUNTRY_DIR", folder.as_str())];
    let check = countryconfig(&["check"], &country);
    let said = text(&check.stdout);
    assert!(
        check.status.success() && said.lines().count() == 1,
        "{said}"
    );
    let rules = countryconfig(&["rules", "test"], &country);
    let said = text(&rules.stdout);
    assert!(
        rules.status.success() && said.lines().count() == 1,
        "{said}"
    );

    let file = tempfile::NamedTempFile::new().unwrap();
    let mut record = super::eligible_birth();
    let declared = &mut record["actions"][1]["declaration"];
    declared["mother.verified"] = "failed".into();
    declared["informant.relation"] = "GRANDMOTHER".into();
    declared["informant.verified"] = "verified".into();
    for (page, sub) in [("mother", "psut-2"), ("informant", "psut-1")] {
        declared[format!("{page}.verify-nid-http-fetch")] = json!({"data": {"sub": sub}});
    }
    std::fs::write(file.path(), record.to_string()).unwrap();
    let explain = ["rules", "explain", "--json", file.path().to_str().unwrap()];
    let said: serde_json::Value =
        serde_json::from_slice(&countryconfig(&explain, &country).stdout).unwrap();
    let packet = &said["packet"]["body"];
    let declared = &record["actions"][1]["declaration"];
    assert_eq!(packet["requestFields"]["fullName"], "Nia Sade Okello");
    assert_eq!(
        packet["requestFields"]["dateOfBirth"],
        declared["child.dob"]
    );
    assert_eq!(packet["metaInfo"]["informantPsut"], "psut-1");
}

#[test]
fn a_country_without_mosip_is_a_layer_without_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/no-mosip");
    let folder = format!("built-in:{}", folder.display());
    let country = [("COUNTRY_DIR", folder.as_str())];
    for command in [&["check"][..], &["rules", "test"]] {
        let run = countryconfig(command, &country);
        let said = text(&run.stdout);
        assert!(run.status.success() && said.lines().count() == 1, "{said}");
    }
}

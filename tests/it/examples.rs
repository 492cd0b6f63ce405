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

/// The `ConfigMap` of the Kubernetes example holds a country; its blocks are files.
#[test]
fn the_country_of_the_kubernetes_example_would_start() {
    let manifest =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes/base/country.yaml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut name = "";
    let mut files = std::collections::BTreeMap::<&str, String>::new();
    for line in manifest.split_once("\ndata:\n").unwrap().1.lines() {
        match line
            .strip_suffix(": |")
            .and_then(|key| key.strip_prefix("  "))
        {
            Some(key) => name = key,
            None => files
                .entry(name)
                .or_default()
                .push_str(&format!("{line}\n")),
        }
    }
    for (name, text) in &files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let folder = format!("built-in:{}", folder.path().display());
    let check = countryconfig(&["check"], &[("COUNTRY_DIR", &folder)]);
    assert!(check.status.success(), "{}", text(&check.stdout));
}

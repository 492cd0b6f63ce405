// SPDX-License-Identifier: MPL-2.0
//! Certificates as an implementer sees them, without core.

use super::program::{countryconfig, text};

fn preview(arguments: &[&str]) -> (bool, String) {
    let output = countryconfig(&[&["certificates", "preview"], arguments].concat(), &[]);
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.success(), said)
}

#[test]
fn a_preview_is_filled_in_and_brings_its_fonts() {
    let (fine, svg) = preview(&["v2.death-certified-certificate"]);
    assert!(fine, "{svg}");
    let drawing = roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<_> = drawing
        .descendants()
        .filter_map(|node| node.text())
        .collect();
    assert!(texts.contains(&"Osvaldo Renick Tamarind"), "{texts:?}");
    assert_eq!(
        svg.matches("@font-face{font-family:\"Libre Baskerville\"")
            .count(),
        4
    );
    assert!(!texts.contains(&"REVIEW"));
    let (_, review) = preview(&["v2.death-certified-certificate", "--review"]);
    assert!(review.contains(">REVIEW<"));
}

#[test]
fn a_preview_shows_any_record() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.json");
    let shown = |json: &str| {
        std::fs::write(&record, json).unwrap();
        preview(&["v2.birth-certificate", "--record", record.to_str().unwrap()])
    };
    let (fine, svg) =
        shown(r#"{"declaration": {"child.name": {"firstname": "Ana &", "surname": "Co"}}}"#);
    assert!(fine && svg.contains(">Ana &amp; Co<"), "{svg}");
    let day = r#"{"declaration": {"child.dob": "2026-03-14"}}"#;
    std::fs::write(&record, day).unwrap();
    let path = record.to_str().unwrap();
    let french = preview(&["v2.birth-certificate", "--record", path, "--language", "fr"]);
    assert!(french.1.contains(">14/03/2026<"), "{}", french.1);
    let (fine, said) = preview(&["v2.birth-certificate", "--language", "nl"]);
    assert!(
        !fine && said.contains("`nl` is not a language of the country; there are en, fr"),
        "{said}"
    );
    let (fine, said) = shown(r#"{"declaratoin": {}}"#);
    assert!(
        !fine && said.contains("unknown field `declaratoin`"),
        "{said}"
    );
}

#[test]
fn a_certificate_that_is_not_there_is_asked_for() {
    let (fine, said) = preview(&["v2.birth-certificat"]);
    assert!(
        !fine && said.contains("did you mean `v2.birth-certificate`?"),
        "{said}"
    );
}

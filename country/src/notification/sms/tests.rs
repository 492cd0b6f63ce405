// SPDX-License-Identifier: MPL-2.0
use super::*;
use rstest::rstest;

#[rstest]
#[case::national("0700 111-222", Some("+260700111222"))]
#[case::international("+260700111222", Some("+260700111222"))]
#[case::of_another_country("+33 6 12 34 56 78", Some("+33612345678"))]
#[case::no_number("Grace", None)]
#[case::nothing("", None)]
fn national_numbers_become_international(#[case] given: &str, #[case] wanted: Option<&str>) {
    let file = SmsFile::parse("sms.toml", "region = \"ZM\"").unwrap();
    assert_eq!(file.region.international(given).as_deref(), wanted);
}

#[test]
fn a_mistake_is_found_before_the_first_sms() {
    let mistakes = [
        "",
        "region = \"Zambia\"",
        "region = \"ZM\"\n[gateway]\nurl = \"https://x\"\nbody = '{\"text\": {{text}}}'\nheaders = { Content-Type = \"application/json\" }",
        "region = \"ZM\"\n[gateway]\nurl = \"https://x\"\nbody = '{}'",
        "region = \"ZM\"\n[gateway]\nurl = \"https://x/{{nummer}}\"",
        "region = \"ZM\"\n[gateway]\nurl = \"x\"\nurll = 1\nsuccess = { status = 200, reply = \"(\" }",
    ];
    let told = mistakes.map(|text| {
        let faults = SmsFile::parse("sms.toml", text).err().unwrap();
        let told: Vec<_> = faults.iter().map(|fault| format!("{fault}\n")).collect();
        format!("{text:?}\n{}", told.concat())
    });
    insta::assert_snapshot!(told.join("\n"));
}

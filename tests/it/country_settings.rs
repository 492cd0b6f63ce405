// SPDX-License-Identifier: MPL-2.0
//! What application.toml says reaches rules, forms and texts.

use super::program::{countryconfig, text};
use super::{TestApp, fresh_id, json as body, surroundings};
use countryconfig::sandbox::sample_birth;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rstest::rstest;
use serde_json::{Value, json};
use std::path::Path;

/// 26 hours apart: it is never the same day in both.
const FAR_EAST: &str = "Pacific/Kiritimati";
const FAR_WEST: &str = "Etc/GMT+12";

/// A country like the sample, but for these places in these files.
fn country(changes: &[(&str, &str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    country::init(folder.path()).unwrap();
    for (file, before, after) in changes {
        change(folder.path(), file, before, after);
    }
    folder
}

fn change(folder: &Path, file: &str, before: &str, after: &str) {
    let file = folder.join(file);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(before), "{before}");
    std::fs::write(file, text.replace(before, after)).unwrap();
}

fn path(folder: &tempfile::TempDir) -> &str {
    folder.path().to_str().unwrap()
}

/// What `check` says about a country.
fn check(folder: &tempfile::TempDir) -> String {
    let checked = countryconfig(&["check"], &[("COUNTRY_DIR", path(folder))]);
    text(&checked.stdout) + &text(&checked.stderr)
}

async fn serving(folder: &tempfile::TempDir, own: &[(&str, &str)]) -> TestApp {
    let own = [&[("COUNTRY_DIR", path(folder))], own].concat();
    let app = TestApp::with(surroundings().await, tempfile::tempdir().unwrap(), &own).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    app
}

#[expect(clippy::disallowed_methods, reason = "the server has the real clock")]
fn today(zone: &str) -> Date {
    let zone = TimeZone::get(zone).unwrap();
    zone.to_datetime(Timestamp::now()).date()
}

fn zone(name: &str) -> String {
    format!("time-zone = \"{name}\"")
}

/// Case e02.
#[rstest]
#[case(FAR_EAST, FAR_WEST)]
#[case(FAR_WEST, FAR_EAST)]
fn today_is_what_it_is_in_the_country_whatever_the_machine_says(
    #[case] own: &str,
    #[case] other: &str,
) {
    let folder = country(&[("application.toml", &zone("Indian/Chagos"), &zone(own))]);
    let file = folder.path().join("hook.json");
    std::fs::write(&file, super::eligible_birth().to_string()).unwrap();
    let before = today(own);
    let explained = countryconfig(
        &["rules", "explain", "--json", file.to_str().unwrap()],
        &[("COUNTRY_DIR", path(&folder)), ("TZ", other)],
    );
    let said = text(&explained.stdout);
    let days = [before, today(own)].map(|day| format!("\"today\":\"{day}\""));
    let dense: String = said.split_whitespace().collect();
    assert!(days.iter().any(|day| dense.contains(day)), "{said}");
}

/// A child that is ten today in the east, and will be tomorrow or the day after in the west.
#[tokio::test]
async fn hooks_follow_the_calendar_when_the_country_changes() {
    let folder = country(&[("application.toml", &zone("Indian/Chagos"), &zone(FAR_WEST))]);
    let app = serving(&folder, &[]).await;
    let ask = async || {
        let mut record = sample_birth(&fresh_id(), &fresh_id(), "verified");
        let dob = (today(FAR_EAST) - 10.years()).to_string();
        record["actions"][1]["declaration"]["child.dob"] = json!(dob);
        app.hook(&record).await.status().as_u16()
    };
    assert_eq!(ask().await, 202);
    change(folder.path(), "application.toml", FAR_WEST, FAR_EAST);
    testing::within("the other calendar", async || ask().await == 200).await;
    let served = body(app.get("/config/application").await).await;
    assert_eq!(served["SYSTEM_IANA_TIMEZONE"], FAR_EAST);
}

#[test]
fn an_unknown_zone_is_an_error_with_its_place() {
    for wrong in ["Africa/Lusakaa", "Etc/Unknown"] {
        let folder = country(&[("application.toml", &zone("Indian/Chagos"), &zone(wrong))]);
        let said = check(&folder);
        assert!(
            said.contains("error: `time-zone` is ") && said.contains("application.toml:18:13"),
            "{said}"
        );
    }
}

/// All that an event says below an id.
fn below<'a>(value: &'a Value, id: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            if members.get("id").is_some_and(|own| own == id) {
                found.push(value);
            }
            members.values().for_each(|value| below(value, id, found));
        }
        Value::Array(items) => items.iter().for_each(|value| below(value, id, found)),
        _ => {}
    }
}

fn fields<'a>(events: &'a Value, id: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    below(events, id, &mut found);
    found
}

/// Case e01, and what else the forms learn from application.toml and certificates.toml.
#[tokio::test]
async fn numbers_and_money_are_the_countrys_in_forms_and_words() {
    let folder = country(&[
        ("application.toml", "^0(7|9)[0-9]{8}$", "^01[0-9]{9}$"),
        ("application.toml", "^[0-9]{10}$", "^[A-Z]{2}[0-9]{7}$"),
        ("application.toml", "\"USD\"", "\"KES\""),
        ("users.csv", ",07", ",017"),
        ("certificates.toml", "on-time = 7,", "on-time = 250,"),
    ]);
    let said = check(&folder);
    assert!(
        !said.contains("error") && !said.contains("warning"),
        "{said}"
    );
    let app = serving(&folder, &[]).await;
    let events = body(app.get("/config/events").await).await;
    for event in events.as_array().unwrap() {
        let phone = fields(event, "informant.phoneNo");
        let validation = phone.first().unwrap()["validation"].to_string();
        assert!(
            validation.contains(r#""pattern":"^01[0-9]{9}$""#),
            "{validation}"
        );
        assert!(validation.contains("like 01123456789"), "{validation}");
        for id in ["informant.nid", "collector.nid", "requester.nid"] {
            let nid = fields(event, id);
            let validation = nid.first().unwrap()["validation"].to_string();
            assert!(
                validation.contains(r#""pattern":"^[A-Z]{2}[0-9]{7}$""#),
                "{id}: {validation}"
            );
            assert!(validation.contains("like AA1234567"), "{id}: {validation}");
        }
        let fees = fields(event, "fee");
        let fees: Vec<_> = fees
            .iter()
            .map(|fee| fee["value"].as_str().unwrap())
            .collect();
        let expected = if event["id"] == "birth" {
            vec!["KES 18.00", "KES 10.60", "KES 250.00"]
        } else {
            vec!["KES 10.60", "KES 250.00"]
        };
        assert_eq!(fees, expected);
        let fee = fields(event, "fees.amount");
        assert_eq!(fee[0]["configuration"]["prefix"]["defaultMessage"], "KES");
    }
    let texts = body(app.get("/content/client").await).await;
    for language in texts["languages"].as_array().unwrap() {
        let text = |id: &str| language["messages"][id].as_str().unwrap();
        assert!(text("error.invalidNationalId").ends_with(" AA1234567"));
        for event in ["birth", "death"] {
            let phone =
                format!("event.{event}.action.declare.form.section.informant.field.phoneNo.error");
            assert!(text(&phone).ends_with(" 01123456789"));
            assert_eq!(
                text(&format!(
                    "event.{event}.action.correction.fees.amount.prefix"
                )),
                "KES"
            );
        }
    }
    let certificates = body(app.get("/certificates").await).await;
    assert_ne!(certificates, Value::Null);
}

/// A form asks for one fee, so that two certificates of an event cannot have different ones.
#[test]
fn another_fee_for_another_certificate_of_the_event_is_told() {
    let fee = "event = \"birth\"\nfee = { on-time = 1, late = 2, delayed = 3 }\nlabel = { id = \"certificates.birth.certificate.copy\"";
    let before = "event = \"birth\"\nlabel = { id = \"certificates.birth.certificate.copy\"";
    let folder = country(&[("certificates.toml", before, fee)]);
    let said = check(&folder);
    assert!(
        said.contains("the fee of the first certificate of a `birth`"),
        "{said}"
    );
}

/// Case e03.
#[rstest]
#[case("FAR", "ZM", false)]
#[case("ZMB", "ZM", false)]
#[case("KEN", "ZM", true)]
fn numbers_of_another_country_than_that_of_the_forms_are_told(
    #[case] code: &str,
    #[case] region: &str,
    #[case] told: bool,
) {
    let folder = country(&[
        ("application.toml", "\"FAR\"", &format!("\"{code}\"")),
        ("sms.toml", "\"ZM\"", &format!("\"{region}\"")),
    ]);
    let said = check(&folder);
    let message = "warning: `ZM` is another country than `KEN`";
    let is_told = said.contains(message) && said.contains("sms.toml:6:10");
    assert_eq!(is_told, told, "{said}");
}

/// Without an issuer nobody is offered a credential, and no certificate asks for one.
#[tokio::test]
async fn a_credential_is_offered_where_there_is_an_issuer() {
    let never = json!({"type": "object", "not": {}, "required": []});
    let is_never = |conditional: &Value| {
        let mut conditional = conditional.clone();
        conditional.as_object_mut().unwrap().remove("$id");
        conditional == never
    };
    for set_up in [false, true] {
        let own = [
            (
                "VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL",
                "http://127.0.0.1:9/offer",
            ),
            (
                "VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL",
                "http://127.0.0.1:9/sign",
            ),
        ];
        let app = serving(&country(&[]), if set_up { &own } else { &[] }).await;
        let events = body(app.get("/config/events").await).await;
        let actions = events[0]["actions"].as_array().unwrap();
        let issue = actions
            .iter()
            .find(|action| action["customActionType"] == "ISSUE_VERIFIABLE_CREDENTIAL")
            .unwrap();
        let paper = fields(&events, "verifiable-credential-creation-http-request");
        for guarded in [issue, paper[0]] {
            let conditionals = guarded["conditionals"].as_array().unwrap();
            let mut shown = conditionals.iter().filter(|c| c["type"] == "SHOW");
            assert_eq!(
                shown.any(|c| is_never(&c["conditional"])),
                !set_up,
                "{guarded}"
            );
        }
    }
}

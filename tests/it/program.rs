// SPDX-License-Identifier: MPL-2.0
//! The program as an implementer uses it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(crate) fn countryconfig(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countryconfig"))
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_shipped_country_is_in_order_and_its_cases_hold() {
    let check = countryconfig(&["check"], &[]);
    assert!(check.status.success(), "{}", text(&check.stdout));
    let rules = countryconfig(&["rules", "test"], &[]);
    assert!(rules.status.success(), "{}", text(&rules.stdout));
}

#[test]
fn a_mistake_in_the_rules_is_reported_with_its_place_and_what_was_meant_and_nothing_starts() {
    let folder = tempfile::tempdir().unwrap();
    country::init(folder.path()).unwrap();
    let rules = folder.path().join("eligibility.toml");
    std::fs::write(
        &rules,
        std::fs::read_to_string(&rules)
            .unwrap()
            .replace("child.dob", "child.dbo"),
    )
    .unwrap();
    for command in ["check", "serve"] {
        let output = countryconfig(
            &[command],
            &[("COUNTRY_DIR", folder.path().to_str().unwrap())],
        );
        assert!(!output.status.success());
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(
            said.contains("unknown field `child.dbo`")
                && said.contains("did you mean `child.dob`?"),
            "{said}"
        );
        assert!(said.contains("eligibility.toml:"), "{said}");
    }
    let missing = countryconfig(&["check"], &[("COUNTRY_DIR", "/no/such/country")]);
    let said = text(&missing.stdout);
    assert!(
        said.contains("there is no such folder") && said.contains("/no/such/country"),
        "{said}"
    );
}

#[test]
fn check_does_not_say_that_serve_refuses_what_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    country::init(folder.path()).unwrap();
    let rules = folder.path().join("eligibility.toml");
    let shipped = std::fs::read_to_string(&rules).unwrap();
    for (changed, said) in [
        (("< 10", "< 0"), "`serve` starts all the same"),
        (("child.dob", "child.dbo"), "The country cannot be served"),
    ] {
        std::fs::write(&rules, shipped.replace(changed.0, changed.1)).unwrap();
        let check = countryconfig(
            &["check"],
            &[("COUNTRY_DIR", folder.path().to_str().unwrap())],
        );
        let words = text(&check.stdout);
        assert!(
            !check.status.success() && words.contains(said),
            "{said}: {words}"
        );
    }
}

#[test]
fn a_decision_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hook.json");
    std::fs::write(&file, super::eligible_birth().to_string()).unwrap();
    let explained = countryconfig(&["rules", "explain", file.to_str().unwrap()], &[]);
    let said = text(&explained.stdout);
    assert!(
        explained.status.success()
            && said.contains("create-uin")
            && said.contains("mother.verified"),
        "{said}{}",
        text(&explained.stderr)
    );
    let explained = countryconfig(&["rules", "explain", "--json", file.to_str().unwrap()], &[]);
    let said: serde_json::Value = serde_json::from_slice(&explained.stdout).unwrap();
    assert_eq!(said["packet"]["path"], "/events/registration");
}

/// An edited record outlives a restart of the sandbox, with new ids. Its command works in every folder.
#[test]
fn the_sandbox_keeps_an_edited_record() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("records/birth-eligible.json");
    let started = || {
        let mut sandbox = Command::new(env!("CARGO_BIN_EXE_countryconfig"))
            .args(["sandbox", "--folder", "records"])
            .current_dir(folder.path())
            .env(
                "COUNTRY_CONFIG_PORT",
                testing::ports::closed_port().to_string(),
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(sandbox.stdout.take().unwrap()).lines();
        let lines = lines.map(Result::unwrap);
        let named: Vec<String> = lines
            .filter(|line| line.trim_start().starts_with("-d "))
            .take(2)
            .collect();
        sandbox.kill().unwrap();
        sandbox.wait().unwrap();
        let text = std::fs::read_to_string(&record).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        (named, read)
    };
    let (named, mut first) = started();
    assert!(
        named[0].contains("-d '@/") && named[0].contains("records/birth-eligible.json"),
        "{named:?}"
    );
    first["actions"][1]["declaration"]["child.dob"] = "2024-01-31".into();
    std::fs::write(&record, first.to_string()).unwrap();
    let (_, second) = started();
    assert_ne!(second["id"], first["id"]);
    assert_ne!(second["actions"][2]["id"], first["actions"][2]["id"]);
    assert_eq!(second["actions"][1], first["actions"][1]);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let own = [
        ("LEDGER_URL", "sqlite::memory:"),
        ("COUNTRY_CONFIG_HOST", "127.0.0.1"),
        ("COUNTRY_CONFIG_PORT", port.as_str()),
    ];
    let output = countryconfig(&["serve"], &own);
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("is the port taken?"), "{said}");
}

/// Kubernetes sends SIGTERM and waits: what is on its way to the middleware arrives, and is written down.
#[cfg(unix)]
#[tokio::test]
async fn told_to_stop_the_server_finishes_what_is_under_way() {
    let outside = MockServer::start().await;
    let slow = ResponseTemplate::new(202).set_delay(Duration::from_millis(400));
    Mock::given(path("/events/registration"))
        .respond_with(slow)
        .mount(&outside)
        .await;
    let key = ResponseTemplate::new(200).set_body_string(super::SIGNER.public_pem());
    Mock::given(path("/.well-known"))
        .respond_with(key)
        .mount(&outside)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let port = testing::ports::closed_port();
    let mut server = Command::new(env!("CARGO_BIN_EXE_countryconfig"))
        .envs(super::environment(&outside, folder.path()))
        .env("COUNTRY_CONFIG_PORT", port.to_string())
        .spawn()
        .unwrap();
    let record = super::eligible_birth();
    let (event, action) = (
        record["id"].as_str().unwrap(),
        record["actions"][2]["id"].as_str().unwrap(),
    );
    let token = super::SIGNER.action_token(event, action).unwrap();
    let url = format!("http://127.0.0.1:{port}/trigger/events/birth/actions/REGISTER");
    let http = reqwest::Client::builder().build().unwrap();
    loop {
        let hook = http.post(&url).bearer_auth(&token).body(record.to_string());
        if hook.send().await.is_ok_and(|answer| answer.status() == 202) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while super::packets(&outside).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pid = server.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(server.wait().unwrap().success());
    let log = folder.path().join("ledger.db-wal").metadata();
    assert!(
        log.is_err() || log.unwrap().len() == 0,
        "a copy of the file has all"
    );
    let ledger = format!("sqlite://{}", folder.path().join("ledger.db").display());
    let ledger = handlers::delivery::ledger::open(
        &ledger,
        handlers::delivery::encryption::Encryption::default(),
    )
    .await
    .unwrap();
    assert_eq!(ledger.counts().await.unwrap().delivered, 1);
}

#[test]
fn the_openapi_document_is_current() {
    let output = countryconfig(&["export", "openapi"], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stored = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/countryconfig.json"),
    )
    .unwrap();
    assert!(
        text(&output.stdout) == stored,
        "renew it: cargo run -- export openapi > openapi/countryconfig.json"
    );
}

#[test]
fn the_readme_has_the_settings_as_they_are() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let table = countryconfig::settings::markdown();
    assert!(
        readme.contains(&table),
        "renew it: cargo run -- export settings"
    );
}

#[test]
fn a_form_can_be_read_as_a_table() {
    let output = countryconfig(&["export", "fields", "--event", "death"], &[]);
    let said = text(&output.stdout);
    let line = said
        .lines()
        .find(|line| line.starts_with("deceased.nid "))
        .unwrap();
    assert!(line.contains("matches /^[0-9]{10}$/"), "{line}");
    // Every condition has words.
    assert!(
        !said.contains('{') || said.matches('{').count() == said.matches("]{").count(),
        "{said}"
    );
    let output = countryconfig(&["export", "fields", "--event", "marriage"], &[]);
    assert!(text(&output.stderr).contains("there are birth, death"));
}

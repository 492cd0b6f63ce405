// SPDX-License-Identifier: MPL-2.0
//! What operators see and do while the server runs.

use super::program::text;
use super::{SIGNER, TestApp, eligible_birth, environment, fresh_id, json as body, surroundings};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;
use std::time::Duration;
use wiremock::matchers::{path, query_param};
use wiremock::{Mock, ResponseTemplate};

/// Asks again until the answer is as wanted.
async fn until<T>(ask: impl AsyncFn() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let asking = async {
        loop {
            let answer = ask().await;
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking)
        .await
        .unwrap()
}

#[tokio::test]
async fn metrics_tell_what_happens_in_words_that_no_request_can_choose() {
    let app = TestApp::start().await;
    assert_eq!(app.hook(&eligible_birth()).await.status(), 202);
    app.packets(1).await;
    let token = SIGNER.action_token(&fresh_id(), &fresh_id()).unwrap();
    let strange = "/trigger/events/tennis-club/actions/SERVE_ACE";
    assert_eq!(app.post(strange, &token, "{}").await.status(), 422);
    let metrics = until(
        async || app.get("/metrics").await.text().await.unwrap(),
        |text| text.contains(r#"outcome="delivered""#),
    )
    .await;
    for series in [
        r#"countryconfig_hooks_total{event="birth",action="REGISTER",answer="202"}"#,
        r#"countryconfig_hooks_total{event="other",action="other",answer="422"}"#,
        r#"countryconfig_hook_seconds_bucket{event="birth",action="REGISTER",le="0.05"}"#,
        r#"countryconfig_decisions_total{rule="birth-create-uin"}"#,
        r#"countryconfig_deliveries_total{destination="middleware",operation="create-uin",outcome="delivered"}"#,
        r#"countryconfig_delivery_seconds_count{destination="middleware"}"#,
        r#"countryconfig_deliveries_waiting{destination="core"} 0"#,
        r#"countryconfig_deliveries_parked{destination="middleware"} 0"#,
        r#"countryconfig_breaker{destination="core"} 0"#,
        r#"countryconfig_actions_waiting_in_core{reason="taken"} 1"#,
        r#"countryconfig_actions_waiting_in_core{reason="unknown"} 0"#,
    ] {
        assert!(metrics.contains(series), "{series} is not in\n{metrics}");
    }
    for word in ["tennis", "ACE"] {
        assert!(!metrics.contains(word), "{metrics}");
    }
    for header in ["X-Forwarded-For", "X-Real-IP", "Forwarded"] {
        let request = app.http.get(format!("{}/metrics", app.url));
        let answer = request
            .header(header, "for=192.0.2.1")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 404);
    }
}

/// The files of a country as Kubernetes mounts them: links to links into a folder with a date.
#[cfg(unix)]
struct Mounted(tempfile::TempDir);

/// What becomes of the text of a file.
#[cfg(unix)]
type Change = fn(&str) -> String;

#[cfg(unix)]
impl Mounted {
    /// Swaps all files at once, after changing the text of some.
    fn publish(&self, version: &str, changes: &[(&str, Change)]) {
        use std::os::unix::fs::symlink;
        let (root, next) = (self.0.path(), self.0.path().join(version));
        countryconfig::country::init(&next).unwrap();
        for (file, change) in changes {
            let text = std::fs::read_to_string(next.join(file)).unwrap();
            std::fs::write(next.join(file), change(&text)).unwrap();
        }
        for entry in std::fs::read_dir(&next).unwrap() {
            let name = entry.unwrap().file_name();
            if !root.join(&name).exists() {
                drop(symlink(Path::new("..data").join(&name), root.join(&name)));
            }
        }
        symlink(version, root.join("..data_tmp")).unwrap();
        std::fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn changed_files_are_taken_whole_and_a_bad_one_keeps_what_is_there() {
    const RULES: &str = "eligibility.toml";
    let mounted = Mounted(tempfile::tempdir().unwrap());
    mounted.publish("..1", &[]);
    let folder = mounted.0.path().to_str().unwrap().to_owned();
    let app = TestApp::with(
        surroundings().await,
        tempfile::tempdir().unwrap(),
        &[("COUNTRY_DIR", &folder)],
    )
    .await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let status = async || app.hook(&eligible_birth()).await.status().as_u16();
    let country = async || body(app.get("/readyz").await).await["country"].clone();
    assert_eq!(status().await, 202);

    let none_eligible: Change = |text| text.replace("< 10", "< 0");
    mounted.publish("..2", &[(RULES, none_eligible)]);
    let refused = until(country, |told| told != "ok").await.to_string();
    assert!(
        refused.contains("eligibility.tests.toml:") && refused.contains("is decided otherwise"),
        "{refused}"
    );
    assert_eq!(
        status().await,
        202,
        "its own cases say that it is not meant"
    );

    mounted.publish(
        "..3",
        &[
            (RULES, none_eligible),
            ("eligibility.tests.toml", |_| String::new()),
        ],
    );
    until(status, |status| *status == 200).await;

    mounted.publish(
        "..4",
        &[(RULES, |text| text.replace("child.dob", "child.dbo"))],
    );
    let refused = until(country, |told| told != "ok").await;
    let refused = refused.as_str().unwrap();
    assert!(
        refused.contains("eligibility.toml:") && refused.contains("did you mean `child.dob`?"),
        "{refused}"
    );
    assert_eq!(app.get("/readyz").await.status(), 200);
    assert_eq!(status().await, 200, "what was there still decides");

    mounted.publish("..5", &[]);
    until(country, |told| told == "ok").await;
    assert_eq!(status().await, 202);
}

/// The operator's command line beside a running server.
pub(super) struct Operator(pub(super) Vec<(String, String)>);

impl Operator {
    async fn run(&self, arguments: &str) -> Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_countryconfig"));
        let arguments = arguments.split_whitespace();
        command.args(arguments).envs(self.0.iter().cloned());
        command.output().await.unwrap()
    }

    pub(super) async fn json(&self, arguments: &str) -> Value {
        let output = self.run(&format!("{arguments} --json")).await;
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{arguments}: {}", text(&output.stderr)))
    }

    /// Exit code, and everything that was said.
    pub(super) async fn says(&self, arguments: &str) -> (Option<i32>, String) {
        let output = self.run(arguments).await;
        let said = text(&output.stdout) + &text(&output.stderr);
        (output.status.code(), said)
    }
}

#[tokio::test]
async fn a_parked_delivery_is_found_understood_and_sent_again_but_never_twice_by_accident() {
    let outside = surroundings().await;
    Mock::given(path("/events/registration"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(2)
        .with_priority(1)
        .mount(&outside)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator(environment(&outside, folder.path()));
    assert_eq!(operator.run("deliveries list").await.status.code(), Some(1));
    let schedule = [("DELIVERY_RETRY_SCHEDULE", "10ms")];
    let app = TestApp::with(outside, folder, &schedule).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let record = eligible_birth();
    assert_eq!(app.hook(&record).await.status(), 202);

    let event = record["id"].as_str().unwrap();
    let list = format!("deliveries list --state parked --event {event}");
    let parked = until(
        async || operator.json(&list).await,
        |list| list != &json!([]),
    )
    .await;
    let id = parked[0]["id"].as_i64().unwrap();
    assert_eq!(parked[0]["operation"], "create-uin");
    let shown = operator.json(&format!("deliveries show {id}")).await;
    let outcomes: Vec<_> = shown["attemptList"].as_array().unwrap().iter().collect();
    assert_eq!(outcomes.len(), 2);
    assert_eq!(
        (&outcomes[0]["outcome"], &outcomes[0]["status"]),
        (&json!("unavailable"), &json!(503))
    );
    for command in [&format!("deliveries show {id}"), "pending", &list] {
        for command in [command.to_owned(), format!("{command} --json")] {
            let (code, said) = operator.says(&command).await;
            assert_eq!(code, Some(0), "{said}");
            assert!(
                said.contains(event) && !said.contains("Okello") && !said.contains("ey"),
                "{said}"
            );
        }
    }
    let (_, said) = operator.says("pending").await;
    assert!(
        said.contains(&format!("yours: not reached; `deliveries show {id}`")),
        "{said}"
    );

    let retry = format!("deliveries retry {id}");
    assert_eq!(operator.run(&retry).await.status.code(), Some(0));
    // Another hook rings the bell, so that nobody waits for the next look.
    app.hook(&eligible_birth()).await;
    let show = format!("deliveries show {id}");
    let state = async || operator.json(&show).await["state"].clone();
    until(state, |state| state == "delivered").await;
    let (code, said) = operator.says(&retry).await;
    assert!(code == Some(1) && said.contains("it has arrived"), "{said}");
    for refused in [
        format!("deliveries park {id}"),
        format!("deliveries purge {id}"),
        "deliveries show 4711".to_owned(),
    ] {
        assert_eq!(
            operator.run(&refused).await.status.code(),
            Some(1),
            "{refused}"
        );
    }
    assert_eq!(
        operator.run("deliveries retry").await.status.code(),
        Some(2)
    );
    assert_eq!(
        operator
            .run("deliveries list --state lost")
            .await
            .status
            .code(),
        Some(2)
    );
    let (_, said) = operator.says("pending").await;
    assert!(
        said.contains("taken") && said.contains("waiting for MOSIP"),
        "{said}"
    );
    let (code, said) = operator.says(&format!("{retry} --force")).await;
    let explained = said.contains("a second one for the same person") && said.contains("--fresh");
    assert!(code == Some(1) && explained, "{said}");
    let (code, said) = operator.says(&format!("{retry} --force --as-is")).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = operator.says(&format!("{retry} --as-is --fresh")).await;
    assert_eq!(code, Some(2), "{said}");
}

#[tokio::test]
async fn packets_are_erased_when_they_are_old_and_the_answer_stays() {
    let app = TestApp::start().await;
    let record = eligible_birth();
    app.hook(&record).await;
    let operator = Operator(environment(&app.outside, app.folder.path()));
    let state = async |wanted: &str| {
        let wanted = wanted.to_owned();
        let deliveries = async || operator.json("deliveries list").await[0].clone();
        until(deliveries, |d| {
            d["state"] == "delivered" && d["hasPayload"] == json!(wanted == "kept")
        })
        .await
    };
    state("kept").await;
    let TestApp {
        outside, folder, ..
    } = app;
    // A second server on the same ledger, which keeps nothing.
    let app = TestApp::with(outside, folder, &[("LEDGER_RETENTION", "0d")]).await;
    state("erased").await;
    app.wait_for(|status| status == 200, "/readyz").await;
    assert_eq!(app.hook(&record).await.status(), 202);
    assert_eq!(
        app.packets(1).await.len(),
        1,
        "asked again, nothing is sent again"
    );
}

#[tokio::test]
async fn check_fails_on_cases_warns_of_what_they_do_not_show_and_rules_test_shows_the_difference() {
    let mounted = tempfile::tempdir().unwrap();
    let cases = r#"
        [[case]]
        name = "newborn"
        event = "birth"
        action = "REGISTER"
        today = 2026-06-01
        state = { child.dob = "2026-05-20", mother.verified = "verified" }
        expect = "none"
    "#;
    std::fs::write(mounted.path().join("eligibility.tests.toml"), cases).unwrap();
    let folder = format!("built-in:{}", mounted.path().display());
    let operator = Operator(vec![("COUNTRY_DIR".into(), folder)]);
    let (code, said) = operator.says("check").await;
    assert_eq!(code, Some(1), "{said}");
    for warning in [
        "error: case `newborn` is decided otherwise: it expects no rule, not birth-create-uin, create-uin, wait",
        "eligibility.tests.toml:2:1\n",
        "1 error",
        "warning: no case makes condition `child-under-ten` false",
        "warning: no case is decided by rule `death-flag-deceased`",
    ] {
        assert!(said.contains(warning), "{said}");
    }
    let (code, said) = operator.says("rules test").await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("- expected no rule\n  + decided  birth-create-uin, create-uin, wait"),
        "{said}"
    );
    assert!(said.contains("0 of 1 cases hold"), "{said}");
}

#[tokio::test]
async fn pending_asks_core_when_told_to_and_once_about_what_is_settled() {
    let outside = surroundings().await;
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::between(outside, folder).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let records = [eligible_birth(), eligible_birth()];
    for record in &records {
        assert_eq!(app.hook(record).await.status(), 202);
    }
    let id = |record: &Value| record["id"].as_str().unwrap().to_owned();
    let [confirmed, open] = records.each_ref().map(id);
    let mut settings = environment(&app.outside, app.folder.path());
    let operator = Operator(settings.clone());
    let delivered = async || operator.json("deliveries list --state delivered").await;
    until(delivered, |list| list.as_array().unwrap().len() == 2).await;
    let (code, said) = operator.says("pending --ask").await;
    assert!(
        code == Some(1) && said.contains("SYSTEM_CLIENT_ID is not set"),
        "{said}"
    );

    for name in ["SYSTEM_CLIENT_ID", "SYSTEM_CLIENT_SECRET"] {
        settings.push((name.to_owned(), "x".to_owned()));
    }
    let operator = Operator(settings);
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(401))
        .up_to_n_times(1)
        .mount(&app.outside)
        .await;
    let (code, said) = operator.says("pending --ask").await;
    assert!(code == Some(1) && said.contains("without --ask"), "{said}");
    let token = SIGNER.action_token("none", "none").unwrap();
    Mock::given(path("/token"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": token})))
        .mount(&app.outside)
        .await;
    for (record, status) in records.iter().zip(["Accepted", "Requested"]) {
        let mut shown = record.clone();
        let mut answered = record["actions"][2].clone();
        answered["status"] = json!(status);
        answered["originalActionId"] = answered["id"].clone();
        answered["id"] = json!("answer");
        shown["actions"].as_array_mut().unwrap().push(answered);
        let input = json!({"json": {"eventId": record["id"]}}).to_string();
        Mock::given(path("/events/event.get"))
            .and(query_param("input", input))
            .respond_with(
                ResponseTemplate::new(200)
                    .set_body_json(json!({"result": {"data": {"json": shown}}})),
            )
            .mount(&app.outside)
            .await;
    }
    let (_, said) = operator.says("pending").await;
    assert!(said.contains(&confirmed) && said.contains(&open), "{said}");
    for _ in 0..2 {
        let (code, said) = operator.says("pending --ask").await;
        assert_eq!(code, Some(0), "{said}");
        assert!(
            !said.contains(&confirmed) && said.contains(&open) && said.contains("core still waits"),
            "{said}"
        );
    }
    let (_, said) = operator.says("pending").await;
    assert!(!said.contains(&confirmed) && said.contains(&open), "{said}");
    let requests = app.outside.received_requests().await.unwrap();
    let questions = |event: &str| {
        let of = |r: &&wiremock::Request| {
            r.url.path() == "/events/event.get" && r.url.as_str().contains(event)
        };
        requests.iter().filter(of).count()
    };
    assert_eq!((questions(&confirmed), questions(&open)), (1, 2));
}

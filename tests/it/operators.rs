// SPDX-License-Identifier: MPL-2.0
//! What operators see and do while the server runs.

use super::program::text;
use super::{
    SIGNER, TestApp, eligible_birth, environment, fresh_id, json as body, surroundings, user_token,
};
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
    assert_eq!(app.post(strange, "", "{}").await.status(), 401);
    let users_own = user_token(&["record.register"]);
    assert_eq!(app.post(strange, &users_own, "{}").await.status(), 403);
    let metrics = until(
        async || app.get("/metrics").await.text().await.unwrap(),
        |text| text.contains(r#"outcome="delivered""#),
    )
    .await;
    for series in [
        r#"countryconfig_hooks_total{event="birth",action="REGISTER",answer="202"}"#,
        r#"countryconfig_hooks_total{event="other",action="other",answer="422"}"#,
        r#"countryconfig_hooks_total{event="other",action="other",answer="401"}"#,
        r#"countryconfig_hooks_total{event="other",action="other",answer="403"}"#,
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
        country::init(&next).unwrap();
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
        said.contains(&format!(
            "action needed: not reached; `deliveries show {id}`"
        )),
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
async fn many_deliveries_are_found_counted_and_changed_at_once_but_not_without_a_word() {
    let outside = surroundings().await;
    Mock::given(path("/events/registration"))
        .respond_with(ResponseTemplate::new(503))
        .with_priority(1)
        .mount(&outside)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator(environment(&outside, folder.path()));
    let app = TestApp::with(outside, folder, &[("DELIVERY_RETRY_SCHEDULE", "20m")]).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    for _ in 0..3 {
        assert_eq!(app.hook(&eligible_birth()).await.status(), 202);
    }
    let failed = "deliveries list --destination middleware --outcome unavailable";
    let list = async || operator.json(failed).await;
    let list = until(list, |list| list.as_array().unwrap().len() == 3).await;
    let id = |n: usize| list[n]["id"].as_i64().unwrap();

    let (code, said) = operator.says(&format!("{failed} --limit 2 --oldest")).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("2 of 3, the oldest first: 3 waiting"),
        "{said}"
    );
    let at = |id: i64| said.find(&format!("\n{id} "));
    assert!(at(id(2)) < at(id(1)) && at(id(0)).is_none(), "{said}");
    for (filter, expected) in [
        ("--older 1h", 0),
        ("--newer 1h", 3),
        ("--destination core", 0),
        ("--outcome timeout", 0),
    ] {
        let found = operator.json(&format!("deliveries list {filter}")).await;
        assert_eq!(found.as_array().unwrap().len(), expected, "{filter}");
    }
    let (code, said) = operator.says("deliveries list --outcome lost").await;
    assert!(code == Some(2) && said.contains("unavailable"), "{said}");

    let shown = operator.json(&format!("deliveries show {}", id(0))).await;
    let reason = shown["attemptList"][0]["reason"].as_str().unwrap();
    let host = app.outside.address().to_string();
    assert_eq!(reason, format!("{host}: answered 503 Service Unavailable"));

    let park = "deliveries park --destination middleware --state waiting";
    let (code, said) = operator.says(park).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("This pauses 3 deliveries:"), "{said}");
    assert!(
        said.contains("3  create-uin to middleware: waiting, not reached"),
        "{said}"
    );
    assert!(said.contains("--yes"), "{said}");
    let waiting = operator.json("deliveries list --state waiting").await;
    assert_eq!(waiting.as_array().unwrap().len(), 3, "nothing was done");
    let (code, said) = operator.says(&format!("{park} --yes")).await;
    assert!(code == Some(0) && said.contains("3 of 3"), "{said}");
    let two = format!("deliveries retry {} {} --yes", id(0), id(1));
    assert_eq!(operator.says(&two).await.0, Some(0));
    let parked = operator.json("deliveries list --state parked").await;
    assert_eq!(parked[0]["id"], id(2));

    let purge = format!("deliveries purge {}", id(2));
    let (code, said) = operator.says(&purge).await;
    assert!(
        code == Some(1) && said.contains("Nothing was done"),
        "{said}"
    );
    let (code, said) = operator.says(&format!("{purge} --yes")).await;
    assert!(
        code == Some(0) && said.contains("core still waits"),
        "{said}"
    );
    let mixed = format!("deliveries retry {} {} --yes", id(0), id(2));
    let (code, said) = operator.says(&mixed).await;
    assert!(
        code == Some(1) && said.contains("1 of 2 done; not done:"),
        "{said}"
    );
    let (code, said) = operator.says("deliveries retry 1 --state parked").await;
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

/// A server process, and the lines of its log.
struct Logged {
    _server: tokio::process::Child,
    lines: tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStderr>>,
    log: String,
    /// Lines that were read while another was wanted: some may come in any order.
    passed: Vec<String>,
}

impl Logged {
    fn start(settings: &[(String, String)]) -> Self {
        use tokio::io::AsyncBufReadExt as _;
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_countryconfig"));
        command.arg("serve").envs(settings.iter().cloned());
        let command = command.env("COUNTRY_CONFIG_PORT", "0").kill_on_drop(true);
        let command = command.stderr(std::process::Stdio::piped());
        let mut server = command.spawn().unwrap();
        let log = tokio::io::BufReader::new(server.stderr.take().unwrap());
        Self {
            _server: server,
            lines: log.lines(),
            log: String::new(),
            passed: Vec::new(),
        }
    }

    /// A line that says this and was not given yet.
    async fn line(&mut self, wanted: &str) -> String {
        if let Some(at) = self.passed.iter().position(|line| line.contains(wanted)) {
            return self.passed.remove(at);
        }
        let reading = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.log += &format!("{line}\n");
                if line.contains(wanted) {
                    return Some(line);
                }
                self.passed.push(line);
            }
            None
        };
        let read = tokio::time::timeout(Duration::from_secs(20), reading).await;
        let read = read.ok().flatten();
        read.unwrap_or_else(|| panic!("never said `{wanted}`:\n{}", self.log))
    }
}

/// Settings that production needs, with this auth service.
fn production(auth: &str) -> Vec<(String, String)> {
    let needed = countryconfig::settings::VARIABLES.iter();
    let needed = needed.filter(|v| v.development.is_some() && v.production.is_none());
    let mut settings: Vec<_> = needed
        .map(|v| (v.name.to_owned(), v.example.to_owned()))
        .collect();
    settings.retain(|(name, _)| name != "AUTH_URL");
    settings.push(("AUTH_URL".to_owned(), auth.to_owned()));
    settings.push(("NODE_ENV".to_owned(), "production".to_owned()));
    settings
}

#[tokio::test]
async fn in_development_without_core_the_log_says_calmly_what_waits_and_errors_have_their_causes() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", testing::ports::closed_port());
    let auth = format!("http://{address}/secret");
    let ledger = format!("sqlite://{}", folder.path().join("l.db").display());
    for (format, is_production) in [("text", false), ("json", false), ("json", true)] {
        let mut settings = if is_production {
            production(&auth)
        } else {
            vec![("AUTH_URL".to_owned(), auth.clone())]
        };
        for (name, value) in [
            ("LEDGER_URL", ledger.as_str()),
            ("LOG_FORMAT", format),
            ("LEDGR_KEY", "x"),
        ] {
            settings.push((name.to_owned(), value.to_owned()));
        }
        let mut server = Logged::start(&settings);
        let wanted = if is_production {
            "could not be refreshed"
        } else {
            "countryconfig sandbox"
        };
        let line = server.line(wanted).await;
        assert!(
            line.contains(&format!("{address}: connection refused")),
            "{line}"
        );
        assert!(!line.contains("secret"), "{line}");
        assert_eq!(line.contains("WARN"), is_production, "{line}");
        if format == "json" {
            let line: Value = serde_json::from_str(&line).unwrap();
            let error = line["error"].as_str().unwrap();
            assert_eq!(
                error,
                format!("core's auth service is not reachable: {address}: connection refused")
            );
            assert!(line["timestamp"].is_string() && line["target"] == "countryconfig::auth");
        }
        let log = &server.log;
        assert!(
            log.contains("`LEDGR_KEY` is not a setting and has no effect"),
            "{log}"
        );
        assert!(log.contains("did you mean `LEDGER_KEY`?"), "{log}");
        assert_eq!(
            log.contains("This is the sample country"),
            is_production,
            "{log}"
        );
    }
}

#[tokio::test]
async fn a_refused_hook_has_one_log_line_with_its_ids_and_the_reason() {
    let outside = surroundings().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = environment(&outside, folder.path());
    settings.push(("LOG_FORMAT".to_owned(), "json".to_owned()));
    let mut server = Logged::start(&settings);
    let line: Value = serde_json::from_str(&server.line("Listening on").await).unwrap();
    let address = line["message"]
        .as_str()
        .unwrap()
        .strip_prefix("Listening on ")
        .unwrap()
        .to_owned();
    server.line("Core's public key is known").await;
    let record = eligible_birth();
    let (event, action) = (&record["id"], &record["actions"][2]["id"]);
    let (own, other) = (event.as_str().unwrap(), fresh_id());
    let ids = |event: &Value| (event.clone(), action.clone());
    let mine = SIGNER.action_token(own, action.as_str().unwrap()).unwrap();
    let foreign = SIGNER
        .action_token(&other, action.as_str().unwrap())
        .unwrap();
    let http = super::process::client();
    for (path, token, body, status, ids, why) in [
        (
            "birth/actions/REGISTER",
            "x.y.z",
            record.to_string(),
            401,
            (Value::Null, Value::Null),
            "Invalid token",
        ),
        (
            "birth/actions/REGISTER",
            &mine,
            "{}".to_owned(),
            422,
            ids(event),
            "",
        ),
        (
            "birth/actions/DECLARE",
            &mine,
            record.to_string(),
            422,
            ids(event),
            "no pending action",
        ),
        (
            "birth/actions/REGISTER",
            &foreign,
            record.to_string(),
            403,
            ids(event),
            "not for action",
        ),
    ] {
        let url = format!("http://{address}/trigger/events/{path}");
        let answer = http
            .post(url)
            .bearer_auth(token)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
        let line: Value = serde_json::from_str(&server.line("Answered a hook").await).unwrap();
        assert_eq!(
            (line["event.id"].clone(), line["action.id"].clone()),
            ids,
            "{line}"
        );
        assert_eq!(line["status"], status);
        assert!(line["error"].as_str().unwrap().contains(why), "{line}");
        assert!(!line.to_string().contains("Okello"), "{line}");
        server
            .line(&format!("POST /trigger/events/{path} {status}"))
            .await;
    }
    assert_eq!(server.log.matches("Answered").count(), 4, "{}", server.log);
}

#[test]
fn check_refuses_variables_that_look_like_settings() {
    let check = super::program::countryconfig(&["check"], &[("LEDGR_KEY", "x")]);
    let said = text(&check.stdout);
    assert_eq!(check.status.code(), Some(1), "{said}");
    assert!(said.contains("`LEDGR_KEY` is not a setting"), "{said}");
    assert!(said.contains("did you mean `LEDGER_KEY`?"), "{said}");
    let url = [("LEDGER_URL", "mysql://a:b@c/d")];
    let check = super::program::countryconfig(&["check"], &url);
    assert!(text(&check.stderr).contains("LEDGER_URL"));
}

#[test]
fn the_program_says_what_it_is_and_helps_shells_and_man() {
    let say = |arguments: &[&str]| {
        let output = super::program::countryconfig(arguments, &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let version = say(&["--version"]);
    assert!(
        version.contains("(commit ") && version.contains("core 2.0, 2.1"),
        "{version}"
    );
    for shell in ["bash", "zsh", "fish"] {
        assert!(say(&["completions", shell]).contains("deliveries"));
    }
    let page = say(&["man"]);
    assert!(
        page.contains(".TH countryconfig") && page.contains("LEDGER_URL"),
        "{page}"
    );
    let folder = tempfile::tempdir().unwrap();
    say(&["man", "--folder", folder.path().to_str().unwrap()]);
    assert!(
        folder
            .path()
            .join("countryconfig-deliveries-retry.1")
            .is_file()
    );
}

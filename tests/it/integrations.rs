// SPDX-License-Identifier: MPL-2.0
//! Core starts and has its system clients created; then this server confirms actions with its own.

use super::core_2_1::{Core, OWN};
use super::hidden_answers::{birth, corrected, death, record};
use super::operators::Operator;
use super::process::Process;
use super::program::{countryconfig, text};
use super::{SIGNER, TestApp, eligible_birth, environment, plain_birth, surroundings, user_token};
use opencrvs_toolkit::hook_action::HookAction;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testing::within;
use wiremock::MockServer;

const READY: &str = "/trigger/system/ready";
const PRESET: &str = "MOSIP=9a8d3c51-6f0e-4b7e-a7a3-2f1d5c8e4b61:8f5c2f0e1d3b4c6a9e7d";

/// Core's token for creating clients: a minute long.
pub(super) fn creator() -> String {
    let claims = json!({
        "iss": "opencrvs:auth-service", "aud": ["opencrvs:countryconfig-user", "opencrvs:events-user"],
        "exp": jsonwebtoken::get_current_timestamp() + 60, "sub": "2f9a5d1c-0000-4000-8000-000000000001",
        "userType": "system", "scope": ["type=integration.create"],
    });
    SIGNER.token(&claims).unwrap()
}

pub(super) async fn started(outside: MockServer, own: &[(&str, &str)]) -> TestApp {
    let events = outside.uri();
    let settings = [
        &[("CORE_VERSION", "2.1"), ("EVENTS_URL", events.as_str())],
        own,
    ]
    .concat();
    let app = TestApp::with(outside, tempfile::tempdir().unwrap(), &settings).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    app
}

/// Status and what is said.
async fn ready_at(url: &str, path: &str, token: &str) -> Option<(u16, String)> {
    let request = super::process::client().get(format!("{url}{path}"));
    let answer = request.bearer_auth(token).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

/// Core asks until it is answered so; on a busy machine a run may take longer than core waits.
pub(super) async fn answered(app: &TestApp, status: u16, words: &[&str]) {
    within(&format!("{status} {words:?}"), async || {
        let (answered, said) = ready(app).await;
        answered == status && words.iter().all(|word| said.contains(word))
    })
    .await;
}

async fn ready(app: &TestApp) -> (u16, String) {
    ready_at(&app.url, READY, &creator()).await.unwrap()
}

#[tokio::test]
async fn the_clients_are_created_once_and_then_this_server_confirms_as_its_own() {
    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    let app = started(outside, &[]).await;
    assert_eq!(app.get(READY).await.status(), 401);
    let without = ready_at(&app.url, READY, &user_token(&["type=record.read"])).await;
    assert_eq!(without.unwrap().0, 403);
    answered(&app, 200, &[]).await;
    for path in [READY, "/triggers/system/ready"] {
        let (status, said) = ready_at(&app.url, path, &creator()).await.unwrap();
        assert_eq!((status, said.as_str()), (200, ""));
    }
    assert_eq!(core.names(), [OWN, "MOSIP"]);
    assert_eq!(
        core.client(OWN)["scopes"],
        json!([
            "type=record.read",
            "type=record.search",
            "type=record.action.accept",
            "type=record.action.reject"
        ])
    );

    // A hook with core's service token; the middleware refuses for good, so core is told to reject, which it does
    // not do while a user is assigned.
    core.assign_for(2);
    let record = eligible_birth();
    core.keep(&record);
    refusing(&app.outside).await;
    let service = super::core_2_1::service_token();
    let answer = app
        .post(
            "/trigger/events/birth/actions/REGISTER",
            &service,
            record.to_string(),
        )
        .await;
    assert_eq!(answer.status(), 202);
    within("rejected", async || core.fate(&record) == "Rejected").await;
    assert_eq!(
        core.conflicts(),
        2,
        "tried again while the record is assigned"
    );
    assert_eq!(core.forbidden(), Vec::<String>::new());
}

/// A hook as core 2.1 sends it.
async fn hook_of_2_1(app: &TestApp, record: &Value) -> u16 {
    let asked = record["actions"].as_array().unwrap().last().unwrap();
    let (event, action) = (record["type"].as_str(), asked["type"].as_str());
    let (event, action) = (event.unwrap(), action.unwrap());
    let path = format!("/trigger/events/{event}/actions/{action}");
    let service = super::core_2_1::service_token();
    let answer = app.post(&path, &service, record.to_string()).await;
    let status = answer.status().as_u16();
    let answer: Value = answer.json().await.unwrap_or_default();
    let is_numbered = answer.get("registrationNumber").is_some();
    assert_eq!(
        is_numbered,
        action == "REGISTER" && status == 200,
        "{event} {action}: {answer}"
    );
    status
}

#[tokio::test]
async fn every_hook_of_core_2_1_is_answered_and_what_waits_is_ended_by_this_servers_client() {
    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    let app = started(outside, &[]).await;
    answered(&app, 200, &[]).await;
    refusing(&app.outside).await;
    core.assign_for(1);
    let mut waiting = Vec::new();
    for action in HookAction::ALL.map(HookAction::name) {
        for (event, declared) in [("birth", birth()), ("death", death())] {
            let record = record(event, &[("DECLARE", declared), (action, json!({}))]);
            core.keep(&record);
            match hook_of_2_1(&app, &record).await {
                200 => {}
                202 => waiting.push((event, action, record)),
                status => panic!("{event} {action} {status}"),
            }
        }
    }
    let [("birth", "REGISTER", registration)] = &waiting[..] else {
        panic!("{waiting:?}");
    };
    // A correction that the middleware refuses takes effect all the same.
    let correction = corrected(
        birth(),
        json!({"child.name": {"firstname": "Thandi", "surname": "Zulu"}}),
    );
    core.keep(&correction);
    assert_eq!(hook_of_2_1(&app, &correction).await, 202);
    for (record, expected) in [(registration, "Rejected"), (&correction, "Accepted")] {
        within(expected, async || core.fate(record) == expected).await;
    }
    assert_eq!(core.conflicts(), 1, "tried again while a user is assigned");
    assert_eq!(core.forbidden(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_new_core_a_lost_hook_is_found_and_answered_without_a_client_set_by_hand() {
    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    let app = started(outside, &[]).await;
    answered(&app, 200, &[]).await;
    let lost = plain_birth();
    core.keep(&lost);
    let mut settings = environment(&app.outside, app.folder.path());
    settings.push(("CORE_VERSION".into(), "2.1".into()));
    let operator = Operator(settings);
    let (exit, said) = operator.says("rescue --dry-run").await;
    assert!(
        exit == Some(0) && said.contains(lost["id"].as_str().unwrap()),
        "{said}"
    );
    assert_eq!((core.reads(), core.fate(&lost).as_str()), (0, "Requested"));
    let (exit, said) = operator.says("rescue").await;
    assert_eq!(exit, Some(0), "{said}");
    assert_eq!(core.fate(&lost), "Accepted");
    assert_eq!(core.forbidden(), Vec::<String>::new());
}

/// A server asks about records as the client that core has created for it, a few seconds after its start at the
/// latest.
async fn asks_core(server: &Process, core: &Core) {
    let (before, http) = (core.tokens(), super::process::client());
    within("its token is taken", async || {
        let record = eligible_birth();
        core.keep(&record);
        super::process::hook(&http, server.port, &record)
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        core.tokens() > before
    })
    .await;
}

/// The middleware refuses every packet for good.
async fn refusing(outside: &MockServer) {
    let packets = "^/events/(registration|update-biographics)$";
    let mock = wiremock::Mock::given(wiremock::matchers::path_regex(packets));
    let answer = mock.respond_with(wiremock::ResponseTemplate::new(400));
    answer.with_priority(1).mount(outside).await;
}

#[tokio::test]
async fn nothing_that_core_has_is_changed_and_each_failure_says_what_to_do() {
    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    let others = core.has("MOSIP", "active");
    let app = started(outside, &[]).await;
    let foreign = "integration `MOSIP`: core has a client of this name";
    answered(&app, 503, &[foreign, "INTEGRATION_CREDENTIALS"]).await;
    assert!(!ready(&app).await.1.contains(OWN), "that one is there");
    assert_eq!(core.client("MOSIP")["id"], others, "as it was");
    assert_eq!(core.names(), ["MOSIP", OWN]);
    core.delete("MOSIP");
    answered(&app, 200, &[]).await;
    core.disable(OWN);
    answered(&app, 503, &[&format!("`{OWN}`: it is disabled")]).await;
    for (answer, expected) in [
        (401, "its own token"),
        (500, "answered 500"),
        (200, "check EVENTS_URL"),
    ] {
        core.answers(answer);
        answered(&app, 503, &[expected]).await;
    }
    assert_eq!(core.names(), [OWN, "MOSIP"]);
}

#[tokio::test]
async fn core_is_answered_before_it_gives_up() {
    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    let app = started(outside, &[]).await;
    core.takes(Duration::from_secs(3));
    let started = Instant::now();
    let (first, second) = tokio::join!(ready(&app), ready(&app));
    assert_eq!((first.0, second.0), (503, 503));
    assert!(started.elapsed() < Duration::from_secs(5));
    core.takes(Duration::ZERO);
    within("created", async || ready(&app).await.0 == 200).await;
    assert_eq!(core.names(), [OWN, "MOSIP"]);
}

#[tokio::test]
async fn secrets_of_others_are_given_beforehand_or_shown_once() {
    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    let app = started(outside, &[("INTEGRATION_CREDENTIALS", PRESET)]).await;
    answered(&app, 200, &[]).await;
    let mosip = core.client("MOSIP");
    assert_eq!(
        PRESET,
        format!(
            "MOSIP={}:{}",
            mosip["id"].as_str().unwrap(),
            mosip["secret"].as_str().unwrap()
        )
    );

    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    let key = "T5nRk0m3vYw8a1Zs6uQx2dLh9pGc7fBj4eKo0iXtVyM=";
    let app = started(outside, &[("LEDGER_KEY", key)]).await;
    answered(&app, 200, &[]).await;
    let secret = core.client("MOSIP")["secret"].as_str().unwrap().to_owned();
    let file = app.folder.path().join("ledger.db");
    for file in ["ledger.db", "ledger.db-wal"].map(|file| app.folder.path().join(file)) {
        let bytes = std::fs::read(file).unwrap_or_default();
        let holds = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(!holds(&secret), "the secret is encrypted");
    }
    let url = format!("sqlite://{}", file.display());
    let settings = [
        ("LEDGER_URL", url.as_str()),
        ("LEDGER_KEY", key),
        ("CORE_VERSION", "2.1"),
    ];
    let show = |name| countryconfig(&["integrations", "show", name], &settings);
    let shown = show("MOSIP");
    assert!(
        text(&shown.stdout).contains(&secret),
        "{}",
        text(&shown.stderr)
    );
    let again = show("MOSIP");
    assert!(!again.status.success() && text(&again.stderr).contains("its secret was shown"));
    let own = show(OWN);
    assert!(!own.status.success() && text(&own.stderr).contains("keeps its secret"));
    assert!(text(&show("MOSIB").stderr).contains("did you mean `MOSIP`?"));
    let list = text(&countryconfig(&["integrations", "list"], &settings).stdout);
    assert!(
        list.contains("MOSIP\t") && list.contains("its secret was shown"),
        "{list}"
    );
    // What was shown is in use.
    answered(&app, 200, &[]).await;
    assert_eq!(core.client("MOSIP")["secret"], json!(secret));
    core.delete("MOSIP");
    answered(&app, 200, &[]).await;
    assert_ne!(
        core.client("MOSIP")["secret"],
        json!(secret),
        "it has ended with its client"
    );
}

#[tokio::test]
async fn core_2_0_1_makes_the_secrets_itself_and_core_2_0_asks_for_nothing() {
    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    core.makes_secrets_itself();
    let app = started(outside, &[("CORE_VERSION", "2.0.1")]).await;
    answered(&app, 200, &[]).await;
    answered(&app, 200, &[]).await;
    assert_eq!(core.names(), [OWN, "MOSIP"]);
    assert_eq!(
        core.client(OWN)["scopes"],
        json!(["type=record.read", "type=record.search"])
    );
    // Deleted in core, as the remedy of several errors says: the new secret is kept.
    core.delete(OWN);
    answered(&app, 200, &[]).await;
    answered(&app, 200, &[]).await;
    let record = eligible_birth();
    core.keep(&record);
    // What core has made is what this server shows.
    let token = SIGNER.action_token(
        record["id"].as_str().unwrap(),
        record["actions"][2]["id"].as_str().unwrap(),
    );
    app.post(
        "/trigger/events/birth/actions/REGISTER",
        &token.unwrap(),
        record.to_string(),
    )
    .await;
    within("asked", async || core.reads() > 0).await;

    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    let app = started(outside, &[("CORE_VERSION", "2.0")]).await;
    assert_eq!(ready(&app).await.0, 404);
    assert_eq!(core.names(), Vec::<String>::new());
    // Somebody has a later core than is set.
    let body: Value = app.get("/readyz").await.json().await.unwrap();
    let said = body["core"].as_str().unwrap();
    assert!(
        said.contains("2.1 or later") && said.contains("CORE_VERSION says 2.0"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_loses_no_secret() {
    let outside = surroundings().await;
    let core = Core::at(&outside).await;
    let folder = tempfile::tempdir().unwrap();
    let mut environment = environment(&outside, folder.path());
    environment.push(("CORE_VERSION".into(), "2.1".into()));
    environment.push(("EVENTS_URL".into(), outside.uri()));
    let mut server = Process::start(&environment);
    server.is_ready().await;
    // Core creates the client, and its answer comes too late for a server that is gone.
    core.takes(Duration::from_secs(1));
    for expected in 1..=2 {
        let url = format!("http://127.0.0.1:{}", server.port);
        let token = creator();
        let asking = tokio::spawn(async move { ready_at(&url, READY, &token).await });
        within("begun", async || core.names().len() >= expected).await;
        server.kill_and_restart();
        asking.await.unwrap();
        server.is_ready().await;
    }
    core.takes(Duration::ZERO);
    let url = format!("http://127.0.0.1:{}", server.port);
    // A lease of the killed server ends.
    within("ready", async || {
        ready_at(&url, READY, &creator())
            .await
            .is_some_and(|(status, _)| status == 200)
    })
    .await;
    assert_eq!(core.names(), [OWN, "MOSIP"]);
    drop(server);
    // After another start nobody asks, and the client is known all the same.
    let server = Process::start(&environment);
    server.is_ready().await;
    asks_core(&server, &core).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_each_client_is_created_once_and_both_know_it() {
    for makes_secrets_itself in [false, true] {
        let outside = surroundings().await;
        let core = Core::at(&outside).await;
        if makes_secrets_itself {
            core.makes_secrets_itself();
        }
        core.takes(Duration::from_millis(100));
        let folder = tempfile::tempdir().unwrap();
        let mut environment = environment(&outside, folder.path());
        environment.push(("CORE_VERSION".into(), "2.1".into()));
        environment.push(("EVENTS_URL".into(), outside.uri()));
        environment.push(("LEDGER_URL".into(), testing::postgres::database().await));
        let servers = [(); 2].map(|()| Process::start(&environment));
        for server in &servers {
            server.is_ready().await;
        }
        let urls = servers
            .each_ref()
            .map(|s| format!("http://127.0.0.1:{}", s.port));
        let asks = async |url: &str| {
            within("ready", async || {
                let token = creator();
                let [a, b] = [ready_at(url, READY, &token), ready_at(url, READY, &token)];
                let (a, b) = tokio::join!(a, b);
                [a, b].iter().flatten().all(|(status, _)| *status == 200)
            })
            .await;
        };
        let [a, b] = &urls;
        tokio::join!(asks(a), asks(b));
        assert_eq!(core.names(), [OWN, "MOSIP"]);
        for server in &servers {
            asks_core(server, &core).await;
        }
    }
}

/// The words of core's messages to users.
const USERS: [&str; 12] = [
    "user-created",
    "user-updated",
    "username-reminder",
    "reset-password",
    "reset-password-by-admin",
    "password-reset-link",
    "username-reminder-link",
    "resend-invite",
    "2fa",
    "all-user-notification",
    "change-phone-number",
    "change-email-address",
];

/// What is open to everybody.
const SERVED: [&str; 12] = [
    "/client-config.js",
    "/login-config.js",
    "/handlebars.js",
    "/content/client",
    "/content/login",
    "/content/map.geojson",
    "/content/country-logo",
    "/config/application",
    "/config/workqueues",
    "/config/locations",
    "/config/roles",
    "/config/events",
];

#[tokio::test]
async fn verify_endpoints_is_content_with_every_version() {
    for core in ["2.0", "2.0.1", "2.1", "2.2"] {
        let app = started(surroundings().await, &[("CORE_VERSION", core)]).await;
        for path in SERVED {
            assert!(app.get(path).await.status().is_success(), "{core} {path}");
        }
        let font = app
            .get("/fonts/verify-endpoints-probe.ttf")
            .await
            .status()
            .as_u16();
        assert!([200, 404].contains(&font));
        let is_closed = |status: u16| [401, 403, 404].contains(&status);
        for path in [
            "/certificates",
            "/certificates/verify-endpoints-probe",
            "/config/users",
            READY,
        ] {
            let status = app.get(path).await.status().as_u16();
            assert!(is_closed(status), "{core} {path} {status}");
        }
        let events: Value = app.get("/config/events").await.json().await.unwrap();
        let mut posts: Vec<_> = vec!["/trigger/telemetry".to_owned()];
        for event in events.as_array().unwrap() {
            let id = event["id"].as_str().unwrap();
            let types = event["actions"].as_array().unwrap().iter();
            posts.extend(types.map(|action| {
                format!(
                    "/trigger/events/{id}/actions/{}",
                    action["type"].as_str().unwrap()
                )
            }));
        }
        posts.extend(USERS.map(|event| format!("/trigger/user/{event}")));
        for path in posts {
            let post = app.http.post(format!("{}{path}", app.url)).body("{}");
            let answer = post
                .header("content-type", "application/json")
                .send()
                .await
                .unwrap();
            assert!(
                is_closed(answer.status().as_u16()),
                "{core} {path} {}",
                answer.status()
            );
        }
        let roles: Value = app.get("/config/roles").await.json().await.unwrap();
        let scopes: Vec<_> = roles
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|role| role["scopes"].as_array().unwrap())
            .collect();
        for expected in [
            "record.unarchive",
            "location.edit",
            "integration.audit.read",
        ] {
            let has = |scope: &&Value| {
                scope
                    .as_str()
                    .unwrap()
                    .split('&')
                    .any(|part| part == format!("type={expected}"))
            };
            let count = scopes.iter().filter(|scope| has(scope)).count();
            assert_eq!(
                count > 0,
                ["2.1", "2.2"].contains(&core),
                "{core} {expected}"
            );
        }
    }
}

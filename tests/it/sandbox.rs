// SPDX-License-Identifier: MPL-2.0
//! The sandbox: the tour, each bad day, and stand-ins that refuse what the real systems refuse.

use super::program::countryconfig;
use countryconfig::cli;
use countryconfig::sandbox::{self, Options};
use countryconfig::settings::Settings;
use opencrvs_toolkit::core_version::CoreVersion;
use reqwest::{Client, Response, Url};
use rstest::rstest;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A sandbox that runs.
struct Running {
    pages: String,
    stand_ins: String,
    server: String,
    text: String,
    http: Client,
    folder: tempfile::TempDir,
}

impl Running {
    async fn start(core: CoreVersion) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            folder: folder.path().join("sandbox"),
            stand_ins_port: 0,
            port: 0,
            headless: false,
            core: Some(core),
            identities: None,
            keep: false,
        };
        let environment = [
            ("COUNTRY_CONFIG_PORT", "0"),
            // Nothing of a real country may be reached from a sandbox.
            ("SMTP_HOST", "mail.invalid"),
            ("SENDER_EMAIL_ADDRESS", "crvs@mail.invalid"),
            ("FORWARD_ACTIONS_TO", "http://statistics.invalid/"),
            (
                "ANALYTICS_DATABASE_URL",
                "postgres://statistics.invalid/crvs",
            ),
        ];
        let environment = environment.map(|(n, v)| (n.to_owned(), v.to_owned()));
        let settings = Settings::load(None, environment.into_iter()).unwrap();
        let started = Box::pin(sandbox::start(settings, &options, cli::operator));
        let started = started.await.unwrap();
        let running = Self {
            pages: format!("http://{}", started.pages.unwrap()),
            stand_ins: format!("http://{}", started.stand_ins()),
            server: format!("http://{}", started.server()),
            text: started.text.clone(),
            http: Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            folder,
        };
        tokio::spawn(started.serve());
        until(
            async || running.page("/").await,
            |page| page.contains("places of the country. The registrar is"),
        )
        .await;
        // Core 2.1 has its system clients created first.
        until(
            async || running.page("/operator").await,
            |page| page.contains("Country configuration"),
        )
        .await;
        running
    }

    async fn page(&self, path: &str) -> String {
        let page = self.http.get(format!("{}{path}", self.pages)).send().await;
        let page = page.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        page.text().await.unwrap()
    }

    /// Sends a form as a browser does; gives where it leads.
    async fn send(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.http.post(format!("{}{path}", self.pages));
        let request = request.header("origin", &self.pages).form(form);
        request.send().await.unwrap()
    }

    async fn done(&self, path: &str, form: &[(&str, &str)]) -> String {
        let answer = self.send(path, form).await;
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Declares a sample; gives the path of its record.
    async fn sample(&self, word: &str) -> String {
        self.done(&format!("/samples/{word}"), &[]).await
    }

    async fn act(&self, record: &str, action: &str) {
        self.done(&format!("{record}/act"), &[("action", action)])
            .await;
    }

    async fn switch(&self, record: &str, bad_day: &str, on: bool) {
        let event = record.rsplit('/').next().unwrap();
        let on = on.to_string();
        let form = [("event", event), ("bad-day", bad_day), ("on", &on)];
        self.done("/bad-days", &form).await;
    }

    async fn record(&self, record: &str) -> Value {
        let json = self.http.get(format!("{}{record}/json", self.pages)).send();
        json.await.unwrap().json().await.unwrap()
    }

    /// The record once it is as wanted.
    async fn wait(&self, record: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(async || self.record(record).await, wanted).await
    }

    /// Everything that was said about a record under this title.
    async fn said(&self, record: &str, what: &str) -> Vec<Value> {
        let record = self.record(record).await;
        let said = record["said"].as_array().unwrap().iter();
        said.filter(|entry| entry["what"].as_str().unwrap().starts_with(what))
            .cloned()
            .collect()
    }

    /// What `countryconfig` prints about this sandbox's ledger, in a terminal.
    async fn operator(&self, arguments: &[&str]) -> Value {
        let ledger = self.folder.path().join("sandbox/ledger.db");
        let ledger = format!("sqlite://{}", ledger.display());
        let arguments: Vec<_> = arguments.iter().map(|&word| word.to_owned()).collect();
        // The sandbox goes on: it may hold the ledger's lock.
        let run = tokio::task::spawn_blocking(move || {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            countryconfig(&arguments, &[("LEDGER_URL", &ledger)])
        });
        let output = run.await.unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The packets of an event, as the operator sees them.
    async fn packets(&self, event: &str) -> Value {
        let of_event = ["deliveries", "list", "--json", "--event", event];
        let packets = [&of_event[..], &["--destination", "middleware"]].concat();
        self.operator(&packets).await
    }

    /// A record that the sandbox has written for the tour.
    fn sample_record(&self, name: &str) -> Value {
        let file = self.folder.path().join("sandbox").join(name);
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    /// The first hook of the tour: its token and its record.
    fn hook(&self) -> (String, Value) {
        let token = self.text.split("Bearer ").nth(1).unwrap();
        let token = token.split('\'').next().unwrap().to_owned();
        (token, self.sample_record("birth-eligible.json"))
    }

    /// Calls a stand-in; gives the status and the JSON of the answer.
    async fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.stand_ins));
        let answer = request.bearer_auth(token).json(body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Identities that MOSIP has made for a record.
    async fn identities(&self, record: &str) -> usize {
        self.page("/people")
            .await
            .matches(&format!("href=\"{record}\""))
            .count()
    }
}

/// Asks until the answer is as wanted.
async fn until<T: std::fmt::Debug>(ask: impl AsyncFn() -> T, wanted: impl Fn(&T) -> bool) -> T {
    for _ in 0..600 {
        let answer = ask().await;
        if wanted(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not come to that within a minute: {:?}", ask().await);
}

fn is_registered(record: &Value) -> bool {
    record["status"] == "REGISTERED"
}

#[rstest]
#[case(CoreVersion::V2_0)]
#[case(CoreVersion::V2_1)]
#[tokio::test]
async fn an_eligible_birth_goes_the_whole_way(#[case] core: CoreVersion) {
    let sandbox = Running::start(core).await;
    let record = sandbox.sample("mother-known").await;
    let declared = sandbox.record(&record).await;
    assert_eq!(declared["status"], "DECLARED");
    let verified = &declared["record"]["actions"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()["declaration"];
    assert_eq!(verified["mother.verified"], "verified");

    sandbox.act(&record, "REGISTER").await;
    let waiting = sandbox.record(&record).await;
    assert_eq!(
        (&waiting["waits"], &waiting["status"]),
        (&json!("REGISTER"), &json!("DECLARED"))
    );
    let hook = &sandbox.said(&record, "Hook: REGISTER").await[0];
    assert!(
        hook["reasons"]
            .as_str()
            .unwrap()
            .contains("decided by birth-create-uin"),
        "{hook}"
    );
    assert_eq!(hook["status"], 202);

    let registered = sandbox.wait(&record, is_registered).await;
    let packet = &sandbox.said(&record, "Packet for MOSIP").await[0]["body"]["requestFields"];
    assert_eq!(
        registered["registrationNumber"],
        packet["birthCertificateNumber"]
    );
    assert_eq!(registered["nationalId"].as_str().unwrap().len(), 10);
    assert_eq!(sandbox.identities(&record).await, 1);

    // The letter has the number, and is in the inbox as people see it.
    let number = registered["registrationNumber"].as_str().unwrap();
    let has_number = |letter: &Value| letter["body"]["text"].as_str().unwrap().contains(number);
    let letters = until(
        async || sandbox.said(&record, "E-mail").await,
        |letters| letters.last().is_some_and(has_number),
    )
    .await;
    let letter = &letters.last().unwrap()["body"];
    assert_eq!(letter["to"], "grace.okello@mail.example");
    assert!(sandbox.page("/inbox").await.contains("/inbox/1"));
    assert!(
        sandbox
            .page("/inbox/1")
            .await
            .contains("data:image/png;base64,")
    );

    // So has the certificate, and the office where it was registered has its name.
    let svg = sandbox.page(&format!("{record}/certificate.svg")).await;
    assert!(
        svg.contains(number) && svg.contains("Nia"),
        "{}",
        &svg[svg.len() - 3000..]
    );
    for page in [&record, "/", "/people", "/operator", "/bad-days"] {
        sandbox.page(page).await;
    }

    // A correction reaches the person whom MOSIP remembers, who may be a mother one day.
    let corrected = [
        ("action", "correct"),
        ("firstname", "Naomi"),
        ("surname", "Okello"),
    ];
    sandbox.done(&format!("{record}/act"), &corrected).await;
    until(
        async || sandbox.page("/people").await,
        |people| people.contains("Naomi Okello"),
    )
    .await;
    assert_eq!(
        sandbox.identities(&record).await,
        1,
        "a correction makes no identity"
    );

    // Repeated by hand: the server gives the same answer, and the middleware has no row left.
    let again = format!("/again/{}", hook["id"]);
    assert_eq!(sandbox.done(&again, &[]).await, record);
    let repeated = &sandbox.said(&record, "Hook: REGISTER (repeated)").await[0];
    assert_eq!(repeated["status"], 202);
}

#[tokio::test]
async fn what_is_not_eligible_is_registered_at_once_and_a_death_is_told_afterwards() {
    let sandbox = Running::start(CoreVersion::V2_0).await;
    for (word, verdict) in [("nobody-known", "failed"), ("over-ten", "verified")] {
        let record = sandbox.sample(word).await;
        sandbox.act(&record, "REGISTER").await;
        let registered = sandbox.record(&record).await;
        assert!(is_registered(&registered), "{word}: {registered}");
        assert!(
            registered["record"]
                .to_string()
                .contains(&format!(r#""mother.verified":"{verdict}""#))
        );
        assert_eq!(registered["nationalId"], Value::Null);
    }
    let record = sandbox.sample("husband").await;
    sandbox.act(&record, "REGISTER").await;
    assert!(is_registered(&sandbox.record(&record).await));
    until(
        async || sandbox.page("/people").await,
        |people| people.contains("deceased</span>"),
    )
    .await;
    // Whoever has died is verified no more.
    let widow = [
        ("event", "death"),
        ("deceased", "2345678905"),
        ("spouse", "2345678906"),
        ("died", "2026-01-05"),
        ("email", "a@mail.example"),
        ("do", "declare"),
    ];
    let record = sandbox.done("/declare", &widow).await;
    let json = sandbox.record(&record).await["record"].to_string();
    assert!(json.contains(r#""spouse.verified":"failed""#), "{json}");
}

/// The middleware fails with this, and recovers: one identity, and the number of the last packet.
#[rstest]
#[case("fault-before-row")]
#[case("fault-after-row")]
#[tokio::test]
async fn a_packet_that_mosip_did_not_start_is_sent_again_with_another_number(
    #[case] bad_day: &str,
) {
    let sandbox = Running::start(CoreVersion::V2_0).await;
    let record = sandbox.sample("mother-known").await;
    sandbox.switch(&record, bad_day, true).await;
    sandbox.act(&record, "REGISTER").await;
    until(
        async || sandbox.said(&record, "Packet for").await.len(),
        |n| *n > 0,
    )
    .await;
    let event = record.rsplit('/').next().unwrap();
    let delivery = until(
        async || sandbox.packets(event).await,
        |listed| listed[0]["standing"] == "not started",
    )
    .await;
    assert_eq!(delivery[0]["state"], "waiting");
    sandbox.switch(&record, bad_day, false).await;
    let registered = sandbox.wait(&record, is_registered).await;
    let packets = sandbox.said(&record, "Packet for").await;
    let number = |packet: &Value| packet["body"]["requestFields"]["birthCertificateNumber"].clone();
    assert_ne!(number(&packets[0]), number(packets.last().unwrap()));
    assert_eq!(
        registered["registrationNumber"],
        number(packets.last().unwrap())
    );
    assert_eq!(sandbox.identities(&record).await, 1);
    // The same number again: the row of the failed attempt is still there.
    if bad_day == "fault-after-row" {
        sandbox
            .done(&format!("/again/{}", packets[0]["id"]), &[])
            .await;
        let again = sandbox.said(&record, "Packet for").await;
        assert_eq!(again.last().unwrap()["status"], 500);
    }
}

#[rstest]
#[case("slow", true, CoreVersion::V2_0)]
#[case("credential-twice", true, CoreVersion::V2_0)]
#[case("credential-early", true, CoreVersion::V2_0)]
#[case("credential-lost", false, CoreVersion::V2_0)]
#[case("accept-fails", false, CoreVersion::V2_0)]
#[case("tokens-end", false, CoreVersion::V2_0)]
#[case("assigned", false, CoreVersion::V2_1)]
#[tokio::test]
async fn on_a_bad_day_a_child_gets_one_identity(
    #[case] bad_day: &str,
    #[case] ends: bool,
    #[case] core: CoreVersion,
) {
    let sandbox = Running::start(core).await;
    let record = sandbox.sample("mother-known").await;
    sandbox.switch(&record, bad_day, true).await;
    sandbox.act(&record, "REGISTER").await;
    until(async || sandbox.identities(&record).await, |n| *n == 1).await;
    if ends {
        sandbox.wait(&record, is_registered).await;
    } else {
        let event = record.rsplit('/').next().unwrap();
        until(
            async || sandbox.packets(event).await,
            |listed| listed[0]["standing"] == "taken and waiting for MOSIP",
        )
        .await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(sandbox.record(&record).await["waits"], "REGISTER");
        let pending = sandbox.operator(&["pending", "--json"]).await;
        assert!(pending.to_string().contains(event), "{pending}");
        // The operator's page says so, too.
        let page = sandbox.page(&record).await;
        assert!(page.contains("taken and waiting for MOSIP"));
        let asked = [("event", event), ("do", "ask")];
        assert_eq!(sandbox.done("/operator", &asked).await, record);
        assert!(
            sandbox
                .page(&record)
                .await
                .contains("$ countryconfig pending --ask")
        );
    }
    assert_eq!(sandbox.identities(&record).await, 1);
    assert_eq!(sandbox.said(&record, "Packet for").await.len(), 1);
    if bad_day == "credential-twice" {
        let credentials = until(
            async || sandbox.said(&record, "Credential").await,
            |c| c.len() == 2,
        )
        .await;
        assert!(credentials[1]["note"].as_str().unwrap().contains("no row"));
    }
}

#[tokio::test]
async fn while_core_is_down_no_packet_leaves_and_a_declaration_without_verification_is_no_error() {
    let sandbox = Running::start(CoreVersion::V2_0).await;
    // For all records: so it meets the declaration, too.
    sandbox
        .done(
            "/bad-days",
            &[("event", ""), ("bad-day", "verify-down"), ("on", "true")],
        )
        .await;
    let record = sandbox.sample("mother-known").await;
    let declared = sandbox.record(&record).await;
    assert_eq!(declared["status"], "DECLARED");
    assert!(!declared["record"].to_string().contains("mother.verified"));
    sandbox
        .done(
            "/bad-days",
            &[("event", ""), ("bad-day", "verify-down"), ("on", "false")],
        )
        .await;

    sandbox.switch(&record, "core-down", true).await;
    sandbox.act(&record, "REGISTER").await;
    assert_eq!(
        sandbox.record(&record).await["waits"],
        "REGISTER",
        "the mother was asked about again"
    );
    until(
        async || sandbox.said(&record, "event.get").await.len(),
        |n| *n > 1,
    )
    .await;
    assert!(sandbox.said(&record, "Packet for").await.is_empty());
    sandbox.switch(&record, "core-down", false).await;
    sandbox.wait(&record, is_registered).await;
    assert_eq!(sandbox.identities(&record).await, 1);
}

#[tokio::test]
async fn a_parent_logs_in_at_esignet_or_does_not() {
    let sandbox = Running::start(CoreVersion::V2_0).await;
    let form = [
        ("event", "birth"),
        ("firstname", "Mirembe"),
        ("surname", "Mensah"),
        ("gender", "female"),
        ("born", "2026-10-01"),
        ("informant", "MOTHER"),
        ("email", "amara@mail.example"),
        ("mother", "unknown"),
        ("father", "nobody"),
        ("do", "identify-mother"),
    ];
    let location = |answer: &Response| answer.headers()["location"].to_str().unwrap().to_owned();
    for (button, expected) in [
        ("login", "authenticated with eSignet"),
        ("nobody", "the middleware answered 500"),
        ("cancel", "the login was cancelled"),
    ] {
        let draft = sandbox.done("/declare", &form).await;
        let page = sandbox.page(&draft).await;
        let link = page
            .split("href=\"")
            .find(|part| part.contains("/authorize?"))
            .unwrap();
        let link = link.split('"').next().unwrap().replace("&amp;", "&");
        let login = sandbox
            .http
            .get(&link)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert!(login.contains("Amara Akua Mensah"), "{login}");
        let request = sandbox
            .http
            .post(&link)
            .header("origin", &sandbox.stand_ins);
        let back = request
            .form(&[("nid", "2345678903"), ("do", button)])
            .send()
            .await
            .unwrap();
        assert_eq!(back.status(), 303);
        let back = sandbox.http.get(location(&back)).send().await.unwrap();
        let page = sandbox.page(&location(&back)).await;
        assert!(page.contains(expected), "{button}: {page}");
        let id = Url::parse(&format!("http://x{}", location(&back))).unwrap();
        let (_, id) = id.query_pairs().find(|(name, _)| name == "draft").unwrap();
        let declared = [&form[..9], &[("draft", &*id), ("do", "declare")]].concat();
        let record = sandbox.done("/declare", &declared).await;
        let json = sandbox.record(&record).await["record"].to_string();
        let wanted = if button == "login" {
            "authenticated"
        } else {
            "failed"
        };
        assert!(
            json.contains(&format!(r#""mother.verified":"{wanted}""#)),
            "{json}"
        );
    }
    // The forms' own link has the same login page behind it.
    let events = sandbox
        .http
        .get(format!("{}/config/events", sandbox.server))
        .send();
    let events = events.await.unwrap().text().await.unwrap();
    let link = format!("{}/authorize?client_id=", sandbox.stand_ins);
    assert!(events.contains(&link));
    let without_state = sandbox.http.get(format!("{link}x")).send().await.unwrap();
    assert_eq!(without_state.status(), 400);
}

/// The input of a call that accepts or rejects an action.
fn input(event: &Value, action: &Value, more: &Value) -> Value {
    let mut input = json!({"eventId": event, "actionId": action, "transactionId": "t"});
    let more = more.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(more);
    json!({"json": input})
}

const ACCEPT: &str = "/events/event.actions.register.accept";
const REJECT: &str = "/events/event.actions.register.reject";
const NUMBER: &str = "ABCDEFGHJKLM";

#[tokio::test]
async fn core_refuses_what_the_real_one_refuses() {
    let sandbox = Running::start(CoreVersion::V2_0).await;
    let (token, eligible) = sandbox.hook();
    let token = token.as_str();
    let (event, action) = (&eligible["id"], &eligible["actions"][2]["id"]);
    let number = || json!({"registrationNumber": NUMBER});
    let other = json!("00000000-0000-4000-8000-000000000000");
    for (path, token, body, expected) in [
        (ACCEPT, "no token", input(event, action, &number()), 401),
        (ACCEPT, token, input(event, action, &json!({})), 400),
        (ACCEPT, token, input(&other, action, &number()), 403),
        (ACCEPT, token, input(event, &other, &number()), 403),
        (
            "/events/event.delete",
            token,
            input(event, action, &json!({})),
            404,
        ),
        ("/events/registration", "no token", json!({}), 401),
        ("/verify", token, json!({"nid": 5}), 500),
    ] {
        let answer = sandbox.post(path, token, &body).await;
        assert_eq!(answer.0, expected, "{path} {body}");
    }
    // A body without a length is none.
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("{}")]);
    let chunked = sandbox.http.post(format!("{}{ACCEPT}", sandbox.stand_ins));
    let chunked = chunked
        .bearer_auth(token)
        .body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(chunked.send().await.unwrap().status(), 400);
    // A token that names an action of one record does not read another, and lists no rows.
    let another = sandbox.sample_record("birth-not-eligible.json");
    let another = format!("/events/events/{}", another["id"].as_str().unwrap());
    for path in [another.as_str(), "/debug/transactions", "/integrations"] {
        let request = sandbox.http.get(format!("{}{path}", sandbox.stand_ins));
        let answer = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{path}");
    }
    // Another page of the browser does not get in.
    let foreign = sandbox
        .http
        .post(format!("{}/samples/husband", sandbox.pages));
    let foreign = foreign.header("origin", "http://evil.example").send().await;
    assert_eq!(foreign.unwrap().status(), 403);
}

#[tokio::test]
async fn the_middleware_takes_a_number_and_a_token_once() {
    let sandbox = Running::start(CoreVersion::V2_0).await;
    let (token, eligible) = sandbox.hook();
    let (event, action) = (&eligible["id"], &eligible["actions"][2]["id"]);
    // A packet needs a text in each field.
    let packet = |number: Value| {
        json!({
            "trackingId": "SANDBX", "metaInfo": {}, "audit": {},
            "notification": {"recipientFullName": "", "recipientEmail": "", "recipientPhone": ""},
            "requestFields": {"birthCertificateNumber": number, "fullName": "A B", "dateOfBirth": "2026/10/01"},
        })
    };
    let fault = json!({"error": "An unexpected error occurred"});
    for (number, expected) in [
        (json!(5), (500, fault.clone())),
        (json!(NUMBER), (202, json!({}))),
        // The token has a row.
        (json!("OTHERNUMBER1"), (500, fault)),
    ] {
        let body = packet(number);
        let answer = sandbox.post("/events/registration", &token, &body).await;
        assert_eq!(answer, expected, "{body}");
    }
    // The credential accepts the action with the number of the row; after that it cannot be rejected.
    let record = format!("/records/{}", event.as_str().unwrap());
    let accepted = sandbox.wait(&record, is_registered).await;
    assert_eq!(accepted["registrationNumber"], NUMBER);
    let number = json!({"registrationNumber": NUMBER});
    for (path, more, expected) in [(ACCEPT, number, 200), (REJECT, json!({}), 500)] {
        let answer = sandbox
            .post(path, &token, &input(event, action, &more))
            .await;
        assert_eq!(answer.0, expected, "{path}");
    }
}

/// On core 2.1 nobody but a system client accepts, and a token is not exchanged.
#[tokio::test]
async fn core_2_1_accepts_by_system_clients_only() {
    let sandbox = Running::start(CoreVersion::V2_1).await;
    let url = |path: &str| format!("{}{path}", sandbox.stand_ins);
    let ping = sandbox.http.get(url("/ping")).send().await.unwrap();
    assert_eq!(ping.headers()["x-version"], "2.1.0");
    let (hook, _) = sandbox.hook();
    let answer = sandbox.post(ACCEPT, &hook, &json!({"json": {}})).await;
    assert_eq!(answer.0, 401);
    let exchange = [
        ("grant_type", "urn:opencrvs:oauth:grant-type:token-exchange"),
        ("subject_token", hook.as_str()),
        ("event_id", "e"),
        ("action_id", "a"),
    ];
    let unknown = [
        ("grant_type", "client_credentials"),
        ("client_id", "x"),
        ("client_secret", "y"),
    ];
    for (path, form, status) in [
        ("/token", &exchange[..], 400),
        ("/token", &unknown[..], 401),
        ("/token?client_id=x", &unknown[..], 400),
    ] {
        let asked = sandbox.http.post(url(path)).form(form).send().await;
        assert_eq!(asked.unwrap().status(), status, "{path}");
    }
    // The clients of integrations.toml are there, each once.
    let page = until(
        async || sandbox.page("/operator").await,
        |page| page.contains("<td>MOSIP</td>"),
    )
    .await;
    for client in ["<td>Country configuration</td>", "<td>MOSIP</td>"] {
        assert_eq!(page.matches(client).count(), 1, "{client}: {page}");
    }
}

/// The README's tour, and a second sandbox on the same ports.
#[tokio::test]
async fn the_tour_of_the_readme_works_in_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut sandbox = Command::new(env!("CARGO_BIN_EXE_countryconfig"))
        .args(["sandbox", "--headless"])
        .current_dir(folder.path())
        .env("COUNTRY_CONFIG_PORT", &port)
        .env("LOG_LEVEL", "error")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(sandbox.stdout.take().unwrap()).lines();
    let mut read_until = |end: &str| {
        let mut text = String::new();
        for line in lines.by_ref() {
            text += &(line.unwrap() + "\n");
            if text.contains(end) {
                return text;
            }
        }
        panic!("`{end}` was not printed: {text}");
    };
    let said = read_until("/data/sandbox/birth-not-eligible.json'");
    assert!(
        said.contains(&format!("port {port} is taken; listening on ")),
        "{said}"
    );
    assert!(!said.contains("Open http"), "there are no pages: {said}");
    let curls: Vec<_> = said
        .split("\ncurl ")
        .skip(1)
        .map(|line| line.split("\n\n").next().unwrap())
        .collect();
    let run = |curl: &str| {
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("curl -s {curl}"))
            .current_dir(folder.path())
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let curl = |start: &str| *curls.iter().find(|curl| curl.contains(start)).unwrap();
    assert!(run(curl("/config/events")).starts_with(r#"[{"id":"birth""#));
    let ready = || run(curl("birth-eligible.json"));
    let mut answer = ready();
    for _ in 0..50 {
        if !answer.contains(" 503 ") {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        answer = ready();
    }
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let said = read_until("and the national ID");
    assert!(
        said.contains("The middleware got a packet:") && said.contains(r#""trackingId": "SANDBX""#),
        "{said}"
    );
    let first = run(curl("birth-not-eligible.json"));
    let number = |answer: &str| {
        answer
            .split("registrationNumber\":\"")
            .nth(1)
            .map(|rest| rest[..12].to_owned())
    };
    assert!(
        first.starts_with("HTTP/1.1 200") && number(&first).is_some(),
        "{first}"
    );
    assert_eq!(
        number(&first),
        number(&run(curl("birth-not-eligible.json")))
    );
    let explained = Command::new(env!("CARGO_BIN_EXE_countryconfig"))
        .args(["rules", "explain", "data/sandbox/birth-eligible.json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&explained.stdout).contains("create-uin"));
    // The folder is taken; the second sandbox says so and changes nothing.
    let second = Command::new(env!("CARGO_BIN_EXE_countryconfig"))
        .args(["sandbox", "--headless"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        !second.status.success() && said.contains("another sandbox uses the folder"),
        "{said}"
    );
    drop(std::io::stderr().flush());
    sandbox.kill().unwrap();
    sandbox.wait().unwrap();
}

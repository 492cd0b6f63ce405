// SPDX-License-Identifier: MPL-2.0
//! People are told: users of core, informants, and those who look after the installation.

use super::{SIGNER, TestApp, fresh_id, json as body, surroundings};
use country::notification::messages::{MESSAGES, Message};
use country::notification::templates::Variables;
use country::notification::{self, NotificationFiles};
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger;
use reqwest::Response;
use rstest::rstest;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use testing::mail_server::{Mail, MailServer};
use testing::within;
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A server that writes through a mail server.
async fn writing(mail: &MailServer, own: &[(&str, &str)]) -> TestApp {
    writing_to(mail.port, surroundings().await, own).await
}

async fn writing_to(port: u16, outside: MockServer, own: &[(&str, &str)]) -> TestApp {
    let port = port.to_string();
    let settings = [
        &[
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", &port),
            ("SENDER_EMAIL_ADDRESS", "no-reply@crvs.test"),
            ("LOGIN_URL", "https://login.crvs.test/"),
        ],
        own,
    ]
    .concat();
    let app = TestApp::with(outside, tempfile::tempdir().unwrap(), &settings).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    app
}

impl TestApp {
    /// Tells a user something, as core does.
    async fn tell(&self, event: &str, body: &Value) -> Response {
        let url = format!("{}/triggers/user/{event}", self.url);
        self.http.post(url).json(body).send().await.unwrap()
    }
}

/// What core sends with an event to Grace.
fn payload(event: &str, email: &str, language: &str) -> Value {
    let mut payload = json!({
        "recipient": {"name": {"firstname": "Grace", "surname": "O'Neil"}, "email": email, "mobile": "0700111222", "language": language},
    });
    let known = json!({
        "username": "g.oneil", "temporaryPassword": "a<b>&c", "oldUsername": "grace", "newUsername": "g.oneil",
        "code": "123456", "token": "a+b/c=", "subject": "Ünïcode & more", "body": "First line\n\nsecond <line>",
        "admin": {"id": "7", "name": {"firstname": "Ada", "surname": "Min"}, "role": "ADMIN"},
    });
    for name in Message::named(event).unwrap().payload {
        payload[*name] = known[*name].clone();
    }
    payload
}

fn sample_files() -> NotificationFiles {
    notification::read(None).unwrap()
}

/// Compares a mail with the country's wording.
fn is(mail: &Mail, message: &Message, language: &str, variables: &Value) {
    let files = sample_files();
    let mut said: Variables = variables.as_object().unwrap().clone();
    said.insert(
        "applicationName".into(),
        "Farajaland Civil Registration".into(),
    );
    said.insert("countryLogo".into(), "cid:logo".into());
    let expected = files
        .templates
        .email(message, Some(language), said)
        .unwrap();
    assert_eq!(mail.subject(), expected.subject);
    assert_eq!(
        mail.text().trim_end(),
        expected.text.trim_end(),
        "{}",
        message.word
    );
    assert_eq!(
        mail.html().trim_end(),
        expected.html.trim_end(),
        "{}",
        message.word
    );
    assert_eq!(mail.picture(), ("logo".to_owned(), files.logo.1));
    assert_eq!(mail.from, "no-reply@crvs.test");
    let parsed = mail.parsed();
    let from = parsed.from().unwrap().first().unwrap();
    assert_eq!(from.name().unwrap(), "Farajaland Civil Registration");
    assert_eq!(
        parsed.header_raw("Auto-Submitted").unwrap().trim(),
        "auto-generated"
    );
    assert!(parsed.message_id().unwrap().ends_with("@crvs.test"));
}

fn variables(event: &str) -> Value {
    let mut said = payload(event, "x@crvs.test", "en");
    said["firstname"] = json!("Grace");
    said["loginURL"] = json!("https://login.crvs.test/");
    said["recoverURL"] = json!("https://login.crvs.test/recover?token=a%2Bb%2Fc%3D");
    let lasts = Message::named(event).unwrap().lasts;
    said["minutes"] = json!(lasts.map_or(0, |lasts| lasts.as_mins()));
    said["lines"] = json!(["First line", "second <line>"]);
    said
}

#[tokio::test]
async fn users_get_every_message_in_both_languages() {
    let mail = MailServer::start(&[]);
    let app = writing(&mail, &[]).await;
    let messages = || {
        MESSAGES
            .iter()
            .filter(|message| !message.payload.is_empty())
    };
    for message in messages() {
        for language in ["en", "fr"] {
            let to = format!("{}.{language}@crvs.test", message.word);
            let told = app
                .tell(message.word, &payload(message.word, &to, language))
                .await;
            assert_eq!(
                (told.status().as_u16(), told.text().await.unwrap()),
                (200, String::new())
            );
        }
    }
    let received = mail.wait_for(2 * messages().count()).await;
    for message in messages() {
        for language in ["en", "fr"] {
            let to = [format!("{}.{language}@crvs.test", message.word)];
            let mut sent = received.iter().filter(|mail| mail.to == to);
            is(
                sent.next().unwrap(),
                message,
                language,
                &variables(message.word),
            );
            assert!(sent.next().is_none());
        }
    }
}

/// A record whose only pending action is this one, declared by the father.
fn declared(event: &str, action: &str, language: &str, email: &str) -> Value {
    let subject = if event == "birth" {
        "child"
    } else {
        "deceased"
    };
    let relation = if event == "birth" { "FATHER" } else { "SPOUSE" };
    let declaration = json!({
        "informant.relation": relation, "informant.email": email, "informant.phoneNo": "0700111222",
        "informant.language": language,
        format!("{}.name", relation.to_lowercase()): {"firstname": "José", "middlename": "", "surname": "N'Dour & Sons"},
        format!("{subject}.name"): {"firstname": "Nia", "middlename": "Sade", "surname": "N'Dour"},
    });
    json!({"id": fresh_id(), "type": event, "trackingId": "ABC123", "actions": [
        {"id": fresh_id(), "type": "DECLARE", "status": "Accepted", "createdAt": "2026-06-01T10:01:00.000Z", "declaration": declaration},
        {"id": fresh_id(), "type": action, "status": "Requested", "createdAt": "2026-06-01T10:02:00.000Z", "declaration": {},
         "createdAtLocation": "0f1e2d3c-0000-4000-8000-000000000001"},
    ]})
}

const ACTIONS: [(&str, &str); 4] = [
    ("NOTIFY", "in-progress"),
    ("DECLARE", "in-review"),
    ("REGISTER", "registered"),
    ("REJECT", "rejected"),
];

#[tokio::test]
async fn informants_get_every_message_in_both_languages() {
    let mail = MailServer::start(&[]);
    let app = writing(&mail, &[]).await;
    let mut expected = Vec::new();
    for event in ["birth", "death"] {
        for (action, what) in ACTIONS {
            for language in ["en", "fr"] {
                let to = format!("{event}.{what}.{language}@crvs.test");
                let record = declared(event, action, language, &to);
                for _ in 0..2 {
                    let answer = app.hook(&record).await;
                    assert_eq!(answer.status(), 200);
                    expected.push((
                        to.clone(),
                        format!("{event}-{what}"),
                        language,
                        body(answer).await,
                    ));
                }
            }
        }
    }
    for action in ["EDIT", "ARCHIVE", "PRINT_CERTIFICATE", "REQUEST_CORRECTION"] {
        let record = declared("birth", action, "en", "nobody@crvs.test");
        assert_eq!(app.hook(&record).await.status(), 200);
    }
    let received = mail.wait_for(16).await;
    for (to, word, language, answer) in expected {
        let mut sent = received.iter().filter(|mail| mail.to == [to.clone()]);
        let said = json!({
            "informantName": "José N'Dour & Sons", "name": "Nia Sade N'Dour", "trackingId": "ABC123",
            "registrationNumber": answer["registrationNumber"],
        });
        is(
            sent.next().unwrap(),
            Message::named(&word).unwrap(),
            language,
            &said,
        );
        assert!(sent.next().is_none(), "asked twice, told once");
    }
    assert_eq!(mail.received().len(), 16, "nothing about other actions");
}

/// Who sits before a login page learns whether a code is on its way.
#[rstest]
#[case::taken("grace@crvs.test", 200, None)]
#[case::for_nobody("grace@example.com", 200, None)]
#[case::refused("gone@crvs.test", 502, Some("it was refused permanently"))]
#[case::refused_when_it_is_there("spam@crvs.test", 502, Some("it was refused permanently"))]
#[tokio::test]
async fn a_code_is_answered_by_the_truth(
    #[case] to: &str,
    #[case] status: u16,
    #[case] message: Option<&str>,
) {
    let mail = MailServer::start(&[]);
    let app = writing(&mail, &[]).await;
    let told = app.tell("2fa", &payload("2fa", to, "en")).await;
    assert_eq!(told.status(), status);
    assert_eq!(body(told).await["message"].as_str(), message);
    assert_eq!(mail.received().len(), usize::from(to == "grace@crvs.test"));
    assert!(!app.waits().await, "what is refused is not tried again");
}

impl TestApp {
    /// Whether anything is to be delivered yet.
    async fn waits(&self) -> bool {
        let ledger = self.folder.path().join("ledger.db");
        let ledger = format!("sqlite://{}", ledger.display());
        let ledger = ledger::open(&ledger, Encryption::default()).await.unwrap();
        let counts = ledger.counts().await.unwrap();
        counts.waiting + counts.parked > 0
    }
}

/// However the mail server fares, core is answered at once, and people are told later, once.
#[rstest]
#[case::down(&[], true)]
#[case::slow(&["--slow", "6"], false)]
#[case::breaks_off_half_way(&["--break-off", "10"], false)]
#[tokio::test]
async fn a_mail_server_in_trouble_delays_mail_and_nothing_else(
    #[case] options: &[&str],
    #[case] down: bool,
) {
    let port = testing::ports::closed_port();
    let number = port.to_string();
    let options = [options, &["--port", &number]].concat();
    let mut mail = (!down).then(|| MailServer::start(&options));
    let app = writing_to(port, surroundings().await, &[]).await;
    let started = Instant::now();
    for action in ["DECLARE", "REGISTER", "REJECT"] {
        let record = declared("birth", action, "en", "grace@crvs.test");
        assert_eq!(app.hook(&record).await.status(), 200);
    }
    // The slow server takes six seconds for each.
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "{:?}",
        started.elapsed()
    );
    let told = app
        .tell(
            "reset-password",
            &payload("reset-password", "code@crvs.test", "en"),
        )
        .await;
    assert_eq!(told.status(), 504);
    let answer = body(told).await;
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .contains("not accepted; it is retried"),
        "{answer}"
    );
    let mail = mail.get_or_insert_with(|| MailServer::start(&options));
    let received = mail.wait_for(4).await;
    within("an end", async || !app.waits().await).await;
    let subjects: BTreeSet<_> = received.iter().map(Mail::subject).collect();
    assert_eq!(
        (received.len(), mail.received().len(), subjects.len()),
        (4, 4, 4)
    );
}

/// One address that is wrong, and one that is full today, are no trouble to the others.
#[tokio::test]
async fn an_announcement_reaches_everybody_unseen_by_each_other_and_once() {
    let mail = MailServer::start(&[]);
    let app = writing(&mail, &[]).await;
    let mut everybody: Vec<_> = (0..120).map(|n| format!("user{n}@crvs.test")).collect();
    everybody.extend(["gone@crvs.test", "no address", "ada@example.com"].map(str::to_owned));
    let mut announced = payload("all-user-notification", "admin@crvs.test", "en");
    announced["recipient"]["bcc"] = json!(everybody);
    for _ in 0..2 {
        // Core asks again when it did not hear the answer.
        assert_eq!(
            app.tell("all-user-notification", &announced).await.status(),
            200
        );
    }
    within("everybody", async || {
        mail.received()
            .iter()
            .map(|mail| mail.to.len())
            .sum::<usize>()
            >= 121
    })
    .await;
    within("an end", async || !app.waits().await).await;
    let received = mail.received();
    let told: Vec<_> = received.iter().flat_map(|mail| &mail.to).collect();
    assert_eq!(told.len(), 121);
    assert_eq!(
        told.iter().collect::<BTreeSet<_>>().len(),
        121,
        "nobody twice"
    );
    for mail in &received {
        is(
            mail,
            Message::named("all-user-notification").unwrap(),
            "en",
            &variables("all-user-notification"),
        );
        let seen = String::from_utf8_lossy(&mail.data);
        assert!(
            !seen.contains("user1") && !seen.to_lowercase().contains("bcc"),
            "{seen}"
        );
        assert!(mail.to.len() <= 50);
    }
}

/// Codes of HTTP and SMTP in a mail that is tried again: as long as nobody took it.
#[tokio::test]
async fn a_full_mailbox_is_tried_again() {
    let mail = MailServer::start(&[]);
    let app = writing(&mail, &[]).await;
    let told = app
        .tell(
            "user-updated",
            &payload("user-updated", "busy@crvs.test", "en"),
        )
        .await;
    assert_eq!(told.status(), 200);
    assert_eq!(mail.wait_for(1).await[0].to, ["busy@crvs.test"]);
}

/// A server without SMTPUTF8 takes any domain as punycode, but no other letters before the `@`.
#[tokio::test]
async fn an_internationalised_domain_reaches_every_mail_server() {
    let mail = MailServer::start(&["--ascii"]);
    let app = writing(&mail, &[("DELIVERY_RETRY_SCHEDULE", "50ms")]).await;
    let informant = declared("birth", "DECLARE", "en", "zoë@crvs.test");
    assert_eq!(app.hook(&informant).await.status(), 200);
    let user = payload("user-updated", "grace@zürich.test", "en");
    assert_eq!(app.tell("user-updated", &user).await.status(), 200);
    let letter = mail.wait_for(1).await.remove(0);
    assert_eq!(letter.to, ["grace@xn--zrich-kva.test"]);
    let to = letter.parsed().header_raw("To").unwrap().to_owned();
    assert!(to.contains("grace@xn--zrich-kva.test"), "{to}");
    testing::within("refused for good", async || {
        let metrics = app.get("/metrics").await.text().await.unwrap();
        let mut lines = metrics.lines();
        lines.any(|line| line.contains("email") && line.contains("refused") && line.ends_with(" 1"))
    })
    .await;
    assert_eq!(mail.received().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_payload_is_named_by_field() {
    let mail = MailServer::start(&[]);
    let app = writing(&mail, &[]).await;
    let changed = |event: &str, pointer: &str, value: Value| {
        let mut payload = payload(event, "grace@crvs.test", "en");
        *payload.pointer_mut(pointer).unwrap() = value;
        payload
    };
    let cases = [
        (
            "user-created",
            json!({}),
            json!({"recipient": "is missing"}),
        ),
        (
            "user-created",
            json!({"recipient": {"email": "grace@crvs.test"}}),
            json!({"username": "is missing", "temporaryPassword": "is missing"}),
        ),
        (
            "2fa",
            changed("2fa", "/recipient/email", json!("grace at home")),
            json!({"recipient.email": "is not an e-mail address"}),
        ),
        (
            "2fa",
            changed("2fa", "/recipient/name", json!({"firstname": "Grace"})),
            json!({"recipient.name.surname": "is missing"}),
        ),
        (
            "2fa",
            changed("2fa", "/code", json!(123_456)),
            json!({"code": "is not of the expected kind"}),
        ),
        (
            "reset-password-by-admin",
            changed("reset-password-by-admin", "/admin/name", json!("Ada")),
            json!({"admin.name": "is not of the expected kind"}),
        ),
    ];
    for (event, payload, fields) in cases {
        let told = app.tell(event, &payload).await;
        assert_eq!(told.status(), 400, "{event}");
        let answer = body(told).await;
        assert_eq!(answer["fields"], fields);
        for (field, why) in fields.as_object().unwrap() {
            let said = format!("`{field}` {}", why.as_str().unwrap());
            assert!(
                answer["message"].as_str().unwrap().contains(&said),
                "{answer}"
            );
        }
    }
    let broken = app.post("/triggers/user/2fa", "", "{").await;
    assert_eq!(broken.status(), 400);
    assert_eq!(
        body(broken).await["message"],
        "the body is not JSON (line 1, column 1)"
    );
    assert_eq!(app.tell("3fa", &json!({})).await.status(), 404);
    let mut nowhere = payload("2fa", "x@crvs.test", "en");
    nowhere["recipient"]
        .as_object_mut()
        .unwrap()
        .remove("email");
    let told = app.tell("2fa", &nowhere).await;
    assert_eq!(told.status(), 422);
    assert_eq!(
        body(told).await["fields"],
        json!({"recipient.email": "is missing"})
    );
    nowhere["username"] = json!("grace");
    assert_eq!(
        app.tell("username-reminder", &nowhere).await.status(),
        200,
        "nothing to do"
    );
    assert!(mail.received().is_empty());
}

/// Core 2.0 comes without a token now and then; from 2.0.1 on nobody does.
#[tokio::test]
async fn who_may_have_users_told_something() {
    let mail = MailServer::start(&[]);
    let token = SIGNER.action_token("e", "a").unwrap();
    let core_2_0 = writing(&mail, &[("EMAIL_ROUTE_TOKEN", "let me in")]).await;
    let later = writing(&mail, &[("CORE_VERSION", "2.0.1")]).await;
    let send = async |app: &TestApp, path: &str, bearer: &str, proxied: bool, body: String| {
        let mut request = app.http.post(format!("{}{path}", app.url)).body(body);
        if !bearer.is_empty() {
            request = request.header("authorization", bearer);
        }
        if proxied {
            request = request.header("x-forwarded-for", "203.0.113.9");
        }
        request.send().await.unwrap().status().as_u16()
    };
    let good = || payload("user-updated", "grace@crvs.test", "en").to_string();
    let bearer = format!("Bearer {token}");
    for path in ["/triggers/user/user-updated", "/trigger/user/user-updated"] {
        let to = &core_2_0;
        // Core 2.0 does not call the other path.
        let open = if path.starts_with("/triggers/") {
            200
        } else {
            401
        };
        assert_eq!(send(to, path, "", false, good()).await, open);
        assert_eq!(send(to, path, "undefined", false, good()).await, open);
        assert_eq!(
            send(to, path, "", true, good()).await,
            401,
            "a proxy lends nobody its place"
        );
        assert_eq!(send(to, path, &bearer, true, good()).await, 200);
        assert_eq!(send(to, path, "Bearer let me in", true, good()).await, open);
        let to = &later;
        for bearer in ["", "undefined", "Bearer let me in", "Bearer x.y.z"] {
            assert_eq!(send(to, path, bearer, false, good()).await, 401);
            assert_eq!(
                send(to, path, bearer, false, "{".into()).await,
                401,
                "before the body"
            );
        }
        assert_eq!(send(to, path, &bearer, false, good()).await, 200);
        assert_eq!(send(to, path, &bearer, false, "{".into()).await, 400);
    }
    assert_eq!(mail.wait_for(7).await.len(), 7);
}

#[tokio::test]
async fn on_core_2_0_nobody_inside_can_flood_a_mailbox_or_all_of_them() {
    let mail = MailServer::start(&[]);
    let limited = [
        ("MESSAGES_PER_RECIPIENT", "3"),
        ("MESSAGES_PER_MINUTE", "8"),
    ];
    let app = writing(&mail, &limited).await;
    let tell = async |to: &str| {
        let payload = payload("user-updated", to, "en");
        app.tell("user-updated", &payload).await.status().as_u16()
    };
    let mut statuses = Vec::new();
    for to in [
        "a@crvs.test",
        "A@crvs.test",
        "a@crvs.test",
        "a@crvs.test",
        "b@crvs.test",
    ] {
        statuses.push(tell(to).await);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 200]);
    let mut hidden = payload("all-user-notification", "b@crvs.test", "en");
    hidden["recipient"]["bcc"] = json!(["a@crvs.test"]);
    assert_eq!(
        app.tell("all-user-notification", &hidden).await.status(),
        429
    );
    assert_eq!(
        (tell("c@crvs.test").await, tell("d@crvs.test").await),
        (200, 200)
    );
    let over = app
        .tell(
            "user-updated",
            &payload("user-updated", "e@crvs.test", "en"),
        )
        .await;
    assert_eq!(over.status(), 429);
    assert!(
        body(over).await["message"]
            .as_str()
            .unwrap()
            .contains("too many"),
        "JSON for core"
    );
    // Nobody is locked out by a day of invitations: codes are counted among themselves.
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let code = payload("2fa", "a@crvs.test", "en");
        statuses.push(app.tell("2fa", &code).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
}

fn alert() -> Value {
    json!({
        "subject": "Disk of {{DOMAIN}}", "html": "<p>{{SENDER_EMAIL_ADDRESS}} {{firstname}}</p>",
        "from": "{{SENDER_EMAIL_ADDRESS}}", "to": "{{ALERT_EMAIL}}",
    })
}

#[tokio::test]
async fn alerts_of_the_cluster_are_sent_and_strangers_send_none() {
    let mail = MailServer::start(&[]);
    let own = [
        ("ALERT_EMAIL", "ops@crvs.test, duty@crvs.test"),
        ("DOMAIN", "crvs.test"),
        ("EMAIL_ROUTE_TOKEN", "let-me-in"),
    ];
    let app = writing(&mail, &own).await;
    let url = format!("{}/email", app.url);
    let post = |alert: &Value| app.http.post(&url).json(alert);
    assert_eq!(post(&alert()).send().await.unwrap().status(), 200);
    let sent = mail.wait_for(1).await.remove(0);
    assert_eq!(sent.to, ["ops@crvs.test", "duty@crvs.test"]);
    assert_eq!(
        (sent.from.as_str(), sent.subject().as_str()),
        ("no-reply@crvs.test", "Disk of crvs.test")
    );
    assert_eq!(
        sent.html().trim(),
        "<p>no-reply@crvs.test {{firstname}}</p>"
    );

    let by_name = post(&alert()).header("Host", "countryconfig.crvs.test");
    assert_eq!(by_name.send().await.unwrap().status(), 403);
    let in_1_0 = "POST /email HTTP/1.0\r\nHost: countryconfig\r\nContent-Length: 2\r\n\r\n{}";
    assert!(exchange(&app, in_1_0).await.contains(" 403 "));
    for proxy in [
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "Via",
        "X-Forwarded-Host",
    ] {
        let proxied = || post(&alert()).header(proxy, "203.0.113.9");
        assert_eq!(proxied().send().await.unwrap().status(), 403);
        let wrong = proxied().bearer_auth("let-me-out").send().await.unwrap();
        assert_eq!(wrong.status(), 403);
        let right = proxied().bearer_auth("let-me-in").send().await.unwrap();
        assert_eq!(right.status(), 200);
    }
    let mut bad = alert();
    bad["to"] = json!("ops");
    let refused = post(&bad).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(
        body(refused).await["fields"],
        json!({"to": "is not an e-mail address"})
    );
    bad.as_object_mut().unwrap().remove("html");
    let refused = post(&bad).send().await.unwrap();
    assert_eq!(body(refused).await["fields"], json!({"html": "is missing"}));
    assert_eq!(mail.wait_for(6).await.len(), 6);
}

/// Writes some bytes to the server, and reads what it answers until it closes.
async fn exchange(app: &TestApp, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What core shows of a record whose pending action was answered so.
async fn shows(outside: &MockServer, record: &Value, answered: &str, times: u64) {
    let mut shown = record.clone();
    let pending = shown["actions"].as_array().unwrap().last().unwrap().clone();
    shown["actions"].as_array_mut().unwrap().push(json!({
        "id": fresh_id(), "type": pending["type"], "status": answered, "originalActionId": pending["id"],
        "createdAt": "2026-06-02T10:02:00.000Z", "declaration": {}, "registrationNumber": "CORE00000001",
    }));
    let id = record["id"].as_str().unwrap();
    Mock::given(path("/events/event.get"))
        .and(wiremock::matchers::query_param(
            "input",
            format!(r#"{{"json":{{"eventId":"{id}"}}}}"#),
        ))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({"result": {"data": {"json": shown}}})),
        )
        .up_to_n_times(times)
        .mount(outside)
        .await;
}

/// Surroundings in which core knows this server as a system client.
async fn with_a_system_client() -> MockServer {
    let outside = surroundings().await;
    Mock::given(path("/token"))
        .and(body_string_contains("client_credentials"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "system"})))
        .mount(&outside)
        .await;
    let offices = json!([{"id": "0f1e2d3c-0000-4000-8000-000000000001", "name": "Bureau de l'Île", "locationType": "CRVS_OFFICE"}]);
    Mock::given(path("/events/locations.list"))
        .and(header("authorization", "Bearer system"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(json!({"result": {"data": {"json": offices}}})),
        )
        .expect(1)
        .mount(&outside)
        .await;
    outside
}

const SYSTEM_CLIENT: [(&str, &str); 2] = [
    ("SYSTEM_CLIENT_ID", "client"),
    ("SYSTEM_CLIENT_SECRET", "secret"),
];

/// An eligible birth waits for the national ID system: nobody says that it is registered before core does.
#[tokio::test]
async fn a_registration_that_waits_is_announced_when_core_has_it_with_the_number_that_core_got() {
    let mail = MailServer::start(&[]);
    let outside = with_a_system_client().await;
    let eligible = |to: &str| {
        let mut record = super::eligible_birth();
        record["actions"][1]["declaration"]["informant.email"] = json!(to);
        record["actions"][2]["createdAtLocation"] = json!("0f1e2d3c-0000-4000-8000-000000000001");
        record
    };
    let (accepted, rejected) = (eligible("yes@crvs.test"), eligible("no@crvs.test"));
    let app = writing_to(mail.port, outside, &SYSTEM_CLIENT).await;
    shows(&app.outside, &accepted, "Requested", 2).await;
    shows(&app.outside, &accepted, "Accepted", 9).await;
    shows(&app.outside, &rejected, "Rejected", 9).await;
    for record in [&accepted, &rejected] {
        assert_eq!(app.hook(record).await.status(), 202);
    }
    let sent = mail.wait_for(1).await.remove(0);
    within("an end", async || !app.waits().await).await;
    assert_eq!(
        (mail.received().len(), sent.to),
        (1, vec!["yes@crvs.test".to_owned()])
    );
    let sent = mail.received().remove(0);
    let text = sent.text();
    assert!(
        text.contains("CORE00000001") && text.contains("Bureau de l'Île"),
        "{text}"
    );
    assert!(sent.html().contains("Bureau de l&#x27;Île"));
    // Another message asks nobody for the names of offices again.
    let declared = declared("birth", "DECLARE", "fr", "fr@crvs.test");
    assert_eq!(app.hook(&declared).await.status(), 200);
    assert!(mail.wait_for(2).await[1].text().contains("Bureau de l'Île"));
    app.outside.verify().await;
}

#[tokio::test]
async fn without_a_system_client_nothing_is_claimed_about_what_waits() {
    let mail = MailServer::start(&[]);
    let app = writing(&mail, &[]).await;
    let mut record = super::eligible_birth();
    record["actions"][1]["declaration"]["informant.email"] = json!("yes@crvs.test");
    assert_eq!(app.hook(&record).await.status(), 202);
    app.packets(1).await;
    within("an end", async || !app.waits().await).await;
    assert!(mail.received().is_empty());
}

/// The sample country, with messages by SMS.
fn by_sms(sms: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("country/data");
    let application = std::fs::read_to_string(shipped.join("application.toml")).unwrap();
    let application =
        application.replace("delivery-method = \"email\"", "delivery-method = \"sms\"");
    std::fs::write(folder.path().join("application.toml"), application).unwrap();
    std::fs::copy(shipped.join("logo.png"), folder.path().join("logo.png")).unwrap();
    std::fs::write(folder.path().join("sms.toml"), sms).unwrap();
    folder
}

#[tokio::test]
async fn sms_reach_the_gateway_in_both_languages() {
    let outside = surroundings().await;
    Mock::given(method("POST"))
        .and(path("/sms"))
        .and(header("authorization", "App key"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&outside)
        .await;
    let country = by_sms("region = \"ZM\"");
    let country = format!("built-in:{}", country.path().display());
    let endpoint = format!("{}/sms", outside.uri());
    let own = [
        ("COUNTRY_DIR", country.as_str()),
        ("INFOBIP_GATEWAY_ENDPOINT", &endpoint),
        ("INFOBIP_API_KEY", "key"),
        ("INFOBIP_SENDER_ID", "CRVS"),
        ("MESSAGES_PER_RECIPIENT", "100"),
        ("LOGIN_URL", "https://login.crvs.test/"),
    ];
    let app = TestApp::with(outside, tempfile::tempdir().unwrap(), &own).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let files = sample_files();
    let mut expected = Vec::new();
    for message in MESSAGES.iter().filter(|message| message.sms.is_some()) {
        for language in ["en", "fr"] {
            let mut said = if message.payload.is_empty() {
                let (event, what) = message.word.split_once('-').unwrap();
                let (action, _) = ACTIONS.iter().find(|(_, known)| *known == what).unwrap();
                let answer = app
                    .hook(&declared(event, action, language, "x@crvs.test"))
                    .await;
                assert_eq!(answer.status(), 200);
                let number = body(answer).await["registrationNumber"].take();
                json!({"name": "Nia Sade N'Dour", "trackingId": "ABC123", "registrationNumber": number})
            } else {
                let payload = payload(message.word, "x@crvs.test", language);
                assert_eq!(app.tell(message.word, &payload).await.status(), 200);
                variables(message.word)
            };
            said["applicationName"] = json!("Farajaland Civil Registration");
            let said = said.as_object().unwrap().clone();
            let text = files
                .templates
                .sms(message, Some(language), said)
                .unwrap()
                .unwrap();
            let to = json!([{"recipient": "+260700111222"}]);
            expected.push(
                json!({"messages": [{"destinations": to, "from": "CRVS", "text": text}]})
                    .to_string(),
            );
        }
    }
    let sent = async || {
        let requests = app.outside.received_requests().await.unwrap();
        let sent = requests.iter().filter(|r| r.url.path() == "/sms");
        let sent = sent.map(|r| String::from_utf8(r.body.clone()).unwrap());
        sent.collect::<Vec<_>>()
    };
    within("all", async || sent().await.len() >= expected.len()).await;
    let mut sent = sent().await;
    sent.sort();
    expected.sort();
    assert_eq!(sent, expected);
    let announced = payload("all-user-notification", "x@crvs.test", "en");
    assert_eq!(
        app.tell("all-user-notification", &announced).await.status(),
        200,
        "too long for an SMS"
    );
}

#[tokio::test]
async fn a_gateway_that_is_down_is_told_to_who_waits_and_tried_again() {
    let outside = surroundings().await;
    Mock::given(path("/sms"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&outside)
        .await;
    Mock::given(path("/sms"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&outside)
        .await;
    let gateway = format!(
        "region = \"ZM\"\n[gateway]\nurl = \"{}/sms?to={{{{number}}}}&text={{{{text}}}}\"",
        outside.uri()
    );
    let country = by_sms(&gateway);
    let country = format!("built-in:{}", country.path().display());
    let app = TestApp::with(
        outside,
        tempfile::tempdir().unwrap(),
        &[("COUNTRY_DIR", &country)],
    )
    .await;
    app.wait_for(|status| status == 200, "/readyz").await;
    assert_eq!(
        app.tell("2fa", &payload("2fa", "x@crvs.test", "en"))
            .await
            .status(),
        504
    );
    let sent = async || {
        let requests = app.outside.received_requests().await.unwrap();
        requests
            .iter()
            .filter(|r| r.url.path() == "/sms")
            .cloned()
            .collect::<Vec<_>>()
    };
    within("again", async || sent().await.len() == 2).await;
    let query: Map<String, Value> = sent().await[1]
        .url
        .query_pairs()
        .map(|(n, v)| (n.into_owned(), v.into_owned().into()))
        .collect();
    assert_eq!(query["to"], "+260700111222");
    assert_eq!(
        query["text"],
        "123456 is your Farajaland Civil Registration verification code. Do not share it with anyone."
    );
}

#[rstest]
#[case::development(&[], 200)]
#[case::production(&[("NODE_ENV", "production")], 503)]
#[tokio::test]
async fn without_a_mail_server_development_goes_on_and_production_says_so(
    #[case] own: &[(&str, &str)],
    #[case] status: u16,
) {
    let settings = countryconfig::settings::VARIABLES.iter();
    let needed = settings.filter(|v| v.production.is_none() && v.development.is_some());
    let needed = needed
        .map(|v| (v.name, v.example))
        .filter(|(name, _)| !["AUTH_URL", "GATEWAY_URL"].contains(name));
    let own = [&needed.collect::<Vec<_>>()[..], own].concat();
    let app = TestApp::with(surroundings().await, tempfile::tempdir().unwrap(), &own).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    for event in ["2fa", "user-created"] {
        let told = app
            .tell(event, &payload(event, "grace@crvs.test", "en"))
            .await;
        assert_eq!(told.status(), status);
    }
    let told = app
        .http
        .post(format!("{}/email", app.url))
        .json(&alert())
        .send()
        .await
        .unwrap();
    assert_eq!(told.status(), status);
    let record = declared("birth", "REGISTER", "en", "grace@crvs.test");
    assert_eq!(app.hook(&record).await.status(), 200);
    within("an end", async || !app.waits().await).await;
}

/// A server process that writes everything it has to say to a file.
struct Talkative {
    child: std::process::Child,
    url: String,
    folder: tempfile::TempDir,
}

impl Talkative {
    async fn start(outside: &MockServer, own: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = testing::ports::closed_port();
        let said = std::fs::File::create(folder.path().join("said")).unwrap();
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_countryconfig"))
            .envs(super::environment(outside, folder.path()))
            .envs(own.iter().copied())
            .env("COUNTRY_CONFIG_PORT", port.to_string())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        let started = Self { child, url, folder };
        let http = super::process::client();
        within("ready", async || {
            let ready = http.get(format!("{}/readyz", started.url)).send().await;
            ready.is_ok_and(|ready| ready.status() == 200)
        })
        .await;
        started
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> u16 {
        let url = format!("{}{path}", self.url);
        let request = super::process::client()
            .post(url)
            .bearer_auth(token)
            .json(body);
        request.send().await.unwrap().status().as_u16()
    }

    async fn is_quiet(&self) {
        let metrics = format!("{}/metrics", self.url);
        within("an end", async || {
            let metrics = super::process::client().get(&metrics).send().await.unwrap();
            let metrics = metrics.text().await.unwrap();
            let waiting = |line: &&str| line.starts_with("countryconfig_deliveries_waiting");
            metrics
                .lines()
                .filter(waiting)
                .all(|line| line.ends_with(" 0"))
        })
        .await;
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap()
    }
}

impl Drop for Talkative {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Everything that people are told, and whom, is planted; nothing of it may grow in a log.
#[rstest]
#[case::by_email("email", "refused `death-in-progress`")]
#[case::by_sms("sms", "refused `user-created`")]
#[tokio::test]
async fn nothing_about_people_is_in_a_log_at_any_level(#[case] how: &str, #[case] refused: &str) {
    let mail = MailServer::start(&["--login", "plantedlogin:plantedsmtppassword"]);
    let outside = surroundings().await;
    let says = ResponseTemplate::new(400).set_body_string("no such number: 0799888777");
    Mock::given(path("/sms"))
        .respond_with(says)
        .up_to_n_times(2)
        .mount(&outside)
        .await;
    Mock::given(path("/sms"))
        .respond_with(ResponseTemplate::new(200))
        .mount(&outside)
        .await;
    let country = by_sms("region = \"ZM\"");
    let country = if how == "sms" {
        format!("built-in:{}", country.path().display())
    } else {
        "built-in".to_owned()
    };
    let (port, endpoint) = (mail.port.to_string(), format!("{}/sms", outside.uri()));
    let own = [
        ("COUNTRY_DIR", country.as_str()),
        ("LOG_LEVEL", "trace"),
        ("SMTP_HOST", "127.0.0.1"),
        ("SMTP_PORT", &port),
        ("SMTP_USERNAME", "plantedlogin"),
        ("SMTP_PASSWORD", "plantedsmtppassword"),
        ("SENDER_EMAIL_ADDRESS", "no-reply@crvs.test"),
        ("EMAIL_ROUTE_TOKEN", "plantedpass"),
        ("INFOBIP_GATEWAY_ENDPOINT", &endpoint),
        ("INFOBIP_API_KEY", "plantedkey"),
    ];
    let server = Talkative::start(&outside, &own).await;
    let token = SIGNER.action_token("e", "a").unwrap();
    let planted = json!({
        "recipient": {
            "name": {"firstname": "plantedfirst", "surname": "plantedlast", "middlename": "plantedmiddle"},
            "mobile": "0799888777", "email": "plantedaddress@plantedhost.test", "bcc": ["plantedbcc@crvs.test", "plantedbad"],
        },
        "username": "planteduser", "temporaryPassword": "plantedpassword", "oldUsername": "plantedold",
        "newUsername": "plantednew", "code": "plantedcode", "token": "plantedtoken", "subject": "plantedsubject",
        "body": "plantedbody", "admin": {"id": "7", "name": {"firstname": "plantedadmin", "surname": "planted"}, "role": "plantedrole"},
    });
    for message in MESSAGES
        .iter()
        .filter(|message| !message.payload.is_empty())
    {
        for to in [
            "plantedaddress@plantedhost.test",
            "gone@plantedhost.test",
            "busy@plantedhost.test",
            "plantedrubbish",
        ] {
            let mut planted = planted.clone();
            planted["recipient"]["email"] = json!(to);
            server
                .post(&format!("/trigger/user/{}", message.word), &token, &planted)
                .await;
        }
    }
    let mut wrong = planted.clone();
    wrong["code"] = json!(["plantedcode"]);
    assert_eq!(
        server
            .post("/triggers/user/2fa", "plantedpass", &wrong)
            .await,
        400
    );
    let planted_alert = json!({"subject": "plantedsubject", "html": "plantedbody", "from": "no-reply@crvs.test", "to": "plantedaddress@plantedhost.test"});
    assert_eq!(
        server.post("/email", "plantedpass", &planted_alert).await,
        200
    );
    for to in [
        "plantedaddress@plantedhost.test",
        "gone@plantedhost.test",
        "plantedrubbish",
    ] {
        for event in ["birth", "death"] {
            for (action, _) in ACTIONS {
                let mut record = declared(event, action, "en", to);
                let declaration = &mut record["actions"][0]["declaration"];
                declaration["informant.phoneNo"] = json!("0799888777");
                for page in ["father", "spouse", "child", "deceased"] {
                    declaration[format!("{page}.name")] = planted["recipient"]["name"].clone();
                }
                let ids =
                    [&record["id"], &record["actions"][1]["id"]].map(|id| id.as_str().unwrap());
                let token = SIGNER.action_token(ids[0], ids[1]).unwrap();
                let path = format!("/trigger/events/{event}/actions/{action}");
                assert_eq!(server.post(&path, &token, &record).await, 200);
            }
        }
    }
    server.is_quiet().await;
    let said = server.said();
    for line in said.lines() {
        for plant in ["planted", "0799888777", "799888777", "gone@", "busy@"] {
            assert!(!line.contains(plant), "{line}");
        }
    }
    // Somebody was told, and the log says that much.
    assert!(
        said.contains("Delivered `birth-registered`") && said.contains(refused),
        "{said}"
    );
}

/// A certificate of an authority that is nobody's but this test's.
fn certificate(folder: &std::path::Path) -> [String; 3] {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["0.0.0.0".to_owned()]).unwrap();
    let server = server.signed_by(&own, &issuer).unwrap();
    [
        write("root.pem", root.pem()),
        write("server.pem", server.pem()),
        write("key.pem", own.serialize_pem()),
    ]
}

/// To a server that is not this machine nothing goes in the clear, nor to who cannot prove that it is the
/// one. (0.0.0.0 reaches this machine, but does not look like it.)
#[rstest]
#[case::starttls(&[], "false", true, true)]
#[case::from_the_first_byte(&["--implicit"], "true", true, true)]
#[case::unknown_authority(&[], "false", false, false)]
#[case::in_the_clear(&["--plain"], "false", true, false)]
#[tokio::test]
async fn mail_goes_through_tls_with_a_login(
    #[case] options: &[&str],
    #[case] secure: &str,
    #[case] trusted: bool,
    #[case] arrives: bool,
) {
    let folder = tempfile::tempdir().unwrap();
    let [root, certificate, key] = certificate(folder.path());
    let encrypted = [
        "--certificate",
        &certificate,
        "--key",
        &key,
        "--login",
        "crvs:s3cret",
    ];
    let options = match options {
        ["--plain"] => vec![],
        more => [&encrypted[..], more].concat(),
    };
    let mail = MailServer::start(&options);
    let port = mail.port.to_string();
    let mut own = vec![
        ("SMTP_HOST", "0.0.0.0"),
        ("SMTP_PORT", &port),
        ("SMTP_SECURE", secure),
        ("SMTP_REQUIRE_TLS", "true"),
        ("SMTP_USERNAME", "crvs"),
        ("SMTP_PASSWORD", "s3cret"),
        ("SENDER_EMAIL_ADDRESS", "Registry <no-reply@crvs.test>"),
    ];
    if trusted {
        own.push(("SSL_CERT_FILE", &root));
    }
    let server = Talkative::start(&surroundings().await, &own).await;
    let code = payload("2fa", "grace@crvs.test", "en");
    let status = server.post("/triggers/user/2fa", "", &code).await;
    let received = mail.received();
    if arrives {
        assert_eq!((status, received.len()), (200, 1));
        assert!(received[0].tls && received[0].login);
        assert_eq!(
            received[0].parsed().from().unwrap().first().unwrap().name(),
            Some("Registry")
        );
    } else {
        assert_eq!((status, received.len()), (504, 0));
    }
}

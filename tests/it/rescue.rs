// SPDX-License-Identifier: MPL-2.0
//! Records whose hook or answer was lost are found and ended, and never with a second identity.

use super::core_stand_in::Core;
use super::operators::Operator;
use super::process::{Process, client, hook, ids};
use super::{SIGNER, eligible_birth, environment, packets, plain_birth, surroundings};
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use std::time::Duration;
use testing::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// A server that is killed when it is dropped, its operator, and core.
struct Place {
    server: Process,
    operator: Operator,
    core: Core,
    outside: MockServer,
    folder: tempfile::TempDir,
}

async fn place(own: &[(&str, &str)]) -> Place {
    let (outside, folder) = (surroundings().await, tempfile::tempdir().unwrap());
    let core = Core::at(&outside).await;
    let mut environment = environment(&outside, folder.path());
    let client = [
        ("SYSTEM_CLIENT_ID", "client"),
        ("SYSTEM_CLIENT_SECRET", "secret"),
    ];
    let own = client.iter().chain(own);
    environment.extend(own.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    let server = Process::start(&environment);
    server.is_ready().await;
    Place {
        server,
        operator: Operator(environment),
        core,
        outside,
        folder,
    }
}

/// The middleware keeps packets of these events.
async fn middleware_keeps(outside: &MockServer, events: &[&str]) {
    let rows: Vec<_> = events
        .iter()
        .map(|event| json!({"eventId": event, "id": "1"}))
        .collect();
    Mock::given(path("/debug/transactions"))
        .respond_with(ResponseTemplate::new(200).set_body_json(rows))
        .up_to_n_times(1)
        .mount(outside)
        .await;
}

#[tokio::test]
async fn an_answer_that_did_not_arrive_counts_and_a_hook_that_was_never_asked_is_decided() {
    let place = place(&[]).await;
    let (core, operator) = (&place.core, &place.operator);
    let (never, lost, waits) = (plain_birth(), plain_birth(), eligible_birth());
    let (never_id, lost_id, waits_id) = (core.keep(&never), core.keep(&lost), core.keep(&waits));
    let http = client();
    let (status, answer) = hook(&http, place.server.port, &lost).await.unwrap();
    assert_eq!(status, 200);
    let (status, _) = hook(&http, place.server.port, &waits).await.unwrap();
    assert_eq!(status, 202);

    let (exit, said) = operator.says("rescue --dry-run").await;
    assert_eq!(exit, Some(0), "{said}");
    assert!(
        said.contains("does not have the answer") && said.contains("never answered here"),
        "{said}"
    );
    assert!(!said.contains(&waits_id), "{said}");
    assert_eq!(core.waiting().len(), 3);
    let reads = || [&never_id, &lost_id, &waits_id].map(|id| core.reads(id));
    assert_eq!(reads()[..2], [0, 0], "only looking leaves no trace");

    let (exit, said) = operator.says(&format!("rescue {lost_id}")).await;
    assert_eq!(exit, Some(0), "{said}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        core.fate(&lost_id)["registrationNumber"],
        answer["registrationNumber"]
    );

    let (exit, said) = operator.says("rescue").await;
    assert_eq!(exit, Some(0), "{said}");
    let ended = core.fate(&never_id);
    assert_eq!(ended["status"], "Accepted");
    assert_eq!(ended["registrationNumber"].as_str().unwrap().len(), 12);
    // Once more changes nothing.
    let (exit, _) = operator.says(&format!("rescue {never_id}")).await;
    assert_eq!(exit, Some(0));
    assert_eq!(core.fate(&never_id), ended);
    assert_eq!(core.waiting(), std::slice::from_ref(&waits_id));
    let (exit, said) = operator.says(&format!("rescue {waits_id}")).await;
    assert_eq!(exit, Some(0));
    assert!(
        said.contains("waits for the middleware since its hook"),
        "{said}"
    );
    assert_eq!(packets(&place.outside).await.len(), 1);
}

#[tokio::test]
async fn what_would_make_an_identity_is_never_sent_by_itself() {
    let place = place(&[]).await;
    let (core, operator, outside) = (&place.core, &place.operator, &place.outside);
    let mut ids = (0..4).map(|_| core.keep(&eligible_birth()));
    let [kept, clean, forwarded, continued] = std::array::from_fn(|_| ids.next().unwrap());

    let (exit, said) = operator.says("rescue").await;
    assert_eq!(exit, Some(1));
    assert_eq!(
        said.matches("it would make an identity").count(),
        4,
        "{said}"
    );
    // The middleware does not tell.
    let (exit, said) = operator.says(&format!("rescue {clean}")).await;
    assert_eq!(exit, Some(1));
    assert!(said.contains("search MOSIP for the identity"), "{said}");
    middleware_keeps(outside, &[&kept]).await;
    let (exit, said) = operator.says(&format!("rescue {kept}")).await;
    assert_eq!(exit, Some(1));
    assert!(
        said.contains("has a packet of this record already"),
        "{said}"
    );
    assert_eq!(packets(outside).await.len(), 0);

    middleware_keeps(outside, &[&kept]).await;
    let (exit, said) = operator.says(&format!("rescue {clean}")).await;
    assert_eq!(exit, Some(0), "{said}");
    // What cannot be taken back needs a person who says so.
    let (exit, said) = operator
        .says(&format!("rescue {forwarded} --forward"))
        .await;
    assert_eq!(exit, Some(1), "{said}");
    assert!(said.contains("Use --yes"), "{said}");
    let (exit, said) = operator
        .says(&format!("rescue {forwarded} --forward --yes"))
        .await;
    assert_eq!(exit, Some(0), "{said}");
    let (exit, said) = operator
        .says(&format!("rescue {continued} --continue"))
        .await;
    assert_eq!(exit, Some(0), "{said}");
    assert_eq!(core.fate(&continued)["status"], "Accepted");
    within("two packets", async || packets(outside).await.len() == 2).await;
    for id in [&clean, &forwarded] {
        // Now it waits for the middleware, like any other.
        let (_, said) = operator.says(&format!("rescue {id} --forward --yes")).await;
        assert!(said.contains("waits for the middleware"), "{said}");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(packets(outside).await.len(), 2);
    assert_eq!(core.waiting().len(), 3);
}

#[tokio::test]
async fn what_a_killed_process_or_a_caller_that_went_away_left_is_known() {
    // Asking about identities takes long enough for a kill.
    let own = [("NO_MOSIP", "false"), ("VERIFY_ON", "REGISTER")];
    let mut place = place(&own).await;
    let slow = ResponseTemplate::new(200)
        .set_delay(Duration::from_secs(3))
        .set_body_string("failed");
    Mock::given(path("/verify"))
        .respond_with(slow)
        .mount(&place.outside)
        .await;
    let http = client();
    let asked = async |server: &Process, limit| {
        let mut record = eligible_birth();
        record["actions"][1]["declaration"]["mother.verified"] = Value::Null;
        let id = place.core.keep(&record);
        let asking = hook(&http, server.port, &record);
        assert!(
            tokio::time::timeout(limit, asking)
                .await
                .ok()
                .flatten()
                .is_none()
        );
        id
    };
    let gone = asked(&place.server, Duration::from_millis(500)).await;
    // Its decision is finished all the same.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let killed = {
        let port = place.server.port;
        let mut record = eligible_birth();
        record["actions"][1]["declaration"]["mother.verified"] = Value::Null;
        let id = place.core.keep(&record);
        let http = http.clone();
        let asking = tokio::spawn(async move { hook(&http, port, &record).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        place.server.kill_and_restart();
        assert!(asking.await.unwrap().is_none());
        id
    };
    place.server.is_ready().await;
    let file = place.folder.path().join("unanswered-hooks.jsonl");
    let noted = std::fs::read_to_string(file).unwrap();
    for id in [&gone, &killed] {
        let mut lines = noted.lines().filter(|line| line.contains(id.as_str()));
        assert!(lines.all(|line| line.starts_with("{\"asked\"")), "{noted}");
        let (exit, said) = place.operator.says(&format!("rescue {id}")).await;
        assert_eq!(exit, Some(0), "{said}");
        assert_eq!(place.core.fate(id)["status"], "Accepted");
    }
}

/// Core has asked, and its record waits, also where the document never came whole.
#[tokio::test]
async fn a_hook_whose_document_did_not_arrive_is_noted_all_the_same() {
    let place = place(&[]).await;
    let asked = async |length: usize, body: &str| {
        let record = plain_birth();
        let id = place.core.keep(&record);
        let (event, action) = ids(&record);
        let token = SIGNER.action_token(&event, &action).unwrap();
        let address = ("127.0.0.1", place.server.port);
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /trigger/events/birth/actions/REGISTER HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        (id, action, stream)
    };
    let (gone, action, stream) = asked(1000, "{").await;
    let file = place.folder.path().join("unanswered-hooks.jsonl");
    let noted = || std::fs::read_to_string(&file).unwrap_or_default();
    within("noted", async || noted().contains(&action)).await;
    drop(stream);
    for (length, body, status) in [
        (2, "{}", "422"),
        (60 * 1024 * 1024, "", "413"),
        (1000, "{", "408"),
    ] {
        let (_, action, mut stream) = asked(length, body).await;
        let mut answer = [0; 16];
        stream.read_exact(&mut answer).await.unwrap();
        let said = String::from_utf8_lossy(&answer);
        assert!(said.contains(status), "{said}");
        within("noted", async || noted().contains(&action)).await;
    }
    assert!(!noted().contains("\"answered\""), "{}", noted());
    let (exit, said) = place.operator.says(&format!("rescue {gone}")).await;
    assert_eq!(exit, Some(0), "{said}");
    assert_eq!(place.core.fate(&gone)["status"], "Accepted");
}

#[tokio::test]
async fn core_s_own_tables_show_what_its_search_does_not_know() {
    let url = testing::postgres::database().await;
    let mut database = sqlx::PgConnection::connect(&url).await.unwrap();
    let place = place(&[("RESCUE_DATABASE_URL", &url)]).await;
    let (exit, said) = place.operator.says("rescue --dry-run").await;
    assert_eq!(exit, Some(1), "{said}");
    assert!(said.contains("has no readable column `id`"), "{said}");
    let tables = "CREATE SCHEMA app; CREATE TYPE app.action_status AS ENUM ('Requested', 'Accepted', 'Rejected');
        CREATE TABLE app.events (id uuid PRIMARY KEY, event_type text, tracking_id text);
        CREATE TABLE app.event_actions (id uuid PRIMARY KEY, event_id uuid, action_type text, status app.action_status,
          original_action_id uuid, created_at timestamptz)";
    database.execute(tables).await.unwrap();
    let (hidden, ended) = (
        place.core.keep(&plain_birth()),
        place.core.keep(&plain_birth()),
    );
    for (event, is_ended) in [(&hidden, false), (&ended, true)] {
        let fill = format!(
            "INSERT INTO app.events VALUES ('{event}', 'birth', 'X');
             INSERT INTO app.event_actions SELECT gen_random_uuid(), '{event}', 'REGISTER', 'Requested', NULL, now() - interval '1 hour';
             INSERT INTO app.event_actions SELECT gen_random_uuid(), '{event}', 'REGISTER', 'Accepted', id, now() FROM app.event_actions WHERE event_id = '{event}' AND {is_ended}"
        );
        database.execute(sqlx::AssertSqlSafe(fill)).await.unwrap();
    }
    let found = place.operator.json("rescue --dry-run").await;
    let of = |id: &str| {
        found
            .as_array()
            .unwrap()
            .iter()
            .filter(|step| step["eventId"] == id)
            .count()
    };
    assert_eq!(of(&hidden), 1, "{found}");
    let (exit, said) = place.operator.says("rescue").await;
    assert_eq!(exit, Some(0), "{said}");
    assert_eq!(place.core.fate(&hidden)["status"], "Accepted");
}

/// Every hook is asked once, while the process is killed again and again.
#[tokio::test(flavor = "multi_thread")]
async fn after_many_kills_a_rescue_leaves_nothing_blocked() {
    let mut place = place(&[]).await;
    let (core, port) = (place.core.clone(), place.server.port);
    let clients: Vec<_> = (0..4)
        .map(|n| {
            let core = core.clone();
            tokio::spawn(async move {
                let http = client();
                loop {
                    let record = if n == 0 {
                        eligible_birth()
                    } else {
                        plain_birth()
                    };
                    let id = core.keep(&record);
                    if let Some((status, answer)) = hook(&http, port, &record).await {
                        let answer = serde_json::from_str(&answer).unwrap_or_default();
                        core.hears(&id, status, &answer);
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        })
        .collect();
    for kill in 0..20 {
        tokio::time::sleep(Duration::from_millis(300 + kill * 7 % 23)).await;
        place.server.kill_and_restart();
    }
    clients.iter().for_each(tokio::task::JoinHandle::abort);
    place.server.is_ready().await;
    let blocked = core.waiting().len();
    let steps = place.operator.json("rescue").await;
    let open: Vec<_> = steps
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["end"])
        .collect();
    let ends = |end: &Value| open.iter().filter(|one| **one == end).count();
    println!(
        "{blocked} blocked after 20 kills; rescued {}",
        ends(&json!("accepted"))
    );
    assert!(ends(&json!("accepted")) > 0, "{steps}");
    // What is left would make an identity and was never heard here, or waits for the middleware.
    for id in core.waiting() {
        let is_of_this = |step: &&Value| step["eventId"] == id.as_str();
        let step = steps.as_array().unwrap().iter().find(is_of_this);
        let end = step.map(|step| step["end"].clone());
        let expected = [
            None,
            Some(json!("sent")),
            Some(json!({"found": "makes-identity"})),
        ];
        assert!(expected.contains(&end), "{end:?}");
    }
    let packets = packets(&place.outside).await;
    let events: std::collections::BTreeSet<_> = packets
        .iter()
        .map(|packet| packet["eventId"].to_string())
        .collect();
    assert_eq!(events.len(), packets.len(), "no packet twice");
}

// SPDX-License-Identifier: MPL-2.0
//! What is counted: a thousand births and deaths through hooks, a reindex, and what statisticians ask.

use super::generated::{Country, Life, exported};
use super::program::{countryconfig, text};
use super::{SIGNER, TestApp, fresh_id, json as body, plain_birth};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit};
use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use testing::postgres::Cluster;
use tokio::task::JoinSet;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const LIVES: u64 = 1000;
/// Clerks who work at once.
const CLERKS: usize = 16;
/// The middleware has its say within this time.
const WORD: Duration = Duration::from_mins(2);

static COUNTRY: LazyLock<Country> = LazyLock::new(Country::sample);

/// Core and the middleware, as far as records go.
#[derive(Clone, Default)]
struct Core(Arc<Mutex<HashMap<String, Value>>>);

impl Core {
    async fn start() -> (Self, MockServer) {
        let core = Self::default();
        let outside = MockServer::builder().disable_request_recording();
        let outside = outside.start().await;
        let plain = |status: u16| ResponseTemplate::new(status);
        let reply = move |json: &Value| {
            plain(200).set_body_json(json!({"result": {"data": {"json": json}}}))
        };
        let key = plain(200).set_body_string(SIGNER.public_pem());
        Mock::given(path("/.well-known"))
            .respond_with(key)
            .mount(&outside)
            .await;
        let exp = jsonwebtoken::get_current_timestamp() + 3600;
        let token = SIGNER.token(&json!({"exp": exp})).unwrap();
        let token = plain(200).set_body_json(json!({"access_token": token}));
        Mock::given(path("/token"))
            .respond_with(token)
            .mount(&outside)
            .await;
        for (list, places) in [
            ("administrativeAreas", &COUNTRY.areas),
            ("locations", &COUNTRY.locations),
        ] {
            let asked = Mock::given(path(format!("/events/{list}.list")));
            asked.respond_with(reply(places)).mount(&outside).await;
        }
        let records = core.clone();
        let shown = move |request: &Request| {
            let (_, input) = request.url.query_pairs().next().unwrap();
            let input: Value = serde_json::from_str(&input).unwrap();
            reply(&records.record(input["json"]["eventId"].as_str().unwrap()))
        };
        Mock::given(path("/events/event.get"))
            .respond_with(shown)
            .mount(&outside)
            .await;
        let records = core.clone();
        let packet = move |request: &Request| {
            let packet: Value = serde_json::from_slice(&request.body).unwrap();
            records.identify(&packet);
            plain(202)
        };
        let packets = Mock::given(method("POST"))
            .and(path_regex("^/events/(registration|update-biographics)$"));
        packets.respond_with(packet).mount(&outside).await;
        (core, outside)
    }

    fn record(&self, id: &str) -> Value {
        self.0.lock().unwrap()[id].clone()
    }

    fn push(&self, id: &str, action: Value) {
        let mut records = self.0.lock().unwrap();
        records.get_mut(id).unwrap()["actions"]
            .as_array_mut()
            .unwrap()
            .push(action);
    }

    /// Stores the acceptance of what the record waits for; nothing where it waits for nothing.
    fn accept(&self, id: &str, brought: &Value) -> Option<()> {
        let record = self.record(id);
        let asked = record["actions"].as_array().unwrap().last().unwrap();
        if asked["status"] != "Requested" {
            return None;
        }
        let at: Timestamp = asked["createdAt"].as_str().unwrap().parse().unwrap();
        let mut accepted = asked.clone();
        accepted["id"] = json!(fresh_id());
        accepted["originalActionId"] = asked["id"].clone();
        accepted["status"] = json!("Accepted");
        accepted["createdAt"] = json!(format!("{:.3}", at + 30.seconds()));
        accepted["annotation"] = Value::Null;
        accepted["declaration"] = brought.get("declaration").cloned().unwrap_or(json!({}));
        accepted["registrationNumber"] = brought
            .get("registrationNumber")
            .cloned()
            .unwrap_or_default();
        self.push(id, accepted);
        Some(())
    }

    /// The middleware has made an identity, and core accepts what waited for it. A death and what
    /// changes in an identity wait for nothing.
    fn identify(&self, packet: &Value) {
        let id = packet["eventId"].as_str().unwrap();
        let number = &packet["requestFields"]["birthCertificateNumber"];
        if !number.is_string() {
            return;
        }
        let brought =
            json!({"registrationNumber": number, "declaration": {"child.nid": "9876543210"}});
        self.accept(id, &brought);
    }
}

/// Declares, registers, corrects and prints.
async fn live(app: &TestApp, core: &Core, life: &Life<'_>) {
    let id = life.id();
    let at = life.declared_at();
    let before = [("CREATE", 1_u32), ("ASSIGN", 2), ("READ", 3)];
    let before = before.map(|(kind, n)| {
        life.action(
            n.into(),
            kind,
            at + i64::from(n).seconds(),
            json!({"assignedTo": "clerk"}),
        )
    });
    let record =
        json!({"id": id, "type": life.event_type(), "trackingId": "ABC123", "actions": before});
    core.0.lock().unwrap().insert(id.clone(), record);
    let steps = [
        (
            "DECLARE",
            json!({"declaration": life.declaration(), "annotation": {"review.comment": "Secret"}}),
        ),
        ("REGISTER", json!({})),
        (
            "REQUEST_CORRECTION",
            json!({"declaration": life.correction(), "annotation": {"reason": "Secret"}}),
        ),
        ("APPROVE_CORRECTION", json!({})),
        (
            "PRINT_CERTIFICATE",
            json!({"annotation": life.payment(), "content": {"templateId": "certificate"}}),
        ),
    ];
    for (n, (kind, mut more)) in (10_u32..).zip(steps) {
        let record = core.record(&id);
        let last = record["actions"].as_array().unwrap().last().unwrap();
        if kind == "APPROVE_CORRECTION" {
            more["requestId"] = last["id"].clone();
        }
        more["status"] = json!("Requested");
        core.push(
            &id,
            life.action(n.into(), kind, at + i64::from(n).hours(), more),
        );
        let response = app.hook(&core.record(&id)).await;
        match response.status().as_u16() {
            200 => core.accept(&id, &body(response).await).unwrap(),
            202 => {
                let waits = || {
                    core.record(&id)["actions"]
                        .as_array()
                        .unwrap()
                        .last()
                        .unwrap()["status"]
                        == "Requested"
                };
                let since = Instant::now();
                while waits() {
                    assert!(
                        since.elapsed() < WORD,
                        "the middleware says nothing about {id}"
                    );
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            status => panic!("{kind} is answered {status}"),
        }
    }
}

async fn counting(url: &str, outside: MockServer) -> TestApp {
    let own = [
        // What is written down is tested elsewhere; here it need not survive.
        ("LEDGER_URL", "sqlite::memory:"),
        ("ANALYTICS_DATABASE_URL", url),
        ("SYSTEM_CLIENT_ID", "id"),
        ("SYSTEM_CLIENT_SECRET", "secret"),
    ];
    let app = TestApp::with(outside, tempfile::tempdir().unwrap(), &own).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    app
}

async fn select(url: &str, sql: &str) -> Vec<Value> {
    try_select(url, sql).await.unwrap()
}

async fn try_select(url: &str, sql: &str) -> sqlx::Result<Vec<Value>> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql("SET TIME ZONE 'UTC'; SET search_path = analytics")
        .execute(&mut connection)
        .await?;
    let sql = AssertSqlSafe(format!("SELECT to_jsonb(t)::text FROM ({sql}) t"));
    let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(rows
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect())
}

/// Waits until a query gives so many rows.
async fn eventually(url: &str, sql: &str, wanted: usize) -> Vec<Value> {
    let sql = format!("{sql} ORDER BY event_id, position");
    let mut rows = vec![];
    for _ in 0..600 {
        // The tables may not be made yet.
        rows = try_select(url, &sql).await.unwrap_or_default();
        if rows.len() == wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rows.len(), wanted);
    rows
}

pub(super) fn reindex_token(audience: &str, scope: &str) -> String {
    let exp = jsonwebtoken::get_current_timestamp() + 600;
    let claims = json!({"iss": "opencrvs:auth-service", "aud": [audience], "exp": exp, "scope": [scope], "userType": "system"});
    SIGNER.token(&claims).unwrap()
}

async fn reindex(app: &TestApp, documents: &[Value]) -> Value {
    let token = reindex_token("opencrvs:events-user", "type=record.reindex");
    let response = app
        .post("/reindex", &token, json!(documents).to_string())
        .await;
    assert_eq!(response.status(), 200);
    body(response).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_lives_are_counted_as_they_are_recorded_and_again_the_same_by_a_reindex() {
    let url = testing::postgres::database().await;
    let (core, outside) = Core::start().await;
    let app = Arc::new(counting(&url, outside).await);
    let mut clerks = JoinSet::new();
    for clerk in 0..CLERKS {
        let (app, core) = (app.clone(), core.clone());
        clerks.spawn(async move {
            for n in (0..LIVES).skip(clerk).step_by(CLERKS) {
                live(&app, &core, &Life::new(n, &COUNTRY)).await;
            }
        });
    }
    clerks.join_all().await;
    let marks = Marks::served(&body(app.get("/config/events").await).await);
    let documents: Vec<Value> = core.0.lock().unwrap().values().cloned().collect();
    let mut expected: Vec<_> = documents
        .iter()
        .flat_map(|document| marks.rows(document))
        .collect();
    expected.sort_by_key(|row| (row["event_id"].to_string(), row["position"].as_u64()));
    let sql = "SELECT * FROM event_actions";
    let rows = eventually(&url, sql, expected.len()).await;
    let of_table = |row: &Value| {
        let mut row = row.clone();
        row.as_object_mut().unwrap().remove("cleared");
        row
    };
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(of_table(row), *expected);
    }
    let registered = rows.iter().filter(|row| row["action_type"] == "REGISTER");
    assert!(
        registered
            .clone()
            .all(|row| row["registration_number"].is_string())
    );
    assert_eq!(registered.count() as u64, LIVES);
    assert!(!json!(rows).to_string().contains("Secret"));

    let exported: Vec<_> = documents.into_iter().map(exported).collect();
    for batch in exported.chunks(300) {
        let report = reindex(&app, batch).await;
        assert_eq!(
            (&report["imported"], &report["failed"]),
            (&json!(batch.len()), &json!([]))
        );
    }
    assert_eq!(eventually(&url, sql, expected.len()).await, rows);
}

/// The marks of the forms, and what they make of a document: worked out once more, from what is served.
struct Marks {
    declaration: HashMap<String, Vec<String>>,
    print: HashMap<String, Vec<String>>,
}

impl Marks {
    fn served(events: &Value) -> Self {
        let marked = |form: &Value| {
            let pages = form["pages"].as_array().unwrap().iter();
            let fields = pages.flat_map(|page| page["fields"].as_array().unwrap());
            let marked = fields.filter(|field| field["analytics"] == true);
            marked
                .map(|field| field["id"].as_str().unwrap().to_owned())
                .collect()
        };
        let (mut declaration, mut print) = (HashMap::new(), HashMap::new());
        for event in events.as_array().unwrap() {
            let id = event["id"].as_str().unwrap();
            declaration.insert(id.to_owned(), marked(&event["declaration"]));
            let mut actions = event["actions"].as_array().unwrap().iter();
            let form = actions
                .find(|action| action["type"] == "PRINT_CERTIFICATE")
                .unwrap();
            print.insert(id.to_owned(), marked(&form["printForm"]));
        }
        Self { declaration, print }
    }

    fn rows(&self, document: &Value) -> Vec<Value> {
        let event_type = document["type"].as_str().unwrap();
        let actions = document["actions"].as_array().unwrap();
        let by_id = |id: &Value| actions.iter().find(|action| action["id"] == *id);
        let accepted: Vec<_> = actions
            .iter()
            .filter(|action| action["status"] == "Accepted")
            .collect();
        let asked = |action: &Value| by_id(&action["originalActionId"]).unwrap_or(action).clone();
        let first = |kind: &str| {
            let action = accepted.iter().find(|action| action["type"] == kind);
            action.map_or(Value::Null, |action| moment(&asked(action)))
        };
        let mut state = json!({});
        let mut rows = vec![];
        for action in &accepted {
            let request = asked(action);
            let kind = action["type"].as_str().unwrap();
            let own = [&request["declaration"], &action["declaration"]].map(Value::clone);
            if kind == "APPROVE_CORRECTION" {
                let correction = by_id(&action["requestId"]).unwrap();
                put(&mut state, &asked(correction)["declaration"]);
                put(&mut state, &correction["declaration"]);
            }
            if !["REQUEST_CORRECTION", "PRINT_CERTIFICATE"].contains(&kind) {
                for own in &own {
                    put(&mut state, own);
                }
            }
            let mut declaration = known(&state, &self.declaration[event_type]);
            if event_type == "birth" {
                worked_out(&mut declaration, &request);
            }
            let annotation = match kind {
                "PRINT_CERTIFICATE" => known(&request["annotation"], &self.print[event_type]),
                _ => Map::new(),
            };
            let request_id =
                by_id(&action["requestId"]).map(|correction| asked(correction)["id"].clone());
            rows.push(json!({
                "id": request["id"], "event_id": document["id"], "event_type": event_type, "action_type": kind,
                "custom_action_type": null, "status": "Accepted", "position": rows.len() + 1,
                "created_at": moment(&request), "created_at_location": request["createdAtLocation"],
                "created_by": request["createdBy"], "created_by_role": request["createdByRole"],
                "created_by_signature": null, "created_by_user_type": "user",
                "assigned_to": request["assignedTo"], "transaction_id": request["transactionId"],
                "declared_at": first("DECLARE"), "registered_at": first("REGISTER"),
                "registration_number": action["registrationNumber"], "original_action_id": null,
                "request_id": request_id, "content": request["content"],
                "declaration": underscored(&declaration),
                "annotation": if annotation.is_empty() { Value::Null } else { underscored(&annotation) },
            }));
        }
        rows
    }
}

fn moment(action: &Value) -> Value {
    let at = action["createdAt"].as_str().unwrap();
    json!(at.replace(".000Z", "+00:00"))
}

fn put(state: &mut Value, update: &Value) {
    match (state, update) {
        (Value::Object(state), Value::Object(update)) => {
            for (key, value) in update {
                put(state.entry(key).or_insert(Value::Null), value);
            }
        }
        (state, update) => *state = update.clone(),
    }
}

fn known(answers: &Value, marked: &[String]) -> Map<String, Value> {
    let found = marked.iter().map(|id| (id.clone(), answers[id].clone()));
    found.filter(|(_, value)| !value.is_null()).collect()
}

fn underscored(answers: &Map<String, Value>) -> Value {
    answers
        .iter()
        .map(|(id, value)| (id.replace('.', "_"), value.clone()))
        .collect()
}

fn worked_out(answers: &mut Map<String, Value>, action: &Value) {
    let date = |id: &str| {
        answers
            .get(id)
            .and_then(|date| date.as_str()?.parse::<Date>().ok())
    };
    let today: Timestamp = action["createdAt"].as_str().unwrap().parse().unwrap();
    let today = TimeZone::get("Indian/Chagos")
        .unwrap()
        .to_datetime(today)
        .date();
    let Some(born) = date("child.dob") else {
        return;
    };
    let days = born.until((Unit::Day, today)).unwrap().get_days();
    let years =
        date("mother.dob").map(|dob| json!(dob.until((Unit::Year, born)).unwrap().get_years()));
    let years = years.unwrap_or_else(|| answers["mother.age"]["age"].clone());
    let abroad = answers
        .get("child.birthLocation.other")
        .is_some_and(|address| address["country"] == "PRT");
    answers.insert("child.age.days".into(), json!(days));
    answers.insert("mother.age.years".into(), years);
    answers.insert(
        "child.countryPlaceOfBirth".into(),
        json!(if abroad { "Portugal" } else { "Farajaland" }),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_answered_while_the_database_is_stopped_and_nothing_is_missing_afterwards() {
    let mut cluster = Cluster::start();
    let url = cluster.database().await;
    let (core, outside) = Core::start().await;
    let app = counting(&url, outside).await;
    let register = async |n: u64| {
        let life = Life::new(n, &COUNTRY);
        let birth = plain_birth();
        let asked = tokio::time::timeout(Duration::from_secs(3), app.hook(&birth));
        assert_eq!(asked.await.expect("a hook waits for nothing").status(), 200);
        live(&app, &core, &life).await;
    };
    register(0).await;
    // Three actions of a plain birth; eight of another life.
    eventually(&url, "SELECT * FROM event_actions", 11).await;
    cluster.stop();
    for n in 1..10 {
        register(n).await;
    }
    let token = reindex_token("opencrvs:gateway-user", "record.reindex");
    assert_eq!(app.post("/reindex", &token, "[]").await.status(), 503);
    cluster.resume();
    eventually(&url, "SELECT * FROM event_actions", 110).await;
}

#[tokio::test]
async fn only_a_token_for_it_reindexes_and_without_a_database_nothing_happens() {
    let app = TestApp::start().await;
    let status = async |token: &str, body: &'static str| {
        app.post("/reindex", token, body).await.status().as_u16()
    };
    let good = reindex_token("opencrvs:gateway-user", "type=record.reindex");
    assert_eq!(
        app.http
            .post(format!("{}/reindex", app.url))
            .send()
            .await
            .unwrap()
            .status(),
        401
    );
    assert_eq!(status("x.y.z", "[]").await, 401);
    assert_eq!(
        status(
            &reindex_token("opencrvs:search-user", "type=record.reindex"),
            "[]"
        )
        .await,
        401
    );
    assert_eq!(
        status(
            &reindex_token("opencrvs:events-user", "type=record.read"),
            "[]"
        )
        .await,
        403
    );
    assert_eq!(status(&good, "anything").await, 200);
    let hook = plain_birth();
    let path = "/trigger/events/birth/actions/REGISTER";
    assert_eq!(
        app.post(path, &good, hook.to_string()).await.status(),
        401,
        "it decides about nothing"
    );
}

#[tokio::test]
async fn the_database_is_made_ready_by_hand_too() {
    let url = testing::postgres::database().await;
    let migrate = |variables: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        let ledger = format!("sqlite://{}", folder.path().join("l.db").display());
        let variables = [&[("LEDGER_URL", &*ledger)], variables].concat();
        countryconfig(&["analytics", "migrate"], &variables)
    };
    let none = migrate(&[]);
    assert_eq!(
        text(&none.stderr),
        "error: ANALYTICS_DATABASE_URL is not set\n"
    );
    let name = format!("writer_{}", fresh_id().replace('-', ""));
    let variables = [
        ("ANALYTICS_DATABASE_URL", &*url),
        ("ANALYTICS_POSTGRES_USER", &name),
    ];
    assert!(text(&migrate(&variables).stderr).contains("ANALYTICS_POSTGRES_PASSWORD"));
    let with_password = [&variables[..], &[("ANALYTICS_POSTGRES_PASSWORD", "secret")]].concat();
    let made = migrate(&with_password);
    assert_eq!(
        text(&made.stdout),
        format!("The analytics tables are up to date.\n`{name}` may log in and write them.\n")
    );
    let mistyped = migrate(&[("ANALYTICS_DATABASE_URL", "mysql://root:secret@db/analytics")]);
    assert!(!text(&mistyped.stderr).contains("secret"));
    assert!(text(&mistyped.stderr).contains("postgres://user:password@host:5432/database"));
}

/// What a statistician asks, and the same worked out from the generated lives.
#[expect(clippy::too_many_lines, reason = "ten questions, one after the other")]
#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
#[tokio::test(flavor = "multi_thread")]
async fn ten_questions_of_a_statistician() {
    let url = testing::postgres::database().await;
    let (_, outside) = Core::start().await;
    let app = counting(&url, outside).await;
    let lives: Vec<_> = (0..3000).map(|n| Life::new(n, &COUNTRY)).collect();
    for batch in lives.chunks(300) {
        let documents: Vec<_> = batch.iter().map(Life::exported).collect();
        assert_eq!(reindex(&app, &documents).await["imported"], batch.len());
    }
    let births: Vec<_> = registered(&lives).filter(|life| life.is_birth()).collect();
    let deaths: Vec<_> = registered(&lives).filter(|life| !life.is_birth()).collect();
    let month = |life: &Life<'_>| life.registered_at().unwrap().strftime("%Y-%m").to_string();
    let district = |life: &Life<'_>| life.office().areas[1].clone();
    let ask = async |sql: &str, expected: BTreeMap<String, f64>| {
        let rows = select(&url, sql).await;
        let answer = |row: &Value| Some((row["q"].as_str()?.to_owned(), row["a"].as_f64()?));
        let found: BTreeMap<_, _> = rows.iter().filter_map(answer).collect();
        assert!(found.len() > 1 && found.len() == rows.len(), "{sql}");
        assert_eq!(found, expected, "{sql}");
    };
    // 1. How many births were registered in each month?
    let sql = "SELECT to_char(registered_at, 'YYYY-MM') AS q, count(*) AS a FROM registrations
        WHERE event_type = 'birth' GROUP BY 1";
    ask(sql, tally(births.iter().map(|life| month(life)))).await;
    // 2. How many girls and boys in each district?
    let sql = "SELECT area.external_id || ' ' || (declaration->>'child_gender') AS q, count(*) AS a
        FROM registrations JOIN area_paths path ON path.id = area_id
        JOIN administrative_areas area ON area.id = path.path_ids[2] WHERE event_type = 'birth' GROUP BY 1";
    let by_sex = births
        .iter()
        .map(|life| format!("{} {}", district(life), life.sex()));
    ask(sql, tally(by_sex)).await;
    // 3. How complete is the registration of the births of a year, of 100,000 expected ones?
    let sql = "SELECT area.external_id AS q, round(100000 * count(*) / min(births))::int AS a
        FROM registrations JOIN area_paths path ON path.id = area_id
        JOIN administrative_areas area ON area.id = path.path_ids[2]
        JOIN expected_births expected ON expected.area_id = area.id AND year = 2025
        WHERE event_type = 'birth' AND declaration->>'child_dob' LIKE '2025-%' GROUP BY 1";
    let settings = countryconfig::settings::Settings::load(None, std::iter::empty()).unwrap();
    let populations = country::load(&settings.country()).ok().unwrap().populations;
    let complete = tally(births.iter().map(|life| district(life)))
        .into_iter()
        .map(|(area, registered)| {
            let years = &populations
                .iter()
                .find(|population| population.area == area)
                .unwrap()
                .years;
            let year = years.iter().find(|year| year.year == 2025).unwrap();
            let births = year.all.unwrap() * year.crude_birth_rate.unwrap() / 1000.0;
            (area, (100_000.0 * registered / births).round())
        });
    ask(sql, complete.collect()).await;
    // 4. How many births were registered in time, late, and with delay?
    let sql = "SELECT CASE WHEN days <= 30 THEN 'in time' WHEN days <= 365 THEN 'late' ELSE 'delayed' END AS q, count(*) AS a
        FROM (SELECT (declaration->>'child_age_days')::int AS days FROM event_actions
              WHERE event_type = 'birth' AND action_type = 'REGISTER') registered GROUP BY 1";
    let timeliness = births.iter().map(|life| match age_in_days(life) {
        ..=30 => "in time",
        31..=365 => "late",
        _ => "delayed",
    });
    ask(sql, tally(timeliness)).await;
    // 5. Where are children born?
    let sql = "SELECT declaration->>'child_placeOfBirth' AS q, count(*) AS a FROM registrations
        WHERE event_type = 'birth' GROUP BY 1";
    ask(sql, tally(births.iter().map(|life| life.place()))).await;
    let sql =
        "SELECT declaration->>'child_countryPlaceOfBirth' AS q, count(*) AS a FROM registrations
        WHERE event_type = 'birth' GROUP BY 1";
    let countries = births.iter().map(|life| {
        if life.is_abroad() {
            "Portugal"
        } else {
            "Farajaland"
        }
    });
    ask(sql, tally(countries)).await;
    // 6. How many seconds does an office of a province take from declaration to registration?
    let sql = "SELECT path.path_names[1] AS q, round(avg(extract(epoch FROM registered_at - declared_at)))::int AS a
        FROM registrations JOIN area_paths path ON path.id = area_id GROUP BY 1";
    let mut times: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for life in registered(&lives) {
        let took = life.registered_at().unwrap().as_second() - life.declared_at().as_second();
        times
            .entry(life.office().province.clone())
            .or_default()
            .push(took);
    }
    let average = |times: &[i64]| (times.iter().sum::<i64>() as f64 / times.len() as f64).round();
    ask(
        sql,
        times
            .into_iter()
            .map(|(province, times)| (province, average(&times)))
            .collect(),
    )
    .await;
    // 7. What do people die of?
    let sql = "SELECT declaration#>>'{causeOfDeathDetails_causeOfDeathA_symptom_one,label}' AS q, count(*) AS a
        FROM registrations WHERE event_type = 'death' GROUP BY 1 ORDER BY 2 DESC";
    ask(sql, tally(deaths.iter().map(|life| life.cause()))).await;
    // 8. How many deaths were registered in each district and month?
    let sql = "SELECT area.external_id || to_char(registered_at, ' YYYY-MM') AS q, count(*) AS a
        FROM registrations JOIN area_paths path ON path.id = area_id
        JOIN administrative_areas area ON area.id = path.path_ids[2] WHERE event_type = 'death' GROUP BY 1";
    let by_month = deaths
        .iter()
        .map(|life| format!("{} {}", district(life), month(life)));
    ask(sql, tally(by_month)).await;
    // 9. How old are mothers, in groups of five years?
    let sql = "SELECT ((declaration->>'mother_age_years')::int / 5 * 5)::text AS q, count(*) AS a
        FROM registrations WHERE event_type = 'birth' GROUP BY 1";
    ask(
        sql,
        tally(
            births
                .iter()
                .map(|life| (life.mothers_age() / 5 * 5).to_string()),
        ),
    )
    .await;
    // 10. How many records have so many certificates, and how many were corrected?
    let sql = "SELECT what || ' ' || n AS q, count(*) AS a FROM registrations
        CROSS JOIN LATERAL (SELECT 'printed' AS what, count(*) AS n FROM event_actions action
            WHERE action.event_id = registrations.event_id AND action_type = 'PRINT_CERTIFICATE'
            UNION ALL SELECT 'corrected', count(*) FROM event_actions action
            WHERE action.event_id = registrations.event_id AND action_type = 'APPROVE_CORRECTION') AS counted GROUP BY 1";
    let done = registered(&lives).flat_map(|life| {
        [
            format!("printed {}", life.prints()),
            format!("corrected {}", u8::from(life.is_corrected())),
        ]
    });
    ask(sql, tally(done)).await;
}

fn registered<'l, 'c>(lives: &'l [Life<'c>]) -> impl Iterator<Item = &'l Life<'c>> {
    lives.iter().filter(|life| life.registered_at().is_some())
}

fn tally<K: ToString>(found: impl Iterator<Item = K>) -> BTreeMap<String, f64> {
    let mut tally = BTreeMap::new();
    for key in found {
        *tally.entry(key.to_string()).or_default() += 1.0;
    }
    tally
}

/// At its registration, by the calendar of the country.
fn age_in_days(life: &Life<'_>) -> i32 {
    let zone = TimeZone::get("Indian/Chagos").unwrap();
    let registered = zone.to_datetime(life.registered_at().unwrap()).date();
    life.day()
        .until((Unit::Day, registered))
        .unwrap()
        .get_days()
}

// SPDX-License-Identifier: MPL-2.0
//! The analytics tables, in a real `PostgreSQL`.

use country::analytics_config::{AnalyticsConfig, Country, Figures, Level, Population};
use country::marks::Marks;
use handlers::analytics::{Access, Analytics, Database, Failed, Report};
use handlers::clock::{Clock, SystemClock};
use handlers::core_client::{Core, Credentials};
use handlers::current::Current;
use handlers::delivery::acceptance::Acceptance;
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger::{self, Claimed, Destination, Knowledge};
use handlers::delivery::outcome::Outcome;
use handlers::delivery::transport::{self, Transport};
use jiff::tz::TimeZone;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use opencrvs_toolkit::prelude::{Event, form, form_page, text};
use opencrvs_toolkit::visibility::Visibility;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::sync::Arc;
use std::time::Duration;
use wiremock::matchers::{bearer_token, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

struct Setting {
    analytics: Arc<Analytics>,
    url: String,
    core: MockServer,
}

/// Sex is counted, the name is not.
fn analytics_config() -> AnalyticsConfig {
    let asked = |id: &str| text(id).label(format!("{id}.label"), "Words");
    let page = form_page("child", ("page", "Child"))
        .with(asked("child.name"))
        .with(asked("child.gender").analytics());
    let form = form(("form", "Birth"), [page]);
    let events = [Event::new("birth", ("b", "Birth"), ("t", "Birth"), form)];
    let visibility = Visibility::of(&events);
    let population = |year| Population {
        reference_id: "D1".into(),
        year,
        name: "District".into(),
        crude_birth_rate: 30.04,
        male_population: 490,
        female_population: 510,
        total_population: 1000,
    };
    AnalyticsConfig {
        marks: Marks::of(&events, &visibility),
        visibility: Arc::new(visibility),
        country: Country {
            code: "FAR".into(),
            name: "Farajaland".into(),
            zone: TimeZone::UTC,
        },
        figures: Figures {
            levels: vec![Level {
                id: "district".into(),
                level: 1,
                name: "District".into(),
            }],
            statistics: vec![population(2025), population(2026)],
        },
    }
}

impl Setting {
    async fn over(url: String) -> Self {
        let core = MockServer::start().await;
        let client = transport::client(Duration::from_secs(5)).unwrap();
        let credentials = Credentials {
            id: "client".into(),
            secret: "secret".into(),
        };
        let clock = Arc::new(SystemClock);
        let asked = Core::new(
            client,
            &core.uri(),
            &core.uri(),
            Some(credentials),
            clock.clone(),
        );
        let asked = Arc::new(asked);
        let ledger = ledger::open("sqlite::memory:", Encryption::default())
            .await
            .unwrap();
        let acceptance = Acceptance {
            core: asked.clone(),
            ledger,
            clock,
            schedule: "1ms".parse().unwrap(),
        };
        let counting = Current::fixed(Arc::new(analytics_config()));
        let url_of = url.parse().unwrap();
        let analytics = Analytics::new(url_of, asked, Arc::new(acceptance), counting);
        Self {
            analytics: Arc::new(analytics),
            url,
            core,
        }
    }

    async fn ready() -> Self {
        let setting = Self::over(testing::postgres::database().await).await;
        setting.database().migrate().await.unwrap();
        setting
    }

    fn database(&self) -> Database {
        Database::at(self.url.parse().unwrap())
    }

    async fn execute(&self, sql: &'static str) {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }

    /// What a query gives, each row as JSON.
    async fn select(&self, sql: &str) -> Vec<Value> {
        select(&self.url, sql).await.unwrap()
    }

    async fn reindex(&self, documents: &[Value]) -> Report {
        let json = json!(documents).to_string().into_bytes();
        let turn = self.analytics.turn().await;
        turn.reindex(json, "caller", |_| ()).await.unwrap()
    }

    async fn send(&self, answer_status: u16, document: &Value) -> Outcome {
        let ids = [&document["id"], &document["actions"][1]["id"]].map(|id| id.as_str().unwrap());
        let delivery = Claimed {
            id: 1,
            event_id: EventId::new(ids[0]),
            action_id: ActionId::new(ids[1]),
            action_type: "REGISTER".into(),
            answer_status,
            destination: Destination::ANALYTICS,
            operation: "record".into(),
            path: String::new(),
            payload: document.to_string(),
            token: String::new(),
            attempt: 1,
            created_at: SystemClock.now(),
            knowledge: Knowledge::Untried,
            unknown_since: None,
            registration_number: None,
            fallback: None,
        };
        self.analytics.send(&delivery).await
    }

    async fn core_answers(&self, procedure: &str, bearer: &str, times: u64, with: Value) {
        let asked = Mock::given(path(format!("/events/{procedure}"))).and(bearer_token(bearer));
        let with = json!({"result": {"data": {"json": with}}});
        let with = ResponseTemplate::new(200).set_body_json(with);
        let answered = asked.respond_with(with).up_to_n_times(times).expect(times);
        answered.mount(&self.core).await;
    }
}

async fn select(url: &str, sql: &str) -> sqlx::Result<Vec<Value>> {
    let mut connection = PgConnection::connect(url).await?;
    let sql = AssertSqlSafe(format!("SELECT to_jsonb(t)::text FROM ({sql}) t"));
    let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(rows
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect())
}

fn id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

#[expect(clippy::needless_pass_by_value, reason = "calls read better")]
fn action(n: u32, action_type: &str, more: Value) -> Value {
    let mut action = json!({
        "id": id(n), "type": action_type, "status": "Accepted", "transactionId": "t",
        "createdAt": format!("2026-06-01T00:{:02}:00.000+00:00", n % 60), "createdBy": "user",
        "createdByUserType": "user", "createdAtLocation": "l", "declaration": {}, "eventId": id(0),
    });
    let more = more.as_object().unwrap().clone();
    action.as_object_mut().unwrap().extend(more);
    action
}

/// A record that was declared and, with a third action, registered.
fn birth(n: u32, actions: u32) -> Value {
    let declared = json!({"child.name": {"firstname": "Ada"}, "child.gender": "female"});
    let all = [
        action(n + 1, "CREATE", json!({})),
        action(n + 2, "DECLARE", json!({"declaration": declared})),
        action(
            n + 3,
            "REGISTER",
            json!({"registrationNumber": format!("B{n}")}),
        ),
    ];
    let actions: Vec<_> = all.into_iter().take(actions as usize).collect();
    json!({"id": id(n), "type": "birth", "eventType": "birth", "actions": actions})
}

const ACTIONS: &str = "SELECT * FROM analytics.event_actions ORDER BY event_id, position";

#[tokio::test]
async fn an_older_state_of_a_record_undoes_nothing_and_the_same_twice_touches_nothing() {
    let setting = Setting::ready().await;
    assert_eq!(
        setting.send(200, &birth(0, 3)).await,
        Outcome::Delivered(reqwest::StatusCode::OK)
    );
    let versions = "SELECT xmin::text, id FROM analytics.event_actions ORDER BY id";
    let (rows, before) = (
        setting.select(ACTIONS).await,
        setting.select(versions).await,
    );
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2]["registration_number"], "B0");
    assert_eq!(rows[0]["registered_at"], "2026-06-01T00:03:00+00:00");
    assert_eq!(rows[2]["declaration"], json!({"child_gender": "female"}));
    setting.send(200, &birth(0, 3)).await;
    setting.reindex(&[birth(0, 2), birth(0, 3)]).await;
    setting.send(200, &birth(0, 2)).await;
    assert_eq!(setting.select(ACTIONS).await, rows);
    assert_eq!(
        setting.select(versions).await,
        before,
        "rows that stay are not written again"
    );
}

#[tokio::test]
async fn a_bad_document_is_named_and_the_others_are_written() {
    let setting = Setting::ready().await;
    let mut no_uuid = birth(10, 3);
    no_uuid["actions"][1]["id"] = json!("seven");
    let mut unstorable = birth(20, 3);
    unstorable["actions"][1]["declaration"]["child.gender"] = json!("fe\0male");
    let mut marriage = birth(30, 3);
    marriage["type"] = json!("marriage");
    let mut newer = birth(40, 3);
    newer["actions"].as_array_mut().unwrap().push(action(
        44,
        "TELEPORT",
        json!({"beam": {"to": 1}}),
    ));
    let report = setting
        .reindex(&[
            birth(0, 3),
            json!(7),
            no_uuid,
            unstorable,
            marriage,
            json!({"id": id(50)}),
            newer,
        ])
        .await;
    let failed = [
        (1, "no event document: `the body` is not an object"),
        (2, "`seven` is not a UUID"),
        (3, "the database refused its values"),
        (5, "no event document: `type` is missing"),
    ];
    let failed = failed.map(|(index, error)| Failed {
        index,
        error: error.into(),
    });
    let expected = Report {
        imported: 2,
        actions: 7,
        skipped: 1,
        failed: failed.into(),
    };
    assert_eq!(report, expected);
    let written = setting
        .select("SELECT DISTINCT event_id FROM analytics.event_actions ORDER BY 1")
        .await;
    assert_eq!(
        written,
        [json!({"event_id": id(0)}), json!({"event_id": id(40)})]
    );
    let text = b"{}".to_vec();
    let error = setting
        .analytics
        .turn()
        .await
        .reindex(text, "caller", |_| ())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the body is not a JSON array of event documents"
    );
}

#[tokio::test]
async fn a_reindex_waits_for_the_tables_that_a_server_makes_at_its_start() {
    let setting = Setting::over(testing::postgres::database().await).await;
    let migrated = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        setting.database().migrate().await
    };
    let documents = [birth(0, 3)];
    let (report, migrated) = tokio::join!(setting.reindex(&documents), migrated);
    migrated.unwrap();
    assert_eq!((report.imported, report.failed), (1, vec![]));
}

#[tokio::test]
async fn places_come_before_the_records_and_once_an_hour() {
    let setting = Setting::ready().await;
    let areas = json!([
        {"id": "d", "name": "District", "parentId": "p", "externalId": "D1"},
        {"id": "p", "name": "Province, old", "parentId": null, "externalId": "P1"},
        {"id": "x", "name": "Round", "parentId": "y"},
        {"id": "y", "name": "And round", "parentId": "x"},
    ]);
    let locations =
        json!([{"id": "l", "name": "Office", "administrativeAreaId": "d", "locationType": null}]);
    setting
        .core_answers("administrativeAreas.list", "caller", 1, areas)
        .await;
    setting
        .core_answers("locations.list", "caller", 1, locations)
        .await;
    setting.reindex(&[birth(0, 3)]).await;
    setting.reindex(&[birth(10, 3)]).await;
    let keeping = setting.analytics.clone();
    let keeping = tokio::spawn(async move { keeping.keep_up().await });
    let sql = "SELECT path_names, a.level, event_id, births, e.year, l.name AS size \
         FROM analytics.registrations r JOIN analytics.area_paths a ON a.id = r.area_id \
         JOIN analytics.expected_births e ON e.area_id = a.id AND e.year = date_part('year', r.registered_at) \
         CROSS JOIN analytics.location_levels l ORDER BY event_id";
    let found = |n| {
        json!({"path_names": ["Province, old", "District"], "level": 2, "event_id": id(n),
            "births": 30.0, "year": 2026, "size": "District"})
    };
    let expected = [found(0), found(10)];
    for _ in 0..500 {
        if setting.select(sql).await == expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(setting.select(sql).await, expected);
    keeping.abort();
}

#[tokio::test]
async fn what_waited_is_written_as_core_has_accepted_it() {
    let setting = Setting::ready().await;
    let token = json!({"access_token": "system"});
    let token = ResponseTemplate::new(200).set_body_json(token);
    Mock::given(path("/token"))
        .respond_with(token)
        .mount(&setting.core)
        .await;
    let mut waiting = birth(0, 3);
    waiting["actions"][2]["status"] = json!("Requested");
    waiting["actions"].as_array_mut().unwrap().swap(1, 2);
    let mut accepted = waiting.clone();
    let acceptance = json!({"originalActionId": id(3), "registrationNumber": "B7", "declaration": {"child.gender": null}});
    accepted["actions"]
        .as_array_mut()
        .unwrap()
        .push(action(9, "REGISTER", acceptance));
    setting
        .core_answers("event.get", "system", 1, waiting.clone())
        .await;
    setting
        .core_answers("event.get", "system", 1, accepted.clone())
        .await;
    let undecided = setting.send(202, &waiting).await;
    assert!(matches!(undecided, Outcome::Undecided(_)), "{undecided:?}");
    assert_eq!(setting.select(ACTIONS).await, Vec::<Value>::new());
    while matches!(setting.send(202, &waiting).await, Outcome::Undecided(_)) {}
    let rows = setting.select(ACTIONS).await;
    assert_eq!(
        (&rows[2]["id"], &rows[2]["registration_number"]),
        (&json!(id(3)), &json!("B7"))
    );
    assert_eq!(rows[2]["declaration"], json!({}));
    for action in accepted["actions"].as_array_mut().unwrap() {
        action["declaration"]
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
    }
    setting.reindex(&[accepted]).await;
    assert_eq!(
        setting.select(ACTIONS).await,
        rows,
        "what was cleared stays cleared"
    );
}

#[tokio::test]
async fn a_row_that_came_too_early_goes_when_the_action_is_turned_down() {
    let setting = Setting::ready().await;
    setting.send(200, &birth(0, 3)).await;
    let mut refused = birth(0, 3);
    refused["actions"][2]["status"] = json!("Requested");
    let refusal = json!({"status": "Rejected", "originalActionId": id(3)});
    refused["actions"]
        .as_array_mut()
        .unwrap()
        .push(action(4, "REGISTER", refusal));
    setting.reindex(&[refused]).await;
    assert_eq!(setting.select(ACTIONS).await.len(), 2);
}

/// As the scripts of the TypeScript country configuration leave them, with a row of a record under
/// another id and with what must not be there.
const TAKEN_OVER: &str = "
    CREATE SCHEMA analytics;
    SET search_path = analytics;
    CREATE TABLE administrative_areas (id text PRIMARY KEY, name text NOT NULL, parent_id text REFERENCES administrative_areas (id));
    CREATE TABLE locations (id text PRIMARY KEY, name text NOT NULL, administrative_area_id text REFERENCES administrative_areas (id), location_type text NOT NULL);
    CREATE TABLE location_levels (id text PRIMARY KEY, level int NOT NULL, name text NOT NULL);
    CREATE TABLE location_statistics (name text, reference_id text NOT NULL, year int NOT NULL, crude_birth_rate numeric(4, 1) NOT NULL,
        male_population int NOT NULL, female_population int NOT NULL, total_population int NOT NULL, UNIQUE (reference_id, year));
    CREATE TABLE event_actions (event_type text NOT NULL, action_type text NOT NULL, annotation jsonb, assigned_to text,
        created_at timestamptz NOT NULL DEFAULT now(), created_at_location text, created_by text NOT NULL, created_by_role text NOT NULL,
        created_by_signature text, created_by_user_type text NOT NULL, declared_at timestamptz, registered_at timestamptz,
        declaration jsonb NOT NULL DEFAULT '{}', event_id uuid NOT NULL, id uuid PRIMARY KEY DEFAULT gen_random_uuid(), original_action_id uuid,
        registration_number text UNIQUE, request_id text, status text NOT NULL, transaction_id text NOT NULL, content jsonb, UNIQUE (id, event_id));
    CREATE INDEX analytics_idx_event_actions_event_id ON event_actions (event_id);
    CREATE INDEX idx_event_actions_event_id ON event_actions (event_id);
    INSERT INTO event_actions (event_type, action_type, created_by, created_by_role, created_by_user_type, event_id, registration_number, status, transaction_id, declaration)
    VALUES ('birth', 'REGISTER', 'u', 'r', 'user', '00000000-0000-4000-8000-000000000000', 'B0', 'Accepted', 't', '{\"child.name\": \"Ada\"}'),
           ('birth', 'REGISTER', 'u', 'r', 'user', '00000000-0000-4000-8000-000000000010', 'B10', 'Accepted', 't', '{}');
";

#[tokio::test]
async fn tables_that_are_there_are_taken_over_with_their_rows() {
    let setting = Setting::over(testing::postgres::database().await).await;
    setting.execute(TAKEN_OVER).await;
    assert!(!setting.database().is_current().await.unwrap());
    let migrate = async || setting.database().migrate().await;
    let (one, other) = tokio::join!(migrate(), migrate());
    one.unwrap();
    other.unwrap();
    assert!(setting.database().is_current().await.unwrap());
    setting.reindex(&[birth(0, 3)]).await;
    let rows = setting
        .select("SELECT event_id, count(*) FROM analytics.event_actions GROUP BY 1 ORDER BY 1")
        .await;
    assert_eq!(
        rows,
        [
            json!({"event_id": id(0), "count": 3}),
            json!({"event_id": id(10), "count": 1})
        ]
    );
    let names = "SELECT * FROM analytics.event_actions WHERE declaration::text LIKE '%Ada%'";
    assert_eq!(setting.select(names).await, Vec::<Value>::new());
}

#[tokio::test]
async fn dashboards_read_and_the_server_writes() {
    let setting = Setting::ready().await;
    let suffix = setting
        .url
        .split(['/', '?'])
        .nth(3)
        .unwrap()
        .replace("countryconfig_test_", "");
    let mut urls = vec![];
    for (access, name) in [(Access::Write, "writer"), (Access::Read, "reader")] {
        let name = format!("{name}_{suffix}");
        setting
            .database()
            .login(&name, "first", access)
            .await
            .unwrap();
        setting
            .database()
            .login(&name, "it's a \"secret\"", access)
            .await
            .unwrap();
        urls.push(
            setting
                .url
                .replace("postgres@", &format!("{name}:it's%20a%20%22secret%22@")),
        );
    }
    let writer = Setting::over(urls[0].clone()).await;
    assert!(writer.database().is_current().await.unwrap());
    assert_eq!(writer.reindex(&[birth(0, 3)]).await.imported, 1);
    assert!(
        select(&urls[0], "SELECT 1 FROM analytics.expected_births")
            .await
            .is_ok()
    );
    let reader = Setting::over(urls[1].clone()).await;
    assert_eq!(
        reader
            .select("SELECT registration_number FROM analytics.registrations")
            .await,
        [json!({"registration_number": "B0"})]
    );
    let json = json!([birth(10, 3)]).to_string().into_bytes();
    let error = reader
        .analytics
        .turn()
        .await
        .reindex(json, "caller", |_| ())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not write to the analytics database"
    );
    assert!(matches!(
        reader.send(200, &birth(10, 3)).await,
        Outcome::Failed(..)
    ));
}

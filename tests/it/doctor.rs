// SPDX-License-Identifier: MPL-2.0
//! `countryconfig doctor` in surroundings with faults: it names each of them.

use super::program::text;
use super::{SIGNER, fresh_id};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger::{self, Answer, Destination, Entry, NewDelivery};
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

type Variables = Vec<(&'static str, String)>;

/// What core, the middleware and all others answer.
struct Outside {
    key: ResponseTemplate,
    token: ResponseTemplate,
    ping: ResponseTemplate,
    event: ResponseTemplate,
    middleware: ResponseTemplate,
}

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

fn token(change: impl FnOnce(&mut Value)) -> ResponseTemplate {
    let mut claims = json!({
        "iss": "opencrvs:auth-service", "sub": fresh_id(), "userType": "system",
        "aud": ["opencrvs:gateway-user", "opencrvs:countryconfig-user"],
        "scope": ["type=record.read&event=birth,death", "type=record.search"],
        "exp": jsonwebtoken::get_current_timestamp() + 600,
    });
    change(&mut claims);
    granted(&SIGNER.token(&claims).unwrap())
}

fn granted(token: &str) -> ResponseTemplate {
    status(200).set_body_json(json!({"access_token": token}))
}

/// Surroundings in order, except for this.
async fn outside(change: impl FnOnce(&mut Outside)) -> MockServer {
    let mut outside = Outside {
        key: status(200).set_body_string(SIGNER.public_pem()),
        token: token(|_| ()),
        ping: status(200)
            .set_body_json(json!({"success": true}))
            .insert_header("x-version", "2.0.0"),
        event: status(404).set_body_json(json!({"error": {"json": {"message": "NOT_FOUND"}}})),
        middleware: status(401).set_body_json(json!({"error": "Unauthorized"})),
    };
    change(&mut outside);
    let server = MockServer::start().await;
    for (verb, at, answer) in [
        ("GET", "/.well-known", outside.key),
        ("POST", "/token", outside.token),
        ("GET", "/ping", outside.ping),
        ("GET", "/events/event.get", outside.event),
        ("GET", "/debug/transactions", outside.middleware),
        (
            "GET",
            "/documentation/json",
            status(200).set_body_json(json!({"info": {"version": "2.0.0"}})),
        ),
        ("HEAD", "/webhook", status(405)),
        ("HEAD", "/broken", status(502)),
        ("HEAD", "/", status(200)),
    ] {
        Mock::given(method(verb))
            .and(path(at))
            .respond_with(answer)
            .mount(&server)
            .await;
    }
    server
}

/// A mail server, as far as a greeting and a login go.
async fn mail(greeting: &'static str, offers: &'static str, login: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                write
                    .write_all(format!("{greeting}\r\n").as_bytes())
                    .await?;
                let mut lines = BufReader::new(read).lines();
                while let Some(line) = lines.next_line().await? {
                    let reply = match line.split(' ').next() {
                        Some("EHLO") => format!("250-mail\r\n{offers}250 OK\r\n"),
                        Some("AUTH") => format!("{login}\r\n"),
                        _ => "250 OK\r\n".to_owned(),
                    };
                    write.write_all(reply.as_bytes()).await?;
                }
                std::io::Result::Ok(())
            });
        }
    });
    port
}

/// Takes connections and says nothing.
async fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    address
}

/// An address where nobody listens.
fn closed() -> String {
    format!("127.0.0.1:{}", testing::ports::closed_port())
}

/// An HTTPS server whose certificate is for a name and lasts until a year, and the file of its authority.
async fn https(folder: &Path, name: &str, until: i32) -> (Child, String, String) {
    const SERVE: &str = "import http.server, ssl, sys
server = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()";
    let write = |what: &str, text: String| {
        let path = folder.join(format!("{name}-{until}-{what}.pem"));
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = write("root", authority.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let certificate = params.signed_by(&own, &issuer).unwrap();
    let (certificate, key) = (
        write("own", certificate.pem()),
        write("key", own.serialize_pem()),
    );
    let mut server = Command::new("python3")
        .args(["-c", SERVE, &certificate, &key])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = lines.next_line().await.unwrap().unwrap();
    (server, format!("https://127.0.0.1:{port}"), root)
}

const KEY: &str = "T5nRk0m3vYw8a1Zs6uQx2dLh9pGc7fBj4eKo0iXtVyM=";

/// A ledger with one pending packet.
async fn ledger(folder: &Path, name: &str, key: &str, token: &str) -> String {
    let url = format!("sqlite://{}", folder.join(name).display());
    let seal: Encryption = key.parse().unwrap();
    let ledger = ledger::open(&url, seal).await.unwrap();
    let entry = Entry {
        event_id: EventId::new("e"),
        action_id: ActionId::new("a"),
        event_type: "birth".into(),
        action_type: "REGISTER".into(),
        rule: None,
        decision: "birth".into(),
        registration_number: None,
        answer: Answer::wait(),
        deliveries: vec![NewDelivery {
            destination: Destination::MIDDLEWARE,
            operation: "create-uin".into(),
            path: "/events/registration".into(),
            payload: json!({}),
            token: token.to_owned(),
            due_at: Timestamp::UNIX_EPOCH,
            fallback: None,
        }],
    };
    ledger.record(&entry, Timestamp::UNIX_EPOCH).await.unwrap();
    url
}

/// Settings of a server that has everything.
async fn everything(folder: &Path, outside: &MockServer) -> Variables {
    let analytics = testing::postgres::database().await;
    let database = handlers::analytics::Database::at(analytics.parse().unwrap());
    database.migrate().await.unwrap();
    let hook = SIGNER.action_token("e", "a").unwrap();
    let mut variables = at(&outside.uri());
    variables.extend([
        ("SYSTEM_CLIENT_ID", "client".into()),
        ("SYSTEM_CLIENT_SECRET", "t0psecret".into()),
        ("LEDGER_URL", ledger(folder, "ledger.db", KEY, &hook).await),
        ("LEDGER_KEY", KEY.into()),
        ("IDENTITY_VERIFICATION", "id-auth".into()),
        ("SMTP_HOST", "127.0.0.1".into()),
        (
            "SMTP_PORT",
            mail("220 mail", "250-AUTH PLAIN LOGIN\r\n", "235 OK")
                .await
                .to_string(),
        ),
        ("SMTP_USERNAME", "crvs".into()),
        ("SMTP_PASSWORD", "t0psecret".into()),
        ("SENDER_EMAIL_ADDRESS", "crvs@crvs.example".into()),
        ("INFOBIP_API_KEY", "t0psecret".into()),
        ("INFOBIP_SENDER_ID", "CRVS".into()),
        ("INFOBIP_GATEWAY_ENDPOINT", format!("{}/sms", outside.uri())),
        ("FORWARD_ACTIONS_TO", format!("{}/webhook", outside.uri())),
        (
            "FORWARD_SECRET",
            "whsec_T5nRk0m3vYw8a1Zs6uQx2dLh9pGc7fBj4eKo0iXtVyM=".into(),
        ),
        (
            "VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL",
            format!("{}/webhook", outside.uri()),
        ),
        ("ANALYTICS_DATABASE_URL", analytics),
        (
            "REFERENCE_DATA_DATABASE_URL",
            testing::postgres::database().await,
        ),
    ]);
    variables
}

/// All of core and the middleware at one URL.
fn at(url: &str) -> Variables {
    ["AUTH_URL", "GATEWAY_URL", "MOSIP_INTEROP_URL"]
        .map(|name| (name, url.to_owned()))
        .to_vec()
}

/// A fault, and what is to be said of it.
struct Fault {
    variables: Variables,
    check: &'static str,
    verdict: &'static str,
    words: &'static str,
}

fn fault(variables: Variables, check: &'static str, words: &'static str) -> Fault {
    Fault {
        variables,
        check,
        verdict: "error",
        words,
    }
}

impl Fault {
    fn is_named(&self, findings: &[Value]) -> bool {
        findings.iter().any(|finding| {
            finding["check"] == self.check
                && finding["verdict"] == self.verdict
                && finding["what"].as_str().unwrap().contains(self.words)
                && finding["remedy"].is_string()
        })
    }

    fn missed(&self, findings: &[Value]) -> String {
        let Self {
            variables,
            check,
            words,
            ..
        } = self;
        let said: Vec<_> = findings.iter().filter(|f| f["check"] == *check).collect();
        format!("{variables:?}: {check} `{words}` is not in {said:?}")
    }

    /// What it touches: settings, and the thing that is to be said to be at fault.
    fn touches(&self) -> impl Iterator<Item = &'static str> {
        // The gateway is asked with a token of the auth service.
        let names = self.variables.iter().map(|(name, _)| match *name {
            "GATEWAY_URL" | "SYSTEM_CLIENT_ID" | "CORE_VERSION" => "AUTH_URL",
            name => name,
        });
        names.chain([self.check])
    }

    /// With a proxy or without settings nothing else can be said.
    fn stands_alone(&self) -> bool {
        self.variables
            .iter()
            .any(|(name, _)| ["NODE_ENV", "HTTP_PROXY"].contains(name))
    }
}

/// Faults that do not touch each other are examined at once: each start of the program takes seconds.
fn batches(faults: &[Fault]) -> Vec<Vec<&Fault>> {
    let mut batches: Vec<Vec<&Fault>> = Vec::new();
    for fault in faults {
        let goes_with = |other: &&Fault| {
            !other.stands_alone()
                && !other
                    .touches()
                    .any(|what| fault.touches().any(|own| own == what))
        };
        let free = batches.iter_mut().find(|batch| batch.iter().all(goes_with));
        match free {
            Some(batch) if !fault.stands_alone() => batch.push(fault),
            _ => batches.push(vec![fault]),
        }
    }
    batches
}

fn set(name: &'static str, value: impl Into<String>) -> Variables {
    vec![(name, value.into())]
}

/// What the doctor says, and whether it ends well.
async fn examine(variables: &Variables) -> (bool, Vec<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countryconfig"));
    command
        .args(["doctor", "--json"])
        .envs(variables.iter().cloned());
    let output = command.output().await.unwrap();
    let findings = serde_json::from_slice(&output.stdout);
    let findings = findings.unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    (output.status.success(), findings)
}

/// Surroundings with a change, as the value of a setting.
async fn with(name: &'static str, change: fn(&mut Outside)) -> Variables {
    let outside = outside(change).await;
    let variables = set(name, outside.uri());
    // Lives as long as the test.
    std::mem::forget(outside);
    variables
}

/// A URL whose host is known to nobody; no name server is asked about so long a word.
fn unknown() -> String {
    format!("http://{}.example", "x".repeat(70))
}

async fn faults_of_auth() -> Vec<Fault> {
    const CHECK: &str = "auth";
    let refused = set("AUTH_URL", format!("http://{}", closed()));
    let silent = set("AUTH_URL", format!("http://{}", silent().await));
    let mut no_tls = with("AUTH_URL", |_| ()).await;
    no_tls[0].1 = no_tls[0].1.replace("http://", "https://");
    let auth = async |change| with("AUTH_URL", change).await;
    vec![
        fault(refused, CHECK, "connection refused"),
        fault(set("AUTH_URL", unknown()), CHECK, "not resolved (DNS)"),
        fault(no_tls, CHECK, "does not speak TLS"),
        fault(silent, CHECK, "timeout while waiting"),
        fault(auth(|o| o.key = status(500)).await, CHECK, "answered 500"),
        fault(auth(|o| o.key = status(404)).await, CHECK, "answered 404"),
        fault(
            auth(|o| o.key = status(200).set_body_string("<html>")).await,
            CHECK,
            "not an RSA public key",
        ),
        fault(
            auth(|o| {
                let key = status(200).set_body_string(SIGNER.public_pem());
                o.key = key.insert_header("date", "Fri, 01 May 2020 12:00:00 GMT");
            })
            .await,
            "clock",
            "ahead of",
        ),
    ]
}

async fn faults_of_system_client() -> Vec<Fault> {
    const CHECK: &str = "system client";
    let auth = async |change| with("AUTH_URL", change).await;
    vec![
        fault(
            auth(|o| o.token = status(401)).await,
            CHECK,
            "SYSTEM_CLIENT_SECRET",
        ),
        fault(auth(|o| o.token = status(404)).await, CHECK, "404"),
        fault(
            auth(|o| o.token = token(|t| t["scope"] = json!(["type=record.search"]))).await,
            CHECK,
            "lacks the scope record.read",
        ),
        fault(
            auth(|o| o.token = token(|t| t["exp"] = json!(1_700_000_000))).await,
            CHECK,
            "lasts -",
        ),
        fault(
            auth(|o| o.token = token(|t| t["aud"] = json!(["opencrvs:auth-user"]))).await,
            CHECK,
            "not meant for core's gateway",
        ),
        fault(
            auth(|o| o.token = granted("word")).await,
            CHECK,
            "not a token",
        ),
        fault(
            auth(|o| {
                let other = countryconfig::sandbox::Signer::new().unwrap();
                o.token = granted(&other.action_token("e", "a").unwrap());
            })
            .await,
            CHECK,
            "not signed with the key",
        ),
        fault(set("CORE_VERSION", "2.1"), CHECK, "record.action.accept"),
    ]
}

async fn faults_of_gateway_and_middleware() -> Vec<Fault> {
    const GATEWAY: &str = "gateway";
    const MIDDLEWARE: &str = "middleware";
    let gateway = async |change| with("GATEWAY_URL", change).await;
    let middleware = async |change| with("MOSIP_INTEROP_URL", change).await;
    let refused = |name| set(name, format!("http://{}", closed()));
    let silent = set("MOSIP_INTEROP_URL", format!("http://{}", silent().await));
    let newer = gateway(|o| o.ping = status(200).insert_header("x-version", "2.1.0")).await;
    vec![
        fault(refused("GATEWAY_URL"), GATEWAY, "connection refused"),
        fault(set("GATEWAY_URL", unknown()), GATEWAY, "not resolved (DNS)"),
        fault(
            gateway(|o| o.event = status(401)).await,
            GATEWAY,
            "answered 401",
        ),
        fault(
            gateway(|o| o.event = status(403)).await,
            GATEWAY,
            "answered 403",
        ),
        fault(
            gateway(|o| o.event = status(502)).await,
            GATEWAY,
            "answered 502",
        ),
        fault(
            gateway(|o| o.event = status(200).set_body_string("<html>")).await,
            GATEWAY,
            "not how core's gateway answers",
        ),
        Fault {
            verdict: "warning",
            ..fault(newer, GATEWAY, "core is version 2.1.0")
        },
        fault(
            refused("MOSIP_INTEROP_URL"),
            MIDDLEWARE,
            "connection refused",
        ),
        fault(
            set("MOSIP_INTEROP_URL", unknown()),
            MIDDLEWARE,
            "not resolved (DNS)",
        ),
        fault(silent, MIDDLEWARE, "timeout while waiting"),
        fault(
            middleware(|o| o.middleware = status(500)).await,
            MIDDLEWARE,
            "answered 500",
        ),
        fault(
            middleware(|o| o.middleware = status(404)).await,
            MIDDLEWARE,
            "not how mosip-api answers",
        ),
    ]
}

async fn faults_of_storage(folder: &Path) -> Vec<Fault> {
    let other = STANDARD.encode([7; 32]);
    let garbage = folder.join("garbage.db");
    std::fs::write(&garbage, "x".repeat(9000)).unwrap();
    let sqlite = |path: &Path| set("LEDGER_URL", format!("sqlite://{}", path.display()));
    let later = ledger(folder, "later.db", KEY, "token").await;
    let statement = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (999, 'later', TRUE, x'00', 0)";
    let mut connection = sqlx::SqliteConnection::connect(&later).await.unwrap();
    sqlx::Executor::execute(&mut connection, statement)
        .await
        .unwrap();
    let locked = ledger(folder, "locked.db", KEY, "token").await;
    let mut lock = sqlx::SqliteConnection::connect(&locked).await.unwrap();
    sqlx::Executor::execute(&mut lock, "BEGIN EXCLUSIVE")
        .await
        .unwrap();
    // Held as long as the test runs.
    std::mem::forget(lock);
    let postgres = testing::postgres::database().await;
    let nowhere = postgres.replace("countryconfig_test_", "nowhere_");
    let refused = format!("postgres://crvs:t0psecret@{}/crvs", closed());
    let claims = json!({"exp": 1_700_000_000, "eventId": "e"});
    let ended = ledger(folder, "ended.db", KEY, &SIGNER.token(&claims).unwrap()).await;
    let mut alone = set("LEDGER_URL", ended);
    alone.extend([
        ("SYSTEM_CLIENT_ID", String::new()),
        ("SYSTEM_CLIENT_SECRET", String::new()),
    ]);
    vec![
        fault(
            set("LEDGER_KEY", other),
            "ledger",
            "cannot be read with LEDGER_KEY",
        ),
        fault(
            set("LEDGER_KEY", ""),
            "ledger",
            "cannot be read with LEDGER_KEY",
        ),
        fault(sqlite(&garbage), "ledger", "not a database"),
        fault(sqlite(folder), "ledger", "unable to open"),
        fault(
            sqlite(Path::new("/proc/nowhere/ledger.db")),
            "ledger",
            "cannot be made",
        ),
        fault(set("LEDGER_URL", later), "ledger", "version 999"),
        fault(set("LEDGER_URL", locked), "ledger", "locked"),
        fault(
            set("LEDGER_URL", refused.clone()),
            "ledger",
            "connection refused",
        ),
        fault(
            set("LEDGER_URL", nowhere.clone()),
            "ledger",
            "no such database",
        ),
        fault(alone, "tokens", "have expired"),
        fault(
            set("ANALYTICS_DATABASE_URL", refused.clone()),
            "analytics",
            "connection refused",
        ),
        fault(
            set("ANALYTICS_DATABASE_URL", nowhere),
            "analytics",
            "no such database",
        ),
        Fault {
            verdict: "warning",
            ..fault(
                set("ANALYTICS_DATABASE_URL", postgres),
                "analytics",
                "tables are missing or old",
            )
        },
        fault(
            set("REFERENCE_DATA_DATABASE_URL", refused),
            "reference data",
            "connection refused",
        ),
    ]
}

async fn faults_of_others(folder: &Path, outside: &str) -> Vec<Fault> {
    let port = |port: u16| set("SMTP_PORT", port.to_string());
    let (address, login) = (closed(), "250-AUTH PLAIN LOGIN\r\n");
    let refused = address.rsplit_once(':').unwrap().1;
    let web = outside.rsplit_once(':').unwrap().1;
    let mut required = port(mail("220 mail", login, "235 OK").await);
    // Only on this machine may a login go in the clear.
    required.extend([
        ("SMTP_HOST", "0.0.0.0".to_owned()),
        ("SMTP_REQUIRE_TLS", "true".to_owned()),
    ]);
    let mut implicit = port(mail("220 mail", login, "235 OK").await);
    implicit.push(("SMTP_SECURE", "true".to_owned()));
    let country = folder.join("country");
    country::init(&country).unwrap();
    let rules = country.join("eligibility.toml");
    let wrong = std::fs::read_to_string(&rules)
        .unwrap()
        .replace("child.dob", "child.dbo");
    std::fs::write(&rules, wrong).unwrap();
    vec![
        fault(set("SMTP_PORT", refused), "mail", "connection refused"),
        fault(
            set("SMTP_HOST", format!("{}.example", "x".repeat(70))),
            "mail",
            "not resolved (DNS)",
        ),
        fault(
            port(mail("220 mail", login, "535 no").await),
            "mail",
            "login is refused",
        ),
        fault(
            port(mail("220 mail", "", "235 OK").await),
            "mail",
            "offers no login",
        ),
        fault(
            port(mail("554 no", login, "235 OK").await),
            "mail",
            "answered 554",
        ),
        fault(set("SMTP_PORT", web), "mail", ""),
        fault(required, "mail", "STARTTLS"),
        fault(implicit, "mail", "TLS"),
        fault(
            set("INFOBIP_GATEWAY_ENDPOINT", format!("http://{address}/sms")),
            "sms",
            "connection refused",
        ),
        fault(
            set("FORWARD_ACTIONS_TO", format!("http://{address}/t0psecret")),
            "forwarding",
            "connection refused",
        ),
        Fault {
            verdict: "warning",
            ..fault(
                set("FORWARD_ACTIONS_TO", format!("{outside}/broken")),
                "forwarding",
                "answered 502",
            )
        },
        fault(
            set(
                "VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL",
                format!("http://{address}/t0psecret"),
            ),
            "credentials",
            "connection refused",
        ),
        fault(
            set("COUNTRY_DIR", country.display().to_string()),
            "country",
            "child.dbo",
        ),
        fault(
            set("COUNTRY_DIR", "/no/such/country"),
            "country",
            "there is no such folder",
        ),
        fault(
            set("LEDGR_KEY", "x"),
            "settings",
            "`LEDGR_KEY` is not a setting",
        ),
        fault(set("NODE_ENV", "prod"), "settings", "`prod` is none of"),
        Fault {
            verdict: "warning",
            ..fault(
                set("HTTP_PROXY", format!("http://{address}")),
                "proxy",
                "go through the proxy",
            )
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_nothing_where_all_is_well_and_names_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let around = outside(|_| ()).await;
    let healthy = everything(folder.path(), &around).await;
    let (well, findings) = examine(&healthy).await;
    let troubles: Vec<_> = findings
        .iter()
        .filter(|f| !["fine", "off"].contains(&f["verdict"].as_str().unwrap()))
        .collect();
    assert!(well && troubles.is_empty(), "{troubles:#?}");
    for check in [
        "auth",
        "clock",
        "system client",
        "gateway",
        "middleware",
        "ledger",
        "mail",
        "sms",
        "analytics",
        "forwarding",
        "country",
    ] {
        let fine = |f: &&Value| f["check"] == check && f["verdict"] == "fine";
        assert!(
            findings.iter().find(fine).is_some(),
            "{check}: {findings:#?}"
        );
    }

    let mut faults = faults_of_auth().await;
    faults.extend(faults_of_system_client().await);
    faults.extend(faults_of_gateway_and_middleware().await);
    faults.extend(faults_of_storage(folder.path()).await);
    faults.extend(faults_of_others(folder.path(), &around.uri()).await);
    let mut servers = Vec::new();
    for (name, until, known, words) in [
        ("127.0.0.1", 4000, false, "TLS: "),
        ("other.example", 4000, true, "not valid for"),
        ("127.0.0.1", 2020, true, "xpired"),
    ] {
        let (server, url, root) = https(folder.path(), name, until).await;
        servers.push(server);
        let mut variables = set("AUTH_URL", url);
        if known {
            variables.push(("SSL_CERT_FILE", root));
        }
        faults.push(fault(variables, "auth", words));
    }
    assert!(faults.len() >= 60, "{}", faults.len());
    let at_once = Semaphore::new(4);
    let batches = batches(&faults);
    let examined = futures_util::future::join_all(batches.iter().map(async |batch| {
        let _turn = at_once.acquire().await.unwrap();
        let changes = batch.iter().flat_map(|fault| &fault.variables);
        let variables = healthy.iter().chain(changes).cloned().collect();
        let (well, findings) = examine(&variables).await;
        let said = serde_json::to_string(&findings).unwrap();
        assert!(!said.contains("t0psecret"), "{said}");
        assert!(!well || batch.iter().all(|fault| fault.verdict == "warning"));
        let missed = batch.iter().filter(|fault| !fault.is_named(&findings));
        missed
            .map(|fault| fault.missed(&findings))
            .collect::<Vec<_>>()
    }));
    let missed: Vec<_> = examined.await.into_iter().flatten().collect();
    let all = faults.len();
    println!("{} of {all} faults are named", all - missed.len());
    assert!(
        missed.len() * 20 <= all,
        "{} of {all}:\n{}",
        missed.len(),
        missed.join("\n")
    );
}

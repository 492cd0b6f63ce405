// SPDX-License-Identifier: MPL-2.0
//! A bad night: one thing after another goes wrong while core goes on asking, each hook once. Nothing is
//! blocked by it but what a killed process was working on, and that is rescued.

use super::core_stand_in::Core;
use super::operators::Operator;
use super::process::{Heard, Process, all_is_kept, ids};
use super::{SIGNER, Signer, eligible_birth, environment, packets, plain_birth, surroundings};
use handlers::clock::{Clock as _, SystemClock};
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use serde_json::{Value, json};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testing::postgres::Cluster;
use testing::within;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// Core asks so often.
const EVERY: Duration = Duration::from_millis(50);
/// A cluster's nodes learn so late that a process has ended.
const LAG: Duration = Duration::from_secs(1);

/// What core knows, and how its hooks find a server.
#[derive(Clone)]
struct Asking {
    /// A connection for each hook. Making a client takes long.
    http: reqwest::Client,
    core: Core,
    signer: Arc<Mutex<&'static Signer>>,
    /// The processes behind the service. What cannot be connected to is left out by its nodes.
    service: Arc<Mutex<Vec<u16>>>,
    turn: Arc<AtomicU64>,
    /// What happens just now.
    now: Arc<Mutex<&'static str>>,
    heard: Arc<Mutex<Heard>>,
    lost: Arc<Mutex<Vec<Lost>>>,
    /// Packets that the middleware answered 503.
    unavailable: Arc<AtomicUsize>,
}

/// A hook that was not answered as its record blocks or waits.
struct Lost {
    of: (String, String),
    during: &'static str,
    port: u16,
    why: String,
}

impl Asking {
    fn serves(&self, ports: &[u16]) {
        *self.service.lock().unwrap() = ports.to_vec();
    }

    fn answers(&self) -> usize {
        self.heard.lock().unwrap().acknowledged.len()
    }

    fn begins(&self, what: &'static str) {
        println!("{} answers, then: {what}", self.answers());
        *self.now.lock().unwrap() = what;
    }

    /// Core stores an action and asks about it, once.
    async fn once(self) {
        let turn = self.turn.fetch_add(1, Relaxed);
        let (record, expected) = if turn.is_multiple_of(4) {
            (eligible_birth(), 202)
        } else {
            (plain_birth(), 200)
        };
        let (of, during) = (ids(&record), *self.now.lock().unwrap());
        self.core.keep(&record);
        let signer = *self.signer.lock().unwrap();
        let token = signer.action_token(&of.0, &of.1).unwrap();
        let port = self.connected(turn).await;
        let url = format!("http://127.0.0.1:{port}/trigger/events/birth/actions/REGISTER");
        let request = self.http.post(url).bearer_auth(token);
        let answered = async {
            let response = request.body(record.to_string()).send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.text().await?))
        };
        let why = match answered.await {
            Ok((status, body)) if status == expected => {
                let answer = serde_json::from_str(&body).unwrap_or_default();
                self.core.hears(&of.0, status, &answer);
                let mut heard = self.heard.lock().unwrap();
                heard.acknowledged.insert(of, (status, body));
                return;
            }
            Ok((status, body)) => format!("{status} {body}"),
            Err(error) => format!("{error:?}"),
        };
        let lost = Lost {
            of,
            during,
            port,
            why,
        };
        self.lost.lock().unwrap().push(lost);
    }

    /// A process behind the service that takes connections.
    async fn connected(&self, turn: u64) -> u16 {
        for again in 0.. {
            let ports = self.service.lock().unwrap().clone();
            let nth = usize::try_from(turn + again).unwrap() % ports.len();
            if TcpStream::connect(("127.0.0.1", ports[nth])).await.is_ok() {
                return ports[nth];
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        unreachable!("it tries for ever")
    }
}

/// Asks until it is told to stop, and waits for the answers.
async fn steadily(asking: Asking, mut stop: oneshot::Receiver<()>) {
    let (mut hooks, mut ticks) = (JoinSet::new(), tokio::time::interval(EVERY));
    loop {
        tokio::select! {
            _ = ticks.tick() => drop(hooks.spawn(asking.clone().once())),
            _ = &mut stop => break,
        }
    }
    hooks.join_all().await;
}

/// A machine's clock that can be set: the library that is loaded first adds the seconds of a file.
struct SetClock {
    library: String,
    file: PathBuf,
}

impl SetClock {
    fn in_folder(folder: &Path) -> Self {
        let (library, file) = (folder.join("clock.so"), folder.join("clock"));
        std::fs::write(&file, 0_i64.to_ne_bytes()).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/clock.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .status();
        assert!(compiled.unwrap().success(), "a C compiler is needed");
        Self {
            library: library.display().to_string(),
            file,
        }
    }

    fn is_wrong_by(&self, seconds: i64) {
        let file = std::fs::File::options().write(true).open(&self.file);
        file.unwrap()
            .write_all_at(&seconds.to_ne_bytes(), 0)
            .unwrap();
    }
}

/// The settings of all processes of the night.
fn settings(outside: &MockServer, folder: &Path, ledger: &str) -> Vec<(String, String)> {
    let mut all = environment(outside, folder);
    let file = |name: &str| folder.join(name).display().to_string();
    let own = [
        ("LEDGER_URL", ledger.to_owned()),
        ("COUNTRY_DIR", file("country")),
        ("UNANSWERED_HOOKS_FILE", file("unanswered.jsonl")),
        ("SYSTEM_CLIENT_ID", "client".to_owned()),
        ("SYSTEM_CLIENT_SECRET", "secret".to_owned()),
        ("RESCUE", "on".to_owned()),
        ("SHUTDOWN_DELAY", "2s".to_owned()),
        (
            "DELIVERY_RETRY_SCHEDULE",
            "100ms,500ms,1s,1s,1s,1s,1s,1s,1s,1s".to_owned(),
        ),
    ];
    all.extend(own.map(|(name, value)| (name.to_owned(), value)));
    all
}

async fn is_refused(http: &reqwest::Client, server: &Process) -> bool {
    let url = format!("http://127.0.0.1:{}/readyz", server.port);
    let told = http.get(url).send().await.unwrap();
    told.json::<Value>().await.unwrap()["country"] != "ok"
}

/// Packets are answered 503 for two seconds.
async fn middleware_is_away(asking: &Asking, outside: &MockServer) {
    asking.begins("middleware away");
    // Not a scoped mock: with priorities, its end takes another one away.
    let is_away = Arc::new(AtomicBool::new(true));
    let (away, unavailable) = (is_away.clone(), asking.unavailable.clone());
    Mock::given(path("/events/registration"))
        .and(move |_: &Request| {
            let is_away = away.load(Relaxed);
            unavailable.fetch_add(is_away.into(), Relaxed);
            is_away
        })
        .respond_with(ResponseTemplate::new(503))
        .with_priority(1)
        .mount(outside)
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    is_away.store(false, Relaxed);
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_bad_night_no_record_is_blocked_but_by_a_killed_process_and_that_is_rescued() {
    let mut cluster = Cluster::start();
    let url = cluster.database().await;
    let (outside, folder) = (surroundings().await, tempfile::tempdir().unwrap());
    let rules = folder.path().join("country/eligibility.toml");
    country::init(rules.parent().unwrap()).unwrap();
    let clock = SetClock::in_folder(folder.path());
    let mut environment = settings(&outside, folder.path(), &url);
    let operator = Operator(environment.clone());
    environment.extend([
        ("LD_PRELOAD".to_owned(), clock.library.clone()),
        ("CLOCK_FILE".to_owned(), clock.file.display().to_string()),
    ]);
    let mut first = Process::start(&environment);
    first.is_ready().await;
    let http = reqwest::Client::builder().pool_max_idle_per_host(0);
    let http = http.timeout(Duration::from_mins(1));
    let asking = Asking {
        http: http.build().unwrap(),
        core: Core::at(&outside).await,
        signer: Arc::new(Mutex::new(&SIGNER)),
        service: Arc::new(Mutex::new(vec![first.port])),
        turn: Arc::default(),
        now: Arc::new(Mutex::new("calm")),
        heard: Arc::default(),
        lost: Arc::default(),
        unavailable: Arc::default(),
    };
    let (stop, stopped) = oneshot::channel();
    let load = tokio::spawn(steadily(asking.clone(), stopped));
    tokio::time::sleep(LAG).await;

    asking.begins("failover");
    cluster.stop();
    tokio::time::sleep(Duration::from_secs(3)).await;
    cluster.resume();
    first.is_ready().await;

    asking.begins("rollout");
    let second = Process::start(&environment);
    second.is_ready().await;
    asking.serves(&[first.port, second.port]);
    tokio::time::sleep(LAG).await;
    first.terminate();
    tokio::time::sleep(LAG).await;
    asking.serves(&[second.port]);
    assert!(first.ends_well().await);

    middleware_is_away(&asking, &outside).await;

    asking.begins("rotation of core's key");
    let signer: &'static Signer = Box::leak(Box::new(Signer::new().unwrap()));
    Mock::given(path("/.well-known"))
        .respond_with(ResponseTemplate::new(200).set_body_string(signer.public_pem()))
        .with_priority(1)
        .mount(&outside)
        .await;
    *asking.signer.lock().unwrap() = signer;
    tokio::time::sleep(Duration::from_secs(3)).await;

    asking.begins("wrong file");
    let good = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, good.replace("child.dob", "child.dbo")).unwrap();
    within("a refused change", async || {
        is_refused(&asking.http, &second).await
    })
    .await;
    std::fs::write(&rules, good).unwrap();
    within("a good file", async || {
        !is_refused(&asking.http, &second).await
    })
    .await;

    asking.begins("wrong clock");
    for wrong_by in [1800, -24 * 3600] {
        clock.is_wrong_by(wrong_by);
        tokio::time::sleep(LAG).await;
        clock.is_wrong_by(0);
        tokio::time::sleep(LAG).await;
    }

    asking.begins("kill");
    let third = Process::start(&environment);
    third.is_ready().await;
    let before = asking.answers();
    let burst: JoinSet<_> = (0..60).map(|_| asking.clone().once()).collect();
    within("some answers", async || asking.answers() > before + 10).await;
    let killed = second.port;
    drop(second);
    // The nodes learn of it later.
    asking.serves(&[killed, third.port]);
    tokio::time::sleep(LAG).await;
    asking.serves(&[third.port]);
    burst.join_all().await;
    stop.send(()).unwrap();
    load.await.unwrap();
    println!("{} hooks were answered", asking.answers());
    all_is_rescued(&asking, killed, &operator, &outside, &url).await;
}

/// Nothing is blocked but what the killed process was asked, and after a rescue not even that.
async fn all_is_rescued(
    asking: &Asking,
    killed: u16,
    operator: &Operator,
    outside: &MockServer,
    url: &str,
) {
    let lost = std::mem::take(&mut *asking.lost.lock().unwrap());
    let of_the_killed = |lost: &&Lost| lost.during == "kill" && lost.port == killed;
    let others = lost.iter().filter(|lost| !of_the_killed(lost));
    let others: Vec<_> = others.map(|lost| (lost.during, &lost.why)).collect();
    assert!(others.is_empty(), "{others:?}");
    let ledger = ledger::open(url, Encryption::default()).await.unwrap();
    // What has the middleware's word to wait for is not blocked.
    let blocked = async || {
        let (waiting, mut blocked) = (asking.core.waiting(), Vec::new());
        for Lost { of, .. } in &lost {
            let (event, action) = (EventId::new(&of.0), ActionId::new(&of.1));
            let answer = ledger.answer(&event, &action).await.unwrap();
            if waiting.contains(&of.0) && answer.is_none_or(|answer| answer.status != 202) {
                blocked.push(of.0.clone());
            }
        }
        blocked
    };
    let before = blocked().await;
    println!(
        "{} hooks were lost with their process, {} of them block",
        lost.len(),
        before.len()
    );
    assert!(!before.is_empty(), "it was killed while it answered");
    let (_, said) = operator.says("rescue").await;
    let sent: Vec<_> = packets(outside).await;
    let rows: Vec<_> = sent
        .iter()
        .map(|packet| json!({"eventId": packet["eventId"], "id": "1"}))
        .collect();
    Mock::given(path("/debug/transactions"))
        .respond_with(ResponseTemplate::new(200).set_body_json(rows))
        .mount(outside)
        .await;
    // What would make an identity has to be named.
    for event in blocked().await {
        let (exit, said) = operator.says(&format!("rescue {event}")).await;
        assert_eq!(exit, Some(0), "{said}");
    }
    assert!(blocked().await.is_empty(), "{said}");
    // As the server does once a minute.
    let now = SystemClock.now();
    ledger.mend(now).await.unwrap();
    let heard = std::mem::take(&mut *asking.heard.lock().unwrap());
    all_is_kept(&heard, url, outside, asking.unavailable.load(Relaxed)).await;
}

// SPDX-License-Identifier: MPL-2.0
//! A throw-away `PostgreSQL` for tests: started from the installed programs, in a folder of its own,
//! reachable through a socket in that folder only, and gone when the test process is gone, however
//! it ends.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// The error and its remedy if no `PostgreSQL` is found.
const MISSING: &str = "these tests need PostgreSQL: install its server (Debian: `apt-get install postgresql`; \
     `initdb` and `postgres` in PATH or below /usr/lib/postgresql), or set TEST_POSTGRES_URL to a \
     server where databases may be made";

/// A server that belongs to one test. Dropping it stops it and removes its folder.
pub struct Cluster {
    watchdog: Child,
    commands: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Cluster {
    /// Makes a cluster and starts it.
    ///
    /// # Panics
    /// If `PostgreSQL` is not installed, or does not start.
    pub fn start() -> Self {
        let programs = programs().expect(MISSING);
        let folder = tempfile::Builder::new()
            .prefix("pg-")
            .tempdir()
            .unwrap()
            .keep();
        let mut command = Command::new("sh");
        command
            .args(["-c", include_str!("watchdog.sh"), "watchdog"])
            .args([&folder, &programs])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // An interrupt at the terminal is for the tests; the watchdog sees them end.
            .process_group(0);
        // PostgreSQL refuses to run as root.
        if folder.metadata().unwrap().uid() == 0 {
            let (user, group) = unprivileged();
            std::os::unix::fs::chown(&folder, Some(user), Some(group)).unwrap();
            command.uid(user).gid(group);
        }
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut watchdog = command.spawn().expect("`sh` starts");
        let mut cluster = Self {
            commands: watchdog.stdin.take(),
            replies: BufReader::new(watchdog.stdout.take().unwrap()),
            watchdog,
            folder,
        };
        cluster.expect("up");
        cluster
    }

    /// Kills the server with its connections, as a crash would.
    pub fn stop(&mut self) {
        self.command("stop");
        self.expect("down");
    }

    /// Starts it again, on the data that it had written.
    pub fn resume(&mut self) {
        self.command("start");
        self.expect("up");
    }

    /// A new, empty database.
    pub async fn database(&self) -> String {
        make_database(&self.url("postgres")).await
    }

    fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@localhost/{database}?host={}",
            self.folder.display()
        )
    }

    fn command(&mut self, command: &str) {
        let commands = self.commands.as_mut().unwrap();
        writeln!(commands, "{command}").expect("the watchdog lives");
    }

    fn expect(&mut self, wanted: &str) {
        let mut reply = String::new();
        self.replies.read_line(&mut reply).unwrap();
        if reply.trim() != wanted {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            panic!("PostgreSQL is not {wanted}:\n{log}");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.commands.take());
        drop(self.watchdog.wait());
    }
}

/// A new, empty database, on `TEST_POSTGRES_URL` or on a cluster that all tests of this binary share.
///
/// # Panics
/// If there is neither.
pub async fn database() -> String {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    if let Some(url) = std::env::var("TEST_POSTGRES_URL")
        .ok()
        .filter(|url| !url.is_empty())
    {
        return make_database(&url).await;
    }
    SHARED.get_or_init(Cluster::start).database().await
}

/// Makes a database on the server of a URL.
async fn make_database(url: &str) -> String {
    let name = format!("countryconfig_test_{}", uuid::Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(url).await.expect(MISSING);
    let statement = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    connection.execute(statement).await.unwrap();
    connection.close().await.unwrap();
    let (before, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = before.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}?{parameters}")
}

/// The folder of `initdb` and `postgres`; the newest if there are several.
fn programs() -> Option<PathBuf> {
    let holds = |folder: &Path| {
        ["initdb", "postgres"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut debian: Vec<_> = debian
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    let version =
        |bin: &PathBuf| -> Option<u32> { bin.parent()?.file_name()?.to_str()?.parse().ok() };
    debian.sort_by_key(|bin| std::cmp::Reverse(version(bin)));
    std::env::split_paths(&path)
        .chain(debian)
        .find(|folder| holds(folder))
}

/// User and group for a server started by root: those of the package, else `nobody`.
fn unprivileged() -> (u32, u32) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map_while(|id| id.parse().ok());
        Some((ids.next()?, ids.next()?))
    };
    find("postgres")
        .or_else(|| find("nobody"))
        .expect("a user `postgres` or `nobody`")
}

/// `PgBouncer` in transaction mode before a database: each transaction may have another session. Dropping
/// it stops it.
pub struct Pooler {
    process: Child,
    folder: tempfile::TempDir,
}

impl Pooler {
    /// Starts it in front of the database of a URL, with this number of sessions.
    ///
    /// # Panics
    /// If `PgBouncer` is not installed, or does not start.
    pub fn start(url: &str, sessions: u32) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        let host = options.get_socket().map_or_else(
            || options.get_host().to_owned(),
            |folder| folder.display().to_string(),
        );
        let (port, database) = (options.get_port(), options.get_database().unwrap());
        let folder = tempfile::Builder::new().prefix("pgb-").tempdir().unwrap();
        let sockets = folder.path().display();
        let settings = format!(
            "[databases]\n{database} = host={host} port={port} user={}\n[pgbouncer]\npool_mode = transaction\n\
             default_pool_size = {sessions}\nauth_type = any\nlisten_port = 6432\nunix_socket_dir = {sockets}\nlogfile = {sockets}/log\n",
            options.get_username()
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("pgbouncer");
        command.arg("-q").arg(&file).stderr(Stdio::null());
        if folder.path().metadata().unwrap().uid() == 0 {
            let (user, group) = unprivileged();
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
            command.uid(user).gid(group);
        }
        let process = command.spawn().expect(
            "this test needs PgBouncer (Debian: `apt-get install pgbouncer`; its program in PATH)",
        );
        let socket = folder.path().join(".s.PGSQL.6432");
        for _ in 0..200 {
            if socket.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(socket.exists(), "PgBouncer starts");
        Self { process, folder }
    }

    /// The URL of the same database through it.
    ///
    /// # Panics
    /// If the text is not a URL.
    pub fn url(&self, url: &str) -> String {
        let options: PgConnectOptions = url.parse().unwrap();
        format!(
            "postgres://{}@localhost:6432/{}?host={}",
            options.get_username(),
            options.get_database().unwrap(),
            self.folder.path().display()
        )
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

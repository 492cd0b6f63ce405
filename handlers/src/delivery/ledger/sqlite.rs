// SPDX-License-Identifier: MPL-2.0
//! The ledger as one `SQLite` file, the default: write-ahead log, full sync.

use super::group_commit::{Group, Turn, Written};
use super::numbers::{
    LostBecause, LostNumber, MOST_PASSED, NumberLedger, Origin, Registered, SequenceState,
    WriteEntry, is_lock_timeout, sql_numbers, unsigned,
};
use super::sql::{
    LONGEST_LEASE, SKEW, UNREADABLE, claim_where, filtered, held_back, knowledge, moment, of_users,
    pending, select_delivery, select_integration, selected, sql_ledger, state,
};
use super::steady::{Renewable, Trust};
use super::{
    Answer, Attempt, Begun, Claimed, Counts, Delivery, Destination, Entry, Filter, Integration,
    Knowledge, Ledger, LedgerError, NewDelivery, Next, PastAttempt, Queue, Recorded, Renumbered,
    Standing, State, WaitingActions,
};
use crate::clock::later;
use crate::core_client::Fate;
use crate::delivery::encryption::Encryption;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{ActionId, EventDocument, EventId};
use rules::registration_numbers::{Draw, Office, Request, Sequence};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection, Row, Sqlite};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tracing::error;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("src/delivery/ledger/migrations/sqlite");

/// One connection writes and reads: `SQLite` has one writer anyway, and a queue in front of it is
/// fairer than its busy handler.
pub(super) struct SqliteLedger {
    pool: SqlitePool,
    seal: Encryption,
    trust: Trust,
    /// The transaction of answers that arrive together.
    group: Group<Sqlite>,
    /// `None` in memory.
    path: Option<PathBuf>,
    ready: Mutex<Option<FileId>>,
}

/// Device and number of a file: another file of the same name has others. None in memory.
type FileId = Option<(u64, u64)>;

sql_ledger!(SqliteLedger, Sqlite, SqliteRow, SqliteArguments, begin: "BEGIN IMMEDIATE", read: "BEGIN", lock: "", persistent: true);
sql_numbers!(SqliteLedger, Sqlite, SqliteRow);

impl SqliteLedger {
    /// The ledger of a URL. Its folder, its file (readable by its user only: it holds tokens) and its
    /// tables are made when it is first used, where they are missing.
    ///
    /// # Errors
    /// A URL with a fault.
    pub(super) fn new(url: &str, seal: Encryption) -> Result<Self, LedgerError> {
        let options =
            SqliteConnectOptions::from_str(url).map_err(|_| LedgerError::Url(url.to_owned()))?;
        let path = (!url.contains(":memory:")).then(|| options.get_filename().to_owned());
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(4));
        let trust = Trust::default();
        let (trusted, is_file) = (trust.clone(), path.is_some());
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(4))
            // Where the disk is full, SQLite ends a transaction by itself, and taking it back fails: the
            // connection would count as inside that transaction, and refuse every other, for ever.
            .before_acquire(move |connection, about| {
                let trusted = !is_file || trusted.allows(about.age);
                Box::pin(async move { Ok(trusted && !connection.is_in_transaction()) })
            })
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            seal,
            trust,
            group: Group::default(),
            path,
            ready: Mutex::default(),
        })
    }

    /// The turn to write an answer, in a transaction that is shared.
    async fn turn(&self) -> Result<Turn<Sqlite>, LedgerError> {
        Turn::shared(&self.group, self.transaction()).await
    }

    /// Makes the tables, once for each file that stands under the name.
    async fn prepared(&self) -> Result<(), LedgerError> {
        let mut ready = self.ready.lock().await;
        if let (Some(prepared), Some(path)) = (ready.as_ref(), &self.path) {
            let now = id(path).ok_or_else(|| LedgerError::Gone(path.display().to_string()))?;
            if *prepared == Some(now) {
                return Ok(());
            }
            error!("The ledger's file was replaced; it is reopened");
            self.trust.renew();
        } else if ready.is_some() {
            return Ok(());
        }
        if let (None, Some(path)) = (ready.as_ref(), &self.path) {
            make_private(path)?;
        }
        self.migrate().await?;
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        self.hold_key(&mut tx).await?;
        tx.commit().await?;
        *ready = Some(self.path.as_deref().and_then(id));
        Ok(())
    }

    /// Brings the tables up to date. Another process may be doing the same: `SQLite` has no lock for that,
    /// so that both begin with the same step, one of them fails, and finds it done when it looks again.
    async fn migrate(&self) -> Result<(), LedgerError> {
        const PATIENCE: Duration = Duration::from_secs(4);
        const PAUSE: Duration = Duration::from_millis(100);
        let until = Instant::now() + PATIENCE;
        loop {
            match MIGRATIONS.run(&self.pool).await {
                Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..))
                    if Instant::now() < until =>
                {
                    sleep(PAUSE).await;
                }
                done => return Ok(done?),
            }
        }
    }
}

impl Renewable for SqliteLedger {
    fn renew(&self) {
        self.trust.renew();
    }
}

fn id(path: &Path) -> Option<(u64, u64)> {
    let file = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    return Some((
        std::os::unix::fs::MetadataExt::dev(&file),
        std::os::unix::fs::MetadataExt::ino(&file),
    ));
    #[cfg(not(unix))]
    return Some((0, u64::from(file.is_dir())));
}

/// The options to open an existing file.
pub(super) fn options_of_existing(url: &str) -> Result<SqliteConnectOptions, LedgerError> {
    let options = SqliteConnectOptions::from_str(url);
    let options = options.map_err(|_| LedgerError::Url(url.to_owned()))?;
    Ok(options
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(2)))
}

pub(super) fn check_url(url: &str) -> Result<(), LedgerError> {
    let options = SqliteConnectOptions::from_str(url);
    options
        .map(drop)
        .map_err(|_| LedgerError::Url(url.to_owned()))
}

/// The file that a URL names; `None` for another kind of ledger.
pub fn file(url: &str) -> Option<PathBuf> {
    let options = SqliteConnectOptions::from_str(url).ok()?;
    (url.starts_with("sqlite:") && !url.contains(":memory:"))
        .then(|| options.get_filename().to_owned())
}

fn make_private(file: &Path) -> Result<(), LedgerError> {
    let failed = |source| LedgerError::File {
        path: file.display().to_string(),
        source,
    };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).map_err(failed)
}

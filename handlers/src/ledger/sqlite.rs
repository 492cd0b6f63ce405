// SPDX-License-Identifier: MPL-2.0
//! The ledger as one `SQLite` file, the default: write-ahead log, full sync.

use super::sql::{
    claim_where, filtered, held_back, knowledge, moment, of_users, pending, select_delivery,
    selected, sql_ledger, state,
};
use super::{
    Answer, Attempt, Begun, Claimed, Counts, Delivery, Destination, Entry, Filter, Knowledge,
    Ledger, LedgerError, NewDelivery, Next, PastAttempt, Queue, Recorded, Renumbered, Standing,
    State, WaitingActions,
};
use crate::core::Fate;
use crate::seal::Seal;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{ActionId, EventDocument, EventId};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Connection, Row, Sqlite};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("src/ledger/migrations/sqlite");

/// One connection writes and reads: `SQLite` has one writer anyway, and a queue in front of it is
/// fairer than its busy handler.
pub struct SqliteLedger {
    pool: SqlitePool,
    seal: Seal,
}

sql_ledger!(SqliteLedger, Sqlite, SqliteRow, begin: "BEGIN IMMEDIATE", lock: "");

impl SqliteLedger {
    /// Opens the file, making its folder, the file (readable by its user only: it holds tokens) and
    /// its tables where they are missing.
    ///
    /// # Errors
    /// A URL or file that cannot be used, tables of a newer version of this program.
    pub async fn open(url: &str, seal: Seal) -> Result<Self, LedgerError> {
        let options =
            SqliteConnectOptions::from_str(url).map_err(|_| LedgerError::Url(url.to_owned()))?;
        if !url.contains(":memory:") {
            make_private(options.get_filename())?;
        }
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(10))
            // Where the disk is full, SQLite ends a transaction by itself, and taking it back fails: the
            // connection would count as inside that transaction, and refuse every other, for ever.
            .before_acquire(|connection, _| {
                Box::pin(async move { Ok(!connection.is_in_transaction()) })
            })
            .connect_with(options)
            .await?;
        MIGRATIONS.run(&pool).await?;
        Ok(Self { pool, seal })
    }
}

/// How a file that is there is opened.
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

// SPDX-License-Identifier: MPL-2.0
//! The ledger in PostgreSQL, for several replicas that share it.

use super::group_commit::{Turn, Written};
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
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Connection, Executor, Postgres, Row};
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::OnceCell;

/// The schema that holds the tables: the database may be shared with others.
const SCHEMA: &str = "countryconfig";
/// Connections of one replica.
const CONNECTIONS: u32 = 8;
/// The longest wait for a connection.
const ACQUIRE: Duration = Duration::from_secs(4);
/// A connection that does not answer within this time is discarded.
const PING: Duration = Duration::from_secs(1);
/// The lock held while tables are created: replicas may start together.
const LOCK: i64 = 0x6363_6f6e_6669_6721;

/// Sets all that a transaction needs: the database's defaults may differ, and behind a pooler the next
/// transaction may have another session. A replica that hangs in a transaction delays the others for
/// seconds only.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL search_path TO countryconfig; \
    SET LOCAL lock_timeout TO '4s'; SET LOCAL statement_timeout TO '60s'; \
    SET LOCAL idle_in_transaction_session_timeout TO '10s'";
const READ: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL search_path TO countryconfig; \
    SET LOCAL statement_timeout TO '60s'";

/// The migrations, without sqlx's own lock, which would be one of the session.
pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("src/delivery/ledger/migrations/postgres");
    migrations.set_locking(false);
    migrations
});

/// The shared ledger.
pub(super) struct PostgresLedger {
    pool: PgPool,
    seal: Encryption,
    trust: Trust,
    ready: OnceCell<()>,
}

// A name of a statement would mean another statement to another session.
sql_ledger!(PostgresLedger, Postgres, PgRow, PgArguments, begin: BEGIN, read: READ, lock: "FOR UPDATE OF due SKIP LOCKED", persistent: false);
sql_numbers!(PostgresLedger, Postgres, PgRow);

pub(super) fn options(url: &str) -> Result<PgConnectOptions, LedgerError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| LedgerError::PostgresUrl)?;
    // A pooler knows few parameters of a session, and refuses others.
    let options = options
        .application_name("countryconfig")
        .extra_float_digits(None);
    Ok(options.statement_cache_capacity(0))
}

/// Host and port of the server; nothing for another kind of ledger.
pub fn host(url: &str) -> Option<String> {
    if !url.starts_with("postgres") {
        return None;
    }
    let options = options(url).ok()?;
    Some(format!("{}:{}", options.get_host(), options.get_port()))
}

pub(super) fn check_url(url: &str) -> Result<(), LedgerError> {
    options(url).map(drop)
}

impl PostgresLedger {
    /// The ledger of a URL. It connects when it is first used, and makes or updates its tables then, in a
    /// schema of their own.
    ///
    /// # Errors
    /// A URL with a fault.
    pub(super) fn new(url: &str, seal: Encryption) -> Result<Self, LedgerError> {
        let trust = Trust::default();
        let trusted = trust.clone();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(move |connection, about| {
                let trusted = trusted.allows(about.age);
                Box::pin(async move {
                    let answers = tokio::time::timeout(PING, connection.ping());
                    Ok(trusted && matches!(answers.await, Ok(Ok(()))))
                })
            })
            .connect_lazy_with(options(url)?);
        Ok(Self {
            pool,
            seal,
            trust,
            ready: OnceCell::new(),
        })
    }

    /// The turn to write an answer. The server commits in groups by itself.
    async fn turn(&self) -> Result<Turn<Postgres>, LedgerError> {
        Ok(Turn::alone(self.transaction().await?))
    }

    async fn prepared(&self) -> Result<(), LedgerError> {
        self.ready.get_or_try_init(|| self.prepare()).await?;
        Ok(())
    }

    async fn prepare(&self) -> Result<(), LedgerError> {
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
        let mut tx = self.pool.begin_with(begin).await?;
        // The statements of migrations have names, which a pooler's session may have already.
        tx.execute("DEALLOCATE ALL").await?;
        let lock = Self::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
        lock.execute(&mut *tx).await?;
        let schema = Self::query("SELECT 1 FROM pg_namespace WHERE nspname = $1").bind(SCHEMA);
        if schema.fetch_optional(&mut *tx).await?.is_none() {
            tx.execute("CREATE SCHEMA countryconfig").await?;
        }
        tx.execute("SET LOCAL search_path TO countryconfig").await?;
        MIGRATIONS.run_direct(None, &mut *tx, false).await?;
        self.hold_key(&mut tx).await?;
        tx.execute("DEALLOCATE ALL").await?;
        tx.commit().await?;
        Ok(())
    }
}

impl Renewable for PostgresLedger {
    fn renew(&self) {
        self.trust.renew();
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The ledger in PostgreSQL, for several replicas that share it.

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
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Postgres, Row};
use std::str::FromStr;
use std::time::Duration;

/// The schema that holds the tables: the database may be shared with others.
const SCHEMA: &str = "countryconfig";
/// Connections of one replica.
const CONNECTIONS: u32 = 8;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("src/ledger/migrations/postgres");

/// The shared ledger.
pub struct PostgresLedger {
    pool: PgPool,
    seal: Seal,
}

sql_ledger!(PostgresLedger, Postgres, PgRow, begin: "BEGIN", lock: "FOR UPDATE OF due SKIP LOCKED");

pub(super) fn options(url: &str) -> Result<PgConnectOptions, LedgerError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| LedgerError::PostgresUrl)?;
    let options = options.options([("search_path", SCHEMA)]);
    Ok(options.application_name("countryconfig"))
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
    /// Connects, and makes or updates the tables in a schema of their own.
    ///
    /// # Errors
    /// A server that cannot be reached, a user who may not make the schema, tables of a newer version.
    pub async fn open(url: &str, seal: Seal) -> Result<Self, LedgerError> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options(url)?)
            .await?;
        // Two replicas that start together may both find it missing; the second one sees it made.
        if let Err(error) = sqlx::query("CREATE SCHEMA IF NOT EXISTS countryconfig")
            .execute(&pool)
            .await
        {
            let made: Option<i32> =
                sqlx::query_scalar("SELECT 1 FROM pg_namespace WHERE nspname = $1")
                    .bind(SCHEMA)
                    .fetch_optional(&pool)
                    .await?;
            made.ok_or(error)?;
        }
        MIGRATIONS.run(&pool).await?;
        Ok(Self { pool, seal })
    }
}

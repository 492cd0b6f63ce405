// SPDX-License-Identifier: MPL-2.0
//! The ledger in PostgreSQL, for several replicas that share it.

use super::sql::{
    claim_where, held_back, knowledge, moment, of_users, pending, select_delivery, sql_ledger,
    state,
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
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Postgres, Row};
use std::str::FromStr;
use std::time::Duration;

/// The schema that holds the tables: the database may be shared with others.
const SCHEMA: &str = "countryconfig";
/// Connections of one replica.
const CONNECTIONS: u32 = 8;

/// The shared ledger.
pub struct PostgresLedger {
    pool: PgPool,
    seal: Seal,
}

sql_ledger!(PostgresLedger, Postgres, PgRow, begin: "BEGIN", lock: "FOR UPDATE OF due SKIP LOCKED");

pub(super) fn check_url(url: &str) -> Result<(), LedgerError> {
    let options = PgConnectOptions::from_str(url);
    options.map(drop).map_err(|_| LedgerError::PostgresUrl)
}

impl PostgresLedger {
    /// Connects, and makes or updates the tables in a schema of their own.
    ///
    /// # Errors
    /// A server that cannot be reached, a user who may not make the schema, tables of a newer version.
    pub async fn open(url: &str, seal: Seal) -> Result<Self, LedgerError> {
        let options = PgConnectOptions::from_str(url).map_err(|_| LedgerError::PostgresUrl)?;
        let options = options
            .options([("search_path", SCHEMA)])
            .application_name("countryconfig");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options)
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
        sqlx::migrate!("src/ledger/migrations/postgres")
            .run(&pool)
            .await?;
        Ok(Self { pool, seal })
    }
}

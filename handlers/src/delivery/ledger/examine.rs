// SPDX-License-Identifier: MPL-2.0
//! Examines a ledger for operators. Unlike opening it, this creates no file and changes no table.

use super::{Destination, LedgerError, postgres, sqlite};
use crate::core_client;
use crate::delivery::encryption::Encryption;
use jiff::Timestamp;
use sqlx::migrate::Migrator;
use sqlx::{Connection, Executor, PgConnection, Row, SqliteConnection};
use std::collections::HashMap;

/// The maximum number of pending deliveries that are examined.
const LOOKED_AT: i64 = 1000;

const PENDING: &str = "SELECT event_id, payload, token, destination FROM deliveries WHERE state IN ('waiting', 'parked') ORDER BY id DESC LIMIT $1";

/// The result of an examination.
#[derive(Debug, Clone, Default)]
pub struct Examination {
    /// Version of the tables; `None` if there are none yet.
    pub version: Option<i64>,
    /// Version of the tables that this program makes.
    pub current: i64,
    /// Pending deliveries that were examined, at most a thousand.
    pub pending: usize,
    /// Those of them for each destination.
    pub pending_to: HashMap<Destination, usize>,
    /// Those of them that no key decrypts.
    pub unreadable: usize,
    /// Those of them to the middleware or core whose token has expired.
    pub expired: usize,
}

/// Connects to an existing ledger, writes to it, and tries the keys on its pending deliveries.
///
/// # Errors
/// When it cannot be reached, read or written.
pub async fn examine(
    url: &str,
    seal: &Encryption,
    now: Timestamp,
) -> Result<Examination, LedgerError> {
    super::check_url(url)?;
    if url.starts_with("sqlite") {
        let options = sqlite::options_of_existing(url)?;
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let looked = look_at_sqlite(&mut connection, seal, now).await;
        connection.close().await?;
        looked
    } else {
        let mut connection = PgConnection::connect_with(&postgres::options(url)?).await?;
        connection.execute(postgres::BEGIN).await?;
        let looked = look_at_postgres(&mut connection, seal, now).await;
        connection.execute("COMMIT").await?;
        connection.close().await?;
        looked
    }
}

fn newest(migrations: &Migrator) -> i64 {
    migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}

/// Defines the look at one kind of database.
macro_rules! look {
    ($name:ident, $connection:ty, $migrations:expr, $there:literal) => {
        async fn $name(
            connection: &mut $connection,
            seal: &Encryption,
            now: Timestamp,
        ) -> Result<Examination, LedgerError> {
            let mut found = Examination {
                current: newest(&$migrations),
                ..Examination::default()
            };
            let there: i64 = sqlx::query_scalar($there)
                .persistent(false)
                .fetch_one(&mut *connection)
                .await?;
            if there == 0 {
                return Ok(found);
            }
            let version = "SELECT COALESCE(max(version), 0) FROM _sqlx_migrations WHERE success";
            found.version = Some(
                sqlx::query_scalar(version)
                    .persistent(false)
                    .fetch_one(&mut *connection)
                    .await?,
            );
            sqlx::query(super::sql::WRITE)
                .persistent(false)
                .execute(&mut *connection)
                .await?;
            for row in sqlx::query(PENDING)
                .bind(LOOKED_AT)
                .persistent(false)
                .fetch_all(&mut *connection)
                .await?
            {
                let event: String = row.try_get(0)?;
                let (payload, token): (String, String) = (row.try_get(1)?, row.try_get(2)?);
                let token = seal.open(&token, &event);
                found.pending += 1;
                let destination = Destination::named(row.try_get(3)?);
                *found.pending_to.entry(destination).or_default() += 1;
                if token.is_err() || seal.open(&payload, &event).is_err() {
                    found.unreadable += 1;
                }
                let ended = token.ok().and_then(|token| core_client::token_end(&token));
                found.expired += usize::from(ended.is_some_and(|end| end <= now));
            }
            Ok(found)
        }
    };
}

look!(
    look_at_sqlite,
    SqliteConnection,
    sqlite::MIGRATIONS,
    "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'"
);
look!(
    look_at_postgres,
    PgConnection,
    postgres::MIGRATIONS,
    "SELECT count(to_regclass('countryconfig._sqlx_migrations'))"
);

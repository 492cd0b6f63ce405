// SPDX-License-Identifier: MPL-2.0
//! Core's own tables, the only complete list of waiting actions: core's search does not know an action
//! that was left after a timeout. They are only read, and only if an operator gives a role for it.

use super::{Found, Source};
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor, Row};
use std::str::FromStr;
use std::time::Duration;

/// The timeout of reading core's tables.
const LIMIT: Duration = Duration::from_mins(1);
/// The maximum number of actions examined in one round, the oldest first.
const MOST: i64 = 10_000;
/// The columns that are read, by table. Core's tables are internal and may change with any version.
const COLUMNS: [(&str, &str); 8] = [
    ("events", "id"),
    ("events", "event_type"),
    ("event_actions", "id"),
    ("event_actions", "event_id"),
    ("event_actions", "action_type"),
    ("event_actions", "status"),
    ("event_actions", "original_action_id"),
    ("event_actions", "created_at"),
];

/// The URL of core's database.
#[derive(Clone)]
pub struct DatabaseUrl(PgConnectOptions);

impl FromStr for DatabaseUrl {
    type Err = String;
    fn from_str(url: &str) -> Result<Self, String> {
        let options = PgConnectOptions::from_str(url).ok();
        let options = options.filter(|_| url.starts_with("postgres"));
        let expected =
            "it is not a PostgreSQL URL like `postgres://user:password@host:5432/events`";
        options.map(Self).ok_or_else(|| expected.to_owned())
    }
}

/// The reason why core's tables cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The database at `RESCUE_DATABASE_URL` cannot be used.
    #[error("core's database cannot be read (RESCUE_DATABASE_URL)")]
    Sql(#[from] sqlx::Error),
    /// Another version of core, or a role that may not see them.
    #[error(
        "core's table `app.{0}` has no readable column `{1}`: core has another version, or the role of RESCUE_DATABASE_URL may not select the column"
    )]
    Column(&'static str, &'static str),
    /// The database takes too long.
    #[error("core's database did not answer in time (RESCUE_DATABASE_URL)")]
    Timeout,
}

/// The actions that have waited in core since before a time.
pub(super) async fn waiting(
    url: &DatabaseUrl,
    before: Timestamp,
) -> Result<Vec<Found>, DatabaseError> {
    let looked = tokio::time::timeout(LIMIT, look(url, before)).await;
    looked.unwrap_or(Err(DatabaseError::Timeout))
}

async fn look(
    DatabaseUrl(options): &DatabaseUrl,
    before: Timestamp,
) -> Result<Vec<Found>, DatabaseError> {
    let options = options
        .clone()
        .application_name("countryconfig rescue")
        .extra_float_digits(None)
        .statement_cache_capacity(0);
    let mut connection = PgConnection::connect_with(&options).await?;
    connection
        .execute("BEGIN READ ONLY; SET LOCAL statement_timeout = '50s'")
        .await?;
    for (table, column) in COLUMNS {
        let known: Option<i32> = sqlx::query_scalar(
            "SELECT 1 FROM information_schema.columns WHERE table_schema = 'app' AND table_name = $1 AND column_name = $2",
        )
        .bind(table)
        .bind(column)
        .persistent(false)
        .fetch_optional(&mut connection)
        .await?;
        known.ok_or(DatabaseError::Column(table, column))?;
    }
    let rows = sqlx::query(
        "SELECT a.event_id::text, a.id::text, a.action_type::text, e.event_type::text, (extract(epoch FROM a.created_at) * 1000)::bigint \
         FROM app.event_actions AS a JOIN app.events AS e ON e.id = a.event_id \
         WHERE a.status = 'Requested' AND a.created_at < to_timestamp($1::double precision / 1000) AND NOT EXISTS \
           (SELECT 1 FROM app.event_actions AS b WHERE b.event_id = a.event_id AND b.original_action_id = a.id) \
         ORDER BY a.created_at LIMIT $2",
    )
    .bind(before.as_millisecond())
    .bind(MOST)
    .persistent(false)
    .fetch_all(&mut connection)
    .await?;
    connection.execute("COMMIT").await?;
    drop(connection.close().await);
    let found = rows.iter().map(|row| {
        Ok(Found {
            event_id: EventId::new(row.try_get::<String, _>(0)?),
            action_id: Some(ActionId::new(row.try_get::<String, _>(1)?)),
            action_type: row.try_get(2)?,
            event_type: Some(row.try_get(3)?),
            since: Timestamp::from_millisecond(row.try_get(4)?).unwrap_or(before),
            source: Source::Database,
        })
    });
    found.collect()
}

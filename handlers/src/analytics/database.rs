// SPDX-License-Identifier: MPL-2.0
//! The schema `analytics` of a `PostgreSQL` database.

use super::rows::{Cleared, Row, RowError, Rows, restore, rows};
use crate::core_client::location_lists::LocationLists;
use crate::fault::Fault;
use country::analytics_config::AnalyticsConfig;
use country::analytics_config::Figures;
use opencrvs_toolkit::event_document::EventDocument;
use serde::Serialize;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;
use uuid::Uuid;

/// The schema that dashboards read; the database may be core's.
const SCHEMA: &str = "analytics";
/// Connections of one replica.
const CONNECTIONS: u32 = 4;
/// The timeout of waiting for one of them.
const ACQUIRE: Duration = Duration::from_secs(5);
/// Tables that are not made yet are looked for again and again …
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// … for longer than a server that has started needs for a second attempt to make them.
const MADE_WITHIN: Duration = Duration::from_mins(1);
/// Rows that are sent at once.
const CHUNK: usize = 1000;
/// The advisory lock of all writers: shared for one record, exclusive for a batch of a reindex.
const LOCK: i64 = 0x616e_616c_7974_6963;

static MIGRATIONS: Migrator = sqlx::migrate!("src/analytics/migrations");

/// A table and the key of its rows.
struct Table {
    name: &'static str,
    /// Names of columns, with spaces between them.
    key: &'static str,
    columns: &'static str,
    /// Columns that an older state of a record does not make empty again.
    lasting: &'static str,
}

const AREAS: Table = Table {
    name: "administrative_areas",
    key: "id",
    columns: "name parent_id external_id",
    lasting: "",
};
const LOCATIONS: Table = Table {
    name: "locations",
    key: "id",
    columns: "name administrative_area_id location_type external_id",
    lasting: "",
};
const LEVELS: Table = Table {
    name: "location_levels",
    key: "id",
    columns: "level name",
    lasting: "",
};
const STATISTICS: Table = Table {
    name: "location_statistics",
    key: "reference_id year",
    columns: "name crude_birth_rate male_population female_population total_population",
    lasting: "",
};
const ACTIONS: Table = Table {
    name: "event_actions",
    key: "id",
    columns: "event_id event_type action_type custom_action_type status position created_at \
        created_at_location created_by created_by_role created_by_signature created_by_user_type \
        assigned_to registration_number original_action_id request_id transaction_id declaration \
        annotation content cleared",
    lasting: "declared_at registered_at",
};

impl Table {
    /// The upsert of rows given as one JSON text; unchanged rows are not written.
    fn upsert(&self) -> String {
        let name = self.name;
        let list = |columns: &[&str]| columns.join(", ");
        let key: Vec<_> = self.key.split_whitespace().collect();
        let lasting: Vec<_> = self.lasting.split_whitespace().collect();
        let columns = self.columns.split_whitespace();
        let set: Vec<_> = columns.chain(lasting.iter().copied()).collect();
        let new = |column: &&str| {
            if lasting.contains(column) {
                format!("COALESCE(EXCLUDED.{column}, {name}.{column})")
            } else {
                format!("EXCLUDED.{column}")
            }
        };
        let old: Vec<_> = set
            .iter()
            .map(|column| format!("{name}.{column}"))
            .collect();
        let new: Vec<_> = set.iter().map(new).collect();
        let (all, old, new) = (
            list(&[&key[..], &set].concat()),
            old.join(", "),
            new.join(", "),
        );
        format!(
            "INSERT INTO {name} ({all}) \
             SELECT {all} FROM jsonb_populate_recordset(NULL::{name}, $1::jsonb) \
             ON CONFLICT ({}) DO UPDATE SET ({}) = ROW({new}) WHERE ({old}) IS DISTINCT FROM ({new})",
            list(&key),
            list(&set),
        )
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        rows: &[impl Serialize],
    ) -> Result<(), AnalyticsError> {
        for chunk in rows.chunks(CHUNK) {
            let json = serde_json::to_string(chunk)?;
            let statement = sqlx::query(AssertSqlSafe(self.upsert())).bind(json);
            statement.execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// The reason why something was not written.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    /// The URL is not repeated, as it may hold a password.
    #[error("the URL is not a PostgreSQL URL like `postgres://user:password@host:5432/database`")]
    Url,
    /// The database refused, or is not reachable.
    #[error("the analytics database failed")]
    Database(#[from] sqlx::Error),
    /// The tables are missing or old.
    #[error("the analytics tables are missing or old: run `countryconfig analytics migrate`")]
    Tables,
    /// The tables cannot be brought up to date.
    #[error("the analytics tables cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The content for rows cannot be written as JSON.
    #[error("rows cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The permissions of a role that was made for logging in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// As this server.
    Write,
    /// As dashboards.
    Read,
}

impl AnalyticsError {
    /// True if the error is an answer of the database.
    pub(super) fn is_of_database(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(_)))
    }

    /// True if the database refused the data itself, as it will the next time.
    pub(super) fn is_about_data(&self) -> bool {
        // Cardinality violations, data exceptions, integrity constraints, limits.
        let classes = ["21", "22", "23", "54"];
        classes
            .iter()
            .any(|class| self.sql_state().starts_with(class))
    }

    /// The SQLSTATE of an answer of the database; empty for any other error.
    pub(super) fn sql_state(&self) -> String {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return String::new();
        };
        error.code().unwrap_or_default().into_owned()
    }
}

/// The lock that is held while something is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lock {
    /// Others write other records meanwhile.
    Shared,
    /// Nobody else writes, in any replica.
    Alone,
}

impl Lock {
    /// Until the end of the transaction.
    async fn take(self, transaction: &mut PgConnection) -> Result<(), AnalyticsError> {
        let lock = match self {
            Self::Shared => "SELECT pg_advisory_xact_lock_shared($1)",
            Self::Alone => "SELECT pg_advisory_xact_lock($1)",
        };
        sqlx::query(lock).bind(LOCK).execute(transaction).await?;
        Ok(())
    }
}

/// The database, connected to when it is first needed.
pub struct Database {
    pool: PgPool,
}

/// The URL of the analytics database.
#[derive(Clone)]
pub struct Url(PgConnectOptions);

impl FromStr for Url {
    type Err = AnalyticsError;
    fn from_str(url: &str) -> Result<Self, AnalyticsError> {
        let of_postgres = ["postgres:", "postgresql:"];
        let options = PgConnectOptions::from_str(url).ok();
        let options = options.filter(|_| of_postgres.iter().any(|scheme| url.starts_with(scheme)));
        Ok(Self(options.ok_or(AnalyticsError::Url)?))
    }
}

impl Database {
    /// The database at that place.
    pub fn at(Url(options): Url) -> Self {
        let options = options
            .options([("search_path", SCHEMA)])
            .application_name("countryconfig");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options);
        Self { pool }
    }

    /// The error in words for an operator, with the host of the database.
    pub fn fault(&self, error: &AnalyticsError) -> Fault {
        let options = self.pool.connect_options();
        let host = format!("{}:{}", options.get_host(), options.get_port());
        match error {
            AnalyticsError::Database(error) => Fault::of_database(&host, error),
            other => Fault::at(&host, other.to_string()),
        }
    }

    /// Connects once: the connections that are kept are tried again and again until their time is over,
    /// and then do not say why.
    ///
    /// # Errors
    /// The reason why the database cannot be used.
    pub async fn reach(&self) -> Result<(), AnalyticsError> {
        let options = self.pool.connect_options();
        PgConnection::connect_with(&options).await?.close().await?;
        Ok(())
    }

    /// True if every migration was made. A role that may only write can check it.
    ///
    /// # Errors
    /// A database that is not there.
    pub async fn is_current(&self) -> Result<bool, AnalyticsError> {
        let there = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
        if !sqlx::query_scalar(there).fetch_one(&self.pool).await? {
            return Ok(false);
        }
        let made = "SELECT count(*) FROM _sqlx_migrations WHERE success";
        let made: i64 = sqlx::query_scalar(made).fetch_one(&self.pool).await?;
        Ok(usize::try_from(made).is_ok_and(|made| made >= MIGRATIONS.iter().count()))
    }

    /// Checks that this role may write to the analytics tables.
    ///
    /// # Errors
    /// A database that is not there, or tables that are not made.
    pub async fn may_write(&self) -> Result<bool, AnalyticsError> {
        let may = "SELECT has_table_privilege('event_actions', 'INSERT, UPDATE')";
        Ok(sqlx::query_scalar(may).fetch_one(&self.pool).await?)
    }

    /// Waits for the tables: a server that has just started still makes them.
    pub(super) async fn until_current(&self) -> Result<(), AnalyticsError> {
        let made = async {
            while !self.is_current().await? {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Ok(())
        };
        let made = tokio::time::timeout(MADE_WITHIN, made).await;
        made.unwrap_or(Err(AnalyticsError::Tables))
    }

    /// Makes or updates schema, tables, views and roles.
    ///
    /// # Errors
    /// A database that is not there, or does not let this role.
    pub async fn migrate(&self) -> Result<(), AnalyticsError> {
        self.execute_alone("CREATE SCHEMA IF NOT EXISTS analytics")
            .await?;
        MIGRATIONS.run(&self.pool).await?;
        self.execute_alone(include_str!("roles.sql")).await
    }

    /// Executes a statement that two replicas cannot execute at once.
    async fn execute_alone(&self, statement: &'static str) -> Result<(), AnalyticsError> {
        let mut transaction = self.pool.begin().await?;
        Lock::Alone.take(&mut transaction).await?;
        sqlx::raw_sql(statement).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Writes places and records in one transaction. A record that cannot be written does not stop the
    /// others: the results are in the order of the records.
    pub(super) async fn write(
        &self,
        lock: Lock,
        places: Option<&LocationLists>,
        mut records: Vec<EventDocument>,
        counting: &AnalyticsConfig,
    ) -> Result<Vec<Result<Rows, RecordError>>, AnalyticsError> {
        let mut transaction = self.pool.begin().await?;
        lock.take(&mut transaction).await?;
        if let Some(places) = places {
            AREAS.write(&mut transaction, &places.areas).await?;
            LOCATIONS.write(&mut transaction, &places.locations).await?;
        }
        let cleared = cleared(&mut transaction, &records).await?;
        let mut results = Vec::with_capacity(records.len());
        for record in &mut records {
            restore(record, &cleared);
            results.push(rows(record, counting).map_err(RecordError::Rows));
        }
        let all: Vec<_> = results
            .iter()
            .filter_map(|result| result.as_ref().ok())
            .collect();
        if !replace(&mut transaction, &all).await? {
            for result in &mut results {
                if let Ok(rows) = result
                    && !replace(&mut transaction, &[rows]).await?
                {
                    *result = Err(RecordError::Refused);
                }
            }
        }
        transaction.commit().await?;
        Ok(results)
    }

    /// Writes the figures of the country's files.
    pub(super) async fn write_figures(&self, figures: &Figures) -> Result<(), AnalyticsError> {
        let mut transaction = self.pool.begin().await?;
        LEVELS.write(&mut transaction, &figures.levels).await?;
        STATISTICS
            .write(&mut transaction, &figures.statistics)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Makes a role that may log in, or gives it another password, and lets it do what a role of
    /// `roles.sql` may.
    ///
    /// # Errors
    /// A database that is not there, or does not let this role.
    pub async fn login(
        &self,
        name: &str,
        password: &str,
        access: Access,
    ) -> Result<(), AnalyticsError> {
        let role = match access {
            Access::Write => "analytics_writer",
            Access::Read => "analytics_reader",
        };
        let statement = "SELECT format(CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = $1) \
             THEN 'ALTER' ELSE 'CREATE' END || ' ROLE %I LOGIN PASSWORD %L; GRANT %I TO %1$I', $1, $2, $3)";
        let statement = sqlx::query_scalar(statement)
            .bind(name)
            .bind(password)
            .bind(role);
        let statement: String = statement.fetch_one(&self.pool).await?;
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// The reason why one record was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It makes no rows.
    #[error(transparent)]
    Rows(RowError),
    /// The database refuses its values.
    #[error("the database refused its values")]
    Refused,
}

/// The answers that were cleared by actions of these records, as hooks have shown.
async fn cleared(
    connection: &mut PgConnection,
    records: &[EventDocument],
) -> Result<HashMap<Uuid, Cleared>, AnalyticsError> {
    let ids = records.iter().map(|record| record.id.as_str());
    let ids: Vec<_> = ids.filter(|id| id.parse::<Uuid>().is_ok()).collect();
    let found = sqlx::query(
        "SELECT id::text, cleared::text FROM event_actions \
         WHERE event_id = ANY($1::text[]::uuid[]) AND cleared IS NOT NULL",
    );
    let found = found.bind(ids).fetch_all(connection).await?;
    let mut cleared = HashMap::with_capacity(found.len());
    for row in found {
        let (id, fields): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        if let Ok(id) = id.parse() {
            cleared.insert(id, serde_json::from_str(&fields)?);
        }
    }
    Ok(cleared)
}

/// Writes the rows of records; `false`, and nothing is written, if the database refuses one.
async fn replace(connection: &mut PgConnection, records: &[&Rows]) -> Result<bool, AnalyticsError> {
    let mut savepoint = connection.begin().await?;
    let written = async {
        let ids =
            |ids: Vec<&Uuid>| -> Vec<String> { ids.into_iter().map(Uuid::to_string).collect() };
        let stale = sqlx::query(
            "DELETE FROM event_actions WHERE event_id = ANY($1::text[]::uuid[]) \
             AND (position IS NULL OR id = ANY($2::text[]::uuid[]))",
        );
        let events = ids(records.iter().map(|record| &record.event_id).collect());
        let rejected = ids(records.iter().flat_map(|record| &record.rejected).collect());
        stale
            .bind(events)
            .bind(rejected)
            .execute(&mut *savepoint)
            .await?;
        let rows: Vec<&Row> = records.iter().flat_map(|record| &record.rows).collect();
        ACTIONS.write(&mut savepoint, &rows).await
    };
    match written.await {
        Ok(()) => savepoint.commit().await.map(|()| true).map_err(Into::into),
        Err(error) if error.is_about_data() => {
            savepoint.rollback().await?;
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

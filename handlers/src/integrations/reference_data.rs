// SPDX-License-Identifier: MPL-2.0
//! The table of causes of death for dashboards, which join it with what records keep: always as the
//! country's file says. A cause that is in the file no more stays in the table, as one of the past.

use crate::fault::Fault;
use country::causes_of_death::Causes;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};
use std::str::FromStr;
use std::time::Duration;

/// The longest that it may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The table, created only if it is missing: in an installation of the reference it exists and belongs
/// to another user.
const TABLE: &str = "CREATE SCHEMA IF NOT EXISTS reference_data;
    CREATE TABLE IF NOT EXISTS reference_data.icd10 (
        id text PRIMARY KEY,
        label text NOT NULL,
        code text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        valid_until timestamptz
    );
    CREATE INDEX IF NOT EXISTS icd10_code_idx ON reference_data.icd10 (code)";

/// The changes made in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// Causes that are new, changed, or back.
    pub written: u64,
    /// Causes that cannot be chosen any more.
    pub retired: u64,
}

/// The reason why the table is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceDataError {
    /// A URL with a fault; it is not repeated, as it may hold a password.
    #[error("the URL is not a PostgreSQL URL like `postgres://user:password@host:5432/database`")]
    Url,
    /// The database refused.
    #[error("could not write the causes of death to the database")]
    Database(#[from] sqlx::Error),
    /// It did not answer.
    #[error("the database does not answer")]
    Timeout,
}

/// The database of the table: `REFERENCE_DATA_DATABASE_URL`.
#[derive(Debug, Clone)]
pub struct ReferenceData(PgConnectOptions);

impl FromStr for ReferenceData {
    type Err = ReferenceDataError;
    fn from_str(url: &str) -> Result<Self, ReferenceDataError> {
        let known = url.starts_with("postgres://") || url.starts_with("postgresql://");
        let options = PgConnectOptions::from_str(url).map_err(|_| ReferenceDataError::Url)?;
        let options = options.application_name("countryconfig");
        known
            .then_some(Self(options))
            .ok_or(ReferenceDataError::Url)
    }
}

impl ReferenceData {
    /// Connects; returns the host.
    ///
    /// # Errors
    /// The reason why nothing could be written.
    pub async fn reach(&self) -> Result<String, Fault> {
        let host = format!("{}:{}", self.0.get_host(), self.0.get_port());
        let connection = PgConnection::connect_with(&self.0).await;
        let connection = connection.map_err(|error| Fault::of_database(&host, &error))?;
        drop(connection.close().await);
        Ok(host)
    }

    /// Synchronises the table with the country's list. Replicas do so one after the other.
    ///
    /// # Errors
    /// When the database cannot be reached, or does not allow it; then nothing has changed.
    pub async fn bring_in_step(&self, causes: &Causes) -> Result<Changes, ReferenceDataError> {
        let changes = tokio::time::timeout(TIMEOUT, self.write(causes)).await;
        Ok(changes.map_err(|_| ReferenceDataError::Timeout)??)
    }

    async fn write(&self, causes: &Causes) -> Result<Changes, sqlx::Error> {
        let mut connection = PgConnection::connect_with(&self.0).await?;
        let mut transaction = connection.begin().await?;
        transaction
            .execute("SELECT pg_advisory_xact_lock(hashtext('reference_data.icd10'))")
            .await?;
        let there: bool =
            sqlx::query_scalar("SELECT to_regclass('reference_data.icd10') IS NOT NULL")
                .fetch_one(&mut *transaction)
                .await?;
        if !there {
            transaction.execute(sqlx::raw_sql(TABLE)).await?;
        }
        let column = |of: fn(&country::causes_of_death::Cause) -> &String| -> Vec<&str> {
            causes.iter().map(|cause| of(cause).as_str()).collect()
        };
        let ids = column(|cause| &cause.id);
        let written = sqlx::query(
            "INSERT INTO reference_data.icd10 AS known (id, label, code)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
             ON CONFLICT (id) DO UPDATE
             SET label = excluded.label, code = excluded.code, valid_until = NULL, updated_at = statement_timestamp()
             WHERE known.label <> excluded.label OR known.code <> excluded.code OR known.valid_until IS NOT NULL",
        )
        .bind(&ids)
        .bind(column(|cause| &cause.label))
        .bind(column(|cause| &cause.code))
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        let retired = sqlx::query(
            "UPDATE reference_data.icd10 AS known SET valid_until = statement_timestamp(), updated_at = statement_timestamp()
             WHERE (valid_until IS NULL OR valid_until > statement_timestamp())
             AND NOT EXISTS (SELECT FROM unnest($1::text[]) AS id WHERE id = known.id)",
        )
        .bind(&ids)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        connection.close().await?;
        Ok(Changes { written, retired })
    }
}

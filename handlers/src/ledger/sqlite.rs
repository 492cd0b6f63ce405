// SPDX-License-Identifier: MPL-2.0
//! The ledger as one `SQLite` file, the default: write-ahead log, full sync.

use super::{
    Answer, Attempt, Claimed, Counts, Destination, Entry, Ledger, LedgerError, NewDelivery, Next,
    Recorded,
};
use async_trait::async_trait;
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, Sqlite, Transaction};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// One connection writes and reads: `SQLite` has one writer anyway, and a queue in front of it is
/// fairer than its busy handler.
pub struct SqliteLedger {
    pool: SqlitePool,
}

impl SqliteLedger {
    /// Opens the file, making its folder, the file (readable by its user only: it holds tokens) and
    /// its tables where they are missing.
    ///
    /// # Errors
    /// A URL or file that cannot be used, tables of a newer version of this program.
    pub async fn open(url: &str) -> Result<Self, LedgerError> {
        let options =
            SqliteConnectOptions::from_str(url).map_err(|_| LedgerError::Url(url.to_owned()))?;
        make_private(options.get_filename())?;
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
            .connect_with(options)
            .await?;
        sqlx::migrate!("src/ledger/migrations/sqlite")
            .run(&pool)
            .await?;
        Ok(Self { pool })
    }

    /// A transaction that takes the write lock at once, so that it never fails half-way for want of it.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, LedgerError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }
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

#[async_trait]
impl Ledger for SqliteLedger {
    async fn record(&self, entry: &Entry, now: Timestamp) -> Result<Recorded, LedgerError> {
        let mut tx = self.begin().await?;
        if let Some(answer) = answer_in(&mut *tx, &entry.event_id, &entry.action_id).await? {
            return Ok(Recorded::Before(answer));
        }
        let body = entry.answer.body.as_ref().map(ToString::to_string);
        let stored = sqlx::query(
            "INSERT INTO actions (event_id, action_id, event_type, action_type, decision, registration_number, \
             answer_status, answer_body, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(entry.event_id.as_str())
        .bind(entry.action_id.as_str())
        .bind(&entry.event_type)
        .bind(&entry.action_type)
        .bind(&entry.decision)
        .bind(&entry.registration_number)
        .bind(entry.answer.status)
        .bind(body)
        .bind(now.as_millisecond())
        .execute(&mut *tx)
        .await;
        match stored {
            Err(sqlx::Error::Database(refused)) if refused.is_unique_violation() => {
                return Ok(Recorded::NumberTaken);
            }
            other => other?,
        };
        for delivery in &entry.deliveries {
            insert_delivery(&mut tx, &entry.event_id, &entry.action_id, delivery, now).await?;
        }
        tx.commit().await?;
        Ok(Recorded::New)
    }

    async fn answer(
        &self,
        event: &EventId,
        action: &ActionId,
    ) -> Result<Option<Answer>, LedgerError> {
        answer_in(&self.pool, event, action).await
    }

    async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<Claimed>, LedgerError> {
        let rows = sqlx::query(
            "UPDATE deliveries SET leased_until = ?2, attempts = attempts + 1 \
             WHERE id IN (SELECT id FROM deliveries AS due \
               WHERE state = 'waiting' AND due_at <= ?1 AND (leased_until IS NULL OR leased_until <= ?1) \
                 AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier WHERE earlier.event_id = due.event_id \
                   AND earlier.destination = due.destination AND earlier.id < due.id \
                   AND earlier.state IN ('waiting', 'parked')) \
               ORDER BY due_at, id LIMIT ?3) \
             RETURNING id, event_id, action_id, destination, operation, path, payload, token, attempts, \
               (SELECT action_type FROM actions AS a WHERE a.event_id = deliveries.event_id AND a.action_id = deliveries.action_id) AS action_type, \
               (SELECT answer_status FROM actions AS a WHERE a.event_id = deliveries.event_id AND a.action_id = deliveries.action_id) AS answer_status",
        )
        .bind(now.as_millisecond())
        .bind(until.as_millisecond())
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(claimed).collect()
    }

    async fn conclude(
        &self,
        claimed: &Claimed,
        attempt: &Attempt,
        next: &Next,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        // Another process may have taken the delivery over after a lost lease and counted the same attempt.
        sqlx::query("INSERT OR REPLACE INTO attempts (delivery_id, attempt, started_at, duration_ms, outcome, status) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(claimed.id)
            .bind(claimed.attempt)
            .bind(attempt.started_at.as_millisecond())
            .bind(i64::try_from(attempt.duration.as_millis()).unwrap_or(i64::MAX))
            .bind(attempt.outcome)
            .bind(attempt.status)
            .execute(&mut *tx)
            .await?;
        let end = |state: &'static str| {
            sqlx::query("UPDATE deliveries SET state = ?, token = '', leased_until = NULL, ended_at = ? WHERE id = ?")
                .bind(state)
                .bind(now.as_millisecond())
                .bind(claimed.id)
        };
        match next {
            Next::Delivered => {
                end("delivered").execute(&mut *tx).await?;
            }
            Next::Refused(then) => {
                end("refused").execute(&mut *tx).await?;
                if let Some(delivery) = then {
                    insert_delivery(
                        &mut tx,
                        &claimed.event_id,
                        &claimed.action_id,
                        delivery,
                        now,
                    )
                    .await?;
                }
            }
            Next::Retry(at) => {
                sqlx::query("UPDATE deliveries SET due_at = ?, leased_until = NULL WHERE id = ?")
                    .bind(at.as_millisecond())
                    .bind(claimed.id)
                    .execute(&mut *tx)
                    .await?;
            }
            // The token stays: an operator may send the delivery again while it is valid.
            Next::Parked => {
                sqlx::query(
                    "UPDATE deliveries SET state = 'parked', leased_until = NULL WHERE id = ?",
                )
                .bind(claimed.id)
                .execute(&mut *tx)
                .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
        let at: Option<i64> = sqlx::query_scalar(
            "SELECT due_at FROM deliveries AS due WHERE state = 'waiting' AND (leased_until IS NULL OR leased_until <= ?) \
               AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier WHERE earlier.event_id = due.event_id \
                 AND earlier.destination = due.destination AND earlier.id < due.id AND earlier.state IN ('waiting', 'parked')) \
             ORDER BY due_at LIMIT 1",
        )
        .bind(now.as_millisecond())
        .fetch_optional(&self.pool)
        .await?;
        at.map(|ms| {
            Timestamp::from_millisecond(ms).map_err(|e| LedgerError::Content(e.to_string()))
        })
        .transpose()
    }

    async fn counts(&self) -> Result<Counts, LedgerError> {
        let rows = sqlx::query("SELECT state, count(*) FROM deliveries GROUP BY state")
            .fetch_all(&self.pool)
            .await?;
        let mut counts = Counts::default();
        for row in rows {
            let n = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
            match row.try_get::<String, _>(0)?.as_str() {
                "waiting" => counts.waiting = n,
                "delivered" => counts.delivered = n,
                "refused" => counts.refused = n,
                "parked" => counts.parked = n,
                other => return Err(LedgerError::Content(format!("unknown state `{other}`"))),
            }
        }
        Ok(counts)
    }

    async fn keep(&self, name: &str, value: &str, now: Timestamp) -> Result<(), LedgerError> {
        sqlx::query("INSERT OR REPLACE INTO kept (name, value, kept_at) VALUES (?, ?, ?)")
            .bind(name)
            .bind(value)
            .bind(now.as_millisecond())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn kept(&self, name: &str) -> Result<Option<String>, LedgerError> {
        Ok(sqlx::query_scalar("SELECT value FROM kept WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.pool)
            .await?)
    }

    async fn writable(&self) -> Result<(), LedgerError> {
        // Takes the write lock, which fails on a read-only file or a lost disk, and changes nothing.
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE kept SET value = value WHERE name = ''")
            .execute(&mut *tx)
            .await?;
        tx.rollback().await?;
        Ok(())
    }
}

async fn answer_in<'e, E: sqlx::Executor<'e, Database = Sqlite>>(
    database: E,
    event: &EventId,
    action: &ActionId,
) -> Result<Option<Answer>, LedgerError> {
    let row = sqlx::query(
        "SELECT answer_status, answer_body FROM actions WHERE event_id = ? AND action_id = ?",
    )
    .bind(event.as_str())
    .bind(action.as_str())
    .fetch_optional(database)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let body: Option<String> = row.try_get(1)?;
    let body = body
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|e| LedgerError::Content(e.to_string()))?;
    Ok(Some(Answer {
        status: row.try_get(0)?,
        body,
    }))
}

async fn insert_delivery(
    tx: &mut Transaction<'_, Sqlite>,
    event: &EventId,
    action: &ActionId,
    delivery: &NewDelivery,
    now: Timestamp,
) -> Result<(), LedgerError> {
    sqlx::query(
        "INSERT INTO deliveries (event_id, action_id, destination, operation, path, payload, token, due_at, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(event.as_str())
    .bind(action.as_str())
    .bind(delivery.destination.as_str())
    .bind(&delivery.operation)
    .bind(&delivery.path)
    .bind(delivery.payload.to_string())
    .bind(&delivery.token)
    .bind(delivery.due_at.as_millisecond())
    .bind(now.as_millisecond())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn claimed(row: &SqliteRow) -> Result<Claimed, LedgerError> {
    Ok(Claimed {
        id: row.try_get("id")?,
        event_id: EventId::new(row.try_get::<String, _>("event_id")?),
        action_id: ActionId::new(row.try_get::<String, _>("action_id")?),
        action_type: row.try_get("action_type")?,
        answer_status: row.try_get("answer_status")?,
        destination: Destination::from_str(row.try_get("destination")?)?,
        operation: row.try_get("operation")?,
        path: row.try_get("path")?,
        payload: row.try_get("payload")?,
        token: row.try_get("token")?,
        attempt: row.try_get("attempts")?,
    })
}

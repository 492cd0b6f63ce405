// SPDX-License-Identifier: MPL-2.0
//! The ledger in SQL. Both databases run the same statements, so they are written once, as a macro:
//! sqlx types know one database each.

use super::{Knowledge, LedgerError, State};
use jiff::{SignedDuration, Timestamp};
use std::str::FromStr;

/// The maximum difference between the clocks of two servers.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(1);

/// No lease lasts this long.
pub(super) const LONGEST_LEASE: SignedDuration = SignedDuration::from_hours(1);

/// The wait before a delivery that cannot be decrypted is tried again.
pub(super) const UNREADABLE: SignedDuration = SignedDuration::from_mins(1);

pub(super) fn moment(ms: i64) -> Result<Timestamp, LedgerError> {
    Timestamp::from_millisecond(ms).map_err(|error| LedgerError::Content(error.to_string()))
}

pub(super) fn state(word: &str) -> Result<State, LedgerError> {
    State::from_str(word).map_err(LedgerError::Content)
}

pub(super) fn knowledge(word: &str) -> Result<Knowledge, LedgerError> {
    Knowledge::from_str(word).map_err(LedgerError::Content)
}

/// Writes a row. Only committed data reaches the disk: anything less would not detect a full disk.
pub(super) const WRITE: &str = "INSERT INTO kept (name, value, kept_at) VALUES ('writable', '', 0) \
     ON CONFLICT (name) DO UPDATE SET kept_at = kept.kept_at + 1";

/// `true` for a delivery that an earlier one of the same event and destination holds back, or that
/// reports an action whose acceptance has yet to be sent to core by a call.
macro_rules! held_back {
    () => {
        "EXISTS (SELECT 1 FROM deliveries AS earlier WHERE earlier.event_id = due.event_id AND earlier.state IN ('waiting', 'parked') \
         AND (earlier.destination = due.destination AND earlier.id < due.id \
           OR due.destination <> 'core' AND earlier.destination = 'core' AND earlier.action_id = due.action_id AND earlier.operation LIKE '%.accept'))"
    };
}

/// Leases deliveries until `$2`; the condition says which.
macro_rules! claim_where {
    ($which:expr, $last:expr) => {
        concat!(
            "UPDATE deliveries SET leased_until = $2, attempts = attempts + 1 WHERE id IN (\
             SELECT id FROM deliveries AS due WHERE state = 'waiting' AND destination = $3 \
               AND (leased_until IS NULL OR leased_until <= $1) AND NOT ",
            held_back!(),
            $which,
            $last,
            ") RETURNING id, event_id, action_id, destination, operation, path, payload, token, attempts, created_at, \
             knowledge, unknown_since, fallback, \
             (SELECT registration_number FROM actions AS a WHERE a.event_id = deliveries.event_id AND a.action_id = deliveries.action_id) AS registration_number, \
             (SELECT action_type FROM actions AS a WHERE a.event_id = deliveries.event_id AND a.action_id = deliveries.action_id) AS action_type, \
             (SELECT answer_status FROM actions AS a WHERE a.event_id = deliveries.event_id AND a.action_id = deliveries.action_id) AS answer_status"
        )
    };
}

/// The ended deliveries of messages to users before `$1`.
macro_rules! of_users {
    () => {
        "SELECT d.id FROM actions AS a JOIN deliveries AS d ON d.event_id = a.event_id AND d.action_id = a.action_id \
         WHERE a.event_type = 'user' AND a.recorded_at < $1 AND d.state NOT IN ('waiting', 'parked')"
    };
}

/// `true` for an action `a` that nobody has settled as far as the ledger knows, and its last delivery `d`
/// to the middleware or core.
macro_rules! pending {
    () => {
        "d.id = (SELECT max(id) FROM deliveries AS l WHERE l.event_id = a.event_id AND l.action_id = a.action_id AND l.destination IN ('middleware', 'core')) \
         AND NOT (d.destination = 'core' AND d.state IN ('delivered', 'refused')) \
         AND NOT EXISTS (SELECT 1 FROM fates AS f WHERE f.event_id = a.event_id AND f.action_id = a.action_id AND f.fate <> 'open') \
         AND NOT EXISTS (SELECT 1 FROM actions AS n WHERE n.event_id = a.event_id AND n.recorded_at > a.recorded_at) "
    };
}

/// The columns of deliveries, and of the actions that caused them, that operators see.
macro_rules! select_delivery {
    () => {
        "SELECT d.id, d.event_id, d.action_id, a.event_type, a.action_type, a.answer_status, a.recorded_at, d.destination, \
         d.operation, d.state, d.attempts, d.due_at, d.leased_until, d.created_at, d.ended_at, \
         d.payload <> '' AS has_payload, d.token <> '' AS has_token, d.knowledge, \
         EXISTS (SELECT 1 FROM fates AS f WHERE f.event_id = d.event_id AND f.action_id = d.action_id AND f.fate <> 'open') AS is_settled \
         FROM deliveries AS d JOIN actions AS a ON a.event_id = d.event_id AND a.action_id = d.action_id "
    };
}

/// A system client of core.
macro_rules! select_integration {
    () => {
        "SELECT name, client_id, secret, registered_at, shown_at FROM integrations "
    };
}

/// `true` for a delivery `d` that a filter selects; the parameters are those of `filtered`.
macro_rules! selected {
    () => {
        "($1 IS NULL OR d.id = $1) AND ($2 IS NULL OR d.state = $2) AND ($3 IS NULL OR d.event_id = $3) \
         AND ($4 IS NULL OR d.destination = $4 OR d.destination LIKE $4 || ':%') \
         AND ($5 IS NULL OR (SELECT outcome FROM attempts AS t WHERE t.delivery_id = d.id ORDER BY t.id DESC LIMIT 1) = $5) \
         AND ($6 IS NULL OR d.created_at < $6) AND ($7 IS NULL OR d.created_at >= $7) "
    };
}

/// Binds the parameters of `selected`.
macro_rules! filtered {
    ($query:expr, $filter:expr) => {
        $query
            .bind($filter.id)
            .bind($filter.state.map(State::as_str))
            .bind($filter.event_id.as_ref().map(EventId::as_str))
            .bind($filter.destination.as_ref().map(Destination::as_str))
            .bind($filter.outcome.as_deref())
            .bind($filter.created_before.map(Timestamp::as_millisecond))
            .bind($filter.created_from.map(Timestamp::as_millisecond))
    };
}

/// Implements [`super::Ledger`] for a struct with `pool` and `seal`. Its method `turn` gives the
/// transaction of an answer.
///
/// `$begin` opens a transaction that writes, `$read` one that does not; `$lock` ends the statement that
/// chooses what to claim: where several processes share the database, each skips what another is
/// choosing. `$persistent` says whether a connection keeps its statements under names.
macro_rules! sql_ledger {
    ($Ledger:ident, $Database:ty, $Row:ty, $Arguments:ty, begin: $begin:expr, read: $read:expr, lock: $lock:literal, persistent: $persistent:literal) => {
        impl $Ledger {
            /// Every statement is inside a transaction: outside, a pooler may give each another session.
            async fn transaction(&self) -> Result<sqlx::Transaction<'static, $Database>, LedgerError> {
                self.prepared().await?;
                Ok(self.pool.begin_with($begin).await?)
            }

            async fn reading(&self) -> Result<sqlx::Transaction<'static, $Database>, LedgerError> {
                self.prepared().await?;
                Ok(self.pool.begin_with($read).await?)
            }

            fn query(statement: &'static str) -> sqlx::query::Query<'static, $Database, $Arguments> {
                sqlx::query(statement).persistent($persistent)
            }

            fn query_scalar<T>(statement: &'static str) -> sqlx::query::QueryScalar<'static, $Database, T, $Arguments>
            where
                (T,): for<'r> sqlx::FromRow<'r, $Row>,
            {
                sqlx::query_scalar(statement).persistent($persistent)
            }

            /// Refuses keys that do not decrypt the ledger, and stores a mark of the newest one. With other
            /// keys, pending deliveries could not be sent, and new ones could not be read later.
            async fn hold_key(&self, tx: &mut sqlx::Transaction<'static, $Database>) -> Result<(), LedgerError> {
                // A ledger of an earlier version has no note: there, what waits tells.
                let row = Self::query(
                    "SELECT context, sealed FROM (SELECT 0 AS n, name AS context, value AS sealed FROM kept WHERE name = 'ledger-key' \
                     UNION ALL SELECT 1, event_id, token FROM deliveries WHERE state IN ('waiting', 'parked') AND token LIKE 'sealed:%') AS held \
                     ORDER BY n LIMIT 1",
                )
                .fetch_optional(&mut **tx)
                .await?;
                if let Some(row) = row {
                    let (context, sealed): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                    self.seal.open(&sealed, &context).map_err(|_| LedgerError::Key)?;
                }
                Self::query("INSERT INTO kept (name, value, kept_at) VALUES ('ledger-key', $1, 0) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
                    .bind(self.seal.seal("opens", "ledger-key")?)
                    .execute(&mut **tx)
                    .await?;
                Ok(())
            }

            async fn stored<'e, E>(executor: E, event: &EventId, action: &ActionId) -> Result<Option<Answer>, LedgerError>
            where
                E: sqlx::Executor<'e, Database = $Database>,
            {
                let row = Self::query("SELECT answer_status, answer_body FROM actions WHERE event_id = $1 AND action_id = $2")
                    .bind(event.as_str())
                    .bind(action.as_str())
                    .fetch_optional(executor)
                    .await?;
                let Some(row) = row else { return Ok(None) };
                let body: Option<String> = row.try_get(1)?;
                let body = body.map(|text| serde_json::from_str(&text)).transpose();
                Ok(Some(Answer { status: status(row.try_get(0)?)?, body: body.map_err(|e| LedgerError::Content(e.to_string()))? }))
            }

            /// Stores an entry, unless its action has an answer or its number is another's.
            async fn store(&self, tx: &mut sqlx::Transaction<'static, $Database>, entry: &Entry, origin: Option<&Origin<'_>>, now: Timestamp) -> Result<Written<Recorded>, LedgerError> {
                let stored = Self::query(
                    "INSERT INTO actions (event_id, action_id, event_type, action_type, decision, registration_number, \
                     answer_status, answer_body, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
                )
                .bind(entry.event_id.as_str())
                .bind(entry.action_id.as_str())
                .bind(&entry.event_type)
                .bind(&entry.action_type)
                .bind(&entry.decision)
                .bind(&entry.registration_number)
                .bind(i64::from(entry.answer.status))
                .bind(entry.answer.body.as_ref().map(ToString::to_string))
                .bind(now.as_millisecond())
                .execute(&mut **tx)
                .await?;
                if stored.rows_affected() == 0 {
                    let answer = Self::stored(&mut **tx, &entry.event_id, &entry.action_id).await?;
                    return Ok(Written::kept(answer.map_or(Recorded::NumberTaken, Recorded::Before)));
                }
                let draw = origin.filter(|_| entry.answer.status == 202).map(|origin| serde_json::to_string(origin.draw));
                let draw = draw.transpose().map_err(|e| LedgerError::Content(e.to_string()))?;
                let drawn = origin.map(|origin| (origin, 0, draw));
                if let Some(number) = &entry.registration_number
                    && !Self::insert_number(tx, number, &entry.event_id, &entry.action_id, drawn, now).await?
                {
                    return Ok(Written::undone(Recorded::NumberTaken));
                }
                for delivery in &entry.deliveries {
                    if entry.replaces_messages() && delivery.destination.is_forgotten() {
                        Self::query(
                            "UPDATE deliveries SET state = 'refused', payload = '', ended_at = $3 WHERE event_id = $1 AND destination = $2 \
                             AND state = 'waiting' AND attempts = 0",
                        )
                        .bind(entry.event_id.as_str())
                        .bind(delivery.destination.as_str())
                        .bind(now.as_millisecond())
                        .execute(&mut **tx)
                        .await?;
                    }
                    self.insert_delivery(tx, &entry.event_id, &entry.action_id, delivery, now).await?;
                }
                Ok(Written::kept(Recorded::New))
            }

            async fn insert_delivery(
                &self,
                tx: &mut sqlx::Transaction<'_, $Database>,
                event: &EventId,
                action: &ActionId,
                delivery: &NewDelivery,
                now: Timestamp,
            ) -> Result<(), LedgerError> {
                Self::query(
                    "INSERT INTO deliveries (event_id, action_id, destination, operation, path, payload, token, due_at, created_at, fallback) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                )
                .bind(event.as_str())
                .bind(action.as_str())
                .bind(delivery.destination.as_str())
                .bind(&delivery.operation)
                .bind(&delivery.path)
                .bind(self.seal.seal(&delivery.payload.to_string(), event.as_str())?)
                .bind(self.seal.seal(&delivery.token, event.as_str())?)
                .bind(delivery.due_at.as_millisecond())
                .bind(now.as_millisecond())
                .bind(self.sealed_json(delivery.fallback.as_ref(), event)?)
                .execute(&mut **tx)
                .await?;
                Ok(())
            }

            /// Reserves a number, with its origin: how many the action had before, and how another one is
            /// made. `false` if another action has it.
            async fn insert_number(
                tx: &mut sqlx::Transaction<'_, $Database>,
                number: &str,
                event: &EventId,
                action: &ActionId,
                from: Option<(&Origin<'_>, i64, Option<String>)>,
                now: Timestamp,
            ) -> Result<bool, LedgerError> {
                let sequence = from.as_ref().and_then(|(origin, ..)| origin.draw.sequence.as_ref());
                let position = from.as_ref().and_then(|(origin, ..)| origin.position);
                let drawn = from.as_ref().map_or(0, |(_, drawn, _)| *drawn);
                let inserted = Self::query(
                    "INSERT INTO numbers (number, event_id, action_id, recorded_at, sequence, position, drawn, draw) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
                )
                .bind(number)
                .bind(event.as_str())
                .bind(action.as_str())
                .bind(now.as_millisecond())
                .bind(sequence.map(|sequence| sequence.name.clone()))
                .bind(position)
                .bind(drawn)
                .bind(from.and_then(|(_, _, draw)| draw))
                .execute(&mut **tx)
                .await?;
                Ok(inserted.rows_affected() == 1)
            }

            /// Encrypts a value as JSON; `None` is the empty text.
            fn sealed_json<T: serde::Serialize>(&self, value: Option<&T>, event: &EventId) -> Result<String, LedgerError> {
                let Some(value) = value else { return Ok(String::new()) };
                let text = serde_json::to_string(value).map_err(|e| LedgerError::Content(e.to_string()))?;
                Ok(self.seal.seal(&text, event.as_str())?)
            }

            fn opened_json<T: serde::de::DeserializeOwned>(&self, sealed: &str, event: &str) -> Result<Option<T>, LedgerError> {
                if sealed.is_empty() {
                    return Ok(None);
                }
                let text = self.seal.open(sealed, event)?;
                // serde's message may hold values.
                serde_json::from_str(&text).map(Some).map_err(|_| LedgerError::Content("JSON".to_owned()))
            }

            /// No secret is the empty text.
            fn sealed_secret(&self, secret: &SecretString, name: &str) -> Result<String, LedgerError> {
                let secret = secret.expose_secret();
                Ok(if secret.is_empty() { String::new() } else { self.seal.seal(secret, name)? })
            }

            fn integration(&self, row: &$Row) -> Result<Integration, LedgerError> {
                let optional = |column: &str| row.try_get::<Option<i64>, _>(column)?.map(moment).transpose();
                let name: String = row.try_get("name")?;
                Ok(Integration {
                    client_id: row.try_get("client_id")?,
                    secret: self.seal.open(&row.try_get::<String, _>("secret")?, &name)?.into(),
                    registered_at: optional("registered_at")?,
                    shown_at: optional("shown_at")?,
                    name,
                })
            }

            fn delivery(row: &$Row) -> Result<Delivery, LedgerError> {
                let optional = |column: &str| row.try_get::<Option<i64>, _>(column)?.map(moment).transpose();
                Ok(Delivery {
                    id: row.try_get("id")?,
                    event_id: EventId::new(row.try_get::<String, _>("event_id")?),
                    action_id: ActionId::new(row.try_get::<String, _>("action_id")?),
                    event_type: row.try_get("event_type")?,
                    action_type: row.try_get("action_type")?,
                    answer_status: status(row.try_get("answer_status")?)?,
                    answered_at: moment(row.try_get("recorded_at")?)?,
                    destination: Destination::named(row.try_get("destination")?),
                    operation: row.try_get("operation")?,
                    state: state(&row.try_get::<String, _>("state")?)?,
                    attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
                    due_at: moment(row.try_get("due_at")?)?,
                    leased_until: optional("leased_until")?,
                    created_at: moment(row.try_get("created_at")?)?,
                    ended_at: optional("ended_at")?,
                    has_payload: row.try_get("has_payload")?,
                    has_token: row.try_get("has_token")?,
                    knowledge: knowledge(&row.try_get::<String, _>("knowledge")?)?,
                    is_settled: row.try_get("is_settled")?,
                })
            }

            fn claimed(&self, row: &$Row) -> Result<Claimed, LedgerError> {
                let event: String = row.try_get("event_id")?;
                let open = |column: &str| -> Result<String, LedgerError> {
                    let sealed: String = row.try_get(column)?;
                    Ok(self.seal.open(&sealed, &event)?)
                };
                Ok(Claimed {
                    id: row.try_get("id")?,
                    action_id: ActionId::new(row.try_get::<String, _>("action_id")?),
                    action_type: row.try_get("action_type")?,
                    answer_status: status(row.try_get("answer_status")?)?,
                    destination: Destination::named(row.try_get("destination")?),
                    operation: row.try_get("operation")?,
                    path: row.try_get("path")?,
                    payload: open("payload")?,
                    token: open("token")?,
                    attempt: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
                    created_at: moment(row.try_get("created_at")?)?,
                    knowledge: knowledge(&row.try_get::<String, _>("knowledge")?)?,
                    unknown_since: row.try_get::<Option<i64>, _>("unknown_since")?.map(moment).transpose()?,
                    registration_number: row.try_get("registration_number")?,
                    fallback: self.opened_json(&row.try_get::<String, _>("fallback")?, &event)?,
                    event_id: EventId::new(event),
                })
            }
        }

        #[async_trait]
        impl Ledger for $Ledger {
            async fn prepare(&self) -> Result<(), LedgerError> {
                self.prepared().await
            }

            async fn record(&self, entry: &Entry, now: Timestamp) -> Result<Recorded, LedgerError> {
                let mut turn = self.turn().await?;
                loop {
                    let written = self.store(&mut turn.tx, entry, None, now).await;
                    if let Some(recorded) = turn.end(written).await? {
                        return Ok(recorded);
                    }
                    turn = Turn::alone(self.transaction().await?);
                }
            }

            async fn answer(&self, event: &EventId, action: &ActionId) -> Result<Option<Answer>, LedgerError> {
                let mut tx = self.reading().await?;
                Self::stored(&mut *tx, event, action).await
            }

            async fn claim(&self, destination: &Destination, now: Timestamp, until: Timestamp, limit: u32, probe: bool) -> Result<Vec<Claimed>, LedgerError> {
                let mut tx = self.transaction().await?;
                let statement = if probe {
                    claim_where!(" AND due_at <= $1 ORDER BY attempts > 0, due_at, id LIMIT $4 ", $lock)
                } else {
                    claim_where!(" AND due_at <= $1 ORDER BY due_at, id LIMIT $4 ", $lock)
                };
                let rows = Self::query(statement)
                    .bind(now.as_millisecond())
                    .bind(until.as_millisecond())
                    .bind(destination.as_str())
                    .bind(i64::from(limit))
                    .fetch_all(&mut *tx)
                    .await?;
                let mut claimed = Vec::with_capacity(rows.len());
                for row in &rows {
                    match self.claimed(row) {
                        // One that was sealed with a key that is not listed any more waits until it is again.
                        Err(LedgerError::Encryption(error)) => {
                            let id: i64 = row.try_get("id")?;
                            tracing::error!(error = &error as &dyn std::error::Error, delivery.id = id, "Could not decrypt a delivery; it waits until LEDGER_KEY contains its key");
                            Self::query("UPDATE deliveries SET leased_until = NULL, attempts = attempts - 1, due_at = $2 WHERE id = $1")
                                .bind(id)
                                .bind(later(now, UNREADABLE).as_millisecond())
                                .execute(&mut *tx)
                                .await?;
                        }
                        other => claimed.push(other?),
                    }
                }
                tx.commit().await?;
                claimed.sort_by_key(|delivery| delivery.id);
                Ok(claimed)
            }

            async fn claim_of(&self, event: &EventId, destination: &Destination, now: Timestamp, until: Timestamp) -> Result<Option<Claimed>, LedgerError> {
                let mut tx = self.transaction().await?;
                let row = Self::query(claim_where!(" AND event_id = $4 LIMIT 1 ", $lock))
                    .bind(now.as_millisecond())
                    .bind(until.as_millisecond())
                    .bind(destination.as_str())
                    .bind(event.as_str())
                    .fetch_optional(&mut *tx)
                    .await?;
                let claimed = row.as_ref().map(|row| self.claimed(row)).transpose()?;
                tx.commit().await?;
                Ok(claimed)
            }

            async fn begin(&self, claimed: &Claimed, renumbered: Option<&Renumbered>, now: Timestamp) -> Result<Begun, LedgerError> {
                let (event, ms) = (&claimed.event_id, now.as_millisecond());
                let mut tx = self.transaction().await?;
                let begun = Self::query(
                    "UPDATE deliveries SET knowledge = 'unknown', unknown_since = COALESCE(unknown_since, $2) \
                     WHERE id = $1 AND state = 'waiting' AND attempts = $3 AND leased_until > $2",
                )
                .bind(claimed.id)
                .bind(ms)
                .bind(i64::from(claimed.attempt))
                .execute(&mut *tx)
                .await?;
                if begun.rows_affected() != 1 {
                    return Ok(Begun::LeaseLost);
                }
                if let Some(Renumbered { number, is_reserved, payload, fallback, token }) = renumbered {
                    if !is_reserved && !Self::insert_number(&mut tx, number, event, &claimed.action_id, None, now).await? {
                        return Ok(Begun::NumberTaken);
                    }
                    Self::query("UPDATE deliveries SET payload = $2, fallback = $3, token = $4 WHERE id = $1")
                        .bind(claimed.id)
                        .bind(self.seal.seal(&payload.to_string(), event.as_str())?)
                        .bind(self.sealed_json(fallback.as_ref(), event)?)
                        .bind(self.seal.seal(token, event.as_str())?)
                        .execute(&mut *tx)
                        .await?;
                }
                // An earlier attempt that never ended did not end so that anybody knows.
                Self::query("UPDATE attempts SET outcome = 'unknown' WHERE delivery_id = $1 AND outcome = 'started'")
                    .bind(claimed.id)
                    .execute(&mut *tx)
                    .await?;
                Self::query("INSERT INTO attempts (delivery_id, attempt, started_at, duration_ms, outcome) VALUES ($1, $2, $3, 0, 'started')")
                    .bind(claimed.id)
                    .bind(i64::from(claimed.attempt))
                    .bind(ms)
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                Ok(Begun::Begun)
            }

            async fn conclude(&self, claimed: &Claimed, attempt: &Attempt, next: &Next, now: Timestamp) -> Result<(), LedgerError> {
                let mut tx = self.transaction().await?;
                let (outcome, status) = (attempt.outcome.as_str(), attempt.outcome.status().map(i64::from));
                let duration = i64::try_from(attempt.duration.as_millis()).unwrap_or(i64::MAX);
                let mut is_written = false;
                if attempt.outcome.was_sent() {
                    let ended = Self::query("UPDATE attempts SET duration_ms = $3, outcome = $4, status = $5, reason = $6 WHERE delivery_id = $1 AND attempt = $2 AND outcome = 'started'")
                        .bind(claimed.id)
                        .bind(i64::from(claimed.attempt))
                        .bind(duration)
                        .bind(outcome)
                        .bind(status)
                        .bind(&attempt.reason)
                        .execute(&mut *tx)
                        .await?;
                    is_written = ended.rows_affected() > 0;
                }
                if !is_written {
                    // Once: it is written again where the answer to the first time was lost.
                    Self::query(
                        "INSERT INTO attempts (delivery_id, attempt, started_at, duration_ms, outcome, status, reason) SELECT $1, $2, $3, $4, $5, $6, $7 \
                         WHERE NOT EXISTS (SELECT 1 FROM attempts WHERE delivery_id = $1 AND attempt = $2 AND started_at = $3 AND duration_ms = $4 AND outcome = $5)",
                    )
                        .bind(claimed.id)
                        .bind(i64::from(claimed.attempt))
                        .bind(attempt.started_at.as_millisecond())
                        .bind(duration)
                        .bind(outcome)
                        .bind(status)
                        .bind(&attempt.reason)
                        .execute(&mut *tx)
                        .await?;
                }
                if claimed.destination == Destination::MIDDLEWARE {
                    let known = claimed.knowledge.after(attempt.outcome);
                    // Only this attempt may say what is known: a later one has begun since, or an operator has.
                    Self::query(
                        "UPDATE deliveries SET knowledge = $2, unknown_since = CASE WHEN $2 = 'unknown' THEN COALESCE(unknown_since, $4) END \
                         WHERE id = $1 AND (attempts = $3 AND state IN ('waiting', 'parked') OR $2 = 'taken')",
                    )
                    .bind(claimed.id)
                    .bind(known.as_str())
                    .bind(i64::from(claimed.attempt))
                    .bind(attempt.started_at.as_millisecond())
                    .execute(&mut *tx)
                    .await?;
                }
                let forgotten = claimed.destination.is_forgotten();
                // Whoever lost the lease, or was told to stop, may still report an arrival, but nothing else.
                let changed = match next {
                    Next::Delivered => {
                        Self::query("UPDATE deliveries SET state = 'delivered', token = '', payload = CASE WHEN $3 THEN '' ELSE payload END, leased_until = NULL, ended_at = $2 WHERE id = $1 AND state IN ('waiting', 'parked')")
                            .bind(claimed.id)
                            .bind(now.as_millisecond())
                            .bind(forgotten)
                    }
                    Next::Refused(_) => {
                        Self::query("UPDATE deliveries SET state = 'refused', token = '', payload = CASE WHEN $4 THEN '' ELSE payload END, leased_until = NULL, ended_at = $2 WHERE id = $1 AND state = 'waiting' AND attempts = $3")
                            .bind(claimed.id)
                            .bind(now.as_millisecond())
                            .bind(i64::from(claimed.attempt))
                            .bind(forgotten)
                    }
                    Next::Retry(at) => {
                        Self::query("UPDATE deliveries SET due_at = $2, leased_until = NULL WHERE id = $1 AND state = 'waiting' AND attempts = $3")
                            .bind(claimed.id)
                            .bind(at.as_millisecond())
                            .bind(i64::from(claimed.attempt))
                    }
                    Next::Renew(at) => {
                        Self::query("UPDATE deliveries SET due_at = $2, token = '', leased_until = NULL WHERE id = $1 AND state = 'waiting' AND attempts = $3")
                            .bind(claimed.id)
                            .bind(at.as_millisecond())
                            .bind(i64::from(claimed.attempt))
                    }
                    Next::Later(at) => {
                        Self::query("UPDATE deliveries SET due_at = $2, leased_until = NULL, attempts = attempts - 1 WHERE id = $1 AND state = 'waiting' AND attempts = $3")
                            .bind(claimed.id)
                            .bind(at.as_millisecond())
                            .bind(i64::from(claimed.attempt))
                    }
                    // The token stays: an operator may send the delivery again while it is valid.
                    Next::Parked(_) => {
                        Self::query("UPDATE deliveries SET state = 'parked', leased_until = NULL WHERE id = $1 AND state = 'waiting' AND attempts = $2")
                            .bind(claimed.id)
                            .bind(i64::from(claimed.attempt))
                    }
                };
                let changed = changed.execute(&mut *tx).await?.rows_affected();
                if let (Next::Refused(Some(delivery)) | Next::Parked(Some(delivery)), 1) = (next, changed) {
                    self.insert_delivery(&mut tx, &claimed.event_id, &claimed.action_id, delivery, now).await?;
                }
                tx.commit().await?;
                Ok(())
            }

            async fn next_due(&self, destination: &Destination, now: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
                let mut tx = self.reading().await?;
                let at: Option<i64> = Self::query_scalar(concat!(
                    "SELECT due_at FROM deliveries AS due WHERE state = 'waiting' AND destination = $2 AND (leased_until IS NULL OR leased_until <= $1) AND NOT ",
                    held_back!(),
                    " ORDER BY due_at LIMIT 1"
                ))
                .bind(now.as_millisecond())
                .bind(destination.as_str())
                .fetch_optional(&mut *tx)
                .await?;
                at.map(moment).transpose()
            }

            async fn mend(&self, now: Timestamp) -> Result<u64, LedgerError> {
                let [future, unlikely] = [SKEW, LONGEST_LEASE].map(|by| later(now, by).as_millisecond());
                let now = now.as_millisecond();
                let mut tx = self.transaction().await?;
                let due = Self::query(
                    "UPDATE deliveries SET due_at = CASE WHEN knowledge = 'not-started' THEN $3 ELSE $1 END WHERE state = 'waiting' AND due_at > $2 AND \
                     (created_at > $2 OR EXISTS (SELECT 1 FROM attempts AS a WHERE a.delivery_id = deliveries.id AND a.started_at > $2))",
                )
                .bind(now)
                .bind(future)
                .bind(unlikely)
                .execute(&mut *tx)
                .await?;
                let leased = Self::query("UPDATE deliveries SET leased_until = $1 WHERE state = 'waiting' AND leased_until > $2")
                    .bind(future)
                    .bind(unlikely)
                    .execute(&mut *tx)
                    .await?;
                let asked = Self::query("UPDATE fates SET next_at = $1 WHERE asked_at > $2 AND next_at > $2")
                    .bind(now)
                    .bind(future)
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                Ok(due.rows_affected() + leased.rows_affected() + asked.rows_affected())
            }

            async fn counts(&self) -> Result<Counts, LedgerError> {
                let mut tx = self.reading().await?;
                let rows = Self::query("SELECT state, count(*), min(created_at) FROM deliveries GROUP BY state").fetch_all(&mut *tx).await?;
                let mut counts = Counts::default();
                for row in rows {
                    let n = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
                    match state(&row.try_get::<String, _>(0)?)? {
                        State::Waiting => {
                            counts.waiting = n;
                            counts.oldest_waiting = Some(moment(row.try_get(2)?)?);
                        }
                        State::Delivered => counts.delivered = n,
                        State::Refused => counts.refused = n,
                        State::Parked => counts.parked = n,
                        State::Purged => counts.purged = n,
                    }
                }
                Ok(counts)
            }

            async fn queues(&self) -> Result<Vec<Queue>, LedgerError> {
                let mut tx = self.reading().await?;
                // An index holds just these, however much has ended.
                let rows = Self::query(
                    "SELECT destination, state, count(*), min(created_at) FROM deliveries WHERE state IN ('waiting', 'parked') \
                     GROUP BY destination, state",
                )
                .fetch_all(&mut *tx)
                .await?;
                let queue = |row: &$Row| -> Result<Queue, LedgerError> {
                    Ok(Queue {
                        destination: Destination::named(row.try_get(0)?),
                        state: state(&row.try_get::<String, _>(1)?)?,
                        depth: u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0),
                        oldest: moment(row.try_get(3)?)?,
                    })
                };
                rows.iter().map(queue).collect()
            }

            async fn pending(&self, limit: u32) -> Result<Vec<Delivery>, LedgerError> {
                let mut tx = self.reading().await?;
                let rows = Self::query(concat!(
                    select_delivery!(),
                    "WHERE a.answer_status = 202 \
                       AND ",
                    pending!(),
                    "ORDER BY CASE d.state WHEN 'waiting' THEN 1 WHEN 'delivered' THEN 2 ELSE 0 END, a.recorded_at, d.id LIMIT $1"
                ))
                .bind(i64::from(limit))
                .fetch_all(&mut *tx)
                .await?;
                rows.iter().map(Self::delivery).collect()
            }

            async fn standing(&self, event: &EventId, action: &ActionId, now: Timestamp, again_at: Timestamp) -> Result<Standing, LedgerError> {
                let mut tx = self.transaction().await?;
                let mine = Self::query(
                    "INSERT INTO fates (event_id, action_id, fate, asked_at, next_at) VALUES ($1, $2, 'open', $3, $4) \
                     ON CONFLICT (event_id, action_id) DO UPDATE SET asked_at = excluded.asked_at, next_at = excluded.next_at \
                     WHERE fates.next_at <= $3 AND (fates.fate = 'open' OR fates.fate = 'accepted' AND fates.acceptance = '')",
                )
                .bind(event.as_str())
                .bind(action.as_str())
                .bind(now.as_millisecond())
                .bind(again_at.as_millisecond())
                .execute(&mut *tx)
                .await?;
                if mine.rows_affected() > 0 {
                    tx.commit().await?;
                    return Ok(Standing::Ask);
                }
                let row = Self::query("SELECT fate, acceptance, next_at FROM fates WHERE event_id = $1 AND action_id = $2")
                    .bind(event.as_str())
                    .bind(action.as_str())
                    .fetch_one(&mut *tx)
                    .await?;
                tx.commit().await?;
                let (fate, acceptance): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                let shown = self.opened_json::<EventDocument>(&acceptance, event.as_str())?;
                Ok(match (fate.as_str(), shown.and_then(|mut shown| shown.actions.pop())) {
                    ("rejected", _) => Standing::Settled(Fate::Rejected),
                    ("accepted", Some(by)) => Standing::Settled(Fate::Accepted(Box::new(by))),
                    _ => Standing::Asked(moment(row.try_get(2)?)?),
                })
            }

            async fn learn(&self, event: &EventId, action: &ActionId, fate: &Fate, now: Timestamp) -> Result<(), LedgerError> {
                // An action is read as part of a document only.
                let shown = if let Fate::Accepted(by) = fate {
                    Some(serde_json::json!({"id": event, "type": "acceptance", "actions": [by]}))
                } else {
                    None
                };
                let mut tx = self.transaction().await?;
                Self::query(
                    "INSERT INTO fates (event_id, action_id, fate, acceptance, asked_at, next_at) VALUES ($1, $2, $3, $4, $5, $5) \
                     ON CONFLICT (event_id, action_id) DO UPDATE SET fate = excluded.fate, acceptance = excluded.acceptance, asked_at = excluded.asked_at \
                     WHERE fates.fate = 'open' OR fates.acceptance = '' AND fates.fate = excluded.fate",
                )
                .bind(event.as_str())
                .bind(action.as_str())
                .bind(fate.as_str())
                .bind(self.sealed_json(shown.as_ref(), event)?)
                .bind(now.as_millisecond())
                .execute(&mut *tx)
                .await?;
                if *fate != Fate::Open {
                    // Those that were tried and failed keep their schedule.
                    Self::query(
                        "UPDATE deliveries SET due_at = $3 WHERE event_id = $1 AND action_id = $2 AND state = 'waiting' \
                         AND due_at > $3 AND leased_until IS NULL AND (attempts = 0 OR knowledge = 'unknown')",
                    )
                    .bind(event.as_str())
                    .bind(action.as_str())
                    .bind(now.as_millisecond())
                    .execute(&mut *tx)
                    .await?;
                }
                tx.commit().await?;
                Ok(())
            }

            async fn waiting_actions(&self) -> Result<Vec<WaitingActions>, LedgerError> {
                let mut tx = self.reading().await?;
                let rows = Self::query(concat!(
                    "SELECT d.knowledge, d.state, count(*), min(a.recorded_at), d.destination \
                     FROM deliveries AS d JOIN actions AS a ON a.event_id = d.event_id AND a.action_id = d.action_id \
                     WHERE a.answer_status = 202 AND ",
                    pending!(),
                    " GROUP BY d.knowledge, d.state, d.destination"
                ))
                .fetch_all(&mut *tx)
                .await?;
                let waiting = |row: &$Row| -> Result<WaitingActions, LedgerError> {
                    Ok(WaitingActions {
                        destination: Destination::named(row.try_get(4)?),
                        knowledge: knowledge(&row.try_get::<String, _>(0)?)?,
                        state: state(&row.try_get::<String, _>(1)?)?,
                        count: u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0),
                        oldest: moment(row.try_get(3)?)?,
                    })
                };
                rows.iter().map(waiting).collect()
            }

            async fn deliveries(&self, filter: &Filter) -> Result<Vec<Delivery>, LedgerError> {
                let mut tx = self.reading().await?;
                let statement = if filter.oldest_first {
                    concat!(select_delivery!(), "WHERE ", selected!(), "ORDER BY d.id LIMIT $8")
                } else {
                    concat!(select_delivery!(), "WHERE ", selected!(), "ORDER BY d.id DESC LIMIT $8")
                };
                let query = filtered!(Self::query(statement), filter).bind(i64::from(filter.limit));
                let rows = query.fetch_all(&mut *tx).await?;
                rows.iter().map(Self::delivery).collect()
            }

            async fn count(&self, filter: &Filter) -> Result<Vec<(State, u64)>, LedgerError> {
                let statement = concat!("SELECT d.state, count(*) FROM deliveries AS d WHERE ", selected!(), "GROUP BY d.state");
                let mut tx = self.reading().await?;
                let rows = filtered!(Self::query(statement), filter).fetch_all(&mut *tx).await?;
                let count = |row: &$Row| -> Result<(State, u64), LedgerError> {
                    let n = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or(0);
                    Ok((state(&row.try_get::<String, _>(0)?)?, n))
                };
                rows.iter().map(count).collect()
            }

            async fn attempts(&self, delivery: i64) -> Result<Vec<PastAttempt>, LedgerError> {
                let mut tx = self.reading().await?;
                let rows = Self::query("SELECT started_at, duration_ms, outcome, status, reason FROM attempts WHERE delivery_id = $1 ORDER BY id")
                    .bind(delivery)
                    .fetch_all(&mut *tx)
                    .await?;
                let past = |row: &$Row| -> Result<PastAttempt, LedgerError> {
                    Ok(PastAttempt {
                        started_at: moment(row.try_get(0)?)?,
                        duration: SignedDuration::from_millis(row.try_get(1)?),
                        outcome: row.try_get(2)?,
                        status: row.try_get::<Option<i64>, _>(3)?.map(status).transpose()?,
                        reason: row.try_get(4)?,
                    })
                };
                rows.iter().map(past).collect()
            }

            async fn retry(&self, delivery: i64, force: bool, assumed: Option<Knowledge>, now: Timestamp) -> Result<bool, LedgerError> {
                let mut tx = self.transaction().await?;
                let changed = Self::query(
                    "UPDATE deliveries SET state = 'waiting', attempts = 0, due_at = $2, leased_until = NULL, ended_at = NULL, \
                       knowledge = COALESCE($4, knowledge), unknown_since = CASE WHEN $4 IS NULL THEN unknown_since END \
                     WHERE id = $1 AND payload <> '' \
                       AND ($3 OR state IN ('waiting', 'parked') AND (leased_until IS NULL OR leased_until <= $2))",
                )
                .bind(delivery)
                .bind(now.as_millisecond())
                .bind(force)
                .bind(assumed.map(Knowledge::as_str))
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok(changed.rows_affected() == 1)
            }

            async fn park(&self, delivery: i64) -> Result<bool, LedgerError> {
                let mut tx = self.transaction().await?;
                let changed = Self::query("UPDATE deliveries SET state = 'parked', leased_until = NULL WHERE id = $1 AND state = 'waiting'")
                    .bind(delivery)
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                Ok(changed.rows_affected() == 1)
            }

            async fn purge(&self, delivery: i64, now: Timestamp) -> Result<bool, LedgerError> {
                let mut tx = self.transaction().await?;
                let changed = Self::query(
                    "UPDATE deliveries SET state = 'purged', token = '', payload = '', fallback = '', leased_until = NULL, ended_at = $2 \
                     WHERE id = $1 AND state IN ('waiting', 'parked', 'refused')",
                )
                .bind(delivery)
                .bind(now.as_millisecond())
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok(changed.rows_affected() == 1)
            }

            async fn erase(&self, ended_before: Timestamp) -> Result<u64, LedgerError> {
                let before = ended_before.as_millisecond();
                let mut tx = self.transaction().await?;
                let erased = Self::query("UPDATE deliveries SET payload = '', fallback = '' WHERE payload <> '' AND state IN ('delivered', 'refused') AND ended_at < $1")
                    .bind(before)
                    .execute(&mut *tx)
                    .await?;
                Self::query(
                    "UPDATE fates SET acceptance = '' WHERE acceptance <> '' AND asked_at < $1 AND NOT EXISTS \
                       (SELECT 1 FROM deliveries AS d WHERE d.event_id = fates.event_id AND d.action_id = fates.action_id AND d.state IN ('waiting', 'parked'))",
                )
                .bind(before)
                .execute(&mut *tx)
                .await?;
                Self::query(concat!("DELETE FROM attempts WHERE delivery_id IN (", of_users!(), ")")).bind(before).execute(&mut *tx).await?;
                let forgotten = Self::query(concat!("DELETE FROM deliveries WHERE id IN (", of_users!(), ")")).bind(before).execute(&mut *tx).await?;
                Self::query(
                    "DELETE FROM actions WHERE event_type = 'user' AND recorded_at < $1 AND NOT EXISTS \
                       (SELECT 1 FROM deliveries AS d WHERE d.event_id = actions.event_id AND d.action_id = actions.action_id)",
                )
                .bind(before)
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok(erased.rows_affected() + forgotten.rows_affected())
            }

            async fn keep(&self, name: &str, value: &str, now: Timestamp) -> Result<(), LedgerError> {
                let mut tx = self.transaction().await?;
                Self::query(
                    "INSERT INTO kept (name, value, kept_at) VALUES ($1, $2, $3) \
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value, kept_at = excluded.kept_at",
                )
                .bind(name)
                .bind(value)
                .bind(now.as_millisecond())
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok(())
            }

            async fn kept(&self, name: &str) -> Result<Option<String>, LedgerError> {
                let mut tx = self.reading().await?;
                Ok(Self::query_scalar("SELECT value FROM kept WHERE name = $1").bind(name).fetch_optional(&mut *tx).await?)
            }

            async fn kept_under(&self, prefix: &str) -> Result<Vec<(String, String)>, LedgerError> {
                let mut tx = self.reading().await?;
                let rows = Self::query("SELECT name, value FROM kept WHERE substr(name, 1, $2) = $1 ORDER BY kept_at, name")
                    .bind(prefix)
                    .bind(i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX))
                    .fetch_all(&mut *tx)
                    .await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
            }

            async fn keep_integration(
                &self,
                name: &str,
                client_id: &str,
                secret: &SecretString,
                now: Timestamp,
            ) -> Result<Integration, LedgerError> {
                let mut tx = self.transaction().await?;
                Self::query(
                    "INSERT INTO integrations (name, client_id, secret, made_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (name) DO UPDATE SET client_id = excluded.client_id, secret = excluded.secret, made_at = excluded.made_at, \
                     registered_at = NULL, shown_at = NULL WHERE integrations.secret = '' AND excluded.secret <> ''",
                )
                    .bind(name)
                    .bind(client_id)
                    .bind(self.sealed_secret(secret, name)?)
                    .bind(now.as_millisecond())
                    .execute(&mut *tx)
                    .await?;
                let row = Self::query(concat!(select_integration!(), "WHERE name = $1")).bind(name).fetch_one(&mut *tx).await?;
                let kept = self.integration(&row)?;
                tx.commit().await?;
                Ok(kept)
            }

            async fn integrations(&self) -> Result<Vec<Integration>, LedgerError> {
                let mut tx = self.reading().await?;
                let rows = Self::query(concat!(select_integration!(), "ORDER BY made_at, name")).fetch_all(&mut *tx).await?;
                rows.iter().map(|row| self.integration(row)).collect()
            }

            async fn lease_integration(&self, name: &str, now: Timestamp, until: Timestamp) -> Result<bool, LedgerError> {
                let mut tx = self.transaction().await?;
                let leased = Self::query("UPDATE integrations SET leased_until = $3 WHERE name = $1 AND (leased_until IS NULL OR leased_until <= $2 OR leased_until > $4)")
                    .bind(name)
                    .bind(now.as_millisecond())
                    .bind(until.as_millisecond())
                    // A clock that was ahead.
                    .bind(later(now, LONGEST_LEASE).as_millisecond())
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                Ok(leased.rows_affected() == 1)
            }

            async fn release_integration(&self, name: &str) -> Result<(), LedgerError> {
                let mut tx = self.transaction().await?;
                Self::query("UPDATE integrations SET leased_until = NULL WHERE name = $1").bind(name).execute(&mut *tx).await?;
                Ok(tx.commit().await?)
            }

            async fn register_integration(&self, integration: &Integration, now: Timestamp) -> Result<(), LedgerError> {
                let mut tx = self.transaction().await?;
                Self::query("UPDATE integrations SET client_id = $2, secret = $3, registered_at = $4, leased_until = NULL WHERE name = $1")
                    .bind(&integration.name)
                    .bind(&integration.client_id)
                    .bind(self.sealed_secret(&integration.secret, &integration.name)?)
                    .bind(now.as_millisecond())
                    .execute(&mut *tx)
                    .await?;
                Ok(tx.commit().await?)
            }

            async fn show_integration(&self, name: &str, now: Timestamp) -> Result<Option<Integration>, LedgerError> {
                let mut tx = self.transaction().await?;
                let row = Self::query(concat!(select_integration!(), "WHERE name = $1 AND secret <> '' AND registered_at IS NOT NULL")).bind(name).fetch_optional(&mut *tx).await?;
                let Some(row) = row else { return Ok(None) };
                let shown = self.integration(&row)?;
                let erased = Self::query("UPDATE integrations SET secret = '', shown_at = $2 WHERE name = $1 AND secret <> '' AND registered_at IS NOT NULL")
                    .bind(name)
                    .bind(now.as_millisecond())
                    .execute(&mut *tx)
                    .await?;
                tx.commit().await?;
                Ok((erased.rows_affected() == 1).then_some(shown))
            }

            async fn forget(&self, name: &str) -> Result<(), LedgerError> {
                let mut tx = self.transaction().await?;
                Self::query("DELETE FROM kept WHERE name = $1").bind(name).execute(&mut *tx).await?;
                tx.commit().await?;
                Ok(())
            }

            async fn add(&self, event: &EventId, action: &ActionId, delivery: &NewDelivery, now: Timestamp) -> Result<(), LedgerError> {
                let mut tx = self.transaction().await?;
                self.insert_delivery(&mut tx, event, action, delivery, now).await?;
                tx.commit().await?;
                Ok(())
            }

            async fn writable(&self) -> Result<(), LedgerError> {
                let mut tx = self.transaction().await?;
                Self::query(super::sql::WRITE).execute(&mut *tx).await?;
                tx.commit().await?;
                Ok(())
            }

            async fn close(&self) -> Result<(), LedgerError> {
                self.pool.close().await;
                Ok(())
            }
        }

        fn status(number: i64) -> Result<u16, LedgerError> {
            u16::try_from(number).map_err(|_| LedgerError::Content(format!("status {number}")))
        }
    };
}

pub(super) use {
    claim_where, filtered, held_back, of_users, pending, select_delivery, select_integration,
    selected, sql_ledger,
};

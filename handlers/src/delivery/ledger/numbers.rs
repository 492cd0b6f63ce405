// SPDX-License-Identifier: MPL-2.0
//! Registration numbers in the ledger: sequences, and the offices whose codes numbers contain.

use super::{Answer, Entry, LedgerError};
use async_trait::async_trait;
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use rules::registration_numbers::{Fallback, Office, Request};

/// Makes the entry of a registration as soon as its number is known; `None` if there can be none.
pub type WriteEntry<'a> = dyn Fn(&str) -> Option<Entry> + Send + Sync + 'a;

/// The maximum number of existing numbers that are passed over.
pub(super) const MOST_PASSED: u32 = 200;

/// The result of storing a registration.
#[derive(Debug)]
pub enum Registered {
    /// It is stored with this entry, and with the reason if the number is not that of the format.
    New(Box<Entry>, Option<Fallback>),
    /// The action already has this answer.
    Before(Answer),
    /// The sequence was locked for too long; nothing was stored.
    Busy,
    /// There is no entry; nothing was stored.
    Unwritten,
}

/// A sequence as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceState {
    /// Its name, see [`rules::registration_numbers::Sequence`].
    pub name: String,
    /// The last position that was given out.
    pub last: u64,
    /// When that was.
    pub changed_at: Timestamp,
}

/// The reason why a position of a sequence is not the number of any record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostBecause {
    /// Core was told to reject the registration, or has shown that it did.
    Refused,
    /// The middleware keeps the number of a packet that failed; the record got the next one.
    Packet,
    /// No registration has it: an import or a raised start passed it over, or the number existed already.
    PassedOver,
}

impl LostBecause {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "registration refused",
            Self::Packet => "used up by a failed packet",
            Self::PassedOver => "passed over",
        }
    }
}

/// Numbers of a sequence that no record has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostNumber {
    /// The sequence.
    pub sequence: String,
    /// Its first position.
    pub from: u64,
    /// Its last position.
    pub to: u64,
    /// The number; `None` for a position that was passed over.
    pub number: Option<String>,
    /// The record.
    pub event_id: Option<EventId>,
    /// The reason.
    pub because: LostBecause,
}

/// The part of the ledger that makes registration numbers.
#[async_trait]
pub trait NumberLedger: Send + Sync {
    /// Gives a registration its number and stores the entry that is made with it, in one transaction.
    async fn register(
        &self,
        request: &Request<'_>,
        write: &WriteEntry<'_>,
        now: Timestamp,
    ) -> Result<Registered, LedgerError>;

    /// Another number of the same format for a packet, in place of the current one. The same again until a
    /// packet is sent with it. `None` if the number of the action has no format.
    async fn next_number(
        &self,
        event: &EventId,
        action: &ActionId,
        current: &str,
        now: Timestamp,
    ) -> Result<Option<String>, LedgerError>;

    /// Stores core's offices; those that core no longer has stay. Returns how many have changed.
    async fn keep_offices(&self, offices: &[Office], now: Timestamp) -> Result<u64, LedgerError>;

    /// The offices, by core's id.
    async fn offices(&self) -> Result<Vec<Office>, LedgerError>;

    /// All sequences, by name.
    async fn sequences(&self) -> Result<Vec<SequenceState>, LedgerError>;

    /// Makes a position the last of a sequence. `false` if the sequence is as far already.
    async fn raise_sequence(
        &self,
        name: &str,
        last: u64,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// The numbers of sequences that no record has, as far as the ledger knows.
    async fn lost_numbers(&self) -> Result<Vec<LostNumber>, LedgerError>;
}

/// Implements [`NumberLedger`] for a struct to which `sql_ledger` was applied.
macro_rules! sql_numbers {
    ($Ledger:ident, $Database:ty, $Row:ty) => {
        impl $Ledger {
            /// Takes the next position. Others that need the same sequence wait until this transaction ends.
            async fn next_position(tx: &mut sqlx::Transaction<'_, $Database>, sequence: &Sequence, now: Timestamp) -> Result<i64, LedgerError> {
                Ok(Self::query_scalar(
                    "INSERT INTO sequences (name, last, changed_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
                     last = CASE WHEN sequences.last < excluded.last THEN excluded.last ELSE sequences.last + 1 END, changed_at = excluded.changed_at \
                     RETURNING last",
                )
                .bind(&sequence.name)
                .bind(i64::try_from(sequence.start).unwrap_or(i64::MAX))
                .bind(now.as_millisecond())
                .fetch_one(&mut **tx)
                .await?)
            }

            /// A number that nobody has, and its position.
            async fn free_number(tx: &mut sqlx::Transaction<'_, $Database>, draw: &Draw, now: Timestamp) -> Result<Option<(String, Option<i64>)>, LedgerError> {
                for _ in 0..MOST_PASSED {
                    let position = match &draw.sequence {
                        Some(sequence) => Some(Self::next_position(tx, sequence, now).await?),
                        None => None,
                    };
                    let number = draw.number(position.map_or(0, unsigned));
                    let taken = Self::query("SELECT 1 FROM numbers WHERE number = $1").bind(&number).fetch_optional(&mut **tx).await?;
                    if taken.is_none() {
                        return Ok(Some((number, position)));
                    }
                }
                Ok(None)
            }

            /// Stores the entry of a registration with its number. What is undone gives the position back.
            async fn store_numbered(
                &self,
                tx: &mut sqlx::Transaction<'static, $Database>,
                request: &Request<'_>,
                write: &WriteEntry<'_>,
                now: Timestamp,
            ) -> Result<Written<Registered>, LedgerError> {
                if let Some(answer) = Self::stored(&mut **tx, request.event_id, request.action_id).await? {
                    return Ok(Written::kept(Registered::Before(answer)));
                }
                let office = match request.office.filter(|_| request.format.needs_office()) {
                    Some(id) => Self::office(tx, id).await?,
                    None => None,
                };
                let draw = request.draw(office.as_ref());
                let (number, position) = match Self::free_number(tx, &draw, now).await {
                    Ok(Some(found)) => found,
                    // The next registration goes on from here.
                    Ok(None) => return Ok(Written::kept(Registered::Busy)),
                    Err(error) if is_lock_timeout(&error) => return Ok(Written::undone(Registered::Busy)),
                    Err(error) => return Err(error),
                };
                let Some(entry) = write(&number) else {
                    return Ok(Written::undone(Registered::Unwritten));
                };
                let origin = Origin { draw: &draw, position };
                let stored = self.store(tx, &entry, Some(&origin), now).await?;
                Ok(match stored.result {
                    Recorded::New => Written::kept(Registered::New(Box::new(entry), draw.fallback)),
                    Recorded::Before(answer) => Written::undone(Registered::Before(answer)),
                    Recorded::NumberTaken => Written::undone(Registered::Busy),
                })
            }

            async fn office(tx: &mut sqlx::Transaction<'_, $Database>, id: &str) -> Result<Option<Office>, LedgerError> {
                let row = Self::query("SELECT id, external_id, areas FROM offices WHERE id = $1").bind(id).fetch_optional(&mut **tx).await?;
                row.as_ref().map(Self::office_of).transpose()
            }

            fn office_of(row: &$Row) -> Result<Office, LedgerError> {
                let areas: String = row.try_get("areas")?;
                Ok(Office {
                    id: row.try_get("id")?,
                    external_id: row.try_get("external_id")?,
                    areas: serde_json::from_str(&areas).map_err(|e| LedgerError::Content(e.to_string()))?,
                })
            }
        }

        #[async_trait]
        impl NumberLedger for $Ledger {
            async fn register(&self, request: &Request<'_>, write: &WriteEntry<'_>, now: Timestamp) -> Result<Registered, LedgerError> {
                let mut turn = self.turn().await?;
                loop {
                    let written = self.store_numbered(&mut turn.tx, request, write, now).await;
                    if let Some(registered) = turn.end(written).await? {
                        return Ok(registered);
                    }
                    turn = Turn::alone(self.transaction().await?);
                }
            }

            async fn next_number(&self, event: &EventId, action: &ActionId, current: &str, now: Timestamp) -> Result<Option<String>, LedgerError> {
                let mut tx = self.transaction().await?;
                let rows = Self::query("SELECT number, draw FROM numbers WHERE event_id = $1 AND action_id = $2 ORDER BY drawn, recorded_at")
                    .bind(event.as_str())
                    .bind(action.as_str())
                    .fetch_all(&mut *tx)
                    .await?;
                let draw = rows.iter().find_map(|row| row.try_get::<Option<String>, _>("draw").ok().flatten());
                let Some(draw) = draw else { return Ok(None) };
                let last: Option<String> = rows.last().map(|row| row.try_get("number")).transpose()?;
                if let Some(unused) = last.filter(|last| last != current) {
                    return Ok(Some(unused));
                }
                let draw: Draw = serde_json::from_str(&draw).map_err(|e| LedgerError::Content(e.to_string()))?;
                let Some((number, position)) = Self::free_number(&mut tx, &draw, now).await? else {
                    // The positions that were passed over are not tried again.
                    tx.commit().await?;
                    return Ok(None);
                };
                let origin = Origin { draw: &draw, position };
                let drawn = i64::try_from(rows.len()).unwrap_or(i64::MAX);
                if !Self::insert_number(&mut tx, &number, event, action, Some((&origin, drawn, None)), now).await? {
                    return Ok(None);
                }
                tx.commit().await?;
                Ok(Some(number))
            }

            async fn keep_offices(&self, offices: &[Office], now: Timestamp) -> Result<u64, LedgerError> {
                let mut changed = 0;
                // Hooks read in between.
                for some in offices.chunks(500) {
                    let mut tx = self.transaction().await?;
                    for office in some {
                        let areas = serde_json::to_string(&office.areas).map_err(|e| LedgerError::Content(e.to_string()))?;
                        let kept = Self::query(
                            "INSERT INTO offices (id, external_id, areas, changed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET \
                             external_id = excluded.external_id, areas = excluded.areas, changed_at = excluded.changed_at \
                             WHERE offices.external_id <> excluded.external_id OR offices.areas <> excluded.areas",
                        )
                        .bind(&office.id)
                        .bind(&office.external_id)
                        .bind(areas)
                        .bind(now.as_millisecond())
                        .execute(&mut *tx)
                        .await?;
                        changed += kept.rows_affected();
                    }
                    tx.commit().await?;
                }
                Ok(changed)
            }

            async fn offices(&self) -> Result<Vec<Office>, LedgerError> {
                let mut tx = self.reading().await?;
                let rows = Self::query("SELECT id, external_id, areas FROM offices ORDER BY id").fetch_all(&mut *tx).await?;
                rows.iter().map(Self::office_of).collect()
            }

            async fn sequences(&self) -> Result<Vec<SequenceState>, LedgerError> {
                let mut tx = self.reading().await?;
                let rows = Self::query("SELECT name, last, changed_at FROM sequences ORDER BY name").fetch_all(&mut *tx).await?;
                let sequence = |row: &$Row| -> Result<SequenceState, LedgerError> {
                    Ok(SequenceState { name: row.try_get(0)?, last: unsigned(row.try_get(1)?), changed_at: moment(row.try_get(2)?)? })
                };
                rows.iter().map(sequence).collect()
            }

            async fn raise_sequence(&self, name: &str, last: u64, now: Timestamp) -> Result<bool, LedgerError> {
                let mut tx = self.transaction().await?;
                let raised = Self::query(
                    "INSERT INTO sequences (name, last, changed_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
                     last = excluded.last, changed_at = excluded.changed_at WHERE sequences.last < excluded.last",
                )
                .bind(name)
                .bind(i64::try_from(last).unwrap_or(i64::MAX))
                .bind(now.as_millisecond())
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
                Ok(raised.rows_affected() == 1)
            }

            async fn lost_numbers(&self) -> Result<Vec<LostNumber>, LedgerError> {
                let mut tx = self.reading().await?;
                let rows = Self::query(
                    "SELECT sequence, position, number, event_id, later, refused FROM (\
                       SELECT n.sequence, n.position, n.number, n.event_id, \
                         EXISTS (SELECT 1 FROM numbers AS l WHERE l.event_id = n.event_id AND l.action_id = n.action_id AND l.drawn > n.drawn) AS later, \
                         EXISTS (SELECT 1 FROM fates AS f WHERE f.event_id = n.event_id AND f.action_id = n.action_id AND f.fate = 'rejected') \
                         OR EXISTS (SELECT 1 FROM deliveries AS d WHERE d.event_id = n.event_id AND d.action_id = n.action_id \
                           AND d.destination = 'core' AND d.operation LIKE '%.reject' AND d.state = 'delivered') AS refused \
                       FROM numbers AS n WHERE n.sequence IS NOT NULL) AS lost \
                     WHERE later OR refused ORDER BY sequence, position",
                )
                .fetch_all(&mut *tx)
                .await?;
                let mut lost = Vec::new();
                for row in &rows {
                    let position = unsigned(row.try_get("position")?);
                    lost.push(LostNumber {
                        sequence: row.try_get("sequence")?,
                        from: position,
                        to: position,
                        number: row.try_get("number")?,
                        event_id: Some(EventId::new(row.try_get::<String, _>("event_id")?)),
                        because: if row.try_get("later")? { LostBecause::Packet } else { LostBecause::Refused },
                    });
                }
                let rows = Self::query(
                    "SELECT sequence, position, next FROM (\
                       SELECT sequence, position, lead(position) OVER (PARTITION BY sequence ORDER BY position) AS next \
                       FROM numbers WHERE sequence IS NOT NULL) AS gaps \
                     WHERE next > position + 1 ORDER BY sequence, position",
                )
                .fetch_all(&mut *tx)
                .await?;
                for row in &rows {
                    let [before, next] = [row.try_get("position")?, row.try_get("next")?].map(unsigned);
                    lost.push(LostNumber {
                        sequence: row.try_get("sequence")?,
                        from: before.saturating_add(1),
                        to: next.saturating_sub(1),
                        number: None,
                        event_id: None,
                        because: LostBecause::PassedOver,
                    });
                }
                lost.sort_by(|a, b| (&a.sequence, a.from).cmp(&(&b.sequence, b.from)));
                Ok(lost)
            }
        }
    };
}

/// Positions are never negative.
pub(super) fn unsigned(position: i64) -> u64 {
    u64::try_from(position).unwrap_or(0)
}

/// True if a statement timed out waiting for a lock. SQLite has no such locks.
pub(super) fn is_lock_timeout(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Database(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == "55P03"))
}

/// The origin of a number.
pub(super) struct Origin<'a> {
    pub(super) draw: &'a rules::registration_numbers::Draw,
    pub(super) position: Option<i64>,
}

pub(super) use sql_numbers;

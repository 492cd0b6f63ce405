// SPDX-License-Identifier: MPL-2.0
//! The ledger: answers, registration numbers and deliveries, stored before the answer is sent.
//!
//! Core asks once about an action. The answer, the registration number and the deliveries that must
//! follow are stored in one transaction before the answer is sent; asked again, the same action gets
//! the same answer. **Invariant:** stored entries never change, except for the progress of their
//! deliveries.

use crate::core_client::{Confirmation, Fate, HookedAction};
use crate::delivery::encryption::Encryption;
use crate::delivery::outcome::Outcome;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{ActionId, EventId};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

mod examine;
mod group_commit;
mod numbers;
mod postgres;
mod sql;
mod sqlite;
mod steady;

pub use postgres::host;
pub use sqlite::file;
use steady::Steady;

pub use examine::{Examination, examine};
pub use numbers::{LostBecause, LostNumber, NumberLedger, Registered, SequenceState, WriteEntry};

/// A system client of core whose credentials the ledger keeps.
#[derive(Debug, Clone)]
pub struct Integration {
    /// Its name in core.
    pub name: String,
    /// Its id.
    pub client_id: String,
    /// Its secret; empty after it was shown, and if a setting holds it.
    pub secret: SecretString,
    /// The time since which core is known to have it.
    pub registered_at: Option<Timestamp>,
    /// When the secret was shown.
    pub shown_at: Option<Timestamp>,
}

impl Integration {
    /// True if core has it and the secret is known.
    pub fn is_usable(&self) -> bool {
        self.registered_at.is_some() && !self.secret.expose_secret().is_empty()
    }
}

/// An answer to core, as it is sent and repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200 accepts the action now, 202 announces that it is accepted or rejected later,
    /// 400 rejects it: a legal act.
    pub status: u16,
    /// The JSON body of a 200; empty with a 202, whose body core does not read.
    pub body: Option<Value>,
}

impl Answer {
    /// Accept the action, with what core shall add to it (`{}` for nothing).
    pub fn accept(patch: Value) -> Self {
        Self {
            status: 200,
            body: Some(patch),
        }
    }

    /// The action waits; accept or reject reaches core by another way.
    pub fn wait() -> Self {
        Self {
            status: 202,
            body: None,
        }
    }
}

/// One action that core asked about, with all that was decided.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The event (record) it belongs to.
    pub event_id: EventId,
    /// The pending action.
    pub action_id: ActionId,
    /// `birth`, `death` …
    pub event_type: String,
    /// `REGISTER` …
    pub action_type: String,
    /// The rule that decided, if one did. It is not stored.
    pub rule: Option<String>,
    /// The decision without values, for operators.
    pub decision: String,
    /// For a registration: the number, one per action for ever.
    pub registration_number: Option<String>,
    /// The answer to core.
    pub answer: Answer,
    /// The deliveries that follow, in this order.
    pub deliveries: Vec<NewDelivery>,
}

impl Entry {
    /// True if its messages replace earlier unsent ones about the same record.
    pub fn replaces_messages(&self) -> bool {
        self.event_type != USER && self.answer.status == 200
    }
}

/// A request or message that must reach another system.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// The destination.
    pub destination: Destination,
    /// The operation at the destination: `create-uin`, `register.reject` …
    pub operation: String,
    /// Path below the destination's URL.
    pub path: String,
    /// JSON body.
    pub payload: Value,
    /// Bearer token to present: that of the hook.
    pub token: String,
    /// Not before this time.
    pub due_at: Timestamp,
    /// The call to core if the destination refuses this permanently, or it is given up.
    pub fallback: Option<Confirmation>,
}

/// A system that receives deliveries, by its name in the ledger and in logs; each has its own queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination(Cow<'static, str>);

impl Destination {
    /// mosip-api.
    pub const MIDDLEWARE: Self = Self(Cow::Borrowed("middleware"));
    /// Core, through its gateway.
    pub const CORE: Self = Self(Cow::Borrowed("core"));
    /// The analytics database.
    pub const ANALYTICS: Self = Self(Cow::Borrowed("analytics"));
    /// People, by e-mail.
    pub const EMAIL: Self = Self(Cow::Borrowed("email"));
    /// People, by SMS.
    pub const SMS: Self = Self(Cow::Borrowed("sms"));

    /// A destination that a setting names.
    pub fn named(word: String) -> Self {
        Self(word.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if deliveries to it are erased as soon as they end, since a message may hold a password.
    pub fn is_forgotten(&self) -> bool {
        [Self::EMAIL, Self::SMS].contains(self)
    }
}

/// Event type of an entry that belongs to no record: a message to a user of core. The whole entry is
/// erased after it has ended.
pub const USER: &str = "user";

/// The result of storing an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is stored.
    New,
    /// The action already has this answer.
    Before(Answer),
    /// Another action already has this registration number; nothing was stored.
    NumberTaken,
}

/// The knowledge from all attempts to send a packet to the middleware. It decides whether and how the
/// packet may be sent again: an identity is created once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Knowledge {
    /// No request was sent.
    Untried,
    /// No request has arrived.
    NotReached,
    /// An intermediary answered 503. If a request arrived nevertheless, the row that the
    /// middleware keeps of its number stops a second one.
    Unavailable,
    /// The middleware answered that MOSIP was not started. Its row stays: number and token are used up.
    NotStarted,
    /// The outcome of an attempt is unknown: MOSIP may have started.
    Unknown,
    /// The middleware took the packet.
    Taken,
}

impl Knowledge {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Untried,
        Self::NotReached,
        Self::Unavailable,
        Self::NotStarted,
        Self::Unknown,
        Self::Taken,
    ];

    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Untried => "untried",
            Self::NotReached => "not-reached",
            Self::Unavailable => "unavailable",
            Self::NotStarted => "not-started",
            Self::Unknown => "unknown",
            Self::Taken => "taken",
        }
    }

    /// The knowledge after one more attempt. Once unknown, it stays unknown until the packet is taken.
    #[must_use]
    pub fn after(self, outcome: Outcome) -> Self {
        match (outcome, self) {
            (Outcome::Delivered(_), _) => Self::Taken,
            // The row of an attempt that 503 hid looks like any other row.
            (_, Self::Unknown)
            | (Outcome::NotStarted, Self::Unavailable)
            | (
                Outcome::Unknown(_) | Outcome::Failed(..) | Outcome::Timeout | Outcome::Unreachable,
                _,
            ) => Self::Unknown,
            (Outcome::NotReached(..), Self::Untried) => Self::NotReached,
            (Outcome::NotStarted, _) => Self::NotStarted,
            (Outcome::Unavailable(_), _) => Self::Unavailable,
            _ => self,
        }
    }
}

impl std::str::FromStr for Knowledge {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str() == word)
            .ok_or_else(|| format!("knowledge `{word}`"))
    }
}

/// A packet that gets another number and token before it is sent again.
#[derive(Debug, Clone)]
pub struct Renumbered {
    /// The number, which the middleware has not seen.
    pub number: String,
    /// The number is already reserved for this action, see [`NumberLedger::next_number`].
    pub is_reserved: bool,
    /// The body with the new number.
    pub payload: Value,
    /// The call to core with the new number, see [`NewDelivery::fallback`].
    pub fallback: Option<Confirmation>,
    /// The token that goes with it.
    pub token: String,
}

/// The permission to send a request, or the reason why it may not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The start of the attempt is stored.
    Begun,
    /// Another action or attempt has this number; nothing was stored.
    NumberTaken,
    /// The lease has expired, or the delivery was stopped.
    LeaseLost,
}

/// The state of an action in core, and who asks core next.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// Core has shown that the action is accepted or rejected.
    Settled(Fate),
    /// The caller asks core, and reports with [`Ledger::learn`].
    Ask,
    /// Core was asked already; it is not asked again before this time.
    Asked(Timestamp),
}

/// Actions of one kind that core waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingActions {
    /// The destination of the last delivery that they wait for.
    pub destination: Destination,
    /// The knowledge from the attempts of the packet that they wait for.
    pub knowledge: Knowledge,
    /// The state of that packet.
    pub state: State,
    /// The number of actions.
    pub count: u64,
    /// When the oldest was answered.
    pub oldest: Timestamp,
}

/// The reasons why core waits for an action, one word each: a label of the metrics.
pub const WAITING_REASONS: [&str; 9] = [
    "not-sent",
    "not-reached",
    "not-started",
    "unknown",
    "taken",
    "refused",
    "parked",
    "given-up",
    "being-settled",
];

impl WaitingActions {
    /// One of [`WAITING_REASONS`].
    pub fn reason(&self) -> &'static str {
        match (self.state, self.knowledge) {
            (State::Parked, _) => "parked",
            (State::Purged, _) => "given-up",
            _ if self.destination == Destination::CORE => "being-settled",
            (State::Refused, _) => "refused",
            (State::Delivered, _) | (_, Knowledge::Taken) => "taken",
            (State::Waiting, Knowledge::Untried) => "not-sent",
            (State::Waiting, Knowledge::NotReached | Knowledge::Unavailable) => "not-reached",
            (State::Waiting, Knowledge::NotStarted) => "not-started",
            (State::Waiting, Knowledge::Unknown) => "unknown",
        }
    }
}

/// A delivery that this process has leased for one attempt.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Row of the ledger; increases with time.
    pub id: i64,
    /// The event it belongs to.
    pub event_id: EventId,
    /// The action that caused it.
    pub action_id: ActionId,
    /// Type of that action.
    pub action_type: String,
    /// Status of the answer to core about that action.
    pub answer_status: u16,
    /// The destination.
    pub destination: Destination,
    /// The operation at the destination.
    pub operation: String,
    /// Path below the destination's URL.
    pub path: String,
    /// JSON text of the body.
    pub payload: String,
    /// Bearer token to present.
    pub token: String,
    /// The number of this attempt, from 1.
    pub attempt: u32,
    /// When it was stored.
    pub created_at: Timestamp,
    /// The knowledge from the attempts before this one.
    pub knowledge: Knowledge,
    /// The time since which the outcome is unknown.
    pub unknown_since: Option<Timestamp>,
    /// The first registration number of the action.
    pub registration_number: Option<String>,
    /// The call to core if this is refused or given up.
    pub fallback: Option<Confirmation>,
}

impl NewDelivery {
    /// The call that accepts or rejects an action in core.
    pub fn confirming(confirmation: Confirmation, token: &str, due_at: Timestamp) -> Self {
        Self {
            destination: Destination::CORE,
            operation: confirmation.operation,
            path: confirmation.path,
            payload: confirmation.payload,
            token: token.to_owned(),
            due_at,
            fallback: None,
        }
    }
}

impl Claimed {
    /// The action that it follows from.
    pub(crate) fn hooked_action(&self) -> HookedAction<'_> {
        HookedAction {
            event_id: &self.event_id,
            action_id: &self.action_id,
            action_type: &self.action_type,
            token: &self.token,
        }
    }

    /// True if core must have accepted the action first. A packet to the middleware is irreversible:
    /// after a 200 it is sent only when core has accepted the action; a 202 waits for the middleware's
    /// own answer. Other destinations except core get accepted actions: after a 202 the acceptance is
    /// not known yet.
    pub fn waits_for_acceptance(&self) -> bool {
        let asked_for_an_answer = self.answer_status == 202;
        if self.destination == Destination::MIDDLEWARE {
            !asked_for_an_answer
        } else {
            self.destination != Destination::CORE && asked_for_an_answer
        }
    }
}

/// The result of an attempt, without any content.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// When it began.
    pub started_at: Timestamp,
    /// The duration.
    pub duration: SignedDuration,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason in words: with a host, without content.
    pub reason: Option<String>,
}

/// The next step of a delivery after an attempt.
#[derive(Debug, Clone)]
pub enum Next {
    /// It arrived; its token is erased.
    Delivered,
    /// It is refused permanently. The delivery that follows instead, if any.
    Refused(Option<NewDelivery>),
    /// Retry at that time.
    Retry(Timestamp),
    /// Retry at that time with another token: this one was not accepted.
    Renew(Timestamp),
    /// Retry at that time; nothing was tried yet, so this does not count in the schedule.
    Later(Timestamp),
    /// Parked for an operator. The delivery that follows nevertheless, if any.
    Parked(Option<NewDelivery>),
}

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// To be sent, now or later.
    Waiting,
    /// Arrived.
    Delivered,
    /// Refused permanently by the receiver.
    Refused,
    /// Given up for now until an operator decides.
    Parked,
    /// Given up permanently by an operator.
    Purged,
}

impl State {
    /// All states.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Delivered,
        Self::Refused,
        Self::Parked,
        Self::Purged,
    ];

    /// The word in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Parked => "parked",
            Self::Purged => "purged",
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| {
                format!(
                    "`{word}` is none of {}",
                    Self::ALL.map(Self::as_str).join(", ")
                )
            })
    }
}

/// The number of deliveries in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// See [`State::Waiting`].
    pub waiting: u64,
    /// See [`State::Delivered`].
    pub delivered: u64,
    /// See [`State::Refused`].
    pub refused: u64,
    /// See [`State::Parked`].
    pub parked: u64,
    /// See [`State::Purged`].
    pub purged: u64,
    /// When the oldest waiting one was stored.
    pub oldest_waiting: Option<Timestamp>,
}

/// Deliveries in one state to one destination.
#[derive(Debug, Clone)]
pub struct Queue {
    /// The destination.
    pub destination: Destination,
    /// `waiting` or `parked`.
    pub state: State,
    /// The number of deliveries.
    pub depth: u64,
    /// When the oldest was stored.
    pub oldest: Timestamp,
}

/// A filter for deliveries; a field that is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The one with this id.
    pub id: Option<i64>,
    /// Those in this state.
    pub state: Option<State>,
    /// Those of this event.
    pub event_id: Option<EventId>,
    /// Those to this destination, or to one that begins with it and a colon: `forward`.
    pub destination: Option<Destination>,
    /// Those whose last attempt had this outcome: the word of an [`Outcome`].
    pub outcome: Option<String>,
    /// Those stored before this time.
    pub created_before: Option<Timestamp>,
    /// Those stored at this time or later.
    pub created_from: Option<Timestamp>,
    /// The oldest first, else the newest.
    pub oldest_first: bool,
    /// The maximum number.
    pub limit: u32,
}

/// A delivery as an operator sees it: ids and times, no content.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Row of the ledger.
    pub id: i64,
    /// The event it belongs to.
    pub event_id: EventId,
    /// The action that caused it.
    pub action_id: ActionId,
    /// `birth` …
    pub event_type: String,
    /// `REGISTER` …
    pub action_type: String,
    /// Status of the answer to core about the action.
    pub answer_status: u16,
    /// When core was answered.
    pub answered_at: Timestamp,
    /// The destination.
    pub destination: Destination,
    /// The operation at the destination.
    pub operation: String,
    /// Its state.
    pub state: State,
    /// Attempts in the present round of the schedule.
    pub attempts: u32,
    /// When it is due, or was.
    pub due_at: Timestamp,
    /// The end of the lease of an attempt under way, or of a process that died: no attempt before then.
    pub leased_until: Option<Timestamp>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// True if the payload is not erased yet.
    pub has_payload: bool,
    /// True if the token to send it with is not erased yet.
    pub has_token: bool,
    /// The knowledge from its attempts.
    pub knowledge: Knowledge,
    /// True if core has shown that the action is accepted or rejected.
    pub is_settled: bool,
}

impl Delivery {
    /// The state of a packet for the middleware, in the words that operators see.
    pub fn standing(&self) -> &'static str {
        match (self.state, self.knowledge) {
            _ if self.destination != Destination::MIDDLEWARE => self.state.as_str(),
            _ if self.is_settled => "settled",
            (State::Refused, _) => "refused",
            (State::Purged, _) => "given up",
            (State::Delivered, _) | (_, Knowledge::Taken) if self.answer_status == 202 => {
                "taken and waiting for MOSIP"
            }
            (State::Delivered, _) | (_, Knowledge::Taken) => "taken",
            (_, Knowledge::Untried) => "not sent yet",
            (_, Knowledge::NotReached | Knowledge::Unavailable) => "not reached",
            (_, Knowledge::NotStarted) => "not started",
            (_, Knowledge::Unknown) => "outcome unknown",
        }
    }
}

/// The outcome of an attempt whose end is not stored.
pub const STARTED: &str = "started";

/// An attempt as it was stored.
#[derive(Debug, Clone)]
pub struct PastAttempt {
    /// When it began.
    pub started_at: Timestamp,
    /// The duration; zero if its end is not known.
    pub duration: SignedDuration,
    /// The word of an [`Outcome`], or [`STARTED`].
    pub outcome: String,
    /// HTTP status, if there was one.
    pub status: Option<u16>,
    /// The reason for a failure, in words.
    pub reason: Option<String>,
}

/// The reason why an operation of the ledger failed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The URL does not name a ledger that this build supports.
    #[error("`{0}` is not a ledger; expected for example `sqlite://data/countryconfig.db`")]
    Url(String),
    /// A PostgreSQL URL with a fault; it is not repeated, as it may hold a password.
    #[error("the URL is not a PostgreSQL URL like `postgres://user:password@host:5432/database`")]
    PostgresUrl,
    /// A token or packet that cannot be encrypted or decrypted.
    #[error("the ledger's encryption failed")]
    Encryption(#[from] crate::delivery::encryption::EncryptionError),
    /// There is no ledger where one was expected.
    #[error(
        "there is no ledger `{0}`: run this in the server's folder, set LEDGER_URL as the server has it, or start `serve` once"
    )]
    Missing(String),
    /// The folder of the file cannot be made.
    #[error("cannot create the ledger's file `{path}`")]
    File {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The database refused.
    #[error("the ledger's database failed")]
    Database(#[from] sqlx::Error),
    /// The database refused to commit what several operations have written.
    #[error("the ledger's database failed")]
    Commit(#[source] Arc<sqlx::Error>),
    /// The tables cannot be brought up to date.
    #[error("the ledger's tables cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The ledger was encrypted with a key that is not listed.
    #[error("LEDGER_KEY does not decrypt the ledger; set the key that it was encrypted with")]
    Key,
    /// The file was deleted after the ledger was opened.
    #[error(
        "the ledger's file `{0}` was deleted; restore it, or restart the server to create a new one"
    )]
    Gone(String),
    /// The database does not answer.
    #[error("the ledger's database does not answer within {0} s")]
    Timeout(u64),
    /// A row that no version of this program has written.
    #[error("the ledger contains an unreadable value: {0}")]
    Content(String),
}

impl LedgerError {
    /// True if a retry with another connection may succeed.
    pub fn may_pass(&self) -> bool {
        !matches!(
            self,
            Self::Url(_) | Self::PostgresUrl | Self::Encryption(_) | Self::Content(_)
        )
    }
}

/// The server's store of answers, registration numbers and deliveries.
#[async_trait]
pub trait Ledger: NumberLedger {
    /// Opens the database and creates or updates its tables, if not done yet. Every operation does so if
    /// necessary; only here it may take minutes.
    async fn prepare(&self) -> Result<(), LedgerError>;

    /// Stores an entry and its deliveries in one transaction, durable when this returns. A message about
    /// an accepted action replaces an earlier unsent one to the same person: an event that is declared and
    /// registered at once gives one message.
    async fn record(&self, entry: &Entry, now: Timestamp) -> Result<Recorded, LedgerError>;

    /// The answer that an action was given, if it was asked about before.
    async fn answer(
        &self,
        event: &EventId,
        action: &ActionId,
    ) -> Result<Option<Answer>, LedgerError>;

    /// Leases due deliveries to a destination: at most one per event, the oldest first, so that the
    /// deliveries of one record arrive in order. A lease that is not concluded by `until` is lost.
    /// To probe a destination, deliveries without an attempt go first: they are not known to be at fault.
    async fn claim(
        &self,
        destination: &Destination,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
        probe: bool,
    ) -> Result<Vec<Claimed>, LedgerError>;

    /// Leases the delivery of an event to a destination, whether or not it is due yet. `None` if it is
    /// leased already.
    async fn claim_of(
        &self,
        event: &EventId,
        destination: &Destination,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Claimed>, LedgerError>;

    /// Stores the start of an attempt before its request is sent, with the number that a packet
    /// gets for it. Until [`Ledger::conclude`] its outcome is unknown.
    async fn begin(
        &self,
        claimed: &Claimed,
        renumbered: Option<&Renumbered>,
        now: Timestamp,
    ) -> Result<Begun, LedgerError>;

    /// Stores the result of an attempt and the next step.
    async fn conclude(
        &self,
        claimed: &Claimed,
        attempt: &Attempt,
        next: &Next,
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// When the next delivery to a destination is due, of those that are not leased and not held back by
    /// an earlier one of their event.
    async fn next_due(
        &self,
        destination: &Destination,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerError>;

    /// The last delivery to the middleware or core of each action that core was told to wait for (202)
    /// and that is not settled as far as the ledger knows: those that need an operator first, then the
    /// oldest action first. An action counts as settled when core got its acceptance or rejection, had it
    /// already or has shown it ([`Ledger::learn`]), and when core has asked about a later action of the
    /// event: it allows none while one waits.
    async fn pending(&self, limit: u32) -> Result<Vec<Delivery>, LedgerError>;

    /// The state of an action in core, as far as it is known. If core was not asked recently, the caller
    /// asks now, and no other before `again_at`.
    async fn standing(
        &self,
        event: &EventId,
        action: &ActionId,
        now: Timestamp,
        again_at: Timestamp,
    ) -> Result<Standing, LedgerError>;

    /// Stores the state of an action in core. A final state makes the deliveries that wait for it due.
    async fn learn(
        &self,
        event: &EventId,
        action: &ActionId,
        fate: &Fate,
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// The actions of [`Ledger::pending`], counted.
    async fn waiting_actions(&self) -> Result<Vec<WaitingActions>, LedgerError>;

    /// Deliveries that have not ended, for metrics.
    async fn queues(&self) -> Result<Vec<Queue>, LedgerError>;

    /// Deliveries for an operator.
    async fn deliveries(&self, filter: &Filter) -> Result<Vec<Delivery>, LedgerError>;

    /// Counts deliveries by state, regardless of the limit.
    async fn count(&self, filter: &Filter) -> Result<Vec<(State, u64)>, LedgerError>;

    /// The attempts of a delivery, the oldest first.
    async fn attempts(&self, delivery: i64) -> Result<Vec<PastAttempt>, LedgerError>;

    /// Sends a delivery again, with a new round of the schedule. `false` if nothing is left to send,
    /// and, unless forced, if it might be sent twice: it has arrived, was refused permanently, or an
    /// attempt is under way. `assumed` replaces the knowledge from the attempts.
    async fn retry(
        &self,
        delivery: i64,
        force: bool,
        assumed: Option<Knowledge>,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Parks a waiting delivery. `false` if it does not wait.
    async fn park(&self, delivery: i64) -> Result<bool, LedgerError>;

    /// Gives a delivery up permanently and erases its content. `false` if it had ended already.
    async fn purge(&self, delivery: i64, now: Timestamp) -> Result<bool, LedgerError>;

    /// Erases the packets that were delivered or refused before a time; their rows stay, except those
    /// of [`USER`] entries. Returns the number of deliveries that lost something.
    async fn erase(&self, ended_before: Timestamp) -> Result<u64, LedgerError>;

    /// Ends waits that were stored by a clock that was ahead: those of rows made, tried or asked in the
    /// future. Returns their number.
    async fn mend(&self, now: Timestamp) -> Result<u64, LedgerError>;

    /// Counts the deliveries in each state.
    async fn counts(&self) -> Result<Counts, LedgerError>;

    /// Stores a small text that must survive a restart, such as core's public key.
    async fn keep(&self, name: &str, value: &str, now: Timestamp) -> Result<(), LedgerError>;

    /// Returns such a text.
    async fn kept(&self, name: &str) -> Result<Option<String>, LedgerError>;

    /// Returns such texts, by the prefix of their names.
    async fn kept_under(&self, prefix: &str) -> Result<Vec<(String, String)>, LedgerError>;

    /// Deletes such a text.
    async fn forget(&self, name: &str) -> Result<(), LedgerError>;

    /// Stores the credentials of a system client before core gets them. Returns the stored ones: of several
    /// servers that share the ledger, the first one's. A secret that was erased is replaced.
    async fn keep_integration(
        &self,
        name: &str,
        client_id: &str,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Integration, LedgerError>;

    /// The system clients.
    async fn integrations(&self) -> Result<Vec<Integration>, LedgerError>;

    /// Leases the creation of a client in core. `false` if another server holds the lease.
    async fn lease_integration(
        &self,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Ends such a lease.
    async fn release_integration(&self, name: &str) -> Result<(), LedgerError>;

    /// Records that core has a client with these credentials. Ends the lease.
    async fn register_integration(
        &self,
        integration: &Integration,
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// Returns a client's secret and erases it. `None` if there is no secret.
    async fn show_integration(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Integration>, LedgerError>;

    /// Adds a delivery to an action that was answered.
    async fn add(
        &self,
        event: &EventId,
        action: &ActionId,
        delivery: &NewDelivery,
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// Checks that the ledger can store an entry now.
    async fn writable(&self) -> Result<(), LedgerError>;

    /// Ends the connections; the last one writes the log of `SQLite` back into its file.
    async fn close(&self) -> Result<(), LedgerError>;
}

/// Checks that a URL names a ledger that could be opened; nothing is opened.
///
/// # Errors
/// An unknown kind of URL, or one with a fault.
pub fn check_url(url: &str) -> Result<(), LedgerError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => sqlite::check_url(url),
        Some("postgres" | "postgresql") => postgres::check_url(url),
        _ => Err(unknown_url(url)),
    }
}

/// The error for an unknown URL: only its scheme is repeated if the rest may hold a password.
fn unknown_url(url: &str) -> LedgerError {
    let shown = match url.split_once("://") {
        Some((scheme, rest)) if rest.contains('@') => format!("{scheme}://…"),
        _ => url.to_owned(),
    };
    LedgerError::Url(shown)
}

/// The ledger that a URL names. It is opened, and its tables are made or updated, when it is first used:
/// until that succeeds, and whenever its database fails, its operations return the error. Its pending
/// deliveries are encrypted with the first key.
///
/// # Errors
/// An unknown kind of URL, or one with a fault.
pub fn at(url: &str, seal: Encryption) -> Result<Arc<dyn Ledger>, LedgerError> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("sqlite") => Ok(Arc::new(Steady::new(sqlite::SqliteLedger::new(url, seal)?))),
        Some("postgres" | "postgresql") => Ok(Arc::new(Steady::new(
            postgres::PostgresLedger::new(url, seal)?,
        ))),
        _ => Err(unknown_url(url)),
    }
}

/// The same, opened already.
///
/// # Errors
/// A file or server that cannot be used, other keys than those it was encrypted with, tables of a newer
/// version.
pub async fn open(url: &str, seal: Encryption) -> Result<Arc<dyn Ledger>, LedgerError> {
    let ledger = at(url, seal)?;
    ledger.prepare().await?;
    Ok(ledger)
}

/// The same for a ledger that must be there already: an operator who mistypes its name must not find
/// a new and empty one.
///
/// # Errors
/// Also when there is no such file.
pub async fn open_existing(url: &str, seal: Encryption) -> Result<Arc<dyn Ledger>, LedgerError> {
    if let Some(file) = sqlite::file(url)
        && !file.exists()
    {
        let file = std::path::absolute(&file).unwrap_or(file);
        return Err(LedgerError::Missing(file.display().to_string()));
    }
    open(url, seal).await
}

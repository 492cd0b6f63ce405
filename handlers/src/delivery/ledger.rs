// SPDX-License-Identifier: MPL-2.0
//! What the server has promised, written down before it says so.
//!
//! Core asks once about an action. The answer, the registration number and the deliveries that must
//! follow are stored in one transaction before core hears of them; asked again, the same action gets
//! the same answer. **Invariant:** nothing that is stored here is ever changed but the progress of a
//! delivery.

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
mod postgres;
mod sql;
mod sqlite;
mod steady;

pub use postgres::host;
pub use sqlite::file;
use steady::Steady;

pub use examine::{Examination, examine};

/// A system client of core whose credentials the ledger keeps.
#[derive(Debug, Clone)]
pub struct Integration {
    /// Its name in core.
    pub name: String,
    /// Its id.
    pub client_id: String,
    /// Its secret; empty once it was shown, and where a setting has it.
    pub secret: SecretString,
    /// Since when core is known to have it.
    pub registered_at: Option<Timestamp>,
    /// When the secret was shown.
    pub shown_at: Option<Timestamp>,
}

impl Integration {
    /// Whether core has it and the secret is known.
    pub fn is_usable(&self) -> bool {
        self.registered_at.is_some() && !self.secret.expose_secret().is_empty()
    }
}

/// An answer to core, as it goes over the wire and as it is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200 accepts the action now, 202 says that somebody will accept or reject it later,
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
    /// The decision without values, for operators.
    pub decision: String,
    /// For a registration: the number, one per action for ever.
    pub registration_number: Option<String>,
    /// What core is told.
    pub answer: Answer,
    /// What must happen afterwards, in this order.
    pub deliveries: Vec<NewDelivery>,
}

impl Entry {
    /// Whether its messages replace earlier ones about the same record that have not left.
    pub fn replaces_messages(&self) -> bool {
        self.event_type != USER && self.answer.status == 200
    }
}

/// Something that must reach another system.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Where to.
    pub destination: Destination,
    /// What it means there: `create-uin`, `register.reject` …
    pub operation: String,
    /// Path below the destination's URL.
    pub path: String,
    /// JSON body.
    pub payload: Value,
    /// Bearer token to present: that of the hook.
    pub token: String,
    /// Not before this time.
    pub due_at: Timestamp,
    /// What core is told where the destination refuses this for good, or it is given up.
    pub fallback: Option<Confirmation>,
}

/// A system that deliveries go to, by the word that stands in the ledger and in logs. Each has a queue
/// of its own.
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

    /// One that a setting names.
    pub fn named(word: String) -> Self {
        Self(word.into())
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what goes there is erased as soon as it has ended: a message may hold a password.
    pub fn is_forgotten(&self) -> bool {
        [Self::EMAIL, Self::SMS].contains(self)
    }
}

/// Event type of an entry that belongs to no record: something that a user of core is told. It is
/// forgotten as a whole once it has ended.
pub const USER: &str = "user";

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is stored.
    New,
    /// The action was answered before, with this.
    Before(Answer),
    /// Another action already has this registration number; nothing was stored.
    NumberTaken,
}

/// What is known of all attempts to bring a packet to the middleware. It decides whether and how the
/// packet may be sent again: an identity is made once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Knowledge {
    /// No request has left.
    Untried,
    /// No request has arrived.
    NotReached,
    /// Something on the way answered 503. If a request arrived all the same, the row that the
    /// middleware keeps of its number stops a second one.
    Unavailable,
    /// The middleware said that MOSIP was not started. Its row stays: number and token are used up.
    NotStarted,
    /// The end of an attempt is not known: MOSIP may have started.
    Unknown,
    /// The middleware took it.
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

    /// The word that stands in the ledger.
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

    /// What is known after one more attempt. Once unknown, it stays unknown until the packet is taken.
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
    /// The body with it.
    pub payload: Value,
    /// What core is told with it, see [`NewDelivery::fallback`].
    pub fallback: Option<Confirmation>,
    /// The token that goes with it.
    pub token: String,
}

/// Whether a request may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The start of the attempt is written down.
    Begun,
    /// Another action or attempt has this number; nothing was written down.
    NumberTaken,
    /// The lease is over, or somebody has stopped the delivery.
    LeaseLost,
}

/// What is known about an action's end in core, and whose turn it is to ask.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// Core has shown the end.
    Settled(Fate),
    /// The caller asks core, and reports with [`Ledger::learn`].
    Ask,
    /// Somebody has asked; not again before this time.
    Asked(Timestamp),
}

/// Actions that core waits for, of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingActions {
    /// Where the last delivery goes that they wait for.
    pub destination: Destination,
    /// What is known of the packet that they wait for.
    pub knowledge: Knowledge,
    /// How far that packet has come.
    pub state: State,
    /// How many.
    pub count: u64,
    /// When the oldest was answered.
    pub oldest: Timestamp,
}

/// Why core still waits for an action, in one word: a label of the metrics.
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
    /// Row of the ledger; grows with time.
    pub id: i64,
    /// The event it belongs to.
    pub event_id: EventId,
    /// The action that caused it.
    pub action_id: ActionId,
    /// Type of that action.
    pub action_type: String,
    /// Status that core was given for that action.
    pub answer_status: u16,
    /// Where to.
    pub destination: Destination,
    /// What it means there.
    pub operation: String,
    /// Path below the destination's URL.
    pub path: String,
    /// JSON text of the body.
    pub payload: String,
    /// Bearer token to present.
    pub token: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When it was written down.
    pub created_at: Timestamp,
    /// What is known of the attempts before this one.
    pub knowledge: Knowledge,
    /// Since when the outcome is unknown.
    pub unknown_since: Option<Timestamp>,
    /// The registration number that the action was given at first.
    pub registration_number: Option<String>,
    /// What core is told where this is refused or given up.
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

    /// Whether core must have accepted the action first. The middleware cannot be made to forget what
    /// it is told about an action that core was to accept at once (200); a 202 waits for the
    /// middleware's own answer. All others are told what has happened: after a 202 that is not known
    /// yet.
    pub fn waits_for_acceptance(&self) -> bool {
        let asked_for_an_answer = self.answer_status == 202;
        if self.destination == Destination::MIDDLEWARE {
            !asked_for_an_answer
        } else {
            self.destination != Destination::CORE && asked_for_an_answer
        }
    }
}

/// How an attempt ended, without any content.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: SignedDuration,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in words: with a host, without content.
    pub reason: Option<String>,
}

/// Where a delivery goes after an attempt.
#[derive(Debug, Clone)]
pub enum Next {
    /// It arrived; its token is erased.
    Delivered,
    /// It will never be taken. What must follow instead, if anything.
    Refused(Option<NewDelivery>),
    /// Again at that time.
    Retry(Timestamp),
    /// The same with another token: this one was not accepted.
    Renew(Timestamp),
    /// Again at that time; nothing was tried yet, so that the schedule stands where it stood.
    Later(Timestamp),
    /// An operator decides. What must follow all the same, if anything.
    Parked(Option<NewDelivery>),
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// To be sent, now or later.
    Waiting,
    /// Arrived.
    Delivered,
    /// Refused for good by the receiver.
    Refused,
    /// Given up for now: an operator decides.
    Parked,
    /// Given up for ever by an operator.
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

    /// The word that stands in the ledger.
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

/// How many deliveries are where.
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
    /// When the oldest one that waits was written down.
    pub oldest_waiting: Option<Timestamp>,
}

/// Deliveries in one state to one destination.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Where to.
    pub destination: Destination,
    /// `waiting` or `parked`.
    pub state: State,
    /// How many.
    pub depth: u64,
    /// When the oldest was written down.
    pub oldest: Timestamp,
}

/// Which deliveries to list; what is `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// This one.
    pub id: Option<i64>,
    /// Those in this state.
    pub state: Option<State>,
    /// Those of this event.
    pub event_id: Option<EventId>,
    /// Those to this destination, or to one that begins with it and a colon: `forward`.
    pub destination: Option<Destination>,
    /// Those whose last attempt ended so: the word of an [`Outcome`].
    pub outcome: Option<String>,
    /// Those written down before this time.
    pub created_before: Option<Timestamp>,
    /// Those written down at this time or later.
    pub created_from: Option<Timestamp>,
    /// The oldest first, else the newest.
    pub oldest_first: bool,
    /// At most so many.
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
    /// What core was told about the action.
    pub answer_status: u16,
    /// When that was.
    pub answered_at: Timestamp,
    /// Where to.
    pub destination: Destination,
    /// What it means there.
    pub operation: String,
    /// How far it has come.
    pub state: State,
    /// Attempts in the present round of the schedule.
    pub attempts: u32,
    /// When it is due, or was.
    pub due_at: Timestamp,
    /// An attempt is under way, or was when its process died: nobody else tries before this time.
    pub leased_until: Option<Timestamp>,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether there still is something to send.
    pub has_payload: bool,
    /// Whether the token of the hook is still there to send it with.
    pub has_token: bool,
    /// What is known of its attempts.
    pub knowledge: Knowledge,
    /// Core has shown the end of the action.
    pub is_settled: bool,
}

impl Delivery {
    /// How a packet for the middleware stands, in the words that operators see.
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

/// The outcome of an attempt whose end is not written down.
pub const STARTED: &str = "started";

/// An attempt as it was written down.
#[derive(Debug, Clone)]
pub struct PastAttempt {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took; zero where its end is not known.
    pub duration: SignedDuration,
    /// The word of an [`Outcome`], or [`STARTED`].
    pub outcome: String,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// Why it failed, in words.
    pub reason: Option<String>,
}

/// Why the ledger could not do it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The URL names no ledger that this build knows.
    #[error("`{0}` is not a ledger; expected for example `sqlite://data/countryconfig.db`")]
    Url(String),
    /// A PostgreSQL URL with a fault; it is not repeated, as it may hold a password.
    #[error("the URL is not a PostgreSQL URL like `postgres://user:password@host:5432/database`")]
    PostgresUrl,
    /// A token or packet that cannot be sealed or opened.
    #[error("the ledger's encryption failed")]
    Encryption(#[from] crate::delivery::encryption::EncryptionError),
    /// There is no ledger where one was expected.
    #[error("there is no ledger `{0}`")]
    Missing(String),
    /// The folder of the file cannot be made.
    #[error("cannot create the ledger's file `{path}`")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database refused.
    #[error("the ledger's database failed")]
    Database(#[from] sqlx::Error),
    /// The tables cannot be brought up to date.
    #[error("the ledger's tables cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// What is in the ledger was sealed with a key that is not listed.
    #[error("LEDGER_KEY does not decrypt the ledger; set the key that it was encrypted with")]
    Key,
    /// The file was there when the ledger was opened.
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
    /// Whether the same may succeed a moment later, with another connection.
    pub fn may_pass(&self) -> bool {
        !matches!(
            self,
            Self::Url(_) | Self::PostgresUrl | Self::Encryption(_) | Self::Content(_)
        )
    }
}

/// The memory of the server.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Opens the database, and makes or updates its tables, where that was not done yet. Every operation
    /// does it where it must; only here it may take minutes.
    async fn prepare(&self) -> Result<(), LedgerError>;

    /// Stores an entry and its deliveries in one transaction, durable when this returns. A message about
    /// an accepted action replaces an earlier one to the same person that has not left: declared and
    /// registered in one go is one letter.
    async fn record(&self, entry: &Entry, now: Timestamp) -> Result<Recorded, LedgerError>;

    /// The answer that an action was given, if it was asked about before.
    async fn answer(
        &self,
        event: &EventId,
        action: &ActionId,
    ) -> Result<Option<Answer>, LedgerError>;

    /// Leases deliveries to a destination that are due: at most one per event, the oldest first, so
    /// that what concerns one record arrives in order. A lease that is not concluded by `until` is lost.
    /// To probe a destination, what was never tried goes first: it is not known to be at fault.
    async fn claim(
        &self,
        destination: &Destination,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
        probe: bool,
    ) -> Result<Vec<Claimed>, LedgerError>;

    /// Leases what an event has for a destination, whether or not it is due yet. Nothing where
    /// another has leased it already.
    async fn claim_of(
        &self,
        event: &EventId,
        destination: &Destination,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Claimed>, LedgerError>;

    /// Writes down that an attempt starts, before its request leaves, with the number that a packet
    /// gets for it. Until [`Ledger::conclude`] its outcome is unknown.
    async fn begin(
        &self,
        claimed: &Claimed,
        renumbered: Option<&Renumbered>,
        now: Timestamp,
    ) -> Result<Begun, LedgerError>;

    /// Writes down how an attempt ended, and what is next.
    async fn conclude(
        &self,
        claimed: &Claimed,
        attempt: &Attempt,
        next: &Next,
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// When the next delivery to a destination is due that nobody has leased and that no earlier one of
    /// its event holds back.
    async fn next_due(
        &self,
        destination: &Destination,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, LedgerError>;

    /// The last delivery to the middleware or core of each action that core was told to wait for (202)
    /// and that nobody has settled as far as the ledger knows: what needs an operator first, then the
    /// oldest action first. An action counts as settled when core was told its end, knew it already or
    /// has shown it ([`Ledger::learn`]), and when core has asked about a later action of the event: it
    /// allows none while one waits.
    async fn pending(&self, limit: u32) -> Result<Vec<Delivery>, LedgerError>;

    /// What is known about an action's end in core. Where nobody has asked lately, it is the caller who
    /// asks now, and nobody else before `again_at`.
    async fn standing(
        &self,
        event: &EventId,
        action: &ActionId,
        now: Timestamp,
        again_at: Timestamp,
    ) -> Result<Standing, LedgerError>;

    /// Remembers what core has shown about an action. Its end is final, and makes due what waits for it.
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

    /// How many deliveries there are by state, whatever the limit.
    async fn count(&self, filter: &Filter) -> Result<Vec<(State, u64)>, LedgerError>;

    /// The attempts of a delivery, the oldest first.
    async fn attempts(&self, delivery: i64) -> Result<Vec<PastAttempt>, LedgerError>;

    /// Sends a delivery again, with a new round of the schedule. `false` where nothing is left to send,
    /// and, unless forced, where it might be sent twice: it has arrived, was refused for good, or an
    /// attempt is under way. `assumed` replaces what is known of the attempts.
    async fn retry(
        &self,
        delivery: i64,
        force: bool,
        assumed: Option<Knowledge>,
        now: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Holds a waiting delivery back. `false` where it does not wait.
    async fn park(&self, delivery: i64) -> Result<bool, LedgerError>;

    /// Gives a delivery up for ever and erases what it holds. `false` where it had ended already.
    async fn purge(&self, delivery: i64, now: Timestamp) -> Result<bool, LedgerError>;

    /// Erases the packets that were delivered or refused before a moment; the fact that they were
    /// stays, except that of [`USER`] entries. Says how many deliveries lost something.
    async fn erase(&self, ended_before: Timestamp) -> Result<u64, LedgerError>;

    /// Ends the waits that a clock wrote which was ahead: of what was made, tried or asked in the
    /// future. Says of how many.
    async fn mend(&self, now: Timestamp) -> Result<u64, LedgerError>;

    /// How many deliveries are where.
    async fn counts(&self) -> Result<Counts, LedgerError>;

    /// Remembers a small text that must survive a restart, such as core's public key.
    async fn keep(&self, name: &str, value: &str, now: Timestamp) -> Result<(), LedgerError>;

    /// Such a text.
    async fn kept(&self, name: &str) -> Result<Option<String>, LedgerError>;

    /// Such texts, by the beginning of their names.
    async fn kept_under(&self, prefix: &str) -> Result<Vec<(String, String)>, LedgerError>;

    /// Forgets such a text.
    async fn forget(&self, name: &str) -> Result<(), LedgerError>;

    /// Keeps the credentials of a system client before core hears of them. Gives those that are kept: of several
    /// servers that share the ledger, the first one's. A secret that is not here any more is replaced.
    async fn keep_integration(
        &self,
        name: &str,
        client_id: &str,
        secret: &SecretString,
        now: Timestamp,
    ) -> Result<Integration, LedgerError>;

    /// The system clients.
    async fn integrations(&self) -> Result<Vec<Integration>, LedgerError>;

    /// Leases the creation of a client in core. `false` where another server is at it.
    async fn lease_integration(
        &self,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, LedgerError>;

    /// Ends such a lease.
    async fn release_integration(&self, name: &str) -> Result<(), LedgerError>;

    /// Core has a client, with these credentials. Ends the lease.
    async fn register_integration(
        &self,
        integration: &Integration,
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// Gives a client's secret, and erases it. Nothing where there is none to give.
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

    /// Whether the ledger would take an entry now.
    async fn writable(&self) -> Result<(), LedgerError>;

    /// Ends the connections; the last one writes the log of `SQLite` back into its file.
    async fn close(&self) -> Result<(), LedgerError>;
}

/// Whether a URL names a ledger that could be opened; nothing is opened.
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

/// What follows the kind of URL is not repeated where it may hold a password.
fn unknown_url(url: &str) -> LedgerError {
    let shown = match url.split_once("://") {
        Some((scheme, rest)) if rest.contains('@') => format!("{scheme}://…"),
        _ => url.to_owned(),
    };
    LedgerError::Url(shown)
}

/// The ledger that a URL names. It is opened, and its tables are made or updated, when it is first used:
/// until that succeeds, and whenever its database fails, its operations say why. What waits in it is
/// sealed with the first key.
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
/// A file or server that cannot be used, other keys than those it was sealed with, tables of a newer
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
        return Err(LedgerError::Missing(file.display().to_string()));
    }
    open(url, seal).await
}

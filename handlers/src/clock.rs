// SPDX-License-Identifier: MPL-2.0
//! Time is passed in, so that tests can freeze it. The calendar is the country's: see
//! [`Policy::today`](rules::policy::Policy::today).

use jiff::{SignedDuration, Timestamp};

/// A source of the time.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

/// The machine's clock. The machine's time zone plays no part.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A time plus a duration; the last possible time on overflow.
pub(crate) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

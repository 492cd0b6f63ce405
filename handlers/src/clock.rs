// SPDX-License-Identifier: MPL-2.0
//! Time is passed in, so that tests can freeze it. The calendar is the country's: see
//! [`Policy::today`](crate::policy::Policy::today).

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// This moment.
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

// SPDX-License-Identifier: MPL-2.0
//! Time is passed in, so that tests can freeze it.

use jiff::civil::Date;
use jiff::{Timestamp, ZonedDateTime};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// This moment.
    fn now(&self) -> Timestamp;
    /// The calendar day where the record is made: the day that ages are counted on.
    fn today(&self) -> Date;
}

/// The machine's clock, with its time zone (`TZ`).
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    fn today(&self) -> Date {
        ZonedDateTime::now().date()
    }
}

// SPDX-License-Identifier: MPL-2.0
//! How attempts end.

use jiff::Timestamp;
use reqwest::StatusCode;
use std::time::Duration;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Any 2xx, whatever its body.
    Delivered(StatusCode),
    /// The receiver will never take this: 400 or 422 of the middleware, or core has settled the
    /// action otherwise.
    Refused(StatusCode),
    /// Nothing was sent: core rejected the action that this follows from.
    Unwanted,
    /// Nothing was sent: it is of no use to anybody any more.
    Outdated,
    /// Nothing was sent: core does not show the action as accepted yet. It may be asked again then.
    Undecided(Timestamp),
    /// Nothing was sent: its token has ended, and there is no system client to get another.
    Expired,
    /// Nothing was sent: core did not give the token or show the record that sending needs first.
    Unprepared,
    /// Nothing was sent: core shows that what the packet asks for has happened.
    Settled,
    /// Nothing was sent: the outcome of an earlier attempt is unknown. Core is asked again then.
    StillUnknown(Timestamp),
    /// Nothing was sent: this may not be sent again without an operator.
    GivenUp,
    /// The middleware was not reached: no connection, or an answer of something before its handlers.
    NotReached(Option<StatusCode>, Option<Duration>),
    /// 503: the middleware was most probably not reached.
    Unavailable(Option<Duration>),
    /// The middleware's own 500: it did not start MOSIP.
    NotStarted,
    /// The middleware may have taken the packet or not: no answer, or one that is not its own.
    Unknown(Option<StatusCode>),
    /// Any other answer; the same may succeed later.
    Failed(StatusCode, Option<Duration>),
    /// No answer in time: it may have arrived or not.
    Timeout,
    /// No connection, or one that broke.
    Unreachable,
}

/// The words of all outcomes.
pub const OUTCOMES: [&str; 17] = [
    "delivered",
    "refused",
    "unwanted",
    "outdated",
    "undecided",
    "expired",
    "unprepared",
    "settled",
    "still-unknown",
    "given-up",
    "not-reached",
    "unavailable",
    "not-started",
    "unknown",
    "failed",
    "timeout",
    "unreachable",
];

impl Outcome {
    /// The word that stands in the ledger and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered(_) => "delivered",
            Self::Refused(_) => "refused",
            Self::Unwanted => "unwanted",
            Self::Outdated => "outdated",
            Self::Undecided(_) => "undecided",
            Self::Expired => "expired",
            Self::Unprepared => "unprepared",
            Self::Settled => "settled",
            Self::StillUnknown(_) => "still-unknown",
            Self::GivenUp => "given-up",
            Self::NotReached(..) => "not-reached",
            Self::Unavailable(_) => "unavailable",
            Self::NotStarted => "not-started",
            Self::Unknown(_) => "unknown",
            Self::Failed(..) => "failed",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
        }
    }

    /// Whether an operator wants to know why.
    pub fn is_failure(self) -> bool {
        let is_success = matches!(self, Self::Delivered(_));
        self.was_sent() && !is_success || matches!(self, Self::Unprepared | Self::Expired)
    }

    /// Whether a request left, or was about to.
    pub fn was_sent(self) -> bool {
        match self {
            Self::Delivered(_)
            | Self::Refused(_)
            | Self::NotReached(..)
            | Self::Unavailable(_)
            | Self::NotStarted
            | Self::Unknown(_)
            | Self::Failed(..)
            | Self::Timeout
            | Self::Unreachable => true,
            Self::Unwanted
            | Self::Outdated
            | Self::Undecided(_)
            | Self::Expired
            | Self::Unprepared
            | Self::Settled
            | Self::StillUnknown(_)
            | Self::GivenUp => false,
        }
    }

    /// How long the other side asks to be left alone.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Failed(_, after) | Self::NotReached(_, after) | Self::Unavailable(after) => after,
            _ => None,
        }
    }

    /// What an attempt says about its destination.
    pub fn of_destination(self) -> Health {
        match self {
            Self::Timeout
            | Self::Unreachable
            | Self::Unavailable(_)
            | Self::Unknown(_)
            | Self::NotReached(None | Some(StatusCode::TOO_MANY_REQUESTS), _) => Health::Failing,
            Self::Failed(status, _)
                if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS =>
            {
                Health::Failing
            }
            // The middleware says this of a packet that it cannot read as well.
            Self::NotStarted => Health::Suspect,
            _ if self.was_sent() => Health::Well,
            _ => Health::NotTried,
        }
    }

    /// HTTP status or SMTP reply, where there was one.
    pub fn status(self) -> Option<u16> {
        let status = match self {
            Self::Delivered(status) | Self::Refused(status) | Self::Failed(status, _) => status,
            Self::NotReached(status, _) | Self::Unknown(status) => status?,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotStarted => StatusCode::INTERNAL_SERVER_ERROR,
            _ => return None,
        };
        Some(status.as_u16())
    }
}

/// What an attempt says about its destination as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers, whatever it thinks of one delivery.
    Well,
    /// It cannot be reached, does not answer in time, has a fault of its own (5xx) or too much to do (429).
    Failing,
    /// It failed with this delivery, which may be at fault itself.
    Suspect,
    /// Nothing was sent, so that nothing is known.
    NotTried,
}

// SPDX-License-Identifier: MPL-2.0
//! Outcomes of attempts.

use jiff::Timestamp;
use reqwest::StatusCode;
use std::time::Duration;

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Any 2xx, whatever its body.
    Delivered(StatusCode),
    /// The receiver refuses this permanently: 400 or 422 of the middleware, or core has settled the
    /// action otherwise.
    Refused(StatusCode),
    /// Nothing was sent: core rejected the action that this follows from.
    Unwanted,
    /// Nothing was sent: it is no longer of use to anybody.
    Outdated,
    /// Nothing was sent: core does not show the action as accepted yet. It may be asked at that time.
    Undecided(Timestamp),
    /// Nothing was sent: its token has expired, and there is no system client to get another.
    Expired,
    /// Nothing was sent: core did not give the token or show the record that sending needs first.
    Unprepared,
    /// Nothing was sent: core shows that the action of the packet is accepted already.
    Settled,
    /// Nothing was sent: the outcome of an earlier attempt is unknown. Core is asked again at that time.
    StillUnknown(Timestamp),
    /// Nothing was sent: this may not be sent again without an operator.
    GivenUp,
    /// The middleware was not reached: no connection, or an answer before its handlers saw the packet.
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
    /// The word in the ledger and in logs.
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

    /// True if an operator needs to know the reason.
    pub fn is_failure(self) -> bool {
        let is_success = matches!(self, Self::Delivered(_));
        self.was_sent() && !is_success || matches!(self, Self::Unprepared | Self::Expired)
    }

    /// True if a request was sent, or was about to be.
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

    /// The wait that the other side asks for.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Failed(_, after) | Self::NotReached(_, after) | Self::Unavailable(after) => after,
            _ => None,
        }
    }

    /// The health of the destination, as this outcome shows it.
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

    /// HTTP status or SMTP reply, if there was one.
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

/// The health of a destination as a whole, as an attempt shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers, even if it refuses one delivery.
    Well,
    /// It is not reachable, does not answer in time, has an error of its own (5xx) or too much to do (429).
    Failing,
    /// It failed with this delivery, which may be at fault itself.
    Suspect,
    /// Nothing was sent, so nothing is known.
    NotTried,
}

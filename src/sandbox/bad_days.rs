// SPDX-License-Identifier: MPL-2.0
//! Faults of the other systems, which can be switched on for one record or for all.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// A fault that was seen at the real systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BadDay {
    /// MOSIP takes longer than `MOSIP_TIMEOUT`.
    Slow,
    /// The middleware answers 500 before it stores its row.
    FaultBeforeRow,
    /// MOSIP fails: the middleware answers 500, and its row stays.
    FaultAfterRow,
    /// The middleware deletes its row and does not reach core.
    CredentialLost,
    /// MOSIP sends the credential twice.
    CredentialTwice,
    /// The credential comes before the middleware's answer to the packet.
    CredentialEarly,
    /// Core's gateway answers 502.
    CoreDown,
    /// Core's gateway answers 502 to accept and reject only.
    AcceptFails,
    /// A user is assigned to the record, and core 2.1 answers 409 to accept and reject.
    Assigned,
    /// Core's tokens are valid for two seconds.
    TokensEnd,
    /// The middleware answers 500 to questions about identities.
    VerifyDown,
}

/// The description of a fault.
pub(super) struct Description {
    /// The fault.
    pub(super) bad_day: BadDay,
    /// Its word in forms and in JSON.
    pub(super) word: &'static str,
    /// The fault in a few words.
    pub(super) title: &'static str,
    /// Its effect.
    pub(super) effect: &'static str,
}

const fn description(
    bad_day: BadDay,
    word: &'static str,
    title: &'static str,
    effect: &'static str,
) -> Description {
    Description {
        bad_day,
        word,
        title,
        effect,
    }
}

/// All faults.
pub(super) const BAD_DAYS: [Description; 11] = [
    description(
        BadDay::Slow,
        "slow",
        "MOSIP is slow",
        "The packet gets no answer in time. Its outcome is unknown: it is not sent again, and core is asked until the credential has come.",
    ),
    description(
        BadDay::FaultBeforeRow,
        "fault-before-row",
        "The middleware answers 500, before its row",
        "MOSIP was not started. The packet is sent again later, with another number and token.",
    ),
    description(
        BadDay::FaultAfterRow,
        "fault-after-row",
        "The middleware answers 500, after its row",
        "MOSIP failed, and the middleware keeps the number and the token. The packet is sent again later, with another number and token.",
    ),
    description(
        BadDay::CredentialLost,
        "credential-lost",
        "The credential is lost",
        "MOSIP has made the identity, and core is never called. The record waits for an operator.",
    ),
    description(
        BadDay::CredentialTwice,
        "credential-twice",
        "The credential comes twice",
        "The second one finds no row, and changes nothing.",
    ),
    description(
        BadDay::CredentialEarly,
        "credential-early",
        "The credential comes before the answer",
        "Core accepts while the packet is still under way.",
    ),
    description(
        BadDay::CoreDown,
        "core-down",
        "Core's gateway answers 502",
        "Nothing is sent that core must confirm first. A credential that comes meanwhile is lost.",
    ),
    description(
        BadDay::AcceptFails,
        "accept-fails",
        "Core answers 502 to accept and reject",
        "The middleware deletes its row before it calls core, so the credential is lost. The record waits for an operator.",
    ),
    description(
        BadDay::Assigned,
        "assigned",
        "A user is assigned to the record",
        "Core 2.1 answers 409 to accept and reject. The middleware does not repeat its call, so the credential is lost. On core 2.0 it has no effect.",
    ),
    description(
        BadDay::TokensEnd,
        "tokens-end",
        "Core's tokens expire early",
        "They are valid for two seconds, and MOSIP takes three. Deliveries get a fresh token of the system client; the middleware has only the token of the packet on core 2.0, and its credential is lost.",
    ),
    description(
        BadDay::VerifyDown,
        "verify-down",
        "Identities cannot be verified",
        "The declaration is accepted, and the status of each person stays open. The middleware is asked again at the registration.",
    ),
];

impl FromStr for BadDay {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        let known = BAD_DAYS.iter().find(|known| known.word == word);
        known
            .map(|known| known.bad_day)
            .ok_or_else(|| format!("`{word}` is not a bad day"))
    }
}

/// The faults that are switched on: for all records, or for one.
#[derive(Default)]
pub(super) struct BadDays(Mutex<BTreeSet<(Option<String>, BadDay)>>);

impl BadDays {
    /// Switches a fault.
    pub(super) fn switch(&self, event: Option<&str>, bad_day: BadDay, on: bool) {
        let mut switched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (event.map(str::to_owned), bad_day);
        if on {
            switched.insert(key);
        } else {
            switched.remove(&key);
        }
    }

    /// Returns true if a fault is switched on for exactly this record, or for all if none is named.
    pub(super) fn is_switched(&self, event: Option<&str>, bad_day: BadDay) -> bool {
        let switched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        switched.contains(&(event.map(str::to_owned), bad_day))
    }

    /// Returns true if a fault is switched on for a record or for all.
    pub(super) fn meets(&self, event: Option<&str>, bad_day: BadDay) -> bool {
        self.is_switched(None, bad_day) || event.is_some() && self.is_switched(event, bad_day)
    }
}

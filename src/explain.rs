// SPDX-License-Identifier: MPL-2.0
//! The decision about an action with its reasons, and the packet that would follow: for people, not for
//! core. Nothing is stored and nothing is sent.

use jiff::Timestamp;
use opencrvs_toolkit::event_document::{Action, EventDocument, Fields};
use rules::Facts;
use rules::eligibility::Decision;
use rules::mosip_mapping::{Packet, PacketError, build_packet};
use rules::policy::Policy;
use rules::registration_number::NumberFormat;

/// A decision, and the packet that would be sent.
pub struct Explained {
    /// The decision with the values of each condition.
    pub decision: Decision,
    /// The packet for the middleware, with a fresh registration number if the record has none.
    pub packet: Option<Packet>,
}

/// Decides about a pending action. Identities are not verified first.
///
/// # Errors
/// A packet that cannot be made.
pub fn explain(
    policy: &Policy,
    numbers: &NumberFormat,
    event: &EventDocument,
    pending: &Action,
    now: Timestamp,
) -> Result<Explained, PacketError> {
    let today = policy.today(now);
    let visible = policy.visibility.on(today);
    let state = event
        .history()
        .state_as_if_accepted(pending, &Fields::new(), visible);
    let number = event
        .registration_number()
        .map_or_else(|| numbers.number(), str::to_owned);
    let facts = Facts {
        event,
        action: pending,
        state: &state,
        today,
        registration_number: Some(&number),
    };
    let decision = policy.decide(&facts);
    let packet = decision
        .outcome()
        .map(|outcome| build_packet(&policy.mapping, outcome.operation, &facts))
        .transpose()?;
    Ok(Explained { decision, packet })
}

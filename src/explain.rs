// SPDX-License-Identifier: MPL-2.0
//! The decision about an action with its reasons, and the packet that would follow: for people, not for
//! core. Nothing is written down and nothing is sent.

use handlers::Facts;
use handlers::mosip_mapping::{Packet, PacketError, build_packet};
use handlers::number::NumberFormat;
use handlers::policy::Policy;
use handlers::rules::Decision;
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{Action, EventDocument, Fields};

/// A decision, and what would be sent.
pub struct Explained {
    /// The decision with what each condition saw.
    pub decision: Decision,
    /// What would be sent to the middleware, with a fresh registration number where there is none.
    pub packet: Option<Packet>,
}

/// Decides about a pending action without verifying identities first.
///
/// # Errors
/// When the packet cannot be made.
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

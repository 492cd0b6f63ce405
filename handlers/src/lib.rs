// SPDX-License-Identifier: MPL-2.0
//! What happens when core reports an action: which rule applies, what is sent on, what is answered.

mod annotated_toml;
pub mod diagnostic;
pub mod expression;
pub mod mosip_mapping;
pub mod rules;

#[cfg(test)]
mod testing;

pub use diagnostic::{Diagnostic, Severity};
pub use expression::{Facts, Vocabulary};
pub use mosip_mapping::{Mapping, Packet, PacketError, build_packet};
pub use rules::{Answer, Decision, Operation, Outcome, RuleSet};

// SPDX-License-Identifier: MPL-2.0
//! The country's decision about an action: its rules, what is sent to MOSIP, and which answers count.

use crate::expression::Facts;
use crate::mosip_mapping::Mapping;
use crate::rules::{Decision, Operation, RuleSet};
use opencrvs_toolkit::visibility::Visibility;
use std::sync::Arc;

/// The country's say about actions.
pub struct Policy {
    /// The actions that concern the national ID system.
    pub rules: RuleSet,
    /// The packets that are sent there.
    pub mapping: Mapping,
    /// The answers that count: those that the forms show.
    pub visibility: Arc<Visibility>,
}

impl Policy {
    /// Decides, and keeps why. MOSIP is not sent an update that holds what the last one held.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let decision = self.rules.decide(facts);
        let updates = |operation| operation == Operation::UpdateBiographics;
        match decision.outcome() {
            Some(outcome) if updates(outcome.operation) && !self.changes_update(facts) => {
                decision.with_nothing_new()
            }
            _ => decision,
        }
    }

    /// Whether the data of an update differ from those of the record as it stands now.
    fn changes_update(&self, facts: &Facts<'_>) -> bool {
        let history = facts.event.history();
        let current = history.current_state(self.visibility.on(facts.today));
        let before = Facts {
            state: &current,
            ..*facts
        };
        let fields = |facts| self.mapping.fields(Operation::UpdateBiographics, facts);
        fields(&before) != fields(facts)
    }
}

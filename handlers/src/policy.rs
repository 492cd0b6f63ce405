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
    /// Decides, and keeps why. MOSIP is sent no update where none of the answers that changed is in it.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let decision = self.rules.decide(facts);
        let updates = |operation| operation == Operation::UpdateBiographics;
        match decision.outcome() {
            Some(outcome) if updates(outcome.operation) && self.changes_other_answers(facts) => {
                decision.with_nothing_new()
            }
            _ => decision,
        }
    }

    /// Whether answers change, and none of the data of an update. A correction without any change does not: it is
    /// the way to send the data again.
    fn changes_other_answers(&self, facts: &Facts<'_>) -> bool {
        let history = facts.event.history();
        let current = history.current_state(self.visibility.on(facts.today));
        let before = Facts {
            state: &current,
            ..*facts
        };
        let fields = |facts| self.mapping.fields(Operation::UpdateBiographics, facts);
        current != *facts.state && fields(&before) == fields(facts)
    }
}

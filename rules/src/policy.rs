// SPDX-License-Identifier: MPL-2.0
//! The country's decision about an action: its rules, the packets for MOSIP, and the answers that count.

use crate::eligibility::{Decision, Operation, RuleSet};
use crate::expression::Facts;
use crate::mosip_mapping::Mapping;
use crate::registration_numbers::Formats;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use opencrvs_toolkit::visibility::Visibility;
use std::sync::Arc;

/// The country's policy for actions.
pub struct Policy {
    /// The actions that concern the national ID system.
    pub rules: RuleSet,
    /// The packets that are sent there.
    pub mapping: Mapping,
    /// The answers that count: those that the forms show.
    pub visibility: Arc<Visibility>,
    /// The country's time zone: its calendar decides what today is.
    pub time_zone: TimeZone,
    /// The formats of registration numbers that are not random.
    pub numbers: Formats,
}

impl Policy {
    /// The day in the country at a moment: the day that ages are counted on.
    pub fn today(&self, now: Timestamp) -> Date {
        self.time_zone.to_datetime(now).date()
    }

    /// Decides, and keeps the reasons. MOSIP gets no update that contains none of the changed answers.
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

    /// Returns true if answers change, but none of the data of an update. A correction without any change does
    /// not count: it is the way to send the data again.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::vocabulary;
    use opencrvs_toolkit::event_document::{EventDocument, Fields};
    use rstest::rstest;
    use serde_json::json;

    /// A correction of a child with a national ID, and the resulting packet for MOSIP.
    #[rstest]
    #[case::in_the_packet(json!({"child.gender": "male"}), "birth-correction-update: update-biographics, continue")]
    #[case::elsewhere(json!({"child.weightAtBirth": 3}), "birth-correction-update has nothing new to send")]
    #[case::nothing(json!({}), "birth-correction-update: update-biographics, continue")]
    fn corrections_are_sent_if_they_change_the_packet(
        #[case] correction: serde_json::Value,
        #[case] expected: &str,
    ) {
        let (rules, mapping) = (
            include_str!("../../country/data/eligibility.toml"),
            include_str!("../../country/data/mosip.toml"),
        );
        let policy = Policy {
            rules: RuleSet::parse("eligibility.toml", rules, &vocabulary()).unwrap(),
            mapping: Mapping::parse("mosip.toml", mapping, &vocabulary(), &|_| {
                Some(include_str!("../../country/data/mosip-id-schema.json").to_owned())
            })
            .unwrap(),
            visibility: Arc::default(),
            time_zone: TimeZone::UTC,
            numbers: Formats::default(),
        };
        let declared = json!({
            "child.nid": "1", "child.dob": "2026-05-20", "child.gender": "female", "mother.verified": "verified",
        });
        let event = json!({"id": "e", "type": "birth", "actions": [
            {"id": "1", "type": "DECLARE", "status": "Accepted", "createdAt": "1", "declaration": declared},
            {"id": "2", "type": "REQUEST_CORRECTION", "status": "Accepted", "createdAt": "2", "declaration": correction},
            {"id": "3", "type": "APPROVE_CORRECTION", "status": "Requested", "createdAt": "3", "requestId": "2"},
        ]});
        let event = EventDocument::try_from(event).unwrap();
        let (action, today) = (&event.actions[2], jiff::civil::date(2026, 6, 1));
        let visible = policy.visibility.on(today);
        let state = event
            .history()
            .state_as_if_accepted(action, &Fields::new(), visible);
        let decision = policy.decide(&Facts {
            event: &event,
            action,
            state: &state,
            today,
            registration_number: None,
        });
        let summary = decision.summary();
        assert!(summary.ends_with(expected), "{summary}");
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Decides which records concern MOSIP, and the answer to core: the table of `country/data/eligibility.toml`.
//!
//! Knows no web, no clock and no network: the same facts always give the same decision. The first
//! rule of the record's event and action whose conditions all hold decides; if none does, MOSIP is
//! not involved. A condition that cannot be evaluated does not hold.

mod cases;
mod decision;
mod parse;
mod report;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use cases::{Case, Cases, Expected};
pub use decision::{ConditionTrace, Decision, Outcome, RuleOutcome, RuleTrace, Verdict};
pub use report::{CaseResult, CasesReport, Uncovered};

use crate::diagnostic::Diagnostic;
use crate::expression::{Expression, Facts};
use opencrvs_toolkit::hook_action::HookAction;

/// The rules of a country, compiled and checked. Share it behind an `Arc`.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    conditions: Vec<Condition>,
    warnings: Vec<Diagnostic>,
}

/// One row of the table.
#[derive(Debug)]
struct Rule {
    name: String,
    event: String,
    action: String,
    /// Positions in [`RuleSet::conditions`].
    conditions: Vec<usize>,
    operation: Operation,
    answer: Answer,
    on_refusal: OnRefusal,
}

/// A named condition, compiled for one event type.
#[derive(Debug)]
struct Condition {
    name: String,
    event: String,
    expression: Expression,
}

/// The operation that MOSIP is asked to perform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Make an identity.
    CreateUin,
    /// Change the data of an identity.
    UpdateBiographics,
    /// Mark an identity as that of a deceased person.
    FlagDeceased,
}

impl Operation {
    /// All operations that there are.
    pub const ALL: [Self; 3] = [Self::CreateUin, Self::UpdateBiographics, Self::FlagDeceased];

    /// The name in files and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateUin => "create-uin",
            Self::UpdateBiographics => "update-biographics",
            Self::FlagDeceased => "flag-deceased",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The answer to core while MOSIP is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The action waits until MOSIP has answered (status 202).
    Wait,
    /// The action takes effect at once (status 200).
    Continue,
}

impl Answer {
    /// All answers that there are.
    pub const ALL: [Self; 2] = [Self::Wait, Self::Continue];

    /// The name in files and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Continue => "continue",
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The treatment of a waiting action when MOSIP refuses the packet for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnRefusal {
    /// Core accepts it, without an identity.
    Accept,
    /// Core rejects it.
    Reject,
}

impl OnRefusal {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Accept, Self::Reject];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Reject => "reject",
        }
    }

    /// The default for a rule that does not say. If core cannot reject the action, it is to accept: a
    /// correction is right whether or not MOSIP accepts it.
    pub fn default_for(action: &str) -> Self {
        if HookAction::of(action).is_none_or(HookAction::is_rejectable) {
            Self::Reject
        } else {
            Self::Accept
        }
    }
}

impl RuleSet {
    /// Faults that do not keep the rules from being used.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The event types and operations of all rules: a packet mapping must know them.
    pub fn operations(&self) -> impl Iterator<Item = (&str, Operation)> {
        self.rules
            .iter()
            .map(|rule| (rule.event.as_str(), rule.operation))
    }

    /// Decides, and keeps the reasons.
    ///
    /// All conditions of a rule are evaluated, also after one has failed, so that the reasons are
    /// complete; a condition that several rules name is evaluated once.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let (event, action) = (&facts.event.event_type, facts.action.action_type.as_str());
        let mut verdicts = vec![None; self.conditions.len()];
        let (mut decided, mut rules) = (None, Vec::new());
        for rule in self
            .rules
            .iter()
            .filter(|rule| rule.event == *event && rule.action == action)
        {
            let (name, operation, answer) = (rule.name.clone(), rule.operation, rule.answer);
            let mut conditions = Vec::new();
            let outcome = if decided.is_some() {
                RuleOutcome::NotReached
            } else {
                conditions = self.evaluate(rule, facts, &mut verdicts);
                if conditions
                    .iter()
                    .all(|condition| condition.verdict == Verdict::Held)
                {
                    decided = Some(Outcome {
                        rule: name.clone(),
                        operation,
                        answer,
                        on_refusal: rule.on_refusal,
                    });
                    RuleOutcome::Decides
                } else {
                    RuleOutcome::DoesNotHold
                }
            };
            rules.push(RuleTrace {
                name,
                operation,
                answer,
                outcome,
                conditions,
            });
        }
        Decision {
            event: event.clone(),
            action: action.to_owned(),
            today: facts.today,
            outcome: decided,
            rules,
        }
    }

    fn evaluate(
        &self,
        rule: &Rule,
        facts: &Facts<'_>,
        verdicts: &mut [Option<Verdict>],
    ) -> Vec<ConditionTrace> {
        let evaluate = |number: &usize| {
            let condition = self.conditions.get(*number)?;
            let verdict = verdicts
                .get_mut(*number)?
                .get_or_insert_with(|| condition.verdict(facts))
                .clone();
            Some(ConditionTrace {
                name: condition.name.clone(),
                verdict,
                values: condition.expression.values(facts),
            })
        };
        rule.conditions.iter().filter_map(evaluate).collect()
    }
}

impl Condition {
    fn verdict(&self, facts: &Facts<'_>) -> Verdict {
        match self.expression.holds(facts) {
            Ok(true) => Verdict::Held,
            Ok(false) => Verdict::DidNotHold,
            Err(reason) => Verdict::NotEvaluable(reason.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;

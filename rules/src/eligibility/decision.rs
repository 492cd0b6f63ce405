// SPDX-License-Identifier: MPL-2.0
//! A decision with its reasons.

use std::fmt::{self, Write};

use jiff::civil::Date;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::{Answer, OnRefusal, Operation};

/// The decision about an action, and the reasons for it.
///
/// Holds the values that were seen, for the terminal of an operator: render or serialise it only
/// there. `Debug` and [`Decision::summary`] hold none and may be logged.
#[derive(Clone, PartialEq, Serialize)]
pub struct Decision {
    /// The event type of the record.
    pub event: String,
    /// The type of the action that was decided on.
    pub action: String,
    /// The day of the decision.
    pub today: Date,
    /// The outcome of the deciding rule; nothing if MOSIP is not involved.
    pub outcome: Option<Outcome>,
    /// The rules for that event and action, in their order.
    pub rules: Vec<RuleTrace>,
}

/// The outcome that the deciding rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The name of the rule.
    pub rule: String,
    /// The operation that MOSIP is asked to perform.
    pub operation: Operation,
    /// The answer to core.
    pub answer: Answer,
    /// The treatment of a waiting action that MOSIP refuses.
    #[serde(skip)]
    pub on_refusal: OnRefusal,
}

/// The result of a rule.
#[derive(Clone, PartialEq, Serialize)]
pub struct RuleTrace {
    /// The name of the rule.
    pub name: String,
    /// The operation that MOSIP would be asked to perform.
    pub operation: Operation,
    /// The answer that core would get.
    pub answer: Answer,
    /// The outcome of the rule: whether it decided.
    pub outcome: RuleOutcome,
    /// Its conditions; none where it was not reached.
    pub conditions: Vec<ConditionTrace>,
}

/// The outcome of a rule: whether it decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleOutcome {
    /// All its conditions hold, and it is the first of which that is true.
    Decides,
    /// A condition does not hold.
    DoesNotHold,
    /// All its conditions hold, but the data to send is in the record already.
    NothingNew,
    /// An earlier rule decided.
    NotReached,
}

/// The result of a condition.
#[derive(Clone, PartialEq, Serialize)]
pub struct ConditionTrace {
    /// The name of the condition.
    pub name: String,
    /// The verdict: whether the condition held.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The values that it read: names as the condition writes them, null where an answer is missing.
    #[serde(serialize_with = "as_map")]
    pub values: Vec<(String, Value)>,
}

/// The verdict on a condition: whether it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "reason")]
pub enum Verdict {
    /// It is true.
    Held,
    /// It is false.
    DidNotHold,
    /// It is neither, and counts as false; the reason holds no values.
    NotEvaluable(String),
}

impl Decision {
    /// The outcome of the deciding rule; nothing if MOSIP is not involved.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// The same decision where the packet of the deciding rule would say nothing new: MOSIP is not involved.
    pub(crate) fn with_nothing_new(mut self) -> Self {
        self.outcome = None;
        let deciding = self.rules.iter_mut();
        for rule in deciding.filter(|rule| rule.outcome == RuleOutcome::Decides) {
            rule.outcome = RuleOutcome::NothingNew;
        }
        self
    }

    /// One line without values, for logs.
    pub fn summary(&self) -> String {
        if let Some(Outcome {
            rule,
            operation,
            answer,
            ..
        }) = self.outcome()
        {
            return format!("{rule}: {operation}, {answer}");
        }
        let unmet = |rule: &RuleTrace| {
            if rule.outcome == RuleOutcome::NothingNew {
                return format!("; {} has nothing new to send", rule.name);
            }
            let failing = rule
                .conditions
                .iter()
                .filter(|condition| condition.verdict != Verdict::Held);
            let failing: Vec<&str> = failing.map(|condition| condition.name.as_str()).collect();
            format!("; {} lacks {}", rule.name, failing.join(", "))
        };
        let reached = self.rules.iter();
        let reached = reached.filter(|rule| rule.outcome != RuleOutcome::NotReached);
        format!("no rule{}", reached.map(unmet).collect::<String>())
    }

    /// A tree of rules, conditions and values, for the terminal of an operator.
    pub fn render(&self) -> String {
        let mut tree = format!("{} {} on {}\n", self.event, self.action, self.today);
        for rule in &self.rules {
            rule.render(&mut tree);
        }
        let end = match self.outcome() {
            Some(outcome) => format!(
                "decided by {}: {}, {}",
                outcome.rule, outcome.operation, outcome.answer
            ),
            None if self.rules.is_empty() => {
                "no rule is about this action: MOSIP is not involved".to_owned()
            }
            None => "no rule holds: MOSIP is not involved".to_owned(),
        };
        tree.push_str("└─ ");
        tree.push_str(&end);
        tree
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decision({})", self.summary())
    }
}

impl RuleTrace {
    fn render(&self, tree: &mut String) {
        let note = match self.outcome {
            RuleOutcome::Decides => "✓ decides",
            RuleOutcome::DoesNotHold => "✗ does not hold",
            RuleOutcome::NothingNew => "✓ holds, but nothing that is sent has changed",
            RuleOutcome::NotReached => "· not reached",
        };
        // Writing to a text cannot fail.
        let _ = writeln!(
            tree,
            "├─ {} ({}, {}) {note}",
            self.name, self.operation, self.answer
        );
        for (position, condition) in self.conditions.iter().enumerate() {
            let is_last = position + 1 == self.conditions.len();
            condition.render(tree, is_last);
        }
    }
}

impl ConditionTrace {
    fn render(&self, tree: &mut String, is_last: bool) {
        let (branch, below) = if is_last {
            ("└─", "  ")
        } else {
            ("├─", "│ ")
        };
        let note = match &self.verdict {
            Verdict::Held => "✓".to_owned(),
            Verdict::DidNotHold => "✗".to_owned(),
            Verdict::NotEvaluable(reason) => format!("? counts as not held, {reason}"),
        };
        let _ = writeln!(tree, "│  {branch} {} {note}", self.name);
        for (name, value) in &self.values {
            let value = if value.is_null() {
                "no answer".to_owned()
            } else {
                value.to_string()
            };
            let _ = writeln!(tree, "│  {below}    {name} = {value}");
        }
    }
}

fn as_map<S: Serializer>(values: &[(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(values.len()))?;
    for (name, value) in values {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

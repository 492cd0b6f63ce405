// SPDX-License-Identifier: MPL-2.0
//! The report of what the examples show about the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::diagnostic::{Diagnostic, Severity};

use super::{Cases, Decision, Expected, RuleSet, Verdict};

/// The results of the examples.
#[derive(Debug)]
pub struct CasesReport {
    /// One result for each example, in the order of the file.
    pub results: Vec<CaseResult>,
    /// Conditions that the examples do not show both true and false.
    pub uncovered: Vec<Uncovered>,
    /// Rules that decide none of the examples.
    pub never_deciding: Vec<String>,
    file: String,
}

/// The result of one example.
#[derive(Debug)]
pub struct CaseResult {
    /// The description of the example, in words.
    pub name: String,
    /// Its line in the file.
    pub line: usize,
    /// True if the decision is the expected one.
    pub passed: bool,
    expected: Expected,
    decision: Option<Decision>,
    /// The remedy for an answer that looks like a date and is not one.
    malformed_date: Option<String>,
}

/// A condition that the examples show only one way, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered {
    /// The name of the condition.
    pub condition: String,
    /// No example makes it true.
    pub never_true: bool,
    /// No example makes it false.
    pub never_false: bool,
}

impl RuleSet {
    /// Lets the rules decide all examples.
    pub fn run_cases(&self, cases: &Cases) -> CasesReport {
        let results: Vec<CaseResult> = cases
            .cases
            .iter()
            .map(|case| {
                let decision = case.decide(self);
                let passed = decision
                    .as_ref()
                    .is_some_and(|decision| case.expected.is_met_by(decision));
                let malformed_date = case.malformed_date().map(|(field, text, meant)| {
                    format!("`{field}` is `{text}`, which is not a date: write {meant}")
                });
                CaseResult {
                    malformed_date,
                    name: case.name.clone(),
                    line: case.line,
                    passed,
                    expected: case.expected.clone(),
                    decision,
                }
            })
            .collect();
        let decisions: Vec<&Decision> = results
            .iter()
            .filter_map(|result| result.decision.as_ref())
            .collect();
        let uncovered = self.uncovered(&decisions);
        let deciding: BTreeSet<&str> = decisions
            .iter()
            .filter_map(|decision| Some(decision.outcome()?.rule.as_str()))
            .collect();
        let names = self.rules.iter().map(|rule| rule.name.as_str());
        let never_deciding = names
            .filter(|name| !deciding.contains(name))
            .map(str::to_owned)
            .collect();
        CasesReport {
            results,
            uncovered,
            never_deciding,
            file: cases.file.clone(),
        }
    }

    fn uncovered(&self, decisions: &[&Decision]) -> Vec<Uncovered> {
        let mut seen: BTreeMap<&str, (bool, bool)> = self
            .conditions
            .iter()
            .map(|condition| (condition.name.as_str(), (false, false)))
            .collect();
        for condition in decisions
            .iter()
            .flat_map(|decision| &decision.rules)
            .flat_map(|rule| &rule.conditions)
        {
            if let Some((held, failed)) = seen.get_mut(condition.name.as_str()) {
                *held |= condition.verdict == Verdict::Held;
                *failed |= condition.verdict != Verdict::Held;
            }
        }
        let uncovered = |(name, (held, failed)): (&str, (bool, bool))| Uncovered {
            condition: name.to_owned(),
            never_true: !held,
            never_false: !failed,
        };
        seen.into_iter()
            .map(uncovered)
            .filter(|condition| condition.never_true || condition.never_false)
            .collect()
    }
}

impl CasesReport {
    /// Returns true if all examples were decided as expected.
    pub fn passed(&self) -> bool {
        self.results.iter().all(|result| result.passed)
    }

    /// Returns true if the examples show every condition both true and false, and every rule deciding.
    pub fn covers_all(&self) -> bool {
        self.uncovered.is_empty() && self.never_deciding.is_empty()
    }

    /// The examples that are decided otherwise than they expect, as errors of their file: rules or examples
    /// are wrong.
    pub fn errors(&self) -> Vec<Diagnostic> {
        let failed = self.results.iter().filter(|result| !result.passed);
        let error = |result: &CaseResult| Diagnostic {
            line: result.line,
            hint: result
                .malformed_date
                .clone()
                .or_else(|| Some("`countryconfig rules test` shows why".to_owned())),
            ..Diagnostic::of_file(
                &self.file,
                format!(
                    "case `{}` is decided otherwise: it expects {}, not {}",
                    result.name,
                    result.expected,
                    result.decided()
                ),
            )
        };
        failed.map(error).collect()
    }

    /// The gaps that the examples leave, as warnings about their file.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let warning = |gap: String| Diagnostic {
            severity: Severity::Warning,
            hint: Some("add a case".to_owned()),
            ..Diagnostic::of_file(&self.file, gap)
        };
        self.gaps().into_iter().map(warning).collect()
    }

    /// The conditions and rules that the examples do not show.
    fn gaps(&self) -> Vec<String> {
        let condition = |uncovered: &Uncovered| {
            let how = match (uncovered.never_true, uncovered.never_false) {
                (true, true) => "true or false",
                (true, false) => "true",
                _ => "false",
            };
            format!("no case makes condition `{}` {how}", uncovered.condition)
        };
        let rule = |name: &String| format!("no case is decided by rule `{name}`");
        let conditions = self.uncovered.iter().map(condition);
        conditions
            .chain(self.never_deciding.iter().map(rule))
            .collect()
    }

    /// The report for a terminal: failures in full, then what is not covered, then the count.
    pub fn render(&self) -> String {
        let mut report = String::new();
        for result in self.results.iter().filter(|result| !result.passed) {
            result.render(&self.file, &mut report);
        }
        for gap in self.gaps() {
            let _ = writeln!(report, "{gap}");
        }
        let passed = self.results.iter().filter(|result| result.passed).count();
        let _ = write!(report, "{passed} of {} cases hold", self.results.len());
        report
    }
}

impl CaseResult {
    /// The decision in words.
    fn decided(&self) -> String {
        let decision = self.decision.as_ref();
        decision.and_then(Decision::outcome).map_or_else(
            || "no rule".to_owned(),
            |outcome| {
                format!(
                    "{}, {}, {}",
                    outcome.rule, outcome.operation, outcome.answer
                )
            },
        )
    }

    fn render(&self, file: &str, report: &mut String) {
        let _ = writeln!(report, "✗ {} ({file}:{})", self.name, self.line);
        let _ = writeln!(report, "  - expected {}", self.expected);
        let _ = writeln!(report, "  + decided  {}", self.decided());
        for line in self.decision.iter().flat_map(|decision| {
            decision
                .render()
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        }) {
            let _ = writeln!(report, "    {line}");
        }
    }
}

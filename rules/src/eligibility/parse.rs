// SPDX-License-Identifier: MPL-2.0
//! Reads `country/data/eligibility.toml`.

use std::collections::{BTreeSet, HashMap};

use super::{Answer, Condition, OnRefusal, Operation, Rule, RuleSet};
use crate::annotated_toml::{Reader, Section, Text, one_of};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::expression::Vocabulary;
use opencrvs_toolkit::hook_action::HookAction;

impl RuleSet {
    /// Reads and checks the rules; reports every fault of the file at once.
    pub fn parse(file: &str, text: &str, vocabulary: &Vocabulary) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader::new(file, text);
        let rules = read(&mut reader, vocabulary);
        match rules {
            Some((rules, conditions)) if !reader.failed() => Ok(Self {
                rules,
                conditions,
                warnings: reader.into_found(),
            }),
            _ => Err(reader.into_found()),
        }
    }
}

fn read(reader: &mut Reader<'_>, vocabulary: &Vocabulary) -> Option<(Vec<Rule>, Vec<Condition>)> {
    let document = reader.document()?;
    let root = Section::root(&document);
    root.only(reader, &["conditions", "rule"]);
    let section = root.section(reader, "conditions", "conditions".into());
    let mut conditions = Conditions::of(reader, section.as_ref());
    let mut rules: Vec<Rule> = Vec::new();
    let mut taken = BTreeSet::new();
    for section in root.required_sections(reader, "rule") {
        if !taken.insert(section.what.clone()) && section.item("name").is_some() {
            reader.error(
                section.span.clone(),
                format!("{}: the name is taken by an earlier rule", section.what),
                None,
            );
        }
        if let Some(rule) = rule(reader, &section, vocabulary, &mut conditions) {
            check_against_earlier(reader, &section, &rule, &rules);
            rules.push(rule);
        }
    }
    conditions.report_unused(reader);
    Some((rules, conditions.compiled))
}

fn rule(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    vocabulary: &Vocabulary,
    conditions: &mut Conditions<'_>,
) -> Option<Rule> {
    section.only(
        reader,
        &[
            "name",
            "event",
            "action",
            "when",
            "operation",
            "answer",
            "on-refusal",
            "for-everybody",
        ],
    );
    let name = section.required_text(reader, "name");
    let (event, action) = event_and_action(reader, section, vocabulary);
    let operation = operation(reader, section);
    let answer = answer(reader, section);
    let on_refusal = on_refusal(reader, section, action, answer);
    if section.item("when").is_none() {
        let hint = Some(
            "name the conditions that must hold; a rule for every record says when = [] and for-everybody = true".into(),
        );
        reader.error(
            section.span.clone(),
            format!("{}: `when` is missing", section.what),
            hint,
        );
    }
    let mut numbers = Vec::new();
    let names = section.texts(reader, "when");
    for condition in &names {
        numbers.extend(conditions.number(reader, &section.what, condition, event, vocabulary));
    }
    if section.item("when").is_some() && numbers.len() == names.len() {
        check_for_everybody(reader, section, conditions.are_constant(&numbers));
    }
    Some(Rule {
        name: name?.value.to_owned(),
        event: event?.to_owned(),
        action: action?.to_owned(),
        conditions: numbers,
        operation: operation?,
        answer: answer?,
        on_refusal: on_refusal?,
    })
}

/// The type of event and the action of a rule or an example.
pub(super) fn event_and_action<'v>(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    vocabulary: &'v Vocabulary,
) -> (Option<&'v str>, Option<&'static str>) {
    let events = vocabulary.event_types().map(|event| (event, event));
    let actions = HookAction::ALL.map(|action| (action.name(), action.name()));
    (
        one_of(reader, section, "event", events),
        one_of(reader, section, "action", actions),
    )
}

/// The operation that MOSIP is asked to perform.
pub(super) fn operation(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Operation> {
    let known = Operation::ALL.map(|operation| (operation.name(), operation));
    one_of(reader, section, "operation", known)
}

/// The answer to core.
pub(super) fn answer(reader: &mut Reader<'_>, section: &Section<'_>) -> Option<Answer> {
    let known = Answer::ALL.map(|answer| (answer.name(), answer));
    one_of(reader, section, "answer", known)
}

/// Checks a rule whose conditions read nothing, so that it sends every record to MOSIP: it has to say that
/// this is meant, and no other rule may.
fn check_for_everybody(reader: &mut Reader<'_>, section: &Section<'_>, holds_for_everybody: bool) {
    let is_meant = section.switch(reader, "for-everybody").unwrap_or(false);
    let (message, hint) = match (holds_for_everybody, is_meant) {
        (true, false) => (
            "holds for every record",
            "list the conditions that must hold; for a rule without conditions, write for-everybody = true",
        ),
        (false, true) => (
            "`for-everybody` with conditions that do not hold for every record",
            "leave it out, or write when = []",
        ),
        _ => return,
    };
    let message = format!("{}: {message}", section.what);
    reader.error(section.span.clone(), message, Some(hint.into()));
}

/// Reads `on-refusal`, which means something only where core waits.
fn on_refusal(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    action: Option<&str>,
    answer: Option<Answer>,
) -> Option<OnRefusal> {
    let default = OnRefusal::default_for(action?);
    let Some(item) = section.item("on-refusal") else {
        return Some(default);
    };
    let span = item.span().unwrap_or_else(|| section.span.clone());
    let choices = OnRefusal::ALL.map(|choice| (choice.name(), choice));
    let chosen = one_of(reader, section, "on-refusal", choices)?;
    if answer == Some(Answer::Continue) {
        let message = format!("{}: `on-refusal` without `answer = \"wait\"`", section.what);
        let hint = "leave it out: core has accepted the action before MOSIP is asked";
        reader.error(span, message, Some(hint.into()));
        return None;
    }
    if chosen == OnRefusal::Reject && default == OnRefusal::Accept {
        let message = format!(
            "{}: core cannot reject an action that waits as {}",
            section.what, action?
        );
        let hint = "write on-refusal = \"accept\", or leave it out: the action takes effect without an identity";
        reader.error(span, message, Some(hint.into()));
        return None;
    }
    Some(chosen)
}

fn check_against_earlier(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    rule: &Rule,
    earlier: &[Rule],
) {
    let same_action = |other: &&Rule| other.event == rule.event && other.action == rule.action;
    let asks_less = |other: &&Rule| {
        other
            .conditions
            .iter()
            .all(|condition| rule.conditions.contains(condition))
    };
    if let Some(other) = earlier.iter().filter(same_action).find(asks_less) {
        let message = format!(
            "{}: never decides, because `{}` comes first and asks for nothing more",
            section.what, other.name
        );
        reader.warning(
            section.span.clone(),
            message,
            Some("put the rule that asks for more first".into()),
        );
    }
}

/// The named conditions, compiled for the event types that use them.
struct Conditions<'t> {
    texts: HashMap<&'t str, Text<'t>>,
    names: Vec<Text<'t>>,
    used: BTreeSet<&'t str>,
    compiled: Vec<Condition>,
    /// Conditions that cannot be compiled for an event: reported once, not for every rule.
    faulty: BTreeSet<(&'t str, String)>,
}

impl<'t> Conditions<'t> {
    fn of(reader: &mut Reader<'_>, section: Option<&Section<'t>>) -> Self {
        let names = section.map(Section::keys).unwrap_or_default();
        let text = |name: &Text<'t>| Some((name.value, section?.text(reader, name.value)?));
        let texts = names.iter().filter_map(text).collect();
        Self {
            texts,
            names,
            used: BTreeSet::new(),
            compiled: Vec::new(),
            faulty: BTreeSet::new(),
        }
    }

    /// The index of the condition among the compiled ones; compiles it the first time.
    fn number(
        &mut self,
        reader: &mut Reader<'_>,
        rule: &str,
        name: &Text<'_>,
        event: Option<&str>,
        vocabulary: &Vocabulary,
    ) -> Option<usize> {
        let Some((known, text)) = self.texts.get_key_value(name.value) else {
            if !self.names.iter().any(|known| known.value == name.value) {
                let hint = did_you_mean(name.value, self.names.iter().map(|known| known.value));
                reader.error(
                    name.span.clone(),
                    format!("{rule}: unknown condition `{}`", name.value),
                    hint,
                );
            }
            return None;
        };
        self.used.insert(known);
        let event = event?;
        let number = self
            .compiled
            .iter()
            .position(|other| other.name == name.value && other.event == event);
        if number.is_some() {
            return number;
        }
        let faulty = (*known, event.to_owned());
        if self.faulty.contains(&faulty) {
            return None;
        }
        let what = format!("{rule}, condition `{known}`");
        let Some(expression) = reader.expression(&what, text, vocabulary.fields(event)?) else {
            self.faulty.insert(faulty);
            return None;
        };
        self.compiled.push(Condition {
            name: (*known).to_owned(),
            event: event.to_owned(),
            expression,
        });
        Some(self.compiled.len() - 1)
    }

    /// Returns true if none of these compiled conditions reads anything.
    fn are_constant(&self, numbers: &[usize]) -> bool {
        let mut conditions = numbers.iter().filter_map(|n| self.compiled.get(*n));
        conditions.all(|condition| condition.expression.is_constant())
    }

    fn report_unused(&self, reader: &mut Reader<'_>) {
        for name in self
            .names
            .iter()
            .filter(|name| !self.used.contains(name.value))
        {
            let hint = Some("name it in the `when` of a rule, or take it out".into());
            reader.warning(
                name.span.clone(),
                format!("condition `{}` is used by no rule", name.value),
                hint,
            );
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Problems of an event: core would refuse it, or fail with it later.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::json;

use super::{DateOfEvent, Event};
use crate::conditional::mentions;
use crate::field::FieldType;
use crate::hook_action::HookAction;

/// A problem of an event, which core would refuse, or which would fail later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Id of the event.
    pub event: String,
    /// JSON pointer to the place in the event; empty where it is about the event as a whole.
    pub pointer: String,
    /// The problem and its subject.
    pub what: String,
    /// The remedy.
    pub hint: Option<String>,
    /// True if core does not start with it; false if core takes it and fails later.
    pub is_refused: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event `{}`: {}", self.event, self.what)?;
        self.hint
            .iter()
            .try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}

/// Flags that core sets by itself.
const INHERENT_FLAGS: [&str; 5] = [
    "incomplete",
    "rejected",
    "correction-requested",
    "potential-duplicate",
    "edit-in-progress",
];

/// The actions whose dialog may have fields.
const WITH_DIALOG_FORM: [&str; 5] = ["NOTIFY", "DECLARE", "REGISTER", "ARCHIVE", "REJECT"];

/// Names allowed in the order of actions, besides the country's own.
const ORDERED_ACTIONS: [&str; 12] = [
    "READ",
    "DELETE",
    "DECLARE",
    "REGISTER",
    "EDIT",
    "REJECT",
    "MARK_AS_DUPLICATE",
    "ARCHIVE",
    "PRINT_CERTIFICATE",
    "REQUEST_CORRECTION",
    "ASSIGN",
    "UNASSIGN",
];

/// The fields that core keeps about every record and can search.
const EVENT_SEARCH_FIELDS: [&str; 6] = [
    "event.trackingId",
    "event.status",
    "event.updatedAt",
    "event.legalStatuses.REGISTERED.acceptedAt",
    "event.legalStatuses.REGISTERED.createdAtLocation",
    "event.legalStatuses.REGISTERED.registrationNumber",
];

impl Event {
    /// All problems of the event that core would refuse, or that would fail later; empty if there are none.
    ///
    /// [`problems`] checks several events, which share ids of messages, together.
    pub fn problems(&self) -> Vec<Problem> {
        problems(std::slice::from_ref(self))
    }

    fn structural_problems(&self) -> Vec<Problem> {
        let mut check = Check {
            event: self,
            problems: Vec::new(),
        };
        check.ids();
        check.references();
        check.date_and_place();
        check.actions();
        check.flags();
        check.search();
        check.problems
    }
}

struct Check<'a> {
    event: &'a Event,
    problems: Vec<Problem>,
}

impl Check<'_> {
    /// Adds a problem that core takes and fails with later.
    fn problem(
        &mut self,
        pointer: impl Into<String>,
        what: String,
        hint: impl Into<Option<String>>,
    ) {
        self.problems.push(Problem {
            event: self.event.id.clone(),
            pointer: pointer.into(),
            what,
            hint: hint.into(),
            is_refused: false,
        });
    }

    /// Adds a problem with which core does not start.
    fn refused(
        &mut self,
        pointer: impl Into<String>,
        what: String,
        hint: impl Into<Option<String>>,
    ) {
        self.problem(pointer, what, hint);
        if let Some(problem) = self.problems.last_mut() {
            problem.is_refused = true;
        }
    }

    fn ids(&mut self) {
        let mut pages = BTreeSet::new();
        let mut fields = BTreeSet::new();
        for (nth, page) in self.event.declaration.pages().iter().enumerate() {
            let at = format!("/declaration/pages/{nth}");
            if !pages.insert(page.id()) {
                self.problem(
                    at.clone(),
                    format!("two pages of the declaration are called `{}`", page.id()),
                    give_another(),
                );
            }
            if page.is_verification() {
                self.refused(
                    at.clone(),
                    format!(
                        "page `{}` of the declaration is a verification page",
                        page.id()
                    ),
                    "core takes verification pages in the forms of actions only".to_owned(),
                );
            }
            for (field_nth, field) in page.fields().iter().enumerate() {
                if !fields.insert(field.id()) {
                    self.problem(
                        format!("{at}/fields/{field_nth}"),
                        format!(
                            "field `{}` on page `{}` is defined twice",
                            field.id(),
                            page.id()
                        ),
                        give_another(),
                    );
                }
            }
        }
        let declared = self.event.declaration.pages().iter().enumerate();
        let declared = declared.flat_map(|(nth, page)| {
            let fields = page.fields().iter().enumerate();
            fields.map(move |(field_nth, field)| {
                (
                    format!("/declaration/pages/{nth}/fields/{field_nth}"),
                    field,
                )
            })
        });
        let own = self
            .event
            .actions
            .iter()
            .enumerate()
            .flat_map(|(nth, action)| {
                let fields = action.fields().into_iter();
                fields.map(move |field| (format!("/actions/{nth}"), field))
            });
        for (at, field) in declared.chain(own) {
            if field.id().contains('_') {
                let better = field.id().replace('_', "-");
                self.refused(
                    at,
                    format!(
                        "field id `{}` holds an underscore, which core refuses",
                        field.id()
                    ),
                    format!("call it `{better}`"),
                );
            }
        }
    }

    fn references(&mut self) {
        let declared: BTreeSet<&str> = self.event.field_ids().map(|(id, _)| id).collect();
        let own: BTreeMap<&str, BTreeSet<&str>> = self
            .event
            .actions
            .iter()
            .map(|action| {
                (
                    action.name(),
                    action
                        .fields()
                        .into_iter()
                        .map(super::AnyField::id)
                        .collect(),
                )
            })
            .collect();
        for reference in self.event.references() {
            let in_action = reference
                .action
                .as_deref()
                .and_then(|action| own.get(action));
            let known =
                |id: &str| declared.contains(id) || in_action.is_some_and(|own| own.contains(id));
            if !known(&reference.field) {
                let names = declared
                    .iter()
                    .chain(in_action.into_iter().flatten())
                    .copied();
                let is_refused = ["/dateOfEvent", "/placeOfEvent", "/advancedSearch"]
                    .iter()
                    .any(|part| reference.pointer.starts_with(part));
                let hint = did_you_mean(&reference.field, names);
                let what = format!(
                    "{} points at the field `{}`, which does not exist",
                    reference.from, reference.field
                );
                if is_refused {
                    self.refused(reference.pointer, what, hint);
                } else {
                    self.problem(reference.pointer, what, hint);
                }
            }
        }
    }

    fn date_and_place(&mut self) {
        let Some(DateOfEvent::Field(date)) = &self.event.date else {
            return;
        };
        let kind = self
            .event
            .field_ids()
            .find(|(id, _)| *id == date.id())
            .map(|(_, kind)| kind);
        if let Some(kind) = kind
            && kind != FieldType::Date
        {
            self.refused(
                "/dateOfEvent",
                format!(
                    "the date of the event is the field `{}`, which is of type {}",
                    date.id(),
                    kind.name()
                ),
                "choose a field of type DATE".to_owned(),
            );
        }
    }

    fn actions(&mut self) {
        let mut names = BTreeSet::new();
        for (nth, action) in self.event.actions.iter().enumerate() {
            let at = || format!("/actions/{nth}");
            if !names.insert(action.name()) {
                self.problem(
                    at(),
                    format!("the action {} is defined twice", action.name()),
                    give_another(),
                );
            }
            if action.is_custom() && ORDERED_ACTIONS.contains(&action.name()) {
                self.problem(
                    at(),
                    format!(
                        "an own action is called {}, as one of core's",
                        action.name()
                    ),
                    give_another(),
                );
            }
            if action.action_type() == "READ" && action.has_conditionals() {
                self.refused(
                    at(),
                    "the action READ has conditions, which core refuses".to_owned(),
                    "limit reading by scopes in the roles".to_owned(),
                );
            }
            if !action.dialog_fields().is_empty()
                && !WITH_DIALOG_FORM.contains(&action.action_type())
            {
                self.problem(
                    at(),
                    format!("the dialog of the action {} has fields", action.name()),
                    format!("only {} may have some", WITH_DIALOG_FORM.join(", ")),
                );
            }
            if action.has_deduplication()
                && !["DECLARE", "REGISTER"].contains(&action.action_type())
            {
                self.problem(
                    at(),
                    format!("the action {} looks for duplicates", action.name()),
                    "only DECLARE and REGISTER do".to_owned(),
                );
            }
        }
        for needed in ["READ", "DECLARE", "REGISTER"] {
            if !names.contains(needed) {
                self.problem(
                    "/actions",
                    format!("there is no action {needed}"),
                    "every event has READ, DECLARE and REGISTER".to_owned(),
                );
            }
        }
        let own = self
            .event
            .actions
            .iter()
            .filter(|action| action.is_custom())
            .map(super::Action::name);
        let known: BTreeSet<&str> = own.chain(ORDERED_ACTIONS).collect();
        for name in self.event.action_order.iter().flatten() {
            if !known.contains(name.as_str()) {
                self.refused(
                    "/actionOrder",
                    format!("the order of actions names {name}, which is not an action"),
                    did_you_mean(name, known.iter().copied()),
                );
            }
        }
    }

    fn flags(&mut self) {
        let core: BTreeSet<String> = core_flags().collect();
        let mut declared = BTreeSet::new();
        for (nth, flag) in self.event.flags.iter().enumerate() {
            let at = || format!("/flags/{nth}");
            if !declared.insert(flag.id()) {
                self.problem(
                    at(),
                    format!("the flag `{}` is declared twice", flag.id()),
                    give_another(),
                );
            }
            if core.contains(flag.id()) {
                self.refused(
                    at(),
                    format!("the flag `{}` is core's own", flag.id()),
                    give_another(),
                );
            }
        }
        for (nth, action) in self.event.actions.iter().enumerate() {
            let changed = action.flags().iter().map(|flag| flag.id.clone());
            let asked = mentions(&json!(action)).flags;
            for id in changed.chain(asked) {
                if !declared.contains(id.as_str()) && !core.contains(&id) {
                    let names = declared
                        .iter()
                        .copied()
                        .chain(core.iter().map(String::as_str));
                    let hint = did_you_mean(&id, names)
                        .unwrap_or_else(|| "declare it among the flags of the event".to_owned());
                    let what = format!(
                        "the action {} uses the flag `{id}`, which is not declared",
                        action.name()
                    );
                    // Core looks at the flags that an action changes, not at those that it asks about.
                    if action.flags().iter().any(|flag| flag.id == id) {
                        self.refused(format!("/actions/{nth}"), what, hint);
                    } else {
                        self.problem(format!("/actions/{nth}"), what, hint);
                    }
                }
            }
        }
    }

    fn search(&mut self) {
        let mut seen = BTreeSet::new();
        let sections = self.event.advanced_search.iter().enumerate();
        let fields = sections.flat_map(|(nth, section)| {
            let fields = section.fields().iter().enumerate();
            fields.map(move |(field_nth, field)| {
                (format!("/advancedSearch/{nth}/fields/{field_nth}"), field)
            })
        });
        for (at, field) in fields {
            let id = field.field_id();
            if !seen.insert(id) {
                self.refused(
                    at.clone(),
                    format!("the search form asks for `{id}` twice"),
                    "remove one of them".to_owned(),
                );
            }
            if field.is_event()
                && field.search_fields().is_empty()
                && !EVENT_SEARCH_FIELDS.contains(&id)
            {
                self.refused(
                    at,
                    format!("core cannot search for `{id}`"),
                    did_you_mean(id, EVENT_SEARCH_FIELDS),
                );
            }
        }
    }
}

/// All problems of the events together, each event's own problems included.
pub fn problems(events: &[Event]) -> Vec<Problem> {
    let mut ids = BTreeSet::new();
    let twice = events
        .iter()
        .filter(|event| !ids.insert(&event.id))
        .map(|event| Problem {
            event: event.id.clone(),
            pointer: String::new(),
            what: "another event has the same id".to_owned(),
            hint: Some(give_another()),
            is_refused: true,
        });
    let own = events.iter().flat_map(Event::structural_problems);
    twice.chain(own).chain(message_problems(events)).collect()
}

/// Messages whose id stands for more than one text, be it in one event or across several.
fn message_problems(events: &[Event]) -> Vec<Problem> {
    #[derive(Default)]
    struct Uses {
        events: BTreeSet<String>,
        wordings: BTreeSet<String>,
        /// Event and place of the last wording that was new.
        last: (String, String),
    }
    let mut texts: BTreeMap<String, Uses> = BTreeMap::new();
    for event in events {
        for (pointer, message) in event.messages_with_pointers() {
            let uses = texts.entry(message.id().to_owned()).or_default();
            uses.events.insert(event.id.clone());
            if uses.wordings.insert(message.text().to_owned()) {
                uses.last = (event.id.clone(), pointer);
            }
        }
    }
    let twice = texts
        .into_iter()
        .filter(|(_, uses)| uses.wordings.len() > 1);
    twice
        .map(|(id, uses)| {
            let (event, pointer) = uses.last;
            let others = uses.events.into_iter().filter(|other| *other != event);
            let events: Vec<String> = others.chain([event.clone()]).collect();
            let wordings: Vec<String> = uses.wordings.into_iter().collect();
            Problem {
                event: events.join("`, `"),
                pointer,
                what: format!(
                    "the message `{id}` has more than one text: “{}”",
                    wordings.join("”, “")
                ),
                hint: Some("translations are found by the id: give each text its own".to_owned()),
                is_refused: false,
            }
        })
        .collect()
}

fn give_another() -> String {
    "give one of them another name".to_owned()
}

/// The flags that core sets by itself: those with a meaning of their own, and `<action type>:<state>`
/// while an action is not accepted.
pub fn core_flags() -> impl Iterator<Item = String> {
    let states = ["requested", "accepted", "rejected"];
    let of_actions = HookAction::ALL.into_iter().flat_map(move |action| {
        states.map(|state| format!("{}:{state}", action.name().to_ascii_lowercase()))
    });
    let inherent = INHERENT_FLAGS.into_iter().map(str::to_owned);
    inherent.chain(of_actions)
}

/// The closest of the names, if it is close enough to be a typing error.
pub(super) fn did_you_mean<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let allowed = (wrong.chars().count() / 3).max(2);
    names
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

/// Number of letters to insert, remove or replace to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.chars().zip(row.iter().skip(1).copied()) {
            let cost = usize::from(from != to);
            left = (left + 1).min(above + 1).min(diagonal + cost);
            diagonal = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

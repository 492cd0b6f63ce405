// SPDX-License-Identifier: MPL-2.0
//! The state of a record, by its actions.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::merge::{deep_drop_nulls, deep_merge};
use super::{Action, ActionId, ActionStatus, ActionType, EventDocument, Fields};
use crate::visibility::{Visibility, Visible};

/// The actions of a record, indexed by id: every question costs one pass at most.
///
/// Callers that ask for a state say which answers count: a state never has answers that the form hides.
#[derive(Debug)]
pub struct History<'a> {
    event_type: &'a str,
    actions: &'a [Action],
    by_id: HashMap<&'a ActionId, &'a Action>,
}

impl<'a> History<'a> {
    /// Indexes the actions. Where two bear the same id, the first counts, as in core.
    pub fn of(event: &'a EventDocument) -> Self {
        let mut by_id = HashMap::with_capacity(event.actions.len());
        for action in &event.actions {
            by_id.entry(&action.id).or_insert(action);
        }
        Self {
            event_type: &event.event_type,
            actions: &event.actions,
            by_id,
        }
    }

    /// The action of that id.
    pub fn action(&self, id: &ActionId) -> Option<&'a Action> {
        self.by_id.get(id).copied()
    }

    /// The action of this type that waits for an answer: the last that was requested and that no
    /// acceptance or rejection names.
    ///
    /// Core asks only while exactly one action waits, whatever its type. If an older one is stuck all the
    /// same, it is ignored: core asks about the newest.
    pub fn pending_action(&self, action_type: &str) -> Option<&'a Action> {
        self.pending_actions()
            .into_iter()
            .filter(|action| action.action_type.as_str() == action_type)
            .max_by_key(|action| created_at(action))
    }

    /// All actions that wait for an answer, in the order of the document.
    pub fn pending_actions(&self) -> Vec<&'a Action> {
        let answered: HashSet<&ActionId> = self
            .actions
            .iter()
            .filter(|action| {
                matches!(
                    action.status,
                    ActionStatus::Accepted | ActionStatus::Rejected
                )
            })
            .filter_map(|answer| answer.original_action_id.as_ref())
            .collect();
        self.actions
            .iter()
            .filter(|action| action.is_requested() && !answered.contains(&action.id))
            .collect()
    }

    /// The accepted actions, in the order of time.
    pub fn accepted_actions(&self) -> Vec<&'a Action> {
        let mut accepted: Vec<_> = self
            .actions
            .iter()
            .filter(|action| action.is_accepted())
            .collect();
        accepted.sort_by_key(|action| created_at(action));
        accepted
    }

    /// The answers that an action changes, with those of the request that it answers.
    pub fn complete_declaration(&self, action: &Action) -> Fields {
        let mut declaration = Fields::new();
        merge(&mut declaration, self.declarations(action));
        declaration
    }

    /// The annotation of an action, with that of the request that it answers.
    pub fn complete_annotation(&self, action: &Action) -> Fields {
        let requested = self
            .requested_original(action)
            .and_then(|original| original.annotation.as_ref());
        let mut annotation = requested.cloned().unwrap_or_default();
        if let Some(own) = &action.annotation {
            deep_merge(&mut annotation, own);
        }
        annotation
    }

    /// The content of an action over that of the request that it answers, key by key.
    pub fn complete_content(&self, action: &Action) -> Map<String, Value> {
        let original = action
            .original_action_id
            .as_ref()
            .and_then(|id| self.action(id));
        let mut content = original
            .and_then(|original| original.content.clone())
            .unwrap_or_default();
        content.extend(action.content.clone().unwrap_or_default());
        content
    }

    /// The answers after all accepted actions. Cleared answers are null, hidden ones are included.
    pub(super) fn aggregate_declaration(&self) -> Fields {
        let mut state = Fields::new();
        for action in self.accepted_actions() {
            self.apply(&mut state, action);
        }
        state
    }

    /// The annotations of all actions, whatever their status, in the order of the document.
    pub fn aggregate_annotation(&self) -> Fields {
        let mut annotation = Fields::new();
        for own in self
            .actions
            .iter()
            .filter_map(|action| action.annotation.as_ref())
        {
            deep_merge(&mut annotation, own);
        }
        annotation
    }

    /// Every accepted action in the order of time, with the answers after it: those that count on the day of
    /// the action.
    pub fn states(
        &self,
        visibility: &Visibility,
        day: impl Fn(&Action) -> Date,
    ) -> impl Iterator<Item = (&'a Action, Fields)> {
        let accepted = self.accepted_actions().into_iter();
        accepted.scan(Fields::new(), move |state, action| {
            self.apply(state, action);
            let visible = visibility.on(day(action));
            Some((action, self.visible(state.clone(), visible)))
        })
    }

    /// The answers as they stand now.
    pub fn current_state(&self, visible: Visible<'_>) -> Fields {
        self.visible(self.aggregate_declaration(), visible)
    }

    /// The answers after `pending` is accepted with the changes of this answer.
    ///
    /// An approval brings in the request that it names. A request for correction, its refusal and
    /// a print change nothing.
    pub fn state_as_if_accepted(
        &self,
        pending: &Action,
        answer: &Fields,
        visible: Visible<'_>,
    ) -> Fields {
        let mut state = self.aggregate_declaration();
        if self.apply(&mut state, pending) {
            deep_merge(&mut state, answer);
        }
        self.visible(state, visible)
    }

    /// The answers that `pending` asks for: as if it were accepted and, where it requests a
    /// correction, as if that were approved as well.
    pub fn proposed_state(&self, pending: &Action, visible: Visible<'_>) -> Fields {
        let mut state = self.aggregate_declaration();
        if pending.action_type == ActionType::REQUEST_CORRECTION {
            merge(&mut state, self.declarations(pending));
        } else {
            self.apply(&mut state, pending);
        }
        self.visible(state, visible)
    }

    /// The accepted actions that changed an answer, in the order of time, each with the new value.
    pub fn changes_of(&self, field: &str) -> impl Iterator<Item = (&Action, &Value)> {
        let accepted = self.accepted_actions().into_iter();
        accepted.filter_map(move |action| {
            let mut changes = self.changes(action)?.rev();
            let answer = changes.find_map(|declaration| declaration.get(field))?;
            Some((action, answer))
        })
    }

    /// The number of the accepted registration; the latest if there are several.
    pub fn registration_number(&self) -> Option<&'a str> {
        self.actions
            .iter()
            .filter(|action| action.is_accepted() && action.action_type == ActionType::REGISTER)
            .filter_map(|action| Some((created_at(action), action.registration_number.as_deref()?)))
            .max_by_key(|(created_at, _)| *created_at)
            .map(|(_, number)| number)
    }

    /// The accepted registration of a record that is not in the archive.
    pub fn registration(&self) -> Option<&'a Action> {
        let accepted = self.accepted_actions();
        let last = |kind: &str| {
            accepted
                .iter()
                .rposition(|a| a.action_type.as_str() == kind)
        };
        let registered = last(ActionType::REGISTER.as_str())?;
        let archived = last("ARCHIVE").filter(|archived| Some(*archived) > last("UNARCHIVE"));
        let action = accepted.get(registered).copied();
        action.filter(|_| archived.is_none())
    }

    /// Checks whether something about the record is open: an action waits for its answer, or a requested
    /// correction is neither approved nor rejected.
    pub fn is_unsettled(&self) -> bool {
        let answers = |id: &ActionId, of: fn(&Action) -> Option<&ActionId>| {
            self.actions.iter().any(|answer| {
                let settles = matches!(
                    answer.status,
                    ActionStatus::Accepted | ActionStatus::Rejected
                );
                settles && of(answer) == Some(id)
            })
        };
        self.actions.iter().any(|action| match action.status {
            ActionStatus::Requested => !answers(&action.id, |a| a.original_action_id.as_ref()),
            ActionStatus::Accepted if action.action_type == ActionType::REQUEST_CORRECTION => {
                !answers(&action.id, |a| {
                    a.request_id.as_ref().filter(|_| a.is_accepted())
                })
            }
            _ => false,
        })
    }

    /// Lets an action take effect; false where it has none.
    fn apply(&self, state: &mut Fields, action: &Action) -> bool {
        let changes = self.changes(action);
        let has_effect = changes.is_some();
        merge(state, changes.into_iter().flatten());
        has_effect
    }

    /// The declarations that an action merges over the answers, in order; none if it has no effect.
    fn changes<'s>(
        &'s self,
        action: &'s Action,
    ) -> Option<impl DoubleEndedIterator<Item = &'s Fields>> {
        const NO_EFFECT: [ActionType; 3] = [
            ActionType::REQUEST_CORRECTION,
            ActionType::REJECT_CORRECTION,
            ActionType::PRINT_CERTIFICATE,
        ];
        if NO_EFFECT.contains(&action.action_type) {
            return None;
        }
        let mut request = None;
        if action.action_type == ActionType::APPROVE_CORRECTION {
            let named = action.request_id.as_ref().and_then(|id| self.action(id));
            request = Some(named.filter(|request| request.is_accepted())?);
        }
        let declarations = request.into_iter().chain([action]);
        Some(declarations.flat_map(|action| self.declarations(action)))
    }

    /// The declaration of the request that an action answers, and its own.
    ///
    /// Core first makes the declaration complete and then merges it after its first half; merging
    /// the halves one after the other is the same and copies less.
    fn declarations<'s>(
        &'s self,
        action: &'s Action,
    ) -> impl DoubleEndedIterator<Item = &'s Fields> {
        let original = self.requested_original(action);
        let original = original.map(|original| &original.declaration);
        original.into_iter().chain([&action.declaration])
    }

    /// The answers that count, without those that were cleared.
    fn visible(&self, mut state: Fields, visible: Visible<'_>) -> Fields {
        deep_drop_nulls(&mut state);
        visible.retain(self.event_type, &mut state);
        state
    }

    /// The request that an action answers.
    pub fn requested_original(&self, action: &Action) -> Option<&'a Action> {
        self.action(action.original_action_id.as_ref()?)
            .filter(|original| original.is_requested())
    }
}

/// Core compares these as text; a missing one comes first.
fn created_at(action: &Action) -> &str {
    action.created_at.as_deref().unwrap_or_default()
}

fn merge<'a>(state: &mut Fields, declarations: impl IntoIterator<Item = &'a Fields>) {
    for declaration in declarations {
        deep_merge(state, declaration);
    }
}

#[cfg(test)]
mod tests;

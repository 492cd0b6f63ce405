// SPDX-License-Identifier: MPL-2.0
//! What the actions of a record add up to.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::merge::{deep_drop_nulls, deep_merge};
use super::{Action, ActionId, ActionStatus, ActionType, EventDocument, Fields};

/// The actions of a record, indexed by id: every question costs one pass at most.
#[derive(Debug)]
pub struct History<'a> {
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
    /// Core asks only while exactly one action waits, whatever its type. Should an older one be
    /// stuck all the same, it is noise: the newest is the one that core asks about.
    pub fn pending_action(&self, action_type: &str) -> Option<&'a Action> {
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
            .filter(|action| action.is_requested() && action.action_type.as_str() == action_type)
            .filter(|action| !answered.contains(&action.id))
            .max_by_key(|action| created_at(action))
    }

    /// What was accepted, in the order of time.
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
        self.merge_declaration(&mut declaration, action);
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

    /// The answers as all accepted actions left them. Cleared answers are null.
    pub fn aggregate_declaration(&self) -> Fields {
        let mut state = Fields::new();
        for action in self.accepted_actions() {
            self.apply(&mut state, action);
        }
        state
    }

    /// The annotations of all actions, whatever became of them, in the order of the document.
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

    /// Every accepted action in the order of time, with the answers as it left them. Cleared answers
    /// are null.
    pub fn states(&self) -> impl Iterator<Item = (&'a Action, Fields)> {
        let accepted = self.accepted_actions().into_iter();
        accepted.scan(Fields::new(), |state, action| {
            self.apply(state, action);
            Some((action, state.clone()))
        })
    }

    /// The answers as they stand now, without those that were cleared.
    pub fn current_state(&self) -> Fields {
        without_nulls(self.aggregate_declaration())
    }

    /// The answers as they will stand once `pending` is accepted.
    ///
    /// An approval brings in the request that it names. A request for correction, its refusal and
    /// a print change nothing.
    pub fn state_as_if_accepted(&self, pending: &Action) -> Fields {
        let mut state = self.aggregate_declaration();
        self.apply(&mut state, pending);
        without_nulls(state)
    }

    /// The answers that `pending` asks for: as if it were accepted and, where it requests a
    /// correction, as if that were approved as well.
    pub fn proposed_state(&self, pending: &Action) -> Fields {
        let mut state = self.aggregate_declaration();
        if pending.action_type == ActionType::REQUEST_CORRECTION {
            self.merge_declaration(&mut state, pending);
        } else {
            self.apply(&mut state, pending);
        }
        without_nulls(state)
    }

    /// The number of the accepted registration, the latest should there be several.
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

    /// Whether something about the record is open: an action waits for its answer, or a correction that
    /// was requested is neither approved nor rejected.
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

    /// Lets an action take effect.
    fn apply(&self, state: &mut Fields, action: &Action) {
        const NO_EFFECT: [ActionType; 3] = [
            ActionType::REQUEST_CORRECTION,
            ActionType::REJECT_CORRECTION,
            ActionType::PRINT_CERTIFICATE,
        ];
        if NO_EFFECT.contains(&action.action_type) {
            return;
        }
        if action.action_type == ActionType::APPROVE_CORRECTION {
            let named = action.request_id.as_ref().and_then(|id| self.action(id));
            let Some(request) = named.filter(|request| request.is_accepted()) else {
                return;
            };
            self.merge_declaration(state, request);
        }
        self.merge_declaration(state, action);
    }

    /// Core first makes the declaration complete and then merges it after its first half; merging
    /// the halves one after the other is the same and copies less.
    fn merge_declaration(&self, state: &mut Fields, action: &Action) {
        if let Some(original) = self.requested_original(action) {
            deep_merge(state, &original.declaration);
        }
        deep_merge(state, &action.declaration);
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

fn without_nulls(mut state: Fields) -> Fields {
    deep_drop_nulls(&mut state);
    state
}

#[cfg(test)]
mod tests;

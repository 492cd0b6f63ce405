// SPDX-License-Identifier: MPL-2.0
//! The child's national ID while the registration of a birth is revoked: cleared with the revocation,
//! restored when the registration is reinstated. Otherwise the next correction would ask MOSIP for a
//! second identity.

use opencrvs_toolkit::event_document::{Action, Fields, History};
use opencrvs_toolkit::writer::custom_action;
use serde_json::Value;

/// The answer that holds it.
const NATIONAL_ID: &str = "child.nid";

/// The changes that a revocation or reinstatement of a birth makes in the record; none for other actions.
pub(crate) fn patch(event_type: &str, history: &History<'_>, pending: &Action) -> Fields {
    let custom = custom_action(pending).filter(|_| event_type == "birth");
    let national_id = match custom {
        Some("REVOKE_REGISTRATION") => Some(Value::Null),
        Some("REINSTATE_REVOKE_REGISTRATION") => cleared_national_id(history).cloned(),
        _ => None,
    };
    let changed = national_id.map(|value| (NATIONAL_ID.to_owned(), value));
    changed.into_iter().collect()
}

/// The last national ID that the record had; `None` if it has one.
fn cleared_national_id<'h>(history: &'h History<'_>) -> Option<&'h Value> {
    let values: Vec<_> = history
        .changes_of(NATIONAL_ID)
        .map(|(_, value)| value)
        .collect();
    let is_known = |value: &&&Value| !value.is_null() && value.as_str() != Some("");
    if values.last().is_some_and(|last| is_known(&last)) {
        return None;
    }
    values.iter().rfind(is_known).copied()
}

// SPDX-License-Identifier: MPL-2.0
//! The state that core derives of a record: its search entry, and the actions that are possible.

use opencrvs_toolkit::event_document::{Action, ActionStatus, EventDocument};
use serde_json::{Value, json};

/// Actions that do not change a record's state.
const META: [&str; 3] = ["READ", "ASSIGN", "UNASSIGN"];

/// The status after the accepted actions.
pub(in crate::sandbox) fn status(document: &EventDocument) -> &'static str {
    let accepted = document
        .actions
        .iter()
        .filter(|action| action.is_accepted());
    accepted.fold("CREATED", |status, action| {
        match action.action_type.as_str() {
            "NOTIFY" => "NOTIFIED",
            "DECLARE" => "DECLARED",
            "REGISTER" => "REGISTERED",
            "ARCHIVE" => "ARCHIVED",
            _ => status,
        }
    })
}

/// The flags of actions that were not accepted: the last action of each type decides.
pub(in crate::sandbox) fn flags(document: &EventDocument) -> Vec<String> {
    let mut last: Vec<(&str, &Action)> = Vec::new();
    for action in &document.actions {
        let word = action.action_type.as_str();
        if META.contains(&word) {
            continue;
        }
        last.retain(|(known, _)| *known != word);
        last.push((word, action));
    }
    let flag = |(word, action): &(&str, &Action)| {
        let status = action.status.as_str();
        format!("{word}:{status}").to_lowercase()
    };
    let open = last.iter().filter(|(_, action)| !action.is_accepted());
    let mut flags: Vec<_> = open.map(flag).collect();
    if was_rejected(document) {
        flags.push("rejected".to_owned());
    }
    flags
}

/// Returns true if the declaration was rejected and not sent again.
fn was_rejected(document: &EventDocument) -> bool {
    let accepted = document
        .actions
        .iter()
        .filter(|action| action.is_accepted());
    accepted.fold(false, |rejected, action| {
        match action.action_type.as_str() {
            "REJECT" => true,
            "NOTIFY" | "DECLARE" | "EDIT" | "REGISTER" => false,
            _ => rejected,
        }
    })
}

/// The search entry of a record; none before its declaration.
pub(super) fn entry(document: &EventDocument) -> Option<Value> {
    let status = status(document);
    if status == "CREATED" {
        return None;
    }
    let mut actions = document.actions.iter().rev();
    let last = actions.find(|action| {
        action.status == ActionStatus::Accepted && !META.contains(&action.action_type.as_str())
    });
    Some(json!({
        "id": document.id,
        "type": document.event_type,
        "trackingId": document.tracking_id,
        "status": status,
        "flags": flags(document),
        "createdAt": document.created_at,
        "updatedAt": last.and_then(|action| action.created_at.as_deref()),
    }))
}

/// Checks whether an action is possible in the state of a record.
pub(super) fn allows(document: &EventDocument, word: &str) -> bool {
    let allowed: &[&str] = match status(document) {
        "CREATED" => &["DECLARE", "NOTIFY", "CUSTOM"],
        _ if was_rejected(document) => &["NOTIFY", "CUSTOM", "EDIT", "ARCHIVE"],
        "NOTIFIED" => &["EDIT", "ARCHIVE", "REJECT", "CUSTOM"],
        "DECLARED" => &["REGISTER", "ARCHIVE", "REJECT", "CUSTOM", "EDIT"],
        "REGISTERED" => &[
            "PRINT_CERTIFICATE",
            "REQUEST_CORRECTION",
            "APPROVE_CORRECTION",
            "REJECT_CORRECTION",
            "CUSTOM",
        ],
        _ => &["CUSTOM"],
    };
    allowed.contains(&word)
}

/// Checks whether a search entry matches a query.
///
/// # Errors
/// The reason why core, or this stand-in, does not accept the query.
pub(super) fn matches(query: &Value, entry: &Value) -> Result<bool, String> {
    let clauses = query.get("clauses").and_then(Value::as_array);
    let (Some(kind), Some(clauses)) = (query.get("type").and_then(Value::as_str), clauses) else {
        return matches_clause(query, entry);
    };
    if clauses.is_empty() {
        return Err("a query needs a clause".to_owned());
    }
    let verdicts: Result<Vec<bool>, String> = clauses
        .iter()
        .map(|clause| matches(clause, entry))
        .collect();
    let verdicts = verdicts?;
    match kind {
        "and" => Ok(verdicts.into_iter().all(|verdict| verdict)),
        "or" => Ok(verdicts.into_iter().any(|verdict| verdict)),
        other => Err(format!("`{other}` is neither `and` nor `or`")),
    }
}

fn matches_clause(clause: &Value, entry: &Value) -> Result<bool, String> {
    let conditions = clause.as_object().filter(|clause| !clause.is_empty());
    let conditions = conditions.ok_or("a clause needs a condition")?;
    let mut holds = true;
    for (name, wanted) in conditions {
        holds &= match name.as_str() {
            "id" => entry.get("id") == Some(wanted),
            "eventType" => entry.get("type") == Some(wanted),
            "status" | "trackingId" => {
                let known = entry.get(name);
                let terms = wanted.get("terms").and_then(Value::as_array);
                wanted.get("term").is_some_and(|term| Some(term) == known)
                    || terms.is_some_and(|terms| terms.iter().any(|term| Some(term) == known))
            }
            "flags" => has_flags(wanted, entry),
            other => return Err(format!("this core does not search by `{other}`")),
        };
    }
    Ok(holds)
}

fn has_flags(wanted: &Value, entry: &Value) -> bool {
    let flags = entry.get("flags").and_then(Value::as_array);
    let has = |flag: &Value| flags.is_some_and(|flags| flags.contains(flag));
    let list = |name: &str| wanted.get(name).and_then(Value::as_array);
    list("anyOf").is_none_or(|any| any.iter().any(has))
        && list("allOf").is_none_or(|all| all.iter().all(has))
        && list("noneOf").is_none_or(|none| !none.iter().any(has))
}

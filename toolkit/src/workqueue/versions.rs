// SPDX-License-Identifier: MPL-2.0
//! Workqueues as each version of core reads them.

use serde_json::{Map, Value, json};

use super::{Records, Workqueue, WorkqueueQuery};
use crate::core_version::CoreVersion;

/// The flag of a declaration that is not complete, until core 2.2 has the status `NOTIFIED` for it.
const INCOMPLETE: &str = "incomplete";

impl Workqueue {
    /// The list in the form of a version of core.
    ///
    /// # Errors
    /// A condition that this version cannot express, and would take for a wider one.
    pub fn for_core(mut self, core: CoreVersion) -> Result<Self, String> {
        if core < CoreVersion::V2_1 {
            self.query = without_all_of(self.query, core)?;
        }
        if core >= CoreVersion::V2_2 {
            for records in &mut self.query.clauses {
                by_status(&mut records.0)?;
            }
        }
        Ok(self)
    }
}

/// Core 2.0 drops `allOf`: a list would hold more records, and a clause with nothing else all records.
fn without_all_of(query: WorkqueueQuery, core: CoreVersion) -> Result<WorkqueueQuery, String> {
    let is_alone = query.clauses.len() == 1;
    let mut further = Vec::new();
    let mut clauses = query.clauses;
    for Records(clause) in &mut clauses {
        let Some(flags) = clause.get_mut("flags").and_then(Value::as_object_mut) else {
            continue;
        };
        let Some(Value::Array(mut wanted)) = flags.shift_remove("allOf") else {
            continue;
        };
        if !flags.contains_key("anyOf") && !wanted.is_empty() {
            flags.insert("anyOf".to_owned(), json!([wanted.remove(0)]));
        }
        further.extend(wanted);
    }
    if further.is_empty() {
        return Ok(WorkqueueQuery { clauses, ..query });
    }
    if !is_alone {
        return Err(format!(
            "core {core} cannot ask for several flags at once in one of several descriptions"
        ));
    }
    let one = |flag: Value| {
        let clause = json!({ "flags": { "anyOf": [flag] } });
        Records(clause.as_object().cloned().unwrap_or_default())
    };
    clauses.extend(further.into_iter().map(one));
    Ok(WorkqueueQuery::all(clauses))
}

/// Asks for the status in place of the flag.
fn by_status(clause: &mut Map<String, Value>) -> Result<(), String> {
    let Some(flags) = clause.get_mut("flags").and_then(Value::as_object_mut) else {
        return Ok(());
    };
    let mut is_wanted = false;
    for (key, list) in flags.iter_mut() {
        let list = list.as_array_mut();
        let Some(list) = list.filter(|list| list.iter().any(|flag| flag == INCOMPLETE)) else {
            continue;
        };
        if key == "noneOf" || key == "anyOf" && list.len() > 1 {
            return Err(format!(
                "core 2.2 has no flag `{INCOMPLETE}`; describe the records by their status (NOTIFIED is what was not complete)"
            ));
        }
        list.retain(|flag| flag != INCOMPLETE);
        is_wanted = true;
    }
    flags.retain(|_, list| list.as_array().is_none_or(|list| !list.is_empty()));
    if flags.is_empty() {
        clause.shift_remove("flags");
    }
    if is_wanted {
        let status = json!({ "type": "exact", "term": "NOTIFIED" });
        if clause.get("status").is_some_and(|given| *given != status) {
            return Err(format!(
                "core 2.2 has no flag `{INCOMPLETE}`: what has it is NOTIFIED, and another status is asked for"
            ));
        }
        clause.insert("status".to_owned(), status);
    }
    Ok(())
}

// SPDX-License-Identifier: MPL-2.0
//! Events as each version of core reads them.
//!
//! There is one model of an event, and it is written in the form of the version that reads it. A version
//! that does not know an action type refuses all events. It drops keys that it does not know. Parts newer
//! than a version are left out for it if no record depends on them, and are a [`Problem`] otherwise.

use serde_json::{Map, Value, json};

use crate::action::TYPES_OF_2_0;
use crate::conditional::mentions;
use crate::core_version::CoreVersion;
use crate::event::{Event, Problem};
use crate::event_document::Action;
use crate::workqueue::ICONS;

/// Events in the form of a version of core.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// The documents, in the order of the events.
    pub events: Vec<Value>,
    /// Parts that this version does not know, and would need to know.
    pub problems: Vec<Problem>,
}

/// Actions that core has from 2.2 on, and the names of the country's own actions that they replace.
const REGISTRATION_ACTIONS: [(&str, &str); 2] = [
    ("REVOKE_REGISTRATION", "REVOKE_REGISTRATION"),
    ("REINSTATE_REVOKE_REGISTRATION", "REINSTATE_REGISTRATION"),
];

/// Icons of core 2.1 that [`ICONS`] of core 2.0 does not have.
const LATER_ICONS: [&str; 2] = ["FileLock", "Unlock"];

/// Settings of fields that core 2.0 does not know, by type.
const LATER_SETTINGS: [(&str, [&str; 2]); 4] = [
    ("LOCATION", ["activeOnly", "anchorToDateOfEvent"]),
    ("ADMINISTRATIVE_AREA", ["activeOnly", "anchorToDateOfEvent"]),
    ("ADDRESS", ["activeOnly", "anchorToDateOfEvent"]),
    ("FIELD_GROUP", ["separator", "hideEmptyFields"]),
];

/// The type that core 2.2 has for an action of the country's own; none if it stays the country's own.
pub fn registration_action(custom: &str, core: CoreVersion) -> Option<&'static str> {
    let mut known = REGISTRATION_ACTIONS.iter();
    let (_, cores) = known.find(|(name, _)| *name == custom)?;
    (core >= CoreVersion::V2_2).then_some(*cores)
}

/// The name that the country has for an action of its own, whatever core's version: core 2.2 has types for
/// some of them. `None` for core's other actions.
pub fn custom_action(action: &Action) -> Option<&str> {
    let own = action.action_type.as_str();
    let known = || REGISTRATION_ACTIONS.iter().find(|(_, cores)| *cores == own);
    let of_core = || known().map(|(name, _)| *name);
    action.custom_action_type.as_deref().or_else(of_core)
}

/// Writes events for a version of core.
///
/// # Errors
/// An event that cannot be written as JSON.
pub fn events(events: &[Event], core: CoreVersion) -> serde_json::Result<Written> {
    let mut written = Written::default();
    for event in events {
        let mut document = serde_json::to_value(event)?;
        let mut writer = Writer {
            event: event.id(),
            core,
            problems: &mut written.problems,
        };
        if let Some(document) = document.as_object_mut() {
            writer.write(document);
        }
        written.events.push(document);
    }
    Ok(written)
}

struct Writer<'a> {
    event: &'a str,
    core: CoreVersion,
    problems: &'a mut Vec<Problem>,
}

impl Writer<'_> {
    fn write(&mut self, event: &mut Map<String, Value>) {
        if self.core < CoreVersion::V2_1 {
            self.leave_out_actions(event);
            event.shift_remove("icon");
            event
                .values_mut()
                .for_each(|part| self.leave_out_settings(part));
            return;
        }
        self.icons(event);
        self.complete_actions(event);
        if self.core >= CoreVersion::V2_2 {
            self.ask_for_status(event);
            take_cores_own_actions(event);
            move_declaration(event);
        }
    }

    fn problem(&mut self, what: String, hint: &str) {
        self.problems.push(Problem {
            event: self.event.to_owned(),
            pointer: String::new(),
            what,
            hint: Some(hint.to_owned()),
            is_refused: true,
        });
    }

    /// Leaves out the types and forms of actions that core 2.0 does not know.
    fn leave_out_actions(&mut self, event: &mut Map<String, Value>) {
        let Some(actions) = event.get("actions").and_then(Value::as_array) else {
            return;
        };
        for action in actions {
            let name = type_of(action);
            self.dialog_form(action, name);
            if !TYPES_OF_2_0.contains(&name) {
                self.left_out(action, name, actions);
            }
        }
        if let Some(actions) = event.get_mut("actions").and_then(Value::as_array_mut) {
            actions.retain(|action| TYPES_OF_2_0.contains(&type_of(action)));
            actions.iter_mut().for_each(remove_dialog_form);
        }
        if let Some(order) = event.get_mut("actionOrder").and_then(Value::as_array_mut) {
            order.retain(|name| name != "UNARCHIVE");
        }
    }

    /// Reports a dialog with a mandatory field: the country relies on such a dialog.
    fn dialog_form(&mut self, action: &Value, name: &str) {
        let fields = action.get("form").and_then(Value::as_array);
        let mut fields = fields.into_iter().flatten();
        let is_required =
            |field: &Value| field.get("required").is_some_and(|it| *it != json!(false));
        if name != "CUSTOM" && fields.any(is_required) {
            let core = self.core;
            let what = format!(
                "the dialog of the action {name} has a field that must be filled in, and core {core} has no such dialogs"
            );
            self.problem(
                what,
                "make the field optional, or ask for it in the declaration",
            );
        }
    }

    /// Reports an action that core does itself, if leaving it out would change something.
    fn left_out(&mut self, action: &Value, name: &str, actions: &[Value]) {
        let stands_in = match name {
            "UNARCHIVE" => return,
            "NOTIFY" => "DECLARE",
            "APPROVE_CORRECTION" | "REJECT_CORRECTION" => "REQUEST_CORRECTION",
            _ => "",
        };
        let other = actions.iter().find(|other| type_of(other) == stands_in);
        let is_empty = |list: &Value| list.as_array().is_some_and(Vec::is_empty);
        let conditionals = |action: &Value| {
            let list = action.get("conditionals").filter(|list| !is_empty(list));
            list.cloned()
        };
        let core = self.core;
        if conditionals(action) != other.and_then(conditionals) {
            let what = format!(
                "the action {name} has conditions of its own, and core {core} does not know them"
            );
            let hint = match stands_in {
                "" => "take them out for this version".to_owned(),
                other => format!("give it those of {other}, which hold for it there"),
            };
            self.problem(what, &hint);
        }
        let flags = action.get("flags").and_then(Value::as_array);
        if flags.is_some_and(|flags| !flags.is_empty()) {
            let what = format!(
                "the action {name} sets or clears flags, and core {core} does not apply them"
            );
            self.problem(what, "let another action change them");
        }
    }

    /// Leaves out the settings of pages and fields that core 2.0 does not know.
    fn leave_out_settings(&mut self, value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.shift_remove("showClearButton");
                if object.get("secured").is_some_and(Value::is_object) {
                    let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
                    let what = format!(
                        "the field `{id}` is secured on a condition, and core {} refuses all events because of it",
                        self.core
                    );
                    self.problem(what, "secure it always, or not at all");
                }
                let later = LATER_SETTINGS
                    .iter()
                    .find(|(name, _)| object.get("type").and_then(Value::as_str) == Some(*name));
                if let Some((name, settings)) = later
                    && let Some(configuration) = object.get_mut("configuration")
                    && let Some(configuration) = configuration.as_object_mut()
                {
                    configuration.retain(|key, _| !settings.contains(&key.as_str()));
                    if configuration.is_empty() && *name == "FIELD_GROUP" {
                        object.shift_remove("configuration");
                    }
                }
                object
                    .values_mut()
                    .for_each(|value| self.leave_out_settings(value));
            }
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.leave_out_settings(item)),
            _ => {}
        }
    }

    fn icons(&mut self, event: &Map<String, Value>) {
        let icons = event.get("icon").and_then(Value::as_object);
        for icon in icons.into_iter().flat_map(Map::keys) {
            if !ICONS.contains(&icon.as_str()) && !LATER_ICONS.contains(&icon.as_str()) {
                let what = format!("core has no icon `{icon}`");
                self.problem(
                    what,
                    "take one of the icons that workqueues may have, FileLock or Unlock",
                );
            }
        }
    }

    /// Adds entries for actions that are separate in core 2.1, but share the entries of others in core 2.0.
    /// The actions themselves stay unchanged.
    fn complete_actions(&mut self, event: &mut Map<String, Value>) {
        let Some(actions) = event.get_mut("actions").and_then(Value::as_array_mut) else {
            return;
        };
        let entry = |actions: &[Value], name: &str| {
            actions
                .iter()
                .find(|action| type_of(action) == name)
                .cloned()
        };
        let mut added = Vec::new();
        if let (Some(declare), None) = (entry(actions, "DECLARE"), entry(actions, "NOTIFY"))
            && !is_empty(&declare, "flags")
        {
            added.push(("DECLARE", derived(&declare, "NOTIFY")));
        }
        if let Some(request) = entry(actions, "REQUEST_CORRECTION")
            && !is_empty(&request, "conditionals")
        {
            for name in ["REJECT_CORRECTION", "APPROVE_CORRECTION"] {
                if entry(actions, name).is_none() {
                    added.push(("REQUEST_CORRECTION", derived(&request, name)));
                }
            }
        }
        for (after, action) in added {
            let at = actions.iter().position(|action| type_of(action) == after);
            actions.insert(at.map_or(0, |at| at + 1), action);
        }
        for action in actions {
            let name = type_of(action).to_owned();
            if !["READ", "ASSIGN", "UNASSIGN"].contains(&name.as_str()) {
                continue;
            }
            if is_empty(action, "flags") {
                if let Some(action) = action.as_object_mut() {
                    action.shift_remove("flags");
                }
            } else {
                let what = format!("the action {name} sets or clears flags, which core refuses");
                self.problem(what, "let another action change them");
            }
        }
    }

    /// Removes the flag `incomplete`, for which core 2.2 has a status.
    fn ask_for_status(&mut self, event: &mut Map<String, Value>) {
        let actions = event.get_mut("actions").and_then(Value::as_array_mut);
        for action in actions.into_iter().flatten() {
            if let Some(flags) = action.get_mut("flags").and_then(Value::as_array_mut) {
                flags.retain(|flag| flag.get("id").is_none_or(|id| id != "incomplete"));
            }
        }
        let is_asked = |part: &Value| mentions(part).flags.contains("incomplete");
        if event.values().any(is_asked) {
            let what = "a condition asks for the flag `incomplete`, which core 2.2 does not have";
            self.problem(what.to_owned(), "ask for the status NOTIFIED");
        }
    }
}

/// An entry with the name, the icon and the conditions of another.
fn derived(of: &Value, name: &str) -> Value {
    let mut entry = Map::new();
    entry.insert("type".to_owned(), json!(name));
    let kept = ["label", "flags", "supportingCopy", "icon", "conditionals"];
    for key in kept {
        if let Some(value) = of.get(key) {
            let own = if key == "flags" {
                json!([])
            } else {
                value.clone()
            };
            entry.insert(key.to_owned(), own);
        }
    }
    entry.into()
}

fn take_cores_own_actions(event: &mut Map<String, Value>) {
    let actions = event.get_mut("actions").and_then(Value::as_array_mut);
    for action in actions
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        let custom = action.get("customActionType").and_then(Value::as_str);
        let Some(name) = custom.and_then(|name| registration_action(name, CoreVersion::V2_2))
        else {
            continue;
        };
        action.insert("type".to_owned(), json!(name));
        action.shift_remove("customActionType");
        action.shift_remove("auditHistoryLabel");
    }
    let order = event.get_mut("actionOrder").and_then(Value::as_array_mut);
    for entry in order.into_iter().flatten() {
        let name = entry.as_str().unwrap_or_default();
        if let Some(name) = registration_action(name, CoreVersion::V2_2) {
            *entry = json!(name);
        }
    }
}

fn move_declaration(event: &mut Map<String, Value>) {
    let Some(declaration) = event.shift_remove("declaration") else {
        return;
    };
    let actions = event.get_mut("actions").and_then(Value::as_array_mut);
    let mut actions = actions.into_iter().flatten();
    let declare = actions.find(|action| type_of(action) == "DECLARE");
    if let Some(declare) = declare.and_then(Value::as_object_mut) {
        declare.insert("declaration".to_owned(), declaration);
    }
}

fn remove_dialog_form(action: &mut Value) {
    if type_of(action) != "CUSTOM"
        && let Some(action) = action.as_object_mut()
    {
        action.shift_remove("form");
    }
}

fn type_of(action: &Value) -> &str {
    action
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn is_empty(action: &Value, list: &str) -> bool {
    let list = action.get(list).and_then(Value::as_array);
    list.is_none_or(Vec::is_empty)
}

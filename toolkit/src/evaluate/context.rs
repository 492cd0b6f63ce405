// SPDX-License-Identifier: MPL-2.0
//! The data that a conditional is evaluated on.

use jiff::civil;
use serde_json::{Map, Value, json};

use super::age;

/// The object that core evaluates conditionals against; values that are not given are absent, as in core.
#[derive(Clone, Debug)]
pub struct Context {
    root: Value,
}

impl Context {
    /// The values of a form, by field id, and the day that counts as today. The user is online.
    pub fn new(form: Map<String, Value>, today: civil::Date) -> Self {
        let form = age::rewrite(form, today);
        Self {
            root: json!({
                "$form": form,
                "$now": today.to_string(),
                "$online": true,
                "$leafAdminStructureLocationIds": []
            }),
        }
    }

    /// The user's token: `scope`, `role`, `sub`, `userType`.
    pub fn user(self, user: Value) -> Self {
        self.with("$user", user)
    }

    /// The record with its history, an `EventDocument`.
    pub fn event(self, event: Value) -> Self {
        self.with("$event", event)
    }

    /// The record's flags; actions only.
    pub fn flags<S: Into<String>>(self, flags: impl IntoIterator<Item = S>) -> Self {
        let flags: Vec<String> = flags.into_iter().map(Into::into).collect();
        self.with("$flags", flags.into())
    }

    /// The record's status, for example `REGISTERED`; actions only.
    pub fn status(self, status: &str) -> Self {
        self.with("$status", status.into())
    }

    /// Sets whether the user's device is connected.
    pub fn online(self, online: bool) -> Self {
        self.with("$online", online.into())
    }

    /// Ids of the administrative areas of the lowest level.
    pub fn leaf_locations<S: Into<String>>(self, ids: impl IntoIterator<Item = S>) -> Self {
        let ids = ids.into_iter().map(|id| json!({ "id": id.into() }));
        self.with("$leafAdminStructureLocationIds", ids.collect())
    }

    /// The value of a field, AGE values rewritten.
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.root.get("$form").and_then(|form| form.get(field))
    }

    pub(super) fn root(&self) -> &Value {
        &self.root
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        if let Value::Object(root) = &mut self.root {
            root.insert(key.to_owned(), value);
        }
        self
    }
}

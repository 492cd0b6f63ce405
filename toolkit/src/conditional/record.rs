// SPDX-License-Identifier: MPL-2.0
//! Questions about the record, its history and the user, and the references that stand beside them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::schema::schema;
use super::{Conditional, Nested};

/// Holds when the record carries the flag; for actions only.
pub fn flag(id: &str) -> Conditional {
    Conditional::new(schema!({
        "type": "object",
        "properties": { "$flags": { "type": "array", "contains": { "type": "string", "const": (id.to_owned()) } } },
        "required": ["$flags"]
    }))
}

/// Holds when the record has the status, for example `REGISTERED`; for actions only.
pub fn status(status: &str) -> Conditional {
    Conditional::new(schema!({
        "type": "object",
        "properties": { "$status": { "type": "string", "const": (status.to_owned()) } },
        "required": ["$status"]
    }))
}

/// The person who works on the record.
pub fn user() -> UserReference {
    UserReference
}

/// The record itself: its history and what core keeps about it.
pub fn event() -> EventReference {
    EventReference
}

/// The day, or the time, at which a form is opened.
pub fn now() -> Now {
    Now { now: true }
}

/// The browser window.
pub fn window() -> Window {
    Window
}

/// A default that the browser computes with the self-contained JavaScript function `(_, context) => …`.
pub fn evaluate(code: impl Into<String>) -> Computed {
    Computed { code: code.into() }
}

/// The user: role, scopes, office, place.
#[derive(Clone, Copy, Debug)]
pub struct UserReference;

/// Data of the signed-in user that core can put into a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are core's and say it")]
pub enum UserField {
    Id,
    Name,
    Role,
    FullHonorificName,
    Device,
    Firstname,
    Middlename,
    Surname,
    Signature,
    Avatar,
    PrimaryOfficeId,
    AdministrativeAreaId,
}

/// A property of the user as a default value or a workqueue term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserFieldReference {
    #[serde(rename = "$userField")]
    field: UserField,
    #[serde(rename = "$location", skip_serializing_if = "Option::is_none")]
    level: Option<String>,
}

/// The administrative area of a level in which the user works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocationLevel {
    #[serde(rename = "$user")]
    user: Level,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Level {
    #[serde(rename = "$location")]
    location: String,
}

/// An option of one of the user's scopes, for example the places for which records may be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeOption {
    #[serde(rename = "$scope")]
    scope: String,
    #[serde(rename = "$option")]
    option: String,
}

/// A scope of the user whose option is still to be named.
#[derive(Clone, Debug)]
pub struct ScopeReference(String);

/// The area in which a user can choose places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Jurisdiction {
    /// The user's administrative area and what lies in it.
    AdministrativeArea,
    /// The user's office or facility.
    Location,
    /// Everywhere.
    All,
    /// The area in an option of one of the user's scopes.
    #[serde(untagged)]
    Scope(ScopeOption),
}

/// The places among which a user may choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JurisdictionReference {
    #[serde(rename = "$jurisdiction")]
    jurisdiction: Jurisdiction,
}

impl UserReference {
    /// Holds when the user has exactly this scope, in its encoded form.
    pub fn has_scope(self, scope: &str) -> Conditional {
        Conditional::new(schema!({
            "type": "object",
            "properties": { "$user": {
                "type": "object",
                "required": ["scope"],
                "properties": { "scope": { "type": "array", "contains": { "type": "string", "const": (scope.to_owned()) } } }
            } },
            "required": ["$user"]
        }))
    }

    /// Holds when the user has this role.
    pub fn has_role(self, role: &str) -> Conditional {
        Conditional::new(schema!({
            "type": "object",
            "properties": { "$user": {
                "type": "object",
                "required": ["role"],
                "properties": { "role": { "type": "string", "const": (role.to_owned()) } }
            } },
            "required": ["$user"]
        }))
    }

    /// Holds when the user's device is connected.
    pub fn is_online(self) -> Conditional {
        Conditional::new(schema!({
            "type": "object",
            "properties": { "$online": { "type": "boolean", "const": true } },
            "required": ["$online"]
        }))
    }

    /// A property of the user.
    pub fn field(self, field: UserField) -> UserFieldReference {
        UserFieldReference { field, level: None }
    }

    /// The user's administrative area of a level, for example `province`.
    pub fn location_level(self, level: &str) -> LocationLevel {
        LocationLevel {
            user: Level {
                location: level.to_owned(),
            },
        }
    }

    /// One of the user's scopes, for example `record.create`.
    pub fn scope(self, scope: &str) -> ScopeReference {
        ScopeReference(scope.to_owned())
    }

    /// The places that a jurisdiction allows.
    pub fn jurisdiction(self, jurisdiction: impl Into<Jurisdiction>) -> JurisdictionReference {
        JurisdictionReference {
            jurisdiction: jurisdiction.into(),
        }
    }
}

impl UserFieldReference {
    /// The administrative area of a level that holds the place in this property.
    pub fn location_level(self, level: &str) -> Self {
        Self {
            level: Some(level.to_owned()),
            ..self
        }
    }
}

impl ScopeReference {
    /// An option of the scope, for example `placeOfEvent`.
    pub fn attribute(self, option: &str) -> ScopeOption {
        ScopeOption {
            scope: self.0,
            option: option.to_owned(),
        }
    }
}

impl From<ScopeOption> for Jurisdiction {
    fn from(option: ScopeOption) -> Self {
        Self::Scope(option)
    }
}

/// The moment at which a form is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Now {
    #[serde(rename = "$$now")]
    now: bool,
}

/// A value computed in the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Computed {
    #[serde(rename = "$$code")]
    code: String,
}

/// The browser window, as HTTP fields and links name it.
#[derive(Clone, Copy, Debug)]
pub struct Window;

impl Window {
    /// A part of the address that the browser shows: `href`, `pathname`, `hostname` or `originPathname`.
    pub fn location(self, part: &str) -> String {
        format!("$window.location.{part}")
    }
}

/// The record: its history and what core keeps about it.
#[derive(Clone, Copy, Debug)]
pub struct EventReference;

/// A value that core keeps about a record, for example `legalStatuses.REGISTERED.acceptedAt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFieldReference {
    #[serde(rename = "$$event")]
    name: String,
}

/// A column of a workqueue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventColumn {
    #[serde(rename = "$event")]
    name: String,
}

impl EventReference {
    /// Holds when the record has an action of the type, in any state.
    pub fn has_action(self, action_type: &str) -> HasAction {
        HasAction {
            action_type: action_type.to_owned(),
            with: Map::new(),
        }
    }

    /// A value that core keeps about the record, for dates of events and for search.
    pub fn attribute(self, name: &str) -> EventFieldReference {
        EventFieldReference {
            name: name.to_owned(),
        }
    }

    /// A column of a workqueue.
    pub fn field(self, name: &str) -> EventColumn {
        EventColumn {
            name: name.to_owned(),
        }
    }
}

impl EventFieldReference {
    /// Name of the value that core keeps.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A question about the record's history, complete as it is and open to counting.
#[derive(Clone, Debug)]
pub struct HasAction {
    action_type: String,
    with: Map<String, Value>,
}

impl HasAction {
    /// Counts only actions that used this certificate template.
    pub fn with_template(self, template: &str) -> Self {
        self.with_field("content", json!({ "templateId": template }))
    }

    /// Counts only actions whose property has this value, for example `status` `Accepted`.
    pub fn with_field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.with
            .insert(name.to_owned(), json!({ "const": value.into() }));
        self
    }

    /// Holds when there are at least this many such actions.
    pub fn min_count(self, count: u32) -> Conditional {
        self.counted(Some(("minContains", count)))
    }

    /// Holds when there is at least one such action and at most this many.
    pub fn max_count(self, count: u32) -> Conditional {
        self.counted(Some(("maxContains", count)))
    }

    fn counted(self, count: Option<(&str, u32)>) -> Conditional {
        let mut properties = Map::new();
        properties.insert("type".into(), json!({ "const": self.action_type }));
        properties.extend(self.with);
        let required: Vec<_> = properties.keys().cloned().collect();
        let mut actions = Map::new();
        actions.insert("type".into(), "array".into());
        actions.insert(
            "contains".into(),
            json!({ "type": "object", "properties": properties, "required": required }),
        );
        if let Some((keyword, count)) = count {
            actions.insert(keyword.into(), count.into());
        }
        Conditional::new(schema!({
            "type": "object",
            "properties": { "$event": {
                "type": "object",
                "properties": { "actions": (Value::from(actions)) },
                "required": ["actions"]
            } },
            "required": ["$event"]
        }))
    }
}

impl From<HasAction> for Conditional {
    fn from(action: HasAction) -> Self {
        action.counted(None)
    }
}

impl From<HasAction> for Nested {
    fn from(action: HasAction) -> Self {
        Conditional::from(action).into()
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The keys of the files of forms, their names in core's JSON, and the ids and notes of texts that have none in
//! the file. Reading and export use the same tables.
//!
//! A key without a name of its own here is in core's JSON as [`camel`](rules::annotated_toml::camel) writes it.

use serde_json::{Value, json};

/// The keys of a field. The names are those of core's JSON with hyphens, but for the conditions.
pub(super) const FIELD: [&str; 22] = [
    "type",
    "label",
    "required",
    "secured",
    "uncorrectable",
    "hide-label",
    "analytics",
    "placeholder",
    "helper-text",
    "show-if",
    "enable-if",
    "review-if",
    "valid",
    "options",
    "configuration",
    "parent",
    "value",
    "default",
    "signature-prompt-label",
    "no-options-message",
    "src",
    "json",
];

/// The keys of an action.
pub(super) const ACTION: [&str; 10] = [
    "label",
    "icon",
    "copy",
    "show-if",
    "enable-if",
    "flags",
    "audit",
    "duplicates",
    "dialog",
    "json",
];

/// The keys of a page.
pub(super) const PAGE: [&str; 4] = ["title", "show-if", "require-completion", "json"];

/// Settings of a field that are on or off.
pub(super) const SWITCHES: [&str; 4] = ["secured", "uncorrectable", "hide-label", "analytics"];

/// Settings of a field that name other fields.
pub(super) const FIELD_REFERENCES: [&str; 2] = ["parent", "value"];

/// Settings of an event that name a field.
pub(super) const EVENT_REFERENCES: [&str; 2] = ["date-of-event", "place-of-event"];

/// The dialogs before a record is sent.
pub(super) const DIALOGS: [&str; 3] = ["notify", "declare", "register"];

/// A key of a condition, and its effect in core's JSON.
type Effect = (&'static str, &'static str);

const SHOW: Effect = ("show-if", "SHOW");
const ENABLE: Effect = ("enable-if", "ENABLE");
const REVIEW: Effect = ("review-if", "DISPLAY_ON_REVIEW");

/// The conditions of a field.
pub(super) const FIELD_EFFECTS: [Effect; 3] = [SHOW, ENABLE, REVIEW];

/// The conditions of an action or an option.
pub(super) const ACTION_EFFECTS: [Effect; 2] = [SHOW, ENABLE];

/// A text of a part of an event.
pub(super) struct TextKey {
    /// Its key in a file.
    pub(super) key: &'static str,
    /// Its key in core's JSON.
    pub(super) core_key: &'static str,
    /// Its note for translators, before the name of the part.
    note: &'static str,
}

impl TextKey {
    const fn new(key: &'static str, core_key: &'static str, note: &'static str) -> Self {
        Self {
            key,
            core_key,
            note,
        }
    }

    /// The id and the note of the text of the part with this name, whose ids begin with `base`.
    pub(super) fn made(&self, base: &str, name: &str) -> MadeText {
        MadeText::new(
            format!("{base}.{}", self.key),
            format!("{} {name}", self.note),
        )
    }
}

/// The texts of an event.
pub(super) const EVENT_TEXTS: [TextKey; 2] = [
    TextKey::new("label", "label", "Name of the event"),
    TextKey::new("title", "title", "Title of a record of the event"),
];

/// The texts of a page.
pub(super) const PAGE_TEXTS: [TextKey; 1] = [TextKey::new("title", "title", "Title of the page")];

/// The texts of an action.
pub(super) const ACTION_TEXTS: [TextKey; 3] = [
    TextKey::new("label", "label", "Name of the action"),
    TextKey::new("copy", "supportingCopy", "Said before the action"),
    TextKey::new(
        "audit",
        "auditHistoryLabel",
        "In the history of a record, the action",
    ),
];

/// The texts of a field.
pub(super) const FIELD_TEXTS: [TextKey; 5] = [
    TextKey::new("label", "label", "Label of the field"),
    TextKey::new("placeholder", "placeholder", "Placeholder of the field"),
    TextKey::new("helper-text", "helperText", "Hint below the field"),
    TextKey::new(
        "signature-prompt-label",
        "signaturePromptLabel",
        "Prompt of the field",
    ),
    TextKey::new(
        "no-options-message",
        "noOptionsMessage",
        "Said where nothing can be chosen in the field",
    ),
];

/// The id and the note for translators of a text that has none in the file.
pub(super) struct MadeText {
    pub(super) id: String,
    pub(super) note: String,
}

impl MadeText {
    pub(super) fn new(id: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            note: note.into(),
        }
    }

    /// The label of the form of an action, whose ids begin with `base`.
    pub(super) fn form_label(base: &str) -> Self {
        Self::new(format!("{base}.form.label"), "Name of a form")
    }

    /// The title of the review page of an event.
    pub(super) fn review_title(event: &str) -> Self {
        let id = format!("event.{event}.action.declare.form.review.title");
        Self::new(id, "Title of the review page")
    }

    /// The text of a dialog of an action, whose ids begin with `base`.
    pub(super) fn dialog(base: &str, key: &str) -> Self {
        Self::new(
            format!("{base}.{key}.copy"),
            format!("Asked before a record is sent: {key}"),
        )
    }

    /// The error of a rule of a field, by its position from 1.
    pub(super) fn rule_error(base: &str, position: usize, field: &str) -> Self {
        let id = match position {
            1 => format!("{base}.error"),
            later => format!("{base}.error-{later}"),
        };
        Self::new(id, format!("Error below the field {field}"))
    }

    /// The label of an option of a field.
    pub(super) fn option_label(base: &str, value: &str) -> Self {
        Self::new(
            format!("{base}.option.{value}.label"),
            format!("Label of the choice {value}"),
        )
    }

    /// A text of the section `[event]`.
    pub(super) fn event_setting(base: &str, key: &str) -> Self {
        Self::new(format!("{base}.own-{key}"), format!("`{key}` of the event"))
    }
}

/// Core's reference to the current moment, `now` as the default of a field of such a type.
pub(super) fn current_moment(field_type: &str) -> Option<Value> {
    ["DATE", "TIME"]
        .contains(&field_type)
        .then(|| json!({ "$$now": true }))
}

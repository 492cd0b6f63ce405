// SPDX-License-Identifier: MPL-2.0
//! Choices and parts of fields.

use serde::{Deserialize, Serialize};

use super::{FieldConditional, Required};
use crate::conditional::Conditional;
use crate::message::Message;

/// One choice of a SELECT, a `RADIO_GROUP` or another field with options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelectOption {
    value: String,
    label: Label,
    #[serde(default)]
    conditionals: Vec<FieldConditional>,
}

/// Text of a choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Label {
    /// A text that is translated.
    Message(Message),
    /// A text that is the same in every language.
    Plain(String),
}

/// A choice with a label that is translated.
pub fn option(value: impl Into<String>, label: impl Into<Message>) -> SelectOption {
    let value = value.into();
    let label = label
        .into()
        .described_as(|| format!("Label of the choice {value}"));
    SelectOption {
        value,
        label: Label::Message(label),
        conditionals: Vec::new(),
    }
}

/// A choice with a label that is the same in every language.
pub fn plain_option(value: impl Into<String>, label: impl Into<String>) -> SelectOption {
    SelectOption {
        value: value.into(),
        label: Label::Plain(label.into()),
        conditionals: Vec::new(),
    }
}

impl SelectOption {
    /// The value that is stored when this is chosen.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The text that people read.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// The choice is offered only when this holds.
    pub fn show_if(mut self, conditional: impl Into<Conditional>) -> Self {
        self.conditionals.push(FieldConditional::show(conditional));
        self
    }

    /// The choice can be taken only when this holds.
    pub fn enable_if(mut self, conditional: impl Into<Conditional>) -> Self {
        self.conditionals
            .push(FieldConditional::enable(conditional));
        self
    }
}

/// A range of days that a search offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are core's and say it")]
pub enum SelectRange {
    #[serde(rename = "last7Days")]
    Last7Days,
    #[serde(rename = "last30Days")]
    Last30Days,
    #[serde(rename = "last90Days")]
    Last90Days,
    #[serde(rename = "last365Days")]
    Last365Days,
}

/// A part of a NAME field: whether it must be filled in, and its label when it is not core's own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamePart {
    required: Required,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Message>,
}

impl NamePart {
    /// A part that must be filled in.
    pub fn required() -> Self {
        Self {
            required: Required::Flag(true),
            label: None,
        }
    }

    /// A part that may stay empty.
    pub fn optional() -> Self {
        Self {
            required: Required::Flag(false),
            label: None,
        }
    }

    /// Replaces core's label.
    pub fn label(self, label: impl Into<Message>) -> Self {
        Self {
            label: Some(
                label
                    .into()
                    .described_as(|| "Label of a part of a name".into()),
            ),
            ..self
        }
    }
}

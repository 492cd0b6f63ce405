// SPDX-License-Identifier: MPL-2.0
//! The fields shown about a record before it is opened.

use serde::{Deserialize, Serialize};

use crate::conditional::Conditional;
use crate::field::FieldConditional;
use crate::message::Message;

/// A line of the summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummaryField {
    #[serde(flatten)]
    content: Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_value_message: Option<Message>,
    #[serde(default)]
    conditionals: Vec<FieldConditional>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Content {
    #[serde(rename_all = "camelCase")]
    Field {
        field_id: String,
    },
    Composed {
        id: String,
        value: Message,
    },
}

impl SummaryField {
    /// The value of a field of the declaration, under the field's label.
    pub fn of(field_id: &str) -> Self {
        Self::new(
            Content::Field {
                field_id: field_id.to_owned(),
            },
            None,
        )
    }

    /// A label and a text whose ICU arguments are fields of the declaration.
    pub fn composed(id: &str, label: impl Into<Message>, value: impl Into<Message>) -> Self {
        let label = label
            .into()
            .described_as(|| format!("Label of the summary line {id}"));
        let value = value
            .into()
            .described_as(|| format!("Value of the summary line {id}"));
        Self::new(
            Content::Composed {
                id: id.to_owned(),
                value,
            },
            Some(label),
        )
    }

    fn new(content: Content, label: Option<Message>) -> Self {
        Self {
            content,
            label,
            empty_value_message: None,
            conditionals: Vec::new(),
        }
    }

    /// Replaces the label of the field.
    pub fn label(self, label: impl Into<Message>) -> Self {
        let label = label
            .into()
            .described_as(|| "Label of a summary line".into());
        Self {
            label: Some(label),
            ..self
        }
    }

    /// Text shown when there is no value.
    pub fn empty(self, text: impl Into<Message>) -> Self {
        let text = text
            .into()
            .described_as(|| "Shown in the summary when there is no value".into());
        Self {
            empty_value_message: Some(text),
            ..self
        }
    }

    /// The line is shown only when this holds.
    pub fn show_if(mut self, conditional: impl Into<Conditional>) -> Self {
        self.conditionals.push(FieldConditional::show(conditional));
        self
    }
}

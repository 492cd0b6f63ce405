// SPDX-License-Identifier: MPL-2.0
//! Texts that core translates.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

/// A text: the id under which translations are found, the wording when there is none, and a note for translators.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    id: String,
    #[serde(rename = "defaultMessage")]
    text: String,
    description: Option<String>,
}

/// A text with its id; the wording may hold ICU arguments such as `{child.name.firstname}`.
pub fn message(id: impl Into<String>, text: impl Into<String>) -> Message {
    Message {
        id: id.into(),
        text: text.into(),
        description: None,
    }
}

impl Message {
    /// Sets the note for translators: the place and the purpose of the text.
    pub fn describe(self, description: impl Into<String>) -> Self {
        Self {
            description: Some(description.into()),
            ..self
        }
    }

    /// Id under which translations are found.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Wording in the default language.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Note for translators; the owner of the message fills it in if its author did not.
    pub fn description(&self) -> String {
        self.description
            .clone()
            .unwrap_or_else(|| format!("Text of the message {}", self.id))
    }

    pub(crate) fn described_as(self, description: impl FnOnce() -> String) -> Self {
        if self.description.is_some() {
            self
        } else {
            self.describe(description())
        }
    }
}

impl<Id: Into<String>, Text: Into<String>> From<(Id, Text)> for Message {
    fn from((id, text): (Id, Text)) -> Self {
        message(id, text)
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut message = serializer.serialize_struct("Message", 3)?;
        message.serialize_field("id", &self.id)?;
        message.serialize_field("defaultMessage", &self.text)?;
        message.serialize_field("description", &self.description())?;
        message.end()
    }
}

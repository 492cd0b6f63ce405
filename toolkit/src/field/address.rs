// SPDX-License-Identifier: MPL-2.0
//! Parts of ADDRESS fields.

use serde::Serialize;

use super::{FieldConditional, Required};
use crate::conditional::{Conditional, FieldReference, UserFieldReference};
use crate::message::Message;

/// A text field inside an address. Its conditionals ask about `country`, `addressType`, `administrativeArea`
/// and the ids of administrative levels, not about fields of the form.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreetField {
    id: String,
    required: Required,
    label: Message,
    #[serde(rename = "type")]
    kind: super::FieldType,
    conditionals: Vec<FieldConditional>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<FieldReference>,
}

impl StreetField {
    /// A text field with its label.
    pub fn new(id: impl Into<String>, label: impl Into<Message>) -> Self {
        let id = id.into();
        Self {
            label: label
                .into()
                .described_as(|| format!("Label of the address field {id}")),
            id,
            required: Required::Flag(false),
            kind: super::FieldType::Text,
            conditionals: Vec::new(),
            parent: None,
        }
    }

    /// Id of the field inside `streetLevelDetails`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The field must be filled in when it is shown, with the message for an empty one.
    pub fn required_with_message(self, message: impl Into<Message>) -> Self {
        let message = message
            .into()
            .described_as(|| format!("Error below the empty address field {}", self.id));
        Self {
            required: Required::WithMessage { message },
            ..self
        }
    }

    /// The message for an empty field, when the field must be filled in.
    pub fn required_message(&self) -> Option<&Message> {
        match &self.required {
            Required::WithMessage { message } => Some(message),
            Required::Flag(_) => None,
        }
    }

    /// The field is shown only when this holds.
    pub fn show_if(mut self, conditional: impl Into<Conditional>) -> Self {
        self.conditionals.push(FieldConditional::show(conditional));
        self
    }

    /// The field is reset when another part of the address changes.
    pub fn parent(self, parent: impl Into<FieldReference>) -> Self {
        Self {
            parent: Some(parent.into()),
            ..self
        }
    }
}

/// A change to one of the two parts that every address has: the country and the administrative area.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AddressPart {
    id: String,
    #[serde(rename = "type")]
    kind: super::FieldType,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<Message>,
    required: Required,
    conditionals: Vec<FieldConditional>,
}

impl AddressPart {
    /// The country.
    pub fn country() -> Self {
        Self::new("country", super::FieldType::Country)
    }

    /// The administrative area.
    pub fn administrative_area() -> Self {
        Self::new("administrativeArea", super::FieldType::AdministrativeArea)
    }

    fn new(id: &str, kind: super::FieldType) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            label: None,
            required: Required::Flag(false),
            conditionals: Vec::new(),
        }
    }

    /// Replaces core's label.
    pub fn label(self, label: impl Into<Message>) -> Self {
        let label = label
            .into()
            .described_as(|| format!("Label of the address field {}", self.id));
        Self {
            label: Some(label),
            ..self
        }
    }

    /// The part must be filled in when it is shown.
    pub fn required(self) -> Self {
        Self {
            required: Required::Flag(true),
            ..self
        }
    }

    /// The part is shown only when this holds.
    pub fn show_if(mut self, conditional: impl Into<Conditional>) -> Self {
        self.conditionals.push(FieldConditional::show(conditional));
        self
    }
}

/// The address with which an ADDRESS field starts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressDefault {
    country: String,
    address_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    administrative_area: Option<Area>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Area {
    Fixed(String),
    OfUser(UserFieldReference),
}

impl AddressDefault {
    /// An address in the country itself, named by its three-letter code.
    pub fn domestic(country: impl Into<String>) -> Self {
        Self {
            country: country.into(),
            address_type: "DOMESTIC",
            administrative_area: None,
        }
    }

    /// Starts in an administrative area, named by its id.
    pub fn area(self, id: impl Into<String>) -> Self {
        Self {
            administrative_area: Some(Area::Fixed(id.into())),
            ..self
        }
    }

    /// Starts in an administrative area of the user.
    pub fn area_of_user(self, area: UserFieldReference) -> Self {
        Self {
            administrative_area: Some(Area::OfUser(area)),
            ..self
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Fields as a document.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::own::{Setting, Settings};
use super::{
    AnyField, FieldConditional, FieldType, References, Required, Secured, SelectOption, Validation,
};
use crate::message::Message;

/// A field as the document has it; `own` holds the settings that only some types have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    id: String,
    #[serde(rename = "type")]
    of_type: FieldType,
    label: Message,
    #[serde(default)]
    required: Required,
    #[serde(default)]
    conditionals: Vec<FieldConditional>,
    #[serde(default)]
    validation: Vec<Validation>,
    #[serde(default)]
    secured: Secured,
    #[serde(default)]
    hide_label: bool,
    #[serde(default)]
    uncorrectable: bool,
    #[serde(default)]
    analytics: bool,
    placeholder: Option<Message>,
    helper_text: Option<Message>,
    parent: Option<References>,
    value: Option<References>,
    #[serde(flatten)]
    own: Map<String, Value>,
}

impl<'de> Deserialize<'de> for AnyField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let field = Written::deserialize(deserializer)?;
        let mut own = Settings::default();
        for (key, value) in field.own {
            own.set(key.clone().into(), setting(&key, value));
        }
        Ok(Self {
            id: field.id,
            of_type: field.of_type,
            label: field.label,
            required: field.required,
            conditionals: field.conditionals,
            validation: field.validation,
            secured: field.secured,
            hide_label: field.hide_label,
            uncorrectable: field.uncorrectable,
            analytics: field.analytics,
            placeholder: field.placeholder,
            helper_text: field.helper_text,
            parent: field.parent,
            value: field.value,
            own,
            kind: PhantomData,
        })
    }
}

/// The choices are read; everything else stays as it is written.
fn setting(key: &str, value: Value) -> Setting {
    if key == "options"
        && let Ok(options) = Vec::<SelectOption>::deserialize(&value)
    {
        return Setting::Options(options);
    }
    Setting::Json(value)
}

impl Default for Secured {
    fn default() -> Self {
        Self::Flag(false)
    }
}

impl Default for Required {
    fn default() -> Self {
        Self::Flag(false)
    }
}

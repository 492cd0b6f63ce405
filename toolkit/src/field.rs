// SPDX-License-Identifier: MPL-2.0
//! Form fields.
//!
//! A field starts with one of the functions in [`build`], named after its type and taking what a field of that type
//! must have. `.label()` completes it; everything optional is a method, and methods that belong to one type exist on
//! that type only.

mod address;
pub mod build;
mod kind;
mod options;
mod own;
mod settings;

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use address::{AddressDefault, AddressPart, StreetField};
pub use kind::{FieldType, Kind, types};
pub use options::{Label, NamePart, SelectOption, SelectRange, option, plain_option};
pub use settings::{AreaType, DataEntry, FontVariant, Method, TextAlign};

use crate::conditional::{Conditional, FieldReference};
use crate::message::{Message, message};
use own::{Setting, Settings};

/// A field of any type.
pub type AnyField = Field<types::Any>;

/// A form field of the type `K`.
// Only a field of any type is read: the bound holds for no other `K`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    bound(serialize = "", deserialize = "Field<K>: From<AnyField>")
)]
pub struct Field<K = types::Any> {
    id: String,
    #[serde(rename = "type")]
    of_type: FieldType,
    label: Message,
    #[serde(default)]
    required: Required,
    #[serde(default)]
    conditionals: Vec<FieldConditional>,
    #[serde(default)]
    secured: Secured,
    #[serde(default)]
    validation: Vec<Validation>,
    #[serde(default)]
    hide_label: bool,
    #[serde(default)]
    uncorrectable: bool,
    #[serde(default)]
    analytics: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    placeholder: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    helper_text: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<References>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<References>,
    /// Settings that only this type has: `options`, `configuration`, `defaultValue` …
    #[serde(flatten)]
    own: Settings,
    #[serde(skip)]
    kind: PhantomData<fn() -> K>,
}

/// A field that still needs its label.
#[derive(Clone, Debug)]
#[must_use = "a field needs a label"]
pub struct Unlabelled<K>(Field<K>);

/// The requirement to fill in a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Required {
    Flag(bool),
    WithMessage { message: Message },
}

impl Default for Required {
    fn default() -> Self {
        Self::Flag(false)
    }
}

/// Hiding of a field's value from users to whom the record is not assigned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Secured {
    Flag(bool),
    When(Conditional),
}

impl Default for Secured {
    fn default() -> Self {
        Self::Flag(false)
    }
}

/// One reference, or several of which the first that has a value counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum References {
    One(FieldReference),
    Several(Vec<FieldReference>),
}

/// A condition for showing or using a field, an option, an action or a summary line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FieldConditional {
    #[serde(rename = "type")]
    effect: Effect,
    conditional: Conditional,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Effect {
    Show,
    Enable,
    DisplayOnReview,
}

impl FieldConditional {
    pub(crate) fn show(conditional: impl Into<Conditional>) -> Self {
        Self {
            effect: Effect::Show,
            conditional: conditional.into(),
        }
    }

    pub(crate) fn enable(conditional: impl Into<Conditional>) -> Self {
        Self {
            effect: Effect::Enable,
            conditional: conditional.into(),
        }
    }

    fn display_on_review(conditional: impl Into<Conditional>) -> Self {
        Self {
            effect: Effect::DisplayOnReview,
            conditional: conditional.into(),
        }
    }
}

/// The condition that a value must satisfy, and the message when it does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    validator: Conditional,
    message: Message,
}

impl Validation {
    /// A rule with the message shown when it is broken.
    pub fn new(validator: impl Into<Conditional>, message: impl Into<Message>) -> Self {
        Self {
            validator: validator.into(),
            message: message.into(),
        }
    }
}

impl<K: Kind> Unlabelled<K> {
    fn new(id: impl Into<String>) -> Self {
        Self(Field {
            id: id.into(),
            of_type: K::TYPE,
            label: message("messages.emptyString", ""),
            required: Required::default(),
            conditionals: Vec::new(),
            validation: Vec::new(),
            secured: Secured::default(),
            hide_label: false,
            uncorrectable: false,
            analytics: false,
            placeholder: None,
            helper_text: None,
            parent: None,
            value: None,
            own: Settings::default(),
            kind: PhantomData,
        })
    }

    fn with(self, key: &'static str, value: impl Serialize) -> Self {
        Self(self.0.with(key, value))
    }

    fn with_options(self, options: impl IntoIterator<Item = SelectOption>) -> Self {
        Self(self.0.with_options(options))
    }

    fn configured(self, key: &'static str, value: impl Serialize) -> Self {
        Self(self.0.configured(key, value))
    }

    /// Writes an empty `configuration`, for types that must have one.
    fn configurable(mut self) -> Self {
        self.0.own.group("configuration");
        self
    }

    /// Gives the field its label: message id and wording.
    pub fn label(self, id: impl Into<String>, text: impl Into<String>) -> Field<K> {
        self.labelled(message(id, text))
    }

    /// Gives the field a label that stands elsewhere too.
    pub fn labelled(self, label: impl Into<Message>) -> Field<K> {
        let Self(field) = self;
        let label = label
            .into()
            .described_as(|| format!("Label of the field {}", field.id));
        Field { label, ..field }
    }

    /// Leaves the label empty, for fields that only separate others.
    fn unnamed(self) -> Field<K> {
        self.labelled(message("messages.emptyString", "").describe("A text without a word"))
    }
}

impl<K> Field<K> {
    /// Id of the field, unique in its form.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Type of the field.
    pub fn field_type(&self) -> FieldType {
        self.of_type
    }

    /// The choices of a SELECT, a `RADIO_GROUP` or another field with options; empty for other fields.
    pub fn choices(&self) -> &[SelectOption] {
        self.own.choices()
    }

    /// Checks whether core leaves the field out of its index and shows it to the assigned user only.
    pub fn is_secured(&self) -> bool {
        self.secured != Secured::Flag(false)
    }

    /// Checks whether the value is stored for statistics.
    pub fn is_for_analytics(&self) -> bool {
        self.analytics
    }

    /// Label of the field.
    pub fn label_message(&self) -> &Message {
        &self.label
    }

    /// The conditions of which one must hold for the field to be shown.
    pub(crate) fn shown_if(&self) -> impl Iterator<Item = &Conditional> {
        let show = self
            .conditionals
            .iter()
            .filter(|c| c.effect == Effect::Show);
        show.map(|c| &c.conditional)
    }

    /// The field must be filled in when it is shown.
    pub fn required(self) -> Self {
        Self {
            required: Required::Flag(true),
            ..self
        }
    }

    /// The field must be filled in when it is shown, with the message for an empty one.
    pub fn required_with_message(self, message: impl Into<Message>) -> Self {
        Self {
            required: Required::WithMessage {
                message: message.into(),
            },
            ..self
        }
    }

    /// Core does not index the value and shows it only to the user to whom the record is assigned.
    pub fn secured(self) -> Self {
        Self {
            secured: Secured::Flag(true),
            ..self
        }
    }

    /// The same only while this holds, for example while the record has a flag. From core 2.1 on; core 2.0
    /// refuses all events because of it.
    pub fn secured_if(self, conditional: impl Into<Conditional>) -> Self {
        Self {
            secured: Secured::When(conditional.into()),
            ..self
        }
    }

    /// The form does not print the label.
    pub fn hide_label(self) -> Self {
        Self {
            hide_label: true,
            ..self
        }
    }

    /// A correction cannot change the value.
    pub fn uncorrectable(self) -> Self {
        Self {
            uncorrectable: true,
            ..self
        }
    }

    /// The value is stored for statistics.
    pub fn analytics(self) -> Self {
        Self {
            analytics: true,
            ..self
        }
    }

    /// Placeholder of an empty input.
    pub fn placeholder(self, text: impl Into<Message>) -> Self {
        let text = text
            .into()
            .described_as(|| format!("Placeholder of the field {}", self.id));
        Self {
            placeholder: Some(text),
            ..self
        }
    }

    /// Help text below the input.
    pub fn helper_text(self, text: impl Into<Message>) -> Self {
        let text = text
            .into()
            .described_as(|| format!("Hint below the field {}", self.id));
        Self {
            helper_text: Some(text),
            ..self
        }
    }

    /// The field is shown only when this holds; called twice, both must.
    pub fn show_if(self, conditional: impl Into<Conditional>) -> Self {
        self.conditional(FieldConditional::show(conditional))
    }

    /// The field can be changed only when this holds; called twice, both must.
    pub fn enable_if(self, conditional: impl Into<Conditional>) -> Self {
        self.conditional(FieldConditional::enable(conditional))
    }

    /// The review page shows the field only when this holds; called twice, both must.
    pub fn review_if(self, conditional: impl Into<Conditional>) -> Self {
        self.conditional(FieldConditional::display_on_review(conditional))
    }

    /// The value must satisfy a rule; otherwise the form shows the message.
    pub fn validate(
        mut self,
        validator: impl Into<Conditional>,
        message: impl Into<Message>,
    ) -> Self {
        let message = message
            .into()
            .described_as(|| format!("Error below the field {}", self.id));
        self.validation.push(Validation::new(validator, message));
        self
    }

    /// The field is reset when another one changes.
    pub fn parent(self, parent: impl Into<FieldReference>) -> Self {
        Self {
            parent: Some(References::One(parent.into())),
            ..self
        }
    }

    /// The field is reset when one of the others changes.
    pub fn parents<R: Into<FieldReference>>(self, parents: impl IntoIterator<Item = R>) -> Self {
        let parents = parents.into_iter().map(Into::into).collect();
        Self {
            parent: Some(References::Several(parents)),
            ..self
        }
    }

    /// The field takes the value of another one whenever that changes.
    pub fn value_from(self, source: impl Into<FieldReference>) -> Self {
        Self {
            value: Some(References::One(source.into())),
            ..self
        }
    }

    /// The field takes the first value there is among the others whenever they change.
    pub fn value_from_first<R: Into<FieldReference>>(
        self,
        sources: impl IntoIterator<Item = R>,
    ) -> Self {
        let sources = sources.into_iter().map(Into::into).collect();
        Self {
            value: Some(References::Several(sources)),
            ..self
        }
    }

    /// Applies a function to the field: a way to give one step of a chain a name.
    pub fn apply<T>(self, step: impl FnOnce(Self) -> T) -> T {
        step(self)
    }

    fn conditional(mut self, conditional: FieldConditional) -> Self {
        self.conditionals.push(conditional);
        self
    }

    fn with(mut self, key: &'static str, value: impl Serialize) -> Self {
        self.own.set(key.into(), Setting::Json(json!(value)));
        self
    }

    fn with_options(mut self, options: impl IntoIterator<Item = SelectOption>) -> Self {
        let options = options.into_iter().collect();
        self.own.set("options".into(), Setting::Options(options));
        self
    }

    /// Sets a key of `configuration`.
    fn configured(self, key: &'static str, value: impl Serialize) -> Self {
        self.configured_as(key, Setting::Json(json!(value)))
    }

    fn configured_as(mut self, key: &'static str, value: Setting) -> Self {
        if let Some(configuration) = self.own.group("configuration") {
            configuration.set(key.into(), value);
        }
        self
    }

    /// Sets a key of `configuration.styles`.
    fn styled(mut self, key: &'static str, value: impl Serialize) -> Self {
        let configuration = self.own.group("configuration");
        if let Some(styles) = configuration.and_then(|settings| settings.group("styles")) {
            styles.set(key.into(), Setting::Json(json!(value)));
        }
        self
    }
}

impl<K: Kind> From<Field<K>> for AnyField {
    fn from(field: Field<K>) -> Self {
        Self {
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
            own: field.own,
            kind: PhantomData,
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Actions that users can do with a record.

mod read;

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::conditional::Conditional;
use crate::deduplication::Deduplication;
use crate::field::{AnyField, FieldConditional};
use crate::message::Message;
use crate::page::Form;

/// The types of action that core has, those of core 2.0 first.
pub(crate) const TYPES: &[&str] = &[
    "READ",
    "DECLARE",
    "REGISTER",
    "EDIT",
    "REJECT",
    "ARCHIVE",
    "PRINT_CERTIFICATE",
    "REQUEST_CORRECTION",
    "CUSTOM",
    // From core 2.1 on.
    "NOTIFY",
    "UNARCHIVE",
    "APPROVE_CORRECTION",
    "REJECT_CORRECTION",
    "DELETE",
    "MARK_AS_DUPLICATE",
    "MARK_AS_NOT_DUPLICATE",
    "ASSIGN",
    "UNASSIGN",
];
/// The types that core 2.0 knows.
pub(crate) const TYPES_OF_2_0: &[&str] = TYPES.split_at(9).0;
/// The types from core 2.1 on, which have no settings of their own.
const LATER_TYPES: &[&str] = TYPES.split_at(9).1;

/// An action that a user can take on a record.
///
/// Core takes the types that have a constructor here; any other name makes it refuse all events. Types that a
/// version of core does not know yet are left out for it, see [`crate::writer`].
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    kind: ActionKind,
    label: Message,
    flags: Vec<FlagChange>,
    supporting_copy: Option<Message>,
    icon: Option<String>,
    conditionals: Vec<FieldConditional>,
    deduplication: Option<Deduplication>,
    dialog_copy: Option<DialogCopy>,
    dialog_form: Vec<AnyField>,
}

/// A type of action, with the settings that only this type has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ActionKind {
    Read(Review),
    Declare(Review),
    Register,
    Edit,
    Reject,
    Archive,
    /// A type of core's without settings of its own.
    Plain(&'static str),
    PrintCertificate(Form),
    RequestCorrection(Form),
    Custom {
        name: String,
        form: Vec<AnyField>,
        audit_history_label: Message,
    },
}

/// The page for the review of a declaration: its title and the fields below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    title: Message,
    fields: Vec<AnyField>,
}

impl Review {
    /// A review page with its title and fields.
    pub fn new(title: impl Into<Message>, fields: impl IntoIterator<Item = AnyField>) -> Self {
        let title = title
            .into()
            .described_as(|| "Title of the review page".into());
        Self {
            title,
            fields: fields.into_iter().collect(),
        }
    }

    /// Fields below the declaration, such as a comment and a signature.
    pub fn fields(&self) -> &[AnyField] {
        &self.fields
    }
}

/// Texts shown before a declaration is sent: as a notification, as a declaration, as a registration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DialogCopy {
    notify: Message,
    declare: Message,
    register: Message,
}

impl DialogCopy {
    /// The three texts.
    pub fn new(
        notify: impl Into<Message>,
        declare: impl Into<Message>,
        register: impl Into<Message>,
    ) -> Self {
        let described = |text: Message, what: &str| {
            text.described_as(|| format!("Asked before a record is {what}"))
        };
        Self {
            notify: described(notify.into(), "notified"),
            declare: described(declare.into(), "declared"),
            register: described(register.into(), "registered"),
        }
    }
}

/// A flag that an action sets or clears.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FlagChange {
    pub(crate) id: String,
    operation: Operation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) conditional: Option<Conditional>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Add,
    Remove,
}

impl Action {
    /// Opens the record to read.
    pub fn read(label: impl Into<Message>, review: Review) -> Self {
        Self::new(ActionKind::Read(review), label)
    }

    /// Declares the event, or notifies of it.
    pub fn declare(label: impl Into<Message>, review: Review) -> Self {
        Self::new(ActionKind::Declare(review), label)
    }

    /// Registers the event.
    pub fn register(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Register, label)
    }

    /// Changes a declaration that was not yet registered.
    pub fn edit(label: impl Into<Message>, dialog: DialogCopy) -> Self {
        Self {
            dialog_copy: Some(dialog),
            ..Self::new(ActionKind::Edit, label)
        }
    }

    /// Sends a declaration back.
    pub fn reject(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Reject, label)
    }

    /// Puts a declaration away.
    pub fn archive(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Archive, label)
    }

    /// Notifies of an event whose declaration is not complete. From core 2.1 on; where it is left out, the name, the
    /// icon and the conditions of DECLARE hold for it, and on core 2.1 its flags too.
    pub fn notify(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Plain("NOTIFY"), label)
    }

    /// Brings an archived declaration back. From core 2.1 on.
    pub fn unarchive(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Plain("UNARCHIVE"), label)
    }

    /// Approves a correction that was requested. From core 2.1 on; before, the name and the conditions of
    /// `REQUEST_CORRECTION` hold for it.
    pub fn approve_correction(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Plain("APPROVE_CORRECTION"), label)
    }

    /// Rejects a correction that was requested, likewise.
    pub fn reject_correction(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Plain("REJECT_CORRECTION"), label)
    }

    /// Deletes a draft. From core 2.1 on.
    pub fn delete(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Plain("DELETE"), label)
    }

    /// Marks a record as a duplicate of another. From core 2.1 on.
    pub fn mark_as_duplicate(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Plain("MARK_AS_DUPLICATE"), label)
    }

    /// Marks a record as no duplicate. From core 2.1 on.
    pub fn mark_as_not_duplicate(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Plain("MARK_AS_NOT_DUPLICATE"), label)
    }

    /// Assigns a record to a user. From core 2.1 on; takes no flags.
    pub fn assign(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Plain("ASSIGN"), label)
    }

    /// Takes a record back from a user, likewise.
    pub fn unassign(label: impl Into<Message>) -> Self {
        Self::new(ActionKind::Plain("UNASSIGN"), label)
    }

    /// Prints a certificate.
    pub fn print_certificate(label: impl Into<Message>, form: Form) -> Self {
        Self::new(ActionKind::PrintCertificate(form), label)
    }

    /// Asks for a correction of a registered record; the approval and the rejection use the same form.
    pub fn request_correction(label: impl Into<Message>, form: Form) -> Self {
        Self::new(ActionKind::RequestCorrection(form), label)
    }

    /// An action of the country's own; the last text stands in the record's history.
    pub fn custom(
        name: &str,
        label: impl Into<Message>,
        form: impl IntoIterator<Item = AnyField>,
        audit_history_label: impl Into<Message>,
    ) -> Self {
        let audit_history_label = audit_history_label
            .into()
            .described_as(|| format!("Action {name} in the history of a record"));
        let form = form.into_iter().collect();
        Self::new(
            ActionKind::Custom {
                name: name.to_owned(),
                form,
                audit_history_label,
            },
            label,
        )
    }

    fn new(kind: ActionKind, label: impl Into<Message>) -> Self {
        Self {
            label: label
                .into()
                .described_as(|| format!("Name of the action {}", kind.name())),
            kind,
            flags: Vec::new(),
            supporting_copy: None,
            icon: None,
            conditionals: Vec::new(),
            deduplication: None,
            dialog_copy: None,
            dialog_form: Vec::new(),
        }
    }

    /// The action sets a flag.
    pub fn add_flag(self, id: &str) -> Self {
        self.flag(id, Operation::Add, None)
    }

    /// The action sets a flag when this holds.
    pub fn add_flag_if(self, id: &str, conditional: impl Into<Conditional>) -> Self {
        self.flag(id, Operation::Add, Some(conditional.into()))
    }

    /// The action clears a flag.
    pub fn remove_flag(self, id: &str) -> Self {
        self.flag(id, Operation::Remove, None)
    }

    /// The action clears a flag when this holds.
    pub fn remove_flag_if(self, id: &str, conditional: impl Into<Conditional>) -> Self {
        self.flag(id, Operation::Remove, Some(conditional.into()))
    }

    /// Text below the title of the confirmation.
    pub fn supporting_copy(self, text: impl Into<Message>) -> Self {
        let text = text
            .into()
            .described_as(|| format!("Explains the action {} before it is done", self.name()));
        Self {
            supporting_copy: Some(text),
            ..self
        }
    }

    /// Icon in the menu, one of core's names.
    pub fn icon(self, name: &str) -> Self {
        Self {
            icon: Some(name.to_owned()),
            ..self
        }
    }

    /// The action is offered only when this holds. READ takes no conditions.
    pub fn show_if(mut self, conditional: impl Into<Conditional>) -> Self {
        self.conditionals.push(FieldConditional::show(conditional));
        self
    }

    /// The action can be taken only when this holds. READ takes no conditions.
    pub fn enable_if(mut self, conditional: impl Into<Conditional>) -> Self {
        self.conditionals
            .push(FieldConditional::enable(conditional));
        self
    }

    /// Core searches for duplicates when the action is taken; for DECLARE and REGISTER.
    pub fn deduplication(self, deduplication: Option<Deduplication>) -> Self {
        Self {
            deduplication,
            ..self
        }
    }

    /// Texts shown before a declaration is sent; for DECLARE.
    pub fn dialog_copy(self, dialog: DialogCopy) -> Self {
        Self {
            dialog_copy: Some(dialog),
            ..self
        }
    }

    /// Fields in the dialog that confirms the action, with their values in the action's annotation; for NOTIFY,
    /// DECLARE, REGISTER, ARCHIVE and REJECT. From core 2.1 on.
    pub fn dialog_form(self, fields: impl IntoIterator<Item = AnyField>) -> Self {
        let dialog_form = fields.into_iter().collect();
        Self {
            dialog_form,
            ..self
        }
    }

    fn flag(mut self, id: &str, operation: Operation, conditional: Option<Conditional>) -> Self {
        self.flags.push(FlagChange {
            id: id.to_owned(),
            operation,
            conditional,
        });
        self
    }

    /// The type, or for actions of the country's own their name.
    pub fn name(&self) -> &str {
        match &self.kind {
            ActionKind::Custom { name, .. } => name,
            other => other.name(),
        }
    }

    /// The type as core names it.
    pub fn action_type(&self) -> &'static str {
        self.kind.name()
    }

    /// Every field of the action's own form.
    pub fn fields(&self) -> Vec<&AnyField> {
        let mut fields: Vec<_> = match &self.kind {
            ActionKind::Read(review) | ActionKind::Declare(review) => {
                review.fields.iter().collect()
            }
            ActionKind::PrintCertificate(form) | ActionKind::RequestCorrection(form) => {
                form.fields().map(|(_, field)| field).collect()
            }
            ActionKind::Custom { form, .. } => form.iter().collect(),
            ActionKind::Register
            | ActionKind::Edit
            | ActionKind::Reject
            | ActionKind::Archive
            | ActionKind::Plain(_) => Vec::new(),
        };
        fields.extend(&self.dialog_form);
        fields
    }

    /// The fields in the dialog that confirms the action.
    pub(crate) fn dialog_fields(&self) -> &[AnyField] {
        &self.dialog_form
    }

    pub(crate) fn flags(&self) -> &[FlagChange] {
        &self.flags
    }

    pub(crate) fn has_conditionals(&self) -> bool {
        !self.conditionals.is_empty()
    }

    pub(crate) fn has_deduplication(&self) -> bool {
        self.deduplication.is_some()
    }

    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.kind, ActionKind::Custom { .. })
    }
}

impl ActionKind {
    fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "READ",
            Self::Declare(_) => "DECLARE",
            Self::Register => "REGISTER",
            Self::Edit => "EDIT",
            Self::Reject => "REJECT",
            Self::Archive => "ARCHIVE",
            Self::Plain(name) => name,
            Self::PrintCertificate(_) => "PRINT_CERTIFICATE",
            Self::RequestCorrection(_) => "REQUEST_CORRECTION",
            Self::Custom { .. } => "CUSTOM",
        }
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.kind.name())?;
        map.serialize_entry("label", &self.label)?;
        if !self.flags.is_empty() || !["ASSIGN", "UNASSIGN"].contains(&self.kind.name()) {
            map.serialize_entry("flags", &self.flags)?;
        }
        if let Some(text) = &self.supporting_copy {
            map.serialize_entry("supportingCopy", text)?;
        }
        if let Some(icon) = &self.icon {
            map.serialize_entry("icon", icon)?;
        }
        if !self.conditionals.is_empty() {
            map.serialize_entry("conditionals", &self.conditionals)?;
        }
        match &self.kind {
            ActionKind::Read(review) | ActionKind::Declare(review) => {
                map.serialize_entry("review", review)?;
            }
            ActionKind::PrintCertificate(form) => map.serialize_entry("printForm", form)?,
            ActionKind::RequestCorrection(form) => map.serialize_entry("correctionForm", form)?,
            ActionKind::Custom {
                name,
                form,
                audit_history_label,
            } => {
                map.serialize_entry("customActionType", name)?;
                map.serialize_entry("form", form)?;
                map.serialize_entry("auditHistoryLabel", audit_history_label)?;
            }
            ActionKind::Register
            | ActionKind::Edit
            | ActionKind::Reject
            | ActionKind::Archive
            | ActionKind::Plain(_) => {}
        }
        if !self.dialog_form.is_empty() {
            map.serialize_entry("form", &self.dialog_form)?;
        }
        if let Some(deduplication) = &self.deduplication {
            map.serialize_entry("deduplication", deduplication)?;
        }
        if let Some(dialog) = &self.dialog_copy {
            map.serialize_entry("dialogCopy", dialog)?;
        }
        map.end()
    }
}

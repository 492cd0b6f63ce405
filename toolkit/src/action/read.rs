// SPDX-License-Identifier: MPL-2.0
//! Actions as a document.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Action, ActionKind, DialogCopy, FlagChange, LATER_TYPES, Review};
use crate::deduplication::Deduplication;
use crate::field::{AnyField, FieldConditional};
use crate::message::Message;
use crate::page::Form;

/// An action as the document has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(rename = "type")]
    of_type: String,
    label: Message,
    #[serde(default)]
    flags: Vec<FlagChange>,
    supporting_copy: Option<Message>,
    icon: Option<String>,
    #[serde(default)]
    conditionals: Vec<FieldConditional>,
    deduplication: Option<Deduplication>,
    dialog_copy: Option<DialogCopy>,
    review: Option<Review>,
    print_form: Option<Form>,
    correction_form: Option<Form>,
    custom_action_type: Option<String>,
    #[serde(default)]
    form: Vec<AnyField>,
    audit_history_label: Option<Message>,
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let action = Written::deserialize(deserializer)?;
        let needs = D::Error::missing_field;
        let kind = match action.of_type.as_str() {
            "READ" => ActionKind::Read(action.review.ok_or_else(|| needs("review"))?),
            "DECLARE" => ActionKind::Declare(action.review.ok_or_else(|| needs("review"))?),
            "REGISTER" => ActionKind::Register,
            "EDIT" => ActionKind::Edit,
            "REJECT" => ActionKind::Reject,
            "ARCHIVE" => ActionKind::Archive,
            "PRINT_CERTIFICATE" => {
                ActionKind::PrintCertificate(action.print_form.ok_or_else(|| needs("printForm"))?)
            }
            "REQUEST_CORRECTION" => {
                let form = action.correction_form;
                ActionKind::RequestCorrection(form.ok_or_else(|| needs("correctionForm"))?)
            }
            "CUSTOM" => {
                let name = action.custom_action_type;
                let label = action.audit_history_label;
                ActionKind::Custom {
                    name: name.ok_or_else(|| needs("customActionType"))?,
                    form: action.form.clone(),
                    audit_history_label: label.ok_or_else(|| needs("auditHistoryLabel"))?,
                }
            }
            other => {
                let plain = LATER_TYPES.iter().copied().find(|name| *name == other);
                ActionKind::Plain(plain.ok_or_else(|| {
                    D::Error::custom(format!("core does not know the action type `{other}`"))
                })?)
            }
        };
        // Of an own action, the fields are its form.
        let dialog_form = if matches!(kind, ActionKind::Custom { .. }) {
            Vec::new()
        } else {
            action.form.clone()
        };
        Ok(Self {
            kind,
            label: action.label,
            flags: action.flags,
            supporting_copy: action.supporting_copy,
            icon: action.icon,
            conditionals: action.conditionals,
            deduplication: action.deduplication,
            dialog_copy: action.dialog_copy,
            dialog_form,
        })
    }
}

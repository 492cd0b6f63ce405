// SPDX-License-Identifier: MPL-2.0
//! Parts for reviewing and sending a declaration that all events share.

use opencrvs_toolkit::prelude::*;

/// The page for the review of a declaration, with a comment and the informant's signature.
pub(crate) fn review(event: &str, title: Message) -> Review {
    let label = |key: &str| format!("event.{event}.action.declare.form.review.{key}.label");
    Review::new(
        title,
        [
            textarea("review.comment")
                .label(label("comment"), "Comment")
                .required()
                .into(),
            signature(
                "review.signature",
                ("signature.upload.modal.title", "Draw signature"),
            )
            .label(label("signature"), "Signature of informant")
            .required()
            .into(),
        ],
    )
}

/// A title that names the person once the name is known; core writes `__EMPTY__` for a missing part.
pub(crate) fn title_with_name(id: &str, what: &str, person: &str) -> Message {
    let (first, last) = (
        format!("{person}.name.firstname"),
        format!("{person}.name.surname"),
    );
    message(
        id,
        format!(
            "{{{first}, select, __EMPTY__ {{{what}}} other {{{{{last}, select, \
             __EMPTY__ {{{what} for {{{first}}}}} other {{{what} for {{{first}}} {{{last}}}}}}}}}}}"
        ),
    )
}

/// The fallback for an empty title of a record.
pub(crate) fn fallback_title() -> Message {
    message("event.fallbackTitle", "No name provided")
}

/// The confirmation before a new declaration is sent.
pub(crate) fn declare_dialog(event: &str) -> DialogCopy {
    let id = |kind: &str| format!("event.{event}.action.declare.{kind}.copy");
    DialogCopy::new(
        (
            id("notify"),
            format!(
                "The {event} will be notified with the details entered so far. Somebody must complete it later."
            ),
        ),
        (
            id("declare"),
            format!(
                "The {event} will be declared and handed on for validation and registration. Are you sure?"
            ),
        ),
        (
            id("register"),
            format!(
                "The {event} will be registered, which makes the record legally valid. Are you sure?"
            ),
        ),
    )
}

/// The confirmation before an edited declaration is sent.
pub(crate) fn edit_dialog(event: &str) -> DialogCopy {
    let id = |kind: &str| format!("event.{event}.action.edit.{kind}.copy");
    DialogCopy::new(
        (
            id("notify"),
            format!(
                "The {event} will be notified again with your changes. Somebody must complete it later."
            ),
        ),
        (
            id("declare"),
            format!(
                "The {event} will be declared again with your changes and must be validated anew. Are you sure?"
            ),
        ),
        (
            id("register"),
            format!(
                "The {event} will be registered with your changes, which makes it legally valid. Are you sure?"
            ),
        ),
    )
}

/// Confirms that a declaration is correct and complete.
pub(crate) fn validate_declaration(event: &str) -> Action {
    let id = |key: &str| format!("event.{event}.custom.action.validate-declaration.{key}");
    Action::custom(
        "VALIDATE_DECLARATION",
        (id("label"), "Validate"),
        [textarea("comments").label(id("field.comments.label"), "Comments").into()],
        (id("audit-history-label"), "Validated"),
    )
    .icon("Stamp")
    .supporting_copy((
        id("supportingCopy"),
        "You confirm that the declaration is complete and agrees with the documents; it can then be registered.",
    ))
    .add_flag("validated")
    .remove_flag("rejected")
    .show_if(status("DECLARED").and(not(flag("validated"))))
    .enable_if(not(flag("potential-duplicate")))
}

pub(crate) fn reject(event: &str) -> Action {
    Action::reject((format!("event.{event}.action.reject.label"), "Reject")).supporting_copy((
        "rejectModal.description",
        "Tell whoever must act on it why this declaration is sent back and what is to be changed.",
    ))
}

pub(crate) fn register(event: &str) -> Action {
    Action::register((format!("event.{event}.action.register.label"), "Register"))
        .supporting_copy((
            format!("event.{event}.action.register.supportingCopy"),
            format!("Once registered, the {event} is part of the civil register and can only be changed by a correction."),
        ))
        .remove_flag("validated")
        .add_flag("pending-first-certificate-issuance")
}

pub(crate) fn archive(event: &str) -> Action {
    Action::archive((format!("event.{event}.action.archive.label"), "Archive")).supporting_copy((
        "recordAudit.archive.confirmation.body",
        "The declaration leaves all work lists; nobody can act on it until it is reinstated.",
    ))
}

/// Brings an archived declaration back. Core 2.0 has no such action.
pub(crate) fn unarchive(event: &str) -> Action {
    let id = |key: &str| format!("event.{event}.action.unarchive.{key}");
    Action::unarchive((id("label"), "Unarchive")).supporting_copy((
        id("supportingCopy"),
        "The declaration returns to the state and the work lists that it had before it was archived.",
    ))
}

// SPDX-License-Identifier: MPL-2.0
//! The form with which the correction of a registered record is requested.

use opencrvs_toolkit::prelude::*;

use crate::requester::Relation;
use crate::{Environment, options, validators};

/// Id of a message about the correction form.
fn form_id(event: &str, key: &str) -> String {
    format!("event.{event}.action.correction.form.{key}")
}

fn section(event: &str, key: &str) -> String {
    form_id(event, &format!("section.{key}"))
}

/// The whole form: the requester and the reason, the requester's identity, documents and fees.
pub(crate) fn correction_form(
    env: &Environment,
    event: &str,
    requesters: Vec<AnyField>,
    identities: Vec<AnyField>,
) -> Form {
    form(
        (form_id(event, "label"), "Correct record"),
        [
            details_page(env, event, requesters),
            identity_page(event).with_all(identities),
            documents_page(event),
            fees_page(env, event),
        ],
    )
}

/// The requester of the correction; [`crate::certificate::collector_choice`] explains why there are several.
pub(crate) fn requester_choice(
    event: &str,
    shown: Conditional,
    choices: Vec<SelectOption>,
) -> AnyField {
    select("requester.type", choices)
        .label(section(event, "requester.label"), "Requester")
        .required()
        .show_if(shown)
        .into()
}

pub(crate) fn informant_requests(event: &str, relation: &Relation, other: &str) -> SelectOption {
    let id = format!(
        "v2.{}",
        section(
            event,
            &format!("requester.informant.{}.label", relation.key)
        )
    );
    let text = if relation.is_other() {
        other.to_owned()
    } else {
        format!("Informant ({})", relation.name)
    };
    option("INFORMANT", (id, text))
}

pub(crate) fn person_requests(event: &str, value: &str, key: &str, text: &str) -> SelectOption {
    option(
        value,
        (section(event, &format!("requester.{key}.label")), text),
    )
}

/// A requester who is not named in the record; the texts are shared by all events.
pub(crate) fn requester_type(value: &str, key: &str, text: &str) -> SelectOption {
    option(
        value,
        (form_id("birth", &format!("requester.type.{key}")), text),
    )
}

/// Requesters who can ask for any correction.
pub(crate) fn official_requesters() -> [SelectOption; 4] {
    [
        requester_type(
            "ANOTHER_AGENT",
            "anotherAgent",
            "Another registration agent or field agent",
        ),
        requester_type("ME", "me", "Me"),
        requester_type("COURT", "court", "Court"),
        requester_type("SOMEONE_ELSE", "someoneElse", "Someone else"),
    ]
}

/// The identity data of a requester.
pub(crate) fn identity_data(event: &str, shown: Conditional, entries: Vec<DataEntry>) -> AnyField {
    data("requester.identity.verify.data", entries)
        .label(section(event, "verifyIdentity.data.label"), "")
        .show_if(shown)
        .into()
}

fn details_page(env: &Environment, event: &str, requesters: Vec<AnyField>) -> Page {
    let id = |key: &str| section(event, key);
    let label = |name: &str| id(&format!("requester.{name}.label"));
    let someone_else = field("requester.type").equals("SOMEONE_ELSE");
    let with_id = |id_type: &str| and([&someone_else, &field("requester.idType").equals(id_type)]);
    form_page("details", (id("details.title"), "Correction details"))
        .require_completion()
        .with_all(requesters)
        .with(
            select("requester.idType", options::id_types())
                .label(label("idType"), "Type of ID")
                .required()
                .show_if(&someone_else),
        )
        .with(
            text("requester.nid")
                .label(label("nid"), "ID Number")
                .required()
                .show_if(with_id("NATIONAL_ID"))
                .apply(|field| validators::national_id(env, field)),
        )
        .with(
            text("requester.passport")
                .label(label("passport"), "ID Number")
                .required()
                .show_if(with_id("PASSPORT"))
                .parent(field("informant.relation")),
        )
        .with(
            text("requester.brn")
                .label(label("brn"), "ID Number")
                .required()
                .show_if(with_id("BIRTH_REGISTRATION_NUMBER")),
        )
        .with(
            name("requester.name")
                .label(label("name"), "Name")
                .required()
                .hide_label()
                .show_if(&someone_else),
        )
        .with(
            text("requester.relationship")
                .label(label("relationship"), "Relationship to child")
                .placeholder((id("requester.relationship.placeholder"), "eg. Grandmother"))
                .required()
                .show_if(&someone_else),
        )
        .with(
            labelled_divider("details.divider")
                .label(id("details.divider.label"), "")
                .show_if(someone_else),
        )
        .with_all(reason_fields(event))
}

fn reason_fields(event: &str) -> [AnyField; 2] {
    let id = |key: &str| format!("event.{event}.action.correction.reason.{key}.label");
    let reasons = [
        (
            "CLERICAL_ERROR",
            "clericalError",
            "A slip of whoever entered the data (Clerical error)",
        ),
        (
            "MATERIAL_ERROR",
            "materialError",
            "Wrong information was given by the informant (Material error)",
        ),
        (
            "MATERIAL_OMISSION",
            "materialOmission",
            "Information was left out by the informant (Material omission)",
        ),
        (
            "JUDICIAL_ORDER",
            "judicialOrder",
            "Requested to do so by the court (Judicial order)",
        ),
        ("OTHER", "other", "Other"),
    ]
    .map(|(value, key, text)| option(value, (id(&format!("option.{key}")), text)));
    [
        select("reason.option", reasons)
            .label(section(event, "reason.title"), "Reason for correction")
            .required()
            .into(),
        text("reason.other")
            .label(id("other"), "Specify reason")
            .required()
            .show_if(field("reason.option").equals("OTHER"))
            .into(),
    ]
}

/// The page on which the requester's identity is confirmed; officials do not need it.
fn identity_page(event: &str) -> Page {
    let id = |key: &str| form_id(event, key);
    let is_not = |requester: &str| not(field("requester.type").equals(requester));
    verification_page(
        "requester.identity.verify",
        (section(event, "requester.identity.verify.title"), "Verify ID"),
        Verification::new(
            (id("verify"), "Verified"),
            (id("cancel"), "Identity does not match"),
            (id("cancel.confirmation.title"), "Correct without proof of ID?"),
            (
                id("cancel.confirmation.body"),
                "The correction will be requested by a person who did not prove to be the one on record.",
            ),
        ),
    )
    .require_completion()
    .show_if(and([is_not("ANOTHER_AGENT"), is_not("ME")]))
}

fn documents_page(event: &str) -> Page {
    let id = |key: &str| format!("event.{event}.action.correction.documents.{key}.label");
    let documents = [
        ("AFFIDAVIT", "affidavit", "Affidavit"),
        ("COURT_DOCUMENT", "courtDocument", "Court Document"),
        ("OTHER", "other", "Other"),
    ]
    .map(|(value, key, text)| option(value, (id(&format!("supportingDocs.{key}")), text)));
    form_page(
        "documents",
        (
            section(event, "supporting-documents.title"),
            "Upload supporting documents",
        ),
    )
    .require_completion()
    .with(
        file_with_options("documents.supportingDocs", documents)
            .label(id("supportingDocs"), "Supporting documents"),
    )
}

/// Id of the message before the amount of the fee.
pub(crate) fn fee_prefix(event: &str) -> String {
    format!("event.{event}.action.correction.fees.amount.prefix")
}

fn fees_page(env: &Environment, event: &str) -> Page {
    let id = |key: &str| format!("event.{event}.action.correction.fees.amount.{key}");
    form_page("fees", (section(event, "fees.title"), "Collect fees"))
        .require_completion()
        .with(
            number("fees.amount")
                .label(id("label"), "Fee total")
                .required()
                .min(0)
                .prefix((fee_prefix(event), env.currency.as_str())),
        )
}

// SPDX-License-Identifier: MPL-2.0
//! Parts of the form that is filled in before a certificate is printed.

use opencrvs_toolkit::prelude::*;

use crate::person::full_name;
use crate::requester::Relation;
use crate::{Environment, validators};

/// Media types of a signed affidavit.
const AFFIDAVIT_TYPES: [&str; 3] = ["image/png", "image/jpg", "image/jpeg"];

/// Id of a message about a section of the form.
pub(crate) fn section(event: &str, key: &str) -> String {
    format!("event.{event}.action.certificate.form.section.{key}")
}

/// The page that asks for the collector.
pub(crate) fn collector_page(event: &str) -> Page {
    form_page("collector", (section(event, "who.title"), "Certify record")).require_completion()
}

/// The collector of the certificate. Each situation of the record has a field of its own, all under one
/// id, because a choice can depend on the informant only through the field.
pub(crate) fn collector_choice(
    event: &str,
    shown: Conditional,
    choices: Vec<SelectOption>,
) -> Field<types::Select> {
    select("collector.requesterId", choices)
        .label(section(event, "requester.label"), "Requester")
        .required()
        .show_if(shown)
}

pub(crate) fn informant_collects(event: &str, relation: &Relation) -> SelectOption {
    let id = format!(
        "v2.{}",
        section(
            event,
            &format!("requester.informant.{}.label", relation.key)
        )
    );
    let text = if relation.is_other() {
        "Print and issue to Informant".to_owned()
    } else {
        format!("Print and issue to Informant ({})", relation.name)
    };
    option("INFORMANT", (id, text))
}

pub(crate) fn collects(event: &str, value: &str, key: &str, text: &str) -> SelectOption {
    option(
        value,
        (section(event, &format!("requester.{key}.label")), text),
    )
}

pub(crate) fn someone_else_collects(event: &str) -> SelectOption {
    collects(
        event,
        "SOMEONE_ELSE",
        "other",
        "Print and issue to someone else",
    )
}

/// Differences between events when somebody else collects the certificate.
pub(crate) struct SomeoneElse {
    /// The person to whom the relationship is: `child` or `deceased`, capitalised.
    pub(crate) relationship_to: &'static str,
    /// Id of the field for the number of a driving licence, after `collector.`.
    pub(crate) driving_licence_field: &'static str,
}

/// A document that a collector can show.
struct IdDocument {
    value: &'static str,
    key: &'static str,
    name: &'static str,
    /// Id of the field for its number, after `collector.`; none where events differ.
    number: Option<&'static str>,
    number_key: &'static str,
}

const fn document(
    value: &'static str,
    key: &'static str,
    name: &'static str,
    number: Option<&'static str>,
    number_key: &'static str,
) -> IdDocument {
    IdDocument {
        value,
        key,
        name,
        number,
        number_key,
    }
}

const ID_DOCUMENTS: [IdDocument; 6] = [
    document(
        "PASSPORT",
        "passport",
        "Passport",
        Some("PASSPORT.details"),
        "passportDetails",
    ),
    document("NATIONAL_ID", "nid", "National ID", Some("nid"), "nid"),
    document(
        "DRIVING_LICENSE",
        "drivingLicense",
        "Drivers License",
        None,
        "drivingLicenseDetails",
    ),
    document(
        "BIRTH_REGISTRATION_NUMBER",
        "brn",
        "Birth Registration Number",
        Some("brn"),
        "brn",
    ),
    document(
        "REFUGEE_NUMBER",
        "refugeeNumber",
        "Refugee Number",
        Some("REFUGEE-NUMBER.details"),
        "refugeeNumberDetails",
    ),
    document(
        "ALIEN_NUMBER",
        "alienNumber",
        "Alien Number",
        Some("ALIEN-NUMBER.details"),
        "alienNumberDetails",
    ),
];

/// Fields about a person who collects a certificate for somebody else.
pub(crate) fn someone_else_fields(
    env: &Environment,
    event: &str,
    differences: &SomeoneElse,
) -> Vec<AnyField> {
    let SomeoneElse {
        relationship_to: to,
        driving_licence_field,
    } = differences;
    let label = |key: &str| format!("event.{event}.action.form.section.{key}.label");
    let someone_else = field("collector.requesterId").equals("SOMEONE_ELSE");
    let mut fields = id_document_fields(env, &label, &someone_else, driving_licence_field);
    let name = full_name(
        "collector.OTHER.name",
        message(label("collector.other.field.name"), "Collector's name"),
    );
    let relationship = text(format!("collector.OTHER.relationshipTo{to}"))
        .label(
            label(&format!("relationshipTo{to}")),
            format!("Relationship to {}", to.to_lowercase()),
        )
        .required();
    let file_name = format!("event.{event}.action.form.section.signedAffidavit.fileName");
    let affidavit = file("collector.OTHER.signedAffidavit")
        .label(label("signedAffidavit"), "Signed Affidavit (Optional)")
        .accepted_file_types(AFFIDAVIT_TYPES)
        .file_name((file_name, "Signed Affidavit"));
    fields.push(name.show_if(&someone_else).into());
    fields.push(relationship.show_if(&someone_else).into());
    fields.push(affidavit.show_if(someone_else).into());
    fields
}

/// The document that the collector shows, and its number.
fn id_document_fields(
    env: &Environment,
    label: &impl Fn(&str) -> String,
    someone_else: &Conditional,
    driving_licence_field: &str,
) -> Vec<AnyField> {
    let choice =
        |value, key: &str, name: &str| option(value, (label(&format!("idType.{key}")), name));
    let number = |id: &str, key: &str, name: &str, value: &str| {
        let chosen = field("collector.OTHER.idType").equals(value);
        text(format!("collector.{id}"))
            .label(label(key), name)
            .required()
            .show_if(and([someone_else, &chosen]))
    };
    let mut choices: Vec<_> = ID_DOCUMENTS
        .iter()
        .map(|id| choice(id.value, id.key, id.name))
        .collect();
    choices.push(choice("OTHER", "other", "Other"));
    choices.push(choice("NO_ID", "noId", "No ID available"));
    let kind = select("collector.OTHER.idType", choices)
        .label(label("idType"), "Type of ID")
        .required();
    let mut fields: Vec<AnyField> = vec![kind.show_if(someone_else).into()];
    fields.extend(ID_DOCUMENTS.iter().map(|id| {
        let field = number(
            id.number.unwrap_or(driving_licence_field),
            id.number_key,
            id.name,
            id.value,
        );
        if id.value == "NATIONAL_ID" {
            validators::national_id(env, field).into()
        } else {
            field.into()
        }
    }));
    fields.push(
        number(
            "OTHER.idTypeOther",
            "idTypeOther",
            "Other type of ID",
            "OTHER",
        )
        .into(),
    );
    fields.push(number("OTHER.idNumberOther", "idNumberOther", "ID Number", "OTHER").into());
    fields
}

/// The page on which the collector's identity is confirmed.
pub(crate) fn identity_page(event: &str) -> Page {
    let id = |key: &str| format!("event.{event}.action.certificate.form.{key}");
    verification_page(
        "collector.identity.verify",
        (format!("event.{event}.action.print.verifyIdentity"), "Verify their identity"),
        Verification::new(
            (id("verify"), "Verified"),
            (id("cancel"), "Identity does not match"),
            (id("cancel.confirmation.title"), "Print without proof of ID?"),
            (
                id("cancel.confirmation.body"),
                "The certificate will be issued to a person who did not prove to be the one on record.",
            ),
        ),
    )
    .require_completion()
}

/// The identity data of the collector.
pub(crate) fn identity_data(
    event: &str,
    label: &str,
    key: &str,
    entries: Vec<DataEntry>,
) -> Field<types::Data> {
    data(format!("collector.identity.verify.data.{key}"), entries)
        .label(section(event, "verifyIdentity.data.label"), label)
}

/// The page on which the fee is collected.
pub(crate) fn payment_page() -> Page {
    form_page(
        "collector.collect.payment",
        ("event.birth.action.print.collectPayment", "Collect Payment"),
    )
    .require_completion()
}

/// The fee in one situation of the record, with its currency.
pub(crate) fn payment(
    event: &str,
    key: &str,
    service: &str,
    fee: &str,
    shown: Conditional,
) -> Field<types::Data> {
    let id = |key: &str| section(event, &format!("collectPayment.{key}"));
    data(
        format!("collector.collect.payment.data.{key}"),
        [
            DataEntry::message(
                "service",
                (id("service.label"), "Service"),
                (id(&format!("service.label.{key}")), service),
            ),
            DataEntry::plain("fee", (id("fee.label"), "Fee"), fee),
        ],
    )
    .label(id("data.label"), "Payment details")
    .show_if(shown)
}

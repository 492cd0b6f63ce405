// SPDX-License-Identifier: MPL-2.0
//! Parts of the form that is filled in before a certificate is printed.

use opencrvs_toolkit::prelude::*;

use crate::person::full_name;
use crate::requester::Relation;
use crate::validators;

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

/// Who collects the certificate. Each situation of the record has a field of its own, all under one id, because a
/// choice can depend on the informant only by way of the field.
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

/// What differs between events when somebody else collects the certificate.
pub(crate) struct SomeoneElse {
    /// `child` or `deceased`, capitalised: whom the relationship is to.
    pub(crate) relationship_to: &'static str,
    /// Id of the field for the number of a driving licence.
    pub(crate) driving_licence_field: &'static str,
}

/// Who the person is that collects a certificate for somebody else.
pub(crate) fn someone_else_fields(event: &str, differences: &SomeoneElse) -> Vec<AnyField> {
    let SomeoneElse {
        relationship_to,
        driving_licence_field,
    } = differences;
    let label = |key: &str| format!("event.{event}.action.form.section.{key}.label");
    let someone_else = field("collector.requesterId").equals("SOMEONE_ELSE");
    let id_type = field("collector.OTHER.idType");
    let id_types = [
        ("PASSPORT", "passport", "Passport"),
        ("NATIONAL_ID", "nid", "National ID"),
        ("DRIVING_LICENSE", "drivingLicense", "Drivers License"),
        (
            "BIRTH_REGISTRATION_NUMBER",
            "brn",
            "Birth Registration Number",
        ),
        ("REFUGEE_NUMBER", "refugeeNumber", "Refugee Number"),
        ("ALIEN_NUMBER", "alienNumber", "Alien Number"),
        ("OTHER", "other", "Other"),
        ("NO_ID", "noId", "No ID available"),
    ]
    .map(|(value, key, text)| option(value, (label(&format!("idType.{key}")), text)));
    let detail = |id: &str, key: &str, text_: &str, value: &str| {
        text(id)
            .label(label(key), text_)
            .required()
            .show_if(and([&someone_else, &id_type.equals(value)]))
    };
    let to = relationship_to.to_lowercase();
    vec![
        select("collector.OTHER.idType", id_types)
            .label(label("idType"), "Type of ID")
            .required()
            .show_if(&someone_else)
            .into(),
        detail(
            "collector.PASSPORT.details",
            "passportDetails",
            "Passport",
            "PASSPORT",
        )
        .into(),
        detail("collector.nid", "nid", "National ID", "NATIONAL_ID")
            .apply(validators::national_id)
            .into(),
        detail(
            driving_licence_field,
            "drivingLicenseDetails",
            "Drivers License",
            "DRIVING_LICENSE",
        )
        .into(),
        detail(
            "collector.brn",
            "brn",
            "Birth Registration Number",
            "BIRTH_REGISTRATION_NUMBER",
        )
        .into(),
        detail(
            "collector.REFUGEE-NUMBER.details",
            "refugeeNumberDetails",
            "Refugee Number",
            "REFUGEE_NUMBER",
        )
        .into(),
        detail(
            "collector.ALIEN-NUMBER.details",
            "alienNumberDetails",
            "Alien Number",
            "ALIEN_NUMBER",
        )
        .into(),
        detail(
            "collector.OTHER.idTypeOther",
            "idTypeOther",
            "Other type of ID",
            "OTHER",
        )
        .into(),
        detail(
            "collector.OTHER.idNumberOther",
            "idNumberOther",
            "ID Number",
            "OTHER",
        )
        .into(),
        full_name(
            "collector.OTHER.name",
            message(label("collector.other.field.name"), "Collector's name"),
        )
        .show_if(&someone_else)
        .into(),
        text(format!("collector.OTHER.relationshipTo{relationship_to}"))
            .label(
                label(&format!("relationshipTo{relationship_to}")),
                format!("Relationship to {to}"),
            )
            .required()
            .show_if(&someone_else)
            .into(),
        file("collector.OTHER.signedAffidavit")
            .label(label("signedAffidavit"), "Signed Affidavit (Optional)")
            .show_if(someone_else)
            .accepted_file_types(AFFIDAVIT_TYPES)
            .file_name((
                format!("event.{event}.action.form.section.signedAffidavit.fileName"),
                "Signed Affidavit",
            ))
            .into(),
    ]
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

/// What is known about the collector.
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

/// The fee in one situation of the record.
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

// SPDX-License-Identifier: MPL-2.0
//! Documents that support the declaration.

use opencrvs_toolkit::prelude::*;

use super::section;
use crate::documents::document;
use crate::options::{id_documents, shared};

pub(super) fn page() -> Page {
    let proof = |key: &str, text: &str, kinds: Vec<SelectOption>| {
        document(
            key,
            message(section(&format!("documents.field.{key}.label")), text),
            kinds,
        )
    };
    form_page(
        "documents",
        (
            "form.section.documents.title",
            "Upload supporting documents",
        ),
    )
    .with(paragraph("documents.helper").label(
        "form.field.label.documents.helper",
        "The following documents are required",
    ))
    .with(proof(
        "proofOfDeceased",
        "Proof of deceased's ID",
        id_documents(),
    ))
    .with(proof(
        "proofOfInformant",
        "Proof of informant's ID",
        id_documents(),
    ))
    .with(proof(
        "proofOfDeath",
        "Proof of death of deceased",
        proofs_of_death(),
    ))
    .with(
        proof(
            "proofOfCauseOfDeath",
            "Proof of cause of death",
            proofs_of_cause(),
        )
        .show_if(field("eventDetails.causeOfDeathEstablished").equals(true)),
    )
}

fn proofs_of_death() -> Vec<SelectOption> {
    vec![
        shared(
            "ATTESTED_LETTER_OF_DEATH",
            "docTypeLetterOfDeath",
            "Attested letter of death",
        ),
        shared(
            "POLICE_CERTIFICATE_OF_DEATH",
            "docTypePoliceCertificate",
            "Police certificate of death",
        ),
        shared(
            "HOSPITAL_CERTIFICATE_OF_DEATH",
            "docTypeHospitalDeathCertificate",
            "Hospital certificate of death",
        ),
        shared(
            "CORONERS_REPORT",
            "docTypeCoronersReport",
            "Coroner's report",
        ),
        shared(
            "BURIAL_RECEIPT",
            "docTypeCopyOfBurialReceipt",
            "Certified copy of burial receipt",
        ),
        shared("OTHER", "docTypeOther", "Other"),
    ]
}

fn proofs_of_cause() -> Vec<SelectOption> {
    vec![
        shared(
            "VERBAL_AUTOPSY",
            "verbalAutopsyReport",
            "Verbal autopsy report",
        ),
        shared(
            "MEDICALLY_CERTIFIED",
            "medicallyCertified",
            "Medically Certified Cause of Death",
        ),
        shared("OTHER", "docTypeOther", "Other"),
    ]
}

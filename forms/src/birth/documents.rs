// SPDX-License-Identifier: MPL-2.0
//! Documents that support the declaration.

use opencrvs_toolkit::prelude::*;

use super::section;
use crate::documents::{DOCUMENT_TYPES, document};
use crate::options::{id_documents, shared};
use crate::person::details_available;

pub(super) fn page() -> Page {
    let informant_is = |relation| field("informant.relation").equals(relation);
    let someone_else = not(or([informant_is("MOTHER"), informant_is("FATHER")]));
    let label =
        |key: &str, text: &str| message(section(&format!("documents.field.{key}.label")), text);
    form_page(
        "documents",
        (
            "form.section.documents.title",
            "Upload supporting documents",
        ),
    )
    .with(
        file("documents.proofOfBirth")
            .labelled(label("proofOfBirth", "Proof of birth"))
            .uncorrectable()
            .accepted_file_types(DOCUMENT_TYPES)
            .full_width()
            .file_name((
                "form.field.label.proofOfBirth.fileName",
                "Notification of birth",
            )),
    )
    .with(
        document(
            "proofOfMother",
            label("proofOfMother", "Proof of mother's ID"),
            id_documents(),
        )
        .show_if(details_available("mother", "MOTHER")),
    )
    .with(
        document(
            "proofOfFather",
            label("proofOfFather", "Proof of father's ID"),
            id_documents(),
        )
        .show_if(details_available("father", "FATHER")),
    )
    .with(
        document(
            "proofOfInformant",
            label("proofOfInformant", "Proof of informant's ID"),
            id_documents(),
        )
        .show_if(&someone_else),
    )
    .with(
        document(
            "proofOther",
            label("proofOther", "Other"),
            proofs_of_guardianship(),
        )
        .show_if(someone_else),
    )
}

fn proofs_of_guardianship() -> [SelectOption; 2] {
    [
        shared(
            "PROOF_OF_LEGAL_GUARDIANSHIP",
            "legalGuardianProof",
            "Proof of legal guardianship",
        ),
        shared(
            "PROOF_OF_ASSIGNED_RESPONSIBILITY",
            "assignedResponsibilityProof",
            "Proof of assigned responsibility",
        ),
    ]
}

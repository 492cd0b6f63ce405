// SPDX-License-Identifier: MPL-2.0
//! Offers of the birth certificate as a verifiable credential, which the wallet fetches by a QR code.

use opencrvs_toolkit::prelude::*;
use serde_json::json;

use super::requesters::{FATHER, MOTHER, Parent, RELATIONS};
use crate::requester::{Relation, identity, identity_of_informant};
use crate::{Environment, credentials_url};

pub(super) fn issue_verifiable_credential(env: &Environment) -> Action {
    let mut form = vec![
        paragraph("supporting-copy")
            .label(
                id("supporting-copy"),
                "Say who asks for the credential, then let the person scan the code that appears.",
            )
            .required()
            .show_if(not_offered())
            .hint()
            .into(),
    ];
    form.extend(RELATIONS.iter().flat_map(requester_choices));
    form.extend(details_of_requester());
    form.extend(offer(env));
    Action::custom(
        "ISSUE_VERIFIABLE_CREDENTIAL",
        (
            "event.birth.action.issue-vc.label",
            "Issue a verifiable credential",
        ),
        form,
        (
            "event.birth.action.issue-vc.audit-history-label",
            "Verifiable Credential issued",
        ),
    )
    .icon("QrCode")
    .enable_if(not(flag("vc-issued")))
    .show_if(if env.credential_offers {
        and([not(flag("vc-issued")), status("REGISTERED")])
    } else {
        never()
    })
}

/// Id of a message about a field of this action.
fn id(key: &str) -> String {
    format!("event.birth.custom.action.issue-vc.field.{key}")
}

/// The answer that holds the offer as a QR code.
fn offer_code() -> FieldReference {
    field("get-credential-offer").get("data.credential_offer_uri_qr")
}

/// Holds when the issuer has answered with an offer. `is_undefined` cannot be used here: it takes a pending
/// answer, or an error, for an offer.
fn offered() -> Conditional {
    offer_code().matches(".")
}

fn not_offered() -> Conditional {
    not(offered())
}

/// The choices of requesters for an informant, one field for each combination of known parents.
fn requester_choices(relation: &Relation) -> Vec<AnyField> {
    let known = Parent::known;
    let unknown = |parent: Parent| not(parent.known());
    let choice = |shown: Conditional, choices: Vec<SelectOption>| {
        select("requester.type", choices)
            .label(id("requester.label"), "Requester")
            .required()
            .show_if(and([not_offered(), relation.is_informants(), shown]))
            .into()
    };
    let parent = |parent: Parent| {
        option(
            parent.value,
            (id(&format!("requester.option.{}", parent.key)), parent.name),
        )
    };
    let parent_informant = [MOTHER, FATHER]
        .into_iter()
        .find(|parent| parent.value == relation.value);
    if let Some(informant) = parent_informant {
        let other = if informant == MOTHER { FATHER } else { MOTHER };
        return vec![
            choice(known(other), vec![parent(informant), parent(other)]),
            choice(unknown(other), vec![parent(informant)]),
        ];
    }
    let name = if relation.is_other() {
        relation.name.to_owned()
    } else {
        format!("{} (informant)", relation.name)
    };
    let informant = || {
        option(
            "INFORMANT",
            (
                id(&format!("requester.option.informant.{}", relation.key)),
                name.clone(),
            ),
        )
    };
    vec![
        choice(
            and([known(MOTHER), unknown(FATHER)]),
            vec![parent(MOTHER), informant()],
        ),
        choice(
            and([known(FATHER), unknown(MOTHER)]),
            vec![parent(FATHER), informant()],
        ),
        choice(
            and([known(MOTHER), known(FATHER)]),
            vec![parent(MOTHER), parent(FATHER), informant()],
        ),
        choice(and([unknown(MOTHER), unknown(FATHER)]), vec![informant()]),
    ]
}

/// The requester's details in the record.
fn details_of_requester() -> Vec<AnyField> {
    let requester = field("requester.type");
    let relation = field("informant.relation");
    let details = |key: &str, shown: Conditional, entries: Vec<DataEntry>| {
        data(format!("requester.data.{key}"), entries)
            .label(id("requester.details.label"), "Details in the birth record")
            .show_if(shown)
            .parent(field("requester.type"))
            .into()
    };
    let parent_details = [MOTHER, FATHER]
        .map(|parent| (parent, and([requester.equals(parent.value), not_offered()])));
    let mut fields = vec![
        // Keeps the choices of the list above inside the window.
        paragraph("padding-for-layout-1")
            .label(
                "form.field.label.padding.60px",
                "<div style=\"height:60px\"></div>",
            )
            .show_if(and([requester.is_undefined(), not_offered()]))
            .parent(&requester)
            .into(),
    ];
    fields.extend(
        parent_details.map(|(parent, shown)| details(parent.key, shown, identity(parent.key))),
    );
    fields.push(details(
        "informant.other",
        and([
            requester.equals("INFORMANT"),
            not(relation.equals("MOTHER")),
            not(relation.equals("FATHER")),
            not_offered(),
        ]),
        identity_of_informant(),
    ));
    fields
}

/// The button that asks for the offer, the request, the code and the confirmation.
fn offer(env: &Environment) -> [AnyField; 5] {
    let requester = field("requester.type");
    let clicked = field("request-credential-offer-button");
    let answer = field("get-credential-offer");
    [
        button(
            clicked.id(),
            (
                id("request-credential-offer-button.configuration.text"),
                "Generate",
            ),
        )
        .label(
            id("request-credential-offer-button.label"),
            "Verifiable credential offer",
        )
        .required()
        .show_if(and([not(requester.is_undefined()), not_offered()]))
        .parent(requester)
        // While the button is there, there is no offer: the dialog cannot be confirmed.
        .validate(
            offered(),
            (
                id("request-credential-offer-button.error"),
                "There is no credential yet. If none appears, close the window and try again later",
            ),
        )
        .into(),
        http(
            answer.id(),
            Method::Post,
            credentials_url(env, "credential-offer"),
        )
        .label(id("get-credential-offer.label"), "Get Credential Offer")
        .parent(&clicked)
        .trigger(clicked)
        .headers([("Content-Type", "application/json")])
        .body(&json!({ "pathname": window().location("pathname") }))
        .timeout(10_000)
        .into(),
        paragraph("qr-code-explain-paragraph")
            .label(
                id("qr-code.configuration.text"),
                "Let the requester scan this code with the wallet on the phone.",
            )
            .show_if(offered())
            .parent(&answer)
            .hint()
            .align(TextAlign::Center)
            .into(),
        image_view("qr-code")
            .label(id("qr-code.configuration.alt"), "QR Code")
            .hide_label()
            .show_if(offered())
            .parent(&answer)
            .value_from(offer_code())
            .width("30%")
            .align(TextAlign::Center)
            .into(),
        checkbox("requester.acceptedVcOffer")
            .label(
                id("accepted-vc-offer.label"),
                "The requester's wallet has received the credential",
            )
            .required()
            .show_if(offered())
            .parent(answer)
            .validate(
                field("requester.acceptedVcOffer").equals(true),
                (
                    id("accepted-vc-offer.error"),
                    "Confirm that the wallet has received the credential before you go on",
                ),
            )
            .into(),
    ]
}

// SPDX-License-Identifier: MPL-2.0
//! The form that is filled in before a birth certificate is printed.

use opencrvs_toolkit::prelude::*;
use serde_json::json;

use super::child::{LATE_AFTER_DAYS, registration_is_late};
use super::requesters::{FATHER, MOTHER, Situation, situations};
use crate::certificate::{
    SomeoneElse, collector_choice, collector_page, collects, identity_data, identity_page,
    informant_collects, payment, payment_page, section, someone_else_collects, someone_else_fields,
};
use crate::requester::{entries, identity, requester_is, requester_is_other_informant};
use crate::{Environment, credentials_url, validators};

/// Days within which a registration is in time and the certificate costs least.
const IN_TIME_DAYS: u32 = 30;

pub(super) fn form_before_printing(env: &Environment) -> Form {
    form(
        (
            "event.birth.action.certificate.form.label",
            "Birth certificate collector",
        ),
        [
            collector(env),
            identity_of_collector(),
            payment_and_credential(env),
        ],
    )
}

fn collector(env: &Environment) -> Page {
    let differences = SomeoneElse {
        relationship_to: "Child",
        driving_licence_field: "DRIVING-LICENCE.details",
    };
    collector_page("birth")
        .with_all(situations().into_iter().map(collector_in))
        .with_all(someone_else_fields(env, "birth", &differences))
}

/// Possible collectors of the certificate in a situation of the record.
fn collector_in(situation: Situation) -> Field<types::Select> {
    let mut choices = vec![informant_collects("birth", situation.relation)];
    choices.extend(situation.parents.iter().map(|parent| {
        collects(
            "birth",
            parent.value,
            parent.key,
            &format!("Print and issue to {}", parent.name),
        )
    }));
    choices.push(someone_else_collects("birth"));
    choices.push(collects(
        "birth",
        "PRINT_IN_ADVANCE",
        "printInAdvance",
        "Print in advance of issuance",
    ));
    collector_choice("birth", situation.holds, choices)
}

fn identity_of_collector() -> Page {
    let requester = field("collector.requesterId");
    let data = |key: &str, entries| identity_data("birth", "Identity details", key, entries);
    let mut informant = entries("informant", &["relation"]);
    informant.extend(identity("informant"));
    identity_page("birth")
        .show_if(not(requester.equals("SOMEONE_ELSE")))
        .with_all([MOTHER, FATHER].map(|parent| {
            data(parent.key, identity(parent.key)).show_if(requester_is(&requester, parent.value))
        }))
        .with(
            data("other", informant).show_if(requester_is_other_informant(
                &requester,
                ["FATHER", "MOTHER"],
            )),
        )
}

/// The fee by the age of the registration, and the credential that is printed as a QR code.
fn payment_and_credential(env: &Environment) -> Page {
    let label = |key: &str| section("birth", &format!("collectPayment.{key}.label"));
    let [recent, born] = validators::within_past("child.dob", IN_TIME_DAYS);
    let late_but_within_year = and([
        not(&recent),
        field("child.dob")
            .is_after()
            .days(LATE_AFTER_DAYS)
            .in_past(),
        born.clone(),
    ]);
    let request = field("verifiable-credential-creation-http-request");
    let page = payment_page()
        .with(payment(
            "birth",
            "afterLateRegistrationTarget",
            "Certificate of a birth that was registered more than 365 days afterwards",
            &env.birth_fees.delayed,
            registration_is_late(),
        ))
        .with(
            payment(
                "birth",
                "inBetweenRegistrationTargets",
                "Certificate of a birth that was registered 31 to 365 days afterwards",
                &env.birth_fees.late,
                late_but_within_year,
            )
            .analytics(),
        )
        .with(payment(
            "birth",
            "beforeRegistrationTarget",
            "Certificate of a birth that was registered within 30 days",
            &env.birth_fees.on_time,
            and([recent, born]),
        ));
    // A certificate may read the credential, so the fields are there; without an issuer nobody is asked.
    let credential = http(
        request.id(),
        Method::Post,
        credentials_url(env, "paper-credential"),
    )
    .label(label("createCredential"), "Create verifiable credential")
    .review_if(never())
    .headers([("Content-Type", "application/json")])
    .body(&json!({ "pathname": window().location("pathname") }))
    .timeout(10_000);
    let credential = if env.paper_credentials {
        credential
    } else {
        credential.show_if(never())
    };
    page.with(credential).with(
        hidden("verifiable-credential")
            .label(
                section("birth", "collectPayment.verifiableCredentialUrl.label"),
                "Verifiable credential URL",
            )
            .review_if(never())
            .parent(&request)
            .value_from(request.get("data.credential_qr")),
    )
}

// SPDX-License-Identifier: MPL-2.0
//! MOSIP in the forms: the fields that read an identity.

use opencrvs_toolkit::prelude::*;
use serde_json::json;

use crate::Environment;
use crate::person::{Person, SETTLED};

/// Claims requested from eSignet: `{"userinfo": {name, birthdate, address, individual_id}, "id_token": {}}`.
const CLAIMS: &str = "%7B%22userinfo%22%3A%7B%22name%22%3A%7B%22essential%22%3Atrue%7D%2C\
    %22birthdate%22%3A%7B%22essential%22%3Atrue%7D%2C%22address%22%3A%7B%22essential%22%3Atrue%7D%2C\
    %22individual_id%22%3A%7B%22essential%22%3Atrue%7D%7D%2C%22id_token%22%3A%7B%7D%7D";

/// Fields that show whether a person's identity is verified, and that read it from a QR code or eSignet.
pub(crate) fn identity_fields(env: &Environment, person: &Person) -> Vec<AnyField> {
    let mut fields = vec![status_field(person)];
    if person.uses_esignet() {
        fields.extend(esignet_fields(env, person));
    }
    fields.push(id_reader_field(env, person));
    fields
}

fn status_field(person: &Person) -> AnyField {
    let mut readers = Vec::new();
    if person.uses_esignet() {
        readers.push(person.field("verify-nid-http-fetch"));
    }
    readers.push(person.field("id-reader"));
    let field = verification_status(
        person.id("verified"),
        (
            "verified.status.text",
            "{value, select, authenticated {ID authenticated} verified {ID verified} failed {Unverified ID} \
             pending {Verification pending} other {Unknown state}}",
        ),
        (
            "verified.status.description",
            "{value, select, authenticated {The person authenticated with E-Signet.} \
             verified {The entered details agree with the national ID system.} \
             failed {The identity could not be confirmed: the details differ from the national ID system, \
             or it did not answer.} \
             pending {The national ID system will be asked.} other {Nothing is known about this identity.}}",
        ),
    )
    .label(format!("{}.verified.status", person.key()), "Identity status")
    .parents(readers)
    .value_from_first(person.identity_sources("verificationStatus"));
    person.shown(field).into()
}

/// The redirect to eSignet and back: its answer arrives as parameters of the address, and is exchanged for
/// the person's data.
fn esignet_fields(env: &Environment, person: &Person) -> [AnyField; 3] {
    let params = person.field("query-params");
    let fetch = person.field("verify-nid-http-fetch");
    [
        query_param_reader(person.id("query-params"), ["code", "state"])
            .label("form.query-params.label", "Query param reader")
            .review_if(never())
            .into(),
        http(
            person.id("verify-nid-http-fetch"),
            Method::Post,
            &env.mosip_api_userinfo_url,
        )
        .label("applicant.http-fetch.label", "Fetch applicant information")
        .review_if(never())
        .trigger(&params)
        .headers([("Content-Type", "application/json")])
        .body(&json!({
            "clientId": env.openid_provider_client_id,
            "redirectUri": window().location("href")
        }))
        .params([
            ("code", params.clone().get("data.code")),
            ("state", params.get("data.state")),
        ])
        .error_value(&json!({ "verificationStatus": "failed" }))
        .timeout(5_000)
        .into(),
        loader(
            person.id("fetch-loader"),
            (
                "form.fetch-loader.text",
                "Fetching the person's data from E-Signet",
            ),
        )
        .label("form.fetch-loader.label", "Identity status")
        .show_if(not(fetch.clone().get("loading").is_falsy()))
        .review_if(never())
        .parent(fetch)
        .highlighted()
        .into(),
    ]
}

fn id_reader_field(env: &Environment, person: &Person) -> AnyField {
    let id = person.id("id-reader");
    let key = person.key();
    let label = format!("event.birth.action.declare.form.section.{key}.field.qr.label");
    let qr_code = qr_reader(&id).label(format!("{label}.scan"), "Scan QR code");
    let mut methods: Vec<AnyField> = Vec::new();
    if person.uses_esignet() {
        methods.push(
            link_button(
                person.id("verify"),
                authorize_url(env),
                ("verify.text", "Authenticate with National ID system"),
            )
            .label("verify.label", "Authenticate")
            .icon("Fingerprint")
            .into(),
        );
    }
    methods.push(qr_code.into());

    let status = person.field("verified");
    let settled = SETTLED
        .iter()
        .chain(&["failed"])
        .map(|state| status.equals(*state));
    let mut shown: Vec<Conditional> = person.asked().cloned().into_iter().collect();
    if person.uses_esignet() {
        shown.push(
            person
                .field("verify-nid-http-fetch")
                .get("loading")
                .is_falsy(),
        );
    }
    shown.push(not(or(settled)));
    id_reader(&id, methods)
        .label(label, "Identity status")
        .show_if(and(shown))
        .review_if(never())
        .into()
}

/// eSignet's page with the parameters of a login request.
fn authorize_url(env: &Environment) -> String {
    format!(
        "{}?client_id={}&response_type=code&scope=openid%20profile\
         &acr_values=mosip%3Aidp%3Aacr%3Agenerated-code&claims={CLAIMS}&state=noop",
        env.esignet_redirect_url, env.openid_provider_client_id
    )
}

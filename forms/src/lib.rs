// SPDX-License-Identifier: MPL-2.0
//! The built-in forms of births and deaths, and the actions on their records.
//!
//! One folder per event, one file per page or action form. Parts that several forms share are beside the
//! folders: people (`person`), addresses (`address`), choices (`options`), rules (`validators`) and MOSIP
//! (`mosip`).

mod address;
mod birth;
mod blocks;
mod certificate;
mod correction;
mod death;
mod documents;
mod mosip;
mod options;
mod person;
mod requester;
mod review;
mod search;
mod validators;

pub use blocks::{PERSON_FIELDS, PERSON_PARTS, PersonBlock, dialog, person_fields};

use opencrvs_toolkit::event::Event;

/// The settings of the country's installation that the forms depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each switches something of its own"
)]
pub struct Environment {
    /// Page of eSignet to which the browser goes to authenticate a person.
    pub esignet_redirect_url: String,
    /// Client id of this installation at eSignet.
    pub openid_provider_client_id: String,
    /// Address at which the MOSIP middleware exchanges eSignet's code for the person's data.
    pub mosip_api_userinfo_url: String,
    /// Address of this server, as browsers reach it.
    pub country_config_url: String,
    /// Address of the client application, as browsers reach it.
    pub client_app_url: String,
    /// The three-letter code of the country: the default of addresses and nationalities.
    pub country_code: String,
    /// The format of phone numbers, as an ECMAScript regular expression.
    pub phone_number_pattern: String,
    /// The format of national ID numbers, as an ECMAScript regular expression.
    pub national_id_pattern: String,
    /// The currency sign before an amount of money: `$` or `KES `.
    pub currency: String,
    /// The fees for a birth certificate.
    pub birth_fees: Fees,
    /// The fees for a death certificate.
    pub death_fees: Fees,
    /// True if an issuer offers verifiable credentials to wallets.
    pub credential_offers: bool,
    /// True if an issuer signs verifiable credentials for certificates.
    pub paper_credentials: bool,
    /// True if records are sent to the statistics database.
    pub analytics: bool,
    /// True if core looks for duplicates when a record is declared or registered.
    pub duplicate_search: bool,
}

/// The fee for a certificate, with its currency, by how late the event was registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fees {
    /// Registered in time.
    pub on_time: String,
    /// Registered late.
    pub late: String,
    /// Registered later than that. Only births have such a fee.
    pub delayed: String,
}

impl Environment {
    /// Sample values, for tests and fixtures. A server has those of its settings and its country.
    pub fn sample() -> Self {
        Self {
            esignet_redirect_url: "http://localhost:20260/authorize".into(),
            openid_provider_client_id: "mock-client_id".into(),
            mosip_api_userinfo_url: "http://localhost:2024/esignet/get-oidp-user-info".into(),
            country_config_url: "http://localhost:3040".into(),
            client_app_url: "http://localhost:3000".into(),
            country_code: "FAR".into(),
            phone_number_pattern: "^0(7|9)[0-9]{8}$".into(),
            national_id_pattern: "^[0-9]{10}$".into(),
            currency: "$".into(),
            birth_fees: Fees::default(),
            death_fees: Fees::default(),
            credential_offers: true,
            paper_credentials: true,
            analytics: true,
            duplicate_search: false,
        }
    }
}

/// The events of the country, in the order in which a user chooses among them.
pub fn events(env: &Environment) -> Vec<Event> {
    vec![birth::event(env), death::event(env)]
}

/// The values that the country's settings put into its texts: message id, argument and value.
/// The same arguments are in `translations/client.csv`.
pub fn filled_in(env: &Environment) -> Vec<(String, &'static str, String)> {
    let phone = validators::example(&env.phone_number_pattern);
    let national_id = validators::example(&env.national_id_pattern);
    let mut texts = vec![(
        validators::NATIONAL_ID_ERROR.to_owned(),
        "example",
        national_id,
    )];
    for section in [birth::section, death::section] {
        texts.push((
            person::phone_number_error(section),
            "example",
            phone.clone(),
        ));
    }
    for event in ["birth", "death"] {
        let currency = env.currency.clone();
        texts.push((correction::fee_prefix(event), "currency", currency));
    }
    texts
}

/// The URL at which this server makes verifiable credentials, through the client application.
fn credentials_url(env: &Environment, what: &str) -> String {
    // The client's proxy takes what follows `countryconfig/` as a path, and a path starts with a slash.
    format!(
        "{}/api/countryconfig//verifiable-credentials/{what}",
        env.client_app_url
    )
}

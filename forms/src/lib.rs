// SPDX-License-Identifier: MPL-2.0
//! What is asked when a birth or a death is declared, and what can be done with the record.
//!
//! One folder per event, one file per page or action form. What several forms share stands beside the folders: people
//! (`person`), addresses (`address`), choices (`options`), rules (`validators`) and MOSIP (`mosip`).

mod address;
mod birth;
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

use opencrvs_toolkit::event::Event;

/// What the forms need to know about the country's installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Page of E-Signet to which the browser goes to authenticate a person.
    pub esignet_redirect_url: String,
    /// Id under which E-Signet knows this installation.
    pub openid_provider_client_id: String,
    /// Address at which the MOSIP middleware exchanges E-Signet's code for the person's data.
    pub mosip_api_userinfo_url: String,
    /// Address of this server, as browsers reach it.
    pub country_config_url: String,
    /// Address of the client application, as browsers reach it.
    pub client_app_url: String,
    /// The country, as its three-letter code: where addresses and nationalities start.
    pub country_code: String,
    /// Whether records are sent to the statistics database.
    pub analytics: bool,
    /// Whether core looks for duplicates when a record is declared or registered.
    pub duplicate_search: bool,
}

impl Default for Environment {
    /// An installation on a developer's machine.
    fn default() -> Self {
        Self {
            esignet_redirect_url: "http://localhost:20260/authorize".into(),
            openid_provider_client_id: "mock-client_id".into(),
            mosip_api_userinfo_url: "http://localhost:2024/esignet/get-oidp-user-info".into(),
            country_config_url: "http://localhost:3040".into(),
            client_app_url: "http://localhost:3000".into(),
            country_code: "FAR".into(),
            analytics: true,
            duplicate_search: false,
        }
    }
}

/// The events of the country, in the order in which a user chooses among them.
pub fn events(env: &Environment) -> Vec<Event> {
    vec![birth::event(env), death::event(env)]
}

/// Where this server makes verifiable credentials, by way of the client application.
fn credentials_url(env: &Environment, what: &str) -> String {
    // The client's proxy takes what follows `countryconfig/` as a path, and a path starts with a slash.
    format!(
        "{}/api/countryconfig//verifiable-credentials/{what}",
        env.client_app_url
    )
}

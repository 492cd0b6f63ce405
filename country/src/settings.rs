// SPDX-License-Identifier: MPL-2.0
//! The settings of the installation that the country's files depend on.

use opencrvs_toolkit::core_version::CoreVersion;
use std::path::PathBuf;
use std::str::FromStr;
use url::Url;

/// The settings of the installation that the country's files depend on.
#[derive(Debug, Clone)]
pub struct CountrySettings {
    /// Folders in place of the embedded country, as `COUNTRY_DIR` names them.
    pub country_dir: Option<String>,
    /// The version of core that reads what is served.
    pub core_version: CoreVersion,
    /// The users to seed, in place of the country's `users.csv`.
    pub users_file: Option<PathBuf>,
    /// Real people's records are here: `check` warns of what is for demonstrations.
    pub holds_real_records: bool,
    /// This server, as browsers reach it.
    pub country_config_url: WebUrl,
    /// Core's login page.
    pub login_url: WebUrl,
    /// Core's client.
    pub client_app_url: WebUrl,
    /// The login page of E-Signet, opened from the form.
    pub esignet_redirect_url: WebUrl,
    /// This country's id at E-Signet.
    pub openid_provider_client_id: String,
    /// The address from which the form fetches an authenticated person's data.
    pub mosip_api_userinfo_url: WebUrl,
    /// Core's dashboards.
    pub metabase_url: WebUrl,
    /// The address to which browsers report their errors.
    pub sentry_dsn: Option<String>,
    /// True if an issuer offers verifiable credentials to wallets.
    pub credential_offers: bool,
    /// True if an issuer signs verifiable credentials for certificates.
    pub paper_credentials: bool,
}

/// An `http` or `https` URL, kept as it was written: forms carry it on character by character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebUrl(String);

impl WebUrl {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without a slash at its end, to put a path behind it.
    pub fn base(&self) -> &str {
        self.0.trim_end_matches('/')
    }
}

impl FromStr for WebUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|e| format!("no URL, {e}"))?;
        match url.scheme() {
            // The parser puts missing slashes in; those who take the text as it is do not.
            "http" | "https" if text.contains("://") => Ok(Self(text.to_owned())),
            "http" | "https" => Err("two slashes are missing before the host".to_owned()),
            other => Err(format!(
                "it begins with `{other}:`, not `http:` or `https:`"
            )),
        }
    }
}

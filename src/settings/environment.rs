// SPDX-License-Identifier: MPL-2.0
//! Variables of the environment that are not settings: those of other programs, and probable mistakes in
//! the name of a setting.

use super::VARIABLES;
use rules::Diagnostic;
use rules::diagnostic::{closest, mistyped};

/// Variables of core's chart, of the TypeScript reference and of usual surroundings that mean nothing
/// to this server, and those that only other commands of this program read.
const OTHERS: [&str; 39] = [
    "ANALYTICS_POSTGRES_PASSWORD",
    "ANALYTICS_POSTGRES_USER",
    "APN_ENVIRONMENT",
    "APN_NODE_NAME",
    "APN_SERVICE_NAME",
    "APN_SERVICE_URL",
    "AUTH_URL_INTERNAL",
    "CERT_PUBLIC_KEY_PATH",
    "CHECK_INVALID_TOKEN",
    "COUNTRYCONFIG_COMMIT",
    "COUNTRY_CONFIG_URL_INTERNAL",
    "DATABASE_URL",
    "ENCRYPTION_KEY",
    "HOSTNAME",
    "METABASE_DATABASE_PASSWORD",
    "METABASE_DATABASE_USER",
    "MINIO_BUCKET",
    "MINIO_URL",
    "MONGO_URL",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_VERSION",
    "NOTIFICATION_TRANSPORT",
    "NO_COLOR",
    "NO_PROXY",
    "OPENCRVS_ENVIRONMENT",
    "OPENID_PROVIDER_CLAIMS",
    "POSTGRES_HOST",
    "POSTGRES_PASSWORD",
    "POSTGRES_PORT",
    "POSTGRES_USER",
    "REFERENCE_DATA_EDITOR_PASSWORD",
    "REFERENCE_DATA_EDITOR_USER",
    "REFERENCE_DATA_POSTGRES_PASSWORD",
    "REFERENCE_DATA_POSTGRES_USER",
    "RUST_LOG",
    "SENTRY_URL",
    "V2_EVENTS",
    "YARN_VERSION",
];

/// Prefixes of variables that are meant for this server.
const OWN: [&str; 5] = ["COUNTRY_CONFIG_", "INFOBIP_", "LEDGER_", "PORTAL_", "SMTP_"];

/// Checks whether Kubernetes has set a variable because of a service in the same namespace:
/// `COUNTRYCONFIG_PORT=tcp://10.0.0.1:3040`, `AUTH_SERVICE_HOST`, `AUTH_PORT_4040_TCP_ADDR`. A service
/// that is called `country-config` or `smtp` would otherwise set a port here.
pub(super) fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let protocol = || {
        ["tcp://", "udp://", "sctp://"]
            .iter()
            .any(|p| value.starts_with(p))
    };
    let numbered = || {
        let number = name.split_once("_PORT_").map(|(_, number)| number);
        number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT") && protocol()
        || numbered()
}

/// The warning about a variable that is not a setting; none if it is not meant as one.
pub(super) fn doubt(name: &str) -> Option<Diagnostic> {
    if OTHERS.contains(&name) {
        return None;
    }
    let upper = name.to_uppercase();
    let (bare, file) = match upper.strip_suffix("_FILE") {
        Some(bare) => (bare, "_FILE"),
        None => (upper.as_str(), ""),
    };
    let known = || VARIABLES.iter().map(|variable| variable.name);
    let is_own = OWN.iter().any(|own| bare.starts_with(own));
    let meant = mistyped(bare, known()).or_else(|| closest(bare, known()).filter(|_| is_own));
    if meant.is_none() && !is_own {
        return None;
    }
    Some(Diagnostic {
        hint: meant.map(|meant| format!("did you mean `{meant}{file}`?")),
        ..Diagnostic::of_file("the environment", format!("`{name}` is not a setting"))
    })
}

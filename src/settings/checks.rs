// SPDX-License-Identifier: MPL-2.0
//! The checks that the type of a setting does not make: of its range, and of what settings need from each
//! other.

use super::values::IdentityVerification;
use super::{Core, Mail, Settings, WebUrl};
use handlers::delivery::ledger;
use handlers::hooks::rescue;
use opencrvs_toolkit::core_version::CoreVersion;
use std::time::Duration;
use validator::ValidationError;

type Checked = Result<(), ValidationError>;

/// The refusal of a field's value; the declaration of the field has the name of its variable.
fn refused(why: String) -> ValidationError {
    ValidationError::new("refused").with_message(why.into())
}

/// The refusal of a variable, because of other ones.
fn refused_beside(variable: &'static str, why: &'static str) -> ValidationError {
    ValidationError::new(variable).with_message(why.into())
}

pub(super) fn sensible_timeout(timeout: &Duration) -> Checked {
    if (Duration::from_secs(1)..=Duration::from_mins(5)).contains(timeout) {
        return Ok(());
    }
    Err(refused("lies outside 1 s to 5 min".to_owned()))
}

pub(super) fn host_or_any(domain: &str) -> Checked {
    let is_host = |c: char| c.is_alphanumeric() || "-._:".contains(c);
    if domain.starts_with('*') || domain.chars().all(is_host) {
        return Ok(());
    }
    Err(refused(format!(
        "`{domain}` is not a host name; leave out `https://` and what follows the host"
    )))
}

/// Checks a ledger URL. The password is not repeated.
pub(super) fn ledger_url(url: &str) -> Checked {
    ledger::check_url(url).map_err(|error| refused(error.to_string()))
}

/// Checks levels in the notation of `RUST_LOG`. There a word that is not a level is a module, and all
/// lines of that module are logged.
pub(super) fn log_levels(text: &str) -> Checked {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in text.split(',') {
        let level = directive.rsplit('=').next().unwrap_or_default().trim();
        if !LEVELS.contains(&level.to_lowercase().as_str()) {
            let known = LEVELS.map(|level| format!("`{level}`")).join(", ");
            return Err(refused(format!("`{level}` is none of the levels {known}")));
        }
    }
    let filter = tracing_subscriber::EnvFilter::try_new(text);
    filter.map_err(|error| refused(format!("`{text}`: {error}")))?;
    Ok(())
}

pub(super) fn system_client_is_complete(core: &Core) -> Checked {
    let why = "is not set, but the other half of the system client is";
    match (&core.system_client_id, &core.system_client_secret) {
        (Some(_), None) => Err(refused_beside("SYSTEM_CLIENT_SECRET", why)),
        (None, Some(_)) => Err(refused_beside("SYSTEM_CLIENT_ID", why)),
        _ => Ok(()),
    }
}

pub(super) fn login_is_complete(mail: &Mail) -> Checked {
    let why = "is not set, but the other half of the login is";
    match (&mail.host, &mail.username, &mail.password) {
        (Some(_), Some(_), None) => Err(refused_beside("SMTP_PASSWORD", why)),
        (Some(_), None, Some(_)) => Err(refused_beside("SMTP_USERNAME", why)),
        _ => Ok(()),
    }
}

pub(super) fn sender_is_known(mail: &Mail) -> Checked {
    if mail.host.is_some() && mail.sender.is_none() {
        let why = "is not set, but SMTP_HOST is";
        return Err(refused_beside("SENDER_EMAIL_ADDRESS", why));
    }
    Ok(())
}

pub(super) fn demo_stays_out_of_production(settings: &Settings) -> Checked {
    if settings.server.holds_real_records()
        && settings.hooks.identity_verification == IdentityVerification::AssumeVerified
    {
        let why = "`assume-verified` declares every typed identity verified; in production it needs ALLOW_DEMO=true";
        return Err(refused_beside("IDENTITY_VERIFICATION", why));
    }
    Ok(())
}

pub(super) fn rescue_has_one_ledger(settings: &Settings) -> Checked {
    let is_shared = settings.ledger.url.starts_with("postgres");
    let rescue = &settings.rescue;
    if rescue.mode == rescue::Mode::On && !is_shared && !rescue.single_server {
        let why = "`on` needs a ledger that all servers of this core share (a PostgreSQL LEDGER_URL), or SINGLE_SERVER=true where there is one only";
        return Err(refused_beside("RESCUE", why));
    }
    Ok(())
}

pub(super) fn portals_have_a_client(settings: &Settings) -> Checked {
    let core = &settings.core;
    // Later versions give this server a client of its own.
    if settings.portal.tokens.is_some()
        && core.system_client_id.is_none()
        && core.version < CoreVersion::V2_0_1
    {
        let why = "portals act through the system client: set SYSTEM_CLIENT_ID and SYSTEM_CLIENT_SECRET too";
        return Err(refused_beside("PORTAL_TOKENS", why));
    }
    Ok(())
}

pub(super) fn offers_are_no_demo(settings: &Settings) -> Checked {
    let variable = "VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL";
    no_demo_issuer(settings, variable, settings.credentials.offer_url.as_ref())
}

pub(super) fn signatures_are_no_demo(settings: &Settings) -> Checked {
    let variable = "VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL";
    no_demo_issuer(settings, variable, settings.credentials.sign_url.as_ref())
}

/// The demo issuer needs `ALLOW_DEMO`, so that nobody gets a demo credential by accident.
fn no_demo_issuer(settings: &Settings, variable: &'static str, url: Option<&WebUrl>) -> Checked {
    let is_demo = url.is_some_and(|url| url.as_str().contains("/_demo-issuer/"));
    if is_demo && !settings.server.allow_demo {
        let why = "names the demo issuer, which needs ALLOW_DEMO=true";
        return Err(refused_beside(variable, why));
    }
    Ok(())
}

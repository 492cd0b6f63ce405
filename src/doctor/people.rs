// SPDX-License-Identifier: MPL-2.0
//! The mail server and the SMS gateway. Nothing is sent.

use super::network::unreachable;
use super::{Finding, TIMEOUT};
use crate::server::sms_settings;
use crate::settings::Settings;
use country::notification;
use handlers::delivery::transport;
use handlers::fault::Fault;
use handlers::notification::{Channel, NotificationConfig, Smtp};
use std::sync::Arc;
use tokio::time::timeout;

/// Checks the mail server and the SMS gateway.
pub(super) async fn examine(settings: &Settings) -> Vec<Finding> {
    let (mail, sms) = tokio::join!(mail(settings), sms(settings));
    vec![mail, sms]
}

async fn mail(settings: &Settings) -> Finding {
    const CHECK: &str = "mail";
    let Some(smtp) = settings.mail.smtp() else {
        return none(settings, CHECK, "SMTP_HOST is not set");
    };
    let wants_login = smtp.credentials.is_some();
    let Ok(smtp) = Smtp::new(smtp) else {
        let what = "the system's certificates cannot be read";
        return Finding::error(CHECK, what, "install ca-certificates");
    };
    let host = smtp.host();
    let reached = timeout(TIMEOUT, smtp.reach()).await;
    let reached =
        reached.unwrap_or_else(|_| Err(Fault::at(&host, "timeout while waiting for the answer")));
    match reached {
        Ok(false) if wants_login => {
            let what = format!("{host}: offers no login, although SMTP_USERNAME is set");
            let remedy =
                "set SMTP_PORT to the port for submission: 587, or 465 with SMTP_SECURE=true";
            Finding::error(CHECK, what, remedy)
        }
        Ok(_) if wants_login => Finding::fine(CHECK, format!("{host}: takes the login")),
        Ok(_) => Finding::fine(CHECK, format!("{host}: answers, without a login")),
        Err(fault) => {
            let what = fault.what();
            let remedy = if what.contains("login") {
                "look at SMTP_USERNAME and SMTP_PASSWORD"
            } else if what.contains("STARTTLS") {
                "the server offers no TLS: name a port that does, or set SMTP_REQUIRE_TLS=false"
            } else if what.contains("answered") || what.contains("not that of a mail server") {
                "set SMTP_PORT to the port of the mail server, and SMTP_SECURE to what fits it (true for 465)"
            } else if what.contains("timeout while waiting") || what.contains("does not speak TLS")
            {
                "does SMTP_SECURE fit SMTP_PORT? true is for 465, false for 587 and 25"
            } else {
                return unreachable(CHECK, "SMTP_HOST and SMTP_PORT", &fault);
            };
            Finding::error(CHECK, fault.to_string(), remedy)
        }
    }
}

async fn sms(settings: &Settings) -> Finding {
    const CHECK: &str = "sms";
    // What is wrong with the files is said of the country.
    let Ok(files) = notification::read(settings.country_files.dirs.as_deref()) else {
        return Finding::off(CHECK, "correct the country's files first");
    };
    let Ok(client) = transport::client(TIMEOUT) else {
        let what = "the system's certificates cannot be read";
        return Finding::error(CHECK, what, "install ca-certificates");
    };
    let sms = sms_settings(settings, &client);
    let Channel::Open(gateway) = NotificationConfig::new(Arc::new(files), &sms).sms else {
        return none(settings, CHECK, "no gateway is set");
    };
    match gateway.reach().await {
        Ok(host) => Finding::fine(
            CHECK,
            format!("{host}: can be reached; its key is not tried"),
        ),
        Err(fault) => unreachable(CHECK, "INFOBIP_GATEWAY_ENDPOINT or sms.toml", &fault),
    }
}

fn none(settings: &Settings, check: &'static str, what: &str) -> Finding {
    let means = if settings.server.is_production() {
        "no messages are sent this way"
    } else {
        "messages are only logged, without their content"
    };
    Finding::off(check, format!("{what}: {means}"))
}

// SPDX-License-Identifier: MPL-2.0
//! Other systems over HTTP, and the network to them.

use super::Finding;
use crate::settings::{IdentityVerification, Settings, WebUrl};
use handlers::delivery::transport::reply;
use handlers::fault::{self, Fault};
use reqwest::header::DATE;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use std::env;

/// Size limit of an answer's body, in bytes; the beginning of a longer one is of no use.
const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// An answer, whatever its status.
pub(super) struct Answer {
    /// Host and port.
    pub(super) host: String,
    pub(super) status: StatusCode,
    pub(super) date: Option<String>,
    pub(super) version: Option<String>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub(super) fn answered(&self) -> String {
        format!("{}: answered {}", self.host, self.status)
    }
}

/// A path below a URL of the settings.
pub(super) fn below(url: &WebUrl, path: &str) -> String {
    format!("{}{path}", url.base())
}

/// The answer to a request.
///
/// # Errors
/// The reason and the remedy: the setting is wrong, or something between the two fails.
pub(super) async fn ask(
    check: &'static str,
    setting: &str,
    request: RequestBuilder,
) -> Result<Answer, Finding> {
    let answer = async {
        let response = request.send().await?;
        read(response).await
    };
    answer
        .await
        .map_err(|fault| unreachable(check, setting, &fault))
}

async fn read(mut response: Response) -> Result<Answer, Fault> {
    let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
    let (date, version) = (header(DATE.as_str()), header("x-version"));
    let (host, status) = (
        fault::host(response.url()).unwrap_or_default(),
        response.status(),
    );
    let body = reply(&mut response, BODY_LIMIT).await?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Answer {
        host,
        status,
        date,
        version,
        body,
    })
}

/// The finding and its remedy for a setting whose service cannot be reached.
pub(super) fn unreachable(check: &'static str, setting: &str, fault: &Fault) -> Finding {
    let what = fault.what();
    let remedy = if what.contains("DNS") {
        format!("correct the host in {setting}, or make it known where this server runs")
    } else if what.contains("refused") {
        format!("start the service, or correct the port in {setting}")
    } else if what.contains("does not speak TLS") {
        format!("write http:// in {setting}, or name the port that speaks TLS")
    } else if what.starts_with("TLS") && what.to_lowercase().contains("expired") {
        "renew the certificate there, and look at this machine's clock".to_owned()
    } else if what.starts_with("TLS") && what.contains("not valid for") {
        format!("name the host in {setting} as its certificate does")
    } else if what.starts_with("TLS") {
        "give it a certificate of an authority that this system knows, or name a file with its authority in SSL_CERT_FILE".to_owned()
    } else if what.contains("timeout while connecting") || what.contains("no route") {
        format!("let this server reach {setting}: look at firewalls and NetworkPolicies")
    } else if what.contains("timeout") {
        format!("the service at {setting} takes connections and does not answer: look at its log")
    } else if what.contains("proxy") {
        "look at HTTP_PROXY, HTTPS_PROXY and NO_PROXY".to_owned()
    } else if what.contains("not HTTP") || what.contains("closed") || what.contains("reset") {
        format!("name the port of that service in {setting}; if it speaks TLS, write https://")
    } else {
        format!("look at {setting}")
    };
    Finding::error(check, fault.to_string(), remedy)
}

/// Checks the middleware and the services that are reached over HTTP only.
pub(super) async fn examine(settings: &Settings, client: &Client) -> Vec<Finding> {
    let mut found = proxies(settings);
    found.extend(middleware(settings, client).await);
    found.extend(forwarding(settings, client).await);
    found.extend(issuers(settings, client).await);
    found
}

/// Checks the middleware: it answers 401 to a request without a token, before it does anything.
async fn middleware(settings: &Settings, client: &Client) -> Vec<Finding> {
    const CHECK: &str = "middleware";
    const SETTING: &str = "MOSIP_INTEROP_URL";
    let url = &settings.mosip.interop_url;
    let request = client.get(below(url, "/debug/transactions"));
    let answer = match ask(CHECK, SETTING, request).await {
        Ok(answer) => answer,
        Err(finding) => return vec![without_middleware(settings, finding)],
    };
    let is_own = answer.status == StatusCode::UNAUTHORIZED
        && answer.json().get("error").is_some_and(Value::is_string);
    if !is_own {
        let (what, remedy) = if answer.status.is_server_error() {
            (answer.answered(), "look at the log of mosip-api")
        } else {
            let what = format!("{}, which is not how mosip-api answers", answer.answered());
            (
                what,
                "set MOSIP_INTEROP_URL to mosip-api, with its port (2024) and no path",
            )
        };
        return vec![without_middleware(
            settings,
            Finding::error(CHECK, what, remedy),
        )];
    }
    let described = ask(
        CHECK,
        SETTING,
        client.get(below(url, "/documentation/json")),
    )
    .await;
    let version = described.ok().and_then(|answer| {
        let version = answer.json().pointer("/info/version")?.as_str()?.to_owned();
        (answer.status == StatusCode::OK).then_some(version)
    });
    let version = version.map_or("its version is not told".to_owned(), |v| {
        format!("version {v}")
    });
    vec![Finding::fine(
        CHECK,
        format!("{}: answers, {version}", answer.host),
    )]
}

/// Turns an error into a warning, unless the middleware is needed: a developer's machine may have none.
fn without_middleware(settings: &Settings, finding: Finding) -> Finding {
    let is_needed = settings.server.is_production()
        || settings.hooks.identity_verification == IdentityVerification::IdAuth;
    if is_needed {
        return finding;
    }
    let remedy = format!(
        "{}; packets wait until it is there",
        finding.remedy.unwrap_or_default()
    );
    Finding::warning(finding.check, finding.what, remedy)
}

/// Checks that something answers at a URL, without changing anything there.
async fn reached(check: &'static str, setting: &str, client: &Client, url: &WebUrl) -> Finding {
    let request = client.request(Method::HEAD, url.as_str());
    match ask(check, setting, request).await {
        Ok(answer) if answer.status.is_server_error() => {
            let remedy = format!("look at the log of what {setting} names");
            Finding::warning(check, answer.answered(), remedy)
        }
        Ok(answer) => Finding::fine(check, format!("{}: can be reached", answer.host)),
        Err(finding) => finding,
    }
}

async fn forwarding(settings: &Settings, client: &Client) -> Vec<Finding> {
    const CHECK: &str = "forwarding";
    let mut found = Vec::new();
    for url in &settings.forwarding.urls {
        found.push(reached(CHECK, "FORWARD_ACTIONS_TO", client, url).await);
    }
    if found.is_empty() {
        found.push(Finding::off(CHECK, "FORWARD_ACTIONS_TO is not set"));
    } else if settings.forwarding.secret.is_none() {
        let what = "what is forwarded is not signed";
        found.push(Finding::warning(
            CHECK,
            what,
            "set FORWARD_SECRET, here and there",
        ));
    }
    found
}

async fn issuers(settings: &Settings, client: &Client) -> Vec<Finding> {
    const CHECK: &str = "credentials";
    let issuers = [
        (
            "VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL",
            &settings.credentials.offer_url,
        ),
        (
            "VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL",
            &settings.credentials.sign_url,
        ),
    ];
    let mut found = Vec::new();
    for (setting, url) in issuers {
        if let Some(url) = url {
            found.push(reached(CHECK, setting, client, url).await);
        }
    }
    if found.is_empty() {
        found.push(Finding::off(CHECK, "no issuer is set"));
    }
    found
}

/// Warns about a proxy: requests to services of the cluster rarely need one.
fn proxies(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "proxy";
    let set = |name: &str| {
        let value = [name.to_owned(), name.to_lowercase()]
            .into_iter()
            .find_map(|name| env::var(name).ok());
        value.filter(|value| !value.is_empty())
    };
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let used: Vec<_> = names
        .into_iter()
        .filter(|name| set(name).is_some())
        .collect();
    if used.is_empty() {
        return vec![];
    }
    let excluded = set("NO_PROXY").unwrap_or_default();
    let excluded: Vec<_> = excluded
        .split(',')
        .map(|host| host.trim().trim_start_matches('.'))
        .collect();
    let is_excluded = |host: &str| {
        let mut excluded = excluded.iter().filter(|part| !part.is_empty());
        excluded.any(|part| *part == "*" || host == *part || host.ends_with(&format!(".{part}")))
    };
    let inner = [
        &settings.core.auth_url,
        &settings.core.gateway_url,
        &settings.mosip.interop_url,
    ];
    let hosts = inner
        .into_iter()
        .filter_map(|url| Url::parse(url.as_str()).ok()?.host_str().map(str::to_owned));
    let mut through: Vec<_> = hosts.filter(|host| !is_excluded(host)).collect();
    through.sort();
    through.dedup();
    let used = used.join(", ");
    if through.is_empty() {
        let what = format!("{used} is set, and core and the middleware are excluded by NO_PROXY");
        return vec![Finding::fine(CHECK, what)];
    }
    let what = format!(
        "requests to {} go through the proxy of {used}",
        through.join(", ")
    );
    let remedy = "where these are services of the cluster, name them in NO_PROXY";
    vec![Finding::warning(CHECK, what, remedy)]
}

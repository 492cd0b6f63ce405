// SPDX-License-Identifier: MPL-2.0
//! Core: its key and clock, the system client and its scopes, the gateway.

use super::Finding;
use super::network::{Answer, ask, below, unreachable};
use crate::auth;
use crate::core_gateway;
use crate::server;
use crate::settings::Settings;
use handlers::clock::{Clock as _, SystemClock};
use handlers::core_client::CoreError;
use handlers::fault::with_causes;
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::scope::Scope;
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};

/// Tolerated difference between clocks. If it is larger, tokens are refused and ages are wrong.
const CLOCKS: SignedDuration = SignedDuration::from_secs(20);

/// The id of an event that does not exist in any core.
const NOWHERE: &str = "00000000-0000-4000-8000-000000000000";

/// Checks core.
pub(super) async fn examine(settings: &Settings, client: &Client) -> Vec<Finding> {
    let (mut found, key) = auth(settings, client).await;
    let (of_client, token) = system_client(settings, client, key.as_deref()).await;
    found.extend(of_client);
    found.extend(gateway(settings, client, token.as_deref()).await);
    found
}

/// Checks core's key and its clock; returns the key.
async fn auth(settings: &Settings, client: &Client) -> (Vec<Finding>, Option<String>) {
    const CHECK: &str = "auth";
    let url = below(&settings.core.auth_url, "/.well-known");
    let answer = match ask(CHECK, "AUTH_URL", client.get(url)).await {
        Ok(answer) => answer,
        Err(finding) => return (vec![finding], None),
    };
    let remedy = "AUTH_URL must name core's auth service, whose /.well-known gives its public key";
    let clock = clock(&answer);
    let host = &answer.host;
    let (finding, key) = match answer.status {
        StatusCode::OK if auth::is_key(&answer.body) => (
            Finding::fine(CHECK, format!("{host}: gives core's key")),
            Some(answer.body),
        ),
        StatusCode::OK => {
            let what = format!("{host}: the answer is not an RSA public key in PEM");
            (Finding::error(CHECK, what, remedy), None)
        }
        _ => (Finding::error(CHECK, answer.answered(), remedy), None),
    };
    (std::iter::once(finding).chain(clock).collect(), key)
}

/// Compares this machine's clock with the date of an answer.
fn clock(answer: &Answer) -> Option<Finding> {
    const CHECK: &str = "clock";
    let date = answer.date.as_deref()?;
    let there = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    let ahead = SystemClock.now().duration_since(there);
    if ahead.abs() <= CLOCKS {
        return Some(Finding::fine(
            CHECK,
            "that of this machine and core's are the same",
        ));
    }
    let (n, way) = (
        ahead.abs().as_secs(),
        if ahead.is_positive() {
            "ahead of"
        } else {
            "behind"
        },
    );
    let what = format!("this machine's is {n} s {way} that of {}", answer.host);
    let remedy = "set both by NTP: tokens would be refused, and days counted wrongly";
    Some(Finding::error(CHECK, what, remedy))
}

/// Checks a token of the system client, its permissions and its lifetime; returns the token.
async fn system_client(
    settings: &Settings,
    client: &Client,
    key: Option<&str>,
) -> (Vec<Finding>, Option<String>) {
    const CHECK: &str = "system client";
    if settings.core.system_client_id.is_none() {
        let what = "SYSTEM_CLIENT_ID is not set";
        let finding = if settings.core.version >= CoreVersion::V2_0_1 {
            let what = format!(
                "{what}: core gets a client for this server at its start; `countryconfig integrations list` shows whether it has"
            );
            Finding::off(CHECK, what)
        } else if settings.server.is_production() {
            let remedy = "create a system client in core with record.read: without one, core is not asked before a packet is sent, and deliveries with an expired token are parked";
            Finding::warning(CHECK, what, remedy)
        } else {
            Finding::off(CHECK, what)
        };
        return (vec![finding], None);
    }
    let core = server::core(settings, client.clone());
    let token = match core.system_token().await {
        Ok(token) => token,
        Err(CoreError::Http(fault)) => return (vec![unreachable(CHECK, "AUTH_URL", &fault)], None),
        Err(error) => {
            let remedy = match error {
                CoreError::Status(_) => {
                    "set AUTH_URL to core's auth service, with its port (4040) and no path"
                }
                _ => {
                    "compare id and secret with core's page Configurations, Integrations, where the client must be active"
                }
            };
            return (
                vec![Finding::error(CHECK, with_causes(&error), remedy)],
                None,
            );
        }
    };
    let Some(claims) = auth::unproven_claims(&token) else {
        let what = "what core gave is not a token";
        return (
            vec![Finding::error(
                CHECK,
                what,
                "set AUTH_URL to core's auth service",
            )],
            None,
        );
    };
    let mut found = of_claims(settings, &claims);
    if key.is_some_and(|key| !auth::is_signed_by(&token, key)) {
        let what = "its token is not signed with the key that AUTH_URL gives";
        let remedy =
            "AUTH_URL must name one auth service only; restart it where its key was replaced";
        found.push(Finding::error(CHECK, what, remedy));
    }
    if found.is_empty() {
        found.push(Finding::fine(
            CHECK,
            "core gives it a token with the scopes that are needed",
        ));
    }
    (found, Some(token))
}

/// Findings about the scopes and settings that a system client's token lacks.
fn of_claims(settings: &Settings, claims: &Value) -> Vec<Finding> {
    const CHECK: &str = "system client";
    let mut found = Vec::new();
    let scopes = claims
        .get("scope")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let scopes: Vec<_> = scopes
        .filter_map(|scope| scope.parse::<Scope>().ok())
        .collect();
    let has = |wanted: &str| scopes.iter().any(|scope| scope.kind() == wanted);
    let mut needed = vec!["record.read"];
    if settings.core.version >= CoreVersion::V2_1 {
        needed.extend(["record.action.accept", "record.action.reject"]);
    }
    let missing: Vec<_> = needed.into_iter().filter(|scope| !has(scope)).collect();
    if !missing.is_empty() {
        let what = format!("it lacks the scope {}", missing.join(", "));
        found.push(Finding::error(CHECK, what, "give it to the client in core"));
    } else if !has("record.search") {
        let what = "it lacks the scope record.search";
        let remedy = "with it, questions about actions leave no entry in records";
        found.push(Finding::warning(CHECK, what, remedy));
    }
    let audiences = match claims.get("aud") {
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        one => one.and_then(Value::as_str).into_iter().collect::<Vec<_>>(),
    };
    if !audiences.contains(&"opencrvs:gateway-user") {
        let what = "its token is not meant for core's gateway (opencrvs:gateway-user)";
        found.push(Finding::error(
            CHECK,
            what,
            "set AUTH_URL to the auth service of this core",
        ));
    }
    let end = claims
        .get("exp")
        .and_then(Value::as_i64)
        .and_then(|exp| Timestamp::from_second(exp).ok());
    let left = end.map(|end| end.duration_since(SystemClock.now()));
    if left.is_none_or(|left| left < SignedDuration::from_mins(2)) {
        let what = match left {
            Some(left) => format!("its new token lasts {} s only", left.as_secs()),
            None => "its token does not say when it ends".to_owned(),
        };
        let remedy = "look at the clocks, and at the lifetime of system tokens in core's auth service (600 s)";
        found.push(Finding::error(CHECK, what, remedy));
    }
    found
}

/// Checks the gateway and its version, and asks for a record that does not exist.
async fn gateway(settings: &Settings, client: &Client, token: Option<&str>) -> Vec<Finding> {
    const CHECK: &str = "gateway";
    const SETTING: &str = "GATEWAY_URL";
    let ping = match ask(
        CHECK,
        SETTING,
        client.get(below(&settings.core.gateway_url, "/ping")),
    )
    .await
    {
        Ok(ping) => ping,
        Err(finding) => return vec![finding],
    };
    let mut found: Vec<_> = version(settings, &ping).into_iter().collect();
    let input = json!({"json": {"eventId": NOWHERE}}).to_string();
    let url = below(&settings.core.gateway_url, "/events/event.get");
    let Ok(url) = Url::parse_with_params(&url, [("input", input)]) else {
        return vec![Finding::error(
            CHECK,
            "the URL cannot be made",
            "look at GATEWAY_URL",
        )];
    };
    let mut request = client.get(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = match ask(CHECK, SETTING, request).await {
        Ok(answer) => answer,
        Err(finding) => return vec![finding],
    };
    let is_json = answer.json().is_object();
    let what = format!("{} to event.get", answer.answered());
    found.push(match (answer.status, token) {
        // Nobody has this record; without a token core does not tell even that.
        (StatusCode::NOT_FOUND, _) if is_json => {
            Finding::fine(CHECK, format!("{}: answers event.get", answer.host))
        }
        (StatusCode::UNAUTHORIZED, None) => {
            Finding::fine(CHECK, format!("{}: answers, and wants a token", answer.host))
        }
        (StatusCode::UNAUTHORIZED, Some(_)) => {
            let remedy = "set AUTH_URL and GATEWAY_URL to services of the same core: the gateway refuses the system client's token";
            Finding::error(CHECK, what, remedy)
        }
        (StatusCode::FORBIDDEN, _) => {
            Finding::error(CHECK, what, "give the system client the scope record.read")
        }
        (status, _) if status.is_server_error() => {
            Finding::error(CHECK, what, "look at the logs of core's gateway and events service")
        }
        _ => {
            let what = format!("{what}, which is not how core's gateway answers");
            let remedy = "set GATEWAY_URL to core's gateway, with its port (7070) and no path";
            Finding::error(CHECK, what, remedy)
        }
    });
    found
}

/// Compares the version that the gateway shows with the setting.
fn version(settings: &Settings, ping: &Answer) -> Option<Finding> {
    let told = ping.version.as_deref()?;
    let what = core_gateway::difference(told, settings.core.version)?;
    Some(Finding::warning(
        "gateway",
        what,
        "set CORE_VERSION to core's own",
    ))
}

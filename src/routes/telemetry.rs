// SPDX-License-Identifier: MPL-2.0
//! Core's daily telemetry. It leaves this server only if `TELEMETRY_URL` is set.

use super::App;
use super::authority::{Authority, Authorized, CORE_TOKEN, NO_KEY, NO_TOKEN, Scheme, token};
use super::body::Unread;
use super::openapi_meta::{BAD_BODY, Refusals, Refused, SLOW_BODY, Statuses, Tag};
use crate::problem::Problem;
use crate::settings::Settings;
use handlers::fault::Fault;
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tracing::warn;
use validator::Validate;

/// Size limit of a body. Some twenty figures are far smaller.
const BODY_LIMIT: usize = 64 * 1024;
/// The longest wait for the receiver.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Version of the format that is sent.
const SCHEMA: &str = "1.0";

pub(super) struct TelemetryApi(pub(super) Arc<App>);

/// Forwards core's telemetry.
pub struct Telemetry {
    client: reqwest::Client,
    url: String,
    organisation: Option<String>,
    environment: Option<String>,
    domain: Option<String>,
}

impl Telemetry {
    /// Creates it from the settings; none if they do not enable it, and outside production.
    pub fn new(settings: &Settings, client: &reqwest::Client) -> Option<Self> {
        let url = settings
            .telemetry
            .url
            .as_ref()
            .filter(|_| settings.server.is_production())?;
        let domain = settings.pages.domain.clone();
        Some(Self {
            client: client.clone(),
            url: url.as_str().to_owned(),
            organisation: settings.telemetry.organisation.clone(),
            environment: settings.telemetry.environment_name.clone(),
            domain: (!domain.starts_with('*')).then_some(domain),
        })
    }
}

/// Figures of core.
#[derive(Object, Deserialize, Validate)]
struct CoreFigures {
    /// When core has counted.
    #[validate(length(max = 40, message = "is not a time"))]
    reported_at: String,
    /// Core's version.
    #[validate(length(max = 40, message = "is not a version"))]
    app_version: String,
    /// Numbers, texts and truth values by name.
    metrics: Value,
}

/// What became of the figures.
#[derive(Object)]
struct Reported {
    /// `skipped`, `forwarded` or `error`.
    status: String,
}

impl Reported {
    fn new(status: &str) -> Json<Self> {
        let status = status.to_owned();
        Json(Self { status })
    }
}

#[derive(ApiResponse)]
enum Reply {
    /// They go nowhere: `TELEMETRY_URL` is not set
    #[oai(status = 200)]
    Skipped(Json<Reported>),
    /// They are sent on
    #[oai(status = 202)]
    Forwarded(Json<Reported>),
    /// Their receiver does not take them
    #[oai(status = 502)]
    Failed(Json<Reported>),
}

struct NotReported;
impl Refusals for NotReported {
    const STATUSES: Statuses = &[BAD_BODY, SLOW_BODY, (413, "More than 64 KiB")];
}

/// The authority of core's services, as opposed to its users.
struct CoreService;

impl Authority for CoreService {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN];
    const REFUSALS: Statuses = &[
        NO_TOKEN,
        (403, "The token is not that of a service of core"),
        NO_KEY,
    ];
    type Grant = ();

    async fn check(app: &App, request: &Request) -> Result<(), Problem> {
        let token = token(app, request).await?;
        if token.claims.user_type.as_deref() == Some("system") {
            return Ok(());
        }
        let message = "the token is not that of a service of core";
        Err(Problem::new(StatusCode::FORBIDDEN, message))
    }
}

#[OpenApi(tag = "Tag::Core")]
impl TelemetryApi {
    /// Core's figures about itself (core 2.1)
    ///
    /// With core's service token. In production, and if `TELEMETRY_URL` is set, they are sent there.
    #[oai(
        path = "/trigger/telemetry",
        method = "post",
        operation_id = "reportTelemetry"
    )]
    async fn report(
        &self,
        _service: Authorized<CoreService>,
        unread: Unread<CoreFigures>,
    ) -> Result<Reply, Refused<NotReported>> {
        Ok(self.forward(unread).await?)
    }
}

impl TelemetryApi {
    async fn forward(&self, unread: Unread<CoreFigures>) -> Result<Reply, Problem> {
        let report = unread.read(BODY_LIMIT).await?;
        let Some(telemetry) = &self.0.telemetry else {
            return Ok(Reply::Skipped(Reported::new("skipped")));
        };
        let metrics: Map<String, Value> = match report.metrics {
            Value::Object(metrics) => metrics
                .into_iter()
                .filter(|(_, value)| value.is_number() || value.is_string() || value.is_boolean())
                .collect(),
            _ => Map::new(),
        };
        let country = self.0.country.load();
        let body = json!({
            "schema_version": SCHEMA,
            "reported_at": report.reported_at,
            "country_code": country.application.country_code,
            "organisation": telemetry.organisation,
            "domain": telemetry.domain,
            "instance": {
                "application_name": country.application.name,
                "environment": telemetry.environment,
                "app_version": report.app_version,
            },
            "metrics": metrics,
        });
        let request = telemetry
            .client
            .post(&telemetry.url)
            .timeout(TIMEOUT)
            .json(&body);
        let answer = request
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        Ok(match answer {
            Ok(_) => Reply::Forwarded(Reported::new("forwarded")),
            Err(error) => {
                let error = Fault::from(error);
                warn!(
                    error = &error as &dyn std::error::Error,
                    "The receiver of core's figures does not take them (TELEMETRY_URL)"
                );
                Reply::Failed(Reported::new("error"))
            }
        })
    }
}

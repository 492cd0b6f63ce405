// SPDX-License-Identifier: MPL-2.0
//! The routes, and the steps that every request goes through.

use crate::auth::Keys;
use crate::blob::ServedCountry;
use crate::core_gateway::CoreGateway;
use crate::problem;
use arc_swap::{ArcSwap, ArcSwapOption};
use handlers::analytics::Analytics;
use handlers::delivery::ledger::{Destination, Ledger};
use handlers::hooks::Hooks;
use handlers::hooks::rescue::Unanswered;
use handlers::integrations::credentials::Credentials;
use handlers::integrations::portal::Portal;
use handlers::integrations::system_clients::SystemClients;
use metrics_exporter_prometheus::PrometheusHandle;
use notification::Notifications;
use poem::endpoint::{BoxEndpoint, make_sync};
use poem::error::GetDataError;
use poem::http::Method;
use poem::middleware::CatchPanic;
use poem::web::Html;
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route, get};
use poem_openapi::OpenApiService;
use std::sync::Arc;
use std::time::Instant;
use tracing::{Instrument, debug, info, info_span};

mod authority;
mod bodies;
mod body;
mod causes_of_death;
mod client_network;
mod config;
mod cors;
mod credentials;
mod demo_issuer;
mod graphql_gone;
mod health;
mod in_path;
pub mod notification;
mod openapi_meta;
mod portal;
mod prometheus;
mod reindex;
mod system_ready;
mod telemetry;
mod trigger;
mod unread_body;

pub use demo_issuer::DemoIssuer;
pub use health::Condition;
pub use telemetry::Telemetry;

/// The state that the routes share.
pub struct App {
    /// Core's public key.
    pub keys: Arc<Keys>,
    /// Decides about actions.
    pub hooks: Arc<Hooks>,
    /// The hooks that have no answer yet.
    pub unanswered: Arc<Unanswered>,
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// The condition of the server: ready to answer hooks or not.
    pub condition: Condition,
    /// The country: forms and rules. Replaced when its files change.
    pub country: Arc<ArcSwap<ServedCountry>>,
    /// The reason why the last change of the country's files was refused, or their cases that fail.
    pub refused_change: ArcSwapOption<String>,
    /// Counts accepted actions; none if no database is set for it.
    pub analytics: Option<Arc<Analytics>>,
    /// Sends messages to people.
    pub notifications: Notifications,
    /// The version of core in the settings, and the version that core shows.
    pub core_gateway: CoreGateway,
    /// Creates system clients in core.
    pub system_clients: Arc<SystemClients>,
    /// Forwards core's telemetry; none if it is not enabled.
    pub telemetry: Option<Telemetry>,
    /// The API for government portals; none if none has a credential.
    pub portal: Option<Arc<Portal>>,
    /// Asks for verifiable credentials.
    pub credentials: Credentials,
    /// Issues credentials without any value; only for demonstrations.
    pub demo_issuer: Option<DemoIssuer>,
    /// The destinations of deliveries.
    pub destinations: Vec<Destination>,
    /// Counters, gauges and histograms.
    pub metrics: PrometheusHandle,
    /// True if `/docs` is served.
    pub docs: bool,
    /// True if this server holds real people's records; demo features are then off.
    pub holds_real_records: bool,
    /// The origins that may read answers; none if all may.
    pub origins: Option<Vec<String>>,
}

type Service = OpenApiService<
    (
        health::Health,
        config::Config,
        trigger::Trigger,
        causes_of_death::CausesOfDeath,
        portal::PortalApi,
        credentials::CredentialsApi,
        demo_issuer::DemoIssuerApi,
        graphql_gone::GraphqlGone,
        reindex::Reindex,
        notification::Notification,
        system_ready::SystemReady,
        telemetry::TelemetryApi,
    ),
    (),
>;

fn service(app: &Arc<App>) -> Service {
    let apis = (
        health::Health(app.clone()),
        config::Config(app.clone()),
        trigger::Trigger::new(app.clone()),
        causes_of_death::CausesOfDeath(app.clone()),
        portal::PortalApi(app.clone()),
        credentials::CredentialsApi(app.clone()),
        demo_issuer::DemoIssuerApi(app.clone()),
        graphql_gone::GraphqlGone,
        reindex::Reindex(app.clone()),
        notification::Notification(app.clone()),
        system_ready::SystemReady(app.clone()),
        telemetry::TelemetryApi(app.clone()),
    );
    OpenApiService::new(apis, "OpenCRVS country configuration", env!("CARGO_PKG_VERSION"))
        .description("What OpenCRVS core asks a country: its configuration, and for every action on a record whether it may happen. Any route may also answer 500; unknown paths and methods are answered 404.")
        .server(poem_openapi::ServerObject::new("/").description("The server that this document comes from"))
        .license(poem_openapi::LicenseObject::new("MPL-2.0").url("https://www.mozilla.org/MPL/2.0/"))
}

/// The OpenAPI document of all routes.
pub fn openapi(app: &Arc<App>) -> String {
    openapi_meta::document(&service(app).spec())
}

/// All routes of the server.
pub fn endpoint(app: &Arc<App>) -> BoxEndpoint<'static> {
    let service = service(app);
    let spec = service.spec();
    let document = openapi_meta::document(&spec);
    let mut routes = Route::new();
    if app.docs {
        let page = service.scalar_html().replace(&spec, &document);
        let page = make_sync(move |_| Html(page.clone()));
        routes = routes.nest("/docs", Route::new().at("/", page));
    }
    let document = make_sync(move |_| document.clone().with_content_type("application/json"));
    routes = routes.at("/openapi.json", get(document));
    surrounded(
        app.origins.clone(),
        routes.nest("/", service.data(app.clone())),
    )
}

/// The state that the routes share, where there is a request only.
fn app(request: &Request) -> poem::Result<&Arc<App>> {
    Ok(request.data().ok_or(GetDataError("App"))?)
}

/// Wraps the routes in the steps that every request goes through.
fn surrounded(origins: Option<Vec<String>>, routes: Route) -> BoxEndpoint<'static> {
    let origins: Option<Arc<[String]>> = origins.map(Into::into);
    routes
        .before(one_slash)
        .with(CatchPanic::new().with_handler(problem::panicked))
        .catch_all_error(problem::shape)
        .around(unread_body::closes)
        .around(move |next, request| cors::served(next, request, origins.clone()))
        .around(logged)
        .map_to_response()
        .boxed()
}

/// Replaces `//` at the start of a path: core's forms call `//verifiable-credentials/…`, and not every
/// proxy makes one slash of two.
async fn one_slash(mut request: Request) -> poem::Result<Request> {
    if !request.uri().path().starts_with("//") {
        return Ok(request);
    }
    let asked = request.uri().to_string();
    if let Some(path) = asked.strip_prefix("//")
        && let Ok(uri) = format!("/{}", path.trim_start_matches('/')).parse()
    {
        *request.uri_mut() = uri;
    }
    Ok(request)
}

/// Logs one span and one line per request, with the caller's id if it gave one. The path is logged without
/// its query, which may hold personal data.
async fn logged<E: Endpoint>(next: Arc<E>, request: Request) -> poem::Result<Response> {
    let given = ["x-request-id", "x-correlation-id"]
        .into_iter()
        .find_map(|name| request.header(name));
    let id = given
        .filter(|id| plain(id))
        .map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = info_span!("request", request.id = %id);
    async move {
        let started = Instant::now();
        let mut response = next.get_response(request).await;
        let (status, duration_ms) = (
            response.status().as_u16(),
            started.elapsed().as_secs_f64() * 1e3,
        );
        let by_machines = ["/ping", "/livez", "/readyz", "/metrics"].contains(&path.as_str());
        if by_machines || method == Method::OPTIONS {
            debug!(status, duration_ms, "{method} {path} {status}");
        } else {
            info!(status, duration_ms, "{method} {path} {status}");
        }
        if let Ok(value) = id.parse() {
            response.headers_mut().insert("x-request-id", value);
        }
        Ok(response.into_response())
    }
    .instrument(span)
    .await
}

/// Checks whether an id may stand in a log: it is short, and does not break the line.
fn plain(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::test::TestClient;

    #[poem::handler]
    fn faulty() {
        panic!("a fault of ours");
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_kills_nothing() {
        let client = TestClient::new(surrounded(
            None,
            Route::new().at("/faulty", poem::get(faulty)),
        ));
        for _ in 0..2 {
            let response = client.get("/faulty").send().await;
            response.assert_status(poem::http::StatusCode::INTERNAL_SERVER_ERROR);
            let message = "An internal server error occurred";
            let body = serde_json::json!({"statusCode": 500, "error": "Internal Server Error", "message": message});
            response.assert_json(body).await;
        }
    }
}

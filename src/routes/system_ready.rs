// SPDX-License-Identifier: MPL-2.0
//! Core's notice that it has started: the system clients that the country needs are created in it.

use super::App;
use super::authority::{
    Authority, Authorized, CORE_TOKEN, NO_KEY, NO_TOKEN, Scheme, token, with_scope,
};
use super::openapi_meta::{Refusals, Refused, Statuses, Tag};
use crate::auth::Token;
use crate::problem::Problem;
use handlers::fault::with_causes;
use handlers::integrations::system_clients::{Missing, SystemClients};
use opencrvs_toolkit::core_version::CoreVersion;
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::{ApiResponse, OpenApi};
use std::sync::Arc;
use tracing::{Instrument, warn};

pub(super) struct SystemReady(pub(super) Arc<App>);

#[derive(ApiResponse)]
enum Ready {
    /// Core has all system clients
    #[oai(status = 200)]
    Ready,
}

struct NotReady;
impl Refusals for NotReady {
    const STATUSES: Statuses = &[(
        503,
        "Core does not have all system clients, or its public key cannot be fetched",
    )];
}

/// The authority of core itself to have system clients created, where its version has that.
struct MayCreateClients;

impl Authority for MayCreateClients {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN];
    const REFUSALS: Statuses = &[
        NO_TOKEN,
        (403, "The token has no scope `integration.create`"),
        (404, "`CORE_VERSION` is 2.0, which has no such call"),
        NO_KEY,
    ];
    type Grant = Token;

    async fn check(app: &App, request: &Request) -> Result<Token, Problem> {
        let token = token(app, request).await;
        let token = token.and_then(|token| with_scope(token, &["integration.create"]));
        if token.is_ok() {
            app.core_gateway.called(request.uri().path());
        }
        if app.core_gateway.setting() < CoreVersion::V2_0_1 {
            return Err(Problem::new(StatusCode::NOT_FOUND, "Not Found"));
        }
        token
    }
}

#[OpenApi(tag = "Tag::Core")]
impl SystemReady {
    /// Creates the system clients of `integrations.toml` in core (core 2.1)
    ///
    /// With core's own token for that. 503 names each client that is missing in core, and the reason; core
    /// then calls again.
    #[oai(
        path = "/trigger/system/ready",
        method = "get",
        operation_id = "systemReady"
    )]
    async fn ready(
        &self,
        Authorized(token): Authorized<MayCreateClients>,
    ) -> Result<Ready, Refused<NotReady>> {
        Ok(self.create(token).await?)
    }

    /// Creates the system clients of `integrations.toml` in core (core 2.0.1)
    ///
    /// As under `/trigger/system/ready`.
    #[oai(
        path = "/triggers/system/ready",
        method = "get",
        operation_id = "systemReadyOfCore201"
    )]
    async fn ready_of_earlier_core(
        &self,
        Authorized(token): Authorized<MayCreateClients>,
    ) -> Result<Ready, Refused<NotReady>> {
        Ok(self.create(token).await?)
    }
}

impl SystemReady {
    async fn create(&self, token: Token) -> Result<Ready, Problem> {
        let wanted = self.0.country.load().integrations.clone();
        let clients: Arc<SystemClients> = self.0.system_clients.clone();
        // Core goes away after 5 s; what has begun is ended all the same.
        let creating = async move { clients.create(&wanted, &token.text).await };
        let created = tokio::spawn(creating.in_current_span()).await;
        let created = created.map_err(super::bodies::broken)?;
        created
            .map(|()| Ready::Ready)
            .map_err(|missing| not_ready(&missing))
    }
}

fn not_ready(missing: &[Missing]) -> Problem {
    for client in missing {
        let integration = client.name.as_deref();
        warn!(
            integration,
            "Core has not all system clients: {}",
            with_causes(client)
        );
    }
    let said: Vec<_> = missing.iter().map(ToString::to_string).collect();
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, said.join("; "))
}

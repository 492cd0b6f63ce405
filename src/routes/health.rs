// SPDX-License-Identifier: MPL-2.0
//! Whether the server runs and is ready.

use super::App;
use super::inside::through_a_proxy;
use crate::metrics;
use crate::problem::Problem;
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;

pub(super) struct Health(pub(super) Arc<App>);

/// The server runs.
#[derive(Object)]
struct Alive {
    /// Always true.
    success: bool,
}

/// What the server needs to answer hooks.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Readiness {
    /// Ledger and key are `ok`.
    ready: bool,
    /// `ok`, or why promises cannot be written down.
    ledger: String,
    /// `ok`, or why tokens cannot be checked.
    auth_key: String,
    /// `ok`, or why the last change of the country's files was not taken, or which of their cases fail.
    country: String,
}

#[derive(ApiResponse)]
enum ReadyReply {
    /// Hooks are answered.
    #[oai(status = 200)]
    Ready(Json<Readiness>),
    /// The configuration is served, but hooks are not answered yet.
    #[oai(status = 503)]
    NotReady(Json<Readiness>),
}

#[expect(clippy::unused_async, reason = "the framework wants every route async")]
#[OpenApi]
impl Health {
    /// Answers core and the cluster that the server runs
    #[oai(path = "/ping", method = "get")]
    async fn ping(&self) -> Json<Alive> {
        Json(Alive { success: true })
    }

    /// The process lives
    #[oai(path = "/livez", method = "get")]
    async fn livez(&self) -> Json<Alive> {
        Json(Alive { success: true })
    }

    /// Whether hooks are answered, and if not, why
    #[oai(path = "/readyz", method = "get")]
    async fn readyz(&self) -> ReadyReply {
        let ledger = match self.0.ledger.writable().await {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        let auth_key = if self.0.keys.is_known() {
            "ok"
        } else {
            "core's public key was never seen; is AUTH_URL right and core's auth service up?"
        };
        let readiness = Readiness {
            ready: ledger == "ok" && auth_key == "ok",
            ledger,
            auth_key: auth_key.to_owned(),
            country: self
                .0
                .refused_change
                .load()
                .as_deref()
                .map_or("ok", String::as_str)
                .to_owned(),
        };
        if readiness.ready {
            ReadyReply::Ready(Json(readiness))
        } else {
            ReadyReply::NotReady(Json(readiness))
        }
    }

    /// Figures for Prometheus; for the cluster only, so not through a proxy
    #[oai(path = "/metrics", method = "get")]
    async fn metrics(&self, request: &Request) -> poem::Result<PlainText<String>> {
        if through_a_proxy(request) {
            return Err(Problem::new(StatusCode::NOT_FOUND, "Not Found").into());
        }
        Ok(PlainText(metrics::render(&self.0).await))
    }
}

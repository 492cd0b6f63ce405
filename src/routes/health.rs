// SPDX-License-Identifier: MPL-2.0
//! Liveness and readiness of the server.

use super::client_network::through_a_proxy;
use super::openapi_meta::{Refusals, Refused, Statuses, Tag};
use super::{App, prometheus};
use crate::problem::Problem;
use handlers::delivery::ledger::Ledger;
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Requests within this time get the same answer: a check writes to the ledger.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Health(pub(super) Arc<App>);

/// The condition of the server.
pub struct Condition {
    ledger: Arc<dyn Ledger>,
    looked: Mutex<Option<(Instant, Result<(), String>)>>,
    stops: AtomicBool,
}

impl Condition {
    pub(crate) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self {
            ledger,
            looked: Mutex::default(),
            stops: AtomicBool::default(),
        }
    }

    /// Makes the server not ready from now on.
    pub(crate) fn stops(&self) {
        self.stops.store(true, Ordering::Relaxed);
    }

    /// Checks whether the ledger takes entries; the answer may be a second old.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) async fn ledger(&self) -> Result<(), String> {
        let mut looked = self.looked.lock().await;
        if let Some((at, found)) = looked.as_ref()
            && at.elapsed() < LOOK
        {
            return found.clone();
        }
        let found = self.ledger.writable().await.map_err(|e| e.to_string());
        *looked = Some((Instant::now(), found.clone()));
        found
    }
}

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
    /// Server, ledger and key are `ok`.
    ready: bool,
    /// `ok`, or that it is about to stop.
    server: String,
    /// `ok`, or why promises cannot be written down.
    ledger: String,
    /// `ok`, or why tokens cannot be checked.
    auth_key: String,
    /// `ok`, or why the last change of the country's files was not taken, or which of their cases fail.
    country: String,
    /// `ok`, or how core's version differs from `CORE_VERSION`.
    core: String,
}

#[derive(ApiResponse)]
enum AliveReply {
    /// The server runs
    #[oai(status = 200)]
    Alive(Json<Alive>),
}

#[derive(ApiResponse)]
enum ReadyReply {
    /// Hooks are answered
    #[oai(status = 200)]
    Ready(Json<Readiness>),
    /// The configuration is served, but hooks are not answered yet
    #[oai(status = 503)]
    NotReady(Json<Readiness>),
}

#[derive(ApiResponse)]
enum MetricsReply {
    /// The metrics in Prometheus' text format
    #[oai(status = 200)]
    Metrics(PlainText<String>),
}

struct ClusterOnly;

impl Refusals for ClusterOnly {
    const STATUSES: Statuses = &[(404, "The request came through a proxy")];
}

#[expect(clippy::unused_async, reason = "the framework wants every route async")]
#[OpenApi(tag = "Tag::Health")]
impl Health {
    /// Liveness, for core
    ///
    /// 200 as long as the server runs, even while hooks are not answered.
    #[oai(path = "/ping", method = "get", operation_id = "ping")]
    async fn ping(&self) -> AliveReply {
        AliveReply::Alive(Json(Alive { success: true }))
    }

    /// Liveness, for the cluster
    ///
    /// As `/ping`.
    #[oai(path = "/livez", method = "get", operation_id = "getLiveness")]
    async fn livez(&self) -> AliveReply {
        AliveReply::Alive(Json(Alive { success: true }))
    }

    /// Readiness, for the cluster
    ///
    /// Whether hooks are answered, and if not, why. Requests that came through a proxy are answered 404.
    #[oai(path = "/readyz", method = "get", operation_id = "getReadiness")]
    async fn readyz(&self, request: &Request) -> Result<ReadyReply, Refused<ClusterOnly>> {
        refuse_proxies(request)?;
        let ledger = self.0.condition.ledger().await.err();
        let ledger = ledger.unwrap_or_else(|| "ok".to_owned());
        let server = if self.0.condition.stops.load(Ordering::Relaxed) {
            "told to stop"
        } else {
            "ok"
        };
        let auth_key = if self.0.keys.is_known() {
            "ok"
        } else {
            "core's public key was never seen; is AUTH_URL right and core's auth service up?"
        };
        let readiness = Readiness {
            ready: server == "ok" && ledger == "ok" && auth_key == "ok",
            server: server.to_owned(),
            ledger,
            auth_key: auth_key.to_owned(),
            country: self
                .0
                .refused_change
                .load()
                .as_deref()
                .map_or("ok", String::as_str)
                .to_owned(),
            core: self
                .0
                .core_gateway
                .difference()
                .as_deref()
                .map_or("ok", String::as_str)
                .to_owned(),
        };
        Ok(if readiness.ready {
            ReadyReply::Ready(Json(readiness))
        } else {
            ReadyReply::NotReady(Json(readiness))
        })
    }

    /// Metrics, for Prometheus
    ///
    /// Requests that came through a proxy are answered 404.
    #[oai(path = "/metrics", method = "get", operation_id = "getMetrics")]
    async fn metrics(&self, request: &Request) -> Result<MetricsReply, Refused<ClusterOnly>> {
        refuse_proxies(request)?;
        let metrics = prometheus::render(&self.0).await;
        Ok(MetricsReply::Metrics(PlainText(metrics)))
    }
}

fn refuse_proxies(request: &Request) -> Result<(), Problem> {
    if through_a_proxy(request) {
        return Err(Problem::new(StatusCode::NOT_FOUND, "Not Found"));
    }
    Ok(())
}

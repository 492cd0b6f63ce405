// SPDX-License-Identifier: MPL-2.0
//! The reindex: core sends all records when it renews its search index, and statistics are renewed too.

use super::App;
use super::authority::{Authority, Authorized, NO_KEY, NO_TOKEN, Scheme, token_for, with_scope};
use super::body::{Expected, Unread};
use super::openapi_meta::{Kind, Refusals, Refused, SLOW_BODY, Statuses, Tag, content};
use crate::auth::{REINDEX_AUDIENCES, Token};
use crate::problem::Problem;
use handlers::analytics::{self, ReindexError};
use opencrvs_toolkit::event_document::EventDocument;
use poem::Request;
use poem::http::StatusCode;
use poem_openapi::payload::Json;
use poem_openapi::registry::MetaRequest;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;

/// Core sends up to 300 event documents at once, in up to this many bytes.
const BODY_LIMIT: usize = 50 * 1024 * 1024;

pub(super) struct Reindex(pub(super) Arc<App>);

/// What became of a batch.
#[derive(Object)]
struct Report {
    /// Records that were written.
    imported: usize,
    /// Their accepted actions.
    actions: usize,
    /// Records of events that are not counted.
    skipped: usize,
    /// Records that could not be written. The others were.
    failed: Vec<Failed>,
}

/// A record that could not be written.
#[derive(Object)]
struct Failed {
    /// Its place in the batch, from 0.
    index: usize,
    /// Why.
    error: String,
}

impl From<analytics::Report> for Report {
    fn from(report: analytics::Report) -> Self {
        let failed = report.failed.into_iter();
        Self {
            imported: report.imported,
            actions: report.actions,
            skipped: report.skipped,
            failed: failed
                .map(|analytics::Failed { index, error }| Failed { index, error })
                .collect(),
        }
    }
}

#[derive(ApiResponse)]
enum Reply {
    /// The batch was written, as far as it can be
    #[oai(status = 200)]
    Written(Json<Report>),
}

struct NotWritten;
impl Refusals for NotWritten {
    const STATUSES: Statuses = &[
        SLOW_BODY,
        (413, "More than 50 MiB"),
        (
            422,
            "The body is not an array of event documents, or broke off",
        ),
        (500, "The import ended by a fault of this server"),
        (
            503,
            "The database did not take the batch, or core's public key cannot be fetched",
        ),
    ];
}

/// The records that core sends.
struct Batch;

impl Expected for Batch {
    fn meta() -> MetaRequest {
        MetaRequest {
            description: Some("Event documents as core keeps them"),
            content: vec![content("application/json", Kind::Objects)],
            required: true,
        }
    }
}

/// The authority to renew what is made of core's records.
struct MayReindex;

impl Authority for MayReindex {
    const SCHEMES: &'static [Scheme] = &[Scheme::jwt(
        "reindexToken",
        "A token of core with the scope `record.reindex`: RS256, issuer `opencrvs:auth-service`, audience `opencrvs:countryconfig-user`, `opencrvs:events-user` or `opencrvs:gateway-user`.",
    )];
    const REFUSALS: Statuses = &[
        NO_TOKEN,
        (403, "The token has no scope `record.reindex`"),
        NO_KEY,
    ];
    type Grant = Token;

    async fn check(app: &App, request: &Request) -> Result<Token, Problem> {
        let token = token_for(&REINDEX_AUDIENCES, app, request).await?;
        with_scope(token, &["record.reindex"])
    }
}

#[OpenApi(tag = "Tag::Core")]
impl Reindex {
    /// Writes records into the analytics database
    ///
    /// With a token that has the scope `record.reindex`. What cannot be written is named and does not
    /// stop the others; 503 where nothing was written: the same batch can be sent again. Without an
    /// analytics database nothing happens.
    #[oai(path = "/reindex", method = "post", operation_id = "reindex")]
    async fn reindex(
        &self,
        Authorized(token): Authorized<MayReindex>,
        batch: Unread<Batch>,
    ) -> Result<Reply, Refused<NotWritten>> {
        let Some(analytics) = &self.0.analytics else {
            return Ok(Reply::Written(Json(analytics::Report::default().into())));
        };
        let turn = analytics.turn().await;
        let json = batch.receive(BODY_LIMIT, 0).await.map_err(Problem::from)?;
        let unanswered = self.0.unanswered.clone();
        let see = move |record: &EventDocument| unanswered.shown(record);
        let report = turn.reindex(json, &token.text, see).await;
        let report = report.map_err(refused)?;
        Ok(Reply::Written(Json(report.into())))
    }
}

fn refused(error: ReindexError) -> Problem {
    let status = match error {
        ReindexError::Body(_) => StatusCode::UNPROCESSABLE_ENTITY,
        ReindexError::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
        ReindexError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, error.to_string()).caused_by(error)
}

// SPDX-License-Identifier: MPL-2.0
//! The reindex: core sends all records when it renews its search index, and statistics are renewed too.

use super::body::receive;
use super::openapi_meta::{
    NO_TOKEN, Refusals, Refused, ReindexToken, Requires, SLOW_BODY, Statuses, Tag,
};
use super::{App, authorized_for};
use crate::auth::{REINDEX_AUDIENCES, Token};
use crate::problem::Problem;
use handlers::analytics::{self, ReindexError};
use opencrvs_toolkit::event_document::EventDocument;
use poem::http::StatusCode;
use poem::{Request, RequestBody};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, Object, OpenApi,
};
use std::sync::Arc;

/// Core sends up to 300 event documents at once, in up to this many bytes.
const BODY_LIMIT: usize = 50 * 1024 * 1024;
/// The permission that a token must carry.
const PERMISSION: &str = "record.reindex";

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
        NO_TOKEN,
        (403, "The token has no scope `record.reindex`"),
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

/// A batch that is not read yet: authorization comes first.
struct Batch<'a> {
    request: &'a Request,
    body: RequestBody,
}

impl<'a> ApiExtractor<'a> for Batch<'a> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        let schema = MetaSchema {
            items: Some(Box::new(MetaSchemaRef::Inline(Box::new(MetaSchema::new(
                "object",
            ))))),
            ..MetaSchema::new("array")
        };
        Some(MetaRequest {
            description: Some("Event documents as core keeps them"),
            content: vec![MetaMediaType {
                content_type: "application/json",
                schema: MetaSchemaRef::Inline(Box::new(schema)),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self {
            request,
            body: std::mem::take(body),
        })
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
        _token: Requires<ReindexToken>,
        batch: Batch<'_>,
    ) -> Result<Reply, Refused<NotWritten>> {
        let token = self.authorized(batch.request).await?;
        let Some(analytics) = &self.0.analytics else {
            return Ok(Reply::Written(Json(analytics::Report::default().into())));
        };
        let turn = analytics.turn().await;
        let json = receive(batch.body, BODY_LIMIT, 0)
            .await
            .map_err(Problem::from)?;
        let unanswered = self.0.unanswered.clone();
        let see = move |record: &EventDocument| unanswered.shown(record);
        let report = turn.reindex(json, &token.text, see).await;
        let report = report.map_err(refused)?;
        Ok(Reply::Written(Json(report.into())))
    }
}

impl Reindex {
    async fn authorized(&self, request: &Request) -> Result<Token, Problem> {
        let token = authorized_for(&REINDEX_AUDIENCES, &self.0, request).await?;
        if token.may(PERMISSION) {
            return Ok(token);
        }
        let message = format!("the token has no scope `{PERMISSION}`");
        Err(Problem::new(StatusCode::FORBIDDEN, message))
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

// SPDX-License-Identifier: MPL-2.0
//! Removed routes that old callers still request.

use super::openapi_meta::Tag;
use crate::problem::ProblemBody;
use poem::http::StatusCode;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

const MESSAGE: &str = "core has no GraphQL interface any more; records are searched with POST /api/events/events/search";

pub(super) struct GraphqlGone;

#[derive(ApiResponse)]
enum Reply {
    /// Core has no GraphQL interface since 2.0
    #[oai(status = 410)]
    Gone(Json<ProblemBody>),
}

#[expect(clippy::unused_async, reason = "the framework wants every route async")]
#[OpenApi(tag = "Tag::Gone")]
impl GraphqlGone {
    /// Core's former GraphQL interface
    ///
    /// Records are searched with `POST /api/events/events/search`.
    #[oai(path = "/graphql", method = "get", operation_id = "queryGraphql")]
    async fn ask_graphql(&self) -> Reply {
        gone()
    }

    /// Core's former GraphQL interface
    ///
    /// Records are searched with `POST /api/events/events/search`.
    #[oai(path = "/graphql", method = "post", operation_id = "postGraphql")]
    async fn graphql(&self) -> Reply {
        gone()
    }
}

fn gone() -> Reply {
    Reply::Gone(Json(ProblemBody::new(StatusCode::GONE, MESSAGE)))
}

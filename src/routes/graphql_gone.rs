// SPDX-License-Identifier: MPL-2.0
//! What was there once, and is asked for by what has not noticed.

use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use serde_json::{Value, json};

const MESSAGE: &str = "core has no GraphQL interface any more; records are searched with POST /api/events/events/search";

pub(super) struct GraphqlGone;

#[derive(ApiResponse)]
enum Reply {
    /// Core has had no GraphQL interface since 2.0
    #[oai(status = 410)]
    Gone(Json<Value>),
}

#[expect(clippy::unused_async, reason = "the framework wants every route async")]
#[OpenApi]
impl GraphqlGone {
    /// Gone for good
    #[oai(path = "/graphql", method = "get")]
    async fn ask_graphql(&self) -> Reply {
        gone()
    }

    /// Gone for good
    #[oai(path = "/graphql", method = "post")]
    async fn graphql(&self) -> Reply {
        gone()
    }
}

fn gone() -> Reply {
    Reply::Gone(Json(
        json!({"statusCode": 410, "error": "Gone", "message": MESSAGE}),
    ))
}

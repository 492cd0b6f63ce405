// SPDX-License-Identifier: MPL-2.0
//! What the country is like.

use super::App;
use poem::{IntoResponse, Request, Response};
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiResponse, OpenApi};
use std::sync::Arc;

pub(super) struct Config(pub(super) Arc<App>);

/// Prepared bytes; how they are encoded depends on what the caller accepts.
struct Prepared(Response);

impl IntoResponse for Prepared {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for Prepared {
    fn meta() -> MetaResponses {
        let response = |status, description, content| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers: vec![],
        };
        let json = MetaMediaType {
            content_type: "application/json",
            schema: MetaSchemaRef::Inline(Box::new(MetaSchema::ANY)),
        };
        MetaResponses {
            responses: vec![
                response(200, "The document", vec![json]),
                response(304, "The caller has it already", vec![]),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}

#[expect(clippy::unused_async, reason = "the framework wants every route async")]
#[OpenApi]
impl Config {
    /// The birth and death events: forms, actions, flags, searches
    ///
    /// Open to anyone, as core's own callers come with tokens for other audiences.
    #[oai(path = "/config/events", method = "get")]
    async fn events(&self, request: &Request) -> Prepared {
        Prepared(self.0.country.load().events.respond(request.headers()))
    }
}

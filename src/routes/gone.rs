// SPDX-License-Identifier: MPL-2.0
//! What was there once, and is asked for by what has not noticed.

use crate::problem::Problem;
use poem::http::StatusCode;
use poem_openapi::OpenApi;

pub(super) struct Gone;

#[expect(clippy::unused_async, reason = "the framework wants every route async")]
#[OpenApi]
impl Gone {
    /// Gone: 410
    ///
    /// Core has had no GraphQL interface since 2.0.
    #[oai(path = "/graphql", method = "get")]
    async fn ask_graphql(&self) -> poem::Result<()> {
        Err(gone().into())
    }

    /// Gone: 410
    ///
    /// Core has had no GraphQL interface since 2.0.
    #[oai(path = "/graphql", method = "post")]
    async fn graphql(&self) -> poem::Result<()> {
        Err(gone().into())
    }
}

fn gone() -> Problem {
    let message = "core has no GraphQL interface any more; records are searched with POST /api/events/events/search";
    Problem::new(StatusCode::GONE, message)
}

// SPDX-License-Identifier: MPL-2.0
//! What the country is like: documents, certificates, pictures and fonts, by path.

use super::openapi_meta::{any, response};
use super::{App, authorized};
use crate::problem::Problem;
use poem::http::StatusCode;
use poem::{IntoResponse, Request, Response};
use poem_openapi::registry::{MetaResponses, Registry};
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
        MetaResponses {
            responses: vec![
                response(200, "The document", vec![any()]),
                response(304, "The caller has it already", vec![]),
                response(401, "A token is needed, and this is none", vec![]),
                response(404, "There is no such thing", vec![]),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}

/// What is at the path of a request.
pub(super) fn prepared(app: &App, request: &Request) -> poem::Result<Response> {
    let country = app.country.load();
    let found = country.at(request.uri().path());
    let found = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "Not Found"))?;
    Ok(found.respond(request.headers()))
}

#[expect(clippy::unused_async, reason = "the framework wants every route async")]
#[OpenApi]
impl Config {
    /// The birth and death events: forms, actions, flags, searches
    ///
    /// Open to anyone, as core's own callers come with tokens for other audiences.
    #[oai(path = "/config/events", method = "get")]
    async fn events(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }

    /// The lists of records that wait for somebody
    #[oai(path = "/config/workqueues", method = "get")]
    async fn workqueues(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }

    /// Who may do what
    #[oai(path = "/config/roles", method = "get")]
    async fn roles(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }

    /// Name, logo, time zone, currency, levels of areas, pattern of phone numbers
    #[oai(path = "/config/application", method = "get")]
    async fn application(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }

    /// Administrative areas, offices and health facilities
    #[oai(path = "/config/locations", method = "get")]
    async fn locations(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }

    /// The first users of a new installation, for core's seeder
    ///
    /// With a token. In production only for core itself, and only if every user has a password of their
    /// own.
    #[oai(path = "/config/users", method = "get")]
    async fn users(&self, request: &Request) -> poem::Result<Prepared> {
        let token = authorized(&self.0, request).await?;
        if self.0.holds_real_records {
            if token.claims.user_type.as_deref() == Some("user") {
                let message = "the passwords of others are for core's seeder only";
                return Err(Problem::new(StatusCode::FORBIDDEN, message).into());
            }
            if let Some(why) = self.0.country.load().users_unsafe {
                let message =
                    format!("{why}: give each a password of their own in the file of USERS_FILE");
                return Err(Problem::new(StatusCode::CONFLICT, message).into());
            }
        }
        self.prepared(request)
    }

    /// The certificates that can be printed
    ///
    /// With a token.
    #[oai(path = "/certificates", method = "get")]
    async fn certificates(&self, request: &Request) -> poem::Result<Prepared> {
        authorized(&self.0, request).await?;
        self.prepared(request)
    }

    /// The drawing of a certificate
    ///
    /// With a token; core's client sends it without `Bearer`.
    #[oai(path = "/certificates/:file", method = "get")]
    async fn certificate(&self, request: &Request) -> poem::Result<Prepared> {
        authorized(&self.0, request).await?;
        self.prepared(request)
    }

    /// A font of the certificates
    #[oai(path = "/fonts/:file", method = "get")]
    async fn font(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }

    /// Texts for core's pages, the country's logo and map: `client`, `login`, `country-logo`, `map.geojson`
    #[oai(path = "/content/:name", method = "get")]
    async fn content(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }

    /// The script that core's client loads first
    #[oai(path = "/client-config.js", method = "get")]
    async fn client_config(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }

    /// The script that core's login page loads first
    #[oai(path = "/login-config.js", method = "get")]
    async fn login_config(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }

    /// Helpers of the country for its certificates: a module of functions
    #[oai(path = "/handlebars.js", method = "get")]
    async fn handlebars(&self, request: &Request) -> poem::Result<Prepared> {
        self.prepared(request)
    }
}

impl Config {
    fn prepared(&self, request: &Request) -> poem::Result<Prepared> {
        prepared(&self.0, request).map(Prepared)
    }
}

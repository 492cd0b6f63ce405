// SPDX-License-Identifier: MPL-2.0
//! The country's configuration: documents, certificates, pictures and fonts, by path.

use super::App;
use super::authority::{
    Authority, Authorized, CORE_TOKEN, CoreToken, NO_KEY, NO_TOKEN, Scheme, token,
};
use super::in_path::InPath;
use super::openapi_meta::Kind::{Binary, Object, Objects, Text};
use super::openapi_meta::{Kind, Refusals, Refused, Statuses, Tag, content, response};
use crate::problem::Problem;
use poem::http::StatusCode;
use poem::{IntoResponse, Request, Response};
use poem_openapi::registry::{MetaResponses, Registry};
use poem_openapi::{ApiResponse, OpenApi};
use std::marker::PhantomData;
use std::sync::Arc;

pub(super) struct Config(pub(super) Arc<App>);

/// Prepared bytes; their encoding depends on what the caller accepts.
struct Prepared<M>(Response, PhantomData<fn() -> M>);

/// The media types of prepared bytes.
trait Media {
    const TYPES: Types;
}

type Types = &'static [(&'static str, Kind)];

const JSON: &str = "application/json; charset=utf-8";

struct List;
impl Media for List {
    const TYPES: Types = &[(JSON, Objects)];
}

struct Document;
impl Media for Document {
    const TYPES: Types = &[(JSON, Object)];
}

struct Script;
impl Media for Script {
    const TYPES: Types = &[("application/javascript; charset=utf-8", Text)];
}

struct Module;
impl Media for Module {
    const TYPES: Types = &[("text/javascript; charset=utf-8", Text)];
}

struct Svg;
impl Media for Svg {
    const TYPES: Types = &[("image/svg+xml", Text)];
}

struct Font;
impl Media for Font {
    const TYPES: Types = &[
        ("font/ttf", Binary),
        ("font/otf", Binary),
        ("font/woff2", Binary),
        ("text/plain; charset=utf-8", Text),
        ("application/octet-stream", Binary),
    ];
}

struct Content;
impl Media for Content {
    const TYPES: Types = &[
        (JSON, Object),
        ("application/geo+json", Object),
        ("image/svg+xml", Text),
        ("image/png", Binary),
        ("image/jpeg", Binary),
        ("image/webp", Binary),
    ];
}

struct AnyFile;
impl Media for AnyFile {
    const TYPES: Types = &[
        ("application/manifest+json", Object),
        (JSON, Object),
        ("application/geo+json", Object),
        ("image/svg+xml", Text),
        ("image/png", Binary),
        ("image/jpeg", Binary),
        ("image/webp", Binary),
        ("image/x-icon", Binary),
        ("font/ttf", Binary),
        ("font/otf", Binary),
        ("font/woff2", Binary),
        ("text/javascript; charset=utf-8", Text),
        ("text/css; charset=utf-8", Text),
        ("text/plain; charset=utf-8", Text),
        ("application/octet-stream", Binary),
    ];
}

impl<M> IntoResponse for Prepared<M> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<M: Media> ApiResponse for Prepared<M> {
    fn meta() -> MetaResponses {
        let types = M::TYPES.iter();
        let types = types.map(|(content_type, kind)| content(content_type, *kind));
        MetaResponses {
            responses: vec![
                response(
                    200,
                    "The content, in the encoding that suits the caller",
                    types.collect(),
                ),
                response(304, "The caller has it already (`If-None-Match`)", vec![]),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}

const NO_FILE: (u16, &str) = (404, "There is no such file");

struct File;
impl Refusals for File {
    const STATUSES: Statuses = &[NO_FILE];
}

struct Users;
impl Refusals for Users {
    const STATUSES: Statuses = &[(409, "In production: a user has no password of their own")];
}

/// The authority of core's seeder. Elsewhere than in production every bearer of a token has it.
struct Seeder;

impl Authority for Seeder {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN];
    const REFUSALS: Statuses = &[
        NO_TOKEN,
        (403, "In production: the token is a user's"),
        NO_KEY,
    ];
    type Grant = ();

    async fn check(app: &App, request: &Request) -> Result<(), Problem> {
        let token = token(app, request).await?;
        if app.holds_real_records && token.claims.user_type.as_deref() == Some("user") {
            let message = "the passwords of others are for core's seeder only";
            return Err(Problem::new(StatusCode::FORBIDDEN, message));
        }
        Ok(())
    }
}

#[expect(clippy::unused_async, reason = "the framework wants every route async")]
#[OpenApi]
impl Config {
    /// The events: forms, actions, flags, searches
    ///
    /// Open to anyone, as core's own callers come with tokens for other audiences.
    #[oai(
        path = "/config/events",
        method = "get",
        operation_id = "getEvents",
        tag = "Tag::Configuration"
    )]
    async fn events(&self, request: &Request) -> poem::Result<Prepared<List>> {
        self.prepared(request)
    }

    /// The workqueues
    ///
    /// Lists of records that wait for somebody. Open to anyone.
    #[oai(
        path = "/config/workqueues",
        method = "get",
        operation_id = "getWorkqueues",
        tag = "Tag::Configuration"
    )]
    async fn workqueues(&self, request: &Request) -> poem::Result<Prepared<List>> {
        self.prepared(request)
    }

    /// The roles and their scopes
    ///
    /// Open to anyone.
    #[oai(
        path = "/config/roles",
        method = "get",
        operation_id = "getRoles",
        tag = "Tag::Configuration"
    )]
    async fn roles(&self, request: &Request) -> poem::Result<Prepared<List>> {
        self.prepared(request)
    }

    /// The application's settings
    ///
    /// Name, logo, time zone, currency, levels of areas, pattern of phone numbers. Open to anyone.
    #[oai(
        path = "/config/application",
        method = "get",
        operation_id = "getApplication",
        tag = "Tag::Configuration"
    )]
    async fn application(&self, request: &Request) -> poem::Result<Prepared<Document>> {
        self.prepared(request)
    }

    /// The administrative areas, offices and health facilities
    ///
    /// Open to anyone.
    #[oai(
        path = "/config/locations",
        method = "get",
        operation_id = "getLocations",
        tag = "Tag::Configuration"
    )]
    async fn locations(&self, request: &Request) -> poem::Result<Prepared<List>> {
        self.prepared(request)
    }

    /// The first users of a new installation, for core's seeder
    ///
    /// With a token. In production only for core itself, and only if every user has a password of their
    /// own.
    #[oai(
        path = "/config/users",
        method = "get",
        operation_id = "getUsers",
        tag = "Tag::Configuration"
    )]
    async fn users(
        &self,
        _seeder: Authorized<Seeder>,
        request: &Request,
    ) -> Result<Prepared<List>, Refused<Users>> {
        if self.0.holds_real_records
            && let Some(why) = self.0.country.load().users_unsafe
        {
            let message =
                format!("{why}: give each a password of their own in the file of USERS_FILE");
            return Err(Problem::new(StatusCode::CONFLICT, message).into());
        }
        self.prepared(request)
    }

    /// The certificates that can be printed
    ///
    /// With a token.
    #[oai(
        path = "/certificates",
        method = "get",
        operation_id = "getCertificates",
        tag = "Tag::Files"
    )]
    async fn certificates(
        &self,
        _token: Authorized<CoreToken>,
        request: &Request,
    ) -> poem::Result<Prepared<List>> {
        self.prepared(request)
    }

    /// The drawing of a certificate
    ///
    /// With a token; core's client sends it without `Bearer`.
    #[oai(
        path = "/certificates/:file",
        method = "get",
        operation_id = "getCertificate",
        tag = "Tag::Files"
    )]
    async fn certificate(
        &self,
        _token: Authorized<CoreToken>,
        request: &Request,
        /// Name of the file, as in `/certificates`
        #[oai(name = "file")]
        _file: InPath,
    ) -> Result<Prepared<Svg>, Refused<File>> {
        self.prepared(request)
    }

    /// A font of the certificates
    ///
    /// Open to anyone.
    #[oai(
        path = "/fonts/:file",
        method = "get",
        operation_id = "getFont",
        tag = "Tag::Files"
    )]
    async fn font(
        &self,
        request: &Request,
        /// Name of the file
        #[oai(name = "file")]
        _file: InPath,
    ) -> Result<Prepared<Font>, Refused<File>> {
        self.prepared(request)
    }

    /// Texts of core's pages, the country's logo or map
    ///
    /// Open to anyone.
    #[oai(
        path = "/content/:name",
        method = "get",
        operation_id = "getContent",
        tag = "Tag::Files"
    )]
    async fn content(
        &self,
        request: &Request,
        /// `client`, `login`, `country-logo` or `map.geojson`
        #[oai(name = "name")]
        _name: InPath,
    ) -> Result<Prepared<Content>, Refused<File>> {
        self.prepared(request)
    }

    /// The script that core's client loads first
    ///
    /// Open to anyone.
    #[oai(
        path = "/client-config.js",
        method = "get",
        operation_id = "getClientConfig",
        tag = "Tag::Files"
    )]
    async fn client_config(&self, request: &Request) -> poem::Result<Prepared<Script>> {
        self.prepared(request)
    }

    /// The script that core's login page loads first
    ///
    /// Open to anyone.
    #[oai(
        path = "/login-config.js",
        method = "get",
        operation_id = "getLoginConfig",
        tag = "Tag::Files"
    )]
    async fn login_config(&self, request: &Request) -> poem::Result<Prepared<Script>> {
        self.prepared(request)
    }

    /// The country's helpers for its certificates
    ///
    /// A JavaScript module of functions. Open to anyone.
    #[oai(
        path = "/handlebars.js",
        method = "get",
        operation_id = "getHandlebarsHelpers",
        tag = "Tag::Files"
    )]
    async fn handlebars(&self, request: &Request) -> poem::Result<Prepared<Module>> {
        self.prepared(request)
    }

    /// An icon, manifest or other file of the country's folder `static`
    ///
    /// Open to anyone.
    #[oai(
        path = "/static/*file",
        method = "get",
        operation_id = "getStaticFile",
        tag = "Tag::Files"
    )]
    async fn file(
        &self,
        request: &Request,
        /// Path of the file, which may contain slashes
        #[oai(name = "file")]
        _file: InPath,
    ) -> Result<Prepared<AnyFile>, Refused<File>> {
        self.prepared(request)
    }
}

impl Config {
    /// The prepared answer for the path of a request.
    fn prepared<M, E: From<Problem>>(&self, request: &Request) -> Result<Prepared<M>, E> {
        let country = self.0.country.load();
        let found = country.at(request.uri().path());
        let found = found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "Not Found"))?;
        Ok(Prepared(found.respond(request.headers()), PhantomData))
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The `OpenAPI` document: the parts that the framework does not derive from the types of routes.
//!
//! A route declares its path, id, tag and texts in its attribute and comments, its credential with
//! [`Requires`], and its statuses with its result: [`Refused`] lists those of errors.

use crate::problem::{Problem, ProblemBody};
use poem::{Request, RequestBody};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaMediaType, MetaParamIn, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef,
    MetaSecurityScheme, Registry,
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, Tags, types::Type,
};
use serde_json::{Map, Value, json};
use std::marker::PhantomData;

/// Groups of routes.
#[derive(Tags)]
pub(super) enum Tag {
    /// Probes and metrics of the server.
    Health,
    /// The country's events, roles, places and other configuration, for core.
    Configuration,
    /// Certificates, fonts, pictures, texts and scripts, for core's client and login page.
    Files,
    /// The action hook, the notifications and the reindex that core calls.
    Core,
    /// Searches and credentials that forms ask for.
    Forms,
    /// Core's operations for government portals and health systems.
    Portals,
    /// Alerts of the cluster's monitoring.
    Monitoring,
    /// An issuer of credentials for demonstrations.
    Demonstration,
    /// Routes of earlier versions.
    Gone,
}

/// The document: that of the framework, completed. Every route may answer 500, routes without a
/// credential say that they are open, and the rest of a path is a parameter like any other.
pub(super) fn document(framework: &str) -> String {
    let mut document: Value = serde_json::from_str(framework).unwrap_or_default();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        *paths = std::mem::take(paths)
            .into_iter()
            .map(|(path, item)| (template(&path), item))
            .collect();
        let items = paths.values_mut().filter_map(Value::as_object_mut);
        items.flat_map(Map::values_mut).for_each(complete);
    }
    format!("{document:#}\n")
}

/// The framework writes the rest of a path as `*name`, `OpenAPI` as `{name}`.
fn template(path: &str) -> String {
    match path.split_once('*') {
        Some((above, name)) => format!("{above}{{{name}}}"),
        None => path.to_owned(),
    }
}

fn complete(operation: &mut Value) {
    let Some(operation) = operation.as_object_mut() else {
        return;
    };
    operation.entry("security").or_insert(json!([]));
    let responses = operation.get_mut("responses");
    if let Some(responses) = responses.and_then(Value::as_object_mut) {
        let fault = response(
            500,
            "A fault of this server; its log names the cause",
            vec![problem()],
        );
        let fault = serde_json::to_value(fault).unwrap_or_default();
        responses.entry("500").or_insert(fault);
        responses.sort_keys();
    }
}

/// Statuses of errors, in ascending order, and when they are answered.
pub(super) type Statuses = &'static [(u16, &'static str)];

/// The errors of a route.
pub(super) trait Refusals {
    /// All but 500.
    const STATUSES: Statuses;
}

/// The token is missing or invalid.
pub(super) const NO_TOKEN: (u16, &str) = (401, "No token of core, or an expired one");
/// The body is wrong.
pub(super) const BAD_BODY: (u16, &str) = (
    400,
    "The body is not what it should be; `fields` names what is wrong",
);
/// The body is slow.
pub(super) const SLOW_BODY: (u16, &str) = (408, "The body does not arrive within 20 seconds");
/// Tokens cannot be checked.
pub(super) const NO_KEY: (u16, &str) = (503, "Core's public key cannot be fetched");

/// An error with one of the statuses of `R`.
#[derive(Debug)]
pub(super) struct Refused<R>(Problem, PhantomData<fn() -> R>);

impl<R> From<Problem> for Refused<R> {
    fn from(problem: Problem) -> Self {
        Self(problem, PhantomData)
    }
}

impl<R> From<Refused<R>> for poem::Error {
    fn from(refused: Refused<R>) -> Self {
        refused.0.into()
    }
}

impl<R: Refusals> ApiResponse for Refused<R> {
    fn meta() -> MetaResponses {
        let refusals = R::STATUSES.iter();
        let refusals = refusals.map(|(status, why)| response(*status, why, vec![problem()]));
        MetaResponses {
            responses: refusals.collect(),
        }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

/// A response.
pub(super) fn response(
    status: u16,
    description: &'static str,
    content: Vec<MetaMediaType>,
) -> MetaResponse {
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content,
        headers: vec![],
    }
}

/// The content of an error.
fn problem() -> MetaMediaType {
    MetaMediaType {
        content_type: Json::<ProblemBody>::CONTENT_TYPE,
        schema: ProblemBody::schema_ref(),
    }
}

/// The kind of a body that has no type here.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// An array of objects.
    Objects,
    /// An object.
    Object,
    /// Text.
    Text,
    /// Bytes.
    Binary,
}

/// A body that has no type here.
pub(super) fn content(content_type: &'static str, kind: Kind) -> MetaMediaType {
    let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
    let schema = match kind {
        Kind::Objects => MetaSchema {
            items: Some(Box::new(inline(MetaSchema::new("object")))),
            ..MetaSchema::new("array")
        },
        Kind::Object => MetaSchema::new("object"),
        Kind::Text => MetaSchema::new("string"),
        Kind::Binary => MetaSchema::new_with_format("string", "binary"),
    };
    MetaMediaType {
        content_type,
        schema: inline(schema),
    }
}

/// A way to authenticate.
pub(super) struct Scheme {
    name: &'static str,
    format: Option<&'static str>,
    description: &'static str,
}

/// The credentials of a route.
pub(super) trait Credential {
    /// Any one of them is enough.
    const SCHEMES: &'static [Scheme];
    /// Some callers need none.
    const OPTIONAL: bool = false;
}

const CORE_TOKEN: Scheme = Scheme {
    name: "coreToken",
    format: Some("JWT"),
    description: "A token of core: RS256, issuer `opencrvs:auth-service`, audience `opencrvs:countryconfig-user`. It is also accepted without the word `Bearer`.",
};

const EMAIL_ROUTE_TOKEN: Scheme = Scheme {
    name: "emailRouteToken",
    format: None,
    description: "The value of EMAIL_ROUTE_TOKEN, for callers outside the cluster.",
};

/// A token of core.
pub(super) struct CoreToken;

impl Credential for CoreToken {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN];
}

/// A token for one action of one record.
pub(super) struct ActionToken;

impl Credential for ActionToken {
    const SCHEMES: &'static [Scheme] = &[Scheme {
        name: "actionToken",
        format: Some("JWT"),
        description: "Core's token for the pending action: RS256, issuer `opencrvs:auth-service`, audience `opencrvs:countryconfig-user`, with the ids of event and action (core 2.0) or `userType` `system` (core 2.1).",
    }];
}

/// A token of the reindex.
pub(super) struct ReindexToken;

impl Credential for ReindexToken {
    const SCHEMES: &'static [Scheme] = &[Scheme {
        name: "reindexToken",
        format: Some("JWT"),
        description: "A token of core with the scope `record.reindex`: RS256, issuer `opencrvs:auth-service`, audience `opencrvs:countryconfig-user`, `opencrvs:events-user` or `opencrvs:gateway-user`.",
    }];
}

/// A portal's own credential, or a token of core.
pub(super) struct PortalCredential;

impl Credential for PortalCredential {
    const SCHEMES: &'static [Scheme] = &[
        Scheme {
            name: "portalCredential",
            format: None,
            description: "A credential of PORTAL_TOKENS. Its bearer acts through the system client.",
        },
        CORE_TOKEN,
    ];
}

/// A token of core; inside the cluster none, where core sends none.
pub(super) struct MessageToken;

impl Credential for MessageToken {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN, EMAIL_ROUTE_TOKEN];
    const OPTIONAL: bool = true;
}

/// The token of `EMAIL_ROUTE_TOKEN`; inside the cluster none.
pub(super) struct EmailRouteToken;

impl Credential for EmailRouteToken {
    const SCHEMES: &'static [Scheme] = &[EMAIL_ROUTE_TOKEN];
    const OPTIONAL: bool = true;
}

/// Declares the credential of a route. The route checks it itself, before it reads the body.
pub(super) struct Requires<C>(PhantomData<fn() -> C>);

impl<'a, C: Credential> ApiExtractor<'a> for Requires<C> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        for scheme in C::SCHEMES {
            let described = MetaSecurityScheme {
                ty: "http",
                description: Some(scheme.description),
                name: None,
                key_in: None,
                scheme: Some("bearer"),
                bearer_format: scheme.format,
                flows: None,
                openid_connect_url: None,
            };
            registry.create_security_scheme(scheme.name, described);
        }
    }

    fn security_schemes() -> Vec<&'static str> {
        C::SCHEMES.iter().map(|scheme| scheme.name).collect()
    }

    fn has_security_fallback() -> bool {
        C::OPTIONAL
    }

    async fn from_request(
        _: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self(PhantomData))
    }
}

/// Declares a parameter of a path that is looked up as a whole.
pub(super) struct InPath;

impl<'a> ApiExtractor<'a> for InPath {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(String::schema_ref())
    }

    async fn from_request(
        _: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        Ok(Self)
    }
}

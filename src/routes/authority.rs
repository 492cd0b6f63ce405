// SPDX-License-Identifier: MPL-2.0
//! The authority of callers, as a type. A handler with a parameter [`Authorized`] runs only for callers
//! with that authority. The same parameter writes the accepted credentials and the refusals into the
//! `OpenAPI` document. A route without it is open to everybody.

use super::openapi_meta::{Statuses, carrier};
use super::{App, app};
use crate::auth::{AUDIENCE, AuthError, Token};
use crate::problem::{Problem, ProblemBody};
use poem::http::StatusCode;
use poem::http::header::AUTHORIZATION;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef, MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

/// The proof that the caller has an authority, with what the handler learns of the caller. No body is read
/// for it.
pub(super) struct Authorized<A: Authority>(pub(super) A::Grant);

/// The authority that a route demands of its callers.
pub(super) trait Authority {
    /// The credentials; any one of them is enough.
    const SCHEMES: &'static [Scheme];
    /// True if some callers need no credential.
    const OPTIONAL: bool = false;
    /// The errors of callers without the authority. A route that has another reason for one of these
    /// statuses describes it itself.
    const REFUSALS: Statuses;
    /// The facts about the caller that the handler gets.
    type Grant: Send;

    /// Checks whether the caller has the authority.
    fn check(
        app: &App,
        request: &Request,
    ) -> impl Future<Output = Result<Self::Grant, Problem>> + Send;
}

/// A way to authenticate.
pub(super) struct Scheme {
    name: &'static str,
    format: Option<&'static str>,
    description: &'static str,
}

impl Scheme {
    /// A bearer token.
    pub(super) const fn bearer(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            format: None,
            description,
        }
    }

    /// A bearer token that is a JSON Web Token.
    pub(super) const fn jwt(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            format: Some("JWT"),
            description,
        }
    }

    fn described(&self) -> MetaSecurityScheme {
        MetaSecurityScheme {
            ty: "http",
            description: Some(self.description),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: self.format,
            flows: None,
            openid_connect_url: None,
        }
    }
}

/// The token is missing or invalid.
pub(super) const NO_TOKEN: (u16, &str) = (401, "No token of core, or an expired one");
/// Tokens cannot be checked.
pub(super) const NO_KEY: (u16, &str) = (503, "Core's public key cannot be fetched");

/// A token of core for this server.
pub(super) const CORE_TOKEN: Scheme = Scheme::jwt(
    "coreToken",
    "A token of core: RS256, issuer `opencrvs:auth-service`, audience `opencrvs:countryconfig-user`. It is also accepted without the word `Bearer`.",
);

/// The authority of every bearer of a token of core.
pub(super) struct CoreToken;

impl Authority for CoreToken {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN];
    const REFUSALS: Statuses = &[NO_TOKEN, NO_KEY];
    type Grant = Token;

    async fn check(app: &App, request: &Request) -> Result<Token, Problem> {
        token(app, request).await
    }
}

/// The token of a request that must have one.
pub(super) async fn token(app: &App, request: &Request) -> Result<Token, Problem> {
    token_for(&[AUDIENCE], app, request).await
}

/// The same for a token with one of several audiences.
pub(super) async fn token_for(
    audiences: &[&str],
    app: &App,
    request: &Request,
) -> Result<Token, Problem> {
    let header = request.headers().get(AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok());
    let verified = app.keys.verify(audiences, header).await;
    verified.map_err(|error| {
        let status = match error {
            AuthError::NoKey => StatusCode::SERVICE_UNAVAILABLE,
            AuthError::Missing | AuthError::Invalid | AuthError::Expired => {
                StatusCode::UNAUTHORIZED
            }
        };
        Problem::new(status, error.to_string())
    })
}

/// The token, if it has one of these scopes.
pub(super) fn with_scope(token: Token, scopes: &[&str]) -> Result<Token, Problem> {
    if scopes.iter().any(|scope| token.may(scope)) {
        return Ok(token);
    }
    let message = format!("the token has no scope `{}`", scopes.join("` or `"));
    Err(Problem::new(StatusCode::FORBIDDEN, message))
}

impl<'a, A: Authority> ApiExtractor<'a> for Authorized<A> {
    const TYPES: &'static [ApiExtractorType] = &[
        ApiExtractorType::SecurityScheme,
        // Not one of the request: see `carrier`.
        ApiExtractorType::Parameter,
    ];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        for scheme in A::SCHEMES {
            registry.create_security_scheme(scheme.name, scheme.described());
        }
        <ProblemBody as poem_openapi::types::Type>::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        A::SCHEMES.iter().map(|scheme| scheme.name).collect()
    }

    fn has_security_fallback() -> bool {
        A::OPTIONAL
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(carrier(A::REFUSALS))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let grant = A::check(app(request)?, request).await?;
        Ok(Self(grant))
    }
}

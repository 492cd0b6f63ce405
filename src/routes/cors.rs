// SPDX-License-Identifier: MPL-2.0
//! Headers that browsers need: the origins that may read an answer, and the restrictions on it.

use poem::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CONTENT_SECURITY_POLICY, ORIGIN, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use poem::http::{HeaderValue, Method, StatusCode};
use poem::{Body, Endpoint, Request, Response};
use std::sync::Arc;

/// Answers with the headers for browsers. An unknown origin gets its answer without permission to read
/// it: only its browser has to obey, so nothing is refused here.
pub(super) async fn served<E: Endpoint>(
    next: Arc<E>,
    request: Request,
    origins: Option<Arc<[String]>>,
) -> poem::Result<Response> {
    let origin = request.headers().get(ORIGIN).cloned();
    let known = |origin: &HeaderValue| {
        origins.as_ref().is_none_or(|origins| {
            origins
                .iter()
                .any(|known| known.as_bytes() == origin.as_bytes())
        })
    };
    let allowed = origin.clone().filter(known);
    let asked = request
        .headers()
        .get(ACCESS_CONTROL_REQUEST_METHOD)
        .cloned();
    let (docs, preflight) = (
        request.uri().path().starts_with("/docs"),
        asked.filter(|_| request.method() == Method::OPTIONS && origin.is_some()),
    );
    let mut response = match preflight {
        Some(method) => permission(method, allowed.is_some()),
        None => next.get_response(request).await,
    };
    let headers = response.headers_mut();
    let vary = if headers.contains_key(VARY) {
        "accept-encoding, origin"
    } else {
        "origin"
    };
    headers.insert(VARY, HeaderValue::from_static(vary));
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("ETag,WWW-Authenticate"),
        );
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // The page of the API's documentation runs scripts; nothing else that is served is a page.
    if !docs {
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
            ),
        );
    }
    Ok(response)
}

/// The answer to a preflight request.
fn permission(method: HeaderValue, allowed: bool) -> Response {
    if !allowed {
        return Response::builder()
            .content_type("application/json; charset=utf-8")
            .body(Body::from_string(
                r#"{"message":"CORS error: Origin not allowed"}"#.to_owned(),
            ));
    }
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(ACCESS_CONTROL_ALLOW_METHODS, method)
        .header(
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Accept,Authorization,Content-Type,If-None-Match,X-Correlation-Id",
        )
        .header(ACCESS_CONTROL_MAX_AGE, "86400")
        .finish()
}

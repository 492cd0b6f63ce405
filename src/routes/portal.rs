// SPDX-License-Identifier: MPL-2.0
//! The doors of government portals and health systems to core. Each operation is a route of its own:
//! what has none cannot be asked for.

use super::openapi_meta::{any, response};
use super::{App, authorized, body};
use crate::auth::bare;
use crate::problem::Problem;
use handlers::integrations::portal::{
    Call, Caller, Notification, Operation, Portal, PortalError, Relayed,
};
use poem::http::header::AUTHORIZATION;
use poem::http::{Method, StatusCode};
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use poem_openapi::param::Path;
use poem_openapi::registry::{MetaRequest, MetaResponses, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// A notification is text, without pictures.
const NOTIFICATION_LIMIT: usize = 1024 * 1024;

pub(super) struct PortalApi(pub(super) Arc<App>);

/// A call that nobody has read yet: authority comes first, and its body passes by.
struct Arriving<'a> {
    request: &'a Request,
    body: RequestBody,
}

impl<'a> ApiExtractor<'a> for Arriving<'a> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: Some("As core wants it"),
            content: vec![any()],
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

/// Core's answer while it arrives.
struct Answer(Relayed);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Relayed {
            status,
            headers,
            body,
        } = self.0;
        let mut response = Body::from_bytes_stream(body).into_response();
        response.set_status(status);
        *response.headers_mut() = headers;
        response
    }
}

impl ApiResponse for Answer {
    fn meta() -> MetaResponses {
        let response = |status, description| response(status, description, vec![any()]);
        MetaResponses {
            responses: vec![
                response(200, "Core's answer, whatever its status"),
                response(401, "Neither a portal's credential nor a token of core"),
                response(403, "Not for this caller, or not open to portals"),
                response(404, "There is no such thing, or the portals' API is off"),
                response(408, "The body did not arrive completely"),
                response(413, "More than 50 MiB"),
                response(429, "Too many calls are under way"),
                response(
                    502,
                    "Core cannot be reached, or does not take the system client",
                ),
                response(503, "Tokens of core cannot be checked yet"),
                response(504, "Core does not answer in time"),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}

#[OpenApi]
impl PortalApi {
    /// The forms
    ///
    /// These routes are for portals that have a credential of `PORTAL_TOKENS`, and act through the system
    /// client, or for bearers of a token of core, who act as themselves. Queries go on to core.
    #[oai(path = "/api/events/config", method = "get")]
    async fn config(&self, request: &Request) -> poem::Result<Answer> {
        self.get(Operation::Config, request, "/events/config").await
    }

    /// Offices and facilities
    #[oai(path = "/api/events/locations", method = "get")]
    async fn locations(&self, request: &Request) -> poem::Result<Answer> {
        self.get(Operation::Locations, request, "/events/locations")
            .await
    }

    /// Makes a record
    #[oai(path = "/api/events/events", method = "post")]
    async fn create(&self, call: Arriving<'_>) -> poem::Result<Answer> {
        self.post(Operation::Create, call, "/events/events").await
    }

    /// One record
    #[oai(path = "/api/events/events/:event", method = "get")]
    async fn read(&self, event: Path<String>, request: &Request) -> poem::Result<Answer> {
        let path = format!("/events/events/{}", id(&event)?);
        self.get(Operation::Read, request, &path).await
    }

    /// Records by what they say
    #[oai(path = "/api/events/events/search", method = "post")]
    async fn search(&self, call: Arriving<'_>) -> poem::Result<Answer> {
        self.post(Operation::Search, call, "/events/events/search")
            .await
    }

    /// Makes a record of a birth or death that is told of
    #[oai(path = "/api/events/events/notify", method = "post")]
    async fn create_and_notify(&self, call: Arriving<'_>) -> poem::Result<Answer> {
        self.post(Operation::Notify, call, "/events/events/notify")
            .await
    }

    /// Tells of a birth or death, about a record that exists
    #[oai(path = "/api/events/events/:event/notify", method = "post")]
    async fn notify(&self, event: Path<String>, call: Arriving<'_>) -> poem::Result<Answer> {
        let path = format!("/events/events/{}/notify", id(&event)?);
        self.post(Operation::Notify, call, &path).await
    }

    /// Requests a correction
    #[oai(path = "/api/events/events/:event/correction/request", method = "post")]
    async fn request_correction(
        &self,
        event: Path<String>,
        call: Arriving<'_>,
    ) -> poem::Result<Answer> {
        self.correct(&event, call, "request").await
    }

    /// Approves a correction
    #[oai(path = "/api/events/events/:event/correction/approve", method = "post")]
    async fn approve_correction(
        &self,
        event: Path<String>,
        call: Arriving<'_>,
    ) -> poem::Result<Answer> {
        self.correct(&event, call, "approve").await
    }

    /// Rejects a correction
    #[oai(path = "/api/events/events/:event/correction/reject", method = "post")]
    async fn reject_correction(
        &self,
        event: Path<String>,
        call: Arriving<'_>,
    ) -> poem::Result<Answer> {
        self.correct(&event, call, "reject").await
    }

    /// Attaches a file
    #[oai(path = "/api/upload", method = "post")]
    async fn upload(&self, call: Arriving<'_>) -> poem::Result<Answer> {
        self.post(Operation::Upload, call, "/upload").await
    }

    /// Tells of a birth or death in the name of the office that is responsible for its place
    ///
    /// About a record that exists: `eventId`, `transactionId`, `createdAtLocation`, `declaration`,
    /// `annotation`, `keepAssignment`. The office is the nearest to the place of the event in the
    /// declaration; `createdAtLocation` counts where none is found. Everything else is core's to check.
    #[oai(path = "/api/events/notifications", method = "post")]
    async fn notifications(&self, call: Arriving<'_>) -> poem::Result<Answer> {
        let (portal, caller) = self.caller(Operation::Notify, call.request).await?;
        let notification = read(call.body).await?;
        let country = self.0.country.load();
        let (fields, headers) = (&country.place_fields, call.request.headers());
        let answer = portal.notify(&caller, notification, fields, headers).await;
        Ok(Answer(answer.map_err(unanswered)?))
    }
}

impl PortalApi {
    async fn correct(&self, event: &str, call: Arriving<'_>, step: &str) -> poem::Result<Answer> {
        let path = format!("/events/events/{}/correction/{step}", id(event)?);
        self.post(Operation::Correct, call, &path).await
    }

    async fn get(
        &self,
        operation: Operation,
        request: &Request,
        path: &str,
    ) -> poem::Result<Answer> {
        self.relay(operation, request, Method::GET, path, None)
            .await
    }

    async fn post(
        &self,
        operation: Operation,
        call: Arriving<'_>,
        path: &str,
    ) -> poem::Result<Answer> {
        let Arriving { request, body } = call;
        self.relay(operation, request, Method::POST, path, Some(body))
            .await
    }

    async fn relay(
        &self,
        operation: Operation,
        request: &Request,
        method: Method,
        path: &str,
        body: Option<RequestBody>,
    ) -> poem::Result<Answer> {
        let (portal, caller) = self.caller(operation, request).await?;
        let body = body.and_then(|mut body| body.take().ok());
        let call = Call {
            operation,
            method,
            path: path.to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: request.headers().clone(),
            body: body.map(|body| Box::pin(body.into_bytes_stream()) as _),
        };
        let answer = portal.relay(&caller, call).await;
        Ok(Answer(answer.map_err(unanswered)?))
    }

    /// Who calls, if that is somebody who may.
    async fn caller(
        &self,
        operation: Operation,
        request: &Request,
    ) -> Result<(&Portal, Caller), Problem> {
        let off = || Problem::new(StatusCode::NOT_FOUND, "the portals' API is off");
        let portal = self.0.portal.as_ref().ok_or_else(off)?;
        let header = request.headers().get(AUTHORIZATION);
        let credential = header.and_then(|value| value.to_str().ok()).map(bare);
        let known = credential.and_then(|credential| portal.caller(credential));
        let caller = if let Some(caller) = known {
            caller
        } else {
            let token = authorized(&self.0, request).await?;
            let wanted = operation.permissions();
            if !wanted.is_empty() && !wanted.iter().any(|permission| token.may(permission)) {
                let message = format!("the token has no scope `{}`", wanted.join("` or `"));
                return Err(Problem::new(StatusCode::FORBIDDEN, message));
            }
            Caller::Bearer(token.text)
        };
        if !portal.allows(operation) {
            let message = format!(
                "`{}` is not open here (PORTAL_OPERATIONS)",
                operation.name()
            );
            return Err(Problem::new(StatusCode::FORBIDDEN, message));
        }
        Ok((portal, caller))
    }
}

/// The id in a path. Nothing else of a path reaches core.
fn id(event: &str) -> Result<Uuid, Problem> {
    let not_found = |_| {
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("`{event}` is no record's id"),
        )
    };
    Uuid::parse_str(event).map_err(not_found)
}

async fn read(body: RequestBody) -> Result<Notification, Problem> {
    let bytes = body::bytes(body, NOTIFICATION_LIMIT).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let message = format!("Invalid request payload: {error}");
        Problem::new(StatusCode::BAD_REQUEST, message)
    })
}

fn unanswered(error: PortalError) -> Problem {
    let status = match error {
        PortalError::Busy => StatusCode::TOO_MANY_REQUESTS,
        PortalError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        PortalError::Incomplete | PortalError::Stalled => StatusCode::REQUEST_TIMEOUT,
        PortalError::Token(_) | PortalError::Unreachable(_) => StatusCode::BAD_GATEWAY,
        PortalError::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
    };
    Problem::new(status, error.to_string()).caused_by(error)
}

// SPDX-License-Identifier: MPL-2.0
//! The API of core for government portals and health systems. Each operation is a route of its own;
//! operations without a route cannot be called.

use super::openapi_meta::{
    Kind, NO_KEY, PortalCredential, Refusals, Refused, Requires, Statuses, Tag, content, response,
};
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
use poem_openapi::registry::{MetaRequest, MetaResponse, MetaResponses, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Size limit of a notification, which is text without pictures.
const NOTIFICATION_LIMIT: usize = 1024 * 1024;

pub(super) struct PortalApi(pub(super) Arc<App>);

/// A call that is not read yet: authorization comes first, and the body is streamed on.
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
            description: Some("The body as core expects it"),
            content: vec![content("*/*", Kind::Binary)],
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
        // Core's answers are of the type that core gives them.
        let relayed = |status| {
            let description = "Core's answer, with its status, type and body";
            MetaResponse {
                status,
                ..response(200, description, vec![content("*/*", Kind::Binary)])
            }
        };
        MetaResponses {
            responses: vec![relayed(Some(200)), relayed(None)],
        }
    }

    fn register(_: &mut Registry) {}
}

const NO_CREDENTIAL: (u16, &str) = (401, "Neither a portal's credential nor a token of core");
const NOT_ALLOWED: (u16, &str) = (
    403,
    "The token has no scope for it, or PORTAL_OPERATIONS does not open it",
);
const NOT_THERE: (u16, &str) = (
    404,
    "The id is not one of a record, or the portals' API is off",
);
const LATE: (u16, &str) = (408, "The body did not arrive completely");
const LARGE: (u16, &str) = (413, "More than 50 MiB");
const BUSY: (u16, &str) = (429, "Too many calls are under way");
const NO_CORE: (u16, &str) = (
    502,
    "Core cannot be reached, or does not accept the system client",
);
const SILENT: (u16, &str) = (504, "Core does not answer in time");

struct NotRead;
impl Refusals for NotRead {
    const STATUSES: Statuses = &[
        NO_CREDENTIAL,
        NOT_ALLOWED,
        NOT_THERE,
        BUSY,
        NO_CORE,
        NO_KEY,
        SILENT,
    ];
}

struct NotSent;
impl Refusals for NotSent {
    const STATUSES: Statuses = &[
        NO_CREDENTIAL,
        NOT_ALLOWED,
        NOT_THERE,
        LATE,
        LARGE,
        BUSY,
        NO_CORE,
        NO_KEY,
        SILENT,
    ];
}

struct NotNotified;
impl Refusals for NotNotified {
    const STATUSES: Statuses = &[
        (400, "The body is not a notification"),
        NO_CREDENTIAL,
        NOT_ALLOWED,
        NOT_THERE,
        LATE,
        (413, "More than 1 MiB"),
        BUSY,
        NO_CORE,
        NO_KEY,
        SILENT,
    ];
}

#[OpenApi(tag = "Tag::Portals")]
impl PortalApi {
    /// Core's events with their forms
    ///
    /// These routes are for portals that have a credential of `PORTAL_TOKENS`, and act through the system
    /// client, or for bearers of a token of core, who act as themselves. Calls are passed on to core with
    /// their queries.
    #[oai(
        path = "/api/events/config",
        method = "get",
        operation_id = "getPortalEvents"
    )]
    async fn config(
        &self,
        _credential: Requires<PortalCredential>,
        request: &Request,
    ) -> Result<Answer, Refused<NotRead>> {
        self.get(Operation::Config, request, "/events/config").await
    }

    /// Core's offices and facilities
    ///
    /// A token of core needs no scope.
    #[oai(
        path = "/api/events/locations",
        method = "get",
        operation_id = "getPortalLocations"
    )]
    async fn locations(
        &self,
        _credential: Requires<PortalCredential>,
        request: &Request,
    ) -> Result<Answer, Refused<NotRead>> {
        self.get(Operation::Locations, request, "/events/locations")
            .await
    }

    /// Creates a record
    ///
    /// A token of core needs the scope `record.create`.
    #[oai(
        path = "/api/events/events",
        method = "post",
        operation_id = "createRecord"
    )]
    async fn create(
        &self,
        _credential: Requires<PortalCredential>,
        call: Arriving<'_>,
    ) -> Result<Answer, Refused<NotSent>> {
        self.post(Operation::Create, call, "/events/events").await
    }

    /// A record
    ///
    /// A token of core needs the scope `record.read`.
    #[oai(
        path = "/api/events/events/:event",
        method = "get",
        operation_id = "getRecord"
    )]
    async fn read(
        &self,
        _credential: Requires<PortalCredential>,
        /// Id of the record
        event: Path<String>,
        request: &Request,
    ) -> Result<Answer, Refused<NotRead>> {
        let path = format!("/events/events/{}", id(&event)?);
        self.get(Operation::Read, request, &path).await
    }

    /// A search for records
    ///
    /// A token of core needs the scope `record.search`.
    #[oai(
        path = "/api/events/events/search",
        method = "post",
        operation_id = "searchRecords"
    )]
    async fn search(
        &self,
        _credential: Requires<PortalCredential>,
        call: Arriving<'_>,
    ) -> Result<Answer, Refused<NotSent>> {
        self.post(Operation::Search, call, "/events/events/search")
            .await
    }

    /// Creates a record and notifies core of its birth or death
    ///
    /// A token of core needs the scope `record.notify`.
    #[oai(
        path = "/api/events/events/notify",
        method = "post",
        operation_id = "createAndNotify"
    )]
    async fn create_and_notify(
        &self,
        _credential: Requires<PortalCredential>,
        call: Arriving<'_>,
    ) -> Result<Answer, Refused<NotSent>> {
        self.post(Operation::Notify, call, "/events/events/notify")
            .await
    }

    /// Notifies core of a birth or death whose record exists
    ///
    /// A token of core needs the scope `record.notify`.
    #[oai(
        path = "/api/events/events/:event/notify",
        method = "post",
        operation_id = "notifyRecord"
    )]
    async fn notify(
        &self,
        _credential: Requires<PortalCredential>,
        /// Id of the record
        event: Path<String>,
        call: Arriving<'_>,
    ) -> Result<Answer, Refused<NotSent>> {
        let path = format!("/events/events/{}/notify", id(&event)?);
        self.post(Operation::Notify, call, &path).await
    }

    /// Requests a correction
    ///
    /// A token of core needs the scope `record.request-correction` or `record.correct`.
    #[oai(
        path = "/api/events/events/:event/correction/request",
        method = "post",
        operation_id = "requestCorrection"
    )]
    async fn request_correction(
        &self,
        _credential: Requires<PortalCredential>,
        /// Id of the record
        event: Path<String>,
        call: Arriving<'_>,
    ) -> Result<Answer, Refused<NotSent>> {
        self.correct(&event, call, "request").await
    }

    /// Approves a correction
    ///
    /// A token of core needs the scope `record.request-correction` or `record.correct`.
    #[oai(
        path = "/api/events/events/:event/correction/approve",
        method = "post",
        operation_id = "approveCorrection"
    )]
    async fn approve_correction(
        &self,
        _credential: Requires<PortalCredential>,
        /// Id of the record
        event: Path<String>,
        call: Arriving<'_>,
    ) -> Result<Answer, Refused<NotSent>> {
        self.correct(&event, call, "approve").await
    }

    /// Rejects a correction
    ///
    /// A token of core needs the scope `record.request-correction` or `record.correct`.
    #[oai(
        path = "/api/events/events/:event/correction/reject",
        method = "post",
        operation_id = "rejectCorrection"
    )]
    async fn reject_correction(
        &self,
        _credential: Requires<PortalCredential>,
        /// Id of the record
        event: Path<String>,
        call: Arriving<'_>,
    ) -> Result<Answer, Refused<NotSent>> {
        self.correct(&event, call, "reject").await
    }

    /// Uploads a file to be attached
    ///
    /// A token of core needs the scope `attachment.upload`, `record.notify` or `record.declare`.
    #[oai(path = "/api/upload", method = "post", operation_id = "uploadFile")]
    async fn upload(
        &self,
        _credential: Requires<PortalCredential>,
        call: Arriving<'_>,
    ) -> Result<Answer, Refused<NotSent>> {
        self.post(Operation::Upload, call, "/upload").await
    }

    /// Notifies core of a birth or death in the name of the office that is responsible for its place
    ///
    /// About a record that exists: `eventId`, `transactionId`, `createdAtLocation`, `declaration`,
    /// `annotation`, `keepAssignment`. The office is the nearest to the place of the event in the
    /// declaration; `createdAtLocation` counts where none is found. Everything else is core's to check.
    #[oai(
        path = "/api/events/notifications",
        method = "post",
        operation_id = "notifyByPlace"
    )]
    async fn notifications(
        &self,
        _credential: Requires<PortalCredential>,
        call: Arriving<'_>,
    ) -> Result<Answer, Refused<NotNotified>> {
        let (portal, caller) = self.caller(Operation::Notify, call.request).await?;
        let notification = read(call.body).await?;
        let country = self.0.country.load();
        let (fields, headers) = (&country.place_fields, call.request.headers());
        let answer = portal.notify(&caller, notification, fields, headers).await;
        Ok(Answer(answer.map_err(unanswered)?))
    }
}

impl PortalApi {
    async fn correct<E: From<Problem>>(
        &self,
        event: &str,
        call: Arriving<'_>,
        step: &str,
    ) -> Result<Answer, E> {
        let path = format!("/events/events/{}/correction/{step}", id(event)?);
        self.post(Operation::Correct, call, &path).await
    }

    async fn get<E: From<Problem>>(
        &self,
        operation: Operation,
        request: &Request,
        path: &str,
    ) -> Result<Answer, E> {
        self.relay(operation, request, Method::GET, path, None)
            .await
    }

    async fn post<E: From<Problem>>(
        &self,
        operation: Operation,
        call: Arriving<'_>,
        path: &str,
    ) -> Result<Answer, E> {
        let Arriving { request, body } = call;
        self.relay(operation, request, Method::POST, path, Some(body))
            .await
    }

    async fn relay<E: From<Problem>>(
        &self,
        operation: Operation,
        request: &Request,
        method: Method,
        path: &str,
        body: Option<RequestBody>,
    ) -> Result<Answer, E> {
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

    /// The caller, if it may call this operation.
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

/// The id in a path. No other part of a path reaches core.
fn id(event: &str) -> Result<Uuid, Problem> {
    let not_found = |_| {
        Problem::new(
            StatusCode::NOT_FOUND,
            format!("`{event}` is not the id of a record"),
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

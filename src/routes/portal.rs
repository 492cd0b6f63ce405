// SPDX-License-Identifier: MPL-2.0
//! The API of core for government portals and health systems. Each operation is a route of its own;
//! operations without a route cannot be called.

use super::App;
use super::authority::{Authority, Authorized, CORE_TOKEN, NO_KEY, Scheme, token, with_scope};
use super::body::{Expected, Unread};
use super::in_path::{FromPath, InPath};
use super::openapi_meta::{Kind, Refusals, Refused, Statuses, Tag, content, response};
use crate::auth::bare;
use crate::problem::Problem;
use handlers::integrations::portal::{
    Call, Caller, Notification, Operation, Passing, Portal, PortalError, Relayed,
};
use poem::http::header::AUTHORIZATION;
use poem::http::{Method, StatusCode};
use poem::{Body, IntoResponse, Request, Response};
use poem_openapi::registry::{MetaRequest, MetaResponse, MetaResponses, Registry};
use poem_openapi::{ApiResponse, OpenApi};
use std::sync::Arc;
use uuid::Uuid;

/// Size limit of a notification, which is text without pictures.
const NOTIFICATION_LIMIT: usize = 1024 * 1024;

pub(super) struct PortalApi(pub(super) Arc<App>);

/// A body for core, which is streamed on.
struct CoreBody;

impl Expected for CoreBody {
    fn meta() -> MetaRequest {
        MetaRequest {
            description: Some("The body as core expects it"),
            content: vec![content("*/*", Kind::Binary)],
            required: true,
        }
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
    const STATUSES: Statuses = &[NOT_THERE, BUSY, NO_CORE, SILENT];
}

struct NotSent;
impl Refusals for NotSent {
    const STATUSES: Statuses = &[NOT_THERE, LATE, LARGE, BUSY, NO_CORE, SILENT];
}

struct NotNotified;
impl Refusals for NotNotified {
    const STATUSES: Statuses = &[
        (400, "The body is not a notification"),
        NOT_THERE,
        LATE,
        (413, "More than 1 MiB"),
        BUSY,
        NO_CORE,
        SILENT,
    ];
}

/// The authority to call an operation of core: that of portals, and of bearers of a token with its scopes.
pub(super) trait PortalOperation {
    /// The operation.
    const OPERATION: Operation;
}

macro_rules! operations {
    ($($name:ident),*) => {$(
        struct $name;
        impl PortalOperation for $name {
            const OPERATION: Operation = Operation::$name;
        }
    )*};
}
operations!(
    Config, Locations, Create, Notify, Read, Search, Correct, Upload
);

/// A caller that may call an operation.
pub(super) struct PermittedCall {
    portal: Arc<Portal>,
    operation: Operation,
    caller: Caller,
}

impl<O: PortalOperation> Authority for O {
    const SCHEMES: &'static [Scheme] = &[
        Scheme::bearer(
            "portalCredential",
            "A credential of PORTAL_TOKENS. Its bearer acts through the system client.",
        ),
        CORE_TOKEN,
    ];
    const REFUSALS: Statuses = &[
        (401, "Neither a portal's credential nor a token of core"),
        (
            403,
            "The token has no scope for it, or PORTAL_OPERATIONS does not open it",
        ),
        NO_KEY,
    ];
    type Grant = PermittedCall;

    async fn check(app: &App, request: &Request) -> Result<PermittedCall, Problem> {
        let operation = O::OPERATION;
        let off = || Problem::new(StatusCode::NOT_FOUND, "the portals' API is off");
        let portal = app.portal.clone().ok_or_else(off)?;
        let header = request.headers().get(AUTHORIZATION);
        let credential = header.and_then(|value| value.to_str().ok()).map(bare);
        let known = credential.and_then(|credential| portal.caller(credential));
        let caller = if let Some(caller) = known {
            caller
        } else {
            let mut token = token(app, request).await?;
            let scopes = operation.permissions();
            if !scopes.is_empty() {
                token = with_scope(token, scopes)?;
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
        Ok(PermittedCall {
            portal,
            operation,
            caller,
        })
    }
}

impl PermittedCall {
    async fn get<E: From<Problem>>(self, request: &Request, path: &str) -> Result<Answer, E> {
        self.relay(request, Method::GET, path, None).await
    }

    async fn post<E: From<Problem>>(
        self,
        request: &Request,
        path: &str,
        body: Unread<CoreBody>,
    ) -> Result<Answer, E> {
        self.relay(request, Method::POST, path, body.stream()).await
    }

    async fn relay<E: From<Problem>>(
        self,
        request: &Request,
        method: Method,
        path: &str,
        body: Option<Passing>,
    ) -> Result<Answer, E> {
        let call = Call {
            operation: self.operation,
            method,
            path: path.to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: request.headers().clone(),
            body,
        };
        let answer = self.portal.relay(&self.caller, call).await;
        Ok(Answer(answer.map_err(unanswered)?))
    }
}

/// The id of a record. No other part of a path reaches core.
impl FromPath for Uuid {
    fn from_path(id: &str) -> Result<Self, Problem> {
        let not_found = |_| {
            let message = format!("`{id}` is not the id of a record");
            Problem::new(StatusCode::NOT_FOUND, message)
        };
        Self::parse_str(id).map_err(not_found)
    }
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
        Authorized(call): Authorized<Config>,
        request: &Request,
    ) -> Result<Answer, Refused<NotRead>> {
        call.get(request, "/events/config").await
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
        Authorized(call): Authorized<Locations>,
        request: &Request,
    ) -> Result<Answer, Refused<NotRead>> {
        call.get(request, "/events/locations").await
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
        Authorized(call): Authorized<Create>,
        request: &Request,
        body: Unread<CoreBody>,
    ) -> Result<Answer, Refused<NotSent>> {
        call.post(request, "/events/events", body).await
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
        /// Id of the record
        #[oai(name = "event")]
        InPath(event): InPath<Uuid>,
        Authorized(call): Authorized<Read>,
        request: &Request,
    ) -> Result<Answer, Refused<NotRead>> {
        let path = format!("/events/events/{event}");
        call.get(request, &path).await
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
        Authorized(call): Authorized<Search>,
        request: &Request,
        body: Unread<CoreBody>,
    ) -> Result<Answer, Refused<NotSent>> {
        call.post(request, "/events/events/search", body).await
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
        Authorized(call): Authorized<Notify>,
        request: &Request,
        body: Unread<CoreBody>,
    ) -> Result<Answer, Refused<NotSent>> {
        call.post(request, "/events/events/notify", body).await
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
        /// Id of the record
        #[oai(name = "event")]
        InPath(event): InPath<Uuid>,
        Authorized(call): Authorized<Notify>,
        request: &Request,
        body: Unread<CoreBody>,
    ) -> Result<Answer, Refused<NotSent>> {
        let path = format!("/events/events/{event}/notify");
        call.post(request, &path, body).await
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
        /// Id of the record
        #[oai(name = "event")]
        InPath(event): InPath<Uuid>,
        Authorized(call): Authorized<Correct>,
        request: &Request,
        body: Unread<CoreBody>,
    ) -> Result<Answer, Refused<NotSent>> {
        let path = format!("/events/events/{event}/correction/request");
        call.post(request, &path, body).await
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
        /// Id of the record
        #[oai(name = "event")]
        InPath(event): InPath<Uuid>,
        Authorized(call): Authorized<Correct>,
        request: &Request,
        body: Unread<CoreBody>,
    ) -> Result<Answer, Refused<NotSent>> {
        let path = format!("/events/events/{event}/correction/approve");
        call.post(request, &path, body).await
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
        /// Id of the record
        #[oai(name = "event")]
        InPath(event): InPath<Uuid>,
        Authorized(call): Authorized<Correct>,
        request: &Request,
        body: Unread<CoreBody>,
    ) -> Result<Answer, Refused<NotSent>> {
        let path = format!("/events/events/{event}/correction/reject");
        call.post(request, &path, body).await
    }

    /// Uploads a file to be attached
    ///
    /// A token of core needs the scope `attachment.upload`, `record.notify` or `record.declare`.
    #[oai(path = "/api/upload", method = "post", operation_id = "uploadFile")]
    async fn upload(
        &self,
        Authorized(call): Authorized<Upload>,
        request: &Request,
        body: Unread<CoreBody>,
    ) -> Result<Answer, Refused<NotSent>> {
        call.post(request, "/upload", body).await
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
        Authorized(call): Authorized<Notify>,
        request: &Request,
        body: Unread<CoreBody>,
    ) -> Result<Answer, Refused<NotNotified>> {
        let notification = read(body).await?;
        let country = self.0.country.load();
        let (fields, headers) = (&country.place_fields, request.headers());
        let PermittedCall { portal, caller, .. } = call;
        let answer = portal.notify(&caller, notification, fields, headers).await;
        Ok(Answer(answer.map_err(unanswered)?))
    }
}

async fn read(body: Unread<CoreBody>) -> Result<Notification, Problem> {
    let bytes = body.bytes(NOTIFICATION_LIMIT).await?;
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

// SPDX-License-Identifier: MPL-2.0
//! The action hook: core asks once whether an action may happen.

use super::bodies::{Bodies, broken};
use super::openapi_meta::{
    ActionToken, Kind, NO_TOKEN, Refusals, Refused, Requires, SLOW_BODY, Statuses, Tag, content,
    response,
};
use super::{App, authorized};
use crate::auth::Token;
use crate::metrics;
use crate::problem::{Ids, Problem};
use handlers::delivery::ledger::Answer;
use handlers::hooks::HookError;
use handlers::hooks::rescue::Asked;
use opencrvs_toolkit::event_document::{ActionId, EventDocument, EventId};
use poem::error::ResponseError as _;
use poem::http::StatusCode;
use poem::{Body, IntoResponse, Request, RequestBody, Response};
use poem_openapi::param::Path;
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, OpenApi};
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

pub(super) struct Trigger {
    app: Arc<App>,
    bodies: Bodies,
}

impl Trigger {
    pub(super) fn new(app: Arc<App>) -> Self {
        let bodies = Bodies::new();
        Self { app, bodies }
    }
}

/// A request with core's token, whose body is not read yet: authorization comes first.
struct Unread<'a> {
    request: &'a Request,
    body: RequestBody,
}

impl<'a> ApiExtractor<'a> for Unread<'a> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn request_meta() -> Option<MetaRequest> {
        let schema = MetaSchema {
            description: Some("EventDocument of core 2.0: id, type, trackingId, actions"),
            ..MetaSchema::new("object")
        };
        let content = vec![MetaMediaType {
            content_type: "application/json",
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        }];
        Some(MetaRequest {
            description: Some("The record with all its actions; the pending one is the question"),
            content,
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

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let response = Response::builder().status(status);
        match self.0.body {
            Some(body) => response
                .content_type("application/json; charset=utf-8")
                .body(Body::from_string(body.to_string())),
            None => response.finish(),
        }
    }
}

/// The answer to core.
struct Reply(Answer);

impl ApiResponse for Reply {
    fn meta() -> MetaResponses {
        const ACCEPTED: &str = "The action is accepted. `registrationNumber` comes with a registration; `declaration` patches the record";
        let accepted = content("application/json; charset=utf-8", Kind::Object);
        MetaResponses {
            responses: vec![
                response(200, ACCEPTED, vec![accepted]),
                response(202, "The action waits; accept or reject follows", vec![]),
            ],
        }
    }

    fn register(_: &mut Registry) {}
}

struct Undecided;
impl Refusals for Undecided {
    const STATUSES: Statuses = &[
        NO_TOKEN,
        (403, "The token is for another action, or for none"),
        SLOW_BODY,
        (413, "More than 50 MiB"),
        (
            422,
            "The body is not an event document, has no such action pending, or lacks what its packet needs",
        ),
        (
            503,
            "Core's public key cannot be fetched, too many documents are under way, or the ledger cannot be written",
        ),
    ];
}

#[OpenApi(tag = "Tag::Core")]
impl Trigger {
    /// The action hook: whether an action may happen
    ///
    /// Decided from the document, the country's rules and the ledger. The same action gets the same answer.
    /// 400 is never answered: core takes it for a legal rejection.
    #[oai(
        path = "/trigger/events/:event/actions/:action",
        method = "post",
        operation_id = "decideAction"
    )]
    async fn action(
        &self,
        /// Type of the event: birth, death …
        event: Path<String>,
        /// Type of the action: REGISTER, DECLARE …
        action: Path<String>,
        _token: Requires<ActionToken>,
        unread: Unread<'_>,
    ) -> Result<Reply, Refused<Undecided>> {
        let started = Instant::now();
        let mut ids = Ids::default();
        let reply = self.decide(&event.0, &action.0, unread, &mut ids).await;
        let status = match &reply {
            Ok(Reply(answer)) => answer.status,
            Err(problem) => problem.status().as_u16(),
        };
        let types = &self.app.country.load().event_types;
        metrics::answered(types, &event.0, &action.0, status, started.elapsed());
        Ok(reply.map_err(|problem| problem.to_hook(ids))?)
    }
}

impl Trigger {
    /// Decides about an action. Authorization comes first: the body of a refused request is not received.
    /// A caller that disconnects before the answer interrupts nothing.
    async fn decide(
        &self,
        event: &str,
        action: &str,
        unread: Unread<'_>,
        ids: &mut Ids,
    ) -> Result<Reply, Problem> {
        let token = authorized(&self.app, unread.request).await?;
        ids.event.clone_from(&token.claims.event_id);
        ids.action.clone_from(&token.claims.action_id);
        if !token.is_for_a_hook() {
            let message = "the token is not for an action of a record";
            return Err(Problem::new(StatusCode::FORBIDDEN, message));
        }
        // Also where the document never arrives, core has asked.
        if let (Some(event_id), Some(action_id)) = (&token.claims.event_id, &token.claims.action_id)
        {
            let of = (EventId::new(event_id), ActionId::new(action_id));
            self.app.asked(of, event, action);
        }
        let body = self.bodies.receive(unread.request, unread.body).await?;
        let question = Question {
            app: self.app.clone(),
            event: event.to_owned(),
            action: action.to_owned(),
            token,
        };
        let answering = body.answered(|document| question.answer(document));
        let answering = tokio::spawn(answering.in_current_span());
        let Answered { answer, of } = answering.await.map_err(broken)??;
        // A caller that has gone away drops this future before it comes here.
        self.app.unanswered.answered(&of.0, &of.1);
        Ok(Reply(answer))
    }
}

/// The question from core.
struct Question {
    app: Arc<App>,
    event: String,
    action: String,
    token: Token,
}

/// The answer about an action of a record.
struct Answered {
    answer: Answer,
    of: (EventId, ActionId),
}

impl Question {
    async fn answer(self, document: Arc<EventDocument>) -> Result<Answered, Problem> {
        let mut ids = Ids {
            event: Some(document.id.to_string()),
            action: self.token.claims.action_id.clone(),
        };
        if let Some(pending) = document.pending_action(&self.action) {
            ids.action = Some(pending.id.to_string());
        }
        let decided = self.decided(&document).await;
        decided.map_err(|problem| problem.to_hook(ids))
    }

    async fn decided(self, document: &EventDocument) -> Result<Answered, Problem> {
        let (event, action) = (self.event, self.action);
        if document.event_type != event {
            let message = format!(
                "the path is about `{event}`, the event document about `{}`",
                document.event_type
            );
            return Err(Problem::unprocessable(message));
        }
        let pending = document.pending_action(&action).ok_or_else(|| {
            Problem::unprocessable(format!(
                "event `{}` has no pending action of type `{action}`",
                document.id
            ))
        })?;
        if !self.token.is_for(document, pending) {
            let message = format!(
                "the token is not for action `{}` of event `{}`",
                pending.id, document.id
            );
            return Err(Problem::new(StatusCode::FORBIDDEN, message));
        }
        let of = (document.id.clone(), pending.id.clone());
        // A token that names the action was noted before.
        if self.token.claims.action_id.is_none() {
            self.app.asked(of.clone(), &event, &action);
        }
        let answer = self.app.hooks.answer(document, pending, &self.token.text);
        let answer = answer.await.map_err(undecided)?;
        self.app.unanswered.decided(&of.0, &of.1);
        Ok(Answered { answer, of })
    }
}

impl App {
    /// Records the hook as unanswered: without an answer its action waits for ever.
    fn asked(&self, (event_id, action_id): (EventId, ActionId), event: &str, action: &str) {
        self.unanswered.asked(Asked {
            event_id,
            action_id,
            event_type: event.to_owned(),
            action_type: action.to_owned(),
            at: self.hooks.clock.now(),
            is_shown: false,
            is_decided: false,
        });
    }
}

fn undecided(error: HookError) -> Problem {
    match error {
        HookError::Packet(_) | HookError::MakesIdentity => {
            Problem::unprocessable(error.to_string())
        }
        HookError::Ledger(_) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the answer cannot be written down",
        )
        .caused_by(error),
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The action hook: core asks once whether an action may happen.

use super::authority::{Authority, Authorized, NO_KEY, NO_TOKEN, Scheme, token};
use super::bodies::{Bodies, broken};
use super::body::{Expected, Unread};
use super::openapi_meta::{Kind, Refusals, Refused, SLOW_BODY, Statuses, Tag, content, response};
use super::{App, app};
use crate::auth::Token;
use crate::metrics;
use crate::problem::{Ids, Problem};
use handlers::delivery::ledger::Answer;
use handlers::hooks::HookError;
use handlers::hooks::rescue::Asked;
use opencrvs_toolkit::event_document::{Action, ActionId, EventDocument, EventId};
use poem::http::StatusCode;
use poem::{Body, Endpoint, EndpointExt, IntoResponse, Request, Response};
use poem_openapi::param::Path;
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiResponse, OpenApi};
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

/// The record that core sends.
struct Record;

impl Expected for Record {
    fn meta() -> MetaRequest {
        let schema = MetaSchema {
            description: Some("EventDocument of core 2.0: id, type, trackingId, actions"),
            ..MetaSchema::new("object")
        };
        let content = MetaMediaType {
            content_type: "application/json",
            schema: MetaSchemaRef::Inline(Box::new(schema)),
        };
        MetaRequest {
            description: Some("The record with all its actions; the pending one is the question"),
            content: vec![content],
            required: true,
        }
    }
}

/// The authority of core's token for a hook. The record decides later whether it is one for the pending action.
struct ActionToken;

impl Authority for ActionToken {
    const SCHEMES: &'static [Scheme] = &[Scheme::jwt(
        "actionToken",
        "Core's token for the pending action: RS256, issuer `opencrvs:auth-service`, audience `opencrvs:countryconfig-user`, with the ids of event and action (core 2.0) or `userType` `system` (core 2.1).",
    )];
    const REFUSALS: Statuses = &[
        NO_TOKEN,
        (403, "The token is for another action, or for none"),
        NO_KEY,
    ];
    type Grant = Token;

    async fn check(app: &App, request: &Request) -> Result<Token, Problem> {
        let token = token(app, request).await;
        let token = token.map_err(|problem| problem.to_hook(Ids::default()))?;
        if token.is_for_a_hook() {
            return Ok(token);
        }
        let message = "the token is not for an action of a record";
        Err(Problem::new(StatusCode::FORBIDDEN, message).to_hook(ids(&token)))
    }
}

/// The event and the action that a token names.
fn ids(token: &Token) -> Ids {
    Ids {
        event: token.claims.event_id.clone(),
        action: token.claims.action_id.clone(),
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
        operation_id = "decideAction",
        transform = "counted"
    )]
    async fn action(
        &self,
        /// Type of the event: birth, death …
        event: Path<String>,
        /// Type of the action: REGISTER, DECLARE …
        action: Path<String>,
        Authorized(token): Authorized<ActionToken>,
        record: Unread<Record>,
    ) -> Result<Reply, Refused<Undecided>> {
        let ids = ids(&token);
        let reply = self.decide(event.0, action.0, token, record).await;
        Ok(reply.map_err(|problem| problem.to_hook(ids))?)
    }
}

/// Counts all answers to hooks, also those to callers without authority.
fn counted(endpoint: impl Endpoint + 'static) -> impl Endpoint {
    endpoint.around(count)
}

async fn count<E: Endpoint>(next: Arc<E>, request: Request) -> poem::Result<Response> {
    let started = Instant::now();
    let app = app(&request)?.clone();
    let (event, action) = request.path_params::<(String, String)>()?;
    let answer = next.call(request).await.map(IntoResponse::into_response);
    let status = match &answer {
        Ok(answer) => answer.status(),
        Err(refused) => refused.status(),
    };
    let types = &app.country.load().event_types;
    metrics::answered(types, &event, &action, status.as_u16(), started.elapsed());
    answer
}

impl Trigger {
    /// Decides about an action. A caller that disconnects before the answer interrupts nothing.
    async fn decide(
        &self,
        event: String,
        action: String,
        token: Token,
        record: Unread<Record>,
    ) -> Result<Reply, Problem> {
        // Also where the document never arrives, core has asked.
        if let (Some(event_id), Some(action_id)) = (&token.claims.event_id, &token.claims.action_id)
        {
            let of = (EventId::new(event_id), ActionId::new(action_id));
            self.app.asked(of, &event, &action);
        }
        let body = self.bodies.receive(record).await?;
        let question = Question {
            app: self.app.clone(),
            event,
            action,
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
        let named = self.token.claims.action_id.clone();
        let pending = document.pending_action(&self.action);
        let decided = self.decided(&document, pending).await;
        decided.map_err(|problem| {
            let action = pending.map(|pending| pending.id.to_string());
            problem.to_hook(Ids {
                event: Some(document.id.to_string()),
                action: action.or(named),
            })
        })
    }

    async fn decided(
        self,
        document: &EventDocument,
        pending: Option<&Action>,
    ) -> Result<Answered, Problem> {
        let (event, action) = (self.event, self.action);
        if document.event_type != event {
            let message = format!(
                "the path is about `{event}`, the event document about `{}`",
                document.event_type
            );
            return Err(Problem::unprocessable(message));
        }
        let pending = pending.ok_or_else(|| {
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

// SPDX-License-Identifier: MPL-2.0
//! The routes of the stand-ins, on one port: no two of them share a path.

use super::core_stand_in::Reply;
use super::core_stand_in::integrations::Client;
use super::journal::SERVER;
use super::{BadDay, StandIns, say, show};
use crate::pages::{self, Hosts};
use opencrvs_toolkit::core_version::CoreVersion;
use poem::http::StatusCode;
use poem::http::header::{AUTHORIZATION, TRANSFER_ENCODING};
use poem::middleware::Cors;
use poem::web::{Data, Json, Path, Query};
use poem::{Endpoint, EndpointExt, FromRequest, IntoResponse, Request, RequestBody, Response};
use poem::{Route, get, handler, post};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Core's auth, gateway and events services, the middleware, eSignet, the SMS gateway.
pub(super) fn stand_ins(here: &Arc<StandIns>) -> impl Endpoint + use<> {
    let hosts = Hosts::loopback(here.address);
    // Core's client is another origin, and calls the middleware itself.
    let client = here
        .settings
        .get()
        .map(|settings| settings.pages.client_app_url.as_str());
    let client = client.unwrap_or_default().trim_end_matches('/').to_owned();
    let login = || {
        let page = Route::new().at("/authorize", get(show::login).post(show::logged_in));
        let page = page.data(here.clone()).map_to_response();
        pages::endpoint(page, here.changes.clone(), hosts.clone())
    };
    Route::new()
        .at("/.well-known", get(key))
        .at("/ping", get(ping))
        .at("/token", post(grant))
        .at("/auth/token", post(grant))
        .at("/integrations", get(integrations).post(integrate))
        .at("/events/:procedure", get(ask).post(call))
        .at("/events/events/:id", get(read))
        .at("/events/events/search", post(search))
        .at("/events/registration", post(registration))
        .at("/events/update-biographics", post(update))
        .at("/verify", post(verify))
        .at("/debug/transactions", get(transactions))
        .at("/debug/transactions/:id", poem::delete(delete_transaction))
        .at(
            "/esignet/get-oidp-user-info",
            post(oidp_user_info).with(Cors::new().allow_origin(client).allow_credentials(false)),
        )
        .at("/authorize", login())
        .nest_no_strip("/pages", login())
        .at("/oauth/token", post(esignet_token))
        .at("/oidc/userinfo", get(esignet_user_info))
        .at("/sms/2/text/advanced", post(sms))
        .data(here.clone())
}

/// An answer with a status and JSON.
fn answer((status, body): (u16, Value)) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Json(body).with_status(status).into_response()
}

/// The token of a request.
struct Bearer(Option<String>);

impl<'a> FromRequest<'a> for Bearer {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let header = request.headers().get(AUTHORIZATION);
        let header = header.and_then(|header| header.to_str().ok());
        Ok(Self(header.map(|header| {
            header.strip_prefix("Bearer ").unwrap_or(header).to_owned()
        })))
    }
}

/// A JSON body; null for any other body, which each stand-in refuses in its own way.
struct Body(Value);

impl<'a> FromRequest<'a> for Body {
    async fn from_request(_: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = body.take()?.into_bytes_limit(50 * 1024 * 1024).await;
        let bytes = bytes.map_err(poem::error::BadRequest)?;
        Ok(Self(serde_json::from_slice(&bytes).unwrap_or_default()))
    }
}

type Here<'a> = Data<&'a Arc<StandIns>>;

#[handler]
fn key(Data(here): Here<'_>) -> String {
    here.signer.public_pem().to_owned()
}

/// The gateway's answer with core's version.
#[handler]
fn ping(Data(here): Here<'_>) -> Response {
    let version = match here.core.version {
        CoreVersion::V2_0 => "2.0.0",
        CoreVersion::V2_0_1 => "2.0.1",
        CoreVersion::V2_1 => "2.1.0",
        CoreVersion::V2_2 => "2.2.0",
    };
    Json(json!({"success": true}))
        .with_header("x-version", version)
        .into_response()
}

/// Core reads the parameters from the body, and core 2.0 also from the URL, which later versions refuse.
#[handler]
async fn grant(
    request: &Request,
    body: poem::Body,
    Data(here): Here<'_>,
) -> poem::Result<Response> {
    let parameters = |text: &str| -> HashMap<String, String> {
        let url = reqwest::Url::parse(&format!("http://core/?{text}"));
        let pairs = url.iter().flat_map(reqwest::Url::query_pairs);
        pairs
            .map(|(n, v)| (n.into_owned(), v.into_owned()))
            .collect()
    };
    let body = body.into_bytes().await?;
    let mut form = parameters(&String::from_utf8_lossy(&body));
    let in_url = parameters(request.uri().query().unwrap_or_default());
    if !in_url.is_empty() && here.core.version >= CoreVersion::V2_1 {
        return Ok(answer((400, json!({"error": "invalid_request"}))));
    }
    form.extend(in_url);
    let event = form.get("event_id").map(String::as_str);
    let ends = here.bad_days.meets(event, BadDay::TokensEnd);
    Ok(answer(here.grant(&form, ends)))
}

/// Checks that the bearer may create and list system clients.
fn may_integrate(here: &StandIns, token: Option<&str>) -> bool {
    let claims = token.and_then(|token| here.signer_claims(token));
    claims.is_some_and(|claims| claims.may("integration.create", None))
}

#[handler]
fn integrations(Bearer(token): Bearer, Data(here): Here<'_>) -> Response {
    if !may_integrate(here, token.as_deref()) {
        return answer((403, json!({"message": "FORBIDDEN"})));
    }
    let client = |client: &Client| {
        json!({
            "id": client.id, "name": client.name, "scopes": client.scopes, "status": "active",
            "createdBy": null,
        })
    };
    answer((200, here.core.clients().iter().map(client).collect()))
}

#[handler]
fn integrate(Bearer(token): Bearer, Body(body): Body, Data(here): Here<'_>) -> Response {
    if !may_integrate(here, token.as_deref()) {
        return answer((403, json!({"message": "FORBIDDEN"})));
    }
    answer(here.core.integrate(&body))
}

/// An answer of tRPC, alone or in a batch of one.
fn trpc(reply: Reply, is_batch: bool) -> Response {
    let Reply { status, body } = reply;
    let body = if status == 200 {
        json!({"result": {"data": {"json": body}}})
    } else {
        body
    };
    answer((status, if is_batch { json!([body]) } else { body }))
}

/// The input of a procedure, in a batch of one or alone.
fn input(given: &Value, is_batch: bool) -> Value {
    let given = if is_batch {
        given.get("0").unwrap_or(&Value::Null)
    } else {
        given
    };
    given.get("json").unwrap_or(given).clone()
}

#[handler]
fn ask(
    Path(procedure): Path<String>,
    Query(parameters): Query<HashMap<String, String>>,
    Bearer(token): Bearer,
    Data(here): Here<'_>,
) -> Response {
    let given = parameters.get("input").map_or("{}", String::as_str);
    let given: Value = serde_json::from_str(given).unwrap_or_default();
    let is_batch = parameters.contains_key("batch");
    if procedure.ends_with(".accept") || procedure.ends_with(".reject") {
        return trpc(Reply::refused(405, "a mutation is sent by POST"), is_batch);
    }
    let reply = here.asked_by(
        SERVER,
        &procedure,
        &input(&given, is_batch),
        token.as_deref(),
    );
    trpc(reply, is_batch)
}

#[handler]
fn call(
    request: &Request,
    Path(procedure): Path<String>,
    Query(parameters): Query<HashMap<String, String>>,
    Bearer(token): Bearer,
    Body(body): Body,
    Data(here): Here<'_>,
) -> Response {
    let is_batch = parameters.contains_key("batch");
    if request.headers().contains_key(TRANSFER_ENCODING) {
        // The real gateway does not read such a body.
        return StatusCode::BAD_REQUEST.into_response();
    }
    say(&format!("\nCore was called: {procedure} {body}\n"));
    let reply = here.asked_by(
        SERVER,
        &procedure,
        &input(&body, is_batch),
        token.as_deref(),
    );
    trpc(reply, is_batch)
}

/// The same questions over REST.
fn rest(reply: Reply) -> Response {
    answer((reply.status, reply.body))
}

#[handler]
fn read(Path(id): Path<String>, Bearer(token): Bearer, Data(here): Here<'_>) -> Response {
    let input = json!({"eventId": id});
    rest(here.asked_by(SERVER, "event.get", &input, token.as_deref()))
}

#[handler]
fn search(Bearer(token): Bearer, Body(body): Body, Data(here): Here<'_>) -> Response {
    rest(here.asked_by(SERVER, "event.search", &body, token.as_deref()))
}

#[handler]
async fn registration(Bearer(token): Bearer, Body(body): Body, Data(here): Here<'_>) -> Response {
    let here = here.clone();
    // The middleware and MOSIP go on even if the caller has given up.
    let work = async move { here.registration(token.as_deref(), &body).await };
    match tokio::spawn(work).await {
        Ok(answered) => answer(answered),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[handler]
fn update(Bearer(token): Bearer, Body(body): Body, Data(here): Here<'_>) -> Response {
    answer(here.update(token.as_deref(), &body))
}

#[handler]
fn verify(Bearer(token): Bearer, Body(body): Body, Data(here): Here<'_>) -> Response {
    match here.verify(token.as_deref(), &body) {
        (_, Ok(verdict)) => verdict.into_response(),
        (status, Err(body)) => answer((status, body)),
    }
}

#[handler]
fn transactions(Bearer(token): Bearer, Data(here): Here<'_>) -> Response {
    answer(here.transactions(token.as_deref()))
}

#[handler]
fn delete_transaction(
    Path(id): Path<String>,
    Bearer(token): Bearer,
    Data(here): Here<'_>,
) -> Response {
    answer(here.delete_transaction(token.as_deref(), &id))
}

#[handler]
fn oidp_user_info(
    Query(query): Query<HashMap<String, String>>,
    Bearer(token): Bearer,
    Body(body): Body,
    Data(here): Here<'_>,
) -> Response {
    answer(here.oidp_user_info(token.as_deref(), &query, &body))
}

#[handler]
fn esignet_token(
    poem::web::Form(form): poem::web::Form<HashMap<String, String>>,
    Data(here): Here<'_>,
) -> Response {
    let text = |name: &str| form.get(name).map_or("", String::as_str);
    let is_right =
        text("grant_type") == "authorization_code" && !text("client_assertion").is_empty();
    let token = here
        .esignet
        .token(text("code"), text("client_id"), text("redirect_uri"));
    match token.filter(|_| is_right) {
        Some(token) => answer((
            200,
            json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}),
        )),
        None => answer((400, json!({"error": "invalid_grant"}))),
    }
}

/// Signed, as eSignet answers.
#[handler]
fn esignet_user_info(Bearer(token): Bearer, Data(here): Here<'_>) -> Response {
    let info = token.and_then(|token| here.user_info(&token));
    match info.and_then(|info| here.signer.token(&info).ok()) {
        Some(jwt) => jwt.with_content_type("application/jwt").into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

#[handler]
fn sms(request: &Request, Body(body): Body, Data(here): Here<'_>) -> Response {
    answer(here.take_sms(request.header(AUTHORIZATION), &body))
}

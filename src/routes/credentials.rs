// SPDX-License-Identifier: MPL-2.0
//! Verifiable credentials of registered births, asked for by the forms.

use super::App;
use super::authority::{Authority, Authorized, CORE_TOKEN, NO_KEY, NO_TOKEN, Scheme, token};
use super::body::Unread;
use super::openapi_meta::{BAD_BODY, Refusals, Refused, SLOW_BODY, Statuses, Tag};
use crate::auth::Token;
use crate::problem::Problem;
use country::credential_template::CredentialKind;
use handlers::core_client::CoreError;
use handlers::integrations::credentials::{self, CredentialError};
use opencrvs_toolkit::event_document::EventId;
use poem::Request;
use poem::http::StatusCode;
use poem::http::header::REFERER;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::Deserialize;
use std::sync::Arc;
use uuid::Uuid;
use validator::Validate;

/// The custom action whose form asks for an offer.
const ISSUE: &str = "ISSUE_VERIFIABLE_CREDENTIAL";

/// Size limit of a body. A path and an id are short.
const BODY_LIMIT: usize = 16 * 1024;

pub(super) struct CredentialsApi(pub(super) Arc<App>);

/// Which record.
#[derive(Object, Deserialize, Validate)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct Asked {
    /// Path of the page in core's client: it names the record.
    pathname: Option<String>,
    /// The record itself, where the path does not name it.
    event_id: Option<String>,
}

/// An offer of a credential.
#[derive(Object)]
struct Offer {
    /// For wallets on the same device.
    credential_offer_uri: String,
    /// The same as a picture, a `data:` URL.
    credential_offer_uri_qr: String,
}

/// A credential for paper.
#[derive(Object)]
struct Paper {
    /// Signed by the issuer.
    credential: String,
    /// The same as a picture, a `data:` URL.
    credential_qr: String,
}

#[derive(ApiResponse)]
enum OfferReply {
    /// The offer
    #[oai(status = 200)]
    Issued(Json<Offer>),
}

#[derive(ApiResponse)]
enum PaperReply {
    /// The credential
    #[oai(status = 200)]
    Issued(Json<Paper>),
}

struct NotIssued;
impl Refusals for NotIssued {
    const STATUSES: Statuses = &[
        BAD_BODY,
        (404, "Core shows no such record, or no issuer is set"),
        SLOW_BODY,
        (
            409,
            "The record is not one that is issued for, or not the one on the page",
        ),
        (413, "More than 16 KiB"),
        (502, "Core or the issuer does not answer as it should"),
    ];
}

const NOT_ALLOWED: Statuses = &[NO_TOKEN, (403, "The token does not allow it"), NO_KEY];

/// The authority to have offers issued, on records of some type at least.
struct MayOffer;

impl Authority for MayOffer {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN];
    const REFUSALS: Statuses = NOT_ALLOWED;
    type Grant = IssuingToken;

    async fn check(app: &App, request: &Request) -> Result<IssuingToken, Problem> {
        IssuingToken::new(CredentialKind::Offer, app, request).await
    }
}

/// The authority to have credentials for paper issued, on records of some type at least.
struct MayPrint;

impl Authority for MayPrint {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN];
    const REFUSALS: Statuses = NOT_ALLOWED;
    type Grant = IssuingToken;

    async fn check(app: &App, request: &Request) -> Result<IssuingToken, Problem> {
        IssuingToken::new(CredentialKind::Paper, app, request).await
    }
}

/// A token that allows a kind of credentials.
struct IssuingToken {
    kind: CredentialKind,
    token: Token,
}

impl IssuingToken {
    async fn new(kind: CredentialKind, app: &App, request: &Request) -> Result<Self, Problem> {
        let token = token(app, request).await?;
        app.credentials.issuer(kind).map_err(refused)?;
        let token = Self { kind, token };
        if token.is_for(None) {
            return Ok(token);
        }
        let (scope, action) = token.scope();
        let action = action.map(|(_, name)| format!(" for `{name}`"));
        let message = format!(
            "the token has no scope `{scope}`{}",
            action.unwrap_or_default()
        );
        Err(Problem::new(StatusCode::FORBIDDEN, message))
    }

    /// The scope that a token needs, and the option that must not exclude the action.
    fn scope(&self) -> (&'static str, Option<(&'static str, &'static str)>) {
        match self.kind {
            CredentialKind::Offer => ("record.custom-action", Some(("customActionTypes", ISSUE))),
            CredentialKind::Paper => ("record.print-certified-copies", None),
        }
    }

    /// Checks whether it holds for records of a type; of any type, if there is none.
    fn is_for(&self, event: Option<&str>) -> bool {
        let (scope, action) = self.scope();
        let event = event.map(|event| ("event", event));
        let options: Vec<_> = action.into_iter().chain(event).collect();
        self.token.may_with(scope, &options)
    }
}

#[OpenApi(tag = "Tag::Forms")]
impl CredentialsApi {
    /// An offer of a verifiable credential, for a wallet
    ///
    /// With a user's token that allows the action `ISSUE_VERIFIABLE_CREDENTIAL` on records of this type, and
    /// for a record that core shows its bearer: registered, with nothing open. The issuer is that of
    /// `VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL`.
    #[oai(
        path = "/verifiable-credentials/credential-offer",
        method = "post",
        operation_id = "requestCredentialOffer"
    )]
    async fn offer(
        &self,
        Authorized(token): Authorized<MayOffer>,
        request: &Request,
        asked: Unread<Asked>,
    ) -> Result<OfferReply, Refused<NotIssued>> {
        let (credential_offer_uri, credential_offer_uri_qr) =
            self.issue(&token, request, asked).await?;
        Ok(OfferReply::Issued(Json(Offer {
            credential_offer_uri,
            credential_offer_uri_qr,
        })))
    }

    /// A verifiable credential, for the certificate
    ///
    /// With a user's token that allows printing, and for a record that core shows its bearer: registered,
    /// with nothing open. The issuer is that of `VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL`.
    #[oai(
        path = "/verifiable-credentials/paper-credential",
        method = "post",
        operation_id = "requestPaperCredential"
    )]
    async fn paper(
        &self,
        Authorized(token): Authorized<MayPrint>,
        request: &Request,
        asked: Unread<Asked>,
    ) -> Result<PaperReply, Refused<NotIssued>> {
        let (credential, credential_qr) = self.issue(&token, request, asked).await?;
        Ok(PaperReply::Issued(Json(Paper {
            credential,
            credential_qr,
        })))
    }
}

impl CredentialsApi {
    /// The issuer's answer, and its picture.
    async fn issue(
        &self,
        token: &IssuingToken,
        request: &Request,
        asked: Unread<Asked>,
    ) -> Result<(String, String), Problem> {
        let event = event(request, &asked.read(BODY_LIMIT).await?)?;
        let country = self.0.country.load_full();
        let today = country.policy.today(self.0.hooks.clock.now());
        let visible = country.policy.visibility.on(today);
        let (kind, text) = (token.kind, &token.token.text);
        let may = |event: &str| token.is_for(Some(event));
        let credentials = &self.0.credentials;
        let issuing = credentials.issue(kind, &event, &country.credentials, visible, text, may);
        let issued = issuing.await.map_err(refused)?;
        let picture = credentials::picture(kind, &issued).map_err(|error| {
            let message = "what the issuer answered does not fit into a QR code";
            Problem::new(StatusCode::BAD_GATEWAY, message).caused_by(error)
        })?;
        Ok((issued, picture))
    }
}

/// The record that a request is about. Core's client fills the path into its form once and may send it
/// again for the next record: a request from the page of another record is refused.
fn event(request: &Request, asked: &Asked) -> Result<EventId, Problem> {
    let named = asked
        .event_id
        .as_deref()
        .and_then(|id| Uuid::parse_str(id).ok());
    let named = named
        .or_else(|| event_in(asked.pathname.as_deref()?))
        .ok_or_else(|| {
            let message =
                "the record is missing: `pathname` is not a path like /events/ID, and `eventId` is not an id";
            Problem::new(StatusCode::BAD_REQUEST, message)
        })?;
    let page = request.headers().get(REFERER);
    let page = page.and_then(|page| page.to_str().ok()).and_then(event_in);
    if page.is_some_and(|page| page != named) {
        let message = "the page shows another record than the one that is named; load it again";
        return Err(Problem::new(StatusCode::CONFLICT, message));
    }
    Ok(EventId::new(named.to_string()))
}

/// The id in the path of a page: `…/events/ID…` or `…/print-certificate/ID…`.
fn event_in(path: &str) -> Option<Uuid> {
    let parts: Vec<_> = path.split(['/', '?', '#']).collect();
    let after = parts.iter().position(|part| *part == "events")? + 1;
    let mut rest = parts.iter().skip(after).take(2);
    rest.find_map(|part| Uuid::try_parse(part).ok())
}

fn refused(error: CredentialError) -> Problem {
    let status = match &error {
        CredentialError::Off(_)
        | CredentialError::Record(_, CoreError::Status(StatusCode::NOT_FOUND)) => {
            StatusCode::NOT_FOUND
        }
        CredentialError::Record(
            _,
            CoreError::Status(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
        )
        | CredentialError::NotAllowed(_) => StatusCode::FORBIDDEN,
        CredentialError::NoTemplate { .. }
        | CredentialError::NotRegistered
        | CredentialError::Revoked
        | CredentialError::Unsettled
        | CredentialError::Lacks(_) => StatusCode::CONFLICT,
        CredentialError::Record(..)
        | CredentialError::Places(_)
        | CredentialError::Issuer(_)
        | CredentialError::Refused(_)
        | CredentialError::Answer => StatusCode::BAD_GATEWAY,
    };
    Problem::new(status, error.to_string()).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ID: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

    #[rstest]
    #[case("/events/6ba7b810-9dad-41d1-80b4-00c04fd430c8", true)]
    #[case("/events/6BA7B810-9DAD-41D1-80B4-00C04FD430C8/overview", true)]
    #[case(
        "/events/print-certificate/6ba7b810-9dad-41d1-80b4-00c04fd430c8/pages/payment?x=1",
        true
    )]
    #[case(
        "https://register.crvs.example/events/custom-action/6ba7b810-9dad-41d1-80b4-00c04fd430c8#top",
        true
    )]
    #[case("/events/overview", false)]
    #[case("/workqueue/recent/6ba7b810-9dad-41d1-80b4-00c04fd430c8", false)]
    #[case("/events/6ba7b810-9dad-41d1-80b4", false)]
    #[case("", false)]
    fn pages_name_records(#[case] path: &str, #[case] named: bool) {
        assert_eq!(event_in(path), named.then(|| ID.parse().unwrap()));
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The login page of eSignet.

use super::super::esignet::Authorize;
use super::{Form, Here, text};
use crate::pages::{self, Page, Site};
use crate::sandbox::StandIns;
use maud::{Markup, html};
use poem::http::header::CONTENT_SECURITY_POLICY;
use poem::http::{HeaderValue, StatusCode, header::LOCATION};
use poem::web::Data;
use poem::{Request, Response, handler};

const SITE: Site = Site {
    name: "eSignet (sandbox)",
    sections: &[],
};

/// A number without an identity.
const NOBODY: &str = "0000000000";

fn shown(here: &StandIns, title: &str, content: Markup) -> Response {
    let version = here.changes.version();
    let page = Page {
        site: SITE,
        section: "",
        title,
        version: &version,
        controls: html! {},
        notice: html! {},
        content,
    };
    pages::html(page.render())
}

fn refused(here: &StandIns, why: &str) -> Response {
    let mut response = shown(
        here,
        "This login cannot be shown",
        html! { p.banner.bad { (why) } },
    );
    response.set_status(StatusCode::BAD_REQUEST);
    response
}

/// The parameters of the login page, or the reason why there is none.
fn authorize(request: &Request) -> Result<Authorize, String> {
    let asked: Authorize = request.params().map_err(|_| {
        "a parameter is missing; the page needs client_id, response_type, scope, acr_values, claims, redirect_uri and state".to_owned()
    })?;
    match asked.problem() {
        None => Ok(asked),
        Some(problem) => Err(problem.to_owned()),
    }
}

#[handler]
pub(in crate::sandbox) fn login(request: &Request, Data(here): Here<'_>) -> Response {
    let asked = match authorize(request) {
        Ok(asked) => asked,
        Err(why) => return refused(here, &why),
    };
    let people = here.mosip.people();
    let action = format!("/authorize?{}", request.uri().query().unwrap_or_default());
    let content = html! {
        p.lead { "The stand-in of eSignet, where a person logs in with a national ID. " (asked.client_id) " asks for name, date of birth and number." }
        form.card method="post" action=(action) {
            label for="nid" { "Who are you?" }
            select #nid name="nid" {
                @for person in people.iter().filter(|person| !person.deceased) {
                    option value=(person.nid) { (person.name()) ", " (person.birth_date) ", " (person.nid) }
                }
            }
            p.row {
                button.primary name="do" value="login" { "Log in" }
                button name="do" value="nobody" { "Log in as somebody unknown" }
                button name="do" value="cancel" { "Cancel" }
            }
        }
    };
    let mut response = shown(here, "Log in", content);
    // The answer to the form leads back to the caller.
    let back = reqwest::Url::parse(&asked.redirect_uri).ok();
    let back = back
        .map(|url| url.origin().ascii_serialization())
        .unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'self' {back}; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[handler]
pub(in crate::sandbox) fn logged_in(
    request: &Request,
    poem::web::Form(form): poem::web::Form<Form>,
    Data(here): Here<'_>,
) -> Response {
    let asked = match authorize(request) {
        Ok(asked) => asked,
        Err(why) => return refused(here, &why),
    };
    let code = |nid: &str| here.esignet.code(nid, &asked);
    let back = match text(&form, "do") {
        "cancel" => asked.back(&[("error", "access_denied")]),
        "nobody" => asked.back(&[("code", &code(NOBODY))]),
        _ => asked.back(&[("code", &code(text(&form, "nid")))]),
    };
    leave(here, &asked, back)
}

fn leave(here: &StandIns, asked: &Authorize, back: Option<String>) -> Response {
    let Some(location) = back.and_then(|back| HeaderValue::from_str(&back).ok()) else {
        return refused(
            here,
            &format!("`{}` is not a URL to go back to", asked.redirect_uri),
        );
    };
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(LOCATION, location)
        .finish()
}

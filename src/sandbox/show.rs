// SPDX-License-Identifier: MPL-2.0
//! The pages of the sandbox.

use super::{BAD_DAYS, StandIns, core_stand_in};
use crate::pages::{self, Page, Section, Site};
use maud::{Markup, html};
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Response, Route, get, post};
use std::collections::HashMap;
use std::sync::Arc;

mod certificate;
mod declare;
mod esignet;
mod inbox;
mod operator;
mod people;
mod record;
mod records;

pub(super) use declare::Drafts;
pub(super) use esignet::{logged_in, login};

const SITE: Site = Site {
    name: "Sandbox",
    sections: &[
        Section {
            path: "/",
            name: "Records",
        },
        Section {
            path: "/inbox",
            name: "Inbox",
        },
        Section {
            path: "/people",
            name: "People",
        },
        Section {
            path: "/bad-days",
            name: "Bad days",
        },
        Section {
            path: "/operator",
            name: "Operator",
        },
    ],
};

type Here<'a> = Data<&'a Arc<StandIns>>;
type Form = HashMap<String, String>;

/// All pages.
pub(super) fn pages(here: &Arc<StandIns>) -> impl Endpoint<Output = Response> + use<> {
    Route::new()
        .at("/", get(records::list))
        .at("/samples/:word", post(records::declare_sample))
        .at("/declare", get(declare::shown).post(declare::declared))
        .at("/identified", get(declare::returned))
        .at("/records/:id", get(record::shown))
        .at("/records/:id/json", get(record::json))
        .at("/records/:id/act", post(record::act))
        .at("/records/:id/certificate.svg", get(certificate::shown))
        .at("/again/:entry", post(record::again))
        .at("/inbox", get(inbox::list))
        .at("/inbox/:id", get(inbox::letter))
        .at("/people", get(people::list))
        .at(
            "/bad-days",
            get(operator::bad_days).post(operator::switched),
        )
        .at("/operator", get(operator::shown).post(operator::run))
        .data(here.clone())
        .map_to_response()
}

/// A page of a section.
fn page(here: &StandIns, section: &str, title: &str, content: Markup) -> Response {
    let switched = BAD_DAYS
        .iter()
        .filter(|known| here.bad_days.is_switched(None, known.bad_day));
    let switched: Vec<_> = switched.map(|known| known.title).collect();
    let notice = html! {
        @if !switched.is_empty() {
            p.banner.warn { "A bad day for all records: " (switched.join("; ")) ". " a href="/bad-days" { "Change" } }
        }
    };
    let version = here.changes.version();
    let page = Page {
        site: SITE,
        section,
        title,
        version: &version,
        controls: html! {},
        notice,
        content,
    };
    pages::html(page.render())
}

/// A page with the reason why an action was not done.
fn not_done(here: &StandIns, section: &str, why: &str) -> Response {
    let content = html! { p.banner.bad { (why) } p { a href="/" { "All records" } } };
    let mut response = page(here, section, "Not done", content);
    response.set_status(StatusCode::CONFLICT);
    response
}

fn not_found(here: &StandIns) -> Response {
    let content = html! { p { "This page does not exist, or its record was deleted. " a href="/" { "All records" } } };
    let mut response = page(here, "/", "Not found", content);
    response.set_status(StatusCode::NOT_FOUND);
    response
}

/// A value of a form.
fn text<'a>(form: &'a Form, name: &str) -> &'a str {
    form.get(name).map_or("", |text| text.trim())
}

/// The state of a record, as a coloured word.
fn state(document: &opencrvs_toolkit::event_document::EventDocument) -> Markup {
    let status = core_stand_in::index::status(document);
    let waits = core_stand_in::pending(document);
    html! {
        @match waits {
            Some(action) => span.tag.warn { (action.action_type.as_str()) " pending" },
            None if status == "REGISTERED" => span.tag.good { "Registered" },
            None => span.tag { (status.to_lowercase()) },
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The frame of the web pages that this program serves on its own listener: layout, style, live
//! updates, and the checks that keep other pages of the browser out.
//!
//! A page is rendered here, complete, on every request; it works without its script. The script
//! sends a form when an input changes, and brings the new page into the old one without losing the
//! focus. **Invariant:** everything that a page shows passes through `maud`, which escapes it, and a
//! page runs no script and uses no style but the two files embedded here.

mod changes;
mod guard;
mod layout;
mod listen;

pub use changes::Changes;
pub use guard::Hosts;
pub use layout::{Page, Section, Site};
pub use listen::listen;

use maud::Markup;
use poem::http::StatusCode;
use poem::http::header::{CONTENT_TYPE, LOCATION};
use poem::web::Data;
use poem::{Endpoint, EndpointExt, Response, Route, get, handler};

const STYLE: &str = include_str!("pages/style.css");
const SCRIPT: &str = include_str!("pages/script.js");

/// Pages with their assets and their stream of changes, open to requests for these hosts only.
pub fn endpoint(
    pages: impl Endpoint<Output = Response> + 'static,
    changes: Changes,
    hosts: Hosts,
) -> impl Endpoint<Output = Response> {
    Route::new()
        .at("/pages/style.css", get(style))
        .at("/pages/script.js", get(script))
        .at("/pages/changes", get(stream.data(changes)))
        .nest("/", pages)
        .around(move |next, request| guard::guarded(next, request, hosts.clone()))
}

#[handler]
fn style() -> Response {
    with_type("text/css; charset=utf-8", STYLE)
}

#[handler]
fn script() -> Response {
    with_type("text/javascript; charset=utf-8", SCRIPT)
}

#[handler]
fn stream(Data(changes): Data<&Changes>) -> Response {
    changes.stream()
}

/// An answer with a page or a part of one.
pub fn html(markup: Markup) -> Response {
    with_type("text/html; charset=utf-8", markup.into_string())
}

/// An answer of this content type.
pub fn with_type(content_type: &'static str, body: impl Into<poem::Body>) -> Response {
    Response::builder()
        .header(CONTENT_TYPE, content_type)
        .body(body)
}

/// The answer to a form that was sent: the browser loads a page. The path is one of this program's.
pub fn see_other(path: &str) -> Response {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(LOCATION, path)
        .finish()
}

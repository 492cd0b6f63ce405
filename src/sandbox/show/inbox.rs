// SPDX-License-Identifier: MPL-2.0
//! The messages to informants and users.

use super::{Here, not_found, page};
use crate::pages::with_type;
use maud::html;
use poem::http::HeaderValue;
use poem::http::header::CONTENT_SECURITY_POLICY;
use poem::web::{Data, Path};
use poem::{Response, handler};

/// The policy of a message in a frame: it runs nothing and loads nothing.
const OF_MESSAGE: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'";

#[handler]
pub(super) fn list(Data(here): Here<'_>) -> Response {
    let messages = here.inbox.all();
    let content = html! {
        p.lead { "E-mails and SMS of this server. None of them leaves this machine." }
        @if messages.is_empty() { p.soft { "None yet." } }
        @for message in &messages {
            article.card {
                p.row.spread {
                    strong { @match &message.subject { Some(subject) => (subject), None => "SMS" } }
                    span.soft.small { (format!("{:.0}", message.at)) }
                }
                p.small { "To " (message.to)
                    @if let Some(event) = &message.event { " · " a href={ "/records/" (event) } { "record" } }
                }
                @if message.html.is_some() {
                    iframe.letter title="The e-mail" src={ "/inbox/" (message.id) } loading="lazy" {}
                    details id={ "text-" (message.id) } { summary { "Plain text" } pre { (message.text) } }
                } @else {
                    pre { (message.text) }
                }
            }
        }
    };
    page(here, "/inbox", "Inbox", content)
}

/// The HTML of a message.
#[handler]
pub(super) fn letter(Path(id): Path<u64>, Data(here): Here<'_>) -> Response {
    let message = here.inbox.one(id);
    let Some(html) = message.and_then(|message| message.html) else {
        return not_found(here);
    };
    let mut response = with_type("text/html; charset=utf-8", html);
    let policy = HeaderValue::from_static(OF_MESSAGE);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    response
}

// SPDX-License-Identifier: MPL-2.0
//! Certificates and messages, filled in with the record on the desk.

use super::Studio;
use super::forms::title_of;
use super::model::{DECLARATION, Model, Places};
use super::view::{self, View};
use crate::certificate_fonts::with_fonts;
use crate::pages;
use country::certificates::{Certificate, Place, Record};
use country::notification;
use country::notification::messages::{MESSAGES, Message};
use country::notification::templates::Variables;
use maud::{Markup, html};
use poem::http::HeaderValue;
use poem::http::header::CONTENT_SECURITY_POLICY;
use poem::web::{Data, Path, Query};
use poem::{Response, handler};
use serde_json::Value;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

mod sms;

/// What a drawing or an e-mail may do on its own: neither scripts nor requests.
const DRAWING: &str = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:; frame-ancestors 'self'";

/// Which record is filled in.
#[derive(Clone, Copy, PartialEq)]
enum Filling {
    /// That of the forms.
    Desk,
    /// That of `certificates/samples`.
    Sample,
}

impl Filling {
    fn of(query: &HashMap<String, String>) -> Self {
        if query.get("record").is_some_and(|word| word == "sample") {
            Self::Sample
        } else {
            Self::Desk
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Sample => "sample",
        }
    }
}

#[handler]
pub(super) fn get_papers(
    Data(studio): Data<&Arc<Studio>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    view::with(studio, |view| {
        let filling = Filling::of(&query);
        let chosen = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let content = html! {
            form #choice.row.end method="get" action="/papers" data-live {
                (certificate_choice(view, chosen("certificate")))
                (message_choice(chosen("message")))
                div {
                    label for="record" { "Record" }
                    select #record name="record" {
                        option value="desk" selected[filling == Filling::Desk] { "the one of the forms" }
                        option value="sample" selected[filling == Filling::Sample] { "the sample of the files" }
                    }
                }
                noscript { button { "Show" } }
            }
            div.split.even {
                section { (certificate_shown(view, chosen("certificate"), filling)) }
                section { (message_shown(view, chosen("message"))) }
            }
        };
        view.page("/papers", "/papers", "Certificates and messages", content)
    })
}

fn certificate_choice(view: &View, chosen: &str) -> Markup {
    html! {
        div {
            label for="certificate" { "Certificate" }
            select #certificate name="certificate" {
                @for certificate in view.model.certificates.iter() {
                    option value=(certificate.id) selected[certificate.id == chosen] { (certificate.id) }
                }
            }
        }
    }
}

fn message_choice(chosen: &str) -> Markup {
    html! {
        div {
            label for="message" { "Message" }
            select #message name="message" {
                @for message in &MESSAGES { option value=(message.word) selected[message.word == chosen] { (message.word) } }
            }
        }
    }
}

fn find<'m>(model: &'m Model, id: &str) -> Option<&'m Certificate> {
    let named = model.certificates.iter().find(|known| known.id == id);
    named.or(model.certificates.iter().next())
}

fn certificate_shown(view: &View, id: &str, filling: Filling) -> Markup {
    let Some(certificate) = find(&view.model, id) else {
        return html! { h2 { "Certificate" } p.soft { "The country has none." } };
    };
    // The address differs when what is drawn does: browsers keep pictures.
    let path = format!(
        "/papers/certificate/{}?record={}&as={}",
        certificate.id,
        filling.word(),
        view.mark()
    );
    html! {
        h2 { (certificate.id) }
        @match drawing(view, certificate, filling) {
            Ok(_) => {
                a href=(path) { img.paper src=(path) alt={"The certificate " (certificate.id) ", filled in"}; }
                p.hint { "In the language " (view.desk.language) ". Opened alone it can be printed or saved as PDF." }
            },
            Err(why) => p.banner.bad { "It cannot be filled in with this record: " (why) },
        }
    }
}

/// The certificate as core's client would print it.
fn drawing(view: &View, certificate: &Certificate, filling: Filling) -> Result<String, String> {
    let model = &view.model;
    let mut record = certificate
        .sample(&model.files)
        .map_err(|problem| problem.to_string())?;
    if filling == Filling::Desk {
        record.declaration = view.desk.answers(&certificate.event, DECLARATION);
        name_places(&model.places, &mut record);
    }
    let client = model
        .clients
        .iter()
        .find(|(language, _)| *language == view.desk.language);
    let (_, client) = client
        .or(model.clients.first())
        .ok_or("the country has no language")?;
    let svg = certificate
        .render(&record, client)
        .map_err(|error| error.to_string())?;
    with_fonts(&svg, certificate, &model.files).map_err(|error| error.to_string())
}

/// Names the places of the answers as core does: by ids of its own, whose names the record knows.
fn name_places(places: &Places, record: &mut Record) {
    let mut named = Vec::new();
    for value in record.declaration.values_mut() {
        let value = match value {
            Value::Object(address) => address.get_mut("administrativeArea"),
            other => Some(other),
        };
        if let Some(Value::String(id)) = value
            && places.get(id).is_some()
        {
            let cores = core_id(id);
            named.push(std::mem::replace(id, cores));
        }
    }
    for place in named.iter().flat_map(|id| places.path(id)) {
        let id = core_id(&place.id);
        let known = Place {
            name: place.name.clone(),
            parent_id: place.parent.as_deref().map(core_id),
        };
        match place.kind {
            Some(_) => record.locations.insert(id, known),
            None => record.administrative_areas.insert(id, known),
        };
    }
}

/// An id of core's for a place: the same for the same place.
fn core_id(id: &str) -> String {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let bytes = u128::from(hasher.finish()).to_be_bytes();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

#[handler]
pub(super) fn get_certificate(
    Data(studio): Data<&Arc<Studio>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    view::with(studio, |view| {
        let known = view
            .model
            .certificates
            .iter()
            .find(|certificate| certificate.id == id);
        let Some(known) = known else {
            return view::not_found("such certificate");
        };
        match drawing(view, known, Filling::of(&query)) {
            Ok(svg) => on_its_own("image/svg+xml", svg),
            Err(why) => view::not_found(&format!("drawing: {why}")),
        }
    })
}

/// The HTML of an e-mail, for the frame in the page.
#[handler]
pub(super) fn get_letter(Data(studio): Data<&Arc<Studio>>, Path(word): Path<String>) -> Response {
    view::with(studio, |view| {
        let Some(message) = Message::named(&word) else {
            return view::not_found("such message");
        };
        let language = Some(view.desk.language.as_str());
        let templates = &view.model.snapshot.notification.templates;
        match templates.email(message, language, variables(view, message)) {
            Ok(letter) => on_its_own("text/html; charset=utf-8", letter.html),
            Err(error) => view::not_found(&format!("letter: {error}")),
        }
    })
}

fn on_its_own(content_type: &'static str, content: String) -> Response {
    let mut response = pages::with_type(content_type, content);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(DRAWING));
    response
}

/// Made-up values, and those of the record on the desk where a message names them.
fn variables(view: &View, message: &Message) -> Variables {
    let mut variables = notification::sample(&view.model.snapshot.notification, message);
    let event = message
        .word
        .split('-')
        .next()
        .and_then(|event| view.model.event(event));
    if let Some(name) = event.and_then(|event| title_of(view, event)) {
        variables.insert("name".to_owned(), Value::from(name));
    }
    variables
}

fn message_shown(view: &View, word: &str) -> Markup {
    let Some(message) = Message::named(word).or(MESSAGES.first()) else {
        return html! {};
    };
    let templates = &view.model.snapshot.notification.templates;
    let language = Some(view.desk.language.as_str());
    let letter = templates.email(message, language, variables(view, message));
    let sms = templates.sms(message, language, variables(view, message));
    html! {
        h2 { (message.word) }
        @match letter {
            Ok(letter) => {
                p { "Subject: " strong { (letter.subject) } }
                iframe.paper src={"/papers/letter/" (message.word) "?as=" (view.mark())} sandbox="" title="The e-mail" {}
                details { summary { "As plain text" } pre.wrapped { (letter.text) } }
            },
            Err(error) => p.banner.bad { "The e-mail cannot be filled in: " (error) },
        }
        h3 { "SMS" }
        @match sms {
            Ok(Some(sms)) => {
                @let parts = sms::Parts::of(sms.trim_end());
                pre.wrapped { (sms.trim_end()) }
                p.hint { (parts.in_words()) }
            },
            Ok(None) => p.soft { "This message is sent by e-mail only." },
            Err(error) => p.banner.bad { "The SMS cannot be filled in: " (error) },
        }
    }
}

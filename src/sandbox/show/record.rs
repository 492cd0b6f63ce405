// SPDX-License-Identifier: MPL-2.0
//! One record: its state, the possible actions, the calls about it, and the view of an operator.

use super::super::core_stand_in::{self, NewAction, index};
use super::super::journal::{Again, Entry, SERVER};
use super::records::{answers, national_id, title};
use super::{Form, Here, not_done, not_found, operator, page, state, text};
use crate::pages::see_other;
use crate::sandbox::{StandIns, samples};
use maud::{Markup, html};
use opencrvs_toolkit::event_document::{ActionStatus, EventDocument, Fields};
use poem::web::{Data, Json, Path, Query};
use poem::{IntoResponse, Response, handler};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Number of characters of a body on the page.
const SHOWN: usize = 20_000;
/// The timeout of a repeated call.
const PATIENCE: Duration = Duration::from_secs(30);

#[handler]
pub(super) async fn shown(
    Path(id): Path<String>,
    Query(query): Query<Form>,
    Data(here): Here<'_>,
) -> Response {
    let Some(record) = here.core.record(&id) else {
        return not_found(here);
    };
    let said = here.journal.about(&id);
    let content = html! {
        div.split {
            div {
                (facts(&record))
                (actions(here, &record))
                h2 { "Time line" }
                (time_line(&said))
            }
            div {
                h2.first { "Bad days for this record" }
                (operator::switches(here, Some(&id)))
                h2 { "View of an operator" }
                (operator::of_record(here, &id, text(&query, "delivery")).await)
            }
        }
    };
    page(here, "/", &title(&record), content)
}

/// The record and its time line, for programs.
#[handler]
pub(super) fn json(Path(id): Path<String>, Data(here): Here<'_>) -> Response {
    let Some(record) = here.core.record(&id) else {
        return not_found(here);
    };
    let said: Vec<Value> = here.journal.about(&id).iter().map(Entry::json).collect();
    let waits = core_stand_in::pending(&record).map(|action| action.action_type.as_str());
    Json(json!({
        "status": index::status(&record), "flags": index::flags(&record), "waits": waits,
        "registrationNumber": record.registration_number(), "nationalId": national_id(&record),
        "record": record, "said": said,
    }))
    .into_response()
}

fn facts(record: &EventDocument) -> Markup {
    let of_registration = record.registration_number();
    html! {
        div.card {
            dl.facts {
                dt { "State" } dd { (state(record)) }
                dt { "Event" } dd { (record.event_type) }
                dt { "Tracking id" } dd.mono { (record.tracking_id.as_deref().unwrap_or("–")) }
                dt { "Registration number" } dd.mono { (of_registration.unwrap_or("none yet")) }
                @if record.event_type == "birth" {
                    dt { "National ID" } dd.mono { (national_id(record).unwrap_or_else(|| "none".to_owned())) }
                }
                @for (page, verdict) in identities(record) {
                    dt { "Identity of the " (page) } dd { (verdict) }
                }
                dt { "Record" } dd.mono.small { (record.id) " " a href={ "/records/" (record.id) "/json" } { "JSON" } }
            }
        }
    }
}

/// The people of a record with the status of their identity.
fn identities(record: &EventDocument) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (field, value) in &answers(record) {
        if let (Some(page), Some(verdict)) = (field.strip_suffix(".verified"), value.as_str()) {
            found.push((page.to_owned(), verdict.to_owned()));
        }
    }
    found
}

/// The button of an action.
fn button(record: &EventDocument, action: &str, label: &str, primary: bool) -> Markup {
    html! {
        form method="post" action={ "/records/" (record.id) "/act" } {
            input type="hidden" name="action" value=(action);
            button.primary[primary] { (label) }
        }
    }
}

fn actions(here: &StandIns, record: &EventDocument) -> Markup {
    let status = index::status(record);
    let waits = core_stand_in::pending(record).is_some();
    let is_rejected = index::flags(record).iter().any(|flag| flag == "rejected");
    html! {
        @if waits {
            p { "An action is pending: core refuses others until it is accepted or rejected." }
            div.row { (button(record, "ask", "Call the hook again (core itself never does)", false)) }
        } @else if is_rejected {
            p { "The record was rejected." }
        } @else if status == "DECLARED" {
            div.row {
                (button(record, "REGISTER", "Register", true))
                (button(record, "REJECT", "Reject", false))
            }
        } @else if status == "REGISTERED" {
            div.row {
                (button(record, "PRINT_CERTIFICATE", "Print a certificate", false))
                a.button href={ "/records/" (record.id) "/certificate.svg" } { "Show the certificate" }
            }
            @if record.event_type == "birth" { (correction(record)) }
        }
        @if !here.inbox.all().is_empty() { p.small { a href="/inbox" { "Messages to informants" } } }
    }
}

/// A correction of the child's name, requested and approved.
fn correction(record: &EventDocument) -> Markup {
    let answers = answers(record);
    let part = |part: &str| {
        let part = answers.get("child.name").and_then(|name| name.get(part));
        part.and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    html! {
        details #correct {
            summary { "Correct the child’s name" }
            form.fields method="post" action={ "/records/" (record.id) "/act" } {
                input type="hidden" name="action" value="correct";
                div { label for="firstname" { "First name" } input #firstname name="firstname" required value=(part("firstname")); }
                div { label for="surname" { "Surname" } input #surname name="surname" required value=(part("surname")); }
                button { "Correct and approve" }
            }
        }
    }
}

/// Does an action of the page.
#[handler]
pub(super) async fn act(
    Path(id): Path<String>,
    poem::web::Form(form): poem::web::Form<Form>,
    Data(here): Here<'_>,
) -> Response {
    let done = match text(&form, "action") {
        "ask" => here.ask_again(&id).await,
        "correct" => correct(here, &id, &form).await,
        "REJECT" => {
            let new = NewAction {
                content: Map::from_iter([("reason".to_owned(), "The ID card is missing".into())]),
                ..NewAction::of("REJECT")
            };
            here.act(&id, new).await
        }
        word @ ("REGISTER" | "PRINT_CERTIFICATE") => here.act(&id, NewAction::of(word)).await,
        _ => return not_found(here),
    };
    match done {
        Ok(_) => see_other(&format!("/records/{id}")),
        Err(why) => not_done(here, "/", &why.to_string()),
    }
}

/// Requests a correction and approves it.
async fn correct(here: &StandIns, id: &str, form: &Form) -> Result<u16, core_stand_in::NotTaken> {
    let name = samples::name(text(form, "firstname"), "", text(form, "surname"));
    let request = NewAction {
        declaration: Fields::from_iter([("child.name".to_owned(), name)]),
        annotation: Fields::from_iter([(
            "correction.request.reason".to_owned(),
            "CLERICAL_ERROR".into(),
        )]),
        ..NewAction::of("REQUEST_CORRECTION")
    };
    here.act(id, request).await?;
    let record = here
        .core
        .record(id)
        .ok_or(core_stand_in::NotTaken::NoRecord)?;
    let mut actions = record.actions.iter().rev();
    let accepted = actions.find(|action| {
        action.action_type.as_str() == "REQUEST_CORRECTION"
            && action.status == ActionStatus::Accepted
    });
    let approve = NewAction {
        request_id: accepted.map(|action| action.id.clone()),
        ..NewAction::of("APPROVE_CORRECTION")
    };
    here.act(id, approve).await
}

/// Repeats a call.
#[handler]
pub(super) async fn again(Path(entry): Path<u64>, Data(here): Here<'_>) -> Response {
    let Some(entry) = here.journal.entry(entry) else {
        return not_found(here);
    };
    match &entry.again {
        Some(Again::Credential(row)) => here.credential(row),
        Some(Again::Post { url, token }) => repeat(here, &entry, url, token).await,
        None => return not_found(here),
    }
    let event = entry.event.unwrap_or_default();
    see_other(&format!("/records/{event}"))
}

async fn repeat(here: &Arc<StandIns>, entry: &Entry, url: &str, token: &str) {
    let is_hook = entry.to == SERVER;
    let answer = here.post(url, token, &entry.body, PATIENCE).await;
    // The stand-ins add their own entries; the server adds none.
    let repeated = Entry::new(&entry.from, &entry.to, format!("{} (repeated)", entry.what));
    let repeated = repeated.about(entry.event.as_deref());
    match answer {
        Ok((status, body)) if is_hook => {
            let note = "Core does not get this answer.";
            let answer = core_stand_in::readable(&body);
            here.journal
                .write(repeated.answered(status, &answer).noting(note));
        }
        Ok(_) => {}
        Err(error) => {
            here.journal.write(repeated.noting(error));
        }
    }
}

/// The entries about a record, the oldest first.
fn time_line(said: &[Entry]) -> Markup {
    let Some(first) = said.first() else {
        return html! { p.soft { "No calls yet. The hook of this record is the curl command in the terminal; or call it here." } };
    };
    html! {
        ol.time-line {
            @for entry in said {
                @let after = entry.at.duration_since(first.at).as_secs_f64();
                li id={ "entry-" (entry.id) } {
                    div.row.spread {
                        span {
                            span.system { (entry.from) }
                            " → " span.system { (entry.to) }
                        }
                        span.soft.small.mono { "+" (format!("{after:.1}")) " s" }
                    }
                    p.what {
                        strong { (entry.what) }
                        @if let Some(status) = entry.status {
                            " " span.tag.good[status < 300].bad[status >= 300] { (status) }
                        }
                    }
                    @if let Some(note) = &entry.note { p.small.soft { (note) } }
                    @if let Some(reasons) = &entry.reasons {
                        details id={ "reasons-" (entry.id) } { summary { "Reasons of the rules" } pre { (reasons) } }
                    }
                    @if !entry.body.is_null() {
                        details id={ "body-" (entry.id) } { summary { "Request body" } pre { (pretty(&entry.body)) } }
                    }
                    @if !entry.answer.is_null() {
                        details id={ "answer-" (entry.id) } { summary { "Answer" } pre { (pretty(&entry.answer)) } }
                    }
                    @if entry.again.is_some() {
                        form.again method="post" action={ "/again/" (entry.id) } { button.quiet { "Send it again" } }
                    }
                }
            }
        }
    }
}

/// JSON to read.
fn pretty(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        value => format!("{value:#}"),
    };
    if text.len() <= SHOWN {
        return text;
    }
    text.chars()
        .take(SHOWN)
        .chain("\n… (cut)".chars())
        .collect()
}

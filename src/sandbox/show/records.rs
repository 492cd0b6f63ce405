// SPDX-License-Identifier: MPL-2.0
//! All records, and the samples.

use super::super::core_stand_in::NewAction;
use super::super::samples::{SAMPLES, Sample};
use super::{Here, not_done, not_found, page, state};
use crate::pages::see_other;
use crate::sandbox::StandIns;
use maud::html;
use opencrvs_toolkit::event_document::{EventDocument, Fields};
use poem::web::{Data, Path};
use poem::{Response, handler};
use serde_json::Value;

#[handler]
pub(super) fn list(Data(here): Here<'_>) -> Response {
    let records = here.core.records();
    let content = html! {
        p.lead {
            "Core, the middleware, MOSIP, eSignet, a mail server and an SMS gateway run in this program. "
            "Declare a birth or a death, and follow the calls between the systems."
        }
        p.soft.small {
            @match here.core.places.get() {
                Some(places) => {
                    "Core " (here.core.version) " knows " (places.all_locations().len()) " places of the country. The registrar is "
                    (places.registrar.firstname) " " (places.registrar.surname) "."
                }
                None => "Core has not read the places of the country yet.",
            }
        }
        h2 { "Declare" }
        div.grid {
            @for sample in &SAMPLES {
                form.card.sample method="post" action={ "/samples/" (sample.word) } {
                    p { strong { (capital(sample.event)) ": " (sample.title) } }
                    p.soft.small { (sample.what) }
                    p { button { "Declare" } }
                }
            }
            div.card {
                p { strong { "Another person" } }
                p.soft.small { "A short form, with identities of MOSIP or without, and with eSignet." }
                p.row {
                    a.button href="/declare?event=birth" { "A birth" }
                    a.button href="/declare?event=death" { "A death" }
                }
            }
        }
        h2 { "Records" }
        @if records.is_empty() {
            p.soft { "None yet." }
        } @else {
            div.scroll {
                table {
                    thead { tr { th { "Record" } th { "Event" } th { "State" } th { "Registration number" } th { "National ID" } } }
                    tbody {
                        @for record in &records {
                            tr {
                                td { a href={ "/records/" (record.id) } { (title(record)) } }
                                td { (record.event_type) }
                                td { (state(record)) }
                                td.mono { (record.registration_number().unwrap_or("–")) }
                                td.mono { (national_id(record).unwrap_or_else(|| "–".to_owned())) }
                            }
                        }
                    }
                }
            }
        }
    };
    page(here, "/", "Records", content)
}

/// Declares a sample.
#[handler]
pub(super) async fn declare_sample(Path(word): Path<String>, Data(here): Here<'_>) -> Response {
    let Some(sample) = Sample::named(&word) else {
        return not_found(here);
    };
    let declaration = sample.declaration(&here.mosip.people(), here.core.places.get());
    declare(here, sample.event, declaration).await
}

/// Creates a record, declares it, and shows it.
pub(super) async fn declare(here: &StandIns, event: &str, declaration: Fields) -> Response {
    let id = here.core.create(event);
    let new = NewAction {
        declaration,
        ..NewAction::of("DECLARE")
    };
    match here.act(id.as_str(), new).await {
        Ok(_) => see_other(&format!("/records/{id}")),
        Err(why) => not_done(here, "/", &why.to_string()),
    }
}

/// The answers of a record after its accepted and pending actions.
pub(super) fn answers(record: &EventDocument) -> Fields {
    let mut answers = Fields::new();
    let history = record.history();
    for action in &record.actions {
        if action.action_type.as_str() != "REQUEST_CORRECTION" {
            for (field, value) in history.complete_declaration(action) {
                answers.insert(field, value);
            }
        }
    }
    answers
}

/// The national ID that MOSIP has made for the child.
pub(super) fn national_id(record: &EventDocument) -> Option<String> {
    let nid = answers(record)
        .get("child.nid")
        .and_then(Value::as_str)
        .map(str::to_owned);
    nid.filter(|nid| !nid.is_empty())
}

/// The name of the child or the deceased.
pub(super) fn title(record: &EventDocument) -> String {
    let subject = if record.event_type == "death" {
        "deceased"
    } else {
        "child"
    };
    let answers = answers(record);
    let name = answers.get(&format!("{subject}.name"));
    let parts = ["firstname", "middlename", "surname"];
    let parts = parts.iter().filter_map(|part| name?.get(part)?.as_str());
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() {
        return record.tracking_id.clone().unwrap_or_default();
    }
    parts.join(" ")
}

/// A word with a capital letter.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

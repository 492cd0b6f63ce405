// SPDX-License-Identifier: MPL-2.0
//! A form as a sheet to print: what those sign off who do not read code.

use super::{DECLARATION, Place};
use crate::studio::Studio;
use crate::studio::model::{Field, items, text};
use crate::studio::view::{self, View};
use maud::{Markup, html};
use opencrvs_toolkit::describe::describe;
use poem::web::{Data, Path};
use poem::{Response, handler};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

#[handler]
pub(in crate::studio) fn get_sheet(
    Data(studio): Data<&Arc<Studio>>,
    Path(event): Path<String>,
) -> Response {
    view::with(studio, |view| {
        let Some(place) = view.place(&event, DECLARATION) else {
            return view::not_found("such event");
        };
        let title = format!("{}: declaration", view.say(&place.form.title));
        let content = html! {
            p.lead { (view.model.snapshot.application.name) ", " (view.today) ", language " (view.desk.language) }
            p.no-print { button type="button" data-print { "Print" } " " a href={"/forms?event=" (event)} { "Back to the form" } }
            (pages(view, place))
        };
        view.page("/forms", &format!("/forms/{event}/sheet"), &title, content)
    })
}

fn pages(view: &View, place: Place<'_>) -> Markup {
    let labels: HashMap<&str, String> = place
        .form
        .fields()
        .map(|field| (field.id.as_str(), view.say(field.label())))
        .collect();
    html! {
        @for (at, page) in place.form.pages.iter().enumerate() {
            h2 { (at + 1) ". " (view.say(&page.title)) }
            @if let Some(condition) = &page.condition { p { "Asked if " (in_labels(&describe(&condition.schema), &labels)) } }
            div.scroll { table {
                thead { tr { th.number { "No." } th { "Question" } th { "Answer" } th { "Required" } th { "Asked if" } th { "Must" } } }
                tbody {
                    @for (number, field) in page.fields.iter().filter(|field| field.asks()).enumerate() {
                        tr {
                            td.number { (at + 1) "." (number + 1) }
                            td { (view.say(field.label())) div.small.soft.mono { (field.id) } }
                            td { (answer(view, field)) }
                            td { @if field.required { "yes" } }
                            td { @for condition in &field.show { div { (in_labels(&describe(&condition.schema), &labels)) } } }
                            td { @for validation in items(&field.json, "validation") { div { (validation.get("message").map(|message| view.say(message)).unwrap_or_default()) } } }
                        }
                    }
                }
            } }
        }
        h2 { "Signed off" }
        div.grid {
            @for what in ["Name", "Office", "Date", "Signature"] { div.card.sign { (what) } }
        }
    }
}

/// The answers that a field takes, in words.
fn answer(view: &View, field: &Field) -> Markup {
    let options = items(&field.json, "options");
    html! {
        @match field.kind.as_str() {
            "TEXT" | "TEXTAREA" | "ID" => "text",
            "NUMBER" | "NUMBER_WITH_UNIT" | "AGE" => "number",
            "DATE" => "date",
            "CHECKBOX" => "yes or no",
            "NAME" => "name of a person",
            "ADDRESS" => "address",
            "COUNTRY" => "a country",
            "LOCATION" | "FACILITY" | "OFFICE" | "ADMINISTRATIVE_AREA" => "a place of the country",
            "FILE" | "FILE_WITH_OPTIONS" => "a file",
            "SIGNATURE" => "a signature",
            "SELECT" | "RADIO_GROUP" => "one of",
            other => (other.to_lowercase().replace('_', " ")),
        }
        @if !options.is_empty() {
            div.small { @for (n, option) in options.iter().enumerate() {
                @if n > 0 { ", " }
                (option.get("label").map_or_else(|| text(option, "value").to_owned(), |label: &Value| view.say(label)))
            } }
        }
    }
}

/// A condition with the labels of its fields in place of their ids.
fn in_labels(words: &str, labels: &HashMap<&str, String>) -> String {
    let label = |word: &str| {
        let bare = word.trim_matches(|c: char| "(),".contains(c));
        labels
            .get(bare)
            .map(|label| word.replace(bare, &format!("“{label}”")))
    };
    words
        .split(' ')
        .map(|word| label(word).unwrap_or_else(|| word.to_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}

// SPDX-License-Identifier: MPL-2.0
//! The switches of bad days, and the view of an operator: the commands of the terminal with their output.

use super::super::bad_days::{BAD_DAYS, BadDay};
use super::{Form, Here, not_done, not_found, page, text};
use crate::pages::see_other;
use crate::sandbox::StandIns;
use crate::settings::Settings;
use maud::{Markup, html};
use poem::web::Data;
use poem::{Response, handler};
use serde_json::Value;

#[handler]
pub(super) fn bad_days(Data(here): Here<'_>) -> Response {
    let content = html! {
        p.lead { "Faults that were seen at the real systems. These switches are for all records; the page of a record has the same switches for that record only." }
        (switches(here, None))
    };
    page(here, "/bad-days", "Bad days", content)
}

/// A switch for each fault.
pub(super) fn switches(here: &StandIns, event: Option<&str>) -> Markup {
    html! {
        ul.plain.switches {
            @for known in &BAD_DAYS {
                @let on = here.bad_days.is_switched(event, known.bad_day);
                li {
                    form.row method="post" action="/bad-days" {
                        input type="hidden" name="event" value=(event.unwrap_or_default());
                        input type="hidden" name="bad-day" value=(known.word);
                        input type="hidden" name="on" value=(if on { "false" } else { "true" });
                        button.small aria-pressed=(if on { "true" } else { "false" }) aria-label={ (known.title) ": " (if on { "On" } else { "Off" }) } { (if on { "On" } else { "Off" }) }
                        span { (known.title) @if on { " " span.tag.warn { "on" } } }
                    }
                    p.hint.small { (known.effect) }
                }
            }
        }
    }
}

#[handler]
pub(super) fn switched(
    poem::web::Form(form): poem::web::Form<Form>,
    Data(here): Here<'_>,
) -> Response {
    let event = Some(text(&form, "event")).filter(|event| !event.is_empty());
    let Ok(bad_day) = text(&form, "bad-day").parse::<BadDay>() else {
        return not_found(here);
    };
    here.bad_days
        .switch(event, bad_day, text(&form, "on") == "true");
    here.journal.touch();
    match event {
        Some(event) => see_other(&format!("/records/{event}")),
        None => see_other("/bad-days"),
    }
}

#[handler]
pub(super) async fn shown(Data(here): Here<'_>) -> Response {
    let folder = here
        .settings
        .get()
        .map_or("", |settings| settings.ledger.url.as_str());
    let content = html! {
        p.lead { "The view of an operator. These commands print the same in another terminal:" }
        pre { "export LEDGER_URL=" (folder) }
        (command(here, &["pending"]).await)
        (command(here, &["deliveries", "list", "--limit", "25"]).await)
        (clients(here))
    };
    page(here, "/operator", "Operator", content)
}

/// Core's system clients.
fn clients(here: &StandIns) -> Markup {
    html! {
        h2 { "System clients of core" }
        div.scroll {
            table {
                thead { tr { th { "Name" } th { "Scopes" } th { "Id" } } }
                tbody {
                    @for client in here.core.clients() {
                        tr { td { (client.name) } td.mono { (client.scopes.join(" ")) } td.mono { (client.id) } }
                    }
                }
            }
        }
    }
}

/// A command with its output.
async fn command(here: &StandIns, arguments: &[&str]) -> Markup {
    html! {
        h3.mono { "countryconfig " (arguments.join(" ")) }
        pre { (output(here, arguments).await) }
    }
}

async fn output(here: &StandIns, arguments: &[&str]) -> String {
    let Some(settings) = here.settings.get() else {
        return String::new();
    };
    let output = printed(here, arguments, settings).await;
    output.unwrap_or_else(|error| format!("error: {error:#}"))
}

async fn printed(
    here: &StandIns,
    arguments: &[&str],
    settings: &Settings,
) -> anyhow::Result<String> {
    let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
    (here.run_command)(arguments, settings.clone()).await
}

/// The deliveries of a record with the commands for them, and all about the delivery with the number `chosen`.
pub(super) async fn of_record(here: &StandIns, event: &str, chosen: &str) -> Markup {
    let listed = output(here, &["deliveries", "list", "--json", "--event", event]).await;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap_or_default();
    let field = |delivery: &Value, name: &str| match delivery.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    html! {
        @if listed.is_empty() { p.soft { "No deliveries." } }
        @for delivery in &listed {
            @let id = field(delivery, "id");
            @let state = field(delivery, "state");
            @let standing = field(delivery, "standing");
            div.card.delivery id={ "delivery-" (id) } {
                p {
                    strong { (field(delivery, "operation")) " to " (field(delivery, "destination")) } " "
                    span.tag.good[state == "delivered"].bad[state == "parked" || state == "refused"] { (state) }
                    @if standing != state { " " span.tag { (standing) } }
                }
                @if id == chosen {
                    p.mono.small { "countryconfig deliveries show " (id) }
                    pre { (output(here, &["deliveries", "show", &id]).await) }
                } @else {
                    p { a.mono.small href={ "/records/" (event) "?delivery=" (id) "#delivery-" (id) } { "countryconfig deliveries show " (id) } }
                }
                @if state == "waiting" || state == "parked" {
                    form.row method="post" action="/operator" {
                        input type="hidden" name="event" value=(event);
                        input type="hidden" name="delivery" value=(id);
                        button name="do" value="retry" aria-label={ "retry, delivery " (id) } { "retry" }
                        @if standing == "outcome unknown" {
                            button name="do" value="fresh" aria-label={ "retry --fresh, delivery " (id) } { "retry --fresh" }
                            button name="do" value="as-is" aria-label={ "retry --as-is, delivery " (id) } { "retry --as-is" }
                        }
                        @if state == "waiting" { button name="do" value="park" aria-label={ "park, delivery " (id) } { "park" } }
                    }
                }
            }
        }
        form.row method="post" action="/operator" {
            input type="hidden" name="event" value=(event);
            button name="do" value="ask" { "pending --ask" }
        }
        @if let Some(printed) = here.printed.lock().ok().and_then(|printed| printed.clone()).filter(|(of, _)| of == event) {
            pre { (printed.1) }
        }
    }
}

/// Runs a command of an operator.
#[handler]
pub(super) async fn run(
    poem::web::Form(form): poem::web::Form<Form>,
    Data(here): Here<'_>,
) -> Response {
    let (event, delivery) = (text(&form, "event"), text(&form, "delivery"));
    if delivery.parse::<u64>().is_err() && text(&form, "do") != "ask" {
        return not_found(here);
    }
    let retry = ["deliveries", "retry", delivery, "--yes"];
    let arguments = match text(&form, "do") {
        "retry" => retry.to_vec(),
        "fresh" => [&retry[..], &["--fresh"]].concat(),
        "as-is" => [&retry[..], &["--as-is"]].concat(),
        "park" => vec!["deliveries", "park", delivery, "--yes"],
        "ask" => vec!["pending", "--ask"],
        _ => return not_found(here),
    };
    let Some(settings) = here.settings.get() else {
        return not_found(here);
    };
    let printed = match printed(here, &arguments, settings).await {
        Ok(printed) => printed,
        Err(why) => return not_done(here, "/operator", &format!("{why:#}")),
    };
    if let Ok(mut kept) = here.printed.lock() {
        let command = arguments.join(" ");
        *kept = Some((
            event.to_owned(),
            format!("$ countryconfig {command}\n{printed}"),
        ));
    }
    if let Some(app) = here.app.get() {
        app.hooks.wake.notify_one();
    }
    here.journal.touch();
    see_other(&format!("/records/{event}"))
}

// SPDX-License-Identifier: MPL-2.0
//! The panel about one field: where it is defined, why it is shown or hidden, and what reads it.

use super::{DECLARATION, Look, Place, source_file};
use crate::studio::conditions::{explained, mark};
use crate::studio::model::{Condition, Field, Form, FormPage, Model, items, text};
use crate::studio::view::View;
use maud::{Markup, html};
use opencrvs_toolkit::conditional::{Conditional, fields_in};
use opencrvs_toolkit::describe::describe;
use opencrvs_toolkit::evaluate::{Context, Predicate};
use opencrvs_toolkit::words::words;
use serde_json::Value;

pub(super) fn panel(view: &View, place: Place<'_>, page: &str, look: &Look) -> Markup {
    let context = view.form_context(place);
    let found = found(place, page, &look.field, &context);
    let Some((form, page, field)) = found else {
        return html! {
            h2 { "About a field" }
            p.soft { "Choose the id below a field to see where it is defined, why it is shown or hidden, and what reads it." }
            @if let Some(page) = place.form.page(page) { (page_condition(page, &context)) }
        };
    };
    let value = context.value(&field.id);
    html! {
        h2.mono { (field.id) }
        dl.facts {
            dt { "Label" } dd { (view.say(field.label())) " " span.small.soft.mono { (text(field.label(), "id")) } }
            dt { "Type" } dd { code { (field.kind) } }
            dt { "Value" } dd { @match value { Some(value) => code { (value) }, None => span.soft { "not answered" } } }
            dt { "Defined" } dd { (defined(view, place, form, page, field)) }
        }
        @if field.json.get("secured") == Some(&Value::Bool(true)) { p.small { span.tag { "secured" } " Core shows it to the assigned user only." } }
        (page_condition(page, &context))
        (conditions(&field.show, &context, "Shown", "It has no condition: it is always shown.", "One of several conditions is enough."))
        (conditions(&field.enable, &context, "Can be changed", "", "All of these conditions must hold."))
        (conditions(&field.review, &context, "On the review page", "", "All of these conditions must hold."))
        (validators(view, field, &context))
        (sources(field))
        (readers(view, place, field))
    }
}

/// A condition as `forms/*.toml` writes it.
fn in_files(condition: &Condition) -> Option<String> {
    words(&Conditional::from_schema(condition.schema.clone()).schema())
}

/// The file and line where a field is defined, and those of the country's changes to it.
fn defined(view: &View, place: Place<'_>, form: &Form, page: &FormPage, field: &Field) -> Markup {
    let model = &view.model;
    let event = &place.event.id;
    let definitions = model
        .definitions
        .of(&model.files, event, &form.key, &field.id);
    let (whole, parts): (Vec<_>, Vec<_>) =
        definitions.iter().partition(|place| place.part.is_none());
    html! {
        @if whole.is_empty() { "in the program: " code { (source_file(event, form, &page.id)) } }
        @for place in whole { div { code { (place.file) ":" (place.line) } } }
        @for place in parts {
            div.small { (place.part.as_deref().unwrap_or_default()) ": " code { (place.file) ":" (place.line) } }
        }
    }
}

/// The field with this id that is shown, or the first one; on this page first.
fn found<'a>(
    place: Place<'a>,
    page: &str,
    id: &str,
    context: &Context,
) -> Option<(&'a Form, &'a FormPage, &'a Field)> {
    let review = place.review_form().and_then(|key| place.event.form(key));
    let forms = std::iter::once(place.form).chain(review);
    let fields = forms.flat_map(|form| {
        form.pages
            .iter()
            .flat_map(move |page| page.fields.iter().map(move |field| (form, page, field)))
    });
    let named: Vec<_> = fields.filter(|(_, _, field)| field.id == id).collect();
    let here = named.iter().filter(|(_, known, _)| known.id == page);
    let shown = |found: &&&(&Form, &FormPage, &Field)| found.2.is_shown(context);
    here.clone()
        .find(|found| shown(&found))
        .or(here.clone().next())
        .or(named.first())
        .copied()
}

fn page_condition(page: &FormPage, context: &Context) -> Markup {
    html! {
        @if let Some(condition) = &page.condition {
            h3 { "The page is shown" }
            (explained(&condition.schema, context))
        }
    }
}

fn conditions(
    conditions: &[Condition],
    context: &Context,
    what: &str,
    none: &str,
    several: &str,
) -> Markup {
    html! {
        @if !conditions.is_empty() || !none.is_empty() {
            h3 { (what) }
            @if conditions.is_empty() { p.soft { (none) } }
            @if conditions.len() > 1 { p.hint { (several) } }
            @for condition in conditions {
                (explained(&condition.schema, context))
                @if let Some(words) = in_files(condition) { p.small.soft { "In files: " code { (words) } } }
            }
        }
    }
}

fn validators(view: &View, field: &Field, context: &Context) -> Markup {
    let validators = items(&field.json, "validation");
    html! {
        @if field.required || !validators.is_empty() {
            h3 { "An answer must" }
            ul {
                @if field.required { li { "be given when the field is shown" } }
                @for validator in validators {
                    @let schema = validator.get("validator").unwrap_or(&Value::Null);
                    @let verdict = Predicate::new(schema).ok().map(|predicate| predicate.verdict(context));
                    li {
                        @if context.value(&field.id).is_some() { (mark(verdict)) " " }
                        (describe(schema))
                        div.small.soft { "otherwise: “" (validator.get("message").map(|message| view.say(message)).unwrap_or_default()) "”" }
                    }
                }
            }
        }
    }
}

fn sources(field: &Field) -> Markup {
    html! {
        @if !field.parents.is_empty() {
            h3 { "Begins anew when one of these changes" }
            p { @for parent in &field.parents { code { (parent) } " " } }
        }
        @if !field.sources.is_empty() {
            h3 { "Takes the first value there is" }
            ol { @for (source, path) in &field.sources { li { code { (source) @for part in path { "." (part) } } } } }
        }
    }
}

/// Who reads the field, by kind.
fn readers(view: &View, place: Place<'_>, field: &Field) -> Markup {
    let readers = [
        ("Conditions of fields", in_conditions(place, &field.id)),
        (
            "Rules",
            of_declaration(place, || in_rules(&view.model, place, &field.id)),
        ),
        (
            "Packets for MOSIP",
            of_declaration(place, || in_packets(&view.model, place, &field.id)),
        ),
        (
            "Certificates",
            of_declaration(place, || in_certificates(&view.model, place, &field.id)),
        ),
        (
            "Credentials",
            of_declaration(place, || in_credentials(&view.model, place, &field.id)),
        ),
        (
            "The event",
            of_declaration(place, || in_event(place, &field.id)),
        ),
        (
            "Statistics",
            if field.json.get("analytics") == Some(&Value::Bool(true)) {
                vec!["the analytics database".to_owned()]
            } else {
                vec![]
            },
        ),
    ];
    html! {
        h3 { "Read by" }
        @if readers.iter().all(|(_, readers)| readers.is_empty()) { p.soft { "Nothing but the record itself." } }
        dl.facts {
            @for (kind, readers) in &readers {
                @if !readers.is_empty() {
                    dt { (kind) }
                    dd { @for reader in readers { div { (reader) } } }
                }
            }
        }
    }
}

fn of_declaration(place: Place<'_>, readers: impl FnOnce() -> Vec<String>) -> Vec<String> {
    if place.form.key == DECLARATION {
        readers()
    } else {
        Vec::new()
    }
}

/// The fields with a conditional or validator that asks about a field.
fn in_conditions(place: Place<'_>, id: &str) -> Vec<String> {
    let mut readers = Vec::new();
    for (form, field) in place.event.all_fields() {
        if field.id != id && fields_in(&field.json).contains(id) {
            let known = if form.key == place.form.key {
                field.id.clone()
            } else {
                format!("{} ({})", field.id, form.key)
            };
            if !readers.contains(&known) {
                readers.push(known);
            }
        }
    }
    readers
}

fn in_rules(model: &Model, place: Place<'_>, id: &str) -> Vec<String> {
    let rules = &model.snapshot.policy.rules;
    let names = rules.reading(&place.event.id, id).into_iter();
    names.map(str::to_owned).collect()
}

fn in_packets(model: &Model, place: Place<'_>, id: &str) -> Vec<String> {
    model.snapshot.policy.mapping.reading(&place.event.id, id)
}

fn in_certificates(model: &Model, place: Place<'_>, id: &str) -> Vec<String> {
    let certificates = model
        .certificates
        .iter()
        .filter(|certificate| certificate.event == place.event.id);
    certificates
        .filter(|certificate| certificate.names(id))
        .map(|certificate| certificate.id.clone())
        .collect()
}

fn in_credentials(model: &Model, place: Place<'_>, id: &str) -> Vec<String> {
    let templates = model.snapshot.credentials.iter();
    let templates = templates.filter(|template| template.event == place.event.id);
    let reading = templates.filter(|template| template.reads(id));
    reading
        .map(|template| template.kind.name().to_owned())
        .collect()
}

/// The parts of the event that name a field.
fn in_event(place: Place<'_>, id: &str) -> Vec<String> {
    let parts = [
        ("title", "title in lists"),
        ("summary", "summary"),
        ("dateOfEvent", "date of the event"),
        ("placeOfEvent", "place of the event"),
        ("advancedSearch", "search"),
        ("actions", "search for duplicates"),
    ];
    let names = |key: &str| match (key, place.event.json.get(key)) {
        ("actions", Some(actions)) => {
            let actions = actions.as_array().into_iter().flatten();
            actions
                .filter_map(|action| action.get("deduplication"))
                .any(|part| holds(part, id))
        }
        (_, Some(part)) => holds(part, id),
        (_, None) => false,
    };
    parts
        .into_iter()
        .filter(|(key, _)| names(key))
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Whether a text in a document is this id, or names it as an argument.
fn holds(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => {
            text == id || text.contains(&format!("{{{id}}}")) || text.contains(&format!("{{{id}."))
        }
        Value::Array(items) => items.iter().any(|item| holds(item, id)),
        Value::Object(members) => members
            .iter()
            .any(|(key, member)| key == id || holds(member, id)),
        _ => false,
    }
}

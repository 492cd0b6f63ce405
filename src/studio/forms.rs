// SPDX-License-Identifier: MPL-2.0
//! Forms as core's client lays them out. Each change is sent here, evaluated by this program, and comes
//! back as the page.

use super::Studio;
use super::conditions::sign;
use super::desk;
use super::model::{
    DECLARATION, EventForms, Field, Form, FormPage, all_hold, conditions, filled_in, items, text,
};
use super::view::{self, Sent, View, default_button, sent};
use crate::pages;
use maud::{Markup, html};
use opencrvs_toolkit::evaluate::Context;
use opencrvs_toolkit::event_document::Fields;
use poem::web::{Data, Form as Body, Json, Path, Query};
use poem::{Response, handler};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

mod input;
mod panel;
mod sheet;
mod values;

pub(super) use input::{Control, input};
pub(super) use sheet::get_sheet;
pub(super) use values::{in_words, take};

/// The page after the last one of a declaration.
const REVIEW: &str = "review";

/// Choices of a look at a form that are in its address or among its inputs.
#[derive(Default)]
struct Look {
    /// The field that the panel is about.
    field: String,
    /// Whether missing answers are shown as errors.
    check: bool,
}

/// One form of one event.
#[derive(Clone, Copy)]
struct Place<'a> {
    event: &'a EventForms,
    form: &'a Form,
}

/// Leads to the first page of a form.
#[handler]
pub(super) fn get_forms(
    Data(studio): Data<&Arc<Studio>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    view::with(studio, |view| {
        let wanted = query
            .get("event")
            .map_or(view.desk.event.as_str(), String::as_str);
        let event = view.model.event(wanted).or(view.model.events.first());
        let Some(event) = event else {
            return view.page(
                "/forms",
                "/forms",
                "Forms",
                html! { p { "The country has no event." } },
            );
        };
        studio.desk().event.clone_from(&event.id);
        let key = query.get("form").map_or(DECLARATION, String::as_str);
        let form = event.form(key).unwrap_or(&event.declaration);
        pages::see_other(&Place { event, form }.first_page())
    })
}

#[handler]
pub(super) fn get_page(
    Data(studio): Data<&Arc<Studio>>,
    Path((event, form, page)): Path<(String, String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let look = Look {
        field: query.get("field").cloned().unwrap_or_default(),
        check: query.contains_key("check"),
    };
    view::with(studio, |view| shown(view, [&event, &form, &page], &look))
}

/// Takes the inputs of a page, and shows it again or the next one.
#[handler]
pub(super) fn post_page(
    Data(studio): Data<&Arc<Studio>>,
    Path((event, form, page)): Path<(String, String, String)>,
    Body(body): Body<Sent>,
) -> Response {
    let went = view::with(studio, |view| {
        let Some(place) = view.place(&event, &form) else {
            return view::not_found("such form");
        };
        view.keep(place, &page, &body);
        let forward = match sent(&body, "go") {
            Some("next") => true,
            Some("back") => false,
            _ => return Response::default(),
        };
        // With the new answers other pages may be shown.
        view::with(studio, |view| {
            let pages = view.shown_pages(place);
            let at = pages.iter().position(|id| *id == page).unwrap_or(0);
            let next = if forward {
                at + 1
            } else {
                at.saturating_sub(1)
            };
            let next = pages.get(next).or(pages.last()).copied().unwrap_or(REVIEW);
            pages::see_other(&place.path(next))
        })
    });
    if went.status().is_success() {
        let named = |name| sent(&body, name).unwrap_or_default();
        let look = Look {
            field: sent(&body, "look").unwrap_or(named("field")).to_owned(),
            check: !named("check").is_empty(),
        };
        return view::with(studio, |view| shown(view, [&event, &form, &page], &look));
    }
    went
}

/// Begins a record.
#[handler]
pub(super) fn post_new(Data(studio): Data<&Arc<Studio>>, Path(event): Path<String>) -> Response {
    view::with(studio, |view| {
        studio.desk().clear(&view.model, &event);
        pages::see_other(&format!("/forms?event={event}"))
    })
}

/// Fills the declaration in with the sample record of the certificates.
#[handler]
pub(super) fn post_example(
    Data(studio): Data<&Arc<Studio>>,
    Path(event): Path<String>,
) -> Response {
    view::with(studio, |view| {
        let certificate = view
            .model
            .certificates
            .iter()
            .find(|known| known.event == event);
        let sample = certificate.and_then(|known| known.sample(&view.model.files).ok());
        let (Some(sample), Some(forms)) = (sample, view.model.event(&event)) else {
            return view::not_found("sample record of this event; certificates/samples has none");
        };
        let mut answers = desk::defaults(&view.model, &view.desk.role, &forms.declaration);
        answers.extend(sample.declaration);
        values::in_this_country(&view.model, &forms.declaration, &mut answers);
        studio.desk().replace(&event, DECLARATION, answers);
        pages::see_other(&format!("/forms?event={event}"))
    })
}

/// The answers of a declaration as JSON.
#[handler]
pub(super) fn get_record(
    Data(studio): Data<&Arc<Studio>>,
    Path(event): Path<String>,
) -> Json<Value> {
    Json(studio.desk().answers(&event, DECLARATION).into())
}

/// Puts other answers in place of those of a declaration.
#[handler]
pub(super) fn post_record(
    Data(studio): Data<&Arc<Studio>>,
    Path(event): Path<String>,
    Json(answers): Json<Fields>,
) -> Response {
    studio.desk().replace(&event, DECLARATION, answers);
    Response::default()
}

impl Place<'_> {
    fn path(self, page: &str) -> String {
        format!("/forms/{}/{}/{page}", self.event.id, self.form.key)
    }

    fn first_page(self) -> String {
        self.path(self.form.pages.first().map_or(REVIEW, |page| &page.id))
    }

    fn is_declaration(self) -> bool {
        self.form.key == DECLARATION
    }

    /// The form of the action that ends the declaration: comment and signature.
    fn review_form(self) -> Option<&'static str> {
        self.is_declaration()
            .then_some("DECLARE")
            .filter(|key| self.event.form(key).is_some())
    }
}

impl View {
    fn place<'v>(&'v self, event: &str, form: &str) -> Option<Place<'v>> {
        let event = self.model.event(event)?;
        let form = event.form(form)?;
        Some(Place { event, form })
    }

    /// What conditionals of a form see: the declaration, and in the form of an action its own answers.
    fn form_context(&self, place: Place<'_>) -> Context {
        let mut answers = self.desk.answers(&place.event.id, DECLARATION);
        if !place.is_declaration() {
            answers.extend(self.desk.answers(&place.event.id, &place.form.key));
        }
        self.context(&place.event.id, answers)
    }

    /// The pages that the answers show, and the review at the end of a declaration.
    fn shown_pages<'a>(&self, place: Place<'a>) -> Vec<&'a str> {
        let context = self.form_context(place);
        let pages = place
            .form
            .pages
            .iter()
            .filter(|page| page.is_shown(&context));
        let review = place.is_declaration().then_some(REVIEW);
        pages.map(|page| page.id.as_str()).chain(review).collect()
    }

    /// Takes the inputs of a page into the record.
    fn keep(&self, place: Place<'_>, page: &str, body: &Sent) {
        let review = place.review_form().filter(|_| page == REVIEW);
        let key = review.unwrap_or(&place.form.key);
        let Some(form) = place.event.form(key) else {
            return;
        };
        let mut desk = self.studio.desk();
        let mut answers = desk.answers(&place.event.id, key);
        take(self, form, body, &mut answers);
        desk.replace(&place.event.id, key, answers);
    }
}

fn shown(view: &View, [event, form, page]: [&str; 3], look: &Look) -> Response {
    let Some(place) = view.place(event, form) else {
        return view::not_found("such form");
    };
    view.studio.desk().event.clone_from(&place.event.id);
    let body = match place.form.page(page) {
        Some(page) => form_page(view, place, page, look),
        None if page == REVIEW && place.is_declaration() => review(view, place, look),
        None => return view::not_found("such page of the form"),
    };
    let path = place.path(page);
    let content = html! {
        (choice(view, place))
        (steps(view, place, page))
        div.split data-today=(view.today) {
            form #form data-live method="post" action=(path) autocomplete="off" novalidate {
                (default_button())
                input type="hidden" name="field" value=(look.field);
                input type="hidden" name="check" value=(if look.check { "1" } else { "" });
                (body)
            }
            aside.card.sticky #panel aria-label="About the field" {
                (panel::panel(view, place, page, look))
            }
        }
    };
    view.page("/forms", &path, "Forms", content)
}

/// Chooses event and form; what can be done with the record as a whole.
fn choice(view: &View, place: Place<'_>) -> Markup {
    let event = &place.event.id;
    html! {
        div.row.spread.no-print {
            div.tabs {
                @for known in &view.model.events {
                    a href={"/forms?event=" (known.id)} aria-current=[(known.id == *event).then_some("page")] {
                        (view.say(&known.declaration.title))
                    }
                }
            }
            div.row {
                form method="post" action={"/forms/" (event) "/example"} { button { "Fill in an example" } }
                form method="post" action={"/forms/" (event) "/new"} {
                    button data-confirm="Begin a record without answers?" { "New record" }
                }
                a.button href={"/forms/" (event) "/sheet"} { "Sheet to print" }
            }
        }
        form.row.end.no-print method="get" action="/forms" data-live {
            input type="hidden" name="event" value=(event);
            div {
                label for="form-choice" { "Form" }
                select #form-choice name="form" {
                    option value=(DECLARATION) selected[place.is_declaration()] { "Declaration" }
                    @for form in &place.event.actions {
                        option value=(form.key) selected[form.key == place.form.key] {
                            (view.say(&form.title)) " (" (form.key) ")"
                        }
                    }
                }
            }
            noscript { button { "Open" } }
        }
    }
}

/// The pages of the form. One that the answers hide is named, but not linked as a step.
fn steps(view: &View, place: Place<'_>, current: &str) -> Markup {
    let shown = view.shown_pages(place);
    let current_page = |id: &str| (id == current).then_some("step");
    html! {
        nav.tabs.steps.no-print aria-label="Pages of the form" {
            @for page in &place.form.pages {
                @let hidden = !shown.contains(&page.id.as_str());
                a href=(place.path(&page.id)) aria-current=[current_page(&page.id)] class=[hidden.then_some("soft")] {
                    (page.id)
                    @if hidden { " (hidden)" }
                }
            }
            @if place.is_declaration() {
                a href=(place.path(REVIEW)) aria-current=[current_page(REVIEW)] { "review" }
            }
        }
    }
}

fn form_page(view: &View, place: Place<'_>, page: &FormPage, look: &Look) -> Markup {
    let context = view.form_context(place);
    let answers = view.desk.answers(&place.event.id, &place.form.key);
    let (shown, hidden): (Vec<_>, Vec<_>) = page
        .fields
        .iter()
        .partition(|field| field.is_shown(&context));
    let (systems, shown): (Vec<_>, Vec<_>) =
        shown.into_iter().partition(|field| field.is_of_systems());
    html! {
        div.card.form lang=(view.desk.language) {
            h2 { (view.worded(place, &page.title)) }
            @if !page.is_shown(&context) {
                p.banner.warn { "With the answers so far core's client leaves this page out." }
            }
            @for (at, field) in shown.iter().enumerate() {
                (one_field(view, place, field, at, &context, answers.get(&field.id), look))
            }
            div.row.spread {
                button name="go" value="back" { "Back" }
                div.row {
                    button.quiet name="check" value=(if look.check { "" } else { "1" }) {
                        @if look.check { "Hide what is missing" } @else { "Show what is missing" }
                    }
                    button.primary name="go" value="next" { "Continue" }
                }
            }
        }
        (by_systems(&systems, &answers))
        (hidden_fields(&hidden))
    }
}

/// A field with its label, its input and what is wrong with the answer.
fn one_field(
    view: &View,
    place: Place<'_>,
    field: &Field,
    at: usize,
    context: &Context,
    value: Option<&Value>,
    look: &Look,
) -> Markup {
    let control = input::Control {
        view,
        field,
        id: format!("field-{at}"),
        context,
        value,
        enabled: field.is_enabled(context),
        errors: view.errors(field, context, value, look.check),
        label: view.worded(place, field.label()),
    };
    html! {
        div.field id={"box-" (at)} data-field=(field.id) {
            (input(&control))
            div.under {
                button.quiet.mono.small name="look" data-reveal="panel" value=(field.id) aria-pressed=[(look.field == field.id).then_some("true")]
                    aria-label={"About the field " (field.id)} { (field.id) }
            }
        }
    }
}

impl View {
    /// A text of a form with its arguments.
    fn worded(&self, place: Place<'_>, message: &Value) -> String {
        self.filled_in(place.event, message)
    }

    /// A text of an event with its arguments: answers of the declaration, or parts of them.
    fn filled_in(&self, event: &EventForms, message: &Value) -> String {
        let answers = self.desk.answers(&event.id, DECLARATION);
        let argument = |name: &str| {
            let mut fields = event.declaration.fields();
            let part = |field: &Field| {
                let rest = name.strip_prefix(&field.id)?;
                (rest.is_empty() || rest.starts_with('.')).then(|| rest.to_owned())
            };
            let named = fields.find_map(|field| Some((field, part(field)?)));
            let Some((field, path)) = named else {
                return String::new();
            };
            let mut path = path.split('.').filter(|part| !part.is_empty()).peekable();
            let Some(value) = answers.get(&field.id) else {
                return String::new();
            };
            if path.peek().is_none() {
                return in_words(self, field, value);
            }
            match path.try_fold(value, |value, part| value.get(part)) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            }
        };
        filled_in(&self.say(message), &argument)
    }

    /// What is wrong with an answer, in the chosen language.
    fn errors(
        &self,
        field: &Field,
        context: &Context,
        value: Option<&Value>,
        missing: bool,
    ) -> Vec<String> {
        if !field.asks() || !field.is_shown(context) {
            return Vec::new();
        }
        let mut errors = Vec::new();
        if values::is_missing(field, value) {
            if field.required && missing {
                let own = field.json.pointer("/required/message");
                errors.push(own.map_or_else(|| "Required".to_owned(), |message| self.say(message)));
            }
            return errors;
        }
        let findings = field.rules.as_ref().map(|rules| rules.findings(context));
        for validator in findings.into_iter().flat_map(|findings| findings.broken) {
            let message = serde_json::json!({"id": validator.message_id, "defaultMessage": validator.message});
            errors.push(self.say(&message));
        }
        errors
    }
}

/// Fields that core's client does not show: what systems would write can be written here.
fn by_systems(fields: &[&Field], answers: &Fields) -> Markup {
    html! {
        @if !fields.is_empty() {
            details.card #systems {
                summary { "Filled in by systems (" (fields.len()) ")" }
                p.hint { "Core's client has no input for these. Write here what a system would answer, as JSON; nothing is called." }
                @for (at, field) in fields.iter().enumerate() {
                    div.field {
                        label for={"system-" (at)} { (field.id) " " span.tag { (field.kind) } }
                        textarea id={"system-" (at)} name={"f:" (field.id) "/json"} rows="2" {
                            @if let Some(value) = answers.get(&field.id) { (value) }
                        }
                        div.under { button.quiet.small name="look" data-reveal="panel" value=(field.id) { "About this field" } }
                    }
                }
            }
        }
    }
}

fn hidden_fields(fields: &[&Field]) -> Markup {
    // Variants of one field with the same id are one line.
    let ids: BTreeSet<(&str, &str)> = fields
        .iter()
        .map(|field| (field.id.as_str(), field.kind.as_str()))
        .collect();
    html! {
        @if !ids.is_empty() {
            details.card #hidden {
                summary { "Hidden on this page (" (ids.len()) ")" }
                ul.plain {
                    @for (id, kind) in ids {
                        li { button.quiet.mono.small name="look" data-reveal="panel" value=(id) { (id) } " " span.tag { (kind) } }
                    }
                }
            }
        }
    }
}

/// The review: all answers, what is wrong, and the fields below.
fn review(view: &View, place: Place<'_>, look: &Look) -> Markup {
    let context = view.form_context(place);
    let answers = view.desk.answers(&place.event.id, DECLARATION);
    let below = place.review_form().and_then(|key| place.event.form(key));
    let pages: Vec<_> = place
        .form
        .pages
        .iter()
        .filter(|page| page.is_shown(&context))
        .collect();
    let wrong: Vec<_> = pages
        .iter()
        .flat_map(|page| page.fields.iter().map(move |field| (page, field)))
        .filter(|(_, field)| {
            !view
                .errors(field, &context, answers.get(&field.id), true)
                .is_empty()
        })
        .collect();
    html! {
        div.card {
            h2 { (title_of(view, place.event).unwrap_or_else(|| view.say(place.event.json.get("fallbackTitle").unwrap_or(&Value::Null)))) }
            @if wrong.is_empty() {
                p.banner.good { (sign("good", "✓", "good")) " Nothing is missing: this can be declared." }
            } @else {
                p.banner.warn { (wrong.len()) " answers are missing or not valid. Until then it can be notified only." }
            }
        }
        (summary(view, place.event, &context))
        @for page in &pages {
            @let reviewed: Vec<_> = page.fields.iter().filter(|field| field.asks() && field.is_shown(&context) && field.is_reviewed(&context)).collect();
            @if !reviewed.is_empty() {
                section.card {
                    div.row.spread {
                        h3 { (view.worded(place, &page.title)) }
                        a href=(place.path(&page.id)) { "Change" }
                    }
                    dl.facts {
                        @for field in reviewed {
                            @let value = answers.get(&field.id);
                            dt { (view.worded(place, field.label())) }
                            dd {
                                @if let Some(value) = value { (in_words(view, field, value)) }
                                @for error in view.errors(field, &context, value, true) { p.error { (error) } }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(form) = below {
            @let own = Place { form, ..place };
            @let context = view.form_context(own);
            @let answers = view.desk.answers(&place.event.id, &form.key);
            div.card.form {
                @for (at, field) in form.fields().filter(|field| field.is_shown(&context)).enumerate() {
                    (one_field(view, own, field, at, &context, answers.get(&field.id), look))
                }
                div.row { button name="go" value="back" { "Back" } a.button href="/rules" { "What the rules decide" } }
            }
        }
    }
}

/// The title of the record, as lists show it; nothing while its answers are missing.
pub(super) fn title_of(view: &View, event: &EventForms) -> Option<String> {
    let title = view.filled_in(event, event.json.get("title").unwrap_or(&Value::Null));
    (!title.trim().is_empty()).then_some(title)
}

/// The lines that core's client shows of the record before it is opened.
fn summary(view: &View, event: &EventForms, context: &Context) -> Markup {
    let answers = view.desk.answers(&event.id, DECLARATION);
    let summary = event.json.get("summary").unwrap_or(&Value::Null);
    let line = |line: &Value| {
        if !all_hold(&conditions(line, "SHOW"), context) {
            return None;
        }
        let own_label = line.get("label").map(|label| view.say(label));
        let mut fields = event.declaration.fields();
        let field = fields.find(|field| field.id == text(line, "fieldId"));
        let label = own_label.or(field.map(|field| view.say(field.label())));
        let value = match (field, line.get("value")) {
            (_, Some(composed)) => view.filled_in(event, composed),
            (Some(field), None) => answers
                .get(&field.id)
                .map(|value| in_words(view, field, value))
                .unwrap_or_default(),
            (None, None) => String::new(),
        };
        let empty = line.get("emptyValueMessage").map(|text| view.say(text));
        let value = Some(value).filter(|value| !value.trim().is_empty());
        Some((
            label.unwrap_or_default(),
            value.or(empty).unwrap_or_default(),
        ))
    };
    html! {
        section.card {
            h3 { "Summary" }
            dl.facts {
                @for (label, value) in items(summary, "fields").iter().filter_map(line) { dt { (label) } dd { (value) } }
            }
        }
    }
}

/// The source file of a built-in field.
fn source_file(event: &str, form: &Form, page: &str) -> String {
    let snake = |id: &str| {
        let mut snake = String::new();
        for character in id.chars() {
            if character.is_ascii_uppercase() {
                snake.push('_');
            }
            snake.push(character.to_ascii_lowercase());
        }
        snake
    };
    let file = match form.key.as_str() {
        DECLARATION if page == "causeOfDeathDetails" => "cause_of_death".to_owned(),
        DECLARATION => snake(page),
        "DECLARE" | "READ" => return "forms/src/review.rs".to_owned(),
        "PRINT_CERTIFICATE" => "print".to_owned(),
        "REQUEST_CORRECTION" => "correct".to_owned(),
        "ISSUE_VERIFIABLE_CREDENTIAL" => "credential".to_owned(),
        _ => "actions".to_owned(),
    };
    format!("forms/src/{event}/{file}.rs")
}

// SPDX-License-Identifier: MPL-2.0
//! A short form for a birth or a death, with the answers that the other systems act on.

use super::super::mosip::Person;
use super::super::{core_stand_in, samples};
use super::{Form, Here, not_done, page, records, text};
use crate::pages::see_other;
use crate::sandbox::StandIns;
use maud::{Markup, html};
use opencrvs_toolkit::event_document::Fields;
use poem::web::{Data, Query};
use poem::{Response, handler};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Number of stored drafts.
const KEPT: usize = 100;
/// The choice of a person without details.
const NOBODY: &str = "nobody";
/// The choice of a person without an identity.
const UNKNOWN: &str = "unknown";

/// Forms during a login at eSignet.
#[derive(Default)]
pub(in crate::sandbox) struct Drafts(Mutex<HashMap<String, Draft>>);

#[derive(Clone, Default)]
struct Draft {
    /// The input.
    form: Form,
    /// The page of the person who logs in, and the URL of the login page.
    login: Option<(String, String)>,
    /// The middleware's answers about people who have logged in, by page.
    identified: HashMap<String, Value>,
}

impl Drafts {
    fn keep(&self, id: &str, draft: Draft) {
        let mut drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if drafts.len() >= KEPT {
            drafts.clear();
        }
        drafts.insert(id.to_owned(), draft);
    }

    fn get(&self, id: &str) -> Draft {
        let drafts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drafts.get(id).cloned().unwrap_or_default()
    }
}

/// A person of the form: the page in the record, the label, the gender that the page tells.
struct Asked {
    page: &'static str,
    label: &'static str,
    gender: Option<&'static str>,
    esignet: bool,
}

const fn asked(
    page: &'static str,
    label: &'static str,
    gender: Option<&'static str>,
    esignet: bool,
) -> Asked {
    Asked {
        page,
        label,
        gender,
        esignet,
    }
}

fn people(event: &str) -> [Asked; 2] {
    if event == "death" {
        [
            asked("deceased", "The deceased", None, false),
            asked("spouse", "The spouse, as informant", None, true),
        ]
    } else {
        [
            asked("mother", "The mother", Some("female"), true),
            asked("father", "The father", Some("male"), true),
        ]
    }
}

#[handler]
pub(super) fn shown(Query(query): Query<Form>, Data(here): Here<'_>) -> Response {
    let draft = here.drafts.get(text(&query, "draft"));
    let given = if draft.form.is_empty() {
        &query
    } else {
        &draft.form
    };
    let event = if text(given, "event") == "death" {
        "death"
    } else {
        "birth"
    };
    let title = if event == "death" {
        "Declare a death"
    } else {
        "Declare a birth"
    };
    let content = html! {
        @if let Some((page, url)) = &draft.login {
            div.banner {
                p { "The " (page) " logs in at eSignet. The form then continues with the data of that person." }
                p { a.button.primary href=(url) { "Go to eSignet" } }
            }
        }
        @if let Some(error) = query.get("error") { p.banner.warn { "eSignet did not identify the person: " (error) } }
        form.card method="post" action="/declare" {
            input type="hidden" name="event" value=(event);
            input type="hidden" name="draft" value=(text(&query, "draft"));
            @if event == "birth" { (child(given)) } @else {
                div.field { label for="died" { "Date of death" } input #died type="date" name="died" required value=(or(given, "died", &yesterday())); }
            }
            @for person in people(event) { (person_field(here, given, &draft, &person)) }
            @if event == "birth" {
                div.field {
                    label for="informant" { "Informant" }
                    select #informant name="informant" {
                        @for (value, label) in [("MOTHER", "The mother"), ("FATHER", "The father")] {
                            option value=(value) selected[text(given, "informant") == value] { (label) }
                        }
                    }
                }
            }
            div.field { label for="email" { "E-mail of the informant" } input #email type="email" name="email" required value=(or(given, "email", "informant@mail.example")); p.hint { "The e-mail is shown in the inbox. Nothing is sent to addresses at example.com." } }
            p { button.primary name="do" value="declare" { "Declare" } }
        }
    };
    page(here, "/", title, content)
}

/// A value of the form, or a default.
fn or<'a>(form: &'a Form, name: &str, otherwise: &'a str) -> &'a str {
    Some(text(form, name))
        .filter(|text| !text.is_empty())
        .unwrap_or(otherwise)
}

fn yesterday() -> String {
    let day = samples::day(super::super::now());
    day.yesterday().unwrap_or(day).to_string()
}

fn child(given: &Form) -> Markup {
    let input = |name: &str, label: &str, otherwise: &str| {
        html! { div.field { label for=(name) { (label) } input id=(name) name=(name) required value=(or(given, name, otherwise)); } }
    };
    html! {
        (input("firstname", "First name of the child", "Mirembe"))
        (input("surname", "Surname of the child", "Okello"))
        div.field {
            label for="gender" { "Sex" }
            select #gender name="gender" {
                @for value in ["female", "male"] { option value=(value) selected[text(given, "gender") == value] { (value) } }
            }
        }
        div.field { label for="born" { "Date of birth" } input #born type="date" name="born" required value=(or(given, "born", &yesterday())); }
    }
}

fn person_field(here: &StandIns, given: &Form, draft: &Draft, person: &Asked) -> Markup {
    let Asked {
        page,
        label,
        gender,
        esignet,
    } = person;
    if let Some(identified) = draft.identified.get(*page) {
        let name = identified.get("name");
        let part = |part: &str| {
            name.and_then(|name| name.get(part))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        return html! {
            div.field { p.label { (label) } p { (part("firstname")) " " (part("surname")) " " span.tag.good { "authenticated with eSignet" } } }
        };
    }
    let known = here.mosip.people();
    let fits = |known: &&Person| gender.is_none_or(|gender| known.gender == gender);
    let chosen = text(given, page);
    html! {
        div.field {
            label for=(page) { (label) }
            select id=(page) name=(page) {
                @for known in known.iter().rev().filter(fits) {
                    option value=(known.nid) selected[chosen == known.nid] {
                        (known.name()) ", " (known.birth_date) ", " (known.nid)
                        @if known.deceased { " (deceased)" }
                    }
                }
                option value=(UNKNOWN) selected[chosen == UNKNOWN] { "A person without an identity" }
                @if gender.is_some() { option value=(NOBODY) selected[chosen == NOBODY || (chosen.is_empty() && *page == "father")] { "No details" } }
            }
            @if *esignet { p { button.quiet name="do" value={ "identify-" (page) } { "Identify with eSignet" } } }
        }
    }
}

#[handler]
pub(super) async fn declared(
    request: &poem::Request,
    poem::web::Form(form): poem::web::Form<Form>,
    Data(here): Here<'_>,
) -> Response {
    let draft = here.drafts.get(text(&form, "draft"));
    if let Some(page) = text(&form, "do").strip_prefix("identify-") {
        return to_esignet(here, request, page, &form, draft);
    }
    match declaration(here, &form, &draft) {
        Ok((event, declaration)) => records::declare(here, event, declaration).await,
        Err(why) => not_done(here, "/", why),
    }
}

/// Stores the form until the person has logged in.
fn to_esignet(
    here: &StandIns,
    request: &poem::Request,
    page: &str,
    form: &Form,
    draft: Draft,
) -> Response {
    let id = core_stand_in::fresh_id();
    let host = request.header("host").unwrap_or_default();
    let Some(settings) = here.settings.get() else {
        return not_done(here, "/", "the sandbox is about to start");
    };
    let claims = json!({"userinfo": {"name": {"essential": true}, "birthdate": {"essential": true}, "individual_id": {"essential": true}}, "id_token": {}});
    let login = reqwest::Url::parse_with_params(
        settings.esignet.redirect_url.as_str(),
        [
            ("client_id", settings.esignet.client_id.as_str()),
            ("response_type", "code"),
            ("scope", "openid profile"),
            ("acr_values", "mosip:idp:acr:generated-code"),
            ("claims", &claims.to_string()),
            ("redirect_uri", &format!("http://{host}/identified")),
            ("state", &id),
        ],
    );
    let login = login.map_or_else(|_| String::new(), String::from);
    here.drafts.keep(
        &id,
        Draft {
            form: form.clone(),
            login: Some((page.to_owned(), login)),
            ..draft
        },
    );
    see_other(&format!("/declare?draft={id}"))
}

/// The return from eSignet: the middleware is asked for the data of the person, as core's client does.
#[handler]
pub(super) fn returned(
    request: &poem::Request,
    Query(query): Query<Form>,
    Data(here): Here<'_>,
) -> Response {
    let id = text(&query, "state");
    let mut draft = here.drafts.get(id);
    let Some((page, _)) = draft.login.take() else {
        return not_done(here, "/", "this login is not one of the sandbox");
    };
    let host = request.header("host").unwrap_or_default();
    let client = here
        .settings
        .get()
        .map(|settings| settings.esignet.client_id.clone());
    let body = json!({"clientId": client, "redirectUri": format!("http://{host}/identified")});
    let token = here.user_token().ok();
    let error = if query.contains_key("code") {
        match here.oidp_user_info(token.as_deref(), &query, &body) {
            (200, identified) => {
                draft.identified.insert(page, identified);
                None
            }
            (status, _) => Some(format!("the middleware answered {status}")),
        }
    } else {
        Some("the login was cancelled".to_owned())
    };
    here.drafts.keep(id, draft);
    let error = error.map_or_else(String::new, |error| {
        format!("&error={}", error.replace(' ', "+"))
    });
    see_other(&format!("/declare?draft={id}{error}"))
}

/// The event and the answers of the form.
fn declaration(
    here: &StandIns,
    form: &Form,
    draft: &Draft,
) -> Result<(&'static str, Fields), &'static str> {
    let places = here.core.places.get();
    let email = text(form, "email");
    let fields = if text(form, "event") == "death" {
        let deceased = chosen(here, form, "deceased").ok_or("the deceased is not known")?;
        let spouse = person(here, form, draft, "spouse")?;
        let parts = [
            samples::deceased(&deceased, text(form, "died"), places),
            samples::informant("SPOUSE", email),
            spouse,
        ];
        ("death", parts.into_iter().flatten().collect())
    } else {
        let name = samples::name(text(form, "firstname"), "", text(form, "surname"));
        let informant = or(form, "informant", "MOTHER");
        let parts = [
            samples::child(
                name,
                or(form, "gender", "female"),
                text(form, "born"),
                places,
            ),
            samples::informant(informant, email),
            person(here, form, draft, "mother")?,
            person(here, form, draft, "father")?,
        ];
        ("birth", parts.into_iter().flatten().collect())
    };
    Ok(fields)
}

fn person(here: &StandIns, form: &Form, draft: &Draft, page: &str) -> Result<Fields, &'static str> {
    let places = here.core.places.get();
    if let Some(identified) = draft.identified.get(page) {
        return Ok(authenticated(page, identified, here));
    }
    if text(form, page) == NOBODY {
        return Ok(samples::absent(page));
    }
    let chosen = chosen(here, form, page).ok_or("a person is not known")?;
    Ok(samples::person(page, &chosen, places))
}

/// The chosen person.
fn chosen(here: &StandIns, form: &Form, page: &str) -> Option<Person> {
    if text(form, page) == UNKNOWN {
        return Some(Person {
            first_name: "Somebody".to_owned(),
            family_name: "Unknown".to_owned(),
            birth_date: "1990-01-01".to_owned(),
            gender: "female".to_owned(),
            nid: "1000000000".to_owned(),
            ..Person::default()
        });
    }
    here.mosip.person(text(form, page))
}

/// The answers about a person who has logged in, as the form fills them in.
fn authenticated(page: &str, identified: &Value, here: &StandIns) -> Fields {
    let part = |name: &str| identified.get(name).cloned().unwrap_or_default();
    let text = |name: &str| part(name).as_str().unwrap_or_default().to_owned();
    let known = Person {
        birth_date: text("birthDate"),
        nid: text("nid"),
        ..Person::default()
    };
    let mut fields = samples::person(page, &known, here.core.places.get());
    fields.insert(format!("{page}.name"), part("name"));
    fields.insert(format!("{page}.verified"), part("verificationStatus"));
    let fetched = json!({"loading": false, "data": identified});
    fields.insert(format!("{page}.verify-nid-http-fetch"), fetched);
    fields
}

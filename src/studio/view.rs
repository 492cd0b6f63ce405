// SPDX-License-Identifier: MPL-2.0
//! What every page has: the header with language and role, and a notice of errors in the files.

use super::Studio;
use super::desk::Desk;
use super::model::{DECLARATION, Model};
use super::problems::listed;
use crate::pages::{self, Page, Section, Site};
use handlers::clock::{Clock as _, SystemClock};
use jiff::civil::Date;
use maud::{Markup, html};
use opencrvs_toolkit::evaluate::Context;
use opencrvs_toolkit::event_document::Fields;
use poem::http::StatusCode;
use poem::web::{Data, Form};
use poem::{IntoResponse, Response, handler};
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

const SITE: Site = Site {
    name: "Studio",
    sections: &[
        Section {
            path: "/",
            name: "Overview",
        },
        Section {
            path: "/forms",
            name: "Forms",
        },
        Section {
            path: "/rules",
            name: "Rules",
        },
        Section {
            path: "/papers",
            name: "Certificates and messages",
        },
        Section {
            path: "/queues",
            name: "Roles and queues",
        },
        Section {
            path: "/places",
            name: "Places",
        },
    ],
};

/// One look at the studio: what belongs together while a page is rendered.
pub(super) struct View {
    pub(super) studio: Arc<Studio>,
    pub(super) model: Arc<Model>,
    pub(super) desk: Desk,
    pub(super) today: Date,
    version: String,
}

/// The button that the Enter key presses in a form whose other buttons do something special.
pub(super) fn default_button() -> Markup {
    html! { button.visually-hidden tabindex="-1" aria-hidden="true" { "Send" } }
}

/// A form that was sent: names and values in the order of the page.
pub(super) type Sent = Vec<(String, String)>;

/// The value of a name in a form.
pub(super) fn sent<'s>(form: &'s [(String, String)], name: &str) -> Option<&'s str> {
    let mut values = form.iter().filter(|(known, _)| known == name);
    values.next_back().map(|(_, value)| value.as_str())
}

/// Renders with the last state without errors, or says that there is none.
pub(super) fn with(studio: &Arc<Studio>, render: impl FnOnce(&View) -> Response) -> Response {
    // Before what it stands for: a page that is older than its version would stay.
    let version = studio.changes.version();
    let Some(model) = studio.model.load_full() else {
        return without_model(studio, &version);
    };
    let desk = studio.desk().clone();
    let today = model.snapshot.policy.today(SystemClock.now());
    let today = desk.today.unwrap_or(today);
    render(&View {
        studio: studio.clone(),
        model,
        desk,
        today,
        version,
    })
}

impl View {
    /// A complete page. `path` is where a change in the header leads back to.
    pub(super) fn page(&self, section: &str, path: &str, title: &str, content: Markup) -> Response {
        let page = Page {
            site: SITE,
            section,
            title,
            version: &self.version,
            controls: self.controls(path),
            notice: notice(&self.studio, section),
            content,
        };
        pages::html(page.render())
    }

    fn controls(&self, path: &str) -> Markup {
        let Desk { language, role, .. } = &self.desk;
        html! {
            form method="post" action="/view" data-live {
                input type="hidden" name="back" value=(path);
                label {
                    "Language "
                    select name="language" {
                        @for known in self.model.wording.languages() {
                            option value=(known) selected[known == language] { (known) }
                        }
                    }
                }
                label {
                    "Role "
                    select name="role" {
                        @for known in &self.model.roles {
                            option value=(known.id) selected[known.id == *role] { (self.say(&known.label)) }
                        }
                    }
                }
                noscript { button { "Switch" } }
            }
        }
    }

    /// Differs where what is drawn may differ: browsers keep pictures by their address.
    pub(super) fn mark(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (&self.version, &self.desk.language, self.desk.content()).hash(&mut hasher);
        format!("{:x}", hasher.finish())
    }

    /// The same look by a user of another role.
    pub(super) fn as_role(&self, role: &str) -> Self {
        let mut desk = self.desk.clone();
        role.clone_into(&mut desk.role);
        Self {
            studio: self.studio.clone(),
            model: self.model.clone(),
            desk,
            today: self.today,
            version: self.version.clone(),
        }
    }

    /// The wording of a message in the chosen language.
    pub(super) fn say(&self, message: &Value) -> String {
        self.model.wording.say(&self.desk.language, message)
    }

    /// What conditionals of an event are asked about: these answers, the chosen role, the record.
    pub(super) fn context(&self, event: &str, answers: Fields) -> Context {
        let role = self.model.role(&self.desk.role);
        let scopes = role.into_iter().flat_map(|role| &role.scopes);
        let scopes: Vec<String> = scopes.map(ToString::to_string).collect();
        let user = json!({
            "sub": USER, "role": self.desk.role, "scope": scopes, "userType": "user",
            "primaryOfficeId": role.and_then(|role| role.office.clone()),
            "administrativeAreaId": self.model.area_of(&self.desk.role),
        });
        let leaves = leaves(&self.model, &answers);
        Context::new(answers, self.today)
            .user(user)
            .event(self.event_document(event))
            .flags(self.desk.standing.flags.iter().cloned())
            .status(&self.desk.standing.status)
            .leaf_locations(leaves)
    }

    /// The record as core has it: what was done to it follows from its status.
    pub(super) fn event_document(&self, event: &str) -> Value {
        let standing = &self.desk.standing;
        let declaration = self.desk.answers(event, DECLARATION);
        let ever: Fields = standing
            .ever
            .iter()
            .map(|field| (field.clone(), json!(true)))
            .collect();
        let cleared = ever.keys().map(|field| (field.clone(), Value::Null));
        let declared: Fields = cleared.chain(declaration).collect();
        let mut actions = vec![self.action("CREATE", "Accepted", 0, &ever)];
        let done: &[&str] = match standing.status.as_str() {
            "CREATED" => &[],
            "NOTIFIED" => &["NOTIFY"],
            "DECLARED" => &["DECLARE"],
            "REGISTERED" => &["DECLARE", "REGISTER"],
            _ => &["DECLARE", "ARCHIVE"],
        };
        let mut minute = 0;
        for kind in done {
            minute += 1;
            let mut action = self.action(kind, "Accepted", minute, &declared);
            if let Some(action) = action.as_object_mut().filter(|_| *kind == "REGISTER") {
                action.insert("registrationNumber".to_owned(), json!(NUMBER));
            }
            actions.push(action);
        }
        json!({
            "id": "5d1cba70-0000-4000-8000-000000000001", "type": event, "trackingId": "STUD10",
            "createdAt": self.at(0), "updatedAt": self.at(minute), "actions": actions,
        })
    }

    /// An action of the record, in the minutes of this morning.
    pub(super) fn action(
        &self,
        kind: &str,
        status: &str,
        minute: u8,
        declaration: &Fields,
    ) -> Value {
        json!({
            "id": format!("5d1cba70-0000-4000-8000-0000000001{minute:02}"), "transactionId": format!("studio-{minute}"),
            "type": kind, "status": status, "createdAt": self.at(minute), "createdBy": USER,
            "createdByUserType": "user", "createdByRole": self.desk.standing.declared_by, "declaration": declaration,
        })
    }

    fn at(&self, minute: u8) -> String {
        format!("{}T08:{minute:02}:00.000Z", self.today)
    }
}

const USER: &str = "11111111-2222-4333-8444-555555555555";
/// The registration number of a record that is registered.
pub(super) const NUMBER: &str = "STUDIO000001";

/// The areas of the lowest level that answers name: the list of all would be copied for each question.
fn leaves(model: &Model, answers: &Fields) -> Vec<String> {
    let areas = answers.values().filter_map(|answer| {
        let area = answer.get("administrativeArea").unwrap_or(answer);
        area.as_str().filter(|area| {
            model
                .places
                .get(area)
                .is_some_and(|place| place.kind.is_none())
        })
    });
    areas
        .filter(|area| model.places.is_leaf(area))
        .map(str::to_owned)
        .collect()
}

/// The page of a country that has had errors from the start.
fn without_model(studio: &Studio, version: &str) -> Response {
    let page = Page {
        site: Site {
            sections: SITE.sections.get(..1).unwrap_or_default(),
            ..SITE
        },
        section: "/",
        title: "This country cannot be shown yet",
        version,
        controls: html! {},
        notice: html! {},
        content: html! {
            (origin(studio))
            p { "Correct the errors below. The pages appear as soon as the country can be served." }
            (listed(&studio.trouble.load().problems))
        },
    };
    pages::html(page.render())
}

/// The files that are shown.
pub(super) fn origin(studio: &Studio) -> Markup {
    html! {
        p.lead {
            @match &studio.settings.country_dir {
                Some(dir) => { "Files: " code { (dir) } },
                None => {
                    "The built-in country, read only. To change it, write it to a folder and open that: "
                    code { "countryconfig init DIR" } ", then " code { "countryconfig studio DIR" } "."
                },
            }
        }
    }
}

/// Errors in the files as they are now.
fn notice(studio: &Studio, section: &str) -> Markup {
    let trouble = studio.trouble.load();
    let errors = || trouble.problems.iter().filter(|problem| problem.is_error());
    html! {
        @if let Some(first) = errors().next() {
            @let number = errors().count();
            div.banner.bad {
                strong { (number) " error" @if number != 1 { "s" } " in the country's files. " }
                @if trouble.stale { "These pages show the last state without errors. " }
                @else { "The country can be served all the same. " }
                @if section != "/" {
                    span.mono { (first.diagnostic.file) ":" (first.diagnostic.line) } " " (first.diagnostic.message) ". "
                    a href="/" { "See all" }
                }
            }
        }
    }
}

/// Chooses language and role.
#[handler]
pub(super) fn post_view(Data(studio): Data<&Arc<Studio>>, Form(form): Form<Sent>) -> Response {
    {
        let mut desk = studio.desk();
        let chosen = |name| sent(&form, name).unwrap_or_default().to_owned();
        (desk.language, desk.role) = (chosen("language"), chosen("role"));
        if let Some(model) = studio.model.load_full() {
            desk.settle(&model);
        }
    }
    let back = sent(&form, "back").unwrap_or_default();
    let own = back.starts_with('/') && !back.starts_with("//") && !back.contains('\\');
    pages::see_other(if own { back } else { "/" })
}

/// An answer where something is not there or cannot be read.
pub(super) fn failed(error: &poem::Error) -> Response {
    (error.status(), error.to_string()).into_response()
}

/// There is nothing at this path.
pub(super) fn not_found(what: &str) -> Response {
    (StatusCode::NOT_FOUND, format!("there is no {what}")).into_response()
}

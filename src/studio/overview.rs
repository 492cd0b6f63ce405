// SPDX-License-Identifier: MPL-2.0
//! The first page: what `check` says, languages, and the cases of the rules.

use super::Studio;
use super::conditions::sign;
use super::model::{Model, Problem};
use super::view::{self, View};
use crate::pages::{self, Page, Section, Site};
use handlers::diagnostic::Severity;
use maud::{Markup, html};
use poem::web::Data;
use poem::{Response, handler};
use std::sync::Arc;

impl Problem {
    pub(super) fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}

#[handler]
pub(super) fn get_overview(Data(studio): Data<&Arc<Studio>>) -> Response {
    view::with(studio, |view| {
        let name = view
            .model
            .snapshot
            .name
            .as_deref()
            .unwrap_or(&view.model.snapshot.application.name);
        let content = html! {
            (origin(studio))
            (figures(view))
            (problems(&studio.trouble.load(), &view.model))
            (languages(view))
            (cases(&view.model))
        };
        view.page("/", "/", name, content)
    })
}

/// The page of a country that has had errors from the start.
pub(super) fn without_model(studio: &Studio, version: &str) -> Response {
    let page = Page {
        site: Site {
            name: "Studio",
            sections: &[Section {
                path: "/",
                name: "Overview",
            }],
        },
        section: "/",
        title: "This country cannot be shown yet",
        version,
        controls: html! {},
        notice: html! {},
        content: html! {
            (origin(studio))
            p { "Correct the errors below. The pages appear as soon as the files have none." }
            (listed(&studio.trouble.load()))
        },
    };
    pages::html(page.render())
}

fn origin(studio: &Studio) -> Markup {
    html! {
        p.lead {
            @match &studio.folder {
                Some(folder) => { "Files: " code { (folder.display()) } },
                None => {
                    "The built-in country, read only. To change it, write it to a folder and open that: "
                    code { "countryconfig init DIR" } ", then " code { "countryconfig studio DIR" } "."
                },
            }
        }
    }
}

fn figures(view: &View) -> Markup {
    let model = &view.model;
    let report = model.snapshot.policy.rules.run_cases(&model.snapshot.cases);
    let passed = report.results.iter().filter(|result| result.passed).count();
    let fields: usize = model
        .events
        .iter()
        .map(|event| event.declaration.fields().count())
        .sum();
    let figure = |path: &str, figure: String, what: &str| {
        html! { div.card { div.figure { (figure) } a href=(path) { (what) } } }
    };
    html! {
        div.grid {
            (figure("/forms", fields.to_string(), &format!("fields in {} declarations", model.events.len())))
            (figure("/rules", format!("{passed} / {}", report.results.len()), "cases decided as expected"))
            (figure("/papers", model.certificates.ids().count().to_string(), "certificates"))
            (figure("/queues", model.roles.len().to_string(), "roles"))
            (figure("/places", model.places.all().count().to_string(), "areas, offices and facilities"))
        }
    }
}

fn problems(trouble: &[Problem], model: &Model) -> Markup {
    html! {
        h2 { "Check" }
        @if trouble.is_empty() && model.warnings.is_empty() {
            p.banner.good { (sign("good", "✓", "good")) " The forms and the country's files have no errors and no warnings." }
        } @else if trouble.is_empty() {
            p { "The country can be served. Warnings are about what works but was probably meant otherwise." }
            (listed(&model.warnings))
        } @else {
            (listed(trouble))
        }
    }
}

/// Problems below the names of their files.
fn listed(problems: &[Problem]) -> Markup {
    let same_file = |one: &Problem, other: &Problem| one.diagnostic.file == other.diagnostic.file;
    html! {
        @for group in problems.chunk_by(same_file) {
            @if let Some(first) = group.first() {
                section.card {
                    h3.mono { (first.diagnostic.file) }
                    @for problem in group { (shown(problem)) }
                }
            }
        }
    }
}

/// A problem with its line.
pub(super) fn shown(problem: &Problem) -> Markup {
    let diagnostic = &problem.diagnostic;
    let class = if problem.is_error() { "bad" } else { "warn" };
    html! {
        div.problem {
            p { span.tag.(class) { (diagnostic.severity) } " " (diagnostic.message) }
            @if let Some(line) = &problem.line {
                (source(line, diagnostic.line, diagnostic.column, class))
            }
            @if let Some(hint) = &diagnostic.hint { p.hint { (hint) } }
        }
    }
}

/// A line with its number, in which what begins at a column is marked.
fn source(line: &str, number: usize, column: usize, class: &str) -> Markup {
    const LONGEST: usize = 300;
    let line: String = line.chars().take(LONGEST).collect();
    let marked = crate::report::word(&line, column);
    let (before, rest) = line.split_at(marked.start.min(line.len()));
    let (word, after) = rest.split_at_checked(marked.len()).unwrap_or((rest, ""));
    html! {
        pre.(class) { span.at { (number) " │ " } (before) mark { (word) } (after) }
    }
}

fn languages(view: &View) -> Markup {
    const MOST: usize = 60;
    let wording = &view.model.wording;
    html! {
        h2 { "Languages" }
        div.scroll { table {
            thead { tr { th { "Language" } th.number { "Texts" } th { "Missing" } } }
            tbody {
                @for language in wording.languages() {
                    @let missing = wording.missing(language);
                    tr {
                        th scope="row" { (language) }
                        td.number { (wording.count(language)) }
                        td {
                            @if missing.is_empty() {
                                (sign("good", "✓", "good")) " none"
                            } @else {
                                details {
                                    summary { (missing.len()) " texts" }
                                    ul { @for id in missing.iter().take(MOST) { li.mono { (id) } } }
                                    @if missing.len() > MOST { p.soft { "and " (missing.len() - MOST) " more" } }
                                }
                            }
                        }
                    }
                }
            }
        } }
    }
}

fn cases(model: &Model) -> Markup {
    let report = model.snapshot.policy.rules.run_cases(&model.snapshot.cases);
    html! {
        h2 #cases { "Cases of the rules" }
        @if report.results.is_empty() {
            p { "There are none. A case is a record with the decision that is expected; " a href="/rules" { "keep one" } "." }
        } @else {
            div.scroll { table {
                thead { tr { th { "Case" } th.number { "Line" } th { "Result" } } }
                tbody {
                    @for result in &report.results {
                        tr {
                            td { a href={"/rules?case=" (result.line)} { (result.name) } }
                            td.number { (result.line) }
                            td {
                                @if result.passed { (sign("good", "✓", "good")) " as expected" }
                                @else { (sign("bad", "✗", "wrong")) " decided otherwise" }
                            }
                        }
                    }
                }
            } }
        }
        @if !report.never_deciding.is_empty() {
            p { "No case is decided by: " @for rule in &report.never_deciding { code { (rule) } " " } }
        }
    }
}

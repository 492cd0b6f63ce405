// SPDX-License-Identifier: MPL-2.0
//! The first page: what `check` says, languages, and the cases of the rules.

use super::Studio;
use super::conditions::sign;
use super::model::Model;
use super::problems::{Problem, listed};
use super::view::{self, View, origin};
use maud::{Markup, html};
use poem::web::Data;
use poem::{Response, handler};
use rules::eligibility::CasesReport;
use std::sync::Arc;

#[handler]
pub(super) fn get_overview(Data(studio): Data<&Arc<Studio>>) -> Response {
    view::with(studio, |view| {
        let snapshot = &view.model.snapshot;
        let name = snapshot.name.as_deref();
        let report = snapshot.policy.rules.run_cases(&snapshot.cases);
        let content = html! {
            (origin(studio))
            (figures(view, &report))
            (problems(&studio.trouble.load().problems, &view.model))
            (languages(view))
            (cases(&report))
        };
        let name = name.unwrap_or(&snapshot.application.name);
        view.page("/", "/", name, content)
    })
}

fn figures(view: &View, report: &CasesReport) -> Markup {
    let model = &view.model;
    let passed = report.results.iter().filter(|result| result.passed).count();
    let fields = model.events.iter().map(|event| &event.declaration);
    let fields: usize = fields.map(|form| form.fields().count()).sum();
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

fn languages(view: &View) -> Markup {
    const MOST: usize = 60;
    let model = &view.model;
    html! {
        h2 { "Languages" }
        div.scroll { table {
            thead { tr { th { "Language" } th.number { "Texts" } th { "Texts of the country without a translation" } } }
            tbody {
                @for (language, missing) in &model.untranslated {
                    tr {
                        th scope="row" { (language) }
                        td.number { (model.wording.count(language)) }
                        td {
                            @if missing.is_empty() {
                                (sign("good", "✓", "good")) " none"
                            } @else {
                                details {
                                    summary { (missing.len()) " texts" }
                                    ul { @for text in missing.iter().take(MOST) { li { (text.text()) " " span.small.soft.mono { (text.id()) } } } }
                                    @if missing.len() > MOST { p.soft { "and " (missing.len() - MOST) " more" } }
                                    p.hint { code { "countryconfig texts --missing " (language) } " prints them as rows to fill in." }
                                }
                            }
                        }
                    }
                }
            }
        } }
    }
}

fn cases(report: &CasesReport) -> Markup {
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
    }
}

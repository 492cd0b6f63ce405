// SPDX-License-Identifier: MPL-2.0
//! The identities of MOSIP.

use super::{Here, page};
use maud::html;
use poem::web::Data;
use poem::{Response, handler};
use std::collections::BTreeMap;

/// Number of identities on the page.
const SHOWN: usize = 300;

#[handler]
pub(super) fn list(Data(here): Here<'_>) -> Response {
    let people = here.mosip.people();
    let mut made = BTreeMap::new();
    for person in &people {
        if let Some(record) = &person.made_for {
            *made.entry(record.as_str()).or_insert(0_u32) += 1;
        }
    }
    let twice: Vec<_> = made.iter().filter(|(_, n)| **n > 1).collect();
    let content = html! {
        p.lead { "All these people are invented. MOSIP stores the identities that it makes: a registered child can be a parent later. A person who has died is not verified any more." }
        @for (record, n) in &twice {
            p.banner.bad { (n) " identities for one record: " a href={ "/records/" (record) } { (record) } }
        }
        div.scroll {
            table {
                thead { tr { th { "Name" } th { "Date of birth" } th { "Sex" } th { "National ID" } th { "" } } }
                tbody {
                    @for person in people.iter().rev().take(SHOWN) {
                        tr {
                            td { (person.name()) }
                            td.mono { (person.birth_date) }
                            td { (person.gender) }
                            td.mono { (person.nid) }
                            td {
                                @if person.deceased { span.tag.bad { "deceased" } " " }
                                @if let Some(record) = &person.made_for { a href={ "/records/" (record) } { "from a record" } }
                            }
                        }
                    }
                }
            }
        }
        @if people.len() > SHOWN { p.soft { (people.len()) " people in all." } }
    };
    page(here, "/people", "Identities of MOSIP", content)
}

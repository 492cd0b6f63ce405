// SPDX-License-Identifier: MPL-2.0
//! The causes of death, found while a physician types.

use super::App;
use super::openapi_meta::Tag;
use country::causes_of_death::Cause;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use std::sync::Arc;

/// Limit of the search terms, in letters. No cause of death has a longer name.
const LONGEST: usize = 200;

pub(super) struct CausesOfDeath(pub(super) Arc<App>);

/// What was found, the best first.
#[derive(Object)]
struct Found {
    /// At most 50.
    results: Vec<Choice>,
}

/// A cause of death.
#[derive(Object)]
struct Choice {
    /// What the record keeps.
    id: String,
    /// What is shown.
    label: String,
}

/// Why nothing was looked for.
#[derive(Object)]
struct Refusal {
    /// In a sentence.
    error: String,
}

#[derive(ApiResponse)]
enum Reply {
    /// The results, best first; there may be none
    #[oai(status = 200)]
    Found(Json<Found>),
    /// No terms, or too many letters
    #[oai(status = 400)]
    Refused(Json<Refusal>),
}

#[expect(clippy::unused_async, reason = "the framework wants every route async")]
#[OpenApi(tag = "Tag::Forms")]
impl CausesOfDeath {
    /// A search for causes of death
    ///
    /// By code or words, also by their beginnings and with small typing errors. Open to anyone, as core's
    /// client asks without a token.
    #[oai(
        path = "/causes-of-death",
        method = "get",
        operation_id = "searchCausesOfDeath"
    )]
    async fn search(
        &self,
        /// What was typed, up to 200 letters
        terms: Query<Option<String>>,
    ) -> Reply {
        let terms = terms.0.unwrap_or_default();
        let refused = |error: &str| {
            let error = error.to_owned();
            Reply::Refused(Json(Refusal { error }))
        };
        if terms.trim().is_empty() {
            return refused("Missing 'terms' parameter");
        }
        if terms.chars().count() > LONGEST {
            return refused("The 'terms' parameter is longer than 200 letters");
        }
        let country = self.0.country.load();
        let found = country.causes_of_death.search(&terms).into_iter();
        let choice = |cause: &Cause| Choice {
            id: cause.id.clone(),
            label: cause.label.clone(),
        };
        let results = found.map(choice).collect();
        Reply::Found(Json(Found { results }))
    }
}

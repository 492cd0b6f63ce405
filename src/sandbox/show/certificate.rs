// SPDX-License-Identifier: MPL-2.0
//! The certificate of a record, filled in as core's client does.

use super::super::core_stand_in::{self, index};
use super::super::places::Places;
use super::{Here, not_done, not_found};
use crate::certificate_fonts::with_fonts;
use crate::pages::with_type;
use crate::report;
use crate::sandbox::StandIns;
use crate::settings::Settings;
use anyhow::Context;
use country::Files;
use country::certificates::Record;
use opencrvs_toolkit::event_document::EventDocument;
use poem::http::HeaderValue;
use poem::http::header::CONTENT_SECURITY_POLICY;
use poem::web::{Data, Path};
use poem::{Response, handler};
use serde_json::{Map, Value, json};

/// The policy of the drawing: its fonts are in it, and it runs nothing.
const OF_DRAWING: &str = "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'";

#[handler]
pub(super) async fn shown(Path(id): Path<String>, Data(here): Here<'_>) -> Response {
    let (Some(document), Some(settings)) = (here.core.record(&id), here.settings.get()) else {
        return not_found(here);
    };
    let record = match serde_json::from_value::<Record>(record(here, &document)) {
        Ok(record) => record,
        Err(why) => {
            return not_done(
                here,
                "/",
                &format!("the certificate cannot be filled in: {why}"),
            );
        }
    };
    let (settings, event) = (settings.clone(), document.event_type);
    let drawing = tokio::task::spawn_blocking(move || filled_in(&settings, &event, &record));
    match drawing.await {
        Ok(Ok(svg)) => {
            let mut response = with_type("image/svg+xml", svg);
            let policy = HeaderValue::from_static(OF_DRAWING);
            response
                .headers_mut()
                .insert(CONTENT_SECURITY_POLICY, policy);
            response
        }
        Ok(Err(why)) => not_done(here, "/", &format!("{why:#}")),
        Err(why) => not_done(here, "/", &why.to_string()),
    }
}

/// The first certificate of an event in the first language of the country, with its fonts.
fn filled_in(settings: &Settings, event: &str, record: &Record) -> anyhow::Result<String> {
    let files = Files::of(settings.country_files.dirs.as_deref());
    let (known, clients) = country::certificates(&settings.country())
        .map_err(|problems| anyhow::anyhow!(report::problems(&problems)))?;
    let mut certificates = known.iter();
    let certificate = certificates.find(|certificate| certificate.event == event);
    let certificate = certificate.with_context(|| format!("`{event}` has no certificate"))?;
    let (_, client) = clients.first().context("the country has no language")?;
    let svg = certificate.render(record, client)?;
    with_fonts(&svg, certificate, &files)
}

/// A record as templates read it, with the names of its places and its registrar.
fn record(here: &StandIns, document: &EventDocument) -> Value {
    let places = here.core.places.get();
    let history = document.history();
    let registration = history.registration();
    let declaration = visible(here, document);
    let office = places.and_then(|places| places.registrar.office.clone());
    let step = json!({
        "createdAt": registration.and_then(|action| action.created_at.clone()),
        "acceptedAt": registration.and_then(|action| action.created_at.clone()),
        "createdBy": places.map(|places| places.registrar.id.clone()),
        "createdByRole": places.map(|places| places.registrar.role.clone()),
        "createdAtLocation": office,
        "registrationNumber": document.registration_number(),
    });
    json!({
        "declaration": declaration,
        "metadata": {
            "id": document.id, "type": document.event_type, "trackingId": document.tracking_id,
            "status": index::status(document), "createdAt": document.created_at,
            "updatedAt": document.updated_at, "modifiedAt": core_stand_in::moment(super::super::now()),
            "createdBy": places.map(|places| places.registrar.id.clone()), "createdAtLocation": office,
            "copiesPrintedForTemplate": 1, "flags": [], "legalStatuses": {"REGISTERED": step},
        },
        "actions": document.actions.iter().filter(|action| action.is_accepted()).collect::<Vec<_>>(),
        "locations": places.map_or_else(Map::new, locations),
        "administrativeAreas": places.map_or_else(Map::new, areas),
        "users": places.map_or_else(Vec::new, |places| {
            let (first, last) = (&places.registrar.firstname, &places.registrar.surname);
            vec![json!({
                "id": places.registrar.id, "role": places.registrar.role,
                "name": {"firstname": first, "surname": last},
            })]
        }),
        "review": index::status(document) != "REGISTERED",
    })
}

/// The answers that the form shows.
fn visible(here: &StandIns, document: &EventDocument) -> Value {
    let Some(app) = here.app.get() else {
        return json!({});
    };
    let policy = app.hooks.policy.load();
    let visible = policy.visibility.on(policy.today(super::super::now()));
    json!(document.history().current_state(visible))
}

fn locations(places: &Places) -> Map<String, Value> {
    let place = |l: &super::super::places::Location| {
        (
            l.id.clone(),
            json!({"name": l.name, "administrativeAreaId": l.area}),
        )
    };
    places.all_locations().iter().map(place).collect()
}

fn areas(places: &Places) -> Map<String, Value> {
    let place = |area: &super::super::places::Area| {
        (
            area.id.clone(),
            json!({"name": area.name, "parentId": area.parent}),
        )
    };
    places.all_areas().iter().map(place).collect()
}

// SPDX-License-Identifier: MPL-2.0
//! A map of the country, and its areas and offices.

use super::Studio;
use super::model::{Place, Places};
use super::view::{self, View};
use maud::{Markup, html};
use poem::web::{Data, Query};
use poem::{Response, handler};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// So many places of an area or a search are listed.
const MOST: usize = 200;
/// The width of the map in its own units.
const WIDTH: f64 = 600.0;
/// The outlines of an area, in degrees: each a list of points.
type Rings = Vec<Vec<[f64; 2]>>;

/// Outlines of a country have fewer points.
const MOST_POINTS: usize = 20_000;

#[handler]
pub(super) fn get_places(
    Data(studio): Data<&Arc<Studio>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    view::with(studio, |view| {
        let of = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let (area, search) = (of("area"), of("q"));
        let content = html! {
            div.split.even {
                section {
                    form.row.end method="get" action="/places" data-live {
                        div { label for="q" { "Name" } input #q type="search" name="q" value=(search) autocomplete="off"; }
                        noscript { button { "Search" } }
                    }
                    @if search.trim().is_empty() { (inside(view, area)) } @else { (found(&view.model.places, search)) }
                }
                section.card { (map(view, area)) }
            }
        };
        view.page("/places", "/places", "Places", content)
    })
}

/// An area with what lies in it.
fn inside(view: &View, area: &str) -> Markup {
    let places = &view.model.places;
    let path = places.path(area);
    let country = view.model.snapshot.name.as_deref().unwrap_or("The country");
    let areas: Vec<&Place> = places.areas(area).collect();
    let others: Vec<&Place> = places
        .within(area)
        .filter(|place| place.kind.is_some())
        .collect();
    let level = places
        .levels
        .get(path.len())
        .map(|(_, label)| view.say(label))
        .unwrap_or_default();
    html! {
        nav.crumbs aria-label="Area" {
            a href="/places" { (country) }
            @for place in &path { " › " a href={"/places?area=" (place.id)} { (place.name) } }
        }
        @if let Some(place) = path.last() { p.small.soft.mono { (place.id) } }
        @if !areas.is_empty() {
            h2 { (level) " (" (areas.len()) ")" }
            ul.columns { @for place in areas.iter().take(MOST) { li { a href={"/places?area=" (place.id)} { (place.name) } } } }
            (more(areas.len()))
        }
        @if !others.is_empty() {
            h2 { "Offices and facilities here (" (others.len()) ")" }
            (listed(places, &others))
        }
    }
}

fn found(places: &Places, search: &str) -> Markup {
    let typed = search.trim().to_lowercase();
    let found: Vec<&Place> = places
        .all()
        .filter(|place| place.name.to_lowercase().contains(&typed))
        .collect();
    html! {
        h2 { (found.len()) " found" }
        (listed(places, &found))
    }
}

fn listed(places: &Places, list: &[&Place]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr { th { "Name" } th { "Kind" } th { "Id" } } }
            tbody {
                @for place in list.iter().take(MOST) {
                    tr {
                        td {
                            @if place.kind.is_none() { a href={"/places?area=" (place.id)} { (place.name) } } @else { (place.name) }
                            @if let Some(parent) = &place.parent { div.small.soft { (places.label(parent)) } }
                        }
                        td { (place.kind.as_deref().unwrap_or("area")) }
                        td.mono { (place.id) }
                    }
                }
            }
        } }
        (more(list.len()))
    }
}

fn more(all: usize) -> Markup {
    html! { @if all > MOST { p.soft { "and " (all - MOST) " more" } } }
}

/// The outlines of `map.geojson`, the areas with links.
fn map(view: &View, area: &str) -> Markup {
    let map = view.model.files.bytes("map.geojson").ok();
    let map: Option<Value> = map.and_then(|map| serde_json::from_slice(&map).ok());
    let features = map
        .as_ref()
        .and_then(|map| map.get("features")?.as_array())
        .cloned()
        .unwrap_or_default();
    let outlines: Vec<(String, Rings)> = features.iter().map(outline).collect();
    let Some(frame) = Frame::around(
        outlines
            .iter()
            .flat_map(|(_, rings)| rings.iter().flatten()),
    ) else {
        return html! { p.soft { "map.geojson has no outlines." } };
    };
    let places = &view.model.places;
    let current = places.path(area).first().map(|place| place.name.clone());
    html! {
        svg.map viewBox={"0 0 " (WIDTH) " " (frame.height())} role="group" aria-label="Map of the country" {
            @for (name, rings) in &outlines {
                @let path = frame.path(rings);
                @let shown = html! { path d=(path) class=(if current.as_deref() == Some(name) { "area here" } else { "area" }) { title { (name) } } };
                @match places.all().find(|place| place.kind.is_none() && place.name == *name) {
                    Some(place) => a href={"/places?area=" (place.id)} aria-label=(name) { (shown) },
                    None => (shown),
                }
            }
            @for (name, rings) in &outlines {
                @if let Some([x, y]) = frame.middle(rings) { text x=(x) y=(y) text-anchor="middle" aria-hidden="true" { (name) } }
            }
        }
    }
}

/// Name and rings of a feature.
fn outline(feature: &Value) -> (String, Rings) {
    let name = feature
        .pointer("/properties/State")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim();
    let mut rings = Rings::new();
    if let Some(coordinates) = feature.pointer("/geometry/coordinates") {
        collect(coordinates, &mut rings, 0);
    }
    (name.to_owned(), rings)
}

/// Rings lie one list deeper in a multipolygon than in a polygon.
fn collect(value: &Value, rings: &mut Rings, depth: usize) {
    let point = |value: &Value| Some([value.get(0)?.as_f64()?, value.get(1)?.as_f64()?]);
    let Some(list) = value.as_array().filter(|_| depth < 4) else {
        return;
    };
    let ring: Vec<[f64; 2]> = list.iter().filter_map(point).take(MOST_POINTS).collect();
    if ring.is_empty() {
        for inner in list {
            collect(inner, rings, depth + 1);
        }
    } else {
        rings.push(ring);
    }
}

/// From degrees to the units of the map.
struct Frame {
    west: f64,
    north: f64,
    east: f64,
    south: f64,
    /// A degree of longitude is shorter away from the equator.
    squeeze: f64,
}

impl Frame {
    fn around<'a>(points: impl Iterator<Item = &'a [f64; 2]>) -> Option<Self> {
        let mut frame: Option<[f64; 4]> = None;
        for [x, y] in points.filter(|point| point.iter().all(|part| part.is_finite())) {
            let [west, south, east, north] = frame.unwrap_or([*x, *y, *x, *y]);
            frame = Some([west.min(*x), south.min(*y), east.max(*x), north.max(*y)]);
        }
        let [west, south, east, north] = frame?;
        let squeeze = f64::midpoint(south, north).to_radians().cos().max(0.1);
        Some(Self {
            west,
            north,
            east,
            south,
            squeeze,
        })
    }

    fn scale(&self) -> f64 {
        WIDTH / ((self.east - self.west) * self.squeeze).max(f64::EPSILON)
    }

    fn height(&self) -> f64 {
        ((self.north - self.south) * self.scale()).round()
    }

    fn place(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        [
            tenth((x - self.west) * self.squeeze * self.scale()),
            tenth((self.north - y) * self.scale()),
        ]
    }

    fn path(&self, rings: &[Vec<[f64; 2]>]) -> String {
        let mut path = String::new();
        for ring in rings {
            for (at, point) in ring.iter().enumerate() {
                let [x, y] = self.place(*point);
                path += &format!("{}{x} {y}", if at == 0 { 'M' } else { 'L' });
            }
            path.push('Z');
        }
        path
    }

    /// The middle of what the rings lie in.
    fn middle(&self, rings: &[Vec<[f64; 2]>]) -> Option<[f64; 2]> {
        let longest = rings.iter().max_by_key(|ring| ring.len())?;
        let around = Self::around(longest.iter())?;
        Some(self.place([
            f64::midpoint(around.west, around.east),
            f64::midpoint(around.south, around.north),
        ]))
    }
}

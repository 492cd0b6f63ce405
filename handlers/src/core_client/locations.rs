// SPDX-License-Identifier: MPL-2.0
//! Places as core knows them: names for the ids of places in a record, and the office that is
//! responsible for a place.

use super::location_lists::{Area, Location, LocationLists};
use super::{Core, CoreError};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Places change seldom.
const KEPT: Duration = Duration::from_mins(10);
/// Core's word for an office that registers.
const OFFICE: &str = "CRVS_OFFICE";

/// Asks core about its places, and remembers them for a while.
pub struct LocationCache {
    core: Arc<Core>,
    /// The lock is held while core is asked: once for all who wait.
    kept: Mutex<Option<(Instant, Arc<LocationIndex>)>>,
}

impl LocationCache {
    /// Does not ask core yet.
    pub fn new(core: Arc<Core>) -> Self {
        let kept = Mutex::default();
        Self { core, kept }
    }

    /// All places: asked for as the system client, or with a token if there is none.
    ///
    /// # Errors
    /// When core does not answer.
    pub async fn map(&self, token: Option<&str>) -> Result<Arc<LocationIndex>, CoreError> {
        let mut kept = self.kept.lock().await;
        if let Some((_, map)) = kept.as_ref().filter(|(until, _)| Instant::now() < *until) {
            return Ok(map.clone());
        }
        let token = token.filter(|_| !self.core.may_ask());
        let lists = self.core.location_lists(token).await?;
        let map = Arc::new(LocationIndex::of(lists));
        *kept = Some((Instant::now() + KEPT, map.clone()));
        Ok(map)
    }
}

/// All places by id.
#[derive(Debug, Default)]
pub struct LocationIndex {
    areas: HashMap<String, Area>,
    locations: HashMap<String, Location>,
    /// The offices that lie in an area itself, by name.
    offices: HashMap<String, Vec<String>>,
}

impl LocationIndex {
    fn of(places: LocationLists) -> Self {
        let mut by_name: Vec<_> = places.locations.iter().collect();
        by_name.sort_by_key(|location| (&location.name, &location.id));
        let mut offices: HashMap<_, Vec<_>> = HashMap::new();
        for office in by_name {
            if let (Some(OFFICE), Some(area)) = (
                office.location_type.as_deref(),
                &office.administrative_area_id,
            ) {
                offices
                    .entry(area.clone())
                    .or_default()
                    .push(office.id.clone());
            }
        }
        let areas = places.areas.into_iter();
        let locations = places.locations.into_iter();
        Self {
            areas: areas.map(|area| (area.id.clone(), area)).collect(),
            locations: locations.map(|l| (l.id.clone(), l)).collect(),
            offices,
        }
    }

    /// The names of a place and of each area around it, from the smallest; empty if there is no such place.
    pub fn names(&self, id: &str) -> Vec<&str> {
        let location = self
            .locations
            .get(id)
            .map(|location| location.name.as_str());
        let areas = self.areas_around(id).map(|area| area.name.as_str());
        location.into_iter().chain(areas).collect()
    }

    /// The office that is responsible for a place: the nearest, in its area or in one around that. If
    /// several are, the one that was named, if it is among them, else the first by name.
    pub fn office(&self, id: &str, named: &str) -> Option<&str> {
        let offices = self
            .areas_around(id)
            .find_map(|area| self.offices.get(&area.id))?;
        let named = offices.iter().find(|office| *office == named);
        named.or(offices.first()).map(String::as_str)
    }

    /// The area in which a place lies, or which it is, and those around it, from the smallest.
    fn areas_around(&self, id: &str) -> impl Iterator<Item = &Area> {
        let around = match self.locations.get(id) {
            Some(location) => location.administrative_area_id.as_deref(),
            None => Some(id),
        };
        let mut passed = HashSet::new();
        std::iter::successors(around.and_then(|id| self.areas.get(id)), |area| {
            self.areas.get(area.parent_id.as_deref()?)
        })
        // Nobody keeps core from areas that lie in each other.
        .take_while(move |area| passed.insert(area.id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn map() -> LocationIndex {
        let areas = json!([
            {"id": "province", "name": "Lumareva", "parentId": null},
            {"id": "district", "name": "Avelora", "parentId": "province"},
            {"id": "village", "name": "Nuravel", "parentId": "district"},
            {"id": "round", "name": "Round", "parentId": "about"},
            {"id": "about", "name": "About", "parentId": "round"},
        ]);
        let location = |id: &str, name: &str, kind: &str, area: &str| json!({"id": id, "name": name, "locationType": kind, "administrativeAreaId": area});
        let locations = json!([
            location("clinic", "Clinic", "HEALTH_FACILITY", "village"),
            location("second", "Second Office", "CRVS_OFFICE", "district"),
            location("first", "First Office", "CRVS_OFFICE", "district"),
            location("capital", "Capital Office", "CRVS_OFFICE", "province"),
            location("ship", "Ship", "HEALTH_FACILITY", "nowhere"),
        ]);
        LocationIndex::of(LocationLists::of(areas, locations))
    }

    #[rstest]
    #[case("clinic", &["Clinic", "Nuravel", "Avelora", "Lumareva"])]
    #[case("village", &["Nuravel", "Avelora", "Lumareva"])]
    #[case("ship", &["Ship"])]
    #[case("round", &["Round", "About"])]
    #[case("unknown", &[])]
    fn places_have_names(#[case] id: &str, #[case] expected: &[&str]) {
        assert_eq!(map().names(id), expected);
    }

    #[rstest]
    #[case::upwards("clinic", "elsewhere", Some("first"))]
    #[case::the_one_that_was_named("clinic", "second", Some("second"))]
    #[case::of_an_area("province", "first", Some("capital"))]
    #[case::none("round", "first", None)]
    #[case::unknown("unknown", "first", None)]
    fn the_nearest_office_is_responsible(
        #[case] id: &str,
        #[case] named: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(map().office(id, named), expected);
    }
}

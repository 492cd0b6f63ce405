// SPDX-License-Identifier: MPL-2.0
//! Places where records are made, as core knows them.

use super::{Core, CoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;

/// A province, a district …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Core's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Core's id of the area that it is a part of.
    #[serde(alias = "parentId")]
    pub parent_id: Option<String>,
    /// The country's own code.
    #[serde(alias = "externalId")]
    pub external_id: Option<String>,
}

/// An office, a hospital …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Core's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Core's id of the area where it is.
    #[serde(alias = "administrativeAreaId")]
    pub administrative_area_id: Option<String>,
    /// `CRVS_OFFICE`, `HEALTH_FACILITY` …
    #[serde(alias = "locationType")]
    pub location_type: Option<String>,
    /// The country's own code.
    #[serde(alias = "externalId")]
    pub external_id: Option<String>,
}

/// All places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocationLists {
    /// The areas.
    pub areas: Vec<Area>,
    /// The locations in them.
    pub locations: Vec<Location>,
}

impl LocationLists {
    /// Reads core's lists. Entries that are not places are left out; a place whose area is not among the
    /// areas gets none.
    pub fn of(areas: Value, locations: Value) -> Self {
        let mut seen = HashSet::new();
        let mut areas: Vec<Area> = entries(areas);
        areas.retain(|area| seen.insert(area.id.clone()));
        let known = seen;
        for area in &mut areas {
            area.parent_id.take_if(|parent| !known.contains(parent));
        }
        let mut seen = HashSet::new();
        let mut locations: Vec<Location> = entries(locations);
        locations.retain(|location| seen.insert(location.id.clone()));
        for location in &mut locations {
            location
                .administrative_area_id
                .take_if(|area| !known.contains(area));
        }
        Self { areas, locations }
    }
}

impl Core {
    /// The lists that core keeps, as they are shown to the bearer of a token, or to the system client.
    pub(crate) async fn location_lists(
        &self,
        token: Option<&str>,
    ) -> Result<LocationLists, CoreError> {
        let areas = self.list("administrativeAreas.list", token).await?;
        let locations = self.list("locations.list", token).await?;
        Ok(LocationLists::of(areas, locations))
    }
}

fn entries<T: serde::de::DeserializeOwned>(list: Value) -> Vec<T> {
    let Value::Array(entries) = list else {
        return Vec::new();
    };
    let entries = entries.into_iter();
    entries
        .filter_map(|entry| serde_json::from_value(entry).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cores_lists_are_taken_as_far_as_they_make_sense() {
        let areas = json!([
            {"id": "p", "name": "Province", "parentId": null, "externalId": "P1", "validUntil": null},
            {"id": "d", "name": "District", "parentId": "p"},
            {"id": "d", "name": "Again", "parentId": "p"},
            {"id": "o", "name": "Orphan", "parentId": "nowhere"},
            {"id": "nameless"}, 7,
        ]);
        let locations = json!([
            {"id": "l", "name": "Office", "administrativeAreaId": "d", "locationType": "CRVS_OFFICE", "externalId": "CRO1"},
            {"id": "m", "name": "Embassy", "administrativeAreaId": "elsewhere", "locationType": null},
        ]);
        let places = LocationLists::of(areas, locations);
        let parents = places
            .areas
            .iter()
            .map(|area| (area.id.as_str(), area.parent_id.as_deref()));
        let parents: Vec<_> = parents.collect();
        assert_eq!(parents, [("p", None), ("d", Some("p")), ("o", None)]);
        let locations = places
            .locations
            .iter()
            .map(|l| l.administrative_area_id.as_deref());
        assert_eq!(locations.collect::<Vec<_>>(), [Some("d"), None]);
        assert_eq!(
            LocationLists::of(json!({}), Value::Null),
            LocationLists::default()
        );
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The places and the registrar that core's seeder reads from the country.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The places of the country with core's ids, and the registrar.
pub(super) struct Places {
    areas: Vec<Area>,
    locations: Vec<Location>,
    pub(super) registrar: Registrar,
}

/// A province, a district …
pub(super) struct Area {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) parent: Option<String>,
    external: String,
}

/// An office, a hospital …
pub(super) struct Location {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) area: Option<String>,
    pub(super) kind: String,
    external: String,
}

/// The user of the sandbox.
pub(super) struct Registrar {
    pub(super) id: String,
    pub(super) role: String,
    pub(super) office: Option<String>,
    pub(super) firstname: String,
    pub(super) surname: String,
}

/// `/config/locations`.
#[derive(Deserialize)]
struct Served {
    locations: Vec<ServedPlace>,
    #[serde(rename = "administrativeAreas")]
    areas: Vec<ServedPlace>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServedPlace {
    id: String,
    name: String,
    part_of: String,
    #[serde(default)]
    location_type: String,
}

/// An entry of `/config/users`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServedUser {
    primary_office_id: String,
    given_names: String,
    family_name: String,
    role: String,
}

impl Places {
    /// Reads the documents that the country serves to core's seeder.
    ///
    /// # Errors
    /// Documents that the seeder cannot read.
    pub(super) fn seed(locations: &[u8], users: &[u8]) -> serde_json::Result<Self> {
        let served: Served = serde_json::from_slice(locations)?;
        let users: Vec<ServedUser> = serde_json::from_slice(users)?;
        let around = |place: &ServedPlace| {
            let parent = place.part_of.split('/').nth(1)?;
            (parent != "0").then(|| id_of("area", parent))
        };
        let areas = served.areas.iter().map(|area| Area {
            id: id_of("area", &area.id),
            name: area.name.clone(),
            parent: around(area),
            external: area.id.clone(),
        });
        let locations = served.locations.iter().map(|location| Location {
            id: id_of("location", &location.id),
            name: location.name.clone(),
            area: around(location),
            kind: location.location_type.clone(),
            external: location.id.clone(),
        });
        let registers = |user: &&ServedUser| user.role == "LOCAL_REGISTRAR";
        let registrar = users.iter().find(registers).or(users.first());
        let registrar = registrar.map_or_else(
            || Registrar {
                id: id_of("user", ""),
                role: "LOCAL_REGISTRAR".to_owned(),
                office: None,
                firstname: "The".to_owned(),
                surname: "Registrar".to_owned(),
            },
            |user| {
                let office = user.primary_office_id.rsplit('_').next();
                Registrar {
                    id: id_of("user", &user.primary_office_id),
                    role: user.role.clone(),
                    office: office.map(|office| id_of("location", office)),
                    firstname: user.given_names.clone(),
                    surname: user.family_name.clone(),
                }
            },
        );
        Ok(Self {
            areas: areas.collect(),
            locations: locations.collect(),
            registrar,
        })
    }

    /// The answer of `administrativeAreas.list`.
    pub(super) fn areas(&self) -> Vec<Value> {
        let area = |area: &Area| json!({"id": area.id, "name": area.name, "parentId": area.parent, "externalId": area.external});
        self.areas.iter().map(area).collect()
    }

    /// The answer of `locations.list`.
    pub(super) fn locations(&self) -> Vec<Value> {
        let location = |l: &Location| {
            json!({
                "id": l.id, "name": l.name, "administrativeAreaId": l.area, "locationType": l.kind,
                "externalId": l.external,
            })
        };
        self.locations.iter().map(location).collect()
    }

    /// All areas.
    pub(super) fn all_areas(&self) -> &[Area] {
        &self.areas
    }

    /// All offices and facilities.
    pub(super) fn all_locations(&self) -> &[Location] {
        &self.locations
    }

    /// The place of birth in the samples: a health facility in an area.
    pub(super) fn facility(&self) -> Option<&Location> {
        let mut locations = self.locations.iter();
        locations.find(|l| l.kind == "HEALTH_FACILITY" && l.area.is_some())
    }

    /// An area without subareas, for addresses.
    pub(super) fn village(&self) -> Option<&Area> {
        let has_parts = |id: &str| self.areas.iter().any(|a| a.parent.as_deref() == Some(id));
        self.areas.iter().find(|area| !has_parts(&area.id))
    }
}

/// An id that is derived from the country's own: the same in each run.
fn id_of(kind: &str, external: &str) -> String {
    let digest = Sha256::digest(format!("{kind}:{external}"));
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(digest)
        .for_each(|(to, from)| *to = from);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

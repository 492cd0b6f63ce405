// SPDX-License-Identifier: MPL-2.0
//! Areas, offices and facilities, found by id, by area and by the beginning of a name.

use super::{items, text};
use serde_json::Value;
use std::collections::HashMap;

/// An area, office or facility.
pub(in crate::studio) struct Place {
    pub(in crate::studio) id: String,
    pub(in crate::studio) name: String,
    /// The area around it.
    pub(in crate::studio) parent: Option<String>,
    /// `CRVS_OFFICE`, `HEALTH_FACILITY` …; nothing for an area.
    pub(in crate::studio) kind: Option<String>,
}

/// All places of a country.
pub(in crate::studio) struct Places {
    list: Vec<Place>,
    by_id: HashMap<String, usize>,
    /// Within an area; at `""` those of the whole country.
    within: HashMap<String, Vec<usize>>,
    /// Ids and labels of the levels, the largest areas first.
    pub(in crate::studio) levels: Vec<(String, Value)>,
}

impl Places {
    pub(super) fn of(document: &Value, application: &Value) -> Self {
        let place = |place: &Value| {
            let parent = text(place, "partOf").trim_start_matches("Location/");
            let kind = text(place, "locationType");
            Place {
                id: text(place, "id").to_owned(),
                name: text(place, "name").to_owned(),
                parent: (parent != "0" && !parent.is_empty()).then(|| parent.to_owned()),
                kind: (!kind.is_empty()).then(|| kind.to_owned()),
            }
        };
        let areas = items(document, "administrativeAreas").iter();
        let list: Vec<Place> = areas
            .chain(items(document, "locations"))
            .map(place)
            .collect();
        let mut within: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_id = HashMap::new();
        for (at, place) in list.iter().enumerate() {
            let parent = place.parent.clone().unwrap_or_default();
            within.entry(parent).or_default().push(at);
            by_id.entry(place.id.clone()).or_insert(at);
        }
        let levels = items(application, "ADMIN_STRUCTURE").iter();
        let level = |level: &Value| {
            let label = level.get("label").cloned().unwrap_or_default();
            (text(level, "id").to_owned(), label)
        };
        Self {
            list,
            by_id,
            within,
            levels: levels.map(level).collect(),
        }
    }

    pub(in crate::studio) fn get(&self, id: &str) -> Option<&Place> {
        self.list.get(*self.by_id.get(id)?)
    }

    pub(in crate::studio) fn all(&self) -> impl Iterator<Item = &Place> {
        self.list.iter()
    }

    /// The places directly within an area; `""` is the country.
    pub(in crate::studio) fn within(&self, area: &str) -> impl Iterator<Item = &Place> {
        let at = self.within.get(area).into_iter().flatten();
        at.filter_map(|at| self.list.get(*at))
    }

    /// The areas directly within an area.
    pub(in crate::studio) fn areas(&self, area: &str) -> impl Iterator<Item = &Place> {
        self.within(area).filter(|place| place.kind.is_none())
    }

    /// From the largest area around a place to the place itself.
    pub(in crate::studio) fn path(&self, id: &str) -> Vec<&Place> {
        let mut path: Vec<&Place> = Vec::new();
        let mut next = self.get(id);
        while let Some(place) = next {
            // A circle was refused when the files were read.
            if path.len() > 32 {
                break;
            }
            path.push(place);
            next = place.parent.as_deref().and_then(|parent| self.get(parent));
        }
        path.reverse();
        path
    }

    /// Whether no area lies within an area.
    pub(in crate::studio) fn is_leaf(&self, area: &str) -> bool {
        self.areas(area).next().is_none()
    }

    /// The first area of the lowest level.
    pub(in crate::studio) fn first_leaf(&self) -> Option<&Place> {
        let mut area = self.areas("").next()?;
        for _ in 0..32 {
            match self.areas(&area.id).next() {
                Some(below) => area = below,
                None => break,
            }
        }
        Some(area)
    }

    /// The name with that of the area around it.
    pub(in crate::studio) fn label(&self, id: &str) -> String {
        let Some(place) = self.get(id) else {
            return id.to_owned();
        };
        match place.parent.as_deref().and_then(|parent| self.get(parent)) {
            Some(area) => format!("{}, {}", place.name, area.name),
            None => place.name.clone(),
        }
    }

    /// Places of these kinds whose name has a text in it, in the order of the files; all kinds where
    /// none is named.
    pub(in crate::studio) fn search<'p>(
        &'p self,
        kinds: &[&str],
        typed: &str,
    ) -> impl Iterator<Item = &'p Place> {
        let typed = typed
            .split(',')
            .next()
            .unwrap_or_default()
            .trim()
            .to_lowercase();
        self.list.iter().filter(move |place| {
            let of_kind = match &place.kind {
                Some(kind) => kinds.is_empty() || kinds.contains(&kind.as_str()),
                None => kinds.is_empty(),
            };
            of_kind && (typed.is_empty() || place.name.to_lowercase().contains(&typed))
        })
    }

    /// The place with this label.
    pub(in crate::studio) fn labelled(&self, kinds: &[&str], label: &str) -> Option<&Place> {
        let label = label.trim();
        let named = || self.search(kinds, label);
        named()
            .find(|place| self.label(&place.id) == label)
            .or_else(|| named().find(|place| place.name == label))
            .or_else(|| self.get(label))
    }
}

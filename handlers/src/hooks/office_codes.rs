// SPDX-License-Identifier: MPL-2.0
//! The offices that core knows, kept in the ledger: a hook knows its office by core's id only, and must not
//! wait for core.

use crate::clock::Clock;
use crate::core_client::Core;
use crate::core_client::location_lists::{Area, LocationLists};
use crate::delivery::ledger::Ledger;
use rules::registration_numbers::Office;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tracing::{info, warn};

/// The interval at which core is asked: offices change seldom.
const EVERY: Duration = Duration::from_mins(10);
/// The shortest interval, for offices that are not known.
const AT_LEAST: Duration = Duration::from_secs(30);
/// The wait after a failure of core or the ledger.
const AGAIN: Duration = Duration::from_mins(1);

/// Synchronises the offices in the ledger with those of core.
pub struct OfficeCodes {
    /// The source of the offices.
    core: Arc<Core>,
    /// The ledger that stores them.
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    missed: Notify,
    /// The token of the last hook with an unknown office, to ask core with if there is no system client.
    token: Mutex<Option<String>>,
}

impl OfficeCodes {
    /// Does not ask core yet.
    pub fn new(core: Arc<Core>, ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self {
            core,
            ledger,
            clock,
            missed: Notify::new(),
            token: Mutex::default(),
        }
    }

    /// Looks for an unknown office, without delaying its hook.
    pub fn look_again(&self, token: &str) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.to_owned());
        self.missed.notify_one();
    }

    /// Asks core at start, every ten minutes, and after a hook of an unknown office. Never ends.
    /// `needed` says whether any number contains the code of its office.
    pub async fn keep_up(&self, needed: impl Fn() -> bool) {
        let mut is_told = false;
        loop {
            let filled = if needed() {
                self.fill().await
            } else {
                Ok(None)
            };
            let pause = match filled {
                Ok(Some(_)) => EVERY,
                // A system client may be there soon, or files that need offices.
                Ok(None) => AT_LEAST,
                Err(_) => AGAIN,
            };
            let asked = !matches!(filled, Ok(None));
            match filled {
                Ok(Some(offices)) => {
                    is_told = false;
                    if offices > 0 {
                        info!(offices, "The ledger has new codes of {offices} offices");
                    }
                }
                Err(error) if !std::mem::replace(&mut is_told, true) => {
                    warn!(
                        error = &*error as &dyn std::error::Error,
                        "The offices could not be taken from core; those in the ledger are used"
                    );
                }
                Ok(None) | Err(_) => {}
            }
            if asked {
                tokio::time::sleep(AT_LEAST).await;
            }
            // Without a system client, the next hook of an unknown office brings a token.
            drop(tokio::time::timeout(pause, self.missed.notified()).await);
        }
    }

    /// Updates the offices and returns how many have changed; `None` if core cannot be asked yet.
    async fn fill(&self) -> Result<Option<u64>, Box<dyn std::error::Error + Send + Sync>> {
        let token = self
            .token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let token = token.filter(|_| !self.core.may_ask());
        if token.is_none() && !self.core.may_ask() {
            return Ok(None);
        }
        let lists = self.core.location_lists(token.as_deref()).await;
        if lists.is_err() && token.is_some() {
            let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = kept.take().or(token);
        }
        let offices = offices(&lists?);
        Ok(Some(
            self.ledger.keep_offices(&offices, self.clock.now()).await?,
        ))
    }
}

/// The locations with an id of the country. Users work in places other than offices, too.
fn offices(lists: &LocationLists) -> Vec<Office> {
    let areas: HashMap<&str, &Area> = lists.areas.iter().map(|area| (&*area.id, area)).collect();
    let mut offices = Vec::new();
    for location in &lists.locations {
        let Some(external_id) = location.external_id.clone() else {
            continue;
        };
        let mut around = Vec::new();
        let mut passed = HashSet::new();
        let mut next = location.administrative_area_id.as_deref();
        while let Some(area) = next.and_then(|id| areas.get(id))
            && passed.insert(&*area.id)
        {
            around.push(area.external_id.clone().unwrap_or_default());
            next = area.parent_id.as_deref();
        }
        around.reverse();
        offices.push(Office {
            id: location.id.clone(),
            external_id,
            areas: around,
        });
    }
    offices
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn offices_have_the_codes_of_the_areas_around_them_from_the_largest() {
        let areas = json!([
            {"id": "a", "name": "Province", "parentId": null, "externalId": "P1"},
            {"id": "b", "name": "District", "parentId": "a", "externalId": "D1"},
            {"id": "c", "name": "Circle", "parentId": "d", "externalId": "C"},
            {"id": "d", "name": "Circle", "parentId": "c"},
        ]);
        let at = |id: &str, external: Option<&str>, area: &str| json!({"id": id, "name": id, "externalId": external, "administrativeAreaId": area});
        let locations = json!([
            at("1", Some("CRO1"), "b"),
            at("2", Some("CRO2"), "0"),
            at("3", None, "b"),
            at("4", Some("CRO4"), "c"),
        ]);
        let offices = offices(&LocationLists::of(areas, locations));
        let shown: Vec<_> = offices
            .iter()
            .map(|o| (&*o.id, &*o.external_id, o.areas.join("/")))
            .collect();
        let of = |id, external, areas: &str| (id, external, areas.to_owned());
        assert_eq!(
            shown,
            [
                of("1", "CRO1", "P1/D1"),
                of("2", "CRO2", ""),
                of("4", "CRO4", "/C")
            ]
        );
    }
}

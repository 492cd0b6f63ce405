// SPDX-License-Identifier: MPL-2.0
//! Names of registration offices. Core knows them by ids of its own, so core is asked, seldom and
//! never while it waits for an answer itself.

use crate::clock::Clock;
use crate::core_client::Core;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;
use tracing::warn;

/// The time for which names are cached.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// The wait before core is asked again after it did not answer, or did not know an office.
const PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// The offices that core knows.
pub struct Offices {
    core: Arc<Core>,
    clock: Arc<dyn Clock>,
    /// The lock is held while core is asked: once for all who wait.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    names: HashMap<String, String>,
    asked_at: Option<Timestamp>,
}

impl Offices {
    /// Does not ask core yet.
    pub fn new(core: Arc<Core>, clock: Arc<dyn Clock>) -> Self {
        Self {
            core,
            clock,
            known: Mutex::default(),
        }
    }

    /// The name of an office; `None` if core does not give it.
    pub async fn name(&self, id: &str) -> Option<String> {
        if !self.core.may_ask() {
            return None;
        }
        let mut known = self.known.lock().await;
        let now = self.clock.now();
        let age = known.asked_at.map(|at| now.duration_since(at));
        let fresh = if known.names.contains_key(id) {
            FRESH
        } else {
            PAUSE
        };
        if age.is_none_or(|age| age >= fresh) {
            known.asked_at = Some(now);
            match self.core.locations().await {
                Ok(names) => known.names = names,
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "Could not get the names of offices from core; messages are sent without them"
                ),
            }
        }
        known.names.get(id).cloned()
    }
}

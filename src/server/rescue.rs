// SPDX-License-Identifier: MPL-2.0
//! Searches, from time to time, for records that wait in core because their hook was lost.

use crate::metrics;
use handlers::hooks::rescue::{Mode, Rescue, RescueError, Round, Step};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

/// Wait before the first search: hooks in progress have their answer by then …
const FIRST: Duration = Duration::from_secs(20);
/// … and the interval of the later ones.
const EVERY: Duration = Duration::from_mins(10);
/// Interval at which unanswered hooks are written to the ledger.
const NOTE: Duration = Duration::from_secs(30);

/// Searches for lost hooks from time to time. Ends only if the search is off.
pub(super) async fn keep_up(rescue: Arc<Rescue>, mode: Mode) {
    if mode == Mode::Off {
        return;
    }
    if !rescue.core.may_ask() {
        info!("Lost hooks are not searched for: SYSTEM_CLIENT_ID is not set");
    }
    let mut told = BTreeSet::new();
    let mut next = tokio::time::Instant::now() + FIRST;
    loop {
        if next <= tokio::time::Instant::now() {
            next += EVERY;
            match rescue.round(mode, false).await {
                Ok(Round { steps, unseen }) => {
                    for error in unseen {
                        warn!(
                            error = &error as &dyn std::error::Error,
                            "One of the lists of pending actions could not be read"
                        );
                    }
                    tell(&steps, mode, &mut told);
                }
                Err(RescueError::NoClient) => {}
                Err(error) => warn!(
                    error = &error as &dyn std::error::Error,
                    "Could not search for lost hooks"
                ),
            }
        } else {
            rescue.put_into_ledger().await;
        }
        tokio::time::sleep(NOTE).await;
    }
}

/// Reports each action once in the log, and always in the metrics.
fn tell(steps: &[Step], mode: Mode, told: &mut BTreeSet<String>) {
    metrics::rescued(steps);
    let known = std::mem::take(told);
    for step in steps.iter().filter(|step| step.end.is_open()) {
        let key = format!("{} {}", step.event_id, step.action_type);
        if !known.contains(&key) {
            let how = match mode {
                Mode::Report => " (RESCUE=on decides actions that create no identity)",
                _ => "",
            };
            warn!(event.id = %step.event_id, since = %step.since, "Core waits for {} of `{}`: {}; `countryconfig rescue {1}`{how}", step.action_type, step.event_id, step.end);
        }
        told.insert(key);
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The metrics for Prometheus, with the ledger's present state.

use super::App;
use handlers::delivery::ledger::{State, WAITING_REASONS, WaitingActions};
use metrics::gauge;
use tracing::error;

/// The text for Prometheus, with the ledger's present state.
pub(super) async fn render(app: &App) -> String {
    let is_up = app.condition.ledger().await.is_ok();
    gauge!("countryconfig_ledger_up").set(if is_up { 1.0 } else { 0.0 });
    let fault = app.refused_change.load().is_some();
    gauge!("countryconfig_country_fault").set(f64::from(u8::from(fault)));
    let waiting = app.ledger.waiting_actions().await;
    match app.ledger.queues().await {
        Ok(queues) => {
            if let Ok(waiting) = waiting {
                waiting_in_core(app, &waiting);
            }
            let to_nowhere = queues
                .iter()
                .filter(|queue| !app.destinations.contains(&queue.destination));
            let to_nowhere: u64 = to_nowhere.map(|queue| queue.depth).sum();
            gauge!("countryconfig_deliveries_unconfigured")
                .set(u32::try_from(to_nowhere).unwrap_or(u32::MAX));
            for destination in &app.destinations {
                let of = |state| {
                    queues
                        .iter()
                        .find(|queue| queue.destination == *destination && queue.state == state)
                };
                let depth = |state| {
                    of(state).map_or(0, |queue| u32::try_from(queue.depth).unwrap_or(u32::MAX))
                };
                let age = of(State::Waiting).map_or(0.0, |queue| {
                    app.hooks
                        .clock
                        .now()
                        .duration_since(queue.oldest)
                        .as_secs_f64()
                });
                let name = destination.as_str();
                let labels = || [("destination", name.to_owned())];
                gauge!("countryconfig_deliveries_waiting", &labels()).set(depth(State::Waiting));
                gauge!("countryconfig_deliveries_parked", &labels()).set(depth(State::Parked));
                gauge!("countryconfig_deliveries_oldest_seconds", &labels()).set(age);
            }
        }
        Err(error) => {
            error!(
                error = &error as &dyn std::error::Error,
                "Could not count the deliveries in the ledger"
            );
        }
    }
    app.metrics.render()
}

/// Counts the actions that core waits for, by reason.
fn waiting_in_core(app: &App, waiting: &[WaitingActions]) {
    let now = app.hooks.clock.now();
    for reason in WAITING_REASONS {
        let of_reason = || waiting.iter().filter(|kind| kind.reason() == reason);
        let count: u64 = of_reason().map(|kind| kind.count).sum();
        let oldest = of_reason().map(|kind| kind.oldest).min();
        let age = oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64());
        gauge!("countryconfig_actions_waiting_in_core", "reason" => reason)
            .set(u32::try_from(count).unwrap_or(u32::MAX));
        gauge!("countryconfig_actions_waiting_in_core_oldest_seconds", "reason" => reason).set(age);
    }
}

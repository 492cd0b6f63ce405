// SPDX-License-Identifier: MPL-2.0
//! Metrics for Prometheus. Labels are words of this program and of the country's files, never of a
//! request: an unknown caller must not be able to create series.

use crate::build_info;
use handlers::clock::{Clock, SystemClock};
use handlers::hooks::rescue::{End, Reason, Step};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opencrvs_toolkit::hook_action::HookAction;
use std::sync::OnceLock;
use std::time::Duration;

/// Upper bounds of the histograms in seconds: from a hook that is answered at once to a middleware
/// that hangs.
const BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0,
];

/// Interval at which histograms are summed up, also when nobody reads them.
const UPKEEP: Duration = Duration::from_secs(10);

/// The recorder of the metrics: one for the whole process.
pub fn handle() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let seconds = Matcher::Suffix("_seconds".to_owned());
            let recorder = builder
                .set_buckets_for_metric(seconds, &BUCKETS)
                .unwrap_or_default()
                .build_recorder();
            let handle = recorder.handle();
            // Who embeds this crate may gather elsewhere; then there is nothing here.
            drop(metrics::set_global_recorder(recorder));
            describe();
            gauge!("countryconfig_build_info", "version" => build_info::VERSION, "commit" => build_info::COMMIT, "core_versions" => build_info::CORE_VERSIONS).set(1.0);
            handle
        })
        .clone()
}

fn describe() {
    describe_gauge!(
        "countryconfig_build_info",
        "Always 1; the labels say which build this is"
    );
    describe_counter!(
        "countryconfig_hooks_total",
        "Hooks by event, action and status of the answer"
    );
    describe_histogram!(
        "countryconfig_hook_seconds",
        "Time from a hook to its answer"
    );
    describe_counter!(
        "countryconfig_decisions_total",
        "Decisions, by rule; `none` if no packet is sent"
    );
    describe_counter!(
        "countryconfig_registration_numbers_total",
        "Numbers by event and kind: `format`, or why it is a fallback"
    );
    describe_counter!(
        "countryconfig_deliveries_total",
        "Attempts to deliver, by destination, operation and outcome"
    );
    describe_histogram!("countryconfig_delivery_seconds", "Time of one attempt");
    describe_gauge!("countryconfig_deliveries_waiting", "Pending deliveries");
    describe_gauge!(
        "countryconfig_deliveries_oldest_seconds",
        "Age of the oldest of them"
    );
    describe_gauge!(
        "countryconfig_deliveries_parked",
        "Parked deliveries, which need an operator"
    );
    describe_gauge!(
        "countryconfig_deliveries_unconfigured",
        "Deliveries that are not sent, as their destination is not configured any more"
    );
    describe_gauge!(
        "countryconfig_actions_waiting_in_core",
        "Actions answered 202 whose end this server does not know, by reason"
    );
    describe_gauge!(
        "countryconfig_actions_waiting_in_core_oldest_seconds",
        "Age of the oldest of them"
    );
    describe_gauge!(
        "countryconfig_rescue_found",
        "Actions that core waits for without a pending delivery here, by reason"
    );
    describe_gauge!(
        "countryconfig_rescue_found_oldest_seconds",
        "Age of the oldest of them"
    );
    describe_counter!(
        "countryconfig_rescued_total",
        "Rescued actions, whose hook or answer was lost, by outcome"
    );
    describe_gauge!(
        "countryconfig_breaker",
        "State of the circuit breaker: 0 closed, 1 recovering, 2 open"
    );
    describe_gauge!(
        "countryconfig_ledger_up",
        "1 while the ledger can be written; figures about deliveries are those of its last answer"
    );
    describe_counter!(
        "countryconfig_reloads_total",
        "Changes of the country's files, loaded or refused"
    );
    describe_gauge!(
        "countryconfig_country_fault",
        "1 while a change of the country's files is refused, or their cases fail; /readyz says why"
    );
}

/// Records the results of a search for lost records.
pub fn rescued(steps: &[Step]) {
    let now = SystemClock.now();
    for reason in Reason::ALL {
        let of_reason = || steps.iter().filter(|step| step.end == End::Found(reason));
        let oldest = of_reason().map(|step| step.since).min();
        let age = oldest.map_or(0.0, |since| now.duration_since(since).as_secs_f64());
        let count = u32::try_from(of_reason().count()).unwrap_or(u32::MAX);
        gauge!("countryconfig_rescue_found", "reason" => reason.as_str()).set(count);
        gauge!("countryconfig_rescue_found_oldest_seconds", "reason" => reason.as_str()).set(age);
    }
    for step in steps.iter().filter(|step| step.end.is_rescued()) {
        counter!("countryconfig_rescued_total", "outcome" => step.end.as_str()).increment(1);
    }
}

/// Keeps the memory of the histograms small. Never ends.
pub async fn keep_up(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        handle.run_upkeep();
    }
}

/// A hook about an event was answered; `events` are the types that the country has.
pub fn answered(events: &[String], event: &str, action: &str, status: u16, took: Duration) {
    let mut events = events.iter().map(String::as_str);
    let event = events
        .find(|known| *known == event)
        .unwrap_or("other")
        .to_owned();
    let action = HookAction::of(action).map_or("other", HookAction::name);
    counter!("countryconfig_hooks_total", "event" => event.clone(), "action" => action, "answer" => status.to_string()).increment(1);
    histogram!("countryconfig_hook_seconds", "event" => event, "action" => action).record(took);
}

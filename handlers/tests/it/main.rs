// SPDX-License-Identifier: MPL-2.0
//! Ledger and delivery against real files and real HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod analytics;
mod core;
mod deliveries;
mod ledger;
#[path = "../simulation/memory.rs"]
mod memory;
mod numbers;
mod office_codes;
mod outage;
mod reference_data;

use handlers::delivery::ledger::{Answer, Destination, Entry, NewDelivery};
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use serde_json::json;

/// A moment, in seconds after an arbitrary start.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

/// A registration that waits for the middleware, with one delivery that is due at once.
fn entry(event: &str, action: &str, number: &str) -> Entry {
    Entry {
        event_id: EventId::new(event),
        action_id: ActionId::new(action),
        event_type: "birth".into(),
        action_type: "REGISTER".into(),
        rule: None,
        decision: "birth".into(),
        registration_number: Some(number.into()),
        answer: Answer::wait(),
        deliveries: vec![NewDelivery {
            destination: Destination::MIDDLEWARE,
            operation: "create-uin".into(),
            path: "/events/registration".into(),
            payload: json!({"eventId": event, "action": action}),
            token: "token".into(),
            due_at: at(0),
            fallback: None,
        }],
    }
}

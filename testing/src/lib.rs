// SPDX-License-Identifier: MPL-2.0
//! Helpers for the tests of several crates: servers for one test, and waiting for a condition.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on has failed"
)]

pub mod mail_server;
pub mod ports;
pub mod postgres;

use std::time::Duration;

/// Polls until a condition is true, with a time limit.
///
/// # Panics
/// After a minute.
pub async fn within(what: &str, is_true: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_true().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_mins(1), waiting).await;
    assert!(waited.is_ok(), "a minute, and not yet: {what}");
}

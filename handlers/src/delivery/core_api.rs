// SPDX-License-Identifier: MPL-2.0
//! Core, as deliveries need it.

use crate::core_client::{Core, CoreError, Fate, token_end};
use crate::delivery::ledger::{Claimed, Destination};
use async_trait::async_trait;
use jiff::Timestamp;

/// Core, as the delivery of packets needs it.
#[async_trait]
pub trait CoreApi: Send + Sync {
    /// True if there is a system client, which asks about any record and gets fresh tokens.
    fn has_system_client(&self) -> bool;

    /// The state of an action, see [`Core::fate`]. Without a system client core is asked with the
    /// hook's token until that expires.
    async fn fate_of(&self, delivery: &Claimed) -> Result<Fate, CoreError>;

    /// The same, if possible without a trace in the record; the answer may be slightly out of date.
    async fn fate_without_trace(&self, delivery: &Claimed) -> Result<Fate, CoreError>;

    /// A token that the delivery can be sent with now: that of the hook until it expires, or, if it
    /// must be `fresh`, one that was never used.
    async fn token_for(&self, delivery: &Claimed, fresh: bool) -> Result<String, CoreError>;

    /// When the hook's token expires; `None` if a system client can get another.
    fn token_ends(&self, delivery: &Claimed) -> Option<Timestamp>;
}

#[async_trait]
impl CoreApi for Core {
    fn has_system_client(&self) -> bool {
        self.may_ask()
    }

    async fn fate_of(&self, delivery: &Claimed) -> Result<Fate, CoreError> {
        Self::fate_of(self, delivery.hooked_action()).await
    }

    async fn fate_without_trace(&self, delivery: &Claimed) -> Result<Fate, CoreError> {
        Self::fate_without_trace(self, delivery.hooked_action()).await
    }

    async fn token_for(&self, delivery: &Claimed, fresh: bool) -> Result<String, CoreError> {
        let hooked = delivery.hooked_action();
        if fresh {
            self.fresh_token(hooked).await
        } else {
            self.token(hooked, delivery.destination == Destination::CORE)
                .await
        }
    }

    fn token_ends(&self, delivery: &Claimed) -> Option<Timestamp> {
        if self.may_ask() {
            return None;
        }
        token_end(&delivery.token)
    }
}

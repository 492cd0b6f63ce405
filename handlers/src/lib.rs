// SPDX-License-Identifier: MPL-2.0
//! The handling of an action that core reports: the rule that applies, the registration number, the
//! answer, and the deliveries that follow. **Invariant:** nothing here knows the web framework or the
//! forms.

pub mod analytics;
pub mod clock;
pub mod core_client;
pub mod current;
pub mod delivery;
pub mod fault;
pub mod hooks;
pub mod integrations;
pub mod notification;

// SPDX-License-Identifier: MPL-2.0
//! What happens when core reports an action: which rule applies, which registration number it gets,
//! what is answered, and what is delivered afterwards. **Invariant:** nothing here knows the web
//! framework or the forms.

pub mod analytics;
pub mod clock;
pub mod core_client;
pub mod delivery;
pub mod fault;
pub mod hooks;
pub mod integrations;
pub mod notification;
pub mod registration_number;

// SPDX-License-Identifier: MPL-2.0
//! What happens when core reports an action: which rule applies, which registration number it gets,
//! what is answered, and what is delivered afterwards. **Invariant:** nothing here knows the web
//! framework or the forms.

pub mod acceptance;
pub mod analytics;
pub mod annotated_toml;
mod breaker;
pub mod causes_of_death;
pub mod clock;
pub mod core;
pub mod countries;
pub mod credentials;
pub mod delivery;
pub mod diagnostic;
pub mod expression;
pub mod fault;
pub mod forward;
pub mod hook;
pub mod ledger;
pub mod middleware;
pub mod mosip_mapping;
pub mod notification;
pub mod number;
pub mod outside;
pub mod places;
pub mod policy;
pub mod portal;
pub mod reference_data;
pub mod registration_numbers;
pub mod rescue;
mod revocation;
pub mod rules;
pub mod schedule;
pub mod seal;
pub mod template_bounds;
pub mod verification;

#[cfg(test)]
mod testing;

pub use diagnostic::{Diagnostic, Severity, closest};
pub use expression::{Facts, Vocabulary};

// SPDX-License-Identifier: MPL-2.0
//! The country's rules and the readers of its files: expressions, eligibility, packets for MOSIP,
//! TOML and CSV with places, diagnostics, bounds for templates. **Invariant:** no I/O and no clock.

pub mod annotated_toml;
pub mod countries;
pub mod csv_table;
pub mod diagnostic;
pub mod eligibility;
pub mod expression;
pub mod mosip_mapping;
pub mod policy;
pub mod registration_number;
pub mod registration_numbers;
pub mod template_bounds;

#[cfg(test)]
mod testing;

pub use diagnostic::{Diagnostic, Severity, closest};
pub use expression::{Facts, Vocabulary};

// SPDX-License-Identifier: MPL-2.0
//! What happens when core reports an action: rules, registration numbers, the ledger and what is
//! delivered from it. **Invariant:** nothing here knows the web framework or the forms.

pub mod clock;
pub mod delivery;
pub mod ledger;
pub mod number;
pub mod outside;
pub mod schedule;
pub mod seal;

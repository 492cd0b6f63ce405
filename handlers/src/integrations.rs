// SPDX-License-Identifier: MPL-2.0
//! Other systems: [`forward`] tells them of registrations, [`portal`] lets them ask core, [`credentials`] has
//! verifiable credentials issued, [`reference_data`] gives dashboards the causes of death, [`system_clients`] creates
//! the clients of core.

pub mod credentials;
pub mod forward;
pub mod portal;
pub mod reference_data;
pub mod system_clients;

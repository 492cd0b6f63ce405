// SPDX-License-Identifier: MPL-2.0
//! Other systems: [`forward`] notifies them of registrations, [`portal`] relays their requests to core,
//! [`credentials`] has verifiable credentials issued, [`reference_data`] gives dashboards the causes of
//! death, [`system_clients`] creates the clients of core.

pub mod credentials;
pub mod forward;
pub mod portal;
pub mod reference_data;
pub mod system_clients;

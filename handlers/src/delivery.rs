// SPDX-License-Identifier: MPL-2.0
//! Deliveries: stored with the answer, and sent to other systems afterwards.
//!
//! - [`ledger`] stores them, with actions, answers and registration numbers; [`encryption`] keeps them
//!   private there
//! - [`worker`] claims due deliveries, by the [`schedule`] and the destination's circuit breaker
//! - [`transport`] sends to a destination: [`core_transport`] to core, [`middleware`] to the national ID
//!   system; [`outcome`] is the result of an attempt
//! - [`acceptance`] asks core for the state of a waiting action, through [`core_api`]

pub mod acceptance;
mod breaker;
pub mod core_api;
pub mod core_transport;
pub mod encryption;
pub mod ledger;
pub mod middleware;
pub mod outcome;
pub mod schedule;
pub mod transport;
pub mod worker;

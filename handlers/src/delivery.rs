// SPDX-License-Identifier: MPL-2.0
//! Deliveries: written down with the answer, and brought to other systems afterwards.
//!
//! - [`ledger`] stores them, with actions, answers and registration numbers; [`encryption`] keeps them
//!   private there
//! - [`worker`] claims what is due, by its [`schedule`] and the state of its destination's circuit breaker
//! - [`transport`] is a way to a destination: [`core_transport`] to core, [`middleware`] to the national ID
//!   system; [`outcome`] says how an attempt ended
//! - [`acceptance`] asks core what became of an action that waits, by [`core_api`]

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

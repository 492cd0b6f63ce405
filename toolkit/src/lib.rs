// SPDX-License-Identifier: MPL-2.0
//! What `OpenCRVS` core and a country configuration say to each other, as Rust types. No I/O.

pub mod event_document;

pub use event_document::{Action, ActionId, EventDocument, EventId};

// SPDX-License-Identifier: MPL-2.0
//! The row that the middleware has of a packet until its credential comes.

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: String,
    /// The caller's token, with which the middleware calls core 2.0.
    pub(super) token: String,
    /// The registration number.
    pub(super) number: String,
    pub(super) event: String,
    /// The action, if the token names it.
    pub(super) action: Option<String>,
    pub(super) created_at: String,
    /// The identity that MOSIP has made from the packet.
    pub(super) identity: Option<String>,
}

// SPDX-License-Identifier: MPL-2.0
//! The contract of OpenCRVS core as Rust types: the content of a country configuration, and its wire format.
//!
//! Nothing here does I/O. Core accepts every value that can be built, as far as types can ensure that;
//! [`event::problems`] finds the other faults.

pub mod action;
pub mod conditional;
pub mod core_version;
pub mod deduplication;
pub mod describe;
pub mod evaluate;
pub mod event;
pub mod event_document;
pub mod field;
pub mod hook_action;
pub mod json_pointer;
pub mod message;
pub mod page;
pub mod scope;
pub mod search;
pub mod summary;
pub mod visibility;
pub mod words;
pub mod workqueue;
pub mod writer;

/// Everything that a file of form definitions needs.
pub mod prelude {
    pub use crate::action::{Action, DialogCopy, Review};
    pub use crate::conditional::{
        Conditional, FieldReference, Nested, UserField, always, always_true, and, evaluate, event,
        field, flag, form_conditional, never, not, now, or, status, user, window,
    };
    pub use crate::deduplication::{Clause, Deduplication};
    pub use crate::event::{Event, FlagConfig};
    pub use crate::field::build::*;
    pub use crate::field::{
        AddressDefault, AnyField, AreaType, DataEntry, Field, FontVariant, Method, NamePart,
        SelectOption, StreetField, TextAlign, Unlabelled, option, plain_option, types,
    };
    pub use crate::message::{Message, message};
    pub use crate::page::{Form, Page, Verification, form, form_page, verification_page};
    pub use crate::search::{SearchField, SearchSection};
    pub use crate::summary::SummaryField;
}

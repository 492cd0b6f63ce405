// SPDX-License-Identifier: MPL-2.0
//! Uploaded documents.

use opencrvs_toolkit::prelude::*;

/// Media types of documents that support a declaration.
pub(crate) const DOCUMENT_TYPES: [&str; 4] =
    ["image/jpeg", "image/png", "image/jpg", "application/pdf"];

/// A document of one of several kinds; a correction cannot replace it.
pub(crate) fn document(
    name: &str,
    label: Message,
    kinds: impl IntoIterator<Item = SelectOption>,
) -> Field<types::FileWithOptions> {
    file_with_options(format!("documents.{name}"), kinds)
        .labelled(label)
        .uncorrectable()
        .accepted_file_types(DOCUMENT_TYPES)
}

// SPDX-License-Identifier: MPL-2.0
//! Words for answers in the `OpenAPI` document, where the framework finds none itself.

use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaSchema, MetaSchemaRef};

/// An answer with this status.
pub(super) fn response(
    status: u16,
    description: &'static str,
    content: Vec<MetaMediaType>,
) -> MetaResponse {
    MetaResponse {
        description,
        status: Some(status),
        status_range: None,
        content,
        headers: vec![],
    }
}

/// Content of any kind.
pub(super) fn any() -> MetaMediaType {
    MetaMediaType {
        content_type: "*/*",
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::ANY)),
    }
}

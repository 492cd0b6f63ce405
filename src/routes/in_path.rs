// SPDX-License-Identifier: MPL-2.0
//! The one parameter of a path, as a value that exists. A path with another value is not a path of this
//! server: it is answered like one, before the caller's authority is checked.

use crate::problem::Problem;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

/// See the module. Without a type it only declares a parameter of a path that is looked up as a whole.
pub(super) struct InPath<T = ()>(pub(super) T);

/// A value that a path can name.
pub(super) trait FromPath: Sized {
    /// The value of this name; an error with the status 404 if there is none.
    fn from_path(name: &str) -> Result<Self, Problem>;
}

impl FromPath for () {
    fn from_path(_: &str) -> Result<Self, Problem> {
        Ok(())
    }
}

impl<'a, T: FromPath> ApiExtractor<'a> for InPath<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(String::schema_ref())
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        let name = request.path_params::<String>()?;
        Ok(Self(T::from_path(&name)?))
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The body of a request, which is not read yet: authorization comes first.

use crate::problem::Problem;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use poem::http::StatusCode;
use poem::http::header::CONTENT_LENGTH;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;
use std::io;
use std::marker::PhantomData;
use std::time::Duration;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

/// Time limit for a body to arrive.
const ARRIVAL: Duration = Duration::from_secs(20);

/// See the module. `T` is the expected body.
pub(super) struct Unread<T> {
    body: RequestBody,
    /// The length that the request announces.
    length: Option<usize>,
    expected: PhantomData<fn() -> T>,
}

/// The body that a route expects, for the `OpenAPI` document.
pub(super) trait Expected {
    /// Its media types and schemas.
    fn meta() -> MetaRequest;

    /// Registers the types that its schemas refer to.
    fn register(_: &mut Registry) {}
}

impl<T: Type> Expected for T {
    fn meta() -> MetaRequest {
        let content = MetaMediaType {
            content_type: "application/json",
            schema: T::schema_ref(),
        };
        MetaRequest {
            description: None,
            content: vec![content],
            required: true,
        }
    }

    fn register(registry: &mut Registry) {
        <T as Type>::register(registry);
    }
}

impl<'a, T: Expected> ApiExtractor<'a> for Unread<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(T::meta())
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let length = request.headers().get(CONTENT_LENGTH);
        Ok(Self {
            body: std::mem::take(body),
            length: length.and_then(|length| length.to_str().ok()?.parse().ok()),
            expected: PhantomData,
        })
    }
}

impl<T> Unread<T> {
    /// The length that the request announces, in bytes.
    pub(super) fn length(&self) -> Option<usize> {
        self.length
    }

    /// The body as it arrives; none if there is none.
    pub(super) fn stream(mut self) -> Option<BoxStream<'static, io::Result<Bytes>>> {
        let body = self.body.take().ok()?;
        Some(Box::pin(body.into_bytes_stream()))
    }

    /// Receives the body, up to a size limit in bytes, into memory for `capacity` bytes.
    pub(super) async fn receive(self, limit: usize, capacity: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::with_capacity(capacity.min(limit));
        let Some(mut stream) = self.stream() else {
            return Ok(bytes);
        };
        let receiving = async {
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(Fault::BrokeOff)?;
                if bytes.len() + chunk.len() > limit {
                    return Err(Fault::TooLarge(limit));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        let received = tokio::time::timeout(ARRIVAL, receiving).await;
        received.map_err(|_| Fault::TooSlow)?
    }

    /// Receives the body; one that breaks off is a bad request.
    pub(super) async fn bytes(self, limit: usize) -> Result<Vec<u8>, Problem> {
        self.receive(limit, 0).await.map_err(|fault| match fault {
            Fault::BrokeOff(error) => bad("the body broke off").caused_by(error),
            fault => fault.into(),
        })
    }
}

impl<T: DeserializeOwned + Validate> Unread<T> {
    /// Reads and checks the body, up to a size limit in bytes. Mistakes are reported by field, never by
    /// value.
    pub(super) async fn read(self, limit: usize) -> Result<T, Problem> {
        let bytes = self.bytes(limit).await?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let content: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            let error = error.into_inner();
            if error.is_syntax() || error.is_eof() {
                let place = (error.line(), error.column());
                return bad(format!(
                    "the body is not JSON (line {}, column {})",
                    place.0, place.1
                ));
            }
            // The rest of what serde says may hold a value.
            let said = error.to_string();
            let named = said
                .split('`')
                .nth(1)
                .filter(|_| said.starts_with("missing field"));
            let within = |name: &str| match path.as_str() {
                "." => name.to_owned(),
                path => format!("{path}.{name}"),
            };
            match named {
                Some(name) => wrong(vec![(within(name), "is missing".to_owned())]),
                None => wrong(vec![(
                    path.clone(),
                    "is not of the expected kind".to_owned(),
                )]),
            }
        })?;
        content.validate().map_err(|errors| {
            let mut faults = Vec::new();
            flatten("", &errors, &mut faults);
            faults.sort();
            wrong(faults)
        })?;
        Ok(content)
    }
}

/// The reason why a body could not be received.
pub(super) enum Fault {
    /// It is larger than this number of bytes.
    TooLarge(usize),
    /// It did not arrive in time.
    TooSlow,
    /// The connection broke.
    BrokeOff(io::Error),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLarge(limit) => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than {limit} bytes"),
            ),
            Fault::TooSlow => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                format!("the body did not arrive within {} s", ARRIVAL.as_secs()),
            ),
            Fault::BrokeOff(error) => Problem::unprocessable("the body broke off").caused_by(error),
        }
    }
}

fn bad(message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, message)
}

/// An answer that names fields and what is wrong with each.
pub(super) fn wrong(faults: Vec<(String, String)>) -> Problem {
    let said: Vec<_> = faults
        .iter()
        .map(|(field, why)| format!("`{field}` {why}"))
        .collect();
    bad(said.join("; ")).with_fields(faults)
}

fn flatten(above: &str, errors: &ValidationErrors, faults: &mut Vec<(String, String)>) {
    for (name, kind) in errors.errors() {
        let path = if above.is_empty() {
            name.to_string()
        } else {
            format!("{above}.{name}")
        };
        match kind {
            ValidationErrorsKind::Struct(errors) => flatten(&path, errors, faults),
            ValidationErrorsKind::List(items) => {
                for (n, errors) in items {
                    flatten(&format!("{path}[{n}]"), errors, faults);
                }
            }
            ValidationErrorsKind::Field(errors) => {
                let why = errors.iter().find_map(|error| error.message.as_deref());
                faults.push((path, why.unwrap_or("is not acceptable").to_owned()));
            }
        }
    }
}

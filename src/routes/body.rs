// SPDX-License-Identifier: MPL-2.0
//! A request whose body is not read yet: authorization comes first.

use crate::problem::Problem;
use futures_util::StreamExt;
use poem::http::StatusCode;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::pin::pin;
use std::time::Duration;
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

/// Time limit for a body to arrive.
const ARRIVAL: Duration = Duration::from_secs(20);

/// See the module. `T` is the expected type of the body.
pub(super) struct Unread<'a, T> {
    pub(super) request: &'a Request,
    pub(super) body: RequestBody,
    promised: PhantomData<fn() -> T>,
}

impl<'a, T: Type> ApiExtractor<'a> for Unread<'a, T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType {
            content_type: "application/json",
            schema: T::schema_ref(),
        }];
        Some(MetaRequest {
            description: None,
            content,
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self {
            request,
            body: std::mem::take(body),
            promised: PhantomData,
        })
    }
}

impl<T: DeserializeOwned + Validate> Unread<'_, T> {
    /// Reads and checks the body, up to a size limit in bytes. Mistakes are reported by field, never by
    /// value.
    pub(super) async fn read(self, limit: usize) -> Result<T, Problem> {
        let bytes = bytes(self.body, limit).await?;
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

/// The bytes of a body; none where there is no body.
pub(super) async fn bytes(body: RequestBody, limit: usize) -> Result<Vec<u8>, Problem> {
    receive(body, limit, 0).await.map_err(|fault| match fault {
        Fault::BrokeOff(error) => bad("the body broke off").caused_by(error),
        fault => fault.into(),
    })
}

/// The reason why a body could not be received.
pub(super) enum Fault {
    /// It is larger than this number of bytes.
    TooLarge(usize),
    /// It did not arrive in time.
    TooSlow,
    /// The connection broke.
    BrokeOff(std::io::Error),
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

/// Receives a body, up to a size limit in bytes. `length` is its declared length, or 0.
pub(super) async fn receive(
    mut body: RequestBody,
    limit: usize,
    length: usize,
) -> Result<Vec<u8>, Fault> {
    let Ok(body) = body.take() else {
        return Ok(Vec::new());
    };
    let mut stream = pin!(body.into_bytes_stream());
    let receiving = async {
        let mut bytes = Vec::with_capacity(length.min(limit));
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

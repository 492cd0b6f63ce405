// SPDX-License-Identifier: MPL-2.0
//! The `OpenAPI` document: the parts that the framework does not derive from the types of routes.
//!
//! A route declares its path, id, tag and texts in its attribute and comments, its credentials with
//! the parameter [`Authorized`](super::authority::Authorized), and its statuses with its result: [`Refused`]
//! lists those of errors, but for the refusals of its authority.

use crate::problem::{Problem, ProblemBody};
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::{ApiResponse, Tags, types::Type};
use serde_json::{Map, Value, json};
use std::marker::PhantomData;

/// Groups of routes.
#[derive(Tags)]
pub(super) enum Tag {
    /// Probes and metrics of the server.
    Health,
    /// The country's events, roles, places and other configuration, for core.
    Configuration,
    /// Certificates, fonts, pictures, texts and scripts, for core's client and login page.
    Files,
    /// The action hook, the notifications and the reindex that core calls.
    Core,
    /// Searches and credentials that forms ask for.
    Forms,
    /// Core's operations for government portals and health systems.
    Portals,
    /// Alerts of the cluster's monitoring.
    Monitoring,
    /// An issuer of credentials for demonstrations.
    Demonstration,
    /// Routes of earlier versions.
    Gone,
}

/// The document: that of the framework, completed. Every route may answer 500, routes with an authority have
/// its refusals, routes without a credential say that they are open, and the rest of a path is a parameter
/// like any other.
pub(super) fn document(framework: &str) -> String {
    let mut document: Value = serde_json::from_str(framework).unwrap_or_default();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        *paths = std::mem::take(paths)
            .into_iter()
            .map(|(path, item)| (template(&path), item))
            .collect();
        let items = paths.values_mut().filter_map(Value::as_object_mut);
        items.flat_map(Map::values_mut).for_each(complete);
    }
    format!("{document:#}\n")
}

/// The framework writes the rest of a path as `*name`, `OpenAPI` as `{name}`.
fn template(path: &str) -> String {
    match path.split_once('*') {
        Some((above, name)) => format!("{above}{{{name}}}"),
        None => path.to_owned(),
    }
}

fn complete(operation: &mut Value) {
    let Some(operation) = operation.as_object_mut() else {
        return;
    };
    operation.entry("security").or_insert(json!([]));
    let refusals = taken_from_carriers(operation);
    let responses = operation.get_mut("responses");
    if let Some(responses) = responses.and_then(Value::as_object_mut) {
        let fault = response(
            500,
            "A fault of this server; its log names the cause",
            vec![problem()],
        );
        let fault = serde_json::to_value(fault).unwrap_or_default();
        responses.entry("500").or_insert(fault);
        for (status, refusal) in refusals {
            responses.entry(status).or_insert(refusal);
        }
        responses.sort_keys();
    }
}

/// The type of the schema of a [`carrier`].
const CARRIER: &str = "refusals";

/// The refusals of an authority, as the schema of a parameter. The framework takes responses from the result
/// of a handler alone; a parameter of a handler can add a parameter of the operation. [`document`] makes
/// responses of it.
pub(super) fn carrier(refusals: Statuses) -> MetaSchemaRef {
    let responses = refusals.iter().map(|(status, why)| {
        let refusal = response(*status, why, vec![problem()]);
        let refusal = serde_json::to_value(refusal).unwrap_or_default();
        (status.to_string(), refusal)
    });
    let schema = MetaSchema {
        example: Some(Value::Object(responses.collect())),
        ..MetaSchema::new(CARRIER)
    };
    MetaSchemaRef::Inline(Box::new(schema))
}

/// Takes the carriers out of the parameters of an operation; returns their responses by status.
fn taken_from_carriers(operation: &mut Map<String, Value>) -> Map<String, Value> {
    let mut refusals = Map::new();
    let Some(Value::Array(parameters)) = operation.get_mut("parameters") else {
        return refusals;
    };
    parameters.retain_mut(|parameter| {
        let is_carrier = parameter.pointer("/schema/type").and_then(Value::as_str) == Some(CARRIER);
        if is_carrier && let Some(Value::Object(carried)) = parameter.pointer_mut("/schema/example")
        {
            refusals.append(carried);
        }
        !is_carrier
    });
    if parameters.is_empty() {
        operation.shift_remove("parameters");
    }
    refusals
}

/// Statuses of errors, in ascending order, and when they are answered.
pub(super) type Statuses = &'static [(u16, &'static str)];

/// The errors of a route.
pub(super) trait Refusals {
    /// All but 500 and those of its authority.
    const STATUSES: Statuses;
}

/// The body is wrong.
pub(super) const BAD_BODY: (u16, &str) = (
    400,
    "The body is not what it should be; `fields` names what is wrong",
);
/// The body is slow.
pub(super) const SLOW_BODY: (u16, &str) = (408, "The body does not arrive within 20 seconds");

/// An error with one of the statuses of `R`.
#[derive(Debug)]
pub(super) struct Refused<R>(Problem, PhantomData<fn() -> R>);

impl<R> From<Problem> for Refused<R> {
    fn from(problem: Problem) -> Self {
        Self(problem, PhantomData)
    }
}

impl<R> From<Refused<R>> for poem::Error {
    fn from(refused: Refused<R>) -> Self {
        refused.0.into()
    }
}

impl<R: Refusals> ApiResponse for Refused<R> {
    fn meta() -> MetaResponses {
        let refusals = R::STATUSES.iter();
        let refusals = refusals.map(|(status, why)| response(*status, why, vec![problem()]));
        MetaResponses {
            responses: refusals.collect(),
        }
    }

    fn register(registry: &mut Registry) {
        ProblemBody::register(registry);
    }
}

/// A response.
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

/// The content of an error.
fn problem() -> MetaMediaType {
    MetaMediaType {
        content_type: Json::<ProblemBody>::CONTENT_TYPE,
        schema: ProblemBody::schema_ref(),
    }
}

/// The kind of a body that has no type here.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// An array of objects.
    Objects,
    /// An object.
    Object,
    /// Text.
    Text,
    /// Bytes.
    Binary,
}

/// A body that has no type here.
pub(super) fn content(content_type: &'static str, kind: Kind) -> MetaMediaType {
    let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
    let schema = match kind {
        Kind::Objects => MetaSchema {
            items: Some(Box::new(inline(MetaSchema::new("object")))),
            ..MetaSchema::new("array")
        },
        Kind::Object => MetaSchema::new("object"),
        Kind::Text => MetaSchema::new("string"),
        Kind::Binary => MetaSchema::new_with_format("string", "binary"),
    };
    MetaMediaType {
        content_type,
        schema: inline(schema),
    }
}

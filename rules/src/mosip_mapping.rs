// SPDX-License-Identifier: MPL-2.0
//! The data that MOSIP is sent, and its field names: the packets of `country/data/mosip.toml`.
//!
//! Like the rules, a mapping knows no web, clock or network. A field that the record has no value for is left
//! out, and so is one whose expression makes no sense for the record: a packet that lacks a field is better
//! than a record that is stuck.

mod id_schema;
mod parse;

use id_schema::IdSchema;
use opencrvs_toolkit::event_document::Fields;
use serde_json::{Map, Value, json};

use crate::diagnostic::{Diagnostic, Severity};
use crate::eligibility::{Operation, RuleSet};
use crate::expression::{Expression, Facts};

/// The packets of a country, compiled and checked. Share it behind an `Arc`.
#[derive(Debug)]
pub struct Mapping {
    file: String,
    packets: Vec<PacketMapping>,
    /// The country's identity schema.
    id_schema: Option<IdSchema>,
}

/// The mapping of the packet for one operation on one event type.
#[derive(Debug)]
struct PacketMapping {
    operation: Operation,
    event: String,
    path: String,
    /// Names of `fields` without which nothing is sent.
    required: Vec<String>,
    fields: Section,
    notification: Section,
    meta_info: Section,
    audit: Section,
}

/// Names and the expressions that give their values, in the order of the file.
type Section = Vec<(String, Expression)>;

/// A packet for the middleware.
#[derive(Clone, PartialEq)]
pub struct Packet {
    /// Path on the middleware, `/events/registration` for example.
    pub path: String,
    /// The request body.
    pub body: Value,
    /// Names whose expression made no sense for this record, and why, without values: for logs.
    pub left_out: Vec<String>,
}

impl std::fmt::Debug for Packet {
    /// The body is about a person and stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packet")
            .field("path", &self.path)
            .field("left_out", &self.left_out)
            .finish_non_exhaustive()
    }
}

/// The reason why no packet can be made of a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The mapping has nothing for this operation; checked when the files are read.
    #[error("mosip.toml has no packet for `{operation}` of a `{event}`")]
    NotMapped {
        /// The operation.
        operation: Operation,
        /// The event type.
        event: String,
    },
    /// The middleware insists on one.
    #[error("the event document has no `trackingId`")]
    NoTrackingId,
    /// A value that the mapping requires is not known.
    #[error("the packet for `{operation}` needs `{field}`, which is not known")]
    MissingField {
        /// The operation.
        operation: Operation,
        /// The name in the packet.
        field: String,
    },
}

/// Makes the packet for MOSIP about an action.
pub fn build_packet(
    mapping: &Mapping,
    operation: Operation,
    facts: &Facts<'_>,
) -> Result<Packet, PacketError> {
    let event = &facts.event.event_type;
    let Some(packet) = mapping.packet(operation, event) else {
        return Err(PacketError::NotMapped {
            operation,
            event: event.clone(),
        });
    };
    let tracking_id = facts
        .event
        .tracking_id
        .as_deref()
        .filter(|id| !id.is_empty())
        .ok_or(PacketError::NoTrackingId)?;
    let mut left_out = Vec::new();
    let fields = answered_texts(&packet.fields, facts, &mut left_out);
    if let Some(field) = packet
        .required
        .iter()
        .find(|name| !fields.contains_key(*name))
    {
        return Err(PacketError::MissingField {
            operation,
            field: field.clone(),
        });
    }
    let mut body = json!({
        "eventId": facts.event.id.as_str(),
        "trackingId": tracking_id,
        "notification": texts(&packet.notification, facts, &mut left_out),
        "requestFields": fields,
        "metaInfo": values(&packet.meta_info, facts, &mut left_out),
        "audit": values(&packet.audit, facts, &mut left_out),
    });
    if let (Some(schema), Some(body)) = (&mapping.id_schema, body.as_object_mut()) {
        body.insert("schemaJson".into(), Value::from(schema.text.as_str()));
    }
    Ok(Packet {
        path: packet.path.clone(),
        body,
        left_out,
    })
}

impl Mapping {
    /// Faults for the operations that the rules may ask for and that have no packet in this mapping.
    pub fn lacks(&self, rules: &RuleSet) -> Vec<Diagnostic> {
        let mut unmapped: Vec<_> = rules
            .operations()
            .filter(|(event, operation)| self.packet(*operation, event).is_none())
            .collect();
        unmapped.sort_unstable();
        unmapped.dedup();
        let diagnostic = |(event, operation): (&str, Operation)| Diagnostic {
            severity: Severity::Error,
            file: self.file.clone(),
            line: 1,
            column: 1,
            message: format!(
                "a rule has the operation `{operation}` of a `{event}`, but there is no packet for it"
            ),
            hint: Some(format!(
                "add a [[packet]] with operation = \"{operation}\" and event = \"{event}\""
            )),
        };
        unmapped.into_iter().map(diagnostic).collect()
    }

    /// The data of the person that a packet holds; nothing where none is mapped.
    pub(crate) fn fields(&self, operation: Operation, facts: &Facts<'_>) -> Map<String, Value> {
        let packet = self.packet(operation, &facts.event.event_type);
        packet.map_or_else(Map::new, |packet| {
            values(&packet.fields, facts, &mut Vec::new())
        })
    }

    fn packet(&self, operation: Operation, event: &str) -> Option<&PacketMapping> {
        self.packets
            .iter()
            .find(|packet| packet.operation == operation && packet.event == event)
    }
}

/// The values that are known.
fn values(section: &Section, facts: &Facts<'_>, left_out: &mut Vec<String>) -> Map<String, Value> {
    let mut values = Fields::new();
    for (name, expression) in section {
        match expression.evaluate(facts) {
            Ok(Value::Null) => {}
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err(reason) => left_out.push(format!("{name}: {reason}")),
        }
    }
    values
}

/// The values that are known, as texts: the middleware answers 500 to anything else.
fn answered_texts(
    section: &Section,
    facts: &Facts<'_>,
    left_out: &mut Vec<String>,
) -> Map<String, Value> {
    let mut texts = Fields::new();
    for (name, value) in values(section, facts, left_out) {
        match value {
            Value::String(_) => drop(texts.insert(name, value)),
            Value::Bool(_) | Value::Number(_) => drop(texts.insert(name, value.to_string().into())),
            _ => left_out.push(format!("{name}: it is not a text")),
        }
    }
    texts
}

/// All names with a text, which is empty where nothing is known: the middleware wants them so.
fn texts(section: &Section, facts: &Facts<'_>, left_out: &mut Vec<String>) -> Map<String, Value> {
    let values = values(section, facts, left_out);
    let text = |name: &str| match values.get(name) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    section
        .iter()
        .map(|(name, _)| (name.clone(), Value::String(text(name))))
        .collect()
}

#[cfg(test)]
mod tests;

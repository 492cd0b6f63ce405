// SPDX-License-Identifier: MPL-2.0
//! Compilation of a schema to a tree. Parts without a meaning here, or that core refuses, are refused.

use serde_json::{Map, Value};

use super::Obstacle;
use super::node::{Bound, Days, Kinds, Node, Operand};
use super::pattern::Pattern;
use super::pointer::{Pointer, PointerFault, is_inherited};
use crate::json_pointer::escaped;

/// The error for a schema that is not evaluated, with the place of the fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}, at `{path}` of the conditional")]
pub struct CompileError {
    /// JSON pointer to the faulty part of the schema.
    pub path: String,
    /// The fault there.
    pub fault: Fault,
}

/// A fault of a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A keyword without a meaning here; core may know it.
    #[error("unknown keyword `{0}`")]
    UnknownKeyword(String),
    /// A keyword with a value of the wrong kind.
    #[error("`{keyword}` must be {expected}")]
    Shape {
        /// The keyword.
        keyword: String,
        /// The values that it takes.
        expected: &'static str,
    },
    /// A `$data` reference without a certain target.
    #[error("`$data` reference `{0}` {1}")]
    Reference(String, &'static str),
    /// A key that every JavaScript object has, so that core never finds it missing.
    #[error("`{0}` is a member of every JavaScript object")]
    InheritedKey(String),
    /// A regular expression that is not translated.
    #[error("pattern `{pattern}` {problem}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The reason.
        problem: String,
    },
}

/// Keywords that assert nothing.
const ANNOTATIONS: [&str; 6] = [
    "$comment",
    "default",
    "deprecated",
    "description",
    "examples",
    "title",
];

type Result<T> = std::result::Result<T, Fault>;

pub(super) fn compile(schema: &Value) -> std::result::Result<Node, CompileError> {
    let mut compiler = Compiler { path: Vec::new() };
    compiler.schema(schema, 0).map_err(|fault| CompileError {
        path: compiler.path.iter().fold(String::new(), |path, key| {
            format!("{path}/{}", escaped(key))
        }),
        fault,
    })
}

/// Compiler with the path to the current part; after a fault, it is the path to the faulty part.
struct Compiler {
    path: Vec<String>,
}

impl Compiler {
    /// Reads a part one step further in.
    fn within<T>(
        &mut self,
        key: impl Into<String>,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.path.push(key.into());
        let part = read(self)?;
        self.path.pop();
        Ok(part)
    }

    /// Reads a schema for values that stand `depth` levels below the root.
    fn schema(&mut self, schema: &Value, depth: usize) -> Result<Node> {
        let schema = match schema {
            Value::Bool(true) => return Ok(Node::All(Vec::new())),
            Value::Bool(false) => return Ok(Node::Any(Vec::new())),
            Value::Object(schema) => schema,
            _ => {
                return Err(Fault::Shape {
                    keyword: self.path.last().cloned().unwrap_or_default(),
                    expected: "a schema",
                });
            }
        };
        let mut nodes = Vec::with_capacity(schema.len());
        for (keyword, value) in schema {
            let node = self.within(keyword, |this| this.keyword(schema, keyword, value, depth))?;
            nodes.extend(node);
        }
        // Cheap assertions first: they often spare the others.
        nodes.sort_by_key(Node::cost);
        Ok(match <[Node; 1]>::try_from(nodes) {
            Ok([only]) => only,
            Err(nodes) => Node::All(nodes),
        })
    }

    /// Reads one keyword; `None` when it asserts nothing by itself.
    fn keyword(
        &mut self,
        schema: &Map<String, Value>,
        keyword: &str,
        value: &Value,
        depth: usize,
    ) -> Result<Option<Node>> {
        Ok(Some(match keyword {
            "$id" if self.path.len() == 1 => return Ok(None),
            // Read with the keyword that they belong to; without it, they assert nothing.
            "then" | "else" | "minContains" | "maxContains" => return Ok(None),
            _ if ANNOTATIONS.contains(&keyword) => return Ok(None),
            "type" => Node::Type(kinds(value)?),
            "const" => Node::Const(operand(value, depth)?),
            "enum" => Node::Enum(match value {
                Value::Array(values) if !values.is_empty() => values.clone(),
                _ => return Err(shape(keyword, "a list with at least one value")),
            }),
            "properties" => self.properties(value, depth)?,
            "required" => Node::Required(required(value)?),
            "allOf" => Node::All(self.list(keyword, value, depth)?),
            "anyOf" => Node::Any(self.list(keyword, value, depth)?),
            "not" => Node::Not(Box::new(self.schema(value, depth)?)),
            "if" => Node::If {
                question: Box::new(self.schema(value, depth)?),
                then: self.branch(schema, "then", depth)?,
                otherwise: self.branch(schema, "else", depth)?,
            },
            "contains" => Node::Contains {
                item: Box::new(self.schema(value, depth + 1)?),
                min: size(schema, "minContains")?.unwrap_or(1),
                max: size(schema, "maxContains")?,
            },
            "minimum" => number_limit(Bound::AtLeast, keyword, value, depth)?,
            "maximum" => number_limit(Bound::AtMost, keyword, value, depth)?,
            "exclusiveMinimum" => number_limit(Bound::MoreThan, keyword, value, depth)?,
            "exclusiveMaximum" => number_limit(Bound::LessThan, keyword, value, depth)?,
            "minLength" => Node::Length(Bound::AtLeast, whole(keyword, value)?),
            "maxLength" => Node::Length(Bound::AtMost, whole(keyword, value)?),
            "pattern" => Node::Pattern(regex(value)?),
            "format" if value == "date" => Node::Date,
            "format" => return Err(shape(keyword, "`date`")),
            "formatMinimum" => date_limit(Bound::AtLeast, schema, keyword, value, depth)?,
            "formatMaximum" => date_limit(Bound::AtMost, schema, keyword, value, depth)?,
            "daysFromDate" => Node::DaysFromDate(days(value, depth)?),
            // Core does not look at its value.
            "isLeafLevelLocation" if value.is_boolean() => Node::LeafLocation,
            "isLeafLevelLocation" => return Err(shape(keyword, "true")),
            "customClientValidator" if value.get("code").is_some_and(Value::is_string) => {
                Node::Unknown(Obstacle::JavaScript)
            }
            "customClientValidator" => return Err(shape(keyword, "an object with `code`")),
            _ => return Err(Fault::UnknownKeyword(keyword.to_owned())),
        }))
    }

    fn properties(&mut self, value: &Value, depth: usize) -> Result<Node> {
        let properties = value
            .as_object()
            .ok_or_else(|| shape("properties", "an object"))?;
        let mut nodes = Vec::with_capacity(properties.len());
        for (key, schema) in properties {
            let key = own_key(key)?;
            let node = self.within(&key, |this| this.schema(schema, depth + 1))?;
            nodes.push((key, node));
        }
        Ok(Node::Properties(nodes))
    }

    fn list(&mut self, keyword: &str, value: &Value, depth: usize) -> Result<Vec<Node>> {
        // An empty list is a schema that core refuses.
        let schemas = value
            .as_array()
            .filter(|schemas| !schemas.is_empty())
            .ok_or_else(|| shape(keyword, "a list with at least one schema"))?;
        let mut nodes = Vec::with_capacity(schemas.len());
        for (index, schema) in schemas.iter().enumerate() {
            nodes.push(self.within(index.to_string(), |this| this.schema(schema, depth))?);
        }
        Ok(nodes)
    }

    fn branch(
        &mut self,
        schema: &Map<String, Value>,
        keyword: &str,
        depth: usize,
    ) -> Result<Box<Node>> {
        let Some(branch) = schema.get(keyword) else {
            return Ok(Box::new(Node::All(Vec::new())));
        };
        // The way leads to `if`, beside which the branch stands.
        let question = self.path.pop();
        let node = self.within(keyword, |this| this.schema(branch, depth))?;
        self.path.extend(question);
        Ok(Box::new(node))
    }
}

impl Node {
    fn cost(&self) -> u8 {
        match self {
            Self::Type(_) | Self::Required(_) => 0,
            Self::Const(_) | Self::Enum(_) | Self::Number(..) | Self::Date => 1,
            _ => 2,
        }
    }
}

fn shape(keyword: &str, expected: &'static str) -> Fault {
    Fault::Shape {
        keyword: keyword.to_owned(),
        expected,
    }
}

fn own_key(key: &str) -> Result<String> {
    if is_inherited(key) {
        Err(Fault::InheritedKey(key.to_owned()))
    } else {
        Ok(key.to_owned())
    }
}

fn kinds(value: &Value) -> Result<Kinds> {
    let fault = || shape("type", "the name of a JSON type, or several different ones");
    let names = match value {
        Value::Array(names) if !names.is_empty() => names.as_slice(),
        Value::String(_) => std::slice::from_ref(value),
        _ => return Err(fault()),
    };
    let mut kinds = Kinds::default();
    for name in names {
        let kind = match name.as_str().ok_or_else(fault)? {
            "null" => &mut kinds.null,
            "boolean" => &mut kinds.boolean,
            "number" => &mut kinds.number,
            "integer" => &mut kinds.integer,
            "string" => &mut kinds.string,
            "array" => &mut kinds.array,
            "object" => &mut kinds.object,
            _ => return Err(fault()),
        };
        if std::mem::replace(kind, true) {
            return Err(fault());
        }
    }
    Ok(kinds)
}

fn required(value: &Value) -> Result<Vec<String>> {
    // A key named twice is a schema that core refuses.
    let fault = || shape("required", "a list of different keys");
    let mut keys = Vec::new();
    for key in value.as_array().ok_or_else(fault)? {
        let key = own_key(key.as_str().ok_or_else(fault)?)?;
        if keys.contains(&key) {
            return Err(fault());
        }
        keys.push(key);
    }
    Ok(keys)
}

fn size(schema: &Map<String, Value>, keyword: &str) -> Result<Option<usize>> {
    let Some(value) = schema.get(keyword) else {
        return Ok(None);
    };
    let size = value.as_u64().and_then(|size| usize::try_from(size).ok());
    size.map(Some)
        .ok_or_else(|| shape(keyword, "a whole number"))
}

fn whole(keyword: &str, value: &Value) -> Result<f64> {
    value
        .as_u64()
        .and_then(|_| value.as_f64())
        .ok_or_else(|| shape(keyword, "a whole number"))
}

/// A literal, or the `$data` reference that stands for it.
fn operand(value: &Value, depth: usize) -> Result<Operand> {
    let Some(reference) = value.get("$data") else {
        return Ok(Operand::Literal(value.clone()));
    };
    let (Some(text), Some(1)) = (reference.as_str(), value.as_object().map(Map::len)) else {
        return Err(shape("$data", "a pointer, and alone"));
    };
    Pointer::parse(text, depth)
        .map(Operand::Data)
        .map_err(|fault| {
            let problem = match fault {
                PointerFault::Syntax => "is not a JSON pointer with at least one key",
                PointerFault::AboveRoot => "leads above the root",
                PointerFault::IntoList => "leads into a list or a text",
                PointerFault::Inherited => "leads to a member of every JavaScript object",
            };
            Fault::Reference(text.to_owned(), problem)
        })
}

fn number_limit(bound: Bound, keyword: &str, value: &Value, depth: usize) -> Result<Node> {
    match operand(value, depth)? {
        Operand::Literal(value) if !value.is_number() => Err(shape(keyword, "a number")),
        operand => Ok(Node::Number(bound, operand)),
    }
}

fn date_limit(
    bound: Bound,
    schema: &Map<String, Value>,
    keyword: &str,
    value: &Value,
    depth: usize,
) -> Result<Node> {
    if !schema.contains_key("format") {
        return Err(shape(keyword, "beside `format`"));
    }
    match operand(value, depth)? {
        Operand::Literal(value) if !value.is_string() => Err(shape(keyword, "a date")),
        operand => Ok(Node::DateLimit(bound, operand)),
    }
}

fn regex(value: &Value) -> Result<Pattern> {
    let pattern = value
        .as_str()
        .ok_or_else(|| shape("pattern", "a regular expression"))?;
    Pattern::new(pattern).map_err(|problem| Fault::Pattern {
        pattern: pattern.to_owned(),
        problem,
    })
}

fn days(value: &Value, depth: usize) -> Result<Days> {
    let fault = || {
        shape(
            "daysFromDate",
            "`days`, `clause` (`before` or `after`) and perhaps `referenceDate`",
        )
    };
    let members = value.as_object().ok_or_else(fault)?;
    let known = ["days", "clause", "referenceDate"];
    if members.keys().any(|key| !known.contains(&key.as_str())) {
        return Err(fault());
    }
    let reference = members
        .get("referenceDate")
        .map(|day| operand(day, depth))
        .transpose()?;
    match &reference {
        Some(Operand::Literal(day)) if !day.is_string() => return Err(fault()),
        // Core's own keyword reads `0/…` from the root and knows no `~` escapes.
        Some(Operand::Data(_)) => {
            let text = value
                .pointer("/referenceDate/$data")
                .and_then(Value::as_str);
            if text.is_none_or(|text| text.starts_with('0') || text.contains('~')) {
                return Err(fault());
            }
        }
        _ => {}
    }
    Ok(Days {
        distance: members
            .get("days")
            .and_then(Value::as_f64)
            .ok_or_else(fault)?,
        after: match members.get("clause").and_then(Value::as_str) {
            Some("after") => true,
            Some("before") => false,
            _ => return Err(fault()),
        },
        reference,
    })
}

// SPDX-License-Identifier: MPL-2.0
//! Evaluates expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::objects::Key;
use cel::{Context, ExecutionError};
use serde_json::{Number, Value};

use super::facts::{Facts, Seen};
use super::{Expression, Place, functions};

/// The reason why an expression has no value. Holds no values, so that it may be logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotEvaluable(String);

impl Expression {
    /// Returns true if the expression is true.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, NotEvaluable> {
        self.with_value(facts, |value| match value.downcast_ref::<CelBool>() {
            Some(holds) => Ok(*holds.inner()),
            None => Err(NotEvaluable(format!(
                "it is {}, neither true nor false",
                plain_kind(value.get_type().name())
            ))),
        })
    }

    /// The value of the expression.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Result<Value, NotEvaluable> {
        self.with_value(facts, to_json)
    }

    fn with_value<T>(
        &self,
        facts: &Facts<'_>,
        read: impl FnOnce(&dyn Val) -> Result<T, NotEvaluable>,
    ) -> Result<T, NotEvaluable> {
        let scope = Scope {
            places: &self.places,
            facts,
        };
        let mut context = Context::with_env(Arc::clone(&functions::ENVIRONMENT));
        context.set_variable_resolver(&scope);
        let value =
            cel::Value::resolve_val(&self.root, &context).map_err(|error| explain(&error))?;
        read(value.as_ref())
    }

    /// The values that the expression reads, by the names that it uses; null where an answer is missing.
    pub fn values(&self, facts: &Facts<'_>) -> Vec<(String, Value)> {
        let value = |place: &Place| {
            place
                .source
                .look_up(facts)
                .map_or(Value::Null, Seen::into_json)
        };
        self.places
            .iter()
            .map(|place| (place.name.clone(), value(place)))
            .collect()
    }
}

/// Gives the interpreter the value of a place only when it asks for it.
struct Scope<'a> {
    places: &'a [Place],
    facts: &'a Facts<'a>,
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let number: usize = variable.strip_prefix('$')?.parse().ok()?;
        let seen = self.places.get(number)?.source.look_up(self.facts);
        Some(CowVal::Owned(match seen {
            None => Box::new(CelNull),
            Some(Seen::Json(value)) => to_cel(value),
            Some(Seen::Truth(truth)) => Box::new(CelBool::from(truth)),
            Some(Seen::Text(text)) => Box::new(CelString::from(text.into_owned())),
        }))
    }
}

/// JSON knows one kind of number and CEL three that do not mix; whole numbers become `int`, the
/// kind that literals have.
fn to_cel<'v>(value: &'v Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Box::new(CelInt::from(whole)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => Box::new(CelList::from(
            items.iter().map(to_cel).collect::<Vec<Box<dyn Val + 'v>>>(),
        )),
        Value::Object(members) => {
            let member = |(key, value): (&'v String, &'v Value)| {
                (CelMapKey::from(key.as_str()), to_cel(value))
            };
            Box::new(CelMap::from(
                members
                    .iter()
                    .map(member)
                    .collect::<std::collections::HashMap<_, _>>(),
            ))
        }
    }
}

fn to_json(value: &dyn Val) -> Result<Value, NotEvaluable> {
    cel::Value::try_from(value)
        .map_err(|error| explain(&error))
        .and_then(|value| json_of(&value))
}

fn json_of(value: &cel::Value) -> Result<Value, NotEvaluable> {
    Ok(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(value) => Value::Bool(*value),
        cel::Value::Int(number) => Value::from(*number),
        cel::Value::UInt(number) => Value::from(*number),
        cel::Value::Float(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        cel::Value::String(text) => Value::String(text.as_str().to_owned()),
        cel::Value::List(items) => {
            Value::Array(items.iter().map(json_of).collect::<Result<_, _>>()?)
        }
        cel::Value::Map(map) => {
            let mut members = BTreeMap::new();
            for (key, value) in map.map.iter() {
                let Key::String(key) = key else {
                    return Err(NotEvaluable("a key of the map is not a text".into()));
                };
                members.insert(key.as_str().to_owned(), json_of(value)?);
            }
            Value::Object(members.into_iter().collect())
        }
        _ => return Err(NotEvaluable("the value has no JSON form".into())),
    })
}

/// The error in our own words: the interpreter's messages quote values; these name only kinds.
fn explain(error: &ExecutionError) -> NotEvaluable {
    NotEvaluable(match error {
        ExecutionError::FunctionError { function, message } if functions::is_own(function) => {
            format!("`{}`: {message}", function.trim_start_matches('_'))
        }
        ExecutionError::FunctionError { function, .. } => format!("`{function}` failed"),
        ExecutionError::NoSuchOverload(call) => {
            let operands: Vec<&str> = call
                .argument_types()
                .iter()
                .map(|name| plain_kind(name))
                .collect();
            format!(
                "`{}` does not apply to {}",
                symbol(call.function()),
                operands.join(" and ")
            )
        }
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            let (left, right) = (left.type_of().to_string(), right.type_of().to_string());
            format!(
                "`{}` does not apply to {} and {}",
                symbol(operator),
                plain_kind(&left),
                plain_kind(&right)
            )
        }
        ExecutionError::UnexpectedType { got, want } => {
            format!("{} is needed, not {}", plain_kind(want), plain_kind(got))
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".into()
        }
        ExecutionError::NoSuchKey(_) => "a part of the value is missing".into(),
        ExecutionError::IndexOutOfBounds(_) => "the list is shorter than that".into(),
        ExecutionError::Overflow(..) => "the number is too large".into(),
        _ => "the values do not fit together".into(),
    })
}

/// The operator as people write it: `<` and `+` for `_<_` and `add`.
fn symbol(operator: &str) -> &str {
    match operator {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        _ => operator.trim_matches(['_', '@']),
    }
}

fn plain_kind(cel: &str) -> &'static str {
    match cel {
        "null" | "null_type" => "a missing answer",
        "int" | "uint" => "a whole number",
        "double" | "float" => "a decimal number",
        "string" => "a text",
        "bool" => "true or false",
        "list" => "a list",
        "map" => "an object",
        _ => "something else",
    }
}

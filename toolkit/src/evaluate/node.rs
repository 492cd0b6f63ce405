// SPDX-License-Identifier: MPL-2.0
//! The closed tree into which a schema is read, and how it is evaluated.

use std::cmp::Ordering;
use std::ops::Not;

use serde_json::Value;

use super::date::{self, Moment};
use super::pattern::Pattern;
use super::pointer::{Place, Pointer, is_falsy};
use super::{Obstacle, Verdict};

/// One assertion. A keyword holds for values of types that it does not apply to, as JSON Schema says.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    If {
        question: Box<Node>,
        then: Box<Node>,
        otherwise: Box<Node>,
    },
    Type(Kinds),
    Const(Operand),
    Enum(Vec<Value>),
    Properties(Vec<(String, Node)>),
    Required(Vec<String>),
    Contains {
        item: Box<Node>,
        min: usize,
        max: Option<usize>,
    },
    Number(Bound, Operand),
    Length(Bound, f64),
    Pattern(Pattern),
    Date,
    DateLimit(Bound, Operand),
    DaysFromDate(Days),
    LeafLocation,
    Unknown(Obstacle),
}

/// The JSON types that a `type` keyword names.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a set of names")]
pub(super) struct Kinds {
    pub(super) null: bool,
    pub(super) boolean: bool,
    pub(super) number: bool,
    pub(super) integer: bool,
    pub(super) string: bool,
    pub(super) array: bool,
    pub(super) object: bool,
}

/// The relation of a value to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    AtLeast,
    AtMost,
    MoreThan,
    LessThan,
}

/// A value of the schema: written there, or to be found in the data.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Literal(Value),
    Data(Pointer),
}

/// `daysFromDate`: strictly before or after a day that lies a number of days from another.
#[derive(Clone, Debug)]
pub(super) struct Days {
    pub(super) distance: f64,
    pub(super) after: bool,
    pub(super) reference: Option<Operand>,
}

impl Node {
    pub(super) fn verdict(&self, place: &Place<'_>) -> Verdict {
        let value = place.value;
        match self {
            Self::All(nodes) => Verdict::all(nodes.iter().map(|node| node.verdict(place))),
            Self::Any(nodes) => Verdict::any(nodes.iter().map(|node| node.verdict(place))),
            Self::Not(node) => !node.verdict(place),
            Self::If {
                question,
                then,
                otherwise,
            } => match question.verdict(place) {
                Verdict::Holds => then.verdict(place),
                Verdict::Fails => otherwise.verdict(place),
                // Whatever the answer, equal branches decide.
                unknown @ Verdict::NotEvaluable(_) => {
                    match (then.verdict(place), otherwise.verdict(place)) {
                        (then, otherwise) if then == otherwise => then,
                        _ => unknown,
                    }
                }
            },
            Self::Type(kinds) => kinds.include(value).into(),
            Self::Const(operand) => operand
                .find(place)
                .is_none_or(|expected| equal(value, expected))
                .into(),
            Self::Enum(values) => values.iter().any(|each| equal(value, each)).into(),
            Self::Properties(properties) => value.as_object().map_or(Verdict::Holds, |object| {
                Verdict::all(properties.iter().filter_map(|(key, node)| {
                    let value = object.get(key)?;
                    Some(node.verdict(&place.child(value)))
                }))
            }),
            Self::Required(keys) => value
                .as_object()
                .is_none_or(|object| keys.iter().all(|key| object.contains_key(key)))
                .into(),
            Self::Contains { item, min, max } => match value.as_array() {
                Some(items) => count(
                    items.iter().map(|value| item.verdict(&place.child(value))),
                    *min,
                    *max,
                ),
                None => Verdict::Holds,
            },
            Self::Number(bound, operand) => value
                .as_f64()
                .is_none_or(|number| match operand.find(place) {
                    Some(limit) => limit
                        .as_f64()
                        .and_then(|limit| number.partial_cmp(&limit))
                        .is_some_and(|ordering| bound.admits(ordering)),
                    None => true,
                })
                .into(),
            Self::Length(bound, limit) => value
                .as_str()
                .and_then(|text| length(text).partial_cmp(limit))
                .is_none_or(|ordering| bound.admits(ordering))
                .into(),
            Self::Pattern(pattern) => value
                .as_str()
                .is_none_or(|text| pattern.matches(text))
                .into(),
            Self::Date => value
                .as_str()
                .is_none_or(|text| date::day(text).is_some())
                .into(),
            Self::DateLimit(bound, operand) => value
                .as_str()
                .is_none_or(|text| within(text, *bound, operand.find(place)))
                .into(),
            Self::DaysFromDate(days) => days.verdict(place),
            Self::LeafLocation => value
                .as_str()
                .is_none_or(|id| is_leaf(place.top(), id))
                .into(),
            Self::Unknown(obstacle) => Verdict::NotEvaluable(*obstacle),
        }
    }
}

impl Node {
    /// The same assertion where only the form and today are known: parts about anything else are unknown. The
    /// node is about a value `depth` levels below the root.
    pub(super) fn about_the_form(self, depth: usize) -> Self {
        let known = |key: &String| depth > 0 || FORM.contains(&key.as_str());
        let within = |node: Box<Self>, depth| Box::new(node.about_the_form(depth));
        let all = |nodes: Vec<Self>| nodes.into_iter().map(|n| n.about_the_form(depth)).collect();
        let or_unknown = |node, everything_known| {
            if everything_known {
                node
            } else {
                Self::All(vec![node, UNKNOWN])
            }
        };
        match self {
            Self::All(nodes) => Self::All(all(nodes)),
            Self::Any(nodes) => Self::Any(all(nodes)),
            Self::Not(node) => Self::Not(within(node, depth)),
            Self::If {
                question,
                then,
                otherwise,
            } => Self::If {
                question: within(question, depth),
                then: within(then, depth),
                otherwise: within(otherwise, depth),
            },
            Self::Properties(properties) => {
                let count = properties.len();
                let properties = properties.into_iter().filter(|(key, _)| known(key));
                let properties =
                    properties.map(|(key, node)| (key, node.about_the_form(depth + 1)));
                let properties: Vec<_> = properties.collect();
                let everything_known = properties.len() == count;
                or_unknown(Self::Properties(properties), everything_known)
            }
            Self::Required(mut keys) => {
                let count = keys.len();
                keys.retain(known);
                let everything_known = keys.len() == count;
                or_unknown(Self::Required(keys), everything_known)
            }
            Self::Contains { item, min, max } => Self::Contains {
                item: within(item, depth + 1),
                min,
                max,
            },
            Self::Const(operand) | Self::Number(_, operand) | Self::DateLimit(_, operand)
                if operand.is_elsewhere(depth) =>
            {
                UNKNOWN
            }
            Self::DaysFromDate(Days {
                reference: Some(operand),
                ..
            }) if operand.is_elsewhere(depth) => UNKNOWN,
            Self::LeafLocation => UNKNOWN,
            other => other,
        }
    }

    /// The verdict, where it is the same for every value.
    pub(super) fn constant(&self) -> Option<bool> {
        let decided = |nodes: &[Self], by: bool| {
            let mut verdicts = nodes.iter().map(Self::constant);
            if verdicts.clone().any(|verdict| verdict == Some(by)) {
                return Some(by);
            }
            verdicts.all(|verdict| verdict == Some(!by)).then_some(!by)
        };
        match self {
            Self::All(nodes) => decided(nodes, false),
            Self::Any(nodes) => decided(nodes, true),
            Self::Not(node) => node.constant().map(bool::not),
            _ => None,
        }
    }
}

/// Keys of the root that are known where only a form is.
const FORM: [&str; 2] = ["$form", "$now"];

const UNKNOWN: Node = Node::Unknown(Obstacle::OutsideTheForm);

/// Evaluates whether the number of items that hold lies between the two.
fn count(items: impl Iterator<Item = Verdict>, min: usize, max: Option<usize>) -> Verdict {
    let (mut holding, mut unknown, mut obstacle) = (0_usize, 0_usize, None);
    for item in items {
        match item {
            Verdict::Holds => holding += 1,
            Verdict::Fails => {}
            Verdict::NotEvaluable(_) => {
                unknown += 1;
                obstacle = Some(item);
            }
        }
    }
    let (least, most) = (holding, holding + unknown);
    let max = max.unwrap_or(usize::MAX);
    match obstacle {
        Some(obstacle) if most >= min && least <= max && !(least >= min && most <= max) => obstacle,
        _ => (least >= min && most <= max).into(),
    }
}

/// Compares dates as ajv-formats does: as texts, and an empty text limits nothing.
fn within(text: &str, bound: Bound, limit: Option<&Value>) -> bool {
    match limit {
        None => true,
        Some(Value::String(limit)) => {
            text.is_empty() || limit.is_empty() || bound.admits(text.cmp(limit))
        }
        Some(_) => false,
    }
}

fn is_leaf(root: &Value, id: &str) -> bool {
    root.get("$leafAdminStructureLocationIds")
        .and_then(Value::as_array)
        .is_some_and(|locations| {
            locations
                .iter()
                .any(|location| location.get("id").and_then(Value::as_str) == Some(id))
        })
}

/// Characters as Ajv counts them: code points.
#[expect(
    clippy::cast_precision_loss,
    reason = "no text has 2^53 characters, and JavaScript would lose them too"
)]
fn length(text: &str) -> f64 {
    text.chars().count() as f64
}

/// Equality of JSON values as JavaScript sees them: 1 and 1.0 are one number.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

impl Days {
    fn verdict(&self, place: &Place<'_>) -> Verdict {
        if !place.value.is_string() {
            return Verdict::Holds;
        }
        let today = place.top().get("$now").filter(|now| now.is_string());
        let Some(today) = today else {
            return Verdict::NotEvaluable(Obstacle::NoToday);
        };
        let reference = self.reference.as_ref().and_then(|day| day.find(place));
        let reference = reference.filter(|day| !is_falsy(day)).unwrap_or(today);
        let limit = Moment::of(reference).plus_days(self.distance);
        match (Moment::of(place.value), limit) {
            (Moment::Invalid, _) | (_, Moment::Invalid) => Verdict::Fails,
            (Moment::At(day), Moment::At(limit)) => {
                if self.after { day > limit } else { day < limit }.into()
            }
            _ => Verdict::NotEvaluable(Obstacle::UnclearDate),
        }
    }
}

impl Operand {
    /// Checks whether the value stands outside the form; the node naming it is `depth` levels below the root.
    fn is_elsewhere(&self, depth: usize) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Data(pointer) => pointer
                .first_key_from_root(depth)
                .is_some_and(|key| !FORM.contains(&key)),
        }
    }

    fn find<'b>(&'b self, place: &Place<'b>) -> Option<&'b Value> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Data(pointer) => pointer.resolve(place),
        }
    }
}

impl Bound {
    fn admits(self, ordering: Ordering) -> bool {
        match self {
            Self::AtLeast => ordering.is_ge(),
            Self::AtMost => ordering.is_le(),
            Self::MoreThan => ordering.is_gt(),
            Self::LessThan => ordering.is_lt(),
        }
    }
}

impl Kinds {
    fn include(self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Bool(_) => self.boolean,
            Value::Number(number) => {
                self.number || self.integer && number.as_f64().is_some_and(|n| n.fract() == 0.0)
            }
            Value::String(_) => self.string,
            Value::Array(_) => self.array,
            Value::Object(_) => self.object,
        }
    }
}

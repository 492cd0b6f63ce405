// SPDX-License-Identifier: MPL-2.0
//! Conditions of forms: from the words of the rules to core's conditional language.
//!
//! An expression is true, false, or cannot be evaluated; rules take the last as *does not hold*. JSON Schema knows
//! only two verdicts. So there are two translations of every part: a schema that holds where the part is true, and
//! one that holds where it is false. Where it cannot be evaluated neither holds, also below `!`, and a missing or
//! malformed answer decides as it does in a rule.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use opencrvs_toolkit::conditional::{
    Conditional, FieldReference, always, and, event, field, flag, never, not, or, status, user,
};
use serde_json::{Number, Value, json};

use super::facts::{CoreFact, Source, Variable};
use super::{Expression, ExpressionFault, functions};

/// The remedy where core's forms have no such condition.
const AS_JSON: &str = "write it as core's own JSON: { json = '…' }";

/// The remedy for `years`.
const IN_DAYS: &str = "count days, for example days(child.dob, today) < 365";

/// A condition of a form in core's language. It may name fields, `today`, and what only core knows: `status`,
/// `online`, `user.role`, `user.scope('…')`, `flag('…')`, `event.has_action('…')`.
///
/// # Errors
/// Every name that is not known; else the first part that has no translation.
pub fn translate(
    text: &str,
    fields: &BTreeSet<String>,
) -> Result<Conditional, Vec<ExpressionFault>> {
    let (expression, program) = Expression::compile_for(text, fields, true)?;
    let translation = Translation {
        expression: &expression,
    };
    let translated = translation.truth(&expression.root, true);
    translated.map_err(|fault| {
        let offset = program.source_info().offset_for(fault.node);
        vec![ExpressionFault {
            // A call is said to be where its bracket is.
            offset: offset
                .map_or(0, |(start, _)| start as usize)
                .saturating_sub(fault.before),
            message: fault.message,
            hint: Some(fault.hint.into()),
        }]
    })
}

/// A part without a translation.
struct Untranslatable {
    node: u64,
    /// Bytes that belong to the part before its place.
    before: usize,
    message: String,
    hint: &'static str,
}

type Translated = Result<Conditional, Untranslatable>;

struct Translation<'a> {
    expression: &'a Expression,
}

/// An operand of a comparison.
enum Operand<'a> {
    Answer(FieldReference),
    Core(&'a CoreFact),
    Today,
    Text(&'a str),
    Number(Number),
    Truth(bool),
    Null,
    /// `days(from, to)`.
    Days(&'a IdedExpr, &'a IdedExpr),
}

/// `<`, `<=`, `>` or `>=`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Order {
    fn of(operator: &str) -> Option<Self> {
        Some(match operator {
            operators::LESS => Self::Less,
            operators::LESS_EQUALS => Self::AtMost,
            operators::GREATER => Self::More,
            operators::GREATER_EQUALS => Self::AtLeast,
            _ => return None,
        })
    }

    /// The same with its sides exchanged.
    fn flipped(self) -> Self {
        match self {
            Self::Less => Self::More,
            Self::AtMost => Self::AtLeast,
            Self::More => Self::Less,
            Self::AtLeast => Self::AtMost,
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::More,
            Self::More => Self::AtMost,
            Self::AtLeast => Self::Less,
        }
    }
}

impl<'a> Translation<'a> {
    /// A condition that holds where the part is true, or where it is false.
    fn truth(&self, node: &'a IdedExpr, wanted: bool) -> Translated {
        let Expr::Call(call) = &node.expr else {
            return self.plain(node, wanted);
        };
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_NOT, [inner]) => self.truth(inner, !wanted),
            (operators::LOGICAL_AND | operators::LOGICAL_OR, _) => {
                if !wanted && self.is_decidable(node) {
                    return self.truth(node, true).map(not);
                }
                let mut parts = Vec::new();
                self.parts(node, name, wanted, &mut parts)?;
                let all = (name == operators::LOGICAL_AND) == wanted;
                Ok(if all { and(parts) } else { or(parts) })
            }
            (operators::CONDITIONAL, [question, then, otherwise]) => Ok(or([
                and([self.truth(question, true)?, self.truth(then, wanted)?]),
                and([self.truth(question, false)?, self.truth(otherwise, wanted)?]),
            ])),
            (operators::EQUALS, [one, other]) => self.equal(node, one, other, wanted),
            (operators::NOT_EQUALS, [one, other]) => self.equal(node, one, other, !wanted),
            (operators::IN, [value, list]) => {
                let within = self.within(node, value, list)?;
                Ok(if wanted { within } else { not(within) })
            }
            ("known", [answer]) => {
                let known = self
                    .answer(answer)?
                    .satisfies(json!({ "not": { "enum": [null, ""] } }));
                Ok(if wanted { known } else { not(known) })
            }
            ("empty", [answer]) => {
                let empty = empty(&self.answer(answer)?);
                Ok(if wanted { empty } else { not(empty) })
            }
            (functions::MATCHES, [answer, pattern]) => {
                self.matches(node, answer, pattern, str::to_owned, wanted)
            }
            ("startsWith" | "endsWith", [part]) => {
                let Some(answer) = call.target.as_deref() else {
                    return Err(untranslatable(node, name));
                };
                let pattern = |part: &str| match name {
                    "startsWith" => format!("^{}", regex::escape(part)),
                    _ => format!("{}$", regex::escape(part)),
                };
                self.matches(node, answer, part, pattern, wanted)
            }
            (_, [one, other]) => match Order::of(name) {
                Some(order) => self.ordered(node, one, order, other, wanted),
                None => Err(untranslatable(node, name)),
            },
            _ => Err(untranslatable(node, name)),
        }
    }

    /// The parts of `a && b && c` as one list.
    fn parts(
        &self,
        node: &'a IdedExpr,
        operator: &str,
        wanted: bool,
        parts: &mut Vec<Conditional>,
    ) -> Result<(), Untranslatable> {
        if let Expr::Call(call) = &node.expr
            && call.func_name == operator
        {
            for part in &call.args {
                self.parts(part, operator, wanted, parts)?;
            }
            return Ok(());
        }
        parts.push(self.truth(node, wanted)?);
        Ok(())
    }

    /// Returns true if a part is true or false whatever the answers are.
    fn is_decidable(&self, node: &IdedExpr) -> bool {
        match &node.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => true,
            Expr::Ident(name) => matches!(
                self.source(name),
                Some(Source::Core(fact)) if !matches!(fact, CoreFact::Status | CoreFact::Role)
            ),
            Expr::Call(call) => match call.func_name.as_str() {
                operators::LOGICAL_NOT | operators::LOGICAL_AND | operators::LOGICAL_OR => {
                    call.args.iter().all(|part| self.is_decidable(part))
                }
                operators::EQUALS | operators::NOT_EQUALS | operators::IN | "known" | "empty" => {
                    true
                }
                _ => false,
            },
            _ => false,
        }
    }

    fn source(&self, place: &str) -> Option<&'a Source> {
        let number: usize = place.strip_prefix('$')?.parse().ok()?;
        Some(&self.expression.places.get(number)?.source)
    }

    /// A part that is neither a call nor made of parts.
    fn plain(&self, node: &'a IdedExpr, wanted: bool) -> Translated {
        match self.operand(node)? {
            Operand::Truth(truth) if truth == wanted => Ok(always()),
            Operand::Truth(_) => Ok(never()),
            Operand::Answer(answer) => Ok(answer.equals(wanted)),
            Operand::Core(fact) => {
                let holds = match fact {
                    CoreFact::Online => user().is_online(),
                    CoreFact::Flag(id) => flag(id),
                    CoreFact::Scope(scope) => user().has_scope(scope),
                    CoreFact::HasAction(of_type) => event().has_action(of_type).into(),
                    CoreFact::Status | CoreFact::Role => {
                        return Err(fault(node, "this is a text, neither true nor false"));
                    }
                };
                Ok(if wanted { holds } else { not(holds) })
            }
            _ => Err(fault(node, "this is neither true nor false")),
        }
    }

    fn operand(&self, node: &'a IdedExpr) -> Result<Operand<'a>, Untranslatable> {
        let number = |number: f64| {
            let number = Number::from_f64(number).map(Operand::Number);
            number.ok_or_else(|| fault(node, "this number has no JSON form"))
        };
        match &node.expr {
            Expr::Literal(LiteralValue::String(text)) => Ok(Operand::Text(text.inner())),
            Expr::Literal(LiteralValue::Boolean(truth)) => Ok(Operand::Truth(*truth.inner())),
            Expr::Literal(LiteralValue::Int(whole)) => Ok(Operand::Number((*whole.inner()).into())),
            Expr::Literal(LiteralValue::Double(value)) => number(*value.inner()),
            Expr::Literal(LiteralValue::Null) => Ok(Operand::Null),
            Expr::Ident(name) => match self.source(name) {
                Some(Source::Field { id, parts }) => {
                    Ok(Operand::Answer(field(id).get_by_path(parts)))
                }
                Some(Source::Core(fact)) => Ok(Operand::Core(fact)),
                Some(Source::Variable(Variable::Today)) => Ok(Operand::Today),
                Some(Source::Ever(_)) => Err(fault(node, "forms do not see earlier answers")),
                _ => Err(fault(node, "forms do not see this")),
            },
            Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
                (functions::DATE, [inner]) => self.operand(inner),
                ("days", [from, to]) => Ok(Operand::Days(from, to)),
                (operators::NEGATE, [inner]) => match self.operand(inner)? {
                    Operand::Number(value) => match value.as_i64().and_then(i64::checked_neg) {
                        Some(whole) => Ok(Operand::Number(whole.into())),
                        None => number(-value.as_f64().unwrap_or(f64::NAN)),
                    },
                    _ => Err(untranslatable(node, "-")),
                },
                (name, _) => Err(untranslatable(node, name)),
            },
            _ => Err(fault(node, "core's forms cannot express this")),
        }
    }

    fn answer(&self, node: &'a IdedExpr) -> Result<FieldReference, Untranslatable> {
        match self.operand(node)? {
            Operand::Answer(answer) => Ok(answer),
            _ => Err(fault(node, "this is not a field")),
        }
    }

    fn equal(
        &self,
        node: &IdedExpr,
        one: &'a IdedExpr,
        other: &'a IdedExpr,
        wanted: bool,
    ) -> Translated {
        let (one, other) = match (self.operand(one)?, self.operand(other)?) {
            (one @ (Operand::Answer(_) | Operand::Core(_)), other) => (one, other),
            (one, other) => (other, one),
        };
        let equal = match (one, other) {
            (Operand::Answer(answer), Operand::Text(text)) => answer.equals(text),
            (Operand::Answer(answer), Operand::Truth(truth)) => answer.equals(truth),
            (Operand::Answer(answer), Operand::Number(number)) => match number.as_i64() {
                Some(whole) => answer.equals(whole),
                None => answer.equals(number.as_f64().unwrap_or(f64::NAN)),
            },
            (Operand::Answer(answer), Operand::Null) => not(present(&answer)),
            (Operand::Answer(answer), Operand::Today) => {
                answer.satisfies(json!({ "type": "string", "const": { "$data": "/$now" } }))
            }
            (Operand::Answer(one), Operand::Answer(other)) => {
                if one.id() == other.id() {
                    return Err(fault(node, "parts of one field cannot be compared"));
                }
                let pointed = |pointer| json!({ "const": { "$data": pointer } });
                let same = one.satisfies_beside(&other, pointed, json!({}));
                or([
                    and([present(&one), present(&other), same]),
                    and([not(present(&one)), not(present(&other))]),
                ])
            }
            (Operand::Core(CoreFact::Status), Operand::Text(text)) => known_status(node, text)?,
            (Operand::Core(CoreFact::Role), Operand::Text(text)) => user().has_role(text),
            _ => return Err(fault(node, "core's forms cannot express this comparison")),
        };
        Ok(if wanted { equal } else { not(equal) })
    }

    fn within(&self, node: &IdedExpr, value: &'a IdedExpr, list: &'a IdedExpr) -> Translated {
        let Expr::List(list) = &list.expr else {
            return Err(fault(node, "only a list of values can stand after `in`"));
        };
        let mut values = Vec::new();
        for item in &list.elements {
            values.push(match self.operand(item)? {
                Operand::Text(text) => json!(text),
                Operand::Number(number) => json!(number),
                Operand::Truth(truth) => json!(truth),
                _ => return Err(fault(item, "a list of a form holds texts and numbers only")),
            });
        }
        let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
        if values.is_empty() {
            return Ok(never());
        }
        match (self.operand(value)?, texts) {
            (Operand::Answer(answer), Some(texts)) => Ok(answer.in_array(texts)),
            (Operand::Answer(answer), None) => Ok(answer.satisfies(json!({ "enum": values }))),
            (Operand::Core(CoreFact::Status), Some(texts)) => {
                let texts = texts.into_iter().map(|text| known_status(node, text));
                Ok(or(texts.collect::<Result<Vec<_>, _>>()?))
            }
            (Operand::Core(CoreFact::Role), Some(texts)) => {
                Ok(or(texts.into_iter().map(|role| user().has_role(role))))
            }
            _ => Err(fault(node, "only a field can be in a list")),
        }
    }

    fn matches(
        &self,
        node: &IdedExpr,
        answer: &'a IdedExpr,
        pattern: &'a IdedExpr,
        whole: impl Fn(&str) -> String,
        wanted: bool,
    ) -> Translated {
        let answer = self.answer(answer)?;
        let Operand::Text(pattern) = self.operand(pattern)? else {
            return Err(fault(node, "only a pattern in quotes has a translation"));
        };
        let matches = answer.matches(&whole(pattern));
        Ok(if wanted {
            matches
        } else {
            and([answer.satisfies(json!({ "type": "string" })), not(matches)])
        })
    }

    fn ordered(
        &self,
        node: &IdedExpr,
        one: &'a IdedExpr,
        order: Order,
        other: &'a IdedExpr,
        wanted: bool,
    ) -> Translated {
        let order = if wanted { order } else { order.negated() };
        let (left, order, right) = match (self.operand(one)?, self.operand(other)?) {
            (left @ (Operand::Answer(_) | Operand::Days(..)), right) => (left, order, right),
            (left, right) => (right, order.flipped(), left),
        };
        match (left, right) {
            (Operand::Answer(answer), Operand::Number(number)) => {
                let keyword = match order {
                    Order::Less => "exclusiveMaximum",
                    Order::AtMost => "maximum",
                    Order::More => "exclusiveMinimum",
                    Order::AtLeast => "minimum",
                };
                Ok(answer.satisfies(json!({ "type": "number", keyword: number })))
            }
            (Operand::Answer(answer), Operand::Text(day)) => {
                if !functions::is_form_date(day) {
                    let message =
                        format!("`{day}` is not a date: only dates and numbers have an order");
                    return Err(fault(node, message));
                }
                Ok(day_order(&answer, order, |answer, before| {
                    if before {
                        answer.is_before().date(day)
                    } else {
                        answer.is_after().date(day)
                    }
                }))
            }
            (Operand::Answer(answer), Operand::Today) => {
                Ok(day_order(&answer, order, |answer, before| {
                    if before {
                        answer.is_before().now()
                    } else {
                        answer.is_after().now()
                    }
                }))
            }
            (Operand::Answer(one), Operand::Answer(other)) => {
                if one.id() == other.id() {
                    return Err(fault(node, "parts of one field cannot be compared"));
                }
                Ok(answers_ordered(&one, order, &other))
            }
            (Operand::Days(from, to), Operand::Number(number)) => {
                let Some(days) = number
                    .as_i64()
                    .filter(|days| (-1_000_000..=1_000_000).contains(days))
                else {
                    return Err(fault(
                        node,
                        "days are counted in whole numbers up to a million",
                    ));
                };
                self.days(node, from, to, order, days)
            }
            _ => Err(fault(node, "core's forms cannot express this comparison")),
        }
    }

    /// `days(from, to)` compared with a number: core counts from one day to a field.
    fn days(
        &self,
        node: &IdedExpr,
        from: &'a IdedExpr,
        to: &'a IdedExpr,
        order: Order,
        days: i64,
    ) -> Translated {
        // Strict, as core counts: at most 5 days are less than 6.
        let (less, days) = match order {
            Order::Less => (true, days),
            Order::AtMost => (true, days + 1),
            Order::More => (false, days),
            Order::AtLeast => (false, days - 1),
        };
        let (answer, reference, distance, after) = match (self.operand(from)?, self.operand(to)?) {
            (Operand::Answer(answer), reference) => (answer, reference, -days, less),
            (reference, Operand::Answer(answer)) => (answer, reference, days, !less),
            _ => return Err(fault(node, "one side of `days` must be a field")),
        };
        let clause = if after { "after" } else { "before" };
        let schema = |reference: Option<Value>| {
            let mut counted = json!({ "days": distance, "clause": clause });
            if let (Some(reference), Some(counted)) = (reference, counted.as_object_mut()) {
                counted.insert("referenceDate".into(), reference);
            }
            json!({ "type": "string", "format": "date", "daysFromDate": counted })
        };
        match reference {
            Operand::Today => Ok(answer.satisfies(schema(None))),
            Operand::Text(day) if functions::is_form_date(day) => {
                Ok(answer.satisfies(schema(Some(json!(day)))))
            }
            Operand::Answer(other) if other.id() != answer.id() => {
                let pointed = |pointer| schema(Some(json!({ "$data": pointer })));
                let counted = answer.satisfies_beside(&other, pointed, date_schema());
                Ok(and([is_date(&other), counted]))
            }
            _ => Err(fault(
                node,
                "`days` takes fields, `today` and dates in quotes",
            )),
        }
    }
}

/// The record has a status, one of core's.
fn known_status(node: &IdedExpr, text: &str) -> Translated {
    const KNOWN: [&str; 5] = ["CREATED", "NOTIFIED", "DECLARED", "REGISTERED", "ARCHIVED"];
    if KNOWN.contains(&text) {
        return Ok(status(text));
    }
    let message = format!(
        "core has no status `{text}`: there are {}",
        KNOWN.join(", ")
    );
    Err(fault(node, message))
}

fn fault(node: &IdedExpr, message: impl Into<String>) -> Untranslatable {
    Untranslatable {
        node: node.id,
        before: 0,
        message: message.into(),
        hint: AS_JSON,
    }
}

fn untranslatable(node: &IdedExpr, name: &str) -> Untranslatable {
    let name = name.trim_matches(['_', '@']);
    let is_function = matches!(&node.expr, Expr::Call(CallExpr { target: None, .. }))
        && name.starts_with(|c: char| c.is_ascii_alphabetic());
    Untranslatable {
        before: if is_function { name.len() } else { 0 },
        hint: if name == "years" { IN_DAYS } else { AS_JSON },
        ..fault(node, format!("core's forms cannot express `{name}`"))
    }
}

/// There is an answer, and it is not null.
fn present(answer: &FieldReference) -> Conditional {
    answer.satisfies(json!({ "not": { "const": null } }))
}

/// As core's `isFalsy`, which takes a part of something that has no parts for a value.
fn empty(answer: &FieldReference) -> Conditional {
    if answer.path().is_empty() {
        return answer.is_falsy();
    }
    not(answer.satisfies(json!({ "not": { "enum": [null, "", false, "undefined"] } })))
}

fn date_schema() -> Value {
    json!({ "type": "string", "format": "date" })
}

fn is_date(answer: &FieldReference) -> Conditional {
    answer.satisfies(date_schema())
}

/// The order of a date and a day. Core's own comparisons include the day.
fn day_order(
    answer: &FieldReference,
    order: Order,
    compared: impl Fn(&FieldReference, bool) -> Conditional,
) -> Conditional {
    match order {
        Order::AtMost => compared(answer, true),
        Order::AtLeast => compared(answer, false),
        Order::Less => and([is_date(answer), not(compared(answer, false))]),
        Order::More => and([is_date(answer), not(compared(answer, true))]),
    }
}

/// The order of two answers: both are numbers, or both are dates.
fn answers_ordered(one: &FieldReference, order: Order, other: &FieldReference) -> Conditional {
    let is_number = |answer: &FieldReference| answer.satisfies(json!({ "type": "number" }));
    let numbers = |strict: Conditional| and([is_number(one), is_number(other), strict]);
    let dates = |bound: Conditional| and([is_date(one), is_date(other), bound]);
    match order {
        Order::Less => or([
            numbers(one.is_less_than(other.clone())),
            dates(not(one.is_after().date(other.clone()))),
        ]),
        Order::AtLeast => or([
            numbers(not(one.is_less_than(other.clone()))),
            dates(one.is_after().date(other.clone())),
        ]),
        Order::More => or([
            numbers(one.is_greater_than(other.clone())),
            dates(not(one.is_before().date(other.clone()))),
        ]),
        Order::AtMost => or([
            numbers(not(one.is_greater_than(other.clone()))),
            dates(one.is_before().date(other.clone())),
        ]),
    }
}

#[cfg(test)]
mod tests;

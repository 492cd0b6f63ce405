// SPDX-License-Identifier: MPL-2.0
//! The kind of value that an expression gives, as far as it follows from how it is written.

use super::{Expression, functions};
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

/// A kind of value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A text. Where the expression names it, or the function always writes it alike: the text, or one like
    /// it.
    Text(Option<String>),
    /// A text in a language, as MOSIP takes it.
    InLanguage,
    /// Something else, in words.
    Other(&'static str),
}

const BOOLEAN: Kind = Kind::Other("true or false");
const NUMBER: Kind = Kind::Other("a number");

impl Expression {
    /// The kinds of value that the expression can give. Answers and nulls are of no known kind.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds = Vec::new();
        collect(&self.root, &mut kinds);
        kinds
    }
}

fn collect(node: &IdedExpr, kinds: &mut Vec<Kind>) {
    match &node.expr {
        Expr::Literal(literal) => kinds.extend(of_literal(literal)),
        Expr::Call(call) => of_call(call, kinds),
        Expr::List(_) => kinds.push(Kind::Other("a list")),
        Expr::Map(_) | Expr::Struct(_) => kinds.push(Kind::Other("an object")),
        Expr::Unspecified | Expr::Ident(_) | Expr::Select(_) | Expr::Comprehension(_) => {}
    }
}

fn of_literal(literal: &LiteralValue) -> Option<Kind> {
    match literal {
        LiteralValue::Null => None,
        LiteralValue::String(text) => Some(Kind::Text(Some(text.inner().to_owned()))),
        LiteralValue::Boolean(_) => Some(BOOLEAN),
        LiteralValue::Bytes(_) => Some(Kind::Other("bytes")),
        _ => Some(NUMBER),
    }
}

fn of_call(call: &CallExpr, kinds: &mut Vec<Kind>) {
    match call.func_name.as_str() {
        operators::CONDITIONAL => {
            let branches = call.args.iter().skip(1);
            branches.for_each(|branch| collect(branch, kinds));
        }
        "first_known" => {
            for argument in &call.args {
                if let Expr::List(list) = &argument.expr {
                    list.elements.iter().for_each(|item| collect(item, kinds));
                }
            }
        }
        "in_language" => kinds.push(Kind::InLanguage),
        "slashed_date" => kinds.push(Kind::Text(Some("2026/05/20".to_owned()))),
        "full_name" | "capitalised" | "lower_case" | "string" => kinds.push(Kind::Text(None)),
        "years" | "days" | "size" | "int" | "double" => kinds.push(NUMBER),
        "known"
        | "bool"
        | "contains"
        | "startsWith"
        | "endsWith"
        | "matches"
        | functions::MATCHES
        | "empty"
        | operators::LOGICAL_AND
        | operators::LOGICAL_OR
        | operators::LOGICAL_NOT
        | operators::EQUALS
        | operators::NOT_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS
        | operators::IN => {
            kinds.push(BOOLEAN);
        }
        operators::ADD => {
            let mut parts = Vec::new();
            call.args.iter().for_each(|part| collect(part, &mut parts));
            let is_text = |kind: &Kind| matches!(kind, Kind::Text(_) | Kind::InLanguage);
            // Both sides of a sum are of one kind.
            if parts.iter().any(is_text) {
                kinds.push(Kind::Text(None));
            } else {
                kinds.extend(parts);
            }
        }
        operators::SUBSTRACT
        | operators::MULTIPLY
        | operators::DIVIDE
        | operators::MODULO
        | operators::NEGATE => kinds.push(NUMBER),
        _ => {}
    }
}

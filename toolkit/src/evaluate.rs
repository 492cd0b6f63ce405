// SPDX-License-Identifier: MPL-2.0
//! Evaluation of the conditional language: the answers of core, without core, a browser or JavaScript.
//!
//! A [`Predicate`] is a conditional or validator, read once into a small closed tree; a [`Context`] is the
//! data that it is evaluated on. Verdicts are those of core's own set-up (Ajv 2019-09 with `$data` and the
//! formats of ajv-formats, not strict, plus core's keywords). Nothing is guessed: a keyword without a meaning
//! here refuses to compile, and a part written in JavaScript makes [`Verdict::NotEvaluable`] only where it
//! decides.
//!
//! ```
//! use opencrvs_toolkit::evaluate::{Context, Predicate, Verdict};
//! use opencrvs_toolkit::prelude::*;
//! use serde_json::json;
//!
//! let adult = Predicate::try_from(&field("informant.age").as_age().is_greater_than(17))?;
//! let form = json!({ "informant.age": { "age": 40, "asOfDateRef": "child.dob" } });
//! let context = Context::new(form.as_object().cloned().unwrap_or_default(), jiff::civil::date(2024, 3, 1));
//! assert_eq!(adult.verdict(&context), Verdict::Holds);
//! # Ok::<(), opencrvs_toolkit::evaluate::CompileError>(())
//! ```

mod age;
mod compile;
mod context;
mod date;
mod example;
mod field;
mod node;
mod pattern;
mod pointer;

use std::fmt;
use std::ops::Not;

use serde_json::Value;

pub use age::age_to_date;
pub use compile::{CompileError, Fault};
pub use context::Context;
pub use field::{FieldRules, Findings, Validator};
pub use pattern::Pattern;

use crate::conditional::Conditional;
use node::Node;
use pointer::Place;

/// A conditional or validator, ready to be evaluated on any number of contexts.
#[derive(Clone, Debug)]
pub struct Predicate {
    node: Node,
}

/// The answer that core would give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Core answers yes.
    Holds,
    /// Core answers no.
    Fails,
    /// The answer depends on something that only core, at run time, can tell.
    NotEvaluable(Obstacle),
}

/// The reason why there is no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// A JavaScript function decides.
    JavaScript,
    /// A date is written in a way that JavaScript engines read differently, or not at all.
    UnclearDate,
    /// Something besides the form decides: the user, the record's history, the connection.
    OutsideTheForm,
    /// Days are counted from today, and the value asked about has no `$now`: core throws.
    NoToday,
}

impl Predicate {
    /// Reads a conditional as it is served; `$id` may be missing.
    pub fn new(schema: &Value) -> Result<Self, CompileError> {
        compile::compile(schema).map(|node| Self { node })
    }

    /// The answer that core would give in this context.
    pub fn verdict(&self, context: &Context) -> Verdict {
        self.verdict_on(context.root())
    }

    /// The answer about a bare value, as core asks the validators of `QR_READER` and `SEARCH`.
    pub fn verdict_on(&self, value: &Value) -> Verdict {
        self.node.verdict(&Place::root(value))
    }
}

impl Predicate {
    /// The same predicate where only the form and today are known; not evaluable where anything else decides.
    pub(crate) fn about_the_form(self) -> Self {
        Self {
            node: self.node.about_the_form(0),
        }
    }

    /// Checks whether the answer is no in every context.
    pub(crate) fn never_holds(&self) -> bool {
        self.node.constant() == Some(false)
    }
}

impl TryFrom<&Conditional> for Predicate {
    type Error = CompileError;

    fn try_from(conditional: &Conditional) -> Result<Self, Self::Error> {
        Self::new(&conditional.schema())
    }
}

impl Verdict {
    /// Checks whether core is known to answer yes.
    pub fn holds(self) -> bool {
        self == Self::Holds
    }

    /// Holds if both hold: one `Fails` decides, whatever is unknown about the other.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fails, _) | (_, Self::Fails) => Self::Fails,
            (Self::Holds, verdict) => verdict,
            (unknown, _) => unknown,
        }
    }

    /// Holds if either holds: one `Holds` decides, whatever is unknown about the other.
    pub fn or(self, other: Self) -> Self {
        !(!self).and(!other)
    }

    /// Holds if all of a list hold; stops at the first that fails.
    pub(crate) fn all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Holds;
        for verdict in verdicts {
            all = all.and(verdict);
            if all == Self::Fails {
                break;
            }
        }
        all
    }

    /// Holds if any of a list holds; stops at the first that holds.
    pub(crate) fn any(verdicts: impl IntoIterator<Item = Self>) -> Self {
        !Self::all(verdicts.into_iter().map(Not::not))
    }
}

impl Not for Verdict {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Holds => Self::Fails,
            Self::Fails => Self::Holds,
            unknown @ Self::NotEvaluable(_) => unknown,
        }
    }
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::JavaScript => "a JavaScript function decides",
            Self::UnclearDate => "a date is not written as YYYY-MM-DD",
            Self::OutsideTheForm => "something besides the form decides",
            Self::NoToday => "there is no `$now` to count days from",
        })
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Expressions over the answers of a form, as `country/data/*.toml` write them.
//!
//! The language is CEL with form fields as names: `child.dob`, `child.name.firstname`. An answer
//! that is missing is null, also one inside a missing answer. All names are checked when the file
//! is read, so that evaluating can only fail over the values themselves.

mod compile;
mod evaluate;
mod facts;
pub mod functions;
mod kind;
mod translate;
mod vocabulary;

pub use compile::{ExpressionFault, MAX_LENGTH};
pub use evaluate::NotEvaluable;
pub use facts::Facts;
pub use kind::Kind;
pub use translate::translate;
pub use vocabulary::Vocabulary;

use cel::IdedExpr;
use facts::Source;

/// An expression whose names are all known.
#[derive(Debug)]
pub struct Expression {
    /// As written in the file.
    text: String,
    /// With every field and variable replaced by a place, see [`Place`].
    root: IdedExpr,
    places: Vec<Place>,
}

impl Expression {
    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns true if the expression reads nothing of the record, so that its value is always the same.
    pub fn is_constant(&self) -> bool {
        self.places.is_empty()
    }
}

/// A fact that an expression reads.
#[derive(Debug, PartialEq)]
struct Place {
    /// As written: `child.name.firstname`, `today`.
    name: String,
    source: Source,
}

#[cfg(test)]
mod tests;

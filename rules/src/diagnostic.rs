// SPDX-License-Identifier: MPL-2.0
//! Diagnostics about files of the country, for the person who wrote them.

use serde::Serialize;
use std::fmt;

/// A fault in a file, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The severity: whether the file can be used all the same.
    pub severity: Severity,
    /// The file, as the caller named it.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The description of the fault.
    pub message: String,
    /// The probable meaning, or the remedy.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A file that cannot be used as a whole.
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            file: file.into(),
            line: 1,
            column: 1,
            message: message.into(),
            hint: None,
        }
    }
}

/// The severity of a fault: whether the file can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is used, but something in it has no effect.
    Warning,
}

/// Returns true if [`MOST_TOLD`] diagnostics of a severity were found. Further ones are left out: a file with
/// so many faults needs a look as a whole, and computing the places of tens of thousands takes minutes.
pub fn is_enough(found: &[Diagnostic], severity: Severity) -> bool {
    let alike = found.iter().filter(|known| known.severity == severity);
    alike.count() >= MOST_TOLD
}

/// The most diagnostics of one severity that are reported for one file.
pub const MOST_TOLD: usize = 100;

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}: {}",
            self.file, self.line, self.column, self.severity, self.message
        )?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// The known name that is most like the given one, if any is like it at all; of several that are alike, one
/// as long as it, and then the first of the alphabet, so that the answer is always the same.
pub fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.6;
    let alike = known.into_iter().filter_map(|candidate| {
        let likeness = strsim::normalized_damerau_levenshtein(name, candidate);
        (likeness >= ALIKE).then_some((likeness, candidate))
    });
    let best = alike.max_by(|(a, one), (b, other)| {
        let longer = |candidate: &str| candidate.len().abs_diff(name.len());
        a.total_cmp(b)
            .then_with(|| longer(other).cmp(&longer(one)))
            .then_with(|| other.cmp(one))
    });
    best.map(|(_, candidate)| candidate)
}

/// The known name that the given one is probably a typing error of: up to two characters are missing,
/// added, wrong or swapped, and at most one in four.
pub fn mistyped<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    closest(name, known).filter(|candidate| {
        let errors = strsim::damerau_levenshtein(name, candidate);
        errors <= 2 && errors * 4 <= candidate.len()
    })
}

/// The hint that names the closest known name, or all of them if none is close.
pub fn known_name_or_all(name: &str, known: &[&str]) -> String {
    did_you_mean(name, known.iter().copied())
        .unwrap_or_else(|| format!("there are {}", known.join(", ")))
}

/// The hint that names the closest known name.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(name, known).map(|candidate| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_names_alike_the_same_is_meant_every_time() {
        let known = ["FAR01", "FAR0102", "FAR0101"];
        assert_eq!(closest("FAR0119", known), Some("FAR0101"));
        assert_eq!(closest("FAR0119", known.into_iter().rev()), Some("FAR0101"));
        assert_eq!(closest("nothing", known), None);
    }
}

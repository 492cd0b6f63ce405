// SPDX-License-Identifier: MPL-2.0
//! A text that a pattern matches, as an example for people.

use super::Pattern;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest example, in bytes; a longer one helps nobody.
const LONGEST: usize = 40;

/// A text that the pattern matches.
pub(super) fn of(pattern: &Pattern) -> Option<String> {
    let hir = regex_syntax::parse(pattern.0.as_str()).ok()?;
    let mut example = Example {
        text: String::new(),
        digits: 0,
    };
    example.add(&hir)?;
    Some(example.text).filter(|text| !text.is_empty() && pattern.matches(text))
}

struct Example {
    text: String,
    /// Number of freely chosen digits so far.
    digits: u32,
}

impl Example {
    fn add(&mut self, hir: &Hir) -> Option<()> {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.text.push_str(str::from_utf8(&literal.0).ok()?),
            HirKind::Class(class) => self.one_of(class)?,
            HirKind::Capture(group) => self.add(&group.sub)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.add(part))?,
            HirKind::Alternation(choices) => self.add(choices.first()?)?,
            HirKind::Repetition(repeated) => {
                let times = usize::try_from(repeated.min).ok()?;
                // Each time adds a byte, or the repetition is of nothing.
                for _ in 0..times.min(LONGEST + 1) {
                    self.add(&repeated.sub)?;
                }
            }
        }
        (self.text.len() <= LONGEST).then_some(())
    }

    /// Adds a character of a class. Digits count up if all are allowed: `1234567890` reads as an example.
    fn one_of(&mut self, class: &Class) -> Option<()> {
        let Class::Unicode(class) = class else {
            return None;
        };
        let has = |wanted: char| {
            let mut ranges = class.ranges().iter();
            ranges.any(|range| (range.start()..=range.end()).contains(&wanted))
        };
        let letter = if ('0'..='9').all(has) {
            self.digits += 1;
            char::from_digit(self.digits % 10, 10)?
        } else if has('A') {
            'A'
        } else {
            class.ranges().first()?.start()
        };
        self.text.push(letter);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("^0(7|9)[0-9]{8}$", Some("0712345678"))]
    #[case("^01[0-9]{9}$", Some("01123456789"))]
    #[case("^[0-9]{10}$", Some("1234567890"))]
    #[case(r"^\d{10,12}$", Some("1234567890"))]
    #[case(r"^(\+254|0)[17]\d{8}$", Some("+254112345678"))]
    #[case(r"^\d{3}-?\d{3}$", Some("123456"))]
    #[case("^[A-Z]{2}[0-9]{6}/[0-9]{2}$", Some("AA123456/78"))]
    #[case("^[0-9]{100}$", None)]
    #[case("^(((a?){100000}){100000}){100000}$", None)]
    #[case("^$b", None)]
    fn an_example_is_short_and_matches(#[case] pattern: &str, #[case] example: Option<&str>) {
        let found = Pattern::new(pattern).ok().and_then(|p| p.example());
        assert_eq!(found.as_deref(), example);
    }

    proptest! {
        #[test]
        fn any_pattern_has_an_example_that_matches_or_none(
            pattern in r"\^?([0-9]|[a-c]|\[[0-9]-9\]|\\d|\(a\||\)|\{[0-9]\}|\?|\+|\*|\.|\||\^|\$){0,12}\$?"
        ) {
            if let Ok(pattern) = Pattern::new(&pattern)
                && let Some(example) = pattern.example()
            {
                prop_assert!(pattern.matches(&example));
            }
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! ECMAScript regular expressions with the `u` flag, translated for the `regex` crate.
//!
//! The two languages share most of their syntax and differ in meaning: `\d`, `\w` and `\s` are other sets,
//! `.` stops at more line ends, and inside brackets `[`, `&&`, `--` and `~~` are plain characters in
//! ECMAScript. So every pattern is parsed and rewritten. Parts that cannot run in linear time (lookaround,
//! back references) are refused by name.

use regex::Regex;
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

/// The reason why a pattern is not translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PatternFault {
    #[error("looks ahead or behind, which is not supported here")]
    LookAround,
    #[error("refers back to a group, which is not supported here")]
    BackReference,
    #[error("has an escape or a group that is not supported here")]
    Unsupported,
    #[error("is not a regular expression with the `u` flag")]
    Syntax,
}

type Result<T> = std::result::Result<T, PatternFault>;

const DIGITS: &str = "0-9";
const WORD: &str = "0-9A-Z_a-z";
const SPACE: &str =
    r"\t-\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";

/// A regular expression as core runs it: ECMAScript with the `u` flag.
#[derive(Clone, Debug)]
pub struct Pattern(pub(super) Regex);

impl Pattern {
    /// Compiles it.
    ///
    /// # Errors
    /// The reason why it is invalid, or cannot be run here, as the end of a sentence.
    pub fn new(pattern: &str) -> std::result::Result<Self, String> {
        let translated = translate(pattern).map_err(|fault| fault.to_string())?;
        let regex = Regex::new(&translated).map_err(|error| format!("is not read: {error}"))?;
        Ok(Self(regex))
    }

    /// Checks whether it is found in a text.
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// A text that it matches, such as `0712345678` for `^0(7|9)[0-9]{8}$`; none where that would be long.
    pub fn example(&self) -> Option<String> {
        super::example::of(self)
    }
}

/// The same pattern in the syntax of the `regex` crate.
pub(super) fn translate(pattern: &str) -> Result<String> {
    let mut reader = Reader {
        rest: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 16),
    };
    while let Some(next) = reader.rest.next() {
        reader.term(next)?;
    }
    Ok(reader.out)
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

/// A part of a pattern that stands for characters, in brackets or outside.
enum Atom {
    One(char),
    /// Members of a bracket expression; with `true`, all other characters are meant.
    Set(&'static str, bool),
    /// `\p{…}` or `\P{…}`, the same in both languages.
    Property(String),
}

impl Reader<'_> {
    fn term(&mut self, next: char) -> Result<()> {
        match next {
            '\\' if self.rest.next_if_eq(&'b').is_some() => self.out.push_str(r"(?-u:\b)"),
            '\\' => {
                let atom = self.escape()?;
                self.write(&atom);
            }
            '[' => self.brackets()?,
            '(' => self.group()?,
            '{' => self.quantifier()?,
            '.' => self.out.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            '}' | ']' => return Err(PatternFault::Syntax),
            '^' | '$' | '*' | '+' | '?' | '|' | ')' => self.out.push(next),
            plain => self.write(&Atom::One(plain)),
        }
        Ok(())
    }

    fn write(&mut self, atom: &Atom) {
        match atom {
            Atom::One(one) => self.one(*one),
            Atom::Set(members, negated) => self.set(members, *negated),
            Atom::Property(property) => self.out.push_str(property),
        }
    }

    fn one(&mut self, one: char) {
        if one.is_ascii_alphanumeric() || !one.is_ascii() {
            self.out.push(one);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(self.out, r"\x{{{:X}}}", u32::from(one));
        }
    }

    fn set(&mut self, members: &str, negated: bool) {
        let sign = if negated { "^" } else { "" };
        let _ = write!(self.out, "[{sign}{members}]");
    }

    /// Reads the part after a backslash.
    fn escape(&mut self) -> Result<Atom> {
        let next = self.rest.next().ok_or(PatternFault::Syntax)?;
        Ok(match next {
            'd' => Atom::Set(DIGITS, false),
            'D' => Atom::Set(DIGITS, true),
            'w' => Atom::Set(WORD, false),
            'W' => Atom::Set(WORD, true),
            's' => Atom::Set(SPACE, false),
            'S' => Atom::Set(SPACE, true),
            'p' | 'P' => Atom::Property(format!(r"\{next}{{{}}}", self.braced()?)),
            't' => Atom::One('\t'),
            'n' => Atom::One('\n'),
            'v' => Atom::One('\u{B}'),
            'f' => Atom::One('\u{C}'),
            'r' => Atom::One('\r'),
            '0' if !self.rest.peek().is_some_and(char::is_ascii_digit) => Atom::One('\0'),
            '1'..='9' | 'k' => return Err(PatternFault::BackReference),
            'x' => Atom::One(self.hex(2)?),
            'u' if self.rest.peek() == Some(&'{') => {
                let digits = self.braced()?;
                Atom::One(code_point(&digits)?)
            }
            'u' => Atom::One(self.hex(4)?),
            'B' | 'c' => return Err(PatternFault::Unsupported),
            '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|'
            | '/' => Atom::One(next),
            _ => return Err(PatternFault::Syntax),
        })
    }

    /// Reads `{…}`: letters, digits, `_` and `=`.
    fn braced(&mut self) -> Result<String> {
        if self.rest.next() != Some('{') {
            return Err(PatternFault::Syntax);
        }
        let mut inside = String::new();
        loop {
            match self.rest.next() {
                Some('}') => return Ok(inside),
                Some(next) if next.is_ascii_alphanumeric() || next == '_' || next == '=' => {
                    inside.push(next);
                }
                _ => return Err(PatternFault::Syntax),
            }
        }
    }

    fn hex(&mut self, digits: usize) -> Result<char> {
        let text: String = self.rest.by_ref().take(digits).collect();
        if text.len() == digits {
            code_point(&text)
        } else {
            Err(PatternFault::Syntax)
        }
    }

    fn brackets(&mut self) -> Result<()> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        if self.rest.peek() == Some(&']') {
            // No character at all, or any: nobody means that.
            return Err(PatternFault::Unsupported);
        }
        loop {
            let next = self.rest.next().ok_or(PatternFault::Syntax)?;
            if next == ']' {
                self.out.push(']');
                return Ok(());
            }
            let from = self.member(next)?;
            self.write(&from);
            if self.rest.next_if_eq(&'-').is_none() {
                continue;
            }
            let next = self.rest.next().ok_or(PatternFault::Syntax)?;
            if next == ']' {
                self.write(&Atom::One('-'));
                self.out.push(']');
                return Ok(());
            }
            match (from, self.member(next)?) {
                (Atom::One(from), to @ Atom::One(last)) if from <= last => {
                    self.out.push('-');
                    self.write(&to);
                }
                _ => return Err(PatternFault::Syntax),
            }
        }
    }

    /// Reads one member of a bracket expression.
    fn member(&mut self, next: char) -> Result<Atom> {
        if next != '\\' {
            return Ok(Atom::One(next));
        }
        if self.rest.next_if_eq(&'b').is_some() {
            return Ok(Atom::One('\u{8}'));
        }
        if self.rest.next_if_eq(&'-').is_some() {
            return Ok(Atom::One('-'));
        }
        self.escape()
    }

    fn group(&mut self) -> Result<()> {
        if self.rest.next_if_eq(&'?').is_none() {
            self.out.push('(');
            return Ok(());
        }
        match self.rest.next() {
            Some(':') => self.out.push_str("(?:"),
            Some('=' | '!') => return Err(PatternFault::LookAround),
            Some('<') => match self.rest.peek() {
                Some('=' | '!') => return Err(PatternFault::LookAround),
                // A name serves back references only, and those are refused.
                Some(_) => {
                    while self.rest.next().ok_or(PatternFault::Syntax)? != '>' {}
                    self.out.push('(');
                }
                None => return Err(PatternFault::Syntax),
            },
            _ => return Err(PatternFault::Unsupported),
        }
        Ok(())
    }

    /// Reads the part after `{` outside brackets, where only a number of repetitions is allowed.
    fn quantifier(&mut self) -> Result<()> {
        let mut inside = String::new();
        loop {
            match self.rest.next() {
                Some('}') => break,
                Some(next) if next.is_ascii_digit() || next == ',' => inside.push(next),
                _ => return Err(PatternFault::Syntax),
            }
        }
        let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
        if least.is_empty() || most.contains(',') {
            return Err(PatternFault::Syntax);
        }
        let _ = write!(self.out, "{{{inside}}}");
        Ok(())
    }
}

fn code_point(hex: &str) -> Result<char> {
    u32::from_str_radix(hex, 16)
        .ok()
        // Half of a surrogate pair is no character.
        .and_then(char::from_u32)
        .ok_or(PatternFault::Syntax)
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::ascii_digits(r"^\d+$", "12", true)]
    #[case::other_digits(r"^\d+$", "१२", false)]
    #[case::ascii_letters(r"^\w+$", "é", false)]
    #[case::byte_order_mark_is_space(r"^\s$", "\u{FEFF}", true)]
    #[case::next_line_is_no_space(r"^\s$", "\u{85}", false)]
    #[case::space_range(r"^[\s\d]+$", " \t\n\u{B}\u{C}\r7", true)]
    #[case::end_is_the_end("^a$", "a\n", false)]
    #[case::not_anchored("b", "abc", true)]
    #[case::dot_and_line_ends("^a.b$", "a\u{2028}b", false)]
    #[case::dot_and_carriage_return("^a.b$", "a\rb", false)]
    #[case::script(r"^\p{Script=Latin}+$", "Zoë", true)]
    #[case::other_script(r"^\p{Script=Latin}+$", "Зоя", false)]
    #[case::not_a_script(r"^\P{Script=Latin}$", "Я", true)]
    #[case::category(r"^\p{Lu}\p{L}$", "Éa", true)]
    #[case::bracket_in_brackets("^[[&&~~a-]+$", "[&-~a", true)]
    #[case::hyphen_last("^['.-]+$", "-.'", true)]
    #[case::escaped_hyphen(r"^[a\-z]$", "m", false)]
    #[case::range("^[a-c]$", "b", true)]
    #[case::slash(r"^a\/b$", "a/b", true)]
    #[case::code_unit(r"^\u0041\x42\u{1F600}$", "AB😀", true)]
    #[case::named_group("^(?<year>[0-9]{4})$", "2024", true)]
    #[case::lazy("^a+?b{1,2}?c{2,}$", "aabbcc", true)]
    #[case::word_boundary(r"\bno\b", "say no!", true)]
    #[case::whitespace_counts("^a b # c$", "a b # c", true)]
    #[case::anything_but("^[^;]*$", "a\nb", true)]
    fn means_what_it_means_in_javascript(
        #[case] pattern: &str,
        #[case] text: &str,
        #[case] matches: bool,
    ) {
        let translated = translate(pattern).unwrap();
        let regex = Regex::new(&translated).unwrap();
        assert_eq!(regex.is_match(text), matches, "{translated}");
    }

    #[rstest]
    #[case("(?=a)", PatternFault::LookAround)]
    #[case("(?<!a)", PatternFault::LookAround)]
    #[case(r"(a)\1", PatternFault::BackReference)]
    #[case(r"\B", PatternFault::Unsupported)]
    #[case("[]", PatternFault::Unsupported)]
    #[case("(?i:a)", PatternFault::Unsupported)]
    #[case(r"\_", PatternFault::Syntax)]
    #[case("a{,2}", PatternFault::Syntax)]
    #[case("a{x}", PatternFault::Syntax)]
    #[case("]", PatternFault::Syntax)]
    #[case("[a", PatternFault::Syntax)]
    #[case("[z-a]", PatternFault::Syntax)]
    #[case(r"[\d-x]", PatternFault::Syntax)]
    #[case(r"\uD83D", PatternFault::Syntax)]
    #[case(r"\", PatternFault::Syntax)]
    fn refuses(#[case] pattern: &str, #[case] fault: PatternFault) {
        assert_eq!(translate(pattern), Err(fault));
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(pattern in r"([\\\[\](){}^$.*+?|a-c0-2:<=!,&~-]|\\[dDwWsSbux]){0,12}") {
            if let Ok(translated) = translate(&pattern) {
                let _ = Regex::new(&translated);
            }
        }
    }
}

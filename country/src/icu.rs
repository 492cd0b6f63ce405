// SPDX-License-Identifier: MPL-2.0
//! Texts with arguments in ICU's notation, as far as a text must be read to know its arguments. Core's client formats the
//! texts; here they are only checked, so that no registrar sees a broken one.

use std::collections::{BTreeMap, BTreeSet};

/// The arguments of a text by name.
pub(super) type Arguments = BTreeMap<String, Kind>;

/// The use of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is put in as it is.
    Plain,
    /// It is formatted as `number`, `date` or `time`.
    Format(String),
    /// It chooses between these cases, by its value or as a number.
    Choice {
        /// `select`, `plural` or `selectordinal`.
        by: String,
        /// The cases that the text names.
        cases: BTreeSet<String>,
    },
}

/// Choices in each other: nobody can read as many, and each needs stack.
const DEEPEST: usize = 16;

/// A fault in a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// An opening brace without its closing one.
    #[error("a `{{` is never closed")]
    Unclosed,
    /// A closing brace without its opening one.
    #[error("a `}}` has no opening brace; to print it, write `'}}'`")]
    Unopened,
    /// Braces without a name between them.
    #[error("an argument has no name")]
    Unnamed,
    /// Something that no formatter knows.
    #[error(
        "`{0}` is not a type of argument; there are number, date, time, select, plural and selectordinal"
    )]
    Unknown(String),
    /// A choice without the case for all the rest.
    #[error("the choice by `{0}` has no case `other {{…}}`")]
    NoOther(String),
    /// A case without a text.
    #[error("the case `{0}` has no text in braces")]
    NoText(String),
    /// A case that no number has.
    #[error("no number has the case `{0}`; there are zero, one, two, few, many, other and `=1`")]
    NoPlural(String),
    /// Choices in choices without end.
    #[error("choices are nested too deeply: more than {DEEPEST} levels")]
    TooDeep,
    /// The same argument in two ways.
    #[error("the argument `{0}` is used in two ways")]
    Twice(String),
}

/// The arguments of a text.
///
/// # Errors
/// When core's client could not format it.
pub(super) fn arguments(text: &str) -> Result<Arguments, Fault> {
    let mut reader = Reader {
        rest: text,
        depth: 0,
        found: Arguments::new(),
    };
    reader.text()?;
    if reader.rest.is_empty() {
        Ok(reader.found)
    } else {
        Err(Fault::Unopened)
    }
}

fn is_plural(case: &str) -> bool {
    let exactly = case.strip_prefix('=').map(str::parse::<u32>);
    let known = ["zero", "one", "two", "few", "many", "other"];
    known.contains(&case) || matches!(exactly, Some(Ok(_)))
}

struct Reader<'t> {
    rest: &'t str,
    /// The number of choices around this one.
    depth: usize,
    found: Arguments,
}

impl<'t> Reader<'t> {
    /// Reads up to the end or a `}` that closes what is around.
    fn text(&mut self) -> Result<(), Fault> {
        while let Some(next) = self.rest.chars().next() {
            match next {
                '}' => return Ok(()),
                '{' => self.argument()?,
                '\'' => self.quoted(),
                _ => self.skip(next.len_utf8()),
            }
        }
        Ok(())
    }

    /// `''` is an apostrophe; `'{` begins what is taken letter by letter up to the next `'`.
    fn quoted(&mut self) {
        self.skip(1);
        if self.rest.starts_with('\'') {
            self.skip(1);
        } else if self.rest.starts_with(['{', '}', '<', '>', '#', '|']) {
            let end = self.rest.find('\'').map_or(self.rest.len(), |end| end + 1);
            self.skip(end);
        }
    }

    fn argument(&mut self) -> Result<(), Fault> {
        self.skip(1);
        let name = self.word();
        if name.is_empty() {
            return Err(if self.rest.is_empty() {
                Fault::Unclosed
            } else {
                Fault::Unnamed
            });
        }
        let kind = if self.took(',') {
            self.kind(name)?
        } else {
            Kind::Plain
        };
        if !self.took('}') {
            return Err(Fault::Unclosed);
        }
        self.note(name, kind)
    }

    fn kind(&mut self, name: &str) -> Result<Kind, Fault> {
        let kind = self.word();
        match kind {
            "number" | "date" | "time" => {
                if self.took(',') {
                    let end = self.rest.find('}').ok_or(Fault::Unclosed)?;
                    self.skip(end);
                }
                Ok(Kind::Format(kind.to_owned()))
            }
            "select" | "plural" | "selectordinal" => {
                if !self.took(',') {
                    return Err(Fault::NoOther(name.to_owned()));
                }
                let cases = self.cases()?;
                if kind != "select"
                    && let Some(case) = cases.iter().find(|case| !is_plural(case))
                {
                    return Err(Fault::NoPlural(case.clone()));
                }
                if !cases.contains("other") {
                    return Err(Fault::NoOther(name.to_owned()));
                }
                Ok(Kind::Choice {
                    by: kind.to_owned(),
                    cases,
                })
            }
            other => Err(Fault::Unknown(other.to_owned())),
        }
    }

    fn cases(&mut self) -> Result<BTreeSet<String>, Fault> {
        let mut cases = BTreeSet::new();
        loop {
            let case = self.word();
            if case.is_empty() {
                return Ok(cases);
            }
            if case.starts_with("offset:") {
                continue;
            }
            if !self.took('{') {
                return Err(Fault::NoText(case.to_owned()));
            }
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(Fault::TooDeep);
            }
            self.text()?;
            self.depth -= 1;
            if !self.took('}') {
                return Err(Fault::Unclosed);
            }
            cases.insert(case.to_owned());
        }
    }

    /// An argument may be put in and chosen by; then the choice counts.
    fn note(&mut self, name: &str, kind: Kind) -> Result<(), Fault> {
        match self.found.get_mut(name) {
            None => {
                self.found.insert(name.to_owned(), kind);
            }
            Some(_) if kind == Kind::Plain => {}
            Some(known) if *known == Kind::Plain => *known = kind,
            Some(Kind::Choice { by, cases }) => match kind {
                Kind::Choice {
                    by: also,
                    cases: more,
                } if also == *by => cases.extend(more),
                _ => return Err(Fault::Twice(name.to_owned())),
            },
            Some(known) if *known == kind => {}
            Some(_) => return Err(Fault::Twice(name.to_owned())),
        }
        Ok(())
    }

    fn word(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || "{},".contains(c))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }

    fn took(&mut self, wanted: char) -> bool {
        let trimmed = self.rest.trim_start();
        let rest = trimmed.strip_prefix(wanted);
        // A blank after `{` belongs to the text of a case; before it, it belongs to nothing.
        if let Some(rest) = rest {
            self.rest = rest;
        }
        rest.is_some()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::none("No argument", "")]
    #[case::plain("Hello {name}, {child.name.firstname}", "child.name.firstname name")]
    #[case::format("{n, number} of {d, date, long}", "d:date n:number")]
    #[case::choice(
        "{sex, select, male {He} other {They {name}}}",
        "name sex:select[male other]"
    )]
    #[case::plural(
        "{n, plural, offset:1 =0 {none} one {# day} other {# days}}",
        "n:plural[=0 one other]"
    )]
    #[case::put_in_and_chosen("{x} {x, select, other {}}", "x:select[other]")]
    #[case::quotes("it''s '{not}' an argument, l'eau", "")]
    #[case::apostrophe("d'{x}'{y}", "y")]
    #[case::html("<div style=\"x\">{a}</div>", "a")]
    fn arguments_are_found(#[case] text: &str, #[case] expected: &str) {
        let shown = arguments(text)
            .unwrap()
            .into_iter()
            .map(|(name, kind)| match kind {
                Kind::Plain => name,
                Kind::Format(kind) => format!("{name}:{kind}"),
                Kind::Choice { by, cases } => {
                    format!(
                        "{name}:{by}[{}]",
                        cases.into_iter().collect::<Vec<_>>().join(" ")
                    )
                }
            });
        assert_eq!(shown.collect::<Vec<_>>().join(" "), expected);
    }

    #[rstest]
    #[case("a {b", Fault::Unclosed)]
    #[case("a {b, select, other {c}", Fault::Unclosed)]
    #[case("a } b", Fault::Unopened)]
    #[case("{}", Fault::Unnamed)]
    #[case("{a, selct, other {}}", Fault::Unknown("selct".into()))]
    #[case("{a, select, male {}}", Fault::NoOther("a".into()))]
    #[case("{a, plural, one {x} other}", Fault::NoText("other".into()))]
    #[case("{a, plural, ones {x} other {y}}", Fault::NoPlural("ones".into()))]
    #[case("{a, date} {a, number}", Fault::Twice("a".into()))]
    fn faults_are_found(#[case] text: &str, #[case] expected: Fault) {
        assert_eq!(arguments(text), Err(expected));
    }
}

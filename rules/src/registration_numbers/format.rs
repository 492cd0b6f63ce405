// SPDX-License-Identifier: MPL-2.0
//! The format of a number, as a text: `B-{office.code}-{year}-{sequence:5}`.

use super::CheckDigits;
use crate::diagnostic::did_you_mean;

/// The parts of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// The parts, in this order.
    pub parts: Vec<Part>,
    /// The alphabet of random characters.
    pub alphabet: String,
    /// The system of the check digits.
    pub check: Option<CheckDigits>,
}

/// A part of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// These characters.
    Text(String),
    /// The year, with this number of digits.
    Year(u8),
    /// The month with two digits.
    Month,
    /// The id of the event's type, in capitals.
    Event,
    /// The code of the registering office.
    OfficeCode,
    /// The code of the area of this level around it.
    AreaCode(usize),
    /// The position in the sequence, with zeros in front up to this number of digits.
    Sequence(u8),
    /// This number of random characters.
    Random(u8),
    /// The check digits of all other letters and digits.
    Check,
}

/// The reason why a text is not a format, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct FormatError {
    /// The description of the fault.
    pub what: String,
    /// The remedy.
    pub hint: Option<String>,
}

/// Digits and capital letters.
const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// The least randomness of a number, in bits: with less, numbers are guessed or repeated too easily.
const ENOUGH: f64 = 39.0;
/// The most digits of a sequence: enough for all people.
const WIDEST: u8 = 12;
const LONGEST_RANDOM: u8 = 40;
/// The parts, for hints.
const PARTS: [&str; 8] = [
    "year",
    "month",
    "event",
    "office.code",
    "area.1.code",
    "sequence:5",
    "random:8",
    "check",
];

/// Returns true if core, the middleware and certificates accept a character.
pub(super) fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-/".contains(c)
}

impl Format {
    /// Reads a format. `alphabet` is for random characters, `check` names the system of the check digits.
    ///
    /// # Errors
    /// A part that does not exist or lacks what it needs; too few different numbers.
    pub fn parse(
        text: &str,
        alphabet: Option<&str>,
        check: Option<CheckDigits>,
    ) -> Result<Self, FormatError> {
        let alphabet = alphabet.unwrap_or(ALPHABET).to_owned();
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (fixed, part) = rest.split_once('{').unwrap_or((rest, ""));
            if let Some(odd) = fixed.chars().find(|c| !is_allowed(*c)) {
                return Err(error(
                    format!("a number cannot hold `{odd}`"),
                    Some("it is made of letters, digits, `-` and `/`".to_owned()),
                ));
            }
            if !fixed.is_empty() {
                parts.push(Part::Text(fixed.to_owned()));
            }
            if rest.len() == fixed.len() {
                break;
            }
            let closed = part.split_once('}');
            let (name, after) =
                closed.ok_or_else(|| error("a `{` is never closed".into(), None))?;
            parts.push(Self::part(name)?);
            rest = after;
        }
        let format = Self {
            parts,
            alphabet,
            check,
        };
        format.examine()?;
        Ok(format)
    }

    fn part(name: &str) -> Result<Part, FormatError> {
        let (word, argument) = match name.split_once(':') {
            Some((word, argument)) => (word, Some(argument)),
            None => (name, None),
        };
        let digits = |most: u8| {
            let n = argument.and_then(|n| n.parse::<u8>().ok());
            n.filter(|n| (1..=most).contains(n)).ok_or_else(|| {
                let what = format!("`{{{name}}}` does not say how many characters it has");
                error(what, Some(format!("write {{{word}:8}}, with 1 to {most}")))
            })
        };
        let area = || {
            let level = word.strip_prefix("area.")?.strip_suffix(".code")?;
            level.parse::<usize>().ok().filter(|level| *level > 0)
        };
        let part = match (word, area()) {
            ("year", _) => match argument {
                None | Some("4") => Part::Year(4),
                Some("2") => Part::Year(2),
                Some(_) => {
                    let hint = "write {year} or {year:2}".to_owned();
                    return Err(error("a year has 4 or 2 digits".into(), Some(hint)));
                }
            },
            ("sequence", _) => Part::Sequence(digits(WIDEST)?),
            ("random", _) => Part::Random(digits(LONGEST_RANDOM)?),
            ("month", _) => Part::Month,
            ("event", _) => Part::Event,
            ("office.code", _) => Part::OfficeCode,
            ("check", _) => Part::Check,
            (_, Some(level)) => Part::AreaCode(level),
            _ => {
                let hint = did_you_mean(name, PARTS)
                    .unwrap_or_else(|| format!("there are {{{}}}", PARTS.join("}, {")));
                return Err(error(format!("there is no `{{{name}}}`"), Some(hint)));
            }
        };
        let takes_argument = matches!(part, Part::Year(_) | Part::Sequence(_) | Part::Random(_));
        match argument {
            Some(_) if !takes_argument => {
                let hint = Some(format!("write {{{word}}}"));
                Err(error(
                    format!("`{{{name}}}` has nothing behind a colon"),
                    hint,
                ))
            }
            _ => Ok(part),
        }
    }

    fn examine(&self) -> Result<(), FormatError> {
        let mut seen = self.alphabet.chars().collect::<Vec<_>>();
        seen.sort_unstable();
        seen.dedup();
        if seen.len() < 2
            || seen.len() != self.alphabet.len()
            || !self.alphabet.chars().all(|c| c.is_ascii_alphanumeric())
        {
            return Err(error(
                format!("`{}` is not an alphabet", self.alphabet),
                Some("list letters and digits, at least two, each once".to_owned()),
            ));
        }
        let count = |wanted: fn(&Part) -> bool| self.parts.iter().filter(|p| wanted(p)).count();
        if count(|part| matches!(part, Part::Sequence(_))) > 1 {
            return Err(error("a number has one `{sequence}` only".into(), None));
        }
        match (count(|part| *part == Part::Check), self.check) {
            (0, _) | (1, Some(_)) => {}
            (1, None) => {
                let names = CheckDigits::ALL.map(|(name, _)| name).join(", ");
                let hint = Some(format!("say `check = \"…\"`: one of {names}"));
                return Err(error("nothing says how `{check}` is computed".into(), hint));
            }
            _ => return Err(error("a number has one `{check}` only".into(), None)),
        }
        if !self.has_sequence() && self.random_bits() < ENOUGH {
            let hint = "use {sequence:5}, or at least {random:8}".to_owned();
            return Err(error("it leaves too few numbers".into(), Some(hint)));
        }
        Ok(())
    }

    /// Returns true if a number has a position in a sequence.
    pub fn has_sequence(&self) -> bool {
        self.has(|part| matches!(part, Part::Sequence(_)))
    }

    /// Returns true if a number has a part of a kind.
    pub fn has(&self, wanted: impl Fn(&Part) -> bool) -> bool {
        self.parts.iter().any(wanted)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "an alphabet has 62 characters at most"
    )]
    fn random_bits(&self) -> f64 {
        let each = (self.alphabet.len() as f64).log2();
        let random = self.parts.iter().map(|part| match part {
            Part::Random(length) => f64::from(*length),
            _ => 0.0,
        });
        random.sum::<f64>() * each
    }
}

fn error(what: String, hint: Option<String>) -> FormatError {
    FormatError { what, hint }
}

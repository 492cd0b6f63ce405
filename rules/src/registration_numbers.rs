// SPDX-License-Identifier: MPL-2.0
//! Registration numbers with office, year and sequence, in the format of `registration-numbers.toml`. Without
//! that file, and where a number cannot be made in that format, [`NumberFormat`] makes a random one.
//!
//! A sequence is given out in the transaction that stores the answer, so that no number is given out twice
//! and none is left out. Nothing here waits: an office that is not known gets another number.

mod check_digits;
mod format;

pub use check_digits::CheckDigits;
pub use format::{Format, FormatError, Part};

use crate::registration_number::{NumberFormat, alphabet, one_of};
use jiff::civil::Date;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

/// The last position at which a sequence may begin or be taken over: the widest that a format can ask for.
pub const LAST_POSITION: u64 = 999_999_999_999;

/// The formats of all events.
#[derive(Debug, Clone, Default)]
pub struct Formats {
    /// By type of event.
    pub events: BTreeMap<String, EventFormat>,
    /// The codes of offices that have another than their id in the country's files, by that id.
    pub codes: HashMap<String, String>,
    /// The offices of the country's files, without core's ids. Core's own count for registrations.
    pub offices: Vec<Office>,
}

/// The format of the numbers of an event, and their sequences.
#[derive(Debug, Clone)]
pub struct EventFormat {
    /// The number.
    pub format: Format,
    /// The number where an office or its code is not known; the random one of the settings if it is not given.
    pub fallback: Option<Format>,
    /// The scopes that each have a sequence of their own, besides the event.
    pub per: Vec<Scope>,
    /// The first position of a sequence.
    pub start: u64,
    /// The same of offices that begin with another, by the id in the country's files.
    pub starts: HashMap<String, u64>,
    /// Offices that get the fallback on purpose, by the id in the country's files.
    pub fallback_offices: BTreeSet<String>,
}

/// A scope that has a sequence of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The registering office.
    Office,
    /// The area of this level around it, from 1, the largest.
    Area(usize),
    /// The calendar year of the registration.
    Year,
    /// Its month.
    Month,
}

impl Scope {
    /// The word in files.
    pub fn name(self) -> String {
        match self {
            Self::Office => "office".to_owned(),
            Self::Area(level) => format!("area.{level}"),
            Self::Year => "year".to_owned(),
            Self::Month => "month".to_owned(),
        }
    }
}

/// An office that core knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// Core's id.
    pub id: String,
    /// The id in the country's files.
    pub external_id: String,
    /// The codes of the areas around it, from the largest.
    pub areas: Vec<String>,
}

/// The reason why a number is not made in the format: a label of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Core named no office, or one that is not in the ledger.
    UnknownOffice,
    /// The office, or an area around it, has no code that a number can hold.
    NoCode,
    /// The country's file says so.
    Listed,
    /// Another request holds the sequence for longer than a hook may wait.
    Busy,
}

impl Fallback {
    /// The reason in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownOffice => "unknown-office",
            Self::NoCode => "no-code",
            Self::Listed => "listed",
            Self::Busy => "busy",
        }
    }
}

/// A registration that needs a number.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The record.
    pub event_id: &'a EventId,
    /// The action that registers it.
    pub action_id: &'a ActionId,
    /// `birth` …
    pub event_type: &'a str,
    /// Core's id of the office where it is registered.
    pub office: Option<&'a str>,
    /// The day in the country.
    pub today: Date,
    /// The format of the number.
    pub format: &'a EventFormat,
    /// The formats of all.
    pub formats: &'a Formats,
    /// The random format of the settings.
    pub random: &'a NumberFormat,
}

/// A sequence, and the position that it begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// The event and the scope that has a sequence of its own: `birth office=CRO0001 year=2027`.
    pub name: String,
    /// The first position.
    pub start: u64,
}

/// A number of which all but position and random characters is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// The sequence that gives the position.
    pub sequence: Option<Sequence>,
    /// The reason why this is not the number of the format.
    #[serde(skip)]
    pub fallback: Option<Fallback>,
    pieces: Vec<Piece>,
    check: Option<CheckDigits>,
}

/// A part of a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Piece {
    Text(String),
    Position(u8),
    Random(u8, String),
    Check,
}

impl Formats {
    /// The format of the numbers of a type of event.
    pub fn of(&self, event_type: &str) -> Option<&EventFormat> {
        self.events.get(event_type)
    }

    /// Returns true if any number tells where it was registered.
    pub fn need_offices(&self) -> bool {
        self.events.values().any(EventFormat::needs_office)
    }

    /// The code of an office, by its id in the country's files.
    pub fn code<'a>(&'a self, external_id: &'a str) -> Option<&'a str> {
        let code = self.codes.get(external_id).map_or(external_id, |code| code);
        is_code(code).then_some(code)
    }
}

/// Returns true if a text can be a part of a number.
pub fn is_code(text: &str) -> bool {
    !text.is_empty() && text.chars().all(format::is_allowed)
}

impl EventFormat {
    /// Returns true if the number tells where it was registered.
    pub fn needs_office(&self) -> bool {
        let of_place = |part: &Part| matches!(part, Part::OfficeCode | Part::AreaCode(_));
        let by_place = |scope: &Scope| matches!(scope, Scope::Office | Scope::Area(_));
        self.format.has(of_place) || self.per.iter().any(by_place)
    }
}

impl Request<'_> {
    /// The number for an office, which is not known where there is none.
    pub fn draw(&self, office: Option<&Office>) -> Draw {
        let office = match (self.format.needs_office(), office) {
            (false, _) => None,
            (true, None) => return self.fallback(Fallback::UnknownOffice),
            (true, Some(office)) => Some(office),
        };
        let listed = |office: &Office| self.format.fallback_offices.contains(&office.external_id);
        if office.is_some_and(listed) {
            return self.fallback(Fallback::Listed);
        }
        match self.pieces(&self.format.format, office) {
            Some(pieces) => Draw {
                sequence: self.format.format.has_sequence().then(|| Sequence {
                    name: self.sequence_name(office),
                    start: self.start(office),
                }),
                fallback: None,
                pieces,
                check: self.format.format.check,
            },
            None => self.fallback(Fallback::NoCode),
        }
    }

    /// The number where the format cannot be kept to.
    pub fn fallback(&self, why: Fallback) -> Draw {
        let format = self.format.fallback.as_ref();
        let own = format.and_then(|format| Some((self.pieces(format, None)?, format.check)));
        let (pieces, check) = own.unwrap_or_else(|| (self.random.pieces(), None));
        Draw {
            sequence: None,
            fallback: Some(why),
            pieces,
            check,
        }
    }

    fn start(&self, office: Option<&Office>) -> u64 {
        let own = office.and_then(|office| self.format.starts.get(&office.external_id));
        *own.unwrap_or(&self.format.start)
    }

    fn sequence_name(&self, office: Option<&Office>) -> String {
        let code = || office.and_then(|office| self.formats.code(&office.external_id));
        let area = |level: usize| office?.areas.get(level.checked_sub(1)?).map(String::as_str);
        let mut name = self.event_type.to_owned();
        for scope in &self.format.per {
            let value = match scope {
                Scope::Office => code().unwrap_or_default().to_owned(),
                Scope::Area(level) => area(*level).unwrap_or_default().to_owned(),
                Scope::Year => self.today.year().to_string(),
                Scope::Month => format!("{:02}", self.today.month()),
            };
            let _ = write!(name, " {}={value}", scope.name());
        }
        name
    }

    fn pieces(&self, format: &Format, office: Option<&Office>) -> Option<Vec<Piece>> {
        let area = |level: usize| {
            let code = office?.areas.get(level.checked_sub(1)?)?;
            is_code(code).then_some(code)
        };
        let piece = |part: &Part| {
            Some(match part {
                Part::Text(text) => Piece::Text(text.clone()),
                Part::Year(4) => Piece::Text(format!("{:04}", self.today.year())),
                Part::Year(_) => Piece::Text(format!("{:02}", self.today.year().rem_euclid(100))),
                Part::Month => Piece::Text(format!("{:02}", self.today.month())),
                Part::Event => Piece::Text(self.event_type.to_uppercase()),
                Part::OfficeCode => {
                    Piece::Text(self.formats.code(&office?.external_id)?.to_owned())
                }
                Part::AreaCode(level) => Piece::Text(area(*level)?.clone()),
                Part::Sequence(width) => Piece::Position(*width),
                Part::Random(length) => Piece::Random(*length, format.alphabet.clone()),
                Part::Check => Piece::Check,
            })
        };
        format.parts.iter().map(piece).collect()
    }
}

impl Draw {
    /// The number at a position of the sequence. A position that is wider than the format is written in full:
    /// registering does not end at 99999.
    pub fn number(&self, position: u64) -> String {
        self.filled(position, one_of)
    }

    /// The same with `?` for random characters and for the check digits that depend on them.
    pub fn preview(&self, position: u64) -> String {
        let random = |piece: &Piece| matches!(piece, Piece::Random(..));
        let check = self.check.filter(|_| !self.pieces.iter().any(random));
        let shown = Self {
            check,
            ..self.clone()
        };
        shown.filled(position, |_| '?')
    }

    fn filled(&self, position: u64, random: impl Fn(&[u8]) -> char) -> String {
        let mut parts = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            parts.push(match piece {
                Piece::Text(text) => text.clone(),
                Piece::Position(width) => {
                    format!("{position:0width$}", width = usize::from(*width))
                }
                Piece::Random(length, alphabet) => {
                    (0..*length).map(|_| random(alphabet.as_bytes())).collect()
                }
                Piece::Check => String::new(),
            });
        }
        let check = self.check.map(|check| check.of(&parts.concat()));
        let check = check.unwrap_or_else(|| "?".to_owned());
        let filled = self.pieces.iter().zip(parts);
        filled
            .map(|(piece, text)| {
                if *piece == Piece::Check {
                    check.clone()
                } else {
                    text
                }
            })
            .collect()
    }
}

impl NumberFormat {
    fn pieces(&self) -> Vec<Piece> {
        let piece = |c: char| match alphabet(c) {
            Some(alphabet) => Piece::Random(1, alphabet.to_owned()),
            None => Piece::Text(c.to_string()),
        };
        self.as_str().chars().map(piece).collect()
    }
}

#[cfg(test)]
mod tests;

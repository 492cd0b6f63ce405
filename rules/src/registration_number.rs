// SPDX-License-Identifier: MPL-2.0
//! Registration numbers.

use std::str::FromStr;

/// The registration number format: a text in which every `#` stands for a random digit or capital letter
/// (`0-9A-Z`) and `%` for a random digit; everything else stands for itself.
///
/// The ledger refuses a number that another action has, and the next one is tried. For numbers that tell
/// office, year and sequence see [`crate::registration_numbers`].
///
/// ```
/// let format: rules::registration_number::NumberFormat = "############".parse()?;
/// assert_eq!(format.number().len(), 12);
/// # Ok::<(), rules::registration_number::NumberFormatError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat(String);

/// The reason why a text is not a number format.
#[derive(Debug, thiserror::Error)]
pub enum NumberFormatError {
    /// Guessing a number, or meeting one twice, would be too easy.
    #[error("it allows too few numbers: use at least 8 `#` or 12 `%`")]
    TooFew,
    /// Core and the certificates expect plain characters.
    #[error("it holds `{0}`; a registration number is made of letters, digits, `-` and `/`")]
    Character(char),
}

/// The alphabet of `#`.
const CHARACTERS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl FromStr for NumberFormat {
    type Err = NumberFormatError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bits: f64 = text
            .chars()
            .map(|c| {
                if c == '#' {
                    36f64.log2()
                } else if c == '%' {
                    10f64.log2()
                } else {
                    0.0
                }
            })
            .sum();
        if let Some(odd) = text
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !"#%-/".contains(*c))
        {
            return Err(NumberFormatError::Character(odd));
        }
        if bits < 39.0 {
            return Err(NumberFormatError::TooFew);
        }
        Ok(Self(text.to_owned()))
    }
}

impl NumberFormat {
    /// A fresh number from the system's random source.
    pub fn number(&self) -> String {
        let character = |c| alphabet(c).map_or(c, |from| one_of(from.as_bytes()));
        self.0.chars().map(character).collect()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The characters that a character of a format stands for; nothing for one that stands for itself.
pub(crate) fn alphabet(character: char) -> Option<&'static str> {
    match character {
        '#' => Some(CHARACTERS),
        '%' => Some("0123456789"),
        _ => None,
    }
}

/// A random character, each with the same chance: bytes that would favour the first ones are discarded.
pub(crate) fn one_of(alphabet: &[u8]) -> char {
    if alphabet.is_empty() {
        return '?';
    }
    let fair = 256 - 256 % alphabet.len();
    loop {
        for byte in uuid::Uuid::new_v4().as_bytes().iter().take(6) {
            if let Some(character) = alphabet
                .get(usize::from(*byte) % alphabet.len())
                .filter(|_| usize::from(*byte) < fair)
            {
                return char::from(*character);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_to_their_format() {
        let number = "B-%%%%/########".parse::<NumberFormat>().unwrap().number();
        assert_eq!((number.len(), &number[..2], &number[6..7]), (15, "B-", "/"));
        assert!(number[2..6].chars().all(|c| c.is_ascii_digit()));
        assert!(
            number[7..]
                .chars()
                .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
        );
    }

    #[test]
    fn every_character_comes_up_about_as_often() {
        let format: NumberFormat = "############".parse().unwrap();
        let mut seen = std::collections::BTreeMap::<char, u32>::new();
        (0..3_000)
            .flat_map(|_| format.number().chars().collect::<Vec<_>>())
            .for_each(|c| *seen.entry(c).or_default() += 1);
        assert_eq!(seen.len(), 36);
        assert!(seen.values().all(|n| (800..1200).contains(n)), "{seen:?}"); // 1000 each on average
    }

    #[test]
    fn a_format_with_too_few_numbers_is_refused() {
        assert!(matches!(
            "####".parse::<NumberFormat>(),
            Err(NumberFormatError::TooFew)
        ));
        assert!(matches!(
            "############ü".parse::<NumberFormat>(),
            Err(NumberFormatError::Character('ü'))
        ));
    }
}

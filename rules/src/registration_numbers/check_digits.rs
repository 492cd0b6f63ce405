// SPDX-License-Identifier: MPL-2.0
//! Check digits of ISO/IEC 7064, and Luhn's.

use serde::{Deserialize, Serialize};

/// A system of check digits. Characters that a system has no value for are left out: hyphens in all, letters
/// in those of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckDigits {
    /// Luhn's (ISO/IEC 7812): digits, one digit.
    Luhn,
    /// ISO 7064 MOD 11-2: digits, one digit or `X`.
    Mod11_2,
    /// ISO 7064 MOD 37-2: digits and letters, one of them or `*`.
    Mod37_2,
    /// ISO 7064 MOD 97-10: digits, two digits. Letters count as 10 to 35, as in bank accounts.
    Mod97_10,
    /// ISO 7064 MOD 661-26: letters, two letters.
    Mod661_26,
    /// ISO 7064 MOD 1271-36: digits and letters, two of them.
    Mod1271_36,
    /// ISO 7064 MOD 11,10: digits, one digit.
    Mod11_10,
    /// ISO 7064 MOD 27,26: letters, one letter.
    Mod27_26,
    /// ISO 7064 MOD 37,36: digits and letters, one of them.
    Mod37_36,
}

const DIGITS: &[u8] = b"0123456789X";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const BOTH: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*";

impl CheckDigits {
    /// All systems by name.
    pub const ALL: [(&'static str, Self); 9] = [
        ("luhn", Self::Luhn),
        ("iso-7064-mod-11-2", Self::Mod11_2),
        ("iso-7064-mod-37-2", Self::Mod37_2),
        ("iso-7064-mod-97-10", Self::Mod97_10),
        ("iso-7064-mod-661-26", Self::Mod661_26),
        ("iso-7064-mod-1271-36", Self::Mod1271_36),
        ("iso-7064-mod-11-10", Self::Mod11_10),
        ("iso-7064-mod-27-26", Self::Mod27_26),
        ("iso-7064-mod-37-36", Self::Mod37_36),
    ];

    /// The check digits of a text.
    pub fn of(self, text: &str) -> String {
        let values = self.values(text);
        match self {
            Self::Luhn => luhn(&values),
            Self::Mod11_2 => pure(&values, 11, 2, 1, DIGITS),
            Self::Mod37_2 => pure(&values, 37, 2, 1, BOTH),
            Self::Mod97_10 => {
                let rest = values
                    .iter()
                    .chain(&[0, 0])
                    .fold(0, |p, v| (p * 10 + v) % 97);
                format!("{:02}", 98 - rest)
            }
            Self::Mod661_26 => pure(&values, 661, 26, 2, LETTERS),
            Self::Mod1271_36 => pure(&values, 1271, 36, 2, BOTH),
            Self::Mod11_10 => hybrid(&values, 10, DIGITS),
            Self::Mod27_26 => hybrid(&values, 26, LETTERS),
            Self::Mod37_36 => hybrid(&values, 36, BOTH),
        }
    }

    fn values(self, text: &str) -> Vec<u32> {
        let characters = text.chars().map(|c| c.to_ascii_uppercase());
        match self {
            Self::Luhn | Self::Mod11_2 | Self::Mod11_10 => {
                characters.filter_map(|c| c.to_digit(10)).collect()
            }
            Self::Mod661_26 | Self::Mod27_26 => characters
                .filter(char::is_ascii_alphabetic)
                .filter_map(|c| c.to_digit(36).map(|value| value - 10))
                .collect(),
            Self::Mod97_10 => characters
                .filter_map(|c| c.to_digit(36))
                .flat_map(|value| [(value >= 10).then_some(value / 10), Some(value % 10)])
                .flatten()
                .collect(),
            Self::Mod37_2 | Self::Mod1271_36 | Self::Mod37_36 => {
                characters.filter_map(|c| c.to_digit(36)).collect()
            }
        }
    }
}

/// Every second digit from the right counts twice.
fn luhn(values: &[u32]) -> String {
    let counted = |(n, value): (usize, &u32)| match value * 2 {
        _ if !n.is_multiple_of(2) => *value,
        twice if twice > 9 => twice - 9,
        twice => twice,
    };
    let sum: u32 = values
        .iter()
        .rev()
        .enumerate()
        .map(counted)
        .map(|v| v % 10)
        .sum();
    ((10 - sum % 10) % 10).to_string()
}

/// A pure system: the sum of all values, each times a power of the radix, is 1 in the modulus.
fn pure(values: &[u32], modulus: u32, radix: u32, length: u32, alphabet: &[u8]) -> String {
    let mut sum = values
        .iter()
        .fold(0, |sum, value| (sum + value) * radix % modulus);
    if length == 2 {
        sum = sum * radix % modulus;
    }
    let check = (modulus + 1 - sum) % modulus;
    match length {
        2 => [check / radix, check % radix]
            .map(|v| character(alphabet, v))
            .iter()
            .collect(),
        _ => character(alphabet, check).to_string(),
    }
}

/// A hybrid system, with two moduli: `modulus` and the next.
fn hybrid(values: &[u32], modulus: u32, alphabet: &[u8]) -> String {
    let product = values.iter().fold(modulus, |product, value| {
        let sum = match (product + value) % modulus {
            0 => modulus,
            sum => sum,
        };
        2 * sum % (modulus + 1)
    });
    character(alphabet, (modulus + 1 - product) % modulus).to_string()
}

fn character(alphabet: &[u8], value: u32) -> char {
    let byte = usize::try_from(value).ok().and_then(|n| alphabet.get(n));
    char::from(*byte.unwrap_or(&b'?'))
}

#[cfg(test)]
mod tests {
    use super::CheckDigits::{self, *};
    use proptest::prelude::*;
    use rstest::rstest;

    /// Examples from the standards and from identifiers in use.
    #[rstest]
    #[case(Luhn, "7992739871", "3")]
    #[case(Mod11_2, "000000021825009", "7")]
    #[case(Mod11_2, "0794", "0")]
    #[case::orcid_with_x(Mod11_2, "000000021694233", "X")]
    #[case(Mod37_2, "G123489654321", "Y")]
    #[case::bank(Mod97_10, "794", "44")]
    #[case::legal_entity(Mod97_10, "5493000IBP32UQZ0KL", "24")]
    #[case(Mod661_26, "BAISDLAFK", "BM")]
    #[case(Mod1271_36, "ISO79", "3W")]
    #[case(Mod11_10, "79462", "3")]
    #[case(Mod27_26, "QWERTYDVORAK", "Y")]
    #[case(Mod37_36, "A12425GABC1234002", "M")]
    fn check_digits_are_those_of_the_standards(
        #[case] system: CheckDigits,
        #[case] text: &str,
        #[case] expected: &str,
    ) {
        assert_eq!(system.of(text), expected);
        assert_eq!(
            system.of(&format!("-{text}/")),
            expected,
            "separators do not count"
        );
    }

    /// Checks a number as its reader does.
    fn is_valid(system: CheckDigits, number: &str) -> bool {
        let values = |number: &str| -> Vec<u64> {
            let value = |c: char| match c {
                '*' => 36,
                'X' if system == Mod11_2 => 10,
                c if matches!(system, Mod661_26 | Mod27_26) => u64::from(c) - u64::from('A'),
                c => u64::from(c.to_digit(36).unwrap()),
            };
            number.chars().map(value).collect()
        };
        let pure = |modulus: u64, radix: u64| {
            values(number)
                .iter()
                .fold(0, |sum, v| (sum * radix + v) % modulus)
                == 1
        };
        let hybrid = |modulus: u64| {
            let values = values(number);
            let (check, rest) = values.split_last().unwrap();
            let product = rest.iter().fold(modulus, |product, value| {
                let sum = (product + value - 1) % modulus + 1;
                sum * 2 % (modulus + 1)
            });
            (product + check) % modulus == 1
        };
        match system {
            Luhn => {
                let sum: u64 = values(number)
                    .iter()
                    .rev()
                    .enumerate()
                    .map(|(n, v)| {
                        if n.is_multiple_of(2) {
                            *v
                        } else {
                            v * 2 / 10 + v * 2 % 10
                        }
                    })
                    .sum();
                sum.is_multiple_of(10)
            }
            Mod11_2 => pure(11, 2),
            Mod37_2 => pure(37, 2),
            Mod97_10 => pure(97, 10),
            Mod661_26 => pure(661, 26),
            Mod1271_36 => pure(1271, 36),
            Mod11_10 => hybrid(10),
            Mod27_26 => hybrid(26),
            Mod37_36 => hybrid(36),
        }
    }

    proptest! {
        #[test]
        fn numbers_with_check_digits_are_valid_and_one_wrong_character_is_found(
            n in 0..CheckDigits::ALL.len(),
            digits in "[0-9]{1,20}",
            letters in "[A-Z]{1,20}",
            at in any::<prop::sample::Index>(),
            other in any::<prop::sample::Index>(),
        ) {
            let (name, system) = CheckDigits::ALL[n];
            let (text, alphabet) = match system {
                Luhn | Mod11_2 | Mod11_10 | Mod97_10 => (digits, "0123456789"),
                Mod661_26 | Mod27_26 => (letters, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                _ => (format!("{digits}{letters}"), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            };
            let number = format!("{text}{}", system.of(&text));
            prop_assert!(is_valid(system, &number), "{name}: {number}");
            let at = at.index(text.len());
            let other = &alphabet[other.index(alphabet.len())..][..1];
            if &text[at..=at] != other {
                let wrong = format!("{}{other}{}", &number[..at], &number[at + 1..]);
                prop_assert!(!is_valid(system, &wrong), "{name}: {number} and {wrong}");
            }
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The parts in which an SMS is sent, and paid for.

/// Characters of the GSM 7-bit default alphabet besides ASCII letters, digits and these.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
/// Characters that take the place of two.
const EXTENDED: &str = "^{}\\[~]|€";

/// The parts of a text.
pub(super) struct Parts {
    number: usize,
    length: usize,
    /// The characters outside the GSM alphabet, for which the whole text is sent as UCS-2.
    outside: Vec<char>,
}

impl Parts {
    pub(super) fn of(text: &str) -> Self {
        let is_gsm = |c: char| c.is_ascii_alphanumeric() || GSM.contains(c) || EXTENDED.contains(c);
        let mut outside: Vec<char> = text.chars().filter(|c| !is_gsm(*c)).collect();
        outside.sort_unstable();
        outside.dedup();
        let (length, single, several) = if outside.is_empty() {
            let places = |c: char| if EXTENDED.contains(c) { 2 } else { 1 };
            (text.chars().map(places).sum(), 160, 153)
        } else {
            (text.encode_utf16().count(), 70, 67)
        };
        Self {
            number: if length <= single {
                1
            } else {
                usize::div_ceil(length, several)
            },
            length,
            outside,
        }
    }

    pub(super) fn in_words(&self) -> String {
        let s = if self.number == 1 { "" } else { "s" };
        let parts = format!("{} part{s}, {} characters", self.number, self.length);
        if self.outside.is_empty() {
            return format!("{parts} of the GSM alphabet.");
        }
        let outside: Vec<String> = self.outside.iter().map(|c| format!("“{c}”")).collect();
        format!(
            "{parts} of 16 bits, because of {}: without these a part has 160 in place of 70.",
            outside.join(" ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a".repeat(160), 1)]
    #[case("a".repeat(161), 2)]
    #[case("€".repeat(80), 1)]
    #[case("€".repeat(81), 2)]
    #[case("ê".repeat(70), 1)]
    #[case("ê".repeat(71), 2)]
    #[case(format!("ê{}", "a".repeat(134)), 3)]
    fn parts_are_counted_as_networks_do(#[case] text: String, #[case] parts: usize) {
        assert_eq!(Parts::of(&text).number, parts);
    }
}

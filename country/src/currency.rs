// SPDX-License-Identifier: MPL-2.0
//! The currency of fees, and amounts of it as people read them.

/// A code of ISO 4217.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Currency(String);

/// Signs that stand for one currency wherever they are read. Other currencies are written with their code.
const SIGNS: [(&str, &str); 9] = [
    ("EUR", "€"),
    ("GBP", "£"),
    ("ILS", "₪"),
    ("INR", "₹"),
    ("KRW", "₩"),
    ("NGN", "₦"),
    ("PHP", "₱"),
    ("USD", "$"),
    ("VND", "₫"),
];
/// Currencies without a smaller unit.
const WHOLE: [&str; 16] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
];
/// Currencies whose smaller unit is a thousandth.
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

impl Currency {
    /// The currency of a code; nothing for what is not three capital letters.
    pub fn new(code: &str) -> Option<Self> {
        let letters = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        letters.then(|| Self(code.to_owned()))
    }

    /// Its code.
    pub fn code(&self) -> &str {
        &self.0
    }

    /// Its sign, or its code where it has none.
    pub fn sign(&self) -> &str {
        let mut signs = SIGNS.iter();
        signs
            .find(|(code, _)| *code == self.0)
            .map_or(&self.0, |(_, sign)| sign)
    }

    /// An amount with its currency: `$10.60`, `KES 10.60`, `UGX 11`.
    pub fn amount(&self, amount: f64) -> String {
        let code = self.code();
        let digits = if WHOLE.contains(&code) {
            0
        } else if THOUSANDTHS.contains(&code) {
            3
        } else {
            2
        };
        let sign = self.sign();
        let space = if sign == code { " " } else { "" };
        format!("{sign}{space}{amount:.digits$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("USD", "$10.60")]
    #[case("KES", "KES 10.60")]
    #[case("UGX", "UGX 11")]
    #[case("TND", "TND 10.600")]
    fn amounts_name_their_currency(#[case] code: &str, #[case] written: &str) {
        assert_eq!(Currency::new(code).unwrap().amount(10.6), written);
    }
}

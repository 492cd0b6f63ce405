// SPDX-License-Identifier: MPL-2.0
//! The causes of death that a physician can choose, found while they are typed.
//!
//! Best first: the exact code, codes that begin so, labels that begin so, labels with a word that
//! begins so, all words in any order, and, where none of that finds anything, words with small typing
//! errors. Equals are ordered by length and code, so that the same question gets the same answer.

pub(crate) mod parse;

use std::collections::BTreeMap;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The largest number of results.
pub const LIMIT: usize = 50;

/// More errors than any word may have: no match.
const NO_MATCH: u8 = u8::MAX;

/// A cause of death.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The id that a record keeps; never changes.
    pub id: String,
    /// The label that is shown and searched.
    pub label: String,
    /// Its code in the classification, ICD-10 in the sample country.
    pub code: String,
}

/// All causes of death, with an index over their words.
#[derive(Debug, Default)]
pub struct Causes {
    /// The causes, short labels first.
    entries: Vec<Entry>,
    /// The words of labels and codes, sorted, and the entries that have them.
    words: Vec<(String, Vec<usize>)>,
    /// The places in `words` of those in which there may be typing errors.
    spelled: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    cause: Cause,
    /// Normalised.
    label: String,
    code: String,
    /// Its place by code.
    by_code: usize,
}

/// Takes the entries that have a word, and the typing errors in it.
type Found<'a> = dyn FnMut(&[usize], u8) + 'a;

/// The rank of a match; the smallest is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Code,
    /// By the place of the code.
    CodeBegins(usize),
    LabelBegins,
    WordBegins,
    AllWords,
    /// Typing errors: their number in all words together.
    TypingErrors(u8),
}

impl Causes {
    /// Builds the index.
    pub fn new(mut causes: Vec<Cause>) -> Self {
        causes.sort_by(|a, b| a.code.cmp(&b.code));
        let mut entries: Vec<_> = causes
            .into_iter()
            .enumerate()
            .map(|(by_code, cause)| Entry {
                label: normalised(&cause.label),
                code: normalised(&cause.code),
                by_code,
                cause,
            })
            .collect();
        entries.sort_by_key(|entry| entry.label.len());
        let mut words: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (n, entry) in entries.iter().enumerate() {
            for word in entry.label.split(' ').chain([entry.code.as_str()]) {
                let having = words.entry(word.to_owned()).or_default();
                if having.last() != Some(&n) {
                    having.push(n);
                }
            }
        }
        let words: Vec<_> = words.into_iter().collect();
        let spelled = words.iter().enumerate();
        let spelled = spelled.filter(|(_, (word, _))| !has_digits(word));
        Self {
            spelled: spelled.map(|(n, _)| n).collect(),
            entries,
            words,
        }
    }

    /// All causes, short labels first.
    pub fn iter(&self) -> impl Iterator<Item = &Cause> {
        self.entries.iter().map(|entry| &entry.cause)
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The best matches for what was typed, at most [`LIMIT`].
    pub fn search(&self, terms: &str) -> Vec<&Cause> {
        let terms = normalised(terms);
        let mut words: Vec<_> = terms.split(' ').filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        words.dedup();
        if words.is_empty() {
            return vec![];
        }
        let mut found = self.ranked(&terms, &words, Self::beginning);
        if found.is_empty() {
            found = self.ranked(&terms, &words, Self::alike);
        }
        if found.len() > LIMIT {
            found.select_nth_unstable(LIMIT);
            found.truncate(LIMIT);
        }
        found.sort_unstable();
        let entries = found.iter().filter_map(|(_, n)| self.entries.get(*n));
        entries.map(|entry| &entry.cause).collect()
    }

    /// The entries that have all words, by what `matching` takes for a word that was typed.
    fn ranked(
        &self,
        terms: &str,
        words: &[&str],
        matching: fn(&Self, &str, &mut Found<'_>),
    ) -> Vec<(Rank, usize)> {
        let mut errors = vec![0_u8; self.entries.len()];
        for word in words {
            let mut least = vec![NO_MATCH; self.entries.len()];
            matching(self, word, &mut |having, errors| {
                for n in having {
                    if let Some(least) = least.get_mut(*n) {
                        *least = errors.min(*least);
                    }
                }
            });
            for (errors, least) in errors.iter_mut().zip(least) {
                *errors = errors.saturating_add(least);
            }
            if errors.iter().all(|errors| *errors == NO_MATCH) {
                return vec![];
            }
        }
        let inside = format!(" {terms}");
        let is_code = has_digits(terms);
        let matched = self.entries.iter().enumerate().zip(errors);
        let matched = matched.filter(|(_, errors)| *errors != NO_MATCH);
        matched
            .map(|((n, entry), errors)| {
                let rank = if entry.code == terms {
                    Rank::Code
                } else if is_code && entry.code.starts_with(terms) {
                    Rank::CodeBegins(entry.by_code)
                } else if entry.label.starts_with(terms) {
                    Rank::LabelBegins
                } else if entry.label.contains(&inside) {
                    Rank::WordBegins
                } else if errors == 0 {
                    Rank::AllWords
                } else {
                    Rank::TypingErrors(errors)
                };
                (rank, n)
            })
            .collect()
    }

    /// Finds words that begin with the typed text.
    fn beginning(&self, typed: &str, found: &mut Found<'_>) {
        let first = self
            .words
            .partition_point(|(word, _)| word.as_str() < typed);
        let words = self.words.iter().skip(first);
        for (_, having) in words.take_while(|(word, _)| word.starts_with(typed)) {
            found(having, 0);
        }
    }

    /// Finds words that begin with the typed text but for a few letters: missing, superfluous, wrong, or two
    /// swapped. The words are sorted, so that what is known about the beginning of one serves for the next.
    fn alike(&self, typed: &str, found: &mut Found<'_>) {
        let allowed = allowed_errors(typed);
        if allowed == 0 {
            return self.beginning(typed, found);
        }
        let typed: Vec<char> = typed.chars().collect();
        let mut walked: Vec<char> = vec![];
        let mut rows = vec![Row::first(&typed)];
        let spelled = self.spelled.iter().filter_map(|n| self.words.get(*n));
        let long_enough = |word: &str| word.len() + usize::from(allowed) >= typed.len();
        for (word, having) in spelled.filter(|(word, _)| long_enough(word)) {
            let same = word.chars().zip(&walked).take_while(|(a, b)| a == *b);
            let same = same.count();
            walked.truncate(same);
            rows.truncate(same + 1);
            for letter in word.chars().skip(same) {
                let row = match rows.as_slice() {
                    [.., last] if last.least > allowed => break,
                    [.., before, last] => {
                        let swapped = walked.last().map(|letter| (*letter, before));
                        last.next(&typed, letter, swapped)
                    }
                    [last] => last.next(&typed, letter, None),
                    [] => break,
                };
                walked.push(letter);
                rows.push(row);
            }
            if let Some(row) = rows.last().filter(|row| row.best <= allowed) {
                found(having, row.best);
            }
        }
    }
}

fn has_digits(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The number of errors that a word of this length may have; none in codes and years.
fn allowed_errors(typed: &str) -> u8 {
    match typed.chars().count() {
        _ if has_digits(typed) => 0,
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// The errors between the beginning of a word and each beginning of what was typed: a row of the
/// table of Damerau and Levenshtein.
struct Row {
    errors: Vec<u8>,
    /// The least of them: whatever follows, it does not become less.
    least: u8,
    /// The least so far between a beginning of the word and the whole of what was typed.
    best: u8,
}

impl Row {
    fn of(errors: Vec<u8>, best_before: u8) -> Self {
        let least = errors.iter().copied().min().unwrap_or(NO_MATCH);
        let best = errors.last().copied().unwrap_or(NO_MATCH).min(best_before);
        Self {
            errors,
            least,
            best,
        }
    }

    fn first(typed: &[char]) -> Self {
        Self::of((0..=NO_MATCH).take(typed.len() + 1).collect(), NO_MATCH)
    }

    /// The row for one letter more; `before` is the letter before it and the row before that.
    fn next(&self, typed: &[char], letter: char, before: Option<(char, &Self)>) -> Self {
        let at = |row: &Self, n: usize| row.errors.get(n).copied().unwrap_or(NO_MATCH);
        let mut left = at(self, 0).saturating_add(1);
        let mut errors = vec![left];
        let mut typed_before = None;
        for (n, wanted) in typed.iter().enumerate() {
            let other = at(self, n).saturating_add(u8::from(*wanted != letter));
            left = other
                .min(at(self, n + 1).saturating_add(1))
                .min(left.saturating_add(1));
            if let (Some((letter_before, row)), Some(wanted_before)) = (before, typed_before)
                && letter_before == *wanted
                && letter == wanted_before
            {
                left = left.min(at(row, n - 1).saturating_add(1));
            }
            typed_before = Some(*wanted);
            errors.push(left);
        }
        Self::of(errors, self.best)
    }
}

/// As it is compared: small letters without accents, dots and apostrophes; words with single spaces
/// between them.
fn normalised(text: &str) -> String {
    let letters = text.nfkd().filter(|c| !is_combining_mark(*c));
    let letters = letters.filter(|c| !".'’".contains(*c));
    let text: String = letters
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .flat_map(char::to_lowercase)
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn causes() -> Causes {
        let causes = [
            ("A15", "Respiratory tuberculosis"),
            ("A17.0", "Tuberculous meningitis"),
            ("A19", "Miliary tuberculosis"),
            ("B50", "Plasmodium falciparum malaria"),
            ("B54", "Unspecified malaria"),
            ("G61.0", "Guillain-Barré syndrome"),
            ("I21", "Acute myocardial infarction"),
            ("I21.4", "Acute subendocardial myocardial infarction"),
            ("I21.9", "Acute myocardial infarction, unspecified"),
            ("I22", "Subsequent myocardial infarction"),
            ("J18.9", "Pneumonia, unspecified"),
            ("Q90", "Down syndrome"),
            ("X33", "Victim of lightning"),
        ];
        let cause = |(code, label): (&str, &str)| Cause {
            id: format!("id-{code}"),
            label: label.to_owned(),
            code: code.replace('.', ""),
        };
        Causes::new(causes.map(cause).to_vec())
    }

    #[rstest]
    #[case::code("I21", &["I21", "I214", "I219"])]
    #[case::code_with_a_dot("i21.9", &["I219"])]
    #[case::beginning_of_a_code("i2", &["I21", "I214", "I219", "I22"])]
    #[case::labels_that_begin_so_come_first("tuberculo", &["A170", "A19", "A15"])]
    #[case::one_letter("d", &["Q90"])]
    #[case::words_in_any_order("infarction acute myo", &["I21", "I219", "I214"])]
    #[case::every_word_counts("unspecified pneumonia", &["J189"])]
    #[case::accents("guillain barre", &["G610"])]
    #[case::a_letter_is_missing("malria", &["B54", "B50"])]
    #[case::two_letters_are_swapped("tubreculosis", &["A19", "A15"])]
    #[case::the_first_letter_is_missing("neumonia", &["J189"])]
    #[case::errors_in_two_words("mycardial infraction", &["I21", "I22", "I219", "I214"])]
    #[case::too_many_errors("pnuemna", &[])]
    #[case::codes_have_no_errors("I29", &[])]
    #[case::wildcards_stand_for_nothing("%", &[])]
    #[case::nor_here("mal_ria", &[])]
    #[case::nothing("  ", &[])]
    fn what_is_typed_is_found_best_first(#[case] terms: &str, #[case] expected: &[&str]) {
        let causes = causes();
        let found = causes.search(terms);
        let codes: Vec<_> = found.iter().map(|cause| cause.code.as_str()).collect();
        assert_eq!(codes, expected);
    }

    #[test]
    fn the_best_fifty_of_many_are_those_of_a_longer_list() {
        let cause = |n: usize| Cause {
            id: n.to_string(),
            label: format!("Injury{}", " again".repeat(n % 7)),
            code: format!("S{n:03}"),
        };
        let causes = Causes::new((0..1000).map(cause).collect());
        let found = causes.search("injury");
        let mut all: Vec<_> = causes.iter().collect();
        all.sort_by_key(|cause| (cause.label.len(), cause.code.clone()));
        assert_eq!(found, all[..LIMIT]);
    }

    proptest! {
        /// The table that is shared between words says the same as one made for each.
        #[test]
        fn errors_are_those_of_damerau_and_levenshtein(typed in "[abc]{4,9}", words in prop::collection::btree_set("[abc]{1,9}", 1..20)) {
            let cause = |(n, word): (usize, &String)| Cause { id: String::new(), label: word.clone(), code: n.to_string() };
            let causes = Causes::new(words.iter().enumerate().map(cause).collect());
            let mut found: BTreeMap<String, u8> = BTreeMap::new();
            causes.alike(&typed, &mut |having, errors| {
                found.extend(having.iter().map(|n| (causes.entries[*n].label.clone(), errors)));
            });
            let beginnings = |word: &str| (0..=word.len()).map(|n| strsim::osa_distance(&typed, &word[..n])).min().unwrap();
            let expected: BTreeMap<String, u8> = words.iter()
                .map(|word| (word.clone(), u8::try_from(beginnings(word)).unwrap()))
                .filter(|(_, errors)| *errors <= allowed_errors(&typed))
                .collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn whatever_is_typed_is_answered(terms in "\\PC{0,200}") {
            prop_assert!(causes().search(&terms).len() <= LIMIT);
        }
    }
}

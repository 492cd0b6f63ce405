// SPDX-License-Identifier: MPL-2.0
//! Texts by language.

use super::{items, text};
use serde_json::Value;
use std::collections::HashMap;

/// The country's texts, language by language, the country's first language first.
pub(in crate::studio) struct Wording(Vec<(String, HashMap<String, String>)>);

impl Wording {
    /// Of the document for core's client.
    pub(super) fn of(document: &Value) -> Self {
        let language = |language: &Value| {
            let messages = language.get("messages").and_then(Value::as_object);
            let messages = messages.into_iter().flatten();
            let messages =
                messages.filter_map(|(id, text)| Some((id.clone(), text.as_str()?.to_owned())));
            (text(language, "lang").to_owned(), messages.collect())
        };
        Self(items(document, "languages").iter().map(language).collect())
    }

    /// The codes of the languages.
    pub(in crate::studio) fn languages(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(code, _)| code.as_str())
    }

    /// The wording of a message in a language; its default where there is none. A label may also be a plain text.
    pub(in crate::studio) fn say(&self, language: &str, message: &Value) -> String {
        if let Some(plain) = message.as_str() {
            return plain.to_owned();
        }
        let of = |(code, texts): &(String, HashMap<String, String>)| {
            (code == language).then(|| texts.get(text(message, "id")).cloned())?
        };
        let known = self.0.iter().find_map(of);
        known.unwrap_or_else(|| text(message, "defaultMessage").to_owned())
    }

    /// The number of texts of a language.
    pub(in crate::studio) fn count(&self, language: &str) -> usize {
        let own = self.0.iter().find(|(code, _)| code == language);
        own.map_or(0, |(_, texts)| texts.len())
    }
}

/// Fills the arguments of a message in: `{name}` and `{name, select, a {…} other {…}}`.
pub(in crate::studio) fn filled_in(message: &str, argument: &dyn Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        let Some(end) = closing(after) else {
            return filled + "{" + after;
        };
        let (inner, behind) = after.split_at(end);
        let mut parts = inner.splitn(3, ',').map(str::trim);
        let (name, kind) = (parts.next().unwrap_or_default(), parts.next());
        let value = argument(name);
        match (kind, parts.next()) {
            (Some("select"), Some(branches)) => {
                let chosen = branch(branches, &value).or_else(|| branch(branches, "other"));
                filled += &filled_in(chosen.unwrap_or_default(), argument);
            }
            _ => filled += &value,
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    filled + rest
}

/// The place of the bracket that closes what is open.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The text of a branch: `name {text}`.
fn branch<'t>(mut branches: &'t str, wanted: &str) -> Option<&'t str> {
    while let Some((name, after)) = branches.split_once('{') {
        let (inner, behind) = after.split_at(closing(after)?);
        if name.trim() == wanted {
            return Some(inner);
        }
        branches = behind.get(1..).unwrap_or_default();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_filled_in_also_in_branches() {
        let say = |message| filled_in(message, &|name| format!("<{name}>"));
        assert_eq!(say("Informant ({a.b}), {c}!"), "Informant (<a.b>), <c>!");
        let choice = "{value, select, verified {ID {value}} other {Unknown}} now";
        let with = |value: &'static str| filled_in(choice, &|_| value.to_owned());
        assert_eq!(with("verified"), "ID verified now");
        assert_eq!(with("lost"), "Unknown now");
        for broken in ["{", "}", "{a, select, x {", "{a, select}", "é{é"] {
            say(broken);
        }
    }
}

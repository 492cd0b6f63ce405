// SPDX-License-Identifier: MPL-2.0
//! The permissions of a role, in the encoded form that roles and tokens carry.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A permission with the options that limit it, for example `type=record.create&event=birth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    kind: String,
    options: Vec<(String, Vec<String>)>,
}

impl Scope {
    /// A permission without limits, for example `config.update-all`.
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            options: Vec::new(),
        }
    }

    /// Limits the permission, for example `event` to `birth` and `death`.
    pub fn option<S: Into<String>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        self.options.push((
            name.to_owned(),
            values.into_iter().map(Into::into).collect(),
        ));
        self
    }

    /// Replaces the values of an option.
    pub fn with_values<S: Into<String>>(
        mut self,
        name: &str,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        if let Some((_, old)) = self.options.iter_mut().find(|(option, _)| option == name) {
            *old = values;
        }
        self
    }

    /// The options with their values.
    pub fn options(&self) -> impl Iterator<Item = (&str, &[String])> {
        let options = self.options.iter();
        options.map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The permission, for example `record.create`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Values of an option; none when the permission is not limited by it.
    pub fn values(&self, name: &str) -> Option<&[String]> {
        self.options
            .iter()
            .find(|(option, _)| option == name)
            .map(|(_, values)| values.as_slice())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type={}", self.kind)?;
        self.options.iter().try_for_each(|(name, values)| {
            // Core reads a single value of a nested list as a text unless it is marked as a list.
            let list = if name.contains('.') && values.len() == 1 {
                "[]"
            } else {
                ""
            };
            write!(f, "&{name}{list}={}", values.join(","))
        })
    }
}

/// A text that is not a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scope `{scope}`: {what}")]
pub struct ScopeError {
    scope: String,
    what: &'static str,
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(scope: &str) -> Result<Self, Self::Err> {
        let error = |what| ScopeError {
            scope: scope.to_owned(),
            what,
        };
        let mut kind = None;
        let mut options: Vec<(String, Vec<String>)> = Vec::new();
        let encoded = scope.strip_prefix('?').unwrap_or(scope);
        for part in encoded.split('&') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| error("a part has no `=`"))?;
            if name == "type" {
                kind = Some(decoded(value));
                continue;
            }
            // Core 2.1 writes a single entry of a list as `event[]=birth`.
            let name = decoded(name);
            let name = name.strip_suffix("[]").unwrap_or(&name);
            let values = value.split(',').map(decoded);
            match options.iter_mut().find(|(option, _)| option == name) {
                Some((_, known)) => known.extend(values),
                None => options.push((name.to_owned(), values.collect())),
            }
        }
        let kind = kind.ok_or_else(|| error("there is no `type=`"))?;
        Ok(Self { kind, options })
    }
}

/// A text with its `%xx` replaced by the characters that they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let code = after
            .get(..2)
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(code.unwrap_or(b'%'));
        rest = code.and_then(|_| after.get(2..)).unwrap_or(after);
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_every_notation_of_core() {
        for text in [
            "type=record.read&event=birth,death",
            "type=record.read&event=birth&event=death",
            "type=record.read&event[]=birth&event[]=death",
            "?type=record.read&event%5B%5D=birth&event%5b%5d=de%61th",
        ] {
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.kind(), "record.read");
            assert_eq!(scope.values("event").unwrap(), ["birth", "death"], "{text}");
        }
        let limited: Scope = "type=record.read&event[]=birth".parse().unwrap();
        assert_eq!(limited.values("event").unwrap(), ["birth"]);
        let odd: Scope = "type=a&b=100%&c=%zz".parse().unwrap();
        assert_eq!(
            (&odd.values("b").unwrap()[0], &odd.values("c").unwrap()[0]),
            (&"100%".to_owned(), &"%zz".to_owned())
        );
    }

    #[test]
    fn a_single_flag_is_written_as_a_list() {
        let scope = |flags: &[&str]| {
            Scope::new("record.read")
                .option("flags.noneOf", flags.iter().copied())
                .to_string()
        };
        assert_eq!(scope(&["sealed"]), "type=record.read&flags.noneOf[]=sealed");
        assert_eq!(
            scope(&["sealed", "secret"]),
            "type=record.read&flags.noneOf=sealed,secret"
        );
        let read: Scope = scope(&["sealed"]).parse().unwrap();
        assert_eq!(read.values("flags.noneOf").unwrap(), ["sealed"]);
    }
}

// SPDX-License-Identifier: MPL-2.0
//! What a role may do, in the encoded form that roles and tokens carry.

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
        self.options
            .iter()
            .try_for_each(|(name, values)| write!(f, "&{name}={}", values.join(",")))
    }
}

/// A text that is no scope.
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
        let mut options = Vec::new();
        for part in scope.split('&') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| error("a part has no `=`"))?;
            if name == "type" {
                kind = Some(value.to_owned());
            } else {
                options.push((
                    name.to_owned(),
                    value.split(',').map(str::to_owned).collect(),
                ));
            }
        }
        let kind = kind.ok_or_else(|| error("there is no `type=`"))?;
        Ok(Self { kind, options })
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

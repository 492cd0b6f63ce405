// SPDX-License-Identifier: MPL-2.0
//! `$data`: a value of the schema that is taken from the data.

use crate::json_pointer::unescaped;
use serde_json::Value;

/// The place of a value: from the root (`/$form/a`), or some levels up from here (`1/a`).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pointer {
    /// `None` for the root.
    up: Option<usize>,
    keys: Vec<String>,
}

/// The reason why a pointer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PointerFault {
    Syntax,
    AboveRoot,
    /// Lists and texts have members in JavaScript (`length`, `0`) that JSON does not show.
    IntoList,
    Inherited,
}

/// Members that every JavaScript object inherits: such a key is never missing.
const INHERITED: [&str; 12] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
];

pub(super) fn is_inherited(key: &str) -> bool {
    INHERITED.contains(&key)
}

impl Pointer {
    /// Reads a pointer that stands `depth` levels below the root.
    pub(super) fn parse(text: &str, depth: usize) -> Result<Self, PointerFault> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (up, path) = text.split_at(digits);
        let up = if up.is_empty() {
            None
        } else {
            let up: usize = up.parse().map_err(|_| PointerFault::AboveRoot)?;
            if up > depth {
                return Err(PointerFault::AboveRoot);
            }
            Some(up)
        };
        if !(path.starts_with('/') || path.is_empty() && up.is_some()) {
            return Err(PointerFault::Syntax);
        }
        // An empty key is skipped, as Ajv skips it.
        let keys: Vec<_> = path
            .split('/')
            .filter(|key| !key.is_empty())
            .map(unescaped)
            .collect();
        for key in &keys {
            if is_inherited(key) {
                return Err(PointerFault::Inherited);
            }
            if key == "length" || key.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(PointerFault::IntoList);
            }
        }
        Ok(Self { up, keys })
    }

    /// The key of the root that holds the value; none if the path does not begin at the root.
    pub(super) fn first_key_from_root(&self, depth: usize) -> Option<&str> {
        let from_root = self.up.is_none_or(|levels| levels == depth);
        let first = self.keys.first().map_or("", String::as_str);
        from_root.then_some(first)
    }

    /// The value as Ajv finds it: `None` when there is none.
    ///
    /// Ajv writes `a && a.b && a.b.c`, so a false, empty, zero or null value on the way is itself the result.
    pub(super) fn resolve<'a>(&self, place: &Place<'a>) -> Option<&'a Value> {
        let mut value = match self.up {
            None => place.top(),
            Some(levels) => place.up(levels),
        };
        for key in &self.keys {
            if is_falsy(value) {
                return Some(value);
            }
            value = value.get(key)?;
        }
        Some(value)
    }
}

/// A value and its parents, up to the root.
pub(super) struct Place<'a> {
    pub(super) value: &'a Value,
    parent: Option<&'a Place<'a>>,
}

impl<'a> Place<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self {
            value,
            parent: None,
        }
    }

    pub(super) fn child<'b>(&'b self, value: &'b Value) -> Place<'b>
    where
        'a: 'b,
    {
        Place {
            value,
            parent: Some(self),
        }
    }

    /// The value some levels up; the root when there are not as many.
    fn up(&self, levels: usize) -> &'a Value {
        match self.parent {
            Some(parent) if levels > 0 => parent.up(levels - 1),
            _ => self.value,
        }
    }

    pub(super) fn top(&self) -> &'a Value {
        self.up(usize::MAX)
    }
}

/// Checks whether JavaScript takes a value for false.
pub(super) fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

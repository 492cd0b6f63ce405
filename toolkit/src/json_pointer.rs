// SPDX-License-Identifier: MPL-2.0
//! The parts of JSON pointers (RFC 6901).

/// A key as a part of a pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The key that a part of a pointer stands for.
pub fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

// SPDX-License-Identifier: MPL-2.0
//! Places in the text of a JSON document.

use crate::json_pointer::unescaped;

/// The byte at which the value at a JSON pointer begins, or the nearest value around it if it is missing.
/// The text must be JSON.
pub fn place_of(text: &str, pointer: &str) -> usize {
    let mut scan = Scan { text, at: 0 };
    scan.blank();
    let mut found = scan.at;
    for key in pointer.split('/').skip(1) {
        if scan.enter(&unescaped(key)).is_none() {
            break;
        }
        found = scan.at;
    }
    found
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scan<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Goes to the value of a key, or to an item of a list. Of a key that stands twice, the last one counts.
    fn enter(&mut self, key: &str) -> Option<()> {
        let is_list = match self.peek()? {
            b'{' => false,
            b'[' => true,
            _ => return None,
        };
        self.at += 1;
        let mut found = None;
        for index in 0_usize.. {
            self.blank();
            if matches!(self.peek()?, b'}' | b']') {
                break;
            }
            let is_meant = if is_list {
                index.to_string() == key
            } else {
                let name = self.string()?;
                self.blank();
                self.at += 1;
                self.blank();
                serde_json::from_str::<String>(name).is_ok_and(|name| name == key)
            };
            if is_meant {
                found = Some(self.at);
            }
            self.skip()?;
            self.blank();
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.at = found?;
        Some(())
    }

    /// A text with its quotes.
    fn string(&mut self) -> Option<&'t str> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start..self.at)
    }

    /// Goes behind a value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                byte if byte.is_ascii_whitespace() => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    let ends = |byte: u8| b",]}".contains(&byte) || byte.is_ascii_whitespace();
                    while self.peek().is_some_and(|byte| !ends(byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! JSON values in bounded memory. A value takes more memory than its text: `0,` in a list takes two bytes
//! as text and 72 as a value. The memory is counted while a text is read, so that no text can use up the
//! memory of the process.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Bytes of memory that a value may take for each byte of its text. Event documents of core take 8.
const BYTES_PER_BYTE: usize = 18;
/// Bytes of memory that every text may take in addition, so that a short text is not limited by density.
const ALWAYS: usize = 1024 * 1024;
/// Bytes that the allocator adds to a piece of memory.
const PIECE: usize = 16;
/// Bytes of a member of an object, without the contents of its key and value: key, value and hash in the
/// list of members, and its place in the table of keys.
const MEMBER: usize = size_of::<(usize, String, Value)>() + 2 * size_of::<usize>();

/// The reason why there is no value.
pub(super) enum NoValue {
    /// The text is not JSON.
    Json(serde_json::Error),
    /// The value would take too much memory.
    TooLarge,
}

/// Reads a text of JSON.
pub(super) fn read(json: &[u8]) -> Result<Value, NoValue> {
    let left = Cell::new(json.len().saturating_mul(BYTES_PER_BYTE) + ALWAYS);
    let exceeded = Cell::new(false);
    let bound = Bound {
        left: &left,
        exceeded: &exceeded,
    };
    let mut text = serde_json::Deserializer::from_slice(json);
    let value = bound.deserialize(&mut text);
    let value = value.and_then(|value| text.end().map(|()| value));
    value.map_err(|error| {
        if exceeded.get() {
            NoValue::TooLarge
        } else {
            NoValue::Json(error)
        }
    })
}

/// The memory that is left for a text.
#[derive(Clone, Copy)]
struct Bound<'a> {
    left: &'a Cell<usize>,
    exceeded: &'a Cell<bool>,
}

impl Bound<'_> {
    fn take<E: Error>(self, bytes: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.unwrap_or_default());
        left.map(|_| ()).ok_or_else(|| {
            self.exceeded.set(true);
            E::custom("too large")
        })
    }

    fn give_back(self, bytes: usize) {
        self.left.set(self.left.get().saturating_add(bytes));
    }

    /// Adds to a list, which takes twice the memory when it is full.
    fn push<T, E: Error>(self, list: &mut Vec<T>, item: T) -> Result<(), E> {
        if list.len() == list.capacity() {
            self.take((4.max(list.len()) * size_of::<T>()) + PIECE)?;
        }
        list.push(item);
        Ok(())
    }

    /// Releases the memory that a list took but does not need.
    fn fit<T>(self, list: &mut Vec<T>) {
        let spare = list.capacity() - list.len();
        list.shrink_to_fit();
        self.give_back(spare * size_of::<T>());
    }
}

impl<'de> DeserializeSeed<'de> for Bound<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Value, D::Error> {
        text.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bound<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.take(value.len() + PIECE)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            self.push(&mut list, item)?;
        }
        self.fit(&mut list);
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut list: Vec<(String, Value)> = Vec::new();
        while let Some(key) = members.next_key::<String>()? {
            self.take(key.len() + PIECE)?;
            let value = members.next_value_seed(self)?;
            self.push(&mut list, (key, value))?;
        }
        self.take(list.len() * MEMBER + 4 * PIECE)?;
        let taken = list.capacity() * size_of::<(String, Value)>();
        // Made at its size at once: one that grows takes half as much again.
        let mut object = Map::with_capacity(list.len());
        object.extend(list);
        self.give_back(taken);
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            let members = prop::collection::vec((".{0,4}", inner.clone()), 0..8);
            prop_oneof![
                prop::collection::vec(inner, 0..8).prop_map(Value::from),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_read_as_without_a_bound(value in any_value()) {
            let text = serde_json::to_vec(&value).unwrap();
            let plain: Value = serde_json::from_slice(&text).unwrap();
            prop_assert_eq!(read(&text).ok(), Some(plain));
        }

        #[test]
        fn what_is_not_json_is_not_read(text in "[\\[\\]{}\",:0-9a-z ]{0,24}") {
            let plain = serde_json::from_str::<Value>(&text);
            prop_assert_eq!(read(text.as_bytes()).ok(), plain.ok());
        }
    }

    /// Each text is of a megabyte.
    #[rstest]
    #[case::numbers("[", "0,", "0]")]
    #[case::empty_lists("[", "[],", "0]")]
    #[case::small_objects("[", r#"{"":0},"#, "0]")]
    #[case::nested("[", "[[[[[[[[0]]]]]]]],", "0]")]
    fn dense_texts_are_too_large(#[case] start: &str, #[case] piece: &str, #[case] end: &str) {
        let text = |bytes: usize| format!("{start}{}{end}", piece.repeat(bytes / piece.len()));
        let short = text(8 * 1024);
        assert!(read(short.as_bytes()).is_ok(), "short texts may be dense");
        let long = text(1024 * 1024);
        assert!(matches!(read(long.as_bytes()), Err(NoValue::TooLarge)));
    }

    #[test]
    fn keys_that_are_all_different_are_bounded_too() {
        let members: Vec<_> = (0..100_000).map(|n| format!("\"{n:x}\":0")).collect();
        let text = format!("{{{}}}", members.join(","));
        assert!(matches!(read(text.as_bytes()), Err(NoValue::TooLarge)));
    }

    #[test]
    fn a_deeply_nested_text_is_not_read() {
        let text = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(matches!(read(text.as_bytes()), Err(NoValue::Json(_))));
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Merging of an update into the current values, exactly as core does it.

use serde_json::{Map, Value};

/// Puts `update` over `current`, member by member.
///
/// Objects merge, so a new name that says nothing about the middle name keeps the old one. Lists
/// are replaced. A null replaces too and stays, which is how an answer is cleared.
pub fn deep_merge(current: &mut Map<String, Value>, update: &Map<String, Value>) {
    for (key, new) in update {
        match (current.get_mut(key), new) {
            (Some(Value::Object(old)), Value::Object(new)) => deep_merge(old, new),
            // Core hangs the members on the list, where they vanish when the list is written.
            (Some(Value::Array(_)), Value::Object(_)) => {}
            (Some(old), new) => *old = new.clone(),
            (None, new) => {
                current.insert(key.clone(), new.clone());
            }
        }
    }
}

/// Takes out every member that is null, at any depth. Nulls in lists and empty objects stay.
pub fn deep_drop_nulls(fields: &mut Map<String, Value>) {
    fields.retain(|_, value| !value.is_null());
    fields.values_mut().for_each(drop_nulls_within);
}

fn drop_nulls_within(value: &mut Value) {
    match value {
        Value::Object(members) => deep_drop_nulls(members),
        Value::Array(items) => items.iter_mut().for_each(drop_nulls_within),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::member_of_object(json!({"n": {"a": 1, "b": 2}}), json!({"n": {"a": 3}}), json!({"n": {"a": 3, "b": 2}}))]
    #[case::null_stays(json!({"n": {"a": 1}}), json!({"n": {"a": null}}), json!({"n": {"a": null}}))]
    #[case::null_over_object(json!({"n": {"a": 1}}), json!({"n": null}), json!({"n": null}))]
    #[case::object_over_null(json!({"n": null}), json!({"n": {"a": 1}}), json!({"n": {"a": 1}}))]
    #[case::list_over_object(json!({"n": {"a": 1}}), json!({"n": [1]}), json!({"n": [1]}))]
    #[case::list_over_list(json!({"n": [1, 2, 3]}), json!({"n": [9]}), json!({"n": [9]}))]
    #[case::object_over_list(json!({"n": [1]}), json!({"n": {"a": 1}}), json!({"n": [1]}))]
    #[case::new_key(json!({}), json!({"n": {"a": null}}), json!({"n": {"a": null}}))]
    fn merging(#[case] current: Value, #[case] update: Value, #[case] expected: Value) {
        assert_eq!(merged(&current, &update), expected);
    }

    #[test]
    fn nulls_are_dropped_from_objects_but_not_from_lists() {
        let mut fields = json!({"a": null, "b": {"c": null}, "d": [null, {"e": null, "f": 1}]});
        deep_drop_nulls(fields.as_object_mut().unwrap());
        assert_eq!(fields, json!({"b": {}, "d": [null, {"f": 1}]}));
    }

    fn merged(current: &Value, update: &Value) -> Value {
        let mut current = current.as_object().unwrap().clone();
        deep_merge(&mut current, update.as_object().unwrap());
        Value::Object(current)
    }

    /// Few keys and small values, so that updates really meet.
    fn fields() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            (0..3i64).prop_map(Value::from),
            prop::collection::vec((0..3i64).prop_map(Value::from), 0..3).prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(3, 16, 3, |inner| object(inner).boxed());
        object(value)
    }

    fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[abc]", value, 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn the_same_update_twice_changes_nothing_more(a in fields(), b in fields()) {
            let once = merged(&a, &b);
            prop_assert_eq!(merged(&once, &b), once);
        }

        #[test]
        fn an_empty_update_changes_nothing(a in fields()) {
            prop_assert_eq!(merged(&a, &json!({})), a.clone());
            prop_assert_eq!(merged(&json!({}), &a), a);
        }

        #[test]
        fn nulls_and_lists_replace(a in fields(), b in fields()) {
            let result = merged(&a, &b);
            for (key, value) in b.as_object().unwrap() {
                if value.is_null() || value.is_array() {
                    prop_assert_eq!(&result[key], value);
                }
            }
        }

        /// Core merges the complete update after its first half; one after the other is the same.
        #[test]
        fn request_and_answer_may_be_merged_one_after_the_other(s in fields(), o in fields(), a in fields()) {
            let as_core_does = merged(&merged(&s, &o), &merged(&o, &a));
            prop_assert_eq!(merged(&merged(&s, &o), &a), as_core_does);
        }

        #[test]
        fn dropping_nulls_twice_is_dropping_them_once(a in fields()) {
            let mut once = a.as_object().unwrap().clone();
            deep_drop_nulls(&mut once);
            let mut twice = once.clone();
            deep_drop_nulls(&mut twice);
            prop_assert_eq!(once, twice);
        }
    }
}

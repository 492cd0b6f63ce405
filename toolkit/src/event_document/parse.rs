// SPDX-License-Identifier: MPL-2.0
//! Parsing of an event document: strict about the few parts that every decision needs, tolerant about all
//! others, because a refused hook leaves a record stuck in core.

use serde_json::{Map, Value};

use super::bounded::{self, NoValue};
use super::{Action, ActionId, ActionStatus, ActionType, EventDocument, EventId, Fields};

/// The reason why a text is not an event document.
#[derive(Debug, thiserror::Error)]
pub enum EventDocumentError {
    /// It is not JSON.
    #[error("the event document is not JSON")]
    Json(#[from] serde_json::Error),
    /// It would take far more memory than a document of core does.
    #[error("no event document: it has too many parts for its length")]
    TooLarge,
    /// A part without which no decision is possible is not there.
    #[error("no event document: `{path}` is missing")]
    Missing {
        /// Its expected place, `actions[2].status` for example.
        path: String,
    },
    /// A part without which no decision is possible is there but of another kind.
    #[error("no event document: `{path}` is not {expected}")]
    Unexpected {
        /// Its place.
        path: String,
        /// The expected kind.
        expected: &'static str,
    },
}

pub(super) fn text(json: &[u8]) -> Result<EventDocument, EventDocumentError> {
    document(bounded::read(json).map_err(|none| match none {
        NoValue::Json(error) => EventDocumentError::Json(error),
        NoValue::TooLarge => EventDocumentError::TooLarge,
    })?)
}

impl TryFrom<Value> for EventDocument {
    type Error = EventDocumentError;

    fn try_from(json: Value) -> Result<Self, Self::Error> {
        document(json)
    }
}

pub(super) fn document(json: Value) -> Result<EventDocument, EventDocumentError> {
    let mut rest = Rest::of(json, String::new())?;
    let id = EventId::new(rest.require_text("id")?);
    let event_type = rest.require_text("type")?;
    let actions = match rest.object.shift_remove("actions") {
        Some(Value::Array(actions)) => actions
            .into_iter()
            .enumerate()
            .map(|(n, json)| action(json, n))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(rest.unexpected("actions", "an array")),
        None => return Err(rest.missing("actions")),
    };
    Ok(EventDocument {
        id,
        event_type,
        tracking_id: rest.text("trackingId"),
        created_at: rest.text("createdAt"),
        updated_at: rest.text("updatedAt"),
        actions,
        extra: rest.object,
    })
}

fn action(json: Value, position: usize) -> Result<Action, EventDocumentError> {
    let mut rest = Rest::of(json, format!("actions[{position}]"))?;
    Ok(Action {
        id: ActionId::new(rest.require_text("id")?),
        action_type: ActionType::new(rest.require_text("type")?),
        status: ActionStatus::from(rest.require_text("status")?),
        declaration: rest.fields("declaration").unwrap_or_default(),
        annotation: rest.fields("annotation"),
        content: rest.fields("content"),
        original_action_id: rest.text("originalActionId").map(ActionId::new),
        request_id: rest.text("requestId").map(ActionId::new),
        registration_number: rest.text("registrationNumber"),
        custom_action_type: rest.text("customActionType"),
        transaction_id: rest.text("transactionId"),
        created_at: rest.text("createdAt"),
        created_by: rest.text("createdBy"),
        // A map of its own: that of the whole action has room for all that was taken out.
        extra: rest.object.into_iter().collect(),
    })
}

/// An object of which the known parts are taken out, so that the unknown ones remain.
struct Rest {
    object: Map<String, Value>,
    path: String,
}

impl Rest {
    fn of(json: Value, path: String) -> Result<Self, EventDocumentError> {
        match json {
            Value::Object(object) => Ok(Self { object, path }),
            _ if path.is_empty() => Err(EventDocumentError::Unexpected {
                path: "the body".into(),
                expected: "an object",
            }),
            _ => Err(EventDocumentError::Unexpected {
                path,
                expected: "an object",
            }),
        }
    }

    fn require_text(&mut self, key: &str) -> Result<String, EventDocumentError> {
        match self.object.shift_remove(key) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            None | Some(Value::Null) => Err(self.missing(key)),
            Some(_) => Err(self.unexpected(key, "a text")),
        }
    }

    /// Takes a text; anything else stays where it is and counts as absent.
    fn text(&mut self, key: &str) -> Option<String> {
        let Value::String(text) = self.object.get_mut(key)? else {
            return None;
        };
        let text = std::mem::take(text);
        self.object.shift_remove(key);
        Some(text)
    }

    /// Takes an object; anything else stays where it is and counts as absent.
    fn fields(&mut self, key: &str) -> Option<Fields> {
        let Value::Object(fields) = self.object.get_mut(key)? else {
            return None;
        };
        let fields = std::mem::take(fields);
        self.object.shift_remove(key);
        Some(fields)
    }

    fn missing(&self, key: &str) -> EventDocumentError {
        EventDocumentError::Missing {
            path: self.path_of(key),
        }
    }

    fn unexpected(&self, key: &str, expected: &'static str) -> EventDocumentError {
        EventDocumentError::Unexpected {
            path: self.path_of(key),
            expected,
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::list(json!([]), "no event document: `the body` is not an object")]
    #[case::empty(json!({}), "no event document: `id` is missing")]
    #[case::no_type(json!({"id": "e"}), "no event document: `type` is missing")]
    #[case::empty_id(json!({"id": ""}), "no event document: `id` is not a text")]
    #[case::no_actions(json!({"id": "e", "type": "birth"}), "no event document: `actions` is missing")]
    #[case::null_actions(json!({"id": "e", "type": "birth", "actions": null}), "no event document: `actions` is not an array")]
    #[case::action_is_text(json!({"id": "e", "type": "birth", "actions": ["x"]}), "no event document: `actions[0]` is not an object")]
    #[case::no_status(
        json!({"id": "e", "type": "birth", "actions": [{"id": "a", "type": "CREATE", "status": "Accepted"}, {"id": "b", "type": "DECLARE"}]}),
        "no event document: `actions[1].status` is missing"
    )]
    #[case::number_id(json!({"id": "e", "type": "birth", "actions": [{"id": 1}]}), "no event document: `actions[0].id` is not a text")]
    fn refusals_name_the_place(#[case] body: Value, #[case] message: &str) {
        assert_eq!(document(body).unwrap_err().to_string(), message);
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        let error = EventDocument::parse(b"{\"id\": ").unwrap_err();
        assert_eq!(error.to_string(), "the event document is not JSON");
    }

    #[test]
    fn the_unknown_and_the_odd_survive() {
        let body = json!({
            "id": "e", "type": "birth", "trackingId": null, "createdAt": 7, "later": {"a": [null]},
            "actions": [{
                "id": "a", "type": "TELEPORT", "status": "Maybe", "declaration": {"child.dob": null},
                "annotation": null, "content": "text", "requestId": 3, "assignedTo": "someone"
            }]
        });
        let event = document(body.clone()).unwrap();
        assert_eq!(event.tracking_id, None);
        assert_eq!(event.actions[0].status, ActionStatus::Other("Maybe".into()));
        assert_eq!(event.actions[0].annotation, None);
        assert_eq!(serde_json::to_value(&event).unwrap(), body);
    }

    proptest! {
        #[test]
        fn what_was_read_is_written(
            extra in prop::collection::btree_map("[a-z]{1,12}|createdAt|trackingId", prop_oneof![
                Just(Value::Null), any::<bool>().prop_map(Value::from), "[a-z]{0,4}".prop_map(Value::from), any::<i64>().prop_map(Value::from),
            ], 0..6),
        ) {
            let mut action = json!({"id": "a", "type": "DECLARE", "status": "Requested", "declaration": {}});
            let mut body = json!({"id": "e", "type": "birth"});
            for (key, value) in extra {
                if !["id", "type", "status", "declaration", "actions"].contains(&key.as_str()) {
                    action[&key] = value.clone();
                    body[&key] = value;
                }
            }
            body["actions"] = json!([action]);
            let event = document(body.clone()).unwrap();
            prop_assert_eq!(serde_json::to_value(&event).unwrap(), body);
        }
    }
}

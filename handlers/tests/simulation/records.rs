// SPDX-License-Identifier: MPL-2.0
//! Records of births and deaths, as core sends them.

use rules::eligibility::RuleSet;
use rules::mosip_mapping::Mapping;
use rules::policy::Policy;
use serde_json::{Value, json};

/// The rules and the mapping that are shipped.
pub(crate) fn policy() -> Policy {
    let vocabulary = super::vocabulary::vocabulary();
    let (rules, mapping) = (
        include_str!("../../../country/data/eligibility.toml"),
        include_str!("../../../country/data/mosip.toml"),
    );
    let schema = include_str!("../../../country/data/mosip-id-schema.json");
    Policy {
        rules: RuleSet::parse("eligibility.toml", rules, &vocabulary).unwrap(),
        mapping: Mapping::parse("mosip.toml", mapping, &vocabulary, &|_| {
            Some(schema.to_owned())
        })
        .unwrap(),
        visibility: std::sync::Arc::default(),
        time_zone: jiff::tz::TimeZone::UTC,
        numbers: rules::registration_numbers::Formats::default(),
    }
}

/// What happens to a record, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Registered with the national ID system: core waits.
    Eligible,
    /// Registered at once.
    Plain,
    /// The person's death is flagged; core does not wait.
    Death,
    /// Registered long ago with a national ID, then corrected so often: nobody waits.
    Corrections(u8),
    /// Registered long ago without a national ID; a correction asks for one: core waits.
    LateIdentity,
    /// Declared only.
    Declared,
    /// A hook about a record that core does not have, with a token that core gave to somebody.
    Forged,
}

impl Life {
    pub(crate) fn event_type(self) -> &'static str {
        if self == Self::Death {
            "death"
        } else {
            "birth"
        }
    }

    /// The actions that core asks about.
    pub(crate) fn asks(self) -> Vec<&'static str> {
        match self {
            Self::Eligible | Self::Plain | Self::Death | Self::Forged => vec!["REGISTER"],
            Self::Corrections(n) => vec!["APPROVE_CORRECTION"; usize::from(n)],
            Self::LateIdentity => vec!["APPROVE_CORRECTION"],
            Self::Declared => vec!["DECLARE"],
        }
    }

    /// What was done before anybody asks.
    pub(crate) fn before(self, event: &str) -> Vec<Value> {
        let identity = |yes| if yes { "verified" } else { "failed" };
        let declaration = if self == Self::Death {
            json!({
                "deceased.name": {"firstname": "Amani", "surname": "Okello"}, "deceased.gender": "male",
                "deceased.dob": "1950-01-02", "deceased.nid": "1234567890", "eventDetails.date": "2026-05-01",
                "informant.relation": "SPOUSE", "spouse.verified": "verified",
                "spouse.name": {"firstname": "Grace", "surname": "Okello"},
            })
        } else {
            json!({
                "child.name": {"firstname": "Nia", "surname": "Okello"}, "child.gender": "female",
                "child.dob": "2026-05-01", "informant.relation": "MOTHER",
                "child.nid": matches!(self, Self::Corrections(_)).then_some("2234567890"),
                "mother.name": {"firstname": "Grace", "surname": "Okello"},
                "mother.verified": identity(self != Self::Plain),
            })
        };
        let mut done = vec![accepted(event, "CREATE", 0, json!({}))];
        if self != Self::Declared {
            done.push(accepted(event, "DECLARE", 1, declaration));
        }
        if matches!(self, Self::Corrections(_) | Self::LateIdentity) {
            let mut registered = accepted(event, "REGISTER", 2, json!({}));
            registered["registrationNumber"] = json!(format!("OLD-{event}"));
            done.push(registered);
        }
        done
    }
}

/// An action that was done.
pub(crate) fn accepted(event: &str, kind: &str, n: usize, declaration: Value) -> Value {
    let mut action = requested(&format!("{event}-{kind}-{n}"), kind, n, None);
    action["status"] = json!("Accepted");
    action["declaration"] = declaration;
    action
}

/// An action that core asks about.
pub(crate) fn requested(action: &str, kind: &str, n: usize, request: Option<&str>) -> Value {
    json!({
        "id": action, "transactionId": format!("transaction-{action}"), "type": kind, "status": "Requested",
        "createdAt": format!("2026-06-01T{:02}:{:02}:00.000Z", n / 60, n % 60),
        "createdBy": "a-registrar", "requestId": request, "declaration": {},
    })
}

/// What core stores when it accepts an action.
pub(crate) fn answer_to(action: &Value, status: &str, n: usize, answer: &Value) -> Value {
    let mut accepted = action.clone();
    let id = action["id"].as_str().unwrap();
    accepted["id"] = json!(format!("{id}-{status}"));
    accepted["originalActionId"] = json!(id);
    accepted["status"] = json!(status);
    accepted["createdAt"] = json!(format!("2026-06-01T{:02}:{:02}:00.000Z", n / 60, n % 60));
    for key in ["declaration", "registrationNumber"] {
        if let Some(value) = answer.get(key) {
            accepted[key] = value.clone();
        }
    }
    accepted
}

/// The document that core sends.
pub(crate) fn document(event: &str, life: Life, actions: &[Value]) -> Value {
    json!({
        "id": event, "type": life.event_type(), "trackingId": "ABCDEF",
        "createdAt": "2026-06-01T00:00:00.000Z", "updatedAt": "2026-06-01T00:00:00.000Z",
        "actions": actions,
    })
}

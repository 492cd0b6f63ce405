// SPDX-License-Identifier: MPL-2.0
//! Core's gateway: calls of other systems, with core's checks and refusals.

use super::tokens::Claims;
use super::{Core, index, moment, rejected, settled};
use crate::sandbox::places::Places;
use crate::sandbox::{BadDay, StandIns};
use handlers::clock::{Clock, SystemClock};
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::event_document::{
    Action, ActionId, ActionStatus, ActionType, EventDocument, Fields,
};
use opencrvs_toolkit::hook_action::HookAction;
use serde_json::{Map, Value, json};

/// An answer of the gateway.
#[derive(Debug)]
pub(in crate::sandbox) struct Reply {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) body: Value,
}

impl Reply {
    fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    pub(in crate::sandbox) fn refused(status: u16, message: &str) -> Self {
        let data = json!({"code": status, "httpStatus": status});
        Self {
            status,
            body: json!({"error": {"json": {"message": message, "data": data}}}),
        }
    }
}

/// A call of core's tRPC interface, by its procedure.
pub(in crate::sandbox) struct Call<'a> {
    pub(in crate::sandbox) procedure: &'a str,
    pub(in crate::sandbox) input: &'a Value,
    pub(in crate::sandbox) token: Option<&'a str>,
}

impl Call<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.input.get(name)?.as_str()
    }

    /// The record that the call is about.
    pub(in crate::sandbox) fn event(&self) -> Option<&str> {
        self.text("eventId")
    }
}

impl StandIns {
    /// Answers a call as core does.
    pub(in crate::sandbox) fn gateway(&self, call: &Call<'_>) -> Reply {
        let event = call.event();
        let is_settling = [".accept", ".reject"]
            .iter()
            .any(|verb| call.procedure.ends_with(verb));
        let is_down = self.bad_days.meets(event, BadDay::CoreDown)
            || is_settling && self.bad_days.meets(event, BadDay::AcceptFails);
        if is_down {
            return Reply::refused(502, "Bad Gateway");
        }
        let claims = call.token.and_then(|token| self.signer_claims(token));
        let Some(claims) = claims.filter(|claims| claims.is_for("opencrvs:gateway-user")) else {
            return Reply::refused(401, "Unauthorized");
        };
        let core = &self.core;
        let is_assigned = !core.has_action_tokens() && self.bad_days.meets(event, BadDay::Assigned);
        if is_settling && is_assigned {
            return Reply::refused(409, "User is assigned to this event");
        }
        let reply = match call.procedure {
            "event.get" => core.get(call, &claims),
            "event.search" => core.search(call.input, &claims),
            "locations.list" => Ok(core.listed(Places::locations)),
            "administrativeAreas.list" => Ok(core.listed(Places::areas)),
            other => match other.strip_prefix("event.actions.").and_then(procedure) {
                Some((action, Verb::Accept)) => core.accept(call, &claims, action),
                Some((action, Verb::Reject)) => core.reject(call, &claims, action),
                None => Err(Reply::refused(404, "no such procedure")),
            },
        };
        reply.map_or_else(|refused| refused, Reply::ok)
    }
}

#[derive(Clone, Copy)]
enum Verb {
    Accept,
    Reject,
}

/// The type of action that a procedure settles, and how.
fn procedure(text: &str) -> Option<(HookAction, Verb)> {
    let (name, verb) = text.rsplit_once('.')?;
    let verb = match verb {
        "accept" => Verb::Accept,
        "reject" => Verb::Reject,
        _ => return None,
    };
    let mut actions = HookAction::ALL.into_iter();
    let action = actions.find(|action| action.procedure() == name)?;
    Some((action, verb))
}

impl Core {
    /// A list of places. Before 2.1, each place has a validity; from then on a status.
    fn listed(&self, list: fn(&Places) -> Vec<Value>) -> Value {
        let mut list = self.places.get().map(list).unwrap_or_default();
        for place in list.iter_mut().filter_map(Value::as_object_mut) {
            if self.version < CoreVersion::V2_1 {
                place.insert("validUntil".to_owned(), Value::Null);
            } else {
                place.insert("status".to_owned(), "active".into());
            }
        }
        list.into()
    }

    /// Shows a record, and adds a READ action to it.
    fn get(&self, call: &Call<'_>, claims: &Claims) -> Result<Value, Reply> {
        let event = call.event().unwrap_or_default();
        let of_another = claims.event_id.as_deref().is_some_and(|own| own != event);
        if !claims.may("record.read", None) || of_another {
            return Err(Reply::refused(403, "FORBIDDEN"));
        }
        let read = Action {
            id: ActionId::new(super::fresh_id()),
            action_type: ActionType::new("READ"),
            status: ActionStatus::Accepted,
            declaration: Fields::new(),
            annotation: None,
            content: None,
            original_action_id: None,
            request_id: None,
            registration_number: None,
            custom_action_type: None,
            transaction_id: Some(super::fresh_id()),
            created_at: Some(moment(SystemClock.now())),
            created_by: Some(claims.sub.clone()),
            extra: Map::from_iter([(
                "createdByUserType".to_owned(),
                claims.user_type.as_str().into(),
            )]),
        };
        let shown = self.change(event, true, |document| {
            document.actions.push(read);
            json!(document)
        });
        shown.ok_or_else(|| Reply::refused(404, "no such event"))
    }

    /// The records whose index entry matches.
    fn search(&self, input: &Value, claims: &Claims) -> Result<Value, Reply> {
        if !claims.may("record.search", None) {
            return Err(Reply::refused(403, "FORBIDDEN"));
        }
        let number = |name: &str, otherwise| {
            let given = input.get(name).and_then(Value::as_u64);
            given.map_or(otherwise, |n| usize::try_from(n).unwrap_or(otherwise))
        };
        let query = input.get("query").unwrap_or(&Value::Null);
        let mut found = Vec::new();
        for kept in self.lock().iter() {
            let Some(entry) = &kept.indexed else { continue };
            let event = entry.get("type").and_then(Value::as_str);
            let fits = index::matches(query, entry).map_err(|why| Reply::refused(400, &why))?;
            if fits && claims.may("record.search", event) {
                found.push(entry.clone());
            }
        }
        let updated = |entry: &Value| entry.get("updatedAt").map(Value::to_string);
        found.sort_by_key(updated);
        let ascending = input.pointer("/sort/0/direction").and_then(Value::as_str) == Some("asc");
        if !ascending {
            found.reverse();
        }
        let page = found.iter().skip(number("offset", 0));
        let page: Vec<_> = page.take(number("limit", 100)).collect();
        Ok(json!({"results": page, "total": found.len()}))
    }

    /// Checks that a token may settle an action of a record. Returns the record.
    fn may_settle(
        &self,
        call: &Call<'_>,
        claims: &Claims,
        verb: Verb,
    ) -> Result<EventDocument, Reply> {
        let event = call.event().unwrap_or_default();
        let action = call.text("actionId").unwrap_or_default();
        let document = self.record(event);
        if self.has_action_tokens() {
            let both = ["record.confirm-registration", "record.reject-registration"];
            let may = both.iter().all(|scope| claims.may(scope, None));
            let is_theirs = claims.event_id.as_deref() == Some(event)
                && claims.action_id.as_deref() == Some(action);
            if !may || !is_theirs {
                return Err(Reply::refused(403, "FORBIDDEN"));
            }
        } else {
            let scope = match verb {
                Verb::Accept => "record.action.accept",
                Verb::Reject => "record.action.reject",
            };
            if claims.user_type != "system" || !claims.may(scope, None) {
                return Err(Reply::refused(403, "FORBIDDEN"));
            }
            let event_type = document.as_ref().map(|d| d.event_type.as_str());
            if !claims.may(scope, event_type) {
                return Err(Reply::refused(404, "no such event"));
            }
        }
        if call.text("transactionId").is_none() {
            return Err(Reply::refused(400, "transactionId is missing"));
        }
        document.ok_or_else(|| Reply::refused(404, "no such event"))
    }

    /// The requested action that is to be settled.
    fn asked(
        &self,
        document: &EventDocument,
        call: &Call<'_>,
        action_type: HookAction,
        verb: Verb,
    ) -> Result<Action, Reply> {
        let wanted = call.text("actionId").unwrap_or_default();
        let mut actions = document.actions.iter();
        let found = actions.find(|action| action.id.as_str() == wanted);
        let Some(found) = found else {
            let status = match verb {
                Verb::Accept => 404,
                Verb::Reject => 500,
            };
            return Err(Reply::refused(status, "no such action"));
        };
        let fits = found.is_requested() && found.action_type.as_str() == action_type.name();
        if !self.has_action_tokens() && !fits {
            return Err(Reply::refused(
                400,
                "the action is not a requested one of this type",
            ));
        }
        Ok(found.clone())
    }

    fn accept(
        &self,
        call: &Call<'_>,
        claims: &Claims,
        action_type: HookAction,
    ) -> Result<Value, Reply> {
        let document = self.may_settle(call, claims, Verb::Accept)?;
        if let Some(missing) = missing(call.input, action_type) {
            return Err(Reply::refused(400, &format!("{missing} is missing")));
        }
        let asked = self.asked(&document, call, action_type, Verb::Accept)?;
        if let Some(end) = end(&document, &asked) {
            if end.is_accepted() {
                return Ok(json!(document));
            }
            return Err(Reply::refused(400, "the action was rejected"));
        }
        let fields = |name: &str| call.input.get(name).and_then(Value::as_object).cloned();
        let accepted = Action {
            declaration: fields("declaration").unwrap_or_default(),
            annotation: fields("annotation"),
            registration_number: call.text("registrationNumber").map(str::to_owned),
            transaction_id: call.text("transactionId").map(str::to_owned),
            created_by: Some(claims.sub.clone()),
            ..settled(&asked, ActionStatus::Accepted)
        };
        let changed = self.change(document.id.as_str(), true, |document| {
            document.actions.push(accepted);
            json!(document)
        });
        changed.ok_or_else(|| Reply::refused(404, "no such event"))
    }

    fn reject(
        &self,
        call: &Call<'_>,
        claims: &Claims,
        action_type: HookAction,
    ) -> Result<Value, Reply> {
        let document = self.may_settle(call, claims, Verb::Reject)?;
        let asked = self.asked(&document, call, action_type, Verb::Reject)?;
        match end(&document, &asked) {
            Some(end) if end.is_accepted() => {
                return Err(Reply::refused(500, "the action was accepted"));
            }
            Some(_) => return Ok(json!(document)),
            None => {}
        }
        if self.has_action_tokens() && !action_type.is_rejectable() {
            let why = r#"new row for relation "event_actions" violates check constraint "event_actions_check""#;
            return Err(Reply::refused(500, why));
        }
        let rejected = Action {
            transaction_id: call.text("transactionId").map(str::to_owned),
            created_by: Some(claims.sub.clone()),
            ..rejected(&asked)
        };
        let rejected = if self.has_action_tokens() {
            rejected
        } else {
            Action {
                content: asked.content,
                request_id: asked.request_id,
                ..rejected
            }
        };
        let changed = self.change(document.id.as_str(), true, |document| {
            document.actions.push(rejected);
            json!(document)
        });
        changed.ok_or_else(|| Reply::refused(404, "no such event"))
    }
}

/// The answer to an action, if there is one.
fn end<'a>(document: &'a EventDocument, asked: &Action) -> Option<&'a Action> {
    let mut actions = document.actions.iter();
    actions.find(|action| action.original_action_id.as_ref() == Some(&asked.id))
}

/// The first value that core's schema requires for the acceptance of an action, and that the input lacks.
fn missing(input: &Value, action: HookAction) -> Option<&'static str> {
    let required: &[&'static str] = match action {
        HookAction::Register => &["registrationNumber"],
        HookAction::Reject | HookAction::Archive => &["content/reason"],
        HookAction::Edit => &["content"],
        HookAction::ApproveCorrection => &["requestId"],
        HookAction::RejectCorrection => &["content/reason", "requestId"],
        HookAction::Custom => &["customActionType"],
        _ => &[],
    };
    let is_missing = |path: &&str| {
        let value = input.pointer(&format!("/{path}"));
        value.is_none_or(|value| !value.is_string() && *path != "content")
    };
    required.iter().copied().find(is_missing)
}

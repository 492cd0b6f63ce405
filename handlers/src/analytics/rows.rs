// SPDX-License-Identifier: MPL-2.0
//! A record as rows of the table `event_actions`: one per accepted action, with the answers as they
//! stood after it.
//!
//! Core stores an action twice, as it was asked for and as it was accepted. A row holds time, place and
//! user of the request, under the id of that request: all this is known when the hook comes, so
//! that a row written then and one written from core's own record later are the same.

use country::analytics_config::{AnalyticsConfig, Country};
use jiff::civil::Date;
use jiff::{Timestamp, Unit};
use opencrvs_toolkit::event_document::merge::{deep_drop_nulls, deep_merge};
use opencrvs_toolkit::event_document::{
    Action, ActionId, ActionStatus, EventDocument, Fields, History,
};
use rules::countries;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// A row; its members are the columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the migrations describe the columns")]
pub struct Row {
    pub id: Uuid,
    pub event_id: Uuid,
    pub event_type: String,
    pub action_type: String,
    pub custom_action_type: Option<String>,
    pub status: &'static str,
    pub position: usize,
    pub created_at: Timestamp,
    pub created_at_location: Option<String>,
    pub created_by: Option<String>,
    pub created_by_role: Option<String>,
    pub created_by_signature: Option<String>,
    pub created_by_user_type: Option<String>,
    pub assigned_to: Option<String>,
    pub declared_at: Option<Timestamp>,
    pub registered_at: Option<Timestamp>,
    pub registration_number: Option<String>,
    pub original_action_id: Option<Uuid>,
    pub request_id: Option<String>,
    pub transaction_id: Option<String>,
    pub declaration: Fields,
    pub annotation: Option<Fields>,
    pub content: Option<Map<String, Value>>,
    pub cleared: Option<Cleared>,
}

/// Answers that an action cleared: members that are null.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cleared {
    /// Cleared by the request.
    asked: Fields,
    /// Cleared by the acceptance.
    answered: Fields,
}

/// The rows of a record, and the rows to remove.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The record.
    pub event_id: Uuid,
    /// Its accepted actions, in the order in which they took effect.
    pub rows: Vec<Row>,
    /// Rejected actions: a row of one was written too early.
    pub rejected: Vec<Uuid>,
}

/// The reason why a record has no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The tables know UUIDs.
    #[error("`{0}` is not a UUID")]
    Id(String),
    /// An action without a time cannot be counted.
    #[error("action `{0}` has no time")]
    Time(ActionId),
}

/// The rows of a record that was reduced to what may be counted.
///
/// # Errors
/// Ids that are not UUIDs, actions without a time.
pub fn rows(event: &EventDocument, counting: &AnalyticsConfig) -> Result<Rows, RowError> {
    let AnalyticsConfig {
        marks,
        visibility,
        country,
        ..
    } = counting;
    let history = event.history();
    let event_id = uuid(event.id.as_str())?;
    let first = |action_type: &str| {
        let accepted = history.accepted_actions().into_iter();
        let mut of_type = accepted.filter(|action| action.action_type.as_str() == action_type);
        of_type.next().map(|action| time(told(&history, action)))
    };
    let declared_at = first("DECLARE").transpose()?;
    let registered_at = first("REGISTER").transpose()?;
    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    // Asked about on the day of the action, so that a row stays as it is.
    let day = |action: &Action| {
        let at = time(told(&history, action)).unwrap_or_default();
        country.zone.to_datetime(at).date()
    };
    for (action, mut state) in history.states(visibility, day) {
        marks.retain(&event.event_type, &mut state);
        let told = told(&history, action);
        let id = uuid(told.id.as_str())?;
        if !seen.insert(id) {
            continue;
        }
        let created_at = time(told)?;
        let own = |key: &str| {
            told.extra
                .get(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let request = action.request_id.as_ref().or(told.request_id.as_ref());
        let custom = action.custom_action_type.clone();
        let original = told.original_action_id.as_ref();
        let original = original.map(|original| uuid(original.as_str()));
        rows.push(Row {
            id,
            event_id,
            event_type: event.event_type.clone(),
            action_type: action.action_type.to_string(),
            custom_action_type: custom.or_else(|| told.custom_action_type.clone()),
            status: "Accepted",
            position: rows.len() + 1,
            created_at,
            created_at_location: own("createdAtLocation"),
            created_by: told.created_by.clone(),
            created_by_role: own("createdByRole"),
            created_by_signature: own("createdBySignature"),
            created_by_user_type: own("createdByUserType"),
            assigned_to: own("assignedTo"),
            declared_at,
            registered_at,
            registration_number: action.registration_number.clone(),
            original_action_id: original.transpose()?,
            request_id: request.map(|id| named(&history, id)),
            transaction_id: told.transaction_id.clone(),
            declaration: answers(&event.event_type, state, created_at, country),
            annotation: present(without_nulls(history.complete_annotation(action)))
                .map(underscored),
            content: present(history.complete_content(action)),
            cleared: cleared(told, action),
        });
    }
    Ok(Rows {
        event_id,
        rejected: rejected(event, &seen)?,
        rows,
    })
}

/// Restores the cleared answers, which core's export leaves out, by id of the row whose action cleared
/// them.
pub(super) fn restore(event: &mut EventDocument, cleared: &HashMap<Uuid, Cleared>) {
    let cleared_by = |id: &ActionId| cleared.get(&id.as_str().parse().ok()?);
    for action in &mut event.actions {
        let original = action.original_action_id.as_ref();
        let answered = original.filter(|_| action.status == ActionStatus::Accepted);
        if let Some(cleared) = answered.and_then(cleared_by) {
            deep_merge(&mut action.declaration, &cleared.answered);
        }
        if let Some(cleared) = cleared_by(&action.id) {
            deep_merge(&mut action.declaration, &cleared.asked);
        }
    }
}

fn cleared(told: &Action, action: &Action) -> Option<Cleared> {
    let by_answer = (told.id != action.id).then(|| nulls(&action.declaration));
    let cleared = Cleared {
        asked: nulls(&told.declaration),
        answered: by_answer.unwrap_or_default(),
    };
    Some(cleared).filter(|cleared| *cleared != Cleared::default())
}

/// The request that an accepted action answers, else the action itself.
fn told<'a>(history: &History<'a>, action: &'a Action) -> &'a Action {
    history.requested_original(action).unwrap_or(action)
}

/// An approval names the request as it was accepted; its row has the id that it was asked under.
fn named(history: &History<'_>, request: &ActionId) -> String {
    let row = history
        .action(request)
        .map(|request| told(history, request));
    row.map_or(request, |row| &row.id).to_string()
}

fn rejected(event: &EventDocument, accepted: &HashSet<Uuid>) -> Result<Vec<Uuid>, RowError> {
    let refusals = event
        .actions
        .iter()
        .filter(|action| action.status == ActionStatus::Rejected);
    let refused = refusals.filter_map(|action| action.original_action_id.as_ref());
    let refused = refused.map(|id| uuid(id.as_str()));
    refused
        .filter(|id| !id.as_ref().is_ok_and(|id| accepted.contains(id)))
        .collect()
}

fn uuid(id: &str) -> Result<Uuid, RowError> {
    id.parse().map_err(|_| RowError::Id(id.to_owned()))
}

/// The time of an action, which core gives in UTC or with an offset, depending on its source.
fn time(action: &Action) -> Result<Timestamp, RowError> {
    let time = action
        .created_at
        .as_deref()
        .and_then(|time| time.parse().ok());
    time.ok_or_else(|| RowError::Time(action.id.clone()))
}

/// The answers as a column holds them, with the values derived from them.
fn answers(event_type: &str, state: Fields, at: Timestamp, country: &Country) -> Fields {
    let mut answers = state;
    if event_type == "birth" {
        let worked_out = of_birth(&answers, at, country);
        answers.extend(worked_out);
    }
    underscored(answers)
}

fn of_birth(answers: &Fields, at: Timestamp, country: &Country) -> Fields {
    let born = date(answers, "child.dob");
    let today = country.zone.to_datetime(at).date();
    let days = born.and_then(|born| Some(born.until((Unit::Day, today)).ok()?.get_days()));
    let age = |person: &str| {
        let dob = date(answers, &format!("{person}.dob"));
        let years = dob.and_then(|dob| Some(dob.until((Unit::Year, born?)).ok()?.get_years()));
        let stated = answers.get(&format!("{person}.age"));
        let stated = stated.and_then(|age| age.get("age").cloned());
        years.map(Value::from).or(stated)
    };
    let worked_out = [
        ("child.age.days", days.map(Value::from)),
        ("mother.age.years", age("mother")),
        ("father.age.years", age("father")),
        (
            "child.countryPlaceOfBirth",
            country_of_birth(answers, country).map(Value::from),
        ),
    ];
    let known = worked_out.into_iter();
    known
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

/// The country of birth: a health institution is in this country; an address names its own.
fn country_of_birth(answers: &Fields, country: &Country) -> Option<String> {
    let addresses = [
        "child.birthLocation.privateHome",
        "child.birthLocation.other",
    ];
    let address = addresses.into_iter().find_map(|id| answers.get(id));
    let Some(address) = address else {
        return answers
            .contains_key("child.birthLocation")
            .then(|| country.name.clone());
    };
    let code = address.get("country").and_then(Value::as_str);
    Some(match code {
        Some(code) if code != country.code => countries::name(code).unwrap_or(code).to_owned(),
        _ => country.name.clone(),
    })
}

fn date(answers: &Fields, id: &str) -> Option<Date> {
    answers.get(id)?.as_str()?.parse().ok()
}

/// Columns have no dots in their names, nor have the members that dashboards make columns of.
fn underscored(fields: Fields) -> Fields {
    let renamed = fields.into_iter();
    renamed
        .map(|(id, value)| (id.replace('.', "_"), value))
        .collect()
}

fn without_nulls(mut fields: Fields) -> Fields {
    deep_drop_nulls(&mut fields);
    fields
}

/// The cleared answers: the members that are null, and those that have such members.
fn nulls(fields: &Fields) -> Fields {
    let cleared = fields.iter().filter_map(|(key, value)| match value {
        Value::Null => Some((key.clone(), Value::Null)),
        Value::Object(members) => {
            let within = present(nulls(members))?;
            Some((key.clone(), Value::Object(within)))
        }
        _ => None,
    });
    cleared.collect()
}

fn present(fields: Fields) -> Option<Fields> {
    Some(fields).filter(|fields| !fields.is_empty())
}

#[cfg(test)]
mod tests;

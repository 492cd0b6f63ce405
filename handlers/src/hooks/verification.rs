// SPDX-License-Identifier: MPL-2.0
//! Verification of the people in a declaration: the only request over the network before core is
//! answered. It has a deadline; anyone not verified by then keeps the status that the record has.

mod http;

use crate::delivery::outcome::Outcome;
use crate::fault;
use async_trait::async_trait;
use opencrvs_toolkit::event_document::{Action, ActionType, EventDocument, EventId, Fields};
use opencrvs_toolkit::hook_action::HookAction;
use serde_json::{Map, Value, json};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

pub use http::HttpVerifier;

/// The timeout for verifying all people of a record, in parallel: a registrar waits.
pub const DEADLINE: Duration = Duration::from_secs(4);

/// The page that holds the answers about a person, and the gender that the page implies.
struct Person(&'static str, Option<&'static str>);

/// The people to verify, by event type.
const PEOPLE: [(&str, [Person; 3]); 2] = [
    (
        "birth",
        [
            Person("mother", Some("female")),
            Person("father", Some("male")),
            Person("informant", None),
        ],
    ),
    (
        "death",
        [
            Person("deceased", None),
            Person("informant", None),
            Person("spouse", None),
        ],
    ),
];

/// The result of verifying a person in the ID system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// National ID, name and date of birth belong together.
    Verified,
    /// They do not.
    Failed,
}

impl Identity {
    /// The word that stands in records, and that the middleware answers with.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Failed => "failed",
        }
    }
}

/// Verifies identities.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// Asks about one person, with the hook's token.
    async fn verify(&self, question: &Value, token: &str) -> Result<Identity, Outcome>;
}

/// The way in which identities are verified.
#[derive(Clone, Default)]
pub enum Identities {
    /// Ask.
    Ask(Arc<dyn Verifier>),
    /// Take every typed identity for verified: demonstrations only.
    Assume,
    /// Leave every status as it is.
    #[default]
    Leave,
}

/// On which actions identities are verified, and how.
#[derive(Clone, Default)]
pub struct Verification {
    /// The way in which identities are verified.
    pub identities: Identities,
    /// On which actions.
    pub on: Actions,
}

/// Types of actions, as a setting names them: `DECLARE,EDIT`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actions(Vec<ActionType>);

impl FromStr for Actions {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let action = |name: &str| {
            let known = HookAction::ALL.map(HookAction::name);
            if known.contains(&name) {
                return Ok(ActionType::new(name));
            }
            Err(format!("`{name}` is none of {}", known.join(", ")))
        };
        text.split(',')
            .map(|name| action(name.trim()))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// The people that an action asks about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Everybody,
    /// Only those whose identity has no answer yet.
    TheUnanswered,
}

/// The question about one person.
pub(crate) struct Question {
    page: &'static str,
    body: Value,
}

/// About the three people of a record; `None` for one about whom too little is said.
pub(crate) type Questions = [Option<Question>; 3];

impl Verification {
    /// True if the middleware is asked; its answer may change from day to day.
    pub(crate) fn asks(&self) -> bool {
        matches!(self.identities, Identities::Ask(_))
    }

    /// The questions for an action; `state` holds the answers that it proposes.
    ///
    /// A registration is the last chance for people without a result when the data were declared.
    pub(crate) fn questions<'s>(
        &self,
        event: &EventDocument,
        action: &Action,
        state: impl FnOnce() -> &'s Fields,
    ) -> Option<Questions> {
        let leave = matches!(self.identities, Identities::Leave);
        let about = match self.on.0.contains(&action.action_type) {
            true => About::Everybody,
            false if action.action_type == ActionType::REGISTER => About::TheUnanswered,
            false => return None,
        };
        if leave {
            return None;
        }
        let (_, people) = PEOPLE.iter().find(|(name, _)| *name == event.event_type)?;
        let state = state();
        let questions = people
            .each_ref()
            .map(|person| question(person, about, &event.id, state));
        questions.iter().any(Option::is_some).then_some(questions)
    }

    /// `<person>.verified` for everyone with a result before the deadline.
    pub(crate) async fn patch(
        &self,
        questions: &Questions,
        event: &EventId,
        token: &str,
    ) -> Fields {
        let deadline = Instant::now() + DEADLINE;
        let one = async |question: &Option<Question>| {
            let Question { page, body } = question.as_ref()?;
            let mut reason = None;
            let identity = match &self.identities {
                Identities::Leave => return None,
                Identities::Assume => Ok(Identity::Verified),
                Identities::Ask(verifier) => {
                    let asked = timeout_at(deadline, verifier.verify(body, token));
                    let (identity, noted) = fault::noting(asked).await;
                    reason = noted;
                    identity.unwrap_or(Err(Outcome::Timeout))
                }
            };
            match identity {
                Ok(identity) => Some((format!("{page}.verified"), identity.as_str().into())),
                Err(outcome) => {
                    let (status, outcome) = (outcome.status(), outcome.as_str());
                    warn!(event.id = %event, person = page, status, outcome, reason, "Could not verify the identity of the {page} of `{event}`; its status does not change");
                    None
                }
            }
        };
        let [first, second, third] = questions;
        let (first, second, third) = tokio::join!(one(first), one(second), one(third));
        [first, second, third].into_iter().flatten().collect()
    }
}

/// The question about a person whose date of birth, national ID and name are known; `None` for anyone
/// already authenticated with eSignet.
fn question(person: &Person, about: About, event: &EventId, state: &Fields) -> Option<Question> {
    let Person(page, gender) = *person;
    let answer = |field: &str| state.get(&format!("{page}.{field}"));
    let said = |value: Option<&Value>| {
        let text = value?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    match said(answer("verified")).as_deref() {
        Some("authenticated") => return None,
        None | Some("pending") => {}
        Some(_) if about == About::TheUnanswered => return None,
        Some(_) => {}
    }
    let part = |name: &str| said(answer("name")?.get(name));
    let (firstname, surname) = (part("firstname")?, part("surname")?);
    let mut name = Map::from_iter([("firstname".into(), firstname.into())]);
    name.extend(part("middlename").map(|middle| ("middlename".into(), middle.into())));
    name.insert("surname".into(), surname.into());
    let mut body = json!({
        "nid": said(answer("nid"))?,
        "dob": said(answer("dob"))?,
        "name": name,
        "transactionId": format!("{page}-{event}"),
    });
    let recorded = || said(answer("gender")).filter(|g| ["female", "male"].contains(&g.as_str()));
    let gender = gender.map(str::to_owned).or_else(recorded);
    if let (Some(gender), Some(body)) = (gender, body.as_object_mut()) {
        body.insert("gender".into(), gender.into());
    }
    Some(Question { page, body })
}

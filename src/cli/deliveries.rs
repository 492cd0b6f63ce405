// SPDX-License-Identifier: MPL-2.0
//! What an operator sees of the ledger and does with it, also beside a running server. Ids, times and
//! outcomes only: no token and no packet is printed.

use crate::settings::Settings;
use crate::{report, server};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use handlers::clock::{Clock, SystemClock};
use handlers::core::{self, Core, CoreError, Fate};
use handlers::ledger::{
    self, Delivery, Destination, Filter, Knowledge, Ledger, PastAttempt, STARTED, State,
};
use handlers::{middleware, outside};
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{ActionId, EventId};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Subcommand)]
pub(super) enum Deliveries {
    /// List deliveries, the newest first
    List(List),
    /// Show one delivery with all its attempts
    Show(One),
    /// Send a delivery again, with a new round of the schedule
    Retry {
        #[command(flatten)]
        one: One,
        /// Send also a delivery that has arrived, was refused, or has an attempt under way
        #[arg(long)]
        force: bool,
        /// Outcome unknown: send with a number and token that the middleware has not seen. Only where
        /// MOSIP holds no identity of this record: it would make a second one
        #[arg(long, conflicts_with = "as_is")]
        fresh: bool,
        /// Outcome unknown: send with the same number. The middleware answers 500 while it has a row of
        /// it (`DELETE /debug/transactions/ID` there removes the row)
        #[arg(long)]
        as_is: bool,
    },
    /// Hold a waiting delivery, and what follows it for the same event, back
    Park(One),
    /// Give a delivery up for ever and erase what it holds
    Purge(One),
}

#[derive(Args)]
pub(super) struct List {
    /// Only those in this state: waiting, delivered, refused, parked or purged
    #[arg(long)]
    state: Option<State>,
    /// Only those of this event (record)
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

/// Options of every list.
#[derive(Args)]
pub(super) struct Shown {
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Pending {
    /// Ask core, as the system client, which of them it has settled, and remember those; each question
    /// leaves a READ action in the record
    #[arg(long)]
    ask: bool,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Args)]
pub(super) struct One {
    /// Number of the delivery, as `deliveries list` shows it
    id: i64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs a command about deliveries; gives what is to be printed.
pub(super) async fn run(command: &Deliveries, settings: &Settings) -> anyhow::Result<String> {
    let (ledger, now) = (open(settings).await?, SystemClock.now());
    match command {
        Deliveries::List(List {
            state,
            event,
            shown,
        }) => {
            let filter = Filter {
                id: None,
                state: *state,
                event_id: event.clone().map(EventId::new),
                limit: shown.limit,
            };
            let deliveries = ledger.deliveries(&filter).await?;
            if shown.json {
                return pretty(&deliveries.iter().map(delivery_json).collect());
            }
            Ok(list(&deliveries, now))
        }
        Deliveries::Show(one) => show(&*ledger, one).await,
        Deliveries::Retry {
            one,
            force,
            fresh,
            as_is,
        } => {
            let before = find(&*ledger, one.id).await?;
            let assumed = assumption(&before, *force, *fresh, *as_is)?;
            if !ledger.retry(one.id, *force, assumed, now).await? {
                bail!(
                    "delivery {} is not sent again: {}",
                    one.id,
                    why_not(&before, now)
                );
            }
            let needs_token =
                [Destination::MIDDLEWARE, Destination::CORE].contains(&before.destination);
            let warning = if before.has_token || !needs_token {
                ""
            } else {
                "; its token was erased when it ended, so without SYSTEM_CLIENT_ID it ends parked again"
            };
            let done = format!(
                "delivery {} is sent again within half a minute{warning}",
                one.id
            );
            told(&*ledger, one, &done).await
        }
        Deliveries::Park(one) => {
            let before = find(&*ledger, one.id).await?;
            if !ledger.park(one.id).await? {
                bail!(
                    "delivery {} does not wait: it is {}",
                    one.id,
                    before.state.as_str()
                );
            }
            let done = format!(
                "delivery {} is held back, and what follows it for its event; `deliveries retry {0}` sends it",
                one.id
            );
            told(&*ledger, one, &done).await
        }
        Deliveries::Purge(one) => {
            let before = find(&*ledger, one.id).await?;
            if !ledger.purge(one.id, now).await? {
                bail!(
                    "delivery {} has ended already: it is {}",
                    one.id,
                    before.state.as_str()
                );
            }
            let hangs = if before.answer_status == 202 && !before.is_settled {
                let there = if core::NOT_REJECTABLE.contains(&before.action_type.as_str()) {
                    "accept it there (core cannot reject it)"
                } else {
                    "accept or reject it there"
                };
                format!(
                    "; core still waits for the {} of event `{}`: {there}",
                    before.action_type, before.event_id
                )
            } else {
                String::new()
            };
            let done = format!(
                "delivery {} is given up for ever and its packet erased{hangs}",
                one.id
            );
            told(&*ledger, one, &done).await
        }
    }
}

/// What core says about actions, or why it does not.
type Said = BTreeMap<ActionId, Result<Fate, CoreError>>;

/// So many questions are enough for one command.
const MOST_QUESTIONS: usize = 1000;

/// Lists the actions that core waits for, as far as the ledger knows, or as core itself says.
pub(super) async fn pending(options: &Pending, settings: &Settings) -> anyhow::Result<String> {
    let (ledger, now) = (open(settings).await?, SystemClock.now());
    let shown = &options.shown;
    let mut said = Said::new();
    let mut waiting = ledger.pending(shown.limit).await?;
    if options.ask {
        let core = server::core(settings, outside::client(server::TIMEOUT)?);
        if !core.may_ask() {
            bail!("core answers a system client only: SYSTEM_CLIENT_ID is not set");
        }
        // What core has settled leaves the list, and others come into view.
        while said.len() < MOST_QUESTIONS && ask(&core, &*ledger, &waiting, &mut said).await? {
            waiting = ledger.pending(shown.limit).await?;
        }
    }
    let word = |last: &Delivery| said.get(&last.action_id);
    if shown.json {
        let action = |last: &Delivery| {
            json!({
                "eventId": last.event_id.as_str(),
                "actionId": last.action_id.as_str(),
                "eventType": last.event_type,
                "actionType": last.action_type,
                "since": last.answered_at,
                "ageSeconds": now.duration_since(last.answered_at).as_secs(),
                "inCore": word(last).and_then(|said| said.as_ref().ok()).map(Fate::as_str),
                "nextStep": next_step(last, word(last), now),
                "lastDelivery": delivery_json(last),
            })
        };
        return pretty(&waiting.iter().map(action).collect());
    }
    let row = |last: &Delivery| {
        let what = format!("{} {}", last.event_type, last.action_type);
        let age = age(now.duration_since(last.answered_at));
        [
            last.event_id.to_string(),
            what,
            age,
            last.operation.clone(),
            next_step(last, word(last), now),
        ]
    };
    let rows: Vec<_> = waiting.iter().map(row).collect();
    Ok(report::table(
        ["EVENT", "WAITS", "SINCE", "FOR", "NEXT STEP"],
        &rows,
    ))
}

/// Asks core about those that nothing more happens about by itself. What it has settled is noted in the
/// ledger, and not asked about again. `true` where something was noted.
async fn ask(
    core: &Core,
    ledger: &dyn Ledger,
    waiting: &[Delivery],
    said: &mut Said,
) -> anyhow::Result<bool> {
    let mut noted = false;
    for last in waiting {
        if last.state == State::Waiting || said.contains_key(&last.action_id) {
            continue;
        }
        let fate = core.fate(&last.event_id, &last.action_id, None).await;
        let fate = match fate {
            Ok(_)
            | Err(
                CoreError::Content | CoreError::NoAction | CoreError::Status(StatusCode::NOT_FOUND),
            ) => fate,
            Err(error) => {
                let instead = "core cannot be asked; without --ask the ledger tells what it knows";
                return Err(error).context(instead);
            }
        };
        // What is parked has to be purged first.
        let settled = matches!(fate, Ok(Fate::Accepted(_) | Fate::Rejected));
        if settled && last.state != State::Parked {
            let now = SystemClock.now();
            if let Ok(fate) = &fate {
                let (event, action) = (&last.event_id, &last.action_id);
                ledger.learn(event, action, fate, now).await?;
                noted = true;
            }
        }
        said.insert(last.action_id.clone(), fate);
    }
    Ok(noted)
}

async fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Ledger>> {
    let ledger = ledger::open_existing(&settings.ledger_url, settings.seal()?).await;
    ledger.context("the ledger cannot be opened (LEDGER_URL)")
}

async fn find(ledger: &dyn Ledger, id: i64) -> anyhow::Result<Delivery> {
    let filter = Filter {
        id: Some(id),
        limit: 1,
        ..Filter::default()
    };
    let found = ledger.deliveries(&filter).await?.pop();
    found.with_context(|| format!("there is no delivery {id}"))
}

/// What was done: a sentence, or the delivery as it is now.
async fn told(ledger: &dyn Ledger, one: &One, sentence: &str) -> anyhow::Result<String> {
    if one.json {
        return pretty(&delivery_json(&find(ledger, one.id).await?));
    }
    Ok(format!("{sentence}\n"))
}

/// What the operator says about attempts with an unknown outcome.
fn assumption(
    delivery: &Delivery,
    force: bool,
    fresh: bool,
    as_is: bool,
) -> anyhow::Result<Option<Knowledge>> {
    let id = delivery.id;
    if delivery.destination != Destination::MIDDLEWARE {
        if fresh || as_is {
            bail!("--fresh and --as-is are for deliveries to the middleware");
        }
        return Ok(None);
    }
    match delivery.knowledge {
        _ if fresh && !middleware::can_renumber(delivery) => bail!(
            "delivery {id} cannot get another number: its number is registered. \
             Delete its row at the middleware, then `deliveries retry {id} --as-is`"
        ),
        _ if fresh => Ok(Some(Knowledge::NotStarted)),
        _ if as_is => Ok(Some(Knowledge::NotReached)),
        // Without --force it is refused in any case.
        Knowledge::Taken if !force => Ok(None),
        Knowledge::Unknown | Knowledge::Taken => bail!(
            "delivery {id} is not sent again: the outcome of an earlier attempt is {}. \
             MOSIP may have made an identity, and sending again can make a second one for the same person.\n\
             First look up in MOSIP whether there is an identity of event `{}`, and in core whether it still waits.\n  \
             There is one: have its credential issued again, or accept the action in core by hand; then `deliveries purge {id}`\n  \
             There is none: `deliveries retry {id} --fresh` sends another number and token\n  \
             There is none, and the middleware has no row of the number: `deliveries retry {id} --as-is` sends the same",
            if delivery.knowledge == Knowledge::Unknown {
                "unknown"
            } else {
                "known: the middleware took it"
            },
            delivery.event_id,
        ),
        _ => Ok(None),
    }
}

/// Why a delivery cannot be sent again.
fn why_not(delivery: &Delivery, now: Timestamp) -> String {
    match delivery.state {
        _ if !delivery.has_payload => "its packet is erased".to_owned(),
        State::Delivered => "it has arrived; --force sends it a second time".to_owned(),
        State::Refused => {
            "it was refused for good, and core may have been told so; --force sends it all the same"
                .to_owned()
        }
        _ => match delivery.leased_until.filter(|until| *until > now) {
            Some(until) => format!(
                "an attempt is under way and ends before {until:.0}; --force does not wait for it"
            ),
            None => "it has changed in this moment; look again".to_owned(),
        },
    }
}

/// What happens next about an action that core waits for, or who has to do something.
fn next_step(last: &Delivery, said: Option<&Result<Fate, CoreError>>, now: Timestamp) -> String {
    let (id, destination) = (last.id, last.destination.as_str());
    match said {
        Some(Err(error)) => return format!("yours: core does not show it ({error})"),
        Some(Ok(fate @ (Fate::Accepted(_) | Fate::Rejected))) => {
            let fate = fate.as_str();
            return format!("yours: it is {fate} in core already, so `deliveries purge {id}`");
        }
        _ => {}
    }
    let by_hand = if core::NOT_REJECTABLE.contains(&last.action_type.as_str()) {
        "accept it in core without an identity (core cannot reject it)"
    } else {
        "accept or reject it in core"
    };
    match (last.state, &last.destination) {
        (State::Waiting, _) if last.leased_until.is_some_and(|until| until > now) => {
            format!("an attempt at {destination} is under way")
        }
        (State::Waiting, to)
            if *to == Destination::MIDDLEWARE && last.knowledge == Knowledge::Unknown =>
        {
            format!(
                "outcome unknown: MOSIP may have started, so it is not sent again; core is asked in {} (delivery {id})",
                age(last.due_at.duration_since(now))
            )
        }
        (State::Waiting, _) if last.due_at <= now => {
            format!(
                "goes to {destination} as soon as it can be reached (delivery {id}, attempt {})",
                last.attempts + 1
            )
        }
        (State::Waiting, _) => {
            format!(
                "{}; goes to {destination} in {} (delivery {id}, attempt {})",
                last.standing(),
                age(last.due_at.duration_since(now)),
                last.attempts + 1
            )
        }
        (State::Parked, _) => format!(
            "yours: {}; `deliveries show {id}`, then `deliveries retry {id}`, or `deliveries purge {id}` and {by_hand}",
            last.standing()
        ),
        (State::Purged, _) => format!("yours: given up here, so {by_hand}"),
        (State::Refused, to) if *to == Destination::CORE => "core knew its end already".to_owned(),
        (State::Refused, _) => format!("yours: refused by {destination}, so {by_hand}"),
        (State::Delivered, to) if *to == Destination::CORE => "core was told".to_owned(),
        (State::Delivered, _) => {
            let since = last.ended_at.map_or_else(String::new, |at| {
                format!(" {} ago", age(now.duration_since(at)))
            });
            if said.is_some() {
                return format!(
                    "yours: the middleware took it{since} and core still waits: ask at the middleware whether MOSIP has issued the credential"
                );
            }
            format!("taken{since} and waiting for MOSIP; --ask shows whether core still waits")
        }
    }
}

fn list(deliveries: &[Delivery], now: Timestamp) -> String {
    let row = |delivery: &Delivery| {
        let next = match (delivery.state, delivery.ended_at) {
            (State::Waiting, _) if delivery.leased_until.is_some_and(|until| until > now) => {
                "under way".to_owned()
            }
            (State::Waiting, _) if delivery.due_at <= now => "due".to_owned(),
            (State::Waiting, _) => format!("due in {}", age(delivery.due_at.duration_since(now))),
            (_, Some(ended)) => format!("ended {} ago", age(now.duration_since(ended))),
            _ => String::new(),
        };
        [
            delivery.id.to_string(),
            delivery.state.as_str().to_owned(),
            delivery.standing().to_owned(),
            delivery.event_id.to_string(),
            format!("{} {}", delivery.event_type, delivery.action_type),
            format!(
                "{} to {}",
                delivery.operation,
                delivery.destination.as_str()
            ),
            delivery.attempts.to_string(),
            age(now.duration_since(delivery.created_at)),
            next,
        ]
    };
    let rows: Vec<_> = deliveries.iter().map(row).collect();
    report::table(
        [
            "ID", "STATE", "STANDING", "EVENT", "ACTION", "WHAT", "ATTEMPTS", "AGE", "NEXT",
        ],
        &rows,
    )
}

async fn show(ledger: &dyn Ledger, one: &One) -> anyhow::Result<String> {
    let delivery = find(ledger, one.id).await?;
    let attempts = ledger.attempts(one.id).await?;
    let mut shown = delivery_json(&delivery);
    if one.json {
        if let Some(shown) = shown.as_object_mut() {
            shown.insert(
                "attemptList".to_owned(),
                attempts.iter().map(attempt_json).collect(),
            );
        }
        return pretty(&shown);
    }
    let facts = shown.as_object().into_iter().flatten();
    let rows: Vec<_> = facts
        .map(|(name, value)| {
            [
                name.clone(),
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            ]
        })
        .collect();
    let row = |attempt: &PastAttempt| {
        let status = attempt
            .status
            .map_or_else(String::new, |status| status.to_string());
        [
            format!("{:.0}", attempt.started_at),
            format!("{} ms", attempt.duration.as_millis()),
            outcome(attempt),
            status,
        ]
    };
    let attempts: Vec<_> = attempts.iter().map(row).collect();
    Ok(format!(
        "{}\n{}",
        report::table(["DELIVERY", ""], &rows),
        report::table(["ATTEMPT AT", "TOOK", "OUTCOME", "STATUS"], &attempts)
    ))
}

/// The outcome of an attempt in words.
fn outcome(attempt: &PastAttempt) -> String {
    match attempt.outcome.as_str() {
        STARTED => "started; its end is not known".to_owned(),
        "unknown" => "outcome unknown".to_owned(),
        other => other.replace('-', " "),
    }
}

fn delivery_json(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "state": delivery.state.as_str(),
        "standing": delivery.standing(),
        "destination": delivery.destination.as_str(),
        "operation": delivery.operation,
        "eventId": delivery.event_id.as_str(),
        "actionId": delivery.action_id.as_str(),
        "eventType": delivery.event_type,
        "actionType": delivery.action_type,
        "answerStatus": delivery.answer_status,
        "answeredAt": delivery.answered_at,
        "attempts": delivery.attempts,
        "dueAt": delivery.due_at,
        "leasedUntil": delivery.leased_until,
        "createdAt": delivery.created_at,
        "endedAt": delivery.ended_at,
        "hasPayload": delivery.has_payload,
        "hasToken": delivery.has_token,
    })
}

fn attempt_json(attempt: &PastAttempt) -> Value {
    json!({
        "startedAt": attempt.started_at,
        "durationMs": u64::try_from(attempt.duration.as_millis()).unwrap_or(0),
        "outcome": attempt.outcome,
        "status": attempt.status,
    })
}

fn pretty(value: &Value) -> anyhow::Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// A span of time as people say it: its two largest units.
fn age(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

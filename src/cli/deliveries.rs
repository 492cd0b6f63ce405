// SPDX-License-Identifier: MPL-2.0
//! The operator's commands for the ledger, also beside a running server. Ids, times and outcomes only:
//! no token and no packet is printed.

use super::existing_ledger;
use crate::settings::Settings;
use crate::{report, server};
use anyhow::{Context, bail};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use handlers::clock::{Clock, SystemClock};
use handlers::core_client::{Core, CoreError, Fate};
use handlers::delivery::ledger::{
    Delivery, Destination, Filter, Knowledge, Ledger, PastAttempt, STARTED, State,
};
use handlers::delivery::middleware;
use handlers::delivery::outcome::OUTCOMES;
use handlers::delivery::schedule::duration;
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{ActionId, EventId};
use opencrvs_toolkit::hook_action::HookAction;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};

#[derive(Subcommand)]
pub(super) enum Deliveries {
    /// List deliveries, and count them by state
    List(List),
    /// Show one delivery with all its attempts
    Show(One),
    /// Retry deliveries, each with a new retry schedule
    Retry {
        #[command(flatten)]
        which: Which,
        /// Send also a delivery that was delivered or refused, or that has an attempt in progress
        #[arg(long)]
        force: bool,
        /// For an unknown outcome: send with another number and token. Only if MOSIP has no identity of
        /// this record: the packet would create a second one
        #[arg(long, conflicts_with = "as_is")]
        fresh: bool,
        /// For an unknown outcome: send with the same number. The middleware answers 500 while it has a row
        /// with this number (`DELETE /debug/transactions/ID` there removes the row)
        #[arg(long)]
        as_is: bool,
    },
    /// Pause deliveries and later ones of the same record
    Park {
        #[command(flatten)]
        which: Which,
    },
    /// Give up deliveries permanently and erase their content
    Purge {
        /// Numbers of the deliveries, as `deliveries list` shows them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
        #[command(flatten)]
        doing: Doing,
    },
}

/// Deliveries by what they are.
#[derive(Args)]
pub(super) struct Chosen {
    /// Only those in this state: waiting, delivered, refused, parked or purged
    #[arg(long)]
    state: Option<State>,
    /// Only those to this destination: middleware, core, analytics, email, sms, forward
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Only those whose last attempt had this outcome
    #[arg(long, value_name = "OUTCOME", value_parser = PossibleValuesParser::new(OUTCOMES))]
    outcome: Option<String>,
    /// Only those that are older: `90m`, `2d`
    #[arg(long, value_name = "AGE", value_parser = span)]
    older: Option<SignedDuration>,
    /// Only those that are newer: `90m`, `2d`
    #[arg(long, value_name = "AGE", value_parser = span)]
    newer: Option<SignedDuration>,
    /// Only those of this event (record)
    #[arg(long, value_name = "ID")]
    event: Option<String>,
}

fn span(text: &str) -> Result<SignedDuration, String> {
    duration(text).ok_or_else(|| "it is not a duration like `30s`, `90m`, `12h` or `2d`".to_owned())
}

impl Chosen {
    fn filter(&self, limit: u32, oldest_first: bool, now: Timestamp) -> Filter {
        let before =
            |age: Option<SignedDuration>| Some(now.checked_sub(age?).unwrap_or(Timestamp::MIN));
        Filter {
            id: None,
            state: self.state,
            event_id: self.event.clone().map(EventId::new),
            destination: self.destination.clone().map(Destination::named),
            outcome: self.outcome.clone(),
            created_before: before(self.older),
            created_from: before(self.newer),
            oldest_first,
            limit,
        }
    }
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    chosen: Chosen,
    /// The oldest first
    #[arg(long)]
    oldest: bool,
    #[command(flatten)]
    shown: Shown,
}

/// Deliveries by number, or by what they are.
#[derive(Args)]
pub(super) struct Which {
    /// Numbers of the deliveries, as `deliveries list` shows them
    #[arg(
        value_name = "ID",
        required_unless_present_any = FILTERS,
        conflicts_with_all = FILTERS
    )]
    ids: Vec<i64>,
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    doing: Doing,
}

/// The names of [`Chosen`].
const FILTERS: [&str; 6] = ["state", "destination", "outcome", "older", "newer", "event"];

#[derive(Args)]
pub(super) struct Doing {
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Print JSON: the changed deliveries
    #[arg(long)]
    json: bool,
}

/// Options of every list.
#[derive(Args)]
pub(super) struct Shown {
    /// Maximum number of rows
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Pending {
    /// Ask core, as the system client, which of them are settled, and remove those from the list; each
    /// question leaves a READ action in the record
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

/// Runs a command about deliveries; returns the text to print.
pub(super) async fn run(command: &Deliveries, settings: &Settings) -> anyhow::Result<String> {
    let (ledger, now) = (existing_ledger(settings).await?, SystemClock.now());
    let ledger = &*ledger;
    match command {
        Deliveries::List(options) => {
            let known = server::destinations(settings);
            listed(ledger, options, &known, now).await
        }
        Deliveries::Show(one) => show(ledger, one).await,
        Deliveries::Retry {
            which,
            force,
            fresh,
            as_is,
        } => {
            let may = |state| *force || matches!(state, State::Waiting | State::Parked);
            let chosen = which.find(ledger, may, now).await?;
            let change = Change::new("sends {} again", which.ids.len() != 1, &which.doing);
            let again = async |delivery: &Delivery| {
                let assumed = assumption(delivery, *force, *fresh, *as_is)?;
                retry(ledger, delivery, *force, assumed, now).await
            };
            change.each(ledger, &chosen, again).await
        }
        Deliveries::Park { which } => {
            let may = |state| state == State::Waiting;
            let chosen = which.find(ledger, may, now).await?;
            let change = Change::new("pauses {}", which.ids.len() != 1, &which.doing);
            let park = async |delivery: &Delivery| park(ledger, delivery).await;
            change.each(ledger, &chosen, park).await
        }
        Deliveries::Purge { ids, doing } => {
            let mut chosen = Vec::new();
            for id in ids {
                let delivery = find(ledger, *id).await?;
                if matches!(delivery.state, State::Delivered | State::Purged) {
                    bail!(
                        "delivery {id} has ended already: it is {}",
                        delivery.state.as_str()
                    );
                }
                chosen.push(delivery);
            }
            let change = Change::new("gives up {} and erases the content", true, doing);
            let purge = async |delivery: &Delivery| purge(ledger, delivery, now).await;
            change.each(ledger, &chosen, purge).await
        }
    }
}

impl Which {
    /// The deliveries that are meant, the oldest first. Those that a filter selects are left out where
    /// nothing can be done with their state.
    async fn find(
        &self,
        ledger: &dyn Ledger,
        may: impl Fn(State) -> bool,
        now: Timestamp,
    ) -> anyhow::Result<Vec<Delivery>> {
        if self.ids.is_empty() {
            let filter = self.chosen.filter(u32::MAX, true, now);
            let mut found = ledger.deliveries(&filter).await?;
            found.retain(|delivery| may(delivery.state));
            return Ok(found);
        }
        let mut found = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            found.push(find(ledger, *id).await?);
        }
        Ok(found)
    }
}

/// A change to deliveries.
struct Change<'a> {
    /// The change in words, with `{}` for the number of deliveries.
    what: &'a str,
    asks: bool,
    doing: &'a Doing,
}

/// Number of failures that are shown; the others are counted.
const SHOWN_FAILURES: usize = 20;

impl<'a> Change<'a> {
    /// A change. Deliveries named one by one need no confirmation, unless the change is irreversible.
    fn new(what: &'a str, asks: bool, doing: &'a Doing) -> Self {
        Self { what, asks, doing }
    }

    /// Applies the change to each, after asking; returns the text to print.
    async fn each(
        &self,
        ledger: &dyn Ledger,
        chosen: &[Delivery],
        change: impl AsyncFn(&Delivery) -> anyhow::Result<String>,
    ) -> anyhow::Result<String> {
        if chosen.is_empty() {
            return Ok("There is no such delivery; nothing was done.\n".to_owned());
        }
        if self.asks && !self.doing.yes {
            super::confirm(&plan(self.what, chosen))?;
        }
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        let progress = Progress::of(chosen.len());
        for (n, delivery) in chosen.iter().enumerate() {
            match change(delivery).await {
                Ok(sentence) => done.push((delivery.id, sentence)),
                Err(error) => failed.push(error),
            }
            progress.show(n + 1);
        }
        if let ([_], Some(error)) = (chosen, failed.pop_if(|_| chosen.len() == 1)) {
            return Err(error);
        }
        if !failed.is_empty() {
            let mut text = format!(
                "{} of {} done; not done:",
                grouped(done.len()),
                grouped(chosen.len())
            );
            for error in failed.iter().take(SHOWN_FAILURES) {
                text += &format!("\n  {error:#}");
            }
            if let Some(more @ 1..) = failed.len().checked_sub(SHOWN_FAILURES) {
                text += &format!("\n  and {} more", grouped(more));
            }
            bail!(text);
        }
        if self.doing.json {
            let mut now = Vec::with_capacity(done.len());
            for (id, _) in &done {
                now.push(delivery_json(&find(ledger, *id).await?));
            }
            return match now.as_mut_slice() {
                [one] => pretty(&one.take()),
                _ => pretty(&Value::Array(now)),
            };
        }
        Ok(match done.as_slice() {
            [(_, sentence)] => format!("{sentence}\n"),
            _ => format!("{} deliveries done.\n", grouped(done.len())),
        })
    }
}

/// The planned change and its deliveries, in words. In `what`, `{}` stands for their number.
fn plan(what: &str, chosen: &[Delivery]) -> String {
    let mut kinds = BTreeMap::new();
    for delivery in chosen {
        let (operation, to) = (&delivery.operation, delivery.destination.as_str());
        let (state, standing) = (delivery.state.as_str(), delivery.standing());
        let state = if state == standing {
            state.to_owned()
        } else {
            format!("{state}, {standing}")
        };
        *kinds
            .entry(format!("{operation} to {to}: {state}"))
            .or_insert(0_usize) += 1;
    }
    let count = match chosen.len() {
        1 => "1 delivery".to_owned(),
        n => format!("{} deliveries", grouped(n)),
    };
    let mut text = format!("This {}:\n", what.replace("{}", &count));
    for (kind, n) in kinds {
        text += &format!("  {:>8}  {kind}\n", grouped(n));
    }
    text
}

/// The progress of a long change, on standard error.
struct Progress {
    all: usize,
    on_terminal: bool,
}

impl Progress {
    fn of(all: usize) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        Self { all, on_terminal }
    }

    fn show(&self, done: usize) {
        // In a file every line stays.
        let step = if self.on_terminal { 10 } else { 1000 };
        if self.all < 2 || (!done.is_multiple_of(step) && done != self.all) {
            return;
        }
        let (end, all) = (
            if self.on_terminal && done < self.all {
                "\r"
            } else {
                "\n"
            },
            self.all,
        );
        let mut out = std::io::stderr();
        // Whoever has closed standard error does not want to know.
        drop(write!(out, "{} of {}{end}", grouped(done), grouped(all)));
        drop(out.flush());
    }
}

/// A number with a comma after each three digits.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

async fn listed(
    ledger: &dyn Ledger,
    options: &List,
    known: &[Destination],
    now: Timestamp,
) -> anyhow::Result<String> {
    let filter = options
        .chosen
        .filter(options.shown.limit, options.oldest, now);
    let deliveries = ledger.deliveries(&filter).await?;
    if options.shown.json {
        let with_destination = |delivery: &Delivery| {
            let mut shown = delivery_json(delivery);
            let is_configured = known.contains(&delivery.destination);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("isConfigured".to_owned(), is_configured.into());
            }
            shown
        };
        return pretty(&deliveries.iter().map(with_destination).collect());
    }
    let counts = ledger.count(&filter).await?;
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let all = counts.iter().map(|(_, n)| number(*n)).sum();
    let by_state: Vec<_> = State::ALL
        .iter()
        .filter_map(|state| counts.iter().find(|(counted, _)| counted == state))
        .map(|(state, n)| format!("{} {}", grouped(number(*n)), state.as_str()))
        .collect();
    let order = if options.oldest { "oldest" } else { "newest" };
    let queues = ledger.queues().await?;
    let mut to_nowhere = BTreeMap::new();
    for queue in queues.iter().filter(|q| !known.contains(&q.destination)) {
        *to_nowhere.entry(queue.destination.as_str()).or_insert(0) += queue.depth;
    }
    let to_nowhere = to_nowhere.into_iter().map(|(destination, n)| {
        let n = grouped(number(n));
        format!("Not sent, as `{destination}` is not configured: {n}\n")
    });
    Ok(format!(
        "{}\n{} of {}, the {order} first{}{}\n{}",
        list(&deliveries, known, now),
        grouped(deliveries.len()),
        grouped(all),
        if by_state.is_empty() { "" } else { ": " },
        by_state.join(", "),
        to_nowhere.collect::<String>()
    ))
}

async fn retry(
    ledger: &dyn Ledger,
    delivery: &Delivery,
    force: bool,
    assumed: Option<Knowledge>,
    now: Timestamp,
) -> anyhow::Result<String> {
    let id = delivery.id;
    if !ledger.retry(id, force, assumed, now).await? {
        bail!(
            "delivery {id} is not sent again: {}",
            why_not(delivery, now)
        );
    }
    let needs_token = [Destination::MIDDLEWARE, Destination::CORE].contains(&delivery.destination);
    let warning = if delivery.has_token || !needs_token {
        ""
    } else {
        "; its token was erased when it ended, so without SYSTEM_CLIENT_ID it ends parked again"
    };
    Ok(format!(
        "delivery {id} is sent again within half a minute{warning}"
    ))
}

async fn park(ledger: &dyn Ledger, delivery: &Delivery) -> anyhow::Result<String> {
    let (id, state) = (delivery.id, delivery.state.as_str());
    if !ledger.park(id).await? {
        bail!("delivery {id} does not wait: it is {state}");
    }
    Ok(format!(
        "delivery {id} is held back, and what follows it for its event; `deliveries retry {id}` sends it"
    ))
}

/// Checks whether core can reject a pending action of this type.
fn is_rejectable(action_type: &str) -> bool {
    HookAction::of(action_type).is_none_or(HookAction::is_rejectable)
}

async fn purge(ledger: &dyn Ledger, delivery: &Delivery, now: Timestamp) -> anyhow::Result<String> {
    let id = delivery.id;
    if !ledger.purge(id, now).await? {
        bail!("delivery {id} has ended meanwhile");
    }
    let hangs = if delivery.answer_status == 202 && !delivery.is_settled {
        let there = if is_rejectable(&delivery.action_type) {
            "accept or reject it there"
        } else {
            "accept it there (core cannot reject it)"
        };
        format!(
            "; core still waits for the {} of event `{}`: {there}",
            delivery.action_type, delivery.event_id
        )
    } else {
        String::new()
    };
    Ok(format!(
        "delivery {id} is given up for ever and its packet erased{hangs}"
    ))
}

/// The states of actions in core, or the reasons why core does not give them.
type Said = BTreeMap<ActionId, Result<Fate, CoreError>>;

/// Limit of questions to core for one command.
const MOST_QUESTIONS: usize = 1000;

/// Lists the actions that core waits for, by the ledger or by core itself.
pub(super) async fn pending(options: &Pending, settings: &Settings) -> anyhow::Result<String> {
    let (ledger, now) = (existing_ledger(settings).await?, SystemClock.now());
    let shown = &options.shown;
    let mut said = Said::new();
    let mut waiting = ledger.pending(shown.limit).await?;
    if options.ask {
        let core = server::core_for_command(settings, &ledger).await?;
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
                let instead =
                    "core cannot be asked; use the command without --ask to list the ledger";
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

async fn find(ledger: &dyn Ledger, id: i64) -> anyhow::Result<Delivery> {
    let filter = Filter {
        id: Some(id),
        limit: 1,
        ..Filter::default()
    };
    let found = ledger.deliveries(&filter).await?.pop();
    found.with_context(|| format!("there is no delivery {id}"))
}

/// The operator's assumption about attempts with an unknown outcome.
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

/// The reason why a delivery cannot be sent again.
fn why_not(delivery: &Delivery, now: Timestamp) -> String {
    match delivery.state {
        _ if !delivery.has_payload => "its packet is erased".to_owned(),
        State::Delivered => "it has arrived; --force sends it a second time".to_owned(),
        State::Refused => {
            "it was refused permanently, and core may have been notified; --force sends it nevertheless"
                .to_owned()
        }
        _ => match delivery.leased_until.filter(|until| *until > now) {
            Some(until) => format!(
                "an attempt is in progress and ends before {until:.0}; --force does not wait for it"
            ),
            None => "it has just changed; list it again".to_owned(),
        },
    }
}

/// The next step for an action that core waits for: the server's, or the operator's.
fn next_step(last: &Delivery, said: Option<&Result<Fate, CoreError>>, now: Timestamp) -> String {
    let (id, destination) = (last.id, last.destination.as_str());
    match said {
        Some(Err(error)) => return format!("action needed: core does not show it ({error})"),
        Some(Ok(fate @ (Fate::Accepted(_) | Fate::Rejected))) => {
            let fate = fate.as_str();
            return format!(
                "action needed: it is {fate} in core already, so `deliveries purge {id}`"
            );
        }
        _ => {}
    }
    let by_hand = if is_rejectable(&last.action_type) {
        "accept or reject it in core"
    } else {
        "accept it in core without an identity (core cannot reject it)"
    };
    match (last.state, &last.destination) {
        (State::Waiting, _) if last.leased_until.is_some_and(|until| until > now) => {
            format!("an attempt at {destination} is in progress")
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
                "is sent to {destination} as soon as it is reachable (delivery {id}, attempt {})",
                last.attempts + 1
            )
        }
        (State::Waiting, _) => {
            format!(
                "{}; is sent to {destination} in {} (delivery {id}, attempt {})",
                last.standing(),
                age(last.due_at.duration_since(now)),
                last.attempts + 1
            )
        }
        (State::Parked, _) => format!(
            "action needed: {}; `deliveries show {id}`, then `deliveries retry {id}`, or `deliveries purge {id}` and {by_hand}",
            last.standing()
        ),
        (State::Purged, _) => format!("action needed: given up here, so {by_hand}"),
        (State::Refused, to) if *to == Destination::CORE => {
            "it was settled in core already".to_owned()
        }
        (State::Refused, _) => format!("action needed: refused by {destination}, so {by_hand}"),
        (State::Delivered, to) if *to == Destination::CORE => "core was notified".to_owned(),
        (State::Delivered, _) => {
            let since = last.ended_at.map_or_else(String::new, |at| {
                format!(" {} ago", age(now.duration_since(at)))
            });
            if said.is_some() {
                return format!(
                    "action needed: the middleware took it{since} and core still waits: ask at the middleware whether MOSIP has issued the credential"
                );
            }
            format!("taken{since} and waiting for MOSIP; --ask shows whether core still waits")
        }
    }
}

fn list(deliveries: &[Delivery], known: &[Destination], now: Timestamp) -> String {
    let row = |delivery: &Delivery| {
        let next = match (delivery.state, delivery.ended_at) {
            (State::Waiting, _) if !known.contains(&delivery.destination) => {
                "not configured".to_owned()
            }
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
            attempt.reason.clone().unwrap_or_default(),
        ]
    };
    let attempts: Vec<_> = attempts.iter().map(row).collect();
    Ok(format!(
        "{}\n{}",
        report::table(["DELIVERY", ""], &rows),
        report::table(
            ["ATTEMPT AT", "TOOK", "OUTCOME", "STATUS", "WHY"],
            &attempts
        )
    ))
}

/// The outcome of an attempt in words.
fn outcome(attempt: &PastAttempt) -> String {
    match attempt.outcome.as_str() {
        STARTED => "started; outcome not stored".to_owned(),
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
        "reason": attempt.reason,
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

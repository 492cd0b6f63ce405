// SPDX-License-Identifier: MPL-2.0
//! A record and what the rules decide about it, by the file's rules and by changed ones.

use super::Studio;
use super::conditions::sign;
use super::desk::Draft;
use super::forms::{Control, input, take};
use super::impact::{self, Impact};
use super::model::{DECLARATION, Field};
use super::problems::Problem;
use super::view::{self, NUMBER, Sent, View, default_button, sent};
use super::{desk, generated};
use crate::pages;
use maud::{Markup, html};
use opencrvs_toolkit::event_document::{EventDocument, Fields};
use opencrvs_toolkit::hook_action::HookAction;
use poem::web::{Data, Form, Query};
use poem::{Response, handler};
use rules::Facts;
use rules::diagnostic::Diagnostic;
use rules::eligibility::{ConditionTrace, Decision, RuleOutcome, RuleSet, RuleTrace, Verdict};
use rules::mosip_mapping::{Mapping, Packet, PacketError, build_packet};
use rules::policy::Policy;
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// The file that a changed text is for.
const RULES: &str = "eligibility.toml";

#[handler]
pub(super) fn get_rules(
    Data(studio): Data<&Arc<Studio>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if let Some(line) = query.get("case").and_then(|line| line.parse().ok()) {
        view::with(studio, |view| {
            load_case(view, line);
            pages::see_other("/rules")
        })
    } else {
        view::with(studio, |view| shown(view, None, None))
    }
}

/// Takes a changed record or changed rules, and shows what follows.
#[handler]
pub(super) async fn post_rules(
    Data(studio): Data<&Arc<Studio>>,
    Form(body): Form<Sent>,
) -> Response {
    let studio = studio.clone();
    // Comparing takes seconds.
    let work = tokio::task::spawn_blocking(move || {
        let mut note = None;
        view::with(&studio, |view| {
            note = keep(view, &body).err();
            Response::default()
        });
        view::with(&studio, |view| {
            let impact = (sent(&body, "do") == Some("impact")).then(|| compared(view, &body));
            shown(view, impact.as_ref(), note.as_deref())
        })
    });
    work.await
        .unwrap_or_else(|_| view::not_found("result: comparing broke off"))
}

/// Writes the changed rules to the country's folder.
#[handler]
pub(super) fn post_save(Data(studio): Data<&Arc<Studio>>) -> Response {
    view::with(studio, |view| {
        let note = match (&studio.folder, view.trial()) {
            (Some(folder), Some((draft, Ok(_)))) => {
                let saved = save(view, &folder.join(RULES), draft);
                if saved.is_ok() {
                    studio.desk().trial = None;
                }
                saved.err()
            }
            (None, _) => Some("The built-in country cannot be changed.".to_owned()),
            _ => Some("There is no changed text without errors.".to_owned()),
        };
        match note {
            Some(note) => shown(view, None, Some(&note)),
            None => pages::see_other("/rules"),
        }
    })
}

/// Writes a draft, unless the file has changed since the draft was begun.
fn save(view: &View, path: &Path, draft: &Draft) -> Result<(), String> {
    let now = match std::fs::read_to_string(path) {
        Ok(now) => now,
        // The file will take the place of that in an earlier layer.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            view.model.files.text(RULES).unwrap_or_default()
        }
        Err(error) => return Err(format!("Could not read `{}`: {error}", path.display())),
    };
    if now != draft.base {
        return Err(format!(
            "`{}` has changed since you began. Copy your text, discard the change, and write it into the new text.",
            path.display()
        ));
    }
    write(path, &draft.text)
}

/// Replaces a file of the country's folder.
pub(super) fn write(path: &Path, text: &str) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A hidden file does not belong to the country.
    let fresh = path.with_file_name(format!(".{name}.new"));
    let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|error| format!("Could not write `{}`: {error}", path.display()))
}

/// A policy with its rules in another wording.
type Trial = Result<Policy, Vec<Problem>>;

/// What rules make of the record on the desk.
pub(super) struct Decided {
    pub(super) decision: Decision,
    packet: Option<Result<Packet, PacketError>>,
    /// Answers of the record that the form hides.
    hidden: Vec<String>,
}

impl View {
    /// The changed text of the rules and what it says; nothing while it is as in the file.
    pub(super) fn trial(&self) -> Option<(&Draft, Trial)> {
        let draft = self.desk.trial.as_ref()?;
        let text = draft.text.as_str();
        let files = &self.model.files;
        let policy = || {
            let vocabulary = &self.model.vocabulary;
            let rules = RuleSet::parse(&files.name_of(RULES), text, vocabulary)?;
            let mapping = "mosip.toml";
            let mapping_text = files.text(mapping).map_err(|problem| vec![problem])?;
            let mapping = Mapping::parse(
                &files.name_of(mapping),
                &mapping_text,
                vocabulary,
                &|file| files.text(file).ok(),
            )?;
            let lacking = mapping.lacks(&rules);
            if !lacking.is_empty() {
                return Err(lacking);
            }
            let known = &self.model.snapshot.policy;
            Ok(Policy {
                rules,
                mapping,
                visibility: known.visibility.clone(),
                time_zone: known.time_zone.clone(),
                numbers: known.numbers.clone(),
            })
        };
        let with_lines = |problems: Vec<Diagnostic>| {
            let problems = problems.into_iter();
            let problems = problems.map(|diagnostic| Problem::in_text(diagnostic, text));
            problems.collect()
        };
        Some((draft, policy().map_err(with_lines)))
    }

    /// Lets rules decide about the record on the desk.
    pub(super) fn decide(&self, policy: &Policy) -> Result<Decided, String> {
        let event = &self.desk.event;
        let declaration = self.desk.answers(event, DECLARATION);
        let mut document = self.event_document(event);
        let mut pending = self.action(&self.desk.action, "Requested", 31, &declaration);
        if let Some(actions) = document
            .pointer_mut("/actions")
            .and_then(Value::as_array_mut)
        {
            if self.desk.action.ends_with("_CORRECTION") && self.desk.action != "REQUEST_CORRECTION"
            {
                let request = self.action("REQUEST_CORRECTION", "Accepted", 30, &declaration);
                if let (Some(pending), Some(id)) = (pending.as_object_mut(), request.get("id")) {
                    pending.insert("requestId".into(), id.clone());
                }
                actions.push(request);
            }
            actions.push(pending);
        }
        let document = EventDocument::try_from(document).map_err(|error| error.to_string())?;
        let action = document.actions.last().ok_or("the record has no action")?;
        let state = document.history().state_as_if_accepted(
            action,
            &Fields::new(),
            policy.visibility.on(self.today),
        );
        let facts = Facts {
            event: &document,
            action,
            state: &state,
            today: self.today,
            registration_number: document
                .registration_number()
                .or((self.desk.action == "REGISTER").then_some(NUMBER)),
        };
        let decision = policy.decide(&facts);
        let packet = decision
            .outcome()
            .map(|outcome| build_packet(&policy.mapping, outcome.operation, &facts));
        let hidden = declaration
            .iter()
            .filter(|(id, value)| !value.is_null() && !state.contains_key(*id));
        Ok(Decided {
            hidden: hidden.map(|(id, _)| id.clone()).collect(),
            decision,
            packet,
        })
    }

    /// The fields that rules of the chosen event read, and those that decide on whether they are shown.
    pub(super) fn read_by(&self, policies: &[&Policy]) -> BTreeSet<String> {
        let event = &self.desk.event;
        let read: BTreeSet<&str> = policies
            .iter()
            .flat_map(|policy| policy.rules.fields(event))
            .collect();
        let visibility = &self.model.snapshot.policy.visibility;
        let deciding = visibility.deciding(event, read.iter().copied());
        read.into_iter()
            .map(str::to_owned)
            .chain(deciding)
            .collect()
    }
}

/// Takes the inputs of the page.
///
/// # Errors
/// What of it cannot be used, in words.
fn keep(view: &View, body: &Sent) -> Result<(), String> {
    let model = &view.model;
    let mut desk = view.studio.desk();
    if let Some(event) = sent(body, "event").and_then(|event| model.event(event)) {
        desk.event.clone_from(&event.id);
        // The inputs of another event's record are left alone.
        if view.desk.event == event.id {
            let mut answers = desk.answers(&event.id, DECLARATION);
            take(view, &event.declaration, body, &mut answers);
            desk.replace(&event.id, DECLARATION, answers);
        }
    }
    if let Some(action) = sent(body, "action").filter(|action| HookAction::of(action).is_some()) {
        if desk.action != action {
            usual_status(action).clone_into(&mut desk.standing.status);
        } else if let Some(status) =
            sent(body, "status").filter(|status| desk::STATUSES.contains(status))
        {
            status.clone_into(&mut desk.standing.status);
        }
        action.clone_into(&mut desk.action);
    }
    if let Some(today) = sent(body, "today") {
        desk.today = today.parse().ok();
    }
    if let Some(ever) = sent(body, "ever") {
        desk.standing.ever = ever.split_whitespace().map(str::to_owned).collect();
    }
    if let Some(text) = sent(body, "rules") {
        // Browsers send lines that end as on paper tape.
        let text = text.replace("\r\n", "\n");
        let file = model.files.text(RULES).unwrap_or_default();
        let same = file.trim_end() == text.trim_end();
        let base = desk.trial.take().map_or(file, |draft| draft.base);
        desk.trial = (!same && sent(body, "do") != Some("discard")).then_some(Draft { text, base });
    }
    if sent(body, "do") == Some("load") {
        let records = records(sent(body, "records").unwrap_or_default())?;
        let record = records
            .into_iter()
            .next()
            .ok_or("There is no record in the text.")?;
        load_record(view, &mut desk, record)?;
    }
    Ok(())
}

/// The status of records on which an action is usual.
fn usual_status(action: &str) -> &'static str {
    match action {
        "NOTIFY" | "DECLARE" => "CREATED",
        "PRINT_CERTIFICATE" | "REQUEST_CORRECTION" | "APPROVE_CORRECTION" | "REJECT_CORRECTION" => {
            "REGISTERED"
        }
        _ => "DECLARED",
    }
}

/// Records in a text: one JSON document, a list of them, or one on each line.
fn records(text: &str) -> Result<Vec<Value>, String> {
    let whole = serde_json::from_str(text);
    match whole {
        Ok(Value::Array(records)) => Ok(records),
        Ok(record) => Ok(vec![record]),
        Err(error) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let lines: Result<Vec<_>, _> = lines.map(serde_json::from_str).collect();
            lines.map_err(|_| format!("The text is not JSON: {error}"))
        }
    }
}

/// Puts a record on the desk: an event document, or answers only.
fn load_record(view: &View, desk: &mut desk::Desk, record: Value) -> Result<(), String> {
    if record.get("actions").is_none() {
        let Value::Object(answers) = record else {
            return Err("A record is a JSON object.".to_owned());
        };
        let event = desk.event.clone();
        desk.replace(&event, DECLARATION, answers);
        return Ok(());
    }
    let document = EventDocument::try_from(record)
        .map_err(|error| format!("The record cannot be read: {error}."))?;
    let event = view.model.event(&document.event_type);
    let event =
        event.ok_or_else(|| format!("The country has no event `{}`.", document.event_type))?;
    let history = document.history();
    let visible = view.model.snapshot.policy.visibility.on(view.today);
    let pending = history.pending_actions().into_iter().next_back();
    let answers = match pending {
        Some(pending) => {
            pending.action_type.as_str().clone_into(&mut desk.action);
            history.state_as_if_accepted(pending, &Fields::new(), visible)
        }
        None => history.current_state(visible),
    };
    let registered = history.registration().is_some();
    let status = if registered {
        "REGISTERED"
    } else {
        usual_status(&desk.action)
    };
    status.clone_into(&mut desk.standing.status);
    desk.event.clone_from(&event.id);
    desk.replace(&event.id, DECLARATION, answers);
    Ok(())
}

/// Puts the record of a case on the desk.
fn load_case(view: &View, line: usize) {
    let Some(case) = view.model.snapshot.cases.at(line) else {
        return;
    };
    let mut desk = view.studio.desk();
    case.event().clone_into(&mut desk.event);
    case.action().clone_into(&mut desk.action);
    let status = if case.is_registered() {
        "REGISTERED"
    } else {
        usual_status(case.action())
    };
    status.clone_into(&mut desk.standing.status);
    desk.standing.ever = case.ever().to_vec();
    desk.today = Some(case.today());
    desk.replace(case.event(), DECLARATION, case.state().clone());
}

/// Compares the rules of the file with the changed ones.
fn compared(view: &View, body: &Sent) -> Result<Impact, String> {
    let trial = view.trial();
    let Some((_, trial)) = trial else {
        return Err("The rules are as in the file: change their text first.".to_owned());
    };
    let trial = trial.map_err(|_| "The changed rules have errors.".to_owned())?;
    let records = match sent(body, "records").map(str::trim) {
        None | Some("") => impact::Source::Generated(generated::RECORDS),
        Some(text) => impact::Source::Given(records(text)?),
    };
    Ok(impact::compare(
        &view.model,
        &view.model.snapshot.policy,
        &trial,
        records,
        view.today,
    ))
}

/// The page, with the result of a comparison, and a note about what could not be done.
pub(super) fn shown(
    view: &View,
    impact: Option<&Result<Impact, String>>,
    note: Option<&str>,
) -> Response {
    let known = &view.model.snapshot.policy;
    let trial = view.trial();
    let trial_policy = trial.as_ref().and_then(|(_, trial)| trial.as_ref().ok());
    let policies: Vec<&Policy> = std::iter::once(&**known).chain(trial_policy).collect();
    let content = html! {
        @if let Some(note) = note { p.banner.bad role="alert" { (note) } }
        form #rules method="post" action="/rules" data-live autocomplete="off" novalidate {
            (default_button())
            div.split.even {
                section.card { (record(view, &policies)) }
                section { (decisions(view, known, trial_policy)) }
            }
            (wording(view, trial.as_ref(), impact))
        }
        (save_case(view))
    };
    view.page("/rules", "/rules", "Rules", content)
}

/// The inputs of the record.
fn record(view: &View, policies: &[&Policy]) -> Markup {
    let desk = &view.desk;
    let read = view.read_by(policies);
    let event = view.model.event(&desk.event);
    let answers = desk.answers(&desk.event, DECLARATION);
    let context = view.context(&desk.event, answers.clone());
    let mut seen = BTreeSet::new();
    let fields = event
        .into_iter()
        .flat_map(|event| event.declaration.fields());
    let fields: Vec<&Field> = fields
        .filter(|field| read.contains(&field.id) && seen.insert(field.id.as_str()))
        .collect();
    html! {
        h2 { "The record" }
        div.parts {
            (choice("event", "Event", view.model.events.iter().map(|event| event.id.as_str()), &desk.event))
            (choice("action", "Action that core asks about", HookAction::ALL.into_iter().map(HookAction::name), &desk.action))
            (choice("status", "Status before it", desk::STATUSES.into_iter(), &desk.standing.status))
            div {
                label for="today" { "Day of the decision" }
                input #today type="date" name="today" value=(view.today);
            }
        }
        p.hint { "Below are the answers that the rules read, and those that decide whether they are shown. The whole record is in " a href={"/forms?event=" (desk.event)} { "the form" } "." }
        @for (at, field) in fields.iter().enumerate() {
            @let control = Control {
                view,
                field,
                id: format!("answer-{at}"),
                context: &context,
                value: answers.get(&field.id),
                enabled: true,
                errors: Vec::new(),
                label: view.say(field.label()),
            };
            div.field id={"box-" (at)} data-field=(field.id) {
                @if field.asks() { (input(&control)) } @else { (system_input(field, at, answers.get(&field.id))) }
                div.under { span.mono.small.soft { (field.id) } }
            }
        }
        div.field {
            label for="ever" { "Fields that had an answer earlier" }
            input #ever type="text" name="ever" value=(desk.standing.ever.join(" ")) placeholder="child.nid";
        }
        details #from-file {
            summary { "Record from a file" }
            p.hint { "An event document as core sends it, or answers as a JSON object. Several, as a list or one on each line, are for the comparison below. Nothing is stored." }
            input type="file" data-into="records" aria-label="File with records" accept=".json,.jsonl,.ndjson,.txt";
            div data-quiet { textarea #records name="records" rows="5" aria-label="Records as JSON" {} }
            button name="do" value="load" { "Load the record" }
        }
    }
}

/// An input for a value that systems write, as JSON or text.
fn system_input(field: &Field, at: usize, value: Option<&Value>) -> Markup {
    html! {
        label for={"answer-" (at)} { (field.id) " " span.tag { (field.kind) } }
        input id={"answer-" (at)} type="text" name={"f:" (field.id) "/json"} value=(value.map(Value::to_string).unwrap_or_default()) placeholder="JSON";
    }
}

fn choice<'a>(
    name: &str,
    label: &str,
    choices: impl Iterator<Item = &'a str>,
    chosen: &str,
) -> Markup {
    html! {
        div {
            label for=(name) { (label) }
            select id=(name) name=(name) { @for choice in choices { option value=(choice) selected[choice == chosen] { (choice) } } }
        }
    }
}

/// What is decided, by the file and by the changed text.
fn decisions(view: &View, known: &Policy, trial: Option<&Policy>) -> Markup {
    let now = view.decide(known);
    let then = trial.map(|trial| view.decide(trial));
    let summary = |decided: &Result<Decided, String>| {
        decided
            .as_ref()
            .map(|decided| decided.decision.outcome().cloned())
            .ok()
    };
    let changed = then
        .as_ref()
        .is_some_and(|then| summary(then) != summary(&now));
    html! {
        @if let Some(then) = &then {
            p.banner.(if changed { "warn" } else { "good" }) role="status" {
                @if changed { "The changed rules decide otherwise about this record." } @else { "The changed rules decide the same about this record." }
            }
            section.card { h2 { "By the changed rules" } (decided(then)) }
            section.card { h2 { "By the rules of the file" } (decided(&now)) }
        } @else {
            section.card { h2 { "The decision" } (decided(&now)) }
        }
    }
}

fn decided(decided: &Result<Decided, String>) -> Markup {
    let decided = match decided {
        Ok(decided) => decided,
        Err(why) => return html! { p.error { (why) } },
    };
    let outcome = decided.decision.outcome();
    html! {
        p #outcome {
            @match outcome {
                Some(outcome) => {
                    strong { (outcome.operation) } ", core "
                    @match outcome.answer.name() { "wait" => "waits for MOSIP (202)", _ => "goes on at once (200)" }
                    ", by the rule " code { (outcome.rule) }
                },
                None => { strong { "MOSIP is not involved" } ": no rule holds, the action takes effect at once (200)" },
            }
        }
        @if !decided.hidden.is_empty() {
            p.small { "Answers that the form hides and that do not count: " @for id in &decided.hidden { code { (id) } " " } }
        }
        @if decided.decision.rules.is_empty() { p.soft { "No rule is about this action." } }
        @for rule in &decided.decision.rules { (rule_trace(rule)) }
        @match &decided.packet {
            Some(Ok(packet)) => details {
                summary { "The packet for " code { (packet.path) } }
                @for left_out in &packet.left_out { p.small.warn { "Left out: " (left_out) } }
                pre { (format!("{:#}", without_schema(&packet.body))) }
            },
            Some(Err(why)) => p.error { "No packet can be made: " (why) ". Core is answered 422." },
            None => {},
        }
    }
}

/// The packet without the identity schema, which is the same in all.
fn without_schema(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(schema) = body.get_mut("schemaJson") {
        *schema = json!("… (mosip-id-schema.json)");
    }
    body
}

fn rule_trace(rule: &RuleTrace) -> Markup {
    let (class, mark, words) = match rule.outcome {
        RuleOutcome::Decides => ("good", "✓", "decides"),
        RuleOutcome::DoesNotHold => ("bad", "✗", "does not hold"),
        RuleOutcome::NothingNew => ("warn", "·", "holds, but nothing that is sent has changed"),
        RuleOutcome::NotReached => ("soft", "·", "not reached"),
    };
    html! {
        div.trace {
            p { (sign(class, mark, words)) " " code { (rule.name) } " " span.soft { (words) } }
            ul.plain.indent { @for condition in &rule.conditions { li { (condition_trace(condition)) } } }
        }
    }
}

fn condition_trace(condition: &ConditionTrace) -> Markup {
    html! {
        @match &condition.verdict {
            Verdict::Held => (sign("good", "✓", "holds")),
            Verdict::DidNotHold => (sign("bad", "✗", "does not hold")),
            Verdict::NotEvaluable(_) => (sign("warn", "?", "cannot be evaluated and counts as not held")),
        }
        " " (condition.name)
        @if let Verdict::NotEvaluable(why) = &condition.verdict { span.small.soft { " (" (why) ")" } }
        div.small.soft.indent {
            @for (name, value) in &condition.values {
                div { code { (name) } " = " @if value.is_null() { "no answer" } @else { code { (value) } } }
            }
        }
    }
}

/// The text of the rules, what is wrong with it, and what it would change.
fn wording(
    view: &View,
    trial: Option<&(&Draft, Trial)>,
    impact: Option<&Result<Impact, String>>,
) -> Markup {
    let file = view.model.files.text(RULES).unwrap_or_default();
    let text = trial.map_or(&file, |(draft, _)| &draft.text);
    html! {
        section #wording {
            h2 { "The rules" }
            p.hint { "Change the text to see at once what becomes of the record above. Nothing is written to the file before you save." }
            @if let Some((_, Err(problems))) = trial { div.card role="alert" { @for problem in problems { (problem.shown()) } } }
            textarea.code name="rules" spellcheck="false" wrap="off" aria-label="Text of eligibility.toml" { (text) }
            div.row {
                button name="do" value="impact" { "What would change" }
                button name="do" value="discard" disabled[trial.is_none()] { "Discard the change" }
                @if view.studio.folder.is_some() {
                    button.primary formaction="/rules/save" data-leave disabled[!matches!(trial, Some((_, Ok(_))))] { "Save to " (RULES) }
                }
            }
            p.hint { "“What would change” decides " (thousands(generated::RECORDS)) " generated records, or those of “Record from a file”, by both texts." }
            @match impact {
                Some(Ok(impact)) => (compared_in_words(impact)),
                Some(Err(why)) => p.banner.warn role="alert" { (why) },
                None => {},
            }
        }
    }
}

fn compared_in_words(impact: &Impact) -> Markup {
    html! {
        div.card #impact role="status" {
            h3 { (thousands(impact.changed)) " of " (thousands(impact.records)) " records are decided otherwise" }
            p.soft.small { "compared in " (format!("{:.1}", impact.elapsed.as_secs_f64())) " s" @if impact.unreadable > 0 { "; " (impact.unreadable) " records could not be read" } }
            @if !impact.kinds.is_empty() {
                div.scroll { table {
                    thead { tr { th { "Event, action" } th { "By the file" } th { "By the changed text" } th.number { "Records" } th { "For example" } } }
                    tbody {
                        @for kind in &impact.kinds {
                            tr {
                                td { (kind.about) } td { (kind.before) } td { (kind.after) } td.number { (thousands(kind.count)) }
                                td { details { summary { "answers" } dl.facts.small { @for (id, value) in &kind.example { dt.mono { (id) } dd { code { (value) } } } } } }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// A number with its thousands apart.
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn save_case(view: &View) -> Markup {
    html! {
        section.card {
            h2 { "Keep this record as a case" }
            @if view.studio.folder.is_some() {
                p { "The answers that the rules read are written to " code { "eligibility.tests.toml" } " with the decision that is shown above. " strong { "No data of a real person belongs there." } }
                form.row.end method="post" action="/rules/case" {
                    div { label for="case-name" { "Name of the case" } input #case-name name="name" required placeholder="newborn, mother verified"; }
                    button { "Keep as a case" }
                }
            } @else {
                p.soft { "The built-in country cannot be changed: open a folder of your own." }
            }
            p { a href="/#cases" { "All cases" } }
        }
    }
}

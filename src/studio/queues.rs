// SPDX-License-Identifier: MPL-2.0
//! Who may do what, and for the record on the desk: the workqueues that it stands in, and the actions
//! that each role has.

use super::Studio;
use super::conditions::sign;
use super::desk::STATUSES;
use super::model::{DECLARATION, Model, Role, all_hold, conditions, items, text};
use super::view::{self, Sent, View, sent};
use maud::{Markup, html};
use opencrvs_toolkit::scope::Scope;
use poem::web::{Data, Form};
use poem::{Response, handler};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Flags that core sets itself.
const OF_CORE: [&str; 5] = [
    "incomplete",
    "rejected",
    "correction-requested",
    "potential-duplicate",
    "edit-in-progress",
];

#[handler]
pub(super) fn get_queues(Data(studio): Data<&Arc<Studio>>) -> Response {
    view::with(studio, shown)
}

/// Takes another standing of the record.
#[handler]
pub(super) fn post_queues(Data(studio): Data<&Arc<Studio>>, Form(body): Form<Sent>) -> Response {
    {
        let mut desk = studio.desk();
        if let Some(event) = sent(&body, "event") {
            event.clone_into(&mut desk.event);
        }
        if let Some(status) = sent(&body, "status").filter(|status| STATUSES.contains(status)) {
            status.clone_into(&mut desk.standing.status);
        }
        if let Some(role) = sent(&body, "declared-by") {
            role.clone_into(&mut desk.standing.declared_by);
        }
        let flags = body.iter().filter(|(name, _)| name == "flag");
        desk.standing.flags = flags.map(|(_, flag)| flag.clone()).collect();
        if let Some(model) = studio.model.load_full() {
            desk.settle(&model);
        }
    }
    view::with(studio, shown)
}

fn shown(view: &View) -> Response {
    let content = html! {
        p.lead { "What the record on the desk looks like to each role. Its answers are those of the forms; places count as if everybody worked where the record is." }
        (standing(view))
        (workqueues(view))
        (actions(view))
        (scopes(&view.model, view))
    };
    view.page("/queues", "/queues", "Roles and queues", content)
}

fn flags(view: &View) -> Vec<String> {
    let event = view.model.event(&view.desk.event);
    let own = event
        .map(|event| items(&event.json, "flags"))
        .unwrap_or_default();
    let own = own.iter().map(|flag| text(flag, "id").to_owned());
    own.chain(OF_CORE.map(str::to_owned)).collect()
}

fn standing(view: &View) -> Markup {
    let desk = &view.desk;
    html! {
        form.card #standing method="post" action="/queues" data-live {
            div.parts {
                div {
                    label for="event" { "Event" }
                    select #event name="event" { @for event in &view.model.events { option value=(event.id) selected[event.id == desk.event] { (event.id) } } }
                }
                div {
                    label for="status" { "Status" }
                    select #status name="status" { @for status in STATUSES { option value=(status) selected[status == desk.standing.status] { (status) } } }
                }
                div {
                    label for="declared-by" { "Declared by" }
                    select #declared-by name="declared-by" {
                        @for role in &view.model.roles { option value=(role.id) selected[role.id == desk.standing.declared_by] { (view.say(&role.label)) } }
                    }
                }
            }
            fieldset {
                legend { "Flags" }
                div.choices {
                    @for flag in flags(view) {
                        label.choice { input type="checkbox" name="flag" value=(flag) checked[desk.standing.flags.contains(&flag)]; span { (flag) } }
                    }
                }
            }
            noscript { button { "Show" } }
        }
    }
}

/// Why a record is in a queue or not.
enum Stands {
    In,
    /// It is, for some users.
    For(Vec<String>),
    Not(String),
}

fn workqueues(view: &View) -> Markup {
    html! {
        h2 { "Workqueues" }
        div.scroll { table {
            thead { tr { th { "Workqueue" } th { "This record" } th { "Roles that see the workqueue" } } }
            tbody {
                @for queue in &view.model.workqueues {
                    @let slug = text(queue, "slug");
                    tr data-queue=(slug) {
                        td { (queue.get("name").map(|name| view.say(name)).unwrap_or_default()) div.small.soft.mono { (slug) } }
                        td {
                            @match stands(view, queue) {
                                Stands::In => { (sign("good", "✓", "yes")) " in it" },
                                Stands::For(who) => { (sign("good", "✓", "yes")) " in it, " (who.join(", ")) },
                                Stands::Not(why) => { (sign("soft", "–", "no")) " " span.soft { (why) } },
                            }
                        }
                        td { (seen_by(view, slug)) }
                    }
                }
            }
        } }
    }
}

fn seen_by(view: &View, slug: &str) -> Markup {
    let sees = |role: &&Role| {
        role.scopes.iter().any(|scope| {
            let named = scope
                .values("ids")
                .is_none_or(|ids| ids.iter().any(|id| id == slug));
            scope.kind() == "workqueue" && named
        })
    };
    html! { @for role in view.model.roles.iter().filter(sees) { span.tag { (view.say(&role.label)) } " " } }
}

fn stands(view: &View, queue: &Value) -> Stands {
    let query = queue.get("query").unwrap_or(&Value::Null);
    let clauses: Vec<Stands> = items(query, "clauses")
        .iter()
        .map(|clause| of_clause(view, clause))
        .collect();
    let any = text(query, "type") == "or";
    let mut who = Vec::new();
    let mut why_not = None;
    let mut is_in = false;
    for clause in clauses {
        match clause {
            Stands::In if any => return Stands::In,
            Stands::In => is_in = true,
            Stands::For(some) => {
                is_in = true;
                who.extend(some);
            }
            Stands::Not(why) if !any => return Stands::Not(why),
            Stands::Not(why) => why_not = Some(why),
        }
    }
    match (is_in, who.is_empty(), why_not) {
        (true, true, _) => Stands::In,
        (true, false, _) => Stands::For(who),
        (false, _, why) => Stands::Not(why.unwrap_or_default()),
    }
}

fn of_clause(view: &View, clause: &Value) -> Stands {
    let standing = &view.desk.standing;
    let mut who = Vec::new();
    for (key, asked) in clause.as_object().into_iter().flatten() {
        let terms: Vec<&str> = items(asked, "terms")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let term = text(asked, "term");
        let has = |value: &str| {
            if terms.is_empty() {
                term == value
            } else {
                terms.contains(&value)
            }
        };
        let reached = |status: &str| {
            STATUSES.iter().position(|known| *known == standing.status)
                >= STATUSES.iter().position(|known| *known == status)
        };
        let why = match key.as_str() {
            "eventType" if asked != view.desk.event.as_str() => {
                Some(format!("it is for {}", asked.as_str().unwrap_or_default()))
            }
            "status" if !has(&standing.status) => Some(format!(
                "the status is not {}",
                if terms.is_empty() {
                    term.to_owned()
                } else {
                    terms.join(" or ")
                }
            )),
            "flags" => wrong_flag(&standing.flags, asked),
            "legalStatuses.DECLARED.createdByRole" if !has(&standing.declared_by) => {
                Some(format!("not declared by {}", terms.join(" or ")))
            }
            _ if key.starts_with("legalStatuses.REGISTERED") && !reached("REGISTERED") => {
                Some("not registered".to_owned())
            }
            _ if key.starts_with("legalStatuses.DECLARED") && !reached("DECLARED") => {
                Some("not declared".to_owned())
            }
            _ => {
                who.extend(condition_on_user(key, asked));
                None
            }
        };
        if let Some(why) = why {
            return Stands::Not(why);
        }
    }
    if who.is_empty() {
        Stands::In
    } else {
        Stands::For(who)
    }
}

fn wrong_flag(flags: &BTreeSet<String>, asked: &Value) -> Option<String> {
    let named = |key: &str| {
        items(asked, key)
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
    };
    let (any, none) = (named("anyOf"), named("noneOf"));
    if let Some(flag) = none.iter().find(|flag| flags.contains(**flag)) {
        return Some(format!("it has the flag {flag}"));
    }
    let lacks = !any.is_empty() && !any.iter().any(|flag| flags.contains(*flag));
    lacks.then(|| format!("it has no flag {}", any.join(" or ")))
}

/// What depends on who looks at the queue, and when.
fn condition_on_user(key: &str, asked: &Value) -> Option<String> {
    let what = match key {
        "assignedTo" => "for the user that it is assigned to",
        "createdBy" => "for the user who created it",
        "updatedBy" => "for the user who changed it last",
        _ if asked
            .get("term")
            .is_some_and(|_| text(asked, "type") == "timePeriod") =>
        {
            "while it is recent"
        }
        _ => return None,
    };
    Some(what.to_owned())
}

/// The scope that an action needs.
fn scope_of(action: &str) -> &'static [&'static str] {
    match action {
        "READ" => &["record.read"],
        "DECLARE" => &["record.declare"],
        "NOTIFY" => &["record.notify"],
        "EDIT" => &["record.edit"],
        "REGISTER" => &["record.register"],
        "REJECT" => &["record.reject"],
        "ARCHIVE" => &["record.archive"],
        "PRINT_CERTIFICATE" => &["record.print-certified-copies"],
        "REQUEST_CORRECTION" => &["record.request-correction", "record.correct"],
        "CUSTOM" => &["record.custom-action"],
        "UNARCHIVE" => &["record.unarchive"],
        "REVOKE_REGISTRATION" => &["record.revoke-registration"],
        "REINSTATE_REGISTRATION" => &["record.reinstate-registration"],
        _ => &[],
    }
}

/// The types of action that core offers for a record in this state.
fn available(status: &str, flags: &BTreeSet<String>, action: &str) -> bool {
    let has = |flag: &str| flags.contains(flag);
    let of_status: &[&str] = match status {
        "CREATED" => &["READ", "DECLARE", "NOTIFY", "CUSTOM"],
        "NOTIFIED" => &["READ", "EDIT", "ARCHIVE", "REJECT", "CUSTOM"],
        "DECLARED" => &["READ", "REGISTER", "ARCHIVE", "REJECT", "CUSTOM", "EDIT"],
        "REGISTERED" => &[
            "READ",
            "PRINT_CERTIFICATE",
            "REQUEST_CORRECTION",
            "CUSTOM",
            "REVOKE_REGISTRATION",
            "REINSTATE_REGISTRATION",
        ],
        _ => &["READ", "CUSTOM", "UNARCHIVE"],
    };
    let offered = if has("edit-in-progress") {
        ["NOTIFY", "DECLARE", "REGISTER"].contains(&action)
    } else if has("rejected") && status != "ARCHIVED" {
        ["READ", "NOTIFY", "CUSTOM", "EDIT", "ARCHIVE"].contains(&action)
    } else {
        of_status.contains(&action)
    };
    let kept_back = has("correction-requested")
        && ["PRINT_CERTIFICATE", "REQUEST_CORRECTION"].contains(&action)
        || has("potential-duplicate") && ["EDIT", "REGISTER"].contains(&action);
    offered && !kept_back
}

/// The actions that each role has on the record.
fn actions(view: &View) -> Markup {
    let Some(event) = view.model.event(&view.desk.event) else {
        return html! {};
    };
    let configured = items(&event.json, "actions");
    html! {
        h2 { "Actions on this record" }
        div.scroll { table {
            thead { tr { th { "Role" } th { "Can do" } th { "Sees, but cannot do now" } } }
            tbody {
                @for role in &view.model.roles {
                    @let offered = offered(view, role, configured);
                    tr {
                        th scope="row" { (view.say(&role.label)) div.small.soft.mono { (role.id) } }
                        td { @for (action, enabled) in &offered { @if *enabled { span.tag.good { (action) } " " } } }
                        td { @for (action, enabled) in &offered { @if !*enabled { span.tag { (action) } " " } } }
                    }
                }
            }
        } }
    }
}

/// Names of actions, and whether they can be taken.
fn offered(view: &View, role: &Role, configured: &[Value]) -> Vec<(String, bool)> {
    let desk = &view.desk;
    let of_role = view.as_role(&role.id);
    let context = of_role.context(&desk.event, desk.answers(&desk.event, DECLARATION));
    let mut offered = Vec::new();
    for action in configured {
        let kind = text(action, "type");
        if !available(&desk.standing.status, &desk.standing.flags, kind)
            || !may(role, action, &desk.event)
        {
            continue;
        }
        if all_hold(&conditions(action, "SHOW"), &context) {
            let custom = text(action, "customActionType");
            let name = if custom.is_empty() { kind } else { custom };
            offered.push((
                name.to_owned(),
                all_hold(&conditions(action, "ENABLE"), &context),
            ));
        }
    }
    offered
}

fn may(role: &Role, action: &Value, event: &str) -> bool {
    let (kind, custom) = (text(action, "type"), text(action, "customActionType"));
    let names = |values: Option<&[String]>, wanted: &str| {
        values.is_none_or(|values| values.iter().any(|value| value == wanted))
    };
    role.scopes.iter().any(|scope| {
        scope_of(kind).contains(&scope.kind())
            && names(scope.values("event"), event)
            && (custom.is_empty() || names(scope.values("custom_action_types"), custom))
    })
}

/// The table of scopes.
fn scopes(model: &Model, view: &View) -> Markup {
    let kinds: BTreeSet<&str> = model
        .roles
        .iter()
        .flat_map(|role| role.scopes.iter().map(Scope::kind))
        .collect();
    html! {
        h2 { "Scopes" }
        p.hint { "A scope with a limit shows it when pointed at or focused." }
        div.scroll { table.matrix {
            thead { tr { th { "Scope" } @for role in &model.roles { th { (view.say(&role.label)) } } } }
            tbody {
                @for kind in kinds {
                    tr {
                        th.mono scope="row" { (kind) }
                        @for role in &model.roles {
                            @let limits: Vec<String> = role.scopes.iter().filter(|scope| scope.kind() == kind).map(ToString::to_string).collect();
                            td {
                                @if !limits.is_empty() {
                                    @let limits = limits.iter().map(|limit| limit.split_once('&').map_or("everywhere", |(_, limits)| limits)).collect::<Vec<_>>().join("\n");
                                    span tabindex="0" title=(limits) { (sign("good", "✓", "yes")) span.visually-hidden { (limits) } }
                                }
                            }
                        }
                    }
                }
            }
        } }
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Keeps the record on the desk as a case of `eligibility.tests.toml`.

use super::Studio;
use super::decision::{shown, write};
use super::model::DECLARATION;
use super::view::{self, NUMBER, Sent, View, sent};
use crate::pages;
use poem::web::{Data, Form};
use poem::{Response, handler};
use rules::eligibility::Decision;
use rules::policy::Policy;
use serde_json::Value;
use std::sync::Arc;

const CASES: &str = "eligibility.tests.toml";

#[handler]
pub(super) fn post_case(Data(studio): Data<&Arc<Studio>>, Form(body): Form<Sent>) -> Response {
    view::with(studio, |view| {
        let name = sent(&body, "name").map(str::trim).unwrap_or_default();
        match kept(view, name) {
            Ok(()) => pages::see_other("/"),
            Err(why) => shown(view, None, Some(&why)),
        }
    })
}

/// Adds the case to the file.
fn kept(view: &View, name: &str) -> Result<(), String> {
    let folder = view.studio.folder.as_ref();
    let folder = folder.ok_or("The built-in country cannot be changed.")?;
    if name.is_empty() {
        return Err("A case needs a name.".to_owned());
    }
    let trial = view.trial().and_then(|(_, trial)| trial.ok());
    let known: &Policy = &view.model.snapshot.policy;
    let policy = trial.as_ref().unwrap_or(known);
    let decided = view.decide(policy)?;
    let path = folder.join(CASES);
    let mut text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        // The file will take the place of that in an earlier layer.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            view.model.files.text(CASES).unwrap_or_default()
        }
        Err(error) => return Err(format!("Could not read `{}`: {error}", path.display())),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text += &written(view, policy, name, &decided.decision);
    write(&path, &text)
}

/// The case as TOML. JSON's texts are TOML's, too.
fn written(view: &View, policy: &Policy, name: &str, decision: &Decision) -> String {
    let desk = &view.desk;
    let read = view.read_by(&[policy]);
    let answers = desk.answers(&desk.event, DECLARATION);
    let state = answers
        .iter()
        .filter(|(id, value)| read.contains(*id) && !value.is_null());
    let state: Vec<String> = state
        .map(|(id, value)| format!("{} = {}", quoted(id), toml(value)))
        .collect();
    let expect = decision.outcome().map_or_else(
        || "\"none\"".to_owned(),
        |outcome| {
            let parts = [
                ("rule", outcome.rule.as_str()),
                ("operation", outcome.operation.name()),
                ("answer", outcome.answer.name()),
            ];
            let parts = parts.map(|(key, value)| format!("{key} = {}", quoted(value)));
            format!("{{ {} }}", parts.join(", "))
        },
    );
    let mut text = format!(
        "\n[[case]]\nname = {}\nevent = {}\naction = {}\ntoday = {}\n",
        quoted(name),
        quoted(&desk.event),
        quoted(&desk.action),
        view.today
    );
    if desk.standing.status == "REGISTERED" {
        text += &format!("registration-number = {}\n", quoted(NUMBER));
    }
    if !desk.standing.ever.is_empty() {
        let ever: Vec<String> = desk.standing.ever.iter().map(|id| quoted(id)).collect();
        text += &format!("ever = [{}]\n", ever.join(", "));
    }
    text + &format!("state = {{ {} }}\nexpect = {expect}\n", state.join(", "))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn toml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let known = members.iter().filter(|(_, value)| !value.is_null());
            let members: Vec<_> = known
                .map(|(key, value)| format!("{} = {}", quoted(key), toml(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .filter(|item| !item.is_null())
                .map(toml)
                .collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

// SPDX-License-Identifier: MPL-2.0
//! Conditions with their reasons: each part in words, whether it holds, and the values that it saw.

use maud::{Markup, html};
use opencrvs_toolkit::conditional::fields_in;
use opencrvs_toolkit::describe::describe;
use opencrvs_toolkit::evaluate::{Context, Predicate, Verdict};
use serde_json::Value;

/// A condition as a list of its parts.
pub(super) fn explained(schema: &Value, context: &Context) -> Markup {
    let verdict = Predicate::new(schema)
        .map(|predicate| predicate.verdict(context))
        .ok();
    let parts = |key: &str| schema.get(key).and_then(Value::as_array);
    // Lists of questions about one value have no type of their own and stay together.
    let questions =
        parts("anyOf").filter(|parts| parts.iter().all(|part| part.get("type").is_some()));
    let negated = schema
        .get("not")
        .filter(|_| schema.get("properties").is_none());
    let (words, parts) = match (parts("allOf"), questions, negated) {
        (Some(all), ..) => ("all of", all.as_slice()),
        (_, Some(any), _) => ("at least one of", any.as_slice()),
        (.., Some(not)) if is_composed(not) => ("not", std::slice::from_ref(not)),
        _ => return asked(schema, verdict, context),
    };
    html! {
        div.reason {
            (mark(verdict)) " " (words)
            ul { @for part in parts { li { (explained(part, context)) } } }
        }
    }
}

/// A question without parts.
fn asked(schema: &Value, verdict: Option<Verdict>, context: &Context) -> Markup {
    html! {
        div.reason {
            (mark(verdict)) " " (describe(schema))
            @if let Some(Verdict::NotEvaluable(obstacle)) = verdict { span.soft { " (" (obstacle) ")" } }
            @for field in fields_in(schema) {
                div.small.soft {
                    code { (field) } " is "
                    @match context.value(&field) {
                        Some(value) => code { (value) },
                        None => "not answered",
                    }
                }
            }
        }
    }
}

fn is_composed(schema: &Value) -> bool {
    ["allOf", "anyOf"]
        .iter()
        .any(|key| schema.get(key).is_some())
}

/// A sign for a verdict, and the same in a word for who does not see it.
pub(super) fn mark(verdict: Option<Verdict>) -> Markup {
    match verdict {
        Some(Verdict::Holds) => sign("good", "✓", "holds"),
        Some(Verdict::Fails) => sign("bad", "✗", "does not hold"),
        _ => sign("warn", "?", "not known here"),
    }
}

/// A sign with its meaning.
pub(super) fn sign(class: &str, sign: &str, meaning: &str) -> Markup {
    html! { span class=(class) aria-hidden="true" { (sign) } span.visually-hidden { (meaning) ":" } }
}

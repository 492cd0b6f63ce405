// SPDX-License-Identifier: MPL-2.0
//! Visibility of a field, and validators that its value breaks.

use serde_json::Value;

use super::{CompileError, Context, Predicate, Verdict};

/// The conditions of a served field: for showing it, and for its value.
///
/// The type of the value is not checked here, nor the visibility of the field's page.
#[derive(Clone, Debug)]
pub struct FieldRules {
    id: String,
    /// An empty value is judged too: the field is required, or a group.
    judges_empty: bool,
    show: Vec<Predicate>,
    validators: Vec<Validator>,
}

/// A rule about a value, and the message when it is broken.
#[derive(Clone, Debug)]
pub struct Validator {
    /// Id of the message.
    pub message_id: String,
    /// The message in the default language.
    pub message: String,
    predicate: Predicate,
}

/// Findings about the value of a field.
#[derive(Clone, Debug, Default)]
pub struct Findings<'a> {
    /// Validators that the value breaks.
    pub broken: Vec<&'a Validator>,
    /// Validators that cannot be evaluated here, mostly because they are JavaScript.
    pub open: Vec<&'a Validator>,
}

impl FieldRules {
    /// Reads a field as it is served.
    pub fn new(field: &Value) -> Result<Self, CompileError> {
        let text = |value: &Value, key: &str| {
            let text = value.get(key).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let list = |key: &str| field.get(key).and_then(Value::as_array);
        let show = list("conditionals")
            .into_iter()
            .flatten()
            .filter(|conditional| text(conditional, "type") == "SHOW")
            .map(|conditional| Predicate::new(&conditional["conditional"]))
            .collect::<Result<_, _>>()?;
        let validators = list("validation")
            .into_iter()
            .flatten()
            .map(|validation| {
                Ok(Validator {
                    message_id: text(&validation["message"], "id"),
                    message: text(&validation["message"], "defaultMessage"),
                    predicate: Predicate::new(&validation["validator"])?,
                })
            })
            .collect::<Result<_, _>>()?;
        let required = match field.get("required") {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(_) => true,
        };
        Ok(Self {
            id: text(field, "id"),
            judges_empty: required || text(field, "type") == "FIELD_GROUP",
            show,
            validators,
        })
    }

    /// Reads every field of the declaration of an event as it is served.
    pub fn of_declaration(event: &Value) -> Result<Vec<Self>, CompileError> {
        let pages = event
            .pointer("/declaration/pages")
            .and_then(Value::as_array);
        pages
            .into_iter()
            .flatten()
            .filter_map(|page| page.get("fields").and_then(Value::as_array))
            .flatten()
            .map(Self::new)
            .collect()
    }

    /// Id of the field.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Evaluates whether the field is shown: it has no SHOW conditional, or one of them holds.
    ///
    /// One is enough: for fields, core asks whether a SHOW is among the conditionals that hold. Elsewhere
    /// (summaries, actions, certificates) all must hold, so a single SHOW conditional is unambiguous.
    pub fn shown(&self, context: &Context) -> Verdict {
        if self.show.is_empty() {
            return Verdict::Holds;
        }
        Verdict::any(self.show.iter().map(|show| show.verdict(context)))
    }

    /// Findings of its validators about its value; none while it is hidden, or empty and not required.
    pub fn findings(&self, context: &Context) -> Findings<'_> {
        let mut findings = Findings::default();
        let shown = self.shown(context);
        if shown == Verdict::Fails || !self.judges_empty && is_empty(context.value(&self.id)) {
            return findings;
        }
        for validator in &self.validators {
            // Broken only if shown for certain.
            match (!shown).or(validator.predicate.verdict(context)) {
                Verdict::Holds => {}
                Verdict::Fails => findings.broken.push(validator),
                Verdict::NotEvaluable(_) => findings.open.push(validator),
            }
        }
        findings
    }
}

/// Checks for a value that core counts as empty: absent, an empty text, or a composite of only these. Null
/// is not empty.
fn is_empty(value: Option<&Value>) -> bool {
    let blank = |value: &Value| value.as_str() == Some("");
    match value {
        None => true,
        Some(Value::Object(members)) => members.values().all(blank),
        Some(Value::Array(items)) => items.iter().all(blank),
        Some(value) => blank(value),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::json;

    use super::*;
    use crate::prelude::*;

    fn context(form: &Value) -> Context {
        Context::new(
            form.as_object().cloned().unwrap_or_default(),
            date(2024, 3, 1),
        )
    }

    fn broken(rules: &FieldRules, form: &Value) -> Vec<String> {
        let context = context(form);
        let broken = rules.findings(&context).broken;
        broken.iter().map(|v| v.message_id.clone()).collect()
    }

    fn rules(required: bool) -> FieldRules {
        let validator = json!(field("a").matches("^[0-9]+$"));
        let script = json!(field("a").custom_client_validator("v => v"));
        FieldRules::new(&json!({
            "id": "a", "type": "TEXT", "required": required,
            "conditionals": [
                { "type": "SHOW", "conditional": json!(field("b").equals("yes")) },
                { "type": "ENABLE", "conditional": json!(never()) }
            ],
            "validation": [
                { "validator": validator, "message": { "id": "digits", "defaultMessage": "Digits" } },
                { "validator": script, "message": { "id": "script", "defaultMessage": "Script" } }
            ]
        }))
        .unwrap()
    }

    #[test]
    fn hidden_and_empty_fields_are_not_judged() {
        let optional = rules(false);
        assert!(broken(&optional, &json!({ "a": "x" })).is_empty());
        assert!(broken(&optional, &json!({ "b": "yes" })).is_empty());
        assert!(broken(&optional, &json!({ "b": "yes", "a": "" })).is_empty());
        assert!(broken(&optional, &json!({ "b": "yes", "a": "12" })).is_empty());
        assert_eq!(
            broken(&optional, &json!({ "b": "yes", "a": "x" })),
            ["digits"]
        );
        assert_eq!(
            broken(&optional, &json!({ "b": "yes", "a": null })),
            ["digits"]
        );
        // Both ask for a value; that one of them is JavaScript does not matter then.
        assert_eq!(
            broken(&rules(true), &json!({ "b": "yes" })),
            ["digits", "script"]
        );
    }

    #[test]
    fn javascript_stays_open() {
        let rules = rules(false);
        let shown = context(&json!({ "b": "yes", "a": "1" }));
        assert_eq!(rules.shown(&shown), Verdict::Holds);
        let open = rules.findings(&shown).open;
        assert_eq!(
            open.iter().map(|v| v.message.as_str()).collect::<Vec<_>>(),
            ["Script"]
        );
    }
}

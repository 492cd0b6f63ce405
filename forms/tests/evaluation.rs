// SPDX-License-Identifier: MPL-2.0
//! Every conditional and validator of the events can be evaluated here, and most of them were compared with Ajv.

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use opencrvs_toolkit::evaluate::{Context, FieldRules, Predicate, Verdict};
    use serde_json::{Value, json};

    fn events() -> Value {
        json!(forms::events(&forms::Environment::sample()))
    }

    /// Every distinct conditional of a document, without its `$id`.
    fn conditionals(document: &Value, found: &mut HashSet<Value>) {
        match document {
            Value::Object(object) => {
                let id = object.get("$id").and_then(Value::as_str);
                if id.is_some_and(|id| id.contains("/conditionals/")) {
                    let mut schema = object.clone();
                    schema.shift_remove("$id");
                    found.insert(Value::Object(schema));
                }
                object.values().for_each(|part| conditionals(part, found));
            }
            Value::Array(items) => items.iter().for_each(|item| conditionals(item, found)),
            _ => {}
        }
    }

    #[test]
    fn nothing_is_beyond_the_evaluator() {
        let mut found = HashSet::new();
        conditionals(&events(), &mut found);
        assert!(found.len() > 50);
        for schema in &found {
            Predicate::new(schema).unwrap_or_else(|err| panic!("{err}\n{schema:#}"));
        }
        for event in events().as_array().unwrap() {
            assert!(FieldRules::of_declaration(event).unwrap().len() > 20);
        }
    }

    /// An answer that is on its way, or an error, is not an offer: the dialog cannot be confirmed.
    #[test]
    fn a_credential_is_confirmed_only_once_it_is_there() {
        let events = events();
        let actions = events[0]["actions"].as_array().unwrap();
        let issue = |action: &&Value| action["customActionType"] == "ISSUE_VERIFIABLE_CREDENTIAL";
        let form = actions.iter().find(issue).unwrap()["form"]
            .as_array()
            .unwrap();
        let field = |id: &str| form.iter().find(|field| field["id"] == id).unwrap();
        let button = field("request-credential-offer-button");
        let accepted = field("requester.acceptedVcOffer");
        let cases = [
            (None, false),
            (Some(json!({"loading": true})), false),
            (
                Some(json!({"loading": false, "error": {"statusCode": 502}})),
                false,
            ),
            (
                Some(json!({"loading": false, "error": null, "data": null})),
                false,
            ),
            (
                Some(json!({"loading": false, "data": {"credential_offer_uri_qr": ""}})),
                false,
            ),
            (
                Some(json!({"loading": false, "data": {"credential_offer_uri_qr": "data:x"}})),
                true,
            ),
        ];
        for (answer, offered) in cases {
            let mut answers =
                json!({"requester.type": "MOTHER", "request-credential-offer-button": 1});
            if let Some(answer) = &answer {
                answers["get-credential-offer"] = answer.clone();
            }
            let today = jiff::civil::date(2026, 6, 1);
            let context = Context::new(answers.as_object().unwrap().clone(), today);
            let holds = |schema: &Value| {
                Predicate::new(schema).unwrap().verdict(&context) == Verdict::Holds
            };
            let shown = |field: &Value| holds(&field["conditionals"][0]["conditional"]);
            assert_eq!(shown(button), !offered, "{answer:?}");
            assert_eq!(
                holds(&button["validation"][0]["validator"]),
                offered,
                "{answer:?}"
            );
            assert_eq!(shown(accepted), offered, "{answer:?}");
        }
    }

    #[test]
    fn the_comparison_with_ajv_is_not_out_of_date() {
        let fixture = include_str!("../../toolkit/tests/fixtures/evaluator.json");
        let fixture: Value = serde_json::from_str(fixture).unwrap();
        let mut compared = HashSet::new();
        for group in fixture["groups"].as_array().unwrap() {
            for judged in group["conditionals"].as_array().unwrap() {
                compared.insert(judged["schema"].clone());
            }
        }
        let mut served = HashSet::new();
        conditionals(&events(), &mut served);
        let missing = served.difference(&compared).count();
        // A form may change a little before someone with node at hand writes the fixture again.
        assert!(
            missing * 5 <= served.len(),
            "{missing} of {} conditionals are not in the fixture; see tools/conditional-fixtures",
            served.len()
        );
    }
}

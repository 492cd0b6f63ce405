// SPDX-License-Identifier: MPL-2.0
//! The evaluator against Ajv: every conditional and validator of the events, every builder and the corners of the
//! keywords, each on hundreds of random declarations.
//!
//! `tools/conditional-fixtures` writes the fixture; this test needs nothing but the file.

#[cfg(test)]
mod tests {
    use jiff::civil::Date;
    use opencrvs_toolkit::evaluate::{Context, Obstacle, Predicate, Verdict};
    use serde::Deserialize;
    use serde_json::{Map, Value};

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Fixture {
        now: Date,
        leaf_locations: Vec<String>,
        groups: Vec<Group>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Group {
        name: String,
        contexts: Vec<Facts>,
        conditionals: Vec<Judged>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Facts {
        #[serde(rename = "$form")]
        form: Map<String, Value>,
        #[serde(rename = "$user")]
        user: Option<Value>,
        #[serde(rename = "$event")]
        event: Option<Value>,
        #[serde(rename = "$flags")]
        flags: Option<Vec<String>>,
        #[serde(rename = "$status")]
        status: Option<String>,
        #[serde(rename = "$online")]
        online: Option<bool>,
    }

    /// `1` for each context in which the conditional holds, `0` where it fails, `x` where core throws.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Judged {
        schema: Value,
        verdicts: String,
    }

    fn fixture() -> Fixture {
        serde_json::from_str(include_str!("fixtures/evaluator.json")).unwrap()
    }

    fn context(fixture: &Fixture, facts: &Facts) -> Context {
        let mut context =
            Context::new(facts.form.clone(), fixture.now).leaf_locations(&fixture.leaf_locations);
        if let Some(user) = &facts.user {
            context = context.user(user.clone());
        }
        if let Some(event) = &facts.event {
            context = context.event(event.clone());
        }
        if let Some(flags) = &facts.flags {
            context = context.flags(flags);
        }
        if let Some(status) = &facts.status {
            context = context.status(status);
        }
        context.online(facts.online.unwrap_or(true))
    }

    #[test]
    fn verdicts_are_those_of_ajv() {
        let fixture = fixture();
        let mut wrong = Vec::new();
        for group in &fixture.groups {
            let contexts: Vec<_> = group
                .contexts
                .iter()
                .map(|facts| context(&fixture, facts))
                .collect();
            let (mut same, mut open) = (0, 0);
            for Judged { schema, verdicts } in &group.conditionals {
                let predicate = Predicate::new(schema).unwrap_or_else(|err| panic!("{err}"));
                assert_eq!(verdicts.len(), contexts.len());
                let scripted = schema.to_string().contains("customClientValidator");
                for ((context, facts), expected) in
                    contexts.iter().zip(&group.contexts).zip(verdicts.chars())
                {
                    match (predicate.verdict(context), expected) {
                        (Verdict::Holds, '1') | (Verdict::Fails, '0') => same += 1,
                        (Verdict::NotEvaluable(Obstacle::JavaScript), _) if scripted => open += 1,
                        (verdict, _) => wrong.push(format!(
                            "{}: {verdict:?} instead of {expected}\n  {schema}\n  {:?}",
                            group.name, facts.form
                        )),
                    }
                }
            }
            println!("{}: {same} verdicts the same, {open} open", group.name);
        }
        assert!(
            wrong.is_empty(),
            "{} verdicts differ, the first of them:\n{}",
            wrong.len(),
            wrong
                .iter()
                .take(10)
                .cloned()
                .collect::<Vec<_>>()
                .join("\n")
        );
    }

    #[test]
    fn the_fixture_shows_both_verdicts() {
        let fixture = fixture();
        let conditionals = fixture.groups.iter().flat_map(|group| &group.conditionals);
        let (both, one): (Vec<_>, Vec<_>) = conditionals.partition(|judged| {
            ['0', '1']
                .iter()
                .all(|verdict| judged.verdicts.contains(*verdict))
        });
        // What holds always, or never, is `always()`, `never()` and the like.
        assert!(
            one.len() * 10 < both.len(),
            "{} of {}",
            one.len(),
            both.len()
        );
        assert!(
            fixture
                .groups
                .iter()
                .all(|group| group.contexts.len() >= 200)
        );
    }
}

// SPDX-License-Identifier: MPL-2.0
//! What every builder says about forms and records, and what is refused or left open.

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use opencrvs_toolkit::evaluate::{Context, Fault, Obstacle, Predicate, Verdict};
    use opencrvs_toolkit::prelude::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    const LEAF: &str = "0b5c3c0e-7b0e-4a52-8f0f-1f2d3c4b5a69";

    fn a() -> FieldReference {
        field("a")
    }

    fn b() -> FieldReference {
        field("b")
    }

    /// A context on 1 March 2024, the day after a leap day.
    fn context(form: &Value) -> Context {
        let form = form.as_object().cloned().unwrap_or_default();
        Context::new(form, date(2024, 3, 1)).leaf_locations([LEAF])
    }

    fn verdict(conditional: &Conditional, context: &Context) -> Verdict {
        Predicate::try_from(conditional).unwrap().verdict(context)
    }

    #[rstest]
    #[case::equal(a().equals("x"), json!({ "a": "x" }), true)]
    #[case::not_equal(a().equals("x"), json!({ "a": "y" }), false)]
    #[case::equality_needs_a_value(a().equals("x"), json!({}), false)]
    #[case::equal_flag(a().equals(true), json!({ "a": true }), true)]
    #[case::text_is_no_flag(a().equals(true), json!({ "a": "true" }), false)]
    #[case::whole_and_real_numbers(a().equals(1), json!({ "a": 1.0 }), true)]
    #[case::equal_fields(a().equals(b()), json!({ "a": 1, "b": 1 }), true)]
    #[case::unequal_fields(a().equals(b()), json!({ "a": "1", "b": 1 }), false)]
    #[case::both_missing(a().equals(b()), json!({}), false)]
    #[case::one_missing(a().equals(b()), json!({ "a": 1 }), false)]
    #[case::equal_parts(field("a").get("x.y").equals(field("b").get("z")), json!({ "a": { "x": { "y": 1 } }, "b": { "z": 1 } }), true)]
    #[case::key_with_dots(field("a").get_by_path(["x.y"]).equals("1"), json!({ "a": { "x.y": "1" } }), true)]
    #[case::greater(a().is_greater_than(5), json!({ "a": 5.1 }), true)]
    #[case::not_greater(a().is_greater_than(5), json!({ "a": 5 }), false)]
    #[case::text_is_no_number(a().is_greater_than(5), json!({ "a": "6" }), false)]
    #[case::less(a().is_less_than(5), json!({ "a": 4 }), true)]
    #[case::less_than_field(a().is_less_than(b()), json!({ "a": 4, "b": 5 }), true)]
    #[case::less_than_no_field(a().is_less_than(b()), json!({ "a": 4 }), true)]
    #[case::less_than_null(a().is_less_than(b()), json!({ "a": 4, "b": null }), false)]
    #[case::between_includes_limits(a().is_between(1, 5), json!({ "a": 5 }), true)]
    #[case::not_between(a().is_between(1, 5), json!({ "a": 0.9 }), false)]
    #[case::one_of(a().in_array(["p", "q"]), json!({ "a": "q" }), true)]
    #[case::none_of(a().in_array(["p", "q"]), json!({ "a": "r" }), false)]
    #[case::falsy_absent(a().is_falsy(), json!({}), true)]
    #[case::falsy_null(a().is_falsy(), json!({ "a": null }), true)]
    #[case::falsy_empty(a().is_falsy(), json!({ "a": "" }), true)]
    #[case::falsy_false(a().is_falsy(), json!({ "a": false }), true)]
    #[case::falsy_undefined(a().is_falsy(), json!({ "a": "undefined" }), true)]
    #[case::zero_is_a_value(a().is_falsy(), json!({ "a": 0 }), false)]
    #[case::falsy_part(a().get("x").is_falsy(), json!({ "a": { "x": "" } }), true)]
    #[case::falsy_part_of_null(a().get("x").is_falsy(), json!({ "a": null }), true)]
    #[case::part_with_value(a().get("x").is_falsy(), json!({ "a": { "x": "1" } }), false)]
    #[case::undefined(a().is_undefined(), json!({}), true)]
    #[case::null_is_defined(a().is_undefined(), json!({ "a": null }), false)]
    #[case::parts(a().object([field("n").equals("J")]), json!({ "a": { "n": "J" } }), true)]
    #[case::parts_missing(a().object([field("n").equals("J")]), json!({ "a": {} }), false)]
    #[case::age(a().as_age().is_greater_than(17), json!({ "a": { "age": 18, "asOfDateRef": "b" } }), true)]
    #[case::ages(field("a").as_age().is_less_than(field("b").as_age()), json!({ "a": { "age": 3, "asOfDateRef": "d" }, "b": { "age": 4, "asOfDateRef": "d" } }), true)]
    #[case::day_of_birth(a().as_dob().is_before().date("1994-03-01"), json!({ "a": { "age": 30, "asOfDateRef": "b" } }), true)]
    #[case::day_of_birth_as_of(a().as_dob().is_before().date("1994-03-01"), json!({ "a": { "age": 30, "asOfDateRef": "b" }, "b": "2024-03-02" }), false)]
    #[case::matches(a().matches("^[0-9]{3}$"), json!({ "a": "123" }), true)]
    #[case::matches_not(a().matches("^[0-9]{3}$"), json!({ "a": "1234" }), false)]
    #[case::matches_needs_a_value(a().matches("x"), json!({}), false)]
    #[case::part_matches(a().get("x").matches("^A"), json!({ "a": { "x": "Anna" } }), true)]
    #[case::matches_if_present(a().matches_if_present("x"), json!({}), true)]
    #[case::name(a().is_valid_english_name(), json!({ "a": "Zoë (Z.) O'Neil-Smith 2" }), true)]
    #[case::name_with_two_spaces(a().is_valid_english_name(), json!({ "a": "Anna  Maria" }), true)]
    #[case::cyrillic_name(a().is_valid_english_name(), json!({ "a": "Анна" }), false)]
    #[case::no_name(a().is_valid_english_name(), json!({}), true)]
    #[case::null_name(a().is_valid_english_name(), json!({ "a": null }), false)]
    #[case::leaf(a().is_valid_administrative_leaf_level(), json!({ "a": { "addressType": "DOMESTIC", "administrativeArea": LEAF } }), true)]
    #[case::not_a_leaf(a().is_valid_administrative_leaf_level(), json!({ "a": { "addressType": "DOMESTIC", "administrativeArea": "x" } }), false)]
    #[case::no_area(a().is_valid_administrative_leaf_level(), json!({ "a": { "addressType": "DOMESTIC" } }), false)]
    #[case::abroad(a().is_valid_administrative_leaf_level(), json!({ "a": { "addressType": "INTERNATIONAL" } }), true)]
    #[case::anything(always(), json!({}), true)]
    #[case::nothing(never(), json!({}), false)]
    #[case::both(and([a().equals(1), b().equals(2)]), json!({ "a": 1, "b": 2 }), true)]
    #[case::not_both(a().equals(1).and(b().equals(2)), json!({ "a": 1 }), false)]
    #[case::either(or([a().equals(1), b().equals(2)]), json!({ "b": 2 }), true)]
    #[case::neither(a().equals(1).or(b().equals(2)), json!({}), false)]
    #[case::negated(not(a().equals(1)), json!({}), true)]
    #[case::raw(a().satisfies(json!({ "minLength": 2 })), json!({ "a": "İ" }), false)]
    #[case::raw_form(form_conditional(json!({ "required": ["a"] })), json!({ "a": null }), true)]
    fn forms(#[case] conditional: Conditional, #[case] form: Value, #[case] holds: bool) {
        assert_eq!(
            verdict(&conditional, &context(&form)),
            Verdict::from(holds),
            "{}",
            conditional.schema()
        );
    }

    #[rstest]
    #[case::today_is_not_after_today(a().is_before().now(), "2024-03-01", true)]
    #[case::tomorrow(a().is_before().now(), "2024-03-02", false)]
    #[case::today_is_not_before_today(a().is_after().now(), "2024-03-01", true)]
    #[case::yesterday(a().is_after().now(), "2024-02-29", false)]
    #[case::no_such_day(a().is_before().now(), "2023-02-29", false)]
    #[case::same_day(a().is_before().date("2024-01-01"), "2024-01-01", true)]
    #[case::day_after(a().is_before().date("2024-01-01"), "2024-01-02", false)]
    #[case::same_day_again(a().is_after().date("2024-01-01"), "2024-01-01", true)]
    #[case::other_field(a().is_before().date(b()), "2030-01-01", true)]
    #[case::other_part(field("a").is_after().date(field("b").get("t")), "0001-01-01", true)]
    #[case::thirty_days_ago(a().is_before().days(30).in_past(), "2024-01-31", false)]
    #[case::longer_ago(a().is_before().days(30).in_past(), "2024-01-30", true)]
    #[case::in_thirty_days(a().is_before().days(30).in_future(), "2024-03-31", false)]
    #[case::sooner(a().is_before().days(30).in_future(), "2024-03-30", true)]
    #[case::not_so_long_ago(a().is_after().days(30).in_past(), "2024-02-01", true)]
    #[case::exactly_so_long_ago(a().is_after().days(30).in_past(), "2024-01-31", false)]
    #[case::later(a().is_after().days(30).in_future(), "2024-04-01", true)]
    #[case::away_from_now(a().is_before().days(30).from_now(), "2024-01-30", true)]
    #[case::away_from_now_too(a().is_after().days(30).from_now(), "2024-03-31", false)]
    #[case::away_from_a_day(a().is_before().days(1).from_date("2024-03-01"), "2024-02-28", true)]
    #[case::exactly_that_day(a().is_before().days(1).from_date("2024-03-01"), "2024-02-29", false)]
    #[case::a_day_too_late(a().is_after().days(1).from_date("2024-02-29"), "2024-03-01", false)]
    #[case::missing_is_now(a().is_after().days(30).from_date(b()), "2024-04-01", true)]
    #[case::missing_is_now_too(a().is_after().days(30).from_date(b()), "2024-03-31", false)]
    fn dates(#[case] conditional: Conditional, #[case] day: &str, #[case] holds: bool) {
        assert_eq!(
            verdict(&conditional, &context(&json!({ "a": day }))),
            Verdict::from(holds)
        );
    }

    #[rstest]
    #[case::date_reached(json!("2024-01-01"), true)]
    #[case::date_not_reached(json!("2023-12-31"), false)]
    #[case::null(json!(null), false)]
    #[case::empty(json!(""), false)]
    #[case::number(json!(20_240_101), false)]
    fn other_date(#[case] other: Value, #[case] holds: bool) {
        let form = context(&json!({ "a": "2024-01-01", "b": other }));
        assert_eq!(verdict(&a().is_before().date(b()), &form), holds.into());
        let counted = a().is_before().days(0).from_date(b());
        assert_eq!(verdict(&counted, &form), Verdict::Fails);
    }

    #[test]
    fn records_and_users() {
        let actions = json!({ "actions": [
            { "type": "DECLARE", "status": "Accepted" },
            { "type": "PRINT_CERTIFICATE", "status": "Accepted", "content": { "templateId": "t" } },
            { "type": "PRINT_CERTIFICATE", "status": "Requested" }
        ] });
        let record = context(&json!({}))
            .event(actions)
            .flags(["pending"])
            .status("REGISTERED")
            .user(json!({ "scope": ["type=record.create&event=birth"], "role": "REGISTRAR" }));
        let printed = || event().has_action("PRINT_CERTIFICATE");
        let holding = [
            flag("pending"),
            status("REGISTERED"),
            user().has_scope("type=record.create&event=birth"),
            user().has_role("REGISTRAR"),
            user().is_online(),
            printed().into(),
            printed().min_count(2),
            printed().max_count(2),
            printed().with_template("t").min_count(1),
        ];
        let failing = [
            flag("other"),
            status("DECLARED"),
            user().has_scope("record.create"),
            user().has_role("CLERK"),
            event().has_action("ARCHIVE").into(),
            event().has_action("ARCHIVE").max_count(2),
            printed().min_count(3),
            printed().max_count(1),
            printed().with_template("t").min_count(2),
        ];
        for conditional in &holding {
            assert_eq!(
                verdict(conditional, &record),
                Verdict::Holds,
                "{}",
                conditional.schema()
            );
        }
        let nothing = context(&json!({})).online(false);
        for conditional in holding.iter().chain(&failing) {
            assert_eq!(verdict(conditional, &nothing), Verdict::Fails);
            assert_eq!(verdict(&not(conditional), &nothing), Verdict::Holds);
        }
        for conditional in &failing {
            assert_eq!(
                verdict(conditional, &record),
                Verdict::Fails,
                "{}",
                conditional.schema()
            );
        }
    }

    #[test]
    fn javascript_matters_only_where_it_decides() {
        let script = || a().custom_client_validator("v => v === 1");
        let open = Verdict::NotEvaluable(Obstacle::JavaScript);
        let form = context(&json!({ "a": 1, "b": 2 }));
        let (yes, no) = (b().equals(2), b().equals(3));
        assert_eq!(verdict(&script(), &form), open);
        assert_eq!(verdict(&script(), &context(&json!({}))), Verdict::Fails);
        assert_eq!(verdict(&not(script()), &form), open);
        assert_eq!(verdict(&and([script(), yes.clone()]), &form), open);
        assert_eq!(verdict(&and([script(), no.clone()]), &form), Verdict::Fails);
        assert_eq!(verdict(&or([script(), yes]), &form), Verdict::Holds);
        assert_eq!(verdict(&or([script(), no]), &form), open);
    }

    #[test]
    fn a_bare_value_has_no_today() {
        let validator = Predicate::new(&json!({ "type": "object", "required": ["id"] })).unwrap();
        assert_eq!(validator.verdict_on(&json!({ "id": 1 })), Verdict::Holds);
        assert_eq!(validator.verdict_on(&json!("id")), Verdict::Fails);
        let days = json!({ "daysFromDate": { "days": 1, "clause": "after" } });
        let days = Predicate::new(&days).unwrap();
        assert_eq!(
            days.verdict_on(&json!("2024-01-01")),
            Verdict::NotEvaluable(Obstacle::NoToday)
        );
        assert_eq!(days.verdict_on(&json!(1)), Verdict::Holds);
    }

    #[test]
    fn a_date_that_engines_read_differently_stays_open() {
        let loose = a().satisfies(json!({ "daysFromDate": { "days": 1, "clause": "before" } }));
        assert_eq!(
            verdict(&loose, &context(&json!({ "a": "1 March 2020" }))),
            Verdict::NotEvaluable(Obstacle::UnclearDate)
        );
    }

    #[rstest]
    #[case::unknown_keyword(json!({ "properties": { "$form": { "oneOf": [] } } }), "/properties/$form/oneOf")]
    #[case::misplaced_type(json!({ "properties": { "$form": { "properties": { "type": "object" } } } }), "/properties/$form/properties/type")]
    #[case::misplaced_field(json!({ "properties": { "x": { "a": { "type": "string" } } } }), "/properties/x/a")]
    #[case::nested_id(json!({ "not": { "$id": "x" } }), "/not/$id")]
    #[case::nothing_to_choose_from(json!({ "anyOf": [] }), "/anyOf")]
    #[case::no_values(json!({ "enum": [] }), "/enum")]
    #[case::required_twice(json!({ "required": ["a", "a"] }), "/required")]
    #[case::inherited(json!({ "required": ["constructor"] }), "/required")]
    #[case::unknown_type(json!({ "type": "date" }), "/type")]
    #[case::other_format(json!({ "format": "email" }), "/format")]
    #[case::limit_without_format(json!({ "formatMaximum": "2024-01-01" }), "/formatMaximum")]
    #[case::above_the_root(json!({ "properties": { "a": { "const": { "$data": "2/b" } } } }), "/properties/a/const")]
    #[case::data_with_company(json!({ "const": { "$data": "/b", "x": 1 } }), "/const")]
    #[case::into_a_text(json!({ "const": { "$data": "/b/length" } }), "/const")]
    #[case::look_ahead(json!({ "pattern": "^(?=a)" }), "/pattern")]
    #[case::days_without_clause(json!({ "daysFromDate": { "days": 1 } }), "/daysFromDate")]
    #[case::branch(json!({ "not": { "if": true, "then": { "oneOf": [] } } }), "/not/then/oneOf")]
    #[case::not_a_schema(json!("x"), "")]
    fn refuses(#[case] schema: Value, #[case] path: &str) {
        let error = Predicate::new(&schema).unwrap_err();
        assert_eq!(error.path, path);
    }

    #[test]
    fn an_error_names_the_keyword_and_its_place() {
        let error = Predicate::new(&json!({ "not": { "oneOf": [] } })).unwrap_err();
        assert_eq!(error.fault, Fault::UnknownKeyword("oneOf".into()));
        assert_eq!(
            error.to_string(),
            "unknown keyword `oneOf`, at `/not/oneOf` of the conditional"
        );
    }
}

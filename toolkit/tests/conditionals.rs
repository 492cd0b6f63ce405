// SPDX-License-Identifier: MPL-2.0
//! Every builder of the conditional language against the JSON that core understands.
//!
//! The fixture names each entry as the TypeScript toolkit writes it. It leaves out `$id`, which only has to be unique,
//! and descriptions; `matches` and `customClientValidator` below a key stand there in the form that core can compile.

use std::collections::BTreeMap;

use opencrvs_toolkit::conditional::Jurisdiction;
use opencrvs_toolkit::prelude::*;
use opencrvs_toolkit::scope::Scope;
use serde::Serialize;
use serde_json::{Value, json};

/// JSON without what the fixture leaves out.
fn plain(value: impl Serialize) -> Value {
    fn strip(value: Value) -> Value {
        match value {
            Value::Object(object) => object
                .into_iter()
                .filter(|(key, value)| {
                    key != "$id"
                        && !(key == "description"
                            && value.as_str().is_some_and(|text| text.len() > 10))
                })
                .map(|(key, value)| (key, strip(value)))
                .collect(),
            Value::Array(items) => items.into_iter().map(strip).collect(),
            other => other,
        }
    }
    strip(json!(value))
}

fn conditional(conditional: impl Into<Conditional>) -> Value {
    let conditional = conditional.into();
    let json = json!(conditional);
    let id = json.get("$id").and_then(Value::as_str).unwrap_or_default();
    assert!(
        id.starts_with("https://opencrvs.org/conditionals/") && id.len() == 74,
        "{id}"
    );
    plain(json)
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn built() -> BTreeMap<&'static str, Value> {
    let (a, b) = (field("a"), field("b"));
    let x = a.equals("x");
    let y = b.is_undefined();
    let printed = || event().has_action("PRINT_CERTIFICATE");
    let office = || user().field(UserField::PrimaryOfficeId);
    let place = || user().scope("record.create").attribute("placeOfEvent");
    let age = |id| field(id).as_age();
    BTreeMap::from([
        ("field('a') (JSON)", plain(&a)),
        ("field('a').get('b.c') (JSON)", plain(a.clone().get("b.c"))),
        (
            "field('a').getByPath(['b.c'])",
            plain(a.clone().get_by_path(["b.c"])),
        ),
        ("field('a').getId()", plain(a.clone().get_id())),
        ("isEqualTo('x')", conditional(a.equals("x"))),
        ("isEqualTo(true)", conditional(a.equals(true))),
        ("isEqualTo(field b)", conditional(a.equals(b.clone()))),
        (
            "get(x.y).isEqualTo(field(b).get(z))",
            conditional(field("a").get("x.y").equals(field("b").get("z"))),
        ),
        (
            "get('firstname').isEqualTo('John')",
            conditional(field("a").get("firstname").equals("John")),
        ),
        ("isGreaterThan(5)", conditional(a.is_greater_than(5))),
        ("isLessThan(5)", conditional(a.is_less_than(5))),
        (
            "isGreaterThan(field b)",
            conditional(a.is_greater_than(b.clone())),
        ),
        (
            "asAge().isGreaterThan(5)",
            conditional(age("a").is_greater_than(5)),
        ),
        (
            "asAge().isLessThan(field(b).asAge())",
            conditional(age("a").is_less_than(age("b"))),
        ),
        (
            "asDob().isBefore().now()",
            conditional(field("a").as_dob().is_before().now()),
        ),
        (
            "isAfter().days(30).inPast()",
            conditional(a.is_after().days(30).in_past()),
        ),
        (
            "isAfter().days(30).inFuture()",
            conditional(a.is_after().days(30).in_future()),
        ),
        (
            "isAfter().days(30).fromDate('2024-01-01')",
            conditional(a.is_after().days(30).from_date("2024-01-01")),
        ),
        (
            "isAfter().days(30).fromDate(field b)",
            conditional(a.is_after().days(30).from_date(b.clone())),
        ),
        (
            "isAfter().days(30).fromNow()",
            conditional(a.is_after().days(30).from_now()),
        ),
        (
            "isAfter().date('2024-01-01')",
            conditional(a.is_after().date("2024-01-01")),
        ),
        (
            "isAfter().date(field b)",
            conditional(a.is_after().date(b.clone())),
        ),
        ("isAfter().now()", conditional(a.is_after().now())),
        (
            "isBefore().days(30).inPast()",
            conditional(a.is_before().days(30).in_past()),
        ),
        (
            "isBefore().days(30).inFuture()",
            conditional(a.is_before().days(30).in_future()),
        ),
        (
            "isBefore().days(30).fromDate('2024-01-01')",
            conditional(a.is_before().days(30).from_date("2024-01-01")),
        ),
        (
            "isBefore().days(30).fromDate(field b)",
            conditional(a.is_before().days(30).from_date(b.clone())),
        ),
        (
            "isBefore().days(30).fromNow()",
            conditional(a.is_before().days(30).from_now()),
        ),
        (
            "isBefore().date('2024-01-01')",
            conditional(a.is_before().date("2024-01-01")),
        ),
        (
            "isBefore().date(field b)",
            conditional(a.is_before().date(b.clone())),
        ),
        ("isBefore().now()", conditional(a.is_before().now())),
        (
            "get('s').isBefore().date(field(b).get('t'))",
            conditional(field("a").get("s").is_before().date(field("b").get("t"))),
        ),
        ("isFalsy()", conditional(a.is_falsy())),
        (
            "get('x.y').isFalsy()",
            conditional(field("a").get("x.y").is_falsy()),
        ),
        ("isUndefined()", conditional(a.is_undefined())),
        (
            "get('x').isUndefined()",
            conditional(field("a").get("x").is_undefined()),
        ),
        ("inArray(['p','q'])", conditional(a.in_array(["p", "q"]))),
        (
            "get('x').inArray",
            conditional(field("a").get("x").in_array(["p"])),
        ),
        (
            "isValidEnglishName()",
            conditional(a.is_valid_english_name()),
        ),
        (
            "get('firstname').isValidEnglishName()",
            conditional(field("a").get("firstname").is_valid_english_name()),
        ),
        (
            "isValidAdministrativeLeafLevel()",
            conditional(a.is_valid_administrative_leaf_level()),
        ),
        (
            "matches('^[0-9]{9}$')",
            conditional(a.matches("^[0-9]{9}$")),
        ),
        (
            "get('x').matches('^A')",
            conditional(field("a").get("x").matches("^A")),
        ),
        ("isBetween(1,5)", conditional(a.is_between(1, 5))),
        (
            "object({firstname: field('firstname').isEqualTo('J')})",
            conditional(a.object([field("firstname").equals("J")])),
        ),
        (
            "customClientValidator",
            conditional(a.custom_client_validator("v=>v===1")),
        ),
        (
            "get('x').customClientValidator",
            conditional(field("a").get("x").custom_client_validator("v=>v===1")),
        ),
        (
            "customClientEvaluation",
            plain(a.clone().custom_client_evaluation("v=>v")),
        ),
        ("evaluate", plain(evaluate("(_,ctx)=>ctx.$now"))),
        ("and(a,b)", conditional(and([&x, &y]))),
        ("or(a,b)", conditional(or([&x, &y]))),
        ("not(a)", conditional(not(&x))),
        ("not(not(a))", conditional(not(not(&x)))),
        ("never()", conditional(never())),
        ("always()", conditional(always())),
        ("alwaysTrue()", plain(always_true().schema())),
        ("flag('pending')", conditional(flag("pending"))),
        ("status('REGISTERED')", conditional(status("REGISTERED"))),
        ("user.hasScope('s')", conditional(user().has_scope("s"))),
        ("user.hasRole('R')", conditional(user().has_role("R"))),
        ("user.isOnline()", conditional(user().is_online())),
        (
            "user.locationLevel('province')",
            plain(user().location_level("province")),
        ),
        ("user('primaryOfficeId')", plain(office())),
        (
            "user('primaryOfficeId').locationLevel('district')",
            plain(office().location_level("district")),
        ),
        (
            "user.scope('record.create').attribute('placeOfEvent')",
            plain(place()),
        ),
        (
            "user.jurisdiction('administrativeArea')",
            plain(user().jurisdiction(Jurisdiction::AdministrativeArea)),
        ),
        (
            "user.jurisdiction(user.scope(..).attribute(..))",
            plain(user().jurisdiction(place())),
        ),
        ("now()", plain(now())),
        (
            "window().location.get('href')",
            plain(window().location("href")),
        ),
        (
            "event('trackingId')",
            plain(event().attribute("trackingId")),
        ),
        (
            "event('trackingId').exact()",
            plain(event().attribute("trackingId").exact()),
        ),
        (
            "event('legalStatuses.REGISTERED.acceptedAt').range()",
            plain(
                event()
                    .attribute("legalStatuses.REGISTERED.acceptedAt")
                    .range(),
            ),
        ),
        (
            "event('legalStatuses.DECLARED.acceptedAt')",
            plain(event().attribute("legalStatuses.DECLARED.acceptedAt")),
        ),
        (
            "event.field('updatedAt')",
            plain(event().field("updatedAt")),
        ),
        (
            "event.hasAction('PRINT_CERTIFICATE')",
            conditional(printed()),
        ),
        (
            "event.hasAction('PRINT_CERTIFICATE').minCount(1)",
            conditional(printed().min_count(1)),
        ),
        (
            "event.hasAction('PRINT_CERTIFICATE').maxCount(2)",
            conditional(printed().max_count(2)),
        ),
        (
            "event.hasAction().withTemplate('t').minCount(1)",
            conditional(printed().with_template("t").min_count(1)),
        ),
        (
            "event.hasAction().withFields({status:'Accepted'}).minCount(1)",
            conditional(printed().with_field("status", "Accepted").min_count(1)),
        ),
        (
            "not(event.hasAction('PRINT_CERTIFICATE'))",
            conditional(not(printed())),
        ),
        (
            "field('child.dob').exact()",
            plain(field("child.dob").exact()),
        ),
        (
            "field('child.dob',{searchCriteriaLabelPrefix,conditionals:[]}).range()",
            plain(
                field("child.dob")
                    .range()
                    .label_prefix(message("i", "d").describe("x"))
                    .always_shown(),
            ),
        ),
        ("field('n').fuzzy()", plain(field("n").fuzzy())),
        ("field('n').within()", plain(field("n").within())),
        (
            "dedup field fuzzy",
            plain(field("child.name").fuzzy_matches()),
        ),
        (
            "dedup field strict",
            plain(field("mother.nid").strict_matches().boost(2)),
        ),
        (
            "dedup dateRange",
            plain(field("child.dob").date_range_matches(5)),
        ),
        (
            "dedup and/or/not",
            plain(Clause::and([
                Clause::or([field("a").strict_matches()]),
                Clause::not(field("b").strict_matches().value("x")),
            ])),
        ),
        (
            "defineFormConditional raw",
            conditional(form_conditional(
                json!({ "type": "object", "properties": {}, "required": [] }),
            )),
        ),
    ])
}

#[test]
fn every_builder_says_what_core_understands() {
    let fixture: BTreeMap<String, Value> =
        serde_json::from_str(include_str!("fixtures/conditionals.json"))
            .expect("the fixture is JSON");
    let built = built();
    let names: Vec<_> = built.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        names,
        fixture.keys().cloned().collect::<Vec<_>>(),
        "the table covers the fixture"
    );
    for (name, value) in built {
        assert_eq!(value, fixture[name], "{name}");
    }
}

#[test]
fn ids_are_equal_for_equal_content_only() {
    assert_eq!(
        field("a").equals("x").schema_id(),
        field("a").equals("x").schema_id()
    );
    assert_ne!(
        field("a").equals("x").schema_id(),
        field("a").equals("y").schema_id()
    );
    assert_ne!(
        field("a").equals(1).schema_id(),
        field("a").equals("1").schema_id()
    );
    let sorted = form_conditional(json!({ "a": 1, "b": 2 }));
    assert_eq!(
        sorted.schema_id(),
        form_conditional(json!({ "b": 2, "a": 1 })).schema_id()
    );
}

#[test]
fn nested_conditionals_carry_no_id() {
    let json = json!(and([
        not(field("a").equals("x")),
        or([flag("f"), status("DECLARED")])
    ]));
    assert_eq!(json.to_string().matches("$id").count(), 1);
}

#[test]
fn chains_are_flat_and_finished_lists_are_not() {
    let [a, b, c] = ["a", "b", "c"].map(flag);
    assert_eq!(
        a.clone().and(&b).and(&c).schema(),
        and([&a, &b, &c]).schema()
    );
    assert_eq!(a.clone().or(&b).or(&c).schema(), or([&a, &b, &c]).schema());
    assert_eq!(
        and([&a, &b]).and(&c).schema(),
        and([&and([&a, &b]), &c]).schema()
    );
    assert_eq!(
        a.clone().and(&b).or(&c).schema(),
        or([&and([&a, &b]), &c]).schema()
    );
    assert_eq!(
        and([&a]).schema()["allOf"].as_array().map(Vec::len),
        Some(1),
        "a list of one still wraps"
    );
}

#[test]
fn a_conditional_knows_what_it_asks_about() {
    let asked = and([
        not(field("a").equals(field("b"))),
        field("c").get("x").is_falsy(),
        flag("late"),
    ]);
    assert_eq!(
        asked.fields().into_iter().collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert_eq!(asked.flags().into_iter().collect::<Vec<_>>(), ["late"]);
}

#[test]
fn scopes_are_written_and_read() {
    let search = Scope::new("record.search")
        .option("event", ["birth", "death"])
        .option("placeOfEvent", ["administrativeArea"]);
    let encoded = "type=record.search&event=birth,death&placeOfEvent=administrativeArea";
    assert_eq!(search.to_string(), encoded);
    assert_eq!(encoded.parse(), Ok(search.clone()));
    assert_eq!(
        search.values("event"),
        Some(&["birth".to_owned(), "death".to_owned()][..])
    );
    assert_eq!(
        Scope::new("config.update-all").to_string(),
        "type=config.update-all"
    );
    assert!("record.search".parse::<Scope>().is_err());
}

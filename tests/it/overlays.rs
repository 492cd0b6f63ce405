// SPDX-License-Identifier: MPL-2.0
//! A country's changes to the forms: what each makes of the served event, and what is said about mistakes.

use super::program::{countryconfig, text};
use super::{TestApp, fresh_id, json as body, surroundings};
use country::{CountrySettings, overlays};
use countryconfig::settings::Settings;
use rstest::rstest;
use rules::diagnostic::{Diagnostic, Severity};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// A country of the built-in one and, over it, these files.
struct Country {
    folder: tempfile::TempDir,
    dirs: String,
}

impl Country {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dirs = format!("built-in:{}", folder.path().display());
        let country = Self { folder, dirs };
        for (file, text) in files {
            country.write(file, text);
        }
        country
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn settings(&self) -> CountrySettings {
        let dir = ("COUNTRY_DIR".to_owned(), self.dirs.clone());
        Settings::load(None, [dir].into_iter()).unwrap().country()
    }

    fn events(&self) -> Value {
        served(&self.settings())
    }

    fn event(&self, id: &str) -> Value {
        event(&self.events(), id)
    }

    /// The errors and warnings about files in `forms/`.
    fn faults(&self) -> Vec<Diagnostic> {
        let mut found = country::events(&self.settings()).found;
        found.retain(|fault| fault.file.contains("/forms/"));
        found
    }
}

fn event(events: &Value, id: &str) -> Value {
    let mut events = events.as_array().unwrap().iter();
    events.find(|event| event["id"] == id).unwrap().clone()
}

/// The events as core gets them.
fn served(settings: &CountrySettings) -> Value {
    let events = country::events(settings).list;
    let written = opencrvs_toolkit::writer::events(&events, settings.core_version).unwrap();
    assert_eq!(written.problems, []);
    json!(written.events)
}

fn built_in(id: &str) -> Value {
    let settings = Settings::load(None, std::iter::empty()).unwrap().country();
    event(&served(&settings), id)
}

/// What a part of a list is called: ids in place of positions.
fn name(item: &Value, index: usize) -> String {
    if let Some(text) = item.as_str() {
        return text.to_owned();
    }
    let keys = ["id", "customActionType", "fieldId", "value"];
    let named = keys.iter().find_map(|key| item.get(key)?.as_str());
    let message = item.pointer("/message/id").and_then(Value::as_str);
    let of_type = item.get("type").and_then(Value::as_str);
    let named = named.or(message).or(of_type);
    named.map_or_else(|| index.to_string(), str::to_owned)
}

/// The difference between two documents, a line for each place; `$id`s follow from the content.
fn difference(before: &Value, after: &Value, at: &str, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
            for key in keys.into_iter().filter(|key| *key != "$id") {
                match (before.get(key), after.get(key)) {
                    (Some(before), Some(after)) => {
                        difference(before, after, &format!("{at}/{key}"), found);
                    }
                    (Some(_), None) => found.push(format!("- {at}/{key}")),
                    (None, Some(_)) => found.push(format!("+ {at}/{key}")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            let names = |list: &[Value]| -> Vec<String> {
                let names = list.iter().enumerate();
                names.map(|(index, item)| name(item, index)).collect()
            };
            let positions = |list: &[Value]| -> Vec<String> {
                (0..list.len()).map(|index| index.to_string()).collect()
            };
            let are_told_apart = |names: &[String]| {
                let different: std::collections::BTreeSet<_> = names.iter().collect();
                different.len() == names.len()
            };
            let (mut old, mut new) = (names(before), names(after));
            if !are_told_apart(&old) || !are_told_apart(&new) {
                (old, new) = (positions(before), positions(after));
            }
            for name in old.iter().filter(|name| !new.contains(name)) {
                found.push(format!("- {at}/{name}"));
            }
            for (index, name) in new
                .iter()
                .enumerate()
                .filter(|(_, name)| !old.contains(name))
            {
                let after = index.checked_sub(1).and_then(|index| new.get(index));
                let after =
                    after.map_or_else(|| "first".to_owned(), |name| format!("after {name}"));
                found.push(format!("+ {at}/{name} {after}"));
            }
            let kept = |names: &[String], others: &[String]| -> Vec<String> {
                names
                    .iter()
                    .filter(|name| others.contains(name))
                    .cloned()
                    .collect()
            };
            let (old_order, new_order) = (kept(&old, &new), kept(&new, &old));
            if old_order != new_order {
                let moved = new_order
                    .iter()
                    .zip(&old_order)
                    .find(|(new, old)| new != old);
                found.push(format!("order of {at} from {}", moved.unwrap().0));
                return;
            }
            for (name, item) in old.iter().zip(before) {
                if let Some(other) = new.iter().position(|known| known == name) {
                    difference(item, &after[other], &format!("{at}/{name}"), found);
                }
            }
        }
        (before, after) if before != after => found.push(format!("{at} = {after}")),
        _ => {}
    }
}

fn differences(overlay: &str) -> Vec<String> {
    let country = Country::with(&[("forms/birth.toml", overlay)]);
    assert_eq!(country.faults(), [], "{overlay}");
    let mut found = Vec::new();
    difference(&built_in("birth"), &country.event("birth"), "", &mut found);
    found
}

const CHILD: &str = "/declaration/pages/child/fields";
const INFORMANT: &str = "/declaration/pages/informant/fields";

#[rstest]
#[case::add_after("[[add]]\nafter = 'child.weightAtBirth'\nid = 'child.nui'\ntype = 'TEXT'\nlabel = 'NUI'\nsecured = true",
    &["+ {CHILD}/child.nui after child.weightAtBirth"])]
#[case::add_before("[[add]]\nbefore = 'child.gender'\nid = 'child.nui'\ntype = 'TEXT'\nlabel = 'NUI'",
    &["+ {CHILD}/child.nui after child.name"])]
#[case::add_at_the_end_of_a_page("[[add]]\npage = 'child'\nid = 'child.nui'\ntype = 'NUMBER'\nlabel = 'NUI'\nconfiguration = { min = 1 }",
    &["+ {CHILD}/child.nui after child.weightAtBirth"])]
#[case::change_texts_and_switches("[[change]]\nfield = 'informant.email'\nlabel = 'E-mail, if any'\nrequired = false\nanalytics = true",
    &["{INFORMANT}/informant.email/analytics = true",
      "{INFORMANT}/informant.email/label/defaultMessage = \"E-mail, if any\"",
      "{INFORMANT}/informant.email/label/id = \"event.birth.field.informant.email.label\"",
      "{INFORMANT}/informant.email/required = false"])]
#[case::required_with_a_text("[[change]]\nfield = 'informant.phoneNo'\nrequired = 'We must reach you'",
    &["{INFORMANT}/informant.phoneNo/required = {\"message\":{\"id\":\"event.birth.field.informant.phoneNo.required\",\"defaultMessage\":\"We must reach you\",\"description\":\"Error below the empty field informant.phoneNo\"}}"])]
#[case::options("[[change]]\nfield = 'child.attendantAtBirth'\noptions.remove = ['LAYPERSON']\noptions.add = [{ value = 'MATRON', label = 'Matron', after = 'NURSE' }]",
    &["- {CHILD}/child.attendantAtBirth/options/LAYPERSON",
      "+ {CHILD}/child.attendantAtBirth/options/MATRON after NURSE"])]
#[case::an_option_renamed("[[change]]\nfield = 'child.attendantAtBirth'\noptions.change = [{ value = 'NURSE', label = { id = 'own.nurse', text = 'Sister' } }]",
    &["{CHILD}/child.attendantAtBirth/options/NURSE/label/defaultMessage = \"Sister\"",
      "{CHILD}/child.attendantAtBirth/options/NURSE/label/id = \"own.nurse\""])]
#[case::validators("[[change]]\nfield = 'informant.phoneNo'\nvalid.add = [{ if = \"matches(informant.phoneNo, '^07')\", else = 'Begin with 07' }]\nvalid.remove = ['event.birth.action.declare.form.section.informant.field.phoneNo.error']",
    &["- {INFORMANT}/informant.phoneNo/validation/event.birth.action.declare.form.section.informant.field.phoneNo.error",
      "+ {INFORMANT}/informant.phoneNo/validation/event.birth.field.informant.phoneNo.error first"])]
#[case::shown_always("[[change]]\nfield = 'informant.other.relation'\nshow-if = ''",
    &["- {INFORMANT}/informant.other.relation/conditionals/SHOW"])]
#[case::shown_under_a_further_condition("[[change]]\nfield = 'child.weightAtBirth'\nand-show-if = \"child.birthType == 'SINGLE'\"",
    &["+ {CHILD}/child.weightAtBirth/conditionals/SHOW first"])]
#[case::start_and_parent("[[change]]\nfield = 'child.weightAtBirth'\ndefault = 3\nparent = 'child.dob'",
    &["+ {CHILD}/child.weightAtBirth/defaultValue", "+ {CHILD}/child.weightAtBirth/parent"])]
#[case::core_json("[[change]]\nfield = 'child.weightAtBirth'\njson = '{\"glow\": 1}'",
    &["+ {CHILD}/child.weightAtBirth/glow"])]
#[case::remove_a_field("[[remove]]\nfield = 'mother.occupation'",
    &["- /declaration/pages/mother/fields/mother.occupation"])]
#[case::remove_a_page("[[remove]]\npage = 'introduction'", &["- /declaration/pages/introduction"])]
#[case::remove_an_action("[[remove]]\naction = 'ESCALATE'\n[[remove]]\naction = 'PROVINCIAL_REGISTER_FEEDBACK'",
    &["- /actionOrder/ESCALATE", "- /actionOrder/PROVINCIAL_REGISTER_FEEDBACK", "- /actions/ESCALATE", "- /actions/PROVINCIAL_REGISTER_FEEDBACK"])]
#[case::move_a_field("[[move]]\nfield = 'child.weightAtBirth'\nafter = 'child.name'",
    &["order of {CHILD} from child.weightAtBirth"])]
#[case::move_a_field_to_another_page("[[move]]\nfield = 'child.weightAtBirth'\npage = 'mother'",
    &["- {CHILD}/child.weightAtBirth", "+ /declaration/pages/mother/fields/child.weightAtBirth after mother.previousBirths"])]
#[case::move_a_page("[[move]]\npage = 'father'\nbefore = 'mother'", &["order of /declaration/pages from father"])]
#[case::add_a_page("[[add-page]]\nid = 'mentions'\nafter = 'father'\ntitle = 'Mentions'\nshow-if = \"known(child.name)\"",
    &["+ /declaration/pages/mentions after father"])]
#[case::change_a_page("[[change]]\npage = 'documents'\ntitle = { id = 'own.papers', text = 'Papers' }\nrequire-completion = true",
    &["/declaration/pages/documents/requireCompletionToContinue = true",
      "/declaration/pages/documents/title/defaultMessage = \"Papers\"",
      "/declaration/pages/documents/title/id = \"own.papers\""])]
#[case::add_an_action("[[add-action]]\nid = 'ATTEST'\nlabel = 'Attest'\nicon = 'Stamp'\nshow-if = \"status == 'REGISTERED' && !flag('revoked')\"\ncopy = 'An attestation is issued.'\nflags.add = [{ id = 'attested', operation = 'add' }]\n[[add-action.field]]\nid = 'attest.reason'\ntype = 'TEXTAREA'\nlabel = 'Reason'\n[event]\nflags.add = [{ id = 'attested', label = 'Attested' }]",
    &["+ /actions/ATTEST after ISSUE_VERIFIABLE_CREDENTIAL", "+ /flags/attested after vc-issued"])]
#[case::change_an_action("[[change]]\naction = 'REJECT'\nflags.add = [{ id = 'validated', operation = 'remove' }]\nicon = 'Trash'\nshow-if = 'online'",
    &["+ /actions/REJECT/conditionals", "+ /actions/REJECT/flags/1 after 0", "+ /actions/REJECT/icon"])]
#[case::the_event("[event]\ntitle = { id = 'own.title', text = '{child.name.firstname}' }\nsummary = ['child.dob']\nsearch.add = [{ section = 'child', field = 'child.weightAtBirth', match = 'exact' }]\nanalytics = false\ndate-of-event = 'event.createdAt'",
    &["+ /advancedSearch/1/fields/child.weightAtBirth after child.gender",
      "/analytics = false",
      "+ /dateOfEvent/$$event",
      "- /dateOfEvent/$$field",
      "- /dateOfEvent/$$subfield",
      "- /summary/fields/child.nid",
      "- /summary/fields/child.placeOfBirth",
      "- /summary/fields/child.birthLocation",
      "- /summary/fields/child.birthLocation.privateHome",
      "- /summary/fields/child.birthLocation.other",
      "- /summary/fields/informant.contact",
      "- /summary/fields/child.dob/emptyValueMessage",
      "/title/defaultMessage = \"{child.name.firstname}\"",
      "/title/description = \"`title` of the event\"",
      "/title/id = \"own.title\""])]
fn each_operation_makes_exactly_this_difference(#[case] overlay: &str, #[case] expected: &[&str]) {
    let mut found = differences(overlay);
    found.sort_unstable();
    let mut expected: Vec<String> = expected
        .iter()
        .map(|line| {
            line.replace("{CHILD}", CHILD)
                .replace("{INFORMANT}", INFORMANT)
        })
        .collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// Two layers each change the event, in their order; a file that takes a name of core twice names its place.
#[test]
fn layers_apply_in_order_and_forms_of_actions_can_be_changed() {
    let first = Country::with(&[(
        "forms/birth.toml",
        "[[change]]\nfield = 'child.weightAtBirth'\nlabel = 'One'\nsecured = true",
    )]);
    let second = Country::with(&[(
        "forms/birth.toml",
        "[[change]]\nfield = 'child.weightAtBirth'\nlabel = 'Two'\n\n[[change]]\nform = 'review'\nfield = 'review.comment'\nrequired = false",
    )]);
    let dirs = format!("{}:{}", first.dirs, second.folder.path().display());
    let country = Country {
        dirs,
        folder: second.folder,
    };
    let mut found = Vec::new();
    difference(&built_in("birth"), &country.event("birth"), "", &mut found);
    found.sort_unstable();
    let weight = format!("{CHILD}/child.weightAtBirth");
    assert_eq!(
        found,
        [
            "/actions/DECLARE/review/fields/review.comment/required = false".to_owned(),
            "/actions/READ/review/fields/review.comment/required = false".to_owned(),
            format!("{weight}/label/defaultMessage = \"Two\""),
            format!("{weight}/label/id = \"event.birth.field.child.weightAtBirth.label\""),
            format!("{weight}/secured = true"),
        ]
    );
}

/// A field that stands in both reviews is moved in both, and stands once in each afterwards.
#[test]
fn a_field_of_the_review_is_moved_in_both_actions_that_show_it() {
    let move_it = "[[move]]\nform = 'review'\nfield = 'review.comment'\nafter = 'review.signature'";
    let country = Country::with(&[("forms/birth.toml", move_it)]);
    let event = country.event("birth");
    let ids = |review: &Value| -> Vec<String> {
        let fields = review["fields"].as_array().unwrap().iter();
        fields
            .map(|f| f["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let actions = event["actions"].as_array().unwrap().iter();
    let reviews: Vec<_> = actions
        .filter(|action| action["review"].is_object())
        .map(|action| ids(&action["review"]))
        .collect();
    let moved = ["review.signature", "review.comment"];
    assert_eq!(reviews, [moved, moved]);
}

#[rstest]
#[case::unknown_key(
    "[[chnage]]\nfield = 'child.dob'\n",
    1,
    "the file: unknown key `chnage`",
    "did you mean `change`?"
)]
#[case::unknown_field(
    "[[change]]\nfield = 'child.dbo'\nrequired = false\n",
    2,
    "there is no field `child.dbo`",
    "did you mean `child.dob`?"
)]
#[case::unknown_anchor(
    "[[add]]\nid = 'child.x'\ntype = 'TEXT'\nlabel = 'X'\nafter = 'child.wieghtAtBirth'\n",
    5,
    "there is no field `child.wieghtAtBirth`",
    "did you mean `child.weightAtBirth`?"
)]
#[case::unknown_page(
    "[[remove]]\npage = 'fater'\n",
    2,
    "there is no page `fater`",
    "did you mean `father`?"
)]
#[case::unknown_action(
    "[[remove]]\naction = 'ESCLATE'\n",
    2,
    "there is no action `ESCLATE`",
    "did you mean `ESCALATE`?"
)]
#[case::unknown_form(
    "[[change]]\nform = 'corection'\nfield = 'a'\nlabel = 'x'\n",
    2,
    "there is no form `corection`",
    "did you mean `correction`?"
)]
#[case::unknown_option(
    "[[change]]\nfield = 'child.attendantAtBirth'\noptions.remove = ['NURS']\n",
    3,
    "field `child.attendantAtBirth`: there is no option `NURS`",
    "did you mean `NURSE`?"
)]
#[case::unknown_rule(
    "[[change]]\nfield = 'child.dob'\nvalid.remove = ['error.futureDate']\n",
    3,
    "`child.dob` has no rule with the message `error.futureDate`",
    ""
)]
#[case::unknown_type(
    "[[add]]\npage = 'child'\nid = 'child.x'\ntype = 'TXET'\nlabel = 'X'\n",
    4,
    "core does not know the field type `TXET`",
    "did you mean `TEXT`?"
)]
#[case::field_twice(
    "[[add]]\npage = 'child'\nid = 'child.dob'\ntype = 'TEXT'\nlabel = 'X'\n",
    3,
    "there is a field `child.dob` already",
    "change it"
)]
#[case::underscore(
    "[[add]]\npage = 'child'\nid = 'child.a_b'\ntype = 'TEXT'\nlabel = 'X'\n",
    3,
    "field id `child.a_b` holds an underscore",
    "call it `child.a-b`"
)]
#[case::no_label(
    "[[add]]\npage = 'child'\nid = 'child.x'\ntype = 'TEXT'\n",
    1,
    "field `child.x`: `label` is missing",
    "label"
)]
#[case::no_place(
    "[[add]]\nid = 'child.x'\ntype = 'TEXT'\nlabel = 'X'\n",
    1,
    "add `child.x`: its place is missing",
    "after"
)]
#[case::no_options(
    "[[add]]\npage = 'child'\nid = 'child.x'\ntype = 'SELECT'\nlabel = 'X'\n",
    1,
    "`child.x`: `options` is missing",
    ""
)]
#[case::option_without_label(
    "[[change]]\nfield = 'child.attendantAtBirth'\noptions.add = [{ value = 'X' }]\n",
    3,
    "option `X`: `label` is missing",
    "label"
)]
#[case::changes_nothing(
    "[[change]]\nfield = 'child.dob'\n",
    1,
    "this changes nothing of the field",
    "say what"
)]
#[case::condition_of_unknown_field(
    "[[change]]\nfield = 'child.dob'\nshow-if = \"child.gendr == 'male'\"\n",
    3,
    "field `child.dob`: unknown field `child.gendr`",
    "did you mean `child.gender`?"
)]
#[case::condition_that_cannot_hold(
    "[[change]]\nfield = 'child.weightAtBirth'\nshow-if = \"informant.relation == 'MOTHR'\"\n",
    3,
    "nobody can choose `MOTHR` in `informant.relation`",
    "did you mean `MOTHER`?"
)]
#[case::condition_without_translation(
    "[[change]]\nfield = 'child.dob'\nshow-if = 'years(child.dob, today) < 3'\n",
    3,
    "field `child.dob`: core's forms cannot express `years`",
    "days(child.dob, today) < 365"
)]
#[case::condition_with_a_bare_word(
    "[[change]]\nfield = 'child.dob'\nshow-if = 'child.gender == male'\n",
    3,
    "field `child.dob`: unknown variable `male`",
    "'male'"
)]
#[case::capital_switch(
    "[[change]]\nfield = 'child.dob'\nrequired = False\n",
    3,
    "invalid string",
    "write `required = false`"
)]
#[case::quoted_switch(
    "[[change]]\nfield = 'child.dob'\nrequired = 'No'\n",
    3,
    "field `child.dob`: `required` is a word in quotes",
    "write `required = false`"
)]
#[case::decimal_comma(
    "[[change]]\nfield = 'child.dob'\ndefault = 10,6\n",
    3,
    "expected newline",
    "`default = 10.6`"
)]
#[case::quotes_in_quotes(
    "[[change]]\nfield = 'child.dob'\nshow-if = \"child.gender == \"male\"\"\n",
    3,
    "expected newline",
    "child.gender == 'male'"
)]
#[case::condition_no_json(
    "[[change]]\nfield = 'child.dob'\nshow-if = { json = '{' }\n",
    3,
    "field `child.dob`: `show-if`: this is not JSON",
    ""
)]
#[case::condition_unknown_to_core(
    "[[change]]\nfield = 'child.dob'\nshow-if = { json = '{\"requierd\": []}' }\n",
    3,
    "field `child.dob`: `show-if`: unknown keyword `requierd`",
    "core"
)]
#[case::flag_not_declared(
    "[[change]]\naction = 'REJECT'\nflags.add = [{ id = 'seen', operation = 'add' }]\n",
    3,
    "the action REJECT uses the flag `seen`, which is not declared",
    ""
)]
#[case::parent_unknown(
    "[[change]]\nfield = 'child.weightAtBirth'\nparent = 'child.birth'\n",
    3,
    "declaration / child / child.weightAtBirth points at the field `child.birth`",
    ""
)]
#[case::date_no_date(
    "[event]\ndate-of-event = 'child.gender'\n",
    2,
    "the date of the event is the field `child.gender`, which is of type SELECT",
    "DATE"
)]
#[case::extends_itself(
    "extends = 'birth.toml'\n[[remove]]\npage = 'introduction'\n",
    1,
    "`extends` names `birth.toml`",
    "built-in"
)]
#[case::of_an_own_event(
    "label = 'Birth'\n",
    1,
    "`label` belongs to an event of one's own",
    "[event]"
)]
#[case::text_with_two_wordings(
    "[[change]]\nfield = 'child.dob'\nlabel = { id = 'event.birth.title', text = 'Born' }\n",
    3,
    "the message `event.birth.title` has more than one text",
    ""
)]
#[case::broken_text(
    "[[change]]\nfield = 'child.dob'\nlabel = 'Born {on'\n",
    3,
    "field `child.dob`: `label` cannot be formatted",
    ""
)]
#[case::ambiguous(
    "[[change]]\nform = 'correction'\nfield = '{TWICE}'\nrequired = true\n",
    3,
    "`{TWICE}` stands ",
    "nth"
)]
#[case::not_toml("[[change]\n", 1, "", "")]
fn each_mistake_has_a_place_and_a_remedy(
    #[case] overlay: &str,
    #[case] line: usize,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let overlay = overlay.replace("{TWICE}", &twice());
    let message = message.replace("{TWICE}", &twice());
    let country = Country::with(&[("forms/birth.toml", &overlay)]);
    let faults = country.faults();
    let first = faults
        .first()
        .unwrap_or_else(|| panic!("nothing is found in {overlay}"));
    assert!(first.message.starts_with(&message), "{faults:#?}");
    assert_eq!(first.line, line, "{faults:#?}");
    let told = first.hint.clone().unwrap_or_default();
    assert!(told.contains(hint), "{told} is not {hint}");
    assert_eq!(faults.len(), 1, "{faults:#?}");
}

/// A field that stands several times in the form of corrections.
fn twice() -> String {
    let event = built_in("birth");
    let actions = event["actions"].as_array().unwrap().iter();
    let correction = actions.filter(|action| action["type"] == "REQUEST_CORRECTION");
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for page in correction.flat_map(|action| action["correctionForm"]["pages"].as_array().unwrap())
    {
        for field in page["fields"].as_array().unwrap() {
            *seen
                .entry(field["id"].as_str().unwrap().to_owned())
                .or_default() += 1;
        }
    }
    seen.into_iter().find(|(_, times)| *times > 1).unwrap().0
}

#[test]
fn a_removed_field_names_each_place_that_needs_it() {
    let country = Country::with(&[(
        "forms/birth.toml",
        "\n[[remove]]\nfield = 'child.placeOfBirth'\n",
    )]);
    let faults = country.faults();
    assert!(faults.len() > 3, "{faults:#?}");
    for fault in &faults {
        assert_eq!((fault.line, fault.column), (3, 9), "{fault}");
        assert!(
            fault
                .message
                .starts_with("`child.placeOfBirth` is removed, but "),
            "{fault}"
        );
    }
    // What other files read is reported there.
    let country = Country::with(&[(
        "forms/birth.toml",
        "[[remove]]\nfield = 'mother.occupation'\n",
    )]);
    country.write(
        "eligibility.toml",
        &fs::read_to_string(shipped("eligibility.toml"))
            .unwrap()
            .replace("known(child.dob)", "known(mother.occupation)"),
    );
    let found = country::load(&country.settings()).err().unwrap();
    assert!(
        found
            .iter()
            .any(|fault| fault.file.ends_with("eligibility.toml")
                && fault.message.contains("mother.occupation")),
        "{found:#?}"
    );
}

/// An overlay is judged by its own files; a fault elsewhere is told with the line that causes it.
#[rstest]
#[case::text_of_a_removed_page("forms/birth.toml", "[[remove]]\npage = 'introduction'\n", "")]
#[case::answer_in_the_sample(
    "forms/birth.toml",
    "[[remove]]\nfield = 'child.attendantAtBirth'\n",
    ""
)]
#[case::printed(
    "forms/birth.toml",
    "[[remove]]\nfield = 'mother.occupation'\n",
    "hint: `mother.occupation` is removed in "
)]
#[case::own_row(
    "forms/birth.csv",
    "id,description,en,fr\nevent.birth.nobody,x,A,B\n",
    "nothing uses the text `event.birth.nobody`"
)]
#[case::text_without_row(
    "forms/birth.toml",
    "[[change]]\nfield = 'child.dob'\nlabel = 'Born'\n",
    "/forms/birth.csv; without it, “Born” is shown"
)]
#[case::wrong_folder("form/birth.toml", "", "did you mean `forms/birth.toml`?")]
#[case::capital_folder("Forms/birth.toml", "", "did you mean `forms/birth.toml`?")]
#[case::empty("forms/birth.toml", "\n", "error: the file is empty")]
#[case::comments("forms/birth.toml", "# later\n", "the file has only comments")]
#[case::action_without_role(
    "forms/birth.toml",
    "[[add-action]]\nid = 'ATTEST'\nlabel = 'Attest'\nicon = 'Stamp'\ncopy = 'Done.'\n",
    "no role may use the action `ATTEST`"
)]
fn a_country_is_checked_as_a_whole(#[case] file: &str, #[case] text: &str, #[case] told: &str) {
    let country = Country::with(&[(file, text)]);
    let found = country::check(&country.settings());
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    let found = found.join("\n");
    if told.is_empty() {
        assert_eq!(found, "");
    } else {
        assert!(found.contains(told), "{found}");
    }
}

/// The last line of a strict check says that it has failed; an argument that is a setting gets its variable.
#[test]
fn the_command_line_says_what_to_do() {
    let country = Country::with(&[("form/birth.toml", "")]);
    let dirs = [("COUNTRY_DIR", country.dirs.as_str())];
    let check = countryconfig(&["check", "--strict"], &dirs);
    assert!(!check.status.success());
    let said = text(&check.stdout);
    assert!(
        said.contains("The strict check has failed: 1 warning."),
        "{said}"
    );
    let folder = country.folder.path().to_str().unwrap();
    for (argument, told) in [
        (["check", folder], format!("COUNTRY_DIR={folder}")),
        (["serve", "--port"], "COUNTRY_CONFIG_PORT=3040".to_owned()),
    ] {
        let run = countryconfig(&argument, &[]);
        assert_eq!(run.status.code(), Some(2));
        assert!(text(&run.stderr).contains(&told), "{}", text(&run.stderr));
    }
}

/// A file of the sample country.
fn shipped(file: &str) -> std::path::PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("country/data").join(file)
}

#[test]
fn other_bad_files_are_refused_with_a_place() {
    let deep = "[".repeat(5000);
    let cases: [(&str, &str, usize, &str); 6] = [
        (
            "forms/marrige.toml",
            "[[remove]]\npage = 'x'\n",
            1,
            "there is no event `marrige` to change",
        ),
        (
            "forms/club.json",
            "{\n  \"id\": \"club\",\n  \"label\": 1\n}",
            3,
            "`label` must be a text",
        ),
        (
            "forms/club.json",
            "{\n  \"id\": \"club\"\n  \"label\": 1\n}",
            3,
            "this is not JSON",
        ),
        (
            "forms/club.json",
            &deep,
            1,
            "this is not JSON: recursion limit exceeded",
        ),
        ("forms/birth.toml", &format!("a = {deep}"), 1, ""),
        (
            "forms/birth.toml",
            "id = 'births'\nlabel = 'B'\ntitle = 'B'\n",
            1,
            "the event is called `births`, and its file `birth`",
        ),
    ];
    for (file, text, line, message) in cases {
        let country = Country::with(&[(file, text)]);
        let faults = country.faults();
        let is_told = |fault: &Diagnostic| fault.line == line && fault.message.contains(message);
        assert!(faults.iter().any(is_told), "{file}: {faults:#?}");
    }
    let country = Country::with(&[("forms/club.json", &" ".repeat(50 * 1024 * 1024))]);
    let faults = country.faults();
    assert!(faults[0].message.contains("larger than"), "{faults:#?}");
}

/// A country's changes of every kind, in which mistakes are made.
const CHANGES: &str = r#"[[add]]
id = "child.nui"
type = "TEXT"
label = "NUI"
after = "child.weightAtBirth"
show-if = "child.placeOfBirth == 'HEALTH_FACILITY' && known(child.name)"
valid = [{ if = "matches(child.nui, '^[0-9]{10}$')", else = "Ten digits" }]
parent = "child.dob"

[[add]]
id = "child.card"
type = "SELECT"
label = "Card"
page = "child"
options = [{ value = "PAPER", label = "Paper" }, { value = "PLASTIC", label = "Plastic" }]
enable-if = "child.attendantAtBirth in ['NURSE', 'MIDWIFE']"

[[remove]]
field = "mother.occupation"

[[remove]]
page = "introduction"

[[remove]]
action = "ESCALATE"

[[remove]]
action = "PROVINCIAL_REGISTER_FEEDBACK"

[[change]]
field = "informant.email"
label = "E-mail, if any"
required = false

[[change]]
field = "child.attendantAtBirth"
options.remove = ["LAYPERSON"]
options.add = [{ value = "MATRON", label = "Matron", after = "NURSE" }]

[[change]]
form = "review"
field = "review.comment"
required = false

[[change]]
page = "documents"
title = "Papers"

[[change]]
action = "REJECT"
flags.add = [{ id = "attested", operation = "remove" }]

[[move]]
field = "child.gender"
after = "child.dob"

[[move]]
page = "father"
before = "mother"

[[add-page]]
id = "mentions"
after = "father"
title = "Mentions"
show-if = "days(child.dob, today) > 30"

[[add-action]]
id = "ATTEST"
label = "Attest"
show-if = "status == 'REGISTERED' && !flag('revoked')"
flags.add = [{ id = "attested", operation = "add" }]

[[add-action.field]]
id = "attest.reason"
type = "TEXTAREA"
label = "Reason"

[event]
flags.add = [{ id = "attested", label = "Attested" }]
summary = ["child.dob", "child.placeOfBirth"]
search.add = [{ section = "child", field = "child.nui", match = "exact" }]
date-of-event = "child.dob"
"#;

/// Words of [`CHANGES`] that name something: keys, fields, pages, types, options, flags, functions.
const NAMES: &str = r#"(?m)^(?:\[\[([a-z-]{4,})|([a-z][a-z-]{3,})(?:\.[a-z]+)? = )|(?:type|after|before|page|field|parent|action|form|match|operation|section) = "([A-Za-z.-]{3,})"|(?:remove = \[|summary = \[|, )"([A-Za-z._]{4,})"|(known|matches|days)\(|"(?:[^"]*[( ])?(child\.[A-Za-z]{4,})|'([A-Z_]{4,})'"#;

/// Of 300 seeded slips of the pen, at least 95 of 100 are found on their line.
#[test]
fn mistakes_in_changes_are_found_on_their_line() {
    let names = regex::Regex::new(NAMES).unwrap();
    let places: Vec<(usize, usize)> = names
        .captures_iter(CHANGES)
        .flat_map(|found| {
            found
                .iter()
                .skip(1)
                .flatten()
                .map(|part| (part.start(), part.end()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(places.len() > 60, "{}", places.len());
    let country = Country::with(&[("forms/birth.toml", CHANGES)]);
    assert_eq!(country.faults(), []);
    let mut seed = 1_u64;
    let mut below = |n: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((seed >> 33) % n as u64).unwrap()
    };
    let (mut tried, mut missed) = (0, Vec::new());
    while tried < 300 {
        let (start, end) = places[below(places.len())];
        let mut word: Vec<char> = CHANGES[start..end].chars().collect();
        let at = 1 + below(word.len() - 2);
        match below(3) {
            0 => drop(word.remove(at)),
            1 => word.insert(at, word[at]),
            _ => word.swap(at, at + 1),
        }
        let word: String = word.into_iter().collect();
        if word == CHANGES[start..end] {
            continue;
        }
        tried += 1;
        let mut text = CHANGES.to_owned();
        text.replace_range(start..end, &word);
        country.write("forms/birth.toml", &text);
        let line = CHANGES[..start].matches('\n').count() + 1;
        let faults = country.faults();
        // The sentence names what is wrong.
        let names_it =
            |fault: &&Diagnostic| fault.message.contains('`') || fault.message.contains('=');
        if !faults
            .iter()
            .filter(names_it)
            .any(|fault| fault.line == line)
        {
            missed.push(format!("{line}: {word}: {faults:?}"));
        }
    }
    println!("{} of {tried} are missed: {missed:#?}", missed.len());
    assert!(
        missed.len() * 20 <= tried,
        "{} of {tried}: {missed:#?}",
        missed.len()
    );
}

/// Written out and read back as an event of its own, an event is the same.
#[rstest]
#[case("birth")]
#[case("death")]
fn an_exported_event_is_the_same_event(#[case] id: &str) {
    let settings = Settings::load(None, std::iter::empty()).unwrap().country();
    let events = country::events(&settings).list;
    let exported = overlays::export::export(events.iter().find(|event| event.id() == id).unwrap());
    let in_words = exported.matches("\nshow-if = \"").count();
    assert!(in_words > 20, "only {in_words} conditions are in words");
    let country = Country::with(&[(&format!("forms/{id}.toml"), &exported)]);
    let mut faults = country.faults();
    faults.retain(|fault| fault.severity == Severity::Error);
    assert_eq!(faults, []);
    let mut found = Vec::new();
    difference(&built_in(id), &country.event(id), "", &mut found);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(
        country.event(id),
        built_in(id),
        "the ids of conditionals too"
    );
}

/// An event whose changes have an error is not exported as if it had none.
#[rstest]
fn an_event_with_an_error_is_not_exported(
    #[values(
        &["export", "events"],
        &["export", "fields", "--event", "birth"],
        &["export", "forms", "birth"],
    )]
    words: &[&str],
) {
    let overlay = "[[remove]]\nfield = \"child.nothing\"\n";
    let country = Country::with(&[("forms/birth.toml", overlay)]);
    let run = countryconfig(words, &[("COUNTRY_DIR", country.dirs.as_str())]);
    assert!(!run.status.success());
    assert_eq!(text(&run.stdout), "");
    let told = text(&run.stderr);
    assert!(
        told.contains("forms/birth.toml:2:9: error: there is no field `child.nothing`"),
        "{told}"
    );
}

/// An event as JSON is served node by node as it is written, with the addresses of this installation.
#[test]
fn a_whole_event_is_served_as_it_is_written() {
    let mut club = built_in("death");
    club["id"] = json!("club");
    club["later"] = json!({ "than": "2.0", "at": "{{client-app-url}}/x" });
    let text = own_texts(club).to_string();
    let country = Country::with(&[("forms/club.json", &text)]);
    assert_eq!(country.faults(), []);
    let served = country.event("club");
    assert_eq!(
        served["later"],
        json!({ "than": "2.0", "at": "http://localhost:3000/x" })
    );
    assert_eq!(country.events().as_array().unwrap().len(), 3);
}

/// Texts with ids of their own.
fn own_texts(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let is_text = members.contains_key("defaultMessage");
            let own = members.into_iter().map(|(key, value)| match value {
                Value::String(id) if is_text && key == "id" => (key, json!(format!("club.{id}"))),
                value => (key, own_texts(value)),
            });
            Value::Object(own.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(own_texts).collect()),
        other => other,
    }
}

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name);
    format!("built-in:{}", folder.display())
}

/// An event of a country's own works end to end: served, decided by its rule, registered with one number.
#[tokio::test]
async fn a_marriage_is_registered_like_a_birth() {
    let country = example("marriage");
    let own = [("COUNTRY_DIR", country.as_str())];
    let app = TestApp::with(surroundings().await, tempfile::tempdir().unwrap(), &own).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let events = body(app.get("/config/events").await).await;
    let marriage = event(&events, "marriage");
    let pages = marriage["declaration"]["pages"].as_array().unwrap();
    assert_eq!(pages.len(), 5);
    let action = |kind: &str, status: &str, declaration: Value| {
        json!({
            "id": fresh_id(), "transactionId": "t", "type": kind, "status": status, "createdBy": "u",
            "createdAt": "2026-06-01T10:00:00.000Z", "declaration": declaration,
        })
    };
    let declared = json!({
        "marriage.date": "2026-05-20", "marriage.type": "CIVIL",
        "groom.name": { "firstname": "Osvaldo", "surname": "Tamarind" },
        "bride.name": { "firstname": "Celestine", "surname": "Tamarind" },
        "bride.idType": "NATIONAL_ID", "bride.nid": "1234567890",
    });
    let record = json!({
        "id": fresh_id(), "type": "marriage", "trackingId": "MARR1A",
        "actions": [action("DECLARE", "Accepted", declared), action("REGISTER", "Requested", json!({}))],
    });
    let first = app.hook(&record).await;
    assert_eq!(first.status(), 200);
    let first = body(first).await;
    assert!(first["registrationNumber"].is_string(), "{first}");
    assert_eq!(body(app.hook(&record).await).await, first);
}

/// What a running server serves is brought into a folder and served from there, node by node the same.
#[tokio::test]
async fn a_running_country_is_imported() {
    let country = example("marriage");
    let own = [("COUNTRY_DIR", country.as_str())];
    let app = TestApp::with(surroundings().await, tempfile::tempdir().unwrap(), &own).await;
    let events = body(app.get("/config/events").await).await;
    let folder = tempfile::tempdir().unwrap();
    for (into, options) in [("some", &[][..]), ("all", &["--whole"][..])] {
        let into = folder.path().join(into);
        let (url, path) = (app.url.clone(), into.display().to_string());
        let mut words = vec!["import".to_owned(), url, "--into".to_owned(), path];
        words.extend(options.iter().map(|option| (*option).to_owned()));
        let import = move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            countryconfig(&words, &[])
        };
        let run = tokio::task::spawn_blocking(import).await.unwrap();
        assert!(run.status.success(), "{}", text(&run.stderr));
        let written = options.len() == 1;
        assert_eq!(into.join("forms/birth.json").exists(), written);
        assert!(into.join("forms/marriage.json").exists());
        assert!(
            fs::read_to_string(into.join("IMPORT.md"))
                .unwrap()
                .contains("`marriage` is in")
        );
        let imported = Country {
            dirs: format!("built-in:{}", into.display()),
            folder: tempfile::tempdir().unwrap(),
        };
        assert_eq!(imported.faults(), []);
        for id in ["birth", "death", "marriage"] {
            let mut found = Vec::new();
            difference(&event(&events, id), &imported.event(id), "", &mut found);
            assert_eq!(found, Vec::<String>::new(), "{id}");
        }
    }
}

/// Addresses of the installation get names, longer ones stay, and one bad event leaves nothing behind.
#[test]
fn a_folder_of_answers_is_imported_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::create_dir(&config).unwrap();
    let into = folder.path().join("into");
    let import = |events: &Value| {
        fs::write(config.join("events.json"), events.to_string()).unwrap();
        let source = folder.path().to_str().unwrap();
        countryconfig(&["import", source, "--into", into.to_str().unwrap()], &[])
    };
    let mut club = built_in("death");
    club["id"] = json!("club");
    club["own"] = json!([
        "http://localhost:3040/icd10",
        "http://localhost:30401/icd10"
    ]);
    let mut nameless = club.clone();
    nameless["id"] = json!("../club");
    let run = import(&json!([club, nameless]));
    let said = text(&run.stderr);
    assert!(
        !run.status.success() && said.contains("`../club`"),
        "{said}"
    );
    assert!(!into.exists(), "something was written");
    let run = import(&json!([club]));
    assert!(run.status.success(), "{}", text(&run.stderr));
    let written = fs::read_to_string(into.join("forms/club.json")).unwrap();
    let written: Value = serde_json::from_str(&written).unwrap();
    let expected = json!([
        "{{country-config-url}}/icd10",
        "http://localhost:30401/icd10"
    ]);
    assert_eq!(written["own"], expected);
}

/// A running server takes changed forms whole, or keeps those that it has and says why.
#[tokio::test]
async fn changed_forms_are_taken_whole_or_not_at_all() {
    let add = |name: &str, after: &str| {
        format!("[[add]]\nafter = '{after}'\nid = 'child.{name}'\ntype = 'TEXT'\nlabel = 'X'\n\n")
    };
    let first = add("first", "child.dob");
    let country = Country::with(&[("forms/birth.toml", &first)]);
    let own = [("COUNTRY_DIR", country.dirs.as_str())];
    let app = TestApp::with(surroundings().await, tempfile::tempdir().unwrap(), &own).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let until = async |wanted: &str, field: &str, other: &str| {
        let begun = Instant::now();
        loop {
            let said = body(app.get("/readyz").await).await["country"].to_string();
            let served = app.get("/config/events").await.text().await.unwrap();
            if said.contains(wanted) && served.contains(field) && !served.contains(other) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < Duration::from_mins(2), "{said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until("ok", "child.first", "child.second").await;
    // One of two changes does not hit: neither is made.
    let half = add("second", "child.dob") + &add("third", "child.dbo");
    country.write("forms/birth.toml", &half);
    until("forms/birth.toml:8", "child.first", "child.second").await;
    country.write("forms/birth.toml", &add("second", "child.dob"));
    let took = until("ok", "child.second", "child.first").await;
    println!("taken after {took:?}");
    // An event of its own comes and goes.
    let club = own_texts(built_in("death")).to_string();
    let club = club.replacen("\"id\":\"death\"", "\"id\":\"club\"", 1);
    country.write("forms/club.json", &club);
    until("ok", "\"id\":\"club\"", "child.first").await;
    fs::remove_file(country.folder.path().join("forms/club.json")).unwrap();
    until("ok", "child.second", "\"id\":\"club\"").await;
}

#[test]
fn a_country_with_its_own_event_is_in_order() {
    let folder = example("marriage");
    let country = [("COUNTRY_DIR", folder.as_str())];
    for command in [&["check", "--strict"][..], &["rules", "test"]] {
        let run = countryconfig(command, &country);
        let said = text(&run.stdout);
        assert!(run.status.success() && said.lines().count() == 1, "{said}");
    }
    let preview = countryconfig(
        &["certificates", "preview", "v2.marriage-certificate"],
        &country,
    );
    let said = text(&preview.stdout);
    assert!(
        said.contains("Celestine Okello"),
        "{said}{}",
        text(&preview.stderr)
    );
    let missing = countryconfig(&["texts", "--missing", "pt"], &country);
    let said = text(&missing.stdout);
    assert!(
        said.starts_with("id,description,en,fr,pt\n")
            && said.contains("event.marriage.field.bride.name.label"),
        "{said}"
    );
    let missing = countryconfig(&["texts", "--missing", "fr"], &country);
    assert_eq!(
        text(&missing.stdout).lines().count(),
        1,
        "{}",
        text(&missing.stdout)
    );
}

/// What `new` writes is in order at once, and `init --minimal` is a country.
#[test]
fn beginnings_are_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let init = countryconfig(&["init", "--minimal", own.to_str().unwrap()], &[]);
    assert!(init.status.success(), "{}", text(&init.stderr));
    assert!(own.join("application.toml").exists() && !own.join("roles.toml").exists());
    let dirs = format!("built-in:{}", own.display());
    let country = [("COUNTRY_DIR", dirs.as_str())];
    for words in [
        &["new", "field", "child.vaccinationCard"][..],
        &["new", "field", "child.second"],
        &["new", "event", "adoption"],
        &["new", "rule", "later"],
    ] {
        let run = countryconfig(words, &country);
        assert!(run.status.success(), "{}", text(&run.stderr));
        let check = countryconfig(&["check"], &country);
        assert!(check.status.success(), "{words:?}: {}", text(&check.stdout));
    }
    for (words, told) in [
        (
            &["new", "event", "birth"][..],
            "there is an event `birth` already",
        ),
        (&["new", "event", "Marriage"], "small letters"),
        (
            &["new", "field", "child.card", "--event", "brith"],
            "did you mean `birth`?",
        ),
        (&["new", "field", "childd.card"], "did you mean `child`?"),
        (
            &["new", "field", "child.dob"],
            "there is a field `child.dob` already",
        ),
    ] {
        let run = countryconfig(words, &country);
        let said = text(&run.stderr);
        assert!(
            !run.status.success() && said.contains(told),
            "{words:?}: {said}"
        );
    }
    let events = country::events(&Country { folder, dirs }.settings()).list;
    let fields: Vec<_> = events
        .iter()
        .flat_map(opencrvs_toolkit::event::Event::field_ids)
        .map(|(id, _)| id)
        .collect();
    assert!(fields.contains(&"child.vaccinationCard") && fields.contains(&"adoption.date"));
}

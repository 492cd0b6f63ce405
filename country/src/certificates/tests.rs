// SPDX-License-Identifier: MPL-2.0
mod branches;

use super::readable::Readable;
use super::template::{Parts, Source, Template};
use super::{Certificate, Certificates, ClientSettings, Messages, Record, check, drawing, preview};
use crate::Files;
use branches::{Branch, births, deaths};
use roxmltree::Node;
use rstest::rstest;
use rules::diagnostic::Diagnostic;
use serde_json::json;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

const LEVELS: [&str; 3] = ["province", "district", "village"];

static EVENTS: LazyLock<Vec<Arc<Readable>>> = LazyLock::new(|| {
    let events = forms::events(&forms::Environment::sample());
    let of = |event| Arc::new(Readable::of(event, &LEVELS));
    events.iter().map(of).collect()
});

/// The sample country.
fn files() -> Files {
    Files::of(None)
}

fn read(files: &Files) -> (Certificates, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let certificates = Certificates::read(files, &EVENTS, &mut Vec::new(), &mut found);
    (certificates, found)
}

fn shipped() -> Certificates {
    let (certificates, found) = read(&files());
    assert_eq!(found, []);
    certificates
}

fn shipped_one(id: &str) -> Certificate {
    let mut list = shipped().list.into_iter();
    list.find(|certificate| certificate.id == id).unwrap()
}

/// The faults found in the sample country with one thing changed in one of its files.
fn faults_of(file: &str, right: &str, wrong: &str) -> String {
    let text = files().text(file).unwrap();
    assert!(text.contains(right), "`{right}` is not in {file}");
    told_with(file, &text.replacen(right, wrong, 1))
}

/// The faults found in the sample country with another file in place of one of its own.
fn told_with(file: &str, text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join(file);
    std::fs::create_dir_all(changed.parent().unwrap()).unwrap();
    std::fs::write(changed, text).unwrap();
    let folder = folder.path().display().to_string();
    let (_, found) = read(&Files::of(Some(&format!("built-in:{folder}"))));
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    said.join("\n").replace(&format!("{folder}/"), "")
}

#[test]
fn core_is_told_what_can_be_printed() {
    insta::assert_json_snapshot!(shipped().json());
}

#[rstest]
#[case::id_twice(
    "v2.birth-certified-certificate",
    "v2.birth-certificate",
    "28:6: error: the id `v2.birth-certificate` is there twice"
)]
#[case::unknown_key("default = true", "defualt = true", "did you mean `default`?")]
#[case::unknown_event(
    "\"birth\"",
    "\"brith\"",
    "19:9: error: certificate `v2.birth-certificate`: there is no event `brith`\n  hint: did you mean `birth`?"
)]
#[case::unknown_svg(
    "\"death-certificate.svg\"",
    "\"deth-certificate.svg\"",
    "there is no file certificates/deth-certificate.svg\n  hint: did you mean `death-certificate.svg`?"
)]
#[case::svg_elsewhere(
    "\"birth-certificate.svg\"",
    "\"../../secret.svg\"",
    "`../../secret.svg` cannot be a file name in a URL"
)]
#[case::unknown_face(
    "bold = \"NotoSans-Bold.ttf\"",
    "bold = \"NotoSans-Blod.ttf\"",
    "there is no file fonts/NotoSans-Blod.ttf\n  hint: did you mean `NotoSans-Bold.ttf`?"
)]
#[case::unknown_family(
    "[\"Noto Sans\"]",
    "[\"Noto Sens\"]",
    "there is no [[font]] `Noto Sens`\n  hint: did you mean `Noto Sans`?"
)]
#[case::negative_fee("on-time = 7", "on-time = -7", "`on-time` must be 0 or more")]
#[case::no_fee("late = 10.6, ", "", "`late` is missing")]
#[case::two_defaults(
    "svg = \"birth-certified-copy.svg\"",
    "svg = \"birth-certified-copy.svg\"\ndefault = true",
    "of `birth`, `v2.birth-certificate` is the default already"
)]
#[case::printed_before(
    "printed = \"v2.birth-certificate\"",
    "printed = \"v2.birth-cretificate\"",
    "there is no certificate `v2.birth-cretificate` of `birth`\n  hint: did you mean `v2.birth-certificate`?"
)]
#[case::show_when(
    "show-when = \"not-printed\"",
    "show-when = \"never\"",
    "this is not a `show-when`"
)]
#[case::no_toml("[[certificate]]", "[[certificate]", "certificates.toml:17:14")]
fn a_mistake_in_the_file_is_told(#[case] right: &str, #[case] wrong: &str, #[case] told: &str) {
    let said = faults_of("certificates.toml", right, wrong);
    assert!(said.contains(told), "{said}");
}

const BIRTH: &str = "certificates/birth-certificate.svg";

#[rstest]
#[case::field(
    BIRTH,
    "\"child.dob\"",
    "\"child.dbo\"",
    "birth-certificate.svg:11:87: error: there is no `child.dbo` in the declaration of a `birth`\n  hint: did you mean `child.dob`?"
)]
#[case::part_of_a_name(
    BIRTH,
    "$declaration \"child.name\"",
    "$declaration \"child.name.lastname\"",
    "there is no `child.name.lastname`"
)]
#[case::field_of_another_event(
    "certificates/death-certificate.svg",
    "\"deceased.gender\"",
    "\"child.gender\"",
    "there is no field `child.gender` in a `death`\n  hint: did you mean `deceased.gender`?"
)]
#[case::metadata(
    "certificates/parts/issue.svg",
    "\"modifiedAt\"",
    "\"modifedAt\"",
    "there is no `modifedAt` in `$metadata`\n  hint: did you mean `modifiedAt`?"
)]
#[case::annotation(
    "certificates/parts/credential.svg",
    "annotation.verifiable-credential",
    "annotation.verifiable-credentials",
    "in the action `PRINT_CERTIFICATE`\n  hint: did you mean `annotation.verifiable-credential`?"
)]
#[case::action(
    "certificates/parts/issue.svg",
    "\"PRINT_CERTIFICATE\"",
    "\"PRINT_CERTIFICAT\"",
    "a `birth` has no action `PRINT_CERTIFICAT`\n  hint: did you mean `PRINT_CERTIFICATE`?"
)]
#[case::helper(
    BIRTH,
    "($lookup $declaration \"child.gender\")",
    "($lokup $declaration \"child.gender\")",
    "`$lokup` is not a helper of core's client\n  hint: did you mean `$lookup`?"
)]
#[case::helper_that_begins_another(
    "certificates/death-certificate.svg",
    "born y=\"384\" dob=($lookup",
    "born y=\"384\" dob=($looku",
    "death-certificate.svg:11:23: error: `$looku` is not a helper"
)]
#[case::variable(
    BIRTH,
    "$declaration \"child.gender\"",
    "$declarations \"child.gender\"",
    "core's client offers nothing called `$declarations`\n  hint: did you mean `$declaration`?"
)]
#[case::left_over(
    BIRTH,
    "</svg>",
    "{{qrCode}}</svg>",
    "core's client offers nothing called `qrCode`"
)]
#[case::operator(
    "certificates/parts/sex.svg",
    "\"===\"",
    "\"==\"",
    "parts/sex.svg:3:1: error: `ifCond` takes a value, one of"
)]
#[case::or_of_three(
    "certificates/parts/line.svg",
    "$or text \"—\"",
    "$or text text \"—\"",
    "`$or` takes two values"
)]
#[case::part(BIRTH, "{{> number}}", "{{> nubmer}}", "there is no part `nubmer`")]
#[case::handlebars(
    "certificates/birth-certified-copy.svg",
    "{{/ifCond}}",
    "{{/unless}}",
    "birth-certified-copy.svg:12:1: error: this is not Handlebars: `{{#ifCond}}` is not closed\n  hint: write `{{/ifCond}}` where it ends"
)]
#[case::xml(
    BIRTH,
    "</g>",
    "</group>",
    "birth-certificate.svg:20:1: error: this is not well-formed XML: expected 'g' tag, not 'group'"
)]
#[case::xml_of_a_part("certificates/parts/row.svg", "</g>", "", "parts/row.svg:")]
#[case::xml_in_a_branch(
    "certificates/parts/review.svg",
    "\n</g>",
    "",
    "this is not well-formed XML"
)]
#[case::font(
    BIRTH,
    "\"Noto Sans\"",
    "\"Noto Serif\"",
    "birth-certificate.svg:2:88: error: the certificate has no font `Noto Serif`\n  hint: did you mean `Noto Sans`?"
)]
#[case::unguarded_action(
    "certificates/parts/signature.svg",
    "{{#if ($action \"REGISTER\")}}",
    "{{#if true}}",
    "cannot be filled in with an empty record"
)]
#[case::label_for_a_code_in_a_part(
    "certificates/death-certified-copy.svg",
    "of=(lookup $declaration \"eventDetails.mannerOfDeath\")",
    "of=($lookup $declaration \"eventDetails.mannerOfDeath\")",
    "death-certified-copy.svg:20:29: error: `$lookup` of `eventDetails.mannerOfDeath` gives the label of the choice, which is never \"MANNER_NATURAL\"\n  hint: `(lookup $declaration \"eventDetails.mannerOfDeath\")` gives the code"
)]
#[case::label_for_a_code(
    "certificates/parts/father-details.svg",
    "(lookup $declaration \"father.addressSameAs\")",
    "($lookup $declaration \"father.addressSameAs\")",
    "parts/father-details.svg:9:34: error: `$lookup` of `father.addressSameAs` gives the label"
)]
#[case::label_for_a_code_by_way_of_or(
    BIRTH,
    "of=(lookup $declaration \"child.gender\")",
    "of=($or ($lookup $declaration \"child.gender\") \"male\")",
    "`$lookup` of `child.gender` gives the label of the choice, which is never"
)]
#[case::label_for_a_message(
    BIRTH,
    "{{> number}}",
    "{{> number}}<text>{{$intl \"sex\" ($lookup $declaration \"child.gender\")}}</text>",
    "`$lookup` of `child.gender` gives the label of the choice, and `$intl` needs a code"
)]
#[case::name_for_a_country(
    BIRTH,
    "{{> number}}",
    "{{#ifCond ($lookup $declaration \"mother.address.country\") \"===\" \"FAR\"}}{{> number}}{{/ifCond}}",
    "gives the name of the country, which is never \"FAR\"\n  hint: `(lookup (lookup $declaration \"mother.address\") \"country\")` gives the code"
)]
#[case::text_for_a_tick(
    BIRTH,
    "{{> number}}",
    "{{#ifCond ($lookup $declaration \"mother.dobUnknown\") \"===\" true}}{{> number}}{{/ifCond}}",
    "`$lookup` of `mother.dobUnknown` gives a text, which is never true"
)]
#[case::label_in_an_annotation(
    BIRTH,
    "{{> number}}",
    "{{#if ($action \"PRINT_CERTIFICATE\")}}{{#ifCond ($lookup ($action \"PRINT_CERTIFICATE\") \"annotation.collector.requesterId\") \"===\" \"PRINT_IN_ADVANCE\"}}{{> number}}{{/ifCond}}{{/if}}",
    "hint: `(lookup (lookup ($action \"PRINT_CERTIFICATE\") \"annotation\") \"collector.requesterId\")` gives the code"
)]
#[case::code_that_is_none(
    "certificates/parts/place-of-birth.svg",
    "\"PRIVATE_HOME\"",
    "\"PRIVAT_HOME\"",
    "parts/place-of-birth.svg:3:61: error: `child.placeOfBirth` is never `PRIVAT_HOME`\n  hint: did you mean `PRIVATE_HOME`?"
)]
#[case::field_of_lookup(
    BIRTH,
    "(lookup $declaration \"child.gender\")",
    "(lookup $declaration \"child.gendre\")",
    "there is no field `child.gendre` in a `birth`\n  hint: did you mean `child.gender`?"
)]
#[case::part_of_a_field(
    BIRTH,
    "(lookup $declaration \"child.gender\")",
    "(lookup $declaration \"child.name.surname\")",
    "hint: `(lookup (lookup $declaration \"child.name\") \"surname\")`"
)]
#[case::label_in_the_sample(
    "certificates/samples/death.json",
    "\"MANNER_NATURAL\"",
    "\"Natural causes\"",
    "samples/death.json:24:5: error: `eventDetails.mannerOfDeath`: core holds one of the codes MANNER_NATURAL"
)]
#[case::day_in_words_in_the_sample(
    "certificates/samples/birth.json",
    "\"child.dob\": \"2026-03-14\"",
    "\"child.dob\": \"14 March 2026\"",
    "`child.dob`: core holds a day like `2026-03-14` in a field of the type DATE"
)]
#[case::field_of_no_form_in_the_sample(
    "certificates/samples/birth.json",
    "\"child.dob\"",
    "\"child.born\"",
    "`child.born`: there is no such field in a `birth`"
)]
#[case::sample(
    "certificates/samples/birth.json",
    "\"declaration\"",
    "\"declarations\"",
    "samples/birth.json:2:"
)]
fn a_mistake_in_a_template_is_told(
    #[case] file: &str,
    #[case] right: &str,
    #[case] wrong: &str,
    #[case] told: &str,
) {
    let said = faults_of(file, right, wrong);
    assert!(said.contains(told), "{said}");
}

#[test]
fn helpers_of_the_country_are_known() {
    let source = || Source::new("t.svg".into(), "<svg>{{shout \"a\"}}</svg>".into());
    let template = |helpers: &[String]| Template::new(source(), &Parts::new(), helpers);
    let birth = &EVENTS[0];
    assert_eq!(
        check::problems(&template(&["shout".into()]), birth, &[]),
        []
    );
    assert_eq!(check::problems(&template(&[]), birth, &[]).len(), 1);
}

/// The values that core's client passes on, by type: codes in the record, words in `$lookup`.
#[rstest]
#[case(
    "{{$lookup $declaration \"child.name.fullname\"}}",
    "Ann &lt;Lee&gt; Row"
)]
#[case("{{$lookup $declaration \"child.name.middlename\"}}", "")]
#[case("{{$lookup $declaration \"child.name.fullname.length\"}}", "")]
#[case(
    "{{$lookup $declaration \"mother.name\"}}",
    "{&quot;fullname&quot;:&quot;Bo&quot;,&quot;firstname&quot;:&quot;Bo&quot;}"
)]
#[case("{{lookup $declaration \"mother.name\"}}", "[object Object]")]
#[case("{{$lookup $declaration \"child.gender\"}}", "Male")]
#[case("{{lookup $declaration \"child.gender\"}}", "male")]
#[case("{{$lookup $declaration \"child.placeOfBirth\"}}", "SHIP")]
#[case(
    "{{#ifCond ($lookup $declaration \"child.gender\") \"===\" \"male\"}}y{{else}}n{{/ifCond}}",
    "n"
)]
#[case(
    "{{#ifCond (lookup $declaration \"child.gender\") \"===\" \"male\"}}y{{else}}n{{/ifCond}}",
    "y"
)]
#[case("{{$lookup $declaration \"child.dob\"}}", "4/3/26")]
#[case("{{lookup $declaration \"child.dob\"}}", "2026-03-04")]
#[case("{{$lookup $metadata \"createdAt\"}}", "5/3/26")]
#[case("{{$lookup $declaration \"mother.nationality\"}}", "Pays France")]
#[case("{{$lookup $declaration \"father.nationality\"}}", "")]
#[case("{{$lookup $declaration \"mother.age\"}}", "27")]
#[case("{{$lookup $declaration \"mother.age.age\"}}", "")]
#[case("{{$lookup $declaration \"mother.previousBirths\"}}", "")]
#[case("{{lookup $declaration \"mother.previousBirths\"}}", "0")]
#[case("{{$lookup $declaration \"child.weightAtBirth\"}}", "3.2")]
#[case("{{$lookup $declaration \"mother.dobUnknown\"}}", "true")]
#[case("{{$lookup $declaration \"father.dobUnknown\"}}", "")]
#[case("{{$lookup $declaration \"father.dob\"}}", "")]
#[case(
    "{{#with ($lookup $declaration \"child.birthLocation\")}}{{name}}|{{village}}|{{district}}|{{province}}|{{country}}{{/with}}",
    "Clinic||D|P|Farajaland"
)]
#[case("{{$lookup $declaration \"child.birthLocation.other.province\"}}", "P")]
#[case(
    "{{$lookup $declaration \"mother.address.administrativeHierarchy\"}}",
    "D, P, Pays France"
)]
#[case(
    "{{$lookup $declaration \"father.address.administrativeHierarchy\"}}",
    "Pays France"
)]
#[case(
    "{{$lookup $declaration \"father.address.streetLevelDetails.state\"}}",
    "Alsace"
)]
#[case(
    "{{$lookup (lookup $declaration \"mother.address\") \"country\"}}",
    "FRA"
)]
#[case("{{$lookup ($action \"REGISTER\") \"createdAt\"}}", "7/3/26")]
#[case(
    "{{$lookup ($action \"REGISTER\") \"createdBySignature\"}}",
    "/u/sign.png"
)]
#[case("{{$lookup ($actions \"REGISTER\") \"length\"}}", "2")]
#[case("{{$lookup $metadata \"assignedTo.name\"}}", "Eve Moss")]
#[case(
    "{{$lookup $metadata \"legalStatuses.REGISTERED.createdBy.name\"}}",
    ""
)]
#[case(
    "{{lookup ($lookup $declaration \"child.name.fullname\") \"length\"}}",
    "13"
)]
#[case("{{lookup nothing \"length\"}}", "")]
#[case("{{$join \", \" \"a\" \"\" nothing \"b\"}}", "a, b")]
#[case("{{$or nothing \"—\"}}{{$or \"\" \"—\"}}{{$or \"a\" \"—\"}}", "——a")]
#[case("{{$intl \"sex\" \"male\"}}{{$intl \"sex\" nothing}}", "Masculin")]
#[case("{{$intl \"sex\" \"other\"}}", "Missing translation for sex.other")]
#[case(
    "{{$intlWithParams \"copy\" \"n\" ($lookup $metadata \"copiesPrintedForTemplate\")}}",
    "Copy #2"
)]
#[case(
    "{{#ifCond ($lookup $metadata \"copiesPrintedForTemplate\") \">\" \"1\"}}y{{else}}n{{/ifCond}}",
    "y"
)]
#[case("{{#ifCond \"10\" \">\" \"9\"}}y{{else}}n{{/ifCond}}", "n")]
#[case("{{#ifCond nothing \">\" 1}}y{{else}}n{{/ifCond}}", "n")]
#[case(
    "{{#ifCond ($lookup $declaration \"child.nid\") \"!==\" undefined}}y{{else}}n{{/ifCond}}",
    "n"
)]
#[case(
    "{{#ifCond 2 \"===\" \"2\"}}y{{else ifCond \"a\" \"!==\" \"b\"}}z{{/ifCond}}",
    "z"
)]
#[case("{{#ifCond $review \"||\" \"\"}}y{{else}}n{{/ifCond}}", "n")]
#[case("{{$json ($lookup $metadata \"copiesPrintedForTemplate\")}}", "2")]
fn helpers_answer_as_in_the_client(#[case] text: &str, #[case] expected: &str) {
    let [area, district, clinic, eve] =
        [1, 2, 3, 4].map(|n| format!("00000000-0000-4000-8000-00000000000{n}"));
    let action = |day: &str| json!({ "type": "REGISTER", "createdAt": format!("{day}T00:30:00.000Z"), "createdBySignature": "u/sign.png" });
    let record: Record = serde_json::from_value(json!({
        "declaration": {
            "child.name": { "firstname": "Ann", "middlename": "", "surname": "<Lee> Row" },
            "mother.name": { "firstname": "Bo" },
            "child.gender": "male",
            "child.placeOfBirth": "SHIP",
            "child.dob": "2026-03-04",
            "child.weightAtBirth": 3.2,
            "child.birthLocation": clinic,
            "child.birthLocation.other": { "country": "FAR", "addressType": "DOMESTIC", "administrativeArea": area },
            "mother.nationality": "FRA",
            "father.nationality": "XXX",
            "mother.age": { "age": 27, "asOfDateRef": "child.dob" },
            "mother.previousBirths": 0,
            "mother.dobUnknown": true,
            "father.dobUnknown": false,
            "mother.address": { "country": "FRA", "addressType": "DOMESTIC", "administrativeArea": district },
            "father.address": {
                "country": "FRA",
                "addressType": "INTERNATIONAL",
                "streetLevelDetails": { "state": "Alsace" },
            },
        },
        "metadata": {
            "copiesPrintedForTemplate": 2,
            "createdAt": "2026-03-04T22:30:00.000Z",
            "assignedTo": eve,
        },
        "actions": [action("2026-03-05"), action("2026-03-07")],
        "locations": { &clinic: { "name": "Clinic", "administrativeAreaId": district } },
        "administrativeAreas": {
            &area: { "name": "P", "parentId": null },
            &district: { "name": "D", "parentId": area },
        },
        "users": [{ "id": eve, "name": { "firstname": "Eve", "surname": "Moss" } }],
    }))
    .unwrap();
    let messages = [
        ("sex.male", "Masculin"),
        ("copy", "Copy #{n}"),
        ("countries.FRA", "Pays France"),
        ("configuration.dateFormat", "d/M/yy"),
    ];
    let messages: Messages = messages.map(|(id, text)| (id.into(), text.into())).into();
    let settings = ClientSettings {
        messages,
        time_zone: jiff::tz::TimeZone::fixed(jiff::tz::offset(2)),
        ..ClientSettings::default()
    };
    let source = Source::new("t".into(), text.into());
    let template = Template::new(source, &Parts::new(), &[]);
    let filled_in = preview::render(&template, &EVENTS[0], &record, &settings);
    assert_eq!(filled_in.unwrap(), expected);
}

/// Drawings as drawing programs save them, and what is wrong with them; nothing where they print.
#[rstest]
#[case::undefined(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\">{{#ifCond ($lookup $declaration \"child.nid\") '!==' undefined}}<g/>{{/ifCond}}{{#ifCond null '===' undefined}}<g/>{{/ifCond}}</svg>",
    &[]
)]
#[case::font_list(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><text font-family=\"Noto Sans, sans-serif\">A</text></svg>",
    &[]
)]
#[case::font_list_of_others(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><text font-family=\"Arial, sans-serif\">A</text></svg>",
    &["birth-certificate.svg:1:72: warning: the certificate has no font `Arial, sans-serif`\n  hint: it is printed in Noto Sans"]
)]
#[case::inkscape(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\">\n<text>{{$lookup $declaration &quot;child.dob&quot;}}</text>\n</svg>",
    &["birth-certificate.svg:3:30: error: an expression holds `&quot;`, as a drawing program writes it: core's client does not read it\n  hint: write '…' around texts and a plain `>`, in a text editor"]
)]
#[case::escaped_call(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><g>{{&gt; frame}}</g></svg>",
    &["birth-certificate.svg:1:71: error: an expression holds `&gt;`"]
)]
#[case::figma(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><text xml:space=\"preserve\" style=\"white-space: pre\" font-family=\"Noto Sans\">{{$lookup $declaration &#34;child.dob&#34;}}</text></svg>",
    &["error: an expression holds `&#34;`"]
)]
#[case::entities(
    "<?xml version=\"1.0\"?>\n<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\" [\n<!ENTITY ns_svg \"http://www.w3.org/2000/svg\">\n]>\n<svg xmlns=\"&ns_svg;\"><text>{{$lookup $declar</text><text>ation \"child.dob\"}}</text></svg>",
    &["birth-certificate.svg:3:1: error: core's PDF maker cannot read a drawing that defines entities"]
)]
#[case::picture_of_a_disk(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\"><image xlink:href=\"file:///home/x/logo.png\"/><image href=\"logo.png\"/></svg>",
    &["error: core's client does not fetch `file:///home/x/logo.png`, and prints without it", "error: core's client does not fetch `logo.png`"]
)]
#[case::picture_of_another_host(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><image href=\"https://example.com/logo.png\"/><image href=\"/api/countryconfig/static/logo.png\"/></svg>",
    &["warning: `https://example.com/logo.png` is printed only where that host is reachable"]
)]
#[case::millimetres(
    "<svg width=\"210mm\" height=\"297mm\" viewBox=\"0 0 210 297\" xmlns=\"http://www.w3.org/2000/svg\"/>",
    &["error: core reads the width of a page as a whole number of points: `210mm` is 210 points\n  hint: an A4 page is 595 by 842", "error: core reads the height"]
)]
#[case::font_in_a_style_sheet(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><style>.a{font-family:\"Myriad Pro\"} g text{fill:red}</style><text class=\"a\">x</text></svg>",
    &["error: the certificate has no font `Myriad Pro`", "warning: core's PDF maker does not read the rule `g text`"]
)]
#[case::font_shorthand(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><text style=\"font:bold 12px Verdana\">x</text><text style=\"font:700 12px/1.2 'Noto Sans'\">x</text></svg>",
    &["error: the certificate has no font `Verdana`"]
)]
#[case::script(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script><a href=\"javascript:alert(1)\"/></svg>",
    &["error: core's client prints no scripts", "error: core's client prints no scripts"]
)]
#[case::event_attribute(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><rect onload=\"alert(1)\"/></svg>",
    &["birth-certificate.svg:1:72: error: `onload` is a script, and core's client prints none"]
)]
#[case::reference_to_nothing(
    "<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><g id=\"there\"/><use href=\"#nothing\"/><rect fill=\"url(#nope)\"/><use href=\"#there\"/></svg>",
    &["error: there is no element with the id `nothing`", "error: there is no element with the id `nope`"]
)]
#[case::doctype(
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">\n<svg width=\"595\" height=\"842\" xmlns=\"http://www.w3.org/2000/svg\"><text>{{$lookup $declaration \"child.dob\"}}</text></svg>",
    &[]
)]
fn drawings_of_drawing_programs(#[case] svg: &str, #[case] expected: &[&str]) {
    let told = told_with(BIRTH, svg);
    let count = told.matches("birth-certificate.svg:").count();
    assert_eq!(count, expected.len(), "{told}");
    for expected in expected {
        assert!(told.contains(expected), "{told}");
    }
}

/// The client gets one text; what it makes of that is what the preview shows.
#[rstest]
fn a_template_in_one_piece_fills_in_the_same(
    #[values(
        "v2.birth-certificate",
        "v2.birth-certified-certificate",
        "v2.death-certificate",
        "v2.death-certified-certificate"
    )]
    id: &str,
) {
    let certificate = shipped_one(id);
    let record = certificate.sample(&files()).unwrap();
    let whole = Source::new("whole".into(), certificate.template.whole());
    let whole = Template::new(whole, &Parts::new(), &[]);
    let filled_in = |template| {
        let svg = preview::render(
            template,
            &certificate.readable,
            &record,
            &ClientSettings::default(),
        )
        .unwrap();
        svg.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(filled_in(&whole), filled_in(&certificate.template));
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Data {
    Full,
    Long,
    Missing,
}

/// All four, with all that a record may hold, with the longest of it, and with nothing. The snapshots show each
/// text with its place; the test also checks that none runs out of the page or into another.
#[rstest]
fn texts_keep_their_places(
    #[values(
        "v2.birth-certificate",
        "v2.birth-certified-certificate",
        "v2.death-certificate",
        "v2.death-certified-certificate"
    )]
    id: &str,
    #[values(Data::Full, Data::Long, Data::Missing)] data: Data,
) {
    let certificate = shipped_one(id);
    let sample = certificate.sample(&files()).unwrap();
    let record = match data {
        Data::Full => sample,
        Data::Long => long(sample),
        Data::Missing => Record::default(),
    };
    let texts = texts_of(&certificate, &record, &ClientSettings::default());
    let mut listed = String::new();
    for text in &texts {
        assert!(
            text.left >= 60.0 && text.right() <= 535.0,
            "runs out of the page: {text:?}"
        );
        for other in &texts {
            assert!(
                text == other || !text.touches(other),
                "{text:?} runs into {other:?}"
            );
        }
        let Text {
            left,
            baseline,
            size,
            content,
            ..
        } = text;
        writeln!(listed, "{left:6.1} {baseline:6.1} {size:5.1}  {content}").unwrap();
    }
    assert!(
        !listed.contains("undefined") && !listed.contains("[obj") && !listed.contains("Missing")
    );
    let name = format!("{}_{data:?}", id.trim_start_matches("v2."));
    insta::assert_snapshot!(name, listed);
}

/// Every text of a certificate with its place.
fn texts_of(certificate: &Certificate, record: &Record, settings: &ClientSettings) -> Vec<Text> {
    let svg = certificate.render(record, settings).unwrap();
    let drawing = drawing::parse(svg.trim()).unwrap();
    let mut texts = Vec::new();
    let fonts = Fonts::of(certificate);
    collect(drawing.root_element(), Style::default(), &fonts, &mut texts);
    texts
}

/// The same record with names and places as long as the form takes them, and as people write them.
fn long(mut record: Record) -> Record {
    for area in record.administrative_areas.values_mut() {
        area.name = match area.name.as_str() {
            "Lumareva" => "Greater Lumareva".into(),
            "Avelora" | "Mirevanu" => "Upper Western Mirevanu".into(),
            _ => "Saint-Bartholomew-under-the-Mountains".into(),
        };
    }
    let mut areas = record.administrative_areas.iter();
    let village = areas.find(|(_, area)| area.name.starts_with("Saint-"));
    let village = village.map(|(id, _)| id.clone());
    for place in record.locations.values_mut() {
        place.name =
            "Provincial Teaching Hospital of Saint Anne and Saint Bartholomew of the Lakes".into();
        place.parent_id.clone_from(&village);
    }
    // Of 32 letters each, the second in capitals.
    let names = [
        [
            "Maximiliana-Alexandrina Wolfgang",
            "Philippa Elisabetta Giuliana-Ida",
            "di Castellammare-Villafranchetti",
        ],
        [
            "MAXIMILIANO ALEXANDRINO WOLFGANG",
            "BARTHOLOMEW WILHELMINUS MONTGOME",
            "VON MAMMENHOFEN WITTGENSTEIN-WOW",
        ],
    ];
    let mut names = names.iter().cycle();
    for (id, value) in &mut record.declaration {
        let last = id.rsplit('.').next().unwrap();
        if last == "name" {
            let [first, middle, last] = names.next().unwrap();
            *value = json!({ "firstname": first, "middlename": middle, "surname": last });
        } else if let Some(street) = value.get_mut("streetLevelDetails") {
            *street = json!({
                "number": "1234B",
                "street": "Boulevard of the Twenty-Second of September",
                "residentialArea": "Quarter of the Lakes",
                "town": "New Port Vasemo",
            });
        } else if last == "occupation" {
            *value = "Professor of comparative jurisprudence and of the law of the sea".into();
        } else if last == "nationality" {
            *value = "VCT".into();
        }
    }
    let official = json!({ "firstname": "Wilhelmina Bartholomea", "surname": "Featherstonehaugh-Cholmondeley" });
    for user in &mut record.users {
        user["name"] = official.clone();
    }
    record
}

/// The printed text for each choice of the form and each answer that may be missing, as the signer reads it.
#[rstest]
#[case(births())]
#[case(deaths())]
fn each_branch_prints_what_is_true(#[case] branches: Vec<Branch>) {
    let mut wrong = String::new();
    for (id, change, label, expected) in branches {
        let certificate = shipped_one(id);
        let mut record = certificate.sample(&files()).unwrap();
        for (field, value) in change.as_object().unwrap() {
            record.declaration.insert(field.clone(), value.clone());
        }
        // Core keeps nothing that is null.
        record.declaration.retain(|_, value| !value.is_null());
        let texts = texts_of(&certificate, &record, &ClientSettings::default());
        let printed = row(&texts, label);
        if printed != expected {
            writeln!(wrong, "{change}: {label}: {printed}, not {expected}").unwrap();
        }
    }
    assert_eq!(wrong, "");
}

/// The texts beside the label of a row.
fn row(texts: &[Text], label: &str) -> String {
    let Some(label) = texts.iter().find(|text| text.content == label) else {
        return "no such row".to_owned();
    };
    let beside = |text: &&Text| {
        text.left > 190.0 && (label.baseline - 8.0..label.baseline + 12.0).contains(&text.baseline)
    };
    let beside = texts
        .iter()
        .filter(beside)
        .map(|text| text.content.as_str());
    beside.collect::<Vec<_>>().join(" | ")
}

/// Words that are not the template's come in the language of the person who prints.
#[test]
fn words_of_the_form_come_in_the_language_of_the_reader() {
    let certificate = shipped_one("v2.birth-certified-certificate");
    let mut record = certificate.sample(&files()).unwrap();
    record.declaration["mother.nationality"] = "MAR".into();
    let messages = [
        ("countries.MAR", "Maroc"),
        ("configuration.dateFormat", "dd/MM/y"),
    ];
    let settings = ClientSettings {
        messages: messages.map(|(id, text)| (id.into(), text.into())).into(),
        ..ClientSettings::default()
    };
    let texts = texts_of(&certificate, &record, &settings);
    let about = row(&texts, "Details of the mother");
    assert_eq!(about, "02/09/1998 · Maroc · Weaver");
    assert_eq!(row(&texts, "Sex"), "Female · Féminin");
}

/// Regular and bold of the family that a certificate brings along.
struct Fonts([Vec<u8>; 2]);

impl Fonts {
    fn of(certificate: &Certificate) -> Self {
        let face = |name: &str| {
            let faces = &certificate.families[0].faces;
            let (_, file) = faces.iter().find(|(face, _)| *face == name).unwrap();
            files()
                .bytes(&format!("fonts/{file}"))
                .unwrap()
                .into_owned()
        };
        Self([face("normal"), face("bold")])
    }

    fn width(&self, text: &str, style: &Style) -> f64 {
        let face = ttf_parser::Face::parse(&self.0[usize::from(style.bold)], 0).unwrap();
        let scale = style.size / f64::from(face.units_per_em());
        let advance = |letter| {
            let glyph = face.glyph_index(letter).expect("a glyph for each letter");
            f64::from(face.glyph_hor_advance(glyph).unwrap()) * scale + style.spacing
        };
        text.chars().map(advance).sum()
    }
}

/// The style that a text inherits.
#[derive(Debug, Clone, Default)]
struct Style {
    x: f64,
    y: f64,
    size: f64,
    spacing: f64,
    bold: bool,
    middle: bool,
}

/// A text on the page, in points.
#[derive(Debug, PartialEq)]
struct Text {
    left: f64,
    baseline: f64,
    width: f64,
    size: f64,
    content: String,
}

impl Text {
    fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Letters without descenders are 0.74 of their size at most in both families.
    fn touches(&self, other: &Self) -> bool {
        let above = |text: &Self| text.baseline - 0.74 * text.size;
        self.left < other.right()
            && other.left < self.right()
            && above(self) < other.baseline
            && above(other) < self.baseline
    }
}

fn collect(node: Node<'_, '_>, mut style: Style, fonts: &Fonts, texts: &mut Vec<Text>) {
    let number = |name| {
        node.attribute(name)
            .map(|value| value.parse::<f64>().unwrap())
    };
    if let Some(moved) = node
        .attribute("transform")
        .and_then(|t| t.strip_prefix("translate("))
    {
        let (by, _) = moved.split_once(')').unwrap();
        let by: Vec<f64> = by.split(' ').map(|n| n.parse().unwrap()).collect();
        (style.x, style.y) = (style.x + by[0], style.y + by[1]);
    }
    style.size = number("font-size").unwrap_or(style.size);
    style.spacing = number("letter-spacing").unwrap_or(style.spacing);
    style.bold = node
        .attribute("font-weight")
        .map_or(style.bold, |weight| weight == "bold");
    style.middle = node
        .attribute("text-anchor")
        .map_or(style.middle, |anchor| anchor == "middle");
    if node.has_tag_name((node.tag_name().namespace().unwrap_or_default(), "text")) {
        let content = node.text().unwrap_or_default().to_owned();
        let width = number("textLength").unwrap_or_else(|| fonts.width(&content, &style));
        let x = style.x + number("x").unwrap_or_default();
        texts.push(Text {
            left: if style.middle { x - width / 2.0 } else { x },
            baseline: style.y + number("y").unwrap_or_default(),
            width,
            size: style.size,
            content,
        });
    }
    for child in node.children().filter(Node::is_element) {
        collect(child, style.clone(), fonts, texts);
    }
}

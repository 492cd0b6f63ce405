// SPDX-License-Identifier: MPL-2.0
use super::readable::Readable;
use super::template::{Parts, Source, Template};
use super::{Certificate, Certificates, Messages, Record, render};
use crate::country::Files;
use handlers::diagnostic::Diagnostic;
use roxmltree::{Document, Node};
use rstest::rstest;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::LazyLock;

const LEVELS: [&str; 3] = ["province", "district", "village"];

static EVENTS: LazyLock<Vec<Readable>> = LazyLock::new(|| {
    let events = forms::events(&forms::Environment::default());
    let of = |event| Readable::of(event, &LEVELS);
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

/// What is said of the sample country with one thing changed in one of its files.
fn faults_of(file: &str, right: &str, wrong: &str) -> String {
    let text = files().text(file).unwrap();
    assert!(text.contains(right), "`{right}` is not in {file}");
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join(file);
    std::fs::create_dir_all(changed.parent().unwrap()).unwrap();
    std::fs::write(changed, text.replacen(right, wrong, 1)).unwrap();
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
    "this is no `show-when`"
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
    "birth-certificate.svg:14:87: error: there is no `child.dbo` in the declaration of a `birth`\n  hint: did you mean `child.dob`?"
)]
#[case::part_of_a_name(
    BIRTH,
    "child.name.surname",
    "child.name.lastname",
    "there is no `child.name.lastname`"
)]
#[case::field_of_another_event(
    "certificates/death-certificate.svg",
    "\"deceased.gender\"",
    "\"child.gender\"",
    "in the declaration of a `death`\n  hint: did you mean `deceased.gender`?"
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
    "`$lokup` is no helper of core's client\n  hint: did you mean `$lookup`?"
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
    BIRTH,
    "{{/if}}",
    "{{/unless}}",
    "birth-certificate.svg:21:1: error: this is no Handlebars"
)]
#[case::xml(
    BIRTH,
    "</g>",
    "</group>",
    "birth-certificate.svg:35:1: error: this is no well-formed XML: expected 'g' tag, not 'group'"
)]
#[case::xml_of_a_part("certificates/parts/row.svg", "</g>", "", "parts/row.svg:")]
#[case::xml_in_a_branch(
    "certificates/parts/review.svg",
    "\n</g>",
    "",
    "this is no well-formed XML"
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
    assert_eq!(template(&["shout".into()]).problems(birth, &[]), []);
    assert_eq!(template(&[]).problems(birth, &[]).len(), 1);
}

#[rstest]
#[case("{{$lookup $declaration \"child.name.fullname\"}}", "Ann &lt;Lee&gt;")]
#[case("{{$lookup $declaration \"child.name.middlename\"}}", "")]
#[case("{{$lookup $declaration \"child.name.home.street\"}}", "Row 1")]
#[case("{{$lookup ($action \"REGISTER\") \"createdAt\"}}", "second")]
#[case(
    "{{lookup ($lookup $declaration \"child.name.fullname\") \"length\"}}",
    "9"
)]
#[case("{{lookup nothing \"length\"}}", "")]
#[case("{{$join \", \" \"a\" \"\" nothing \"b\"}}", "a, b")]
#[case("{{$or nothing \"—\"}}{{$or \"\" \"—\"}}{{$or \"a\" \"—\"}}", "——a")]
#[case("{{$intl \"sex\" \"male\"}}{{$intl \"sex\" nothing}}", "Male")]
#[case("{{$intl \"sex\" \"other\"}}", "Missing translation for sex.other")]
#[case(
    "{{$intlWithParams \"copy\" \"n\" ($lookup $metadata \"copies\")}}",
    "Copy #2"
)]
#[case(
    "{{#ifCond ($lookup $metadata \"copies\") \">\" \"1\"}}y{{else}}n{{/ifCond}}",
    "y"
)]
#[case("{{#ifCond \"10\" \">\" \"9\"}}y{{else}}n{{/ifCond}}", "n")]
#[case("{{#ifCond nothing \">\" 1}}y{{else}}n{{/ifCond}}", "n")]
#[case(
    "{{#ifCond 2 \"===\" \"2\"}}y{{else ifCond \"a\" \"!==\" \"b\"}}z{{/ifCond}}",
    "z"
)]
#[case("{{#ifCond $review \"||\" \"\"}}y{{else}}n{{/ifCond}}", "n")]
#[case("{{$json ($lookup $metadata \"copies\")}}", "2")]
fn helpers_answer_as_in_the_client(#[case] text: &str, #[case] expected: &str) {
    let record: Record = serde_json::from_value(json!({
        "declaration": {
            "child.name": { "fullname": "Ann <Lee>" },
            "child.name.home": { "street": "Row 1" },
        },
        "metadata": { "copies": 2 },
        "actions": [
            { "type": "REGISTER", "createdAt": "first" },
            { "type": "REGISTER", "createdAt": "second" },
        ],
    }))
    .unwrap();
    let messages = [("sex.male", "Male"), ("copy", "Copy #{n}")];
    let messages: Messages = messages.map(|(id, text)| (id.into(), text.into())).into();
    let source = Source::new("t".into(), text.into());
    let template = Template::new(source, &Parts::new(), &[]);
    assert_eq!(render(&template, &record, &messages).unwrap(), expected);
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
        let svg = render(template, &record, &Messages::new()).unwrap();
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
/// text with its place; what is looked at besides is that none runs out of the page or into another.
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
    let svg = render(&certificate.template, &record, &Messages::new()).unwrap();
    let drawing = Document::parse(svg.trim()).unwrap();
    let fonts = Fonts::of(&certificate);
    let mut texts = Vec::new();
    collect(drawing.root_element(), Style::default(), &fonts, &mut texts);
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

/// The same record with names and places as long as the form takes them, and as people write them.
fn long(mut record: Record) -> Record {
    let place = json!({
        "name": "Provincial Teaching Hospital of Saint Anne and Saint Bartholomew of the Lakes",
        "village": "Saint-Bartholomew-under-the-Mountains",
        "district": "Upper Western Mirevanu",
        "province": "Greater Lumareva",
        "country": "Farajaland",
    });
    let address = json!({
        "country": "Farajaland",
        "administrativeHierarchy": "Saint-Bartholomew-under-the-Mountains, Upper Western Mirevanu, Greater Lumareva, Farajaland",
        "streetLevelDetails": {
            "number": "1234B",
            "street": "Boulevard of the Twenty-Second of September",
            "residentialArea": "Quarter of the Lakes",
            "town": "New Port Vasemo",
        },
    });
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
            *value = json!({
                "fullname": format!("{first} {middle} {last}"),
                "firstname": first, "middlename": middle, "surname": last,
            });
        } else if value.get("administrativeHierarchy").is_some() {
            *value = address.clone();
        } else if value.get("name").is_some() {
            *value = place.clone();
        } else if last == "occupation" {
            *value = "Professor of comparative jurisprudence and of the law of the sea".into();
        } else if last == "nationality" {
            *value = "Saint Vincent and the Grenadines".into();
        }
    }
    let official = json!({ "name": "Wilhelmina Bartholomea Featherstonehaugh-Cholmondeley" });
    let mut replace = |pointer: &str, with: &Value| {
        let mut metadata = Value::Object(std::mem::take(&mut record.metadata));
        *metadata.pointer_mut(pointer).unwrap() = with.clone();
        record.metadata = metadata.as_object().unwrap().clone();
    };
    replace("/assignedTo", &official);
    replace("/legalStatuses/REGISTERED/createdBy", &official);
    replace("/legalStatuses/REGISTERED/createdAtLocation", &place);
    for action in &mut record.actions {
        if let Some(location) = action.get_mut("createdAtLocation") {
            *location = place.clone();
        }
    }
    record
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

/// What a text inherits.
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

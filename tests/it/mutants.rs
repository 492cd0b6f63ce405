// SPDX-License-Identifier: MPL-2.0
//! Mistakes that people make in the country's files, at random places: `check` has to find them, in the
//! file and on the line where they were made.
//!
//! One of each kind is tried; `MUTANTS=500 cargo test --test it mutants -- --nocapture` tries more and
//! lists what escapes.

use countryconfig::settings::Settings;
use regex::Regex;
use rules::diagnostic::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What becomes of the part of a file that a pattern finds.
#[derive(Clone, Copy)]
enum Becomes {
    /// A letter is missing, doubled or swapped with the next.
    Misspelt,
    /// This instead.
    Text(&'static str),
    /// What the same pattern finds elsewhere in the file.
    Another,
    /// Nothing is left.
    Gone,
    /// The part stands there twice.
    Twice,
}

/// Where the mistake has to be reported.
#[derive(Clone, Copy)]
enum At {
    /// On the line where it is.
    Here,
    /// In the file, on any line: the line is gone, or another line is as much to blame.
    InFile,
    /// In another file, which relied on what is no more.
    In(&'static str),
}

use At::{Here, In, InFile};
use Becomes::{Another, Gone, Misspelt, Text, Twice};

/// A kind of mistake: name, file, pattern whose first group is changed.
type Kind = (&'static str, &'static str, &'static str, Becomes, At);

const APPLICATION: &str = "application.toml";
const AREAS: &str = "administrative-areas.csv";
const CERTIFICATES: &str = "certificates.toml";
const CLIENT: &str = "translations/client.csv";
const CORE_CLIENT: &str = "translations/core-client.csv";
const LOCATIONS: &str = "locations.csv";
const NUMBERS: &str = "registration-numbers.toml";
const OFFER: &str = "credentials/birth-offer.toml";
const PAPER: &str = "credentials/birth-paper.toml";
const MANIFEST: &str = "static/manifest.json";
const MOSIP: &str = "mosip.toml";
const ID_SCHEMA: &str = "mosip-id-schema.json";
const ROLES: &str = "roles.toml";
const RULES: &str = "eligibility.toml";
const STATISTICS: &str = "statistics.csv";
const USERS: &str = "users.csv";
const WORKQUEUES: &str = "workqueues.toml";

#[rustfmt::skip]
const KINDS: &[Kind] = &[
    ("scope misspelt", ROLES, r#"type = "([a-z.-]{6,})""#, Misspelt, Here),
    ("option of a scope misspelt", ROLES, r" (place_of_event|declared_in|registered_in|access_level|custom_action_types) = ", Misspelt, Here),
    ("option of another scope", ROLES, r#"type = "performance.read"( )"#, Text(", declared_in = \"all\" "), Here),
    ("reach misspelt", ROLES, r#"= "(administrativeArea|location)""#, Misspelt, Here),
    ("event of a scope unknown", ROLES, r#"event = \["(birth|death)"\]"#, Text("marriage"), Here),
    ("custom action misspelt", ROLES, r#""([A-Z]+_[A-Z_]+)""#, Misspelt, InFile),
    ("workqueue in a scope misspelt", ROLES, r#""([a-z]+-[a-z-]+)",? "#, Misspelt, Here),
    ("dashboard in a scope misspelt", ROLES, r#""(registrations|completeness|registry)""#, Misspelt, Here),
    ("certificate in a scope misspelt", ROLES, r#""(v2\.[a-z-]+)""#, Misspelt, Here),
    ("role twice", ROLES, r#"\nid = "([A-Z_]+)""#, Another, InFile),
    ("nobody may set core up", ROLES, r"(  \{ type = .config.update-all. \},\n)", Gone, InFile),
    ("registrar without signature", ROLES, r"(  \{ type = .profile.electronic-signature. \},\n)", Gone, InFile),
    ("label of a role without translation", ROLES, r#"id = "(userRole\.[A-Za-z]+)""#, Misspelt, Here),
    ("label of a role empty", ROLES, r#"text = "([^"]+)" \}"#, Gone, Here),
    ("quote missing", ROLES, r#"id = "[A-Z_]+(")"#, Gone, Here),
    ("key of a workqueue misspelt", WORKQUEUES, r"\n(slug|icon|action|status|with-any-flag|without-flags|declared-within|registered-within) = ", Misspelt, Here),
    ("icon misspelt", WORKQUEUES, r#"icon = "([A-Za-z]+)""#, Misspelt, Here),
    ("action of a workqueue unknown", WORKQUEUES, r#"\naction = "(\w+)""#, Text("PRINT"), Here),
    ("status misspelt", WORKQUEUES, r#"\nstatus = "(\w+)""#, Misspelt, Here),
    ("flag misspelt", WORKQUEUES, r#"flags? = \["([a-z:-]+)""#, Misspelt, Here),
    ("role in a workqueue misspelt", WORKQUEUES, r#"declared-by-role = \["(\w+)""#, Misspelt, Here),
    ("workqueue twice", WORKQUEUES, r#"\nslug = "([a-z-]+)""#, Another, InFile),
    ("workqueue renamed", WORKQUEUES, r#"\nslug = "(pending-(?:validation|approval|issuance|certification|updates))""#, Misspelt, In(ROLES)),
    ("workqueue shows nothing", WORKQUEUES, r"(\[\[workqueue.records\]\]\n(?:[a-z-]+ = .*\n)+)", Gone, InFile),
    ("place of the user misspelt", WORKQUEUES, r#""(user\.\w+)""#, Misspelt, Here),
    ("key of the application misspelt", APPLICATION, r"\n([a-z]+-[a-z-]+) = ", Misspelt, Here),
    ("pattern of phone numbers broken", APPLICATION, r#""\^0(\(7\|9\))"#, Text("(7|9"), Here),
    ("pattern of the national ID broken", APPLICATION, r#""\^\[0-9(\])"#, Gone, Here),
    ("time zone unknown", APPLICATION, r#"time-zone = "([^"]+)""#, Misspelt, Here),
    ("language without texts", APPLICATION, r#"\["en", ("fr")\]"#, Text("\"pt\""), In(CLIENT)),
    ("logo not there", APPLICATION, r#"logo = "(logo)\."#, Misspelt, Here),
    ("delivery method unknown", APPLICATION, r#"delivery-method = "(email)""#, Misspelt, Here),
    ("country code too long", APPLICATION, r#"country-code = "(FAR)""#, Text("FARA"), Here),
    ("neither true nor false", APPLICATION, r"= (true|false)\n", Text("\"yes\""), Here),
    ("colour that is none", APPLICATION, r#"colour = "(\w+)""#, Text("blue"), Here),
    ("dashboard without address", APPLICATION, r#"url = "(/)public"#, Gone, Here),
    ("level forgotten", APPLICATION, r#"(\[\[level\]\]\nid = "province"\nlabel = .*\n)"#, Gone, In(AREAS)),
    ("drawing not there", CERTIFICATES, r#"svg = "([a-z-]+)\."#, Misspelt, Here),
    ("font not there", CERTIFICATES, r#"fonts = \["(\w+ \w+)"\]"#, Misspelt, Here),
    ("event of a certificate unknown", CERTIFICATES, r#"event = "(birth|death)""#, Misspelt, Here),
    ("certificate twice", CERTIFICATES, r#"\nid = "([^"]+)""#, Another, InFile),
    ("fee no number", CERTIFICATES, r"late = ([0-9.]+)", Text("\"much\""), Here),
    ("printed certificate unknown", CERTIFICATES, r#"\n[^#\n]*printed = "([^"]+)""#, Misspelt, Here),
    ("field in a drawing misspelt", "certificates/birth-certificate.svg", r#"\$declaration "([a-z]+\.[A-Za-z]+)"#, Misspelt, Here),
    ("helper in a drawing misspelt", "certificates/death-certificate.svg", r"\(\$(lookup|or|join) ", Misspelt, Here),
    ("label for a code", "certificates/death-certified-copy.svg", r"of=\((lookup) ", Text("$lookup"), Here),
    ("label compared with a code", "certificates/parts/place-of-birth.svg", r"fCond \((lookup) ", Text("$lookup"), Here),
    ("code in a drawing misspelt", "certificates/parts/place-of-death.svg", r#""===" "([A-Z_]+)""#, Misspelt, Here),
    ("braces in a drawing broken", "certificates/death-certified-copy.svg", r"\{\{> [\w-]+[^{}]*(\}\})", Text("}"), Here),
    ("drawing no XML", "certificates/birth-certified-copy.svg", r"(</g>)", Gone, InFile),
    ("area in two areas", AREAS, r"\n(?:[^,\n]*,){2}[^,\n]*,[^,\n]*,[^,\n]*,(FAR\d{4}),", Another, InFile),
    ("area without name", AREAS, r"\n([^,\n]+),", Gone, Here),
    ("area called -", AREAS, r"\n([^,\n]+),", Text("-"), Here),
    ("cell of an area missing", AREAS, r"\n([^,\n]+,)", Gone, Here),
    ("code of an area twice", AREAS, r",(FAR\d{6}),", Another, InFile),
    ("code of an area missing", AREAS, r",(FAR\d{6}),", Gone, Here),
    ("column of the areas misspelt", AREAS, r"^(?:\w+,)*(admin2Pcode)", Misspelt, Here),
    ("area of an office unknown", LOCATIONS, r"Location/(FAR\d+)", Misspelt, Here),
    ("reference without Location/", LOCATIONS, r",(Location/)FAR", Gone, Here),
    ("office twice", LOCATIONS, r"\n([A-Z]+\d+),", Another, InFile),
    ("office without name", LOCATIONS, r"\n[A-Z]+\d+,([^,\n]+),", Gone, Here),
    ("kind of place misspelt", LOCATIONS, r",(CRVS_OFFICE|HEALTH_FACILITY)\n", Misspelt, Here),
    ("id with a slash", LOCATIONS, r"\n(CRO)\d+", Text("CRO/"), Here),
    ("office of a user unknown", USERS, r"\n(?:CRVS_OFFICE|HEALTH_FACILITY)_(\w+),", Misspelt, Here),
    ("role of a user misspelt", USERS, r",([A-Z]+_[A-Z_]+),", Misspelt, Here),
    ("phone number too short", USERS, r",(0[79]\d)\d{7},", Gone, Here),
    ("e-mail address broken", USERS, r"(@)example", Gone, Here),
    ("username twice", USERS, r",0\d{9},([a-z0-9.-]+),", Another, InFile),
    ("username with capitals", USERS, r",0\d{9},([a-z])", Text("X"), Here),
    ("password missing", USERS, r",(test)\n", Gone, Here),
    ("nobody who may set core up", USERS, r"(NATIONAL_SYSTEM_ADMIN)", Text("HOSPITAL_CLERK"), InFile),
    ("cell of a user missing", USERS, r"\n((?:CRVS_OFFICE|HEALTH_FACILITY)_\w+,)", Gone, Here),
    ("e-mail address twice", USERS, r",([^,@\n]+@example\.com),", Another, InFile),
    ("phone number without anchors", APPLICATION, r#"phone-number-pattern = "(\^)"#, Gone, Here),
    ("phone pattern too long for users", APPLICATION, r"\{(8)\}", Text("9"), In(USERS)),
    ("address with two slashes missing", APPLICATION, r#"url = "(/public)"#, Text("https:/stats.example"), Here),
    ("language and country misspelt", APPLICATION, r#"languages-and-country = \["(en-US)""#, Text("en_US"), Here),
    ("syntax of the application broken", APPLICATION, r#"country-code = (")FAR""#, Gone, Here),
    ("role with a blank", ROLES, r#"\nid = "[A-Z]+(_)"#, Text(" "), Here),
    ("scope twice", ROLES, r"(  \{ type = .record.search.*\n)", Twice, InFile),
    ("certificate of another event", ROLES, r#"type = "record.print-certified-copies"(, )"#, Text(", event = [\"death\"], templates = [\"v2.birth-certificate\"], "), Here),
    ("flag wanted and unwanted", WORKQUEUES, r#"\nwith-any-flag = \["(incomplete)"\]"#, Text("rejected"), InFile),
    ("workqueue that nobody sees", WORKQUEUES, r"^(?s:.*)(\z)", Text("\n[[workqueue]]\nslug = \"never\"\nname = { id = \"workqueues.recent.title\", text = \"Recent\" }\nicon = \"Timer\"\naction = \"READ\"\n[[workqueue.records]]\nstatus = \"DECLARED\"\n"), InFile),
    ("text changed in one place only", WORKQUEUES, r#"text = "([A-Z][a-z ]+)""#, Text("Something else"), Here),
    ("cycle of areas", AREAS, r",(FAR\d{4}),[^,\n]*,[^,\n]*,FAR\d\d,", Text("FAR01"), InFile),
    ("empty drawing area", "map.geojson", r"(?s)\[(\n.*)\]", Gone, InFile),
    ("area of the map misspelt", "map.geojson", r#""State":"(\w+)""#, Misspelt, InFile),
    ("brace of a text missing", CLIENT, r"\{[a-z]+[^{}\n]*(\})", Gone, Here),
    ("argument misspelt", CLIENT, r"\{([a-z]+\.[A-Za-z.]+)\}", Misspelt, Here),
    ("text missing", CLIENT, r"\n[\w.]+,[^,\x22\n]+,[^,\x22\n]+,([^,\x22\n]+)\n", Gone, Here),
    ("text twice", CLIENT, r"\n([\w.]+,[^\x22\n]+\n)", Twice, InFile),
    ("row gone", CLIENT, r"\n((?:event|form)\.[\w.]+,[^\x22\n]+\n)", Gone, In("forms")),
    ("id of a text misspelt", CLIENT, r"\n((?:event|form|workqueues|userRole)\.[\w.]+),", Misspelt, Here),
    ("language misspelt", CLIENT, r"^id,description,en,(fr)", Text("fre"), Here),
    ("case that no number has", CLIENT, r"^(?s:.*)(\z)", Text("extra.days,x,\"{n, plural, ones {# day} other {# days}}\",\"{n, plural, one {# jour} other {# jours}}\"\n"), InFile),
    ("arguments that differ", CLIENT, r"^(?s:.*)(\z)", Text("extra.hello,x,Hello {name},Bonjour {nom}\n"), InFile),
    ("case of a choice lost", CLIENT, r"select,[^\n]*?(other )\{", Text("othr "), Here),
    ("id of a text of core misspelt", CORE_CLIENT, r"\n(performance\.[\w.]+),", Misspelt, Here),
    ("brace of a text of core missing", CORE_CLIENT, r"\{[a-z]+[^{}\n]*(\})", Gone, Here),
    ("argument of a text of core misspelt", CORE_CLIENT, r"\{(officeName|recordOrDeclaration|email)\}", Misspelt, Here),
    ("language of core's texts misspelt", CORE_CLIENT, r"^id,en,(fr)", Text("fre"), Here),
    ("part of a number misspelt", NUMBERS, r"^(?s:.*)(\z)", Text("\n[[event]]\nid = \"birth\"\nformat = \"B{sequnce:5}\"\n"), InFile),
    ("sequences that are told by nothing", NUMBERS, r"^(?s:.*)(\z)", Text("\n[[event]]\nid = \"birth\"\nformat = \"B{sequence:5}\"\nper = [\"office\"]\n"), InFile),
    ("field in a rule misspelt", RULES, r"\n[^#\n]*known\((child\.[a-z]+|deceased\.[a-z]+)\)", Misspelt, Here),
    ("condition misspelt", RULES, r#"\n  "([a-z]+-[a-z-]+)","#, Misspelt, Here),
    ("expression broken", RULES, r"\n[^#\n]*years\((child\.dob,)", Text("child.dob"), Here),
    ("operation misspelt", RULES, r#"operation = "([a-z-]+)""#, Misspelt, Here),
    ("answer unknown", RULES, r#"answer = "(wait|continue)""#, Text("later"), Here),
    ("key of a rule misspelt", RULES, r"\n(event|action|operation|answer|conditions) = ", Misspelt, Here),
    ("field of a packet misspelt", MOSIP, r"\n(fullName|dateOfBirth|gender|UIN|declaredAsDeceased|deathDeclared|dateOfDeath) = ", Misspelt, Here),
    ("text of a packet that the schema has not", MOSIP, r#"\n[a-zA-Z]+ = '"(Y|yes)"'"#, Text("maybe"), Here),
    ("field of a packet no text", MOSIP, r#"\n[a-zA-Z]+ = '("Y"|"yes")'"#, Text("true"), Here),
    ("field of the identity schema misspelt", ID_SCHEMA, r#""(UIN|deathDeclared|typeOfDeath)": "#, Misspelt, In(MOSIP)),
    ("reference of the identity schema misspelt", ID_SCHEMA, r#""\$ref": "\#/definitions/(date|simpleType)"#, Misspelt, Here),
    ("identity schema no JSON", ID_SCHEMA, r"(\}),\n", Text(""), InFile),
    ("field in a packet misspelt", MOSIP, r"\n[^#\n]*\((child|deceased|informant)\.\w+\)", Misspelt, Here),
    ("function misspelt", MOSIP, r"'(full_name|in_language|capitalised|slashed_date)\(", Misspelt, Here),
    ("packet gone", MOSIP, r#"operation = "(flag-deceased|create-uin|update-biographics)""#, Another, InFile),
    ("key of a credential misspelt", OFFER, r"\n\[?(kind|event|required|places|request)\b", Misspelt, InFile),
    ("kind of a credential unknown", PAPER, r#"kind = "(paper)""#, Misspelt, Here),
    ("two credentials of a kind", PAPER, r#"kind = "(paper)""#, Text("offer"), InFile),
    ("event of a credential unknown", OFFER, r#"\nevent = "(birth)""#, Misspelt, Here),
    ("required answer misspelt", PAPER, r#"required = \[.*"(child\.[a-z]+)""#, Misspelt, Here),
    ("field in a credential misspelt", OFFER, r#"= \[?"((?:child|mother|father)\.[a-zA-Z]+)[".]"#, Misspelt, Here),
    ("place in a credential misspelt", OFFER, r"(birthplace\.ful)l", Misspelt, Here),
    ("text of a credential without quotes", OFFER, r#"= '("[^"]+")'"#, Text("PRE_AUTHORIZED"), Here),
    ("rule that can never be reached", RULES, r"^(?s:.*)(\z)", Text("\n[[rule]]\nname = \"later\"\nevent = \"death\"\naction = \"REGISTER\"\nwhen = [\"deceased-national-id-known\", \"death-informant-verified\"]\noperation = \"flag-deceased\"\nanswer = \"wait\"\n"), InFile),
    ("rule without a case", RULES, r"^(?s:.*)(\z)", Text("\n[[rule]]\nname = \"later\"\nevent = \"death\"\naction = \"APPROVE_CORRECTION\"\nwhen = [\"deceased-national-id-known\"]\noperation = \"flag-deceased\"\nanswer = \"wait\"\n"), In("eligibility.tests.toml")),
    ("gateway without an address", "sms.toml", r"^(?s:.*)(\z)", Text("\n[gateway]\nurl = \"sms.example/v1\"\n"), InFile),
    ("reply of the gateway no expression", "sms.toml", r"^(?s:.*)(\z)", Text("\n[gateway]\nurl = \"https://sms.example/{{number}}/{{text}}\"\n[gateway.success]\nreply = \"(queued\"\n"), InFile),
    ("variable of a message misspelt", "templates/en/birth-registered.html", r"value=(registrationNumber)", Misspelt, Here),
    ("block of a message open", "templates/fr/birth-registered.html", r"(\{\{/frame\}\})", Gone, InFile),
    ("rule in a case misspelt", "eligibility.tests.toml", r#"rule = "([a-z-]+)""#, Misspelt, InFile),
    ("area of figures unknown", STATISTICS, r"\n(FAR\d+),", Misspelt, Here),
    ("figure with a letter", STATISTICS, r",\d{3}(\d)\d*,", Text("O"), Here),
    ("figures twice", STATISTICS, r"\n(FAR\d{6}),", Another, InFile),
    ("map cut off", "map.geojson", r"(\}\s*)$", Gone, InFile),
    ("icon not there", MANIFEST, r#""src": "([^"]+)""#, Misspelt, Here),
    ("comma of the manifest missing", MANIFEST, r#""display": "standalone"(,)"#, Gone, InFile),
];

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }
}

/// The file with the mistake, and the line where it is.
fn mutant(kind: &Kind, text: &str, dice: &mut Dice) -> (String, usize) {
    let (name, _, pattern, becomes, _) = kind;
    let pattern = Regex::new(pattern).unwrap();
    let found: Vec<_> = pattern
        .captures_iter(text)
        .filter_map(|found| found.get(1))
        .collect();
    assert!(!found.is_empty(), "nothing to change: {name}");
    loop {
        let part = found[dice.below(found.len())];
        let before = part.as_str();
        let after = match becomes {
            Misspelt => misspelt(before, dice),
            Text(text) => (*text).to_owned(),
            Another => found[dice.below(found.len())].as_str().to_owned(),
            Gone => String::new(),
            Twice => before.repeat(2),
        };
        if after == before {
            assert!(
                found.iter().any(|other| other.as_str() != before),
                "{name}: all alike"
            );
            continue;
        }
        let mut changed = text.to_owned();
        changed.replace_range(part.range(), &after);
        let line = text[..part.start()].matches('\n').count() + 1;
        return (changed, line);
    }
}

fn misspelt(word: &str, dice: &mut Dice) -> String {
    let letters: Vec<char> = word.chars().collect();
    let at = dice.below(letters.len() - 1);
    let mut wrong = letters.clone();
    match dice.below(3) {
        0 => drop(wrong.remove(at)),
        1 => wrong.insert(at, letters[at]),
        _ => wrong.swap(at, at + 1),
    }
    wrong.into_iter().collect()
}

fn is_found(kind: &Kind, line: usize, before: &BTreeSet<String>, problems: &[Diagnostic]) -> bool {
    let (_, file, _, _, at) = kind;
    problems
        .iter()
        .filter(|problem| !before.contains(&problem.to_string()))
        .any(|problem| match at {
            Here => problem.file.ends_with(file) && problem.line == line,
            InFile => problem.file.ends_with(file),
            In(other) => problem.file.ends_with(other),
        })
}

fn settings(folder: &Path) -> Settings {
    let folder = folder.to_str().unwrap().to_owned();
    Settings::load(None, [("COUNTRY_DIR".to_owned(), folder)].into_iter()).unwrap()
}

/// Tries every `step`th mutant from `first` on; gives the names of those that escaped.
fn escaped(first: usize, step: usize, all: usize) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    country::init(folder.path()).unwrap();
    let settings = settings(folder.path());
    let before: BTreeSet<_> = country::check(&settings.country())
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut escaped = Vec::new();
    for n in (first..all).step_by(step) {
        let kind = &KINDS[n % KINDS.len()];
        let path = folder.path().join(kind.1);
        let shipped = fs::read_to_string(&path).unwrap();
        let (changed, line) = mutant(kind, &shipped, &mut Dice(n as u64));
        fs::write(&path, &changed).unwrap();
        let problems = country::check(&settings.country());
        fs::write(&path, &shipped).unwrap();
        if !is_found(kind, line, &before, &problems) {
            let told: Vec<_> = problems.iter().map(|p| format!("\n    {p}")).collect();
            let was = shipped.lines().nth(line - 1).unwrap_or_default();
            let is = changed.lines().nth(line - 1).unwrap_or_default();
            escaped.push(format!(
                "{}\n  {}:{line}\n  was {was}\n  is  {is}{}",
                kind.0,
                kind.1,
                told.join("")
            ));
        }
    }
    escaped
}

#[test]
fn the_shipped_country_has_no_problem() {
    let problems = country::check(&Settings::load(None, std::iter::empty()).unwrap().country());
    assert_eq!(problems, []);
}

/// One mistake is one message: what follows from it in other files is not told.
#[test]
fn what_follows_from_a_mistake_is_not_told() {
    type Change = fn(&str) -> String;
    let mistakes: [(&str, Change); 8] = [
        (APPLICATION, |text| text.replace("= \"FAR\"", "= FAR\"")),
        (APPLICATION, |text| text.replace("time-zone", "timezone")),
        (APPLICATION, |text| {
            text.replace("\"TRACKING_ID\"", "\"TRACKING\"")
        }),
        (ROLES, |text| text.replacen("\nid = \"", "\nid = ", 1)),
        (WORKQUEUES, |text| {
            text.replacen("\nslug = \"", "\nslug = ", 1)
        }),
        (CERTIFICATES, |text| {
            text.replace("NotoSans-Bold.ttf", "NotoSans-Bald.ttf")
        }),
        (AREAS, |text| text.replace("admin3Pcode", "admin3code")),
        (LOCATIONS, |text| text.replace(",partOf,", ",part,")),
    ];
    let folder = tempfile::tempdir().unwrap();
    country::init(folder.path()).unwrap();
    for (file, change) in mistakes {
        let path = folder.path().join(file);
        let shipped = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(&shipped)).unwrap();
        let problems = country::check(&settings(folder.path()).country());
        fs::write(&path, &shipped).unwrap();
        let elsewhere = problems
            .iter()
            .filter(|problem| !problem.file.ends_with(file));
        let told: Vec<_> = elsewhere.map(ToString::to_string).collect();
        assert!(told.is_empty() && !problems.is_empty(), "{file}: {told:#?}");
    }
    let missing = country::check(&settings(&folder.path().join("nowhere")).country());
    assert_eq!(missing.len(), 1, "{missing:#?}");
}

#[test]
fn mistakes_are_found_where_they_were_made() {
    let all = std::env::var("MUTANTS").map_or(KINDS.len(), |n| n.parse().unwrap());
    let escaped: Vec<_> = std::thread::scope(|scope| {
        let halves = [0, 1].map(|first| scope.spawn(move || escaped(first, 2, all)));
        halves
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for mutant in &escaped {
        println!("{mutant}\n");
        *kinds.entry(mutant.lines().next().unwrap()).or_default() += 1;
    }
    let found = all - escaped.len();
    println!(
        "{found} of {all} mistakes of {} kinds found; escaped: {kinds:?}",
        KINDS.len()
    );
    assert!(
        found * 100 >= all * 95,
        "only {found} of {all} are found; escaped: {kinds:?}"
    );
}

// SPDX-License-Identifier: MPL-2.0
//! Files that would bring a careless reader down: circles, depth, multiplication, size, things that are not
//! files, and halves. Each is an error with its place, of `check` and of the reload of a running server.

use super::program::text;
use super::{TestApp, eligible_birth, json as body, surroundings};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that any of these files may hold `check` up, in a build without optimisation beside others.
const LONG: Duration = Duration::from_mins(2);

/// What stands in the country's folder.
#[derive(Clone)]
enum Thing {
    Text(&'static str, String),
    Folder(&'static str),
    Pipe(&'static str),
    Socket(&'static str),
    Link(&'static str, &'static str),
    /// A file of so many bytes, all zero, which take no space on the disk.
    Sparse(&'static str, u64),
}
use Thing::{Folder, Link, Pipe, Socket, Sparse, Text};

/// What it is, the files, and what is said: the file with its line, and words of the message.
type Bad = (&'static str, Vec<Thing>, &'static str, &'static str);

const DRAWING: &str = "certificates/birth-certificate.svg";

fn shipped(file: &str) -> String {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("country/data")
            .join(file),
    )
    .unwrap()
}

/// The drawing of a certificate with something more in its second line.
fn drawing(more: &str) -> Thing {
    let text = shipped(DRAWING);
    let at = text.find("<svg").unwrap();
    let at = at + text[at..].find('>').unwrap() + 1;
    Text(DRAWING, format!("{}{more}{}", &text[..at], &text[at..]))
}

fn nested(open: &str, inside: &str, close: &str, depth: usize) -> String {
    format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
}

/// Parts each of which calls the next ten times.
fn multiplying(folder: &str, before: &str, kind: &str, called: &str) -> Vec<Thing> {
    let part = |n: usize| {
        let name: &'static str = format!("{folder}/{before}m{n}.{kind}").leak();
        Text(name, format!("{{{{> {called}m{}}}}}", n + 1).repeat(10))
    };
    let last: &'static str = format!("{folder}/{before}m12.{kind}").leak();
    (0..12).map(part).chain([Text(last, "x".into())]).collect()
}

fn with(mut things: Vec<Thing>, more: Thing) -> Vec<Thing> {
    things.push(more);
    things
}

fn sms(text: &str) -> Thing {
    const FILE: &str = "translations/notification.csv";
    let shipped = shipped(FILE);
    let mut lines = shipped.lines().map(str::to_owned).collect::<Vec<_>>();
    let cells: Vec<&str> = lines[1].splitn(3, ',').collect();
    lines[1] = format!("{},{},\"{text}\",\"{text}\"", cells[0], "x");
    Text(FILE, lines.join("\n") + "\n")
}

fn client(text: &str) -> Thing {
    const FILE: &str = "translations/client.csv";
    Text(
        FILE,
        shipped(FILE) + &format!("extra.deep,x,\"{text}\",\"{text}\"\n"),
    )
}

fn rule(condition: &str) -> Thing {
    let rules = shipped("eligibility.toml");
    let at = rules.find("[conditions]").unwrap() + "[conditions]\n".len();
    let rest = rules[at..].replacen("\nwhen = [", "\nwhen = [\"bad\", ", 1);
    Text(
        "eligibility.toml",
        format!("[conditions]\nbad = '''{condition}'''\n{rest}"),
    )
}

fn flood(file: &'static str, head: &str, row: impl Fn(usize) -> String) -> Thing {
    Text(file, format!("{head}\n{}", lines(60_000, row)))
}

fn lines(number: usize, line: impl Fn(usize) -> String) -> String {
    (0..number).map(line).collect()
}

/// The first half of a file.
fn half(file: &'static str) -> Thing {
    let text = shipped(file);
    let middle = text.len() / 2;
    Text(file, text[..middle].to_owned())
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn in_templates() -> Vec<Bad> {
    let part = |name, text: &str| Text(name, text.to_owned());
    let sub = |n| format!("{{{{$or {} 1}}}}", nested("($or ", "1", " 1)", n));
    vec![
        (
            "a part that includes itself",
            vec![
                part("certificates/parts/loop.svg", "<g/>\n{{> loop}}"),
                drawing("{{> loop}}"),
            ],
            "certificates/parts/loop.svg:2",
            "includes itself",
        ),
        (
            "parts in a circle",
            vec![
                part("certificates/parts/a.svg", "{{> b}}"),
                part("certificates/parts/b.svg", "{{> c}}"),
                part("certificates/parts/c.svg", "\n\n{{> a}}"),
                drawing("{{> a}}"),
            ],
            "certificates/parts/c.svg:3",
            "includes itself",
        ),
        (
            "a circle in a block",
            vec![
                part(
                    "certificates/parts/loop.svg",
                    "{{#if ($action \"REGISTER\")}}{{> loop}}{{/if}}",
                ),
                drawing("{{> loop}}"),
            ],
            "certificates/parts/loop.svg:1",
            "includes itself",
        ),
        (
            "parts that multiply",
            with(
                multiplying("certificates/parts", "", "svg", ""),
                drawing("{{> m0}}"),
            ),
            "certificates/parts/m8.svg:1",
            "times",
        ),
        (
            "blocks",
            vec![drawing(&nested("{{#if $review}}", "", "{{/if}}", 500))],
            DRAWING,
            "deep",
        ),
        (
            "very many blocks",
            vec![drawing(&nested("{{#if $review}}", "", "{{/if}}", 30_000))],
            DRAWING,
            "deep",
        ),
        (
            "very many open blocks",
            vec![drawing(&"{{#if $review}}".repeat(30_000))],
            DRAWING,
            "deep",
        ),
        (
            "else if",
            vec![drawing(&format!(
                "{{{{#if $review}}}}{}{{{{/if}}}}",
                "{{else if $review}}".repeat(5_000)
            ))],
            DRAWING,
            "deep",
        ),
        (
            "helpers in helpers",
            vec![drawing(&sub(500))],
            DRAWING,
            "deep",
        ),
        (
            "very many helpers in helpers",
            vec![drawing(&sub(30_000))],
            DRAWING,
            "deep",
        ),
        (
            "lists in lists",
            vec![drawing(&format!(
                "{{{{$or {} 1}}}}",
                nested("[", "1", "]", 30_000)
            ))],
            DRAWING,
            "deep",
        ),
        (
            "loops in loops",
            vec![drawing(&nested(
                "{{#each $declaration}}{{#each this}}",
                "x",
                "{{/each}}{{/each}}",
                12,
            ))],
            DRAWING,
            "loop",
        ),
        (
            "blocks of an e-mail",
            vec![part(
                "templates/en/reset-password.html",
                &nested("{{#if code}}", "", "{{/if}}", 30_000),
            )],
            "templates/en/reset-password.html",
            "deep",
        ),
        (
            "parts of an e-mail that multiply",
            with(
                multiplying("templates", "_", "html", ""),
                Text(
                    "templates/en/reset-password.html",
                    shipped("templates/en/reset-password.html") + "{{> m0}}",
                ),
            ),
            "templates/_m8.html:1",
            "times",
        ),
        (
            "blocks of an SMS",
            vec![sms(&nested("{{#if code}}", "", "{{/if}}", 30_000))],
            "translations/notification.csv:2",
            "deep",
        ),
        (
            "blocks of a gateway",
            vec![Text(
                "sms.toml",
                shipped("sms.toml")
                    + &format!(
                        "\n[gateway]\nurl = \"https://sms.example/{}\"\n",
                        nested("{{#if key}}", "", "{{/if}}", 30_000)
                    ),
            )],
            "sms.toml:",
            "deep",
        ),
        (
            "choices in a text",
            vec![client(&nested("{a, select, other {", "", "}}", 500))],
            "translations/client.csv:",
            "deep",
        ),
        (
            "very many choices in a text",
            vec![client(&nested("{a, select, other {", "", "}}", 50_000))],
            "translations/client.csv:",
            "deep",
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn in_other_files() -> Vec<Bad> {
    let toml = |text: String| Text("workqueues.toml", shipped("workqueues.toml") + &text);
    let unknown = |n| format!("P{n},Place {n},Location/FARX{n},CRVS_OFFICE\n");
    vec![
        (
            "lists of TOML",
            vec![toml(format!("x = {}\n", nested("[", "", "]", 50_000)))],
            "workqueues.toml:",
            "",
        ),
        (
            "tables of TOML",
            vec![toml(format!("x = {}\n", nested("{a=", "1", "}", 50_000)))],
            "workqueues.toml:",
            "",
        ),
        (
            "keys of TOML",
            vec![toml(format!("x{} = 1\n", ".a".repeat(50_000)))],
            "workqueues.toml:",
            "",
        ),
        (
            "heads of TOML",
            vec![toml(format!("[x{}]\n", ".a".repeat(50_000)))],
            "workqueues.toml:",
            "",
        ),
        (
            "unknown keys of TOML",
            vec![toml(lines(40_000, |n| format!("x{n} = 1\n")))],
            "workqueues.toml:",
            "",
        ),
        (
            "a request for a credential",
            vec![Text(
                "credentials/birth-offer.toml",
                format!(
                    "kind = \"offer\"\nevent = \"birth\"\n[request]\nx{} = '\"1\"'\n",
                    ".a".repeat(50_000)
                ),
            )],
            "credentials/birth-offer.toml:",
            "",
        ),
        (
            "lists of JSON",
            vec![Text("map.geojson", nested("[", "", "]", 100_000))],
            "map.geojson:1",
            "",
        ),
        (
            "objects of JSON",
            vec![Text(
                "certificates/samples/birth.json",
                nested("{\"a\":", "1", "}", 100_000),
            )],
            "certificates/samples/birth.json:1",
            "",
        ),
        (
            "brackets",
            vec![rule(&nested("(", "true", ")", 490))],
            "eligibility.toml:2",
            "",
        ),
        (
            "lists",
            vec![rule(&format!("{} == 1", nested("[", "", "]", 490)))],
            "eligibility.toml:2",
            "",
        ),
        (
            "parts of an answer",
            vec![rule(&format!("known(child.name{})", ".a".repeat(480)))],
            "eligibility.toml:2",
            "deep",
        ),
        (
            "sums",
            vec![rule(&format!("1{} == 1", "+1".repeat(480)))],
            "eligibility.toml:2",
            "deep",
        ),
        (
            "loops in loops of a rule",
            vec![rule(&nested("[1,1,1,1,1,1].all(x,", "true", ")", 45))],
            "eligibility.toml:2",
            "loop",
        ),
        (
            "loops behind loops of a rule",
            vec![rule(&format!(
                "['ab']{}.size() > 1",
                ".map(x,x+x)".repeat(80)
            ))],
            "eligibility.toml:2",
            "loop",
        ),
        (
            "a pattern",
            vec![Text(
                "application.toml",
                shipped("application.toml").replace(
                    "phone-number-pattern = \"^",
                    "phone-number-pattern = \"^((((x{1000}){1000}){1000}){1000})?",
                ),
            )],
            "application.toml:",
            "",
        ),
        (
            "a deep pattern",
            vec![Text(
                "application.toml",
                shipped("application.toml").replace(
                    "phone-number-pattern = \"^",
                    &format!(
                        "phone-number-pattern = \"^{}",
                        nested("(", "x", ")?", 100_000)
                    ),
                ),
            )],
            "application.toml:",
            "",
        ),
        (
            "very many unknown areas",
            vec![flood(
                "locations.csv",
                "id,name,partOf,locationType",
                unknown,
            )],
            "locations.csv:2",
            "no area",
        ),
        (
            "very many lines without cells",
            vec![flood(
                "locations.csv",
                "id,name,partOf,locationType",
                |_| "x\n".into(),
            )],
            "locations.csv:2",
            "cells",
        ),
        (
            "a file that is too large",
            vec![Sparse("statistics.csv", 1 << 40)],
            "statistics.csv:1",
            "larger than",
        ),
        (
            "a table that is too large",
            vec![Text(
                "workqueues.toml",
                format!(
                    "{}{}",
                    shipped("workqueues.toml"),
                    "# ...\n".repeat(1 << 20)
                ),
            )],
            "workqueues.toml:1",
            "larger than",
        ),
    ]
}

fn not_files() -> Vec<Bad> {
    vec![
        (
            "a pipe",
            vec![Pipe("eligibility.toml")],
            "eligibility.toml:1",
            "a named pipe",
        ),
        (
            "a pipe among templates",
            vec![Pipe("templates/en/reset-password.html")],
            "templates/en/reset-password.html:1",
            "a named pipe",
        ),
        (
            "a socket",
            vec![Socket("roles.toml")],
            "roles.toml:1",
            "a socket",
        ),
        (
            "a device",
            vec![Link("/dev/zero", "mosip.toml")],
            "mosip.toml:1",
            "a device",
        ),
        (
            "a folder",
            vec![Folder("users.csv")],
            "users.csv:1",
            "a folder",
        ),
        (
            "a link to nothing",
            vec![Link("nowhere", "users.csv")],
            "users.csv:1",
            "",
        ),
        (
            "a circle of links",
            vec![Link(".", "loop"), Link(".", "again")],
            ":1",
            "too many",
        ),
    ]
}

fn halves() -> Vec<Bad> {
    let empty = |file| vec![Text(file, String::new())];
    let heads = |file: &'static str| {
        let text = shipped(file);
        vec![Text(file, text.lines().next().unwrap().to_owned() + "\n")]
    };
    let without_rule = shipped("eligibility.toml");
    let without_rule = without_rule.split("\n[[rule]]").next().unwrap().to_owned();
    vec![
        (
            "no rule",
            vec![Text("eligibility.toml", without_rule)],
            "eligibility.toml:1",
            "no [[rule]]",
        ),
        (
            "nothing in the rules",
            empty("eligibility.toml"),
            "eligibility.toml:1",
            "no [[rule]]",
        ),
        (
            "half the rules",
            vec![Text("eligibility.toml", {
                let rules = shipped("eligibility.toml");
                rules[..rules.rfind("[[rule]]").unwrap()].to_owned()
            })],
            "eligibility.tests.toml:",
            "decided otherwise",
        ),
        (
            "nothing in the workqueues",
            empty("workqueues.toml"),
            "workqueues.toml:1",
            "no [[workqueue]]",
        ),
        (
            "nothing in the certificates",
            empty("certificates.toml"),
            "certificates.toml:1",
            "no [[certificate]]",
        ),
        (
            "nothing in the packets",
            empty("mosip.toml"),
            "mosip.toml:1",
            "",
        ),
        (
            "nothing in the roles",
            empty("roles.toml"),
            "roles.toml:1",
            "",
        ),
        (
            "nothing in the application",
            empty("application.toml"),
            "application.toml:1",
            "",
        ),
        ("half the users", vec![half("users.csv")], "users.csv:", ""),
        (
            "nothing in the users",
            empty("users.csv"),
            "users.csv:1",
            "",
        ),
        ("no place", heads("locations.csv"), "locations.csv:1", ""),
        (
            "no text",
            heads("translations/client.csv"),
            "translations/client.csv:1",
            "",
        ),
        (
            "no text of an SMS",
            heads("translations/notification.csv"),
            "translations/notification.csv:1",
            "",
        ),
    ]
}

fn write(folder: &Path, things: &[Thing]) {
    for thing in things {
        let (Text(file, _)
        | Folder(file)
        | Pipe(file)
        | Socket(file)
        | Link(_, file)
        | Sparse(file, _)) = thing;
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        drop(fs::remove_file(&path));
        match thing {
            Text(_, text) => fs::write(path, text).unwrap(),
            Folder(_) => fs::create_dir(path).unwrap(),
            Pipe(_) => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            Socket(_) => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
            Link(to, _) => std::os::unix::fs::symlink(to, path).unwrap(),
            Sparse(_, bytes) => fs::File::create(path).unwrap().set_len(*bytes).unwrap(),
        }
    }
}

/// What `check` says, unless it crashes or does not come to an end.
fn checked(folder: &Path) -> Result<Vec<Value>, String> {
    let country = format!("built-in:{}", folder.display());
    let mut check = Command::new(env!("CARGO_BIN_EXE_countryconfig"))
        .args(["check", "--json"])
        .env("COUNTRY_DIR", country)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let mut out = check.stdout.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut said = String::new();
        drop(std::io::Read::read_to_string(&mut out, &mut said));
        said
    });
    while check.try_wait().unwrap().is_none() {
        if begun.elapsed() > LONG {
            check.kill().unwrap();
            check.wait().unwrap();
            return Err("does not come to an end".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let status = check.wait().unwrap();
    if status.code() != Some(1) {
        let output = check.wait_with_output().unwrap();
        let said = said.join().unwrap();
        let said: String = said.chars().take(400).collect();
        let wrong: String = text(&output.stderr).chars().take(400).collect();
        return Err(format!("{status}: {said}{wrong}"));
    }
    serde_json::from_str(&said.join().unwrap()).map_err(|error| error.to_string())
}

/// What `check` does not say of it.
fn missing((name, things, place, words): &Bad) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), things);
    let fits = |problem: &Value| {
        let told = format!("{}:{}:", problem["file"].as_str().unwrap(), problem["line"]);
        problem["severity"] == "error"
            && told.contains(&format!("{}:", place.trim_end_matches(':')))
            && problem["message"].as_str().unwrap().contains(words)
    };
    match checked(folder.path()) {
        Err(error) => Some(format!("{name}: {error}")),
        Ok(told) if told.iter().any(fits) => None,
        Ok(told) => {
            let told = told
                .iter()
                .take(5)
                .map(|t| format!("\n  {:.300}", t.to_string()));
            Some(format!("{name}:{}", told.collect::<String>()))
        }
    }
}

#[test]
fn check_names_the_file_and_the_line_of_what_would_bring_it_down() {
    let all = [in_templates(), in_other_files(), not_files(), halves()].concat();
    let (first, second) = all.split_at(all.len() / 2);
    let missing: Vec<_> = std::thread::scope(|scope| {
        let halves = [first, second]
            .map(|half| scope.spawn(move || half.iter().filter_map(missing).collect::<Vec<_>>()));
        halves
            .into_iter()
            .flat_map(|half| half.join().unwrap())
            .collect()
    });
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// Told of a change that it must not take, a running server says why, and goes on as before.
#[tokio::test]
async fn a_running_server_refuses_what_would_bring_it_down_and_answers_all_the_while() {
    const CHOSEN: [&str; 9] = [
        "parts in a circle",
        "parts that multiply",
        "very many choices in a text",
        "loops in loops of a rule",
        "a pipe",
        "a folder",
        "a circle of links",
        "no rule",
        "half the rules",
    ];
    let country = tempfile::tempdir().unwrap();
    let folder = format!("built-in:{}", country.path().display());
    let app = TestApp::with(
        surroundings().await,
        tempfile::tempdir().unwrap(),
        &[("COUNTRY_DIR", &folder)],
    )
    .await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let told = async |wanted: &dyn Fn(&str) -> bool| {
        let begun = Instant::now();
        loop {
            let asked = Instant::now();
            let answer = body(app.get("/readyz").await).await;
            assert!(
                asked.elapsed() < Duration::from_secs(5),
                "the server is blocked"
            );
            let said = answer["country"].as_str().unwrap().to_owned();
            if wanted(&said) {
                return;
            }
            assert!(begun.elapsed() < LONG, "{said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let all = [in_templates(), in_other_files(), not_files(), halves()];
    let chosen = all.into_iter().flatten();
    for (name, things, place, words) in chosen.filter(|(name, ..)| CHOSEN.contains(name)) {
        println!("{name}");
        write(country.path(), &things);
        told(&|said| said.contains(place) && said.contains(words)).await;
        assert_eq!(app.hook(&eligible_birth()).await.status(), 202, "{name}");
        for entry in fs::read_dir(country.path()).unwrap() {
            let path = entry.unwrap().path();
            let is_folder = path.is_dir() && !path.is_symlink();
            if is_folder {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            }
            .unwrap();
        }
        told(&|said| said == "ok").await;
    }
}

/// Whoever saves a file in several steps, or several files, is seen to do so: nothing in between is served.
#[tokio::test]
async fn a_file_is_taken_when_nobody_writes_it_any_more() {
    const FILE: &str = "translations/client.csv";
    let country = tempfile::tempdir().unwrap();
    let folder = format!("built-in:{}", country.path().display());
    fs::create_dir(country.path().join("translations")).unwrap();
    let app = TestApp::with(
        surroundings().await,
        tempfile::tempdir().unwrap(),
        &[("COUNTRY_DIR", &folder)],
    )
    .await;
    let path = country.path().join(FILE);
    let served = async || app.get("/content/client").await.text().await.unwrap();
    let text = |n: usize| shipped(FILE) + &format!("extra.step,x,step {n},pas {n}\n");
    for step in 0..12 {
        fs::write(&path, text(step)).unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert!(
            !served().await.contains("extra.step"),
            "taken in step {step}"
        );
    }
    let begun = Instant::now();
    loop {
        let served = served().await;
        if served.contains("extra.step") {
            assert!(served.contains("step 11"));
            break;
        }
        assert!(begun.elapsed() < LONG);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A server that starts must answer core: it does so with rules that do not meet their cases, too, and says so.
#[tokio::test]
async fn a_server_starts_with_failing_cases_and_says_which() {
    let country = tempfile::tempdir().unwrap();
    let case = "[[case]]\nname = \"newborn\"\nevent = \"birth\"\naction = \"REGISTER\"\ntoday = 2026-06-01\nstate = { child.dob = \"2026-05-20\", mother.verified = \"verified\" }\nexpect = \"none\"\n";
    write(
        country.path(),
        &[Text("eligibility.tests.toml", case.to_owned())],
    );
    let folder = format!("built-in:{}", country.path().display());
    let app = TestApp::with(
        surroundings().await,
        tempfile::tempdir().unwrap(),
        &[("COUNTRY_DIR", &folder)],
    )
    .await;
    app.wait_for(|status| status == 200, "/readyz").await;
    assert_eq!(app.hook(&eligible_birth()).await.status(), 202);
    let said = body(app.get("/readyz").await).await["country"].to_string();
    let metrics = app.get("/metrics").await.text().await.unwrap();
    assert!(
        metrics.contains("countryconfig_country_fault 1"),
        "{metrics}"
    );
    for words in [
        "in use, although 1 case",
        "eligibility.tests.toml:1",
        "case `newborn`",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

// SPDX-License-Identifier: MPL-2.0
//! The studio: its pages over HTTP and in a browser.

use super::browser::Browser;
use super::process::client;
use country::CountrySettings;
use countryconfig::pages::{self, Hosts};
use countryconfig::settings::Settings;
use countryconfig::studio::Studio;
use opencrvs_toolkit::evaluate::{Context, FieldRules, Verdict};
use opencrvs_toolkit::event_document::Fields;
use reqwest::{Client, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// A running studio.
struct Running {
    url: String,
    http: Client,
    _studio: std::sync::Arc<Studio>,
}

fn settings() -> CountrySettings {
    Settings::load(None, std::iter::empty()).unwrap().country()
}

/// A folder with the sample country.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    country::init(folder.path()).unwrap();
    folder
}

/// A studio of a folder, or of the built-in country.
async fn studio(folder: Option<&Path>) -> Running {
    of_country(folder.map(|folder| folder.to_str().unwrap())).await
}

/// A studio of a value of `COUNTRY_DIR`.
async fn of_country(country: Option<&str>) -> Running {
    let studio = Studio::open(settings(), country).await.unwrap();
    studio.watch().unwrap();
    let (listening, _) = pages::listen(0).await.unwrap();
    let address = listening.address();
    let pages = studio.endpoint(Hosts::loopback(address));
    tokio::spawn(listening.serve(pages, std::future::pending(), Duration::ZERO));
    Running {
        url: format!("http://{address}"),
        http: client(),
        _studio: studio,
    }
}

impl Running {
    async fn get(&self, path: &str) -> String {
        let answer = self
            .http
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> String {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("origin", &self.url)
            .form(form);
        request.send().await.unwrap().text().await.unwrap()
    }

    /// Puts a record on the desk.
    async fn record(&self, event: &str, answers: &Fields) {
        let path = format!("{}/forms/{event}/record", self.url);
        let answer = self
            .http
            .post(path)
            .header("origin", &self.url)
            .json(answers)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

/// The addresses of all pages of the forms of an event.
fn form_pages(event: &Value) -> Vec<String> {
    let id = event["id"].as_str().unwrap();
    let ids = |form: &Value| {
        form["pages"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|page| page["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let mut pages: Vec<String> = ids(&event["declaration"])
        .iter()
        .map(|page| format!("/forms/{id}/declaration/{page}"))
        .collect();
    pages.push(format!("/forms/{id}/declaration/review"));
    for action in event["actions"].as_array().unwrap() {
        let name = action["customActionType"]
            .as_str()
            .or(action["type"].as_str())
            .unwrap();
        for form in ["printForm", "correctionForm"] {
            pages.extend(
                ids(&action[form])
                    .iter()
                    .map(|page| format!("/forms/{id}/{name}/{page}")),
            );
        }
        let own = action["form"]
            .as_array()
            .or(action["review"]["fields"].as_array());
        if own.is_some_and(|fields| !fields.is_empty()) {
            pages.push(format!("/forms/{id}/{name}/form"));
        }
    }
    pages
}

fn events() -> Vec<Value> {
    let events = serde_json::to_value(country::events(&settings()).list).unwrap();
    events.as_array().unwrap().clone()
}

#[rstest]
#[case::rebound_domain(&[("host", "evil.example")])]
#[case::other_port(&[("host", "127.0.0.1:1")])]
#[case::script_of_another_page(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")])]
#[case::other_server_of_this_machine(&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")])]
#[tokio::test]
async fn another_page_of_the_browser_gets_nothing(#[case] headers: &[(&str, &str)]) {
    let studio = studio(None).await;
    for path in ["/", "/forms/birth/record", "/pages/changes"] {
        let mut request = studio.http.get(format!("{}{path}", studio.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(
            request.send().await.unwrap().status(),
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
}

#[tokio::test]
async fn another_page_of_the_browser_cannot_send_a_form() {
    let folder = folder();
    let studio = studio(Some(folder.path())).await;
    for origin in [
        None,
        Some("null"),
        Some("http://evil.example"),
        Some("http://127.0.0.1:1"),
    ] {
        for path in [
            "/rules",
            "/rules/save",
            "/rules/case",
            "/forms/birth/new",
            "/view",
        ] {
            let mut request = studio
                .http
                .post(format!("{}{path}", studio.url))
                .form(&[("rules", ""), ("name", "x")]);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            assert_eq!(
                request.send().await.unwrap().status(),
                StatusCode::FORBIDDEN,
                "{path} from {origin:?}"
            );
        }
    }
}

#[tokio::test]
async fn pages_may_use_nothing_but_themselves() {
    let studio = studio(None).await;
    let answer = studio.http.get(&studio.url).send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert!(
        header("content-security-policy")
            .starts_with("default-src 'none'; script-src 'self'; style-src 'self'")
    );
    assert_eq!(header("cache-control"), "no-store");
    let page = answer.text().await.unwrap();
    assert!(
        !page.contains("style=\"") && !page.contains("onclick"),
        "{page}"
    );
}

/// Numbers in an order that looks like none.
fn numbers(mut state: u64) -> impl FnMut(usize) -> usize {
    move |end| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % end as u64).unwrap()
    }
}

/// Made-up answers to a form.
fn answers(event: &Value, number: &mut impl FnMut(usize) -> usize) -> Fields {
    let pages = event["declaration"]["pages"].as_array().unwrap();
    let fields = pages
        .iter()
        .flat_map(|page| page["fields"].as_array().unwrap());
    let mut answers = Fields::new();
    for field in fields {
        let answer = match field["type"].as_str().unwrap() {
            "SELECT" | "RADIO_GROUP" => {
                let options = field["options"].as_array().unwrap();
                options[number(options.len())]["value"].clone()
            }
            "CHECKBOX" => json!(number(2) == 0),
            "DATE" => json!(format!("{}-0{}-11", 1950 + number(77), 1 + number(9))),
            "VERIFICATION_STATUS" => {
                json!(["verified", "authenticated", "failed", "pending"][number(4)])
            }
            "NAME" => json!({"firstname": "Amara", "surname": "Veradu"}),
            "ID" | "TEXT" => json!("1234567890"),
            _ => continue,
        };
        if number(4) > 0 {
            answers.insert(field["id"].as_str().unwrap().to_owned(), answer);
        }
    }
    answers
}

/// The fields of a page that the evaluator shows.
fn shown(page: &Value, context: &Context) -> BTreeSet<String> {
    // Core's client has nothing to show for these.
    let silent = ["HTTP", "QUERY_PARAM_READER", "ALPHA_HIDDEN"];
    let fields = page["fields"].as_array().unwrap().iter();
    let fields = fields.filter(|field| !silent.contains(&field["type"].as_str().unwrap()));
    let rules = fields.map(|field| FieldRules::new(field).unwrap());
    rules
        .filter(|rules| rules.shown(context) != Verdict::Fails)
        .map(|rules| rules.id().to_owned())
        .collect()
}

fn in_html(html: &str) -> BTreeSet<String> {
    let marked = html.split("data-field=\"").skip(1);
    marked
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

/// Conditions about nothing but the form and the day are what the evaluator says; those about the user
/// are asked for the same user in both.
#[tokio::test]
async fn a_page_shows_the_fields_that_the_evaluator_shows() {
    let studio = studio(None).await;
    let events = events();
    let mut number = numbers(0x5eed);
    let mut slowest = Duration::ZERO;
    for round in 0..200 {
        let event = &events[round % events.len()];
        let id = event["id"].as_str().unwrap();
        let answers = answers(event, &mut number);
        studio.record(id, &answers).await;
        let pages = event["declaration"]["pages"].as_array().unwrap();
        let page = &pages[number(pages.len())];
        let path = format!("/forms/{id}/declaration/{}", page["id"].as_str().unwrap());
        let begun = Instant::now();
        let html = studio.get(&path).await;
        slowest = slowest.max(begun.elapsed());
        let user = json!({"role": "LOCAL_REGISTRAR", "scope": [], "userType": "user", "sub": "x"});
        let context = Context::new(answers.clone(), day_of(&html)).user(user);
        assert_eq!(in_html(&html), shown(page, &context), "{path} {answers:?}");
    }
    println!("the slowest of 200 pages took {slowest:?}");
}

/// The day that the page was made on.
fn day_of(html: &str) -> jiff::civil::Date {
    let (_, rest) = html.split_once("data-today=\"").unwrap();
    rest.split('"').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_answer_resets_what_depends_on_it() {
    let studio = studio(None).await;
    let path = "/forms/birth/declaration/informant";
    let answers =
        json!({"informant.relation": "GRANDMOTHER", "informant.name": {"firstname": "Ada"}});
    studio.record("birth", answers.as_object().unwrap()).await;
    let page = studio
        .post(
            path,
            &[
                ("f:informant.relation", "BROTHER"),
                ("f:informant.name/firstname", "Ada"),
            ],
        )
        .await;
    assert!(page.contains("BROTHER"));
    let record: Value = serde_json::from_str(&studio.get("/forms/birth/record").await).unwrap();
    assert_eq!(record["informant.relation"], "BROTHER");
    assert_eq!(
        record["informant.name"],
        Value::Null,
        "its parent has changed"
    );
}

#[tokio::test]
async fn changed_rules_are_tried_compared_and_saved() {
    let folder = folder();
    let studio = studio(Some(folder.path())).await;
    let file = folder.path().join("eligibility.toml");
    let rules = std::fs::read_to_string(&file).unwrap();
    let record = json!({"child.dob": "2026-01-10", "informant.relation": "MOTHER", "mother.verified": "verified"});
    studio.record("birth", record.as_object().unwrap()).await;
    let send = |rules: String, more: &'static [(&'static str, &'static str)]| {
        let studio = &studio;
        async move {
            let mut form = vec![
                ("event", "birth"),
                ("action", "REGISTER"),
                ("status", "DECLARED"),
                ("today", "2026-06-01"),
                ("rules", &rules),
            ];
            form.extend(more);
            studio.post("/rules", &form).await
        }
    };
    let page = send(rules.clone(), &[]).await;
    assert!(page.contains("create-uin"), "{page}");

    // A mistake is shown at its line; the record is decided by the file.
    let broken = rules.replace("known(child.dob)", "known(child.dbo)");
    let page = send(broken, &[]).await;
    assert!(page.contains("did you mean `child.dob`?"), "{page}");

    let changed = rules.replace("< 10\"", "< 0\"");
    assert_ne!(changed, rules);
    let page = send(changed.clone(), &[("do", "impact")]).await;
    assert!(
        page.contains("The changed rules decide otherwise about this record."),
        "{page}"
    );
    assert!(page.contains("records are decided otherwise"), "{page}");
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        rules,
        "nothing is written before it is saved"
    );

    let page = studio
        .post("/rules/case", &[("name", "a \"quoted\" name")])
        .await;
    assert!(!page.contains("cannot"), "{page}");
    let cases = std::fs::read_to_string(folder.path().join("eligibility.tests.toml")).unwrap();
    let kept = cases.split("[[case]]").last().unwrap();
    for part in [
        "name = \"a \\\"quoted\\\" name\"",
        "today = 2026-06-01",
        "\"mother.verified\" = \"verified\"",
        "expect = \"none\"",
    ] {
        assert!(kept.contains(part), "{part} in {kept}");
    }
    studio.post("/rules/save", &[]).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), changed);
}

#[tokio::test]
async fn a_change_made_elsewhere_is_not_overwritten() {
    let folder = folder();
    let studio = studio(Some(folder.path())).await;
    let file = folder.path().join("eligibility.toml");
    let rules = std::fs::read_to_string(&file).unwrap();
    let draft = format!("{rules}# of the page\n");
    studio
        .post("/rules", &[("event", "birth"), ("rules", &draft)])
        .await;
    let elsewhere = format!("{rules}# of an editor\n");
    std::fs::write(&file, &elsewhere).unwrap();
    let page = studio.post("/rules/save", &[]).await;
    assert!(page.contains("has changed since you began"), "{page}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), elsewhere);
}

/// Fields of the program, changed ones, and the country's own; the changes stand in a folder that is laid over
/// the built-in country.
#[tokio::test]
async fn a_field_tells_the_file_and_line_where_it_is_defined() {
    let folder = tempfile::tempdir().unwrap();
    let forms = folder.path().join("forms");
    std::fs::create_dir(&forms).unwrap();
    let overlay = r#"
[[change]]
field = "child.gender"
label = "Sex of the child"

[[add]]
id = "child.card"
type = "TEXT"
label = "Card"
page = "child"
show-if = "child.gender == 'male'"
"#;
    std::fs::write(forms.join("birth.toml"), overlay).unwrap();
    let country = format!("built-in:{}", folder.path().display());
    let studio = of_country(Some(&country)).await;
    let panel = async |field: &str| {
        let page = studio
            .get(&format!("/forms/birth/declaration/child?field={field}"))
            .await;
        let (_, panel) = page.split_once("id=\"panel\"").unwrap();
        panel.to_owned()
    };
    let file = forms.join("birth.toml").display().to_string();
    let built_in = panel("child.name").await;
    assert!(
        built_in.contains("forms/src/birth/child.rs") && !built_in.contains(&file),
        "{built_in}"
    );
    let changed = panel("child.gender").await;
    assert!(
        changed.contains("forms/src/birth/child.rs")
            && changed.contains(&format!("label: <code>{file}:4</code>")),
        "{changed}"
    );
    let own = panel("child.card").await;
    assert!(
        own.contains(&format!("<code>{file}:6</code>")) && !own.contains("forms/src"),
        "{own}"
    );
    assert!(own.contains("child.gender == 'male'"), "{own}");
}

#[tokio::test]
async fn a_folder_with_changes_only_is_opened_over_the_built_in_country() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    let Err(error) = Studio::open(settings(), Some(name)).await else {
        panic!("a folder without application.toml is not a country");
    };
    let error = error.to_string();
    assert!(error.contains(&format!("`built-in:{name}`")), "{error}");
}

/// A rule that a case forbids is shown, with the case that is not met.
#[tokio::test]
async fn a_case_that_is_not_met_is_an_error_and_the_rules_are_shown_all_the_same() {
    let folder = folder();
    let file = folder.path().join("eligibility.toml");
    let rules = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, rules.replace("today) < 10\"", "today) < 1\"")).unwrap();
    let studio = studio(Some(folder.path())).await;
    let page = studio.get("/").await;
    assert!(
        page.contains("The country can be served all the same.")
            && page.contains("eligibility.tests.toml"),
        "{page}"
    );
    assert!(studio.get("/rules").await.contains("today) &lt; 1"));
}

#[tokio::test]
async fn the_built_in_country_is_never_written() {
    let studio = studio(None).await;
    studio
        .post("/rules", &[("event", "birth"), ("rules", "[conditions]\n")])
        .await;
    let page = studio.post("/rules/save", &[]).await;
    assert!(
        page.contains("The built-in country cannot be changed."),
        "{page}"
    );
    assert!(
        studio
            .post("/rules/case", &[("name", "x")])
            .await
            .contains("cannot be changed")
    );
}

#[tokio::test]
async fn certificates_and_messages_are_filled_in_with_the_record() {
    let studio = studio(None).await;
    let record = json!({"child.name": {"firstname": "Ottoline", "surname": "Zembrano"}});
    studio.record("birth", record.as_object().unwrap()).await;
    let page = studio.get("/papers?message=birth-registered").await;
    let (_, rest) = page.split_once("<img class=\"paper\" src=\"").unwrap();
    let path = rest.split('"').next().unwrap().replace("&amp;", "&");
    let drawing = studio.get(&path).await;
    assert!(
        drawing.contains("<svg") && drawing.contains("Zembrano"),
        "{path}"
    );
    assert!(page.contains("parts") || page.contains("1 part"), "{page}");
    assert!(
        studio
            .get("/papers/letter/birth-registered")
            .await
            .contains("Ottoline Zembrano")
    );
}

/// Every page of births and deaths, in both languages: rendered, in this program's style, and silent.
#[tokio::test]
async fn every_page_opens_in_the_browser_without_a_message_on_the_console() {
    let studio = studio(None).await;
    let browser = Browser::start(1400, 900).await;
    let sections = [
        "/",
        "/rules",
        "/papers",
        "/queues",
        "/places",
        "/forms/birth/sheet",
    ]
    .map(str::to_owned);
    let forms = events().iter().flat_map(form_pages).collect::<Vec<_>>();
    let paths: Vec<String> = sections.into_iter().chain(forms).collect();
    let mut slowest = 0.0_f64;
    for language in ["en", "fr"] {
        studio
            .post(
                "/view",
                &[
                    ("language", language),
                    ("role", "LOCAL_REGISTRAR"),
                    ("back", "/"),
                ],
            )
            .await;
        for path in &paths {
            browser.open(&format!("{}{path}", studio.url)).await;
            let shown = browser.run("return document.querySelector('main h1').textContent && getComputedStyle(document.querySelector('main')).maxWidth !== 'none'").await;
            assert_eq!(shown, true, "{path}");
            let paint = browser.run("return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0").await;
            slowest = slowest.max(paint.as_f64().unwrap());
            assert_eq!(browser.console().await, Vec::<String>::new(), "{path}");
        }
    }
    println!(
        "the slowest first paint of {} pages: {slowest:.0} ms",
        paths.len() * 2
    );
}

#[tokio::test]
async fn conditions_in_the_browser_follow_the_answers() {
    let studio = studio(None).await;
    let events = events();
    let birth = events.iter().find(|event| event["id"] == "birth").unwrap();
    let page = birth["declaration"]["pages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|page| page["id"] == "informant")
        .unwrap();
    let browser = Browser::start(1400, 900).await;
    browser
        .open(&format!("{}/forms/birth/declaration/informant", studio.url))
        .await;
    for relation in ["GRANDFATHER", "MOTHER", "OTHER"] {
        let choose = format!(
            "const choice = document.querySelector('[name=\"f:informant.relation\"]'); choice.value = '{relation}'; choice.dispatchEvent(new Event('input', {{ bubbles: true }}))"
        );
        browser.run(&choose).await;
        browser.until(&format!("!document.body.hasAttribute('aria-busy') && document.querySelector('[name=\"f:informant.relation\"]').value === '{relation}'")).await;
        let record: Value = serde_json::from_str(&studio.get("/forms/birth/record").await).unwrap();
        assert_eq!(record["informant.relation"], relation);
        let context = Context::new(
            record.as_object().unwrap().clone(),
            day_of(&studio.get("/forms/birth/declaration/informant").await),
        );
        let context = context.user(json!({"role": "LOCAL_REGISTRAR", "scope": []}));
        let wanted: Vec<String> = shown(page, &context).into_iter().collect();
        browser.until(&format!(
            "JSON.stringify([...new Set([...document.querySelectorAll('[data-field]')].map((field) => field.dataset.field))].sort()) === {}",
            json!(json!(wanted).to_string())
        )).await;
    }
    assert_eq!(browser.console().await, Vec::<String>::new());
}

/// Tab, typing and space are enough, and what is typed is not lost while the page changes around it.
#[tokio::test]
async fn a_form_is_filled_in_with_the_keyboard_alone() {
    const TAB: char = '\u{e004}';
    const ENTER: char = '\u{e007}';
    let studio = studio(None).await;
    let browser = Browser::start(1000, 900).await;
    browser
        .open(&format!("{}/forms/birth/declaration/child", studio.url))
        .await;
    browser.press(&[TAB]).await;
    assert_eq!(
        browser
            .run("return document.activeElement.textContent")
            .await,
        "Skip to the content"
    );
    browser.press(&[ENTER]).await;
    let mut name = false;
    for _ in 0..40 {
        browser.press(&[TAB]).await;
        let focus = browser
            .run("return document.activeElement.name || ''")
            .await;
        let outline = browser
            .run("return getComputedStyle(document.activeElement).outlineStyle")
            .await;
        assert_ne!(outline, "none", "the focus is seen on {focus}");
        if focus == "f:child.name/firstname" {
            name = true;
            break;
        }
    }
    assert!(name, "the first name is reached");
    browser
        .press(&"Amara Lindiwe".chars().collect::<Vec<_>>())
        .await;
    browser.press(&[TAB]).await;
    browser.press(&"Veradu".chars().collect::<Vec<_>>()).await;
    browser
        .until("!document.body.hasAttribute('aria-busy')")
        .await;
    for _ in 0..100 {
        let record: Value = serde_json::from_str(&studio.get("/forms/birth/record").await).unwrap();
        if record["child.name"]["surname"] == "Veradu"
            || record["child.name"]["middlename"] == "Veradu"
        {
            assert_eq!(record["child.name"]["firstname"], "Amara Lindiwe");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!(
        "what was typed has not arrived: {}",
        studio.get("/forms/birth/record").await
    );
}

/// Enter in a text sends the form, and presses none of its buttons.
#[tokio::test]
async fn enter_presses_no_button_that_does_something_else() {
    let studio = studio(None).await;
    let browser = Browser::start(1400, 900).await;
    browser.open(&format!("{}/rules", studio.url)).await;
    browser.type_into("#ever", "child.nid\u{e007}").await;
    browser.until("!document.body.hasAttribute('aria-busy') && document.querySelector('#ever').getAttribute('value') === 'child.nid'").await;
    let text = browser.text().await;
    assert!(!text.contains("There is no record in the text"), "{text}");
    browser.click("button[value=impact]").await;
    browser
        .until("document.body.innerText.includes('change their text first')")
        .await;
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_mistake_in_a_file_is_shown_at_its_line_and_goes_when_it_is_mended() {
    let folder = folder();
    let studio = studio(Some(folder.path())).await;
    let file = folder.path().join("eligibility.toml");
    let right = std::fs::read_to_string(&file).unwrap();
    let browser = Browser::start(1400, 900).await;
    browser.open(&studio.url).await;
    browser.until("document.readyState === 'complete'").await;
    std::fs::write(&file, right.replace("known(child.dob)", "known(child.dbo)")).unwrap();
    let seen = browser
        .until("document.body.innerText.includes('did you mean `child.dob`')")
        .await;
    let text = browser.text().await;
    assert!(
        text.contains("child-date-of-birth-known = \"known(child.dbo)\""),
        "{text}"
    );
    assert!(text.contains("the last state without errors"), "{text}");
    // The other pages go on with the last state: the decision reads the right field.
    let rules = studio.get("/rules").await;
    assert!(rules.contains("<code>child.dob</code>"), "{rules}");
    std::fs::write(&file, &right).unwrap();
    let mended = browser
        .until("!document.body.innerText.includes('child.dbo')")
        .await;
    println!("a mistake is on the page after {seen:?}, and gone after {mended:?}");
    assert_eq!(browser.console().await, Vec::<String>::new());
}

/// Screenshots for the documentation, with `SCREENSHOTS` naming the folder: see `docs/screenshots`.
#[tokio::test]
async fn screenshots() {
    let Ok(into) = std::env::var("SCREENSHOTS") else {
        return;
    };
    let folder = folder();
    let studio = studio(Some(folder.path())).await;
    let browser = Browser::start(1400, 900).await;
    studio.post("/forms/birth/example", &[]).await;
    studio
        .post(
            "/forms/birth/declaration/mother",
            &[("f:mother.verified", "verified")],
        )
        .await;
    let shots = [
        ("overview", "/"),
        (
            "form",
            "/forms/birth/declaration/mother?field=mother.reason",
        ),
        ("review", "/forms/birth/declaration/review"),
        ("rules", "/rules"),
        ("papers", "/papers?message=birth-registered"),
        ("queues", "/queues"),
        ("places", "/places"),
    ];
    for (size, width, height) in [("wide", 1400, 900), ("narrow", 360, 780)] {
        browser.resize(width, height).await;
        for scheme in ["light", "dark"] {
            browser.prefer(scheme).await;
            for (name, path) in shots {
                browser.open(&format!("{}{path}", studio.url)).await;
                browser
                    .until("[...document.images].every((image) => image.complete)")
                    .await;
                let wide = browser
                    .run("return document.documentElement.scrollWidth > innerWidth")
                    .await;
                assert_eq!(wide, false, "{name} is wider than {width}");
                std::fs::write(
                    format!("{into}/studio-{name}-{size}-{scheme}.png"),
                    browser.screenshot().await,
                )
                .unwrap();
            }
        }
    }
}

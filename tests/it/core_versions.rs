// SPDX-License-Identifier: MPL-2.0
//! What is served for each version of core, held against that version's own rules: an action type that core does not
//! know fails all events, and it then does not start.

use super::program::{countryconfig, text};
use super::{TestApp, surroundings};
use opencrvs_toolkit::core_version::CoreVersion::{self, V2_0, V2_0_1, V2_1, V2_2};
use serde_json::Value;

/// The types of action, and since which version core knows them.
const TYPES: [(&str, CoreVersion); 21] = [
    ("READ", V2_0),
    ("DECLARE", V2_0),
    ("REGISTER", V2_0),
    ("REJECT", V2_0),
    ("ARCHIVE", V2_0),
    ("EDIT", V2_0),
    ("PRINT_CERTIFICATE", V2_0),
    ("REQUEST_CORRECTION", V2_0),
    ("CUSTOM", V2_0),
    ("NOTIFY", V2_1),
    ("APPROVE_CORRECTION", V2_1),
    ("REJECT_CORRECTION", V2_1),
    ("UNARCHIVE", V2_1),
    ("ASSIGN", V2_1),
    ("UNASSIGN", V2_1),
    ("DELETE", V2_1),
    ("MARK_AS_DUPLICATE", V2_1),
    ("MARK_AS_NOT_DUPLICATE", V2_1),
    ("DUPLICATE_DETECTED", V2_1),
    ("REVOKE_REGISTRATION", V2_2),
    ("REINSTATE_REGISTRATION", V2_2),
];
/// Keys of actions, and since when; and of which types.
const REQUIRED: [(&str, &[&str]); 6] = [
    ("READ", &["review"]),
    ("DECLARE", &["review"]),
    ("EDIT", &["dialogCopy"]),
    ("PRINT_CERTIFICATE", &["printForm"]),
    ("REQUEST_CORRECTION", &["correctionForm"]),
    ("CUSTOM", &["customActionType", "form", "auditHistoryLabel"]),
];
const BASE: [&str; 6] = [
    "type",
    "label",
    "flags",
    "icon",
    "supportingCopy",
    "conditionals",
];
const WITH_FORM: [&str; 7] = [
    "NOTIFY",
    "DECLARE",
    "REGISTER",
    "REJECT",
    "ARCHIVE",
    "REVOKE_REGISTRATION",
    "REINSTATE_REGISTRATION",
];

/// What a version of core refuses or drops about its events.
fn faults(core: CoreVersion, event: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("{}: {what}", event["id"]));
    let actions = event["actions"].as_array().unwrap();
    let types: Vec<_> = actions
        .iter()
        .map(|action| action["type"].as_str().unwrap())
        .collect();
    for (action, name) in actions.iter().zip(&types) {
        if !TYPES
            .iter()
            .any(|(known, since)| known == name && core >= *since)
        {
            fault(format!("unknown action {name}"));
        }
        let keys: Vec<_> = action
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let required = REQUIRED.iter().find(|(known, _)| known == name);
        let required = required.map_or(&[][..], |(_, keys)| keys);
        let missing = required
            .iter()
            .chain(&["label"])
            .filter(|key| !keys.contains(key));
        missing.for_each(|key| fault(format!("{name} lacks {key}")));
        for key in &keys {
            let is_known = BASE.contains(key)
                || required.contains(key)
                || *key == "deduplication" && ["DECLARE", "REGISTER"].contains(name)
                || *key == "dialogCopy" && ["DECLARE", "EDIT"].contains(name)
                || *key == "form" && core >= V2_1 && WITH_FORM.contains(name)
                || *key == "declaration" && core >= V2_2 && *name == "DECLARE";
            if !is_known {
                fault(format!("{name} has {key}"));
            }
        }
        let absent: &[&str] = match *name {
            "READ" if core >= V2_1 => &["flags", "conditionals"],
            "READ" => &["conditionals"],
            "ASSIGN" | "UNASSIGN" => &["flags"],
            _ => &[],
        };
        absent
            .iter()
            .filter(|key| keys.contains(key))
            .for_each(|key| fault(format!("{name} has {key}")));
    }
    if types.iter().filter(|name| **name == "DECLARE").count() != 1 {
        fault("not exactly one DECLARE".into());
    }
    if (core >= V2_2) == event.get("declaration").is_some() {
        fault("the declaration stands in the wrong place".into());
    }
    if event.get("icon").is_some() && core < V2_1 {
        fault("it has an icon".into());
    }
    let json = event.to_string();
    if core >= V2_2 && json.contains("\"incomplete\"") {
        fault("the flag incomplete".into());
    }
    let newer = [
        "showClearButton",
        "activeOnly",
        "anchorToDateOfEvent",
        "hideEmptyFields",
        "\"secured\":{",
    ];
    let newer = newer
        .iter()
        .filter(|key| core < V2_1 && json.contains(**key));
    newer.for_each(|key| fault(format!("{key} is newer")));
    faults
}

/// The types of scope that each version reads, and what may limit them.
fn options(core: CoreVersion, kind: &str) -> Option<Vec<&'static str>> {
    const E: [&str; 2] = ["event", "placeOfEvent"];
    let mut options = E.to_vec();
    let later: &[&str] = if core >= V2_1 {
        &["notifiedIn", "notifiedBy", "status"]
    } else {
        &[]
    };
    let declared = ["declaredIn", "declaredBy"];
    let registered = ["registeredIn", "registeredBy"];
    let flags: &[&str] = if core >= V2_1 {
        &["flags.anyOf", "flags.noneOf", "flags.allOf"]
    } else {
        &[]
    };
    match kind {
        "record.create" | "record.declare" | "record.notify" => {
            if core >= V2_0_1 {
                options.extend(["createdBy", "createdIn"]);
            }
        }
        "record.unarchive" if core < V2_1 => return None,
        "record.revoke-registration" | "record.reinstate-registration" if core < V2_2 => {
            return None;
        }
        "record.edit"
        | "record.reject"
        | "record.archive"
        | "record.register"
        | "record.unarchive"
        | "record.revoke-registration"
        | "record.reinstate-registration" => {
            options.extend(declared);
            options.extend(later);
        }
        "record.review-duplicates" if core < V2_1 => options.extend(declared),
        "record.review-duplicates"
        | "record.search"
        | "record.read"
        | "record.request-correction"
        | "record.correct"
        | "record.unassign-others"
        | "record.custom-action"
        | "record.print-certified-copies" => {
            options.extend(declared);
            options.extend(registered);
            options.extend(later);
            options.extend(flags);
            match kind {
                "record.custom-action" => options.push("customActionTypes"),
                "record.print-certified-copies" => options.push("templates"),
                _ => {}
            }
        }
        "user.create" | "user.edit" => return Some(vec!["accessLevel", "role"]),
        "user.read" | "user.search" | "organisation.read-locations" => {
            return Some(vec!["accessLevel"]);
        }
        "workqueue" | "dashboard.view" => return Some(vec!["ids"]),
        "integration.audit.read" | "location.edit" => return (core >= V2_1).then(Vec::new),
        "bypassratelimit"
        | "record.reindex"
        | "user.data-seeding"
        | "integration.create"
        | "record.import"
        | "config.update-all"
        | "attachment.upload"
        | "profile.electronic-signature"
        | "user.read-only-my-audit"
        | "performance.read"
        | "performance.read-dashboards"
        | "performance.vital-statistics-export" => return Some(vec![]),
        _ => return None,
    }
    Some(options)
}

/// What core's seeder knows of a user. From 2.1 on it refuses all users for one key that it does not know.
const USER: [&str; 8] = [
    "primaryOfficeId",
    "givenNames",
    "familyName",
    "role",
    "mobile",
    "username",
    "email",
    "password",
];

/// Every object of a list has these keys and no others.
fn only(list: &Value, keys: &[&str]) {
    let objects = list.as_array().unwrap();
    assert!(!objects.is_empty());
    for object in objects {
        let own: Vec<_> = object.as_object().unwrap().keys().collect();
        assert!(
            own.iter().all(|key| keys.contains(&key.as_str())),
            "{own:?}"
        );
    }
}

#[tokio::test]
async fn each_version_is_served_what_it_understands() {
    let mut served = Vec::new();
    for core in CoreVersion::ALL {
        let outside = surroundings().await;
        let folder = tempfile::tempdir().unwrap();
        let app = TestApp::with(outside, folder, &[("CORE_VERSION", core.as_str())]).await;
        let document = async |path: &str| app.get(path).await.json::<Value>().await.unwrap();
        let events = document("/config/events").await;
        for event in events.as_array().unwrap() {
            assert_eq!(faults(core, event), Vec::<String>::new(), "core {core}");
        }
        for role in document("/config/roles").await.as_array().unwrap() {
            for scope in role["scopes"].as_array().unwrap() {
                let mut parts = scope
                    .as_str()
                    .unwrap()
                    .split('&')
                    .map(|part| part.split_once('=').unwrap());
                let (_, kind) = parts.next().unwrap();
                let Some(known) = options(core, kind) else {
                    panic!("core {core} does not read {scope}");
                };
                let unknown: Vec<_> = parts
                    .filter(|(name, _)| !known.contains(&name.trim_end_matches("[]")))
                    .collect();
                assert!(
                    unknown.is_empty(),
                    "core {core} drops {unknown:?} of {scope}"
                );
            }
        }
        let places = document("/config/locations").await;
        let location = ["id", "name", "partOf", "locationType"];
        only(&places["administrativeAreas"], &location[..3]);
        only(&places["locations"], &location);
        let users = app.http.get(format!("{}/config/users", app.url));
        let users = users.bearer_auth(super::user_token(&[])).send().await;
        only(&users.unwrap().json().await.unwrap(), &USER);
        let queues = document("/config/workqueues").await.to_string();
        assert_eq!(
            queues.contains("\"incomplete\""),
            core < V2_2,
            "core {core}"
        );
        assert_eq!(queues.contains("\"NOTIFIED\""), core >= V2_2);
        assert!(core >= V2_1 || !queues.contains("allOf"));
        for path in ["/client-config.js", "/login-config.js"] {
            let script = app.get(path).await.text().await.unwrap();
            assert_eq!(script.contains("SENTRY"), core < V2_1, "core {core} {path}");
        }
        served.push(events);
    }
    // Nothing is different for patches of 2.0.
    assert_eq!(served[0], served[1]);
    let unarchive = |events: &Value| {
        events[0]["actions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|a| a["type"] == "UNARCHIVE")
    };
    assert_eq!(
        [0, 1, 2, 3].map(|n| unarchive(&served[n])),
        [false, false, true, true]
    );
}

#[test]
fn check_tells_with_file_and_line_what_a_version_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    country::files::init(folder.path()).unwrap();
    let change = |file: &str, from: &str, to: &str| {
        let path = folder.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    };
    let check = |core: &str| {
        let output = countryconfig(
            &["check", "--json", "--core-version", core],
            &[("COUNTRY_DIR", folder.path().to_str().unwrap())],
        );
        let found: Vec<Value> = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        let said = |problem: &Value| {
            format!(
                "{}:{} {}",
                problem["file"]
                    .as_str()
                    .unwrap()
                    .rsplit('/')
                    .next()
                    .unwrap(),
                problem["line"],
                problem["message"]
            )
        };
        found.iter().map(said).collect::<Vec<_>>().join("\n")
    };
    for core in ["2.0", "2.0.3", "2.1", "2.2"] {
        assert_eq!(check(core), "", "core {core}");
    }
    let line = |file: &str, word: &str| {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        text.lines().position(|line| line.contains(word)).unwrap() + 1
    };
    change(
        "roles.toml",
        "{ type = \"performance.read\" },",
        "{ type = \"record.confirm-registration\" },",
    );
    change(
        "roles.toml",
        "{ type = \"record.search\", place_of_event = \"administrativeArea\" }",
        "{ type = \"record.search\", flags_none_of = [\"revoked\"] }",
    );
    change(
        "workqueues.toml",
        "with-any-flag = [\"incomplete\"]\nwithout-flags = [\"rejected\"]",
        "without-flags = [\"incomplete\"]",
    );
    let (gone, newer) = (
        line("roles.toml", "record.confirm-registration"),
        line("roles.toml", "flags_none_of = ["),
    );
    let of_2_0 = check("2.0");
    assert!(
        of_2_0.contains(&format!("roles.toml:{newer} "))
            && of_2_0.contains("does not know `flags_none_of`"),
        "{of_2_0}"
    );
    assert!(!of_2_0.contains("confirm-registration"));
    let of_2_1 = check("2.1");
    assert!(
        of_2_1.contains(&format!("roles.toml:{gone} "))
            && of_2_1.contains("has no scope `record.confirm-registration`"),
        "{of_2_1}"
    );
    assert!(!of_2_1.contains("flags_none_of"));
    let of_2_2 = check("2.2");
    assert!(
        of_2_2.contains("workqueues.toml:") && of_2_2.contains("no flag `incomplete`"),
        "{of_2_2}"
    );
    let unknown = countryconfig(&["check", "--core-version", "1.9"], &[]);
    assert!(
        text(&unknown.stderr).contains("known are 2.0, 2.0.1, 2.1, 2.2"),
        "{}",
        text(&unknown.stderr)
    );
    let unknown = countryconfig(&["serve"], &[("CORE_VERSION", "3.0")]);
    assert!(text(&unknown.stderr).contains(
        "CORE_VERSION: `3.0`: is not a known version of core; known are 2.0, 2.0.1, 2.1, 2.2"
    ));
}

#[test]
fn upgrade_rewrites_what_is_mechanical_and_leaves_the_rest_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    country::files::init(folder.path()).unwrap();
    let path = |file: &str| folder.path().join(file);
    let read = |file: &str| std::fs::read_to_string(path(file)).unwrap();
    let of_2_1 = [
        "record.unarchive",
        "integration.audit.read",
        "location.edit",
    ];
    let is_later = |line: &&str| {
        of_2_1
            .iter()
            .any(|kind| line.contains(&format!("\"{kind}\"")))
    };
    let shipped = read("roles.toml");
    let before: Vec<_> = shipped.lines().filter(|line| !is_later(line)).collect();
    let gone = "  { type = \"record.confirm-registration\" },";
    let before = before.join("\n") + "\n";
    let before = before.replacen("scope = [\n", &format!("scope = [\n{gone}\n"), 1);
    std::fs::write(path("roles.toml"), &before).unwrap();
    std::fs::remove_file(path("integrations.toml")).unwrap();
    let run = |arguments: &[&str]| {
        let output = countryconfig(
            arguments,
            &[("COUNTRY_DIR", folder.path().to_str().unwrap())],
        );
        (
            output.status.success(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    assert!(!run(&["check", "--core-version", "2.1"]).0);
    let (_, said) = run(&["upgrade", "--to", "2.1", "--dry-run"]);
    assert!(
        said.contains("removed the scope record.confirm-registration")
            && said.contains("Nothing was written"),
        "{said}"
    );
    assert_eq!(read("roles.toml"), before);
    let (succeeded, said) = run(&["upgrade", "--to", "2.1"]);
    assert!(succeeded, "{said}");
    let after = read("roles.toml");
    // Line by line the same, but for what is new, each in a line of its own behind its like.
    let kept: Vec<_> = after.lines().filter(|line| !is_later(line)).collect();
    assert_eq!(
        kept,
        before
            .lines()
            .filter(|line| *line != gone)
            .collect::<Vec<_>>()
    );
    let added: Vec<_> = after.lines().filter(is_later).collect();
    let mut expected: Vec<_> = shipped.lines().filter(is_later).collect();
    expected.sort_unstable();
    let mut sorted = added.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    for (line, next) in after.lines().zip(after.lines().skip(1)) {
        assert_eq!(
            line.contains("\"record.archive\""),
            next.contains("\"record.unarchive\""),
            "{line}"
        );
    }
    assert_eq!(
        read("integrations.toml"),
        include_str!("../../country/data/integrations.toml")
    );
    for core in ["2.0", "2.1"] {
        let (succeeded, said) = run(&["check", "--strict", "--core-version", core]);
        assert!(succeeded, "{core} {said}");
    }
    assert!(
        run(&["upgrade", "--to", "2.1"])
            .1
            .contains("Nothing has to be rewritten")
    );
    run(&["upgrade", "--to", "2.2"]);
    let queues = read("workqueues.toml");
    assert!(
        queues.contains("status = \"NOTIFIED\"") && !queues.contains("\"incomplete\""),
        "{queues}"
    );
    assert!(run(&["check", "--core-version", "2.2"]).0);
}

#[tokio::test]
async fn cores_figures_go_nowhere_unless_somebody_has_asked_for_it() {
    use super::user_token;
    use countryconfig::settings::VARIABLES;
    use wiremock::matchers::path;
    use wiremock::{Mock, ResponseTemplate};
    let report = serde_json::json!({
        "reported_at": "2026-11-26T00:00:00.000Z", "app_version": "2.1.0",
        "metrics": {"events.total": 1, "records": ["planted"], "users": {"planted": 1}},
    });
    let outside = surroundings().await;
    for status in [200, 500] {
        let mock = Mock::given(path("/figures")).respond_with(ResponseTemplate::new(status));
        mock.up_to_n_times(1).mount(&outside).await;
    }
    let url = format!("{}/figures", outside.uri());
    let needed = VARIABLES
        .iter()
        .filter(|v| v.development.is_some() && v.production.is_none());
    let needed = needed
        .map(|v| (v.name, v.example))
        .filter(|(name, _)| !["AUTH_URL", "GATEWAY_URL"].contains(name));
    let mut production: Vec<_> = needed.collect();
    production.extend([
        ("NODE_ENV", "production"),
        ("CORE_VERSION", "2.1"),
        ("ENVIRONMENT_NAME", "staging"),
    ]);
    let send = async |app: &TestApp, token: &str| {
        let answer = app
            .post("/trigger/telemetry", token, report.to_string())
            .await;
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap()["status"].clone(),
        )
    };
    let service = super::core_2_1::service_token();
    let off = TestApp::with(
        surroundings().await,
        tempfile::tempdir().unwrap(),
        &[("CORE_VERSION", "2.1"), ("TELEMETRY_URL", &url)],
    )
    .await;
    off.wait_for(|status| status == 200, "/readyz").await;
    assert_eq!(send(&off, "").await.0, 401);
    assert_eq!(send(&off, &user_token(&[])).await.0, 403);
    assert_eq!(
        send(&off, &service).await,
        (200, "skipped".into()),
        "it is not production"
    );
    let silent = TestApp::with(
        surroundings().await,
        tempfile::tempdir().unwrap(),
        &production,
    )
    .await;
    production.push(("TELEMETRY_URL", &url));
    let on = TestApp::with(outside, tempfile::tempdir().unwrap(), &production).await;
    for app in [&silent, &on] {
        app.wait_for(|status| status == 200, "/readyz").await;
    }
    assert_eq!(
        send(&silent, &service).await,
        (200, "skipped".into()),
        "nobody has asked for it"
    );
    assert_eq!(send(&on, &service).await, (202, "forwarded".into()));
    assert_eq!(send(&on, &service).await, (502, "error".into()));
    let requests = on.outside.received_requests().await.unwrap();
    let mut figures = requests
        .iter()
        .filter(|request| request.url.path() == "/figures");
    let figures: Value = serde_json::from_slice(&figures.next().unwrap().body).unwrap();
    assert_eq!(figures["metrics"], serde_json::json!({"events.total": 1}));
    assert_eq!(
        (
            &figures["schema_version"],
            &figures["instance"]["environment"]
        ),
        (&"1.0".into(), &"staging".into())
    );
}

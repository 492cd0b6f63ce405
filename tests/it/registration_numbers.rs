// SPDX-License-Identifier: MPL-2.0
//! Registration numbers that tell office, year and sequence.

use super::operators::Operator;
use super::{TestApp, environment, plain_birth, surroundings};
use handlers::clock::{Clock, SystemClock};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Makes a layer of a country with this file.
pub(super) fn numbers_in_sequence(country: &Path, text: &str) {
    fs::create_dir_all(country).unwrap();
    fs::write(country.join("registration-numbers.toml"), text).unwrap();
}

const FORMATS: &str = r#"
[[event]]
id = "birth"
format = "B-{area.1.code}-{office.code}-{year}-{sequence:5}"
per = ["office", "year"]
starts = { CRO0102 = 500 }
fallback = "X-{random:10}"
fallback-offices = ["CRO0001", "CRO0002", "CRO0003", "CRO0004"]
"#;

async fn core_has_offices(outside: &MockServer) {
    let list = |rows: Value| {
        ResponseTemplate::new(200).set_body_json(json!({"result": {"data": {"json": rows}}}))
    };
    let areas = json!([{"id": "p", "name": "Lumareva", "parentId": null, "externalId": "FAR01"}]);
    let office = |id: &str, external: &str| json!({"id": id, "name": id, "locationType": "CRVS_OFFICE", "administrativeAreaId": "p", "externalId": external});
    let locations = json!([office("uuid-1", "CRO0101"), office("uuid-2", "CRO0102")]);
    for (name, rows) in [("administrativeAreas", areas), ("locations", locations)] {
        Mock::given(path(format!("/events/{name}.list")))
            .respond_with(list(rows))
            .mount(outside)
            .await;
    }
}

/// The number that a birth at an office gets.
async fn number(app: &TestApp, office: &str) -> String {
    let mut birth = plain_birth();
    birth["actions"][2]["createdAtLocation"] = json!(office);
    let answers = [app.hook(&birth).await, app.hook(&birth).await];
    let mut numbers = Vec::new();
    for answer in answers {
        assert_eq!(answer.status(), 200);
        let body: Value = answer.json().await.unwrap();
        numbers.push(body["registrationNumber"].as_str().unwrap().to_owned());
    }
    assert_eq!(numbers[0], numbers[1], "asked again");
    numbers.remove(0)
}

#[tokio::test]
async fn a_birth_gets_the_next_number_of_its_office_and_never_waits_for_it() {
    let (outside, folder) = (surroundings().await, tempfile::tempdir().unwrap());
    core_has_offices(&outside).await;
    let country = folder.path().join("country");
    numbers_in_sequence(&country, FORMATS);
    let layers = format!("built-in:{}", country.display());
    let mut settings = environment(&outside, folder.path());
    settings.push(("COUNTRY_DIR".into(), layers.clone()));
    let operator = Operator(settings);

    // The last numbers of the former system are taken over before the first start.
    let year = TimeZone::UTC.to_datetime(SystemClock.now()).year();
    let last = folder.path().join("last.csv");
    fs::write(
        &last,
        format!("event,office,year,last\nbirth,CRO0101,{year},41\n"),
    )
    .unwrap();
    let (code, said) = operator
        .says(&format!("numbers import {} --dry-run", last.display()))
        .await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("would be taken over"), "{said}");
    assert!(
        !folder.path().join("ledger.db").exists(),
        "a dry run writes nothing"
    );
    let taken = operator
        .json(&format!("numbers import {}", last.display()))
        .await;
    assert_eq!(taken[0]["number"], format!("B-FAR01-CRO0101-{year}-00041"));
    fs::write(
        &last,
        "event,office,year,last\nbirth,CRO010,2027,x\nbrith,CRO0101,2027,1\n",
    )
    .unwrap();
    let (code, said) = operator
        .says(&format!("numbers import {}", last.display()))
        .await;
    assert_ne!(code, Some(0));
    for told in [
        "`x` is not a whole number",
        "without prefix and check digits",
        "did you mean `birth`",
        "2 errors in ",
    ] {
        assert!(said.contains(told), "{said}");
    }

    let app = TestApp::with(outside, folder, &[("COUNTRY_DIR", &layers)]).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let first = number(&app, "uuid-1").await;
    assert!(first.starts_with("X-"), "core was not asked yet: {first}");
    let known = async {
        while number(&app, "uuid-2").await.starts_with("X-") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), known)
        .await
        .unwrap();
    let next = number(&app, "uuid-1").await;
    assert_eq!(next, format!("B-FAR01-CRO0101-{year}-00042"));
    let next = number(&app, "uuid-2").await;
    assert_eq!(next, format!("B-FAR01-CRO0102-{year}-00501"));

    for office in ["uuid-1", "CRO0101"] {
        let shown = operator
            .json(&format!("numbers next --office {office}"))
            .await;
        assert_eq!(shown["number"], format!("B-FAR01-CRO0101-{year}-00043"));
    }
    let all = operator.json("numbers").await;
    let last = |n: usize| all["sequences"][n]["last"].as_u64().unwrap();
    assert_eq!((last(0), last(1)), (42, 501));
    assert_eq!(all["lost"], json!([]));
    let (_, said) = operator
        .says("numbers next --event death --office CRO0101")
        .await;
    assert!(said.contains("numbers of `death` are random"), "{said}");
}

// SPDX-License-Identifier: MPL-2.0
//! Causes of death, as core's client looks for them, and the table for dashboards.

use super::{TestApp, json as body, surroundings};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::time::Duration;

/// The labels that are found for what is typed.
async fn found(app: &TestApp, terms: &str) -> Vec<String> {
    let url = reqwest::Url::parse_with_params(
        &format!("{}/causes-of-death", app.url),
        [("terms", terms)],
    );
    let response = app.http.get(url.unwrap()).send().await.unwrap();
    assert_eq!(response.status(), 200, "{terms}");
    let results = body(response).await["results"].take();
    let label = |choice: &Value| {
        assert_eq!(choice.as_object().unwrap().len(), 2);
        assert!(!choice["id"].as_str().unwrap().is_empty());
        choice["label"].as_str().unwrap().to_owned()
    };
    results.as_array().unwrap().iter().map(label).collect()
}

#[tokio::test]
async fn a_physician_finds_causes_by_code_words_and_with_errors() {
    let app = TestApp::start().await;
    assert_eq!(
        found(&app, "I21.9").await,
        ["Acute myocardial infarction, unspecified"]
    );
    assert_eq!(
        found(&app, "infarct myocard old").await,
        ["Old myocardial infarction"]
    );
    assert_eq!(
        found(&app, "celebral malaria").await,
        ["Plasmodium falciparum malaria with cerebral complications"]
    );
    let malaria = found(&app, " Malária ").await;
    assert_eq!(malaria[0], "Unspecified malaria");
    assert_eq!(found(&app, "malaira").await, malaria);
    let many = found(&app, "a").await;
    assert_eq!(many.len(), 50);
    assert_eq!(found(&app, "a").await, many);
    assert!(found(&app, "%").await.is_empty());
    assert!(found(&app, &"qx ".repeat(66)).await.is_empty());
}

#[tokio::test]
async fn without_something_to_look_for_the_answer_is_400() {
    let app = TestApp::start().await;
    let long = format!("?terms={}", "x".repeat(201));
    for (query, error) in [
        ("", "Missing 'terms' parameter"),
        ("?terms=", "Missing 'terms' parameter"),
        ("?terms=%20", "Missing 'terms' parameter"),
        (&long, "The 'terms' parameter is longer than 200 letters"),
    ] {
        let response = app.get(&format!("/causes-of-death{query}")).await;
        assert_eq!(response.status(), 400);
        assert_eq!(body(response).await, json!({"error": error}));
    }
}

#[tokio::test]
async fn the_table_for_dashboards_holds_the_list() {
    let url = testing::postgres::database().await;
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with(
        surroundings().await,
        folder,
        &[("REFERENCE_DATA_DATABASE_URL", &url)],
    )
    .await;
    app.wait_for(|status| status == 200, "/readyz").await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut rows: Vec<(String, String)> = vec![];
    while rows.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let asked =
            sqlx::query_as("SELECT id, code FROM reference_data.icd10 WHERE label = 'Cholera'");
        rows = asked.fetch_all(&mut connection).await.unwrap_or_default();
    }
    let served = body(app.get("/causes-of-death?terms=A00").await).await;
    assert_eq!(
        rows[0],
        (
            served["results"][0]["id"].as_str().unwrap().to_owned(),
            "A00".to_owned()
        )
    );
}

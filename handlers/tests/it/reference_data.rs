// SPDX-License-Identifier: MPL-2.0
//! The table of causes of death for dashboards.

use country::causes_of_death::{Cause, Causes};
use handlers::integrations::reference_data::{Changes, ReferenceData};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

fn causes(rows: &[(&str, &str, &str)]) -> Causes {
    let cause = |(id, label, code): &(&str, &str, &str)| Cause {
        id: (*id).to_owned(),
        label: (*label).to_owned(),
        code: (*code).to_owned(),
    };
    Causes::new(rows.iter().map(cause).collect())
}

/// Id, label, code and whether it can be chosen, by id.
async fn table(url: &str) -> Vec<(String, String, String, bool)> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_as(
        "SELECT id, label, code, valid_until IS NULL FROM reference_data.icd10 ORDER BY id",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
}

fn row(id: &str, label: &str, code: &str, valid: bool) -> (String, String, String, bool) {
    (id.to_owned(), label.to_owned(), code.to_owned(), valid)
}

fn changes(written: u64, retired: u64) -> Changes {
    Changes { written, retired }
}

#[tokio::test]
async fn the_table_follows_the_file() {
    let url = testing::postgres::database().await;
    let data: ReferenceData = url.parse().unwrap();
    let first = causes(&[("1", "Cholera", "A00"), ("2", "Plague", "A20")]);
    assert_eq!(data.bring_in_step(&first).await.unwrap(), changes(2, 0));
    assert_eq!(data.bring_in_step(&first).await.unwrap(), changes(0, 0));

    let second = causes(&[("1", "Cholera, all kinds", "A00"), ("3", "Anthrax", "A22")]);
    let both = tokio::join!(data.bring_in_step(&second), data.bring_in_step(&second));
    let both = [both.0.unwrap(), both.1.unwrap()];
    assert!(
        both.contains(&changes(2, 1)) && both.contains(&changes(0, 0)),
        "{both:?}"
    );
    let expected = [
        row("1", "Cholera, all kinds", "A00", true),
        row("2", "Plague", "A20", false),
        row("3", "Anthrax", "A22", true),
    ];
    assert_eq!(table(&url).await, expected);

    assert_eq!(data.bring_in_step(&first).await.unwrap(), changes(2, 1));
    assert!(table(&url).await.contains(&row("2", "Plague", "A20", true)));
}

/// As in an installation of the reference: another user has made the table, and this one may only
/// write into it.
#[tokio::test]
async fn a_user_who_may_only_write_is_enough() {
    let url = testing::postgres::database().await;
    let owner: ReferenceData = url.parse().unwrap();
    owner
        .bring_in_step(&causes(&[("old", "Cholera", "A00")]))
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let user = format!("writer_{}", uuid::Uuid::new_v4().simple());
    let grants = format!(
        "CREATE ROLE {user} LOGIN; GRANT USAGE ON SCHEMA reference_data TO {user};
         GRANT SELECT, INSERT, UPDATE, DELETE ON reference_data.icd10 TO {user}"
    );
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(grants)))
        .await
        .unwrap();
    let as_writer = url.replacen("postgres@", &format!("{user}@"), 1);
    let writer: ReferenceData = as_writer.parse().unwrap();
    let after = writer
        .bring_in_step(&causes(&[("new", "Cholera", "A00")]))
        .await;
    assert_eq!(after.unwrap(), changes(1, 1));
}

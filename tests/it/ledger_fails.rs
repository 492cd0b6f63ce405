// SPDX-License-Identifier: MPL-2.0
//! The ledger cannot be written for a while: an honest answer, nothing lost, and it recovers.

use super::process::{Load, Process, all_is_kept, client, hook};
use super::{environment, plain_birth, surroundings};
use std::process::Command;
use testing::postgres::Cluster;
use testing::within;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_an_honest_503_and_ends_with_it() {
    let outside = surroundings().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
    // No file may grow beyond a few hundred kilobytes. The signal about that would end the process;
    // without it, writing fails as it does on a full disk.
    let line = r#"trap '' XFSZ; ulimit -S -f 600; exec "$0" serve"#;
    let environment = environment(&outside, folder.path());
    let server = Process::start_in(&environment, line);
    let load = Load::start(4, server.port);
    load.goes_on(10).await;
    // Each hook is tried for 25 s.
    within("a full disk", async || load.unavailable() > 3).await;
    assert_eq!(server.status("/readyz").await, Some(503));
    assert_eq!(server.status("/config/events").await, Some(200));

    let more_space = Command::new("prlimit")
        .arg(format!("--pid={}", server.id()))
        .arg("--fsize=unlimited")
        .status();
    assert!(more_space.unwrap().success());
    load.goes_on(50).await;
    server.is_ready().await;
    all_is_kept(&load.stop(), &url, &outside, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_restarted_loses_nothing_and_no_hook() {
    let mut cluster = Cluster::start();
    let url = cluster.database().await;
    let outside = surroundings().await;
    let folder = tempfile::tempdir().unwrap();
    let mut environment = environment(&outside, folder.path());
    environment.push(("LEDGER_URL".into(), url.clone()));
    let server = Process::start(&environment);
    let load = Load::start(8, server.port);
    for _ in 0..3 {
        load.goes_on(30).await;
        cluster.stop();
        within("not ready", async || {
            server.status("/readyz").await == Some(503)
        })
        .await;
        assert_eq!(server.status("/config/events").await, Some(200));
        cluster.resume();
    }
    load.goes_on(30).await;
    server.is_ready().await;
    assert_eq!(load.unavailable(), 0, "each hook has waited for its answer");
    all_is_kept(&load.stop(), &url, &outside, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_not_there_at_the_start_holds_nothing_up_but_hooks() {
    let outside = surroundings().await;
    let folder = tempfile::tempdir().unwrap();
    // A file where its folder is to be.
    let place = folder.path().join("late");
    std::fs::write(&place, "").unwrap();
    let environment = environment(&outside, &place);
    let server = Process::start(&environment);
    within("forms", async || {
        server.status("/config/events").await == Some(200)
    })
    .await;
    for (path, status) in [("/ping", 200), ("/livez", 200), ("/readyz", 503)] {
        assert_eq!(server.status(path).await, Some(status), "{path}");
    }
    let http = client();
    let (record, port) = (plain_birth(), server.port);
    let asking = tokio::spawn(async move { hook(&http, port, &record).await });
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    std::fs::remove_file(&place).unwrap();
    let (status, _) = asking.await.unwrap().unwrap();
    assert_eq!(status, 200);
    server.is_ready().await;

    // What is written to a file that was deleted would be lost.
    let ledger = place.join("ledger.db");
    let aside = place.join("aside.db");
    std::fs::rename(&ledger, &aside).unwrap();
    within("not ready", async || {
        server.status("/readyz").await == Some(503)
    })
    .await;
    std::fs::rename(&aside, &ledger).unwrap();
    server.is_ready().await;
    let (status, _) = hook(&client(), port, &plain_birth()).await.unwrap();
    assert_eq!(status, 200);
}

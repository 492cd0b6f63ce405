// SPDX-License-Identifier: MPL-2.0
//! The ledger cannot be written for a while: an honest answer, nothing lost, and it recovers.

use super::process::{Load, Process, all_is_kept, within};
use super::{environment, surroundings};
use std::process::Command;
use test_postgres::Cluster;

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
    all_is_kept(&load.stop(), &url, &outside).await;
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
    all_is_kept(&load.stop(), &url, &outside).await;
}

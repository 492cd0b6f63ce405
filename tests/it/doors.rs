// SPDX-License-Identifier: MPL-2.0
//! Clients that hold what they do not use.

use super::process::Process;
use super::{TestApp, environment, surroundings};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_request_whose_head_drips_is_cut_off_and_one_on_a_kept_connection_too() {
    let app = TestApp::start().await;
    let address = app.url.strip_prefix("http://").unwrap();
    let first = "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n";
    let clients = ["", first].map(async |before| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(before.as_bytes()).await.unwrap();
        let mut answer = [0; 4096];
        if !before.is_empty() {
            let length = stream.read(&mut answer).await.unwrap();
            assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
        }
        let started = Instant::now();
        stream
            .write_all(b"GET /ping HTTP/1.1\r\nX: ")
            .await
            .unwrap();
        while stream.write_all(b"x").await.is_ok() {
            let ended = stream.read(&mut answer);
            match tokio::time::timeout(Duration::from_secs(1), ended).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(_)) => panic!("an answer"),
                Err(_) => assert!(started.elapsed() < Duration::from_mins(1)),
            }
        }
        started.elapsed().as_secs()
    });
    for seconds in futures_util::future::join_all(clients).await {
        assert!(seconds >= 19, "{seconds}");
    }
    assert_eq!(app.get("/ping").await.status(), 200);
}

#[tokio::test]
async fn the_limit_of_open_files_is_as_high_as_the_system_allows() {
    let (outside, folder) = (surroundings().await, tempfile::tempdir().unwrap());
    let line = r#"ulimit -S -n 256; ulimit -H -n 4000; exec "$0" serve"#;
    let process = Process::start_in(&environment(&outside, folder.path()), line);
    process.is_ready().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let mut lines = limits.lines();
    let files = lines.find(|line| line.starts_with("Max open files"));
    let words: Vec<_> = files.unwrap().split_whitespace().collect();
    assert_eq!(words[3..5], ["4000", "4000"]);
}

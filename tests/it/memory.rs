// SPDX-License-Identifier: MPL-2.0
//! The memory of the server process: of one large document, and after many hooks.

use super::process::{Process, client, hook, ids};
use super::{SIGNER, environment, plain_birth, surroundings};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use testing::within;
use tokio::task::JoinSet;

const MIB: u64 = 1024 * 1024;

impl Process {
    /// A figure of its status in bytes, such as `VmRSS`.
    fn memory(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(figure));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.unwrap().parse::<u64>().unwrap() * 1024
    }

    /// What it takes more, at most, until `work` is done. It gives that back, but for a little.
    async fn takes(&self, work: impl Future) -> u64 {
        let before = self.memory("VmRSS");
        // From now on the most is that of now.
        std::fs::write(format!("/proc/{}/clear_refs", self.id()), "5").unwrap();
        work.await;
        let most = self.memory("VmHWM").saturating_sub(before);
        within("memory is given back", async || {
            self.memory("VmRSS") <= before + 40 * MIB
        })
        .await;
        most
    }
}

/// A record with so many bytes, most of them accepted edits.
fn large(bytes: usize) -> Value {
    let mut record = plain_birth();
    let actions = record["actions"].as_array_mut().unwrap();
    let pending = actions.pop().unwrap();
    let edit = |n: usize| {
        json!({
            "id": format!("edit-{n:08}"), "transactionId": "t", "type": "EDIT", "status": "Accepted",
            "createdAt": "2026-06-01T10:00:00.000Z", "createdBy": "11111111-2222-4333-8444-555555555555",
            "declaration": {"mother.occupation": format!("farmer {n:08}")},
        })
    };
    let each = edit(0).to_string().len() + 1;
    actions.extend((0..bytes / each).map(edit));
    // The tests' clients take it for the third.
    actions.insert(2, pending);
    record
}

/// In a debug build, too: what is allocated is the same.
#[tokio::test]
async fn a_document_of_20_mib_costs_400_mb_at_most_and_a_refused_one_nothing() {
    let (outside, folder) = (surroundings().await, tempfile::tempdir().unwrap());
    let server = Process::start(&environment(&outside, folder.path()));
    server.is_ready().await;
    let http = client();
    for _ in 0..20 {
        hook(&http, server.port, &plain_birth()).await.unwrap();
    }
    let record = large(20 * 1024 * 1024);
    let body = record.to_string();
    let (event, action) = ids(&record);
    let url = format!(
        "http://127.0.0.1:{}/trigger/events/birth/actions/REGISTER",
        server.port
    );
    let asked = async |token: String| {
        let request = http.post(&url).bearer_auth(token).body(body.clone());
        let answered = request.send().await;
        // A caller that is refused may find the connection closed while it still sends.
        answered.map_or(401, |answer| answer.status().as_u16())
    };
    let another = SIGNER.action_token("another", "action").unwrap();
    let cut_off = another[..another.len() - 40].to_owned();
    let refused = server
        .takes(async { assert_eq!(asked(cut_off).await, 401) })
        .await;
    let token = SIGNER.action_token(&event, &action).unwrap();
    let started = Instant::now();
    let most = server
        .takes(async { assert_eq!(asked(token).await, 200) })
        .await;
    println!(
        "20 MiB: {} MiB at most, in {:?}; refused: {} MiB",
        most / MIB,
        started.elapsed(),
        refused / MIB
    );
    assert!(refused <= 4 * MIB, "{refused}");
    assert!(most <= 400_000_000, "{most}");
}

/// After 1,000 hooks, and after as many as `MEMORY_HOOKS` says.
#[tokio::test(flavor = "multi_thread")]
async fn many_hooks_leave_no_memory_behind() {
    const FIRST: usize = 1000;
    let Ok(hooks) = std::env::var("MEMORY_HOOKS") else {
        return;
    };
    let hooks: usize = hooks.parse().unwrap();
    let (outside, folder) = (surroundings().await, tempfile::tempdir().unwrap());
    let server = Arc::new(Process::start(&environment(&outside, folder.path())));
    server.is_ready().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (asked, port) = (asked.clone(), server.port);
        clients.spawn(async move {
            let http = client();
            while asked.fetch_add(1, Relaxed) < hooks {
                let (status, _) = hook(&http, port, &plain_birth()).await.unwrap();
                assert_eq!(status, 200);
            }
        });
    }
    within("the first", async || asked.load(Relaxed) >= FIRST).await;
    let first = server.memory("VmRSS");
    clients.join_all().await;
    let last = server.memory("VmRSS");
    println!(
        "{} MiB after {FIRST}, {} MiB after {hooks}",
        first / MIB,
        last / MIB
    );
    assert!(last <= first + 20_000_000, "{first} {last}");
}

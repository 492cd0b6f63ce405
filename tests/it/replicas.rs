// SPDX-License-Identifier: MPL-2.0
//! Several server processes share one `PostgreSQL`.

use super::process::{Heard, Process, all_is_kept, client, hook, ids};
use super::{eligible_birth, environment, plain_birth, surroundings};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

const CLIENTS: usize = 50;
/// Two clients ask about each record at once, each asks all processes.
const RECORDS: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn three_processes_give_one_answer_one_number_and_one_packet() {
    let url = testing::postgres::database().await;
    let outside = surroundings().await;
    let folder = tempfile::tempdir().unwrap();
    let mut environment = environment(&outside, folder.path());
    environment.push(("LEDGER_URL".into(), url.clone()));
    // On a busy machine an attempt must not be given up: a packet may come twice only then.
    environment.push(("MOSIP_TIMEOUT".into(), "1m".into()));
    // They start together on an empty database.
    let servers = [(); 3].map(|()| Process::start(&environment));
    for server in &servers {
        server.is_ready().await;
    }
    let ports = servers.each_ref().map(|server| server.port);
    let record = |n: usize| {
        if n.is_multiple_of(2) {
            eligible_birth()
        } else {
            plain_birth()
        }
    };
    let records: Arc<[Value]> = (0..RECORDS).map(record).collect();

    let mut clients = JoinSet::new();
    for n in 0..CLIENTS {
        let records = records.clone();
        clients.spawn(async move {
            let http = client();
            let mut answers = Vec::new();
            for record in records.iter().skip(n / 2).step_by(CLIENTS / 2) {
                let at_once = ports.map(|port| hook(&http, port, record));
                let [a, b, c] = at_once;
                let (a, b, c) = tokio::join!(a, b, c);
                let again = hook(&http, ports[n % 3], record).await;
                answers.extend([a, b, c, again].map(|answer| (ids(record), answer.unwrap())));
            }
            answers
        });
    }
    let mut heard = Heard::default();
    let answers = clients.join_all().await.concat();
    assert_eq!(answers.len(), RECORDS * 2 * 4);
    for (action, answer) in answers {
        assert!([200, 202].contains(&answer.0), "{answer:?}");
        let first = heard.acknowledged.entry(action).or_insert(answer.clone());
        assert_eq!(*first, answer, "the same action, the same answer");
    }
    let packets = all_is_kept(&heard, &url, &outside, 0).await;
    let mut times = BTreeMap::new();
    for (event, _) in packets {
        *times.entry(event).or_insert(0) += 1;
    }
    assert_eq!(times.len(), RECORDS / 2);
    assert!(times.values().all(|n| *n == 1), "{times:?}");
}

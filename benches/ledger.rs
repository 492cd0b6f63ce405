// SPDX-License-Identifier: MPL-2.0
//! Answers per second that the ledger in SQLite stores for one caller and for fifty, which share
//! commits. The file is in TMPDIR, whose disk matters: each commit is synced to it.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger::{self, Answer, Entry, Ledger};
use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The answer to a registration without deliveries.
fn entry(n: u64) -> Entry {
    let number = format!("{n:012}");
    Entry {
        event_id: EventId::new(format!("event-{n:020}")),
        action_id: ActionId::new(format!("action-{n:020}")),
        event_type: "birth".into(),
        action_type: "REGISTER".into(),
        rule: None,
        decision: "no rule holds".into(),
        answer: Answer::accept(json!({"registrationNumber": number})),
        registration_number: Some(number),
        deliveries: vec![],
    }
}

/// The time that `callers` need to store `each` answers per caller.
async fn store(ledger: &Arc<dyn Ledger>, callers: u64, each: u64) -> Duration {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let ledger = ledger.clone();
        tasks.spawn(async move {
            for _ in 0..each {
                let entry = entry(NEXT.fetch_add(1, Ordering::Relaxed));
                ledger.record(&entry, Timestamp::UNIX_EPOCH).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    started.elapsed()
}

fn answers(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
    let ledger = runtime.block_on(ledger::open(&url, Encryption::default()));
    let ledger = ledger.unwrap();
    let mut group = c.benchmark_group("answers in SQLite");
    for callers in [1, 50] {
        group.throughput(Throughput::Elements(callers));
        let name = BenchmarkId::new("callers", callers);
        group.bench_with_input(name, &callers, |b, callers| {
            b.iter_custom(|each| runtime.block_on(store(&ledger, *callers, each)));
        });
    }
    group.finish();
}

criterion_group!(benches, answers);
criterion_main!(benches);

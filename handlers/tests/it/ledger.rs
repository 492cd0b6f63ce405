// SPDX-License-Identifier: MPL-2.0
//! What every ledger must do.

use super::{at, entry};
use handlers::ledger::{
    self, Answer, Attempt, Claimed, Counts, Destination, Ledger, NewDelivery, Next, Recorded,
};
use handlers::seal::Seal;
use jiff::SignedDuration;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use serde_json::json;
use std::sync::Arc;

async fn fresh() -> (tempfile::TempDir, Arc<dyn Ledger>) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger::open(
        &format!(
            "sqlite://{}",
            folder.path().join("new/folder/ledger.db").display()
        ),
        Seal::default(),
    )
    .await
    .unwrap();
    (folder, ledger)
}

fn attempt(outcome: &'static str) -> Attempt {
    Attempt {
        started_at: at(1),
        duration: SignedDuration::from_millis(5),
        outcome,
        status: Some(202),
    }
}

fn actions(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().map(|c| c.action_id.as_str()).collect()
}

#[tokio::test]
async fn an_action_keeps_its_first_answer() {
    let (_folder, ledger) = fresh().await;
    let mut first = entry("e", "a", "NUMBER1");
    first.answer = Answer::accept(json!({"registrationNumber": "NUMBER1"}));
    assert_eq!(ledger.record(&first, at(0)).await.unwrap(), Recorded::New);
    assert_eq!(
        ledger
            .record(&entry("e", "a", "NUMBER2"), at(1))
            .await
            .unwrap(),
        Recorded::Before(first.answer.clone())
    );
    assert_eq!(
        ledger
            .answer(&EventId::new("e"), &ActionId::new("a"))
            .await
            .unwrap(),
        Some(first.answer)
    );
    assert_eq!(
        ledger.counts().await.unwrap(),
        Counts {
            waiting: 1,
            oldest_waiting: Some(at(0)),
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn a_number_is_given_once_and_a_refused_entry_leaves_nothing() {
    let (_folder, ledger) = fresh().await;
    ledger
        .record(&entry("e1", "a", "NUMBER"), at(0))
        .await
        .unwrap();
    assert_eq!(
        ledger
            .record(&entry("e2", "a", "NUMBER"), at(0))
            .await
            .unwrap(),
        Recorded::NumberTaken
    );
    assert_eq!(
        ledger
            .answer(&EventId::new("e2"), &ActionId::new("a"))
            .await
            .unwrap(),
        None
    );
    assert_eq!(ledger.counts().await.unwrap().waiting, 1);
}

#[tokio::test]
async fn of_one_event_only_the_oldest_is_claimed_and_others_do_not_wait_for_it() {
    let (_folder, ledger) = fresh().await;
    for (event, action) in [("e1", "a1"), ("e1", "a2"), ("e2", "b1")] {
        ledger
            .record(&entry(event, action, action), at(0))
            .await
            .unwrap();
    }
    let claimed = ledger
        .claim(Destination::Middleware, at(1), at(60), 10)
        .await
        .unwrap();
    assert_eq!(actions(&claimed), ["a1", "b1"]);
    assert!(
        ledger
            .claim(Destination::Middleware, at(2), at(60), 10)
            .await
            .unwrap()
            .is_empty(),
        "leased"
    );
    ledger
        .conclude(&claimed[0], &attempt("delivered"), &Next::Delivered, at(3))
        .await
        .unwrap();
    assert_eq!(
        actions(
            &ledger
                .claim(Destination::Middleware, at(4), at(60), 10)
                .await
                .unwrap()
        ),
        ["a2"]
    );
}

#[tokio::test]
async fn a_lost_lease_is_claimed_again_and_a_retry_waits() {
    let (_folder, ledger) = fresh().await;
    ledger.record(&entry("e", "a", "N"), at(0)).await.unwrap();
    assert_eq!(
        ledger
            .claim(Destination::Middleware, at(0), at(60), 10)
            .await
            .unwrap()[0]
            .attempt,
        1
    );
    assert!(
        ledger
            .claim(Destination::Middleware, at(59), at(120), 10)
            .await
            .unwrap()
            .is_empty()
    );
    let again = ledger
        .claim(Destination::Middleware, at(60), at(120), 10)
        .await
        .unwrap();
    assert_eq!(again[0].attempt, 2);
    ledger
        .conclude(&again[0], &attempt("failed"), &Next::Retry(at(300)), at(61))
        .await
        .unwrap();
    assert_eq!(
        ledger
            .next_due(Destination::Middleware, at(62))
            .await
            .unwrap(),
        Some(at(300))
    );
    assert!(
        ledger
            .claim(Destination::Middleware, at(299), at(400), 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        ledger
            .claim(Destination::Middleware, at(300), at(400), 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn what_is_parked_holds_back_the_rest_of_its_event_only() {
    let (_folder, ledger) = fresh().await;
    for (event, action) in [("e1", "a1"), ("e1", "a2"), ("e2", "b1")] {
        ledger
            .record(&entry(event, action, action), at(0))
            .await
            .unwrap();
    }
    let claimed = ledger
        .claim(Destination::Middleware, at(1), at(60), 1)
        .await
        .unwrap();
    ledger
        .conclude(&claimed[0], &attempt("failed"), &Next::Parked, at(2))
        .await
        .unwrap();
    assert_eq!(
        actions(
            &ledger
                .claim(Destination::Middleware, at(3), at(60), 10)
                .await
                .unwrap()
        ),
        ["b1"]
    );
    assert_eq!(
        ledger.counts().await.unwrap(),
        Counts {
            waiting: 2,
            parked: 1,
            oldest_waiting: Some(at(0)),
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn a_refusal_ends_a_delivery_and_begins_what_follows() {
    let (_folder, ledger) = fresh().await;
    ledger.record(&entry("e", "a", "N"), at(0)).await.unwrap();
    let claimed = ledger
        .claim(Destination::Middleware, at(0), at(60), 10)
        .await
        .unwrap();
    let reject = NewDelivery {
        operation: "register.reject".into(),
        ..entry("e", "a", "N").deliveries.remove(0)
    };
    ledger
        .conclude(
            &claimed[0],
            &attempt("refused"),
            &Next::Refused(Some(reject)),
            at(1),
        )
        .await
        .unwrap();
    let next = ledger
        .claim(Destination::Middleware, at(2), at(60), 10)
        .await
        .unwrap();
    assert_eq!(
        (
            next.len(),
            next[0].operation.as_str(),
            next[0].answer_status
        ),
        (1, "register.reject", 202)
    );
    assert_eq!(
        ledger.counts().await.unwrap(),
        Counts {
            waiting: 1,
            refused: 1,
            oldest_waiting: Some(at(1)),
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn everything_survives_a_restart_in_a_file_of_this_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let url = format!("sqlite://{}", file.display());
    {
        let ledger = ledger::open(&url, Seal::default()).await.unwrap();
        ledger.record(&entry("e", "a", "N"), at(0)).await.unwrap();
        ledger.keep("key", "first", at(0)).await.unwrap();
        ledger.keep("key", "second", at(1)).await.unwrap();
        ledger.writable().await.unwrap();
    }
    let ledger = ledger::open(&url, Seal::default()).await.unwrap();
    assert_eq!(ledger.kept("key").await.unwrap().as_deref(), Some("second"));
    assert_eq!(
        ledger
            .claim(Destination::Middleware, at(1), at(60), 10)
            .await
            .unwrap()[0]
            .token,
        "token"
    );
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions())
            & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_is_refused_by_name() {
    let message = |error: ledger::LedgerError| error.to_string();
    assert!(
        message(
            ledger::open("redis://x", Seal::default())
                .await
                .err()
                .unwrap()
        )
        .contains("`redis://x` is no ledger")
    );
    assert!(
        message(
            ledger::open("sqlite:///proc/nowhere/ledger.db", Seal::default())
                .await
                .err()
                .unwrap()
        )
        .contains("/proc/nowhere/ledger.db")
    );
}

#[tokio::test]
async fn of_many_at_once_one_is_first_and_all_get_its_answer() {
    let (_folder, ledger) = fresh().await;
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move {
                let mut entry = entry("e", "a", &format!("N{n}"));
                entry.answer = Answer::accept(json!({"registrationNumber": format!("N{n}")}));
                match ledger.record(&entry, at(n)).await.unwrap() {
                    Recorded::New => (true, entry.answer),
                    Recorded::Before(answer) => (false, answer),
                    Recorded::NumberTaken => unreachable!("each number is offered once"),
                }
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|(first, _)| *first).count(), 1);
    assert!(answers.iter().all(|(_, answer)| *answer == answers[0].1));
}

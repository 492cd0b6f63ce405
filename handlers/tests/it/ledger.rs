// SPDX-License-Identifier: MPL-2.0
//! What every ledger must do.

use super::memory::Memory;
use super::{at, entry};
use handlers::core_client::{Confirmation, Fate};
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger::{
    self, Answer, Attempt, Begun, Claimed, Counts, Destination, Entry, Filter, Integration,
    Knowledge, Ledger, NewDelivery, Next, Recorded, Renumbered, Standing, State, USER,
};
use handlers::delivery::outcome::Outcome;
use jiff::SignedDuration;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use reqwest::StatusCode;
use rstest::rstest;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::sync::Arc;

/// Where everything here goes.
const TO: &Destination = &Destination::MIDDLEWARE;

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
    /// That of the simulation, which is worth nothing if it means something else.
    Memory,
}

pub(super) struct Fresh {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) url: String,
    _folder: tempfile::TempDir,
}

impl std::ops::Deref for Fresh {
    type Target = Arc<dyn Ledger>;
    fn deref(&self) -> &Self::Target {
        &self.ledger
    }
}

pub(super) async fn fresh(kind: Kind) -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/folder/ledger.db");
    let url = match kind {
        Kind::Sqlite => format!("sqlite://{}", file.display()),
        Kind::Postgres => testing::postgres::database().await,
        Kind::Memory => String::new(),
    };
    let ledger: Arc<dyn Ledger> = match kind {
        Kind::Memory => {
            let memory = Memory::default();
            assert!(memory.is_quiet());
            Arc::new(memory)
        }
        _ => ledger::open(&url, Encryption::default()).await.unwrap(),
    };
    Fresh {
        ledger,
        url,
        _folder: folder,
    }
}

fn attempt(outcome: Outcome) -> Attempt {
    Attempt {
        started_at: at(1),
        duration: SignedDuration::from_millis(5),
        outcome,
        reason: outcome.is_failure().then(|| "broken".to_owned()),
    }
}

const DELIVERED: Outcome = Outcome::Delivered(StatusCode::ACCEPTED);
const FAILED: Outcome = Outcome::Unknown(Some(StatusCode::BAD_GATEWAY));
const REFUSED: Outcome = Outcome::Refused(StatusCode::BAD_REQUEST);

fn actions(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().map(|c| c.action_id.as_str()).collect()
}

#[rstest]
#[tokio::test]
async fn an_action_keeps_its_first_answer(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
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

#[rstest]
#[tokio::test]
async fn a_number_is_given_once_and_a_refused_entry_leaves_nothing(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
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

#[rstest]
#[tokio::test]
async fn of_one_event_only_the_oldest_is_claimed_and_others_do_not_wait_for_it(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    for (event, action) in [("e1", "a1"), ("e1", "a2"), ("e2", "b1")] {
        ledger
            .record(&entry(event, action, action), at(0))
            .await
            .unwrap();
    }
    let claimed = ledger.claim(TO, at(1), at(60), 10, false).await.unwrap();
    assert_eq!(actions(&claimed), ["a1", "b1"]);
    assert!(
        ledger
            .claim(TO, at(2), at(60), 10, false)
            .await
            .unwrap()
            .is_empty(),
        "leased"
    );
    ledger
        .conclude(&claimed[0], &attempt(DELIVERED), &Next::Delivered, at(3))
        .await
        .unwrap();
    assert_eq!(
        actions(&ledger.claim(TO, at(4), at(60), 10, false).await.unwrap()),
        ["a2"]
    );
}

#[rstest]
#[tokio::test]
async fn a_lost_lease_is_claimed_again_and_a_retry_waits(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    ledger.record(&entry("e", "a", "N"), at(0)).await.unwrap();
    assert_eq!(
        ledger.claim(TO, at(0), at(60), 10, false).await.unwrap()[0].attempt,
        1
    );
    assert!(
        ledger
            .claim(TO, at(59), at(120), 10, false)
            .await
            .unwrap()
            .is_empty()
    );
    let again = ledger.claim(TO, at(60), at(120), 10, false).await.unwrap();
    assert_eq!(again[0].attempt, 2);
    ledger
        .conclude(&again[0], &attempt(FAILED), &Next::Retry(at(300)), at(61))
        .await
        .unwrap();
    assert_eq!(ledger.next_due(TO, at(62)).await.unwrap(), Some(at(300)));
    assert!(
        ledger
            .claim(TO, at(299), at(400), 10, false)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        ledger
            .claim(TO, at(300), at(400), 10, false)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[rstest]
#[tokio::test]
async fn what_is_parked_holds_back_the_rest_of_its_event_only(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    for (event, action) in [("e1", "a1"), ("e1", "a2"), ("e2", "b1")] {
        ledger
            .record(&entry(event, action, action), at(0))
            .await
            .unwrap();
    }
    let claimed = ledger.claim(TO, at(1), at(60), 1, false).await.unwrap();
    ledger
        .conclude(&claimed[0], &attempt(FAILED), &Next::Parked(None), at(2))
        .await
        .unwrap();
    assert_eq!(
        actions(&ledger.claim(TO, at(3), at(60), 10, false).await.unwrap()),
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

#[rstest]
#[tokio::test]
async fn a_refusal_ends_a_delivery_and_begins_what_follows(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    ledger.record(&entry("e", "a", "N"), at(0)).await.unwrap();
    let claimed = ledger.claim(TO, at(0), at(60), 10, false).await.unwrap();
    let reject = NewDelivery {
        operation: "register.reject".into(),
        ..entry("e", "a", "N").deliveries.remove(0)
    };
    ledger
        .conclude(
            &claimed[0],
            &attempt(REFUSED),
            &Next::Refused(Some(reject)),
            at(1),
        )
        .await
        .unwrap();
    let next = ledger.claim(TO, at(2), at(60), 10, false).await.unwrap();
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

/// From now on the database takes no further delivery.
async fn take_no_delivery(fresh: &Fresh) {
    if fresh.url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(&fresh.url).await.unwrap();
        let refuse = "CREATE TRIGGER no_room BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'no room'); END";
        connection.execute(refuse).await.unwrap();
    } else {
        let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
        let refuse = "ALTER TABLE countryconfig.deliveries ADD CONSTRAINT no_room CHECK (id < 2)";
        connection.execute(refuse).await.unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn nothing_is_written_down_by_halves(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let ledger = fresh(kind).await;
    ledger.record(&entry("e", "a", "N"), at(0)).await.unwrap();
    let claimed = ledger.claim(TO, at(0), at(60), 10, false).await.unwrap();
    take_no_delivery(&ledger).await;

    let recorded = ledger.record(&entry("f", "b", "M"), at(1)).await;
    assert!(recorded.is_err());
    let (event, action) = (EventId::new("f"), ActionId::new("b"));
    assert_eq!(ledger.answer(&event, &action).await.unwrap(), None);

    let reject = entry("e", "a", "N").deliveries.remove(0);
    let (refused, next) = (attempt(REFUSED), Next::Refused(Some(reject)));
    let concluded = ledger.conclude(&claimed[0], &refused, &next, at(2)).await;
    assert!(concluded.is_err());
    let counts = ledger.counts().await.unwrap();
    assert_eq!((counts.waiting, counts.refused), (1, 0));
    assert_eq!(ledger.attempts(claimed[0].id).await.unwrap().len(), 0);
    let again = ledger.claim(TO, at(61), at(99), 10, false).await.unwrap();
    assert_eq!(actions(&again), ["a"], "its lease has run out");
}

#[rstest]
#[tokio::test]
async fn everything_survives_a_restart(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let first = fresh(kind).await;
    first.record(&entry("e", "a", "N"), at(0)).await.unwrap();
    first.keep("key", "first", at(0)).await.unwrap();
    first.keep("key", "second", at(1)).await.unwrap();
    first.writable().await.unwrap();
    let again = ledger::open(&first.url, Encryption::default())
        .await
        .unwrap();
    assert_eq!(again.kept("key").await.unwrap().as_deref(), Some("second"));
    assert_eq!(
        again.claim(TO, at(1), at(60), 10, false).await.unwrap()[0].token,
        "token"
    );
    #[cfg(unix)]
    if let Some(file) = first.url.strip_prefix("sqlite://") {
        let permissions = std::fs::metadata(file).unwrap().permissions();
        let mode = std::os::unix::fs::PermissionsExt::mode(&permissions);
        assert_eq!(mode & 0o777, 0o600, "it holds tokens");
    }
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_is_refused_by_name() {
    let message = |error: ledger::LedgerError| error.to_string();
    assert!(
        message(
            ledger::open("redis://x", Encryption::default())
                .await
                .err()
                .unwrap()
        )
        .contains("`redis://x` is not a ledger")
    );
    assert!(
        message(
            ledger::open("sqlite:///proc/nowhere/ledger.db", Encryption::default())
                .await
                .err()
                .unwrap()
        )
        .contains("/proc/nowhere/ledger.db")
    );
}

#[rstest]
#[tokio::test]
async fn of_many_at_once_one_is_first_and_all_get_its_answer(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let ledger = Arc::clone(&*ledger);
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

/// The answers of two hundred callers at once are committed in groups.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_share_a_commit_are_those_that_each_caller_gets_alone() {
    let ledger = fresh(Kind::Sqlite).await;
    let first = ledger.record(&entry("first", "a", "TAKEN"), at(0)).await;
    assert_eq!(first.unwrap(), Recorded::New);
    let mut connection = SqliteConnection::connect(&ledger.url).await.unwrap();
    for statement in [
        "INSERT INTO numbers (number, event_id, action_id, recorded_at) VALUES ('OF A PACKET', 'first', 'a', 0)",
        "CREATE TRIGGER broken BEFORE INSERT ON deliveries WHEN NEW.event_id LIKE 'broken%' \
         BEGIN SELECT RAISE(ABORT, 'broken'); END",
    ] {
        connection.execute(statement).await.unwrap();
    }
    let entries: Vec<_> = (0..200)
        .map(|n| {
            let (kind, ten) = (n % 10, n / 10);
            let (event, number) = match kind {
                0 | 1 => (format!("twice{ten}"), format!("N{n}")),
                2 => (format!("late{n}"), "TAKEN".to_owned()),
                3 => (format!("late{n}"), "OF A PACKET".to_owned()),
                4 | 5 => (format!("one-of-two{n}"), format!("SAME{ten}")),
                6 => (format!("broken{n}"), format!("N{n}")),
                7 => (format!("gone{n}"), format!("N{n}")),
                _ => (format!("new{n}"), format!("N{n}")),
            };
            let mut entry = entry(&event, "a", &number);
            entry.answer = Answer::accept(json!({"registrationNumber": number}));
            entry
        })
        .collect();
    let mut callers: Vec<_> = entries
        .iter()
        .map(|entry| {
            let (ledger, entry) = (Arc::clone(&*ledger), entry.clone());
            Some(tokio::spawn(
                async move { ledger.record(&entry, at(0)).await },
            ))
        })
        .collect();
    // These go away, each at another moment.
    for gone in callers.iter_mut().skip(7).step_by(10) {
        gone.take().unwrap().abort();
        tokio::task::yield_now().await;
    }
    let mut recorded = vec![None; entries.len()];
    // Those that fail are tried again and again beside the others.
    for is_broken in [false, true] {
        for (n, caller) in callers.iter_mut().enumerate() {
            if is_broken || n % 10 != 6 {
                let Some(caller) = caller.take() else {
                    continue;
                };
                recorded[n] = Some(caller.await.unwrap().unwrap());
            }
        }
        connection
            .execute("DROP TRIGGER IF EXISTS broken")
            .await
            .unwrap();
    }
    ledger.close().await.unwrap();

    let ledger = ledger::open(&ledger.url, Encryption::default())
        .await
        .unwrap();
    let filter = Filter {
        limit: 1000,
        ..Filter::default()
    };
    let deliveries = ledger.deliveries(&filter).await.unwrap();
    let of = |entry: &Entry| {
        let same = |delivery: &&ledger::Delivery| delivery.event_id == entry.event_id;
        deliveries.iter().filter(same).count()
    };
    for (ten, some) in recorded.chunks(10).enumerate() {
        let new = |kind: usize| some[kind] == Some(Recorded::New);
        let asked = &entries[ten * 10..];
        let (first, again) = if new(0) { (0, 1) } else { (1, 0) };
        let before = Recorded::Before(asked[first].answer.clone());
        assert!(new(first) && some[again] == Some(before), "{some:?}");
        let (first, other) = if new(4) { (4, 5) } else { (5, 4) };
        assert!(new(first), "{some:?}");
        for taken in [2, 3, other] {
            assert_eq!(some[taken], Some(Recorded::NumberTaken), "{taken}");
        }
        assert!(new(6) && new(8) && new(9), "{some:?}");
        for (kind, entry) in asked.iter().take(10).enumerate() {
            let stored = ledger.answer(&entry.event_id, &entry.action_id).await;
            let stored = stored.unwrap();
            assert_eq!(of(entry), usize::from(stored.is_some()), "by halves");
            match kind {
                // Whether they were stored before they went is not known.
                7 => {}
                0 | 1 => assert_eq!(stored.as_ref(), Some(&asked[usize::from(!new(0))].answer)),
                _ => assert_eq!(stored, new(kind).then(|| entry.answer.clone())),
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn whoever_lost_its_lease_may_report_an_arrival_but_nothing_else(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    ledger.record(&entry("e", "a", "N"), at(0)).await.unwrap();
    let slow = ledger
        .claim(TO, at(0), at(60), 10, false)
        .await
        .unwrap()
        .remove(0);
    let quick = ledger
        .claim(TO, at(60), at(120), 10, false)
        .await
        .unwrap()
        .remove(0);
    let reject = NewDelivery {
        destination: Destination::CORE,
        ..entry("e", "a", "N").deliveries.remove(0)
    };
    let refused = Next::Refused(Some(reject));
    for next in [Next::Retry(at(500)), Next::Parked(None), refused] {
        ledger
            .conclude(&slow, &attempt(FAILED), &next, at(61))
            .await
            .unwrap();
        assert!(
            ledger
                .claim(TO, at(119), at(180), 10, false)
                .await
                .unwrap()
                .is_empty(),
            "the second attempt is under way"
        );
    }
    ledger
        .conclude(&slow, &attempt(DELIVERED), &Next::Delivered, at(62))
        .await
        .unwrap();
    let later = Attempt {
        started_at: at(60),
        ..attempt(FAILED)
    };
    ledger
        .conclude(&quick, &later, &Next::Retry(at(70)), at(63))
        .await
        .unwrap();
    let counts = ledger.counts().await.unwrap();
    assert_eq!((counts.waiting, counts.delivered), (0, 1));
    // What is reported again is the same attempt.
    assert_eq!(ledger.attempts(slow.id).await.unwrap().len(), 3);
}

#[rstest]
#[tokio::test]
async fn an_operator_lists_parks_retries_and_gives_up(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    for (event, action) in [("e1", "a1"), ("e1", "a2"), ("e2", "b1")] {
        ledger
            .record(&entry(event, action, action), at(0))
            .await
            .unwrap();
    }
    let list = async |filter: Filter| {
        let filter = Filter {
            limit: 10,
            ..filter
        };
        let listed = ledger.deliveries(&filter).await.unwrap();
        let of = |delivery: &handlers::delivery::ledger::Delivery| delivery.action_id.to_string();
        listed.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(list(Filter::default()).await, ["b1", "a2", "a1"]);
    let of_e1 = Filter {
        event_id: Some(EventId::new("e1")),
        ..Filter::default()
    };
    assert_eq!(list(of_e1.clone()).await, ["a2", "a1"]);
    let first = ledger
        .deliveries(&Filter { limit: 10, ..of_e1 })
        .await
        .unwrap()[1]
        .id;

    assert!(ledger.park(first).await.unwrap());
    assert!(!ledger.park(first).await.unwrap(), "it does not wait");
    let parked = Filter {
        state: Some(State::Parked),
        ..Filter::default()
    };
    assert_eq!(list(parked.clone()).await, ["a1"]);
    let claimed = ledger.claim(TO, at(1), at(60), 10, false).await.unwrap();
    assert_eq!(actions(&claimed), ["b1"], "what is parked holds a2 back");

    assert!(ledger.retry(first, false, None, at(5)).await.unwrap());
    assert!(list(parked).await.is_empty());
    let claimed = ledger.claim(TO, at(5), at(60), 10, false).await.unwrap();
    assert_eq!((actions(&claimed), claimed[0].attempt), (vec!["a1"], 1));

    assert!(ledger.purge(first, at(6)).await.unwrap());
    assert!(!ledger.purge(first, at(6)).await.unwrap());
    assert!(
        !ledger.retry(first, false, None, at(7)).await.unwrap(),
        "nothing is left"
    );
    let claimed = ledger.claim(TO, at(8), at(60), 10, false).await.unwrap();
    assert_eq!(actions(&claimed), ["a2"]);
    ledger
        .conclude(&claimed[0], &attempt(DELIVERED), &Next::Delivered, at(9))
        .await
        .unwrap();
    assert!(!ledger.purge(claimed[0].id, at(9)).await.unwrap());
    assert_eq!(ledger.erase(at(9)).await.unwrap(), 0);
    assert_eq!(ledger.erase(at(10)).await.unwrap(), 1);
    assert!(
        !ledger
            .retry(claimed[0].id, false, None, at(11))
            .await
            .unwrap()
    );
}

/// Passwords are not kept for a month because they were sent, nor every login for ever.
#[rstest]
#[tokio::test]
async fn what_people_were_told_is_forgotten(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    let message = |event: &str, kind: &str| {
        let mut entry = entry(event, event, event);
        entry.registration_number = None;
        entry.event_type = kind.to_owned();
        entry.deliveries[0].destination = Destination::EMAIL;
        entry
    };
    for (event, kind) in [("e1", "birth"), ("e2", USER), ("e3", USER)] {
        ledger.record(&message(event, kind), at(0)).await.unwrap();
    }
    let of = async |event: &str| {
        let (event, to) = (EventId::new(event), Destination::EMAIL);
        ledger.claim_of(&event, &to, at(-5), at(30)).await.unwrap()
    };
    for event in ["e1", "e2"] {
        let claimed = of(event).await.unwrap();
        assert_eq!((claimed.attempt, claimed.payload.is_empty()), (1, false));
        assert!(of(event).await.is_none(), "leased");
        let sent = attempt(DELIVERED);
        let concluded = ledger.conclude(&claimed, &sent, &Next::Delivered, at(1));
        concluded.await.unwrap();
    }
    let left = async || {
        let filter = Filter {
            limit: 9,
            ..Filter::default()
        };
        let left = ledger.deliveries(&filter).await.unwrap();
        let of = |d: handlers::delivery::ledger::Delivery| (d.event_id.to_string(), d.has_payload);
        left.into_iter().map(of).collect::<Vec<_>>()
    };
    let [e1, e2, e3] = [("e1", false), ("e2", false), ("e3", true)].map(|(e, p)| (e.to_owned(), p));
    assert_eq!(left().await, [e3.clone(), e2, e1.clone()]);
    assert_eq!(ledger.erase(at(9)).await.unwrap(), 1);
    assert_eq!(
        left().await,
        [e3, e1],
        "what waits stays, and that a record was told about"
    );
    let again = ledger.record(&message("e2", USER), at(10)).await.unwrap();
    assert_eq!(again, Recorded::New);
    assert!(of("e2").await.is_some());
}

#[rstest]
#[tokio::test]
async fn an_action_is_pending_until_core_knows_its_end_and_nothing_is_sent_twice_by_accident(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    let mut accepted = entry("e0", "x", "x");
    accepted.answer = Answer::accept(json!({}));
    ledger.record(&accepted, at(0)).await.unwrap();
    for (event, action, second) in [
        ("e1", "a", 1),
        ("e2", "b", 2),
        ("e3", "c", 3),
        ("e3", "d", 4),
    ] {
        let entry = entry(event, action, action);
        ledger.record(&entry, at(second)).await.unwrap();
    }
    let pending = async || {
        let pending = ledger.pending(10).await.unwrap();
        let of =
            |last: handlers::delivery::ledger::Delivery| (last.action_id.to_string(), last.state);
        pending.into_iter().map(of).collect::<Vec<_>>()
    };
    let told = |action: &str, state| (action.to_owned(), state);
    // Core asked about `d` of e3 after `c`, so `c` has ended.
    let waiting = ["a", "b", "d"].map(|action| told(action, State::Waiting));
    assert_eq!(pending().await, waiting);

    let claimed = ledger.claim(TO, at(5), at(60), 10, false).await.unwrap();
    let [_, a, b, _] = &claimed[..] else {
        panic!("{claimed:?}")
    };
    assert!(
        !ledger.retry(a.id, false, None, at(6)).await.unwrap(),
        "an attempt is under way"
    );
    let end = async |claimed: &Claimed, next: Next| {
        let attempt = attempt(FAILED);
        ledger
            .conclude(claimed, &attempt, &next, at(7))
            .await
            .unwrap();
    };
    // Parked by an operator while it was under way; it arrived all the same.
    assert!(ledger.park(a.id).await.unwrap());
    end(a, Next::Delivered).await;
    let reject = NewDelivery {
        destination: Destination::CORE,
        ..entry("e2", "b", "b").deliveries.remove(0)
    };
    end(b, Next::Refused(Some(reject))).await;
    assert_eq!(
        pending().await,
        [
            told("b", State::Waiting),
            told("d", State::Waiting),
            told("a", State::Delivered)
        ]
    );
    assert!(
        !ledger.retry(a.id, false, None, at(8)).await.unwrap(),
        "it arrived"
    );
    assert!(
        !ledger.retry(b.id, false, None, at(8)).await.unwrap(),
        "refused"
    );
    assert!(ledger.retry(a.id, true, None, at(8)).await.unwrap());

    let in_core = ledger
        .claim(&Destination::CORE, at(9), at(60), 10, false)
        .await
        .unwrap();
    end(&in_core[0], Next::Refused(None)).await;
    let left = ["a", "d"].map(|action| told(action, State::Waiting));
    assert_eq!(pending().await, left, "core knew the end of `b` already");
    let (event, action) = (EventId::new("e1"), ActionId::new("a"));
    ledger
        .learn(&event, &action, &Fate::Rejected, at(10))
        .await
        .unwrap();
    assert_eq!(pending().await, left[1..], "core has shown the end of `a`");
    if !matches!(kind, Kind::Memory) {
        let queues = ledger.queues().await.unwrap();
        let [queue] = &queues[..] else {
            panic!("{queues:?}")
        };
        let seen = (
            queue.destination.clone(),
            queue.state,
            queue.depth,
            queue.oldest,
        );
        assert_eq!(seen, (TO.clone(), State::Waiting, 4, at(0)));
    }
}

#[rstest]
#[tokio::test]
async fn replicas_lease_each_delivery_once(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let fresh = fresh(kind).await;
    for n in 0..60 {
        let (event, action) = (format!("e{}", n % 40), format!("a{n}"));
        let entry = entry(&event, &action, &action);
        fresh.record(&entry, at(0)).await.unwrap();
    }
    let mut replicas = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let ledger = ledger::open(&fresh.url, Encryption::default())
            .await
            .unwrap();
        replicas.spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..20 {
                mine.extend(ledger.claim(TO, at(1), at(60), 3, false).await.unwrap());
            }
            mine
        });
    }
    let claimed = replicas.join_all().await.concat();
    let ids: std::collections::BTreeSet<_> = claimed.iter().map(|c| c.id).collect();
    let events: std::collections::BTreeSet<_> = claimed.iter().map(|c| &c.event_id).collect();
    assert_eq!((claimed.len(), ids.len(), events.len()), (40, 40, 40));
}

/// Everything that the database holds, as whoever steals it would see it.
async fn all_content(fresh: &Fresh) -> String {
    if let Some(file) = fresh.url.strip_prefix("sqlite://") {
        let read = |path: String| std::fs::read(path).unwrap_or_default();
        let bytes = [read(file.to_owned()), read(format!("{file}-wal"))].concat();
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let mut all = String::new();
    let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
    for table in [
        "actions",
        "deliveries",
        "attempts",
        "kept",
        "numbers",
        "fates",
    ] {
        let rows = AssertSqlSafe(format!("SELECT t::text FROM countryconfig.{table} AS t"));
        let rows: Vec<String> = sqlx::query_scalar(rows)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        all += &rows.join("\n");
    }
    all
}

#[rstest]
#[tokio::test]
async fn with_a_key_nothing_of_tokens_and_packets_can_be_read(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    const OLD: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const NEW: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    let open = async |fresh: &Fresh, keys: &str| {
        let seal = keys.parse().unwrap();
        ledger::open(&fresh.url, seal).await.unwrap()
    };
    let fresh = fresh(kind).await;
    let secret = |event: &str| {
        let mut entry = entry(event, "a", event);
        entry.deliveries[0].token = "BEARER-OF-THE-REGISTRAR".into();
        entry.deliveries[0].payload = json!({"name": "GRACE-OKELLO"});
        entry.deliveries[0].fallback = Some(Confirmation {
            operation: "register.accept".into(),
            path: "/".into(),
            payload: json!({"name": "GRACE-OKELLO"}),
        });
        entry
    };
    let ledger = open(&fresh, OLD).await;
    ledger.record(&secret("e1"), at(0)).await.unwrap();
    ledger.record(&secret("e2"), at(0)).await.unwrap();
    let claimed = ledger
        .claim(TO, at(1), at(60), 1, false)
        .await
        .unwrap()
        .remove(0);
    let follows = secret("e1").deliveries.remove(0);
    ledger
        .conclude(
            &claimed,
            &attempt(REFUSED),
            &Next::Refused(Some(follows)),
            at(2),
        )
        .await
        .unwrap();
    let content = all_content(&fresh).await;
    assert!(content.contains("create-uin") && content.contains("sealed:"));
    assert!(!content.contains("BEARER-OF-THE-REGISTRAR"));
    assert!(!content.contains("GRACE-OKELLO"));

    // After a change of keys, what was sealed before still opens.
    let rotated = open(&fresh, &format!("{NEW},{OLD}")).await;
    let claimed = rotated
        .claim(TO, at(100), at(160), 10, false)
        .await
        .unwrap();
    let content = |claimed: &Claimed| (claimed.token.clone(), claimed.payload.clone());
    let expected = (
        "BEARER-OF-THE-REGISTRAR".to_owned(),
        json!({"name": "GRACE-OKELLO"}).to_string(),
    );
    assert_eq!(
        claimed.iter().map(content).collect::<Vec<_>>(),
        [expected.clone(), expected]
    );

    // Without the old key it waits until the key is back.
    let lost = open(&fresh, NEW).await;
    let claimed = lost.claim(TO, at(200), at(260), 10, false).await.unwrap();
    assert!(claimed.is_empty());
    assert_eq!(lost.counts().await.unwrap().waiting, 2);
    let back = open(&fresh, &format!("{NEW},{OLD}")).await;
    let claimed = back.claim(TO, at(300), at(360), 10, false).await.unwrap();
    assert_eq!(claimed.len(), 2);

    // With none of its keys it is not opened: what is added would be lost later.
    for keys in [Encryption::default(), OLD.parse().unwrap()] {
        let refused = ledger::open(&fresh.url, keys).await.err().unwrap();
        assert!(matches!(refused, ledger::LedgerError::Key), "{refused}");
    }
}

#[rstest]
#[tokio::test]
async fn an_attempt_that_has_begun_is_unknown_until_its_end_is_written_down(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    ledger.record(&entry("e", "a", "N1"), at(0)).await.unwrap();
    let mut other = entry("f", "b", "N3");
    other.deliveries[0].due_at = at(1000);
    ledger.record(&other, at(0)).await.unwrap();
    let claim = async |now| {
        ledger
            .claim(TO, at(now), at(now + 10), 1, false)
            .await
            .unwrap()
    };
    let first = claim(0).await.remove(0);
    assert_eq!(first.knowledge, Knowledge::Untried);
    assert_eq!(first.registration_number.as_deref(), Some("N1"));
    assert_eq!(
        ledger.begin(&first, None, at(1)).await.unwrap(),
        Begun::Begun
    );

    // Killed: the lease runs out, and nobody knows what became of the request.
    let second = claim(20).await.remove(0);
    let seen = (second.knowledge, second.unknown_since, second.attempt);
    assert_eq!(seen, (Knowledge::Unknown, Some(at(1)), 2));
    assert_eq!(
        ledger.begin(&first, None, at(21)).await.unwrap(),
        Begun::LeaseLost,
        "another has it"
    );
    let not_sent = attempt(Outcome::StillUnknown(at(30)));
    let next = Next::Later(at(30));
    ledger
        .conclude(&second, &not_sent, &next, at(22))
        .await
        .unwrap();
    let outcomes = async || {
        let attempts = ledger.attempts(first.id).await.unwrap();
        attempts.into_iter().map(|a| a.outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes().await, ["started", "still-unknown"]);

    // Somebody decides, and the packet leaves with another number, which nobody else gets.
    let fresh = Some(Knowledge::NotStarted);
    assert!(ledger.retry(first.id, false, fresh, at(31)).await.unwrap());
    let third = claim(31).await.remove(0);
    assert_eq!(
        (third.knowledge, third.unknown_since),
        (Knowledge::NotStarted, None)
    );
    let renumbered = |number: &str| Renumbered {
        number: number.into(),
        is_reserved: false,
        payload: json!({"number": number}),
        fallback: None,
        token: "fresh".into(),
    };
    for taken in ["N1", "N3"] {
        let begun = ledger.begin(&third, Some(&renumbered(taken)), at(32)).await;
        assert_eq!(begun.unwrap(), Begun::NumberTaken);
    }
    let begun = ledger.begin(&third, Some(&renumbered("N2")), at(32)).await;
    assert_eq!(begun.unwrap(), Begun::Begun);
    let another = ledger.record(&entry("g", "c", "N2"), at(33)).await.unwrap();
    assert_eq!(another, Recorded::NumberTaken);
    assert_eq!(outcomes().await, ["unknown", "still-unknown", "started"]);
    let end = attempt(Outcome::NotStarted);
    ledger
        .conclude(&third, &end, &Next::Retry(at(35)), at(34))
        .await
        .unwrap();
    assert_eq!(
        outcomes().await,
        ["unknown", "still-unknown", "not-started"]
    );
    let fourth = claim(35).await.remove(0);
    assert_eq!(fourth.payload, json!({"number": "N2"}).to_string());
    assert_eq!(
        (fourth.token.as_str(), fourth.knowledge),
        ("fresh", Knowledge::NotStarted)
    );
}

#[rstest]
#[tokio::test]
async fn what_core_has_shown_is_asked_for_once_and_known_to_all(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    let mut two = entry("e", "a", "N");
    two.deliveries[0].due_at = at(1000);
    let mut mail = two.deliveries[0].clone();
    mail.destination = Destination::EMAIL;
    two.deliveries.push(mail);
    ledger.record(&two, at(0)).await.unwrap();
    let (event, action) = (EventId::new("e"), ActionId::new("a"));
    let standing = async |now, next| {
        ledger
            .standing(&event, &action, at(now), at(next))
            .await
            .unwrap()
    };
    assert_eq!(standing(10, 20).await, Standing::Ask);
    assert_eq!(standing(11, 21).await, Standing::Asked(at(20)));
    ledger
        .learn(&event, &action, &Fate::Open, at(11))
        .await
        .unwrap();
    assert_eq!(standing(19, 29).await, Standing::Asked(at(20)));
    assert_eq!(standing(20, 40).await, Standing::Ask);
    let document = json!({"id": "e", "type": "birth", "actions": [
        {"id": "x", "type": "REGISTER", "status": "Accepted", "declaration": {"child.nid": "1"}},
    ]});
    let document = document.to_string();
    let document = opencrvs_toolkit::event_document::EventDocument::parse(document.as_bytes());
    let fate = Fate::Accepted(Box::new(document.unwrap().actions.remove(0)));
    ledger.learn(&event, &action, &fate, at(21)).await.unwrap();
    assert_eq!(standing(22, 40).await, Standing::Settled(fate.clone()));
    let rejected = ledger.learn(&event, &action, &Fate::Rejected, at(23));
    rejected.await.unwrap();
    assert_eq!(
        standing(24, 40).await,
        Standing::Settled(fate),
        "the first end counts"
    );
    for to in [TO, &Destination::EMAIL] {
        assert_eq!(
            ledger.next_due(to, at(24)).await.unwrap(),
            Some(at(21)),
            "it is due"
        );
    }
    assert!(ledger.pending(9).await.unwrap().is_empty());
}

/// Earlier versions wrote down the ends of attempts only.
#[rstest]
#[tokio::test]
async fn unfinished_attempts_of_an_earlier_version_have_an_unknown_outcome(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let fresh = fresh(kind).await;
    let names = ["untried", "asked", "leased", "failed", "lost", "arrived"];
    for name in names {
        fresh.record(&entry(name, "a", name), at(0)).await.unwrap();
    }
    let schema = if fresh.url.starts_with("sqlite") {
        ""
    } else {
        "countryconfig."
    };
    let row = |name: &str| 1 + names.iter().position(|known| *known == name).unwrap();
    let attempt = |name: &str, n: i32, outcome: &str| {
        format!(
            "INSERT INTO {schema}attempts (delivery_id, attempt, started_at, duration_ms, outcome) VALUES ({}, {n}, 0, 0, '{outcome}')",
            row(name)
        )
    };
    let set = |name: &str, what: &str| {
        format!(
            "UPDATE {schema}deliveries SET {what} WHERE id = {}",
            row(name)
        )
    };
    let drop_column = |name: &str| format!("ALTER TABLE {schema}deliveries DROP COLUMN {name}");
    let earlier = [
        attempt("asked", 1, "undecided"),
        set("leased", "attempts = 1, leased_until = 99"),
        set("failed", "attempts = 1"),
        attempt("failed", 1, "failed"),
        set("lost", "attempts = 2"),
        attempt("lost", 2, "unprepared"),
        set("arrived", "state = 'delivered', attempts = 1"),
        attempt("arrived", 1, "delivered"),
        format!("DROP TABLE {schema}numbers"),
        format!("DROP TABLE {schema}integrations"),
        format!("DROP TABLE {schema}sequences"),
        format!("DROP TABLE {schema}offices"),
        format!("DROP TABLE {schema}fates"),
        drop_column("knowledge"),
        drop_column("unknown_since"),
        drop_column("fallback"),
        format!("ALTER TABLE {schema}attempts DROP COLUMN reason"),
        format!("DELETE FROM {schema}_sqlx_migrations WHERE version >= 3"),
    ];
    for statement in earlier {
        let statement = AssertSqlSafe(statement);
        if schema.is_empty() {
            let mut connection = SqliteConnection::connect(&fresh.url).await.unwrap();
            connection.execute(statement).await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&fresh.url).await.unwrap();
            connection.execute(statement).await.unwrap();
        }
    }
    let ledger = ledger::open(&fresh.url, Encryption::default())
        .await
        .unwrap();
    let filter = Filter {
        limit: 10,
        ..Filter::default()
    };
    let mut rows = ledger.deliveries(&filter).await.unwrap();
    rows.reverse();
    let known: Vec<_> = rows.iter().map(|row| row.knowledge).collect();
    let (untried, unknown) = (Knowledge::Untried, Knowledge::Unknown);
    assert_eq!(
        known,
        [
            untried,
            untried,
            unknown,
            unknown,
            unknown,
            Knowledge::Taken
        ]
    );
    let taken = ledger.record(&entry("new", "a", "failed"), at(1)).await;
    assert_eq!(taken.unwrap(), Recorded::NumberTaken);
}

#[rstest]
#[tokio::test]
async fn deliveries_are_found_by_destination_outcome_and_age_and_counted(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    for (n, event) in ["e1", "e2", "e3"].into_iter().enumerate() {
        let mut entry = entry(event, "a", event);
        if event == "e3" {
            entry.deliveries[0].destination = Destination::named("forward:host:00000001".into());
        }
        let at = at(i64::try_from(n).unwrap());
        ledger.record(&entry, at).await.unwrap();
    }
    let claimed = ledger.claim(TO, at(5), at(60), 1, false).await.unwrap();
    let failed = attempt(FAILED);
    let next = Next::Parked(None);
    ledger
        .conclude(&claimed[0], &failed, &next, at(6))
        .await
        .unwrap();
    let found = async |filter: Filter| {
        let filter = Filter {
            limit: 10,
            oldest_first: true,
            ..filter
        };
        let listed = ledger.deliveries(&filter).await.unwrap();
        let counted = ledger.count(&Filter { limit: 1, ..filter }).await.unwrap();
        let sum: u64 = counted.iter().map(|(_, n)| n).sum();
        assert_eq!(sum, listed.len() as u64);
        let event = |delivery: &handlers::delivery::ledger::Delivery| delivery.event_id.to_string();
        listed.iter().map(event).collect::<Vec<_>>()
    };
    assert_eq!(found(Filter::default()).await, ["e1", "e2", "e3"]);
    let to = |word: &str| Filter {
        destination: Some(Destination::named(word.to_owned())),
        ..Filter::default()
    };
    assert_eq!(found(to(TO.as_str())).await, ["e1", "e2"]);
    assert_eq!(found(to("forward")).await, ["e3"]);
    assert!(found(to("forw")).await.is_empty());
    let ended = |word: &str| Filter {
        outcome: Some(word.to_owned()),
        ..Filter::default()
    };
    assert_eq!(found(ended("unknown")).await, ["e1"]);
    assert!(found(ended("refused")).await.is_empty());
    let old = Filter {
        created_before: Some(at(1)),
        ..Filter::default()
    };
    assert_eq!(found(old).await, ["e1"]);
    let new = Filter {
        created_from: Some(at(1)),
        ..Filter::default()
    };
    assert_eq!(found(new).await, ["e2", "e3"]);
    let counted = ledger.count(&Filter::default()).await.unwrap();
    assert!(counted.contains(&(State::Parked, 1)) && counted.contains(&(State::Waiting, 2)));
    let attempts = ledger.attempts(claimed[0].id).await.unwrap();
    assert_eq!(attempts[0].reason.as_deref(), Some("broken"));
}

/// Twenty packets that fail by themselves do not stop what was never tried.
#[rstest]
#[tokio::test]
async fn a_probe_takes_what_was_never_tried(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    for name in ["bad1", "bad2", "good"] {
        ledger
            .record(&entry(name, name, name), at(0))
            .await
            .unwrap();
    }
    for claimed in ledger.claim(TO, at(1), at(60), 2, false).await.unwrap() {
        let (end, next) = (attempt(Outcome::NotStarted), Next::Retry(at(2)));
        ledger.conclude(&claimed, &end, &next, at(2)).await.unwrap();
    }
    let probe = ledger.claim(TO, at(3), at(60), 1, true).await.unwrap();
    assert_eq!(actions(&probe), ["good"]);
    let all = ledger.claim(TO, at(3), at(60), 9, true).await.unwrap();
    assert_eq!(all.len(), 2);
}

#[rstest]
#[tokio::test]
async fn declared_and_registered_in_one_go_is_one_letter(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    let letter = |action: &str, status: u16| {
        let mut entry = entry("e", action, action);
        entry.answer.status = status;
        entry.deliveries[0].destination = Destination::EMAIL;
        entry
    };
    let sent = async |now| {
        let claimed = ledger
            .claim(&Destination::EMAIL, at(now), at(now + 9), 9, false)
            .await;
        let claimed = claimed.unwrap();
        for one in &claimed {
            let arrived = attempt(DELIVERED);
            ledger
                .conclude(one, &arrived, &Next::Delivered, at(now))
                .await
                .unwrap();
        }
        actions(&claimed).join(" ")
    };
    ledger
        .record(&letter("declared", 200), at(0))
        .await
        .unwrap();
    ledger
        .record(&letter("registered", 200), at(1))
        .await
        .unwrap();
    assert_eq!(sent(2).await, "registered");
    ledger
        .record(&letter("corrected", 200), at(3))
        .await
        .unwrap();
    ledger.record(&letter("waiting", 202), at(4)).await.unwrap();
    assert_eq!(
        sent(5).await,
        "corrected",
        "it is not known whether the other happens"
    );
    assert_eq!(sent(6).await, "waiting");
}

/// Behind `PgBouncer` in transaction mode a session is another one for each transaction, and others have
/// left their statements and settings there.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_gives_every_transaction_another_session_is_good_enough() {
    let direct = testing::postgres::database().await;
    let pooler = testing::postgres::Pooler::start(&direct, 2);
    let url = pooler.url(&direct);
    // Databases may have other defaults.
    let mut connection = sqlx::PgConnection::connect(&direct).await.unwrap();
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    for default in [
        "default_transaction_isolation = 'serializable'",
        "default_transaction_read_only = on",
        "search_path = 'pg_catalog'",
    ] {
        let alter = format!("ALTER DATABASE {name} SET {default}");
        connection
            .execute(sqlx::AssertSqlSafe(alter))
            .await
            .unwrap();
    }
    let replicas: Vec<Arc<dyn Ledger>> = futures_util::future::try_join_all(
        (0..3).map(|_| ledger::open(&url, Encryption::default())),
    )
    .await
    .unwrap();
    let work = replicas
        .iter()
        .enumerate()
        .map(|(replica, ledger)| async move {
            for n in 0..60 {
                let id = format!("{replica}-{n}");
                let new = ledger.record(&entry(&id, "a", &id), at(0)).await.unwrap();
                assert!(matches!(new, Recorded::New));
                for claimed in ledger.claim(TO, at(1), at(60), 3, false).await.unwrap() {
                    let next = Next::Delivered;
                    ledger
                        .conclude(&claimed, &attempt(DELIVERED), &next, at(2))
                        .await
                        .unwrap();
                }
                ledger.writable().await.unwrap();
            }
        });
    futures_util::future::join_all(work).await;
    let counts = replicas[0].counts().await.unwrap();
    assert_eq!(counts.waiting + counts.delivered, 180);
    assert!(counts.delivered >= 170);
    let delivered = replicas[0]
        .deliveries(&Filter {
            limit: 1000,
            ..Filter::default()
        })
        .await
        .unwrap();
    assert!(delivered.iter().all(|delivery| delivery.attempts <= 1));
}

/// A clock that was a day ahead for a moment.
#[rstest]
#[tokio::test]
async fn nothing_waits_for_a_day_because_of_a_wrong_second(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    const DAY: i64 = 24 * 3600;
    let ledger = fresh(kind).await;
    let delayed = |event: &str, due| {
        let mut entry = entry(event, "a", event);
        entry.deliveries[0].due_at = due;
        entry
    };
    ledger
        .record(&delayed("made", at(DAY + 2)), at(DAY))
        .await
        .unwrap();
    ledger
        .record(&delayed("tried", at(0)), at(0))
        .await
        .unwrap();
    let tried = ledger
        .claim(TO, at(1), at(60), 1, false)
        .await
        .unwrap()
        .remove(0);
    let ahead = Attempt {
        started_at: at(DAY),
        ..attempt(FAILED)
    };
    ledger
        .conclude(&tried, &ahead, &Next::Retry(at(DAY + 5)), at(DAY))
        .await
        .unwrap();
    ledger
        .record(&delayed("leased", at(0)), at(0))
        .await
        .unwrap();
    let leased = ledger
        .claim(TO, at(1), at(DAY + 60), 1, false)
        .await
        .unwrap();
    assert_eq!(leased.len(), 1);
    // What rightly waits for long.
    ledger
        .record(&delayed("later", at(DAY)), at(0))
        .await
        .unwrap();
    assert_eq!(ledger.mend(at(10)).await.unwrap(), 3);
    assert_eq!(ledger.mend(at(10)).await.unwrap(), 0);
    let due = ledger.claim(TO, at(80), at(140), 10, false).await.unwrap();
    let mut due: Vec<_> = due
        .iter()
        .map(|claimed| claimed.event_id.as_str())
        .collect();
    due.sort_unstable();
    assert_eq!(due, ["leased", "made", "tried"]);
}

#[rstest]
#[tokio::test]
async fn credentials_of_a_client_are_kept_once_leased_and_shown_once(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    let secret = |text: &str| SecretString::from(text);
    let keep = async |id, text| {
        ledger
            .keep_integration("MOSIP", id, &secret(text), at(1))
            .await
    };
    let first = keep("a", "first").await.unwrap();
    let second = keep("b", "second").await.unwrap();
    for kept in [&first, &second] {
        let credentials = (kept.client_id.as_str(), kept.secret.expose_secret());
        assert_eq!(credentials, ("a", "first"));
        assert!(!kept.is_usable(), "core has not heard of it");
    }
    let lease = async |now, until| ledger.lease_integration("MOSIP", at(now), at(until)).await;
    assert!(lease(1, 5).await.unwrap());
    assert!(!lease(2, 6).await.unwrap(), "another server is at it");
    assert!(lease(5, 9).await.unwrap(), "that one was killed");
    ledger.release_integration("MOSIP").await.unwrap();
    assert!(lease(5, 9).await.unwrap());
    assert!(
        !ledger
            .lease_integration("other", at(1), at(2))
            .await
            .unwrap()
    );
    // The next attempt may replace a secret that core does not have yet.
    let shown = ledger.show_integration("MOSIP", at(6)).await.unwrap();
    assert!(shown.is_none());
    let made = Integration {
        client_id: "c".into(),
        secret: secret("of core"),
        ..first
    };
    ledger.register_integration(&made, at(6)).await.unwrap();
    let [kept] = &ledger.integrations().await.unwrap()[..] else {
        panic!("one client");
    };
    assert!(kept.is_usable());
    assert_eq!(
        (kept.client_id.as_str(), kept.registered_at),
        ("c", Some(at(6)))
    );
    assert!(lease(7, 9).await.unwrap(), "its lease has ended");
    let shown = ledger
        .show_integration("MOSIP", at(8))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(shown.secret.expose_secret(), "of core");
    assert!(
        ledger
            .show_integration("MOSIP", at(9))
            .await
            .unwrap()
            .is_none()
    );
    let kept = ledger.integrations().await.unwrap().remove(0);
    assert_eq!((kept.shown_at, kept.is_usable()), (Some(at(8)), false));
    // A client that was deleted in core is created again.
    let again = keep("d", "third").await.unwrap();
    assert_eq!((again.client_id.as_str(), again.shown_at), ("d", None));
    assert_eq!(keep("e", "fourth").await.unwrap().client_id, "d");
}

/// The server and a command of an operator begin at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn many_that_open_a_new_ledger_at_once_all_find_its_tables() {
    for round in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
        let opening = (0..6).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { ledger::open(&url, Encryption::default()).await })
        });
        for opened in futures_util::future::join_all(opening).await {
            let ledger = opened.unwrap();
            ledger.unwrap_or_else(|error| panic!("{round}: {error:?}"));
        }
    }
}

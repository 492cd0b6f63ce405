// SPDX-License-Identifier: MPL-2.0
//! Registration numbers in the ledger.

use super::ledger::{Kind, fresh};
use super::{at, entry};
use handlers::core_client::Fate;
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger::{
    self, Answer, Begun, Destination, Entry, Ledger, LostBecause, Registered, Renumbered,
};
use jiff::civil::Date;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use rstest::rstest;
use rules::registration_number::NumberFormat;
use rules::registration_numbers::{EventFormat, Fallback, Format, Formats, Office, Request, Scope};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

static RANDOM: LazyLock<NumberFormat> = LazyLock::new(|| "############".parse().unwrap());

static FORMATS: LazyLock<Formats> = LazyLock::new(|| {
    let format = EventFormat {
        format: Format::parse("B-{office.code}-{year}-{sequence:5}", None, None).unwrap(),
        fallback: Some(Format::parse("X-{random:10}", None, None).unwrap()),
        per: vec![Scope::Office, Scope::Year],
        start: 1,
        starts: HashMap::default(),
        fallback_offices: BTreeSet::default(),
    };
    let events = [("birth".to_owned(), format)];
    Formats {
        events: events.into(),
        ..Formats::default()
    }
});

fn offices() -> Vec<Office> {
    let office = |n: usize| Office {
        id: format!("uuid-{n}"),
        external_id: format!("CRO{n}"),
        areas: vec![],
    };
    (1..=5).map(office).collect()
}

/// A registration at an office on a day.
struct Birth {
    event: EventId,
    action: ActionId,
    office: String,
    today: Date,
}

impl Birth {
    fn new(event: &str, office: usize, year: i16) -> Self {
        Self {
            event: EventId::new(event),
            action: ActionId::new("a"),
            office: format!("uuid-{office}"),
            today: Date::new(year, 1, 1).unwrap(),
        }
    }

    fn request(&self) -> Request<'_> {
        Request {
            event_id: &self.event,
            action_id: &self.action,
            event_type: "birth",
            office: Some(&self.office),
            today: self.today,
            format: FORMATS.of("birth").unwrap(),
            formats: &FORMATS,
            random: &RANDOM,
        }
    }

    fn entry(&self, number: &str) -> Entry {
        entry(self.event.as_str(), "a", number)
    }

    async fn register(&self, ledger: &dyn Ledger) -> Registered {
        let write = |number: &str| Some(self.entry(number));
        ledger
            .register(&self.request(), &write, at(0))
            .await
            .unwrap()
    }

    async fn number(&self, ledger: &dyn Ledger) -> String {
        match self.register(ledger).await {
            Registered::New(entry, None) => entry.registration_number.unwrap(),
            other => format!("{other:?}"),
        }
    }
}

#[rstest]
#[tokio::test]
async fn a_sequence_counts_per_office_and_year_and_answers_twice_alike(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    assert_eq!(ledger.keep_offices(&offices(), at(0)).await.unwrap(), 5);
    assert_eq!(ledger.keep_offices(&offices(), at(0)).await.unwrap(), 0);
    for (event, office, year, expected) in [
        ("e1", 1, 2027, "B-CRO1-2027-00001"),
        ("e2", 1, 2027, "B-CRO1-2027-00002"),
        ("e3", 2, 2027, "B-CRO2-2027-00001"),
        ("e4", 1, 2028, "B-CRO1-2028-00001"),
        ("e5", 1, 2027, "B-CRO1-2027-00003"),
    ] {
        let number = Birth::new(event, office, year).number(&**ledger).await;
        assert_eq!(number, expected);
    }
    let again = Birth::new("e1", 1, 2027).register(&**ledger).await;
    assert!(matches!(again, Registered::Before(answer) if answer == Answer::wait()));

    // What is not stored takes no number.
    let failing = Birth::new("e6", 1, 2027);
    let write = |_: &str| None;
    let unwritten = ledger.register(&failing.request(), &write, at(0)).await;
    assert!(matches!(unwritten.unwrap(), Registered::Unwritten));
    assert_eq!(failing.number(&**ledger).await, "B-CRO1-2027-00004");

    // A number that exists already is passed over.
    let taken = entry("other", "a", "B-CRO1-2027-00005");
    ledger.record(&taken, at(0)).await.unwrap();
    let next = Birth::new("e7", 1, 2027).number(&**ledger).await;
    assert_eq!(next, "B-CRO1-2027-00006");
    let lost = ledger.lost_numbers().await.unwrap();
    assert_eq!((lost.len(), lost[0].from, lost[0].to), (1, 5, 5));
    assert_eq!(lost[0].because, LostBecause::PassedOver);

    // An office that nobody knows.
    match Birth::new("e8", 9, 2027).register(&**ledger).await {
        Registered::New(entry, Some(Fallback::UnknownOffice)) => {
            assert!(entry.registration_number.unwrap().starts_with("X-"));
        }
        other => panic!("{other:?}"),
    }
    let sequences = ledger.sequences().await.unwrap();
    let last: Vec<_> = sequences.iter().map(|s| (&*s.name, s.last)).collect();
    assert_eq!(
        last,
        [
            ("birth office=CRO1 year=2027", 6),
            ("birth office=CRO1 year=2028", 1),
            ("birth office=CRO2 year=2027", 1),
        ]
    );

    // From another system: upwards only.
    let name = "birth office=CRO2 year=2027";
    assert!(ledger.raise_sequence(name, 400, at(1)).await.unwrap());
    assert!(!ledger.raise_sequence(name, 399, at(1)).await.unwrap());
    let next = Birth::new("e9", 2, 2027).number(&**ledger).await;
    assert_eq!(next, "B-CRO2-2027-00401");
}

#[rstest]
#[tokio::test]
async fn what_a_failed_packet_or_a_refusal_uses_up_is_listed_with_the_reason(
    #[values(Kind::Sqlite, Kind::Postgres, Kind::Memory)] kind: Kind,
) {
    let ledger = fresh(kind).await;
    ledger.keep_offices(&offices(), at(0)).await.unwrap();
    let (birth, refused) = (Birth::new("e1", 1, 2027), Birth::new("e2", 1, 2027));
    let first = birth.number(&**ledger).await;
    refused.number(&**ledger).await;
    let next = |current: String| {
        let ledger = ledger.clone();
        async move {
            let (event, action) = (EventId::new("e1"), ActionId::new("a"));
            ledger
                .next_number(&event, &action, &current, at(1))
                .await
                .unwrap()
                .unwrap()
        }
    };
    let second = next(first.clone()).await;
    assert_eq!(second, "B-CRO1-2027-00003");
    assert_eq!(next(first).await, second, "until a packet leaves with it");
    let to = Destination::MIDDLEWARE;
    let claimed = ledger
        .claim(&to, at(1), at(60), 1, false)
        .await
        .unwrap()
        .remove(0);
    let renumbered = Renumbered {
        number: second.clone(),
        is_reserved: true,
        payload: json!({"number": second}),
        fallback: None,
        token: "t".into(),
    };
    let begun = ledger.begin(&claimed, Some(&renumbered), at(2)).await;
    assert_eq!(begun.unwrap(), Begun::Begun);
    assert_eq!(next(second).await, "B-CRO1-2027-00004");
    let fate = Fate::Rejected;
    ledger
        .learn(&refused.event, &refused.action, &fate, at(3))
        .await
        .unwrap();
    let lost = ledger.lost_numbers().await.unwrap();
    let lost: Vec<_> = lost
        .iter()
        .map(|l| (l.from, l.event_id.as_ref().unwrap().as_str(), l.because))
        .collect();
    assert_eq!(
        lost,
        [
            (1, "e1", LostBecause::Packet),
            (2, "e2", LostBecause::Refused),
            (3, "e1", LostBecause::Packet),
        ]
    );
    // Numbers without a format are made as before.
    ledger
        .record(&entry("e3", "a", "RANDOM"), at(0))
        .await
        .unwrap();
    let (event, action) = (EventId::new("e3"), ActionId::new("a"));
    let none = ledger.next_number(&event, &action, "RANDOM", at(1));
    assert_eq!(none.await.unwrap(), None);
}

/// Three replicas with a pool of their own, five offices, over the end of a year. `NUMBERS=3000` for all.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn replicas_give_out_each_number_once_and_leave_none_out(
    #[values(Kind::Sqlite, Kind::Postgres)] kind: Kind,
) {
    let all = std::env::var("NUMBERS").map_or(300, |n| n.parse().unwrap());
    let shared = fresh(kind).await;
    shared.keep_offices(&offices(), at(0)).await.unwrap();
    let mut replicas = vec![];
    for _ in 0..3 {
        let replica = match kind {
            Kind::Postgres => ledger::open(&shared.url, Encryption::default())
                .await
                .unwrap(),
            _ => shared.ledger.clone(),
        };
        replicas.push(replica);
    }
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..15 {
        let replica: Arc<dyn Ledger> = replicas[client % 3].clone();
        clients.spawn(async move {
            let mut numbers = Vec::new();
            for n in (client..all).step_by(15) {
                let year = if n < all / 2 { 2027 } else { 2028 };
                let birth = Birth::new(&format!("e{n}"), n % 5 + 1, year);
                numbers.push(birth.number(&*replica).await);
            }
            numbers
        });
    }
    let numbers = clients.join_all().await.concat();
    let unique: BTreeSet<&String> = numbers.iter().collect();
    assert_eq!(unique.len(), all);
    let mut expected = BTreeSet::new();
    for (year, range) in [(2027, 0..all / 2), (2028, all / 2..all)] {
        for office in 1..=5 {
            let count = range.clone().filter(|n| n % 5 + 1 == office).count();
            expected.extend((1..=count).map(|n| format!("B-CRO{office}-{year}-{n:05}")));
        }
    }
    assert_eq!(unique, expected.iter().collect());
    assert_eq!(shared.lost_numbers().await.unwrap(), []);
}

/// Registrations that cannot be written share transactions with others, and leave no gap in their sequence.
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_without_an_entry_takes_no_number_from_those_beside_it() {
    let ledger = fresh(Kind::Sqlite).await;
    ledger.keep_offices(&offices(), at(0)).await.unwrap();
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..150 {
        let ledger = ledger.ledger.clone();
        clients.spawn(async move {
            let birth = Birth::new(&format!("e{n}"), 1, 2027);
            if n % 7 > 0 {
                return Some(birth.number(&*ledger).await);
            }
            let write = |_: &str| None;
            let unwritten = ledger.register(&birth.request(), &write, at(0)).await;
            assert!(matches!(unwritten.unwrap(), Registered::Unwritten));
            None
        });
    }
    let numbers = clients.join_all().await.into_iter().flatten();
    let numbers: BTreeSet<_> = numbers.collect();
    let expected = (1..=128).map(|n| format!("B-CRO1-2027-{n:05}"));
    assert_eq!(numbers, expected.collect());
    assert_eq!(ledger.lost_numbers().await.unwrap(), []);
}

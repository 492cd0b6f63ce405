// SPDX-License-Identifier: MPL-2.0
//! The process is killed again and again while hooks come in. What it acknowledged must be there.

use super::process::{Load, Process, all_is_kept};
use super::registration_numbers::numbers_in_sequence;
use super::{environment, surroundings};
use handlers::delivery::encryption::Encryption;
use handlers::delivery::ledger;
use rstest::rstest;
use std::time::{Duration, Instant};

/// Each database is given so many kills, or `CRASH_KILLS`.
#[rstest]
#[case::sqlite(false, 40, false)]
#[case::postgres(true, 20, false)]
#[case::sqlite_in_sequence(false, 20, true)]
#[case::postgres_in_sequence(true, 20, true)]
#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_hook_is_lost_however_often_the_process_is_killed(
    #[case] shared: bool,
    #[case] kills: u64,
    #[case] in_sequence: bool,
) {
    let kills = std::env::var("CRASH_KILLS").map_or(kills, |kills| kills.parse().unwrap());
    let outside = surroundings().await;
    let folder = tempfile::tempdir().unwrap();
    let mut environment = environment(&outside, folder.path());
    let mut url = format!("sqlite://{}", folder.path().join("ledger.db").display());
    if shared {
        url = testing::postgres::database().await;
        environment.push(("LEDGER_URL".into(), url.clone()));
    }
    if in_sequence {
        let country = folder.path().join("country");
        numbers_in_sequence(
            &country,
            "[[event]]\nid = \"birth\"\nformat = \"B{sequence:6}\"\n",
        );
        let layers = format!("built-in:{}", country.display());
        environment.push(("COUNTRY_DIR".into(), layers));
    }
    let began = Instant::now();
    let mut server = Process::start(&environment);
    let load = Load::start(4, server.port);
    for kill in 0..kills {
        // Killed at another moment each time, but not before something was acknowledged.
        load.goes_on(3).await;
        tokio::time::sleep(Duration::from_millis(kill * 7 % 23)).await;
        server.kill_and_restart();
    }
    let heard = load.stop();
    all_is_kept(&heard, &url, &outside, 0).await;
    if in_sequence {
        let ledger = ledger::open(&url, Encryption::default()).await.unwrap();
        assert_eq!(ledger.lost_numbers().await.unwrap(), []);
        let sequences = ledger.sequences().await.unwrap();
        assert!(
            sequences[0].last >= heard.acknowledged.len() as u64,
            "{sequences:?}"
        );
    }
    assert!(heard.acknowledged.len() as u64 >= 3 * kills);
    println!("{kills} kills in {:?}", began.elapsed());
}

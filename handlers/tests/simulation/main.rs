// SPDX-License-Identifier: MPL-2.0
//! Bad days, simulated: the real code of hooks and deliveries between models of core, the middleware,
//! the ledger and the clock. A seed decides everything, so that what fails once fails again.
//!
//! Every authenticated, well-formed hook ends accepted, rejected because the middleware refused, or
//! in front of an operator before its token dies. One number per action for ever. At most one identity
//! per child: a packet is sent again only where it is known that MOSIP was not started. No action that
//! core was told to wait for is forgotten.
//!
//! `SIM_SEEDS=100000 cargo test -p handlers --test simulation` plays more, `SIM_SEED=42` tells one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::similar_names,
    reason = "a test that cannot go on has failed"
)]

mod memory;
mod outsiders;
mod records;
mod server;
#[path = "../../../rules/src/testing.rs"]
mod vocabulary;
mod world;

use handlers::delivery::ledger::{Counts, Filter, Ledger};
use outsiders::{Asked, Status};
use records::Life;
use rules::expression;
use rules::policy::Policy;
use server::Server;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use world::{Rng, Times, Weather, World, true_time};

/// What must have happened in some seeds.
const BAD_DAYS: [&str; 23] = [
    "crash",
    "ledger failed",
    "number taken",
    "asked again",
    "given up",
    "delivered",
    "refused",
    "undecided",
    "unwanted",
    "unprepared",
    "not-reached",
    "unavailable",
    "not-started",
    "unknown",
    "still-unknown",
    "settled",
    "given-up",
    "parked",
    "sent again",
    "rejected in core",
    "accepted without identity",
    "credential lost",
    "confirmed",
];

/// What became of a seed.
struct Played {
    seen: BTreeMap<&'static str, u64>,
    broken: Vec<String>,
    story: Vec<String>,
}

fn play(seed: u64, policy: &Arc<Policy>, story: bool) -> Played {
    let mut rng = Rng::new(seed);
    let times = if seed.is_multiple_of(500) {
        Times::REAL
    } else {
        Times::SHORT
    };
    let weather = Weather::of(&mut rng, &times);
    let lives: Vec<_> = (0..=rng.below(6))
        .map(|_| match rng.below(11) {
            0..=3 => Life::Eligible,
            4 => Life::Plain,
            5 => Life::Death,
            6..=7 => Life::Corrections(u8::try_from(rng.below(4)).unwrap() + 1),
            8 => Life::LateIdentity,
            9 => Life::Forged,
            _ => Life::Declared,
        })
        .collect();
    let n_servers = rng.one(&[1, 1, 2, 3]);
    in_simulated_time(async move {
        let world = World::new(rng, times, weather, policy, story);
        world.tell(|| {
            format!(
                "seed {seed}: {n_servers} servers, {lives:?}, {:#?}",
                world.weather
            )
        });
        let servers: Vec<_> = (0..n_servers).map(|n| Server::start(n, &world)).collect();
        let within = world.times.token / 5;
        live_through(&world, &servers, &lives, within).await;
        let broken = std::mem::take(&mut world.state().broken);
        let story = world.take_story();
        let seen = std::mem::take(&mut world.state().seen);
        Played {
            seen,
            broken,
            story,
        }
    })
}

/// All records live, each from some moment within a time, until everything is done or all tokens are dead.
async fn live_through(
    world: &Arc<World>,
    servers: &[Arc<Server>],
    lives: &[Life],
    within: Duration,
) {
    let mut records = tokio::task::JoinSet::new();
    for (n, life) in lives.iter().enumerate() {
        let (world, servers, life) = (world.clone(), servers.to_vec(), *life);
        let start = world.state().rng.within(within);
        records.spawn(async move {
            tokio::time::sleep(start).await;
            let pause = world.times.token / 20;
            world.record(servers, format!("e{n}"), life, pause).await;
        });
    }
    while records.join_next().await.is_some() {}
    let last = world
        .state()
        .core
        .actions
        .values()
        .map(|asked| asked.dies)
        .max();
    // A clock that was set back lets everything happen so much later.
    let back = world
        .weather
        .clock_jumps
        .iter()
        .map(|(_, by)| by.unsigned_abs())
        .sum::<Duration>();
    let mut last = last.unwrap_or_default() + back;
    last += if world.weather.system_client {
        // Tokens never end; the schedule does, and so does asking about an unknown outcome.
        world.times.token * 2 + world.times.unknown_for
    } else {
        world.times.token / 50
    };
    while !world.memory.is_quiet() && world.elapsed() < last {
        tokio::time::sleep(world.times.token / 100).await;
    }
    world.check_end();
}

fn in_simulated_time<T>(play: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(play)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap())
}

#[test]
fn no_record_is_stranded_whatever_happens() {
    let policy = Arc::new(records::policy());
    if let Some(seed) = number("SIM_SEED") {
        let played = play(seed, &policy, true);
        println!("{}", played.story.join("\n"));
        assert_eq!(played.broken, [""; 0], "seed {seed}");
        return;
    }
    let seeds = number("SIM_SEEDS").unwrap_or(10_000);
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let seen = Mutex::new(BTreeMap::new());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || failed.load(Ordering::Relaxed) < seed {
                        break;
                    }
                    let played = play(seed, &policy, false);
                    if !played.broken.is_empty() {
                        failed.fetch_min(seed, Ordering::Relaxed);
                    }
                    let mut seen = seen.lock().unwrap();
                    for (what, n) in played.seen {
                        *seen.entry(what).or_insert(0) += n;
                    }
                }
            });
        }
    });
    let seen = seen.into_inner().unwrap();
    println!("{seeds} seeds in {:?}: {seen:#?}", began.elapsed());
    let failed = failed.into_inner();
    if failed != u64::MAX {
        let played = play(failed, &policy, true);
        panic!("{}\n\nagain: SIM_SEED={failed}", played.story.join("\n"));
    }
    // A simulation in which nothing goes wrong proves nothing.
    for what in BAD_DAYS {
        assert!(seen.contains_key(what) || seeds < 1000, "never: {what}");
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let policy = Arc::new(records::policy());
    for seed in 1..30 {
        let stories = [(); 2].map(|()| play(seed, &policy, true).story);
        assert!(stories[0].len() > 3);
        assert_eq!(stories[0], stories[1], "seed {seed}");
    }
}

#[test]
fn seventy_two_hours_without_middleware_reject_nothing_and_lose_nothing() {
    const DOWN: Duration = Duration::from_hours(72);
    const HOUR: Duration = Duration::from_hours(1);
    let policy = Arc::new(records::policy());
    let weather = Weather {
        middleware_down: vec![Duration::ZERO..DOWN],
        ..Weather::default()
    };
    let lives = [vec![Life::Eligible; 4000], vec![Life::Corrections(3); 2000]].concat();
    in_simulated_time(async move {
        let world = World::new(Rng::new(72), Times::REAL, weather, &policy, false);
        let servers = [Server::start(0, &world), Server::start(1, &world)];
        live_through(&world, &servers, &lives, Duration::from_hours(48)).await;
        let counts = world.memory.counts().await.unwrap();
        let arrived = Counts {
            delivered: 10_000,
            ..Counts::default()
        };
        {
            let state = world.state();
            assert_eq!(state.broken, [""; 0]);
            assert_eq!((counts, state.core.actions.len()), (arrived, 10_000));
            let rejected = |asked: &Asked| asked.status == Status::Rejected;
            assert!(!state.core.actions.values().any(rejected));
        }
        // The longest wait of the schedule, stretched, and a moment for the last ones of each event.
        let filter = Filter {
            limit: u32::MAX,
            ..Filter::default()
        };
        let rows = world.memory.deliveries(&filter).await.unwrap();
        let last = rows.iter().filter_map(|row| row.ended_at).max().unwrap();
        assert!(last < true_time(DOWN + Duration::from_hours(24).mul_f64(1.2) + HOUR));
    });
}

#[test]
fn an_outage_longer_than_any_token_leaves_everything_with_an_operator() {
    let policy = Arc::new(records::policy());
    let weather = Weather {
        middleware_down: vec![Duration::ZERO..Times::REAL.token * 2],
        ..Weather::default()
    };
    in_simulated_time(async move {
        let world = World::new(Rng::new(7), Times::REAL, weather, &policy, false);
        let servers = [Server::start(0, &world)];
        let lives = [Life::Eligible; 2000];
        live_through(&world, &servers, &lives, Duration::from_hours(1)).await;
        assert_eq!(world.state().broken, [""; 0]);
        let counts = world.memory.counts().await.unwrap();
        assert_eq!((counts.parked, counts.waiting), (2000, 0));
    });
}

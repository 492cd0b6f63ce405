// SPDX-License-Identifier: MPL-2.0
//! What a seed decides: chance, time, weather and the story of what happened.

use crate::memory::Memory;
use crate::outsiders::{Core, Middleware};
use handlers::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use rules::policy::Policy;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// Chance, the same for the same seed (`SplitMix64`).
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ 0x5851_F42D_4C95_7F2D)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// True so many times in a thousand.
    pub(crate) fn happens(&mut self, per_thousand: u64) -> bool {
        per_thousand > 0 && self.below(1000) < per_thousand
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    pub(crate) fn within(&mut self, span: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(span.as_millis()).unwrap()))
    }
}

/// How long everything takes.
#[derive(Clone)]
pub(crate) struct Times {
    pub(crate) schedule: &'static str,
    pub(crate) token: Duration,
    pub(crate) delay: Duration,
    pub(crate) timeout: Duration,
    pub(crate) retry_after_500: Duration,
    pub(crate) unknown_for: Duration,
}

impl Times {
    /// As it is shipped.
    pub(crate) const REAL: Self = Self {
        schedule: "5s,1m,5m,30m,2h,6h,12h,24h,24h,24h,24h",
        token: Duration::from_hours(7 * 24),
        delay: Duration::from_secs(2),
        timeout: Duration::from_mins(2),
        retry_after_500: Duration::from_mins(10),
        unknown_for: Duration::from_hours(72),
    };
    /// A hundred times shorter: a worker that looks at its ledger every 30 s makes long times slow.
    pub(crate) const SHORT: Self = Self {
        schedule: "1s,5s,15s,1m,3m,7m,14m,14m,14m,14m",
        token: Duration::from_secs(7 * 24 * 36),
        delay: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        retry_after_500: Duration::from_secs(10),
        unknown_for: Duration::from_mins(43),
    };
}

/// What is in the way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Weather {
    /// So many of a thousand awaits are the last of their process.
    pub(crate) crashes: u64,
    /// So many of a thousand calls of the ledger fail.
    pub(crate) ledger_faults: u64,
    /// The ledger fails altogether.
    pub(crate) ledger_down: Vec<Range<Duration>>,
    /// The middleware cannot be reached, or stands behind something that says so.
    pub(crate) middleware_down: Vec<Range<Duration>>,
    /// So many of a thousand answers of a middleware that is down do not tell whether it is down.
    pub(crate) unclear: u64,
    /// So many of a thousand calls of the middleware end badly.
    pub(crate) middleware_faults: u64,
    /// So many of a thousand credentials never reach core.
    pub(crate) lost_credentials: u64,
    /// So many of a thousand packets the middleware refuses for good.
    pub(crate) refusals: u64,
    /// Core's gateway cannot be reached.
    pub(crate) core_down: Vec<Range<Duration>>,
    /// The clock of the servers is set: when, and by how much.
    pub(crate) clock_jumps: Vec<(Duration, SignedDuration)>,
    /// The servers may get tokens of their own, and ask core what it has accepted.
    pub(crate) system_client: bool,
    /// So many of a thousand hooks come twice at once.
    pub(crate) doubled: u64,
    /// So many of a thousand times that no answer comes, somebody rejects the action in core by hand.
    pub(crate) given_up: u64,
}

impl Weather {
    pub(crate) fn of(rng: &mut Rng, times: &Times) -> Self {
        let mut spells = |odds: u64, longest: Duration| -> Vec<Range<Duration>> {
            (0..3)
                .filter_map(|_| {
                    let from = rng.within(times.token * 3 / 4);
                    let spell = from..from + rng.within(longest);
                    rng.happens(odds).then_some(spell)
                })
                .collect()
        };
        let ledger_down = spells(100, times.token / 50);
        let middleware_down = spells(400, times.token);
        let core_down = spells(200, times.token / 2);
        let day = i64::try_from(times.token.as_secs() / 7).unwrap();
        let clock_jumps = (0..rng.one(&[0, 0, 0, 0, 1, 2]))
            .map(|_| {
                let by = SignedDuration::from_secs(rng.one(&[-day, day]));
                (rng.within(times.token), by)
            })
            .collect();
        Self {
            crashes: rng.one(&[0, 0, 1, 5, 20]),
            ledger_faults: rng.one(&[0, 0, 5, 50]),
            ledger_down,
            middleware_down,
            unclear: rng.one(&[0, 0, 100, 900]),
            lost_credentials: rng.one(&[0, 0, 100]),
            middleware_faults: rng.one(&[0, 50, 300, 900]),
            refusals: rng.one(&[0, 0, 100, 500]),
            core_down,
            clock_jumps,
            system_client: rng.happens(300),
            doubled: rng.one(&[0, 100, 500]),
            given_up: rng.one(&[0, 50, 600]),
        }
    }
}

/// Everything but the servers.
pub(crate) struct World {
    pub(crate) times: Times,
    pub(crate) weather: Weather,
    pub(crate) memory: Memory,
    pub(crate) policy: Arc<Policy>,
    pub(crate) begin: Instant,
    state: Mutex<State>,
}

/// What changes.
pub(crate) struct State {
    pub(crate) rng: Rng,
    pub(crate) core: Core,
    pub(crate) middleware: Middleware,
    /// How the requests with the packet of each action ended, as far as their senders know.
    pub(crate) posts: BTreeMap<String, Vec<crate::server::Post>>,
    /// Numbers that others have.
    pub(crate) taken: BTreeSet<String>,
    /// What has happened, where somebody wants to read it.
    story: Option<Vec<String>>,
    pub(crate) broken: Vec<String>,
    /// How often it came to what.
    pub(crate) seen: BTreeMap<&'static str, u64>,
}

impl World {
    pub(crate) fn new(
        rng: Rng,
        times: Times,
        weather: Weather,
        policy: &Arc<Policy>,
        story: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            times,
            weather,
            memory: Memory::default(),
            policy: policy.clone(),
            begin: Instant::now(),
            state: Mutex::new(State {
                rng,
                core: Core::default(),
                middleware: Middleware::default(),
                posts: BTreeMap::new(),
                taken: BTreeSet::new(),
                story: story.then(Vec::new),
                broken: Vec::new(),
                seen: BTreeMap::new(),
            }),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Time since the beginning, as nobody can change it.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    pub(crate) fn is_in(&self, spells: &[Range<Duration>]) -> bool {
        let now = self.elapsed();
        spells.iter().any(|spell| spell.contains(&now))
    }

    /// True where a promise about time may be a day late: the clock was set.
    pub(crate) fn clock_was_set(&self) -> bool {
        !self.weather.clock_jumps.is_empty()
    }

    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        let at = self.elapsed();
        if let Some(story) = &mut self.state().story {
            let (h, m, s) = (
                at.as_secs() / 3600,
                at.as_secs() / 60 % 60,
                at.as_secs() % 60,
            );
            story.push(format!(
                "{h:4}:{m:02}:{s:02}.{:03}  {}",
                at.subsec_millis(),
                what()
            ));
        }
    }

    /// It came to this.
    pub(crate) fn saw(&self, what: &'static str) {
        *self.state().seen.entry(what).or_default() += 1;
    }

    /// A promise was broken.
    pub(crate) fn broken(&self, what: String) {
        self.tell(|| format!("!!! {what}"));
        self.state().broken.push(what);
    }

    pub(crate) fn take_story(&self) -> Vec<String> {
        self.state().story.take().unwrap_or_default()
    }

    /// A little time, which lets others go first.
    pub(crate) async fn a_moment(&self) {
        let ms = {
            let mut state = self.state();
            if state.rng.happens(800) {
                return;
            }
            state.rng.below(20)
        };
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// The first day of the simulation.
fn epoch() -> Timestamp {
    Timestamp::from_second(1_780_000_000).unwrap()
}

/// A moment of simulated time on an undisturbed clock.
pub(crate) fn true_time(at: Duration) -> Timestamp {
    epoch() + at
}

/// The clock of the servers.
pub(crate) struct SetClock(pub(crate) Arc<World>);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        let at = self.0.elapsed();
        let jumps = self.0.weather.clock_jumps.iter();
        let jumps = jumps.filter(|(when, _)| *when <= at).map(|(_, by)| *by);
        true_time(at) + jumps.sum::<SignedDuration>()
    }
}

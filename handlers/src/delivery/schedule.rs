// SPDX-License-Identifier: MPL-2.0
//! The retry schedule of failed deliveries.

use jiff::SignedDuration;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::time::Duration;

/// Each wait is lengthened or shortened by up to this share, so that deliveries that failed together
/// are not retried together.
const JITTER: f64 = 0.2;

/// A receiver may ask for more time (`Retry-After`), up to this many times the planned wait.
const RETRY_AFTER_LIMIT: i32 = 2;

/// The waits after the first, second … failed attempt. After the last one the delivery is parked.
///
/// ```
/// let schedule: handlers::delivery::schedule::Schedule = "5s,1m,2h".parse()?;
/// assert!(schedule.wait(1, 7, None).is_some());
/// assert!(schedule.wait(4, 7, None).is_none());
/// # Ok::<(), handlers::delivery::schedule::ScheduleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<SignedDuration>);

/// The error for a text that is not a schedule.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a duration like `5s`, `1m` or `2h`")]
pub struct ScheduleError(String);

impl FromStr for Schedule {
    type Err = ScheduleError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',')
            .map(|part| duration(part.trim()).ok_or_else(|| ScheduleError(part.trim().to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Reads `0s`, `15s`, `1m`, `2h`, `30d`; nothing negative. A day is 24 hours.
pub fn duration(text: &str) -> Option<SignedDuration> {
    let days =
        |text: &str| SignedDuration::try_from_hours(text.parse::<i64>().ok()?.checked_mul(24)?);
    text.strip_suffix('d')
        .map_or_else(|| text.parse().ok(), days)
        .filter(|duration| !duration.is_negative())
}

impl Schedule {
    /// The wait after failed attempt number `attempt` (from 1) of a delivery, or `None` when
    /// the schedule is exhausted. The jitter follows from the delivery's id: no randomness, so that a
    /// test or a simulation sees the same waits again.
    pub fn wait(
        &self,
        attempt: u32,
        delivery: i64,
        retry_after: Option<Duration>,
    ) -> Option<SignedDuration> {
        let planned = *self.0.get(usize::try_from(attempt.checked_sub(1)?).ok()?)?;
        let mut hasher = DefaultHasher::new();
        (delivery, attempt).hash(&mut hasher);
        let share =
            f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(0)) / f64::from(u32::MAX);
        let wait = planned.mul_f64(1.0 + JITTER * (2.0 * share - 1.0));
        let asked = retry_after
            .and_then(|asked| SignedDuration::try_from(asked).ok())
            .unwrap_or_default();
        Some(wait.max(asked.min(planned * RETRY_AFTER_LIMIT)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_follow_the_schedule_within_the_jitter_and_end() {
        let schedule: Schedule = "5s, 1m,2h".parse().unwrap();
        for delivery in 0..200 {
            for (attempt, planned) in [(1, 5.0), (2, 60.0), (3, 7200.0)] {
                let wait = schedule
                    .wait(attempt, delivery, None)
                    .unwrap()
                    .as_secs_f64();
                assert!(
                    (planned * 0.8..=planned * 1.2).contains(&wait),
                    "{wait} for {planned}"
                );
            }
            assert_eq!(schedule.wait(4, delivery, None), None);
        }
    }

    #[test]
    fn retry_after_is_honoured_and_clamped() {
        let schedule: Schedule = "10s".parse().unwrap();
        assert_eq!(
            schedule.wait(1, 1, Some(Duration::from_secs(15))),
            Some(SignedDuration::from_secs(15))
        );
        assert_eq!(
            schedule.wait(1, 1, Some(Duration::from_hours(24))),
            Some(SignedDuration::from_secs(20))
        );
    }

    #[test]
    fn days_are_read_and_nothing_overflows() {
        assert_eq!(duration("30d"), Some(SignedDuration::from_hours(720)));
        for none in ["d", "-1d", "1.5d", "9223372036854775807d", "1 fortnight"] {
            assert_eq!(duration(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_duration_is_named() {
        assert_eq!(
            "5s,soon".parse::<Schedule>().unwrap_err().to_string(),
            "`soon` is not a duration like `5s`, `1m` or `2h`"
        );
        assert!("-5s".parse::<Schedule>().is_err());
    }
}

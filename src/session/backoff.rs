//! How long to wait before connecting again. Draws waits, never sleeps.

use std::time::Duration;

/// No wait is shorter: the protocol's own minimum.
pub const MINIMUM: Duration = Duration::from_secs(1);

/// The waits of one client: random, at least a second, growing to a ceiling.
///
/// The wait after `n` failures in a row is drawn evenly from between half of and the whole of
/// `2 s * 2^n`, where that factor stops at the ceiling. So the first is 1 to 2 s, the next 2 to 4 s.
/// The same seed gives the same series.
///
/// ```
/// use std::time::Duration;
/// use litespec::session::backoff::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_secs(16), fastrand::Rng::with_seed(7));
/// let first = backoff.next_wait();
/// assert!(first >= Duration::from_secs(1) && first <= Duration::from_secs(2));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    ceiling: Duration,
    failures: u32,
    rng: fastrand::Rng,
}

impl Backoff {
    /// Waits up to `ceiling`; one below 2 s counts as 2 s, so that there is room to be random.
    pub fn new(ceiling: Duration, rng: fastrand::Rng) -> Backoff {
        Backoff {
            ceiling: ceiling.max(2 * MINIMUM),
            failures: 0,
            rng,
        }
    }

    /// The wait before the next attempt; counts as one more failure.
    #[must_use]
    pub fn next_wait(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let most = (2 * MINIMUM).saturating_mul(factor).min(self.ceiling);
        self.failures = self.failures.saturating_add(1);
        (most / 2 + (most / 2).mul_f64(self.rng.f64())).max(MINIMUM)
    }

    /// The peer has shown that it takes us: the next wait is a first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(seed: u64, count: usize) -> Vec<Duration> {
        let mut backoff = Backoff::new(Duration::from_secs(16), fastrand::Rng::with_seed(seed));
        (0..count).map(|_| backoff.next_wait()).collect()
    }

    #[test]
    fn waits_are_never_below_a_second_and_never_above_the_ceiling() {
        for seed in 0..200 {
            for wait in series(seed, 40) {
                assert!(
                    wait >= MINIMUM && wait <= Duration::from_secs(16),
                    "{wait:?}"
                );
            }
        }
    }

    #[test]
    fn waits_grow_until_the_ceiling_is_reached() {
        for seed in 0..50 {
            let waits = series(seed, 4);
            assert!(waits.is_sorted(), "{waits:?}");
            assert!(waits[3] >= Duration::from_secs(8));
        }
    }

    #[test]
    fn waits_differ_within_a_series_and_between_seeds_but_not_for_one_seed() {
        let late = &series(1, 20)[4..];
        let spread = *late.iter().max().unwrap() - *late.iter().min().unwrap();
        assert!(spread > Duration::from_secs(1), "{spread:?}");
        assert_ne!(series(1, 5), series(2, 5));
        assert_eq!(series(3, 5), series(3, 5));
    }

    #[test]
    fn a_reset_starts_the_growth_again() {
        let mut backoff = Backoff::new(Duration::from_secs(60), fastrand::Rng::with_seed(5));
        for _ in 0..6 {
            let _ = backoff.next_wait();
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_secs(2));
    }

    #[test]
    fn a_ceiling_below_the_minimum_still_leaves_room_to_be_random() {
        let mut backoff = Backoff::new(Duration::ZERO, fastrand::Rng::with_seed(5));
        let (a, b) = (backoff.next_wait(), backoff.next_wait());
        assert!(a >= MINIMUM && b >= MINIMUM && a != b);
    }
}

//! Small delays before our own sends, drawn from a seed: a scenario that is played again with them
//! keeps all its own bounds, and yet no two packets meet the target as they did before.

use std::time::Duration;

use tokio::time::Instant;

use super::ended::Ended;
use super::player::Player;

/// No delay is longer.
const LONGEST: Duration = Duration::from_millis(20);
/// All delays between two HEARTBEATs of a connection come to no more than this part of the
/// interval. Scenarios plan their heartbeats at most 0.9 intervals apart, which leaves 0.1.
const PART: u32 = 25;

/// The delays of one run of one scenario.
#[derive(Debug)]
pub(crate) struct Jitter {
    rng: fastrand::Rng,
    /// For each connection, what was delayed since its last HEARTBEAT.
    spent: Vec<Duration>,
}

impl Jitter {
    pub(crate) fn new(seed: u64) -> Jitter {
        Jitter {
            rng: fastrand::Rng::with_seed(seed),
            spent: Vec::new(),
        }
    }

    /// How long the next send waits. `intervals` has an entry for each connection.
    fn draw(&mut self, intervals: &[Duration]) -> Duration {
        self.spent.resize(intervals.len(), Duration::ZERO);
        let left = intervals
            .iter()
            .zip(&self.spent)
            .map(|(interval, spent)| (*interval / PART).saturating_sub(*spent))
            .min()
            .unwrap_or_default();
        let most = u64::try_from(left.min(LONGEST).as_micros()).unwrap_or(0);
        let delay = Duration::from_micros(self.rng.u64(0..=most));
        self.spent.iter_mut().for_each(|spent| *spent += delay);
        delay
    }

    /// A HEARTBEAT went out on the connection with this index.
    pub(crate) fn beat(&mut self, link: usize) {
        if let Some(spent) = self.spent.get_mut(link) {
            *spent = Duration::ZERO;
        }
    }
}

impl Player<'_> {
    /// Waits a little where this run is to differ from the one before it. What comes in meanwhile
    /// waits for the expectations.
    pub(crate) async fn delay(&mut self) -> Result<(), Ended> {
        let own = |watch| self.oracle.interval(watch);
        let intervals: Vec<Duration> = self
            .links
            .iter()
            .map(|link| own(link.watch).unwrap_or(self.settings.interval))
            .collect();
        let Some(jitter) = &mut self.jitter else {
            return Ok(());
        };
        let until = Instant::now() + jitter.draw(&intervals);
        while Instant::now() < until {
            self.pump(until).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HB: Duration = Duration::from_secs(1);

    #[test]
    fn delays_between_two_heartbeats_stay_within_a_twentyfifth_of_the_interval() {
        for seed in 0..50 {
            let mut jitter = Jitter::new(seed);
            for _ in 0..3 {
                let total: Duration = (0..200).map(|_| jitter.draw(&[HB, HB * 2])).sum();
                assert!(total <= HB / PART, "{total:?}");
                jitter.beat(0);
                jitter.beat(1);
            }
        }
    }

    #[test]
    fn delays_differ_and_hang_on_the_seed_alone() {
        let draws = |seed| -> Vec<Duration> {
            let mut jitter = Jitter::new(seed);
            (0..6).map(|_| jitter.draw(&[HB * 10])).collect()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        assert!(
            draws(1)
                .iter()
                .any(|delay| *delay > Duration::from_millis(1))
        );
        assert!(draws(1).iter().all(|delay| *delay <= LONGEST));
    }

    #[test]
    fn a_heartbeat_on_one_connection_gives_no_room_on_another() {
        let mut jitter = Jitter::new(3);
        let short = Duration::from_millis(100);
        let mut total = Duration::ZERO;
        for _ in 0..500 {
            total += jitter.draw(&[short, HB]);
            jitter.beat(1);
        }
        assert!(total <= short / PART, "{total:?}");
    }
}

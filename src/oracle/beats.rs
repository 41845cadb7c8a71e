//! The account of one connection's heartbeats: how many, acknowledged or not, and how long the
//! target was left without one.
//!
//! The target's clock is not ours. Silence is measured from the start of our last send, so that it
//! is never shorter than what the target saw; and a beat that may have reached the target late
//! excuses it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How much earlier than a bound something may be seen, because the target's clock is not ours:
/// the larger of 20 ms and 0.5 %.
pub fn tolerance(bound: Duration) -> Duration {
    Duration::from_millis(20).max(bound / 200)
}

/// By how much a time lies before a lower bound, tolerance taken off; none when it does not.
pub fn early_by(elapsed: Duration, bound: Duration) -> Option<Duration> {
    let least = bound.saturating_sub(tolerance(bound));
    (elapsed < least).then(|| bound - elapsed)
}

/// The heartbeats of one connection.
#[derive(Debug)]
pub struct Beats {
    /// Start of the send that certainly reached the target last: an acknowledged beat, else the dial.
    sure: Instant,
    /// Starts of the beats that have no ACK yet.
    waiting: VecDeque<Instant>,
    sent: u64,
    acks: u64,
    /// Longest time from one beat's start until the next was acknowledged.
    longest_gap: Duration,
}

/// What a close with 4003 amounts to.
#[derive(Debug, PartialEq, Eq)]
pub enum Silence {
    /// The target had a beat of ours within the interval, acknowledged: it was too early.
    Early(Duration),
    /// The interval may have been over for the target.
    Over(Duration),
}

impl Beats {
    /// A connection whose TCP connect began at `dialed`.
    pub fn new(dialed: Instant) -> Beats {
        Beats {
            sure: dialed,
            waiting: VecDeque::new(),
            sent: 0,
            acks: 0,
            longest_gap: Duration::ZERO,
        }
    }

    /// A HEARTBEAT's send began.
    pub fn sent(&mut self, started: Instant) {
        self.sent += 1;
        self.waiting.push_back(started);
    }

    /// A HEARTBEAT_ACK came. Returns false when there was nothing to acknowledge.
    pub fn acked(&mut self, at: Instant) -> bool {
        self.acks += 1;
        let Some(started) = self.waiting.pop_front() else {
            return false;
        };
        self.longest_gap = self
            .longest_gap
            .max(at.saturating_duration_since(self.sure));
        self.sure = started;
        true
    }

    /// How many HEARTBEATs went out.
    pub fn count(&self) -> u64 {
        self.sent
    }

    /// How many HEARTBEAT_ACKs came.
    pub fn acks(&self) -> u64 {
        self.acks
    }

    /// Since when the oldest HEARTBEAT waits for its ACK.
    pub fn oldest_waiting(&self) -> Option<Instant> {
        self.waiting.front().copied()
    }

    /// How long ago our last HEARTBEAT (before any: the dial) began.
    pub fn since_last(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.waiting.back().copied().unwrap_or(self.sure))
    }

    /// What a 4003 at `now` amounts to under this interval. `Early` only when every gap was
    /// certainly shorter than the interval.
    pub fn silence(&self, now: Instant, interval: Duration) -> Silence {
        let silent = now.saturating_duration_since(self.sure);
        let within = |gap| early_by(gap, interval).is_some();
        if within(silent) && within(self.longest_gap) {
            Silence::Early(self.since_last(now))
        } else {
            Silence::Over(silent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HB: Duration = Duration::from_millis(1000);

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_4003_before_the_interval_is_early_and_behind_it_is_not() {
        let t0 = Instant::now();
        let beats = Beats::new(t0);
        assert_eq!(beats.silence(t0 + ms(700), HB), Silence::Early(ms(700)));
        assert_eq!(beats.silence(t0 + ms(979), HB), Silence::Early(ms(979)));
        assert_eq!(beats.silence(t0 + ms(980), HB), Silence::Over(ms(980)));
    }

    #[test]
    fn an_acknowledged_beat_starts_the_interval_anew() {
        let t0 = Instant::now();
        let mut beats = Beats::new(t0);
        beats.sent(t0 + ms(500));
        assert!(beats.acked(t0 + ms(501)));
        assert_eq!(beats.silence(t0 + ms(1400), HB), Silence::Early(ms(900)));
        assert_eq!(beats.silence(t0 + ms(1500), HB), Silence::Over(ms(1000)));
    }

    #[test]
    fn a_beat_that_may_have_come_late_excuses_the_target() {
        let t0 = Instant::now();
        let mut beats = Beats::new(t0);
        // Sent in time, acknowledged only behind the interval: the target may have missed it.
        beats.sent(t0 + ms(900));
        assert!(beats.acked(t0 + ms(1050)));
        assert_eq!(beats.silence(t0 + ms(1100), HB), Silence::Over(ms(200)));
        // Never acknowledged: it may not have arrived.
        let mut beats = Beats::new(t0);
        beats.sent(t0 + ms(900));
        assert_eq!(beats.silence(t0 + ms(1100), HB), Silence::Over(ms(1100)));
    }

    #[test]
    fn the_tolerance_is_absolute_for_short_and_relative_for_long_bounds() {
        assert_eq!(tolerance(ms(400)), ms(20));
        assert_eq!(tolerance(ms(10_000)), ms(50));
        assert_eq!(early_by(ms(981), HB), None);
        assert_eq!(early_by(ms(979), HB), Some(ms(21)));
    }

    #[test]
    fn an_ack_without_a_beat_is_told() {
        let t0 = Instant::now();
        let mut beats = Beats::new(t0);
        assert!(!beats.acked(t0));
        assert_eq!((beats.count(), beats.acks()), (0, 1));
        for millis in [1, 2] {
            beats.sent(t0 + ms(millis));
        }
        assert!(beats.acked(t0 + ms(3)));
        assert_eq!((beats.count(), beats.acks()), (2, 2));
    }
}

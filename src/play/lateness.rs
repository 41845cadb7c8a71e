//! How late we ourselves are: a task that wants to wake every few milliseconds and notes by how
//! much it failed. A timing verdict that such a delay could have caused is not given.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often the task wants to wake.
const TICK: Duration = Duration::from_millis(5);
/// A delay below this is the timer's own grain.
const NOTABLE: Duration = Duration::from_millis(4);
/// How many delays are remembered; the oldest go first.
const REMEMBERED: usize = 4096;

/// The delays seen lately.
#[derive(Debug, Default)]
pub struct Lateness {
    stalls: Mutex<VecDeque<(Instant, Duration)>>,
}

impl Lateness {
    /// Begins to measure on the current runtime; ends when the returned guard is dropped.
    pub fn measure() -> (Arc<Lateness>, LatenessGuard) {
        let lateness = Arc::new(Lateness::default());
        let task = tokio::spawn(Arc::clone(&lateness).watch());
        (lateness, LatenessGuard(task))
    }

    async fn watch(self: Arc<Self>) {
        loop {
            let due = Instant::now() + TICK;
            tokio::time::sleep_until(due).await;
            let now = Instant::now();
            self.note(now, now.saturating_duration_since(due));
        }
    }

    /// Notes that something due at `now - by` was done only at `now`.
    pub fn note(&self, now: Instant, by: Duration) {
        if by < NOTABLE {
            return;
        }
        let mut stalls = self.stalls.lock().unwrap_or_else(PoisonError::into_inner);
        if stalls.len() == REMEMBERED {
            stalls.pop_front();
        }
        stalls.push_back((now, by));
    }

    /// The longest delay that ended within the span of time.
    pub fn worst(&self, from: Instant, to: Instant) -> Duration {
        let stalls = self.stalls.lock().unwrap_or_else(PoisonError::into_inner);
        // A delay that ended a moment behind the span may reach into it.
        stalls
            .iter()
            .filter(|(at, by)| *at >= from && *at - *by <= to)
            .map(|(_, by)| *by)
            .max()
            .unwrap_or(Duration::ZERO)
    }
}

/// Ends the measuring when dropped.
#[derive(Debug)]
pub struct LatenessGuard(tokio::task::JoinHandle<()>);

impl Drop for LatenessGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_delay_is_found_in_the_span_it_touches_and_in_no_other() {
        let lateness = Lateness::default();
        let t0 = Instant::now() + Duration::from_secs(10);
        lateness.note(t0, Duration::from_millis(50));
        lateness.note(t0, Duration::from_millis(2));
        let ms = Duration::from_millis;
        assert_eq!(lateness.worst(t0 - ms(10), t0 + ms(10)), ms(50));
        assert_eq!(lateness.worst(t0 - ms(100), t0 - ms(20)), ms(50));
        assert_eq!(lateness.worst(t0 - ms(100), t0 - ms(60)), ms(0));
        assert_eq!(lateness.worst(t0 + ms(1), t0 + ms(10)), ms(0));
    }

    #[tokio::test(start_paused = true)]
    async fn on_virtual_time_nothing_is_late() {
        let (lateness, _guard) = Lateness::measure();
        let t0 = Instant::now();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(lateness.worst(t0, Instant::now()), Duration::ZERO);
    }
}

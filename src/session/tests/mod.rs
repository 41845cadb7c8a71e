//! Both sessions on instants that nobody waits for.

use std::time::{Duration, Instant};

mod client;
mod dialect;
mod properties;
mod server;

/// An instant so many milliseconds into the test.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn new() -> Clock {
        Clock(tokio::time::Instant::now().into_std())
    }

    fn at(self, ms: u64) -> Instant {
        self.0 + Duration::from_millis(ms)
    }

    fn ms(self, at: Instant) -> u64 {
        (at - self.0).as_millis() as u64
    }
}

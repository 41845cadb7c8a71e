//! Lengths of time.

use std::time::Duration;

use super::syntax::Time;

impl Time {
    /// The length in this connection's terms; what is too long for a `Duration` is its longest.
    pub fn resolve(&self, hb: Duration, grace: Duration) -> Duration {
        todo!()
    }
    /// Whether it depends on the heartbeat interval.
    pub fn in_hb(&self) -> bool {
        todo!()
    }
}

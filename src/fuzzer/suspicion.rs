//! A failure in company of other cases: nothing is known of it yet but that it was seen.

use std::time::Duration;

use tokio::time::Instant;

use super::moves::Case;
use crate::play::Broken;

/// A failure that has to be looked into.
pub(super) struct Suspicion {
    pub(super) case: Case,
    pub(super) broken: Broken,
    pub(super) number: u64,
    pub(super) after: Duration,
    pub(super) ended: Instant,
}

impl Suspicion {
    /// A failure that was seen just now.
    pub(super) fn new(case: Case, broken: Broken, number: u64, after: Duration) -> Suspicion {
        Suspicion {
            case,
            broken,
            number,
            after,
            ended: Instant::now(),
        }
    }

    /// Whether it is that nothing came, as far as we waited.
    pub(super) fn is_silence(&self) -> bool {
        let actual = &self.broken.actual;
        actual.starts_with("nothing")
            || actual.contains("no WebSocket within")
            || actual.contains("and nothing came")
    }
}

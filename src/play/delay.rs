//! Delays that say nothing of who is tested: our own, and those of a client that the machine did not
//! let run. A timing that one of them may have made is not judged.

use std::time::Duration;

use tokio::time::Instant;

use super::player::Player;

/// Whose delay may have made a timing, and how long it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delay {
    /// We were late.
    Ours(Duration),
    /// The client was ready to run, and had no processor.
    Theirs(Duration),
}

impl std::fmt::Display for Delay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Delay::Ours(by) => write!(f, "we were {} ms late ourselves", by.as_millis()),
            Delay::Theirs(by) => write!(
                f,
                "the machine kept the client waiting for a processor for {} ms",
                by.as_millis()
            ),
        }
    }
}

impl Player<'_> {
    /// How long the client has waited for a processor so far.
    pub(crate) fn starved(&self) -> Duration {
        let starved = self.hosting.as_ref().and_then(|h| h.host.starved.as_ref());
        starved.map_or(Duration::ZERO, |starved| starved())
    }

    /// The same since a connection of its was accepted; since its start, without one.
    pub(crate) fn starved_since(&self, link: Option<usize>) -> Duration {
        let before = link.and_then(|link| self.links.get(link));
        let before = before.map_or(Duration::ZERO, |link| link.starved);
        self.starved().saturating_sub(before)
    }

    /// Whether a delay of ours within a span of time may have made what is off by so much.
    pub(crate) fn delayed(&self, from: Instant, to: Instant, off_by: Duration) -> Option<Delay> {
        let ours = self.settings.lateness.worst(from, to);
        (ours >= off_by).then_some(Delay::Ours(ours))
    }

    /// Whether a delay of ours, or one of the client's since a connection was accepted, may have made
    /// what came so much too late.
    pub(crate) fn made_late(
        &self,
        link: Option<usize>,
        from: Instant,
        to: Instant,
        late: Duration,
    ) -> Option<Delay> {
        self.delayed(from, to, late).or_else(|| {
            let theirs = self.starved_since(link);
            (theirs >= late).then_some(Delay::Theirs(theirs))
        })
    }
}

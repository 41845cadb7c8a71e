//! Delays that say nothing of who is tested: our own, and those of a client that the machine did not
//! let run. A timing that one of them may have made is not judged.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::host::Starved;
use super::player::Player;

/// How often it is looked at most how long a client has waited for a processor.
const LOOK: Duration = Duration::from_millis(20);
/// How many such looks are remembered; the oldest go first.
const REMEMBERED: usize = 4096;

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

/// How long a client had waited for a processor by when.
#[derive(Debug, Default)]
pub(crate) struct Hunger(VecDeque<(Instant, Duration)>);

impl Hunger {
    /// Looks, unless that was done a moment ago.
    pub(crate) fn look(&mut self, starved: &Starved) {
        let now = Instant::now();
        if self.0.back().is_some_and(|(last, _)| now < *last + LOOK) {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((now, starved()));
    }

    /// How long it waited between two moments, or somewhat longer: as exactly as was looked.
    fn between(&self, from: Instant, to: Instant, starved: &Starved) -> Duration {
        let before = self.0.iter().rev().find(|(at, _)| *at <= from);
        // What it had waited for before the first look is its start.
        let before = before.or(self.0.front()).map(|(_, by)| *by);
        let behind = self.0.iter().find(|(at, _)| *at >= to);
        let behind = behind.map_or_else(starved, |(_, by)| *by);
        behind.saturating_sub(before.unwrap_or(behind))
    }
}

impl Player<'_> {
    /// Notes how long the client has waited for a processor by now.
    pub(crate) fn look_for_hunger(&mut self) {
        if let Some(hosting) = &mut self.hosting
            && let Some(starved) = &hosting.host.starved
        {
            hosting.hunger.look(starved);
        }
    }

    /// How long the client waited for a processor between two moments.
    pub(crate) fn starved(&self, from: Instant, to: Instant) -> Duration {
        self.hosting
            .as_ref()
            .and_then(|hosting| Some((&hosting.hunger, hosting.host.starved.as_ref()?)))
            .map_or(Duration::ZERO, |(hunger, starved)| {
                hunger.between(from, to, starved)
            })
    }

    /// Whether a delay of ours within a span of time may have made what is off by so much.
    pub(crate) fn delayed(&self, from: Instant, to: Instant, off_by: Duration) -> Option<Delay> {
        let ours = self.settings.lateness.worst(from, to);
        (ours >= off_by).then_some(Delay::Ours(ours))
    }

    /// Whether a delay of ours, or one of the client's, may have made what came so much too late.
    pub(crate) fn made_late(&self, from: Instant, to: Instant, late: Duration) -> Option<Delay> {
        self.delayed(from, to, late).or_else(|| {
            let theirs = self.starved(from, to);
            (theirs >= late).then_some(Delay::Theirs(theirs))
        })
    }
}

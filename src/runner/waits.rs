//! The waits of clients, compared between processes: random ones are not the same in two of them.

use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::plan::Case;
use crate::play::Played;

/// Fewer waits of a client say nothing.
const ENOUGH: usize = 4;
/// Waits so near to each other are the same, and timers are as inexact.
const SAME: Duration = Duration::from_millis(10);

/// The waits of one client.
pub(crate) struct Waited {
    case: Arc<Case>,
    waits: Vec<Duration>,
}

impl Engine<'_> {
    /// Notes the waits of a client that was started for one case.
    pub(super) fn note_waits(&mut self, case: &Arc<Case>, played: &Played) {
        let many = self.guests.as_ref().is_some_and(|guests| guests.many());
        if many && played.waits.len() >= ENOUGH {
            self.waited.push(Waited {
                case: Arc::clone(case),
                waits: played.waits.clone(),
            });
        }
    }

    /// Tells where two clients waited alike all the time.
    pub(crate) fn compare_waits(&mut self) {
        let waited = std::mem::take(&mut self.waited);
        for (at, one) in waited.iter().enumerate() {
            let twin = waited[..at].iter().find(|other| alike(one, other));
            if let Some(other) = twin {
                let found = self.judge.same_waits(&one.case, &other.case, &one.waits);
                self.ledger.found(found.into_iter().collect());
                return;
            }
        }
    }
}

fn alike(one: &Waited, other: &Waited) -> bool {
    // How often a client fails differs from scenario to scenario, and its waits may grow with that.
    one.waits
        .iter()
        .zip(&other.waits)
        .all(|(a, b)| a.abs_diff(*b) <= SAME)
}

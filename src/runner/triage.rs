//! Triage: a failed scenario is played again, first as it was, then with our sends delayed a
//! little. The failure stays one; what the repeats show says of what kind it is.

use std::collections::BTreeMap;

use super::engine::{Engine, Entry, Interrupted, SHORT, Stopped};
use crate::event::RunEvent;
use crate::outcome::{ScenarioResult, Triage, TriageAttempt, Verdict};
use crate::play::{Ended, Played};

/// Which repeat an entry of the queues is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Again {
    /// From 1; the failure itself is attempt 0.
    number: u32,
}

impl Again {
    /// Whether our sends are delayed: in every second repeat.
    pub(crate) fn perturbed(self) -> bool {
        self.number.is_multiple_of(2)
    }

    /// A seed of its own for each repeat.
    pub(crate) fn seed(self, seed: u64) -> u64 {
        seed.wrapping_add(u64::from(self.number))
    }
}

/// A failure whose repeats are under way.
pub(crate) struct Pending {
    entry: Entry,
    attempts: BTreeMap<u32, TriageAttempt>,
    /// Repeats that are being played or queued.
    out: u32,
    /// The next repeat to queue.
    next: u32,
}

impl Engine<'_> {
    /// Notes a result that counts as a failure, to be played again once everything else of its
    /// kind has been: a repeat must not change what another scenario meets.
    pub(super) fn question(&mut self, entry: &Entry, result: &ScenarioResult) {
        let counts = entry.listed && result.verdict == Verdict::Fail;
        if !counts || self.dead.is_some() || self.ledger.excuses(result) {
            return;
        }
        let pending = Pending {
            entry: entry.clone(),
            attempts: BTreeMap::from([(0, attempt(result, false))]),
            out: 0,
            next: 1,
        };
        self.pending.insert(result.id.clone(), pending);
    }

    /// The first repeats of all failures. Of a scenario that waits all repeats run at once, since
    /// they would cost its whole time each; of any other one runs behind the other, so that no
    /// two meet with the same nonces.
    pub(super) fn first_repeats(&mut self) -> Vec<Entry> {
        let ids: Vec<String> = self.pending.keys().cloned().collect();
        let mut entries = Vec::new();
        for id in ids {
            let waits = self
                .pending
                .get(&id)
                .is_some_and(|pending| self.need(&pending.entry) > SHORT);
            let at_once = if waits { self.options.triage } else { 1 };
            entries.extend((0..at_once).filter_map(|_| self.next_repeat(&id)));
        }
        entries
    }

    /// The next repeat of a failure, where one is left.
    fn next_repeat(&mut self, id: &str) -> Option<Entry> {
        let pending = self.pending.get_mut(id)?;
        if pending.next > self.options.triage || self.dead.is_some() {
            return None;
        }
        let number = pending.next;
        pending.next += 1;
        pending.out += 1;
        Some(Entry {
            again: Some(Again { number }),
            ..pending.entry.clone()
        })
    }

    /// A repeat has been played.
    pub(super) async fn repeated(
        &mut self,
        entry: &Entry,
        again: Again,
        played: &Played,
        stopped: Stopped<'_>,
    ) -> Result<(), Interrupted> {
        let mut played = played.clone();
        if self.guests.as_ref().is_some_and(|guests| guests.many()) {
            self.absent(entry, &mut played);
        }
        let mut result = self.judge.result(&entry.case, &played, 1);
        if let Some(dead) = self.dead.clone() {
            // What fell together with the target says nothing by itself.
            if !matches!(played.ended, Ended::Passed) {
                result = self.lost(entry, dead);
            }
        } else if self.guests.is_none()
            && matches!(played.ended, Ended::Unreachable(_))
            && self.alive(stopped).await?.is_err()
        {
            let why = format!("the target died while {} was played again", entry.case.id);
            if self.minder.is_some() {
                self.fallen = Some(why);
            } else {
                self.dead = Some(why);
            }
        }
        self.note_repeat(entry, again, &result);
        Ok(())
    }

    /// A repeat that cannot be played any more.
    pub(super) fn not_repeated(&mut self, entry: &Entry, again: Again, why: String) {
        let result = self.lost(entry, why);
        self.note_repeat(entry, again, &result);
    }

    fn lost(&self, entry: &Entry, why: String) -> ScenarioResult {
        self.judge
            .unplayed(&entry.case, Verdict::Inconclusive, why, None)
    }

    fn note_repeat(&mut self, entry: &Entry, again: Again, result: &ScenarioResult) {
        let id = &entry.case.id;
        let Some(pending) = self.pending.get_mut(id) else {
            return;
        };
        let attempt = attempt(result, again.perturbed());
        pending.attempts.insert(again.number, attempt);
        pending.out = pending.out.saturating_sub(1);
        let done = pending.out == 0;
        if let Some(next) = self.next_repeat(id) {
            self.repeats.push(next);
        } else if done && let Some(pending) = self.pending.remove(id) {
            self.tell_triage(id.clone(), pending);
        }
    }

    /// Tells what the repeats of an interrupted run have shown so far.
    pub(crate) fn tell_unfinished(&mut self) {
        for (id, pending) in std::mem::take(&mut self.pending) {
            if pending.attempts.len() > 1 {
                self.tell_triage(id, pending);
            }
        }
    }

    fn tell_triage(&mut self, id: String, pending: Pending) {
        let triage = Triage::of(pending.attempts.into_values().collect());
        self.ledger.tell(RunEvent::ScenarioTriaged { id, triage });
    }

    /// Plays the repeats of a hostile scenario, alone, each followed by a look at the target.
    pub(super) async fn repeat_alone(
        &mut self,
        mut stopped: Stopped<'_>,
    ) -> Result<(), Interrupted> {
        let mut queue = self.first_repeats();
        while let Some(entry) = queue.pop() {
            let Some(again) = entry.again else { continue };
            if let Some(dead) = self.dead.clone() {
                self.not_repeated(&entry, again, dead);
                continue;
            }
            let played = self.alone(&entry, stopped.as_mut()).await?;
            let alive = self.alive(stopped.as_mut()).await?;
            self.seen_alive = alive.is_ok();
            let mut result = self.judge.result(&entry.case, &played, 1);
            if let Err(broken) = alive {
                self.dead = Some(format!("{} killed the target", entry.case.id));
                if result.failure.is_none() {
                    let played = Played::not_played(Ended::Failed(broken));
                    result = self.judge.result(&entry.case, &played, 1);
                }
                self.revive(stopped.as_mut()).await?;
            }
            self.note_repeat(&entry, again, &result);
            queue.append(&mut self.repeats);
        }
        Ok(())
    }
}

fn attempt(result: &ScenarioResult, perturbed: bool) -> TriageAttempt {
    let failure = result.failure.as_ref();
    let seen = failure.map(|failure| failure.actual.clone());
    TriageAttempt {
        perturbed,
        verdict: result.verdict,
        rule: failure.map(|failure| failure.rule.clone()),
        actual: seen.or_else(|| result.reason.clone()),
        duration_ms: result.duration_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_repeat_has_a_seed_of_its_own_and_every_second_is_perturbed() {
        let repeats = [1, 2, 3].map(|number| Again { number });
        assert_eq!(repeats.map(|again| again.seed(7)), [8, 9, 10]);
        assert_eq!(repeats.map(|again| again.seed(u64::MAX)), [0, 1, 2]);
        assert_eq!(repeats.map(Again::perturbed), [false, true, false]);
    }
}

//! What is done about a client's failure: it is played again alone, made small, and played once more.
//! Only what fails then is a find.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::find::{Find, Rate, head};
use super::super::verdict::Verdict;
use super::campaign::{Campaign, Stage, Suspicion, verdict};
use super::features::features;
use super::moves::Case;
use super::script::write;
use super::shrink;
use crate::play::{Broken, Settings};

/// A failure that does not come again is tried so often.
const TRIES: u32 = 3;
/// Candidates that are tried beside one another.
const AT_ONCE: usize = 6;
/// A small case is played so often before it is kept, and no more once so much time has gone by.
const CONFIRMS: u32 = 3;
const CONFIRM_TIME: Duration = Duration::from_secs(5);

impl Campaign<'_> {
    /// Looks into a failure while nobody else is there.
    pub(super) async fn investigate(&mut self, suspicion: &Suspicion) -> Option<Find> {
        let Some((rule, rate)) = self.repeated(suspicion).await else {
            self.not_again(suspicion);
            return None;
        };
        let (case, runs, complete) = self.shrunk(suspicion.case.clone(), &rule, rate).await;
        let Some((broken, rate)) = self.confirmed(&case, &rule, rate).await else {
            // It was our impatience, or a chance in a thousand.
            self.stage.impatient = Arc::clone(&self.stage.settings);
            self.not_again(suspicion);
            return None;
        };
        let text = write(&case, &self.stage.facts, &head(&rule)).ok()?.text;
        Some(Find {
            rate,
            cases: suspicion.number,
            after: suspicion.after,
            shrinking: (runs, complete),
            seed: self.terms.seed,
            ..Find::new("fuzz-client", text, features(&case), broken)
        })
    }

    /// Which rule the case breaks when it is played again, if that binds as much; and how often.
    async fn repeated(&self, suspicion: &Suspicion) -> Option<(String, Rate)> {
        let Suspicion { case, broken, .. } = suspicion;
        for of in 1..=TRIES {
            let seen = plays(&self.stage, case, &self.stage.impatient).await;
            let alike = |seen: &Broken| seen.rule == broken.rule || seen.level == broken.level;
            if let Some(seen) = seen.filter(alike) {
                return Some((seen.rule, Rate { failed: 1, of }));
            }
        }
        None
    }

    /// The smallest case that still breaks the rule, how many runs that took, and whether there was
    /// nothing left to try.
    async fn shrunk(&self, mut case: Case, rule: &str, rate: Rate) -> (Case, u32, bool) {
        let until = (Instant::now() + self.terms.shrink_time).min(self.limit);
        // What fails now and then has to have its chance.
        let tries = if rate.failed == rate.of { 1 } else { 2 };
        let mut runs = 0;
        'smaller: loop {
            let candidates = shrink::candidates(&case, &self.stage.facts);
            for batch in candidates.chunks(AT_ONCE) {
                for _ in 0..tries {
                    if runs >= self.terms.shrink_runs || Instant::now() >= until {
                        return (case, runs, false);
                    }
                    runs += u32::try_from(batch.len()).unwrap_or(1);
                    if let Some(smaller) = self.first_that_breaks(batch, rule).await {
                        case = smaller;
                        continue 'smaller;
                    }
                }
            }
            return (case, runs, true);
        }
    }

    /// The first of these cases that breaks the rule; they are played beside one another.
    async fn first_that_breaks(&self, batch: &[Case], rule: &str) -> Option<Case> {
        let mut playing = JoinSet::new();
        for (at, case) in batch.iter().cloned().enumerate() {
            let stage = self.stage.clone();
            playing.spawn(async move { (at, plays(&stage, &case, &stage.impatient).await) });
        }
        let mut first: Option<usize> = None;
        while let Some(played) = playing.join_next().await {
            if let Ok((at, Some(broken))) = played
                && broken.rule == rule
            {
                first = Some(first.map_or(at, |first| first.min(at)));
            }
        }
        batch.get(first?).cloned()
    }

    /// What the case breaks when it is played alone, and how often.
    async fn confirmed(&self, case: &Case, rule: &str, rate: Rate) -> Option<(Broken, Rate)> {
        let whole = rate.failed == rate.of;
        let mut counted = if whole { Rate::default() } else { rate };
        let mut seen = None;
        let began = Instant::now();
        for _ in 0..CONFIRMS {
            counted.of += 1;
            let broken = plays(&self.stage, case, &self.stage.settings).await;
            if let Some(broken) = broken.filter(|broken| broken.rule == rule) {
                counted.failed += 1;
                seen.get_or_insert(broken);
            }
            if seen.is_some() && began.elapsed() > CONFIRM_TIME {
                break;
            }
        }
        seen.map(|broken| (broken, counted))
    }
}

/// Plays a case; what it breaks.
async fn plays(stage: &Stage, case: &Case, settings: &Settings) -> Option<Broken> {
    let played = stage.play(case, settings).await?;
    match verdict(&played, settings) {
        Verdict::Fail(broken) | Verdict::CutOff(broken) => Some(*broken),
        Verdict::Pass | Verdict::Unknown(_) => None,
    }
}

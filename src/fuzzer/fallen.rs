//! What is done when the target does not live any more: which of the last cases ended it, and the
//! smallest that does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::campaign::{Campaign, Ending, Event, Suspicion};
use super::find::{Fate, Find, Rate};
use super::lanes::play_case;
use super::moves::{Act, Case, Conn, Move, NAMES, Spelling};
use super::pulse::Health;
use super::shrink;
use super::verdict::{Verdict, judge};
use crate::play::{Broken, Place, Settings};
use crate::protocol::rules::Level;
use crate::scenario::syntax::{Origin, Source, Span};

/// A target that nobody can start again may come back by itself within this time.
const COMES_BACK: Duration = Duration::from_secs(3);
/// Cases that are suspected at most.
const SUSPECTS: usize = 96;
/// Restarts that shrinking may take.
const RESTARTS: u32 = 24;

impl Campaign<'_> {
    /// The target did not get through a look at its health.
    pub(super) async fn fallen(&mut self, seen: &Health) -> Option<Ending> {
        let number = self.progress.cases;
        let after = self.began.elapsed().saturating_sub(seen.took);
        let mut suspects = self.quick.abort().await;
        // With patience, and without us beside it.
        let health = self.pulse.look(&self.settings).await;
        if health.fate == Fate::Lives {
            return None;
        }
        let fate = if health.fate == Fate::Slow {
            seen.fate
        } else {
            health.fate
        };
        suspects.extend(self.slow.abort().await);
        if self.lives(&Arc::clone(&self.settings)).await {
            return self.crowded(after).await;
        }
        let unproven = std::mem::take(&mut self.unproven);
        suspects.extend(unproven.into_iter().rev().map(|(_, case)| case));
        suspects.truncate(SUSPECTS);
        // Those that send what is nasty first; otherwise the latest first.
        suspects.sort_by_key(|case| !is_nasty(case));
        let (facts, seed) = (self.facts, self.terms.seed);
        let find = |case: Case, rate: Rate, shrinking: (u32, bool)| Find {
            fate,
            rate,
            cases: number,
            after,
            shrinking,
            seed,
            ..Find::in_server(&then_alive(case), facts, broken(&health, fate))
        };
        if let Err(why) = self.revived().await {
            if let Some(first) = suspects.into_iter().next() {
                self.found(find(first, Rate { failed: 1, of: 1 }, (0, false)));
            }
            return Some(Ending::TargetGone(why));
        }
        for suspect in suspects {
            match self.kills(&suspect, true).await {
                Ok(false) => continue,
                Ok(true) => {}
                Err(why) => return Some(Ending::TargetGone(why)),
            }
            let (case, runs, complete) = match self.smallest_that_kills(suspect).await {
                Ok(shrunk) => shrunk,
                Err(why) => return Some(Ending::TargetGone(why)),
            };
            self.found(find(case, Rate { failed: 2, of: 2 }, (runs, complete)));
            return self.first_is_enough();
        }
        let text = format!(
            "the target {} after case {number}, and none of the last cases does that alone",
            fate.word()
        );
        (self.on_event)(Event::Note(text));
        *self
            .unrepeated
            .entry("robust.isolation".to_owned())
            .or_insert(0) += 1;
        self.progress.unrepeated += 1;
        None
    }

    /// The target lives when nobody else is there: how many does it take?
    async fn crowded(&mut self, after: Duration) -> Option<Ending> {
        let broken = broken(&self.pulse.look(&self.settings).await, Fate::Hung);
        for count in 1..NAMES.len() {
            for inside in [false, true] {
                let mut moves = Vec::new();
                for conn in (0..count).map(Conn) {
                    moves.push(Move {
                        conn,
                        act: Act::Greet,
                    });
                    if inside {
                        let act = Act::LogIn(Spelling::Plain);
                        moves.push(Move { conn, act });
                    }
                }
                let case = then_alive(Case { moves });
                let (number, broken) = (self.progress.cases, broken.clone());
                let suspicion = Suspicion::new(case.clone(), broken, number, after);
                let played = play_case(&self.impatient, self.facts, &case).await?;
                let passed = matches!(judge(&played, &self.impatient.redactor), Verdict::Pass);
                if !passed && let Some(ending) = self.confirm(suspicion).await {
                    return Some(ending);
                }
                if !passed {
                    return self.first_is_enough();
                }
            }
        }
        None
    }

    /// Whether a case ends the target; if so it is brought back.
    async fn kills(&mut self, case: &Case, patient: bool) -> Result<bool, String> {
        let impatient = Arc::clone(&self.impatient);
        play_case(&impatient, self.facts, case).await;
        if self.lives(&impatient).await {
            return Ok(false);
        }
        if patient && self.lives(&Arc::clone(&self.settings)).await {
            return Ok(false);
        }
        self.revived().await?;
        Ok(true)
    }

    async fn lives(&self, settings: &Settings) -> bool {
        matches!(
            self.pulse.look(settings).await.fate,
            Fate::Lives | Fate::Slow
        )
    }

    async fn smallest_that_kills(&mut self, mut case: Case) -> Result<(Case, u32, bool), String> {
        let until = (Instant::now() + self.terms.shrink_time).min(self.limit);
        let (mut runs, mut restarts) = (0, 0);
        'smaller: loop {
            for candidate in shrink::candidates(&case, self.facts) {
                let enough = runs >= self.terms.shrink_runs || restarts >= RESTARTS;
                if enough || Instant::now() >= until {
                    return Ok((case, runs, false));
                }
                runs += 1;
                if self.kills(&candidate, false).await? {
                    restarts += 1;
                    case = candidate;
                    continue 'smaller;
                }
            }
            return Ok((case, runs, true));
        }
    }

    /// Brings the target back, or waits until it has come back by itself.
    async fn revived(&mut self) -> Result<(), String> {
        if let Some(reviver) = &mut self.reviver {
            return reviver.revive().await;
        }
        let until = Instant::now() + COMES_BACK;
        loop {
            if self.lives(&Arc::clone(&self.impatient)).await {
                return Ok(());
            }
            if Instant::now() >= until {
                let hint = "give its command behind `--`, so that it can be started again";
                return Err(format!("the target did not come back: {hint}"));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn is_nasty(case: &Case) -> bool {
    let nasty = |step: &Move| {
        matches!(
            step.act,
            Act::Bend(_) | Act::Leave(_) | Act::Unanswered { .. }
        )
    };
    case.moves.iter().any(nasty)
}

/// The case, and a look at whether the target lives.
fn then_alive(mut case: Case) -> Case {
    let asks = |step: &Move| step.act == Act::Alive;
    if !case.moves.last().is_some_and(asks) {
        case.moves.push(Move {
            conn: Conn(0),
            act: Act::Alive,
        });
    }
    case
}

fn broken(health: &Health, fate: Fate) -> Broken {
    let how = health.broken.as_ref().map(|broken| broken.actual.clone());
    let how = how.unwrap_or_else(|| format!("{} ms for an answer", health.took.as_millis()));
    let place = health.broken.as_ref().map(|broken| broken.place.clone());
    Broken {
        rule: "robust.isolation".to_owned(),
        level: Level::Must,
        expected: "a new connection gets through handshake and heartbeat".to_owned(),
        actual: format!("the target {}: {how}", fate.word()),
        hint: None,
        place: place.unwrap_or_else(|| Place {
            source: Arc::new(Source {
                path: "alive".to_owned(),
                origin: Origin::Embedded,
                text: String::new(),
            }),
            span: Span::default(),
        }),
    }
}

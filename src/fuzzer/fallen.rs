//! What is done when the target does not live any more: which of the last cases ended it, and the
//! smallest that does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::campaign::{Campaign, Ending, Event};
use super::features::Features;
use super::find::{self, Fate, Find, Rate};
use super::investigate::SHORT_MS;
use super::lanes::{play_case, play_text};
use super::moves::{Act, Case, Conn, Leave, Move, NAMES, Spelling};
use super::pulse::Health;
use super::script::{Facts, state_behind};
use super::series::Series;
use super::shrink;
use super::suspicion::Suspicion;
use super::verdict::{Verdict, judge};
use crate::play::{Broken, Place, Played, Settings};
use crate::protocol::rules::Level;
use crate::scenario::syntax::{Origin, Source, Span};

/// A target that nobody can start again may come back by itself within this time.
const COMES_BACK: Duration = Duration::from_secs(3);
/// Cases that are suspected at most.
const SUSPECTS: usize = 96;
/// Restarts that shrinking may take.
const RESTARTS: u32 = 48;
/// What ends a target takes a moment to do so, in milliseconds: in what is tried, and in what is handed
/// back.
const MOMENTS_MS: [u32; 2] = [50, 200];
/// The scenario is played so often on a target started anew.
const REPEATS: u32 = 2;
/// Of an end that does not come again so many of the last cases are told.
const WITNESSES: usize = 8;
/// A suspect has ended the target so often when its scenario is played.
const KILLS: u32 = 2;

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
        // What waits for timers would take the time of hundreds of others.
        let quick = suspects.iter().rev();
        let quick = quick.filter(|case| self.waits_ms(case) <= SHORT_MS);
        let in_turn = Series::new(quick, self.facts);
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
            ..Find::in_server(
                &then_alive(&case, facts, MOMENTS_MS[1]),
                facts,
                broken(&health, fate),
            )
        };
        if let Err(why) = self.revived().await {
            let once = Rate { failed: 1, of: 1 };
            let all = self.unproven_find(&in_turn, broken(&health, fate), fate);
            let first = suspects.into_iter().next();
            if let Some(unproven) = all.or_else(|| Some(find(first?, once, (0, false)))) {
                self.found(Find {
                    cases: number,
                    after,
                    seed,
                    proven: false,
                    ..unproven
                });
            }
            return Some(Ending::TargetGone(why));
        }
        let mut doubtful = None;
        for suspect in suspects {
            if Instant::now() >= self.limit {
                break;
            }
            match self.kills(&suspect, true).await {
                Ok(false) => continue,
                Ok(true) => {}
                Err(why) => return Some(Ending::TargetGone(why)),
            }
            // Once more, on one started anew: those before it may have had a part.
            match self.kills(&suspect, true).await {
                Ok(false) => break,
                Ok(true) => {}
                Err(why) => return Some(Ending::TargetGone(why)),
            }
            let (case, runs, complete) = match self.smallest_that_kills(suspect).await {
                Ok(shrunk) => shrunk,
                Err(why) => return Some(Ending::TargetGone(why)),
            };
            let again = self.fails_again(&case).await;
            let find = find(case, again, (runs, complete));
            if again.failed > KILLS {
                self.found(find);
                return self.first_is_enough();
            }
            doubtful = Some(find);
            break;
        }
        let broken = broken(&health, fate);
        let together = match self.series_that_kills(&in_turn).await {
            Ok(together) => together,
            Err(why) => return Some(Ending::TargetGone(why)),
        };
        if let Some((series, runs, complete)) = together {
            let find = self.of_series(&series, broken, fate).await;
            self.found(Find {
                cases: number,
                after,
                shrinking: (runs, complete),
                seed,
                ..find
            });
            return self.first_is_enough();
        }
        if let Some(find) = doubtful {
            self.found(find);
            return self.first_is_enough();
        }
        if fate != Fate::Dead || self.reviver.is_none() {
            self.ended_for_nothing(number, fate);
            return None;
        }
        // A process that we have started is gone: that is a failure, whatever it takes to see it again.
        let find = self.of_series(&in_turn.last(WITNESSES), broken, fate).await;
        self.found(Find {
            cases: number,
            after,
            shrinking: (0, false),
            seed,
            features: Features::new(),
            ..find
        });
        self.first_is_enough()
    }

    /// The target has ended, and nothing that was tried does that again.
    fn ended_for_nothing(&mut self, number: u64, fate: Fate) {
        let text = format!(
            "the target {} after case {number}, and the last cases do not do that again",
            fate.word()
        );
        (self.on_event)(Event::Note(text));
        *self
            .unrepeated
            .entry("robust.isolation".to_owned())
            .or_insert(0) += 1;
        self.progress.unrepeated += 1;
    }

    /// What is known of a target that does not come back: all of the last cases, in turn.
    fn unproven_find(&self, in_turn: &Series, broken: Broken, fate: Fate) -> Option<Find> {
        if in_turn.is_empty() {
            return None;
        }
        let text = in_turn.text(self.facts, &find::head(&broken.rule));
        Some(Find {
            fate,
            ..Find::new("fuzz", text, Features::new(), broken)
        })
    }

    /// The find that a series is.
    async fn of_series(&mut self, series: &Series, broken: Broken, fate: Fate) -> Find {
        let text = series.text(self.facts, &find::head(&broken.rule));
        let settings = Arc::clone(&self.settings);
        let mut rate = Rate { failed: 1, of: 1 };
        for _ in 0..REPEATS {
            let played = play_text(&settings, text.clone()).await;
            rate.of += 1;
            rate.failed += u32::from(shows_the_end(&played, &settings));
            if self.revived().await.is_err() {
                break;
            }
        }
        Find {
            fate,
            rate,
            ..Find::new("fuzz", text, series.features(), broken)
        }
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
                let case = then_alive(&Case { moves }, self.facts, MOMENTS_MS[1]);
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

    /// How often the scenario fails, with the two times that the case has ended the target.
    async fn fails_again(&mut self, case: &Case) -> Rate {
        let case = then_alive(case, self.facts, MOMENTS_MS[1]);
        let settings = Arc::clone(&self.settings);
        let mut rate = Rate {
            failed: KILLS,
            of: KILLS,
        };
        for _ in 0..REPEATS {
            let played = play_case(&settings, self.facts, &case).await;
            rate.of += 1;
            rate.failed +=
                u32::from(played.is_some_and(|played| shows_the_end(&played, &settings)));
            if self.revived().await.is_err() {
                break;
            }
        }
        rate
    }

    pub(super) async fn lives(&self, settings: &Settings) -> bool {
        matches!(
            self.pulse.look(settings).await.fate,
            Fate::Lives | Fate::Slow
        )
    }

    /// Whether the scenario of a case fails because the case ends the target, which is then brought back.
    /// What the end of its connections does, behind its last line, is none of it.
    async fn shows(&mut self, case: &Case) -> Result<bool, String> {
        let impatient = Arc::clone(&self.impatient);
        let whole = then_alive(case, self.facts, MOMENTS_MS[0]);
        let played = play_case(&impatient, self.facts, &whole).await;
        if self.lives(&impatient).await {
            return Ok(false);
        }
        self.revived().await?;
        Ok(played.is_some_and(|played| shows_the_end(&played, &impatient)))
    }

    /// The case with an end of its own, if it is the end of its connections that ends the target.
    async fn with_its_end(&mut self, case: Case) -> Result<(Case, bool), String> {
        if self.shows(&case).await? {
            return Ok((case, true));
        }
        self.revived().await?;
        for leave in [Leave::Reset, Leave::Eof, Leave::Close] {
            let mut ended = case.clone();
            for conn in (0..NAMES.len()).map(Conn) {
                let act = Act::Leave(leave);
                ended.moves.push(Move { conn, act });
                if state_behind(&ended, self.facts).is_err() {
                    ended.moves.pop();
                }
            }
            if self.shows(&ended).await? {
                return Ok((ended, true));
            }
            self.revived().await?;
        }
        Ok((case, false))
    }

    async fn ends(&mut self, case: &Case, shown: bool) -> Result<bool, String> {
        match shown {
            true => self.shows(case).await,
            false => self.kills(case, false).await,
        }
    }

    async fn smallest_that_kills(&mut self, case: Case) -> Result<(Case, u32, bool), String> {
        let until = (Instant::now() + self.terms.shrink_time).min(self.limit);
        let (mut case, shown) = self.with_its_end(case).await?;
        let (mut runs, mut restarts) = (0, 0);
        'smaller: loop {
            for candidate in shrink::candidates(&case, self.facts) {
                let enough = runs >= self.terms.shrink_runs || restarts >= RESTARTS;
                if enough || Instant::now() >= until {
                    return Ok((case, runs, false));
                }
                runs += 1;
                // Those that were tried before may have had a part: the second time none was.
                let ends = self.ends(&candidate, shown).await?;
                if ends && self.ends(&candidate, shown).await? {
                    restarts += 2;
                    case = candidate;
                    continue 'smaller;
                }
            }
            return Ok((case, runs, true));
        }
    }

    /// Brings the target back, or waits until it has come back by itself.
    pub(super) async fn revived(&mut self) -> Result<(), String> {
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

/// Whether a scenario fails as one does whose target ends.
fn shows_the_end(played: &Played, settings: &Settings) -> bool {
    let verdict = judge(played, &settings.redactor);
    matches!(verdict, Verdict::Fail(_) | Verdict::CutOff(_))
}

fn is_nasty(case: &Case) -> bool {
    let nasty = |step: &Move| {
        matches!(
            step.act,
            Act::Bend(_) | Act::Knock(_) | Act::Leave(_) | Act::Unanswered { .. }
        )
    };
    case.moves.iter().any(nasty)
}

/// The case, and a look at whether the target lives, after a moment.
fn then_alive(case: &Case, facts: &Facts, moment_ms: u32) -> Case {
    let asks = |step: &&Move| step.act == Act::Alive;
    let asked = case.moves.iter().rev().take_while(asks).count();
    let before = &case.moves[..case.moves.len() - asked];
    let behind = |acts: &[Act]| {
        let conn = Conn(0);
        let moves = acts.iter().map(|act| Move {
            conn,
            act: act.clone(),
        });
        Case {
            moves: before.iter().cloned().chain(moves).collect(),
        }
    };
    let slowly = behind(&[Act::Pause(moment_ms), Act::Alive]);
    if state_behind(&slowly, facts).is_ok() {
        return slowly;
    }
    behind(&[Act::Alive])
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

//! What is done about a failure: it is played again alone, made small, and played once more with
//! patience. Only what fails then is a find.

use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::campaign::{Campaign, Ending};
use super::features::features;
use super::find::{Fate, Find, Rate};
use super::lanes::play_case;
use super::moves::{Act, Case, Conn, Crossed, Leave, Move, NAMES, Packet, Said, Spelling, Traffic};
use super::script::{Facts, Head, State, state_behind, write};
use super::shrink;
use super::suspicion::Suspicion;
use super::values::Value;
use super::verdict::{Verdict, judge};
use crate::play::{Broken, Settings};
use crate::protocol::rules::Level;

/// A failure that does not come again is tried so often.
const TRIES: u32 = 4;
/// Candidates that wait for timers are tried so many at once.
const AT_ONCE: usize = 6;
/// A case that waits no longer than this is tried one at a time, in milliseconds.
pub(super) const SHORT_MS: f64 = 500.0;

impl Campaign<'_> {
    /// Looks into a failure. The quick lanes are empty.
    pub(super) async fn investigate(&mut self, suspicion: Suspicion) -> Option<Ending> {
        let case = suspicion.case.clone();
        if let Some(ending) = self.confirm(suspicion).await {
            return Some(ending);
        }
        // What a target breaks that does not live any more says nothing.
        let health = self.pulse.look(&Arc::clone(&self.impatient)).await;
        if health.fate != Fate::Lives {
            self.unproven.push_back((Instant::now(), case));
            return self.fallen(&health).await;
        }
        self.first_is_enough()
    }

    /// The end, where the first find is enough.
    pub(super) fn first_is_enough(&self) -> Option<Ending> {
        (self.terms.first && !self.finds.is_empty()).then_some(Ending::Found)
    }

    /// Plays a failing case again, makes it small and keeps it.
    pub(super) async fn confirm(&mut self, suspicion: Suspicion) -> Option<Ending> {
        let impatient = Arc::clone(&self.impatient);
        // The second time nothing else of ours is there that could have had a part in it.
        for _ in 0..2 {
            let repeated = self.repeated(&suspicion, &impatient).await;
            if !self.lives_still().await {
                return None;
            }
            let Some(found) = repeated else {
                break;
            };
            let (case, rule, rate) = self.beyond_doubt(found, &impatient).await;
            let first = case.clone();
            let need = Need::of(rate);
            let (small, rule, shrinking) = self.shrunk(case, rule, need, &impatient).await;
            let aborted = self.slow.abort().await;
            let now = Instant::now();
            self.unproven
                .extend(aborted.into_iter().map(|case| (now, case)));
            let confirmed = self.confirmed(&small, &rule, rate).await;
            if !self.lives_still().await {
                return None;
            }
            if let Some((broken, rate)) = confirmed {
                let small = Small {
                    case: small,
                    broken,
                    rate,
                    shrinking,
                };
                let small = match small.rate.is_steady() {
                    true => small,
                    false => self.steadier(first, small).await,
                };
                self.found(Find {
                    rate: small.rate,
                    cases: suspicion.number,
                    after: suspicion.after,
                    shrinking: small.shrinking,
                    seed: self.terms.seed,
                    ..Find::in_server(&small.case, self.facts, small.broken)
                });
                return None;
            }
            // It was our impatience, or a chance in a thousand.
            tracing::debug!(rule, case = ?small, "did not come again with patience");
            self.be_patient(self.impatient.answer_within * 3);
        }
        self.unexplained(&suspicion);
        None
    }

    /// What breaks a "should" by coming late may break a "must" by never coming.
    async fn beyond_doubt(
        &self,
        found: (Case, String, Rate),
        settings: &Settings,
    ) -> (Case, String, Rate) {
        let (mut case, ..) = found.clone();
        for step in &mut case.moves {
            if let Act::TimeOut { prompt, .. } = &mut step.act {
                *prompt = false;
            }
        }
        if case == found.0 || self.is_late() {
            return found;
        }
        match self.plays(&case, settings).await {
            Some(broken) if broken.level == Level::Must => {
                (case, broken.rule, Rate { failed: 1, of: 1 })
            }
            _ => found,
        }
    }

    /// A case that fails now and then is hard to see again: one that fails nearly always, larger as it is,
    /// is worth more. Of these, the smallest.
    async fn steadier(&mut self, first: Case, small: Small) -> Small {
        let rule = small.broken.rule.clone();
        let impatient = Arc::clone(&self.impatient);
        let none = Rate::default();
        for case in [first, many_times(&small.case)] {
            if self.is_late() {
                break;
            }
            let steady = self.confirmed(&case, &rule, none).await;
            if !steady.is_some_and(|(_, rate)| rate.is_steady()) {
                continue;
            }
            let (case, rule, shrinking) = self.shrunk(case, rule.clone(), STEADY, &impatient).await;
            if let Some((broken, rate)) = self.confirmed(&case, &rule, none).await
                && rate.is_steady()
            {
                return Small {
                    case,
                    broken,
                    rate,
                    shrinking,
                };
            }
        }
        small
    }

    /// Whether the time for looking into failures is over.
    fn is_late(&self) -> bool {
        Instant::now() >= self.limit
    }

    /// Whether it is the target that fails, and not everything.
    async fn lives_still(&self) -> bool {
        self.pulse.look(&self.impatient).await.fate == Fate::Lives
    }

    /// A failure did not come again.
    fn unexplained(&mut self, suspicion: &Suspicion) {
        let rule = suspicion.broken.rule.clone();
        tracing::debug!(rule, actual = suspicion.broken.actual, case = ?suspicion.case, "did not come again");
        let about = features(&suspicion.case);
        *self.hopeless.entry((rule, about)).or_insert(0) += 1;
        self.not_again(suspicion);
    }

    /// The case, or the case in company, if it breaks the rule again, or another one that binds as
    /// much; with which rule, and how often.
    async fn repeated(
        &mut self,
        suspicion: &Suspicion,
        settings: &Arc<Settings>,
    ) -> Option<(Case, String, Rate)> {
        let Suspicion { case, broken, .. } = suspicion;
        let alike = |seen: &Broken| seen.rule == broken.rule || seen.level == broken.level;
        let once = Rate { failed: 1, of: 1 };
        if let Some(seen) = self.plays(case, settings).await.filter(alike) {
            return Some((case.clone(), seen.rule, once));
        }
        // What other cases did at the time may be part of it.
        for company in in_company(case, broken, self.facts) {
            if self.is_late() {
                return None;
            }
            if let Some(seen) = self.plays(&company, settings).await.filter(alike) {
                return Some((company, seen.rule, once));
            }
        }
        for of in 2..=TRIES {
            if self.is_late() {
                return None;
            }
            if let Some(seen) = self.plays(case, settings).await.filter(alike) {
                return Some((case.clone(), seen.rule, Rate { failed: 1, of }));
            }
        }
        None
    }

    /// Plays a case alone; what it breaks.
    async fn plays(&self, case: &Case, settings: &Settings) -> Option<Broken> {
        // What the last one left behind must have no part in it.
        play_case(settings, self.facts, &passer_by()).await;
        let played = play_case(settings, self.facts, case).await?;
        match judge(&played, &settings.redactor) {
            Verdict::Fail(broken) | Verdict::CutOff(broken) => Some(*broken),
            Verdict::Pass | Verdict::Unknown(_) => None,
        }
    }

    /// Plays a case alone; what it breaks, if that is this rule or what it comes down to.
    async fn breaks(&self, case: &Case, rule: &str, settings: &Settings) -> Option<Broken> {
        let broken = self.plays(case, settings).await?;
        shrink::comes_down_to(rule, &broken.rule).then_some(broken)
    }

    /// The smallest case that still breaks the rule, or what the rule comes down to; which of them; how
    /// many runs that took, and whether there was nothing left to try.
    async fn shrunk(
        &mut self,
        mut case: Case,
        mut rule: String,
        need: Need,
        settings: &Arc<Settings>,
    ) -> (Case, String, (u32, bool)) {
        let until = (Instant::now() + self.terms.shrink_time).min(self.limit);
        let mut runs = 0;
        'smaller: loop {
            let mut candidates = shrink::candidates(&case, self.facts).into_iter().peekable();
            while candidates.peek().is_some() {
                if runs >= self.terms.shrink_runs || Instant::now() >= until {
                    return (case, rule, (runs, false));
                }
                let batch: Vec<Case> = match candidates.peek() {
                    Some(first) if self.waits_ms(first) <= SHORT_MS => {
                        candidates.by_ref().take(1).collect()
                    }
                    _ => candidates.by_ref().take(AT_ONCE).collect(),
                };
                runs += u32::try_from(batch.len()).unwrap_or(1) * need.of;
                let broke = self.first_that_breaks(batch, &rule, need, settings);
                if let Some((smaller, seen)) = broke.await {
                    (case, rule) = (smaller, seen);
                    continue 'smaller;
                }
            }
            return (case, rule, (runs, true));
        }
    }

    pub(super) fn waits_ms(&self, case: &Case) -> f64 {
        write(case, self.facts, &Head::default()).map_or(0.0, |script| script.waits_ms)
    }

    /// The first of these cases that breaks the rule, or what it comes down to, and which of them; they
    /// are played beside one another.
    async fn first_that_breaks(
        &self,
        batch: Vec<Case>,
        rule: &str,
        need: Need,
        settings: &Arc<Settings>,
    ) -> Option<(Case, String)> {
        if let [only] = &batch[..] {
            let mut failed = 0;
            for tried in 1..=need.of {
                if let Some(broken) = self.breaks(only, rule, settings).await {
                    failed += 1;
                    if failed >= need.failed {
                        return Some((only.clone(), broken.rule));
                    }
                }
                if failed + need.of - tried < need.failed {
                    return None;
                }
            }
            return None;
        }
        let mut playing = JoinSet::new();
        for (at, case) in batch.iter().cloned().enumerate() {
            let (settings, facts) = (Arc::clone(settings), self.facts.clone());
            playing.spawn(async move { (at, play_case(&settings, &facts, &case).await) });
        }
        let mut broke = Vec::new();
        while let Some(played) = playing.join_next().await {
            let Ok((at, Some(played))) = played else {
                continue;
            };
            if let Verdict::Fail(broken) | Verdict::CutOff(broken) =
                judge(&played, &settings.redactor)
                && shrink::comes_down_to(rule, &broken.rule)
            {
                broke.push((at, broken.rule));
            }
        }
        let (first, rule) = broke.into_iter().min()?;
        Some((batch.into_iter().nth(first)?, rule))
    }

    /// What the case breaks when it is played with patience, and how often of three.
    async fn confirmed(&self, case: &Case, rule: &str, rate: Rate) -> Option<(Broken, Rate)> {
        let mut seen = None;
        let mut counted = if rate.failed == rate.of {
            Rate::default()
        } else {
            rate
        };
        let short = self.waits_ms(case) <= SHORT_MS;
        let runs = if short { 3 } else { 1 };
        for _ in 0..runs {
            // Once patience has shown it, more of it would tell no more.
            let settings = match seen {
                None => &self.settings,
                Some(_) => &self.impatient,
            };
            counted.of += 1;
            if let Some(broken) = self.breaks(case, rule, settings).await {
                counted.failed += 1;
                seen.get_or_insert(broken);
            }
            if seen.is_some() && self.is_late() {
                break;
            }
        }
        seen.map(|broken| (broken, counted))
    }
}

/// A case made small.
struct Small {
    case: Case,
    broken: Broken,
    rate: Rate,
    shrinking: (u32, bool),
}

/// A smaller case is taken if it fails so often of so many runs.
#[derive(Clone, Copy)]
struct Need {
    failed: u32,
    of: u32,
}

/// Where there is a choice, what is kept fails each time.
const STEADY: Need = Need { failed: 2, of: 2 };

impl Need {
    /// What fails now and then has to have its chance.
    fn of(rate: Rate) -> Need {
        let of = if rate.failed == rate.of { 1 } else { 3 };
        Need { failed: 1, of }
    }
}

/// The case with every request in it, or every heartbeat where there is none, sent so many times at once.
fn many_times(case: &Case) -> Case {
    const TIMES: u64 = 120;
    let moves = case.moves.iter().map(|step| {
        let Act::Say { packets, wait } = &step.act else {
            return step.clone();
        };
        let packets = match &packets[..] {
            [said] if matches!(said.packet, Packet::Request { .. } | Packet::Heartbeat) => (1
                ..=TIMES)
                .map(|at| Said::plain(numbered(&said.packet, at)))
                .collect(),
            _ => packets.clone(),
        };
        let wait = *wait;
        Move {
            conn: step.conn,
            act: Act::Say { packets, wait },
        }
    });
    Case {
        moves: moves.collect(),
    }
}

/// The packet; a request with a nonce of its own.
fn numbered(packet: &Packet, at: u64) -> Packet {
    match packet {
        Packet::Request { which, .. } => Packet::Request {
            nonce: Value::numbered(at),
            which: *which,
        },
        other => other.clone(),
    }
}

/// Somebody who comes and goes.
fn passer_by() -> Case {
    let acts = [Act::Greet, Act::Leave(Leave::Close)];
    let moves = acts.into_iter().map(|act| Move { conn: Conn(0), act });
    Case {
        moves: moves.collect(),
    }
}

/// The case beside others that do nothing remarkable.
fn in_company(case: &Case, broken: &Broken, facts: &Facts) -> Vec<Case> {
    let taken = |at: &usize| {
        let mut conns = case.moves.iter().flat_map(Move::conns);
        !conns.any(|conn| conn.0 == *at)
    };
    let free: Vec<Conn> = (0..NAMES.len()).filter(taken).map(Conn).collect();
    let [one, rest @ ..] = &free[..] else {
        return Vec::new();
    };
    let beats = |conn: Conn| Move {
        conn,
        act: Act::Say {
            packets: vec![Said::plain(Packet::Heartbeat)],
            wait: true,
        },
    };
    // The heartbeat shows that it is in before anything else happens.
    let enters = |conn: Conn| {
        let acts = [Act::Greet, Act::LogIn(Spelling::Plain)];
        let mut moves: Vec<Move> = acts.into_iter().map(|act| Move { conn, act }).collect();
        moves.push(beats(conn));
        moves
    };
    let leaves = |conn: Conn, leave: Leave| Move {
        conn,
        act: Act::Leave(leave),
    };
    let greets = |conn: Conn| Move {
        conn,
        act: Act::Greet,
    };
    let joined = |before: Vec<Move>, behind: Vec<Move>| Case {
        moves: before
            .into_iter()
            .chain(case.moves.clone())
            .chain(behind)
            .collect(),
    };
    let asks_and_leaves = [enters(*one), vec![leaves(*one, Leave::CloseWithRequests)]];
    let mut found = vec![
        joined(enters(*one), vec![beats(*one)]),
        joined(
            [enters(*one), vec![leaves(*one, Leave::Close)]].concat(),
            Vec::new(),
        ),
        joined(vec![greets(*one)], Vec::new()),
    ];
    found.push(joined(asks_and_leaves.concat(), Vec::new()));
    // Somebody comes when one of the case's connections is in.
    let inside = (1..=case.moves.len()).find_map(|count| {
        let moves = case.moves[..count].to_vec();
        let model = state_behind(&Case { moves }, facts).ok()?;
        let first = model.in_state(State::In).next()?;
        Some((count, first))
    });
    if let Some((at, first)) = inside {
        let mut moves = case.moves.clone();
        moves.splice(at..at, enters(*one));
        moves.insert(at, beats(first));
        moves.extend([beats(*one)]);
        found.push(Case { moves });
        let moves = case.moves[..at].iter().cloned();
        let moves = moves
            .chain(enters(*one))
            .chain([beats(first), beats(*one), beats(first)]);
        found.push(Case {
            moves: moves.collect(),
        });
    }
    if let Some((at, first)) = inside
        && broken.actual.starts_with("close 4003")
    {
        // Somebody else's silence may have ended it.
        let mut moves = case.moves[..at].to_vec();
        moves.extend(enters(*one));
        let silence = Act::TimeOut {
            beats: 0,
            traffic: Traffic::Silence,
            prompt: false,
        };
        moves.push(Move {
            conn: *one,
            act: silence,
        });
        moves.push(beats(first));
        found.insert(0, Case { moves });
    }
    if let Some((at, first)) = inside {
        for what in [Crossed::Requests, Crossed::Heartbeats] {
            let mut moves = case.moves[..at].to_vec();
            moves.extend(enters(*one));
            let (with, rounds) = (*one, 10);
            let act = Act::Cross { with, rounds, what };
            moves.push(Move { conn: first, act });
            found.push(Case { moves });
        }
    }
    if let [other, ..] = rest {
        let both = [enters(*one), enters(*other)].concat();
        found.push(joined(both, vec![beats(*one), beats(*other)]));
        found.push(joined(vec![greets(*one), greets(*other)], Vec::new()));
    }
    if let [other, third, ..] = rest {
        let all = vec![greets(*one), greets(*other), greets(*third)];
        found.push(joined(all, Vec::new()));
    }
    found
}

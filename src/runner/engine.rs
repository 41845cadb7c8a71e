//! The order of a run: everything concurrently, inconclusive timings again one by one, hostile
//! scenarios last, one by one, each followed by a look whether the target still lives.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};

use super::judge::Judge;
use super::ledger::Ledger;
use super::options::Options;
use super::plan::Case;
use super::triage::{Again, Pending};
use super::waits::Waited;
use crate::event::RunEvent;
use crate::outcome::Verdict;
use crate::play::{self, Broken, Ended, Guests, Minder, Played, Settings};

/// A case that waits longer than this does not take one of the `--jobs`: it waits in parallel.
pub(super) const SHORT: Duration = Duration::from_millis(300);
/// How many waiting cases there are at most for each of the `--jobs`.
const WAITING_A_JOB: usize = 4;

/// After so many retries in a row without a judgement nothing more is tried again: it was not by
/// chance, and each would take its whole time, alone.
const FRUITLESS: u32 = 16;

/// A case in the engine's queues.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) case: Arc<Case>,
    /// Selected, or only run as somebody's control.
    pub(crate) listed: bool,
    pub(crate) attempts: u32,
    /// It is played to see whether a failure shows again.
    pub(crate) again: Option<Again>,
}

impl Entry {
    /// Whether the client need not come again after it.
    fn parts(&self) -> bool {
        let rules = &self.case.scenario.header.rules;
        rules
            .first()
            .is_some_and(|rule| rule.value.starts_with("open.client-after-"))
    }
}

/// Runs cases and hands their results to the ledger.
pub(crate) struct Engine<'e> {
    pub(crate) settings: Arc<Settings>,
    /// Where the clients come from, when the target is one.
    pub(crate) guests: Option<Arc<dyn Guests>>,
    pub(crate) options: &'e Options,
    pub(crate) judge: Judge<'e>,
    pub(crate) ledger: Ledger<'e>,
    pub(crate) interval: Duration,
    /// Why nothing more can be judged.
    pub(crate) dead: Option<String>,
    /// The target got through handshake and heartbeat, and nothing was played since.
    pub(crate) seen_alive: bool,
    /// What is to be tried again, and what came of it so far.
    pub(crate) retry: Vec<(Entry, Played)>,
    /// How many retries in a row came to no judgement.
    pub(crate) fruitless: u32,
    /// Minds the target, where the run has started it.
    pub(crate) minder: Option<Minder>,
    /// How the target that is minded ended, until it is started again.
    pub(crate) fallen: Option<String>,
    /// Cases that were played when it did: one of them ended it.
    pub(crate) suspects: Vec<Entry>,
    /// How it ended when they were played.
    pub(crate) ended: Option<String>,
    /// A case has ended the target.
    pub(crate) convicted: bool,
    /// What the target wrote before it was started again, for the failure that is about that.
    pub(crate) last_words: Option<Vec<String>>,
    /// How clients that connected again and again waited.
    pub(crate) waited: Vec<Waited>,
    /// Further repeats of failures, to be queued.
    pub(crate) repeats: Vec<Entry>,
    /// By id, the failures that are played again, or are to be.
    pub(crate) pending: BTreeMap<String, Pending>,
}

pub(super) type Stopped<'a> = Pin<&'a mut (dyn Future<Output = ()> + Send)>;

/// The user stopped the run.
pub(crate) struct Interrupted;

impl Engine<'_> {
    /// Runs everything, in phases.
    pub(crate) async fn run(
        &mut self,
        entries: Vec<Entry>,
        mut stopped: Stopped<'_>,
    ) -> Result<(), Interrupted> {
        // A client of its own is all that a scenario can end.
        let alone = |entry: &Entry| self.guests.is_none() && entry.case.scenario.header.hostile;
        let (hostile, plain): (Vec<_>, Vec<_>) = entries.into_iter().partition(alone);
        self.together(plain, stopped.as_mut()).await?;
        self.again(stopped.as_mut()).await?;
        self.suspects(stopped.as_mut()).await?;
        let repeats = self.first_repeats();
        self.together(repeats, stopped.as_mut()).await?;
        for entry in hostile {
            let case = Arc::clone(&entry.case);
            self.hostile(entry, stopped.as_mut()).await?;
            self.again(stopped.as_mut()).await?;
            self.repeat_alone(stopped.as_mut()).await?;
            self.ended_behind(&case, stopped.as_mut()).await?;
        }
        Ok(())
    }

    /// Runs cases concurrently, the longest first.
    async fn together(
        &mut self,
        entries: Vec<Entry>,
        mut stopped: Stopped<'_>,
    ) -> Result<(), Interrupted> {
        let (mut long, mut short) = self.lanes(entries);
        let mut tasks: JoinSet<Played> = JoinSet::new();
        let mut running: HashMap<Id, (Entry, bool)> = HashMap::new();
        loop {
            while self.fallen.is_none()
                && let Some((entry, waits)) = self.next(&mut long, &mut short, &running)
            {
                let id = self.start(&entry, &mut tasks);
                running.insert(id, (entry, waits));
            }
            let joined = tokio::select! {
                biased;
                () = stopped.as_mut() => return Err(Interrupted),
                joined = tasks.join_next_with_id() => joined,
            };
            let (id, played) = match joined {
                None if self.fallen.is_some() => {
                    self.revive(stopped.as_mut()).await?;
                    continue;
                }
                None => break,
                Some(Ok((id, played))) => (id, played),
                Some(Err(error)) => (error.id(), panicked(&error)),
            };
            let Some((entry, _)) = running.remove(&id) else {
                continue;
            };
            let others: Vec<String> = running
                .values()
                .map(|(entry, _)| entry.case.id.clone())
                .collect();
            self.done(entry, played, &others, stopped.as_mut()).await?;
            for entry in std::mem::take(&mut self.repeats) {
                let waits = self.need(&entry) > SHORT;
                let lane = if waits { &mut long } else { &mut short };
                lane.push_back(entry);
            }
        }
        let left: Vec<Entry> = long.into_iter().chain(short).collect();
        for entry in left {
            self.after_death(&entry);
        }
        Ok(())
    }

    /// The next case to start, where there is room for one, and whether it is one that waits.
    fn next(
        &self,
        long: &mut VecDeque<Entry>,
        short: &mut VecDeque<Entry>,
        running: &HashMap<Id, (Entry, bool)>,
    ) -> Option<(Entry, bool)> {
        if self.dead.is_some() {
            return None;
        }
        let jobs = match &self.guests {
            Some(guests) if !guests.many() => 1,
            _ => self.options.jobs.max(1),
        };
        if jobs == 1 {
            // One at a time means just that.
            let idle = running.is_empty();
            let entry = idle.then(|| long.pop_front().map(|entry| (entry, true)))?;
            return entry.or_else(|| short.pop_front().map(|entry| (entry, false)));
        }
        let waiting = running.values().filter(|(_, waits)| *waits).count();
        if waiting < jobs * WAITING_A_JOB
            && let Some(entry) = long.pop_front()
        {
            return Some((entry, true));
        }
        let room = running.len() - waiting < jobs;
        room.then(|| short.pop_front())
            .flatten()
            .map(|entry| (entry, false))
    }

    /// Plays one case while nothing else runs.
    pub(super) async fn alone(
        &self,
        entry: &Entry,
        mut stopped: Stopped<'_>,
    ) -> Result<Played, Interrupted> {
        let mut task = JoinSet::new();
        task.spawn(self.playing(entry));
        tokio::select! {
            biased;
            () = stopped.as_mut() => Err(Interrupted),
            Some(joined) = task.join_next() => Ok(joined.unwrap_or_else(|error| panicked(&error))),
        }
    }

    /// Queues: cases that wait, the longest first, and cases that work.
    fn lanes(&self, mut entries: Vec<Entry>) -> (VecDeque<Entry>, VecDeque<Entry>) {
        if self.options.shuffle {
            fastrand::Rng::with_seed(self.options.seed).shuffle(&mut entries);
        } else {
            entries.sort_by_key(|entry| std::cmp::Reverse(self.need(entry)));
        }
        if self.guests.as_ref().is_some_and(|guests| !guests.many()) {
            // The one client comes to each of them in turn, and need not come again after some.
            entries.sort_by_key(Entry::parts);
            return (entries.into(), VecDeque::new());
        }
        entries
            .into_iter()
            .partition(|entry| self.need(entry) > SHORT)
    }

    pub(super) fn need(&self, entry: &Entry) -> Duration {
        entry.case.need(self.interval, self.options.grace)
    }

    fn start(&mut self, entry: &Entry, tasks: &mut JoinSet<Played>) -> Id {
        if entry.listed && entry.attempts == 0 && entry.again.is_none() {
            self.ledger.tell(RunEvent::ScenarioStarted {
                id: entry.case.id.clone(),
            });
        }
        tasks.spawn(self.playing(entry)).id()
    }

    /// The playing of one case, whatever the target is.
    fn playing(&self, entry: &Entry) -> impl Future<Output = Played> + Send + use<> {
        let settings = self.settings_of(entry);
        let case = Arc::clone(&entry.case);
        let limit = self.limit(entry);
        let guests = self.guests.clone();
        async move { play_case(&settings, guests.as_deref(), &case, limit).await }
    }

    /// The run's settings; those of a repeat may delay our sends.
    fn settings_of(&self, entry: &Entry) -> Arc<Settings> {
        match entry.again.filter(|again| again.perturbed()) {
            Some(again) => Arc::new(Settings {
                jitter: Some(again.seed(self.settings.seed)),
                ..(*self.settings).clone()
            }),
            None => Arc::clone(&self.settings),
        }
    }

    /// The limit of one case: `--timeout`, else far beyond what all its waits can add up to.
    fn limit(&self, entry: &Entry) -> Duration {
        self.options.timeout.unwrap_or_else(|| {
            let interval = self.interval.min(self.options.max_wait);
            let visits = match self.guests {
                Some(_) => self.options.patience * entry.case.scenario.visits(),
                None => Duration::ZERO,
            };
            Duration::from_secs(90)
                + self.need(entry)
                + visits
                + interval * 8
                + self.options.grace * 2
        })
    }

    /// A case has been played.
    async fn done(
        &mut self,
        entry: Entry,
        played: Played,
        others: &[String],
        stopped: Stopped<'_>,
    ) -> Result<(), Interrupted> {
        if let Some(again) = entry.again {
            if self.fell(&played).await {
                let how = self.fallen.clone().unwrap_or_default();
                self.not_repeated(&entry, again, format!("the target ended: {how}"));
                return Ok(());
            }
            return self.repeated(&entry, again, &played, stopped).await;
        }
        let attempts = entry.attempts + 1;
        if self.fell(&played).await {
            // Innocent or not: each is played again, alone.
            self.suspects.push(entry);
            return Ok(());
        }
        if let Some(dead) = self.dead.clone() {
            // What fell together with the target says nothing by itself.
            if !matches!(played.ended, Ended::Passed) {
                self.unplayed(&entry, Verdict::Inconclusive, dead, None);
                return Ok(());
            }
        }
        if late(&played) && attempts <= self.options.retries {
            self.retry.push((Entry { attempts, ..entry }, played));
            return Ok(());
        }
        let mut played = played;
        self.absent(&entry, &mut played);
        if let Ended::Unreachable(broken) = &mut played.ended
            && self.alive(stopped).await?.is_err()
        {
            if self.minder.is_some() {
                self.fallen = Some("it takes no connections any more".to_owned());
                self.ended.clone_from(&self.fallen);
                self.suspects.push(entry);
                return Ok(());
            }
            let beside = match others {
                [] => String::new(),
                others => format!(" (or {})", others.join(", ")),
            };
            broken.actual = format!(
                "{}; the target takes no connections any more",
                broken.actual
            );
            self.dead = Some(format!(
                "the target died while {}{beside} was played",
                entry.case.id
            ));
        }
        self.conclude(&entry, &played, attempts);
        Ok(())
    }

    /// A client that never came is nobody to be judged; one that somebody else started should have come
    /// back to us.
    pub(super) fn absent(&mut self, entry: &Entry, played: &mut Played) {
        let Some(guests) = &self.guests else { return };
        let Ended::Unreachable(broken) = &played.ended else {
            return;
        };
        let broken = broken.clone();
        if guests.many() {
            played.ended = Ended::Error(broken.actual);
            return;
        }
        self.dead = Some(format!(
            "the client has not come back for {}",
            entry.case.id
        ));
        played.ended = match entry.parts() {
            // The one before it may have sent it away.
            true => Ended::Inconclusive {
                reason: broken.actual,
                timing: false,
            },
            false => Ended::Failed(broken),
        };
    }

    fn conclude(&mut self, entry: &Entry, played: &Played, attempts: u32) {
        let mut result = self.judge.result(&entry.case, played, attempts);
        if result.failure.is_some() {
            let lines = self.last_words.take().or_else(|| self.target_lines());
            if let Some(failure) = &mut result.failure {
                failure.target_output = lines.unwrap_or_else(|| played.target_output.clone());
            }
        }
        self.note_waits(&entry.case, played);
        self.question(entry, &result);
        let found = self.judge.findings(&entry.case, played);
        self.ledger.found(found);
        let mut held = played.held.clone();
        if matches!(result.verdict, Verdict::Pass | Verdict::Info) {
            let rules = &entry.case.scenario.header.rules;
            held.extend(rules.iter().map(|rule| rule.value.clone()));
        }
        let control = entry.case.scenario.header.control.as_ref();
        let control = control.map(|control| control.value.as_str());
        self.ledger
            .result(result, entry.case.base(), control, held, entry.listed);
    }

    /// A case that is not played.
    pub(crate) fn unplayed(
        &mut self,
        entry: &Entry,
        verdict: Verdict,
        reason: String,
        blocked_by: Option<String>,
    ) {
        let result = self
            .judge
            .unplayed(&entry.case, verdict, reason, blocked_by);
        self.ledger
            .result(result, entry.case.base(), None, Vec::new(), entry.listed);
    }

    fn after_death(&mut self, entry: &Entry) {
        match (self.dead.clone(), entry.again) {
            (None, _) => {}
            (Some(dead), Some(again)) => self.not_repeated(entry, again, dead),
            (Some(dead), None) => self.unplayed(entry, Verdict::Inconclusive, dead, None),
        }
    }

    /// Runs inconclusive timings again, alone.
    pub(super) async fn again(&mut self, mut stopped: Stopped<'_>) -> Result<(), Interrupted> {
        while let Some((entry, before)) = self.retry.pop() {
            if self.dead.is_some() {
                self.after_death(&entry);
                continue;
            }
            if self.fruitless >= FRUITLESS {
                self.conclude(&entry, &before, entry.attempts);
                continue;
            }
            self.seen_alive = false;
            let played = self.alone(&entry, stopped.as_mut()).await?;
            self.fruitless = if late(&played) { self.fruitless + 1 } else { 0 };
            self.done(entry, played, &[], stopped.as_mut()).await?;
        }
        Ok(())
    }

    /// Runs a hostile case alone and looks whether the target lives.
    pub(super) async fn hostile(
        &mut self,
        entry: Entry,
        mut stopped: Stopped<'_>,
    ) -> Result<(), Interrupted> {
        if self.dead.is_some() {
            self.after_death(&entry);
            return Ok(());
        }
        if entry.listed {
            self.ledger.tell(RunEvent::ScenarioStarted {
                id: entry.case.id.clone(),
            });
        }
        // It must not be blamed for what came before it.
        if !self.seen_alive
            && let Err(broken) = self.alive(stopped.as_mut()).await?
        {
            self.dead = Some(format!(
                "new connections failed already before {}",
                entry.case.id
            ));
            let played = Played::not_played(Ended::Failed(broken));
            self.conclude(&entry, &played, entry.attempts);
            return self.revive(stopped).await;
        }
        let mut played = self.alone(&entry, stopped.as_mut()).await?;
        let alive = self.alive(stopped.as_mut()).await?;
        self.seen_alive = alive.is_ok();
        let Err(mut broken) = alive else {
            return self.done(entry, played, &[], stopped).await;
        };
        self.dead = Some(format!("{} killed the target", entry.case.id));
        self.convicted = true;
        if let Some(how) = self.how_it_ended().await {
            broken.actual = format!("{}; the target ended: {how}", broken.actual);
        }
        if !matches!(played.ended, Ended::Failed(_)) {
            played.ended = Ended::Failed(broken);
        }
        self.last_words = self.target_lines();
        // Before it is told, so that it can be played again.
        self.revive(stopped).await?;
        self.conclude(&entry, &played, entry.attempts + 1);
        Ok(())
    }

    /// Whether a new connection gets through handshake and heartbeat; what broke, if not.
    pub(super) async fn alive(
        &self,
        stopped: Stopped<'_>,
    ) -> Result<Result<(), Box<Broken>>, Interrupted> {
        tokio::select! {
            biased;
            () = stopped => Err(Interrupted),
            alive = play::alive(&self.settings) => Ok(alive),
        }
    }
}

/// Whether somebody's lateness kept it from a judgement.
fn late(played: &Played) -> bool {
    matches!(played.ended, Ended::Inconclusive { timing: true, .. })
}

/// A panic of ours is ours: it is told as an error of that case, never lost.
fn panicked(error: &JoinError) -> Played {
    Played::not_played(Ended::Error(format!("litespec itself failed: {error}")))
}

async fn play_case(
    settings: &Settings,
    guests: Option<&dyn Guests>,
    case: &Case,
    limit: Duration,
) -> Played {
    let (id, scenario) = (&case.id, &case.scenario);
    match (&case.env, guests) {
        (Err(error), _) => Played::not_played(play::cannot_fill(error.clone())),
        (Ok(env), None) => play::run(settings, id, scenario, env.clone(), limit).await,
        (Ok(env), Some(guests)) => {
            play::run_guest(settings, guests, id, scenario, env.clone(), limit).await
        }
    }
}

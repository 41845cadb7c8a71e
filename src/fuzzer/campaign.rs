//! A campaign: cases in many lanes at once, a pulse taken all the time, finds made small as they come.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::coverage::{Coverage, Reached, Reply, replies};
use super::features::{Features, features};
use super::find::{Fate, Find, kind_of};
use super::generate::Generator;
use super::lanes::{Done, Lanes, plain_head};
use super::moves::Case;
use super::pulse::{Health, Pulse};
use super::script::{Facts, write};
use super::suspicion::Suspicion;
use super::verdict::{Verdict, judge};
use crate::outcome::{Dir, Entry, EntryKind};
use crate::play::{Ended, Settings};

/// Between two looks at the target's health.
const PULSE_GAP: Duration = Duration::from_millis(50);
/// Cases that are remembered until a look at the target's health has cleared them.
const UNPROVEN: usize = 256;
/// Failures that wait to be looked into.
const SUSPICIONS: usize = 64;
/// What was seen in time is looked into behind the end of the time, for half of it and so long.
const LEAST_OVERTIME: Duration = Duration::from_secs(8);
const MOST_OVERTIME: Duration = Duration::from_secs(30);
/// Cases that are played when the time is over have so long to come to their ends.
const LAST_CASES: Duration = Duration::from_secs(1);
/// An answer that takes longer than so many looks at the target's health, at least the first and at
/// most the second time, makes a case suspicious; what is suspicious is tried again with patience.
const LOOKS: u32 = 60;
const IMPATIENT: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(1));
/// Kinds of failure that did not come again so often are not looked into any more.
const HOPELESS: u32 = 2;
/// Failures that did not come again, beyond which only a few of their kind are looked into.
const MANY: u64 = 24;

/// Of so many cases some have to have been answered.
const CROWDED: u64 = 32;

/// What a campaign is bounded by.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Seed of everything random.
    pub seed: u64,
    /// No case begins later.
    pub time: Duration,
    /// No more cases than these.
    pub cases: Option<u64>,
    /// Cases a second at most.
    pub rate: Option<f64>,
    /// Cases at once.
    pub connections: usize,
    /// Runs that shrinking one find may take.
    pub shrink_runs: u32,
    /// Time that shrinking one find may take.
    pub shrink_time: Duration,
    /// Ends with the first find.
    pub first: bool,
}

impl Default for Terms {
    fn default() -> Terms {
        Terms {
            seed: 1,
            time: Duration::from_secs(60),
            cases: None,
            rate: None,
            connections: 32,
            shrink_runs: 400,
            shrink_time: Duration::from_secs(20),
            first: false,
        }
    }
}

/// Brings a target back that has died or hangs.
pub trait Reviver: Send {
    /// Ends what is left of it and starts it anew.
    fn revive(&mut self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>>;
}

/// How a campaign ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its time or its cases were used up.
    Complete,
    /// The first find was enough.
    Found,
    /// The user ended it.
    Interrupted,
    /// The target is gone and did not come back.
    TargetGone(String),
}

/// What a campaign tells while it goes.
#[derive(Debug)]
pub enum Event<'a> {
    /// So far so good.
    Progress(&'a Progress),
    /// A find, made as small as it will be.
    Found(&'a Find),
    /// Something that people should know.
    Note(String),
}

/// How far a campaign is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Cases played.
    pub cases: u64,
    /// Cases that were not judged to their end.
    pub unknown: u64,
    /// Cases in which the target let us in.
    pub inside: u64,
    /// Failures that did not come again alone.
    pub unrepeated: u64,
    /// Distinct finds.
    pub finds: usize,
    /// Kinds of send x kind of reply that were seen.
    pub cells: usize,
    /// Since it began.
    pub elapsed: Duration,
}

/// What a campaign comes to.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// How far it came.
    pub progress: Progress,
    /// What was found, in order.
    pub finds: Vec<Find>,
    /// Where it has been.
    pub coverage: Reached,
    /// Rules whose failures did not come again alone, with how often.
    pub unrepeated: BTreeMap<String, u64>,
    /// Why cases were not judged, in a few words, with how often.
    pub unknown: BTreeMap<String, u64>,
}

pub(super) struct Campaign<'a> {
    pub(super) settings: Arc<Settings>,
    pub(super) impatient: Arc<Settings>,
    pub(super) facts: &'a Facts,
    pub(super) terms: &'a Terms,
    pub(super) reviver: Option<&'a mut dyn Reviver>,
    pub(super) on_event: &'a mut (dyn FnMut(Event<'_>) + Send),
    pub(super) pulse: Pulse,
    pub(super) progress: Progress,
    pub(super) finds: Vec<Find>,
    pub(super) unrepeated: BTreeMap<String, u64>,
    unknown: BTreeMap<String, u64>,
    /// Failures that were silences, and did not come again.
    silences: u64,
    /// Cases in which an answer had not come as far as we waited.
    slow_answers: u64,
    /// Investigations end then, whatever is left of them.
    pub(super) limit: Instant,
    /// Kinds of failure, and of the cases that showed them, that did not come again.
    pub(super) hopeless: BTreeMap<(String, Features), u32>,
    pub(super) began: Instant,
    pub(super) quick: Lanes,
    pub(super) slow: Lanes,
    /// Cases that ended since the target was last seen alive, oldest first.
    pub(super) unproven: VecDeque<(Instant, Case)>,
    suspicions: VecDeque<Suspicion>,
    generator: Generator,
    coverage: Coverage,
    next_start: Instant,
    started: u64,
    told: Instant,
    /// The target turned somebody away: before it has been looked at, no case begins.
    doubtful: bool,
    /// The target does not bear company: one case at a time, and a look at its health behind it.
    alone: bool,
    /// Such a look is under way.
    looking: bool,
    /// The next look is due then.
    next_pulse: Instant,
}

/// Runs a campaign. `interrupt` ends it early; what has been found by then is in its outcome.
pub async fn run(
    settings: Settings,
    facts: &Facts,
    terms: &Terms,
    reviver: Option<&mut dyn Reviver>,
    interrupt: impl Future<Output = ()> + Send,
    on_event: &mut (dyn FnMut(Event<'_>) + Send),
) -> Outcome {
    let now = Instant::now();
    let mut impatient = settings.clone();
    impatient.answer_within = settings.answer_within.min(IMPATIENT.1);
    let mut campaign = Campaign {
        settings: Arc::new(settings),
        impatient: Arc::new(impatient),
        facts,
        terms,
        reviver: reviver.map(|reviver| reviver as &mut dyn Reviver),
        on_event,
        pulse: Pulse::new(facts),
        progress: Progress::default(),
        finds: Vec::new(),
        unrepeated: BTreeMap::new(),
        unknown: BTreeMap::new(),
        silences: 0,
        slow_answers: 0,
        limit: now + terms.time + (terms.time / 2).clamp(LEAST_OVERTIME, MOST_OVERTIME),
        hopeless: BTreeMap::new(),
        began: now,
        quick: Lanes::default(),
        slow: Lanes::default(),
        unproven: VecDeque::new(),
        suspicions: VecDeque::new(),
        generator: Generator::new(facts, terms.seed),
        coverage: Coverage::default(),
        next_start: now,
        started: 0,
        told: now,
        doubtful: false,
        alone: false,
        looking: false,
        next_pulse: now + PULSE_GAP,
    };
    let mut interrupt = pin!(interrupt);
    let ending = tokio::select! {
        biased;
        () = interrupt.as_mut() => Ending::Interrupted,
        ending = campaign.go() => ending,
    };
    campaign.quick.abort().await;
    campaign.slow.abort().await;
    campaign.count();
    Outcome {
        ending,
        progress: campaign.progress,
        finds: campaign.finds,
        coverage: campaign.coverage.reached(),
        unrepeated: campaign.unrepeated,
        unknown: campaign.unknown,
    }
}

impl Campaign<'_> {
    async fn go(&mut self) -> Ending {
        // Seen before anybody else is there.
        let mut health = self.pulse.look(&self.impatient).await;
        if health.fate != Fate::Lives || health.broken.is_some() {
            health = self.plainer_pulse().await;
        }
        let patience = (health.took * LOOKS).clamp(IMPATIENT.0, IMPATIENT.1);
        self.be_patient(patience.max(health.took * 2));
        let deadline = self.began + self.terms.time;
        let mut pulses: JoinSet<(Instant, Health)> = JoinSet::new();
        loop {
            self.fill(deadline);
            if self.quick.len() + self.slow.len() == 0 && self.is_over(deadline) {
                return self.last_look().await;
            }
            if self.doubtful && pulses.is_empty() {
                self.next_pulse = Instant::now();
            }
            let looking = !pulses.is_empty();
            self.looking = looking;
            let playing = self.quick.len() + self.slow.len() > 0;
            let may_look = !(looking || self.alone && playing);
            let health = tokio::select! {
                biased;
                Some(Ok(looked)) = pulses.join_next(), if looking => Some(looked),
                done = self.quick.next() => { self.done(done); None }
                done = self.slow.next() => { self.done(done); None }
                () = sleep_until(self.next_pulse), if may_look => {
                    let (pulse, settings) = (self.pulse.clone(), Arc::clone(&self.impatient));
                    pulses.spawn(async move { (Instant::now(), pulse.look(&settings).await) });
                    None
                }
                () = sleep_until(self.next_start), if self.may_start(deadline) => None,
                () = sleep_until(deadline), if Instant::now() < deadline => None,
                () = sleep_until(deadline + LAST_CASES), if Instant::now() < deadline + LAST_CASES => None,
            };
            if Instant::now() >= deadline {
                self.wind_up(deadline).await;
            }
            let Some((looked, health)) = health else {
                continue;
            };
            self.next_pulse = Instant::now() + PULSE_GAP;
            self.looking = false;
            self.doubtful = false;
            if let Some(ending) = self.looked(looked, &health).await {
                return ending;
            }
        }
    }

    /// A target that never answers the request of a full look is no dead one: cases show that. It is
    /// looked at without.
    async fn plainer_pulse(&mut self) -> Health {
        let settings = Arc::clone(&self.settings);
        let full = self.pulse.look(&settings).await;
        if full.fate == Fate::Lives && full.broken.is_none() {
            return full;
        }
        let plainer = Pulse::without_request();
        let health = plainer.look(&settings).await;
        if health.fate == Fate::Lives && health.broken.is_none() {
            self.pulse = plainer;
        }
        health
    }

    /// The target has been looked at.
    async fn looked(&mut self, looked: Instant, health: &Health) -> Option<Ending> {
        if health.fate != Fate::Lives {
            return self.fallen(health).await;
        }
        // A clock that stands still between two events is one of a test.
        self.unproven.retain(|(ended, _)| *ended > looked);
        self.tell();
        while self
            .suspicions
            .front()
            .is_some_and(|oldest| oldest.ended <= looked)
            && let Some(suspicion) = self.suspicions.pop_front()
        {
            if Instant::now() >= self.limit {
                self.not_again(&suspicion);
                continue;
            }
            if !self.worth_a_look(&suspicion) {
                continue;
            }
            self.pause().await;
            if let Some(ending) = self.investigate(suspicion).await {
                return Some(ending);
            }
            // What became suspicious meanwhile was not alone with the target.
            break;
        }
        None
    }

    /// Behind the deadline: what waits for the target's timers waits no longer than the campaign, and what
    /// waits for answers not much longer.
    async fn wind_up(&mut self, deadline: Instant) {
        let now = Instant::now();
        if now >= deadline + LAST_CASES {
            let cut_short = self.quick.abort().await;
            let cut_short = cut_short.into_iter().map(|case| (now, case));
            self.unproven.extend(cut_short);
        }
        if self.quick.len() == 0 {
            self.slow.abort().await;
        }
    }

    fn is_over(&self, deadline: Instant) -> bool {
        let enough = self.terms.cases.is_some_and(|cases| self.started >= cases);
        enough || Instant::now() >= deadline
    }

    fn may_start(&self, deadline: Instant) -> bool {
        !self.is_over(deadline)
            && !self.doubtful
            && self.quick.len() < self.quick_lanes()
            && Instant::now() < self.next_start
    }

    fn slow_lanes(&self) -> usize {
        match self.alone {
            true => 0,
            false => (self.terms.connections / 4).max(1),
        }
    }

    fn quick_lanes(&self) -> usize {
        if self.alone {
            let due = Instant::now() >= self.next_pulse;
            return usize::from(!self.looking && !due);
        }
        (self.terms.connections - self.terms.connections / 4).max(1)
    }

    fn fill(&mut self, deadline: Instant) {
        while !self.doubtful && !self.is_over(deadline) {
            let now = Instant::now();
            let left = deadline - now;
            let slow = self.slow.len() < self.slow_lanes() && left > self.facts.interval;
            if !slow && self.quick.len() >= self.quick_lanes() {
                return;
            }
            if now < self.next_start {
                return;
            }
            if let Some(rate) = self.terms.rate {
                let gap = Duration::try_from_secs_f64(1.0 / rate).unwrap_or_default();
                self.next_start = now + gap;
            }
            let case = if slow {
                self.generator.slow()
            } else {
                self.generator.quick(&self.coverage)
            };
            let Ok(script) = write(&case, self.facts, &plain_head()) else {
                continue;
            };
            self.started += 1;
            let lanes = if slow {
                &mut self.slow
            } else {
                &mut self.quick
            };
            lanes.start(self.started, case, script, Arc::clone(&self.impatient));
        }
    }

    fn done(&mut self, done: Done) {
        self.progress.cases += 1;
        let transcript = &done.played.transcript;
        let answered = |reply: Reply| matches!(reply, Reply::Ack | Reply::Response);
        if replies(&done.script, transcript)
            .iter()
            .any(|(_, reply)| answered(*reply))
        {
            self.progress.inside += 1;
        }
        self.stand_apart();
        self.coverage.add(&done.case, &done.script, transcript);
        self.doubtful |= matches!(done.played.ended, Ended::Unreachable(_));
        // Whom it turned away before anything went out can have done nothing to it.
        let sends = |entry: &Entry| entry.dir == Dir::Sent && entry.kind != EntryKind::Connect;
        let turned_away = !transcript.iter().any(sends);
        match judge(&done.played, &self.settings.redactor) {
            Verdict::Pass => {}
            Verdict::Unknown(why) => {
                self.progress.unknown += 1;
                *self.unknown.entry(kind_of(&why)).or_insert(0) += 1;
            }
            Verdict::Fail(broken) | Verdict::CutOff(broken) => {
                self.slow_answers += u64::from(broken.actual.starts_with("nothing"));
                if self.suspicions.len() < SUSPICIONS {
                    self.suspicions.push_back(Suspicion {
                        case: done.case.clone(),
                        broken: *broken,
                        number: done.number,
                        after: self.began.elapsed(),
                        ended: done.ended,
                    });
                }
            }
        }
        while self.unproven.len() >= UNPROVEN {
            self.unproven.pop_front();
        }
        if !turned_away {
            self.unproven.push_back((done.ended, done.case));
        }
    }

    /// Where hardly a case gets an answer, it may be the others that are in its way: a target may take one
    /// client at a time, or a few.
    fn stand_apart(&mut self) {
        let Progress { cases, inside, .. } = self.progress;
        // One that is slow with its answers is no better alone.
        if self.alone || cases < CROWDED || (inside + self.slow_answers) * 5 >= cases {
            return;
        }
        self.alone = true;
        // What was seen in the crowd is seen again if it was not the crowd.
        self.suspicions.clear();
        let text = "most cases end before the target has answered: from here on they are played one by one";
        (self.on_event)(Event::Note(text.to_owned()));
    }

    /// Waits for answers at least so long, and no longer than the settings say.
    pub(super) fn be_patient(&mut self, answer_within: Duration) {
        let mut impatient = Settings::clone(&self.settings);
        impatient.answer_within = answer_within.min(self.settings.answer_within);
        self.impatient = Arc::new(impatient);
    }

    /// Whether a failure may be another bug than those that are known.
    fn worth_a_look(&mut self, suspicion: &Suspicion) -> bool {
        let rule = &suspicion.broken.rule;
        let about = features(&suspicion.case);
        for find in &mut self.finds {
            let alike = find.fate == Fate::Lives && find.broken.rule == *rule;
            if alike && find.features.is_subset(&about) {
                find.again += 1;
                return false;
            }
        }
        let again = match suspicion.is_silence() {
            true => self.silences,
            false => self.unrepeated.get(rule).copied().unwrap_or(0),
        };
        if again >= MANY && again % MANY != 0 {
            self.not_again(suspicion);
            return false;
        }
        let key = (rule.clone(), about);
        self.hopeless.get(&key).copied().unwrap_or(0) < HOPELESS
    }

    /// A failure did not come again, or was not looked into: what broke a rule is told with its rule, what
    /// was only slower than we are patient at first is no failure of anybody's.
    pub(super) fn not_again(&mut self, suspicion: &Suspicion) {
        if suspicion.is_silence() {
            self.silences += 1;
            self.progress.unknown += 1;
            let waited = self.impatient.answer_within.as_millis();
            let why = format!("no answer within {waited} ms, at which it was left");
            *self.unknown.entry(why).or_insert(0) += 1;
            return;
        }
        let rule = suspicion.broken.rule.clone();
        *self.unrepeated.entry(rule).or_insert(0) += 1;
        self.progress.unrepeated += 1;
    }

    /// Lets the quick cases come to their ends, and takes no notice of those that do not in time.
    pub(super) async fn pause(&mut self) {
        let until = Instant::now() + IMPATIENT.1;
        while self.quick.len() > 0 {
            match tokio::time::timeout_at(until, self.quick.next()).await {
                Ok(done) => self.done(done),
                Err(_) => {
                    self.quick.abort().await;
                }
            }
        }
    }

    /// All cases are over: the target is looked at once more, and so is what is still suspicious.
    async fn last_look(&mut self) -> Ending {
        loop {
            let looked = Instant::now();
            let health = self.pulse.look(&self.impatient).await;
            let before = self.suspicions.len();
            if let Some(ending) = self.looked(looked, &health).await {
                return ending;
            }
            if self.suspicions.is_empty() || self.suspicions.len() == before {
                return Ending::Complete;
            }
        }
    }

    fn tell(&mut self) {
        if self.told.elapsed() >= Duration::from_millis(200) {
            self.told = Instant::now();
            self.count();
            (self.on_event)(Event::Progress(&self.progress));
        }
    }

    fn count(&mut self) {
        self.progress.finds = self.finds.len();
        self.progress.cells = self.coverage.cells().count();
        self.progress.elapsed = self.began.elapsed();
    }

    /// Keeps a find and tells it, unless it is one that is known already.
    pub(super) fn found(&mut self, find: Find) {
        let known: BTreeSet<String> = self.finds.iter().map(Find::fingerprint).collect();
        if known.contains(&find.fingerprint()) {
            return;
        }
        (self.on_event)(Event::Found(&find));
        self.finds.push(find);
    }
}

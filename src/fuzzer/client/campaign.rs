//! A campaign against clients: a client for each case, several at once; failures are looked into alone.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::campaign::{Ending, Event, Outcome, Progress, Terms};
use super::super::features::Features;
use super::super::find::{Find, kind_of};
use super::super::lanes::source_of;
use super::super::script::Head;
use super::super::verdict::{Verdict, judge};
use super::coverage::{Coverage, Reply, replies};
use super::features::features;
use super::generate::Generator;
use super::moves::Case;
use super::script::{Facts, Script, write};
use crate::play::{self, Broken, Ended, Guests, Played, Settings};
use crate::scenario;
use crate::scenario::values::Env;

/// Beyond what its lines wait for, a case may take so long.
const SLACK: Duration = Duration::from_secs(60);
/// Failures that wait to be looked into.
const SUSPICIONS: usize = 64;
/// What was seen in time is looked into behind the end of the time, for half of it and so long.
const LEAST_OVERTIME: Duration = Duration::from_secs(20);
const MOST_OVERTIME: Duration = Duration::from_secs(40);
/// Cases that are played when a failure is to be looked into, or the time is over, have so long to come
/// to their ends.
const LAST_CASES: Duration = Duration::from_secs(3);
/// Kinds of failure that did not come again so often are not looked into any more.
const HOPELESS: u32 = 2;
/// An answer that takes longer makes a case suspicious.
pub const IMPATIENT: Duration = Duration::from_secs(2);
/// Making one failure small may take so long: clients take their time to come again.
pub const SHRINK_TIME: Duration = Duration::from_secs(40);
/// So many clients in a row that never connect are the end.
const ABSENT: u32 = 12;

/// Where clients come from, and what they are played with.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) settings: Arc<Settings>,
    /// The same with less time for answers: what takes longer is tried again with patience.
    pub(super) impatient: Arc<Settings>,
    pub(super) guests: Arc<dyn Guests>,
    pub(super) facts: Facts,
    pub(super) patience: Duration,
}

impl Stage {
    /// Plays a case against a client of its own.
    pub(super) async fn play(&self, case: &Case, settings: &Settings) -> Option<Played> {
        let script = write(case, &self.facts, &plain_head()).ok()?;
        Some(self.play_script(&script, settings).await)
    }

    async fn play_script(&self, script: &Script, settings: &Settings) -> Played {
        let scenario = match scenario::parse("client/fuzz", source_of("case", script.text.clone()))
        {
            Ok(scenario) => Arc::new(scenario),
            Err(error) => {
                let error = format!("the case is no scenario: {error}");
                return Played::not_played(Ended::Error(error));
            }
        };
        let env = Env::new(&settings.password);
        let limit = scenario.need(settings.interval, settings.grace)
            + self.patience * scenario.visits()
            + settings.answer_within
            + SLACK;
        play::run_guest(settings, &*self.guests, "fuzz", &scenario, env, limit).await
    }
}

/// The head of a case as it is played: nearly every line of it names its rule.
fn plain_head() -> Head {
    Head {
        comments: Vec::new(),
        title: "A case".to_owned(),
        rule: "client.reconnects".to_owned(),
    }
}

/// A failure that has to be looked into.
pub(super) struct Suspicion {
    pub(super) case: Case,
    pub(super) broken: Broken,
    pub(super) number: u64,
    pub(super) after: Duration,
}

struct Done {
    number: u64,
    case: Case,
    script: Script,
    played: Played,
}

pub(super) struct Campaign<'a> {
    pub(super) stage: Stage,
    pub(super) terms: &'a Terms,
    on_event: &'a mut (dyn FnMut(Event<'_>) + Send),
    pub(super) progress: Progress,
    finds: Vec<Find>,
    pub(super) unrepeated: BTreeMap<String, u64>,
    unknown: BTreeMap<String, u64>,
    pub(super) hopeless: BTreeMap<(String, Features), u32>,
    /// Investigations end then, whatever is left of them.
    pub(super) limit: Instant,
    began: Instant,
    playing: JoinSet<Done>,
    suspicions: VecDeque<Suspicion>,
    generator: Generator,
    coverage: Coverage,
    next_start: Instant,
    started: u64,
    told: Instant,
    absent: u32,
}

/// Runs a campaign. `patience` is how long a client that has lost its connection is awaited; `interrupt`
/// ends it early, and what has been found by then is in its outcome.
pub async fn run(
    settings: Settings,
    guests: Arc<dyn Guests>,
    facts: &Facts,
    patience: Duration,
    terms: &Terms,
    interrupt: impl Future<Output = ()> + Send,
    on_event: &mut (dyn FnMut(Event<'_>) + Send),
) -> Outcome {
    let now = Instant::now();
    let mut impatient = settings.clone();
    impatient.answer_within = settings.answer_within.min(IMPATIENT);
    let mut campaign = Campaign {
        stage: Stage {
            impatient: Arc::new(impatient),
            settings: Arc::new(settings),
            guests: Arc::clone(&guests),
            facts: *facts,
            patience,
        },
        terms,
        on_event,
        progress: Progress::default(),
        finds: Vec::new(),
        unrepeated: BTreeMap::new(),
        unknown: BTreeMap::new(),
        hopeless: BTreeMap::new(),
        limit: now + terms.time + (terms.time / 2).clamp(LEAST_OVERTIME, MOST_OVERTIME),
        began: now,
        playing: JoinSet::new(),
        suspicions: VecDeque::new(),
        generator: Generator::new(facts, terms.seed),
        coverage: Coverage::default(),
        next_start: now,
        started: 0,
        told: now,
        absent: 0,
    };
    let mut interrupt = pin!(interrupt);
    let ending = tokio::select! {
        biased;
        () = interrupt.as_mut() => Ending::Interrupted,
        ending = campaign.go() => ending,
    };
    campaign.playing.shutdown().await;
    guests.clear().await;
    campaign.count();
    Outcome {
        ending,
        progress: campaign.progress,
        finds: campaign.finds,
        coverage: campaign.coverage.reached(facts.driven),
        unrepeated: campaign.unrepeated,
        unknown: campaign.unknown,
    }
}

impl Campaign<'_> {
    async fn go(&mut self) -> Ending {
        let deadline = self.began + self.terms.time;
        loop {
            if let Some(ending) = self.look_into_one().await {
                return ending;
            }
            self.fill(deadline);
            if self.playing.is_empty() && self.suspicions.is_empty() && self.is_over(deadline) {
                return Ending::Complete;
            }
            tokio::select! {
                biased;
                Some(done) = self.playing.join_next() => {
                    if let Ok(done) = done {
                        self.done(done);
                    }
                }
                () = sleep_until(self.next_start), if self.may_start(deadline) => {}
                () = sleep_until(deadline + LAST_CASES), if !self.playing.is_empty() => {
                    self.playing.shutdown().await;
                }
                else => {}
            }
            self.tell();
            if self.absent >= ABSENT {
                let why = format!("{ABSENT} clients in a row did not connect");
                return Ending::TargetGone(why);
            }
        }
    }

    /// Looks into the oldest failure, while nobody else is there.
    async fn look_into_one(&mut self) -> Option<Ending> {
        let suspicion = self.suspicions.pop_front()?;
        if Instant::now() >= self.limit {
            self.not_again(&suspicion);
            return None;
        }
        if !self.worth_a_look(&suspicion) {
            return None;
        }
        self.pause().await;
        if let Some(find) = self.investigate(&suspicion).await {
            self.found(find);
        }
        (self.terms.first && !self.finds.is_empty()).then_some(Ending::Found)
    }

    fn is_over(&self, deadline: Instant) -> bool {
        let enough = self.terms.cases.is_some_and(|cases| self.started >= cases);
        enough || Instant::now() >= deadline
    }

    fn has_room(&self) -> bool {
        self.playing.len() < self.terms.connections.max(1)
    }

    fn may_start(&self, deadline: Instant) -> bool {
        !self.is_over(deadline) && self.has_room() && Instant::now() < self.next_start
    }

    fn fill(&mut self, deadline: Instant) {
        while !self.is_over(deadline) && self.has_room() && Instant::now() >= self.next_start {
            if let Some(rate) = self.terms.rate {
                let gap = Duration::try_from_secs_f64(1.0 / rate).unwrap_or_default();
                self.next_start = Instant::now() + gap;
            }
            let case = self.generator.next(&self.coverage);
            let Ok(script) = write(&case, &self.stage.facts, &plain_head()) else {
                continue;
            };
            self.started += 1;
            let (number, stage) = (self.started, self.stage.clone());
            self.playing.spawn(async move {
                let played = stage.play_script(&script, &stage.impatient).await;
                Done {
                    number,
                    case,
                    script,
                    played,
                }
            });
        }
    }

    fn done(&mut self, done: Done) {
        self.progress.cases += 1;
        let gone = ended_itself(&done.played);
        let seen = replies(&done.script, &done.played.transcript, gone);
        self.progress.inside += u64::from(seen.iter().any(|(_, reply)| *reply == Reply::HelloAck));
        self.coverage.add(&done.case, &seen);
        let absent = matches!(done.played.ended, Ended::Unreachable(_));
        self.absent = if absent { self.absent + 1 } else { 0 };
        match verdict(&done.played, &self.stage.settings) {
            Verdict::Pass => {}
            Verdict::Unknown(why) => {
                self.progress.unknown += 1;
                *self.unknown.entry(kind_of(&why)).or_insert(0) += 1;
            }
            Verdict::Fail(broken) | Verdict::CutOff(broken) => {
                if self.suspicions.len() < SUSPICIONS {
                    self.suspicions.push_back(Suspicion {
                        case: done.case,
                        broken: *broken,
                        number: done.number,
                        after: self.began.elapsed(),
                    });
                }
            }
        }
    }

    /// Whether a failure may be another bug than those that are known.
    fn worth_a_look(&mut self, suspicion: &Suspicion) -> bool {
        let rule = &suspicion.broken.rule;
        let about = features(&suspicion.case);
        for find in &mut self.finds {
            if find.broken.rule == *rule && find.features.is_subset(&about) {
                find.again += 1;
                return false;
            }
        }
        let key = (rule.clone(), about);
        self.hopeless.get(&key).copied().unwrap_or(0) < HOPELESS
    }

    /// Lets what is played come to its end, and takes no notice of what does not in time.
    async fn pause(&mut self) {
        let until = Instant::now() + LAST_CASES;
        while let Ok(Some(done)) = timeout_at(until, self.playing.join_next()).await {
            if let Ok(done) = done {
                self.done(done);
            }
        }
        self.playing.shutdown().await;
    }

    /// A failure did not come again.
    pub(super) fn not_again(&mut self, suspicion: &Suspicion) {
        let rule = suspicion.broken.rule.clone();
        tracing::debug!(rule, actual = suspicion.broken.actual, case = ?suspicion.case, "did not come again");
        *self.unrepeated.entry(rule.clone()).or_insert(0) += 1;
        *self
            .hopeless
            .entry((rule, features(&suspicion.case)))
            .or_insert(0) += 1;
        self.progress.unrepeated += 1;
    }

    /// Keeps a find and tells it, unless it is one that is known already.
    fn found(&mut self, find: Find) {
        let fingerprint = find.fingerprint();
        if self
            .finds
            .iter()
            .any(|known| known.fingerprint() == fingerprint)
        {
            return;
        }
        (self.on_event)(Event::Found(&find));
        self.finds.push(find);
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
        self.progress.cells = self.coverage.len();
        self.progress.elapsed = self.began.elapsed();
    }
}

/// What a played case comes to. A client that never connected has broken nothing.
pub fn verdict(played: &Played, settings: &Settings) -> Verdict {
    match &played.ended {
        Ended::Unreachable(broken) => Verdict::Unknown(broken.actual.clone()),
        _ => judge(played, &settings.redactor),
    }
}

fn ended_itself(played: &Played) -> bool {
    match &played.ended {
        Ended::Failed(broken) | Ended::Prerequisite(broken) | Ended::Unreachable(broken) => {
            broken.actual.contains("the client ended")
        }
        _ => false,
    }
}

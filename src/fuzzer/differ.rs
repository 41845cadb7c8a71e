//! The same cases against two targets: where they answer differently, what the text leaves open included.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::coverage::Coverage;
use super::find::Fate;
use super::generate::Generator;
use super::lanes::{plain_head, play_case};
use super::model::State;
use super::moves::{Act, Case, Conn, Move, NAMES, Spelling};
use super::nasty::{self, Bend, Class};
use super::pulse::Pulse;
use super::script::{Facts, Misfit, write};
use super::shrink;
use super::verdict::{Verdict, judge};
use crate::outcome::{Dir, Entry, EntryKind};
use crate::play::{Ended, Played, Settings};
use crate::protocol::rules::Level;

/// A difference must come again so often, alone.
const AGAIN: u32 = 2;
/// Plays that making one difference small may take.
const SHRINK_RUNS: u32 = 40;
/// Differences that are kept at most.
const KEPT: usize = 1024;
/// The longest wait for what comes behind the last send, and its share of the interval.
const SETTLE_MS: u32 = 300;
const SETTLE_SHARE: f64 = 0.25;

/// What the comparison is bounded by.
#[derive(Clone, Copy, Debug)]
pub struct DifferTerms {
    /// Seed of everything random.
    pub seed: u64,
    /// No case begins later.
    pub time: Duration,
    /// No more cases than these.
    pub cases: Option<u64>,
    /// Cases a second at most.
    pub rate: Option<f64>,
    /// Cases at once.
    pub at_once: usize,
}

/// What differs because one of them takes its time is no difference: it is waited for so long.
const PATIENT_MS: u32 = 2000;
/// Differences are looked into behind the end of the time for half of it, at least and at most so long.
const LEAST_OVERTIME: Duration = Duration::from_secs(5);
const MOST_OVERTIME: Duration = Duration::from_secs(30);

/// What a target made of a case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// What came on each connection, by its name, and how the connection ended.
    pub conns: BTreeMap<String, String>,
    /// The rule that was broken.
    pub broke: Option<(Level, String)>,
}

impl Answer {
    /// In a few words.
    pub fn words(&self) -> String {
        let conns = match self.conns.len() {
            0 => vec!["no connection".to_owned()],
            1 => self.conns.values().cloned().collect::<Vec<_>>(),
            _ => {
                let named = self
                    .conns
                    .iter()
                    .map(|(name, what)| format!("{name}: {what}"));
                named.collect()
            }
        };
        let told = conns.join("; ");
        match &self.broke {
            Some((_, rule)) => format!("{told} (breaks {rule})"),
            None => told,
        }
    }
}

/// A case that two targets answer differently.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What the connection was in, where the case is about one nasty input.
    pub state: Option<State>,
    /// Where it is nasty.
    pub class: Option<Class>,
    /// What was sent, in a few words.
    pub what: String,
    /// The smallest case found.
    pub case: Case,
    /// What the first target made of it, and what the second.
    pub answers: [Answer; 2],
}

/// What a comparison comes to.
#[derive(Debug, Default)]
pub struct Compared {
    /// Cases played on both.
    pub cases: u64,
    /// Distinct differences, in the order of their finding.
    pub differences: Vec<Difference>,
    /// Differences that did not come again alone, or with more time for answers.
    pub unrepeated: u64,
    /// It was ended from outside.
    pub interrupted: bool,
    /// A target that lives no more, 0 or 1, and what became of it.
    pub gone: Option<(usize, Fate)>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Plays cases on both targets until time, cases or one of the targets are at an end. `tell` hears how far
/// it is: cases, differences.
pub async fn compare(
    targets: [Settings; 2],
    facts: &Facts,
    terms: DifferTerms,
    interrupt: impl Future<Output = ()> + Send,
    tell: &mut (dyn FnMut(u64, usize) + Send),
) -> Compared {
    let began = Instant::now();
    let mut differ = Differ {
        targets: targets.map(Arc::new),
        facts: Arc::new(facts.clone()),
        compared: Compared::default(),
        seen: BTreeSet::new(),
        told: tell,
        limit: began + terms.time + (terms.time / 2).clamp(LEAST_OVERTIME, MOST_OVERTIME),
    };
    let mut interrupt = pin!(interrupt);
    differ.compared.interrupted = tokio::select! {
        biased;
        () = interrupt.as_mut() => true,
        () = differ.go(terms) => false,
    };
    differ.compared.elapsed = began.elapsed();
    differ.compared
}

struct Differ<'a> {
    targets: [Arc<Settings>; 2],
    facts: Arc<Facts>,
    compared: Compared,
    /// Inputs with their answers that are known to differ.
    seen: BTreeSet<(String, [Answer; 2])>,
    told: &'a mut (dyn FnMut(u64, usize) + Send),
    /// Nothing is looked into any more.
    limit: Instant,
}

/// A case with what it is about.
#[derive(Clone)]
struct Asked {
    case: Case,
    about: Option<(State, Class, String)>,
}

impl Differ<'_> {
    async fn go(&mut self, terms: DifferTerms) {
        let deadline = Instant::now() + terms.time;
        let mut cases = Cases::new(&self.facts, terms.seed);
        let mut playing: JoinSet<(Asked, Option<[Answer; 2]>)> = JoinSet::new();
        let mut started = 0;
        let mut next = Instant::now();
        loop {
            let enough = terms.cases.is_some_and(|most| started >= most);
            let open = !enough && Instant::now() < deadline;
            if open && playing.len() < terms.at_once {
                tokio::time::sleep_until(next).await;
                if let Some(rate) = terms.rate {
                    let gap = Duration::try_from_secs_f64(1.0 / rate).unwrap_or_default();
                    next = Instant::now() + gap;
                }
                started += 1;
                let asked = cases.next();
                let (targets, facts) = (self.targets.clone(), Arc::clone(&self.facts));
                playing.spawn(async move {
                    let mut answers = both(&targets, &facts, &asked.case).await;
                    // One that only takes its time says the same in the end.
                    if answers
                        .as_ref()
                        .is_some_and(|answers| answers[0] != answers[1])
                    {
                        let patiently = both(&targets, &facts, &patient(&asked.case)).await;
                        if patiently.is_some_and(|answers| answers[0] == answers[1]) {
                            answers = None;
                        }
                    }
                    (asked, answers)
                });
                continue;
            }
            let Some(done) = playing.join_next().await else {
                return;
            };
            let Ok((asked, answers)) = done else { continue };
            self.compared.cases += 1;
            (self.told)(self.compared.cases, self.compared.differences.len());
            let Some(answers) = answers else { continue };
            if answers[0] != answers[1] && !self.look_into(asked, &answers).await {
                return;
            }
        }
    }

    /// Whether the comparison can go on.
    async fn look_into(&mut self, asked: Asked, answers: &[Answer; 2]) -> bool {
        let what = match &asked.about {
            Some((state, _, what)) => format!("{}: {what}", state.word()),
            None => words_of(&asked.case),
        };
        if self.compared.differences.len() >= KEPT
            || self.seen.contains(&(what.clone(), answers.clone()))
        {
            return true;
        }
        if Instant::now() >= self.limit {
            self.compared.unrepeated += 1;
            return true;
        }
        let mut last = None;
        for _ in 0..AGAIN {
            let again = both(&self.targets, &self.facts, &asked.case).await;
            match again.filter(|again| again[0] != again[1]) {
                Some(again) => last = Some(again),
                None => {
                    self.compared.unrepeated += 1;
                    return self.live().await;
                }
            }
        }
        let Some(mut answers) = last else { return true };
        let mut case = asked.case.clone();
        if asked.about.is_none() {
            (case, answers) = self.smaller(case, answers).await;
        }
        let key = match &asked.about {
            Some(_) => what.clone(),
            None => words_of(&case),
        };
        if self.seen.insert((key.clone(), answers.clone())) {
            self.seen.insert((what, answers.clone()));
            self.compared.differences.push(Difference {
                state: asked.about.as_ref().map(|about| about.0),
                class: asked.about.as_ref().map(|about| about.1),
                what: asked.about.map_or(key, |about| about.2),
                case,
                answers,
            });
        }
        self.live().await
    }

    async fn smaller(&self, mut case: Case, mut answers: [Answer; 2]) -> (Case, [Answer; 2]) {
        let mut runs = 0;
        'smaller: loop {
            for candidate in shrink::candidates(&case, &self.facts) {
                // What comes behind the last send is waited for in each.
                if !candidate.moves.last().is_some_and(is_settled) {
                    continue;
                }
                if runs >= SHRINK_RUNS || Instant::now() >= self.limit {
                    return (case, answers);
                }
                runs += 1;
                let found = both(&self.targets, &self.facts, &candidate).await;
                if let Some(found) = found.filter(|found| found[0] != found[1]) {
                    (case, answers) = (candidate, found);
                    continue 'smaller;
                }
            }
            return (case, answers);
        }
    }

    /// Whether both targets live; tells which does not.
    async fn live(&mut self) -> bool {
        let pulse = Pulse::without_request();
        for (at, target) in self.targets.iter().enumerate() {
            let health = pulse.look(target).await;
            if !matches!(health.fate, Fate::Lives | Fate::Slow) {
                self.compared.gone = Some((at, health.fate));
                return false;
            }
        }
        true
    }
}

/// A difference's case as scenario text.
///
/// # Errors
/// Never for a case that has been played.
pub fn scenario(difference: &Difference, facts: &Facts) -> Result<String, Misfit> {
    Ok(write(&difference.case, facts, &plain_head())?.text)
}

/// First every nasty input in every state, then whatever the generator makes up.
struct Cases {
    facts: Arc<Facts>,
    sweep: Vec<Asked>,
    generator: Generator,
    coverage: Coverage,
}

impl Cases {
    fn new(facts: &Arc<Facts>, seed: u64) -> Cases {
        let mut sweep = Vec::new();
        for bend in nasty::catalogue().iter().filter(|bend| !bend.heavy) {
            for state in [State::Absent, State::Greeted, State::In] {
                let acts = match state {
                    State::Absent => vec![],
                    State::Greeted => vec![Act::Greet],
                    _ => vec![Act::Greet, Act::LogIn(Spelling::Plain)],
                };
                let acts = acts.into_iter().chain([Act::Bend(bend.clone())]);
                sweep.extend(asked(acts, state, bend, facts));
            }
        }
        for bend in nasty::doors().iter().filter(|bend| !bend.heavy) {
            let acts = [Act::Knock(bend.clone())].into_iter();
            sweep.extend(asked(acts, State::Absent, bend, facts));
        }
        sweep.reverse();
        Cases {
            facts: Arc::clone(facts),
            sweep,
            generator: Generator::new(facts, seed),
            coverage: Coverage::default(),
        }
    }

    fn next(&mut self) -> Asked {
        if let Some(asked) = self.sweep.pop() {
            return asked;
        }
        loop {
            let mut case = self.generator.quick(&self.coverage);
            settle(&mut case, &self.facts);
            if let Ok(script) = write(&case, &self.facts, &plain_head()) {
                self.coverage.add(&case, &script, &[]);
                return Asked { case, about: None };
            }
        }
    }
}

/// A case about one nasty input, if it can be played.
fn asked(
    acts: impl Iterator<Item = Act>,
    state: State,
    bend: &Bend,
    facts: &Facts,
) -> Option<Asked> {
    let moves = acts.map(|act| Move { conn: Conn(0), act });
    let mut case = Case {
        moves: moves.collect(),
    };
    settle(&mut case, facts);
    write(&case, facts, &plain_head()).ok()?;
    let about = Some((state, bend.class, bend.what.clone()));
    Some(Asked { case, about })
}

/// Behind all that is sent, what comes is waited for.
fn settle(case: &mut Case, facts: &Facts) {
    let share = (facts.interval.as_secs_f64() * 1e3 * SETTLE_SHARE) as u32;
    case.moves.push(Move {
        conn: Conn(0),
        act: Act::Settle(share.min(SETTLE_MS)),
    });
}

/// The same with more time at its end.
fn patient(case: &Case) -> Case {
    let mut case = case.clone();
    for step in &mut case.moves {
        if let Act::Settle(ms) = &mut step.act {
            *ms = PATIENT_MS;
        }
    }
    case
}

fn is_settled(step: &Move) -> bool {
    matches!(step.act, Act::Settle(_))
}

/// Plays a case on both at the same time; none where one of them could not be judged for our own reasons.
async fn both(targets: &[Arc<Settings>; 2], facts: &Facts, case: &Case) -> Option<[Answer; 2]> {
    let [one, other] = targets;
    let (one, other) = tokio::join!(answer(one, facts, case), answer(other, facts, case));
    Some([one?, other?])
}

async fn answer(settings: &Settings, facts: &Facts, case: &Case) -> Option<Answer> {
    let played = play_case(settings, facts, case).await?;
    if matches!(played.ended, Ended::Error(_)) {
        return None;
    }
    let broke = match judge(&played, &settings.redactor) {
        Verdict::Fail(broken) | Verdict::CutOff(broken) => Some((broken.level, broken.rule)),
        Verdict::Pass | Verdict::Unknown(_) => None,
    };
    Some(Answer {
        conns: conns_of(&played, case),
        broke,
    })
}

/// What came on each connection: answers in any order, then the end, if the target brought it about.
fn conns_of(played: &Played, case: &Case) -> BTreeMap<String, String> {
    let left: BTreeSet<&str> = case
        .moves
        .iter()
        .filter(|step| matches!(step.act, Act::Leave(_)))
        .map(|step| step.conn.name())
        .collect();
    let mut found = BTreeMap::new();
    for name in NAMES {
        let mut came: BTreeMap<String, u32> = BTreeMap::new();
        let mut end = None;
        let received = |entry: &&Entry| entry.dir == Dir::Received && !entry.auto;
        let entries = played.transcript.iter().filter(|entry| entry.conn == name);
        let mut any = false;
        for entry in entries {
            any = true;
            if !received(&entry) {
                continue;
            }
            match word_of(entry) {
                Came::Message(what) => *came.entry(what).or_insert(0) += 1,
                Came::End(how) => _ = end.get_or_insert(how),
                Came::Nothing => {}
            }
        }
        if !any || left.contains(name) {
            continue;
        }
        let counted = came.into_iter().map(|(what, count)| match count {
            1 => what,
            count => format!("{what} x{count}"),
        });
        let mut words: Vec<String> = counted.chain(end).collect();
        // It came first.
        words.sort_by_key(|word| !word.starts_with("HELLO"));
        if words.is_empty() {
            words.push("nothing".to_owned());
        }
        found.insert(name.to_owned(), words.join(", "));
    }
    found
}

enum Came {
    Message(String),
    End(String),
    Nothing,
}

/// An entry in words that do not change from run to run.
fn word_of(entry: &Entry) -> Came {
    match entry.kind {
        EntryKind::Text => Came::Message(packet_word(&entry.text)),
        EntryKind::Raw => Came::Message(match entry.text.strip_prefix("\"HTTP/1.1 ") {
            Some(status) => format!("HTTP {}", status.trim_end_matches('"')),
            None => "bytes".to_owned(),
        }),
        EntryKind::Binary => Came::Message("bytes".to_owned()),
        EntryKind::Close => {
            let code = entry.text.split_whitespace().next().unwrap_or_default();
            Came::End(format!("close {code}").trim_end().to_owned())
        }
        EntryKind::Eof | EntryKind::Reset => Came::End("cut off".to_owned()),
        EntryKind::Ping | EntryKind::Pong | EntryKind::Connect => Came::Nothing,
    }
}

fn packet_word(text: &str) -> String {
    if text.ends_with(" bytes)") {
        // A transcript cuts it.
        return "a long message".to_owned();
    }
    let Ok(Json::Object(packet)) = serde_json::from_str::<Json>(text) else {
        return "a text that is no packet".to_owned();
    };
    match packet.get("op").and_then(Json::as_f64).map(|op| op as i64) {
        Some(0) => "HELLO".to_owned(),
        Some(3) => "HEARTBEAT_ACK".to_owned(),
        Some(5) => match packet.get("n") {
            Some(nonce) => format!("RESPONSE to {}", short(&nonce.to_string())),
            None => "RESPONSE without n".to_owned(),
        },
        Some(op) => format!("op {op}"),
        None => "a packet without op".to_owned(),
    }
}

fn short(text: &str) -> String {
    const MOST: usize = 40;
    match text.chars().nth(MOST) {
        None => text.to_owned(),
        Some(_) => text.chars().take(MOST).chain("..".chars()).collect(),
    }
}

/// What a case of the generator's does, in a few words.
fn words_of(case: &Case) -> String {
    let features = super::features::features(case);
    features.into_iter().collect::<Vec<_>>().join(", ")
}

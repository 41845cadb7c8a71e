//! Runs a suite against one target: preflight, the scenarios, the verdicts.
//!
//! [`plan()`] selects, [`run`] runs; everything that happens is told as a
//! [`RunEvent`], and what a run comes to is its [`RunOutcome`].

mod admit;
mod attach;
mod engine;
mod introduction;
mod judge;
mod known;
mod ledger;
mod opening;
mod options;
mod plan;
mod preflight;
mod revive;
#[cfg(test)]
mod sample;
mod select;
mod triage;
mod waits;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use crate::oracle::Dialect;
pub use crate::play::{Launch, Reach, Spawned, Spawning};
pub use attach::Attached;
pub use known::{Known, KnownLists, known_glob};
pub use opening::{ClientOpening, NotOpened, Opening, open, open_client};
use options::FOR_EVER;
pub use options::{Declared, Feature, Options, Readiness};
pub use plan::{Case, EXAMPLE, Plan, PlanError, plan};
pub use select::Shard;

use crate::event::{Ending, RunEvent, RunHeader};
use crate::outcome::{ScenarioResult, Summary};
use crate::play::{Budget, Guests, Lateness, Minder, NotReady, Pacer, Redactor, Settings};
use crate::wire::{Limits, Offer};
use engine::{Engine, Interrupted};
use introduction::introduction;
use judge::{Judge, ms};
use ledger::{Judged, Ledger};
use preflight::{Found, Stop, preflight};

/// What a run comes to. The exit code is made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOutcome {
    /// How it ended.
    pub ending: Ending,
    /// The counts.
    pub summary: Summary,
}

/// What is tested.
pub enum Subject {
    /// A server, and the way to it.
    Server(Reach),
    /// Clients, and where they come from.
    Client(Arc<dyn Guests>),
}

impl From<Reach> for Subject {
    fn from(reach: Reach) -> Subject {
        Subject::Server(reach)
    }
}

/// Runs a plan. `interrupt` ends it early; what has been run by then is still told.
pub async fn run(
    header: RunHeader,
    options: &Options,
    mut plan: Plan,
    subject: impl Into<Subject>,
    interrupt: impl Future<Output = ()> + Send,
    on_event: &mut (dyn FnMut(RunEvent) + Send),
) -> RunOutcome {
    let began = Instant::now();
    let options = &options.effective();
    let (lateness, _guard) = Lateness::measure();
    let (reach, guests) = match subject.into() {
        Subject::Server(reach) => (Some(reach), None),
        Subject::Client(guests) => (None, Some(guests)),
    };
    let mut settings = settings(options, reach, lateness);
    on_event(RunEvent::RunStarted {
        header: header.clone(),
    });
    let mut interrupt = pin!(interrupt);
    let mut minder = None;
    let mut found = tokio::select! {
        biased;
        () = interrupt.as_mut() => Found { stop: Some(Stop::Interrupted), ..Found::none() },
        found = look(&settings, options, guests.as_deref(), &mut minder) => found,
    };
    if options.preflight_only && found.stop.is_none() {
        // No scenario is going to say it.
        found.stop = found.left.take().map(Stop::Failed);
        found.preflight.ok = found.stop.is_none();
    }
    let interval = found.interval.unwrap_or(options.hb_interval);
    settings.interval = interval;
    let settings = Arc::new(settings);
    let judge = Judge {
        header: &header,
        redactor: &settings.redactor,
        strict: options.strict,
    };
    tell_preflight(&found, &plan, options, on_event);
    if let Some(first) = found.answered.iter().position(|answered| *answered) {
        plan.prefer(options, first);
    }
    let mut engine = Engine {
        settings: Arc::clone(&settings),
        guests: guests.clone(),
        options,
        judge,
        ledger: Ledger::new(&plan, &options.known, on_event),
        interval,
        dead: None,
        seen_alive: false,
        retry: Vec::new(),
        repeats: Vec::new(),
        pending: BTreeMap::new(),
        fruitless: 0,
        minder,
        fallen: None,
        suspects: Vec::new(),
        ended: None,
        convicted: false,
        last_words: None,
        waited: Vec::new(),
    };
    let ending = match found.stop {
        Some(Stop::CouldNotRun(why)) => Ending::CouldNotRun(why),
        Some(Stop::Interrupted) => Ending::Interrupted,
        Some(Stop::Failed(ref broken)) => {
            let why = format!("expected {}, got {}", broken.expected, broken.actual);
            let result = preflight_result(&judge, &found, broken);
            engine
                .ledger
                .result(result, "preflight", None, Vec::new(), true);
            Ending::PreflightFailed(why)
        }
        None if options.preflight_only => Ending::Complete,
        None => {
            let entries = admit::admit(&mut engine, &plan, &found, options);
            let ended = engine.run(entries, interrupt).await;
            engine.tell_unfinished();
            match ended {
                Ok(()) => Ending::Complete,
                Err(Interrupted) => Ending::Interrupted,
            }
        }
    };
    if let Some(minder) = engine.minder.take() {
        minder.end().await;
    }
    engine.compare_waits();
    if let Some(guests) = guests {
        guests.clear().await;
    }
    finish(
        &mut engine,
        &plan,
        options,
        found.preflight.ok,
        ending,
        began,
    )
}

/// Tells what the run comes to.
fn finish(
    engine: &mut Engine<'_>,
    plan: &Plan,
    options: &Options,
    preflight: bool,
    ending: Ending,
    began: Instant,
) -> RunOutcome {
    let judged = Judged {
        preflight,
        watch: ending == Ending::Complete
            && !options.preflight_only
            && engine.dead.is_none()
            && plan.is_whole(),
    };
    let allowed = |rule: &str| {
        options
            .allow_untested
            .iter()
            .any(|glob| glob.is_match(rule))
    };
    let end = engine.ledger.finish(judged, allowed);
    let duration_ms = ms(began.elapsed());
    let mut summary = end.summary;
    let failed = matches!(ending, Ending::PreflightFailed(_));
    if failed && summary.fail == 0 && !options.preflight_only {
        // A list excuses the failure; that nothing else was judged it does not excuse.
        let rules = plan.must_rules();
        summary.untested = rules.filter(|rule| !allowed(rule)).collect();
    }
    engine.ledger.tell(RunEvent::RunFinished {
        ending: ending.clone(),
        duration_ms,
        rules: end.rules,
        summary: summary.clone(),
        known: end.known,
    });
    RunOutcome { ending, summary }
}

fn settings(options: &Options, reach: Option<Reach>, lateness: Arc<Lateness>) -> Settings {
    let secrets = [("password".to_owned(), options.password.clone())]
        .into_iter()
        .chain(options.secrets.clone());
    Settings {
        reach,
        offer: Offer {
            headers: options.headers.clone(),
            subprotocols: options.subprotocols.clone(),
        },
        trace_header: options.trace_header,
        limits: Limits::default(),
        password: options.password.clone(),
        redactor: Arc::new(Redactor::new(secrets)),
        dialect: options.dialect,
        answers: Arc::new(options.answers.clone()),
        answer_within: if options.debug {
            FOR_EVER
        } else {
            options.answer_within
        },
        grace: options.grace,
        interval: options.hb_interval,
        pacer: options.connect_rate.map(|rate| Arc::new(Pacer::new(rate))),
        budget: Arc::new(Budget::default()),
        lateness,
        seed: options.seed,
        jitter: None,
        patient: options.debug,
        gate: options.gate.clone(),
    }
}

/// Starts the target, where the run does that, and looks at it.
async fn look(
    settings: &Settings,
    options: &Options,
    guests: Option<&dyn Guests>,
    minder: &mut Option<Minder>,
) -> Found {
    if let Some(guests) = guests {
        return introduction(settings, options, guests).await;
    }
    if let Some(launch) = &options.launch {
        match Minder::start(launch, settings).await {
            Ok(started) => *minder = Some(started),
            Err(NotReady { why, lines }) => {
                let mut found = Found::none();
                found.stop = Some(Stop::CouldNotRun(settings.redactor.redact(&why)));
                found.preflight.target_output = lines;
                return found;
            }
        }
    }
    preflight(settings, options).await
}

fn tell_preflight(
    found: &Found,
    plan: &Plan,
    options: &Options,
    on_event: &mut (dyn FnMut(RunEvent) + Send),
) {
    let interval = found.interval.unwrap_or_default();
    let needs = plan
        .cases
        .iter()
        .map(|case| case.need(interval, options.grace));
    let longest = needs
        .filter(|need| *need <= options.max_wait)
        .max()
        .unwrap_or_default();
    on_event(RunEvent::PreflightFinished {
        preflight: found.preflight.clone(),
        hb_interval_ms: found.interval.map(millis),
        longest_wait_ms: millis(longest),
        planned: u32::try_from(plan.cases.len()).unwrap_or(u32::MAX),
    });
}

/// Milliseconds of a length of time, as many as fit.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The preflight's failure as a result, so that every report shows it.
fn preflight_result(
    judge: &Judge<'_>,
    found: &Found,
    broken: &crate::play::Broken,
) -> ScenarioResult {
    ScenarioResult {
        id: "preflight".to_owned(),
        title: "The target gets through upgrade, HELLO, HELLO_ACK and heartbeat".to_owned(),
        rules: vec![broken.rule.clone()],
        level: broken.level,
        verdict: judge.broken_verdict(broken.level),
        reason: None,
        blocked_by: None,
        expected: None,
        duration_ms: ms(found.took),
        attempts: 1,
        triage: None,
        observed: None,
        notes: Vec::new(),
        failure: Some(judge.failure("preflight", broken)),
        transcript: found.transcript.clone(),
    }
}

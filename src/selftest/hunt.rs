//! The fuzzer against a member of the zoo, in memory and on virtual time: does it find what is wrong,
//! and nothing where nothing is?

mod client;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;

use super::examine::{config, server_options};
use crate::fuzzer::campaign::{self, Ending, Outcome, Reviver, Terms};
use crate::fuzzer::dispatches;
use crate::fuzzer::script::Facts;
use crate::runner::{self, Declared, NotOpened, Reach};
use crate::wire::Dial;
use crate::wire::memory::{self, MemoryDial};
use crate::wire::stream::Dialing;
use crate::wire::target::Target;
use crate::zoo::Peer;
use crate::zoo::keeper::Keeper;
use crate::zoo::server::Member;

pub use self::client::hunt_client;

/// Cases a (virtual) second: fewer than could be, so that timers have their time between them.
const RATE: f64 = 100.0;

/// What a campaign against one member came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hunt {
    /// The member's name.
    pub member: String,
    /// The rule that it breaks; none for a right one.
    pub rule: Option<String>,
    /// What was found.
    pub found: Option<Found>,
    /// What ended the campaign before it began, or early.
    pub ended: Option<String>,
    /// Cases that were played.
    pub cases: u64,
    /// Failures that did not come again alone.
    pub unrepeated: u64,
}

/// The first find.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// The rule that it names.
    pub rule: String,
    /// Cases until it was seen.
    pub case: u64,
    /// Virtual time until it was seen, in milliseconds.
    pub after_ms: u64,
    /// Steps of its scenario.
    pub steps: usize,
    /// The scenario.
    pub scenario: String,
}

/// What hunts are made with.
#[derive(Clone, Copy, Debug)]
pub struct HuntTerms {
    /// The heartbeat interval of the members.
    pub interval: Duration,
    /// Cases against one member at most.
    pub cases: u64,
    /// Virtual time against one member at most.
    pub time: Duration,
    /// Members at once, at least 1.
    pub jobs: usize,
}

/// These members, each hunted for itself; in the order of the members.
/// `on_done` is told how many are done.
pub fn all(members: &[Peer], terms: HuntTerms, on_done: impl Fn(usize) + Sync) -> Vec<Hunt> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..terms.jobs.max(1) {
            scope.spawn(|| {
                while let Some(member) = members.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let hunt = match *member {
                        Peer::Server(member) => hunt(member, terms),
                        Peer::Client(member) => hunt_client(member, terms),
                    };
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push(hunt);
                    on_done(done.len());
                }
            });
        }
    });
    let mut hunts = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let place = |hunt: &Hunt| {
        members
            .iter()
            .position(|member| member.name() == hunt.member)
    };
    hunts.sort_by_key(place);
    hunts
}

/// Hunts in a runtime of its own whose clock is virtual: at most so many cases, or so much virtual time.
pub fn hunt(member: &'static Member, terms: HuntTerms) -> Hunt {
    let mut hunt = Hunt::new(member.name, member.rule);
    on_virtual_time(&mut hunt, |hunt| {
        Box::pin(campaign_against(member, terms, hunt))
    });
    hunt
}

/// Runs a campaign in a runtime whose clock is virtual.
fn on_virtual_time(
    hunt: &mut Hunt,
    campaign: impl FnOnce(&mut Hunt) -> Pin<Box<dyn Future<Output = ()> + '_>>,
) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(campaign(hunt)),
        Err(error) => hunt.ended = Some(format!("no runtime: {error}")),
    }
}

impl Hunt {
    fn new(member: &str, rule: Option<&str>) -> Hunt {
        Hunt {
            member: member.to_owned(),
            rule: rule.map(str::to_owned),
            found: None,
            ended: None,
            cases: 0,
            unrepeated: 0,
        }
    }

    /// What a campaign came to.
    fn came_to(&mut self, outcome: Outcome) {
        self.cases = outcome.progress.cases;
        self.unrepeated = outcome.progress.unrepeated;
        if let Ending::TargetGone(why) = outcome.ending {
            self.ended = Some(why);
        }
        self.found = outcome.finds.first().map(|find| {
            let scenario = find.scenario();
            Found {
                rule: find.broken.rule.clone(),
                case: find.cases,
                after_ms: u64::try_from(find.after.as_millis()).unwrap_or(u64::MAX),
                steps: steps(&scenario),
                scenario,
            }
        });
    }
}

async fn campaign_against(member: &'static Member, hunted: HuntTerms, hunt: &mut Hunt) {
    let target = match Target::parse("ws://memory/") {
        Ok(target) => target,
        Err(error) => {
            hunt.ended = Some(error.to_string());
            return;
        }
    };
    let mut house = House::new(member, hunted.interval);
    let reach = Reach {
        target,
        dial: Arc::new(house.door.clone()),
    };
    let options = server_options(&[], member.asks);
    let opening = match runner::open(&options, reach).await {
        Ok(opening) => opening,
        Err(NotOpened::CouldNotRun(why, _) | NotOpened::Failed(why)) => {
            hunt.ended = Some(why);
            return;
        }
    };
    let spelled = |declared: &Declared| (format!("\"{}\"", declared.w), declared.a.clone());
    let was = opening.answered.iter().position(|answered| *answered);
    let mut facts = Facts {
        requests: options.requests.iter().map(spelled).collect(),
        dispatch: ("\"ANYTHING\"".to_owned(), "[]".to_owned()),
        answered: was.unwrap_or(options.requests.len()),
        dialect: opening.settings.dialect,
        takes_dispatches: true,
        interval: opening.interval,
        answer_within: options.answer_within,
    };
    facts.takes_dispatches = dispatches::takes_dispatches(&opening.settings, &facts).await;
    let terms = Terms {
        cases: Some(hunted.cases),
        time: hunted.time,
        rate: Some(RATE),
        first: true,
        ..Terms::default()
    };
    let never = std::future::pending();
    let settings = opening.settings.clone();
    let outcome = campaign::run(
        settings,
        &facts,
        &terms,
        Some(&mut house),
        never,
        &mut |_| {},
    )
    .await;
    hunt.came_to(outcome);
}

/// Lines of a scenario that do something.
fn steps(scenario: &str) -> usize {
    let body = scenario.split_once("\n\n").map_or("", |(_, body)| body);
    let lines = body.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .count()
}

/// A member that is put up again when it has died.
struct House {
    member: &'static Member,
    interval: Duration,
    door: Door,
    serving: JoinHandle<()>,
}

/// The way to whoever lives there now.
#[derive(Clone)]
struct Door(Arc<Mutex<MemoryDial>>);

impl Dial for Door {
    fn dial(&self) -> Dialing<'_> {
        let dial = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Box::pin(async move { dial.dial().await })
    }
}

impl House {
    fn new(member: &'static Member, interval: Duration) -> House {
        let (dial, serving) = put_up(member, interval);
        House {
            member,
            interval,
            door: Door(Arc::new(Mutex::new(dial))),
            serving,
        }
    }
}

fn put_up(member: &'static Member, interval: Duration) -> (MemoryDial, JoinHandle<()>) {
    let (dial, listener) = memory::listen();
    let keeper = Keeper::new(member, config(interval));
    (
        dial,
        tokio::spawn(async move { keeper.serve(listener).await }),
    )
}

impl Reviver for House {
    fn revive(&mut self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        self.serving.abort();
        let (dial, serving) = put_up(self.member, self.interval);
        self.serving = serving;
        *self.door.0.lock().unwrap_or_else(PoisonError::into_inner) = dial;
        Box::pin(std::future::ready(Ok(())))
    }
}

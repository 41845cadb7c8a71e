//! Cases being played: each in a task of its own, so that waits run beside one another.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::moves::Case;
use super::script::{Facts, Head, Script, write};
use crate::play::{self, Ended, Played, Settings};
use crate::scenario::syntax::{Origin, Source};
use crate::scenario::values::Env;
use crate::scenario::{self, Scenario};

/// Beyond what its lines wait for, a case may take so long.
const SLACK: Duration = Duration::from_secs(30);

/// A case that has been played.
pub(super) struct Done {
    pub(super) number: u64,
    pub(super) case: Case,
    pub(super) script: Script,
    pub(super) played: Played,
    pub(super) ended: Instant,
}

/// Cases being played.
#[derive(Default)]
pub(super) struct Lanes {
    tasks: JoinSet<Done>,
    /// What is being played, by number.
    running: Vec<(u64, Case)>,
}

impl Lanes {
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Begins to play a case.
    pub(super) fn start(
        &mut self,
        number: u64,
        case: Case,
        script: Script,
        settings: Arc<Settings>,
    ) {
        self.running.push((number, case.clone()));
        self.tasks.spawn(async move {
            let played = play_text(&settings, script.text.clone()).await;
            Done {
                number,
                case,
                script,
                played,
                ended: Instant::now(),
            }
        });
    }

    /// The next case that is over; never where none is played.
    pub(super) async fn next(&mut self) -> Done {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(done)) => {
                    self.running.retain(|(number, _)| *number != done.number);
                    return done;
                }
                // One that was ended from outside.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Ends all that is played, and gives it.
    pub(super) async fn abort(&mut self) -> Vec<Case> {
        self.tasks.shutdown().await;
        std::mem::take(&mut self.running)
            .into_iter()
            .map(|(_, case)| case)
            .collect()
    }
}

/// The head of a case as it is played: every line of it names its rule.
pub(super) fn plain_head() -> Head {
    Head {
        comments: Vec::new(),
        title: "A case".to_owned(),
        rule: "robust.isolation".to_owned(),
    }
}

/// Plays a case alone.
pub(super) async fn play_case(settings: &Settings, facts: &Facts, case: &Case) -> Option<Played> {
    let script = write(case, facts, &plain_head()).ok()?;
    Some(play_text(settings, script.text).await)
}

/// Plays a scenario's text.
pub(super) async fn play_text(settings: &Settings, text: String) -> Played {
    let source = source_of("case", text);
    let scenario = match scenario::parse("fuzz", source) {
        Ok(scenario) => Arc::new(scenario),
        Err(error) => {
            let error = format!("the case is no scenario: {error}");
            return Played::not_played(Ended::Error(error));
        }
    };
    let env = Env::new(&settings.password);
    let limit = scenario.need(settings.interval, settings.grace) + settings.answer_within + SLACK;
    play::run(settings, "fuzz", &scenario, env, limit).await
}

pub(super) fn source_of(name: &str, text: String) -> Arc<Source> {
    Arc::new(Source {
        path: name.to_owned(),
        origin: Origin::Embedded,
        text,
    })
}

/// A scenario of our own making.
pub(super) fn scenario_of(name: &str, text: String) -> Arc<Scenario> {
    let scenario = scenario::parse(name, source_of(name, text));
    // It is made of constants and of JSON that has been parsed; a test plays it.
    Arc::new(scenario.expect("a scenario of our own making parses"))
}

//! `--replay DIR`: plays finds again, and says which are fixed.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::keep::scenarios;
use crate::cli::exit::{Exit, Stop};
use crate::cli::screen::Stdout;
use crate::fuzzer::verdict::{Verdict, judge};
use crate::play::{self, Played, Settings};
use crate::protocol::rules::Level;
use crate::report::escape::terminal;
use crate::runner::Opening;
use crate::scenario::values::Env;
use crate::scenario::{self, Scenario};

/// Beyond what its lines wait for, a scenario may take so long.
const SLACK: Duration = Duration::from_secs(60);

/// A find read from its file.
pub(in crate::cli) struct Read {
    path: PathBuf,
    scenarios: Vec<Arc<Scenario>>,
}

/// Reads the scenarios of a folder; there must be some.
pub(in crate::cli) fn read(folder: &Path) -> Result<Vec<Read>, Stop> {
    let shown = folder.display();
    let paths = scenarios(folder)
        .map_err(|error| Stop::usage(format!("cannot read --replay {shown}: {error}")))?;
    if paths.is_empty() {
        return Err(Stop::usage(format!("there is no scenario in {shown}")));
    }
    let mut found = Vec::new();
    for path in paths {
        let scenarios = scenario::load(&path)
            .map_err(|error| Stop::bad_input(error.render(false)))?
            .into_iter()
            .map(Arc::new)
            .collect();
        found.push(Read { path, scenarios });
    }
    Ok(found)
}

/// Plays scenarios against a target.
pub(in crate::cli) trait Stage {
    /// Plays one, and makes the target ready for the next.
    fn play<'a>(&'a mut self, scenario: &'a Arc<Scenario>) -> Playing<'a>;
}

/// A scenario being played: what it comes to.
pub(in crate::cli) type Playing<'a> =
    Pin<Box<dyn Future<Output = Result<Verdict, Stop>> + Send + 'a>>;

/// A server.
pub(in crate::cli) struct Served(pub(in crate::cli) Opening);

impl Stage for Served {
    fn play<'a>(&'a mut self, scenario: &'a Arc<Scenario>) -> Playing<'a> {
        Box::pin(async move {
            let Opening {
                settings, minder, ..
            } = &mut self.0;
            let played = played(settings, scenario).await;
            let patience = Duration::from_millis(200);
            if let Some(minder) = minder
                && minder.ended_within(patience).await.is_some()
            {
                let again = minder.restart(settings).await;
                again.map_err(|why| Stop::new(Exit::CouldNotRun, why))?;
            }
            Ok(judge(&played, &settings.redactor))
        })
    }
}

impl Served {
    /// Ends a server that was started.
    pub(in crate::cli) async fn end(self) {
        if let Some(minder) = self.0.minder {
            minder.end().await;
        }
    }
}

/// Plays them all, one by one, and says what became of each.
pub(in crate::cli) async fn run(
    stage: &mut dyn Stage,
    files: &[Read],
    strict: bool,
    mut out: Stdout,
) -> Result<Exit, Stop> {
    let mut lines = Vec::new();
    let mut failing = 0;
    for file in files {
        let name = terminal(&file.path.display().to_string()).into_owned();
        let mut state = "FIXED         ".to_owned();
        for scenario in &file.scenarios {
            match stage.play(scenario).await? {
                Verdict::Fail(broken) | Verdict::CutOff(broken) => {
                    failing += u32::from(strict || broken.level == Level::Must);
                    let actual = terminal(&broken.actual).into_owned();
                    state = "STILL FAILING ".to_owned();
                    lines.push(format!("{state} {name}: {}: {actual}", broken.rule));
                }
                Verdict::Unknown(why) => {
                    state = "UNKNOWN       ".to_owned();
                    lines.push(format!("{state} {name}: {}", terminal(&why)));
                }
                Verdict::Pass => {}
            }
        }
        if state.starts_with("FIXED") {
            lines.push(format!("{state} {name}"));
        }
    }
    let count = files.len();
    let headline = match failing {
        0 => format!("none of {count} finds fails any more\n"),
        _ => format!("{failing} of {count} finds still fail\n"),
    };
    out.write(&format!("{headline}{}\n", lines.join("\n")))?;
    Ok(if failing > 0 {
        Exit::Failure
    } else {
        Exit::Success
    })
}

async fn played(settings: &Settings, scenario: &Arc<Scenario>) -> Played {
    let env = Env::new(&settings.password);
    let limit = scenario.need(settings.interval, settings.grace) + SLACK;
    play::run(settings, &scenario.id, scenario, env, limit).await
}

//! `--replay DIR`: plays finds again, and says which are fixed.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::args::Format;
use super::keep::scenarios;
use crate::cli::exit::{Exit, Stop};
use crate::cli::screen::Stdout;
use crate::event::Tool;
use crate::fuzzer::verdict::{Verdict, judge};
use crate::play::{self, Broken, Played, Settings};
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
    /// Each is played so often, unless it fails sooner.
    tries: u32,
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
        // What has been loaded is readable.
        let tries = std::fs::read_to_string(&path).map_or(1, |text| tries(&text));
        found.push(Read {
            path,
            scenarios,
            tries,
        });
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

/// What became of a find.
struct Replayed<'a> {
    path: &'a Path,
    verdict: Verdict,
}

impl Replayed<'_> {
    fn state(&self) -> &'static str {
        match self.verdict {
            Verdict::Pass => "FIXED",
            Verdict::Fail(_) | Verdict::CutOff(_) => "STILL FAILING",
            Verdict::Unknown(_) => "UNKNOWN",
        }
    }

    fn broken(&self) -> Option<&Broken> {
        match &self.verdict {
            Verdict::Fail(broken) | Verdict::CutOff(broken) => Some(broken),
            Verdict::Pass | Verdict::Unknown(_) => None,
        }
    }

    fn fails(&self, strict: bool) -> bool {
        let fails = |broken: &Broken| strict || broken.level == Level::Must;
        self.broken().is_some_and(fails)
    }

    fn line(&self) -> String {
        let name = self.path.display().to_string();
        let (state, name) = (self.state(), terminal(&name));
        match &self.verdict {
            Verdict::Pass => format!("{state:13} {name}"),
            Verdict::Unknown(why) => format!("{state:13} {name}: {}", terminal(why)),
            Verdict::Fail(broken) | Verdict::CutOff(broken) => {
                let actual = terminal(&broken.actual);
                format!("{state:13} {name}: {}: {actual}", broken.rule)
            }
        }
    }

    fn json(&self) -> Value {
        let why = match &self.verdict {
            Verdict::Unknown(why) => Some(why),
            _ => None,
        };
        json!({
            "file": self.path.display().to_string(),
            "state": self.state().to_lowercase().replace(' ', "_"),
            "rule": self.broken().map(|broken| &broken.rule),
            "level": self.broken().map(|broken| broken.level),
            "expected": self.broken().map(|broken| &broken.expected),
            "actual": self.broken().map(|broken| &broken.actual),
            "reason": why,
        })
    }
}

/// Plays them all, one by one, and says what became of each.
pub(in crate::cli) async fn run(
    stage: &mut dyn Stage,
    files: &[Read],
    strict: bool,
    format: Format,
    mut out: Stdout,
) -> Result<Exit, Stop> {
    let mut all = Vec::new();
    for file in files {
        let (path, verdict) = (file.path.as_path(), file.verdict(stage).await?);
        all.push(Replayed { path, verdict });
    }
    let failing = all.iter().filter(|find| find.fails(strict)).count();
    let warning = all.iter().filter(|find| find.broken().is_some()).count() - failing;
    out.write(&match format {
        Format::Human => {
            let count = all.len();
            let still = failing + warning;
            let warnings = match warning {
                0 => String::new(),
                _ => format!(", {warning} of them a warning (--strict makes it a failure)"),
            };
            let headline = match still {
                0 => format!("none of {count} finds fails any more\n"),
                _ => format!("{still} of {count} finds still fail{warnings}\n"),
            };
            let lines: Vec<String> = all.iter().map(Replayed::line).collect();
            format!("{headline}{}\n", lines.join("\n"))
        }
        Format::Json => {
            let finds: Vec<Value> = all.iter().map(Replayed::json).collect();
            let report = json!({
                "schema_version": 1,
                "tool": Tool::this(),
                "replayed": finds,
                "still_failing": failing,
                "still_warning": warning,
            });
            format!("{report:#}\n")
        }
    })?;
    Ok(if failing > 0 {
        Exit::Failure
    } else {
        Exit::Success
    })
}

impl Read {
    /// The worst of what its scenarios come to. What failed now and then when it was found is played often
    /// enough to show it again.
    async fn verdict(&self, stage: &mut dyn Stage) -> Result<Verdict, Stop> {
        let mut worst = Verdict::Pass;
        for scenario in &self.scenarios {
            for _ in 0..self.tries {
                let verdict = stage.play(scenario).await?;
                match verdict {
                    Verdict::Pass => {}
                    Verdict::Unknown(_) if worst != Verdict::Pass => {}
                    Verdict::Unknown(_) => worst = verdict,
                    Verdict::Fail(_) | Verdict::CutOff(_) => return Ok(verdict),
                }
            }
        }
        Ok(worst)
    }
}

/// How often a find has to be played before it counts as fixed: by the rate that its head tells.
fn tries(text: &str) -> u32 {
    const MOST: u32 = 100;
    let rate = text.lines().find_map(|line| {
        let (_, rate) = line.strip_prefix('#')?.split_once("; failed in ")?;
        let (failed, of) = rate.strip_suffix(" runs.")?.split_once(" of ")?;
        Some((failed.parse::<u32>().ok()?, of.parse::<u32>().ok()?))
    });
    match rate {
        // A chance of one in n is missed by 4 n tries once in fifty times.
        Some((failed, of)) if (1..of).contains(&failed) => (4 * of).div_ceil(failed).min(MOST),
        _ => 1,
    }
}

async fn played(settings: &Settings, scenario: &Arc<Scenario>) -> Played {
    let env = Env::new(&settings.password);
    let limit = scenario.need(settings.interval, settings.grace) + SLACK;
    play::run(settings, &scenario.id, scenario, env, limit).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_now_and_then_is_tried_more_often() {
        let head = |rate: &str| {
            format!(
                "# Found by litespec 1 fuzz: seed 1, case 2, after 3.0 s; failed in {rate} runs.\ntitle  t\n"
            )
        };
        assert_eq!(tries(&head("3 of 3")), 1);
        assert_eq!(tries(&head("1 of 3")), 12);
        assert_eq!(tries(&head("1 of 4000")), 100);
        assert_eq!(tries(&head("0 of 3")), 1);
        assert_eq!(tries("title  t\n"), 1);
    }
}

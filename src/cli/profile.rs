//! `litespec profile`: what a server does where the protocol's text leaves a choice.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::exit::{Exit, Stop};
use super::options::CheckArgs;
use super::progress::Progress;
use super::run::{Line, Ready};
use super::screen::{Stdout, say};
use super::{Globals, files, logs};
use crate::event::Ending;
use crate::protocol::rules::{self, Level};
use crate::report::{Record, profile};
use crate::scenario::Scenario;

pub(super) const EXAMPLES: &str = "\
Examples:
  litespec profile ws://127.0.0.1:10101/ --request 'ECHO [1, 2]' > mine.json
  litespec profile --reference --format human
  litespec profile ws://localhost:9001/ --label staging --output staging.json
  litespec diff mine.json staging.json

Nothing in a profile is right or wrong: the exit code is 0 once the server could be asked.";

/// Arguments of `litespec profile`.
#[derive(Args)]
pub(super) struct ProfileArgs {
    #[command(flatten)]
    pub(super) run: CheckArgs,
    /// What is written: the profile for `litespec diff`, or one for people
    #[arg(long, value_enum, default_value = "json", help_heading = "Reports")]
    format: Format,
    /// Write it to a file instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Reports")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    Markdown,
}

pub(super) fn run(globals: &Globals, args: &ProfileArgs, line: &Line<'_>) -> Result<Exit, Stop> {
    if let Some(path) = &args.output {
        files::check_writable(path)
            .map_err(|error| Stop::usage(format!("cannot write to {}: {error}", path.display())))?;
    }
    let ready = Ready::new(&args.run, line, is_probe)?;
    let mut record = Record::new(ready.header().clone());
    let mut progress = Progress::new(!globals.quiet && !logs::busy(globals), false);
    let outcome = ready.go(&mut |event| {
        record.take(&event);
        progress.take(&event);
    })?;
    progress.clear();
    match &outcome.ending {
        Ending::CouldNotRun(why) => return Err(Stop::new(Exit::CouldNotRun, why.clone())),
        Ending::PreflightFailed(why) => {
            return Err(
                Stop::new(Exit::Failure, format!("the preflight failed: {why}"))
                    .hint("litespec check says more"),
            );
        }
        Ending::Complete | Ending::Interrupted => {}
    }
    write(globals, args, &profile::profile(&record))?;
    Ok(match outcome.ending {
        Ending::Interrupted => Exit::Interrupted,
        _ => Exit::Success,
    })
}

fn is_probe(scenario: &Scenario) -> bool {
    scenario
        .rules()
        .first()
        .and_then(|rule| rules::find(rule))
        .is_some_and(|rule| rule.level == Level::Open)
}

fn write(globals: &Globals, args: &ProfileArgs, profile: &profile::Profile) -> Result<(), Stop> {
    let text = match args.format {
        Format::Human => profile.human(),
        Format::Markdown => profile.markdown(),
        Format::Json => profile
            .json()
            .map_err(|error| Stop::usage(format!("cannot write the profile as JSON: {error}")))?,
    };
    let Some(path) = &args.output else {
        return Stdout::new(globals.color).write(&text);
    };
    files::write(path, text.as_bytes())
        .map_err(|error| Stop::usage(format!("cannot write {}: {error}", path.display())))?;
    if !globals.quiet {
        say(&profile.headline());
    }
    Ok(())
}

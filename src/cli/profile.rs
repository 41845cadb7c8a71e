//! `litespec profile` and `profile-client`: what a server or a client does where the protocol's text leaves a choice.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::check_client::CheckClientArgs;
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

pub(super) const CLIENT_EXAMPLES: &str = "\
{url} and {password} in CMD are filled in; LITESPEC_URL and LITESPEC_PASSWORD are in its environment.

Examples:
  litespec profile-client -- ./my-client '{url}' > mine.json
  litespec profile-client --format human -- litespec client '{url}'
  litespec diff mine.json other.json

Nothing in a profile is right or wrong: the exit code is 0 once the client could be watched.";

/// Arguments of `litespec profile`.
#[derive(Args)]
pub(super) struct ProfileArgs {
    #[command(flatten)]
    pub(super) run: CheckArgs,
    #[command(flatten)]
    written: WrittenArgs,
}

/// Arguments of `litespec profile-client`.
#[derive(Args)]
pub(super) struct ProfileClientArgs {
    #[command(flatten)]
    pub(super) run: CheckClientArgs,
    #[command(flatten)]
    written: WrittenArgs,
}

/// What becomes of a profile.
#[derive(Args)]
struct WrittenArgs {
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
    args.written.check()?;
    let ready = Ready::new(&args.run, line, is_probe)?;
    args.written.record(globals, ready, "check")
}

pub(super) fn run_client(
    globals: &Globals,
    args: &ProfileClientArgs,
    line: &Line<'_>,
) -> Result<Exit, Stop> {
    args.written.check()?;
    let ready = args.run.ready(line, is_probe)?;
    args.written.record(globals, ready, "check-client")
}

impl WrittenArgs {
    /// Whether it can be written, before anything is run.
    fn check(&self) -> Result<(), Stop> {
        let Some(path) = &self.output else {
            return Ok(());
        };
        files::check_writable(path)
            .map_err(|error| Stop::usage(format!("cannot write to {}: {error}", path.display())))
    }

    /// Runs the probes and writes what they saw. `says_more` is the subcommand that shows why a
    /// preflight failed.
    fn record(&self, globals: &Globals, ready: Ready, says_more: &str) -> Result<Exit, Stop> {
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
                        .hint(format!("litespec {says_more} says more")),
                );
            }
            Ending::Complete | Ending::Interrupted => {}
        }
        self.write(globals, &profile::profile(&record))?;
        Ok(match outcome.ending {
            Ending::Interrupted => Exit::Interrupted,
            _ => Exit::Success,
        })
    }

    fn write(&self, globals: &Globals, profile: &profile::Profile) -> Result<(), Stop> {
        let text = match self.format {
            Format::Human => profile.human(),
            Format::Markdown => profile.markdown(),
            Format::Json => profile.json().map_err(|error| {
                Stop::usage(format!("cannot write the profile as JSON: {error}"))
            })?,
        };
        let Some(path) = &self.output else {
            return Stdout::new(globals.color).write(&text);
        };
        files::write(path, text.as_bytes())
            .map_err(|error| Stop::usage(format!("cannot write {}: {error}", path.display())))?;
        if !globals.quiet {
            say(&profile.headline());
        }
        Ok(())
    }
}

fn is_probe(scenario: &Scenario) -> bool {
    scenario
        .rules()
        .first()
        .and_then(|rule| rules::find(rule))
        .is_some_and(|rule| rule.level == Level::Open)
}

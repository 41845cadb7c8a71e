//! `litespec check`: tests a server.

use clap::Args;

use super::Globals;
use super::exit::{Exit, Stop};
use super::options::{CheckArgs, OutputArgs};
use super::output::Output;
use super::run::{Line, Ready};
use super::suite::SuiteArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  litespec check ws://127.0.0.1:10101/ --request 'ECHO [1, 2]'
  litespec check --reference --hb-interval 400ms
  litespec check --reference --defect nonce-int32       see what a failure looks like
  litespec check ws://localhost:9001/ --request 'ECHO []' -- ./my-server --port 9001
  litespec check ws://localhost:9001/ --filter 'server/auth/*' --filter '!*nfd*'
  litespec check ws://localhost:9001/ --scenario my.scenario --only-own --var 'user=\"bob\"'
  litespec check ws://localhost:9001/ --dialect bidirectional --answer 'WHO \"me\"'
  litespec check ws://localhost:9001/ --format jsonl --report json=report.json
  LITESPEC_TARGET=ws://localhost:9001/ LITESPEC_PASSWORD=secret litespec check --strict

Every option can also be set by a variable (LITESPEC_ANSWER_WITHIN=10s) or in litespec.toml
(answer-within = \"10s\"); the command line comes first, then the variable, then the file.";

/// Arguments of `litespec check`.
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) run: CheckArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(globals: &Globals, args: &Check, line: &Line<'_>) -> Result<Exit, Stop> {
    let ready = Ready::new(&args.run, line, |_| true)?;
    tell(globals, &args.run.suite, &args.output, ready)
}

/// Runs, and shows what comes of it.
pub(super) fn tell(
    globals: &Globals,
    suite: &SuiteArgs,
    outputs: &OutputArgs,
    ready: Ready,
) -> Result<Exit, Stop> {
    let rewriter = ready.rewriter(suite)?;
    Output::check(outputs)?;
    let mut output = Output::new(globals, outputs, ready.header(), suite.refine.step);
    let outcome = ready.go(&mut |event| output.take(&event))?;
    let exit = Exit::of(&outcome.ending, &outcome.summary);
    let written = match rewriter {
        Some(rewriter) if outcome.ending.tells_failures() => rewriter.write(output.record()),
        _ => Ok(()),
    };
    match output.finish().and(written) {
        Ok(()) => Ok(exit),
        // The verdict comes first; but a run whose report is missing is not green.
        Err(stop) if exit == Exit::Success => Err(stop),
        Err(stop) => Err(Stop { exit, ..stop }),
    }
}

//! `litespec selftest`: the suite against the zoo.

mod hunt;

use std::io::IsTerminal;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Globals;
use super::exit::{Exit, Stop};
use super::near::{did_you_mean, near};
use super::peers::time;
use super::screen::{Stdout, say};
use crate::selftest::human::{self, Telling};
use crate::selftest::{self, Matrix, SelftestError};
use crate::zoo;

pub(super) const EXAMPLES: &str = "\
The zoo is a server or a client for each of many defects, and right ones that look different. Every
scenario runs against all of them, in memory and on virtual time. The first line says what came of it; then
come survivors (defects that no scenario caught), alarms (verdicts that their target does not
deserve), idle scenarios (which catch nothing), and the whole matrix. -v names all that caught a
defect.

Examples:
  litespec selftest
  litespec selftest --defect 'nonce-*' -v
  litespec selftest --filter 'server/auth/*' --format json
  litespec selftest --fuzz --defect 'password-*'

Exit codes: 0 clean, 1 a survivor, an alarm or an idle scenario, 2 usage.";

/// Arguments of `litespec selftest`.
#[derive(Args, Debug)]
pub(super) struct SelftestArgs {
    /// Only members of the zoo (defects and right variants) whose name matches (repeatable)
    #[arg(long, value_name = "GLOB")]
    defect: Vec<String>,
    /// Only scenarios whose id matches; !GLOB leaves some out (repeatable)
    #[arg(long, value_name = "GLOB")]
    filter: Vec<String>,
    /// Heartbeat interval of the servers, and of a HELLO to the clients
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    hb_interval: Duration,
    /// How many members at once [default: one a processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Instead of the suite: the fuzzer against each client, and each server that speaks the text's own dialect
    #[arg(long)]
    fuzz: bool,
    /// With --fuzz: cases against one of them at most
    #[arg(long, value_name = "N", default_value = "2000", requires = "fuzz")]
    cases: u64,
    /// How the matrix is told
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

pub(super) fn run(globals: &Globals, args: &SelftestArgs) -> Result<Exit, Stop> {
    let defaults = selftest::Options::default();
    let options = selftest::Options {
        members: args.defect.clone(),
        filters: args.filter.clone(),
        interval: args.hb_interval,
        jobs: args.jobs.map_or(defaults.jobs, usize::from),
        ..defaults
    };
    let watched = std::io::stderr().is_terminal() && !globals.quiet;
    if args.fuzz {
        return hunt::run(globals, args.cases, &options, args.format == Format::Json);
    }
    let matrix = selftest::run(&options, |done, all| {
        if watched && (done == all || done % 20 == 0) {
            say(&format!("{done} of {all} peers examined"));
        }
    });
    let matrix = matrix.map_err(stopped)?;
    let mut out = Stdout::new(globals.color);
    let text = match args.format {
        Format::Human if globals.quiet => human::headline(&matrix) + "\n",
        Format::Human => human::text(
            &matrix,
            Telling {
                color: out.color(),
                full: globals.verbose > 0,
            },
        ),
        Format::Json => json(&matrix)?,
    };
    out.write(&text)?;
    Ok(match matrix.summary.clean() {
        true => Exit::Success,
        false => Exit::Failure,
    })
}

fn json(matrix: &Matrix) -> Result<String, Stop> {
    match serde_json::to_string_pretty(matrix) {
        Ok(text) => Ok(text + "\n"),
        Err(error) => Err(Stop::usage(format!(
            "cannot write the matrix as JSON: {error}"
        ))),
    }
}

pub(super) fn stopped(error: SelftestError) -> Stop {
    let stop = Stop::usage(error.to_string());
    let names = || zoo::defects().chain(zoo::variants()).map(zoo::Peer::name);
    match &error {
        SelftestError::NoMember { glob } => match did_you_mean(&near(glob, names())) {
            Some(hint) => stop.hint(hint),
            None => stop.hint("litespec list defects shows all names"),
        },
        SelftestError::BadGlob { .. } | SelftestError::NoScenario(_) => stop,
    }
}

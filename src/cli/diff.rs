//! `litespec diff`: two reports or two profiles beside each other.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::Globals;
use super::exit::{Exit, Stop};
use super::screen::Stdout;
use crate::report::diff::{self, Side};

pub(super) const EXAMPLES: &str = "\
Examples:
  litespec diff yesterday.json today.json
  litespec diff python.json elixir.json --format markdown > differences.md
  litespec check ws://localhost:9001/ --format json | litespec diff accepted.json -

A and B are JSON reports, JSON Lines or profiles. B is compared with A: exit 1 if B is worse
anywhere, else 0. What is only inconclusive or skipped in B is told and not called worse.";

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 30;

/// Arguments of `litespec diff`.
#[derive(Args, Debug)]
pub(super) struct DiffArgs {
    /// A report or a profile; - for standard input
    #[arg(value_name = "A")]
    a: PathBuf,
    /// What is compared with it; - for standard input
    #[arg(value_name = "B")]
    b: PathBuf,
    /// What is written to standard output
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
    Markdown,
}

pub(super) fn run(globals: &Globals, args: &DiffArgs) -> Result<Exit, Stop> {
    if args.a == Path::new("-") && args.b == Path::new("-") {
        return Err(Stop::usage(
            "standard input can be one of the two, not both",
        ));
    }
    let (a, b) = (side(&args.a)?, side(&args.b)?);
    if a.role != b.role {
        return Err(Stop::usage(format!(
            "A is about a {} and B about a {}: there is nothing to compare",
            a.role, b.role
        )));
    }
    let diff = diff::diff(&a, &b);
    let text = match args.format {
        _ if globals.quiet => diff.headline() + "\n",
        Format::Human => diff.human(),
        Format::Markdown => diff.markdown(),
        Format::Json => diff.json().map_err(|error| {
            Stop::usage(format!("cannot write the difference as JSON: {error}"))
        })?,
    };
    Stdout::new(globals.color).write(&text)?;
    Ok(if diff.is_worse() {
        Exit::Failure
    } else {
        Exit::Success
    })
}

fn side(path: &Path) -> Result<Side, Stop> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_FILE).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
    };
    read.map_err(|error| Stop::usage(format!("cannot read {shown}: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Stop::bad_input(format!("{shown}: not JSON: it is not UTF-8")))?;
    diff::read(&text).map_err(|error| {
        Stop::bad_input(format!("{shown}: {error}"))
            .hint("litespec check URL --format json > FILE, or litespec profile URL > FILE")
    })
}

//! Which server is tested: the argument, the variable, the file, or the built-in one.

use std::collections::BTreeSet;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::exit::Stop;
use super::options::CheckArgs;
use crate::wire::{Target, TargetError};

/// Where a run goes.
#[derive(Debug)]
pub(crate) enum Chosen {
    /// The built-in reference server.
    Reference,
    /// A server at a URL, kept as it was given.
    Url(String, Target),
}

/// Decides; two that contradict each other on the command line are refused.
pub(crate) fn choose(
    args: &CheckArgs,
    matches: &ArgMatches,
    from_file: &BTreeSet<String>,
) -> Result<Chosen, Stop> {
    let typed = |id: &str, long: &str| {
        matches.value_source(id) == Some(ValueSource::CommandLine) && !from_file.contains(long)
    };
    let target_typed = typed("target", "target");
    if args.url.is_some() && target_typed {
        return Err(Stop::usage(
            "the target is given twice: as an argument and as --target",
        ));
    }
    if args.reference {
        if args.url.is_some() || target_typed {
            return Err(Stop::usage(
                "--reference tests the built-in server, and a URL another one: give one of them",
            ));
        }
        return Ok(Chosen::Reference);
    }
    if let Some(option) = args.zoo.given() {
        return Err(Stop::usage(format!(
            "{option} is for the reference server; another server has its own defects"
        ))
        .hint(format!("litespec check --reference {option} NAME")));
    }
    if typed("hb_interval", "hb-interval") {
        return Err(Stop::usage(
            "--hb-interval is for the reference server; another server sets its own",
        )
        .hint("litespec check --reference --hb-interval 1s"));
    }
    match args.url.as_ref().or(args.target.as_ref()) {
        Some(url) if !url.is_empty() => Ok(Chosen::Url(url.clone(), parse(url)?)),
        _ => Err(Stop::usage("no target: which server is to be tested?")
            .hint("give its URL:            litespec check ws://127.0.0.1:10101/")
            .hint("or set the variable:     LITESPEC_TARGET=ws://127.0.0.1:10101/")
            .hint("or write in the file:    target = \"ws://127.0.0.1:10101/\" in litespec.toml")
            .hint("the built-in server is tested only when asked for: litespec check --reference")),
    }
}

/// Reads a URL.
pub(crate) fn parse(url: &str) -> Result<Target, Stop> {
    Target::parse(url).map_err(|error: TargetError| {
        let stop = Stop::usage(format!("not a target: {error}"));
        match error.hint() {
            Some(hint) => stop.hint(hint),
            None => stop,
        }
    })
}

/// The URL as it can be shown in a command: itself, or a variable where it has something to hide.
pub(crate) fn shell_word(url: &str, target: &Target) -> String {
    let shown = target.shown();
    let hides = url.contains(['?', '@']);
    if hides {
        "\"$LITESPEC_TARGET\"".to_owned()
    } else {
        crate::event::shell::quote(&shown).into_owned()
    }
}

//! Options of `check` that take part of the suite, or say what its results are held against.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::exit::Stop;
use super::known::{self, Shelf};
use super::near::{did_you_mean, near};
use super::{files, rewrite};
use crate::protocol::rules;
use crate::report::Record;
use crate::runner::{Known, KnownLists, Options, Shard, known_glob};
use crate::scenario::Scenario;

#[derive(Args)]
pub(crate) struct RefineArgs {
    /// Run only share K of N, for example 1/4; a scenario's share hangs on its id alone
    #[arg(long, value_name = "K/N", value_parser = shard, env = "LITESPEC_SHARD", help_heading = "Selection")]
    pub(crate) shard: Option<Shard>,
    /// Run no scenario, only the preflight, and print what it found
    #[arg(long, env = "LITESPEC_PREFLIGHT", value_parser = BoolishValueParser::new(), help_heading = "Selection")]
    pub(crate) preflight: bool,

    /// Excuse the failures that this list (TOML) holds, and fail where one of them passes
    #[arg(
        long,
        value_name = "FILE",
        env = "LITESPEC_KNOWN_FAILING",
        help_heading = "Judging"
    )]
    pub(crate) known_failing: Option<PathBuf>,
    /// Excuse the failures that this list (TOML) holds, whether they show or not
    #[arg(
        long,
        value_name = "FILE",
        env = "LITESPEC_KNOWN_FLAKY",
        help_heading = "Judging"
    )]
    pub(crate) known_flaky: Option<PathBuf>,
    /// Write what failed now as a list for --known-failing; what is listed already keeps its reason. The exit code is that of the run
    #[arg(
        long,
        value_name = "FILE",
        env = "LITESPEC_WRITE_KNOWN_FAILING",
        help_heading = "Judging"
    )]
    pub(crate) write_known_failing: Option<PathBuf>,
    /// How often a failed scenario is run again to see whether it fails every time; 0 for never
    #[arg(
        long,
        value_name = "N",
        default_value = "2",
        env = "LITESPEC_TRIAGE",
        help_heading = "Judging"
    )]
    pub(crate) triage: u32,
    /// For a target in a debugger: one scenario at a time, no deadline of ours but --timeout, no timing is judged
    #[arg(long, env = "LITESPEC_DEBUG", value_parser = BoolishValueParser::new(), help_heading = "Running")]
    pub(crate) debug: bool,
    /// As --debug; and wait for Enter, on a terminal, before each send
    #[arg(long, env = "LITESPEC_STEP", value_parser = BoolishValueParser::new(), help_heading = "Running")]
    pub(crate) step: bool,
    /// Rules that may stay unjudged without exit code 5 (repeatable)
    #[arg(
        long,
        value_name = "GLOB",
        env = "LITESPEC_ALLOW_UNTESTED",
        help_heading = "Judging"
    )]
    pub(crate) allow_untested: Vec<String>,
}

impl RefineArgs {
    /// Fills the runner's options in, but for the lists.
    pub(super) fn fill(&self, options: &mut Options) -> Result<(), Stop> {
        options.shard = self.shard;
        options.preflight_only = self.preflight;
        options.triage = self.triage;
        options.debug = self.debug || self.step;
        for text in &self.allow_untested {
            let glob = known_glob(text).map_err(|error| {
                Stop::usage(format!(
                    "--allow-untested {text} is no glob: {}",
                    error.kind()
                ))
            })?;
            let own = text.starts_with("x.");
            if !own && !rules::all().iter().any(|rule| glob.is_match(rule.id)) {
                let stop = Stop::usage(format!("--allow-untested {text} matches no rule"));
                let ids = rules::all().iter().map(|rule| rule.id);
                return Err(match did_you_mean(&near(text, ids)) {
                    Some(hint) => stop.hint(hint),
                    None => stop.hint("litespec list rules shows all ids"),
                });
            }
            options.allow_untested.push(glob);
        }
        Ok(())
    }

    /// Reads the lists of known failures and flaky scenarios.
    pub(super) fn lists(&self, scenarios: &[Arc<Scenario>]) -> Result<KnownLists, Stop> {
        let shelf = Shelf {
            scenarios,
            today: known::today(),
        };
        let read = |path: &Option<PathBuf>| match path {
            Some(path) => known::read(path, &shelf),
            None => Ok(Vec::new()),
        };
        Ok(KnownLists {
            failing: read(&self.known_failing)?,
            flaky: read(&self.known_flaky)?,
        })
    }

    /// What `--write-known-failing` will need; refuses a file that could not be written.
    pub(super) fn rewriter(
        &self,
        scenarios: &[Arc<Scenario>],
        lists: &KnownLists,
    ) -> Result<Option<Rewriter>, Stop> {
        let Some(path) = &self.write_known_failing else {
            return Ok(None);
        };
        let shown = path.display();
        files::check_writable(path)
            .map_err(|error| Stop::usage(format!("cannot write a list to {shown}: {error}")))?;
        let mut old = lists.failing.clone();
        // Reasons that somebody wrote into that file are not lost.
        if self.known_failing.as_ref() != Some(path) && path.is_file() {
            let today = known::today();
            old.extend(known::read(path, &Shelf { scenarios, today })?);
        }
        Ok(Some(Rewriter {
            path: path.clone(),
            old,
            scenarios: scenarios.to_vec(),
        }))
    }
}

/// Writes the list of what failed.
pub(super) struct Rewriter {
    path: PathBuf,
    old: Vec<Known>,
    scenarios: Vec<Arc<Scenario>>,
}

impl Rewriter {
    pub(super) fn write(&self, record: &Record) -> Result<(), Stop> {
        let names = |id: &str| {
            let base = id.rsplit_once('#').map_or(id, |(base, _)| base);
            let mut names = vec![id.to_owned(), base.to_owned()];
            let scenario = self.scenarios.iter().find(|scenario| scenario.id == base);
            let was = scenario.iter().flat_map(|scenario| &scenario.header.was);
            names.extend(was.map(|was| was.value.clone()));
            names
        };
        let text = rewrite::list(record, &self.old, names, known::today());
        files::write(&self.path, text.as_bytes()).map_err(|error| {
            Stop::usage(format!(
                "cannot write the list {}: {error}",
                self.path.display()
            ))
        })
    }
}

/// `K/N`.
fn shard(text: &str) -> Result<Shard, String> {
    let wrong = || "must be K/N, for example 1/4".to_owned();
    let (index, count) = text.split_once('/').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
    let (index, count) = (number(index)?, number(count)?);
    Shard::new(index, count).ok_or_else(|| match count {
        0 => "there must be at least one shard: N is 1 or more".to_owned(),
        _ => format!("there is no shard {index} of {count}: K is from 1 to {count}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!(shard("2/3"), Ok(Shard::new(2, 3).unwrap()));
        for (text, told) in [
            ("0/3", "from 1 to 3"),
            ("4/3", "from 1 to 3"),
            ("1/0", "at least one"),
            ("3", "K/N"),
            ("a/b", "K/N"),
            ("-1/2", "K/N"),
        ] {
            assert!(shard(text).unwrap_err().contains(told), "{text}");
        }
    }
}

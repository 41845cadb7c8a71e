//! What campaigns against servers and clients are told alike.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use crate::cli::values;
use crate::fuzzer::campaign::Terms;

/// What is written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// A screen for people, with each find's scenario.
    #[default]
    Human,
    /// One JSON object at the end.
    Json,
}

/// Arguments of a campaign.
#[derive(Args)]
pub(in crate::cli) struct CampaignArgs {
    /// For how long cases are made up
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "60s", env = "LITESPEC_TIME", help_heading = "Campaign")]
    pub(in crate::cli) time: Duration,
    /// No more cases than these
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), env = "LITESPEC_CASES", help_heading = "Campaign")]
    pub(in crate::cli) cases: Option<u64>,
    /// At most so many cases a second
    #[arg(long, value_name = "N", value_parser = values::rate, env = "LITESPEC_RATE", help_heading = "Campaign")]
    pub(in crate::cli) rate: Option<f64>,
    /// Seed of everything random
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        env = "LITESPEC_SEED",
        help_heading = "Campaign"
    )]
    pub(in crate::cli) seed: u64,
    /// End with the first find
    #[arg(long, env = "LITESPEC_FIRST", value_parser = BoolishValueParser::new(), help_heading = "Campaign")]
    pub(in crate::cli) first: bool,
    /// Read options from this file instead of litespec.toml
    #[arg(
        long,
        value_name = "FILE",
        env = "LITESPEC_CONFIG",
        help_heading = "Campaign"
    )]
    pub(in crate::cli) config: Option<PathBuf>,

    /// Finds in this folder are no failure any more (repeatable)
    #[arg(
        long,
        value_name = "DIR",
        env = "LITESPEC_KNOWN",
        help_heading = "Judging"
    )]
    pub(in crate::cli) known: Vec<PathBuf>,
    /// Make up nothing: play the scenarios of this folder, and say which still fail
    #[arg(
        long,
        value_name = "DIR",
        env = "LITESPEC_REPLAY",
        help_heading = "Judging"
    )]
    pub(in crate::cli) replay: Option<PathBuf>,
    /// A broken "should" is a failure
    #[arg(long, env = "LITESPEC_STRICT", value_parser = BoolishValueParser::new(), help_heading = "Judging")]
    pub(in crate::cli) strict: bool,
    /// The folder that finds are written to
    #[arg(
        long,
        value_name = "DIR",
        default_value = "litespec-finds",
        env = "LITESPEC_SAVE",
        help_heading = "Reports"
    )]
    pub(in crate::cli) save: PathBuf,
    /// What is written to standard output
    #[arg(
        long,
        value_enum,
        default_value = "human",
        env = "LITESPEC_FORMAT",
        help_heading = "Reports"
    )]
    pub(in crate::cli) format: Format,
}

impl CampaignArgs {
    /// What a campaign with so many cases at once is bounded by.
    pub(in crate::cli) fn terms(&self, connections: u16) -> Terms {
        Terms {
            seed: self.seed,
            time: self.time,
            cases: self.cases,
            rate: self.rate,
            connections: usize::from(connections),
            first: self.first,
            ..Terms::default()
        }
    }
}

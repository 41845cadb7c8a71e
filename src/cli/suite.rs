//! The options that every run of the suite has, whatever its target is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::exit::Stop;
use super::refine::RefineArgs;
use super::values;
use crate::protocol::json::Json;
use crate::runner::Options;

/// The shared password of the protocol's own text.
const DEFAULT_PASSWORD: &str = "helloworld";

/// Which of the two options for the password counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordFrom {
    /// `--password`, or the default.
    Text,
    /// `--password-file`.
    File,
}

/// The options that every run has. Not `Debug`: it holds the password.
#[derive(Args)]
pub(crate) struct SuiteArgs {
    /// The shared password [default: helloworld]
    #[arg(
        long,
        value_name = "P",
        env = "LITESPEC_PASSWORD",
        help_heading = "Target"
    )]
    pub(crate) password: Option<String>,
    /// Read the password from a file (a newline at its end does not count)
    #[arg(
        long,
        value_name = "FILE",
        env = "LITESPEC_PASSWORD_FILE",
        help_heading = "Target"
    )]
    pub(crate) password_file: Option<PathBuf>,
    /// Leave out the header X-Litespec-Scenario, which names the scenario to the server's log
    #[arg(long, env = "LITESPEC_NO_TRACE_HEADER", value_parser = BoolishValueParser::new(), help_heading = "Target")]
    pub(crate) no_trace_header: bool,

    /// Run only scenarios whose id matches; !GLOB leaves some out (repeatable)
    #[arg(
        long,
        value_name = "GLOB",
        env = "LITESPEC_FILTER",
        help_heading = "Selection"
    )]
    pub(crate) filter: Vec<String>,
    /// Add scenarios of your own: a file, a folder, or - for standard input (repeatable)
    #[arg(
        long,
        value_name = "FILE|DIR|-",
        env = "LITESPEC_SCENARIO",
        help_heading = "Selection"
    )]
    pub(crate) scenario: Vec<PathBuf>,
    /// Run no scenarios but those of --scenario
    #[arg(long, env = "LITESPEC_ONLY_OWN", value_parser = BoolishValueParser::new(), help_heading = "Selection")]
    pub(crate) only_own: bool,
    /// A value for $NAME in scenarios (repeatable)
    #[arg(long, value_name = "NAME=JSON", value_parser = values::variable, env = "LITESPEC_VAR", help_heading = "Selection")]
    pub(crate) var: Vec<(String, Json)>,
    /// A string for $NAME in scenarios that is never shown, from a variable (repeatable)
    #[arg(
        long,
        value_name = "NAME=env:VAR",
        env = "LITESPEC_SECRET",
        help_heading = "Selection"
    )]
    pub(crate) secret: Vec<String>,

    /// A broken "should" is a failure
    #[arg(long, env = "LITESPEC_STRICT", value_parser = BoolishValueParser::new(), help_heading = "Judging")]
    pub(crate) strict: bool,
    /// Tolerance behind each deadline of the server
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "3s", env = "LITESPEC_GRACE", help_heading = "Judging")]
    pub(crate) grace: Duration,
    /// How long an answer may take where the protocol sets no time
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "5s", env = "LITESPEC_ANSWER_WITHIN", help_heading = "Judging")]
    pub(crate) answer_within: Duration,
    /// Limit of one scenario [default: what it must wait for, and some]
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, env = "LITESPEC_TIMEOUT", help_heading = "Judging")]
    pub(crate) timeout: Option<Duration>,
    /// Skip scenarios that would have to wait longer
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "5m", env = "LITESPEC_MAX_WAIT", help_heading = "Judging")]
    pub(crate) max_wait: Duration,

    /// Run the scenarios in an order drawn from the seed
    #[arg(long, env = "LITESPEC_SHUFFLE", value_parser = BoolishValueParser::new(), help_heading = "Running")]
    pub(crate) shuffle: bool,
    /// Seed of everything random
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        env = "LITESPEC_SEED",
        help_heading = "Running"
    )]
    pub(crate) seed: u64,
    /// Read options from this file instead of litespec.toml
    #[arg(
        long,
        value_name = "FILE",
        env = "LITESPEC_CONFIG",
        help_heading = "Running"
    )]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) refine: RefineArgs,

    /// A name for this run in its reports
    #[arg(
        long,
        value_name = "TEXT",
        env = "LITESPEC_LABEL",
        help_heading = "Reports"
    )]
    pub(crate) label: Option<String>,
}

impl SuiteArgs {
    /// Fills in what the runner gets of them. `var` reads an environment variable.
    pub(crate) fn fill(
        &self,
        options: &mut Options,
        password_from: PasswordFrom,
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<(), Stop> {
        options.password = password(
            self.password.as_deref(),
            self.password_file.as_deref(),
            password_from,
        )?;
        options.filters.clone_from(&self.filter);
        options.strict = self.strict;
        options.shuffle = self.shuffle;
        options.seed = self.seed;
        options.grace = self.grace;
        options.answer_within = self.answer_within;
        options.timeout = self.timeout;
        options.max_wait = self.max_wait;
        options.trace_header = !self.no_trace_header;
        self.refine.fill(options)?;
        for (name, value) in &self.var {
            if options.vars.insert(name.clone(), value.clone()).is_some() {
                return Err(Stop::usage(format!("--var {name} is given twice")));
            }
        }
        for text in &self.secret {
            let (name, value) = secret(text, &var)?;
            if options.vars.contains_key(&name)
                || options.secrets.insert(name.clone(), value).is_some()
            {
                return Err(Stop::usage(format!("the variable {name} is given twice")));
            }
        }
        Ok(())
    }
}

/// The password: the text, the file's, or the default.
pub(super) fn password(
    text: Option<&str>,
    file: Option<&Path>,
    from: PasswordFrom,
) -> Result<String, Stop> {
    let path = match (from, file) {
        (PasswordFrom::File, Some(path)) => path,
        _ => return Ok(text.unwrap_or(DEFAULT_PASSWORD).to_owned()),
    };
    let shown = path.display();
    let mut text = std::fs::read_to_string(path)
        .map_err(|error| Stop::usage(format!("cannot read the password file {shown}: {error}")))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// `NAME=env:VAR` with the variable's value; errors never show a value.
fn secret(text: &str, var: impl Fn(&str) -> Option<String>) -> Result<(String, String), Stop> {
    let wrong = || {
        Stop::usage("--secret must be NAME=env:VAR, so that the secret is not on the command line")
    };
    let (name, source) = text.split_once('=').ok_or_else(wrong)?;
    let variable = source.strip_prefix("env:").ok_or_else(wrong)?;
    values::variable_name(name).map_err(|error| Stop::usage(format!("--secret: {error}")))?;
    match var(variable) {
        Some(value) => Ok((name.to_owned(), value)),
        None => Err(Stop::usage(format!(
            "--secret {name}: the variable {variable} is not set"
        ))),
    }
}

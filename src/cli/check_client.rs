//! `litespec check-client`: tests a client.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Globals;
use super::check::tell;
use super::dialect::Dialect;
use super::exit::{Exit, Stop};
use super::options::{OutputArgs, subprotocols};
use super::run::{Line, Parts, Ready, Tested};
use super::suite::SuiteArgs;
use super::{repeat, selection, values};
use crate::runner::{Feature, Options, Readiness, Spawning};
use crate::scenario::Scenario;
use crate::scenario::syntax::Role;

pub(super) const EXAMPLES: &str = "\
{url} and {password} in CMD are filled in; LITESPEC_URL and LITESPEC_PASSWORD are in its environment.
CMD is started once for each scenario, many at a time, and ended with all that it has started.

Examples:
  litespec check-client -- ./my-client '{url}' --password '{password}'
  litespec check-client -- litespec client '{url}'              the reference client
  litespec check-client --driver off -- python3 my_client.py    it only watches
  litespec check-client --filter 'client/reconnect/*' -- node my-client.mjs
  litespec check-client --listen 127.0.0.1:9000                 you start the client yourself

Requests and dispatches are tested where the client obeys a driver: it prints {\"driver\":1}, then takes
lines on its standard input and prints its answers:
  {\"do\":\"request\",\"id\":1,\"w\":\"ECHO\",\"a\":[1]}   {\"id\":1,\"r\":[1]} or {\"id\":1,\"error\":\"..\"}
  {\"do\":\"dispatch\",\"id\":2,\"w\":\"X\",\"a\":[]}      {\"id\":2} when it has gone out

Every option can also be set by a variable (LITESPEC_ANSWER_WITHIN=10s) or in litespec.toml
(answer-within = \"10s\"); the command line comes first, then the variable, then the file.";

/// How long a client that somebody else starts is awaited.
const SOMEBODY: Duration = Duration::from_secs(300);
/// How long a client that is started may take.
const STARTED: Duration = Duration::from_secs(30);

/// Whether the client obeys a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Driver {
    /// It must: that it does not is an error
    Required,
    /// If it says so, it is driven; if not, what needs that is skipped
    Auto,
    /// It does not: what needs that is skipped, and its rules may stay unjudged
    Off,
}

/// Arguments of `litespec check-client`.
#[derive(Args)]
pub(super) struct CheckClient {
    #[command(flatten)]
    pub(super) run: CheckClientArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What a run against a client takes. Not `Debug`: it holds the password.
#[derive(Args)]
pub(super) struct CheckClientArgs {
    /// Start the client with this command, once for each scenario
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// Wait at this address for a client that you start; scenarios run one after another
    #[arg(
        long,
        value_name = "ADDR",
        env = "LITESPEC_LISTEN",
        help_heading = "Target"
    )]
    listen: Option<SocketAddr>,
    /// Whether the client obeys a driver, which sending requests takes
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        env = "LITESPEC_DRIVER",
        help_heading = "Target"
    )]
    driver: Driver,
    /// The hb_interval of a HELLO where the scenario does not set its own
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "1s", env = "LITESPEC_HB_INTERVAL", help_heading = "Target")]
    hb_interval: Duration,
    /// How long the client's first connection is awaited [default: 30s, with --listen 5m]
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, env = "LITESPEC_READY_WITHIN", help_heading = "Target")]
    ready_within: Option<Duration>,
    /// How long a client that has lost its connection is awaited
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "20s", env = "LITESPEC_RECONNECT_WITHIN", help_heading = "Target")]
    reconnect_within: Duration,
    /// Which reading of the protocol is judged: its text alone, or the one of clients that answer their server
    #[arg(
        long,
        value_enum,
        default_value = "text",
        env = "LITESPEC_DIALECT",
        help_heading = "Target"
    )]
    dialect: Dialect,
    /// A subprotocol to accept (repeatable)
    #[arg(
        long,
        value_name = "NAME",
        env = "LITESPEC_SUBPROTOCOL",
        help_heading = "Target"
    )]
    subprotocol: Vec<String>,
    /// How many scenarios run at once, beside those that mostly wait
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), default_value = "8", env = "LITESPEC_JOBS", help_heading = "Running")]
    jobs: u16,
    #[command(flatten)]
    pub(super) suite: SuiteArgs,
}

pub(super) fn run(globals: &Globals, args: &CheckClient, line: &Line<'_>) -> Result<Exit, Stop> {
    let ready = args.run.ready(line, |_| true)?;
    tell(globals, &args.run.suite, &args.output, ready)
}

/// An interval that HELLO can give.
pub(super) fn whole_millis(time: Duration) -> Result<Duration, Stop> {
    match time.subsec_nanos() % 1_000_000 {
        0 => Ok(time),
        _ => Err(Stop::usage(
            "--hb-interval is counted in milliseconds and must be at least 1ms",
        )),
    }
}

impl CheckClientArgs {
    /// Reads the arguments. Of the scenarios at hand, those are run that `wanted` wants and the
    /// filters select.
    pub(super) fn ready(
        &self,
        line: &Line<'_>,
        wanted: impl Fn(&Scenario) -> bool,
    ) -> Result<Ready, Stop> {
        let options = self.options(line)?;
        let mut scenarios = selection::scenarios(&self.suite, Role::Client)?;
        scenarios.retain(|scenario| wanted(scenario));
        selection::check_filters(&scenarios, &options.filters)?;
        selection::check_dialect(&scenarios, &options)?;
        let (target, shown) = match self.listen.filter(|_| self.command.is_empty()) {
            None => (
                Tested::Spawned(self.spawning(&options)),
                repeat::tail(&self.command, &options.password)[1..].join(" "),
            ),
            Some(address) => (
                Tested::Attached(address),
                format!("a client at ws://{address}/"),
            ),
        };
        Ready::made(Parts {
            suite: &self.suite,
            line,
            options,
            scenarios,
            target,
            shown,
            word: None,
            command: &self.command,
        })
    }

    fn options(&self, line: &Line<'_>) -> Result<Options, Stop> {
        match (self.listen, self.command.is_empty()) {
            (None, true) => {
                return Err(Stop::usage("no client: which one is to be tested?")
                    .hint("start it for each scenario:   litespec check-client -- ./my-client '{url}'")
                    .hint("or start it yourself:         litespec check-client --listen 127.0.0.1:9000"));
            }
            (Some(_), false) if line.typed("listen") => {
                return Err(Stop::usage(
                    "--listen waits for a client that you start, and a command starts one: give one of them",
                ));
            }
            _ => {}
        }
        let mut options = Options {
            role: Role::Client,
            hb_interval: whole_millis(self.hb_interval)?,
            patience: self.reconnect_within,
            ready_within: self.ready_within.unwrap_or(match self.command.is_empty() {
                true => SOMEBODY,
                false => STARTED,
            }),
            dialect: self.dialect.into(),
            subprotocols: subprotocols(&self.subprotocol)?,
            jobs: usize::from(self.jobs),
            ..Options::default()
        };
        let var = |name: &str| std::env::var(name).ok();
        self.suite.fill(&mut options, line.password_from()?, var)?;
        options.driver = Readiness {
            required: self.driver == Driver::Required,
            within: options.timeout.unwrap_or(STARTED),
        };
        if self.driver == Driver::Off || self.command.is_empty() {
            options.without.insert(Feature::Driver);
        }
        if self.driver == Driver::Required && self.command.is_empty() {
            return Err(Stop::usage(
                "a client that you start yourself cannot be driven: --driver required needs a command",
            ));
        }
        Ok(options)
    }

    fn spawning(&self, options: &Options) -> Spawning {
        Spawning {
            command: self.command.clone(),
            password: options.password.clone(),
            driven: self.driver != Driver::Off,
            starting: std::thread::available_parallelism().map_or(2, usize::from),
            ready_within: options.ready_within,
            reconnect_within: options.patience,
        }
    }
}

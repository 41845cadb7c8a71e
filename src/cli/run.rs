//! What `check`, `profile` and the same for clients share: the target, the scenarios, the run.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::exit::{Exit, Stop};
use super::local::{DEFAULT_HB_INTERVAL, Local};
use super::options::CheckArgs;
use super::refine::Rewriter;
use super::step::Steps;
use super::suite::{PasswordFrom, SuiteArgs};
use super::target::{self, Chosen};
use super::{interrupt, repeat, screen, selection};
use crate::event::{RunEvent, RunHeader, Suite, Tool};
use crate::runner::{
    self, Attached, Declared, Feature, Options, Plan, Reach, RunOutcome, Spawned, Spawning, Subject,
};
use crate::scenario::Scenario;
use crate::scenario::syntax::Role;
use crate::wire::{Target, TcpDial};

/// The parsed command line, for what must know where a value came from.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) command: &'a Command,
    pub(super) matches: &'a ArgMatches,
    pub(super) from_file: &'a BTreeSet<String>,
}

/// A run that can begin.
pub(super) struct Ready {
    header: RunHeader,
    options: Options,
    plan: Plan,
    /// All that the plan was made from.
    scenarios: Vec<Arc<Scenario>>,
    target: Tested,
}

/// What is tested.
pub(super) enum Tested {
    /// A server. The reference server lives until the end of the run.
    Server(Target, Option<Local>),
    /// Clients, each started for one scenario.
    Spawned(Spawning),
    /// A client that somebody else starts; it comes to this address.
    Attached(SocketAddr),
}

/// What a run of either role is made of.
pub(super) struct Parts<'a> {
    pub(super) suite: &'a SuiteArgs,
    pub(super) line: &'a Line<'a>,
    pub(super) options: Options,
    pub(super) scenarios: Vec<Arc<Scenario>>,
    pub(super) target: Tested,
    /// The target as reports show it.
    pub(super) shown: String,
    /// The target as a shell is given it, in front of the options and behind them.
    pub(super) word: Option<String>,
    pub(super) command: &'a [OsString],
}

impl Ready {
    /// Reads the arguments, and starts the reference server where it is the target. Of the
    /// scenarios at hand, those are run that `wanted` wants and the filters select.
    pub(super) fn new(
        args: &CheckArgs,
        line: &Line<'_>,
        wanted: impl Fn(&Scenario) -> bool,
    ) -> Result<Ready, Stop> {
        let chosen = target::choose(args, line.matches, line.from_file)?;
        let mut options = args.options(line.password_from()?, |name| std::env::var(name).ok())?;
        args.dialect
            .check(line.typed("answer"), line.given("dialect"))?;
        let mut scenarios = selection::scenarios(&args.suite, Role::Server)?;
        scenarios.retain(|scenario| wanted(scenario));
        selection::check_filters(&scenarios, &options.filters)?;
        selection::check_dialect(&scenarios, &options)?;
        let (target, word, local) = match chosen {
            Chosen::Url(url, target) => {
                let word = target::shell_word(&url, &target);
                (target, word, None)
            }
            Chosen::Reference => {
                let local = Local::start(
                    args.hb_interval.unwrap_or(DEFAULT_HB_INTERVAL),
                    args.dialect.dialect,
                    &options.password,
                    args.zoo.member()?,
                )?;
                if options.requests.is_empty() && !options.without.contains(&Feature::Request) {
                    options.requests.extend(answered());
                }
                (
                    target::parse(&local.url)?,
                    "--reference".to_owned(),
                    Some(local),
                )
            }
        };
        Ready::made(Parts {
            suite: &args.suite,
            line,
            options,
            scenarios,
            shown: target.shown(),
            target: Tested::Server(target, local),
            word: Some(word),
            command: &args.command,
        })
    }

    /// Plans the run.
    pub(super) fn made(parts: Parts<'_>) -> Result<Ready, Stop> {
        let refine = &parts.suite.refine;
        let mut options = parts.options;
        options.known = refine.lists(&parts.scenarios)?;
        if refine.step {
            options.gate = Some(Arc::new(Steps::new()?));
        }
        let given = repeat::given(
            parts.line.command,
            parts.line.matches,
            parts.line.typed("password"),
        );
        let header = RunHeader {
            schema_version: 1,
            tool: Tool::this(),
            suite: Suite::embedded(),
            role: match options.role {
                Role::Server => "server",
                Role::Client => "client",
            }
            .to_owned(),
            target: parts.shown,
            label: parts.suite.label.clone(),
            started_at: now(),
            seed: options.seed,
            options: given.map,
            repeat_args: parts.word.into_iter().chain(given.words).collect(),
            repeat_tail: repeat::tail(parts.command, &options.password),
        };
        Ok(Ready {
            plan: runner::plan(&options, &parts.scenarios).map_err(selection::unplannable)?,
            header,
            options,
            scenarios: parts.scenarios,
            target: parts.target,
        })
    }

    /// What writes the list of known failures anew, where that is asked for.
    pub(super) fn rewriter(&self, args: &SuiteArgs) -> Result<Option<Rewriter>, Stop> {
        args.refine.rewriter(&self.scenarios, &self.options.known)
    }

    pub(super) fn header(&self) -> &RunHeader {
        &self.header
    }

    /// Runs to the end, or to the first signal that asks to stop.
    pub(super) fn go(
        self,
        on_event: &mut (dyn FnMut(RunEvent) + Send),
    ) -> Result<RunOutcome, Stop> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| {
                Stop::new(
                    Exit::CouldNotRun,
                    format!("cannot start the runtime: {error}"),
                )
            })?;
        let outcome = runtime.block_on(async {
            let (header, options, plan) = (self.header, &self.options, self.plan);
            let (subject, _local) = match self.target {
                Tested::Server(target, local) => {
                    let dial = Arc::new(TcpDial::new(&target));
                    (Subject::Server(Reach { target, dial }), local)
                }
                Tested::Spawned(spawning) => {
                    (Subject::Client(Arc::new(Spawned::new(spawning))), None)
                }
                Tested::Attached(address) => (attached(address, options).await?, None),
            };
            let interrupt = interrupt::first_signal();
            Ok(runner::run(header, options, plan, subject, interrupt, on_event).await)
        });
        // A name that is still being resolved must not hold up the end.
        runtime.shutdown_background();
        outcome
    }
}

/// Listens for a client, and says where.
async fn attached(address: SocketAddr, options: &Options) -> Result<Subject, Stop> {
    let attached = Attached::listen(address, options.ready_within, options.patience)
        .await
        .map_err(|error| {
            Stop::new(
                Exit::CouldNotRun,
                format!("cannot listen at {address}: {error}"),
            )
        })?;
    screen::say(&format!(
        "listening at ws://{}/ - start your client; its first connection is awaited for {} s",
        attached.address(),
        options.ready_within.as_secs_f64()
    ));
    Ok(Subject::Client(Arc::new(attached)))
}

impl Line<'_> {
    pub(super) fn typed(&self, id: &str) -> bool {
        self.matches.value_source(id) == Some(ValueSource::CommandLine)
            && !self.from_file.contains(&id.replace('_', "-"))
    }

    /// Whether the option is anywhere: on the line, in a variable or in the file.
    pub(super) fn given(&self, id: &str) -> bool {
        matches!(
            self.matches.value_source(id),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        )
    }

    /// Of password and password file, the one that is nearer to the user counts.
    pub(super) fn password_from(&self) -> Result<PasswordFrom, Stop> {
        let rank = |id: &str| match self.matches.value_source(id) {
            Some(ValueSource::CommandLine) if self.typed(id) => 3,
            Some(ValueSource::EnvVariable) => 2,
            Some(ValueSource::CommandLine) => 1,
            _ => 0,
        };
        match (rank("password"), rank("password_file")) {
            (text, file) if text == file && text > 0 => Err(Stop::usage(
                "the password is given twice: as text and as a file",
            )),
            (text, file) if file > text => Ok(PasswordFrom::File),
            _ => Ok(PasswordFrom::Text),
        }
    }
}

/// What the reference server answers: with arguments, so that their way back is tested too, and
/// with null, which some servers lose.
fn answered() -> [Declared; 2] {
    let declared = |w: &str, a: &str| Declared {
        w: w.to_owned(),
        a: a.to_owned(),
    };
    [
        declared("ECHO", "[1, \"two\", null]"),
        declared("NULL", "[]"),
    ]
}

/// The time of day to the millisecond, RFC 3339 in UTC.
fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Millisecond)
        .unwrap_or(now)
        .to_string()
}

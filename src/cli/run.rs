//! What `check` and `profile` share: the target, the scenarios, the run.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use globset::{Glob, GlobMatcher};

use super::exit::{Exit, Stop};
use super::local::{DEFAULT_HB_INTERVAL, Local};
use super::near::{did_you_mean, near};
use super::options::{CheckArgs, PasswordFrom};
use super::refine::Rewriter;
use super::step::Steps;
use super::target::{self, Chosen};
use super::{interrupt, repeat};
use crate::event::{RunEvent, RunHeader, Suite, Tool};
use crate::runner::{
    self, Declared, Dialect, Feature, Options, Plan, PlanError, Reach, RunOutcome,
};
use crate::scenario::syntax::Role;
use crate::scenario::{Scenario, library, load};
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
    target: Target,
    /// The reference server lives until the end of the run.
    _local: Option<Local>,
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
        let mut scenarios = scenarios(args)?;
        scenarios.retain(|scenario| wanted(scenario));
        check_filters(&scenarios, &options.filters)?;
        check_dialect(&scenarios, &options)?;
        options.known = args.refine.lists(&scenarios)?;
        if args.refine.step {
            options.gate = Some(Arc::new(Steps::new()?));
        }
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
        Ok(Ready {
            plan: runner::plan(&options, &scenarios).map_err(unplannable)?,
            header: header(args, &options, &target, word, line),
            options,
            scenarios,
            target,
            _local: local,
        })
    }

    /// What writes the list of known failures anew, where that is asked for.
    pub(super) fn rewriter(&self, args: &CheckArgs) -> Result<Option<Rewriter>, Stop> {
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
        let dial = Arc::new(TcpDial::new(&self.target));
        let reach = Reach {
            target: self.target,
            dial,
        };
        let outcome = runtime.block_on(async {
            let interrupt = interrupt::first_signal();
            runner::run(
                self.header,
                &self.options,
                self.plan,
                reach,
                interrupt,
                on_event,
            )
            .await
        });
        // A name that is still being resolved must not hold up the end.
        runtime.shutdown_background();
        Ok(outcome)
    }
}

impl Line<'_> {
    fn typed(&self, id: &str) -> bool {
        self.matches.value_source(id) == Some(ValueSource::CommandLine)
            && !self.from_file.contains(&id.replace('_', "-"))
    }

    /// Whether the option is anywhere: on the line, in a variable or in the file.
    fn given(&self, id: &str) -> bool {
        matches!(
            self.matches.value_source(id),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        )
    }

    /// Of password and password file, the one that is nearer to the user counts.
    fn password_from(&self) -> Result<PasswordFrom, Stop> {
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

/// The suite, and what the user adds.
fn scenarios(args: &CheckArgs) -> Result<Vec<Arc<Scenario>>, Stop> {
    if args.only_own && args.scenario.is_empty() {
        return Err(Stop::usage(
            "--only-own leaves nothing to run without --scenario",
        ));
    }
    let mut scenarios: Vec<Arc<Scenario>> = Vec::new();
    if !args.only_own {
        scenarios.extend(
            library::all()
                .iter()
                .filter(|s| s.role() != Some(Role::Client))
                .cloned(),
        );
    }
    for path in &args.scenario {
        let own = own(path)?;
        for scenario in own {
            if let Some(other) = scenarios.iter().find(|known| known.id == scenario.id) {
                return Err(Stop::usage(format!(
                    "{} and {} would both have the id {}",
                    other.source.path, scenario.source.path, scenario.id
                )));
            }
            scenarios.push(Arc::new(scenario));
        }
    }
    Ok(scenarios)
}

fn own(path: &Path) -> Result<Vec<Scenario>, Stop> {
    let shown = path.display();
    if path != Path::new("-") && !path.exists() {
        return Err(Stop::usage(format!(
            "there is no scenario file or folder {shown}"
        )));
    }
    let own = load(path).map_err(|error| Stop::bad_input(error.to_string()))?;
    if own.is_empty() {
        return Err(Stop::usage(format!(
            "there is no *.scenario file in {shown}"
        )));
    }
    if let Some(client) = own
        .iter()
        .find(|scenario| scenario.role() == Some(Role::Client))
    {
        return Err(Stop::usage(format!(
            "{} is about clients; check tests servers",
            client.source.path
        )));
    }
    Ok(own)
}

/// Refuses a filter that matches nothing, with what is near to it: a misspelt one beside a right
/// one would otherwise go unnoticed.
fn check_filters(scenarios: &[Arc<Scenario>], filters: &[String]) -> Result<(), Stop> {
    let ids: Vec<&str> = scenarios
        .iter()
        .map(|scenario| scenario.id.as_str())
        .collect();
    let old = scenarios
        .iter()
        .flat_map(|scenario| &scenario.header.was)
        .map(|was| was.value.as_str());
    let known: Vec<&str> = ids.iter().copied().chain(old).collect();
    for filter in filters {
        let (what, text) = match filter.strip_prefix('!') {
            Some(text) => ("leaves out nothing", text),
            None => ("matches no scenario", filter.as_str()),
        };
        let globs = globs(text)?;
        if !known
            .iter()
            .any(|id| globs.iter().any(|glob| glob.is_match(id)))
        {
            return Err(nothing(&format!("the filter {filter} {what}"), text, &ids));
        }
    }
    Ok(())
}

/// Refuses a filter that asks for nothing but scenarios of a dialect that the run is not in.
fn check_dialect(scenarios: &[Arc<Scenario>], options: &Options) -> Result<(), Stop> {
    if options.dialect == Dialect::Bidirectional {
        return Ok(());
    }
    for filter in options.filters.iter().filter(|text| !text.starts_with('!')) {
        let globs = globs(filter)?;
        let hit = |scenario: &&Arc<Scenario>| {
            let was = scenario.header.was.iter().map(|was| was.value.as_str());
            let mut ids = was.chain([scenario.id.as_str()]);
            ids.any(|id| globs.iter().any(|glob| glob.is_match(id)))
        };
        if scenarios.iter().filter(hit).all(|s| s.of_dialect()) {
            return Err(other_dialect(&format!("the filter {filter} matches")));
        }
    }
    Ok(())
}

fn other_dialect(what: &str) -> Stop {
    Stop::usage(format!(
        "{what} only scenarios of the bidirectional dialect, which this run does not judge"
    ))
    .hint("--dialect bidirectional judges a server that asks its clients too")
}

/// A glob that names one run of a scenario (`id#3`) matches the scenario here.
fn globs(text: &str) -> Result<Vec<GlobMatcher>, Stop> {
    let base = text.rsplit_once('#').map(|(base, _)| base);
    let glob = |text: &str| {
        Glob::new(text)
            .map(|glob| glob.compile_matcher())
            .map_err(|error| Stop::usage(format!("the filter {text} is no glob: {}", error.kind())))
    };
    [Some(text), base].into_iter().flatten().map(glob).collect()
}

fn nothing(message: &str, text: &str, ids: &[&str]) -> Stop {
    let text = text.trim_matches('*');
    let inner = ids.iter().any(|id| id.contains(text)) && !text.is_empty();
    let stop = Stop::usage(message);
    let stop = if inner {
        stop.hint(format!(
            "a filter matches whole ids; for a part of one: '*{text}*'"
        ))
    } else {
        stop
    };
    match did_you_mean(&near(text, ids.iter().copied())) {
        Some(hint) => stop.hint(hint),
        None => stop.hint("litespec list scenarios shows all ids"),
    }
}

/// What the runner will not plan.
fn unplannable(error: PlanError) -> Stop {
    match &error {
        PlanError::NothingSelected { filters, .. } if filters.is_empty() => {
            Stop::usage("there is no scenario to run")
        }
        PlanError::NothingSelected { filters, .. } => Stop::usage(format!(
            "the filters {filters} leave nothing to run together"
        )),
        PlanError::OtherDialect { filters } if filters.is_empty() => {
            other_dialect("the scenarios at hand are")
        }
        PlanError::OtherDialect { filters } => {
            other_dialect(&format!("the filters {filters} leave"))
        }
        PlanError::BadFilter { .. } | PlanError::Unbound { .. } => Stop::usage(error.to_string()),
    }
}

fn header(
    args: &CheckArgs,
    options: &Options,
    target: &Target,
    word: String,
    line: &Line<'_>,
) -> RunHeader {
    let given = repeat::given(line.command, line.matches, line.typed("password"));
    let mut repeat_args = vec![word];
    repeat_args.extend(given.words);
    RunHeader {
        schema_version: 1,
        tool: Tool::this(),
        suite: Suite::embedded(),
        role: "server".to_owned(),
        target: target.shown(),
        label: args.label.clone(),
        started_at: now(),
        seed: options.seed,
        options: given.map,
        repeat_args,
        repeat_tail: repeat::tail(&args.command, &options.password),
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

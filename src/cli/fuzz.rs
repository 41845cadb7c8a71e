//! `litespec fuzz`: makes up cases, plays them against a server, and keeps what fails.

mod against;
pub(super) mod args;
mod guard;
pub(super) mod keep;
pub(super) mod replay;
pub(super) mod report;

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::Globals;
use super::dialect::{Dialect, DialectArgs};
use super::exit::{Exit, Stop};
use super::options::subprotocols;
use super::progress::Campaign;
use super::run::Line;
use super::screen::{self, Stdout};
use super::suite::PasswordFrom;
use super::{interrupt, target, values};
use crate::fuzzer::campaign::{self, Ending, Event, Reviver};
use crate::fuzzer::dispatches;
use crate::fuzzer::script::Facts;
use crate::play::{Launch, Minder, Settings};
use crate::runner::{self, Declared, EXAMPLE, NotOpened, Opening, Options, Reach};
use crate::wire::{Target, TcpDial};
use against::Pair;
use args::{CampaignArgs, Format};
use keep::Keeper;
use report::Report;

pub(super) const EXAMPLES: &str = "\
Examples:
  litespec fuzz ws://127.0.0.1:10101/ --request 'ECHO [1]'
  litespec fuzz ws://127.0.0.1:9001/ --time 10m -- ./my-server --port 9001
  litespec fuzz ws://127.0.0.1:9001/ --replay litespec-finds
  litespec fuzz ws://127.0.0.1:9001/ --known litespec-finds --format json
  litespec fuzz ws://127.0.0.1:9001/ --against ws://127.0.0.1:10101/ --request 'ECHO [1]'
  litespec check ws://127.0.0.1:9001/ --only-own --scenario litespec-finds/auth-reject-0123456789ab.scenario

Give the server's command behind -- where you can: what has died is started again then, and what
killed it is found. Every find is a scenario that fails, as small as it would get. (What a server
that is gone for good was sent last is handed back too, and called not proven.)";

/// Arguments of `litespec fuzz`. Not `Debug`: it holds the password.
#[derive(Args)]
pub(super) struct FuzzArgs {
    /// The server, for example ws://127.0.0.1:10101/ (else LITESPEC_TARGET, else `target` in litespec.toml)
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Start the server with this command, and again whenever it has died
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// The same as URL
    #[arg(long, hide = true, env = "LITESPEC_TARGET", value_name = "URL")]
    target: Option<String>,
    /// How long the started server may take until it says HELLO
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "30s", env = "LITESPEC_READY_WITHIN", help_heading = "Target")]
    ready_within: Duration,
    /// The shared password [default: helloworld]
    #[arg(
        long,
        value_name = "P",
        env = "LITESPEC_PASSWORD",
        help_heading = "Target"
    )]
    password: Option<String>,
    /// Read the password from a file (a newline at its end does not count)
    #[arg(
        long,
        value_name = "FILE",
        env = "LITESPEC_PASSWORD_FILE",
        help_heading = "Target"
    )]
    password_file: Option<PathBuf>,
    /// A request that the server answers, for example 'ECHO [1, 2]' (repeatable)
    #[arg(long, value_name = "W [ARGS]", value_parser = values::declared, env = "LITESPEC_REQUEST", help_heading = "Target")]
    request: Vec<Declared>,
    /// A dispatch that the server takes
    #[arg(long, value_name = "W [ARGS]", value_parser = values::declared, env = "LITESPEC_DISPATCH", help_heading = "Target")]
    dispatch: Option<Declared>,
    /// A header of the upgrade request; ${env:NAME} stands for a variable (repeatable)
    #[arg(
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        env = "LITESPEC_HEADER",
        help_heading = "Target"
    )]
    header: Vec<String>,
    /// A subprotocol to offer (repeatable)
    #[arg(
        long,
        value_name = "NAME",
        env = "LITESPEC_SUBPROTOCOL",
        help_heading = "Target"
    )]
    subprotocol: Vec<String>,
    /// Leave out the header X-Litespec-Scenario
    #[arg(long, env = "LITESPEC_NO_TRACE_HEADER", value_parser = BoolishValueParser::new(), help_heading = "Target")]
    no_trace_header: bool,
    #[command(flatten)]
    dialect: DialectArgs,
    /// Fuzz this host although it is neither this machine nor in a private network (repeatable)
    #[arg(
        long,
        value_name = "HOST",
        env = "LITESPEC_ALLOW_REMOTE",
        help_heading = "Target"
    )]
    allow_remote: Vec<String>,

    /// Cases at once; each has up to six connections
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), default_value = "32", env = "LITESPEC_CONNECTIONS", help_heading = "Campaign")]
    connections: u16,
    #[command(flatten)]
    pub(super) campaign: CampaignArgs,

    /// Play the same cases against this server too, and tell where the two differ
    #[arg(
        long,
        value_name = "URL",
        conflicts_with = "replay",
        env = "LITESPEC_AGAINST",
        help_heading = "Judging"
    )]
    against: Option<String>,
    /// Tolerance behind each deadline of the server
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "3s", env = "LITESPEC_GRACE", help_heading = "Judging")]
    grace: Duration,
    /// How long an answer may take where the protocol sets no time
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "5s", env = "LITESPEC_ANSWER_WITHIN", help_heading = "Judging")]
    answer_within: Duration,
}

pub(super) fn run(globals: &Globals, args: &FuzzArgs, line: &Line<'_>) -> Result<Exit, Stop> {
    let target = args.target()?;
    guard::check(&target, &args.allow_remote)?;
    let second = args.against.as_deref().map(target::parse).transpose()?;
    if let Some(second) = &second {
        guard::check(second, &args.allow_remote)?;
    }
    args.dialect
        .check(line.typed("answer"), line.given("dialect"))?;
    let options = args.options(line.password_from()?)?;
    let known = keep::known(&args.campaign.known)?;
    let files = match &args.campaign.replay {
        Some(folder) => Some(replay::read(folder)?),
        None => {
            keep::writable(&args.campaign.save)?;
            None
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| could_not_run(format!("cannot start the runtime: {error}")))?;
    let mut out = Stdout::new(globals.color);
    let told = runtime.block_on(async {
        let mut interrupt = pin!(interrupt::first_signal());
        let opening = tokio::select! {
            biased;
            () = interrupt.as_mut() => {
                crate::process::kill_all();
                return Ok(Exit::Interrupted);
            }
            opening = opened(&options, reach(&target)) => opening,
        };
        let shown = target.shown();
        let opening = opening.map_err(|error| {
            report::not_opened(&shown, &args.campaign, error, "check", &mut out)
        })?;
        match (files, &second) {
            (Some(files), _) => {
                let mut served = replay::Served(opening);
                let campaign = &args.campaign;
                let told = tokio::select! {
                    biased;
                    () = interrupt => Ok(Exit::Interrupted),
                    told = replay::run(&mut served, &files, campaign.strict, campaign.format, out) => told,
                };
                served.end().await;
                told
            }
            (None, Some(second)) => {
                let mut unstarted = args.options(line.password_from()?)?;
                unstarted.launch = None;
                let shown = second.shown();
                let other = opened(&unstarted, reach(second)).await;
                let other = other.map_err(|error| {
                    report::not_opened(&shown, &args.campaign, error, "check", &mut out)
                })?;
                let facts = facts(args, &options, &opening);
                let pair = Pair {
                    targets: [&target, second],
                    terms: against::terms(&args.campaign.terms(args.connections)),
                    strict: args.campaign.strict,
                    json: args.campaign.format == Format::Json,
                };
                against::run(globals, pair, [opening, other], facts, interrupt, out).await
            }
            (None, None) => {
                fuzz(globals, args, &options, opening, known, interrupt, out).await
            }
        }
    });
    runtime.shutdown_background();
    told
}

async fn opened(options: &Options, reach: Reach) -> Result<Opening, NotOpened> {
    runner::open(options, reach).await
}

fn reach(target: &Target) -> Reach {
    Reach {
        target: target.clone(),
        dial: Arc::new(TcpDial::new(target)),
    }
}

pub(super) fn could_not_run(why: String) -> Stop {
    Stop::new(Exit::CouldNotRun, why)
}

async fn fuzz(
    globals: &Globals,
    args: &FuzzArgs,
    options: &Options,
    opening: Opening,
    known: std::collections::BTreeSet<String>,
    interrupt: impl Future<Output = ()> + Send,
    mut out: Stdout,
) -> Result<Exit, Stop> {
    let target = args.target()?;
    let mut facts = facts(args, options, &opening);
    if args.dispatch.is_none() {
        // An example of the text that nobody declared: whether it is taken is open.
        facts.takes_dispatches = dispatches::takes_dispatches(&opening.settings, &facts).await;
    }
    let facts = facts;
    if facts.requests.is_empty() {
        screen::say(&format!(
            "the server did not answer {} {}: requests are sent and not judged (give one that it answers: --request)",
            EXAMPLE.0, EXAMPLE.1
        ));
    }
    let terms = args.campaign.terms(args.connections);
    let mut keeper = Keeper::new(&args.campaign.save, known);
    let mut progress = Campaign::new(globals.quiet, &terms);
    let settings = opening.settings.clone();
    let mut minded = opening.minder.map(|minder| Minded {
        minder,
        settings: settings.clone(),
    });
    let reviver = minded.as_mut().map(|minded| minded as &mut dyn Reviver);
    let mut on_event = |event: Event<'_>| match event {
        Event::Progress(so_far) => progress.tell(so_far),
        Event::Found(find) => {
            let kept = keeper.keep(find);
            progress.say(&report::found(find, &kept));
        }
        Event::Note(text) => progress.say(&text),
    };
    let outcome = campaign::run(settings, &facts, &terms, reviver, interrupt, &mut on_event).await;
    progress.clear();
    if let Some(minded) = minded {
        minded.minder.end().await;
    }
    let url = crate::event::shell::quote(&target.shown()).into_owned();
    let dialect = match args.dialect.dialect {
        Dialect::Text => "",
        Dialect::Bidirectional => " --dialect bidirectional",
    };
    let repeat = |file: &str| format!("litespec check {url} --only-own --scenario {file}{dialect}");
    let report = Report {
        target: target.shown(),
        peer: "server",
        interval: facts.interval,
        repeat: &repeat,
        terms: &terms,
        outcome: &outcome,
        kept: keeper.kept(),
        strict: args.campaign.strict,
    };
    out.write(&match args.campaign.format {
        Format::Human => report.human(globals.verbose > 0, globals.quiet),
        Format::Json => report.json(),
    })?;
    keeper.finish()?;
    Ok(match outcome.ending {
        Ending::Interrupted => Exit::Interrupted,
        _ if report.fails() => Exit::Failure,
        Ending::TargetGone(_) => Exit::Failure,
        Ending::Complete | Ending::Found => Exit::Success,
    })
}

/// What the campaign knows of the target.
fn facts(args: &FuzzArgs, options: &Options, opening: &Opening) -> Facts {
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let spelled = |declared: &Declared| (json(&declared.w), declared.a.clone());
    let example = [Declared {
        w: EXAMPLE.0.to_owned(),
        a: EXAMPLE.1.to_owned(),
    }];
    let asked = match &options.requests[..] {
        [] => &example[..],
        declared => declared,
    };
    // What the user declared has to be answered; the text's example need not be known.
    let judged = match &opening.answered[..] {
        [false] if options.requests.is_empty() => &[],
        _ => asked,
    };
    let was = opening.answered.iter().position(|answered| *answered);
    Facts {
        requests: judged.iter().map(spelled).collect(),
        answered: was.unwrap_or(judged.len()),
        dispatch: spelled(args.dispatch.as_ref().unwrap_or(&example[0])),
        dialect: opening.settings.dialect,
        takes_dispatches: true,
        interval: opening.interval,
        answer_within: args.answer_within,
    }
}

/// A target of ours that can be started again.
struct Minded {
    minder: Minder,
    settings: Settings,
}

impl Reviver for Minded {
    fn revive(&mut self) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + '_>> {
        Box::pin(self.minder.restart(&self.settings))
    }
}

impl FuzzArgs {
    fn target(&self) -> Result<Target, Stop> {
        match self.url.as_ref().or(self.target.as_ref()) {
            Some(url) if !url.is_empty() => target::parse(url),
            _ => Err(Stop::usage("no target: which server is to be fuzzed?")
                .hint("give its URL: litespec fuzz ws://127.0.0.1:10101/")),
        }
    }

    fn options(&self, from: PasswordFrom) -> Result<Options, Stop> {
        let mut options = Options {
            requests: self.request.clone(),
            dispatches: self.dispatch.iter().cloned().collect(),
            seed: self.campaign.seed,
            grace: self.grace,
            answer_within: self.answer_within,
            trace_header: !self.no_trace_header,
            subprotocols: subprotocols(&self.subprotocol)?,
            dialect: self.dialect.dialect.into(),
            answers: self.dialect.answers()?,
            ..Options::default()
        };
        options.password = super::suite::password(
            self.password.as_deref(),
            self.password_file.as_deref(),
            from,
        )?;
        for text in &self.header {
            let header = values::header(text, |name| std::env::var(name).ok());
            options
                .headers
                .push(header.map_err(|error| Stop::usage(format!("--header: {error}")))?);
        }
        if !self.command.is_empty() {
            options.launch = Some(Launch {
                command: self.command.clone(),
                ready_within: self.ready_within,
            });
        }
        Ok(options)
    }
}

//! `litespec fuzz-client`: makes up cases, plays them against a client, and keeps what fails.

use std::ffi::OsString;
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::Globals;
use super::check_client::{Driver, whole_millis};
use super::exit::{Exit, Stop};
use super::fuzz::args::{CampaignArgs, Format};
use super::fuzz::could_not_run;
use super::fuzz::keep::{self, Keeper};
use super::fuzz::replay::{self, Playing, Stage};
use super::fuzz::report::{self, Report};
use super::options::subprotocols;
use super::progress::Campaign;
use super::run::Line;
use super::screen::{self, Stdout};
use super::suite::PasswordFrom;
use super::{interrupt, repeat, values};
use crate::fuzzer::campaign::{Ending, Event, Terms};
use crate::fuzzer::client::campaign::{self, verdict};
use crate::fuzzer::client::script::{Facts, millis};
use crate::play::{self, Guests, Settings, Spawned, Spawning};
use crate::runner::{self, ClientOpening, Options, Readiness};
use crate::scenario::Scenario;
use crate::scenario::syntax::Role;
use crate::scenario::values::Env;

pub(super) const EXAMPLES: &str = "\
{url} and {password} in CMD are filled in; LITESPEC_URL and LITESPEC_PASSWORD are in its environment.
CMD is started once for each case, several at a time, and ended with all that it has started.

Examples:
  litespec fuzz-client -- ./my-client '{url}' --password '{password}'
  litespec fuzz-client --time 10m --connections 16 -- node my-client.mjs
  litespec fuzz-client --driver off -- python3 my_client.py
  litespec fuzz-client --replay litespec-finds -- ./my-client '{url}'
  litespec fuzz-client --known litespec-finds --format json -- ./my-client '{url}'
  litespec check-client --only-own --scenario litespec-finds/client-correlates-0123456789ab.scenario -- ./my-client '{url}'

Requests and dispatches are part of it where the client obeys a driver (litespec check-client --help
says how). Every find is a scenario that fails, as small as it would get.";

/// Beyond what its lines wait for, a scenario that is replayed may take so long.
const SLACK: Duration = Duration::from_secs(60);
/// How long a driven client may take until it says so.
const GREETS_WITHIN: Duration = Duration::from_secs(30);

/// Arguments of `litespec fuzz-client`. Not `Debug`: it holds the password.
#[derive(Args)]
pub(super) struct FuzzClientArgs {
    /// Start the client with this command, once for each case
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
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
    /// The hb_interval of a HELLO where the case does not set its own
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "1s", env = "LITESPEC_HB_INTERVAL", help_heading = "Target")]
    hb_interval: Duration,
    /// How long a client's first connection is awaited
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "30s", env = "LITESPEC_READY_WITHIN", help_heading = "Target")]
    ready_within: Duration,
    /// How long a client that has lost its connection is awaited
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "20s", env = "LITESPEC_RECONNECT_WITHIN", help_heading = "Target")]
    reconnect_within: Duration,
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
    /// A subprotocol to accept (repeatable)
    #[arg(
        long,
        value_name = "NAME",
        env = "LITESPEC_SUBPROTOCOL",
        help_heading = "Target"
    )]
    subprotocol: Vec<String>,

    /// Cases at once, each with a client of its own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), default_value = "8", env = "LITESPEC_CONNECTIONS", help_heading = "Campaign")]
    connections: u16,
    #[command(flatten)]
    pub(super) campaign: CampaignArgs,

    /// Tolerance behind each deadline of the client
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "3s", env = "LITESPEC_GRACE", help_heading = "Judging")]
    grace: Duration,
    /// How long an answer may take where the protocol sets no time
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "5s", env = "LITESPEC_ANSWER_WITHIN", help_heading = "Judging")]
    answer_within: Duration,
}

pub(super) fn run(globals: &Globals, args: &FuzzClientArgs, line: &Line<'_>) -> Result<Exit, Stop> {
    if args.command.is_empty() {
        return Err(Stop::usage("no client: which one is to be fuzzed?")
            .hint("give its command: litespec fuzz-client -- ./my-client '{url}'"));
    }
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
        let guests: Arc<dyn Guests> = Arc::new(Spawned::new(args.spawning(&options)));
        let opening = tokio::select! {
            biased;
            () = interrupt.as_mut() => Ok(None),
            opening = runner::open_client(&options, &*guests) => {
                let shown = command_of(args, &options);
                opening.map(Some).map_err(|error| {
                    report::not_opened(&shown, &args.campaign, error, "check-client", &mut out)
                })
            }
        };
        let told = match (opening, files) {
            (Err(stop), _) => Err(stop),
            (Ok(None), _) => Ok(Exit::Interrupted),
            (Ok(Some(opening)), Some(files)) => {
                let mut stage = Invited {
                    settings: opening.settings,
                    guests: Arc::clone(&guests),
                    patience: args.reconnect_within,
                };
                tokio::select! {
                    biased;
                    () = interrupt.as_mut() => Ok(Exit::Interrupted),
                    told = replay::run(&mut stage, &files, args.campaign.strict, args.campaign.format, out) => told,
                }
            }
            (Ok(Some(opening)), None) => {
                fuzz(
                    globals,
                    args,
                    &options,
                    Begun {
                        opening,
                        guests: Arc::clone(&guests),
                        known,
                    },
                    interrupt.as_mut(),
                    out,
                )
                .await
            }
        };
        guests.clear().await;
        told
    });
    runtime.shutdown_background();
    told
}

/// What a campaign begins with.
struct Begun {
    opening: ClientOpening,
    guests: Arc<dyn Guests>,
    /// Fingerprints of finds that are no news.
    known: std::collections::BTreeSet<String>,
}

async fn fuzz(
    globals: &Globals,
    args: &FuzzClientArgs,
    options: &Options,
    begun: Begun,
    interrupt: impl Future<Output = ()> + Send,
    mut out: Stdout,
) -> Result<Exit, Stop> {
    let Begun {
        opening,
        guests,
        known,
    } = begun;
    let facts = Facts {
        driven: opening.driven,
        interval_ms: millis(args.hb_interval),
        answer_within_ms: millis(args.answer_within.min(campaign::IMPATIENT)),
    };
    if !facts.driven {
        screen::say(
            "the client obeys no driver: it is not told to send requests or dispatches (see litespec check-client --help)",
        );
    }
    let terms = Terms {
        shrink_time: campaign::SHRINK_TIME,
        ..args.campaign.terms(args.connections)
    };
    let mut keeper = Keeper::new(&args.campaign.save, known);
    let mut progress = Campaign::new(globals.quiet, &terms);
    let mut on_event = |event: Event<'_>| match event {
        Event::Progress(so_far) => progress.tell(so_far),
        Event::Found(find) => {
            let kept = keeper.keep(find);
            progress.say(&report::found(find, &kept));
        }
        Event::Note(text) => progress.say(&text),
    };
    let outcome = campaign::run(
        opening.settings,
        guests,
        &facts,
        args.reconnect_within,
        &terms,
        interrupt,
        &mut on_event,
    )
    .await;
    progress.clear();
    let command = repeat::tail(&args.command, &options.password);
    let again = |file: &str| {
        let command = command.join(" ");
        format!("litespec check-client --only-own --scenario {file} {command}")
    };
    let report = Report {
        target: command_of(args, options),
        peer: "client",
        interval: args.hb_interval,
        repeat: &again,
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
        Ending::TargetGone(_) => Exit::CouldNotRun,
        Ending::Complete | Ending::Found => Exit::Success,
    })
}

/// The client's command, as people would type it.
fn command_of(args: &FuzzClientArgs, options: &Options) -> String {
    repeat::tail(&args.command, &options.password)[1..].join(" ")
}

/// Clients that are started for the scenarios that are replayed.
struct Invited {
    settings: Settings,
    guests: Arc<dyn Guests>,
    patience: Duration,
}

impl Stage for Invited {
    fn play<'a>(&'a mut self, scenario: &'a Arc<Scenario>) -> Playing<'a> {
        Box::pin(async move {
            let settings = &self.settings;
            let env = Env::new(&settings.password);
            let limit = scenario.need(settings.interval, settings.grace)
                + self.patience * scenario.visits()
                + SLACK;
            let id = &scenario.id;
            let played = play::run_guest(settings, &*self.guests, id, scenario, env, limit).await;
            Ok(verdict(&played, settings))
        })
    }
}

impl FuzzClientArgs {
    fn options(&self, from: PasswordFrom) -> Result<Options, Stop> {
        let mut options = Options {
            role: Role::Client,
            hb_interval: whole_millis(self.hb_interval)?,
            patience: self.reconnect_within,
            ready_within: self.ready_within,
            seed: self.campaign.seed,
            grace: self.grace,
            answer_within: self.answer_within,
            subprotocols: subprotocols(&self.subprotocol)?,
            driver: Readiness {
                required: self.driver == Driver::Required,
                within: GREETS_WITHIN,
            },
            ..Options::default()
        };
        options.password = super::suite::password(
            self.password.as_deref(),
            self.password_file.as_deref(),
            from,
        )?;
        Ok(options)
    }

    fn spawning(&self, options: &Options) -> Spawning {
        Spawning {
            command: self.command.clone(),
            password: options.password.clone(),
            driven: self.driver != Driver::Off,
            starting: std::thread::available_parallelism().map_or(2, usize::from),
            ready_within: self.ready_within,
            reconnect_within: self.reconnect_within,
        }
    }
}

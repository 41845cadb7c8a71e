//! The command line: arguments, one file per subcommand, exit codes.

mod check;
mod check_client;
mod client;
mod color;
mod config;
mod dialect;
mod diff;
mod exit;
mod explain;
mod files;
mod fmt;
mod fuzz;
mod fuzz_client;
mod interrupt;
mod known;
mod list;
mod local;
mod logs;
mod near;
mod options;
mod output;
mod peers;
mod profile;
mod progress;
mod quote;
mod refine;
mod repeat;
mod request;
mod rewrite;
mod run;
mod screen;
mod selection;
mod selftest;
mod serve;
mod step;
mod suite;
mod target;
mod values;
mod zoo;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{
    ArgMatches, Args, Command as ClapCommand, CommandFactory, FromArgMatches, Parser, Subcommand,
};
use tracing::Level;

use color::Color;
pub use exit::Exit;
use exit::Stop;

const EXAMPLES: &str = "\
Examples:
  litespec check --reference                      see a run where everything passes
  litespec check ws://127.0.0.1:10101/            test a server
  litespec serve                                  the reference server, to build a client against
  litespec request ws://127.0.0.1:10101/ ECHO '[1]'
  litespec list rules                             what is judged
  litespec explain auth.reject                    one rule and its scenarios

Exit codes: 0 passed, 1 failed, 2 usage, 3 bad scenario or configuration, 4 could not run,
5 nothing failed but must rules stayed unjudged, 130 interrupted";

/// Tells whether an implementation of the Common Protocol is right, and why.
#[derive(Parser)]
#[command(name = "litespec", version, disable_help_flag = true, arg_required_else_help = true, subcommand_required = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Options of every subcommand.
#[derive(Args, Clone, Debug)]
pub(crate) struct Globals {
    /// When to colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        env = "LITESPEC_COLOR",
        help_heading = "Output"
    )]
    color: Color,
    /// Say more: everything in full; twice: log on standard error what is done, three times: in detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count, env = "LITESPEC_VERBOSE", help_heading = "Output")]
    verbose: u8,
    /// Say less: of a run its first line only
    #[arg(short, long, global = true, env = "LITESPEC_QUIET", value_parser = clap::builder::BoolishValueParser::new(), help_heading = "Output")]
    quiet: bool,
    /// Print help
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort, help_heading = "Output")]
    help: Option<bool>,
}

#[derive(Subcommand)]
enum Command {
    /// Test a server
    #[command(after_help = check::EXAMPLES)]
    Check(Box<check::Check>),
    /// Test a client
    #[command(after_help = check_client::EXAMPLES)]
    CheckClient(Box<check_client::CheckClient>),
    /// Record what a server does where the protocol leaves a choice
    #[command(after_help = profile::EXAMPLES)]
    Profile(Box<profile::ProfileArgs>),
    /// Record what a client does where the protocol leaves a choice
    #[command(after_help = profile::CLIENT_EXAMPLES)]
    ProfileClient(Box<profile::ProfileClientArgs>),
    /// Send a server what nobody expects, and keep the smallest scenario of each failure
    #[command(after_help = fuzz::EXAMPLES)]
    Fuzz(Box<fuzz::FuzzArgs>),
    /// Send a client what nobody expects, and keep the smallest scenario of each failure
    #[command(after_help = fuzz_client::EXAMPLES)]
    FuzzClient(Box<fuzz_client::FuzzClientArgs>),
    /// Compare two reports or two profiles
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::DiffArgs),
    /// Run the reference server
    Serve(serve::ServeArgs),
    /// Run the reference client
    Client(client::ClientArgs),
    /// Send one request to a server and print its answer
    Request(request::RequestArgs),
    /// List scenarios, rules, the zoo's servers, or the schema of the JSON report
    #[command(after_help = list::EXAMPLES)]
    List(list::ListArgs),
    /// Explain a rule or a scenario
    #[command(after_help = explain::EXAMPLES)]
    Explain(explain::ExplainArgs),
    /// Run the suite against the zoo: it must catch what is wrong, and nothing else
    #[command(after_help = selftest::EXAMPLES)]
    Selftest(selftest::SelftestArgs),
    /// Bring scenario files into their one canonical form
    #[command(after_help = fmt::EXAMPLES)]
    Fmt(fmt::FmtArgs),
}

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    run(std::env::args_os().collect())
}

fn run(args: Vec<OsString>) -> ExitCode {
    let command = command(&args);
    let matches = match command.clone().try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => return clap_said(&error).into(),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return clap_said(&error).into(),
    };
    let globals = cli.globals.clone();
    match dispatch(cli, &command, &args, &matches) {
        Ok(exit) => exit,
        Err(stop) => {
            screen::say_stop(&stop, globals.color);
            stop.exit.into()
        }
    }
}

fn dispatch(
    cli: Cli,
    command: &ClapCommand,
    args: &[OsString],
    matches: &ArgMatches,
) -> Result<ExitCode, Stop> {
    match cli.command {
        Command::Check(check) => {
            let file = check.run.suite.config.as_deref();
            let read = with_file(command, "check", args, matches, file)?;
            let Command::Check(check) = &read.cli.command else {
                return Err(Stop::usage("the configuration changed the subcommand"));
            };
            Ok(check::run(&read.cli.globals, check, &read.line("check")?)?.into())
        }
        Command::CheckClient(check) => {
            let file = check.run.suite.config.as_deref();
            let read = with_file(command, "check-client", args, matches, file)?;
            let Command::CheckClient(check) = &read.cli.command else {
                return Err(Stop::usage("the configuration changed the subcommand"));
            };
            let line = read.line("check-client")?;
            Ok(check_client::run(&read.cli.globals, check, &line)?.into())
        }
        Command::Profile(profile) => {
            let file = profile.run.suite.config.as_deref();
            let read = with_file(command, "profile", args, matches, file)?;
            let Command::Profile(profile) = &read.cli.command else {
                return Err(Stop::usage("the configuration changed the subcommand"));
            };
            Ok(profile::run(&read.cli.globals, profile, &read.line("profile")?)?.into())
        }
        Command::ProfileClient(profile) => {
            let file = profile.run.suite.config.as_deref();
            let read = with_file(command, "profile-client", args, matches, file)?;
            let Command::ProfileClient(profile) = &read.cli.command else {
                return Err(Stop::usage("the configuration changed the subcommand"));
            };
            let line = read.line("profile-client")?;
            Ok(profile::run_client(&read.cli.globals, profile, &line)?.into())
        }
        Command::Fuzz(fuzz) => {
            let file = fuzz.campaign.config.as_deref();
            let read = with_file(command, "fuzz", args, matches, file)?;
            let Command::Fuzz(fuzz) = &read.cli.command else {
                return Err(Stop::usage("the configuration changed the subcommand"));
            };
            Ok(fuzz::run(&read.cli.globals, fuzz, &read.line("fuzz")?)?.into())
        }
        Command::FuzzClient(fuzz) => {
            let file = fuzz.campaign.config.as_deref();
            let read = with_file(command, "fuzz-client", args, matches, file)?;
            let Command::FuzzClient(fuzz) = &read.cli.command else {
                return Err(Stop::usage("the configuration changed the subcommand"));
            };
            let line = read.line("fuzz-client")?;
            Ok(fuzz_client::run(&read.cli.globals, fuzz, &line)?.into())
        }
        Command::Diff(diff) => Ok(diff::run(&cli.globals, &diff)?.into()),
        Command::List(list) => Ok(list::run(&cli.globals, &list)?.into()),
        Command::Explain(explain) => Ok(explain::run(&cli.globals, &explain)?.into()),
        Command::Selftest(selftest) => {
            logs::start(&cli.globals, Level::ERROR);
            Ok(selftest::run(&cli.globals, &selftest)?.into())
        }
        Command::Fmt(fmt) => Ok(fmt::run(&cli.globals, &fmt)?.into()),
        Command::Serve(serve) => {
            logs::start(&cli.globals, Level::INFO);
            Ok(serve::run(serve)?.into())
        }
        Command::Client(client) => {
            logs::start(&cli.globals, Level::WARN);
            Ok(client::run(client)?.into())
        }
        Command::Request(request) => {
            logs::start(&cli.globals, Level::ERROR);
            Ok(request::run(request).into())
        }
    }
}

/// A command line with what the configuration file adds.
struct Read<'c> {
    cli: Cli,
    command: &'c ClapCommand,
    matches: ArgMatches,
    from_file: BTreeSet<String>,
}

impl Read<'_> {
    fn line(&self, name: &str) -> Result<run::Line<'_>, Stop> {
        match (
            self.command.find_subcommand(name),
            self.matches.subcommand_matches(name),
        ) {
            (Some(command), Some(matches)) => Ok(run::Line {
                command,
                matches,
                from_file: &self.from_file,
            }),
            _ => Err(Stop::usage("the configuration changed the subcommand")),
        }
    }
}

/// Reads the command line again, with the configuration file's options in it.
fn with_file<'c>(
    command: &'c ClapCommand,
    name: &str,
    args: &[OsString],
    matches: &ArgMatches,
    file: Option<&Path>,
) -> Result<Read<'c>, Stop> {
    let merged = config::merge(command, name, args, matches, file)?;
    // The second parse has more to read, so it is the one that counts, globals included.
    let unreadable = |error| Stop::bad_input(config::first_line(&error));
    let matches = command
        .clone()
        .try_get_matches_from(&merged.args)
        .map_err(unreadable)?;
    let cli = Cli::from_arg_matches(&matches).map_err(unreadable)?;
    logs::start(&cli.globals, Level::WARN);
    Ok(Read {
        cli,
        command,
        matches,
        from_file: merged.from_file,
    })
}

/// The command as clap wants it: built, without variables (whose values may be secret) in its help.
fn command(args: &[OsString]) -> ClapCommand {
    let mut command = Cli::command()
        .color(Color::for_clap(args))
        .mut_args(|arg| arg.hide_env(true))
        .mut_subcommands(|sub| sub.mut_args(|arg| arg.hide_env(true)));
    command.build();
    command
}

/// Help and version go to standard output and are no error.
fn clap_said(error: &clap::Error) -> Exit {
    // A closed pipe is no reason to fail.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Success,
        _ => Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command(&[]).debug_assert();
    }

    #[test]
    fn every_option_of_check_has_a_variable_but_what_must_not_come_from_one() {
        let command = command(&[]);
        let check = command
            .find_subcommand("check")
            .expect("it is a subcommand");
        for arg in check.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            if ["help", "version", "reference", "defect", "variant"].contains(&long) {
                assert_eq!(arg.get_env(), None, "{long}");
                continue;
            }
            let expected = format!("LITESPEC_{}", long.replace('-', "_").to_uppercase());
            assert_eq!(
                arg.get_env().and_then(|env| env.to_str()),
                Some(expected.as_str()),
                "{long}"
            );
        }
    }
}

//! The options of `check`, and what the runner gets of them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::dialect::DialectArgs;
use super::exit::Stop;
use super::suite::{PasswordFrom, SuiteArgs};
use super::values;
use super::zoo::ZooArgs;
use crate::runner::{Declared, Feature, Launch, Options};

/// What is written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A screen for people.
    #[default]
    Human,
    /// One JSON object at the end.
    Json,
    /// One JSON object an event, as they happen.
    Jsonl,
    /// JUnit XML at the end, for a CI's test page.
    Junit,
}

/// A report to be written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportTo {
    pub(crate) format: Format,
    pub(crate) path: PathBuf,
}

/// `FORMAT=PATH`.
fn report_to(text: &str) -> Result<ReportTo, String> {
    let (format, path) = text
        .split_once('=')
        .ok_or("must be FORMAT=PATH, for example json=report.json")?;
    let format = Format::from_str(format, true)
        .map_err(|_| "the formats are human, json, jsonl and junit".to_owned())?;
    match path {
        "" => Err("no path behind =".to_owned()),
        "-" => Err("for standard output use --format".to_owned()),
        path => Ok(ReportTo {
            format,
            path: PathBuf::from(path),
        }),
    }
}

/// What a server can declare that it does not offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Without {
    /// It answers no REQUEST
    Request,
    /// It takes no DISPATCH
    Dispatch,
}

/// Arguments of `litespec check`. Not `Debug`: it holds the password.
#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The server to test, for example ws://127.0.0.1:10101/ (else LITESPEC_TARGET, else `target` in litespec.toml)
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Start the server with this command, wait for its HELLO, and end it with all it started
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
    /// How long the started server may take until it says HELLO
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, default_value = "30s", env = "LITESPEC_READY_WITHIN", help_heading = "Target")]
    pub(crate) ready_within: Duration,
    /// The same as URL
    #[arg(long, hide = true, env = "LITESPEC_TARGET", value_name = "URL")]
    pub(crate) target: Option<String>,
    /// Test the built-in reference server, started on a free port, over a real socket
    #[arg(long, help_heading = "Target")]
    pub(crate) reference: bool,
    /// Heartbeat interval of the reference server [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = values::duration_above_zero, env = "LITESPEC_HB_INTERVAL", help_heading = "Target")]
    pub(crate) hb_interval: Option<Duration>,
    #[command(flatten, next_help_heading = "Target")]
    pub(crate) zoo: ZooArgs,
    /// A request that the server answers, for example 'ECHO [1, 2]' (repeatable)
    #[arg(long, value_name = "W [ARGS]", value_parser = values::declared, env = "LITESPEC_REQUEST", help_heading = "Target")]
    pub(crate) request: Vec<Declared>,
    /// A dispatch that the server takes (repeatable)
    #[arg(long, value_name = "W [ARGS]", value_parser = values::declared, env = "LITESPEC_DISPATCH", help_heading = "Target")]
    pub(crate) dispatch: Vec<Declared>,
    #[command(flatten)]
    pub(crate) dialect: DialectArgs,
    /// What the server does not offer (comma-separated or repeatable): scenarios that need it are skipped, and its rules may stay unjudged
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        value_delimiter = ',',
        env = "LITESPEC_WITHOUT",
        help_heading = "Target"
    )]
    pub(crate) without: Vec<Without>,
    /// A header of the upgrade request; ${env:NAME} stands for a variable (repeatable)
    #[arg(
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        env = "LITESPEC_HEADER",
        help_heading = "Target"
    )]
    pub(crate) header: Vec<String>,
    /// A subprotocol to offer (repeatable)
    #[arg(
        long,
        value_name = "NAME",
        env = "LITESPEC_SUBPROTOCOL",
        help_heading = "Target"
    )]
    pub(crate) subprotocol: Vec<String>,
    /// How many scenarios run at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), default_value = "16", env = "LITESPEC_JOBS", help_heading = "Running")]
    pub(crate) jobs: u16,
    /// Open at most so many connections a second
    #[arg(long, value_name = "N", value_parser = values::rate, env = "LITESPEC_CONNECT_RATE", help_heading = "Running")]
    pub(crate) connect_rate: Option<f64>,
    #[command(flatten)]
    pub(crate) suite: SuiteArgs,
}

/// Where the report of `litespec check` goes.
#[derive(Args, Debug)]
pub(crate) struct OutputArgs {
    /// What is written to standard output
    #[arg(
        long,
        value_enum,
        default_value = "human",
        env = "LITESPEC_FORMAT",
        help_heading = "Reports"
    )]
    pub(crate) format: Format,
    /// Write a report to a file as well (repeatable); FORMAT is human, json, jsonl or junit
    #[arg(long, value_name = "FORMAT=PATH", value_parser = report_to, env = "LITESPEC_REPORT", help_heading = "Reports")]
    pub(crate) report: Vec<ReportTo>,
}

impl CheckArgs {
    /// What the runner gets. `var` reads an environment variable.
    pub(crate) fn options(
        &self,
        password_from: PasswordFrom,
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Options, Stop> {
        let mut options = Options {
            launch: self.launch()?,
            requests: self.request.clone(),
            dispatches: self.dispatch.clone(),
            dialect: self.dialect.dialect.into(),
            answers: self.dialect.answers()?,
            jobs: usize::from(self.jobs),
            connect_rate: self.connect_rate,
            headers: Vec::new(),
            subprotocols: subprotocols(&self.subprotocol)?,
            ..Options::default()
        };
        self.suite.fill(&mut options, password_from, &var)?;
        self.fill_without(&mut options)?;
        for text in &self.header {
            options.headers.push(
                values::header(text, &var)
                    .map_err(|error| Stop::usage(format!("--header: {error}")))?,
            );
        }
        Ok(options)
    }

    fn fill_without(&self, options: &mut Options) -> Result<(), Stop> {
        for without in &self.without {
            let (feature, declared) = match without {
                Without::Request => (Feature::Request, !options.requests.is_empty()),
                Without::Dispatch => (Feature::Dispatch, !options.dispatches.is_empty()),
            };
            if declared {
                let name = feature.as_str();
                return Err(Stop::usage(format!(
                    "--{name} says that the server takes a {name}, --without {name} that it does not"
                )));
            }
            options.without.insert(feature);
        }
        Ok(())
    }

    fn launch(&self) -> Result<Option<Launch>, Stop> {
        if self.command.is_empty() {
            return Ok(None);
        }
        if self.reference {
            return Err(Stop::usage(
                "--reference starts the built-in server: it takes no command",
            ));
        }
        Ok(Some(Launch {
            command: self.command.clone(),
            ready_within: self.ready_within,
        }))
    }
}

/// The subprotocols, if each can be one.
pub(super) fn subprotocols(names: &[String]) -> Result<Vec<String>, Stop> {
    let token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
    match names
        .iter()
        .find(|name| name.is_empty() || !name.chars().all(token))
    {
        Some(wrong) => Err(Stop::usage(format!(
            "{wrong:?} is no name for a subprotocol"
        ))),
        None => Ok(names.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::protocol::json::Json;
    use crate::runner::Dialect;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        check: CheckArgs,
    }

    fn parse(args: &[&str]) -> CheckArgs {
        Line::parse_from([&["litespec"], args].concat()).check
    }

    fn options(args: &[&str]) -> Result<Options, Stop> {
        parse(args).options(PasswordFrom::Text, |name| {
            (name == "TOKEN").then(|| "t0ken".to_owned())
        })
    }

    #[test]
    fn without_options_the_runner_gets_its_own_defaults() {
        let ours = format!("{:?}", options(&["ws://x/"]).unwrap());
        assert_eq!(ours, format!("{:?}", Options::default()));
    }

    #[test]
    fn every_option_reaches_the_runner() {
        let line = [
            "ws://x/",
            "--password",
            "p",
            "--request",
            "ECHO [1]",
            "--dispatch",
            "NOTE",
            "--dialect",
            "bidirectional",
            "--answer",
            "WHO {\"name\": 1.0}",
            "-H",
            "X: ${env:TOKEN}",
            "--subprotocol",
            "a",
            "--no-trace-header",
            "--filter",
            "a*",
            "--var",
            "v=[1]",
            "--secret",
            "s=env:TOKEN",
            "--strict",
            "--grace",
            "1s",
            "--answer-within",
            "2s",
            "--timeout",
            "1m",
            "--max-wait",
            "9s",
            "--jobs",
            "2",
            "--connect-rate",
            "2.5",
            "--shuffle",
            "--seed",
            "9",
        ];
        let options = options(&line).unwrap();
        assert_eq!(options.password, "p");
        assert_eq!(
            options.requests,
            [Declared {
                w: "ECHO".into(),
                a: "[1]".into()
            }]
        );
        assert_eq!(
            options.dispatches,
            [Declared {
                w: "NOTE".into(),
                a: "[]".into()
            }]
        );
        assert_eq!(options.dialect, Dialect::Bidirectional);
        assert_eq!(options.answers["WHO"], "{\"name\": 1.0}");
        assert_eq!(options.headers, [("X".to_owned(), "t0ken".to_owned())]);
        assert_eq!(options.subprotocols, ["a"]);
        assert_eq!(options.filters, ["a*"]);
        assert_eq!(options.vars["v"], Json::parse(b"[1]").unwrap());
        assert_eq!(options.secrets["s"], "t0ken");
        assert!(options.strict && options.shuffle && !options.trace_header);
        assert_eq!(
            (options.grace, options.answer_within),
            (Duration::from_secs(1), Duration::from_secs(2))
        );
        assert_eq!(
            (options.timeout, options.max_wait),
            (Some(Duration::from_secs(60)), Duration::from_secs(9))
        );
        assert_eq!(
            (options.jobs, options.connect_rate, options.seed),
            (2, Some(2.5), 9)
        );
    }

    #[test]
    fn a_variable_given_twice_is_refused() {
        assert!(options(&["--var", "a=1", "--var", "a=2"]).is_err());
        assert!(options(&["--var", "a=1", "--secret", "a=env:TOKEN"]).is_err());
    }

    #[test]
    fn a_secret_must_come_from_a_variable_that_is_set() {
        let error = options(&["--secret", "s=hunter2"]).unwrap_err();
        assert!(!error.message.contains("hunter2"), "{}", error.message);
        assert!(
            options(&["--secret", "s=env:GONE"])
                .unwrap_err()
                .message
                .contains("GONE")
        );
    }

    #[test]
    fn reports_need_a_format_and_a_path() {
        assert_eq!(
            report_to("json=a=b"),
            Ok(ReportTo {
                format: Format::Json,
                path: "a=b".into()
            })
        );
        for wrong in ["json", "xml=a", "json=", "json=-"] {
            assert!(report_to(wrong).is_err(), "{wrong}");
        }
    }
}

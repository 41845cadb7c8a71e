//! The options of `check`, and what the runner gets of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::dialect::DialectArgs;
use super::exit::Stop;
use super::refine::RefineArgs;
use super::values;
use super::zoo::ZooArgs;
use crate::protocol::json::Json;
use crate::runner::{Declared, Launch, Options};

/// The shared password of the protocol's own text.
const DEFAULT_PASSWORD: &str = "helloworld";

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

/// Which of the two options for the password counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordFrom {
    /// `--password`, or the default.
    Text,
    /// `--password-file`.
    File,
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
    /// A request that the server answers, for example 'ECHO [1, 2]' (repeatable)
    #[arg(long, value_name = "W [ARGS]", value_parser = values::declared, env = "LITESPEC_REQUEST", help_heading = "Target")]
    pub(crate) request: Vec<Declared>,
    /// A dispatch that the server takes (repeatable)
    #[arg(long, value_name = "W [ARGS]", value_parser = values::declared, env = "LITESPEC_DISPATCH", help_heading = "Target")]
    pub(crate) dispatch: Vec<Declared>,
    #[command(flatten)]
    pub(crate) dialect: DialectArgs,
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

    /// How many scenarios run at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), default_value = "16", env = "LITESPEC_JOBS", help_heading = "Running")]
    pub(crate) jobs: u16,
    /// Open at most so many connections a second
    #[arg(long, value_name = "N", value_parser = values::rate, env = "LITESPEC_CONNECT_RATE", help_heading = "Running")]
    pub(crate) connect_rate: Option<f64>,
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
            password: self.password(password_from)?,
            requests: self.request.clone(),
            dispatches: self.dispatch.clone(),
            dialect: self.dialect.dialect.into(),
            answers: self.dialect.answers()?,
            filters: self.filter.clone(),
            vars: BTreeMap::new(),
            secrets: BTreeMap::new(),
            strict: self.strict,
            jobs: usize::from(self.jobs),
            connect_rate: self.connect_rate,
            shuffle: self.shuffle,
            seed: self.seed,
            grace: self.grace,
            answer_within: self.answer_within,
            timeout: self.timeout,
            max_wait: self.max_wait,
            trace_header: !self.no_trace_header,
            headers: Vec::new(),
            subprotocols: self.subprotocols()?,
            ..Options::default()
        };
        self.refine.fill(&mut options)?;
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
        for text in &self.header {
            options.headers.push(
                values::header(text, &var)
                    .map_err(|error| Stop::usage(format!("--header: {error}")))?,
            );
        }
        Ok(options)
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

    fn password(&self, from: PasswordFrom) -> Result<String, Stop> {
        let path = match (from, &self.password_file) {
            (PasswordFrom::File, Some(path)) => path,
            _ => {
                return Ok(self
                    .password
                    .clone()
                    .unwrap_or_else(|| DEFAULT_PASSWORD.to_owned()));
            }
        };
        let shown = path.display();
        let mut text = std::fs::read_to_string(path).map_err(|error| {
            Stop::usage(format!("cannot read the password file {shown}: {error}"))
        })?;
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Ok(text)
    }

    fn subprotocols(&self) -> Result<Vec<String>, Stop> {
        let token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
        match self
            .subprotocol
            .iter()
            .find(|name| name.is_empty() || !name.chars().all(token))
        {
            Some(wrong) => Err(Stop::usage(format!(
                "{wrong:?} is no name for a subprotocol"
            ))),
            None => Ok(self.subprotocol.clone()),
        }
    }
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
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

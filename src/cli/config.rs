//! `litespec.toml`: the options of `check` under the names of their flags. What the command line
//! or a `LITESPEC_*` variable already says is left alone; everything else becomes an argument, so
//! that the same parser judges all of it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::de::{DeTable, DeValue};

use super::exit::Stop;
use super::near::{did_you_mean, near};
use super::quote::quoted;

/// Read from the current directory when no other is named.
const DEFAULT_NAME: &str = "litespec.toml";

/// Options that say the same thing in different ways: one that is given displaces the others.
const ALTERNATIVES: [&[&str]; 2] = [
    &["target", "url", "reference"],
    &["password", "password-file"],
];

/// Never taken from a file: a green run must come from a target that somebody named, and a file
/// cannot say where it is itself.
const NOT_IN_A_FILE: [&str; 6] = [
    "reference",
    "defect",
    "variant",
    "config",
    "help",
    "version",
];

/// A command line with what the file adds.
pub(crate) struct Merged {
    /// The arguments of the second parse.
    pub(crate) args: Vec<OsString>,
    /// Names of the options that came from the file.
    pub(crate) from_file: BTreeSet<String>,
}

struct File {
    path: String,
    text: String,
}

struct Entry {
    name: String,
    span: Range<usize>,
    args: Vec<OsString>,
}

/// Adds to the arguments of `subcommand` what the configuration file says and they do not.
pub(crate) fn merge(
    command: &Command,
    subcommand: &str,
    args: &[OsString],
    matches: &ArgMatches,
    named: Option<&Path>,
) -> Result<Merged, Stop> {
    let mut merged = Merged {
        args: args.to_vec(),
        from_file: BTreeSet::new(),
    };
    let Some(file) = File::find(named)? else {
        return Ok(merged);
    };
    let sub = command
        .find_subcommand(subcommand)
        .ok_or_else(|| Stop::usage("no such subcommand"))?;
    let sub_matches = matches
        .subcommand_matches(subcommand)
        .ok_or_else(|| Stop::usage("no such subcommand"))?;
    let Some(place) = args.iter().skip(1).position(|arg| arg == subcommand) else {
        return Ok(merged);
    };
    let place = place + 2;
    let check = command.find_subcommand("check").unwrap_or(sub);
    for entry in file.entries(sub, check)? {
        let with_it = |base: &[OsString]| {
            let (before, behind) = base.split_at(place);
            [before, &entry.args, behind].concat()
        };
        // Each entry is tried alone, so that what is wrong with it is said at its own line, also
        // when something else overrides it.
        if let Err(error) = command.clone().try_get_matches_from(with_it(args))
            && !given(sub, sub_matches, &entry.name)
        {
            return Err(file.refuse(&first_line(&error), entry.span.clone(), None));
        }
        if !given(sub, sub_matches, &entry.name) && !entry.args.is_empty() {
            merged.args = with_it(&merged.args);
            merged.from_file.insert(entry.name);
        }
    }
    Ok(merged)
}

/// Whether the option, or one that says the same in another way, is on the command line or in a variable.
fn given(sub: &Command, matches: &ArgMatches, name: &str) -> bool {
    let alone = [name];
    let alternatives = ALTERNATIVES
        .into_iter()
        .find(|group| group.contains(&name))
        .unwrap_or(&alone);
    sub.get_arguments()
        .filter(|arg| alternatives.contains(&arg.get_long().unwrap_or(arg.get_id().as_str())))
        .any(|arg| {
            matches!(
                matches.value_source(arg.get_id().as_str()),
                Some(ValueSource::CommandLine | ValueSource::EnvVariable)
            )
        })
}

/// clap's message without `error: ` and the usage behind it.
pub(crate) fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| !line.is_empty())
        .map(str::trim)
        .collect();
    let text = lines.join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

impl File {
    fn find(named: Option<&Path>) -> Result<Option<File>, Stop> {
        let path = named.map_or_else(|| PathBuf::from(DEFAULT_NAME), Path::to_path_buf);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(File {
                path: path.display().to_string(),
                text,
            })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                Ok(None)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Stop::usage(
                format!("cannot read the configuration {}: {error}", path.display()),
            )),
            Err(error) => Err(Stop::bad_input(format!(
                "cannot read the configuration {}: {error}",
                path.display()
            ))),
        }
    }

    fn refuse(&self, title: &str, span: Range<usize>, help: Option<&str>) -> Stop {
        Stop::bad_input(quoted(title, &self.path, &self.text, span, help))
    }

    /// The entries in the order of the file, as arguments.
    /// What only `check` has is left to it: one file serves all commands.
    fn entries(&self, sub: &Command, check: &Command) -> Result<Vec<Entry>, Stop> {
        let table = DeTable::parse(&self.text)
            .map_err(|error| self.refuse(error.message(), error.span().unwrap_or(0..0), None))?;
        let known: Vec<&Arg> = sub
            .get_arguments()
            .filter(|arg| {
                arg.get_long()
                    .is_some_and(|long| !NOT_IN_A_FILE.contains(&long))
            })
            .collect();
        let mut entries = Vec::new();
        for (key, value) in table.get_ref() {
            let name: &str = key.get_ref();
            let own = sub.get_name() == check.get_name();
            let only_check = check
                .get_arguments()
                .any(|arg| arg.get_long() == Some(name) && arg.get_env().is_some());
            let Some(arg) = known
                .iter()
                .find(|arg| arg.get_long() == Some(name) && (own || arg.get_env().is_some()))
            else {
                if only_check {
                    continue;
                }
                return Err(self.unknown(name, key.span(), &known));
            };
            let args = arguments(arg, name, value.get_ref()).map_err(|expected| {
                self.refuse(&format!("{name} must be {expected}"), value.span(), None)
            })?;
            entries.push(Entry {
                name: name.to_owned(),
                span: key.span().start..value.span().end,
                args,
            });
        }
        entries.sort_by_key(|entry| entry.span.start);
        Ok(entries)
    }

    fn unknown(&self, name: &str, span: Range<usize>, known: &[&Arg]) -> Stop {
        if name == "reference" {
            let help =
                "only the command line can ask for it, so that no other run tests it by accident";
            return self.refuse("reference cannot be set in a file", span, Some(help));
        }
        let names = known.iter().filter_map(|arg| arg.get_long());
        let help = did_you_mean(&near(&name.replace('_', "-"), names));
        self.refuse(&format!("unknown option {name}"), span, help.as_deref())
    }
}

/// One entry as arguments, or what it must be.
fn arguments(arg: &Arg, name: &str, value: &DeValue<'_>) -> Result<Vec<OsString>, &'static str> {
    let flag = || OsString::from(format!("--{name}"));
    let with = |text: String| OsString::from(format!("--{name}={text}"));
    match (arg.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(on)) => {
            Ok(if *on { vec![flag()] } else { Vec::new() })
        }
        (ArgAction::SetTrue, _) => Err("true or false"),
        (ArgAction::Count, DeValue::Integer(count)) => {
            let count = usize::from_str_radix(count.as_str(), count.radix())
                .map_err(|_| "a small number")?;
            Ok(vec![flag(); count.min(9)])
        }
        (ArgAction::Count, _) => Err("a number"),
        (ArgAction::Append, DeValue::Array(values)) => values
            .iter()
            .map(|value| scalar(value.get_ref()).map(with))
            .collect(),
        (ArgAction::Append, DeValue::Table(members)) => members
            .iter()
            .map(|(key, value)| pair(name, key.get_ref(), value.get_ref()).map(with))
            .collect(),
        (_, value) => Ok(vec![with(scalar(value)?)]),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(on) => Ok(on.to_string()),
        _ => Err("a string or a number"),
    }
}

/// `[header] Name = "value"`, `[report] json = "out.json"`, `[var] user = 7`, `[secret] token = "env:TOKEN"`.
fn pair(name: &str, key: &str, value: &DeValue<'_>) -> Result<String, &'static str> {
    match (name, value) {
        ("header", DeValue::String(text)) => Ok(format!("{key}: {text}")),
        ("report" | "secret", DeValue::String(text)) => Ok(format!("{key}={text}")),
        ("var", DeValue::String(text)) => {
            Ok(format!("{key}={}", serde_json::Value::from(text.as_ref())))
        }
        ("var", DeValue::Array(_) | DeValue::Table(_)) => {
            Err("simple values; for lists and objects use var = ['name=[1, 2]']")
        }
        ("var", value) => Ok(format!("{key}={}", scalar(value)?)),
        _ => Err("a list of strings"),
    }
}

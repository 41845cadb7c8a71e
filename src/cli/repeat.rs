//! What a report says of the options of its run: a map for programs, words for a shell. Neither
//! shows a secret.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use super::values::is_secret_header;
use crate::event::shell::quote;

/// Options that change nothing about what a scenario comes to, or that stand elsewhere.
const LEFT_OUT: [&str; 16] = [
    "target",
    "reference",
    "password",
    "filter",
    "shard",
    "write-known-failing",
    "seed",
    "config",
    "format",
    "report",
    "label",
    "color",
    "verbose",
    "quiet",
    "help",
    "version",
];

/// The options of a run that are not at their default.
pub(crate) struct Given {
    /// For the report's member `options`.
    pub(crate) map: Map<String, Value>,
    /// For [`crate::event::RunHeader::repeat_args`], without the target.
    pub(crate) words: Vec<String>,
}

/// Reads them off the parsed line. `password_typed`: the password stood on the command line.
pub(crate) fn given(sub: &Command, matches: &ArgMatches, password_typed: bool) -> Given {
    let mut given = Given {
        map: Map::new(),
        words: Vec::new(),
    };
    for arg in sub.get_arguments() {
        let Some(long) = arg.get_long().filter(|long| !LEFT_OUT.contains(long)) else {
            continue;
        };
        let values = values(arg, matches);
        if values.is_empty() {
            continue;
        }
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            given.map.insert(long.to_owned(), Value::Bool(true));
            given.words.push(format!("--{long}"));
            continue;
        }
        let shown: Vec<String> = values
            .into_iter()
            .map(|value| {
                if long == "header" {
                    without_secret(&value)
                } else {
                    value
                }
            })
            .collect();
        for value in &shown {
            given.words.push(format!("--{long}"));
            given.words.push(quote(value).into_owned());
        }
        let repeated = matches!(arg.get_action(), ArgAction::Append);
        given.map.insert(
            long.to_owned(),
            if repeated {
                Value::from(shown)
            } else {
                Value::from(shown.concat())
            },
        );
    }
    // Selecting one scenario makes the selection of the run pointless, but not the map incomplete.
    if let Some(filters) = matches.get_many::<String>("filter") {
        given.map.insert(
            "filter".to_owned(),
            filters.cloned().collect::<Vec<_>>().into(),
        );
    }
    if let Some(shard) = matches.get_raw("shard").and_then(|mut raw| raw.next()) {
        let shard = shard.to_string_lossy().into_owned();
        given.map.insert("shard".to_owned(), shard.into());
    }
    if password_typed {
        given.words.push("--password".to_owned());
        given.words.push("\"$LITESPEC_PASSWORD\"".to_owned());
    }
    given
}

/// `-- CMD ARG..`, already quoted, the password as a variable.
pub(crate) fn tail(command: &[OsString], password: &str) -> Vec<String> {
    let word = |word: &OsString| {
        let word = word.to_string_lossy();
        if password.is_empty() || !word.contains(password) {
            return quote(&word).into_owned();
        }
        let pieces = word.split(password).map(|piece| match piece {
            "" => String::new(),
            piece => quote(piece).into_owned(),
        });
        pieces.collect::<Vec<_>>().join("\"$LITESPEC_PASSWORD\"")
    };
    let dashes = (!command.is_empty()).then(|| "--".to_owned());
    dashes.into_iter().chain(command.iter().map(word)).collect()
}

/// The option's values as typed, or none when it is at its default.
fn values(arg: &Arg, matches: &ArgMatches) -> Vec<String> {
    let id = arg.get_id().as_str();
    if !matches!(
        matches.value_source(id),
        Some(ValueSource::CommandLine | ValueSource::EnvVariable)
    ) {
        return Vec::new();
    }
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return if matches.get_flag(id) {
            vec![String::new()]
        } else {
            Vec::new()
        };
    }
    let values: Vec<String> = matches
        .get_raw(id)
        .into_iter()
        .flatten()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    let default: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    if values == default {
        Vec::new()
    } else {
        values
    }
}

/// A header as it was typed, unless its name says that its value is secret and the value was
/// typed out: then a variable stands for it.
fn without_secret(header: &str) -> String {
    let (name, value) = header.split_once(':').unwrap_or((header, ""));
    if !is_secret_header(name) || value.contains("${env:") {
        return header.to_owned();
    }
    let variable: String = name
        .trim()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    format!("{name}: ${{env:LITESPEC_{variable}}}")
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::*;
    use crate::cli::options::CheckArgs;

    fn of(line: &[&str]) -> Given {
        let command = CheckArgs::augment_args(Command::new("check"));
        let matches = command
            .clone()
            .get_matches_from([&["check"], line].concat());
        given(&command, &matches, line.contains(&"--password"))
    }

    #[test]
    fn only_what_is_not_at_its_default_is_repeated() {
        let given = of(&[
            "ws://x/",
            "--grace",
            "3s",
            "--jobs",
            "2",
            "--strict",
            "--filter",
            "a*",
            "--seed",
            "5",
            "--dialect",
            "text",
        ]);
        assert_eq!(given.words.join(" "), "--jobs 2 --strict");
        assert_eq!(
            Value::Object(given.map),
            serde_json::json!({"strict": true, "jobs": "2", "filter": ["a*"]})
        );
    }

    #[test]
    fn the_dialect_and_its_answers_are_repeated() {
        let line = [
            "ws://x/",
            "--dialect",
            "bidirectional",
            "--answer",
            "WHO \"me\"",
        ];
        let given = of(&line);
        assert_eq!(
            given.words.join(" "),
            "--dialect bidirectional --answer 'WHO \"me\"'"
        );
        let map = serde_json::json!({"dialect": "bidirectional", "answer": ["WHO \"me\""]});
        assert_eq!(Value::Object(given.map), map);
    }

    #[test]
    fn values_are_quoted_for_the_shell() {
        let given = of(&["ws://x/", "--request", "ECHO [\"it's\"]", "--var", "a=1"]);
        assert_eq!(
            given.words.join(" "),
            r#"--request 'ECHO ["it'\''s"]' --var 'a=1'"#
        );
    }

    #[test]
    fn secrets_become_variables_everywhere() {
        let given = of(&[
            "ws://x/",
            "--password",
            "hunter2",
            "-H",
            "Authorization: Bearer hunter2",
            "-H",
            "Cookie: ${env:JAR}",
            "-H",
            "Origin: http://a",
            "--secret",
            "s=env:S",
        ]);
        let words = given.words.join(" ");
        assert_eq!(
            words,
            "--header 'Authorization: ${env:LITESPEC_AUTHORIZATION}' --header 'Cookie: ${env:JAR}' \
             --header 'Origin: http://a' --secret 's=env:S' --password \"$LITESPEC_PASSWORD\""
        );
        let map = Value::Object(given.map).to_string();
        assert!(!map.contains("hunter2"), "{map}");
    }
}

//! What a run tells while it goes. Every report is a fold over these events, and JSON Lines is
//! nothing but them, one a line.

pub mod shell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome::{KnownEntry, Preflight, RuleResult, ScenarioResult, Summary, Triage};
use crate::scenario::library;

/// Who made the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `litespec`.
    pub name: String,
    /// The program's version.
    pub version: String,
}

impl Tool {
    /// This program.
    pub fn this() -> Tool {
        Tool {
            name: "litespec".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Which scenarios were at hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suite {
    /// The suite's version.
    pub version: String,
    /// A hash over ids and texts of the embedded scenarios, hexadecimal.
    pub hash: String,
}

impl Suite {
    /// The scenarios that are part of this program.
    pub fn embedded() -> Suite {
        Suite {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            hash: library::suite_hash().to_owned(),
        }
    }
}

/// What a run is about, known before anything is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Version of the report's shape.
    pub schema_version: u32,
    /// Who made it.
    pub tool: Tool,
    /// Which scenarios were at hand.
    pub suite: Suite,
    /// `server` or `client`: what the target is.
    pub role: String,
    /// The target's URL, query values left out; a client's command, its password left out, or the
    /// address at which it was awaited.
    pub target: String,
    /// A name the user gave the run.
    pub label: Option<String>,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// The seed of everything random.
    pub seed: u64,
    /// Options that are not at their default, secrets left out.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// The target and the options as they are typed into a shell, already quoted, secrets as
    /// variables: what stands between `litespec check` (or `check-client`) and the filter of a `repeat` command.
    #[serde(skip)]
    pub repeat_args: Vec<String>,
    /// In the same way, what stands behind the filter: `-- CMD ARG..`, where the run starts its
    /// target.
    #[serde(skip)]
    pub repeat_tail: Vec<String>,
}

impl RunHeader {
    /// The command that runs one scenario again (by its id, `#N` included), to be pasted into a
    /// POSIX shell. The preflight belongs to every run, so `preflight` needs no filter.
    pub fn repeat_command(&self, id: &str) -> String {
        let check = match self.role.as_str() {
            "client" => "check-client",
            _ => "check",
        };
        let mut words = vec!["litespec".to_owned(), check.to_owned()];
        words.extend(self.repeat_args.iter().cloned());
        if id != "preflight" {
            words.push("--filter".to_owned());
            words.push(shell::quote(&globset::escape(id)).into_owned());
        }
        words.push("--seed".to_owned());
        words.push(self.seed.to_string());
        words.extend(self.repeat_tail.iter().cloned());
        words.join(" ")
    }
}

/// Why a run could not judge the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All that was selected has been run or accounted for.
    Complete,
    /// Preflight ended it before HELLO: one line that says why. Exit 4.
    CouldNotRun(String),
    /// Preflight ended it after HELLO: the failure is a scenario result with id `preflight`.
    PreflightFailed(String),
    /// The user stopped it. Exit 130.
    Interrupted,
}

impl Ending {
    /// Whether the run shows what fails: it neither ended before there was anything to judge nor
    /// was stopped on its way.
    pub fn tells_failures(&self) -> bool {
        matches!(self, Ending::Complete | Ending::PreflightFailed(_))
    }
}

/// What happens in a run, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// The first event.
    RunStarted {
        /// What the run is about.
        #[serde(flatten)]
        header: RunHeader,
    },
    /// The preflight is done.
    PreflightFinished {
        /// What it found.
        preflight: Preflight,
        /// The target's heartbeat interval in milliseconds, where HELLO gave one.
        hb_interval_ms: Option<u64>,
        /// How long the longest wait will be, in milliseconds.
        longest_wait_ms: u64,
        /// How many scenarios will be run.
        planned: u32,
    },
    /// A scenario begins.
    ScenarioStarted {
        /// Its id.
        id: String,
    },
    /// A scenario's result stands.
    ScenarioFinished {
        /// What came of it.
        #[serde(flatten)]
        result: Box<ScenarioResult>,
    },
    /// A failed scenario, whose result stands already, was run again.
    ScenarioTriaged {
        /// Its id.
        id: String,
        /// What the repeats showed.
        triage: Triage,
    },
    /// The last event, also of an interrupted run.
    RunFinished {
        /// How it ended.
        ending: Ending,
        /// How long it took, in milliseconds.
        duration_ms: f64,
        /// What each rule comes to.
        rules: Vec<RuleResult>,
        /// The counts.
        summary: Summary,
        /// The entries of known-failing and known-flaky lists, and what the run showed of each.
        #[serde(default)]
        known: Vec<KnownEntry>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> RunHeader {
        RunHeader {
            schema_version: 1,
            tool: Tool {
                name: "litespec".to_owned(),
                version: "0.1.0".to_owned(),
            },
            suite: Suite {
                version: "0.1.0".to_owned(),
                hash: String::new(),
            },
            role: "server".to_owned(),
            target: "ws://127.0.0.1:9001/".to_owned(),
            label: None,
            started_at: String::new(),
            seed: 7,
            options: serde_json::Map::new(),
            repeat_args: vec![
                "ws://127.0.0.1:9001/".to_owned(),
                "--request".to_owned(),
                "'ECHO [1]'".to_owned(),
            ],
            repeat_tail: Vec::new(),
        }
    }

    #[test]
    fn the_command_that_repeats_names_target_options_scenario_and_seed() {
        assert_eq!(
            header().repeat_command("server/request/nonce#3"),
            "litespec check ws://127.0.0.1:9001/ --request 'ECHO [1]' --filter 'server/request/nonce#3' --seed 7"
        );
        assert_eq!(
            header().repeat_command("preflight"),
            "litespec check ws://127.0.0.1:9001/ --request 'ECHO [1]' --seed 7"
        );
    }

    #[test]
    fn an_id_with_glob_characters_means_itself() {
        let command = header().repeat_command("own/a[1]*");
        assert!(command.contains("--filter 'own/a[[]1[]][*]'"), "{command}");
    }
}

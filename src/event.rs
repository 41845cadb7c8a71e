//! What a run tells while it goes. Every report is a fold over these events, and JSON Lines is
//! nothing but them, one a line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome::{Preflight, RuleResult, ScenarioResult, Summary};

/// Who made the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `litespec`.
    pub name: String,
    /// The program's version.
    pub version: String,
}

/// Which scenarios were at hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suite {
    /// The suite's version.
    pub version: String,
    /// A hash over ids and texts of the embedded scenarios, hexadecimal.
    pub hash: String,
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
    /// The target's URL, query values left out.
    pub target: String,
    /// A name the user gave the run.
    pub label: Option<String>,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
    /// The seed of everything random.
    pub seed: u64,
    /// Options that are not at their default, secrets left out.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// The options as they are written on a command line, secrets as variables, for `repeat`.
    #[serde(skip)]
    pub repeat_args: Vec<String>,
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
    },
}

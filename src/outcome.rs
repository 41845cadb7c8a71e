//! What came of a run, as plain data: verdicts, failures, transcripts. The shapes are those of the
//! JSON report, which serialises them as they are.

mod known;
mod triage;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::rules::Level;

pub use known::{Expected, ExpectedStatus, KnownEntry, KnownStatus, List};
pub use triage::{Triage, TriageAttempt, TriageLabel};

/// What a scenario or a rule comes to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything asked for was seen.
    Pass,
    /// Open by the text: what was observed is recorded.
    Info,
    /// Not run: the target declared that it lacks what this needs, or the wait would be too long.
    Skip,
    /// No judgement: we were late, a prerequisite failed or the control did not pass.
    Inconclusive,
    /// A "should" is broken.
    Warn,
    /// Ours: the scenario could not be run.
    Error,
    /// A "must" is broken.
    Fail,
}

/// One line of a scenario that did not hold, or one finding of the watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The rule's id.
    pub rule: String,
    /// The rule in one sentence.
    pub sentence: String,
    /// What was expected, in the scenario's own words.
    pub expected: String,
    /// What was seen.
    pub actual: String,
    /// What may help, where something does.
    pub hint: Option<String>,
    /// `embedded`, `file` or `stdin`.
    pub source: String,
    /// The scenario's file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The line's text.
    pub quote: String,
    /// The command that runs it again.
    pub repeat: String,
    /// The last lines that a target which the run started wrote on standard error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_output: Vec<String>,
}

/// Which way an entry of the transcript went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Dir {
    /// We sent it.
    #[serde(rename = ">")]
    Sent,
    /// We received it.
    #[serde(rename = "<")]
    Received,
}

/// What an entry of the transcript is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A text message.
    Text,
    /// A binary message; `text` is hexadecimal.
    Binary,
    /// A WebSocket PING.
    Ping,
    /// A WebSocket PONG.
    Pong,
    /// A close frame; `text` is its code and reason.
    Close,
    /// Bytes below WebSocket, or a frame that breaks RFC 6455; `text` is hexadecimal or says what is wrong.
    Raw,
    /// The connection was opened.
    Connect,
    /// The stream ended.
    Eof,
    /// The connection was reset or failed; `text` says how.
    Reset,
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Milliseconds since the scenario began.
    pub at_ms: f64,
    /// The connection's name.
    pub conn: String,
    /// Which way it went.
    pub dir: Dir,
    /// What it is.
    pub kind: EntryKind,
    /// What it says: our own sends as the scenario wrote them, long ones cut with a note.
    pub text: String,
    /// The harness did it unasked (a pong, a close echo, a background heartbeat).
    pub auto: bool,
}

/// What came of one scenario, or of the watch for one rule (id `watch/<rule>`), or of the
/// preflight (id `preflight`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioResult {
    /// Public id, with `#N` behind it where `each` made several.
    pub id: String,
    /// The scenario's title.
    pub title: String,
    /// The rules it is about.
    pub rules: Vec<String>,
    /// Level of the failed rule, else of the first.
    pub level: Level,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, where the verdict is neither pass nor fail.
    pub reason: Option<String>,
    /// The scenario or declaration whose failure keeps this one from running.
    pub blocked_by: Option<String>,
    /// What a list of known failures or flaky scenarios says of it.
    pub expected: Option<Expected>,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// How often it was run.
    pub attempts: u32,
    /// What running a failure again showed.
    pub triage: Option<Triage>,
    /// Open rules: what the target did; times in members that end in `_ms`.
    pub observed: Option<serde_json::Value>,
    /// Timing estimates and other notes, one line each ("closed at 1.03 hb").
    pub notes: Vec<String>,
    /// What did not hold.
    pub failure: Option<Failure>,
    /// What went over the wire.
    pub transcript: Vec<Entry>,
}

impl ScenarioResult {
    /// Whether it makes the run fail by its own verdict: it failed, and no list excuses that.
    pub fn fails(&self) -> bool {
        self.verdict == Verdict::Fail && !self.excused()
    }

    /// Whether a list excuses its failure or warning.
    pub fn excused(&self) -> bool {
        matches!(self.verdict, Verdict::Fail | Verdict::Warn)
            && self.expected.as_ref().is_some_and(|expected| {
                matches!(
                    expected.status,
                    ExpectedStatus::ExpectedFail | ExpectedStatus::Flaky
                )
            })
    }

    /// Whether a list says that it would fail, and it passed.
    pub fn passes_unexpectedly(&self) -> bool {
        self.expected
            .as_ref()
            .is_some_and(|expected| expected.status == ExpectedStatus::UnexpectedPass)
    }
}

/// What a rule comes to over all scenarios about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleResult {
    /// The rule's id.
    pub id: String,
    /// Its level.
    pub level: Level,
    /// The worst verdict that judged it; `skip` or `inconclusive` where nothing did.
    pub verdict: Verdict,
    /// Ids of the scenarios about it.
    pub scenarios: Vec<String>,
}

/// How many of each verdict, and what stayed unjudged. Every result is counted once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Scenarios that passed.
    pub pass: u32,
    /// Scenarios that failed.
    pub fail: u32,
    /// Scenarios with a warning.
    pub warn: u32,
    /// Scenarios that only record.
    pub info: u32,
    /// Scenarios that were not run.
    pub skip: u32,
    /// Scenarios without a judgement.
    pub inconclusive: u32,
    /// Scenarios that could not be run.
    pub error: u32,
    /// Failures and warnings that a list of known failures or flaky scenarios excuses.
    pub expected_fail: u32,
    /// Passes of what a known-failing list expects to fail.
    pub unexpected_pass: u32,
    /// Entries of a known-failing list that fit nothing of what they name, all of it judged.
    #[serde(default)]
    pub stale: u32,
    /// Must rules of the selection that nothing judged.
    pub untested: Vec<String>,
    /// Must rules of the selection that nothing judged, and that need not be: the target declared
    /// that it lacks what they are about, or the user allowed it.
    #[serde(default)]
    pub untested_allowed: Vec<String>,
}

impl Summary {
    /// Counts a result.
    pub fn count(&mut self, result: &ScenarioResult) {
        let counter = match result.verdict {
            _ if result.excused() => &mut self.expected_fail,
            _ if result.passes_unexpectedly() => &mut self.unexpected_pass,
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Warn => &mut self.warn,
            Verdict::Info => &mut self.info,
            Verdict::Skip => &mut self.skip,
            Verdict::Inconclusive => &mut self.inconclusive,
            Verdict::Error => &mut self.error,
        };
        *counter = counter.saturating_add(1);
    }
}

/// One step of the preflight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PreflightStep {
    /// `connect`, `upgrade`, `hello`, `auth`, `heartbeat`, `request`.
    pub step: String,
    /// Whether it went well.
    pub ok: bool,
    /// What was found, in a few words.
    pub detail: String,
    /// When it was done, in milliseconds since the preflight began.
    pub at_ms: f64,
}

/// What the preflight found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preflight {
    /// Whether the suite can run.
    pub ok: bool,
    /// The steps taken, in order.
    pub steps: Vec<PreflightStep>,
    /// The last lines of a target that the run has started, where it could not be run.
    #[serde(default)]
    pub target_output: Vec<String>,
}

#[cfg(test)]
mod tests;

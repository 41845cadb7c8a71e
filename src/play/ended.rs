//! What came of playing a scenario.

use std::sync::Arc;

use crate::oracle::Breach;
use crate::outcome::Entry;
use crate::protocol::rules::Level;
use crate::scenario::syntax::{Source, Span};

/// A line of a scenario, for quoting.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The file.
    pub source: Arc<Source>,
    /// The line in it.
    pub span: Span,
}

/// A line that did not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// The rule the line is about.
    pub rule: String,
    /// How binding what is broken is; a rule's own level unless the line names its weaker part.
    pub level: Level,
    /// What the line asks for.
    pub expected: String,
    /// What was seen; secrets already left out.
    pub actual: String,
    /// What may help.
    pub hint: Option<String>,
    /// The line.
    pub place: Place,
}

/// How a scenario ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// Every line held.
    Passed,
    /// A line did not.
    Failed(Box<Broken>),
    /// The handshake before the scenario's own lines did not succeed.
    Prerequisite(Box<Broken>),
    /// The target could not be reached any more; the runner finds out whether it is dead.
    Unreachable(Box<Broken>),
    /// No judgement. `timing`: because somebody was late, so that another try may help.
    Inconclusive {
        /// Why, as a fragment.
        reason: String,
        /// Whether it is tried again.
        timing: bool,
    },
    /// What the scenario bends does not bend here, or the target lacks what it needs.
    Skipped(String),
    /// Ours: it could not be carried out.
    Error(String),
}

/// Everything that came of playing a scenario.
#[derive(Clone, Debug)]
pub struct Played {
    /// How it ended.
    pub ended: Ended,
    /// What the watch found, with the line that was being carried out.
    pub breaches: Vec<(Breach, Place)>,
    /// What a probe saw.
    pub observed: Option<serde_json::Value>,
    /// Timing estimates and the like, one line each.
    pub notes: Vec<String>,
    /// How long a client waited before each of its reconnections, in order.
    pub waits: Vec<std::time::Duration>,
    /// What went over the wire.
    pub transcript: Vec<Entry>,
    /// The last lines that the target wrote, where it was started for this scenario alone.
    pub target_output: Vec<String>,
    /// Rules of marked lines that held.
    pub held: Vec<String>,
    /// How long it took.
    pub took: std::time::Duration,
}

impl Ended {
    /// How it ended, as a fragment.
    pub fn in_words(&self) -> String {
        match self {
            Ended::Passed => "passed".to_owned(),
            Ended::Failed(broken) | Ended::Prerequisite(broken) | Ended::Unreachable(broken) => {
                broken.actual.clone()
            }
            Ended::Inconclusive { reason, .. } | Ended::Skipped(reason) | Ended::Error(reason) => {
                reason.clone()
            }
        }
    }
}

impl Played {
    /// Nothing was played, for this reason.
    pub(crate) fn not_played(ended: Ended) -> Played {
        Played {
            ended,
            breaches: Vec::new(),
            observed: None,
            notes: Vec::new(),
            waits: Vec::new(),
            transcript: Vec::new(),
            target_output: Vec::new(),
            held: Vec::new(),
            took: std::time::Duration::ZERO,
        }
    }
}

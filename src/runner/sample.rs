//! Results, failures and entries of lists, as the tests of this floor share them.

use super::{Known, known_glob};
use crate::outcome::{Dir, Entry, EntryKind, Failure, ScenarioResult, Verdict};
use crate::protocol::rules::Level;

/// A result about a rule; one that is a failure or a warning breaks it.
pub(super) fn result(id: &str, rule: &str, verdict: Verdict) -> ScenarioResult {
    let breaks = matches!(verdict, Verdict::Fail | Verdict::Warn);
    ScenarioResult {
        id: id.to_owned(),
        title: String::new(),
        rules: vec![rule.to_owned()],
        level: Level::Must,
        verdict,
        reason: None,
        blocked_by: None,
        expected: None,
        duration_ms: 0.0,
        attempts: 1,
        triage: None,
        observed: None,
        notes: Vec::new(),
        failure: breaks.then(|| failure(rule)),
        transcript: vec![entry()],
    }
}

/// A failure: `close 4001` was expected, `close 1011 "oops"` came.
pub(super) fn failure(rule: &str) -> Failure {
    Failure {
        rule: rule.to_owned(),
        sentence: String::new(),
        expected: "close 4001".to_owned(),
        actual: "close 1011 \"oops\"".to_owned(),
        hint: None,
        source: "embedded".to_owned(),
        file: "x.scenario".to_owned(),
        line: 1,
        column: 1,
        quote: String::new(),
        repeat: String::new(),
        target_output: Vec::new(),
    }
}

/// A line of a transcript.
pub(super) fn entry() -> Entry {
    Entry {
        at_ms: 1.0,
        conn: "a".to_owned(),
        dir: Dir::Sent,
        kind: EntryKind::Ping,
        text: String::new(),
        auto: false,
    }
}

/// An entry of a list, in line 7 of `known.toml`, for failures of a rule.
pub(super) fn known(id: &str, rule: &str) -> Known {
    Known {
        id: id.to_owned(),
        rule: rule.to_owned(),
        text: None,
        reason: "told upstream".to_owned(),
        expires: Some("2027-01-31".to_owned()),
        expired: false,
        file: "known.toml".to_owned(),
        line: 7,
        glob: known_glob(id).expect("a glob"),
    }
}

//! Reads one side of a comparison: a JSON report, JSON Lines, or a profile.

use serde::Deserialize;
use thiserror::Error;

use super::{Seen, Side};
use crate::event::Suite;
use crate::outcome::{ScenarioResult, Verdict};
use crate::report::profile::Profile;
use crate::report::{Record, rebuild};

/// The version of reports and profiles that is read.
const VERSION: u64 = 1;

/// Why a file is no side of a comparison.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Neither a JSON object nor JSON Lines.
    #[error("not JSON: {0}")]
    NotJson(serde_json::Error),
    /// JSON, but nothing that litespec wrote.
    #[error("neither a report nor a profile of litespec's: {0}")]
    Foreign(String),
    /// Made by a newer litespec.
    #[error("schema version {0}, and this litespec reads version {VERSION}")]
    Version(u64),
    /// Events that are none.
    #[error(transparent)]
    Events(#[from] crate::report::jsonl::RebuildError),
}

#[derive(Deserialize)]
struct Report {
    role: String,
    target: String,
    label: Option<String>,
    suite: Suite,
    scenarios: Vec<ScenarioResult>,
}

/// Reads a report (`json` or `jsonl`) or a profile.
///
/// # Errors
/// The text is none of them.
pub fn read(text: &str) -> Result<Side, ReadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value: serde_json::Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(_) if first_line_is_an_event(text) => {
            return Ok(of_record(&rebuild(text.as_bytes())?));
        }
        Err(error) => return Err(ReadError::NotJson(error)),
    };
    if value.get("event").is_some() {
        return Ok(of_record(&rebuild(text.as_bytes())?));
    }
    match value
        .get("schema_version")
        .and_then(serde_json::Value::as_u64)
    {
        Some(VERSION) => {}
        Some(version) => return Err(ReadError::Version(version)),
        None => return Err(ReadError::Foreign("no schema_version".to_owned())),
    }
    let foreign = |error: serde_json::Error| ReadError::Foreign(error.to_string());
    if value.get("points").is_some() {
        serde_json::from_value(value)
            .map(of_profile)
            .map_err(foreign)
    } else {
        serde_json::from_value(value)
            .map(of_report)
            .map_err(foreign)
    }
}

fn first_line_is_an_event(text: &str) -> bool {
    text.lines()
        .next()
        .and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .is_some_and(|value| value.get("event").is_some())
}

fn of_report(report: Report) -> Side {
    Side {
        name: report.label.unwrap_or(report.target),
        role: report.role,
        suite: report.suite.hash,
        judged: true,
        results: report.scenarios.into_iter().map(seen).collect(),
    }
}

fn of_record(record: &Record) -> Side {
    let header = &record.header;
    Side {
        name: header
            .label
            .clone()
            .unwrap_or_else(|| header.target.clone()),
        role: header.role.clone(),
        suite: header.suite.hash.clone(),
        judged: true,
        results: record.results.iter().cloned().map(seen).collect(),
    }
}

fn of_profile(profile: Profile) -> Side {
    let seen = |point: crate::report::profile::Point| {
        let verdict = if point.observed.is_some() {
            Verdict::Info
        } else {
            Verdict::Skip
        };
        let seen = Seen {
            verdict,
            known: false,
            failure: None,
            reason: point.reason,
            observed: point.observed,
        };
        (point.scenario, seen)
    };
    Side {
        name: profile.label.unwrap_or(profile.target),
        role: profile.role,
        suite: profile.suite.hash,
        judged: false,
        results: profile.points.into_iter().map(seen).collect(),
    }
}

fn seen(result: ScenarioResult) -> (String, Seen) {
    let known = result.excused();
    let failure = result
        .failure
        .map(|failure| (failure.rule, failure.expected, failure.actual));
    let seen = Seen {
        verdict: result.verdict,
        known,
        failure,
        reason: result.reason,
        observed: result.observed,
    };
    (result.id, seen)
}

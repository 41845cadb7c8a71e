//! The profile of an implementation: what it does where the protocol's text leaves a choice.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::escape::{self, terminal};
use super::markdown;
use super::observed::words;
use super::record::Record;
use crate::event::{Suite, Tool};
use crate::outcome::{ScenarioResult, Verdict};
use crate::protocol::rules;
use crate::scenario::{library, print};

/// What one implementation does about every open point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// Version of this shape: 1.
    pub schema_version: u32,
    /// `profile`, which tells it from a report.
    pub kind: String,
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
    /// When it was made, RFC 3339 in UTC.
    pub started_at: String,
    /// The target's heartbeat interval in milliseconds, where HELLO gave one.
    pub hb_interval_ms: Option<u64>,
    /// The open points, in the order of their probes' ids.
    pub points: Vec<Point>,
}

/// What one probe saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The open rule.
    pub rule: String,
    /// The probe's id.
    pub scenario: String,
    /// The probe's title.
    pub title: String,
    /// Where a probe runs once a value: the value, as the scenario spells it.
    pub with: Option<String>,
    /// What was observed; times in members that end in `_ms`.
    pub observed: Option<serde_json::Value>,
    /// Why nothing was, where that is so.
    pub reason: Option<String>,
}

/// The profile in a run's record.
pub fn profile(record: &Record) -> Profile {
    let header = &record.header;
    Profile {
        schema_version: header.schema_version,
        kind: "profile".to_owned(),
        tool: header.tool.clone(),
        suite: header.suite.clone(),
        role: header.role.clone(),
        target: header.target.clone(),
        label: header.label.clone(),
        started_at: header.started_at.clone(),
        hb_interval_ms: record.hb_interval_ms,
        points: record.results.iter().filter_map(point).collect(),
    }
}

fn point(result: &ScenarioResult) -> Option<Point> {
    let rule = result.rules.first().filter(|rule| is_open(rule))?;
    Some(Point {
        rule: rule.clone(),
        scenario: result.id.clone(),
        title: result.title.clone(),
        with: with(&result.id),
        observed: result.observed.clone(),
        reason: match result.verdict {
            Verdict::Info => None,
            _ => result.reason.clone().or_else(|| {
                result
                    .failure
                    .as_ref()
                    .map(|failure| failure.actual.clone())
            }),
        },
    })
}

fn is_open(rule: &str) -> bool {
    rules::find(rule).is_some_and(|rule| rule.level == rules::Level::Open)
}

/// The value that an embedded scenario's run `id#N` stands for: `$n = 1e400`.
pub(super) fn with(id: &str) -> Option<String> {
    let (base, number) = id.rsplit_once('#')?;
    let number: usize = number.parse().ok()?;
    let each = library::find(base)?.header.each.as_ref()?;
    let value = each.values.as_ref()?.get(number.checked_sub(1)?)?;
    Some(format!(
        "${} = {}",
        each.name,
        print::template(&value.value)
    ))
}

impl Profile {
    /// As indented JSON with a newline at its end, fit for a terminal.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(escape::json(text))
    }

    /// What came of it, in one line.
    pub fn headline(&self) -> String {
        format!("PROFILE  {}", self.summary())
    }

    /// For people: a line a probe, below the open point it is about.
    pub fn human(&self) -> String {
        let mut out = self.headline() + "\n";
        let mut rule = "";
        for point in &self.points {
            if point.rule != rule {
                rule = &point.rule;
                let sentence = rules::find(rule).map_or("", |rule| rule.sentence);
                let _ = writeln!(out, "\n{}  {}", terminal(rule), sentence);
            }
            let _ = writeln!(out, "  {}  {}", terminal(&point.name()), point.said());
        }
        out
    }

    /// A table for a page.
    pub fn markdown(&self) -> String {
        let mut out = format!("# Profile of {}\n\n", markdown::code(&self.name()));
        let _ = writeln!(out, "{}\n", markdown::text(&self.summary()));
        out.push_str("| open point | probe | observed |\n|---|---|---|\n");
        for point in &self.points {
            let _ = writeln!(
                out,
                "| {} | {} | {} |",
                markdown::code(&point.rule),
                markdown::code(&point.name()),
                markdown::code(&point.said())
            );
        }
        out
    }

    /// How the user calls it.
    fn name(&self) -> String {
        self.label.clone().unwrap_or_else(|| self.target.clone())
    }

    fn summary(&self) -> String {
        let seen = self.points.iter().filter(|p| p.observed.is_some()).count();
        let interval = self
            .hb_interval_ms
            .map(|ms| format!(", hb_interval {ms} ms"))
            .unwrap_or_default();
        format!(
            "{}  {seen} of {} probes recorded{interval}",
            terminal(&self.name()),
            self.points.len()
        )
    }
}

impl Point {
    /// The probe's last name, with its value.
    pub(super) fn name(&self) -> String {
        let name = self.scenario.rsplit('/').next().unwrap_or(&self.scenario);
        match &self.with {
            Some(with) => format!("{name} ({with})"),
            None => name.to_owned(),
        }
    }

    fn said(&self) -> String {
        let said = match (&self.observed, &self.reason) {
            (Some(observed), _) => words(observed),
            (None, Some(reason)) => format!("not recorded: {reason}"),
            (None, None) => "not recorded".to_owned(),
        };
        terminal(&said).into_owned()
    }
}

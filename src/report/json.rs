//! The JSON report: one object a run. Its shape is public; `litespec list schema` prints its schema.

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::{Ending, Suite, Tool};
use crate::outcome::{KnownEntry, Preflight, RuleResult, ScenarioResult, Summary};

use super::escape;
use super::record::Record;

/// The report of one run.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "litespec report", extend("$id" = "litespec-report-1"))]
pub struct Report {
    /// Version of this shape: 1.
    pub schema_version: u32,
    /// Who made the report.
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
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
    /// The target's heartbeat interval in milliseconds, where HELLO gave one.
    pub hb_interval_ms: Option<u64>,
    /// The seed of everything random.
    pub seed: u64,
    /// Options that are not at their default, secrets left out.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// What the preflight found.
    pub preflight: Preflight,
    /// How the run ended.
    pub ending: EndingReport,
    /// The counts.
    pub summary: Summary,
    /// The entries of known-failing and known-flaky lists, and what the run showed of each.
    pub known: Vec<KnownEntry>,
    /// What each rule comes to.
    pub rules: Vec<RuleResult>,
    /// What came of each scenario, sorted by id.
    pub scenarios: Vec<ScenarioResult>,
}

/// How a run ended.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EndingReport {
    /// Which way.
    pub kind: EndingKind,
    /// One line that says why, where the suite was not run.
    pub reason: Option<String>,
}

/// The ways a run can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndingKind {
    /// All that was selected has been run or accounted for.
    Complete,
    /// The target could not be reached or gave no HELLO.
    CouldNotRun,
    /// The target gave HELLO but failed the preflight.
    PreflightFailed,
    /// The run was stopped before its end.
    Interrupted,
}

/// The report of a run, finished or not.
pub fn report(record: &Record) -> Report {
    let header = &record.header;
    Report {
        schema_version: header.schema_version,
        tool: header.tool.clone(),
        suite: header.suite.clone(),
        role: header.role.clone(),
        target: header.target.clone(),
        label: header.label.clone(),
        started_at: header.started_at.clone(),
        duration_ms: micros(record.duration_ms),
        hb_interval_ms: record.hb_interval_ms,
        seed: header.seed,
        options: header.options.clone(),
        preflight: rounded_preflight(&record.preflight),
        ending: ending(&record.ending),
        summary: record.summary.clone(),
        known: record.known.clone(),
        rules: record.rules.clone(),
        scenarios: record.results.iter().map(rounded_result).collect(),
    }
}

/// The report as indented JSON text with a newline at its end, fit for a terminal.
pub fn render(record: &Record) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&report(record))?;
    text.push('\n');
    Ok(escape::json(text))
}

/// The JSON Schema (2020-12) of [`Report`].
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Report>()
}

fn ending(ending: &Ending) -> EndingReport {
    match ending {
        Ending::Complete => EndingReport {
            kind: EndingKind::Complete,
            reason: None,
        },
        Ending::CouldNotRun(why) => EndingReport {
            kind: EndingKind::CouldNotRun,
            reason: Some(why.clone()),
        },
        Ending::PreflightFailed(why) => EndingReport {
            kind: EndingKind::PreflightFailed,
            reason: Some(why.clone()),
        },
        Ending::Interrupted => EndingReport {
            kind: EndingKind::Interrupted,
            reason: None,
        },
    }
}

/// Milliseconds to the microsecond: more digits are noise of the clock.
fn micros(ms: f64) -> f64 {
    (ms * 1000.0).round() / 1000.0
}

fn rounded_preflight(preflight: &Preflight) -> Preflight {
    let mut preflight = preflight.clone();
    for step in &mut preflight.steps {
        step.at_ms = micros(step.at_ms);
    }
    preflight
}

fn rounded_result(result: &ScenarioResult) -> ScenarioResult {
    let mut result = result.clone();
    result.duration_ms = micros(result.duration_ms);
    for attempt in result.triage.iter_mut().flat_map(|t| &mut t.attempts) {
        attempt.duration_ms = micros(attempt.duration_ms);
    }
    for entry in &mut result.transcript {
        entry.at_ms = micros(entry.at_ms);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn snapshot(name: &str, text: &str) {
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
            prepend_module_to_snapshot => false,
        }, { insta::assert_snapshot!(name, text) });
    }

    #[test]
    fn a_failing_run_is_one_object_in_the_published_order() {
        snapshot("report_json_failing", &render(&sample::failing()).unwrap());
    }

    #[test]
    fn lists_and_repeats_have_their_members() {
        snapshot("report_json_known", &render(&sample::with_lists()).unwrap());
    }

    #[test]
    fn a_run_that_could_not_start_still_has_a_whole_report() {
        snapshot(
            "report_json_could_not_run",
            &render(&sample::could_not_run()).unwrap(),
        );
    }

    #[test]
    fn members_named_in_the_contract_come_first_to_last() {
        let text = render(&sample::failing()).unwrap();
        let contract = [
            "schema_version",
            "tool",
            "suite",
            "role",
            "target",
            "label",
            "started_at",
            "duration_ms",
            "hb_interval_ms",
            "seed",
            "options",
            "preflight",
            "summary",
            "rules",
            "scenarios",
        ];
        let places: Vec<usize> = contract
            .iter()
            .map(|name| {
                text.find(&format!("\n  \"{name}\": "))
                    .unwrap_or_else(|| panic!("{name}"))
            })
            .collect();
        assert!(places.is_sorted(), "{places:?}");
        let scenario = &text[text.find("\"scenarios\": [\n    {").unwrap()..];
        let contract = [
            "id",
            "title",
            "rules",
            "level",
            "verdict",
            "reason",
            "expected",
            "duration_ms",
            "attempts",
            "triage",
            "observed",
            "failure",
            "transcript",
        ];
        let places: Vec<usize> = contract
            .iter()
            .map(|name| {
                scenario
                    .find(&format!("\n      \"{name}\": "))
                    .unwrap_or_else(|| panic!("{name}"))
            })
            .collect();
        assert!(places.is_sorted(), "{places:?}");
    }

    #[test]
    fn every_sample_is_valid_against_the_schema() {
        let schema = serde_json::to_value(schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for record in sample::all() {
            let value = serde_json::to_value(report(&record)).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|e| e.to_string())
                .collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
        let mut bent = serde_json::to_value(report(&sample::failing())).unwrap();
        bent["scenarios"][0]["verdict"] = "perhaps".into();
        assert!(
            !validator.is_valid(&bent),
            "the schema must be able to refuse"
        );
    }

    #[test]
    fn the_schema_is_the_published_one() {
        snapshot(
            "report_json_schema",
            &serde_json::to_string_pretty(&schema()).unwrap(),
        );
    }

    #[test]
    fn times_are_given_to_the_microsecond() {
        assert_eq!(micros(12.345_678_9), 12.346);
        assert_eq!(micros(0.1 + 0.2), 0.3);
    }
}
